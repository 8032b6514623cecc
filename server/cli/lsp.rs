//! `conexus lsp`: the language server on standard input and output.

use std::{path::Path, sync::Arc};

use anyhow::{Context, Result};

use super::{Outcome, arguments::Arguments, settings};

/// Serves one editor. Exit codes are the protocol's: 0 after a shutdown, 1 without.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let global = arguments.global.clone();
    let options = conexus_lsp::Options {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        settings_of: Arc::new(move |folder: &Path| {
            settings::load(&global, folder).map_err(|error| format!("{error:#}"))
        }),
    };
    let is_shut_down = conexus_lsp::run(options).context("the language server cannot start")?;
    Ok(if is_shut_down { Outcome::Clean } else { Outcome::Findings })
}
