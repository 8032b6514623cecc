//! The way of a request over HTTP: counted, let in, kept to the limits, answered. The protocol's transport is here too,
//! over any handler, so that foreign test suites can bring their own tools.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::{ConnectInfo, DefaultBodyLimit, Request, State},
    http::{StatusCode, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use rmcp::{
    ServerHandler,
    model::Extensions,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use serde_json::json;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use tower::ServiceBuilder;
use tower_governor::{GovernorError, GovernorLayer, governor::GovernorConfigBuilder, key_extractor::KeyExtractor};
use tower_http::timeout::{RequestBodyDeadlineLayer, TimeoutLayer};

use crate::{
    Error, Result,
    audit::Audit,
    guard::{Guard, Refusals, Unnoted, guard},
    metrics::Metrics,
    serving::{Limits, Remote},
};

/// The protocol's endpoint over a handler. Each request stands for itself: no session is kept, whatever the revision,
/// and answers are plain JSON unless something is told before them. Host and Origin are checked here once more, beside
/// the guard.
pub(crate) fn protocol<S: ServerHandler + Clone>(
    server: S,
    guard: &Guard,
    limits: &Limits,
) -> StreamableHttpService<S, LocalSessionManager> {
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(limits.body_bytes)
        .with_allowed_hosts(guard.hosts())
        .with_allowed_origins(std::iter::empty::<String>())
        .enforce_origin_validation();
    StreamableHttpService::new(move || Ok(server.clone()), Arc::new(LocalSessionManager::default()), config)
}

/// Puts what every request meets before its answer around the routes.
pub(crate) fn railed(routes: Router, known: Guard, limits: &Limits, audit: Option<Audit>) -> Router {
    let (per_second, burst) = (limits.requests_per_second.max(1), limits.burst.max(1));
    let rate = |by: By, per_second: u32, burst: u32| {
        GovernorConfigBuilder::default()
            .key_extractor(by)
            .period(Duration::from_secs(1) / per_second)
            .burst_size(burst)
            .finish()
            .expect("neither the period nor the burst is zero")
    };
    let refused = rate(By::Address, per_second.min(REFUSED_PER_SECOND), burst.min(REFUSED_AT_ONCE));
    let refusals: Refusals = Arc::new(move |request| {
        By::Address.extract(request).is_ok_and(|address| refused.limiter().check_key(&address).is_ok())
    });
    let timed = ServiceBuilder::new()
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, limits.answer))
        .layer(RequestBodyDeadlineLayer::new(limits.arrival))
        .layer(DefaultBodyLimit::max(limits.body_bytes));
    let places = Arc::new(Semaphore::new(limits.in_flight.max(1)));
    routes
        .layer(timed)
        .layer(middleware::from_fn_with_state((places, limits.answer), in_flight))
        .layer(GovernorLayer::new(rate(By::Client, per_second, burst)).error_handler(|error| too_many(&error)))
        .layer(middleware::from_fn_with_state((known, refusals), guard))
        .layer(middleware::from_fn_with_state(audit, observe))
}

/// Answers on a listener until the runtime ends. With a certificate, over TLS alone.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    tls: Option<RustlsConfig>,
    limits: Limits,
) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut server = axum_server::from_tcp(listener)?.http1_only();
    // A client that sends its headers slowly, or none at all, is let go.
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(limits.arrival);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    match tls {
        Some(config) => {
            server.acceptor(RustlsAcceptor::new(config).handshake_timeout(limits.arrival)).serve(service).await
        }
        None => server.serve(service).await,
    }
}

/// Reads the certificate and its key.
pub(crate) fn tls(remote: &Remote) -> Result<RustlsConfig> {
    let failed = |path: &std::path::Path| {
        let path = path.to_owned();
        move |reason: String| Error::Certificate { path, reason }
    };
    let certificates = CertificateDer::pem_file_iter(&remote.certificate)
        .and_then(Iterator::collect::<std::result::Result<Vec<_>, _>>)
        .map_err(|error| failed(&remote.certificate)(error.to_string()))?;
    if certificates.is_empty() {
        return Err(failed(&remote.certificate)("it holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&remote.key).map_err(|error| failed(&remote.key)(error.to_string()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|error| failed(&remote.certificate)(error.to_string()))?;
    Ok(RustlsConfig::from_config(Arc::new(config)))
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
enum By {
    /// The address, and on the loopback interface, where all programs have one, also what the program calls itself: that
    /// keeps the user's programs apart. Other machines may call themselves what they like.
    Client,
    Address,
}

/// Clients that are told apart. Several may share a place and its limit; the table cannot grow.
const CLIENTS: u64 = 4_096;
/// Requests of one address that are refused and told why, per second on average; a line in the audit log each.
const REFUSED_PER_SECOND: u32 = 10;
/// The same at once after a pause.
const REFUSED_AT_ONCE: u32 = 100;

impl KeyExtractor for By {
    type Key = u64;

    fn extract<T>(&self, request: &axum::http::Request<T>) -> std::result::Result<u64, GovernorError> {
        let mut hasher = DefaultHasher::new();
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        peer.hash(&mut hasher);
        if matches!(self, Self::Client) && peer.is_some_and(|address| address.is_loopback()) {
            request.headers().get(header::USER_AGENT).map(axum::http::HeaderValue::as_bytes).hash(&mut hasher);
        }
        Ok(hasher.finish() % CLIENTS)
    }
}

fn too_many(error: &GovernorError) -> Response {
    let wait = if let GovernorError::TooManyRequests { wait_time, .. } = error { (*wait_time).max(1) } else { 1 };
    let retry = [(header::RETRY_AFTER, wait.to_string())];
    (StatusCode::TOO_MANY_REQUESTS, retry, "too many requests of one client, wait a little").into_response()
}

/// Gives a request a place, or refuses it.
async fn in_flight(
    State((places, answer)): State<(Arc<Semaphore>, Duration)>,
    mut request: Request,
    next: Next,
) -> Response {
    let Ok(place) = places.try_acquire_owned() else {
        let retry = [(header::RETRY_AFTER, "1")];
        let why = "too many requests at the same time, wait a little";
        return (StatusCode::SERVICE_UNAVAILABLE, retry, why).into_response();
    };
    let held = InFlight { place: Arc::new(Mutex::new(Some(place))), until: Instant::now() + answer };
    request.extensions_mut().insert(held.clone());
    let response = next.run(request).await;
    drop(held);
    response
}

/// A place among the requests in flight. It lies in the extensions of the request, which are there until it is answered to
/// the end: the answer may have begun long before.
#[derive(Clone, Debug)]
pub(crate) struct InFlight {
    place: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
    until: Instant,
}

impl InFlight {
    /// The place of a request over HTTP.
    pub(crate) fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Parts>()?.extensions.get::<Self>().cloned()
    }

    /// For a stream that goes on for as long as its client likes, and is counted elsewhere.
    pub(crate) fn give_back(&self) {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Waits until the answer has taken as long as it may.
    pub(crate) async fn until_over(&self) {
        tokio::time::sleep_until(self.until).await;
    }
}

/// Counts a request, and notes a refused one.
async fn observe(State(audit): State<Option<Audit>>, request: Request, next: Next) -> Response {
    let counted = Metrics::global().request();
    let noted = audit.map(|audit| {
        let line = json!({
            "client": client_of(request.extensions().get(), request.headers()),
            "method": request.method().as_str(),
            "path": request.uri().path(),
        });
        (audit, line)
    });
    let response = next.run(request).await;
    let status = response.status();
    counted.answered(status.as_u16());
    if let Some((audit, mut line)) = noted
        && (status.is_client_error() || status.is_server_error())
        && response.extensions().get::<Unnoted>().is_none()
    {
        line["status"] = json!(status.as_u16());
        audit.add(line);
    }
    response
}

/// A client as the audit log names it.
pub(crate) fn client_of(peer: Option<&ConnectInfo<SocketAddr>>, headers: &axum::http::HeaderMap) -> String {
    let address = peer.map_or_else(String::new, |ConnectInfo(address)| address.to_string());
    match headers.get(header::USER_AGENT).and_then(|name| name.to_str().ok()) {
        Some(name) => format!("{address} {name}"),
        None => address,
    }
}
