//! What a commit does and what searches see of it.

use conexus_core::{Filter, LineIndex, SymbolKind, TestFilter};
use conexus_index::{
    Access, Content, Error, LexicalQuery, ModelStamp, OverlayFile, Prepared, Store, StoreSettings, Stored, VectorBlock,
    VectorShare,
};
use std::sync::Arc;

use crate::support::*;

const PARSER: &str = "use io;\nfn parse_json(text) {\n    read_value(text)\n}\nfn TokenStream() {\n    parse_json\n}\n";
const CACHE: &str = "fn cached_read() {\n    caches.get(parseJson)\n}\n";

#[test]
fn a_commit_is_found_by_words_vectors_and_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    let snapshot = store.commit(updates(vec![new("src/parser.rs", PARSER), new("src/cache.rs", CACHE)])).unwrap();
    assert_eq!((snapshot.generation().0, snapshot.file_count(), snapshot.live_chunks()), (1, 2, 4));

    let search = snapshot.lexical(LexicalQuery::new("parse json")).unwrap();
    let hits = search.best(None, 10);
    let best = snapshot.chunk(hits[0].slot).unwrap();
    assert_eq!(best.chunk.symbol().unwrap().name(), "parse_json");
    assert_eq!(best.chunk.lines(), (1, 3));
    assert_eq!(hits[0].terms, 0b11);
    assert_eq!(hits.len(), 3, "the other function mentions it, and the cache too");

    let scores = search.scores(&[hits[1].slot, 77, hits[0].slot]);
    assert_eq!(scores, [hits[1].score, 0.0, hits[0].score]);

    let nearest = snapshot.nearest(&query_vector(CACHE), None, 1).unwrap();
    let found = snapshot.chunk(nearest[0].slot).unwrap();
    assert_eq!(&**found.file.path(), "src/cache.rs");
    assert!(nearest[0].similarity > 0.99);
    assert_eq!(
        snapshot.similarities(&query_vector(CACHE), &[nearest[0].slot, 99]).unwrap(),
        [Some(nearest[0].similarity), None]
    );
    assert_eq!(snapshot.vector(nearest[0].slot).unwrap().len(), DIMENSION);

    let file = snapshot.file("src/parser.rs").unwrap();
    let references = snapshot.references(file).unwrap().unwrap();
    assert!(references.iter().any(|named| named.name == "read_value" && named.reference.within == Some(0)));
    assert_eq!(
        snapshot.symbols().map(|(_, symbol)| symbol.name().to_owned()).collect::<Vec<_>>(),
        ["cached_read", "parse_json", "TokenStream"]
    );
    assert_eq!(
        snapshot.slots_with_term(&conexus_index::tokenizer::identifier_term("parse_json").unwrap()).unwrap().len(),
        3
    );
    assert_eq!(snapshot.files_below("src/p").count(), 1);
}

#[test]
fn a_snapshot_does_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    let before = store.commit(updates(vec![new("a.rs", PARSER)])).unwrap();
    let seen = view(&before, &["parse", "cache"]);
    store.commit(updates(vec![new("a.rs", CACHE), new("b.rs", PARSER)])).unwrap();
    store.commit(removals(&["b.rs", "never there"])).unwrap();
    store.flush().unwrap();
    assert_eq!(view(&before, &["parse", "cache"]), seen);
    assert_eq!(store.snapshot().generation().0, 3);
}

#[test]
fn a_known_content_is_not_analysed_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    assert_eq!(store.stored(blob(PARSER), RUST, 0).unwrap(), Stored::Nothing);
    assert!(matches!(store.commit(updates(vec![known("a.rs", PARSER)])), Err(Error::Invalid(_))));
    store.commit(updates(vec![new("a.rs", PARSER)])).unwrap();
    assert_eq!(store.stored(blob(PARSER), RUST, 0).unwrap(), Stored::All);
    assert_eq!(store.stored(blob(PARSER), RUST, 1).unwrap(), Stored::Analysis, "vectors for another path");
    assert_eq!(store.stored_analysis(blob(PARSER), RUST).unwrap().unwrap(), analyse(PARSER));
    store.commit(removals(&["a.rs"])).unwrap();
    let snapshot = store.commit(updates(vec![known("b.rs", PARSER)])).unwrap();
    let expected = fresh_view(&Workspace::of(&[("b.rs", PARSER)]), &["parse json"]);
    assert_eq!(view(&snapshot, &["parse json"]), expected);
}

#[test]
fn only_the_stat_changes() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    store.commit(updates(vec![new("a.rs", PARSER)])).unwrap();
    let slot = store.snapshot().file("a.rs").unwrap().first_slot();
    let mut update = touched("a.rs", PARSER);
    update.stat.mtime_ns = 99;
    let snapshot = store.commit(updates(vec![update])).unwrap();
    let file = snapshot.file("a.rs").unwrap();
    assert_eq!((file.stat().mtime_ns, file.first_slot()), (99, slot));
    assert_eq!(
        store
            .commit(updates(vec![{
                let mut same = touched("a.rs", PARSER);
                same.stat.mtime_ns = 99;
                same
            }]))
            .unwrap()
            .generation(),
        snapshot.generation(),
        "nothing changed"
    );
    assert!(store.commit(updates(vec![touched("a.rs", CACHE)])).is_err());
    drop(store);
    let (store, _) = open(folder.path(), &Workspace::of(&[("a.rs", PARSER)])).unwrap();
    assert_eq!(store.snapshot().file("a.rs").unwrap().stat().mtime_ns, 99);
}

#[test]
fn a_bad_batch_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    store.commit(updates(vec![new("a.rs", PARSER)])).unwrap();
    let before = view(&store.snapshot(), &["parse"]);
    let twice = updates(vec![new("b.rs", CACHE), new("b.rs", CACHE)]);
    assert!(matches!(store.commit(twice), Err(Error::Invalid(_))));
    let mut wrong = new("b.rs", CACHE);
    if let Content::New { vectors: Some(block), .. } = &mut wrong.content {
        block.rows.pop();
    }
    assert!(matches!(store.commit(updates(vec![wrong])), Err(Error::Invalid(_))));
    let contradiction = {
        let mut update = new("b.rs", PARSER);
        if let Content::New { analysis, .. } = &mut update.content {
            analysis.symbols[0].parent = Some(5);
        }
        update
    };
    assert!(matches!(store.commit(updates(vec![contradiction])), Err(Error::Invalid(_))));
    assert_eq!(view(&store.snapshot(), &["parse"]), before);
    assert!(store.snapshot().nearest(&[1.0; 3], None, 1).is_err(), "another dimension");
    assert!(store.snapshot().nearest(&[f32::NAN; DIMENSION], None, 1).is_err());
    assert!(store.snapshot().nearest(&[0.0; DIMENSION], None, 1).unwrap().is_empty());
}

#[test]
fn filters() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    let test = "fn test_parse() {\n}\nfn helper() {\n}\n";
    store
        .commit(updates(vec![
            new("src/a.rs", PARSER),
            new("src/deep/b.rs", CACHE),
            new("tests/c.rs", CACHE),
            new("src/d.rs", test),
        ]))
        .unwrap();
    let snapshot = store.snapshot();
    let allowed = |filter: Filter| -> Vec<String> {
        let slots = snapshot.allowed(&filter).unwrap().unwrap();
        let mut paths: Vec<_> = slots.iter().map(|slot| snapshot.file_of(slot).unwrap().path().to_string()).collect();
        paths.dedup();
        paths.sort();
        paths
    };
    let include = |pattern: &str| Filter { include: vec![pattern.into()], ..Filter::default() };
    assert_eq!(snapshot.allowed(&Filter::default()).unwrap(), None);
    for (pattern, expected) in [
        ("*.rs", "src/a.rs src/d.rs src/deep/b.rs tests/c.rs"),
        ("src", "src/a.rs src/d.rs src/deep/b.rs"),
        ("src/", "src/a.rs src/d.rs src/deep/b.rs"),
        ("deep", "src/deep/b.rs"),
        ("src/*.rs", "src/a.rs src/d.rs"),
        ("/src/deep", "src/deep/b.rs"),
        ("**/b.rs", "src/deep/b.rs"),
        ("nothing", ""),
    ] {
        assert_eq!(allowed(include(pattern)).join(" "), expected, "{pattern}");
    }
    assert_eq!(
        allowed(Filter { exclude: vec!["src/deep".into(), "tests/**".into()], ..Filter::default() }),
        ["src/a.rs", "src/d.rs"]
    );
    assert_eq!(allowed(Filter { languages: vec!["go".into()], ..Filter::default() }), Vec::<String>::new());
    assert_eq!(allowed(Filter { kinds: vec![SymbolKind::Struct], ..Filter::default() }), ["src/a.rs"]);
    assert_eq!(allowed(Filter { tests: TestFilter::Only, ..Filter::default() }), ["src/d.rs", "tests/c.rs"]);
    assert_eq!(
        snapshot.allowed(&Filter { tests: TestFilter::Exclude, ..Filter::default() }).unwrap().unwrap().len(),
        5
    );
    assert!(matches!(snapshot.allowed(&include("a[")), Err(Error::Pattern { .. })));

    let only = snapshot.allowed(&include("deep")).unwrap();
    let again = snapshot.allowed(&include("deep")).unwrap();
    assert!(std::sync::Arc::ptr_eq(only.as_ref().unwrap(), again.as_ref().unwrap()));
    let hits = snapshot.lexical(LexicalQuery::new("parse json")).unwrap().best(only.as_deref(), 10);
    assert_eq!(hits.len(), 1);
    assert_eq!(snapshot.nearest(&query_vector(PARSER), only.as_deref(), 10).unwrap().len(), 1);
}

#[test]
fn an_overlay_answers_like_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    let base = store.commit(updates(vec![new("a.rs", PARSER), new("b.rs", CACHE)])).unwrap();
    store.flush().unwrap();
    let overlay = |path: &str, text: &str| OverlayFile {
        path: path.into(),
        blob: blob(text),
        language: RUST,
        flags: base.file(path).map(|file| file.flags()).unwrap_or_default(),
        prepared: Prepared::new(path.into(), analyse(text), text.into(), &LineIndex::new(text))
            .unwrap()
            .with_postings(),
        vectors: Some(Arc::new(vectors(text, &analyse(text)))),
    };
    let edited = "fn parse_yaml() {\n    caches\n}\n";
    let queries = ["parse caches yaml", "json"];
    let over = store.snapshot().overlay(&[overlay("a.rs", edited), overlay("new.rs", PARSER)]).unwrap();
    let again = over.overlay(&[overlay("a.rs", PARSER)]).unwrap().overlay(&[overlay("a.rs", edited)]).unwrap();
    let mut expected = fresh_view(&Workspace::of(&[("a.rs", edited), ("b.rs", CACHE), ("new.rs", PARSER)]), &queries);
    for (files, answers) in [view(&over, &queries), view(&again, &queries)] {
        assert_eq!(answers, expected.1);
        assert_eq!(files.last(), expected.0.last());
    }
    expected = fresh_view(&Workspace::of(&[("a.rs", PARSER), ("b.rs", CACHE)]), &queries);
    assert_eq!(view(&store.snapshot(), &queries), expected, "the base has not changed");
}

#[test]
fn vectors_can_come_later() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    store
        .commit(updates(vec![without_vectors("a.rs", PARSER), without_vectors("same.rs", PARSER), new("b.rs", CACHE)]))
        .unwrap();
    assert_eq!(store.snapshot().live_vectors(), 1);
    let model = settings().model.unwrap();
    let missing = store.missing_vectors(&model, 10).unwrap();
    assert_eq!((missing.len(), missing[0].chunks, &*missing[0].path), (1, 3, "a.rs"));
    let block = vectors(PARSER, &analyse(PARSER));
    let snapshot = store.put_vectors(&[(missing[0].clone(), block)]).unwrap();
    assert_eq!(store.missing_vectors(&model, 10).unwrap(), []);
    let workspace = Workspace::of(&[("a.rs", PARSER), ("same.rs", PARSER), ("b.rs", CACHE)]);
    let expected = fresh_view(&workspace, &["parse json"]);
    assert_eq!(view(&snapshot, &["parse json"]), expected);
    drop(store);
    let (store, _) = open(folder.path(), &workspace).unwrap();
    assert_eq!(view(&store.snapshot(), &["parse json"]), expected);
}

#[test]
fn another_model_starts_without_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    store.commit(updates(vec![new("a.rs", PARSER)])).unwrap();
    store.close().unwrap();
    let mut other = settings();
    let model = ModelStamp { id: "other".into(), dimension: DIMENSION };
    other.model = Some(model.clone());
    let (mut store, report) = Store::open(folder.path(), other, Access::Write, &()).unwrap();
    assert_eq!((store.snapshot().live_vectors(), store.missing_vectors(&model, 9).unwrap().len()), (0, 1));
    assert_eq!(report.dropped, Vec::<Arc<str>>::new());
    assert!(store.prune(0).unwrap() > 0, "vectors of the old model");
}

/// A better model is caught up beside the one that is searched, and takes its place as a whole.
#[test]
fn vectors_of_another_model_wait_until_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::of(&[("a.rs", PARSER), ("b.rs", CACHE)]);
    let better = ModelStamp { id: "better".into(), dimension: 2 };
    let both = StoreSettings { keep_other_models: true, ..settings() };
    let mut store = Store::open(folder.path(), both.clone(), Access::Write, &workspace).unwrap().0;
    store.commit(updates(vec![new("a.rs", PARSER), new("b.rs", CACHE)])).unwrap();
    let before = view(&store.snapshot(), &["parse json"]);
    assert_eq!(store.vector_share(&better).unwrap(), VectorShare { have: 0, all: 4 });
    for left in [1, 0] {
        let missing = store.missing_vectors(&better, 1).unwrap().remove(0);
        let rows: Vec<f32> = (0..missing.chunks).flat_map(|chunk| [1.0, chunk as f32]).collect();
        store.put_vectors(&[(missing, VectorBlock::from_rows(better.clone(), &rows))]).unwrap();
        assert_eq!(store.missing_vectors(&better, 9).unwrap().len(), left);
        assert_eq!(view(&store.snapshot(), &["parse json"]), before, "the model that is searched answers as before");
    }
    assert_eq!(store.vector_share(&better).unwrap(), VectorShare { have: 4, all: 4 });
    assert_eq!(Store::vector_share_in(folder.path(), &both, &better), VectorShare { have: 4, all: 4 });
    assert_eq!(store.prune(0).unwrap(), 0, "both models are in use");
    let held = store.snapshot();
    let alone = StoreSettings { model: Some(better.clone()), ..settings() };
    store.reopen(alone, &workspace).unwrap();
    assert_eq!(view(&held, &["parse json"]), before, "who searches goes on with what it has");
    let snapshot = store.snapshot();
    assert_eq!((snapshot.model(), snapshot.live_vectors()), (Some(&better), 4));
    assert_eq!(snapshot.nearest(&[1.0, 0.0], None, 9).unwrap().len(), 4);
    assert!(store.prune(0).unwrap() > 0, "vectors of the model before");
}

#[test]
fn prune_keeps_what_is_live() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = fresh(folder.path());
    store.commit(updates(vec![new("a.rs", PARSER), new("b.rs", CACHE)])).unwrap();
    store.commit(removals(&["a.rs"])).unwrap();
    assert_eq!(store.prune(1 << 20).unwrap(), 0, "within the budget");
    assert!(store.prune(0).unwrap() > 0);
    assert_eq!(store.stored(blob(PARSER), RUST, 0).unwrap(), Stored::Nothing);
    assert_eq!(store.stored(blob(CACHE), RUST, 0).unwrap(), Stored::All);
}

/// A session of many saves leaves no more behind than it may, and what was saved lately is still known.
#[test]
fn former_contents_are_pruned_as_they_gather() {
    let text = |version: usize| -> String {
        let lines: Vec<_> = (0..40).map(|number| format!("fn name_{number}_of_version_{version}() {{}}\n")).collect();
        lines.concat()
    };
    let size_after = |former_bytes: u64| {
        let folder = tempfile::tempdir().unwrap();
        let settings = StoreSettings { former_bytes, ..settings() };
        let (mut store, _) = Store::open(folder.path(), settings, Access::Write, &()).unwrap();
        for version in 0..1_000 {
            store.commit(updates(vec![new("a.rs", &text(version))])).unwrap();
            store.poll().unwrap();
        }
        for version in [998, 999] {
            assert_eq!(store.stored(blob(&text(version)), RUST, 0).unwrap(), Stored::All, "version {version}");
        }
        let workspace = Workspace::of(&[("a.rs", &text(999))]);
        assert_eq!(view(&store.snapshot(), &["name"]), fresh_view(&workspace, &["name"]));
        store.flush().unwrap();
        store.statistics().catalog_bytes
    };
    let (pruned, kept) = (size_after(128 << 10), size_after(u64::MAX));
    assert!(pruned < 2 << 20, "{pruned} bytes");
    assert!(kept > 3 * pruned, "without pruning {kept} bytes, with it {pruned}");
}
