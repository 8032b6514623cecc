//! Who must be kept out or slowed down: hostile strings, slow and many requests, other machines, secrets in files.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
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
fn configured(mcp: &str) -> Session {
    let session = session();
    let folder = session.program.home().join("config/conexus");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("conexus.toml"), format!("[mcp]\n{mcp}\n")).expect("the settings");
    session
}

/// Every text that a tool takes is given paths that lead out and texts that break parsers; whatever the parameter means,
/// nothing of a file outside, an ignored one or a secret comes back, and the endpoint goes on.
#[test]
fn no_string_in_any_parameter_of_any_tool_does_harm() {
    let session = session();
    let outside = session.program.home().join("outside.rs");
    std::fs::write(&outside, "pub fn outside_swordfish() {}\n").expect("a file");
    let (_server, mut client) = serve(&session, Revision::Old);
    let tools = client.result("tools/list", &json!({}))["tools"].clone();
    let long = "x".repeat(100_000);
    let absolute = outside.to_string_lossy();
    let strings = [
        &*absolute, "../outside.rs", "/etc/passwd", "/proc/self/environ", ".env", "ignored.rs", ".git/config", "\0",
        "", "\u{202e}\u{feff}\u{fffd}", "%00%2e%2e%2f", "'; DROP TABLE files; --", "$(touch /pwned)", "{{7*7}}",
        "--help", "-----BEGIN", "(((((((((((((((((", "[", "a{1000000}", "file:///etc/passwd", "\n\r\t\u{1b}[2J", &long,
    ];
    let mut calls = 0;
    for tool in tools.as_array().expect("tools") {
        // What changes the index is tested with its own arguments.
        if tool["annotations"]["readOnlyHint"] != true {
            continue;
        }
        let schema = &tool["inputSchema"];
        for (name, property) in schema["properties"].as_object().expect("properties") {
            let shape: fn(&str) -> Value = match (property["type"].as_str(), property.get("enum")) {
                (Some("string"), None) => |text| json!(text),
                (Some("array"), _) => |text| json!([text]),
                (Some("object"), _) => {
                    |text| json!({ "active_file": text, "git_branch": text, "open_ticket_ids": [text] })
                }
                _ => continue,
            };
            for string in strings {
                let mut arguments = json!({});
                for required in schema["required"].as_array().into_iter().flatten() {
                    arguments[required.as_str().expect("a name")] = json!("retry");
                }
                arguments[name] = shape(string);
                let call = json!({ "name": tool["name"], "arguments": arguments });
                let answer = client.ask("tools/call", &call).to_string();
                assert!(!answer.contains("outside_swordfish"), "{call}: {answer}");
                assert!(!answer.contains("swordfish-of-the-deep") && !answer.contains("root:x:"), "{call}: {answer}");
                assert!(!answer.contains("internal error"), "{call}: {answer}");
                calls += 1;
            }
        }
    }
    assert!(calls > 300, "{calls}");
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
fn one_client_that_floods_is_slowed_down_and_others_are_not() {
    let session = configured("requests_per_second = 2");
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

#[test]
fn other_machines_are_served_over_tls_with_a_token_or_not_at_all() {
    let session = session();
    for host in ["0.0.0.0", "::", "192.0.2.1"] {
        let refused = run(session.command(["serve", "--host", host])).expect(2);
        assert!(refused.stderr.contains("mcp.certificate") && refused.stderr.contains("127.0.0.1"), "{refused}");
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
    let (server, mut client) = serve(&session, Revision::Old);
    let found = client.tool("context_grep", &json!({ "pattern": &secret[4..20] }));
    assert_eq!(found["matches"], json!([]), "{found:#}");
    let read = client.tool("context_read", &json!({ "file_path": "src/deploy.py" }));
    let text = read["text"].as_str().expect("a text");
    assert!(!text.contains(&secret[4..20]) && text.contains("token = \"[redacted]*"), "{text}");
    assert!(text.contains("return token") && notices(&read).contains(&"redacted"), "{read:#}");
    let found = client.tool("context_search", &json!({ "query": "deploy_everything" }));
    assert_eq!(found["hits"][0]["path"], "src/deploy.py");
    assert!(notices(&found).contains(&"redacted") && !found.to_string().contains(&secret[4..20]), "{found:#}");
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
                let part = &secret.as_bytes()[4..20];
                assert!(!bytes.windows(part.len()).any(|window| window == part), "{}", path.display());
            }
        }
    }
}
