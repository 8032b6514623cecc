//! `workspace/didRenameFiles`: files and folders that the client moved.

use lsp_types::{RenameFilesParams, Uri};

use super::{Done, disk_changed, with_session};
use crate::server::Server;

pub(crate) fn handle(server: &Server, params: RenameFilesParams) -> Done {
    with_session(server, |session| {
        let uris: Vec<Uri> = params.files.into_iter().flat_map(|file| [file.old_uri, file.new_uri]).collect();
        disk_changed(session, &uris);
    })
}
