//! What a session makes of events on disk: which it remembers, and which are none.

use std::time::Duration;

use conexus_testkit::{LspClient, Repository, Workspace, wait_for};
use serde_json::json;

use super::{FIXTURE, documents::eventually, names, workspace};
use crate::support::Session;

const DEADLINE: Duration = Duration::from_secs(30);

/// However a change comes to be known, the empty query begins with it. What a first look finds has not changed.
#[test]
fn the_empty_query_knows_changes_of_every_kind() {
    let files = Repository::init(Workspace::of(FIXTURE));
    files.branch("other");
    files.write("src/checked_out.rs", "pub fn blue_lantern() {}\n");
    files.remove("src/queue.rs");
    files.commit("second");
    files.checkout("main");
    let session = Session::new(files);
    let (mut owner, mut follower) = (session.serve(), session.serve());
    let mut expect = |changed: &[&str]| {
        for (client, role) in [(&mut owner, "owner"), (&mut follower, "follower")] {
            assert_eq!(client.call("conexus/status", &json!({}))["workspaces"][0]["role"], role);
            wait_for(&format!("the {role} to know {changed:?}"), DEADLINE, || {
                (names(client, "") == changed).then_some(())
            });
        }
    };
    expect(&[]);
    session.workspace.write("src/written.rs", "pub fn painted_door() {}\n");
    expect(&["painted_door"]);
    session.workspace.checkout("other");
    expect(&["blue_lantern", "painted_door"]);
    // Another set of files is looked at when this changes.
    session.workspace.write(".ignore", "nothing\n");
    session.workspace.write("src/beside.rs", "pub fn yellow_submarine() {}\n");
    expect(&["yellow_submarine", "blue_lantern", "painted_door"]);
    for client in [owner, follower] {
        client.shut_down();
    }
}

/// Reading is no change, and neither is what the session itself writes, also where its index lies in the workspace.
#[test]
fn reading_and_the_own_index_are_no_changes() {
    let session = workspace();
    let mut command = session.command(["lsp", "--index-dir"]);
    command.arg(session.workspace.path("index"));
    let mut client = LspClient::start(command);
    let capabilities = json!({ "experimental": { "conexus": { "statusChanged": true } } });
    client.initialize(&json!({ "rootUri": session.uri(""), "capabilities": capabilities }));
    let before = client.wait_until_idle()["workspaces"][0].clone();
    assert_eq!(before["files"], 4);
    while client.expect("conexus/statusChanged")["params"]["activity"] != "idle" {}
    let marks = ["first_mark", "second_mark", "third_mark"];
    for (at, mark) in marks.iter().enumerate() {
        let read = session.workspace.files();
        assert!(read.len() > 4 + at && read.iter().any(|path| path.starts_with("index/")), "{read:?}");
        for path in read {
            // Files of the index come and go.
            let _ = std::fs::read(session.workspace.path(&path));
        }
        // The heart of the owner has beaten.
        let beat =
            || std::fs::metadata(session.workspace.path("index/owner")).expect("a file").modified().expect("a time");
        let last = beat();
        wait_for("the next beat", DEADLINE, || (beat() != last).then_some(()));
        // Known last, so that all that was told before is known too. It comes whole, so that it is seen once.
        session.workspace.write(".mark", format!("pub fn {mark}() {{}}\n"));
        session.workspace.rename(".mark", &format!("src/{mark}.rs"));
        eventually(&mut client, mark, &[mark]);
    }
    let after = client.call("conexus/status", &json!({}))["workspaces"][0].clone();
    assert_eq!(after["files"], 7, "{after:#}");
    let generations =
        after["generation"].as_u64().expect("a number") - before["generation"].as_u64().expect("a number");
    assert_eq!(generations, 3, "{before:#} {after:#}");
    assert_eq!(names(&mut client, ""), ["third_mark", "second_mark", "first_mark"], "what was read has not changed");
    while client.has("conexus/statusChanged") {
        let status = client.expect("conexus/statusChanged")["params"].clone();
        assert_eq!(status["activity"], "idle", "the workspace was looked at again: {status:#}");
    }
    client.shut_down();
}
