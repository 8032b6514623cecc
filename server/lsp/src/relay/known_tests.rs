//! What is kept of a session, message by message.

use super::*;

fn message(method: &str, params: &Value) -> Vec<u8> {
    bytes(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

fn request(id: &Value, method: &str, params: &Value) -> Vec<u8> {
    bytes(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
}

fn plain(messages: &[Vec<u8>]) -> Vec<Value> {
    messages.iter().map(|message| serde_json::from_slice(message).expect("JSON")).collect()
}

impl Known {
    /// A message of the client while a server runs.
    fn client(&mut self, body: &[u8]) -> Pass {
        self.client_says(body, Runs::Yes)
    }
}

/// A session with an answered `initialize` and one open document that was edited.
fn session() -> Known {
    let mut known = Known::default();
    let params = json!({ "capabilities": { "general": { "positionEncodings": ["utf-8"] } } });
    assert_eq!(known.client(&request(&json!(1), "initialize", &params)), Pass::AsIs);
    assert_eq!(known.server_says(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#), FromServer::AsIs);
    let document = json!({ "uri": "file:///a.rs", "languageId": "rust", "version": 1, "text": "ä😀c\n" });
    for (method, params) in [
        ("initialized", json!({})),
        ("workspace/didChangeConfiguration", json!({ "settings": 1 })),
        ("workspace/didChangeConfiguration", json!({ "settings": 2 })),
        ("textDocument/didOpen", json!({ "textDocument": document })),
        (
            "textDocument/didChange",
            json!({ "textDocument": { "uri": "file:///a.rs", "version": 4 }, "contentChanges": [
                { "range": { "start": { "line": 0, "character": 2 }, "end": { "line": 0, "character": 6 } }, "text": "b" },
            ] }),
        ),
        (
            "textDocument/didOpen",
            json!({ "textDocument": { "uri": "file:///b.rs", "languageId": "rust", "version": 1, "text": "" } }),
        ),
        ("textDocument/didClose", json!({ "textDocument": { "uri": "file:///b.rs" } })),
    ] {
        assert_eq!(known.client(&message(method, &params)), Pass::AsIs);
    }
    known
}

#[test]
fn another_server_is_told_all_that_counts_now() {
    let mut known = session();
    let replayed = plain(&known.replay());
    let methods: Vec<_> = replayed.iter().map(|message| message["method"].as_str().expect("a method")).collect();
    assert_eq!(methods, ["initialize", "initialized", "workspace/didChangeConfiguration", "textDocument/didOpen"]);
    assert_eq!(replayed[0]["id"], REPLAYED);
    assert_eq!(replayed[2]["params"]["settings"], 2);
    let opened = &replayed[3]["params"]["textDocument"];
    assert_eq!(
        *opened,
        json!({ "uri": "file:///a.rs", "languageId": "rust", "version": 4, "text": "äbc\n" }),
        "counted in the bytes that were negotiated"
    );
    assert_eq!(known.server_says(&bytes(&json!({ "id": REPLAYED, "result": {} }))), FromServer::Nothing);
}

/// Half a surrogate pair, which editors in JavaScript write, loses no edit.
#[test]
fn odd_characters_are_kept_in_their_places() {
    let mut known = session();
    let change = r#"{"jsonrpc":"2.0","method":"textDocument/didChange","params":{"textDocument":{"uri":"file:///a.rs","version":5},
        "contentChanges":[{"text":"\ud83d"},{"range":{"start":{"line":0,"character":3},"end":{"line":0,"character":3}},"text":"x"}]}}"#;
    known.client(change.as_bytes());
    known.crashed();
    assert_eq!(plain(&known.replay())[3]["params"]["textDocument"]["text"], "\u{fffd}x");
}

#[test]
fn what_comes_between_two_servers_waits() {
    let mut known = session();
    known.crashed();
    let asked = request(&json!(7), "workspace/symbol", &json!({ "query": "x" }));
    let cancel = message("$/cancelRequest", &json!({ "id": 7 }));
    let typed =
        json!({ "textDocument": { "uri": "file:///a.rs", "version": 5 }, "contentChanges": [{ "text": "new" }] });
    for body in [&asked, &cancel, &message("textDocument/didChange", &typed)] {
        known.client_says(body, Runs::No);
    }
    let replayed = known.replay();
    assert!(replayed.ends_with(&[asked, cancel]));
    assert_eq!(plain(&replayed)[3]["params"]["textDocument"]["text"], "new");
    assert_eq!(known.replay().len(), replayed.len() - 2, "once");
    assert_eq!(known.server_says(br#"{"jsonrpc":"2.0","id":7,"result":[]}"#), FromServer::AsIs);
    assert!(known.crashed().messages.is_empty());
}

#[test]
fn an_initialize_without_an_answer_is_answered_by_the_next_server() {
    let mut known = Known::default();
    known.client(&request(&json!("a"), "initialize", &json!({})));
    assert!(known.crashed().messages.is_empty());
    assert_eq!(plain(&known.replay())[0]["id"], "a");
    assert_eq!(known.server_says(br#"{"jsonrpc":"2.0","id":"a","result":{}}"#), FromServer::AsIs);
    assert_eq!(plain(&known.replay())[0]["id"], REPLAYED);
}

#[test]
fn what_the_client_waits_for_and_shows_ends_with_the_server() {
    let mut known = session();
    for (id, method) in [(2, "workspace/symbol"), (3, "conexus/search"), (4, "workspace/symbol")] {
        known.client(&request(&json!(id), method, &json!({})));
    }
    known.server_says(br#"{"jsonrpc":"2.0","id":4,"result":[]}"#);
    for (token, kind) in [("a", "begin"), ("b", "begin"), ("a", "end"), ("b", "report")] {
        known.server_says(&message("$/progress", &json!({ "token": token, "value": { "kind": kind } })));
    }
    for (uri, findings) in [("file:///a", json!([1])), ("file:///b", json!([1])), ("file:///b", json!([]))] {
        known.server_says(&message("textDocument/publishDiagnostics", &json!({ "uri": uri, "diagnostics": findings })));
    }
    let crash = known.crashed();
    assert!(!crash.is_over);
    let told: Vec<_> = plain(&crash.messages)
        .into_iter()
        .map(|message| (message["id"].clone(), message["error"]["code"].clone(), message["params"].clone()))
        .collect();
    assert_eq!(
        told,
        [
            (json!(2), json!(CONTENT_MODIFIED), Value::Null),
            (json!(3), json!(INTERNAL_ERROR), Value::Null),
            (Value::Null, Value::Null, json!({ "token": "b", "value": { "kind": "end" } })),
            (Value::Null, Value::Null, json!({ "uri": "file:///a", "diagnostics": [] })),
        ]
    );
    assert!(known.crashed().messages.is_empty(), "told once");
}

#[test]
fn questions_of_two_servers_are_kept_apart() {
    let mut known = session();
    let registration = json!({ "registrations": [{ "id": "r", "method": "m" }] });
    assert_eq!(known.server_says(&request(&json!(0), "client/registerCapability", &registration)), FromServer::AsIs);
    let configuration = request(&json!(1), "workspace/configuration", &json!({}));
    assert_eq!(known.server_says(&configuration), FromServer::AsIs);
    known.crashed();
    let again = known.server_says(&request(&json!(0), "client/registerCapability", &registration));
    assert_eq!(again, FromServer::Answer(bytes(&json!({ "jsonrpc": "2.0", "id": 0, "result": null }))));
    let FromServer::Other(asked) = known.server_says(&configuration) else { panic!("it is passed on") };
    let asked: Value = serde_json::from_slice(&asked).expect("JSON");
    assert_eq!(asked["id"], "conexus/1/1");
    assert_eq!(known.client(br#"{"jsonrpc":"2.0","id":1,"result":"late"}"#), Pass::Nothing);
    let answer = known.client(br#"{"jsonrpc":"2.0","id":"conexus/1/1","result":"now"}"#);
    assert_eq!(answer, Pass::Other(bytes(&json!({ "jsonrpc": "2.0", "id": 1, "result": "now" }))));
}

#[test]
fn nobody_wants_another_server_after_a_shutdown() {
    let mut known = session();
    known.client(&request(&json!(9), "shutdown", &Value::Null));
    let crash = known.crashed();
    assert!(crash.is_over);
    assert_eq!(plain(&crash.messages), [json!({ "jsonrpc": "2.0", "id": 9, "result": null })]);
    assert_eq!(known.client(&message("exit", &Value::Null)), Pass::Exit);
}

#[test]
fn what_is_no_message_is_passed_on_or_refused_as_the_server_does() {
    let mut known = Known::default();
    for body in [&b"[]"[..], b"{", b"1", br#"{"method":1}"#, br#"{"method":"textDocument/didOpen","params":7}"#] {
        assert_eq!(known.client(body), Pass::AsIs);
    }
    assert_eq!(plain(&[malformed("why")])[0]["error"]["message"], "why");
}
