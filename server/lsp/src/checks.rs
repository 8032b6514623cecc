//! Findings for documents, looked for while nobody types.
//!
//! `rounds` looks for them; here is what it found, and how handlers wait for it or say that there may be others.

mod rounds;

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use conexus_check::{ChecksOf, Finding, Progress};
use lsp_types::{Diagnostic, Uri};
use tokio::{
    sync::{Notify, watch},
    time::sleep,
};

pub(crate) use rounds::{baseline_uri, open_baseline, run};

/// What the diagnostics are shown to come from.
pub(crate) const SOURCE: &str = "conexus";
/// How long a client that can be told to ask again waits for a whole round before it gets what is known so far.
const PATIENCE: Duration = Duration::from_millis(300);

/// What is known of documents.
pub(crate) struct Checks {
    pub(crate) of: ChecksOf,
    pokes: Arc<Pokes>,
    /// Pokes up to this number are known.
    known: watch::Sender<u64>,
    /// Counts the parts of rounds.
    parts: watch::Sender<u64>,
    results: Mutex<HashMap<Uri, Checked>>,
    /// How far the check that runs is.
    pub(crate) progress: Progress,
}

/// The number of rounds after the last one.
const ENDED: u64 = u64::MAX;

/// News that there may be other findings.
pub(crate) struct Pokes {
    count: AtomicU64,
    arrived: Notify,
    /// Whether somebody looks at a text rather than writes one: then nothing is gained by waiting for a pause.
    looked_at: AtomicBool,
}

impl Default for Pokes {
    fn default() -> Self {
        Self { count: AtomicU64::new(0), arrived: Notify::new(), looked_at: AtomicBool::new(true) }
    }
}

impl Pokes {
    /// Something changed, and nobody in particular waits for what it means.
    pub(crate) fn poke(&self) {
        self.count.fetch_add(1, Ordering::Release);
        self.arrived.notify_one();
    }

    /// Somebody opened or closed a document, or changed a setting.
    fn poke_soon(&self) {
        self.looked_at.store(true, Ordering::Release);
        self.poke();
    }

    /// Somebody typed.
    fn poke_after_pause(&self) {
        self.looked_at.store(false, Ordering::Release);
        self.poke();
    }
}

/// The findings in one document.
#[derive(Clone, Debug, Default)]
pub(crate) struct Checked {
    /// The version of the document that they are about; none for one that is not open.
    pub(crate) version: Option<i32>,
    pub(crate) found: Vec<Found>,
}

/// A finding as the editor shows it.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) finding: Finding,
    pub(crate) diagnostic: Diagnostic,
}

impl Checked {
    pub(crate) fn diagnostics(&self) -> Vec<Diagnostic> {
        self.found.iter().map(|found| found.diagnostic.clone()).collect()
    }
}

impl Checks {
    pub(crate) fn new(of: ChecksOf) -> Self {
        Self {
            of,
            pokes: Arc::default(),
            known: watch::Sender::new(0),
            parts: watch::Sender::new(0),
            results: Mutex::default(),
            progress: Progress::default(),
        }
    }

    /// Whoever has news of a folder.
    pub(crate) fn pokes(&self) -> Arc<Pokes> {
        Arc::clone(&self.pokes)
    }

    /// Somebody opened or closed a document, or changed a setting.
    pub(crate) fn poke_soon(&self) {
        self.pokes.poke_soon();
    }

    /// Somebody typed.
    pub(crate) fn poke_after_pause(&self) {
        self.pokes.poke_after_pause();
    }

    fn results(&self) -> MutexGuard<'_, HashMap<Uri, Checked>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The findings in a document, as far as they are known.
    pub(crate) fn of_document(&self, uri: &Uri) -> Checked {
        self.results().get(uri).cloned().unwrap_or_default()
    }

    /// The findings in all documents, as far as they are known.
    pub(crate) fn all(&self) -> HashMap<Uri, Checked> {
        self.results().clone()
    }

    /// Waits until everything is known that came in before this call, and returns the number of that round.
    pub(crate) async fn known(&self) -> u64 {
        let wanted = self.pokes.count.load(Ordering::Acquire);
        self.wait_for(|known| known >= wanted).await
    }

    /// Waits until everything is known of a document that came in before this call, or for a while and then until
    /// anything is known of this version of it.
    pub(crate) async fn known_so_far(&self, uri: &Uri, version: Option<i32>) {
        let of_version = || self.results().get(uri).is_some_and(|checked| checked.version == version);
        let mut parts = self.parts.subscribe();
        let so_far = async {
            sleep(PATIENCE).await;
            // The sender is a part of this.
            let _ = parts.wait_for(|_| of_version()).await;
        };
        tokio::select! {
            _ = self.known() => {}
            () = so_far => {}
        }
    }

    /// The number of the last round.
    pub(crate) fn round(&self) -> u64 {
        *self.known.borrow()
    }

    /// Waits for another round than that one; nothing when the session ends.
    pub(crate) async fn after(&self, round: u64) -> Option<u64> {
        Some(self.wait_for(|known| known != round).await).filter(|round| *round != ENDED)
    }

    async fn wait_for(&self, is_wanted: impl Fn(u64) -> bool) -> u64 {
        // The sender is a part of this.
        self.known.subscribe().wait_for(|known| is_wanted(*known)).await.map_or(ENDED, |known| *known)
    }

    /// Nobody waits any longer.
    pub(crate) fn end(&self) {
        self.known.send_replace(ENDED);
    }

    /// Takes over what a round that goes on has found in documents of which nothing was known before, and returns those
    /// with findings. Of the others the former findings stay until the round ends: they would come and go.
    fn take_part(&self, found: &HashMap<Uri, Checked>, begun: &mut HashSet<Uri>) -> Vec<Uri> {
        let mut results = self.results();
        let mut news = Vec::new();
        for (uri, checked) in found {
            if !begun.contains(uri) && results.contains_key(uri) {
                continue;
            }
            begun.insert(uri.clone());
            let before = results.insert(uri.clone(), checked.clone());
            if before.map_or(0, |before| before.found.len()) != checked.found.len() {
                news.push(uri.clone());
            }
        }
        drop(results);
        news.sort();
        self.parts.send_modify(|parts| *parts += 1);
        news
    }

    /// Takes over what a round found and returns the documents for which that is news.
    fn take(&self, round: HashMap<Uri, Checked>, number: u64) -> Vec<Uri> {
        let mut results = self.results();
        let before = std::mem::replace(&mut *results, round);
        let differs = |uri: &Uri| {
            let diagnostics = |results: &HashMap<Uri, Checked>| results.get(uri).map(Checked::diagnostics);
            diagnostics(&before).unwrap_or_default() != diagnostics(&results).unwrap_or_default()
        };
        let mut news: Vec<Uri> = before.keys().chain(results.keys()).filter(|uri| differs(uri)).cloned().collect();
        drop(results);
        news.sort();
        news.dedup();
        self.parts.send_modify(|parts| *parts += 1);
        self.known.send_if_modified(|known| *known != ENDED && std::mem::replace(known, number) != number);
        news
    }
}
