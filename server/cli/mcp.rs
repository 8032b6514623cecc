//! `conexus mcp` and `conexus serve`: the endpoints for AI assistants without an editor of their own.

use std::sync::Arc;

use anyhow::{Context, Result};
use conexus_engine::{
    Location, Settings,
    live::{Live, Registry},
};
use conexus_mcp::{Audit, Sidecar};

use super::{
    Outcome,
    arguments::{Arguments, McpArguments, McpCommand, ServeArguments},
    check,
    edit_config::Carry,
    mcp_clients,
    output::{self, Output},
    serving,
    settings::{self, FromEditor},
};

/// Serves one assistant on standard input and output until it closes them, or deals with an assistant's settings.
pub(crate) fn run(arguments: &Arguments, own: &McpArguments, output: &mut Output) -> Result<Outcome> {
    if let Some(client) = own.print_config {
        return mcp_clients::print(client, output);
    }
    if let Some(McpCommand::Install { client, dry_run, project }) = &own.command {
        let project = if *project { Some(arguments.global.workspace()?) } else { None };
        let carry = if *dry_run { Carry::Back } else { Carry::Out };
        return mcp_clients::install(*client, project.as_deref(), carry, output);
    }
    let (location, settings) = workspace(arguments)?;
    let serving = serving::of_session(&arguments.global)?;
    let audit = serving.audit_log.as_deref().map(Audit::open).transpose()?;
    let checks = check::checks_of(&arguments.global, &FromEditor::default());
    conexus_mcp::serve_stdio(location, settings, checks, audit, &serving.source_folders)
        .context("cannot serve on standard input and output")?;
    Ok(Outcome::Clean)
}

/// Serves until the process is asked to end.
pub(crate) fn serve(arguments: &Arguments, serve: &ServeArguments) -> Result<Outcome> {
    let (location, settings) = workspace(arguments)?;
    let registry = Registry::default();
    let checks = check::checks_of(&arguments.global, &FromEditor::default());
    let sidecar = Sidecar::open(&registry, checks, &serving::of_serve(&arguments.global, serve)?)?;
    let live = Arc::new(Live::start(location, settings, Arc::new(|_| ())));
    registry.add(&live);
    let files: Vec<String> = sidecar.endpoint_files().iter().map(|file| file.display().to_string()).collect();
    anyhow::ensure!(!files.is_empty(), "cannot write the file with the token; --verbose says why");
    output::note(&format!("listening on http://{}/mcp, the token is in {}", sidecar.address(), files.join(", ")));
    if let Some(address) = sidecar.remote_address() {
        output::note(&format!("listening on https://{address}/mcp for other machines"));
    }
    sidecar.wait_for_end()?;
    drop(sidecar);
    drop(live);
    Ok(Outcome::Clean)
}

fn workspace(arguments: &Arguments) -> Result<(Location, Settings)> {
    let workspace = arguments.global.workspace()?;
    let settings = settings::load(&arguments.global, &workspace)?;
    let location = Location::of(&workspace, &settings.index_dir)?;
    if arguments.global.workspace.is_none() {
        location.refuse_wide(&settings)?;
    }
    Ok((location, settings))
}
