//! `workspace/didChangeWorkspaceFolders`: folders are opened and closed.

use lsp_types::{DidChangeWorkspaceFoldersParams, Uri};

use super::{Done, with_session};
use crate::server::Server;

pub(crate) fn handle(server: &Server, params: DidChangeWorkspaceFoldersParams) -> Done {
    with_session(server, |session| {
        let removed: Vec<Uri> = params.event.removed.into_iter().map(|folder| folder.uri).collect();
        session.change_roots(params.event.added, &removed);
    })
}
