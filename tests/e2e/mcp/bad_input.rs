//! Bad arguments, paths that lead out of the workspace, what is never shown.

use conexus_testkit::{LspClient, file_uri};
use serde_json::{Value, json};

use super::{
    client::{Client, Http, Revision},
    serve, session,
};

#[test]
fn bad_arguments_are_refused_in_words() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::New);
    for (tool, arguments, word) in [
        ("context_search", json!({}), "query"),
        ("context_search", json!({ "query": 1 }), "string"),
        ("context_search", json!({ "query": "a", "colour": "red" }), "colour"),
        ("context_search", json!({ "query": "a", "mode": "psychic" }), "psychic"),
        ("context_search", json!({ "query": "a", "kinds": ["gadget"] }), "gadget"),
        ("context_search", json!({ "query": "a", "cursor": "-1" }), "cursor"),
        ("context_search", json!({ "query": "a", "paths": ["["] }), "unclosed"),
        ("context_search", json!({ "query": "a", "max_tokens": -5 }), "-5"),
        ("context_read", json!({}), "file_path"),
        ("context_read", json!({ "file_path": "src/retry.rs", "start_line": 900 }), "lines"),
        ("context_read", json!({ "symbol": "no_such_symbol_here" }), "no_such_symbol_here"),
        ("context_grep", json!({ "pattern": "(" }), "pattern"),
        ("context_grep", json!({ "pattern": "" }), "pattern"),
        ("context_get_related_info", json!({}), "symbol"),
        ("context_get_related_info", json!({ "file_path": "src/retry.rs", "line": 9_999 }), "9999"),
        ("context_explain", json!({ "file_path": "src/retry.rs", "symbol": "elsewhere" }), "elsewhere"),
        ("context_check", json!({ "rules": ["no-such-rule"], "paths": ["src"] }), "no-such-rule"),
        ("context_check", json!({ "rules": ["reinvented"], "paths": ["src"] }), "changed_since"),
        ("context_check", json!({ "changed_since": "no-such-revision" }), "no-such-revision"),
        ("context_check", json!({ "paths": ["src"], "cursor": "x" }), "cursor"),
        ("context_index_control", json!({ "action": "explode" }), "explode"),
        ("context_index_control", json!({ "action": "reindex_paths" }), "paths"),
    ] {
        let reason = client.refusal(tool, &arguments);
        assert!(reason.contains(word), "{tool} {arguments}: {reason}");
    }
    let unknown = client.ask("tools/call", &json!({ "name": "context_fly", "arguments": {} }));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    let unknown = client.ask("tools/fly", &json!({}));
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
}

/// Every parameter that takes a path, with every way out: nothing of a file outside, an ignored one or a secret comes
/// back, and the refusal is the same whether such a file exists or not.
#[test]
fn no_parameter_leads_out_of_the_index() {
    let session = session();
    let outside = session.program.home().join("outside.rs");
    std::fs::write(&outside, "pub fn outside_swordfish() {}\n").expect("a file");
    let root = session.workspace.root();
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&outside, root.join("link.rs")).expect("a link");
        std::os::unix::fs::symlink(session.program.home(), root.join("folder")).expect("a link");
    }
    let (_server, mut client) = serve(&session, Revision::Old);
    let up = format!("../{}/src/retry.rs", root.file_name().expect("a name").to_string_lossy());
    let deep = "../".repeat(30) + "etc/passwd";
    let absolute = outside.to_string_lossy().into_owned();
    let ways = [
        &*absolute, &up, &deep, "/etc/passwd", "src/../../x", "..", "/", "", "\0", "src/retry.rs\0", "%2e%2e/x", "~/x",
    ]
    .into_iter()
    .chain(["link.rs", "folder/outside.rs", ".env", "ignored.rs", ".git/config", "no/such/file.rs"]);
    for way in ways {
        for (tool, arguments) in [
            ("context_read", json!({ "file_path": way })),
            ("context_read", json!({ "file_path": way, "symbol": "retry_failed_request" })),
            ("context_get_related_info", json!({ "file_path": way })),
            ("context_get_related_info", json!({ "file_path": way, "line": 1 })),
            ("context_explain", json!({ "file_path": way, "symbol": "x" })),
            ("context_check", json!({ "paths": [way] })),
        ] {
            let reason = client.refusal(tool, &arguments);
            let expected = ["is outside of the workspace", "is not in the index", "names no file of the workspace"];
            assert!(expected.iter().any(|words| reason.contains(words)), "{tool} {arguments}: {reason}");
            assert!(!reason.contains("swordfish"), "{reason}");
        }
        for (tool, arguments, list) in [
            ("context_grep", json!({ "pattern": "swordfish|root:", "paths": [way] }), "matches"),
            ("context_search", json!({ "query": "swordfish", "paths": [way], "mode": "keyword" }), "hits"),
            (
                "context_search",
                json!({ "query": "swordfish", "work_context": { "active_file": way }, "mode": "keyword" }),
                "hits",
            ),
        ] {
            let result = client.result("tools/call", &json!({ "name": tool, "arguments": arguments }));
            let found = result["structuredContent"][list].as_array().map_or(0, Vec::len);
            assert_eq!(found, 0, "{tool} {arguments}: {result:#}");
        }
        // Looking at such a path again does not bring it into the index.
        let arguments = json!({ "action": "reindex_paths", "paths": [way] });
        client.result("tools/call", &json!({ "name": "context_index_control", "arguments": arguments }));
    }
    let found = client.tool("context_grep", &json!({ "pattern": "swordfish" }));
    assert_eq!(found["matches"], json!([]), "{found:#}");
}

/// A file of the index whose place a link to the outside took is not read through it.
#[cfg(unix)]
#[test]
fn a_link_in_the_place_of_a_file_is_not_followed() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::Old);
    let outside = session.program.home().join("outside.rs");
    std::fs::write(&outside, "pub fn outside_swordfish() {}\n").expect("a file");
    session.workspace.remove("src/queue.rs");
    std::os::unix::fs::symlink(&outside, session.workspace.path("src/queue.rs")).expect("a link");
    for _ in 0..20 {
        let arguments = json!({ "name": "context_read", "arguments": { "file_path": "src/queue.rs" } });
        let answer = client.result("tools/call", &arguments);
        assert_eq!(answer["isError"], true, "{answer:#}");
        let found: Value = client.tool("context_grep", &json!({ "pattern": "swordfish" }));
        assert_eq!(found["matches"], json!([]), "{found:#}");
    }
}

/// An editor may hold what is not indexed: open and typed in, it is as if it were not there.
#[test]
fn open_buffers_of_ignored_files_and_secrets_are_not_shown() {
    let session = session();
    let mut editor = LspClient::open(session.command(["lsp"]), session.workspace.root());
    for (path, text) in [
        ("ignored.rs", "pub fn typed_swordfish() {}\n"),
        (".env", "TOKEN=typed-swordfish-of-the-deep\n"),
        ("src/queue.rs", "pub fn typed_in_the_open() {}\n"),
    ] {
        let uri = file_uri(&session.workspace.path(path));
        editor.did_open(&uri, "rust", "");
        editor.did_replace(&uri, 2, text);
    }
    editor.wait_until_idle();
    editor.call("workspace/symbol", &json!({ "query": "typed" }));
    let mut client = Http::connect(&session, Revision::New);
    let lines = client.tool("context_grep", &json!({ "pattern": "typed|swordfish" }));
    assert_eq!(super::paths(&lines, "matches"), ["src/queue.rs"], "{lines:#}");
    let found = client.tool("context_search", &json!({ "query": "typed swordfish" }));
    assert_eq!(found["hits"][0]["name"], "typed_in_the_open", "{found:#}");
    let unsaved = client.result("prompts/get", &json!({ "name": "review_unsaved_changes" }));
    let checked = client.tool("context_check", &json!({ "rules": ["undocumented-public"] }));
    let listed = client.result("resources/list", &json!({}));
    for answer in [found, unsaved, checked, listed] {
        let told = answer.to_string();
        assert!(!told.contains("swordfish") && !told.contains("ignored.rs") && !told.contains(".env"), "{answer:#}");
    }
    for path in ["ignored.rs", ".env"] {
        let reason = client.refusal("context_read", &json!({ "file_path": path }));
        assert!(reason.contains("is not in the index"), "{reason}");
    }
    editor.shut_down();
}
