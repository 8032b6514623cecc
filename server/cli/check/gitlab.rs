//! The report as GitLab reads code quality: a JSON list.

use conexus_check::Report;
use serde_json::{Value, json};

use super::formats::{Fingerprints, by_severity, message};

pub(super) fn document(report: &Report) -> Value {
    let mut fingerprints = Fingerprints::default();
    let issues = report.findings.iter().map(|finding| {
        json!({
            "description": message(finding),
            "check_name": finding.code(),
            "fingerprint": fingerprints.of(finding),
            "severity": by_severity(finding.severity, "info", "minor", "major"),
            "location": {
                "path": finding.place.path,
                "lines": { "begin": finding.place.start.line + 1, "end": finding.place.end.line + 1 },
            },
        })
    });
    issues.collect()
}
