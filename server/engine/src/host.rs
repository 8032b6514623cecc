//! The host: the one owner of a workspace's index.

mod report;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use conexus_core::{BlobId, Notice};
use conexus_index::{Access, IndexSnapshot, OpenReport, Store, StoreSettings, StoreStatistics, TextSource, Voice};

use crate::{
    Degradation, Error, Location, Result, Settings, Snapshot, Sources, Weights, content,
    crashes::Crashes,
    indexing,
    live::Activity,
    models::{Models, SharedEmbedder},
    standing::Standing,
    walk::{self, Walk, WalkRules},
};

pub use report::{EmbeddingReport, GraphOutcome, IndexReport, Progress};

/// The owner of a workspace's index, or a reader beside an owner in another process.
pub struct Host {
    location: Location,
    settings: Settings,
    store: Store,
    models: Models,
    weights: Arc<Weights>,
    follows: bool,
    committed: Option<Committed>,
    crashes: Arc<Crashes>,
    /// What [`Self::open_walking`] found.
    walked: Option<Walk>,
}

/// What [`Host::renew`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renewed {
    /// Nothing: too little is dead.
    No,
    /// All is there as before.
    Whole,
    /// Files that changed meanwhile have to be indexed again.
    WithoutSome,
}

/// Given each state as soon as it is committed.
pub(crate) type Committed = Box<dyn Fn(Snapshot) + Send + Sync>;

impl Host {
    /// Opens or creates the index of a workspace. When another process owns it, the host follows that one's commits and
    /// [`Host::follows`] says so. An index of another version or a broken one is built anew; a folder that holds something
    /// else is an error.
    pub fn open(location: Location, settings: Settings) -> Result<(Self, OpenReport)> {
        let store_settings = Self::store_settings(&location, &settings);
        let models = Models::open(&settings.embedding, &location.index_dir, &store_settings)?;
        let store_settings = models.store_settings(&store_settings);
        let texts = DiskTexts { location: &location, max_file_bytes: settings.max_file_bytes };
        let mut follows = false;
        let (store, report) = match Store::open(&location.index_dir, store_settings.clone(), Access::Write, &texts) {
            Err(conexus_index::Error::Locked { .. }) => {
                follows = true;
                follow(&location, &store_settings, &texts)?
            }
            Err(error) if error.needs_rebuild() => {
                tracing::warn!(%error, "the index is built anew");
                Store::destroy(&location.index_dir)?;
                Store::open(&location.index_dir, store_settings, Access::Write, &texts)?
            }
            other => other?,
        };
        let crashes = Crashes::open(settings.crashes_dir(&location), settings.trial_program.clone());
        Ok((
            Self {
                location,
                settings,
                store,
                models,
                weights: Arc::new(Weights::default()),
                follows,
                committed: None,
                crashes,
                walked: None,
            },
            report,
        ))
    }

    /// The same for who calls [`Self::index`] next: walks the workspace meanwhile, which takes about as long.
    pub fn open_walking(location: Location, settings: Settings) -> Result<(Self, OpenReport)> {
        let (root, rules) = (location.root.clone(), WalkRules::of(&location, &settings));
        let stop = AtomicBool::new(false);
        let (opened, walk) = std::thread::scope(|scope| {
            let walker = scope.spawn(|| walk::walk(&root, &rules, &stop));
            let opened = Self::open(location, settings);
            let is_wanted = opened.as_ref().is_ok_and(|(host, _)| !host.follows);
            stop.store(!is_wanted, Ordering::Relaxed);
            (opened, walker.join())
        });
        let (mut host, report) = opened?;
        // What went wrong goes wrong again when it is asked for.
        host.walked = walk.ok().and_then(std::result::Result::ok).filter(|walk| !walk.cancelled);
        Ok((host, report))
    }

    /// How its store is opened, but for what the models have a say in.
    pub(crate) fn store_settings(location: &Location, settings: &Settings) -> StoreSettings {
        StoreSettings {
            workspace: Some(location.root.clone()),
            analyser_version: conexus_syntax::ANALYSER_VERSION,
            // More than a sixth of 300 MiB makes indexing no faster.
            lexical_heap: (settings.memory / 6).clamp(16 << 20, 50 << 20) as usize,
            memory: settings.memory,
            ..StoreSettings::default()
        }
    }

    /// Whether the folder of the index was deleted, or made anew, since this host became its owner: nothing can be written
    /// then until it is opened again.
    pub(crate) fn is_gone(&self) -> bool {
        self.store.is_gone()
    }

    /// Whether another process owns the index and this host only reads it.
    pub fn follows(&self) -> bool {
        self.follows
    }

    /// How the owner of the index stands when that is another process.
    pub(crate) fn owner(&self) -> Option<Standing> {
        self.follows.then(|| Standing::of_owner(&self.location.index_dir))
    }

    /// Whether the owner of the index, if that is another process, keeps it up to the disk and has done so.
    pub fn is_kept_current(&self) -> bool {
        self.owner().is_some_and(|owner| owner.current && owner.notice().is_none())
    }

    /// Beside a command that is indexing: waits until it has ended, and owns the index then. Beside anything else it
    /// returns, and still follows. `observe` is told how far the other one is.
    pub fn wait_for_owner(&mut self, patience: Patience, observe: &(dyn Fn(Progress) + Sync)) -> Result<()> {
        let mut until = Instant::now() + OWNER_WAIT;
        while !self.try_to_own()? {
            let owner = Standing::said(&self.location.index_dir);
            let awaits_all = patience == Patience::UntilIndexed;
            match owner.activity {
                Activity::Running(Progress::Embedding { .. }) if !awaits_all => return Ok(()),
                Activity::Running(progress) if owner.ends || awaits_all && !owner.current => {
                    observe(progress);
                    until = Instant::now() + OWNER_WAIT;
                }
                // It says soon what it does, or ends.
                Activity::Opening | Activity::Idle if !owner.current => {
                    if Instant::now() >= until && !(awaits_all && owner.ends) {
                        return Ok(());
                    }
                }
                _ => return Ok(()),
            }
            std::thread::sleep(OWNER_EVERY);
        }
        Ok(())
    }

    /// As the owner: how readers are told what is being done. [`Host::index`] does so.
    pub(crate) fn voice(&self) -> Option<Voice> {
        self.store.voice()
    }

    /// Embeds one word, to know whether the model answers; an endpoint is asked as often as its settings say. The error
    /// is a sentence for the user.
    pub fn try_model(&self) -> std::result::Result<(), String> {
        match (self.models.fault(), self.models.slow()) {
            (Some(fault), _) => Err(fault),
            (None, Some(model)) => model.embed_query("word", &mut Vec::new()).map_err(|error| error.to_string()),
            // What is built in or read from a file always answers.
            (None, None) => Ok(()),
        }
    }

    /// Where the workspace and its index are.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The settings it was opened with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Indexes other folders beside the workspace from the next run on.
    pub(crate) fn set_sources(&mut self, sources: Sources) {
        self.settings.sources = sources;
    }

    /// Ranks with other weights from now on: for measuring.
    pub fn set_weights(&mut self, weights: Weights) {
        self.weights = Arc::new(weights);
    }

    /// From now on hands each state to `committed` as soon as searches can read it, while a run goes on.
    pub(crate) fn on_commit(&mut self, committed: Committed) {
        self.committed = Some(committed);
    }

    /// The current state, for readers. Beside another owner its answers say [`Notice::Detached`] or what that one lacks.
    pub fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new(
            self.index_snapshot(),
            self.models.searched().cloned(),
            self.models.stand_in().cloned(),
            Arc::clone(&self.weights),
            &self.location,
            &self.settings,
            Arc::clone(&self.crashes),
        );
        if let Some(owner) = self.owner() {
            snapshot.notices = [owner.notice().unwrap_or(Notice::Detached)].into();
        }
        snapshot
    }

    /// The index alone.
    pub(crate) fn index_snapshot(&self) -> Arc<IndexSnapshot> {
        self.store.snapshot()
    }

    /// Brings the index up to the workspace on disk: new, changed and deleted files, with vectors if the model is fast.
    /// What was committed before a cancellation or an error stays. Readers are told how far it is.
    pub fn index(&mut self, observe: &(dyn Fn(Progress) + Sync), cancel: &AtomicBool) -> Result<IndexReport> {
        self.index_from(None, observe, cancel)
    }

    /// The same from a walk of a moment ago, see [`Self::look`] and [`Self::open_walking`]; without one it walks.
    pub fn index_from(
        &mut self,
        walk: Option<Walk>,
        observe: &(dyn Fn(Progress) + Sync),
        cancel: &AtomicBool,
    ) -> Result<IndexReport> {
        let started = Instant::now();
        if self.follows {
            self.refresh()?;
            return Ok(self.finish(IndexReport::default(), started));
        }
        let voice = self.voice();
        let tell = |activity| {
            if let Some(voice) = &voice {
                Standing { activity, ends: true, ..Standing::DETACHED }.tell(voice);
            }
        };
        let told = |progress| {
            tell(Activity::Running(progress));
            observe(progress);
        };
        told(Progress::Walking);
        let walk = match walk.or_else(|| self.walked.take()) {
            Some(walk) => walk,
            None => walk::walk(&self.location.root, &self.walk_rules(), cancel)?,
        };
        let report = self.index_walk(&walk, &told, cancel);
        tell(Activity::Idle);
        report.map(|report| IndexReport { elapsed: started.elapsed(), ..report })
    }

    /// Brings the index up to a walk of the whole workspace.
    pub(crate) fn index_walk(
        &mut self,
        walk: &Walk,
        observe: &(dyn Fn(Progress) + Sync),
        cancel: &AtomicBool,
    ) -> Result<IndexReport> {
        let started = Instant::now();
        let mut report = IndexReport::of(walk, &self.settings);
        if !walk.cancelled {
            self.run(observe, cancel, |run, store| run.files(store, walk, &mut report))?;
            if let Some(embedder) = self.inline_embedder() {
                // Contents whose vectors are of another model, or whose path changed.
                report.embedding_fault = self.embed_with(embedder, observe, cancel)?.fault;
            }
        }
        Ok(self.finish(report, started))
    }

    /// Computes the vectors of a slow model that are missing, until none is or it is cancelled: it is the caller's choice
    /// when. As long as few are there, or an endpoint does not answer, the built-in model answers, whose vectors
    /// [`Host::index`] makes; then the slow one does. What was committed before a fault stays.
    pub fn embed_missing(
        &mut self,
        observe: &(dyn Fn(Progress) + Sync),
        cancel: &AtomicBool,
    ) -> Result<EmbeddingReport> {
        self.models.ask_again();
        if self.follows {
            self.upgrade()?;
        }
        let Some(embedder) = self.models.slow().filter(|_| !self.follows) else {
            return Ok(EmbeddingReport { fault: self.models.fault() });
        };
        let stand_in = self.models.stand_in().cloned();
        let observed = |progress| {
            if let (Some(stand_in), Progress::Embedding { done, total }) = (&stand_in, progress) {
                stand_in.caught_up(done, total);
            }
            observe(progress);
        };
        let report = self.embed_with(embedder, &observed, cancel)?;
        match &report.fault {
            Some(fault) => self.models.failed(fault),
            None if cancel.load(Ordering::Relaxed) => {}
            None => drop(self.upgrade()?),
        }
        Ok(report)
    }

    fn embed_with(
        &mut self,
        embedder: SharedEmbedder,
        observe: &(dyn Fn(Progress) + Sync),
        cancel: &AtomicBool,
    ) -> Result<EmbeddingReport> {
        let embedder = Some(embedder);
        match self.run(observe, cancel, |run, store| indexing::Run { embedder, ..run }.missing_vectors(store)) {
            Ok(()) => Ok(EmbeddingReport::default()),
            Err(Error::Embed(error)) => {
                tracing::warn!(%error, "vectors are missing");
                Ok(EmbeddingReport { fault: Some(error.to_string()) })
            }
            Err(error) => Err(error),
        }
    }

    /// Searches the chosen model from now on, if the built-in one stands in for it and there are vectors enough.
    fn upgrade(&mut self) -> Result<bool> {
        let texts = DiskTexts { location: &self.location, max_file_bytes: self.settings.max_file_bytes };
        self.models.upgrade(&mut self.store, &texts)
    }

    /// Whether vectors are, or will be, made behind everything else.
    pub(crate) fn has_slow_model(&self) -> bool {
        self.models.slow().is_some() || self.models.stand_in().is_some()
    }

    /// Whether the built-in model stands in for the chosen one.
    pub(crate) fn stands_in(&self) -> bool {
        self.models.stand_in().is_some()
    }

    /// Why searches read names and words only, as far as is known.
    pub(crate) fn lexical_only(&self) -> Option<String> {
        self.models.lexical_only()
    }

    /// Whether the chosen model is an endpoint that did not answer.
    pub(crate) fn is_model_down(&self) -> bool {
        self.models.fault().is_some()
    }

    /// Gives out all slots anew when most are dead, so that the index does not grow with what was saved. Searches go on
    /// with the state they have.
    pub(crate) fn renew(&mut self) -> Result<Renewed> {
        // Elsewhere files that are being read cannot be deleted: there it is done by the next process that opens it.
        if self.follows || !self.store.is_sparse() || !cfg!(unix) {
            return Ok(Renewed::No);
        }
        let texts = DiskTexts { location: &self.location, max_file_bytes: self.settings.max_file_bytes };
        let report = self.store.reopen(self.store.settings().clone(), &texts)?;
        Ok(if report.dropped.is_empty() { Renewed::Whole } else { Renewed::WithoutSome })
    }

    /// Builds the graph that makes searching several hundred thousand vectors fast, when there are so many: minutes for
    /// a million. Until it is there search is exact. For a process that ends soon and has a user who waits for it; one
    /// that lives calls [`Host::poll`].
    pub fn build_graph(&mut self, observe: &(dyn Fn(Progress) + Sync), cancel: &AtomicBool) -> Result<GraphOutcome> {
        if self.follows {
            return Ok(GraphOutcome::NotDue);
        }
        self.store.flush()?;
        if !self.store.is_graph_due() {
            return Ok(GraphOutcome::NotDue);
        }
        if let Err(needed) = self.store.has_room_for_graph() {
            return Ok(GraphOutcome::NoRoom(Degradation::NoGraph { needed }));
        }
        let total = self.store.snapshot().live_vectors();
        let threads = self.settings.analysis_threads();
        let observe = |done: usize| observe(Progress::Linking { done: (done as u64).min(total), total });
        let built = self.store.build_graph(threads, cancel, &observe)?.is_some();
        Ok(if built { GraphOutcome::Built } else { GraphOutcome::NotDue })
    }

    /// Takes over what background work has finished, such as loading a graph, and begins what is due; `true` when
    /// searches read something else now. Call it when nothing was indexed for a second.
    pub fn poll(&mut self) -> Result<bool> {
        Ok(self.store.poll()?.is_some())
    }

    /// Brings parts of the workspace up to date, as an editor or a watcher names them: files or folders that were
    /// created, changed, renamed or deleted, as workspace-relative paths. The same rules hold as for a whole walk, but
    /// when an ignore file changes, other files come and go: then call [`Host::index`].
    pub fn index_paths(&mut self, paths: &[String], cancel: &AtomicBool) -> Result<IndexReport> {
        let walk = walk::walk_parts(&self.location.root, &self.walk_rules(), paths, cancel)?;
        self.index_parts(paths, &walk, cancel)
    }

    /// Brings parts of the workspace up to a walk of them.
    pub(crate) fn index_parts(&mut self, parts: &[String], walk: &Walk, cancel: &AtomicBool) -> Result<IndexReport> {
        let started = Instant::now();
        let mut report = IndexReport { skipped: walk.skipped.clone(), ..IndexReport::default() };
        if !self.follows && !walk.cancelled {
            self.run(&|_| (), cancel, |run, store| run.parts(store, parts, walk, &mut report))?;
        }
        Ok(self.finish(report, started))
    }

    /// As a reader takes over what the owner committed since, as an owner what background work has finished. Whether
    /// searches now read something else.
    pub(crate) fn refresh(&mut self) -> Result<bool> {
        let texts = DiskTexts { location: &self.location, max_file_bytes: self.settings.max_file_bytes };
        let changed = self.store.refresh(&texts)?.is_some();
        if changed && self.follows {
            self.upgrade()?;
        }
        Ok(changed)
    }

    /// As a reader: whether it lacks files whose text on disk is not that of the owner's last commit.
    pub(crate) fn lacks_files(&self) -> bool {
        self.store.lacks_files()
    }

    /// Becomes the owner if there is none any more. Whether this host owns the index now.
    pub(crate) fn try_to_own(&mut self) -> Result<bool> {
        if !self.follows {
            return Ok(true);
        }
        let texts = DiskTexts { location: &self.location, max_file_bytes: self.settings.max_file_bytes };
        let settings = self.store.settings().clone();
        match Store::open(&self.location.index_dir, settings, Access::Write, &texts) {
            Ok((store, _)) => {
                self.store = store;
                self.follows = false;
                Ok(true)
            }
            Err(conexus_index::Error::Locked { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn run<T>(
        &mut self,
        observe: &(dyn Fn(Progress) + Sync),
        cancel: &AtomicBool,
        work: impl FnOnce(indexing::Run<'_>, &mut Store) -> Result<T>,
    ) -> Result<T> {
        if self.store.is_stale() {
            let texts = DiskTexts { location: &self.location, max_file_bytes: self.settings.max_file_bytes };
            self.store.reopen(self.store.settings().clone(), &texts)?;
        }
        let template = self.snapshot();
        let committed = |index: Arc<IndexSnapshot>| {
            if let Some(committed) = &self.committed {
                committed(template.with_index(index));
            }
        };
        let run = indexing::Run {
            location: &self.location,
            settings: &self.settings,
            embedder: self.inline_embedder(),
            observe,
            cancel,
            committed: &committed,
            crashes: &self.crashes,
        };
        work(run, &mut self.store)
    }

    /// Writes out what is only in memory and gives the index back.
    pub fn close(self) -> Result<()> {
        Ok(self.store.close()?)
    }

    /// Sizes of the index.
    pub fn statistics(&self) -> StoreStatistics {
        self.store.statistics()
    }

    /// The walk's rules under these settings.
    pub fn walk_rules(&self) -> WalkRules {
        WalkRules::of(&self.location, &self.settings)
    }

    /// The embedder when it is fast enough to run where the text is.
    pub(crate) fn inline_embedder(&self) -> Option<SharedEmbedder> {
        self.models.instant()
    }

    fn finish(&self, mut report: IndexReport, started: Instant) -> IndexReport {
        let snapshot = self.store.snapshot();
        report.files = snapshot.file_count() as u64;
        report.chunks = snapshot.live_chunks();
        report.elapsed = started.elapsed();
        report
    }
}

/// How long a command waits for the owner of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As long as that is another command and indexes.
    WhileIndexing,
    /// Until it has indexed all, or has ended when it is another command.
    UntilIndexed,
}

/// How long an owner is waited for that says nothing, or is about to end.
const OWNER_WAIT: Duration = Duration::from_secs(1);
/// How often it is looked whether it has ended.
const OWNER_EVERY: Duration = Duration::from_millis(20);

/// How long a reader waits for an owner that is just creating the index.
const FOLLOW_WAIT: Duration = Duration::from_secs(3);

/// Opens an index that another process owns. That one may be creating it at this moment, so what cannot be read yet
/// is looked at again for a while.
fn follow(location: &Location, settings: &StoreSettings, texts: &DiskTexts<'_>) -> Result<(Store, OpenReport)> {
    let deadline = Instant::now() + FOLLOW_WAIT;
    loop {
        match Store::open(&location.index_dir, settings.clone(), Access::Read, texts) {
            Err(error) if Instant::now() < deadline => {
                tracing::debug!(%error, "the index cannot be read yet");
                std::thread::sleep(Duration::from_millis(20));
            }
            opened => return Ok(opened?),
        }
    }
}

/// Deletes the index of a workspace. It is an error while a process owns it; files that are not ours stay.
pub fn clear(location: &Location) -> Result<()> {
    Store::destroy(&location.index_dir)?;
    Crashes::forget(&location.index_dir);
    Ok(())
}

/// Texts from the workspace on disk, given only while their hash is the wanted one.
pub(crate) struct DiskTexts<'a> {
    pub(crate) location: &'a Location,
    pub(crate) max_file_bytes: u64,
}

impl TextSource for DiskTexts<'_> {
    fn text(&self, path: &str, blob: BlobId) -> Option<Arc<str>> {
        let content = content::read(&self.location.root.join(path), self.max_file_bytes).ok()?;
        (content.blob == blob).then(|| content.text.into())
    }
}

impl Error {
    /// Whether the index folder is owned by another process.
    pub fn is_locked(&self) -> bool {
        matches!(self, Self::Index(conexus_index::Error::Locked { .. }))
    }
}

#[cfg(test)]
mod tests;
