//! The forms of an answer of `conexus check`, against files in `tests/golden/check`.
//!
//! `CONEXUS_WRITE_GOLDEN=1` writes these files anew; the difference is then read before it is committed.

use std::path::{Path, PathBuf};

use conexus_testkit::{PARSE_DURATION, Workspace, duration_copied};

use crate::support::Session;

/// Two functions that do the same, one of them in a file whose name and text want escaping in every format.
fn project() -> Workspace {
    let workspace = Workspace::empty();
    workspace.write("src/config.rs", PARSE_DURATION);
    let copied = duration_copied().replace("(input: &str)", "(\n    input: &str,\n)");
    workspace.write("src/a b,c%é&<.rs", format!("pub struct Größe; \u{1b}[31m // ]]>\n{copied}"));
    workspace
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/check").join(name)
}

fn check(session: &Session, arguments: &[&str]) -> String {
    let fixed = ["check", "--select", "duplicate-code"];
    session.run(fixed.iter().chain(arguments)).expect(1).stdout
}

#[test]
fn every_format_is_as_documented() {
    let session = Session::new(project());
    for (name, arguments) in [
        ("report.txt", &["--format", "text"][..]),
        ("report.ansi", &["--format", "text", "--color", "always"]),
        ("report.json", &["--format", "json"]),
        ("report.sarif", &["--format", "sarif"]),
        ("report.github", &["--format", "github"]),
        ("report.gitlab.json", &["--format", "gitlab"]),
        ("report.junit.xml", &["--format", "junit"]),
    ] {
        let version = concat!("\"semanticVersion\": \"", env!("CARGO_PKG_VERSION"), "\"");
        let found = check(&session, arguments).replace(version, "\"semanticVersion\": \"0.0.0\"");
        // A slow machine indexes in more than one batch.
        let found: String = found
            .split_inclusive('\n')
            .map(|line| if line.starts_with("  \"generation\": ") { "  \"generation\": 1,\n" } else { line })
            .collect();
        if std::env::var_os("CONEXUS_WRITE_GOLDEN").is_some() {
            std::fs::write(golden(name), &found).expect("the golden file");
        }
        let expected = std::fs::read_to_string(golden(name)).expect("the golden file");
        assert!(found == expected, "{name} differs; it is now\n{found}\nand was\n{expected}");
    }
}

#[test]
fn a_clean_answer_is_one_too() {
    let session = Session::new(Workspace::of("//- a.rs\nfn a() {}\n"));
    for (format, expected) in [
        ("text", ""),
        ("github", ""),
        ("gitlab", "[]"),
        ("sarif", "\"results\": []"),
        ("json", "\"findings\": []"),
        ("junit", "<testsuites name=\"conexus check\" tests=\"1\" failures=\"0\">"),
    ] {
        let run = session.run(["check", "--select", "duplicate-code", "--format", format]).expect(0);
        assert!(run.stdout.contains(expected) && (!expected.is_empty() || run.stdout.is_empty()), "{format}: {run}");
    }
}

#[test]
fn fingerprints_survive_moved_lines() {
    let session = Session::new(project());
    let fingerprints = || {
        let report: serde_json::Value =
            serde_json::from_str(&check(&session, &["--format", "sarif"])).expect("a document");
        let results = report["runs"][0]["results"].as_array().expect("results").clone();
        let lines: Vec<_> =
            results.iter().map(|one| one["locations"][0]["physicalLocation"]["region"]["startLine"].clone()).collect();
        let prints: Vec<_> = results.iter().map(|one| one["partialFingerprints"].clone()).collect();
        (lines, prints)
    };
    let (lines, before) = fingerprints();
    for path in ["src/config.rs", "src/a b,c%é&<.rs"] {
        let text = String::from_utf8(session.workspace.read(path)).expect("text");
        session.workspace.write(path, format!("use std::fmt;\n\nconst OTHER: u32 = 1;\n\n{text}"));
    }
    let (moved, after) = fingerprints();
    assert_ne!(lines, moved, "the lines did move");
    assert_eq!(before, after);
    let text = String::from_utf8(session.workspace.read("src/config.rs")).expect("text");
    session.workspace.write("src/config.rs", text.replace("parse_duration", "duration_of"));
    assert_ne!(fingerprints().1, after, "another function is another finding");
}

#[test]
fn other_commands_know_text_and_json_alone() {
    let session = Session::new(project());
    let run = session.run(["status", "--format", "sarif"]).expect(2);
    assert!(run.stderr.contains("only `conexus check`"), "{run}");
}
