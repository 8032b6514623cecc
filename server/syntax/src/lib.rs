//! Text in, symbols, chunks and references out: tree-sitter grammars, queries and the cutting of chunks.
//!
//! The way of a text: `analyser` parses it, passing over macros that hide code (`hidden`) and over what the grammar
//! cannot read (`repair`); one walk over the tree
//! (`walk`) matches the patterns of the language's queries (`patterns`, `matching`) and collects raw facts (`facts`);
//! `symbols` nests them; `chunks` cuts the text. `languages` is the table of languages.
//!
//! Invariant: analysis never fails, never recurses over the tree, and its chunks touch every line of the text
//! (guarded by `tests/properties.rs`). It depends on the text and the language alone, never on the path.

mod analyser;
mod budget;
mod chunks;
mod facts;
mod grammar;
mod hidden;
mod languages;
mod markdown;
mod matching;
mod patterns;
mod remembered;
mod repair;
mod reuse;
mod symbols;
mod user_query;
mod walk;

pub use analyser::{Analyser, Limits};
pub use budget::GiveUp;
pub use grammar::has_grammar;
pub use languages::{CommentMarks, LanguageSpec, comment_marks, detect, language_named, languages};
pub use remembered::Remembered;
pub use user_query::{UserMatch, UserQuery, UserQueryError};

/// The version of analysis. It grows with every change that makes the analysis of some text differ, so that stored
/// analyses are made again.
pub const ANALYSER_VERSION: u32 = 10;
