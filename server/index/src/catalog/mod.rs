//! The catalog: the truth about files, analyses and vectors, in one SQLite file.

mod load;
mod schema;
mod write;

pub(crate) use load::{FileRow, Reader, split_vectors};
pub(crate) use schema::{Catalog, State};
pub(crate) use write::NewFile;
