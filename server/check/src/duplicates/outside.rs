//! What a function takes from outside of itself: names that it neither declares nor is given, and the types of what it
//! is given and returns. Two functions of which one takes something else do something else, however much alike they look.

use std::{
    cell::OnceCell,
    collections::{BTreeSet, HashMap},
};

use conexus_core::{Language, SymbolKind};
use conexus_engine::{FileEntry, Snapshot, SymbolRef};

use super::{
    compare::{Bodies, Comparison, OtherName},
    state::Owner,
    units::{Unit, body_tokens},
};
use crate::lexer::{self, Token, TokenKind};

/// Whether two functions that were compared take the same. A name that stands once in a body is not declared there, or
/// declared for nothing; so it comes with the arguments or from outside, and then another name is another thing. So is
/// another name of what is called, a member or a type, and of what the module or the type has.
pub(super) fn is_same(
    bodies: &mut Bodies<'_, '_>,
    definitions: &Definitions<'_>,
    left: &Unit,
    right: &Unit,
    comparison: &Comparison,
) -> bool {
    let (Some(own), Some(other)) = (Head::of(bodies, left), Head::of(bodies, right)) else { return false };
    let is_named = |unit: &Unit, name: &str| unit.symbol().is_some_and(|symbol| symbol.name() == name);
    let may_differ = |name: &OtherName| {
        let OtherName { here, there, outside, key } = name;
        let given = own.names.contains(here) && other.names.contains(there);
        let themselves = is_named(left, here) && is_named(right, there);
        let is_kept = own.kept.contains(here) || other.kept.contains(there);
        let from_outside = *outside || is_kept || is_defined(left, here) || is_defined(right, there);
        !key && (given || themselves || !from_outside)
    };
    // What the new one is given besides, and uses, the old one has no place for.
    let used_of_given = |head: &Head| head.parameters.intersection(&head.used).count();
    // A name that both use and only one is given is a field or the like for the other one.
    let used_by_both: BTreeSet<&String> = own.used.intersection(&other.used).collect();
    let is_given_once = |name: &String| own.given.contains(name) != other.given.contains(name);
    let are_apart = |name: &String| definitions.are_apart(name, &left.file, &right.file);
    let is_another_there = |name: &String| {
        let given = own.given.contains(name) || other.given.contains(name);
        !given && !is_named(left, name) && !is_named(right, name) && are_apart(name)
    };
    // One that may change its object is not called where the object may not change, nor one that consumes it.
    let uses_object = |head: &Head| head.owner.as_ref().is_some_and(|owner| owner.uses_object);
    let takes_otherwise = match (own.object, other.object) {
        (Some(ours), Some(theirs)) => ours != theirs && (uses_object(&own) || uses_object(&other)),
        _ => false,
    };
    let of_two_objects = match (&own.owner, &other.owner) {
        (Some(own), Some(other)) => own.are_apart(other),
        // Who has no object cannot call what works on one.
        (None, Some(other)) => other.uses_object,
        _ => false,
    };
    !of_two_objects
        && !takes_otherwise
        && used_of_given(&own) <= used_of_given(&other)
        && comparison.others.iter().all(may_differ)
        && !used_by_both.iter().any(|name| is_given_once(name))
        && !used_by_both.iter().any(|name| is_another_there(name))
        && !own.types.intersection(&other.types).any(are_apart)
        && (own.types.is_empty() || other.types.is_empty() || own.types == other.types)
}

/// Whether each of two functions is given, or returns, a type that the other one has not.
pub(super) fn have_other_types(bodies: &mut Bodies<'_, '_>, left: &Unit, right: &Unit) -> bool {
    let (Some(own), Some(other)) = (Head::of(bodies, left), Head::of(bodies, right)) else { return false };
    !own.types.is_subset(&other.types) && !other.types.is_subset(&own.types)
}

/// Whether the file of a function defines a name outside of functions.
fn is_defined(unit: &Unit, name: &str) -> bool {
    let mut named = unit.file.symbols().filter(|symbol| symbol.name() == name);
    named.any(|symbol| !has_function_around(&unit.file, symbol))
}

/// Types, variables and functions of modules by name: one name is two things where each of two modules has its own.
pub(super) struct Definitions<'a> {
    snapshot: &'a Snapshot,
    files: OnceCell<HashMap<&'a str, Vec<&'a FileEntry>>>,
}

impl<'a> Definitions<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, files: OnceCell::new() }
    }

    /// Whether a name means one thing in the one file and another in the other.
    fn are_apart(&self, name: &str, left: &FileEntry, right: &FileEntry) -> bool {
        let files = self.files.get_or_init(|| {
            let mut files: HashMap<&str, Vec<&FileEntry>> = HashMap::new();
            let symbols = self.snapshot.index().symbols();
            for (file, symbol) in symbols.filter(|(file, symbol)| is_of_module(file, *symbol)) {
                files.entry(symbol.name()).or_default().push(file);
            }
            files
        });
        let Some(all) = files.get(name) else { return false };
        let (own, other) = (near(all, left), near(all, right));
        !own.is_empty() && !other.is_empty() && own.is_disjoint(&other)
    }
}

/// Whether a symbol is a type, a variable or a function of a module, or what C knows by its name alone, a member of an
/// enumeration.
fn is_of_module(file: &FileEntry, symbol: SymbolRef<'_>) -> bool {
    if symbol.kind() == SymbolKind::EnumMember {
        return is_c(file.language());
    }
    let around = symbol.parent().and_then(|parent| file.symbol(parent)).map(|parent| parent.kind());
    let is_free = around.is_none_or(|kind| matches!(kind, SymbolKind::Module | SymbolKind::Namespace));
    let kinds = [SymbolKind::Variable, SymbolKind::Constant, SymbolKind::Function];
    is_free && (symbol.kind().is_type() || kinds.contains(&symbol.kind()))
}

/// Of the files that define a name, those that a file means by it: itself, or those of its package.
fn near(all: &[&FileEntry], file: &FileEntry) -> BTreeSet<u32> {
    let folder = |file: &FileEntry| file.path().rsplit_once('/').map_or("", |(folder, _)| folder).to_owned();
    let own = file.first_slot();
    if all.iter().any(|one| one.first_slot() == own) {
        return BTreeSet::from([own]);
    }
    let package = matches!(file.language().name(), "go" | "java" | "csharp" | "kotlin" | "swift" | "scala");
    let beside = all.iter().filter(|one| package && folder(one) == folder(file));
    beside.map(|one| one.first_slot()).collect()
}

/// Whether a function stands inside of another one, where nobody else can call it.
pub(super) fn is_local(unit: &Unit) -> bool {
    unit.symbol().is_some_and(|symbol| has_function_around(&unit.file, symbol))
}

fn has_function_around(file: &FileEntry, symbol: SymbolRef<'_>) -> bool {
    symbol.parent().and_then(|parent| file.symbol(parent)).is_some_and(|parent| {
        matches!(parent.kind(), SymbolKind::Function | SymbolKind::Method | SymbolKind::Constructor)
    })
}

/// What the head of a function says, and what its body uses.
struct Head {
    names: BTreeSet<String>,
    /// Those among its parameters and their types.
    given: BTreeSet<String>,
    /// Of these what the parameters are called.
    parameters: BTreeSet<String>,
    /// What names the body uses, members aside.
    used: BTreeSet<String>,
    /// What is written like a type behind its name, and whatever names the result there: in Go, Rust and others a type may
    /// begin with a small letter.
    types: BTreeSet<String>,
    /// What the body says is kept from call to call, or is of the module: `static` and `global` variables.
    kept: BTreeSet<String>,
    /// How a method takes its object, where its head says so.
    object: Option<Taken>,
    owner: Option<Owner>,
}

impl Head {
    fn of(bodies: &mut Bodies<'_, '_>, unit: &Unit) -> Option<Self> {
        let (text, symbol) = (bodies.text(unit)?, unit.symbol()?);
        let tokens = lexer::tokens(unit.file.language(), &text, symbol.signature());
        let behind = tokens.iter().position(|token| token.span.start >= symbol.name_span().end).unwrap_or(tokens.len());
        let (parameters, result) = tokens[behind..].split_at(end_of_parameters(&text, &tokens[behind..]));
        let given = names(&text, parameters);
        let named = names_of_parameters(unit.file.language(), &text, parameters);
        let mut types = if is_c(unit.file.language()) {
            types_of_c(&text, &tokens[..behind], parameters)
        } else if matches!(unit.file.language().name(), "java" | "csharp") {
            types_of_parameters(&text, parameters)
        } else {
            given.iter().filter(|name| name.starts_with(char::is_uppercase)).cloned().collect()
        };
        types.append(&mut names(&text, result));
        let body = body_tokens(unit.file.language(), &text, unit.body, symbol.doc());
        let is_member = |at: usize| at > 0 && matches!(body[at - 1].span.slice(&text), "." | "->" | "::" | "?.");
        let variables: Vec<Token> =
            body.iter().enumerate().filter(|(at, _)| !is_member(*at)).map(|(_, token)| *token).collect();
        let used = names(&text, &variables);
        let owner = Owner::of(unit, &text, &tokens, &body, (&given, &used));
        let kept = kept_names(unit.file.language(), &text, &body);
        let object = Taken::of(unit, &text, parameters, result);
        Some(Self { names: names(&text, &tokens), given, parameters: named, used, types, kept, object, owner })
    }
}

/// How a method takes the object that it is called on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Taken {
    Consumed,
    Shared,
    Mutable,
}

impl Taken {
    /// In Rust `self`, `&self` and `&mut self`, in C++ `const` behind the parameters or not; nothing elsewhere.
    fn of(unit: &Unit, text: &str, parameters: &[Token], result: &[Token]) -> Option<Self> {
        let slice = |token: &Token| token.span.slice(text);
        match unit.file.language().name() {
            "rust" => {
                let object = parameters.iter().position(|token| slice(token) == "self")?;
                let before: Vec<&str> = parameters[..object].iter().map(slice).collect();
                Some(match (before.contains(&"&"), before.contains(&"mut")) {
                    (false, _) => Self::Consumed,
                    (true, true) => Self::Mutable,
                    (true, false) => Self::Shared,
                })
            }
            "cpp" if unit.is_member() => {
                Some(if result.iter().any(|token| slice(token) == "const") { Self::Shared } else { Self::Mutable })
            }
            _ => None,
        }
    }
}

/// The names in statements of a body that begin with `static` or `global`.
fn kept_names(language: Language, text: &str, body: &[Token]) -> BTreeSet<String> {
    let words: &[&str] = match language.name() {
        "c" | "cpp" => &["static"],
        "php" => &["static", "global"],
        "python" => &["global", "nonlocal"],
        _ => return BTreeSet::new(),
    };
    let slice = |token: &Token| token.span.slice(text);
    let mut kept = BTreeSet::new();
    for (at, word) in body.iter().enumerate().filter(|(_, token)| words.contains(&slice(token))) {
        let line = &text[word.span.start as usize..];
        let end_of_line = word.span.start as usize + line.find('\n').unwrap_or(line.len());
        let is_within = |token: &&Token| match language.name() {
            "python" => (token.span.start as usize) < end_of_line,
            _ => !matches!(slice(token), ";" | "="),
        };
        let statement: Vec<Token> = body[at..].iter().take_while(is_within).copied().collect();
        kept.append(&mut names(text, &statement));
    }
    kept
}

fn is_c(language: Language) -> bool {
    matches!(language.name(), "c" | "cpp")
}

/// The types in a head of C, where they may be written like anything else: what stands before the function's name, its
/// own and qualifiers of it aside, and all but the last name of each parameter.
fn types_of_c(text: &str, before: &[Token], parameters: &[Token]) -> BTreeSet<String> {
    let slice = |token: &Token| token.span.slice(text);
    let before = &before[..before.len().saturating_sub(1)];
    let qualifies = |at: usize| before.get(at + 1).is_some_and(|next| slice(next) == "::");
    let of_result = before.iter().enumerate().filter(|(at, _)| !qualifies(*at)).map(|(_, token)| token);
    let mut types = names(text, &of_result.copied().collect::<Vec<_>>());
    types.append(&mut types_of_parameters(text, parameters));
    types
}

/// Words before a parameter's name that are no part of its type.
const QUALIFIERS: &[&str] = &[
    "const", "enum", "final", "in", "out", "params", "readonly", "ref", "register", "restrict", "scoped", "struct",
    "this", "union", "volatile",
];

/// The types of parameters that stand before their names: all words but the last one of each.
fn types_of_parameters(text: &str, parameters: &[Token]) -> BTreeSet<String> {
    let slice = |token: &Token| token.span.slice(text);
    let mut types = BTreeSet::new();
    for parameter in parameters.split(|token| slice(token) == ",") {
        let is_word = |token: &&Token| matches!(token.kind, TokenKind::Name | TokenKind::Keyword);
        let words: Vec<&Token> = parameter.iter().filter(is_word).collect();
        // One word alone is a type without a name.
        let of_type = if words.len() > 1 { &words[..words.len() - 1] } else { &words };
        types.extend(
            of_type.iter().map(|token| slice(token)).filter(|word| !QUALIFIERS.contains(word)).map(str::to_owned),
        );
    }
    types
}

/// What parameters are called: the last word of each where types stand before, the first one in Go, and elsewhere what
/// stands before a type or a default.
fn names_of_parameters(language: Language, text: &str, parameters: &[Token]) -> BTreeSet<String> {
    let slice = |token: &Token| token.span.slice(text);
    let mut called = BTreeSet::new();
    for parameter in parameters.split(|token| slice(token) == ",") {
        let before = parameter.split(|token| matches!(slice(token), ":" | "=")).next().unwrap_or_default();
        let mut words =
            before.iter().filter(|token| token.kind == TokenKind::Name).map(|token| slice(token).to_owned());
        match language.name() {
            "c" | "cpp" | "java" | "csharp" | "php" => called.extend(words.next_back()),
            "go" => called.extend(words.next()),
            _ => called.extend(words),
        }
    }
    called
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
