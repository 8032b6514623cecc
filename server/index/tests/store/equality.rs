//! The master property: whatever happened, the index answers like one built from scratch.

use conexus_index::{Batch, Store, StoreSettings, Stored};
use proptest::prelude::*;

use crate::support::*;

const QUERIES: [&str; 4] = ["alpha", "beta gamma", "parse_value", "path1"];

#[derive(Clone, Debug)]
enum Step {
    Write(Vec<(usize, String)>),
    Remove(Vec<usize>),
    Flush,
    Reopen,
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

fn settings_with(delta_chunks: u32) -> StoreSettings {
    StoreSettings { delta_chunks, ..settings() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_history_ends_like_a_fresh_index(steps in prop::collection::vec(step(), 1..14), delta_chunks in 0..12u32) {
        let folder = tempfile::tempdir().unwrap();
        let open = |workspace: &Workspace| {
            Store::open(folder.path(), settings_with(delta_chunks), conexus_index::Access::Write, workspace).unwrap().0
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
                Step::Bulk(writes) => {
                    store.begin_bulk().unwrap();
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
