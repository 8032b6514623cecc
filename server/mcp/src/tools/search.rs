//! `context_search`: code by meaning, words, name or quoted text.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use conexus_core::{Filter, Mode, Query, SymbolKind, WorkContext};
use conexus_engine::{
    Snapshot,
    git::{self, History, HistoryLimits},
};
use rmcp::model::{JsonObject, Tool as Description};
use serde::Deserialize;
use serde_json::Value;

use super::{
    Call, Freshness, Tool, limit_of, read_arguments,
    schema::{self, Field, maybe, sure},
};
use crate::{
    hits, paths,
    reply::{Draft, Reply, offset_of},
};

pub(super) const TOOL: Tool = Tool { name: "context_search", describe, run };

/// Hits when the caller names no limit, and at most.
const LIMITS: (usize, usize) = (10, 100);
/// Files that a ticket or branch adds to the soft context.
const TICKET_FILES: usize = 50;
/// How far back the ticket of the checked-out branch is looked for, which nobody named: its commits are the last ones, and a
/// search does not wait long for them. What was read is kept until HEAD moves.
const BRANCH_LIMITS: HistoryLimits = HistoryLimits { commits: 500, time: Duration::from_secs(1) };

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Arguments {
    query: String,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    languages: Vec<String>,
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    mode: ModeName,
    #[serde(default)]
    work_context: Work,
    limit: Option<usize>,
    cursor: Option<String>,
    max_tokens: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ModeName {
    #[default]
    Auto,
    Meaning,
    Keyword,
    Symbol,
}

/// What the caller works on: a soft boost.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Work {
    active_file: Option<String>,
    git_branch: Option<String>,
    #[serde(default)]
    open_ticket_ids: Vec<String>,
}

/// What is told of a hit.
const HIT: &[Field] = &[
    sure("path"),
    sure("line"),
    sure("start_line"),
    sure("end_line"),
    sure("name"),
    maybe("kind", "string"),
    maybe("container", "string"),
    maybe("code", "string"),
    maybe("unsaved_version", "integer"),
    maybe("changed_since_indexed", "boolean"),
];

fn describe() -> Description {
    let work = [("active_file", schema::text()), ("git_branch", schema::text()), ("open_ticket_ids", schema::texts())];
    let input = [
        ("query", schema::text_about("question, words, name or \"quoted text\"")),
        ("paths", schema::texts()),
        ("languages", schema::texts()),
        ("kinds", schema::texts()),
        ("mode", schema::choice(&["auto", "meaning", "keyword", "symbol"])),
        ("work_context", Value::Object(schema::object(&work, &[]))),
        ("limit", schema::number()),
        ("cursor", schema::text()),
        ("max_tokens", schema::number()),
        ("min_generation", schema::number()),
        ("wait_ms", schema::number()),
    ];
    let description = "Find code and docs by meaning or name, unsaved edits included.";
    schema::reader(TOOL.name, description, schema::object(&input, &["query"]), schema::answer(&[], Some(("hits", HIT))))
}

fn run(call: &Call<'_>, mut arguments: JsonObject) -> Result<Reply, String> {
    let freshness = Freshness::take(&mut arguments)?;
    let arguments: Arguments = read_arguments(arguments)?;
    let kind = |name: &String| {
        SymbolKind::from_name(name).ok_or_else(|| {
            let names: Vec<_> = SymbolKind::ALL.iter().map(|kind| kind.name()).collect();
            format!("there is no kind {name:?}, it is one of {}", names.join(", "))
        })
    };
    let kinds = arguments.kinds.iter().map(kind).collect::<Result<_, _>>()?;
    let view = call.view_from(&freshness)?;
    let mut draft = Draft::new(call, &view, Some("hits"), arguments.max_tokens);
    let query = Query {
        mode: match arguments.mode {
            ModeName::Auto => Mode::Auto,
            ModeName::Meaning => Mode::Meaning,
            ModeName::Keyword => Mode::Keyword,
            ModeName::Symbol => Mode::Symbol,
        },
        filter: Filter {
            include: call.globs(&arguments.paths),
            languages: arguments.languages.clone(),
            kinds,
            ..Filter::default()
        },
        context: context(call, &view, &arguments.work_context, &mut draft),
        limit: limit_of(arguments.limit, LIMITS.0, LIMITS.1),
        offset: offset_of(arguments.cursor.as_deref())?,
        ..Query::new(arguments.query)
    };
    let answer = view.search(&query, call.cancel).map_err(|error| error.to_string())?;
    if answer.hits.is_empty() {
        say_languages(&view, &arguments.languages, &mut draft);
    }
    hits::fill(&mut draft, &view, &query, &answer);
    Ok(draft.finish())
}

/// Says which languages there are to someone who asks for others alone.
fn say_languages(view: &Snapshot, wanted: &[String], draft: &mut Draft) {
    if wanted.is_empty() {
        return;
    }
    let known: BTreeSet<&str> = view.index().files().map(|file| file.language().name()).collect();
    if wanted.iter().all(|name| !known.contains(name.as_str())) {
        let known: Vec<&str> = known.into_iter().collect();
        draft.say(
            "filter_matches_nothing",
            format!("of these languages nothing is indexed; there are {}", known.join(", ")),
        );
    }
}

/// The soft context: what the caller says, else what the session knows: the document that was opened or changed last, the
/// other unsaved ones, and the checked-out branch.
fn context(call: &Call<'_>, view: &Snapshot, work: &Work, draft: &mut Draft) -> WorkContext {
    let mut open_files: Vec<String> = view.buffers().map(|buffer| buffer.path.to_string()).collect();
    let named = work.open_ticket_ids.iter().map(String::as_str).chain(work.git_branch.as_deref().and_then(ticket_of));
    let named: Vec<&str> = named.collect();
    let checked_out = if work.git_branch.is_none() { git::branch_in_files(call.root()) } else { None };
    let checked_out = checked_out.as_deref().and_then(ticket_of).filter(|_| call.reads_history());
    let mut add = |history: Option<Arc<History>>, tickets: &[&str]| {
        let Some(history) = history else { return };
        let commits = tickets.iter().flat_map(|ticket| history.mentioning(ticket));
        let changed = commits.flat_map(|commit| commit.paths.iter().map(ToString::to_string));
        open_files.extend(changed.take(TICKET_FILES));
    };
    if !named.is_empty() {
        add(call.history(draft), &named);
    }
    if let Some(ticket) = checked_out {
        add(git::history(call.root(), BRANCH_LIMITS, call.cancel), &[ticket]);
    }
    let active_file = match &work.active_file {
        Some(path) => paths::indexed(view, call.root(), path).ok(),
        None => call.live.active_buffer().filter(|path| view.index().file(path).is_some()),
    };
    WorkContext { active_file, open_files }
}

/// The ticket in the name of a branch: `feature/ABC-12-retry` or `12-retry`.
fn ticket_of(branch: &str) -> Option<&str> {
    let name = branch.rsplit('/').next()?;
    let number = name.find(|character: char| character.is_ascii_digit())?;
    let is_keyed = number > 1
        && name[..number].ends_with('-')
        && name[..number - 1].bytes().all(|byte| byte.is_ascii_alphanumeric());
    let digits = name[number..].bytes().take_while(u8::is_ascii_digit).count();
    (number == 0 || is_keyed).then(|| &name[..number + digits])
}

#[cfg(test)]
mod tests {
    use super::ticket_of;

    #[test]
    fn branches_name_tickets() {
        for (branch, ticket) in [
            ("feature/ABC-12-retry", Some("ABC-12")),
            ("12-retry", Some("12")),
            ("main", None),
            ("v2", None),
            ("fix/some-thing-2", None),
            ("", None),
            ("größe-1", None),
        ] {
            assert_eq!(ticket_of(branch), ticket, "{branch}");
        }
    }
}
