//! `conexus search` and `conexus similar`.

use std::{io::Write, path::Path, sync::atomic::AtomicBool};

use anyhow::{Context, Result, bail};
use conexus_core::{Generation, LineIndex, Query};
use conexus_engine::{Host, Location};
use conexus_mcp::{Found, FoundHit, SnippetLine, search_sessions};

use super::{
    Outcome,
    arguments::{Arguments, SearchArguments, SimilarArguments},
    index,
    output::{self, Output, Style, printable},
};

/// Answers a query: from the session that keeps the workspace current, if one is running, else from the index.
pub(crate) fn run(arguments: &Arguments, search: &SearchArguments, output: &mut Output) -> Result<Outcome> {
    let lines = search.page.context as usize;
    let location = super::location(arguments)?;
    let query = search.to_query(&location.root)?;
    if let Some(found) = ask_session(search, &location, &query) {
        return show(arguments, &found, lines, search.explain, output);
    }
    let mut host = if search.no_index { super::open(arguments) } else { super::open_to_update(arguments) }?;
    if !search.no_index {
        bring_up_to_date(arguments, &mut host)?;
    }
    let snapshot = host.snapshot();
    let answer = snapshot.search(&query, &AtomicBool::new(false)).context("cannot search")?;
    let mut found = Found::of(&snapshot, &answer, &query, lines);
    if search.no_index && snapshot.generation() == Generation::default() {
        for notice in found.notices.iter_mut().filter(|notice| notice.kind == "nothing_indexed") {
            "nothing is indexed yet; `conexus index` does it".clone_into(&mut notice.message);
        }
    }
    let outcome = show(arguments, &found, lines, search.explain, output)?;
    close(host);
    Ok(outcome)
}

/// The answer of the running sessions. When they do not answer that is logged, and the index asked instead.
fn ask_session(search: &SearchArguments, location: &Location, query: &Query) -> Option<Found> {
    if search.no_session {
        return None;
    }
    let answer = search_sessions(location, query, search.page.context as usize)?;
    answer.inspect_err(|error| tracing::warn!(%error, "the index is asked instead")).ok()
}

/// Finds code similar to a place.
pub(crate) fn similar(arguments: &Arguments, similar: &SimilarArguments, output: &mut Output) -> Result<Outcome> {
    let (path, line) = parse_place(&similar.place)?;
    let mut host = super::open_to_update(arguments)?;
    bring_up_to_date(arguments, &mut host)?;
    let path = workspace_path(&host, path)?;
    let snapshot = host.snapshot();
    let text = snapshot.text(&path)?.text;
    let lines = LineIndex::new(&text);
    let Some(span) = lines.span(line - 1) else { bail!("{path} has {} lines, there is no line {line}", lines.count()) };
    let query = similar.to_query(&host.location().root)?;
    let answer = snapshot.similar(&path, span.start, &query, &AtomicBool::new(false))?;
    let lines = similar.page.context as usize;
    let outcome = show(arguments, &Found::of(&snapshot, &answer, &query, lines), lines, false, output)?;
    close(host);
    Ok(outcome)
}

/// The answer is out: what cannot be written back now is caught up by the next run.
fn close(host: Host) {
    if let Err(error) = host.close() {
        tracing::warn!(%error, "the index was not closed in order");
    }
}

fn bring_up_to_date(arguments: &Arguments, host: &mut Host) -> Result<()> {
    let report = index::update(arguments, host)?;
    if report.updated > 100 && !arguments.global.quiet && !arguments.global.is_json() {
        output::note(&format!("indexed {} files in {:.1} s", report.updated, report.elapsed.as_secs_f64()));
    }
    Ok(())
}

/// Splits `PATH:LINE`; the line is numbered from 1.
fn parse_place(place: &str) -> Result<(&str, u32)> {
    let Some((path, line)) = place.rsplit_once(':') else { bail!("{place:?} is not PATH:LINE") };
    match line.parse() {
        Ok(line) if line > 0 && !path.is_empty() => Ok((path, line)),
        _ => bail!("{place:?} is not PATH:LINE with a line from 1 up"),
    }
}

/// A path as a user wrote it, relative to the workspace or to the current folder, as the index has it.
pub(crate) fn workspace_path(host: &Host, path: &str) -> Result<String> {
    let plain = path.strip_prefix("./").unwrap_or(path).replace('\\', "/");
    if host.snapshot().index().file(&plain).is_some() {
        return Ok(plain);
    }
    let Ok(absolute) = Path::new(path).canonicalize() else { return Ok(plain) };
    match absolute.strip_prefix(&host.location().root) {
        Ok(relative) => conexus_engine::walk::to_slashes(relative)
            .with_context(|| format!("the path {path:?} is not valid Unicode")),
        Err(_) => bail!("{path:?} is not in the workspace {}", host.location().root.display()),
    }
}

fn show(arguments: &Arguments, found: &Found, context: usize, explain: bool, output: &mut Output) -> Result<Outcome> {
    if arguments.global.is_json() {
        output.json(&serde_json::to_value(found)?)?;
    } else {
        for (place, hit) in found.hits.iter().enumerate() {
            if place > 0 && context > 0 {
                writeln!(output)?;
            }
            show_hit(hit, context, explain, output)?;
        }
        for notice in &found.notices {
            output::note(&notice.message);
        }
    }
    Ok(if found.hits.is_empty() { Outcome::Findings } else { Outcome::Clean })
}

fn show_hit(hit: &FoundHit, context: usize, explain: bool, output: &mut Output) -> Result<()> {
    let place = output.styled(Style::Path, &format!("{}:{}", printable(&hit.path), hit.line));
    let what = match &hit.kind {
        Some(kind) if !hit.name.is_empty() => {
            format!("  {} {}", kind.replace('_', " "), output.styled(Style::Name, &printable(&hit.name)))
        }
        _ => String::new(),
    };
    let container = if hit.container.is_empty() {
        String::new()
    } else {
        output.styled(Style::Faint, &format!(" in {}", printable(&hit.container)))
    };
    writeln!(output, "{place}{what}{container}")?;
    match &hit.snippet {
        Some(lines) => {
            for line in lines {
                let number = output.styled(Style::Faint, &format!("{:>6} │ ", line.line));
                let shown = highlight(line, output);
                writeln!(output, "{number}{shown}")?;
            }
        }
        None if context > 0 && hit.gone => writeln!(output, "         (the file is gone since it was indexed)")?,
        None if context > 0 => writeln!(output, "         (the file has changed since it was indexed)")?,
        None => {}
    }
    if explain {
        let terms: Vec<String> =
            hit.contributions.iter().map(|term| format!("{} {:.3}", term.feature, term.value)).collect();
        let line = output.styled(Style::Faint, &format!("         score {:.3}: {}", hit.score, terms.join(", ")));
        writeln!(output, "{line}")?;
    }
    Ok(())
}

fn highlight(line: &SnippetLine, output: &Output) -> String {
    let mut shown = String::with_capacity(line.text.len() + 16);
    let mut at = 0;
    for range in &line.matches {
        shown.push_str(&printable(&line.text[at..range.start]));
        shown.push_str(&output.styled(Style::Match, &printable(&line.text[range.clone()])));
        at = range.end;
    }
    shown.push_str(&printable(&line.text[at..]));
    shown
}

#[cfg(test)]
mod tests {
    use super::parse_place;

    #[test]
    fn places() {
        assert_eq!(parse_place("a/b.rs:12").ok(), Some(("a/b.rs", 12)));
        assert_eq!(parse_place("c:/x.rs:1").ok(), Some(("c:/x.rs", 1)));
        for wrong in ["a.rs", "a.rs:", "a.rs:0", ":3", "a.rs:-1", "a.rs:x"] {
            assert!(parse_place(wrong).is_err(), "{wrong}");
        }
    }
}
