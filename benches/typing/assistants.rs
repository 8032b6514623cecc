//! Assistants that ask while somebody types: each sends its next call when the last one is answered.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use conexus_testkit::wait_for;
use serde_json::{Value, json};

use crate::connection::{Connection, Endpoint, QUESTIONS};

/// For the endpoint to be written down.
const OPENS: Duration = Duration::from_mins(1);

/// How long each call took, shortest first. Any other answer than a good one ends the bench.
pub(crate) fn ask_until(home: &std::path::Path, assistants: usize, ended: &AtomicBool) -> Vec<Duration> {
    let endpoint = wait_for("the endpoint's file", OPENS, || Endpoint::find(home));
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for number in 0..assistants {
            let (endpoint, all) = (&endpoint, &all);
            scope.spawn(move || {
                let mut connection = Connection::open(endpoint).unwrap();
                let places = places(&mut connection);
                let mut own = Vec::new();
                for round in number.. {
                    if ended.load(Ordering::Relaxed) {
                        break;
                    }
                    let (tool, arguments) = call(round, &places[round % places.len()]);
                    let started = Instant::now();
                    connection.call(tool, &arguments).unwrap();
                    own.push(started.elapsed());
                }
                all.lock().unwrap().append(&mut own);
            });
        }
    });
    let mut all = all.into_inner().unwrap();
    all.sort();
    all
}

/// Paths and names of what the workspace has about the questions.
fn places(connection: &mut Connection) -> Vec<(String, String)> {
    let mut places = Vec::new();
    for question in QUESTIONS {
        let found = connection.call("context_search", &json!({ "query": question, "limit": 50 })).unwrap();
        let hits = found["hits"].as_array().unwrap().iter();
        let named = hits.filter_map(|hit| Some((hit["path"].as_str()?.to_owned(), hit["name"].as_str()?.to_owned())));
        let is_word = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        places.extend(named.filter(|(_, name)| !name.is_empty() && is_word(name)));
    }
    assert!(!places.is_empty(), "nothing is found in the folders");
    places
}

/// Half of the calls search, as those of assistants do.
fn call(round: usize, (path, name): &(String, String)) -> (&'static str, Value) {
    match round % 8 {
        0 | 2 | 4 => ("context_search", json!({ "query": QUESTIONS[round % QUESTIONS.len()] })),
        6 => ("context_search", json!({ "query": name })),
        1 => ("context_read", json!({ "file_path": path })),
        3 => ("context_grep", json!({ "pattern": format!(r"\b{name}\b"), "limit": 20 })),
        5 => ("context_get_related_info", json!({ "file_path": path })),
        _ => ("context_explain", json!({ "symbol": name })),
    }
}
