//! What a function takes from outside of itself: names that it neither declares nor is given, and the types of what it
//! is given and returns. Two functions of which one takes something else do something else, however much alike they look.

use std::collections::BTreeSet;

use conexus_core::SymbolKind;

use super::{
    compare::{Bodies, Comparison},
    units::{Unit, body_tokens},
};
use crate::lexer::{self, Token, TokenKind};

/// Whether two functions that were compared take the same. A name that stands once in a body is not declared there, or
/// declared for nothing; so it comes with the arguments or from outside, and then another name is another thing.
pub(super) fn is_same(bodies: &mut Bodies<'_, '_>, left: &Unit, right: &Unit, comparison: &Comparison) -> bool {
    let (Some(own), Some(other)) = (Head::of(bodies, left), Head::of(bodies, right)) else { return false };
    let given = |(here, there): &(String, String)| own.names.contains(here) && other.names.contains(there);
    // A name that both use and only one is given is a field or the like for the other one.
    let used_by_both: BTreeSet<&String> = own.used.intersection(&other.used).collect();
    let is_given_once = |name: &String| own.given.contains(name) != other.given.contains(name);
    comparison.once.iter().all(given)
        && !used_by_both.into_iter().any(is_given_once)
        && (own.types.is_empty() || other.types.is_empty() || own.types == other.types)
}

/// Whether a function stands inside of another one, where nobody else can call it.
pub(super) fn is_local(unit: &Unit) -> bool {
    let parent = unit.symbol().and_then(|symbol| symbol.parent()).and_then(|parent| unit.file.symbol(parent));
    parent.is_some_and(|parent| {
        matches!(parent.kind(), SymbolKind::Function | SymbolKind::Method | SymbolKind::Constructor)
    })
}

/// What the head of a function says, and what its body uses.
struct Head {
    names: BTreeSet<String>,
    /// Those among its parameters.
    given: BTreeSet<String>,
    /// What names the body uses, members aside.
    used: BTreeSet<String>,
    /// What is written like a type behind its name, and whatever names the result there: in Go, Rust and others a type may
    /// begin with a small letter.
    types: BTreeSet<String>,
}

impl Head {
    fn of(bodies: &mut Bodies<'_, '_>, unit: &Unit) -> Option<Self> {
        let (text, symbol) = (bodies.text(unit)?, unit.symbol()?);
        let tokens = lexer::tokens(unit.file.language(), &text, symbol.signature());
        let behind = tokens.iter().position(|token| token.span.start >= symbol.name_span().end).unwrap_or(tokens.len());
        let (parameters, result) = tokens[behind..].split_at(end_of_parameters(&text, &tokens[behind..]));
        let given = names(&text, parameters);
        let mut types = given.clone();
        types.retain(|name| name.starts_with(char::is_uppercase));
        types.append(&mut names(&text, result));
        let body = body_tokens(unit.file.language(), &text, unit.body, symbol.doc());
        let is_member = |at: usize| at > 0 && matches!(body[at - 1].span.slice(&text), "." | "->" | "::" | "?.");
        let variables: Vec<Token> =
            body.iter().enumerate().filter(|(at, _)| !is_member(*at)).map(|(_, token)| *token).collect();
        let used = names(&text, &variables);
        Some(Self { names: names(&text, &tokens), given, used, types })
    }
}

/// How many of the tokens behind a function's name belong to its parameters.
fn end_of_parameters(text: &str, tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.span.slice(text) {
            "(" => depth += 1,
            ")" => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

fn names(text: &str, tokens: &[Token]) -> BTreeSet<String> {
    let of = |token: &&Token| token.kind == TokenKind::Name;
    tokens.iter().filter(of).map(|token| token.span.slice(text).to_owned()).collect()
}
