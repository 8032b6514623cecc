//! `conexus symbols`.

use std::{io::Write, sync::Arc};

use anyhow::Result;
use conexus_core::LineIndex;
use conexus_engine::{FileEntry, Snapshot, SymbolRef};
use conexus_mcp::FoundNotice;
use serde_json::json;

use super::{
    Outcome,
    arguments::{Arguments, SymbolsArguments},
    index,
    output::{Output, Style, printable},
    search::workspace_path,
};

/// Lists the symbols of a file, or those that a name fits.
pub(crate) fn run(arguments: &Arguments, symbols: &SymbolsArguments, output: &mut Output) -> Result<Outcome> {
    let mut host = super::open_to_update(arguments)?;
    index::update(arguments, &mut host)?;
    let limit = symbols.limit as usize;
    let pattern = symbols.pattern.as_deref().unwrap_or("");
    let path = workspace_path(&host, pattern).unwrap_or_default();
    let snapshot = host.snapshot();
    let found: Vec<(&Arc<FileEntry>, SymbolRef<'_>)> = match snapshot.index().file(&path) {
        Some(file) => file.symbols().take(limit).map(|symbol| (file, symbol)).collect(),
        None => snapshot.symbols(pattern, limit),
    };
    let why = match (found.is_empty(), snapshot.file(&path)) {
        (true, Err(error)) if !path.is_empty() && snapshot.root().join(&path).is_file() => Some(error.to_string()),
        _ => None,
    };
    show(arguments, &snapshot, &found, why.as_deref(), output)?;
    let outcome = if found.is_empty() { Outcome::Findings } else { Outcome::Clean };
    host.close()?;
    Ok(outcome)
}

fn show(
    arguments: &Arguments,
    snapshot: &Snapshot,
    found: &[(&Arc<FileEntry>, SymbolRef<'_>)],
    why: Option<&str>,
    output: &mut Output,
) -> Result<()> {
    let notices: Vec<_> = snapshot.notices().iter().map(FoundNotice::of).collect();
    let mut rows = Vec::with_capacity(found.len());
    let mut lines: Option<(&str, Option<LineIndex>)> = None;
    for (file, symbol) in found {
        let path: &str = file.path();
        if lines.as_ref().is_none_or(|(of, _)| *of != path) {
            let text = snapshot.text(path).ok().filter(|text| text.as_indexed);
            lines = Some((path, text.map(|text| LineIndex::new(&text.text))));
        }
        let line = lines
            .as_ref()
            .and_then(|(_, index)| index.as_ref())
            .map(|index| index.line_of(symbol.name_span().start) + 1);
        if arguments.global.is_json() {
            rows.push(json!({
                "path": path,
                "line": line,
                "name": symbol.name(),
                "container": symbol.container(),
                "kind": symbol.kind().name(),
                "visibility": symbol.visibility().name(),
                "test": symbol.is_test(),
            }));
        } else {
            let place = format!("{}:{}", printable(path), line.map_or("?".to_owned(), |line| line.to_string()));
            let place = output.styled(Style::Path, &place);
            let name = output.styled(Style::Name, &printable(symbol.name()));
            let container = match symbol.container() {
                "" => String::new(),
                container => output.styled(Style::Faint, &format!(" in {}", printable(container))),
            };
            writeln!(output, "{place}  {} {name}{container}", symbol.kind().name().replace('_', " "))?;
        }
    }
    if arguments.global.is_json() {
        output.json(&json!({ "generation": snapshot.generation().0, "symbols": rows, "notices": notices }))?;
    } else if found.is_empty() {
        super::output::note(why.unwrap_or("no match"));
    }
    if !arguments.global.is_json() {
        for notice in &notices {
            super::output::note(&notice.message);
        }
    }
    Ok(())
}
