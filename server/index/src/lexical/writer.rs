//! The writer's side of the lexical index: what changed goes into memory, and from there to tantivy in the background.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::JoinHandle;
use tantivy::index::SegmentMeta;

use super::delta::{DeltaIndex, DeltaPart};
use super::disk::{Disk, DiskWriter, Gathering, LEFT_BY_FLUSH, LEFT_BY_LOAD, Segments, Stamp};
use super::postings::Postings;
use super::scorer::Pool;
use super::segment::FileChunks;
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
    bulk: Option<Bulk>,
    pool: Arc<Pool>,
}

/// Batches that may wait for the thread that gathers them.
const WAITING_BATCHES: usize = 1;

/// A bulk load: a thread of its own gathers postings and writes segments.
#[derive(Debug)]
struct Bulk {
    writer: DiskWriter,
    sender: SyncSender<Message>,
    thread: JoinHandle<()>,
    /// Where what is being written is told.
    finishing: Option<Receiver<Written>>,
}

/// New segments.
type Written = tantivy::Result<Vec<SegmentMeta>>;

enum Message {
    /// Files with their first slots.
    Files(Vec<(u32, Arc<Postings>)>),
    /// Write what has gathered.
    Write,
    /// Write what is left and say what was written since the last time.
    Finish(Sender<Written>),
}

impl Bulk {
    fn start(writer: DiskWriter, disk: &Disk) -> Result<Self> {
        let (sender, receiver) = sync_channel(WAITING_BATCHES);
        let gathering = writer.gathering();
        let thread = std::thread::Builder::new()
            .name("lexical".into())
            .spawn(move || gather(gathering, &receiver))
            .map_err(|error| Error::io(disk.folder(), error))?;
        Ok(Self { writer, sender, thread, finishing: None })
    }

    /// Begins to write all that was sent.
    fn start_finish(&mut self) {
        let (reply, answer) = channel();
        // If that thread is gone, nobody has the other end and the answer is an error.
        let _ = self.sender.send(Message::Finish(reply));
        self.finishing = Some(answer);
    }

    /// Makes the writer know all that was sent.
    fn finish(&mut self) -> Result<()> {
        if self.finishing.is_none() {
            self.start_finish();
        }
        let lost = || tantivy::TantivyError::ErrorInThread("the thread that gathers postings ended".into());
        let answer = self.finishing.take().and_then(|answer| answer.recv().ok());
        self.writer.adopt(answer.unwrap_or_else(|| Err(lost())))
    }

    fn close(self) -> Result<()> {
        drop(self.sender);
        let _ = self.thread.join();
        self.writer.close()
    }
}

/// The gathering thread's work. After an error what comes is dropped until the error is fetched.
fn gather(mut gathering: Gathering, receiver: &Receiver<Message>) {
    let mut written = Ok(Vec::new());
    for message in receiver {
        match message {
            Message::Files(files) => {
                for (first_slot, postings) in files {
                    let Ok(all) = &mut written else { break };
                    let file = FileChunks { first_slot, count: postings.chunk_count() as u32 };
                    match gathering.add(&postings, &[file], |_| true) {
                        Ok(new) => all.extend(new),
                        Err(error) => written = Err(error),
                    }
                }
            }
            Message::Write => {
                if let Ok(all) = &mut written {
                    match gathering.finish() {
                        Ok(new) => all.extend(new),
                        Err(error) => written = Err(error),
                    }
                }
            }
            Message::Finish(reply) => {
                let all = std::mem::replace(&mut written, Ok(Vec::new()));
                let all = all.and_then(|mut all| {
                    all.extend(gathering.finish()?);
                    Ok(all)
                });
                let _ = reply.send(all);
            }
        }
    }
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
        let parts = self.frozen.parts().to_vec();
        let alive = alive.clone();
        let disk = self.disk.clone();
        let work = move || {
            let mut writer = disk.writer(FLUSH_HEAP)?;
            for part in &parts {
                writer.add(&part.postings, &part.files, |file| alive.contains(file.first_slot))?;
            }
            drop(parts);
            for first_slot in retired {
                writer.remove(first_slot);
            }
            writer.commit(stamp)?;
            writer.tidy(LEFT_BY_FLUSH)?;
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
            self.bulk = Some(Bulk::start(self.disk.writer(heap)?, &self.disk)?);
        }
        Ok(())
    }

    /// Adds files in bulk. Waits when the gathering thread is far behind.
    pub(crate) fn add_bulk(&self, files: Vec<(u32, Arc<Postings>)>) {
        if let Some(bulk) = &self.bulk
            && !files.is_empty()
        {
            // If that thread is gone, the commit says so.
            let _ = bulk.sender.send(Message::Files(files));
        }
    }

    /// Writes a segment of what was added in bulk so far.
    pub(crate) fn write_bulk(&self) {
        if let Some(bulk) = &self.bulk {
            let _ = bulk.sender.send(Message::Write);
        }
    }

    /// Begins to write what was added in bulk, for [`Self::commit_bulk`] to commit.
    pub(crate) fn start_bulk_commit(&mut self) {
        if let Some(bulk) = &mut self.bulk {
            bulk.start_finish();
        }
    }

    /// Commits what was added in bulk, together with what is in memory.
    pub(crate) fn commit_bulk(&mut self, stamp: Stamp, retired: Vec<u32>, alive: &SlotSet) -> Result<()> {
        let Some(bulk) = &mut self.bulk else { return Ok(()) };
        bulk.finish()?;
        let writer = &mut bulk.writer;
        for part in self.delta.parts() {
            writer.add(&part.postings, &part.files, |file| alive.contains(file.first_slot))?;
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
        self.bulk.take().map_or(Ok(()), Bulk::close)
    }

    /// Leaves bulk mode; everything has been committed.
    pub(crate) fn end_bulk(&mut self) -> Result<()> {
        let Some(mut bulk) = self.bulk.take() else { return Ok(()) };
        let joined = bulk.writer.tidy(LEFT_BY_LOAD)?;
        bulk.close()?;
        if joined {
            self.segments = Arc::new(self.disk.segments()?);
        }
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
