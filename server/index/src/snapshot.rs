//! One state of the index, for readers.

use conexus_core::{BlobId, Filter, Generation, Language, Note};
use std::sync::Arc;

use crate::catalog::Reader;
use crate::codec::{ChunkRef, FileReferences, Heads, Letters, SymbolRef};
use crate::files::Files;
use crate::lexical::{DeltaPart, Field, LexicalView, Search, part_lengths};
use crate::vectors::{Block, Tail, VectorView, check_block};
use crate::{
    Error, FileFlags, FileStat, LexicalHit, LexicalQuery, ModelStamp, Prepared, Result, SlotSet, VectorBlock,
    VectorHit, filter,
};

/// One live version of a file. Its chunks have the slots `first_slot..first_slot + chunk_count`.
#[derive(Clone, Debug)]
pub struct FileEntry {
    pub(crate) path: Arc<str>,
    pub(crate) blob: BlobId,
    pub(crate) stat: FileStat,
    pub(crate) flags: FileFlags,
    pub(crate) language: Language,
    pub(crate) vector_key: u64,
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

    /// Its symbols whose name has all of these letters, in order; much faster than looking at every name.
    pub fn symbols_with(&self, letters: Letters) -> impl Iterator<Item = SymbolRef<'_>> {
        self.heads.symbols_with(letters)
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
    /// Its content from [`Prepared::of_buffer`]; keep it while the buffer stays as it is, a clone is cheap.
    pub prepared: Prepared,
    /// Its vectors, shared for the same reason; none when there is no model.
    pub vectors: Option<Arc<VectorBlock>>,
}

/// One state of the index. It never changes; hold it for one request, not longer.
#[derive(Clone, Debug)]
pub struct IndexSnapshot {
    pub(crate) generation: Generation,
    pub(crate) files: Files,
    pub(crate) alive: Arc<SlotSet>,
    pub(crate) slot_end: u32,
    pub(crate) lexical: LexicalView,
    pub(crate) vectors: VectorView,
    pub(crate) reader: Arc<Reader>,
    pub(crate) filters: filter::Remembered,
}

impl IndexSnapshot {
    /// The committed state it shows (an overlay snapshot: the state below it).
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Number of files.
    pub fn file_count(&self) -> usize {
        self.files.len()
    }

    /// Number of chunks of these files.
    pub fn live_chunks(&self) -> u64 {
        self.alive.len()
    }

    /// Number of chunks that have a vector of the current model; counted when asked.
    pub fn live_vectors(&self) -> u64 {
        self.vectors.live(&self.alive)
    }

    /// The model whose vectors are searched.
    pub fn model(&self) -> Option<&ModelStamp> {
        self.vectors.model.as_ref()
    }

    /// One past the highest slot in use.
    pub fn slot_end(&self) -> u32 {
        self.slot_end
    }

    /// The live slots.
    pub fn alive(&self) -> &SlotSet {
        &self.alive
    }

    /// All files, ordered by path.
    pub fn files(&self) -> impl Iterator<Item = &Arc<FileEntry>> {
        self.files.iter()
    }

    /// The files whose path starts with `prefix`, ordered by path.
    pub fn files_below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Arc<FileEntry>> {
        self.files.below(prefix)
    }

    /// The file at a path.
    pub fn file(&self, path: &str) -> Option<&Arc<FileEntry>> {
        self.files.get(path)
    }

    /// The file that holds a slot; `None` when the slot is not live.
    pub fn file_of(&self, slot: u32) -> Option<&Arc<FileEntry>> {
        self.files.at(slot)
    }

    /// The chunk in a slot; `None` when the slot is not live.
    pub fn chunk(&self, slot: u32) -> Option<LocatedChunk<'_>> {
        let file = self.files.at(slot)?;
        Some(LocatedChunk { file, chunk: file.chunk(slot - file.first_slot)? })
    }

    /// All symbols of all files, for searching names.
    pub fn symbols(&self) -> impl Iterator<Item = (&Arc<FileEntry>, SymbolRef<'_>)> {
        self.files.iter().flat_map(|file| file.symbols().map(move |symbol| (file, symbol)))
    }

    /// The live slots that a filter allows; `None` when it allows all. It looks at every path the first time; the last
    /// few filters of a snapshot are remembered.
    pub fn allowed(&self, filter: &Filter) -> Result<Option<Arc<SlotSet>>> {
        self.filters.get_or_make(filter, || filter::allowed(&self.files, filter))
    }

    /// Looks up the terms of a query, to search and score with.
    pub fn lexical(&self, query: LexicalQuery) -> Result<LexicalSearch<'_>> {
        Ok(LexicalSearch { index: self, search: self.lexical.search(query, &self.alive)? })
    }

    /// The live slots that hold a term (see [`crate::tokenizer`]) in any field.
    pub fn slots_with_term(&self, term: &str) -> Result<SlotSet> {
        self.lexical.slots_with(term, &self.alive)
    }

    /// The live slots that hold a term in one field, ascending; `None` when more than `most` chunks hold it.
    pub fn slots_in_field(&self, term: &str, field: Field, most: usize) -> Result<Option<Vec<u32>>> {
        self.lexical.slots_in(term, field, most, &self.alive)
    }

    /// The terms of a field that begin with a text, at most `most`, shorter ones first.
    pub fn terms_with_prefix(&self, prefix: &str, field: Field, most: usize) -> Result<Vec<String>> {
        self.lexical.terms_with_prefix(prefix, field, most, &self.alive)
    }

    /// The `count` chunks nearest to a query vector among the allowed, best first, equals by path and place.
    /// Empty when there is no model or the query is all zero; an error when the dimension is another or a number is
    /// not finite.
    pub fn nearest(&self, query: &[f32], allowed: Option<&SlotSet>, count: usize) -> Result<Vec<VectorHit>> {
        let found = self.vectors.nearest(query, &self.alive, allowed, count)?;
        Ok(self.best_first(found, |hit| (hit.similarity, hit.slot), count))
    }

    /// Orders hits by their score and, where that is equal, by path and place in the file: slots follow history, and
    /// of many copies with one score a fresh index would take others.
    fn best_first<T>(&self, mut hits: Vec<T>, key: impl Fn(&T) -> (f32, u32), count: usize) -> Vec<T> {
        let compare = |a: &T, b: &T| {
            let ((score, slot), (other_score, other)) = (key(a), key(b));
            other_score.total_cmp(&score).then_with(|| self.place(slot).cmp(&self.place(other)))
        };
        if count > 0 && hits.len() > count {
            hits.select_nth_unstable_by(count - 1, compare);
        }
        hits.truncate(count);
        hits.sort_unstable_by(compare);
        hits
    }

    /// Where a live slot stands: path and number of the chunk.
    fn place(&self, slot: u32) -> Option<(&str, u32)> {
        self.files.at(slot).map(|file| (&*file.path, slot - file.first_slot))
    }

    /// The same state, of which [`Self::nearest`] reads all vectors: what the graph's answers are measured against.
    pub fn without_graph(&self) -> Self {
        Self { vectors: self.vectors.without_graph(), ..self.clone() }
    }

    /// Whether [`Self::nearest`] goes through a graph when no filter is narrow.
    pub fn has_graph(&self) -> bool {
        self.vectors.has_graph()
    }

    /// Similarities of given chunks to a query vector, in their order; `None` where a chunk has no vector.
    pub fn similarities(&self, query: &[f32], slots: &[u32]) -> Result<Vec<Option<f32>>> {
        self.vectors.similarities(query, slots)
    }

    /// The vector of a chunk, as unit vector; `None` where it has none.
    pub fn vector(&self, slot: u32) -> Option<Vec<f32>> {
        self.vectors.vector(slot)
    }

    /// The mentions in a file, read from the catalog. `None` when its analysis was pruned since, or when the file is
    /// an overlay whose content was never committed.
    pub fn references(&self, file: &FileEntry) -> Result<Option<FileReferences>> {
        self.reader.references(file.blob, file.language)
    }

    /// This state with open buffers in place of their files. Their slots begin at [`Self::slot_end`] of this state.
    /// It costs microseconds per buffer: what is dear is in [`Prepared::of_buffer`]. An overlay of a path that
    /// this state has as an overlay already replaces it.
    pub fn overlay(&self, files: &[OverlayFile]) -> Result<Arc<Self>> {
        let mut over = Self { filters: filter::Remembered::default(), ..self.clone() };
        let alive = Arc::make_mut(&mut over.alive);
        let mut blocks = Vec::new();
        for file in files {
            let entry = Arc::new(FileEntry {
                path: Arc::clone(&file.path),
                blob: file.blob,
                stat: FileStat::default(),
                flags: file.flags,
                language: file.language,
                vector_key: 0,
                first_slot: over.slot_end,
                heads: Arc::clone(&file.prepared.heads),
            });
            let chunks = entry.chunk_count();
            over.slot_end = (over.slot_end.checked_add(chunks))
                .ok_or_else(|| Error::Invalid("no slots left; the index has to be rebuilt".into()))?;
            if let Some(old) = over.files.insert(&entry) {
                alive.remove_range(old.first_slot, old.chunk_count());
                let mut counts = std::mem::take(&mut over.lexical.counts);
                over.lexical.retire(&mut counts, old.first_slot, old.chunk_count());
                over.lexical.counts = counts;
            }
            alive.insert_range(entry.first_slot, chunks);
            for (first, postings) in file.prepared.parts() {
                let part = DeltaPart::of(entry.first_slot + first, postings);
                over.lexical.counts.add(part_lengths(&part, |_| true));
                over.lexical.parts.push(Arc::new(part));
            }
            if let (Some(vectors), Some(model)) = (&file.vectors, &over.vectors.model)
                && vectors.model == *model
            {
                check_block(vectors, chunks)?;
                blocks.extend(Block::of(model.dimension, entry.first_slot, &vectors.rows, &vectors.scales)?);
            }
        }
        if let Some(model) = &over.vectors.model {
            over.vectors.tail = Tail::extended(&over.vectors.tail, blocks, model.dimension, alive)?;
        }
        Ok(Arc::new(over))
    }
}

/// A lexical query whose terms were looked up in one state of the index.
pub struct LexicalSearch<'a> {
    index: &'a IndexSnapshot,
    search: Search<'a>,
}

impl LexicalSearch<'_> {
    /// The best `count` chunks by BM25F among the allowed, best first, equals by path and place.
    pub fn best(&self, allowed: Option<&SlotSet>, count: usize) -> Vec<LexicalHit> {
        self.index.best_first(self.search.best(allowed, count), |hit| (hit.score, hit.slot), count)
    }

    /// BM25F scores of given chunks, in their order; 0 where no term occurs. It costs nearly as much as [`Self::best`].
    pub fn scores(&self, slots: &[u32]) -> Vec<f32> {
        self.search.scores(slots)
    }

    /// At most `count` of these slots: the best by BM25F, best first, equals by path and place.
    pub fn best_of(&self, slots: Vec<u32>, count: usize) -> Vec<u32> {
        let scored = self.scores(&slots).into_iter().zip(slots).collect();
        self.index.best_first(scored, |&scored| scored, count).into_iter().map(|(_, slot)| slot).collect()
    }
}
