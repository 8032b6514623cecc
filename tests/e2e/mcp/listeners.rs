//! Clients that listen for changes: they cost others nothing, and there are only so many of them.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use conexus_testkit::wait_for;
use serde_json::{Value, json};

use super::{
    DEADLINE,
    client::{Client, Http, Revision},
    serve, session,
};

/// As many as may listen at the same time.
const STREAMS: usize = 256;
/// A call beside them takes less than a second on a machine that does nothing else; tests share theirs with others.
const SOON: Duration = Duration::from_secs(2);

/// A response that stays open.
struct Stream(BufReader<TcpStream>);

impl Stream {
    fn open(address: &str, method: &str, headers: &[String], body: &str) -> Self {
        let mut stream = TcpStream::connect(address).expect("the endpoint listens");
        stream.set_read_timeout(Some(DEADLINE)).expect("a time-out");
        let headers = headers.join("\r\n");
        write!(stream, "{method} /mcp HTTP/1.1\r\nContent-Length: {}\r\n{headers}\r\n\r\n{body}", body.len())
            .expect("the endpoint reads");
        Self(BufReader::new(stream))
    }

    /// A request of 2026-07-28 that is answered with what changes.
    fn listen(client: &mut Http) -> Self {
        let params = json!({ "notifications": { "resourcesListChanged": true } });
        let body = client.body("subscriptions/listen", &params);
        Self::open(&client.address, "POST", &client.headers("subscriptions/listen", &params), &body)
    }

    /// The stream of a session of the older revisions.
    fn of_session(client: &Http) -> Self {
        Self::open(&client.address, "GET", &client.headers("", &Value::Null), "")
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).expect("a line in time");
        assert!(!line.is_empty(), "the stream has ended");
        line
    }

    /// The status of the answer, which comes first.
    fn status(&mut self) -> String {
        self.line().split(' ').nth(1).expect("a status").to_owned()
    }

    fn message(&mut self) -> Value {
        loop {
            if let Some(data) = self.line().strip_prefix("data: ").filter(|data| data.starts_with('{')) {
                return serde_json::from_str(data).expect("a message");
            }
        }
    }
}

#[test]
fn clients_that_listen_keep_nobody_waiting_and_are_so_many_at_most() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::New);
    let mut streams: Vec<Stream> = (0..STREAMS)
        .map(|_| {
            let mut stream = Stream::listen(&mut client);
            assert_eq!(stream.message()["method"], "notifications/subscriptions/acknowledged");
            stream
        })
        .collect();

    for action in ["status", "stop", "start", "status"] {
        let started = Instant::now();
        client.tool("context_index_control", &json!({ "action": action, "wait_ms": 100 }));
        assert!(started.elapsed() < SOON, "{action} took {:?}", started.elapsed());
    }
    super::until_idle(&mut client);
    session.workspace.write("src/new.rs", "pub fn new_one() {}\n");
    for stream in &mut streams {
        assert_eq!(stream.message()["method"], "notifications/resources/list_changed");
    }

    // Both ways to listen count as one.
    let mut refused = Stream::listen(&mut client);
    assert_eq!(refused.message()["method"], "notifications/subscriptions/acknowledged");
    let reason = refused.message();
    assert_eq!((&reason["id"], &reason["error"]["code"]), (&json!(client.id), &json!(-32_000)), "{reason}");
    assert!(reason["error"]["message"].as_str().is_some_and(|text| text.contains("256 streams")), "{reason}");
    let mut other = Http::connect(&session, Revision::Old);
    other.initialize();
    assert_eq!(Stream::of_session(&other).status(), "503");
    client.tool("context_index_control", &json!({ "action": "status" }));
    drop(streams.pop());
    let mut told = wait_for("a place", DEADLINE, || {
        let mut stream = Stream::of_session(&other);
        (stream.status() == "200").then_some(stream)
    });
    session.workspace.write("src/newer.rs", "pub fn newer_one() {}\n");
    assert_eq!(told.message()["method"], "notifications/resources/list_changed");
}

/// What is acknowledged is told: of more resources than one client may watch, those that are not are not acknowledged.
#[test]
fn resources_beyond_the_limit_are_not_acknowledged() {
    let session = session();
    let (_server, mut client) = serve(&session, Revision::New);
    let lines = (1..=1_200).map(|line| format!("conexus://file/src/retry.rs?lines={line}-{line}"));
    let guide = "conexus://file/docs/guide.md".to_owned();
    for (wanted, is_told) in [
        (lines.clone().take(999).chain([guide.clone()]).collect::<Vec<_>>(), true),
        (lines.chain([guide.clone()]).collect(), false),
    ] {
        let params = json!({ "notifications": { "resourceSubscriptions": wanted } });
        let events = client.stream("POST", Some(("subscriptions/listen", &params)));
        let message = events.recv_timeout(DEADLINE).expect("a message");
        let accepted = message["params"]["notifications"]["resourceSubscriptions"].as_array().expect("resources");
        assert_eq!((accepted.len(), accepted.contains(&json!(guide))), (1_000, is_told));
        if is_told {
            let mut sentences = 0;
            let told = wait_for("the change", DEADLINE, || {
                // What is found first is no change.
                sentences += 1;
                session.workspace.write("docs/guide.md", format!("# Guide\n\nSentence {sentences}.\n"));
                events.recv_timeout(Duration::from_secs(1)).ok()
            });
            assert_eq!(told["params"]["uri"], json!(guide), "{told}");
        }
    }
}
