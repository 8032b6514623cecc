//! The one thread that owns the index of a live workspace.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use conexus_index::IndexSnapshot;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::{
    Activity, Shared,
    status::Watching,
    watch::{Changes, Watcher},
};
use crate::{
    Host, Location, Progress, Result, Settings, Sources,
    host::Renewed,
    indexing::RACY_TIME,
    priority::{Yields, yield_to_typing},
    standing::Standing,
    walk,
};

/// What the writer is told.
pub(super) enum Event {
    /// Something changed on disk.
    Disk(Changes),
    /// Something did, and is told when git has ended what it does.
    Held,
    /// The user's file of sources changed.
    Sources,
    /// Empty the index, and build it again or not.
    Clear {
        /// Whether indexing starts again.
        and_start: bool,
    },
    /// Look what is to be done.
    Wake,
    /// End.
    Stop,
}

/// How often a reader looks for the owner's commits.
const FOLLOW_EVERY: Duration = Duration::from_millis(150);
/// How often a reader looks whether the owner is gone.
const OWN_EVERY: Duration = Duration::from_secs(1);
/// How often an owner takes over what background work has finished.
const IDLE_EVERY: Duration = Duration::from_secs(1);
/// Between two looks at all files when the system's events cannot be used: at least this.
const POLL_EVERY: Duration = Duration::from_secs(2);
/// And at least so many times what one look takes.
const POLL_SHARE: u32 = 20;
/// How long a model that failed is left alone at first; twice as long each time, up to the second.
const MODEL_REST: (Duration, Duration) = (Duration::from_secs(2), Duration::from_mins(1));
/// Changed paths from which a look at all files is cheaper.
const MANY_PARTS: usize = 1_000;
/// What a reader is told whose settings do not count.
const OTHER_CHOICE: &str = "another process keeps the index of this workspace and chooses its files by other settings \
                            (`exclude`, `hidden`, `ignore_files` or `max_file_bytes`): its settings count";
/// What changes which files a walk finds, the tops of repositories among it.
const IGNORE_FILES: &[&str] = &[".gitignore", ".ignore", ".conexusignore", ".git", ".jj"];

/// Whether a changed path is that of a file which changes what a walk finds.
fn ignores(part: &str) -> bool {
    IGNORE_FILES.contains(&part.rsplit('/').next().unwrap_or(part))
}

/// Time and size of a file; `None` when it is not there.
fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Which of all folders that ever were at a path this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    #[cfg(unix)]
    device_and_inode: (u64, u64),
    #[cfg(not(unix))]
    created: Option<SystemTime>,
}

impl Identity {
    /// `None` when there is no folder.
    fn of(folder: &Path) -> Option<Self> {
        let metadata = std::fs::metadata(folder).ok().filter(std::fs::Metadata::is_dir)?;
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt;
            Self { device_and_inode: (metadata.dev(), metadata.ino()) }
        };
        #[cfg(not(unix))]
        let identity = Self { created: metadata.created().ok() };
        Some(identity)
    }
}

/// Files whose content is not that of the state before, with the times of their changes.
fn recently_changed(before: &IndexSnapshot, now: &IndexSnapshot) -> Vec<(i64, String)> {
    let mut known = before.files().peekable();
    // Both are ordered by path.
    let changed = now.files().filter(|file| {
        while known.next_if(|known| known.path() < file.path()).is_some() {}
        known.next_if(|known| known.path() == file.path()).is_none_or(|known| known.blob() != file.blob())
    });
    // What changed while it was read is the latest.
    let time = |time| if time == RACY_TIME { i64::MAX } else { time };
    changed.map(|file| (time(file.stat().mtime_ns), file.path().to_string())).collect()
}

/// The state of the writer's thread.
pub(super) struct Writer {
    shared: Arc<Shared>,
    host: Host,
    /// Where the watcher tells what it sees.
    sender: Sender<Event>,
    /// None as a follower, or when all files are looked at again and again.
    watcher: Option<Watcher>,
    pending: Changes,
    /// What the workspace's folder was when it was looked at last; none while it is gone.
    root: Option<Identity>,
    /// Whether changes are known of that are not told yet, or the folder was gone or exchanged: until they are in the index
    /// it is not called current.
    behind: bool,
    /// As a reader: since when the owner is known to choose files by other settings.
    other_choice: Option<Instant>,
    next_poll: Option<Instant>,
    next_own: Instant,
    /// When a model that failed is asked again.
    next_model: Option<Instant>,
    /// How long it is left alone after it fails the next time.
    model_rest: Duration,
    /// Whether the index is to be emptied, and indexing started again then.
    clear: Option<bool>,
    /// Whether somebody deleted the index.
    is_gone: bool,
    /// Time and size of the user's file of sources when it was read last.
    sources_stamp: Option<(SystemTime, u64)>,
}

/// Runs until it is told to stop.
pub(super) fn run(
    shared: &Arc<Shared>,
    location: &Location,
    settings: &Settings,
    sender: &Sender<Event>,
    events: &Receiver<Event>,
) {
    loop {
        let mut writer = match Writer::open(shared, location.clone(), settings.clone(), sender.clone()) {
            Ok(writer) => writer,
            Err(error) => return shared.fail(error.to_string()),
        };
        writer.tell_fault(None);
        while writer.step(events) {}
        let (clear, is_gone) = (writer.clear, writer.is_gone);
        if let Err(error) = writer.host.close() {
            tracing::warn!(%error, "the index was not closed in order; the next start repairs it");
        }
        if is_gone && clear.is_none() {
            tracing::warn!(path = %location.index_dir.display(), "the index was deleted, it is built anew");
            shared.emptied();
            continue;
        }
        let Some(and_start) = clear else { return };
        shared.emptied();
        if let Err(error) = crate::clear(location) {
            tracing::error!(%error, "the index was not emptied");
            shared.status(|status| status.fault = Some(error.to_string()));
        }
        if and_start && !shared.cancel.load(Ordering::Relaxed) {
            shared.halt.store(false, Ordering::Relaxed);
        }
    }
}

impl Writer {
    fn open(shared: &Arc<Shared>, location: Location, settings: Settings, sender: Sender<Event>) -> Result<Self> {
        let sources_stamp = settings.sources_file.as_deref().and_then(stamp);
        let sources = settings.sources_file.as_deref().map(Sources::load).transpose()?;
        let (mut host, _) = Host::open(location, settings)?;
        if let Some(sources) = sources {
            host.set_sources(sources);
        }
        shared.opened(&host);
        // Somebody waits for the index to be opened; what follows is work in the background.
        yield_to_typing(Yields::Indexing);
        let committed = Arc::clone(shared);
        host.on_commit(Box::new(move |snapshot| committed.rebase(snapshot)));
        let pending = Changes { all: true, ..Changes::default() };
        let next_model = host.is_model_down().then(|| Instant::now() + MODEL_REST.0);
        let mut writer = Self {
            shared: Arc::clone(shared),
            host,
            sender,
            watcher: None,
            pending,
            root: None,
            behind: false,
            other_choice: None,
            next_poll: None,
            next_own: Instant::now() + OWN_EVERY,
            next_model,
            model_rest: MODEL_REST.0,
            clear: None,
            is_gone: false,
            sources_stamp,
        };
        if writer.host.follows() {
            shared.status(|status| status.watching = Watching::Owner);
        } else {
            writer.start_watching();
        }
        Ok(writer)
    }

    /// As the owner: has the system tell what changes from now on, if it can.
    fn start_watching(&mut self) {
        self.root = Identity::of(&self.host.location().root);
        let watching = match Watcher::start(&self.host.location().root, self.sender.clone()) {
            Ok(watcher) => {
                self.watcher = Some(watcher);
                Watching::Starting
            }
            Err(reason) => Watching::Polling { reason },
        };
        self.shared.status(|status| status.watching = watching);
    }

    fn is_halted(&self) -> bool {
        self.shared.halt.load(Ordering::Relaxed)
    }

    /// Notes what came; `false` at the end of this writer.
    fn note(&mut self, event: Event) -> bool {
        match event {
            Event::Stop => return false,
            Event::Disk(changes) => self.pending.merge(changes),
            Event::Held if !self.host.follows() && !self.is_halted() => {
                self.behind |= self.shared.fall_behind(Activity::Running(Progress::Walking), None);
            }
            Event::Sources => self.read_sources(),
            Event::Clear { and_start } if !self.host.follows() => {
                self.clear = Some(and_start);
                return false;
            }
            Event::Clear { .. } | Event::Wake | Event::Held => {}
        }
        true
    }

    /// As the owner: whether the index was deleted under it, which costs a look at one file.
    fn lost_the_index(&mut self) -> bool {
        self.is_gone = self.host.is_gone();
        self.is_gone
    }

    /// Takes over the user's file of sources. While it cannot be read, what was known stays.
    fn read_sources(&mut self) {
        let Some(file) = self.host.settings().sources_file.clone() else { return };
        self.sources_stamp = stamp(&file);
        match Sources::load(&file) {
            Ok(sources) => {
                self.host.set_sources(sources);
                self.pending.all = true;
            }
            Err(error) => {
                tracing::error!(%error, "the sources stay as they were");
                self.shared.status(|status| status.fault = Some(error.to_string()));
            }
        }
    }

    /// Does what is to be done, then waits for more; `false` at the end.
    fn step(&mut self, events: &Receiver<Event>) -> bool {
        if self.lost_the_index() {
            return false;
        }
        let worked = if self.host.follows() { self.follow(events) } else { self.work(events) };
        if let Err(error) = worked {
            if self.lost_the_index() {
                return false;
            }
            tracing::error!(%error, "the index was not brought up to date");
            self.shared.status(|status| status.fault = Some(error.to_string()));
        }
        self.shared.resting(&self.host);
        loop {
            if self.shared.cancel.load(Ordering::Relaxed) {
                return false;
            }
            let wait = if self.host.follows() { FOLLOW_EVERY } else { IDLE_EVERY };
            let wait = self.next_poll.map_or(wait, |next| next.saturating_duration_since(Instant::now()).min(wait));
            match events.recv_timeout(wait) {
                Err(RecvTimeoutError::Disconnected) => return false,
                Ok(event) => {
                    if !self.note(event) {
                        return false;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            for event in events.try_iter() {
                if !self.note(event) {
                    return false;
                }
            }
            if self.lost_the_index() {
                return false;
            }
            // While a model that failed is left alone, that it did stands.
            if self.next_model.is_none() {
                self.tell_fault(None);
            }
            // A person may have written the file.
            if self.host.settings().sources_file.as_deref().and_then(stamp) != self.sources_stamp {
                self.read_sources();
            }
            if self.is_halted() {
                self.shared.resting(&self.host);
                continue;
            }
            if !self.host.follows() && !self.keep_hold_of_root() {
                continue;
            }
            if self.next_poll.is_some_and(|next| next <= Instant::now()) {
                self.pending.all = true;
            }
            if !self.pending.is_empty() || self.host.follows() || self.is_model_due() {
                return true;
            }
            match self.host.refresh() {
                Ok(true) => self.shared.rebase(self.host.snapshot()),
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "background work failed"),
            }
        }
    }

    /// Whether the workspace's folder is there. No event tells that it was moved away with the folder around it, and the
    /// watches of one that was exchanged are those of the former.
    fn keep_hold_of_root(&mut self) -> bool {
        let root = &self.host.location().root;
        let now = Identity::of(root);
        if now == self.root {
            return now.is_some();
        }
        let gone = format!("the workspace is gone: there is no folder {}", root.display());
        self.watcher = None;
        self.next_poll = None;
        if now.is_some() {
            tracing::info!("the workspace's folder is another one");
            self.behind |= self.shared.fall_behind(Activity::Running(Progress::Walking), None);
            self.start_watching();
            self.pending.all = true;
        } else {
            tracing::warn!(gone);
            self.behind |= self.shared.fall_behind(Activity::Detached, Some(gone));
            self.root = None;
        }
        now.is_some()
    }

    /// As a reader: takes over the owner's commits, or its place when it is gone.
    fn follow(&mut self, events: &Receiver<Event>) -> Result<()> {
        let ignores = std::mem::take(&mut self.pending).parts.iter().any(|part| ignores(part));
        if self.next_own <= Instant::now() {
            self.next_own = Instant::now() + OWN_EVERY;
            if self.host.try_to_own()? {
                tracing::info!("the owner of the index is gone, this process takes over");
                self.shared.opened(&self.host);
                self.start_watching();
                self.pending.all = true;
                return self.work(events);
            }
        }
        if self.is_model_due() {
            let report = self.host.embed_missing(&|_| (), &self.shared.halt)?;
            self.note_model(report.fault);
        }
        // Asked before its commits are looked for: what it calls complete is seen then.
        let owner = self.host.owner().unwrap_or(Standing::DETACHED);
        let before = self.host.index_snapshot();
        let refreshed = self.host.refresh();
        let standing = match refreshed {
            Err(_) => Standing::DETACHED,
            Ok(_) if self.host.lacks_files() && owner.notice().is_none() => {
                Standing { activity: Activity::Detached, ..owner }
            }
            Ok(_) => owner,
        };
        self.tell_choice(owner.choice);
        // What is worse is said before it is seen, what is better afterwards.
        if standing != owner {
            self.shared.beside(standing);
        }
        let is_new = refreshed?;
        if is_new {
            self.shared.rebase(self.host.snapshot());
        }
        if is_new || ignores {
            self.shared.recheck();
        }
        // Nobody has changed what a first index brings.
        if self.shared.beside(standing) && is_new {
            self.shared.changed(recently_changed(&before, &self.host.index_snapshot()));
        }
        Ok(())
    }

    /// As a reader: says when the owner chooses files by other settings, which count then. One that is about to end, such as
    /// the session before this one, is given time to.
    fn tell_choice(&mut self, owner: u32) {
        if [0, self.host.settings().choice()].contains(&owner) {
            if self.other_choice.take().is_some() {
                self.shared.status(|status| drop(status.fault.take_if(|fault| fault == OTHER_CHOICE)));
            }
        } else if self.other_choice.get_or_insert_with(Instant::now).elapsed() >= 2 * OWN_EVERY {
            self.shared.status(|status| status.fault = Some(OTHER_CHOICE.to_owned()));
        }
    }

    /// As the owner: brings the index up to date.
    fn work(&mut self, events: &Receiver<Event>) -> Result<()> {
        while !self.pending.is_empty() && !self.is_halted() {
            let Changes { parts, all } = std::mem::take(&mut self.pending);
            let was_behind = self.behind;
            self.shared.status(|status| status.batches += 1);
            if let Some(watcher) = &mut self.watcher {
                watcher.forget(parts.iter());
            }
            if all || parts.len() >= MANY_PARTS || parts.iter().any(|part| ignores(part)) {
                self.scan()?;
            } else {
                self.scan_parts(&Vec::from_iter(parts))?;
            }
            // Whatever a stopped run left undone is found again.
            self.pending.all |= self.is_halted();
            // Who saves without a pause needs it most.
            self.pending.all |= self.host.renew()? == Renewed::WithoutSome;
            self.shared.status(|status| status.fault = None);
            self.behind &= self.is_halted() || !self.pending.is_empty();
            if was_behind && !self.behind {
                self.shared.scanned();
            }
            self.shared.rebase(self.host.snapshot());
        }
        if self.host.has_slow_model() && !self.is_halted() && (self.next_model.is_none() || self.is_model_due()) {
            let shared = &self.shared;
            // Changes go first: it goes on after them.
            let interrupt = AtomicBool::new(false);
            let observe = |progress| {
                shared.progress(progress);
                interrupt.store(!events.is_empty() || shared.halt.load(Ordering::Relaxed), Ordering::Relaxed);
            };
            let report = self.host.embed_missing(&observe, &interrupt)?;
            self.note_model(report.fault);
        }
        Ok(())
    }

    /// Whether a model that failed has been left alone for long enough.
    fn is_model_due(&self) -> bool {
        self.next_model.is_some_and(|next| next <= Instant::now())
    }

    /// The slow model was used, and failed or not.
    fn note_model(&mut self, fault: Option<String>) {
        self.next_model = fault.is_some().then(|| Instant::now() + self.model_rest);
        self.model_rest = if fault.is_some() { (self.model_rest * 2).min(MODEL_REST.1) } else { MODEL_REST.0 };
        self.tell_fault(fault);
        self.shared.rebase(self.host.snapshot());
    }

    /// Says why names and words only are searched: a fault that vectors are missing for, or none can be had of a query.
    /// That the built-in model answers is said by the state that is searched.
    fn tell_fault(&self, fault: Option<String>) {
        let fault = fault.filter(|_| !self.host.stands_in()).or_else(|| self.host.lexical_only());
        self.shared.status(|status| status.lexical_only = fault);
    }

    fn scan(&mut self) -> Result<()> {
        let started = Instant::now();
        self.shared.progress(Progress::Walking);
        let walk = walk::walk(&self.host.location().root, &self.host.walk_rules(), &self.shared.halt)?;
        let walked = started.elapsed();
        let new_folders = self.watch(&walk.folders);
        let before = self.host.index_snapshot();
        let shared = &self.shared;
        let report = self.host.index_walk(&walk, &|progress| shared.progress(progress), &shared.halt)?;
        self.tell_fault(report.embedding_fault);
        self.shared.analysed(report.updated);
        let is_first = !self.shared.lock().current && !self.behind;
        if !is_first && report.updated + report.reused > 0 {
            self.shared.changed(recently_changed(&before, &self.host.index_snapshot()));
        }
        if !report.cancelled {
            self.shared.scanned();
        }
        // What changed after a folder was walked and before it was watched was seen by neither.
        self.pending.all |= new_folders > 0;
        if self.watcher.is_none() {
            self.next_poll = Some(Instant::now() + POLL_EVERY.max(walked * POLL_SHARE));
        }
        Ok(())
    }

    fn scan_parts(&mut self, parts: &[String]) -> Result<()> {
        let walk = walk::walk_parts(&self.host.location().root, &self.host.walk_rules(), parts, &self.shared.halt)?;
        if self.watch(&walk.folders) > 0 {
            self.pending.parts.extend(parts.iter().cloned());
        }
        let report = self.host.index_parts(parts, &walk, &self.shared.halt)?;
        self.shared.analysed(report.updated);
        self.shared.changed(walk.files.into_iter().map(|file| (file.modified_ns, file.path)).collect());
        Ok(())
    }

    /// Watches folders; how many were not watched before. When that fails, all files are looked at now and again.
    fn watch(&mut self, folders: &[String]) -> usize {
        let Some(watcher) = &mut self.watcher else { return 0 };
        match watcher.follow(folders) {
            Ok(new) => {
                self.shared.status(|status| status.watching = Watching::Events);
                new
            }
            Err(reason) => {
                tracing::warn!(reason, "changes on disk are looked for every few seconds");
                self.watcher = None;
                self.next_poll = Some(Instant::now() + POLL_EVERY);
                self.shared.status(|status| status.watching = Watching::Polling { reason });
                0
            }
        }
    }
}
