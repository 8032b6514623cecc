//! `workspace/diagnostic`: the findings of every folder, open or not.
//!
//! A client that takes parts is told for as long as it asks: what is known first, then what is news, each document when
//! its findings are others. Another one is answered once. The request ends when it is cancelled, when the findings are
//! turned off, and with the session.

use std::{collections::HashMap, time::Duration};

use lsp_types::{
    FullDocumentDiagnosticReport, ProgressNotification, ProgressParams, ProgressToken,
    UnchangedDocumentDiagnosticReport, Uri, WorkDoneProgressBegin, WorkDoneProgressEnd, WorkDoneProgressReport,
    WorkspaceDiagnosticParams, WorkspaceDiagnosticReport, WorkspaceDiagnosticReportPartialResult,
    WorkspaceDiagnosticRequest, WorkspaceDocumentDiagnosticReport, WorkspaceFullDocumentDiagnosticReport,
    WorkspaceUnchangedDocumentDiagnosticReport,
};
use serde::Serialize;
use tower_lsp::{Client, jsonrpc::Result};

use super::diagnostic::result_id;
use crate::{server::Server, session::Session, settings::DiagnosticMode};

/// Documents in one partial result.
const PART: usize = 50;
/// How often a bar is moved.
const MOVED_EVERY: Duration = Duration::from_millis(500);

pub(crate) async fn handle(server: &Server, params: WorkspaceDiagnosticParams) -> Result<WorkspaceDiagnosticReport> {
    let session = server.session()?;
    let mut held: HashMap<Uri, String> =
        params.previous_result_ids.into_iter().map(|previous| (previous.uri, previous.value)).collect();
    let bar = params.work_done_progress_params.work_done_token.filter(|_| wanted(&session));
    let bar = match bar {
        Some(token) => Some(Bar::begin(server.client.clone(), token).await),
        None => None,
    };
    let mut round = known(&session, bar.as_ref()).await;
    if let Some(bar) = bar {
        bar.end().await;
    }
    let items = reports(&session, &mut held, Unchanged::Told);
    let Some(token) = params.partial_result_params.partial_result_token else {
        return Ok(WorkspaceDiagnosticReport { items });
    };
    tell(&server.client, &token, items).await;
    while session.settings().diagnostics {
        let Some(next) = session.checks.after(round).await else { break };
        round = next;
        let items = reports(&session, &mut held, Unchanged::LeftOut);
        tell(&server.client, &token, items).await;
    }
    // They may have been turned off while the last part was sent.
    let items = reports(&session, &mut held, Unchanged::LeftOut);
    tell(&server.client, &token, items).await;
    Ok(WorkspaceDiagnosticReport { items: Vec::new() })
}

fn wanted(session: &Session) -> bool {
    let settings = session.settings();
    settings.diagnostics && settings.diagnostic_mode == DiagnosticMode::Workspace
}

/// Waits until everything is known that came in before this call, and returns the number of that round.
async fn known(session: &Session, bar: Option<&Bar>) -> u64 {
    if !session.settings().diagnostics {
        return session.checks.round();
    }
    let Some(bar) = bar else {
        return session.checks.known().await;
    };
    let known = session.checks.known();
    tokio::pin!(known);
    loop {
        tokio::select! {
            round = &mut known => return round,
            () = tokio::time::sleep(MOVED_EVERY) => bar.show(session).await,
        }
    }
}

/// Whether documents of which nothing is news are named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unchanged {
    Told,
    LeftOut,
}

/// What is to be said about each document, and what the client holds then. A document that has no findings any more is
/// told so once.
fn reports(
    session: &Session,
    held: &mut HashMap<Uri, String>,
    unchanged: Unchanged,
) -> Vec<WorkspaceDocumentDiagnosticReport> {
    let mut all = if wanted(session) { session.checks.all() } else { HashMap::new() };
    all.retain(|uri, checked| !checked.found.is_empty() || held.contains_key(uri));
    for uri in held.keys() {
        all.entry(uri.clone()).or_default();
    }
    let mut all: Vec<_> = all.into_iter().collect();
    all.sort_by(|(left, _), (right, _)| left.cmp(right));
    let mut reports = Vec::new();
    for (uri, checked) in all {
        let items = checked.diagnostics();
        let result_id = result_id(&items);
        let version = session.documents().get(&uri).and(checked.version);
        if held.get(&uri) == Some(&result_id) {
            if unchanged == Unchanged::Told {
                let unchanged_document_diagnostic_report = UnchangedDocumentDiagnosticReport { result_id };
                let report =
                    WorkspaceUnchangedDocumentDiagnosticReport { uri, version, unchanged_document_diagnostic_report };
                reports.push(report.into());
            }
            continue;
        }
        if items.is_empty() {
            held.remove(&uri);
        } else {
            held.insert(uri.clone(), result_id.clone());
        }
        let full_document_diagnostic_report = FullDocumentDiagnosticReport { result_id: Some(result_id), items };
        reports.push(WorkspaceFullDocumentDiagnosticReport { uri, version, full_document_diagnostic_report }.into());
    }
    reports
}

/// Sends reports in parts; the first answer of a client that has nothing yet is a part, too.
async fn tell(client: &Client, token: &ProgressToken, items: Vec<WorkspaceDocumentDiagnosticReport>) {
    for part in items.chunks(PART) {
        let part = WorkspaceDiagnosticReportPartialResult { items: part.to_vec() };
        client.send_partial_result::<WorkspaceDiagnosticRequest>(token.clone(), part).await;
    }
}

/// The bar of a client that wants one. It ends whatever becomes of the request.
struct Bar {
    client: Client,
    token: ProgressToken,
    is_shown: bool,
}

impl Bar {
    async fn begin(client: Client, token: ProgressToken) -> Self {
        let bar = Self { client, token, is_shown: true };
        let title = "Conexus: checking".to_owned();
        bar.send(WorkDoneProgressBegin { title, cancellable: Some(true), message: None, percentage: None }).await;
        bar
    }

    async fn show(&self, session: &Session) {
        let Some(step) = session.checks.progress.now() else { return };
        let message = Some(step.to_string());
        self.send(WorkDoneProgressReport { cancellable: Some(true), message, percentage: None }).await;
    }

    async fn end(mut self) {
        self.is_shown = false;
        self.send(WorkDoneProgressEnd { message: None }).await;
    }

    async fn send(&self, value: impl Serialize) {
        send(&self.client, &self.token, value).await;
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        // The request was cancelled.
        if self.is_shown {
            let (client, token) = (self.client.clone(), self.token.clone());
            tokio::spawn(async move { send(&client, &token, WorkDoneProgressEnd { message: None }).await });
        }
    }
}

async fn send(client: &Client, token: &ProgressToken, value: impl Serialize) {
    if let Ok(value) = serde_json::to_value(value) {
        client.send_notification::<ProgressNotification>(ProgressParams { token: token.clone(), value }).await;
    }
}
