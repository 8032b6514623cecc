//! Matches patterns against nodes and collects what their captures say.
//!
//! A match is found by trying, so a pattern could be slow on a hostile tree; a budget of steps per root node, linear
//! in its children, bounds it. Nothing is allocated per node once the scratch vectors have grown.

use crate::facts::{Facts, Mark, NONE, RawReference, RawSymbol, Says};
use crate::grammar::{KindFlags, LoadedGrammar};
use crate::languages::Documentation;
use crate::patterns::{Capture, ChildPattern, Kinds, NodePattern, RootPattern};
use conexus_core::{Span, Visibility};
use std::ops::Range;
use tree_sitter::{Node, TreeCursor};

/// Steps that every root node may take, besides [`STEPS_PER_CHILD`].
const STEPS: u32 = 4096;
/// Further steps for each child of the root node.
const STEPS_PER_CHILD: u32 = 64;
/// Nodes that are searched among those already looked into.
const REMEMBERED: usize = 8;

/// A child of a node.
#[derive(Clone, Copy)]
pub(crate) struct Child<'tree> {
    pub(crate) node: Node<'tree>,
    pub(crate) kind: u16,
    /// The field that it stands in, or 0; known where a pattern may ask for it.
    pub(crate) field: u16,
}

/// Children of a node that were gathered.
pub(crate) struct Gathered<'tree> {
    /// Where they are.
    pub(crate) children: Range<usize>,
    /// Those behind them, if there are more.
    pub(crate) rest: Option<Box<Rest<'tree>>>,
}

/// Children of a node that were not gathered yet.
pub(crate) struct Rest<'tree> {
    /// At the next one.
    cursor: TreeCursor<'tree>,
    left: u32,
}

/// Children that are gathered at once, 160 KiB: a list of numbers may have a million.
const PORTION: usize = 4096;

/// Of which children the field is looked up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fields {
    /// Of all.
    All,
    /// Of those of which a pattern may ask.
    Asked,
}

/// The state of matching in one tree.
pub(crate) struct Matcher<'a, 'tree> {
    grammar: &'a LoadedGrammar,
    text: &'a [u8],
    facts: &'a mut Facts,
    fields: Fields,
    cursor: TreeCursor<'tree>,
    /// Children of the nodes on the path of the walk, then of those that were looked into since the root node.
    children: Vec<Child<'tree>>,
    /// Those nodes with the ranges of their children; patterns of one root node look into the same ones.
    looked_into: Vec<(usize, usize, usize)>,
    captures: Vec<(u16, Node<'tree>)>,
    steps: u32,
    /// Complete matches so far; tells an optional child that one was found with it.
    found: u32,
}

pub(crate) fn span_of(node: &Node<'_>) -> Span {
    let range = node.byte_range();
    Span::new(range.start, range.end)
}

impl<'a, 'tree> Matcher<'a, 'tree> {
    pub(crate) fn new(
        grammar: &'a LoadedGrammar,
        text: &'a [u8],
        facts: &'a mut Facts,
        root: Node<'tree>,
        fields: Fields,
    ) -> Self {
        Self {
            grammar,
            text,
            facts,
            fields,
            cursor: root.walk(),
            children: Vec::new(),
            looked_into: Vec::new(),
            captures: Vec::new(),
            steps: 0,
            found: 0,
        }
    }

    /// What was collected so far.
    pub(crate) fn facts(&mut self) -> &mut Facts {
        self.facts
    }

    /// The token tree that was remembered last for being parsed again.
    pub(crate) fn last_hidden(&self) -> Option<Span> {
        self.facts.hidden.last().map(|(inner, _)| *inner)
    }

    /// Tries every pattern of that node's kind that fits where the node stands. `children` are its own, if all of them
    /// were gathered.
    pub(crate) fn match_node(
        &mut self,
        node: Node<'tree>,
        kind: u16,
        children: Option<Range<usize>>,
        stands_in: impl Fn(&RootPattern) -> bool,
    ) {
        let grammar = self.grammar;
        let top = self.children.len();
        let mut gathered = children.map(|range| (range.start, range.end));
        for root in grammar.patterns.of_kind(kind) {
            let pattern = &root.node;
            if !stands_in(root) || !self.tests_pass(pattern, node) {
                continue;
            }
            let simple = pattern.children.is_empty() && pattern.absent.is_empty() && !pattern.closed;
            let (start, end) = if simple {
                (0, 0)
            } else {
                let range = *gathered.get_or_insert_with(|| self.gather_all(node, kind));
                self.steps = STEPS + STEPS_PER_CHILD * (range.1 - range.0) as u32;
                range
            };
            self.capture(pattern, node);
            if simple {
                self.emit(root);
            } else if self.absent_fields_pass(pattern, start, end) {
                self.match_children(&pattern.children, pattern.closed, start, end, &mut |matcher| {
                    matcher.emit(root);
                });
            }
            self.captures.clear();
        }
        self.children.truncate(top);
        self.looked_into.clear();
    }

    /// Gathers the children of a node, of which there are so many, behind those that are there.
    pub(crate) fn gather(&mut self, node: Node<'tree>, kind: u16, count: u32) -> Gathered<'tree> {
        self.cursor.reset(node);
        let left = if self.cursor.goto_first_child() { count } else { 0 };
        self.take(kind, left, PORTION)
    }

    /// Gathers the next portion.
    pub(crate) fn gather_rest(&mut self, rest: Rest<'tree>, kind: u16) -> Gathered<'tree> {
        self.cursor = rest.cursor;
        self.take(kind, rest.left, PORTION)
    }

    fn gather_all(&mut self, node: Node<'tree>, kind: u16) -> (usize, usize) {
        self.cursor.reset(node);
        let left = if self.cursor.goto_first_child() { node.child_count() } else { 0 };
        let Range { start, end } = self.take(kind, left, usize::MAX).children;
        (start, end)
    }

    /// Gathers the child of a node of that kind that the cursor is at and those behind it, of which so many are left, `most`
    /// at once. The cursor does not look for one behind the last, which takes long: through all hidden nodes around.
    fn take(&mut self, kind: u16, mut left: u32, most: usize) -> Gathered<'tree> {
        let start = self.children.len();
        let grammar = self.grammar;
        let all = self.fields == Fields::All || grammar.flags(kind).intersects(KindFlags::BY_FIELD);
        while left > 0 {
            if self.children.len() - start == most {
                let rest = Rest { cursor: self.cursor.clone(), left };
                return Gathered { children: start..start + most, rest: Some(Box::new(rest)) };
            }
            let child = self.cursor.node();
            let own = child.kind_id();
            let flags = grammar.flags(own);
            let is_asked = all
                || flags.intersects(KindFlags::PLACED)
                || flags.intersects(KindFlags::CHAIN) && grammar.patterns.chain_asks_for_field(own, kind);
            let field = if is_asked { self.cursor.field_id().map_or(0, std::num::NonZero::get) } else { 0 };
            self.children.push(Child { node: child, kind: own, field });
            left -= 1;
            if left > 0 && !self.cursor.goto_next_sibling() {
                break;
            }
        }
        Gathered { children: start..self.children.len(), rest: None }
    }

    /// The child at a place.
    #[inline]
    pub(crate) fn child(&self, at: usize) -> Child<'tree> {
        self.children[at]
    }

    /// Forgets the children from a place on.
    #[inline]
    pub(crate) fn forget(&mut self, from: usize) {
        self.children.truncate(from);
    }

    /// The children of a node in the one that is matched, as a range of `children`.
    fn look_into(&mut self, child: Child<'tree>) -> (usize, usize) {
        let recent = self.looked_into.iter().rev().take(REMEMBERED).find(|(id, _, _)| *id == child.node.id());
        if let Some(&(_, start, end)) = recent {
            return (start, end);
        }
        let (start, end) = self.gather_all(child.node, child.kind);
        self.looked_into.push((child.node.id(), start, end));
        (start, end)
    }

    fn tests_pass(&self, pattern: &NodePattern, node: Node<'_>) -> bool {
        pattern.tests.is_empty() || {
            let text = self.text.get(node.byte_range()).unwrap_or_default();
            pattern.tests.iter().all(|test| test.passes(text))
        }
    }

    fn absent_fields_pass(&self, pattern: &NodePattern, start: usize, end: usize) -> bool {
        pattern.absent.is_empty()
            || !self.children[start..end].iter().any(|child| pattern.absent.contains(&child.field))
    }

    fn capture(&mut self, pattern: &NodePattern, node: Node<'tree>) {
        self.captures.extend(pattern.captures.iter().map(|&capture| (capture, node)));
    }

    fn try_node(&mut self, pattern: &NodePattern, child: Child<'tree>, then: &mut dyn FnMut(&mut Self)) {
        if pattern.field != 0 && pattern.field != child.field {
            return;
        }
        let accepted = match &pattern.kinds {
            Kinds::Any => true,
            Kinds::Named => child.node.is_named(),
            Kinds::OneOf(kinds) => kinds.contains(&child.kind),
        };
        if !accepted || !self.tests_pass(pattern, child.node) {
            return;
        }
        let captured = self.captures.len();
        self.capture(pattern, child.node);
        if pattern.children.is_empty() && pattern.absent.is_empty() && !pattern.closed {
            then(self);
        } else if let Some(kinds) = pattern.first_token() {
            // Only the first child matters: the others, perhaps thousands, are left alone.
            if child.node.child(0).is_some_and(|first| kinds.contains(&first.kind_id())) {
                then(self);
            }
        } else {
            let (start, end) = self.look_into(child);
            if self.absent_fields_pass(pattern, start, end) {
                self.match_children(&pattern.children, pattern.closed, start, end, then);
            }
        }
        self.captures.truncate(captured);
    }

    /// Matches the patterns against the children `at..end`, in order; calls `then` for every way it can be done.
    fn match_children(
        &mut self,
        patterns: &[ChildPattern],
        closed: bool,
        at: usize,
        end: usize,
        then: &mut dyn FnMut(&mut Self),
    ) {
        let Some((pattern, rest)) = patterns.split_first() else {
            if !closed || !(at..end).any(|index| self.counts(index)) {
                then(self);
            }
            return;
        };
        let found = self.found;
        for index in at..end {
            if self.steps == 0 {
                return;
            }
            self.steps -= 1;
            let child = self.children[index];
            for alternative in &pattern.alternatives {
                self.try_node(alternative, child, &mut |matcher| {
                    matcher.match_children(rest, closed, index + 1, end, then);
                });
            }
            if pattern.anchored && self.counts(index) {
                break;
            }
        }
        if pattern.optional && found == self.found {
            self.match_children(rest, closed, at, end, then);
        }
    }

    /// Whether an anchor stops at this child: comments and tokens do not count.
    fn counts(&self, index: usize) -> bool {
        let node = self.children[index].node;
        node.is_named() && !node.is_extra()
    }

    /// Collects what the captures of a complete match say.
    fn emit(&mut self, root: &RootPattern) {
        if !root.pairs.iter().all(|&(left, right, negated)| (self.text_of(left) == self.text_of(right)) != negated) {
            return;
        }
        self.found += 1;
        let mut symbol = None;
        let mut name = None;
        let mut body = NONE;
        let mut body_node = None;
        let mut container = None;
        let mut visibility = Visibility::Unknown;
        let mut test = None;
        for &(capture, node) in &self.captures {
            match self.grammar.patterns.captures[capture as usize] {
                Capture::Symbol(kind) => symbol = Some((kind, node)),
                Capture::Name => name = Some(node),
                Capture::Body => {
                    if (node.start_byte() as u32) < body {
                        body = node.start_byte() as u32;
                        body_node = Some(node);
                    }
                }
                Capture::Container => container = Some(span_of(&node)),
                Capture::Visibility(value) => {
                    visibility = value;
                    self.facts.marks.push(Mark { span: span_of(&node), says: Says::Visibility(value) });
                }
                Capture::Section(value) => {
                    self.facts.marks.push(Mark { span: span_of(&node), says: Says::Section(value) });
                }
                Capture::Export => self.facts.marks.push(Mark { span: span_of(&node), says: Says::Export }),
                Capture::Test => test = Some(node),
                Capture::Reference(kind) => {
                    self.facts.references.push(RawReference { span: span_of(&node), kind, priority: root.number });
                }
                Capture::Local => {}
            }
        }
        let (Some((kind, definition)), Some(name)) = (symbol, name) else {
            if let Some(node) = test {
                self.facts.marks.push(Mark { span: span_of(&node), says: Says::Test });
            }
            return;
        };
        if body_node.is_none() {
            let field = self.grammar.body_field;
            body_node = if field == 0 { None } else { definition.child_by_field_id(field) };
            body = body_node.map_or(NONE, |node| node.start_byte() as u32);
        }
        let first_word = self.first_word(definition);
        let docstring = body_node.filter(|_| self.grammar.docstrings).and_then(|node| self.docstring(node));
        let mut span = span_of(&definition);
        if body == NONE && self.grammar.flags(definition.kind_id()).intersects(KindFlags::HEADER) {
            body = span.end;
            span.end = self.end_of_reach(definition);
        }
        self.facts.symbols.push(RawSymbol {
            kind,
            definition: span,
            name: span_of(&name),
            first_word,
            body,
            container,
            docstring,
            visibility,
            test: test.is_some(),
            priority: root.number,
            by_macro: false,
        });
    }

    /// Where a header's reach ends: at the next of its kind beside it, or where the node around it ends.
    fn end_of_reach(&mut self, header: Node<'tree>) -> u32 {
        let Some(parent) = header.parent() else { return header.end_byte() as u32 };
        self.cursor.reset(parent);
        let mut more = self.cursor.goto_first_child();
        while more {
            let node = self.cursor.node();
            if node.kind_id() == header.kind_id() && node.start_byte() > header.start_byte() {
                return node.start_byte() as u32;
            }
            more = self.cursor.goto_next_sibling();
        }
        parent.end_byte() as u32
    }

    /// The documentation that is the first statement of a body.
    fn docstring(&self, body: Node<'_>) -> Option<Span> {
        let mut first = body.named_child(0)?;
        while first.is_extra() {
            first = first.next_named_sibling()?;
        }
        let bytes = self.text.get(first.byte_range())?;
        if let Documentation::Attributes { within, .. } = self.grammar.rules.documentation {
            return bytes.starts_with(within.as_bytes()).then(|| span_of(&first));
        }
        let quote = bytes.iter().position(|byte| !byte.is_ascii_alphabetic()).filter(|&at| at <= 2)?;
        let is_string = matches!(bytes[quote], b'"' | b'\'') && bytes.last() == Some(&bytes[quote]);
        is_string.then(|| span_of(&first))
    }

    fn text_of(&self, capture: u16) -> Option<&[u8]> {
        let (_, node) = self.captures.iter().find(|(number, _)| *number == capture)?;
        self.text.get(node.byte_range())
    }

    /// Where a definition begins after the attributes that are its first children, or the first of its modifiers.
    fn first_word(&mut self, definition: Node<'tree>) -> u32 {
        let whole = definition.start_byte() as u32;
        if !self.grammar.has_attributes {
            return whole;
        }
        self.cursor.reset(definition);
        let mut at = whole;
        let mut levels = 0;
        while levels < 3 && self.cursor.goto_first_child() {
            let mut skipped = false;
            loop {
                let node = self.cursor.node();
                if !self.grammar.flags(node.kind_id()).intersects(KindFlags::LEADING) {
                    at = node.start_byte() as u32;
                    break;
                }
                skipped = true;
                if !self.cursor.goto_next_sibling() {
                    // Only attributes: the modifiers end here, and the definition goes on after them.
                    if !self.cursor.goto_parent() || !self.cursor.goto_next_sibling() {
                        return whole;
                    }
                    levels = 3;
                    at = self.cursor.node().start_byte() as u32;
                    break;
                }
            }
            if skipped {
                break;
            }
            levels += 1;
        }
        if at < definition.end_byte() as u32 { at } else { whole }
    }
}
