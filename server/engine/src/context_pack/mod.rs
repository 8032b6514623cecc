//! Context packs: what an assistant should read about a symbol, as Markdown within a budget of tokens.

use std::sync::atomic::AtomicBool;

use conexus_core::{Generation, Notice};

use crate::{RelationKind, Result, Snapshot, SymbolHit, Target};

/// One thing that a pack holds, or would hold if there were room.
#[derive(Clone, Debug, PartialEq)]
pub struct PackItem {
    /// How it is related; `None` for the target itself.
    pub kind: Option<RelationKind>,
    /// Workspace-relative path with `/`.
    pub path: Box<str>,
    /// First and last line, numbered from 0, inclusive.
    pub lines: (u32, u32),
    /// Name of the symbol.
    pub name: Box<str>,
    /// How much the relation is believed; 1 for the target.
    pub confidence: f32,
}

/// What an assistant should read about a target.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextPack {
    /// The text.
    pub markdown: String,
    /// Tokens of the text by [`estimate_tokens`]; at most what was asked for.
    pub tokens: usize,
    /// The symbol it is about; `None` for a file.
    pub target: Option<SymbolHit>,
    /// Other symbols that the target may have meant.
    pub candidates: Vec<SymbolHit>,
    /// What is in the text, in its order.
    pub included: Vec<PackItem>,
    /// What did not fit, the most important first.
    pub left_out: Vec<PackItem>,
    /// Whether the text of the target itself was cut.
    pub cut: bool,
    /// The state of the index it was read from.
    pub generation: Generation,
    /// What the reader must know.
    pub notices: Vec<Notice>,
}

/// How many tokens a text costs a language model, rather too many than too few.
pub fn estimate_tokens(text: &str) -> usize {
    text.len().div_ceil(3)
}

impl Snapshot {
    /// A pack about a target of at most `max_tokens` by [`estimate_tokens`]: the symbol with its documentation and text,
    /// then what it uses, who uses it, its tests and similar code, the most important first.
    pub fn context_pack(&self, target: &Target, max_tokens: usize, cancel: &AtomicBool) -> Result<ContextPack> {
        let _ = (target, max_tokens, cancel);
        Ok(ContextPack {
            markdown: String::new(),
            tokens: 0,
            target: None,
            candidates: Vec::new(),
            included: Vec::new(),
            left_out: Vec::new(),
            cut: false,
            generation: self.generation(),
            notices: vec![Notice::NoMatch],
        })
    }
}
