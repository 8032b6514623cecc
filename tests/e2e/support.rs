//! What the end-to-end tests share: a workspace with the program beside it, and what an index answers as one value.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use conexus_testkit::{Program, Run, Workspace};
use serde_json::{Value, json};

/// The built program with a home of its own.
pub(crate) fn conexus() -> Program {
    Program::new(env!("CARGO_BIN_EXE_conexus"))
}

/// A user, and files of other programs by their places below the home that the program is given.
pub(crate) struct User {
    pub(crate) program: Program,
}

impl User {
    pub(crate) fn new() -> Self {
        Self { program: conexus() }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.program.home().join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }

    /// Empty when there is none.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap_or_default()
    }
}

/// A workspace, and the program that indexes it.
pub(crate) struct Session<W = Workspace> {
    pub(crate) program: Program,
    pub(crate) workspace: W,
}

impl<W: AsRef<Workspace>> Session<W> {
    /// Nothing is indexed yet.
    pub(crate) fn new(workspace: W) -> Self {
        Self { program: conexus(), workspace }
    }

    fn root(&self) -> &Path {
        self.workspace.as_ref().root()
    }

    /// A command for this workspace.
    pub(crate) fn command<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Command {
        let mut command = self.program.command(self.root());
        command.arg("--workspace").arg(self.root()).args(arguments);
        command
    }

    /// Runs a command for this workspace.
    #[track_caller]
    pub(crate) fn run<I: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = I>) -> Run {
        conexus_testkit::run(self.command(arguments))
    }

    /// Brings the index up to date and returns the report.
    #[track_caller]
    pub(crate) fn index(&self) -> Value {
        self.run(["index", "--json"]).expect(0).json()
    }

    /// Searches and returns the answer; a search without a hit is no failure.
    #[track_caller]
    pub(crate) fn search(&self, query: &str) -> Value {
        self.run(["search", "--json", "--", query]).expect_any(&[0, 1]).json()
    }

    /// Paths of the hits of a query, best first.
    #[track_caller]
    pub(crate) fn paths(&self, query: &str) -> Vec<String> {
        paths(&self.search(query))
    }

    /// Where this workspace's index lies.
    pub(crate) fn index_dir(&self) -> PathBuf {
        let status = self.run(["status", "--json"]).expect_any(&[0, 1]).json();
        PathBuf::from(status["index_dir"].as_str().expect("status names the folder of the index"))
    }

    /// What the index answers, without looking at the files first.
    #[track_caller]
    pub(crate) fn state(&self) -> Value {
        self.state_at(None)
    }

    /// Demands that the index as it is answers like one built from scratch, and that the program finds so itself.
    #[track_caller]
    pub(crate) fn expect_like_fresh(&self, when: &str) {
        let fresh = tempfile::tempdir().expect("a temporary folder");
        let mut command = self.command(["index", "--quiet", "--index-dir"]);
        command.arg(fresh.path().join("index"));
        conexus_testkit::run(command).expect(0);
        let (kept, fresh) = (self.state(), self.state_at(Some(&fresh.path().join("index"))));
        assert!(kept == fresh, "{when}: it does not answer like a fresh one\n{}", first_difference("", &kept, &fresh));
        let verified = self.run(["verify"]).expect_any(&[0, 1]);
        assert_eq!(verified.status.code(), Some(0), "{when}: {verified}");
    }

    #[track_caller]
    fn state_at(&self, index_dir: Option<&Path>) -> Value {
        let run = |arguments: &[&str]| {
            let mut command = self.command(arguments);
            if let Some(folder) = index_dir {
                command.arg("--index-dir").arg(folder);
            }
            conexus_testkit::run(command).expect_any(&[0, 1]).json()
        };
        let status = run(&["status", "--json"]);
        let symbols = run(&["symbols", "--json", "--limit", "100000"]);
        let mut rows = symbols["symbols"].as_array().expect("symbols are listed").clone();
        rows.sort_by_key(ToString::to_string);
        let answers: Vec<Value> = STATE_QUERIES
            .iter()
            .map(|(query, mode)| {
                let answer = run(&["search", "--json", "--no-index", "--limit", "50", "--mode", mode, query]);
                json!({ "query": query, "hits": plain_hits(&answer), "searched": answer["searched_chunks"], "more": answer["more"] })
            })
            .collect();
        json!({
            "files": status["files"],
            "chunks": status["chunks"],
            "vectors": status["vectors"],
            "languages": status["languages"],
            "symbols": rows,
            "answers": answers,
        })
    }
}

/// Whoever may read everything, as root may, gets the program as somebody who may not: it and all it needs belongs to
/// that user then.
#[cfg(unix)]
pub(crate) fn as_somebody_without_rights(
    session: &mut Session,
    forbidden: &str,
) -> impl Fn(&Session, &[&str]) -> Run + use<> {
    use std::os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    };
    /// "nobody" on most systems; it need not have a name.
    const NOBODY: u32 = 65_534;
    let is_root = std::fs::File::open(session.workspace.path(forbidden)).is_ok();
    if is_root {
        let file = session.program.home().join("conexus");
        let built = env!("CARGO_BIN_EXE_conexus");
        std::fs::hard_link(built, &file).or_else(|_| std::fs::copy(built, &file).map(drop)).expect("the program");
        for folder in [session.program.home(), session.workspace.root()] {
            std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).expect("a mode");
            chown(folder, Some(NOBODY), Some(NOBODY)).expect("an owner");
        }
        chown(session.program.home().join("user"), Some(NOBODY), Some(NOBODY)).expect("an owner");
        session.program.set_file(file);
    }
    move |session: &Session, arguments: &[&str]| {
        let mut command = session.command(arguments);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        conexus_testkit::run(command)
    }
}

/// Queries whose answers make up the state of an index; their words are those of the random edits.
pub(crate) const STATE_QUERIES: &[(&str, &str)] = &[
    ("calls connect and waits", "auto"),
    ("QueueWorker", "symbol"),
    ("parse_header value count", "keyword"),
    ("where is the result of a handler kept", "meaning"),
];

/// Hits without what may differ between two equal indexes. Scores are compared to four digits: sums of floating-point
/// numbers depend on their order in the last bits.
fn plain_hits(answer: &Value) -> Vec<Value> {
    let hits = answer["hits"].as_array().expect("an answer has hits");
    hits.iter()
        .map(|hit| {
            let mut hit = hit.clone();
            let score = hit["score"].as_f64().expect("a hit has a score");
            hit["score"] = json!(format!("{score:.4}"));
            hit
        })
        .collect()
}

/// Paths of the hits of an answer, best first.
pub(crate) fn paths(answer: &Value) -> Vec<String> {
    let hits = answer["hits"].as_array().expect("an answer has hits");
    hits.iter().map(|hit| hit["path"].as_str().expect("a hit has a path").to_owned()).collect()
}

/// The kinds of notices of an answer.
pub(crate) fn notices(answer: &Value) -> Vec<&str> {
    let notices = answer["notices"].as_array().expect("an answer has notices");
    notices.iter().map(|notice| notice["kind"].as_str().expect("a notice has a kind")).collect()
}

/// The first place at which two values differ, for a message that a person can read.
fn first_difference(at: &str, kept: &Value, fresh: &Value) -> String {
    match (kept, fresh) {
        (Value::Object(kept), Value::Object(fresh)) => {
            if kept.contains_key("hits") && kept.get("hits") != fresh.get("hits") {
                return different_hits(at, &kept["hits"], &fresh["hits"]);
            }
            let differing = kept.iter().find(|(key, value)| fresh.get(*key) != Some(value));
            differing.map_or_else(
                || format!("{at}: other keys"),
                |(key, value)| first_difference(&format!("{at}/{key}"), value, fresh.get(key).unwrap_or(&Value::Null)),
            )
        }
        (Value::Array(kept), Value::Array(fresh)) => {
            let get = |values: &[Value], index: usize| values.get(index).cloned().unwrap_or(Value::Null);
            let differing =
                (0..kept.len().max(fresh.len())).find(|&index| kept.get(index) != fresh.get(index)).unwrap_or(0);
            let lengths = format!("{} against {}", kept.len(), fresh.len());
            first_difference(&format!("{at}({lengths})/{differing}"), &get(kept, differing), &get(fresh, differing))
        }
        _ => format!("at {at}\nkept:  {kept}\nfresh: {fresh}"),
    }
}

/// Two lists of hits side by side from shortly before their first difference.
fn different_hits(at: &str, kept: &Value, fresh: &Value) -> String {
    let row = |hit: Option<&Value>| {
        hit.map_or_else(String::new, |hit| {
            format!("{} {}:{} {}", hit["score"], hit["path"], hit["start_line"], hit["name"])
        })
    };
    let (kept, fresh) = (kept.as_array().expect("hits"), fresh.as_array().expect("hits"));
    let first = (0..kept.len().max(fresh.len())).find(|&index| kept.get(index) != fresh.get(index)).unwrap_or(0);
    let rows = first.saturating_sub(2)..first + 8;
    let rows: Vec<_> =
        rows.map(|index| format!("{index:>3}  {:<60} {}", row(kept.get(index)), row(fresh.get(index)))).collect();
    format!("at {at}, hits kept and fresh:\n{}", rows.join("\n"))
}

/// Programs of which the system takes something away.
#[cfg(target_os = "linux")]
pub(crate) mod namespaces {
    use std::{
        path::Path,
        process::{Command, Stdio},
    };

    /// A command in which a shell script runs before the program does, as root of a user and a mount namespace of its own.
    /// `None` where the system allows no such namespaces; in CI on Debian that is a failure.
    pub(crate) fn within(inner: &Command, script: &str) -> Option<Command> {
        let namespaces = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"];
        let possible = Command::new(namespaces[0]).args(&namespaces[1..]).arg("true").output();
        if possible.is_ok_and(|output| output.status.success()) {
            return Some(wrapped(inner, &namespaces, script));
        }
        let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let is_debian = system.lines().any(|line| line == "ID=debian");
        assert!(!(is_ci && is_debian), "CI on Debian must have user namespaces");
        eprintln!("skipped: this system allows no user namespaces");
        None
    }

    /// The script that makes a folder read-only.
    pub(crate) fn read_only(folder: &Path) -> String {
        format!("mount --bind '{0}' '{0}' && mount -o remount,bind,ro '{0}'", folder.display())
    }

    /// The same command behind a shell script.
    pub(crate) fn wrapped(inner: &Command, before: &[&str], script: &str) -> Command {
        let mut command = Command::new(before[0]);
        command
            .args(&before[1..])
            .arg(format!("{script} && exec \"$0\" \"$@\""))
            .arg(inner.get_program())
            .args(inner.get_args());
        command.env_clear().stdin(Stdio::null());
        for (name, value) in inner.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        if let Some(folder) = inner.get_current_dir() {
            command.current_dir(folder);
        }
        command
    }
}
