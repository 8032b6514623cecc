//! Rounds of looking for findings.
//!
//! One task looks: it waits until nothing has changed for a while, checks the open documents of each folder against the
//! whole of it, or all of its files where the settings say so, and gives up when something changes meanwhile. Handlers
//! only poke it, or wait for what it knows. The rules are looked at in stages, so that a document that was just opened
//! shows what is found soon and does not wait for what takes seconds.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use conexus_check::{Baseline, CheckSettings, Finding, Options, Rule, Selection, Severity};
use conexus_engine::Snapshot;
use cpu_time::ThreadTime;
use lsp_types::{
    Code, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, Message, PublishDiagnosticsParams,
    Uri,
};
use serde_json::json;
use tokio::time::timeout;

use super::{Checked, Found, SOURCE};
use crate::{
    reporter::Report,
    requests::belongs_elsewhere,
    session::{CURRENT_WAIT, Session},
    settings::DiagnosticMode,
    to_lsp::View,
    workers::Pace,
    workspaces::Root,
};

/// How long nothing may change before a check begins when the last change was typed.
const QUIET: Duration = Duration::from_millis(400);
/// The same where a check takes long: twice its processor time, so that it takes a third of a core at most. Time on the
/// clock would not do: on a busy machine a check waits for its turn most of it, and the next would wait for longer still.
const LONGEST_QUIET: Duration = Duration::from_secs(10);
/// The same for a document that was opened: editors open several at once.
const OPENED: Duration = Duration::from_millis(50);

/// The rules in the order in which they are looked at: what is answered from the index, what reads every function (0.34 s
/// of processor time for 2,138 files of Go, 2026-11-21), what may ask git for seconds.
const STAGES: [&[Rule]; 3] = [
    &[Rule::UnusedSymbol, Rule::UndocumentedPublic, Rule::UntestedChange, Rule::Custom],
    &[Rule::DuplicateCode, Rule::Reinvented],
    &[Rule::StaleReference],
];

type Round = HashMap<Uri, Checked>;

/// Looks for findings until the session ends.
pub(crate) async fn run(session: Arc<Session>) {
    let pokes = session.checks.pokes();
    let mut quiet = QUIET;
    'news: loop {
        pokes.arrived.notified().await;
        let pause = || if pokes.looked_at.load(Ordering::Acquire) { OPENED } else { quiet };
        while session.settings().diagnostics && timeout(pause(), pokes.arrived.notified()).await.is_ok() {}
        let number = pokes.count.load(Ordering::Acquire);
        let (mut round, mut begun, mut spent) = (Round::new(), HashSet::new(), Duration::ZERO);
        // Beside another server that loads the same folder what yields has its turn seconds later.
        let pace = if pokes.looked_at.load(Ordering::Acquire) { Pace::Waited } else { Pace::Yielding };
        let stages = if session.settings().diagnostics { &STAGES[..] } else { &[] };
        for (at, stage) in stages.iter().enumerate() {
            let own = Arc::clone(&session);
            let work = session.workers.run_until_edited(pace, move |cancel| {
                let began = ThreadTime::now();
                (look(&own, stage, cancel), began.elapsed())
            });
            tokio::select! {
                biased;
                // Dropping the work cancels it.
                () = pokes.arrived.notified() => {
                    pokes.arrived.notify_one();
                    continue 'news;
                }
                looked = work => match looked {
                    Ok((Some(found), time)) => {
                        spent += time;
                        join(&mut round, found);
                    }
                    // The end of the indexing is news, too.
                    Ok((None, _)) => continue 'news,
                    Err(error) => tracing::error!(%error, ?stage, "documents cannot be checked"),
                },
            }
            if at + 1 < stages.len() {
                let news = session.checks.take_part(&round, &mut begun);
                tell_part(&session, news);
            }
        }
        if !stages.is_empty() {
            pokes.looked_at.store(false, Ordering::Release);
            quiet = (spent * 2).clamp(QUIET, LONGEST_QUIET);
        }
        let news = session.checks.take(round, number);
        tell(&session, news);
    }
}

/// Adds what a stage found to what those before it did.
fn join(round: &mut Round, stage: Round) {
    for (uri, checked) in stage {
        let all = round.entry(uri).or_default();
        all.version = checked.version;
        all.found.extend(checked.found);
        all.found.sort_by(|left, right| {
            (&left.finding.place, left.finding.rule).cmp(&(&right.finding.place, right.finding.rule))
        });
    }
}

/// A client that asks for diagnostics is told to ask again, another one gets them.
fn tell(session: &Session, news: Vec<Uri>) {
    if !session.pulls() {
        publish(session, news);
    } else if session.offers.refreshes_diagnostics && !news.is_empty() {
        session.report(Report::RefreshDiagnostics);
    }
}

/// Whoever waits for an answer sees the parts of a round by itself.
fn tell_part(session: &Session, news: Vec<Uri>) {
    if !session.pulls() {
        publish(session, news);
    }
}

fn publish(session: &Session, news: Vec<Uri>) {
    for uri in news {
        let checked = session.checks.of_document(&uri);
        let version = session.documents().get(&uri).and(checked.version);
        let params = PublishDiagnosticsParams { diagnostics: checked.diagnostics(), uri, version };
        session.report(Report::Diagnostics(Box::new(params)));
    }
}

/// Checks the open documents of every folder, or all of its files, for the rules of a stage; nothing while a folder is
/// being indexed, or when it was cancelled.
fn look(session: &Session, stage: &[Rule], cancel: &AtomicBool) -> Option<Round> {
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
        match look_at(session, &root, &snapshot, &open, (stage, cancel)) {
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
    (stage, cancel): (&[Rule], &AtomicBool),
) -> Result<Vec<(Uri, Checked)>, String> {
    let indexed: Vec<_> = open.iter().filter(|(_, path, _)| snapshot.file(path).is_ok()).collect();
    let paths = match session.settings().diagnostic_mode {
        DiagnosticMode::OpenFilesOnly if indexed.is_empty() => return Ok(Vec::new()),
        DiagnosticMode::OpenFilesOnly => indexed.iter().map(|(_, path, _)| path.clone()).collect(),
        DiagnosticMode::Workspace if snapshot.index().files().next().is_none() => return Ok(Vec::new()),
        DiagnosticMode::Workspace => Vec::new(),
    };
    let mut settings = (session.checks.of)(snapshot.root())?;
    if !narrow(&mut settings, stage) {
        return Ok(Vec::new());
    }
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

/// Leaves the rules of a stage to look for; whether there are any.
fn narrow(settings: &mut CheckSettings, stage: &[Rule]) -> bool {
    let wanted = |rule: &Rule| !rule.needs_change() && settings.options.selection.contains(*rule);
    let selection = Selection::of(stage.iter().copied().filter(wanted));
    settings.options.selection = selection;
    selection.iter().next().is_some()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_one_stage() {
        let mut staged: Vec<Rule> = STAGES.iter().flat_map(|stage| stage.iter().copied()).collect();
        staged.sort();
        assert_eq!(staged, Rule::ALL);
    }
}
