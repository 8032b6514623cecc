//! `workspace/didCreateFiles`: files that the client made.

use lsp_types::{CreateFilesParams, Uri};

use super::{Done, disk_changed, with_session};
use crate::server::Server;

pub(crate) fn handle(server: &Server, params: CreateFilesParams) -> Done {
    with_session(server, |session| {
        let uris: Vec<Uri> = params.files.into_iter().map(|file| file.uri).collect();
        disk_changed(session, &uris);
    })
}
