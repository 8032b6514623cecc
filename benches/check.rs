//! How the time and memory of `conexus check` grow with the number of symbols: `cargo bench --bench check`.
//!
//! Each workspace is made by a seed: functions of 8 to 24 statements, of which one in ten is a renamed copy of another. Each
//! file has a function that nothing mentions, and a page that names one that a commit removed.
//! The index is built first; what is timed is the check alone. Numbers as arguments replace the sizes.
//!
//! `cargo bench --bench check -- warm DIR...` times the whole program on clones of real repositories, each time after a
//! change of ten files; when half of the runs take over a second, the exit code is 1.

#![allow(clippy::print_stdout)]

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, ExitCode},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use conexus_check::{Options, Rule, Selection, check};
use conexus_engine::{Host, IndexDir, Location, Settings};
use conexus_testkit::Program;

const SIZES: &[usize] = &[1_000, 10_000, 100_000];
const PER_FILE: usize = 20;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

/// One function; the same seed gives the same statements, whatever its name.
fn function(name: usize, seed: u64) -> String {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut text = format!(
        "pub fn handle_{name}(input: &Input, limit: u64) -> Option<u64> {{\n    let mut total{name} = limit;\n"
    );
    for _ in 0..8 + random.below(17) {
        let (left, right, call) = (random.below(60), random.below(90), random.below(400));
        let line = match random.below(6) {
            0 => format!("if input.field_{left}() > {right} {{ total{name} += module_{call}::load(input, {left}); }}"),
            1 => format!("for item in input.items_{call}() {{ total{name} ^= item.weight_{left} << {right}; }}"),
            2 => format!("let part_{left} = compute_{call}(total{name}, {right})?; total{name} -= part_{left};"),
            3 => format!("match input.kind_{left} {{ Kind::A{call} => return None, _ => total{name} *= {right} }}"),
            4 => format!("while total{name} > {right} {{ total{name} = step_{call}(total{name}).min({left}); }}"),
            _ => format!("log::debug!(\"{call} {left}\"); total{name} = total{name}.rotate_left({right});"),
        };
        let _ = writeln!(text, "    {line}");
    }
    let _ = writeln!(text, "    Some(total{name})\n}}\n");
    text
}

fn write_workspace(root: &Path, symbols: usize) {
    let mut texts = Vec::new();
    for file in 0..symbols.div_ceil(PER_FILE) {
        let folder = root.join(format!("src/part_{}", file / 100));
        fs::create_dir_all(&folder).expect("a folder");
        let names = file * PER_FILE..((file + 1) * PER_FILE).min(symbols);
        // One in ten repeats an earlier one.
        let mut text: String =
            names.map(|name| function(name, if name % 10 == 9 { (name / 2) as u64 } else { name as u64 })).collect();
        let _ = writeln!(text, "fn left_alone_{file}() {{}}");
        let path = folder.join(format!("file_{file}.rs"));
        fs::write(&path, format!("{text}pub fn removed_later_{file}() {{}}\n")).expect("a file");
        texts.push((path, text));
        let page = root.join(format!("docs/part_{}", file / 100));
        fs::create_dir_all(&page).expect("a folder");
        fs::write(page.join(format!("page_{file}.md")), format!("Call `removed_later_{file}` first.\n"))
            .expect("a page");
    }
    git(root, &["init", "--quiet"]);
    git(root, &["add", "--all"]);
    git(root, &["commit", "--quiet", "--message", "first"]);
    for (path, text) in texts {
        fs::write(path, text).expect("a file");
    }
    git(root, &["commit", "--quiet", "--all", "--message", "remove what the pages name"]);
}

fn git(root: &Path, arguments: &[&str]) {
    let who = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org", "-c", "commit.gpgsign=false"];
    let status = Command::new("git").arg("-C").arg(root).args(who).args(arguments).status().expect("git runs");
    assert!(status.success(), "git {arguments:?}");
}

/// Resident memory in MiB; 0 where the system does not say.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kib| kib / 1024)
}

fn measure(symbols: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("workspace");
    write_workspace(&root, symbols);
    let location = Location::of(&root, &IndexDir::At(folder.path().join("index"))).expect("a place for the index");
    let never = AtomicBool::new(false);
    let (mut host, _) = Host::open(location, Settings::default()).expect("the index opens");
    host.index(&|_| (), &never).expect("the index is built");
    let snapshot = host.snapshot();
    let before = resident();
    for rules in [&[Rule::DuplicateCode][..], &[Rule::StaleReference], &[Rule::UnusedSymbol]] {
        let options = Options { selection: Selection::of(rules.iter().copied()), ..Options::default() };
        let started = Instant::now();
        let report = check(&snapshot, &options, &never).expect("it can be checked");
        let took: Duration = started.elapsed();
        println!(
            "{symbols:>8} symbols  {:<16} {:>9.1} ms  {:>6.2} us per symbol  {:>6} findings  {:>5} MiB more",
            rules[0].code(),
            took.as_secs_f64() * 1e3,
            took.as_secs_f64() * 1e6 / symbols as f64,
            report.findings.len(),
            resident().saturating_sub(before)
        );
    }
}

/// From the command to its end, for a change in a repository of which the index is there.
const WARM: Duration = Duration::from_secs(1);
const RUNS: usize = 10;
const CHANGED: usize = 10;
/// Endings of files in which a line can be a comment after two slashes.
const SLASHED: &[&str] = &[".rs", ".go", ".java", ".ts", ".js", ".cc", ".h", ".kt", ".scala"];

/// Checks a clone of a repository again and again, each time after a change of ten files. Returns the median.
fn warm(source: &Path) -> Duration {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let root = folder.path().join("workspace");
    let from = source.canonicalize().expect("the folder is there");
    git(folder.path(), &["clone", "--quiet", "--shared", &from.display().to_string(), &root.display().to_string()]);
    let program = Program::new(env!("CARGO_BIN_EXE_conexus"));
    program.run(&root, ["index", "--quiet"]).expect(0);
    let listed = Command::new("git").arg("-C").arg(&root).args(["ls-files", "-z"]).output().expect("git runs").stdout;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let files: Vec<&str> = listed.split('\0').filter(|path| SLASHED.iter().any(|end| path.ends_with(end))).collect();
    let mut times: Vec<Duration> = Vec::new();
    for run in 0..RUNS {
        for path in files.iter().step_by((files.len() / CHANGED).max(1)).take(CHANGED) {
            let mut text = fs::read(root.join(path)).expect("a file");
            let _ = std::io::Write::write_all(&mut text, format!("// change {run}\n").as_bytes());
            fs::write(root.join(path), text).expect("a file");
        }
        let started = Instant::now();
        program.run(&root, ["check", "--changed-since", "HEAD"]).expect_any(&[0, 1]);
        times.push(started.elapsed());
    }
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!(
        "{}: {} files of code, {CHANGED} changed, {RUNS} runs: p50 {} ms, p90 {} ms, most {} ms",
        source.display(),
        files.len(),
        at(50).as_millis(),
        at(90).as_millis(),
        at(100).as_millis()
    );
    at(50)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.first().is_some_and(|argument| argument == "warm") {
        let slow = arguments[1..].iter().filter(|folder| warm(Path::new(folder)) > WARM).count();
        return ExitCode::from(u8::from(slow > 0));
    }
    let sizes: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    for &symbols in if sizes.is_empty() { SIZES } else { &sizes } {
        measure(symbols);
    }
    ExitCode::SUCCESS
}
