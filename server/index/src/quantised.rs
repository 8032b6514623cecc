//! From an embedder's rows to what is stored.

use conexus_faiss::quantize_into;

use crate::{ModelStamp, VectorBlock};

impl VectorBlock {
    /// Quantises rows of `model.dimension` numbers, one per chunk, to int8 with a scale each. A row that is all zeros,
    /// or holds a number that is not finite, becomes a chunk without a vector.
    pub fn from_rows(model: ModelStamp, rows: &[f32]) -> Self {
        let dimension = model.dimension.max(1);
        let count = rows.len() / dimension;
        let mut block = Self { model, rows: Vec::with_capacity(count * dimension), scales: Vec::with_capacity(count) };
        for row in rows.chunks_exact(dimension) {
            if let Ok(scale) = quantize_into(row, &mut block.rows) {
                block.scales.push(scale);
            } else {
                block.rows.resize(block.rows.len() + dimension, 0);
                block.scales.push(0.0);
            }
        }
        block
    }
}
