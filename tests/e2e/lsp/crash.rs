//! The server crashes, and the session goes on.
//!
//! Debug builds end in the middle of a parse of a text with a certain word, see `crash_on_demand` of the analyser.

use std::{process::Command, time::Duration};

use conexus_testkit::{LspClient, Workspace, wait_for};
use serde_json::{Value, json};

use super::workspace;
use crate::support::Session;

const WORD: &str = "pyramid_of_cheops";
const DEADLINE: Duration = Duration::from_mins(1);

/// A server that crashes on texts with the word; on those parsed with the tree of the text before alone after `next:`.
fn start(session: &Session, word: &str, capabilities: &Value) -> LspClient {
    let mut command = session.command(["lsp"]);
    command.env("CONEXUS_TEST_CRASH", word);
    let mut client = LspClient::start(command);
    client.initialize(&json!({ "rootUri": session.uri(""), "capabilities": capabilities }));
    client
}

/// Asks until there is a result: what a crash interrupts is answered with an error.
#[track_caller]
fn ask(client: &mut LspClient, method: &str, params: &Value) -> Value {
    wait_for(method, DEADLINE, || {
        let id = client.request(method, params);
        client.answer(&id).get("result").cloned()
    })
}

/// Hits of a query, asked until the first is in a file.
#[track_caller]
fn wait_for_hit(client: &mut LspClient, query: &str, path: &str) -> Value {
    wait_for(&format!("{path} for {query:?}"), DEADLINE, || {
        let found = ask(client, "conexus/search", &json!({ "query": query }));
        (found["hits"][0]["path"] == path).then_some(found)
    })
}

/// Waits until the first hit of a name is a symbol of that name, which takes a parse.
#[track_caller]
fn wait_for_symbol(client: &mut LspClient, name: &str) {
    wait_for(&format!("the symbol {name}"), DEADLINE, || {
        let found = ask(client, "conexus/search", &json!({ "query": name }));
        (found["hits"][0]["name"] == name).then_some(())
    });
}

#[track_caller]
fn wait_until_idle(client: &mut LspClient) -> Value {
    wait_for("an index that is complete", DEADLINE, || {
        let status = ask(client, "conexus/status", &json!({}));
        (status["workspaces"][0]["activity"] == "idle").then_some(status)
    })
}

/// What was said of one crash: a line in the client's log, and a message to the user.
#[track_caller]
fn expect_told(client: &mut LspClient, path: &str) {
    let logged = client.expect("window/logMessage")["params"]["message"].to_string();
    assert!(logged.contains("the server crashed (signal: 6 (SIGABRT))"), "{logged}");
    let shown = client.expect("window/showMessage")["params"]["message"].to_string();
    assert!(shown.contains(&format!("parsing {path} crashed the server")), "{shown}");
}

#[test]
#[cfg_attr(any(not(unix), not(debug_assertions)), ignore = "debug builds alone crash on demand")]
fn a_file_that_crashes_its_grammar_does_not_end_the_session() {
    let session = workspace();
    session.workspace.write("src/culprit.rs", format!("/// Measures the {WORD}.\nfn crashing_function() {{}}\n"));
    let mut client = start(&session, WORD, &json!({}));
    expect_told(&mut client, "src/culprit.rs");
    let status = wait_until_idle(&mut client);
    assert_eq!(status["workspaces"][0]["setAside"], json!([session.uri("src/culprit.rs")]));
    let found = wait_for_hit(&mut client, WORD, "src/culprit.rs");
    assert!(found["notices"].as_array().expect("notices").iter().any(|notice| notice["kind"] == "setAside"));
    wait_for_hit(&mut client, "retry_failed_request", "src/retry.rs");
    client.shut_down();

    // The next session knows it: no crash and no word.
    let mut client = start(&session, WORD, &json!({}));
    wait_until_idle(&mut client);
    wait_for_hit(&mut client, WORD, "src/culprit.rs");
    client.shut_down();
}

#[test]
#[cfg_attr(any(not(unix), not(debug_assertions)), ignore = "debug builds alone crash on demand")]
fn what_is_not_saved_survives_a_crash() {
    let session = workspace();
    let capabilities = json!({ "general": { "positionEncodings": ["utf-8"] } });
    let mut client = start(&session, WORD, &capabilities);
    wait_until_idle(&mut client);
    for (path, name) in [("src/retry.rs", "unsaved_lighthouse"), ("src/queue.rs", "unsaved_windmill")] {
        let (uri, text) = (session.uri(path), session.text(path));
        client.did_open(&uri, "rust", &text);
        // After a text that counts differently in bytes and in units.
        client.did_change(&uri, 2, [0, 0, 0, 0], "// ü😀\n");
        client.did_change(&uri, 3, [0, 9, 0, 9], &format!("\nfn {name}() {{}}"));
    }
    wait_for_hit(&mut client, "unsaved_windmill", "src/queue.rs");
    client.did_open(&session.uri("untitled.rs"), "rust", "fn harmless() {}\n");
    client.did_change(&session.uri("untitled.rs"), 2, [0, 0, 0, 0], &format!("// the {WORD} is high\n"));
    // Nothing waits for ever.
    let interrupted = client.request("conexus/search", &json!({ "query": WORD }));
    client.answer(&interrupted);
    expect_told(&mut client, "untitled.rs");
    wait_for_hit(&mut client, WORD, "untitled.rs");
    for (name, path) in [("unsaved_lighthouse", "src/retry.rs"), ("unsaved_windmill", "src/queue.rs")] {
        let found = wait_for_hit(&mut client, name, path);
        let hit = &found["hits"][0];
        assert_eq!((&hit["name"], &hit["selectionRange"]["start"]["line"]), (&json!(name), &json!(1)), "{found:#}");
    }
    // Its author types on: each text is tried, none crashes the session.
    for (version, word) in [(3, "sphinx"), (4, "obelisk"), (5, "camel")] {
        client.did_change(&session.uri("untitled.rs"), version, [0, 0, 0, 0], &format!("// a {word}\n"));
        wait_for_hit(&mut client, word, "untitled.rs");
    }
    client.did_replace(&session.uri("untitled.rs"), 6, "fn that_is_mended() {}\n");
    wait_for_symbol(&mut client, "that_is_mended");
    client.shut_down();
}

#[test]
#[cfg_attr(any(not(unix), not(debug_assertions)), ignore = "debug builds alone crash on demand")]
fn a_crash_with_the_tree_before_costs_no_symbols() {
    let session = workspace();
    let mut client = start(&session, &format!("next:{WORD}"), &json!({}));
    wait_until_idle(&mut client);
    let uri = session.uri("src/retry.rs");
    client.did_open(&uri, "rust", &session.text("src/retry.rs"));
    wait_for_hit(&mut client, "retry_failed_request", "src/retry.rs");
    client.did_change(&uri, 2, [0, 0, 0, 0], &format!("fn {WORD}() {{}}\n"));
    let logged = client.expect("window/logMessage");
    assert!(logged["params"]["message"].to_string().contains("SIGABRT"), "{logged}");
    for version in 3..6 {
        let name = format!("typed_in_version_{version}");
        client.did_change(&uri, version, [0, 0, 0, 0], &format!("fn {name}() {{}}\n"));
        wait_for_symbol(&mut client, &name);
    }
    // Nothing is set aside, and there was one crash.
    client.shut_down();
}

/// The process that serves behind the one that a client started.
#[cfg(target_os = "linux")]
fn server_of(relay: u32) -> u32 {
    wait_for("the server's process", DEADLINE, || {
        let children = std::fs::read_to_string(format!("/proc/{relay}/task/{relay}/children")).ok()?;
        children.split_whitespace().next()?.parse().ok()
    })
}

#[cfg(target_os = "linux")]
fn signal(name: &str, process: u32) {
    // It fails when the process has ended in time.
    let _ = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).output().expect("kill");
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_crashes_again_and_again_is_given_up() {
    let session = Session::new(Workspace::of("//- a.rs\nfn alone() {}\n"));
    let mut client = session.serve();
    for crash in 1..=5 {
        let server = server_of(client.id());
        // The runtime of Rust takes the first for an overflow of the stack that may pass.
        wait_for("a crash", DEADLINE, || {
            if alive(server) {
                signal("SEGV", server);
            }
            (!alive(server)).then_some(())
        });
        if crash < 5 {
            let logged = client.expect("window/logMessage");
            assert!(logged["params"]["message"].to_string().contains("signal: 11 (SIGSEGV)"), "{logged}");
            wait_for_hit(&mut client, "alone", "a.rs");
        }
    }
    let shown = client.expect("window/showMessage")["params"]["message"].to_string();
    assert!(shown.contains("Conexus crashed 5 times within 3 minutes"), "{shown}");
    client.expect_end(2);
}

#[cfg(target_os = "linux")]
#[test]
fn the_server_ends_with_the_process_before_it() {
    for name in ["TERM", "KILL"] {
        let session = workspace();
        let client = session.serve();
        let server = server_of(client.id());
        signal(name, client.id());
        wait_for("the server's end", DEADLINE, || (!alive(server)).then_some(()));
    }
    // The other way round: whoever asks the server to end gets what they want.
    let session = workspace();
    let client = session.serve();
    signal("TERM", server_of(client.id()));
    client.expect_end(143);
}

/// Whether a process runs; one that nobody has waited for does not.
#[cfg(target_os = "linux")]
fn alive(process: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{process}/stat"));
    state.is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with('Z'))
}

#[test]
fn one_process_serves_where_it_is_asked_to() {
    let session = workspace();
    let client = LspClient::open(session.command(["lsp", "--stdio", "--unguarded"]), session.workspace.root());
    #[cfg(target_os = "linux")]
    {
        let children = format!("/proc/{0}/task/{0}/children", client.id());
        assert_eq!(std::fs::read_to_string(children).expect("its children").trim(), "");
    }
    client.shut_down();
}
