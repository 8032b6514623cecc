//! `conexus check`.

mod baseline;
mod fix;
mod formats;
mod github;
mod gitlab;
mod json;
mod junit;
mod sarif;
mod text;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use anyhow::{Context, Result, bail};
use conexus_check::{BASELINE_FILE, CheckSettings, ChecksOf, Options, Progress, Report, Selection, Why};
use conexus_engine::{Host, Snapshot};

use super::{
    Outcome,
    arguments::{Arguments, CheckArguments, Format, Global},
    index,
    output::{self, Output, printable},
    progress::Waiting,
    settings::{self, FromEditor},
};
use baseline::BaselineFile;

/// Brings the index up to date, checks, and shows the findings.
pub(crate) fn run(arguments: &Arguments, check: &CheckArguments, output: &mut Output) -> Result<Outcome> {
    let workspace = arguments.global.workspace()?;
    let settings = settings::load_check(&arguments.global, &FromEditor::default(), &workspace)?;
    let mut options = settings.options;
    options.selection = selection(check, options.selection);
    options.changed_since.clone_from(&check.changed_since);
    let mut host = super::open_to_update(arguments)?;
    let root = host.location().root.clone();
    options.paths = paths(&root, &check.paths)?;
    options.report_unused = arguments.global.verbose > 0;
    options.validate()?;
    let baseline = BaselineFile::load(check, settings.baseline.as_deref(), &root)?;
    options.baseline.clone_from(&baseline.held);
    index::update(arguments, &mut host)?;
    let look = |host: &Host| {
        let progress = Arc::new(Progress::default());
        let seen = Arc::clone(&progress);
        let told = Arc::new(move || seen.now().map(|step| step.to_string()));
        let waiting = Waiting::new(arguments.global.quiet, "checking", told);
        // Nothing cancels it: the interrupt key ends the process, which has nothing to put in order.
        let report = conexus_check::check_observed(&host.snapshot(), &options, &AtomicBool::new(false), &progress);
        waiting.finish();
        report
    };
    let mut report = look(&host).context("cannot check")?;
    if check.diff {
        host.close()?;
        let differs = fix::show(&root, &report.findings, arguments.global.quiet, output)?;
        output.finish()?;
        return Ok(if differs { Outcome::Findings } else { Outcome::Clean });
    }
    if check.fix {
        let mended = fix::apply(&root, &report.findings, arguments.global.quiet)?;
        if host.follows() {
            // The owner of the index will see the files change, this process cannot make it hurry.
            let mut numbers = 0..;
            report.findings.retain(|_| numbers.next().is_none_or(|number| !mended.contains(&number)));
        } else if !mended.is_empty() {
            index::update(arguments, &mut host)?;
            report = look(&host).context("cannot check what was fixed")?;
        }
    }
    let snapshot = host.snapshot();
    host.close()?;
    if check.update_baseline {
        baseline.update(&mut report, &options, arguments.global.quiet)?;
    }
    show(&report, &snapshot, arguments.global.format(), output)?;
    output.finish()?;
    tell(&report, &options, arguments.global.quiet);
    Ok(if report.findings.is_empty() { Outcome::Clean } else { Outcome::Findings })
}

/// What an editor's session and assistants look for in a folder: what a check of the command line would, without its flags.
pub(crate) fn checks_of(global: &Global, from_editor: &FromEditor) -> ChecksOf {
    let (global, from_editor) = (global.clone(), from_editor.clone());
    Arc::new(move |folder: &Path| {
        let settings = settings::load_check(&global, &from_editor, folder).map_err(|error| format!("{error:#}"))?;
        let name = settings.baseline.as_deref().unwrap_or(BASELINE_FILE);
        Ok(CheckSettings { baseline: folder.join(name), options: settings.options })
    })
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

/// Writes the report in the form that was asked for.
fn show(report: &Report, snapshot: &Snapshot, format: Format, output: &mut Output) -> Result<()> {
    match format {
        Format::Text => text::show(report, snapshot, output),
        Format::Json => output.json(&json::document(report)),
        Format::Sarif => output.json(&sarif::document(report)),
        Format::Gitlab => output.json(&gitlab::document(report)),
        Format::Github => Ok(github::write(report, output)?),
        Format::Junit => Ok(junit::write(report, output)?),
    }
}

/// Says on stderr what was looked at, and what became of findings that are not shown.
fn tell(report: &Report, options: &Options, quiet: bool) {
    for left_out in &report.left_out {
        tracing::info!(what = left_out.what, why = left_out.why, "left out");
        if left_out.is_missed && !quiet {
            output::note(&format!("{} left out: {}", left_out.what, left_out.why));
        }
    }
    for unused in &report.unused {
        let place = format!("{}:{}", printable(&unused.path), unused.line + 1);
        let rule = printable(&unused.rule);
        output::note(&match (unused.known, unused.rule.is_empty()) {
            (true, _) => format!("{place}: the comment that ignores {rule} is not needed"),
            (false, true) => format!("{place}: the comment names no rule to ignore"),
            (false, false) => format!("{place}: the comment ignores {rule}, and there is no such rule"),
        });
    }
    if !quiet {
        let checked = &report.checked;
        let since = options.changed_since.as_ref().map(|revision| format!(" changed since {revision}"));
        output::note(&format!(
            "{} in {}{} with {}, {}",
            match report.findings.len() {
                0 => "nothing found".to_owned(),
                1 => "1 finding".to_owned(),
                count => format!("{count} findings"),
            },
            counted(checked.files, "file"),
            since.unwrap_or_default(),
            counted(checked.symbols, "symbol"),
            counted(checked.rules.len() as u64, "rule")
        ));
        if let Some(ignored) = ignored(report) {
            output::note(&ignored);
        }
        if !report.gone.is_empty() {
            let count = report.gone.len();
            output::note(&format!("{count} of the baseline are not found any more; --update-baseline takes them out"));
        }
    }
}

fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// How many findings do not count, and why.
fn ignored(report: &Report) -> Option<String> {
    let mut parts = Vec::new();
    for (why, by) in
        [(Why::Comment, "by comments"), (Why::Settings, "by the settings"), (Why::Baseline, "by the baseline")]
    {
        let count = report.suppressed.iter().filter(|suppressed| suppressed.why == why).count();
        if count > 0 {
            parts.push(format!("{count} {by}"));
        }
    }
    (!parts.is_empty()).then(|| format!("ignored: {}", parts.join(", ")))
}
