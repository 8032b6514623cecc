//! `shutdown`: indexes are written out before it is answered, so that a client may kill the process then.

use std::sync::Arc;

use tower_lsp::jsonrpc::Result;

use crate::server::Server;

pub(crate) async fn handle(server: &Server) -> Result<()> {
    server.shut_down();
    let session = server.session()?;
    session.checks.end();
    let own = Arc::clone(&session);
    session.workers.run_quick(move |_| own.close()).await
}
