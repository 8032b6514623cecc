//! A session with the language server that takes the time of every answer.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Instant,
};

use serde_json::{Value, json};

/// A definition's name that ends with the number of the edit that made it.
const MARKER: &str = "typed_marker";

/// The name of the marker after an edit.
pub(crate) fn marker(edit: usize) -> String {
    format!("{MARKER}_{edit:06}")
}

/// What came.
pub(crate) enum Came {
    /// The answer that knows an edit.
    Known { edit: usize, at: Instant },
    /// An answer that does not know the edit it was asked for; it is asked for again.
    Stale,
    /// An answer to another request.
    Answer { id: u64, at: Instant, result: Value },
}

/// What both threads write to and remember.
struct Shared {
    input: ChildStdin,
    /// Requests for the marker, with the edit that the answer must know.
    asked: HashMap<u64, usize>,
    next_id: u64,
}

/// The session; the server is ended with it.
pub(crate) struct Session {
    child: Child,
    shared: Arc<Mutex<Shared>>,
    pub(crate) came: mpsc::Receiver<Came>,
}

impl Session {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let shared = Arc::new(Mutex::new(Shared { input, asked: HashMap::new(), next_id: 1 }));
        let (sender, came) = mpsc::channel();
        let own = Arc::clone(&shared);
        std::thread::spawn(move || read_all(output, &own, &sender));
        Self { child, shared, came }
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn notify(&self, method: &str, params: &Value) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Sends a request; its answer comes as [`Came::Answer`].
    pub(crate) fn ask(&self, method: &str, params: &Value) -> u64 {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.ask(method, params)
    }

    /// Sends a request and waits for its answer; all other answers that come meanwhile are dropped.
    pub(crate) fn call(&self, method: &str, params: &Value) -> (Value, Instant) {
        let wanted = self.ask(method, params);
        loop {
            match self.came.recv().unwrap() {
                Came::Answer { id, at, result } if id == wanted => return (result, at),
                _ => {}
            }
        }
    }

    /// Asks for the marker until an answer knows an edit.
    pub(crate) fn ask_for(&self, edit: usize) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).ask_for(edit);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Shared {
    fn send(&mut self, message: &Value) {
        let body = serde_json::to_vec(message).unwrap();
        let mut bytes = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(&body);
        self.input.write_all(&bytes).unwrap();
        self.input.flush().unwrap();
    }

    fn ask(&mut self, method: &str, params: &Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    fn ask_for(&mut self, edit: usize) {
        let id = self.ask("workspace/symbol", &json!({ "query": MARKER }));
        self.asked.insert(id, edit);
    }
}

fn read_all(mut output: impl BufRead, shared: &Mutex<Shared>, came: &mpsc::Sender<Came>) {
    while let Some(message) = read(&mut output) {
        let at = Instant::now();
        let Some(id) = message["id"].as_u64().filter(|_| message.get("method").is_none()) else { continue };
        let result = message["result"].clone();
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let what = match shared.asked.remove(&id) {
            None => Came::Answer { id, at, result },
            Some(edit) => {
                let names = result.as_array().into_iter().flatten().filter_map(|symbol| symbol["name"].as_str());
                let numbers = names.filter_map(|name| name.strip_prefix(MARKER)?.strip_prefix('_')?.parse().ok());
                // A later edit may be in the text already.
                if numbers.max() >= Some(edit) {
                    Came::Known { edit, at }
                } else {
                    shared.ask_for(edit);
                    Came::Stale
                }
            }
        };
        drop(shared);
        if came.send(what).is_err() {
            return;
        }
    }
}

/// One message; `None` at the end.
fn read(output: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", number)) => length = number.parse().ok()?,
            Some(_) => {}
            None => break,
        }
    }
    let mut body = vec![0; length];
    output.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}
