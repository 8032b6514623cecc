//! A small server that speaks the OpenAI embeddings protocol, for tests of what a slow model changes.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use serde_json::{Value, json};

/// Numbers of a vector.
const DIMENSION: usize = 32;

/// An embeddings endpoint on the loopback interface until it is dropped. The vector of a text counts its words, so that
/// texts with the same words are near each other.
pub struct Endpoint {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    over: AtomicBool,
    texts: AtomicU64,
    delay_ms: AtomicU64,
}

impl Endpoint {
    /// An endpoint at a free port.
    pub fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").expect("a free port"))
    }

    /// One at the port of an address at which nobody listens now.
    pub fn start_at(address: SocketAddr) -> Self {
        Self::listen(TcpListener::bind(address).expect("the port is free"))
    }

    /// An address at which nobody listens.
    pub fn nowhere() -> SocketAddr {
        TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port")
    }

    fn listen(listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let seen = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if seen.over.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), seen) = (stream, Arc::clone(&seen)) else { continue };
                // Who hangs up wants no answer.
                std::thread::spawn(move || drop(answer(stream, &seen)));
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Texts that were embedded so far.
    pub fn texts(&self) -> u64 {
        self.shared.texts.load(Ordering::Relaxed)
    }

    /// Lets each request take so long.
    pub fn delay(&self, delay: Duration) {
        self.shared.delay_ms.store(delay.as_millis() as u64, Ordering::Relaxed);
    }

    /// The settings that name an endpoint at an address.
    pub fn settings(address: SocketAddr) -> String {
        format!("[embedding]\nprovider = 'openai'\nurl = 'http://{address}'\nmodel = 'words'\nattempts = 2\n")
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // Wakes the thread, which then closes the port.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let request: Value = serde_json::from_slice(&body)?;
    let texts = request["input"].as_array().cloned().unwrap_or_default();
    std::thread::sleep(Duration::from_millis(shared.delay_ms.load(Ordering::Relaxed)));
    shared.texts.fetch_add(texts.len() as u64, Ordering::Relaxed);
    let rows: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({ "object": "embedding", "index": index, "embedding": vector(text.as_str().unwrap_or_default()) }))
        .collect();
    let body = json!({ "object": "list", "data": rows, "model": "words" }).to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    reader.get_mut().write_all((head + &body).as_bytes())
}

fn vector(text: &str) -> Vec<f32> {
    let mut vector = vec![0.01; DIMENSION];
    for word in text.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let hash =
            word.bytes().fold(7_usize, |hash, byte| hash.wrapping_mul(31) ^ usize::from(byte.to_ascii_lowercase()));
        vector[hash % DIMENSION] += 1.0;
    }
    vector
}
