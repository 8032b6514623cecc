//! Resources, subscriptions, prompts, completion and progress.

use std::time::{Duration, Instant};

use conexus_testkit::{LspClient, file_uri, wait_for};
use serde_json::{Value, json};

use super::{
    DEADLINE, Session,
    client::{Client, Framing, Http, Pipes, Revision, http, http_framed},
    serve, session, until_idle,
};

/// An editor with one open document.
fn editor(session: &Session) -> (LspClient, String) {
    let mut editor = LspClient::open(session.command(["lsp"]), session.workspace.root());
    let uri = file_uri(&session.workspace.path("src/queue.rs"));
    editor.did_open(&uri, "rust", &String::from_utf8(session.workspace.read("src/queue.rs")).expect("text"));
    (editor, uri)
}

fn read(client: &mut impl Client, uri: &str) -> Value {
    client.result("resources/read", &json!({ "uri": uri }))["contents"][0].clone()
}

#[test]
fn files_lines_and_symbols_are_resources() {
    let session = session();
    for number in 0..450 {
        session.workspace.write(&format!("src/many/m{number:03}.rs"), format!("pub fn many_{number}() {{}}\n"));
    }
    let (_server, _) = serve(&session, Revision::Old);
    for revision in [Revision::Old, Revision::New] {
        let mut client = Http::connect(&session, revision);
        let mut uris: Vec<String> = Vec::new();
        let mut cursor = Value::Null;
        let mut pages = 0;
        loop {
            let params = if cursor.is_null() { json!({}) } else { json!({ "cursor": cursor }) };
            let page = client.result("resources/list", &params);
            for resource in page["resources"].as_array().expect("resources") {
                uris.push(resource["uri"].as_str().expect("an address").to_owned());
            }
            pages += 1;
            cursor = page["nextCursor"].clone();
            if cursor.is_null() {
                break;
            }
        }
        let mut once = uris.clone();
        once.dedup();
        assert_eq!((uris.len(), once.len(), pages), (453, 453, 3));
        assert!(uris.iter().all(|uri| !uri.contains(".env") && !uri.contains("ignored")), "{uris:?}");
        let whole = read(&mut client, "conexus://file/src/retry.rs");
        assert_eq!(whole["text"].as_str().map(str::as_bytes), Some(&*session.workspace.read("src/retry.rs")));
        let lines = read(&mut client, "conexus://file/docs/guide.md?lines=1-2");
        assert_eq!((&lines["text"], &lines["mimeType"]), (&json!("# Guide\n\n"), &json!("text/markdown")));
        let symbol = read(&mut client, "conexus://symbol/send_once");
        assert_eq!(symbol["text"], "fn send_once(attempt: u32) -> bool {\n    attempt > 1\n}\n");
        assert_eq!((&symbol["_meta"]["start_line"], &symbol["_meta"]["path"]), (&json!(11), &json!("src/retry.rs")));
        for wrong in [
            "conexus://file/.env",
            "conexus://file/ignored.rs",
            "conexus://file/../x",
            "conexus://file//etc/passwd",
            "conexus://file/src/retry.rs?lines=900",
            "conexus://symbol/no_such_symbol",
            "file:///etc/passwd",
        ] {
            let answer = client.ask("resources/read", &json!({ "uri": wrong }));
            let code = if revision == Revision::Old { -32002 } else { -32602 };
            assert_eq!(answer["error"]["code"], code, "{wrong}: {answer}");
        }
        let templates = client.result("resources/templates/list", &json!({}));
        assert_eq!(templates["resourceTemplates"].as_array().map(Vec::len), Some(2), "{templates}");
    }
}

#[test]
fn prompts_come_with_what_they_are_about_and_arguments_are_completed() {
    let session = session();
    let (mut editor, uri) = editor(&session);
    editor.did_replace(&uri, 2, "pub fn drain_leaky_bucket() {}\n");
    let mut client = Http::connect(&session, Revision::Old);
    let listed = client.result("prompts/list", &json!({}));
    assert_eq!(listed["prompts"].as_array().map(Vec::len), Some(3), "{listed}");
    let mut prompt = |name: &str, arguments: Value| {
        let result = client.result("prompts/get", &json!({ "name": name, "arguments": arguments }));
        result["messages"][0]["content"]["text"].as_str().expect("text").to_owned()
    };
    let module = prompt("explain_module", json!({ "path": "src" }));
    assert!(module.contains("src/retry.rs") && module.contains("function retry_failed_request"), "{module}");
    let places = prompt("find_where_to_change", json!({ "change": "pauses between retries" }));
    assert!(places.contains("src/retry.rs:"), "{places}");
    let review = prompt("review_unsaved_changes", json!({}));
    assert!(
        review.contains("+pub fn drain_leaky_bucket() {}") && review.contains("-pub struct QueueWorker"),
        "{review}"
    );
    for (name, arguments) in
        [("explain_module", json!({})), ("explain_module", json!({ "path": "../x" })), ("fly", json!({}))]
    {
        let answer = client.ask("prompts/get", &json!({ "name": name, "arguments": arguments }));
        assert_eq!(answer["error"]["code"], -32602, "{name}: {answer}");
    }
    for (reference, name, typed, expected) in [
        (json!({ "type": "ref/prompt", "name": "explain_module" }), "path", "src/r", "src/retry.rs"),
        (json!({ "type": "ref/prompt", "name": "explain_module" }), "path", "sr", "src"),
        (json!({ "type": "ref/resource", "uri": "conexus://file/{+path}{?lines}" }), "path", "guide", "docs/guide.md"),
        (json!({ "type": "ref/resource", "uri": "conexus://symbol/{name}{?path}" }), "name", "send", "send_once"),
        (
            json!({ "type": "ref/resource", "uri": "conexus://symbol/{name}{?path}" }),
            "name",
            "leaky",
            "drain_leaky_bucket",
        ),
    ] {
        let params = json!({ "ref": reference, "argument": { "name": name, "value": typed } });
        let completion = client.result("completion/complete", &params);
        assert_eq!(completion["completion"]["values"][0], expected, "{completion}");
    }
    editor.shut_down();
}

/// Over the bridge: an unsaved edit in the editor, a new file, and nothing after it is unsubscribed.
#[test]
fn a_subscription_tells_of_unsaved_edits() {
    let session = session();
    let (mut editor, uri) = editor(&session);
    let mut client = Pipes::start(session.command([""; 0]));
    for resource in ["conexus://file/src/queue.rs", "conexus://symbol/next_job", "conexus://file/docs/guide.md"] {
        client.result("resources/subscribe", &json!({ "uri": resource }));
    }
    editor.did_replace(&uri, 2, "pub fn drain_leaky_bucket() {}\n");
    let told = client.notifications(2);
    assert_eq!(
        told,
        [
            ("notifications/resources/updated".to_owned(), json!("conexus://file/src/queue.rs")),
            ("notifications/resources/updated".to_owned(), json!("conexus://symbol/next_job")),
        ]
    );
    assert_eq!(read(&mut client, "conexus://file/src/queue.rs")["_meta"]["unsaved_version"], 2);
    client.result("resources/unsubscribe", &json!({ "uri": "conexus://file/src/queue.rs" }));
    editor.did_replace(&uri, 3, "pub fn drain_the_bucket() {}\n");
    session.workspace.write("src/new.rs", "pub fn new_one() {}\n");
    let told = client.notifications(1);
    assert_eq!(told, [("notifications/resources/list_changed".to_owned(), Value::Null)]);
    editor.shut_down();
    client.hang_up();
}

/// Over HTTP the stream of `subscriptions/listen` stays open.
#[test]
fn a_listening_request_tells_of_unsaved_edits() {
    let session = session();
    let (mut editor, uri) = editor(&session);
    let mut client = Http::connect(&session, Revision::New);
    let params = json!({ "notifications": {
        "resourceSubscriptions": ["conexus://file/src/queue.rs"], "resourcesListChanged": true,
    } });
    let events = client.stream("POST", Some(("subscriptions/listen", &params)));
    let first = events.recv_timeout(DEADLINE).expect("an event");
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    let mut version = 2;
    let told = wait_for("the edit", DEADLINE, || {
        // The first look is what later ones are compared with, so it may come after an edit.
        editor.did_replace(&uri, version, &format!("pub fn drain_{version}() {{}}\n"));
        version += 1;
        events.recv_timeout(std::time::Duration::from_millis(500)).ok()
    });
    assert_eq!(told["method"], "notifications/resources/updated", "{told}");
    assert_eq!(told["params"]["uri"], "conexus://file/src/queue.rs", "{told}");
    editor.shut_down();
}

/// Over HTTP in 2025-11-25 a session has a stream, and a client that comes again is told what changed meanwhile.
#[test]
fn a_session_over_http_tells_of_unsaved_edits() {
    let session = session();
    let (mut editor, uri) = editor(&session);
    let mut client = Http::connect(&session, Revision::Old);
    let subscription = json!({ "uri": "conexus://file/src/queue.rs" });
    let refused = client.ask("resources/subscribe", &subscription);
    assert_eq!(refused["error"]["code"], -32601, "without a session: {refused}");
    let hello = client.initialize();
    assert_eq!(hello["capabilities"]["resources"], json!({ "subscribe": true, "listChanged": true }), "{hello}");
    client.result("resources/subscribe", &subscription);
    let updated = json!({
        "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": { "uri": "conexus://file/src/queue.rs" },
    });
    let first = client.stream("GET", None);
    editor.did_replace(&uri, 2, "pub fn drain_leaky_bucket() {}\n");
    assert_eq!(first.recv_timeout(DEADLINE).expect("an event"), updated);
    // Another stream takes its place.
    let second = client.stream("GET", None);
    assert!(first.recv_timeout(DEADLINE).is_err(), "the first has ended");
    editor.did_replace(&uri, 3, "pub fn drain_the_bucket() {}\n");
    assert_eq!(second.recv_timeout(DEADLINE).expect("an event"), updated);
    // Another client watches nothing of it, and has a session of its own.
    let mut other = Http::connect(&session, Revision::Old);
    other.initialize();
    let silent = other.stream("GET", None);
    client.result("resources/unsubscribe", &subscription);
    editor.did_replace(&uri, 4, "pub fn fill_the_bucket() {}\n");
    session.workspace.write("src/new.rs", "pub fn new_one() {}\n");
    for stream in [&second, &silent] {
        let told = stream.recv_timeout(DEADLINE).expect("an event");
        assert_eq!(told["method"], "notifications/resources/list_changed", "{told}");
    }
    let end = http(&client.address, "DELETE", "/mcp", &client.headers("", &json!({})), "");
    assert_eq!(end.status, 204, "{end:?}");
    assert!(second.recv_timeout(DEADLINE).is_err(), "the stream has ended with the session");
    let body = client.body("tools/list", &json!({}));
    let gone = http(&client.address, "POST", "/mcp", &client.headers("tools/list", &json!({})), &body);
    assert_eq!(gone.status, 404, "{gone:?}");
    client.initialize();
    client.result("tools/list", &json!({}));
    editor.shut_down();
}

#[test]
fn a_session_over_http_cancels_a_call_with_a_message() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::Old);
    client.initialize();
    for (framing, padding) in [(Framing::Whole, 0), (Framing::Chunks, 0), (Framing::Chunks, 100_000)] {
        let params = json!({
            "name": "context_grep",
            "arguments": { "pattern": "fn", "min_generation": 1_000_000, "wait_ms": 10_000 },
        });
        // A body that is too long for a message of cancellation goes on whole.
        let body = client.body("tools/call", &params) + &" ".repeat(padding);
        let (address, headers, id) = (client.address.clone(), client.headers("tools/call", &params), client.id);
        let started = Instant::now();
        std::thread::scope(|scope| {
            let call = scope.spawn(|| http_framed(&address, "POST", "/mcp", &headers, &body, framing));
            let params = json!({ "requestId": id });
            let cancelled =
                json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }).to_string();
            wait_for("the end of the call", DEADLINE, || {
                // The call may not have come in yet.
                let heard = http_framed(&address, "POST", "/mcp", &headers, &cancelled, framing);
                assert_eq!(heard.status, 202, "{heard:?}");
                call.is_finished().then_some(())
            });
        });
        assert!(started.elapsed() < Duration::from_secs(8), "{framing:?}: {:?}", started.elapsed());
        let answer = http_framed(&address, "POST", "/mcp", &headers, &client.body("tools/list", &json!({})), framing);
        assert!(answer.status == 200 && answer.body.contains("context_grep"), "{framing:?}: {answer:?}");
    }
}

/// What a client is told while it waits for a call.
fn progress(client: &mut Pipes, tool: &str, arguments: &Value) -> Vec<f64> {
    let params = json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": "mine" } });
    client.send(&json!({ "jsonrpc": "2.0", "id": "long", "method": "tools/call", "params": params }));
    let mut told: Vec<f64> = Vec::new();
    loop {
        let message = client.receive();
        if message["id"] == "long" {
            assert_ne!(message["result"]["isError"], true, "{message}");
            return told;
        }
        if message["method"] == "notifications/progress" {
            assert_eq!(message["params"]["progressToken"], "mine", "{message}");
            told.push(message["params"]["progress"].as_f64().expect("a number"));
        }
    }
}

/// What a client is told over HTTP while it waits for a call.
fn progress_over_http(client: &mut Http, tool: &str, arguments: &Value) -> Vec<f64> {
    let params = json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": "mine" } });
    let messages = client.stream("POST", Some(("tools/call", &params)));
    let mut told = Vec::new();
    loop {
        let message = messages.recv_timeout(DEADLINE).expect("a message");
        if message["id"] == client.id {
            assert_ne!(message["result"]["isError"], true, "{message}");
            return told;
        }
        assert_eq!(
            (&message["method"], &message["params"]["progressToken"]),
            (&json!("notifications/progress"), &json!("mine"))
        );
        told.push(message["params"]["progress"].as_f64().expect("a number"));
    }
}

#[test]
fn indexing_tells_how_far_it_is() {
    let session = session();
    for number in 0..4_000 {
        let functions: Vec<String> = (0..20)
            .map(|function| format!("pub fn part_{number}_{function}(a: u32) -> u32 {{ a + {function} }}\n"))
            .collect();
        session.workspace.write(&format!("src/many/m{number}.rs"), functions.concat());
    }
    let mut client = Pipes::start(session.command([""; 0]));
    readers_tell(&mut client);
    until_idle(&mut client);
    let told = progress(&mut client, "context_index_control", &json!({ "action": "force_reindex", "wait_ms": 45_000 }));
    assert!(told.len() > 1 && told.is_sorted(), "{told:?}");
    until_idle(&mut client);
    // So do the other calls that take long, over the bridge to a session too.
    let rules = json!({ "paths": ["."], "rules": ["duplicate-code", "unused-symbol", "undocumented-public"] });
    let others = [("context_index_control", json!({ "action": "verify" })), ("context_check", rules)];
    let all_tell = |client: &mut Pipes, calls: &[(&str, Value)]| {
        for (tool, arguments) in calls {
            let started = Instant::now();
            let told = progress(client, tool, arguments);
            // What is done at once has nothing to tell.
            assert!(!told.is_empty() || started.elapsed() < Duration::from_secs(1), "{tool} {arguments}");
        }
    };
    all_tell(&mut client, &others);
    client.hang_up();
    let (_server, _) = super::serve(&session, Revision::Old);
    let mut client = Pipes::start(session.command([""; 0]));
    all_tell(&mut client, &others);
    client.hang_up();
    for revision in [Revision::Old, Revision::New] {
        let mut client = Http::connect(&session, revision);
        let told = progress_over_http(&mut client, "context_index_control", &json!({ "action": "verify" }));
        assert!(told.len() > 1 && told.is_sorted(), "{revision:?}: {told:?}");
    }
}

/// Every reading tool that waits, all at the same time, while the first files are indexed.
fn readers_tell(client: &mut Pipes) {
    let mut untold = vec![
        ("context_search", json!({ "query": "part" })),
        ("context_read", json!({ "file_path": "src/retry.rs" })),
        ("context_grep", json!({ "pattern": "part" })),
        ("context_get_related_info", json!({ "symbol": "send_once" })),
        ("context_explain", json!({ "symbol": "send_once" })),
        ("context_check", json!({ "paths": ["docs"] })),
    ];
    for (tool, arguments) in &mut untold {
        if *tool != "context_check" {
            arguments["min_generation"] = json!(1_000_000);
        }
        arguments["wait_ms"] = json!(2_000);
        let params = json!({ "name": tool, "arguments": arguments, "_meta": { "progressToken": tool } });
        client.send(&json!({ "jsonrpc": "2.0", "id": tool, "method": "tools/call", "params": params }));
    }
    let mut open = untold.len();
    while open > 0 {
        let message = client.receive();
        if message["method"] == "notifications/progress" {
            untold.retain(|(tool, _)| message["params"]["progressToken"] != *tool);
        }
        open -= usize::from(message.get("method").is_none());
    }
    assert!(untold.is_empty(), "{untold:?}");
}
