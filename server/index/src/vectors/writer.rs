//! The writer's side of the vectors: new rows go into memory, from there to the file, and with many of them into a
//! graph, in the background.

use conexus_faiss::{Hnsw, HnswParams, Priority};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::{Base, Block, Graph, Tail, VectorView, file};
use crate::lexical::Stamp;
use crate::{Error, ModelStamp, Result, SlotSet};

/// Rows in memory from which on the file is written anew.
const CHECKPOINT_ROWS: usize = 32_768;
/// What is in memory is written at a close when it is at least this part of what the file has.
const WORTH_WRITING: usize = 64;
/// How graphs are built. Recall is in `docs/performance.md`.
const PARAMETERS: HnswParams = HnswParams { m: 16, ef_construction: 120, threads: 1, priority: Priority::Background };
/// The name of the folder of vector files.
pub(crate) const FOLDER: &str = "vectors";

/// Owns the vectors of a store.
#[derive(Debug)]
pub(crate) struct VectorWriter {
    folder: PathBuf,
    model: Option<ModelStamp>,
    graph_from: usize,
    base: Option<Arc<Base>>,
    /// What the running job writes.
    frozen: Tail,
    /// What came since.
    tail: Tail,
    job: Option<Job>,
}

#[derive(Debug)]
struct Job {
    thread: JoinHandle<Result<Base>>,
    cancel: Arc<AtomicBool>,
}

impl VectorWriter {
    /// Opens the file that fits the catalog, if any; tells the generation that it shows.
    pub(crate) fn open(
        folder: &Path,
        stamp: Stamp,
        model: Option<&ModelStamp>,
        graph_from: usize,
    ) -> (Self, Option<u64>) {
        let folder = folder.join(FOLDER);
        let found = model.and_then(|model| file::open(&folder, stamp, model));
        let generation = found.as_ref().map(|(generation, _)| *generation);
        let base = found.map(|(_, base)| Arc::new(base));
        let writer = Self {
            folder,
            model: model.cloned(),
            graph_from: graph_from.max(1),
            base,
            frozen: Tail::default(),
            tail: Tail::default(),
            job: None,
        };
        (writer, generation)
    }

    #[cfg(test)]
    pub(crate) fn has_graph(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.graph.is_some())
    }

    pub(crate) fn model(&self) -> Option<&ModelStamp> {
        self.model.as_ref()
    }

    pub(crate) fn view(&self) -> VectorView {
        let tail = self.frozen.clone().followed_by(&self.tail);
        VectorView { model: self.model.clone(), base: self.base.clone(), tail }
    }

    /// Adds rows in memory.
    pub(crate) fn extend(&mut self, blocks: Vec<Block>, alive: &SlotSet) -> Result<()> {
        if let Some(model) = &self.model
            && !blocks.is_empty()
        {
            self.tail = self.tail.extended(blocks, model.dimension, alive)?;
        }
        Ok(())
    }

    /// Bytes of the files.
    pub(crate) fn bytes(&self) -> u64 {
        file::bytes(&self.folder)
    }

    /// Whether so much is in memory only that writing it pays. With a graph that is a quarter of it: building it anew
    /// is dear.
    pub(crate) fn is_checkpoint_due(&self) -> bool {
        let settled = self.base.as_ref().map_or(0, |base| base.present.len() as usize);
        let has_graph = self.base.as_ref().is_some_and(|base| base.graph.is_some());
        self.tail.rows() >= CHECKPOINT_ROWS.max(settled / if has_graph { 4 } else { 2 })
    }

    /// Whether so much is in memory only that reading it from the catalog costs the next open more than writing the
    /// whole file costs now.
    pub(crate) fn is_worth_writing(&self) -> bool {
        let settled = self.base.as_ref().map_or(0, |base| base.present.len() as usize);
        self.is_behind() && (self.tail.rows() + self.frozen.rows()) * WORTH_WRITING >= settled
    }

    /// Whether neither a file nor a graph has to be written, as far as is known without loading the graph.
    pub(crate) fn is_at_rest(&self) -> bool {
        let graph_fits = self.base.as_ref().is_none_or(|base| {
            !self.may_have_graph(base) || file::newest_graph(&self.folder, base.generation) == Some(base.generation)
        });
        graph_fits && !self.is_checkpoint_due() && !self.is_worth_writing()
    }

    /// Whether there are rows enough that a graph may be there.
    fn may_have_graph(&self, base: &Base) -> bool {
        base.present.len() as usize >= self.graph_from * 2 / 3
    }

    /// Takes the file's pages out of memory until they are needed again.
    pub(crate) fn release_pages(&self) {
        if let Some(base) = &self.base {
            base.vectors.release_pages();
        }
    }

    /// Whether anything is in memory only.
    pub(crate) fn is_behind(&self) -> bool {
        self.tail.rows() + self.frozen.rows() > 0
    }

    /// Begins to write the file anew, unless that is under way. A graph stays over the rows that it links.
    pub(crate) fn start_checkpoint(&mut self, stamp: Stamp, slots: u32, alive: &SlotSet) -> Result<()> {
        let Some(model) = self.model.clone() else { return Ok(()) };
        if self.job.is_some() {
            return Ok(());
        }
        self.frozen = std::mem::take(&mut self.tail);
        let (folder, base, tail, alive) = (self.folder.clone(), self.base.clone(), self.frozen.clone(), alive.clone());
        self.spawn(move |_| {
            // A linked row that changes (its vector was missing so far) makes the graph void, on disk too.
            let kept = (base.as_ref().and_then(|base| base.graph.clone()))
                .filter(|graph| tail.first_slot().is_none_or(|slot| slot as usize >= graph.links.len()));
            if kept.is_none() {
                file::delete_graphs(&folder);
            }
            let mut written = file::write(&folder, stamp, &model, slots, base.as_deref(), &tail, &alive)?;
            written.graph = kept;
            Ok(written)
        })
    }

    /// Begins to load the graph of the file, when there is one and none is loaded.
    pub(crate) fn start_loading(&mut self, epoch: u64) -> Result<()> {
        let Some(base) = self.base.clone() else { return Ok(()) };
        if self.job.is_some() || base.graph.is_some() || !self.may_have_graph(&base) {
            return Ok(());
        }
        let Some(generation) = file::newest_graph(&self.folder, base.generation) else { return Ok(()) };
        let (folder, graph_from) = (self.folder.clone(), self.graph_from);
        self.spawn(move |_| {
            let path = file::graph_path(&folder, generation);
            let stamp = Stamp { epoch, generation };
            let links = Hnsw::load_over_first(&path, &base.vectors, &identity(stamp))
                .map_err(|error| file::failed(&path, error))?;
            Ok(base.with_graph(Graph::new(links, generation, graph_from)))
        })
    }

    /// Whether a graph should be built: there are enough rows, and none is there or a quarter came since.
    pub(crate) fn is_graph_due(&self) -> bool {
        self.base.as_ref().is_some_and(|base| {
            let linked = base.vectors.len() - base.unlinked();
            base.present.len() as usize >= self.graph_from && base.unlinked() > linked / 4
        })
    }

    /// Begins to build a graph over the file's rows in the background, when it is due.
    pub(crate) fn start_graph(&mut self, epoch: u64) -> Result<()> {
        let Some(base) = self.base.clone().filter(|_| self.job.is_none() && self.is_graph_due()) else { return Ok(()) };
        let (folder, graph_from) = (self.folder.clone(), self.graph_from);
        let how = HnswParams { threads: 1, ..PARAMETERS };
        self.spawn(move |cancel| {
            let stamp = Stamp { epoch, generation: base.generation };
            build(&base, &folder, stamp, graph_from, how, cancel, &|_| ())
        })
    }

    /// Builds the graph now when it is due, with these threads; `true` when it is there. `progress` gets the number of
    /// rows that are linked, from several threads.
    pub(crate) fn build_graph(
        &mut self,
        epoch: u64,
        threads: usize,
        cancel: &AtomicBool,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<bool> {
        let Some(base) = self.base.clone().filter(|_| self.is_graph_due()) else { return Ok(false) };
        let how = HnswParams { threads: threads.clamp(1, 64), priority: Priority::Normal, ..PARAMETERS };
        let stamp = Stamp { epoch, generation: base.generation };
        let with_graph = build(&base, &self.folder, stamp, self.graph_from, how, cancel, progress)?;
        file::delete_others(&self.folder, &with_graph);
        self.base = Some(Arc::new(with_graph));
        Ok(true)
    }

    fn spawn(&mut self, work: impl FnOnce(&AtomicBool) -> Result<Base> + Send + 'static) -> Result<()> {
        let cancel = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&cancel);
        match std::thread::Builder::new().name("vector file".into()).spawn(move || work(&seen)) {
            Ok(thread) => {
                self.job = Some(Job { thread, cancel });
                Ok(())
            }
            Err(error) => {
                self.thaw();
                Err(Error::io(&self.folder, error))
            }
        }
    }

    fn thaw(&mut self) {
        let newer = std::mem::take(&mut self.tail);
        self.tail = std::mem::take(&mut self.frozen).followed_by(&newer);
    }

    /// Takes over finished work; `true` when there was some.
    pub(crate) fn poll(&mut self) -> Result<bool> {
        if self.job.as_ref().is_some_and(|job| job.thread.is_finished()) { self.wait() } else { Ok(false) }
    }

    /// Waits for the running work and takes it over.
    pub(crate) fn wait(&mut self) -> Result<bool> {
        let Some(job) = self.job.take() else { return Ok(false) };
        let stopped = || {
            Err(Error::Io { path: self.folder.clone(), source: std::io::Error::other("writing stopped unexpectedly") })
        };
        match job.thread.join().unwrap_or_else(|_| stopped()) {
            Ok(base) => {
                file::delete_others(&self.folder, &base);
                self.base = Some(Arc::new(base));
                self.frozen = Tail::default();
                Ok(true)
            }
            Err(error) => {
                self.thaw();
                Err(error)
            }
        }
    }

    /// Waits for a file that is being written, but gives up building a graph; `true` when there was one.
    pub(crate) fn finish(&mut self) -> bool {
        if let Some(job) = &self.job
            && self.frozen.rows() == 0
        {
            job.cancel.store(true, Ordering::Relaxed);
        }
        self.wait().unwrap_or_else(|error| {
            tracing::debug!(%error, "vector work given up");
            false
        })
    }
}

impl Drop for VectorWriter {
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            job.cancel.store(true, Ordering::Relaxed);
            let _ = job.thread.join();
        }
    }
}

/// Builds a graph over a file's rows and saves it.
fn build(
    base: &Base,
    folder: &Path,
    stamp: Stamp,
    graph_from: usize,
    how: HnswParams,
    cancel: &AtomicBool,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<Base> {
    let path = file::graph_path(folder, stamp.generation);
    let links = Hnsw::build_with_progress(Arc::clone(&base.vectors), how, cancel, progress)
        .map_err(|error| file::failed(&path, error))?;
    if let Err(error) = links.save(&path, &identity(stamp)) {
        tracing::warn!(%error, "graph not saved");
    }
    Ok(base.with_graph(Graph::new(links, stamp.generation, graph_from)))
}

/// What the file of a graph is bound to: the catalog and the rows that it had then. Rows never change under their slot
/// without the graph being deleted.
fn identity(stamp: Stamp) -> [u8; 32] {
    let mut identity = [0; 32];
    identity[..8].copy_from_slice(&stamp.epoch.to_le_bytes());
    identity[8..16].copy_from_slice(&stamp.generation.to_le_bytes());
    identity
}
