//! The built-in model: a table of token vectors, so that a text's vector is a weighted sum of rows.
//!
//! No attention and no runtime. The table lies in the binary as it lies in its file; opening it reads the header only.
//! A passage is three fields (name; path and container; body). Each field is the weighted mean of its tokens' rows,
//! the passage is the normalised weighted sum of its fields. How the table was trained, and the exact format, is in
//! `server/embed/model/README.md`.

mod bag;
mod embed;
mod format;
mod lookup;
mod tokens;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use conexus_core::{Passage, Words};

use crate::{EmbedError, Embedder, ModelId, Speed};
use format::Table;

/// Revision of the way from text to vector. A change of tokens, fields or weights below must raise it.
const REVISION: u32 = 1;

/// A static embedding model.
pub struct StaticModel {
    table: Table,
    model: ModelId,
    origin: String,
    field_weights: [f32; format::FIELDS],
}

impl std::fmt::Debug for StaticModel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("StaticModel")
            .field("model", &self.model)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

impl StaticModel {
    /// The model inside the binary. Costs microseconds; the content is checked by tests and by [`Self::verify`].
    pub fn builtin() -> Self {
        static BYTES: &[u8] = include_bytes!("../model/conexus-static.bin");
        Self::parse(Cow::Borrowed(BYTES), "the built-in model").expect("the built-in model is valid: a test opens it")
    }

    /// A model from a file, with its whole content checked.
    pub fn from_path(path: &Path) -> Result<Self, EmbedError> {
        let bytes = std::fs::read(path).map_err(|source| EmbedError::Read { path: path.to_owned(), source })?;
        let model = Self::parse(Cow::Owned(bytes), &path.display().to_string())?;
        model.verify()?;
        Ok(model)
    }

    fn parse(bytes: Cow<'static, [u8]>, origin: &str) -> Result<Self, EmbedError> {
        let table = Table::parse(bytes).map_err(|reason| EmbedError::malformed(origin, reason))?;
        let mut name = format!("static-{REVISION}/{}/", table.dimension);
        for byte in &table.stated_hash()[..16] {
            // Writing to a string cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        let field_weights = std::array::from_fn(|index| table.field_weight(index));
        Ok(Self { table, model: ModelId::new(&name), origin: origin.to_owned(), field_weights })
    }

    /// Checks the file's checksum and every number that embedding relies on. Takes milliseconds; for tests and
    /// `conexus doctor`.
    pub fn verify(&self) -> Result<(), EmbedError> {
        self.table.verify().map_err(|reason| EmbedError::malformed(&self.origin, reason))
    }

    /// Number of tokens in the vocabulary.
    pub fn tokens(&self) -> usize {
        self.table.tokens
    }
}

impl Embedder for StaticModel {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn dimension(&self) -> usize {
        self.table.dimension
    }

    fn speed(&self) -> Speed {
        Speed::Instant
    }

    fn embed_passages(&self, passages: &[Passage<'_>], out: &mut Vec<f32>) -> Result<(), EmbedError> {
        out.clear();
        out.reserve(passages.len() * self.table.dimension);
        let arch = pulp::Arch::new();
        for passage in passages {
            embed::passage(arch, &self.table, &self.field_weights, passage, out);
        }
        Ok(())
    }

    fn embed_chunks(&self, passages: &[Passage<'_>], words: Words<'_>, out: &mut Vec<f32>) -> Result<(), EmbedError> {
        out.clear();
        out.reserve(passages.len() * self.table.dimension);
        embed::chunks(pulp::Arch::new(), &self.table, &self.field_weights, passages, words, out);
        Ok(())
    }

    fn characters(&self) -> usize {
        embed::BODY_CHARACTERS
    }

    fn embed_query(&self, query: &str, out: &mut Vec<f32>) -> Result<(), EmbedError> {
        out.clear();
        embed::query(&self.table, query, out);
        Ok(())
    }
}
