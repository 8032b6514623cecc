//! What an assistant gets to read: where in the answer of `context_search` the first relevant file is named.

use conexus_core::{Answer, Query};
use conexus_engine::{Snapshot, estimate_tokens};

/// Tokens that an assistant is sure to read.
pub(super) const EARLY_TOKENS: usize = 2_000;

/// Tokens up to the end of the first path of a relevant file, in the dearer form of the answer. What names no such file
/// because it was cut costs more than all of it.
pub(super) fn tokens_to_file(
    view: &Snapshot,
    query: &Query,
    answer: &Answer,
    is_relevant: impl Fn(&str) -> bool,
) -> Option<usize> {
    let relevant: Vec<&str> = answer.hits.iter().map(|hit| &*hit.path).filter(|path| is_relevant(path)).collect();
    if relevant.is_empty() {
        return None;
    }
    let (text, json) = conexus_mcp::search_answer(view, query, answer, None);
    let named = |answer: &str, marks: Vec<String>| {
        let ends = marks.iter().filter_map(|mark| Some(answer.find(mark.as_str())? + mark.len()));
        ends.min().map_or(usize::MAX, |end| estimate_tokens(&answer[..end]))
    };
    // A head line begins its line; before it stands the code of another hit, or nothing.
    let in_text = named(&format!("\n{text}"), relevant.iter().map(|path| format!("\n{path}:")).collect());
    let in_json = named(&json, relevant.iter().map(|path| format!("\"path\":{}", serde_json::json!(path))).collect());
    Some(in_text.max(in_json))
}
