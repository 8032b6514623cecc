//! The history of a repository.

use std::{
    path::Path,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use conexus_engine::git::{self, History, HistoryLimits};
use conexus_testkit::{Repository, Workspace};

fn history(folder: &Path, limits: HistoryLimits) -> Option<Arc<History>> {
    git::history(folder, limits, &AtomicBool::new(false))
}

#[test]
fn files_that_change_together_and_tickets() {
    let repository = Repository::init(Workspace::of("\n//- a.rs\n1\n//- b.rs\n1\n//- sub/ü c.md\n1\n"));
    for (number, paths) in [(1, &["a.rs", "b.rs"][..]), (2, &["a.rs", "b.rs"]), (3, &["a.rs", "sub/ü c.md"])] {
        for path in paths {
            repository.as_ref().write(path, format!("change {number}"));
        }
        repository.commit(&format!("ABC-{number}: change\n\nSee #7{number} and UTF-8."));
    }
    let limits = HistoryLimits::default();
    let root = repository.as_ref().root();
    let found = history(root, limits).unwrap();
    assert_eq!((found.commits().len(), found.is_complete()), (4, true));
    let together: Vec<_> =
        found.changed_with("a.rs", 9).into_iter().map(|one| (one.path, one.together, one.of)).collect();
    assert_eq!(together, [("b.rs".into(), 3, 4), ("sub/ü c.md".into(), 2, 4)]);
    assert!((found.changed_with("a.rs", 1)[0].confidence - 0.5).abs() < 1e-6);
    assert_eq!(found.changed_with("gone", 9), []);
    let subjects: Vec<_> = found.commits_of("b.rs").map(|commit| &*commit.subject).take(2).collect();
    assert_eq!(subjects, ["ABC-2: change", "ABC-1: change"]);
    for ticket in ["ABC-2", "abc-2", "#72", "72"] {
        let found: Vec<_> = found.mentioning(ticket).map(|commit| &*commit.subject).collect();
        assert_eq!(found, ["ABC-2: change"], "{ticket}");
    }
    assert_eq!(found.mentioning("UTF-8").count(), 0);
    // Paths are those of the folder that is asked about.
    let below = history(&root.join("sub"), limits).unwrap();
    assert_eq!(below.commits_of("ü c.md").count(), 2);
    // It is kept until there is another commit.
    assert!(Arc::ptr_eq(&found, &history(root, limits).unwrap()));
    repository.as_ref().write("a.rs", "more");
    repository.commit("again");
    assert_eq!(history(root, limits).unwrap().commits().len(), 5);
    // So it is when its branches are packed, on another branch, and on none; what was read for a commit serves for it.
    let subjects = || history(root, limits).unwrap().commits()[0].subject.to_string();
    repository.git(&["pack-refs", "--all"]);
    assert_eq!(subjects(), "again");
    repository.git(&["checkout", "--quiet", "-b", "other"]);
    repository.git(&["commit", "--quiet", "--allow-empty", "-m", "on the other"]);
    assert_eq!(subjects(), "on the other");
    repository.git(&["checkout", "--quiet", "HEAD~1"]);
    assert_eq!(subjects(), "again");
    repository.git(&["commit", "--quiet", "--allow-empty", "-m", "on none"]);
    assert_eq!(subjects(), "on none");
    repository.git(&["checkout", "--quiet", "other~1"]);
    let cut = history(root, HistoryLimits { commits: 2, ..limits }).unwrap();
    assert_eq!((cut.commits().len(), cut.is_complete()), (2, false));
    let none = history(root, HistoryLimits { time: Duration::ZERO, ..limits }).unwrap();
    assert!(!none.is_complete());
}

#[test]
fn without_a_repository_nothing_is_known() {
    let workspace = Workspace::of("\n//- a.rs\n1\n");
    assert_eq!(history(workspace.root(), HistoryLimits::default()), None);
    assert_eq!(history(&workspace.path("gone"), HistoryLimits::default()), None);
}

#[test]
fn who_waits_no_more_gets_no_history_and_leaves_none_behind() {
    let repository = Repository::init(Workspace::of("\n//- a.rs\n1\n"));
    repository.commit("Add a");
    let root = repository.as_ref().root();
    assert_eq!(git::history(root, HistoryLimits::default(), &AtomicBool::new(true)), None);
    let known = history(root, HistoryLimits::default()).unwrap();
    assert_eq!(known.commits()[0].subject.to_string(), "Add a");
}

#[test]
fn the_branch_is_read_from_files() {
    let repository = Repository::init(Workspace::of("\n//- sub/a.rs\n1\n"));
    let root = repository.as_ref().root();
    let branch = |folder: &Path| git::branch_in_files(folder);
    assert_eq!((branch(root), branch(&root.join("sub"))), (Some("main".into()), Some("main".into())));
    let linked = tempfile::tempdir().unwrap();
    let folder = linked.path().join("tree");
    repository.git(&["worktree", "add", "--quiet", "-b", "fix/ABC-1", folder.to_str().unwrap()]);
    assert_eq!((branch(&folder), branch(root)), (Some("fix/ABC-1".into()), Some("main".into())));
    repository.git(&["pack-refs", "--all"]);
    assert_eq!(branch(root), git::branch(root));
    repository.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!((branch(root), branch(linked.path())), (None, None));
}
