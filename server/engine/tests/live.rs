//! A live workspace follows buffers, the disk and git, and answers like a fresh index.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    ops::Range,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use conexus_core::{Mode, Notice, Query};
use conexus_engine::{
    Host, IndexDir, Location, Settings, Snapshot, difference,
    live::{Activity, Buffer, Live, Role},
};
use conexus_testkit::{
    Edit, Pick, Repository, Workspace, check_random, edits, picks, typed_over, typed_texts, wait_for, wait_until,
};
use proptest::prelude::*;
use ropey::Rope;

const DEADLINE: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_secs(5);

const START: &str = r"
//- src/alpha.rs
//! The first file.

/// Waits for the queue.
pub fn wait_for_queue(count: u32) -> u32 {
    connect_socket(count)
}
//- src/net/beta.py
def connect_socket(count):
    return count + 1
//- docs/gamma.md
# The retry of a handler

How a handler keeps its value.
";

struct Session<W> {
    files: W,
    cache: tempfile::TempDir,
    live: Live,
}

fn session_of<W: AsRef<Workspace>>(files: W) -> Session<W> {
    let cache = tempfile::tempdir().unwrap();
    let live = start(files.as_ref().root(), cache.path());
    Session { files, cache, live }
}

fn start(root: &Path, index_dir: &Path) -> Live {
    let location = Location::of(root, &IndexDir::At(index_dir.to_owned())).unwrap();
    Live::start(location, Settings { threads: 1, ..Settings::default() }, Arc::new(|_| ()))
}

fn session() -> Session<Workspace> {
    session_of(Workspace::of(START))
}

impl<W> Session<W> {
    fn idle(&self) {
        wait_for("the index to be complete", DEADLINE, || {
            (self.live.status().activity == Activity::Idle).then_some(())
        });
    }

    fn now(&self) -> Snapshot {
        self.live.current(SOON).unwrap()
    }

    fn set(&self, path: &str, text: &str) {
        let language = path.starts_with("untitled:").then(|| "rust".to_owned());
        self.live.set_buffer(path, Buffer { text: Rope::from_str(text), version: 1, language });
    }

    /// Waits until the name is found in these files alone.
    #[track_caller]
    fn eventually(&self, name: &str, expected: &[&str]) {
        wait_until(DEADLINE, || match found(&self.now(), name) {
            paths if paths == expected => Ok(()),
            paths => Err(format!("{name} in {expected:?}, it is in {paths:?}; {:?}", self.live.status())),
        });
    }
}

/// The files that define a name.
fn found(snapshot: &Snapshot, name: &str) -> Vec<String> {
    let query = Query { mode: Mode::Symbol, ..Query::new(name) };
    let answer = snapshot.search(&query, &AtomicBool::new(false)).unwrap();
    let mut paths: Vec<_> =
        answer.hits.into_iter().filter(|hit| &*hit.name == name).map(|hit| hit.path.into_string()).collect();
    paths.sort();
    paths
}

#[test]
fn a_buffer_stands_for_its_file_at_once() {
    let session = session();
    session.idle();
    assert_eq!(found(&session.now(), "wait_for_queue"), ["src/alpha.rs"]);
    session.set("src/alpha.rs", "pub fn empty_the_bucket() {}\n");
    let now = session.now();
    assert_eq!((found(&now, "empty_the_bucket").len(), found(&now, "wait_for_queue").len()), (1, 0));
    assert_eq!(now.buffers().count(), 1);
    assert_eq!(&*now.text("src/alpha.rs").unwrap().text, "pub fn empty_the_bucket() {}\n");
    // Meaning and words see it too.
    let answer = now.search(&Query::new("function that drains a bucket"), &AtomicBool::new(false)).unwrap();
    assert_eq!(&*answer.hits[0].name, "empty_the_bucket", "{answer:#?}");
    session.live.close_buffer("src/alpha.rs");
    session.eventually("wait_for_queue", &["src/alpha.rs"]);
    assert_eq!(found(&session.now(), "empty_the_bucket"), [""; 0]);
}

#[test]
fn a_saved_buffer_is_no_longer_laid_over() {
    let session = session();
    session.idle();
    let text = "pub fn empty_the_bucket() {}\n";
    session.set("src/alpha.rs", text);
    assert_eq!(session.now().buffers().count(), 1);
    session.files.write("src/alpha.rs", text);
    session.live.disk_changed(["src/alpha.rs".to_owned()]);
    wait_for("the index to hold the buffer", DEADLINE, || (session.now().buffers().count() == 0).then_some(()));
    assert_eq!(found(&session.now(), "empty_the_bucket"), ["src/alpha.rs"]);
}

/// Nobody tells of these: the watcher must see them.
#[test]
fn changes_on_disk_are_seen() {
    let session = session();
    session.idle();
    let files = &session.files;
    files.write("src/alpha.rs", "fn painted_door() {}\n");
    session.eventually("painted_door", &["src/alpha.rs"]);
    files.write("src/new/deep/file.go", "package deep\n\nfunc paintedDoor() {}\n");
    session.eventually("paintedDoor", &["src/new/deep/file.go"]);
    files.write("src/new/deep/other.go", "package deep\n\nfunc secondDoor() {}\n");
    session.eventually("secondDoor", &["src/new/deep/other.go"]);
    files.rename("src/new", "lib");
    session.eventually("paintedDoor", &["lib/deep/file.go"]);
    files.write("lib/deep/file.go", "package deep\n\nfunc thirdDoor() {}\n");
    session.eventually("thirdDoor", &["lib/deep/file.go"]);
    session.eventually("paintedDoor", &[]);
    files.remove("lib/deep/file.go");
    session.eventually("thirdDoor", &[]);
    files.write(".gitignore", "lib/\n");
    session.eventually("secondDoor", &[]);
    files.write("lib/deep/last.go", "package deep\n\nfunc fourthDoor() {}\n");
    files.write(".gitignore", "");
    session.eventually("fourthDoor", &["lib/deep/last.go"]);
    session.eventually("secondDoor", &["lib/deep/other.go"]);
    // What is ignored changes where a repository begins.
    files.write(".gitignore", "deep/\n");
    session.eventually("secondDoor", &[]);
    files.write("lib/.git/HEAD", "ref: refs/heads/main\n");
    session.eventually("secondDoor", &["lib/deep/other.go"]);
}

#[cfg(unix)]
#[test]
fn nothing_outside_the_workspace_is_read() {
    let session = session();
    session.idle();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret.py");
    std::fs::write(&secret, "outside = 1\n").unwrap();
    let now = session.now();
    std::fs::remove_file(session.files.path("src/net/beta.py")).unwrap();
    std::os::unix::fs::symlink(&secret, session.files.path("src/net/beta.py")).unwrap();
    assert!(now.text("src/net/beta.py").is_err(), "a link took its place");
    for path in [secret.to_str().unwrap(), "../root/src/alpha.rs", "src/../../root/src/alpha.rs", "src/net/beta.py/.."]
    {
        let error = now.file(path).err().unwrap().to_string();
        assert!(error.contains("there is no such file"), "{path}: {error}");
    }
}

#[test]
fn a_buffer_outlives_its_folder() {
    let session = session();
    session.idle();
    session.set("src/alpha.rs", "fn painted_door() {}\n");
    assert_eq!(found(&session.now(), "painted_door"), ["src/alpha.rs"]);
    std::fs::remove_dir_all(session.files.path("src")).unwrap();
    session.eventually("connect_socket", &[]);
    session.eventually("painted_door", &["src/alpha.rs"]);
    assert_eq!(&*session.now().text("src/alpha.rs").unwrap().text, "fn painted_door() {}\n");
    session.live.close_buffer("src/alpha.rs");
    session.eventually("painted_door", &[]);
}

#[test]
fn files_that_changed_are_remembered() {
    let session = session();
    session.idle();
    assert!(session.live.recently_changed().is_empty());
    session.files.write("docs/gamma.md", "# Another title\n");
    session.files.write("src/new/file.rs", "fn painted_door() {}\n");
    session.eventually("painted_door", &["src/new/file.rs"]);
    session.files.write("src/alpha.rs", "fn blue_lantern() {}\n");
    session.eventually("blue_lantern", &["src/alpha.rs"]);
    wait_for("the files to be remembered", DEADLINE, || {
        let changed = session.live.recently_changed();
        (changed.len() == 3 && changed[0] == "src/alpha.rs").then_some(())
    });
}

#[test]
fn what_is_not_indexed_is_not_searched_as_a_buffer() {
    let session = session();
    session.files.write(".gitignore", "build/\n");
    session.files.write("build/out.rs", "fn blue_lantern() {}\n");
    session.files.write(".env", "BLUE_LANTERN=1\n");
    session.idle();
    session.set("build/out.rs", "fn blue_lantern() { green() }\n");
    session.set("build/unsaved.rs", "fn blue_lantern() {}\n");
    session.set(".env", "fn blue_lantern() {}\n");
    session.set(".hidden/a.rs", "fn blue_lantern() {}\n");
    session.set("src/huge.rs", &"fn blue_lantern() {}\n".repeat(200_000));
    assert_eq!(found(&session.now(), "blue_lantern"), [""; 0]);
    session.set("src/unsaved.rs", "fn blue_lantern() {}\n");
    session.set("untitled:Untitled-1", "fn blue_lantern() {}\n");
    assert_eq!(found(&session.now(), "blue_lantern"), ["src/unsaved.rs", "untitled:Untitled-1"]);
    // A file that is taken in while its buffer is open.
    session.files.write(".gitignore", "");
    session.eventually("blue_lantern", &["build/out.rs", "build/unsaved.rs", "src/unsaved.rs", "untitled:Untitled-1"]);
}

/// The system's watches are those of a folder, whatever its name is later.
#[test]
fn a_workspace_that_goes_and_comes_is_followed() {
    let session = session();
    session.idle();
    let root = session.files.root();
    let aside = root.with_extension("aside");
    let without_events = |exchange: &dyn Fn()| {
        exchange();
        session.files.write("src/alpha.rs", "fn painted_door() {}\n");
        session.eventually("painted_door", &["src/alpha.rs"]);
        session.files.write("src/alpha.rs", START.split("//- src/net").next().unwrap());
        session.eventually("painted_door", &[]);
        session.idle();
        assert_eq!(session.live.status().fault, None);
    };
    without_events(&|| {
        std::fs::rename(root, &aside).unwrap();
        std::fs::create_dir(root).unwrap();
    });
    without_events(&|| {
        std::fs::remove_dir_all(root).unwrap();
        wait_for("the loss to be told", DEADLINE, || {
            session.live.status().fault.filter(|fault| fault.contains("is gone"))
        });
        assert!(session.now().notices().contains(&Notice::Detached));
        std::fs::rename(&aside, root).unwrap();
    });
    session.eventually("connect_socket", &["src/net/beta.py"]);
}

/// A checkout is one batch, a rebase too, and what an earlier one had is taken over without being analysed.
#[test]
fn a_checkout_is_followed_as_one() {
    const FILES: u64 = 5_000;
    const COMMITS: u64 = 5;
    let files = Repository::init(Workspace::of(START));
    let path = |number: u64| format!("src/{}/f{number}.rs", number % 50);
    let write = |name: &str| {
        for number in 0..FILES {
            files.write(&path(number), format!("fn {name}_{number}() {{}}\n"));
        }
        files.commit(name);
    };
    write("painted");
    files.branch("other");
    write("lantern");
    files.checkout("main");
    files.branch("ahead");
    for number in 0..COMMITS {
        files.write(&format!("src/ahead_{number}.rs"), format!("fn ahead_{number}() {{}}\n"));
        files.commit("ahead");
    }
    files.checkout("other");
    let session = session_of(files);
    let eventually = |name: &str, expected: &str| {
        wait_until(12 * DEADLINE, || match found(&session.now(), name) {
            paths if paths == [expected] => Ok(()),
            paths => Err(format!("{name} in {expected}, it is in {paths:?}; {:?}", session.live.status())),
        });
    };
    eventually(&format!("lantern_{}", FILES - 1), &path(FILES - 1));
    session.idle();
    let state = || (session.live.status().batches, session.live.status().analysed);
    let git = |what: &[&str]| drop(session.files.git(what));
    let (checkout, rebase): (&[&str], &[&str]) = (&["checkout", "--quiet"], &["rebase", "--quiet"]);
    for (step, (how, branch, name, analysed)) in [
        (checkout, "main", "painted", FILES),
        (checkout, "other", "lantern", 0),
        (checkout, "main", "painted", 0),
        (checkout, "ahead", "painted", COMMITS),
        (rebase, "other", "lantern", 0),
        (checkout, "main", "painted", 0),
    ]
    .into_iter()
    .enumerate()
    {
        let before = state();
        git(&[how, &[branch]].concat());
        for number in [0, FILES - 1] {
            eventually(&format!("{name}_{number}"), &path(number));
        }
        if branch == "ahead" || how == rebase {
            let last = COMMITS - 1;
            eventually(&format!("ahead_{last}"), &format!("src/ahead_{last}.rs"));
        }
        // Known last, so that all that was told before is known too. It comes whole, so that it is seen once.
        session.files.write(".git/mark", format!("fn mark_{step}() {{}}\n"));
        session.files.rename(".git/mark", "src/mark.rs");
        eventually(&format!("mark_{step}"), "src/mark.rs");
        wait_for("the mark to be remembered", DEADLINE, || {
            (session.live.recently_changed().first()? == "src/mark.rs").then_some(())
        });
        let now = state();
        let batches = now.0 - before.0 - 1;
        assert_eq!(batches, 1, "batches for {how:?} {branch}, step {step}");
        assert_eq!(now.1 - before.1 - 1, analysed, "files analysed for {how:?} {branch}");
        assert_eq!(session.live.recently_changed().len(), 50);
    }
}

#[test]
fn a_second_process_follows_and_takes_over() {
    let first = session();
    first.idle();
    let follower =
        Session { files: (), cache: tempfile::tempdir().unwrap(), live: start(first.files.root(), first.cache.path()) };
    follower.idle();
    assert_eq!(follower.live.status().role, Role::Follower);
    follower.eventually("wait_for_queue", &["src/alpha.rs"]);
    first.files.write("src/alpha.rs", "fn painted_door() {}\n");
    follower.eventually("painted_door", &["src/alpha.rs"]);
    // Its own buffers are laid over what it follows.
    follower.set("src/alpha.rs", "fn blue_lantern() {}\n");
    assert_eq!(found(&follower.now(), "blue_lantern"), ["src/alpha.rs"]);
    follower.live.close_buffer("src/alpha.rs");
    let Session { files, cache: _cache, live } = first;
    live.stop();
    wait_for("the follower to take over", DEADLINE, || (follower.live.status().role == Role::Owner).then_some(()));
    files.write("src/alpha.rs", "fn yellow_submarine() {}\n");
    follower.eventually("yellow_submarine", &["src/alpha.rs"]);
}

/// The owner commits it a moment later, and the follower sees that a moment after that.
#[test]
fn a_text_that_was_saved_and_closed_is_shown_at_once() {
    let owner = session();
    owner.idle();
    let follower =
        Session { files: (), cache: tempfile::tempdir().unwrap(), live: start(owner.files.root(), owner.cache.path()) };
    follower.idle();
    let mut last = "wait_for_queue".to_owned();
    let close = |live: &Live, name: &str, is_analysed: bool| {
        let text = format!("pub fn {name}() {{}}\n");
        live.set_buffer("src/alpha.rs", Buffer { text: Rope::from_str(&text), version: 1, language: None });
        if is_analysed {
            live.current(SOON).unwrap();
        }
        owner.files.write("src/alpha.rs", &text);
        live.disk_changed(["src/alpha.rs".to_owned()]);
        live.close_buffer("src/alpha.rs");
        live.current(SOON).unwrap()
    };
    for number in 0..5 {
        for (who, live) in [("owner", &owner.live), ("follower", &follower.live)] {
            let name = format!("{who}_{number}");
            let now = close(live, &name, number > 0);
            assert_eq!((found(&now, &name), found(&now, &last)), (vec!["src/alpha.rs".to_owned()], Vec::new()));
            assert_eq!((now.buffers().count(), live.status().buffers), (0, 0), "it is not open");
            owner.eventually(&name, &["src/alpha.rs"]);
            follower.eventually(&name, &["src/alpha.rs"]);
            last = name;
        }
    }
    // Of two that are saved one after the other the first does not come back on the way.
    for number in 0..20 {
        let (first, second) = (format!("first_{number}"), format!("second_{number}"));
        close(&owner.live, &first, true);
        std::thread::sleep(Duration::from_millis(number * 3));
        close(&owner.live, &second, true);
        let until = Instant::now() + Duration::from_millis(150);
        while Instant::now() < until {
            let now = owner.live.current(SOON).unwrap();
            assert_eq!((found(&now, &first).len(), found(&now, &second).len()), (0, 1), "{number}");
        }
        last = second;
    }
    let generation = |live: &Live| live.current(SOON).unwrap().generation();
    wait_for("the owner's last commit", DEADLINE, || {
        (generation(&follower.live) == generation(&owner.live)).then_some(())
    });
    // What was not saved is not shown, and what nobody takes into the index not for ever.
    follower.set("src/alpha.rs", "pub fn never_saved() {}\n");
    follower.now();
    follower.live.close_buffer("src/alpha.rs");
    assert_eq!((found(&follower.now(), "never_saved").len(), found(&follower.now(), &last).len()), (0, 1));
    owner.live.stop_indexing();
    assert_eq!(found(&close(&follower.live, "not_taken", true), "not_taken"), ["src/alpha.rs"]);
    follower.eventually("not_taken", &[]);
    assert_eq!(found(&follower.now(), &last), ["src/alpha.rs"]);
    owner.live.start_indexing();
    follower.eventually("not_taken", &["src/alpha.rs"]);
}

#[test]
fn what_cannot_be_opened_says_why() {
    let workspace = Workspace::of(START);
    let cache = tempfile::tempdir().unwrap();
    let blocked = cache.path().join("a file");
    std::fs::write(&blocked, "in the way").unwrap();
    let live = start(workspace.root(), &blocked.join("index"));
    let error = live.current(SOON).err().expect("no index");
    assert!(error.to_string().contains("a file"), "{error}");
    assert_eq!(live.status().activity, Activity::Failed);
}

/// A text on which the parser spends all the time that it gets, 2 seconds of a processor.
fn slow() -> String {
    "r#\"\n".repeat(50_000)
}

/// Seven texts that take the parser 2 seconds each are open and changed while somebody types elsewhere.
#[test]
fn a_text_that_takes_long_holds_up_no_other() {
    let session = session();
    session.idle();
    let began = Instant::now();
    for number in 0..7 {
        session.set("src/slow.rs", &format!("// slow_{number}\n{}", slow()));
        let name = format!("typed_{number}");
        session.set("src/alpha.rs", &format!("fn {name}() {{}}\n"));
        session.eventually(&name, &["src/alpha.rs"]);
    }
    let took = began.elapsed();
    assert!(took < 7 * Duration::from_secs(1), "{took:?}");
    let unparsed = session.now().unparsed();
    let unparsed_text = ("src/slow.rs".into(), "since parsing it took too long");
    assert_eq!(unparsed, [unparsed_text], "it is searched by words");
    // A text of a few lines is parsed whatever stood there before, and a long one when nobody types.
    session.set("src/slow.rs", "fn healed() {}\n");
    assert_eq!(found(&session.now(), "healed"), ["src/slow.rs"]);
    session.set("src/slow.rs", &slow());
    let long = (0..40_000).map(|number| format!("fn long_{number}() {{ call({number}); }}\n"));
    session.set("src/slow.rs", &long.collect::<Vec<_>>().concat());
    session.eventually("long_39999", &["src/slow.rs"]);
}

/// Texts of more than a megabyte, each of which the parser works on for longer than the other may wait.
#[test]
fn large_texts_opened_together_are_known_while_they_are_typed_into() {
    let session = session();
    session.idle();
    let text_of = |name: &str| {
        let functions =
            (0..25_000).map(|number| format!("fn {name}_{number}(value: u32) -> u32 {{ value + {number} }}\n"));
        functions.collect::<Vec<_>>().concat()
    };
    let texts = ["one", "two"].map(|name| (name, format!("src/{name}.rs"), text_of(name)));
    for (_, path, text) in &texts {
        session.set(path, text);
    }
    let now = session.now();
    let unparsed = |now: &Snapshot| now.notices().iter().any(|notice| matches!(notice, Notice::Unparsed { .. }));
    assert!(unparsed(&now), "the parser takes no longer than its share: {:?}", now.unparsed());
    // Nobody rests, and each text is typed into before all that was typed into the other is known.
    let began = Instant::now();
    let mut known_in_a_row = 0;
    for number in 0.. {
        for (name, path, text) in &texts {
            session.set(path, &format!("fn typed_{name}_{number}() {{}}\n{text}"));
        }
        let now = session.live.current(DEADLINE).unwrap();
        let is_known = texts.iter().all(|(name, path, _)| {
            let names = [format!("typed_{name}_{number}"), format!("{name}_24999")];
            names.iter().all(|name| found(&now, name) == [path.as_str()])
        });
        assert!(!is_known || !unparsed(&now), "{:?}", now.notices());
        known_in_a_row = if is_known { known_in_a_row + 1 } else { 0 };
        if known_in_a_row == 5 {
            break;
        }
        assert!(
            began.elapsed() < 3 * DEADLINE,
            "{number} edits of each and {known_in_a_row} known: {:?}",
            now.unparsed()
        );
    }
}

/// Whether the parser comes to an end of it or not.
#[test]
fn a_letter_in_a_text_that_takes_long_costs_little() {
    let session = session();
    session.idle();
    for (path, text) in [("src/slow.rs", slow()), ("src/slow.cpp", "template<a<b(c\n".repeat(120_000))] {
        let took = [0, 1, 2, 3].map(|letters| {
            session.set(path, &format!("// {}\n{text}", "x".repeat(letters)));
            let began = Instant::now();
            let now = session.live.current(DEADLINE).unwrap();
            assert!(!now.notices().contains(&Notice::BuffersBehind), "{path}");
            began.elapsed()
        });
        assert!(took[1..].iter().sum::<Duration>() < took[0], "{path}: {took:?}");
    }
}

#[test]
fn an_index_that_is_being_built_says_so() {
    let workspace = Workspace::of(START);
    workspace.write("src/slow.rs", slow());
    let session = session_of(workspace);
    let answer = session.now().search(&Query::new("no_such_name"), &AtomicBool::new(false)).unwrap();
    assert_ne!(session.live.status().activity, Activity::Idle, "it takes seconds");
    assert!(matches!(answer.notices[..], [Notice::Indexing { .. }, ..]), "{answer:?}");
    session.idle();
    session.eventually("wait_for_queue", &["src/alpha.rs"]);
    let answer = session
        .now()
        .search(&Query { mode: Mode::Symbol, ..Query::new("no_such_name") }, &AtomicBool::new(false))
        .unwrap();
    assert_eq!(answer.notices, [Notice::NoMatch]);
}

/// One thing that happens to a workspace with an editor.
#[derive(Clone, Debug)]
enum Step {
    /// Text is typed over a part of a file or buffer.
    Type {
        file: Pick,
        at: Pick,
        length: Pick,
        text: String,
    },
    Save {
        buffer: Pick,
    },
    Close {
        buffer: Pick,
    },
    /// Something else changes the disk, or git does.
    Outside(Edit),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        5 => (picks(), picks(), picks(), typed_texts()).prop_map(|(file, at, length, text)| Step::Type { file, at, length, text }),
        1 => picks().prop_map(|buffer| Step::Save { buffer }),
        1 => picks().prop_map(|buffer| Step::Close { buffer }),
        2 => edits(1).prop_filter_map("one change", |edits| edits.into_iter().next()).prop_map(Step::Outside),
    ];
    prop::collection::vec(step, 1..24)
}

struct Editor<'a> {
    session: &'a Session<Repository>,
    buffers: BTreeMap<String, String>,
    version: i32,
}

impl Editor<'_> {
    fn apply(&mut self, step: &Step) -> String {
        let disk = &self.session.files;
        match step {
            Step::Type { file, at, length, text } => {
                let files: Vec<_> = disk.files().into_iter().filter(|path| !path.starts_with('.')).collect();
                let Some(path) = files.get(file.index(files.len())).cloned() else { return String::new() };
                let Some(mut buffer) =
                    self.buffers.get(&path).cloned().or_else(|| String::from_utf8(disk.read(&path)).ok())
                else {
                    return String::new();
                };
                let Range { start, end } = typed_over(&buffer, *at, *length);
                buffer.replace_range(start..end, text);
                self.version += 1;
                let typed = Buffer { text: Rope::from_str(&buffer), version: self.version, language: None };
                self.session.live.set_buffer(&path, typed);
                self.buffers.insert(path.clone(), buffer);
                format!("type {text:?} at {start}..{end} of {path}")
            }
            Step::Save { buffer } => {
                let Some(path) = self.pick(*buffer) else { return String::new() };
                disk.write(&path, &self.buffers[&path]);
                self.session.live.disk_changed([path.clone()]);
                format!("save {path}")
            }
            Step::Close { buffer } => {
                let Some(path) = self.pick(*buffer) else { return String::new() };
                self.buffers.remove(&path);
                self.session.live.close_buffer(&path);
                format!("close {path}")
            }
            Step::Outside(edit) => edit.apply(disk),
        }
    }

    fn pick(&self, pick: Pick) -> Option<String> {
        self.buffers.keys().nth(pick.index(self.buffers.len())).cloned()
    }

    /// What a fresh index says of the workspace as the editor shows it.
    fn fresh(&self) -> (tempfile::TempDir, Host) {
        let copy = tempfile::tempdir().unwrap();
        let root = copy.path().join("root");
        let status = std::process::Command::new("cp").arg("-a").arg(self.session.files.root()).arg(&root).status();
        assert!(status.unwrap().success());
        for (path, text) in &self.buffers {
            let file = root.join(path);
            // A file that stands where a folder of the buffer's path was hides the buffer from any walk.
            if std::fs::create_dir_all(file.parent().unwrap()).is_ok() && !file.is_dir() {
                std::fs::write(file, text).unwrap();
            }
        }
        let location = Location::of(&root, &IndexDir::At(copy.path().join("index"))).unwrap();
        let (mut host, _) = Host::open(location, Settings { threads: 1, ..Settings::default() }).unwrap();
        host.index(&|_| (), &AtomicBool::new(false)).unwrap();
        (copy, host)
    }
}

/// The master property, with an editor at work and another process beside it.
#[test]
fn random_work_leaves_a_view_like_a_fresh_index() {
    check_random(12, &steps(), |steps| {
        let session = session_of(Repository::init(Workspace::of(START)));
        // The editor's process owns the index.
        session.idle();
        let beside = Session {
            files: (),
            cache: tempfile::tempdir().unwrap(),
            live: start(session.files.root(), session.cache.path()),
        };
        let mut editor = Editor { session: &session, buffers: BTreeMap::new(), version: 0 };
        let history: Vec<_> = steps.iter().map(|step| editor.apply(step)).collect();
        let (_copy, fresh) = editor.fresh();
        let fresh = fresh.snapshot();
        wait_until(DEADLINE, || match difference(&session.now(), &fresh).unwrap() {
            differences if differences.is_empty() => Ok(()),
            differences => Err(format!("a view without differences: {differences:#?}\nafter {history:#?}")),
        });
        // What the other one shows is what is saved.
        for path in std::mem::take(&mut editor.buffers).into_keys() {
            session.live.close_buffer(&path);
        }
        let (_copy, saved) = editor.fresh();
        let saved = saved.snapshot();
        for (who, live) in [("the editor", &session.live), ("beside it", &beside.live)] {
            wait_until(DEADLINE, || match difference(&live.current(SOON).unwrap(), &saved).unwrap() {
                differences if differences.is_empty() => Ok(()),
                differences => Err(format!("no differences {who}: {differences:#?}\nafter {history:#?}")),
            });
        }
    });
}
