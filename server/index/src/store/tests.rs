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
    let hits = snapshot.lexical(LexicalQuery::new(query)).unwrap().best(None, 100);
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
            store.begin_bulk(usize::MAX).unwrap();
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

/// Unit vectors on a circle in the first two of eight dimensions: chunk `i` of 2,000 is at `i` thousandths of pi.
fn circle(at: usize) -> [f32; 8] {
    let angle = at as f32 * std::f32::consts::PI / 1000.0;
    [angle.cos(), angle.sin(), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
}

#[test]
fn a_graph_is_built_used_kept_and_loaded() {
    let folder = tempfile::tempdir().unwrap();
    let model = crate::ModelStamp { id: "circle".into(), dimension: 8 };
    let settings = StoreSettings { model: Some(model.clone()), graph_from: 600, ..StoreSettings::default() };
    let (mut store, _) = Store::open(folder.path(), settings.clone(), Access::Write, &()).unwrap();
    let put = |store: &mut Store, from: usize, to: usize| {
        let updates = (from..to).step_by(10).map(|first| {
            let mut update = update(&format!("{first}.rs"), &format!("line {first}\n").repeat(10));
            let rows: Vec<f32> = (first..first + 10).flat_map(circle).collect();
            if let Content::New { vectors, .. } = &mut update.content {
                *vectors = Some(crate::VectorBlock::from_rows(model.clone(), &rows));
            }
            update
        });
        store.commit(Batch { updates: updates.collect(), removals: Vec::new() }).unwrap();
    };
    let check = |store: &Store, at: usize| {
        let snapshot = store.snapshot();
        let hits = snapshot.nearest(&circle(at), None, 3).unwrap();
        assert_eq!(hits.len(), 3);
        assert!(hits[0].similarity > 0.9999, "{at}: {hits:?}");
        let found = snapshot.file_of(hits[0].slot).unwrap();
        let place: usize = found.path().trim_end_matches(".rs").parse().unwrap();
        assert!(
            (place..place + 10).contains(&at) || (place + 9).abs_diff(at) < 3 || place.abs_diff(at) < 3,
            "{at}: {place}"
        );
    };
    put(&mut store, 0, 1500);
    store.flush().unwrap();
    store.vectors.start_graph(store.current.state.epoch).unwrap();
    assert!(store.vectors.wait().unwrap());
    store.publish(None);
    assert!(store.vectors.has_graph());
    // Newer rows are scanned beside the graph; removed ones are not answered.
    put(&mut store, 1500, 2000);
    store.commit(Batch { updates: Vec::new(), removals: vec!["700.rs".into()] }).unwrap();
    for at in [3, 444, 1111, 1499, 1500, 1777] {
        check(&store, at);
    }
    let snapshot = store.snapshot();
    let gone = snapshot.nearest(&circle(705), None, 1000).unwrap();
    assert!(gone.iter().all(|hit| snapshot.file_of(hit.slot).is_some_and(|file| &**file.path() != "700.rs")));
    let few: SlotSet = (0..50).collect();
    assert_eq!(snapshot.nearest(&circle(705), Some(&few), 9).unwrap().len(), 9);
    store.close().unwrap();
    let (mut store, _) = Store::open(folder.path(), settings, Access::Write, &()).unwrap();
    store.vectors.wait().unwrap();
    store.publish(None);
    assert!(store.vectors.has_graph());
    for at in [3, 1111, 1777] {
        check(&store, at);
    }
}

#[test]
fn what_a_killed_flush_left_behind_is_not_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path(), &());
    store
        .commit(Batch { updates: vec![update("a.rs", "alpha\n"), update("b.rs", "beta\n")], removals: vec![] })
        .unwrap();
    store.flush().unwrap();
    store.commit(one("a.rs", "gamma\n")).unwrap();
    let kept: Vec<_> = ["catalog.sqlite", "catalog.sqlite-wal", "lexical/meta.json"]
        .map(|name| (folder.path().join(name), std::fs::read(folder.path().join(name)).unwrap()))
        .into();
    store.flush().unwrap();
    drop(store);
    // As if it had been killed after it had written all files and before it made them the index.
    for (path, bytes) in kept {
        std::fs::write(path, bytes).unwrap();
    }
    let left = std::fs::read_dir(folder.path().join("lexical")).unwrap().flatten();
    assert_eq!(left.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "del")).count(), 1);
    let mut store = open(folder.path(), &Same("gamma\n"));
    store.flush().unwrap();
    for (word, expected) in [("alpha", &[][..]), ("beta", &["b.rs"]), ("gamma", &["a.rs"])] {
        assert_eq!(paths(&store, word), expected, "{word}");
    }
}

/// Vectors as code has them: families of near copies around some hundred centres, by a seeded rule.
fn families(count: usize, seed: u64) -> Vec<[f32; 8]> {
    let mut state = seed;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 8_388_608.0 - 1.0
    };
    let centres: Vec<[f32; 8]> = (0..200).map(|_| std::array::from_fn(|_| random())).collect();
    (0..count).map(|at| std::array::from_fn(|axis| centres[at % centres.len()][axis] + random() * 0.2)).collect()
}

#[test]
fn a_graph_answers_nearly_as_an_exact_scan_and_follows_changes() {
    const LINES: usize = 20;
    let folder = tempfile::tempdir().unwrap();
    let model = crate::ModelStamp { id: "families".into(), dimension: 8 };
    let settings = StoreSettings { model: Some(model.clone()), graph_from: 4_000, ..StoreSettings::default() };
    let (mut store, _) = Store::open(folder.path(), settings.clone(), Access::Write, &()).unwrap();
    let vectors = families(9_000, 1);
    let put = |store: &mut Store, files: std::ops::Range<usize>, with_vectors: bool| {
        let updates = files.map(|file| {
            let mut update = update(&format!("{file:04}.rs"), &format!("line {file}\n").repeat(LINES));
            let rows: Vec<f32> = vectors[file * LINES..][..LINES].concat();
            if let (Content::New { vectors, .. }, true) = (&mut update.content, with_vectors) {
                *vectors = Some(crate::VectorBlock::from_rows(model.clone(), &rows));
            }
            update
        });
        store.commit(Batch { updates: updates.collect(), removals: Vec::new() }).unwrap();
    };
    let queries = families(400, 1);
    let check = |store: &Store| {
        let snapshot = store.snapshot();
        assert!(snapshot.has_graph());
        let (mut found, mut wanted) = (0, 0);
        for query in &queries[200..] {
            let exact = snapshot.without_graph().nearest(query, None, 10).unwrap();
            let answered = snapshot.nearest(query, None, 10).unwrap();
            assert_eq!((exact.len(), answered.len()), (10, 10));
            // Equal scores are equal answers.
            found += answered.iter().filter(|hit| hit.similarity >= exact[9].similarity - 1e-6).count();
            wanted += 10;
        }
        assert!(found * 100 >= wanted * 98, "{found} of {wanted}");
    };
    let none = AtomicBool::new(false);
    put(&mut store, 0..200, true);
    assert!(store.build_graph(2, &none, &|_| ()).unwrap().is_some());
    check(&store);
    assert!(store.build_graph(2, &none, &|_| ()).unwrap().is_none(), "it is there already");
    // New rows, in memory and then in the file, are scanned beside the graph; nothing is built again at a close.
    put(&mut store, 200..220, true);
    check(&store);
    store.close().unwrap();
    let (mut store, _) = Store::open(folder.path(), settings.clone(), Access::Write, &()).unwrap();
    store.vectors.wait().unwrap();
    store.publish(None);
    check(&store);
    assert!(store.build_graph(2, &none, &|_| ()).unwrap().is_none(), "too little is new");
    // A vector for a slot below the graph's end makes it void.
    put(&mut store, 220..230, false);
    put(&mut store, 230..300, true);
    assert!(store.build_graph(2, &none, &|_| ()).unwrap().is_some());
    let missing = store.missing_vectors(&model, 100).unwrap();
    assert_eq!(missing.len(), 10);
    let blocks: Vec<_> = (missing.into_iter())
        .map(|missing| {
            let file: usize = missing.path.trim_end_matches(".rs").parse().unwrap();
            let rows = vectors[file * LINES..][..LINES].concat();
            (missing, crate::VectorBlock::from_rows(model.clone(), &rows))
        })
        .collect();
    store.put_vectors(&blocks).unwrap();
    check(&store);
    store.close().unwrap();
    let (mut store, _) = Store::open(folder.path(), settings, Access::Write, &()).unwrap();
    store.vectors.wait().unwrap();
    assert!(!store.publish(None).has_graph());
    assert!(store.build_graph(2, &none, &|_| ()).unwrap().is_some());
    check(&store);
}

#[test]
fn a_graph_that_is_given_up_leaves_the_exact_scan() {
    let folder = tempfile::tempdir().unwrap();
    let model = crate::ModelStamp { id: "circle".into(), dimension: 8 };
    let settings = StoreSettings { model: Some(model.clone()), graph_from: 1_000, ..StoreSettings::default() };
    let (mut store, _) = Store::open(folder.path(), settings, Access::Write, &()).unwrap();
    let rows: Vec<f32> = (0..1_500).flat_map(circle).collect();
    let mut update = update("a.rs", &"line\n".repeat(1_500));
    if let Content::New { vectors, .. } = &mut update.content {
        *vectors = Some(crate::VectorBlock::from_rows(model, &rows));
    }
    store.commit(Batch { updates: vec![update], removals: Vec::new() }).unwrap();
    assert!(store.build_graph(1, &AtomicBool::new(true), &|_| ()).unwrap().is_none());
    assert!(!store.snapshot().has_graph());
    assert_eq!(store.snapshot().nearest(&circle(3), None, 5).unwrap().len(), 5);
}

#[test]
fn what_gathers_in_a_load_is_written_far_from_the_ceiling_too() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) = Store::open(folder.path(), StoreSettings::default(), Access::Write, &()).unwrap();
    let held = vec![1_u8; (FREED_FROM + GATHERED) as usize];
    store.begin_bulk(usize::MAX).unwrap();
    let before = store.commit(one("a.rs", "alpha\n")).unwrap();
    assert_eq!(store.keep_memory().unwrap(), Relief::NotNeeded, "far from the ceiling nothing is done less well");
    if crate::resident().is_some() {
        assert_eq!(before.file_count(), 0, "a load is not visible at once");
        assert_eq!(paths(&store, "alpha"), ["a.rs"]);
        store.commit(one("b.rs", "beta\n")).unwrap();
        store.keep_memory().unwrap();
        assert_eq!(paths(&store, "beta"), [""; 0], "nothing has gathered since");
    }
    drop(held);
    store.end_bulk().unwrap();
    assert_eq!(paths(&store, "beta"), ["b.rs"]);
}

#[test]
fn memory_is_freed_near_its_ceiling() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreSettings { memory: 1, ..StoreSettings::default() };
    let (mut store, _) = Store::open(folder.path(), settings, Access::Write, &()).unwrap();
    for bulk in [false, true] {
        if bulk {
            store.begin_bulk(usize::MAX).unwrap();
        }
        store.commit(one("a.rs", "alpha\n")).unwrap();
        store.commit(one("b.rs", if bulk { "beta\n" } else { "gamma\n" })).unwrap();
        store.relieved = 0;
        let relief = store.keep_memory().unwrap();
        if crate::resident().is_some() {
            assert!(matches!(relief, Relief::Exceeded(bytes) if bytes > 1), "{relief:?}");
            assert_eq!(store.statistics().delta_chunks, 0, "nothing waits in memory");
        }
        assert_eq!(paths(&store, if bulk { "beta" } else { "gamma" }), ["b.rs"]);
    }
    store.end_bulk().unwrap();
    assert_eq!(paths(&store, "alpha"), ["a.rs"]);
}
