//! The server on standard input and output: what assistants start by themselves.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use conexus_check::ChecksOf;
use conexus_engine::{Location, Settings};
use rmcp::ServiceExt;

use crate::{
    Audit,
    bridge::Bridge,
    calls::{Calls, Source},
    server::Server,
};

/// How long the runtime may take to end after the client is gone.
const LAST_WORK: Duration = Duration::from_millis(500);

/// Serves one client until it closes its end. Answers come from the running session of the workspace, or else from an
/// index of this process, and then say `detached`; `source_folders` are those of [`crate::Serving`].
pub fn serve_stdio(
    location: Location,
    settings: Settings,
    checks_of: ChecksOf,
    audit: Option<Audit>,
    source_folders: &[PathBuf],
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let bridge = Arc::new(Bridge::new(location, settings));
    let prepared = Arc::clone(&bridge);
    runtime.spawn_blocking(move || prepared.prepare());
    let server = Server::new(Calls::new(Source::Bridge(Arc::clone(&bridge)), checks_of, audit, source_folders));
    let ended = runtime.block_on(async {
        let running = server.serve(rmcp::transport::stdio()).await.map_err(io::Error::other)?;
        running.waiting().await.map_err(io::Error::other)
    });
    runtime.shutdown_timeout(LAST_WORK);
    // The last to hold the index of one's own: it is written out here, not on a thread that is being ended.
    drop(bridge);
    ended.map(|reason| tracing::info!(?reason, "the client is gone"))
}
