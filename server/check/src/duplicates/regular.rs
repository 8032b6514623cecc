//! Files that are regular throughout, as machines write them and say so nowhere.

use std::collections::{HashMap, HashSet};

use super::units::Unit;

/// Functions that a file must have to be judged.
const LEAST_FUNCTIONS: usize = 24;
/// Functions of a file that must share a run of tokens for it to be one that the file repeats.
const LEAST_WITH_RUN: u32 = 6;
/// Share of the runs of its functions that a file must repeat so often.
const LEAST_REPEATED: f32 = 0.6;

/// The files, by their first slots, in which nearly every run of tokens stands in many functions: one is made like the
/// other, by a generator or from a table.
pub(super) fn files(units: &[Unit]) -> HashSet<u32> {
    let mut found = HashSet::new();
    for of_file in units.chunk_by(|left, right| left.file.first_slot() == right.file.first_slot()) {
        if of_file.len() < LEAST_FUNCTIONS {
            continue;
        }
        let mut counts: HashMap<u32, u32> = HashMap::new();
        for run in of_file.iter().flat_map(|unit| &unit.prints) {
            *counts.entry(*run).or_default() += 1;
        }
        let all: u32 = counts.values().sum();
        let repeated: u32 = counts.values().filter(|&&count| count >= LEAST_WITH_RUN).sum();
        if repeated as f32 >= LEAST_REPEATED * all as f32 {
            found.insert(of_file[0].file.first_slot());
        }
    }
    found
}
