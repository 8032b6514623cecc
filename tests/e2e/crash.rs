//! A process that is killed without warning, at any moment.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use conexus_testkit::{Workspace, check_random};
use proptest::{collection::vec, prelude::any};

use crate::support::Session;

/// Files of the workspace; enough that walking, analysis, commits and the close each take a while.
const FILES: usize = 300;

/// A made-up word for a number; neighbours share nothing.
fn word(number: usize) -> String {
    let mut rest = number.wrapping_mul(0x9e37_79b9) % 100_003;
    let mut word = String::new();
    while rest > 0 || word.len() < 4 {
        word.push(char::from(b"bdfgklmnprstvz"[rest % 14]));
        word.push(char::from(b"aeiou"[rest / 14 % 5]));
        rest /= 70;
    }
    word
}

/// A file of functions that differ in words and length, so that no two answer a query equally well. Every tenth file
/// has the words that [`Session::state`] asks for.
fn source(number: usize, version: u32) -> String {
    let mut text = format!("//! File {number}, version {version}.\n\n");
    for part in 0..6 {
        let seed = number * 6 + part + version as usize * 7919;
        let (one, two) = (word(seed), word(seed / 3 + 5_000));
        let name = if number.is_multiple_of(10) && part == 0 { "parse_header_of_QueueWorker".to_owned() } else { two };
        let _ = write!(text, "/// Takes the {one}.\npub fn {name}_{one}(amount: u32) -> u32 {{\n");
        for line in 0..=seed % 9 {
            let _ =
                writeln!(text, "    let {}_{line} = {}(amount, {part});", word(seed * 2 + line), word(seed / 2 + line));
        }
        text.push_str("    amount\n}\n\n");
    }
    text
}

fn workspace() -> Workspace {
    let workspace = Workspace::empty();
    for number in 0..FILES {
        workspace.write(&format!("src/m{}/f{number}.rs", number % 10), source(number, 0));
    }
    workspace
}

/// Kills a run after each of the given shares of the time that a whole run takes, with changes between; after each, a
/// search must still answer, and at the end the next ordinary run must make the index like a fresh one.
#[test]
fn killed_at_any_moment_the_next_run_repairs() {
    let whole = {
        let session = Session::new(workspace());
        let start = Instant::now();
        session.index();
        start.elapsed()
    };
    check_random(12, &vec((0.0..1.2_f64, any::<bool>(), 0..FILES), 4), |kills| {
        let session = Session::new(workspace());
        for (round, (share, change, file)) in kills.iter().enumerate() {
            if *change {
                for number in *file..(*file + 40).min(FILES) {
                    let path = format!("src/m{}/f{number}.rs", number % 10);
                    session.workspace.write(&path, source(number, round as u32 + 1));
                }
            }
            kill_after(&session, whole.mul_f64(*share));
            let run = session.run(["search", "--json", "--no-index", "parse header"]).expect_any(&[0, 1]);
            assert!(run.json()["hits"].is_array(), "{run}");
        }
        session.index();
        session.expect_like_fresh(&format!("after kills at {kills:?} of {whole:?}"));
    });
}

/// The second run has little to do, so that most of its time goes into opening, committing and closing.
#[test]
fn killed_in_a_small_update_the_next_run_repairs() {
    let session = Session::new(workspace());
    session.index();
    session.workspace.write("src/m0/f0.rs", source(0, 1));
    let start = Instant::now();
    session.index();
    let whole = start.elapsed();
    check_random(12, &(0.0..1.1_f64, 1..1000_u32), |(share, version)| {
        session.workspace.write("src/m0/f0.rs", source(0, version));
        kill_after(&session, whole.mul_f64(share));
    });
    session.index();
    session.expect_like_fresh("after kills in small updates");
}

/// What was committed before a kill is still there after it: a kill costs time, never the index.
#[test]
fn a_kill_loses_nothing_that_was_committed() {
    let session = Session::new(workspace());
    session.index();
    session.workspace.write("src/m0/f0.rs", source(0, 7));
    kill_after(&session, Duration::from_millis(5));
    let symbols = session.run(["symbols", "--json", "src/m9/f299.rs"]).expect(0).json();
    assert_eq!(symbols["symbols"].as_array().map(Vec::len), Some(6), "{symbols:#}");
    session.workspace.write("src/m0/f0.rs", source(0, 8));
    let report = session.index();
    assert!(report["updated"].as_u64() <= Some(1), "{report:#}");
}

/// Starts a run and kills it after a while, if it has not ended by then.
pub(super) fn kill_after(session: &Session, delay: Duration) {
    let mut running = conexus_testkit::start(session.command(["index", "--quiet"]));
    let start = Instant::now();
    while start.elapsed() < delay && !running.has_ended() {
        std::thread::sleep(Duration::from_micros(100));
    }
    running.kill().expect_no_panic();
}
