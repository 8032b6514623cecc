//! `conexus/similar`: code that resembles the code at a position.

use std::sync::atomic::AtomicBool;

use conexus_core::Query;
use lsp_types::{Position, Uri};
use tower_lsp::jsonrpc::Result;

use super::{Aim, about_document, aim};
use crate::{
    extensions::{SearchResult, SimilarParams},
    from_lsp::limit,
    server::Server,
    session::Session,
    to_lsp::notice,
};

pub(crate) async fn handle(server: &Server, params: SimilarParams) -> Result<SearchResult> {
    let session = server.session()?;
    let limit = limit(params.limit)?;
    let uri = params.text_document.uri;
    let document = uri.clone();
    about_document(&session, &document, move |session, cancel| Ok(find(session, &uri, params.position, limit, cancel)))
        .await
}

fn find(session: &Session, uri: &Uri, position: Position, limit: usize, cancel: &AtomicBool) -> SearchResult {
    let empty = |notice| SearchResult { hits: Vec::new(), more: false, notices: vec![notice], seen: Vec::new() };
    let mut spot = match aim(session, uri, position) {
        Aim::At(spot) => spot,
        Aim::Nothing(notice) => return empty(notice),
    };
    let query = Query { limit, ..Query::new("") };
    match spot.view.snapshot.similar(&spot.path, spot.offset, &query, cancel) {
        Ok(answer) => SearchResult {
            hits: answer.hits.iter().filter_map(|hit| spot.view.hit(hit)).collect(),
            more: answer.more,
            notices: spot.view.notices(&answer.notices),
            seen: vec![spot.view.seen()],
        },
        Err(error) => empty(notice("notIndexed", error.to_string())),
    }
}
