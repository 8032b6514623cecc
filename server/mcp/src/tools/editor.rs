//! `context_editor`: shows a place in the editor, or proposes an edit there. Listed only where the user allows it.

use std::{ops::Range, time::Duration};

use conexus_core::LineIndex;
use conexus_engine::{
    live::{LineEdit, Patience},
    redaction,
};
use rmcp::model::{JsonObject, Tool as Description};
use serde::Deserialize;
use serde_json::json;

use super::{
    Call, Tool, read_arguments,
    schema::{self, Field, sure},
};
use crate::{
    paths,
    reply::{Draft, Reply},
};

pub(crate) const TOOL: Tool = Tool { name: "context_editor", describe, run };

/// How long the editor, or the person before it, may take. A request has an end before a minute.
const WAIT: Duration = Duration::from_secs(45);
/// Largest text of an edit in bytes.
const TEXT_BYTES: usize = 1 << 20;
/// Hexadecimal digits of a version.
const VERSION_DIGITS: usize = 8;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    action: Action,
    file_path: String,
    start_line: Option<u32>,
    end_line: Option<u32>,
    text: Option<String>,
    /// Of the text that the lines were read from.
    version: Option<String>,
    max_tokens: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Action {
    Show,
    Replace,
}

/// What is told.
const FACTS: &[Field] = &[sure("path")];

fn describe() -> Description {
    let input = [
        ("action", schema::choice(&["show", "replace"])),
        ("file_path", schema::text()),
        ("start_line", schema::number()),
        ("end_line", schema::number()),
        ("text", schema::text()),
        ("version", schema::text()),
        ("max_tokens", schema::number()),
    ];
    let description = "Show or replace lines in the editor. version: as read. end_line before start_line inserts.";
    schema::described(
        TOOL.name,
        description,
        schema::object(&input, &["action", "file_path"]),
        schema::answer(FACTS, None),
    )
    .with_annotations(schema::destructive())
}

/// The version of a text, by which an edit says what it is for.
pub(super) fn version_of(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..VERSION_DIGITS].to_owned()
}

/// Refuses an edit that would write a mask in the place of a secret, which whoever proposes it has not seen.
fn keep_masked(current: &str, lines: &Range<u32>, text: &str) -> Result<(), String> {
    let index = LineIndex::new(current);
    let at = |line: u32| index.span(line).map_or(current.len(), |span| span.start as usize);
    let replaced = at(lines.start)..at(lines.end);
    if let Some(mask) = redaction::masks(current).find(|mask| mask.start < replaced.end && replaced.start < mask.end) {
        let line = index.line_of(mask.start as u32) + 1;
        return Err(format!(
            "line {line} holds a secret, which is shown as {} and would be lost: replace the lines around it",
            redaction::MARK
        ));
    }
    if redaction::is_redacted(text) {
        return Err(format!(
            "the text holds {}****, which stands for a secret that was not shown: leave its line out",
            redaction::MARK
        ));
    }
    Ok(())
}

fn run(call: &Call<'_>, arguments: JsonObject) -> Result<Reply, String> {
    let arguments: Arguments = read_arguments(arguments)?;
    let editor = call.live.editor().ok_or("no editor may be asked here; its user sets `editor.assistants`")?;
    let view = call.view()?;
    let path = paths::indexed(&view, call.root(), &arguments.file_path)?;
    let current = paths::text(&view, call.root(), &path)?;
    let count = LineIndex::new(&current.text).count();
    let start = arguments.start_line.unwrap_or(1).max(1) - 1;
    let end = arguments.end_line.unwrap_or(start + 1);
    if start > count || end > count || end < start {
        return Err(format!("{path} has {count} lines; {} to {end} are none of them", start + 1));
    }
    let file = call.root().join(&path);
    let patience = Patience { time: WAIT, cancel: call.cancel };
    match (arguments.action, arguments.text) {
        (Action::Show, None) => editor.show(&file, start..end, patience)?,
        (Action::Show, Some(_)) => return Err("show takes no text".to_owned()),
        (Action::Replace, Some(text)) if text.len() <= TEXT_BYTES => {
            let read =
                arguments.version.ok_or("name the version of the text that you read, as context_read tells it")?;
            if read != version_of(&current.text) {
                return Err(format!("{path} has another version by now: read it again"));
            }
            keep_masked(&current.text, &(start..end), &text)?;
            let text = if text.is_empty() || text.ends_with('\n') { text } else { text + "\n" };
            let edit = LineEdit { lines: start..end, text };
            editor.propose(&file, &current.text, &[edit], "Proposed by an assistant", patience)?;
        }
        (Action::Replace, Some(_)) => return Err(format!("a text has at most {TEXT_BYTES} bytes")),
        (Action::Replace, None) => return Err("name the text that comes in the place of the lines".to_owned()),
    }
    let view = call.view()?;
    let mut draft = Draft::new(call, &view, None, arguments.max_tokens);
    draft.facts.insert("path".to_owned(), json!(path));
    let done = if arguments.action == Action::Show { "shown" } else { "applied, not saved" };
    draft.head = format!("{path}: {done}\n");
    Ok(draft.finish())
}
