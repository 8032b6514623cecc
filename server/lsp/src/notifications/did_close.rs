//! `textDocument/didClose`: the file on disk counts again.

use lsp_types::DidCloseTextDocumentParams;

use super::{Done, with_session};
use crate::server::Server;

pub(crate) fn handle(server: &Server, params: DidCloseTextDocumentParams) -> Done {
    with_session(server, |session| {
        let uri = params.text_document.uri;
        let mut documents = session.documents();
        if let Some(place) = documents.close(&uri).and_then(|document| document.place)
            && let Ok(live) = place.root.live()
        {
            live.close_buffer(&place.path);
        }
        session.checks.poke_soon();
    })
}
