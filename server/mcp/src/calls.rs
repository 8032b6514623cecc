//! Calls of tools: who makes them, where they are worked on, how far they are, and how they are counted and noted.

use std::{
    collections::HashMap,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Instant,
};

use axum::{extract::ConnectInfo, http::request::Parts};
use conexus_check::ChecksOf;
use conexus_engine::live::{Live, Registry};
use rmcp::{RoleServer, model::JsonObject, service::RequestContext};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch::Receiver};
use tracing::{Instrument, Span, field::Empty, info_span};

use crate::{
    audit::{self, Audit},
    bridge::Bridge,
    http::client_of,
    lanes::Lanes,
    methods::{
        answered,
        changes::{CHANGES, FEATURES, LOOK_EVERY, MOST_WAIT, PROGRESS, Wanted},
    },
    metrics::{Metrics, Outcome},
    reply::Reply,
    tools::{self, Call, Told, Tool, read_arguments},
    wakers::Wakers,
};

/// Calls that may wait; more are refused.
const WAITING: usize = 1_024;
/// Streams at the same time on which clients are told what changes; more are refused. Each is a connection, and many systems
/// allow a process 1,024 open files.
pub(crate) const STREAMS: usize = 256;
/// Which of several workspaces of a session a client means, as the absolute path.
const WORKSPACE_HEADER: &str = "conexus-workspace";

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
    pub(crate) fn of(context: &RequestContext<RoleServer>) -> Self {
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

/// Where calls are worked on, with what they may use.
#[derive(Clone)]
pub(crate) struct Calls {
    source: Source,
    checks_of: ChecksOf,
    lanes: Arc<Lanes>,
    waiting: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    wakers: Wakers,
    audit: Option<Audit>,
    source_folders: Arc<[PathBuf]>,
    /// Calls that are worked on and may be asked how far they are.
    running: Running,
}

impl Calls {
    pub(crate) fn new(
        source: Source,
        checks_of: ChecksOf,
        audit: Option<Audit>,
        source_folders: impl Into<Arc<[PathBuf]>>,
    ) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            source,
            checks_of,
            lanes: Arc::default(),
            waiting: places(WAITING),
            streams: places(STREAMS),
            wakers: Wakers::default(),
            audit,
            source_folders: source_folders.into(),
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
        if tool.name == CHANGES {
            return self.changes(workspace, tool, arguments).await;
        }
        let _waiting = self.waiting.try_acquire().map_err(|_| "too many calls are waiting, try again".to_owned())?;
        match self.bridged(tool, &arguments, key.as_deref()).await {
            Some(answer) => answer,
            None => self.work(workspace, key, tool, arguments).await.map(|(reply, _)| reply),
        }
    }

    /// What the session behind a bridge answers.
    async fn bridged(
        &self,
        tool: &'static Tool,
        arguments: &JsonObject,
        key: Option<&str>,
    ) -> Option<Result<Reply, String>> {
        let Source::Bridge(bridge) = &self.source else { return None };
        bridge.ask(tool, arguments, key).await
    }

    /// Answers as soon as things are not as known any more, or after a while. It takes a place while it looks, and none
    /// while it waits: any number of clients may listen beside calls.
    async fn changes(
        &self,
        workspace: Option<PathBuf>,
        tool: &'static Tool,
        arguments: JsonObject,
    ) -> Result<Reply, String> {
        let Wanted { known, now } = read_arguments(arguments.clone())?;
        let known = serde_json::to_value(known).map_err(|error| error.to_string())?;
        let deadline = tokio::time::Instant::now() + MOST_WAIT;
        loop {
            // A session may have come meanwhile.
            if let Some(answer) = self.bridged(tool, &arguments, None).await {
                return answer;
            }
            let next = tokio::time::Instant::now() + LOOK_EVERY;
            let (reply, mut changes) = self.work(workspace.clone(), None, tool, arguments.clone()).await?;
            if now || reply.structured != known {
                return Ok(reply);
            }
            // Also a workspace that is gone wakes.
            if tokio::time::timeout_at(deadline, changes.changed()).await.is_err() {
                return Ok(reply);
            }
            tokio::time::sleep_until(next).await;
        }
    }

    /// A place among the streams on which clients are told what changes; the error is for the client to read.
    pub(crate) fn stream(&self) -> Result<OwnedSemaphorePermit, String> {
        Arc::clone(&self.streams).try_acquire_owned().map_err(|_| {
            format!("{STREAMS} streams tell clients of changes already, and there are no more; end one of them")
        })
    }

    /// Runs a call on a worker, and tells of changes since before it.
    async fn work(
        &self,
        workspace: Option<PathBuf>,
        key: Option<String>,
        tool: &'static Tool,
        arguments: JsonObject,
    ) -> Result<(Reply, Receiver<()>), String> {
        let (places, threads) = self.lanes.of_call(tool.name, &arguments);
        let waiting = Arc::clone(places).acquire_owned().instrument(info_span!("waiting"));
        let place = waiting.await.map_err(|_| "the session is ending".to_owned())?;
        let span = info_span!("work");
        let cancel = Arc::new(AtomicBool::new(false));
        let _ends_with_the_caller = Cancel(Arc::clone(&cancel));
        let (source, checks_of) = (self.source.clone(), Arc::clone(&self.checks_of));
        let source_folders = Arc::clone(&self.source_folders);
        let (told, wakers) = (self.running.begin(key), self.wakers.clone());
        let work = move || {
            let _span = span.entered();
            // A cancelled call keeps its place until the worker has noticed.
            let _place = place;
            let (live, notices) = match source {
                Source::Workspaces(registry) => (choose(&registry, workspace)?, Vec::new()),
                Source::Bridge(bridge) => (bridge.own(), vec![bridge.detached()]),
            };
            let changes = wakers.of(&live);
            let call = Call {
                live: &live,
                notices: &notices,
                checks_of: &checks_of,
                source_folders: &source_folders,
                cancel: &cancel,
                told: &told.told,
                wanted: AtomicU64::new(0),
            };
            Ok(((tool.run)(&call, arguments)?, changes))
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
        Metrics::global().begin_call();
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
        Metrics::global().end_call(self.tool, self.outcome, time);
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
