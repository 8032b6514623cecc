//! The lexical index of one snapshot, with its statistics.

use std::ops::Range;
use std::sync::Arc;
use tantivy::fieldnorm::FieldNormReader;

use super::delta::{DeltaIndex, DeltaPart};
use super::disk::Segments;
use super::query::LexicalQuery;
use super::scorer::{self, Pool, Search};
use crate::{Result, SlotSet};

/// Everything a search reads.
#[derive(Clone, Debug)]
pub(crate) struct LexicalView {
    pub(crate) segments: Arc<Segments>,
    /// Parts that are being written to tantivy, then newer ones, then open buffers.
    pub(crate) parts: Vec<Arc<DeltaPart>>,
    pub(crate) counts: Counts,
    pub(crate) pool: Arc<Pool>,
}

/// What scoring counts over live chunks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Sum of the lengths of each field.
    pub(crate) totals: [u64; 6],
    /// Dead documents of each segment.
    pub(crate) dead: Vec<Arc<DeadDocuments>>,
}

impl LexicalView {
    /// A view over these parts, its statistics counted anew.
    pub(crate) fn new(segments: Arc<Segments>, deltas: &[&DeltaIndex], alive: &SlotSet, pool: Arc<Pool>) -> Self {
        let parts: Vec<_> = deltas.iter().flat_map(|delta| delta.parts().iter().cloned()).collect();
        let mut counts = Counts::default();
        for segment in segments.iter() {
            let mut dead = DeadDocuments::default();
            for (document, &slot) in segment.slots.iter().enumerate() {
                if alive.contains(slot) {
                    counts.add(segment.lengths(document as u32));
                } else {
                    dead.insert(document as u32);
                }
            }
            counts.dead.push(Arc::new(dead));
        }
        for part in &parts {
            counts.add(part_lengths(part, |slot| alive.contains(slot)));
        }
        Self { segments, parts, counts, pool }
    }

    /// Takes the chunks of a file version, all live so far, out of the counts.
    pub(crate) fn retire(&self, counts: &mut Counts, first: u32, count: u32) {
        let range = first..first.saturating_add(count);
        for part in &self.parts {
            counts.subtract(part_lengths(part, |slot| range.contains(&slot)));
        }
        for (segment, dead) in self.segments.iter().zip(&mut counts.dead) {
            for document in segment.documents_of(first, count) {
                let lengths = segment.lengths(document);
                counts.totals.iter_mut().zip(lengths).for_each(|(total, length)| *total -= length);
                Arc::make_mut(dead).insert(document);
            }
        }
    }

    /// Looks up the terms of a query.
    pub(crate) fn search<'a>(&'a self, query: LexicalQuery, alive: &'a SlotSet) -> Result<Search<'a>> {
        scorer::open(self, query, alive)
    }
}

/// Documents of a segment as ranges: the chunks of a file die together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct DeadDocuments(Vec<Range<u32>>);

impl DeadDocuments {
    fn insert(&mut self, document: u32) {
        let at = self.0.partition_point(|range| range.end < document);
        match self.0.get_mut(at) {
            Some(range) if range.contains(&document) => {}
            Some(range) if range.end == document => {
                range.end += 1;
                if self.0.get(at + 1).is_some_and(|next| next.start == document + 1) {
                    self.0[at].end = self.0.remove(at + 1).end;
                }
            }
            Some(range) if range.start == document + 1 => range.start = document,
            _ => self.0.insert(at, document..document + 1),
        }
    }

    /// In ascending order, none touching the next.
    pub(crate) fn ranges(&self) -> &[Range<u32>] {
        &self.0
    }
}

impl Counts {
    /// Adds live chunks.
    pub(crate) fn add(&mut self, lengths: [u64; 6]) {
        self.totals.iter_mut().zip(lengths).for_each(|(total, length)| *total += length);
    }

    fn subtract(&mut self, lengths: [u64; 6]) {
        self.totals.iter_mut().zip(lengths).for_each(|(total, length)| *total -= length);
    }
}

/// Summed lengths of the fields of the chunks that are wanted, as tantivy rounds them.
pub(crate) fn part_lengths(part: &DeltaPart, wanted: impl Fn(u32) -> bool) -> [u64; 6] {
    let mut totals = [0; 6];
    for (chunk, _) in part.slots.iter().enumerate().filter(|(_, slot)| wanted(**slot)) {
        for (field, total) in totals.iter_mut().enumerate() {
            *total += u64::from(FieldNormReader::id_to_fieldnorm(part.postings.norm(chunk, field)));
        }
    }
    totals
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn dead_documents_are_those_that_died(documents in prop::collection::vec(0..60u32, 0..80)) {
            let mut dead = DeadDocuments::default();
            for &document in &documents {
                dead.insert(document);
            }
            let found: Vec<u32> = dead.ranges().iter().cloned().flatten().collect();
            let expected: std::collections::BTreeSet<u32> = documents.into_iter().collect();
            prop_assert!(found.iter().copied().eq(expected));
            prop_assert!(dead.ranges().windows(2).all(|pair| pair[0].end < pair[1].start));
        }
    }
}
