//! What a working tree changed since a revision, line by line.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    ops::Range,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
};

use super::{command, git, hunk, line, run};

/// Why git cannot say what changed. The messages say what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GitError {
    /// There is no git.
    #[error(
        "git is not installed or not on the path, and without it nobody knows what changed; install it, or leave out --changed-since"
    )]
    NoGit,
    /// The folder is in no repository.
    #[error("{0} is in no git repository, so nothing is known of changes; leave out --changed-since")]
    NoRepository(PathBuf),
    /// The revision does not exist.
    #[error("git knows no revision {revision:?} in {folder}")]
    UnknownRevision {
        /// As given.
        revision: String,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The revision does not exist in a clone that was cut off.
    #[error("git knows no revision {0:?} in this shallow clone; fetch it first, as with `git fetch --unshallow`")]
    Shallow(String),
    /// Nobody waits for it any more.
    #[error("git was stopped before it was done")]
    Stopped,
    /// Git failed in another way.
    #[error("git could not compare with {revision:?}: {message}")]
    Failed {
        /// As given.
        revision: String,
        /// What git said.
        message: String,
    },
}

/// What one file has that it had not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileChange {
    /// Lines that are new or different, numbered from 0.
    pub lines: Vec<Range<u32>>,
    /// Whether the file itself is new.
    pub added: bool,
}

impl FileChange {
    /// All of a new file.
    fn whole() -> Self {
        Self { lines: std::iter::once(0..u32::MAX).collect(), added: true }
    }

    /// How many of these lines (numbered from 0) are new or different.
    pub fn count_in(&self, lines: Range<u32>) -> u32 {
        let shared = |range: &Range<u32>| range.end.min(lines.end).saturating_sub(range.start.max(lines.start));
        self.lines.iter().map(shared).sum()
    }
}

/// What a working tree changed since a revision. Paths are relative to the folder that was asked about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files that are there and differ, untracked ones included.
    pub files: BTreeMap<String, FileChange>,
    /// Files that were moved: their path then, and now.
    pub renamed: Vec<(String, String)>,
    /// Files that are gone.
    pub deleted: Vec<String>,
    /// The lines of code that are gone, each without its line break; those of prose are not among them.
    pub removed_lines: Vec<String>,
    /// Files whose former content this clone has not, as it is with partial ones: nothing is known of their changes.
    pub unknown: Vec<String>,
}

/// Reads what changed between a revision and the working tree of a folder, while somebody waits for it.
pub fn changes(folder: &Path, revision: &str, cancel: &AtomicBool) -> Result<Changes, GitError> {
    check(folder, revision)?;
    let failed = |message: String| GitError::Failed { revision: revision.to_owned(), message };
    let mut list = command(folder);
    list.args(["ls-files", "--others", "--exclude-standard", "-z"]);
    let mut output = Vec::new();
    // Both look at every file of the working tree; they do so side by side.
    let (ended, untracked) = std::thread::scope(|scope| {
        let untracked = scope.spawn(|| run::output(&mut list, cancel));
        let mut take = |piece: &[u8]| output.extend_from_slice(piece);
        let ended = run::read(&mut differences(folder, revision, &[]), None, cancel, &mut take);
        (ended, untracked.join().unwrap_or_default())
    });
    let mut ended = ended.ok_or(GitError::NoGit)?;
    let mut unknown = Vec::new();
    if !ended.is_good && !ended.is_cut {
        unknown = missing(folder, revision, cancel);
        if !unknown.is_empty() {
            output.clear();
            let mut take = |piece: &[u8]| output.extend_from_slice(piece);
            let mut known = differences(folder, revision, &unknown);
            ended = run::read(&mut known, None, cancel, &mut take).ok_or(GitError::NoGit)?;
        }
    }
    if ended.is_cut || cancel.load(Ordering::Relaxed) {
        return Err(GitError::Stopped);
    }
    if !ended.is_good {
        return Err(failed(ended.complaint));
    }
    let mut changes = Changes { unknown, ..parse(&String::from_utf8_lossy(&output)) };
    let untracked = untracked.ok_or_else(|| failed("it cannot list untracked files".to_owned()))?;
    for path in untracked.split(|&byte| byte == 0).filter_map(|path| std::str::from_utf8(path).ok()) {
        if !path.is_empty() {
            changes.files.insert(path.to_owned(), FileChange::whole());
        }
    }
    Ok(changes)
}

/// Files that a comparison can leave out: more do not fit into a command.
const MOST_MISSING: usize = 2_000;

/// Files of which this clone has not the content that they have in a revision or in the index; none when they are too many.
fn missing(folder: &Path, revision: &str, cancel: &AtomicBool) -> Vec<String> {
    let ask = |arguments: &[&str]| {
        let mut command = command(folder);
        // Nothing is fetched for a question.
        command.env("GIT_NO_LAZY_FETCH", "1").args(arguments);
        let output = run::output(&mut command, cancel).unwrap_or_default();
        String::from_utf8_lossy(&output).into_owned()
    };
    let objects = ask(&[
        "rev-list", "--objects", "--missing=print", "--no-walk", "--indexed-objects", "--end-of-options", revision,
    ]);
    let missing: HashSet<&str> = objects.lines().filter_map(|line| line.strip_prefix('?')).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    // `<mode> blob <object>` and `<mode> <object> <stage>`, each with a tab and the path behind it.
    let listed = ask(&["ls-tree", "-r", "-z", "--end-of-options", revision]) + &ask(&["ls-files", "--stage", "-z"]);
    let entries = listed.split('\0').filter_map(|entry| entry.split_once('\t'));
    let without = entries.filter(|(entry, _)| entry.split(' ').any(|word| missing.contains(word)));
    let paths: BTreeSet<String> = without.map(|(_, path)| path.to_owned()).collect();
    if paths.len() > MOST_MISSING { Vec::new() } else { paths.into_iter().collect() }
}

/// What prints the difference between a revision and the working tree as a patch, without some paths.
fn differences(folder: &Path, revision: &str, without: &[String]) -> Command {
    let mut command = command(folder);
    command
        .args(["-c", "core.quotepath=off", "diff", "--relative", "--unified=0", "--find-renames", "--no-color"])
        .args(["--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/", "--end-of-options", revision])
        .arg("--")
        .args(without.iter().map(|path| format!(":(exclude,literal){path}")))
        .stderr(std::process::Stdio::piped());
    command
}

/// Whether the folder is in a repository that knows the revision. What is wrong is asked when something is: each question
/// is a process.
fn check(folder: &Path, revision: &str) -> Result<(), GitError> {
    let commit = format!("{revision}^{{commit}}");
    if git(folder, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).is_some() {
        return Ok(());
    }
    if super::version().is_none() {
        return Err(GitError::NoGit);
    }
    let shallow = git(folder, &["rev-parse", "--is-shallow-repository"])
        .and_then(line)
        .ok_or_else(|| GitError::NoRepository(folder.to_owned()))?;
    let revision = revision.to_owned();
    Err(match shallow.as_str() {
        "true" => GitError::Shallow(revision),
        _ => GitError::UnknownRevision { revision, folder: folder.to_owned() },
    })
}

fn parse(diff: &str) -> Changes {
    let mut changes = Changes::default();
    let mut renamed_from = None;
    let mut old_path = None;
    let mut prose = false;
    let mut path: Option<String> = None;
    // Lines of the hunk that are still to come: what looks like a header inside of a hunk is text.
    let mut left = (0, 0);
    for line in diff.split('\n') {
        if left != (0, 0) {
            match line.as_bytes().first() {
                Some(b'-') if left.0 > 0 => {
                    left.0 -= 1;
                    if !prose {
                        changes.removed_lines.push(line[1..].trim_end_matches('\r').to_owned());
                    }
                }
                Some(b'+') if left.1 > 0 => left.1 -= 1,
                _ => {}
            }
        } else if let Some(from) = line.strip_prefix("rename from ") {
            renamed_from = Some(unquoted(from));
        } else if let Some(to) = line.strip_prefix("rename to ") {
            let to = unquoted(to);
            if let Some(from) = renamed_from.take() {
                changes.files.entry(to.clone()).or_default();
                changes.renamed.push((from, to));
            }
        } else if let Some(old) = line.strip_prefix("--- ") {
            old_path = unquoted(old).strip_prefix("a/").map(str::to_owned);
            prose = old_path.as_deref().is_some_and(super::past::is_prose);
        } else if let Some(new) = line.strip_prefix("+++ ") {
            path = unquoted(new).strip_prefix("b/").map(str::to_owned);
            match (&path, old_path.take()) {
                (Some(path), old) => changes.files.entry(path.clone()).or_default().added = old.is_none(),
                (None, Some(old)) => changes.deleted.push(old),
                (None, None) => {}
            }
        } else if let Some(((_, removed), (start, added))) = hunk(line) {
            left = (removed, added);
            if let Some(file) = path.as_ref().and_then(|path| changes.files.get_mut(path))
                && added > 0
            {
                let first = start.saturating_sub(1);
                file.lines.push(first..first.saturating_add(added));
            }
        }
    }
    changes
}

/// A path as git writes it: in quotes with escapes when it holds a quote, a backslash or a control character.
fn unquoted(path: &str) -> String {
    // Git ends a name that holds a space with a tab.
    let path = path.trim_end_matches(['\r', '\t']);
    let Some(inner) = path.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return path.to_owned() };
    let mut plain = String::new();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('t') => plain.push('\t'),
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => {}
            },
            other => plain.push(other),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_read() {
        let diff = "diff --git a/a b.rs b/a b.rs\n--- a/a b.rs\t\n+++ b/a b.rs\t\n@@ -3,2 +3 @@ fn x() {\n--- old\n-y\n+++ new\n@@ -9,0 +9,3 @@\n+1\n+2\n+3\n\
                    diff --git a/gone.rs b/gone.rs\ndeleted file mode 100644\n--- a/gone.rs\n+++ /dev/null\n@@ -1 +0,0 @@\n-fn gone() {}\n\
                    diff --git a/old.rs b/new.rs\nsimilarity index 100%\nrename from old.rs\nrename to new.rs\n\
                    diff --git a/fresh.rs b/fresh.rs\nnew file mode 100644\n--- /dev/null\n+++ b/fresh.rs\n@@ -0,0 +1,2 @@\n+a\n+b\n";
        let changes = parse(diff);
        assert_eq!(changes.files["a b.rs"].lines, [2..3, 8..11]);
        assert_eq!(changes.files["a b.rs"].count_in(0..10), 3);
        assert!(changes.files["fresh.rs"].added && changes.files["fresh.rs"].lines.first() == Some(&(0..2)));
        assert_eq!(changes.deleted, ["gone.rs"]);
        assert_eq!(changes.renamed, [("old.rs".to_owned(), "new.rs".to_owned())]);
        assert_eq!(changes.removed_lines, ["-- old", "y", "fn gone() {}"]);
        assert_eq!(unquoted(r#""a/t\"x\\y""#), r#"a/t"x\y"#);
    }
}
