//! `conexus index` as whole commands, from the start of the program to its end: cold, with nothing changed, with one file
//! changed; and the memory that it takes.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use conexus_engine::walk;
use conexus_testkit::Program;

use super::{RATIO, bound, git_status, median, middling, peak_memory_of, row};

/// Times of each.
const RUNS: usize = 7;
/// Peak memory of a cold index of up to 10,000 files, in bytes; of more in proportion.
const PEAK: u64 = 300_000_000;
const PEAK_FILES: u64 = 10_000;
/// Between two looks at the memory of the process.
const LOOK: Duration = Duration::from_millis(1);

/// Measures the commands on a workspace, whose files these are, and beside a run with nothing changed `git status`.
pub(super) fn measure(root: &Path, files: &[walk::Found], is_repository: bool) {
    let program = Program::new(env!("CARGO_BIN_EXE_conexus"));
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index");
    let command = || {
        let mut command = program.command(root);
        command.args(["index", "--quiet", "--workspace"]).arg(root).arg("--index-dir").arg(&index);
        command.stdout(Stdio::null());
        command
    };
    let run = || assert!(command().status().unwrap().success());

    let mut peaks = Vec::new();
    let cold = median(3, || {
        let _ = std::fs::remove_dir_all(&index);
        run();
    });
    row("`conexus index`, cold", cold, None);
    for _ in 0..3 {
        let _ = std::fs::remove_dir_all(&index);
        peaks.push(peak_of(command()));
    }
    peaks.sort_unstable();
    let peak = peaks[peaks.len() - 1];
    println!(
        "| peak resident memory of `conexus index`, cold, the most of {} | {:.0} MB | |",
        peaks.len(),
        peak as f64 / 1e6
    );
    let allowed = PEAK * (files.len() as u64).max(PEAK_FILES) / PEAK_FILES;
    bound(&format!("peak memory of `conexus index` in {}, {peak} bytes", root.display()), peak <= allowed);

    // In turns, so that both meet the same other work.
    let (mut git, mut unchanged): (Vec<Duration>, Vec<Duration>) =
        (0..RUNS).map(|_| (median(1, || assert_eq!(git_status(root), is_repository)), median(1, run))).unzip();
    git.sort();
    unchanged.sort();
    let (git, unchanged) = (git[RUNS / 2], unchanged[RUNS / 2]);
    let ratio = is_repository.then(|| unchanged.as_secs_f64() / git.as_secs_f64());
    row("`conexus index`, nothing changed", unchanged, ratio);
    if let Some(ratio) = ratio {
        let what = format!("nothing changed in {}, `conexus index` / git status, {ratio:.2}", root.display());
        bound(&what, ratio <= RATIO);
    }
    let nothing = median(RUNS, || {
        let mut command = program.command(root);
        assert!(command.arg("--version").stdout(Stdio::null()).status().unwrap().success());
    });
    row("`conexus --version`, the start of the program alone", nothing, None);

    let Some(found) = middling(files) else { return };
    let path = root.join(&found.path);
    let before = std::fs::read(&path).unwrap();
    let mut spent: Vec<Duration> = (0..RUNS)
        .map(|count| {
            let mut changed = before.clone();
            changed.extend_from_slice(format!("\n// change {count}\n").as_bytes());
            std::fs::write(&path, changed).unwrap();
            median(1, run)
        })
        .collect();
    std::fs::write(&path, before).unwrap();
    spent.sort();
    row("`conexus index`, one file changed", spent[spent.len() / 2], None);
}

/// The highest resident memory of a command, in bytes; 0 where the system does not say.
fn peak_of(mut command: Command) -> u64 {
    let mut child = command.spawn().unwrap();
    let process = child.id().to_string();
    let mut peak = 0;
    // What was read last is the highest: it only grows.
    while child.try_wait().unwrap().is_none() {
        peak = peak_memory_of(&process).max(peak);
        std::thread::sleep(LOOK);
    }
    peak
}
