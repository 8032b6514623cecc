//! `workspace/didDeleteFiles`: files and folders that the client deleted.

use lsp_types::{DeleteFilesParams, Uri};

use super::{Done, disk_changed, with_session};
use crate::server::Server;

pub(crate) fn handle(server: &Server, params: DeleteFilesParams) -> Done {
    with_session(server, |session| {
        let uris: Vec<Uri> = params.files.into_iter().map(|file| file.uri).collect();
        disk_changed(session, &uris);
    })
}
