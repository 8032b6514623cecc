//! Code that a change adds although the repository has it.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::atomic::Ordering,
};

use conexus_core::{SymbolKind, words};
use conexus_engine::SymbolRef;

use super::{
    LEAST_OF_INTERFACE, Pair,
    compare::{self, Bodies, Compared, Comparison},
    moved::{Gone, with_their_files},
    outside::{self, Definitions},
    paths::are_versions,
    place_of,
    reach::{Packages, are_registered_apart},
    units::Unit,
};
use crate::{
    Finding, Related, Result, Rule, Severity,
    finding::fingerprint,
    scope::{Scope, Sources},
};

/// Share of its lines that a function must have got by the change to be new, and share below which it is old.
const NEW: f32 = 0.7;
const OLD: f32 = 0.3;
/// Share of what two functions call, use and name as types, and of their literals, that must be the same: an old function
/// that calls something else does something else, however much alike the two look.
const LEAST_MEANT: f32 = 0.995;
/// Runs of tokens that one of two functions alone may have: one that has two such places does something besides, and what
/// it does is not what the other one "already does". Chosen on the eighth count in docs/check-evaluation.md.
const MOST_PLACES: usize = 1;
/// Functions near to a new one by their vectors that are looked at.
const NEAREST: usize = 16;
/// A function of the same words in its name is the same helper from this cosine of the vectors on.
const LEAST_COSINE: f32 = 0.8;
/// And when this share of what both call, use and name as types is the same.
const LEAST_SHARED: f32 = 0.995;
/// Words that a name must have for its sameness to mean anything.
const LEAST_WORDS: usize = 2;

/// Functions of one name from which on something may ask for each of them.
const LEAST_ASKED: usize = 5;
/// And share of them that must be of a shape of their own: what is written anew in each place is asked for there, what is
/// the same in most places is copied.
const LEAST_OWN_SHAPES: f32 = 0.6;
/// A longer function is worth a helper even when its name is asked for.
const LEAST_ASKED_TOKENS: usize = 160;

/// For each function that the change adds the old one that it repeats most; the new one is the left of a pair.
pub(super) fn pairs(scope: &Scope<'_>, units: &[Unit], known: &[Pair]) -> Result<Vec<Pair>> {
    let asked = Asked::of(units);
    let mut bodies = Bodies::new(scope);
    let mut callable =
        Callable { definitions: Definitions::of(scope.snapshot), packages: Packages::of(scope.snapshot) };
    let mut best: HashMap<usize, Pair> = HashMap::new();
    for pair in known {
        let turned = [(pair.left, pair.right, &pair.comparison), (pair.right, pair.left, &pair.comparison.turned())];
        for (new, old, comparison) in turned {
            let better = |other: &Pair| pair.comparison.similarity > other.comparison.similarity;
            let same = pair.comparison.meant >= LEAST_MEANT
                && pair.comparison.difference.literals == 0
                && pair.comparison.difference.places <= MOST_PLACES
                && pair.comparison.decides
                && !asked.of_both(&units[new], &units[old]);
            if same
                && units[new].added >= NEW
                && units[old].added <= OLD
                && best.get(&new).is_none_or(better)
                && callable.can_be_called(&mut bodies, &units[new], &units[old], comparison)
            {
                best.insert(new, Pair { left: new, right: old, comparison: comparison.clone() });
            }
        }
    }
    let by_symbol: HashMap<(u32, u32), usize> =
        units.iter().enumerate().map(|(number, unit)| ((unit.file.first_slot(), unit.index), number)).collect();
    let step = scope.step(Rule::Reinvented, "comparing what is new", units.len());
    for (new, unit) in units.iter().enumerate() {
        step.progress.advance(1);
        if scope.cancel.load(Ordering::Relaxed) {
            break;
        }
        if unit.wanted && unit.added >= NEW && !best.contains_key(&new) {
            let known = Known { units, by_symbol: &by_symbol, asked: &asked };
            best.extend(near(scope, &mut bodies, &known, &mut callable, new)?.map(|pair| (new, pair)));
        }
    }
    let mut pairs: Vec<Pair> = best.into_values().filter(|pair| units[pair.left].wanted).collect();
    pairs.sort_by_key(|pair| (pair.left, pair.right));
    without_counterparts(units, &mut pairs);
    let mut gone = Gone::of(scope);
    let mut sources = Sources::new(scope);
    pairs.retain(|pair| {
        let (new, old) = (&units[pair.left], &units[pair.right]);
        let mut had_its_name = |unit: &Unit| had_its_name(scope, &mut sources, unit);
        had_its_name(old) && !had_its_name(new) && !gone.holds(&mut bodies, new)
    });
    let moved = with_their_files(scope, &mut sources, units, pairs.iter().map(|pair| pair.left));
    pairs.retain(|pair| !moved.contains(&pair.left));
    Ok(pairs)
}

/// Functions of the same names from which on two files are two implementations of one thing.
const LEAST_OF_IMPLEMENTATION: usize = 4;

/// Leaves out what two files have in common that define the same functions, most of them each in its own way: which of them
/// is compiled is decided elsewhere.
fn without_counterparts(units: &[Unit], pairs: &mut Vec<Pair>) {
    let files = |pair: &Pair| (units[pair.left].file.first_slot(), units[pair.right].file.first_slot());
    let mut counts: HashMap<(u32, u32), usize> = HashMap::new();
    for pair in &*pairs {
        *counts.entry(files(pair)).or_default() += 1;
    }
    let names = |unit: &Unit| -> HashSet<String> {
        let functions = unit.file.symbols().filter(|symbol| symbol.kind().is_callable());
        functions.map(|symbol| symbol.name().to_owned()).collect()
    };
    pairs.retain(|pair| {
        let (own, other) = files(pair);
        let of_both = names(&units[pair.left]).intersection(&names(&units[pair.right])).count();
        own == other || of_both < LEAST_OF_IMPLEMENTATION || 2 * counts[&(own, other)] >= of_both
    });
}

/// Whether a function was there under its name before the change, be its body another one since.
fn had_its_name(scope: &Scope<'_>, sources: &mut Sources<'_, '_>, old: &Unit) -> bool {
    let (Some(source), Some(symbol)) = (sources.of(&old.file), old.symbol()) else { return false };
    let (first, last) = source.lines.lines_of(symbol.name_span());
    scope.added(old.file.path(), first..last + 1) == 0.0
}

/// What there is to compare a new function with.
struct Known<'a> {
    units: &'a [Unit],
    /// The unit of a symbol, by its file's first slot and its number there.
    by_symbol: &'a HashMap<(u32, u32), usize>,
    asked: &'a Asked<'a>,
}

/// The old function that a new one is near to by its vector and that has the same words in its name.
fn near(
    scope: &Scope<'_>,
    bodies: &mut Bodies<'_, '_>,
    known: &Known<'_>,
    callable: &mut Callable<'_>,
    new: usize,
) -> Result<Option<Pair>> {
    let &Known { units, by_symbol, asked } = known;
    let unit = &units[new];
    let index = scope.snapshot.index();
    let Some(vector) = unit.slot().and_then(|slot| index.vector(slot)) else { return Ok(None) };
    let name = name_words(unit);
    if name.len() < LEAST_WORDS {
        return Ok(None);
    }
    let Some(own) = Compared::of(bodies, unit) else { return Ok(None) };
    for hit in index.nearest(&vector, None, NEAREST).map_err(conexus_engine::Error::from)? {
        let Some(located) = index.chunk(hit.slot).filter(|_| hit.similarity >= LEAST_COSINE) else { continue };
        let symbol = located.chunk.symbol().map(|symbol| (located.file.first_slot(), symbol.index()));
        let Some(&old) = symbol.and_then(|symbol| by_symbol.get(&symbol)) else { continue };
        let other = &units[old];
        let interface = unit.is_member() && other.is_member();
        if other.added > OLD
            || interface
            || asked.of_both(unit, other)
            || !unit.may_repeat(other)
            || name_words(other) != name
        {
            continue;
        }
        let Some(compared) = Compared::of(bodies, other) else { continue };
        let shared = own.shared_outer(&compared);
        if shared < LEAST_SHARED {
            continue;
        }
        // Written otherwise, the two say the same at other places.
        let comparison = Comparison { meant: shared, ..compare::measure(&own, &compared) };
        // The very same name is often given by whoever calls it: what decides otherwise is then another implementation.
        let own_name = |unit: &Unit| unit.symbol().map(|symbol| symbol.name().to_owned());
        if (comparison.decides || own_name(unit) != own_name(other))
            && comparison.difference.literals == 0
            && callable.can_be_called(bodies, unit, other, &comparison)
        {
            return Ok(Some(Pair { left: new, right: old, comparison }));
        }
    }
    Ok(None)
}

/// What is known of who could call whom.
struct Callable<'a> {
    definitions: Definitions<'a>,
    packages: Packages<'a>,
}

impl Callable<'_> {
    /// Whether the old of two functions could be called where the new one is: it can be reached, takes the same, and is no
    /// other version of the same thing.
    fn can_be_called(&mut self, bodies: &mut Bodies<'_, '_>, new: &Unit, old: &Unit, comparison: &Comparison) -> bool {
        !outside::is_local(old)
            && !are_versions(new.file.path(), old.file.path())
            && outside::is_same(bodies, &self.definitions, new, old, comparison)
            && !are_registered_apart(bodies, new, old)
            && self.packages.reach(bodies, new, old)
    }
}

/// Names that something asks for in many places.
struct Asked<'a>(HashSet<&'a str>);

impl<'a> Asked<'a> {
    /// Those that many functions have, most of them with a body of its own: what a framework calls in each module.
    fn of(units: &'a [Unit]) -> Self {
        let mut shapes: HashMap<&str, (usize, HashSet<u64>)> = HashMap::new();
        for unit in units {
            if let Some(symbol) = unit.symbol() {
                let (count, own) = shapes.entry(symbol.name()).or_default();
                *count += 1;
                own.insert(unit.shape);
            }
        }
        let is_asked = |(count, own): &(usize, HashSet<u64>)| {
            *count >= LEAST_ASKED && own.len() as f32 >= LEAST_OWN_SHAPES * *count as f32
        };
        Self(shapes.into_iter().filter(|(_, seen)| is_asked(seen)).map(|(name, _)| name).collect())
    }

    /// Whether two functions have one name because something asks for it: short ones of several types or modules,
    /// overloads and clauses of one function.
    fn of_both(&self, left: &Unit, right: &Unit) -> bool {
        let (Some(own), Some(other)) = (left.symbol(), right.symbol()) else { return true };
        let shorter = left.tokens.min(right.tokens);
        let constructs = |symbol: SymbolRef<'_>| symbol.kind() == SymbolKind::Constructor;
        if own.name() != other.name() {
            // Whoever wants a value of the one type has no use for the constructor of another.
            return constructs(own) && constructs(other) && shorter < LEAST_OF_INTERFACE;
        }
        let overloads = left.file.first_slot() == right.file.first_slot() && own.container() == other.container();
        let interface = left.is_member() && right.is_member() && shorter < LEAST_OF_INTERFACE;
        let by_many = self.0.contains(own.name()) && shorter < LEAST_ASKED_TOKENS;
        overloads || interface || by_many || is_called_by_the_language(own.name())
    }
}

/// Whether a language or its library calls functions of that name itself: nobody could call another one in their place.
pub(super) fn is_called_by_the_language(name: &str) -> bool {
    matches!(name, "main" | "init")
        || is_of_every_object(name)
        || name.len() > 4 && name.starts_with("__") && name.ends_with("__")
}

/// Whether every object has a method of that name, which says what its own type holds.
pub(super) fn is_of_every_object(name: &str) -> bool {
    let names = ["equals", "hashCode", "compareTo", "toString", "clone"];
    names.contains(&name) || ["Equals", "GetHashCode", "CompareTo", "ToString", "Dispose"].contains(&name)
}

/// The words of a function's name.
fn name_words(unit: &Unit) -> BTreeSet<String> {
    unit.symbol().map(|symbol| words::parts(symbol.name()).map(str::to_lowercase).collect()).unwrap_or_default()
}

pub(super) fn finding(sources: &mut Sources<'_, '_>, units: &[Unit], pair: &Pair) -> Option<Finding> {
    let (unit, other) = (&units[pair.left], &units[pair.right]);
    let (own, old) = (unit.symbol()?, other.symbol()?);
    let (place, there) = (place_of(sources, unit)?, place_of(sources, other)?);
    let message = format!("`{}` in {}:{} already does this", old.name(), there.path, there.start.line + 1);
    let help =
        format!("call `{}` in place of the new `{}`; {}", old.name(), own.name(), pair.comparison.difference.told());
    let rule = Rule::Reinvented;
    Some(Finding {
        rule,
        custom: None,
        severity: Severity::Warning,
        fingerprint: fingerprint([
            rule.code(),
            &place.path,
            &unit.qualified_name(),
            &there.path,
            &other.qualified_name(),
        ]),
        related: vec![Related { place: there, label: format!("`{}` was here before", old.name()) }],
        place,
        message,
        help: Some(help),
        fix: None,
        confidence: pair.comparison.meant,
    })
}

/// The share of two sets that is in both.
pub(super) fn shared<T: Eq + std::hash::Hash>(left: &HashSet<T>, right: &HashSet<T>) -> f32 {
    let both = left.intersection(right).count();
    let all = left.len() + right.len() - both;
    if all == 0 { 0.0 } else { both as f32 / all as f32 }
}
