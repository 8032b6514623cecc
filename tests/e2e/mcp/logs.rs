//! What an operator reads beside the metrics: the log as JSON, and traces at a collector.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
};

use conexus_testkit::{LspClient, wait_for};
use serde_json::{Value, json};

use super::{
    DEADLINE, Session,
    client::{Client, Http, Pipes, Revision},
    session, start, until_idle,
};

/// A session with this table in the user's settings.
fn logging(table: &str) -> Session {
    let session = session();
    let folder = session.program.home().join("config/conexus");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("conexus.toml"), format!("[log]\n{table}\n")).expect("the settings");
    session
}

/// A collector: what it is sent, and the address under which it is.
fn collector() -> (Receiver<Value>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = format!("http://{}/v1/traces", listener.local_addr().expect("an address"));
    let (sender, sent) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            let sender = sender.clone();
            std::thread::spawn(move || {
                while let Some(body) = request(&mut stream) {
                    assert!(sender.send(serde_json::from_slice(&body).expect("JSON")).is_ok() || body.is_empty());
                    let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
                    stream.get_mut().write_all(answer.as_bytes()).expect("it reads");
                }
            });
        }
    });
    (sent, address)
}

/// The body of the next request of a connection.
fn request(stream: &mut BufReader<std::net::TcpStream>) -> Option<Vec<u8>> {
    let mut length = 0;
    let mut first = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if first.is_empty() {
            first.clone_from(&line);
            assert!(first.starts_with("POST /v1/traces "), "{first}");
        }
        let lower = line.to_ascii_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        if lower.starts_with("content-type:") {
            assert!(lower.contains("application/json"), "{line}");
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}

/// Every span of what was sent.
fn spans(sent: &[Value]) -> Vec<Value> {
    let resources = sent.iter().flat_map(|body| body["resourceSpans"].as_array().expect("resources"));
    let scopes = resources.flat_map(|resource| resource["scopeSpans"].as_array().expect("scopes"));
    scopes.flat_map(|scope| scope["spans"].as_array().expect("spans").clone()).collect()
}

fn named<'a>(spans: &'a [Value], name: &str) -> &'a Value {
    spans.iter().find(|span| span["name"] == name).unwrap_or_else(|| panic!("no {name}: {spans:#?}"))
}

fn attribute<'a>(span: &'a Value, key: &str) -> &'a Value {
    let attributes = span["attributes"].as_array().expect("attributes");
    attributes.iter().find(|one| one["key"] == key).map_or(&Value::Null, |one| &one["value"])
}

#[test]
fn a_collector_is_sent_each_call_with_its_stages() {
    let (sent, address) = collector();
    let session = logging(&format!("traces = '{address}'"));
    let mut editor = LspClient::open(session.command(["lsp"]), session.workspace.root());
    editor.wait_until_idle();
    editor.call("workspace/symbol", &json!({ "query": "send_once" }));
    let mut client = Http::of(&session, Revision::New);
    client.tool("context_search", &json!({ "query": "the swordfish of requests" }));
    client.refusal("context_read", &json!({ "file_path": "../x" }));
    // The end of a session sends what is left.
    editor.shut_down();
    let mut all = vec![sent.recv_timeout(DEADLINE).expect("a batch")];
    all.extend(sent.try_iter());
    let spans = spans(&all);
    let call = named(&spans, "context_search");
    assert_eq!(attribute(call, "outcome")["stringValue"], "answered", "{call:#}");
    assert!(attribute(call, "generation").is_object() && attribute(call, "tool").is_object(), "{call:#}");
    for (name, parent) in [
        ("waiting", "context_search"),
        ("work", "context_search"),
        ("search", "work"),
        ("rank", "search"),
        ("lexical", "search"),
    ] {
        let mut within = spans.iter().filter(|span| span["name"] == name && span["traceId"] == call["traceId"]);
        let span = within.next().unwrap_or_else(|| panic!("no {name}: {spans:#?}"));
        let parents = spans.iter().filter(|span| span["name"] == parent);
        assert!(parents.into_iter().any(|parent| parent["spanId"] == span["parentSpanId"]), "{name}: {span:#}");
        let time = |key: &str| span[key].as_str().and_then(|time| time.parse::<u64>().ok()).expect("nanoseconds");
        assert!(time("startTimeUnixNano") <= time("endTimeUnixNano"), "{span:#}");
    }
    assert_eq!(attribute(named(&spans, "context_read"), "outcome")["stringValue"], "refused");
    named(&spans, "workspace/symbol");
    let service = all[0]["resourceSpans"][0]["resource"].to_string();
    assert!(service.contains("\"conexus\"") && service.contains("service.version"), "{service}");
    // What is asked and what the files say stays here.
    assert!(!json!(all).to_string().contains("swordfish"));
}

#[test]
fn without_the_setting_nothing_is_sent_and_a_wrong_one_is_named() {
    let (sent, address) = collector();
    let session = logging("level = 'info'");
    let mut command = session.command(["serve"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", address.trim_end_matches("/v1/traces"));
    let server = start(&session, command);
    let mut client = Http::connect(&session, Revision::New);
    until_idle(&mut client);
    drop(server);
    assert!(sent.try_recv().is_err());
    let session = logging("traces = 'collector.example'");
    let run = session.run(["serve"]).expect(2);
    assert!(run.stderr.contains("log.traces") && run.stderr.contains("collector.example"), "{run}");
    // A collector that is not there holds nothing up.
    let session = logging("traces = 'http://127.0.0.1:9/v1/traces'");
    let mut client = Pipes::start(session.command([""; 0]));
    until_idle(&mut client);
    client.hang_up();
}

#[test]
fn the_log_of_what_serves_is_json_where_the_user_wants_it() {
    let lines = |session: &Session| {
        let text = std::fs::read_to_string(session.program.home().join("config/conexus/log.json")).unwrap_or_default();
        let parse = |line: &str| serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        text.lines().map(parse).collect::<Vec<_>>()
    };
    let answered = |session: &Session| {
        wait_for("the line of a call", DEADLINE, || {
            lines(session).into_iter().find(|line| line["span"]["tool"] == "context_search")
        })
    };
    let table = "format = 'json'\nlevel = 'debug'\nfile = 'log.json'";
    let ask = |client: &mut dyn Client| client.tool("context_search", &json!({ "query": "retry" }));

    let session = logging(table);
    let server = start(&session, session.command(["serve"]));
    ask(&mut Http::connect(&session, Revision::New));
    let line = answered(&session);
    assert_eq!((&line["level"], &line["fields"]["message"]), (&json!("DEBUG"), &json!("answered")), "{line:#}");
    assert!(line["fields"]["milliseconds"].is_f64() && line["timestamp"].is_string(), "{line:#}");
    drop(server);

    let session = logging(table);
    let mut client = Pipes::start(session.command([""; 0]));
    ask(&mut client);
    client.hang_up();
    answered(&session);

    let session = logging(table);
    let editor = LspClient::open(session.command(["lsp"]), session.workspace.root());
    ask(&mut Http::of(&session, Revision::Old));
    answered(&session);
    editor.shut_down();
    let run = session.run(["--log-format", "yaml", "status"]).expect(2);
    assert!(run.stderr.contains("yaml"), "{run}");
}
