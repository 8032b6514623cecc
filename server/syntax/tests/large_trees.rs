//! Trees that do not fit into a block of the arena are given back piece by piece. The only test of its program, since it
//! looks at the memory of all of it.

#![cfg(target_os = "linux")]

use conexus_syntax::{Analyser, Limits, language_named};
use std::fmt::Write as _;
use std::time::Duration;

/// Resident memory, in MiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("there is a line");
    line.split_whitespace().next().and_then(|number| number.parse::<u64>().ok()).expect("a number of KiB") >> 10
}

#[test]
fn large_trees_leave_nothing() {
    let rust = language_named("rust").expect("there is a grammar");
    let mut text = String::new();
    for number in 0..20_000 {
        let _ = writeln!(
            text,
            "fn function_{number}(left: u32, right: u32) -> u32 {{ left * {number} + right.max(left) }}"
        );
    }
    let mut analyser = Analyser::new(Limits { parse_time: Duration::from_mins(1), ..Limits::default() });
    let mut analyse = || {
        let analysis = analyser.analyse(rust, &text);
        assert!(analysis.symbols.len() == 20_000 && analysis.notes.is_empty());
    };
    analyse();
    let before = resident();
    for _ in 0..8 {
        analyse();
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 100, "{grown} MiB more than before");
}
