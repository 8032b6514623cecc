//! What a lexical search asks and answers.

use super::{Field, tokenizer};

/// Parameters of BM25F (Zaragoza et al., "Microsoft Cambridge at TREC-13", 2004), given with each query.
///
/// `tf~(t, c) = sum over fields f of weights[f] * tf(t, f, c) / (1 - b + b * len(f, c) / avglen(f))`,
/// `score(c) = sum over terms t of weight(t) * idf(t) * tf~ * (k1 + 1) / (k1 + tf~)`,
/// `idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5))` with `df` the number of live chunks that hold the term in any field
/// and `N` the number of live chunks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bm25f {
    /// How slowly further occurrences stop to count.
    pub k1: f32,
    /// How much a long field counts less, 0 to 1.
    pub b: f32,
    /// Weight of each field, by `Field as usize`.
    pub weights: [f32; 6],
}

impl Bm25f {
    /// The weight of one field.
    pub fn weight(&self, field: Field) -> f32 {
        self.weights[field as usize]
    }

    /// The same parameters with another weight for one field.
    #[must_use]
    pub fn with_weight(mut self, field: Field, weight: f32) -> Self {
        self.weights[field as usize] = weight;
        self
    }
}

impl Default for Bm25f {
    /// Tuned on "documentation sentence finds its function", 3,121 queries of 14 repositories.
    fn default() -> Self {
        Self { k1: 4.0, b: 0.9, weights: [1.0, 10.0, 2.0, 2.0, 2.0, 2.0] }
    }
}

/// One term to search for.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryTerm {
    /// A term as [`tokenizer::terms`] makes them.
    pub text: String,
    /// What its score is multiplied with.
    pub weight: f32,
}

/// A lexical search.
#[derive(Clone, Debug, PartialEq)]
pub struct LexicalQuery {
    /// Terms, each once; at most 64 are used.
    pub terms: Vec<QueryTerm>,
    /// How to score.
    pub scoring: Bm25f,
}

impl LexicalQuery {
    /// All terms of a text with weight 1 and default scoring. Stop-words are the caller's affair.
    pub fn new(text: &str) -> Self {
        let terms = tokenizer::terms(text).into_iter().map(|text| QueryTerm { text, weight: 1.0 }).collect();
        Self { terms, scoring: Bm25f::default() }
    }
}

/// A chunk that holds a term.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LexicalHit {
    /// The chunk.
    pub slot: u32,
    /// BM25F score, above 0.
    pub score: f32,
    /// Bit `i` says that term `i` of the query occurs.
    pub terms: u64,
}
