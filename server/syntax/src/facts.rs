//! What one walk over a tree collects, before nesting is known. All vectors are reused from text to text.

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

/// Everything that one walk collects.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) symbols: Vec<RawSymbol>,
    pub(crate) references: Vec<RawReference>,
    pub(crate) marks: Vec<Mark>,
    /// Ordered by `at`.
    pub(crate) leads: Vec<Lead>,
    /// Ordered by the start of `inner`.
    pub(crate) wraps: Vec<Wrap>,
    /// One per line.
    pub(crate) depths: Vec<LineDepth>,
    /// Interiors of token trees that hold items, with the depth they lie at.
    pub(crate) hidden: Vec<(Span, u32)>,
    /// Names of definitions that joined an earlier one as a clause.
    pub(crate) clauses: Vec<Span>,
    /// Number of error nodes.
    pub(crate) errors: u32,
}

impl Facts {
    /// Forgets everything, but keeps the memory, and expects a text of so many lines.
    pub(crate) fn reset(&mut self, lines: usize) {
        self.symbols.clear();
        self.references.clear();
        self.marks.clear();
        self.leads.clear();
        self.wraps.clear();
        self.hidden.clear();
        self.clauses.clear();
        self.depths.clear();
        self.depths.resize(lines, LineDepth::NONE);
        self.errors = 0;
    }
}
