//! The faults of the library's own loop, each shown to be gone, with a service whose requests wait until they are told.

use std::{
    future::Ready,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncWriteExt, DuplexStream},
    sync::Semaphore,
};
use tower_lsp::{Client, LanguageServer, LspService, jsonrpc::Result};

use super::*;
use lsp_types::{InitializeParams, InitializeResult};

/// Far more than anything here takes, and short enough to wait for.
const DEADLINE: Duration = Duration::from_secs(20);

struct Mock {
    client: Client,
    /// What slow requests wait for.
    gate: Arc<Semaphore>,
    changes: AtomicU32,
}

impl LanguageServer for Mock {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        Ok(InitializeResult::default())
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }
}

async fn slow(mock: &Mock) -> Result<Value> {
    mock.gate.acquire().await.expect("the gate is never closed").forget();
    Ok(json!("slow"))
}

async fn changes(mock: &Mock) -> Result<Value> {
    Ok(json!(mock.changes.load(Ordering::SeqCst)))
}

fn change(mock: &Mock) -> Ready<()> {
    mock.changes.fetch_add(1, Ordering::SeqCst);
    std::future::ready(())
}

fn open(mock: &Mock, count: u32) -> Ready<()> {
    mock.gate.add_permits(count as usize);
    std::future::ready(())
}

async fn panics(_: &Mock) -> Result<Value> {
    panic!("as the test wants it")
}

fn panics_too(_: &Mock) -> Ready<()> {
    panic!("as the test wants it")
}

/// Asks the client and waits for it, as no real handler here does.
async fn ask(mock: &Mock) -> Result<Value> {
    let items = mock.client.configuration(vec![lsp_types::ConfigurationItem::default()]).await?;
    Ok(json!(items))
}

/// A client at the other end of the loop.
struct Wire {
    output: DuplexStream,
    frames: FrameReader<DuplexStream>,
    served: tokio::task::JoinHandle<Ending>,
}

impl Wire {
    async fn start() -> Self {
        let (service, socket) = LspService::build_with_lifecycle_methods(|client| Mock {
            client,
            gate: Arc::new(Semaphore::new(0)),
            changes: AtomicU32::new(0),
        })
        .custom_method("slow", slow)
        .custom_method("changes", changes)
        .custom_method("change", change)
        .custom_method("open", |mock: &Mock, (count,): (u32,)| open(mock, count))
        .custom_method("panics", panics)
        .custom_method("panicsToo", panics_too)
        .custom_method("ask", ask)
        .finish();
        let (input, theirs) = tokio::io::duplex(1 << 20);
        let (ours, output) = tokio::io::duplex(1 << 20);
        let served = tokio::spawn(serve(ours, theirs, service, socket));
        let mut wire = Self { output, frames: FrameReader::new(input), served };
        wire.send(&json!({ "jsonrpc": "2.0", "id": "init", "method": "initialize", "params": { "capabilities": {} } }))
            .await;
        assert_eq!(wire.read().await["id"], "init");
        wire
    }

    async fn send(&mut self, message: &Value) {
        self.send_bytes(&framed(message.to_string().as_bytes())).await;
    }

    async fn send_bytes(&mut self, bytes: &[u8]) {
        self.output.write_all(bytes).await.expect("the loop reads");
    }

    async fn request(&mut self, id: u32, method: &str) {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method })).await;
    }

    async fn notify(&mut self, method: &str, params: Value) {
        let mut message = json!({ "jsonrpc": "2.0", "method": method });
        if !params.is_null() {
            message["params"] = params;
        }
        self.send(&message).await;
    }

    async fn read(&mut self) -> Value {
        let frame = tokio::time::timeout(DEADLINE, self.frames.next()).await.expect("a message before the deadline");
        match frame.expect("the pipe works").expect("the loop goes on") {
            Frame::Message(bytes) => serde_json::from_slice(&bytes).expect("JSON"),
            Frame::Malformed(why) => panic!("{why}"),
        }
    }
}

#[tokio::test]
async fn a_change_does_not_wait_behind_slow_requests() {
    let mut wire = Wire::start().await;
    for id in 0..8 {
        wire.request(id, "slow").await;
    }
    wire.notify("change", Value::Null).await;
    wire.request(99, "changes").await;
    let answer = wire.read().await;
    assert_eq!((&answer["id"], &answer["result"]), (&json!(99), &json!(1)), "while eight requests wait");
}

#[tokio::test]
async fn a_request_knows_every_change_that_came_before_it() {
    let mut wire = Wire::start().await;
    for count in 1..=500 {
        wire.notify("change", Value::Null).await;
        wire.request(count, "changes").await;
        assert_eq!(wire.read().await["result"], json!(count));
    }
}

#[tokio::test]
async fn a_request_is_cancelled_while_others_run() {
    let mut wire = Wire::start().await;
    for id in 0..8 {
        wire.request(id, "slow").await;
    }
    wire.notify("$/cancelRequest", json!({ "id": 7 })).await;
    let answer = wire.read().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!(-32800)));
    wire.notify("open", json!([7])).await;
    for _ in 0..7 {
        assert_eq!(wire.read().await["result"], "slow");
    }
}

#[tokio::test]
async fn a_handler_that_waits_for_the_client_does_not_stop_the_others() {
    let mut wire = Wire::start().await;
    for id in 0..200 {
        wire.request(id, "ask").await;
    }
    let mut asked = Vec::new();
    while asked.len() < 200 {
        let message = wire.read().await;
        assert_eq!(message["method"], "workspace/configuration");
        asked.push(message["id"].clone());
    }
    wire.request(1000, "changes").await;
    assert_eq!(wire.read().await["id"], 1000);
    for id in &asked {
        wire.send(&json!({ "jsonrpc": "2.0", "id": id, "result": [42] })).await;
    }
    for _ in 0..200 {
        assert_eq!(wire.read().await["result"], json!([42]));
    }
}

#[tokio::test]
async fn a_panic_ends_one_request_and_not_the_session() {
    let mut wire = Wire::start().await;
    wire.request(1, "panics").await;
    let answer = wire.read().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(1), &json!(-32603)));
    wire.notify("panicsToo", Value::Null).await;
    wire.request(2, "changes").await;
    assert_eq!(wire.read().await["result"], 0);
}

#[tokio::test]
async fn malformed_messages_are_answered_and_passed_over() {
    let mut wire = Wire::start().await;
    for (body, code, id) in [
        ("{", -32700, Value::Null),
        ("\u{feff}{}", -32700, Value::Null),
        ("[]", -32600, Value::Null),
        ("{\"jsonrpc\":\"2.0\",\"method\":7,\"id\":5}", -32600, json!(5)),
        ("{\"jsonrpc\":\"1.0\",\"method\":\"changes\",\"id\":\"x\"}", -32600, json!("x")),
        ("{\"jsonrpc\":\"2.0\",\"id\":1}", -32600, Value::Null),
        ("\"text\"", -32600, Value::Null),
        ("{\"jsonrpc\":\"2.0\",\"method\":\"unknown\",\"id\":6}", -32601, json!(6)),
        ("{\"jsonrpc\":\"2.0\",\"method\":\"$/unknown\",\"id\":7}", -32601, json!(7)),
        ("{\"jsonrpc\":\"2.0\",\"method\":\"changes\",\"params\":[1],\"id\":8}", -32602, json!(8)),
        ("{\"jsonrpc\":\"2.0\",\"method\":\"change\",\"id\":9}", -32600, json!(9)),
    ] {
        wire.send_bytes(&framed(body.as_bytes())).await;
        let answer = wire.read().await;
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(code), &id), "{body}");
    }
    wire.send_bytes(&framed(b"\xff\xfe")).await;
    assert_eq!(wire.read().await["error"]["code"], -32700);
    let deep = "[".repeat(100_000);
    wire.send_bytes(&framed(deep.as_bytes())).await;
    assert_eq!(wire.read().await["error"]["code"], -32700);
    // Nothing of this changed anything, and answers that nobody asked for do no harm.
    wire.send(&json!({ "jsonrpc": "2.0", "id": 4711, "result": null })).await;
    wire.notify("unknown", Value::Null).await;
    wire.request(10, "changes").await;
    assert_eq!(wire.read().await["result"], 0);
}

#[tokio::test]
async fn the_session_ends_with_its_client() {
    let mut wire = Wire::start().await;
    wire.request(1, "slow").await;
    wire.notify("exit", Value::Null).await;
    let ending = tokio::time::timeout(DEADLINE, wire.served).await.expect("it ends").expect("without a panic");
    assert_eq!(ending, Ending::Exit);

    let mut wire = Wire::start().await;
    wire.request(1, "slow").await;
    wire.send_bytes(b"Content-Length: 100\r\n\r\n{\"jsonrpc\"").await;
    drop(wire.output);
    let ending = tokio::time::timeout(DEADLINE, wire.served).await.expect("it ends").expect("without a panic");
    assert_eq!(ending, Ending::Closed);
}

#[tokio::test]
async fn too_many_requests_are_refused_and_the_others_answered() {
    let mut wire = Wire::start().await;
    let most = MOST_IN_FLIGHT as u32;
    for id in 0..most + 10 {
        wire.request(id, "slow").await;
    }
    for _ in 0..10 {
        let refused = wire.read().await;
        assert!(refused["id"].as_u64() >= Some(u64::from(most)), "{refused}");
        assert_eq!(refused["error"]["code"], REQUEST_FAILED);
        let message = refused["error"]["message"].as_str().unwrap_or_default();
        assert!(message.starts_with("1000 requests are in flight"), "{message}");
    }
    wire.notify("open", json!([most])).await;
    for _ in 0..most {
        assert_eq!(wire.read().await["result"], "slow");
    }
    // Their places are free again.
    wire.request(9_999, "changes").await;
    assert_eq!(wire.read().await["result"], 0);
}
