//! `workspace/symbol`: what a symbol picker finds, and where that is said to be.

use conexus_testkit::{Workspace, wait_for};
use serde_json::{Value, json};

use super::{names, position, symbols, text_at, workspace};
use crate::support::Session;

#[test]
fn symbols_are_found_by_name_and_by_meaning() {
    let session = workspace();
    let mut client = session.serve();
    for (query, first) in [
        ("retry_failed_request", "retry_failed_request"),
        ("QueueW", "QueueWorker"),
        ("rfr", "retry_failed_request"),
        ("QueueWorker::next_job", "next_job"),
        ("queue.next_job", "next_job"),
        ("#send_once", "send_once"),
        ("struct queue", "QueueWorker"),
        ("where do we try a request again after a failure", "retry_failed_request"),
        ("read the settings of the program", "parse_configuration"),
    ] {
        let found = names(&mut client, query);
        assert_eq!(found.first().map(String::as_str), Some(first), "{query}: {found:?}");
    }
    client.shut_down();
}

#[test]
fn every_symbol_says_exactly_where_it_is() {
    let session = Session::new(Workspace::of(
        "//- größe/ü 100%.rs\n// 😀\npub struct Holder;\nimpl Holder {\n    fn /* 😀 */ held_here(&self) {}\n}\n//- crlf.rs\n",
    ));
    session.workspace.write("crlf.rs", "// a\r\nfn b() {}\rfn after_breaks() {}\r\n");
    let mut client = session.serve();
    for (query, path, start, container) in [
        ("held_here", "größe/ü 100%.rs", position(3, 16), "Holder"),
        ("after_breaks", "crlf.rs", position(2, 3), "crlf.rs"),
    ] {
        let found = symbols(&mut client, query);
        assert_eq!(found[0]["location"]["uri"], session.uri(path), "{found:?}");
        assert_eq!(found[0]["location"]["range"]["start"], start, "{found:?}");
        assert!(found[0]["containerName"].as_str().expect("a container").contains(container), "{found:?}");
        assert!(found[0]["kind"].is_u64());
        let resolved = client.call("workspaceSymbol/resolve", &found[0]);
        assert_eq!(resolved, found[0], "locations are complete from the beginning");
    }
    client.shut_down();
}

#[test]
fn a_symbol_that_moved_is_resolved_to_where_it_is() {
    let session = workspace();
    let mut client = session.serve();
    let found = symbols(&mut client, "send_once");
    let uri = session.uri("src/retry.rs");
    client.did_open(&uri, "rust", &session.text("src/retry.rs"));
    client.did_change(&uri, 2, [0, 0, 0, 0], "\n\n// moved\n");
    let resolved = client.call("workspaceSymbol/resolve", &found[0]);
    let line = found[0]["location"]["range"]["start"]["line"].as_u64().expect("a line");
    assert_eq!(resolved["location"]["range"]["start"]["line"], line + 3);
    client.shut_down();
}

#[test]
fn the_empty_query_answers_with_open_documents() {
    let session = workspace();
    let mut client = session.serve();
    client.did_open(&session.uri("src/main.py"), "python", &session.text("src/main.py"));
    client.did_open(&session.uri("src/queue.rs"), "rust", &session.text("src/queue.rs"));
    let found = symbols(&mut client, "");
    let paths: Vec<_> = found.iter().map(|symbol| symbol["location"]["uri"].as_str().expect("a URI")).collect();
    assert_eq!(paths.first().copied(), Some(session.uri("src/queue.rs").as_str()), "the last one first: {paths:?}");
    assert!(paths.contains(&session.uri("src/main.py").as_str()), "{paths:?}");
    // So do files that something else changed.
    let changed = session.uri("src/retry.rs");
    session.workspace.write("src/retry.rs", "pub fn painted_door() {}\n");
    wait_for("the changed file", std::time::Duration::from_secs(30), || {
        symbols(&mut client, "").iter().any(|symbol| symbol["location"]["uri"] == changed.as_str()).then_some(())
    });
    client.shut_down();
}

#[test]
fn beside_another_server_names_are_left_to_it() {
    let session = workspace();
    for (mode, name, phrase) in
        [("auto", true, true), ("all", true, true), ("meaning", false, true), ("off", false, false)]
    {
        let mut client = session.start();
        client.initialize(&json!({ "rootUri": session.uri(""), "initializationOptions": { "symbols": mode } }));
        client.wait_until_idle();
        // `rfr` abbreviates a name and means nothing; the name itself would be in two rows.
        for word in ["rfr", "retry_failed_request"] {
            let by_name = names(&mut client, word).iter().any(|found| found == "retry_failed_request");
            assert_eq!(by_name, name, "{mode}: {word}");
        }
        let by_meaning = names(&mut client, "try a request again after a failure");
        assert_eq!(by_meaning.iter().any(|found| found == "retry_failed_request"), phrase, "{mode}: {by_meaning:?}");
        client.ignore("window/showMessage");
        client.shut_down();
    }
}

#[test]
fn parts_come_before_the_answer_when_a_token_is_sent() {
    let text = (0..120).map(|at| format!("pub fn part_{at}() {{}}")).collect::<Vec<_>>().join("\n");
    let session = Session::new(Workspace::of("//- a.rs\n"));
    session.workspace.write("a.rs", text);
    let mut client = session.serve();
    let whole = symbols(&mut client, "part_");
    for token in [json!("t"), json!(7)] {
        let id = client.request("workspace/symbol", &json!({ "query": "part_", "partialResultToken": token }));
        assert_eq!(client.result(&id), json!([]));
        // What came before the answer is there already.
        let mut parts: Vec<Value> = Vec::new();
        while client.has("$/progress") {
            let part = client.expect("$/progress");
            assert_eq!(part["params"]["token"], token);
            parts.extend(part["params"]["value"].as_array().expect("symbols").clone());
        }
        assert_eq!(parts, whole);
    }
    client.shut_down();
}

#[test]
fn ranges_follow_what_is_typed() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/queue.rs");
    let mut text = session.text("src/queue.rs");
    client.did_open(&uri, "rust", &text);
    for version in 2..20 {
        client.did_change(&uri, version, [0, 0, 0, 0], "// 😀ü\n");
        text.insert_str(0, "// 😀ü\n");
        let found = symbols(&mut client, "next_job");
        assert_eq!(text_at(&text, &found[0]["location"]["range"]), "next_job", "version {version}");
    }
    client.shut_down();
}
