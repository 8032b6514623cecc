//! What git knows of a workspace, asked of the `git` command. Without git, or outside a repository, nothing is known.

mod changes;
mod history;
mod past;
mod revisions;
mod run;

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::AtomicBool,
};

pub use changes::{Changes, FileChange, GitError, changes};
pub use history::{CoChange, Commit, History, HistoryLimits, history};
pub use past::{Past, defined_name, past, removed_definitions, standing_in};
pub use revisions::{ChangedLines, Export, changed_lines};

/// Runs git in a folder; `None` when it fails.
fn git(folder: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let output = command(folder).args(arguments).output().ok()?;
    output.status.success().then_some(output.stdout)
}

/// Git in a folder, without its locks, pagers and prompts.
fn command(folder: &Path) -> Command {
    let mut command = Command::new("git");
    command
        .arg("-C")
        .arg(folder)
        .args(["--no-optional-locks", "--no-pager", "-c", "core.fsmonitor=false"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    command
}

/// Start and count of lines on both sides of `@@ -12,3 +14 @@ ...`, which begins a hunk of a patch.
fn hunk(line: &str) -> Option<((u32, u32), (u32, u32))> {
    let side = |text: &str| {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, count.parse().ok()?))
    };
    let mut sides = line.strip_prefix("@@ -")?.split(' ');
    Some((side(sides.next()?)?, side(sides.next()?.strip_prefix('+')?)?))
}

fn line(bytes: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(bytes).ok()?;
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Version of the git command.
pub fn version() -> Option<String> {
    git(Path::new("."), &["version"]).and_then(line)
}

/// Whether a repository lacks the commits before some point (`git clone --depth`).
pub fn is_shallow(folder: &Path) -> bool {
    git(folder, &["rev-parse", "--is-shallow-repository"]).and_then(line).is_some_and(|said| said == "true")
}

/// The checked-out branch, or the short hash of a detached commit.
pub fn branch(folder: &Path) -> Option<String> {
    git(folder, &["symbolic-ref", "--quiet", "--short", "HEAD"])
        .and_then(line)
        .or_else(|| git(folder, &["rev-parse", "--short", "HEAD"]).and_then(line))
}

/// The checked-out branch as git's files say it, without a process; `None` where they name none, as of a detached commit.
pub fn branch_in_files(folder: &Path) -> Option<String> {
    let entry = folder.ancestors().map(|folder| folder.join(".git")).find(|entry| entry.exists())?;
    let directory = match std::fs::read_to_string(&entry) {
        // Linked working trees and submodules have a file that names the folder.
        Ok(text) => entry.parent()?.join(text.strip_prefix("gitdir: ")?.trim_end()),
        Err(_) => entry,
    };
    let head = std::fs::read_to_string(directory.join("HEAD")).ok()?;
    let name = head.strip_prefix("ref: refs/heads/")?.trim_end();
    // Where branches are kept in another form, HEAD says this.
    (name != ".invalid").then(|| name.to_owned())
}

/// Addresses of the remotes, without the passwords and names that some of them hold; none once it is cancelled.
pub fn remotes(folder: &Path, cancel: &AtomicBool) -> Vec<String> {
    let mut asked = command(folder);
    let listed = run::output(asked.args(["config", "--get-regexp", r"^remote\..*\.url$"]), cancel).unwrap_or_default();
    let text = String::from_utf8_lossy(&listed);
    text.lines().filter_map(|line| line.split_once(' ')).map(|(_, url)| without_credentials(url)).collect()
}

/// A URL whose user, password, query and fragment are taken out.
fn without_credentials(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or(authority);
    format!("{scheme}://{host}{path}")
}

/// Git's own folder of the working tree that a folder is in, where its HEAD and the lock of its index are.
pub fn directory(folder: &Path) -> Option<PathBuf> {
    let directory = PathBuf::from(line(git(folder, &["rev-parse", "--absolute-git-dir"])?)?);
    Some(directory.canonicalize().unwrap_or(directory))
}

/// Whether a folder is the top of a working tree: of git's, or of Jujutsu's beside it.
pub fn is_top(folder: &Path) -> bool {
    [".git", ".jj"].iter().any(|name| folder.join(name).exists())
}

/// Whether a folder is the top of a working tree or lies in one.
pub fn is_in_repository(folder: &Path) -> bool {
    folder.ancestors().any(is_top)
}

/// The file in which a repository lists, beside `.gitignore`, what git leaves out. It need not exist.
pub(crate) fn excludes(top: &Path) -> Option<PathBuf> {
    Some(top.join(line(git(top, &["rev-parse", "--git-path", "info/exclude"])?)?))
}

/// Paths, relative to the folder, that differ between a revision and the working tree, untracked files included.
/// `None` when the folder is in no repository or the revision is unknown.
pub fn changed_since(folder: &Path, revision: &str) -> Option<Vec<String>> {
    // A revision may not be taken for an option.
    if revision.starts_with('-') {
        return None;
    }
    let changed = git(folder, &["diff", "--name-only", "--relative", "-z", revision, "--"])?;
    let untracked = git(folder, &["ls-files", "--others", "--exclude-standard", "-z"])?;
    let mut paths: Vec<String> = [changed, untracked]
        .iter()
        .flat_map(|list| list.split(|&byte| byte == 0))
        .filter_map(|path| std::str::from_utf8(path).ok())
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    paths.sort_unstable();
    paths.dedup();
    Some(paths)
}

/// Files, relative to the folder, that git tracks in it and in its submodules. Without git none.
pub fn tracked(folder: &Path) -> Vec<String> {
    let list = ["ls-files", "--cached", "-z", "--recurse-submodules"];
    let listed = git(folder, &list).or_else(|| git(folder, &list[..3])).unwrap_or_default();
    let paths = listed.split(|&byte| byte == 0).filter(|path| !path.is_empty());
    paths.filter_map(|path| Some(std::str::from_utf8(path).ok()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::without_credentials;

    #[test]
    fn addresses_hold_no_credentials() {
        for (url, expected) in [
            ("https://user:secret@host.example:8443/a/b.git", "https://host.example:8443/a/b.git"),
            ("https://secret@host.example/a.git?token=secret#secret", "https://host.example/a.git"),
            ("https://u:p@ss@host.example", "https://host.example"),
            ("git@host.example:a/b.git", "git@host.example:a/b.git"),
            ("../other", "../other"),
        ] {
            assert_eq!(without_credentials(url), expected);
        }
    }
}
