//! Hits of a search as an assistant reads them. Who reads on from the first one wants to know soon what the others are:
//! the places of the first ten come within the first 2,000 tokens, and code fills what is left, most of it at the top.

use conexus_core::{Answer, Query};
use conexus_engine::Snapshot;
use serde_json::json;

use crate::{
    Found, FoundHit, FoundNotice,
    reply::{Draft, Item, version_of},
    snippet::shortened,
};

/// Lines of code per hit at most. Of 4, 8, 12 and 16 these show most functions whole without losing many (`docs/quality.md`).
const SNIPPET_LINES: usize = 12;
/// Hits whose places come early.
const EARLY_HITS: usize = 10;
/// Tokens within which they come.
const EARLY_TOKENS: usize = 2_000;
/// Places take at most one part in so many of these tokens: with a small budget fewer hits come, and the first of them
/// with code. Of five shares a half shows most on the development queries (`docs/quality.md`).
const PLACES_PART: usize = 2;
/// A hit takes at most one part in so many of what is left for code.
const SHARE: usize = 3;

/// The answer of `context_search` as text and as JSON, for measuring.
pub fn search_answer(view: &Snapshot, query: &Query, answer: &Answer, max_tokens: Option<usize>) -> (String, String) {
    let mut draft = Draft::bare(Some("hits"), view.generation().0, max_tokens);
    fill(&mut draft, view, query, answer);
    let reply = draft.finish();
    (reply.text, reply.structured.to_string())
}

/// Adds the hits of a search, best first, and what it says of itself.
pub(crate) fn fill(draft: &mut Draft, view: &Snapshot, query: &Query, answer: &Answer) {
    draft.offset = query.offset;
    draft.more = answer.more;
    answer.notices.iter().map(FoundNotice::of).for_each(|notice| draft.note(notice));
    let found = Found::of(view, answer, query, SNIPPET_LINES);
    let hits: Vec<_> = found.hits.into_iter().map(|hit| (version_of(view, &hit.path), hit)).collect();
    let room = EARLY_TOKENS.min(draft.room());
    let costs = hits.iter().take(EARLY_HITS).map(|(version, hit)| item(hit, *version, 0).cost());
    // The running sums of the places, as far as they leave code its part.
    let sums = costs.scan(0, |sum, cost| {
        *sum += cost;
        Some(*sum)
    });
    let places = sums.take_while(|&sum| sum <= room / PLACES_PART).last().unwrap_or(0);
    let mut left = room.saturating_sub(places);
    draft.items = hits
        .iter()
        .enumerate()
        .map(|(rank, (version, hit))| {
            let place = item(hit, *version, 0);
            if rank >= EARLY_HITS {
                return item(hit, *version, SNIPPET_LINES).or_shorter(place);
            }
            let extra = |item: &Item| item.cost().saturating_sub(place.cost());
            let fitting = (1..=SNIPPET_LINES).rev().map(|lines| item(hit, *version, lines));
            let Some(shown) = fitting.into_iter().find(|item| extra(item) <= left / SHARE) else { return place };
            left -= extra(&shown);
            shown.or_shorter(place)
        })
        .collect();
}

/// A hit with so many lines of its code.
fn item(hit: &FoundHit, version: Option<i32>, lines: usize) -> Item {
    let mut json = json!({
        "path": hit.path,
        "line": hit.line,
        "start_line": hit.start_line,
        "end_line": hit.end_line,
        "name": hit.name,
    });
    let mut text = format!("{}:{}-{} {}", hit.path, hit.start_line, hit.end_line, hit.name);
    if let Some(kind) = &hit.kind {
        json["kind"] = json!(kind);
        text = format!("{text} ({kind})");
    }
    if !hit.container.is_empty() {
        json["container"] = json!(hit.container);
    }
    if let Some(version) = version {
        json["unsaved_version"] = json!(version);
        text.push_str(" [unsaved]");
    }
    if hit.changed_since_indexed {
        json["changed_since_indexed"] = json!(true);
    }
    if let Some(snippet) = hit.snippet.as_deref().filter(|_| lines > 0) {
        let shown = shortened(snippet, hit.line, lines).into_iter().map(|index| &snippet[index]);
        let code = shown.map(|line| format!("{}: {}", line.line, line.text)).collect::<Vec<_>>().join("\n");
        text = format!("{text}\n{code}");
        json["code"] = json!(code);
    }
    Item::new(json, text)
}
