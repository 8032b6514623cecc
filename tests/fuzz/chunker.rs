//! Any text under any name is analysed without a panic, and no line of it is lost.
//!
//! The first line of an input is the file's name, which decides the language; the rest is the file.

#![no_main]

use std::cell::RefCell;

use conexus_core::{LineIndex, Passage};
use conexus_syntax::{Analyser, Limits, detect};

thread_local! {
    static ANALYSER: RefCell<Analyser> = RefCell::new(Analyser::new(Limits::default()));
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let input = String::from_utf8_lossy(input);
    let (path, text) = input.split_once('\n').unwrap_or(("a.rs", &input));
    let language = detect(path, text.as_bytes());
    let analysis = ANALYSER.with_borrow_mut(|analyser| analyser.analyse(language, text));

    let lines = LineIndex::new(text);
    let mut covered = vec![false; lines.count() as usize];
    let mut last_start = 0;
    for chunk in &analysis.chunks {
        assert!(chunk.span.start >= last_start, "chunks are ordered");
        last_start = chunk.span.start;
        assert!(
            chunk.symbol.is_none_or(|symbol| (symbol as usize) < analysis.symbols.len()),
            "a chunk's symbol exists"
        );
        // Slicing panics when a span is not inside the text or splits a character.
        let passage = Passage::of(chunk, path, text, &analysis);
        assert_eq!(passage.body, chunk.span.slice(text));
        let last = lines.line_of(chunk.span.end.max(chunk.span.start + 1) - 1);
        for line in lines.line_of(chunk.span.start)..=last {
            covered[line as usize] = true;
        }
    }
    for (line, covered) in covered.iter().enumerate() {
        let blank = lines.span(line as u32).is_none_or(|span| span.slice(text).trim().is_empty());
        assert!(*covered || blank, "line {line} belongs to no chunk");
    }
    for symbol in &analysis.symbols {
        assert!(!symbol.name.is_empty(), "a symbol has a name");
        let _ = (symbol.name_span.slice(text), symbol.signature.slice(text), symbol.doc.map(|doc| doc.slice(text)));
    }
    for reference in &analysis.references {
        let _ = reference.span.slice(text);
    }
});
