//! What a rule says about a place.

use std::borrow::Cow;

use conexus_core::{LineIndex, Span};
use conexus_engine::{FileEntry, SymbolRef};

use crate::{Rule, scope::Source};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Worth a change.
    Warning,
    /// To be changed.
    Error,
}

impl Severity {
    /// Every severity, the lightest first.
    pub const ALL: &'static [Self] = &[Self::Note, Self::Warning, Self::Error];

    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The severity of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|severity| severity.name() == name)
    }
}

/// A line and a column, both numbered from 0; columns count Unicode scalar values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Workspace-relative path with `/`.
    pub path: Box<str>,
    /// Its bytes in the indexed text.
    pub span: Span,
    /// Where it begins.
    pub start: Position,
    /// Where it ends.
    pub end: Position,
    /// The last line, from 0, of the code that it is the head or the first line of; else its own last line.
    pub last_line: u32,
}

impl Place {
    /// The place of a span in a text.
    pub fn of(path: &str, text: &str, lines: &LineIndex, span: Span) -> Self {
        let position = |offset: u32| {
            let line = lines.line_of(offset);
            let start = lines.span(line).map_or(0, |line| line.start);
            let before = Span { start, end: offset.max(start) }.slice(text);
            Position { line, column: before.chars().count() as u32 }
        };
        let end = position(span.end);
        Self { path: path.into(), span, start: position(span.start), end, last_line: end.line }
    }
}

/// Another place that belongs to a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Where.
    pub place: Place,
    /// What it has to do with the finding, such as "the same as here".
    pub label: String,
}

/// A replacement of one piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Workspace-relative path with `/`.
    pub path: Box<str>,
    /// What is replaced, in the indexed text.
    pub span: Span,
    /// What it must hold for the edit to be applied.
    pub expected: Box<str>,
    /// What stands there afterwards.
    pub replacement: Box<str>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The name of a rule of the user's own; only with [`Rule::Custom`].
    pub custom: Option<Box<str>>,
    /// How much it weighs.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What it is, in lower case without a full stop.
    pub message: String,
    /// Other places with what they have to do with it.
    pub related: Vec<Related>,
    /// What to do about it.
    pub help: Option<String>,
    /// Edits that mend it.
    pub fix: Option<Vec<Edit>>,
    /// What identifies it wherever its lines move: 16 hexadecimal digits.
    pub fingerprint: Box<str>,
    /// How sure it is, 0 to 1.
    pub confidence: f32,
}

impl Finding {
    /// A warning about one symbol, marked at its name, that nothing else has a part in.
    pub(crate) fn of_symbol(
        rule: Rule,
        file: &FileEntry,
        source: &Source,
        symbol: SymbolRef<'_>,
        message: String,
        help: &str,
    ) -> Self {
        Self {
            rule,
            custom: None,
            severity: Severity::Warning,
            place: Place::of(file.path(), &source.text, &source.lines, symbol.name_span()),
            message,
            related: Vec::new(),
            help: Some(help.to_owned()),
            fix: None,
            fingerprint: fingerprint([rule.code(), file.path(), symbol.container(), symbol.name()]),
            confidence: 1.0,
        }
    }

    /// The identifier under which it is selected, ignored and documented: `duplicate-code`, `custom/no-print`.
    pub fn code(&self) -> Cow<'static, str> {
        match &self.custom {
            Some(name) => Cow::Owned(format!("{}/{name}", self.rule.code())),
            None => Cow::Borrowed(self.rule.code()),
        }
    }
}

/// A fingerprint from what does not change when lines move: names, paths, contents.
pub(crate) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> Box<str> {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..16].into()
}
