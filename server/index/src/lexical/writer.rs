//! The writer's side of the lexical index: what changed goes into memory, and from there to tantivy in the background.

use std::sync::Arc;
use std::thread::JoinHandle;

use super::delta::{DeltaIndex, DeltaPart};
use super::disk::{Addition, Disk, DiskWriter, Segments, Stamp};
use super::scorer::Pool;
use super::view::LexicalView;
use crate::{Error, Result, SlotSet};

/// Memory of a background flush: its batches are small.
const FLUSH_HEAP: usize = 15_000_000;

/// Owns the lexical index of a store.
#[derive(Debug)]
pub(crate) struct LexicalWriter {
    disk: Disk,
    segments: Arc<Segments>,
    /// What the running flush writes.
    frozen: DeltaIndex,
    /// What changed since.
    delta: DeltaIndex,
    job: Option<Job>,
    bulk: Option<DiskWriter>,
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Job {
    thread: JoinHandle<Result<Segments>>,
    stamp: Stamp,
}

impl LexicalWriter {
    pub(crate) fn new(disk: Disk) -> Result<Self> {
        let segments = Arc::new(disk.segments()?);
        Ok(Self {
            disk,
            segments,
            frozen: DeltaIndex::default(),
            delta: DeltaIndex::default(),
            job: None,
            bulk: None,
            pool: Arc::default(),
        })
    }

    /// The same with nothing of what is on disk.
    pub(crate) fn without_segments(mut self) -> Self {
        self.segments = Arc::new(Segments::none(self.disk.folder()));
        self
    }

    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    pub(crate) fn segments(&self) -> &Arc<Segments> {
        &self.segments
    }

    /// Chunks that are in memory only.
    pub(crate) fn delta_chunks(&self) -> usize {
        self.delta.chunks() + self.frozen.chunks()
    }

    /// Adds files to what is in memory.
    pub(crate) fn extend(&mut self, parts: Vec<DeltaPart>, alive: &SlotSet) {
        self.delta = self.delta.extended(parts, alive);
    }

    /// Everything in memory, oldest first.
    pub(crate) fn parts(&self) -> Vec<Arc<DeltaPart>> {
        self.frozen.parts().iter().chain(self.delta.parts()).cloned().collect()
    }

    /// A view of it all with statistics counted anew.
    pub(crate) fn view(&self, alive: &SlotSet) -> LexicalView {
        LexicalView::new(Arc::clone(&self.segments), &[&self.frozen, &self.delta], alive, Arc::clone(&self.pool))
    }

    /// Begins to write what is in memory to tantivy, unless that is under way. `retired` are the file versions that
    /// tantivy may still hold.
    pub(crate) fn start_flush(&mut self, stamp: Stamp, retired: Vec<u32>, alive: &SlotSet) -> Result<()> {
        if self.job.is_some() || self.bulk.is_some() {
            return Ok(());
        }
        self.frozen = std::mem::take(&mut self.delta);
        let additions: Vec<Addition> = (self.frozen.parts().iter())
            .flat_map(|part| &part.files)
            .filter(|file| alive.contains(file.first_slot))
            .cloned()
            .collect();
        let disk = self.disk.clone();
        let work = move || {
            let mut writer = disk.writer(FLUSH_HEAP)?;
            for addition in &additions {
                writer.add(addition)?;
            }
            drop(additions);
            for first_slot in retired {
                writer.remove(first_slot);
            }
            writer.commit(stamp)?;
            writer.tidy()?;
            writer.close()?;
            disk.segments()
        };
        match std::thread::Builder::new().name("lexical flush".into()).spawn(work) {
            Ok(thread) => self.job = Some(Job { thread, stamp }),
            Err(error) => {
                self.delta = std::mem::take(&mut self.frozen);
                return Err(Error::io(self.disk.folder(), error));
            }
        }
        Ok(())
    }

    /// Takes over a finished flush: the state that tantivy now shows.
    pub(crate) fn poll(&mut self) -> Result<Option<Stamp>> {
        if self.job.as_ref().is_some_and(|job| job.thread.is_finished()) { self.wait() } else { Ok(None) }
    }

    /// Waits for a running flush and takes it over.
    pub(crate) fn wait(&mut self) -> Result<Option<Stamp>> {
        let Some(job) = self.job.take() else { return Ok(None) };
        let result = job.thread.join().unwrap_or_else(|_| {
            Err(Error::Lexical {
                path: self.disk.folder().to_path_buf(),
                reason: "writing it stopped unexpectedly".into(),
            })
        });
        match result {
            Ok(segments) => {
                self.segments = Arc::new(segments);
                self.frozen = DeltaIndex::default();
                Ok(Some(job.stamp))
            }
            Err(error) => {
                // Whether tantivy has it is not known; the stamp decides on the next open. Here memory stays in charge
                // with the segments that were loaded before.
                let newer = std::mem::take(&mut self.delta);
                self.delta = std::mem::take(&mut self.frozen).followed_by(&newer);
                Err(error)
            }
        }
    }

    /// Lets files go to tantivy directly.
    pub(crate) fn begin_bulk(&mut self, heap: usize) -> Result<()> {
        if self.bulk.is_none() {
            self.bulk = Some(self.disk.writer(heap)?);
        }
        Ok(())
    }

    pub(crate) fn add_bulk(&self, addition: &Addition) -> Result<()> {
        self.bulk.as_ref().map_or(Ok(()), |writer| writer.add(addition))
    }

    /// Commits what was added in bulk, together with what is in memory.
    pub(crate) fn commit_bulk(&mut self, stamp: Stamp, retired: Vec<u32>, alive: &SlotSet) -> Result<()> {
        let Some(writer) = &mut self.bulk else { return Ok(()) };
        for file in self.delta.parts().iter().flat_map(|part| &part.files) {
            if alive.contains(file.first_slot) {
                writer.add(file)?;
            }
        }
        for first_slot in retired {
            writer.remove(first_slot);
        }
        writer.commit(stamp)?;
        self.delta = DeltaIndex::default();
        self.segments = Arc::new(self.disk.segments()?);
        Ok(())
    }

    /// Leaves bulk mode without what was not committed.
    pub(crate) fn abandon_bulk(&mut self) -> Result<()> {
        self.bulk.take().map_or(Ok(()), DiskWriter::close)
    }

    /// Leaves bulk mode; everything has been committed.
    pub(crate) fn end_bulk(&mut self) -> Result<()> {
        let Some(mut writer) = self.bulk.take() else { return Ok(()) };
        writer.tidy()?;
        writer.close()?;
        self.segments = Arc::new(self.disk.segments()?);
        Ok(())
    }
}

impl Drop for LexicalWriter {
    /// A flush that is under way ends before the folder's lock is released.
    fn drop(&mut self) {
        if let Some(job) = self.job.take() {
            let _ = job.thread.join();
        }
    }
}
