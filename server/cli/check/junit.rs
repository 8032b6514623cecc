//! The report as JUnit's XML: a suite per rule, and in it a failed case per finding, or one that passed.

use std::io::{self, Write};

use conexus_check::{Finding, Report};
use quick_xml::{
    Writer,
    events::{BytesDecl, BytesText, Event},
};

use super::formats::{message, rules};
use crate::cli::output::printable;

pub(super) fn write(report: &Report, output: &mut impl Write) -> io::Result<()> {
    let suites: Vec<(String, Vec<&Finding>)> = rules(report)
        .into_iter()
        .map(|(code, _)| {
            let found = report.findings.iter().filter(|finding| finding.code() == code).collect();
            (code, found)
        })
        .filter(|(code, found): &(_, Vec<_>)| code != "custom" || !found.is_empty())
        .collect();
    let tests: usize = suites.iter().map(|(_, found)| found.len().max(1)).sum();
    let mut writer = Writer::new_with_indent(&mut *output, b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer
        .create_element("testsuites")
        .with_attribute(("name", "conexus check"))
        .with_attribute(("tests", &*tests.to_string()))
        .with_attribute(("failures", &*report.findings.len().to_string()))
        .write_inner_content(|writer| suites.iter().try_for_each(|(code, found)| suite(writer, code, found)))?;
    writeln!(output)
}

fn suite<W: Write>(writer: &mut Writer<W>, code: &str, found: &[&Finding]) -> io::Result<()> {
    writer
        .create_element("testsuite")
        .with_attribute(("name", code))
        .with_attribute(("tests", &*found.len().max(1).to_string()))
        .with_attribute(("failures", &*found.len().to_string()))
        .write_inner_content(|writer| {
            if found.is_empty() {
                let case = writer.create_element("testcase").with_attribute(("name", code));
                case.with_attribute(("classname", code)).write_empty()?;
            }
            found.iter().try_for_each(|finding| case(writer, code, finding))
        })?;
    Ok(())
}

fn case<W: Write>(writer: &mut Writer<W>, code: &str, finding: &Finding) -> io::Result<()> {
    let place = &finding.place;
    // XML has no way to write most control characters.
    let path = printable(&place.path);
    let line = (place.start.line + 1).to_string();
    let name = format!("{path}:{line}:{}", place.start.column + 1);
    let message = message(finding);
    let others = finding.related.iter().map(|related| {
        let other = &related.place;
        format!("{}:{}: {}", other.path, other.start.line + 1, related.label)
    });
    let lines = message.lines().map(str::to_owned).chain(others);
    let text: Vec<_> = lines.map(|line| printable(&line).into_owned()).collect();
    writer
        .create_element("testcase")
        .with_attribute(("name", &*name))
        .with_attribute(("classname", code))
        .with_attribute(("file", &*path))
        .with_attribute(("line", &*line))
        .write_inner_content(|writer| {
            let failure = writer.create_element("failure").with_attribute(("message", &*printable(&finding.message)));
            let failure = failure.with_attribute(("type", finding.severity.name()));
            failure.write_text_content(BytesText::new(&text.join("\n")))?;
            Ok(())
        })?;
    Ok(())
}
