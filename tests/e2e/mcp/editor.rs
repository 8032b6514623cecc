//! What assistants ask of the editor.

use conexus_testkit::{LspClient, file_uri, wait_for};
use serde_json::{Value, json};

use super::{
    DEADLINE,
    client::{Client, Http, Revision},
    session,
    tools::check_answer,
};

/// Whether the tool is listed.
fn offers_editor(client: &mut impl Client) -> bool {
    let listed = client.result("tools/list", &json!({}));
    listed["tools"].as_array().expect("tools").iter().any(|tool| tool["name"] == "context_editor")
}

/// A session that may be asked for both, as a client of the editor.
pub(super) fn willing(session: &super::Session) -> LspClient {
    willing_by(session, session.command(["lsp"]))
}

/// The same by a command.
pub(super) fn willing_by(session: &super::Session, command: std::process::Command) -> LspClient {
    let capabilities = json!({
        "window": { "showDocument": { "support": true } },
        "workspace": { "applyEdit": true, "workspaceEdit": { "documentChanges": true } },
    });
    let mut editor = LspClient::start(command);
    editor.initialize(&json!({ "rootUri": file_uri(session.workspace.root()), "capabilities": capabilities }));
    editor.wait_until_idle();
    editor
}

/// Calls the tool while the editor answers what it is asked.
fn asked(editor: &mut LspClient, client: &mut Http, arguments: &Value, method: &str, answer: &Value) -> (Value, Value) {
    std::thread::scope(|scope| {
        let params = json!({ "name": "context_editor", "arguments": arguments });
        let called = scope.spawn(move || client.result("tools/call", &params));
        let request = editor.expect(method);
        editor.respond(&request, answer);
        (request["params"].clone(), called.join().expect("an answer"))
    })
}

#[test]
fn places_are_shown_and_edits_proposed_where_the_user_allows_it() {
    let session = session();
    let editor = willing(&session);
    let mut client = Http::connect(&session, Revision::New);
    assert!(!offers_editor(&mut client));
    let reason = client.refusal("context_editor", &json!({ "action": "show", "file_path": "src/queue.rs" }));
    assert!(reason.contains("editor.assistants"), "{reason}");
    editor.shut_down();

    let settings = session.program.home().join("config/conexus");
    std::fs::create_dir_all(&settings).expect("a folder");
    std::fs::write(settings.join("conexus.toml"), "[editor]\nassistants = true\n").expect("a file");
    let mut editor = willing(&session);
    let uri = file_uri(&session.workspace.path("src/queue.rs"));
    let text = String::from_utf8(session.workspace.read("src/queue.rs")).expect("text");
    editor.did_open(&uri, "rust", &text);
    let mut client = Http::connect(&session, Revision::New);
    let listed = client.result("tools/list", &json!({}));
    let declared =
        listed["tools"].as_array().and_then(|tools| tools.iter().find(|tool| tool["name"] == "context_editor"));
    let declared = declared.expect("it is listed");
    let arguments = json!({ "action": "show", "file_path": "src/queue.rs", "start_line": 4, "end_line": 6 });
    let (params, result) =
        asked(&mut editor, &mut client, &arguments, "window/showDocument", &json!({ "success": true }));
    assert_eq!((&params["uri"], &params["selection"]["start"]["line"]), (&json!(uri), &json!(3)), "{params}");
    assert_eq!(params["selection"]["end"]["line"], 6, "{params}");
    check_answer(&result, declared, &arguments);

    let version = |client: &mut Http| {
        let read = client.tool("context_read", &json!({ "file_path": "src/queue.rs" }));
        read["version"].as_str().expect("a version").to_owned()
    };
    let read = version(&mut client);
    let arguments = json!({
        "action": "replace", "file_path": "src/queue.rs", "start_line": 3, "end_line": 3, "text": "/// Jobs.",
        "version": read, "max_tokens": 200,
    });
    let (params, result) =
        asked(&mut editor, &mut client, &arguments, "workspace/applyEdit", &json!({ "applied": true }));
    let change = &params["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"], json!({ "uri": uri, "version": 1 }), "{params}");
    let range = json!({ "start": { "line": 2, "character": 0 }, "end": { "line": 3, "character": 0 } });
    assert_eq!(change["edits"], json!([{ "range": range, "newText": "/// Jobs.\n" }]), "{params}");
    check_answer(&result, declared, &arguments);
    assert_eq!(result["structuredContent"]["path"], "src/queue.rs", "{result}");

    let answer = json!({ "applied": false, "failureReason": "the document is locked" });
    let (_, result) = asked(&mut editor, &mut client, &arguments, "workspace/applyEdit", &answer);
    assert_eq!(result["isError"], true, "{result}");
    assert!(result["content"][0]["text"].as_str().is_some_and(|reason| reason.contains("locked")), "{result}");
    for (arguments, word) in [
        (json!({ "action": "show", "file_path": "../x" }), "outside"),
        (json!({ "action": "show", "file_path": ".env" }), "not in the index"),
        (json!({ "action": "show", "file_path": "src/queue.rs", "start_line": 900 }), "lines"),
        (json!({ "action": "replace", "file_path": "src/queue.rs" }), "text"),
        (json!({ "action": "replace", "file_path": "src/queue.rs", "text": "x" }), "version"),
        (json!({ "action": "delete", "file_path": "src/queue.rs" }), "delete"),
    ] {
        let reason = client.refusal("context_editor", &arguments);
        assert!(reason.contains(word), "{arguments}: {reason}");
    }
    // A secret that was not shown is not written over by its mask, wherever the lines begin.
    let keys = "fn a() {}\nlet token = \"TOKEN\";\nfn b() {}\nKEY\nfn c() {}\nconst K: &str = \"RANDOM\";\n";
    let token = ["ghp", "_q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA1b2C"].concat();
    let random = ["q7Zt2mKx9Rb", "Wc4LdYp8VnGh3SfJkT6uA"].concat();
    let lines = [&token[4..], &token[4..], &token[4..]].join("\n");
    let key = format!("-----BEGIN RSA PRIVATE {}-----\n{lines}\n-----END RSA PRIVATE {}-----", "KEY", "KEY");
    editor.did_replace(&uri, 2, &keys.replace("TOKEN", &token).replace("KEY", &key).replace("RANDOM", &random));
    editor.call("workspace/symbol", &json!({ "query": "next_job" }));
    let shown = client.tool("context_read", &json!({ "file_path": "src/queue.rs" }));
    let masked = shown["text"].as_str().expect("text");
    assert!(masked.contains("[redacted]*") && !masked.contains(&token), "{masked}");
    assert!(masked.contains(&format!("K: &str = \"[redacted]{}\"", "*".repeat(22))), "{masked}");
    let found = client.tool("context_grep", &json!({ "pattern": &random[..16] }));
    assert_eq!(found["matches"], json!([]), "{found:#}");
    let found = client.tool("context_search", &json!({ "query": random, "mode": "keyword" }));
    assert!(!found["hits"].to_string().contains(&random[16..]), "{found:#}");
    for (lines, text, word) in [
        (
            [1, 3],
            masked.lines().take(3).collect::<Vec<_>>().join("\n").replace("fn b", "fn d"),
            "line 2 holds a secret",
        ),
        ([2, 2], "let token = read();".to_owned(), "line 2 holds a secret"),
        ([6, 7], "x".to_owned(), "holds a secret"),
        ([10, 10], "const K: &str = \"\";".to_owned(), "line 10 holds a secret"),
        ([1, 1], masked.lines().nth(1).expect("a line").to_owned(), "which stands for a secret"),
    ] {
        let arguments = json!({
            "action": "replace", "file_path": "src/queue.rs", "start_line": lines[0], "end_line": lines[1], "text": text,
            "version": shown["version"],
        });
        let reason = client.refusal("context_editor", &arguments);
        assert!(reason.contains(word), "{arguments}: {reason}");
    }
    let around = json!({
        "action": "replace", "file_path": "src/queue.rs", "start_line": 3, "end_line": 3, "text": "fn d() {}",
        "version": shown["version"],
    });
    let (params, _) = asked(&mut editor, &mut client, &around, "workspace/applyEdit", &json!({ "applied": true }));
    let edit = &params["edit"]["documentChanges"][0]["edits"][0];
    assert_eq!((&edit["range"]["start"]["line"], &edit["newText"]), (&json!(2), &json!("fn d() {}\n")), "{params}");
    // What is for another text than the editor has goes no further: whatever the editor is asked ends the test.
    editor.did_replace(&uri, 3, &format!("// typed meanwhile\n{text}"));
    editor.call("workspace/symbol", &json!({ "query": "next_job" }));
    let reason = client.refusal("context_editor", &arguments);
    assert!(reason.contains("read it again"), "{reason}");
    // Behind a last line without a line end.
    editor.did_replace(&uri, 4, "fn a() {}\nfn b() {}");
    let read = wait_for("the edit", DEADLINE, || {
        let read = client.tool("context_read", &json!({ "file_path": "src/queue.rs" }));
        (read["text"] == "fn a() {}\nfn b() {}").then(|| read["version"].clone())
    });
    let arguments = json!({
        "action": "replace", "file_path": "src/queue.rs", "start_line": 3, "end_line": 2, "text": "fn c() {}\n",
        "version": read,
    });
    let (params, _) = asked(&mut editor, &mut client, &arguments, "workspace/applyEdit", &json!({ "applied": true }));
    let end = json!({ "line": 1, "character": 9 });
    let change = &params["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"]["version"], 4, "{params}");
    let expected = json!([{ "range": { "start": end, "end": end }, "newText": "\nfn c() {}\n" }]);
    assert_eq!(change["edits"], expected, "{params}");
    editor.shut_down();
}
