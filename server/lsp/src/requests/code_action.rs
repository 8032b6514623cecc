//! `textDocument/codeAction`: what can be asked about the symbol under the cursor.

use std::sync::atomic::AtomicBool;

use lsp_types::{
    CodeAction, CodeActionKind, CodeActionParams, CodeActionResponse, CodeActionTriggerKind, Command, Position, Uri,
};
use tower_lsp::jsonrpc::Result;

use super::{Aim, about_document, aim, version};
use crate::{
    actions::{Action, Subject},
    server::Server,
    session::Session,
};

pub(crate) async fn handle(server: &Server, params: CodeActionParams) -> Result<Vec<CodeActionResponse>> {
    let session = server.session()?;
    let only = params.context.only;
    let settings = session.settings();
    let is_wanted = |kind| is_wanted(kind, only.as_deref());
    let mut wanted: Vec<Action> = Action::ALL.into_iter().filter(|action| is_wanted(action.kind())).collect();
    if !settings.code_actions {
        wanted.clear();
    }
    let wants_fixes = settings.diagnostics && is_wanted(QUICK_FIX);
    if wanted.is_empty() && !wants_fixes {
        return Ok(Vec::new());
    }
    let uri = params.text_document.uri;
    let is_asked_for = params.context.trigger_kind != Some(CodeActionTriggerKind::Automatic);
    let document = uri.clone();
    about_document(&session, &document, move |session, cancel| {
        let mut offered = if wants_fixes { super::quick_fixes::offer(session, &uri, params.range) } else { Vec::new() };
        if !wanted.is_empty() {
            offered.extend(offer(session, &uri, params.range.start, &wanted, is_asked_for, cancel));
        }
        Ok(offered)
    })
    .await
}

/// The kind of an answer to a diagnostic.
const QUICK_FIX: &str = "quickfix";

/// Whether a client that wants some kinds only wants this one: a kind stands for what is below it.
fn is_wanted(own: &str, only: Option<&[CodeActionKind]>) -> bool {
    let Some(only) = only else { return true };
    only.iter().any(|kind| {
        let wanted = String::from(kind.clone());
        wanted.is_empty() || own.strip_prefix(&wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn offer(
    session: &Session,
    uri: &Uri,
    position: Position,
    wanted: &[Action],
    is_asked_for: bool,
    cancel: &AtomicBool,
) -> Vec<CodeActionResponse> {
    // Where nothing is indexed there is nothing to offer; a command says why.
    let Aim::At(spot) = aim(session, uri, position) else { return Vec::new() };
    let Ok(file) = spot.view.snapshot.file(&spot.path) else { return Vec::new() };
    let around = file.symbols().filter(|symbol| {
        let span = symbol.span();
        span.start <= spot.offset && spot.offset <= span.end
    });
    let Some(symbol) = around.max_by_key(|symbol| symbol.span().start) else { return Vec::new() };
    let subject = Subject { uri: uri.clone(), position, version: version(session, uri) };
    let fits = |action: Action| match action {
        Action::Callees => symbol.kind().is_callable(),
        // It takes a search, and a menu that opens by itself must not cost one.
        Action::Reuse => is_asked_for && symbol.kind().is_callable() && has_any(session, &subject, action, cancel),
        Action::Tests => !symbol.is_test(),
        Action::Similar | Action::Callers | Action::Context => true,
    };
    let fitting = wanted.iter().filter(|action| fits(**action));
    fitting.map(|action| CodeActionResponse::CodeAction(code_action(*action, symbol.name(), &subject))).collect()
}

fn has_any(session: &Session, subject: &Subject, action: Action, cancel: &AtomicBool) -> bool {
    super::related::find(session, &subject.uri, subject.position, action.relations(), 1, cancel)
        .is_ok_and(|found| !found.relations.is_empty())
}

fn code_action(action: Action, symbol: &str, subject: &Subject) -> CodeAction {
    let title = action.title(symbol);
    let data = serde_json::to_value(subject).ok();
    CodeAction {
        kind: Some(CodeActionKind::from(action.kind().to_owned())),
        command: Some(command(action, title.clone(), subject)),
        data,
        title,
        ..CodeAction::default()
    }
}

/// The command of an action.
pub(crate) fn command(action: Action, title: String, subject: &Subject) -> Command {
    Command {
        title,
        tooltip: None,
        command: action.command().to_owned(),
        arguments: Some(serde_json::to_value(subject).into_iter().collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_stand_for_what_is_below_them() {
        let only = |names: &[&str]| -> Vec<CodeActionKind> {
            names.iter().map(|&name| CodeActionKind::from(name.to_owned())).collect()
        };
        for (kinds, wanted) in [
            (None, true),
            (Some(only(&[""])), true),
            (Some(only(&["source"])), true),
            (Some(only(&["source.conexus"])), true),
            (Some(only(&["quickfix", "source.conexus.callers"])), true),
            (Some(only(&[])), false),
            (Some(only(&["source.conexus.call"])), false),
            (Some(only(&["source.conexus.tests"])), false),
            (Some(only(&["quickfix", "refactor"])), false),
            // What editors run on saving.
            (Some(only(&["source.fixAll", "source.organizeImports"])), false),
        ] {
            assert_eq!(is_wanted(Action::Callers.kind(), kinds.as_deref()), wanted, "{kinds:?}");
        }
    }
}
