//! `conexus/context`: a Markdown text for an assistant about the symbol at a position.

use std::sync::atomic::AtomicBool;

use conexus_engine::{PackItem, Target};
use lsp_types::{Position, Uri};
use tower_lsp::jsonrpc::Result;

use super::{Aim, about_document, aim};
use crate::{
    extensions::{ContextItem, ContextParams, ContextResult},
    server::Server,
    session::Session,
    settings::CONTEXT_TOKENS,
    to_lsp::{View, failed, invalid},
};

pub(crate) async fn handle(server: &Server, params: ContextParams) -> Result<ContextResult> {
    let session = server.session()?;
    let tokens = match params.max_tokens.map(u64::from) {
        None => session.settings().context_tokens,
        Some(tokens) if CONTEXT_TOKENS.contains(&tokens) => tokens as usize,
        Some(tokens) => {
            let (least, most) = CONTEXT_TOKENS.into_inner();
            return Err(invalid(format!("`maxTokens` is {tokens}, it may be {least} to {most}")));
        }
    };
    let uri = params.text_document.uri;
    let document = uri.clone();
    about_document(&session, &document, move |session, cancel| pack(session, &uri, params.position, tokens, cancel))
        .await
}

/// It may wait: only for workers.
pub(crate) fn pack(
    session: &Session,
    uri: &Uri,
    position: Position,
    tokens: usize,
    cancel: &AtomicBool,
) -> Result<ContextResult> {
    let mut spot = match aim(session, uri, position) {
        Aim::At(spot) => spot,
        Aim::Nothing(notice) => {
            return Ok(ContextResult {
                markdown: String::new(),
                tokens: 0,
                target: None,
                included: Vec::new(),
                left_out: Vec::new(),
                cut: false,
                notices: vec![notice],
                seen: Vec::new(),
            });
        }
    };
    let target = Target::At { path: spot.path, offset: spot.offset };
    let pack = spot.view.snapshot.context_pack(&target, tokens, cancel).map_err(|error| failed(&error))?;
    let view = &mut spot.view;
    Ok(ContextResult {
        markdown: pack.markdown,
        tokens: pack.tokens as u32,
        target: pack.target.as_ref().and_then(|target| view.target(target)),
        included: pack.included.iter().map(|part| item(view, part)).collect(),
        left_out: pack.left_out.iter().map(|part| item(view, part)).collect(),
        cut: pack.cut,
        notices: view.notices(&pack.notices),
        seen: vec![view.seen()],
    })
}

fn item(view: &View, item: &PackItem) -> ContextItem {
    ContextItem {
        relation: item.kind.map(|kind| kind.name().to_owned()),
        uri: view.uri(&item.path),
        start_line: item.lines.0,
        end_line: item.lines.1,
        name: item.name.to_string(),
        confidence: item.confidence,
    }
}
