//! The master property: whatever happened, the index answers like one built from scratch.

use conexus_core::{Passage, words};
use conexus_index::{Batch, LexicalQuery, Store, StoreSettings, Stored, tokenizer};
use proptest::prelude::*;

use crate::support::*;

const QUERIES: [&str; 4] = ["alpha", "beta gamma", "parse_value", "path1"];

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<(usize, String)>),
    Remove(Vec<usize>),
    Flush,
    Reopen,
    /// Opening it again while it is open, as when slots are given out anew.
    Renew,
    Prune,
    Bulk(Vec<(usize, String)>),
}

fn text() -> impl Strategy<Value = String> {
    let line = prop::sample::select(vec![
        "fn alpha() {", "fn parse_value(x) {", "fn TBeta() {", "    beta gamma", "    parseValue(alpha)", "}", "",
        "// größe", "use delta;",
    ]);
    prop::collection::vec(line, 0..12).prop_map(|lines| lines.join("\n") + "\n")
}

fn step() -> impl Strategy<Value = Step> {
    let writes = || prop::collection::vec((0..6usize, text()), 1..4);
    prop_oneof![
        6 => writes().prop_map(Step::Write),
        2 => prop::collection::vec(0..6usize, 1..3).prop_map(Step::Remove),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
        1 => Just(Step::Renew),
        1 => Just(Step::Prune),
        1 => writes().prop_map(Step::Bulk),
    ]
}

fn path(number: usize) -> String {
    format!("{}/path{number}.rs", ["src", "tests"][number % 2])
}

/// New or known, as the engine would decide.
fn write(store: &mut Store, workspace: &mut Workspace, writes: &[(usize, String)]) {
    let mut batch = Batch::default();
    for (number, text) in writes {
        let path = path(*number);
        if batch.updates.iter().any(|update| *update.path == *path) {
            continue;
        }
        let update = match store.stored(blob(text), RUST, 0).unwrap() {
            Stored::All => known(&path, text),
            Stored::Nothing | Stored::Analysis => new(&path, text),
        };
        batch.updates.push(update);
        workspace.files.insert(path, text.clone());
    }
    store.commit(batch).unwrap();
}

fn settings_with(delta_chunks: u32, renumber_from: u32) -> StoreSettings {
    StoreSettings { delta_chunks, renumber_from, ..settings() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_history_ends_like_a_fresh_index(
        steps in prop::collection::vec(step(), 1..14),
        delta_chunks in 0..12u32,
        renumber_from in 0..40u32,
    ) {
        let settings = settings_with(delta_chunks, renumber_from);
        let folder = tempfile::tempdir().unwrap();
        let open = |workspace: &Workspace| {
            Store::open(folder.path(), settings.clone(), conexus_index::Access::Write, workspace).unwrap().0
        };
        let mut workspace = Workspace::default();
        let mut store = open(&workspace);
        for step in &steps {
            match step {
                Step::Write(writes) => write(&mut store, &mut workspace, writes),
                Step::Remove(numbers) => {
                    let paths: Vec<_> = numbers.iter().map(|&number| path(number)).collect();
                    store.commit(removals(&paths.iter().map(String::as_str).collect::<Vec<_>>())).unwrap();
                    for path in paths {
                        workspace.files.remove(&path);
                    }
                }
                Step::Flush => store.flush().unwrap(),
                Step::Reopen => {
                    drop(store);
                    store = open(&workspace);
                }
                Step::Renew => {
                    let before = store.snapshot();
                    let seen = view(&before, &QUERIES);
                    let report = store.reopen(settings.clone(), &workspace).unwrap();
                    prop_assert!(report.dropped.is_empty());
                    prop_assert!(!store.is_sparse() || store.snapshot().live_chunks() == 0);
                    prop_assert_eq!(view(&before, &QUERIES), seen.clone(), "a snapshot does not change");
                    prop_assert_eq!(view(&store.snapshot(), &QUERIES), seen);
                }
                Step::Prune => drop(store.prune(0).unwrap()),
                Step::Bulk(writes) => {
                    store.begin_bulk(usize::MAX).unwrap();
                    for one in writes {
                        write(&mut store, &mut workspace, std::slice::from_ref(one));
                    }
                    store.end_bulk().unwrap();
                }
            }
        }
        let expected = fresh_view(&workspace, &QUERIES);
        prop_assert_eq!(view(&store.snapshot(), &QUERIES), expected.clone());
        drop(store);
        prop_assert_eq!(view(&open(&workspace).snapshot(), &QUERIES), expected);
    }
}

/// The formula as it is written down, over all chunks at once.
fn reference_scores(workspace: &Workspace, query: &LexicalQuery) -> Vec<(String, f32)> {
    let mut chunks = Vec::new();
    for (path, text) in &workspace.files {
        let analysis = analyse(text);
        for chunk in &analysis.chunks {
            let passage = Passage::of(chunk, path, text, &analysis);
            let fields = [passage.body, passage.name, passage.container, passage.path, passage.signature, passage.doc];
            chunks.push((format!("{path}:{:?}", chunk.span), fields.map(all_terms)));
        }
    }
    let count = chunks.len() as f32;
    let average: [f32; 6] =
        std::array::from_fn(|field| chunks.iter().map(|(_, fields)| fields[field].len()).sum::<usize>() as f32 / count);
    let scoring = query.scoring;
    let mut scores = vec![0.0f32; chunks.len()];
    for term in &query.terms {
        let with = |field: usize| chunks.iter().filter(|(_, fields)| fields[field].contains(&term.text)).count();
        let frequency = (0..6).map(with).max().unwrap_or(0) as f32;
        let idf = (1.0 + (count - frequency + 0.5) / (frequency + 0.5)).ln();
        for ((_, fields), score) in chunks.iter().zip(&mut scores) {
            let weighted: f32 = (0..6)
                .map(|field| {
                    let frequency = fields[field].iter().filter(|other| **other == term.text).count() as f32;
                    let length = fields[field].len() as f32 / average[field].max(f32::MIN_POSITIVE);
                    scoring.weights[field] * frequency / (1.0 - scoring.b + scoring.b * length)
                })
                .sum();
            *score += term.weight * idf * weighted * (scoring.k1 + 1.0) / (scoring.k1 + weighted);
        }
    }
    let places = chunks.into_iter().map(|(place, _)| place);
    places.zip(scores).filter(|(_, score)| *score > 0.0).collect()
}

fn all_terms(text: &str) -> Vec<String> {
    words::identifiers(text).flat_map(tokenizer::terms).collect()
}

/// Over a thousand chunks, so that postings have several blocks, most of them replaced once.
#[test]
fn scores_follow_the_formula() {
    let folder = tempfile::tempdir().unwrap();
    let (mut store, _) =
        Store::open(folder.path(), settings_with(300, u32::MAX), conexus_index::Access::Write, &()).unwrap();
    let mut workspace = Workspace::default();
    for round in 0..3 {
        let mut batch = Batch::default();
        for number in (0..450).filter(|number| number % (round + 1) == 0) {
            let path = format!("src/path{}/f{number}.rs", number % 7);
            let text = format!(
                "use gamma{round};\nfn parse_value{number}(x) {{\n    beta alpha{} {}\n}}\nfn gamma() {{\n    parse value\n}}\n",
                number % 5,
                ["alpha", "delta alpha", "value alpha alpha"][(number + round) % 3]
            );
            batch.updates.push(new(&path, &text));
            workspace.files.insert(path, text);
        }
        store.commit(batch).unwrap();
        if round == 1 {
            store.flush().unwrap();
        }
    }
    for text in ["alpha", "parse value gamma", "path3 parse_value8 delta", "missing"] {
        let mut query = LexicalQuery::new(text);
        query.terms[0].weight = 0.5;
        let snapshot = store.snapshot();
        let search = snapshot.lexical(query.clone()).unwrap();
        let mut found: Vec<(String, f32)> = search
            .best(None, usize::MAX)
            .into_iter()
            .map(|hit| {
                let chunk = snapshot.chunk(hit.slot).unwrap();
                (format!("{}:{:?}", chunk.file.path(), chunk.chunk.span()), hit.score)
            })
            .collect();
        assert!(found.is_sorted_by(|a, b| a.1 >= b.1));
        let best: Vec<_> = search.best(None, 10).iter().map(|hit| hit.score).collect();
        assert_eq!(best, found.iter().take(10).map(|(_, score)| *score).collect::<Vec<_>>());
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let mut expected = reference_scores(&workspace, &query);
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(found.len(), expected.len(), "{text}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found.0, expected.0);
            assert!((found.1 - expected.1).abs() <= expected.1.abs() * 1e-4, "{text}: {found:?} {expected:?}");
        }
    }
}
