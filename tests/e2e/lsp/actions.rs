//! Code actions and their commands.

use conexus_testkit::LspClient;
use serde_json::{Value, json};

use super::{position, workspace};
use crate::support::Session;

/// The code actions at a place, by their kind.
#[track_caller]
fn actions(client: &mut LspClient, uri: &str, at: &Value, context: &Value) -> Vec<(String, Value)> {
    let params = json!({ "textDocument": { "uri": uri }, "range": { "start": at, "end": at }, "context": context });
    let answer = client.call("textDocument/codeAction", &params);
    let actions = answer.as_array().expect("actions").iter();
    actions.map(|action| (action["kind"].as_str().expect("a kind").to_owned(), action.clone())).collect()
}

fn any() -> Value {
    json!({ "diagnostics": [] })
}

/// A server for a client that can show documents, or cannot.
fn serve(session: &Session, shows_documents: bool) -> LspClient {
    let mut client = session.start();
    let capabilities = json!({ "window": { "showDocument": { "support": shows_documents } } });
    client.initialize(&json!({ "rootUri": session.uri(""), "capabilities": capabilities }));
    client.wait_until_idle();
    client
}

/// Runs the command of an action.
#[track_caller]
fn execute(client: &mut LspClient, actions: &[(String, Value)], kind: &str) -> Value {
    let (_, action) =
        actions.iter().find(|(found, _)| found == kind).unwrap_or_else(|| panic!("{kind} in {actions:?}"));
    let resolved = client.call("codeAction/resolve", action);
    assert_eq!(&resolved, action);
    let command = &action["command"];
    client
        .call("workspace/executeCommand", &json!({ "command": command["command"], "arguments": command["arguments"] }))
}

#[test]
fn actions_fit_the_symbol_and_what_is_wanted() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/retry.rs");
    let kinds = |client: &mut LspClient, uri: &str, at: Value, context: Value| -> Vec<String> {
        actions(client, uri, &at, &context).into_iter().map(|(kind, _)| kind).collect()
    };
    let found = kinds(&mut client, &uri, position(1, 12), any());
    for kind in ["similar", "callers", "callees", "tests", "context"] {
        assert!(found.contains(&format!("source.conexus.{kind}")), "{kind} in {found:?}");
    }
    for (only, count) in [
        (json!(["source.conexus.callers"]), 1),
        (json!(["source.fixAll", "source.organizeImports"]), 0),
        (json!(["quickfix"]), 0),
        (json!([]), 0),
    ] {
        let context = json!({ "diagnostics": [], "only": only });
        assert_eq!(kinds(&mut client, &uri, position(1, 12), context).len(), count, "{only}");
    }
    let callables = kinds(&mut client, &session.uri("src/queue.rs"), position(3, 13), any());
    assert!(!callables.contains(&"source.conexus.callees".to_owned()), "a type calls nothing: {callables:?}");
    assert_eq!(kinds(&mut client, &session.uri("nothing.rs"), position(0, 0), any()), Vec::<String>::new());
    client.notify("workspace/didChangeConfiguration", &json!({ "settings": { "conexus": { "codeActions": false } } }));
    assert_eq!(kinds(&mut client, &uri, position(1, 12), any()), Vec::<String>::new());
    client.shut_down();
}

#[test]
fn one_place_is_gone_to() {
    let session = workspace();
    let mut client = serve(&session, true);
    let uri = session.uri("src/retry.rs");
    let offered = actions(&mut client, &uri, &position(1, 12), &any());
    let answer = execute(&mut client, &offered, "source.conexus.callees");
    assert_eq!(answer["target"]["name"], "retry_failed_request");
    let callees: Vec<_> =
        answer["relations"].as_array().expect("relations").iter().map(|found| &found["name"]).collect();
    assert_eq!(callees, ["send_once"]);
    let shown = client.expect("window/showDocument");
    assert_eq!(shown["params"]["uri"], uri);
    assert_eq!(shown["params"]["selection"]["start"]["line"], 10);
    client.respond(&shown, &json!({ "success": true }));
    client.shut_down();
}

#[test]
fn several_places_are_a_list_with_links() {
    let session = workspace();
    session.workspace.add("//- src/more.rs\nuse crate::retry::retry_failed_request;\n\nfn another_caller() -> bool {\n    retry_failed_request(9)\n}\n");
    let mut client = serve(&session, true);
    let offered = actions(&mut client, &session.uri("src/retry.rs"), &position(1, 12), &any());
    let answer = execute(&mut client, &offered, "source.conexus.callers");
    let callers: Vec<_> = answer["relations"]
        .as_array()
        .expect("relations")
        .iter()
        .map(|found| found["name"].as_str().expect("a name"))
        .collect();
    assert!(callers.contains(&"next_job") && callers.contains(&"another_caller"), "{callers:?}");
    let shown = client.expect("window/showDocument");
    let file = shown["params"]["uri"].as_str().expect("a URI").strip_prefix("file://").expect("a file").to_owned();
    let text = std::fs::read_to_string(&file).expect("it was written");
    assert!(text.contains("# Callers of `retry_failed_request`") && text.contains("src/more.rs:4"), "{text}");
    assert!(!file.starts_with(session.workspace.root().to_str().expect("a path")), "not in the repository");
    client.respond(&shown, &json!({ "success": true }));
    client.shut_down();
    assert!(!std::path::Path::new(&file).exists(), "it goes with the session");
}

#[test]
fn a_client_that_shows_no_documents_gets_a_sentence() {
    let session = workspace();
    let mut client = serve(&session, false);
    let offered = actions(&mut client, &session.uri("src/retry.rs"), &position(1, 12), &any());
    execute(&mut client, &offered, "source.conexus.callees");
    let message = client.expect("window/showMessage")["params"]["message"].as_str().expect("text").to_owned();
    assert!(message.contains("retry.rs:11"), "{message}");
    // A function that calls nothing.
    let offered = actions(&mut client, &session.uri("src/retry.rs"), &position(10, 5), &any());
    execute(&mut client, &offered, "source.conexus.callees");
    let message = client.expect("window/showMessage")["params"]["message"].as_str().expect("text").to_owned();
    assert!(message.contains("What `send_once` calls"), "{message}");
    client.shut_down();
}

/// Two functions that do the same, one with a test.
const COPIES: &str = r#"
//- src/duration.rs
/// Parses a duration such as 3h20m.
pub fn parse_duration(text: &str) -> Option<u64> {
    let mut total = 0u64;
    let mut number = 0u64;
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            number = number * 10 + letter as u64 - '0' as u64;
            continue;
        }
        total += number * match letter { 's' => 1, 'm' => 60, 'h' => 3600, _ => return None };
        number = 0;
    }
    Some(total)
}

#[test]
fn hours_are_parsed() {
    assert_eq!(parse_duration("3h"), Some(10800));
}
//- src/seconds.rs
/// Parses a duration.
pub fn seconds_of(text: &str) -> Option<u64> {
    let mut total = 0u64;
    let mut number = 0u64;
    for letter in text.chars() {
        if letter.is_ascii_digit() {
            number = number * 10 + letter as u64 - '0' as u64;
            continue;
        }
        total += number * match letter { 's' => 1, 'm' => 60, 'h' => 3600, _ => return None };
        number = 0;
    }
    Some(total)
}
"#;

#[test]
fn similar_code_tests_and_a_helper_to_reuse_are_shown() {
    let session = workspace();
    session.workspace.add(COPIES);
    let mut client = serve(&session, true);
    let (original, copy) = (session.uri("src/duration.rs"), session.uri("src/seconds.rs"));
    let mut ask = |uri: &str, line: u32, kind: &str| {
        let offered = actions(&mut client, uri, &position(line, 9), &any());
        let answer = execute(&mut client, &offered, kind);
        let shown = client.expect("window/showDocument");
        client.respond(&shown, &json!({ "success": true }));
        let found = answer["relations"].as_array().expect("relations").iter();
        let found: Vec<_> = found.map(|found| format!("{} {}", found["relation"], found["name"])).collect();
        (found, shown["params"]["uri"].as_str().expect("a URI").to_owned())
    };
    let (similar, _) = ask(&copy, 1, "source.conexus.similar");
    assert_eq!(similar[0], r#""similar" "parse_duration""#, "{similar:?}");
    let (tests, shown) = ask(&original, 1, "source.conexus.tests");
    assert_eq!((&tests[..], &shown), (&[r#""test" "hours_are_parsed""#.to_owned()][..], &original));
    let (helpers, shown) = ask(&copy, 1, "source.conexus.reuse");
    assert_eq!((&helpers[..], &shown), (&[r#""reuse" "parse_duration""#.to_owned()][..], &original));
    // It is offered where there is one, and not in a menu that opens by itself: it takes a search.
    let reuse = "source.conexus.reuse";
    let by_itself = json!({ "diagnostics": [], "triggerKind": 2 });
    for (uri, line, context, is_offered) in [
        (&copy, 1, any(), true),
        (&original, 1, any(), true),
        (&copy, 1, by_itself, false),
        (&session.uri("src/retry.rs"), 1, any(), false),
        (&session.uri("src/retry.rs"), 10, any(), false),
    ] {
        let offered = actions(&mut client, uri, &position(line, 9), &context);
        assert!(!offered.is_empty(), "{uri}:{line}");
        assert_eq!(offered.iter().any(|(kind, _)| kind == reuse), is_offered, "{uri}:{line} {context}");
    }
    client.shut_down();
}

#[test]
fn a_context_pack_is_a_document() {
    let session = workspace();
    let mut client = serve(&session, true);
    let offered = actions(&mut client, &session.uri("src/retry.rs"), &position(1, 12), &any());
    let answer = execute(&mut client, &offered, "source.conexus.context");
    let markdown = answer["markdown"].as_str().expect("a text");
    assert!(markdown.contains("retry_failed_request"), "{markdown}");
    assert!(answer["tokens"].as_u64().expect("tokens") <= 4000);
    let shown = client.expect("window/showDocument");
    let file = shown["params"]["uri"].as_str().expect("a URI").strip_prefix("file://").expect("a file").to_owned();
    assert_eq!(std::fs::read_to_string(&file).expect("it was written"), markdown);
    // A client that says no is told in a sentence where it is.
    client.respond(&shown, &json!({ "success": false }));
    let message = client.expect("window/showMessage")["params"]["message"].as_str().expect("text").to_owned();
    assert!(message.contains(&file), "{message}");
    client.shut_down();
}

#[test]
fn a_client_that_presents_results_is_left_alone() {
    let session = workspace();
    let mut client = session.start();
    let capabilities = json!({ "window": { "showDocument": { "support": true } }, "experimental": { "conexus": { "presentsResults": true } } });
    client.initialize(&json!({ "rootUri": session.uri(""), "capabilities": capabilities }));
    client.wait_until_idle();
    let offered = actions(&mut client, &session.uri("src/retry.rs"), &position(1, 12), &any());
    let answer = execute(&mut client, &offered, "source.conexus.callees");
    assert_eq!(answer["relations"][0]["name"], "send_once");
    client.shut_down();
}
