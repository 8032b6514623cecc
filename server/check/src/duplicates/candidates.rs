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
        for run in postings.runs_of(number) {
            for &(_, other) in run.iter().filter(|&&(_, other)| other as usize != number) {
                *shared.entry(other).or_default() += 1;
            }
        }
        // A pair of which neither is wanted need not be compared.
        if !unit.wanted {
            shared.retain(|&other, _| units[other as usize].wanted);
        }
        let own = postings.rare[number] as usize;
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
    /// Runs with the units that have them, sorted.
    entries: Vec<(u32, u32)>,
    /// Where in `entries` the runs lie that a unit shares with a few others, one unit after the other: where each begins,
    /// and how many units have it. Of runs that no wanted unit has there are none.
    runs: Vec<(u32, u8)>,
    /// Where the runs of each unit begin in `runs`; the last one is their end.
    starts: Vec<u32>,
    /// How many runs of each unit say something.
    rare: Vec<u32>,
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
        let (mut rare, mut counts) = (vec![0; units.len()], vec![0_u32; units.len() + 1]);
        let mut kept = Vec::new();
        let mut first = 0;
        for run in entries.chunk_by(|left, right| left.0 == right.0) {
            if run.len() <= MOST_WITH_RUN {
                for &(_, unit) in run {
                    rare[unit as usize] += 1;
                }
                if run.len() > 1 && run.iter().any(|&(_, unit)| units[unit as usize].wanted) {
                    kept.push((first, run.len() as u8));
                    for &(_, unit) in run {
                        counts[unit as usize + 1] += 1;
                    }
                }
            }
            first += run.len() as u32;
        }
        let mut starts = counts;
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let (mut free, mut runs) = (starts.clone(), vec![(0, 0); starts.last().map_or(0, |&end| end as usize)]);
        for (first, length) in kept {
            for &(_, unit) in &entries[first as usize..first as usize + usize::from(length)] {
                let place = &mut free[unit as usize];
                runs[*place as usize] = (first, length);
                *place += 1;
            }
        }
        Self { entries, runs, starts, rare, shapes }
    }

    /// For each run that a unit shares with a few others all the units that have it.
    fn runs_of(&self, unit: usize) -> impl Iterator<Item = &[(u32, u32)]> {
        let of_unit = self.starts[unit] as usize..self.starts[unit + 1] as usize;
        self.runs[of_unit]
            .iter()
            .map(|&(first, length)| &self.entries[first as usize..first as usize + length as usize])
    }

    /// The next few units of the same shape: their runs may all be too common because there are so many of them.
    fn next_of_shape(&self, units: &[Unit], number: usize) -> &[usize] {
        let all = self.shapes.get(&units[number].shape).map_or(&[][..], Vec::as_slice);
        let next = all.partition_point(|&other| other <= number);
        &all[next..all.len().min(next + CHAIN)]
    }
}
