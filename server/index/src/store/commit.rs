//! Commits: one transaction of the catalog, then the same change in memory.

use conexus_core::LineIndex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Current, MissingVectors, Store};
use crate::catalog::{Catalog, NewFile, State};
use crate::lexical::{DeltaPart, part_lengths};
use crate::vectors::{Block, check_block};
use crate::{Batch, Content, Error, FileEntry, FileUpdate, IndexSnapshot, Prepared, Result, VectorBlock};

/// What [`crate::StoreSettings::publish_after`] grows to.
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// What of a bulk load is left, in parts of it, each time that what has gathered for the lexical index is written. At the
/// end one thread writes while nothing else is left to do, so the last segment has to be small, and those before it have to
/// be done: writing takes a fifth of the time that making what is written took.
const LAST_PARTS: [usize; 3] = [4, 16, 64];

/// A bulk load on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    started: Instant,
    /// Files that it is of, and those that came.
    files: usize,
    done: usize,
    /// When it became visible last, and after how long it does the next time.
    published: Instant,
    wait: Duration,
}

impl Load {
    /// Takes up files; whether one of its last parts begins with them.
    fn count(&mut self, files: usize) -> bool {
        let before = self.done;
        self.done += files;
        let starts = LAST_PARTS.map(|part| self.files - self.files / part);
        starts.into_iter().any(|start| before < start && self.done >= start)
    }

    /// Whether it becomes visible now. It does not where its end is nearer than half of the least wait.
    fn is_due(&self, least: Duration) -> bool {
        let left = self.files.saturating_sub(self.done) as f64;
        let rest = self.started.elapsed().as_secs_f64() / self.done.max(1) as f64 * left;
        self.published.elapsed() >= self.wait && rest >= least.as_secs_f64() / 2.0
    }
}

/// One new version of a file, ready to be written.
struct Version {
    entry: FileEntry,
    /// The stored analysis; `None` when this batch stores it.
    known: Option<i64>,
    prepared: Prepared,
    vectors: Option<VectorBlock>,
}

/// What a batch does, worked out before anything is written.
#[derive(Default)]
struct Plan {
    versions: Vec<Version>,
    touched: Vec<FileEntry>,
    removed: Vec<Arc<FileEntry>>,
    next_slot: u32,
}

impl Store {
    /// Applies changes as one generation and publishes the new state. After an error nothing of the batch is kept.
    ///
    /// Between [`Self::begin_bulk`] and [`Self::end_bulk`] it returns the state that was published last, publishes
    /// after two seconds, four and then every eight, unless the end is less than a second away, and an error may take with
    /// it what was not published yet.
    pub fn commit(&mut self, batch: Batch) -> Result<Arc<IndexSnapshot>> {
        self.check_writable()?;
        if self.bulk.is_none() && self.take_over()? {
            self.publish(None);
        }
        let plan = self.plan(batch)?;
        if plan.versions.is_empty() && plan.touched.is_empty() && plan.removed.is_empty() {
            return Ok(self.snapshot());
        }
        let blocks = self.write(&plan)?;
        self.apply(plan, blocks)
    }

    fn plan(&self, batch: Batch) -> Result<Plan> {
        let mut plan = Plan { next_slot: self.current.state.next_slot, ..Plan::default() };
        let mut seen = HashSet::new();
        for path in batch.removals {
            if let Some(old) = self.current.files.get(&path)
                && seen.insert(path)
            {
                plan.removed.push(Arc::clone(old));
            }
        }
        for update in batch.updates {
            if !seen.insert(Arc::clone(&update.path)) {
                return Err(Error::Invalid(format!("{} occurs twice in one batch", update.path)));
            }
            let old = self.current.files.get(&update.path);
            if let Content::StatOnly = update.content {
                let Some(old) = old.filter(|old| old.blob == update.blob && old.language == update.language) else {
                    return Err(Error::Invalid(format!("{} is not in the index with that content", update.path)));
                };
                if old.stat != update.stat || old.flags != update.flags {
                    plan.touched.push(FileEntry { stat: update.stat, flags: update.flags, ..FileEntry::clone(old) });
                }
                continue;
            }
            plan.removed.extend(old.cloned());
            let version = self.version(update, plan.next_slot)?;
            let end = plan.next_slot.checked_add(version.entry.chunk_count());
            plan.next_slot = end.filter(|&end| end < u32::MAX / 8).ok_or_else(|| {
                Error::Invalid(format!("no slots left in {}; the index has to be rebuilt", self.folder.display()))
            })?;
            plan.versions.push(version);
        }
        Ok(plan)
    }

    fn version(&self, update: FileUpdate, first_slot: u32) -> Result<Version> {
        let FileUpdate { path, stat, flags, blob, language, vector_key, content } = update;
        let (prepared, known, vectors) = match content {
            Content::New { analysis, text, vectors } => {
                let lines = LineIndex::new(&text);
                (Prepared::new(Arc::clone(&path), analysis, text, &lines)?, None, vectors)
            }
            Content::Prepared { prepared, vectors } => (prepared, None, vectors),
            Content::Known { text, vectors } => {
                let Some((id, heads)) = self.catalog.heads(blob, language)? else {
                    return Err(Error::Invalid(format!("the content of {path} is not known")));
                };
                (Prepared::known(Arc::clone(&path), language, Arc::new(heads), text), Some(id), vectors)
            }
            Content::StatOnly => return Err(Error::Invalid(format!("{path} has no content"))),
        };
        if prepared.path != path {
            return Err(Error::Invalid(format!("{path} was prepared as {}", prepared.path)));
        }
        let vectors = vectors.filter(|block| Some(&block.model) == self.vectors.model());
        if let Some(block) = &vectors {
            check_block(block, prepared.chunk_count())?;
        }
        prepared.postings();
        let heads = Arc::clone(&prepared.heads);
        let entry = FileEntry { path, blob, stat, flags, language, vector_key, first_slot, heads };
        Ok(Version { entry, known, prepared, vectors })
    }

    /// The transaction. Returns the rows of the new versions.
    fn write(&mut self, plan: &Plan) -> Result<Vec<Block>> {
        let Some(state) = next_state(&self.current, self.catalog.is_bulk(), plan.next_slot, &self.snapshot) else {
            return Err(Error::Invalid("no generation left".into()));
        };
        let model_stamp = self.settings.model.clone();
        let model = self.model;
        let (blocks, model) = self.catalog.change(|catalog| {
            let mut model = model;
            let mut blocks = Vec::new();
            for old in &plan.removed {
                catalog.remove_file(&old.path)?;
                if old.chunk_count() > 0 {
                    catalog.retire(old.first_slot, state.generation)?;
                }
            }
            for entry in &plan.touched {
                catalog.touch_file(&entry.path, entry.stat, entry.flags)?;
            }
            for version in &plan.versions {
                let id = write_version(catalog, version, state.generation)?;
                if version.entry.chunk_count() == 0 {
                    continue;
                }
                let Some(stamp) = &model_stamp else { continue };
                let (first_slot, key) = (version.entry.first_slot, version.entry.vector_key);
                if let Some(block) = &version.vectors {
                    let number = match model {
                        Some(number) => number,
                        None => *model.insert(catalog.put_model(stamp)?),
                    };
                    catalog.put_vectors(id, number, key, state.generation, block)?;
                    blocks.extend(Block::of(stamp.dimension, first_slot, &block.rows, &block.scales)?);
                } else if let Some(number) = model {
                    blocks.extend(catalog.stored_block(id, number, key, stamp.dimension, &version.entry)?);
                }
            }
            catalog.set_state(state)?;
            Ok((blocks, model))
        })?;
        self.model = model;
        self.current.state = state;
        Ok(blocks)
    }

    /// The same change in memory.
    fn apply(&mut self, plan: Plan, blocks: Vec<Block>) -> Result<Arc<IndexSnapshot>> {
        let Current { files, alive, .. } = &mut self.current;
        let mut counts = self.snapshot.lexical.counts.clone();
        let count = plan.removed.len().max(plan.versions.len()) + plan.touched.len();
        let alive = Arc::make_mut(alive);
        for old in &plan.removed {
            files.remove(&old.path);
            alive.remove_range(old.first_slot, old.chunk_count());
            if self.bulk.is_none() {
                self.snapshot.lexical.retire(&mut counts, old.first_slot, old.chunk_count());
            }
        }
        for entry in plan.touched {
            files.insert(&Arc::new(entry));
        }
        let mut parts = Vec::new();
        let mut additions = Vec::new();
        for Version { entry, prepared, .. } in plan.versions {
            let first_slot = entry.first_slot;
            alive.insert_range(entry.first_slot, entry.chunk_count());
            files.insert(&Arc::new(entry));
            if self.bulk.is_some() {
                additions.push((first_slot, prepared.postings()));
            } else {
                let part = DeltaPart::of(first_slot, prepared.postings());
                counts.add(part_lengths(&part, |_| true));
                parts.push(part);
            }
        }
        self.lexical.add_bulk(additions);
        let alive = Arc::clone(&self.current.alive);
        self.vectors.extend(blocks, &alive)?;
        if let Some(load) = &mut self.bulk {
            if load.count(count) {
                self.lexical.write_bulk();
            }
            if load.is_due(self.settings.publish_after) {
                return self.publish_bulk(true);
            }
            return Ok(self.snapshot());
        }
        self.lexical.extend(parts, &alive);
        let snapshot = self.publish(Some(counts));
        self.write_behind()?;
        Ok(snapshot)
    }

    /// Starts background writing when enough is in memory, or in the catalog's log, only.
    fn write_behind(&mut self) -> Result<()> {
        self.catalog.checkpoint_behind();
        self.prune_behind();
        if self.lexical.delta_chunks() > self.settings.delta_chunks as usize {
            self.start_flush()?;
        }
        if self.vectors.is_checkpoint_due() {
            self.vectors.start_checkpoint(self.stamp(), self.current.state.next_slot, &self.current.alive)?;
        }
        Ok(())
    }

    /// Makes the following commits cheap per file and rarely visible: for the first index of many files, or for
    /// hundreds of changed ones. `files` says how many there are.
    pub fn begin_bulk(&mut self, files: usize) -> Result<()> {
        self.check_writable()?;
        if self.bulk.is_some() {
            return Ok(());
        }
        match self.lexical.wait() {
            Ok(Some(stamp)) => self.forget_retired(stamp)?,
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "lexical index not written"),
        }
        self.catalog.begin_bulk()?;
        if let Err(error) = self.lexical.begin_bulk(self.settings.lexical_heap) {
            self.abandon_bulk();
            return Err(error);
        }
        let (now, wait) = (Instant::now(), self.settings.publish_after);
        self.bulk = Some(Load { started: now, files, done: 0, published: now, wait });
        Ok(())
    }

    /// Publishes all that was committed since [`Self::begin_bulk`]. After an error the store has to be opened again.
    pub fn end_bulk(&mut self) -> Result<Arc<IndexSnapshot>> {
        self.check_writable()?;
        if self.bulk.is_none() {
            return Ok(self.snapshot());
        }
        self.publish_bulk(false)
    }

    /// Ends the transaction, and begins the next one if the load goes on.
    pub(super) fn publish_bulk(&mut self, goes_on: bool) -> Result<Arc<IndexSnapshot>> {
        self.lexical.start_bulk_commit();
        if let Err(error) = self.catalog.commit_bulk() {
            self.abandon_bulk();
            return Err(error);
        }
        // What goes on by itself begins before the wait for the lexical index.
        if goes_on {
            self.catalog.checkpoint_behind();
        } else {
            self.catalog.start_checkpoint();
        }
        if let Err(error) = self.vectors.poll() {
            tracing::warn!(%error, "vector file not written");
        }
        if self.vectors.is_checkpoint_due() || (!goes_on && self.vectors.is_behind()) {
            self.vectors.start_checkpoint(self.stamp(), self.current.state.next_slot, &self.current.alive)?;
        }
        let written = self.catalog.retired().and_then(|retired| {
            self.lexical.commit_bulk(self.stamp(), retired, &self.current.alive)?;
            self.catalog.forget_retired(self.current.state.generation)?;
            if goes_on { self.catalog.begin_bulk() } else { self.lexical.end_bulk() }
        });
        if let Err(error) = written {
            self.abandon_bulk();
            return Err(error);
        }
        self.bulk = self.bulk.filter(|_| goes_on).map(|load| {
            let wait = (load.wait * 2).min(LONGEST_WAIT);
            Load { published: Instant::now(), wait, ..load }
        });
        // What a part of a load had in memory is not wanted again by other threads.
        conexus_faiss::release_memory();
        Ok(self.publish(None))
    }

    /// Goes back to what was published last.
    fn abandon_bulk(&mut self) {
        self.catalog.rollback_bulk();
        if let Err(error) = self.lexical.abandon_bulk() {
            tracing::warn!(%error, "lexical index after a failed load");
        }
        self.bulk = None;
        if let Ok(state) = self.catalog.state() {
            let snapshot = &self.snapshot;
            if state.generation == snapshot.generation.0 {
                self.current = Current { state, files: snapshot.files.clone(), alive: Arc::clone(&snapshot.alive) };
            }
        }
    }

    /// Stores vectors that were made later and publishes those of the model that is searched. Those of another model
    /// wait in the catalog until the index is opened with it. Blocks for contents that are not known any more are passed
    /// over.
    pub fn put_vectors(&mut self, blocks: &[(MissingVectors, VectorBlock)]) -> Result<Arc<IndexSnapshot>> {
        self.check_writable()?;
        let searched = self.settings.model.clone();
        let mut live: HashMap<_, Vec<Arc<FileEntry>>> = HashMap::new();
        for (missing, block) in blocks {
            check_block(block, missing.chunks)?;
            live.entry((missing.blob, missing.language, missing.vector_key)).or_default();
        }
        for file in self.current.files.iter() {
            if let Some(files) = live.get_mut(&(file.blob, file.language, file.vector_key)) {
                files.push(Arc::clone(file));
            }
        }
        let view = self.vectors.view();
        let next = next_state(&self.current, self.catalog.is_bulk(), self.current.state.next_slot, &self.snapshot)
            .ok_or_else(|| Error::Invalid("no generation left".into()))?;
        let (rows, model) = self.catalog.change(|catalog| {
            let mut rows = Vec::new();
            let mut number = None;
            for (missing, block) in blocks {
                let Some((id, heads)) = catalog.heads(missing.blob, missing.language)? else { continue };
                if heads.chunk_count() != missing.chunks {
                    continue;
                }
                let model = catalog.put_model(&block.model)?;
                catalog.put_vectors(id, model, missing.vector_key, next.generation, block)?;
                if searched.as_ref() != Some(&block.model) {
                    continue;
                }
                number = Some(model);
                for file in live.get(&(missing.blob, missing.language, missing.vector_key)).into_iter().flatten() {
                    if !(file.first_slot..file.first_slot + file.chunk_count()).any(|slot| view.has(slot)) {
                        rows.extend(Block::of(block.model.dimension, file.first_slot, &block.rows, &block.scales)?);
                    }
                }
            }
            catalog.set_state(next)?;
            Ok((rows, number))
        })?;
        self.model = model.or(self.model);
        self.current.state = next;
        self.vectors.extend(rows, &self.current.alive)?;
        if self.bulk.is_some() {
            return Ok(self.snapshot());
        }
        let counts = self.snapshot.lexical.counts.clone();
        let snapshot = self.publish(Some(counts));
        self.write_behind()?;
        Ok(snapshot)
    }
}

/// All batches of one transaction of a bulk load are one generation.
fn next_state(current: &Current, bulk: bool, next_slot: u32, published: &IndexSnapshot) -> Option<State> {
    let generation = if bulk { published.generation.0 } else { current.state.generation }.checked_add(1)?;
    Some(State { epoch: current.state.epoch, generation, next_slot })
}

fn write_version(catalog: &Catalog, version: &Version, generation: u64) -> Result<i64> {
    let entry = &version.entry;
    let blob = match version.known {
        Some(id) => id,
        None => catalog.put_blob(entry.blob, entry.language, &entry.heads, &version.prepared.references)?,
    };
    catalog.put_file(&NewFile {
        path: &entry.path,
        blob,
        stat: entry.stat,
        flags: entry.flags,
        vector_key: entry.vector_key,
        first_slot: entry.first_slot,
        slots: entry.chunk_count(),
        generation,
    })?;
    Ok(blob)
}

impl Catalog {
    fn stored_block(
        &self,
        id: i64,
        model: i64,
        key: u64,
        dimension: usize,
        entry: &FileEntry,
    ) -> Result<Option<Block>> {
        let Some(data) = self.vectors_of(id, model, key)? else { return Ok(None) };
        match crate::catalog::split_vectors(&data, entry.chunk_count() as usize, dimension) {
            Some((rows, scales)) => Block::of(dimension, entry.first_slot, &rows, &scales),
            None => {
                Err(Error::Unusable { path: self.path().to_path_buf(), reason: "vectors in it are damaged".into() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(files: usize, done: usize, seconds: u64) -> Load {
        let started = Instant::now().checked_sub(Duration::from_secs(seconds)).expect("the clock has run that long");
        Load { started, files, done, published: started, wait: Duration::from_secs(2) }
    }

    #[test]
    fn each_of_the_last_parts_of_a_load_begins_once() {
        for (files, expected) in [
            (&[256, 343, 1, 149, 1, 37, 1, 12][..], &[false, false, true, false, true, false, true, false][..]),
            (&[256, 256, 256, 32], &[false, false, true, true]),
            (&[256, 256, 288], &[false, false, true]),
        ] {
            let mut load = load(800, 0, 0);
            let begins: Vec<bool> = files.iter().map(|&files| load.count(files)).collect();
            assert_eq!(begins, expected, "{files:?}");
        }
    }

    #[test]
    fn a_load_that_is_about_to_end_does_not_become_visible_before() {
        let least = Duration::from_secs(2);
        for (load, is_due) in [
            (load(1_000, 400, 3), true),
            (load(1_000, 400, 1), false),
            (load(1_000, 900, 3), false),
            (load(1_000, 900, 60), true),
            (load(1_000, 1_001, 60), false),
            (load(usize::MAX, 900, 3), true),
        ] {
            assert_eq!(load.is_due(least), is_due, "{load:?}");
        }
    }
}
