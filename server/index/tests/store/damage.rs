//! Crashes, damaged and foreign files, locks.

use conexus_index::{Access, Error, Store, StoreSettings};
use std::path::Path;

use crate::support::*;

const A: &str = "fn alpha() {\n    beta\n}\n";
const B: &str = "fn beta() {\n    gamma delta\n}\nfn more() {}\n";
const QUERIES: [&str; 2] = ["alpha beta", "gamma"];

fn workspace() -> Workspace {
    Workspace::of(&[("a.rs", A), ("b.rs", B)])
}

fn expect_fresh(folder: &Path, workspace: &Workspace) {
    let (store, report) = open(folder, workspace).unwrap();
    assert_eq!(report.dropped, []);
    assert_eq!(view(&store.snapshot(), &QUERIES), fresh_view(workspace, &QUERIES));
}

#[test]
fn dropping_without_flush_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    store.commit(updates(vec![new("a.rs", B)])).unwrap();
    store.flush().unwrap();
    store.commit(updates(vec![new("a.rs", A), new("b.rs", B)])).unwrap();
    drop(store);
    expect_fresh(folder.path(), &workspace());
    expect_fresh(folder.path(), &workspace());
}

#[test]
fn a_kill_at_any_commit_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    let mut copies = Vec::new();
    let mut expected = Workspace::default();
    for step in 0..6 {
        let text = format!("{A}fn step_{step}() {{\n    gamma\n}}\n");
        let path = if step % 2 == 0 { "a.rs" } else { "b.rs" };
        store.commit(updates(vec![new(path, &text)])).unwrap();
        expected.files.insert(path.to_owned(), text);
        if step == 3 {
            store.flush().unwrap();
        }
        let copied = tempfile::tempdir().unwrap();
        copy(folder.path(), copied.path());
        copies.push((copied, expected.clone()));
    }
    for (copied, expected) in copies {
        expect_fresh(copied.path(), &expected);
    }
}

#[test]
fn a_kill_during_a_bulk_load_leaves_the_state_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    store.commit(updates(vec![new("a.rs", A)])).unwrap();
    store.begin_bulk().unwrap();
    store.commit(updates(vec![new("b.rs", B)])).unwrap();
    store.commit(removals(&["a.rs"])).unwrap();
    let copied = tempfile::tempdir().unwrap();
    copy(folder.path(), copied.path());
    expect_fresh(copied.path(), &Workspace::of(&[("a.rs", A)]));
    drop(store);
    expect_fresh(folder.path(), &Workspace::of(&[("a.rs", A)]));
}

#[test]
fn caches_that_are_older_newer_or_gone_are_caught_up_or_rebuilt() {
    let old = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    store.commit(updates(vec![new("a.rs", B)])).unwrap();
    store.flush().unwrap();
    copy(folder.path(), old.path());
    store.commit(updates(vec![new("a.rs", A), new("b.rs", B)])).unwrap();
    store.close().unwrap();

    // The catalog is newer than its caches: a kill between the two commits.
    let behind = tempfile::tempdir().unwrap();
    copy(folder.path(), behind.path());
    for cache in ["lexical", "vectors"] {
        std::fs::remove_dir_all(behind.path().join(cache)).unwrap();
        copy(&old.path().join(cache), &behind.path().join(cache));
    }
    let (store, report) = open(behind.path(), &workspace()).unwrap();
    assert_eq!((report.caught_up, report.lexical_rebuilt), (2, false));
    drop(store);
    expect_fresh(behind.path(), &workspace());

    // The caches are newer than the catalog: a power failure.
    let ahead = tempfile::tempdir().unwrap();
    copy(old.path(), ahead.path());
    for cache in ["lexical", "vectors"] {
        std::fs::remove_dir_all(ahead.path().join(cache)).unwrap();
        copy(&folder.path().join(cache), &ahead.path().join(cache));
    }
    let before = Workspace::of(&[("a.rs", B)]);
    let (store, report) = open(ahead.path(), &before).unwrap();
    assert!(report.lexical_rebuilt && report.vectors_rebuilt);
    drop(store);
    expect_fresh(ahead.path(), &before);

    // Caches of another catalog.
    let other = tempfile::tempdir().unwrap();
    let mut store = fresh(other.path());
    store.commit(updates(vec![new("a.rs", A), new("b.rs", B)])).unwrap();
    store.close().unwrap();
    for cache in ["lexical", "vectors"] {
        std::fs::remove_dir_all(other.path().join(cache)).unwrap();
        copy(&folder.path().join(cache), &other.path().join(cache));
    }
    expect_fresh(other.path(), &workspace());

    for cache in ["lexical", "vectors"] {
        std::fs::remove_dir_all(folder.path().join(cache)).unwrap();
    }
    expect_fresh(folder.path(), &workspace());
}

#[test]
fn damaged_caches_are_rebuilt() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    store.commit(updates(vec![new("a.rs", A), new("b.rs", B)])).unwrap();
    store.close().unwrap();
    for cache in ["lexical", "vectors"] {
        for entry in std::fs::read_dir(folder.path().join(cache)).unwrap().flatten() {
            for damage in [&b""[..], b"garbage", &[0; 4096]] {
                let copied = tempfile::tempdir().unwrap();
                copy(folder.path(), copied.path());
                std::fs::write(copied.path().join(cache).join(entry.file_name()), damage).unwrap();
                expect_fresh(copied.path(), &workspace());
            }
        }
    }
}

#[test]
fn a_file_that_changed_meanwhile_is_dropped_and_reported() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    store.commit(updates(vec![new("a.rs", A), new("b.rs", B)])).unwrap();
    drop(store);
    let changed = Workspace::of(&[("a.rs", "fn other() {}\n"), ("b.rs", B)]);
    let (mut store, report) = open(folder.path(), &changed).unwrap();
    assert_eq!(report.dropped.iter().map(|path| &**path).collect::<Vec<_>>(), ["a.rs"]);
    assert!(store.snapshot().file("a.rs").is_none());
    let snapshot = store.commit(updates(vec![known("a.rs", A)])).unwrap();
    assert_eq!(view(&snapshot, &QUERIES), fresh_view(&workspace(), &QUERIES));
}

#[test]
fn what_is_no_catalog_of_ours_is_named_and_can_be_destroyed() {
    let good = tempfile::tempdir().unwrap();
    let mut store = fresh(good.path());
    store.commit(updates(vec![new("a.rs", A), new("b.rs", B)])).unwrap();
    store.close().unwrap();
    let catalog = std::fs::read(good.path().join("catalog.sqlite")).unwrap();

    let mut half = catalog.clone();
    half.truncate(catalog.len() / 2);
    let mut scribbled = catalog.clone();
    let from = scribbled.len() / 4;
    scribbled[from..].fill(0xa5);
    let foreign = {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.sqlite");
        rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE theirs(x)").unwrap();
        std::fs::read(path).unwrap()
    };
    for damaged in [b"this is no database, it is a text file that someone put here".to_vec(), half, scribbled, foreign]
    {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("catalog.sqlite"), &damaged).unwrap();
        std::fs::write(folder.path().join("theirs.txt"), "keep").unwrap();
        let error = open(folder.path(), &workspace()).unwrap_err();
        assert!(error.needs_rebuild(), "{error}");
        assert!(error.to_string().contains("catalog.sqlite"), "{error}");
        Store::destroy(folder.path()).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only their file is left");
        open(folder.path(), &workspace()).unwrap();
    }

    let mut newer = settings();
    newer.analyser_version += 1;
    let error = Store::open(good.path(), newer, Access::Write, &()).unwrap_err();
    assert!(error.needs_rebuild(), "{error}");
}

#[test]
fn one_owner_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = fresh(folder.path());
    let error = open(folder.path(), &Workspace::default()).unwrap_err();
    assert!(matches!(error, Error::Locked { owner, .. } if owner == std::process::id()), "{error}");
    assert!(matches!(Store::destroy(folder.path()), Err(Error::Locked { .. })));
    drop(store);
    open(folder.path(), &Workspace::default()).unwrap();
}

#[test]
fn impossible_folders_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = open(&file.join("index"), &Workspace::default()).unwrap_err();
    assert!(error.to_string().contains("file"), "{error}");
    let error = Store::open(&folder.path().join("none"), settings(), Access::Read, &()).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error}");
}

/// Giving out slots anew changes the catalog first. When the rest fails, searches go on with what they have, and nothing is
/// written upon slots that mean something else now.
#[test]
fn what_cannot_be_opened_again_is_not_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::of(&[("a.rs", "fn alpha() {}\n"), ("b.rs", "fn beta() {}\n")]);
    let settings = StoreSettings { renumber_from: 8, ..settings() };
    let mut store = Store::open(folder.path(), settings.clone(), Access::Write, &workspace).unwrap().0;
    store.commit(updates(vec![new("a.rs", "fn alpha() {}\n"), new("b.rs", "fn beta() {}\n")])).unwrap();
    for _ in 0..10 {
        store.commit(removals(&["b.rs"])).unwrap();
        store.commit(updates(vec![new("b.rs", "fn beta() {}\n")])).unwrap();
    }
    store.flush().unwrap();
    assert!(store.is_sparse());
    let before = view(&store.snapshot(), &["alpha", "beta"]);
    let lexical = folder.path().join("lexical");
    std::fs::remove_dir_all(&lexical).unwrap();
    std::fs::write(&lexical, "not a folder").unwrap();
    assert!(store.reopen(settings.clone(), &workspace).is_err());
    assert!(store.is_stale());
    assert_eq!(view(&store.snapshot(), &["alpha", "beta"]), before);
    let refused = store.commit(removals(&["a.rs"])).unwrap_err();
    assert!(matches!(refused, Error::Stale { .. }), "{refused}");
    std::fs::remove_file(&lexical).unwrap();
    store.reopen(settings, &workspace).unwrap();
    assert!(!store.is_stale() && !store.is_sparse());
    assert_eq!(view(&store.snapshot(), &["alpha", "beta"]), before);
    store.commit(removals(&["a.rs"])).unwrap();
    assert_eq!(store.snapshot().file_count(), 1);
}
