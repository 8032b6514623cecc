//! The catalog: the truth about files, analyses and vectors, in one SQLite file.

mod load;
mod schema;
mod write;

pub(crate) use load::{FileRow, Reader, split_vectors};
pub(crate) use schema::{Catalog, FILE, Maker, State, maker};
pub(crate) use write::NewFile;
