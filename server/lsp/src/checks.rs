//! Findings for documents, looked for while nobody types.
//!
//! One task looks: it waits until nothing has changed for a while, checks the open documents of each folder against the
//! whole of it, or all of its files where the settings say so, and gives up when something changes meanwhile. Handlers
//! only poke it, or wait for what it knows.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use conexus_check::{Baseline, ChecksOf, Finding, Options, Progress, Severity};
use conexus_engine::Snapshot;
use lsp_types::{
    Code, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, Message, PublishDiagnosticsParams,
    Uri,
};
use serde_json::json;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use crate::{
    reporter::Report,
    requests::belongs_elsewhere,
    session::{CURRENT_WAIT, Session},
    settings::DiagnosticMode,
    to_lsp::View,
    workspaces::Root,
};

/// How long nothing may change before a check begins.
const QUIET: Duration = Duration::from_millis(400);
/// The same where a check takes long: twice its time, so that it takes a third of a core at most.
const LONGEST_QUIET: Duration = Duration::from_secs(10);
/// What the diagnostics are shown to come from.
pub(crate) const SOURCE: &str = "conexus";

/// What is known of documents.
pub(crate) struct Checks {
    pub(crate) of: ChecksOf,
    pokes: Arc<Pokes>,
    /// Pokes up to this number are known.
    known: watch::Sender<u64>,
    results: Mutex<HashMap<Uri, Checked>>,
    /// How far the check that runs is.
    pub(crate) progress: Progress,
}

/// The number of rounds after the last one.
const ENDED: u64 = u64::MAX;

/// News that there may be other findings.
#[derive(Default)]
pub(crate) struct Pokes {
    count: AtomicU64,
    arrived: Notify,
}

impl Pokes {
    pub(crate) fn poke(&self) {
        self.count.fetch_add(1, Ordering::Release);
        self.arrived.notify_one();
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
            results: Mutex::default(),
            progress: Progress::default(),
        }
    }

    /// Whoever has news of a folder.
    pub(crate) fn pokes(&self) -> Arc<Pokes> {
        Arc::clone(&self.pokes)
    }

    /// There may be other findings.
    pub(crate) fn poke(&self) {
        self.pokes.poke();
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
        self.known.send_if_modified(|known| *known != ENDED && std::mem::replace(known, number) != number);
        news
    }
}

/// Looks for findings until the session ends.
pub(crate) async fn run(session: Arc<Session>) {
    let pokes = session.checks.pokes();
    let mut quiet = QUIET;
    loop {
        pokes.arrived.notified().await;
        while session.settings().diagnostics && timeout(quiet, pokes.arrived.notified()).await.is_ok() {}
        let number = pokes.count.load(Ordering::Acquire);
        let mut round = HashMap::new();
        if session.settings().diagnostics {
            let own = Arc::clone(&session);
            let started = Instant::now();
            let work = session.workers.run_until_edited(move |cancel| look(&own, cancel));
            tokio::select! {
                biased;
                // Dropping the work cancels it.
                () = pokes.arrived.notified() => {
                    pokes.arrived.notify_one();
                    continue;
                }
                looked = work => match looked {
                    Ok(Some(found)) => round = found,
                    // The end of the indexing is news, too.
                    Ok(None) => continue,
                    Err(error) => tracing::error!(%error, "the open documents cannot be checked"),
                },
            }
            quiet = (started.elapsed() * 2).clamp(QUIET, LONGEST_QUIET);
        }
        let news = session.checks.take(round, number);
        tell(&session, news);
    }
}

/// A client that asks for diagnostics is told to ask again, another one gets them.
fn tell(session: &Session, news: Vec<Uri>) {
    if session.pulls() {
        if session.offers.refreshes_diagnostics && !news.is_empty() {
            session.report(Report::RefreshDiagnostics);
        }
        return;
    }
    for uri in news {
        let checked = session.checks.of_document(&uri);
        let version = session.documents().get(&uri).and(checked.version);
        let params = PublishDiagnosticsParams { diagnostics: checked.diagnostics(), uri, version };
        session.report(Report::Diagnostics(Box::new(params)));
    }
}

/// Checks the open documents of every folder, or all of its files; nothing while a folder is being indexed, or when it was cancelled.
fn look(session: &Session, cancel: &AtomicBool) -> Option<HashMap<Uri, Checked>> {
    let mut round = HashMap::new();
    for root in session.roots() {
        let open: Vec<(Uri, String, i32)> = {
            let documents = session.documents();
            let own = documents.iter().filter_map(|(uri, document)| {
                let place = document.place.as_ref().filter(|place| Arc::ptr_eq(&place.root, &root))?;
                Some((uri.clone(), place.path.clone(), document.version))
            });
            own.collect()
        };
        let Ok(snapshot) = root.current(CURRENT_WAIT) else { continue };
        if snapshot.notices().iter().any(|notice| matches!(notice, conexus_core::Notice::Indexing { .. })) {
            return None;
        }
        match look_at(session, &root, &snapshot, &open, cancel) {
            Ok(found) => round.extend(found),
            Err(why) => session.report_once(format!("the folder {} cannot be checked: {why}", root.name)),
        }
        if cancel.load(Ordering::Relaxed) {
            return None;
        }
    }
    Some(round)
}

fn look_at(
    session: &Session,
    root: &Arc<Root>,
    snapshot: &Snapshot,
    open: &[(Uri, String, i32)],
    cancel: &AtomicBool,
) -> Result<Vec<(Uri, Checked)>, String> {
    let indexed: Vec<_> = open.iter().filter(|(_, path, _)| snapshot.file(path).is_ok()).collect();
    let paths = match session.settings().diagnostic_mode {
        DiagnosticMode::OpenFilesOnly if indexed.is_empty() => return Ok(Vec::new()),
        DiagnosticMode::OpenFilesOnly => indexed.iter().map(|(_, path, _)| path.clone()).collect(),
        DiagnosticMode::Workspace if snapshot.index().files().next().is_none() => return Ok(Vec::new()),
        DiagnosticMode::Workspace => Vec::new(),
    };
    let settings = (session.checks.of)(snapshot.root())?;
    let open = open_baseline(session, baseline_uri(root, snapshot, &settings.baseline).as_ref());
    let baseline = Baseline::load(&settings.baseline, open.as_deref()).map_err(|error| error.to_string())?;
    // One thread: the others belong to whoever types.
    let options =
        Options { paths, changed_since: None, report_unused: false, baseline, threads: 1, ..settings.options };
    let report = conexus_check::check_observed(snapshot, &options, cancel, &session.checks.progress)
        .map_err(|error| error.to_string())?;
    let versions: HashMap<_, _> = snapshot.buffers().map(|buffer| (buffer.path, buffer.version)).collect();
    let mut view = View::new(session, Arc::clone(root), snapshot.clone());
    let mut checked: HashMap<Uri, Checked> = HashMap::new();
    for (uri, path, version) in indexed {
        let version = versions.get(path.as_str()).copied().unwrap_or(*version);
        checked.insert(uri.clone(), Checked { version: Some(version), found: Vec::new() });
    }
    for finding in report.findings {
        let path = &finding.place.path;
        if belongs_elsewhere(session, root, path) {
            continue;
        }
        let uri = view.uri(path);
        if let Some(diagnostic) = diagnostic(session, &mut view, &finding) {
            checked.entry(uri).or_default().found.push(Found { finding, diagnostic });
        }
    }
    Ok(checked.into_iter().collect())
}

/// Where a baseline is as a document of the client; nothing when it lies outside of the folder.
pub(crate) fn baseline_uri(root: &Root, snapshot: &Snapshot, path: &Path) -> Option<Uri> {
    let relative = path.strip_prefix(snapshot.root()).ok()?;
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    Some(root.uri_of(&parts.join("/")))
}

/// The text of a baseline in the editor, when it is open there.
pub(crate) fn open_baseline(session: &Session, uri: Option<&Uri>) -> Option<String> {
    uri.and_then(|uri| session.documents().get(uri).map(|document| document.text.to_string()))
}

fn diagnostic(session: &Session, view: &mut View, finding: &Finding) -> Option<Diagnostic> {
    let (range, _) = view.ranges(&finding.place.path, finding.place.span, finding.place.span, "")?;
    let related = finding.related.iter().filter_map(|related| {
        let place = &related.place;
        let (range, _) = view.ranges(&place.path, place.span, place.span, "")?;
        let location = Location { uri: view.uri(&place.path), range };
        Some(DiagnosticRelatedInformation { location, message: related.label.clone() })
    });
    let related: Vec<_> = related.collect();
    let message = match &finding.help {
        Some(help) => format!("{}\nhelp: {help}", finding.message),
        None => finding.message.clone(),
    };
    Some(Diagnostic {
        range,
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::Error,
            Severity::Warning => DiagnosticSeverity::Warning,
            Severity::Note => DiagnosticSeverity::Information,
        }),
        code: Some(Code::String(finding.code().into_owned())),
        code_description: None,
        source: Some(SOURCE.to_owned()),
        message: Message::String(message),
        tags: None,
        related_information: (session.offers.related_information && !related.is_empty()).then_some(related),
        data: session
            .offers
            .diagnostic_data
            .then(|| json!({ "fingerprint": finding.fingerprint, "fixable": finding.fix.is_some() })),
    })
}
