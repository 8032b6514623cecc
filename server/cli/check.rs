//! `conexus check`.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::atomic::AtomicBool,
};

use anyhow::{Context, Result, bail};
use conexus_check::{Finding, Options, Place, Report, Selection};
use serde_json::{Value, json};

use super::{
    Outcome,
    arguments::{Arguments, CheckArguments},
    index,
    output::{self, Output, Style, printable},
    settings,
};

/// Brings the index up to date, checks, and shows the findings.
pub(crate) fn run(arguments: &Arguments, check: &CheckArguments, output: &mut Output) -> Result<Outcome> {
    let workspace = arguments.global.workspace()?;
    let mut options = settings::load_check(&arguments.global, &workspace)?;
    options.selection = selection(check, options.selection);
    options.changed_since.clone_from(&check.changed_since);
    let mut host = super::open_at(arguments, &workspace)?;
    options.paths = paths(&host.location().root, &check.paths)?;
    options.validate()?;
    index::update(arguments, &mut host)?;
    let report = conexus_check::check(&host.snapshot(), &options, &AtomicBool::new(false)).context("cannot check")?;
    host.close()?;
    if arguments.global.is_json() {
        output.json(&report_json(&report))?;
    } else {
        show(&report, &options, arguments.global.quiet, output)?;
    }
    Ok(if report.findings.is_empty() { Outcome::Clean } else { Outcome::Findings })
}

fn selection(check: &CheckArguments, settings: Selection) -> Selection {
    let union = |rules: &[Selection]| rules.iter().fold(Selection::of([]), |all, rules| all.union(*rules));
    let selected = if check.select.is_empty() { settings } else { union(&check.select) };
    selected.difference(union(&check.ignore))
}

/// The paths of a check, relative to the workspace. One that is not there is a mistake, not an empty selection.
fn paths(root: &Path, paths: &[PathBuf]) -> Result<Vec<String>> {
    let relative = |path: &PathBuf| {
        let full = path.canonicalize().with_context(|| format!("cannot check {}", path.display()))?;
        let Ok(inside) = full.strip_prefix(root) else {
            bail!("{} is not in the workspace {}", path.display(), root.display());
        };
        // A folder that may not be read looks like an empty one.
        if full.is_dir() {
            std::fs::read_dir(&full).with_context(|| format!("cannot read the folder {}", path.display()))?;
        } else {
            std::fs::File::open(&full).with_context(|| format!("cannot read {}", path.display()))?;
        }
        let parts: Vec<_> = inside.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        Ok(parts.join("/"))
    };
    paths.iter().map(relative).collect()
}

fn show(report: &Report, options: &Options, quiet: bool, output: &mut Output) -> Result<()> {
    for finding in &report.findings {
        let Place { path, start, .. } = &finding.place;
        let place = format!("{}:{}:{}", printable(path), start.line + 1, start.column + 1);
        let place = output.styled(Style::Path, &place);
        let code = output.styled(Style::Name, &finding.code());
        writeln!(output, "{place}: {}[{code}]: {}", finding.severity.name(), printable(&finding.message))?;
        for related in &finding.related {
            let Place { path, start, .. } = &related.place;
            let place = format!("{}:{}:{}", printable(path), start.line + 1, start.column + 1);
            writeln!(output, "  {place}: {}", printable(&related.label))?;
        }
        if let Some(help) = &finding.help {
            writeln!(output, "  help: {}", printable(help))?;
        }
    }
    for left_out in &report.left_out {
        tracing::info!(what = left_out.what, why = left_out.why, "left out");
    }
    if !quiet {
        let checked = &report.checked;
        let since = options.changed_since.as_ref().map(|revision| format!(" that differ from {revision}"));
        output::note(&format!(
            "{} in {} files{} with {} symbols, {} rules",
            match report.findings.len() {
                0 => "nothing found".to_owned(),
                1 => "1 finding".to_owned(),
                count => format!("{count} findings"),
            },
            checked.files,
            since.unwrap_or_default(),
            checked.symbols,
            checked.rules.len()
        ));
    }
    Ok(())
}

fn report_json(report: &Report) -> Value {
    json!({
        "findings": report.findings.iter().map(finding_json).collect::<Vec<_>>(),
        "checked": {
            "files": report.checked.files,
            "symbols": report.checked.symbols,
            "rules": report.checked.rules.iter().map(|rule| rule.code()).collect::<Vec<_>>(),
        },
        "left_out": report.left_out.iter().map(|left| json!({ "what": left.what, "why": left.why })).collect::<Vec<_>>(),
        "generation": report.generation.0,
        "cancelled": report.cancelled,
    })
}

fn finding_json(finding: &Finding) -> Value {
    let related = finding.related.iter().map(|related| {
        let mut place = place_json(&related.place);
        place["label"] = json!(related.label);
        place
    });
    let edit = |edit: &conexus_check::Edit| {
        json!({
            "path": edit.path,
            "start_byte": edit.span.start,
            "end_byte": edit.span.end,
            "expected": edit.expected,
            "replacement": edit.replacement,
        })
    };
    let mut value = place_json(&finding.place);
    value["rule"] = json!(finding.code());
    value["severity"] = json!(finding.severity.name());
    value["message"] = json!(finding.message);
    value["related"] = related.collect();
    value["help"] = json!(finding.help);
    value["fix"] = json!(finding.fix.as_ref().map(|edits| edits.iter().map(edit).collect::<Vec<_>>()));
    value["fingerprint"] = json!(finding.fingerprint);
    value["confidence"] = json!(finding.confidence);
    value
}

/// A place with lines and columns from 1, as editors show them.
fn place_json(place: &Place) -> Value {
    json!({
        "path": place.path,
        "start_line": place.start.line + 1,
        "start_column": place.start.column + 1,
        "end_line": place.end.line + 1,
        "end_column": place.end.column + 1,
        "start_byte": place.span.start,
        "end_byte": place.span.end,
    })
}
