//! Functions that do the same thing.
//!
//! Every body becomes tokens (`units`); bodies that share rare runs of tokens are candidates (`candidates`); two
//! candidates are laid beside each other (`compare`); what holds becomes groups (`groups`), and each group one finding.

mod candidates;
mod compare;
mod groups;
mod units;

use std::sync::atomic::Ordering;

use conexus_core::Span;
use conexus_engine::SymbolRef;

use crate::{
    Finding, Place, Related, Rule, Severity,
    finding::fingerprint,
    parallel,
    scope::{Scope, Sources},
};
use compare::{Compared, Comparison};
use units::Unit;

/// Finds groups of functions that do the same thing.
pub(crate) fn check(scope: &mut Scope<'_>) -> Vec<Finding> {
    let units = units::units(scope);
    let pairs = similar_pairs(scope, &units);
    let groups = groups::groups(&units, pairs);
    let mut sources = Sources::new(scope);
    groups.iter().filter_map(|group| finding(&mut sources, &units, group)).collect()
}

/// Two units that do the same thing.
pub(crate) struct Pair {
    pub(crate) left: usize,
    pub(crate) right: usize,
    pub(crate) comparison: Comparison,
}

/// All pairs of units that do the same thing and of which one is wanted.
fn similar_pairs(scope: &Scope<'_>, units: &[Unit]) -> Vec<Pair> {
    let candidates = candidates::candidates(units, scope.cancel);
    // By the first file, so that its text is read and cut once for many comparisons.
    let of_unit = |pairs: &(usize, Vec<usize>)| -> Vec<Pair> {
        let mut found = Vec::new();
        let (left, others) = (pairs.0, &pairs.1);
        let Some(own) = Compared::of(scope, &units[left]) else { return found };
        for &right in others.iter().filter(|&&right| units[left].wanted || units[right].wanted) {
            if scope.cancel.load(Ordering::Relaxed) || !units[left].may_repeat(&units[right]) {
                continue;
            }
            let Some(other) = Compared::of(scope, &units[right]) else { continue };
            if let Some(comparison) = compare::compare(&own, &other, &scope.options.duplicates) {
                found.push(Pair { left, right, comparison });
            }
        }
        found
    };
    parallel::map(&candidates, scope.options.threads, scope.cancel, || (), |(), pairs| of_unit(pairs))
        .into_iter()
        .flatten()
        .collect()
}

fn finding(sources: &mut Sources<'_, '_>, units: &[Unit], group: &groups::Group) -> Option<Finding> {
    // What is wanted comes first: in a change that is what the change adds.
    let first = group.members.iter().copied().find(|&member| units[member].wanted)?;
    let mut place_of = |unit: &Unit| {
        let source = sources.of(&unit.file)?;
        let symbol = unit.symbol()?;
        Some(Place::of(unit.file.path(), &source.text, &source.lines, head(symbol)))
    };
    let others: Vec<&Unit> =
        group.members.iter().filter(|&&member| member != first).map(|&member| &units[member]).collect();
    let own = units[first].symbol()?;
    let place = place_of(&units[first])?;
    let mut related = Vec::new();
    for other in &others {
        let symbol = other.symbol()?;
        let same = if other.exact == units[first].exact { "the same code" } else { "nearly the same code" };
        related.push(Related { place: place_of(other)?, label: format!("`{}` is {same}", symbol.name()) });
    }
    let other = others.first()?.symbol()?;
    let at = related.first()?;
    let line = at.place.start.line + 1;
    let more = match others.len() {
        1 => String::new(),
        count => format!(", and so do {} more", count - 1),
    };
    let message = format!("`{}` does the same as `{}` in {}:{line}{more}", own.name(), other.name(), at.place.path);
    let mut names: Vec<String> = Vec::new();
    for &member in &group.members {
        names.push(units[member].file.path().to_string());
        names.push(units[member].qualified_name());
    }
    Some(Finding {
        rule: Rule::DuplicateCode,
        custom: None,
        severity: Severity::Warning,
        place,
        message,
        related,
        help: Some(group.difference.help()),
        fix: None,
        fingerprint: fingerprint(std::iter::once(Rule::DuplicateCode.code()).chain(names.iter().map(String::as_str))),
        confidence: group.confidence,
    })
}

/// What of a symbol is marked: its definition without documentation and body.
fn head(symbol: SymbolRef<'_>) -> Span {
    let signature = symbol.signature();
    if signature.is_empty() { symbol.name_span() } else { signature }
}
