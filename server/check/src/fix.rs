//! Which edits of findings can be applied together.
//!
//! A finding is mended by all of its edits or by none. Edits that touch each other are not applied in one go: the first
//! finding wins, the other one is told and left for another run.

use std::collections::BTreeMap;

use crate::{Edit, Finding};

/// What is to be written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FixPlan {
    /// Per file the edits, by their place.
    pub files: BTreeMap<Box<str>, FilePlan>,
    /// Numbers of the findings that are mended.
    pub mended: Vec<usize>,
    /// Numbers of the findings that offer edits and are left, and why.
    pub left: Vec<(usize, Unfixed)>,
}

/// The edits of one file, in the order of their places; none overlaps another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilePlan {
    edits: Vec<Edit>,
}

/// Why a finding is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfixed {
    /// Its edits touch those of another finding.
    Overlaps,
    /// The file does not hold what the edit replaces.
    Changed(Box<str>),
    /// The file cannot be written, such as one that is not UTF-8.
    Unwritable(Box<str>, String),
}

/// Plans the edits of findings. `text_of` gives the text of a file as it can be written, or why it cannot.
pub fn plan_fixes(
    findings: &[Finding],
    mut text_of: impl FnMut(&str) -> Result<std::sync::Arc<str>, String>,
) -> FixPlan {
    let mut plan = FixPlan::default();
    let mut texts: BTreeMap<Box<str>, Result<std::sync::Arc<str>, String>> = BTreeMap::new();
    for (number, finding) in findings.iter().enumerate() {
        let Some(edits) = finding.fix.as_ref().filter(|edits| !edits.is_empty()) else { continue };
        let check = |edit: &Edit| match texts.entry(edit.path.clone()).or_insert_with(|| text_of(&edit.path)) {
            Err(why) => Err(Unfixed::Unwritable(edit.path.clone(), why.clone())),
            Ok(text) if text.get(edit.span.range()) == Some(&*edit.expected) => Ok(()),
            Ok(_) => Err(Unfixed::Changed(edit.path.clone())),
        };
        match edits.iter().try_for_each(check).and_then(|()| plan.add(edits)) {
            Ok(()) => plan.mended.push(number),
            Err(why) => plan.left.push((number, why)),
        }
    }
    plan
}

impl FixPlan {
    /// Takes the edits of one finding in, all or none of them.
    fn add(&mut self, edits: &[Edit]) -> Result<(), Unfixed> {
        let mut changed: BTreeMap<Box<str>, FilePlan> = BTreeMap::new();
        for edit in edits {
            let known = || self.files.get(&edit.path).cloned().unwrap_or_default();
            changed.entry(edit.path.clone()).or_insert_with(known).add(edit)?;
        }
        self.files.extend(changed);
        Ok(())
    }
}

impl FilePlan {
    fn add(&mut self, edit: &Edit) -> Result<(), Unfixed> {
        // The same edit twice, as of a renamed symbol that two findings name, is one.
        if self.edits.contains(edit) && !edit.span.is_empty() {
            return Ok(());
        }
        let touches = |other: &Edit| edit.span.start <= other.span.end && other.span.start <= edit.span.end;
        if self.edits.iter().any(touches) {
            return Err(Unfixed::Overlaps);
        }
        let at = self.edits.partition_point(|other| other.span.start < edit.span.start);
        self.edits.insert(at, edit.clone());
        Ok(())
    }

    /// The edits in the order of their places.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The text with the edits applied; nothing when it does not hold what they replace.
    pub fn apply(&self, text: &str) -> Option<String> {
        let mut after = String::with_capacity(text.len());
        let mut done = 0;
        for edit in &self.edits {
            let range = edit.span.range();
            if text.get(range.clone())? != &*edit.expected {
                return None;
            }
            after.push_str(text.get(done..range.start)?);
            after.push_str(&edit.replacement);
            done = range.end;
        }
        after.push_str(text.get(done..)?);
        Some(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Place, Position, Rule, Severity};
    use conexus_core::Span;

    const TEXT: &str = "one two three two";

    fn finding(edits: &[(&str, usize, &str, &str)]) -> Finding {
        let start = Position { line: 0, column: 0 };
        let edits = edits.iter().map(|&(path, at, expected, replacement)| Edit {
            path: path.into(),
            span: Span::new(at, at + expected.len()),
            expected: expected.into(),
            replacement: replacement.into(),
        });
        Finding {
            rule: Rule::StaleReference,
            custom: None,
            severity: Severity::Warning,
            place: Place { path: "a".into(), span: Span::new(0, 0), start, end: start, last_line: start.line },
            message: String::new(),
            related: Vec::new(),
            help: None,
            fix: Some(edits.collect()),
            fingerprint: "0".into(),
            confidence: 1.0,
        }
    }

    fn planned(findings: &[Finding]) -> FixPlan {
        plan_fixes(findings, |path| if path == "latin" { Err("not UTF-8".to_owned()) } else { Ok(TEXT.into()) })
    }

    #[test]
    fn several_edits_of_a_file_are_applied_together() {
        let plan = planned(&[
            finding(&[("a", 14, "two", "2")]),
            finding(&[("a", 0, "one", "1"), ("b", 4, "two", "22222")]),
            finding(&[("a", 4, "two", "")]),
        ]);
        assert_eq!(plan.mended, [0, 1, 2]);
        assert_eq!(plan.files["a"].apply(TEXT).as_deref(), Some("1  three 2"));
        assert_eq!(plan.files["b"].apply(TEXT).as_deref(), Some("one 22222 three two"));
        assert_eq!(plan.files["b"].apply("one tvo"), None);
    }

    #[test]
    fn a_finding_is_mended_whole_or_not_at_all() {
        let plan = planned(&[
            finding(&[("a", 4, "two three", "x")]),
            finding(&[("b", 0, "one", "1"), ("a", 8, "three", "y")]),
            finding(&[("a", 0, "uno", "1")]),
            finding(&[("b", 4, "two", "2"), ("latin", 0, "one", "1")]),
            finding(&[("a", 99, "", "1")]),
            finding(&[("a", 4, "two three", "x")]),
        ]);
        assert_eq!(plan.mended, [0, 5]);
        let why: Vec<_> = plan.left.iter().map(|(number, why)| (*number, why.clone())).collect();
        assert_eq!(why[0], (1, Unfixed::Overlaps));
        assert_eq!(why[1], (2, Unfixed::Changed("a".into())));
        assert_eq!(why[2], (3, Unfixed::Unwritable("latin".into(), "not UTF-8".to_owned())));
        assert_eq!(why[3], (4, Unfixed::Changed("a".into())));
        assert_eq!(
            plan.files.keys().map(|path| &**path).collect::<Vec<_>>(),
            ["a"],
            "nothing of a finding that is left"
        );
    }
}
