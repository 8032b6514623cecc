//! Sentences of documentation as queries: the first one of a function's documentation, without its name, should find the
//! function when no function's documentation is in the index.

use std::collections::HashSet;

use anyhow::{Context, Result};
use conexus_core::{LineIndex, Span, WorkContext};
use conexus_engine::{Snapshot, SymbolRef};

use super::{Copy, LabelledQuery, Scored, is_code, is_function, sentence::sentence, spread, target};

pub(super) fn score(copy: &mut Copy, sample: usize, scored: &mut Vec<Scored>) -> Result<()> {
    let Some(snapshot) = copy.at("HEAD")? else { return Ok(()) };
    let queries = spread(queries(&snapshot), sample);
    if queries.is_empty() {
        return Ok(());
    }
    strip(copy, &snapshot)?;
    let snapshot = copy.indexed()?;
    for query in &queries {
        scored.push(copy.measure(&snapshot, query)?);
    }
    Ok(())
}

/// One query for each documented function of the code, those that two functions share left out.
fn queries(snapshot: &Snapshot) -> Vec<LabelledQuery> {
    let mut queries: Vec<LabelledQuery> = Vec::new();
    for file in snapshot.index().files().filter(|file| is_code(file)) {
        let Ok(text) = snapshot.text(file.path()).map(|current| current.text) else { continue };
        let lines = LineIndex::new(&text);
        // What is on one line is a declaration more often than a function.
        let has_body = |symbol: &SymbolRef<'_>| {
            let (first, last) = lines.lines_of(Span { start: symbol.name_span().start, end: symbol.span().end });
            first < last
        };
        for symbol in file.symbols().filter(|&symbol| is_function(symbol)).filter(has_body) {
            let Some(query) = symbol.doc().and_then(|doc| sentence(doc.slice(&text), symbol.name())) else { continue };
            queries.push(LabelledQuery {
                language: file.language().name().to_owned(),
                category: "documentation".to_owned(),
                query,
                targets: vec![target(file.path(), symbol, &lines)],
                context: WorkContext::default(),
            });
        }
    }
    let mut seen = HashSet::new();
    let repeated: HashSet<String> =
        queries.iter().filter(|query| !seen.insert(query.query.clone())).map(|query| query.query.clone()).collect();
    queries.retain(|query| !repeated.contains(&query.query));
    queries
}

/// Blanks the documentation of every function in the copy, so that lines keep their numbers.
fn strip(copy: &Copy, snapshot: &Snapshot) -> Result<()> {
    for file in snapshot.index().files() {
        let documented: Vec<Span> =
            file.symbols().filter(|symbol| symbol.kind().is_callable()).filter_map(|symbol| symbol.doc()).collect();
        if documented.is_empty() {
            continue;
        }
        let Ok(current) = snapshot.text(file.path()) else { continue };
        let path = copy.tree.join(&**file.path());
        std::fs::write(&path, blanked(&current.text, &documented))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// A text with spaces in place of all but line breaks in some spans.
fn blanked(text: &str, spans: &[Span]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for span in spans {
        let (start, end) = ((span.start as usize).max(at), (span.end as usize).max(at));
        let (Some(before), Some(inside)) = (text.get(at..start), text.get(start..end)) else { continue };
        out.push_str(before);
        out.extend(inside.chars().map(|character| if matches!(character, '\n' | '\r') { character } else { ' ' }));
        at = end;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_is_blanked_line_by_line() {
        let text = "/// Größe.\n/// More.\nfn a() {}\n";
        let blank = blanked(text, &[Span { start: 0, end: text.find("\nfn").expect("is there") as u32 }]);
        assert_eq!(blank, "          \n         \nfn a() {}\n");
    }
}
