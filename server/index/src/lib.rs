//! Storage of the index: one [`Store`] over a catalog, a lexical index and a vector index.
//!
//! The catalog (SQLite) is the truth; the lexical index (tantivy) and the vector files are caches stamped with the
//! catalog's generation, caught up or rebuilt on a mismatch. Each live version of a file owns a contiguous range of
//! *slots*, one per chunk, never used again until the index is renumbered; postings, vectors and bitmaps are addressed
//! by slot. Readers hold an [`IndexSnapshot`], which never changes.
//!
//! Invariant: nothing here parses source code, computes vectors or reads a user's file; texts come in through
//! [`FileUpdate`] and [`TextSource`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod catalog;
mod codec;
mod error;
mod files;
mod filter;
mod lexical;
mod memory;
mod quantised;
mod settings;
mod slots;
mod snapshot;
mod store;
mod update;
mod vectors;

pub use codec::{ChunkRef, FileReferences, Letters, NamedReference, SymbolRef};
pub use error::{Error, Result};
pub use lexical::{Bm25f, Field, LexicalHit, LexicalQuery, QueryTerm, tokenizer};
pub use memory::{Relief, resident};
pub use settings::{ModelStamp, StoreSettings};
pub use slots::SlotSet;
pub use snapshot::{FileEntry, IndexSnapshot, LexicalSearch, LocatedChunk, OverlayFile};
pub use store::{
    Access, ListedFile, Listing, MissingVectors, OpenReport, Owner, Store, StoreStatistics, VectorShare, Voice,
};
pub use update::{Batch, Content, FileFlags, FileStat, FileUpdate, Prepared, Stored, TextSource, VectorBlock};
pub use vectors::VectorHit;
