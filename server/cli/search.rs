//! `conexus search` and `conexus similar`.

use std::{collections::HashMap, io::Write, path::Path, sync::atomic::AtomicBool};

use anyhow::{Context, Result, bail};
use conexus_core::{Answer, Hit, LineIndex, Notice};
use conexus_engine::{CurrentText, Host, Snapshot, understand};
use serde_json::{Value, json};

use super::{
    Outcome,
    arguments::{Arguments, SearchArguments, SimilarArguments},
    index,
    output::{self, Output, Style, printable},
    snippet::{SnippetLine, snippet},
};

/// Answers a query.
pub(crate) fn run(arguments: &Arguments, search: &SearchArguments, output: &mut Output) -> Result<Outcome> {
    let mut host = super::open(arguments)?;
    bring_up_to_date(arguments, &mut host, search.no_index)?;
    let snapshot = host.snapshot();
    let query = search.to_query(&host.location().root)?;
    let words = understand(&query.text, query.mode).words;
    let mut answer = snapshot.search(&query, &AtomicBool::new(false)).context("cannot search")?;
    if host.follows() {
        answer.notices.push(Notice::Detached);
    }
    let outcome = show(arguments, &snapshot, &answer, &words, search.page.context as usize, search.explain, output)?;
    host.close()?;
    Ok(outcome)
}

/// Finds code similar to a place.
pub(crate) fn similar(arguments: &Arguments, similar: &SimilarArguments, output: &mut Output) -> Result<Outcome> {
    let (path, line) = parse_place(&similar.place)?;
    let mut host = super::open(arguments)?;
    bring_up_to_date(arguments, &mut host, false)?;
    let path = workspace_path(&host, path)?;
    let snapshot = host.snapshot();
    let text = snapshot.text(&path)?.text;
    let lines = LineIndex::new(&text);
    let Some(span) = lines.span(line - 1) else { bail!("{path} has {} lines, there is no line {line}", lines.count()) };
    let answer = snapshot.similar(&path, span.start, &similar.to_query(&host.location().root)?)?;
    let outcome = show(arguments, &snapshot, &answer, &[], similar.page.context as usize, false, output)?;
    host.close()?;
    Ok(outcome)
}

fn bring_up_to_date(arguments: &Arguments, host: &mut Host, as_it_is: bool) -> Result<()> {
    if !as_it_is {
        let report = index::update(arguments, host)?;
        if report.updated > 100 && !arguments.global.quiet && !arguments.global.is_json() {
            output::note(&format!("indexed {} files in {:.1} s", report.updated, report.elapsed.as_secs_f64()));
        }
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

fn show(
    arguments: &Arguments,
    snapshot: &Snapshot,
    answer: &Answer,
    words: &[String],
    context: usize,
    explain: bool,
    output: &mut Output,
) -> Result<Outcome> {
    let mut texts: HashMap<&str, Option<CurrentText>> = HashMap::new();
    for hit in &answer.hits {
        texts.entry(&hit.path).or_insert_with(|| snapshot.text(&hit.path).ok());
    }
    if arguments.global.is_json() {
        let hits: Vec<Value> = answer
            .hits
            .iter()
            .map(|hit| hit_json(hit, texts.get(&*hit.path).and_then(Option::as_ref), words, context))
            .collect();
        output.json(&json!({
            "generation": answer.generation.0,
            "searched_chunks": answer.searched_chunks,
            "more": answer.more,
            "notices": answer.notices.iter().map(notice_json).collect::<Vec<_>>(),
            "hits": hits,
        }))?;
    } else {
        for (place, hit) in answer.hits.iter().enumerate() {
            if place > 0 && context > 0 {
                writeln!(output)?;
            }
            show_hit(hit, texts.get(&*hit.path).and_then(Option::as_ref), words, context, explain, output)?;
        }
        for notice in &answer.notices {
            output::note(&notice_text(notice));
        }
    }
    Ok(if answer.hits.is_empty() { Outcome::Findings } else { Outcome::Clean })
}

fn show_hit(
    hit: &Hit,
    text: Option<&CurrentText>,
    words: &[String],
    context: usize,
    explain: bool,
    output: &mut Output,
) -> Result<()> {
    let place = output.styled(Style::Path, &format!("{}:{}", printable(&hit.path), focus_line(hit, text) + 1));
    let what = match hit.kind {
        Some(kind) if !hit.name.is_empty() => {
            format!("  {} {}", kind.name().replace('_', " "), output.styled(Style::Name, &printable(&hit.name)))
        }
        _ => String::new(),
    };
    let container = if hit.container.is_empty() {
        String::new()
    } else {
        output.styled(Style::Faint, &format!(" in {}", printable(&hit.container)))
    };
    writeln!(output, "{place}{what}{container}")?;
    match text {
        Some(text) if text.as_indexed => {
            for line in snippet(&text.text, hit.span, hit.focus.start, words, context) {
                let number = output.styled(Style::Faint, &format!("{:>6} │ ", line.line + 1));
                let shown = highlight(&line, output);
                writeln!(output, "{number}{shown}")?;
            }
        }
        Some(_) if context > 0 => writeln!(output, "         (the file has changed since it was indexed)")?,
        None if context > 0 => writeln!(output, "         (the file is gone since it was indexed)")?,
        _ => {}
    }
    if explain {
        let terms: Vec<String> =
            hit.contributions.iter().map(|term| format!("{} {:.3}", term.feature, term.value)).collect();
        let line = output.styled(Style::Faint, &format!("         score {:.3}: {}", hit.score, terms.join(", ")));
        writeln!(output, "{line}")?;
    }
    Ok(())
}

/// The line to look at first: that of the symbol's name when the text is as it was indexed, else the chunk's first.
fn focus_line(hit: &Hit, text: Option<&CurrentText>) -> u32 {
    match text {
        Some(text) if text.as_indexed => LineIndex::new(&text.text).line_of(hit.focus.start),
        _ => hit.lines.0,
    }
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

fn hit_json(hit: &Hit, text: Option<&CurrentText>, words: &[String], context: usize) -> Value {
    let fresh = text.filter(|text| text.as_indexed);
    json!({
        "path": hit.path,
        "line": focus_line(hit, fresh) + 1,
        "start_line": hit.lines.0 + 1,
        "end_line": hit.lines.1 + 1,
        "start_byte": hit.span.start,
        "end_byte": hit.span.end,
        "language": hit.language.name(),
        "chunk": hit.chunk_kind.name(),
        "kind": hit.kind.map(conexus_core::SymbolKind::name),
        "name": hit.name,
        "container": hit.container,
        "score": hit.score,
        "changed_since_indexed": fresh.is_none(),
        "snippet": fresh.map(|text| {
            snippet(&text.text, hit.span, hit.focus.start, words, context).into_iter().map(|line| json!({ "line": line.line + 1, "text": line.text })).collect::<Vec<_>>()
        }),
        "contributions": hit.contributions.iter().map(|term| json!({ "feature": term.feature, "value": term.value })).collect::<Vec<_>>(),
    })
}

/// What a reader must know, in words.
pub(crate) fn notice_text(notice: &Notice) -> String {
    match notice {
        Notice::EmptyQuery => "the query holds no word to search for".to_owned(),
        Notice::NoMatch => "no match".to_owned(),
        Notice::FilterMatchesNothing => "the filters leave nothing to search".to_owned(),
        Notice::Indexing { done, total } => format!("still indexing: {done} of {total} files"),
        Notice::NothingIndexed => "the workspace holds no file that is indexed; `conexus doctor` says why".to_owned(),
        Notice::LexicalOnly { reason } => format!("searched by words only: {reason}"),
        Notice::BuffersBehind => "the latest changes in open buffers are not searched yet".to_owned(),
        Notice::Detached => "another process owns this index; answers are as of its last commit".to_owned(),
        Notice::QueryCut { bytes } => format!("the query was cut to its first {bytes} bytes"),
    }
}

fn notice_json(notice: &Notice) -> Value {
    let kind = match notice {
        Notice::EmptyQuery => "empty_query",
        Notice::NoMatch => "no_match",
        Notice::FilterMatchesNothing => "filter_matches_nothing",
        Notice::Indexing { .. } => "indexing",
        Notice::NothingIndexed => "nothing_indexed",
        Notice::LexicalOnly { .. } => "lexical_only",
        Notice::BuffersBehind => "buffers_behind",
        Notice::Detached => "detached",
        Notice::QueryCut { .. } => "query_cut",
    };
    json!({ "kind": kind, "message": notice_text(notice) })
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
