//! `conexus mcp` on standard input and output: detached, and attached to a session that comes and goes.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use conexus_testkit::{LspClient, Workspace, file_uri, wait_for};
use serde_json::json;

use super::{
    DEADLINE,
    client::{Client, Pipes, Revision, http},
    notices, paths, session, until_idle,
};

/// A session that says nothing is given up after seven seconds; tests share their machine with others.
#[cfg(unix)]
const GIVES_UP: Duration = Duration::from_secs(20);

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

/// Whatever happens to its other folders and to its settings, a session is found for every folder that it has.
#[test]
fn a_session_is_found_for_each_of_its_folders() {
    let session = session();
    let others = [(); 2].map(|()| Workspace::of("//- lib.rs\npub fn of_this_folder() {}\n"));
    let roots = [session.workspace.root(), others[0].root(), others[1].root()];
    let folder = |at: usize| json!({ "uri": file_uri(roots[at]), "name": at.to_string() });
    let folders = |at: &[usize]| at.iter().map(|&at| folder(at)).collect::<Vec<_>>();
    let mut editor = LspClient::start(session.command(["lsp"]));
    editor.initialize(&json!({ "workspaceFolders": folders(&[0, 2]) }));
    let change = |editor: &mut LspClient, at: usize, has: bool| {
        let (added, removed) = if has { (folders(&[at]), vec![]) } else { (vec![], folders(&[at])) };
        editor
            .notify("workspace/didChangeWorkspaceFolders", &json!({ "event": { "added": added, "removed": removed } }));
    };
    let is_found = |step: &str, at: &[usize]| {
        for &at in at {
            let name = format!("unsaved_in_{at}");
            let command = || {
                let mut command = session.program.command(roots[at]);
                command.arg("--workspace").arg(roots[at]);
                command
            };
            wait_for(&format!("{step}: an assistant in {at} to see what is not saved"), DEADLINE, || {
                let mut client = Pipes::start(command());
                let found = client.tool("context_search", &json!({ "query": name, "mode": "symbol" }));
                client.hang_up();
                (found["hits"][0]["name"] == *name && !notices(&found).contains(&"detached")).then_some(())
            });
            let mut search = command();
            search.args(["search", "--json", &name]);
            assert_eq!(conexus_testkit::run(search).expect(0).json()["hits"][0]["name"], *name, "{step}: {at}");
        }
    };
    for (at, root) in roots.iter().enumerate() {
        editor.did_open(&file_uri(&root.join("unsaved.rs")), "rust", &format!("pub fn unsaved_in_{at}() {{}}\n"));
    }
    is_found("two at the start", &[0, 2]);
    change(&mut editor, 1, true);
    is_found("one was added", &[0, 1, 2]);
    change(&mut editor, 2, false);
    is_found("one was removed", &[0, 1]);
    editor.notify("workspace/didChangeConfiguration", &json!({ "settings": { "index": { "exclude": ["other/"] } } }));
    is_found("a setting was changed", &[0, 1]);
    editor.shut_down();
}

/// A session that is there and says nothing, such as one that is stopped, keeps no assistant waiting.
#[cfg(unix)]
#[test]
fn a_session_that_hangs_is_let_go_and_attached_to_when_it_answers_again() {
    let session = session();
    let server = super::start(&session, session.command(["serve"]));
    let mut client = Pipes::start(session.command([""; 0]));
    until_idle(&mut client);
    let signal = |name: &str| {
        let told = std::process::Command::new("kill").args([name, &server.id().to_string()]).status();
        assert!(told.is_ok_and(|status| status.success()), "{name}");
    };
    let search = |client: &mut Pipes| {
        let started = Instant::now();
        let found = client.tool("context_search", &json!({ "query": "retry failed requests" }));
        (found, started.elapsed())
    };
    let (found, _) = search(&mut client);
    assert!(!notices(&found).contains(&"detached"), "{found:#}");
    // A call that takes long does not look like it.
    let slow = json!({ "query": "queue", "min_generation": 1_000_000, "wait_ms": 8_000 });
    let found = client.tool("context_search", &slow);
    assert!(!notices(&found).contains(&"detached"), "{found:#}");
    signal("-STOP");
    // All its threads have stopped a moment after they were told.
    let (found, took) = wait_for("the session to stop", DEADLINE, || {
        Some(search(&mut client)).filter(|(found, _)| notices(found).contains(&"detached"))
    });
    assert_eq!(paths(&found, "hits")[0], "src/retry.rs", "{found:#}");
    assert!(found.to_string().contains("does not answer"), "{found:#}");
    assert!(took < GIVES_UP, "{took:?}");
    // Those that follow do not try it again first, nor does a new client wait for longer.
    let (found, took) = search(&mut client);
    assert!(notices(&found).contains(&"detached") && took < GIVES_UP / 4, "{took:?}: {found:#}");
    let mut other = Pipes::start(session.command([""; 0]));
    let started = Instant::now();
    other.result("tools/list", &json!({}));
    assert!(started.elapsed() < GIVES_UP, "{:?}", started.elapsed());
    other.hang_up();
    signal("-CONT");
    wait_for("the session again", DEADLINE, || (!notices(&search(&mut client).0).contains(&"detached")).then_some(()));
    client.hang_up();
}

/// A session that has no place for a call now is there: the call waits, and is refused in the end, but never answered
/// without what is not saved.
#[test]
fn a_busy_session_is_waited_for_and_not_left() {
    let session = super::security::configured("in_flight = 2\narrival_seconds = 60");
    let (_server, of_session) = super::serve(&session, Revision::Old);
    let mut client = Pipes::start(session.command([""; 0]));
    let search = json!({ "query": "retry failed requests" });
    assert_eq!(notices(&client.tool("context_search", &search)), [""; 0]);
    let headers = of_session.headers("tools/list", &json!({})).join("\r\n");
    let slow = format!("POST /v1/call HTTP/1.1\r\n{headers}\r\nContent-Length: 1000\r\n\r\n{{");
    let mut held: Vec<TcpStream> = Vec::new();
    // What the bridge asks by itself has a place now and then.
    wait_for("all places to be taken", DEADLINE, || {
        let mut stream = TcpStream::connect(&of_session.address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_millis(500))).expect("a time-out");
        stream.write_all(slow.as_bytes()).expect("it reads");
        if stream.read(&mut [0]).is_err() {
            held.push(stream);
        }
        (held.len() == 2).then_some(())
    });
    let refusal = client.refusal("context_search", &search);
    assert!(refusal.contains("busy"), "{refusal}");
    let mut other = Pipes::start(session.command([""; 0]));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(1));
            drop(held);
        });
        for client in [&mut client, &mut other] {
            let found = client.tool("context_search", &search);
            assert_eq!(
                (&paths(&found, "hits")[0], notices(&found).len()),
                (&"src/retry.rs".to_owned(), 0),
                "{found:#}"
            );
        }
    });
    client.hang_up();
    other.hang_up();
}

/// Bridges look for changes all the time; while they wait for one they leave the places to calls.
#[test]
fn bridges_that_wait_for_changes_take_no_place() {
    let session = super::security::configured("in_flight = 2");
    let (_server, of_session) = super::serve(&session, Revision::Old);
    let mut clients: Vec<Pipes> = (0..4).map(|_| Pipes::start(session.command([""; 0]))).collect();
    clients.iter_mut().for_each(until_idle);
    let get = |path: &str| {
        let headers = of_session.headers("", &json!({}));
        http(&of_session.address, "GET", path, &headers, "").status
    };
    // A look itself has a place for a moment.
    wait_for("places for fifty requests in a row", DEADLINE, || (0..50).all(|_| get("/healthz") == 200).then_some(()));
    for client in clients {
        client.hang_up();
    }
}

/// The same where a client asks faster than it may.
#[test]
fn a_client_that_asks_too_often_is_slowed_down_and_not_left() {
    let session = super::security::configured("requests_per_second = 3");
    let _server = super::start(&session, session.command(["serve"]));
    let mut client = Pipes::start(session.command([""; 0]));
    for round in 0..14 {
        let found = client.tool("context_search", &json!({ "query": "retry", "limit": 1 }));
        assert!(!notices(&found).contains(&"detached"), "{round}: {found:#}");
    }
    client.hang_up();
}
