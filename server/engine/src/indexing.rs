//! One indexing run: compare the workspace with the index, analyse what changed in parallel, commit in batches.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use conexus_core::{BlobId, FileAnalysis, LineIndex, Passage, Vocabulary, Words};
use conexus_embed::Embedder;
use conexus_index::{
    Batch, Content, FileFlags, FileStat, FileUpdate, IndexSnapshot, Prepared, Store, Stored, TextSource, VectorBlock,
};

use crate::{
    GuardedAnalyser, IndexReport, Location, Progress, Result, Settings, Subject,
    content::{self, Skip},
    crashes::Crashes,
    host::DiskTexts,
    models::stamp,
    roles::{self, Role},
    walk::{Found, SkipCounts, Walk},
};

/// What one run works with.
pub(crate) struct Run<'a> {
    pub(crate) location: &'a Location,
    pub(crate) settings: &'a Settings,
    /// Embeds where the text is; `None` leaves the vectors for later.
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
    pub(crate) observe: &'a (dyn Fn(Progress) + Sync),
    pub(crate) cancel: &'a AtomicBool,
    /// Given each state that was committed.
    pub(crate) committed: &'a (dyn Fn(Arc<IndexSnapshot>) + Sync),
    pub(crate) crashes: &'a Arc<Crashes>,
}

/// Files per commit: enough to keep the cost of a commit small, few enough that search soon sees them.
const FILES_PER_COMMIT: usize = 256;
/// Towards the end of a bulk load commits take one file of so many that are left, since no analysis goes on beside the last one.
const SHARE_PER_COMMIT: usize = 8;
/// They take no fewer than this.
const FEWEST_PER_COMMIT: usize = 32;
/// Text bytes per commit. What is committed waits in memory, with its postings and vectors, until it is in a segment.
const BYTES_PER_COMMIT: u64 = 4 << 20;
/// Finished files that a worker hands over together, so that the committer is not woken for each.
const FILES_PER_HANDOVER: usize = 16;
/// Their text bytes at most.
const BYTES_PER_HANDOVER: u64 = 256 << 10;
/// Changed files from which a run is committed in bulk.
const BULK_FILES: usize = 1_000;
/// The same for the first index, of which nobody has seen anything yet.
const FIRST_BULK_FILES: usize = 200;
/// Bytes of finished files that may wait for the committer. Their postings and vectors take about twice as much. So many
/// that the workers go on while the committer publishes, which takes some tenths of a second.
const WAITING_BYTES: u64 = 6 << 20;
/// Contents embedded per commit by a slow model.
const CONTENTS_PER_EMBEDDING: usize = 64;
/// A file that changed this shortly before it was read may change again within the clock's grain, unseen.
const RACY_NS: i64 = 20_000_000;
/// The time stored for such a file: no file has it, so the next run reads the file again.
pub(crate) const RACY_TIME: i64 = -1;

/// What is to be done with one file.
struct Job<'a> {
    found: &'a Found,
    /// Its hash when the catalog knows the content, and what of it.
    known: Option<(BlobId, Known)>,
    /// Hash of the version in the index.
    indexed: Option<BlobId>,
}

enum Known {
    Whole,
    Analysis(Box<FileAnalysis>),
}

/// What a worker hands to the committer.
enum Done {
    Update { update: Box<FileUpdate>, bytes: u64, reused: bool },
    Skipped { path: String, skip: Skip },
}

impl Done {
    /// Bytes of its text.
    fn bytes(&self) -> u64 {
        match self {
            Self::Update { bytes, .. } => *bytes,
            Self::Skipped { .. } => 0,
        }
    }
}

/// How much is held at once, in work or waiting for the committer; it bounds the memory of a run.
struct Held {
    /// Bytes from which on what comes waits.
    most: u64,
    /// `None` once nothing more is taken.
    bytes: Mutex<Option<u64>>,
    changed: Condvar,
}

impl Held {
    fn new(most: u64) -> Self {
        Self { most, bytes: Mutex::new(Some(0)), changed: Condvar::new() }
    }

    /// Adds a file when there is room; `false` says that nothing more is taken.
    fn add(&self, bytes: u64) -> bool {
        let held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |held: &mut Option<u64>| held.is_some_and(|held| held >= self.most);
        let mut held = self.changed.wait_while(held, is_full).unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = &mut *held {
            *held += bytes;
        }
        held.is_some()
    }

    fn remove(&self, bytes: u64) {
        let mut held = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = &mut *held {
            let was_full = *held >= self.most;
            *held -= bytes;
            // Nobody waits otherwise, and waking nobody is a system call for each file too.
            if was_full {
                self.changed.notify_all();
            }
        }
    }

    fn stop(&self) {
        *self.bytes.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.changed.notify_all();
    }
}

impl Run<'_> {
    /// Updates, adds and removes files.
    pub(crate) fn files(&self, store: &mut Store, walk: &Walk, report: &mut IndexReport) -> Result<()> {
        let snapshot = store.snapshot();
        let cold = snapshot.file_count() == 0;
        let mut jobs: Vec<Job<'_>> = Vec::new();
        let mut removals: Vec<Arc<str>> = Vec::new();
        let mut indexed = snapshot.files().peekable();
        // Both lists are ordered by path, so one pass finds what is new, changed and gone.
        for found in &walk.files {
            while let Some(file) = indexed.next_if(|file| file.path().as_ref() < found.path.as_str()) {
                removals.push(Arc::clone(file.path()));
            }
            match indexed.next_if(|file| file.path().as_ref() == found.path.as_str()) {
                Some(file) if file.stat() == stat(found) => {}
                Some(file) => jobs.push(Job { found, known: None, indexed: Some(file.blob()) }),
                None => jobs.push(Job { found, known: None, indexed: None }),
            }
        }
        removals.extend(indexed.map(|file| Arc::clone(file.path())));
        drop(snapshot);
        self.apply(store, jobs, removals, cold, report)
    }

    /// Brings parts of the workspace up to date: `walk` is what [`walk::walk_parts`] found of `parts`.
    pub(crate) fn parts(
        &self,
        store: &mut Store,
        parts: &[String],
        walk: &Walk,
        report: &mut IndexReport,
    ) -> Result<()> {
        let snapshot = store.snapshot();
        let found = |path: &str| walk.files.binary_search_by(|found| found.path.as_str().cmp(path)).is_ok();
        let mut removals: Vec<Arc<str>> = Vec::new();
        for part in parts {
            let below = format!("{part}/");
            let indexed = snapshot.file(part).into_iter().chain(snapshot.files_below(&below));
            removals.extend(indexed.map(|file| file.path()).filter(|path| !found(path)).cloned());
        }
        removals.sort_unstable();
        removals.dedup();
        let jobs = walk
            .files
            .iter()
            .filter_map(|found| match snapshot.file(&found.path) {
                Some(file) if file.stat() == stat(found) => None,
                file => Some(Job { found, known: None, indexed: file.map(|file| file.blob()) }),
            })
            .collect();
        drop(snapshot);
        self.apply(store, jobs, removals, false, report)
    }

    fn apply(
        &self,
        store: &mut Store,
        mut jobs: Vec<Job<'_>>,
        removals: Vec<Arc<str>>,
        cold: bool,
        report: &mut IndexReport,
    ) -> Result<()> {
        report.removed = removals.len() as u64;
        if jobs.is_empty() && removals.is_empty() {
            return Ok(());
        }
        if !cold {
            self.find_known(store, &mut jobs)?;
        }
        let bulk = jobs.len() >= if cold { FIRST_BULK_FILES } else { BULK_FILES };
        if bulk {
            store.begin_bulk(jobs.len())?;
        }
        let outcome = self.analyse_and_commit(store, &jobs, removals, bulk, report);
        if bulk {
            (self.observe)(Progress::Finishing);
            store.end_bulk()?;
        }
        outcome
    }

    /// Looks up which contents the catalog has: after a branch switch or a rename nothing is analysed again.
    fn find_known(&self, store: &Store, jobs: &mut [Job<'_>]) -> Result<()> {
        let hashes = self.hashes(jobs);
        for (job, hash) in jobs.iter_mut().zip(hashes) {
            let Some((blob, language)) = hash else { continue };
            if job.indexed == Some(blob) {
                continue;
            }
            job.known = match store.stored(blob, language, vector_key(&job.found.path))? {
                Stored::Nothing => None,
                Stored::All => Some((blob, Known::Whole)),
                Stored::Analysis if self.embedder.is_none() => Some((blob, Known::Whole)),
                Stored::Analysis => {
                    store.stored_analysis(blob, language)?.map(|analysis| (blob, Known::Analysis(Box::new(analysis))))
                }
            };
        }
        Ok(())
    }

    fn hashes(&self, jobs: &[Job<'_>]) -> Vec<Option<(BlobId, conexus_core::Language)>> {
        let next = AtomicUsize::new(0);
        let mut hashes = vec![None; jobs.len()];
        let in_work = Held::new(self.settings.most_file_bytes());
        let worker = || {
            let mut own = Vec::new();
            while let Some((index, job)) = next_job(&next, jobs, self.cancel) {
                in_work.add(job.found.size);
                if let Ok(content) =
                    content::read(&self.location.root.join(&job.found.path), self.settings.max_file_bytes)
                {
                    own.push((index, (content.blob, detect(&job.found.path, &content.text))));
                }
                in_work.remove(job.found.size);
            }
            own
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> =
                (0..self.settings.analysis_threads().min(jobs.len())).map(|_| scope.spawn(worker)).collect();
            for worker in workers {
                for (index, hash) in worker.join().unwrap_or_default() {
                    hashes[index] = Some(hash);
                }
            }
        });
        hashes
    }

    fn analyse_and_commit(
        &self,
        store: &mut Store,
        jobs: &[Job<'_>],
        removals: Vec<Arc<str>>,
        bulk: bool,
        report: &mut IndexReport,
    ) -> Result<()> {
        let next = AtomicUsize::new(0);
        let waiting = Held::new(WAITING_BYTES);
        let in_work = Held::new(self.settings.most_file_bytes());
        let (sender, receiver) = crossbeam_channel::unbounded::<Vec<Done>>();
        let threads = self.settings.analysis_threads().min(jobs.len());
        let total = jobs.len() as u64;
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let sender = sender.clone();
                let (next, waiting, in_work) = (&next, &waiting, &in_work);
                scope.spawn(move || {
                    let mut worker = Worker::new(self);
                    let mut finished = Vec::new();
                    let mut bytes = 0;
                    while let Some((_, job)) = next_job(next, jobs, self.cancel) {
                        in_work.add(job.found.size);
                        let done = worker.work(job);
                        in_work.remove(job.found.size);
                        bytes += done.bytes();
                        finished.push(done);
                        if finished.len() >= FILES_PER_HANDOVER || bytes >= BYTES_PER_HANDOVER {
                            if !waiting.add(bytes) || sender.send(std::mem::take(&mut finished)).is_err() {
                                return;
                            }
                            bytes = 0;
                        }
                    }
                    if waiting.add(bytes) {
                        let _ = sender.send(finished);
                    }
                });
            }
            drop(sender);
            let batch = Batch { removals, ..Batch::default() };
            let left = if bulk { jobs.len() } else { usize::MAX };
            let mut committer = Committer { store, report, batch, batch_bytes: 0, left, committed: self.committed };
            let mut done = 0;
            for finished in receiver {
                waiting.remove(finished.iter().map(Done::bytes).sum());
                done += finished.len() as u64;
                let outcome = finished.into_iter().try_for_each(|file| committer.take(file));
                if outcome.is_err() {
                    waiting.stop();
                    return outcome;
                }
                (self.observe)(Progress::Indexing { done, total });
            }
            committer.commit()
        })?;
        report.cancelled |= self.cancel.load(Ordering::Relaxed);
        Ok(())
    }

    /// Computes the vectors that are missing, in batches, until none is.
    pub(crate) fn missing_vectors(&self, store: &mut Store) -> Result<()> {
        let Some(embedder) = self.embedder.as_deref() else { return Ok(()) };
        let texts = DiskTexts { location: self.location, max_file_bytes: self.settings.max_file_bytes };
        let model = stamp(embedder);
        while !self.cancel.load(Ordering::Relaxed) {
            let missing = store.missing_vectors(&model, CONTENTS_PER_EMBEDDING)?;
            let mut blocks = Vec::with_capacity(missing.len());
            for content in missing {
                if self.cancel.load(Ordering::Relaxed) {
                    break;
                }
                let Some(text) = texts.text(&content.path, content.blob) else { continue };
                let Some(analysis) = store.stored_analysis(content.blob, content.language)? else { continue };
                let mut rows = Vec::new();
                let block = embed(embedder, &content.path, &text, &analysis, None, &mut rows)?;
                blocks.push((content, block));
            }
            if blocks.is_empty() {
                break;
            }
            store.put_vectors(&blocks)?;
            let snapshot = store.snapshot();
            (self.committed)(Arc::clone(&snapshot));
            let share = store.vector_share(&model)?;
            (self.observe)(Progress::Embedding { done: share.have, total: share.all });
        }
        Ok(())
    }
}

pub(crate) fn stat(found: &Found) -> FileStat {
    FileStat { size: found.size, mtime_ns: found.modified_ns }
}

fn next_job<'j, 'a>(next: &AtomicUsize, jobs: &'j [Job<'a>], cancel: &AtomicBool) -> Option<(usize, &'j Job<'a>)> {
    if cancel.load(Ordering::Relaxed) {
        return None;
    }
    let index = next.fetch_add(1, Ordering::Relaxed);
    jobs.get(index).map(|job| (index, job))
}

/// One analysis thread.
struct Worker<'a, 'r> {
    run: &'a Run<'r>,
    analyser: GuardedAnalyser,
    vocabulary: Vocabulary,
    rows: Vec<f32>,
}

impl<'a, 'r> Worker<'a, 'r> {
    fn new(run: &'a Run<'r>) -> Self {
        let analyser = GuardedAnalyser::new(run.crashes);
        Self { run, analyser, vocabulary: Vocabulary::default(), rows: Vec::new() }
    }

    fn work(&mut self, job: &Job<'_>) -> Done {
        let path = job.found.path.as_str();
        let read_at = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |now| i64::try_from(now.as_nanos()).unwrap_or(i64::MAX));
        let content = match content::read(&self.run.location.root.join(path), self.run.settings.max_file_bytes) {
            Ok(content) => content,
            Err(skip) => return Done::Skipped { path: path.to_owned(), skip },
        };
        let path: Arc<str> = path.into();
        let text: Arc<str> = content.text.into();
        let bytes = text.len() as u64;
        let racy = job.found.modified_ns.saturating_add(RACY_NS) >= read_at;
        let language = detect(&path, &text);
        let mut update = FileUpdate {
            path: Arc::clone(&path),
            stat: FileStat { mtime_ns: if racy { RACY_TIME } else { job.found.modified_ns }, ..stat(job.found) },
            flags: flags(&path, content.generated),
            blob: content.blob,
            language,
            vector_key: vector_key(&path),
            content: Content::StatOnly,
        };
        let mut reused = false;
        if job.indexed != Some(content.blob) {
            update.content = match &job.known {
                Some((blob, known)) if *blob == content.blob => {
                    reused = true;
                    let vectors = match known {
                        Known::Whole => None,
                        Known::Analysis(analysis) => vectors(self.run, &mut self.rows, &path, &text, analysis, None),
                    };
                    Content::Known { text, vectors }
                }
                _ => {
                    let subject = Subject { path: &path, blob: content.blob, language, text: &text };
                    let lines = LineIndex::new(&text);
                    let analysis = self.analyser.analyse(&subject, &lines);
                    let head = self.run.embedder.as_deref().map_or(usize::MAX, Embedder::characters);
                    let words = self.vocabulary.read(&text, &analysis.chunks, head);
                    let vectors = vectors(self.run, &mut self.rows, &path, &text, &analysis, Some(words));
                    match Prepared::new(path, analysis, Arc::clone(&text), &lines) {
                        Ok(prepared) => Content::Prepared { prepared: prepared.with_postings_of(words), vectors },
                        Err(error) => {
                            tracing::error!(%error, "an analysis cannot be stored");
                            return Done::Skipped { path: job.found.path.clone(), skip: Skip::Special };
                        }
                    }
                }
            };
        }
        Done::Update { update: Box::new(update), bytes, reused }
    }
}

fn vectors(
    run: &Run<'_>,
    rows: &mut Vec<f32>,
    path: &str,
    text: &str,
    analysis: &FileAnalysis,
    words: Option<Words<'_>>,
) -> Option<VectorBlock> {
    let embedder = run.embedder.as_deref()?;
    match embed(embedder, path, text, analysis, words, rows) {
        Ok(block) => Some(block),
        Err(error) => {
            tracing::warn!(path, %error, "cannot embed, the file is searched lexically");
            None
        }
    }
}

/// Gathers finished files and commits them.
struct Committer<'a> {
    store: &'a mut Store,
    report: &'a mut IndexReport,
    batch: Batch,
    batch_bytes: u64,
    /// Files to come of a bulk load; of others, whose commits are seen one by one, more than that.
    left: usize,
    committed: &'a (dyn Fn(Arc<IndexSnapshot>) + Sync),
}

impl Committer<'_> {
    fn take(&mut self, done: Done) -> Result<()> {
        self.left = self.left.saturating_sub(1);
        match done {
            Done::Skipped { path, skip } => {
                let mut counts = SkipCounts::default();
                counts.add(skip, &path);
                self.report.skipped.merge(counts);
                // It may have been text before: an index that still holds it would answer with what is not there.
                self.batch.removals.push(path.into());
            }
            Done::Update { update, bytes, reused } => {
                match update.content {
                    Content::StatOnly => self.report.touched += 1,
                    _ if reused => self.report.reused += 1,
                    _ => self.report.updated += 1,
                }
                self.report.bytes += bytes;
                self.batch_bytes += bytes;
                self.batch.updates.push(*update);
            }
        }
        let most = (self.left / SHARE_PER_COMMIT).clamp(FEWEST_PER_COMMIT, FILES_PER_COMMIT);
        if self.batch.updates.len() >= most || self.batch_bytes >= BYTES_PER_COMMIT {
            self.commit()?;
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        self.batch_bytes = 0;
        let mut batch = std::mem::take(&mut self.batch);
        // Of chunks that score alike the lower slot goes first, so slots shall not depend on which thread was faster.
        batch.updates.sort_by(|left, right| left.path.cmp(&right.path));
        if !batch.updates.is_empty() || !batch.removals.is_empty() {
            self.store.commit(batch)?;
            self.report.note_relief(self.store.keep_memory()?);
            (self.committed)(self.store.snapshot());
        }
        Ok(())
    }
}

/// Vectors of all chunks of a file, quantised. `words` are those of the chunks when they are known.
pub(crate) fn embed(
    embedder: &dyn Embedder,
    path: &str,
    text: &str,
    analysis: &FileAnalysis,
    words: Option<Words<'_>>,
    rows: &mut Vec<f32>,
) -> Result<VectorBlock> {
    let passages: Vec<Passage<'_>> =
        analysis.chunks.iter().map(|chunk| Passage::of(chunk, path, text, analysis)).collect();
    match words {
        Some(words) => embedder.embed_chunks(&passages, words, rows)?,
        None => embedder.embed_passages(&passages, rows)?,
    }
    Ok(VectorBlock::from_rows(stamp(embedder), rows))
}

/// The static and the transformer models read the path, so stored vectors fit a content only under the same path.
pub(crate) fn vector_key(path: &str) -> u64 {
    u64::from_le_bytes(blake3::hash(path.as_bytes()).as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}

pub(crate) fn detect(path: &str, text: &str) -> conexus_core::Language {
    conexus_syntax::detect(path, &text.as_bytes()[..text.len().min(4_096)])
}

pub(crate) fn flags(path: &str, generated: bool) -> FileFlags {
    let by_role = match roles::role(path) {
        Role::Test => FileFlags::TEST,
        Role::Example => FileFlags::EXAMPLE,
        Role::Vendored => FileFlags::VENDORED,
        Role::Documentation => FileFlags::DOCUMENTATION,
        Role::Compatibility => FileFlags::COMPATIBILITY,
        Role::Data => FileFlags::DATA,
        Role::Code | Role::Declarations => FileFlags::default(),
    };
    if generated || roles::is_generated(path) { by_role.with(FileFlags::GENERATED) } else { by_role }
}
