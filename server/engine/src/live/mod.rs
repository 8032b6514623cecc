//! A workspace that is kept current while people work in it: open buffers, files that change on disk, one writer.
//!
//! Three threads serve a workspace. The writer owns the index and brings it up to the disk; the watcher tells it what
//! changed; the buffers' thread analyses open buffers. What the last two have is laid over each other whenever one of
//! them has something new, so that readers find a finished snapshot.

mod analysis;
mod background;
mod buffers;
mod control;
mod editor;
mod registry;
mod status;
mod watch;
mod writer;

use std::{
    collections::{BTreeMap, VecDeque},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Component, Path},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use conexus_core::Notice;
use conexus_index::Voice;
use crossbeam_channel::Sender;
use ropey::Rope;

use crate::{Error, Host, Location, Progress, Result, Settings, Snapshot, standing::Standing, walk};
use background::Parsed;
use buffers::Shown;
use watch::Changes;
use writer::Event;

pub use editor::{Editor, LineEdit, Patience};
pub use registry::Registry;
pub use status::{Activity, Role, Status, Watching};

/// The text of an open buffer.
#[derive(Clone, Debug, Default)]
pub struct Buffer {
    /// All of it.
    pub text: Rope,
    /// As the editor numbers it.
    pub version: i32,
    /// The editor's name of its language, which counts when there is no file name that tells.
    pub language: Option<String>,
}

/// Told of every change of the status, from the threads of the workspace: it must return at once.
pub type Observer = Arc<dyn Fn(&Status) + Send + Sync>;

type Listener = Box<dyn Fn() + Send + Sync>;

/// How long the first reader waits for the index to be opened.
const OPEN_WAIT: Duration = Duration::from_secs(5);
/// Buffers that rest for this long are parsed afresh.
const REST: Duration = Duration::from_millis(400);
/// Files that are remembered as changed.
const RECENT: usize = 50;

/// A workspace that is kept current. All methods return at once, but for [`Live::current`] and [`Live::stop`].
pub struct Live {
    location: Location,
    shared: Arc<Shared>,
    events: Sender<Event>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads share with readers.
struct Shared {
    settings: Settings,
    inbox: Mutex<Inbox>,
    /// Something is in the inbox.
    arrived: Condvar,
    /// Changes of buffers that were told; each has a number.
    issued: AtomicU64,
    state: Mutex<State>,
    /// Something in the state is new.
    changed: Condvar,
    observer: Observer,
    /// Set when all threads are to end.
    cancel: AtomicBool,
    /// Set while no run may go on: a person stopped indexing, or all threads are to end.
    halt: AtomicBool,
    /// How far a comparison with a fresh index has come.
    verifying: Mutex<Option<(u64, u64)>>,
    /// The buffer that was opened or changed last.
    active: Mutex<Option<Arc<str>>>,
    /// Held while the file of the sources is changed.
    sources: Mutex<()>,
    /// The editor that shows this workspace, as far as it may be asked for something.
    editor: Mutex<Option<Arc<dyn Editor>>>,
    /// Counts what readers may see as new.
    revision: AtomicU64,
    /// Counts how often the writer came to the end of what it knew of.
    rests: AtomicU64,
    /// Counts how often the index was emptied.
    emptied: AtomicU64,
    /// Called when the revision grows.
    listeners: Mutex<Vec<Listener>>,
}

/// What the buffers' thread has not seen yet. Of several texts of one buffer only the last counts.
#[derive(Default)]
struct Inbox {
    buffers: BTreeMap<Arc<str>, Change>,
    /// Which files are indexed may have changed.
    recheck: bool,
    /// What was parsed in the background.
    parsed: Vec<Parsed>,
}

impl Inbox {
    /// Whether there is something to do for a buffer besides that one.
    fn is_for_others(&self, path: &Arc<str>) -> bool {
        self.buffers.keys().chain(self.parsed.iter().map(|(parsed, _)| parsed)).any(|waiting| waiting != path)
    }

    fn is_empty(&self) -> bool {
        self.buffers.is_empty() && !self.recheck && self.parsed.is_empty()
    }
}

enum Change {
    Text(Buffer),
    /// With a text that it had since the last look.
    Closed(Option<Buffer>),
}

#[derive(Default)]
struct State {
    /// What the index holds.
    base: Option<Snapshot>,
    /// What the open buffers hold.
    buffers: BTreeMap<Arc<str>, Shown>,
    /// Both.
    view: Option<Snapshot>,
    /// What answers say of open buffers without symbols.
    unparsed: Option<Notice>,
    /// Changes up to this number are in `buffers`.
    applied: u64,
    status: Status,
    /// Whether the whole workspace has been looked at since the start, and what changes is followed.
    current: bool,
    /// By what settings the owner of the index says that it chooses files.
    choice: u32,
    /// Who reads beside is told by it, as long as this process owns the index.
    voice: Option<Voice>,
    /// Files that changed on disk since the start, the last first.
    recent: VecDeque<String>,
}

impl Live {
    /// Opens or creates the index of a workspace and starts to keep it current. Errors of opening are told by the status.
    pub fn start(location: Location, settings: Settings, observer: Observer) -> Self {
        let shared = Arc::new(Shared {
            settings: settings.clone(),
            inbox: Mutex::default(),
            arrived: Condvar::new(),
            issued: AtomicU64::new(0),
            state: Mutex::default(),
            changed: Condvar::new(),
            observer,
            cancel: AtomicBool::new(false),
            halt: AtomicBool::new(false),
            verifying: Mutex::default(),
            active: Mutex::default(),
            sources: Mutex::default(),
            editor: Mutex::default(),
            revision: AtomicU64::new(0),
            rests: AtomicU64::new(0),
            emptied: AtomicU64::new(0),
            listeners: Mutex::default(),
        });
        let (sender, receiver) = crossbeam_channel::unbounded();
        let index = {
            let (shared, place, events) = (Arc::clone(&shared), location.clone(), sender.clone());
            move || writer::run(&shared, &place, &settings, &events, &receiver)
        };
        let buffers = {
            let (shared, place) = (Arc::clone(&shared), location.clone());
            move || analysis::run(&shared, &place)
        };
        let threads = [shared.spawn("index", index), shared.spawn("buffers", buffers)].into_iter().flatten().collect();
        Self { location, shared, events: sender, threads }
    }

    /// Where the workspace and its index are.
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The workspace-relative path of an absolute one; `None` when it lies outside the workspace.
    pub fn relative(&self, path: &Path) -> Option<String> {
        let relative = path.strip_prefix(&self.location.root).ok()?;
        relative
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
            .then(|| walk::to_slashes(relative))
            .flatten()
    }

    /// The text of a buffer that was opened or changed: from now on it stands for the file. `path` is
    /// workspace-relative with `/`, or a URI such as `untitled:Untitled-1` for a buffer without a file. A buffer whose
    /// file would not be indexed is not searched either.
    pub fn set_buffer(&self, path: &str, buffer: Buffer) {
        *self.shared.active() = Some(path.into());
        self.shared.tell(path, Change::Text(buffer));
    }

    /// A buffer was closed: the file on disk counts again. When it holds the buffer's text, that is searched until the
    /// index has it.
    pub fn close_buffer(&self, path: &str) {
        self.shared.active().take_if(|active| **active == *path);
        self.shared.tell(path, Change::Closed(None));
        self.disk_changed([path.to_owned()]);
    }

    /// Files or folders that were created, changed, saved, renamed or deleted, as workspace-relative paths. The system
    /// tells of them as well; this is sooner.
    pub fn disk_changed(&self, paths: impl IntoIterator<Item = String>) {
        let changes = Changes { parts: paths.into_iter().filter(|path| !is_uri(path)).collect(), all: false };
        if !changes.is_empty() {
            // The receiver ends with the threads.
            let _ = self.events.send(Event::Disk(changes));
        }
    }

    /// Compares the whole workspace with the index.
    pub fn rescan(&self) {
        let _ = self.events.send(Event::Disk(Changes { all: true, ..Changes::default() }));
    }

    /// The state now, buffers included as far as they have been analysed; `None` until the index is open.
    pub fn view(&self) -> Option<Snapshot> {
        self.shared.lock().view.clone()
    }

    /// The state that knows every buffer as it was told before this call. It waits for that at most `wait`, longer only
    /// for the index to be opened, and then answers with what there is, which says [`Notice::BuffersBehind`]. The error
    /// says why there is no index.
    pub fn current(&self, wait: Duration) -> Result<Snapshot> {
        let wanted = self.shared.issued.load(Ordering::Acquire);
        let started = Instant::now();
        let mut state = self.shared.lock();
        loop {
            let wait = if state.view.is_some() { wait } else { wait.max(OPEN_WAIT) };
            let left = wait.saturating_sub(started.elapsed());
            match &state.view {
                Some(view) if state.applied >= wanted => return Ok(view.clone()),
                Some(view) if left.is_zero() => {
                    let mut behind = view.clone();
                    behind.notices = behind.notices.iter().cloned().chain([Notice::BuffersBehind]).collect();
                    return Ok(behind);
                }
                None if state.status.activity == Activity::Failed || left.is_zero() => {
                    let why = state.status.fault.clone().unwrap_or_else(|| "it is still being opened".to_owned());
                    return Err(Error::NoIndex { path: self.location.index_dir.clone(), why });
                }
                _ => {}
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Files that changed on disk since the start, the last first; some of them may be gone.
    pub fn recently_changed(&self) -> Vec<String> {
        self.shared.lock().recent.iter().cloned().collect()
    }

    /// Whether the whole workspace has been looked at since the start, and what changes is followed, by whoever owns the
    /// index. One that is emptied begins anew.
    pub fn is_current(&self) -> bool {
        self.shared.lock().current
    }

    /// How things stand.
    pub fn status(&self) -> Status {
        self.shared.lock().status.clone()
    }

    /// Ends the threads, writes out what is in memory and gives the index back. Dropping does the same.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.shared.cancel.store(true, Ordering::Relaxed);
        self.shared.halt.store(true, Ordering::Relaxed);
        let _ = self.events.send(Event::Stop);
        drop(self.shared.inbox());
        self.shared.arrived.notify_all();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the workspace ended unexpectedly");
            }
        }
    }
}

/// Whether a path stands for a buffer without a file.
fn is_uri(path: &str) -> bool {
    path.split_once(':')
        .is_some_and(|(scheme, _)| scheme.len() > 1 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

impl Shared {
    /// A thread whose unexpected end is told.
    fn spawn(self: &Arc<Self>, name: &str, work: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
        let shared = Arc::clone(self);
        let guarded = move || {
            if catch_unwind(AssertUnwindSafe(work)).is_err() {
                shared.fail("an internal error ended the indexing; the log holds it".to_owned());
            }
        };
        match std::thread::Builder::new().name(name.to_owned()).spawn(guarded) {
            Ok(thread) => Some(thread),
            Err(error) => {
                self.fail(format!("cannot start a thread: {error}"));
                None
            }
        }
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the buffers' thread has something to do that is not begun: to end, or what is in the inbox.
    fn has_work(&self, is_work: impl FnOnce(&Inbox) -> bool) -> bool {
        self.cancel.load(Ordering::Relaxed) || is_work(&self.inbox())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn active(&self) -> MutexGuard<'_, Option<Arc<str>>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, path: &str, change: Change) {
        let mut inbox = self.inbox();
        let change = match (change, inbox.buffers.remove(path)) {
            (Change::Closed(None), Some(Change::Text(last))) => Change::Closed(Some(last)),
            (change, _) => change,
        };
        inbox.buffers.insert(path.into(), change);
        self.issued.fetch_add(1, Ordering::Release);
        drop(inbox);
        self.arrived.notify_all();
    }

    /// The index was opened, or taken over.
    fn opened(&self, host: &Host) {
        let mut state = self.lock();
        state.status.role = if host.follows() { Role::Follower } else { Role::Owner };
        state.voice = host.voice();
        state.stands(Standing {
            choice: if host.follows() { 0 } else { self.settings.choice() },
            ..Standing::default()
        });
        drop(state);
        self.rebase(host.snapshot());
    }

    /// Another process owns the index, and stands like this. Whether it was up to the disk before.
    fn beside(&self, owner: Standing) -> bool {
        let mut state = self.lock();
        let before = state.standing();
        if owner != before {
            state.stands(owner);
            self.told(state);
        }
        before.current
    }

    fn fail(&self, why: String) {
        self.status(|status| {
            status.activity = Activity::Failed;
            status.fault = Some(why);
        });
    }

    fn progress(&self, progress: Progress) {
        self.status(|status| status.activity = Activity::Running(progress));
    }

    /// The disk is known to have changed, and the index cannot be brought up to it yet: answers say so. Whether they did
    /// not before.
    fn fall_behind(&self, activity: Activity, fault: Option<String>) -> bool {
        let mut state = self.lock();
        let was_current = std::mem::take(&mut state.current);
        state.status.activity = activity;
        if fault.is_some() {
            state.status.fault = fault;
        }
        self.told(state);
        was_current
    }

    /// The whole workspace has been looked at.
    fn scanned(&self) {
        self.lock().current = true;
        self.recheck();
    }

    /// Which files are indexed may have changed, so which buffers are searched.
    fn recheck(&self) {
        self.inbox().recheck = true;
        self.arrived.notify_all();
    }

    /// Files were analysed.
    fn analysed(&self, files: u64) {
        self.status(|status| status.analysed += files);
    }

    /// Files changed on disk, at these times.
    fn changed(&self, mut files: Vec<(i64, String)>) {
        files.sort_unstable();
        let latest = files.split_off(files.len().saturating_sub(RECENT));
        let mut state = self.lock();
        for (_, path) in latest {
            state.recent.retain(|known| *known != path);
            state.recent.push_front(path);
        }
        state.recent.truncate(RECENT);
    }

    /// Nothing is left to do, or nothing may be done.
    fn resting(&self, host: &Host) {
        self.rests.fetch_add(1, Ordering::AcqRel);
        if self.cancel.load(Ordering::Relaxed) || (host.follows() && !self.halt.load(Ordering::Relaxed)) {
            // It ends, which is not for a person to hear, or what is being done is the owner's.
            return;
        }
        let activity = if self.halt.load(Ordering::Relaxed) { Activity::Stopped } else { Activity::Idle };
        if self.lock().status.activity != activity {
            self.status(|status| status.activity = activity);
            self.rebase(host.snapshot());
        }
    }

    /// The index is closed and goes.
    fn emptied(&self) {
        let mut state = self.lock();
        state.base = None;
        state.view = None;
        state.voice = None;
        state.stands(Standing::default());
        self.emptied.fetch_add(1, Ordering::Release);
    }

    /// The index has a new state.
    fn rebase(&self, base: Snapshot) {
        let mut state = self.lock();
        state.base = Some(base);
        self.show(state);
    }

    /// Lays the buffers over the index and lets readers see it.
    fn show(&self, mut state: MutexGuard<'_, State>) {
        let Some(base) = state.base.clone() else {
            drop(state);
            self.changed.notify_all();
            return;
        };
        state.buffers.retain(|_, shown| shown.counts(base.index()));
        let over: Vec<&Shown> = state.buffers.values().filter(|shown| shown.differs_from(base.index())).collect();
        let overlays: Vec<_> = over.iter().map(|shown| shown.overlay.clone()).collect();
        let texts = over.iter().filter_map(|shown| Some((Arc::clone(&shown.overlay.path), shown.text.clone()?)));
        let texts = Arc::new(texts.collect());
        let buffers = over.iter().filter(|shown| shown.closed.is_none()).count() as u64;
        let mut view = base;
        if !overlays.is_empty() {
            match view.index().overlay(&overlays) {
                Ok(index) => view = view.with_index(index),
                Err(error) => tracing::error!(%error, "open buffers are searched as saved"),
            }
        }
        view.buffers = texts;
        state.unparsed = view.unparsed_buffers();
        view.notices = state.notices().into();
        let state = &mut *state;
        state.status.generation = view.generation();
        state.status.files = view.index().file_count() as u64;
        state.status.chunks = view.index().live_chunks();
        state.status.buffers = buffers;
        state.status.builtin_model = view.builtin_model();
        state.status.set_aside = view.set_aside();
        state.status.newly_set_aside = view.crashes.found_here();
        state.view = Some(view);
        (self.observer)(&state.status);
        self.renewed();
    }

    /// Closed buffers give way to their files after a while, whatever the index has.
    fn forget_closed(&self) {
        let state = self.lock();
        if state.buffers.values().any(Shown::is_over) {
            self.show(state);
        }
    }

    fn status(&self, change: impl FnOnce(&mut Status)) {
        let mut state = self.lock();
        let before = state.status.clone();
        change(&mut state.status);
        if state.status != before {
            self.told(state);
        }
    }

    /// Lets everybody know of another status.
    fn told(&self, mut state: MutexGuard<'_, State>) {
        let notices = state.notices();
        if let Some(view) = &mut state.view {
            view.notices = notices.into();
        }
        if let Some(voice) = &state.voice {
            state.standing().tell(voice);
        }
        (self.observer)(&state.status);
        self.renewed();
    }

    /// Readers may see something new.
    fn renewed(&self) {
        self.revision.fetch_add(1, Ordering::Release);
        self.changed.notify_all();
        for listener in self.listeners.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            listener();
        }
    }
}

impl State {
    fn standing(&self) -> Standing {
        Standing { activity: self.status.activity, current: self.current, ends: false, choice: self.choice }
    }

    fn stands(&mut self, standing: Standing) {
        Standing { activity: self.status.activity, current: self.current, choice: self.choice, .. } = standing;
    }

    /// What answers say of the index as it is now.
    fn notices(&self) -> Vec<Notice> {
        self.standing().notice().into_iter().chain(self.unparsed.clone()).collect()
    }
}
