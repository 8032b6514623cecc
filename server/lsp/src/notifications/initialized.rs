//! `initialized`: the client listens, so settings are asked for and their changes subscribed to.

use std::sync::Arc;

use lsp_types::Registration;
use serde_json::json;

use super::did_change_configuration::pull;
use crate::{
    EditorAccess, checks, editor,
    reporter::{self, Report},
    server::Server,
    settings::SECTION,
};

pub(crate) fn handle(server: &Server) {
    let Ok(session) = server.session() else { return };
    if session.offers.configuration {
        pull(server.client.clone(), Arc::clone(&session), None);
    }
    if server.editor == EditorAccess::Open
        && let Some(editor) = editor::of(&server.client, &session)
    {
        session.open_editor(editor);
    }
    if let Some(reports) = session.take_reports() {
        server.warning.iter().cloned().map(Report::Warning).for_each(|warning| session.report(warning));
        tokio::spawn(reporter::run(server.client.clone(), session.offers, reports));
    }
    tokio::spawn(checks::run(Arc::clone(&session)));
    if session.offers.register_configuration {
        let client = server.client.clone();
        tokio::spawn(async move {
            let registration = Registration {
                id: "conexus-settings".to_owned(),
                method: "workspace/didChangeConfiguration".to_owned(),
                register_options: Some(json!({ "section": SECTION })),
            };
            if let Err(error) = client.register_capability(vec![registration]).await {
                tracing::warn!(%error, "the client does not tell when its settings change");
            }
        });
    }
}
