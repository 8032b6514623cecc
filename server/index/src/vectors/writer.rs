//! The writer's side of the vectors: new rows go into memory, from there to the file, and with many of them into a
//! graph, in the background.

use conexus_faiss::{Hnsw, HnswParams, Priority};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use super::{Base, Block, Tail, VectorView, file};
use crate::lexical::Stamp;
use crate::{Error, ModelStamp, Result, SlotSet};

/// Rows in memory from which on the file is written anew.
const CHECKPOINT_ROWS: usize = 32_768;
/// Links per vector of a graph, and candidates while it is built: 0.97 of the true ten nearest of 100,000.
const LINKS: usize = 16;
const CANDIDATES: usize = 120;
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
    stamp: Stamp,
    cancel: Arc<AtomicBool>,
}

pub(super) fn graph_path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("graph-{generation}.bin"))
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

    /// Whether anything is in memory only.
    pub(crate) fn is_behind(&self) -> bool {
        self.tail.rows() + self.frozen.rows() > 0
    }

    /// Begins to write the file anew, unless that is under way, and to build a graph when there are enough rows.
    pub(crate) fn start_checkpoint(&mut self, stamp: Stamp, slots: u32, alive: &SlotSet) -> Result<()> {
        let Some(model) = self.model.clone() else { return Ok(()) };
        if self.job.is_some() {
            return Ok(());
        }
        self.frozen = std::mem::take(&mut self.tail);
        let (folder, base, tail, alive) = (self.folder.clone(), self.base.clone(), self.frozen.clone(), alive.clone());
        // Only a graph is replaced by a graph at once; the first one follows the file, so that the file is soon there.
        let graph = self.base.as_ref().is_some_and(|base| base.graph.is_some());
        let graph_from = self.graph_from;
        self.spawn(stamp, move |cancel| {
            let mut written = file::write(&folder, stamp, &model, slots, base.as_deref(), &tail, &alive)?;
            if graph && written.present.len() as usize >= graph_from * 2 / 3 {
                add_graph(&mut written, &folder, stamp, graph_from, cancel)?;
            }
            Ok(written)
        })
    }

    /// Begins to load or build a graph over the file's rows when there are enough and none is there.
    pub(crate) fn start_graph(&mut self, stamp: Stamp) -> Result<()> {
        let Some(base) = self.base.clone() else { return Ok(()) };
        if self.job.is_some() || base.graph.is_some() || (base.present.len() as usize) < self.graph_from {
            return Ok(());
        }
        let (folder, graph_from) = (self.folder.clone(), self.graph_from);
        self.spawn(stamp, move |cancel| {
            let vectors = Arc::clone(&base.vectors);
            let mut with_graph = Base { vectors, present: base.present.clone(), graph: None, scan_up_to: u64::MAX };
            add_graph(&mut with_graph, &folder, stamp, graph_from, cancel)?;
            Ok(with_graph)
        })
    }

    fn spawn(&mut self, stamp: Stamp, work: impl FnOnce(&AtomicBool) -> Result<Base> + Send + 'static) -> Result<()> {
        let cancel = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&cancel);
        match std::thread::Builder::new().name("vector file".into()).spawn(move || work(&seen)) {
            Ok(thread) => {
                self.job = Some(Job { thread, stamp, cancel });
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
                let has_graph = base.graph.is_some();
                self.base = Some(Arc::new(base));
                self.frozen = Tail::default();
                file::delete_others(&self.folder, Some(job.stamp.generation));
                if !has_graph {
                    self.start_graph(job.stamp)?;
                }
                Ok(true)
            }
            Err(error) => {
                self.thaw();
                Err(error)
            }
        }
    }

    /// Waits for a file that is being written, but gives up building a graph.
    pub(crate) fn finish(&mut self) {
        if let Some(job) = &self.job
            && self.frozen.rows() == 0
        {
            job.cancel.store(true, Ordering::Relaxed);
        }
        if let Err(error) = self.wait() {
            tracing::debug!(%error, "vector work given up");
        }
        // Taking over a file may have begun a graph.
        if let Some(job) = self.job.take() {
            job.cancel.store(true, Ordering::Relaxed);
            let _ = job.thread.join();
        }
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

/// Loads the graph of a file, or builds and saves it.
fn add_graph(base: &mut Base, folder: &Path, stamp: Stamp, graph_from: usize, cancel: &AtomicBool) -> Result<()> {
    // 50,000 when graphs begin at 60,000: there both ways cost the same.
    base.scan_up_to = graph_from as u64 * 5 / 6;
    let path = graph_path(folder, stamp.generation);
    let mut identity = [0; 32];
    identity[..8].copy_from_slice(&stamp.epoch.to_le_bytes());
    identity[8..16].copy_from_slice(&stamp.generation.to_le_bytes());
    if let Ok(graph) = Hnsw::load(&path, Arc::clone(&base.vectors), &identity) {
        base.graph = Some(graph);
        return Ok(());
    }
    let parameters = HnswParams { m: LINKS, ef_construction: CANDIDATES, threads: 1, priority: Priority::Background };
    let graph =
        Hnsw::build(Arc::clone(&base.vectors), parameters, cancel).map_err(|error| file::failed(&path, error))?;
    if let Err(error) = graph.save(&path, &identity) {
        tracing::warn!(%error, "graph not saved");
    }
    base.graph = Some(graph);
    Ok(())
}
