//! Repeats the figures of `docs/performance.md` on repositories that the caller names:
//! `cargo bench --bench figures -- DIR...`. `--copies N --into FOLDER` joins all of them to one workspace of N variants,
//! each with other words (see `multiply.rs`), for large sizes; what is there already is used again. `--rounds N`
//! takes the middle of N cold runs in place of five, for machines whose cores are shared with others.
//!
//! Most figures are of calls in this process, those of `figures/commands.rs` of the built program from its start to its end.
//! Bounds are ratios within one run: cold indexing against reading and parsing the same files with the same threads,
//! an unchanged run against `git status`. What is above a bound of `docs/performance.md` is named at the end, and the exit
//! code is 1.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "figures/commands.rs"]
mod commands;
#[path = "multiply/mod.rs"]
mod multiply;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use conexus_core::{Query, words};
use conexus_embed::{EmbedderSettings, Environment};
use conexus_engine::{GraphOutcome, Host, Location, Settings, content, walk};
use conexus_syntax::{Analyser, Limits};

/// Questions of the kind that people ask; no repository is meant.
const QUESTIONS: &[&str] = &[
    "where do we retry failed requests",
    "parse command line arguments",
    "connection pool with idle timeout",
    "how is the configuration file loaded and validated",
    "spawn a background task and wait for it",
    "escape html in templates",
    "read a line from a buffered stream",
    "cache eviction policy",
    "serialize a struct to json",
    "open",
    "HttpClient",
    "write_all",
];

/// Files from which the bound of a cold index holds: below it the start of the program counts too much.
const LARGE: u64 = 5_000;
/// A cold index against reading and parsing, and an unchanged run against `git status`, at most.
const RATIO: f64 = 2.0;
/// One changed file.
const ONE_FILE: Duration = Duration::from_millis(20);
/// Opening an index, and an answer. Meant for 10,000 files; larger ones that are named are held to it too.
const OPENING: Duration = Duration::from_millis(100);
/// Chunks up to which a warm query has the first bound; above it, up to a million, the second.
const FEW_CHUNKS: u64 = 12_000;
const QUERY: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(10)];
/// Peak memory at a million chunks, in bytes.
const PEAK: u64 = 2_000_000_000;
/// Of the true ten nearest, those that the graph answers.
const RECALL: f64 = 0.98;

/// What is above its bound.
static MISSED: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn bound(what: &str, is_met: bool) {
    if !is_met {
        MISSED.lock().unwrap_or_else(PoisonError::into_inner).push(what.to_owned());
    }
}

fn main() -> ExitCode {
    run();
    let missed = MISSED.lock().unwrap_or_else(PoisonError::into_inner);
    for what in missed.iter() {
        println!("above its bound: {what}");
    }
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run() {
    let mut folders = Vec::new();
    let (mut copies, mut into, mut rounds) = (0, None, ROUNDS);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--copies" => copies = arguments.next().and_then(|count| count.parse().ok()).unwrap_or(0),
            "--into" => into = arguments.next().map(PathBuf::from),
            "--rounds" => {
                rounds =
                    arguments.next().and_then(|count| count.parse().ok()).filter(|&count| count > 0).unwrap_or(ROUNDS);
            }
            "--bench" => {}
            folder => folders.push(PathBuf::from(folder)),
        }
    }
    if folders.is_empty() {
        println!("name one folder or more: cargo bench --bench figures -- DIR...");
        return;
    }
    println!("threads: {}, peak memory counts this whole process", Settings::default().analysis_threads());
    if copies > 0 {
        let temporary = tempfile::tempdir().unwrap();
        let kept = into.as_deref().unwrap_or(temporary.path());
        let (workspace, index) = (kept.join("workspace"), kept.join("index"));
        if !workspace.exists() {
            multiply::multiply(&folders, copies, &workspace);
        }
        large(&workspace, index);
        return;
    }
    for folder in folders {
        measure(&folder, rounds);
    }
}

/// One large workspace: cold indexing unless the index is there, opening, queries, and the graph's answers against exact
/// ones.
fn large(workspace: &Path, index_dir: PathBuf) {
    let location = Location { root: workspace.canonicalize().unwrap(), index_dir };
    let settings = Settings::default();
    let cancel = AtomicBool::new(false);
    if !location.has_index() {
        let (before, started) = (cpu_time(), Instant::now());
        let (mut host, _) = Host::open(location.clone(), settings.clone()).unwrap();
        let report = host.index(&|_| (), &cancel).unwrap();
        host.close().unwrap();
        println!("{} files, {:.1} MB, {} chunks", report.files, report.bytes as f64 / 1e6, report.chunks);
        row("cold index", started.elapsed(), None);
        row("processor time of the cold index", cpu_time().saturating_sub(before), None);
        println!("| peak resident memory while indexing | {:.0} MB | |", peak_memory() as f64 / 1e6);
        bound("peak memory while indexing", peak_memory() <= PEAK);
    }
    let started = Instant::now();
    let (mut host, _) = Host::open(location, settings).unwrap();
    let answered = host.snapshot().search(&Query::new(QUESTIONS[0]), &cancel).unwrap();
    row("open the index and answer", started.elapsed(), None);
    println!("| hits of the first answer | {} | |", answered.hits.len());
    host.poll().unwrap();
    if !host.snapshot().index().has_graph() {
        queries(&host);
        let (before, started) = (cpu_time(), Instant::now());
        if host.build_graph(&|_| (), &cancel).unwrap() == GraphOutcome::Built {
            row("graph", started.elapsed(), None);
            row("processor time of the graph", cpu_time().saturating_sub(before), None);
        }
    }
    while host.poll().unwrap() || !host.snapshot().index().has_graph() {
        std::thread::sleep(Duration::from_millis(20));
    }
    queries(&host);
    names(&host);
    recall(&host);
    host.close().unwrap();
}

/// The share of the true ten nearest that the graph answers, over the questions and over phrases made of the names of
/// symbols. Near copies have equal scores, and which of them are answered is no matter: what is as near as the tenth
/// counts as true. Fails below the bound.
fn recall(host: &Host) {
    let snapshot = host.snapshot();
    let index = snapshot.index();
    let without_graph = index.without_graph();
    let embedder = EmbedderSettings::Builtin.open(&Environment::default()).unwrap();
    let step = (index.live_chunks() / 400).max(1);
    let phrases = index.alive().iter().step_by(step as usize).filter_map(|slot| {
        let symbol = index.chunk(slot)?.chunk.symbol()?;
        let parts: Vec<&str> = words::parts(symbol.container()).chain(words::parts(symbol.name())).collect();
        Some(parts.join(" "))
    });
    let texts: Vec<String> = QUESTIONS.iter().map(|&text| text.to_owned()).chain(phrases).collect();
    let (mut found, mut wanted, mut spent, mut scanned) = (0, 0, Vec::new(), Vec::new());
    let mut vector = Vec::new();
    for text in &texts {
        embedder.embed_query(text, &mut vector).unwrap();
        let exact = timed(&mut scanned, || without_graph.nearest(&vector, None, 10).unwrap());
        let answered = index.nearest(&vector, None, 10).unwrap();
        timed(&mut spent, || index.nearest(&vector, None, 200).unwrap());
        let Some(tenth) = exact.last() else { continue };
        wanted += exact.len();
        found += answered.iter().filter(|hit| hit.similarity >= tenth.similarity - 1e-6).count().min(exact.len());
    }
    spent.sort();
    scanned.sort();
    row("exact scan, p50", scanned[scanned.len() / 2], None);
    row("200 nearest through the graph, p50", spent[spent.len() / 2], None);
    let recall = found as f64 / wanted as f64;
    println!("| recall@10 of the graph, {} queries | {recall:.4} | |", texts.len());
    bound(&format!("recall of the graph, {recall}"), recall >= RECALL);
}

fn timed<T>(spent: &mut Vec<Duration>, action: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let result = action();
    spent.push(started.elapsed());
    result
}

/// Rounds of a floor and a cold index unless `--rounds` says otherwise: other work on the machine, and how many segments a
/// load leaves, move single runs by a tenth; where cores are shared with others, by much more.
const ROUNDS: usize = 5;

/// A floor and the cold index right after it.
struct Round {
    floor: Duration,
    cold: Duration,
    floor_cpu: Duration,
    cold_cpu: Duration,
}

/// Prints the ratios; the middle one.
fn ratios(of: &str, rounds: &[Round], pair: impl Fn(&Round) -> (Duration, Duration)) -> f64 {
    let ratio = |round: &Round| {
        let (cold, floor) = pair(round);
        cold.as_secs_f64() / floor.as_secs_f64().max(0.001)
    };
    let mut all: Vec<f64> = rounds.iter().map(ratio).collect();
    all.sort_by(f64::total_cmp);
    println!(
        "| ratio of {of}, the middle of {} rounds (least to most) | {:.2} ({:.2} to {:.2}) | |",
        all.len(),
        all[all.len() / 2],
        all[0],
        all[all.len() - 1]
    );
    all[all.len() / 2]
}

fn middle_of(mut spent: Vec<Duration>) -> Duration {
    spent.sort();
    spent[spent.len() / 2]
}

fn measure(folder: &Path, count: usize) {
    let root = folder.canonicalize().unwrap();
    let index = tempfile::tempdir().unwrap();
    let location = Location { root: root.clone(), index_dir: index.path().join("index") };
    let settings = Settings::default();
    let threads = settings.analysis_threads();
    let cancel = AtomicBool::new(false);
    let quiet = |_| ();

    let (host, _) = Host::open(location.clone(), settings.clone()).unwrap();
    let files = walk::walk(&root, &host.walk_rules(), &cancel).unwrap().files;
    host.close().unwrap();
    // What the index leaves out for what it holds, such as minified code, is in neither. The page cache is warm for both.
    let is_indexed = |found: &&walk::Found| content::read(&root.join(&found.path), u64::MAX).is_ok();
    let parsed: Vec<_> = files.iter().filter(is_indexed).collect();
    read_and_parse(&root, &parsed, threads);
    let mut rounds = Vec::new();
    let (mut bytes, mut report) = (0, None);
    for _ in 0..count {
        let before = cpu_time();
        let floor;
        (floor, bytes) = read_and_parse(&root, &parsed, threads);
        let floor_cpu = cpu_time().saturating_sub(before);
        let _ = std::fs::remove_dir_all(&location.index_dir);
        let (mut host, _) = Host::open(location.clone(), settings.clone()).unwrap();
        let (before, started) = (cpu_time(), Instant::now());
        report = Some(host.index(&quiet, &cancel).unwrap());
        host.close().unwrap();
        rounds.push(Round { floor, cold: started.elapsed(), floor_cpu, cold_cpu: cpu_time().saturating_sub(before) });
    }
    let report = report.unwrap();
    let name = root.file_name().unwrap_or_default().to_string_lossy().into_owned();
    println!(
        "\n{name} {}: {} files, {:.1} MB, {} chunks",
        revision(&root),
        report.files,
        bytes as f64 / 1e6,
        report.chunks
    );
    let middle = |of: &dyn Fn(&Round) -> Duration| middle_of(rounds.iter().map(of).collect());
    row("read and parse alone, the middle of the rounds", middle(&|round| round.floor), None);
    row("cold index", middle(&|round| round.cold), None);
    let ratio = ratios("times", &rounds, |round| (round.cold, round.floor));
    bound(&format!("cold index of {name} / reading and parsing, {ratio:.2}"), ratio <= RATIO || report.files < LARGE);
    row("processor time of reading and parsing", middle(&|round| round.floor_cpu), None);
    row("processor time of the cold index", middle(&|round| round.cold_cpu), None);
    ratios("processor times", &rounds, |round| (round.cold_cpu, round.floor_cpu));
    let all = rounds.iter().map(|round| format!("{}/{}", round.cold.as_millis(), round.floor.as_millis()));
    println!("| each round, cold / floor in ms | {} | |", all.collect::<Vec<_>>().join(" "));

    let started = Instant::now();
    let (mut host, _) = Host::open(location.clone(), settings.clone()).unwrap();
    let cancelled = AtomicBool::new(false);
    let answered = host.snapshot().search(&Query::new(QUESTIONS[0]), &cancelled).unwrap();
    let opened = started.elapsed();
    row(&format!("open the index of {} files and answer", report.files), opened, None);
    bound(&format!("opening {name}, {opened:?}"), opened <= OPENING);
    println!("| hits of the first answer | {} | |", answered.hits.len());

    let git = unchanged(&root, &mut host, &files);
    one_file(&root, &mut host, &files);
    queries(&host);
    names(&host);
    host.close().unwrap();
    commands::measure(&root, &files, git.is_some());
}

/// Reads and parses every file once with that many threads, and does nothing else: no hash, no search for secrets.
fn read_and_parse(root: &Path, files: &[&walk::Found], threads: usize) -> (Duration, u64) {
    let next = AtomicUsize::new(0);
    let total = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut analyser = Analyser::new(Limits::default());
                while let Some(found) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let Ok(bytes) = std::fs::read(root.join(&found.path)) else { continue };
                    let text = String::from_utf8_lossy(&bytes);
                    let language = conexus_syntax::detect(&found.path, &text.as_bytes()[..text.len().min(4_096)]);
                    std::hint::black_box(analyser.parse(language, &text));
                    total.fetch_add(text.len(), Ordering::Relaxed);
                }
            });
        }
    });
    (started.elapsed(), total.load(Ordering::Relaxed) as u64)
}

/// The revision that is checked out; empty outside of git.
fn revision(root: &Path) -> String {
    let output = Command::new("git").arg("-C").arg(root).args(["rev-parse", "--short=10", "HEAD"]).output();
    output.map_or(String::new(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// An index of which nothing changed, in a process that has it open; the time of `git status`.
fn unchanged(root: &Path, host: &mut Host, files: &[walk::Found]) -> Option<Duration> {
    let cancel = AtomicBool::new(false);
    let ours = median(7, || host.index(&|_| (), &cancel).map(|report| assert_eq!(report.updated, 0)).unwrap());
    let git = git_status(root).then(|| median(7, || assert!(git_status(root))));
    if let Some(git) = git {
        row("git status", git, None);
        let ratio = ours.as_secs_f64() / git.as_secs_f64();
        row("index again, nothing changed", ours, Some(ratio));
        bound(&format!("nothing changed in {} / git status, {ratio:.2}", root.display()), ratio <= RATIO);
    } else {
        row("index again, nothing changed", ours, None);
    }
    println!("| files looked at | {} | |", files.len());
    git
}

/// Runs `git status`; whether it is a repository.
fn git_status(root: &Path) -> bool {
    let status = Command::new("git").arg("-C").arg(root).args(["status", "--porcelain"]).output();
    status.is_ok_and(|output| output.status.success())
}

/// A file of middling size.
fn middling(files: &[walk::Found]) -> Option<&walk::Found> {
    files.iter().filter(|found| (4_000..20_000).contains(&found.size)).nth(files.len() / 50)
}

/// Changes one file of middling size and brings the index up to date, without the walk that finds it.
fn one_file(root: &Path, host: &mut Host, files: &[walk::Found]) {
    let Some(found) = middling(files) else { return };
    let path = root.join(&found.path);
    let before = std::fs::read(&path).unwrap();
    let cancel = AtomicBool::new(false);
    let mut count = 0;
    let mut spent = Vec::new();
    for _ in 0..9 {
        count += 1;
        let mut changed = before.clone();
        changed.extend_from_slice(format!("\n// change {count}\n").as_bytes());
        std::fs::write(&path, changed).unwrap();
        let started = Instant::now();
        let report = host.index_paths(std::slice::from_ref(&found.path), &cancel).unwrap();
        spent.push(started.elapsed());
        assert_eq!(report.updated, 1);
    }
    std::fs::write(&path, before).unwrap();
    host.index_paths(std::slice::from_ref(&found.path), &cancel).unwrap();
    spent.sort();
    row(&format!("one changed file of {} bytes", found.size), spent[spent.len() / 2], None);
    bound(&format!("one changed file in {}", root.display()), spent[spent.len() / 2] <= ONE_FILE);
}

fn queries(host: &Host) {
    let snapshot = host.snapshot();
    let cancel = AtomicBool::new(false);
    let mut spent = Vec::new();
    for round in 0..20 {
        for question in QUESTIONS {
            let started = Instant::now();
            std::hint::black_box(snapshot.search(&Query::new(*question), &cancel).unwrap());
            if round >= 2 {
                spent.push(started.elapsed());
            }
        }
    }
    spent.sort();
    let chunks = snapshot.index().live_chunks();
    let middle = spent[spent.len() / 2];
    row(&format!("warm query, p50 at {chunks} chunks"), middle, None);
    bound(&format!("warm query at {chunks} chunks"), middle <= QUERY[usize::from(chunks > FEW_CHUNKS)]);
    row("warm query, p99", spent[spent.len() * 99 / 100], None);
    println!("| peak resident memory | {:.0} MB | |", peak_memory() as f64 / 1e6);
}

/// Names asked for at the most.
const NAMES: usize = 2_000;

/// Queries that are one identifier: names that one symbol has, evenly over the index, then identifiers of which there is
/// no definition, some spelled like those that there are and some that stand nowhere.
fn names(host: &Host) {
    let snapshot = host.snapshot();
    let cancel = AtomicBool::new(false);
    let folded = |name: &str| words::parts(name).collect::<String>().to_lowercase();
    let mut known: HashMap<String, Option<(&str, &str)>> = HashMap::new();
    for (file, symbol) in snapshot.index().symbols() {
        let entry = Some((symbol.name(), &**file.path()));
        known.entry(folded(symbol.name())).and_modify(|other| *other = None).or_insert(entry);
    }
    let is_identifier = |name: &str| name.len() > 2 && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let mut unique: Vec<_> = known.values().flatten().filter(|(name, _)| is_identifier(name)).collect();
    unique.sort_unstable();
    let step = unique.len().div_ceil(NAMES).max(1);
    let (mut spent, mut missing) = (Vec::new(), Vec::new());
    for &&(name, path) in unique.iter().step_by(step) {
        let answer = timed(&mut spent, || snapshot.search(&Query::new(name), &cancel).unwrap());
        if answer.hits.first().is_none_or(|hit| &*hit.path != path || &*hit.name != name) {
            missing.push(name);
        }
    }
    spent.sort();
    row(&format!("name of one symbol, {} of {}, p50", spent.len(), unique.len()), spent[spent.len() / 2], None);
    row("name of one symbol, p99", spent[spent.len() * 99 / 100], None);
    println!("| of these not found first | {} {:?} | |", missing.len(), &missing[..missing.len().min(10)]);
    let mut spent = Vec::new();
    for &&(name, _) in unique.iter().step_by(step) {
        for query in [format!("{name}Absent"), format!("absent_{name}"), name.chars().rev().collect()] {
            timed(&mut spent, || snapshot.search(&Query::new(query), &cancel).unwrap());
        }
    }
    spent.sort();
    row("identifier without a definition, p50", spent[spent.len() / 2], None);
    row("identifier without a definition, p99", spent[spent.len() * 99 / 100], None);
}

fn median(runs: usize, mut action: impl FnMut()) -> Duration {
    let mut spent: Vec<Duration> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            action();
            started.elapsed()
        })
        .collect();
    spent.sort();
    spent[runs / 2]
}

fn row(what: &str, spent: Duration, ratio: Option<f64>) {
    let milliseconds = spent.as_secs_f64() * 1e3;
    println!("| {what} | {milliseconds:.2} ms | {} |", ratio.map_or(String::new(), |ratio| format!("{ratio:.2}x")));
}

/// Processor time of this process so far, all threads, in steps of 10 ms; 0 where the system does not say.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The fields after the name, which ends with the last parenthesis; user and system time are the 12th and 13th.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Highest resident memory of this process in bytes; 0 where the system does not say.
fn peak_memory() -> u64 {
    peak_memory_of("self")
}

/// The same of another process.
fn peak_memory_of(process: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}
