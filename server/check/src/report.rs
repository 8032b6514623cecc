//! What a check answers.

use conexus_core::Generation;

use crate::{Finding, Rule};

/// Findings, and what was looked at to find them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// Ordered by path, place and rule.
    pub findings: Vec<Finding>,
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

/// Something that was not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// What, such as "12 generated files" or a rule.
    pub what: String,
    /// Why, and what to do when it is to be looked at.
    pub why: String,
}
