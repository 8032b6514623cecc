//! What a walk passed over.

use std::collections::BTreeMap;

use crate::content::Skip;

/// How many files were passed over for which reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SkipCounts {
    counts: BTreeMap<Skip, (u64, Vec<String>)>,
}

/// Paths kept as examples for each reason.
const EXAMPLES: usize = 5;

impl SkipCounts {
    /// Counts one file.
    pub fn add(&mut self, skip: Skip, path: &str) {
        let (count, examples) = self.counts.entry(skip).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(path.to_owned());
        }
    }

    /// Adds the counts of another.
    pub fn merge(&mut self, other: SkipCounts) {
        for (skip, (count, examples)) in other.counts {
            let own = self.counts.entry(skip).or_default();
            own.0 += count;
            own.1.extend(examples);
            own.1.truncate(EXAMPLES);
        }
    }

    /// Reason, count and examples, ordered by reason.
    pub fn iter(&self) -> impl Iterator<Item = (Skip, u64, &[String])> {
        self.counts.iter().map(|(&skip, (count, examples))| (skip, *count, examples.as_slice()))
    }

    /// All files passed over.
    pub fn total(&self) -> u64 {
        self.counts.values().map(|(count, _)| count).sum()
    }
}
