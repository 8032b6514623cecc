//! Workspace symbols and the symbol at a place.

use conexus_core::Notice;
use conexus_engine::{SymbolMode, SymbolQuery};

use super::{GO_ON, Indexed, STOP};

const FIXTURE: &str = r"
//- src/http/client.rs
//! Talks to servers.

/// A connection to a server.
pub struct HttpClient {
    retries: u32,
}

impl HttpClient {
    /// Sends a request and tries again after a failure.
    pub fn send_request(&self) -> u32 {
        self.retries
    }

    pub fn close(&self) {}
}

pub fn parse_header(line: &str) -> Option<&str> {
    line.split_once(':').map(|(name, _)| name)
}
//- src/http/server.rs
pub struct HttpServer;

impl HttpServer {
    pub fn close(&self) {}
}
//- tests/parse_header.rs
fn parse_header() {}
//- web/größe.ts
export function größeÄndern(): void {}
export class ParseError extends Error {}
//- vendor/parse.go
package parse

func ParseHeader(line string) string {
	return line
}
//- notes.txt
Remember the milk and the sourdough starter.
";

/// Names of the hits with where they are.
fn names(indexed: &Indexed, query: &SymbolQuery) -> Vec<String> {
    let answer = indexed.snapshot().workspace_symbols(query, &GO_ON).unwrap();
    answer.hits.iter().map(|hit| format!("{} {}", hit.name, hit.container)).collect()
}

fn named(indexed: &Indexed, text: &str) -> String {
    names(indexed, &SymbolQuery::new(text, 20)).join(", ")
}

#[test]
fn names_come_in_the_order_of_their_fit() {
    let indexed = Indexed::of(FIXTURE);
    for (text, expected) in [
        // Letter by letter, the product before tests; then another spelling.
        (
            "parse_header",
            "parse_header src/http/client.rs, parse_header tests/parse_header.rs, ParseHeader vendor/parse.go",
        ),
        (
            "ParseHeader",
            "ParseHeader vendor/parse.go, parse_header src/http/client.rs, parse_header tests/parse_header.rs",
        ),
        // Beginnings of words.
        ("hc", "HttpClient src/http/client.rs, HttpClient src/http/client.rs"),
        ("HS", "HttpServer src/http/server.rs, HttpServer src/http/server.rs"),
        ("sreq", "send_request HttpClient"),
        ("größe", "größeÄndern web/größe.ts"),
        ("GRÖSSE", ""),
        // Containers: enclosing symbols, folders, files.
        ("HttpServer::close", "close HttpServer"),
        ("client.close", "close HttpClient"),
        ("http/server.close", "close HttpServer"),
        ("http/parse_header", "parse_header src/http/client.rs"),
        ("web/", "größeÄndern web/größe.ts, ParseError web/größe.ts"),
        ("src/http/server.rs", "HttpServer src/http/server.rs, close HttpServer, HttpServer src/http/server.rs"),
        // Kinds.
        ("struct http", "HttpClient src/http/client.rs, HttpServer src/http/server.rs"),
        ("class:ParseError", "ParseError web/größe.ts"),
        ("class:parse_header", ""),
        ("struct:close", ""),
    ] {
        let query = SymbolQuery { mode: SymbolMode::Names, ..SymbolQuery::new(text, 20) };
        assert_eq!(names(&indexed, &query).join(", "), expected, "{text}");
    }
}

#[test]
fn fields_and_blocks_come_last_unless_asked_for() {
    let indexed = Indexed::of("\n//- a.rs\npub struct Log { open: u8 }\nimpl Log {}\npub fn open_all() {}\n");
    assert_eq!(named(&indexed, "op"), "open_all a.rs, open Log");
    assert_eq!(named(&indexed, "op#"), "open Log, open_all a.rs");
    assert_eq!(named(&indexed, "field op"), "open Log");
}

#[test]
fn phrases_are_answered_by_meaning() {
    let indexed = Indexed::of(FIXTURE);
    let hits = names(&indexed, &SymbolQuery::new("where do we try again after a failure of a request", 3));
    assert_eq!(hits.first().map(String::as_str), Some("send_request HttpClient"), "{hits:?}");
    // A piece without a symbol is named by its first line.
    let hits =
        indexed.snapshot().workspace_symbols(&SymbolQuery::new("remember the sourdough starter", 1), &GO_ON).unwrap();
    assert_eq!(hits.hits[0].kind, None);
    assert_eq!(&*hits.hits[0].name, "Remember the milk and the sourdough starter.");
    assert_eq!(&*hits.hits[0].container, "notes.txt");
    // Names alone answer no question.
    let query = SymbolQuery { mode: SymbolMode::Names, ..SymbolQuery::new("where do we try again", 3) };
    assert_eq!(names(&indexed, &query), Vec::<String>::new());
}

#[test]
fn two_words_are_a_name_first_and_then_a_question() {
    let indexed = Indexed::of(FIXTURE);
    let hits = names(&indexed, &SymbolQuery::new("parse header", 10));
    assert!(hits[0].starts_with("parse_header src") || hits[0].starts_with("ParseHeader"), "{hits:?}");
    let mut unique = hits.clone();
    unique.sort();
    unique.dedup();
    // The implementation block of a type has the type's name.
    assert!(hits.len() - unique.len() <= 2, "{hits:?}");
    let all = SymbolQuery { mode: SymbolMode::All, ..SymbolQuery::new("send_request", 5) };
    let hits = names(&indexed, &all);
    assert_eq!(hits.iter().filter(|hit| hit.starts_with("send_request")).count(), 1, "{hits:?}");
}

#[test]
fn an_empty_text_lists_recent_files_alone() {
    let indexed = Indexed::of(FIXTURE);
    let recent = |paths: &[&str]| SymbolQuery {
        recent: paths.iter().map(|path| (*path).to_owned()).collect(),
        ..SymbolQuery::new("  ", 10)
    };
    assert_eq!(names(&indexed, &recent(&[])), Vec::<String>::new());
    assert_eq!(
        names(&indexed, &recent(&["web/größe.ts", "gone.rs", "src/http/server.rs", "web/größe.ts"])),
        ["größeÄndern web/größe.ts", "ParseError web/größe.ts", "HttpServer src/http/server.rs", "close HttpServer"]
    );
}

#[test]
fn recent_and_active_files_rise_a_little() {
    let indexed = Indexed::of(FIXTURE);
    assert_eq!(named(&indexed, "close"), "close HttpClient, close HttpServer");
    let recent = SymbolQuery { recent: vec!["src/http/server.rs".into()], ..SymbolQuery::new("close", 9) };
    assert_eq!(names(&indexed, &recent), ["close HttpServer", "close HttpClient"]);
    let active = SymbolQuery { active_file: Some("vendor/parse.go".into()), ..SymbolQuery::new("parse_header", 1) };
    assert_eq!(names(&indexed, &active), ["parse_header src/http/client.rs"]);
}

#[test]
fn any_string_is_a_symbol_query() {
    let indexed = Indexed::of(FIXTURE);
    let long = "x".repeat(100_000);
    for text in
        ["\0", "::", "#", "*", "((((", "💥💥", "a\nb\tc d e f", "fn", "fn ", "class:", "\u{202e}", "%s", &long, "../.."]
    {
        for mode in [SymbolMode::Auto, SymbolMode::Names, SymbolMode::Meaning, SymbolMode::All] {
            let query = SymbolQuery { mode, ..SymbolQuery::new(text, 5) };
            let answer = indexed.snapshot().workspace_symbols(&query, &GO_ON).unwrap();
            assert!(answer.hits.len() <= 5, "{text:?}");
            assert!(!answer.hits.is_empty() || answer.notices.contains(&Notice::NoMatch), "{text:?}");
        }
    }
    let query = SymbolQuery::new("close", 0);
    let answer = indexed.snapshot().workspace_symbols(&query, &GO_ON).unwrap();
    assert!(answer.hits.is_empty() && answer.more);
    let cancelled = indexed.snapshot().workspace_symbols(&SymbolQuery::new("close", 5), &STOP).unwrap();
    assert!(cancelled.hits.is_empty());
}

#[test]
fn places_are_exact() {
    let indexed = Indexed::of(FIXTURE);
    let text = indexed.snapshot().text("src/http/client.rs").unwrap().text;
    let answer = indexed.snapshot().workspace_symbols(&SymbolQuery::new("HttpClient", 1), &GO_ON).unwrap();
    let hit = &answer.hits[0];
    assert_eq!(hit.name_span.slice(&text), "HttpClient");
    assert_eq!(hit.lines, (2, 5));
    let at = |needle: &str| {
        let offset = text.find(needle).unwrap() as u32;
        indexed.snapshot().symbol_at("src/http/client.rs", offset).unwrap().map(|hit| hit.name.to_string())
    };
    assert_eq!(at("self.retries").as_deref(), Some("send_request"));
    assert_eq!(at("retries: u32").as_deref(), Some("retries"));
    assert_eq!(at("//! Talks"), None);
    assert_eq!(indexed.snapshot().symbol_at("src/http/client.rs", u32::MAX).unwrap(), None);
    assert!(indexed.snapshot().symbol_at("nowhere.rs", 0).is_err());
}
