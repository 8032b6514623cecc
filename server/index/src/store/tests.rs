//! Failures that only the inside can provoke.

use conexus_core::{BlobId, Chunk, ChunkKind, FileAnalysis, Language, Span};

use super::*;
use crate::{Batch, Content, FileFlags, FileStat, FileUpdate, LexicalQuery, TextSource};

const LANGUAGE: Language = Language::named("rust");

fn update(path: &str, text: &str) -> FileUpdate {
    let mut analysis = FileAnalysis::empty(LANGUAGE);
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        analysis.chunks.push(Chunk {
            span: Span::new(start, start + line.len()),
            kind: ChunkKind::Window,
            symbol: None,
        });
        start += line.len();
    }
    FileUpdate {
        path: path.into(),
        stat: FileStat::default(),
        flags: FileFlags::default(),
        blob: BlobId(*blake3::hash(text.as_bytes()).as_bytes()),
        language: LANGUAGE,
        vector_key: 0,
        content: Content::New { analysis, text: text.into(), vectors: None },
    }
}

fn one(path: &str, text: &str) -> Batch {
    Batch { updates: vec![update(path, text)], removals: Vec::new() }
}

struct Same(&'static str);

impl TextSource for Same {
    fn text(&self, _path: &str, _blob: BlobId) -> Option<Arc<str>> {
        Some(self.0.into())
    }
}

fn open(folder: &Path, texts: &dyn TextSource) -> Store {
    Store::open(folder, StoreSettings::default(), Access::Write, texts).unwrap().0
}

fn paths(store: &Store, query: &str) -> Vec<String> {
    let snapshot = store.snapshot();
    let hits = snapshot.lexical(&LexicalQuery::new(query), None, 100).unwrap();
    let mut paths: Vec<_> = hits.iter().map(|hit| snapshot.file_of(hit.slot).unwrap().path().to_string()).collect();
    paths.sort();
    paths.dedup();
    paths
}

#[test]
fn a_full_disk_keeps_the_last_generation() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), &());
    store.commit(one("a.rs", "alpha\n")).unwrap();
    store.catalog.limit_pages(Some(40));
    let large = "alpha beta gamma delta\n".repeat(20_000);
    for bulk in [false, true] {
        if bulk {
            store.begin_bulk().unwrap();
        }
        let error = store.commit(one("large.rs", &large)).unwrap_err();
        assert!(matches!(&error, Error::DiskFull { path } if path.ends_with("catalog.sqlite")), "{error}");
        if bulk {
            store.end_bulk().unwrap();
        }
        assert_eq!(paths(&store, "alpha"), ["a.rs"]);
    }
    store.catalog.limit_pages(None);
    store.commit(one("large.rs", &large)).unwrap();
    assert_eq!(paths(&store, "alpha"), ["a.rs", "large.rs"]);
    store.close().unwrap();
    assert_eq!(paths(&open(folder.path(), &()), "alpha"), ["a.rs", "large.rs"]);
}

#[test]
fn slots_are_given_out_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), &());
    for _ in 0..10 {
        store.commit(one("a.rs", "alpha\nbeta\n")).unwrap();
        store.commit(one("b.rs", "alpha\nbeta\n")).unwrap();
    }
    store.flush().unwrap();
    assert_eq!((store.snapshot().slot_end(), store.snapshot().live_chunks()), (40, 4));
    store.catalog.renumber().unwrap();
    drop(store);
    let (store, report) =
        Store::open(folder.path(), StoreSettings::default(), Access::Write, &Same("alpha\nbeta\n")).unwrap();
    assert!(report.lexical_rebuilt && report.dropped.is_empty());
    assert_eq!((store.snapshot().slot_end(), store.snapshot().live_chunks()), (4, 4));
    assert_eq!(paths(&store, "beta"), ["a.rs", "b.rs"]);
}

#[test]
fn a_flush_runs_beside_commits_and_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreSettings { delta_chunks: 3, ..StoreSettings::default() };
    let (mut store, _) = Store::open(folder.path(), settings, Access::Write, &()).unwrap();
    for number in 0..200 {
        store.commit(one(&format!("f{}.rs", number % 20), &format!("alpha {number}\nbeta\n"))).unwrap();
        assert_eq!(store.snapshot().live_chunks(), (2 * (number + 1)).min(40));
        assert_eq!(paths(&store, &number.to_string()).len(), 1, "{number}");
    }
    store.flush().unwrap();
    let statistics = store.statistics();
    assert_eq!((statistics.delta_chunks, statistics.chunks, statistics.slots), (0, 40, 400));
    assert!(statistics.lexical_segments <= 6, "{statistics:?}");
    assert!(store.catalog.retired().unwrap().is_empty());
    assert_eq!(paths(&store, "alpha").len(), 20);
}

#[test]
fn a_failed_flush_leaves_memory_in_charge() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), &());
    store.commit(one("a.rs", "alpha\n")).unwrap();
    // tantivy's own lock is taken: its writer cannot be made.
    let other = store.lexical.disk().writer(15_000_000).unwrap();
    assert!(store.flush().is_err());
    assert_eq!(paths(&store, "alpha"), ["a.rs"]);
    store.commit(one("b.rs", "alpha\n")).unwrap();
    assert_eq!(paths(&store, "alpha"), ["a.rs", "b.rs"]);
    drop(other);
    store.flush().unwrap();
    assert_eq!((paths(&store, "alpha").len(), store.statistics().delta_chunks), (2, 0));
}
