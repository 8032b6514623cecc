//! Documents: what is typed is found, and nothing else.

use conexus_testkit::{LspClient, Workspace, wait_for};
use serde_json::{Value, json};
use std::time::Duration;

use super::{found, names, symbols, workspace};
use crate::support::Session;
#[cfg(target_os = "linux")]
use crate::support::namespaces;

const DEADLINE: Duration = Duration::from_secs(30);

#[test]
fn what_is_typed_is_found_before_it_is_saved() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/queue.rs");
    client.did_open(&uri, "rust", &session.text("src/queue.rs"));
    client.did_change(&uri, 2, [0, 0, 0, 0], "/// Warms up the coffee machine.\nfn brew_espresso() {}\n\n");
    assert_eq!(names(&mut client, "brew_espresso"), ["brew_espresso"]);
    assert_eq!(found(&mut client, "warm up the coffee machine")[0], "src/queue.rs");
    let answer = client.call("conexus/search", &json!({ "query": "brew_espresso" }));
    assert_eq!(answer["seen"][0]["documents"], json!([{ "uri": uri, "version": 2 }]), "the answer says what it saw");
    // Not on disk.
    assert!(!session.text("src/queue.rs").contains("espresso"));
    client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": uri } }));
    assert_eq!(names(&mut client, "brew_espresso"), Vec::<String>::new(), "closed without saving");
    assert_eq!(names(&mut client, "next_job"), ["next_job"], "the file on disk counts again");
    client.shut_down();
}

#[test]
fn a_saved_document_stays() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/new.rs");
    client.did_open(&uri, "rust", "fn fresh_function() {}\n");
    assert_eq!(names(&mut client, "fresh_function"), ["fresh_function"], "of a file that is not on disk yet");
    session.workspace.write("src/new.rs", "fn fresh_function() {}\n");
    client
        .notify("textDocument/didSave", &json!({ "textDocument": { "uri": uri }, "text": "fn fresh_function() {}\n" }));
    client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": uri } }));
    eventually(&mut client, "fresh_function", &["fresh_function"]);
    let status = client.call("conexus/status", &Value::Null);
    assert_eq!((&status["saveMismatches"], &status["versionGaps"]), (&json!(0), &json!(0)));
    client.shut_down();
}

#[test]
fn a_saved_text_that_differs_is_taken() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/queue.rs");
    client.did_open(&uri, "rust", "fn known_here() {}\n");
    client.notify("textDocument/didSave", &json!({ "textDocument": { "uri": uri }, "text": "fn truly_saved() {}\n" }));
    assert_eq!(names(&mut client, "truly_saved"), ["truly_saved"]);
    assert_eq!(client.call("conexus/status", &Value::Null)["saveMismatches"], 1);
    // A client that sends no text: the disk is asked.
    session.workspace.write("src/queue.rs", "fn from_the_disk() {}\n");
    client.notify("textDocument/didSave", &json!({ "textDocument": { "uri": uri } }));
    client.wait_for_status("the second mismatch", |status| status["saveMismatches"] == 2);
    assert_eq!(names(&mut client, "from_the_disk"), ["from_the_disk"]);
    // A gap in the versions is counted, and the change applied.
    client.did_replace(&uri, 9, "fn after_the_gap() {}\n");
    assert_eq!(names(&mut client, "after_the_gap"), ["after_the_gap"]);
    assert_eq!(client.call("conexus/status", &Value::Null)["versionGaps"], 1);
    client.shut_down();
}

#[test]
fn a_burst_of_edits_ends_in_the_right_text() {
    let session = Session::new(Workspace::of("//- a.rs\n// begin\n"));
    let mut client = session.serve();
    let uri = session.uri("a.rs");
    client.did_open(&uri, "rust", "fn x() {}\n");
    // A name grows letter by letter, 2,000 of them, some taken back; below it lines come.
    let mut name = String::from("x");
    let mut below = String::new();
    let mut version = 1;
    while version < 2001 {
        version += 1;
        // Names are kept whole up to some 160 bytes.
        if version % 7 == 0 {
            let line = format!("// ä😀 {version}\n");
            client.did_change(&uri, version, [1, 0, 1, 0], &line);
            below.insert_str(0, &line);
        } else if version % 5 == 0 || name.len() > 60 {
            name.pop();
            let at = 3 + name.len() as u32;
            client.did_change(&uri, version, [0, at, 0, at + 1], "");
        } else {
            let letter = char::from(b'a' + (version % 26) as u8);
            let at = 3 + name.len() as u32;
            client.did_change(&uri, version, [0, at, 0, at], &letter.to_string());
            name.push(letter);
        }
    }
    wait_for("the last version", DEADLINE, || {
        let answer = client.call("conexus/search", &json!({ "query": "fn", "limit": 1 }));
        (answer["seen"][0]["documents"][0]["version"] == 2001).then_some(())
    });
    let found = symbols(&mut client, "");
    assert_eq!(found[0]["name"], name);
    let text = format!("fn {name}() {{}}\n{below}");
    client.notify("textDocument/didSave", &json!({ "textDocument": { "uri": uri }, "text": text }));
    let status = client.call("conexus/status", &Value::Null);
    assert_eq!((&status["versionGaps"], &status["saveMismatches"]), (&json!(0), &json!(0)), "each letter is there");
    client.shut_down();
}

#[test]
fn a_buffer_without_a_file_is_found() {
    let session = workspace();
    let mut client = session.serve();
    client.did_open("untitled:Untitled-1", "rust", "fn never_saved() {}\n");
    let found = symbols(&mut client, "never_saved");
    assert_eq!(found[0]["location"]["uri"], "untitled:Untitled-1");
    client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": "untitled:Untitled-1" } }));
    assert_eq!(names(&mut client, "never_saved"), Vec::<String>::new());
    client.shut_down();
}

#[test]
fn the_disk_is_followed_without_being_asked() {
    let session = workspace();
    let mut client = session.serve();
    session.workspace.write("src/added.rs", "fn added_outside() {}\n");
    eventually(&mut client, "added_outside", &["added_outside"]);
    session.workspace.rename("src/added.rs", "src/moved.rs");
    wait_for("the new path", DEADLINE, || {
        (found(&mut client, "added_outside").first()? == "src/moved.rs").then_some(())
    });
    session.workspace.remove("src/moved.rs");
    eventually(&mut client, "added_outside", &[]);
    client.shut_down();
}

#[test]
fn what_the_client_did_to_files_is_taken_over() {
    let session = workspace();
    let mut client = session.serve();
    session.workspace.write("src/made.rs", "fn made_by_client() {}\n");
    let (made, moved) = (session.uri("src/made.rs"), session.uri("src/renamed.rs"));
    client.notify("workspace/didCreateFiles", &json!({ "files": [{ "uri": made }] }));
    eventually(&mut client, "made_by_client", &["made_by_client"]);
    session.workspace.rename("src/made.rs", "src/renamed.rs");
    client.notify("workspace/didRenameFiles", &json!({ "files": [{ "oldUri": made, "newUri": moved }] }));
    wait_for("the new path", DEADLINE, || {
        (found(&mut client, "made_by_client").first()? == "src/renamed.rs").then_some(())
    });
    session.workspace.remove("src/renamed.rs");
    client.notify("workspace/didDeleteFiles", &json!({ "files": [{ "uri": moved }] }));
    eventually(&mut client, "made_by_client", &[]);
    session.workspace.write("src/made.rs", "fn made_by_client() {}\n");
    client.notify("workspace/didChangeWatchedFiles", &json!({ "changes": [{ "uri": made, "type": 1 }] }));
    eventually(&mut client, "made_by_client", &["made_by_client"]);
    client.shut_down();
}

#[test]
fn odd_names_are_found_under_the_uri_that_the_client_writes() {
    let session = workspace();
    let mut client = session.serve();
    for (at, path) in
        ["with space.rs", "100%.rs", "größe.rs", "名前/x.rs", "a#b.rs", "[id].rs", "+plus&.rs"].iter().enumerate()
    {
        let name = format!("odd_name_number_{at}");
        // Every character in percents, as some clients write them.
        let uri = session.uri(path);
        client.did_open(&uri, "rust", &format!("fn {name}() {{}}\n"));
        let found = symbols(&mut client, &name);
        assert_eq!(found.first().map(|symbol| &symbol["location"]["uri"]), Some(&json!(uri)), "{path}");
        client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": uri } }));
        session.workspace.write(path, format!("fn {name}_on_disk() {{}}\n"));
        eventually(&mut client, &format!("{name}_on_disk"), &[&format!("{name}_on_disk")]);
    }
    client.shut_down();
}

/// Waits until a query finds just these names.
#[track_caller]
pub(super) fn eventually(client: &mut LspClient, query: &str, expected: &[&str]) {
    wait_for(&format!("{query} to be {expected:?}"), DEADLINE, || (names(client, query) == expected).then_some(()));
}

/// Where the system cannot watch all folders, files are looked at again and again; the user is told, and the status says
/// so.
#[cfg(target_os = "linux")]
#[test]
fn without_watches_the_disk_is_followed_by_looking() {
    // A user of a namespace of its own may watch two things only, or nothing.
    for (limit, most) in [("watches", 2), ("instances", 0)] {
        let session = workspace();
        let few = format!("echo {most} > /proc/sys/user/max_inotify_{limit}");
        let Some(command) = namespaces::within(&session.command(["lsp"]), &few) else { return };
        let mut client = LspClient::open(command, session.workspace.root());
        let named = format!("raise fs.inotify.max_user_{limit}");
        let status = client.call("conexus/status", &json!({}));
        let workspace = &status["workspaces"][0];
        assert_eq!(workspace["watching"], "polling", "{status:#}");
        assert!(workspace["pollingReason"].as_str().is_some_and(|reason| reason.ends_with(&named)), "{status:#}");
        let told = client.expect("window/showMessage")["params"].clone();
        assert!(told["type"] == 3 && told["message"].as_str().is_some_and(|text| text.ends_with(&named)), "{told}");
        session.workspace.write("src/deep/inside/new.rs", "pub fn painted_door() {}\n");
        wait_for("the new file", DEADLINE, || (names(&mut client, "painted_door") == ["painted_door"]).then_some(()));
        assert_eq!(names(&mut client, ""), ["painted_door"], "the files that changed, not those of the first look");
        client.shut_down();
    }
}
