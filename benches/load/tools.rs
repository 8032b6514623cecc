//! What each tool costs by itself: one connection, one request in flight.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Known, connection::Connection, percentile};

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
    is_right: fn(&Known, &Value) -> bool,
}

const ASKED: &[Asked] = &[
    Asked {
        tool: "context_search",
        what: "a name",
        calls: CALLS,
        arguments: |known| json!({ "query": known.name }),
        is_right: |known, found| found["hits"][0]["path"] == known.path.as_str(),
    },
    Asked {
        tool: "context_search",
        what: "a phrase",
        calls: CALLS,
        arguments: |known| json!({ "query": format!("where is {} done", known.words()) }),
        is_right: |_, found| found["hits"].is_array(),
    },
    Asked {
        tool: "context_read",
        what: "a symbol",
        calls: CALLS,
        arguments: |known| json!({ "symbol": known.name }),
        is_right: |known, read| read["path"] == known.path.as_str(),
    },
    Asked {
        tool: "context_grep",
        what: "a name in one file",
        calls: CALLS,
        arguments: |known| json!({ "pattern": format!("\\b{}\\b", known.name), "paths": [known.path] }),
        is_right: |known, found| found["matches"][0]["path"] == known.path.as_str(),
    },
    Asked {
        tool: "context_grep",
        what: "a name everywhere",
        calls: DEAR_CALLS,
        arguments: |known| json!({ "pattern": format!("\\b{}\\b", known.name) }),
        is_right: |known, found| {
            found["matches"].as_array().is_some_and(|all| all.iter().any(|found| found["path"] == known.path.as_str()))
        },
    },
    Asked {
        tool: "context_get_related_info",
        what: "a symbol",
        calls: CALLS,
        arguments: |known| json!({ "symbol": known.name }),
        is_right: |_, found| found["related"].is_array(),
    },
    Asked {
        tool: "context_explain",
        what: "a symbol",
        calls: CALLS,
        arguments: |known| json!({ "symbol": known.name }),
        is_right: |known, facts| facts["path"] == known.path.as_str(),
    },
    Asked {
        tool: "context_check",
        what: "one file",
        calls: DEAR_CALLS,
        arguments: |known| json!({ "paths": [known.path] }),
        is_right: |_, checked| checked["checked_files"] == 1,
    },
    Asked {
        tool: "context_index_control",
        what: "`status`",
        calls: CALLS,
        arguments: |_| json!({ "action": "status" }),
        is_right: |_, status| status["activity"] == "idle",
    },
    Asked {
        tool: "context_connector_management",
        what: "`list`",
        calls: CALLS,
        arguments: |_| json!({ "action": "list" }),
        is_right: |_, listed| listed["sources"][0]["name"] == "workspace",
    },
];

/// Asks each tool, prints its times, and says whether every answer was right.
pub(super) fn each(connection: &mut Connection, known: &[Known]) -> bool {
    println!("\n| one request in flight | | answers | first | p50 | p99 |\n|---|---|---|---|---|---|");
    let mut wrong = Vec::new();
    for Asked { tool, what, calls, arguments, is_right } in ASKED {
        let mut times: Vec<Duration> = Vec::with_capacity(*calls);
        for wanted in known.iter().cycle().step_by(7).take(*calls) {
            let start = Instant::now();
            let answer = connection.call(tool, &arguments(wanted));
            times.push(start.elapsed());
            match answer {
                Ok(answer) if is_right(wanted, &answer) => {}
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
