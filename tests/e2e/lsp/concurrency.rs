//! Many things at once.

use serde_json::{Value, json};

use super::{names, position, workspace};

#[test]
fn two_hundred_requests_at_once_are_all_answered() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/queue.rs");
    client.did_open(&uri, "rust", &session.text("src/queue.rs"));
    let mut ids = Vec::new();
    for at in 0..200 {
        let here = json!({ "textDocument": { "uri": session.uri("src/retry.rs") }, "position": position(1, 10) });
        ids.push(match at % 5 {
            0 => client.request("workspace/symbol", &json!({ "query": "send" })),
            1 => client.request("conexus/search", &json!({ "query": "try a request again" })),
            2 => client.request("conexus/similar", &here),
            3 => client.request("conexus/context", &here),
            _ => client.request("conexus/status", &Value::Null),
        });
        if at % 10 == 0 {
            client.did_change(&uri, at / 10 + 2, [0, 0, 0, 0], "//\n");
        }
    }
    client.did_change(&uri, 22, [0, 0, 0, 0], "fn typed_in_the_crowd() {}\n");
    assert_eq!(names(&mut client, "typed_in_the_crowd"), ["typed_in_the_crowd"]);
    // In any order.
    for id in ids.iter().rev() {
        client.result(id);
    }
    client.shut_down();
}

#[test]
fn every_request_knows_the_change_before_it() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/queue.rs");
    client.did_open(&uri, "rust", "fn state_0() {}\n");
    let mut asked = Vec::new();
    for version in 1..100 {
        client.did_replace(&uri, version + 1, &format!("fn state_{version}() {{}}\n"));
        asked.push((version + 1, client.request("conexus/search", &json!({ "query": "state" }))));
    }
    for (version, id) in asked {
        let answer = client.result(&id);
        let seen = answer["seen"][0]["documents"][0]["version"].as_i64().expect("a version");
        assert!(seen >= i64::from(version), "asked after version {version}, answered from {seen}");
    }
    client.shut_down();
}

#[test]
fn cancelled_requests_say_so_and_the_others_do_not_mind() {
    let session = workspace();
    let mut client = session.serve();
    let mut cancelled = 0;
    let mut ids = Vec::new();
    for _ in 0..100 {
        ids.push(
            client.request("conexus/search", &json!({ "query": "try a request again after a failure", "limit": 1000 })),
        );
    }
    for id in &ids {
        client.notify("$/cancelRequest", &json!({ "id": id }));
    }
    for id in &ids {
        let answer = client.answer(id);
        match answer["error"]["code"].as_i64() {
            Some(-32800) => cancelled += 1,
            None => assert!(answer["result"]["hits"].is_array(), "{answer}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(cancelled > 0, "all hundred were done before the first was cancelled");
    assert_eq!(names(&mut client, "retry_failed_request")[0], "retry_failed_request");
    client.shut_down();
}

#[test]
fn an_answer_about_a_text_that_is_gone_is_not_given() {
    let session = workspace();
    let mut client = session.serve();
    let uri = session.uri("src/retry.rs");
    client.did_open(&uri, "rust", &session.text("src/retry.rs"));
    let at = position(1, 10);
    let params = json!({ "textDocument": { "uri": uri }, "range": { "start": at, "end": at }, "context": { "diagnostics": [] } });
    let actions = client.call("textDocument/codeAction", &params);
    client.call("codeAction/resolve", &actions[0]);
    client.did_change(&uri, 2, [0, 0, 0, 0], "//\n");
    assert_eq!(client.call_error("codeAction/resolve", &actions[0])["code"], -32801);
    client.shut_down();
}
