//! The endpoint embedder against a small server on the loopback interface that answers by script.

#![allow(clippy::unwrap_used)]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use conexus_core::Passage;
use conexus_embed::{
    Cancel, EmbedError, Embedder, EmbedderSettings, Environment, OpenAiEmbedder, OpenAiSettings, Speed,
};
use serde_json::{Value, json};

/// What the server does with one request.
#[derive(Clone)]
enum Reply {
    /// Vectors computed from the texts: `[length, 1]` for each, in order.
    Good,
    /// The same, listed from the last to the first.
    Shuffled,
    /// Accepts at most this many texts and this many bytes of each; status 413 beyond.
    Limited(usize, usize),
    /// A status with extra header lines and a body.
    Status(u16, &'static str, &'static str),
    /// This body with status 200.
    Body(&'static str),
    /// Announces more bytes than it sends.
    Truncated,
    /// Waits before a good answer.
    Slow(Duration),
    /// Closes the connection without a word.
    Hangup,
}

struct Request {
    head: String,
    texts: Vec<String>,
    body: Value,
}

struct Server {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers by the replies in turn; the last one is repeated.
    fn start(replies: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let mut replies = VecDeque::from(replies.to_vec());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let reply = if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() };
                // A client that has given up closes the connection: writing to it may fail.
                let _ = answer(stream.unwrap(), &reply.unwrap(), &seen);
            }
        });
        Self { url, requests }
    }

    fn count(&self) -> usize {
        self.requests.lock().unwrap().len()
    }

    fn texts(&self) -> Vec<Vec<String>> {
        self.requests.lock().unwrap().iter().map(|request| request.texts.clone()).collect()
    }
}

fn answer(mut stream: TcpStream, reply: &Reply, seen: &Mutex<Vec<Request>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
    });
    let mut body = vec![0; length.unwrap()];
    reader.read_exact(&mut body)?;
    let body: Value = serde_json::from_slice(&body).unwrap();
    let texts: Vec<String> = serde_json::from_value(body["input"].clone()).unwrap();
    seen.lock().unwrap().push(Request { head, texts: texts.clone(), body });
    let mut data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": [text.len() as f32, 1.0]}))
        .collect();
    if matches!(reply, Reply::Shuffled) {
        data.reverse();
    }
    let good = json!({"object": "list", "data": data, "model": "m", "usage": {"total_tokens": 1}}).to_string();
    let (status, headers, body) = match reply {
        Reply::Limited(count, bytes) if texts.len() > *count || texts.iter().any(|text| text.len() > *bytes) => {
            (413, "", r#"{"error":"too large"}"#)
        }
        Reply::Good | Reply::Shuffled | Reply::Limited(..) => (200, "", good.as_str()),
        Reply::Status(status, headers, body) => (*status, *headers, *body),
        Reply::Body(body) => (200, "", *body),
        Reply::Truncated => {
            return write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{{\"data\":[");
        }
        Reply::Slow(wait) => {
            std::thread::sleep(*wait);
            (200, "", good.as_str())
        }
        Reply::Hangup => return Ok(()),
    };
    write!(
        stream,
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn settings(server: &Server) -> OpenAiSettings {
    OpenAiSettings {
        dimension: NonZeroUsize::new(2),
        attempts: 3,
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_secs(3),
        request_timeout: Duration::from_secs(5),
        ..OpenAiSettings::new(&server.url, "m")
    }
}

fn open(settings: OpenAiSettings) -> Result<OpenAiEmbedder, EmbedError> {
    OpenAiEmbedder::open(settings, Cancel::default(), None)
}

fn embed(embedder: &dyn Embedder, texts: &[&str]) -> Result<Vec<f32>, EmbedError> {
    let passages: Vec<_> = texts.iter().map(|body| Passage { body, ..Passage::default() }).collect();
    let mut out = vec![7.0];
    let result = embedder.embed_passages(&passages, &mut out);
    if result.is_err() {
        assert!(out.is_empty(), "nothing is left behind on an error");
    }
    result.map(|()| out)
}

/// The row that a good reply means for texts of these lengths.
fn rows(lengths: &[usize]) -> Vec<f32> {
    let row = |&length: &usize| {
        let norm = ((length * length + 1) as f32).sqrt();
        [length as f32 / norm, 1.0 / norm]
    };
    lengths.iter().flat_map(row).collect()
}

fn assert_rows(actual: &[f32], lengths: &[usize]) {
    let expected = rows(lengths);
    assert_eq!(actual.len(), expected.len());
    assert!(actual.iter().zip(&expected).all(|(one, other)| (one - other).abs() < 1e-6), "{actual:?} {expected:?}");
}

#[test]
fn good_answers_become_unit_rows_in_order() {
    for reply in [Reply::Good, Reply::Shuffled] {
        let server = Server::start(&[reply]);
        let embedder = open(settings(&server)).unwrap();
        assert_eq!((embedder.dimension(), embedder.speed()), (2, Speed::Slow));
        assert_rows(&embed(&embedder, &["a", "bbbb", "cc"]).unwrap(), &[1, 4, 2]);
        let mut query = Vec::new();
        embedder.embed_query("hello", &mut query).unwrap();
        assert_rows(&query, &[5]);
        let request = &server.requests.lock().unwrap()[0];
        assert!(request.head.starts_with("POST /v1/embeddings HTTP/1.1\r\n"), "{}", request.head);
        assert!(!request.head.to_lowercase().contains("authorization"));
        assert_eq!(request.body, json!({"model": "m", "input": ["a", "bbbb", "cc"]}));
    }
}

#[test]
fn blank_texts_are_zero_rows_and_are_not_sent() {
    let server = Server::start(&[Reply::Good]);
    let embedder = open(settings(&server)).unwrap();
    assert_eq!(embed(&embedder, &["", " \n"]).unwrap(), [0.0; 4]);
    assert_eq!(embed(&embedder, &[]).unwrap(), [0.0; 0]);
    let mut query = Vec::new();
    embedder.embed_query(" ", &mut query).unwrap();
    assert_eq!(query, [0.0; 2]);
    assert_eq!(server.count(), 0);
}

#[test]
fn transient_failures_are_asked_again() {
    for (replies, requests) in [
        (vec![Reply::Status(429, "", "slow down"), Reply::Good], 2),
        (vec![Reply::Status(503, "", ""), Reply::Status(500, "", ""), Reply::Good], 3),
        (vec![Reply::Truncated, Reply::Good], 2),
        (vec![Reply::Hangup, Reply::Good], 2),
    ] {
        let server = Server::start(&replies);
        assert_rows(&embed(&open(settings(&server)).unwrap(), &["abc"]).unwrap(), &[3]);
        assert_eq!(server.count(), requests);
    }
}

#[test]
fn retry_after_is_a_lower_bound() {
    let server = Server::start(&[Reply::Status(429, "Retry-After: 1\r\n", ""), Reply::Good]);
    let began = Instant::now();
    assert_rows(&embed(&open(settings(&server)).unwrap(), &["abc"]).unwrap(), &[3]);
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());

    let server = Server::start(&[Reply::Status(429, "Retry-After: 3600\r\n", "quota")]);
    let error = embed(&open(settings(&server)).unwrap(), &["abc"]).unwrap_err().to_string();
    assert!(error.contains("status 429: quota, and asks to wait 3600 s"), "{error}");
    assert_eq!(server.count(), 1, "an hour is reported, not waited");
}

#[test]
fn hopeless_endpoints_give_errors_that_say_why() {
    for (reply, requests, complaint) in [
        (
            Reply::Status(500, "", r#"{"error":{"message":"out of memory"}}"#),
            3,
            "after 3 attempt(s): status 500: out of memory",
        ),
        (Reply::Truncated, 3, "after 3 attempt(s)"),
        (Reply::Hangup, 3, "after 3 attempt(s)"),
        (Reply::Status(401, "", "who?"), 1, "status 401: who?; check embedding.api_key_env"),
        (Reply::Status(404, "", r#"{"error":"no model m"}"#), 1, "no model m; check embedding.url and embedding.model"),
        (Reply::Status(302, "Location: http://127.0.0.1:9/\r\n", ""), 1, "status 302"),
        (Reply::Status(400, "", "bad"), 1, "status 400: bad"),
        (Reply::Body("{\"data\":["), 1, "it cannot be read: EOF"),
        (Reply::Body(r#"{"data":[{"index":0,"embedding":[1,2,3]}]}"#), 1, "have 3 numbers, 2 are expected"),
        (Reply::Body(r#"{"data":[{"index":0,"embedding":[1,null]}]}"#), 1, "invalid type: null"),
        (Reply::Body(r#"{"data":[{"index":0,"embedding":[1,NaN]}]}"#), 1, "it cannot be read"),
        (Reply::Body(r#"{"data":[]}"#), 1, "0 vectors for 1 texts"),
    ] {
        let server = Server::start(&[reply]);
        let error = embed(&open(settings(&server)).unwrap(), &["abc"]).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error:?} does not say {complaint:?}");
        assert!(error.contains(&format!("{}/v1/embeddings", server.url)), "{error:?} does not name the endpoint");
        assert_eq!(server.count(), requests, "{complaint}");
    }
    // Nobody listens: a port that was just free.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server { url: format!("http://{free}"), requests: Arc::default() };
    let error = embed(&open(settings(&server)).unwrap(), &["abc"]).unwrap_err().to_string();
    assert!(error.contains("after 3 attempt(s)") && error.contains("check embedding.url"), "{error}");
}

#[test]
fn a_slow_endpoint_times_out() {
    let server = Server::start(&[Reply::Slow(Duration::from_secs(20))]);
    let settings = OpenAiSettings { attempts: 1, request_timeout: Duration::from_millis(200), ..settings(&server) };
    let began = Instant::now();
    let error = embed(&open(settings).unwrap(), &["abc"]).unwrap_err().to_string();
    assert!(error.contains("timeout"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn cancelling_does_not_wait_for_the_endpoint_or_the_back_off() {
    let waits = Reply::Status(503, "Retry-After: 20\r\n", "");
    for reply in [Reply::Slow(Duration::from_secs(20)), waits] {
        let server = Server::start(&[reply]);
        let cancel = Cancel::default();
        let settings = OpenAiSettings {
            request_timeout: Duration::from_mins(1),
            longest_wait: Duration::from_mins(1),
            ..settings(&server)
        };
        let embedder = OpenAiEmbedder::open(settings, cancel.clone(), None).unwrap();
        let began = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while server.count() == 0 && began.elapsed() < Duration::from_secs(10) {
                    std::thread::yield_now();
                }
                cancel.cancel();
            });
            assert!(matches!(embed(&embedder, &["abc"]), Err(EmbedError::Cancelled)));
        });
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert!(matches!(embed(&embedder, &["abc"]), Err(EmbedError::Cancelled)), "it stays cancelled");
    }
}

#[test]
fn batches_keep_their_limits_and_texts_are_cut() {
    let server = Server::start(&[Reply::Good]);
    let settings = OpenAiSettings { batch_texts: 2, batch_characters: 8, text_characters: 6, ..settings(&server) };
    let embedder = open(settings).unwrap();
    let texts = ["a", "bb", "ccc", "dddddd", "eeeeeeeee", "ff", "ggg"];
    assert_rows(&embed(&embedder, &texts).unwrap(), &[1, 2, 3, 6, 6, 2, 3]);
    assert_eq!(server.texts(), [vec!["a", "bb"], vec!["ccc"], vec!["dddddd"], vec!["eeeeee", "ff"], vec!["ggg"]]);
}

#[test]
fn what_an_endpoint_finds_too_large_is_halved() {
    let server = Server::start(&[Reply::Limited(2, 500)]);
    let embedder = open(settings(&server)).unwrap();
    let long = "x".repeat(1600);
    assert_rows(&embed(&embedder, &["a", "bb", &long, "dddd", "eeeee"]).unwrap(), &[1, 2, 400, 4, 5]);
    // The same text has the same row when it is sent alone to an embedder that has seen nothing.
    assert_rows(&embed(&open(settings(&server)).unwrap(), &[&long]).unwrap(), &[400]);
}

#[test]
fn a_text_is_paid_for_once() {
    let server = Server::start(&[Reply::Good]);
    let embedder = open(OpenAiSettings { cache_entries: 2, ..settings(&server) }).unwrap();
    embed(&embedder, &["a", "bb"]).unwrap();
    assert_rows(&embed(&embedder, &["bb", "ccc", "a"]).unwrap(), &[2, 3, 1]);
    assert_eq!(server.texts(), [vec!["a", "bb"], vec!["ccc"]]);
}

#[test]
fn the_dimension_is_found_out_and_is_part_of_the_identity() {
    let server = Server::start(&[Reply::Good]);
    let probed = open(OpenAiSettings { dimension: None, ..settings(&server) }).unwrap();
    assert_eq!((probed.dimension(), server.count()), (2, 1));
    let set = open(settings(&server)).unwrap();
    assert_eq!(server.count(), 1, "a set dimension needs no network to open");
    assert_eq!(probed.model(), set.model());
    assert!(set.model().as_str().starts_with("openai-1/2/m/"), "{}", set.model());
    for other in [
        OpenAiSettings { dimension: NonZeroUsize::new(3), ..settings(&server) },
        OpenAiSettings { model: "n".into(), ..settings(&server) },
        OpenAiSettings { query_prefix: "q: ".into(), ..settings(&server) },
        OpenAiSettings { document_prefix: "d: ".into(), ..settings(&server) },
        OpenAiSettings { text_characters: 10, ..settings(&server) },
        OpenAiSettings { url: format!("{}/other", server.url), ..settings(&server) },
    ] {
        assert_ne!(open(other).unwrap().model(), set.model());
    }
}

#[test]
fn prefixes_key_and_dimension_are_sent_and_the_key_is_never_shown() {
    // Cargo sets this variable for every test run.
    let key = std::env::var("CARGO_PKG_NAME").unwrap();
    let server = Server::start(&[Reply::Good, Reply::Good, Reply::Status(401, "", "wrong key conexus-embed!")]);
    let settings = OpenAiSettings {
        api_key_env: Some("CARGO_PKG_NAME".into()),
        query_prefix: "q: ".into(),
        document_prefix: "d: ".into(),
        request_dimension: true,
        ..settings(&server)
    };
    assert!(!format!("{settings:?}").contains(&key));
    let embedder = open(settings).unwrap();
    embed(&embedder, &["a"]).unwrap();
    let mut out = Vec::new();
    embedder.embed_query("b", &mut out).unwrap();
    assert_eq!(server.texts(), [["d: a"], ["q: b"]]);
    let error = embed(&embedder, &["c"]).unwrap_err().to_string();
    assert!(error.contains("wrong key ***!"), "{error}");
    let request = &server.requests.lock().unwrap()[0];
    assert!(request.head.to_lowercase().contains(&format!("authorization: bearer {key}\r\n")), "{}", request.head);
    assert_eq!(request.body["dimensions"], 2);
}

#[test]
fn settings_name_what_to_fix() {
    let server = Server { url: "http://127.0.0.1:9".into(), requests: Arc::default() };
    let good = settings(&server);
    for (setting, settings) in [
        ("embedding.url", OpenAiSettings { url: "127.0.0.1:9".into(), ..good.clone() }),
        ("embedding.model", OpenAiSettings { model: " ".into(), ..good.clone() }),
        ("embedding.batch_texts", OpenAiSettings { batch_texts: 0, ..good.clone() }),
        ("embedding.batch_characters", OpenAiSettings { batch_characters: 0, ..good.clone() }),
        ("embedding.text_characters", OpenAiSettings { text_characters: 0, ..good.clone() }),
        ("embedding.attempts", OpenAiSettings { attempts: 0, ..good.clone() }),
        ("embedding.request_timeout_seconds", OpenAiSettings { request_timeout: Duration::ZERO, ..good.clone() }),
        ("embedding.api_key_env", OpenAiSettings { api_key_env: Some("CONEXUS_NO_SUCH".into()), ..good.clone() }),
        ("embedding.api_key_env", OpenAiSettings { api_key_env: Some("a=b".into()), ..good.clone() }),
        ("embedding.request_dimension", OpenAiSettings { request_dimension: true, dimension: None, ..good.clone() }),
    ] {
        let settings = EmbedderSettings::OpenAi(Box::new(settings));
        let error = settings.open(&Environment::default()).map(|_| ()).unwrap_err().to_string();
        assert!(error.starts_with(&format!("setting {setting}: ")), "{error}");
    }
}
