//! The endpoint that a process with live workspaces opens.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use conexus_engine::live::Registry;
use rmcp::{
    model::JsonObject,
    transport::streamable_http_server::{
        StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
    },
};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use tokio::{net::TcpListener, runtime::Runtime, sync::Semaphore};

use crate::{
    Endpoint, Error, Found, Result, SearchRequest,
    endpoint::EndpointFile,
    server::{Server, Source},
    tools,
};

/// Largest body of a request in bytes; a query of 1 MiB fits.
const BODY_BYTES: usize = 2 << 20;
/// Searches at the same time; more wait.
const SEARCHES: usize = 8;
/// How long a search waits for the analysis of the last keystroke.
const BUFFER_WAIT: Duration = Duration::from_millis(100);
/// Bytes of randomness in a token.
const TOKEN_BYTES: usize = 32;

/// An open endpoint. It ends, and its files go, with the value.
pub struct Sidecar {
    address: SocketAddr,
    token: Arc<str>,
    runtime: Option<Runtime>,
    files: Arc<Mutex<Vec<EndpointFile>>>,
}

#[derive(Clone)]
struct Shared {
    registry: Registry,
    token: Arc<str>,
    port: u16,
    searches: Arc<Semaphore>,
    server: Server,
}

/// A call of a tool as the bridge of another process sends it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToolCall {
    /// Canonical path of the workspace.
    workspace: PathBuf,
    tool: String,
    arguments: JsonObject,
}

impl Sidecar {
    /// Opens the endpoint on the loopback interface; port 0 is any free one. It says where it is for each workspace of
    /// the registry, now and later.
    pub fn open(registry: &Registry, port: u16) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let failed = |source| Error::Listen { address: address.to_string(), source };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sidecar")
            .enable_all()
            .build()
            .map_err(failed)?;
        let listener = runtime.block_on(TcpListener::bind(address)).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let token = token()?;
        let shared = Shared {
            registry: registry.clone(),
            token: Arc::clone(&token),
            port: address.port(),
            searches: Arc::new(Semaphore::new(SEARCHES)),
            server: Server::new(Source::Workspaces(registry.clone())),
        };
        let router = Router::new()
            .route("/healthz", get(health))
            .route("/v1/search", post(search))
            .route("/v1/call", post(call))
            .nest_service("/mcp", mcp(&shared))
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .layer(middleware::from_fn_with_state(shared.clone(), guard))
            .with_state(shared);
        runtime.spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the endpoint ended");
            }
        });
        let files = Arc::new(Mutex::new(Vec::new()));
        let announced = Arc::downgrade(&files);
        let workspaces = registry.clone();
        let own = Arc::clone(&token);
        let announce = move || {
            let Some(files) = announced.upgrade() else { return };
            let written = announce(&workspaces, address, &own);
            *files.lock().unwrap_or_else(PoisonError::into_inner) = written;
        };
        announce();
        registry.on_change(announce);
        Ok(Self { address, token, runtime: Some(runtime), files })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What requests carry in `Authorization: Bearer`.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The files that say where it is and with which token, one for each workspace.
    pub fn endpoint_files(&self) -> Vec<PathBuf> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().map(|file| file.path().to_owned()).collect()
    }

    /// Waits until the process is asked to end, by SIGINT, SIGTERM or what stands for them.
    pub fn wait_for_end(&self) -> Result<()> {
        let Some(runtime) = &self.runtime else { return Ok(()) };
        runtime.block_on(end()).map_err(Error::Signal)
    }
}

#[cfg(unix)]
async fn end() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}

#[cfg(not(unix))]
async fn end() -> std::io::Result<()> {
    tokio::signal::ctrl_c().await
}

/// The protocol's endpoint. Each request stands for itself: no session is kept, whatever the revision, and answers are
/// plain JSON. Host and Origin are checked here once more, beside the guard.
fn mcp(shared: &Shared) -> StreamableHttpService<Server, LocalSessionManager> {
    let hosts = ["127.0.0.1", "localhost"].map(|host| format!("{host}:{}", shared.port));
    let config = StreamableHttpServerConfig::default()
        .with_legacy_session_mode(false)
        .with_json_response(true)
        .with_max_request_body_bytes(BODY_BYTES)
        .with_allowed_hosts(hosts)
        .with_allowed_origins(std::iter::empty::<String>())
        .enforce_origin_validation();
    let server = shared.server.clone();
    StreamableHttpService::new(move || Ok(server.clone()), Arc::new(LocalSessionManager::default()), config)
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        self.files.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Writes where each workspace is asked. A file that cannot be written costs the clients, not the session.
fn announce(registry: &Registry, address: SocketAddr, token: &str) -> Vec<EndpointFile> {
    let mut files = Vec::new();
    for live in registry.all() {
        let endpoint = Endpoint {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            workspace: live.location().root.to_string_lossy().into_owned(),
            url: format!("http://{address}"),
            token: token.to_owned(),
        };
        match endpoint.write(live.location()) {
            Ok(file) => files.push(file),
            Err(error) => tracing::warn!(%error, "other programs cannot find this session"),
        }
    }
    files
}

fn token() -> Result<Arc<str>> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Error::NoRandomness)?;
    Ok(blake3::Hash::from(bytes).to_hex().as_str().into())
}

/// Lets a request through that names this endpoint, carries the token and comes from no page in a browser.
async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    match refusal(&shared, request.headers()) {
        Some(refusal) => refusal.into_response(),
        None => next.run(request).await,
    }
}

fn refusal(shared: &Shared, headers: &HeaderMap) -> Option<(StatusCode, &'static str)> {
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let hosts = ["127.0.0.1", "localhost"].map(|host| format!("{host}:{}", shared.port));
    if !header(header::HOST).is_some_and(|host| hosts.iter().any(|known| known.eq_ignore_ascii_case(host))) {
        return Some((StatusCode::FORBIDDEN, "this host name is not served"));
    }
    if headers.contains_key(header::ORIGIN) {
        return Some((StatusCode::FORBIDDEN, "pages in a browser are not answered"));
    }
    let given = header(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")).unwrap_or("");
    let known = bool::from(given.as_bytes().ct_eq(shared.token.as_bytes()));
    (!known).then_some((StatusCode::UNAUTHORIZED, "the token is missing or wrong"))
}

async fn health() -> &'static str {
    "ok\n"
}

async fn search(State(shared): State<Shared>, Json(request): Json<SearchRequest>) -> Response {
    let query = match request.to_query() {
        Ok(query) => query,
        Err(reason) => return (StatusCode::UNPROCESSABLE_ENTITY, reason).into_response(),
    };
    let Some(live) = shared.registry.find(&PathBuf::from(&request.workspace)) else {
        return (StatusCode::NOT_FOUND, "this session does not hold that workspace").into_response();
    };
    let Ok(_place) = shared.searches.acquire().await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the session is ending").into_response();
    };
    let work = move || -> conexus_engine::Result<Found> {
        let snapshot = live.current(BUFFER_WAIT)?;
        let answer = snapshot.search(&query, &AtomicBool::new(false))?;
        Ok(Found::of(&snapshot, &answer, &query, request.snippet_lines))
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(found)) => Json(found).into_response(),
        Ok(Err(error)) => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the search failed; the session's log says why").into_response(),
    }
}

async fn call(State(shared): State<Shared>, Json(call): Json<ToolCall>) -> Response {
    let Some(tool) = tools::find(&call.tool) else {
        return (StatusCode::NOT_FOUND, "there is no such tool").into_response();
    };
    // The bridge then goes on without this session.
    if shared.registry.find(&call.workspace).is_none() {
        return (StatusCode::NOT_FOUND, "this session does not hold that workspace").into_response();
    }
    match shared.server.call(Some(call.workspace), tool, call.arguments).await {
        Ok(reply) => Json(reply).into_response(),
        Err(reason) => (StatusCode::UNPROCESSABLE_ENTITY, reason).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_knows_the_token_and_is_no_page_is_let_through() {
        let shared = Shared {
            registry: Registry::default(),
            token: "secret".into(),
            port: 4000,
            searches: Arc::new(Semaphore::new(1)),
            server: Server::new(Source::Workspaces(Registry::default())),
        };
        let good = [("host", "127.0.0.1:4000"), ("authorization", "Bearer secret")];
        for (change, expected) in [
            (None, None),
            (Some(("host", "LOCALHOST:4000")), None),
            (Some(("host", "evil.example:4000")), Some(StatusCode::FORBIDDEN)),
            (Some(("host", "127.0.0.1")), Some(StatusCode::FORBIDDEN)),
            (Some(("host", "")), Some(StatusCode::FORBIDDEN)),
            (Some(("origin", "http://127.0.0.1:4000")), Some(StatusCode::FORBIDDEN)),
            (Some(("origin", "null")), Some(StatusCode::FORBIDDEN)),
            (Some(("authorization", "Bearer Secret")), Some(StatusCode::UNAUTHORIZED)),
            (Some(("authorization", "Bearer secret ")), Some(StatusCode::UNAUTHORIZED)),
            (Some(("authorization", "secret")), Some(StatusCode::UNAUTHORIZED)),
            (Some(("authorization", "")), Some(StatusCode::UNAUTHORIZED)),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in good.into_iter().chain(change) {
                headers.insert(name, HeaderValue::from_static(value));
            }
            assert_eq!(refusal(&shared, &headers).map(|(status, _)| status), expected, "{change:?}");
        }
        assert_eq!(refusal(&shared, &HeaderMap::new()).map(|(status, _)| status), Some(StatusCode::FORBIDDEN));
    }

    #[test]
    fn tokens_are_long_and_differ() {
        let (first, second) = (token().unwrap(), token().unwrap());
        assert_eq!(first.len(), 2 * TOKEN_BYTES);
        assert_ne!(first, second);
    }
}
