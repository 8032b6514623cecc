//! Hidden parts of a text, each parsed by itself, and what the version before has to give.

use super::parsing::Source;
use super::{Analyser, walk_remembering};
use crate::budget::{GiveUp, Patience};
use crate::facts::Shift;
use crate::grammar::LoadedGrammar;
use crate::hidden::foreign_words;
use crate::languages::Hidden;
use crate::remembered::{Edit, HiddenPart, HiddenParts, Remembered};
use crate::reuse::{Earlier, Forget};
use crate::walk::{Base, begins_line, walk};
use conexus_core::{LineIndex, Span};
use conexus_faiss::arena::{TextParser, TextTree};
use tree_sitter::{Parser, Tree};

/// Most levels of macro invocations inside macro invocations that are parsed again.
const HIDDEN_LEVELS: usize = 8;

/// The version before, whose trees are told what changed since.
pub(super) struct Before {
    pub(super) remembered: Remembered,
    pub(super) edit: Edit,
}

impl Before {
    /// The version before `text`.
    pub(super) fn new(remembered: Remembered, text: &str) -> Self {
        let edit = Edit::between(&remembered.text, text);
        Self { remembered, edit }
    }

    /// The lines of the new text.
    pub(super) fn lines_of(&self, text: &str) -> LineIndex {
        let Edit { start, old_end, new_end } = self.edit;
        self.remembered.lines.spliced(Span { start, end: old_end }, text, new_end)
    }

    /// Tells the trees of the edit.
    pub(super) fn edit_trees(&mut self, text: &str, lines: &LineIndex) {
        if self.edit.is_empty() {
            return;
        }
        let edit = self.edit.for_tree((&self.remembered.text, &self.remembered.lines), (text, lines));
        if let Some(tree) = &mut self.remembered.tree {
            tree.edit(&edit);
        }
        for part in self.remembered.parts.values_mut() {
            part.tree.edit(&edit);
        }
    }

    /// The tree of the whole text.
    pub(super) fn tree(&self) -> Option<&Tree> {
        self.remembered.tree.as_ref()
    }

    /// The walk over the tree of the whole text.
    pub(super) fn main(&self) -> Option<Earlier<'_>> {
        let walked = self.remembered.main.as_ref()?;
        Some(Earlier { walked, text: &self.remembered.text, edit: self.edit })
    }
}

/// A part that is to be analysed.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) within: Span,
    depth: u32,
    row: u32,
}

impl Analyser {
    /// Parses token trees that hold items, and those inside them.
    pub(super) fn parse_hidden(
        &mut self,
        grammar: &'static LoadedGrammar,
        text: &str,
        lines: &LineIndex,
        parser: &mut impl TextParser,
    ) {
        let patience = Patience::of(GiveUp::NEVER);
        let mut source = Source::new(grammar, text, lines, self.limits.parse_time, &patience, parser);
        self.each_hidden(text, lines, |this, wanted| {
            let Some((tree, _)) = this.parse_hidden_part(&mut source, wanted.within, None) else { return false };
            let errors = this.facts.errors;
            walk(grammar, text, tree.root_node(), wanted.base(), &mut this.facts, &mut Forget);
            // Macros need not hold plain Rust; that is no error of the text.
            this.facts.errors = errors;
            true
        });
    }

    /// The same, as far as the version before cannot tell.
    pub(super) fn parse_hidden_again(
        &mut self,
        grammar: &'static LoadedGrammar,
        text: &str,
        lines: &LineIndex,
        mut before: Option<Before>,
        patience: &Patience<'_>,
        parser: &mut Parser,
    ) -> HiddenParts {
        let mut source = Source::new(grammar, text, lines, self.limits.parse_time, patience, parser);
        let mut parts = HiddenParts::new();
        self.each_hidden(text, lines, |this, wanted| {
            let Some(part) = this.hidden_part(&mut source, wanted, &mut before) else { return false };
            this.facts.take_over_all(&part.walked.facts);
            parts.insert(wanted.within.start, part);
            true
        });
        parts
    }

    /// Calls `analyse` for each part, also for those that turn up meanwhile, until it says that time is up.
    pub(super) fn each_hidden(
        &mut self,
        text: &str,
        lines: &LineIndex,
        mut analyse: impl FnMut(&mut Self, Wanted) -> bool,
    ) {
        let mut bytes = HIDDEN_LEVELS * text.len();
        let mut next = 0;
        while let Some(&(within, depth)) = self.facts.hidden.get(next) {
            next += 1;
            bytes = bytes.saturating_sub(within.len());
            if bytes == 0 || !analyse(self, Wanted { within, depth, row: lines.line_of(within.start) }) {
                return;
            }
        }
    }

    /// One part, from the version before if nothing in it changed.
    fn hidden_part(
        &mut self,
        source: &mut Source<'_, Parser>,
        wanted: Wanted,
        before: &mut Option<Before>,
    ) -> Option<HiddenPart> {
        let Wanted { within, depth, row } = wanted;
        let text = source.text;
        let begins_line = begins_line(within.start, text.as_bytes());
        let (edit, old_text, old) = match before {
            Some(Before { remembered, edit }) => {
                let old = edit.start_before(within.start).and_then(|start| remembered.parts.remove(&start));
                (Some(*edit), &*remembered.text, old.filter(|old| old.depth == depth && old.begins_line == begins_line))
            }
            None => (None, "", None),
        };
        let is_as_before = |old: &HiddenPart| {
            edit.and_then(|edit| edit.before(within)) == Some(old.within)
                && old.within.slice(old_text) == within.slice(text)
        };
        let old = match old {
            Some(mut part) if is_as_before(&part) => {
                part.walked.taken_over = part.walked.unit_count();
                part.walked.shift(Shift::between((part.within.start, part.row), (within.start, row)));
                return Some(HiddenPart { within, row, ..part });
            }
            old => old.filter(|old| old.is_whole),
        };
        let (tree, is_whole) = self.parse_hidden_part(source, within, old.as_ref().map(|old| &old.tree))?;
        let earlier = edit.zip(old.as_ref()).filter(|_| is_whole);
        let earlier = earlier.map(|(edit, old)| Earlier { walked: &old.walked, text: old_text, edit });
        let walked = walk_remembering(source.grammar, text, &tree, wanted.base(), earlier);
        Some(HiddenPart { depth, begins_line, within, row, tree, walked, is_whole })
    }

    /// The tree of a part, and whether it has all of it. `None` when the time is up.
    fn parse_hidden_part<P: TextParser>(
        &mut self,
        source: &mut Source<'_, P>,
        within: Span,
        old: Option<&P::Tree>,
    ) -> Option<(P::Tree, bool)> {
        let mut excluded = std::mem::take(&mut self.spans);
        excluded.clear();
        if source.grammar.rules.hidden == Hidden::TokenTrees {
            foreign_words(source.text, within, &mut excluded);
        }
        let tree = source.parse(within, &excluded, old);
        let is_whole = excluded.is_empty();
        self.spans = excluded;
        Some((tree?, is_whole))
    }
}

impl Wanted {
    pub(super) fn base(&self) -> Base {
        Base { depth: self.depth, row: Some(self.row) }
    }
}
