//! `conexus index` and `conexus clear`.

use std::{io::Write, sync::atomic::AtomicBool};

use anyhow::{Context, Result};
use conexus_core::Generation;
use conexus_engine::{GraphOutcome, Host, IndexReport, Location, Looked, Patience, walk::Walk};
use serde_json::json;

use super::{
    Outcome,
    arguments::{Arguments, IndexArguments},
    output::{self, Output},
    progress::Reporter,
    settings,
};

/// Brings the index up to date and says what was done.
pub(crate) fn run(arguments: &Arguments, index: &IndexArguments, output: &mut Output) -> Result<Outcome> {
    let workspace = match &index.path {
        Some(path) => path.clone(),
        None => arguments.global.workspace()?,
    };
    if index.force {
        let settings = settings::load(&arguments.global, &workspace)?;
        let location = Location::of(&workspace, &settings.index_dir)?;
        conexus_engine::clear(&location)
            .with_context(|| format!("cannot delete the index in {}", location.index_dir.display()))?;
    }
    let (location, settings) = match &index.path {
        Some(_) => super::place(arguments, &workspace)?,
        None => super::place_at(arguments, &workspace)?,
    };
    let walk = match Host::look(&location, &settings).context("cannot look at the workspace")? {
        Looked::Unchanged { report, generation } => {
            let end = End { unchanged: true, generation, ..End::default() };
            return tell(arguments, &report, &end, output);
        }
        Looked::Changed(walk) => Some(walk),
        Looked::Unknown => None,
    };
    let mut host = super::open_in(Host::open, location, settings)?;
    let mut report = update_from(walk, arguments, &mut host, Patience::UntilIndexed)?;
    report.embedding_fault = embed_missing(arguments, &mut host)?;
    let reporter = Reporter::new(arguments.global.quiet);
    let linked = host.build_graph(&|progress| reporter.observe(progress), &AtomicBool::new(false));
    reporter.finish();
    if let GraphOutcome::NoRoom(degradation) = linked.context("cannot build the graph of the vectors")? {
        report.degradations.push(degradation);
    }
    let end = End {
        unchanged: false,
        follows: host.follows(),
        kept: host.is_kept_current(),
        generation: host.snapshot().generation(),
    };
    host.close()?;
    tell(arguments, &report, &end, output)
}

/// What is said of a run beside its report.
#[derive(Default)]
struct End {
    /// The index was not opened, since sizes and times of all files are those that it knows.
    unchanged: bool,
    /// Another process owns the index.
    follows: bool,
    /// It keeps the index up to date.
    kept: bool,
    generation: Generation,
}

fn tell(arguments: &Arguments, report: &IndexReport, end: &End, output: &mut Output) -> Result<Outcome> {
    if arguments.global.is_json() {
        output.json(&report_json(report, end))?;
    } else if !arguments.global.quiet {
        let done = if end.unchanged {
            "nothing changed".to_owned()
        } else {
            format!("{} updated, {} reused, {} removed", report.updated, report.reused, report.removed)
        };
        let seconds = report.elapsed.as_secs_f64();
        writeln!(output, "{} files, {} chunks; {done} in {seconds:.2} s", report.files, report.chunks)?;
        for (skip, count, examples) in report.skipped.iter() {
            writeln!(
                output,
                "  passed over: {count} {} (such as {})",
                skip.reason(),
                output::printable(examples.first().map_or("", String::as_str))
            )?;
        }
        if let Some(fault) = &report.embedding_fault {
            writeln!(output, "  vectors are missing, search goes by words there: {fault}")?;
        }
        for degradation in &report.degradations {
            writeln!(output, "  {degradation}")?;
        }
        if end.follows {
            let does = if end.kept { "keeps it up to date" } else { "has not brought it up to date" };
            writeln!(output, "  another process owns this index and {does}; this one only read it")?;
        }
    }
    Ok(Outcome::Clean)
}

/// Indexes with progress on stderr; beside another command that does so, waits for that first.
pub(crate) fn update(arguments: &Arguments, host: &mut Host) -> Result<IndexReport> {
    update_from(None, arguments, host, Patience::WhileIndexing)
}

/// The same from a walk of a moment ago, if there is one; `patience` says how long it waits.
pub(crate) fn update_from(
    walk: Option<Walk>,
    arguments: &Arguments,
    host: &mut Host,
    patience: Patience,
) -> Result<IndexReport> {
    let reporter = Reporter::new(arguments.global.quiet);
    let observe = |progress| reporter.observe(progress);
    let (waited, walk) = if host.follows() {
        // Much may change meanwhile.
        (host.wait_for_owner(patience, &observe), None)
    } else {
        (Ok(()), walk)
    };
    let report = waited.and_then(|()| host.index_from(walk, &observe, &AtomicBool::new(false)));
    reporter.finish();
    report.context("cannot bring the index up to date")
}

/// Computes missing vectors with progress on stderr; why some are still missing.
fn embed_missing(arguments: &Arguments, host: &mut Host) -> Result<Option<String>> {
    let reporter = Reporter::new(arguments.global.quiet);
    let report = host.embed_missing(&|progress| reporter.observe(progress), &AtomicBool::new(false));
    reporter.finish();
    Ok(report.context("cannot store vectors")?.fault)
}

/// Deletes the index of the workspace.
pub(crate) fn clear(arguments: &Arguments, output: &mut Output) -> Result<Outcome> {
    let workspace = arguments.global.workspace()?;
    let settings = settings::load(&arguments.global, &workspace)?;
    let location = match Location::of_gone(&workspace, &settings.index_dir) {
        Some(location) => location,
        None => Location::of(&workspace, &settings.index_dir)?,
    };
    let existed = location.has_index();
    conexus_engine::clear(&location)
        .with_context(|| format!("cannot delete the index in {}", location.index_dir.display()))?;
    if arguments.global.is_json() {
        output.json(&json!({ "index_dir": location.index_dir, "existed": existed }))?;
    } else if existed {
        writeln!(output, "deleted {}", location.index_dir.display())?;
    } else {
        writeln!(output, "there is no index in {}", location.index_dir.display())?;
    }
    Ok(Outcome::Clean)
}

fn report_json(report: &IndexReport, end: &End) -> serde_json::Value {
    json!({
        "unchanged": end.unchanged,
        "files": report.files,
        "chunks": report.chunks,
        "updated": report.updated,
        "reused": report.reused,
        "touched": report.touched,
        "removed": report.removed,
        "bytes": report.bytes,
        "generation": end.generation.0,
        "follows": end.follows,
        "embedding_fault": report.embedding_fault,
        "degradations": report.degradations.iter().map(|degradation| json!({ "kind": degradation.name(), "message": degradation.to_string() })).collect::<Vec<_>>(),
        "cancelled": report.cancelled,
        "walk_ms": report.walk.as_secs_f64() * 1e3,
        "elapsed_ms": report.elapsed.as_secs_f64() * 1e3,
        "skipped": report.skipped.iter().map(|(skip, count, examples)| json!({ "reason": skip.reason(), "count": count, "examples": examples })).collect::<Vec<_>>(),
    })
}
