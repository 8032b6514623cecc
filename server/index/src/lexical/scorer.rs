//! BM25F over tantivy's postings and the postings in memory, term at a time.
//!
//! The accumulators are dense, one cell per slot, and reused. Every statistic (document frequency, lengths, count) is
//! over live chunks only and the same whichever part holds a chunk, so that an index that was changed a thousand
//! times scores exactly like a fresh one.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, PoisonError};
use tantivy::fieldnorm::FieldNormReader;
use tantivy::schema::IndexRecordOption;

use super::delta::{DeltaIndex, DeltaPart};
use super::disk::{Segment, Segments};
use super::query::{LexicalHit, LexicalQuery};
use crate::{Error, Result, SlotSet};

/// Terms beyond this are not searched: the mask of a hit has a bit for each.
const MAX_TERMS: usize = 64;
/// Accumulators kept for the next search; each takes 16 bytes per slot.
const POOLED: usize = 4;

/// What a search needs of one chunk.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    /// Weighted frequency of the term at hand.
    frequency: f32,
    score: f32,
    terms: u64,
}

/// Accumulators of one search; all cells are zero between searches.
#[derive(Debug, Default)]
struct Scratch {
    cells: Vec<Cell>,
    /// Slots that hold the term at hand.
    touched: Vec<u32>,
    /// Slots that hold any term.
    found: Vec<u32>,
}

/// Accumulators that wait for the next search.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Scratch>>);

impl Pool {
    fn take(&self, slots: usize) -> Scratch {
        let mut scratch = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        if scratch.cells.len() < slots {
            // A quarter more, so that a growing index does not grow it at each search.
            scratch.cells.resize(slots + slots / 4, Cell::default());
        }
        scratch
    }

    fn give_back(&self, scratch: Scratch) {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < POOLED {
            pool.push(scratch);
        }
    }
}

/// The lexical index of one snapshot.
#[derive(Clone, Debug)]
pub(crate) struct LexicalView {
    pub(crate) segments: Arc<Segments>,
    /// Parts that are being written to tantivy, then newer ones, then open buffers.
    pub(crate) parts: Vec<Arc<DeltaPart>>,
    /// Sum of the lengths of each field over live chunks.
    pub(crate) totals: [u64; 6],
    pub(crate) pool: Arc<Pool>,
}

impl LexicalView {
    /// A view over these parts, its statistics counted anew.
    pub(crate) fn new(segments: Arc<Segments>, deltas: &[&DeltaIndex], alive: &SlotSet, pool: Arc<Pool>) -> Self {
        let parts: Vec<_> = deltas.iter().flat_map(|delta| delta.parts().iter().cloned()).collect();
        let mut totals = [0; 6];
        for segment in segments.iter() {
            for (document, &slot) in segment.slots.iter().enumerate() {
                if alive.contains(slot) {
                    add(&mut totals, segment.lengths(document as u32));
                }
            }
        }
        for part in &parts {
            add(&mut totals, part_lengths(part, |slot| alive.contains(slot)));
        }
        Self { segments, parts, totals, pool }
    }

    /// Lengths of the fields of the chunks in a range of slots, summed.
    pub(crate) fn lengths(&self, first: u32, count: u32) -> [u64; 6] {
        let range = first..first.saturating_add(count);
        let mut totals = [0; 6];
        for part in &self.parts {
            add(&mut totals, part_lengths(part, |slot| range.contains(&slot)));
        }
        for segment in self.segments.iter() {
            for document in segment.documents_of(first, count) {
                add(&mut totals, segment.lengths(document));
            }
        }
        totals
    }

    /// The best chunks, best first.
    pub(crate) fn search(
        &self,
        query: &LexicalQuery,
        alive: &SlotSet,
        slot_end: u32,
        allowed: Option<&SlotSet>,
        count: usize,
    ) -> Result<Vec<LexicalHit>> {
        if count == 0 {
            return Ok(Vec::new());
        }
        let mut best = BinaryHeap::with_capacity(count.min(1024) + 1);
        self.score(query, alive, slot_end, |slot, cell| {
            if allowed.is_some_and(|allowed| !allowed.contains(slot)) {
                return;
            }
            let hit = Ranked(LexicalHit { slot, score: cell.score, terms: cell.terms });
            if best.len() < count {
                best.push(hit);
            } else if best.peek().is_some_and(|worst| hit < *worst) {
                best.pop();
                best.push(hit);
            }
        })?;
        Ok(best.into_sorted_vec().into_iter().map(|ranked| ranked.0).collect())
    }

    /// Calls `found` once per live chunk that holds a term.
    fn score(
        &self,
        query: &LexicalQuery,
        alive: &SlotSet,
        slot_end: u32,
        mut found: impl FnMut(u32, Cell),
    ) -> Result<()> {
        // What fails below leaves the accumulators dirty; then they are not given back.
        let mut scratch = self.pool.take(slot_end as usize);
        let norms = Norms::new(query, &self.totals, alive.len());
        let k1 = query.scoring.k1.max(0.0);
        for (number, term) in query.terms.iter().take(MAX_TERMS).enumerate() {
            scratch.touched.clear();
            self.gather(term.text.as_bytes(), &norms, &mut scratch)?;
            let Scratch { cells, touched, found } = &mut scratch;
            touched.retain(|&slot| {
                let live = alive.contains(slot);
                if !live && let Some(cell) = cells.get_mut(slot as usize) {
                    cell.frequency = 0.0;
                }
                live
            });
            let (all, with) = (alive.len() as f32, touched.len() as f32);
            let weight = term.weight * (1.0 + (all - with + 0.5) / (with + 0.5)).ln() * (k1 + 1.0);
            for &slot in &*touched {
                let cell = &mut cells[slot as usize];
                cell.score += weight * cell.frequency / (k1 + cell.frequency);
                cell.frequency = 0.0;
                if cell.terms == 0 {
                    found.push(slot);
                }
                cell.terms |= 1 << number;
            }
        }
        for slot in scratch.found.drain(..) {
            found(slot, std::mem::take(&mut scratch.cells[slot as usize]));
        }
        self.pool.give_back(scratch);
        Ok(())
    }

    /// Sums the weighted frequencies of one term into the cells, and lists the slots.
    fn gather(&self, term: &[u8], norms: &Norms, scratch: &mut Scratch) -> Result<()> {
        for segment in self.segments.iter() {
            for field in 0..6 {
                if norms.used[field] {
                    gather_segment(segment, term, field, &norms.tables[field], scratch)
                        .map_err(|error| self.segments.failed(error))?;
                }
            }
        }
        for part in &self.parts {
            for posting in part.postings.find(term) {
                let field = posting.field();
                if !norms.used[field] {
                    continue;
                }
                let norm = part.postings.norm(posting.chunk(), field);
                scratch.add(part.slots[posting.chunk()], posting.frequency as f32 * norms.tables[field][norm as usize]);
            }
        }
        Ok(())
    }

    /// Scores of given slots, in their order.
    pub(crate) fn scores_of(
        &self,
        query: &LexicalQuery,
        alive: &SlotSet,
        slot_end: u32,
        slots: &[u32],
    ) -> Result<Vec<f32>> {
        let mut order: Vec<usize> = (0..slots.len()).collect();
        order.sort_unstable_by_key(|&at| slots[at]);
        let mut scores = vec![0.0; slots.len()];
        self.score(query, alive, slot_end, |slot, cell| {
            let from = order.partition_point(|&at| slots[at] < slot);
            for &at in order[from..].iter().take_while(|&&at| slots[at] == slot) {
                scores[at] = cell.score;
            }
        })?;
        Ok(scores)
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
                let mut postings =
                    inverted.read_block_postings_from_terminfo(&info, IndexRecordOption::Basic).map_err(failed)?;
                while postings.block_len() > 0 {
                    postings.docs().iter().filter_map(|&document| segment.slots.get(document as usize)).for_each(|&slot| add(slot));
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

impl Scratch {
    #[inline]
    fn add(&mut self, slot: u32, frequency: f32) {
        if let Some(cell) = self.cells.get_mut(slot as usize) {
            if cell.frequency == 0.0 {
                self.touched.push(slot);
            }
            cell.frequency += frequency;
        }
    }
}

fn gather_segment(
    segment: &Segment,
    term: &[u8],
    field: usize,
    table: &[f32; 256],
    scratch: &mut Scratch,
) -> std::io::Result<()> {
    let inverted = &segment.inverted[field];
    let Some(info) = inverted.terms().get(term)? else { return Ok(()) };
    let norms: &FieldNormReader = &segment.norms[field];
    let mut postings = inverted.read_block_postings_from_terminfo(&info, IndexRecordOption::WithFreqs)?;
    while postings.block_len() > 0 {
        for (&document, &frequency) in postings.docs().iter().zip(postings.freqs()) {
            let norm = norms.fieldnorm_id(document);
            scratch.add(segment.slots[document as usize], frequency as f32 * table[norm as usize]);
        }
        postings.advance();
    }
    Ok(())
}

/// For each field and code of length: what one occurrence adds to the weighted frequency.
struct Norms {
    tables: [[f32; 256]; 6],
    used: [bool; 6],
}

impl Norms {
    fn new(query: &LexicalQuery, totals: &[u64; 6], chunks: u64) -> Self {
        let b = query.scoring.b.clamp(0.0, 1.0);
        let mut tables = [[0.0; 256]; 6];
        for (field, table) in tables.iter_mut().enumerate() {
            let average = (totals[field] as f32 / chunks.max(1) as f32).max(f32::MIN_POSITIVE);
            for (code, value) in (0..=u8::MAX).zip(table) {
                let length = FieldNormReader::id_to_fieldnorm(code) as f32;
                *value = query.scoring.weights[field] / (1.0 - b + b * length / average).max(f32::MIN_POSITIVE);
            }
        }
        Self { tables, used: query.scoring.weights.map(|weight| weight > 0.0) }
    }
}

/// Best first; ties go to the lower slot.
struct Ranked(LexicalHit);

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.score.total_cmp(&self.0.score).then(self.0.slot.cmp(&other.0.slot))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}

pub(crate) fn add(totals: &mut [u64; 6], lengths: [u64; 6]) {
    for (total, length) in totals.iter_mut().zip(lengths) {
        *total += length;
    }
}

pub(crate) fn part_lengths(part: &DeltaPart, wanted: impl Fn(u32) -> bool) -> [u64; 6] {
    let mut totals = [0; 6];
    for (chunk, &slot) in part.slots.iter().enumerate() {
        if wanted(slot) {
            let lengths =
                std::array::from_fn(|field| u64::from(FieldNormReader::id_to_fieldnorm(part.postings.norm(chunk, field))));
            add(&mut totals, lengths);
        }
    }
    totals
}

/// The query cannot be scored.
pub(crate) fn check(query: &LexicalQuery) -> Result<()> {
    let scoring = &query.scoring;
    let numbers = scoring.weights.iter().chain([&scoring.k1, &scoring.b]).chain(query.terms.iter().map(|term| &term.weight));
    if numbers.into_iter().all(|number| number.is_finite()) {
        Ok(())
    } else {
        Err(Error::Invalid("a weight of the lexical query is not a finite number".into()))
    }
}
