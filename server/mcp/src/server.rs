//! The protocol's side of the tools: lists them, runs calls on workers, and ends them when nobody waits any more.

use std::{
    borrow::Cow,
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{extract::ConnectInfo, http::request::Parts};
use conexus_check::ChecksOf;
use conexus_engine::live::{Live, Registry};
use rmcp::{
    ErrorData, Peer, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
        ContentBlock, GetPromptRequestParams, GetPromptResponse, GetPromptResult, Implementation,
        InitializeRequestParams, InitializeResult, JsonObject, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ProgressToken,
        ProtocolVersion, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerCapabilities,
        ServerConfig, SubscribeRequestMethod, SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestMethod,
        UnsubscribeRequestParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tracing::{Instrument, Span, field::Empty, info_span};

use crate::{
    audit::{self, Audit},
    bridge::Bridge,
    guard::token,
    http::client_of,
    lanes::Lanes,
    methods::{
        answered,
        changes::{CHANGES, FEATURES, PROGRESS},
        prompts, resources,
    },
    metrics::{Metrics, Outcome},
    reply::Reply,
    sessions,
    tools::{self, Call, TOOLS, Told, Tool},
    watching::{Listener, Watched, arguments_of},
};

/// Calls that may wait; more are refused.
const WAITING: usize = 1_024;
/// How often a client is told how far indexing is.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// How often it is looked whether a client is gone.
const LOOK: Duration = Duration::from_secs(1);
/// How long a client may keep the list of tools: they change with the session behind it.
const LIST_TTL_MS: u64 = 60_000;
/// Which of several workspaces of a session a client means, as the absolute path.
const WORKSPACE_HEADER: &str = "conexus-workspace";

/// Revisions that are spoken. The older two differ from 2025-11-25 in nothing that is used here, and clients that offer
/// one of them, such as Gemini's command line, take no newer one.
const VERSIONS: &[ProtocolVersion] = &[
    ProtocolVersion::V_2025_03_26,
    ProtocolVersion::V_2025_06_18,
    ProtocolVersion::V_2025_11_25,
    ProtocolVersion::V_2026_07_28,
];

const INSTRUCTIONS: &str = "A live index of this workspace, unsaved edits included. Use context_search before reading \
                            files: it finds code by meaning, words or names. Every reading tool also takes min_generation \
                            and wait_ms, to read what was just written.";

/// Where answers come from.
#[derive(Clone)]
pub(crate) enum Source {
    /// The live workspaces of this process.
    Workspaces(Registry),
    /// A running session, or an index of one's own while there is none.
    Bridge(Arc<Bridge>),
}

/// Who calls, and about what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Caller {
    /// The workspace that is meant, when it is named.
    pub(crate) workspace: Option<PathBuf>,
    /// As the audit log names it; empty for the client on standard input.
    pub(crate) name: String,
    /// Under which it is asked how far the call is.
    pub(crate) key: Option<String>,
}

impl Caller {
    /// The caller of a request over HTTP; over standard input and output there is one only.
    fn of(context: &RequestContext<RoleServer>) -> Self {
        context.extensions.get::<Parts>().map(Self::of_parts).unwrap_or_default()
    }

    pub(crate) fn of_parts(parts: &Parts) -> Self {
        let named = parts.headers.get(WORKSPACE_HEADER);
        Self {
            workspace: named.map(|value| PathBuf::from(String::from_utf8_lossy(value.as_bytes()).into_owned())),
            name: client_of(parts.extensions.get::<ConnectInfo<SocketAddr>>(), &parts.headers),
            key: None,
        }
    }
}

/// The server of one client or, without sessions, of one request.
#[derive(Clone)]
pub(crate) struct Server {
    source: Source,
    checks_of: ChecksOf,
    lanes: Arc<Lanes>,
    waiting: Arc<Semaphore>,
    audit: Option<Audit>,
    source_folders: Arc<[PathBuf]>,
    /// What the client on standard input and output watches.
    watched: Watched,
    /// Calls that are worked on and may be asked how far they are.
    running: Running,
}

impl Server {
    pub(crate) fn new(
        source: Source,
        checks_of: ChecksOf,
        audit: Option<Audit>,
        source_folders: impl Into<Arc<[PathBuf]>>,
    ) -> Self {
        let waiting = Semaphore::new(WAITING);
        Self {
            source,
            checks_of,
            lanes: Arc::default(),
            waiting: Arc::new(waiting),
            audit,
            source_folders: source_folders.into(),
            watched: Watched::lists(),
            running: Running::default(),
        }
    }

    /// Runs a call in the session behind a bridge, or on a worker. Dropping the future ends the call. However it ends, it
    /// is counted and noted, unless it only looks whether something changed.
    pub(crate) async fn call(
        &self,
        caller: Caller,
        tool: &'static Tool,
        arguments: JsonObject,
    ) -> Result<Reply, String> {
        if [CHANGES, PROGRESS, FEATURES].contains(&tool.name) {
            return self.run(caller.workspace, None, tool, arguments).await;
        }
        let record = Record::begin(self.audit.as_ref(), &caller, tool, &arguments);
        let client = caller.name;
        let span =
            info_span!("call", otel.name = tool.name, tool = tool.name, client, outcome = Empty, generation = Empty);
        let answer = self.run(caller.workspace, caller.key, tool, arguments).instrument(span.clone()).await;
        record.end(&answer, &span);
        answer
    }

    async fn run(
        &self,
        workspace: Option<PathBuf>,
        key: Option<String>,
        tool: &'static Tool,
        arguments: JsonObject,
    ) -> Result<Reply, String> {
        if tool.name == PROGRESS
            && let Some(told) = arguments.get("key").and_then(Value::as_str).and_then(|key| self.running.told(key))
        {
            return answered(&told);
        }
        let _waiting = self.waiting.try_acquire().map_err(|_| "too many calls are waiting, try again".to_owned())?;
        if let Source::Bridge(bridge) = &self.source
            && let Some(answer) = bridge.ask(tool, &arguments, key.as_deref()).await
        {
            return answer;
        }
        let (places, threads) = self.lanes.of(tool.name);
        let waiting = Arc::clone(places).acquire_owned().instrument(info_span!("waiting"));
        let place = waiting.await.map_err(|_| "the session is ending".to_owned())?;
        let span = info_span!("work");
        let cancel = Arc::new(AtomicBool::new(false));
        let _ends_with_the_caller = Cancel(Arc::clone(&cancel));
        let (source, checks_of) = (self.source.clone(), Arc::clone(&self.checks_of));
        let source_folders = Arc::clone(&self.source_folders);
        let told = self.running.begin(key);
        let work = move || {
            let _span = span.entered();
            // A cancelled call keeps its place until the worker has noticed.
            let _place = place;
            let (live, notices) = match source {
                Source::Workspaces(registry) => (choose(&registry, workspace)?, Vec::new()),
                Source::Bridge(bridge) => (bridge.own(), vec![Bridge::detached()]),
            };
            let call = Call {
                live: &live,
                notices: &notices,
                checks_of: &checks_of,
                source_folders: &source_folders,
                cancel: &cancel,
                told: &told.told,
            };
            (tool.run)(&call, arguments)
        };
        threads
            .spawn_blocking(work)
            .await
            .unwrap_or_else(|_| Err("an internal error ended the call; the session's log says why".to_owned()))
    }

    /// What a method answers over the wire.
    pub(crate) async fn method(
        &self,
        caller: Caller,
        name: &'static str,
        arguments: JsonObject,
    ) -> Result<Value, String> {
        let method = tools::find(name).ok_or_else(|| format!("there is no method {name}"))?;
        Ok(self.call(caller, method, arguments).await?.structured)
    }

    /// The same for a request of a client, as the type that the protocol wants. The error is for the caller to read.
    async fn asked<T: DeserializeOwned>(
        &self,
        context: &RequestContext<RoleServer>,
        name: &'static str,
        arguments: Value,
    ) -> Result<T, String> {
        let _may_be_cancelled = sessions::of(&context.extensions).map(|session| session.runs(context));
        let call = self.method(Caller::of(context), name, arguments_of(arguments));
        let mut answer = tokio::select! {
            answer = call => answer?,
            () = context.ct.cancelled() => return Err("the request was cancelled".to_owned()),
        };
        // Clients of 2026-07-28 refuse an answer without it; for those of the older revisions the SDK takes it out again.
        if let Value::Object(fields) = &mut answer {
            fields.insert("resultType".to_owned(), json!("complete"));
        }
        serde_json::from_value(answer).map_err(|error| error.to_string())
    }

    /// Tells the client how far a call is, or else the indexing, until the future is dropped.
    async fn tell_progress(&self, caller: Caller, peer: Peer<RoleServer>, token: ProgressToken) {
        let mut last = -1.0;
        let asked = arguments_of(json!({ "key": caller.key }));
        loop {
            tokio::time::sleep(PROGRESS_EVERY).await;
            let Ok(now) = self.method(caller.clone(), PROGRESS, asked.clone()).await else { continue };
            let Ok(Some((done, total))) = serde_json::from_value::<Option<(u64, u64)>>(now) else { continue };
            // It may only grow; a phase that counts anew is told once it has passed the last one.
            if done as f64 <= last {
                continue;
            }
            last = done as f64;
            let mut progress = ProgressNotificationParam::new(token.clone(), last);
            if total > 0 {
                progress = progress.with_total(total as f64).with_message(format!("{done} of {total}"));
            }
            if peer.notify_progress(progress).await.is_err() {
                return;
            }
        }
    }

    /// What the client watches; over HTTP that belongs to its session.
    fn watched_by(&self, context: &RequestContext<RoleServer>) -> Option<Watched> {
        match sessions::of(&context.extensions) {
            Some(session) => Some(session.watched()),
            None => (!Self::is_over_http(context)).then(|| self.watched.clone()),
        }
    }

    fn is_over_http(context: &RequestContext<RoleServer>) -> bool {
        context.extensions.get::<Parts>().is_some()
    }
}

/// Calls that are worked on, by the keys under which they are asked how far they are.
#[derive(Clone, Default)]
struct Running(Arc<Mutex<HashMap<String, Arc<Told>>>>);

/// One of them, for as long as it is worked on.
struct Begun {
    all: Running,
    key: Option<String>,
    told: Arc<Told>,
}

impl Running {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Told>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, key: Option<String>) -> Begun {
        let told = Arc::<Told>::default();
        if let Some(key) = &key {
            self.lock().insert(key.clone(), Arc::clone(&told));
        }
        Begun { all: self.clone(), key, told }
    }

    fn told(&self, key: &str) -> Option<(u64, u64)> {
        self.lock().get(key)?.get()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(key) = &self.key {
            self.all.lock().remove(key);
        }
    }
}

/// Sets the flag when it is dropped.
struct Cancel(Arc<AtomicBool>);

impl Drop for Cancel {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A call that is counted and noted when it ends.
struct Record {
    tool: &'static str,
    start: Instant,
    outcome: Outcome,
    /// Bytes of the answer's text, or the reason against it.
    told: Value,
    noted: Option<(Audit, Value)>,
}

impl Record {
    fn begin(audit: Option<&Audit>, caller: &Caller, tool: &'static Tool, arguments: &JsonObject) -> Self {
        let noted = audit.map(|audit| {
            let arguments = audit::shown(&Value::Object(arguments.clone()));
            let line = json!({ "client": caller.name, "tool": tool.name, "arguments": arguments });
            (audit.clone(), line)
        });
        Self { tool: tool.name, start: Instant::now(), outcome: Outcome::Cancelled, told: Value::Null, noted }
    }

    fn end(mut self, answer: &Result<Reply, String>, span: &Span) {
        (self.outcome, self.told) = match answer {
            Ok(reply) => (Outcome::Answered, json!(reply.text.len())),
            Err(reason) => (Outcome::Refused, json!(reason)),
        };
        span.record("outcome", self.outcome.name());
        if let Some(generation) = answer.as_ref().ok().and_then(|reply| reply.structured["generation"].as_u64()) {
            span.record("generation", generation);
        }
        let milliseconds = self.start.elapsed().as_secs_f64() * 1e3;
        span.in_scope(|| tracing::debug!(milliseconds, "answered"));
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let time = self.start.elapsed();
        Metrics::global().call(self.tool, self.outcome, time);
        if let Some((audit, mut line)) = self.noted.take() {
            line["outcome"] = json!(self.outcome.name());
            line["milliseconds"] = json!(time.as_secs_f64() * 1e3);
            let told = if self.outcome == Outcome::Answered { "bytes" } else { "reason" };
            line[told] = self.told.take();
            audit.add(line);
        }
    }
}

/// The workspace that is meant: the named one, else the only one.
fn choose(registry: &Registry, named: Option<PathBuf>) -> Result<Arc<Live>, String> {
    if let Some(root) = named {
        return registry
            .find(&root)
            .ok_or_else(|| format!("this session does not hold the workspace {}", root.display()));
    }
    let mut all = registry.all();
    match all.len() {
        0 => Err("this session has no workspace open".to_owned()),
        1 => Ok(all.remove(0)),
        _ => {
            let roots: Vec<String> = all.iter().map(|live| live.location().root.display().to_string()).collect();
            Err(format!("name one of the session's workspaces in the header {WORKSPACE_HEADER}: {}", roots.join(", ")))
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_prompts()
            .enable_completions()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("conexus", env!("CARGO_PKG_VERSION")).with_title("Conexus"))
            .with_instructions(INSTRUCTIONS)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(VERSIONS)
    }

    /// Over HTTP a session is kept for what the client subscribes to. Without one there is no stream on which that could
    /// be told.
    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        let mut answer = self.negotiate_initialize(&request)?;
        let has_session = sessions::begin(&context.extensions);
        if Self::is_over_http(&context) && !has_session {
            let capabilities = &mut answer.capabilities;
            capabilities.tools.as_mut().into_iter().for_each(|tools| tools.list_changed = None);
            capabilities.resources.as_mut().into_iter().for_each(|resources| {
                (resources.subscribe, resources.list_changed) = (None, None);
            });
        }
        Ok(answer)
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let server = self.clone();
        let watched = self.watched.clone();
        tokio::spawn(async move {
            let (gone, caller) = (context.peer.clone(), Caller::default());
            let listener = Listener::Peer(context.peer);
            tokio::select! {
                () = watched.run(&server, &caller, listener) => {}
                () = until_closed(&gone) => {}
            }
        });
    }

    fn get_tool(&self, name: &str) -> Option<rmcp::model::Tool> {
        tools::listed(name).map(|tool| (tool.describe)())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        // Without an answer, such as before a workspace is named, there is no editor to ask.
        let features: Value = self.asked(&context, FEATURES, json!({})).await.unwrap_or_default();
        let editor = (features["editor"] == true).then_some(&tools::editor::TOOL);
        let tools = TOOLS.iter().chain(editor).map(|tool| (tool.describe)());
        let mut listed = ListToolsResult::with_all_items(tools.collect());
        listed.ttl_ms = Some(LIST_TTL_MS);
        listed.cache_scope = Some(CacheScope::Private);
        Ok(listed)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = tools::listed(&request.name) else {
            return Err(ErrorData::invalid_params(format!("there is no tool {:?}", request.name), None));
        };
        let mut caller = Caller::of(&context);
        // Random, since the session behind a bridge works on the calls of several.
        caller.key = context.meta.get_progress_token().and_then(|_| token().ok()).map(|key| key.to_string());
        let _may_be_cancelled = sessions::of(&context.extensions).map(|session| session.runs(&context));
        let progress = async {
            match context.meta.get_progress_token() {
                Some(token) => self.tell_progress(caller.clone(), context.peer.clone(), token).await,
                None => std::future::pending().await,
            }
        };
        let call = self.call(caller.clone(), tool, request.arguments.unwrap_or_default());
        tokio::pin!(call, progress);
        let answer = tokio::select! {
            answer = &mut call => answer,
            () = context.ct.cancelled() => Err("the call was cancelled".to_owned()),
            // The client takes no more of it.
            () = &mut progress => call.await,
        };
        Ok(match answer {
            Ok(reply) => {
                let mut result = CallToolResult::success(vec![ContentBlock::text(reply.text)]);
                result.structured_content = Some(reply.structured);
                result.into()
            }
            Err(reason) => CallToolResult::error(vec![ContentBlock::text(reason)]).into(),
        })
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let arguments = json!({ "cursor": request.and_then(|request| request.cursor) });
        self.asked(&context, "resources/list", arguments).await.map_err(refused)
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(resources::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let read: Result<ReadResourceResult, String> =
            self.asked(&context, "resources/read", json!({ "uri": uri })).await;
        read.map(Into::into).map_err(|reason| ErrorData::resource_not_found(reason, Some(json!({ "uri": uri }))))
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(prompts::list())
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = json!({ "name": request.name, "arguments": request.arguments.unwrap_or_default() });
        let prompt: Result<GetPromptResult, String> = self.asked(&context, "prompts/get", arguments).await;
        prompt.map(Into::into).map_err(refused)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.asked(&context, "completion/complete", json!(request)).await.map_err(refused)
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let caller = Caller::of(context.request_context());
        let watched = Watched::of(context.accepted());
        tokio::select! {
            () = watched.run(self, &caller, Listener::Sink(context.sink().clone())) => {}
            () = context.cancelled() => {}
        }
        Ok(())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let watched = self.watched_by(&context).ok_or_else(ErrorData::method_not_found::<SubscribeRequestMethod>)?;
        watched.add(self, &Caller::of(&context), request.uri).await.map_err(refused)
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let watched = self.watched_by(&context).ok_or_else(ErrorData::method_not_found::<UnsubscribeRequestMethod>)?;
        watched.remove(&request.uri);
        Ok(())
    }
}

/// A request that cannot be answered, in words.
fn refused(reason: String) -> ErrorData {
    ErrorData::invalid_params(reason, None)
}

/// Waits until a client is gone.
async fn until_closed(peer: &Peer<RoleServer>) {
    while !peer.is_transport_closed() {
        tokio::time::sleep(LOOK).await;
    }
}
