//! The log: what is written of what the program does, and where.

use std::{fs::OpenOptions, sync::Mutex};

use anyhow::{Context, Result};
use tracing_subscriber::EnvFilter;

use super::{arguments::Global, settings};

/// Starts the log, on stderr unless a file is named. `CONEXUS_LOG` takes the filters of `tracing`, such as
/// `conexus=debug`.
pub(crate) fn start(global: &Global) -> Result<()> {
    let set = settings::log(global);
    let file = global.log_file.clone().or(set.file);
    let level = match (global.verbose, &set.level) {
        (1, _) => "info",
        (2.., _) => "debug",
        (0, Some(level)) => level,
        (0, None) if file.is_some() => "info",
        (0, None) => "error",
    };
    let filter = match EnvFilter::try_from_env("CONEXUS_LOG") {
        Ok(filter) => filter,
        Err(_) => EnvFilter::try_new(level).with_context(|| format!("`log.level` is {level:?}, which is no filter"))?,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    // A second subscriber in one process is a programming error of an embedder, not of the user.
    let _ = match file {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(&path);
            let file = file.with_context(|| format!("cannot write the log to {}", path.display()))?;
            log.with_ansi(false).with_writer(Mutex::new(file)).try_init()
        }
        None => log.with_writer(std::io::stderr).try_init(),
    };
    Ok(())
}
