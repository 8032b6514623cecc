//! `conexus check` as a person or a CI job meets it.

use conexus_testkit::{PARSE_DURATION, Repository, Run, Workspace, duration_copied};

use crate::support::Session;
#[cfg(unix)]
use crate::support::as_somebody_without_rights;

/// Two functions that do nearly the same under other names, and one that does not.
fn project() -> Workspace {
    let workspace = Workspace::empty();
    workspace.write("src/config.rs", PARSE_DURATION);
    let copied =
        duration_copied().replace("pub fn", "fn").replace("        _ =>", "        \"d\" => 86400,\n        _ =>");
    let used = "\npub fn pause_of(header: &str) -> u64 {\n    read_pause(header).unwrap_or(1)\n}\n";
    workspace.write("src/retry.rs", copied + used);
    workspace
}

fn duplicates(session: &Session<impl AsRef<Workspace>>, arguments: &[&str]) -> Run {
    let fixed = ["check", "--select", "duplicate-code"];
    session.run(fixed.iter().chain(arguments))
}

#[test]
fn code_that_stands_twice_is_found() {
    let session = Session::new(project());
    let run = duplicates(&session, &[]).expect(1);
    let expected = "src/config.rs:2:1: warning[duplicate-code]: `parse_duration` does nearly the same as `read_pause` in src/retry.rs:1";
    assert!(run.stdout.contains(expected), "{run}");
    assert!(run.stdout.contains("`text` is `input` there"), "{run}");
    assert!(run.stderr.contains("1 finding in 2 files"), "{run}");
    let report = duplicates(&session, &["--json"]).expect(1).json();
    let finding = &report["findings"][0];
    assert_eq!((&finding["rule"], &finding["start_line"]), (&"duplicate-code".into(), &2.into()));
    assert_eq!(finding["last_line"], PARSE_DURATION.lines().count(), "{finding:#}");
    assert_eq!(finding["related"][0]["path"], "src/retry.rs");
    assert_eq!(report["checked"]["files"], 2);
    session.workspace.remove("src/retry.rs");
    duplicates(&session, &[]).expect(0);
}

#[test]
fn paths_and_changes_narrow_what_is_reported_but_not_what_it_is_compared_with() {
    let session = Session::new(Repository::init(project()));
    let run = duplicates(&session, &["src/retry.rs"]).expect(1);
    assert!(run.stdout.starts_with("src/retry.rs:1:1: "), "{run}");
    session.workspace.write("src/other.rs", "pub fn other() {}\n");
    duplicates(&session, &["--changed-since", "HEAD"]).expect(0);
    let text = String::from_utf8(session.workspace.read("src/retry.rs")).expect("text");
    session.workspace.write("src/retry.rs", text.replace("86400", "24 * 3600"));
    let run = duplicates(&session, &["--changed-since", "HEAD"]).expect(1);
    assert!(run.stdout.starts_with("src/retry.rs:1:1: "), "{run}");
}

#[test]
fn what_cannot_be_checked_is_an_error_that_says_what_to_do() {
    let session = Session::new(Repository::init(project()));
    session.workspace.write(".gitignore", "left/\n");
    session.workspace.write("left/out.rs", PARSE_DURATION);
    session.workspace.commit("ignored");
    for (arguments, message) in [
        (&["--changed-since", "no-such-branch"][..], "git knows no revision \"no-such-branch\""),
        (&["--changed-since=--output=x"], "git knows no revision \"--output=x\""),
        (&["--changed-since", "HEAD"], "nothing differs from \"HEAD\""),
        (&["--select", "no-such-rule"], "no such rule, one of: duplicate-code"),
        (&["--ignore", "all"], "no rule is selected"),
        (&["--select", "reinvented"], "--changed-since"),
        (&["missing.rs"], "cannot check missing.rs"),
        (&["/"], "is not in the workspace"),
        (&[".git"], "no indexed file is below .git"),
        (&["src/../.."], "is not in the workspace"),
        (&["left/out.rs"], "no indexed file is below left/out.rs"),
        (&["left", ".git"], "no indexed file is below left, .git"),
    ] {
        let run = session.run(["check"].iter().chain(arguments)).expect(2);
        assert!(run.stderr.contains(message) && run.stdout.is_empty(), "{arguments:?}: {run}");
    }
}

#[test]
fn a_workspace_of_which_nothing_is_indexed_is_an_error() {
    let session = Session::new(Workspace::empty());
    session.workspace.write("left/out.rs", PARSE_DURATION);
    session.workspace.write(".gitignore", "*\n");
    let run = session.run(["check"]).expect(2);
    assert!(run.stderr.contains("no file that is indexed") && run.stderr.contains("conexus doctor"), "{run}");
    assert!(run.stdout.is_empty(), "{run}");
}

#[test]
fn a_machine_without_git_is_told_so() {
    let session = Session::new(Repository::init(project()));
    let mut command = session.command(["check", "--changed-since", "HEAD"]);
    command.env("PATH", session.workspace.root());
    let run = conexus_testkit::run(command).expect(2);
    assert!(run.stderr.contains("git") && run.stderr.contains("install"), "{run}");
    // What needs no change is checked without it.
    let mut command = session.command(["check", "--select", "duplicate-code"]);
    command.env("PATH", session.workspace.root());
    conexus_testkit::run(command).expect(1);
}

#[test]
fn a_shallow_clone_and_no_repository_are_told_apart() {
    let origin = Repository::init(project());
    let first = origin.git(&["rev-parse", "HEAD"]);
    origin.write("src/other.rs", "pub fn other() {}\n");
    origin.commit("second");
    let clone = Workspace::empty();
    let source = format!("file://{}", origin.root().display());
    origin.git(&["clone", "--quiet", "--depth=1", &source, &clone.path("clone").display().to_string()]);
    let session = Session::new(project());
    let workspace = clone.path("clone");
    let run = session.program.run(&workspace, ["check", "--changed-since", first.trim()]).expect(2);
    assert!(run.stderr.contains("shallow clone") && run.stderr.contains("--unshallow"), "{run}");
    let run = session.run(["check", "--changed-since", "HEAD"]).expect(2);
    assert!(run.stderr.contains("is in no git repository"), "{run}");
}

/// A partial clone has not the content of each file as it was.
#[test]
fn a_change_is_checked_where_the_former_content_of_a_file_is_missing() {
    let session = Session::new(Repository::init(project()));
    session.workspace.write("data/table.rs", "pub const SIZE: u32 = 3;\n");
    session.workspace.commit("first");
    let missing = session.workspace.git(&["rev-parse", "HEAD:data/table.rs"]);
    session.workspace.write("data/table.rs", "pub const SIZE: u32 = 4;\n");
    session.workspace.write("src/other.rs", PARSE_DURATION.replace("parse_duration", "pause"));
    session.workspace.commit("second");
    let (folder, name) = missing.trim().split_at(2);
    session.workspace.remove(&format!(".git/objects/{folder}/{name}"));
    let run = session.run(["check", "--changed-since", "HEAD~1"]).expect(1);
    assert!(run.stdout.contains("src/other.rs:2:1: warning[reinvented]"), "{run}");
    assert!(run.stderr.contains("1 file left out: its former content is not in this clone"), "{run}");
}

/// Two more functions that nobody takes for each other or for [`PARSE_DURATION`].
const WEIGH: &str = "\
pub fn weigh(edges: &[(usize, f32)], least: f32) -> Vec<f32> {
    let mut weights = vec![0.0; edges.len()];
    for &(node, weight) in edges {
        if weight < least {
            continue;
        }
        weights[node] += weight * weight;
    }
    let sum: f32 = weights.iter().sum();
    weights.iter_mut().for_each(|weight| *weight /= sum.max(least));
    weights
}
";
const JOIN_LINES: &str = "\
pub fn join_lines(lines: &[String], width: usize) -> String {
    let mut joined = String::new();
    let mut column = 0;
    for word in lines.iter().flat_map(|line| line.split_whitespace()) {
        if column > 0 && column + word.len() >= width {
            joined.push('\\n');
            column = 0;
        }
        joined.push_str(word);
        joined.push(' ');
        column += word.len() + 1;
    }
    joined
}
";

/// One finding stands for a copied file.
#[test]
fn a_copied_file_is_found_once() {
    let session = Session::new(Workspace::empty());
    let file = [PARSE_DURATION, WEIGH, JOIN_LINES].concat();
    session.workspace.write("src/time.rs", &file);
    session.workspace.write("web/server/time.rs", &file);
    let run = duplicates(&session, &[]).expect(1);
    assert_eq!(run.stdout.matches("[duplicate-code]").count(), 1, "{run}");
    assert!(
        run.stdout.contains("this file is a copy of web/server/time.rs: 3 of its 3 functions are in both"),
        "{run}"
    );
}

#[test]
fn a_mistake_in_the_settings_has_a_position() {
    let session = Session::new(project());
    for (settings, message) in [
        ("[check]\nignore = [\"duplicate\"]\n", "line 2, column 10"),
        ("[check]\nignored = []\n", "line 2"),
        ("[check.duplicate_code]\nmin_tokens = 1\n", "`check.duplicate_code.min_tokens` is 1, it may be 20 to 10000"),
    ] {
        session.workspace.write("conexus.toml", settings);
        let run = session.run(["check"]).expect(2);
        assert!(run.stderr.contains(message), "{settings}: {run}");
    }
    session.workspace.write("conexus.toml", "[check]\nignore = [\"duplicate-code\"]\n");
    let run = session.run(["check", "--json"]).expect_any(&[0, 1]);
    assert!(!run.json()["checked"]["rules"].to_string().contains("duplicate-code"), "{run}");
}

#[test]
fn a_mistake_in_a_rule_of_the_users_own_has_a_position() {
    let session = Session::new(project());
    let rule = "message = \"no\"\nlanguages = [\"rust\"]\nquery = '(nothing_of_rust) @report'\n";
    session.workspace.write(".conexus/rules/no-call.toml", rule);
    let run = session.run(["check"]).expect(2);
    assert!(run.stderr.contains("no-call.toml:3:") && run.stdout.is_empty(), "{run}");
    session.workspace.remove(".conexus/rules/no-call.toml");
    let run = session.run(["check", "--select", "custom"]).expect(2);
    assert!(run.stderr.contains("write one as docs/check/custom.md shows"), "{run}");
}

#[test]
fn fixes_are_applied_and_what_cannot_be_fixed_still_counts() {
    let session = Session::new(Repository::init(project()));
    session.workspace.write("docs/guide.md", "See [how](../src/retry.rs).\n");
    session.workspace.commit("guide");
    session.workspace.git(&["mv", "src/retry.rs", "src/pause.rs"]);
    session.workspace.commit("move");
    let fix = ["check", "--select", "stale-reference", "--fix"];
    let run = session.run(["check", "--select", "stale-reference"]).expect(1);
    assert!(run.stdout.contains("it is `../src/pause.rs` now"), "{run}");
    let diff = session.run(["check", "--select", "stale-reference", "--diff"]).expect(1);
    let (before, after) = ("-See [how](../src/retry.rs).", "+See [how](../src/pause.rs).");
    assert_eq!(diff.stdout, format!("--- a/docs/guide.md\n+++ b/docs/guide.md\n@@ -1 +1 @@\n{before}\n{after}\n"));
    assert!(diff.stderr.contains("1 would be fixed in 1 file"), "{diff}");
    session.workspace.write("fix.patch", &diff.stdout);
    session.workspace.git(&["apply", "--check", "fix.patch"]);
    session.workspace.remove("fix.patch");
    let both = session.run(["check", "--select", "stale-reference", "--fix", "--diff"]).expect(1);
    assert_eq!(both.stdout, diff.stdout);
    assert_eq!(session.workspace.read("docs/guide.md"), b"See [how](../src/retry.rs).\n", "nothing is written");
    session.run(fix).expect(0);
    assert_eq!(session.workspace.read("docs/guide.md"), b"See [how](../src/pause.rs).\n");
    let diff = session.run(["check", "--select", "stale-reference,duplicate-code", "--diff"]).expect(0);
    assert!(diff.stdout.is_empty(), "what offers no fix is no difference: {diff}");
    let run = session.run(["check", "--select", "stale-reference,duplicate-code", "--fix"]).expect(1);
    assert!(run.stdout.contains("duplicate-code") && !run.stdout.contains("stale-reference"), "{run}");
}

#[test]
#[cfg(unix)]
fn what_may_not_be_read_is_an_error_and_not_a_clean_check() {
    use std::os::unix::fs::PermissionsExt;
    let mut session = Session::new(project());
    session.workspace.write("closed/inner.rs", "pub fn inner() {}\n");
    session.workspace.write("known.json", "{\"version\": 1, \"findings\": []}\n");
    session.workspace.write(".conexus/rules/mine.toml", "");
    let set = |session: &Session, path: &str, mode| {
        std::fs::set_permissions(session.workspace.path(path), std::fs::Permissions::from_mode(mode)).expect("a mode");
    };
    for path in ["src/retry.rs", "known.json", "closed"] {
        set(&session, path, 0);
    }
    let run = as_somebody_without_rights(&mut session, "src/retry.rs");
    for (arguments, message) in [
        (&["check", "--ignore", "custom", "src/retry.rs"][..], "cannot read src/retry.rs"),
        (&["check", "--ignore", "custom", "closed"], "cannot read the folder closed"),
        (&["check", "--ignore", "custom", "--baseline", "known.json"], "cannot read the baseline known.json"),
    ] {
        let run = run(&session, arguments).expect(2);
        assert!(run.stderr.contains(message) && run.stderr.contains("ermission denied"), "{run}");
        assert!(run.stdout.is_empty(), "{run}");
    }
    set(&session, ".conexus/rules/mine.toml", 0);
    let told = run(&session, &["check"]).expect(2);
    assert!(told.stderr.contains("mine.toml") && told.stderr.contains("mend its permissions"), "{told}");
    for path in ["src/retry.rs", "known.json"] {
        set(&session, path, 0o644);
    }
    set(&session, "closed", 0o755);
}

#[test]
fn a_block_in_two_functions_is_found() {
    let block = "    let mut found = Vec::new();\n    for line in source.lines() {\n        let line = line.trim();\n        if line.is_empty() || line.starts_with('#') {\n            continue;\n        }\n        let Some((key, value)) = line.split_once('=') else { return Err(Error::Line(line.to_owned())) };\n        found.push((key.trim().to_lowercase(), value.parse()?));\n    }\n    found.sort();\n";
    let session = Session::new(Workspace::empty());
    session.workspace.write(
        "src/a.rs",
        format!("fn read_all(source: &str) -> Result<Pairs, Error> {{\n{block}    Ok(Pairs(found))\n}}\n"),
    );
    session.workspace.write(
        "src/b.rs",
        format!("fn store(source: &str, sink: &mut Sink) -> Result<(), Error> {{\n    if sink.is_closed() {{\n        return Err(Error::Closed);\n    }}\n{block}    for (key, value) in found {{\n        sink.write(&key)?;\n        sink.write_number(value, 10)?;\n    }}\n    sink.flush()\n}}\n"),
    );
    let run = duplicates(&session, &[]).expect(1);
    let expected = "src/a.rs:2:5: warning[duplicate-code]: 10 lines are the same code as in `store` in src/b.rs:5";
    assert!(run.stdout.contains(expected), "{run}");
}

#[test]
fn comments_and_settings_ignore_findings() {
    let session = Session::new(project());
    let original = String::from_utf8(session.workspace.read("src/retry.rs")).expect("text");
    let config = String::from_utf8(session.workspace.read("src/config.rs")).expect("text");
    // Of two functions that are alike either may carry the comment.
    session
        .workspace
        .write("src/retry.rs", format!("// conexus-ignore: duplicate-code (as the protocol says)\n{original}"));
    let run = duplicates(&session, &["-v"]).expect(0);
    assert!(run.stderr.contains("ignored: 1 by comments") && !run.stderr.contains("not needed"), "{run}");
    session.workspace.write("src/retry.rs", format!("// conexus-ignore: stale-reference\n{original}"));
    duplicates(&session, &[]).expect(1);
    session.workspace.write("src/retry.rs", &original);
    session.workspace.write("src/config.rs", format!("// conexus-ignore-file: all\n{config}"));
    let run = duplicates(&session, &["--json"]).expect(0).json();
    assert_eq!(run["suppressed"][0]["suppressed_by"], "comment");
    session.workspace.remove("src/retry.rs");
    session.workspace.write("src/config.rs", format!("{config}// conexus-ignore: duplicate-code, dup\n"));
    let run = duplicates(&session, &["-v"]).expect(0);
    assert!(run.stderr.contains("src/config.rs:15: the comment that ignores duplicate-code is not needed"), "{run}");
    assert!(run.stderr.contains("src/config.rs:15: the comment ignores dup, and there is no such rule"), "{run}");
    assert!(!duplicates(&session, &[]).expect(0).stderr.contains("not needed"));

    let session = Session::new(project());
    session.workspace.write("conexus.toml", "[check.per_path_ignore]\n\"src/co*\" = [\"duplicate-code\"]\n");
    let run = duplicates(&session, &[]).expect(0);
    assert!(run.stderr.contains("ignored: 1 by the settings"), "{run}");
    session.workspace.write("conexus.toml", "[check.per_path_ignore]\n\"/config.rs\" = [\"all\"]\n");
    duplicates(&session, &[]).expect(1);
}

#[test]
fn a_baseline_holds_what_is_known_wherever_its_lines_move() {
    let session = Session::new(project());
    let run = duplicates(&session, &["--update-baseline"]).expect(0);
    assert!(run.stderr.contains("conexus-baseline.json holds 1 findings: 1 new, 0 gone"), "{run}");
    let run = duplicates(&session, &[]).expect(0);
    assert!(run.stderr.contains("ignored: 1 by the baseline"), "{run}");
    let retry = String::from_utf8(session.workspace.read("src/retry.rs")).expect("text");
    session.workspace.write("src/retry.rs", format!("use std::fmt;\n\n\n{retry}"));
    duplicates(&session, &[]).expect(0);
    // Another copy is news.
    session.workspace.write("src/third.rs", retry.replace("read_pause", "read_other"));
    duplicates(&session, &[]).expect(1);
    session.workspace.remove("src/third.rs");
    session.workspace.remove("src/retry.rs");
    let run = duplicates(&session, &[]).expect(0);
    assert!(run.stderr.contains("1 of the baseline are not found any more"), "{run}");
    let run = duplicates(&session, &["--update-baseline"]).expect(0);
    assert!(run.stderr.contains("holds 0 findings: 0 new, 1 gone"), "{run}");
}

#[test]
fn a_broken_baseline_is_an_error_that_says_what_to_do() {
    let session = Session::new(project());
    let run = duplicates(&session, &["--baseline", "no/such.json"]).expect(2);
    assert!(run.stderr.contains("there is no baseline no/such.json; --update-baseline writes one"), "{run}");
    for (text, message) in [("{\n<<<<<<< HEAD\n", "line 2 column 1"), ("{\"version\": 7}", "has the version 7")] {
        session.workspace.write("known.json", text);
        for arguments in [&["--baseline", "known.json"][..], &["--baseline", "known.json", "--update-baseline"]] {
            let run = duplicates(&session, arguments).expect(2);
            assert!(run.stderr.contains("known.json") && run.stderr.contains(message), "{run}");
            assert!(run.stderr.contains("--update-baseline"), "{run}");
        }
        assert_eq!(session.workspace.read("known.json"), text.as_bytes(), "what is broken is not overwritten");
    }
    session.workspace.write("conexus.toml", "[check]\nbaseline = \"known.json\"\n");
    duplicates(&session, &[]).expect(2);
    session.workspace.remove("known.json");
    let run = duplicates(&session, &[]).expect(2);
    assert!(run.stderr.contains("there is no baseline"), "{run}");
    duplicates(&session, &["--update-baseline"]).expect(0);
    duplicates(&session, &[]).expect(0);
}
