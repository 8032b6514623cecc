//! `textDocument/didSave`: the text that was written is compared with the text as it is known here, and taken when the
//! two differ.

use std::sync::Arc;

use lsp_types::{DidSaveTextDocumentParams, Uri};

use super::{Done, disk_changed, with_session};
use crate::{server::Server, session::Session, uris::path_of};

/// Larger files are not read only to be compared.
const COMPARED_BYTES: u64 = 8 << 20;

pub(crate) fn handle(server: &Server, params: DidSaveTextDocumentParams) -> Done {
    with_session(server, |session| {
        let uri = params.text_document.uri;
        let version = session.documents().get(&uri).map(|document| document.version);
        match (version, params.text) {
            (Some(version), Some(text)) => heal(session, &uri, version, &text),
            // The client was asked for the text and sends none.
            (Some(version), None) => compare_with_disk(session, uri.clone(), version),
            (None, _) => {}
        }
        disk_changed(session, [&uri]);
    })
}

fn heal(session: &Session, uri: &Uri, version: i32, text: &str) {
    let mut documents = session.documents();
    if let Some(document) = documents.heal(uri, version, text, &session.counters) {
        tracing::warn!(%uri, version, "the saved text differs from what was known; the saved one counts");
        Session::set_buffer(document);
    }
}

fn compare_with_disk(session: &Arc<Session>, uri: Uri, version: i32) {
    let session = Arc::clone(session);
    tokio::task::spawn_blocking(move || {
        let Some(path) = path_of(&uri) else { return };
        if std::fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= COMPARED_BYTES)
            // A file in another encoding cannot be compared.
            && let Ok(text) = std::fs::read_to_string(&path)
        {
            // Editors keep the byte order mark to themselves.
            heal(&session, &uri, version, text.strip_prefix('\u{feff}').unwrap_or(&text));
        }
    });
}
