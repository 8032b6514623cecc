//! Opening: the catalog is loaded, the caches are caught up with it or built again.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Access, Current, OpenReport, Store, lock::Lock, lock::identity_of, place};
use crate::catalog::{self, Catalog, FileRow, Reader, State};
use crate::codec::{FileReferences, decode_analysis};
use crate::files::Files;
use crate::lexical::{DeltaPart, Disk, LexicalWriter, Postings, Source, Stamp};
use crate::vectors::{Block, VectorWriter};
use crate::{Error, FileEntry, IndexSnapshot, Result, SlotSet, StoreSettings, TextSource};

/// The folder of the lexical index.
pub(super) const LEXICAL: &str = "lexical";

impl Store {
    /// Opens the index in a folder; with [`Access::Write`] it is created and locked, unless the folder holds something
    /// else, which is [`Error::Foreign`], or the index of another workspace, [`Error::OtherWorkspace`]. `texts` gives the
    /// texts that a crash, or for readers the owner's memory, keeps from the lexical index.
    pub fn open(
        folder: &Path,
        settings: StoreSettings,
        access: Access,
        texts: &dyn TextSource,
    ) -> Result<(Self, OpenReport)> {
        let lock = match access {
            Access::Write => {
                place::claim(folder, settings.workspace.as_deref())?;
                Some(Arc::new(Lock::take(folder)?))
            }
            Access::Read => None,
        };
        Self::open_locked(folder, settings, access, texts, lock)
    }

    /// Opens the same index again, with other settings or to give out its slots anew: see [`Self::is_sparse`]. Snapshots
    /// that are held go on as they are. After an error nothing can be written until it succeeds.
    pub fn reopen(&mut self, settings: StoreSettings, texts: &dyn TextSource) -> Result<OpenReport> {
        if self.access == Access::Write && !self.stale {
            self.flush()?;
        }
        // The catalog may be renumbered before something fails: what is in memory is not to be built upon then.
        self.stale = true;
        let lock = self.lock.clone();
        let (store, report) = Self::open_locked(&self.folder.clone(), settings, self.access, texts, lock)?;
        *self = store;
        // What building the caches anew took is not wanted again.
        conexus_faiss::release_memory();
        Ok(report)
    }

    fn open_locked(
        folder: &Path,
        settings: StoreSettings,
        access: Access,
        texts: &dyn TextSource,
        lock: Option<Arc<Lock>>,
    ) -> Result<(Self, OpenReport)> {
        let mut report = OpenReport::default();
        // Readers load the lexical index before the catalog: then it can only be older, and is caught up.
        let identity = identity_of(&folder.join(catalog::FILE));
        let (mut catalog, disk) = match access {
            Access::Write => {
                let (catalog, created) = Catalog::open(folder, &settings)?;
                report.created = created;
                (catalog, Disk::open(&folder.join(LEXICAL)))
            }
            Access::Read => {
                let disk = Disk::open(&folder.join(LEXICAL));
                (Catalog::open_for_reading(folder, &settings)?, disk)
            }
        };
        let opened = disk.and_then(|disk| Ok((disk.stamp()?, LexicalWriter::new(disk)?)));
        let mut catalog_view = catalog.load(&settings)?;
        if access == Access::Write && is_sparse(catalog_view.live_slots(), catalog_view.state.next_slot, &settings) {
            tracing::info!(slots = catalog_view.state.next_slot, "slots are given out anew");
            catalog.renumber()?;
            catalog_view = catalog.load(&settings)?;
        }
        let (state, model) = (catalog_view.state, catalog_view.model);
        let stamp = Stamp { epoch: state.epoch, generation: state.generation };

        let mut alive = SlotSet::new();
        for file in &catalog_view.files {
            alive.insert_range(file.first_slot, file.heads.chunk_count());
        }
        let (lexical, shown) = match opened {
            Ok((Some(shown), lexical)) if shown.epoch == stamp.epoch && shown.generation <= stamp.generation => {
                (lexical, shown.generation)
            }
            // Its slots mean other chunks: the owner is building it again.
            Ok((_, lexical)) if access == Access::Read => (lexical.without_segments(), 0),
            Err(error) if access == Access::Read => return Err(error),
            other => {
                if let Err(error) = &other
                    && !report.created
                {
                    tracing::warn!(%error, "the lexical index is built again");
                }
                drop(other);
                report.lexical_rebuilt = !report.created;
                (LexicalWriter::new(Disk::create(&folder.join(LEXICAL))?)?, 0)
            }
        };
        let (mut vectors, vectors_shown) =
            VectorWriter::open(folder, stamp, settings.model.as_ref(), settings.graph_from);
        report.vectors_rebuilt = vectors_shown.is_none() && model.is_some();
        if let (Some(model), Some(stamp)) = (model, &settings.model) {
            let blocks = catalog.blocks_after(model, stamp.dimension, vectors_shown)?;
            vectors.extend(blocks, &alive)?;
        }

        let reader = Arc::new(Reader::new(folder, &settings));
        let entries = catalog_view.files.iter().map(|row| Arc::new(FileEntry::from(row))).collect();
        let current = Current { state, files: Files::new(entries), alive: Arc::new(alive) };
        let snapshot = Arc::new(IndexSnapshot {
            generation: conexus_core::Generation(state.generation),
            files: current.files.clone(),
            alive: Arc::clone(&current.alive),
            slot_end: state.next_slot,
            lexical: lexical.view(&current.alive),
            vectors: vectors.view(),
            reader: Arc::clone(&reader),
            filters: crate::filter::Remembered::default(),
        });
        let prune_from = settings.former_bytes.saturating_mul(2);
        let mut store = Self {
            folder: folder.to_path_buf(),
            settings,
            access,
            catalog,
            lexical,
            vectors,
            model,
            current,
            snapshot,
            reader,
            identity,
            missing: Vec::new(),
            relieved: 0,
            prune_from,
            bulk: None,
            stale: false,
            lock,
        };
        let pending: Vec<FileRow> = (catalog_view.files.into_iter())
            .filter(|row| row.generation > shown && row.heads.chunk_count() > 0)
            .collect();
        if !pending.is_empty() {
            store.catch_up(&pending, texts, &mut report)?;
            store.publish(None);
        }
        if access == Access::Write {
            store.start_background_work(vectors_shown)?;
        }
        Ok((store, report))
    }

    fn start_background_work(&mut self, vectors_shown: Option<u64>) -> Result<()> {
        if self.vectors.is_checkpoint_due() {
            self.vectors.start_checkpoint(self.stamp(), self.current.state.next_slot, &self.current.alive)?;
        } else if vectors_shown.is_some() {
            self.vectors.start_loading(self.current.state.epoch)?;
        }
        Ok(())
    }

    /// Brings files that the lexical index does not have into it; drops those whose text changed.
    pub(super) fn catch_up(
        &mut self,
        pending: &[FileRow],
        texts: &dyn TextSource,
        report: &mut OpenReport,
    ) -> Result<()> {
        let chunks: u64 = pending.iter().map(|row| u64::from(row.heads.chunk_count())).sum();
        let direct = self.access == Access::Write && chunks > u64::from(self.settings.delta_chunks);
        if direct {
            self.lexical.begin_bulk(self.settings.lexical_heap)?;
        }
        let mut parts = Vec::new();
        for row in pending {
            let Some(text) = texts.text(&row.path, row.blob) else {
                report.dropped.push(Arc::clone(&row.path));
                if self.access == Access::Read {
                    self.missing.push(row.clone());
                }
                continue;
            };
            let analysis = decode_analysis(row.language, &row.heads, &FileReferences::default());
            let source = Source { path: Arc::clone(&row.path), text, analysis };
            let postings = Arc::new(Postings::of(&source));
            if direct {
                self.lexical.add_bulk(vec![(row.first_slot, postings)]);
            } else {
                parts.push(DeltaPart::of(row.first_slot, postings));
            }
            report.caught_up += 1;
        }
        self.drop_files(&report.dropped)?;
        self.lexical.extend(parts, &self.current.alive);
        if direct {
            let retired = self.catalog.retired()?;
            self.lexical.commit_bulk(self.stamp(), retired, &self.current.alive)?;
            self.lexical.end_bulk()?;
            self.catalog.forget_retired(self.current.state.generation)?;
        }
        Ok(())
    }

    /// Takes files out of the index that cannot be searched as the catalog has them.
    fn drop_files(&mut self, paths: &[Arc<str>]) -> Result<()> {
        if paths.is_empty() {
            return Ok(());
        }
        let Current { state, files, alive } = &mut self.current;
        let alive = Arc::make_mut(alive);
        let mut gone = Vec::new();
        for path in paths {
            if let Some(old) = files.remove(path) {
                alive.remove_range(old.first_slot, old.chunk_count());
                gone.push(old);
            }
        }
        if self.access == Access::Write {
            let next = State { generation: state.generation + 1, ..*state };
            self.catalog.change(|catalog| {
                for old in &gone {
                    catalog.remove_file(&old.path)?;
                    catalog.retire(old.first_slot, next.generation)?;
                }
                catalog.set_state(next)
            })?;
            *state = next;
        }
        Ok(())
    }

    /// Whether opening it again has failed, so that nothing can be written until [`Self::reopen`] succeeds.
    pub fn is_stale(&self) -> bool {
        self.stale
    }

    /// Whether so many slots are dead that opening it again would give them out anew.
    pub fn is_sparse(&self) -> bool {
        is_sparse(self.current.alive.len(), self.current.state.next_slot, &self.settings)
    }

    /// Whether a folder holds the catalog of an index.
    pub fn exists(folder: &Path) -> bool {
        folder.join(catalog::FILE).exists()
    }

    /// What the index in a folder is of, see [`StoreSettings::workspace`].
    pub fn workspace_of(folder: &Path) -> Option<PathBuf> {
        place::workspace_of(folder).map(PathBuf::from)
    }

    /// Deletes the files of an index that nobody has open. Other files stay, and so does the folder. In a folder that is
    /// no index nothing is deleted: [`Error::Foreign`].
    pub fn destroy(folder: &Path) -> Result<()> {
        if !folder.is_dir() || place::is_empty(folder)? {
            return Ok(());
        }
        // An end in the middle leaves what the next one knows.
        place::claim(folder, None)?;
        let lock = Lock::take(folder)?;
        for name in ["catalog.sqlite-wal", "catalog.sqlite-shm", "catalog.sqlite-journal", "catalog.sqlite"] {
            remove(&folder.join(name), |path| std::fs::remove_file(path))?;
        }
        for name in [LEXICAL, crate::vectors::FOLDER] {
            remove(&folder.join(name), |path| std::fs::remove_dir_all(path))?;
        }
        lock.delete(folder);
        place::give_up(folder);
        Ok(())
    }
}

fn remove(path: &Path, how: impl Fn(&Path) -> std::io::Result<()>) -> Result<()> {
    match how(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path, error)),
        _ => Ok(()),
    }
}

/// What a catalog says at one moment.
pub(super) struct Loaded {
    pub(super) state: State,
    pub(super) model: Option<i64>,
    pub(super) files: Vec<FileRow>,
}

impl Loaded {
    fn live_slots(&self) -> u64 {
        self.files.iter().map(|file| u64::from(file.heads.chunk_count())).sum()
    }
}

/// Slots are never used again, so an index that lived long has mostly dead ones.
pub(super) fn is_sparse(live: u64, next_slot: u32, settings: &StoreSettings) -> bool {
    let slots = u64::from(next_slot);
    slots >= u64::from(settings.renumber_from) && slots > 3 * live
}

impl Catalog {
    fn load(&self, settings: &StoreSettings) -> Result<Loaded> {
        self.reading(|catalog| {
            let state = catalog.state()?;
            let model = settings.model.as_ref().map_or(Ok(None), |model| catalog.model(model))?;
            Ok(Loaded { state, model, files: catalog.files_after(0)? })
        })
    }

    pub(super) fn blocks_after(&self, model: i64, dimension: usize, generation: Option<u64>) -> Result<Vec<Block>> {
        let mut blocks = Vec::new();
        let mut failed = None;
        self.vectors_after(model, dimension, generation, |row| {
            match Block::of(dimension, row.first_slot, &row.rows, &row.scales) {
                Ok(block) => blocks.extend(block),
                Err(error) => failed = Some(error),
            }
        })?;
        failed.map_or(Ok(blocks), Err)
    }
}

impl From<&FileRow> for FileEntry {
    fn from(row: &FileRow) -> Self {
        Self {
            path: Arc::clone(&row.path),
            blob: row.blob,
            stat: row.stat,
            flags: row.flags,
            language: row.language,
            vector_key: row.vector_key,
            first_slot: row.first_slot,
            heads: Arc::clone(&row.heads),
        }
    }
}

/// The paths that a set of live files lacks, for readers that follow.
pub(super) fn gone(files: &Files, live: &HashSet<(Arc<str>, u32)>) -> Vec<Arc<str>> {
    let lacks = |file: &&Arc<FileEntry>| !live.contains(&(Arc::clone(&file.path), file.first_slot));
    files.iter().filter(lacks).map(|file| Arc::clone(&file.path)).collect()
}
