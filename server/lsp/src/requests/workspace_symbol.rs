//! `workspace/symbol`: symbols by name and by meaning, with full locations always.

use std::sync::atomic::AtomicBool;

use conexus_engine::{SymbolHit, SymbolQuery, live::Live};
use lsp_types::{
    BaseSymbolInformation, Location, WorkspaceSymbol, WorkspaceSymbolLocation, WorkspaceSymbolParams,
    WorkspaceSymbolPartialResponse, WorkspaceSymbolRequest, WorkspaceSymbolResponse,
};
use serde_json::json;
use tower_lsp::jsonrpc::Result;

use super::{Gathered, belongs_elsewhere};
use crate::{
    extensions::Notice,
    from_lsp::symbol_mode,
    server::Server,
    session::Session,
    settings::{Settings, Symbols},
    to_lsp::{View, symbol_kind},
};

/// Symbols in one partial result.
const PART: usize = 50;

pub(crate) async fn handle(server: &Server, params: WorkspaceSymbolParams) -> Result<WorkspaceSymbolResponse> {
    let session = server.session()?;
    let own = std::sync::Arc::clone(&session);
    let symbols = session.workers.run_quick(move |cancel| find(&own, &params.query, cancel)).await??;
    let Some(token) = params.partial_result_params.partial_result_token else {
        return Ok(WorkspaceSymbolResponse::WorkspaceSymbolList(symbols));
    };
    // All parts are in the queue before the answer is: what a client has seen in parts must not come again.
    for part in symbols.chunks(PART) {
        let part = WorkspaceSymbolPartialResponse::WorkspaceSymbolList(part.to_vec());
        server.client.send_partial_result::<WorkspaceSymbolRequest>(token.clone(), part).await;
    }
    Ok(WorkspaceSymbolResponse::WorkspaceSymbolList(Vec::new()))
}

fn find(session: &Session, text: &str, cancel: &AtomicBool) -> Result<Vec<WorkspaceSymbol>> {
    let settings = session.settings();
    let Some(mode) = symbol_mode(settings.symbols) else { return Ok(Vec::new()) };
    // Beside a server that finds names, a single word is its concern: it would give each name two rows.
    if settings.symbols == Symbols::Meaning && text.split_whitespace().nth(1).is_none() {
        return Ok(Vec::new());
    }
    let Settings { symbol_limit: limit, .. } = settings;
    let mut gathered = Gathered::ask(session, |view| {
        let query = SymbolQuery { mode, recent: recent(session, view), ..SymbolQuery::new(text, limit) };
        let answer = view.snapshot.workspace_symbols(&query, cancel)?;
        let hits =
            answer.hits.iter().filter(|hit| !belongs_elsewhere(session, &view.root, &hit.path)).collect::<Vec<_>>();
        let symbols = hits.into_iter().filter_map(|hit| Some((hit.score, symbol(view, hit)?))).collect();
        Ok((symbols, answer.notices, answer.more))
    })?;
    let symbols = gathered.items(0, limit);
    if symbols.is_empty() && !text.trim().is_empty() {
        // The answer itself has no place for a reason.
        for notice in gathered.notices.iter().filter(|notice| !matches!(notice.kind.as_str(), "noMatch" | "emptyQuery"))
        {
            session.report_once(format!("Conexus: {}", without_counts(notice)));
        }
    }
    Ok(symbols)
}

/// What a notice says, without numbers that differ each time: the progress bar has them.
fn without_counts(notice: &Notice) -> String {
    match notice.kind.as_str() {
        "indexing" => "nothing found yet: indexing goes on".to_owned(),
        _ => notice.message.clone(),
    }
}

/// Open documents of a folder, the one that was touched last first, then files that changed on disk.
fn recent(session: &Session, view: &View) -> Vec<String> {
    let documents = session.documents();
    let mut recent: Vec<_> = documents
        .iter()
        .filter_map(|(_, document)| {
            let place = document.place.as_ref()?;
            std::sync::Arc::ptr_eq(&place.root, &view.root).then(|| (document.touched, place.path.clone()))
        })
        .collect();
    recent.sort_unstable_by_key(|(touched, _)| std::cmp::Reverse(*touched));
    let mut recent: Vec<String> = recent.into_iter().map(|(_, path)| path).collect();
    let changed = view.root.live().map(Live::recently_changed).unwrap_or_default();
    recent.extend(changed.into_iter().filter(|path| !recent.contains(path)).collect::<Vec<_>>());
    recent
}

/// A symbol with the range of its name, and with what it takes to find it again later.
pub(crate) fn symbol(view: &mut View, hit: &SymbolHit) -> Option<WorkspaceSymbol> {
    let (_, range) = view.ranges(&hit.path, hit.span, hit.name_span, &hit.name)?;
    let uri = view.uri(&hit.path);
    let kind = hit.kind.map(conexus_core::SymbolKind::name);
    Some(WorkspaceSymbol {
        data: Some(json!({ "kind": kind, "start": hit.name_span.start })),
        location: WorkspaceSymbolLocation::Location(Location { uri, range }),
        base_symbol_information: BaseSymbolInformation {
            name: hit.name.to_string(),
            kind: symbol_kind(hit.kind),
            tags: None,
            container_name: (!hit.container.is_empty()).then(|| hit.container.to_string()),
        },
    })
}
