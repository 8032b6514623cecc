//! Functions that do the same thing: `duplicate-code`, and in a change `reinvented`.
//!
//! Every body becomes tokens (`units`); bodies that share rare runs of tokens are candidates (`candidates`); two
//! candidates are laid beside each other (`compare`); what holds becomes groups (`groups`), and each group one finding.
//! What a change adds is also compared with what its vector is near to (`reinvented`).

mod candidates;
mod compare;
mod groups;
mod reinvented;
mod units;

use std::{collections::HashSet, sync::atomic::Ordering};

use conexus_core::Span;
use conexus_engine::SymbolRef;

use crate::{
    Finding, Place, Related, Result, Rule, Severity,
    finding::fingerprint,
    parallel,
    scope::{Scope, Sources},
};
use compare::{Bodies, Compared, Comparison};
use units::Unit;

/// Runs both rules, or the one of them that is wanted.
pub(crate) fn check(scope: &mut Scope<'_>) -> Result<Vec<Finding>> {
    let wants = |rule: Rule| scope.checked.rules.contains(&rule);
    let (duplicates, reinvented) = (wants(Rule::DuplicateCode), wants(Rule::Reinvented));
    let units = units::units(scope);
    let mut pairs = similar_pairs(scope, &units);
    let mut findings = Vec::new();
    if reinvented {
        let found = reinvented::pairs(scope, &units, &pairs)?;
        let told: HashSet<usize> = found.iter().map(|pair| pair.left).collect();
        let mut sources = Sources::new(scope);
        findings.extend(found.iter().filter_map(|pair| reinvented::finding(&mut sources, &units, pair)));
        pairs.retain(|pair| !told.contains(&pair.left) && !told.contains(&pair.right));
    }
    if duplicates {
        let least = scope.options.duplicates.min_tokens;
        pairs.retain(|pair| units[pair.left].tokens.min(units[pair.right].tokens) >= least);
        let groups = groups::groups(&units, pairs);
        let mut sources = Sources::new(scope);
        findings.extend(groups.iter().filter_map(|group| finding(&mut sources, &units, group)));
    }
    Ok(findings)
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
    let of_unit = |bodies: &mut Bodies<'_, '_>, pairs: &(usize, Vec<usize>)| -> Vec<Pair> {
        let mut found = Vec::new();
        let (left, others) = (pairs.0, &pairs.1);
        let mut own = None;
        for &right in others {
            if scope.cancel.load(Ordering::Relaxed) || !units[left].may_repeat(&units[right]) {
                continue;
            }
            let Some(own) = own.get_or_insert_with(|| Compared::of(bodies, &units[left])) else { break };
            let Some(other) = Compared::of(bodies, &units[right]) else { continue };
            if let Some(comparison) = compare::compare(own, &other, &scope.options.duplicates)
                && !is_boilerplate(&units[left], &units[right], &comparison)
            {
                found.push(Pair { left, right, comparison });
            }
        }
        found
    };
    parallel::map(&candidates, scope.options.threads, scope.cancel, || Bodies::new(scope), of_unit)
        .into_iter()
        .flatten()
        .collect()
}

/// Below this many tokens methods of one name on several types are what an interface asks of each of them.
const LEAST_OF_INTERFACE: usize = 80;

/// Methods of one name on several types implement one interface: the short ones repeat on purpose, and so do those that
/// are not the same throughout.
fn is_boilerplate(left: &Unit, right: &Unit, comparison: &Comparison) -> bool {
    let (Some(own), Some(other)) = (left.symbol(), right.symbol()) else { return true };
    let members = left.is_member() && right.is_member() && own.name() == other.name();
    members && left.tokens.min(right.tokens) < LEAST_OF_INTERFACE && comparison.similarity < 0.95
}

fn finding(sources: &mut Sources<'_, '_>, units: &[Unit], group: &groups::Group) -> Option<Finding> {
    // What is wanted comes first: in a change that is what the change adds.
    let first = group.members.iter().copied().find(|&member| units[member].wanted)?;
    let others: Vec<&Unit> =
        group.members.iter().filter(|&&member| member != first).map(|&member| &units[member]).collect();
    let own = units[first].symbol()?;
    let place = place_of(sources, &units[first])?;
    let mut related = Vec::new();
    for other in &others {
        let symbol = other.symbol()?;
        let same = if other.exact == units[first].exact { "the same code" } else { "nearly the same code" };
        related.push(Related { place: place_of(sources, other)?, label: format!("`{}` is {same}", symbol.name()) });
    }
    let nearest = others.first()?;
    let other = nearest.symbol()?;
    let at = related.first()?;
    let line = at.place.start.line + 1;
    let more = match others.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let does = if nearest.exact == units[first].exact {
        "is the same code as"
    } else if nearest.shape == units[first].shape {
        "does the same as"
    } else {
        "does nearly the same as"
    };
    let message = format!("`{}` {does} `{}` in {}:{line}{more}", own.name(), other.name(), at.place.path);
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

/// The place of a unit's head.
fn place_of(sources: &mut Sources<'_, '_>, unit: &Unit) -> Option<Place> {
    let source = sources.of(&unit.file)?;
    Some(Place::of(unit.file.path(), &source.text, &source.lines, head(unit.symbol()?)))
}

/// What of a symbol is marked: its definition without documentation and body.
fn head(symbol: SymbolRef<'_>) -> Span {
    let signature = symbol.signature();
    if signature.is_empty() { symbol.name_span() } else { signature }
}
