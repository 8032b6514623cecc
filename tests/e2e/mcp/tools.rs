//! What each tool answers.

use conexus_engine::estimate_tokens;
use serde_json::{Value, json};

use super::{
    client::{Client, Revision},
    notices, paths, serve, session,
};

/// The schema under which nothing is told that it does not name.
fn closed(schema: &Value) -> Value {
    let mut closed = schema.clone();
    let names: Vec<String> = schema["required"].as_array().into_iter().flatten().map(text).collect();
    if let Some(properties) = closed["properties"].as_object_mut() {
        properties.values_mut().filter(|property| property["items"].is_object()).for_each(|list| {
            list["items"] = self::closed(&list["items"]);
        });
        for name in names {
            properties.entry(name).or_insert(json!({}));
        }
        closed["additionalProperties"] = json!(false);
    }
    closed
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Demands that an answer is what its tool declares.
fn check(structured: &Value, schema: &Value, tool: &str) {
    let schema = jsonschema::validator_for(&closed(schema)).expect("a schema");
    let wrong: Vec<String> = schema.iter_errors(structured).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{tool}: {wrong:#?} in {structured:#}");
}

#[test]
fn answers_are_what_the_tools_declare_and_keep_the_budget() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::New);
    let listed = client.result("tools/list", &json!({}));
    let tools = listed["tools"].as_array().expect("tools");
    let mut untried: Vec<String> = tools.iter().map(|tool| text(&tool["name"])).collect();
    let long: Vec<String> = (0..400).map(|line| format!("pub fn queue_{line}() {{}}\n")).collect();
    let long = long.concat();
    session.workspace.write("src/long.rs", long);
    let next = client.tool("context_index_control", &json!({ "action": "status" }))["generation"].as_u64();
    client.tool("context_index_control", &json!({ "action": "start" }));
    let arguments = json!({ "query": "queue", "min_generation": next.map(|next| next + 1), "wait_ms": 10_000 });
    client.tool("context_search", &arguments);
    for (tool, arguments, is_cut) in [
        ("context_search", json!({ "query": "queue", "limit": 100, "max_tokens": 300 }), true),
        ("context_read", json!({ "file_path": "src/long.rs", "max_tokens": 300 }), true),
        ("context_grep", json!({ "pattern": "queue", "limit": 1000, "max_tokens": 300 }), true),
        ("context_get_related_info", json!({ "symbol": "retry_failed_request", "max_tokens": 300 }), true),
        ("context_explain", json!({ "symbol": "retry_failed_request" }), false),
        ("context_check", json!({ "paths": ["src"], "rules": ["undocumented-public"], "max_tokens": 700 }), true),
        ("context_check", json!({ "paths": ["docs/guide.md"] }), false),
        ("context_index_control", json!({ "action": "status" }), false),
        ("context_index_control", json!({ "action": "verify" }), false),
        ("context_connector_management", json!({ "action": "list" }), false),
    ] {
        let declared = tools.iter().find(|known| known["name"] == tool).expect("it is listed");
        untried.retain(|name| name != tool);
        let result = client.result("tools/call", &json!({ "name": tool, "arguments": arguments }));
        let structured = &result["structuredContent"];
        check(structured, &declared["outputSchema"], tool);
        assert_eq!(structured["truncated"], is_cut, "{tool}: {structured:#}");
        assert_eq!(structured["cursor"].is_string(), is_cut, "{tool}: {structured:#}");
        let budget = arguments["max_tokens"].as_u64().unwrap_or(4_000) as usize;
        let text = result["content"][0]["text"].as_str().expect("text");
        assert!(estimate_tokens(text) <= budget, "{tool}: {text}");
        assert!(estimate_tokens(&structured.to_string()) <= budget, "{tool}: {structured}");
    }
    assert_eq!(untried, [""; 0], "each tool is tried");
    // Cursors lead through all of it, each line once.
    let mut lines = String::new();
    let mut cursor = Value::Null;
    loop {
        let arguments = json!({ "file_path": "src/long.rs", "max_tokens": 1_000, "cursor": cursor });
        let page = client.tool("context_read", &arguments);
        lines.push_str(page["text"].as_str().expect("text"));
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(lines.as_bytes(), session.workspace.read("src/long.rs"));
    let mut matches = 0;
    let mut cursor = Value::Null;
    loop {
        let arguments = json!({ "pattern": "pub fn queue_", "max_tokens": 2_000, "limit": 70, "cursor": cursor });
        let page = client.tool("context_grep", &arguments);
        for found in page["matches"].as_array().expect("matches") {
            matches += 1;
            assert_eq!(found["line"], matches, "{found}");
        }
        cursor = page["cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(matches, 400);
    let whole = client.tool("context_get_related_info", &json!({ "symbol": "retry_failed_request" }));
    assert_eq!(whole["cursor"], Value::Null, "{whole:#}");
    let first =
        client.tool("context_get_related_info", &json!({ "symbol": "retry_failed_request", "max_tokens": 300 }));
    let arguments = json!({ "symbol": "retry_failed_request", "cursor": first["cursor"] });
    let rest = client.tool("context_get_related_info", &arguments);
    let list = |answer: &Value| answer["related"].as_array().expect("a list").clone();
    assert_eq!([list(&first), list(&rest)].concat(), list(&whole));
}

#[test]
fn symbols_are_read_explained_and_related() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::Old);
    let read = client.tool("context_read", &json!({ "symbol": "send_once" }));
    assert_eq!(read["text"], "fn send_once(attempt: u32) -> bool {\n    attempt > 1\n}\n", "{read:#}");
    assert_eq!((&read["path"], &read["start_line"]), (&json!("src/retry.rs"), &json!(11)));
    let lines =
        client.tool("context_read", &json!({ "file_path": "./docs//guide.md", "start_line": 1, "end_line": 1 }));
    assert_eq!((&lines["text"], &lines["truncated"]), (&json!("# Guide\n"), &json!(false)), "{lines:#}");
    let facts = client.tool("context_explain", &json!({ "file_path": "src/retry.rs", "line": 2 }));
    let told = |relation: &str| {
        let facts = facts["facts"].as_array().expect("facts");
        facts
            .iter()
            .find(|fact| fact["relation"] == relation)
            .cloned()
            .unwrap_or_else(|| panic!("{relation}: {facts:?}"))
    };
    assert_eq!(facts["name"], "retry_failed_request");
    assert_eq!(told("signature")["text"], "pub fn retry_failed_request(attempts: u32) -> bool");
    assert!(told("doc")["text"].as_str().is_some_and(|doc| doc.contains("pauses that grow")));
    assert_eq!(told("caller")["path"], "src/queue.rs");
    assert_eq!(told("callee")["name"], "send_once");
    assert_eq!(told("test")["name"], "retries_until_it_works");
    assert_eq!(told("commit")["subject"], "Retry requests, QUE-12");
    let related = client.tool("context_get_related_info", &json!({ "symbol": "retry_failed_request" }));
    let caller = &related["related"][0];
    assert_eq!((&caller["relation"], &caller["path"]), (&json!("caller"), &json!("src/queue.rs")), "{related:#}");
    assert!(caller["confidence"].as_f64().is_some_and(|sure| sure > 0.5) && caller["reason"].is_string());
    let ticket = client.tool("context_get_related_info", &json!({ "ticket_id": "que-12" }));
    let changed: Vec<&Value> =
        ticket["related"].as_array().expect("a list").iter().filter(|item| item["relation"] == "changed_for").collect();
    assert!(changed.iter().any(|item| item["path"] == "src/queue.rs"), "{ticket:#}");
    let unknown = client.tool("context_get_related_info", &json!({ "ticket_id": "NO-1" }));
    assert_eq!((notices(&unknown), &unknown["related"]), (vec!["no_match"], &json!([])));
}

#[test]
fn a_line_longer_than_the_budget_is_cut_and_that_is_said() {
    let session = session();
    session.workspace.write("docs/long.txt", "word ".repeat(2_000));
    let (_server, mut client) = serve(&session, Revision::New);
    let read = client.tool("context_read", &json!({ "file_path": "docs/long.txt", "max_tokens": 300 }));
    assert_eq!((&read["truncated"], notices(&read)), (&json!(true), vec!["line_cut"]), "{read:#}");
    assert!(estimate_tokens(&read.to_string()) <= 300, "{read:#}");
}

#[test]
fn filters_narrow_and_a_miss_is_said() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::Old);
    for (arguments, expected) in [
        (json!({ "query": "queue", "paths": ["docs"] }), vec!["docs/guide.md"]),
        (json!({ "query": "queue", "languages": ["markdown"] }), vec!["docs/guide.md"]),
        (json!({ "query": "QueueWorker", "kinds": ["struct"], "mode": "symbol" }), vec!["src/queue.rs"]),
    ] {
        let answer = client.tool("context_search", &arguments);
        assert_eq!(paths(&answer, "hits"), expected, "{answer:#}");
    }
    let nothing = client.tool("context_search", &json!({ "query": "zzyzx", "mode": "keyword" }));
    assert_eq!((notices(&nothing), &nothing["hits"]), (vec!["no_match"], &json!([])), "{nothing:#}");
}
