//! What the client is told without having asked: messages, progress, the status.
//!
//! One task does it, fed through a queue by handlers and by the threads of the engine, so that neither ever waits for
//! the client.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use conexus_engine::{
    Progress,
    live::{Activity, Status, Watching},
};
use lsp_types::{
    MessageType, ProgressNotification, ProgressParams, ProgressToken, PublishDiagnosticsNotification,
    PublishDiagnosticsParams, Uri, WorkDoneProgressBegin, WorkDoneProgressEnd, WorkDoneProgressReport,
};
use serde_json::Value;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};
use tower_lsp::Client;

use crate::{
    extensions::{StatusChanged, WorkspaceStatus},
    session::Offers,
    uris::uri_below,
};

/// What to tell.
#[derive(Clone, Debug)]
pub(crate) enum Report {
    /// A sentence that the user should see.
    Info(String),
    /// Something is not as the user wants it.
    Warning(String),
    /// Something does not work.
    Error(String),
    /// A folder, whose index lies in another, stands like this now.
    Status(Uri, Arc<Path>, Box<Status>),
    /// A folder was closed.
    Closed(Uri),
    /// The findings in a document.
    Diagnostics(Box<PublishDiagnosticsParams>),
    /// There may be other findings: the client may ask again.
    RefreshDiagnostics,
}

/// How often a status that changes all the time is passed on.
const INTERVAL: Duration = Duration::from_millis(100);
/// How long a client may take to agree to a progress bar. Nothing waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the client sees of one folder.
#[derive(Default)]
struct Shown {
    status: Option<WorkspaceStatus>,
    bar: Option<Bar>,
    /// What is wrong with its index, as far as others may have the same.
    cause: Option<String>,
    set_aside: HashSet<Box<str>>,
}

/// The progress bar of a folder.
struct Bar {
    token: ProgressToken,
    work: Work,
    consent: Consent,
}

/// What the client says to a bar.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Consent {
    Asked,
    Given,
    /// Or it does not answer.
    Refused,
}

/// The answer of a client: to which bar of which folder.
type Answer = (Uri, ProgressToken, Consent);

/// Tells the client until the session ends. Nothing is told before the client has said `initialized`.
pub(crate) async fn run(client: Client, offers: Offers, mut reports: UnboundedReceiver<Report>) {
    let mut folders: HashMap<Uri, Shown> = HashMap::new();
    let mut polling = HashSet::new();
    let mut bars = 0;
    let (answer, mut answers) = unbounded_channel::<Answer>();
    loop {
        let first = tokio::select! {
            report = reports.recv() => match report {
                Some(report) => report,
                None => break,
            },
            Some((uri, token, consent)) = answers.recv() => {
                let bar = folders.get_mut(&uri).and_then(|shown| shown.bar.as_mut());
                match bar.filter(|bar| bar.token == token) {
                    Some(bar) => bar.answered(&client, consent).await,
                    // The work was quicker than the client.
                    None if consent == Consent::Given => {
                        begin(&client, token.clone(), Work::default()).await;
                        end(&client, token).await;
                    }
                    None => {}
                }
                continue;
            }
        };
        // Only the last status of a folder counts.
        let mut latest: Vec<(Uri, Arc<Path>, Box<Status>)> = Vec::new();
        let mut next = Some(first);
        while let Some(report) = next {
            match report {
                Report::Info(text) => client.show_message(MessageType::Info, text).await,
                Report::Warning(text) => client.show_message(MessageType::Warning, text).await,
                Report::Error(text) => client.show_message(MessageType::Error, text).await,
                Report::Closed(uri) => {
                    latest.retain(|(other, ..)| *other != uri);
                    if let Some(bar) = folders.remove(&uri).and_then(|shown| shown.bar) {
                        bar.end(&client).await;
                    }
                }
                Report::Diagnostics(params) => {
                    client.send_notification::<PublishDiagnosticsNotification>(*params).await;
                }
                Report::RefreshDiagnostics => {
                    let client = client.clone();
                    // It answers when it likes.
                    tokio::spawn(async move { client.workspace_diagnostic_refresh().await });
                }
                Report::Status(uri, index_dir, status) => {
                    latest.retain(|(other, ..)| *other != uri);
                    latest.push((uri, index_dir, status));
                }
            }
            next = reports.try_recv().ok();
        }
        let mut told = false;
        for (uri, index_dir, status) in latest {
            let cause = status.fault.as_deref().map(|fault| cause(fault, &index_dir));
            // A disk that is full or read-only is told once, however many indexes lie on it.
            let fault = status.fault.as_deref().filter(|_| folders.values().all(|shown| shown.cause != cause));
            if let Some(fault) = fault {
                client.show_message(MessageType::Error, fault).await;
            }
            if let Watching::Polling { reason } = &status.watching
                && polling.insert(reason.clone())
            {
                let text = format!("Conexus looks for changes on disk every few seconds: {reason}");
                client.show_message(MessageType::Info, text).await;
            }
            let shown = folders.entry(uri.clone()).or_default();
            shown.cause = cause;
            let is_new = tell(&client, offers, shown, &uri, &status).await;
            told |= is_new;
            if is_new && offers.work_done_progress {
                progress(&client, shown, &uri, &status, &mut bars, &answer).await;
            }
        }
        if told {
            tokio::time::sleep(INTERVAL).await;
        }
    }
}

/// What is wrong, without the folder of the index that it is wrong with.
fn cause(fault: &str, index_dir: &Path) -> String {
    fault.replace(&*index_dir.to_string_lossy(), "")
}

/// Tells how a folder stands; whether that is new.
async fn tell(client: &Client, offers: Offers, shown: &mut Shown, uri: &Uri, status: &Status) -> bool {
    let wire = workspace_status(uri, status);
    if shown.status.as_ref() == Some(&wire) {
        return false;
    }
    if offers.status_changed {
        client.send_notification::<StatusChanged>(wire.clone()).await;
    }
    for path in &status.newly_set_aside {
        if shown.set_aside.insert(path.clone()) {
            let text = format!(
                "Conexus: parsing {path} crashed the server, which was started again. The file is searched by words and \
                 meaning, without its symbols, until its text parses again."
            );
            client.show_message(MessageType::Warning, text).await;
        }
    }
    shown.status = Some(wire);
    true
}

/// Begins, moves and ends the bar of a folder.
async fn progress(
    client: &Client,
    shown: &mut Shown,
    uri: &Uri,
    status: &Status,
    bars: &mut u32,
    answer: &UnboundedSender<Answer>,
) {
    let Some(work) = work(status.activity) else {
        if let Some(bar) = shown.bar.take() {
            bar.end(client).await;
        }
        return;
    };
    if let Some(bar) = &mut shown.bar {
        bar.work = work;
        if bar.consent == Consent::Given {
            let report = WorkDoneProgressReport {
                cancellable: Some(false),
                message: work.message(),
                percentage: work.percentage(),
            };
            send(client, bar.token.clone(), serde_json::to_value(report)).await;
        }
        return;
    }
    *bars += 1;
    // A token is never used twice, also not by a server that follows one that crashed.
    let token = ProgressToken::String(format!("conexus/{}/{bars}", std::process::id()));
    shown.bar = Some(Bar { token: token.clone(), work, consent: Consent::Asked });
    let (client, uri, answer) = (client.clone(), uri.clone(), answer.clone());
    // It answers when it likes.
    tokio::spawn(async move {
        let created = timeout(PATIENCE, client.create_work_done_progress(token.clone())).await;
        let consent = if matches!(created, Ok(Ok(()))) { Consent::Given } else { Consent::Refused };
        // The session may have ended.
        let _ = answer.send((uri, token, consent));
    });
}

impl Bar {
    async fn answered(&mut self, client: &Client, consent: Consent) {
        self.consent = consent;
        if consent == Consent::Given {
            begin(client, self.token.clone(), self.work).await;
        }
    }

    async fn end(self, client: &Client) {
        if self.consent == Consent::Given {
            end(client, self.token).await;
        }
    }
}

async fn begin(client: &Client, token: ProgressToken, work: Work) {
    let begin = WorkDoneProgressBegin {
        title: work.title.to_owned(),
        cancellable: Some(false),
        message: work.message(),
        percentage: work.percentage(),
    };
    send(client, token, serde_json::to_value(begin)).await;
}

async fn end(client: &Client, token: ProgressToken) {
    send(client, token, serde_json::to_value(WorkDoneProgressEnd { message: None })).await;
}

async fn send(client: &Client, token: ProgressToken, value: serde_json::Result<Value>) {
    if let Ok(value) = value {
        client.send_notification::<ProgressNotification>(ProgressParams { token, value }).await;
    }
}

/// Work that deserves a bar.
#[derive(Clone, Copy)]
struct Work {
    title: &'static str,
    done: u64,
    /// Of how much; 0 when that is not known.
    total: u64,
}

impl Default for Work {
    fn default() -> Self {
        Self { title: "Conexus", done: 0, total: 0 }
    }
}

impl Work {
    fn message(self) -> Option<String> {
        (self.total > 0).then(|| format!("{}/{}", self.done, self.total))
    }

    fn percentage(self) -> Option<u32> {
        (self.total > 0).then(|| (self.done.min(self.total) * 100 / self.total) as u32)
    }
}

fn work(activity: Activity) -> Option<Work> {
    let Activity::Running(progress) = activity else { return None };
    let (title, done, total) = match progress {
        Progress::Walking => ("Conexus: looking for files", 0, 0),
        Progress::Indexing { done, total } => ("Conexus: indexing", done, total),
        Progress::Embedding { done, total } => ("Conexus: computing vectors", done, total),
        Progress::Finishing | Progress::Linking { .. } => return None,
    };
    Some(Work { title, done, total })
}

/// A status as it goes over the wire.
pub(crate) fn workspace_status(uri: &Uri, status: &Status) -> WorkspaceStatus {
    let counts = status.activity.progress();
    let polling_reason = match &status.watching {
        Watching::Polling { reason } => Some(reason.clone()),
        Watching::Starting | Watching::Events | Watching::Owner => None,
    };
    WorkspaceStatus {
        workspace: uri.clone(),
        activity: status.activity.name().to_owned(),
        done: counts.map(|(done, _)| done),
        total: counts.map(|(_, total)| total),
        role: status.role.name().to_owned(),
        watching: status.watching.name().to_owned(),
        polling_reason,
        generation: status.generation.0,
        files: status.files,
        chunks: status.chunks,
        buffers: status.buffers,
        fault: status.fault.clone(),
        lexical_only: status.lexical_only.clone(),
        builtin_model: status.builtin_model.clone(),
        set_aside: (!status.set_aside.is_empty())
            .then(|| status.set_aside.iter().map(|path| uri_below(uri, path)).collect()),
    }
}
