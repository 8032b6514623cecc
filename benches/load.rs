//! Many assistants at once: `cargo bench --bench load -- DIR [--connections 500] [--in-flight 100] [--seconds 30]`.
//!
//! `conexus serve` indexes a copy of the folder, with the history of its repository. First `context_search` is asked over one connection, one request at a
//! time, and the engine itself is asked the same queries in this process; and each tool is asked by itself (`load/tools`).
//! Then all connections are opened and kept, and
//! so many of them as said have a request in flight at any moment, each after a tool of a mix, while files appear
//! underneath. The loop is closed: a request is sent when an answer came. Each answer is held against the places, lines and
//! relations that the index had before the load (`load/expected`); an error of the protocol, a refusal or a wrong answer is
//! an error and fails the run, and so does a file that is not found at the end. Prints the table of `docs/performance.md`.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "load/connection.rs"]
mod connection;
#[path = "load/expected.rs"]
mod expected;
#[path = "load/tools.rs"]
mod tools;

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::Thread,
    time::{Duration, Instant},
};

use conexus_core::Query;
use conexus_engine::{Host, IndexDir, Location, Settings, Snapshot, walk};
use conexus_testkit::{Program, wait_for};
use connection::{Connection, Endpoint, QUESTIONS};
use expected::{APPEARED, Expected, Known, is_answer_of};
use serde_json::{Value, json};

/// For an index of many thousand files on a busy machine.
const INDEXING: Duration = Duration::from_mins(10);
/// For a file to be found while all connections are busy.
const FOUND: Duration = Duration::from_mins(1);
/// Queries of the comparison with the engine.
const COMPARED: usize = 400;
/// Between two new files.
const CHANGE: Duration = Duration::from_millis(250);

struct Options {
    folder: PathBuf,
    connections: usize,
    in_flight: usize,
    seconds: u64,
}

fn main() -> ExitCode {
    let mut options = Options { folder: PathBuf::from("."), connections: 500, in_flight: 100, seconds: 30 };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|number| number.parse::<usize>().ok()).unwrap();
        match argument.as_str() {
            "--connections" => options.connections = number(),
            "--in-flight" => options.in_flight = number(),
            "--seconds" => options.seconds = number() as u64,
            "--bench" => {}
            folder => options.folder = PathBuf::from(folder),
        }
    }
    let program = Program::new(env!("CARGO_BIN_EXE_conexus"));
    let own = tempfile::tempdir().unwrap();
    let root = own.path().join("workspace").join("x");
    let files = copy(&options.folder, root.parent().unwrap());
    let root = root.parent().unwrap().canonicalize().unwrap();
    let history = if keep_history(&options.folder.canonicalize().unwrap(), &root) { "with" } else { "without" };
    println!("{files} files of {}, {history} a history", options.folder.display());

    let index_dir = own.path().join("index");
    let mut command = program.command(&root);
    command.arg("--workspace").arg(&root).arg("--index-dir").arg(&index_dir).arg("serve");
    let server = conexus_testkit::start(command);
    let endpoint = wait_for("the endpoint's file", INDEXING, || Endpoint::find(program.home()));
    let mut first = Connection::open(&endpoint).unwrap();
    wait_for("a complete index", INDEXING, || {
        let status = first.call("context_index_control", &json!({ "action": "status" })).unwrap();
        (status["activity"] == "idle").then_some(())
    });

    let location = Location::of(&root, &IndexDir::At(index_dir)).unwrap();
    let (host, _) = Host::open(location, Settings::default()).unwrap();
    let expected = Expected::of(&host.snapshot());
    println!(
        "{} files and {} chunks in the index",
        host.snapshot().index().file_count(),
        host.snapshot().index().live_chunks()
    );
    // The server has closed what rested meanwhile.
    first = Connection::open(&endpoint).unwrap();
    let bound_kept = compare(&host.snapshot(), &mut first, &expected.symbols);
    let each_right = tools::each(&mut first, &expected.symbols, &host.snapshot());
    drop(host);
    let clean = load(&options, &endpoint, &expected, &root, server.id());
    if bound_kept && each_right && clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The files that an index would hold, copied.
fn copy(from: &Path, to: &Path) -> usize {
    let from = from.canonicalize().unwrap();
    let location = Location::of(&from, &IndexDir::Cache).unwrap();
    let rules = walk::WalkRules::of(&location, &Settings::default());
    let found = walk::walk(&from, &rules, &AtomicBool::new(false)).unwrap();
    for file in &found.files {
        let target = to.join(&file.path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(from.join(&file.path), target).unwrap();
    }
    found.files.len()
}

/// Gives the copy the history of the folder, so that what reads it costs what it costs; whether there is one.
fn keep_history(from: &Path, to: &Path) -> bool {
    if !from.join(".git").exists() {
        return false;
    }
    let git = |arguments: &[&std::ffi::OsStr]| {
        let status = std::process::Command::new("git").args(arguments).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    };
    let cloned = to.with_extension("clone");
    let clone = ["clone", "--quiet", "--no-checkout"].map(std::ffi::OsStr::new);
    git(&[&clone[..], &[from.as_os_str(), cloned.as_os_str()]].concat());
    std::fs::rename(cloned.join(".git"), to.join(".git")).unwrap();
    let reset = ["reset", "--quiet"].map(std::ffi::OsStr::new);
    git(&[&[std::ffi::OsStr::new("-C"), to.as_os_str()], &reset[..]].concat());
    true
}

/// Asks the engine and the endpoint the same; whether the endpoint keeps its bound.
fn compare(view: &Snapshot, connection: &mut Connection, known: &[Known]) -> bool {
    let queries: Vec<&str> =
        known.iter().map(|known| &*known.name).chain(QUESTIONS.iter().copied()).cycle().take(COMPARED).collect();
    let cancel = AtomicBool::new(false);
    let (mut engine, mut endpoint) = (Vec::new(), Vec::new());
    for round in 0..2 {
        for query in &queries {
            let start = Instant::now();
            let answer = view.search(&Query::new(*query), &cancel).unwrap();
            let own = start.elapsed();
            let start = Instant::now();
            let found = connection.call("context_search", &json!({ "query": query })).unwrap();
            let whole = start.elapsed();
            assert!(!answer.hits.is_empty() && is_answer_of(view, query, &found), "{query}: {found}");
            // The first round warms both up.
            if round > 0 {
                engine.push(own);
                endpoint.push(whole);
            }
        }
    }
    let (engine, endpoint) = (percentile(&mut engine, 50), percentile(&mut endpoint, 50));
    let bound = engine * 3 + Duration::from_micros(500);
    println!("context_search, one at a time, p50: engine {engine:.2?}, over HTTP {endpoint:.2?}, bound {bound:.2?}");
    endpoint <= bound
}

/// Places for requests in flight, given in the order in which they were asked for: a connection that waits for long is
/// closed by the server.
struct Places {
    state: Mutex<Waiting>,
    most: AtomicUsize,
    all: usize,
}

struct Waiting {
    free: usize,
    queue: VecDeque<(Arc<AtomicBool>, Thread)>,
}

impl Places {
    fn new(all: usize) -> Self {
        Self { state: Mutex::new(Waiting { free: all, queue: VecDeque::new() }), most: AtomicUsize::new(0), all }
    }

    fn taken<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut state = self.state.lock().unwrap();
        if state.free > 0 {
            state.free -= 1;
            self.most.fetch_max(self.all - state.free, Ordering::Relaxed);
            drop(state);
        } else {
            let given = Arc::new(AtomicBool::new(false));
            state.queue.push_back((Arc::clone(&given), std::thread::current()));
            drop(state);
            while !given.load(Ordering::Acquire) {
                std::thread::park();
            }
        }
        let result = work();
        let mut state = self.state.lock().unwrap();
        match state.queue.pop_front() {
            Some((given, thread)) => {
                given.store(true, Ordering::Release);
                thread.unpark();
            }
            None => state.free += 1,
        }
        result
    }
}

#[derive(Default)]
struct Results {
    times: BTreeMap<&'static str, Vec<Duration>>,
    errors: Vec<String>,
}

fn load(options: &Options, endpoint: &Endpoint, expected: &Expected, root: &Path, process: u32) -> bool {
    let places = Places::new(options.in_flight);
    let results = Mutex::new(Results::default());
    let (opened, written) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let stop = AtomicBool::new(false);
    let start = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..options.connections {
            let (places, results, opened, stop) = (&places, &results, &opened, &stop);
            let client = move || {
                let mut own = Results::default();
                match Connection::open(endpoint) {
                    Ok(mut connection) => {
                        opened.fetch_add(1, Ordering::Relaxed);
                        let mut round = number;
                        while !stop.load(Ordering::Relaxed) {
                            round += 1;
                            let wanted = &expected.symbols[(round * 7_919) % expected.symbols.len()];
                            let (tool, time, answer) = places.taken(|| {
                                let start = Instant::now();
                                let (tool, answer) = ask(&mut connection, round, wanted);
                                (tool, start.elapsed(), answer)
                            });
                            own.times.entry(tool).or_default().push(time);
                            match answer {
                                Ok(answer) if is_right(expected, round, wanted, &answer) => {}
                                Ok(answer) => own.errors.push(format!("{tool} of {}: {answer}", wanted.name)),
                                Err(error) => own.errors.push(error),
                            }
                        }
                    }
                    Err(error) => own.errors.push(error),
                }
                let mut results = results.lock().unwrap();
                for (tool, times) in own.times {
                    results.times.entry(tool).or_default().extend(times);
                }
                results.errors.extend(own.errors);
            };
            std::thread::Builder::new().stack_size(256 << 10).spawn_scoped(scope, client).unwrap();
        }
        while start.elapsed() < Duration::from_secs(options.seconds) {
            let number = written.fetch_add(1, Ordering::Relaxed);
            std::fs::write(
                root.join(format!("{APPEARED}{number}.rs")),
                format!("pub fn appeared_underneath_{number}() {{}}\n"),
            )
            .unwrap();
            std::thread::sleep(CHANGE);
        }
        stop.store(true, Ordering::Relaxed);
    });
    let took = start.elapsed();
    let mut results = results.into_inner().unwrap();
    let mut connection = Connection::open(endpoint).unwrap();
    let lost = (0..written.load(Ordering::Relaxed)).filter(|number| !is_found(&mut connection, *number)).count();

    let all: usize = results.times.values().map(Vec::len).sum();
    println!(
        "{} connections, at most {} requests in flight, {:.0} s: {all} answers, {:.0} a second, {} errors, {lost} of {} files lost, peak memory {} MiB",
        opened.load(Ordering::Relaxed),
        places.most.load(Ordering::Relaxed),
        took.as_secs_f64(),
        all as f64 / took.as_secs_f64(),
        results.errors.len(),
        written.load(Ordering::Relaxed),
        peak(process)
    );
    println!("\n| tool | answers | p50 | p95 | p99 |\n|---|---|---|---|---|");
    let every: Vec<Duration> = results.times.values().flatten().copied().collect();
    results.times.insert("all", every);
    for (tool, times) in &mut results.times {
        let [p50, p95, p99] = [50, 95, 99].map(|percent| percentile(times, percent).as_secs_f64() * 1e3);
        println!("| `{tool}` | {} | {p50:.1} ms | {p95:.1} ms | {p99:.1} ms |", times.len());
    }
    for error in results.errors.iter().take(5) {
        println!("error: {error}");
    }
    results.errors.is_empty() && lost == 0 && opened.load(Ordering::Relaxed) == options.connections
}

/// The question of a round.
fn question(round: usize) -> usize {
    round / 10 % QUESTIONS.len()
}

/// One request of the mix.
fn ask(connection: &mut Connection, round: usize, wanted: &Known) -> (&'static str, Result<Value, String>) {
    let Known { name, path, .. } = wanted;
    let (tool, arguments) = match round % 10 {
        0..4 => ("context_search", json!({ "query": name })),
        4 => ("context_search", json!({ "query": QUESTIONS[question(round)] })),
        5 | 6 => ("context_read", json!({ "symbol": name })),
        7 => ("context_grep", json!({ "pattern": format!("\\b{name}\\b"), "paths": [path] })),
        8 => ("context_explain", json!({ "symbol": name })),
        _ => ("context_get_related_info", json!({ "symbol": name })),
    };
    (tool, connection.call(tool, &arguments))
}

/// Whether the answer of a round is what the index had before the load.
fn is_right(expected: &Expected, round: usize, wanted: &Known, answer: &Value) -> bool {
    match round % 10 {
        0..4 => wanted.is_found(answer),
        4 => expected.is_answer(question(round), answer),
        5 | 6 => wanted.is_read(answer),
        7 => wanted.is_grepped(answer),
        8 => wanted.is_explained(answer),
        _ => wanted.is_related(answer),
    }
}

fn is_found(connection: &mut Connection, number: usize) -> bool {
    let name = format!("appeared_underneath_{number}");
    let deadline = Instant::now() + FOUND;
    while Instant::now() < deadline {
        let found = connection.call("context_search", &json!({ "query": name, "mode": "symbol" })).unwrap();
        if found["hits"][0]["name"] == name.as_str() {
            return true;
        }
    }
    false
}

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

/// Largest resident memory of a process in MiB, as Linux says it.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().split(' ').next().and_then(|kilobytes| kilobytes.parse::<u64>().ok()).unwrap_or(0) / 1024
}
