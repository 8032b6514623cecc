//! Rules about manifests: which crate may use which.

use std::collections::{BTreeMap, BTreeSet};

use super::{Report, sources::Tokens};
use crate::{
    manifest::{Dependency, DependencyKind, Package, Workspace},
    tree::Tree,
};

/// Which workspace crates a crate may use: those below it, and of those only the ones it has a reason to know.
const MAY_USE: &[(&str, &[&str])] = &[
    ("conexus-core", &[]),
    ("conexus-syntax", &["conexus-core", "conexus-faiss"]),
    ("conexus-embed", &["conexus-core"]),
    ("conexus-faiss", &[]),
    ("conexus-index", &["conexus-core", "conexus-faiss"]),
    ("conexus-engine", &["conexus-core", "conexus-syntax", "conexus-embed", "conexus-index"]),
    ("conexus-check", &["conexus-core", "conexus-syntax", "conexus-engine"]),
    ("conexus-lsp", &["conexus-core", "conexus-engine", "conexus-check"]),
    ("conexus-mcp", &["conexus-core", "conexus-engine", "conexus-check"]),
    (
        "conexus",
        &[
            "conexus-core", "conexus-syntax", "conexus-embed", "conexus-faiss", "conexus-index", "conexus-engine",
            "conexus-check", "conexus-lsp", "conexus-mcp",
        ],
    ),
    ("conexus-testkit", &["conexus-core"]),
    ("conexus-fuzz", &["conexus-core", "conexus-syntax", "conexus-engine"]),
    ("xtask", &[]),
];

/// For tests alone: a dev-dependency of any crate, a dependency of none.
const TESTKIT: &str = "conexus-testkit";

/// The package whose end-to-end tests play the clients of the program: its dev-dependencies may be any.
const PLAYS_CLIENTS: &str = "conexus";

/// Dependencies that only some crates may have. A pattern that ends in `*` is a prefix.
const OWNERS: &[(&str, &[&str])] = &[
    ("tower-lsp*", &["conexus-lsp"]),
    ("lsp-types", &["conexus-lsp"]),
    ("gen-lsp-types", &["conexus-lsp"]),
    ("rmcp*", &["conexus-mcp"]),
    ("axum*", &["conexus-mcp"]),
    ("tokio*", &["conexus-lsp", "conexus-mcp", "conexus"]),
    ("tantivy*", &["conexus-index"]),
    ("rusqlite", &["conexus-index"]),
    ("tree-sitter", &["conexus-syntax", "conexus-faiss"]),
    ("tree-sitter*", &["conexus-syntax"]),
    ("candle*", &["conexus-embed"]),
    ("safetensors", &["conexus-embed"]),
    ("tokenizers", &["conexus-embed"]),
    ("ureq", &["conexus-embed", "conexus-mcp"]),
    ("faiss*", &["conexus-faiss"]),
    ("cc", &["conexus-faiss"]),
    ("notify*", &["conexus-engine"]),
    ("clap*", &["conexus"]),
    ("indicatif", &["conexus"]),
    ("tracing-subscriber", &["conexus"]),
    ("tracing-opentelemetry", &["conexus"]),
    ("opentelemetry*", &["conexus-mcp"]),
];

/// Page with a line for each direct dependency.
const LIST: &str = "docs/dependencies.md";

pub(super) fn crate_direction(tree: &Tree, workspace: &Workspace, report: &mut Report) {
    for package in &workspace.packages {
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == package.name) else {
            let message = format!("crate `{}` has no place in the order of crates; give it one in xtask", package.name);
            report.file(&package.manifest, message);
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| workspace.is_member(&dependency.package)) {
            let name = dependency.package.as_str();
            let line = line_of_key(tree, &package.manifest, &dependency.key);
            if name == TESTKIT {
                if dependency.kind != DependencyKind::Dev {
                    report.line(&package.manifest, line, format!("`{TESTKIT}` is for dev-dependencies alone"));
                }
            } else if !allowed.contains(&name) {
                let below = if allowed.is_empty() { "no workspace crate".to_owned() } else { allowed.join(", ") };
                let message = format!("`{}` may not use `{name}`; it may use {below}", package.name);
                report.line(&package.manifest, line, message);
            }
        }
    }
}

pub(super) fn dependency_owner(tree: &Tree, workspace: &Workspace, report: &mut Report) {
    for package in &workspace.packages {
        let plays_clients = |kind| kind == DependencyKind::Dev && package.name == PLAYS_CLIENTS;
        for dependency in package.dependencies.iter().filter(|dependency| !plays_clients(dependency.kind)) {
            let owners = OWNERS.iter().find(|(pattern, _)| matches(pattern, &dependency.package));
            if let Some((_, owners)) = owners.filter(|(_, owners)| !owners.contains(&package.name.as_str())) {
                let line = line_of_key(tree, &package.manifest, &dependency.key);
                let message = format!("only {} may depend on `{}`", owners.join(", "), dependency.package);
                report.line(&package.manifest, line, message);
            }
        }
    }
}

/// Modules of the standard library that do IO or know the machine.
const IMPURE: &[&str] = &["env", "fs", "net", "os", "process", "thread", "time"];

pub(super) fn core_is_pure(tree: &Tree, workspace: &Workspace, report: &mut Report) {
    let Some(core) = workspace.packages.iter().find(|package| package.name == "conexus-core") else { return };
    for dependency in core.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Dev) {
        let line = line_of_key(tree, &core.manifest, &dependency.key);
        report.line(&core.manifest, line, format!("the core depends on nothing, not on `{}`", dependency.package));
    }
    for (path, text) in tree.sources().filter(|(path, _)| path.starts_with("server/core/src/")) {
        let Some(tokens) = Tokens::of(text) else { continue };
        for (module, line) in tokens.std_modules() {
            if IMPURE.contains(&module) {
                report.line(path, line, format!("the core does not use `std::{module}`"));
            }
        }
        for line in tokens.lines_of("async") {
            report.line(path, line, "the core is not async");
        }
    }
}

pub(super) fn dependency_listed(tree: &Tree, workspace: &Workspace, report: &mut Report) {
    let Some(list) = tree.text(LIST) else {
        report.file(LIST, "missing");
        return;
    };
    let mut listed: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, line) in list.lines().enumerate() {
        let Some((names, what)) = list_entry(line) else { continue };
        if what.split_whitespace().count() < 4 {
            report.line(LIST, index + 1, "say what it does for us and what we would write without it");
        }
        for name in names {
            if listed.insert(name, index + 1).is_some() {
                report.line(LIST, index + 1, format!("`{name}` is listed twice"));
            }
        }
    }
    let external = |dependency: &&Dependency| !workspace.is_member(&dependency.package);
    let mut used = BTreeSet::new();
    for package in &workspace.packages {
        for dependency in package.dependencies.iter().filter(external) {
            if used.insert(dependency.package.as_str()) && !listed.contains_key(dependency.package.as_str()) {
                let message = format!("no line for `{}`, which {} depends on", dependency.package, package.manifest);
                report.file(LIST, message);
            }
        }
    }
    for (name, line) in listed.iter().filter(|(name, _)| !used.contains(*name)) {
        report.line(LIST, *line, format!("no crate depends on `{name}` any more"));
    }
    for (key, package) in workspace.shared.iter().filter(|(_, package)| !workspace.is_member(package)) {
        if !used.contains(package.as_str()) {
            report.line(
                "Cargo.toml",
                line_of_key(tree, "Cargo.toml", key),
                format!("no crate depends on `{key}` any more"),
            );
        }
    }
}

pub(super) fn workspace_lints(_: &Tree, workspace: &Workspace, report: &mut Report) {
    for package in workspace.packages.iter().filter(|package: &&Package| !package.inherits_lints) {
        report.file(&package.manifest, "write `[lints]` with `workspace = true`");
    }
}

/// The names at the start of a table row or list item, in backticks, and the words that follow.
fn list_entry(line: &str) -> Option<(Vec<&str>, &str)> {
    let mut rest = line.trim_start().strip_prefix(['|', '-', '*'])?.trim_start();
    let mut names = Vec::new();
    while let Some(quoted) = rest.strip_prefix('`') {
        let (name, after) = quoted.split_once('`')?;
        names.push(name);
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    (!names.is_empty()).then_some((names, rest.trim_matches(['|', ':', ' '])))
}

fn matches(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |prefix| name.starts_with(prefix))
}

/// The line, from 1, on which a manifest sets a key; 0 when it is not found, as with inline tables.
fn line_of_key(tree: &Tree, manifest: &str, key: &str) -> usize {
    let sets = |line: &str| {
        let line = line.trim_start().trim_matches('"');
        line.strip_prefix(key).is_some_and(|rest| rest.trim_start_matches('"').trim_start().starts_with(['=', '.']))
    };
    tree.text(manifest).and_then(|text| text.lines().position(sets)).map_or(0, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use crate::tidy::tests::findings_of;

    const ROOT: &str = "\
[workspace]
members = [\"server/core\", \"server/syntax\", \"server/testkit\"]
[workspace.dependencies]
conexus-core = { path = \"server/core\" }
conexus-testkit = { path = \"server/testkit\" }
lsp = { package = \"tower-lsp-server\", version = \"1\" }
[package]
name = \"conexus\"
[lints]
workspace = true
";

    fn with(core: &'static str, syntax: &'static str) -> Vec<(&'static str, &'static str)> {
        vec![
            ("Cargo.toml", ROOT),
            ("server/core/Cargo.toml", core),
            ("server/syntax/Cargo.toml", syntax),
            ("server/testkit/Cargo.toml", "[package]\nname = \"conexus-testkit\"\n"),
        ]
    }

    const CORE: &str = "[package]\nname = \"conexus-core\"\n";

    #[test]
    fn crates_use_only_what_lies_below() {
        let good = "[package]\nname = \"conexus-syntax\"\n[dependencies]\nconexus-core.workspace = true\n[dev-dependencies]\nconexus-testkit.workspace = true\n";
        assert_eq!(findings_of("crate-direction", &with(CORE, good)), Vec::<String>::new());
        let bad = "[package]\nname = \"conexus-core\"\n[dependencies]\nconexus-syntax = { path = \"../syntax\" }\n";
        assert_eq!(
            findings_of("crate-direction", &with(bad, good)),
            [
                "server/core/Cargo.toml:4: crate-direction: `conexus-core` may not use `conexus-syntax`; it may use no workspace crate"
            ]
        );
    }

    #[test]
    fn the_testkit_is_for_tests() {
        let bad = "[package]\nname = \"conexus-syntax\"\n[dependencies]\nconexus-testkit.workspace = true\n";
        assert_eq!(
            findings_of("crate-direction", &with(CORE, bad)),
            ["server/syntax/Cargo.toml:4: crate-direction: `conexus-testkit` is for dev-dependencies alone"]
        );
    }

    #[test]
    fn a_crate_without_a_place_is_refused() {
        let findings = findings_of("crate-direction", &with(CORE, "[package]\nname = \"conexus-extra\"\n"));
        assert!(findings[0].contains("crate `conexus-extra` has no place in the order of crates"), "{findings:?}");
    }

    #[test]
    fn heavy_dependencies_have_one_owner() {
        let bad = "[package]\nname = \"conexus-syntax\"\n[dependencies]\nlsp.workspace = true\ntree-sitter-go = \"1\"\n[target.'cfg(unix)'.dependencies]\nrusqlite = \"1\"\n";
        assert_eq!(
            findings_of("dependency-owner", &with(CORE, bad)),
            [
                "server/syntax/Cargo.toml:4: dependency-owner: only conexus-lsp may depend on `tower-lsp-server`",
                "server/syntax/Cargo.toml:7: dependency-owner: only conexus-index may depend on `rusqlite`",
            ]
        );
    }

    #[test]
    fn the_core_stays_pure() {
        let core =
            "[package]\nname = \"conexus-core\"\n[dependencies]\nserde = \"1\"\n[dev-dependencies]\nproptest = \"1\"\n";
        let mut files = with(core, "[package]\nname = \"conexus-syntax\"\n");
        files.push((
            "server/core/src/lib.rs",
            "//! std::fs is only mentioned\nuse std::{\n    collections::BTreeMap,\n    fs::File,\n};\nasync fn load() {}\nfn now() { std::time::Instant::now(); }\n",
        ));
        assert_eq!(
            findings_of("core-is-pure", &files),
            [
                "server/core/Cargo.toml:4: core-is-pure: the core depends on nothing, not on `serde`",
                "server/core/src/lib.rs:4: core-is-pure: the core does not use `std::fs`",
                "server/core/src/lib.rs:6: core-is-pure: the core is not async",
                "server/core/src/lib.rs:7: core-is-pure: the core does not use `std::time`",
            ]
        );
    }

    #[test]
    fn every_dependency_is_listed_and_no_other() {
        let syntax = "[package]\nname = \"conexus-syntax\"\n[dependencies]\nmemchr = \"2\"\nlsp.workspace = true\nregex = \"1\"\n";
        let mut files = with(CORE, syntax);
        files.push((
            "docs/dependencies.md",
            "# Dependencies\n\n| crate | why |\n|---|---|\n| `memchr` | finds bytes fast; we would write SIMD loops |\n| `tower-lsp-server` | wire |\n| `gone`, `gone-too` | nobody knows what it did |\n",
        ));
        assert_eq!(
            findings_of("dependency-listed", &files),
            [
                "docs/dependencies.md: dependency-listed: no line for `regex`, which server/syntax/Cargo.toml depends on",
                "docs/dependencies.md:6: dependency-listed: say what it does for us and what we would write without it",
                "docs/dependencies.md:7: dependency-listed: no crate depends on `gone-too` any more",
                "docs/dependencies.md:7: dependency-listed: no crate depends on `gone` any more",
            ]
        );
        assert_eq!(
            findings_of("dependency-listed", &with(CORE, "[package]\nname = \"conexus-syntax\"\n")),
            ["docs/dependencies.md: dependency-listed: missing"]
        );
    }

    #[test]
    fn a_shared_dependency_that_nobody_takes_is_stale() {
        let mut files = with(CORE, "[package]\nname = \"conexus-syntax\"\n");
        files.push(("docs/dependencies.md", ""));
        assert_eq!(
            findings_of("dependency-listed", &files),
            ["Cargo.toml:6: dependency-listed: no crate depends on `lsp` any more"]
        );
    }

    #[test]
    fn lints_are_inherited() {
        let good = "[package]\nname = \"conexus-syntax\"\n[lints]\nworkspace = true\n";
        let findings = findings_of("workspace-lints", &with(CORE, good));
        assert_eq!(findings[0], "server/core/Cargo.toml: workspace-lints: write `[lints]` with `workspace = true`");
        assert!(!findings.iter().any(|finding| finding.contains("syntax")));
    }
}
