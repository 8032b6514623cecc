//! `conexus index` and `conexus clear`.

use std::{io::Write, sync::atomic::AtomicBool};

use anyhow::{Context, Result};
use conexus_engine::{GraphOutcome, Host, IndexReport, Location, Patience};
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
    let mut host = match &index.path {
        Some(_) => super::open_named(arguments, &workspace)?,
        None => super::open_at(arguments, &workspace)?,
    };
    let mut report = update_with(arguments, &mut host, Patience::UntilIndexed)?;
    report.embedding_fault = embed_missing(arguments, &mut host)?;
    let reporter = Reporter::new(arguments.global.quiet);
    let linked = host.build_graph(&|progress| reporter.observe(progress), &AtomicBool::new(false));
    reporter.finish();
    if let GraphOutcome::NoRoom(degradation) = linked.context("cannot build the graph of the vectors")? {
        report.degradations.push(degradation);
    }
    let follows = host.follows();
    let kept = host.is_kept_current();
    let generation = host.snapshot().generation();
    host.close()?;
    if arguments.global.is_json() {
        output.json(&report_json(&report, generation.0, follows))?;
    } else if !arguments.global.quiet {
        writeln!(
            output,
            "{} files, {} chunks; {} updated, {} reused, {} removed in {:.2} s",
            report.files,
            report.chunks,
            report.updated,
            report.reused,
            report.removed,
            report.elapsed.as_secs_f64()
        )?;
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
        if follows {
            let does = if kept { "keeps it up to date" } else { "has not brought it up to date" };
            writeln!(output, "  another process owns this index and {does}; this one only read it")?;
        }
    }
    Ok(Outcome::Clean)
}

/// Indexes with progress on stderr; beside another command that does so, waits for that first.
pub(crate) fn update(arguments: &Arguments, host: &mut Host) -> Result<IndexReport> {
    update_with(arguments, host, Patience::WhileIndexing)
}

/// The same; `patience` says how long it waits.
pub(crate) fn update_with(arguments: &Arguments, host: &mut Host, patience: Patience) -> Result<IndexReport> {
    let reporter = Reporter::new(arguments.global.quiet);
    let observe = |progress| reporter.observe(progress);
    let waited = if host.follows() { host.wait_for_owner(patience, &observe) } else { Ok(()) };
    let report = waited.and_then(|()| host.index(&observe, &AtomicBool::new(false)));
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

fn report_json(report: &IndexReport, generation: u64, follows: bool) -> serde_json::Value {
    json!({
        "files": report.files,
        "chunks": report.chunks,
        "updated": report.updated,
        "reused": report.reused,
        "touched": report.touched,
        "removed": report.removed,
        "bytes": report.bytes,
        "generation": generation,
        "follows": follows,
        "embedding_fault": report.embedding_fault,
        "degradations": report.degradations.iter().map(|degradation| json!({ "kind": degradation.name(), "message": degradation.to_string() })).collect::<Vec<_>>(),
        "cancelled": report.cancelled,
        "walk_ms": report.walk.as_secs_f64() * 1e3,
        "elapsed_ms": report.elapsed.as_secs_f64() * 1e3,
        "skipped": report.skipped.iter().map(|(skip, count, examples)| json!({ "reason": skip.reason(), "count": count, "examples": examples })).collect::<Vec<_>>(),
    })
}
