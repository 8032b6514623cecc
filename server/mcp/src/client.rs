//! Asks a running session.

use std::time::{Duration, Instant};

use axum::{
    BoxError,
    http::{
        HeaderMap, Request, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER},
        request::Builder,
    },
};
use conexus_core::Query;
use conexus_engine::Location;
use http_body_util::{BodyExt, Full};
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rmcp::model::JsonObject;
use serde_json::json;
use tokio::{net::TcpStream, task::JoinHandle};

use crate::{Endpoint, Error, Found, Result, SearchRequest, reply::Reply};

/// How long a session may take to say that it is there.
const CONNECT_WAIT: Duration = Duration::from_millis(500);
/// How long it may take to answer what it knows at once. A process that is stopped, or whose machine sleeps, still takes
/// connections.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// And whether it is there at all, which takes less than a millisecond: a person waits.
const HELLO_WAIT: Duration = Duration::from_secs(2);
/// How long it may take to answer a search of the command line.
const SEARCH_WAIT: Duration = Duration::from_secs(30);
/// How long a session that has no place for a request is asked again, and how often.
const BUSY_WAIT: Duration = Duration::from_secs(10);
const BUSY_PAUSE: Duration = Duration::from_millis(200);
const BUSY: &str = "the session is busy with other requests, try again";
/// How often a session that works on a call is asked whether it is there.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A running session that keeps a workspace current.
pub struct Session {
    endpoint: Endpoint,
    agent: ureq::Agent,
}

impl Session {
    /// The newest session of a workspace that answers. It is an error when one is there and none answers.
    pub fn find(location: &Location) -> Result<Option<Self>> {
        let mut silent = None;
        for session in Self::each(location) {
            match session {
                Ok(session) => return Ok(Some(session)),
                Err(error) => silent = Some(error),
            }
        }
        silent.map_or(Ok(None), Err)
    }

    /// The sessions of a workspace that answer, the newest first.
    pub fn all(location: &Location) -> impl Iterator<Item = Self> {
        let told = |error: &Error| tracing::warn!(%error, "its unsaved edits are not known");
        Self::each(location).filter_map(move |session| session.inspect_err(told).ok())
    }

    /// The sessions of a workspace that are of this program's version, the newest first; an error for each that is there and
    /// does not answer. Files of sessions that are gone are taken away.
    fn each(location: &Location) -> impl Iterator<Item = Result<Self>> {
        Endpoint::of(location).into_iter().filter_map(|(path, endpoint)| {
            let agent = ureq::Agent::config_builder()
                .timeout_connect(Some(CONNECT_WAIT))
                .timeout_global(Some(HELLO_WAIT))
                .http_status_as_error(false)
                // The endpoint is on this machine: no proxy may see the token.
                .proxy(None)
                .build()
                .into();
            let session = Self { endpoint, agent };
            match session.is_there() {
                Ok(true) => Some(Ok(session)),
                Ok(false) => None,
                Err(error @ Error::Silent { .. }) => Some(Err(error)),
                Err(error) => {
                    tracing::debug!(%error, "an endpoint of a session that is gone");
                    // Another client may have been faster.
                    let _ = std::fs::remove_file(path);
                    None
                }
            }
        })
    }

    /// Answers a query from the session's state, unsaved edits included.
    pub fn search(&self, query: &Query, snippet_lines: usize) -> Result<Found> {
        let request = SearchRequest::new(self.endpoint.workspace.clone(), query, snippet_lines);
        let deadline = Instant::now() + BUSY_WAIT;
        let mut response = loop {
            let response = self
                .agent
                .post(format!("{}/v1/search", self.endpoint.url))
                .header("Authorization", format!("Bearer {}", self.endpoint.token))
                .config()
                .timeout_global(Some(SEARCH_WAIT))
                .build()
                .send_json(&request)
                .map_err(|error| self.unreachable(&error))?;
            if !is_busy(response.status(), response.headers()) {
                break response;
            }
            if Instant::now() >= deadline {
                return Err(Error::Refused(BUSY.to_owned()));
            }
            std::thread::sleep(BUSY_PAUSE);
        };
        if response.status() != 200 {
            let reason = response.body_mut().read_to_string().unwrap_or_default();
            return Err(Error::Refused(reason));
        }
        response.body_mut().read_json().map_err(|error| self.unreachable(&error))
    }

    /// Calls a tool or method of the session; under a key, it can be asked how far it is. Dropping the future closes the
    /// connection, which ends the call there. However long a call takes, it is an error as soon as the session says nothing
    /// any more. One that has no place for the call is asked again for a while, and then it is refused.
    pub(crate) async fn call(&self, tool: &str, arguments: &JsonObject, key: Option<&str>) -> Result<Reply> {
        let workspace = &self.endpoint.workspace;
        let request = json!({ "workspace": workspace, "tool": tool, "arguments": arguments, "key": key }).to_string();
        let deadline = Instant::now() + BUSY_WAIT;
        let Answer { status, body, .. } = loop {
            let answer = tokio::select! {
                answer = self.send(Request::post("/v1/call"), request.clone()) => answer?,
                error = self.silence() => return Err(error),
            };
            if !answer.is_busy {
                break answer;
            }
            if Instant::now() >= deadline {
                return Err(Error::Refused(BUSY.to_owned()));
            }
            tokio::time::sleep(BUSY_PAUSE).await;
        };
        if status == StatusCode::UNPROCESSABLE_ENTITY || status == StatusCode::GATEWAY_TIMEOUT {
            let reason = String::from_utf8_lossy(&body).into_owned();
            return Err(Error::Refused(if reason.is_empty() { "it took too long".to_owned() } else { reason }));
        }
        // Any other status has no such body: the session is ending, or let go of the workspace.
        serde_json::from_slice(&body).map_err(|error| self.gone(error.to_string()))
    }

    /// Waits until the session does not say any more that it is there.
    async fn silence(&self) -> Error {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            match tokio::time::timeout(ANSWER_WAIT, self.send(Request::get("/healthz"), String::new())).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => return error,
                Err(_) => return self.silent(),
            }
        }
    }

    async fn send(&self, request: Builder, body: String) -> Result<Answer> {
        self.exchange(request, body).await.map_err(|reason| self.gone(reason.to_string()))
    }

    async fn exchange(&self, request: Builder, body: String) -> std::result::Result<Answer, BoxError> {
        let authority = self.endpoint.url.strip_prefix("http://").unwrap_or(&self.endpoint.url);
        let stream = tokio::time::timeout(CONNECT_WAIT, TcpStream::connect(authority)).await??;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let _ends_with_the_caller = AbortOnDrop(tokio::spawn(connection));
        let request = request
            .header(HOST, authority)
            .header(AUTHORIZATION, format!("Bearer {}", self.endpoint.token))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?;
        let response = sender.send_request(request).await?;
        let (status, is_busy) = (response.status(), is_busy(response.status(), response.headers()));
        Ok(Answer { status, is_busy, body: response.into_body().collect().await?.to_bytes() })
    }

    fn is_there(&self) -> Result<bool> {
        let response = self
            .agent
            .get(format!("{}/healthz", self.endpoint.url))
            .header("Authorization", format!("Bearer {}", self.endpoint.token))
            .call()
            .map_err(|error| self.unreachable(&error))?;
        let is_there = response.status() == 200 || is_busy(response.status(), response.headers());
        Ok(is_there && self.endpoint.version == env!("CARGO_PKG_VERSION"))
    }

    fn unreachable(&self, error: &ureq::Error) -> Error {
        match error {
            ureq::Error::Timeout(_) => self.silent(),
            _ => self.gone(error.to_string()),
        }
    }

    fn silent(&self) -> Error {
        Error::Silent { url: self.endpoint.url.clone() }
    }

    fn gone(&self, reason: String) -> Error {
        Error::Unreachable { url: self.endpoint.url.clone(), reason }
    }
}

/// What a session answered.
struct Answer {
    status: StatusCode,
    is_busy: bool,
    body: Bytes,
}

/// Whether an answer says that there is no place for the request now: it says when to try again.
fn is_busy(status: StatusCode, headers: &HeaderMap) -> bool {
    matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS)
        && headers.contains_key(RETRY_AFTER)
}

/// A task that ends with the value.
struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
