//! The recent history of a repository: which files change together, what changed a file, what a ticket changed.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use super::{
    command,
    run::{self, LOOK},
};
use crate::redaction::redact;

/// How far back to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HistoryLimits {
    /// Most commits to read.
    pub commits: usize,
    /// Longest time to read; what was read until then is kept.
    pub time: Duration,
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self { commits: 5_000, time: Duration::from_secs(5) }
    }
}

/// One commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Full hash.
    pub id: Box<str>,
    /// Seconds since 1970 of when it was committed.
    pub time: i64,
    /// Name of its author; secrets in it are masked.
    pub author: Box<str>,
    /// First line of its message; secrets in it are masked.
    pub subject: Box<str>,
    /// Tickets that its message names, each once: `ABC-123`, `#123`.
    pub tickets: Vec<Box<str>>,
    /// Paths below the folder that it changed, relative to the folder. Merges list none.
    pub paths: Vec<Arc<str>>,
}

/// A file that changes together with another.
#[derive(Clone, Debug, PartialEq)]
pub struct CoChange {
    /// Relative to the folder.
    pub path: Arc<str>,
    /// Commits that changed both.
    pub together: u32,
    /// Commits that changed the file that was asked about.
    pub of: u32,
    /// How much it is believed that a change of that file goes with a change of this one, 0 to 1: `together / (of + 2)`,
    /// so that a single commit says little.
    pub confidence: f32,
}

/// The recent history, newest commit first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    head: Box<str>,
    commits: Vec<Commit>,
    complete: bool,
}

/// Commits that change more files say nothing of any two: a new licence header, a formatter, a move.
const MOST_TOGETHER: usize = 40;

impl History {
    /// The commit it begins with.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// All commits, newest first.
    pub fn commits(&self) -> &[Commit] {
        &self.commits
    }

    /// Whether it goes back to the first commit; otherwise a limit cut it, or the clone is shallow.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Commits that changed a path, newest first.
    pub fn commits_of<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Commit> {
        self.commits.iter().filter(move |commit| commit.paths.iter().any(|changed| **changed == *path))
    }

    /// Commits whose message names a ticket, newest first; `#12` and `12` mean the same, case does not count.
    pub fn mentioning<'a>(&'a self, ticket: &'a str) -> impl Iterator<Item = &'a Commit> {
        let plain = |ticket: &'a str| ticket.trim().trim_start_matches('#');
        let wanted = plain(ticket);
        self.commits
            .iter()
            .filter(move |commit| commit.tickets.iter().any(|named| plain(named).eq_ignore_ascii_case(wanted)))
    }

    /// Files that change together with a path, the surest first. Commits of more than 40 files do not count.
    pub fn changed_with(&self, path: &str, limit: usize) -> Vec<CoChange> {
        let mut of = 0;
        let mut together: HashMap<&Arc<str>, u32> = HashMap::new();
        for commit in self.commits_of(path).filter(|commit| commit.paths.len() <= MOST_TOGETHER) {
            of += 1;
            for other in commit.paths.iter().filter(|other| ***other != *path) {
                *together.entry(other).or_default() += 1;
            }
        }
        let mut found: Vec<CoChange> = together
            .into_iter()
            .map(|(path, together)| CoChange {
                path: Arc::clone(path),
                together,
                of,
                confidence: together as f32 / (of + 2) as f32,
            })
            .collect();
        found.sort_by(|left, right| right.together.cmp(&left.together).then_with(|| left.path.cmp(&right.path)));
        found.truncate(limit);
        found
    }
}

/// What is kept of a folder under limits.
struct Kept {
    history: Arc<History>,
    /// Git's own folder, and how HEAD was written when the history was read.
    directory: PathBuf,
    stamp: Option<Stamp>,
}

type Key = (PathBuf, HistoryLimits);

/// What is kept, and what is being read: who wants it meanwhile waits for it.
#[derive(Default)]
struct Histories {
    kept: HashMap<Key, Kept>,
    being_read: HashSet<Key>,
}

static HISTORIES: LazyLock<Mutex<Histories>> = LazyLock::new(Mutex::default);
static READ: Condvar = Condvar::new();
/// Folders whose history is kept at once.
const MOST_KEPT: usize = 8;

fn histories() -> MutexGuard<'static, Histories> {
    HISTORIES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets others read what was being read.
struct BeingRead(Key);

impl Drop for BeingRead {
    fn drop(&mut self) {
        histories().being_read.remove(&self.0);
        READ.notify_all();
    }
}

/// Reads the history of the repository that holds a folder, by one `git log`. It is kept until HEAD moves. `None` when
/// the folder is in no repository, the repository has no commit, there is no git, or nobody waits for it any more: then
/// git is killed.
pub fn history(folder: &Path, limits: HistoryLimits, cancel: &AtomicBool) -> Option<Arc<History>> {
    let key = (folder.to_owned(), limits);
    let mut all = histories();
    let (known, _reading) = loop {
        let known = all.kept.get(&key).map(|kept| (kept.directory.clone(), kept.stamp.clone()));
        let stamp = known.as_ref().and_then(|(directory, _)| Stamp::of(directory));
        if let Some((_, read_under)) = &known
            && stamp.is_some()
            && stamp == *read_under
        {
            return all.kept.get(&key).map(|kept| Arc::clone(&kept.history));
        }
        if cancel.load(Ordering::Relaxed) {
            return None;
        }
        if all.being_read.insert(key.clone()) {
            break (known, BeingRead(key.clone()));
        }
        all = READ.wait_timeout(all, LOOK).unwrap_or_else(PoisonError::into_inner).0;
    };
    drop(all);
    let directory = known.map_or_else(|| super::directory(folder), |(directory, _)| Some(directory))?;
    // Before HEAD is asked for: a commit in between shows as a stamp that does not fit any more.
    let stamp = Stamp::of(&directory);
    let state = run::output(command(folder).args(["rev-parse", "HEAD", "--is-shallow-repository"]), cancel)?;
    let state = String::from_utf8(state).ok()?;
    let mut lines = state.lines();
    let head = lines.next()?.trim();
    let shallow = lines.next() == Some("true");
    let same = |kept: &&Kept| *kept.history.head == *head;
    let same = histories().kept.get(&key).filter(same).map(|kept| Arc::clone(&kept.history));
    let history = match same {
        Some(same) => same,
        None => Arc::new(read(folder, head, shallow, limits, cancel)?),
    };
    let mut all = histories();
    if all.kept.len() >= MOST_KEPT && !all.kept.contains_key(&key) {
        all.kept.clear();
    }
    all.kept.insert(key, Kept { history: Arc::clone(&history), directory, stamp });
    Some(history)
}

/// How HEAD is written in git's own folder. A commit, a checkout or a fetch that moves HEAD or deepens a shallow clone
/// changes one of these files, so that git need not be asked (2 ms for its process, on 2026-11-21) while they stay.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    head: Vec<u8>,
    /// What the branch's own file says; a branch without one is among the packed.
    branch: Option<Vec<u8>>,
    packed: Option<(SystemTime, u64)>,
    shallow: Option<(SystemTime, u64)>,
}

impl Stamp {
    /// `None` when the files do not say it, as in repositories that keep their branches in another form.
    fn of(directory: &Path) -> Option<Self> {
        let head = std::fs::read(directory.join("HEAD")).ok()?;
        // The folder of a linked working tree names the one that holds the branches.
        let common = std::fs::read_to_string(directory.join("commondir"));
        let common = common.map_or_else(|_| directory.to_owned(), |common| directory.join(common.trim_end()));
        let branch = std::str::from_utf8(&head).ok()?.strip_prefix("ref: ").map(str::trim_end);
        let own = branch.and_then(|branch| std::fs::read(common.join(branch)).ok());
        let stat = |name: &str| {
            let found = std::fs::metadata(common.join(name)).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        let packed = stat("packed-refs");
        let is_indirect = own.as_ref().is_some_and(|own| own.starts_with(b"ref:"));
        let is_known = branch.is_none() || own.is_some() || packed.is_some();
        (is_known && !is_indirect).then(|| Self { branch: own, packed, shallow: stat("shallow"), head })
    }
}

/// Reads a history anew.
fn read(folder: &Path, head: &str, shallow: bool, limits: HistoryLimits, cancel: &AtomicBool) -> Option<History> {
    // One commit more tells whether the limit cut something.
    let most = format!("--max-count={}", limits.commits.saturating_add(1));
    let mut log = command(folder);
    log.args(["log", "--name-only", "--relative", "--no-renames", "--no-color", "--no-show-signature", "-z"]).args([
        "--encoding=UTF-8",
        "--format=%x1e%H%x1f%ct%x1f%an%x1f%s%x1f%b%x1d",
        &most,
        "HEAD",
    ]);
    let mut output = Vec::new();
    let deadline = Instant::now() + limits.time;
    let ended = run::read(&mut log, Some(deadline), cancel, &mut |piece| output.extend_from_slice(piece))?;
    if !ended.is_good && !ended.is_cut {
        return None;
    }
    let mut commits = parse(&output, ended.is_good, cancel);
    // Half of a history, because nobody waits for it, is not to be kept.
    if cancel.load(Ordering::Relaxed) {
        return None;
    }
    let complete = ended.is_good && !shallow && commits.len() <= limits.commits;
    commits.truncate(limits.commits);
    Some(History { head: head.into(), commits, complete })
}

/// Marks that no message holds: between commits, between fields, before the paths.
const COMMIT: char = '\u{1e}';
const FIELD: char = '\u{1f}';
const PATHS: char = '\u{1d}';

/// The commits of a log; the last one of a log that was cut off is left out.
fn parse(output: &[u8], finished: bool, cancel: &AtomicBool) -> Vec<Commit> {
    let text = String::from_utf8_lossy(output);
    let mut paths: HashMap<&str, Arc<str>> = HashMap::new();
    let mut pieces: Vec<&str> = text.split(COMMIT).skip(1).collect();
    if !finished {
        pieces.pop();
    }
    let wanted = pieces.into_iter().take_while(|_| !cancel.load(Ordering::Relaxed));
    wanted.filter_map(|piece| commit(piece, &mut paths)).collect()
}

fn commit<'a>(piece: &'a str, known: &mut HashMap<&'a str, Arc<str>>) -> Option<Commit> {
    let (head, paths) = piece.split_once(PATHS)?;
    let mut fields = head.splitn(5, FIELD);
    let id = fields.next().filter(|id| id.len() >= 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let time = fields.next()?.parse().ok()?;
    let (author, subject, body) = (fields.next()?, fields.next()?, fields.next()?);
    let mut tickets = Vec::new();
    tickets_of(subject, &mut tickets);
    tickets_of(body, &mut tickets);
    let paths = paths
        .split('\0')
        .map(|path| path.trim_matches('\n'))
        .filter(|path| !path.is_empty())
        .map(|path| Arc::clone(known.entry(path).or_insert_with(|| path.into())))
        .collect();
    let masked = |text: &str| redact(text.to_owned()).0.into();
    Some(Commit { id: id.into(), time, author: masked(author), subject: masked(subject), tickets, paths })
}

/// Words before a number that are no project's key.
const NO_KEYS: &[&str] = &["AES", "CP", "CVE", "CWE", "ISO", "MD", "PEP", "RFC", "RSA", "SHA", "UTF", "X"];

/// Adds the tickets that a text names.
fn tickets_of(text: &str, tickets: &mut Vec<Box<str>>) {
    let bytes = text.as_bytes();
    let is_word = |at: usize| bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let mut at = 0;
    while at < bytes.len() {
        let digits_from = |start: usize| bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let begins = at == 0 || !is_word(at - 1);
        let end = if bytes[at] == b'#' && begins {
            Some(at + 1 + digits_from(at + 1)).filter(|&end| end > at + 1 && end <= at + 9)
        } else if begins && bytes[at].is_ascii_uppercase() {
            let key = bytes[at..].iter().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).count();
            let dash = at + key;
            let named = (2..=10).contains(&key) && !NO_KEYS.contains(&text.get(at..dash).unwrap_or(""));
            (named && bytes.get(dash) == Some(&b'-'))
                .then(|| dash + 1 + digits_from(dash + 1))
                .filter(|&end| end > dash + 1 && end <= dash + 8)
        } else {
            None
        };
        match end.filter(|&end| !is_word(end)) {
            Some(end) => {
                if let Some(ticket) = text.get(at..end)
                    && !tickets.iter().any(|known| **known == *ticket)
                {
                    tickets.push(ticket.into());
                }
                at = end;
            }
            None => at += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_keys_and_numbers() {
        for (text, expected) in [
            ("ABC-123: fix", "ABC-123"),
            ("Fixed #42 -- and #43, refs ABC-1.", "#42 #43 ABC-1"),
            ("(#7) (#7)", "#7"),
            ("UTF-8, SHA-256 and CVE-2024-1", ""),
            ("abc-1 A-1 XABC-12x #x a#1 # -", ""),
            ("größe #5é", "#5"),
            ("AB2-77", "AB2-77"),
        ] {
            let mut tickets = Vec::new();
            tickets_of(text, &mut tickets);
            assert_eq!(tickets.join(" "), expected, "{text:?}");
        }
    }

    #[test]
    fn logs_are_read_whatever_they_hold() {
        let never = AtomicBool::new(false);
        let id = "a".repeat(40);
        let log = format!("\u{1e}{id}\u{1f}12\u{1f}Ann\u{1f}Do #1\u{1f}body\nABC-2\u{1d}\0\na.rs\0b c.rs\0");
        let commits = parse(format!("{log}\u{1e}broken\u{1e}{log}").as_bytes(), true, &never);
        assert_eq!(commits.len(), 2);
        assert_eq!(commits[0].paths.iter().map(|path| &**path).collect::<Vec<_>>(), ["a.rs", "b c.rs"]);
        assert_eq!(
            (&*commits[0].author, commits[0].time, commits[0].tickets.join(" ")),
            ("Ann", 12, "#1 ABC-2".into())
        );
        assert_eq!(parse(format!("{log}{log}").as_bytes(), false, &never).len(), 1);
        assert_eq!(parse(b"\xff\x1e\x1f", true, &never), []);
    }
}
