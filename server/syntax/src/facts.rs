//! What walks over trees collect, before nesting is known. All vectors are reused from text to text.

use conexus_core::{ReferenceKind, Span, SymbolKind, Visibility};

/// "No offset."
pub(crate) const NONE: u32 = u32::MAX;

/// A definition as its pattern matched it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawSymbol {
    pub(crate) kind: SymbolKind,
    /// The node that defines it, without what precedes or wraps it.
    pub(crate) definition: Span,
    pub(crate) name: Span,
    /// Where the definition begins after its own attributes.
    pub(crate) first_word: u32,
    /// Where the body begins, or [`NONE`].
    pub(crate) body: u32,
    pub(crate) container: Option<Span>,
    pub(crate) docstring: Option<Span>,
    pub(crate) visibility: Visibility,
    pub(crate) test: bool,
    /// Number of the pattern: of two symbols with one name node the earlier pattern wins.
    pub(crate) priority: u16,
    /// Whether a macro in capitals stands for it; its name is in lower case.
    pub(crate) by_macro: bool,
}

/// A mention as its pattern matched it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawReference {
    pub(crate) span: Span,
    pub(crate) kind: ReferenceKind,
    pub(crate) priority: u16,
}

/// A capture that speaks of the definition around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    pub(crate) span: Span,
    pub(crate) says: Says,
}

/// What a mark says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Says {
    Test,
    Visibility(Visibility),
    Section(Visibility),
    Export,
}

/// Comments and attributes right before a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lead {
    /// Where the node begins.
    pub(crate) at: u32,
    /// Where the first comment or attribute begins.
    pub(crate) start: u32,
    /// The comments, from the first to the last; empty if there is none.
    pub(crate) comments: Span,
    /// The attributes, from the first to the last; empty if there is none.
    pub(crate) attributes: Span,
}

/// A node inside a wrapper such as `export_statement`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wrap {
    pub(crate) inner: Span,
    pub(crate) outer: Span,
    /// Where the wrapper begins after its attributes.
    pub(crate) first_word: u32,
}

/// How deep the first node of a line lies, for cutting large definitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineDepth(u16);

impl LineDepth {
    /// No node begins on the line: it is blank or inside a string or a comment.
    pub(crate) const NONE: Self = Self(0x7fff);
    const LEADING: u16 = 0x8000;

    pub(crate) fn new(depth: u32) -> Self {
        Self(depth.min(0x7ffe) as u16)
    }

    /// The line begins with a comment or an attribute.
    pub(crate) fn leading(depth: u32) -> Self {
        Self(Self::new(depth).0 | Self::LEADING)
    }

    pub(crate) fn depth(self) -> u32 {
        u32::from(self.0 & !Self::LEADING)
    }

    pub(crate) fn is_leading(self) -> bool {
        self.0 & Self::LEADING != 0
    }
}

/// Everything that walks collect.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) symbols: Vec<RawSymbol>,
    pub(crate) references: Vec<RawReference>,
    pub(crate) marks: Vec<Mark>,
    /// Ordered by `at`.
    pub(crate) leads: Vec<Lead>,
    /// Ordered by the start of `inner`.
    pub(crate) wraps: Vec<Wrap>,
    /// The lines on which nodes begin, by number; of several entries the last counts.
    pub(crate) rows: Vec<(u32, LineDepth)>,
    /// Interiors of token trees that hold items, with the depth they lie at.
    pub(crate) hidden: Vec<(Span, u32)>,
    /// Names of definitions that joined an earlier one as a clause.
    pub(crate) clauses: Vec<Span>,
    /// Number of error nodes.
    pub(crate) errors: u32,
}

impl Facts {
    /// Forgets everything, but keeps the memory.
    pub(crate) fn reset(&mut self) {
        self.symbols.clear();
        self.references.clear();
        self.marks.clear();
        self.leads.clear();
        self.wraps.clear();
        self.rows.clear();
        self.hidden.clear();
        self.clauses.clear();
        self.errors = 0;
    }

    /// How deep each of so many lines lies.
    pub(crate) fn depths(&self, lines: usize, depths: &mut Vec<LineDepth>) {
        depths.clear();
        depths.resize(lines, LineDepth::NONE);
        for &(row, depth) in &self.rows {
            if let Some(slot) = depths.get_mut(row as usize) {
                *slot = depth;
            }
        }
    }

    /// How many there are of each.
    pub(crate) fn counts(&self) -> Counts {
        Counts([
            self.symbols.len() as u32,
            self.references.len() as u32,
            self.marks.len() as u32,
            self.leads.len() as u32,
            self.wraps.len() as u32,
            self.rows.len() as u32,
            self.hidden.len() as u32,
        ])
    }

    /// Adds what another walk found, but for its errors.
    pub(crate) fn take_over_all(&mut self, from: &Self) {
        self.take_over(from, Counts::default(), from.counts(), Shift::default());
    }

    /// Adds what another walk found between two moments of it, moved by `shift`.
    pub(crate) fn take_over(&mut self, from: &Self, first: Counts, end: Counts, shift: Shift) {
        let range = |kind: usize| first.0[kind] as usize..end.0[kind] as usize;
        self.symbols.extend(from.symbols[range(0)].iter().map(|symbol| symbol.moved(shift)));
        self.references.extend(
            from.references[range(1)]
                .iter()
                .map(|reference| RawReference { span: shift.span(reference.span), ..*reference }),
        );
        self.marks.extend(from.marks[range(2)].iter().map(|mark| Mark { span: shift.span(mark.span), ..*mark }));
        self.leads.extend(from.leads[range(3)].iter().map(|lead| lead.moved(shift)));
        self.wraps.extend(from.wraps[range(4)].iter().map(|wrap| wrap.moved(shift)));
        self.rows.extend(from.rows[range(5)].iter().map(|&(row, depth)| (shift.row(row), depth)));
        self.hidden.extend(from.hidden[range(6)].iter().map(|&(inner, depth)| (shift.span(inner), depth)));
    }
}

/// How many facts of each kind a walk had found at some moment: symbols, references, marks, leads, wraps, rows, hidden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts([u32; 7]);

impl Counts {
    /// The same moment where `before` had been counted when `now` is.
    pub(crate) fn rebased(self, before: Self, now: Self) -> Self {
        Self(std::array::from_fn(|kind| self.0[kind] - before.0[kind] + now.0[kind]))
    }
}

/// How far something moved, in bytes and lines, modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shift {
    bytes: u32,
    rows: u32,
}

impl Shift {
    /// From one offset and row to others.
    pub(crate) fn between(from: (u32, u32), to: (u32, u32)) -> Self {
        Self { bytes: to.0.wrapping_sub(from.0), rows: to.1.wrapping_sub(from.1) }
    }

    pub(crate) fn at(self, offset: u32) -> u32 {
        offset.wrapping_add(self.bytes)
    }

    pub(crate) fn row(self, row: u32) -> u32 {
        row.wrapping_add(self.rows)
    }

    pub(crate) fn span(self, span: Span) -> Span {
        Span { start: self.at(span.start), end: self.at(span.end) }
    }

    /// The same for a span that is empty when it stands for nothing.
    fn unless_empty(self, span: Span) -> Span {
        if span.is_empty() { span } else { self.span(span) }
    }
}

impl RawSymbol {
    fn moved(&self, shift: Shift) -> Self {
        Self {
            definition: shift.span(self.definition),
            name: shift.span(self.name),
            first_word: shift.at(self.first_word),
            body: if self.body == NONE { NONE } else { shift.at(self.body) },
            container: self.container.map(|span| shift.span(span)),
            docstring: self.docstring.map(|span| shift.span(span)),
            ..*self
        }
    }
}

impl Lead {
    fn moved(&self, shift: Shift) -> Self {
        Self {
            at: shift.at(self.at),
            start: shift.at(self.start),
            comments: shift.unless_empty(self.comments),
            attributes: shift.unless_empty(self.attributes),
        }
    }
}

impl Wrap {
    fn moved(&self, shift: Shift) -> Self {
        Self { inner: shift.span(self.inner), outer: shift.span(self.outer), first_word: shift.at(self.first_word) }
    }
}
