//! The report as one JSON document, described in `docs/check/formats.md`.

use conexus_check::{Edit, Finding, Place, Report, Why};
use serde_json::{Value, json};

/// The version of the document; it grows when a key changes its meaning or goes.
const VERSION: u32 = 1;

pub(super) fn document(report: &Report) -> Value {
    let suppressed = report.suppressed.iter().map(|suppressed| {
        let mut value = finding_json(&suppressed.finding);
        value["suppressed_by"] = json!(match suppressed.why {
            Why::Comment => "comment",
            Why::Settings => "settings",
            Why::Baseline => "baseline",
        });
        value
    });
    let unused = report.unused.iter();
    let unused =
        unused.map(|one| json!({ "path": one.path, "line": one.line + 1, "rule": one.rule, "known": one.known }));
    json!({
        "version": VERSION,
        "findings": report.findings.iter().map(finding_json).collect::<Vec<_>>(),
        "suppressed": suppressed.collect::<Vec<_>>(),
        "unused_ignores": unused.collect::<Vec<_>>(),
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
    let mut value = place_json(&finding.place);
    value["rule"] = json!(finding.code());
    value["severity"] = json!(finding.severity.name());
    value["message"] = json!(finding.message);
    value["related"] = related.collect();
    value["help"] = json!(finding.help);
    value["fix"] = json!(finding.fix.as_ref().map(|edits| edits.iter().map(edit_json).collect::<Vec<_>>()));
    value["fingerprint"] = json!(finding.fingerprint);
    value["confidence"] = json!(finding.confidence);
    value
}

fn edit_json(edit: &Edit) -> Value {
    json!({
        "path": edit.path,
        "start_byte": edit.span.start,
        "end_byte": edit.span.end,
        "expected": edit.expected,
        "replacement": edit.replacement,
    })
}

/// A place with lines and columns from 1, as editors show them.
fn place_json(place: &Place) -> Value {
    json!({
        "path": place.path,
        "start_line": place.start.line + 1,
        "start_column": place.start.column + 1,
        "end_line": place.end.line + 1,
        "end_column": place.end.column + 1,
        "last_line": place.last_line + 1,
        "start_byte": place.span.start,
        "end_byte": place.span.end,
    })
}
