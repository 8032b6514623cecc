//! A text that was analysed, with what the analysis of its next version takes over.

use crate::reuse::Walked;
use conexus_core::{Language, LineIndex, Span};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tree_sitter::{InputEdit, Point, Tree};

/// An analysed text, its tree and what was found in it; see [`crate::Analyser::analyse_next`].
pub struct Remembered {
    pub(crate) language: Language,
    pub(crate) text: Arc<str>,
    pub(crate) lines: LineIndex,
    /// None when the text has no grammar or is over a limit.
    pub(crate) tree: Option<Tree>,
    /// None when the parser passed over parts of the text.
    pub(crate) main: Option<Walked>,
    pub(crate) parts: HiddenParts,
    pub(crate) incremental: bool,
    pub(crate) parse_time: Duration,
}

impl Remembered {
    /// The text.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// A text that has no tree, from which the next version takes over nothing.
    pub(crate) fn untreed(language: Language, text: Arc<str>, lines: LineIndex) -> Self {
        Self {
            language,
            text,
            lines,
            tree: None,
            main: None,
            parts: HiddenParts::new(),
            incremental: false,
            parse_time: Duration::ZERO,
        }
    }

    /// Whether the next version is parsed with the tree of this one.
    pub fn has_tree(&self) -> bool {
        self.tree.is_some()
    }

    /// Its lines.
    pub fn lines(&self) -> &LineIndex {
        &self.lines
    }

    /// Processor time that parsing this version took, to its end or until it was cut into windows.
    pub fn parse_time(&self) -> Duration {
        self.parse_time
    }

    /// How many of the larger nodes of its trees there are, and how many of them were taken over from the version before.
    pub fn taken_over(&self) -> (usize, usize) {
        let walks = self.main.iter().chain(self.parts.values().map(|part| &part.walked));
        walks.fold((0, 0), |(all, taken_over), walk| (all + walk.unit_count(), taken_over + walk.taken_over))
    }

    /// Whether a tree came from an earlier one. A parser that recovers from errors may then choose otherwise than on a
    /// fresh parse.
    pub fn is_incremental(&self) -> bool {
        self.incremental
    }
}

/// A hidden part of a text, parsed by itself.
pub(crate) struct HiddenPart {
    pub(crate) depth: u32,
    /// Whether only blanks stand before it on its line.
    pub(crate) begins_line: bool,
    pub(crate) within: Span,
    pub(crate) row: u32,
    pub(crate) tree: Tree,
    pub(crate) walked: Walked,
    /// Whether the parser passed over none of it.
    pub(crate) is_whole: bool,
}

/// The hidden parts by where they start.
pub(crate) type HiddenParts = HashMap<u32, HiddenPart>;

/// The one replacement that makes a text of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) start: u32,
    pub(crate) old_end: u32,
    pub(crate) new_end: u32,
}

impl Edit {
    /// The smallest; an empty one at the end when the texts are equal.
    pub(crate) fn between(old: &str, new: &str) -> Self {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        let start = common_start(old, new);
        let end = common_end(&old[start..], &new[start..]);
        Self { start: start as u32, old_end: (old.len() - end) as u32, new_end: (new.len() - end) as u32 }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.old_end && self.start == self.new_end
    }

    /// Where a span of the new text was in the old one, if nothing of it was replaced.
    pub(crate) fn before(self, span: Span) -> Option<Span> {
        if span.end <= self.start {
            return Some(span);
        }
        let back = |offset: u32| offset - self.new_end + self.old_end;
        (span.start >= self.new_end).then(|| Span { start: back(span.start), end: back(span.end) })
    }

    /// Where what begins at an offset of the new text began in the old one.
    pub(crate) fn start_before(self, start: u32) -> Option<u32> {
        if start <= self.start { Some(start) } else { self.before(Span { start, end: start }).map(|span| span.start) }
    }

    /// As the parser takes it.
    pub(crate) fn for_tree(self, old: (&str, &LineIndex), new: (&str, &LineIndex)) -> InputEdit {
        InputEdit {
            start_byte: self.start as usize,
            old_end_byte: self.old_end as usize,
            new_end_byte: self.new_end as usize,
            start_position: point(old, self.start),
            old_end_position: point(old, self.old_end),
            new_end_position: point(new, self.new_end),
        }
    }
}

/// Bytes compared at once.
const BLOCK: usize = 64;

fn common_start(left: &[u8], right: &[u8]) -> usize {
    let blocks = left.chunks_exact(BLOCK).zip(right.chunks_exact(BLOCK));
    let equal = blocks.take_while(|(left, right)| left == right).count() * BLOCK;
    equal + left[equal..].iter().zip(&right[equal..]).take_while(|(left, right)| left == right).count()
}

fn common_end(left: &[u8], right: &[u8]) -> usize {
    let blocks = left.rchunks_exact(BLOCK).zip(right.rchunks_exact(BLOCK));
    let equal = blocks.take_while(|(left, right)| left == right).count() * BLOCK;
    let (left, right) = (&left[..left.len() - equal], &right[..right.len() - equal]);
    equal + left.iter().rev().zip(right.iter().rev()).take_while(|(left, right)| left == right).count()
}

/// Row and column in bytes, as the parser counts them: behind the last line break begins one more row.
fn point((text, lines): (&str, &LineIndex), at: u32) -> Point {
    let Some(before) = at.checked_sub(1) else { return Point::default() };
    let row = lines.line_of(before);
    if text.as_bytes()[before as usize] == b'\n' {
        return Point { row: row as usize + 1, column: 0 };
    }
    let start = lines.span(row).map_or(0, |span| span.start);
    Point { row: row as usize, column: (at - start) as usize }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As it is defined, without an index of lines.
    fn counted(text: &str, at: usize) -> Point {
        let before = &text[..at];
        let row = before.matches('\n').count();
        Point { row, column: at - before.rfind('\n').map_or(0, |line| line + 1) }
    }

    proptest! {
        #[test]
        fn an_edit_makes_the_new_text_of_the_old(
            start in "[ab\n]{0,200}", old in "[ab\n]{0,9}", new in "[ab\n]{0,9}", end in "[ab\n]{0,200}"
        ) {
            let (old, new) = (format!("{start}{old}{end}"), format!("{start}{new}{end}"));
            let edit = Edit::between(&old, &new);
            let mut made = old.clone();
            let inserted = &new[edit.start as usize..edit.new_end as usize];
            made.replace_range(edit.start as usize..edit.old_end as usize, inserted);
            prop_assert_eq!(&made, &new);
            prop_assert!(edit.is_empty() == (old == new));
            let input = edit.for_tree((&old, &LineIndex::new(&old)), (&new, &LineIndex::new(&new)));
            prop_assert_eq!(input.start_position, counted(&old, edit.start as usize));
            prop_assert_eq!(input.old_end_position, counted(&old, edit.old_end as usize));
            prop_assert_eq!(input.new_end_position, counted(&new, edit.new_end as usize));
        }
    }
}
