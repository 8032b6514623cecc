//! The one writer, and readers that follow it.

mod commit;
mod follow;
mod heart;
mod listing;
mod lock;
mod open;
mod place;

use conexus_core::{BlobId, FileAnalysis, Generation, Language, LineIndex};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::catalog::{Catalog, FileRow, Reader, State};
use crate::files::Files;
use crate::lexical::{Counts, LexicalView, LexicalWriter, Stamp};
use crate::vectors::VectorWriter;
use crate::{Error, IndexSnapshot, ModelStamp, Prepared, Relief, Result, SlotSet, StoreSettings, Stored};

pub use heart::{Owner, Voice};
pub(crate) use listing::ListedRow;
pub use listing::{ListedFile, Listing};

/// Bytes of a graph per vector, with what building it needs beside.
const GRAPH_BYTES_PER_VECTOR: u64 = 190;
/// Tenths of the ceiling of memory from which on it is freed.
const RELIEF_FROM: u64 = 7;
/// What a commit and the writing of what waits may take until the next look: of a small ceiling more than its last tenths.
const BETWEEN_LOOKS: u64 = 48 << 20;
/// Resident memory from which on a bulk load frees what has gathered, whatever the ceiling.
const FREED_FROM: u64 = 128 << 20;
/// What must have gathered for that; of a large process, a fifth of it.
const GATHERED: u64 = 32 << 20;

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
    /// Files that were dropped from the index because their text is no longer to be had; the next scan finds them as
    /// new, and their analysis still stored if they come back. A reader looks for them, see [`Store::refresh`].
    pub dropped: Vec<Arc<str>>,
    /// Whether the lexical index was built again as a whole.
    pub lexical_rebuilt: bool,
    /// Whether the vector file was missing or void, so that all vectors came from the catalog.
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

/// How far the vectors of a model are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VectorShare {
    /// Live chunks whose content has them.
    pub have: u64,
    /// All live chunks.
    pub all: u64,
}

/// The number of no model.
const NO_MODEL: i64 = -1;

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

/// The index in one folder. Methods that change it take `&mut self`: one thread owns it; readers take
/// [`Store::snapshot`].
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    settings: StoreSettings,
    access: Access,
    catalog: Catalog,
    lexical: LexicalWriter,
    vectors: VectorWriter,
    /// Number of the current model in the catalog.
    model: Option<i64>,
    current: Current,
    snapshot: Arc<IndexSnapshot>,
    reader: Arc<Reader>,
    /// As a reader: which file the catalog is.
    identity: Option<lock::Identity>,
    /// As a reader: live files that are not in `current`, since their text was not to be had.
    missing: Vec<FileRow>,
    /// Bytes that were resident after memory was last freed on purpose.
    relieved: u64,
    /// Bytes in use in the catalog from which on it is looked for what no file has any more.
    prune_from: u64,
    /// Whether opening it again failed, so that only that may be tried.
    stale: bool,
    /// The running bulk load.
    bulk: Option<commit::Load>,
    /// Last, so that the lock is released after all else has ended.
    lock: Option<Arc<lock::Lock>>,
}

/// The state that the next commit builds on; the snapshot shows it, or during a bulk load an earlier one.
#[derive(Clone, Debug)]
struct Current {
    state: State,
    files: Files,
    alive: Arc<SlotSet>,
}

impl Store {
    /// The last published state.
    pub fn snapshot(&self) -> Arc<IndexSnapshot> {
        Arc::clone(&self.snapshot)
    }

    /// The folder it is in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What it was opened with.
    pub fn settings(&self) -> &StoreSettings {
        &self.settings
    }

    /// What it may do.
    pub fn access(&self) -> Access {
        self.access
    }

    /// As the owner: how readers are told what it does, see [`Owner::of`].
    pub fn voice(&self) -> Option<Voice> {
        self.lock.as_ref().map(|lock| lock.voice().clone())
    }

    /// What is stored of a content in that language.
    pub fn stored(&self, blob: BlobId, language: Language, vector_key: u64) -> Result<Stored> {
        let vectors = self.model.map(|model| (model, vector_key));
        Ok(match self.catalog.knows(blob, language, vectors)? {
            (false, _) => Stored::Nothing,
            (true, false) if self.vectors.model().is_some() => Stored::Analysis,
            (true, _) => Stored::All,
        })
    }

    /// The stored analysis of a content, equal to what was committed.
    pub fn stored_analysis(&self, blob: BlobId, language: Language) -> Result<Option<FileAnalysis>> {
        self.catalog.analysis(blob, language)
    }

    /// The stored analysis of a content, prepared for a path: for an open buffer that holds a known text.
    pub fn stored_prepared(
        &self,
        path: Arc<str>,
        blob: BlobId,
        language: Language,
        text: Arc<str>,
    ) -> Result<Option<Prepared>> {
        let Some(analysis) = self.catalog.analysis(blob, language)? else { return Ok(None) };
        let lines = LineIndex::new(&text);
        Prepared::new(path, analysis, text, &lines).map(Some)
    }

    /// Some live contents without vectors of a model, at most `limit`.
    pub fn missing_vectors(&self, model: &ModelStamp, limit: usize) -> Result<Vec<MissingVectors>> {
        let Current { alive, .. } = &self.current;
        if self.vectors.model() == Some(model) && self.vectors.view().live(alive) == alive.len() {
            return Ok(Vec::new());
        }
        self.catalog.missing_vectors(self.catalog.model(model)?.unwrap_or(NO_MODEL), limit)
    }

    /// How many of the live chunks have vectors of a model, which need not be the one that is searched.
    pub fn vector_share(&self, model: &ModelStamp) -> Result<VectorShare> {
        self.catalog.vector_share(model)
    }

    /// The same of the index in a folder; nothing of nothing when there is none or it cannot be read.
    pub fn vector_share_in(folder: &Path, settings: &StoreSettings, model: &ModelStamp) -> VectorShare {
        if !Self::exists(folder) {
            return VectorShare::default();
        }
        let counted = Catalog::open_for_reading(folder, settings).and_then(|catalog| catalog.vector_share(model));
        counted.unwrap_or_else(|error| {
            tracing::debug!(%error, "vectors not counted");
            VectorShare::default()
        })
    }

    /// Deletes stored analyses and vectors that no live file uses (vectors of other models too) while they take more
    /// than `budget` bytes. Returns the bytes that were freed inside the catalog's file.
    pub fn prune(&mut self, budget: u64) -> Result<u64> {
        self.check_writable()?;
        self.catalog.prune(|_| budget, self.kept_model())
    }

    /// The model besides whose vectors all are former ones; `None` when those of every model are kept.
    fn kept_model(&self) -> Option<i64> {
        (!self.settings.keep_other_models).then(|| self.model.unwrap_or(NO_MODEL))
    }

    /// Prunes when the catalog has grown by as much as former contents may take since the last time. What cannot be
    /// pruned, as on a full disk, takes room and harms nothing else, so it is tried again after as much growth.
    fn prune_behind(&mut self) {
        let former = self.settings.former_bytes;
        let pruned = self.catalog.used_bytes().and_then(|used| {
            if used < self.prune_from {
                return Ok(());
            }
            self.prune_from = used.saturating_add(former);
            let freed = self.catalog.prune(|unused| former.max(used.saturating_sub(unused)), self.kept_model())?;
            self.prune_from -= freed.min(used);
            tracing::debug!(used, freed, "former contents pruned");
            Ok(())
        });
        if let Err(error) = pruned {
            tracing::warn!(%error, "former contents not pruned");
        }
    }

    /// Takes over what background work has finished; the new state if that changed what searches read. Commits do
    /// it too: call it when nothing was committed for a second.
    pub fn poll(&mut self) -> Result<Option<Arc<IndexSnapshot>>> {
        if self.bulk.is_some() || self.stale {
            return Ok(None);
        }
        let changed = self.take_over()?;
        if self.access == Access::Write {
            self.prune_behind();
            if self.has_room_for_graph().is_ok() {
                // Only who polls lives long enough for it.
                self.vectors.start_graph(self.current.state.epoch)?;
            }
        }
        Ok(changed.then(|| self.publish(None)))
    }

    /// Whether enough vectors are settled in the file that a graph over them should be built.
    pub fn is_graph_due(&self) -> bool {
        self.access == Access::Write && self.vectors.is_graph_due()
    }

    /// Whether the ceiling of memory leaves room for a graph; else the bytes that would be resident with it.
    pub fn has_room_for_graph(&self) -> std::result::Result<(), u64> {
        // Its links, and the vectors, all of which are read while it is built.
        let vector = self.settings.model.as_ref().map_or(0, |model| model.dimension as u64) + GRAPH_BYTES_PER_VECTOR;
        let needed = crate::resident().unwrap_or(0) + self.snapshot.live_chunks() * vector;
        if needed <= self.settings.memory { Ok(()) } else { Err(needed) }
    }

    /// Keeps memory in bounds: what waits in it is written and freed at once when the process comes near its ceiling,
    /// and in a bulk load whenever much has gathered. Call it after commits of a long run.
    pub fn keep_memory(&mut self) -> Result<Relief> {
        let Some(resident) = crate::resident() else { return Ok(Relief::NotNeeded) };
        let ceiling = self.settings.memory;
        // Writing again pays only when something has gathered since the last time.
        let near = (ceiling / 10 * RELIEF_FROM).min(ceiling.saturating_sub(BETWEEN_LOOKS));
        let is_near = resident >= near.max(self.relieved.saturating_add(ceiling / 10));
        let much = FREED_FROM.max(self.relieved.saturating_add(GATHERED.max(self.relieved / 5)));
        if !is_near && (self.bulk.is_none() || resident < much) {
            return Ok(Relief::NotNeeded);
        }
        if self.bulk.is_some() {
            self.publish_bulk(true)?;
        } else if self.lexical.delta_chunks() > 0 {
            self.start_flush()?;
        }
        self.settle()?;
        if self.vectors.is_behind() {
            self.vectors.start_checkpoint(self.stamp(), self.current.state.next_slot, &self.current.alive)?;
            self.settle()?;
        }
        self.publish(None);
        self.vectors.release_pages();
        conexus_faiss::release_memory();
        self.relieved = crate::resident().unwrap_or(resident);
        tracing::info!(before = resident, after = self.relieved, ceiling, "written early to save memory");
        if !is_near {
            return Ok(Relief::NotNeeded);
        }
        Ok(if self.relieved > ceiling { Relief::Exceeded(self.relieved) } else { Relief::WrittenEarlier })
    }

    /// Settles all vectors and builds a graph over them when there are enough: minutes for a million. The new state
    /// when it did. `progress` gets the number of vectors that are linked, from several threads; a build that is
    /// cancelled leaves no trace.
    pub fn build_graph(
        &mut self,
        threads: usize,
        cancel: &AtomicBool,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Option<Arc<IndexSnapshot>>> {
        self.check_writable()?;
        self.flush()?;
        if !self.is_graph_due() {
            return Ok(None);
        }
        let built = self.vectors.build_graph(self.current.state.epoch, threads, cancel, progress);
        match built {
            Ok(built) => Ok(built.then(|| self.publish(None))),
            Err(_) if cancel.load(Ordering::Relaxed) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes the in-memory parts out, so that the next open has next to nothing to catch up.
    pub fn flush(&mut self) -> Result<()> {
        self.check_writable()?;
        if self.bulk.is_some() {
            self.end_bulk()?;
        }
        // The end of a load has left vectors on their way to the disk: the log is moved meanwhile.
        self.catalog.checkpoint();
        let before = self.settle()?;
        if self.lexical.delta_chunks() > 0 || !self.catalog.retired()?.is_empty() {
            self.start_flush()?;
        }
        if self.vectors.is_worth_writing() {
            self.vectors.start_checkpoint(self.stamp(), self.current.state.next_slot, &self.current.alive)?;
        }
        // Counting what lies in the segments takes a millisecond.
        if self.settle()? || before {
            self.publish(None);
        }
        self.prune_behind();
        self.catalog.checkpoint();
        Ok(())
    }

    /// Waits for background work, without starting a graph; `true` when searches would read something else now.
    fn settle(&mut self) -> Result<bool> {
        let written = self.lexical.wait()?;
        if let Some(stamp) = written {
            self.forget_retired(stamp)?;
        }
        Ok(self.vectors.finish() || written.is_some())
    }

    /// Flushes and gives the index back. Dropping a store without it loses nothing, but the next open is slower.
    pub fn close(mut self) -> Result<()> {
        if self.access == Access::Write && !self.stale { self.flush() } else { Ok(()) }
    }

    /// Sizes, for reports.
    pub fn statistics(&self) -> StoreStatistics {
        let size = |name: &str| std::fs::metadata(self.folder.join(name)).map_or(0, |meta| meta.len());
        StoreStatistics {
            files: self.snapshot.file_count() as u64,
            chunks: self.snapshot.live_chunks(),
            slots: u64::from(self.current.state.next_slot),
            vectors: self.snapshot.live_vectors(),
            catalog_bytes: size("catalog.sqlite") + size("catalog.sqlite-wal"),
            lexical_bytes: self.lexical.disk().bytes(),
            vector_bytes: self.vectors.bytes(),
            lexical_segments: self.lexical.segments().len(),
            delta_chunks: self.lexical.delta_chunks() as u64,
        }
    }

    fn stamp(&self) -> Stamp {
        Stamp { epoch: self.current.state.epoch, generation: self.current.state.generation }
    }

    /// As the owner: whether the folder was deleted, or made anew, since it was opened. Nothing can be written then, and
    /// searches go on with what they have.
    pub fn is_gone(&self) -> bool {
        self.lock.as_ref().is_some_and(|lock| !lock.is_in(&self.folder))
    }

    fn check_writable(&self) -> Result<()> {
        match self.access {
            Access::Write if self.is_gone() => Err(Error::Gone { path: self.folder.clone() }),
            Access::Write if self.stale => Err(Error::Stale { path: self.folder.clone() }),
            Access::Write => Ok(()),
            Access::Read => Err(Error::NotWritable { path: self.folder.clone() }),
        }
    }

    fn start_flush(&mut self) -> Result<()> {
        let retired = self.catalog.retired()?;
        self.lexical.start_flush(self.stamp(), retired, &self.current.alive)
    }

    /// Takes over finished background work; `true` when searches would read something else now.
    fn take_over(&mut self) -> Result<bool> {
        let mut changed = false;
        match self.lexical.poll() {
            Ok(Some(stamp)) => {
                changed = true;
                self.forget_retired(stamp)?;
            }
            Ok(None) => {}
            // Memory stays in charge and the next flush tries again.
            Err(error) => tracing::warn!(%error, "lexical index not written"),
        }
        match self.vectors.poll() {
            Ok(new) => changed |= new,
            Err(error) => tracing::warn!(%error, "vector file not written"),
        }
        Ok(changed)
    }

    fn forget_retired(&mut self, stamp: Stamp) -> Result<()> {
        if self.catalog.is_bulk() { Ok(()) } else { self.catalog.forget_retired(stamp.generation) }
    }

    /// Makes the current state the snapshot. Without counts the lexical statistics are counted anew.
    fn publish(&mut self, counts: Option<Counts>) -> Arc<IndexSnapshot> {
        let lexical = match counts {
            Some(counts) => LexicalView {
                segments: Arc::clone(self.lexical.segments()),
                parts: self.lexical.parts(),
                counts,
                pool: Arc::clone(&self.snapshot.lexical.pool),
            },
            None => self.lexical.view(&self.current.alive),
        };
        self.snapshot = Arc::new(IndexSnapshot {
            generation: Generation(self.current.state.generation),
            files: self.current.files.clone(),
            alive: Arc::clone(&self.current.alive),
            slot_end: self.current.state.next_slot,
            lexical,
            vectors: self.vectors.view(),
            reader: Arc::clone(&self.reader),
            filters: crate::filter::Remembered::default(),
        });
        self.snapshot()
    }
}

#[cfg(test)]
mod tests;
