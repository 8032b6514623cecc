//! `conexus lsp`: the language server on standard input and output.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};
use conexus_engine::live::Registry;
use conexus_lsp::AssistantEndpoint;
use conexus_mcp::Sidecar;

use super::{Outcome, arguments::Arguments, check, serving, settings};

/// Serves one editor. Exit codes are the protocol's: 0 after a shutdown, 1 without.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let global = arguments.global.clone();
    let for_checks = global.clone();
    let editor = settings::editor_access(&global)?;
    let registry = Registry::default();
    // Without it the editor is served all the same.
    let sidecar = serving::of_session(&global)
        .and_then(|serving| Ok(Sidecar::open(&registry, check::options_for_assistants(&global), &serving)?))
        .inspect_err(|error| tracing::warn!("other programs cannot ask this session: {error:#}"))
        .ok();
    let options = conexus_lsp::Options {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings_of: Arc::new(move |folder: &Path| {
            settings::load(&global, folder).map_err(|error| format!("{error:#}"))
        }),
        checks_of: Arc::new(move |folder: &Path| {
            check::settings_for_editor(&for_checks, folder).map_err(|error| format!("{error:#}"))
        }),
        registry,
        editor,
        assistants: sidecar.as_ref().map(|sidecar| AssistantEndpoint {
            url: format!("http://{}/mcp", sidecar.address()),
            token: sidecar.token().to_owned(),
        }),
    };
    let is_shut_down = conexus_lsp::run(options).context("the language server cannot start")?;
    drop(sidecar);
    Ok(if is_shut_down { Outcome::Clean } else { Outcome::Findings })
}
