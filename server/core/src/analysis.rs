//! What syntax analysis knows about one text.

use crate::{Chunk, Language, Reference, Symbol};

/// What is worth saying about how a text was analysed. Analysis never fails; it says what it could not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// The parser ran out of its time; the text was cut into windows.
    TimedOut,
    /// The text is over the size limit of parsing; it was cut into windows.
    TooLarge,
    /// The syntax tree has this many error nodes.
    SyntaxErrors(u32),
    /// Parsing it ended a process; the text was cut into windows.
    SetAside,
    /// Nesting is deeper than analysis follows; what lies deeper is covered by chunks only.
    TooDeep,
}

/// Symbols, chunks and references of one text. It depends on the text and the language alone, never on the path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileAnalysis {
    /// The language it was analysed as.
    pub language: Language,
    /// Definitions ordered by start, an enclosing symbol before what it encloses.
    pub symbols: Vec<Symbol>,
    /// Chunks ordered by start; together they touch every line.
    pub chunks: Vec<Chunk>,
    /// Mentions ordered by start.
    pub references: Vec<Reference>,
    /// What could not be done.
    pub notes: Vec<Note>,
}

impl FileAnalysis {
    /// An analysis that knows nothing but its language: for an empty text.
    pub fn empty(language: Language) -> Self {
        Self { language, symbols: Vec::new(), chunks: Vec::new(), references: Vec::new(), notes: Vec::new() }
    }
}
