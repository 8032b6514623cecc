//! Functions that do the same thing: `duplicate-code`, and in a change `reinvented`.
//!
//! Every body becomes tokens (`units`); bodies that share rare runs of tokens are candidates (`candidates`); two
//! candidates are laid beside each other (`compare`); what holds becomes groups (`groups`), and each group one finding.
//! What a change adds is also compared with what its vector is near to (`reinvented`).

mod apart;
mod bindings;
mod blocks;
mod candidates;
mod compare;
mod copies;
mod foreign;
mod groups;
mod moved;
mod outside;
mod paths;
mod reach;
mod regular;
mod reinvented;
mod state;
mod statements;
mod units;

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::Ordering,
};

use conexus_core::{Span, SymbolKind};
use conexus_engine::SymbolRef;

use crate::{
    Finding, Place, Related, Result, Rule, Severity,
    finding::fingerprint,
    parallel,
    scope::{Scope, Sources},
};
use compare::{Bodies, Compared, Comparison};
use paths::are_versions;
use units::Unit;

/// Runs both rules, or the one of them that is wanted.
pub(crate) fn check(scope: &mut Scope<'_>) -> Result<Vec<Finding>> {
    let wants = |rule: Rule| scope.checked.rules.contains(&rule);
    let (duplicates, reinvented) = (wants(Rule::DuplicateCode), wants(Rule::Reinvented));
    let mut units = units::units(scope);
    let regular = regular::files(&units);
    units.retain(|unit| !regular.contains(&unit.file.first_slot()));
    units::leave_out(
        scope,
        regular.len(),
        ["file that repeats itself throughout", "files that repeat themselves throughout"],
    );
    let mut pairs = similar_pairs(scope, &units);
    let same: HashSet<(usize, usize)> = pairs.iter().map(|pair| (pair.left, pair.right)).collect();
    let mut findings = Vec::new();
    if reinvented {
        let found = reinvented::pairs(scope, &units, &pairs)?;
        let told: HashSet<usize> = found.iter().map(|pair| pair.left).collect();
        let mut sources = Sources::new(scope);
        for pairs in copies::of_change(&units, found) {
            findings.extend(match pairs.as_slice() {
                [pair] => reinvented::finding(&mut sources, &units, pair),
                pairs => copies::finding_of_change(&mut sources, &units, pairs),
            });
        }
        pairs.retain(|pair| !told.contains(&pair.left) && !told.contains(&pair.right));
    }
    if duplicates {
        let least = scope.options.duplicates.min_tokens;
        pairs.retain(|pair| units[pair.left].tokens.min(units[pair.right].tokens) >= least);
        let groups = groups::groups(&units, pairs);
        let mut group_of = HashMap::new();
        for (number, group) in groups.iter().enumerate() {
            group_of.extend(group.members.iter().map(|&member| (member, number)));
        }
        let (copies, groups) = copies::split(&units, groups);
        let (mut sources, mut bodies) = (Sources::new(scope), Bodies::new(scope));
        let counts = copies::counts(&units);
        findings.extend(copies.iter().filter_map(|copies| copies::finding(&mut sources, &units, &counts, copies)));
        findings.extend(groups.iter().filter_map(|group| finding(&mut sources, &mut bodies, &units, group)));
        let in_copies = |left: usize, right: usize| {
            let (own, other) = (units[left].file.first_slot(), units[right].file.first_slot());
            own != other && copies.iter().any(|copies| copies.files.contains(&own) && copies.files.contains(&other))
        };
        let told = |left: usize, right: usize| {
            let group = group_of.get(&left);
            same.contains(&(left, right))
                || same.contains(&(right, left))
                || group.is_some() && group == group_of.get(&right)
                || in_copies(left, right)
        };
        let blocks = blocks::blocks(scope, &units, &told);
        findings.extend(blocks.iter().filter_map(|block| block_finding(&mut sources, &units, block)));
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
                && !is_boilerplate(bodies, &units[left], &units[right], &comparison)
                && !are_versions(units[left].file.path(), units[right].file.path())
            {
                found.push(Pair { left, right, comparison });
            }
        }
        found
    };
    let step = scope.step(Rule::DuplicateCode, "comparing functions", candidates.len());
    parallel::map(step, &candidates, || Bodies::new(scope), of_unit).into_iter().flatten().collect()
}

/// Below this many tokens methods of one name on several types are what an interface asks of each of them.
const LEAST_OF_INTERFACE: usize = 80;
/// Below this many tokens two functions that decide alike, and each call something of their own, are two wrappers: a
/// function for both would be given more than it holds. Chosen on the fifth and sixth count in docs/check-evaluation.md.
const LEAST_OF_WRAPPER: usize = 110;
/// And from this share of equal tokens on: what one of them does besides says that they are more.
const LEAST_OF_WRAPPERS: f32 = 0.95;
/// Below this many tokens what every type has for itself, such as a constructor or a comparison, is worth no helper.
const LEAST_OF_EVERY_TYPE: usize = 160;

/// Whether two functions have one form because that is how such functions are written: what an interface asks of several
/// types, what every type has, wrappers of two other functions.
fn is_boilerplate(bodies: &mut Bodies<'_, '_>, left: &Unit, right: &Unit, comparison: &Comparison) -> bool {
    let (Some(own), Some(other)) = (left.symbol(), right.symbol()) else { return true };
    let tokens = left.tokens.min(right.tokens);
    let members = left.is_member() && right.is_member() && own.name() == other.name();
    let of_every_type = [own, other]
        .iter()
        .all(|symbol| symbol.kind() == SymbolKind::Constructor || reinvented::is_called_by_the_language(symbol.name()));
    members && tokens < LEAST_OF_INTERFACE && comparison.similarity < 0.95
        || of_every_type && tokens < LEAST_OF_EVERY_TYPE
        || tokens < LEAST_OF_WRAPPER
            && comparison.decides
            && comparison.similarity >= LEAST_OF_WRAPPERS
            && comparison.apart.calls_one_other()
        || tokens < LEAST_OF_INTERFACE && outside::have_other_types(bodies, left, right)
}

fn finding(
    sources: &mut Sources<'_, '_>,
    bodies: &mut Bodies<'_, '_>,
    units: &[Unit],
    group: &groups::Group,
) -> Option<Finding> {
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
    let (own_body, other_body) = (Compared::of(bodies, &units[first])?, Compared::of(bodies, nearest)?);
    let comparison = compare::measure(&own_body, &other_body);
    let difference = &comparison.difference;
    let does = if nearest.exact == units[first].exact {
        "is the same code as"
    } else if nearest.shape == units[first].shape && comparison.outer >= 1.0 && difference.literals == 0 {
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
        help: Some(difference.help()),
        fix: None,
        fingerprint: fingerprint(std::iter::once(Rule::DuplicateCode.code()).chain(names.iter().map(String::as_str))),
        confidence: group.confidence,
    })
}

fn block_finding(sources: &mut Sources<'_, '_>, units: &[Unit], block: &blocks::Block) -> Option<Finding> {
    let first = *block.pieces.iter().find(|piece| units[piece.unit].wanted)?;
    let others: Vec<_> = block.pieces.iter().filter(|piece| **piece != first).collect();
    let (place, lines, text) = place_of_piece(sources, units, &first)?;
    let same = if block.comparison.difference.is_none() { "the same code" } else { "nearly the same code" };
    let mut related = Vec::new();
    for other in &others {
        let label = format!("`{}` has {same}", units[other.unit].symbol()?.name());
        related.push(Related { place: place_of_piece(sources, units, other)?.0, label });
    }
    let (nearest, at) = (units[others.first()?.unit].symbol()?, related.first()?);
    let more = match others.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let (path, line) = (&at.place.path, at.place.start.line + 1);
    let message = format!("{lines} lines are {same} as in `{}` in {path}:{line}{more}", nearest.name());
    let mut names: Vec<String> = block.pieces.iter().map(|piece| units[piece.unit].file.path().to_string()).collect();
    names.extend(block.pieces.iter().map(|piece| units[piece.unit].qualified_name()));
    // What tells two blocks of one function apart wherever they stand; white space is of no matter.
    names.push(text.split_whitespace().collect());
    let parts = [Rule::DuplicateCode.code(), "block"].into_iter().chain(names.iter().map(String::as_str));
    let told = &block.comparison.difference;
    let help = if told.is_none() {
        "a function of its own could stand in all places".to_owned()
    } else {
        format!("a function of its own could stand in all places, with what differs as its arguments: {}", told.told())
    };
    Some(Finding {
        rule: Rule::DuplicateCode,
        custom: None,
        severity: Severity::Warning,
        fingerprint: fingerprint(parts),
        place,
        message,
        related,
        help: Some(help),
        fix: None,
        confidence: block.confidence,
    })
}

/// The first line of a piece, how many lines it has, and its text.
fn place_of_piece(
    sources: &mut Sources<'_, '_>,
    units: &[Unit],
    piece: &blocks::Piece,
) -> Option<(Place, u32, String)> {
    let unit = &units[piece.unit];
    let source = sources.of(&unit.file)?;
    let span = blocks::span_of(unit, piece);
    let (first, last) = source.lines.lines_of(span);
    let end = source.lines.span(first).map_or(span.end, |line| line.end).clamp(span.start, span.end);
    let shown = Span { start: span.start, end };
    let shown = Span::new(shown.start as usize, shown.start as usize + shown.slice(&source.text).trim_end().len());
    let place = Place { last_line: last, ..Place::of(unit.file.path(), &source.text, &source.lines, shown) };
    Some((place, last + 1 - first, span.slice(&source.text).to_owned()))
}

/// The place of a unit's head.
fn place_of(sources: &mut Sources<'_, '_>, unit: &Unit) -> Option<Place> {
    let source = sources.of(&unit.file)?;
    let place = Place::of(unit.file.path(), &source.text, &source.lines, head(unit.symbol()?));
    Some(Place { last_line: source.lines.lines_of(unit.span).1, ..place })
}

/// What of a symbol is marked: its definition without documentation and body.
fn head(symbol: SymbolRef<'_>) -> Span {
    let signature = symbol.signature();
    if signature.is_empty() { symbol.name_span() } else { signature }
}
