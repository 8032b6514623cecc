//! `conexus/status`: how things stand. It never waits.

use std::sync::atomic::Ordering;

use conexus_engine::live::{Activity, Status};
use tower_lsp::jsonrpc::Result;

use crate::{
    extensions::{StatusParams, StatusResult},
    reporter::workspace_status,
    server::Server,
};

pub(crate) async fn handle(server: &Server, _: Option<StatusParams>) -> Result<StatusResult> {
    let session = server.session()?;
    let roots = session.roots();
    let workspaces = roots.iter().map(|root| {
        let status = root.live().map_or_else(
            |why| Status { activity: Activity::Failed, fault: Some(why.to_owned()), ..Status::default() },
            conexus_engine::live::Live::status,
        );
        workspace_status(&root.uri, &status)
    });
    let workspaces = workspaces.collect();
    let counters = &session.counters;
    std::future::ready(()).await;
    Ok(StatusResult {
        version: server.version.clone(),
        workspaces,
        documents: session.documents().len() as u32,
        version_gaps: counters.version_gaps.load(Ordering::Relaxed),
        save_mismatches: counters.save_mismatches.load(Ordering::Relaxed),
        unknown_documents: counters.unknown_documents.load(Ordering::Relaxed),
    })
}
