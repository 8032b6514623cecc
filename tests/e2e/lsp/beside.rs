//! What other programs learn from a running session: the command line, and who knows the address of its endpoint.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    time::Duration,
};

use conexus_testkit::{LspClient, Running, wait_for};
use serde_json::{Value, json};

use super::{names, workspace};
use crate::support::{Session, notices, paths};

const DEADLINE: Duration = Duration::from_secs(30);

/// The files that say where sessions listen.
fn endpoints(session: &Session) -> Vec<(PathBuf, Value)> {
    let folder = session.program.home().join("cache/conexus/run");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let read = |path: PathBuf| {
        let text = std::fs::read(&path).expect("an endpoint file");
        (path, serde_json::from_slice(&text).expect("JSON"))
    };
    entries.map(|entry| read(entry.expect("an entry").path())).collect()
}

#[test]
fn the_command_line_sees_unsaved_edits() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/queue.rs");
    client.did_open(&uri, "rust", &session.text("src/queue.rs"));
    client.did_replace(&uri, 2, "/// Empties the leaking bucket.\npub fn drain_leaky_bucket() {}\n");
    // Through the server, so that the session has read the change before the command line asks.
    assert_eq!(super::names(&mut client, "drain_leaky_bucket"), ["drain_leaky_bucket"]);
    let answer = session.search("drain_leaky_bucket");
    assert_eq!(paths(&answer)[0], "src/queue.rs", "{answer:#}");
    assert_eq!(answer["buffers"][0], json!(["src/queue.rs", 2]), "{answer:#}");
    assert_eq!(notices(&answer), [""; 0], "{answer:#}");
    let snippet = answer["hits"][0]["snippet"].as_array().expect("a snippet");
    assert!(snippet.iter().any(|line| line["text"] == "pub fn drain_leaky_bucket() {}"), "{answer:#}");
    let named = |answer: &Value| {
        let hits = answer["hits"].as_array().expect("hits");
        hits.iter().filter(|hit| hit["name"] == "drain_leaky_bucket").count()
    };
    assert_eq!(named(&answer), 1, "{answer:#}");
    // The index on disk knows nothing of it.
    let saved = session.run(["search", "--json", "--no-session", "drain_leaky_bucket"]).expect_any(&[0, 1]).json();
    assert_eq!(named(&saved), 0, "{saved:#}");
    assert_eq!(endpoints(&session).len(), 1);
    client.shut_down();
    assert_eq!(endpoints(&session).len(), 0, "the file goes with the session");
    assert_eq!(named(&session.search("drain_leaky_bucket")), 0);
}

/// Each edits another file, and the one that was opened first is not asked first.
#[test]
fn the_command_line_sees_the_unsaved_edits_of_all_editors() {
    let session = workspace();
    let edits = [("src/queue.rs", "drain_leaky_bucket"), ("src/retry.rs", "knock_again")];
    let clients = edits.map(|(path, name)| {
        let mut client = session.serve();
        client.did_open(&session.uri(path), "rust", &session.text(path));
        client.did_replace(&session.uri(path), 2, &format!("pub fn {name}() {{}}\n"));
        assert_eq!(names(&mut client, name), [name]);
        client
    });
    for (path, name) in edits {
        let answer = session.search(name);
        assert_eq!(
            (&answer["hits"][0]["name"], &answer["hits"][0]["path"]),
            (&json!(name), &json!(path)),
            "{answer:#}"
        );
        assert_eq!(answer["buffers"], json!([["src/queue.rs", 2], ["src/retry.rs", 2]]), "{answer:#}");
    }
    // What stood in either file before is not there any more.
    for name in ["next_job", "retry_failed_request"] {
        let answer = session.run(["search", "--json", "--mode", "symbol", name]).expect_any(&[0, 1]).json();
        assert!(answer["hits"].as_array().expect("hits").iter().all(|hit| hit["name"] != name), "{answer:#}");
    }
    clients.into_iter().for_each(LspClient::shut_down);
}

/// How the only folder of a client stands.
#[track_caller]
fn stands(client: &mut LspClient) -> Value {
    client.call("conexus/status", &json!({}))["workspaces"][0].clone()
}

/// The kinds of notices of an answer to a search.
#[track_caller]
fn notices_of(client: &mut LspClient, query: &str) -> Vec<String> {
    let answer = client.call("conexus/search", &json!({ "query": query, "limit": 1 }));
    notices(&answer).into_iter().map(str::to_owned).collect()
}

/// Two editors on one folder: one owns the index, the other follows it, and takes over when the first is killed: the
/// process before its server, so that the server ends in order, or the server itself.
#[test]
fn a_second_editor_follows_and_takes_over() {
    for arguments in [&["lsp"][..], &["lsp", "--unguarded"]] {
        let session = workspace();
        let first = LspClient::open(session.command(arguments), session.workspace.root());
        let mut second = session.serve();
        let stood = stands(&mut second);
        assert_eq!((&stood["role"], &stood["watching"]), (&json!("follower"), &json!("owner")));
        let mut expect = |name: &str| {
            wait_for(name, DEADLINE, || (names(&mut second, name) == [name]).then_some(()));
        };
        expect("retry_failed_request");
        session.workspace.write("src/first.rs", "pub fn painted_door() {}\n");
        expect("painted_door");
        first.kill();
        session.workspace.write("src/second.rs", "pub fn blue_lantern() {}\n");
        expect("blue_lantern");
        assert_eq!(stands(&mut second)["role"], "owner", "{arguments:?}");
        second.wait_until_idle();
        assert_eq!(stands(&mut second)["watching"], "events", "{arguments:?}");
        assert_eq!(notices_of(&mut second, "blue_lantern"), [""; 0], "{arguments:?}");
        second.ignore("window/showMessage");
        second.shut_down();
        session.expect_like_fresh("after a change of owners");
    }
}

/// Two editors that choose other files: one choice counts, and who has the other is told.
#[test]
fn settings_that_do_not_count_are_told() {
    let session = workspace();
    let first = session.serve();
    let mut second = session.start();
    let leave_out = json!({ "index": { "exclude": ["src/queue.rs"] } });
    second.initialize(&json!({ "rootUri": session.uri(""), "initializationOptions": leave_out }));
    let told = second.expect("window/showMessage")["params"]["message"].to_string();
    assert!(told.contains("other settings") && told.contains("`exclude`"), "{told}");
    assert_eq!(names(&mut second, "next_job"), ["next_job"]);
    first.shut_down();
    super::documents::eventually(&mut second, "next_job", &[]);
    second.wait_until_idle();
    assert_eq!(stands(&mut second)["fault"], json!(null));
    second.shut_down();
}

/// Commands that read the index of a session say so, and what it holds can be verified when that is current.
#[test]
fn commands_beside_a_session_say_so() {
    let session = workspace();
    let client = session.serve();
    let found = session.run(["symbols", "--json", "retry_failed_request"]).expect(0).json();
    assert_eq!(notices(&found), ["detached"], "{found:#}");
    let run = session.run(["symbols", "no_such_name"]).expect(1);
    assert!(run.stderr.contains("no match") && run.stderr.contains("another process owns this index"), "{run}");
    let run = session.run(["index"]).expect(0);
    assert!(run.stdout.contains("another process owns this index and keeps it up to date"), "{run}");
    assert_eq!(session.run(["verify", "--json"]).expect(0).json()["equal"], true);
    client.shut_down();
}

/// Who builds a first index.
enum Builder {
    Editor(LspClient),
    Command(Running),
}

impl Builder {
    /// Whether files are missing in the index for certain.
    fn is_at_work(&mut self) -> bool {
        match self {
            Self::Editor(client) => notices_of(client, "many").contains(&"indexing".to_owned()),
            Self::Command(running) => !running.has_ended(),
        }
    }
}

/// While the owner builds a first index no answer of a follower passes for one of a complete index.
#[test]
fn a_follower_knows_how_far_the_owner_is() {
    for owner in ["lsp", "index"] {
        let session = workspace();
        for at in 0..4_000 {
            session.workspace.write(&format!("src/many_{at}.rs"), format!("pub fn many_{at}() {{}}\n").repeat(60));
        }
        let mut first = if owner == "index" {
            Builder::Command(conexus_testkit::start(session.command(["index", "--quiet"])))
        } else {
            let mut client = session.start();
            client.initialize(&json!({ "rootUri": session.uri("") }));
            Builder::Editor(client)
        };
        let cache = session.program.home().join("cache/conexus");
        wait_for("an owner of the index", DEADLINE, || {
            let folders = std::fs::read_dir(&cache).ok()?;
            folders.flatten().any(|folder| folder.path().join("owner").exists()).then_some(())
        });
        let mut second = session.start();
        second.initialize(&json!({ "rootUri": session.uri("") }));
        let (mut is_counted, mut answers) = (false, 0);
        loop {
            let answer = second.call("conexus/search", &json!({ "query": "many", "limit": 1 }));
            // Asked afterwards: what is missing now was missing in the answer.
            if !first.is_at_work() {
                break;
            }
            answers += 1;
            let kinds = notices(&answer);
            assert!(kinds.contains(&"indexing") || owner == "index" && kinds.contains(&"detached"), "{answer:#}");
            let counted = |notice: &Value| notice["done"].as_u64() > Some(0) && notice["done"] != notice["total"];
            is_counted |= answer["notices"].as_array().expect("notices").iter().any(counted);
        }
        assert!(is_counted, "{owner}: none of {answers} answers says how far it is");
        if let Builder::Editor(client) = first {
            assert_eq!(second.wait_until_idle()["workspaces"][0]["role"], "follower");
            client.shut_down();
        }
        wait_for("the follower to own the index", DEADLINE, || (stands(&mut second)["role"] == "owner").then_some(()));
        second.wait_until_idle();
        assert_eq!(names(&mut second, "many_3999")[0], "many_3999");
        assert_eq!(notices_of(&mut second, "many"), [""; 0]);
        second.ignore("window/showMessage");
        second.shut_down();
    }
}

/// Stops a server, or lets it go on.
#[cfg(unix)]
fn signal(client: &LspClient, name: &str) {
    let sent = std::process::Command::new("kill").arg(format!("-{name}")).arg(client.id().to_string()).status();
    assert!(sent.expect("kill is installed").success());
}

#[cfg(unix)]
#[test]
fn who_follows_an_owner_that_hangs_says_so() {
    let session = workspace();
    // The process that is started is the server itself.
    let first = LspClient::open(session.command(["lsp", "--unguarded"]), session.workspace.root());
    let mut second = session.serve();
    assert_eq!((stands(&mut second)["role"].clone(), notices_of(&mut second, "queue").len()), (json!("follower"), 0));
    signal(&first, "STOP");
    session.workspace.write("src/late.rs", "pub fn painted_door() {}\n");
    wait_for("the owner's silence", DEADLINE, || (stands(&mut second)["activity"] == "detached").then_some(()));
    assert_eq!(notices_of(&mut second, "queue"), ["detached"]);
    assert!(!names(&mut second, "painted_door").contains(&"painted_door".to_owned()));
    second.did_open("untitled:Untitled-1", "rust", "fn typed_meanwhile() {}\n");
    assert_eq!(names(&mut second, "typed_meanwhile"), ["typed_meanwhile"]);
    signal(&first, "CONT");
    wait_for("the owner's work", DEADLINE, || (names(&mut second, "painted_door") == ["painted_door"]).then_some(()));
    wait_for("the owner's voice", DEADLINE, || (stands(&mut second)["activity"] == "idle").then_some(()));
    assert_eq!(notices_of(&mut second, "queue"), [""; 0]);
    second.ignore("window/showMessage");
    second.shut_down();
    first.shut_down();
}

/// A text that the owner commits, and the disk holds another one when the follower looks and the same one later: the
/// follower says that it lacks it, and has it in the end.
#[cfg(unix)]
#[test]
fn a_follower_loses_no_file() {
    let session = workspace();
    let mut first = LspClient::open(session.command(["lsp", "--unguarded"]), session.workspace.root());
    let mut second = session.serve();
    assert_eq!(stands(&mut second)["role"], "follower");
    let put = |text: &str| {
        session.workspace.write("src/.new", text);
        session.workspace.rename("src/.new", "src/queue.rs");
    };
    let mut has_lacked = false;
    for round in 0..30 {
        let name = format!("committed_{round}");
        put(&format!("pub fn {name}() {{}}\n"));
        wait_for("the owner's commit", DEADLINE, || (names(&mut first, &name) == [name.as_str()]).then_some(()));
        let generation = stands(&mut first)["generation"].clone();
        signal(&first, "STOP");
        put("pub fn the_disk_moves_on() {}\n");
        wait_for("the follower", DEADLINE, || (stands(&mut second)["generation"] == generation).then_some(()));
        // It may have been quicker than the disk.
        let is_lacking = names(&mut second, &name).is_empty();
        if is_lacking {
            assert_eq!(notices_of(&mut second, "queue"), ["detached"]);
            assert_eq!(stands(&mut second)["activity"], "detached");
        }
        put(&format!("pub fn {name}() {{}}\n"));
        signal(&first, "CONT");
        wait_for("the file", DEADLINE, || (names(&mut second, &name) == [name.as_str()]).then_some(()));
        wait_for("all is well", DEADLINE, || (stands(&mut second)["activity"] == "idle").then_some(()));
        assert_eq!(notices_of(&mut second, "queue"), [""; 0]);
        has_lacked |= is_lacking;
        if has_lacked && round >= 2 {
            break;
        }
    }
    assert!(has_lacked, "the follower was quicker each time");
    for client in [&mut first, &mut second] {
        client.ignore("window/showMessage");
    }
    second.shut_down();
    first.shut_down();
}

/// A port of the settings is for one session; the next one is reached elsewhere, and its user knows.
#[test]
fn a_session_without_the_port_of_the_settings_says_where_it_is() {
    let session = workspace();
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let folder = session.program.home().join("config/conexus");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("conexus.toml"), format!("[mcp]\nport = {port}\n")).expect("the settings");
    let url =
        |client: &mut LspClient| client.call("conexus/mcp", &json!({}))["url"].as_str().expect("an address").to_owned();
    let mut first = session.serve();
    assert_eq!(url(&mut first), format!("http://127.0.0.1:{port}/mcp"));
    let mut second = session.serve();
    let told = second.expect("window/showMessage")["params"].clone();
    let elsewhere = url(&mut second);
    let address = elsewhere.strip_prefix("http://").and_then(|url| url.strip_suffix("/mcp")).expect("an address");
    let text = told["message"].as_str().expect("a text");
    assert!(told["type"] == 2 && text.contains(&format!("127.0.0.1:{port}")) && text.contains(address), "{told}");
    assert!(!first.has("window/showMessage") && !second.has("window/showMessage"));
    let of = |url: &str| endpoints(&session).into_iter().find(|(_, file)| file["url"] == url).map(|(_, file)| file);
    for url in [format!("http://127.0.0.1:{port}"), format!("http://{address}")] {
        let file = of(&url).expect("an endpoint file");
        let bearer = format!("Bearer {}", file["token"].as_str().expect("a token"));
        let answer = ureq::get(format!("{url}/healthz")).header("Authorization", bearer).call().expect("an answer");
        assert_eq!(answer.status(), 200);
    }
    second.shut_down();
    first.shut_down();
}

#[cfg(unix)]
#[test]
fn a_session_that_hangs_is_not_waited_for() {
    let session = workspace();
    let mut client = LspClient::open(session.command(["lsp", "--unguarded"]), session.workspace.root());
    client.did_open(&session.uri("src/queue.rs"), "rust", "pub fn drain_leaky_bucket() {}\n");
    assert_eq!(names(&mut client, "drain_leaky_bucket"), ["drain_leaky_bucket"]);
    signal(&client, "STOP");
    let run = session.run(["search", "--json", "retry_failed_request"]).expect(0);
    // An answer is waited for longer, when it is known that somebody is there.
    assert!(run.took < Duration::from_secs(15), "{run}");
    let answer = run.json();
    assert_eq!((&*paths(&answer)[0], notices(&answer)), ("src/retry.rs", vec!["detached"]), "{answer:#}");
    signal(&client, "CONT");
    wait_for("the session to be asked again", DEADLINE, || {
        (session.search("drain_leaky_bucket")["hits"][0]["name"] == "drain_leaky_bucket").then_some(())
    });
    client.shut_down();
}

#[test]
fn a_session_that_died_is_not_waited_for() {
    let session = workspace();
    // With a process before it the server would end in order.
    LspClient::open(session.command(["lsp", "--unguarded"]), session.workspace.root()).kill();
    assert_eq!(endpoints(&session).len(), 1, "a killed session leaves its file");
    assert_eq!(session.paths("retry_failed_request")[0], "src/retry.rs");
    assert_eq!(endpoints(&session).len(), 0, "the next search takes it away");
}

#[cfg(unix)]
#[test]
fn the_endpoint_is_for_the_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let session = workspace();
    let client = session.serve();
    let (file, endpoint) = endpoints(&session).pop().expect("an endpoint file");
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().expect("a folder"))), (0o600, 0o700));
    let address = endpoint["url"].as_str().and_then(|url| url.strip_prefix("http://")).expect("an address");
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let token = endpoint["token"].as_str().expect("a token");
    let bearer = format!("Authorization: Bearer {token}\r\n");
    let root = serde_json::to_string(session.workspace.root()).expect("a path");
    let search = |body: &str| {
        format!(
            "POST /v1/search HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{bearer}Content-Length: {}\r\n",
            body.len()
        ) + "Connection: close\r\n\r\n"
            + body
    };
    let get = |headers: &str| format!("GET /healthz HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    let host = format!("Host: {address}\r\n");
    for (request, status) in [
        (get(&format!("{host}{bearer}")), "200"),
        (get(&host), "401"),
        (get(&format!("{host}Authorization: Bearer {}x\r\n", &token[1..])), "401"),
        (get(&format!("Host: rebound.example\r\n{bearer}")), "403"),
        (get(&format!("{host}{bearer}Origin: http://{address}\r\n")), "403"),
        (search(&format!("{{\"workspace\": {root}, \"query\": \"queue\", \"limit\": 3}}")), "200"),
        (search("{\"workspace\": \"/\", \"query\": \"queue\"}"), "404"),
        (search("{\"workspace\": 7}"), "422"),
        (search("{\"query\": "), "400"),
        (search(&format!("{{\"workspace\": {root}, \"unknown\": 1}}")), "422"),
        (search(&format!("{{\"workspace\": {root}, \"mode\": \"nonsense\"}}")), "422"),
        (search(&format!("{{\"query\": \"{}\"}}", "x".repeat(3 << 20))), "413"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
    ] {
        let mut stream = TcpStream::connect(address).expect("the session listens");
        // A refused body may end the connection before all of it is written.
        let _ = stream.write_all(request.as_bytes());
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        let head: String = request.chars().take(200).collect();
        assert_eq!(answer.split(' ').nth(1), Some(status), "{head}\n{answer}");
    }
    client.shut_down();
}
