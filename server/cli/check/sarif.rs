//! The report as SARIF 2.1.0, which code hosts and editors read.

use conexus_check::{Edit, Finding, Place, Report, Rule};
use serde_json::{Value, json};

use super::formats::{Fingerprints, by_severity, message, rules};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What paths are relative to, as SARIF's readers name the top of a repository.
const BASE: &str = "%SRCROOT%";

pub(super) fn document(report: &Report) -> Value {
    let rules = rules(report);
    let described = rules.iter().map(|(code, summary)| {
        json!({
            "id": code,
            "name": code,
            "shortDescription": { "text": summary },
            "defaultConfiguration": { "enabled": Rule::from_code(code).is_none_or(Rule::is_default), "level": "warning" },
        })
    });
    let mut fingerprints = Fingerprints::default();
    let results = report.findings.iter().map(|finding| {
        let index = rules.iter().position(|(code, _)| *code == finding.code());
        result(finding, index, &fingerprints.of(finding))
    });
    let results: Vec<_> = results.collect();
    let notices = report.left_out.iter().map(
        |left| json!({ "level": "note", "message": { "text": format!("left out: {}: {}", left.what, left.why) } }),
    );
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Conexus",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": described.collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { BASE: { "description": { "text": "The top of the workspace." } } },
            "invocations": [{
                "executionSuccessful": !report.cancelled,
                "toolExecutionNotifications": notices.collect::<Vec<_>>(),
            }],
            "results": results,
        }],
    })
}

fn result(finding: &Finding, rule: Option<usize>, fingerprint: &str) -> Value {
    let mut result = json!({
        "ruleId": finding.code(),
        "level": by_severity(finding.severity, "note", "warning", "error"),
        "message": { "text": message(finding) },
        "locations": [{ "physicalLocation": physical(&finding.place) }],
        // The second key is the one that GitHub looks at.
        "partialFingerprints": { "conexusFingerprint/v1": fingerprint, "primaryLocationLineHash": fingerprint },
        "rank": (f64::from(finding.confidence) * 1000.0).round() / 10.0,
    });
    if let Some(rule) = rule {
        result["ruleIndex"] = json!(rule);
    }
    let related = finding.related.iter().enumerate().map(|(number, related)| {
        json!({ "id": number, "physicalLocation": physical(&related.place), "message": { "text": related.label } })
    });
    let related: Vec<_> = related.collect();
    if !related.is_empty() {
        result["relatedLocations"] = json!(related);
    }
    if let Some(edits) = &finding.fix {
        let changes = edits
            .iter()
            .map(|edit| json!({ "artifactLocation": artifact(&edit.path), "replacements": [replacement(edit)] }));
        let text = finding.help.as_deref().unwrap_or(&finding.message);
        result["fixes"] = json!([{ "description": { "text": text }, "artifactChanges": changes.collect::<Vec<_>>() }]);
    }
    result
}

fn replacement(edit: &Edit) -> Value {
    let region = json!({ "byteOffset": edit.span.start, "byteLength": edit.span.len() });
    json!({ "deletedRegion": region, "insertedContent": { "text": edit.replacement } })
}

fn physical(place: &Place) -> Value {
    json!({
        "artifactLocation": artifact(&place.path),
        "region": {
            "startLine": place.start.line + 1,
            "startColumn": place.start.column + 1,
            "endLine": place.end.line + 1,
            "endColumn": place.end.column + 1,
        },
    })
}

fn artifact(path: &str) -> Value {
    json!({ "uri": uri(path), "uriBaseId": BASE })
}

/// A relative URI: all but the characters that never need it are escaped.
fn uri(path: &str) -> String {
    let escaped = path.bytes().map(|byte| match byte {
        b'/' | b'-' | b'.' | b'_' | b'~' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    });
    escaped.collect()
}
