//! The file of the findings that are known.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use conexus_check::{BASELINE_FILE, Baseline, BaselineEntry, Options, Report};

use crate::cli::{
    arguments::CheckArguments,
    edit_config::new_file,
    output::{self, printable},
};

/// Where the baseline of a check is, and what it holds.
pub(super) struct BaselineFile {
    path: PathBuf,
    pub(super) held: Option<Baseline>,
}

impl BaselineFile {
    /// Reads the baseline that the arguments or the settings name, else the usual one when it is there.
    pub(super) fn load(check: &CheckArguments, setting: Option<&str>, root: &Path) -> Result<Self> {
        let path = match (&check.baseline, setting) {
            (Some(path), _) => path.clone(),
            (None, Some(name)) => root.join(name),
            (None, None) => root.join(BASELINE_FILE),
        };
        let named = check.baseline.is_some() || setting.is_some();
        let held = Baseline::load(&path, None)?;
        if held.is_none() && named && !check.update_baseline {
            bail!("there is no baseline {}; --update-baseline writes one", path.display());
        }
        Ok(Self { path, held })
    }

    /// Writes what a check found, with the entries that it did not look at. Nothing of the report is left then.
    pub(super) fn update(self, report: &mut Report, options: &Options, quiet: bool) -> Result<()> {
        let old = self.held.unwrap_or_default();
        let known = report.suppressed.iter().filter(|one| one.why == conexus_check::Why::Baseline);
        let found: Vec<_> = known.map(|one| &one.finding).chain(&report.findings).collect();
        let is_gone = |entry: &BaselineEntry| options.changed_since.is_none() && report.gone.contains(entry);
        let new = old.updated(found, is_gone);
        let text = new.render();
        let what = || format!("cannot write the baseline {}", self.path.display());
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = new_file(folder).with_context(what)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).with_context(what)?;
        file.persist(&self.path).map_err(|error| error.error).with_context(what)?;
        if !quiet {
            let (added, gone) =
                (report.findings.len(), old.entries().len() + report.findings.len() - new.entries().len());
            let path = self.path.display().to_string();
            let path = printable(&path);
            output::note(&format!("{path} holds {} findings: {added} new, {gone} gone", new.entries().len()));
        }
        report.findings.clear();
        report.gone.clear();
        Ok(())
    }
}
