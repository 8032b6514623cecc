//! `conexus/outline`: the symbols of a document, for links that an editor shows above them.

use tower_lsp::jsonrpc::Result;

use super::{Aim, about_document, aim};
use crate::{
    extensions::{OutlineParams, OutlineResult, OutlineSymbol},
    server::Server,
    session::Session,
};

pub(crate) async fn handle(server: &Server, params: OutlineParams) -> Result<OutlineResult> {
    let session = server.session()?;
    let uri = params.text_document.uri;
    let document = uri.clone();
    about_document(&session, &document, move |session, _| Ok(outline(session, &uri))).await
}

/// It may wait: only for workers.
fn outline(session: &Session, uri: &lsp_types::Uri) -> OutlineResult {
    let mut spot = match aim(session, uri, lsp_types::Position::default()) {
        Aim::At(spot) => spot,
        Aim::Nothing(notice) => return OutlineResult { symbols: Vec::new(), notices: vec![notice], seen: Vec::new() },
    };
    let file = spot.view.snapshot.file(&spot.path).cloned();
    let view = &mut spot.view;
    let mut symbols: Vec<_> = file
        .iter()
        .flat_map(|file| file.symbols())
        .filter_map(|symbol| {
            let (range, selection_range) = view.ranges(&spot.path, symbol.span(), symbol.name_span(), symbol.name())?;
            Some(OutlineSymbol {
                name: symbol.name().to_owned(),
                container: symbol.container().to_owned(),
                kind: symbol.kind().name().to_owned(),
                range,
                selection_range,
                test: symbol.is_test(),
            })
        })
        .collect();
    symbols.sort_by_key(|symbol| (symbol.range.start.line, symbol.range.start.character));
    OutlineResult { symbols, notices: view.notices(view.snapshot.notices()), seen: vec![view.seen()] }
}
