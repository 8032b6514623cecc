//! Findings that are known and do not count: a file of fingerprints, which survive moved lines.

use std::{collections::HashMap, io::ErrorKind, path::Path};

use serde_json::Value;

use crate::{Error, Finding, Result};

/// The baseline that is used when it is there and no other one is named.
pub const BASELINE_FILE: &str = "conexus-baseline.json";

/// The format's version. Another one is refused: what it means is not known.
const VERSION: u64 = 1;

/// A larger file is no baseline.
const LIMIT_BYTES: u64 = 64 << 20;

/// Known findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    entries: Vec<Entry>,
}

/// One known finding. All but the fingerprint is for people who read the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Where it was.
    pub path: String,
    /// The rule's identifier.
    pub rule: String,
    /// What identifies it.
    pub fingerprint: String,
    /// What it was.
    pub message: String,
}

impl Entry {
    fn of(finding: &Finding) -> Self {
        Self {
            path: finding.place.path.to_string(),
            rule: finding.code().into_owned(),
            fingerprint: finding.fingerprint.to_string(),
            message: finding.message.clone(),
        }
    }
}

impl Baseline {
    /// A baseline of these findings.
    pub fn of<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Self {
        Self::of_entries(findings.into_iter().map(Entry::of).collect())
    }

    fn of_entries(mut entries: Vec<Entry>) -> Self {
        entries.sort();
        Self { entries }
    }

    /// Reads the baseline of a check, for whoever checks: as it stands in the editor where it is open, else from its file;
    /// `None` when there is none, and while an editor has only begun to write it.
    pub fn load(path: &Path, open: Option<&str>) -> Result<Option<Self>> {
        let name = path.display().to_string();
        if let Some(text) = open {
            return if text.trim().is_empty() { Ok(None) } else { Self::parse(&name, text).map(Some) };
        }
        let unreadable = |source| Error::UnreadableBaseline { path: path.to_owned(), source };
        match std::fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => Err(Error::Baseline { name, why: "is no file".to_owned() }),
            Ok(metadata) if metadata.len() > LIMIT_BYTES => {
                Err(Error::Baseline { name, why: "is over 64 MiB".to_owned() })
            }
            Ok(_) => {
                let bytes = std::fs::read(path).map_err(unreadable)?;
                Self::parse(&name, &String::from_utf8_lossy(&bytes)).map(Some)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(error)),
        }
    }

    /// Reads a baseline; `name` is what the messages call it.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let broken = |why: String| Error::Baseline { name: name.to_owned(), why };
        let value: Value = serde_json::from_str(text).map_err(|error| broken(format!("is no JSON: {error}")))?;
        match value.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(other) => return Err(broken(format!("has the version {other}, this program knows {VERSION}"))),
            None => return Err(broken("has no `version`".to_owned())),
        }
        let Some(findings) = value.get("findings").and_then(Value::as_array) else {
            return Err(broken("has no list `findings`".to_owned()));
        };
        let entries = findings.iter().enumerate().map(|(number, finding)| {
            let text = |key: &str| finding.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let fingerprint = text("fingerprint");
            if fingerprint.is_empty() {
                return Err(broken(format!("has no `fingerprint` in entry {} of `findings`", number + 1)));
            }
            Ok(Entry { path: text("path"), rule: text("rule"), fingerprint, message: text("message") })
        });
        Ok(Self::of_entries(entries.collect::<Result<_>>()?))
    }

    /// As a file, with a line per finding so that changes of it merge.
    pub fn render(&self) -> String {
        let entry = |entry: &Entry| {
            let Entry { path, rule, fingerprint, message } = entry;
            let [path, rule, fingerprint, message] = [path, rule, fingerprint, message].map(|text| quoted(text));
            format!(r#"    {{"path": {path}, "rule": {rule}, "fingerprint": {fingerprint}, "message": {message}}}"#)
        };
        let entries: Vec<_> = self.entries.iter().map(entry).collect();
        let entries = if entries.is_empty() { String::new() } else { format!("\n{}\n  ", entries.join(",\n")) };
        format!("{{\n  \"version\": {VERSION},\n  \"findings\": [{entries}]\n}}\n")
    }

    /// The known findings, ordered by path.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The same with another finding.
    pub fn with(&self, finding: &Finding) -> Self {
        Self::of_entries(self.entries.iter().cloned().chain([Entry::of(finding)]).collect())
    }

    /// These findings, and of the old entries those that the check could not have met again.
    pub fn updated<'a>(
        &self,
        findings: impl IntoIterator<Item = &'a Finding>,
        checked: impl Fn(&Entry) -> bool,
    ) -> Self {
        let mut entries: Vec<Entry> = findings.into_iter().map(Entry::of).collect();
        let mut met = Counts::new(entries.iter().map(|entry| entry.fingerprint.as_str()));
        let kept: Vec<_> =
            self.entries.iter().filter(|entry| !met.take(&entry.fingerprint) && !checked(entry)).cloned().collect();
        entries.extend(kept);
        Self::of_entries(entries)
    }

    /// Takes the known ones out of findings; beside those that stay, the ones that are known and the entries that none
    /// of them matched. An entry stands for one finding.
    pub(crate) fn split(&self, findings: Vec<Finding>) -> (Vec<Finding>, Vec<Finding>, Vec<Entry>) {
        let mut left = Counts::new(self.entries.iter().map(|entry| entry.fingerprint.as_str()));
        let (known, new) = findings.into_iter().partition(|finding| left.take(&finding.fingerprint));
        let gone = self.entries.iter().filter(|entry| left.take(&entry.fingerprint)).cloned().collect();
        (new, known, gone)
    }
}

/// How often each fingerprint is left.
struct Counts(HashMap<String, usize>);

impl Counts {
    fn new<'a>(fingerprints: impl Iterator<Item = &'a str>) -> Self {
        let mut counts = HashMap::new();
        for fingerprint in fingerprints {
            *counts.entry(fingerprint.to_owned()).or_insert(0) += 1;
        }
        Self(counts)
    }

    fn take(&mut self, fingerprint: &str) -> bool {
        let Some(count) = self.0.get_mut(fingerprint).filter(|count| **count > 0) else { return false };
        *count -= 1;
        true
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Place, Position, Rule, Severity};
    use conexus_core::Span;

    fn finding(path: &str, fingerprint: &str) -> Finding {
        let start = Position { line: 0, column: 0 };
        Finding {
            rule: Rule::DuplicateCode,
            custom: None,
            severity: Severity::Warning,
            place: Place { path: path.into(), span: Span::new(0, 0), start, end: start, last_line: start.line },
            message: "\"a\" is\tthere".to_owned(),
            related: Vec::new(),
            help: None,
            fix: None,
            fingerprint: fingerprint.into(),
            confidence: 1.0,
        }
    }

    #[test]
    fn a_baseline_is_read_as_it_was_written() {
        for findings in [vec![], vec![finding("b", "1")], vec![finding("b", "1"), finding("a", "2"), finding("a", "2")]]
        {
            let baseline = Baseline::of(&findings);
            assert_eq!(
                Baseline::parse("x", &baseline.render()).expect("a baseline"),
                baseline,
                "{}",
                baseline.render()
            );
        }
    }

    #[test]
    fn an_entry_stands_for_one_finding() {
        let baseline = Baseline::of(&[finding("a", "1"), finding("a", "2")]);
        let (new, known, gone) = baseline.split(vec![finding("b", "1"), finding("a", "1")]);
        assert_eq!((new.len(), known.len(), gone.len()), (1, 1, 1));
        assert_eq!(gone[0].fingerprint, "2");
    }

    #[test]
    fn an_update_keeps_what_was_not_looked_at() {
        let old = Baseline::of(&[finding("a", "1"), finding("b", "2"), finding("c", "3")]);
        let new = old.updated(&[finding("a", "1"), finding("a", "4")], |entry| entry.path != "c");
        let fingerprints: Vec<_> = new.entries().iter().map(|entry| entry.fingerprint.as_str()).collect();
        assert_eq!(fingerprints, ["1", "4", "3"]);
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        for (text, why) in [
            ("", "is no JSON: EOF"),
            ("{\n<<<<<<< HEAD\n", "line 2 column 1"),
            ("[]", "has no `version`"),
            (r#"{"version": 9, "findings": []}"#, "has the version 9"),
            (r#"{"version": 1}"#, "has no list `findings`"),
            (r#"{"version": 1, "findings": [{"rule": "x"}]}"#, "no `fingerprint` in entry 1"),
        ] {
            let error = Baseline::parse("x.json", text).expect_err(text).to_string();
            assert!(error.contains(why) && error.contains("x.json") && error.contains("--update-baseline"), "{error}");
        }
    }
}
