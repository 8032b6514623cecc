//! Two bodies laid beside each other: how much of them agrees, and what differs.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use conexus_core::{Language, Span};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{
    apart::Apart,
    bindings::{is_from_outside, is_key, is_type_by_place},
    reinvented::shared,
    units::{Unit, body_tokens, code, text_hash},
};
use crate::{
    DuplicateOptions,
    lexer::{Token, TokenKind},
    scope::Scope,
};

/// The texts of the files whose bodies are compared, each read once while there is room for it.
pub(crate) struct Bodies<'a, 'b> {
    scope: &'b Scope<'a>,
    texts: HashMap<u32, Option<Arc<str>>>,
    bytes: usize,
}

/// Bytes of texts that are kept by each thread.
const MOST_BYTES: usize = 16 << 20;

impl<'a, 'b> Bodies<'a, 'b> {
    pub(crate) fn new(scope: &'b Scope<'a>) -> Self {
        Self { scope, texts: HashMap::new(), bytes: 0 }
    }

    /// The text of a unit's file.
    pub(super) fn text(&mut self, unit: &Unit) -> Option<Arc<str>> {
        if self.bytes > MOST_BYTES {
            self.texts.clear();
            self.bytes = 0;
        }
        let (scope, bytes) = (self.scope, &mut self.bytes);
        let read = || {
            let source = scope.source(&unit.file)?;
            *bytes += source.text.len();
            Some(source.text)
        };
        self.texts.entry(unit.file.first_slot()).or_insert_with(read).clone()
    }
}

/// A body ready to be compared.
pub(crate) struct Compared {
    language: Language,
    text: Arc<str>,
    pub(super) tokens: Vec<Token>,
    pub(super) parts: Vec<Part>,
    pub(super) names: HashSet<u32>,
    /// What steers, sorted.
    pub(super) decisions: Vec<u32>,
}

/// A token of a body.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// What it is with names and literals left open.
    code: u32,
    /// Its text.
    pub(super) text: u32,
    /// Whether it is a name.
    name: bool,
    /// Whether it names something outside of the body: what is called, a member, a type.
    pub(super) outer: bool,
    /// Whether it is a number or a text.
    literal: bool,
}

/// What two bodies have in common, as shares from 0 to 1.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Comparison {
    /// Tokens that agree, names and literals left open.
    pub(crate) similarity: f32,
    /// What is called and which members are used: how much of that is the same.
    pub(crate) outer: f32,
    /// Names that stand for the same name wherever they do.
    pub(crate) consistent: f32,
    /// What the two say that no renaming accounts for, `outer` and literals: how much of that is the same.
    pub(crate) meant: f32,
    /// Whether both decide alike: the same words and operators that steer, each as often.
    pub(crate) decides: bool,
    /// What only one of the two has.
    pub(super) apart: Apart,
    /// Names that are others there.
    pub(crate) others: Vec<OtherName>,
    /// What differs.
    pub(crate) difference: Difference,
}

/// A name that is another one there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OtherName {
    pub(crate) here: String,
    pub(crate) there: String,
    /// Whether one of the two comes from outside of its body: it is called, a member or a type, it stands where types do,
    /// it stands only once, so that it is not declared there or for nothing, or it is used before anything binds it.
    pub(crate) outside: bool,
    /// Whether it is a key of something in one of the two.
    pub(crate) key: bool,
}

/// What differs between two bodies that do the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Difference {
    /// Names that are other names there.
    pub(crate) renamed: Vec<(String, String)>,
    /// Literals that are others there.
    pub(crate) literals: usize,
    /// Runs of tokens that only one of the two has.
    pub(crate) places: usize,
}

impl Compared {
    pub(crate) fn of(bodies: &mut Bodies<'_, '_>, unit: &Unit) -> Option<Self> {
        let text = bodies.text(unit)?;
        let tokens = body_tokens(unit.file.language(), &text, unit.body, unit.symbol()?.doc());
        Some(Self::new(unit.file.language(), text, tokens))
    }

    /// A piece of a unit.
    pub(crate) fn part(bodies: &mut Bodies<'_, '_>, unit: &Unit, span: Span) -> Option<Self> {
        let text = bodies.text(unit)?;
        let tokens = body_tokens(unit.file.language(), &text, span, unit.symbol()?.doc());
        Some(Self::new(unit.file.language(), text, tokens))
    }

    pub(crate) fn new(language: Language, text: Arc<str>, tokens: Vec<Token>) -> Self {
        let part = |at: usize| {
            let token = tokens[at];
            let name = token.kind == TokenKind::Name;
            Part {
                code: code(&text, token),
                text: text_hash(token.span.slice(&text)),
                name,
                outer: name && is_outer(&text, &tokens, at),
                literal: matches!(token.kind, TokenKind::Number | TokenKind::Text),
            }
        };
        let parts: Vec<Part> = (0..tokens.len()).map(part).collect();
        let names = parts.iter().filter(|part| part.name).map(|part| part.text).collect();
        let decides = |token: &&Token| match token.kind {
            TokenKind::Keyword => !HARMLESS_WORDS.contains(&token.span.slice(&text)),
            TokenKind::Operator => !HARMLESS_OPERATORS.contains(&token.span.slice(&text)),
            _ => false,
        };
        let mut decisions: Vec<u32> =
            tokens.iter().filter(decides).map(|token| text_hash(token.span.slice(&text))).collect();
        decisions.sort_unstable();
        Self { language, text, tokens, parts, names, decisions }
    }

    /// The share of what the two call, use and name as types that both do; none when that is too few names to say
    /// anything.
    pub(crate) fn shared_outer(&self, other: &Self) -> f32 {
        let outer = |body: &Self| -> HashSet<u32> {
            body.parts.iter().filter(|part| part.outer).map(|part| part.text).collect()
        };
        let (own, theirs) = (outer(self), outer(other));
        if own.len().min(theirs.len()) < LEAST_NAMES { 0.0 } else { shared(&own, &theirs) }
    }

    fn text_at(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.span.slice(&self.text))
    }

    /// What is compared: names that both bodies have by themselves, others as names.
    fn keys(&self, other: &Self) -> Vec<u32> {
        let shared = |part: &&Part| part.name && other.names.contains(&part.text);
        self.parts.iter().map(|part| Some(part).filter(shared).map_or(part.code, |part| part.text | 4)).collect()
    }
}

/// Words that declare and refer: another one of them changes nothing about what is done.
const HARMLESS_WORDS: &[&str] = &[
    "as", "begin", "const", "do", "end", "final", "fn", "from", "func", "function", "let", "local", "mut", "of",
    "private", "protected", "pub", "public", "ref", "self", "static", "super", "then", "this", "val", "var", "void",
];
/// Operators that reach for something.
const HARMLESS_OPERATORS: &[&str] = &[".", "::", "->", "?.", ":", "=", ":=", "&", "*", "=>"];

/// Whether a name is called, is a member, or is written like a type.
fn is_outer(text: &str, tokens: &[Token], at: usize) -> bool {
    let slice = |at: usize| tokens.get(at).map_or("", |token| token.span.slice(text));
    let before = if at == 0 { "" } else { slice(at - 1) };
    let after = slice(at + 1);
    let own = slice(at);
    after == "("
        || after.starts_with("::")
        || (tokens.get(at.wrapping_sub(1)).is_some_and(|token| token.kind == TokenKind::Operator)
            && (before.ends_with('.') || before.ends_with("::") || before.ends_with("->")))
        || own.starts_with(|first: char| first.is_uppercase())
        || matches!(before, "struct" | "union" | "enum")
        || matches!(after, "*" | "**") && is_type_by_place(text, tokens, at)
}

/// Different names that two bodies call or use for their sameness to mean anything.
const LEAST_NAMES: usize = 4;
/// Names that are told of in a finding.
const MOST_RENAMED: usize = 4;
/// Below this share of equal outer names two bodies do other things in the same form.
const LEAST_OUTER: f32 = 0.7;
/// And below this share of consistently renamed names they use what they have in other ways.
const LEAST_CONSISTENT: f32 = 0.85;
/// And below this both together are too little. Chosen on the fourth count in docs/check-evaluation.md, as high as the recall of
/// changed copies allows.
const LEAST_CONFIDENCE: f32 = 0.92;

/// What each word or operator that steers in one of two bodies alone takes from their confidence. Chosen on the pairs of
/// the first two counts in docs/check-evaluation.md: three of the five wrong functions and one of 72 right ones go.
const STEERED_OTHERWISE: f32 = 0.005;

/// Lays two bodies beside each other; nothing when they do not do the same.
pub(crate) fn compare(left: &Compared, right: &Compared, options: &DuplicateOptions) -> Option<Comparison> {
    let (total, smaller) = (left.parts.len() + right.parts.len(), left.parts.len().min(right.parts.len()));
    if 2 * smaller < (options.min_similarity * total as f32) as usize {
        return None;
    }
    let (left_keys, right_keys) = (left.keys(right), right.keys(left));
    if (2 * in_common(&left_keys, &right_keys)) < (options.min_similarity * total as f32) as usize {
        return None;
    }
    let comparison = summary(left, right, &capture_diff_slices(Algorithm::Myers, &left_keys, &right_keys));
    let holds = comparison.similarity >= options.min_similarity
        && comparison.outer >= LEAST_OUTER
        && comparison.consistent >= LEAST_CONSISTENT
        && comparison.confidence() >= LEAST_CONFIDENCE
        && !comparison.apart.calls_others();
    holds.then_some(comparison)
}

/// Lays two bodies beside each other, whatever comes out.
pub(crate) fn measure(left: &Compared, right: &Compared) -> Comparison {
    summary(left, right, &capture_diff_slices(Algorithm::Myers, &left.keys(right), &right.keys(left)))
}

/// Keys that both have, in any order: never less than what a diff finds equal.
fn in_common(left: &[u32], right: &[u32]) -> usize {
    let mut counts: HashMap<u32, i32> = HashMap::new();
    for key in left {
        *counts.entry(*key).or_default() += 1;
    }
    let mut common = 0;
    for key in right {
        if let Some(count) = counts.get_mut(key).filter(|count| **count > 0) {
            *count -= 1;
            common += 1;
        }
    }
    common
}

fn summary(left: &Compared, right: &Compared, operations: &[DiffOp]) -> Comparison {
    let total = left.parts.len() + right.parts.len();
    let mut difference = Difference::default();
    let mut aligned = 0;
    let mut pairs: HashMap<(u32, u32), u32> = HashMap::new();
    let mut order = Vec::new();
    let count_of =
        |wanted: &dyn Fn(&&Part) -> bool| [left, right].iter().flat_map(|body| &body.parts).filter(wanted).count();
    let (outer_total, literals) = (count_of(&|part| part.outer), count_of(&|part| part.literal));
    let (mut outer_same, mut literals_same) = (0, 0);
    for operation in operations {
        let DiffOp::Equal { old_index, new_index, len } = *operation else {
            difference.places += 1;
            continue;
        };
        aligned += len;
        for offset in 0..len {
            let (a, b) = (left.parts[old_index + offset], right.parts[new_index + offset]);
            if a.name {
                if a.text == b.text {
                    outer_same += usize::from(a.outer) + usize::from(b.outer);
                }
                let count = pairs.entry((a.text, b.text)).or_default();
                *count += 1;
                if *count == 1 && a.text != b.text {
                    order.push((old_index + offset, new_index + offset));
                }
            } else if a.text == b.text {
                literals_same += usize::from(a.literal) * 2;
            } else {
                difference.literals += 1;
            }
        }
    }
    let texts = |&(a, b): &(usize, usize)| (left.text_at(a).to_owned(), right.text_at(b).to_owned());
    let steady = steady(&pairs);
    // Names that stand beside each other by chance, and mostly beside others or nothing, were not renamed.
    let count_in = |body: &Compared, text: u32| body.parts.iter().filter(|part| part.name && part.text == text).count();
    let is_renamed = |&&(a, b): &&(usize, usize)| {
        let (own, other) = (left.parts[a].text, right.parts[b].text);
        let most = count_in(left, own).max(count_in(right, other));
        steady.contains(&(own, other)) && 2 * pairs[&(own, other)] as usize > most
    };
    difference.renamed = order.iter().filter(is_renamed).take(MOST_RENAMED).map(texts).collect();
    let is_once = |body: &Compared, at: usize| count_in(body, body.parts[at].text) == 1;
    let other = |pair: &(usize, usize)| {
        let (here, there) = texts(pair);
        let is_outside = |body: &Compared, at: usize| {
            let (text, tokens) = (&body.text, &body.tokens);
            body.parts[at].outer
                || is_once(body, at)
                || is_type_by_place(text, tokens, at)
                || is_from_outside(text, tokens, at)
        };
        let is_key = |body: &Compared, at: usize| {
            let mut places = (0..body.parts.len())
                .filter(|&place| body.parts[place].name && body.parts[place].text == body.parts[at].text);
            places.any(|place| is_key(body.language, &body.text, &body.tokens, place))
        };
        OtherName {
            here,
            there,
            outside: is_outside(left, pair.0) || is_outside(right, pair.1),
            key: is_key(left, pair.0) || is_key(right, pair.1),
        }
    };
    let others = order.iter().map(other).collect();
    let share = |part: usize, all: usize| if all == 0 { 1.0 } else { part as f32 / all as f32 };
    Comparison {
        similarity: share(2 * aligned, total),
        outer: share(outer_same, outer_total),
        meant: share(outer_same + literals_same, outer_total + literals),
        consistent: consistent(&pairs, &steady),
        decides: left.decisions == right.decisions,
        apart: Apart::of(left, right),
        others,
        difference,
    }
}

/// Aligned names of which each is the other's partner mostly.
fn steady(pairs: &HashMap<(u32, u32), u32>) -> HashSet<(u32, u32)> {
    let (mut of_left, mut of_right) = (HashMap::new(), HashMap::new());
    for (&(left, right), &count) in pairs {
        let best: &mut u32 = of_left.entry(left).or_default();
        *best = count.max(*best);
        let best: &mut u32 = of_right.entry(right).or_default();
        *best = count.max(*best);
    }
    let is_steady = |(pair, count): &(&(u32, u32), &u32)| of_left[&pair.0] == **count && of_right[&pair.1] == **count;
    pairs.iter().filter(is_steady).map(|(pair, _)| *pair).collect()
}

/// The share of aligned names whose partner is the one that they mostly have, in both directions.
fn consistent(pairs: &HashMap<(u32, u32), u32>, steady: &HashSet<(u32, u32)>) -> f32 {
    let all: u32 = pairs.values().sum();
    let kept: u32 = steady.iter().map(|pair| pairs[pair]).sum();
    if all == 0 { 1.0 } else { kept as f32 / all as f32 }
}

impl Comparison {
    /// The same of the right beside the left.
    pub(crate) fn turned(&self) -> Self {
        let mut turned = self.clone();
        for (here, there) in &mut turned.difference.renamed {
            std::mem::swap(here, there);
        }
        for OtherName { here, there, .. } in &mut turned.others {
            std::mem::swap(here, there);
        }
        turned
    }

    /// How sure it is that both do the same.
    pub(crate) fn confidence(&self) -> f32 {
        (self.similarity * self.consistent.min(self.outer)).sqrt() - STEERED_OTHERWISE * self.apart.steering as f32
    }
}

impl Difference {
    /// Whether nothing differs.
    pub(crate) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// What to do, and what differs.
    pub(crate) fn help(&self) -> String {
        if self.is_none() {
            "keep one of them and call it from the other places".to_owned()
        } else {
            format!("one function could do both, with what differs as its arguments: {}", self.told())
        }
    }

    /// What differs, in words.
    pub(crate) fn told(&self) -> String {
        let mut parts = Vec::new();
        if !self.renamed.is_empty() {
            let names: Vec<_> =
                self.renamed.iter().map(|(here, there)| format!("`{here}` is `{there}` there")).collect();
            parts.push(names.join(", "));
        }
        match self.literals {
            0 => {}
            1 => parts.push("one literal differs".to_owned()),
            count => parts.push(format!("{count} literals differ")),
        }
        match self.places {
            0 => {}
            1 => parts.push("one piece of code is other or missing".to_owned()),
            count => parts.push(format!("{count} pieces of code are other or missing")),
        }
        if parts.is_empty() { "nothing differs".to_owned() } else { parts.join("; ") }
    }
}
