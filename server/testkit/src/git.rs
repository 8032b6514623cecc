//! Real git repositories, untouched by the settings of the person who runs the test.

use std::process::{Command, Stdio};

use crate::Workspace;

/// A workspace under git.
pub struct Repository {
    workspace: Workspace,
}

impl std::ops::Deref for Repository {
    type Target = Workspace;

    fn deref(&self) -> &Workspace {
        &self.workspace
    }
}

impl AsRef<Workspace> for Repository {
    fn as_ref(&self) -> &Workspace {
        &self.workspace
    }
}

impl Repository {
    /// Puts a workspace under git, on branch `main`, with everything in it committed.
    pub fn init(workspace: Workspace) -> Self {
        let repository = Self { workspace };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository.commit("first");
        repository
    }

    /// Runs git in the workspace and returns what it printed.
    #[track_caller]
    pub fn git(&self, arguments: &[&str]) -> String {
        let output = command().current_dir(self.workspace.root()).args(arguments).output();
        let output = output.expect("git is installed: the tests of branch switches need it");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {}: {errors}", arguments.join(" "));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Commits all changes, also none, and returns the commit's hash.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"]).trim().to_owned()
    }

    /// Creates a branch at the current commit and switches to it.
    pub fn branch(&self, name: &str) {
        self.git(&["checkout", "--quiet", "-b", name]);
    }

    /// Switches to a branch or commit. Changes of tracked files that are not committed are lost; files that git does
    /// not track stay, unless the target has them.
    pub fn checkout(&self, target: &str) {
        self.git(&["checkout", "--quiet", "--force", target]);
    }

    /// Branches, ordered.
    pub fn branches(&self) -> Vec<String> {
        self.git(&["branch", "--format=%(refname:short)"]).lines().map(str::to_owned).collect()
    }
}

/// git without the settings, hooks and repository of its surroundings.
fn command() -> Command {
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        command.env_remove(name);
    }
    let nothing = if cfg!(windows) { "NUL" } else { "/dev/null" };
    command.env("GIT_CONFIG_GLOBAL", nothing).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "Test").env(format!("GIT_{role}_EMAIL"), "test@example.org");
    }
    command.args(["-c", "gc.auto=0", "-c", "core.autocrlf=false"]).stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_hold_their_own_files() {
        let repository = Repository::init(Workspace::of("//- a.rs\nfn a() {}\n"));
        repository.branch("other");
        repository.write("b.rs", "fn b() {}\n");
        let commit = repository.commit("second");
        repository.checkout("main");
        assert_eq!(repository.files(), ["a.rs"]);
        repository.write("a.rs", "changed");
        repository.checkout(&commit);
        assert_eq!(repository.files(), ["a.rs", "b.rs"]);
        assert_eq!(repository.read("a.rs"), b"fn a() {}\n");
        repository.checkout("main");
        assert_eq!(repository.branches(), ["main", "other"]);
    }
}
