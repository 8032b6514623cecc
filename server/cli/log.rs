//! The log: what is written of what the program does, and where; and traces, which a collector is sent.

use std::{
    fs::OpenOptions,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result};
use conexus_mcp::Traces;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt::writer::BoxMakeWriter,
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};

use super::{
    arguments::{Command, Global, LogFormat},
    settings::{self, LogTable, Mistake},
};

/// A log that was started.
pub(crate) struct Log {
    /// Sends the last traces when it is dropped.
    _traces: Option<Traces>,
    pub(crate) level: Level,
}

/// What is logged, which an editor may say while the program runs.
#[derive(Clone, Default)]
pub(crate) struct Level {
    /// The filter and its text as the user's file has it; nothing where the environment or a flag has the last word.
    settable: Option<Arc<(reload::Handle<EnvFilter, Registry>, String)>>,
}

impl Level {
    /// Logs at this level from now on, or again as before the first call. A level that is none is passed over.
    pub(crate) fn set(&self, level: Option<&str>) {
        let Some((handle, own)) = self.settable.as_deref() else { return };
        if let Ok(filter) = filter(level.unwrap_or(own)) {
            // It fails only when nothing is logged any more.
            let _ = handle.reload(filter);
        }
    }
}

/// A filter as `log.level` has it.
pub(crate) fn filter(level: &str) -> Result<EnvFilter> {
    EnvFilter::try_new(level).with_context(|| format!("`log.level` is {level:?}, which is no filter"))
}

/// Starts the log, on stderr unless a file is named, and for processes that serve the traces. `CONEXUS_LOG` takes the
/// filters of `tracing`, such as `conexus=debug`.
pub(crate) fn start(global: &Global, command: &Command) -> Result<Log> {
    let set = settings::log(global, validate)?;
    let file = global.log_file.clone().or(set.file);
    let level = match (global.verbose, &set.level) {
        (1, _) => "info",
        (2.., _) => "debug",
        (0, Some(level)) => level,
        (0, None) if file.is_some() => "info",
        (0, None) => "error",
    };
    let own = level.to_owned();
    let (filter, is_settable) = match EnvFilter::try_from_env("CONEXUS_LOG") {
        Ok(filter) => (filter, false),
        Err(_) => (filter(level)?, global.verbose == 0),
    };
    let (filter, handle) = reload::Layer::new(filter);
    let settable = is_settable.then(|| Arc::new((handle, own)));
    let serves = match command {
        Command::Lsp(lsp) => lsp.serves(),
        Command::Mcp(_) | Command::Serve(_) => true,
        _ => false,
    };
    let traces = set.traces.as_deref().filter(|_| serves);
    let traces = traces.map(|collector| Traces::to(collector, env!("CARGO_PKG_VERSION"))).transpose()?;
    // No span of a library, such as those of the client that sends them.
    let spans_of = Targets::new().with_target("conexus", LevelFilter::INFO);
    let sent = traces.as_ref().map(|traces| {
        let spans = tracing_opentelemetry::layer().with_tracer(traces.tracer());
        spans.with_location(false).with_threads(false).with_tracked_inactivity(false).with_filter(spans_of)
    });
    let is_file = file.is_some();
    let writer = match file {
        Some(path) => {
            let file = OpenOptions::new().create(true).append(true).open(&path);
            let file = file.with_context(|| format!("cannot write the log to {}", path.display()))?;
            BoxMakeWriter::new(Mutex::new(file))
        }
        None => BoxMakeWriter::new(std::io::stderr),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    let lines: Box<dyn Layer<Registry> + Send + Sync> = match global.log_format.or(set.format).unwrap_or_default() {
        LogFormat::Json => lines.json().with_filter(filter).boxed(),
        LogFormat::Text if is_file => lines.with_ansi(false).with_filter(filter).boxed(),
        LogFormat::Text => lines.with_filter(filter).boxed(),
    };
    // A second subscriber in one process is a programming error of an embedder, not of the user.
    let _ = tracing_subscriber::registry().with(lines).with(sent).try_init();
    Ok(Log { _traces: traces, level: Level { settable } })
}

/// What a settings file says of the log must be something that it can keep to.
fn validate(table: &LogTable) -> Result<(), Mistake> {
    let Some(level) = &table.level else { return Ok(()) };
    filter(level).map(drop).map_err(|error| Mistake::of("log.level", error.to_string()))
}
