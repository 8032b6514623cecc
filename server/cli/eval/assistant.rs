//! What an assistant gets to read: where in the answer of `context_search` the first relevant file is named.

use std::{collections::HashSet, sync::atomic::AtomicBool};

use anyhow::Result;
use conexus_core::{Answer, Hit, Query};
use conexus_engine::{Snapshot, estimate_tokens};
use serde::{Deserialize, Serialize};

use super::data::LabelledQuery;

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

/// What an answer of so many tokens shows of what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Within {
    pub(super) tokens: usize,
    /// The place of a relevant hit is named.
    pub(super) place: bool,
    /// Lines of code of a relevant hit are shown.
    pub(super) code: bool,
    /// Share of a target's own lines that are shown, blank ones left out: of the targets with lines the one that is shown
    /// best.
    #[serde(default)]
    pub(super) span: Option<f64>,
}

/// Hits that an assistant with room for them asks for.
const HITS: usize = 50;

/// Answers a query once for each budget.
pub(super) fn within(
    view: &Snapshot,
    query: &Query,
    budgets: &[usize],
    labelled: &LabelledQuery,
    root: &str,
) -> Result<Vec<Within>> {
    if budgets.is_empty() {
        return Ok(Vec::new());
    }
    let query = Query { limit: HITS, ..query.clone() };
    let answer = view.search(&query, &AtomicBool::new(false))?;
    let heads: Vec<(String, &Hit)> =
        answer.hits.iter().map(|hit| (format!("{}:{}-{} ", hit.path, hit.lines.0 + 1, hit.lines.1 + 1), hit)).collect();
    let spans = labelled.spans(view, root);
    let shown = budgets.iter().map(|&tokens| {
        let text = conexus_mcp::search_answer(view, &query, &answer, Some(tokens)).0;
        let mut within = Within { tokens, place: false, code: false, span: None };
        let mut lines: HashSet<(&str, u32)> = HashSet::new();
        let mut of: Option<(&Hit, bool)> = None;
        for line in text.lines() {
            let number = line.split_once(": ").and_then(|(number, _)| number.parse::<u32>().ok());
            if let (Some((hit, is_relevant)), Some(number)) = (of, number) {
                within.code |= is_relevant;
                lines.insert((&hit.path, number));
                continue;
            }
            let hit = heads.iter().find(|(head, _)| line.starts_with(head.as_str())).map(|(_, hit)| *hit);
            of = hit.map(|hit| (hit, labelled.is_relevant(hit, root)));
            within.place |= of.is_some_and(|(_, is_relevant)| is_relevant);
        }
        let share = |(path, wanted): &(String, Vec<u32>)| {
            let shown = wanted.iter().filter(|&&line| lines.contains(&(path.as_str(), line))).count();
            shown as f64 / wanted.len() as f64
        };
        within.span = spans.iter().map(share).max_by(f64::total_cmp);
        within
    });
    Ok(shown.collect())
}
