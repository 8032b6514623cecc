//! The recent history of a repository: which files change together, what changed a file, what a ticket changed.

use std::{path::Path, sync::Arc, time::Duration};

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
    /// Name of its author.
    pub author: Box<str>,
    /// First line of its message.
    pub subject: Box<str>,
    /// Tickets that its message names: `ABC-123`, `#123`.
    pub tickets: Vec<Box<str>>,
    /// Paths below the folder that it changed, relative to the folder.
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
    /// How much it is believed that a change of the one goes with a change of the other, 0 to 1.
    pub confidence: f32,
}

/// The recent history, newest commit first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    head: Box<str>,
    commits: Vec<Commit>,
    complete: bool,
}

impl History {
    /// The commit it begins with.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// All commits, newest first.
    pub fn commits(&self) -> &[Commit] {
        &self.commits
    }

    /// Whether it goes back to the first commit; otherwise a limit cut it.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Commits that changed a path, newest first.
    pub fn commits_of<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Commit> {
        self.commits.iter().filter(move |commit| commit.paths.iter().any(|changed| **changed == *path))
    }

    /// Commits whose message names a ticket, newest first; `#12` and `12` mean the same, case does not count.
    pub fn mentioning<'a>(&'a self, ticket: &'a str) -> impl Iterator<Item = &'a Commit> {
        self.commits.iter().filter(move |commit| commit.tickets.iter().any(|named| **named == *ticket))
    }

    /// Files that change together with a path, the surest first.
    pub fn changed_with(&self, path: &str, limit: usize) -> Vec<CoChange> {
        let _ = (path, limit);
        Vec::new()
    }
}

/// Reads the history of the repository that holds a folder, by one `git log`. It is kept until HEAD moves. `None` when
/// the folder is in no repository, the repository has no commit, or there is no git.
pub fn history(folder: &Path, limits: HistoryLimits) -> Option<Arc<History>> {
    let _ = (folder, limits);
    None
}
