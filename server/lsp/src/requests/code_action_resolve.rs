//! `codeAction/resolve`: the command of an action, if the document is still as it was when it was offered.

use lsp_types::{CodeAction, CodeActionKind};
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use super::demand_unchanged;
use crate::{
    actions::{Action, Subject},
    server::Server,
    to_lsp::invalid,
};

pub(crate) async fn handle(server: &Server, mut action: CodeAction) -> Result<CodeAction> {
    let session = server.session()?;
    // Quick fixes come whole.
    if action.kind == Some(CodeActionKind::QuickFix) && action.data.is_none() {
        return Ok(action);
    }
    let data = action.data.clone().unwrap_or(Value::Null);
    let subject: Subject =
        serde_json::from_value(data).map_err(|error| invalid(format!("not a code action of ours: {error}")))?;
    let kind = action.kind.clone().map(String::from);
    let known = Action::ALL.into_iter().find(|known| Some(known.kind()) == kind.as_deref());
    let known = known.ok_or_else(|| invalid("not a code action of ours: its kind is unknown"))?;
    std::future::ready(()).await;
    demand_unchanged(&session, &subject)?;
    action.command = Some(super::code_action::command(known, action.title.clone(), &subject));
    Ok(action)
}
