//! `conexus/mcp`: where assistants ask this session, for an editor that connects its own. It never waits.

use tower_lsp::jsonrpc::Result;

use crate::{
    extensions::{McpParams, McpResult, McpWorkspace},
    server::Server,
};

pub(crate) async fn handle(server: &Server, _: Option<McpParams>) -> Result<McpResult> {
    let roots = server.session()?.roots();
    let workspaces = roots.iter().filter_map(|root| {
        let path = root.live().ok()?.location().root.to_str()?.to_owned();
        Some(McpWorkspace { workspace: root.uri.clone(), path })
    });
    let workspaces = workspaces.collect();
    let (url, token) = server.assistants.clone().map(|endpoint| (endpoint.url, endpoint.token)).unzip();
    std::future::ready(()).await;
    Ok(McpResult { url, token, workspaces })
}
