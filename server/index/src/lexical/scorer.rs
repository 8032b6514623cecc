//! BM25F over tantivy's postings and the postings in memory.
//!
//! Each segment is read in windows of documents, term by term within a window, so that the accumulators stay in the
//! second-level cache whatever the size of the index; whether a chunk is alive and allowed is asked of candidates
//! only. Every statistic (document frequency, lengths, count) is over live chunks and the same whichever part holds a
//! chunk, so that an index that was changed a thousand times scores exactly like a fresh one.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use conexus_faiss::Best;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;

use super::delta::DeltaPart;
use super::disk::Segment;
use super::query::{LexicalHit, LexicalQuery};
use super::view::LexicalView;
use crate::{Error, Result, SlotSet};

/// Terms beyond this are not searched: the mask of a hit has a bit for each.
const MAX_TERMS: usize = 64;
/// Documents per window: 16 bytes each.
const WINDOW: u32 = 16_384;
/// Accumulators kept for the next search.
const POOLED: usize = 4;

/// What a search adds up for one chunk.
#[derive(Clone, Copy, Debug, Default)]
struct Cell {
    /// Weighted frequency of the term at hand.
    frequency: f32,
    score: f32,
    terms: u64,
}

/// Accumulators of one search; all cells are zero between windows.
#[derive(Debug, Default)]
struct Scratch {
    cells: Vec<Cell>,
    /// Cells that hold the term at hand.
    touched: Places,
    /// Cells that hold any term.
    found: Places,
}

/// A list that is appended to without a branch: whether a cell is new is as good as random, and a branch on it that is
/// guessed wrong costs more than all else.
#[derive(Debug, Default)]
struct Places {
    /// As many as there are cells, and one more.
    places: Vec<u32>,
    len: usize,
}

impl Places {
    #[inline]
    fn push_if(&mut self, condition: bool, place: u32) {
        self.places[self.len] = place;
        self.len += usize::from(condition);
    }
}

impl Scratch {
    fn reserve(&mut self, cells: usize) {
        if self.cells.len() < cells {
            self.cells.resize(cells, Cell::default());
            self.touched.places.resize(cells + 1, 0);
            self.found.places.resize(cells + 1, 0);
        }
    }

    #[inline]
    fn add(&mut self, at: u32, frequency: f32) {
        let cell = &mut self.cells[at as usize];
        self.touched.push_if(cell.frequency == 0.0, at);
        cell.frequency += frequency;
    }

    /// Turns the frequencies of one term into scores.
    #[inline(never)]
    fn saturate(&mut self, number: usize, weight: f32, k1: f32) {
        let Self { cells, touched, found } = self;
        for &at in &touched.places[..touched.len] {
            let cell = &mut cells[at as usize];
            found.push_if(cell.terms == 0, at);
            let score = weight * cell.frequency / (k1 + cell.frequency);
            *cell = Cell { frequency: 0.0, score: cell.score + score, terms: cell.terms | 1 << number };
        }
        touched.len = 0;
    }

    /// Empties the cells and calls `each` with those that hold a term.
    #[inline(never)]
    fn drain(&mut self, mut each: impl FnMut(u32, Cell)) {
        let Self { cells, found, .. } = self;
        for &at in &found.places[..found.len] {
            each(at, std::mem::take(&mut cells[at as usize]));
        }
        found.len = 0;
    }
}

/// Accumulators that wait for the next search.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Scratch>>);

impl Pool {
    fn take(&self) -> Scratch {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    fn give_back(&self, scratch: Scratch) {
        let mut pool = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < POOLED {
            pool.push(scratch);
        }
    }
}

/// A query with its statistics and the postings to read, which are looked up once for all that is asked of it.
pub(crate) struct Search<'a> {
    view: &'a LexicalView,
    alive: &'a SlotSet,
    query: LexicalQuery,
    norms: Norms,
    terms: Vec<TermState>,
    /// By segment.
    cursors: Vec<Vec<Cursor>>,
    k1: f32,
}

/// Looks up the terms of a query.
pub(super) fn open<'a>(view: &'a LexicalView, query: LexicalQuery, alive: &'a SlotSet) -> Result<Search<'a>> {
    check(&query)?;
    let failed = |error| view.segments.failed(error);
    let norms = Norms::new(&query, &view.counts.totals, alive.len());
    let mut terms: Vec<TermState> = query.terms.iter().take(MAX_TERMS).map(|_| TermState::default()).collect();
    let mut cursors = Vec::with_capacity(view.segments.len());
    for (segment, dead) in view.segments.iter().zip(&view.counts.dead) {
        let mut of_segment = Vec::new();
        for (number, term) in query.terms.iter().take(MAX_TERMS).enumerate() {
            let found = segment.find(term.text.as_bytes()).map_err(failed)?;
            for (field, at) in found.iter().enumerate().filter(|&(field, _)| norms.used[field]) {
                if let Some(at) = at {
                    let cursor = Cursor::open(segment, at, number, field).map_err(failed)?;
                    terms[number].frequencies[field] += cursor.live_documents(dead.ranges());
                    of_segment.push(cursor);
                }
            }
        }
        cursors.push(of_segment);
    }
    for part in &view.parts {
        for (number, term) in query.terms.iter().take(MAX_TERMS).enumerate() {
            for posting in part.postings.find(term.text.as_bytes()) {
                terms[number].frequencies[posting.field()] += u64::from(alive.contains(part.slots[posting.chunk()]));
            }
        }
    }
    let k1 = query.scoring.k1.max(0.0);
    for (state, term) in terms.iter_mut().zip(&query.terms) {
        let fields = state.frequencies.iter().zip(norms.used).filter(|(_, used)| *used);
        let with = fields.map(|(frequency, _)| *frequency).max().unwrap_or(0) as f32;
        let all = alive.len() as f32;
        state.weight = term.weight * (1.0 + (all - with + 0.5) / (with + 0.5)).ln() * (k1 + 1.0);
    }
    Ok(Search { view, alive, query, norms, terms, cursors, k1 })
}

impl Search<'_> {
    /// The best chunks and all that score like the last of them, in no order.
    pub(crate) fn best(&self, allowed: Option<&SlotSet>, count: usize) -> Vec<LexicalHit> {
        if count == 0 {
            return Vec::new();
        }
        let mut found = Found { best: Best::new(count), alive: self.alive, allowed };
        let mut scratch = self.view.pool.take();
        for (segment, cursors) in self.view.segments.iter().zip(&self.cursors) {
            self.search_segment(segment, &mut cursors.clone(), &mut scratch, &mut found);
        }
        for part in &self.view.parts {
            self.search_part(part, &mut scratch, &mut found);
        }
        self.view.pool.give_back(scratch);
        found.into_hits().collect()
    }

    /// Scores of given slots, in their order, to the last bit those of a search: the postings are read around these alone.
    pub(crate) fn scores(&self, slots: &[u32]) -> Vec<f32> {
        let mut wanted: Vec<u32> = slots.iter().copied().filter(|&slot| self.alive.contains(slot)).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let scores = self.scores_of(&wanted);
        slots.iter().map(|slot| wanted.binary_search(slot).map_or(0.0, |at| scores[at])).collect()
    }

    /// The same of live slots, which are ascending.
    fn scores_of(&self, slots: &[u32]) -> Vec<f32> {
        let mut scores = vec![0.0; slots.len()];
        for (segment, cursors) in self.view.segments.iter().zip(&self.cursors) {
            let mut documents: Vec<(u32, usize)> = (slots.iter().enumerate())
                .flat_map(|(at, &slot)| segment.documents_of(slot, 1).map(move |document| (document, at)))
                .collect();
            documents.sort_unstable();
            for of_term in cursors.clone().chunk_by_mut(|a, b| a.term == b.term) {
                let mut frequencies = vec![0.0; documents.len()];
                for cursor in &mut *of_term {
                    let (norms_of, table) = (&segment.norms[cursor.field], &self.norms.tables[cursor.field]);
                    for (&(document, _), sum) in documents.iter().zip(&mut frequencies) {
                        if let Some(frequency) = cursor.frequency_in(document) {
                            *sum += frequency as f32 * table[norms_of.fieldnorm_id(document) as usize];
                        }
                    }
                }
                let weight = self.terms[of_term[0].term].weight;
                for (&(_, at), frequency) in documents.iter().zip(frequencies) {
                    if frequency != 0.0 {
                        scores[at] += weight * frequency / (self.k1 + frequency);
                    }
                }
            }
        }
        let wanted: SlotSet = slots.iter().copied().collect();
        let mut found = Found { best: Best::new(slots.len()), alive: self.alive, allowed: Some(&wanted) };
        let mut scratch = self.view.pool.take();
        for part in &self.view.parts {
            self.search_part(part, &mut scratch, &mut found);
        }
        self.view.pool.give_back(scratch);
        for hit in found.into_hits() {
            if let Ok(at) = slots.binary_search(&hit.slot) {
                scores[at] = hit.score;
            }
        }
        scores
    }

    fn search_segment(&self, segment: &Segment, cursors: &mut [Cursor], scratch: &mut Scratch, found: &mut Found<'_>) {
        scratch.reserve(WINDOW as usize);
        while let Some(first) = cursors.iter().filter_map(Cursor::document).min() {
            let end = first.saturating_add(WINDOW);
            for of_term in cursors.chunk_by_mut(|a, b| a.term == b.term) {
                for cursor in &mut *of_term {
                    cursor.gather(segment, first, end, &self.norms.tables[cursor.field], scratch);
                }
                let number = of_term[0].term;
                scratch.saturate(number, self.terms[number].weight, self.k1);
            }
            scratch.drain(|at, cell| {
                if cell.score >= found.best.least() {
                    found.offer(segment.slots[(first + at) as usize], cell);
                }
            });
        }
    }

    fn search_part(&self, part: &DeltaPart, scratch: &mut Scratch, found: &mut Found<'_>) {
        scratch.reserve(part.slots.len());
        for (number, (term, state)) in self.query.terms.iter().zip(&self.terms).enumerate() {
            for posting in part.postings.find(term.text.as_bytes()) {
                let field = posting.field();
                if self.norms.used[field] {
                    let norm = part.postings.norm(posting.chunk(), field);
                    let frequency = posting.frequency as f32 * self.norms.tables[field][norm as usize];
                    scratch.add(posting.chunk() as u32, frequency);
                }
            }
            scratch.saturate(number, state.weight, self.k1);
        }
        scratch.drain(|at, cell| {
            if cell.score >= found.best.least() {
                found.offer(part.slots[at as usize], cell);
            }
        });
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct TermState {
    /// Live chunks that hold it, by field.
    frequencies: [u64; 6],
    /// Weight of the term times idf times (k1 + 1).
    weight: f32,
}

/// The postings of one term in one field of a segment, read once from front to back.
#[derive(Clone)]
struct Cursor {
    postings: BlockSegmentPostings,
    /// Place in the current block.
    at: usize,
    term: usize,
    field: usize,
}

impl Cursor {
    fn open(segment: &Segment, at: &TermInfo, term: usize, field: usize) -> std::io::Result<Self> {
        let postings = segment.postings(at, IndexRecordOption::WithFreqs)?;
        Ok(Self { postings, at: 0, term, field })
    }

    /// Number of live documents: all, less those in the ranges of dead ones. It reads the postings or jumps from range to
    /// range, whichever is less.
    fn live_documents(&self, dead: &[Range<u32>]) -> u64 {
        if dead.is_empty() {
            return u64::from(self.postings.doc_freq());
        }
        let mut gone = 0;
        let mut counting = self.postings.clone();
        if dead.len() > self.postings.doc_freq() as usize / 4 {
            let mut ahead = dead;
            while counting.block_len() > 0 {
                for document in counting.docs() {
                    while let [range, rest @ ..] = ahead
                        && range.end <= *document
                    {
                        ahead = rest;
                    }
                    gone += u32::from(ahead.first().is_some_and(|range| range.contains(document)));
                }
                counting.advance();
            }
        } else {
            for range in dead {
                let before = counting.rank(range.start);
                gone += counting.rank(range.end) - before;
            }
        }
        u64::from(self.postings.doc_freq() - gone)
    }

    /// How often the term is in a document; asked in ascending order of documents.
    fn frequency_in(&mut self, document: u32) -> Option<u32> {
        let at = self.postings.seek(document);
        (self.postings.docs().get(at) == Some(&document)).then(|| self.postings.freqs()[at])
    }

    fn document(&self) -> Option<u32> {
        self.postings.docs().get(self.at).copied()
    }

    /// Adds the frequencies of the documents before `end` to the cells, which begin at `first`.
    #[inline(never)]
    fn gather(&mut self, segment: &Segment, first: u32, end: u32, table: &[f32; 256], scratch: &mut Scratch) {
        let norms = &segment.norms[self.field];
        loop {
            let documents = self.postings.docs();
            let to = match documents.last() {
                None => return,
                Some(&last) if last < end => documents.len(),
                Some(_) => self.at + documents[self.at..].partition_point(|&document| document < end),
            };
            for (&document, &frequency) in documents[self.at..to].iter().zip(&self.postings.freqs()[self.at..to]) {
                let norm = norms.fieldnorm_id(document);
                scratch.add(document - first, frequency as f32 * table[norm as usize]);
            }
            if to < documents.len() {
                self.at = to;
                return;
            }
            self.postings.advance();
            self.at = 0;
        }
    }
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

/// The best live and allowed chunks so far.
struct Found<'a> {
    best: Best<(u32, u64)>,
    alive: &'a SlotSet,
    allowed: Option<&'a SlotSet>,
}

impl Found<'_> {
    fn offer(&mut self, slot: u32, cell: Cell) {
        if self.alive.contains(slot) && self.allowed.is_none_or(|allowed| allowed.contains(slot)) {
            self.best.offer(cell.score, (slot, cell.terms));
        }
    }

    fn into_hits(self) -> impl Iterator<Item = LexicalHit> {
        self.best.into_items().map(|(score, (slot, terms))| LexicalHit { slot, score, terms })
    }
}

fn check(query: &LexicalQuery) -> Result<()> {
    let scoring = &query.scoring;
    let weights = query.terms.iter().map(|term| &term.weight);
    let mut numbers = scoring.weights.iter().chain([&scoring.k1, &scoring.b]).chain(weights);
    if numbers.all(|number| number.is_finite()) {
        Ok(())
    } else {
        Err(Error::Invalid("a weight of the lexical query is not a finite number".into()))
    }
}
