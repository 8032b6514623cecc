//! Passages per second of the built-in model on one core, over this crate's own source in windows of 24 lines
//! (about 1,000 characters each). Target: well over 50,000 passages a second.

#![allow(clippy::unwrap_used)]

use conexus_core::Passage;
use conexus_embed::{Embedder, StaticModel};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

const SOURCES: &[&str] = &[
    include_str!("../src/openai.rs"),
    include_str!("../src/openai/client.rs"),
    include_str!("../src/openai/cache.rs"),
    include_str!("../src/openai/wire.rs"),
    include_str!("../src/static_model.rs"),
    include_str!("../src/static_model/embed.rs"),
    include_str!("../src/static_model/format.rs"),
    include_str!("../src/static_model/tokens.rs"),
];

fn main() {
    divan::main();
}

fn windows() -> Vec<String> {
    SOURCES
        .iter()
        .flat_map(|source| {
            let lines: Vec<&str> = source.lines().collect();
            lines.chunks(24).map(|window| window.join("\n")).collect::<Vec<_>>()
        })
        .collect()
}

fn passage(body: &str) -> Passage<'_> {
    Passage {
        path: "server/embed/src/static_model/format.rs",
        name: "find_hashed",
        container: "Table",
        body,
        ..Passage::default()
    }
}

#[divan::bench]
fn passages(bencher: Bencher<'_, '_>) {
    let model = StaticModel::builtin();
    let bodies = windows();
    let passages: Vec<_> = bodies.iter().map(|body| passage(body)).collect();
    let mut out = Vec::new();
    bencher
        .counter(ItemsCount::new(passages.len()))
        .counter(BytesCount::new(bodies.iter().map(String::len).sum::<usize>()))
        .bench_local(|| model.embed_passages(&passages, &mut out).unwrap());
}

#[divan::bench]
fn one_query(bencher: Bencher<'_, '_>) {
    let model = StaticModel::builtin();
    let mut out = Vec::new();
    bencher.bench_local(|| model.embed_query("where do we retry failed requests", &mut out).unwrap());
}

#[divan::bench]
fn open_the_builtin_model() -> StaticModel {
    StaticModel::builtin()
}

#[divan::bench]
fn verify_the_builtin_model(bencher: Bencher<'_, '_>) {
    let model = StaticModel::builtin();
    bencher.bench_local(|| model.verify().unwrap());
}
