//! One pass over a tree, without recursion: patterns, comments before definitions, wrappers, depths of lines.

use crate::facts::{Facts, Lead, LineDepth, Wrap};
use crate::grammar::{KindFlags, LoadedGrammar};
use crate::matching::{Matcher, span_of};
use conexus_core::Span;
use tree_sitter::Node;

/// The kind of error nodes in every grammar.
const ERROR: u16 = u16::MAX;

/// What the walk remembers of the children seen so far of one node on its path.
#[derive(Clone, Copy, Default)]
struct Frame {
    /// Row after which the next node must follow to be led by `lead`.
    lead_row: u32,
    lead: Option<(u32, Span, Span)>,
    /// The wrapper this frame is of, as its span.
    wrapper: Option<Span>,
    /// Where the wrapper begins after its attributes.
    first_word: Option<u32>,
    /// Kind of the last child of a wrapper that was recorded.
    wrapped_kind: u16,
}

/// Where a walk starts: for a tree of a part of the text, how deep that part lies and on which row it begins.
#[derive(Clone, Copy, Default)]
pub(crate) struct Base {
    pub(crate) depth: u32,
    pub(crate) row: Option<u32>,
}

/// Walks over all nodes below `root`; returns the depth of the deepest.
pub(crate) fn walk(grammar: &LoadedGrammar, text: &str, root: Node<'_>, base: Base, facts: &mut Facts) -> u32 {
    let mut walker = Walker { grammar, text: text.as_bytes(), frames: Vec::with_capacity(64), next_row: 0, base };
    walker.next_row = base.row.map_or(0, |row| row + 1);
    let mut matcher = Matcher::new(grammar, text.as_bytes(), facts, root);
    let mut cursor = root.walk();
    if grammar.flags(root.kind_id()).intersects(KindFlags::PATTERN) {
        matcher.match_node(root, root.kind_id());
    }
    if !cursor.goto_first_child() {
        return 0;
    }
    let mut deepest = 0;
    walker.frames.push(Frame::default());
    loop {
        let node = cursor.node();
        let flags = walker.enter(&mut matcher, node);
        if cursor.goto_first_child() {
            let wrapper = flags.intersects(KindFlags::WRAPPER).then(|| span_of(&node));
            walker.frames.push(Frame { wrapper, ..Frame::default() });
            deepest = deepest.max(walker.frames.len());
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() || walker.frames.len() == 1 {
                return deepest as u32;
            }
            walker.frames.pop();
        }
    }
}

struct Walker<'a> {
    grammar: &'a LoadedGrammar,
    text: &'a [u8],
    frames: Vec<Frame>,
    /// The first row that has no depth yet.
    next_row: u32,
    base: Base,
}

impl Walker<'_> {
    #[inline]
    fn enter<'tree>(&mut self, matcher: &mut Matcher<'_, 'tree>, node: Node<'tree>) -> KindFlags {
        let kind = node.kind_id();
        let flags = self.grammar.flags_of(kind, || self.text.get(node.start_byte()..).unwrap_or_default());
        let row = node.start_position().row as u32;
        if row >= self.next_row {
            let depth = self.base.depth + self.frames.len() as u32;
            let depth =
                if flags.intersects(KindFlags::LEADING) { LineDepth::leading(depth) } else { LineDepth::new(depth) };
            if let Some(slot) = matcher.facts().depths.get_mut(row as usize) {
                *slot = depth;
            }
            self.next_row = row + 1;
        }
        let Some(frame) = self.frames.last_mut() else { return flags };
        if flags.intersects(KindFlags::LEADING) {
            frame.lead_by(node, flags, row, self.text);
        } else {
            if let Some((start, comments, attributes)) = frame.lead.take() {
                let at = node.start_byte() as u32;
                if row <= frame.lead_row + 1 && !flags.intersects(KindFlags::TOKEN) {
                    matcher.facts().leads.push(Lead { at, start, comments, attributes });
                }
            }
            if let Some(outer) = frame.wrapper {
                frame.wrap(node, kind, flags, outer, matcher.facts());
            }
        }
        if kind == ERROR {
            matcher.facts().errors += 1;
        }
        if flags.intersects(KindFlags::INVOCATION) {
            self.note_invocation(matcher, node);
        }
        if flags.intersects(KindFlags::PATTERN) {
            matcher.match_node(node, kind);
        }
        flags
    }

    /// Remembers the interior of a token tree whose first words look like an item.
    fn note_invocation(&self, matcher: &mut Matcher<'_, '_>, node: Node<'_>) {
        let count = node.child_count();
        let Some(tokens) = count.checked_sub(1).and_then(|last| node.child(last as u32)) else { return };
        let range = tokens.byte_range();
        if tokens.kind() != "token_tree" || range.len() < 8 {
            return;
        }
        let inner = Span::new(range.start + 1, range.end - 1);
        if crate::hidden::looks_like_items(self.text.get(inner.range()).unwrap_or_default()) {
            matcher.facts().hidden.push((inner, self.base.depth + self.frames.len() as u32));
        }
    }
}

/// The row on which a node's text ends; a line break at its end does not count.
fn end_row(node: Node<'_>, text: &[u8]) -> u32 {
    let end = node.end_position();
    if end.column == 0
        && end.row > 0
        && node.end_byte() > node.start_byte()
        && text.get(node.end_byte() - 1) == Some(&b'\n')
    {
        end.row as u32 - 1
    } else {
        end.row as u32
    }
}

impl Frame {
    /// Takes up a comment or an attribute.
    fn lead_by(&mut self, node: Node<'_>, flags: KindFlags, row: u32, text: &[u8]) {
        let span = trimmed(span_of(&node), text);
        let is_comment = flags.intersects(KindFlags::COMMENT);
        let end_row = end_row(node, text);
        // A comment behind something else on its line belongs to that.
        if is_comment && self.lead.is_none() && !begins_line(span.start, text) {
            return;
        }
        let (start, mut comments, mut attributes) = match self.lead {
            Some(lead) if row <= self.lead_row + 1 => lead,
            _ => (span.start, Span::default(), Span::default()),
        };
        let part = if is_comment { &mut comments } else { &mut attributes };
        *part = if part.is_empty() { span } else { Span { start: part.start, end: span.end } };
        self.lead = Some((start, comments, attributes));
        self.lead_row = end_row;
    }

    /// Records a child of a wrapper if it may be the definition.
    fn wrap(&mut self, node: Node<'_>, kind: u16, flags: KindFlags, outer: Span, facts: &mut Facts) {
        let first_word = *self.first_word.get_or_insert(node.start_byte() as u32);
        if flags.intersects(KindFlags::TOKEN) || kind == self.wrapped_kind {
            return;
        }
        self.wrapped_kind = kind;
        facts.wraps.push(Wrap { inner: span_of(&node), outer, first_word });
    }
}

/// Whether only blanks stand before `at` on its line.
fn begins_line(at: u32, text: &[u8]) -> bool {
    let before = text.get(..at as usize).unwrap_or_default();
    matches!(before.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')), None | Some(b'\n'))
}

/// A span without line breaks at its end: some grammars count the line break to the comment.
fn trimmed(span: Span, text: &[u8]) -> Span {
    let mut end = span.end;
    while end > span.start && matches!(text.get(end as usize - 1), Some(b'\n' | b'\r')) {
        end -= 1;
    }
    Span { start: span.start, end }
}
