//! `conexus/related`: callers, callees, tests, similar code and helpers to reuse of the symbol at a position.

use std::sync::atomic::AtomicBool;

use conexus_engine::{RelationKind, RelationKinds, Target};
use lsp_types::{Position, Uri};
use tower_lsp::jsonrpc::Result;

use super::{Aim, about_document, aim};
use crate::{
    extensions::{RelatedParams, RelatedResult},
    from_lsp::{limit, relations},
    server::Server,
    session::Session,
    to_lsp::failed,
};

pub(crate) async fn handle(server: &Server, params: RelatedParams) -> Result<RelatedResult> {
    let session = server.session()?;
    let wanted = relations(params.relations.as_deref())?;
    let limit = limit(params.limit)?;
    let uri = params.text_document.uri;
    let document = uri.clone();
    about_document(&session, &document, move |session, cancel| {
        find(session, &uri, params.position, wanted, limit, cancel)
    })
    .await
}

/// It may wait: only for workers.
pub(crate) fn find(
    session: &Session,
    uri: &Uri,
    position: Position,
    wanted: RelationKinds,
    limit: usize,
    cancel: &AtomicBool,
) -> Result<RelatedResult> {
    let mut spot = match aim(session, uri, position) {
        Aim::At(spot) => spot,
        Aim::Nothing(notice) => {
            return Ok(RelatedResult {
                target: None,
                relations: Vec::new(),
                more: Vec::new(),
                notices: vec![notice],
                seen: Vec::new(),
            });
        }
    };
    let target = Target::At { path: spot.path, offset: spot.offset };
    let related = spot.view.snapshot.related(&target, wanted, limit, cancel).map_err(|error| failed(&error))?;
    let view = &mut spot.view;
    Ok(RelatedResult {
        target: related.target.as_ref().and_then(|target| view.target(target)),
        relations: related.relations.iter().filter_map(|relation| view.relation(relation)).collect(),
        more: RelationKind::ALL
            .iter()
            .filter(|kind| related.more.contains(**kind))
            .map(|kind| kind.name().to_owned())
            .collect(),
        notices: view.notices(&related.notices),
        seen: vec![view.seen()],
    })
}
