//! Speed of the store. `CONEXUS_BENCH_CORPUS=<folder>` takes source files of a folder instead of made-up ones;
//! `CONEXUS_BENCH_CHUNKS` sets the sizes of the search benchmarks (default `10000,100000`).
//!
//! Figures with data, machine and date are in `docs/architecture.md`.

mod corpus;

use conexus_core::{FileAnalysis, LineIndex};
use conexus_index::{Access, Batch, Content, LexicalQuery, Prepared, Store, tokenizer};
use corpus::{Corpus, settings, update};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;

fn main() {
    divan::main();
}

const QUERIES: [&str; 4] = [
    "where do we retry failed requests again",
    "parse the configuration file and report errors",
    "write buffer to output stream with length",
    "get next value from hash map iterator",
];

fn sizes() -> Vec<usize> {
    let sizes = std::env::var("CONEXUS_BENCH_CHUNKS").unwrap_or_else(|_| "10000,100000".into());
    sizes.split(',').filter_map(|size| size.trim().parse().ok()).collect()
}

type Built = Arc<(TempDir, Mutex<Store>, Corpus)>;

/// A store of about that many chunks, built once.
fn store(chunks: usize) -> Built {
    static STORES: Mutex<Option<HashMap<usize, Built>>> = Mutex::new(None);
    let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    let stores = stores.get_or_insert_with(HashMap::new);
    let made = stores.entry(chunks).or_insert_with(|| {
        let corpus = Corpus::of_chunks(chunks);
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = build(&folder, &corpus);
        Arc::new((folder, Mutex::new(store), corpus))
    });
    Arc::clone(made)
}

fn build(folder: &TempDir, corpus: &Corpus) -> Store {
    let (mut store, _) = Store::open(folder.path(), settings(), Access::Write, &()).expect("open");
    store.begin_bulk(usize::MAX).expect("begin");
    for files in corpus.files.chunks(64) {
        let updates = files.iter().map(|file| update(file, true)).collect();
        store.commit(Batch { updates, removals: Vec::new() }).expect("commit");
    }
    store.end_bulk().expect("end");
    store.flush().expect("flush");
    store
}

#[divan::bench]
fn tokenize(bencher: Bencher<'_, '_>) {
    let corpus = Corpus::of_chunks(10_000);
    let text: String = corpus.files.iter().map(|file| &*file.text).collect();
    bencher.counter(BytesCount::of_str(&text)).bench(|| tokenizer::count(black_box(&text)));
}

#[divan::bench(sample_count = 3)]
fn bulk_load_without_vectors(bencher: Bencher<'_, '_>) {
    let corpus = Corpus::of_chunks(40_000);
    let bytes: usize = corpus.files.iter().map(|file| file.text.len()).sum();
    bencher.counter(BytesCount::new(bytes)).with_inputs(|| tempfile::tempdir().expect("folder")).bench_values(
        |folder| {
            let (mut store, _) = Store::open(folder.path(), settings(), Access::Write, &()).expect("open");
            store.begin_bulk(usize::MAX).expect("begin");
            for files in corpus.files.chunks(64) {
                let updates = files.iter().map(|file| update(file, false)).collect();
                store.commit(Batch { updates, removals: Vec::new() }).expect("commit");
            }
            store.end_bulk().expect("end");
            folder
        },
    );
}

#[divan::bench(args = sizes(), sample_count = 100, sample_size = 1)]
fn commit_one_file(bencher: Bencher<'_, '_>, chunks: usize) {
    let made = store(chunks);
    let (_, store, corpus) = &*made;
    let mut turn = 0u32;
    bencher.bench_local(|| {
        turn += 1;
        let file = &corpus.files[turn as usize * 7919 % corpus.files.len()];
        let mut update = update(file, true);
        update.stat.mtime_ns = i64::from(turn);
        let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
        store.commit(Batch { updates: vec![update], removals: Vec::new() }).expect("commit")
    });
}

#[divan::bench(args = sizes())]
fn lexical_six_words(bencher: Bencher<'_, '_>, chunks: usize) {
    let made = store(chunks);
    let snapshot = made.1.lock().unwrap_or_else(PoisonError::into_inner).snapshot();
    let queries = QUERIES.map(LexicalQuery::new);
    let mut turn = 0;
    bencher.bench_local(|| {
        turn += 1;
        snapshot.lexical(queries[turn % queries.len()].clone()).expect("search").best(None, 100)
    });
}

#[divan::bench(args = sizes())]
fn nearest(bencher: Bencher<'_, '_>, chunks: usize) {
    let made = store(chunks);
    let snapshot = made.1.lock().unwrap_or_else(PoisonError::into_inner).snapshot();
    let query = snapshot.alive().iter().find_map(|slot| snapshot.vector(slot)).expect("a vector");
    bencher.bench_local(|| snapshot.nearest(&query, None, 100).expect("search"));
}

#[divan::bench(args = sizes())]
fn filter_by_folder(bencher: Bencher<'_, '_>, chunks: usize) {
    let made = store(chunks);
    let snapshot = made.1.lock().unwrap_or_else(PoisonError::into_inner).snapshot();
    let filter = conexus_core::Filter { include: vec!["folder1".into()], ..conexus_core::Filter::default() };
    bencher.bench_local(|| snapshot.allowed(&filter).expect("filter"));
}

#[divan::bench(args = sizes(), sample_count = 10, sample_size = 1)]
fn open_and_answer(bencher: Bencher<'_, '_>, chunks: usize) {
    let made = store(chunks);
    let (folder, store, _) = &*made;
    store.lock().unwrap_or_else(PoisonError::into_inner).flush().expect("flush");
    bencher.bench_local(|| {
        let (store, report) = Store::open(folder.path(), settings(), Access::Read, &()).expect("open");
        assert_eq!(report.caught_up, 0);
        store.snapshot().lexical(LexicalQuery::new(QUERIES[0])).expect("search").best(None, 10)
    });
}

#[divan::bench(args = sizes())]
fn snapshot_with_one_overlay(bencher: Bencher<'_, '_>, chunks: usize) {
    let made = store(chunks);
    let snapshot = made.1.lock().unwrap_or_else(PoisonError::into_inner).snapshot();
    let file = &made.2.files[0];
    let Content::New { analysis, text, vectors } = update(file, true).content else { return };
    let path: Arc<str> = file.path.as_str().into();
    let overlay = conexus_index::OverlayFile {
        path: Arc::clone(&path),
        blob: file.blob,
        language: conexus_core::Language::TEXT,
        flags: conexus_index::FileFlags::default(),
        prepared: prepared(path, analysis, text).expect("prepared").with_postings(),
        vectors: vectors.map(Arc::new),
    };
    bencher.bench_local(|| snapshot.overlay(std::slice::from_ref(&overlay)).expect("overlay"));
}

#[divan::bench]
fn prepare_one_file(bencher: Bencher<'_, '_>) {
    let corpus = Corpus::of_chunks(200);
    let file = corpus.files.iter().max_by_key(|file| file.text.len()).expect("a file");
    bencher.counter(BytesCount::of_str(&*file.text)).with_inputs(|| update(file, false)).bench_values(|update| {
        let Content::New { analysis, text, .. } = update.content else { return None };
        prepared(update.path, analysis, text).ok().map(Prepared::with_postings)
    });
}

fn prepared(path: Arc<str>, analysis: FileAnalysis, text: Arc<str>) -> conexus_index::Result<Prepared> {
    let lines = LineIndex::new(&text);
    Prepared::new(path, analysis, text, &lines)
}
