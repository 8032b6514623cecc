//! The program on a terminal: the words of the query stand out and nothing does where it should not, and a first index says
//! how far it is.
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use conexus_testkit::{Run, Workspace};

use crate::support::Session;

const PROJECT: &str = "
//- src/retry.rs
pub fn retry_with_backoff(attempts: u32) -> u32 {
    attempts + 1
}
";

/// Runs a command on a terminal, stdout and stderr as one; `script` of util-linux, which Debian calls essential, makes it.
fn on_terminal(session: &Session, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let own = session.command(arguments);
    let words = std::iter::once(own.get_program()).chain(own.get_args());
    let line: Vec<_> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--flush", "--command", &line.join(" "), "/dev/null"]);
    command.env_clear().current_dir(session.workspace.root()).stdin(Stdio::null());
    for (key, value) in own.get_envs() {
        command.env(key, value.unwrap_or_default());
    }
    command.env("TERM", "xterm").envs(variables.iter().copied());
    conexus_testkit::run(command)
}

/// What is shown in the style of matches, in the order of the answer.
fn matches(screen: &str) -> Vec<&str> {
    screen.split("\u{1b}[1;31m").skip(1).map(|rest| rest.split("\u{1b}[0m").next().unwrap_or_default()).collect()
}

#[test]
fn the_words_of_the_query_stand_out() {
    let session = Session::new(Workspace::of(PROJECT));
    session.index();
    let run = on_terminal(&session, &["search", "attempts"], &[]).expect(0);
    assert_eq!(matches(&run.stdout), ["attempts", "attempts"], "{run}");
    assert!(run.stdout.contains("\u{1b}[35msrc/retry.rs:1\u{1b}[0m"), "{run}");
    // Of a name that has the word as a part, that part.
    let part = on_terminal(&session, &["search", "backoff"], &[]).expect(0);
    assert_eq!(matches(&part.stdout), ["backoff"], "{part}");
    for (arguments, variables) in [
        (&["--quiet", "search", "attempts"][..], &[("NO_COLOR", "1")][..]),
        (&["--quiet", "--color", "never", "search", "attempts"], &[]),
        (&["--quiet", "search", "--json", "attempts"], &[]),
    ] {
        let run = on_terminal(&session, arguments, variables).expect(0);
        assert!(run.stdout.contains("attempts") && !run.stdout.contains('\u{1b}'), "{run}");
    }
    // Also without a terminal where colours are asked for.
    let run = session.run(["--color", "always", "search", "attempts"]).expect(0);
    assert_eq!(matches(&run.stdout), ["attempts", "attempts"], "{run}");
}

#[test]
fn a_first_index_shows_how_far_it_is() {
    let workspace = Workspace::empty();
    for number in 0..400 {
        let text = format!("/// Number {number}.\nfn function_{number}() {{ retry({number}) }}\n").repeat(10);
        workspace.write(&format!("src/f{number}.rs"), text);
    }
    let session = Session::new(workspace);
    let run = on_terminal(&session, &["search", "function_7"], &[]).expect(0);
    // What stands between `]` and `/400`.
    let done: Vec<u64> = (run.stdout.split("indexing files [").skip(1))
        .filter_map(|bar| bar.split_once("] ")?.1.split_once("/400 (")?.0.parse().ok())
        .collect();
    assert!(!done.is_empty() && done.is_sorted() && done.iter().all(|&done| done <= 400), "{done:?}: {run}");
    // The bar is taken away before the answer.
    let answer = run.stdout.rsplit("indexing files [").next().unwrap_or_default();
    assert!(answer.contains("src/f7.rs"), "{run}");
    for arguments in [&["search", "function_7"][..], &["--quiet", "index", "--force"]] {
        let run = on_terminal(&session, arguments, &[]).expect(0);
        assert!(!run.stdout.contains("indexing files"), "nothing to do, or asked to be quiet: {run}");
    }
}
