//! What assistants tell the index to do.

use std::{
    fmt::Write,
    time::{Duration, Instant},
};

use conexus_testkit::{Endpoint, Running, wait_for};
use serde_json::{Value, json};

use super::{
    DEADLINE,
    client::{Client, Http, Pipes, Revision},
    notices, paths, serve, session, until_idle,
};

/// A stop takes less than this.
const STOPS: Duration = Duration::from_secs(1);
/// On a machine that tests share with others.
const STOPS_ANYWHERE: Duration = Duration::from_secs(3);
/// Stops of one run, of which the fastest says how long one takes.
const ROUNDS: usize = 3;
/// Files of a run that takes some seconds even in a release build.
const FILES: usize = 1_500;

fn control(client: &mut impl Client, arguments: &Value) -> Value {
    client.tool("context_index_control", arguments)
}

fn first_path(client: &mut impl Client, name: &str) -> Option<String> {
    let found = client.tool("context_search", &json!({ "query": name, "mode": "symbol" }));
    found["hits"].as_array()?.iter().find(|hit| hit["name"] == name)?["path"].as_str().map(str::to_owned)
}

/// A module of some functions.
fn module(number: usize) -> String {
    let mut text = String::new();
    for function in 0..30 {
        let _ = writeln!(
            text,
            "/// Counts part {function} of module {number}.\npub fn count_{number}_{function}(values: &[u32]) -> u32 {{\n    \
             values.iter().map(|value| value * {function}).sum()\n}}\n"
        );
    }
    text
}

#[test]
fn a_run_stops_within_a_second_and_goes_on_when_told() {
    let session = session();
    for number in 0..FILES {
        session.workspace.write(&format!("src/many/m{number}.rs"), module(number));
    }
    let _server: Running = conexus_testkit::start(session.command(["serve"]));
    let mut client = Http::of(&session, Revision::New);
    let mut rounds = Vec::new();
    let stopped = loop {
        wait_for("a run that has begun", DEADLINE, || {
            let status = control(&mut client, &json!({ "action": "status" }));
            (status["activity"] == "indexing" && status["done"].as_u64() > Some(0)).then_some(())
        });
        let started = Instant::now();
        let stopped = control(&mut client, &json!({ "action": "stop", "wait_ms": 10_000 }));
        rounds.push(started.elapsed());
        assert_eq!(stopped["activity"], "stopped", "{stopped:#}");
        assert!(stopped["files"].as_u64() < Some(FILES as u64), "it was done before it was stopped: {stopped:#}");
        if rounds.len() == ROUNDS {
            break stopped;
        }
        control(&mut client, &json!({ "action": "start" }));
    };
    assert!(rounds.iter().any(|took| *took < STOPS), "{rounds:?}");
    assert!(rounds.iter().all(|took| *took < STOPS_ANYWHERE), "{rounds:?}");
    let ready = |client: &Http| super::watching::get(client, "/readyz");
    let (code, body) = ready(&client);
    assert!(code == 503 && body.contains("\"stopped\""), "what is not complete is not ready: {code} {body}");
    // What is there can be searched, and the answer says that it is not all.
    let found = client.tool("context_search", &json!({ "query": "count" }));
    assert!(notices(&found).contains(&"stopped"), "{found:#}");
    // Stopped means stopped: nothing of a change gets in.
    session.workspace.write("src/later.rs", "pub fn written_while_stopped() {}\n");
    // Told of it, not left to the watcher.
    control(&mut client, &json!({ "action": "reindex_paths", "paths": ["src/later.rs"] }));
    for _ in 0..20 {
        assert_eq!(first_path(&mut client, "written_while_stopped"), None);
    }
    let rests = control(&mut client, &json!({ "action": "status" }));
    assert_eq!(rests["files"], stopped["files"], "no file got in after the answer");
    control(&mut client, &json!({ "action": "start", "wait_ms": 45_000 }));
    until_idle(&mut client);
    let going = control(&mut client, &json!({ "action": "status" }));
    assert!(going["files"].as_u64() > Some(FILES as u64), "{going:#}");
    assert_eq!(ready(&client).0, 200);
    assert_eq!(first_path(&mut client, "written_while_stopped").as_deref(), Some("src/later.rs"));
    let verified = control(&mut client, &json!({ "action": "verify" }));
    assert_eq!(verified["equal"], true, "{verified:#}");
}

#[test]
fn an_index_is_emptied_built_anew_and_verified() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::Old);
    let verified = control(&mut client, &json!({ "action": "verify" }));
    assert_eq!((&verified["equal"], &verified["differences"]), (&json!(true), &json!([])), "{verified:#}");
    assert_eq!(notices(&verified), [""; 0], "everything was compared: {verified:#}");
    control(&mut client, &json!({ "action": "clear", "wait_ms": 10_000 }));
    let empty = wait_for("an empty index", DEADLINE, || {
        let status = control(&mut client, &json!({ "action": "status" }));
        (status["activity"] == "stopped" && status["files"] == 0).then_some(status)
    });
    assert!(notices(&empty).contains(&"stopped"), "{empty:#}");
    let verified = control(&mut client, &json!({ "action": "verify" }));
    assert_eq!(verified["equal"], false, "{verified:#}");
    control(&mut client, &json!({ "action": "force_reindex", "wait_ms": 45_000 }));
    until_idle(&mut client);
    let found = client.tool("context_search", &json!({ "query": "retry failed requests" }));
    assert_eq!(paths(&found, "hits")[0], "src/retry.rs", "{found:#}");
    let verified = control(&mut client, &json!({ "action": "verify" }));
    assert_eq!(verified["equal"], true, "{verified:#}");
}

/// A cache that is deleted under a session comes back by itself, and nothing that the session leaves is in anybody's way.
#[cfg(unix)]
#[test]
fn an_index_that_is_deleted_under_a_session_comes_back() {
    let session = session();
    session.index();
    let folder = session.index_dir();
    let is_found = |client: &mut Pipes, name: &str| {
        wait_for("what was written later", DEADLINE, || first_path(client, name).map(drop));
    };
    for (number, action) in ["", "wait", "start", "force_reindex", "clear"].into_iter().enumerate() {
        let mut client = Pipes::start(session.command([""; 0]));
        until_idle(&mut client);
        std::fs::remove_dir_all(&folder).expect("the index");
        let name = format!("written_later_{number}");
        session.workspace.write("src/later.rs", format!("pub fn {name}() {{}}\n"));
        match action {
            "" => {}
            "wait" => is_found(&mut client, &name),
            _ => {
                let status = control(&mut client, &json!({ "action": action, "wait_ms": 45_000 }));
                assert!(!notices(&status).contains(&"fault"), "{action}: {status:#}");
                if action == "clear" {
                    assert_eq!((&status["activity"], &status["files"]), (&json!("stopped"), &json!(0)), "{status:#}");
                } else {
                    is_found(&mut client, &name);
                }
            }
        }
        client.hang_up();
        assert_eq!(session.paths(&name)[0], "src/later.rs", "{action}");
        session.expect_like_fresh(action);
        session.run(["clear"]).expect(0);
        session.index();
    }
    let (_server, client) = serve(&session, Revision::New);
    let ready = || super::watching::get(&client, "/readyz").0;
    assert_eq!(ready(), 200);
    std::fs::remove_dir_all(&folder).expect("the index");
    wait_for("another index", DEADLINE, || (folder.join("catalog.sqlite").exists() && ready() == 200).then_some(()));
    let mut client = Http::connect(&session, Revision::New);
    control(&mut client, &json!({ "action": "clear", "wait_ms": 45_000 }));
    assert_eq!(super::watching::get(&client, "/readyz").0, 503, "what is empty is not ready");
}

/// What is searched without its symbols is named, with the reason.
#[test]
fn files_without_symbols_are_told_in_the_status() {
    let session = session();
    session.workspace.write("conexus.toml", "[index]\nmax_file_bytes = 16777216\n");
    let line = "pub fn numbat() -> u32 { 1 }\n";
    let (_server, mut client) = serve(&session, Revision::New);
    let status = control(&mut client, &json!({ "action": "status" }));
    assert_eq!(notices(&status), [""; 0], "{status:#}");
    session.workspace.write("src/large.rs", line.repeat((4 << 20) / line.len() + 1));
    let told = wait_for("a file without symbols", DEADLINE, || {
        let status = control(&mut client, &json!({ "action": "status" }));
        notices(&status).contains(&"unparsed").then_some(status)
    });
    let message = "src/large.rs is searched without its symbols, since it is larger than what is parsed";
    assert_eq!(told["notices"], json!([{ "kind": "unparsed", "message": message }]), "{told:#}");
}

/// A fresh index has no vectors of a slow model, so they are not compared; that is said.
#[test]
fn a_comparison_says_that_vectors_are_left_out() {
    let session = session();
    let endpoint = Endpoint::start();
    let settings = session.program.home().join("config/conexus");
    std::fs::create_dir_all(&settings).expect("a folder");
    std::fs::write(settings.join("conexus.toml"), Endpoint::settings(endpoint.address())).expect("the settings");
    session.index();
    let (_server, mut client) = serve(&session, Revision::New);
    let verified = control(&mut client, &json!({ "action": "verify" }));
    assert_eq!((&verified["equal"], notices(&verified)), (&json!(true), vec!["vectors_not_compared"]), "{verified:#}");
}

/// A git that never comes to the end of commands with one of these words while the file `hang` is beside it; it writes its
/// process into `started`. Returns the folder, and the path on which it is found.
#[cfg(unix)]
pub(super) fn hanging_git(session: &super::Session, words: &str) -> (std::path::PathBuf, String) {
    use std::os::unix::fs::PermissionsExt;
    let folder = session.program.home().join("bin");
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = std::env::var("PATH").expect("a path");
    let script = format!(
        "#!/bin/sh\nPATH='{path}'\nhere='{0}'\nfor word; do\n  case \"$word\" in\n  {words})\n    if [ -e \"$here/hang\" ]; \
         then\n      echo $$ >\"$here/new.$$\"\n      mv \"$here/new.$$\" \"$here/started\"\n      exec sleep 600\n    \
         fi;;\n  esac\ndone\nexec git \"$@\"\n",
        folder.display()
    );
    for (name, text) in [("git", &*script), ("hang", "")] {
        std::fs::write(folder.join(name), text).expect("a file");
    }
    std::fs::set_permissions(folder.join("git"), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let path = format!("{}:{path}", folder.display());
    (folder, path)
}

/// Git has a few seconds for a history; who waits for it no more does not let it go on.
#[cfg(unix)]
#[test]
fn a_cancelled_call_ends_git() {
    let session = session();
    let (folder, path) = hanging_git(&session, "log");
    let started = folder.join("started");
    let mut command = session.command([""; 0]);
    command.env("PATH", path);
    let mut client = super::client::Pipes::start(command);
    until_idle(&mut client);
    for (number, (tool, arguments)) in [
        ("context_get_related_info", json!({ "ticket_id": "QUE-12" })),
        ("context_get_related_info", json!({ "symbol": "retry_failed_request" })),
        ("context_explain", json!({ "symbol": "retry_failed_request" })),
        ("context_search", json!({ "query": "retry", "work_context": { "open_ticket_ids": ["QUE-12"] } })),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("slow {number}");
        let params = json!({ "name": tool, "arguments": arguments });
        client.send(&json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params }));
        let pid = wait_for("git", DEADLINE, || std::fs::read_to_string(&started).ok());
        let begun = Instant::now();
        let cancelled = json!({ "requestId": id });
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": cancelled }));
        let is_there = || {
            let mut ask = std::process::Command::new("kill");
            ask.args(["-0", pid.trim()])
                .stderr(std::process::Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        };
        wait_for("the end of git", DEADLINE, || (!is_there()).then_some(()));
        assert!(begun.elapsed() < STOPS_ANYWHERE, "{tool}: {:?}", begun.elapsed());
        std::fs::remove_file(&started).expect("a file");
    }
    client.hang_up();
}

#[test]
fn every_reading_tool_waits_for_a_generation() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::New);
    let now = control(&mut client, &json!({ "action": "status" }))["generation"].as_u64().expect("a generation");
    session
        .workspace
        .write("src/new.rs", "pub fn newest_of_all() {}\n\npub fn calls_it() {\n    newest_of_all();\n}\n");
    for (tool, arguments) in [
        ("context_read", json!({ "file_path": "src/new.rs" })),
        ("context_grep", json!({ "pattern": "newest_of_all" })),
        ("context_explain", json!({ "symbol": "newest_of_all" })),
        ("context_get_related_info", json!({ "symbol": "newest_of_all" })),
        ("context_search", json!({ "query": "newest_of_all" })),
    ] {
        let mut arguments = arguments;
        arguments["min_generation"] = json!(now + 1);
        arguments["wait_ms"] = json!(10_000);
        let answer = client.tool(tool, &arguments);
        assert!(
            answer["generation"].as_u64() > Some(now) && answer.to_string().contains("new.rs"),
            "{tool}: {answer:#}"
        );
    }
    // What does not come is not waited for longer than was said.
    let started = Instant::now();
    let mut arguments = json!({ "pattern": "x", "min_generation": now + 1_000, "wait_ms": 200 });
    let late = client.tool("context_grep", &arguments);
    assert!(started.elapsed() >= Duration::from_millis(200), "{:?}", started.elapsed());
    assert_eq!(notices(&late), ["generation_not_reached"], "{late:#}");
    arguments["min_generation"] = json!(now + 1);
    assert_eq!(notices(&client.tool("context_grep", &arguments)), [""; 0]);
}

/// Files that are told are read when the answer comes, which is at once, whether they have changed or not.
#[test]
fn files_that_are_told_are_looked_at_before_the_answer() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::New);
    let mut rounds = Vec::new();
    for round in 0..10 {
        // Every other time there is nothing new.
        if round % 2 == 0 {
            session.workspace.write("src/told.rs", format!("pub fn told_{round}() {{}}\n"));
        }
        let started = Instant::now();
        control(&mut client, &json!({ "action": "reindex_paths", "paths": ["src/told.rs"], "wait_ms": 20_000 }));
        rounds.push(started.elapsed());
        let name = format!("told_{}", round / 2 * 2);
        assert_eq!(first_path(&mut client, &name).as_deref(), Some("src/told.rs"), "{name}");
    }
    assert!(rounds.iter().any(|took| *took < STOPS), "{rounds:?}");
    assert!(rounds.iter().sum::<Duration>() < STOPS_ANYWHERE * 4, "{rounds:?}");
}
