//! Who must be kept out or slowed down: hostile strings, slow and many requests, other machines, secrets in files.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use conexus_testkit::{run, wait_for};
use serde_json::{Value, json};

use super::{
    DEADLINE, Session,
    client::{Client, Http, Revision, http},
    notices, serve, session, start,
};

/// The same session under other settings of the endpoint.
pub(super) fn configured(mcp: &str) -> Session {
    let session = session();
    let folder = session.program.home().join("config/conexus");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("conexus.toml"), format!("[mcp]\n{mcp}\n")).expect("the settings");
    session
}

/// What may not come back, whatever is asked: of a file outside, of an ignored one, of a secret one.
const FORBIDDEN: [&str; 5] =
    ["outside_swordfish", "swordfish-of-the-deep", "ignored_swordfish", "root:x:", "internal error"];

/// Texts that lead out or break parsers.
fn hostile(session: &Session) -> Vec<String> {
    let outside = session.program.home().join("outside.rs");
    std::fs::write(&outside, "pub fn outside_swordfish() {}\n").expect("a file");
    let strings = [
        "../outside.rs", "src/../../outside.rs", "/etc/passwd", "/proc/self/environ", ".env", "ignored.rs",
        ".git/config", "\0", "", "\u{202e}\u{feff}\u{fffd}", "%00%2e%2e%2f", "..%2foutside.rs",
        "'; DROP TABLE files; --", "$(touch /pwned)", "{{7*7}}", "--help", "-----BEGIN", "(((((((((((((((((", "[",
        "a{1000000}", "file:///etc/passwd", "\n\r\t\u{1b}[2J",
    ];
    let absolute = outside.to_string_lossy().into_owned();
    strings.into_iter().map(str::to_owned).chain([absolute, "x".repeat(100_000)]).collect()
}

/// Asks and looks at the answer, whatever it is. What was asked is taken out: an answer may repeat it.
fn ask_hostile(client: &mut Http, method: &str, params: &Value, text: &str) {
    let answer = client.ask(method, params).to_string();
    let quoted = json!(text).to_string();
    let answer = if text.is_empty() { answer } else { answer.replace(quoted.trim_matches('"'), "") };
    for forbidden in FORBIDDEN {
        assert!(!answer.contains(forbidden), "{method} {params}: {answer}");
    }
}

/// A value that holds a text, for a parameter that takes one; `None` for numbers, flags and choices.
fn holding(property: &Value, text: &str) -> Option<Value> {
    match (property["type"].as_str(), property.get("enum")) {
        (Some("string"), None) => Some(json!(text)),
        (Some("array"), _) => Some(json!([holding(&property["items"], text)?])),
        (Some("object"), _) => {
            let inner = property["properties"].as_object()?;
            let held: serde_json::Map<_, _> =
                inner.iter().filter_map(|(name, property)| Some((name.clone(), holding(property, text)?))).collect();
            (!held.is_empty()).then_some(Value::Object(held))
        }
        _ => None,
    }
}

/// With what a parameter of a tool is asked, beside the parameter itself: a call that would be good but for that one.
/// Each parameter that takes a text stands here; a new one makes the test fail until it does.
const TRIED: &[(&str, &str, &[&str])] = &[
    ("context_search", "query", &[r"{}"]),
    ("context_search", "paths", &[r#"{"query":"retry"}"#]),
    ("context_search", "languages", &[r#"{"query":"retry"}"#]),
    ("context_search", "kinds", &[r#"{"query":"retry"}"#]),
    ("context_search", "work_context", &[r#"{"query":"retry"}"#]),
    ("context_search", "cursor", &[r#"{"query":"retry"}"#]),
    ("context_read", "file_path", &[r"{}", r#"{"start_line":1,"end_line":2}"#, r#"{"symbol":"send_once"}"#]),
    ("context_read", "symbol", &[r"{}", r#"{"file_path":"src/retry.rs"}"#]),
    ("context_read", "cursor", &[r#"{"file_path":"src/retry.rs"}"#]),
    ("context_grep", "pattern", &[r"{}"]),
    ("context_grep", "paths", &[r#"{"pattern":"swordfish"}"#]),
    ("context_grep", "cursor", &[r#"{"pattern":"fn"}"#]),
    ("context_get_related_info", "symbol", &[r"{}", r#"{"file_path":"src/retry.rs"}"#]),
    ("context_get_related_info", "file_path", &[r"{}", r#"{"line":1}"#, r#"{"symbol":"send_once"}"#]),
    ("context_get_related_info", "ticket_id", &[r"{}"]),
    ("context_get_related_info", "cursor", &[r#"{"symbol":"send_once"}"#]),
    ("context_explain", "symbol", &[r"{}", r#"{"file_path":"src/retry.rs"}"#]),
    ("context_explain", "file_path", &[r"{}", r#"{"line":1}"#, r#"{"symbol":"send_once"}"#]),
    ("context_explain", "cursor", &[r#"{"symbol":"send_once"}"#]),
    ("context_check", "paths", &[r"{}", r#"{"rules":["undocumented-public"]}"#]),
    ("context_check", "changed_since", &[r"{}", r#"{"paths":["src"]}"#]),
    ("context_check", "rules", &[r#"{"paths":["src"]}"#]),
    ("context_check", "cursor", &[r#"{"paths":["src"]}"#]),
    ("context_index_control", "paths", &[r#"{"action":"reindex_paths"}"#, r#"{"action":"status"}"#]),
    ("context_index_control", "cursor", &[r#"{"action":"status"}"#]),
    (
        "context_connector_management",
        "name",
        &[r#"{"action":"add"}"#, r#"{"action":"update","enabled":true}"#, r#"{"action":"remove"}"#],
    ),
    (
        "context_connector_management",
        "path",
        &[r#"{"action":"add","name":"more"}"#, r#"{"action":"update","name":"more"}"#],
    ),
    ("context_connector_management", "cursor", &[r#"{"action":"list"}"#]),
    ("context_editor", "file_path", &[r#"{"action":"show"}"#, r#"{"action":"replace","text":"x"}"#]),
    ("context_editor", "text", &[r#"{"action":"replace","file_path":"../outside.rs"}"#]),
    ("context_editor", "version", &[r#"{"action":"replace","file_path":"src/queue.rs","text":"x"}"#]),
];

/// Every text that a tool takes is given paths that lead out and texts that break parsers; whatever the parameter means,
/// nothing of a file outside, an ignored one or a secret comes back, nothing outside is written, and the endpoint goes on.
#[test]
fn no_string_in_any_parameter_of_any_tool_does_harm() {
    let session = session();
    let hostile = hostile(&session);
    let outside = session.program.home().join("outside.rs");
    let folder = session.program.home().join("config/conexus");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("conexus.toml"), "[editor]\nassistants = true\n").expect("the settings");
    let editor = super::editor::willing(&session);
    let mut client = Http::connect(&session, Revision::Old);
    super::until_idle(&mut client);
    let tools = client.result("tools/list", &json!({}))["tools"].clone();
    let mut untried: Vec<_> = TRIED.iter().map(|(tool, parameter, _)| (*tool, *parameter)).collect();
    for tool in tools.as_array().expect("tools") {
        let name = tool["name"].as_str().expect("a name");
        for (parameter, property) in tool["inputSchema"]["properties"].as_object().expect("properties") {
            if holding(property, "").is_none() {
                continue;
            }
            let (_, _, calls) = TRIED
                .iter()
                .find(|(tool, tried, _)| *tool == name && tried == parameter)
                .unwrap_or_else(|| panic!("{name} takes a text as {parameter}, which is not tried here"));
            untried.retain(|tried| *tried != (name, parameter));
            for (text, call) in hostile.iter().flat_map(|text| calls.iter().map(move |call| (text, call))) {
                let mut arguments: Value = serde_json::from_str(call).expect("JSON");
                arguments[parameter] = holding(property, text).expect("a value");
                ask_hostile(&mut client, "tools/call", &json!({ "name": name, "arguments": arguments }), text);
            }
        }
    }
    assert_eq!(untried, [], "no such parameter");
    assert_eq!(std::fs::read_to_string(&outside).expect("a file"), "pub fn outside_swordfish() {}\n");
    let sources = client.tool("context_connector_management", &json!({ "action": "list" }));
    let kinds: Vec<_> = sources["sources"].as_array().expect("sources").iter().map(|source| &source["name"]).collect();
    assert!(
        kinds.iter().all(|name| ["workspace", "git_history", "more"].contains(&name.as_str().expect("a name"))),
        "{kinds:?}"
    );
    assert_eq!(http(&client.address, "GET", "/healthz", &client.headers("x", &json!({})), "").status, 200);
    editor.shut_down();
}

/// The same for everything else that takes a text: addresses of resources, arguments of prompts, what is completed.
#[test]
fn no_string_in_any_other_request_does_harm() {
    let session = session();
    let hostile = hostile(&session);
    let (_server, mut client) = serve(&session, Revision::Old);
    client.initialize();
    let prompts = client.result("prompts/list", &json!({}))["prompts"].clone();
    let templates = client.result("resources/templates/list", &json!({}))["resourceTemplates"].clone();
    let references: Vec<Value> = (templates.as_array().into_iter().flatten())
        .map(|template| json!({ "type": "ref/resource", "uri": template["uriTemplate"] }))
        .chain(
            prompts
                .as_array()
                .into_iter()
                .flatten()
                .map(|prompt| json!({ "type": "ref/prompt", "name": prompt["name"] })),
        )
        .collect();
    assert_eq!(references.len(), 5, "{references:?}");
    for text in &hostile {
        for uri in [
            text.clone(),
            format!("conexus://file/{text}"),
            format!("conexus://file/src/retry.rs?lines={text}"),
            format!("conexus://symbol/{text}"),
            format!("conexus://symbol/send_once?path={text}"),
        ] {
            for method in ["resources/read", "resources/subscribe", "resources/unsubscribe"] {
                ask_hostile(&mut client, method, &json!({ "uri": uri }), text);
            }
        }
        ask_hostile(&mut client, "resources/list", &json!({ "cursor": text }), text);
        ask_hostile(&mut client, "prompts/get", &json!({ "name": text }), text);
        for prompt in prompts.as_array().into_iter().flatten() {
            for argument in prompt["arguments"].as_array().into_iter().flatten() {
                let params = json!({ "name": prompt["name"], "arguments": { argument["name"].as_str().expect("a name"): text } });
                ask_hostile(&mut client, "prompts/get", &params, text);
            }
        }
        for reference in &references {
            for name in ["path", "name", "symbol", "change", text] {
                let params = json!({ "ref": reference, "argument": { "name": name, "value": text } });
                ask_hostile(&mut client, "completion/complete", &params, text);
            }
        }
    }
    assert_eq!(http(&client.address, "GET", "/healthz", &client.headers("x", &json!({})), "").status, 200);
}

#[test]
fn bodies_that_are_no_requests_are_refused() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::Old);
    let headers = client.headers("tools/list", &json!({}));
    let deep = "[".repeat(500_000);
    let nested = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{}{}}}",
        "{\"a\":".repeat(50_000),
        "1"
    );
    for body in [
        "",
        "null",
        "[]",
        "{}",
        "\"x\"",
        "{\"jsonrpc\":\"2.0\"}",
        "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}",
        &deep,
        &nested,
    ] {
        for path in ["/mcp", "/v1/call", "/v1/search"] {
            let answer = http(&client.address, "POST", path, &headers, body);
            assert!((400..500).contains(&answer.status), "{path} {}: {answer:?}", &body[..body.len().min(60)]);
        }
    }
    for path in ["/", "/mcp/../healthz", "/v1", "//mcp", "/metrics/x", "/%2e%2e/etc/passwd"] {
        let status = http(&client.address, "GET", path, &headers, "").status;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    assert_eq!(client.result("tools/list", &json!({}))["tools"].as_array().map(|tools| !tools.is_empty()), Some(true));
}

/// Opens a connection, sends this much and no more, and waits until the endpoint hangs up or answers; what it answered.
fn starve(address: &str, text: &str) -> (String, Duration) {
    let mut stream = TcpStream::connect(address).expect("the endpoint listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a time-out");
    let start = Instant::now();
    stream.write_all(text.as_bytes()).expect("it reads");
    let mut answer = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut answer);
    (String::from_utf8_lossy(&answer).into_owned(), start.elapsed())
}

#[test]
fn slow_requests_are_let_go() {
    let session = configured("arrival_seconds = 1");
    let (_server, mut client) = serve(&session, Revision::Old);
    let headers = client.headers("tools/list", &json!({})).join("\r\n");
    let cases = [
        String::new(),
        "POST /mcp HTTP/1.1\r\nHost: 127".to_owned(),
        format!("POST /mcp HTTP/1.1\r\n{headers}\r\nContent-Length: 1000\r\n\r\n{{"),
        format!("POST /v1/call HTTP/1.1\r\n{headers}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{{"),
    ];
    std::thread::scope(|scope| {
        for case in &cases {
            let address = &client.address;
            scope.spawn(move || {
                let (answer, took) = starve(address, case);
                assert!(took < DEADLINE / 2, "{case:?} was kept for {took:?}");
                assert!(!answer.starts_with("HTTP/1.1 200"), "{case:?}: {answer}");
            });
        }
    });
    client.result("tools/list", &json!({}));
}

#[test]
fn an_answer_that_does_not_begin_in_time_is_given_up() {
    let session = configured("answer_seconds = 1");
    let (_server, mut client) = serve(&session, Revision::Old);
    let arguments = json!({ "query": "queue", "min_generation": 1_000_000, "wait_ms": 10_000 });
    let params = json!({ "name": "context_search", "arguments": arguments });
    let body = client.body("tools/call", &params);
    let started = Instant::now();
    let answer = http(&client.address, "POST", "/mcp", &client.headers("tools/call", &params), &body);
    assert_eq!(answer.status, 504, "{answer:?}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    let metrics = wait_for("the end of the call", DEADLINE, || {
        let metrics = super::watching::metrics(&client);
        metrics.contains_key("conexus_calls_total{outcome=\"cancelled\",tool=\"context_search\"}").then_some(metrics)
    });
    assert_eq!(metrics.get("conexus_http_responses_total{status=\"504\"}"), Some(&1.0), "{metrics:#?}");
}

/// What an assistant may make part of the index is for its user to say, not for the assistant and not for a repository.
#[test]
fn no_folder_becomes_a_source_that_the_user_does_not_allow() {
    let session = session();
    let home = session.program.home().canonicalize().expect("a folder");
    for folder in ["private/inner", "manuals/good", "mine"] {
        std::fs::create_dir_all(home.join(folder)).expect("a folder");
        std::fs::write(home.join(folder).join("page.md"), "# Page\n\nThe outside swordfish.\n").expect("a file");
    }
    let path = |name: &str| home.join(name).to_string_lossy().into_owned();
    let tool = "context_connector_management";
    let refused = |client: &mut Http, arguments: Value| {
        let reason = client.refusal(tool, &arguments);
        assert!(reason.contains("mcp.source_folders"), "{arguments}: {reason}");
        reason.replace(arguments["path"].as_str().unwrap_or_default(), "")
    };
    let add = |path: &str| json!({ "action": "add", "name": "more", "kind": "folder", "path": path });

    // By default nothing, and no answer tells what there is.
    let (server, mut client) = serve(&session, Revision::Old);
    let there = refused(&mut client, add(&path("private")));
    assert_eq!(there, refused(&mut client, add(&path("no such folder"))));
    drop(server);
    std::fs::remove_dir_all(home.join("cache/conexus/run")).expect("the folder of endpoints");

    // A repository has no say.
    session.workspace.write("conexus.toml", format!("[mcp]\nsource_folders = ['{}']\n", path("private")));
    let run = run(session.command(["serve"])).expect(2);
    assert!(run.stderr.contains("`mcp`") && run.stderr.contains("user's settings file only"), "{run}");
    session.workspace.remove("conexus.toml");

    // Folders below those that the user names, wherever links and `..` lead.
    #[cfg(unix)]
    std::os::unix::fs::symlink(home.join("private"), home.join("manuals/link")).expect("a link");
    let settings = home.join("config/conexus");
    std::fs::create_dir_all(settings.join("sources")).expect("a folder");
    std::fs::write(settings.join("conexus.toml"), "[mcp]\nsource_folders = ['../../manuals']\n").expect("a file");
    let (_server, mut client) = serve(&session, Revision::New);
    let mut ways = vec!["private", "private/inner", "manuals/../private", "manuals/good/../../private", "manualsx"];
    if cfg!(unix) {
        ways.push("manuals/link");
    }
    for way in ways {
        refused(&mut client, add(&path(way)));
    }
    client.tool(tool, &add(&path("manuals/good")));
    refused(&mut client, json!({ "action": "update", "name": "more", "path": path("private") }));
    let listed = client.tool(tool, &json!({ "action": "list" }));
    assert_eq!(listed["sources"][2]["path"], json!(path("manuals/good")), "{listed:#}");

    // What the user put there an assistant may have less of, and not more again.
    let file =
        std::fs::read_dir(settings.join("sources")).expect("a folder").next().expect("a file").expect("an entry");
    let text = std::fs::read_to_string(file.path()).expect("a file");
    let own = format!("\n[[folder]]\nname = 'mine'\nkind = 'folder'\npath = '{}'\n", path("mine"));
    std::fs::write(file.path(), text + &own).expect("a file");
    for less in [json!({ "kind": "documentation" }), json!({ "enabled": false })] {
        let mut arguments = json!({ "action": "update", "name": "mine" });
        arguments.as_object_mut().expect("an object").extend(less.as_object().expect("an object").clone());
        client.tool(tool, &arguments);
    }
    for more in ["folder", "documentation"] {
        refused(&mut client, json!({ "action": "update", "name": "mine", "kind": more, "enabled": true }));
    }
    client.tool(tool, &json!({ "action": "remove", "name": "mine" }));
    refused(&mut client, json!({ "action": "add", "name": "mine", "path": path("mine") }));
}

#[test]
fn one_client_that_floods_is_slowed_down_and_others_are_not() {
    let session = configured("requests_per_second = 2\naudit_log = 'audit.jsonl'");
    let _server = start(&session, session.command(["serve"]));
    let client = Http::connect(&session, Revision::Old);
    let named = |name: &str| {
        let mut headers = client.headers("x", &json!({}));
        headers.push(format!("User-Agent: {name}"));
        headers
    };
    let ask = |name: &str| http(&client.address, "GET", "/healthz", &named(name), "");
    let statuses: Vec<u16> = (0..30).map(|_| ask("flood").status).collect();
    assert_eq!(statuses[0], 200, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 429)) && statuses.contains(&429), "{statuses:?}");
    assert_eq!(ask("somebody else").status, 200);
    wait_for("the flood to be forgotten", DEADLINE, || (ask("flood").status == 200).then_some(()));

    // Who does not know the token is slowed down whatever it calls itself, fills no log, and is in nobody's way.
    let guess = |number: usize| {
        let mut headers = named(&format!("guess {number}"));
        headers[1] = format!("Authorization: Bearer guess{number}");
        http(&client.address, "GET", "/healthz", &headers, "").status
    };
    let statuses: Vec<u16> = (0..60).map(guess).collect();
    assert_eq!(statuses[0], 401, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 401 | 429)) && statuses.contains(&429), "{statuses:?}");
    assert_eq!(ask("who knows the token").status, 200);
    wait_for("an end of the refusals", DEADLINE, || (guess(60) == 401).then_some(()));
    let told = statuses.iter().filter(|status| **status == 401).count();
    let noted = wait_for("the refusals in the log", DEADLINE, || {
        let log = session.program.home().join("config/conexus/audit.jsonl");
        let text = std::fs::read_to_string(log).ok()?;
        let guesses: Vec<Value> = text
            .lines()
            .filter(|line| line.contains(" guess "))
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        (guesses.len() > told).then_some(guesses)
    });
    assert_eq!(noted.len(), told + 1, "{noted:#?}");
    assert!(noted.iter().all(|line| line["status"] == 401), "{noted:#?}");
}

#[test]
fn requests_beyond_those_in_flight_are_refused_at_once() {
    let session = configured("in_flight = 2\narrival_seconds = 5");
    let (_server, mut client) = serve(&session, Revision::Old);
    let headers = client.headers("tools/list", &json!({})).join("\r\n");
    let slow = format!("POST /v1/call HTTP/1.1\r\n{headers}\r\nContent-Length: 1000\r\n\r\n{{");
    let mut held: Vec<TcpStream> = (0..2).map(|_| TcpStream::connect(&client.address).expect("a connection")).collect();
    for stream in &mut held {
        stream.write_all(slow.as_bytes()).expect("it reads");
    }
    let good = client.headers("x", &json!({}));
    let ask = || http(&client.address, "GET", "/healthz", &good, "").status;
    wait_for("a refusal", DEADLINE, || (ask() == 503).then_some(()));
    drop(held);
    wait_for("room again", DEADLINE, || (ask() == 200).then_some(()));
    client.result("tools/list", &json!({}));
}

/// A workspace whose comparison with a fresh index takes seconds, and a call that makes one and is told how far it is.
fn long_comparison(mcp: &str) -> (Session, Value) {
    let session = configured(mcp);
    for number in 0..4_000 {
        let function = |at: u32| format!("pub fn part_{number}_{at}(a: u32) -> u32 {{\n    a + {at}\n}}\n");
        session.workspace.write(&format!("src/many/m{number}.rs"), (0..20).map(function).collect::<String>());
    }
    let arguments = json!({ "action": "verify" });
    let params = json!({ "name": "context_index_control", "arguments": arguments, "_meta": { "progressToken": "p" } });
    (session, params)
}

/// What comes on a stream, up to the answer.
fn until_answered(stream: &Receiver<Value>) -> Vec<Value> {
    let mut messages: Vec<Value> = Vec::new();
    while messages.last().is_none_or(|last| last.get("method").is_some()) {
        messages.push(stream.recv_timeout(DEADLINE).expect("a message"));
    }
    messages
}

/// An answer that has begun with progress is still in flight.
#[test]
fn calls_whose_progress_is_told_keep_their_places() {
    let (session, params) = long_comparison("in_flight = 2");
    let (_server, mut client) = serve(&session, Revision::New);
    let good = client.headers("x", &json!({}));
    let address = client.address.clone();
    let ask = || http(&address, "GET", "/healthz", &good, "").status;
    let streams = [0, 1].map(|_| client.stream("POST", Some(("tools/call", &params))));
    for stream in &streams {
        let message = stream.recv_timeout(DEADLINE).expect("a message");
        assert_eq!(message["method"], "notifications/progress", "{message}");
    }
    assert_eq!(ask(), 503);
    for stream in streams {
        let messages = until_answered(&stream);
        let last = messages.last().expect("an answer");
        assert_eq!(last["result"]["structuredContent"]["equal"], true, "{last}");
    }
    wait_for("room again", DEADLINE, || (ask() == 200).then_some(()));
    // A stream that listens is counted elsewhere.
    let listening = json!({ "notifications": { "resourcesListChanged": true } });
    let streams = [0, 1].map(|_| client.stream("POST", Some(("subscriptions/listen", &listening))));
    for stream in &streams {
        let message = stream.recv_timeout(DEADLINE).expect("a message");
        assert_eq!(message["method"], "notifications/subscriptions/acknowledged", "{message}");
    }
    wait_for("room beside who listens", DEADLINE, || (ask() == 200).then_some(()));
}

#[test]
fn a_call_whose_progress_is_told_ends_in_time() {
    let (session, params) = long_comparison("answer_seconds = 1");
    let (_server, mut client) = serve(&session, Revision::New);
    let messages = until_answered(&client.stream("POST", Some(("tools/call", &params))));
    let (last, told) = messages.split_last().expect("an answer");
    assert!(told.iter().all(|message| message["method"] == "notifications/progress"), "{messages:#?}");
    assert!(!told.is_empty() && last["result"]["isError"] == true, "{messages:#?}");
    assert_eq!(last["result"]["content"][0]["text"], "the call took too long", "{last}");
    wait_for("the end of the call", DEADLINE, || {
        let metrics = super::watching::metrics(&client);
        metrics.contains_key("conexus_calls_total{outcome=\"cancelled\",tool=\"context_index_control\"}").then_some(())
    });
}

#[test]
fn other_machines_are_served_over_tls_with_a_token_or_not_at_all() {
    let session = session();
    for host in ["0.0.0.0", "::", "192.0.2.1"] {
        let refused = run(session.command(["serve", "--host", host])).expect(2);
        assert!(refused.stderr.contains("mcp.certificate") && refused.stderr.contains("127.0.0.1"), "{refused}");
    }
    for host in ["::1", "127.0.0.9"] {
        let refused = run(session.command(["serve", "--host", host])).expect(2);
        assert!(refused.stderr.contains(host) && refused.stderr.contains("127.0.0.1 alone"), "{refused}");
    }
    let home = session.program.home().to_owned();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let token = "0123456789abcdef0123456789abcdef";
    for (name, text) in [
        ("certificate.pem", made.cert.pem()),
        ("key.pem", made.signing_key.serialize_pem()),
        ("token", format!("{token}\n")),
    ] {
        std::fs::write(home.join(name), text).expect("a file");
        #[cfg(unix)]
        std::fs::set_permissions(home.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a mode");
    }
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port").port();
    let file = |name: &str| home.join(name).to_string_lossy().into_owned();
    let mut command =
        session.command(["serve", "--host", "0.0.0.0", "--name", "localhost", "--port", &port.to_string()]);
    command.args([
        "--certificate",
        &file("certificate.pem"),
        "--key",
        &file("key.pem"),
        "--token-file",
        &file("token"),
    ]);
    let _server = start(&session, command);
    let root = ureq::tls::Certificate::from_der(made.cert.der());
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .tls_config(
            ureq::tls::TlsConfig::builder()
                .root_certs(ureq::tls::RootCerts::new_with_certs(&[root.to_owned()]))
                .build(),
        )
        .http_status_as_error(false)
        .proxy(None)
        .build()
        .into();
    let ask = |token: &str| {
        let request = agent.get(format!("https://localhost:{port}/readyz"));
        Some(request.header("Authorization", format!("Bearer {token}")).call().ok()?.status().as_u16())
    };
    wait_for("a complete index over TLS", DEADLINE, || (ask(token) == Some(200)).then_some(()));
    assert_eq!(ask("wrong"), Some(401));
    // What is not TLS is not answered at all, and this machine's programs have their own way in.
    let (plain, _) = starve(&format!("127.0.0.1:{port}"), "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(!plain.contains("HTTP/1.1"), "{plain}");
    let mut client = Http::connect(&session, Revision::New);
    assert!(client.address.starts_with("127.0.0.1:") && !client.address.ends_with(&format!(":{port}")));
    client.tool("context_search", &json!({ "query": "retry" }));
}

#[test]
fn secrets_in_files_are_masked_everywhere() {
    let session = session();
    let secret = ["ghp", "_q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA1b2C"].concat();
    session
        .workspace
        .write("src/deploy.py", format!("def deploy_everything():\n    token = \"{secret}\"\n    return token\n"));
    // Forms of other files, each with a secret of its own, most of them without quotes.
    let random = |number: usize| -> String {
        let signs = b"q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA";
        (0..30).map(|at| signs[(at + number * 5) % signs.len()] as char).collect()
    };
    let forms: &[(&str, &str)] = &[
        ("stage.sh", "export API_KEY=SECRET\n"),
        ("stage.ini", "aws_secret_access_key = SECRET\n"),
        ("stage.yaml", "env:\n  DB_PASS: SECRET\n  STAGE: 2\n"),
        ("stage.txt", "AccountName=shop;AccountKey=SECRET==;EndpointSuffix=core\n"),
        ("stage.js", "const headers = { Authorization: \"Bearer SECRET\" };\n"),
        ("stage.md", "Connect to `postgres://admin:SECRET@db.host:5432/shop`.\n"),
        ("stage.rb", "login auth: \"SECRET\"\n"),
        // Names that say nothing, and none.
        ("neutral.rs", "const K: &str = \"SECRET\";\n"),
        ("neutral.cfg", "NEUTRAL=SECRET\n"),
        ("neutral.txt", "one\nSECRET\ntwo\n"),
        ("neutral.md", "See <https://host.example/list?x=SECRET&page=2>.\n"),
    ];
    let others: Vec<String> = (0..forms.len()).map(random).collect();
    for ((name, text), secret) in forms.iter().zip(&others) {
        session.workspace.write(&format!("src/{name}"), text.replace("SECRET", secret));
    }
    let (author, subject) = (format!("{secret} <ann@host.example>"), format!("Deploy with {secret}, QUE-13"));
    session.workspace.git(&["add", "--all"]);
    session.workspace.git(&["commit", "--quiet", "--author", &author, "--message", &subject]);
    let (server, mut client) = serve(&session, Revision::Old);
    let found = client.tool("context_grep", &json!({ "pattern": &secret[4..20] }));
    assert_eq!(found["matches"], json!([]), "{found:#}");
    let read = client.tool("context_read", &json!({ "file_path": "src/deploy.py" }));
    let text = read["text"].as_str().expect("a text");
    assert!(!text.contains(&secret[4..20]) && text.contains("token = \"[redacted]*"), "{text}");
    assert!(text.contains("return token") && notices(&read).contains(&"redacted"), "{read:#}");
    for ((name, text), secret) in forms.iter().zip(&others) {
        let read = client.tool("context_read", &json!({ "file_path": format!("src/{name}") }));
        let mask = format!("[redacted]{}", "*".repeat(secret.len() - "[redacted]".len()));
        // Padding belongs to the secret.
        let shown = read["text"].as_str().expect("a text").replace("***;", "*==;");
        assert_eq!(shown, text.replace("SECRET", &mask), "{name}: {read:#}");
        assert!(notices(&read).contains(&"redacted"), "{read:#}");
        let found = client.tool("context_grep", &json!({ "pattern": &secret[4..20] }));
        assert_eq!(found["matches"], json!([]), "{found:#}");
    }
    let found = client.tool("context_search", &json!({ "query": "deploy_everything" }));
    assert_eq!(found["hits"][0]["path"], "src/deploy.py");
    assert!(notices(&found).contains(&"redacted") && !found.to_string().contains(&secret[4..20]), "{found:#}");
    for (tool, list, arguments) in [
        ("context_get_related_info", "related", json!({ "ticket_id": "QUE-13" })),
        ("context_get_related_info", "related", json!({ "file_path": "src/deploy.py" })),
        ("context_explain", "facts", json!({ "symbol": "deploy_everything" })),
    ] {
        let result = client.result("tools/call", &json!({ "name": tool, "arguments": arguments }));
        assert!(!result.to_string().contains(&secret[4..20]), "{tool} {arguments}: {result:#}");
        let told = &result["structuredContent"];
        let commit = told[list].as_array().expect("a list").iter().find(|item| item["relation"] == "commit");
        let commit = commit.unwrap_or_else(|| panic!("{tool} {arguments}: {told:#}"));
        for (field, start) in [("subject", "Deploy with [redacted]***"), ("author", "[redacted]***")] {
            assert!(commit[field].as_str().is_some_and(|text| text.starts_with(start)), "{tool} {arguments}: {told:#}");
        }
        assert!(notices(told).contains(&"redacted"), "{tool} {arguments}: {told:#}");
    }
    let found = client.tool("context_search", &json!({ "query": secret, "mode": "keyword" }));
    assert!(!found["hits"].to_string().contains("deploy"), "{found:#}");
    // Nothing of it lies in the index either.
    drop(server);
    let folder = session.index_dir();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap_or_default();
                for secret in others.iter().chain([&secret]) {
                    let part = &secret.as_bytes()[4..20];
                    assert!(!bytes.windows(part.len()).any(|window| window == part), "{}", path.display());
                }
            }
        }
    }
}
