//! `workspaceSymbol/resolve`: the location of a symbol as it is now. Locations are complete from the beginning; this one
//! follows a symbol that moved since it was found.

use std::sync::Arc;

use lsp_types::{Location, Uri, WorkspaceSymbol, WorkspaceSymbolLocation};
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use crate::{
    server::Server,
    session::{CURRENT_WAIT, Session},
    to_lsp::View,
};

pub(crate) async fn handle(server: &Server, symbol: WorkspaceSymbol) -> Result<WorkspaceSymbol> {
    let session = server.session()?;
    let own = Arc::clone(&session);
    session.workers.run_quick(move |_| resolve(&own, symbol)).await
}

fn resolve(session: &Session, mut symbol: WorkspaceSymbol) -> WorkspaceSymbol {
    let uri = match &symbol.location {
        WorkspaceSymbolLocation::Location(location) => location.uri.clone(),
        WorkspaceSymbolLocation::LocationUriOnly(location) => location.uri.clone(),
    };
    if let Some(location) = find(session, uri, &symbol) {
        symbol.location = WorkspaceSymbolLocation::Location(location);
    }
    symbol
}

/// The symbol of that name and kind that is nearest to where it was; `None` when it is gone.
fn find(session: &Session, uri: Uri, symbol: &WorkspaceSymbol) -> Option<Location> {
    let data = symbol.data.as_ref()?;
    let kind = data.get("kind").and_then(Value::as_str);
    let start = data.get("start").and_then(Value::as_i64)?;
    let place = session.place_of(&uri)?;
    let snapshot = place.root.current(CURRENT_WAIT).ok()?;
    let file = Arc::clone(snapshot.file(&place.path).ok()?);
    let mut view = View::new(session, place.root, snapshot);
    let named = file
        .symbols()
        .filter(|found| *found.name() == *symbol.base_symbol_information.name && Some(found.kind().name()) == kind);
    let nearest = named.min_by_key(|found| (i64::from(found.name_span().start) - start).abs())?;
    let (_, range) = view.ranges(&place.path, nearest.span(), nearest.name_span(), nearest.name())?;
    Some(Location { uri, range })
}
