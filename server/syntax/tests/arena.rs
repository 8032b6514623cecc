//! Trees and the arena that they are made in: analysis leaves nothing there, and a tree may outlive its scope.

use conexus_core::FileAnalysis;
use conexus_faiss::arena;
use conexus_syntax::{Analyser, GiveUp, Limits, Remembered, language_named};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The tests count blocks, which all threads share.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    arena::scope(|| ());
    assert!(all_idle(), "the arena is there, and nothing is in it");
    alone
}

fn all_idle() -> bool {
    let (idle, blocks) = arena::idle_blocks();
    blocks > 0 && idle == blocks
}

/// The sample of each language of the corpus.
fn samples() -> Vec<(conexus_core::Language, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let entries = std::fs::read_dir(folder).expect("the corpus is there");
    let sample = |path: &Path| {
        let language = language_named(path.file_stem()?.to_str()?)?;
        let content = std::fs::read_to_string(path).ok()?;
        Some((language, content.split_once("==== outline\n")?.0.to_owned()))
    };
    let samples: Vec<_> = entries.flatten().filter_map(|entry| sample(&entry.path())).collect();
    assert!(samples.len() > 20, "there are samples");
    samples
}

fn next(
    analyser: &mut Analyser,
    language: conexus_core::Language,
    text: &str,
    before: Option<Remembered>,
) -> (FileAnalysis, Remembered) {
    analyser.analyse_next(language, Arc::from(text), before, GiveUp::NEVER).expect("nobody gives up")
}

#[test]
fn analysis_leaves_nothing_in_the_arena() {
    let _alone = alone();
    let samples = samples();
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                let mut analyser = Analyser::new(Limits::default());
                // What the parser gives up in the middle of leaves nothing either.
                let mut hasty = Analyser::new(Limits { parse_time: Duration::ZERO, ..Limits::default() });
                for (language, text) in &samples {
                    analyser.analyse(*language, text);
                    analyser.analyse(*language, &text[..text.floor_char_boundary(text.len() / 2)]);
                    hasty.analyse(*language, &text.repeat(50));
                }
            });
        }
    });
    assert!(all_idle());
}

#[test]
fn a_tree_may_outlive_its_scope() {
    let _alone = alone();
    for (language, text) in samples() {
        let (_, remembered) = arena::scope(|| next(&mut Analyser::new(Limits::default()), language, &text, None));
        assert_eq!(!all_idle(), remembered.has_tree(), "{language}: the tree is in a block");
        // Other texts are analysed meanwhile; the next version is, on another thread, with the nodes of the first.
        let mut analyser = Analyser::new(Limits::default());
        analyser.analyse(language, &text.repeat(2));
        let edited = format!("\n{text}\n");
        let (incremental, remembered) = std::thread::scope(|threads| {
            let run = || next(&mut Analyser::new(Limits::default()), language, &edited, Some(remembered));
            threads.spawn(run).join().expect("it is analysed")
        });
        assert_eq!(incremental, analyser.analyse(language, &edited), "{language}");
        drop(remembered);
        assert!(all_idle(), "{language}: nothing is left");
    }
}
