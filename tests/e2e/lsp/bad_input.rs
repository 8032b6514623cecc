//! What no well-behaved client sends. Each has a clear outcome, the session goes on, and nothing indexed is lost.

use conexus_testkit::{LspClient, wait_for};
use serde_json::{Value, json};
use std::{
    process::Command,
    time::{Duration, Instant},
};

use super::{found, names, position, symbols, workspace};
use crate::support::notices;

const DEADLINE: Duration = Duration::from_secs(30);
/// Processor time that the parser has for a text.
const PARSE_TIME: Duration = Duration::from_secs(2);

/// Demands that a session still answers.
#[track_caller]
fn expect_alive(client: &mut LspClient) {
    assert_eq!(names(client, "retry_failed_request")[0], "retry_failed_request");
}

#[test]
fn malformed_messages_are_answered_with_an_error() {
    let session = workspace();
    let mut client = session.serve();
    for (bytes, code) in [
        ("Content-Length: 1\r\n\r\n{", -32700),
        ("Content-Length: 2\r\n\r\n\u{fc}", -32700),
        ("Content-Length: 4\r\n\r\nnull", -32600),
        ("Content-Length: 2\r\n\r\n[]", -32600),
        ("Content-Length: many\r\n\r\n", -32700),
        ("Content-Type: text\r\nrubbish\r\n\r\n", -32700),
        ("Content-Length: 38\r\n\r\n{\"jsonrpc\":\"2.0\",\"method\":[],\"id\":{} }", -32600),
    ] {
        client.send_bytes(bytes.as_bytes());
        let answer = client.answer(&Value::Null);
        assert_eq!(answer["error"]["code"], code, "{bytes:?}");
        expect_alive(&mut client);
    }
    client.shut_down();
}

#[test]
fn wrong_types_and_unknown_methods_are_errors() {
    let session = workspace();
    let mut client = session.serve();
    let here = json!({ "uri": session.uri("src/retry.rs") });
    for (method, params, code) in [
        ("textDocument/hover", json!({}), -32601),
        ("no/such/method", Value::Null, -32601),
        ("$/noSuchMethod", Value::Null, -32601),
        ("textDocument/didOpen", json!({}), -32600),
        ("workspace/symbol", Value::Null, -32602),
        ("workspace/symbol", json!({ "query": 7 }), -32602),
        ("workspace/symbol", json!([]), -32602),
        ("textDocument/codeAction", json!({ "textDocument": here }), -32602),
        ("codeAction/resolve", json!({ "title": "x" }), -32602),
        (
            "codeAction/resolve",
            json!({ "title": "x", "kind": "quickfix", "data": { "uri": session.uri("a"), "position": position(0, 0) } }),
            -32602,
        ),
        ("workspace/executeCommand", json!({ "command": "rm" }), -32602),
        ("workspace/executeCommand", json!({ "command": "conexus.showCallers" }), -32602),
        ("workspace/executeCommand", json!({ "command": "conexus.showCallers", "arguments": [7] }), -32602),
        ("conexus/search", json!({ "query": "x", "mode": "none" }), -32602),
        ("conexus/search", json!({ "query": "x", "limit": 0 }), -32602),
        ("conexus/search", json!({ "query": "x", "limit": -1 }), -32602),
        ("conexus/similar", json!({ "textDocument": { "uri": "no uri" }, "position": position(0, 0) }), -32602),
        ("conexus/similar", json!({ "textDocument": here, "position": { "line": -1, "character": 0 } }), -32602),
        ("conexus/related", json!({ "textDocument": here, "position": position(0, 0), "relations": ["x"] }), -32602),
        ("conexus/context", json!({ "textDocument": here, "position": position(0, 0), "maxTokens": 1 }), -32602),
    ] {
        let error = client.call_error(method, &params);
        assert_eq!(error["code"], code, "{method} {params}: {error}");
        assert!(!error["message"].as_str().expect("a message").is_empty());
    }
    // Notifications have no answer: wrong ones are passed over.
    for (method, params) in [
        ("no/such/notification", json!({})),
        ("textDocument/didOpen", json!({ "textDocument": 7 })),
        ("textDocument/didChange", json!({ "textDocument": { "uri": "x" } })),
        (
            "textDocument/didChange",
            json!({ "textDocument": { "uri": session.uri("src/none.rs"), "version": 2 }, "contentChanges": [{ "text": "x" }] }),
        ),
        ("textDocument/didClose", json!({ "textDocument": { "uri": session.uri("src/none.rs") } })),
        ("textDocument/didSave", json!({ "textDocument": { "uri": session.uri("src/none.rs") } })),
        ("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": "http://example.org/", "type": 9 }] })),
        ("workspace/didRenameFiles", json!({ "files": [{ "oldUri": "file:///%ff", "newUri": "file:///" }] })),
        (
            "workspace/didChangeWorkspaceFolders",
            json!({ "event": { "added": [], "removed": [{ "uri": "file:///never", "name": "" }] } }),
        ),
        ("$/cancelRequest", json!({ "id": 99999 })),
        ("$/setTrace", json!({ "value": "verbose" })),
    ] {
        client.notify(method, &params);
    }
    assert_eq!(client.call("conexus/status", &Value::Null)["unknownDocuments"], 1);
    expect_alive(&mut client);
    client.shut_down();
}

#[test]
fn positions_outside_the_text_mean_its_edges() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/edges.rs");
    client.did_open(&uri, "rust", "fn a😀() {}\r\nfn b() {}\r");
    // The middle of a surrogate pair, the end of a line, the end of the text, and an end before its beginning.
    client.did_change(&uri, 2, [0, 5, 0, 5], "_in");
    client.did_change(&uri, 3, [0, 999, 0, 999], " // x");
    client.did_change(&uri, 4, [4_000_000_000, 4_000_000_000, 4_000_000_000, 4_000_000_000], "fn at_the_end() {}");
    client.did_change(&uri, 5, [1, 4, 1, 1], "_two");
    for name in ["a_in", "b_two", "at_the_end"] {
        assert!(
            names(&mut client, name).iter().any(|found| found.starts_with(name)),
            "{name}: {:?}",
            names(&mut client, "")
        );
    }
    for at in [position(0, 5), position(0, 4_000_000_000), position(4_000_000_000, 0), position(9, 9)] {
        let params = json!({ "textDocument": { "uri": uri }, "position": at, "range": { "start": at, "end": at }, "context": { "diagnostics": [] } });
        for method in ["conexus/similar", "conexus/related", "conexus/context", "textDocument/codeAction"] {
            client.call(method, &params);
        }
    }
    client.shut_down();
}

#[test]
fn a_document_of_50_megabytes_does_no_harm() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/huge.rs");
    let text = "fn huge_function() { let value = 1; }\n".repeat((50 << 20) / 38);
    client.did_open(&uri, "rust", &text);
    client.did_change(&uri, 2, [100_000, 0, 100_000, 0], "fn in_the_middle() {}\n");
    expect_alive(&mut client);
    let params = json!({ "textDocument": { "uri": uri }, "position": position(5, 5) });
    let answer = client.call("conexus/similar", &params);
    assert_eq!((&answer["hits"], &answer["notices"][0]["kind"]), (&json!([]), &json!("notIndexed")), "and it says so");
    client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": uri } }));
    expect_alive(&mut client);
    client.shut_down();
}

#[test]
fn what_is_not_indexed_is_told() {
    let session = workspace();
    session.workspace.write(".gitignore", "ignored.rs\n");
    session.workspace.write("ignored.rs", "fn ignored_function() {}\n");
    session.workspace.write(".env", "SECRET=1\n");
    let mut client = session.serve();
    let elsewhere = "file:///nowhere/at/all.rs".to_owned();
    for (uri, kind) in [
        (session.uri("ignored.rs"), "notIndexed"),
        (session.uri(".env"), "notIndexed"),
        (session.uri("src/vanished.rs"), "notIndexed"),
        (elsewhere, "outside"),
        ("git:/a.rs".to_owned(), "outside"),
    ] {
        client.did_open(&uri, "rust", "fn opened_function() {}\n");
        let params = json!({ "textDocument": { "uri": uri }, "position": position(0, 4) });
        for method in ["conexus/similar", "conexus/related", "conexus/context"] {
            let answer = client.call(method, &params);
            // A file that is not on disk yet is searched as soon as it is open.
            if uri.ends_with("vanished.rs") {
                continue;
            }
            assert_eq!(answer["notices"][0]["kind"], kind, "{method} {uri}: {answer}");
        }
        client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": uri } }));
    }
    assert_eq!(names(&mut client, "ignored_function"), Vec::<String>::new());
    // Nor while they are open.
    for (path, text) in [("ignored.rs", "fn swordfish_ignored() {}\n"), (".env", "SECRET=swordfish_secret\n")] {
        client.did_open(&session.uri(path), "rust", text);
        client.did_replace(&session.uri(path), 2, &format!("{text}fn swordfish_typed() {{}}\n"));
    }
    client.did_open(&session.uri("src/open.rs"), "rust", "fn swordfish_open() {}\n");
    assert_eq!(names(&mut client, "swordfish"), ["swordfish_open"]);
    let found = client.call("conexus/search", &json!({ "query": "swordfish" }));
    let told = found.to_string();
    assert!(told.contains("src/open.rs") && !told.contains("ignored.rs") && !told.contains(".env"), "{found:#}");
    client.shut_down();
}

#[test]
fn files_that_vanish_are_no_error() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/retry.rs");
    client.did_open(&uri, "rust", &session.text("src/retry.rs"));
    for path in ["src/retry.rs", "src/queue.rs", "docs/guide.md"] {
        session.workspace.remove(path);
    }
    assert_eq!(names(&mut client, "retry_failed_request")[0], "retry_failed_request", "it is open");
    let params = json!({ "textDocument": { "uri": uri }, "position": position(1, 10) });
    client.call("conexus/related", &params);
    client.notify("textDocument/didSave", &json!({ "textDocument": { "uri": uri } }));
    client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": uri } }));
    super::documents::eventually(&mut client, "retry_failed_request", &[]);
    assert_eq!(names(&mut client, "parse_configuration"), ["parse_configuration"]);
    client.shut_down();
}

/// Opening a pipe for reading waits for somebody who writes to it.
#[cfg(unix)]
#[test]
fn a_pipe_holds_up_nothing() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/pipe.rs");
    let made = Command::new("mkfifo").arg(session.workspace.path("src/pipe.rs")).status();
    assert!(made.expect("mkfifo").success());
    client.did_open(&uri, "rust", "fn in_the_pipe() {}\n");
    for notification in ["textDocument/didSave", "textDocument/didClose"] {
        client.notify(notification, &json!({ "textDocument": { "uri": uri } }));
    }
    client.did_open(&session.uri("src/queue.rs"), "rust", "fn typed_afterwards() {}\n");
    super::documents::eventually(&mut client, "typed_afterwards", &["typed_afterwards"]);
    client.shut_down();
}

#[test]
fn odd_folders_are_told_and_the_others_work() {
    let session = workspace();
    let mut client = session.start();
    client.initialize(&json!({ "workspaceFolders": [
        { "uri": "file:///no/such/folder", "name": "gone" },
        { "uri": "vscode-vfs://github/x/y", "name": "remote" },
        { "uri": session.uri(""), "name": "good" },
    ] }));
    for name in ["gone", "remote"] {
        let message = client.expect("window/showMessage")["params"]["message"].as_str().expect("text").to_owned();
        assert!(message.contains(name), "{message}");
    }
    client.wait_for_status("the good folder", |status| status["workspaces"][2]["activity"] == "idle");
    expect_alive(&mut client);
    let answer = client.call("conexus/search", &json!({ "query": "retry_failed_request" }));
    let kinds: Vec<_> = answer["notices"].as_array().expect("notices").iter().map(|notice| &notice["kind"]).collect();
    assert_eq!(kinds, ["unavailable", "unavailable"]);
    client.shut_down();
}

#[test]
fn a_client_that_dies_in_the_middle_of_a_message_leaves_a_good_index() {
    let session = workspace();
    let mut client = session.serve();
    client.did_open(&session.uri("src/queue.rs"), "rust", "fn never_saved() {}\n");
    client.send_bytes(b"Content-Length: 1000\r\n\r\n{\"jsonrpc\":\"2.0\",\"method\":\"textDo");
    client.hang_up();
    client.expect_end(1);
    session.expect_like_fresh("after the death of a client");
}

#[test]
fn a_server_that_is_killed_loses_nothing_indexed() {
    let session = workspace();
    let mut client = session.serve();
    client.did_open(&session.uri("src/queue.rs"), "rust", "fn never_saved() {}\n");
    assert_eq!(names(&mut client, "never_saved"), ["never_saved"]);
    // Dropping kills.
    drop(client);
    session.expect_like_fresh("after the death of a server");
}

#[cfg(unix)]
#[test]
fn settings_that_cannot_be_read_are_named() {
    let session = workspace();
    session.workspace.write("conexus.toml", "[index]\nmemory_mb = 1\n");
    let mut client = session.start();
    client.initialize(&json!({ "rootUri": session.uri("") }));
    let message = client.expect("window/showMessage")["params"]["message"].as_str().expect("text").to_owned();
    assert!(message.contains("index.memory_mb"), "{message}");
    let answer = client.call("conexus/search", &json!({ "query": "x" }));
    assert_eq!(answer["notices"][0]["kind"], "unavailable");
    client.shut_down();
}

/// Positions are those of the protocol whatever ends the lines: `\n`, `\r\n` or `\r`, and a mark at the beginning.
#[test]
fn every_kind_of_line_end_counts() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/odd.rs");
    let text = "\u{feff}// ä€😀\r\nfn first() {}\r// b\nfn second() {}\n\r\nfn third() {}\r\rfn fourth() {}";
    client.did_open(&uri, "rust", text);
    for (name, line, from, to) in [("first", 1, 3, 8), ("second", 3, 3, 9), ("third", 5, 3, 8), ("fourth", 7, 3, 9)] {
        let found = symbols(&mut client, name);
        let range = &found[0]["location"]["range"];
        assert_eq!(*range, json!({ "start": position(line, from), "end": position(line, to) }), "{name}: {found:?}");
    }
    // An edit behind a lone carriage return, and one that parts a pair.
    client.did_change(&uri, 2, [7, 3, 7, 9], "fifth");
    assert_eq!(names(&mut client, "fifth"), ["fifth"]);
    client.did_change(&uri, 3, [1, 13, 2, 0], "\r\nfn between() {}\r\n");
    assert_eq!(names(&mut client, "between"), ["between"]);
    client.shut_down();
}

/// Editors in JavaScript may send half a surrogate pair: it costs one character, and what follows stays in its place.
#[test]
fn half_a_surrogate_pair_is_one_odd_character() {
    let session = workspace();
    let mut client = session.serve();
    client.send_halves();
    let uri = session.uri("src/half.rs");
    client.did_open(&uri, "rust", "/* \u{fffd} */ fn opened_with_half() {}\n");
    assert_eq!(names(&mut client, "opened_with_half"), ["opened_with_half"]);
    client.did_change(&uri, 2, [0, 4, 0, 4], "\u{fffd}");
    client.did_change(&uri, 3, [0, 12, 0, 28], "typed_behind_halves");
    assert_eq!(names(&mut client, "typed_behind_halves \u{fffd}"), ["typed_behind_halves"]);
    assert!(!names(&mut client, "opened_with_half").contains(&"opened_with_half".to_owned()));
    client.shut_down();
}

/// Texts on which parsers are slow or deep: they are searched, by their words at least, and the session goes on.
#[test]
fn hostile_texts_do_no_harm() {
    let session = workspace();
    let mut client = session.serve();
    // Where no symbol is found it says why.
    client.ignore("window/showMessage");
    for (at, hostile) in [
        "(\n".repeat(200_000),
        "{[(\n".repeat(60_000),
        "a<\n".repeat(100_000),
        "r#\"\n".repeat(50_000),
        "/*\n".repeat(100_000),
        "\u{202e}\u{1}\u{ffff}\u{10ffff}\n".repeat(10_000),
        "fn f(){\n".repeat(20_000),
    ]
    .into_iter()
    .enumerate()
    {
        // Each in a file of its own: what follows a text that took long in the same file gets less time.
        let (path, name) = (format!("src/hostile_{at}.rs"), format!("beside_hostile_{at}"));
        let uri = session.uri(&path);
        let began = Instant::now();
        client.did_open(&uri, "rust", &format!("fn {name}() {{}}\n{hostile}"));
        wait_for(&path, DEADLINE, || (found(&mut client, &name).first() == Some(&path)).then_some(()));
        if hostile.starts_with("r#") {
            // With something else to do it is found by its words at once and parsed beside that, in vain as well.
            wait_for("the parser's time", DEADLINE, || {
                assert!(!names(&mut client, &name).contains(&name), "parsed in {:?}", began.elapsed());
                (began.elapsed() >= PARSE_TIME).then_some(())
            });
            let answer = client.call("conexus/search", &json!({ "query": name }));
            assert_eq!(notices(&answer), ["unparsed"], "{answer:#}");
            let message = answer["notices"][0]["message"].as_str().expect("words");
            assert!(message.starts_with(&format!("{path} is searched without its symbols")), "{message}");
        }
        expect_alive(&mut client);
        client.did_replace(&uri, 2, "fn after_all() {}\n");
        super::documents::eventually(&mut client, "after_all", &["after_all"]);
        client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": uri } }));
    }
    client.shut_down();
}

/// Changes of a text that takes the parser all its time, and of another one in turn.
#[test]
fn a_hostile_text_holds_up_no_other() {
    let session = workspace();
    let mut client = session.serve();
    client.ignore("window/showMessage");
    let (hostile, other) = (session.uri("src/hostile.rs"), session.uri("src/queue.rs"));
    let began = Instant::now();
    client.did_open(&hostile, "rust", &"r#\"\n".repeat(50_000));
    client.did_open(&other, "rust", "");
    for version in 2..8 {
        let name = format!("typed_{version}");
        client.did_replace(&other, version, &format!("fn {name}() {{}}\n"));
        wait_for(&name, DEADLINE, || (names(&mut client, &name) == [name.as_str()]).then_some(()));
        client.did_change(&hostile, version, [5, 0, 5, 0], "x");
    }
    let took = began.elapsed();
    assert!(took < 6 * PARSE_TIME / 2, "{took:?} for six texts that would take {PARSE_TIME:?} each");
    client.shut_down();
}

/// A folder that only the program may not write to is no obstacle; an index that it may not write to is told.
#[cfg(target_os = "linux")]
#[test]
fn read_only_folders_are_served_or_told() {
    use crate::support::namespaces::{read_only, within};

    let session = workspace();
    let root = session.workspace.root();
    let Some(command) = within(&session.command(["lsp"]), &read_only(root)) else { return };
    let mut client = LspClient::open(command, root);
    let uri = session.uri("src/queue.rs");
    client.did_open(&uri, "rust", "fn typed_in_vain() {}\n");
    assert_eq!(names(&mut client, "typed_in_vain"), ["typed_in_vain"]);
    expect_alive(&mut client);
    client.shut_down();

    let index = read_only(&session.index_dir());
    let mut client = LspClient::start(within(&session.command(["lsp"]), &index).expect("as before"));
    client.initialize(&json!({ "rootUri": session.uri("") }));
    let message = client.expect("window/showMessage")["params"]["message"].as_str().expect("text").to_owned();
    assert!(message.contains("cannot be written"), "{message}");
    let answer = client.call("conexus/search", &json!({ "query": "retry" }));
    assert_eq!(answer["notices"][0]["kind"], "unavailable", "{answer:#}");
    client.shut_down();
    session.expect_like_fresh("after a session that could not write");
}

/// There is no place for an index: it is told, and requests are answered with the reason.
#[test]
fn an_index_that_cannot_be_written_is_told() {
    let session = workspace();
    let blocked = session.workspace.path("README.md");
    std::fs::write(&blocked, "in the way").expect("a file");
    let mut command = session.command(["lsp"]);
    command.env("CONEXUS_INDEX_DIR", blocked.join("index"));
    let mut client = LspClient::start(command);
    client.initialize(&json!({ "workspaceFolders": [{ "uri": session.uri(""), "name": "w" }] }));
    let message = client.expect("window/showMessage")["params"]["message"].as_str().expect("text").to_owned();
    assert!(message.contains("README.md"), "{message}");
    let answer = client.call("conexus/search", &json!({ "query": "retry" }));
    assert_eq!(answer["notices"][0]["kind"], "unavailable", "{answer:#}");
    let uri = session.uri("src/retry.rs");
    client.did_open(&uri, "rust", "fn typed() {}\n");
    assert_eq!(symbols(&mut client, "typed"), [Value::Null; 0]);
    client.ignore("window/showMessage");
    client.shut_down();
}
