//! What a method takes of the object that it belongs to. Two methods of two types that both do so work on the state of
//! two objects: neither could be called where the other one is.

use std::collections::BTreeSet;

use super::{bindings::is_from_outside, units::Unit};
use crate::lexer::{Token, TokenKind};

/// The type that a method belongs to, and whether it uses the object.
pub(super) struct Owner {
    /// Of what name.
    name: String,
    /// The folder and, where a package is no folder, the file that says which type of that name it is.
    place: String,
    /// What it extends, as its head says it.
    head: String,
    pub(super) uses_object: bool,
}

/// Words for the object that a method is called on.
const OBJECT: [&str; 4] = ["self", "this", "Self", "@"];

/// What any code of Ruby calls without an object.
const KERNEL: [&str; 14] = [
    "block_given?", "catch", "format", "lambda", "loop", "p", "print", "proc", "puts", "raise", "rand", "require",
    "sleep", "sprintf",
];

impl Owner {
    /// The owner of a function; `None` of one that belongs to no type. `body` and `signature` are its tokens, `given`
    /// what it is given, `used` the names it uses that are no members of something.
    pub(super) fn of(
        unit: &Unit,
        text: &str,
        signature: &[Token],
        body: &[Token],
        (given, used): (&BTreeSet<String>, &BTreeSet<String>),
    ) -> Option<Self> {
        let symbol = unit.symbol().filter(|_| unit.is_member())?;
        let language = unit.file.language().name();
        let parent = symbol.parent().and_then(|parent| unit.file.symbol(parent));
        let path = unit.file.path();
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let receiver = (language == "go").then(|| receiver(text, signature)).flatten();
        let is_object = |token: &Token| {
            let word = token.span.slice(text).trim_start_matches('$');
            OBJECT.contains(&word) || word.starts_with('@') || receiver == Some(word)
        };
        let siblings = || {
            let implicit = matches!(language, "java" | "csharp" | "kotlin" | "swift" | "scala" | "cpp" | "ruby");
            let own = symbol.parent().filter(|_| implicit);
            let of_parent = unit.file.symbols().filter(move |other| own.is_some() && other.parent() == own);
            of_parent.filter(|other| other.name() != symbol.name())
        };
        let asks_itself = |at: usize| {
            let word = body[at].span.slice(text);
            let is_call = body[at].kind == TokenKind::Name && word.starts_with(|first: char| first.is_lowercase());
            is_call && !given.contains(word) && !KERNEL.contains(&word) && is_from_outside(text, body, at)
        };
        let is_asked = language == "ruby" && (0..body.len()).any(asks_itself);
        // What C++ defines outside of its type names members like anything else, and they are declared elsewhere.
        let is_apart = language == "cpp" && parent.is_none_or(|parent| !parent.kind().is_type());
        Some(Self {
            name: symbol.container().to_owned(),
            place: if language == "go" { folder.to_owned() } else { path.to_string() },
            head: parent.map_or_else(String::new, |parent| parent.signature().slice(text).to_owned()),
            uses_object: is_asked
                || is_apart
                || body.iter().any(is_object)
                || siblings().any(|other| used.contains(other.name())),
        })
    }

    /// Whether two methods use the objects of two types of which neither extends the other.
    pub(super) fn are_apart(&self, other: &Self) -> bool {
        let is_same = self.name == other.name && self.place == other.place;
        let extends = |one: &Self, of: &Self| !of.name.is_empty() && one.head != of.head && one.extends(&of.name);
        self.uses_object && other.uses_object && !is_same && !extends(self, other) && !extends(other, self)
    }

    /// Whether the head of the type names another one, of which the last part counts; its own name, which stands first,
    /// aside.
    fn extends(&self, other: &str) -> bool {
        let own = usize::from(last(&self.name) == last(other));
        conexus_core::words::identifiers(&self.head).filter(|word| *word == last(other)).count() > own
    }
}

/// The last part of a qualified name.
fn last(name: &str) -> &str {
    name.rsplit(['.', ':']).next().unwrap_or(name)
}

/// What a method of Go calls the object: `func (c *Client) Load() ...`.
fn receiver<'t>(text: &'t str, signature: &[Token]) -> Option<&'t str> {
    let open = signature.iter().position(|token| token.span.slice(text) == "(")?;
    let first = signature.get(open + 1).filter(|token| token.kind == TokenKind::Name)?;
    Some(first.span.slice(text))
}
