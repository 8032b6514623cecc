//! `workspace/didChangeWatchedFiles`: what the client saw change on disk. The index watches the disk itself; this may be
//! sooner.

use lsp_types::{DidChangeWatchedFilesParams, Uri};

use super::{Done, disk_changed, with_session};
use crate::server::Server;

pub(crate) fn handle(server: &Server, params: DidChangeWatchedFilesParams) -> Done {
    with_session(server, |session| {
        let uris: Vec<Uri> = params.changes.into_iter().map(|change| change.uri).collect();
        disk_changed(session, &uris);
    })
}
