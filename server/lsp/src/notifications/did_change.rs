//! `textDocument/didChange`: edits of an open document.

use lsp_types::DidChangeTextDocumentParams;

use super::{Done, with_session};
use crate::{documents::Counters, server::Server, session::Session};

pub(crate) fn handle(server: &Server, params: DidChangeTextDocumentParams) -> Done {
    with_session(server, |session| {
        let uri = &params.text_document.text_document_identifier.uri;
        let version = params.text_document.version;
        let mut documents = session.documents();
        let changed = documents.change(uri, version, params.content_changes, session.encoding, &session.counters);
        if let Some(document) = changed {
            session.workers.edited();
            Session::set_buffer(document);
            session.checks.poke_after_pause();
        } else {
            Counters::count(&session.counters.unknown_documents);
            tracing::warn!(%uri, "a document was changed that is not open; the change is passed over");
        }
    })
}
