//! Committed revisions: their files in a folder of their own, and the lines that a commit changed.

use std::path::{Path, PathBuf};

use super::{command, directory, hunk};

/// A folder that holds the files of one revision after another. The repository, its working tree and its index stay as
/// they are.
#[derive(Clone, Debug)]
pub struct Export {
    git: PathBuf,
    folder: PathBuf,
    index: PathBuf,
}

impl Export {
    /// Exports the repository around a folder to an empty folder that exists; what git has to remember of it goes to the
    /// file `index`, outside of it. `None` when there is no repository.
    pub fn new(repository: &Path, folder: &Path, index: &Path) -> Option<Self> {
        Some(Self { git: directory(repository)?, folder: folder.to_owned(), index: index.to_owned() })
    }

    /// Makes the folder hold the files of a revision; only what differs from the one before is written. Says whether git
    /// could.
    #[must_use]
    pub fn show(&self, revision: &str) -> bool {
        // Filters of the repository's attributes are programs; nothing of them is needed to read code.
        command(&self.folder)
            .args(["-c", "core.hooksPath=/dev/null", "-c", "filter.lfs.smudge=", "-c", "filter.lfs.process="])
            .args(["-c", "filter.lfs.required=false", "-c", "core.autocrlf=false"])
            .arg("--git-dir")
            .arg(&self.git)
            .arg("--work-tree")
            .arg(&self.folder)
            .args(["read-tree", "-u", "--reset"])
            .arg(format!("{revision}^{{tree}}"))
            .env("GIT_INDEX_FILE", &self.index)
            .env("GIT_NO_LAZY_FETCH", "1")
            .status()
            .is_ok_and(|status| status.success())
    }
}

/// Lines of a file before a commit that the commit changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedLines {
    /// Relative to the top of the repository.
    pub path: String,
    /// Ranges of lines from 0. An empty one says that lines were added before its start.
    pub ranges: Vec<std::ops::Range<u32>>,
}

/// What a commit changed in files that were there before and after it, against its first parent. `None` when git knows no
/// such commit or it has no parent.
pub fn changed_lines(repository: &Path, commit: &str) -> Option<Vec<ChangedLines>> {
    let output = command(repository)
        .args(["-c", "core.quotePath=false", "diff-tree", "-r", "-p", "-U0", "--no-color", "--no-ext-diff"])
        .args(["--no-textconv", "--no-renames", "--diff-filter=M", "--src-prefix=a/", "--dst-prefix=b/"])
        .args([format!("{commit}^1"), commit.to_owned()])
        .arg("--")
        .output()
        .ok()?;
    output.status.success().then(|| parse(&String::from_utf8_lossy(&output.stdout)))
}

fn parse(patch: &str) -> Vec<ChangedLines> {
    let mut changed: Vec<ChangedLines> = Vec::new();
    // Lines of a hunk that are still to come; they may look like anything.
    let mut left = 0;
    for line in patch.lines() {
        if left > 0 {
            // "\ No newline at end of file" counts for no line.
            left -= u32::from(!line.starts_with('\\'));
        } else if let Some(path) = line.strip_prefix("--- a/") {
            changed.push(ChangedLines { path: path.trim_end_matches('\t').to_owned(), ranges: Vec::new() });
        } else if let Some((old, new)) = hunk(line)
            && let Some(file) = changed.last_mut()
        {
            // git counts lines from 1, and names the line before when nothing was there.
            let start = if old.1 == 0 { old.0 } else { old.0.saturating_sub(1) };
            file.ranges.push(start..start + old.1);
            left = old.1 + new.1;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks_are_ranges_of_old_lines() {
        let patch = "diff --git a/src/a b.rs b/src/a b.rs\n--- a/src/a b.rs\t\n+++ b/src/a b.rs\t\n@@ -3 +3,2 @@ fn a() {\n\
                     --- a/no/path\n+new\n+more\n@@ -9,0 +11 @@\n+added\n\\ No newline at end of file\n\
                     --- a/x.rs\n+++ b/x.rs\n@@ -1,2 +0,0 @@\n-a\n-b\n";
        let changed: Vec<_> = parse(patch).iter().map(|file| format!("{} {:?}", file.path, file.ranges)).collect();
        assert_eq!(changed, ["src/a b.rs [2..3, 9..9]", "x.rs [0..2]"]);
    }
}
