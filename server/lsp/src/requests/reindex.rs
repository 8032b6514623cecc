//! `conexus/reindex`: compares folders with the index. It starts that and does not wait for its end, which the status tells.

use tower_lsp::jsonrpc::Result;

use crate::{
    extensions::{ReindexParams, ReindexResult},
    server::Server,
    to_lsp::invalid,
};

pub(crate) async fn handle(server: &Server, params: Option<ReindexParams>) -> Result<ReindexResult> {
    let wanted = params.and_then(|params| params.workspace);
    let mut roots = server.session()?.roots();
    if let Some(wanted) = &wanted {
        roots.retain(|root| root.uri == *wanted);
        if roots.is_empty() {
            return Err(invalid(format!("{wanted} is no open folder")));
        }
    }
    let mut workspaces = Vec::new();
    for root in &roots {
        if let Ok(live) = root.live() {
            live.rescan();
            workspaces.push(root.uri.clone());
        }
    }
    std::future::ready(()).await;
    Ok(ReindexResult { workspaces })
}
