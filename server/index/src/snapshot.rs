//! One state of the index, for readers.

use conexus_core::{BlobId, Filter, Generation, Language, Note};
use std::sync::Arc;

use crate::codec::{ChunkRef, FileReferences, Heads, SymbolRef};
use crate::{FileFlags, FileStat, LexicalHit, LexicalQuery, ModelStamp, Prepared, Result, SlotSet, VectorBlock, VectorHit};

/// One live version of a file. Its chunks have the slots `first_slot..first_slot + chunk_count`.
#[derive(Debug)]
pub struct FileEntry {
    pub(crate) path: Arc<str>,
    pub(crate) blob: BlobId,
    pub(crate) stat: FileStat,
    pub(crate) flags: FileFlags,
    pub(crate) language: Language,
    pub(crate) first_slot: u32,
    pub(crate) heads: Arc<Heads>,
}

impl FileEntry {
    /// Workspace-relative path with `/`.
    pub fn path(&self) -> &Arc<str> {
        &self.path
    }

    /// Hash of its bytes.
    pub fn blob(&self) -> BlobId {
        self.blob
    }

    /// As the file system had it when it was read.
    pub fn stat(&self) -> FileStat {
        self.stat
    }

    /// Its properties.
    pub fn flags(&self) -> FileFlags {
        self.flags
    }

    /// Its language.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Slot of its first chunk.
    pub fn first_slot(&self) -> u32 {
        self.first_slot
    }

    /// Number of chunks.
    pub fn chunk_count(&self) -> u32 {
        self.heads.chunk_count()
    }

    /// Number of symbols.
    pub fn symbol_count(&self) -> u32 {
        self.heads.symbol_count()
    }

    /// One chunk by its place in the file.
    pub fn chunk(&self, index: u32) -> Option<ChunkRef<'_>> {
        self.heads.chunk(index)
    }

    /// One symbol by its place in the file.
    pub fn symbol(&self, index: u32) -> Option<SymbolRef<'_>> {
        self.heads.symbol(index)
    }

    /// Its chunks in order.
    pub fn chunks(&self) -> impl Iterator<Item = ChunkRef<'_>> {
        self.heads.chunks()
    }

    /// Its symbols in order.
    pub fn symbols(&self) -> impl Iterator<Item = SymbolRef<'_>> {
        self.heads.symbols()
    }

    /// What could not be done when it was analysed.
    pub fn notes(&self) -> impl Iterator<Item = Note> + '_ {
        self.heads.notes()
    }
}

/// A chunk with its file.
#[derive(Clone, Copy, Debug)]
pub struct LocatedChunk<'a> {
    /// The file.
    pub file: &'a Arc<FileEntry>,
    /// The chunk in it.
    pub chunk: ChunkRef<'a>,
}

/// The content of an open buffer, which stands for its file in a snapshot made by [`IndexSnapshot::overlay`].
#[derive(Clone, Debug)]
pub struct OverlayFile {
    /// Workspace-relative path with `/`.
    pub path: Arc<str>,
    /// Hash of the buffer's bytes.
    pub blob: BlobId,
    /// Its language.
    pub language: Language,
    /// Its properties.
    pub flags: FileFlags,
    /// Its content; keep it while the buffer stays as it is, a clone is cheap.
    pub prepared: Prepared,
    /// Its vectors, shared for the same reason; none when there is no model.
    pub vectors: Option<Arc<VectorBlock>>,
}

/// One state of the index. It never changes; hold it for one request, not longer.
#[derive(Debug)]
pub struct IndexSnapshot {
    generation: Generation,
}

impl IndexSnapshot {
    /// The committed state it shows (an overlay snapshot: the state below it).
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Number of files.
    pub fn file_count(&self) -> usize {
        todo!()
    }

    /// Number of chunks of these files.
    pub fn live_chunks(&self) -> u64 {
        todo!()
    }

    /// Number of chunks that have a vector of the current model.
    pub fn live_vectors(&self) -> u64 {
        todo!()
    }

    /// The model whose vectors are searched.
    pub fn model(&self) -> Option<&ModelStamp> {
        todo!()
    }

    /// One past the highest slot in use.
    pub fn slot_end(&self) -> u32 {
        todo!()
    }

    /// The live slots.
    pub fn alive(&self) -> &SlotSet {
        todo!()
    }

    /// All files, ordered by path.
    pub fn files(&self) -> impl Iterator<Item = &Arc<FileEntry>> {
        std::iter::empty()
    }

    /// The files whose path starts with `prefix`, ordered by path.
    pub fn files_below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Arc<FileEntry>> {
        let _ = prefix;
        std::iter::empty()
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<&Arc<FileEntry>> {
        let _ = path;
        todo!()
    }

    /// The file that holds a slot; `None` when the slot is not live.
    pub fn file_of(&self, slot: u32) -> Option<&Arc<FileEntry>> {
        let _ = slot;
        todo!()
    }

    /// The chunk in a slot; `None` when the slot is not live.
    pub fn chunk(&self, slot: u32) -> Option<LocatedChunk<'_>> {
        let _ = slot;
        todo!()
    }

    /// All symbols of all files, for searching names.
    pub fn symbols(&self) -> impl Iterator<Item = (&Arc<FileEntry>, SymbolRef<'_>)> {
        std::iter::empty()
    }

    /// The live slots that a filter allows; `None` when it allows all.
    pub fn allowed(&self, filter: &Filter) -> Result<Option<SlotSet>> {
        let _ = filter;
        todo!()
    }

    /// The best `count` chunks by BM25F among the allowed, best first; ties go to the lower slot.
    pub fn lexical(&self, query: &LexicalQuery, allowed: Option<&SlotSet>, count: usize) -> Result<Vec<LexicalHit>> {
        let _ = (query, allowed, count);
        todo!()
    }

    /// BM25F scores of given chunks, in their order; 0 where no term occurs.
    pub fn lexical_scores(&self, query: &LexicalQuery, slots: &[u32]) -> Result<Vec<f32>> {
        let _ = (query, slots);
        todo!()
    }

    /// The live slots that hold a term (see [`crate::tokenizer`]) in any field.
    pub fn slots_with_term(&self, term: &str) -> Result<SlotSet> {
        let _ = term;
        todo!()
    }

    /// The `count` chunks nearest to a query vector among the allowed, best first; ties go to the lower slot.
    /// Empty when there is no model; an error when the dimension is another or a number is not finite.
    pub fn nearest(&self, query: &[f32], allowed: Option<&SlotSet>, count: usize) -> Result<Vec<VectorHit>> {
        let _ = (query, allowed, count);
        todo!()
    }

    /// Similarities of given chunks to a query vector, in their order; `None` where a chunk has no vector.
    pub fn similarities(&self, query: &[f32], slots: &[u32]) -> Result<Vec<Option<f32>>> {
        let _ = (query, slots);
        todo!()
    }

    /// The vector of a chunk, as unit vector; `None` where it has none.
    pub fn vector(&self, slot: u32) -> Option<Vec<f32>> {
        let _ = slot;
        todo!()
    }

    /// The mentions in a file, read from the catalog. `None` when its analysis was pruned since.
    pub fn references(&self, file: &FileEntry) -> Result<Option<FileReferences>> {
        let _ = file;
        todo!()
    }

    /// This state with open buffers in place of their files. Their slots begin at [`Self::slot_end`] of this state.
    /// It costs microseconds per buffer: what is dear is in [`Prepared::new`].
    pub fn overlay(&self, files: &[OverlayFile]) -> Result<Arc<IndexSnapshot>> {
        let _ = files;
        todo!()
    }
}
