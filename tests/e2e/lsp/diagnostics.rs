//! The findings of `conexus check` as diagnostics: asked for and told, with their quick fixes.

use conexus_testkit::{LspClient, PARSE_DURATION, Repository, Workspace, duration_copied};
use serde_json::{Value, json};

use crate::support::Session;

/// What is typed: it does what another file does.
pub(super) fn copy() -> String {
    let method: String = duration_copied().lines().map(|line| "    ".to_owned() + line + "\n").collect();
    format!("pub struct Pause;\n\nimpl Pause {{\n{method}}}\n")
}

fn session() -> Session {
    let session = Session::new(Workspace::empty());
    session.workspace.write("src/config.rs", PARSE_DURATION);
    let retry = "pub fn pause_of(header: &str) -> u64 {\n    header.parse().unwrap_or(1)\n}\n";
    session.workspace.write("src/retry.rs", retry);
    // The other rules are not what is looked at here.
    session.workspace.write("conexus.toml", "[check]\nselect = [\"duplicate-code\"]\n");
    session
}

fn open<W: AsRef<Workspace>>(session: &Session<W>, capabilities: &Value, on: bool) -> LspClient {
    let mut client = session.start();
    let options = json!({ "diagnostics": on });
    client.initialize(
        &json!({ "rootUri": session.uri(""), "capabilities": capabilities, "initializationOptions": options }),
    );
    client.wait_until_idle();
    client
}

fn pulling() -> Value {
    json!({
        "textDocument": { "diagnostic": { "relatedInformation": true, "dataSupport": true } },
        "window": { "showDocument": { "support": true } },
        "workspace": { "workspaceEdit": { "documentChanges": true, "resourceOperations": ["create"] } },
    })
}

fn pull(client: &mut LspClient, uri: &str) -> Value {
    client.call("textDocument/diagnostic", &json!({ "textDocument": { "uri": uri } }))
}

fn quick_fixes(client: &mut LspClient, uri: &str, line: u32) -> Vec<Value> {
    let at = json!({ "line": line, "character": 6 });
    let params = json!({
        "textDocument": { "uri": uri },
        "range": { "start": at, "end": at },
        "context": { "diagnostics": [], "only": ["quickfix"] },
    });
    client.call("textDocument/codeAction", &params).as_array().expect("actions").clone()
}

#[test]
fn an_unsaved_copy_is_found_when_asked() {
    let session = session();
    let mut client = open(&session, &pulling(), true);
    assert_eq!(client.capabilities()["diagnosticProvider"]["interFileDependencies"], true);
    let uri = session.uri("src/retry.rs");
    client.did_open(&uri, "rust", "pub struct Pause;\n");
    assert_eq!(pull(&mut client, &uri)["items"], json!([]));
    client.did_replace(&uri, 2, &copy());
    let report = pull(&mut client, &uri);
    let item = &report["items"][0];
    assert_eq!(report["kind"], "full");
    assert_eq!(
        (&item["source"], &item["code"], &item["severity"]),
        (&"conexus".into(), &"duplicate-code".into(), &2.into())
    );
    assert_eq!(item["range"]["start"], json!({ "line": 3, "character": 4 }));
    assert_eq!(item["relatedInformation"][0]["location"]["uri"], session.uri("src/config.rs"));
    assert!(item["data"]["fingerprint"].is_string(), "{item}");
    assert_eq!(item["data"]["fixable"], false);
    let again = json!({ "textDocument": { "uri": uri }, "previousResultId": report["resultId"] });
    assert_eq!(client.call("textDocument/diagnostic", &again)["kind"], "unchanged");
    // A line above it moves it.
    client.did_change(&uri, 3, [0, 0, 0, 0], "// first\n");
    assert_eq!(pull(&mut client, &uri)["items"][0]["range"]["start"]["line"], 4);
    client.did_replace(&uri, 4, "pub struct Pause;\n");
    assert_eq!(pull(&mut client, &uri)["items"], json!([]));
    client.shut_down();
}

#[test]
fn quick_fixes_open_and_ignore() {
    let session = session();
    let mut client = open(&session, &pulling(), true);
    let uri = session.uri("src/retry.rs");
    client.did_open(&uri, "rust", &copy());
    pull(&mut client, &uri);
    assert_eq!(quick_fixes(&mut client, &uri, 0), [] as [Value; 0], "there is nothing to answer");
    let actions = quick_fixes(&mut client, &uri, 3);
    let titles: Vec<_> = actions.iter().map(|action| action["title"].as_str().expect("a title")).collect();
    let expected = ["Open src/config.rs:2", "Ignore duplicate-code here", "Ignore this duplicate-code in the baseline"];
    assert_eq!(titles, expected);
    for action in &actions {
        assert_eq!((&action["kind"], &action["diagnostics"][0]["source"]), (&"quickfix".into(), &"conexus".into()));
    }
    let command = &actions[0]["command"];
    client
        .call("workspace/executeCommand", &json!({ "command": command["command"], "arguments": command["arguments"] }));
    let shown = client.expect("window/showDocument");
    assert_eq!(shown["params"]["uri"], session.uri("src/config.rs"));
    client.respond(&shown, &json!({ "success": true }));

    let change = &actions[1]["edit"]["documentChanges"][0];
    assert_eq!(change["textDocument"], json!({ "uri": uri, "version": 1 }));
    let edit = &change["edits"][0];
    assert_eq!(edit["newText"], "    // conexus-ignore: duplicate-code\n");
    assert_eq!(edit["range"]["start"], json!({ "line": 3, "character": 0 }));
    client.did_change(&uri, 2, [3, 0, 3, 0], edit["newText"].as_str().expect("text"));
    assert_eq!(pull(&mut client, &uri)["items"], json!([]));

    let changes = actions[2]["edit"]["documentChanges"].as_array().expect("changes");
    assert_eq!(
        (&changes[0]["kind"], &changes[0]["uri"]),
        (&"create".into(), &session.uri("conexus-baseline.json").into())
    );
    let baseline = changes[1]["edits"][0]["newText"].as_str().expect("text");
    client.did_replace(&uri, 3, &copy());
    assert_eq!(pull(&mut client, &uri)["items"].as_array().map(Vec::len), Some(1));
    // It counts as the editor made it, before it is saved.
    let file = session.uri("conexus-baseline.json");
    client.did_open(&file, "json", "");
    assert_eq!(pull(&mut client, &uri)["items"].as_array().map(Vec::len), Some(1));
    client.did_replace(&file, 2, baseline);
    assert_eq!(pull(&mut client, &uri)["items"], json!([]));
    client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": file } }));
    assert_eq!(pull(&mut client, &uri)["items"].as_array().map(Vec::len), Some(1));
    session.workspace.write("conexus-baseline.json", baseline);
    client.did_replace(&uri, 4, &copy());
    assert_eq!(pull(&mut client, &uri)["items"], json!([]));
    client.shut_down();
    // The command line knows it, too.
    session.workspace.write("src/retry.rs", copy());
    session.run(["check"]).expect(0);
}

#[test]
fn a_fix_is_named_by_what_it_writes() {
    let guide = "The rules are in [the parser](src/parse.rs).\n";
    let repository =
        Repository::init(Workspace::of(&format!("//- guide.md\n{guide}//- src/parse.rs\npub fn parse() {{}}\n")));
    repository.git(&["mv", "src/parse.rs", "src/grammar.rs"]);
    repository.commit("rename");
    let session = Session::new(repository);
    let mut client = open(&session, &pulling(), true);
    let uri = session.uri("guide.md");
    client.did_open(&uri, "markdown", guide);
    let item = pull(&mut client, &uri)["items"][0].clone();
    assert_eq!((&item["code"], &item["data"]["fixable"]), (&"stale-reference".into(), &true.into()), "{item}");
    let at = &item["range"]["start"];
    let params = json!({
        "textDocument": { "uri": uri },
        "range": { "start": at, "end": at },
        "context": { "diagnostics": [item], "only": ["quickfix"] },
    });
    let fix = client.call("textDocument/codeAction", &params)[0].clone();
    assert_eq!((&fix["title"], &fix["isPreferred"]), (&"Write `src/grammar.rs`".into(), &true.into()));
    client.shut_down();
}

#[test]
fn a_client_that_cannot_ask_is_told() {
    let session = session();
    let capabilities = json!({ "textDocument": { "publishDiagnostics": {} } });
    let mut client = open(&session, &capabilities, true);
    assert!(client.capabilities().get("diagnosticProvider").is_none());
    let uri = session.uri("src/retry.rs");
    client.did_open(&uri, "rust", &copy());
    let told = client.expect("textDocument/publishDiagnostics")["params"].clone();
    assert_eq!((&told["uri"], &told["version"]), (&uri.clone().into(), &1.into()));
    assert_eq!(told["diagnostics"].as_array().map(Vec::len), Some(1));
    assert!(told["diagnostics"][0].get("relatedInformation").is_none(), "it was not asked for: {told}");
    client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": uri } }));
    let told = client.expect("textDocument/publishDiagnostics")["params"].clone();
    assert_eq!((&told["uri"], &told["diagnostics"]), (&uri.clone().into(), &json!([])));
    // Off is off at once.
    client.did_open(&uri, "rust", &copy());
    client.expect("textDocument/publishDiagnostics");
    client.notify("workspace/didChangeConfiguration", &json!({ "settings": { "conexus": {} } }));
    let told = client.expect("textDocument/publishDiagnostics")["params"].clone();
    assert_eq!(told["diagnostics"], json!([]));
    assert_eq!(quick_fixes(&mut client, &uri, 3), [] as [Value; 0]);
    client.shut_down();
}

#[test]
fn nothing_is_said_unless_it_is_wanted() {
    let session = session();
    let mut client = open(&session, &pulling(), false);
    assert!(client.capabilities().get("diagnosticProvider").is_none());
    let uri = session.uri("src/retry.rs");
    client.did_open(&uri, "rust", &copy());
    assert_eq!(pull(&mut client, &uri)["items"], json!([]));
    assert_eq!(quick_fixes(&mut client, &uri, 3), [] as [Value; 0]);
    // Turned on later it is told, since asking was not offered.
    client.notify("workspace/didChangeConfiguration", &json!({ "settings": { "conexus": { "diagnostics": true } } }));
    let told = client.expect("textDocument/publishDiagnostics")["params"].clone();
    assert_eq!(told["diagnostics"].as_array().map(Vec::len), Some(1));
    client.shut_down();
}

#[test]
fn typing_does_not_wait_for_a_check() {
    let session = session();
    let mut client = open(&session, &pulling(), true);
    let uri = session.uri("src/retry.rs");
    client.did_open(&uri, "rust", &copy());
    let waiting: Vec<_> = (0..20)
        .map(|_| client.request("textDocument/diagnostic", &json!({ "textDocument": { "uri": uri } })))
        .collect();
    for version in 2..100 {
        client.did_change(&uri, version, [0, 0, 0, 0], "//\n");
        let params = json!({ "query": "pause", "limit": 1 });
        let seen = client.call("conexus/search", &params)["seen"][0]["documents"].clone();
        assert_eq!(seen, json!([{ "uri": uri, "version": version }]));
    }
    // One that is cancelled is answered at once, the others with the newest state.
    client.notify("$/cancelRequest", &json!({ "id": waiting[0] }));
    assert_eq!(client.error(&waiting[0])["code"], -32800);
    for id in &waiting[1..] {
        assert_eq!(client.result(id)["items"].as_array().map(Vec::len), Some(1));
    }
    client.shut_down();
}

/// A session in whose folder a file that nobody opens has a finding; findings are wanted of all files.
fn whole(session: &Session, capabilities: &Value) -> LspClient {
    session.workspace.write("src/retry.rs", copy());
    let mut client = session.start();
    let options = json!({ "diagnostics": true, "diagnosticMode": "workspace" });
    let params = json!({ "rootUri": session.uri(""), "capabilities": capabilities, "initializationOptions": options });
    client.initialize(&params);
    client
}

#[test]
fn files_that_nobody_opened_are_answered_for_when_they_are_wanted() {
    let session = session();
    let mut client = whole(&session, &pulling());
    assert_eq!(client.capabilities()["diagnosticProvider"]["workspaceDiagnostics"], true);
    let config = session.uri("src/config.rs");
    // It waits until the folder is indexed and checked.
    let report = client.call("workspace/diagnostic", &json!({ "previousResultIds": [] }));
    let items = report["items"].as_array().expect("items").clone();
    assert_eq!(items.len(), 1, "{report}");
    assert_eq!(
        (&items[0]["kind"], &items[0]["uri"], &items[0]["version"]),
        (&"full".into(), &config.clone().into(), &Value::Null)
    );
    assert_eq!(items[0]["items"][0]["code"], "duplicate-code");
    let known = json!({ "previousResultIds": [{ "uri": config, "value": items[0]["resultId"] }] });
    let again = client.call("workspace/diagnostic", &known);
    assert_eq!(again["items"][0]["kind"], "unchanged", "{again}");
    // Its pull as a document agrees with that.
    client.did_open(&config, "rust", PARSE_DURATION);
    assert_eq!(pull(&mut client, &config)["resultId"], items[0]["resultId"]);
    let other = session.uri("src/retry.rs");
    client.did_open(&other, "rust", "pub struct Pause;\n");
    let gone = client.call("workspace/diagnostic", &known);
    assert_eq!((&gone["items"][0]["kind"], &gone["items"][0]["items"]), (&"full".into(), &json!([])), "{gone}");
    client.shut_down();
}

#[test]
fn a_client_that_takes_parts_is_told_for_as_long_as_it_asks() {
    let session = session();
    let mut client = whole(&session, &pulling());
    let params = json!({ "previousResultIds": [], "partialResultToken": "parts", "workDoneToken": "bar" });
    let request = client.request("workspace/diagnostic", &params);
    let mut bar = Vec::new();
    let first = loop {
        let progress = client.expect("$/progress")["params"].clone();
        if progress["token"] == "parts" {
            break progress["value"].clone();
        }
        bar.push(progress["value"]["kind"].as_str().expect("a kind").to_owned());
    };
    assert_eq!((bar.first().map(String::as_str), bar.last().map(String::as_str)), (Some("begin"), Some("end")));
    assert_eq!(first["items"][0]["items"].as_array().map(Vec::len), Some(1), "{first}");
    let uri = session.uri("src/retry.rs");
    client.did_open(&uri, "rust", "pub struct Pause;\n");
    let next = client.expect("$/progress")["params"]["value"].clone();
    assert_eq!(
        (&next["items"][0]["uri"], &next["items"][0]["items"]),
        (&session.uri("src/config.rs").into(), &json!([]))
    );
    client.did_replace(&uri, 2, &copy());
    let next = client.expect("$/progress")["params"]["value"].clone();
    assert_eq!(next["items"][0]["items"].as_array().map(Vec::len), Some(1), "{next}");
    client.notify("$/cancelRequest", &json!({ "id": request }));
    assert_eq!(client.error(&request)["code"], -32800);
    // One that nobody cancels ends with the session, and one that is asked while findings are off at once.
    let open = client.request("workspace/diagnostic", &params);
    while client.expect("$/progress")["params"]["token"] != "parts" {}
    client.notify("workspace/didChangeConfiguration", &json!({ "settings": { "conexus": {} } }));
    let told = client.expect("$/progress")["params"]["value"].clone();
    assert_eq!(told["items"][0]["items"], json!([]), "{told}");
    assert_eq!(client.result(&open)["items"], json!([]));
    client.shut_down();
}

#[test]
fn a_client_that_cannot_ask_is_told_of_files_that_nobody_opened_when_they_are_wanted() {
    let session = session();
    let mut client = whole(&session, &json!({ "textDocument": { "publishDiagnostics": {} } }));
    let told = client.expect("textDocument/publishDiagnostics")["params"].clone();
    assert_eq!(told["uri"], session.uri("src/config.rs"));
    assert!(told.get("version").is_none(), "{told}");
    assert_eq!(told["diagnostics"].as_array().map(Vec::len), Some(1));
    let settings = json!({ "settings": { "conexus": { "diagnostics": true } } });
    client.notify("workspace/didChangeConfiguration", &settings);
    let told = client.expect("textDocument/publishDiagnostics")["params"].clone();
    assert_eq!((&told["uri"], &told["diagnostics"]), (&session.uri("src/config.rs").into(), &json!([])));
    client.shut_down();
}

/// Two folders of one window, each with its own finding and its own settings.
fn folders() -> (Session, Session) {
    let (one, two) = (session(), session());
    one.workspace.write("src/retry.rs", copy());
    two.workspace.write("src/other.rs", copy());
    (one, two)
}

fn start_with(one: &Session, two: &Session, capabilities: &Value) -> LspClient {
    let mut client = one.start();
    let folder = |session: &Session, name: &str| json!({ "uri": session.uri(""), "name": name });
    client.initialize(&json!({
        "workspaceFolders": [folder(one, "one"), folder(two, "two")],
        "capabilities": capabilities,
        "initializationOptions": { "diagnostics": true, "diagnosticMode": "workspace" },
    }));
    client
}

fn without(client: &mut LspClient, gone: &Session) {
    let removed = json!([{ "uri": gone.uri(""), "name": "two" }]);
    client.notify("workspace/didChangeWorkspaceFolders", &json!({ "event": { "added": [], "removed": removed } }));
}

#[test]
fn all_folders_of_a_window_are_answered_for() {
    let (one, two) = folders();
    let mut client = start_with(&one, &two, &pulling());
    let report = client.call("workspace/diagnostic", &json!({ "previousResultIds": [] }));
    let items = report["items"].as_array().expect("items").clone();
    let mut told: Vec<_> = items.iter().map(|item| item["uri"].as_str().expect("a file").to_owned()).collect();
    told.sort();
    let mut expected = vec![one.uri("src/config.rs"), two.uri("src/config.rs")];
    expected.sort();
    assert_eq!(told, expected, "{report}");
    // Each folder is compared with itself: what is the same in both is no finding.
    let related = |item: &Value| item["items"][0]["relatedInformation"][0]["location"]["uri"].clone();
    for item in &items {
        let (own, other) =
            if item["uri"] == one.uri("src/config.rs") { (&one, "src/retry.rs") } else { (&two, "src/other.rs") };
        assert_eq!((item["items"].as_array().map(Vec::len), related(item)), (Some(1), own.uri(other).into()), "{item}");
    }
    without(&mut client, &two);
    let known: Vec<Value> = items.iter().map(|item| json!({ "uri": item["uri"], "value": item["resultId"] })).collect();
    let next = client.call("workspace/diagnostic", &json!({ "previousResultIds": known }));
    let of = |uri: String| next["items"].as_array().expect("items").iter().find(|item| item["uri"] == uri).cloned();
    assert_eq!(of(one.uri("src/config.rs")).expect("of the folder that stays")["kind"], "unchanged", "{next}");
    assert_eq!(of(two.uri("src/config.rs")).expect("of the folder that went")["items"], json!([]), "{next}");
    client.shut_down();
}

#[test]
fn all_folders_of_a_window_are_told_of_and_a_folder_that_goes_takes_its_findings_along() {
    let (one, two) = folders();
    let mut client = start_with(&one, &two, &json!({ "textDocument": { "publishDiagnostics": {} } }));
    let mut waiting = vec![one.uri("src/config.rs"), two.uri("src/config.rs")];
    while !waiting.is_empty() {
        let told = client.expect("textDocument/publishDiagnostics")["params"].clone();
        assert_eq!(told["diagnostics"].as_array().map(Vec::len), Some(1), "{told}");
        waiting.retain(|uri| told["uri"] != *uri);
    }
    without(&mut client, &two);
    let told = client.expect("textDocument/publishDiagnostics")["params"].clone();
    assert_eq!((&told["uri"], &told["diagnostics"]), (&two.uri("src/config.rs").into(), &json!([])), "{told}");
    client.shut_down();
}

/// A session whose git does not answer with a history while the file `hang` is beside it, and the path of that file.
#[cfg(unix)]
fn with_slow_history() -> (Session<Repository>, std::path::PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let repository = Repository::init(Workspace::empty());
    repository.write("src/config.rs", PARSE_DURATION);
    repository.write("src/sentence.rs", "pub fn parse_sentence() {}\n");
    repository.commit("one");
    repository.write("src/sentence.rs", "pub fn parse_phrase() {}\n");
    repository.commit("two");
    repository.write("src/retry.rs", "pub fn pause_of() {}\n");
    let session = Session::new(repository);
    let folder = session.program.home().join("bin");
    let (git, hang) = (folder.join("git"), folder.join("hang"));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = std::env::var("PATH").expect("a path");
    let script = format!(
        "#!/bin/sh\nPATH='{path}'\ncase \" $* \" in *' log '*) while [ -e '{}' ]; do sleep 0.02; done;; esac\nexec git \"$@\"\n",
        hang.display()
    );
    std::fs::write(&git, script).expect("a file");
    std::fs::set_permissions(&git, std::fs::Permissions::from_mode(0o755)).expect("a mode");
    (session, hang)
}

/// What is found by looking at the text alone does not wait for what git has to say.
#[cfg(unix)]
#[test]
fn a_document_that_was_opened_shows_what_is_found_first() {
    let (session, hang) = with_slow_history();
    let uri = session.uri("src/retry.rs");
    let text = format!("/// As `parse_sentence()` does.\npub struct Pauses;\n\n{}", copy());
    let rules = |diagnostics: &Value| -> Vec<String> {
        let all = diagnostics.as_array().expect("diagnostics").iter();
        all.map(|diagnostic| diagnostic["code"].as_str().expect("a code").to_owned()).collect()
    };
    let refreshing = json!({
        "textDocument": { "diagnostic": {} },
        "workspace": { "diagnostics": { "refreshSupport": true } },
    });
    for (capabilities, pulls) in [(json!({ "textDocument": { "publishDiagnostics": {} } }), false), (refreshing, true)]
    {
        std::fs::write(&hang, "").expect("a file");
        let mut command = session.command(["lsp"]);
        let path = std::env::var("PATH").expect("a path");
        command.env("PATH", format!("{}:{path}", hang.parent().expect("a folder").display()));
        let mut client = LspClient::start(command);
        client.initialize(&json!({
            "rootUri": session.uri(""),
            "capabilities": capabilities,
            "initializationOptions": { "diagnostics": true },
        }));
        client.wait_until_idle();
        client.did_open(&uri, "rust", &text);
        let first = if pulls {
            pull(&mut client, &uri)["items"].clone()
        } else {
            client.expect("textDocument/publishDiagnostics")["params"]["diagnostics"].clone()
        };
        assert_eq!(rules(&first), ["duplicate-code"], "{first}");
        std::fs::remove_file(&hang).expect("it was there");
        let all = if pulls {
            let again = client.expect("workspace/diagnostic/refresh");
            client.respond(&again, &Value::Null);
            pull(&mut client, &uri)["items"].clone()
        } else {
            client.expect("textDocument/publishDiagnostics")["params"]["diagnostics"].clone()
        };
        assert_eq!(rules(&all), ["stale-reference", "duplicate-code"], "{all}");
        client.shut_down();
    }
}
