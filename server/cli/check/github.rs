//! The report as workflow commands, which GitHub shows beside the lines of a change.

use std::io::{self, Write};

use conexus_check::{Finding, Report};

use super::formats::{by_severity, message};

pub(super) fn write(report: &Report, output: &mut impl Write) -> io::Result<()> {
    report.findings.iter().try_for_each(|finding| writeln!(output, "{}", command(finding)))
}

fn command(finding: &Finding) -> String {
    let place = &finding.place;
    let level = by_severity(finding.severity, "notice", "warning", "error");
    let (first, last) = (place.start.line + 1, place.end.line + 1);
    // Columns of different lines are refused.
    let columns = if first == last {
        format!(",col={},endColumn={}", place.start.column + 1, place.end.column + 1)
    } else {
        String::new()
    };
    let path = property(&place.path);
    let title = property(&finding.code());
    format!("::{level} file={path},line={first},endLine={last}{columns},title={title}::{}", data(&message(finding)))
}

/// The text of a command on one line.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of one of its properties.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
