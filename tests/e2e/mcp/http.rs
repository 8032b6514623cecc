//! The endpoint: both revisions, the list of tools, who is let in, unsaved edits.

use conexus_testkit::{LspClient, wait_for};
use serde_json::{Value, json};

use super::{
    DEADLINE,
    client::{Client, Http, Revision, http},
    paths, serve, session,
};

const TOOLS: [&str; 8] = [
    "context_search", "context_read", "context_grep", "context_get_related_info", "context_explain", "context_check",
    "context_index_control", "context_connector_management",
];

#[test]
fn both_revisions_list_and_call_the_tools() {
    let session = session();
    let (_server, mut old) = serve(&session, Revision::Old);
    let hello = old.result(
        "initialize",
        &json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } }),
    );
    assert_eq!(hello["protocolVersion"], "2025-11-25", "{hello:#}");
    assert_eq!(hello["serverInfo"]["name"], "conexus", "{hello:#}");
    assert!(hello["capabilities"]["tools"].is_object(), "{hello:#}");
    let mut new = Http::connect(&session, Revision::New);
    let discovered = new.result("server/discover", &json!({}));
    assert_eq!(
        discovered["supportedVersions"],
        json!(["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"]),
        "{discovered:#}"
    );
    let mut lists = Vec::new();
    for client in [&mut old, &mut new] {
        let listed = client.result("tools/list", &json!({}));
        let names: Vec<&str> = listed["tools"]
            .as_array()
            .expect("tools")
            .iter()
            .map(|tool| tool["name"].as_str().expect("a name"))
            .collect();
        assert_eq!(names, TOOLS);
        lists.push(listed["tools"].clone());
        let answer = client.tool("context_search", &json!({ "query": "retry failed requests" }));
        assert_eq!(paths(&answer, "hits")[0], "src/retry.rs", "{answer:#}");
    }
    assert_eq!(lists[0], lists[1]);
    let listed = new.result("tools/list", &json!({}));
    assert!(listed["ttlMs"].as_u64().is_some_and(|time| time > 0) && listed["cacheScope"] == "private", "{listed:#}");
}

#[test]
fn only_a_program_with_the_token_is_answered() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::Old);
    let body = client.body("tools/list", &json!({}));
    let good = client.headers("tools/list", &json!({}));
    let address = client.address.clone();
    let ask = |headers: &[String]| http(&address, "POST", "/mcp", headers, &body).status;
    assert_eq!(ask(&good), 200);
    let without = |name: &str| good.iter().filter(|line| !line.starts_with(name)).cloned().collect::<Vec<_>>();
    let with = |name: &str, line: &str| [without(name), vec![line.to_owned()]].concat();
    for (what, headers, status) in [
        ("no token", without("Authorization"), 401),
        ("a wrong token", with("Authorization", "Authorization: Bearer 0123456789abcdef"), 401),
        ("a token too short", with("Authorization", &good[1][..good[1].len() - 1]), 401),
        ("a foreign host", with("Host", "Host: evil.example"), 403),
        ("a page of the same host", with("Origin", &format!("Origin: http://{address}")), 403),
        ("a page", with("Origin", "Origin: https://evil.example"), 403),
        ("an unknown origin", with("Origin", "Origin: null"), 403),
        ("an unknown revision", with("MCP-Protocol-Version", "MCP-Protocol-Version: 1999-01-01"), 400),
    ] {
        assert_eq!(ask(&headers), status, "{what}");
    }
    for method in ["GET", "DELETE"] {
        assert_eq!(http(&address, method, "/mcp", &good, "").status, 405, "{method}");
    }
    let large = format!("{{\"x\": \"{}\"}}", "y".repeat(3 << 20));
    assert_eq!(http(&address, "POST", "/mcp", &good, &large).status, 413);
    assert_eq!(ask(&good), 200, "it goes on");
}

#[test]
fn an_unsaved_edit_is_found_through_mcp() {
    let session = session();
    let mut editor = LspClient::open(session.command(["lsp"]), session.workspace.root());
    let uri = conexus_testkit::file_uri(&session.workspace.path("src/queue.rs"));
    let text = String::from_utf8(session.workspace.read("src/queue.rs")).expect("text");
    editor.did_open(&uri, "rust", &text);
    editor.did_replace(&uri, 2, "/// Empties the leaking bucket.\npub fn drain_leaky_bucket() {}\n");
    let symbols = editor.call("workspace/symbol", &json!({ "query": "drain_leaky_bucket" }));
    assert_eq!(symbols[0]["name"], "drain_leaky_bucket", "the session has read the change");
    let mut client = Http::connect(&session, Revision::New);
    let found = client.tool("context_search", &json!({ "query": "drain_leaky_bucket" }));
    let hit = &found["hits"][0];
    assert_eq!((&hit["path"], &hit["unsaved_version"]), (&json!("src/queue.rs"), &json!(2)), "{found:#}");
    assert!(hit["code"].as_str().is_some_and(|code| code.contains("pub fn drain_leaky_bucket")), "{found:#}");
    let lines = client.tool("context_grep", &json!({ "pattern": "drain_\\w+_bucket" }));
    assert_eq!((&lines["matches"][0]["line"], &lines["matches"][0]["unsaved_version"]), (&json!(2), &json!(2)));
    let read = client.tool("context_read", &json!({ "file_path": "src/queue.rs" }));
    assert!(read["text"].as_str().is_some_and(|text| text.starts_with("/// Empties")), "{read:#}");
    assert_eq!(read["unsaved_version"], 2);
    let facts = client.tool("context_explain", &json!({ "symbol": "drain_leaky_bucket" }));
    assert_eq!((&facts["path"], &facts["unsaved_version"]), (&json!("src/queue.rs"), &json!(2)), "{facts:#}");
    assert_eq!(super::notices(&found), [""; 0], "{found:#}");
    // What the edit took away is gone here too.
    let gone = client.tool("context_grep", &json!({ "pattern": "struct QueueWorker" }));
    assert_eq!((&gone["matches"], super::notices(&gone)), (&json!([]), vec!["no_match"]), "{gone:#}");
    editor.shut_down();
}

#[cfg(unix)]
#[test]
fn serve_ends_when_it_is_asked_to_and_takes_its_file_away() {
    let session = session();
    let (server, _) = serve(&session, Revision::Old);
    let asked = std::process::Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    assert!(asked.is_ok_and(|status| status.success()));
    let run = server.wait();
    assert_eq!(run.status.code(), Some(0), "{run}");
    assert!(run.stderr.contains("listening on http://127.0.0.1:") && run.stdout.is_empty(), "{run}");
    let folder = session.program.home().join("cache/conexus/run");
    wait_for("an empty folder", DEADLINE, || (std::fs::read_dir(&folder).ok()?.count() == 0).then_some(()));
}

#[test]
fn what_changes_on_disk_can_be_waited_for() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::New);
    let status: Value = client.tool("context_index_control", &json!({ "action": "status" }));
    let next = status["generation"].as_u64().expect("a generation") + 1;
    session.workspace.write("src/new.rs", "pub fn painted_door() {}\n");
    client.tool("context_index_control", &json!({ "action": "reindex_paths", "paths": ["src/new.rs"] }));
    let arguments = json!({ "query": "painted_door", "min_generation": next, "wait_ms": 10_000 });
    let found = client.tool("context_search", &arguments);
    assert_eq!(paths(&found, "hits")[0], "src/new.rs", "{found:#}");
}
