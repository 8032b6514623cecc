//! The graph through its public face: recall, filters, threads, cancelling, files.

#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use std::{
    path::Path,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use conexus_faiss::{
    Error, Hit, Hnsw, HnswParams, Priority, Quantized, Vectors, map_file, quantize, scan_ids, scan_top_k,
    write_atomically,
};

const DIM: usize = 128;
const COUNT: usize = 20_000;
const K: usize = 10;
const PARAMS: HnswParams = HnswParams { m: 16, ef_construction: 80, threads: 2, priority: Priority::Normal };
const IDENTITY: [u8; 32] = [42; 32];
static NEVER: AtomicBool = AtomicBool::new(false);

static LARGE: LazyLock<Hnsw> = LazyLock::new(|| {
    let vectors = Vectors::quantize(DIM, &support::clustered(COUNT, DIM, 400, 1)).unwrap();
    Hnsw::build(Arc::new(vectors), PARAMS, &NEVER).unwrap()
});

fn small(count: usize) -> Arc<Vectors> {
    Arc::new(Vectors::quantize(16, &support::clustered(count, 16, 20, 1)).unwrap())
}

fn queries() -> Vec<Quantized> {
    support::clustered(100, DIM, 400, 2).chunks_exact(DIM).map(|row| quantize(row).unwrap()).collect()
}

/// The share of the true answers that were found.
fn recall(found: &[Vec<Hit>], exact: &[Vec<Hit>]) -> f64 {
    let common: usize = std::iter::zip(found, exact)
        .map(|(found, exact)| found.iter().filter(|hit| exact.iter().any(|other| other.id == hit.id)).count())
        .sum();
    common as f64 / exact.iter().map(Vec::len).sum::<usize>() as f64
}

fn bitmap(count: usize, allowed: impl Fn(u32) -> bool) -> Vec<u64> {
    let mut words = vec![0; count.div_ceil(64)];
    (0..count as u32).filter(|id| allowed(*id)).for_each(|id| words[id as usize / 64] |= 1 << (id % 64));
    words
}

#[test]
fn finds_what_the_exact_scan_finds() {
    let view = LARGE.vectors().view();
    let exact: Vec<_> = queries().iter().map(|query| scan_top_k(query, view, None, K).unwrap()).collect();
    let at = |ef| -> Vec<_> { queries().iter().map(|query| LARGE.search(query, K, ef, None).unwrap()).collect() };
    let (low, good) = (recall(&at(10), &exact), recall(&at(128), &exact));
    assert!(good >= 0.95, "recall {good}");
    assert!(low < good, "ef decides recall: {low} at 10, {good} at 128");
    for (found, exact) in at(128).iter().zip(&exact) {
        assert!(found.is_sorted_by(|a, b| a.score >= b.score));
        // The same formula on the same bytes: a vector's score does not depend on who found it.
        for hit in found {
            let same = exact.iter().find(|other| other.id == hit.id);
            assert!(same.is_none_or(|other| (other.score - hit.score).abs() < 1e-5));
        }
    }
}

#[test]
fn many_equal_vectors_hide_nobody() {
    // Licence headers and generated code: a third of the set is one vector, and copies come in groups of 60.
    let mut rows = support::clustered(3_000, 32, 60, 1);
    let (first, rest) = rows.split_at_mut(32);
    rest.chunks_exact_mut(32).step_by(3).for_each(|row| row.copy_from_slice(first));
    for group in rest.chunks_exact_mut(32 * 60).step_by(2) {
        let (first, rest) = group.split_at_mut(32);
        rest.chunks_exact_mut(32).skip(1).step_by(2).for_each(|row| row.copy_from_slice(first));
    }
    let vectors = Arc::new(Vectors::quantize(32, &rows).unwrap());
    let graph = Hnsw::build(Arc::clone(&vectors), PARAMS, &NEVER).unwrap();
    let mut bytes = Vec::new();
    graph.write_to(&mut bytes, &IDENTITY).unwrap();
    let loaded = Hnsw::from_bytes(&bytes, Arc::clone(&vectors), &IDENTITY).unwrap();
    // Vector 0 stands for a third of the set: leaving it out must not leave out the others.
    let even = bitmap(3_000, |id| id != 0 && id % 2 == 0);
    for allowed in [None, Some(&even[..])] {
        let (mut found, mut exact) = (Vec::new(), Vec::new());
        for row in support::clustered(100, 32, 60, 2).chunks_exact(32).chain([&rows[..32]]) {
            let query = quantize(row).unwrap();
            exact.push(scan_top_k(&query, vectors.view(), allowed, K).unwrap());
            found.push(graph.search(&query, K, 128, allowed).unwrap());
            assert_eq!(loaded.search(&query, K, 128, allowed).unwrap(), found[found.len() - 1]);
        }
        assert!(recall(&found, &exact) >= 0.98, "recall {}", recall(&found, &exact));
        assert_eq!(found[100], exact[100], "the query is the vector with a thousand copies");
    }
}

#[test]
fn a_filter_is_obeyed() {
    let view = LARGE.vectors().view();
    let allowed = bitmap(COUNT, |id| id % 4 != 0);
    let found: Vec<_> = queries().iter().map(|query| LARGE.search(query, K, 128, Some(&allowed)).unwrap()).collect();
    assert!(found.iter().flatten().all(|hit| hit.id % 4 != 0));
    let exact: Vec<_> = queries().iter().map(|query| scan_top_k(query, view, Some(&allowed), K).unwrap()).collect();
    assert!(recall(&found, &exact) >= 0.95);

    // Ids past the bitmap's end are not allowed; a bitmap longer than the set is.
    let few = LARGE.search(&queries()[0], K, 64, Some(&allowed[..1])).unwrap();
    assert!(few.iter().all(|hit| hit.id < 64));
    assert!(LARGE.search(&queries()[0], K, 64, Some(&[])).unwrap().is_empty());
    assert_eq!(LARGE.search(&queries()[0], K, 64, Some(&vec![u64::MAX; COUNT])).unwrap().len(), K);
}

/// Why the caller scans: the documented rule, held by a test.
#[test]
fn a_selective_filter_needs_the_scan() {
    let view = LARGE.vectors().view();
    let ids: Vec<u32> = (0..COUNT as u32).filter(|id| id % 100 == 7).collect();
    let allowed = bitmap(COUNT, |id| id % 100 == 7);
    let searched: Vec<_> = queries().iter().map(|query| LARGE.search(query, K, 64, Some(&allowed)).unwrap()).collect();
    let scanned: Vec<_> = queries().iter().map(|query| scan_ids(query, view, &ids, K).unwrap()).collect();
    let exact: Vec<_> = queries().iter().map(|query| scan_top_k(query, view, Some(&allowed), K).unwrap()).collect();
    assert_eq!(scanned, exact);
    assert!(recall(&searched, &exact) < 0.9, "the rule in the documentation can be relaxed");
}

#[test]
fn threads_search_at_the_same_time() {
    let queries = queries();
    let alone: Vec<_> = queries.iter().map(|query| LARGE.search(query, K, 64, None).unwrap()).collect();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (queries, alone) = (&queries, &alone);
            scope.spawn(move || {
                for place in (0..queries.len()).map(|place| (place + thread * 13) % queries.len()) {
                    assert_eq!(LARGE.search(&queries[place], K, 64, None).unwrap(), alone[place]);
                }
            });
        }
    });
}

#[test]
fn one_thread_builds_the_same_graph_twice() {
    let params = HnswParams { threads: 1, ..PARAMS };
    let write = || {
        let mut bytes = Vec::new();
        Hnsw::build(small(2_000), params, &NEVER).unwrap().write_to(&mut bytes, &IDENTITY).unwrap();
        bytes
    };
    assert_eq!(write(), write());
}

#[test]
fn building_stops_soon_after_the_flag() {
    let cancel = AtomicBool::new(false);
    let seen = AtomicUsize::new(0);
    let result = Hnsw::build_with_progress(small(20_000), PARAMS, &cancel, &|done| {
        seen.fetch_max(done, Ordering::Relaxed);
        if done > 500 {
            cancel.store(true, Ordering::Relaxed);
        }
    });
    assert!(matches!(result, Err(Error::Cancelled)));
    assert!(seen.into_inner() < 500 + Hnsw::BATCH * (PARAMS.threads + 2));
}

#[test]
fn progress_ends_with_all_vectors() {
    let last = AtomicUsize::new(0);
    let background = HnswParams { priority: Priority::Background, ..PARAMS };
    let progress = |done| {
        last.fetch_max(done, Ordering::Relaxed);
    };
    Hnsw::build_with_progress(small(1_000), background, &NEVER, &progress).unwrap();
    assert_eq!(last.into_inner(), 1_000);
}

#[test]
fn tiny_sets_work() {
    for count in 0..4 {
        let vectors = small(count);
        let graph = Hnsw::build(Arc::clone(&vectors), PARAMS, &NEVER).unwrap();
        let query = quantize(&[1.0; 16]).unwrap();
        let exact = scan_top_k(&query, vectors.view(), None, K).unwrap();
        let ids = |hits: &[Hit]| hits.iter().map(|hit| hit.id).collect::<Vec<_>>();
        assert_eq!(ids(&graph.search(&query, K, 64, None).unwrap()), ids(&exact));
        assert!(graph.search(&query, 0, 64, None).unwrap().is_empty());
        assert_eq!(graph.search(&query, 1, 0, None).unwrap().len(), count.min(1));
        let mut bytes = Vec::new();
        graph.write_to(&mut bytes, &IDENTITY).unwrap();
        assert_eq!(Hnsw::from_bytes(&bytes, vectors, &IDENTITY).unwrap().len(), count);
    }
}

#[test]
fn wrong_settings_and_queries_are_refused() {
    for params in [
        HnswParams { m: 3, ..PARAMS },
        HnswParams { m: 129, ..PARAMS },
        HnswParams { ef_construction: 0, ..PARAMS },
        HnswParams { threads: 0, ..PARAMS },
    ] {
        assert!(matches!(Hnsw::build(small(10), params, &NEVER), Err(Error::Parameter { .. })));
    }
    let graph = Hnsw::build(small(10), PARAMS, &NEVER).unwrap();
    let query = quantize(&[1.0; 15]).unwrap();
    assert!(matches!(graph.search(&query, 1, 8, None), Err(Error::Dimension { expected: 16, found: 15 })));
}

#[test]
fn a_saved_graph_answers_the_same_over_mapped_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let vectors = small(2_000);
    let built = Hnsw::build(Arc::clone(&vectors), PARAMS, &NEVER).unwrap();
    let (graph_path, vectors_path) = (folder.path().join("graph"), folder.path().join("vectors"));
    built.save(&graph_path, &IDENTITY).unwrap();
    let view = vectors.view();
    write_atomically(&vectors_path, |out| {
        view.scales().iter().try_for_each(|scale| out.write_all(&scale.to_le_bytes()))?;
        view.codes().iter().try_for_each(|code| out.write_all(&code.to_le_bytes()))
    })
    .unwrap();
    let map = Arc::new(map_file(&vectors_path).unwrap());
    let scales = view.len() * 4;
    let mapped = Vectors::from_mapped(16, Arc::clone(&map), scales..map.len(), 0..scales).unwrap();
    let loaded = Hnsw::load(&graph_path, Arc::new(mapped), &IDENTITY).unwrap();
    for row in support::clustered(50, 16, 20, 2).chunks_exact(16) {
        let query = quantize(row).unwrap();
        assert_eq!(loaded.search(&query, K, 64, None).unwrap(), built.search(&query, K, 64, None).unwrap());
    }
    assert_eq!(loaded.memory_bytes(), built.memory_bytes());
}

#[test]
fn damaged_and_foreign_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graph");
    let vectors = small(300);
    Hnsw::build(Arc::clone(&vectors), PARAMS, &NEVER).unwrap().save(&path, &IDENTITY).unwrap();
    let good = std::fs::read(&path).unwrap();
    let format_error = |bytes: &[u8], what: &str| {
        let result = Hnsw::from_bytes(bytes, Arc::clone(&vectors), &IDENTITY);
        assert!(matches!(result, Err(Error::Format(_))), "{what}: {result:?}");
    };
    for len in (0..200).chain([good.len() / 2, good.len() - 1]) {
        format_error(&good[..len], "truncated");
    }
    format_error(&[&good[..], &[0]].concat(), "too long");
    for at in (0..good.len()).step_by(61).chain(0..120) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        format_error(&bytes, "flipped");
    }
    // A version that does not exist yet, with a right checksum.
    let mut next = good[..good.len() - 32].to_vec();
    next[8] += 1;
    let hash = blake3::hash(&next);
    next.extend(hash.as_bytes());
    let error = Hnsw::from_bytes(&next, Arc::clone(&vectors), &IDENTITY).unwrap_err();
    assert_eq!(error.to_string(), "graph file cannot be used: another version");

    let foreign = |vectors: Arc<Vectors>, identity: &[u8; 32]| Hnsw::load(&path, vectors, identity).unwrap_err();
    assert!(foreign(Arc::clone(&vectors), &[1; 32]).to_string().contains("other vectors"));
    assert!(foreign(small(299), &IDENTITY).to_string().contains("another number"));
    let wide = Vectors::quantize(32, &support::clustered(300, 32, 5, 1)).unwrap();
    assert!(foreign(Arc::new(wide), &IDENTITY).to_string().contains("another dimension"));
    assert!(matches!(Hnsw::load(Path::new("/no/such/graph"), vectors, &IDENTITY), Err(Error::Io { .. })));
}
