//! Prompts that a person picks from a menu. Each comes with the facts that it is about, as the index knows them now.

use conexus_engine::{Snapshot, estimate_tokens};
use rmcp::model::{GetPromptResult, JsonObject, ListPromptsResult, Prompt, PromptArgument, PromptMessage, Role};
use serde::Deserialize;
use serde_json::{Value, json};
use similar::TextDiff;

use super::answered;
use crate::{
    bridge::DETACHED,
    paths,
    reply::Reply,
    tools::{Call, find, read_arguments},
    unsaved::{Unsaved, unsaved},
};

/// Tokens of facts in a prompt.
const TOKENS: usize = 6_000;

#[derive(Deserialize)]
struct Wanted {
    name: String,
    #[serde(default)]
    arguments: JsonObject,
}

/// All of them.
pub(crate) fn list() -> ListPromptsResult {
    let argument = |name: &str, description: &str| {
        Some(vec![PromptArgument::new(name).with_description(description).with_required(true)])
    };
    ListPromptsResult::with_all_items(vec![
        Prompt::new(
            "explain_module",
            Some("Explain a file or folder from its symbols"),
            argument("path", "file or folder of the workspace"),
        )
        .with_title("Explain this module"),
        Prompt::new(
            "find_where_to_change",
            Some("Find the places that a change concerns"),
            argument("change", "what is to be different"),
        )
        .with_title("Find where to change something"),
        Prompt::new("review_unsaved_changes", Some("Review what the editor holds and the disk does not"), None)
            .with_title("Review my unsaved changes"),
    ])
}

pub(super) fn get(call: &Call<'_>, arguments: JsonObject) -> Result<Reply, String> {
    let Wanted { name, arguments } = read_arguments(arguments)?;
    let argument = |name: &str| {
        let text = arguments.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
        text.ok_or_else(|| format!("the prompt needs the argument {name:?}"))
    };
    let view = call.view()?;
    let (description, text) = match name.as_str() {
        "explain_module" => {
            let path = argument("path")?;
            (format!("Explain {path}"), explain(call, &view, path)?)
        }
        "find_where_to_change" => {
            let change = argument("change")?;
            (format!("Find where to change: {change}"), find_where(call, change)?)
        }
        "review_unsaved_changes" => ("Review the unsaved changes".to_owned(), review(call, &view)),
        other => return Err(format!("there is no prompt {other:?}")),
    };
    let messages = vec![PromptMessage::new_text(Role::User, text)];
    answered(&GetPromptResult::new(messages).with_description(description))
}

/// The symbols of a file, or of the files below a folder.
fn explain(call: &Call<'_>, view: &Snapshot, path: &str) -> Result<String, String> {
    let inside = paths::relative(call.root(), path).unwrap_or_else(|_| path.to_owned());
    let below = format!("{}/", inside.trim_end_matches('/'));
    let files: Vec<_> = view.index().file(&inside).into_iter().chain(view.index().files_below(&below)).collect();
    if files.is_empty() {
        return Err(format!("the index holds no file {path:?} and none below it"));
    }
    let mut lines = Vec::new();
    for file in &files {
        lines.push(format!("{}:", file.path()));
        for symbol in file.symbols() {
            let depth = usize::from(symbol.parent().is_some()) + 1;
            lines.push(format!("{}{} {}", "  ".repeat(depth), symbol.kind().name(), symbol.name()));
        }
    }
    Ok(format!(
        "Explain the module {inside} to someone who is new to it: what it is for, its main parts and how they work \
         together, who uses it, and what to know before changing it. Read what you need with context_read, \
         context_explain and context_get_related_info; name the places you speak of.\n\nIts files and symbols:\n{}",
        fitting(&lines)
    ))
}

fn find_where(call: &Call<'_>, change: &str) -> Result<String, String> {
    let search = find("context_search").ok_or("there is no search")?;
    let Value::Object(arguments) = json!({ "query": change, "max_tokens": TOKENS }) else {
        return Err("there is no search".to_owned());
    };
    let found = (search.run)(call, arguments)?.text;
    Ok(format!(
        "I want to change this: {change}\n\nFind every place that has to change: the code, its callers, its tests, its \
         documentation. Start from what the index finds for it, follow context_get_related_info, and answer with a list \
         of places, each with the reason, before you edit anything.\n\n{found}"
    ))
}

/// The difference between each unsaved buffer and its file.
fn review(call: &Call<'_>, view: &Snapshot) -> String {
    let mut lines = Vec::new();
    for Unsaved { path, saved, now } in unsaved(call, view) {
        let difference = TextDiff::from_lines(&*saved, &*now);
        let shown = difference.unified_diff().header(&path, &path).to_string();
        lines.extend(shown.lines().map(str::to_owned));
    }
    if lines.is_empty() && call.notices.iter().any(|notice| notice.kind == DETACHED) {
        return "Tell me that no editor session is attached to Conexus, so unsaved changes are not known here."
            .to_owned();
    }
    if lines.is_empty() {
        return "Tell me that no open document has unsaved changes, so there is nothing to review.".to_owned();
    }
    format!(
        "Review my unsaved changes: mistakes, missing cases, callers that no longer fit (context_get_related_info knows \
         them), missing tests and documentation. Be specific and name lines.\n\n```diff\n{}\n```",
        fitting(&lines)
    )
}

/// As many lines as the budget allows, and how many are left out.
fn fitting(lines: &[String]) -> String {
    let mut cost = 0;
    let kept = lines.iter().take_while(|line| {
        cost += estimate_tokens(line) + 1;
        cost <= TOKENS
    });
    let kept: Vec<&str> = kept.map(String::as_str).collect();
    let left_out = lines.len() - kept.len();
    let end = if left_out > 0 { format!("\n({left_out} more lines are left out)") } else { String::new() };
    kept.join("\n") + &end
}
