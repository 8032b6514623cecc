//! From `initialize` to the end of the process.

use std::time::{Duration, Instant};

use conexus_testkit::{LspClient, Workspace, file_uri, wait_until};
use serde_json::{Value, json};

use super::{names, symbols, workspace};
use crate::support::{Session, conexus};

#[test]
fn a_session_begins_and_ends_as_the_protocol_wants_it() {
    let session = workspace();
    let client = session.serve();
    client.shut_down();

    let mut client = session.serve();
    client.send(&json!({ "jsonrpc": "2.0", "method": "exit" }));
    client.expect_end(1);

    let mut client = session.serve();
    client.hang_up();
    client.expect_end(1);
}

#[test]
fn a_shutdown_is_answered_though_exit_follows_at_once() {
    let session = workspace();
    let mut client = session.serve();
    let id = client.request("shutdown", &Value::Null);
    client.send(&json!({ "jsonrpc": "2.0", "method": "exit" }));
    assert_eq!(client.result(&id), Value::Null);
    client.expect_end(0);
}

#[test]
fn nothing_is_offered_that_other_servers_own() {
    let session = workspace();
    let client = session.serve();
    let capabilities = client.capabilities().as_object().expect("capabilities");
    let mut offered: Vec<_> = capabilities.keys().map(String::as_str).collect();
    offered.sort_unstable();
    let expected = [
        "codeActionProvider", "executeCommandProvider", "experimental", "positionEncoding", "textDocumentSync",
        "workspace", "workspaceSymbolProvider",
    ];
    assert_eq!(offered, expected);
    for kind in capabilities["codeActionProvider"]["codeActionKinds"].as_array().expect("kinds") {
        assert!(kind.as_str().expect("a kind").starts_with("source.conexus."), "{kind}");
    }
    client.shut_down();
}

#[test]
fn requests_outside_a_session_are_errors() {
    let session = workspace();
    let mut client = session.start();
    assert_eq!(client.call_error("workspace/symbol", &json!({ "query": "x" }))["code"], -32002);
    client.initialize(&json!({ "rootUri": session.uri("") }));
    assert_eq!(client.call_error("initialize", &json!({ "capabilities": {} }))["code"], -32600);
    assert_eq!(client.call("shutdown", &Value::Null), Value::Null);
    assert_eq!(client.call_error("workspace/symbol", &json!({ "query": "x" }))["code"], -32600);
    client.send(&json!({ "jsonrpc": "2.0", "method": "exit" }));
    client.expect_end(0);
}

#[test]
fn the_best_encoding_that_is_offered_is_taken() {
    let session = Session::new(Workspace::of("//- a.rs\nconst A: &str = \"ü😀\"; fn after() {}\n"));
    for (offered, taken, column) in [
        (json!(null), "utf-16", 26),
        (json!(["utf-16"]), "utf-16", 26),
        (json!(["utf-8", "utf-16"]), "utf-8", 29),
        (json!(["utf-32", "utf-16"]), "utf-32", 25),
    ] {
        let mut client = session.start();
        let mut params = json!({ "rootUri": session.uri(""), "capabilities": { "general": {} } });
        if !offered.is_null() {
            params["capabilities"]["general"]["positionEncodings"] = offered.clone();
        }
        let result = client.initialize(&params);
        client.wait_until_idle();
        assert_eq!(result["capabilities"]["positionEncoding"], taken, "{offered}");
        let found = symbols(&mut client, "after");
        assert_eq!(found[0]["location"]["range"]["start"], json!({ "line": 0, "character": column }), "{offered}");
        client.shut_down();
    }
}

#[test]
fn without_a_folder_the_answer_says_so() {
    let program = conexus();
    let mut client = LspClient::start({
        let mut command = program.command(program.home());
        command.arg("lsp");
        command
    });
    client.initialize(&json!({ "rootUri": null }));
    client.did_open("file:///nowhere/a.rs", "rust", "fn lonely() {}\n");
    assert_eq!(symbols(&mut client, "lonely"), Vec::<Value>::new());
    assert!(
        client.expect("window/showMessage")["params"]["message"].as_str().expect("text").contains("no folder is open")
    );
    let answer = client.call("conexus/search", &json!({ "query": "lonely" }));
    assert_eq!((&answer["hits"], &answer["notices"][0]["kind"]), (&json!([]), &json!("noWorkspace")));
    assert_eq!(symbols(&mut client, "lonely"), Vec::<Value>::new(), "and says it once");
    client.shut_down();
}

#[test]
fn folders_come_and_go() {
    let (one, two) =
        (Workspace::of("//- a.rs\nfn first_folder() {}\n"), Workspace::of("//- b.rs\nfn second_folder() {}\n"));
    let folder = |workspace: &Workspace, name: &str| json!({ "uri": file_uri(workspace.root()), "name": name });
    let session = Session::new(Workspace::empty());
    let mut client = session.start();
    client.initialize(&json!({ "workspaceFolders": [folder(&one, "one"), folder(&two, "two")] }));
    client.wait_until_idle();
    let both = names(&mut client, "folder");
    assert!(both.contains(&"first_folder".to_owned()) && both.contains(&"second_folder".to_owned()), "{both:?}");

    // Whichever folder comes first, the best answer of all does.
    for name in ["first_folder", "second_folder"] {
        assert_eq!(names(&mut client, name)[0], name);
        let answer = client.call("conexus/search", &json!({ "query": name }));
        let hits: Vec<_> = answer["hits"].as_array().expect("hits").iter().map(|hit| &hit["name"]).collect();
        assert_eq!((hits[0], hits.len()), (&json!(name), 2), "no folder is left out");
    }

    let buffer = format!("{}/b.rs", file_uri(two.root()));
    client.did_open(&buffer, "rust", "fn only_in_the_buffer() {}\n");
    assert_eq!(names(&mut client, "only_in_the_buffer"), ["only_in_the_buffer"]);
    let change = |added: Vec<Value>, removed: Vec<Value>| json!({ "event": { "added": added, "removed": removed } });
    client.notify("workspace/didChangeWorkspaceFolders", &change(vec![], vec![folder(&two, "two")]));
    for gone in ["second_folder", "only_in_the_buffer"] {
        let left = names(&mut client, gone);
        assert!(!left.iter().any(|name| name == gone), "{left:?}");
    }
    client.notify("workspace/didChangeWorkspaceFolders", &change(vec![folder(&two, "two")], vec![]));
    client.wait_until_idle();
    assert_eq!(names(&mut client, "only_in_the_buffer"), ["only_in_the_buffer"], "open documents move along");
    client.shut_down();
}

/// One message tells of all folders whose indexes cannot be written for one cause, and the status of each says it.
#[test]
fn one_cause_is_told_once_however_many_folders_are_open() {
    let workspaces = [(); 6].map(|()| Workspace::of("//- a.rs\nfn a() {}\n"));
    let folders: Vec<_> = workspaces.iter().map(|one| json!({ "uri": file_uri(one.root()), "name": "one" })).collect();
    let session = Session::new(Workspace::empty());
    let file = session.program.home().join("file");
    std::fs::write(&file, "").expect("a file");
    let cache = session.program.home().join("cache/conexus");
    let failing = |cache_home: Option<&std::path::Path>| {
        let mut command = session.command(["lsp"]);
        cache_home.map(|folder| command.env("XDG_CACHE_HOME", folder));
        let mut client = LspClient::start(command);
        client.initialize(&json!({ "workspaceFolders": folders }));
        let status = client.wait_for_status("six faults", |status| {
            let all = status["workspaces"].as_array().expect("workspaces");
            all.len() == 6 && all.iter().all(|one| one["activity"] == "failed" && one["fault"].is_string())
        });
        let message = client.expect("window/showMessage")["params"]["message"].as_str().expect("text").to_owned();
        assert!(message.contains("CONEXUS_INDEX_DIR"), "{message}");
        // Nothing else is left unread.
        client.shut_down();
        (message, status)
    };
    // No index can be made: what is named is the folder that all of them would lie in.
    if cfg!(target_os = "linux") {
        let (message, status) = failing(Some(&file));
        assert!(message.contains(&format!("{}: ", file.join("conexus").display())), "{message}");
        assert_eq!(status["workspaces"][0]["fault"], message);
    }
    // There are indexes, and none can be written.
    let mut client = session.start();
    client.initialize(&json!({ "workspaceFolders": folders }));
    client.wait_until_idle();
    client.shut_down();
    for index in std::fs::read_dir(&cache).expect("a folder").flatten() {
        let lock = index.path().join("lock");
        if std::fs::remove_file(&lock).is_ok() {
            std::fs::create_dir(&lock).expect("a folder in place of the file");
        }
    }
    failing(None);
}

#[test]
fn a_folder_inside_another_answers_for_its_files() {
    let outer = Workspace::of("//- a.rs\nfn outer_thing() {}\n//- inner/b.rs\nfn inner_thing() {}\n");
    let session = Session::new(Workspace::empty());
    let mut client = session.start();
    client.initialize(&json!({ "workspaceFolders": [
        { "uri": file_uri(outer.root()), "name": "outer" },
        { "uri": file_uri(&outer.path("inner")), "name": "inner" },
    ] }));
    client.wait_until_idle();
    assert_eq!(names(&mut client, "inner_thing"), ["inner_thing"], "once, not twice");
    client.did_open(&file_uri(&outer.path("inner/b.rs")), "rust", "fn inner_other() {}\n");
    assert_eq!(names(&mut client, "inner_other"), ["inner_other"]);
    let left = names(&mut client, "inner_thing");
    assert!(!left.contains(&"inner_thing".to_owned()), "the open document counts: {left:?}");
    client.shut_down();
}

#[test]
fn settings_are_checked_and_the_last_good_one_stays() {
    let session = workspace();
    let mut client = session.start();
    client.initialize(&json!({
        "rootUri": session.uri(""),
        "initializationOptions": { "symbolLimit": 1, "symbols": "sometimes" },
    }));
    client.wait_until_idle();
    let message = client.expect("window/showMessage")["params"]["message"].as_str().expect("text").to_owned();
    assert!(message.contains("conexus.symbols") && message.contains("sometimes"), "{message}");
    assert_eq!(symbols(&mut client, "r").len(), 1);

    let configure = |settings: Value| json!({ "settings": { "conexus": settings } });
    client.notify("workspace/didChangeConfiguration", &configure(json!({ "symbolLimit": 2 })));
    assert_eq!(symbols(&mut client, "r").len(), 2);
    client.notify("workspace/didChangeConfiguration", &configure(json!({ "symbolLimit": -5 })));
    let message = client.expect("window/showMessage")["params"]["message"].as_str().expect("text").to_owned();
    assert!(message.contains("conexus.symbolLimit"), "{message}");
    assert_eq!(symbols(&mut client, "r").len(), 2, "the last good value");
    client.notify("workspace/didChangeConfiguration", &configure(json!({ "symbols": "off" })));
    assert_eq!(symbols(&mut client, "r").len(), 0);
    client.shut_down();
}

#[test]
fn settings_are_asked_for_where_the_client_has_them() {
    let session = workspace();
    let mut client = session.start();
    let workspace = json!({ "configuration": true, "didChangeConfiguration": { "dynamicRegistration": true } });
    client.initialize(&json!({ "rootUri": session.uri(""), "capabilities": { "workspace": workspace } }));
    let asked = client.expect("workspace/configuration");
    assert_eq!(asked["params"]["items"], json!([{ "section": "conexus" }]));
    let registration = client.expect("client/registerCapability");
    assert_eq!(registration["params"]["registrations"][0]["method"], "workspace/didChangeConfiguration");
    client.respond(&registration, &Value::Null);
    // It answers although the client lets it wait.
    client.wait_until_idle();
    client.respond(&asked, &json!([{ "symbols": "off" }]));
    // An answer of the client takes effect beside its next request, not before it.
    wait_until(Duration::from_secs(20), || match symbols(&mut client, "retry_failed_request").len() {
        0 => Ok(()),
        found => Err(format!("{found} symbols")),
    });
    client.notify("workspace/didChangeConfiguration", &json!({ "settings": null }));
    let asked = client.expect("workspace/configuration");
    client.respond(&asked, &json!([null]));
    client.shut_down();
}

#[test]
fn progress_is_shown_only_where_it_is_offered() {
    let session = workspace();
    let mut client = session.serve();
    assert!(!client.has("window/workDoneProgress/create") && !client.has("$/progress"));
    assert!(!client.has("conexus/statusChanged"), "nor the status");
    client.shut_down();

    let session = workspace();
    for at in 0..3000 {
        session.workspace.write(&format!("src/many_{at}.rs"), format!("pub fn many_{at}() {{}}\n").repeat(20));
    }
    let mut client = session.start();
    let capabilities =
        json!({ "window": { "workDoneProgress": true }, "experimental": { "conexus": { "statusChanged": true } } });
    client.initialize(&json!({ "rootUri": session.uri(""), "capabilities": capabilities }));
    let created = client.expect("window/workDoneProgress/create");
    client.respond(&created, &Value::Null);
    let token = created["params"]["token"].clone();
    let begin = client.expect("$/progress");
    assert_eq!((&begin["params"]["token"], &begin["params"]["value"]["kind"]), (&token, &json!("begin")));
    loop {
        let next = client.expect("$/progress");
        assert_eq!(next["params"]["token"], token);
        match next["params"]["value"]["kind"].as_str() {
            Some("report") => {}
            Some("end") => break,
            other => panic!("{other:?}"),
        }
    }
    while client.expect("conexus/statusChanged")["params"]["activity"] != "idle" {}
    // What the system told of while the files were indexed may be looked at once more, with a progress of its own.
    client.ignore("conexus/statusChanged");
    client.ignore("window/workDoneProgress/create");
    client.ignore("$/progress");
    client.shut_down();
}

/// A client that never answers whether it wants a progress bar is told everything else at once.
#[test]
fn a_client_that_does_not_answer_is_told_all_the_same() {
    let session = workspace();
    for at in 0..3000 {
        session.workspace.write(&format!("src/many_{at}.rs"), format!("pub fn many_{at}() {{}}\n").repeat(20));
    }
    let mut client = session.start();
    let capabilities =
        json!({ "window": { "workDoneProgress": true }, "experimental": { "conexus": { "statusChanged": true } } });
    client.initialize(&json!({ "rootUri": session.uri(""), "capabilities": capabilities }));
    client.expect("window/workDoneProgress/create");
    let began = Instant::now();
    let settings = json!({ "settings": { "conexus": { "symbolLimit": 0 } } });
    client.notify("workspace/didChangeConfiguration", &settings);
    let told = client.expect("window/showMessage");
    assert!(told["params"]["message"].as_str().is_some_and(|text| text.contains("symbolLimit")), "{told}");
    client.expect("conexus/statusChanged");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    client.wait_until_idle();
    assert!(!client.has("$/progress"));
    client.ignore("conexus/statusChanged");
    client.ignore("window/workDoneProgress/create");
    client.shut_down();
}

#[cfg(unix)]
#[test]
fn it_ends_with_the_process_of_its_client() {
    let session = workspace();
    let mut editor = std::process::Command::new("sleep").arg("1000").spawn().expect("a process");
    let mut client = session.start();
    client.initialize(&json!({ "rootUri": session.uri(""), "processId": editor.id() }));
    client.wait_until_idle();
    editor.kill().expect("it runs");
    editor.wait().expect("it ends");
    // Its input is still open.
    client.expect_end(1);
}

#[test]
fn an_index_that_exists_answers_at_once() {
    let session = workspace();
    session.index();
    let mut client = session.start();
    client.initialize(&json!({ "rootUri": session.uri("") }));
    assert_eq!(names(&mut client, "retry_failed_request")[0], "retry_failed_request", "without waiting for anything");
    client.ignore("window/showMessage");
    client.shut_down();
}

/// The first index of a large folder: answers come from what is there, and say how far it is.
#[test]
fn a_first_index_answers_while_it_is_built() {
    let session = workspace();
    // A load shows what it has for the first time after two seconds; this one takes several.
    for at in 0..10_000 {
        session.workspace.write(&format!("src/many_{at}.rs"), format!("pub fn many_{at}() {{}}\n").repeat(100));
    }
    let mut client = session.start();
    client.initialize(&json!({ "rootUri": session.uri("") }));
    let (mut before, mut is_counted, mut has_hits) = (0, false, false);
    loop {
        let answer = client.call("conexus/search", &json!({ "query": "many", "limit": 1 }));
        let Some(notice) = answer["notices"].as_array().and_then(|all| all.iter().find(|it| it["kind"] == "indexing"))
        else {
            break;
        };
        let number = |name: &str| notice[name].as_u64().unwrap_or_default();
        let (done, total) = (number("done"), number("total"));
        assert!(done <= total && total <= 10_004, "{answer:#}");
        // Without numbers it has not begun to count, or is about to end.
        assert!(total == 0 || done >= before, "it goes back from {before}: {answer:#}");
        before = before.max(done);
        is_counted |= 0 < done && done < total;
        has_hits |= answer["hits"] != json!([]);
        let message = notice["message"].as_str().expect("a sentence");
        assert!(total == 0 || message.contains(&format!("{done} of {total} files")), "{message}");
    }
    assert!(is_counted && has_hits, "no answer came from what was there: {is_counted}, {has_hits}");
    assert_eq!(names(&mut client, "many_9999")[0], "many_9999");
    // Names alone cannot say it in their answer; a person is told once.
    client.ignore("window/showMessage");
    client.shut_down();
}
