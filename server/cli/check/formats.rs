//! The form of an answer, and what several forms share.

use std::collections::HashMap;

use conexus_check::{Finding, Report, Severity};

/// Gives each finding a fingerprint that no other one of a report has: findings that are alike are counted through.
#[derive(Default)]
pub(super) struct Fingerprints<'a>(HashMap<&'a str, u32>);

impl<'a> Fingerprints<'a> {
    pub(super) fn of(&mut self, finding: &'a Finding) -> String {
        let count = self.0.entry(&finding.fingerprint).or_insert(0);
        *count += 1;
        format!("{}:{count}", finding.fingerprint)
    }
}

/// What a finding says, with what to do about it.
pub(super) fn message(finding: &Finding) -> String {
    match &finding.help {
        Some(help) => format!("{}\nhelp: {help}", finding.message),
        None => finding.message.clone(),
    }
}

/// The rules of a report: those that ran, and the user's own ones that found something.
pub(super) fn rules(report: &Report) -> Vec<(String, &'static str)> {
    let mut rules: Vec<_> = report.checked.rules.iter().map(|rule| (rule.code().to_owned(), rule.summary())).collect();
    for finding in &report.findings {
        let code = finding.code();
        if rules.iter().all(|(other, _)| *other != code) {
            rules.push((code.into_owned(), finding.rule.summary()));
        }
    }
    rules
}

/// One of three words for a severity.
pub(super) const fn by_severity(
    severity: Severity,
    note: &'static str,
    warning: &'static str,
    error: &'static str,
) -> &'static str {
    match severity {
        Severity::Note => note,
        Severity::Warning => warning,
        Severity::Error => error,
    }
}
