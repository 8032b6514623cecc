//! A strict client of the language server: it starts the built program, and fails on what a real client would pass over:
//! bytes that are no message, answers that nobody asked for, messages that nobody has read when the session ends.
//!
//! It waits for states with a deadline and never sleeps for a time.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

/// How long a message may take to come before the test fails.
const DEADLINE: Duration = Duration::from_mins(1);

/// What the server wrote, in the order in which it came.
enum Event {
    Message(Value),
    /// Bytes that are no message.
    Fault(String),
}

/// A session with a server.
pub struct LspClient {
    child: Child,
    input: Option<ChildStdin>,
    events: Receiver<Event>,
    errors: Option<JoinHandle<String>>,
    /// Read, and not yet asked for by the test.
    waiting: VecDeque<Value>,
    /// Requests without an answer yet, with their methods.
    open: Vec<(Value, String)>,
    /// Methods of what the server may send without anybody reading it.
    ignored: Vec<&'static str>,
    /// What the server said in `initialize`.
    capabilities: Value,
    next_id: i64,
    /// Whether U+FFFD is sent as half a surrogate pair.
    sends_halves: bool,
}

impl LspClient {
    /// Starts a server. Nothing is sent yet.
    #[track_caller]
    pub fn start(mut command: Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap_or_else(|error| panic!("starting {command:?}: {error}"));
        let (sender, events) = channel();
        let output = child.stdout.take().expect("a pipe");
        std::thread::spawn(move || {
            let mut output = BufReader::new(output);
            // An error means that the test does not listen any more.
            while let Some(event) = read(&mut output) {
                if sender.send(event).is_err() {
                    break;
                }
            }
        });
        let mut stderr = child.stderr.take().expect("a pipe");
        let errors = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            // What a killed process had written so far is what there is.
            let _ = stderr.read_to_end(&mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Self {
            input: child.stdin.take(),
            child,
            events,
            errors: Some(errors),
            waiting: VecDeque::new(),
            open: Vec::new(),
            ignored: Vec::new(),
            capabilities: Value::Null,
            next_id: 1,
            sends_halves: false,
        }
    }

    /// Begins the session for one folder and waits until its index is complete.
    #[track_caller]
    pub fn open(command: Command, folder: &Path) -> Self {
        let mut client = Self::start(command);
        client.initialize(&json!({ "rootUri": file_uri(folder) }));
        client.wait_until_idle();
        client
    }

    /// Sends `initialize` with these parameters, `capabilities` and `processId` added where they are missing, and
    /// `initialized` after the answer. Returns what the server can do.
    #[track_caller]
    pub fn initialize(&mut self, params: &Value) -> Value {
        let mut params = params.clone();
        if params.get("capabilities").is_none() {
            params["capabilities"] = json!({});
        }
        if params.get("processId").is_none() {
            params["processId"] = json!(std::process::id());
        }
        let result = self.call("initialize", &params);
        self.capabilities = result["capabilities"].clone();
        self.notify("initialized", &json!({}));
        result
    }

    /// What the server said in `initialize`.
    pub fn capabilities(&self) -> &Value {
        &self.capabilities
    }

    /// Messages of a method may come at any time and need not be read.
    pub fn ignore(&mut self, method: &'static str) {
        self.ignored.push(method);
    }

    /// Sends a request and returns its id at once.
    #[track_caller]
    pub fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = json!(self.next_id);
        self.next_id += 1;
        self.open.push((id.clone(), method.to_owned()));
        let mut message = json!({ "jsonrpc": "2.0", "id": id, "method": method });
        if !params.is_null() {
            message["params"] = params.clone();
        }
        self.send(&message);
        id
    }

    /// Sends a request and waits for its result.
    #[track_caller]
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        let id = self.request(method, params);
        self.result(&id)
    }

    /// Sends a request and waits for its error.
    #[track_caller]
    pub fn call_error(&mut self, method: &str, params: &Value) -> Value {
        let id = self.request(method, params);
        self.error(&id)
    }

    /// The result of a request; an error is a failure.
    #[track_caller]
    pub fn result(&mut self, id: &Value) -> Value {
        let answer = self.answer(id);
        assert!(answer.get("error").is_none(), "an error: {answer}");
        answer["result"].clone()
    }

    /// The error of a request; a result is a failure.
    #[track_caller]
    pub fn error(&mut self, id: &Value) -> Value {
        let answer = self.answer(id);
        assert!(answer.get("result").is_none(), "no error: {answer}");
        answer["error"].clone()
    }

    /// The answer to a request, whatever it is.
    #[track_caller]
    pub fn answer(&mut self, id: &Value) -> Value {
        self.take(&format!("the answer to request {id}"), |message| {
            message.get("method").is_none() && message["id"] == *id
        })
    }

    /// Sends a notification.
    #[track_caller]
    pub fn notify(&mut self, method: &str, params: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Waits for a notification or request of the server.
    #[track_caller]
    pub fn expect(&mut self, method: &str) -> Value {
        self.take(method, |message| message["method"] == method)
    }

    /// Answers a request of the server.
    #[track_caller]
    pub fn respond(&mut self, request: &Value, result: &Value) {
        self.send(&json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }));
    }

    /// Whether a message of a method has come that nobody has read.
    #[track_caller]
    pub fn has(&mut self, method: &str) -> bool {
        while let Ok(event) = self.events.try_recv() {
            self.receive(event);
        }
        self.waiting.iter().any(|message| message["method"] == method)
    }

    /// Asks for the status until it is as wanted.
    #[track_caller]
    pub fn wait_for_status(&mut self, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        crate::wait_for(what, DEADLINE, || {
            let status = self.call("conexus/status", &Value::Null);
            is_wanted(&status).then_some(status)
        })
    }

    /// Waits until every folder's index is complete.
    #[track_caller]
    pub fn wait_until_idle(&mut self) -> Value {
        self.wait_for_status("an index that is complete", |status| {
            let workspaces = status["workspaces"].as_array().expect("workspaces");
            workspaces.iter().all(|workspace| workspace["activity"] == "idle")
        })
    }

    /// Opens a document.
    #[track_caller]
    pub fn did_open(&mut self, uri: &str, language: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": language, "version": 1, "text": text });
        self.notify("textDocument/didOpen", &json!({ "textDocument": document }));
    }

    /// Replaces a part of a document: from line and character to line and character.
    #[track_caller]
    pub fn did_change(&mut self, uri: &str, version: i32, [line, from, to_line, to]: [u32; 4], text: &str) {
        let range =
            json!({ "start": { "line": line, "character": from }, "end": { "line": to_line, "character": to } });
        let params = json!({
            "textDocument": { "uri": uri, "version": version },
            "contentChanges": [{ "range": range, "text": text }],
        });
        self.notify("textDocument/didChange", &params);
    }

    /// Replaces the whole text of a document.
    #[track_caller]
    pub fn did_replace(&mut self, uri: &str, version: i32, text: &str) {
        let params =
            json!({ "textDocument": { "uri": uri, "version": version }, "contentChanges": [{ "text": text }] });
        self.notify("textDocument/didChange", &params);
    }

    /// From now on each U+FFFD is sent as half a surrogate pair, as an escape: what an editor in JavaScript writes.
    pub fn send_halves(&mut self) {
        self.sends_halves = true;
    }

    /// Sends bytes as they are.
    #[track_caller]
    pub fn send_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("the server's input is open");
        let written = input.write_all(bytes).and_then(|()| input.flush());
        written.unwrap_or_else(|error| panic!("the server does not read: {error}"));
    }

    /// Sends any JSON as a message.
    #[track_caller]
    pub fn send(&mut self, message: &Value) {
        let mut body = message.to_string();
        if self.sends_halves {
            body = body.replace('\u{fffd}', r"\ud83d");
        }
        self.send_bytes(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    }

    /// Closes the server's input, as a client does that dies.
    pub fn hang_up(&mut self) {
        self.input = None;
    }

    /// The number of the process that was started.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the server's process at once, as the system does when memory is short.
    pub fn kill(mut self) {
        self.child.kill().expect("the server runs");
        self.child.wait().expect("its end");
    }

    /// Ends the session as the protocol wants it and demands that nothing is left unread.
    #[track_caller]
    pub fn shut_down(mut self) {
        assert_eq!(self.call("shutdown", &Value::Null), Value::Null);
        self.send(&json!({ "jsonrpc": "2.0", "method": "exit" }));
        self.expect_end(0);
    }

    /// Waits for the end of the server with an exit code, and demands that nothing is left unread and nothing panicked.
    #[track_caller]
    pub fn expect_end(mut self, code: i32) {
        let status = crate::wait_for("the end of the server", DEADLINE, || self.child.try_wait().expect("its state"));
        let errors = self.errors.take().expect("taken once").join().expect("a reader does not panic");
        assert_eq!(status.code(), Some(code), "{status}\n--- stderr\n{errors}");
        assert!(!errors.contains("panicked at"), "{errors}");
        while let Ok(event) = self.events.recv_timeout(DEADLINE) {
            self.receive(event);
        }
        let ignored = std::mem::take(&mut self.ignored);
        self.waiting.retain(|message| !ignored.iter().any(|method| message["method"] == *method));
        assert!(self.waiting.is_empty(), "nobody has read {:?}", self.waiting);
    }

    /// Takes the first message that fits, and keeps the others.
    #[track_caller]
    fn take(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        let mut looked_at = 0;
        loop {
            if let Some(at) = self.waiting.iter().skip(looked_at).position(&fits) {
                return self.waiting.remove(looked_at + at).expect("it is there");
            }
            looked_at = self.waiting.len();
            match self.events.recv_timeout(DEADLINE.saturating_sub(start.elapsed())) {
                Ok(event) => self.receive(event),
                Err(RecvTimeoutError::Timeout) => {
                    panic!("waited {DEADLINE:?} in vain for {what}; unread: {:?}", self.waiting)
                }
                Err(RecvTimeoutError::Disconnected) => panic!("the server ended before {what}"),
            }
        }
    }

    /// Checks a message and puts it where tests look for it.
    #[track_caller]
    fn receive(&mut self, event: Event) {
        let message = match event {
            Event::Message(message) => message,
            Event::Fault(fault) => panic!("the server wrote what is no message: {fault}"),
        };
        assert_eq!(message["jsonrpc"], "2.0", "{message}");
        if message.get("method").is_none() {
            let both = message.get("result").is_some() == message.get("error").is_some();
            assert!(!both, "an answer has a result or an error: {message}");
            let at = self.open.iter().position(|(id, _)| *id == message["id"]);
            // Faults in what was sent are answered without an id.
            assert!(at.is_some() || message["id"].is_null(), "an answer that nobody asked for: {message}");
            at.map(|at| self.open.swap_remove(at));
        } else if message.get("id").is_none() && self.ignored.iter().any(|method| message["method"] == *method) {
            return;
        }
        self.waiting.push_back(message);
    }
}

impl Drop for LspClient {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads one message; `None` at the end. Nothing but messages may stand on the server's standard output.
fn read(output: &mut BufReader<ChildStdout>) -> Option<Event> {
    let mut length: Option<usize> = None;
    loop {
        let mut line = String::new();
        match output.read_line(&mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(Event::Fault(error.to_string())),
        }
        if line == "\r\n" {
            break;
        }
        match line.strip_prefix("Content-Length: ").and_then(|value| value.strip_suffix("\r\n")?.parse().ok()) {
            Some(value) => length = Some(value),
            None => return Some(Event::Fault(format!("a header {line:?}"))),
        }
    }
    let mut body = vec![0; length?];
    if let Err(error) = output.read_exact(&mut body) {
        return Some(Event::Fault(format!("a message that is cut: {error}")));
    }
    Some(match serde_json::from_slice(&body) {
        Ok(message) => Event::Message(message),
        Err(error) => Event::Fault(format!("{error} in {:?}", String::from_utf8_lossy(&body))),
    })
}

/// The `file:` URI of a path, with what a URI cannot hold written in percents.
pub fn file_uri(path: &Path) -> String {
    use std::fmt::Write as _;

    let path = path.to_string_lossy().replace('\\', "/");
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "file:///" });
    for byte in path.bytes() {
        match byte {
            b'/' | b'-' | b'_' | b'.' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => uri.push(byte as char),
            // Writing to a string does not fail.
            _ => drop(write!(uri, "%{byte:02X}")),
        }
    }
    uri
}
