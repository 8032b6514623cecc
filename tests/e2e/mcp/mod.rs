//! What assistants ask over MCP, by a strict client.

mod bad_input;
mod bridge;
mod check;
mod client;
mod control;
mod editor;
mod http;
mod install;
mod listeners;
mod load;
mod logs;
mod resources;
mod security;
mod sources;
mod tools;
mod watching;
mod work_context;

use std::time::Duration;

use conexus_testkit::{Repository, Running, Workspace, wait_for};
use serde_json::{Value, json};

use client::{Client, Http, Revision};

const DEADLINE: Duration = Duration::from_mins(1);

/// Code with callers, a test, prose, a secret and an ignored file.
const FIXTURE: &str = "
//- .gitignore
ignored.rs
//- .env
TOKEN=swordfish-of-the-deep
//- ignored.rs
pub fn ignored_swordfish() {}
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
//- docs/guide.md
# Guide

How the queue is drained, in a sentence.
";

/// A repository, and the program.
type Session = crate::support::Session<Repository>;

/// Nothing is indexed yet.
fn session() -> Session {
    let repository = Repository::init(Workspace::empty());
    repository.add(FIXTURE);
    repository.commit("Retry requests, QUE-12");
    Session::new(repository)
}

/// `conexus serve` whose index is complete, and a client of it.
fn serve(session: &Session, revision: Revision) -> (Running, Http) {
    let server = start(session, session.command(["serve"]));
    let mut client = Http::connect(session, revision);
    until_idle(&mut client);
    (server, client)
}

/// A command that serves, as soon as clients find it.
fn start(session: &Session, command: std::process::Command) -> Running {
    let server = conexus_testkit::start(command);
    wait_for("the endpoint's file", DEADLINE, || {
        let mut files = std::fs::read_dir(session.program.home().join("cache/conexus/run")).ok()?;
        files.any(|file| file.is_ok_and(|file| file.file_name().to_string_lossy().ends_with(".json"))).then_some(())
    });
    server
}

fn until_idle(client: &mut impl Client) {
    wait_for("a complete index", DEADLINE, || {
        let status = client.tool("context_index_control", &json!({ "action": "status" }));
        (status["activity"] == "idle").then_some(())
    });
}

/// The paths of a list of an answer.
fn paths(answer: &Value, list: &str) -> Vec<String> {
    let items = answer[list].as_array().unwrap_or_else(|| panic!("no {list}: {answer}"));
    items.iter().map(|item| item["path"].as_str().expect("a path").to_owned()).collect()
}

/// The kinds of the notices of an answer.
fn notices(answer: &Value) -> Vec<&str> {
    let notices = answer["notices"].as_array().expect("notices");
    notices.iter().map(|notice| notice["kind"].as_str().expect("a kind")).collect()
}
