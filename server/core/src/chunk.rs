//! Chunks: the spans that search answers with.

use crate::{Span, symbol::kinds};

kinds! {
    /// Why a chunk is cut where it is. The numbers are stored on disk and never reused.
    ChunkKind {
        /// A whole symbol; for a type: its head with the lines that belong to no member of its own chunk.
        Symbol = 1 "symbol",
        /// One piece of a symbol that is too large for one chunk, cut at a syntax boundary.
        Part = 2 "part",
        /// Code between symbols: imports, statements, comments.
        Gap = 3 "gap",
        /// A window of lines of a text without a grammar.
        Window = 4 "window",
    }
}

/// A span that a person would want as an answer. The chunks of a file are ordered by start and together touch every
/// line of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Whole lines of the file.
    pub span: Span,
    /// Why it is cut here.
    pub kind: ChunkKind,
    /// The symbol it is or belongs to, as an index into the symbols of the file.
    pub symbol: Option<u32>,
}
