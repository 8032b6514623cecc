//! The endpoint that a process with live workspaces opens.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use axum::{
    Extension, Json, Router,
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use axum_server::tls_rustls::RustlsConfig;
use conexus_check::ChecksOf;
use conexus_engine::{Location, live::Registry};
use rmcp::{ServerHandler, model::JsonObject};
use serde::Deserialize;
use tokio::{runtime::Runtime, sync::Semaphore};

use crate::{
    Endpoint, Error, Found, Result, SearchRequest, Serving,
    audit::Audit,
    calls::{Caller, Calls, Source},
    endpoint::EndpointFile,
    guard::{Guard, token},
    health::{Health, healthz, metrics, readyz},
    http::{InFlight, client_of, protocol, railed, serve, tls},
    methods::changes::CHANGES,
    server::Server,
    sessions::{Sessions, in_session},
    signals::asked_to_end,
    tools,
};

/// Searches at the same time; more wait.
const SEARCHES: usize = 8;
/// How long a search waits for the analysis of the last keystroke.
const BUFFER_WAIT: Duration = Duration::from_millis(100);

/// An open endpoint. It ends, and its files go, with the value.
pub struct Sidecar {
    address: SocketAddr,
    token: Arc<str>,
    remote: Option<SocketAddr>,
    runtime: Option<Runtime>,
    files: Arc<Mutex<Vec<EndpointFile>>>,
}

#[derive(Clone)]
struct Shared {
    registry: Registry,
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
    /// Under which it can be asked how far it is.
    key: Option<String>,
}

impl Sidecar {
    /// Opens the endpoint on the loopback interface, and on another one when that is configured. It says where it is for
    /// each workspace of the registry, now and later.
    pub fn open(registry: &Registry, checks_of: ChecksOf, serving: &Serving) -> Result<Self> {
        let audit = serving.audit_log.as_deref().map(Audit::open).transpose()?;
        let source = Source::Workspaces(registry.clone());
        let server = Server::new(Calls::new(source, checks_of, audit.clone(), &*serving.source_folders));
        Self::with_handler(registry, serving, audit.as_ref(), &server, &server)
    }

    /// The same endpoint with a handler of one's own behind `/mcp`, for foreign test suites that want their own tools.
    #[doc(hidden)]
    pub fn open_with(handler: &(impl ServerHandler + Clone), serving: &Serving) -> Result<Self> {
        let registry = Registry::default();
        let nothing: ChecksOf = Arc::new(|_| Err("nothing is checked here".to_owned()));
        let server = Server::new(Calls::new(Source::Workspaces(registry.clone()), nothing, None, []));
        Self::with_handler(&registry, serving, None, &server, handler)
    }

    fn with_handler(
        registry: &Registry,
        serving: &Serving,
        audit: Option<&Audit>,
        server: &Server,
        handler: &(impl ServerHandler + Clone),
    ) -> Result<Self> {
        let token = serving.token.clone().map_or_else(token, Ok)?;
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, serving.port));
        let (listener, address) = listen(loopback)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("sidecar")
            .enable_all()
            .build()
            .map_err(|source| Error::Listen { address: address.to_string(), source })?;
        let shared =
            Shared { registry: registry.clone(), searches: Arc::new(Semaphore::new(SEARCHES)), server: server.clone() };
        let health = Health::new(registry.clone());
        let sessions = Sessions::new(server.calls.clone());
        let open = |listener: TcpListener, guard: Guard, tls: Option<RustlsConfig>| {
            let routes = Router::new()
                .route("/v1/search", post(search))
                .route("/v1/call", post(call))
                .with_state(shared.clone())
                .merge(
                    Router::new()
                        .route("/healthz", get(healthz))
                        .route("/readyz", get(readyz))
                        .route("/metrics", get(metrics))
                        .with_state(health.clone()),
                )
                .merge(
                    Router::new()
                        .nest_service("/mcp", protocol(handler.clone(), &guard, &serving.limits))
                        .layer(from_fn_with_state(sessions.clone(), in_session)),
                );
            let router = railed(routes, guard, &serving.limits, audit.cloned());
            let served = serve(listener, router, tls, serving.limits);
            runtime.spawn(async move {
                if let Err(error) = served.await {
                    tracing::error!(%error, "the endpoint ended");
                }
            });
        };
        let mut remote_address = None;
        if let Some(remote) = &serving.remote {
            let tls = tls(remote)?;
            let (listener, bound) = listen(remote.address)?;
            let named = remote.names.iter().flat_map(|name| [name.clone(), format!("{name}:{}", bound.port())]);
            open(listener, Guard::new(Arc::clone(&remote.token), named), Some(tls));
            remote_address = Some(bound);
        }
        open(listener, Guard::of_loopback(Arc::clone(&token), address.port()), None);
        let files = Arc::new(Mutex::new(Vec::new()));
        let announced = Arc::downgrade(&files);
        let workspaces = registry.clone();
        let own = Arc::clone(&token);
        let announce = move || {
            let Some(files) = announced.upgrade() else { return };
            announce(&mut files.lock().unwrap_or_else(PoisonError::into_inner), &workspaces, address, &own);
        };
        announce();
        registry.on_change(announce);
        Ok(Self { address, token, remote: remote_address, runtime: Some(runtime), files })
    }

    /// Where it listens on the loopback interface.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What requests to it carry in `Authorization: Bearer`.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Where it listens for other machines.
    pub fn remote_address(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// The files that say where it is and with which token, one for each workspace.
    pub fn endpoint_files(&self) -> Vec<PathBuf> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter().map(|file| file.path().to_owned()).collect()
    }

    /// Waits until the process is asked to end, by SIGINT, SIGTERM or what stands for them.
    pub fn wait_for_end(&self) -> Result<()> {
        let Some(runtime) = &self.runtime else { return Ok(()) };
        runtime
            .block_on(async {
                asked_to_end()?.await;
                Ok(())
            })
            .map_err(Error::Signal)
    }
}

/// Takes an address before anything else is begun, so that a busy port is an error of the command.
fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let failed = |source| Error::Listen { address: address.to_string(), source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

impl Drop for Sidecar {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        self.files.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Makes the files say where each workspace of the registry is asked, and no other. One that stays keeps its file: clients
/// find it at every moment. A file that cannot be written costs the clients, not the session.
fn announce(files: &mut Vec<EndpointFile>, registry: &Registry, address: SocketAddr, token: &str) {
    let locations: Vec<Location> = registry.all().iter().map(|live| live.location().clone()).collect();
    // A client takes away the file of a session that it takes for dead.
    files.retain(|file| file.path().exists() && locations.iter().any(|location| file.is_of(location)));
    for location in &locations {
        // A folder that is opened anew is there twice until the one before it has ended.
        if files.iter().any(|file| file.is_of(location)) {
            continue;
        }
        let endpoint = Endpoint {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            workspace: location.root.to_string_lossy().into_owned(),
            url: format!("http://{address}"),
            token: token.to_owned(),
        };
        match endpoint.write(location) {
            Ok(file) => files.push(file),
            Err(error) => tracing::warn!(%error, "other programs cannot find this session"),
        }
    }
}

async fn search(State(shared): State<Shared>, Json(request): Json<SearchRequest>) -> Response {
    let query = match request.to_query() {
        Ok(query) => query,
        Err(reason) => return (StatusCode::UNPROCESSABLE_ENTITY, reason).into_response(),
    };
    let Some(live) = shared.registry.find(&PathBuf::from(&request.workspace)) else {
        return not_held();
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

fn not_held() -> Response {
    (StatusCode::NOT_FOUND, "this session does not hold that workspace").into_response()
}

async fn call(
    State(shared): State<Shared>,
    peer: ConnectInfo<SocketAddr>,
    Extension(place): Extension<InFlight>,
    headers: HeaderMap,
    Json(call): Json<ToolCall>,
) -> Response {
    let Some(tool) = tools::find(&call.tool) else {
        return (StatusCode::NOT_FOUND, "there is no such tool").into_response();
    };
    // The bridge then goes on without this session.
    if shared.registry.find(&call.workspace).is_none() {
        return not_held();
    }
    // It waits for most of its time. Beyond the streams that there may be it is one call of many.
    let _stream =
        (call.tool == CHANGES).then(|| shared.server.calls.stream().ok()).flatten().inspect(|_| place.give_back());
    let workspace = call.workspace.clone();
    let caller = Caller { workspace: Some(call.workspace), name: client_of(Some(&peer), &headers), key: call.key };
    match shared.server.calls.call(caller, tool, call.arguments).await {
        Ok(reply) => Json(reply).into_response(),
        // It may have ended while the call waited for its turn.
        Err(_) if shared.registry.find(&workspace).is_none() => not_held(),
        Err(reason) => (StatusCode::UNPROCESSABLE_ENTITY, reason).into_response(),
    }
}
