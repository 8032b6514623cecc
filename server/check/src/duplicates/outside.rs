//! What a function takes from outside of itself: names that it neither declares nor is given, and the types of what it
//! is given. Two functions of which one takes something else do something else, however much alike they look.

use std::collections::BTreeSet;

use conexus_core::{Span, SymbolKind};

use super::{
    compare::{Bodies, Comparison},
    units::Unit,
};
use crate::lexer::{self, Token, TokenKind};

/// Whether two functions that were compared take the same. A name that stands once in a body is not declared there, or
/// declared for nothing; so it comes with the arguments or from outside, and then another name is another thing.
pub(super) fn is_same(bodies: &mut Bodies<'_, '_>, left: &Unit, right: &Unit, comparison: &Comparison) -> bool {
    let (Some(own), Some(other)) = (Head::of(bodies, left), Head::of(bodies, right)) else { return false };
    let given = |(here, there): &(String, String)| own.names.contains(here) && other.names.contains(there);
    comparison.once.iter().all(given) && (own.types.is_empty() || other.types.is_empty() || own.types == other.types)
}

/// Whether a function stands inside of another one, where nobody else can call it.
pub(super) fn is_local(unit: &Unit) -> bool {
    let parent = unit.symbol().and_then(|symbol| symbol.parent()).and_then(|parent| unit.file.symbol(parent));
    parent.is_some_and(|parent| {
        matches!(parent.kind(), SymbolKind::Function | SymbolKind::Method | SymbolKind::Constructor)
    })
}

/// What the head of a function says.
struct Head {
    names: BTreeSet<String>,
    /// What is written like a type among its parameters.
    types: BTreeSet<String>,
}

impl Head {
    fn of(bodies: &mut Bodies<'_, '_>, unit: &Unit) -> Option<Self> {
        let (text, symbol) = (bodies.text(unit)?, unit.symbol()?);
        let tokens = lexer::tokens(unit.file.language(), &text, symbol.signature());
        let after_name =
            tokens.iter().skip_while(|token| !token.span.overlaps(symbol.name_span())).copied().collect::<Vec<_>>();
        let names = names(&text, &tokens);
        let types = names_of_types(&text, parameters(&text, &after_name));
        Some(Self { names, types })
    }
}

fn names(text: &str, tokens: &[Token]) -> BTreeSet<String> {
    let of = |token: &&Token| token.kind == TokenKind::Name;
    tokens.iter().filter(of).map(|token| written(text, token.span)).collect()
}

fn names_of_types(text: &str, tokens: &[Token]) -> BTreeSet<String> {
    names(text, tokens).into_iter().filter(|name| name.starts_with(char::is_uppercase)).collect()
}

fn written(text: &str, span: Span) -> String {
    span.slice(text).to_owned()
}

/// The tokens between the first parenthesis and its end.
fn parameters<'a>(text: &str, tokens: &'a [Token]) -> &'a [Token] {
    let Some(first) = tokens.iter().position(|token| token.span.slice(text) == "(") else { return &[] };
    let mut open = 0;
    let end = tokens[first..].iter().position(|token| {
        open += match token.span.slice(text) {
            "(" => 1,
            ")" => -1,
            _ => 0,
        };
        open == 0
    });
    &tokens[first..end.map_or(tokens.len(), |end| first + end)]
}
