//! Writes an analysis as text, for corpus files and for reading.

use conexus_core::{ChunkKind, FileAnalysis, LineIndex, Visibility};
use std::fmt::Write;

/// Symbols, chunks and references of a text, one per line; lines are numbered from 1.
pub(crate) fn outline(text: &str, analysis: &FileAnalysis) -> String {
    let lines = LineIndex::new(text);
    let range = |span| {
        let (first, last) = lines.lines_of(span);
        format!("{}-{}", first + 1, last + 1)
    };
    let mut out = String::from("symbols\n");
    let mut depths: Vec<usize> = Vec::new();
    for symbol in &analysis.symbols {
        let depth = symbol.parent.map_or(0, |parent| depths[parent as usize] + 1);
        depths.push(depth);
        let container = if symbol.container.is_empty() { String::new() } else { format!(" in {}", symbol.container) };
        let visibility = match symbol.visibility {
            Visibility::Unknown => String::new(),
            other => format!(" {}", other.name()),
        };
        let test = if symbol.test { " test" } else { "" };
        let signature = short(symbol.signature.slice(text), 90);
        let doc = symbol.doc.map_or(String::new(), |doc| format!(" // {}", short(doc.slice(text), 50)));
        let indent = "  ".repeat(depth + 1);
        let _ = writeln!(
            out,
            "{indent}{} {}{container} {}{visibility}{test} `{signature}`{doc}",
            symbol.kind.name(),
            symbol.name,
            range(symbol.span),
        );
    }
    out.push_str("chunks\n");
    for chunk in &analysis.chunks {
        let symbol = chunk.symbol.map_or(String::new(), |index| format!(" {}", analysis.symbols[index as usize].name));
        let kind = if chunk.kind == ChunkKind::Symbol { "symbol" } else { chunk.kind.name() };
        let _ = writeln!(out, "  {} {kind}{symbol}", range(chunk.span));
    }
    out.push_str("references\n");
    let mut kinds: Vec<(&str, Vec<String>)> = Vec::new();
    for reference in &analysis.references {
        let name = reference.span.slice(text);
        let within =
            reference.within.map_or(String::new(), |index| format!("<{}", analysis.symbols[index as usize].name));
        let entry = format!("{name}{within}");
        let kind = reference.kind.name();
        match kinds.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, entries)) => entries.push(entry),
            None => kinds.push((kind, vec![entry])),
        }
    }
    kinds.sort();
    for (kind, entries) in kinds {
        let _ = writeln!(out, "  {kind}: {}", entries.join(" "));
    }
    for note in &analysis.notes {
        let _ = writeln!(out, "note {note:?}");
    }
    out
}

fn short(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() > most { line.chars().take(most).chain("...".chars()).collect() } else { line }
}
