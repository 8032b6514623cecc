//! `workspace/executeCommand`: what a code action does. The answer holds all that was found; a client that does not show
//! it by itself is asked to, by tasks of their own.

use lsp_types::{ExecuteCommandParams, Range};
use serde_json::Value;
use tower_lsp::jsonrpc::Result;

use super::{about_document, demand_unchanged, quick_fixes::OPEN_PLACE};
use crate::{
    actions::{Action, Subject},
    extensions::{ContextResult, RelatedResult},
    from_lsp::limit,
    presentation::{Shown, present},
    server::Server,
    to_lsp::invalid,
};

pub(crate) async fn handle(server: &Server, params: ExecuteCommandParams) -> Result<Value> {
    let session = server.session()?;
    let action = Action::of_command(&params.command);
    if action.is_none() && params.command != OPEN_PLACE {
        return Err(invalid(format!("there is no command {:?}", params.command)));
    }
    let argument = params.arguments.and_then(|arguments| arguments.into_iter().next()).unwrap_or(Value::Null);
    let subject: Subject = serde_json::from_value(argument)
        .map_err(|error| invalid(format!("{} wants {{ uri, position }}: {error}", params.command)))?;
    let Some(action) = action else {
        let range = Range { start: subject.position, end: subject.position };
        tokio::spawn(present(server.client.clone(), session, Shown::Place(subject.uri, range)));
        return Ok(Value::Null);
    };
    demand_unchanged(&session, &subject)?;
    let Subject { uri, position, .. } = subject;
    let document = uri.clone();
    let found = about_document(&session, &document, move |session, cancel| {
        if action == Action::Context {
            let tokens = session.settings().context_tokens;
            super::context::pack(session, &uri, position, tokens, cancel).map(Found::Context)
        } else {
            let limit = limit(None)?;
            super::related::find(session, &uri, position, action.relations(), limit, cancel).map(Found::Related)
        }
    })
    .await?;
    let (shown, answer) = match &found {
        Found::Context(pack) => (Shown::of_context(pack), serde_json::to_value(pack)),
        Found::Related(related) => (Shown::of_related(action, related), serde_json::to_value(related)),
    };
    if !session.offers.presents {
        tokio::spawn(present(server.client.clone(), session, shown));
    }
    answer.map_err(|_| tower_lsp::jsonrpc::Error::internal_error())
}

enum Found {
    Context(ContextResult),
    Related(RelatedResult),
}
