//! What each answer is held against: places and relations as the index had them before the load.

use std::sync::{Arc, atomic::AtomicBool};

use conexus_core::{LineIndex, Query, Span, SymbolKind};
use conexus_engine::{
    Relation, RelationKind, RelationKinds, Snapshot, Target,
    git::{self, History, HistoryLimits},
};
use serde_json::Value;

use super::connection::QUESTIONS;

/// Symbols that are asked for.
const SYMBOLS: usize = 500;
/// Relations of each kind that `context_get_related_info` tells, and `context_explain`.
const RELATIONS: (usize, usize) = (10, 8);
/// Places that may be among those of a question, and those that may come first: files that appear underneath change what
/// words are worth.
const NEAR: (usize, usize) = (30, 3);
/// How the names of files begin that appear underneath.
pub(crate) const APPEARED: &str = "appeared_";

/// A path and a line, counted from 1.
type Place = (String, u64);

/// A symbol whose name no other has, and what the tools say of it.
pub(crate) struct Known {
    pub(crate) name: String,
    pub(crate) path: String,
    /// Its whole lines.
    text: String,
    start_line: u64,
    /// The line of its name: of many that one list declares each has all of the list.
    name_line: u64,
    /// Lines of its file that hold its name as a word.
    lines: Vec<u64>,
    related: Vec<Related>,
    explained: Vec<Related>,
    /// The last commit that changed its file, if it is known for sure.
    commit: Option<String>,
}

/// Kind, place and name of what a symbol hangs together with.
type Related = (&'static str, Place, String);

/// Everything that is known before the load.
pub(crate) struct Expected {
    pub(crate) symbols: Vec<Known>,
    /// The first places of each question.
    questions: Vec<Vec<Place>>,
}

impl Expected {
    pub(crate) fn of(view: &Snapshot) -> Self {
        let cancel = AtomicBool::new(false);
        let history = git::history(view.root(), HistoryLimits::default(), &cancel);
        let mut names = std::collections::HashMap::<&str, usize>::new();
        for (_, symbol) in view.index().symbols() {
            *names.entry(symbol.name()).or_default() += 1;
        }
        // Long names of their own, evenly over the index; without headings, which are sentences.
        let own = |name: &str| name.len() >= 14 && names[name] == 1 && name.chars().all(is_part);
        let symbols = view.index().symbols().filter(|(_, symbol)| own(symbol.name()));
        let all: Vec<_> = symbols.filter(|(_, symbol)| symbol.kind() != SymbolKind::Section).collect();
        let step = (all.len() / SYMBOLS).max(1);
        let chosen = all.iter().step_by(step).take(SYMBOLS);
        let symbols = chosen.filter_map(|(file, symbol)| {
            let text = view.text(file.path()).ok()?.text;
            let spans = [symbol.span(), symbol.name_span()];
            Known::of(view, history.as_ref(), file.path(), symbol.name(), spans, &text)
        });
        let questions = QUESTIONS.map(|question| places(view, question, NEAR.0));
        Self { symbols: symbols.collect(), questions: questions.to_vec() }
    }

    /// Whether an answer to a question has the places that it should have, files beside that appeared meanwhile.
    pub(crate) fn is_answer(&self, question: usize, found: &Value) -> bool {
        let hits = hits(found);
        let mut own = hits.iter().filter(|(path, _)| !path.starts_with(APPEARED));
        let known = &self.questions[question];
        let first = known.first().is_none_or(|best| hits.iter().take(NEAR.1).any(|hit| hit == best));
        !hits.is_empty() && first && own.all(|hit| known.contains(hit))
    }
}

/// The first hits of a query.
fn places(view: &Snapshot, query: &str, limit: usize) -> Vec<Place> {
    let query = Query { limit, ..Query::new(query) };
    let answer = view.search(&query, &AtomicBool::new(false)).unwrap();
    answer.hits.iter().map(|hit| (hit.path.to_string(), u64::from(hit.lines.0) + 1)).collect()
}

/// The hits of an answer over the wire.
fn hits(found: &Value) -> Vec<Place> {
    let hits = found["hits"].as_array().into_iter().flatten();
    hits.filter_map(|hit| Some((hit["path"].as_str()?.to_owned(), hit["start_line"].as_u64()?))).collect()
}

/// Whether an answer has the hits of the engine, as many of them as fitted.
pub(crate) fn is_answer_of(view: &Snapshot, query: &str, found: &Value) -> bool {
    let (hits, own) = (hits(found), places(view, query, 10));
    let all = hits.len() == own.len() || found["left_out"].as_u64() > Some(0);
    (own.is_empty() || !hits.is_empty()) && all && own.starts_with(&hits)
}

fn is_part(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// What a symbol hangs together with, so many of each kind. A test that calls it is told as a test alone.
fn relations(view: &Snapshot, name: &str, kinds: RelationKinds, limit: usize) -> Option<Vec<Related>> {
    let related = view.related(&Target::Symbol(name.to_owned()), kinds, limit, &AtomicBool::new(false)).ok()?;
    let is_test = |place: &Relation| {
        let mut tests = related.relations.iter().filter(|relation| relation.kind == RelationKind::Test);
        tests.any(|test| (&test.path, test.span) == (&place.path, place.span))
    };
    let told = related.relations.iter().filter(|one| one.kind != RelationKind::Caller || !is_test(one));
    let told = told.map(|relation| {
        let place = (relation.path.to_string(), u64::from(relation.focus_line) + 1);
        (relation.kind.name(), place, relation.name.to_string())
    });
    Some(told.collect())
}

/// Lines that hold a name as a word, counted from 1.
fn lines_with(text: &str, name: &str) -> Vec<u64> {
    let holds = |line: &str| {
        line.match_indices(name).any(|(at, _)| {
            !line[..at].chars().next_back().is_some_and(is_part)
                && !line[at + name.len()..].chars().next().is_some_and(is_part)
        })
    };
    text.split('\n').zip(1..).filter(|(line, _)| holds(line)).map(|(_, number)| number).collect()
}

impl Known {
    fn of(
        view: &Snapshot,
        history: Option<&Arc<History>>,
        path: &str,
        name: &str,
        [span, name_span]: [Span; 2],
        text: &str,
    ) -> Option<Self> {
        let index = LineIndex::new(text);
        let (first, last) = index.lines_of(span);
        let whole = index.span(first)?.start as usize..index.span(last)?.end as usize;
        let kinds = RelationKinds::of(&[RelationKind::Caller, RelationKind::Callee, RelationKind::Test]);
        let is_complete = history.is_some_and(|history| history.is_complete());
        let commit = history.filter(|_| is_complete).and_then(|history| history.commits_of(path).next());
        Some(Self {
            name: name.to_owned(),
            path: path.to_owned(),
            text: text[whole].to_owned(),
            start_line: u64::from(first) + 1,
            name_line: u64::from(index.lines_of(name_span).0) + 1,
            lines: lines_with(text, name),
            related: relations(view, name, RelationKinds::ALL, RELATIONS.0)?,
            explained: relations(view, name, kinds, RELATIONS.1)?,
            commit: commit.map(|commit| commit.id.to_string()),
        })
    }

    /// The words of its name.
    pub(crate) fn words(&self) -> String {
        conexus_core::words::parts(&self.name).map(str::to_lowercase).collect::<Vec<_>>().join(" ")
    }

    /// Whether a search for its name has it first.
    pub(crate) fn is_found(&self, found: &Value) -> bool {
        let first = &found["hits"][0];
        let holds =
            first["start_line"].as_u64() <= Some(self.name_line) && first["end_line"].as_u64() >= Some(self.name_line);
        first["path"] == self.path.as_str() && first["name"] == self.name.as_str() && holds
    }

    /// Whether its lines were read, all of them or as many as fitted.
    pub(crate) fn is_read(&self, read: &Value) -> bool {
        let text = read["text"].as_str().unwrap_or("").trim_end_matches('…');
        let fits = if read["truncated"] == true { self.text.starts_with(text) } else { self.text == text };
        read["path"] == self.path.as_str() && read["start_line"] == self.start_line && !text.is_empty() && fits
    }

    /// Whether the lines of its file that hold its name were found.
    pub(crate) fn is_grepped(&self, found: &Value) -> bool {
        let matches = found["matches"].as_array().map(Vec::as_slice).unwrap_or_default();
        let lines: Vec<u64> = matches.iter().filter_map(|line| line["line"].as_u64()).collect();
        let all = lines.len() == self.lines.len() || found["truncated"] == true;
        matches.iter().all(|line| line["path"] == self.path.as_str())
            && !lines.is_empty()
            && all
            && self.lines.starts_with(&lines)
    }

    /// The same in all files, which come in the order of their paths.
    pub(crate) fn is_grepped_everywhere(&self, view: &Snapshot, found: &Value) -> bool {
        let mut paths: Vec<String> = view.index().files().map(|file| file.path().to_string()).collect();
        paths.sort_unstable();
        let expected = paths.into_iter().flat_map(|path| {
            let text = view.text(&path).map(|current| current.text).unwrap_or_default();
            lines_with(&text, &self.name).into_iter().map(move |line| (path.clone(), line))
        });
        let expected: Vec<Place> = expected.collect();
        let matches = found["matches"].as_array().into_iter().flatten();
        let told: Vec<Place> =
            matches.filter_map(|line| Some((line["path"].as_str()?.to_owned(), line["line"].as_u64()?))).collect();
        let all = told.len() == expected.len() || found["truncated"] == true;
        !told.is_empty() && all && expected.starts_with(&told)
    }

    /// Whether an explanation is of it, with what calls it, what it calls and its tests.
    pub(crate) fn is_explained(&self, facts: &Value) -> bool {
        facts["path"] == self.path.as_str() && self.relates(facts, "facts", &self.explained)
    }

    /// Whether its relations were told.
    pub(crate) fn is_related(&self, found: &Value) -> bool {
        self.relates(found, "related", &self.related)
    }

    /// Whether a list has these relations and no others, as many of them as fitted, and the last commit of the file.
    fn relates(&self, answer: &Value, list: &str, expected: &[Related]) -> bool {
        let Some(items) = answer[list].as_array() else { return false };
        let is_kind = |item: &&Value| RelationKind::ALL.iter().any(|kind| item["relation"] == kind.name());
        let told = items.iter().filter(is_kind);
        let is_expected = |item: &Value| {
            let fits = |(kind, (path, line), name): &Related| {
                item["relation"] == *kind
                    && item["path"] == path.as_str()
                    && item["line"] == *line
                    && item["name"] == name.as_str()
            };
            expected.iter().any(fits) || item["path"].as_str().is_some_and(|path| path.starts_with(APPEARED))
        };
        let is_whole = answer["left_out"].as_u64().unwrap_or(0) == 0;
        let commit = items.iter().find_map(|item| item["commit"].as_str());
        let is_last = match (commit, &self.commit) {
            (Some(told), Some(known)) => known.starts_with(told),
            (None, Some(_)) => !is_whole,
            (_, None) => true,
        };
        is_last && told.clone().all(is_expected) && (!is_whole || told.count() >= expected.len())
    }
}
