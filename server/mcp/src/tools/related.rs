//! `context_get_related_info`: what a symbol, a file or a ticket hangs together with.

use conexus_core::LineIndex;
use conexus_engine::{
    Related, Relation, RelationKind, RelationKinds, Snapshot, Target,
    git::{Commit, History},
};
use rmcp::model::{JsonObject, Tool as Description};
use serde::Deserialize;
use serde_json::json;

use super::{
    Call, Freshness, Tool, limit_of, read_arguments,
    schema::{self, Field, maybe, sure},
};
use crate::{
    FoundNotice, paths,
    reply::{Draft, Item, Reply, offset_of},
};

pub(super) const TOOL: Tool = Tool { name: "context_get_related_info", describe, run };

/// Relations of each kind when the caller names no limit, and at most.
const LIMITS: (usize, usize) = (10, 50);
/// Digits of a commit's hash.
const HASH: usize = 12;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    symbol: Option<String>,
    file_path: Option<String>,
    line: Option<u32>,
    ticket_id: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
    max_tokens: Option<usize>,
}

/// What is told of a relation.
const RELATED: &[Field] = &[
    sure("relation"),
    maybe("path", "string"),
    maybe("line", "integer"),
    maybe("name", "string"),
    maybe("commit", "string"),
    maybe("subject", "string"),
    maybe("author", "string"),
    maybe("time", "integer"),
    sure("reason"),
    sure("confidence"),
];

fn describe() -> Description {
    let input = [
        ("symbol", schema::text()),
        ("file_path", schema::text()),
        ("line", schema::number()),
        ("ticket_id", schema::text()),
        ("limit", schema::number()),
        ("cursor", schema::text()),
        ("max_tokens", schema::number()),
    ];
    let description = "Callers, callees, tests, similar code, files changed together, commits of a symbol, file or \
                       ticket.";
    schema::reader(TOOL.name, description, schema::object(&input, &[]), schema::answer(&[], Some(("related", RELATED))))
}

fn run(call: &Call<'_>, mut arguments: JsonObject) -> Result<Reply, String> {
    let freshness = Freshness::take(&mut arguments)?;
    let arguments: Arguments = read_arguments(arguments)?;
    let view = call.view_from(&freshness)?;
    let limit = limit_of(arguments.limit, LIMITS.0, LIMITS.1);
    let offset = offset_of(arguments.cursor.as_deref())?;
    let mut draft = Draft::new(call, &view, Some("related"), arguments.max_tokens);
    if let Some(ticket) = &arguments.ticket_id {
        if arguments.symbol.is_some() || arguments.file_path.is_some() {
            return Err("name a ticket_id alone, or a symbol or file_path".to_owned());
        }
        ticket_items(call, &view, ticket, limit, &mut draft);
        draft.pass_over(offset);
        return Ok(draft.finish());
    }
    if arguments.symbol.is_none() && arguments.file_path.is_none() {
        return Err("name a symbol, a file_path or a ticket_id".to_owned());
    }
    let target = target(call, &view, arguments.symbol.as_deref(), arguments.file_path.as_deref(), arguments.line)?;
    let mut related =
        view.related(&target, RelationKinds::ALL, limit, call.cancel).map_err(|error| error.to_string())?;
    say_unknown(&related, &target, &mut draft);
    say_each_once(&mut related.relations);
    related.notices.iter().map(FoundNotice::of).for_each(|notice| draft.note(notice));
    let path = match &target {
        Target::File(path) | Target::At { path, .. } => Some(path.clone()),
        Target::Symbol(_) => related.target.as_ref().map(|hit| hit.path.to_string()),
    };
    draft.items = interleaved(&related.relations);
    let mut more = names(related.more);
    if let Some(path) = path {
        draft.head = match &related.target {
            Some(hit) => format!("{} {}:{}\n", draft.short_name(&hit.name), hit.path, hit.lines.0 + 1),
            None => format!("{path}\n"),
        };
        if let Some(history) = call.history(&mut draft) {
            draft.items.extend(changes(&view, &history, &path, limit, &mut more));
        }
    }
    say_more(&more, rest(limit), &mut draft);
    draft.pass_over(offset);
    Ok(draft.finish())
}

/// What tells the relations beyond a limit.
fn rest(limit: usize) -> &'static str {
    if limit < LIMITS.1 {
        "a larger limit shows them"
    } else {
        "this is the largest limit; context_grep finds a name, git all commits"
    }
}

/// What the caller means.
pub(super) fn target(
    call: &Call<'_>,
    view: &Snapshot,
    symbol: Option<&str>,
    file: Option<&str>,
    line: Option<u32>,
) -> Result<Target, String> {
    if symbol.is_some() && line.is_some() {
        return Err("a line goes with a file_path alone: leave out the line, or the symbol".to_owned());
    }
    match (symbol, file) {
        (Some(symbol), None) => Ok(Target::Symbol(symbol.to_owned())),
        (None, Some(file)) => {
            let path = paths::indexed(view, call.root(), file)?;
            let Some(line) = line else { return Ok(Target::File(path)) };
            let text = paths::text(view, call.root(), &path)?.text;
            let lines = LineIndex::new(&text);
            let span = lines.span(line.saturating_sub(1)).filter(|_| line > 0);
            let span = span.ok_or_else(|| format!("{path} has {} lines, there is no line {line}", lines.count()))?;
            let blank = span.slice(&text).bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            Ok(Target::At { path, offset: span.start + blank as u32 })
        }
        (Some(symbol), Some(file)) => {
            let path = paths::indexed(view, call.root(), file)?;
            let found = view.symbol_in(&path, symbol).map_err(|error| error.to_string())?;
            let offset = found.ok_or_else(|| format!("{path} defines no symbol {symbol:?}"))?.name_span().start;
            Ok(Target::At { offset, path })
        }
        (None, None) => Err("name a symbol or a file_path".to_owned()),
    }
}

/// Says which name no symbol has.
pub(super) fn say_unknown(related: &Related, target: &Target, draft: &mut Draft) {
    if let (None, Target::Symbol(name)) = (&related.target, target) {
        let name: String = name.chars().take(80).collect();
        draft.say("no_match", format!("no symbol is called {name:?}; context_search finds code by what it does"));
    }
}

/// Kinds by their names.
pub(super) fn names(kinds: RelationKinds) -> Vec<&'static str> {
    RelationKind::ALL.iter().filter(|kind| kinds.contains(**kind)).map(|kind| kind.name()).collect()
}

/// Says of which relations only the first are told, and what tells the others.
pub(super) fn say_more(relations: &[&str], how: &str, draft: &mut Draft) {
    if !relations.is_empty() {
        draft.limited = true;
        draft.say("limited", format!("there are more of: {}; {how}", relations.join(", ")));
    }
}

/// A test that calls the symbol is told as a test alone.
pub(super) fn say_each_once(relations: &mut Vec<Relation>) {
    let tests: Vec<_> = relations.iter().filter(|relation| relation.kind == RelationKind::Test).cloned().collect();
    relations.retain(|relation| {
        relation.kind != RelationKind::Caller
            || tests.iter().all(|test| (&test.path, test.span) != (&relation.path, relation.span))
    });
}

/// The surest of each kind first, then the second of each: a budget that cuts leaves some of everything.
fn interleaved(relations: &[Relation]) -> Vec<Item> {
    let kinds: Vec<Vec<&Relation>> = RelationKind::ALL
        .iter()
        .map(|kind| relations.iter().filter(|relation| relation.kind == *kind).collect())
        .collect();
    let longest = kinds.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest).flat_map(|rank| kinds.iter().filter_map(move |kind| kind.get(rank))).map(|found| item(found)).collect()
}

pub(super) fn item(relation: &Relation) -> Item {
    let line = relation.focus_line + 1;
    let kind = relation.kind.name();
    let json = json!({
        "relation": kind,
        "path": relation.path,
        "line": line,
        "name": relation.name,
        "reason": relation.reason,
        "confidence": rounded(relation.confidence),
    });
    let text =
        format!("{kind} {}:{line} {} ({:.2}, {})", relation.path, relation.name, relation.confidence, relation.reason);
    Item::new(json, text)
}

/// Files that change together with a path, and the last commits that changed it: so many of each, and `more` gets those of
/// which there are others. Only files of the index are named.
fn changes(view: &Snapshot, history: &History, path: &str, limit: usize, more: &mut Vec<&'static str>) -> Vec<Item> {
    let mut together = history.changed_with(path, usize::MAX);
    together.retain(|change| view.index().file(&change.path).is_some());
    if together.len() > limit {
        more.push("changes_together");
    }
    let files = together.iter().take(limit).map(|change| {
        let reason = format!("{} of {} commits changed both", change.together, change.of);
        let text = format!("changes_together {} ({:.2}, {reason})", change.path, change.confidence);
        let json = json!({
            "relation": "changes_together",
            "path": change.path,
            "reason": reason,
            "confidence": rounded(change.confidence),
        });
        Item::new(json, text)
    });
    files.chain(commits(history, path, limit, more)).collect()
}

/// The last commits that changed a file, so many of them; `more` gets their name when there are others.
pub(super) fn commits(history: &History, path: &str, limit: usize, more: &mut Vec<&'static str>) -> Vec<Item> {
    let mut commits = history.commits_of(path);
    let told = commits.by_ref().take(limit).map(|found| commit(found, "changed the file")).collect();
    if commits.next().is_some() {
        more.push("commit");
    }
    told
}

fn commit(commit: &Commit, reason: &str) -> Item {
    let id = &commit.id[..HASH.min(commit.id.len())];
    let json = json!({
        "relation": "commit",
        "commit": id,
        "subject": commit.subject,
        "author": commit.author,
        "time": commit.time,
        "reason": reason,
        "confidence": 1,
    });
    Item::new(json, format!("commit {id} {}", commit.subject))
}

/// The commits that name a ticket and the indexed files that they changed.
fn ticket_items(call: &Call<'_>, view: &Snapshot, ticket: &str, limit: usize, draft: &mut Draft) {
    let Some(history) = call.history(draft) else {
        if call.reads_history() {
            draft.say("no_history", "the workspace is in no git repository with commits");
        }
        return;
    };
    let commits: Vec<&Commit> = history.mentioning(ticket).collect();
    if commits.is_empty() {
        draft.say("no_match", "no commit names the ticket");
    }
    let mut files: Vec<(&str, usize)> = Vec::new();
    for path in commits.iter().flat_map(|commit| &commit.paths).filter(|path| view.index().file(path).is_some()) {
        match files.iter_mut().find(|(known, _)| *known == &**path) {
            Some((_, times)) => *times += 1,
            None => files.push((path, 1)),
        }
    }
    files.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(right.0)));
    draft.limited = files.len() > limit || commits.len() > limit;
    if draft.limited {
        draft.say("limited", format!("there are more commits or files of the ticket; {}", rest(limit)));
    }
    draft.items = commits.iter().take(limit).map(|found| commit(found, "names the ticket")).collect();
    draft.items.extend(files.iter().take(limit).map(|(path, times)| {
        let reason = format!("changed by {times} commits of the ticket");
        let json = json!({ "relation": "changed_for", "path": path, "reason": reason, "confidence": 1 });
        Item::new(json, format!("changed_for {path} ({reason})"))
    }));
}

/// To two digits: more says nothing.
fn rounded(confidence: f32) -> f64 {
    (f64::from(confidence) * 100.0).round() / 100.0
}
