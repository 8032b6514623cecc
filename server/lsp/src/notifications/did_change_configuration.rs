//! `workspace/didChangeConfiguration`: new settings, or the news that there are some to ask for.

use std::sync::Arc;

use lsp_types::{ConfigurationItem, DidChangeConfigurationParams};
use serde_json::Value;
use tower_lsp::Client;

use super::{Done, with_session};
use crate::{server::Server, session::Session, settings::SECTION};

pub(crate) fn handle(server: &Server, params: DidChangeConfigurationParams) -> Done {
    with_session(server, |session| {
        if session.offers.configuration {
            pull(server.client.clone(), Arc::clone(session), Some(params.settings));
        } else {
            session.update_settings(&params.settings);
        }
    })
}

/// Asks the client for our section, in a task of its own. What it pushed counts when it has nothing to tell.
pub(crate) fn pull(client: Client, session: Arc<Session>, pushed: Option<Value>) {
    tokio::spawn(async move {
        let item = ConfigurationItem { scope_uri: None, section: Some(SECTION.to_owned()) };
        match client.configuration(vec![item]).await {
            Ok(values) => {
                let asked = values.into_iter().next().filter(|value| !value.is_null());
                // Without either, what came with `initialize` stays.
                if let Some(value) = asked.or(pushed.filter(|value| value.get(SECTION).is_some())) {
                    session.update_settings(&value);
                }
            }
            Err(error) => tracing::warn!(%error, "the client does not tell its settings"),
        }
    });
}
