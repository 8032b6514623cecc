//! `context_read`: a file, a range of its lines, or a symbol, as it is in the editor.

use conexus_core::{LineIndex, Span};
use conexus_engine::{Target, estimate_tokens};
use rmcp::model::{JsonObject, Tool as Description};
use serde::Deserialize;
use serde_json::json;

use super::{
    Call, Freshness, Tool, editor, read_arguments,
    schema::{self, Field, maybe, sure},
};
use crate::{
    paths,
    reply::{Draft, Reply, version_of},
};

pub(super) const TOOL: Tool = Tool { name: "context_read", describe, run };

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    file_path: Option<String>,
    symbol: Option<String>,
    start_line: Option<u32>,
    end_line: Option<u32>,
    cursor: Option<String>,
    max_tokens: Option<usize>,
}

/// What is told.
const FACTS: &[Field] = &[
    sure("path"),
    sure("text"),
    sure("start_line"),
    sure("end_line"),
    sure("total_lines"),
    maybe("unsaved_version", "integer"),
    maybe("version", "string"),
    maybe("cursor", "string"),
];

fn describe() -> Description {
    let input = [
        ("file_path", schema::text()),
        ("symbol", schema::text()),
        ("start_line", schema::number()),
        ("end_line", schema::number()),
        ("cursor", schema::text()),
        ("max_tokens", schema::number()),
    ];
    let description = "Read an indexed file or symbol, lines from 1, unsaved edits included.";
    schema::reader(TOOL.name, description, schema::object(&input, &[]), schema::answer(FACTS, None))
}

fn run(call: &Call<'_>, mut arguments: JsonObject) -> Result<Reply, String> {
    let freshness = Freshness::take(&mut arguments)?;
    let arguments: Arguments = read_arguments(arguments)?;
    let view = call.view_from(&freshness)?;
    let (path, span) = match (&arguments.file_path, &arguments.symbol) {
        (Some(path), None) => (paths::indexed(&view, call.root(), path)?, None),
        (file, Some(symbol)) => {
            let file = file.as_ref().map(|path| paths::indexed(&view, call.root(), path)).transpose()?;
            place_of(call, &view, symbol, file.as_deref())?
        }
        (None, None) => return Err("name a file_path or a symbol".to_owned()),
    };
    let current = paths::text(&view, call.root(), &path)?;
    let lines = LineIndex::new(&current.text);
    let mut draft = Draft::new(call, &view, None, arguments.max_tokens);
    if !current.as_indexed {
        draft.say("changed_since_indexed", "the file has changed since it was indexed");
    }
    if conexus_engine::redaction::is_redacted(&current.text) {
        draft.note_redacted();
    }
    // A span of the index fits only the version that was indexed.
    let whole = span.filter(|_| current.as_indexed).map_or((0, lines.count() - 1), |span| lines.lines_of(span));
    let wanted = |line: Option<u32>, default: u32| line.map_or(default, |line| line.saturating_sub(1));
    let mut first = wanted(arguments.start_line, whole.0);
    let last = wanted(arguments.end_line, whole.1).min(lines.count() - 1);
    if let Some(cursor) = arguments.cursor.as_deref().filter(|cursor| !cursor.is_empty()) {
        let line: u32 = cursor.parse().map_err(|_| format!("{cursor:?} is no cursor of an answer of this tool"))?;
        first = line.saturating_sub(1);
    }
    if first > last {
        let count = lines.count();
        return Err(if first >= count {
            format!("{path} has {count} lines, there is no line {}", first + 1)
        } else {
            format!("the lines {} to {} of {path} are none", first + 1, last + 1)
        });
    }
    if let Some(version) = version_of(&view, &path) {
        draft.facts.insert("unsaved_version".to_owned(), json!(version));
    }
    let mut head = format!("{path} of {} lines, from {}:\n", lines.count(), first + 1);
    if call.live.editor().is_some() {
        let version = editor::version_of(&current.text);
        head = format!("version {version} of {head}");
        draft.facts.insert("version".to_owned(), json!(version));
    }
    draft.facts.insert("path".to_owned(), json!(path));
    draft.facts.insert("start_line".to_owned(), json!(first + 1));
    draft.facts.insert("end_line".to_owned(), json!(last + 1));
    draft.facts.insert("total_lines".to_owned(), json!(lines.count()));
    draft.facts.insert("text".to_owned(), json!(""));
    draft.head.clone_from(&head);
    draft.cursor = Some(lines.count().to_string());
    let (mut text, next, is_cut) = fitting(&current.text, &lines, (first, last), draft.room());
    if is_cut {
        draft.say("line_cut", "a line is longer than max_tokens and was cut");
        draft.limited = true;
        // The notice takes some of the room.
        text = fitting(&current.text, &lines, (first, last), draft.room()).0;
    }
    draft.cursor = (next <= last).then(|| (next + 1).to_string());
    draft.facts.insert("end_line".to_owned(), json!(next));
    draft.head.push_str(&text);
    if !text.ends_with('\n') {
        draft.head.push('\n');
    }
    draft.facts.insert("text".to_owned(), json!(text));
    Ok(draft.finish())
}

/// File and span of a symbol.
pub(crate) fn place_of(
    call: &Call<'_>,
    view: &conexus_engine::Snapshot,
    symbol: &str,
    file: Option<&str>,
) -> Result<(String, Option<Span>), String> {
    if let Some(file) = file {
        let found = view.symbol_in(file, symbol).map_err(|error| error.to_string())?;
        let found = found.ok_or_else(|| format!("{file} defines no symbol {symbol:?}"))?;
        return Ok((file.to_owned(), Some(found.span())));
    }
    let target = Target::Symbol(symbol.to_owned());
    let kinds = conexus_engine::RelationKinds::default();
    let related = view.related(&target, kinds, 0, call.cancel).map_err(|error| error.to_string())?;
    let hit = related.target.ok_or_else(|| format!("no symbol is called {symbol:?}"))?;
    Ok((hit.path.to_string(), Some(hit.span)))
}

/// The lines that cost at most so many tokens in JSON, at least a part of the first, the line behind them, and whether the
/// first was cut.
fn fitting(text: &str, lines: &LineIndex, (first, last): (u32, u32), room: usize) -> (String, u32, bool) {
    let mut kept = String::new();
    let mut cost = 0;
    for line in first..=last {
        let Some(span) = lines.span(line) else { break };
        let line_text = span.slice(text);
        let line_cost = estimate_tokens(&json!(line_text).to_string());
        if cost + line_cost > room {
            if kept.is_empty() {
                // A letter costs at most three tokens and a half, a sign that JSON escapes two and a half a byte.
                kept.push_str(&line_text[..line_text.floor_char_boundary(room / 8)]);
                kept.push('…');
                return (kept, line + 1, true);
            }
            return (kept, line, false);
        }
        cost += line_cost;
        kept.push_str(line_text);
    }
    (kept, last + 1, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_and_long_ones_are_cut() {
        let text = format!("a\nb\n{}\nc\n", "word ".repeat(200));
        let lines = LineIndex::new(&text);
        assert_eq!(fitting(&text, &lines, (0, 1), 100), ("a\nb\n".to_owned(), 2, false));
        assert_eq!(fitting(&text, &lines, (0, 3), 100), ("a\nb\n".to_owned(), 2, false));
        let (cut, next, is_cut) = fitting(&text, &lines, (2, 3), 100);
        assert!(cut.starts_with("word") && cut.ends_with('…') && next == 3 && is_cut, "{cut}");
        assert!(estimate_tokens(&json!(cut).to_string()) <= 100);
        for hostile in ["\u{1}", "\\", "\"", "💥", "é"] {
            let text = hostile.repeat(1_000);
            let (cut, ..) = fitting(&text, &LineIndex::new(&text), (0, 0), 100);
            assert!(estimate_tokens(&json!(cut).to_string()) <= 100, "{hostile:?}");
        }
    }
}
