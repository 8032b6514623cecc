//! Which units are worth comparing: those that share rare runs of tokens.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::{AtomicBool, Ordering},
};

use super::units::Unit;

/// A run that more units have says nothing. It also bounds the work: each unit meets at most this many others per run.
const MOST_WITH_RUN: usize = 40;
/// Units that one is compared with, those with the most runs in common.
const MOST_COMPARED: usize = 24;
/// Share of the runs of the smaller of two units that both must have.
const LEAST_SHARED: f32 = 0.12;
/// And at least so many.
const LEAST_RUNS: u32 = 2;

/// For each unit that has any the others that it is to be compared with, each pair once. The work grows with the number of runs,
/// sorting them included: n log n.
pub(crate) fn candidates(units: &[Unit], cancel: &AtomicBool) -> Vec<(usize, Vec<usize>)> {
    let postings = Postings::of(units);
    let mut found = Vec::new();
    let mut shared: HashMap<u32, u32> = HashMap::new();
    for (number, unit) in units.iter().enumerate() {
        if number % 1024 == 0 && cancel.load(Ordering::Relaxed) {
            break;
        }
        shared.clear();
        let mut own = 0;
        for &print in &unit.prints {
            let with = postings.with(print);
            if with.len() <= MOST_WITH_RUN {
                own += 1;
                for &(_, other) in with.iter().filter(|&&(_, other)| other as usize != number) {
                    *shared.entry(other).or_default() += 1;
                }
            }
        }
        // A pair of which neither is wanted need not be compared.
        if !unit.wanted {
            shared.retain(|&other, _| units[other as usize].wanted);
        }
        let mut best: Vec<(u32, u32)> = shared
            .iter()
            .filter(|&(&other, &count)| {
                let smaller = own.min(units[other as usize].prints.len());
                count >= LEAST_RUNS && count as f32 >= LEAST_SHARED * smaller as f32
            })
            .map(|(&other, &count)| (count, other))
            .collect();
        best.sort_unstable_by_key(|&(count, other)| (std::cmp::Reverse(count), other));
        best.truncate(MOST_COMPARED);
        let mut others: Vec<usize> = best.into_iter().map(|(_, other)| other as usize).collect();
        let wanted = |other: &usize| unit.wanted || units[*other].wanted;
        others.extend(postings.next_of_shape(units, number).iter().copied().filter(wanted));
        others.sort_unstable();
        others.dedup();
        if !others.is_empty() {
            found.push((number, others));
        }
    }
    once(found)
}

/// Each pair in the list of one of its two units alone.
fn once(mut lists: Vec<(usize, Vec<usize>)>) -> Vec<(usize, Vec<usize>)> {
    let mut seen = HashSet::new();
    for (unit, others) in &mut lists {
        others.retain(|other| seen.insert(((*unit).min(*other), (*unit).max(*other))));
    }
    lists.retain(|(_, others)| !others.is_empty());
    lists
}

/// Units by run.
struct Postings {
    entries: Vec<(u32, u32)>,
    shapes: HashMap<u64, Vec<usize>>,
}

/// Neighbours in a chain of equal shapes: enough to join them all into one group.
const CHAIN: usize = 2;

impl Postings {
    fn of(units: &[Unit]) -> Self {
        let mut entries: Vec<(u32, u32)> = Vec::new();
        let mut shapes: HashMap<u64, Vec<usize>> = HashMap::new();
        for (number, unit) in units.iter().enumerate() {
            entries.extend(unit.prints.iter().map(|&print| (print, number as u32)));
            shapes.entry(unit.shape).or_default().push(number);
        }
        entries.sort_unstable();
        Self { entries, shapes }
    }

    /// The units with a run, in their order.
    fn with(&self, print: u32) -> &[(u32, u32)] {
        let first = self.entries.partition_point(|&(other, _)| other < print);
        // A common run need not be followed to its end.
        let some = &self.entries[first..self.entries.len().min(first + MOST_WITH_RUN + 1)];
        &some[..some.partition_point(|&(other, _)| other == print)]
    }

    /// The next few units of the same shape: their runs may all be too common because there are so many of them.
    fn next_of_shape(&self, units: &[Unit], number: usize) -> &[usize] {
        let all = self.shapes.get(&units[number].shape).map_or(&[][..], Vec::as_slice);
        let next = all.partition_point(|&other| other <= number);
        &all[next..all.len().min(next + CHAIN)]
    }
}
