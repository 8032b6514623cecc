//! Context packs: what an assistant should read about a symbol, as Markdown within a budget of tokens.

mod render;
mod tokens;

use std::sync::atomic::AtomicBool;

use conexus_core::{Generation, Notice};

use crate::{RelationKind, RelationKinds, Result, Snapshot, SymbolHit, Target};
use render::Draft;

pub use tokens::estimate_tokens;

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

/// Relations of each kind that a pack considers.
const RELATIONS: usize = 20;

impl Snapshot {
    /// A pack about a target of at most `max_tokens` by [`estimate_tokens`]: the symbol with its documentation and text,
    /// then what it uses, who uses it, its tests and similar code, the most important first. A target that is not found
    /// is no error: the pack is empty and says [`Notice::NoMatch`].
    pub fn context_pack(&self, target: &Target, max_tokens: usize, cancel: &AtomicBool) -> Result<ContextPack> {
        let related = self.related(target, RelationKinds::ALL, RELATIONS, cancel)?;
        let mut pack = ContextPack {
            markdown: String::new(),
            tokens: 0,
            target: related.target.clone(),
            candidates: related.candidates.clone(),
            included: Vec::new(),
            left_out: Vec::new(),
            cut: false,
            generation: related.generation,
            notices: related.notices.clone(),
        };
        let Some(draft) = Draft::new(self, target, &related)? else { return Ok(pack) };
        let text = draft.fit(max_tokens);
        pack.tokens = estimate_tokens(&text.markdown);
        pack.markdown = text.markdown;
        pack.included = text.included;
        pack.left_out = text.left_out;
        pack.cut = text.cut;
        Ok(pack)
    }
}
