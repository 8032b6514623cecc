//! What somebody works on raises what belongs to it and hides nothing.

use conexus_testkit::{LspClient, file_uri};
use serde_json::{Value, json};

use super::{
    Session,
    client::{Client, Http, Revision},
    paths, serve, session,
};

/// Files that nothing but their paths tells apart, each with the ticket of the commit that changed it.
const EQUAL: [(&str, &str); 3] =
    [("src/parts/a.rs", "QUE-76"), ("src/parts/b.rs", "QUE-77"), ("src/parts/c.rs", "QUE-78")];

/// A repository with them.
fn equal() -> Session {
    let session = session();
    for (path, ticket) in EQUAL {
        session.workspace.write(path, "pub fn measure_the_tide() {}\n");
        session.workspace.commit(&format!("Measure the tide, {ticket}"));
    }
    session
}

/// The three in the order of an answer.
fn equal_in(answer: &Value) -> Vec<String> {
    let is_one = |path: &String| EQUAL.iter().any(|(equal, _)| equal == path);
    paths(answer, "hits").into_iter().filter(is_one).collect()
}

/// The same for a search.
fn order(client: &mut Http, work_context: &Value) -> Vec<String> {
    equal_in(&client.tool("context_search", &json!({ "query": "measure the tide", "work_context": work_context })))
}

/// One of them first, the others behind it as they were.
fn raised(path: &str, plain: &[String]) -> Vec<String> {
    assert_eq!(plain.len(), EQUAL.len(), "{plain:?}");
    let others = plain.iter().filter(|other| *other != path);
    std::iter::once(path.to_owned()).chain(others.cloned()).collect()
}

#[test]
fn what_is_named_comes_first_and_all_stay() {
    let session = equal();
    let (_server, mut client) = serve(&session, Revision::New);
    let plain = order(&mut client, &json!({}));
    for (path, ticket) in EQUAL {
        for work in [
            json!({ "active_file": path }),
            json!({ "open_ticket_ids": [ticket] }),
            json!({ "git_branch": format!("feature/{}-tide", ticket.to_lowercase()) }),
        ] {
            assert_eq!(order(&mut client, &work), raised(path, &plain), "{work}");
        }
    }
    assert_eq!(order(&mut client, &json!({ "git_branch": "tide-without-ticket" })), plain);
}

/// The live session knows the checked-out branch and the document that is worked on; what the caller names counts instead.
#[test]
fn the_session_fills_in_the_branch_and_the_document() {
    let session = equal();
    let mut editor = LspClient::open(session.command(["lsp"]), session.workspace.root());
    editor.wait_until_idle();
    let mut client = Http::connect(&session, Revision::Old);
    let plain = order(&mut client, &json!({}));
    for (path, ticket) in EQUAL {
        session.workspace.branch(&format!("feature/{ticket}-tide"));
        assert_eq!(order(&mut client, &json!({})), raised(path, &plain), "{ticket}");
        let (other, named) = EQUAL[usize::from(ticket == EQUAL[0].1)];
        assert_eq!(order(&mut client, &json!({ "git_branch": named })), raised(other, &plain), "{ticket}");
    }
    session.workspace.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(order(&mut client, &json!({})), plain);
    for (path, _) in EQUAL {
        editor.did_open(&file_uri(&session.workspace.path(path)), "rust", "pub fn measure_the_tide() {}\n");
        // The two ways into the session are two: this one says that it has read so far.
        editor.call("workspace/symbol", &json!({ "query": "measure" }));
        assert_eq!(order(&mut client, &json!({})), raised(path, &plain), "{path}");
        let (other, _) = EQUAL[usize::from(path == EQUAL[0].0)];
        assert_eq!(order(&mut client, &json!({ "active_file": other }))[0], other, "{path}");
    }
    editor.shut_down();
}

/// Switched off, the history does not say what belongs to the branch, and a branch that nobody named is no notice.
#[test]
fn the_branch_counts_for_nothing_without_the_history() {
    let session = equal();
    let (_server, mut client) = serve(&session, Revision::New);
    let plain = order(&mut client, &json!({}));
    let (path, ticket) = *EQUAL.iter().find(|(path, _)| *path == plain[2]).expect("one of them");
    session.workspace.branch(ticket);
    assert_eq!(order(&mut client, &json!({})), raised(path, &plain));
    let off = json!({ "action": "update", "name": "git_history", "enabled": false });
    client.tool("context_connector_management", &off);
    let told = client.tool("context_search", &json!({ "query": "measure the tide" }));
    assert_eq!((equal_in(&told), &told["notices"]), (plain, &json!([])), "{told:#}");
}
