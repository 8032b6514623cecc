//! `conexus mcp` and `conexus serve`: the endpoints for AI assistants without an editor of their own.

use std::sync::Arc;

use anyhow::{Context, Result};
use conexus_engine::{
    Location, Settings,
    live::{Live, Registry},
};
use conexus_mcp::Sidecar;

use super::{
    Outcome,
    arguments::{Arguments, ServeArguments},
    output, settings,
};

/// Serves one assistant on standard input and output until it closes them.
pub(crate) fn run(arguments: &Arguments) -> Result<Outcome> {
    let (location, settings) = workspace(arguments)?;
    conexus_mcp::serve_stdio(location, settings).context("cannot serve on standard input and output")?;
    Ok(Outcome::Clean)
}

/// Serves on the loopback interface until the process is asked to end.
pub(crate) fn serve(arguments: &Arguments, serve: &ServeArguments) -> Result<Outcome> {
    let (location, settings) = workspace(arguments)?;
    let registry = Registry::default();
    let sidecar = Sidecar::open(&registry, serve.port)?;
    let live = Arc::new(Live::start(location, settings, Arc::new(|_| ())));
    registry.add(&live);
    let files: Vec<String> = sidecar.endpoint_files().iter().map(|file| file.display().to_string()).collect();
    anyhow::ensure!(!files.is_empty(), "cannot write the file with the token; --verbose says why");
    output::note(&format!("listening on http://{}/mcp, the token is in {}", sidecar.address(), files.join(", ")));
    sidecar.wait_for_end()?;
    drop(sidecar);
    drop(live);
    Ok(Outcome::Clean)
}

fn workspace(arguments: &Arguments) -> Result<(Location, Settings)> {
    let workspace = arguments.global.workspace()?;
    let settings = settings::load(&arguments.global, &workspace)?;
    let location = Location::of(&workspace, settings.index_dir.as_deref())?;
    if arguments.global.workspace.is_none() {
        location.refuse_wide(&settings)?;
    }
    Ok((location, settings))
}
