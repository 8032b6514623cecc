//! `cargo xtask tidy`: the rules of this project that neither the compiler nor clippy knows.
//!
//! A rule is a function from the tree of files to findings, so that each is tested on a few made-up files.

mod dependencies;
mod documents;
mod layout;
mod sources;

use crate::{manifest::Workspace, tree::Tree};

/// A rule by name.
pub(crate) struct Rule {
    /// How findings and documents name it.
    pub(crate) name: &'static str,
    /// What it demands.
    pub(crate) summary: &'static str,
    check: fn(&Tree, &Workspace, &mut Report),
}

/// A breach of a rule.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    /// From 1; 0 when the whole file is meant.
    line: usize,
    rule: &'static str,
    message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, line, rule, message } = self;
        match line {
            0 => write!(formatter, "{path}: {rule}: {message}"),
            line => write!(formatter, "{path}:{line}: {rule}: {message}"),
        }
    }
}

/// Gathers the findings of one rule.
pub(crate) struct Report {
    rule: &'static str,
    findings: Vec<Finding>,
}

impl Report {
    /// A breach by a file as a whole.
    fn file(&mut self, path: &str, message: impl Into<String>) {
        self.line(path, 0, message);
    }

    /// A breach at a line, counted from 1.
    fn line(&mut self, path: &str, line: usize, message: impl Into<String>) {
        self.findings.push(Finding { path: path.to_owned(), line, rule: self.rule, message: message.into() });
    }
}

/// Every rule.
pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: "top-level",
        summary: "the top level holds only the entries that docs/architecture.md lists",
        check: layout::top_level,
    },
    Rule {
        name: "crate-direction",
        summary: "workspace crates use only the crates below them; the testkit is for tests alone",
        check: dependencies::crate_direction,
    },
    Rule {
        name: "dependency-owner",
        summary: "a heavy dependency is used by the one crate that exists to hold it",
        check: dependencies::dependency_owner,
    },
    Rule {
        name: "core-is-pure",
        summary: "server/core depends on nothing and does no IO",
        check: dependencies::core_is_pure,
    },
    Rule {
        name: "dependency-listed",
        summary: "docs/dependencies.md has a line for each direct dependency and no other",
        check: dependencies::dependency_listed,
    },
    Rule {
        name: "workspace-lints",
        summary: "every crate takes the lints of the workspace",
        check: dependencies::workspace_lints,
    },
    Rule {
        name: "unsafe-in-faiss",
        summary: "unsafe code lives in server/faiss only, below a line that says SAFETY",
        check: sources::unsafe_in_faiss,
    },
    Rule { name: "module-doc", summary: "every Rust file opens with a //! line", check: sources::module_doc },
    Rule { name: "file-length", summary: "no Rust file is longer than 800 lines", check: sources::file_length },
    Rule { name: "unfinished", summary: "no todo!, unimplemented! or dbg!", check: sources::unfinished },
    Rule {
        name: "machine-path",
        summary: "no file names a folder of one person's machine",
        check: documents::machine_path,
    },
    Rule {
        name: "invariants",
        summary: "each invariant of docs/architecture.md names the test or rule that guards it",
        check: documents::invariants,
    },
    Rule {
        name: "readme-commands",
        summary: "README.md marks the two commands that .ci/run runs",
        check: documents::readme_commands,
    },
    Rule {
        name: "rust-version",
        summary: "README.md and CONTRIBUTING.md name the Rust version of Cargo.toml",
        check: documents::rust_version,
    },
    Rule {
        name: "settings-documented",
        summary: "docs/settings.md names each key and variable that the command line reads, and no other variable",
        check: documents::settings_documented,
    },
    Rule { name: "links", summary: "links between the documents lead to files that exist", check: documents::links },
];

/// Runs every rule; the findings are ordered by path and line.
pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let workspace = match Workspace::read(tree) {
        Ok(workspace) => workspace,
        Err((path, message)) => return vec![Finding { path, line: 0, rule: "manifest", message }],
    };
    let mut findings = Vec::new();
    for rule in RULES {
        let mut report = Report { rule: rule.name, findings: Vec::new() };
        (rule.check)(tree, &workspace, &mut report);
        findings.append(&mut report.findings);
    }
    findings.sort();
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs one rule and renders its findings.
    #[track_caller]
    pub(super) fn findings_of(rule: &str, files: &[(&str, &str)]) -> Vec<String> {
        let mut files = files.to_vec();
        if !files.iter().any(|(path, _)| *path == "Cargo.toml") {
            files.push(("Cargo.toml", "[package]\nname = \"conexus\"\n[workspace]\nmembers = []\n"));
        }
        let tree = Tree::of(&files);
        assert!(RULES.iter().any(|known| known.name == rule), "no rule is called {rule}");
        check(&tree).iter().filter(|finding| finding.rule == rule).map(ToString::to_string).collect()
    }

    #[test]
    fn a_broken_manifest_is_a_finding() {
        let findings = check(&Tree::of(&[("Cargo.toml", "[package\n")]));
        assert!(findings[0].to_string().starts_with("Cargo.toml: manifest: not a valid manifest"), "{findings:?}");
        let findings = check(&Tree::of(&[("Cargo.toml", "[workspace]\nmembers = [\"server/core\"]\n")]));
        assert_eq!(findings[0].to_string(), "server/core/Cargo.toml: manifest: the manifest is missing");
    }

    #[test]
    fn names_of_rules_are_unique() {
        let names: std::collections::BTreeSet<_> = RULES.iter().map(|rule| rule.name).collect();
        assert_eq!(names.len(), RULES.len());
    }
}
