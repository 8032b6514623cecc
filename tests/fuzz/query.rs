//! Any string is a query in every mode: it gives hits or says why there are none.

#![no_main]

use std::sync::{LazyLock, atomic::AtomicBool};

use conexus_core::{Mode, Query};
use conexus_engine::{Host, IndexDir, Location, Settings, Snapshot, understand};

/// A small index that every input is searched in. Its folder is as temporary as the process.
static SNAPSHOT: LazyLock<Snapshot> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder").keep();
    let root = folder.join("workspace");
    std::fs::create_dir(&root).expect("a folder");
    for (name, text) in FILES {
        std::fs::write(root.join(name), text).expect("a file");
    }
    let location = Location::of(&root, &IndexDir::At(folder.join("index"))).expect("a location");
    let (mut host, _) = Host::open(location, Settings::default()).expect("an index");
    host.index(&|_| (), &AtomicBool::new(false)).expect("an indexed workspace");
    let snapshot = host.snapshot();
    // The snapshot outlives its host, which keeps the index open for the life of the process.
    std::mem::forget(host);
    snapshot
});

const FILES: &[(&str, &str)] = &[
    (
        "lib.rs",
        "/// Größe of a \"thing\".\npub fn parse_header(count: u32) -> u32 { count.pow(2) }\nstruct QueueWorker;\n",
    ),
    ("cart.ts", "export class ShoppingCart { addArticle(a: Article) { this.articles.push(a) } }\n"),
    ("guide.md", "# AND OR NOT\n\nfield:value [y TO z] 名前 * ~2\n"),
];

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    for mode in [Mode::Auto, Mode::Meaning, Mode::Keyword, Mode::Symbol] {
        let _ = understand(&text, mode);
        let query = Query { mode, limit: 5, explain: true, ..Query::new(text.as_ref()) };
        let answer = SNAPSHOT.search(&query, &AtomicBool::new(false)).expect("any string is a query");
        assert!(answer.hits.len() <= 5, "the limit is kept");
        assert!(!answer.hits.is_empty() || !answer.notices.is_empty(), "an empty answer says why");
        assert!(answer.hits.iter().all(|hit| hit.score.is_finite()), "scores are numbers");
        assert!(answer.hits.is_sorted_by(|one, other| one.score >= other.score), "the best comes first");
    }
});
