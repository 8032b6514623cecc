//! The findings of a check as assistants ask for them.

use conexus_testkit::{LspClient, PARSE_DURATION, duration_copied, file_uri};
use serde_json::{Value, json};

use super::{
    Session,
    client::{Client, Http, Revision},
    notices, serve, session,
};

/// A repository in which the function stands once, and is used.
fn with_function() -> Session {
    let session = session();
    session.workspace.write("src/config.rs", PARSE_DURATION);
    session.workspace.write("src/main.rs", "fn main() {\n    println!(\"{:?}\", config::parse_duration(\"1\"));\n}\n");
    session.workspace.write("src/wait.rs", "// Waits.\n");
    session.workspace.write("src/old.rs", "pub fn bare() {}\n\npub fn plain() {}\n");
    session.workspace.commit("Add durations");
    session
}

/// A request is answered after what came before it.
fn until_read(editor: &mut LspClient) {
    editor.call("workspace/symbol", &json!({ "query": "parse_duration" }));
}

/// Rule and place of each finding.
fn places(answer: &Value) -> Vec<String> {
    let findings = answer["findings"].as_array().unwrap_or_else(|| panic!("no findings: {answer}"));
    let told = |finding: &Value| format!("{} {}:{}", finding["rule"], finding["path"], finding["line"]);
    findings.iter().map(|finding| told(finding).replace('"', "")).collect()
}

#[test]
fn a_duplicate_that_is_not_saved_is_found_through_mcp() {
    let session = with_function();
    let mut editor = LspClient::open(session.command(["lsp"]), session.workspace.root());
    editor.wait_until_idle();
    let mut client = Http::of(&session, Revision::New);
    let nothing = client.tool("context_check", &json!({}));
    assert_eq!((&nothing["findings"], notices(&nothing)), (&json!([]), vec!["nothing_unsaved"]), "{nothing:#}");
    let uri = file_uri(&session.workspace.path("src/wait.rs"));
    editor.did_open(&uri, "rust", "// Waits.\n");
    let nothing = client.tool("context_check", &json!({}));
    assert_eq!(notices(&nothing), ["nothing_unsaved"], "an open document is not an unsaved one: {nothing:#}");
    editor.did_replace(&uri, 2, &format!("// Waits.\n\n/// Reads how long a pause is.\n{}", duration_copied()));
    until_read(&mut editor);
    let found = client.tool("context_check", &json!({ "rules": ["duplicate-code"] }));
    let finding = &found["findings"][0];
    assert_eq!(places(&found), ["duplicate-code src/wait.rs:4"], "{found:#}");
    assert_eq!((&finding["others"][0]["path"], &finding["others"][0]["line"]), (&json!("src/config.rs"), &json!(2)));
    assert_eq!((&finding["unsaved_version"], &found["truncated"]), (&json!(2), &json!(false)), "{found:#}");
    // A saved line that has a finding is none of what was just typed.
    let old = file_uri(&session.workspace.path("src/old.rs"));
    editor.did_open(&old, "rust", "pub fn bare() {}\n\npub fn plain() {}\n\npub fn typed() {}\n");
    until_read(&mut editor);
    let rules = json!(["undocumented-public"]);
    let unsaved = client.tool("context_check", &json!({ "rules": rules }));
    assert_eq!(places(&unsaved), ["undocumented-public src/old.rs:5"], "{unsaved:#}");
    let named = client.tool("context_check", &json!({ "paths": ["src/old.rs"], "rules": rules }));
    assert_eq!(named["total"], 3, "{named:#}");
    editor.did_replace(&uri, 3, "// Waits.\n");
    until_read(&mut editor);
    let gone = client.tool("context_check", &json!({ "rules": ["duplicate-code"] }));
    assert_eq!(places(&gone), [""; 0], "{gone:#}");
    editor.shut_down();
}

#[test]
fn findings_are_of_paths_and_changes_and_come_in_pages() {
    let session = with_function();
    let (_server, mut client) = serve(&session, Revision::Old);
    let clean = client.tool("context_check", &json!({ "paths": ["src/config.rs"] }));
    assert_eq!((places(&clean), notices(&clean)), (vec![], vec!["no_match"]), "{clean:#}");
    assert_eq!(clean["checked_files"], 1);
    let same = client.tool("context_check", &json!({ "changed_since": "HEAD" }));
    assert_eq!((places(&same), notices(&same)), (vec![], vec!["no_match"]), "{same:#}");
    session.workspace.write("src/wait.rs", duration_copied());
    let arguments = json!({
        "changed_since": "HEAD", "rules": ["reinvented"],
        "min_generation": same["generation"].as_u64().map(|generation| generation + 1), "wait_ms": 10_000,
    });
    let change = client.tool("context_check", &arguments);
    assert_eq!(places(&change), ["reinvented src/wait.rs:1"], "{change:#}");
    let help = change["findings"][0]["help"].as_str().expect("help");
    assert!(help.contains("`input` is `text` there"), "what is new comes first: {help}");
    let whole =
        client.tool("context_check", &json!({ "paths": ["."], "rules": ["undocumented-public", "duplicate-code"] }));
    let all = places(&whole);
    assert!(all.len() > 2 && whole["total"] == all.len(), "{whole:#}");
    let mut paged = Vec::new();
    let mut cursor = Value::Null;
    loop {
        let rules = json!(["undocumented-public", "duplicate-code"]);
        let page =
            client.tool("context_check", &json!({ "paths": ["."], "rules": rules, "limit": 1, "cursor": cursor }));
        paged.extend(places(&page));
        cursor = page["cursor"].clone();
        assert_eq!(page["truncated"], !cursor.is_null(), "{page:#}");
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(paged, all);
    // What the user's settings and comments ignore is not told here either.
    session.workspace.write("conexus.toml", "[check]\nignore = [\"duplicate-code\"]\n");
    let ignored = client.tool("context_check", &json!({ "paths": ["src"] }));
    assert_eq!(places(&ignored), [""; 0], "{ignored:#}");
    session.workspace.write("conexus.toml", "[check]\nselect = [\"such\"]\n");
    let reason = client.refusal("context_check", &json!({ "paths": ["src"] }));
    assert!(reason.contains("conexus.toml") || reason.contains("check.select"), "{reason}");
}
