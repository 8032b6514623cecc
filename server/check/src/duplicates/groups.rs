//! From pairs to groups.

use std::collections::HashMap;

use super::{Pair, units::Unit};

/// Units that do the same thing.
pub(crate) struct Group {
    /// At least two, in the order of units.
    pub(crate) members: Vec<usize>,
    /// How sure it is, 0 to 1: that of the weakest pair.
    pub(crate) confidence: f32,
}

/// Units that are looked at in search of the one around another.
const MOST_NESTED: usize = 64;

/// Joins pairs that share a unit. A group that lies inside another one, as methods of a copied class inside of it, is
/// left out.
pub(crate) fn groups(units: &[Unit], mut pairs: Vec<Pair>) -> Vec<Group> {
    pairs.sort_by_key(|pair| (pair.left.min(pair.right), pair.left.max(pair.right)));
    let mut parents: HashMap<usize, usize> = HashMap::new();
    for pair in &pairs {
        let (left, right) = (root(&mut parents, pair.left), root(&mut parents, pair.right));
        parents.insert(left.max(right), left.min(right));
    }
    let mut groups: HashMap<usize, Group> = HashMap::new();
    for pair in pairs {
        let confidence = pair.comparison.confidence();
        let group = groups
            .entry(root(&mut parents, pair.left))
            .or_insert_with(|| Group { members: Vec::new(), confidence: 1.0 });
        group.members.extend([pair.left, pair.right]);
        group.confidence = group.confidence.min(confidence);
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    for group in &mut groups {
        group.members.sort_unstable();
        group.members.dedup();
        // A function and the one around it may both be like a third; they are no copies of each other.
        let all = group.members.clone();
        let is_inner = |unit: usize| enclosing(units, unit).is_some_and(|outer| all.binary_search(&outer).is_ok());
        group.members.retain(|&unit| !is_inner(unit));
    }
    groups.retain(|group| group.members.len() > 1);
    groups.sort_by(|left, right| left.members.cmp(&right.members));
    let of_unit: HashMap<usize, usize> = groups
        .iter()
        .enumerate()
        .flat_map(|(number, group)| group.members.iter().map(move |&unit| (unit, number)))
        .collect();
    let inside = |group: &Group| {
        let mut outer = group.members.iter().map(|&unit| of_unit.get(&enclosing(units, unit)?).copied());
        let first = outer.next().flatten();
        first.is_some() && outer.all(|other| other == first)
    };
    let keep: Vec<bool> = groups.iter().map(|group| !inside(group)).collect();
    groups.into_iter().zip(keep).filter_map(|(group, keep)| keep.then_some(group)).collect()
}

/// The innermost unit around another. Units come in the order of their files and starts.
fn enclosing(units: &[Unit], inner: usize) -> Option<usize> {
    let unit = &units[inner];
    let of_file = |other: &&Unit| other.file.first_slot() == unit.file.first_slot();
    let before = units[..inner].iter().rev().take_while(of_file);
    before.take(MOST_NESTED).position(|other| other.span.contains(unit.span)).map(|back| inner - 1 - back)
}

/// The first of what is joined with a number.
pub(super) fn root(parents: &mut HashMap<usize, usize>, unit: usize) -> usize {
    let parent = *parents.entry(unit).or_insert(unit);
    if parent == unit {
        return unit;
    }
    let top = root(parents, parent);
    parents.insert(unit, top);
    top
}
