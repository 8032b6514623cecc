//! Text in, symbols, chunks and references out: tree-sitter grammars, queries and the cutting of chunks.

mod languages;

pub use languages::{LanguageSpec, detect, language_named, languages};
