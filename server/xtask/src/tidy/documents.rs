//! Rules about documents and about what any file may say.

use std::collections::BTreeMap;

use super::{RULES, Report, sources::Tokens};
use crate::{
    manifest::Workspace,
    tree::{Tree, has_extension, is_fixture},
};

/// Folders in which people and build machines keep checkouts; as a path in a file they mean one machine.
const MACHINE_FOLDERS: &[&str] =
    &[concat!("/ho", "me/"), concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];

pub(super) fn machine_path(tree: &Tree, _: &Workspace, report: &mut Report) {
    for (path, text) in tree.texts().filter(|(path, _)| !is_fixture(path)) {
        for (index, line) in text.lines().enumerate() {
            if let Some(folder) = MACHINE_FOLDERS.iter().find(|folder| names_folder(line, folder)) {
                report.line(path, index + 1, format!("a path below {folder} exists on one machine only"));
            }
        }
    }
}

/// Whether a line has the folder at the start of a path, not in the middle of a relative path or an address.
fn names_folder(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        !line[..at].ends_with(|before: char| {
            before.is_alphanumeric() || matches!(before, '.' | '_' | '-' | '~' | '/' | '}' | ')')
        })
    })
}

/// Page whose lines that begin with "Invariant:" are checked.
const ARCHITECTURE: &str = "docs/architecture.md";

pub(super) fn invariants(tree: &Tree, _: &Workspace, report: &mut Report) {
    let Some(text) = tree.text(ARCHITECTURE) else {
        report.file(ARCHITECTURE, "missing");
        return;
    };
    let lines: Vec<_> = text.lines().collect();
    let mut found = 0;
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| item(line).starts_with("Invariant:")) {
        found += 1;
        let continued = lines[index + 1..].iter().take_while(|next| is_continuation(next));
        let paragraph = continued.fold(item(line).to_owned(), |paragraph, next| paragraph + " " + next.trim());
        let Some((_, guards)) = paragraph.split_once("Guarded by ") else {
            report.line(ARCHITECTURE, index + 1, "say which test or rule holds it: \"Guarded by `name`.\"");
            continue;
        };
        let names: Vec<_> = guards.split('`').skip(1).step_by(2).collect();
        if names.is_empty() {
            report.line(ARCHITECTURE, index + 1, "the guard is named in backticks");
        }
        for name in names.into_iter().filter(|name| !is_guard(tree, name)) {
            report.line(ARCHITECTURE, index + 1, format!("neither a test nor a rule of tidy is called `{name}`"));
        }
    }
    if found == 0 {
        report.file(ARCHITECTURE, "it states no invariant");
    }
}

/// A line without the signs of a list item or of emphasis.
fn item(line: &str) -> &str {
    line.trim_start_matches(['-', '*', ' ', '>'])
}

fn is_continuation(line: &str) -> bool {
    !line.trim().is_empty()
        && !line.trim_start().starts_with(['-', '*', '#', '|'])
        && !item(line).starts_with("Invariant:")
}

/// Whether a name is a rule or a test function of some source.
fn is_guard(tree: &Tree, name: &str) -> bool {
    let function = name.rsplit("::").next().unwrap_or(name);
    RULES.iter().any(|rule| rule.name == name) || tree.sources().any(|(_, text)| has_test(text, function))
}

fn has_test(text: &str, function: &str) -> bool {
    let head = format!("fn {function}(");
    let lines: Vec<_> = text.lines().collect();
    lines.iter().enumerate().filter(|(_, line)| line.contains(&head)).any(|(index, _)| {
        let above = lines[..index].iter().rev().map(|line| line.trim());
        above.take_while(|line| line.starts_with("#[") || line.starts_with("//")).any(|line| line.ends_with("test]"))
    })
}

const README: &str = "README.md";
const CI: &str = ".ci/run";

/// The markers in front of the two commands of the README, invisible to its readers.
const MARKERS: [&str; 2] = ["<!-- ci: main job -->", "<!-- ci: tests -->"];

pub(super) fn readme_commands(tree: &Tree, _: &Workspace, report: &mut Report) {
    let (Some(readme), Some(ci)) = (tree.text(README), tree.text(CI)) else {
        let missing = if tree.text(README).is_none() { README } else { CI };
        report.file(missing, "missing");
        return;
    };
    for marker in MARKERS {
        match command_after(readme, marker) {
            Ok(command) if ci.contains(&command) => {
                report.file(CI, format!("take the command below {marker} from {README} instead of writing it again"));
            }
            Ok(_) if !ci.contains(marker) => report.file(CI, format!("does not run the command below {marker}")),
            Ok(_) => {}
            Err(message) => report.file(README, format!("{marker}: {message}")),
        }
    }
}

/// The one line of the code block below a marker.
fn command_after(readme: &str, marker: &str) -> Result<String, &'static str> {
    let mut parts = readme.split(marker);
    let (Some(_), Some(after), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err("must stand exactly once");
    };
    let mut lines = after.trim_start().lines();
    if !lines.next().is_some_and(|line| line.starts_with("```")) {
        return Err("must stand directly above a code block");
    }
    let block: Vec<_> = lines.take_while(|line| !line.starts_with("```")).collect();
    match block.as_slice() {
        [command] if !command.trim().is_empty() => Ok((*command).to_owned()),
        _ => Err("the code block below must hold one line"),
    }
}

pub(super) fn rust_version(tree: &Tree, workspace: &Workspace, report: &mut Report) {
    let Some(version) = &workspace.rust_version else {
        report.file("Cargo.toml", "[workspace.package] sets no rust-version");
        return;
    };
    for page in [README, "CONTRIBUTING.md"] {
        if tree.text(page).is_some_and(|text| !text.contains(&format!("Rust {version} or newer"))) {
            report.file(page, format!("say that it needs Rust {version} or newer, as Cargo.toml does"));
        }
    }
}

const SETTINGS_PAGE: &str = "docs/settings.md";
/// Where arguments and the environment are read, and of that where the tables of a settings file are.
const SETTINGS_SOURCES: &str = "server/cli/";
const SETTINGS_FILE: &str = "server/cli/settings.rs";

pub(super) fn settings_documented(tree: &Tree, _: &Workspace, report: &mut Report) {
    let mut known = BTreeMap::new();
    for (path, text) in tree.sources().filter(|(path, _)| path.starts_with(SETTINGS_SOURCES)) {
        let Some(tokens) = Tokens::of(text) else { continue };
        // Fields of the tables of a settings file, and variables of the environment.
        if path == SETTINGS_FILE {
            let fields = tokens.fields_of_structs("Table").into_iter();
            known.extend(fields.map(|(name, line)| (name.to_owned(), (path, line))));
        }
        let variables = tokens.strings().filter(|(text, _)| is_variable(text));
        known.extend(variables.map(|(name, line)| (name.to_owned(), (path, line))));
    }
    let Some(page) = tree.text(SETTINGS_PAGE) else {
        report.file(SETTINGS_PAGE, "missing");
        return;
    };
    let documented: BTreeMap<&str, usize> = (page.lines().enumerate())
        .flat_map(|(index, line)| line.split('`').skip(1).step_by(2).map(move |code| (code, index + 1)))
        .map(|(code, line)| (code.rsplit('.').next().unwrap_or(code), line))
        .collect();
    for (name, (path, line)) in &known {
        if !documented.contains_key(name.as_str()) {
            report.line(path, *line, format!("{SETTINGS_PAGE} says nothing of `{name}`"));
        }
    }
    for (name, line) in documented.iter().filter(|(name, _)| is_variable(name) && !known.contains_key(**name)) {
        report.line(SETTINGS_PAGE, *line, format!("nothing reads `{name}`"));
    }
}

fn is_variable(name: &str) -> bool {
    name.strip_prefix("CONEXUS_")
        .is_some_and(|rest| rest.chars().all(|letter| letter.is_ascii_uppercase() || letter == '_'))
}

pub(super) fn links(tree: &Tree, _: &Workspace, report: &mut Report) {
    for (path, text) in tree.texts().filter(|(path, _)| has_extension(path, "md") && !is_fixture(path)) {
        for (index, line) in text.lines().enumerate() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let file = target.split('#').next().unwrap_or(target);
                if file.is_empty() || file.contains("://") || file.starts_with("mailto:") {
                    continue;
                }
                let resolved = resolve(path, file);
                let exists = |found: &str| found == resolved || found.starts_with(&format!("{resolved}/"));
                if !tree.paths().any(exists) {
                    report.line(path, index + 1, format!("nothing lies at {file}"));
                }
            }
        }
    }
}

/// A link's target as a path from the repository's root.
fn resolve(document: &str, target: &str) -> String {
    let mut parts: Vec<_> = document.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use crate::tidy::tests::findings_of;

    #[test]
    fn paths_of_one_machine_are_found() {
        let text = concat!(
            "see /ho",
            "me/ada/notes\n",
            "server/wo",
            "rk/queue.rs and https://example.org/ro",
            "ot/x are fine\n",
            "cd \"/ro",
            "ot/x\"\n"
        );
        assert_eq!(
            findings_of("machine-path", &[("docs/a.md", text), ("tests/fixtures/b.txt", text)]),
            [
                concat!("docs/a.md:1: machine-path: a path below /ho", "me/ exists on one machine only"),
                concat!("docs/a.md:3: machine-path: a path below /ro", "ot/ exists on one machine only"),
            ]
        );
    }

    #[test]
    fn invariants_name_what_guards_them() {
        let page = "\
# Architecture

Invariant: this one is held by a rule and a test,
over two lines. Guarded by `module-doc` and `engine::keeps_order`.

- Invariant: nobody guards this.
- Invariant: this guard is gone. Guarded by `no_such_test`.
- Invariant: this names a helper. Guarded by `helper`.
- Invariant: this names nothing. Guarded by care.
";
        let source = "//! A b.\n#[test]\n// why\nfn keeps_order() {}\nfn helper() {}\n";
        assert_eq!(
            findings_of("invariants", &[("docs/architecture.md", page), ("server/engine/src/a.rs", source)]),
            [
                "docs/architecture.md:6: invariants: say which test or rule holds it: \"Guarded by `name`.\"",
                "docs/architecture.md:7: invariants: neither a test nor a rule of tidy is called `no_such_test`",
                "docs/architecture.md:8: invariants: neither a test nor a rule of tidy is called `helper`",
                "docs/architecture.md:9: invariants: the guard is named in backticks",
            ]
        );
        assert_eq!(findings_of("invariants", &[]), ["docs/architecture.md: invariants: missing"]);
        assert_eq!(
            findings_of("invariants", &[("docs/architecture.md", "# Nothing\n")]),
            ["docs/architecture.md: invariants: it states no invariant"]
        );
    }

    #[test]
    fn commands_are_taken_from_the_readme() {
        let readme = "<!-- ci: main job -->\n```console\ncargo run\n```\n\n<!-- ci: tests -->\n\n```\ncargo test\ncargo bench\n```\n";
        assert_eq!(
            findings_of("readme-commands", &[("README.md", readme), (".ci/run", "cargo run\n")]),
            [
                ".ci/run: readme-commands: take the command below <!-- ci: main job --> from README.md instead of writing it again",
                "README.md: readme-commands: <!-- ci: tests -->: the code block below must hold one line",
            ]
        );
        assert_eq!(
            findings_of("readme-commands", &[("README.md", "<!-- ci: tests -->\ntext"), (".ci/run", "")]),
            [
                "README.md: readme-commands: <!-- ci: main job -->: must stand exactly once",
                "README.md: readme-commands: <!-- ci: tests -->: must stand directly above a code block",
            ]
        );
        assert_eq!(findings_of("readme-commands", &[(".ci/run", "")]), ["README.md: readme-commands: missing"]);
    }

    #[test]
    fn pages_and_manifest_agree_on_the_rust_version() {
        let manifest =
            "[package]\nname = \"conexus\"\n[workspace]\nmembers = []\n[workspace.package]\nrust-version = \"1.91\"\n";
        let files = [
            ("Cargo.toml", manifest),
            ("README.md", "You need Rust 1.90 or newer."),
            ("CONTRIBUTING.md", "You need Rust 1.91 or newer."),
        ];
        assert_eq!(
            findings_of("rust-version", &files),
            ["README.md: rust-version: say that it needs Rust 1.91 or newer, as Cargo.toml does"]
        );
        assert_eq!(
            findings_of("rust-version", &[]),
            ["Cargo.toml: rust-version: [workspace.package] sets no rust-version"]
        );
    }

    #[test]
    fn every_setting_has_its_line() {
        let source = "//! A b.\nstruct IndexTable {\n    #[serde(default)]\n    threads: Option<usize>,\n    pub(crate) hidden: bool,\n}\n\
                      struct Other { inner: u8 }\nfn f() { read(\"CONEXUS_LOG\"); read(\"CONEXUS_NEW\"); say(\"CONEXUS_LOG is set\") }\n";
        let page = "| `index.threads` | `CONEXUS_LOG` |\n| | `CONEXUS_OLD` |\n";
        assert_eq!(
            findings_of("settings-documented", &[("server/cli/settings.rs", source), ("docs/settings.md", page)]),
            [
                "docs/settings.md:2: settings-documented: nothing reads `CONEXUS_OLD`",
                "server/cli/settings.rs:5: settings-documented: docs/settings.md says nothing of `hidden`",
                "server/cli/settings.rs:8: settings-documented: docs/settings.md says nothing of `CONEXUS_NEW`",
            ]
        );
    }

    #[test]
    fn links_lead_somewhere() {
        let files = [
            (
                "docs/a.md",
                "[b](b.md#x) [c](../server/core/) [web](https://example.org/x) [here](#y)\n[gone](../gone.md)\n",
            ),
            ("docs/b.md", ""),
            ("server/core/lib.rs", ""),
        ];
        assert_eq!(findings_of("links", &files), ["docs/a.md:2: links: nothing lies at ../gone.md"]);
    }
}
