//! Every setting that the pages name, by both ways in which an editor sends settings.

use std::{collections::BTreeSet, time::Duration};

use conexus_testkit::{LspClient, PARSE_DURATION, Workspace, file_uri, wait_until};
use serde_json::{Map, Value, json};

use super::{names, symbols, workspace};
use crate::support::{Session, conexus};

const DEADLINE: Duration = Duration::from_secs(30);

/// What is taken from the user's own file only, with a value that would be right there.
fn own_file_only() -> Vec<(&'static str, Value)> {
    vec![
        ("index.dir", json!("elsewhere")),
        ("editor.assistants", json!(true)),
        ("log.file", json!("log.txt")),
        ("log.format", json!("json")),
        ("log.traces", json!("http://127.0.0.1:4318/v1/traces")),
        ("mcp.port", json!(7000)),
        ("mcp.host", json!("127.0.0.1")),
        ("mcp.certificate", json!("c.pem")),
        ("mcp.key", json!("k.pem")),
        ("mcp.token_file", json!("token")),
        ("mcp.names", json!(["here"])),
        ("mcp.audit_log", json!("audit.jsonl")),
        ("mcp.source_folders", json!(["docs"])),
        ("mcp.requests_per_second", json!(1)),
        ("mcp.in_flight", json!(1)),
        ("mcp.arrival_seconds", json!(1)),
        ("mcp.answer_seconds", json!(1)),
    ]
}

/// What an editor may set, with a value that is taken and one that is not.
fn settable() -> Vec<(&'static str, Value, Value)> {
    vec![
        ("symbols", json!("all"), json!("sometimes")),
        ("symbolLimit", json!(7), json!(0)),
        ("contextTokens", json!(300), json!(199)),
        ("codeActions", json!(false), json!("no")),
        ("diagnostics", json!(true), json!(1)),
        ("diagnosticMode", json!("workspace"), json!("all")),
        ("index.threads", json!(1), json!(1025)),
        ("index.max_file_bytes", json!(1_000_000), json!(0)),
        ("index.memory_mb", json!(500), json!(1)),
        ("index.hidden", json!(true), json!("yes")),
        ("index.ignore_files", json!(false), json!(0)),
        ("index.any_folder", json!(true), json!([])),
        ("index.exclude", json!(["generated/"]), json!(["a{"])),
        ("embedding", json!({ "provider": "off" }), json!({ "provider": "cloud" })),
        ("check.select", json!(["duplicate-code"]), json!(["no-such-rule"])),
        ("check.extend_select", json!(["unused-symbol"]), json!("all")),
        ("check.ignore", json!(["all"]), json!(["no-such-rule"])),
        ("check.per_path_ignore", json!({ "generated/": ["all"] }), json!({ "generated/": ["no-such-rule"] })),
        ("check.baseline", json!("known.json"), json!("../known.json")),
        ("check.duplicate_code.min_tokens", json!(80), json!(1)),
        ("check.duplicate_code.min_similarity", json!(0.9), json!(0.1)),
        ("check.duplicate_code.tests", json!(true), json!("yes")),
        ("check.unused_symbol.min_confidence", json!(0.5), json!(7)),
        ("log.level", json!("conexus_lsp=debug"), json!("conexus=loud")),
    ]
}

/// Settings as an editor holds them: a table for each part of a name.
fn tables<'a>(settings: impl IntoIterator<Item = (&'a str, &'a Value)>) -> Value {
    let mut all = Value::Object(Map::new());
    for (key, value) in settings {
        let place = key.split('.').fold(&mut all, |table, name| &mut table[name]);
        *place = value.clone();
    }
    all
}

fn configure(client: &mut LspClient, settings: &Value) {
    client.notify("workspace/didChangeConfiguration", &json!({ "settings": { "conexus": settings } }));
}

/// Demands one message for each of these settings and none beside.
#[track_caller]
fn expect_complaints(client: &mut LspClient, keys: &[&str]) {
    let mut left: BTreeSet<&str> = keys.iter().copied().collect();
    while !left.is_empty() {
        let message = client.expect("window/showMessage")["params"]["message"].as_str().expect("text").to_owned();
        let about = left.iter().find(|key| message.starts_with(&format!("the setting conexus.{key} is "))).copied();
        let about = about.unwrap_or_else(|| panic!("{message:?} is about none of {left:?}"));
        left.remove(about);
    }
    client.call("conexus/status", &Value::Null);
    assert!(!client.has("window/showMessage"), "something else is complained about");
}

/// The rows of the pages: each setting is in one of the tables above and the other way round.
#[test]
fn the_pages_name_the_settings_that_are_tried_here() {
    let in_files = include_str!("../../../docs/settings.md");
    let in_files = in_files.lines().filter_map(|line| line.strip_prefix("| `")).flat_map(|row| {
        let names = row.split(" |").next().unwrap_or_default().split(['`', ',', ' ']);
        names.filter(|name| name.contains('.') && !name.contains(['/', '='])).collect::<Vec<_>>()
    });
    let of_session = include_str!("../../../docs/lsp-extensions.md");
    let table = of_session.split("| setting |").nth(1).and_then(|table| table.split("\n\n").next()).expect("a table");
    let of_session = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let documented: BTreeSet<&str> = in_files.chain(of_session).collect();
    let tried = settable().into_iter().map(|(key, ..)| key).chain(own_file_only().into_iter().map(|(key, _)| key));
    // A table of its own, not a row.
    let tried: BTreeSet<&str> = tried.filter(|key| *key != "embedding").collect();
    assert_eq!(documented, tried);
}

#[test]
fn every_setting_is_taken_or_refused_in_words() {
    let (settable, own) = (settable(), own_file_only());
    let good = tables(settable.iter().map(|(key, good, _)| (*key, good)));
    let bad =
        tables(settable.iter().map(|(key, _, bad)| (*key, bad)).chain(own.iter().map(|(key, value)| (*key, value))));
    let all: Vec<&str> = settable.iter().map(|(key, ..)| *key).chain(own.iter().map(|(key, _)| *key)).collect();
    let session = workspace();
    // With `initialize`, and by a change later; the other way round in a second session.
    for begins_well in [true, false] {
        let mut client = session.start();
        let options = if begins_well { &good } else { &bad };
        client.initialize(&json!({ "rootUri": session.uri(""), "initializationOptions": options }));
        client.wait_until_idle();
        if !begins_well {
            expect_complaints(&mut client, &all);
        }
        configure(&mut client, &good);
        client.wait_until_idle();
        expect_complaints(&mut client, &[]);
        configure(&mut client, &bad);
        expect_complaints(&mut client, &all);
        // What is no setting at all, and no table where there must be one.
        let nonsense = json!({ "limit": 1, "index": 7, "check": { "rules": [] }, "embedding": { "provider": "openai", "url": "http://127.0.0.1", "model": "m" } });
        configure(&mut client, &nonsense);
        expect_complaints(&mut client, &["limit", "index", "check.rules", "embedding"]);
        client.shut_down();
    }
}

/// What an editor says of the index holds at once, and a mistake changes nothing.
#[test]
fn an_editor_says_what_is_indexed() {
    let session = workspace();
    session.workspace.write("generated/made.rs", "pub fn generated_by_machine() {}\n");
    let mut client = session.start();
    let leave_out = json!({ "index": { "exclude": ["generated/"] } });
    client.initialize(&json!({ "rootUri": session.uri(""), "initializationOptions": leave_out }));
    client.wait_until_idle();
    let found = |client: &mut LspClient| names(client, "generated_by_machine").contains(&"generated_by_machine".into());
    assert!(!found(&mut client) && names(&mut client, "parse_configuration") == ["parse_configuration"]);
    let uri = session.uri("src/queue.rs");
    client.did_open(&uri, "rust", "fn typed_meanwhile() {}\n");
    configure(&mut client, &json!({ "index": { "exclude": ["a{"] } }));
    expect_complaints(&mut client, &["index.exclude"]);
    assert!(!found(&mut client), "the last good value");
    for (settings, expected) in [(json!({}), true), (leave_out, false), (json!(null), true)] {
        configure(&mut client, &settings);
        wait_until(DEADLINE, || {
            let is_as_wanted = found(&mut client) == expected;
            is_as_wanted.then_some(()).ok_or_else(|| format!("found: {expected} with {settings}"))
        });
        assert_eq!(names(&mut client, "typed_meanwhile"), ["typed_meanwhile"], "open documents move along");
    }
    client.ignore("window/showMessage");
    client.shut_down();
    session.expect_like_fresh("after other settings");
}

/// The workspace's file counts when it is saved, and a mistake in it is told where it is.
#[test]
fn a_saved_settings_file_counts() {
    let session = workspace();
    let mut client = session.serve();
    for (text, expected) in
        [("[index]\nexclude = [\"src/queue.rs\"]\n", &[][..]), ("[index]\nexclude = 3\n", &[]), ("", &["next_job"])]
    {
        session.workspace.write("conexus.toml", text);
        let saved = json!({ "textDocument": { "uri": session.uri("conexus.toml") } });
        client.notify("textDocument/didSave", &saved);
        super::documents::eventually(&mut client, "next_job", expected);
    }
    wait_until(DEADLINE, || {
        let told = client.expect("window/showMessage")["params"]["message"].to_string();
        let is_mistake = ["conexus.toml", "exclude", "2"].iter().all(|part| told.contains(part));
        is_mistake.then_some(()).ok_or(told)
    });
    // While the index is opened anew, empty answers say so.
    client.ignore("window/showMessage");
    client.shut_down();
}

/// A home folder that is not indexed is, once the editor's settings allow it: nothing has to be started again.
#[test]
fn a_folder_that_was_refused_is_opened_when_it_may_be() {
    let program = conexus();
    let home = program.home().join("user");
    std::fs::write(home.join("diary.md"), "# Diary\n\nDear diary, the wombat sneezed.\n").expect("a file");
    let mut command = program.command(&home);
    command.arg("lsp");
    let mut client = LspClient::start(command);
    client.initialize(&json!({ "rootUri": file_uri(&home), "capabilities": {} }));
    client.expect("window/showMessage");
    configure(&mut client, &json!({ "index": { "any_folder": true } }));
    client.wait_until_idle();
    let answer = client.call("conexus/search", &json!({ "query": "wombat" }));
    assert_eq!(answer["hits"][0]["path"], "diary.md", "{answer:#}");
    client.shut_down();
}

#[test]
fn an_editor_says_what_is_checked() {
    let session = Session::new(Workspace::empty());
    session.workspace.write("src/config.rs", PARSE_DURATION);
    session
        .workspace
        .write("src/retry.rs", "pub fn pause_of(header: &str) -> u64 {\n    header.parse().unwrap_or(1)\n}\n");
    let mut client = session.start();
    let wanted = |rules: &str| json!({ "diagnostics": true, "check": { "select": [rules] } });
    client.initialize(&json!({ "rootUri": session.uri(""), "initializationOptions": wanted("duplicate-code") }));
    client.wait_until_idle();
    client.did_open(&session.uri("src/retry.rs"), "rust", &super::diagnostics::copy());
    let mut told = || {
        let told = client.expect("textDocument/publishDiagnostics")["params"]["diagnostics"].clone();
        told.as_array().expect("diagnostics").iter().map(|item| item["code"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(told(), ["duplicate-code"]);
    configure(&mut client, &wanted("stale-reference"));
    let told = client.expect("textDocument/publishDiagnostics")["params"]["diagnostics"].clone();
    assert_eq!(told, json!([]));
    client.shut_down();
}

/// The environment and flags come later; without them the level is the editor's, at once.
#[test]
fn an_editor_says_what_is_logged() {
    let session = workspace();
    let log = |name: &str| std::fs::read_to_string(session.workspace.root().with_extension(name)).unwrap_or_default();
    for (name, variable, obeys) in [("log", None, true), ("other", Some("error"), false)] {
        let mut command = session.command(["--log-file"]);
        command.arg(session.workspace.root().with_extension(name)).arg("lsp");
        if let Some(variable) = variable {
            command.env("CONEXUS_LOG", variable);
        }
        let mut client = LspClient::open(command, session.workspace.root());
        assert!(!log(name).contains("TRACE"));
        configure(&mut client, &json!({ "log": { "level": "trace" } }));
        // Whatever is asked is logged, and what was told before has come by then.
        wait_until(DEADLINE, || {
            symbols(&mut client, "retry");
            match (log(name).contains("TRACE"), obeys) {
                (true, true) | (false, false) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        });
        configure(&mut client, &json!({ "log": { "level": "off" } }));
        client.call("conexus/status", &Value::Null);
        client.shut_down();
        assert!(!log(name).contains("the session ends"), "it is off by then");
        let _ = std::fs::remove_file(session.workspace.root().with_extension(name));
    }
}
