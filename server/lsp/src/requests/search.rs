//! `conexus/search`: the whole search, with its notices.

use std::sync::Arc;

use conexus_core::WorkContext;
use tower_lsp::jsonrpc::Result;

use super::{Gathered, belongs_elsewhere};
use crate::{
    extensions::{SearchParams, SearchResult},
    from_lsp::query,
    server::Server,
    session::Session,
    to_lsp::View,
};

pub(crate) async fn handle(server: &Server, params: SearchParams) -> Result<SearchResult> {
    let session = server.session()?;
    let wanted = query(&params)?;
    let own = Arc::clone(&session);
    session
        .workers
        .run(move |cancel| {
            let mut gathered = Gathered::ask(&own, |view| {
                let mut query = wanted.clone();
                // Folders take turns in the answer, so each is asked from its beginning.
                query.limit = wanted.limit + wanted.offset;
                query.offset = 0;
                query.context = context(&own, view, &params);
                let answer = view.snapshot.search(&query, cancel)?;
                let hits = answer.hits.iter().filter(|hit| !belongs_elsewhere(&own, &view.root, &hit.path));
                let hits: Vec<_> = hits.collect();
                let hits = hits.into_iter().filter_map(|hit| Some((hit.score, view.hit(hit)?))).collect();
                Ok((hits, answer.notices, answer.more))
            })?;
            let hits = gathered.items(wanted.offset, wanted.limit);
            Ok(SearchResult { hits, more: gathered.more, notices: gathered.notices, seen: gathered.seen })
        })
        .await?
}

/// What the user works on in a folder.
fn context(session: &Session, view: &View, params: &SearchParams) -> WorkContext {
    let here = |place: crate::documents::Place| Arc::ptr_eq(&place.root, &view.root).then_some(place.path);
    let active = params.active_document.as_ref().and_then(|uri| session.place_of(uri)).and_then(here);
    let documents = session.documents();
    let open = documents.iter().filter_map(|(_, document)| document.place.clone().and_then(here)).collect();
    WorkContext { active_file: active, open_files: open }
}
