//! A search and its answer as they travel, and as `--json` prints them.

use std::collections::HashMap;

use conexus_core::{Answer, Filter, Hit, LineIndex, Mode, Notice, Query, SymbolKind, TestFilter, WorkContext};
use conexus_engine::{CurrentText, Snapshot, understand};
use serde::{Deserialize, Serialize};

use crate::snippet::{SnippetLine, snippet};

/// A search as a client sends it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchRequest {
    /// Canonical path of the workspace.
    pub workspace: String,
    /// Any string.
    pub query: String,
    /// `auto`, `meaning`, `keyword` or `symbol`; empty is `auto`.
    pub mode: String,
    /// Globs of which a path must match one.
    pub include: Vec<String>,
    /// Globs of which a path may match none.
    pub exclude: Vec<String>,
    /// Exact paths; nothing else may answer.
    pub paths: Option<Vec<String>>,
    /// Language names.
    pub languages: Vec<String>,
    /// Names of symbol kinds.
    pub kinds: Vec<String>,
    /// `any`, `only` or `exclude`; empty is `any`.
    pub tests: String,
    /// Most hits.
    pub limit: usize,
    /// Hits to pass over.
    pub offset: usize,
    /// Whether hits list the terms of their score.
    pub explain: bool,
    /// Most lines per snippet.
    pub snippet_lines: usize,
}

const MODES: &[(&str, Mode)] =
    &[("auto", Mode::Auto), ("meaning", Mode::Meaning), ("keyword", Mode::Keyword), ("symbol", Mode::Symbol)];
const TESTS: &[(&str, TestFilter)] =
    &[("any", TestFilter::Any), ("only", TestFilter::Only), ("exclude", TestFilter::Exclude)];

fn named<T: Copy + Default>(table: &[(&str, T)], what: &str, name: &str) -> Result<T, String> {
    if name.is_empty() {
        return Ok(T::default());
    }
    table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(|(name, _)| *name).collect();
        format!("unknown {what} {name:?}, it is one of {}", names.join(", "))
    })
}

fn name_of<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> String {
    table.iter().find(|(_, known)| known == value).map_or("", |(name, _)| name).to_owned()
}

impl SearchRequest {
    /// A query as a client sends it. Its soft context is left to the session, which knows the editor.
    pub fn new(workspace: String, query: &Query, snippet_lines: usize) -> Self {
        let Query { text, mode, filter, context: _, limit, offset, explain } = query.clone();
        Self {
            workspace,
            query: text,
            mode: name_of(MODES, &mode),
            include: filter.include,
            exclude: filter.exclude,
            paths: filter.paths,
            languages: filter.languages,
            kinds: filter.kinds.iter().map(|kind| kind.name().to_owned()).collect(),
            tests: name_of(TESTS, &filter.tests),
            limit,
            offset,
            explain,
            snippet_lines,
        }
    }

    /// The query; the error says which value is wrong.
    pub fn to_query(&self) -> Result<Query, String> {
        let kind = |name: &String| SymbolKind::from_name(name).ok_or_else(|| format!("unknown kind {name:?}"));
        Ok(Query {
            text: self.query.clone(),
            mode: named(MODES, "mode", &self.mode)?,
            filter: Filter {
                include: self.include.clone(),
                exclude: self.exclude.clone(),
                paths: self.paths.clone(),
                languages: self.languages.clone(),
                kinds: self.kinds.iter().map(kind).collect::<Result<_, _>>()?,
                tests: named(TESTS, "value of tests", &self.tests)?,
            },
            context: WorkContext::default(),
            limit: self.limit,
            offset: self.offset,
            explain: self.explain,
        })
    }
}

/// The answer to a search with what a person wants to see of each hit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The committed state it was read from.
    pub generation: u64,
    /// Versions of the open buffers that it saw, by path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buffers: Vec<(String, i32)>,
    /// Chunks that could have answered.
    pub searched_chunks: u64,
    /// Whether more hits follow.
    pub more: bool,
    /// What the reader must know.
    pub notices: Vec<FoundNotice>,
    /// Hits, best first.
    pub hits: Vec<FoundHit>,
}

/// What a reader must know to judge an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundNotice {
    /// Stable name, such as `no_match`.
    pub kind: String,
    /// The same in words.
    pub message: String,
}

/// One hit. Lines are numbered from 1, bytes from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundHit {
    /// Workspace-relative path, or the URI of a buffer without a file.
    pub path: String,
    /// Line to look at first.
    pub line: u32,
    /// First line of the chunk.
    pub start_line: u32,
    /// Its last line.
    pub end_line: u32,
    /// Its first byte.
    pub start_byte: u32,
    /// One past its last byte.
    pub end_byte: u32,
    /// Language of the file.
    pub language: String,
    /// Why the chunk is cut as it is.
    pub chunk: String,
    /// Kind of its symbol.
    pub kind: Option<String>,
    /// Name of its symbol, or empty.
    pub name: String,
    /// Names of the enclosing symbols, or empty.
    pub container: String,
    /// Only its order within one answer has a meaning.
    pub score: f32,
    /// Whether the file is no longer as it was indexed; then there is no snippet.
    pub changed_since_indexed: bool,
    /// Whether the file is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// The lines that say most.
    pub snippet: Option<Vec<SnippetLine>>,
    /// Terms of the score, when asked for.
    pub contributions: Vec<Term>,
}

/// One term of a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// The ranking feature.
    pub feature: String,
    /// What it added, or multiplied with when the name ends in `_factor`.
    pub value: f32,
}

impl Found {
    /// What people see of an answer: the lines of each hit that hold most of the query's words.
    pub fn of(snapshot: &Snapshot, answer: &Answer, query: &Query, snippet_lines: usize) -> Self {
        let words = understand(&query.text, query.mode).words;
        let mut texts: HashMap<&str, Option<(CurrentText, LineIndex)>> = HashMap::new();
        let hits = answer
            .hits
            .iter()
            .map(|hit| {
                let text = texts.entry(&hit.path).or_insert_with(|| {
                    let current = snapshot.text(&hit.path).ok()?;
                    let lines = LineIndex::new(&current.text);
                    Some((current, lines))
                });
                FoundHit::of(hit, text.as_ref(), &words, snippet_lines)
            })
            .collect();
        Self {
            generation: answer.generation.0,
            buffers: snapshot.buffers().map(|buffer| (buffer.path.to_string(), buffer.version)).collect(),
            searched_chunks: answer.searched_chunks,
            more: answer.more,
            notices: answer.notices.iter().map(FoundNotice::of).collect(),
            hits,
        }
    }
}

impl FoundHit {
    fn of(hit: &Hit, text: Option<&(CurrentText, LineIndex)>, words: &[String], lines: usize) -> Self {
        let fresh = text.filter(|(text, _)| text.as_indexed);
        Self {
            path: hit.path.to_string(),
            line: fresh.map_or(hit.lines.0, |(_, index)| index.line_of(hit.focus.start)) + 1,
            start_line: hit.lines.0 + 1,
            end_line: hit.lines.1 + 1,
            start_byte: hit.span.start,
            end_byte: hit.span.end,
            language: hit.language.name().to_owned(),
            chunk: hit.chunk_kind.name().to_owned(),
            kind: hit.kind.map(|kind| kind.name().to_owned()),
            name: hit.name.to_string(),
            container: hit.container.to_string(),
            score: hit.score,
            changed_since_indexed: fresh.is_none(),
            gone: text.is_none(),
            snippet: fresh.map(|(text, index)| snippet(&text.text, index, hit.span, hit.focus.start, words, lines)),
            contributions: hit
                .contributions
                .iter()
                .map(|term| Term { feature: term.feature.to_owned(), value: term.value })
                .collect(),
        }
    }
}

impl FoundNotice {
    /// A notice with its stable name and in words.
    pub fn of(notice: &Notice) -> Self {
        let (kind, message) = match notice {
            Notice::EmptyQuery => ("empty_query", "the query holds no word to search for".to_owned()),
            Notice::NoMatch => ("no_match", "no match".to_owned()),
            Notice::FilterMatchesNothing => {
                ("filter_matches_nothing", "the filters leave nothing to search".to_owned())
            }
            Notice::Indexing { total: 0, .. } => {
                ("indexing", "still looking for files that are new or changed".to_owned())
            }
            Notice::Indexing { done, total } => ("indexing", format!("still indexing: {done} of {total} files")),
            Notice::Stopped => {
                ("stopped", "indexing was stopped: what changed on disk since then is not known".to_owned())
            }
            Notice::BuffersBehind => {
                ("buffers_behind", "the latest changes in open buffers are not searched yet".to_owned())
            }
            Notice::NothingIndexed => {
                ("nothing_indexed", "the workspace holds no file that is indexed; `conexus doctor` says why".to_owned())
            }
            Notice::BuiltinModel { reason } => ("builtin_model", format!("answered with the built-in model: {reason}")),
            Notice::LexicalOnly { reason } => ("lexical_only", format!("searched by words only: {reason}")),
            Notice::SetAside { path, files } => {
                let files =
                    if *files > 1 { format!("{path} and {} more are", files - 1) } else { format!("{path} is") };
                ("set_aside", format!("{files} searched without symbols, since parsing ended the process"))
            }
            Notice::Unparsed { path, reason, files } => {
                let others = if *files > 1 { format!("; so are {} others", files - 1) } else { String::new() };
                ("unparsed", format!("{path} is searched without its symbols, {reason}{others}"))
            }
            Notice::Detached => (
                "detached",
                "another process owns this index, or its workspace is gone; answers are as of its last commit"
                    .to_owned(),
            ),
            Notice::Limited { hits } => (
                "limited",
                format!("only the best {hits} hits are ranked; more words, or filters, find what is missing"),
            ),
            Notice::QuoteNotFound { quotes: 1 } => ("quote_not_found", "no chunk holds the quoted text".to_owned()),
            Notice::QuoteNotFound { quotes } => {
                ("quote_not_found", format!("no chunk holds all {quotes} quoted texts"))
            }
            Notice::QuoteLimited { read, chunks } => (
                "quote_limited",
                format!(
                    "the quoted text was looked for in {read} of {chunks} chunks that may hold it; more of it, or filters, narrow them"
                ),
            ),
            Notice::QueryCut { bytes } => ("query_cut", format!("the query was cut to its first {bytes} bytes")),
        };
        Self { kind: kind.to_owned(), message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_survives_the_journey() {
        let query = Query {
            mode: Mode::Keyword,
            filter: Filter {
                include: vec!["src/".to_owned()],
                kinds: vec![SymbolKind::Function],
                tests: TestFilter::Exclude,
                paths: Some(Vec::new()),
                ..Filter::default()
            },
            limit: 3,
            offset: 7,
            explain: true,
            ..Query::new("a \"query\"\n")
        };
        let sent = serde_json::to_string(&SearchRequest::new("/w".to_owned(), &query, 4)).unwrap();
        let request: SearchRequest = serde_json::from_str(&sent).unwrap();
        assert_eq!(request.to_query().unwrap(), query);
        for wrong in [r#"{"mode": "x"}"#, r#"{"kinds": ["x"]}"#, r#"{"tests": "x"}"#] {
            let request: SearchRequest = serde_json::from_str(wrong).unwrap();
            assert!(request.to_query().unwrap_err().contains("\"x\""), "{wrong}");
        }
    }
}
