//! The trait all embedding models share, and the identity that ties stored vectors to the model that made them.

use std::fmt;
use std::sync::Arc;

use conexus_core::{Passage, Words};

use crate::EmbedError;

/// Turns passages and queries into vectors of one fixed length. Object safe; shared between threads.
///
/// Every row has length 1 (within 1e-4) or is all zeros. A zero row means that the model knows nothing of the text
/// (empty, or only unknown words); its similarity to everything is 0, which is the honest answer.
/// The same text always gives the same row, whatever else is in the batch.
pub trait Embedder: Send + Sync {
    /// What made the vectors. Part of the key under which the index stores them.
    fn model(&self) -> &ModelId;

    /// Length of every row.
    fn dimension(&self) -> usize;

    /// Whether callers may embed inline or should do so in the background.
    fn speed(&self) -> Speed;

    /// Replaces the content of `out` by one row per passage, row after row: `passages.len() * dimension()` numbers.
    /// On an error `out` is empty.
    fn embed_passages(&self, passages: &[Passage<'_>], out: &mut Vec<f32>) -> Result<(), EmbedError>;

    /// The same for the chunks of one text, whose words are known: `passages` has those of all its chunks in order, the
    /// heads of which have [`Self::characters`].
    fn embed_chunks(&self, passages: &[Passage<'_>], words: Words<'_>, out: &mut Vec<f32>) -> Result<(), EmbedError> {
        let _ = words;
        self.embed_passages(passages, out)
    }

    /// Characters of a passage's body that it reads.
    fn characters(&self) -> usize {
        usize::MAX
    }

    /// Replaces the content of `out` by the row of a query: `dimension()` numbers. On an error `out` is empty.
    fn embed_query(&self, query: &str, out: &mut Vec<f32>) -> Result<(), EmbedError>;

    /// Why it did not answer when it was asked last, for one that is behind a network.
    fn fault(&self) -> Option<String> {
        None
    }
}

/// What a caller may expect of an embedder's speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// Microseconds per passage, no IO: embed where the text is.
    Instant,
    /// Milliseconds per passage or a network between: embed in the background, in batches.
    Slow,
}

/// A model's identity: family and revision of the algorithm, dimension, and a hash of the content or of the settings
/// that change its vectors. Two embedders with the same identity give interchangeable vectors.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModelId(Arc<str>);

impl ModelId {
    /// The identity with this text. Embedders make their own; this is for what was stored.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The identity as text: printable, without blanks, stable across releases.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for ModelId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ModelId({})", self.0)
    }
}

/// Scales a row to length 1. A row that has no direction (zero, or not finite) becomes all zeros.
pub(crate) fn normalise(row: &mut [f32]) {
    let square: f32 = row.iter().map(|value| value * value).sum();
    let scale = 1.0 / square.sqrt();
    if square > f32::MIN_POSITIVE && scale.is_finite() && scale > 0.0 {
        for value in row {
            *value *= scale;
        }
    } else {
        row.fill(0.0);
    }
}
