//! Candidates: from words (BM25F), from vectors, and from names.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
};

use conexus_core::{Contribution, Mode, Query};
use conexus_index::{Bm25f, FileEntry, LexicalQuery, LexicalSearch, QueryTerm, SlotSet, tokenizer};

use super::{
    Searcher, Shape, Understanding, Weights,
    definitions::{Fit, beginnings, definitions},
    messages::slots_at,
    quoted::Quoted,
};
use crate::{
    Result,
    models::NO_MODEL,
    stages::{Stage, timed},
};

/// A chunk that may be an answer.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub(super) slot: u32,
    /// BM25F relative to the best, 0 to 1.
    pub(super) lexical: f32,
    /// Cosine scaled so that the best candidate has 1 and the last of the vector list 0.
    pub(super) semantic: f32,
    /// How many of the query's quoted texts the chunk holds.
    pub(super) quoted: usize,
    /// How many of the others it may hold: its file was not read for them.
    pub(super) unread_quoted: usize,
    pub(super) score: f32,
    /// What it defines of the names that the query spells out.
    pub(super) definition: Option<Definition>,
    pub(super) contributions: Vec<Contribution>,
}

/// A definition of a name that the query spells out; better ones are smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Definition {
    /// Number of the name in the query.
    pub(super) name: usize,
    pub(super) fit: Fit,
    /// Number of the symbol in its file.
    pub(super) symbol: u32,
}

impl Candidate {
    pub(super) fn new(slot: u32) -> Self {
        Self {
            slot,
            lexical: 0.0,
            semantic: 0.0,
            quoted: 0,
            unread_quoted: 0,
            score: 0.0,
            definition: None,
            contributions: Vec::new(),
        }
    }
}

/// Candidates of one depth.
pub(super) struct Gathered {
    pub(super) candidates: Vec<Candidate>,
    /// Whether a source has more than its share of this depth.
    pub(super) more: bool,
}

/// Candidates taken from each source at the least, and from each at the most, with a step between. What is found at one
/// depth follows what is found at those before, so that no hit moves when more are asked for. On the development queries
/// more than the first 200 changed no score.
pub(super) const DEPTHS: [usize; 3] = [200, 1_000, 5_000];
/// Names of a query whose definitions are looked up.
const MOST_NAMES: usize = 8;

/// Where candidates of one query come from: looked up once, gathered at one depth after the other.
pub(super) struct Sources<'a> {
    searcher: &'a Searcher<'a>,
    allowed: Option<&'a SlotSet>,
    lexical: LexicalSearch<'a>,
    /// Chunks that define a name of the query or hold a line that it names.
    named: Vec<u32>,
    pub(super) quoted: Quoted,
    /// Empty where the query is not compared by meaning.
    vector: Vec<f32>,
    /// Why meaning was not searched, or not everywhere.
    pub(super) lexical_only: Option<String>,
}

impl<'a> Sources<'a> {
    pub(super) fn of(
        searcher: &'a Searcher<'a>,
        text: &str,
        understanding: &Understanding,
        query: &Query,
        allowed: Option<&'a SlotSet>,
        cancel: &AtomicBool,
    ) -> Result<Self> {
        let is_cancelled = || cancel.load(Ordering::Relaxed);
        let words = lexical_query(understanding, &searcher.view.weights);
        let mut sources = Self {
            searcher,
            allowed,
            lexical: timed(Stage::Lexical, || searcher.snapshot.lexical(words))?,
            named: Vec::new(),
            quoted: Quoted::default(),
            vector: Vec::new(),
            lexical_only: None,
        };
        if !is_cancelled() {
            sources.named = timed(Stage::Names, || named(searcher, understanding, allowed))?;
            sources.named.extend(slots_at(searcher.snapshot, &understanding.places, allowed));
        }
        let vector = &mut sources.vector;
        sources.lexical_only = timed(Stage::Embed, || embed(searcher, text, query.mode, vector));
        if !understanding.quoted.is_empty() && !is_cancelled() {
            let quoted = || Quoted::of(searcher, understanding, &sources.lexical, allowed, cancel);
            sources.quoted = timed(Stage::Names, quoted)?;
        }
        Ok(sources)
    }

    /// So many candidates of each source, scored beside each other.
    pub(super) fn gather(&self, depth: usize, cancel: &AtomicBool) -> Result<Gathered> {
        let Self { searcher, allowed, .. } = *self;
        let weights = &searcher.view.weights;
        let mut candidates: HashMap<u32, Candidate> = HashMap::with_capacity(depth * 2);
        let lexical = timed(Stage::Lexical, || self.lexical.best(allowed, depth));
        let mut more = lexical.len() >= depth;
        for slot in lexical.iter().map(|hit| hit.slot).chain(self.named.iter().copied()) {
            candidates.entry(slot).or_insert_with(|| Candidate::new(slot));
        }
        let mut cosine_range = (0.0, 1.0);
        if !self.vector.is_empty() && !cancel.load(Ordering::Relaxed) {
            let nearest = timed(Stage::Vectors, || searcher.snapshot.nearest(&self.vector, allowed, depth))?;
            if let (Some(first), Some(last)) = (nearest.first(), nearest.last()) {
                cosine_range = (last.similarity, first.similarity);
                more |= nearest.len() >= depth && last.similarity >= weights.least_cosine;
            }
            for hit in nearest.iter().filter(|hit| hit.similarity >= weights.least_cosine) {
                candidates.entry(hit.slot).or_insert_with(|| Candidate::new(hit.slot));
            }
        }
        for slot in self.quoted.slots() {
            candidates.entry(slot).or_insert_with(|| Candidate::new(slot));
        }
        let mut candidates: Vec<Candidate> = candidates.into_values().collect();
        for candidate in &mut candidates {
            self.quoted.count(candidate);
        }
        candidates.sort_unstable_by_key(|candidate| candidate.slot);
        let slots: Vec<u32> = candidates.iter().map(|candidate| candidate.slot).collect();
        let best = lexical.first().map_or(0.0, |hit| hit.score);
        if best > 0.0 {
            let scores = self.lexical.scores(&slots);
            for (candidate, score) in candidates.iter_mut().zip(scores) {
                candidate.lexical = score / best;
            }
        }
        if !self.vector.is_empty() {
            let (low, high) = cosine_range;
            let range = (high - low).max(weights.least_range);
            let similarities = searcher.snapshot.similarities(&self.vector, &slots)?;
            for (candidate, cosine) in candidates.iter_mut().zip(similarities) {
                candidate.semantic = cosine.map_or(0.0, |cosine| ((cosine - low) / range).clamp(0.0, 1.0));
            }
        }
        Ok(Gathered { candidates, more })
    }
}

/// Embeds the query; says why when it does not.
fn embed(searcher: &Searcher<'_>, text: &str, mode: Mode, vector: &mut Vec<f32>) -> Option<String> {
    if matches!(mode, Mode::Keyword | Mode::Symbol) {
        return None;
    }
    let Some(embedder) = &searcher.view.embedder else {
        return Some(NO_MODEL.to_owned());
    };
    if searcher.snapshot.live_vectors() == 0 {
        return Some("no chunk has a vector of the current model yet; `conexus index` computes them".to_owned());
    }
    if let Err(error) = embedder.embed_query(text, vector) {
        tracing::warn!(%error, "cannot embed the query");
        vector.clear();
        return Some(error.to_string());
    }
    if vector.iter().all(|&value| value == 0.0) {
        vector.clear();
    }
    let (have, all) = (searcher.snapshot.live_vectors(), searcher.snapshot.live_chunks());
    // A few chunks of every index hold no known word and so have no vector; that is not worth a notice.
    (have * 10 < all * 9)
        .then(|| format!("{have} of {all} chunks have a vector so far; `conexus index` computes the rest"))
}

fn lexical_query(understanding: &Understanding, weights: &Weights) -> LexicalQuery {
    let mut terms: Vec<QueryTerm> = Vec::new();
    for word in &understanding.words {
        for text in tokenizer::terms(word) {
            if !terms.iter().any(|term| term.text == text) {
                terms.push(QueryTerm { text, weight: weights.word_weight });
            }
        }
    }
    for text in understanding.pairs.iter().flat_map(|pair| tokenizer::terms(pair)) {
        if !terms.iter().any(|term| term.text == text) {
            terms.push(QueryTerm { text, weight: weights.pair_weight });
        }
    }
    let scoring = Bm25f {
        k1: weights.k1,
        b: weights.b,
        weights: [
            weights.field_body, weights.field_name, weights.field_container, weights.field_path,
            weights.field_signature, weights.field_doc,
        ],
    };
    LexicalQuery { terms, scoring }
}

/// Slots of the definitions of the names that the query spells out; where the whole query is one that nothing defines,
/// those of names that begin with it or abbreviate to it.
fn named(searcher: &Searcher<'_>, understanding: &Understanding, allowed: Option<&SlotSet>) -> Result<Vec<u32>> {
    let mut found = Vec::new();
    for name in understanding.names.iter().filter(|name| name.certain).take(MOST_NAMES) {
        found.extend(definitions(searcher.snapshot, name, allowed)?);
    }
    if found.is_empty()
        && understanding.shape == Shape::Identifier
        && let Some(name) = understanding.names.first()
    {
        found = beginnings(searcher.snapshot, name, allowed)?;
    }
    Ok(found)
}

/// Index of the innermost chunk that holds a byte: of overlapping chunks, the one that starts last.
pub(crate) fn chunk_at(file: &FileEntry, offset: u32) -> Option<u32> {
    let (mut low, mut high) = (0, file.chunk_count());
    while low < high {
        let middle = low.midpoint(high);
        if file.chunk(middle)?.span().start <= offset {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    (0..low)
        .rev()
        .find(|&index| file.chunk(index).is_some_and(|chunk| offset < chunk.span().end))
        .or(low.checked_sub(1))
}
