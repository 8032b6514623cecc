//! The pure vocabulary of Conexus: text positions, symbols, chunks, references, queries and hits.
//!
//! Invariant: no IO, no async, no serialisation and no heavy dependency in this crate (guarded by `cargo xtask tidy`).
//! Positions are byte offsets into one known text version; lines, columns and UTF-16 exist at the edges only.

mod analysis;
mod answer;
mod blob;
mod chunk;
mod language;
mod lines;
mod passage;
mod query;
mod reference;
pub mod runs;
mod span;
mod symbol;
pub mod vocabulary;
pub mod words;

pub use analysis::{FileAnalysis, Note};
pub use answer::{Answer, Contribution, Hit, Notice};
pub use blob::{BlobId, Generation};
pub use chunk::{Chunk, ChunkKind};
pub use language::Language;
pub use lines::LineIndex;
pub use passage::Passage;
pub use query::{Filter, Mode, Query, TestFilter, WorkContext};
pub use reference::{Reference, ReferenceKind};
pub use span::Span;
pub use symbol::{Symbol, SymbolKind, Visibility};
pub use vocabulary::{Vocabulary, Words};
