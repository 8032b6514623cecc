//! Answers of tools: what fits into the budget of tokens goes first, and what did not fit is said.

use std::{ops::RangeInclusive, sync::atomic::Ordering};

use conexus_core::Notice;
use conexus_engine::{BufferVersion, Snapshot, estimate_tokens, live::Role, redaction};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{FoundNotice, tools::Call};

/// Tokens of an answer when the caller names no budget.
pub(crate) const DEFAULT_TOKENS: usize = 4_000;
/// The smallest budget that is kept: notices and the cursor have room in it.
const LEAST_TOKENS: usize = 200;
/// The largest budget.
const MOST_TOKENS: usize = 50_000;
/// Budgets of an answer, in tokens, that are kept; any other is moved to the nearest.
pub const BUDGETS: RangeInclusive<u64> = LEAST_TOKENS as u64..=MOST_TOKENS as u64;
/// Bytes that are left of the message of a notice where the budget is small, and where it is very small.
const SHORT_MESSAGES: [usize; 2] = [40, 0];
/// Longest message of a notice in bytes.
const MESSAGE_BYTES: usize = 240;
/// A name beside the items takes at most one part in so many of the budget.
const NAME_PART: usize = 8;

/// The answer of a tool in both its forms. Each of them costs at most the budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// What satisfies the tool's `outputSchema`.
    pub(crate) structured: Value,
    /// The same for a reader.
    pub(crate) text: String,
}

/// One entry of an answer.
pub(crate) struct Item {
    form: Form,
    /// A smaller form for when the whole one does not fit.
    short: Option<Form>,
}

/// An entry in both its forms, with what they cost: to count tokens takes longer than to put them together.
struct Form {
    json: Value,
    text: String,
    tokens: (usize, usize),
    /// Whether it shows a mask in the place of a secret.
    is_redacted: bool,
}

impl Item {
    pub(crate) fn new(json: Value, text: String) -> Self {
        let written = json.to_string();
        let tokens = (estimate_tokens(&written), estimate_tokens(&text));
        let is_redacted = redaction::is_redacted(&written);
        Self { form: Form { json, text, tokens, is_redacted }, short: None }
    }

    /// With a smaller form that takes its place when it does not fit.
    pub(crate) fn or_shorter(self, short: Self) -> Self {
        Self { short: Some(short.form), ..self }
    }

    /// Tokens of the dearer of its two forms, with what parts it from the next.
    pub(crate) fn cost(&self) -> usize {
        self.form.tokens.0.max(self.form.tokens.1) + 1
    }
}

/// An answer that is being put together.
pub(crate) struct Draft {
    /// Name of the list of items; `None` for an answer without one.
    list: Option<&'static str>,
    /// Facts beside the items.
    pub(crate) facts: Map<String, Value>,
    /// What the text form begins with.
    pub(crate) head: String,
    pub(crate) items: Vec<Item>,
    notices: Vec<FoundNotice>,
    /// Items that were passed over before the first of these.
    pub(crate) offset: usize,
    /// Whether more follow behind the items.
    pub(crate) more: bool,
    /// Whether something was left out that no cursor leads to.
    pub(crate) limited: bool,
    /// Where the next call goes on, if it is not counted in items.
    pub(crate) cursor: Option<String>,
    generation: u64,
    budget: usize,
}

impl Draft {
    /// An empty answer from a state of the index.
    pub(crate) fn new(call: &Call<'_>, view: &Snapshot, list: Option<&'static str>, budget: Option<usize>) -> Self {
        let mut draft = Self::bare(list, view.generation().0, budget);
        // What the bridge says of its session says more than that the index has another owner.
        call.notices.iter().cloned().for_each(|notice| draft.note(notice));
        for notice in view.notices() {
            match notice {
                Notice::Indexing { .. } if view.index().file_count() == 0 => {
                    draft.say("indexing", "nothing is indexed yet: ask again, or with min_generation 1 and wait_ms");
                }
                Notice::Stopped if view.index().file_count() == 0 => {
                    draft.say("stopped", "nothing is indexed, and indexing is stopped: the action start goes on");
                }
                notice => draft.note(FoundNotice::of(notice)),
            }
        }
        let wanted = call.wanted.load(Ordering::Relaxed);
        if view.generation().0 < wanted {
            let message = format!("generation {wanted} did not come within wait_ms; this is {}", view.generation().0);
            draft.say("generation_not_reached", message);
        }
        if call.live.status().role == Role::Follower {
            draft.say("follower", "another process writes this index; changes on disk show with its commits");
        }
        draft
    }

    pub(crate) fn bare(list: Option<&'static str>, generation: u64, budget: Option<usize>) -> Self {
        Self {
            list,
            facts: Map::new(),
            head: String::new(),
            items: Vec::new(),
            notices: Vec::new(),
            offset: 0,
            more: false,
            limited: false,
            cursor: None,
            generation,
            budget: budget.unwrap_or(DEFAULT_TOKENS).clamp(LEAST_TOKENS, MOST_TOKENS),
        }
    }

    /// Adds what the reader must know; of one kind only the first.
    pub(crate) fn note(&mut self, mut notice: FoundNotice) {
        if self.notices.iter().all(|known| known.kind != notice.kind) {
            notice.message.truncate(notice.message.floor_char_boundary(MESSAGE_BYTES));
            self.notices.push(notice);
            self.shorten_notices(|draft| estimate_tokens(&json!(draft.notices).to_string()) <= draft.budget / 2);
        }
    }

    /// The same for a notice of the tools themselves.
    pub(crate) fn say(&mut self, kind: &str, message: impl Into<String>) {
        self.note(FoundNotice { kind: kind.to_owned(), message: message.into() });
    }

    /// Tokens that are left for content beside the facts and notices, in the dearer of the two forms.
    pub(crate) fn room(&self) -> usize {
        let end = End { truncated: true, cursor: Some(self.longest_cursor()), left_out: usize::MAX >> 32 };
        let structured = estimate_tokens(&self.structured(Vec::new(), &end).to_string());
        let text = estimate_tokens(&self.head) + estimate_tokens(&self.trailer(&end));
        self.budget.saturating_sub(structured.max(text))
    }

    /// Cuts messages of notices, the last first, until there is room: their kinds say the same. Half of the budget is left to
    /// what was asked for.
    fn shorten_notices(&mut self, has_room: impl Fn(&Self) -> bool) {
        for most in SHORT_MESSAGES {
            for number in (0..self.notices.len()).rev() {
                if has_room(self) {
                    return;
                }
                let message = &mut self.notices[number].message;
                if message.len() > most {
                    message.truncate(message.floor_char_boundary(most));
                }
            }
        }
    }

    /// A name as it is told beside the items: whole where the budget allows it.
    pub(crate) fn short_name(&self, name: &str) -> String {
        let fits = |name: &str| estimate_tokens(&json!(name).to_string()) <= self.budget / NAME_PART;
        if fits(name) {
            return name.to_owned();
        }
        let cut = |end: usize| format!("{}…", &name[..end]);
        let ends: Vec<usize> = name.char_indices().map(|(at, _)| at).collect();
        let fitting = ends.partition_point(|&end| fits(&cut(end)));
        cut(ends[fitting.saturating_sub(1)])
    }

    fn longest_cursor(&self) -> String {
        let counted = (self.offset + self.items.len()).to_string();
        self.cursor.clone().filter(|cursor| cursor.len() > counted.len()).unwrap_or(counted)
    }

    /// Passes over the items that earlier pages showed.
    pub(crate) fn pass_over(&mut self, offset: usize) {
        self.items.drain(..offset.min(self.items.len()));
        self.offset = offset;
    }

    /// Says that secrets in what is shown are masked.
    pub(crate) fn note_redacted(&mut self) {
        self.say("redacted", "what looks like a secret is shown as [redacted]");
    }

    /// The answer: items in their order for as long as they fit.
    pub(crate) fn finish(mut self) -> Reply {
        if redaction::is_redacted(&self.head) || self.items.iter().any(|item| item.form.is_redacted) {
            self.note_redacted();
        }
        // Names and paths beside the items may be long.
        self.shorten_notices(|draft| draft.room() > 0);
        let room = self.room();
        let (mut structured_cost, mut text_cost) = (0, 0);
        let (mut list, mut text) = (Vec::new(), self.head.clone());
        let total = self.items.len();
        for item in std::mem::take(&mut self.items) {
            let fitting =
                std::iter::once(item.form).chain(item.short).find_map(|Form { json, text, tokens, .. }| {
                    // A comma, a line break.
                    let cost = (tokens.0 + 1, tokens.1 + 1);
                    (structured_cost + cost.0 <= room && text_cost + cost.1 <= room).then_some((json, text, cost))
                });
            let Some((json, line, cost)) = fitting else { break };
            structured_cost += cost.0;
            text_cost += cost.1;
            list.push(json);
            text.push_str(&line);
            text.push('\n');
        }
        let left_out = total - list.len();
        let goes_on = left_out > 0 || self.more || self.cursor.is_some();
        let counted = || (self.offset + list.len()).to_string();
        let end = End {
            truncated: goes_on || self.limited,
            // A first item that does not fit at all is passed over, or the next call would answer the same.
            cursor: self.cursor.clone().or_else(|| match (goes_on, list.is_empty() && left_out > 0) {
                (true, false) => Some(counted()),
                (true, true) => Some((self.offset + 1).to_string()),
                (false, _) => None,
            }),
            left_out,
        };
        text.push_str(&self.trailer(&end));
        Reply { structured: self.structured(list, &end), text }
    }

    fn structured(&self, list: Vec<Value>, end: &End) -> Value {
        let mut whole = self.facts.clone();
        if let Some(name) = self.list {
            whole.insert(name.to_owned(), Value::Array(list));
        }
        whole.insert("generation".to_owned(), json!(self.generation));
        whole.insert("notices".to_owned(), json!(self.notices));
        whole.insert("truncated".to_owned(), json!(end.truncated));
        if let Some(cursor) = &end.cursor {
            whole.insert("cursor".to_owned(), json!(cursor));
        }
        if end.left_out > 0 {
            whole.insert("left_out".to_owned(), json!(end.left_out));
        }
        Value::Object(whole)
    }

    fn trailer(&self, end: &End) -> String {
        let told = |notice: &FoundNotice| match &*notice.message {
            "" => format!("note: {}\n", notice.kind),
            message => format!("note: {message}\n"),
        };
        let mut lines: Vec<String> = self.notices.iter().map(told).collect();
        if let Some(cursor) = &end.cursor {
            lines.push(format!("truncated: more with cursor {cursor:?}\n"));
        }
        lines.push(format!("generation {}\n", self.generation));
        lines.concat()
    }
}

/// How an answer ends.
struct End {
    truncated: bool,
    cursor: Option<String>,
    /// Items that were found and did not fit.
    left_out: usize,
}

/// The version of the open buffer that a path was read from.
pub(crate) fn version_of(view: &Snapshot, path: &str) -> Option<i32> {
    view.buffers().find(|buffer: &BufferVersion| &*buffer.path == path).map(|buffer| buffer.version)
}

/// A cursor that counts; the error says what it should be.
pub(crate) fn offset_of(cursor: Option<&str>) -> Result<usize, String> {
    match cursor {
        None | Some("") => Ok(0),
        Some(cursor) => match cursor.parse::<u32>() {
            Ok(offset) if offset <= 100_000 => Ok(offset as usize),
            _ => Err(format!("{cursor:?} is no cursor of an answer of this tool")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(budget: usize, texts: &[&str]) -> Draft {
        let mut draft = Draft::bare(Some("hits"), 7, Some(budget));
        draft.items = texts.iter().map(|text| Item::new(json!({ "text": text }), (*text).to_owned())).collect();
        draft
    }

    #[test]
    fn both_forms_keep_the_budget_and_the_best_go_first() {
        let long = "word ".repeat(100);
        for budget in [300, 400, 500] {
            let reply = draft(budget, &["first", &long, &long, &long, &long, &long]).finish();
            assert!(estimate_tokens(&reply.text) <= budget, "{}", reply.text);
            assert!(estimate_tokens(&reply.structured.to_string()) <= budget, "{}", reply.structured);
            let shown = reply.structured["hits"].as_array().unwrap();
            assert_eq!(shown[0]["text"], "first");
            assert_eq!(reply.structured["truncated"], true);
            assert_eq!(reply.structured["cursor"], shown.len().to_string());
            assert_eq!(reply.structured["left_out"], 6 - shown.len());
        }
    }

    #[test]
    fn what_fits_is_whole_and_says_so() {
        let reply = draft(1_000, &["a", "b"]).finish();
        let expected =
            json!({ "hits": [{ "text": "a" }, { "text": "b" }], "generation": 7, "notices": [], "truncated": false });
        assert_eq!(reply.structured, expected);
        assert_eq!(reply.text, "a\nb\ngeneration 7\n");
    }

    #[test]
    fn an_item_too_large_takes_its_short_form_or_is_passed_over() {
        let long = "word ".repeat(1_000);
        let mut with_short = draft(400, &[&long]);
        let item = with_short.items.remove(0).or_shorter(Item::new(json!({}), "short".to_owned()));
        with_short.items.push(item);
        assert_eq!(with_short.finish().structured["hits"], json!([{}]));
        let passed = draft(400, &[&long, "small"]).finish();
        assert_eq!((&passed.structured["hits"], &passed.structured["cursor"]), (&json!([]), &json!("1")));
    }

    #[test]
    fn notices_leave_half_of_a_small_budget_to_the_answer() {
        for budget in [LEAST_TOKENS, 500, 2_000] {
            let mut draft = draft(budget, &["first", "second"]);
            for number in 0..6 {
                draft.say(&format!("kind_{number}"), "a long sentence of what must be known. ".repeat(6));
            }
            let reply = draft.finish();
            let shown = reply.structured["notices"].as_array().unwrap();
            assert_eq!(shown.len(), 6);
            assert_eq!(reply.structured["hits"][0]["text"], "first", "{budget}");
            assert!(estimate_tokens(&reply.structured.to_string()) <= budget, "{budget}: {}", reply.structured);
            assert!(estimate_tokens(&reply.text) <= budget, "{budget}: {}", reply.text);
        }
    }

    #[test]
    fn names_are_cut_to_their_part_of_the_budget() {
        for name in ["retry_failed_request", "größe", "word ", "\"", "\u{1}", "💥"] {
            for budget in [LEAST_TOKENS, 2_000] {
                let draft = draft(budget, &[]);
                let long = name.repeat(5_000);
                let (whole, cut) = (draft.short_name(name), draft.short_name(&long));
                assert_eq!(whole, name);
                assert!(cut.ends_with('…') && long.starts_with(cut.trim_end_matches('…')), "{cut}");
                let cost = estimate_tokens(&json!(cut).to_string());
                assert!((budget / NAME_PART - 8..=budget / NAME_PART).contains(&cost), "{cost} of {budget}: {cut}");
            }
        }
    }

    #[test]
    fn cursors_are_counts() {
        for (cursor, expected) in [(None, Some(0)), (Some(""), Some(0)), (Some("12"), Some(12))] {
            assert_eq!(offset_of(cursor).ok(), expected);
        }
        for wrong in ["-1", "x", "99999999999", "100001", "../a"] {
            assert!(offset_of(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
