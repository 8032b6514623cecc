//! Lexical search: postings in tantivy for what is settled, in memory for what changed lately, one scorer over both.

mod delta;
mod directory;
mod disk;
mod document;
mod groups;
mod lookup;
mod postings;
mod query;
mod scorer;
mod segment;
pub mod tokenizer;
mod view;
mod writer;

pub(crate) use delta::DeltaPart;
pub(crate) use disk::{Disk, Stamp};
pub(crate) use groups::{Group, groups};
pub(crate) use postings::{Postings, Source};
pub use query::{Bm25f, LexicalHit, LexicalQuery, QueryTerm};
pub(crate) use scorer::Search;
pub(crate) use view::{Counts, LexicalView, part_lengths};
pub(crate) use writer::LexicalWriter;

/// The fields of a passage, in the order in which scores are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Field {
    /// The chunk's whole text.
    Body,
    /// Name of the symbol.
    Name,
    /// Names of the enclosing symbols.
    Container,
    /// Path of the file.
    Path,
    /// The definition without its body.
    Signature,
    /// Documentation.
    Doc,
}

impl Field {
    /// Every field in its order.
    pub const ALL: [Self; 6] = [Self::Body, Self::Name, Self::Container, Self::Path, Self::Signature, Self::Doc];

    /// Its name in the lexical index and in explanations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Name => "name",
            Self::Container => "container",
            Self::Path => "path",
            Self::Signature => "signature",
            Self::Doc => "doc",
        }
    }
}
