//! Compiles `.scm` queries into a table that is looked up by node kind, for one walk over the tree.
//!
//! tree-sitter's own query cursor costs about as much as parsing. Our queries need only a part of its language:
//! node patterns with fields, negated fields, anchors, alternations, `?`, wildcards, captures and the predicates
//! `#eq?`, `#not-eq?`, `#any-of?`, `#not-any-of?`, `#match?`, `#not-match?`. `queries/README.md` says what differs.

mod beginning;
mod chain;
mod reader;

use beginning::Beginning;
pub(crate) use chain::{Around, Chain};
use conexus_core::{ReferenceKind, SymbolKind, Visibility};
use reader::{Form, read};
use regex::bytes::Regex;
use std::collections::HashMap;
use tree_sitter::Language;

/// What a capture says about its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Capture {
    /// A whole definition.
    Symbol(SymbolKind),
    /// The name of the definition.
    Name,
    /// The body of the definition; its signature ends before it.
    Body,
    /// A node whose text is the container's name.
    Container,
    /// The visibility of the definition around it.
    Visibility(Visibility),
    /// The visibility of all that follows in the same container.
    Section(Visibility),
    /// A name that the file exports.
    Export,
    /// The definition around it is a test.
    Test,
    /// A mention of a name.
    Reference(ReferenceKind),
    /// Only for predicates.
    Local,
}

impl Capture {
    fn from_name(name: &str) -> Option<Self> {
        let visibility = |name: &str| Visibility::from_name(name).filter(|value| *value != Visibility::Unknown);
        Some(match name {
            "name" => Self::Name,
            "body" => Self::Body,
            "container" => Self::Container,
            "export" => Self::Export,
            "test" => Self::Test,
            _ if name.starts_with('_') => Self::Local,
            _ => match name.split_once('.') {
                Some(("symbol", kind)) => Self::Symbol(SymbolKind::from_name(kind)?),
                Some(("reference", kind)) => Self::Reference(ReferenceKind::from_name(kind)?),
                Some(("section", value)) => Self::Section(visibility(value)?),
                Some(_) => return None,
                None => Self::Visibility(visibility(name)?),
            },
        })
    }
}

/// Which node kinds a pattern accepts.
#[derive(Clone, Debug)]
pub(crate) enum Kinds {
    /// `_`
    Any,
    /// `(_)`
    Named,
    /// Kinds by number; most patterns have one, some grammars give a name several numbers.
    OneOf(Box<[u16]>),
}

impl Kinds {
    /// Whether they name this kind, or any.
    #[inline]
    pub(crate) fn accepts(&self, kind: u16) -> bool {
        match self {
            Self::Any | Self::Named => true,
            Self::OneOf(kinds) => kinds.contains(&kind),
        }
    }
}

/// A condition on the text of a node.
#[derive(Clone, Debug)]
pub(crate) struct TextTest {
    accepts: Accepts,
    negated: bool,
}

#[derive(Clone, Debug)]
enum Accepts {
    Words(Box<[Box<str>]>),
    Regex(Beginning, Regex),
}

impl TextTest {
    /// Whether a node of this text passes.
    pub(crate) fn passes(&self, text: &[u8]) -> bool {
        let accepted = match &self.accepts {
            Accepts::Words(words) => words.iter().any(|word| word.as_bytes() == text),
            Accepts::Regex(beginning, regex) => beginning.is_of(text).unwrap_or_else(|| regex.is_match(text)),
        };
        accepted != self.negated
    }
}

/// A pattern of one node.
#[derive(Clone, Debug)]
pub(crate) struct NodePattern {
    pub(crate) kinds: Kinds,
    /// Whether it is written as a token, such as `"("`.
    pub(crate) token: bool,
    /// The field it must stand in, or 0.
    pub(crate) field: u16,
    /// Fields that it must not have.
    pub(crate) absent: Box<[u16]>,
    /// Captures of the node, as indexes into [`PatternTable::captures`].
    pub(crate) captures: Box<[u16]>,
    pub(crate) tests: Box<[TextTest]>,
    /// Patterns of children, in order, others may stand between them.
    pub(crate) children: Box<[ChildPattern]>,
    /// Whether no named child may follow the last one.
    pub(crate) closed: bool,
}

impl NodePattern {
    fn asks_for_fields_in(&self, kind: u16) -> bool {
        let mut inner = self.children.iter().flat_map(|child| &child.alternatives);
        let is_here = self.kinds.accepts(kind);
        is_here && !self.absent.is_empty()
            || inner.any(|inner| is_here && inner.field != 0 || inner.asks_for_fields_in(kind))
    }

    /// The token that the node must begin with, if that is all the pattern says of its children.
    pub(crate) fn first_token(&self) -> Option<&[u16]> {
        let [ChildPattern { alternatives, optional: false, anchored: true }] = &*self.children else { return None };
        match &**alternatives {
            [token] if token.token && token.field == 0 && token.captures.is_empty() && !self.closed => {
                match &token.kinds {
                    Kinds::OneOf(kinds) if self.absent.is_empty() => Some(kinds),
                    _ => None,
                }
            }
            _ => None,
        }
    }
}

/// A pattern of one child.
#[derive(Clone, Debug)]
pub(crate) struct ChildPattern {
    pub(crate) alternatives: Box<[NodePattern]>,
    /// Whether the child may be missing.
    pub(crate) optional: bool,
    /// Whether no named child may stand between it and the one before, or the beginning.
    pub(crate) anchored: bool,
}

/// A pattern as written in the file, or one alternative of it.
#[derive(Clone, Debug)]
pub(crate) struct RootPattern {
    /// What must stand around the node, the nearest first.
    pub(crate) around: Box<[Around]>,
    pub(crate) node: NodePattern,
    /// Pairs of captures whose texts must be equal, or must differ.
    pub(crate) pairs: Box<[(u16, u16, bool)]>,
    /// Its number in the file.
    pub(crate) number: u16,
}

impl RootPattern {
    /// The same pattern with its root further inside, one for each alternative there. What is outside of that has one
    /// child pattern each and says nothing else, so the walk knows it: that saves a look at all children of, say, every
    /// object for the methods in it. A leaf does not become the root, since leaves are too many to look at them.
    fn inwards(self) -> Vec<Self> {
        let NodePattern { absent, captures, tests, children, closed, .. } = &self.node;
        let says_more = !absent.is_empty() || !captures.is_empty() || !tests.is_empty() || *closed;
        match &**children {
            [ChildPattern { alternatives, optional: false, anchored: false }]
                if !says_more && alternatives.iter().all(|inner| !inner.children.is_empty()) =>
            {
                let outer = Around { kinds: self.node.kinds.clone(), field: self.node.field };
                let around: Box<[_]> = std::iter::once(outer).chain(self.around.iter().cloned()).collect();
                let inner = alternatives.iter().map(|inner| Self {
                    around: around.clone(),
                    node: inner.clone(),
                    pairs: self.pairs.clone(),
                    number: self.number,
                });
                inner.flat_map(Self::inwards).collect()
            }
            _ => vec![self],
        }
    }
}

/// All patterns of a language, by the kind of their root node.
#[derive(Debug, Default)]
pub(crate) struct PatternTable {
    /// What the captures mean, by number.
    pub(crate) captures: Vec<Capture>,
    patterns: Vec<RootPattern>,
    /// For each node kind a range of `order`.
    ranges: Vec<(u16, u16)>,
    /// Indexes of patterns, grouped by kind, in the order of the file.
    order: Vec<u16>,
    /// Patterns that are matched from their innermost node outwards.
    chains: Vec<Chain>,
    /// For each kind of innermost node a range of `chain_order`.
    chain_ranges: Vec<(u16, u16)>,
    /// The kind that the node around must have, or [`chain::ANY_PARENT`], and the number of the chain.
    chain_order: Vec<(u16, u16)>,
}

/// A query that does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PatternError(pub(crate) String);

fn error<T>(message: impl Into<String>) -> Result<T, PatternError> {
    Err(PatternError(message.into()))
}

impl PatternTable {
    /// Compiles queries; the patterns of the first come before those of the second.
    pub(crate) fn new(language: &Language, sources: &[&str]) -> Result<Self, PatternError> {
        let mut compiler = Compiler::new(language);
        let mut written = Vec::new();
        for source in sources {
            for form in read(source)? {
                written.push(compiler.root(&form, written.len() as u16)?);
            }
        }
        let mut table = Self { captures: compiler.captures, ..Self::default() };
        for pattern in written {
            match Chain::of(&pattern, &table.captures) {
                Some(chains) => table.chains.extend(chains),
                None => table.patterns.extend(pattern.inwards()),
            }
        }
        let kinds = 0..language.node_kind_count() as u16;
        let accepts = |kinds: &Kinds, kind: u16| match kinds {
            Kinds::Any => true,
            Kinds::Named => language.node_kind_is_named(kind),
            Kinds::OneOf(kinds) => kinds.contains(&kind),
        };
        for kind in kinds {
            let start = table.order.len() as u16;
            let accepted = table.patterns.iter().enumerate().filter(|(_, pattern)| accepts(&pattern.node.kinds, kind));
            table.order.extend(accepted.map(|(number, _)| number as u16));
            table.ranges.push((start, table.order.len() as u16));
            let start = table.chain_order.len() as u16;
            for (number, chain) in table.chains.iter().enumerate().filter(|(_, chain)| accepts(&chain.innermost, kind))
            {
                table.chain_order.extend(chain.parents().map(|parent| (parent, number as u16)));
            }
            table.chain_ranges.push((start, table.chain_order.len() as u16));
        }
        Ok(table)
    }

    /// The chains that may end at a node of this kind in a node of that kind.
    #[inline]
    pub(crate) fn chains_of_kind(&self, kind: u16, parent: u16) -> impl Iterator<Item = &Chain> {
        let (start, end) = self.chain_ranges.get(kind as usize).copied().unwrap_or_default();
        let candidates = self.chain_order[start as usize..end as usize].iter();
        candidates
            .filter(move |(wanted, _)| *wanted == parent || *wanted == chain::ANY_PARENT)
            .map(|&(_, number)| &self.chains[number as usize])
    }

    /// Whether any chain may end at a node of this kind.
    pub(crate) fn has_chains(&self, kind: u16) -> bool {
        self.chain_ranges.get(kind as usize).is_some_and(|(start, end)| start < end)
    }

    /// Whether the field of a node of this kind decides about what is inside it.
    pub(crate) fn field_decides(&self, kind: u16) -> bool {
        let of_chains = self.chains.iter().flat_map(|chain| &chain.around);
        let of_patterns = self.patterns.iter().flat_map(|pattern| &pattern.around);
        of_chains.chain(of_patterns).any(|around| around.field != 0 && around.kinds.accepts(kind))
    }

    /// Whether the field of a node of this kind decides about a chain that ends there in a node of that kind.
    #[inline]
    pub(crate) fn chain_asks_for_field(&self, kind: u16, parent: u16) -> bool {
        self.chains_of_kind(kind, parent).any(|chain| chain.field != 0)
    }

    /// Whether a pattern asks in which fields the children of a node of this kind stand.
    pub(crate) fn asks_for_fields_in(&self, kind: u16) -> bool {
        self.patterns.iter().any(|pattern| pattern.node.asks_for_fields_in(kind))
    }

    /// The patterns whose root may be a node of this kind.
    #[inline]
    pub(crate) fn of_kind(&self, kind: u16) -> impl ExactSizeIterator<Item = &RootPattern> {
        let (start, end) = self.ranges.get(kind as usize).copied().unwrap_or_default();
        self.order[start as usize..end as usize].iter().map(|&index| &self.patterns[index as usize])
    }
}

/// Every number that a grammar gives a node kind.
pub(crate) fn kind_numbers(language: &Language, name: &str, named: bool) -> Vec<u16> {
    (0..language.node_kind_count() as u16)
        .filter(|&kind| language.node_kind_is_named(kind) == named && language.node_kind_for_id(kind) == Some(name))
        .collect()
}

struct Compiler<'a> {
    language: &'a Language,
    captures: Vec<Capture>,
    names: HashMap<String, u16>,
}

/// The predicates of one pattern, by capture name.
#[derive(Default)]
struct Predicates<'a> {
    tests: Vec<(&'a str, Accepting<'a>, bool)>,
    pairs: Vec<(&'a str, &'a str, bool)>,
}

#[derive(Clone, Copy)]
enum Accepting<'a> {
    Words(&'a [Form]),
    Regex(&'a str),
}

impl<'a> Compiler<'a> {
    fn new(language: &'a Language) -> Self {
        Self { language, captures: Vec::new(), names: HashMap::new() }
    }

    fn root(&mut self, form: &Form, number: u16) -> Result<RootPattern, PatternError> {
        let mut predicates = Predicates::default();
        collect_predicates(form, &mut predicates)?;
        // `((node) @capture (#predicate))`: the outer list groups one pattern with its predicates.
        let mut form = form;
        while let Form::Node { kind: None, children, captures, .. } = form {
            let mut patterns = children.iter().filter(|child| !matches!(child, Form::Predicate { .. }));
            match (patterns.next(), patterns.next(), captures.is_empty()) {
                (Some(only), None, true) => form = only,
                _ => return error("a group must hold exactly one pattern"),
            }
        }
        let mut alternatives = self.node(form, &predicates)?;
        let (Some(node), true) = (alternatives.pop(), alternatives.is_empty()) else {
            return error("a pattern must not be an alternation");
        };
        let mut pairs = Vec::new();
        for (left, right, negated) in predicates.pairs {
            match (self.names.get(left), self.names.get(right)) {
                (Some(&left), Some(&right)) => pairs.push((left, right, negated)),
                _ => return error(format!("unknown capture in a predicate: {left} or {right}")),
            }
        }
        Ok(RootPattern { around: Box::default(), node, pairs: pairs.into(), number })
    }

    fn capture(&mut self, name: &str) -> Result<u16, PatternError> {
        if let Some(&number) = self.names.get(name) {
            return Ok(number);
        }
        let Some(capture) = Capture::from_name(name) else { return error(format!("unknown capture: {name}")) };
        let number = self.captures.len() as u16;
        self.captures.push(capture);
        self.names.insert(name.to_owned(), number);
        Ok(number)
    }

    /// The alternatives of one form: more than one for an alternation.
    fn node(&mut self, form: &Form, predicates: &Predicates<'_>) -> Result<Vec<NodePattern>, PatternError> {
        let (mut nodes, field, captures) = match form {
            Form::Alternation { children, field, captures, .. } => {
                let mut nodes = Vec::new();
                for child in children {
                    nodes.extend(self.node(child, predicates)?);
                }
                (nodes, field, captures)
            }
            Form::Node { kind: Some(kind), children, field, captures, .. } => {
                (vec![self.plain(self.kinds(kind, true)?, children, predicates)?], field, captures)
            }
            Form::Token { text, field, captures, .. } => {
                (vec![self.plain(self.kinds(text, false)?, &[], predicates)?], field, captures)
            }
            _ => return error("expected a node pattern"),
        };
        let field = self.field(field.as_deref())?;
        let mut numbers = Vec::new();
        for name in captures {
            numbers.push(self.capture(name)?);
        }
        for node in &mut nodes {
            if field != 0 {
                node.field = field;
            }
            let mut all = std::mem::take(&mut node.captures).into_vec();
            all.extend(&numbers);
            node.captures = all.into();
            let mut tests = std::mem::take(&mut node.tests).into_vec();
            for (name, accepting, negated) in &predicates.tests {
                if captures.iter().any(|capture| capture == name) {
                    tests.push(text_test(*accepting, *negated)?);
                }
            }
            node.tests = tests.into();
        }
        Ok(nodes)
    }

    fn plain(
        &mut self,
        kinds: Kinds,
        forms: &[Form],
        predicates: &Predicates<'_>,
    ) -> Result<NodePattern, PatternError> {
        let mut children = Vec::new();
        let mut absent = Vec::new();
        let mut anchored = false;
        for form in forms {
            match form {
                Form::Anchor => anchored = true,
                Form::Negated(name) => absent.push(self.field(Some(name))?),
                Form::Predicate { .. } => {}
                _ => {
                    let alternatives = self.node(form, predicates)?.into();
                    children.push(ChildPattern { alternatives, optional: form.is_optional(), anchored });
                    anchored = false;
                }
            }
        }
        Ok(NodePattern {
            token: matches!(&kinds, Kinds::OneOf(kinds) if kinds.iter().all(|&kind| !self.language.node_kind_is_named(kind))),
            kinds,
            field: 0,
            absent: absent.into(),
            captures: Box::default(),
            tests: Box::default(),
            children: children.into(),
            closed: anchored,
        })
    }

    fn field(&self, name: Option<&str>) -> Result<u16, PatternError> {
        match name {
            None => Ok(0),
            Some(name) => match self.language.field_id_for_name(name) {
                Some(number) => Ok(number.get()),
                None => error(format!("unknown field: {name}")),
            },
        }
    }

    fn kinds(&self, name: &str, named: bool) -> Result<Kinds, PatternError> {
        if name == "_" {
            return Ok(if named { Kinds::Named } else { Kinds::Any });
        }
        let numbers = kind_numbers(self.language, name, named);
        if numbers.is_empty() || numbers.iter().all(|&kind| !self.language.node_kind_is_visible(kind)) {
            return error(format!("unknown or hidden node kind: {name}"));
        }
        Ok(Kinds::OneOf(numbers.into()))
    }
}

fn text_test(accepting: Accepting<'_>, negated: bool) -> Result<TextTest, PatternError> {
    let accepts = match accepting {
        Accepting::Words(forms) => {
            let words = forms.iter().filter_map(|form| match form {
                Form::Token { text, .. } => Some(text.clone().into_boxed_str()),
                _ => None,
            });
            Accepts::Words(words.collect())
        }
        Accepting::Regex(source) => match Regex::new(source) {
            Ok(regex) => Accepts::Regex(Beginning::new(source), regex),
            Err(problem) => return error(problem.to_string()),
        },
    };
    Ok(TextTest { accepts, negated })
}

fn collect_predicates<'a>(form: &'a Form, into: &mut Predicates<'a>) -> Result<(), PatternError> {
    let children = match form {
        Form::Node { children, .. } | Form::Alternation { children, .. } => children,
        Form::Predicate { name, arguments } => {
            let negated = name.starts_with("not-");
            let (Some(Form::Reference(capture)), rest) = (arguments.first(), arguments.get(1..).unwrap_or(&[])) else {
                return error(format!("the first argument of #{name} must be a capture"));
            };
            match (name.trim_start_matches("not-"), rest) {
                ("eq?", [Form::Reference(other)]) => into.pairs.push((capture, other, negated)),
                ("eq?" | "any-of?", words) => into.tests.push((capture, Accepting::Words(words), negated)),
                ("match?", [Form::Token { text, .. }]) => into.tests.push((capture, Accepting::Regex(text), negated)),
                _ => return error(format!("unknown predicate: #{name}")),
            }
            return Ok(());
        }
        _ => return Ok(()),
    };
    children.iter().try_for_each(|child| collect_predicates(child, into))
}
