//! The property that everything else leans on: after any sequence of changes the index answers like a fresh one.

use conexus_testkit::{Edit, Repository, Workspace, check_random, edits};
use proptest::collection::vec;

use crate::support::Session;

const START: &str = r"
//- src/alpha.rs
//! The first file.

pub struct QueueWorker {
    retry: u32,
}

impl QueueWorker {
    /// Calls connect and waits.
    pub fn connect(&self, count: u32) -> u32 {
        self.retry + count
    }
}
//- src/net/beta.py
def parse_header(count):
    return cacheKey(count) + 1
//- docs/gamma.md
# The retry of a handler

How parse_header keeps its value.
//- README.txt
Nothing to see.
";

fn repository() -> Session<Repository> {
    Session::new(Repository::init(Workspace::of(START)))
}

/// Every step is one or more changes, so that the index also meets changes that came together.
#[test]
fn random_changes_leave_an_index_like_a_fresh_one() {
    check_random(10, &vec(edits(4), 1..=6), |steps| {
        let session = repository();
        session.index();
        let mut history = Vec::new();
        for step in steps {
            history.extend(step.iter().map(|edit| edit.apply(&session.workspace)));
            session.index();
            session.expect_like_fresh(&format!("after {history:#?}"));
        }
    });
}

/// A known path through every kind of change, for a failure that is quick to read.
#[test]
fn each_kind_of_change_is_followed() {
    let session = repository();
    session.index();
    let step = |what: &str, change: &dyn Fn(&Repository)| {
        change(&session.workspace);
        session.index();
        session.expect_like_fresh(what);
    };
    step("nothing", &|_| ());
    step("an edit", &|files| files.write("src/alpha.rs", "fn retry() { connect() }\n"));
    step("an edit of the same size", &|files| files.write("src/alpha.rs", "fn retrz() { connect() }\n"));
    step("a rename", &|files| files.rename("src/alpha.rs", "lib/alpha.rs"));
    step("a rename to another language", &|files| files.rename("lib/alpha.rs", "lib/alpha.py"));
    step("a copy", &|files| files.write("src/copy.md", files.read("docs/gamma.md")));
    step("the copy goes", &|files| files.remove("src/copy.md"));
    step("a file becomes a folder", &|files| {
        files.remove("README.txt");
        files.write("README.txt/inner.txt", "inside\n");
    });
    step("a commit on a branch", &|files| {
        files.branch("other");
        files.write("src/other.go", "func connect() int { return retry() }\n");
        files.commit("other");
    });
    step("back", &|files| files.checkout("main"));
    step("and there again", &|files| files.checkout("other"));
    step("a file is ignored", &|files| files.write(".gitignore", "*.go\n"));
    step("and no longer", &|files| files.write(".gitignore", "# nothing\n"));
    step("a file becomes binary", &|files| files.write("src/other.go", [0_u8; 64]));
    step("a file becomes empty", &|files| files.write("src/other.go", ""));
    step("all files go", &|files| {
        for path in files.files() {
            files.remove(&path);
        }
    });
    step("and come back", &|files| files.checkout("main"));
}

#[test]
fn a_branch_that_was_seen_costs_no_analysis() {
    let session = repository();
    session.workspace.branch("other");
    for number in 0..20 {
        session.workspace.write(&format!("src/n{number}.rs"), format!("fn number_{number}() {{}}\n"));
    }
    session.workspace.commit("twenty files");
    session.index();
    session.workspace.checkout("main");
    let report = session.index();
    assert_eq!(report["removed"], 20, "{report:#}");
    session.workspace.checkout("other");
    let report = session.index();
    assert_eq!((report["updated"].as_u64(), report["reused"].as_u64()), (Some(0), Some(20)), "{report:#}");
}

/// Files with the same content answer equally well; their order must not tell in which order they were indexed.
fn copies_in_any_order(copies: usize) {
    let session = Session::new(Workspace::of("//- readme.md\n# Nothing\n"));
    let text = "/// Calls connect and waits.\nfn parse_header(count: u32) -> u32 {\n    retry(count)\n}\n";
    // Three rounds that interleave, so that no order of indexing is the order of paths.
    for round in [1, 2, 0] {
        for copy in (0..copies).filter(|copy| copy % 3 == round) {
            session.workspace.write(&format!("d{copy:04}/same.rs"), text);
        }
        session.index();
    }
    session.expect_like_fresh(&format!("{copies} copies"));
    let paths = session.paths("parse_header");
    assert!(paths.is_sorted(), "equal hits come in the order of their paths: {paths:?}");
}

#[test]
fn equal_chunks_come_in_the_order_of_their_paths() {
    copies_in_any_order(60);
}

#[test]
#[ignore = "which of more than 200 equally good chunks become candidates depends on the order of indexing"]
fn very_many_equal_chunks_come_in_the_order_of_their_paths() {
    copies_in_any_order(600);
}

/// The edits themselves stay as diverse as they are meant to be: a generator that makes only one kind tests nothing.
#[test]
fn edits_are_of_every_kind() {
    let kinds = std::cell::RefCell::new(std::collections::HashSet::new());
    check_random(300, &edits(10), |edits| kinds.borrow_mut().extend(edits.iter().map(std::mem::discriminant::<Edit>)));
    assert_eq!(kinds.borrow().len(), 13);
}
