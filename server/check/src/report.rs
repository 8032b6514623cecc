//! What a check answers.

use conexus_core::Generation;

use crate::{BaselineEntry, Finding, Rule};

/// Findings, and what was looked at to find them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Ordered by path, place and rule.
    pub findings: Vec<Finding>,
    /// Findings that somebody does not want to hear of.
    pub suppressed: Vec<Suppressed>,
    /// Comments that ignore nothing; only when [`crate::Options::report_unused`] asks for them.
    pub unused: Vec<UnusedIgnore>,
    /// Entries of the baseline that nothing matches any more, of those that this check would have met.
    pub gone: Vec<BaselineEntry>,
    /// What was looked at.
    pub checked: Checked,
    /// What was left out, and why.
    pub left_out: Vec<LeftOut>,
    /// The state of the index that was checked.
    pub generation: Generation,
    /// Whether it was cancelled: the findings are then only a part.
    pub cancelled: bool,
}

/// What was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Files whose findings were wanted.
    pub files: u64,
    /// Symbols of these files.
    pub symbols: u64,
    /// Rules that ran.
    pub rules: Vec<Rule>,
}

/// What [`LeftOut::what`] says where git's history was not read although a rule asks it.
pub const HISTORY: &str = "git's history";

/// Something that was not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What, such as "12 generated files" or a rule.
    pub what: String,
    /// Why, and what to do when it is to be looked at.
    pub why: String,
    /// Whether whoever reads the report would take it for checked, so that they are told unasked.
    pub is_missed: bool,
}

/// A finding that does not count.
#[derive(Clone, Debug, PartialEq)]
pub struct Suppressed {
    /// The finding.
    pub finding: Finding,
    /// What ignores it.
    pub why: Why,
}

/// What ignores a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// `check.per_path_ignore` in the settings.
    Settings,
    /// A comment in the code.
    Comment,
    /// The baseline.
    Baseline,
}

/// A comment that ignores a rule that finds nothing there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusedIgnore {
    /// Workspace-relative path with `/`.
    pub path: Box<str>,
    /// Numbered from 0.
    pub line: u32,
    /// The rule as it is written; empty when none is.
    pub rule: String,
    /// Whether there is such a rule.
    pub known: bool,
}
