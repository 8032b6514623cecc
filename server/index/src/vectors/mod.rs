//! Vector search.

/// A chunk near a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VectorHit {
    /// The chunk.
    pub slot: u32,
    /// Cosine similarity, about -1 to 1 (the error of int8 is under 0.01).
    pub similarity: f32,
}
