//! The `conexus/*` requests.

use serde_json::{Value, json};

use conexus_testkit::file_uri;

use super::{position, text_at, workspace};

#[test]
fn a_search_says_where_and_what_it_saw() {
    let session = workspace();
    let mut client = session.serve();
    let answer = client.call(
        "conexus/search",
        &json!({ "query": "try a request again after a failure", "limit": 1, "explain": true }),
    );
    let hit = &answer["hits"][0];
    let text = session.text("src/retry.rs");
    assert_eq!(
        (&hit["name"], &hit["path"], &hit["kind"]),
        (&json!("retry_failed_request"), &json!("src/retry.rs"), &json!("function"))
    );
    assert_eq!(hit["uri"], session.uri("src/retry.rs"));
    assert_eq!(text_at(&text, &hit["selectionRange"]), "retry_failed_request");
    assert!(text_at(&text, &hit["range"]).starts_with("/// Sends a request again"));
    assert_eq!(hit["preview"], "pub fn retry_failed_request(attempts: u32) -> bool {");
    assert!(!hit["contributions"].as_array().expect("terms").is_empty());
    assert_eq!((&answer["more"], &answer["notices"]), (&json!(true), &json!([])));
    assert!(answer["seen"][0]["generation"].as_u64().expect("a generation") > 0);
    let next = client
        .call("conexus/search", &json!({ "query": "try a request again after a failure", "limit": 1, "offset": 1 }));
    assert_ne!(next["hits"][0], *hit);
    for (query, kind) in [("", "emptyQuery"), ("zzzz_qqqq_xxxx", "noMatch")] {
        let answer = client.call("conexus/search", &json!({ "query": query, "mode": "keyword" }));
        assert_eq!((&answer["hits"], &answer["notices"][0]["kind"]), (&json!([]), &json!(kind)), "{query:?}");
    }
    let answer =
        client.call("conexus/search", &json!({ "query": "request", "languages": ["python"], "exclude": ["src"] }));
    assert_eq!(answer["notices"][0]["kind"], "filterMatchesNothing");
    client.shut_down();
}

#[test]
fn relations_are_found_from_a_position() {
    let session = workspace();
    let mut client = session.serve();
    let here = json!({ "textDocument": { "uri": session.uri("src/retry.rs") }, "position": position(2, 8) });
    let mut params = here.clone();
    params["relations"] = json!(["caller", "callee", "test"]);
    let answer = client.call("conexus/related", &params);
    assert_eq!(answer["target"]["name"], "retry_failed_request");
    let relations = answer["relations"].as_array().expect("relations");
    for (relation, name) in [("caller", "next_job"), ("callee", "send_once"), ("test", "retries_until_it_works")] {
        let found = relations.iter().find(|found| found["relation"] == relation && found["name"] == name);
        let found = found.unwrap_or_else(|| panic!("{relation} {name} in {answer}"));
        assert!(
            found["confidence"].as_f64().expect("a number") > 0.0
                && !found["reason"].as_str().expect("text").is_empty()
        );
    }
    let caller = relations
        .iter()
        .find(|found| found["relation"] == "caller" && found["name"] == "next_job")
        .expect("found before");
    assert_eq!(
        text_at(&session.text("src/queue.rs"), &caller["selectionRange"]),
        "retry_failed_request",
        "the mention"
    );
    let mut params = here;
    params["maxTokens"] = json!(300);
    let pack = client.call("conexus/context", &params);
    assert!(pack["tokens"].as_u64().expect("tokens") <= 300);
    assert!(pack["markdown"].as_str().expect("text").contains("retry_failed_request"));
    client.shut_down();
}

#[test]
fn the_outline_lists_symbols_as_they_are_typed() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/retry.rs");
    let document = json!({ "textDocument": { "uri": uri } });
    let outline = |client: &mut conexus_testkit::LspClient| {
        let answer = client.call("conexus/outline", &document);
        let symbols = answer["symbols"].as_array().expect("symbols").clone();
        symbols.iter().map(|symbol| (symbol["name"].clone(), symbol["test"].clone())).collect::<Vec<_>>()
    };
    let saved = outline(&mut client);
    assert_eq!(saved[0], (json!("retry_failed_request"), json!(false)));
    assert!(saved.contains(&(json!("retries_until_it_works"), json!(true))), "{saved:?}");
    client.did_open(&uri, "rust", "fn typed_just_now() {}\n");
    assert_eq!(outline(&mut client), [(json!("typed_just_now"), json!(false))]);
    let answer = client.call("conexus/outline", &json!({ "textDocument": { "uri": "file:///elsewhere.rs" } }));
    assert_eq!((&answer["symbols"], &answer["notices"][0]["kind"]), (&json!([]), &json!("outside")));
    client.shut_down();
}

#[test]
fn reindexing_takes_what_differs() {
    let session = workspace();
    let mut client = session.serve();
    let answer = client.call("conexus/reindex", &json!({ "workspace": file_uri(session.workspace.root()) }));
    assert_eq!(answer["workspaces"], json!([file_uri(session.workspace.root())]));
    let answer = client.call("conexus/reindex", &Value::Null);
    assert_eq!(answer["workspaces"], json!([file_uri(session.workspace.root())]));
    let error = client.call_error("conexus/reindex", &json!({ "workspace": "file:///elsewhere" }));
    assert_eq!(error["message"], "file:///elsewhere is no open folder");
    client.wait_until_idle();
    client.shut_down();
}

#[test]
fn an_editor_is_told_where_assistants_ask() {
    let session = workspace();
    let mut client = session.serve();
    let answer = client.call("conexus/mcp", &Value::Null);
    assert_eq!(answer["workspaces"][0]["workspace"], file_uri(session.workspace.root()));
    let root = session.workspace.root().canonicalize().expect("the workspace");
    assert_eq!(answer["workspaces"][0]["path"], root.to_str().expect("text"));
    let folder = session.program.home().join("cache/conexus/run");
    let file = std::fs::read_dir(folder).expect("a folder").next().expect("an endpoint file").expect("an entry").path();
    let endpoint: Value = serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("JSON");
    let base = endpoint["url"].as_str().expect("an address");
    assert_eq!((&answer["url"], &answer["token"]), (&json!(format!("{base}/mcp")), &endpoint["token"]));
    client.shut_down();
}

#[test]
fn the_status_tells_how_things_stand() {
    let session = workspace();
    let mut client = session.serve();
    client.did_open(&session.uri("src/queue.rs"), "rust", "fn x() {}\n");
    let status = client.call("conexus/status", &Value::Null);
    assert_eq!((&status["version"], &status["documents"]), (&json!(env!("CARGO_PKG_VERSION")), &json!(1)));
    let workspace = &status["workspaces"][0];
    assert_eq!(
        (&workspace["activity"], &workspace["role"], &workspace["files"]),
        (&json!("idle"), &json!("owner"), &json!(4))
    );
    client.shut_down();
}
