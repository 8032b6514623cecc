//! What analysis costs beside parsing alone, on the samples of the corpus, each repeated to about 200 KB. Samples define
//! more per line than real code does; `examples/survey.rs` measures real trees. Analysis is to stay under 1.35 times
//! the parsing on real trees.

use conexus_core::Language;
use conexus_syntax::{Analyser, Limits, language_named};
use divan::{Bencher, counter::BytesCount};

const LANGUAGES: &[&str] = &[
    "rust", "go", "python", "javascript", "typescript", "java", "c", "cpp", "csharp", "ruby", "php", "kotlin", "swift",
];

fn main() {
    divan::main();
}

fn sample(name: &str) -> (Language, String) {
    let path = format!("{}/corpus/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the corpus has the language");
    let sample = text.split_once("==== outline").map_or(&*text, |(sample, _)| sample);
    (language_named(name).expect("the table has the language"), sample.repeat(200_000 / sample.len() + 1))
}

#[divan::bench(args = LANGUAGES, sample_count = 20)]
fn parse(bencher: Bencher<'_, '_>, name: &str) {
    let (language, text) = sample(name);
    let mut analyser = Analyser::new(Limits::default());
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| analyser.parse(language, &text));
}

#[divan::bench(args = LANGUAGES, sample_count = 20)]
fn analyse(bencher: Bencher<'_, '_>, name: &str) {
    let (language, text) = sample(name);
    let mut analyser = Analyser::new(Limits::default());
    bencher.counter(BytesCount::of_str(&text)).bench_local(|| analyser.analyse(language, &text).chunks.len());
}
