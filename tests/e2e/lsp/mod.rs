//! The language server, driven by a strict client.

mod actions;
mod bad_input;
mod beside;
mod concurrency;
mod crash;
mod diagnostics;
mod disk;
mod documents;
mod extensions;
mod lifecycle;
mod random;
mod settings;
mod symbols;

use conexus_testkit::{LspClient, Workspace, file_uri};
use serde_json::{Value, json};

use crate::support::Session;

/// Code with callers, callees and tests, and prose.
const FIXTURE: &str = "
//- src/retry.rs
/// Sends a request again after it failed, with pauses that grow.
pub fn retry_failed_request(attempts: u32) -> bool {
    for attempt in 0..attempts {
        if send_once(attempt) {
            return true;
        }
    }
    false
}

fn send_once(attempt: u32) -> bool {
    attempt > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_until_it_works() {
        assert!(retry_failed_request(3));
    }
}
//- src/queue.rs
use crate::retry::retry_failed_request;

/// Work that waits for its turn.
pub struct QueueWorker {
    pub name: String,
}

impl QueueWorker {
    /// Takes the next piece of work out of the queue.
    pub fn next_job(&mut self) -> Option<u32> {
        retry_failed_request(2).then_some(1)
    }
}
//- src/main.py
def parse_configuration(path):
    \"\"\"Reads the settings of the program from a file.\"\"\"
    return open(path).read()
//- docs/guide.md
# Guide

How the queue is drained, in a sentence.
";

/// A session over the fixture.
fn workspace() -> Session {
    Session::new(Workspace::of(FIXTURE))
}

impl<W: AsRef<Workspace>> Session<W> {
    /// A server whose index of the workspace is complete.
    #[track_caller]
    fn serve(&self) -> LspClient {
        LspClient::open(self.command(["lsp"]), self.workspace.as_ref().root())
    }

    /// A server that was not told anything yet.
    #[track_caller]
    fn start(&self) -> LspClient {
        LspClient::start(self.command(["lsp"]))
    }

    fn uri(&self, path: &str) -> String {
        file_uri(&self.workspace.as_ref().path(path))
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8(self.workspace.as_ref().read(path)).expect("text")
    }
}

/// Symbols of a query.
#[track_caller]
fn symbols(client: &mut LspClient, query: &str) -> Vec<Value> {
    let answer = client.call("workspace/symbol", &json!({ "query": query }));
    answer.as_array().expect("a list of symbols").clone()
}

/// Names of the symbols of a query.
#[track_caller]
fn names(client: &mut LspClient, query: &str) -> Vec<String> {
    symbols(client, query).iter().map(|symbol| symbol["name"].as_str().expect("a name").to_owned()).collect()
}

/// Paths of what `conexus/search` finds.
#[track_caller]
fn found(client: &mut LspClient, query: &str) -> Vec<String> {
    let answer = client.call("conexus/search", &json!({ "query": query }));
    let hits = answer["hits"].as_array().expect("hits");
    hits.iter().map(|hit| hit["path"].as_str().expect("a path").to_owned()).collect()
}

fn position(line: u32, character: u32) -> Value {
    json!({ "line": line, "character": character })
}

/// The text that a range of a document stands for, counted in units of UTF-16.
fn text_at(text: &str, range: &Value) -> String {
    let offset = |position: &Value| {
        let line = position["line"].as_u64().expect("a line") as usize;
        let units = position["character"].as_u64().expect("a column") as usize;
        let start: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
        let mut left = units;
        let column = text[start..].char_indices().find(|(_, letter)| {
            let is_there = left == 0;
            left = left.saturating_sub(letter.len_utf16());
            is_there
        });
        start + column.map_or(text.len() - start, |(at, _)| at)
    };
    text[offset(&range["start"])..offset(&range["end"])].to_owned()
}
