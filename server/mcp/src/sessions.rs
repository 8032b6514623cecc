//! Sessions over HTTP, for clients of the revisions that have them (2025-11-25 and older): what a client watches, the
//! stream on which it is told, and the calls that it may cancel with a message of its own.
//!
//! A request of a session is answered as one without: nothing of it is kept, so a client that names no session, as many
//! do that ask once, is served too.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use rmcp::{
    RoleServer,
    model::{Extensions, ProtocolVersion, RequestId},
    service::RequestContext,
};
use serde::Deserialize;
use tokio::sync::{mpsc, oneshot};
use tokio_stream::{StreamExt, wrappers::ReceiverStream};

use crate::{
    calls::{Caller, Calls},
    guard::token,
    watching::{Listener, Watched},
};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// Sessions at the same time. The one that rested longest makes room; its client is told to begin anew.
const MOST: usize = 1_024;
/// Events that may wait for a client that reads slowly.
const EVENTS: usize = 16;
/// How often a silent stream shows that it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Largest body, in bytes, that is looked at for a cancellation.
const CANCELLATION_BYTES: usize = 4_096;

/// What is kept of one client.
#[derive(Clone)]
pub(crate) struct Session(Arc<Kept>);

struct Kept {
    watched: Watched,
    /// Its requests that are being answered, with what ends them.
    calls: Mutex<HashMap<RequestId, End>>,
    /// Dropped when another stream takes the place of this one.
    stream: Mutex<Option<oneshot::Sender<()>>>,
    used: Mutex<Instant>,
}

type End = Box<dyn Fn() + Send + Sync>;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request that the client may cancel, until it is answered.
pub(crate) struct Running {
    session: Session,
    id: RequestId,
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.session.0.calls).remove(&self.id);
    }
}

impl Session {
    fn new() -> Self {
        Self(Arc::new(Kept {
            watched: Watched::lists(),
            calls: Mutex::default(),
            stream: Mutex::default(),
            used: Mutex::new(Instant::now()),
        }))
    }

    pub(crate) fn watched(&self) -> Watched {
        self.0.watched.clone()
    }

    /// Lets the client cancel a request.
    pub(crate) fn runs(&self, context: &RequestContext<RoleServer>) -> Running {
        let token = context.ct.clone();
        lock(&self.0.calls).insert(context.id.clone(), Box::new(move || token.cancel()));
        Running { session: self.clone(), id: context.id.clone() }
    }

    fn cancel(&self, id: &RequestId) {
        if let Some(end) = lock(&self.0.calls).get(id) {
            end();
        }
    }

    /// When it was used last; a session with a stream is in use.
    fn rests_since(&self) -> (bool, Instant) {
        let streams = lock(&self.0.stream).as_ref().is_some_and(|stream| !stream.is_closed());
        (streams, *lock(&self.0.used))
    }
}

/// A session that a request may begin.
#[derive(Clone, Default)]
struct Beginning(Arc<Mutex<Option<Session>>>);

/// The session of a request.
pub(crate) fn of(extensions: &Extensions) -> Option<Session> {
    extensions.get::<Parts>()?.extensions.get::<Session>().cloned()
}

/// Begins a session with the request that asks for one, and says whether it could.
pub fn begin(extensions: &Extensions) -> bool {
    let beginning = extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<Beginning>());
    beginning.map(|beginning| *lock(&beginning.0) = Some(Session::new())).is_some()
}

/// All sessions of an endpoint.
#[derive(Clone)]
pub(crate) struct Sessions {
    calls: Calls,
    all: Arc<Mutex<HashMap<String, Session>>>,
}

impl Sessions {
    pub(crate) fn new(calls: Calls) -> Self {
        Self { calls, all: Arc::default() }
    }

    fn add(&self, id: String, session: Session) {
        let mut all = lock(&self.all);
        if all.len() >= MOST {
            let resting = all.iter().min_by_key(|(_, session)| session.rests_since()).map(|(id, _)| id.clone());
            resting.and_then(|id| all.remove(&id)).into_iter().for_each(|session| drop(lock(&session.0.stream).take()));
        }
        all.insert(id, session);
    }

    fn find(&self, id: &str) -> Option<Session> {
        let session = lock(&self.all).get(id).cloned()?;
        *lock(&session.0.used) = Instant::now();
        Some(session)
    }

    fn end(&self, id: &str) {
        if let Some(session) = lock(&self.all).remove(id) {
            lock(&session.0.stream).take();
        }
    }

    /// Tells a client what changes, in the place of a stream that it had before.
    fn stream(&self, session: Session, caller: Caller) -> Response {
        let place = match self.calls.stream() {
            Ok(place) => place,
            Err(reason) => {
                return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], reason).into_response();
            }
        };
        let (sender, receiver) = mpsc::channel(EVENTS);
        let (current, replaced) = oneshot::channel();
        *lock(&session.0.stream) = Some(current);
        let calls = self.calls.clone();
        tokio::spawn(async move {
            let _place = place;
            let client = sender.clone();
            tokio::select! {
                () = session.watched().run(&calls, &caller, Listener::Stream(sender)) => {}
                () = client.closed() => {}
                _ = replaced => {}
            }
        });
        let events = ReceiverStream::new(receiver).map(|message| Ok::<_, Infallible>(Event::default().data(message)));
        Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response()
    }
}

/// Finds the session that a request names, and gives one to a client that shakes hands.
pub(crate) async fn in_session(State(sessions): State<Sessions>, mut request: Request, next: Next) -> Response {
    let (version, id) = (named(&request, &VERSION), named(&request, &SESSION));
    // In the newest revision each request stands for itself.
    if version.is_some_and(|version| *version >= *ProtocolVersion::V_2026_07_28.as_str()) {
        return next.run(request).await;
    }
    let Some(id) = id else {
        let beginning = Beginning::default();
        request.extensions_mut().insert(beginning.clone());
        let mut response = next.run(request).await;
        let begun = lock(&beginning.0).take();
        if let Some(session) = begun
            && let Ok(id) = token()
            && let Ok(value) = HeaderValue::from_str(&id)
        {
            sessions.add(id.to_string(), session);
            response.headers_mut().insert(SESSION, value);
        }
        return response;
    };
    let Some(session) = sessions.find(&id) else {
        return (StatusCode::NOT_FOUND, "there is no such session any more, initialize again").into_response();
    };
    match request.method().clone() {
        Method::GET if accepts_events(request.headers()) => {
            let (parts, _) = request.into_parts();
            sessions.stream(session, Caller::of_parts(&parts))
        }
        Method::GET => (StatusCode::NOT_ACCEPTABLE, "the stream of a session is text/event-stream").into_response(),
        Method::DELETE => {
            sessions.end(&id);
            StatusCode::NO_CONTENT.into_response()
        }
        _ => match heard(request, &session).await {
            Ok(mut request) => {
                request.extensions_mut().insert(session);
                next.run(request).await
            }
            Err(refusal) => refusal,
        },
    }
}

fn named(request: &Request, header: &HeaderName) -> Option<String> {
    request.headers().get(header).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn accepts_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/event-stream") || kind == "*/*"
    })
}

/// What a client sends to end a request.
#[derive(Deserialize)]
struct Cancellation {
    method: String,
    params: Cancelled,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancelled {
    request_id: RequestId,
}

/// Ends the request that a message cancels; the transport would take the message and do nothing. A body that says no
/// length, as one that comes in chunks, is read until it is too long for such a message, and goes on whole.
async fn heard(request: Request, session: &Session) -> Result<Request, Response> {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > CANCELLATION_BYTES) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let mut rest = body.into_data_stream();
    let mut read = Vec::new();
    while read.len() <= CANCELLATION_BYTES {
        match rest.next().await {
            Some(Ok(piece)) => read.extend_from_slice(&piece),
            Some(Err(_)) => return Err((StatusCode::BAD_REQUEST, "the body did not arrive").into_response()),
            None => {
                if let Ok(message) = serde_json::from_slice::<Cancellation>(&read)
                    && message.method == "notifications/cancelled"
                {
                    session.cancel(&message.params.request_id);
                }
                return Ok(Request::from_parts(parts, Body::from(read)));
            }
        }
    }
    let whole = tokio_stream::iter([Ok(Bytes::from(read))]).chain(rest);
    Ok(Request::from_parts(parts, Body::from_stream(whole)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_asked_for_by_their_type() {
        for (accept, expected) in [
            ("text/event-stream", true),
            ("application/json, Text/Event-Stream;q=0.9", true),
            ("*/*", true),
            ("application/json", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            assert_eq!(accepts_events(&headers), expected, "{accept}");
        }
        assert!(!accepts_events(&HeaderMap::new()));
    }

    #[test]
    fn cancellations_name_a_request() {
        let read = |text: &str| serde_json::from_str::<Cancellation>(text).ok().map(|read| read.params.request_id);
        let number = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"x"}}"#;
        assert_eq!(read(number), Some(RequestId::Number(7)));
        assert_eq!(read(&number.replace('7', "\"a\"")), Some(RequestId::String("a".into())));
        assert_eq!(read(r#"{"method":"tools/call","id":1,"params":{"name":"x"}}"#), None);
    }
}
