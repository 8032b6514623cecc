//! The one writer, and readers that follow it.

use conexus_core::{BlobId, FileAnalysis, Language};
use std::path::Path;
use std::sync::Arc;

use crate::{Batch, IndexSnapshot, Prepared, Result, StoreSettings, Stored, TextSource, VectorBlock};

/// What a store may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Own the index: create it, lock it, change it.
    Write,
    /// Follow an index that another process may own.
    Read,
}

/// What opening had to do.
#[derive(Clone, Debug, Default)]
pub struct OpenReport {
    /// Whether there was no index yet.
    pub created: bool,
    /// Files of which the lexical index had to be caught up.
    pub caught_up: usize,
    /// Files that were dropped from the index because their text is no longer to be had; the next scan finds them as new.
    pub dropped: Vec<Arc<str>>,
    /// Whether the lexical index was built again as a whole.
    pub lexical_rebuilt: bool,
    /// Whether the vector file was built again as a whole.
    pub vectors_rebuilt: bool,
}

/// A content whose vectors of the current model are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingVectors {
    /// A file that has this content.
    pub path: Arc<str>,
    /// Hash of its bytes.
    pub blob: BlobId,
    /// Its language.
    pub language: Language,
    /// As its update gave it.
    pub vector_key: u64,
    /// Number of chunks.
    pub chunks: u32,
}

/// Sizes, for reports.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoreStatistics {
    /// Live files.
    pub files: u64,
    /// Live chunks.
    pub chunks: u64,
    /// Slots given out, live or not.
    pub slots: u64,
    /// Live chunks with a vector.
    pub vectors: u64,
    /// Bytes of the catalog on disk.
    pub catalog_bytes: u64,
    /// Bytes of the lexical index on disk.
    pub lexical_bytes: u64,
    /// Bytes of the vector files on disk.
    pub vector_bytes: u64,
    /// Segments of the lexical index.
    pub lexical_segments: usize,
    /// Chunks in the in-memory part of the lexical index.
    pub delta_chunks: u64,
}

/// The index in one folder. Methods take `&mut self`: one thread owns it; readers take [`Store::snapshot`].
#[derive(Debug)]
pub struct Store {}

impl Store {
    /// Opens the index in a folder; with [`Access::Write`] it is created and locked. `texts` gives the texts that a
    /// crash kept from the lexical index.
    pub fn open(
        folder: &Path,
        settings: StoreSettings,
        access: Access,
        texts: &dyn TextSource,
    ) -> Result<(Self, OpenReport)> {
        let _ = (folder, settings, access, texts);
        todo!()
    }

    /// Deletes the files of an index that nobody has open. Files that are not ours stay.
    pub fn destroy(folder: &Path) -> Result<()> {
        let _ = folder;
        todo!()
    }

    /// The last published state.
    pub fn snapshot(&self) -> Arc<IndexSnapshot> {
        todo!()
    }

    /// What is stored of a content in that language.
    pub fn stored(&self, blob: BlobId, language: Language, vector_key: u64) -> Result<Stored> {
        let _ = (blob, language, vector_key);
        todo!()
    }

    /// The stored analysis of a content.
    pub fn stored_analysis(&self, blob: BlobId, language: Language) -> Result<Option<FileAnalysis>> {
        let _ = (blob, language);
        todo!()
    }

    /// The stored analysis of a content, prepared for a path: for an open buffer that holds a known text.
    pub fn stored_prepared(&self, path: &str, blob: BlobId, language: Language, text: &str) -> Result<Option<Prepared>> {
        let _ = (path, blob, language, text);
        todo!()
    }

    /// Applies changes as one generation and publishes the new state. After an error nothing of the batch is kept.
    /// Between [`Self::begin_bulk`] and [`Self::end_bulk`] it may return the state before, and publish later.
    pub fn commit(&mut self, batch: Batch) -> Result<Arc<IndexSnapshot>> {
        let _ = batch;
        todo!()
    }

    /// Makes the following commits cheap per file and rarely visible: for the first index of many files.
    pub fn begin_bulk(&mut self) -> Result<()> {
        todo!()
    }

    /// Publishes all that was committed since [`Self::begin_bulk`].
    pub fn end_bulk(&mut self) -> Result<Arc<IndexSnapshot>> {
        todo!()
    }

    /// Some live contents without vectors of the current model, at most `limit`.
    pub fn missing_vectors(&self, limit: usize) -> Result<Vec<MissingVectors>> {
        let _ = limit;
        todo!()
    }

    /// Stores vectors that were made later and publishes them.
    pub fn put_vectors(&mut self, blocks: Vec<(MissingVectors, VectorBlock)>) -> Result<Arc<IndexSnapshot>> {
        let _ = blocks;
        todo!()
    }

    /// Deletes stored analyses and vectors that no live file uses while they take more than `budget` bytes.
    /// Returns the bytes that were freed inside the catalog.
    pub fn prune(&mut self, budget: u64) -> Result<u64> {
        let _ = budget;
        todo!()
    }

    /// Follows the owner (read access): the new state when there is one.
    pub fn refresh(&mut self, texts: &dyn TextSource) -> Result<Option<Arc<IndexSnapshot>>> {
        let _ = texts;
        todo!()
    }

    /// Writes the in-memory parts out, so that the next open has nothing to catch up.
    pub fn flush(&mut self) -> Result<()> {
        todo!()
    }

    /// Flushes and gives the index back. Dropping a store without it loses nothing, but the next open is slower.
    pub fn close(mut self) -> Result<()> {
        self.flush()
    }

    /// Sizes, for reports.
    pub fn statistics(&self) -> Result<StoreStatistics> {
        todo!()
    }
}

impl Prepared {
    /// Computes what the store keeps of a content at a path. Independent of any store and safe to run in parallel.
    pub fn new(path: &str, analysis: &FileAnalysis, text: &str) -> Self {
        let _ = (path, analysis, text);
        todo!()
    }
}
