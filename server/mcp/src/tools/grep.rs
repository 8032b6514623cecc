//! `context_grep`: regular expressions over the files of the index and the open buffers.

use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use conexus_core::{Filter, Notice};
use conexus_engine::{FileEntry, Snapshot};
use grep_matcher::Matcher;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{BinaryDetection, Searcher, SearcherBuilder, sinks::Bytes};
use rmcp::model::{JsonObject, Tool as Description};
use serde::Deserialize;
use serde_json::json;

use super::{
    Call, Freshness, Tool, limit_of, read_arguments,
    schema::{self, Field, maybe, sure},
};
use crate::{
    FoundNotice, paths,
    reply::{Draft, Item, Reply, offset_of, version_of},
};

pub(super) const TOOL: Tool = Tool { name: "context_grep", describe, run };

/// Longest pattern in bytes.
const PATTERN_BYTES: usize = 4_096;
/// Memory of a compiled pattern in bytes.
const PATTERN_MEMORY: usize = 8 << 20;
/// Longest line that is shown, in bytes.
const LINE_BYTES: usize = 240;
/// Matching lines when the caller names no limit, and at most.
const LIMITS: (usize, usize) = (50, 1_000);
/// Longest time; what was found until then is answered.
const TIME: Duration = Duration::from_secs(10);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    pattern: String,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    ignore_case: bool,
    limit: Option<usize>,
    cursor: Option<String>,
    max_tokens: Option<usize>,
}

/// What is told of a line.
const MATCH: &[Field] =
    &[sure("path"), sure("line"), sure("text"), maybe("unsaved_version", "integer"), maybe("cut", "boolean")];

fn describe() -> Description {
    let input = [
        ("pattern", schema::text_about("Rust regex, per line")),
        ("paths", schema::texts()),
        ("ignore_case", schema::flag()),
        ("limit", schema::number()),
        ("cursor", schema::text()),
        ("max_tokens", schema::number()),
    ];
    let description = "Lines that match, in path order, unsaved edits included.";
    schema::reader(
        TOOL.name,
        description,
        schema::object(&input, &["pattern"]),
        schema::answer(&[], Some(("matches", MATCH))),
    )
}

fn run(call: &Call<'_>, mut arguments: JsonObject) -> Result<Reply, String> {
    let freshness = Freshness::take(&mut arguments)?;
    let arguments: Arguments = read_arguments(arguments)?;
    let matcher = matcher(&arguments.pattern, arguments.ignore_case)?;
    let view = call.view_from(&freshness)?;
    let filter = Filter { include: call.globs(&arguments.paths), ..Filter::default() };
    let offset = offset_of(arguments.cursor.as_deref())?;
    let mut grep = Grep {
        call,
        view: &view,
        matcher,
        searcher: SearcherBuilder::new().line_number(true).binary_detection(BinaryDetection::none()).build(),
        deadline: Instant::now() + TIME,
        pass: offset,
        limit: limit_of(arguments.limit, LIMITS.0, LIMITS.1),
        found: Vec::new(),
        more: false,
        unread: 0,
    };
    let files = files(&view, &filter)?;
    let in_time = grep.files(&files);
    let mut draft = Draft::new(call, &view, Some("matches"), arguments.max_tokens);
    draft.offset = offset;
    draft.more = grep.more || !in_time;
    if !in_time {
        draft.say("time_limit", "not all files were looked at in the time; narrow the paths");
    }
    if grep.unread > 0 {
        draft.say("unreadable", format!("{} files could not be read any more", grep.unread));
    }
    if grep.found.is_empty() && in_time {
        match (files.is_empty() && !arguments.paths.is_empty() && view.index().file_count() > 0, offset) {
            (true, _) => draft.note(FoundNotice::of(&Notice::FilterMatchesNothing)),
            (false, 0) => draft.say("no_match", "no line of an indexed file matches"),
            (false, _) => draft.say("no_match", "no further line matches: the cursor is behind the last"),
        }
    }
    draft.items = grep.found;
    Ok(draft.finish())
}

fn matcher(pattern: &str, ignore_case: bool) -> Result<RegexMatcher, String> {
    if pattern.is_empty() || pattern.len() > PATTERN_BYTES {
        return Err(format!("a pattern has 1 to {PATTERN_BYTES} bytes"));
    }
    RegexMatcherBuilder::new()
        .case_insensitive(ignore_case)
        // `$` stands before both ends of lines, unless the caller looks for them by himself.
        .multi_line(true)
        .crlf(!pattern.contains("\\r"))
        .line_terminator(Some(b'\n'))
        .size_limit(PATTERN_MEMORY)
        .dfa_size_limit(PATTERN_MEMORY)
        .nest_limit(64)
        .build(pattern)
        .map_err(|error| format!("cannot read the pattern: {error}"))
}

/// The files that a filter lets through, ordered by path.
fn files<'a>(view: &'a Snapshot, filter: &Filter) -> Result<Vec<&'a Arc<FileEntry>>, String> {
    let allowed = view.index().allowed(filter).map_err(|error| error.to_string())?;
    let is_allowed = |file: &FileEntry| {
        let slots = file.first_slot()..file.first_slot() + file.chunk_count();
        allowed.as_ref().is_none_or(|allowed| slots.into_iter().any(|slot| allowed.contains(slot)))
    };
    let mut files: Vec<_> = view.index().files().filter(|file| is_allowed(file)).collect();
    files.sort_unstable_by(|left, right| left.path().cmp(right.path()));
    Ok(files)
}

/// One run over the files.
struct Grep<'a> {
    call: &'a Call<'a>,
    view: &'a Snapshot,
    matcher: RegexMatcher,
    searcher: Searcher,
    deadline: Instant,
    /// Matching lines to pass over first.
    pass: usize,
    limit: usize,
    found: Vec<Item>,
    /// Whether another line matches behind the limit.
    more: bool,
    unread: usize,
}

impl Grep<'_> {
    /// Searches files until the limit; whether that was done in time and not cancelled.
    fn files(&mut self, files: &[&Arc<FileEntry>]) -> bool {
        for file in files {
            if self.more {
                return true;
            }
            if is_over(self.call.cancel, self.deadline) || !self.file(file.path()) {
                return false;
            }
        }
        true
    }

    /// Searches one file; `false` when the time is over.
    fn file(&mut self, path: &str) -> bool {
        let Ok(current) = paths::text(self.view, self.call.root(), path) else {
            self.unread += 1;
            return true;
        };
        let version = version_of(self.view, path);
        let (cancel, deadline, limit) = (self.call.cancel, self.deadline, self.limit);
        let (pass, found, more, matcher) = (&mut self.pass, &mut self.found, &mut self.more, &self.matcher);
        let mut in_time = true;
        let sink = Bytes(|number, line| {
            if is_over(cancel, deadline) {
                in_time = false;
                return Ok(false);
            }
            if *pass > 0 {
                *pass -= 1;
                return Ok(true);
            }
            if found.len() >= limit {
                *more = true;
                return Ok(false);
            }
            let at = if line.len() > LINE_BYTES { matcher.find(line).ok().flatten() } else { None };
            let line = String::from_utf8_lossy(line);
            found.push(item(path, number, &line, at.map_or(0..0, |at| at.start()..at.end()), version));
            Ok(true)
        });
        if let Err(error) = self.searcher.search_slice(&self.matcher, current.text.as_bytes(), sink) {
            tracing::warn!(%error, path, "a file could not be searched");
            self.unread += 1;
        }
        in_time
    }
}

fn is_over(cancel: &AtomicBool, deadline: Instant) -> bool {
    cancel.load(Ordering::Relaxed) || Instant::now() >= deadline
}

/// A line that matches from a place on. One that is too long is shown from its beginning as far as the match is seen there,
/// else from the match on, behind a mark.
fn item(path: &str, number: u64, line: &str, at: Range<usize>, version: Option<i32>) -> Item {
    let line = line.trim_end_matches(['\n', '\r']);
    let from = if at.end > LINE_BYTES { line.floor_char_boundary(at.start) } else { 0 };
    let part = &line[from..line.floor_char_boundary(from + LINE_BYTES)];
    let shown = if from > 0 { format!("…{part}") } else { part.to_owned() };
    let mut json = json!({ "path": path, "line": number, "text": shown });
    if let Some(version) = version {
        json["unsaved_version"] = json!(version);
    }
    if part.len() < line.len() {
        json["cut"] = json!(true);
    }
    Item::new(json, format!("{path}:{number}: {shown}"))
}

#[cfg(test)]
mod tests {
    use grep_searcher::sinks::UTF8;

    use super::*;

    #[test]
    fn patterns_are_regular_expressions_within_bounds() {
        for (pattern, ignore_case, expected) in [
            ("fn +main", false, vec![1]),
            ("FN", true, vec![1, 3]),
            ("^\\}$", false, vec![2, 5]),
            ("größe", false, vec![4]),
            ("\\)$", false, vec![6, 7]),
            ("^two\\(\\)$", false, vec![6]),
            ("\\)\\r?$", false, vec![6, 7]),
            ("\\)\\r$", false, vec![6]),
            (".+", false, vec![1, 2, 3, 4, 5, 6, 7]),
        ] {
            let mut lines = Vec::new();
            let matcher = matcher(pattern, ignore_case).unwrap();
            let text = b"fn  main() {\n}\nfn other() {\n    gr\xc3\xb6\xc3\x9fe\n}\ntwo()\r\nthree()\n";
            let sink = UTF8(|line, _| {
                lines.push(line);
                Ok(true)
            });
            SearcherBuilder::new().line_number(true).build().search_slice(&matcher, text, sink).unwrap();
            assert_eq!(lines, expected, "{pattern}");
        }
        for wrong in ["", "(", "a{100000}{100000}", "\\n", &"x".repeat(5_000), &"(".repeat(200)] {
            assert!(matcher(wrong, false).is_err(), "{wrong:.20}");
        }
    }
}
