//! Files that share several functions: a copied file is one thing to tell of, not one for each of its functions.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{Pair, groups::Group, place_of, units::Unit};
use crate::{Finding, Related, Rule, Severity, finding::fingerprint, scope::Sources};

/// Functions that the same files must share for one finding to stand for all of them.
const LEAST_FUNCTIONS: usize = 3;
/// Share of its functions that a file must have from another one to be called a copy of it.
const LEAST_OF_COPY: f32 = 0.8;
/// Functions that are named in a message.
const MOST_NAMED: usize = 3;

/// Groups of functions that all stand in the same files.
pub(super) struct Copies {
    pub(super) groups: Vec<Group>,
    /// The files, by their first slots.
    pub(super) files: BTreeSet<u32>,
}

/// Takes the groups that several files share out of the others.
pub(super) fn split(units: &[Unit], groups: Vec<Group>) -> (Vec<Copies>, Vec<Group>) {
    let mut by_files: BTreeMap<BTreeSet<u32>, Vec<Group>> = BTreeMap::new();
    let mut others = Vec::new();
    for group in groups {
        let files: BTreeSet<u32> = group.members.iter().map(|&member| units[member].file.first_slot()).collect();
        if files.len() > 1 { by_files.entry(files).or_default().push(group) } else { others.push(group) }
    }
    let mut copies = Vec::new();
    for (files, groups) in by_files {
        if groups.len() < LEAST_FUNCTIONS { others.extend(groups) } else { copies.push(Copies { groups, files }) }
    }
    others.sort_by(|left, right| left.members.cmp(&right.members));
    copies.sort_by(|left, right| left.groups[0].members.cmp(&right.groups[0].members));
    (copies, others)
}

/// How many functions each file has, by its first slot.
pub(super) fn counts(units: &[Unit]) -> HashMap<u32, usize> {
    let mut counts = HashMap::new();
    for unit in units {
        *counts.entry(unit.file.first_slot()).or_default() += 1;
    }
    counts
}

pub(super) fn finding(
    sources: &mut Sources<'_, '_>,
    units: &[Unit],
    counts: &HashMap<u32, usize>,
    copies: &Copies,
) -> Option<Finding> {
    let wanted = |group: &Group| group.members.iter().copied().find(|&member| units[member].wanted);
    let first = copies.groups.iter().find_map(wanted)?;
    let file = &units[first].file;
    // Of each function the one in this file.
    let here = |group: &Group| group.members.iter().copied().find(|&m| units[m].file.first_slot() == file.first_slot());
    let own: Vec<usize> = copies.groups.iter().filter_map(here).collect();
    let group = copies.groups.iter().find(|group| group.members.contains(&first))?;
    let mut related: Vec<Related> = Vec::new();
    let mut seen = BTreeSet::from([file.first_slot()]);
    for &member in &group.members {
        if seen.insert(units[member].file.first_slot()) {
            let label = format!("`{}` is one of them", units[member].symbol()?.name());
            related.push(Related { place: place_of(sources, &units[member])?, label });
        }
    }
    let other = &related.first()?.place.path;
    let more = match related.len() {
        1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    let all = counts.get(&file.first_slot()).copied().unwrap_or(own.len());
    let message = if own.len() as f32 >= LEAST_OF_COPY * all as f32 {
        let exact = all == own.len() && copies.groups.iter().all(|group| is_exact(units, group));
        let nearly = if exact { "" } else { "nearly " };
        format!("this file is {nearly}a copy of {other}{more}: {} of its {all} functions are in both", own.len())
    } else {
        format!(
            "{} functions of this file do nearly the same as those in {other}{more}: {}",
            own.len(),
            named(units, &own)
        )
    };
    let mut parts: Vec<&str> = group.members.iter().map(|&member| units[member].file.path().as_ref()).collect();
    parts.sort_unstable();
    parts.dedup();
    Some(Finding {
        rule: Rule::DuplicateCode,
        custom: None,
        severity: Severity::Warning,
        place: place_of(sources, &units[first])?,
        message,
        related,
        help: Some("keep one of the files, or move what they share into one of its own".to_owned()),
        fix: None,
        fingerprint: fingerprint([Rule::DuplicateCode.code(), "files"].into_iter().chain(parts)),
        confidence: copies.groups.iter().map(|group| group.confidence).fold(1.0, f32::min),
    })
}

fn is_exact(units: &[Unit], group: &Group) -> bool {
    group.members.iter().all(|&member| units[member].exact == units[group.members[0]].exact)
}

/// The names of some functions.
fn named(units: &[Unit], functions: &[usize]) -> String {
    let name = |&unit: &usize| units[unit].symbol().map(|symbol| format!("`{}`", symbol.name()));
    let names: Vec<String> = functions.iter().filter_map(name).collect();
    match names.len().saturating_sub(MOST_NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..MOST_NAMED].join(", ")),
    }
}

/// What a change adds, by the file that it adds to and the one that has it: alone, or all of it together where that is
/// much.
pub(super) fn of_change(units: &[Unit], pairs: Vec<Pair>) -> Vec<Vec<Pair>> {
    let mut by_files: BTreeMap<(u32, u32), Vec<Pair>> = BTreeMap::new();
    for pair in pairs {
        let slot = |unit: usize| units[unit].file.first_slot();
        by_files.entry((slot(pair.left), slot(pair.right))).or_default().push(pair);
    }
    let mut found = Vec::new();
    for pairs in by_files.into_values() {
        if pairs.len() < LEAST_FUNCTIONS {
            found.extend(pairs.into_iter().map(|pair| vec![pair]));
        } else {
            found.push(pairs);
        }
    }
    found.sort_by_key(|pairs| (pairs[0].left, pairs[0].right));
    found
}

/// One finding for several functions of a file that another file has already.
pub(super) fn finding_of_change(sources: &mut Sources<'_, '_>, units: &[Unit], pairs: &[Pair]) -> Option<Finding> {
    let (first, old) = (&units[pairs.first()?.left], &units[pairs.first()?.right]);
    let there = place_of(sources, old)?;
    let new: Vec<usize> = pairs.iter().map(|pair| pair.left).collect();
    let rule = Rule::Reinvented;
    Some(Finding {
        rule,
        custom: None,
        severity: Severity::Warning,
        place: place_of(sources, first)?,
        message: format!(
            "{} new functions of this file are in {} already: {}",
            pairs.len(),
            there.path,
            named(units, &new)
        ),
        help: Some(format!("call those of {} in their place", there.path)),
        related: vec![Related { place: there, label: format!("`{}` was here before", old.symbol()?.name()) }],
        fix: None,
        fingerprint: fingerprint([rule.code(), "files", first.file.path(), old.file.path()]),
        confidence: pairs.iter().map(|pair| pair.comparison.meant).fold(1.0, f32::min),
    })
}
