//! Many clients at once, and callers that do not wait for their answers.

use std::{
    io::Write,
    net::TcpStream,
    time::{Duration, Instant},
};

use conexus_testkit::wait_for;
use serde_json::json;

use super::{
    Session,
    client::{Client, Framing, Http, Pipes, Revision},
    serve, session, until_idle,
    watching::metrics,
};

/// Calls that are worked on at the same time.
const CALLS: usize = 8;
/// An answer that does not wait for the calls before it comes sooner; each of them would take ten seconds.
const SOON: Duration = Duration::from_secs(5);
/// For a change on disk to be found.
const DEADLINE: Duration = Duration::from_secs(30);

/// The arguments of a search that waits for as long as is allowed.
fn long_call() -> serde_json::Value {
    json!({ "query": "queue", "min_generation": 1_000_000, "wait_ms": 10_000 })
}

#[test]
fn a_client_that_hangs_up_ends_its_calls() {
    let session = session();
    let (_server, _) = serve(&session, Revision::New);
    let ways = [Revision::Old, Revision::New]
        .into_iter()
        .flat_map(|revision| [Framing::Whole, Framing::Chunks].map(|framing| (revision, framing)));
    for (revision, framing) in ways {
        let mut client = Http::connect(&session, revision);
        let params = json!({ "name": "context_search", "arguments": long_call() });
        let waiting: Vec<TcpStream> = (0..CALLS)
            .map(|_| {
                let headers = client.headers("tools/call", &params).join("\r\n");
                let (length, body) = framing.frame(&client.body("tools/call", &params));
                let mut stream = TcpStream::connect(&client.address).expect("the endpoint listens");
                let request = format!("POST /mcp HTTP/1.1\r\n{length}\r\n{headers}\r\n\r\n{body}");
                stream.write_all(request.as_bytes()).expect("the endpoint reads");
                stream
            })
            .collect();
        wait_for("the calls at work", DEADLINE, || {
            // Not requests, which are in flight some moments before their calls begin.
            (metrics(&client)["conexus_calls_in_flight"] == CALLS as f64).then_some(())
        });
        drop(waiting);
        let started = Instant::now();
        client.tool("context_search", &json!({ "query": "queue" }));
        assert!(started.elapsed() < SOON, "{revision:?} {framing:?}: {:?}", started.elapsed());
    }
    let client = Http::connect(&session, Revision::Old);
    let told = metrics(&client);
    let ended = ["conexus_http_responses_total{status=\"hung_up\"}", &cancelled("context_search")];
    assert_eq!(ended.map(|name| told.get(name).copied()), [Some(4.0 * CALLS as f64); 2], "{told:#?}");
}

/// The metric that counts the calls of a tool for which nobody waited.
fn cancelled(tool: &str) -> String {
    format!("conexus_calls_total{{outcome=\"cancelled\",tool=\"{tool}\"}}")
}

/// More than there are places for any tool.
#[cfg(unix)]
const MANY: usize = 72;

/// Calls that go on for ten seconds and more, of every tool and everything that a tool waits for: a generation, git, an
/// editor, an index that is stopped. Beside each is one of the same tool that is done at once.
#[cfg(unix)]
const LONG: &[(&str, &str, &str)] = &[
    // Before the others: what git said is kept.
    ("context_get_related_info", r#"{"ticket_id":"QUE-12"}"#, r#"{"ticket_id":"QUE-12"}"#),
    ("context_search", r#"{"query":"a","min_generation":1000000,"wait_ms":10000}"#, r#"{"query":"queue"}"#),
    ("context_read", r#"{"symbol":"send_once","min_generation":1000000,"wait_ms":10000}"#, r#"{"symbol":"send_once"}"#),
    ("context_grep", r#"{"pattern":"a","min_generation":1000000,"wait_ms":10000}"#, r#"{"pattern":"queue"}"#),
    (
        "context_get_related_info",
        r#"{"symbol":"send_once","min_generation":1000000,"wait_ms":10000}"#,
        r#"{"symbol":"send_once"}"#,
    ),
    (
        "context_explain",
        r#"{"symbol":"send_once","min_generation":1000000,"wait_ms":10000}"#,
        r#"{"symbol":"send_once"}"#,
    ),
    ("context_check", r#"{"changed_since":"HEAD"}"#, r#"{"paths":["docs"]}"#),
    ("context_connector_management", r#"{"action":"list"}"#, r#"{"action":"list"}"#),
    ("context_editor", r#"{"action":"show","file_path":"src/queue.rs"}"#, r#"{"action":"show","file_path":"../x"}"#),
    (
        "context_index_control",
        r#"{"action":"reindex_paths","paths":["src"],"wait_ms":45000}"#,
        r#"{"action":"status"}"#,
    ),
];

/// The bridge hangs up on the session, which ends the calls there and gives their places to others.
#[cfg(unix)]
#[test]
fn every_tool_ends_its_calls_when_they_are_cancelled() {
    let session = session();
    let settings = session.program.home().join("config/conexus");
    std::fs::create_dir_all(&settings).expect("a folder");
    std::fs::write(settings.join("conexus.toml"), "[editor]\nassistants = true\n").expect("the settings");
    let (git, path) = super::control::hanging_git(&session, "log | diff | config");
    let hang = git.join("hang");
    std::fs::remove_file(&hang).expect("a file");
    let mut command = session.command(["lsp"]);
    command.env("PATH", path);
    let mut editor = super::editor::willing_by(&session, command);
    let of_session = Http::of(&session, Revision::Old);
    let mut client = Pipes::start(session.command([""; 0]));
    let listed = client.result("tools/list", &json!({}));
    let mut untried: Vec<_> =
        listed["tools"].as_array().expect("tools").iter().map(|tool| tool["name"].clone()).collect();
    let count = |name: &str| metrics(&of_session).get(name).copied().unwrap_or(0.0);
    for (tool, long, short) in LONG {
        untried.retain(|name| name != tool);
        if *tool == "context_index_control" {
            client.tool(tool, &json!({ "action": "stop", "wait_ms": 10_000 }));
        }
        std::fs::write(&hang, "").expect("a file");
        let before = count(&cancelled(tool));
        let arguments = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
        for number in 0..MANY {
            let params = json!({ "name": tool, "arguments": arguments(long) });
            let id = format!("{long} {number}");
            client.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }));
        }
        // Beside the calls there are the one that asks, and the one in which the bridge waits for changes.
        let at_work = || (count("conexus_http_requests_in_flight") == (MANY + 2) as f64).then_some(());
        wait_for(&format!("calls at work: {tool} {long}"), DEADLINE, at_work);
        let started = Instant::now();
        for number in 0..MANY {
            let params = json!({ "requestId": format!("{long} {number}") });
            client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }));
        }
        wait_for(tool, DEADLINE, || (count(&cancelled(tool)) == before + MANY as f64).then_some(()));
        // Not sooner: without it a call could end by itself.
        std::fs::remove_file(&hang).expect("a file");
        let params = json!({ "name": tool, "arguments": arguments(short) });
        client.send(&json!({ "jsonrpc": "2.0", "id": "short", "method": "tools/call", "params": params }));
        while client.receive()["id"] != "short" {}
        assert!(started.elapsed() < SOON, "{tool} {long}: {:?}", started.elapsed());
    }
    assert_eq!(untried, [""; 0], "each tool is tried");
    client.hang_up();
    editor.ignore("window/showDocument");
    editor.kill();
}

/// Resources, prompts and completion wait for their turn behind calls that go on for ten seconds.
#[test]
fn resources_prompts_and_completion_are_cancelled() {
    let session = session();
    let (_server, of_session) = serve(&session, Revision::Old);
    let mut client = Pipes::start(session.command([""; 0]));
    let count = |name: &str| metrics(&of_session).get(name).copied().unwrap_or(0.0);
    let reference = json!({ "type": "ref/prompt", "name": "explain_module" });
    for (method, params, before_it) in [
        ("resources/list", json!({}), "context_read"),
        ("resources/read", json!({ "uri": "conexus://file/docs/guide.md" }), "context_read"),
        (
            "completion/complete",
            json!({ "ref": reference, "argument": { "name": "path", "value": "src" } }),
            "context_read",
        ),
        (
            "prompts/get",
            json!({ "name": "find_where_to_change", "arguments": { "change": "the queue" } }),
            "context_search",
        ),
    ] {
        let mut long = long_call();
        if before_it == "context_read" {
            long["symbol"] = json!("send_once");
            long.as_object_mut().expect("an object").remove("query");
        }
        let started = Instant::now();
        let mut send = |id: String, method: &str, params: &serde_json::Value| {
            client.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        };
        for number in 0..CALLS {
            send(format!("{method} behind {number}"), "tools/call", &json!({ "name": before_it, "arguments": long }));
        }
        // Beside the calls there are the one that asks, and the one in which the bridge waits for changes.
        let at_work = |calls: usize| (count("conexus_http_requests_in_flight") == (calls + 2) as f64).then_some(());
        wait_for("the calls before it", DEADLINE, || at_work(CALLS));
        send(method.to_owned(), method, &params);
        wait_for(method, DEADLINE, || at_work(CALLS + 1));
        let mut cancel = |id: String| {
            client
                .send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
        };
        cancel(method.to_owned());
        wait_for(method, DEADLINE, || (count(&cancelled(method)) == 1.0).then_some(()));
        assert!(started.elapsed() < 2 * SOON, "its turn may have come: {method}: {:?}", started.elapsed());
        (0..CALLS).for_each(|number| cancel(format!("{method} behind {number}")));
        let started = Instant::now();
        client.send(&json!({ "jsonrpc": "2.0", "id": "short", "method": method, "params": params }));
        let answer = std::iter::repeat_with(|| client.receive()).find(|message| message["id"] == "short");
        assert!(answer.is_some_and(|answer| answer.get("result").is_some()), "{method}");
        assert!(started.elapsed() < SOON, "{method}: {:?}", started.elapsed());
    }
    client.hang_up();
}

#[test]
fn a_cancelled_call_makes_room() {
    cancel_calls(&session());
}

/// The bridge hangs up on the session, and that ends the call there.
#[test]
fn a_call_cancelled_at_the_bridge_makes_room_in_the_session() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::New);
    cancel_calls(&session);
    let started = Instant::now();
    client.tool("context_search", &json!({ "query": "queue" }));
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
}

fn cancel_calls(session: &Session) {
    let mut client = Pipes::start(session.command([""; 0]));
    until_idle(&mut client);
    let started = Instant::now();
    for call in 0..CALLS {
        let params = json!({ "name": "context_search", "arguments": long_call() });
        client
            .send(&json!({ "jsonrpc": "2.0", "id": format!("long {call}"), "method": "tools/call", "params": params }));
    }
    // What is cheap does not wait for them, and is answered after they were begun.
    client.tool("context_read", &json!({ "symbol": "send_once" }));
    for call in 0..CALLS {
        let params = json!({ "requestId": format!("long {call}"), "reason": "enough" });
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }));
    }
    let params = json!({ "name": "context_search", "arguments": { "query": "queue" } });
    client.send(&json!({ "jsonrpc": "2.0", "id": "short", "method": "tools/call", "params": params }));
    while client.receive()["id"] != "short" {}
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    client.hang_up();
}

#[test]
fn many_clients_are_answered_while_files_change() {
    const CLIENTS: usize = 64;
    const ROUNDS: usize = 5;
    let session = session();
    let (_server, _) = serve(&session, Revision::New);
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let revision = if number % 2 == 0 { Revision::Old } else { Revision::New };
            let mut client = Http::connect(&session, revision);
            scope.spawn(move || {
                for _ in 0..ROUNDS {
                    let found = client.tool("context_search", &json!({ "query": "retry_failed_request" }));
                    assert_eq!(found["hits"][0]["path"], "src/retry.rs", "{found:#}");
                    let lines = client.tool("context_grep", &json!({ "pattern": "^# Guide$" }));
                    assert_eq!(lines["matches"][0]["path"], "docs/guide.md", "{lines:#}");
                    let read = client.tool("context_read", &json!({ "symbol": "send_once" }));
                    assert!(read["text"].as_str().is_some_and(|text| text.starts_with("fn send_once")), "{read:#}");
                }
            });
        }
        let mut client = Http::connect(&session, Revision::New);
        for change in 0..10 {
            let name = format!("busy_{change}");
            session.workspace.write("src/busy.rs", format!("pub fn {name}() {{}}\n"));
            wait_for(&name, DEADLINE, || {
                let found = client.tool("context_search", &json!({ "query": name, "mode": "symbol" }));
                (found["hits"][0]["path"] == "src/busy.rs" && found["hits"][0]["name"] == name.as_str()).then_some(())
            });
        }
    });
}
