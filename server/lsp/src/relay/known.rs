//! What another server must be told so that it stands where the one before it stood, and what the client must be told.
//!
//! Kept are: the first messages of a session, the last settings, changes of folders, the open documents with the texts
//! that the client has, requests without an answer, and what the client shows for the server: progress, findings,
//! registrations. It is bounded by what the client has open, but for changes of folders and messages to the user, which
//! are few.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
    time::Duration,
};

use lsp_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams, DidSaveTextDocumentParams,
    PositionEncodingKind,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    documents::{Counters, Documents},
    lenient,
    positions::Encoding,
};

/// The id of an `initialize` whose answer the client has.
const REPLAYED: &str = "conexus/replayed";
/// The protocol's `ContentModified`: ask again if you still want to know.
const CONTENT_MODIFIED: i64 = -32801;
/// JSON-RPC's internal error.
const INTERNAL_ERROR: i64 = -32603;
/// JSON-RPC's parse error.
const PARSE_ERROR: i64 = -32700;

/// Whether a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    Yes,
    No,
}

/// What becomes of a message of the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pass {
    AsIs,
    /// The last one.
    Exit,
    Other(Vec<u8>),
    Nothing,
}

/// What becomes of a message of the server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FromServer {
    AsIs,
    Other(Vec<u8>),
    /// It is answered here.
    Answer(Vec<u8>),
    Nothing,
}

/// What a crash means.
pub(super) struct Crash {
    /// For the client.
    pub(super) messages: Vec<Vec<u8>>,
    /// Whether nobody wants another server.
    pub(super) is_over: bool,
}

/// What tells a message's way.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    method: Option<Cow<'a, str>>,
    id: Option<Value>,
}

/// A message's parameters.
#[derive(Deserialize)]
struct Params<T> {
    params: T,
}

/// The session as both sides know it.
#[derive(Default)]
pub(super) struct Known {
    initialize: Option<Vec<u8>>,
    is_answered: bool,
    initialized: Option<Vec<u8>>,
    configuration: Option<Vec<u8>>,
    folders: Vec<Vec<u8>>,
    documents: Documents,
    counters: Counters,
    encoding: Encoding,
    /// Requests of the client without an answer.
    in_flight: Vec<(Value, String)>,
    /// Servers that ran before.
    generation: u32,
    /// Ids under which the client knows requests of this server, as the server wrote them.
    asked: HashMap<String, Value>,
    registered: HashSet<String>,
    /// Tokens of progress that was begun, as JSON.
    progress: BTreeSet<String>,
    /// Documents that have findings.
    findings: BTreeSet<String>,
    /// What was shown to the user.
    shown: HashSet<Vec<u8>>,
    /// What came while no server ran and only a server can answer.
    waiting: Vec<Vec<u8>>,
    is_shut_down: bool,
    has_left: bool,
}

fn params<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    lenient::from_slice(body).ok().map(|message: Params<T>| message.params)
}

fn bytes(message: &Value) -> Vec<u8> {
    message.to_string().into_bytes()
}

impl Known {
    /// Notes a message of the client, which goes to the server that runs or waits for the next one.
    pub(super) fn client_says(&mut self, body: &[u8], runs: Runs) -> Pass {
        // What is no message the server refuses.
        let Ok(Envelope { method, id }) = serde_json::from_slice(body) else { return Pass::AsIs };
        let Some(method) = method else { return self.answered_by_client(id.as_ref(), body) };
        if let Some(id) = &id {
            self.in_flight.push((id.clone(), method.clone().into_owned()));
        }
        // All else a new server is told anyway, or finds on disk.
        let is_told_anyway =
            id.is_none() && method != "$/cancelRequest" || method == "initialize" && self.initialize.is_none();
        if runs == Runs::No && !is_told_anyway {
            self.waiting.push(body.to_vec());
        }
        match &*method {
            // There is one; the server refuses others.
            "initialize" if self.initialize.is_none() => {
                let offered: Option<Value> = params(body);
                let offered = offered.and_then(|params| {
                    let offered = params.pointer("/capabilities/general/positionEncodings")?.clone();
                    serde_json::from_value::<Vec<PositionEncodingKind>>(offered).ok()
                });
                self.encoding = Encoding::negotiate(offered.as_deref());
                self.initialize = Some(body.to_vec());
            }
            "initialized" => self.initialized = Some(body.to_vec()),
            "workspace/didChangeConfiguration" => self.configuration = Some(body.to_vec()),
            "workspace/didChangeWorkspaceFolders" => self.folders.push(body.to_vec()),
            "textDocument/didOpen" => {
                if let Some(opened) = params::<DidOpenTextDocumentParams>(body) {
                    self.documents.open(opened.text_document, None);
                }
            }
            "textDocument/didChange" => {
                if let Some(change) = params::<DidChangeTextDocumentParams>(body) {
                    let document = change.text_document;
                    let uri = &document.text_document_identifier.uri;
                    let changes = change.content_changes;
                    self.documents.change(uri, document.version, changes, self.encoding, &self.counters);
                }
            }
            "textDocument/didSave" => {
                if let Some(DidSaveTextDocumentParams { text_document, text: Some(text) }) = params(body)
                    && let Some(version) = self.documents.get(&text_document.uri).map(|document| document.version)
                {
                    self.documents.heal(&text_document.uri, version, &text, &self.counters);
                }
            }
            "textDocument/didClose" => {
                if let Some(closed) = params::<DidCloseTextDocumentParams>(body) {
                    self.documents.close(&closed.text_document.uri);
                }
            }
            "shutdown" => self.is_shut_down = true,
            "exit" => {
                self.has_left = true;
                return Pass::Exit;
            }
            _ => {}
        }
        Pass::AsIs
    }

    /// Gives an answer of the client the id that the server gave its question. One to a server that crashed is dropped.
    fn answered_by_client(&mut self, id: Option<&Value>, body: &[u8]) -> Pass {
        if self.generation == 0 {
            return Pass::AsIs;
        }
        let asked = id.and_then(Value::as_str).and_then(|id| self.asked.remove(id));
        match (asked, lenient::from_slice::<Value>(body)) {
            (Some(id), Ok(mut message)) => {
                message["id"] = id;
                Pass::Other(bytes(&message))
            }
            _ => Pass::Nothing,
        }
    }

    /// Notes a message of the server.
    pub(super) fn server_says(&mut self, body: &[u8]) -> FromServer {
        let Ok(Envelope { method, id }) = serde_json::from_slice(body) else { return FromServer::AsIs };
        match (method, id) {
            (None, Some(id)) => self.answered(&id),
            (None, None) => FromServer::AsIs,
            (Some(method), Some(id)) => self.asks(&method, id, body),
            (Some(method), None) => self.tells(&method, body),
        }
    }

    fn answered(&mut self, id: &Value) -> FromServer {
        if id == REPLAYED {
            return FromServer::Nothing;
        }
        if let Some(at) = self.in_flight.iter().position(|(open, _)| open == id) {
            let (_, method) = self.in_flight.swap_remove(at);
            self.is_answered |= method == "initialize";
        }
        FromServer::AsIs
    }

    fn asks(&mut self, method: &str, id: Value, body: &[u8]) -> FromServer {
        if method == "client/registerCapability" {
            let registered: Option<Value> = params(body);
            let ids = registered.as_ref().and_then(|params| params["registrations"].as_array()).map(Vec::as_slice);
            let ids = ids.unwrap_or_default().iter().filter_map(|registration| registration["id"].as_str());
            let new = ids.filter(|id| self.registered.insert((*id).to_owned())).count();
            if self.generation > 0 && new == 0 {
                return FromServer::Answer(bytes(&json!({ "jsonrpc": "2.0", "id": id, "result": null })));
            }
        }
        if self.generation == 0 {
            return FromServer::AsIs;
        }
        // The client may still answer the server before, which counted from the same number.
        let Ok(mut message) = serde_json::from_slice::<Value>(body) else { return FromServer::AsIs };
        let known_as = format!("conexus/{}/{id}", self.generation);
        message["id"] = known_as.clone().into();
        self.asked.insert(known_as, id);
        FromServer::Other(bytes(&message))
    }

    fn tells(&mut self, method: &str, body: &[u8]) -> FromServer {
        match method {
            "$/progress" => {
                let progress: Value = params(body).unwrap_or_default();
                let token = progress["token"].to_string();
                match progress["value"]["kind"].as_str() {
                    Some("begin") => drop(self.progress.insert(token)),
                    Some("end") => drop(self.progress.remove(&token)),
                    _ => {}
                }
            }
            "textDocument/publishDiagnostics" => {
                let published: Value = params(body).unwrap_or_default();
                let uri = published["uri"].as_str().unwrap_or_default();
                if published["diagnostics"].as_array().is_none_or(Vec::is_empty) {
                    self.findings.remove(uri);
                } else {
                    self.findings.insert(uri.to_owned());
                }
            }
            // Each server says what is wrong with settings and folders.
            "window/showMessage" if !self.shown.insert(body.to_vec()) && self.generation > 0 => {
                return FromServer::Nothing;
            }
            _ => {}
        }
        FromServer::AsIs
    }

    /// The client says nothing any more.
    pub(super) fn left(&mut self) {
        self.has_left = true;
    }

    pub(super) fn has_left(&self) -> bool {
        self.has_left
    }

    /// The server is gone: what the client waits for is answered, and what it shows is taken back.
    pub(super) fn crashed(&mut self) -> Crash {
        let mut messages = Vec::new();
        let is_answered = self.is_answered;
        // Without an answer to `initialize` the next server gives it.
        let waits = |method: &str| method == "initialize" && !is_answered;
        let (kept, open): (Vec<_>, _) = self.in_flight.drain(..).partition(|(_, method)| waits(method));
        self.in_flight = kept;
        for (id, method) in open {
            let own = method.starts_with("conexus/") || method == "workspace/executeCommand";
            let answer = match &*method {
                "shutdown" => json!({ "jsonrpc": "2.0", "id": id, "result": null }),
                _ => json!({ "jsonrpc": "2.0", "id": id, "error": {
                    // A person waits for what is ours: they are told. What editors ask by themselves they ask again.
                    "code": if own { INTERNAL_ERROR } else { CONTENT_MODIFIED },
                    "message": "the server crashed while it worked on this and is started again",
                } }),
            };
            messages.push(bytes(&answer));
        }
        for token in std::mem::take(&mut self.progress) {
            let token: Value = serde_json::from_str(&token).unwrap_or_default();
            let params = json!({ "token": token, "value": { "kind": "end" } });
            messages.push(bytes(&json!({ "jsonrpc": "2.0", "method": "$/progress", "params": params })));
        }
        for uri in std::mem::take(&mut self.findings) {
            let params = json!({ "uri": uri, "diagnostics": [] });
            let message = json!({ "jsonrpc": "2.0", "method": "textDocument/publishDiagnostics", "params": params });
            messages.push(bytes(&message));
        }
        self.generation += 1;
        self.asked.clear();
        Crash { messages, is_over: self.has_left || self.is_shut_down }
    }

    /// What a new server is told first. It answers `initialize` before it reads on.
    pub(super) fn replay(&mut self) -> Vec<Vec<u8>> {
        let mut messages = Vec::new();
        let Some(initialize) = &self.initialize else { return std::mem::take(&mut self.waiting) };
        let mut again = initialize.clone();
        if self.is_answered
            && let Ok(mut message) = lenient::from_slice::<Value>(initialize)
        {
            message["id"] = REPLAYED.into();
            again = bytes(&message);
        }
        messages.push(again);
        messages.extend(self.initialized.iter().chain(&self.configuration).chain(&self.folders).cloned());
        let mut documents: Vec<_> = self.documents.iter().collect();
        // The one that was touched last is the active one.
        documents.sort_by_key(|(_, document)| document.touched);
        for (uri, document) in documents {
            let opened = json!({
                "uri": uri,
                "languageId": &*document.language,
                "version": document.version,
                "text": document.text.to_string(),
            });
            let params = json!({ "textDocument": opened });
            messages.push(bytes(&json!({ "jsonrpc": "2.0", "method": "textDocument/didOpen", "params": params })));
        }
        messages.append(&mut self.waiting);
        messages
    }
}

/// The answer to bytes that are no message, as the server gives it.
pub(super) fn malformed(why: &str) -> Vec<u8> {
    tracing::warn!(why, "a message could not be read");
    bytes(&json!({ "jsonrpc": "2.0", "id": null, "error": { "code": PARSE_ERROR, "message": why } }))
}

/// For the client's log: which file did it the new server tells, when it knows.
pub(super) fn started_again(signal: &str) -> Vec<u8> {
    let message = format!("the server crashed ({signal}) and is started again; what is open is told to it");
    let params = json!({ "type": 2, "message": message });
    bytes(&json!({ "jsonrpc": "2.0", "method": "window/logMessage", "params": params }))
}

/// For the user.
pub(super) fn gave_up(crashes: usize, window: Duration, signal: &str) -> Vec<u8> {
    let minutes = window.as_secs() / 60;
    let message = format!(
        "Conexus crashed {crashes} times within {minutes} minutes ({signal}) and ends; its log and `conexus doctor` say \
         more"
    );
    let params = json!({ "type": 1, "message": message });
    bytes(&json!({ "jsonrpc": "2.0", "method": "window/showMessage", "params": params }))
}

#[cfg(test)]
#[path = "known_tests.rs"]
mod tests;
