//! Notices changes on disk: the system's events, gathered until they rest, without what no walk would find.
//!
//! On Linux each folder needs a watch of its own, so only folders that the walk entered get one: an ignored `target`
//! or `node_modules` costs nothing. Elsewhere one recursive watch covers the workspace and the same list filters.

use std::{
    collections::{BTreeSet, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use notify::{EventKind, RecursiveMode, Watcher as _};

use super::writer::Event;
use crate::{git, sources::index_path, walk::to_slashes};

/// Events are handed on when none came for this long.
const QUIET: Duration = Duration::from_millis(30);
/// The same behind work of git: a checkout writes `HEAD` when the lock of the index is gone, and a rebase thinks between its
/// commits or waits for a person.
const GIT_QUIET: Duration = Duration::from_millis(300);
/// Events are handed on after this long although more are coming.
const LONGEST: Duration = Duration::from_millis(300);
/// While git holds the lock of its index it is waited for, but only while the lock is younger than this: one that is older
/// was left by a git that crashed, or belongs to one that waits for a person.
const GIT_WAIT: Duration = Duration::from_secs(10);
/// And only while it goes on: it is waited for no longer when nothing came for this long. A rebase that changed `HEAD`
/// within this time goes on; one that did not waits for a person.
const GIT_IDLE: Duration = Duration::from_secs(1);
/// Each folder needs its own watch.
const BY_FOLDER: bool = cfg!(any(target_os = "linux", target_os = "android"));

/// What changed on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Workspace-relative paths of files and folders that came, changed or went.
    pub(super) parts: BTreeSet<String>,
    /// Anything may have changed.
    pub(super) all: bool,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty() && !self.all
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.parts.extend(other.parts);
        self.all |= other.all;
    }
}

/// Watches a workspace until it is dropped.
pub(super) struct Watcher {
    root: PathBuf,
    system: notify::RecommendedWatcher,
    /// Folders that walks entered.
    folders: Arc<Mutex<HashSet<String>>>,
}

impl Watcher {
    /// Starts; the error says why the system's events cannot be used.
    pub(super) fn start(root: &Path, events: Sender<Event>) -> Result<Self, String> {
        let folders = Arc::new(Mutex::new(HashSet::new()));
        let (raw, gathered) = crossbeam_channel::unbounded();
        let git_dir = git::directory(root);
        let excludes = git_dir.as_ref().and_then(|_| git::excludes(root));
        let filter = Filter {
            root: root.to_owned(),
            git_dir: git_dir.clone(),
            excludes: excludes.clone(),
            folders: Arc::clone(&folders),
        };
        let handler = move |event: notify::Result<notify::Event>| {
            if let Some(changes) = filter.changes(event) {
                // The receiver ends with the watcher.
                let _ = raw.send(changes);
            }
        };
        let mut system = notify::recommended_watcher(handler).map_err(|error| reason(&error))?;
        // Without them a switch of branches is seen by its files alone, and what git leaves out here at the next start.
        for folder in git_dir.as_deref().into_iter().chain(excludes.as_deref().and_then(Path::parent)) {
            if let Err(error) = system.watch(folder, RecursiveMode::NonRecursive) {
                tracing::debug!(%error, "git's folder {} is not watched", folder.display());
            }
        }
        if !BY_FOLDER {
            system.watch(root, RecursiveMode::Recursive).map_err(|error| reason(&error))?;
        }
        std::thread::Builder::new()
            .name("watch".into())
            .spawn(move || gather(&gathered, git_dir.as_deref(), &events))
            .map_err(|error| error.to_string())?;
        Ok(Self { root: root.to_owned(), system, folders })
    }

    /// The folders that walks entered. The lock is never held while the system is asked for something: its thread takes
    /// it for every event.
    fn known(&self) -> MutexGuard<'_, HashSet<String>> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches the folders that a walk entered as well. How many are new; the error says why events do not suffice.
    pub(super) fn follow(&mut self, folders: &[String]) -> Result<usize, String> {
        let mut new = 0;
        for folder in folders {
            // Known before it is watched, so that its first event counts.
            if !self.known().insert(folder.clone()) {
                continue;
            }
            // What lies outside of the workspace has an absolute path, and no watch of the workspace sees it.
            let needs_watch = BY_FOLDER || Path::new(folder).is_absolute();
            if needs_watch && let Err(error) = self.system.watch(&self.root.join(folder), RecursiveMode::NonRecursive) {
                self.known().remove(folder);
                match error.kind {
                    // It went while it was looked at.
                    notify::ErrorKind::PathNotFound => continue,
                    _ => return Err(reason(&error)),
                }
            }
            new += 1;
        }
        Ok(new)
    }

    /// Forgets folders that may be gone: a folder of that name that comes back is another one.
    pub(super) fn forget<'a>(&mut self, parts: impl Iterator<Item = &'a String>) {
        for part in parts.filter(|part| !self.root.join(part.as_str()).is_dir()) {
            let inside = |folder: &str| {
                folder.strip_prefix(part.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            let gone: Vec<String> = self.known().extract_if(|folder| inside(folder)).collect();
            if BY_FOLDER {
                for folder in gone {
                    // The system has mostly dropped the watch with the folder.
                    let _ = self.system.unwatch(&self.root.join(&folder));
                }
            }
        }
    }
}

/// What Linux says when a user has as many instances of inotify as allowed, or a process as many files.
const EMFILE: i32 = 24;

fn reason(error: &notify::Error) -> String {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "the system's limit of watched folders is reached; raise fs.inotify.max_user_watches".to_owned()
        }
        notify::ErrorKind::Io(io) if BY_FOLDER && io.raw_os_error() == Some(EMFILE) => {
            "the system's limit of programs that watch folders is reached; raise fs.inotify.max_user_instances"
                .to_owned()
        }
        _ => error.to_string(),
    }
}

/// Sorts out what no walk would find.
struct Filter {
    root: PathBuf,
    git_dir: Option<PathBuf>,
    /// Git's file of what is left out here beside what ignore files say.
    excludes: Option<PathBuf>,
    folders: Arc<Mutex<HashSet<String>>>,
}

impl Filter {
    fn changes(&self, event: notify::Result<notify::Event>) -> Option<Changes> {
        let event = match event {
            Ok(event) if event.need_rescan() => return Some(Changes { all: true, ..Changes::default() }),
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, "events of the file system may be lost");
                return Some(Changes { all: true, ..Changes::default() });
            }
        };
        if matches!(event.kind, EventKind::Access(_)) {
            return None;
        }
        let mut changes = Changes::default();
        for path in &event.paths {
            changes.all |= self.excludes.as_ref() == Some(path);
            if self.git_dir.as_deref().is_some_and(|git_dir| path.starts_with(git_dir)) {
                changes.all |= path.file_name().is_some_and(|name| name == "HEAD");
                continue;
            }
            let part = match path.strip_prefix(&self.root) {
                Ok(inside) => to_slashes(inside),
                Err(_) => index_path(path),
            };
            let Some(part) = part else { continue };
            let folder = part.rsplit_once('/').map_or("", |(folder, _)| folder);
            if !part.is_empty() && self.folders.lock().unwrap_or_else(PoisonError::into_inner).contains(folder) {
                changes.parts.insert(part);
            }
        }
        (!changes.is_empty()).then_some(changes)
    }
}

/// Hands changes on when they rest. When that takes long, who answers meanwhile is told.
fn gather(raw: &Receiver<Changes>, git_dir: Option<&Path>, events: &Sender<Event>) {
    while let Ok(mut changes) = raw.recv() {
        let first = Instant::now();
        let (mut since, mut last) = (first, first);
        let mut told = false;
        loop {
            let git_works = git_dir.is_some_and(is_at_work);
            if git_works {
                // The last events of what it did come after its lock is gone.
                since = Instant::now();
            }
            let longest = if since > first { 2 * LONGEST } else { LONGEST };
            if since.elapsed() >= longest || first.elapsed() >= GIT_WAIT {
                break;
            }
            if !told && first.elapsed() >= GIT_IDLE {
                told = true;
                let _ = events.send(Event::Held);
            }
            match raw.recv_timeout(if since > first { GIT_QUIET } else { QUIET }) {
                Ok(more) => {
                    last = Instant::now();
                    changes.merge(more);
                }
                Err(RecvTimeoutError::Timeout) if git_works && last.elapsed() < GIT_IDLE => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
        if events.send(Event::Disk(changes)).is_err() {
            return;
        }
    }
}

/// Whether git is changing files: it holds the lock of its index, or goes through the commits of a rebase.
fn is_at_work(git_dir: &Path) -> bool {
    let is_younger = |name: &str, than: Duration| {
        let written = std::fs::metadata(git_dir.join(name)).and_then(|file| file.modified());
        // A clock that was set back since makes it one of the future.
        written.is_ok_and(|written| written.elapsed().unwrap_or_default() < than)
    };
    is_younger("index.lock", GIT_WAIT)
        || is_younger("HEAD", GIT_IDLE)
            && ["rebase-merge", "rebase-apply"].iter().any(|folder| git_dir.join(folder).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::{
        Event,
        event::{AccessKind, CreateKind, Flag},
    };

    /// What the system tells, and what comes of it: paths, or that anything may have changed.
    #[test]
    fn what_the_system_loses_is_looked_for() {
        let root = Path::new("/project");
        let filter = Filter {
            root: root.to_owned(),
            git_dir: Some(root.join(".git")),
            excludes: Some(root.join(".git/info/exclude")),
            folders: Arc::new(Mutex::new(["", "src"].map(str::to_owned).into())),
        };
        let created = |path: &str| Event::new(EventKind::Create(CreateKind::File)).add_path(root.join(path));
        let parts =
            |parts: &[&str]| Changes { parts: parts.iter().map(|part| (*part).to_owned()).collect(), all: false };
        let all = || Changes { all: true, ..Changes::default() };
        for (told, expected) in [
            (Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)), Some(all())),
            (Err(notify::Error::generic("events are lost")), Some(all())),
            (Ok(created(".git/HEAD")), Some(all())),
            (Ok(created(".git/index.lock")), None),
            (Ok(created(".git/info/exclude")), Some(all())),
            (
                Ok(created("src/a.rs").add_path(root.join("target/b.rs")).add_path(root.join("c.rs"))),
                Some(parts(&["c.rs", "src/a.rs"])),
            ),
            (Ok(created("target/b.rs")), None),
            (Ok(Event::new(EventKind::Access(AccessKind::Any)).add_path(root.join("src/a.rs"))), None),
        ] {
            let what = format!("{told:?}");
            assert_eq!(filter.changes(told), expected, "{what}");
        }
    }

    /// Changes that come all the time while git's folder looks like this, and what is handed on until the first batch.
    #[test]
    fn git_is_waited_for_only_while_it_works() {
        let crashed = std::time::SystemTime::now() - GIT_WAIT * 2;
        let rests = std::time::SystemTime::now() - GIT_IDLE * 2;
        let now = std::time::SystemTime::now() + GIT_WAIT;
        for (what, files, comes, is_held) in [
            ("no git", &[][..], true, false),
            ("a lock that a crash left", &[("index.lock", crashed)], true, false),
            ("a lock of git at work", &[("index.lock", now)], true, true),
            ("git waits for a person's message", &[("index.lock", now)], false, false),
            ("a rebase waits for a person", &[("rebase-merge/done", rests), ("HEAD", rests)], true, false),
            ("a rebase goes on", &[("rebase-apply/next", rests), ("HEAD", now)], true, true),
        ] {
            let git_dir = tempfile::tempdir().expect("a folder");
            for (name, written) in files {
                let path = git_dir.path().join(name);
                std::fs::create_dir_all(path.with_file_name("")).expect("a folder");
                let file = std::fs::File::create(&path).expect("a file");
                file.set_modified(*written).expect("a time");
            }
            let (raw, gathered) = crossbeam_channel::unbounded();
            let (sender, events) = crossbeam_channel::unbounded();
            let start = Instant::now();
            let first = std::thread::scope(|scope| {
                scope.spawn(|| gather(&gathered, Some(git_dir.path()), &sender));
                let mut first = None;
                while first.is_none() && start.elapsed() < 2 * GIT_WAIT {
                    raw.send(Changes { all: true, ..Changes::default() }).expect("it gathers");
                    first = events.recv_timeout(if comes { QUIET / 2 } else { 2 * GIT_WAIT }).ok();
                }
                drop(raw);
                first
            });
            let waited = start.elapsed();
            assert_eq!(matches!(first, Some(super::Event::Held)), is_held, "{what}, after {waited:?}");
            assert!(waited < GIT_WAIT / 2, "{what}: {waited:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn limits_of_the_system_are_named() {
        let io = |code| notify::Error::io(std::io::Error::from_raw_os_error(code));
        for (error, named) in [
            (notify::Error::new(notify::ErrorKind::MaxFilesWatch), "fs.inotify.max_user_watches"),
            (io(EMFILE), "fs.inotify.max_user_instances"),
            (io(13), "ermission denied"),
        ] {
            assert!(reason(&error).contains(named), "{error:?}: {}", reason(&error));
        }
    }
}
