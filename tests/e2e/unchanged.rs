//! A run of `conexus index` that has nothing to do ends without opening the index; a run that has something to do opens it.

use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, SystemTime},
};

use conexus_testkit::{Repository, Workspace, wait_for};
use serde_json::Value;

use crate::support::Session;

const DEADLINE: Duration = Duration::from_secs(30);

fn project() -> Session<Repository> {
    let workspace = Workspace::empty();
    for number in 0..20 {
        let text = format!("/// Number {number}.\nfn function_{number}() {{ retry({number}) }}\n");
        workspace.write(&format!("src/f{number}.rs"), text);
    }
    workspace.write("src/large.rs", "fn large() {}\n".repeat(300));
    workspace.write("src/no_text.rs", b"fn\0\x01\x02\0\0\0");
    workspace.write(".hidden/a.rs", "fn hidden() {}\n");
    Session::new(Repository::init(workspace))
}

/// The report of a run with these variables.
#[track_caller]
fn index(session: &Session<Repository>, environment: &[(&str, &str)]) -> Value {
    let mut command = session.command(["index", "--json"]);
    command.envs(environment.iter().copied());
    conexus_testkit::run(command).expect(0).json()
}

/// Runs until nothing is left to do: what changed a moment ago is read once more.
#[track_caller]
fn rest(session: &Session<Repository>) -> Value {
    wait_for("a run with nothing to do", DEADLINE, || {
        let report = session.index();
        (report["unchanged"] == true).then_some(report)
    })
}

/// Makes the next run open the index and changes nothing else, as a process that was killed while it parsed.
fn leave_traces_of_a_kill(index: &Path) {
    fs::write(index.join("crashes/1-0.parsing"), "").expect("a write");
}

/// Writes a text of the same length and gives the file its time back.
#[cfg(unix)]
fn rewrite_unseen(path: &Path) {
    let time = path.metadata().and_then(|file| file.modified()).expect("a time");
    let text = fs::read_to_string(path).expect("a text").replace("retry", "abort");
    fs::write(path, text).expect("a write");
    File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("a time");
}

/// What happens to a workspace or to its index.
type Happens = fn(&Workspace, &Path);

const NOTHING: Happens = |_, _| ();

/// What happens, in words and as what does it, and variables of the run after it.
type Case = (&'static str, Happens, &'static [(&'static str, &'static str)]);

const CASES: &[Case] = &[
    ("a file is edited", |files, _| files.write("src/f0.rs", "fn edited() {}\n"), &[]),
    ("a file is new", |files, _| files.write("src/new.rs", "fn new() {}\n"), &[]),
    ("a file is gone", |files, _| files.remove("src/f1.rs"), &[]),
    ("a file has another name", |files, _| files.rename("src/f2.rs", "src/g2.rs"), &[]),
    #[cfg(unix)]
    ("size and time stay", |files, _| rewrite_unseen(&files.path("src/f3.rs")), &[]),
    ("a text becomes none", |files, _| files.write("src/f4.rs", b"fn\0\x01\x02\0\0\0"), &[]),
    ("a file becomes a text", |files, _| files.write("src/no_text.rs", "fn text() {}\n"), &[]),
    (".gitignore takes a file out", |files, _| files.write(".gitignore", "src/f5.rs\n"), &[]),
    (".conexusignore takes a file out", |files, _| files.write(".conexusignore", "src/f6.rs\n"), &[]),
    ("git excludes a file", |files, _| files.write(".git/info/exclude", "src/f7.rs\n"), &[]),
    ("ignore files do not count", NOTHING, &[("CONEXUS_IGNORE_FILES", "false")]),
    ("hidden files count", NOTHING, &[("CONEXUS_HIDDEN", "true")]),
    ("large files do not count", NOTHING, &[("CONEXUS_MAX_FILE_BYTES", "2000")]),
    ("a process was killed while it parsed", |_, index| leave_traces_of_a_kill(index), &[]),
    ("the catalog has a log", |_, index| fs::write(index.join("catalog.sqlite-wal"), [7; 4096]).expect("a write"), &[]),
    ("the mark is gone", |_, index| fs::remove_file(index.join("conexus-index")).expect("a file"), &[]),
    ("the lexical index is gone", |_, index| fs::remove_dir_all(index.join("lexical")).expect("a folder"), &[]),
    (
        "a part of the lexical index is gone",
        |_, index| {
            let mut parts = fs::read_dir(index.join("lexical")).expect("a folder").flatten().map(|entry| entry.path());
            let terms = parts.find(|path| path.extension().is_some_and(|kind| kind == "term"));
            fs::remove_file(terms.expect("a segment")).expect("a file");
        },
        &[],
    ),
    ("the vectors are gone", |_, index| fs::remove_dir_all(index.join("vectors")).expect("a folder"), &[]),
    (
        "the catalog has another format",
        |_, index| {
            let mut bytes = fs::read(index.join("catalog.sqlite")).expect("a catalog");
            // The version of its user, by SQLite's file format.
            bytes[60..64].copy_from_slice(&99_u32.to_be_bytes());
            fs::write(index.join("catalog.sqlite"), bytes).expect("a write");
        },
        &[],
    ),
    (
        "the catalog is no database",
        |_, index| fs::write(index.join("catalog.sqlite"), [0xff; 9000]).expect("a write"),
        &[],
    ),
    ("the index is gone", |_, index| fs::remove_dir_all(index).expect("a folder"), &[]),
];

#[test]
fn a_run_with_anything_to_do_opens_the_index() {
    let session = project();
    let mut missed = Vec::new();
    rest(&session);
    let folder = session.index_dir();
    for (what, happens, environment) in CASES {
        happens(&session.workspace, &folder);
        if index(&session, environment)["unchanged"] != false {
            missed.push(*what);
        }
        rest(&session);
    }
    assert!(missed.is_empty(), "the index was not opened when {}", missed.join(", when "));
    session.expect_like_fresh("after all of it");
}

#[test]
fn missing_vectors_are_not_passed_over() {
    let session = project();
    rest(&session);
    session.workspace.write("src/late.rs", "/// Waits for the quokka.\nfn late() {}\n");
    index(&session, &[("CONEXUS_EMBEDDING", "off")]);
    // Now without one that changed a moment ago.
    wait_for("an index of words", DEADLINE, || {
        (index(&session, &[("CONEXUS_EMBEDDING", "off")])["unchanged"] == true).then_some(())
    });
    assert_eq!(session.index()["unchanged"], false);
    rest(&session);
    session.expect_like_fresh("after words alone");
}

/// Such a time says nothing of when a file changes next.
#[test]
fn a_file_from_the_future_is_read_each_time() {
    let session = project();
    rest(&session);
    let file = File::options().write(true).open(session.workspace.path("src/f0.rs")).expect("a file");
    file.set_modified(SystemTime::now() + Duration::from_hours(1)).expect("a time");
    for _ in 0..3 {
        let report = session.index();
        assert_eq!((&report["unchanged"], &report["updated"]), (&false.into(), &0.into()), "{report:#}");
    }
}

#[test]
fn another_owner_is_asked_and_not_passed_by() {
    let session = project();
    rest(&session);
    let lock = File::options().write(true).open(session.index_dir().join("lock")).expect("a lock");
    lock.try_lock().expect("nobody has it");
    let report = session.index();
    assert_eq!((&report["unchanged"], &report["follows"]), (&false.into(), &true.into()), "{report:#}");
    drop(lock);
    assert_eq!(session.index()["unchanged"], true);
}

#[test]
fn a_run_with_nothing_to_do_says_what_one_that_opens_the_index_says() {
    let session = project();
    rest(&session);
    let folder = session.index_dir();
    let catalog = || fs::read(folder.join("catalog.sqlite")).expect("a catalog");
    let before = catalog();
    let plain = |mut report: Value| {
        for varies in ["unchanged", "elapsed_ms", "walk_ms"] {
            report.as_object_mut().and_then(|report| report.remove(varies)).expect(varies);
        }
        report
    };
    let report = session.index();
    assert_eq!(report["unchanged"], true, "{report:#}");
    assert!(report["walk_ms"].as_f64() > Some(0.0), "{report:#}");
    let is_told = |skip: &Value| skip["examples"] == serde_json::json!(["src/no_text.rs"]);
    assert!(report["skipped"].as_array().is_some_and(|all| all.iter().any(is_told)), "{report:#}");
    let text = session.run(["index"]).expect(0);
    assert!(text.stdout.contains("; nothing changed in "), "{text}");
    session.run(["search", "retry"]).expect(0);
    assert_eq!(session.index()["unchanged"], true);
    assert!(catalog() == before, "it was written to");
    leave_traces_of_a_kill(&folder);
    let opened = session.index();
    assert_eq!(opened["unchanged"], false, "{opened:#}");
    assert_eq!(plain(report), plain(opened));
    assert_eq!(session.run(["index", "--json", "--force"]).expect(0).json()["unchanged"], false);
}
