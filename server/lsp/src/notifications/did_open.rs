//! `textDocument/didOpen`: a document's text is the client's from now on.

use lsp_types::DidOpenTextDocumentParams;

use super::{Done, with_session};
use crate::{server::Server, session::Session};

pub(crate) fn handle(server: &Server, params: DidOpenTextDocumentParams) -> Done {
    with_session(server, |session| {
        let document = params.text_document;
        let place = session.place_of(&document.uri);
        Session::set_buffer(session.documents().open(document, place));
        session.checks.poke_soon();
    })
}
