//! What an index knows of a whole repository and no file-by-file linter can say: code that stands twice, documentation
//! that names what is gone, symbols that nothing mentions.
//!
//! [`check`] looks at a snapshot and answers with findings; the command line, the editor and assistants show the same
//! ones. A rule is a module with one function from the `scope::Scope` of a check to findings.
//!
//! Invariant: nothing here knows a protocol or a terminal, and nothing is written (guarded by `crate-direction`).

mod baseline;
mod custom;
mod directives;
mod duplicates;
mod error;
mod finding;
mod fix;
mod lexer;
mod options;
mod parallel;
mod progress;
mod report;
mod rule;
mod scope;
mod stale;
mod suppress;
mod undocumented;
mod untested;
mod unused;

use std::sync::atomic::{AtomicBool, Ordering};

use conexus_engine::Snapshot;

pub use baseline::{BASELINE_FILE, Baseline, Entry as BaselineEntry};
pub use directives::ignore_comment;
pub use error::{Error, Result};
pub use finding::{Edit, Finding, Place, Position, Related, Severity};
pub use fix::{FilePlan, FixPlan, Unfixed, plan_fixes};
pub use options::{CheckSettings, ChecksOf, DuplicateOptions, Options, UnusedOptions};
pub use progress::{Progress, Step};
pub use report::{Checked, HISTORY, LeftOut, Report, Suppressed, UnusedIgnore, Why};
pub use rule::{Rule, Selection};
use scope::Scope;

/// Checks what a snapshot shows. `cancel` is looked at after each file; a cancelled check answers with what it has.
pub fn check(snapshot: &Snapshot, options: &Options, cancel: &AtomicBool) -> Result<Report> {
    check_observed(snapshot, options, cancel, &Progress::default())
}

/// The same for whoever wants to see how far it is.
pub fn check_observed(
    snapshot: &Snapshot,
    options: &Options,
    cancel: &AtomicBool,
    progress: &Progress,
) -> Result<Report> {
    options.validate()?;
    let mut scope = Scope::new(snapshot, options, cancel, progress)?;
    let mut findings = Vec::new();
    for rule in scope.checked.rules.clone() {
        // Both rules about code that stands twice come from one look at it.
        let both = scope.checked.rules.contains(&Rule::DuplicateCode);
        findings.append(&mut match rule {
            Rule::Reinvented if both => Vec::new(),
            Rule::DuplicateCode | Rule::Reinvented => duplicates::check(&mut scope)?,
            Rule::StaleReference => stale::check(&scope)?,
            Rule::UnusedSymbol => unused::check(&scope)?,
            Rule::UndocumentedPublic => undocumented::check(&scope),
            Rule::UntestedChange => untested::check(&scope)?,
            Rule::Custom => custom::check(&mut scope)?,
        });
    }
    findings.sort_by(|left, right| (&left.place, left.rule).cmp(&(&right.place, right.rule)));
    let sorted = suppress::sort_out(&scope, findings)?;
    Ok(Report {
        findings: sorted.findings,
        suppressed: sorted.suppressed,
        unused: sorted.unused,
        gone: sorted.gone,
        checked: scope.checked,
        left_out: scope.left_out,
        generation: snapshot.generation(),
        cancelled: cancel.load(Ordering::Relaxed),
    })
}
