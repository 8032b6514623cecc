//! Queries that users write, over texts: captures come out, no tree.

use std::time::Duration;

use conexus_core::{Language, Span};
use tree_sitter::{Query, QueryCursor, QueryCursorOptions, StreamingIterator};

use crate::{
    Analyser,
    budget::Budget,
    grammar::grammar_at,
    languages::{language_named, languages, position},
};

/// A query of tree-sitter, with its predicates, compiled for one language.
pub struct UserQuery {
    language: Language,
    source: Box<str>,
    query: Query,
}

/// Why a query does not compile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UserQueryError {
    /// Line in the query's text, from 0.
    pub line: u32,
    /// Column in bytes, from 0.
    pub column: u32,
    /// What is wrong.
    pub message: String,
}

/// One place that a query fits: its captures in the order of the query, each with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserMatch {
    /// Name without `@`, and bytes in the text.
    pub captures: Vec<(Box<str>, Span)>,
}

/// Matches of one query in one text; what follows is left out.
const MOST_MATCHES: usize = 10_000;
/// Processor time that a query may take in one text; what it has found by then is kept.
const QUERY_TIME: Duration = Duration::from_secs(2);

impl UserQuery {
    /// Compiles a query for a language by its name.
    pub fn new(language: &str, source: &str) -> Result<Self, UserQueryError> {
        let plain = |message: String| UserQueryError { line: 0, column: 0, message };
        let known = language_named(language).ok_or_else(|| plain(format!("no such language: {language}")))?;
        let grammar = position(known).and_then(grammar_at).ok_or_else(|| {
            let with: Vec<_> = languages().filter(|spec| spec.has_symbols()).map(|spec| spec.language.name()).collect();
            plain(format!("{language} has no grammar to query, these have: {}", with.join(", ")))
        })?;
        let query = Query::new(&grammar.language, source).map_err(|error| UserQueryError {
            line: error.row as u32,
            column: error.column as u32,
            message: said(&error),
        })?;
        Ok(Self { language: known, source: source.into(), query })
    }

    /// The language it is for.
    pub fn language(&self) -> Language {
        self.language
    }

    /// Its text.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it has a capture of that name.
    pub fn has_capture(&self, name: &str) -> bool {
        self.query.capture_index_for_name(name).is_some()
    }

    /// The places of a text that it fits, in their order. A text that cannot be parsed has none.
    pub fn matches(&self, analyser: &mut Analyser, text: &str) -> Vec<UserMatch> {
        let Some(tree) = analyser.tree(self.language, text) else { return Vec::new() };
        let names = self.query.capture_names();
        let budget = Budget::of(QUERY_TIME);
        let mut progress = |_: &tree_sitter::QueryCursorState| budget.check();
        let mut cursor = QueryCursor::new();
        let options = QueryCursorOptions::new().progress_callback(&mut progress);
        let mut found = Vec::new();
        let mut matches = cursor.matches_with_options(&self.query, tree.root_node(), text.as_bytes(), options);
        while let Some(one) = matches.next() {
            let capture = |capture: &tree_sitter::QueryCapture<'_>| {
                let span = Span::new(capture.node.start_byte(), capture.node.end_byte());
                (Box::from(names[capture.index as usize]), span)
            };
            found.push(UserMatch { captures: one.captures().iter().map(capture).collect() });
            if found.len() == MOST_MATCHES {
                break;
            }
        }
        found
    }
}

/// What is wrong with a query, in lower case and without the excerpt that tree-sitter draws.
fn said(error: &tree_sitter::QueryError) -> String {
    use tree_sitter::QueryErrorKind as Kind;
    let what = error.message.lines().next().unwrap_or("").trim().trim_matches('"');
    match error.kind {
        Kind::Syntax => "the syntax of the query is wrong here".to_owned(),
        Kind::NodeType => format!("the grammar has no node `{what}`"),
        Kind::Field => format!("the grammar has no field `{what}`"),
        Kind::Capture => format!("the query has no capture `{what}`"),
        Kind::Predicate => format!("a predicate is wrong: {what}"),
        Kind::Structure => "no tree can have this structure".to_owned(),
        Kind::Language => "the grammar does not fit this version".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_come_out_with_their_names() {
        let query = UserQuery::new("rust", "((macro_invocation macro: (identifier) @name) @call (#eq? @name \"dbg\"))");
        let query = query.expect("it compiles");
        let text = "fn f() { dbg!(1); println!(\"dbg\"); }";
        let found = query.matches(&mut Analyser::new(crate::Limits::default()), text);
        let shown: Vec<_> = found[0].captures.iter().map(|(name, span)| (&**name, span.slice(text))).collect();
        assert_eq!((found.len(), shown), (1, vec![("call", "dbg!(1)"), ("name", "dbg")]));
        assert!(query.has_capture("name") && !query.has_capture("other"));
    }

    #[test]
    fn mistakes_have_a_place() {
        for (language, source, line, message) in [
            ("rust", "(identifier) @a\n(no_such_node) @b", 1, "no node `no_such_node`"),
            ("rust", "(identifier", 0, "syntax"),
            ("rust", "(call_expression nope: (_))", 0, "no field `nope`"),
            ("rust", "((identifier) @a (#eq? @b \"x\"))", 0, "no capture `b`"),
            ("json", "(object)", 0, "json has no grammar"),
            ("klingon", "(a)", 0, "no such language"),
        ] {
            let error = UserQuery::new(language, source).err().expect(source);
            assert!(error.line == line && error.message.contains(message), "{source}: {error:?}");
        }
    }
}
