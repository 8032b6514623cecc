//! A grammar that crashes ends the process of a command: the next one knows why, and indexes everything.
//!
//! Debug builds end in the middle of a parse of a text with a certain word, see `crash_on_demand` of the analyser.

use std::process::Command;

use conexus_testkit::{Run, Workspace, run};
use serde_json::{Value, json};

use crate::support::{Session, notices, paths};

const WORD: &str = "pyramid_of_cheops";

/// Two files that crash and some that do not.
fn workspace() -> Session {
    let workspace = Workspace::empty();
    for number in 0..30 {
        workspace.write(&format!("src/f{number}.rs"), format!("/// Number {number}.\nfn harmless_{number}() {{}}\n"));
    }
    workspace.write("src/culprit.rs", format!("/// Measures the {WORD}.\nfn crashing_function() {{}}\n"));
    Session::new(workspace)
}

fn crashing(mut command: Command) -> Command {
    command.env("CONEXUS_TEST_CRASH", WORD);
    command
}

/// Indexes with one thread or more.
fn index(session: &Session, threads: u32) -> Run {
    run(crashing(session.command(["index", "--json", "--threads", &threads.to_string()])))
}

#[track_caller]
fn answer(session: &Session, query: &str) -> Value {
    run(crashing(session.command(["search", "--json", "--", query]))).expect_any(&[0, 1]).json()
}

#[track_caller]
fn expect_crash(run: &Run) {
    assert_eq!(run.status.code(), None, "it ends by a signal: {run}");
}

#[test]
#[cfg_attr(any(not(unix), not(debug_assertions)), ignore = "debug builds alone crash on demand")]
fn the_next_run_sets_aside_what_crashed_and_indexes_all() {
    let session = workspace();
    expect_crash(&index(&session, 1));
    let report = index(&session, 1).expect(0).json();
    assert_eq!(report["files"], 31, "{report:#}");
    // Its words are found, its symbols are not, and the answer says why.
    let found = answer(&session, WORD);
    assert_eq!(paths(&found)[0], "src/culprit.rs", "{found:#}");
    assert!(notices(&found).contains(&"set_aside"), "{found:#}");
    assert_eq!(found["hits"][0]["name"], "", "{found:#}");
    assert_eq!(paths(&answer(&session, "harmless_7"))[0], "src/f7.rs");
    let status = run(crashing(session.command(["status", "--json"]))).expect(0).json();
    assert_eq!(status["set_aside"], json!(["src/culprit.rs"]));
    let doctor = run(crashing(session.command(["doctor"]))).expect(1);
    assert!(doctor.stdout.contains("parsing src/culprit.rs ended the process"), "{doctor}");
    // A fresh index for comparison knows it as well.
    run(crashing(session.command(["verify"]))).expect(0);

    // Another text that crashes is tried before: no further crash.
    session.workspace.write("src/culprit.rs", format!("fn {WORD}() {{}}\n"));
    index(&session, 1).expect(0);
    assert!(notices(&answer(&session, WORD)).contains(&"set_aside"));
    // One that does is parsed.
    session.workspace.write("src/culprit.rs", "fn crashing_function() {}\n");
    index(&session, 1).expect(0);
    let found = answer(&session, "crashing_function");
    assert_eq!(found["hits"][0]["name"], "crashing_function", "{found:#}");
    assert!(!notices(&found).contains(&"set_aside"), "{found:#}");
}

#[test]
#[cfg_attr(any(not(unix), not(debug_assertions)), ignore = "debug builds alone crash on demand")]
fn of_several_suspects_the_guilty_alone_are_set_aside() {
    let session = workspace();
    session.workspace.write("src/accomplice.rs", format!("// {WORD}\nfn other_crash() {{}}\n"));
    for number in 0..30 {
        // Long enough that several are being parsed when one crashes.
        let text = format!("fn harmless_{number}() {{}}\n") + &"fn filler() { one(two, three); }\n".repeat(2_000);
        session.workspace.write(&format!("src/f{number}.rs"), text);
    }
    // Files that crash at the same moment are found by one crash, others by one each.
    let crashes = (0..3).take_while(|_| index(&session, 8).status.code().is_none()).count();
    assert!((1..=2).contains(&crashes), "{crashes} crashes");
    let status = run(crashing(session.command(["status", "--json"]))).expect(0).json();
    assert_eq!(status["files"], 32);
    let mut aside = status["set_aside"].as_array().expect("a list").clone();
    aside.sort_by_key(ToString::to_string);
    assert_eq!(aside, ["src/accomplice.rs", "src/culprit.rs"]);
    for number in [0, 15, 29] {
        let found = answer(&session, &format!("harmless_{number}"));
        assert_eq!(found["hits"][0]["name"], format!("harmless_{number}"), "{found:#}");
    }
}

#[test]
#[cfg_attr(any(not(unix), not(debug_assertions)), ignore = "debug builds alone crash on demand")]
fn an_emptied_index_and_a_new_one_try_again() {
    let session = workspace();
    expect_crash(&index(&session, 1));
    index(&session, 1).expect(0);
    session.run(["clear"]).expect(0);
    // Without the crash, as after an update of the grammar.
    let report = session.index();
    assert_eq!(report["files"], 31);
    assert_eq!(session.search("crashing_function")["hits"][0]["name"], "crashing_function");
}

#[test]
#[cfg_attr(any(not(unix), not(debug_assertions)), ignore = "debug builds alone crash on demand")]
fn a_check_with_rules_of_ones_own_is_guarded_too() {
    let session = workspace();
    session.workspace.write(
        ".conexus/rules/no-fn.toml",
        "message = \"a function {name}\"\nlanguages = [\"rust\"]\nquery = \"(function_item name: (identifier) @name) @report\"\n",
    );
    session.index();
    // The index exists, so that the rules alone parse.
    let check = || run(crashing(session.command(["check", "--select", "custom", "--json"])));
    expect_crash(&check());
    let found = check().expect(1).json();
    let findings = found["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 30, "all but those of the file that crashes: {found:#}");
}
