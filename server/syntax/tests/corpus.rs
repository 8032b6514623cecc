//! Corpus: `corpus/<language>.txt` holds a sample, then a line `==== outline`, then what analysis makes of the sample.
//!
//! A file may leave out the sections `symbols`, `chunks` or `references`; only those that it has are compared. With
//! `BLESS=1` the expected sections are written anew: read the difference before committing it.

mod outline;

use conexus_syntax::{Analyser, Limits, language_named};
use std::path::{Path, PathBuf};

const SEPARATOR: &str = "==== outline\n";
const SECTIONS: [&str; 3] = ["symbols", "chunks", "references"];

#[test]
fn outlines_are_as_expected() {
    let mut analyser = Analyser::new(Limits::default());
    let mut failures = Vec::new();
    for path in files() {
        let content = std::fs::read_to_string(&path).expect("a corpus file is readable").replace("\r\n", "\n");
        let (sample, expected) = content.split_once(SEPARATOR).unwrap_or((&content, "symbols\nchunks\nreferences\n"));
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let language = language_named(name).unwrap_or_else(|| panic!("{name} is no language"));
        let all = outline::outline(sample, &analyser.analyse(language, sample));
        let found = sections(&all, &wanted(expected));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, format!("{sample}{SEPARATOR}{found}")).expect("a corpus file is writable");
        } else if found != expected {
            failures.push(format!("{name}\n{}", difference(expected, &found)));
        }
    }
    assert!(failures.is_empty(), "BLESS=1 writes the outlines anew\n{}", failures.join("\n"));
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let entries = std::fs::read_dir(folder).expect("the corpus is there");
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

fn wanted(expected: &str) -> Vec<&str> {
    SECTIONS.into_iter().filter(|section| expected.lines().any(|line| line == *section)).collect()
}

/// The wanted sections of an outline, and its notes.
fn sections(outline: &str, wanted: &[&str]) -> String {
    let mut taken = true;
    let mut found = String::new();
    for line in outline.lines() {
        if !line.starts_with(' ') {
            taken = !SECTIONS.contains(&line) || wanted.contains(&line);
        }
        if taken {
            found.push_str(line);
            found.push('\n');
        }
    }
    found
}

fn difference(expected: &str, found: &str) -> String {
    let missing = expected.lines().filter(|line| !found.lines().any(|other| other == *line));
    let unexpected = found.lines().filter(|line| !expected.lines().any(|other| other == *line));
    let lines: Vec<_> =
        missing.map(|line| format!("- {line}")).chain(unexpected.map(|line| format!("+ {line}"))).collect();
    if lines.is_empty() { "the same lines in another order".to_owned() } else { lines.join("\n") }
}
