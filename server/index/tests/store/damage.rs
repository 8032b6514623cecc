//! Crashes, damaged files and those of others, locks.

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
    store.begin_bulk(usize::MAX).unwrap();
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
fn a_damaged_catalog_is_named_and_can_be_destroyed() {
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
    for damaged in [b"this is no database, it is a text file that someone put here".to_vec(), half, scribbled] {
        let folder = tempfile::tempdir().unwrap();
        fresh(folder.path()).close().unwrap();
        std::fs::write(folder.path().join("catalog.sqlite"), &damaged).unwrap();
        std::fs::write(folder.path().join("theirs.txt"), "keep").unwrap();
        let error = open(folder.path(), &workspace()).unwrap_err();
        assert!(error.needs_rebuild(), "{error}");
        assert!(error.to_string().contains("catalog.sqlite"), "{error}");
        Store::destroy(folder.path()).unwrap();
        assert_eq!(names(folder.path()), ["conexus-index", "theirs.txt"], "beside the mark only their file is left");
        open(folder.path(), &workspace()).unwrap();
    }

    let mut newer = settings();
    newer.analyser_version += 1;
    let error = Store::open(good.path(), newer, Access::Write, &()).unwrap_err();
    assert!(error.needs_rebuild(), "{error}");
}

/// Files by their paths below a folder.
fn tree(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for name in names(folder) {
        let path = folder.join(&name);
        if path.is_dir() {
            found.extend(tree(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)));
            found.push((name, Vec::new()));
        } else {
            found.push((name, std::fs::read(path).unwrap()));
        }
    }
    found
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = (std::fs::read_dir(folder).unwrap())
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort_unstable();
    names
}

/// Makes a folder of another program.
type Theirs = fn(&Path);

#[test]
fn a_folder_of_others_is_left_as_it_is() {
    fn file(path: &Path, text: &str) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    fn database(folder: &Path, log: &str) {
        let path = folder.join("catalog.sqlite");
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.pragma_update(None, "journal_mode", log).unwrap();
        connection.execute_batch("CREATE TABLE books(title)").unwrap();
    }
    let theirs: [(&str, Theirs); 10] = [
        ("vectors", |folder| file(&folder.join("vectors/a"), "x")),
        ("lexical", |folder| file(&folder.join("lexical/b"), "x")),
        ("lock", |folder| file(&folder.join("lock"), "x")),
        ("owner", |folder| file(&folder.join("owner"), "x")),
        ("crashes", |folder| file(&folder.join("crashes/list"), "x")),
        ("thesis.txt", |folder| file(&folder.join("thesis.txt"), "years of work")),
        ("catalog.sqlite", |folder| file(&folder.join("catalog.sqlite"), "not a database")),
        ("catalog.sqlite", |folder| database(folder, "DELETE")),
        ("catalog.sqlite", |folder| database(folder, "WAL")),
        // Also where an index was before.
        ("catalog.sqlite", |folder| {
            file(&folder.join("conexus-index"), "");
            database(folder, "DELETE");
        }),
    ];
    for (name, make) in theirs {
        let folder = tempfile::tempdir().unwrap();
        make(folder.path());
        let before = tree(folder.path());
        for error in [open(folder.path(), &workspace()).unwrap_err(), Store::destroy(folder.path()).unwrap_err()] {
            assert!(matches!(&error, Error::Foreign { holds, .. } if holds.as_str() == name), "{name}: {error}");
            assert!(!error.needs_rebuild() && error.to_string().contains(&*folder.path().to_string_lossy()), "{error}");
        }
        assert_eq!(tree(folder.path()), before, "{name}");
    }
}

/// What a process left that had written on after its index was deleted: our own files, by their names and by what they say.
#[test]
fn what_is_left_of_a_deleted_index_is_taken_over() {
    let kept = tempfile::tempdir().unwrap();
    let mut store = fresh(kept.path());
    store.commit(updates(vec![new("a.rs", A)])).unwrap();
    store.close().unwrap();
    let vectors = names(&kept.path().join("vectors"));
    let vectors = std::fs::read(kept.path().join("vectors").join(&vectors[0])).unwrap();
    let ours: &[(&str, &[u8])] = &[
        ("vectors/vectors-1.bin", &vectors),
        ("crashes/lock", b""),
        ("crashes/list", b"conexus crashes 1 analyser 1\n"),
    ];
    for (others, is_taken) in [
        (&[][..], true),
        (&[("vectors/a", &b"x"[..])], false),
        (&[("vectors/vectors-2.bin", b"another program's")], false),
        (&[("crashes/lock", b"123")], false),
        (&[("crashes/report.txt", b"x")], false),
        (&[("lexical/meta.json", b"{}")], false),
        (&[("thesis.txt", b"years of work")], false),
    ] {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in ours.iter().chain(others) {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        let before = tree(folder.path());
        let destroyed = Store::destroy(folder.path());
        if is_taken {
            destroyed.unwrap();
            expect_fresh_after_a_commit(folder.path());
        } else {
            assert!(matches!(destroyed, Err(Error::Foreign { .. })), "{others:?}: {destroyed:?}");
            assert!(matches!(open(folder.path(), &workspace()), Err(Error::Foreign { .. })), "{others:?}");
            assert_eq!(tree(folder.path()), before, "{others:?}");
        }
    }
}

/// Neither its owner nor a reader makes it again in part: the owner says so, the reader goes on with the next one.
#[cfg(unix)]
#[test]
fn an_index_that_is_deleted_in_use_is_gone() {
    let above = tempfile::tempdir().unwrap();
    let folder = above.path().join("index");
    let deletions: [fn(&Path); 2] = [
        |folder| std::fs::remove_dir_all(folder).unwrap(),
        |folder| {
            std::fs::rename(folder, folder.with_extension("old")).unwrap();
        },
    ];
    for delete in deletions {
        let mut store = fresh(&folder);
        store.commit(updates(vec![new("a.rs", A)])).unwrap();
        let mut reader = Store::open(&folder, settings(), Access::Read, &workspace()).unwrap().0;
        assert!(!store.is_gone());
        delete(&folder);
        assert!(store.is_gone());
        for refused in [store.commit(updates(vec![new("b.rs", B)])).map(drop), store.flush()] {
            assert!(matches!(&refused, Err(Error::Gone { path }) if *path == folder), "{refused:?}");
        }
        assert!(!folder.exists());
        let before = view(&reader.snapshot(), &QUERIES);
        assert_eq!(view(&store.snapshot(), &QUERIES), before, "searches go on");
        reader.refresh(&workspace()).unwrap();
        assert_eq!(view(&reader.snapshot(), &QUERIES), before);
        let mut next = fresh(&folder);
        assert!(store.is_gone(), "another one's");
        assert!(store.close().is_err());
        next.commit(updates(vec![new("a.rs", A), new("b.rs", B)])).unwrap();
        reader.refresh(&workspace()).unwrap().expect("another index");
        assert_eq!(view(&reader.snapshot(), &QUERIES), fresh_view(&workspace(), &QUERIES));
        next.close().unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn an_index_in_the_making_is_taken_over() {
    let kept = tempfile::tempdir().unwrap();
    fresh(kept.path()).close().unwrap();
    let whole = names(kept.path());
    assert_eq!(whole[..2], ["catalog.sqlite", "conexus-index"], "{whole:?}");
    // An end before the catalog was there, or in the middle of destroying it.
    for left in [&[][..], &["lock"], &["lock", "owner"], &["lock", "owner", "lexical", "vectors"]] {
        let folder = tempfile::tempdir().unwrap();
        copy(kept.path(), folder.path());
        for name in whole.iter().filter(|name| *name != "conexus-index" && !left.contains(&name.as_str())) {
            let path = folder.path().join(name);
            std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path)).unwrap();
        }
        expect_fresh_after_a_commit(folder.path());
        let copied = tempfile::tempdir().unwrap();
        copy(folder.path(), copied.path());
        std::fs::remove_file(copied.path().join("conexus-index")).unwrap();
        expect_fresh(copied.path(), &workspace());
        assert!(names(copied.path()).contains(&"conexus-index".to_owned()), "an index of an earlier version is marked");
        Store::destroy(folder.path()).unwrap();
        assert_eq!(names(folder.path()), [""; 0]);
    }
    // A catalog that is still in its log alone.
    let folder = tempfile::tempdir().unwrap();
    let store = fresh(folder.path());
    let copied = tempfile::tempdir().unwrap();
    copy(folder.path(), copied.path());
    drop(store);
    expect_fresh_after_a_commit(copied.path());
}

#[track_caller]
fn expect_fresh_after_a_commit(folder: &Path) {
    let mut store = fresh(folder);
    store.commit(updates(vec![new("a.rs", A), new("b.rs", B)])).unwrap();
    store.close().unwrap();
    expect_fresh(folder, &workspace());
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
