//! `conexus mcp` on standard input and output: detached, and attached to a session that comes and goes.

use conexus_testkit::{LspClient, wait_for};
use serde_json::json;

use super::{
    DEADLINE,
    client::{Client, Pipes},
    notices, paths, session, until_idle,
};

#[test]
fn without_a_session_it_serves_the_index_itself_and_says_so() {
    let session = session();
    let mut client = Pipes::start(session.command([""; 0]));
    let listed = client.result("tools/list", &json!({}));
    assert_eq!(listed["tools"].as_array().map(Vec::len), Some(8), "{listed:#}");
    until_idle(&mut client);
    let found = client.tool("context_search", &json!({ "query": "retry failed requests" }));
    assert_eq!(paths(&found, "hits")[0], "src/retry.rs", "{found:#}");
    assert_eq!(notices(&found), ["detached"], "{found:#}");
    assert!(client.refusal("context_read", &json!({ "file_path": "../x" })).contains("outside"));
    client.send(&json!({ "jsonrpc": "2.0", "id": "mine", "method": "no/such/method" }));
    let answer = client.answer();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("mine"), &json!(-32601)), "{answer}");
    client.hang_up();
    session.expect_like_fresh("after an assistant");
}

#[test]
fn a_session_that_comes_is_attached_to_and_one_that_ends_is_let_go() {
    let session = session();
    let mut client = Pipes::start(session.command([""; 0]));
    until_idle(&mut client);
    let editor = || {
        let mut editor = LspClient::open(session.command(["lsp"]), session.workspace.root());
        let uri = conexus_testkit::file_uri(&session.workspace.path("src/queue.rs"));
        let text = String::from_utf8(session.workspace.read("src/queue.rs")).expect("text");
        editor.did_open(&uri, "rust", &text);
        editor.did_replace(&uri, 2, "pub fn drain_leaky_bucket() {}\n");
        editor.call("workspace/symbol", &json!({ "query": "drain_leaky_bucket" }));
        editor
    };
    for round in 0..2 {
        let running = editor();
        let found = wait_for("the unsaved edit", DEADLINE, || {
            let found = client.tool("context_search", &json!({ "query": "drain_leaky_bucket" }));
            (found["hits"][0]["name"] == "drain_leaky_bucket").then_some(found)
        });
        assert!(!notices(&found).contains(&"detached"), "{found:#}");
        if round == 0 {
            running.shut_down();
        } else {
            running.kill();
        }
        // The server behind a guard that is killed notices it a moment later.
        let found = wait_for("an answer without the editor", DEADLINE, || {
            let found = client.tool("context_search", &json!({ "query": "drain_leaky_bucket" }));
            notices(&found).contains(&"detached").then_some(found)
        });
        assert_ne!(found["hits"][0]["name"], "drain_leaky_bucket", "{found:#}");
    }
    client.hang_up();
}
