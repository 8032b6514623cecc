//! Folders beside the workspace and git's history as sources of the index.

use conexus_testkit::wait_for;
use serde_json::{Value, json};

use super::{
    DEADLINE,
    client::{Client, Revision},
    notices, paths, serve, session,
};

/// The user lets assistants add the folders below these.
fn allow(session: &super::Session, folder: &std::path::Path) {
    let settings = session.program.home().join("config/conexus");
    std::fs::create_dir_all(&settings).expect("a folder");
    let text = format!("[mcp]\nsource_folders = ['{}']\n", folder.display());
    std::fs::write(settings.join("conexus.toml"), text).expect("a file");
}

fn sources(client: &mut impl Client, arguments: &Value) -> Vec<Value> {
    let answer = client.tool("context_connector_management", arguments);
    answer["sources"].as_array().expect("a list").clone()
}

fn finds(client: &mut impl Client, pattern: &str) -> Vec<String> {
    super::paths(&client.tool("context_grep", &json!({ "pattern": pattern })), "matches")
}

#[test]
fn a_documentation_folder_is_added_followed_moved_and_removed() {
    let session = session();
    let home = session.program.home().canonicalize().expect("a folder");
    for folder in ["manual", "handbook", "manual/.hidden"] {
        std::fs::create_dir_all(home.join(folder)).expect("a folder");
    }
    let manual = home.join("manual/setup.md");
    std::fs::write(&manual, "# Setup\n\nTurn the flux lever to the left.\n").expect("a file");
    std::fs::write(home.join("manual/tool.rs"), "pub fn flux_tool() {}\n").expect("a file");
    std::fs::write(home.join("manual/.env"), "TOKEN=flux-swordfish\n").expect("a file");
    std::fs::write(home.join("handbook/read.md"), "# Handbook\n\nThe gamma wheel.\n").expect("a file");
    let path = |name: &str| home.join(name).to_string_lossy().into_owned();
    allow(&session, &home);
    let (server, mut client) = serve(&session, Revision::New);
    let arguments = json!({ "action": "add", "name": "manual", "path": path("manual") });
    let added = sources(&mut client, &arguments);
    assert_eq!((&added[2]["name"], &added[2]["kind"]), (&json!("manual"), &json!("documentation")), "{added:?}");
    wait_for("the manual", DEADLINE, || (!finds(&mut client, "flux lever").is_empty()).then_some(()));
    // Prose alone, no secret; read, searched and followed like the rest.
    assert_eq!(finds(&mut client, "flux|swordfish"), [path("manual/setup.md")]);
    let read = client.tool("context_read", &json!({ "file_path": path("manual/setup.md") }));
    assert!(read["text"].as_str().is_some_and(|text| text.contains("lever")), "{read:#}");
    let found = client.tool("context_search", &json!({ "query": "turn the flux lever" }));
    assert_eq!(found["hits"][0]["path"], json!(path("manual/setup.md")), "{found:#}");
    for (wanted, expected) in [(path("manual"), vec![path("manual/setup.md")]), (path("handbook"), vec![])] {
        let arguments = json!({ "query": "turn the flux lever", "mode": "keyword", "paths": [wanted] });
        assert_eq!(paths(&client.tool("context_search", &arguments), "hits"), expected, "{arguments}");
    }
    std::fs::write(&manual, "# Setup\n\nTurn the delta lever.\n").expect("a file");
    wait_for("a change of the manual", DEADLINE, || (!finds(&mut client, "delta lever").is_empty()).then_some(()));
    // All of it, when the user says so.
    sources(&mut client, &json!({ "action": "update", "name": "manual", "kind": "folder" }));
    wait_for("the code", DEADLINE, || (!finds(&mut client, "flux_tool").is_empty()).then_some(()));
    let listed = sources(&mut client, &json!({ "action": "list" }));
    assert_eq!((&listed[2]["files"], &listed[2]["exists"]), (&json!(2), &json!(true)), "{listed:?}");
    // The command line and a later session know it too.
    drop(server);
    assert!(session.paths("flux_tool").contains(&path("manual/tool.rs")));
    session.expect_like_fresh("with a source");
    let (_server, mut client) = serve(&session, Revision::New);
    assert_eq!(finds(&mut client, "flux_tool"), [path("manual/tool.rs")]);
    sources(&mut client, &json!({ "action": "update", "name": "manual", "path": path("handbook") }));
    wait_for("the other folder", DEADLINE, || (!finds(&mut client, "gamma wheel").is_empty()).then_some(()));
    wait_for("nothing of the first", DEADLINE, || finds(&mut client, "flux_tool").is_empty().then_some(()));
    sources(&mut client, &json!({ "action": "update", "name": "manual", "enabled": false }));
    wait_for("nothing while it is off", DEADLINE, || finds(&mut client, "gamma wheel").is_empty().then_some(()));
    let left = sources(&mut client, &json!({ "action": "remove", "name": "manual" }));
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn what_may_be_a_source_has_limits() {
    let session = session();
    let home = session.program.home().canonicalize().expect("a folder");
    std::fs::create_dir_all(home.join(".keys")).expect("a folder");
    let root = session.workspace.root().canonicalize().expect("a folder");
    allow(&session, std::path::Path::new("/"));
    let (_server, mut client) = serve(&session, Revision::Old);
    let tool = "context_connector_management";
    for (path, word) in [
        ("/", "holds"),
        (home.to_str().expect("a path"), "holds"),
        (home.join(".keys").to_str().expect("a path"), "hidden"),
        (home.join("nothing").to_str().expect("a path"), "no such folder"),
        (root.join("src").to_str().expect("a path"), "lies in the workspace"),
        ("docs", "absolute"),
        ("../..", "absolute"),
        ("https://user:sword@fish.example/", "URL"),
    ] {
        let reason = client.refusal(tool, &json!({ "action": "add", "name": "x", "path": path }));
        assert!(reason.contains(word) && !reason.contains("sword"), "{path}: {reason}");
    }
    for (arguments, word) in [
        (json!({ "action": "add", "name": "workspace", "path": "/tmp" }), "always"),
        (json!({ "action": "add", "name": "../x", "path": "/tmp" }), "letters"),
        (json!({ "action": "add", "name": "x" }), "path"),
        (json!({ "action": "remove", "name": "nothing" }), "nothing"),
        (json!({ "action": "remove", "name": "git_history" }), "enabled"),
        (json!({ "action": "add" }), "name"),
        (json!({ "action": "explode" }), "explode"),
    ] {
        let reason = client.refusal(tool, &arguments);
        assert!(reason.contains(word), "{arguments}: {reason}");
    }
}

#[test]
fn history_is_switched_and_credentials_are_not_told() {
    let session = session();
    session.workspace.git(&["remote", "add", "origin", "https://me:swordfish@host.example/a/b.git"]);
    // What was here once is known from the history alone.
    session.workspace.write("src/old.rs", "pub fn send_twice() {}\n");
    session.workspace.write("docs/once.md", "A page.\n");
    session.workspace.commit("Send twice");
    session.workspace.write("src/old.rs", "pub fn resend() {}\n");
    session.workspace.write("docs/stale.md", "# Sending\n\nSee `send_twice` and [the page](once.md).\n");
    session.workspace.remove("docs/once.md");
    session.workspace.commit("Send once");
    let (_server, mut client) = serve(&session, Revision::New);
    let listed = sources(&mut client, &json!({ "action": "list" }));
    assert_eq!(listed[1]["remotes"], json!(["https://host.example/a/b.git"]), "{listed:?}");
    assert_eq!(listed[1]["enabled"], true);
    let ticket = json!({ "ticket_id": "QUE-12" });
    let told = client.tool("context_get_related_info", &ticket);
    assert!(notices(&told).is_empty() && told["related"][0]["relation"] == "commit", "{told:#}");
    let stale = json!({ "paths": ["."], "rules": ["stale-reference"] });
    let told = client.tool("context_check", &stale);
    assert_eq!(super::paths(&told, "findings"), ["docs/stale.md"; 2], "{told:#}");
    let check = ["check", "--select", "stale-reference"];
    session.run(check).expect(1);
    sources(&mut client, &json!({ "action": "update", "name": "git_history", "enabled": false }));
    for (tool, arguments, said) in [
        ("context_get_related_info", ticket.clone(), &["history_off"][..]),
        ("context_get_related_info", json!({ "symbol": "send_once" }), &["history_off"]),
        ("context_explain", json!({ "symbol": "send_once" }), &["history_off"]),
        (
            "context_search",
            json!({ "query": "queue", "work_context": { "open_ticket_ids": ["QUE-12"] } }),
            &["history_off"],
        ),
        ("context_check", stale.clone(), &["history_off", "no_match"]),
    ] {
        let told = client.tool(tool, &arguments);
        assert_eq!(notices(&told), said, "{tool}: {told:#}");
        assert!(!told.to_string().contains("\"commit\""), "{tool}: {told:#}");
    }
    session.run(check).expect(0);
    // A revision that is named is compared all the same.
    let change = json!({ "changed_since": "HEAD~1", "rules": ["stale-reference"] });
    let told = client.tool("context_check", &change);
    assert_eq!(super::paths(&told, "findings"), ["docs/stale.md"; 2], "{told:#}");
    // What is withheld stays so until a person wants it back, in the file that the refusal names.
    let on = json!({ "action": "update", "name": "git_history", "enabled": true });
    let reason = client.refusal("context_connector_management", &on);
    let file = reason.rsplit(" in ").next().expect("a file");
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{reason}: {error}"));
    let listed = sources(&mut client, &json!({ "action": "list" }));
    assert_eq!(listed[1]["enabled"], false, "{listed:?}");
    assert!(text.contains("git_history = false"), "{text}");
    std::fs::write(file, text.replace("git_history = false", "git_history = true")).expect("the file of the sources");
    sources(&mut client, &on);
    let told = client.tool("context_get_related_info", &ticket);
    assert_eq!(told["related"][0]["relation"], "commit", "{told:#}");
}
