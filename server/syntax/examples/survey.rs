//! Analyses real code: `survey <folder>` prints what parsing and analysis cost for each language (processor time, the
//! better of two runs) and how many error nodes are left; `survey <file>` prints the outline of one file; `survey <folder> <name>` prints where a name is defined.

#![expect(clippy::print_stdout, reason = "a command-line tool")]

#[path = "../tests/outline/mod.rs"]
mod outline;

use conexus_core::{FileAnalysis, Language, Note};
use conexus_syntax::{Analyser, Limits, detect};
use cpu_time::ThreadTime;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Default)]
struct Total {
    files: usize,
    bytes: usize,
    parse: Duration,
    analyse: Duration,
    symbols: usize,
    chunks: usize,
    references: usize,
    errors: u32,
    files_with_errors: usize,
    other_notes: usize,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(arguments.next().unwrap_or_else(|| ".".to_owned()));
    let wanted = arguments.next();
    let mut analyser = Analyser::new(Limits::default());
    if root.is_file() {
        let text = std::fs::read_to_string(&root).unwrap_or_default();
        let language = detect(&root.to_string_lossy(), text.as_bytes());
        println!("{language}\n{}", outline::outline(&text, &analyser.analyse(language, &text)));
        return;
    }
    let mut files = Vec::new();
    collect(&root, &mut files);
    let mut totals: BTreeMap<Language, Total> = BTreeMap::new();
    for (path, text) in &files {
        let language = detect(&path.to_string_lossy(), text.as_bytes());
        let total = totals.entry(language).or_default();
        let (mut parse, mut analyse) = (Duration::MAX, Duration::MAX);
        let mut analysis = FileAnalysis::empty(language);
        for _ in 0..2 {
            let start = ThreadTime::now();
            analyser.parse(language, text);
            parse = parse.min(start.elapsed());
            let start = ThreadTime::now();
            analysis = analyser.analyse(language, text);
            analyse = analyse.min(start.elapsed());
        }
        if let Some(wanted) = &wanted {
            for symbol in analysis.symbols.iter().filter(|symbol| &*symbol.name == wanted.as_str()) {
                println!(
                    "{}: {} {} in {:?} `{}`",
                    path.display(),
                    symbol.kind.name(),
                    symbol.name,
                    symbol.container,
                    symbol.signature.slice(text)
                );
            }
        }
        total.files += 1;
        total.bytes += text.len();
        total.parse += parse;
        total.analyse += analyse;
        total.symbols += analysis.symbols.len();
        total.chunks += analysis.chunks.len();
        total.references += analysis.references.len();
        for note in &analysis.notes {
            match note {
                Note::SyntaxErrors(count) => {
                    total.errors += count;
                    total.files_with_errors += 1;
                }
                other => {
                    total.other_notes += 1;
                    println!("{}: {other:?}", path.display());
                }
            }
        }
    }
    println!(
        "language        files      MB  parse MB/s  analyse MB/s  ratio  symbols/KB  chunks  bytes/chunk  refs/KB  errors (files)"
    );
    for (language, total) in &totals {
        let megabytes = total.bytes as f64 / 1e6;
        let kilobytes = total.bytes as f64 / 1e3;
        println!(
            "{:14} {:6} {:7.2} {:11.1} {:13.1} {:6.2} {:11.2} {:7} {:12.0} {:8.1} {:7} ({})",
            language.name(),
            total.files,
            megabytes,
            megabytes / total.parse.as_secs_f64(),
            megabytes / total.analyse.as_secs_f64(),
            total.analyse.as_secs_f64() / total.parse.as_secs_f64(),
            total.symbols as f64 / kilobytes,
            total.chunks,
            total.bytes as f64 / total.chunks as f64,
            total.references as f64 / kilobytes,
            total.errors,
            total.files_with_errors,
        );
    }
}

fn collect(folder: &Path, into: &mut Vec<(PathBuf, String)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && !path.ends_with(".git") && !path.ends_with("node_modules") {
            collect(&path, into);
        } else if kind.is_file()
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            into.push((path, text));
        }
    }
}
