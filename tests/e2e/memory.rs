//! The ceiling of memory is kept by the built program, and what that cost is told.

use std::{fmt::Write as _, time::Duration};

use conexus_testkit::{Workspace, start, wait_for};
use serde_json::{Value, json};

use crate::support::Session;

/// The least ceiling that the settings allow.
const CEILING_MIB: u64 = 150;
/// Far from a ceiling an index of so many files took 154 to 156 MiB, under this one 122 (2026-11-21).
const FILES: u64 = 1_600;
const FUNCTIONS_PER_FILE: u64 = 40;
const WORDS: &[&str] = &[
    "read", "write", "parse", "queue", "buffer", "frame", "token", "header", "socket", "cache", "index", "route",
    "merge", "split", "batch", "retry",
];

/// Code in which hardly a name occurs twice.
fn code(file: u64) -> String {
    let mut state = file.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let mut text = String::new();
    for _ in 0..FUNCTIONS_PER_FILE {
        let [first, second, third] =
            [next(), next(), next()].map(|number| WORDS[(number % WORDS.len() as u64) as usize]);
        let [own, other, kept] = [next(), next(), next()].map(|number| number >> 40);
        write!(
            text,
            "/// {first}s the {second} of a {third} numbered {own}.\npub fn {first}_{second}_{own:x}(input: u64) -> u64 \
             {{\n    let {first}_{kept} = {second}_{other:x}(input);\n    {third}_{other:x}({first}_{kept} + {own})\n}}\n\n"
        )
        .expect("a string takes everything");
    }
    text
}

/// The most that a process had in memory until now, in MiB; `None` when it is gone.
fn peak(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().split(' ').next()?.parse::<u64>().ok()? / 1024)
}

/// Indexes under the least ceiling; the report.
fn index_under_the_ceiling(session: &Session, more: &str) -> Value {
    session.workspace.write("conexus.toml", format!("[index]\nmemory_mb = {CEILING_MIB}\n{more}"));
    let mut running = start(session.command(["index", "--json"]));
    let mut most = 0;
    wait_for("the end of indexing", Duration::from_mins(3), || {
        most = peak(running.id()).unwrap_or(0).max(most);
        running.has_ended().then_some(())
    });
    let report = running.wait().expect(0).json();
    assert!(most > 0 && most <= CEILING_MIB, "{most} MiB were resident, {CEILING_MIB} are allowed: {report}");
    report
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the system does not tell what is resident")]
fn the_ceiling_is_kept_and_what_it_costs_is_told() {
    let session = Session::new(Workspace::empty());
    for file in 0..FILES {
        session.workspace.write(&format!("part_{}/file_{file}.rs", file % 40), code(file));
    }
    let report = index_under_the_ceiling(&session, "");
    assert_eq!(report["files"], FILES + 1, "{report}");
    assert!(report["degradations"].as_array().is_some_and(|told| !told.is_empty()), "{report}");
}

/// What one file needs beyond the ceiling is not read, and said to be left out.
#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "the system does not tell what is resident")]
fn large_files_keep_the_ceiling() {
    const MEBIBYTE: usize = 1 << 20;
    let session = Session::new(Workspace::empty());
    let text: String = (0..).map(code).take(8 * MEBIBYTE / code(0).len() + 9).collect();
    for (name, bytes) in
        [("a.txt", 9 * MEBIBYTE / 2), ("b.rs", 9 * MEBIBYTE / 2), ("c.txt", 4 * MEBIBYTE), ("d.rs", 8 * MEBIBYTE)]
    {
        session.workspace.write(name, &text[..bytes]);
    }
    let report = index_under_the_ceiling(&session, "max_file_bytes = 67108864\n");
    assert_eq!(report["files"], 4, "{report}");
    let skipped = &report["skipped"][0];
    assert_eq!(
        (&skipped["reason"], &skipped["examples"][0]),
        (&json!("larger than max_file_bytes"), &json!("d.rs")),
        "{report}"
    );
}
