//! One pass over a tree, without recursion: patterns, comments before definitions, wrappers, depths of lines.

use crate::facts::{Facts, Lead, LineDepth, RawReference, Wrap};
use crate::grammar::{KindFlags, LoadedGrammar};
use crate::matching::{Child, Fields, Gathered, Matcher, Rest, span_of};
use crate::patterns::Around;
use crate::reuse::{Memory, Place};
use conexus_core::Span;
use std::ops::Range;
use tree_sitter::Node;

/// The kind of error nodes in every grammar.
const ERROR: u16 = u16::MAX;

/// Children of a literal that consists of its quotes and what is between them.
const QUOTED_CHILDREN: u32 = 3;

/// What the walk remembers of the children seen so far of one node on its path.
#[derive(Default)]
struct Frame<'tree> {
    /// Kind of the node.
    kind: u16,
    /// The field that the node stands in, or 0; known where [`KindFlags::FIELD`] asks for it.
    field: u16,
    /// Where its children were gathered.
    first: usize,
    /// Those that the walk has not come to yet.
    children: Range<usize>,
    /// Those that were not gathered yet.
    rest: Option<Box<Rest<'tree>>>,
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
pub(crate) fn walk<M: Memory>(
    grammar: &LoadedGrammar,
    text: &str,
    root: Node<'_>,
    base: Base,
    facts: &mut Facts,
    memory: &mut M,
) -> u32 {
    let mut walker = Walker { grammar, text: text.as_bytes(), frames: Vec::with_capacity(64), next_row: 0, base };
    walker.next_row = base.row.map_or(0, |row| row + 1);
    let fields = if M::REMEMBERS { Fields::All } else { Fields::Asked };
    let mut matcher = Matcher::new(grammar, text.as_bytes(), facts, root, fields);
    let kind = root.kind_id();
    let Gathered { children, rest } = matcher.gather(root, kind, root.child_count());
    if grammar.flags(kind).intersects(KindFlags::PATTERN) {
        let all = rest.is_none().then(|| children.clone());
        matcher.match_node(root, kind, all, |pattern| pattern.around.is_empty());
    }
    if children.is_empty() {
        return 0;
    }
    let mut deepest = 0;
    walker.frames.push(Frame { kind, children, rest, ..Frame::default() });
    memory.go_down(kind, 0, false);
    while let Some(frame) = walker.frames.last_mut() {
        let Some(next) = frame.children.next() else {
            // What was gathered behind the last child is forgotten by then.
            matcher.forget(frame.first);
            if let Some(rest) = frame.rest.take() {
                let more = matcher.gather_rest(*rest, frame.kind);
                (frame.children, frame.rest) = (more.children, more.rest);
                continue;
            }
            walker.frames.pop();
            if !walker.frames.is_empty() {
                memory.go_up(matcher.facts(), walker.next_row);
            }
            continue;
        };
        let Child { node, kind, field } = matcher.child(next);
        memory.arrive(node, field);
        let flags = walker.arrive(matcher.facts(), node, kind);
        // Tokens have no children, and a token tree that is parsed again is not walked as tokens.
        let count = if flags.intersects(KindFlags::TOKEN) { 0 } else { node.child_count() };
        let is_bare = !M::REMEMBERS && flags.intersects(KindFlags::QUOTED) && walker.is_bare(node, count);
        let goes_down = count > 0 && !is_bare && !walker.passes_over(&matcher, node);
        let is_unit = M::REMEMBERS && goes_down && Place::may_stand_for(node, flags);
        let place = is_unit.then(|| walker.place(node, kind, field));
        let recalled = place.as_ref().and_then(|place| memory.recall(node, place, matcher.facts()));
        if let Some(recalled) = recalled {
            walker.next_row = walker.next_row.max(recalled.next_row);
            deepest = deepest.max(recalled.deepest as usize);
            continue;
        }
        if let Some(place) = place {
            memory.begin(node, place, matcher.facts());
        }
        let gathered = goes_down.then(|| matcher.gather(node, kind, count));
        let all = gathered.as_ref().filter(|gathered| gathered.rest.is_none());
        walker.look_at(&mut matcher, node, kind, flags, field, all.map(|all| all.children.clone()));
        if flags.intersects(KindFlags::CHAIN) {
            walker.match_chains(&mut matcher, node, kind, field);
        }
        if is_bare {
            deepest = deepest.max(walker.frames.len() + 1);
        }
        if let Some(Gathered { children, rest }) = gathered {
            let field = if flags.intersects(KindFlags::FIELD) { field } else { 0 };
            let wrapper = flags.intersects(KindFlags::WRAPPER).then(|| span_of(&node));
            let first = children.start;
            walker.frames.push(Frame { kind, field, first, children, rest, wrapper, ..Frame::default() });
            memory.go_down(kind, field, is_unit);
            deepest = deepest.max(walker.frames.len());
        }
    }
    deepest as u32
}

struct Walker<'a, 'tree> {
    grammar: &'a LoadedGrammar,
    text: &'a [u8],
    frames: Vec<Frame<'tree>>,
    /// The first row that has no depth yet.
    next_row: u32,
    base: Base,
}

impl<'tree> Walker<'_, 'tree> {
    /// Whether a literal consists of its quotes and what is between them, on one line: nothing is found there.
    fn is_bare(&self, node: Node<'_>, children: u32) -> bool {
        (1..=QUOTED_CHILDREN).contains(&children)
            && node.descendant_count() == children as usize + 1
            && (node.end_position().row as u32) < self.next_row
            && !node.has_error()
    }

    /// Takes up where a node stands: its row, what leads it, what wraps it.
    #[inline]
    fn arrive(&mut self, facts: &mut Facts, node: Node<'_>, kind: u16) -> KindFlags {
        let flags =
            self.grammar.flags_of(kind, || self.text.get(node.start_byte()..node.end_byte()).unwrap_or_default());
        let row = node.start_position().row as u32;
        if row >= self.next_row {
            let depth = self.base.depth + self.frames.len() as u32;
            let depth =
                if flags.intersects(KindFlags::LEADING) { LineDepth::leading(depth) } else { LineDepth::new(depth) };
            facts.rows.push((row, depth));
            self.next_row = row + 1;
        }
        let Some(frame) = self.frames.last_mut() else { return flags };
        if flags.intersects(KindFlags::LEADING) {
            frame.lead_by(node, flags, row, self.text);
        } else {
            if let Some((start, comments, attributes)) = frame.lead.take() {
                let at = node.start_byte() as u32;
                if row <= frame.lead_row + 1 && !flags.intersects(KindFlags::TOKEN) {
                    facts.leads.push(Lead { at, start, comments, attributes });
                }
            }
            if let Some(outer) = frame.wrapper {
                frame.wrap(node, kind, flags, outer, facts);
            }
        }
        flags
    }

    /// Collects what a node says by itself.
    #[inline]
    fn look_at(
        &self,
        matcher: &mut Matcher<'_, 'tree>,
        node: Node<'tree>,
        kind: u16,
        flags: KindFlags,
        field: u16,
        children: Option<Range<usize>>,
    ) {
        if kind == ERROR {
            matcher.facts().errors += 1;
        }
        if flags.intersects(KindFlags::INVOCATION) {
            self.note_invocation(matcher, node);
        }
        if flags.intersects(KindFlags::PATTERN) {
            matcher.match_node(node, kind, children, |pattern| {
                self.stands_in(&pattern.around) && (pattern.node.field == 0 || pattern.node.field == field)
            });
        }
    }

    /// Whether the nodes around the one that the walk has come to are these.
    #[inline]
    fn stands_in(&self, around: &[Around]) -> bool {
        let fits = |frame: &Frame<'_>, around: &Around| {
            around.kinds.accepts(frame.kind) && (around.field == 0 || around.field == frame.field)
        };
        self.frames.len() >= around.len()
            && self.frames.iter().rev().zip(around).all(|(frame, around)| fits(frame, around))
    }

    /// Where a node stands whose facts may be remembered.
    fn place(&self, node: Node<'_>, kind: u16, field: u16) -> Place {
        Place {
            kind,
            field,
            depth: self.frames.len() as u32,
            row: node.start_position().row as u32,
            begins_line: begins_line(node.start_byte() as u32, self.text),
        }
    }

    /// Matches the chains that end at this node.
    fn match_chains(&self, matcher: &mut Matcher<'_, '_>, node: Node<'_>, kind: u16, field: u16) {
        let parent = self.frames.last().map_or(0, |frame| frame.kind);
        for chain in self.grammar.patterns.chains_of_kind(kind, parent) {
            if self.stands_in(&chain.around)
                && (chain.field == 0 || chain.field == field)
                && (chain.tests.is_empty() || {
                    let text = self.text.get(node.byte_range()).unwrap_or_default();
                    chain.tests.iter().all(|test| test.passes(text))
                })
            {
                let reference = RawReference { span: span_of(&node), kind: chain.kind, priority: chain.number };
                matcher.facts().references.push(reference);
            }
        }
    }

    /// Whether a node is the token tree that was last remembered for being parsed again.
    #[inline]
    fn passes_over(&self, matcher: &Matcher<'_, '_>, node: Node<'_>) -> bool {
        self.grammar.has_invocations
            && matcher.last_hidden().is_some_and(|inner| inner.start == node.start_byte() as u32 + 1)
    }

    /// Remembers the interior of a token tree whose first words look like an item.
    fn note_invocation(&self, matcher: &mut Matcher<'_, '_>, node: Node<'_>) {
        let count = node.child_count();
        let Some(tokens) = count.checked_sub(1).and_then(|last| node.child(last)) else { return };
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

impl Frame<'_> {
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
pub(crate) fn begins_line(at: u32, text: &[u8]) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::languages::{Analysis, Grammar, languages};
    use crate::reuse::Forget;
    use std::collections::BTreeSet;
    use tree_sitter::{Parser, Query, QueryCursor, StreamingIterator};

    /// What tree-sitter's own matcher captures: names of definitions and mentions.
    fn by_tree_sitter(grammar: &LoadedGrammar, source: &str, root: Node<'_>, text: &str) -> BTreeSet<(Span, String)> {
        let query = Query::new(&grammar.language, source).expect("queries compile");
        let names = query.capture_names();
        let mut cursor = QueryCursor::new();
        let mut matches = cursor.matches(&query, root, text.as_bytes());
        let mut found = BTreeSet::new();
        while let Some(one) = matches.next() {
            let captures = || one.captures().iter().map(|capture| (names[capture.index as usize], capture.node));
            let symbol = captures().find_map(|(name, _)| name.strip_prefix("symbol."));
            for (name, node) in captures() {
                if let Some(kind) = symbol.filter(|_| name == "name").or(name.strip_prefix("reference.")) {
                    found.insert((span_of(&node), kind.to_owned()));
                }
            }
        }
        found
    }

    /// The subset of queries that is compiled here means what it means to tree-sitter, on every sample of the corpus.
    #[test]
    fn patterns_match_what_tree_sitter_matches() {
        for spec in languages() {
            let Analysis::Grammar(rules) = &spec.analysis else { continue };
            let path = format!("{}/corpus/{}.txt", env!("CARGO_MANIFEST_DIR"), spec.language);
            let Ok(text) = std::fs::read_to_string(path) else { continue };
            let text = text.split_once("==== outline").map_or(&*text, |(sample, _)| sample);
            compare(spec.language.name(), rules, text);
        }
    }

    /// Their children are gathered in portions.
    #[test]
    fn long_lists_are_walked_to_their_ends() {
        let list = |item: fn(usize) -> String| (0..9_500).map(item).collect::<String>();
        let of_numbers = format!("numbers = [{}]\ncall(f(1), 'x', last)\n", list(|n| format!("{n}, call{n}('a'), ")));
        let texts = [
            ("python", list(|n| format!("NAME{n} = call{n}('a', b.c{n})\n"))),
            ("python", of_numbers),
            ("rust", format!("fn f() {{ g!({}) }}", list(|n| format!("call{n}(a, \"b\"), ")))),
            ("go", format!("package a\nvar x = []T{{{}}}\nfunc F() {{}}\n", list(|n| format!("f{n}(\"a\"), ")))),
        ];
        for (name, text) in texts {
            let spec = languages().find(|spec| spec.language.name() == name).expect("a language");
            let Analysis::Grammar(rules) = &spec.analysis else { panic!("{name} has a grammar") };
            compare(name, rules, &text);
        }
    }

    fn compare(name: &str, rules: &'static Grammar, text: &str) {
        let grammar = LoadedGrammar::load(rules).unwrap_or_else(|problem| panic!("{}", problem.0));
        let mut parser = Parser::new();
        parser.set_language(&grammar.language).expect("the grammar fits");
        let tree = parser.parse(text, None).expect("nothing stops the parser");
        let mut facts = Facts::default();
        walk(&grammar, text, tree.root_node(), Base::default(), &mut facts, &mut Forget);
        let hidden = std::mem::take(&mut facts.hidden);
        let mut expected = by_tree_sitter(&grammar, rules.symbols, tree.root_node(), text);
        expected.extend(by_tree_sitter(&grammar, rules.references, tree.root_node(), text));
        expected.retain(|(span, _)| !hidden.iter().any(|(inner, _)| inner.contains(*span)));
        let symbols = facts.symbols.iter().map(|symbol| (symbol.name, symbol.kind.name().to_owned()));
        let references = facts.references.iter().map(|reference| (reference.span, reference.kind.name().to_owned()));
        let found: BTreeSet<_> = symbols.chain(references).collect();
        let text_of = |(span, kind): &(Span, String)| format!("{kind} {:?}", span.slice(text));
        let missing: Vec<_> = expected.difference(&found).map(text_of).collect();
        assert!(missing.is_empty(), "{name}: {} {:?}", missing.len(), &missing[..missing.len().min(9)]);
        // tree-sitter sees only the first of several children in one field (Scala's `extends A with B`).
        let more: Vec<_> = found.difference(&expected).map(text_of).collect();
        assert!(more.len() <= 2, "{name}: {} {:?}", more.len(), &more[..more.len().min(9)]);
    }
}
