//! How analyses are stored: `heads` (chunks and symbols, read in place) and `references` (packed, read when asked).

mod bytes;
mod heads;
mod references;

pub use heads::{ChunkRef, Letters, SymbolRef};
pub(crate) use heads::{Heads, encode as encode_heads};
pub(crate) use references::encode as encode_references;
pub use references::{FileReferences, NamedReference};

use conexus_core::{Chunk, FileAnalysis, Language, Reference, Symbol};

/// The stored bytes do not follow the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Puts an analysis together again from its stored parts.
pub(crate) fn decode_analysis(language: Language, heads: &Heads, references: &FileReferences) -> FileAnalysis {
    FileAnalysis {
        language,
        symbols: heads.symbols().map(|symbol| symbol.to_symbol()).collect::<Vec<Symbol>>(),
        chunks: heads.chunks().map(|chunk| chunk.to_chunk()).collect::<Vec<Chunk>>(),
        references: references.iter().map(|named| named.reference).collect::<Vec<Reference>>(),
        notes: heads.notes().collect(),
    }
}

#[cfg(test)]
mod tests;
