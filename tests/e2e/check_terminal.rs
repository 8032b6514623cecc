//! `conexus check` on a terminal: what it shows while it works, and the interrupt key.
#![cfg(target_os = "linux")]

use std::{
    io::{Read, Write},
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use conexus_testkit::{Repository, Workspace, wait_until};

use crate::support::Session;

/// Names what git is asked about for up to four seconds each, a name and a file.
const PROJECT: &str = "
//- src/parse.rs
pub fn parse_grammar() {}
//- guide.md
Call `parse_sentence()` as [the parser](src/sentence.rs) does.
";

/// A folder with a git that never comes to an end of a history.
fn slow_git() -> Workspace {
    let folder = Workspace::empty();
    let path = std::env::var("PATH").expect("a path");
    let script =
        format!("#!/bin/sh\ncase \" $* \" in *' log '*) exec sleep 30 ;; esac\nPATH='{path}' exec git \"$@\"\n");
    folder.write("git", script);
    std::fs::set_permissions(folder.path("git"), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    folder
}

#[test]
fn a_long_check_says_how_far_it_is_and_ends_at_the_interrupt_key() {
    let session = Session::new(Repository::init(Workspace::of(PROJECT)));
    session.run(["index"]).expect(0);
    let own = session.command(["check", "--select", "stale-reference"]);
    let words = std::iter::once(own.get_program()).chain(own.get_args());
    let line: Vec<_> = words.map(|word| format!("'{}'", word.to_string_lossy())).collect();
    let git = slow_git();
    // Of util-linux, which Debian calls essential: it gives the command a terminal, and types into it what it reads.
    let mut command = Command::new("script");
    // A script that runs the tests in the background has its children ignore the key.
    let line = format!("env --default-signal=INT {}", line.join(" "));
    command.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]);
    command.env_clear().current_dir(session.workspace.root());
    for (key, value) in own.get_envs() {
        command.env(key, value.unwrap_or_default());
    }
    let path = std::env::var("PATH").expect("a path");
    command.env("PATH", format!("{}:{path}", git.root().display())).env("TERM", "xterm");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("script starts");
    let mut output = child.stdout.take().expect("a pipe");
    let screen = Arc::new(Mutex::new(Vec::new()));
    let shown = Arc::clone(&screen);
    std::thread::spawn(move || {
        let mut bytes = [0; 1024];
        while let Ok(count @ 1..) = output.read(&mut bytes) {
            shown.lock().expect("no panic").extend_from_slice(&bytes[..count]);
        }
    });
    let expected = "checking stale-reference: reading the history of names, 0 of 1";
    wait_until(Duration::from_mins(1), || {
        let text = String::from_utf8_lossy(&screen.lock().expect("no panic")).into_owned();
        if text.contains(expected) { Ok(()) } else { Err(format!("the terminal shows {text:?}")) }
    });
    child.stdin.take().expect("a pipe").write_all(b"\x03").expect("the key is pressed");
    let status = child.wait().expect("an end");
    let text = String::from_utf8_lossy(&screen.lock().expect("no panic")).into_owned();
    // 128 and the number of the signal, as shells say it.
    assert_eq!(status.code(), Some(130), "{text}");
    assert!(!text.contains("warning["), "nothing is reported of half a check: {text}");
}
