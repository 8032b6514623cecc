//! Scans and graph searches over clustered unit vectors of 256 dimensions, k = 10. Also prints recall.
//!
//! Measured on two shared x86-64 cores with AVX-512 VNNI, 2026-11-21, medians:
//!
//! | | 10,000 | 100,000 |
//! |---|---|---|
//! | scan | 52 us | 0.61 ms |
//! | scan of a tenth by ids | 16 us | 0.26 ms |
//! | HNSW m 16, efc 80, ef 64 | 41 us | 90 to 120 us |
//!
//! Recall here is against the exact int8 scan. Against f32 the int8 codes alone have about .977 on such data, whoever
//! searches them: fetch more and score again where that matters.
//!
//! `cargo bench -p conexus-faiss`. The graphs over 100,000 vectors take a minute or two to build first;
//! `CONEXUS_BENCH_MILLION=1` adds a million (minutes, 1 GB).

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark talks to its user")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::{
    collections::HashMap,
    sync::{
        Arc, LazyLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Instant,
};

use conexus_faiss::{Hnsw, HnswParams, Priority, Quantized, Vectors, kernel, quantize, scan_ids, scan_top_k};
use divan::{Bencher, black_box};

const DIM: usize = 256;
const K: usize = 10;
const PARAMS: [HnswParams; 2] = [params(16, 80), params(32, 200)];

const fn params(m: usize, ef_construction: usize) -> HnswParams {
    HnswParams { m, ef_construction, threads: 2, priority: Priority::Normal }
}

fn main() {
    println!("kernel: {}", kernel::name());
    divan::main();
}

fn sizes() -> Vec<usize> {
    let million = std::env::var_os("CONEXUS_BENCH_MILLION").map(|_| 1_000_000);
    [10_000, 100_000].into_iter().chain(million).collect()
}

static SETS: LazyLock<HashMap<usize, Arc<Vectors>>> = LazyLock::new(|| {
    let set = |count| Vectors::quantize(DIM, &support::clustered(count, DIM, count / 50, 1)).unwrap();
    sizes().into_iter().map(|count| (count, Arc::new(set(count)))).collect()
});

fn queries(count: usize) -> Vec<Quantized> {
    support::clustered(200, DIM, count / 50, 2).chunks_exact(DIM).map(|row| quantize(row).unwrap()).collect()
}

/// Times one call per query, in turn, so that the cache is as warm as in use.
fn bench_queries(bencher: Bencher<'_, '_>, count: usize, call: impl Fn(&Quantized) + Sync) {
    let queries = queries(count);
    let next = AtomicUsize::new(0);
    bencher.bench(|| call(&queries[next.fetch_add(1, Ordering::Relaxed) % queries.len()]));
}

#[divan::bench(args = sizes())]
fn scan(bencher: Bencher<'_, '_>, count: usize) {
    let set = &SETS[&count];
    bench_queries(bencher, count, |query| {
        black_box(scan_top_k(query, set.view(), None, K).unwrap());
    });
}

/// One vector in ten is allowed, here and there.
#[divan::bench(args = sizes())]
fn scan_a_tenth_by_ids(bencher: Bencher<'_, '_>, count: usize) {
    let set = &SETS[&count];
    let ids: Vec<u32> = (0..count as u32).step_by(10).collect();
    bench_queries(bencher, count, |query| {
        black_box(scan_ids(query, set.view(), &ids, K).unwrap());
    });
}

#[divan::bench]
fn dot_of_256(bencher: Bencher<'_, '_>) {
    let (a, b) = (vec![3_i8; DIM], vec![-5_i8; DIM]);
    bencher.bench(|| kernel::dot_i8(black_box(&a), black_box(&b)));
}

/// Built once each; building and recall are printed.
static GRAPHS: LazyLock<HashMap<(usize, usize), Hnsw>> = LazyLock::new(|| {
    let mut graphs = HashMap::new();
    for count in sizes() {
        let queries = queries(count);
        let exact: Vec<_> =
            queries.iter().map(|query| scan_top_k(query, SETS[&count].view(), None, K).unwrap()).collect();
        for params in PARAMS {
            let start = Instant::now();
            let graph = Hnsw::build(Arc::clone(&SETS[&count]), params, &AtomicBool::new(false)).unwrap();
            let seconds = start.elapsed().as_secs_f64();
            print!(
                "\n{count} m {} efc {}: {seconds:.1} s, {} MB",
                params.m,
                params.ef_construction,
                graph.memory_bytes() >> 20
            );
            for ef in EFS {
                let found: usize = std::iter::zip(&queries, &exact)
                    .map(|(query, exact)| {
                        let hits = graph.search(query, K, ef, None).unwrap();
                        hits.iter().filter(|hit| exact.iter().any(|other| other.id == hit.id)).count()
                    })
                    .sum();
                print!("; ef {ef} recall {:.3}", found as f64 / (K * queries.len()) as f64);
            }
            println!();
            graphs.insert((count, params.m), graph);
        }
    }
    graphs
});

const EFS: [usize; 3] = [32, 64, 256];

fn searches() -> impl Iterator<Item = (usize, usize, usize)> {
    sizes().into_iter().flat_map(|count| PARAMS.iter().flat_map(move |params| EFS.map(|ef| (count, params.m, ef))))
}

/// (vectors, m, ef)
#[divan::bench(args = searches())]
fn hnsw(bencher: Bencher<'_, '_>, (count, m, ef): (usize, usize, usize)) {
    let graph = &GRAPHS[&(count, m)];
    bench_queries(bencher, count, |query| {
        black_box(graph.search(query, K, ef, None).unwrap());
    });
}
