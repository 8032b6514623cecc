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
    client.did_change(&uri, 2, [0, 0, 0, 0], "fn on_top() {}\n");
    for action in actions.as_array().expect("actions") {
        assert_eq!(client.call_error("codeAction/resolve", action)["code"], -32801, "{action}");
        let Value::Object(command) = &action["command"] else { panic!("no command: {action}") };
        let params = json!({ "command": command["command"], "arguments": command["arguments"] });
        assert_eq!(client.call_error("workspace/executeCommand", &params)["code"], -32801, "{action}");
    }
    client.shut_down();
}

#[test]
fn an_answer_that_a_change_overtakes_is_not_given() {
    let session = workspace();
    let mut client = session.serve();
    client.ignore("window/showMessage");
    let uri = session.uri("src/long.rs");
    let mut version = 1;
    client.did_open(&uri, "rust", "");
    let here = json!({ "textDocument": { "uri": uri }, "position": position(0, 5) });
    let command = json!({ "uri": uri, "position": position(0, 5) });
    for (method, params) in [
        ("conexus/related", here.clone()),
        ("conexus/context", here),
        ("workspace/executeCommand", json!({ "command": "conexus.showCallers", "arguments": [command] })),
    ] {
        let overtaken = (0..50).any(|_| {
            // It waits for a text that takes a while to analyse, and has begun when the status is known.
            let long = (0..3000).map(|at| format!("fn long_{at}_{version}() {{ call({at}); }}\n"));
            client.did_replace(&uri, version + 1, &long.collect::<Vec<_>>().concat());
            let asked = client.request(method, &params);
            client.call("conexus/status", &Value::Null);
            version += 2;
            client.did_change(&uri, version, [0, 0, 0, 0], "//\n");
            let answer = client.answer(&asked);
            match answer["error"]["code"].as_i64() {
                None => false,
                code => code == Some(-32801) || panic!("{answer}"),
            }
        });
        assert!(overtaken, "{method}: no answer of 50 was");
    }
    client.shut_down();
}
