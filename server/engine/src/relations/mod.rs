//! How a symbol hangs together with the rest: callers, callees, tests, similar code, helpers to reuse.
//!
//! Relations are heuristic. The index knows names with their syntax context, not what a compiler resolves them to, so
//! every relation says why it is believed and how much.

mod alike;
mod definition;
mod mention;
mod rules;
mod target;
mod tested;
mod uses;
mod weigh;

use std::sync::atomic::AtomicBool;

use conexus_core::{Generation, Language, Notice, Span, SymbolKind};

use crate::{Result, Snapshot, SymbolHit, workspace_symbols::Places};
use uses::Found;

/// What relations are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The innermost symbol around a byte of a file; the file itself where there is none.
    At {
        /// Workspace-relative path with `/`.
        path: String,
        /// Byte in the indexed version of the file.
        offset: u32,
    },
    /// A symbol by its name, qualified or not: `search`, `Snapshot::search`, `http/client.send`.
    Symbol(String),
    /// All symbols of a file together.
    File(String),
}

/// How two pieces of code are related.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RelationKind {
    /// Calls, constructs, extends, decorates with or otherwise uses the target.
    Caller,
    /// Is called, constructed, extended or otherwise used by the target.
    Callee,
    /// Tests the target.
    Test,
    /// Resembles the target.
    Similar,
    /// Does nearly the same as the target and could stand in its place.
    Reuse,
}

impl RelationKind {
    /// Every kind, in the order of answers.
    pub const ALL: &'static [Self] = &[Self::Caller, Self::Callee, Self::Test, Self::Similar, Self::Reuse];

    /// The stable name used on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Callee => "callee",
            Self::Test => "test",
            Self::Similar => "similar",
            Self::Reuse => "reuse",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// A set of [`RelationKind`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RelationKinds(u8);

impl RelationKinds {
    /// All of them.
    pub const ALL: Self = Self(0b1_1111);

    /// These.
    pub fn of(kinds: &[RelationKind]) -> Self {
        kinds.iter().fold(Self::default(), |set, &kind| set.with(kind))
    }

    /// With one more.
    pub const fn with(self, kind: RelationKind) -> Self {
        Self(self.0 | 1 << kind as u8)
    }

    /// Whether it holds a kind.
    pub const fn contains(self, kind: RelationKind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    /// Whether it is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// One piece of code that is related to the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// How.
    pub kind: RelationKind,
    /// Workspace-relative path with `/`.
    pub path: Box<str>,
    /// Language of the file.
    pub language: Language,
    /// The related symbol's whole definition; of a caller outside any symbol: the mention alone.
    pub span: Span,
    /// Where to look first: the mention in a caller or test, the name of anything else.
    pub focus: Span,
    /// First and last line of the span, numbered from 0, inclusive.
    pub lines: (u32, u32),
    /// The line of the focus.
    pub focus_line: u32,
    /// Name of the symbol; the file's name for a mention outside any symbol.
    pub name: Box<str>,
    /// The enclosing symbols, or else the path of the file.
    pub container: Box<str>,
    /// What the symbol is; `None` outside any symbol.
    pub symbol_kind: Option<SymbolKind>,
    /// Why it is believed, in words, such as `calls it twice; imports its name`.
    pub reason: String,
    /// How much it is believed, 0 to 1. Steps measured by hand are in `docs/quality.md`.
    pub confidence: f32,
}

/// The relations of a target.
#[derive(Clone, Debug, PartialEq)]
pub struct Related {
    /// The symbol that the target was taken for; `None` for a whole file, or when there is none.
    pub target: Option<SymbolHit>,
    /// Other symbols that the target may have meant: those of the same name, best first.
    pub candidates: Vec<SymbolHit>,
    /// Relations by kind in the order of [`RelationKind::ALL`], the surest first within a kind.
    pub relations: Vec<Relation>,
    /// Kinds of which the limit left out some, or that were not looked through to the end.
    pub more: RelationKinds,
    /// The state of the index it was read from.
    pub generation: Generation,
    /// What the reader must know.
    pub notices: Vec<Notice>,
}

impl Related {
    /// The relations of one kind, the surest first.
    pub fn of(&self, kind: RelationKind) -> impl Iterator<Item = &Relation> {
        self.relations.iter().filter(move |relation| relation.kind == kind)
    }
}

impl Snapshot {
    /// What a target is related to: at most `limit` relations of each wanted kind. A symbol that is not found is no
    /// error: the answer has no target and says [`Notice::NoMatch`]; a file that is not indexed is one. The work is
    /// bounded, and `cancel` is looked at after each file; a cancelled call answers with what it has.
    pub fn related(
        &self,
        target: &Target,
        wanted: RelationKinds,
        limit: usize,
        cancel: &AtomicBool,
    ) -> Result<Related> {
        let mut related = Related {
            target: None,
            candidates: Vec::new(),
            relations: Vec::new(),
            more: RelationKinds::default(),
            generation: self.generation(),
            notices: self.notices().to_vec(),
        };
        let Some(subject) = target::find(self, target, cancel)? else {
            related.notices.push(Notice::NoMatch);
            return Ok(related);
        };
        let mut places = Places::new(self);
        related.target = subject.symbol.map(|symbol| places.symbol(subject.file, symbol, 0.0));
        related.candidates = subject.others.iter().map(|(file, symbol)| places.symbol(file, *symbol, 0.0)).collect();
        let mut add = |kind: RelationKind, mut found: Found| {
            if wanted.contains(kind) {
                related.relations.append(&mut found.relations);
                if found.more {
                    related.more = related.more.with(kind);
                }
            }
        };
        let direct = if wanted.contains(RelationKind::Caller) || wanted.contains(RelationKind::Test) {
            uses::callers(self, &subject, usize::MAX, cancel)?
        } else {
            (Vec::new(), false)
        };
        let callers =
            direct.0.iter().take(limit).map(|caller| caller.relation(RelationKind::Caller, &subject, &mut places));
        add(RelationKind::Caller, Found { relations: callers.collect(), more: direct.1 || direct.0.len() > limit });
        if wanted.contains(RelationKind::Callee) {
            add(RelationKind::Callee, uses::callees(self, &subject, limit, cancel)?);
        }
        if wanted.contains(RelationKind::Test) {
            add(RelationKind::Test, tested::tests(self, &subject, &direct.0, limit, cancel)?);
        }
        if wanted.contains(RelationKind::Similar) || wanted.contains(RelationKind::Reuse) {
            let [similar, reuse] = alike::similar(self, &subject, limit, cancel)?;
            add(RelationKind::Similar, similar);
            add(RelationKind::Reuse, reuse);
        }
        Ok(related)
    }
}
