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
    client::{Client, Http, Pipes, Revision, http},
    serve, session, until_idle,
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
    for revision in [Revision::Old, Revision::New] {
        let mut client = Http::connect(&session, revision);
        let params = json!({ "name": "context_search", "arguments": long_call() });
        let waiting: Vec<TcpStream> = (0..CALLS)
            .map(|_| {
                let headers = client.headers("tools/call", &params).join("\r\n");
                let body = client.body("tools/call", &params);
                let mut stream = TcpStream::connect(&client.address).expect("the endpoint listens");
                let request =
                    format!("POST /mcp HTTP/1.1\r\nContent-Length: {}\r\n{headers}\r\n\r\n{body}", body.len());
                stream.write_all(request.as_bytes()).expect("the endpoint reads");
                stream
            })
            .collect();
        wait_for("the calls at work", DEADLINE, || {
            // The one that asks is among them.
            let metrics = http(&client.address, "GET", "/metrics", &client.headers("", &json!({})), "").body;
            let in_flight = metrics.lines().find_map(|line| line.strip_prefix("conexus_http_requests_in_flight "))?;
            (in_flight.parse::<usize>().ok()? > CALLS).then_some(())
        });
        drop(waiting);
        let started = Instant::now();
        client.tool("context_search", &json!({ "query": "queue" }));
        assert!(started.elapsed() < SOON, "{revision:?}: {:?}", started.elapsed());
    }
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
