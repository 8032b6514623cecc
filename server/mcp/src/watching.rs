//! Tells a client what changed of what it watches: resources, their list, the list of tools.
//!
//! The one who is asked answers when something changed, after a second at most, and is asked again: so it works alike over
//! an index of this process and over the bridge, and goes on when a session comes or ends in between.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rmcp::{
    Peer, RoleServer,
    model::{
        JsonObject, NotificationNoParam, ResourceUpdatedNotification, ResourceUpdatedNotificationParam,
        ServerJsonRpcMessage, ServerNotification, SubscriptionFilter,
    },
    service::SubscriptionSink,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc::Sender};

use crate::{
    calls::{Caller, Calls},
    methods::changes::{CHANGES, Known},
};

/// Before it is asked again when it could not answer.
const PAUSE: Duration = Duration::from_millis(500);
/// Resources that one client may watch.
const MOST: usize = 1_000;

/// What one client watches and knows.
#[derive(Clone, Default)]
pub(crate) struct Watched {
    known: Arc<Mutex<Known>>,
    /// Something else is watched than before.
    changed: Arc<Notify>,
    /// It was looked how things are before the first change.
    begun: Arc<AtomicBool>,
}

/// What to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Resource(String),
    Resources,
    Tools,
}

/// Where to tell it.
pub(crate) enum Listener {
    /// A client with a connection of its own.
    Peer(Peer<RoleServer>),
    /// A request that stays open.
    Sink(SubscriptionSink),
    /// The stream of a session over HTTP.
    Stream(Sender<String>),
}

impl Watched {
    /// Watches both lists, and no resource yet.
    pub(crate) fn lists() -> Self {
        let known = Known { resources: BTreeMap::new(), list: Some(String::new()), editor: Some(false) };
        Self { known: Arc::new(Mutex::new(known)), ..Self::default() }
    }

    /// What a client may watch of a filter: of its resources the first, each once.
    pub(crate) fn accepted(filter: &SubscriptionFilter) -> SubscriptionFilter {
        let mut accepted = filter.clone();
        if let Some(uris) = &mut accepted.resource_subscriptions {
            let mut known = HashSet::new();
            uris.retain(|uri| known.insert(uri.clone()));
            uris.truncate(MOST);
        }
        accepted
    }

    /// What an accepted filter names.
    pub(crate) fn of(filter: &SubscriptionFilter) -> Self {
        let wanted = |flag: Option<bool>| flag == Some(true);
        let uris = filter.resource_subscriptions.iter().flatten();
        let known = Known {
            resources: uris.map(|uri| (uri.clone(), None)).collect(),
            list: wanted(filter.resources_list_changed).then(String::new),
            editor: wanted(filter.tools_list_changed).then_some(false),
        };
        Self { known: Arc::new(Mutex::new(known)), ..Self::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Watches a resource from its present text on.
    pub(crate) async fn add(&self, calls: &Calls, caller: &Caller, uri: String) -> Result<(), String> {
        if self.known().resources.len() >= MOST {
            return Err(format!("one client may watch {MOST} resources"));
        }
        let wanted = Known { resources: BTreeMap::from([(uri, None)]), ..Known::default() };
        let now = look(calls, caller, &wanted, true).await?;
        self.known().resources.extend(now.resources);
        self.changed.notify_one();
        Ok(())
    }

    /// Watches a resource no longer.
    pub(crate) fn remove(&self, uri: &str) {
        self.known().resources.remove(uri);
        self.changed.notify_one();
    }

    /// Takes over what was seen. What was added or removed meanwhile stays so.
    fn note(&self, seen: Known) {
        let mut known = self.known();
        for (uri, text) in seen.resources {
            known.resources.entry(uri).and_modify(|known| *known = text);
        }
        (known.list, known.editor) = (seen.list, seen.editor);
    }

    /// Looks how things are: what is found at first is no change.
    async fn begin(&self, calls: &Calls, caller: &Caller) {
        let mut first = self.known().clone();
        // Those that were added have been looked at.
        first.resources.retain(|_, text| text.is_none());
        let seen = loop {
            match look(calls, caller, &first, true).await {
                Ok(seen) => break seen,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        };
        self.note(seen);
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Tells each change until the client is gone. A client that comes again is told what changed meanwhile.
    pub(crate) async fn run(self, calls: &Calls, caller: &Caller, listener: Listener) {
        if !self.begun.load(Ordering::Relaxed) {
            self.begin(calls, caller).await;
        }
        loop {
            let known = self.known().clone();
            let seen = tokio::select! {
                seen = look(calls, caller, &known, false) => seen,
                () = self.changed.notified() => continue,
            };
            let Ok(seen) = seen else {
                tokio::time::sleep(PAUSE).await;
                continue;
            };
            let changes = differences(&known, &seen);
            self.note(seen);
            for change in changes {
                if !listener.tell(change).await {
                    return;
                }
            }
        }
    }
}

async fn look(calls: &Calls, caller: &Caller, known: &Known, now: bool) -> Result<Known, String> {
    let Value::Object(arguments) = json!({ "known": known, "now": now }) else { return Ok(known.clone()) };
    let reply = calls.method(caller.clone(), CHANGES, arguments).await?;
    serde_json::from_value(reply).map_err(|error| error.to_string())
}

fn differences(known: &Known, seen: &Known) -> Vec<Change> {
    let differs = |(uri, text): (&String, &Option<String>)| {
        (known.resources.get(uri) != Some(text)).then(|| Change::Resource(uri.clone()))
    };
    let mut changes: Vec<Change> = seen.resources.iter().filter_map(differs).collect();
    changes.extend((known.list != seen.list).then_some(Change::Resources));
    changes.extend((known.editor != seen.editor).then_some(Change::Tools));
    changes
}

impl Listener {
    /// Whether the client is still there.
    async fn tell(&self, change: Change) -> bool {
        match self {
            Self::Sink(sink) => match change {
                Change::Resource(uri) => sink.notify_resource_updated(uri).await.is_ok(),
                Change::Resources => sink.notify_resource_list_changed().await.is_ok(),
                Change::Tools => sink.notify_tool_list_changed().await.is_ok(),
            },
            Self::Peer(peer) => peer.send_notification(change.notification()).await.is_ok(),
            Self::Stream(events) => {
                let message = ServerJsonRpcMessage::notification(change.notification());
                let Ok(message) = serde_json::to_string(&message) else { return true };
                events.send(message).await.is_ok()
            }
        }
    }
}

impl Change {
    fn notification(self) -> ServerNotification {
        match self {
            Self::Resource(uri) => ServerNotification::ResourceUpdatedNotification(ResourceUpdatedNotification::new(
                ResourceUpdatedNotificationParam::new(uri),
            )),
            Self::Resources => ServerNotification::ResourceListChangedNotification(NotificationNoParam::default()),
            Self::Tools => ServerNotification::ToolListChangedNotification(NotificationNoParam::default()),
        }
    }
}

/// The arguments of a method as the bridge and the workers take them.
pub(crate) fn arguments_of(value: Value) -> JsonObject {
    if let Value::Object(arguments) = value { arguments } else { JsonObject::new() }
}
