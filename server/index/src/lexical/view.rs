//! The lexical index of one snapshot, with its statistics.

use std::sync::Arc;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::schema::IndexRecordOption;

use super::delta::{DeltaIndex, DeltaPart};
use super::disk::Segments;
use super::query::{LexicalHit, LexicalQuery};
use super::scorer::{self, Pool};
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
    pub(crate) dead: Vec<u32>,
}

impl LexicalView {
    /// A view over these parts, its statistics counted anew.
    pub(crate) fn new(segments: Arc<Segments>, deltas: &[&DeltaIndex], alive: &SlotSet, pool: Arc<Pool>) -> Self {
        let parts: Vec<_> = deltas.iter().flat_map(|delta| delta.parts().iter().cloned()).collect();
        let mut counts = Counts::default();
        for segment in segments.iter() {
            let mut dead = 0;
            for (document, &slot) in segment.slots.iter().enumerate() {
                if alive.contains(slot) {
                    counts.add(segment.lengths(document as u32));
                } else {
                    dead += 1;
                }
            }
            counts.dead.push(dead);
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
                *dead += 1;
            }
        }
    }

    /// The best chunks, best first.
    pub(crate) fn search(
        &self,
        query: &LexicalQuery,
        alive: &SlotSet,
        allowed: Option<&SlotSet>,
        count: usize,
    ) -> Result<Vec<LexicalHit>> {
        scorer::search(self, query, alive, allowed, count)
    }

    /// Scores of given slots, in their order.
    pub(crate) fn scores_of(&self, query: &LexicalQuery, alive: &SlotSet, slots: &[u32]) -> Result<Vec<f32>> {
        let wanted: SlotSet = slots.iter().copied().filter(|&slot| alive.contains(slot)).collect();
        let mut hits = scorer::search(self, query, alive, Some(&wanted), slots.len())?;
        hits.sort_unstable_by_key(|hit| hit.slot);
        let score = |slot: &u32| hits.binary_search_by_key(slot, |hit| hit.slot).map_or(0.0, |at| hits[at].score);
        Ok(slots.iter().map(score).collect())
    }

    /// The live slots that hold a term in any field.
    pub(crate) fn slots_with(&self, term: &str, alive: &SlotSet) -> Result<SlotSet> {
        let mut slots = SlotSet::new();
        let mut add = |slot| {
            if alive.contains(slot) {
                slots.insert(slot);
            }
        };
        for segment in self.segments.iter() {
            for inverted in &segment.inverted {
                let failed = |error| self.segments.failed(error);
                let Some(info) = inverted.terms().get(term.as_bytes()).map_err(failed)? else { continue };
                let postings = inverted.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic);
                let mut postings = postings.map_err(failed)?;
                while postings.block_len() > 0 {
                    postings.docs().iter().for_each(|&document| add(segment.slots[document as usize]));
                    postings.advance();
                }
            }
        }
        for part in &self.parts {
            part.postings.find(term.as_bytes()).iter().for_each(|posting| add(part.slots[posting.chunk()]));
        }
        Ok(slots)
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
