//! A small strict client of the protocol, over HTTP and over standard input and output.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use serde_json::{Value, json};

use super::Session;

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_mins(1);

/// A revision of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Revision {
    /// 2025-11-25: `initialize`, then requests.
    Old,
    /// 2026-07-28: each request stands for itself.
    New,
}

impl Revision {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Old => "2025-11-25",
            Self::New => "2026-07-28",
        }
    }

    /// The parameters of a request with what this revision wants in each.
    fn params(self, mut params: Value) -> Value {
        if self == Self::New {
            for (name, value) in [
                ("protocolVersion", json!(self.name())),
                ("clientInfo", json!({ "name": "test", "version": "1" })),
                ("clientCapabilities", json!({})),
            ] {
                params["_meta"][format!("io.modelcontextprotocol/{name}")] = value;
            }
        }
        params
    }
}

/// How a body is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Its length is told before it.
    Whole,
    /// In pieces, as clients send what they are still writing.
    Chunks,
}

impl Framing {
    /// The header that belongs to a body, and the body as it is sent.
    pub(super) fn frame(self, body: &str) -> (String, String) {
        match self {
            Self::Whole => (format!("Content-Length: {}", body.len()), body.to_owned()),
            Self::Chunks => {
                let (first, second) = body.split_at(body.floor_char_boundary(body.len() / 2));
                let pieces = [first, second, ""].map(|piece| format!("{:x}\r\n{piece}\r\n", piece.len()));
                // An empty piece is the end.
                let pieces: Vec<String> = if body.is_empty() { pieces[2..].to_vec() } else { pieces.to_vec() };
                ("Transfer-Encoding: chunked".to_owned(), pieces.concat())
            }
        }
    }
}

/// One answer over HTTP.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// Whole lines.
    pub(super) headers: String,
    pub(super) body: String,
}

/// Something that answers requests.
pub(super) trait Client {
    /// Sends a request and returns its answer, which has a result or an error.
    fn ask(&mut self, method: &str, params: &Value) -> Value;

    /// The result of a request.
    #[track_caller]
    fn result(&mut self, method: &str, params: &Value) -> Value {
        let answer = self.ask(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// What a tool answers to a good call.
    #[track_caller]
    fn tool(&mut self, name: &str, arguments: &Value) -> Value {
        let result = self.result("tools/call", &json!({ "name": name, "arguments": arguments }));
        assert_ne!(result["isError"], true, "{name} {arguments}: {result:#}");
        assert_eq!(result["content"][0]["type"], "text", "{result:#}");
        result["structuredContent"].clone()
    }

    /// What a tool says against a bad call.
    #[track_caller]
    fn refusal(&mut self, name: &str, arguments: &Value) -> String {
        let result = self.result("tools/call", &json!({ "name": name, "arguments": arguments }));
        assert_eq!(result["isError"], true, "{name} {arguments}: {result:#}");
        assert!(result.get("structuredContent").is_none(), "{result:#}");
        result["content"][0]["text"].as_str().expect("a reason").to_owned()
    }
}

/// Sends one request over a connection of its own. `headers` are whole lines.
pub(super) fn http(address: &str, method: &str, path: &str, headers: &[String], body: &str) -> Answer {
    http_framed(address, method, path, headers, body, Framing::Whole)
}

/// The same with a body that is sent so.
pub(super) fn http_framed(
    address: &str,
    method: &str,
    path: &str,
    headers: &[String],
    body: &str,
    framing: Framing,
) -> Answer {
    let (length, body) = framing.frame(body);
    let mut stream = TcpStream::connect(address).expect("the endpoint listens");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n{length}\r\n");
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    // A refusal may come before everything is read.
    let _ = stream.write_all(format!("{head}\r\n{body}").as_bytes());
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).expect("text");
    let (headers, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {head}: {text:?}"));
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    assert!(!headers.to_ascii_lowercase().contains("transfer-encoding"), "{headers}");
    Answer { status, headers: headers.to_owned(), body: body.to_owned() }
}

/// A client over HTTP.
pub(super) struct Http {
    pub(super) address: String,
    pub(super) token: String,
    revision: Revision,
    /// What `initialize` was answered with.
    session: Option<String>,
    pub(super) id: u64,
}

impl Http {
    /// A client of a session that was just started.
    pub(super) fn of(session: &Session, revision: Revision) -> Self {
        conexus_testkit::wait_for("the endpoint's file", DEADLINE, || {
            let mut files = std::fs::read_dir(session.program.home().join("cache/conexus/run")).ok()?;
            files.any(|file| file.is_ok_and(|file| file.file_name().to_string_lossy().ends_with(".json"))).then_some(())
        });
        Self::connect(session, revision)
    }

    /// A client of the session that is running.
    pub(super) fn connect(session: &Session, revision: Revision) -> Self {
        let folder = session.program.home().join("cache/conexus/run");
        let mut files = std::fs::read_dir(folder).expect("the folder of endpoints");
        let file = files.next().expect("an endpoint file").expect("an entry").path();
        let endpoint: Value = serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("JSON");
        let address = endpoint["url"].as_str().and_then(|url| url.strip_prefix("http://")).expect("an address");
        let token = endpoint["token"].as_str().expect("a token").to_owned();
        Self { address: address.to_owned(), token, revision, session: None, id: 0 }
    }

    /// Headers of a good request.
    pub(super) fn headers(&self, method: &str, params: &Value) -> Vec<String> {
        let mut headers = vec![
            format!("Host: {}", self.address),
            format!("Authorization: Bearer {}", self.token),
            "Content-Type: application/json".to_owned(),
            "Accept: application/json, text/event-stream".to_owned(),
        ];
        if method != "initialize" {
            headers.push(format!("MCP-Protocol-Version: {}", self.revision.name()));
        }
        headers.extend(self.session.as_ref().map(|session| format!("Mcp-Session-Id: {session}")));
        if self.revision == Revision::New {
            headers.push(format!("Mcp-Method: {method}"));
            headers.extend(params["name"].as_str().or(params["uri"].as_str()).map(|name| format!("Mcp-Name: {name}")));
        }
        headers
    }

    /// Shakes hands and keeps the session that it is given.
    pub(super) fn initialize(&mut self) -> Value {
        let params = json!({
            "protocolVersion": self.revision.name(),
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        self.session = None;
        let body = self.body("initialize", &params);
        let answer = http(&self.address, "POST", "/mcp", &self.headers("initialize", &params), &body);
        let lines = answer.headers.lines().filter_map(|line| line.split_once(": "));
        let mut named = lines.filter(|(name, _)| name.eq_ignore_ascii_case("mcp-session-id"));
        self.session = Some(named.next().expect("a session").1.to_owned());
        let message: Value = serde_json::from_str(&answer.body).expect("JSON");
        check(&message, self.id);
        message["result"].clone()
    }

    /// Opens a stream with a request of this client's and hands over the messages that come.
    pub(super) fn stream(&mut self, method: &str, request: Option<(&str, &Value)>) -> Receiver<Value> {
        let (name, params) = request.unwrap_or(("", &Value::Null));
        let body = request.map(|(name, params)| self.body(name, params)).unwrap_or_default();
        let headers = self.headers(name, params).join("\r\n");
        let mut stream = TcpStream::connect(&self.address).expect("the endpoint listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        write!(stream, "{method} /mcp HTTP/1.1\r\nContent-Length: {}\r\n{headers}\r\n\r\n{body}", body.len())
            .expect("the endpoint reads");
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if let Some(data) = line.strip_prefix("data: ").filter(|data| data.starts_with('{'))
                    && sender.send(serde_json::from_str(data).expect("a message")).is_err()
                {
                    return;
                }
            }
        });
        events
    }

    pub(super) fn body(&mut self, method: &str, params: &Value) -> String {
        self.id += 1;
        let params = self.revision.params(params.clone());
        json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params }).to_string()
    }
}

impl Client for Http {
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        let body = self.body(method, params);
        let answer = http(&self.address, "POST", "/mcp", &self.headers(method, params), &body);
        let message: Value =
            serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error} in {answer:?} to {body}"));
        check(&message, self.id);
        if let Some(result) = message.get("result") {
            let kind = (self.revision == Revision::New).then(|| json!("complete"));
            assert_eq!(result.get("resultType"), kind.as_ref(), "{method} {}: {result}", self.revision.name());
        }
        assert!(answer.status == 200 || message.get("error").is_some(), "{answer:?}");
        message
    }
}

/// Demands one result or one error, for this request.
fn check(message: &Value, id: u64) {
    assert_eq!(message["jsonrpc"], "2.0", "{message}");
    assert_eq!(message["id"], id, "{message}");
    assert_ne!(message.get("result").is_some(), message.get("error").is_some(), "{message}");
}

/// A client of `conexus mcp`. Each line of its standard output must be one message.
pub(super) struct Pipes {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Notifications that came while an answer was waited for.
    unread: Vec<Value>,
    id: u64,
}

impl Pipes {
    /// Starts the program and shakes hands.
    pub(super) fn start(mut command: Command) -> Self {
        command.arg("mcp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().expect("the program starts");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines() {
                if sender.send(line.expect("text")).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        let mut client = Self { child, input, lines, unread: Vec::new(), id: 0 };
        let hello = json!({
            "protocolVersion": Revision::Old.name(),
            "capabilities": {},
            "clientInfo": { "name": "test", "version": "1" },
        });
        let answer = client.result("initialize", &hello);
        assert_eq!(answer["protocolVersion"], Revision::Old.name());
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        client
    }

    pub(super) fn send(&mut self, message: &Value) {
        let input = self.input.as_mut().expect("the input is open");
        writeln!(input, "{message}").and_then(|()| input.flush()).expect("the program reads");
    }

    pub(super) fn receive(&mut self) -> Value {
        let line = self.lines.recv_timeout(DEADLINE).expect("an answer");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line:?}"))
    }

    /// The next message that is no notification.
    pub(super) fn answer(&mut self) -> Value {
        loop {
            let message = self.receive();
            if message.get("method").is_none() {
                return message;
            }
            self.unread.push(message);
        }
    }

    /// The next so many notifications: their methods and the resources that they name.
    pub(super) fn notifications(&mut self, count: usize) -> Vec<(String, Value)> {
        while self.unread.len() < count {
            let message = self.receive();
            self.unread.push(message);
        }
        let told = self.unread.drain(..count);
        told.map(|told| (told["method"].as_str().expect("a method").to_owned(), told["params"]["uri"].clone()))
            .collect()
    }

    /// Closes the input and waits for the program to end well, with nothing left to read.
    pub(super) fn hang_up(mut self) {
        drop(self.input.take());
        let status = conexus_testkit::wait_for("the end of the program", DEADLINE, || {
            self.child.try_wait().expect("the state of a child")
        });
        assert!(status.success(), "{status}");
        let answers = std::iter::from_fn(|| self.lines.recv_timeout(DEADLINE).ok());
        let answers: Vec<String> = answers.filter(|line| !line.contains("\"method\":\"notifications/")).collect();
        assert!(answers.is_empty(), "{answers:?}");
    }
}

impl Client for Pipes {
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.id += 1;
        let id = self.id;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        let message = self.answer();
        check(&message, id);
        message
    }
}

impl Drop for Pipes {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
