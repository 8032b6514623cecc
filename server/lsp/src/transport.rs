//! Between two streams of bytes and the service: what comes in is routed, what goes out is written.
//!
//! The library's own loop runs four handlers at once and queues the rest, notifications included, so that a change of a
//! document waits behind slow requests and a cancellation is not seen; a handler that waits for the client stands still
//! for ever. It also ends at the first malformed message. In this loop:
//!
//! - a notification runs to its end when it comes in, before the next message is read;
//! - `initialize` is answered before the next message is read; so is `shutdown`, since some editors send `exit` without
//!   waiting, and it would be cancelled; every other request is a task of its own;
//! - answers and what is asked of the client go through a queue without bound: reading never waits for writing;
//! - a panic becomes an internal error of that request and nothing else;
//! - more requests in flight than [`MOST_IN_FLIGHT`] are refused at once, so that a client that asks without end gets
//!   errors and the session keeps its memory.

use std::{borrow::Cow, future::poll_fn, panic::AssertUnwindSafe, sync::Arc, task::Poll};

use futures_util::{FutureExt, SinkExt, Stream, StreamExt};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufWriter},
    sync::{
        Semaphore,
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    },
};
use tower_lsp::{
    ClientSocket, ExitedError,
    jsonrpc::{Error, ErrorCode, Id, Request, Response},
};
use tower_service::Service;
use tracing::Instrument;

use crate::{
    framing::{Frame, FrameReader, framed},
    lenient,
};

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The client sent `exit`.
    Exit,
    /// The client's end of the stream is closed: it is gone, or died in the middle of a message.
    Closed,
}

/// What goes to the client.
enum Outgoing {
    Response(Response),
    /// Nothing follows.
    End,
}

/// What came from the client.
enum Incoming {
    Request(Request),
    Response(Response),
    /// Not of JSON-RPC: the error that says so.
    Fault(Response),
}

/// Requests that are answered at the same time. Editors have a handful.
pub(crate) const MOST_IN_FLIGHT: usize = 1_000;
/// The protocol's `RequestFailed`.
const REQUEST_FAILED: i64 = -32803;

/// How long the last answers may take to be written when the session ends.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);

/// Serves until the client says `exit` or goes.
pub(crate) async fn serve<I, O, S>(input: I, output: O, mut service: S, socket: ClientSocket) -> Ending
where
    I: AsyncRead + Unpin,
    O: AsyncWrite + Unpin + Send + 'static,
    S: Service<Request, Response = Option<Response>, Error = ExitedError>,
    S::Future: Send + 'static,
{
    let (outgoing, queue) = unbounded_channel();
    let (requests, mut responses) = socket.split();
    let writer = tokio::spawn(write(output, requests, queue));
    let mut frames = FrameReader::new(input);
    let places = Arc::new(Semaphore::new(MOST_IN_FLIGHT));
    let ending = loop {
        let frame = match frames.next().await {
            Ok(Some(frame)) => frame,
            Ok(None) => break Ending::Closed,
            Err(error) => {
                tracing::warn!(%error, "the client's stream cannot be read");
                break Ending::Closed;
            }
        };
        match parse(frame) {
            Incoming::Fault(response) => {
                tracing::warn!(error = ?response.error(), "a message could not be read");
                send(&outgoing, Outgoing::Response(response));
            }
            Incoming::Response(response) => {
                // It fails after `exit` only.
                let _ = responses.send(response).await;
            }
            Incoming::Request(request) => {
                let is_exit = request.method() == "exit";
                dispatch(request, &mut service, &outgoing, &places).await;
                if is_exit {
                    break Ending::Exit;
                }
            }
        }
    };
    send(&outgoing, Outgoing::End);
    if tokio::time::timeout(LAST_WORDS, writer).await.is_err() {
        tracing::warn!("the client did not read the last answers");
    }
    ending
}

fn send(outgoing: &UnboundedSender<Outgoing>, message: Outgoing) {
    // The writer ends early only when nobody reads any more.
    let _ = outgoing.send(message);
}

fn parse(frame: Frame) -> Incoming {
    let fault = |id: Id, mut error: Error, why: String| {
        error.message = why.into();
        Incoming::Fault(Response::from_error(id, error))
    };
    let bytes = match frame {
        Frame::Message(bytes) => bytes,
        Frame::Malformed(why) => return fault(Id::Null, Error::parse_error(), why),
    };
    let mut value: Value = match lenient::from_slice(&bytes) {
        Ok(value) => value,
        Err(error) => return fault(Id::Null, Error::parse_error(), format!("not JSON: {error}")),
    };
    let id = value.get("id").and_then(|id| serde_json::from_value(id.clone()).ok()).unwrap_or_default();
    if value.get("method").is_some() {
        // The library takes missing parameters for an error also where they may be missing; null means the same.
        if let Some(fields) = value.as_object_mut() {
            fields.entry("params").or_insert(Value::Null);
        }
        match serde_json::from_value(value) {
            Ok(request) => Incoming::Request(request),
            Err(error) => fault(id, Error::invalid_request(), format!("not a request: {error}")),
        }
    } else {
        match serde_json::from_value(value) {
            Ok(response) => Incoming::Response(response),
            Err(error) => fault(Id::Null, Error::invalid_request(), format!("not a message of JSON-RPC 2.0: {error}")),
        }
    }
}

/// Hands a request or notification to the service.
async fn dispatch<S>(request: Request, service: &mut S, outgoing: &UnboundedSender<Outgoing>, places: &Arc<Semaphore>)
where
    S: Service<Request, Response = Option<Response>, Error = ExitedError>,
    S::Future: Send + 'static,
{
    let id = request.id().cloned();
    let method = request.method().to_owned();
    let is_alone = matches!(method.as_str(), "initialize" | "shutdown");
    let place = Arc::clone(places).try_acquire_owned().ok();
    if let (Some(id), None, false) = (&id, &place, is_alone) {
        tracing::warn!(method, "too many requests are in flight");
        send(outgoing, Outgoing::Response(Response::from_error(id.clone(), too_many())));
        return;
    }
    if poll_fn(|context| service.poll_ready(context)).await.is_err() {
        return;
    }
    let future = AssertUnwindSafe(service.call(request)).catch_unwind();
    let Some(id) = id else {
        let mut future = Box::pin(future.instrument(tracing::debug_span!("notification", method)));
        match futures_util::poll!(&mut future) {
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(_)) => tracing::error!(method, "a notification's handler panicked; the session goes on"),
            // By their type the handlers of notifications do not wait; whatever does may do so by itself.
            Poll::Pending => drop(tokio::spawn(future)),
        }
        return;
    };
    let span = tracing::info_span!("request", otel.name = method, method, %id, generation = tracing::field::Empty);
    let outgoing = outgoing.clone();
    let answer = async move {
        let _place = place;
        let response = match future.await {
            Ok(Ok(Some(response))) => response,
            // The library answers nothing to an unknown method that begins with `$/`; the protocol wants an error.
            Ok(Ok(None)) => Response::from_error(id, Error::method_not_found()),
            Ok(Err(_)) => return,
            Err(_) => {
                tracing::error!(method, "a request's handler panicked; the session goes on");
                Response::from_error(id, Error::internal_error())
            }
        };
        send(&outgoing, Outgoing::Response(response));
    }
    .instrument(span);
    if is_alone {
        answer.await;
    } else {
        tokio::spawn(answer);
    }
}

fn too_many() -> Error {
    let message = format!("{MOST_IN_FLIGHT} requests are in flight: wait for answers before asking more");
    Error { code: ErrorCode::ServerError(REQUEST_FAILED), message: Cow::Owned(message), data: None }
}

/// Writes messages until the end, or until nobody reads them. What the server tells and asks the client goes before
/// answers, so that a handler's partial results never come after its answer.
async fn write(
    output: impl AsyncWrite + Unpin,
    mut requests: impl Stream<Item = Request> + Unpin,
    mut queue: UnboundedReceiver<Outgoing>,
) {
    let mut output = BufWriter::new(output);
    let mut asks = true;
    loop {
        let body = tokio::select! {
            biased;
            request = requests.next(), if asks => if let Some(request) = request {
                serde_json::to_vec(&request)
            } else {
                asks = false;
                continue;
            },
            message = queue.recv() => match message {
                Some(Outgoing::Response(response)) => serde_json::to_vec(&response),
                Some(Outgoing::End) | None => break,
            },
        };
        let body = match body {
            Ok(body) => body,
            Err(error) => {
                tracing::error!(%error, "a message cannot be written as JSON");
                continue;
            }
        };
        let mut written = output.write_all(&framed(&body)).await;
        if written.is_ok() && queue.is_empty() {
            written = output.flush().await;
        }
        if let Err(error) = written {
            tracing::warn!(%error, "nobody reads the answers");
            return;
        }
    }
    // An error means that the client is gone.
    let _ = output.flush().await;
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
