//! Rule about where things lie.

use super::Report;
use crate::{manifest::Workspace, tree::Tree};

/// What the top level may hold besides files whose name begins with a dot. A new entry here is a decision, not an
/// accident.
const TOP_LEVEL: &[&str] = &[
    "CHANGELOG.md", "CONTRIBUTING.md", "Cargo.lock", "Cargo.toml", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT",
    "README.md", "benches", "clippy.toml", "docs", "editors", "queries", "rustfmt.toml", "server", "tests",
];

/// What must be there.
const REQUIRED: &[&str] =
    &["CHANGELOG.md", "CONTRIBUTING.md", "Cargo.lock", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

pub(super) fn top_level(tree: &Tree, _: &Workspace, report: &mut Report) {
    let mut seen = std::collections::BTreeSet::new();
    for path in tree.paths() {
        let entry = path.split('/').next().unwrap_or(path);
        if seen.insert(entry) && !entry.starts_with('.') && !TOP_LEVEL.contains(&entry) {
            report.file(
                entry,
                "not one of the fixed entries of the top level; put it below server, docs, tests or benches",
            );
        }
    }
    for required in REQUIRED.iter().filter(|required| !seen.contains(**required)) {
        report.file(required, "missing");
    }
}

#[cfg(test)]
mod tests {
    use crate::tidy::tests::findings_of;

    #[test]
    fn top_level_is_fixed() {
        let mut files: Vec<_> = super::REQUIRED.iter().map(|path| (*path, "")).collect();
        files.extend([(".ci/run", ""), ("server/core/src/lib.rs", ""), ("scripts/a.sh", ""), ("scripts/b.sh", "")]);
        let findings = findings_of("top-level", &files);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].starts_with("scripts: top-level: not one of the fixed entries"), "{findings:?}");
        assert!(findings_of("top-level", &files[1..]).contains(&"CHANGELOG.md: top-level: missing".to_owned()));
    }
}
