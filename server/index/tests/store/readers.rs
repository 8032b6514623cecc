//! A second store that follows the owner.

use std::sync::Arc;

use conexus_index::{Access, Error, Store};

use crate::support::*;

const A: &str = "fn alpha() {\n    beta\n}\n";
const B: &str = "fn beta() {\n    gamma delta\n}\n";

#[test]
fn a_reader_follows_the_owner() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    let mut texts = Workspace::of(&[("a.rs", A)]);
    store.commit(updates(texts.updates())).unwrap();
    let (mut reader, _) = Store::open(folder.path(), settings(), Access::Read, &texts).unwrap();
    let same = |reader: &Store, store: &Store| {
        assert_eq!(view(&reader.snapshot(), &["beta", "gamma"]), view(&store.snapshot(), &["beta", "gamma"]));
    };
    same(&reader, &store);
    assert!(reader.refresh(&texts).unwrap().is_none());
    assert!(matches!(reader.commit(updates(vec![new("x.rs", A)])), Err(Error::NotWritable { .. })));

    texts.files.insert("b.rs".into(), B.into());
    texts.files.insert("a.rs".into(), B.into());
    store.commit(updates(texts.updates())).unwrap();
    assert_eq!(reader.refresh(&texts).unwrap().unwrap().generation().0, 2);
    same(&reader, &store);

    store.flush().unwrap();
    store.commit(removals(&["a.rs"])).unwrap();
    reader.refresh(&texts).unwrap().unwrap();
    same(&reader, &store);

    store.begin_bulk(usize::MAX).unwrap();
    store.commit(updates(vec![new("c.rs", A)])).unwrap();
    assert!(reader.refresh(&texts).unwrap().is_none(), "not published yet");
    store.end_bulk().unwrap();
    texts.files.insert("c.rs".into(), A.into());
    reader.refresh(&texts).unwrap().unwrap();
    same(&reader, &store);

    let (late, _) = Store::open(folder.path(), settings(), Access::Read, &texts).unwrap();
    same(&late, &store);
    drop(store);
    let (taken_over, _) = open(folder.path(), &texts).unwrap();
    same(&reader, &taken_over);
}

/// The disk may hold another text when the reader looks, and the owner's again without another commit.
#[test]
fn a_file_whose_text_is_not_to_be_had_is_taken_in_when_it_comes_back() {
    const QUERIES: [&str; 2] = ["beta", "gamma"];
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    let committed = Workspace::of(&[("a.rs", A), ("b.rs", B)]);
    store.commit(updates(committed.updates())).unwrap();
    let mut disk = Workspace::of(&[("a.rs", A), ("b.rs", "fn moved_on() {}\n")]);
    let (mut reader, report) = Store::open(folder.path(), settings(), Access::Read, &disk).unwrap();
    assert_eq!(report.dropped, [Arc::from("b.rs")]);
    let same = |reader: &Store, store: &Store| {
        assert_eq!(view(&reader.snapshot(), &QUERIES), view(&store.snapshot(), &QUERIES));
    };
    for (path, text) in [("b.rs", B), ("c.rs", A), ("a.rs", B)] {
        if store.snapshot().file(path).is_none_or(|file| file.blob() != blob(text)) {
            disk.files.insert(path.into(), "fn moved_on() {}\n".into());
            store.commit(updates(vec![new(path, text)])).unwrap();
            assert!(reader.refresh(&disk).unwrap().is_some(), "{path}");
        }
        assert!(reader.lacks_files() && reader.snapshot().file(path).is_none(), "{path}");
        assert!(reader.refresh(&disk).unwrap().is_none(), "{path}");
        disk.files.insert(path.into(), text.into());
        assert!(reader.refresh(&disk).unwrap().is_some(), "{path}");
        assert!(!reader.lacks_files() && reader.refresh(&disk).unwrap().is_none(), "{path}");
        same(&reader, &store);
    }
    // What is missing is committed with another text, or goes.
    for batch in [updates(vec![new("c.rs", "fn gamma() {}\n")]), removals(&["c.rs"])] {
        store.commit(updates(vec![new("c.rs", B)])).unwrap();
        reader.refresh(&disk).unwrap();
        assert!(reader.lacks_files());
        disk.files.insert("c.rs".into(), "fn gamma() {}\n".into());
        store.commit(batch).unwrap();
        reader.refresh(&disk).unwrap();
        assert!(!reader.lacks_files());
        same(&reader, &store);
    }
}

#[test]
fn a_reader_ignores_a_lexical_index_of_another_catalog() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let workspaces = [Workspace::of(&[("a.rs", A), ("b.rs", B)]), Workspace::of(&[("b.rs", B)])];
    for (folder, workspace) in folders.iter().zip(&workspaces) {
        let mut store = fresh(folder.path());
        store.commit(updates(workspace.updates())).unwrap();
        store.close().unwrap();
    }
    std::fs::remove_dir_all(folders[0].path().join("lexical")).unwrap();
    copy(&folders[1].path().join("lexical"), &folders[0].path().join("lexical"));
    let (reader, _) = Store::open(folders[0].path(), settings(), Access::Read, &workspaces[0]).unwrap();
    assert_eq!(view(&reader.snapshot(), &["beta"]), fresh_view(&workspaces[0], &["beta"]));
}
