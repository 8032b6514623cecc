//! The protocol's side of the tools: lists them, runs calls on workers, and ends them when nobody waits any more.

use std::{
    borrow::Cow,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use axum::{extract::ConnectInfo, http::request::Parts};
use conexus_engine::live::{Live, Registry};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, JsonObject,
        ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
    },
    service::RequestContext,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{
    audit::{self, Audit},
    bridge::Bridge,
    http::client_of,
    metrics::{Metrics, Outcome},
    reply::Reply,
    tools::{self, Call, TOOLS, Tool},
};

/// Calls that are worked on at the same time; more wait.
const CALLS: usize = 8;
/// Calls that may wait; more are refused.
const WAITING: usize = 1_024;
/// How long a client may keep the list of tools: they change with the program only.
const LIST_TTL_MS: u64 = 3_600_000;
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
                            files: it finds code by meaning, words or names.";

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
}

impl Caller {
    /// The caller of a request over HTTP.
    fn of(parts: &Parts) -> Self {
        let named = parts.headers.get(WORKSPACE_HEADER);
        Self {
            workspace: named.map(|value| PathBuf::from(String::from_utf8_lossy(value.as_bytes()).into_owned())),
            name: client_of(parts.extensions.get::<ConnectInfo<SocketAddr>>(), &parts.headers),
        }
    }
}

/// The server of one client or, without sessions, of one request.
#[derive(Clone)]
pub(crate) struct Server {
    source: Source,
    calls: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    audit: Option<Audit>,
}

impl Server {
    pub(crate) fn new(source: Source, audit: Option<Audit>) -> Self {
        let (calls, waiting) = (Semaphore::new(CALLS), Semaphore::new(WAITING + CALLS));
        Self { source, calls: Arc::new(calls), waiting: Arc::new(waiting), audit }
    }

    /// Runs a call on a worker. Dropping the future ends the call. However it ends, it is counted and noted.
    pub(crate) async fn call(
        &self,
        caller: Caller,
        tool: &'static Tool,
        arguments: JsonObject,
    ) -> Result<Reply, String> {
        let record = Record::begin(self.audit.as_ref(), &caller, tool, &arguments);
        let answer = self.run(caller.workspace, tool, arguments).await;
        record.end(&answer);
        answer
    }

    async fn run(
        &self,
        workspace: Option<PathBuf>,
        tool: &'static Tool,
        arguments: JsonObject,
    ) -> Result<Reply, String> {
        let _waiting = self.waiting.try_acquire().map_err(|_| "too many calls are waiting, try again".to_owned())?;
        let place = Arc::clone(&self.calls).acquire_owned().await.map_err(|_| "the session is ending".to_owned())?;
        let cancel = Arc::new(AtomicBool::new(false));
        let _ends_with_the_caller = Cancel(Arc::clone(&cancel));
        let source = self.source.clone();
        let work = move || {
            // A cancelled call keeps its place until the worker has noticed.
            let _place = place;
            match source {
                Source::Workspaces(registry) => {
                    let live = choose(&registry, workspace)?;
                    (tool.run)(&Call { live: &live, notices: &[], cancel: &cancel }, arguments)
                }
                Source::Bridge(bridge) => bridge.call(tool, arguments, &cancel),
            }
        };
        tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|_| Err("an internal error ended the call; the session's log says why".to_owned()))
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

    fn end(mut self, answer: &Result<Reply, String>) {
        (self.outcome, self.told) = match answer {
            Ok(reply) => (Outcome::Answered, json!(reply.text.len())),
            Err(reason) => (Outcome::Refused, json!(reason)),
        };
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
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(Implementation::new("conexus", env!("CARGO_PKG_VERSION")).with_title("Conexus"))
            .with_instructions(INSTRUCTIONS)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(VERSIONS)
    }

    fn get_tool(&self, name: &str) -> Option<rmcp::model::Tool> {
        tools::find(name).map(|tool| (tool.describe)())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let mut listed = ListToolsResult::with_all_items(TOOLS.iter().map(|tool| (tool.describe)()).collect());
        listed.ttl_ms = Some(LIST_TTL_MS);
        listed.cache_scope = Some(CacheScope::Private);
        Ok(listed)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = tools::find(&request.name) else {
            return Err(ErrorData::invalid_params(format!("there is no tool {:?}", request.name), None));
        };
        let caller = context.extensions.get::<Parts>().map(Caller::of).unwrap_or_default();
        let call = self.call(caller, tool, request.arguments.unwrap_or_default());
        let answer = tokio::select! {
            answer = call => answer,
            () = context.ct.cancelled() => Err("the call was cancelled".to_owned()),
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
}
