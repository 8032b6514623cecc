//! What stands between an assistant on standard input and output and the index: a running session while there is one,
//! else an index of one's own. Each call looks anew, so sessions may come and go.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use conexus_engine::{Location, Settings, live::Live};
use rmcp::model::JsonObject;

use crate::{Error, FoundNotice, Session, reply::Reply, tools::Tool};

/// The notice of an answer that no session stands behind.
pub(crate) const DETACHED: &str = "detached";
/// How often a session that does not answer is asked again. Nobody waits for that.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// A way to the index of one workspace.
pub(crate) struct Bridge {
    location: Location,
    settings: Settings,
    state: Mutex<State>,
}

/// At most one of the two is there.
#[derive(Default)]
struct State {
    session: Option<Arc<Session>>,
    own: Option<Arc<Live>>,
    /// When a session that is there and did not answer is asked again.
    silent: Option<Instant>,
}

impl Bridge {
    pub(crate) fn new(location: Location, settings: Settings) -> Self {
        Self { location, settings, state: Mutex::default() }
    }

    /// Finds the session, or begins to index.
    pub(crate) fn prepare(self: &Arc<Self>) {
        if self.session().is_none() {
            self.own();
        }
    }

    /// Asks the session; `None` when there is none, or when it ended meanwhile.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        tool: &Tool,
        arguments: &JsonObject,
        key: Option<&str>,
    ) -> Option<Result<Reply, String>> {
        let finder = Arc::clone(self);
        let session = tokio::task::spawn_blocking(move || finder.session()).await.ok()??;
        match session.call(tool.name, arguments, key).await {
            Ok(reply) => Some(Ok(reply)),
            Err(Error::Refused(reason)) => Some(Err(reason)),
            Err(error) => {
                tracing::info!(%error, "the session is gone, the bridge goes on detached");
                let mut state = self.lock();
                state.session = None;
                state.silent = matches!(error, Error::Silent { .. }).then(|| Instant::now() + ASK_AGAIN);
                None
            }
        }
    }

    /// What an answer from the own index says.
    pub(crate) fn detached(&self) -> FoundNotice {
        let why = match self.lock().silent {
            Some(_) => "the editor session does not answer",
            None => "no editor session is attached",
        };
        FoundNotice { kind: DETACHED.to_owned(), message: format!("detached: {why}, unsaved edits are not known") }
    }

    /// The running session. One that did not answer is asked again beside the calls, which go on without it.
    fn session(self: &Arc<Self>) -> Option<Arc<Session>> {
        let mut state = self.lock();
        match (state.session.clone(), state.silent) {
            (Some(known), _) => {
                drop(state);
                Some(self.attach(known))
            }
            (None, None) => {
                drop(state);
                self.find()
            }
            (None, Some(again)) => {
                if Instant::now() >= again {
                    state.silent = Some(Instant::now() + ASK_AGAIN);
                    let bridge = Arc::clone(self);
                    std::thread::spawn(move || bridge.find());
                }
                None
            }
        }
    }

    fn find(&self) -> Option<Arc<Session>> {
        let found = Session::find(&self.location);
        self.lock().silent = found.is_err().then(|| Instant::now() + ASK_AGAIN);
        found
            .inspect_err(|error| tracing::info!(%error, "the bridge goes on detached"))
            .ok()?
            .map(|session| self.attach(Arc::new(session)))
    }

    /// Answers come from a session from now on; the own index is given back, also one that another call began meanwhile.
    fn attach(&self, session: Arc<Session>) -> Arc<Session> {
        let mut state = self.lock();
        if state.session.is_none() {
            tracing::info!("the bridge is attached to a running session");
            state.session = Some(Arc::clone(&session));
        }
        let own = state.own.take();
        drop(state);
        // Ends its threads and lets the session own the index; the last call that uses it does so.
        drop(own);
        session
    }

    /// The own index, begun when there is none yet.
    pub(crate) fn own(&self) -> Arc<Live> {
        let mut state = self.lock();
        let start = || Arc::new(Live::start(self.location.clone(), self.settings.clone(), Arc::new(|_| ())));
        Arc::clone(state.own.get_or_insert_with(start))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
