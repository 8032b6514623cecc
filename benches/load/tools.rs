//! What each tool costs by itself: one connection, one request in flight.

use std::time::{Duration, Instant};

use conexus_engine::Snapshot;
use serde_json::{Value, json};

use super::{
    connection::Connection,
    expected::{Known, is_answer_of},
    percentile,
};

/// Calls of a tool, and of one that reads the whole workspace for each.
const CALLS: usize = 300;
const DEAR_CALLS: usize = 20;

/// A way of asking a tool.
struct Asked {
    tool: &'static str,
    /// What the table says of it.
    what: &'static str,
    calls: usize,
    arguments: fn(&Known) -> Value,
    is_right: fn(&Known, &Value, &Snapshot) -> bool,
}

const ASKED: &[Asked] = &[
    Asked {
        tool: "context_search",
        what: "a name",
        calls: CALLS,
        arguments: |known| json!({ "query": known.name }),
        is_right: |known, found, view| known.is_found(found) && is_answer_of(view, &known.name, found),
    },
    Asked {
        tool: "context_search",
        what: "a phrase",
        calls: CALLS,
        arguments: |known| json!({ "query": phrase(known) }),
        is_right: |known, found, view| is_answer_of(view, &phrase(known), found),
    },
    Asked {
        tool: "context_read",
        what: "a symbol",
        calls: CALLS,
        arguments: |known| json!({ "symbol": known.name }),
        is_right: |known, read, _| known.is_read(read),
    },
    Asked {
        tool: "context_grep",
        what: "a name in one file",
        calls: CALLS,
        arguments: |known| json!({ "pattern": format!("\\b{}\\b", known.name), "paths": [known.path] }),
        is_right: |known, found, _| known.is_grepped(found),
    },
    Asked {
        tool: "context_grep",
        what: "a name everywhere",
        calls: DEAR_CALLS,
        arguments: |known| json!({ "pattern": format!("\\b{}\\b", known.name) }),
        is_right: |known, found, view| known.is_grepped_everywhere(view, found),
    },
    Asked {
        tool: "context_get_related_info",
        what: "a symbol",
        calls: CALLS,
        arguments: |known| json!({ "symbol": known.name }),
        is_right: |known, found, _| known.is_related(found),
    },
    Asked {
        tool: "context_explain",
        what: "a symbol",
        calls: CALLS,
        arguments: |known| json!({ "symbol": known.name }),
        is_right: |known, facts, _| known.is_explained(facts),
    },
    Asked {
        tool: "context_check",
        what: "one file",
        calls: DEAR_CALLS,
        arguments: |known| json!({ "paths": [known.path] }),
        is_right: |known, checked, _| {
            let findings = checked["findings"].as_array();
            checked["checked_files"] == 1
                && findings.is_some_and(|all| all.iter().all(|finding| finding["path"] == known.path.as_str()))
        },
    },
    Asked {
        tool: "context_index_control",
        what: "`status`",
        calls: CALLS,
        arguments: |_| json!({ "action": "status" }),
        is_right: |_, status, view| {
            let (files, chunks) = (view.index().file_count() as u64, view.index().live_chunks());
            status["activity"] == "idle" && status["files"] == files && status["chunks"] == chunks
        },
    },
    Asked {
        tool: "context_connector_management",
        what: "`list`",
        calls: CALLS,
        arguments: |_| json!({ "action": "list" }),
        is_right: |_, listed, _| listed["sources"][0]["name"] == "workspace",
    },
];

/// A question for the words of a name.
fn phrase(known: &Known) -> String {
    format!("where is {} done", known.words())
}

/// Asks each tool, prints its times, and says whether every answer is what the index has.
pub(super) fn each(connection: &mut Connection, known: &[Known], view: &Snapshot) -> bool {
    println!("\n| one request in flight | | answers | first | p50 | p99 |\n|---|---|---|---|---|---|");
    let mut wrong = Vec::new();
    for Asked { tool, what, calls, arguments, is_right } in ASKED {
        let mut times: Vec<Duration> = Vec::with_capacity(*calls);
        for wanted in known.iter().cycle().step_by(7).take(*calls) {
            let start = Instant::now();
            let answer = connection.call(tool, &arguments(wanted));
            times.push(start.elapsed());
            match answer {
                Ok(answer) if is_right(wanted, &answer, view) => {}
                Ok(answer) => wrong.push(format!("{tool} of {}: {answer}", wanted.name)),
                Err(error) => wrong.push(format!("{tool} of {}: {error}", wanted.name)),
            }
        }
        let first = times[0].as_secs_f64() * 1e3;
        let [p50, p99] = [50, 99].map(|percent| percentile(&mut times, percent).as_secs_f64() * 1e3);
        println!("| `{tool}` | {what} | {calls} | {first:.1} ms | {p50:.1} ms | {p99:.1} ms |");
    }
    for error in wrong.iter().take(5) {
        println!("error: {error}");
    }
    println!();
    wrong.is_empty()
}
