//! Many assistants at once: `cargo bench --bench load -- DIR [--connections 500] [--in-flight 100] [--seconds 30]`.
//!
//! `conexus serve` indexes a copy of the folder. First `context_search` is asked over one connection, one request at a
//! time, and the engine itself is asked the same queries in this process; and each tool is asked by itself (`load/tools`).
//! Then all connections are opened and kept, and
//! so many of them as said have a request in flight at any moment, each after a tool of a mix, while files appear
//! underneath. The loop is closed: a request is sent when an answer came. Each answer is held against what the index
//! says of the same symbol; an error of the protocol, a refusal or a wrong answer is an error and fails the run, and so
//! does a file that is not found at the end. Prints the table of `docs/performance.md`.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "load/connection.rs"]
mod connection;
#[path = "load/tools.rs"]
mod tools;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::Thread,
    time::{Duration, Instant},
};

use conexus_core::{Query, SymbolKind};
use conexus_engine::{Host, Location, Settings, Snapshot, walk};
use conexus_testkit::{Program, wait_for};
use connection::{Connection, Endpoint, QUESTIONS};
use serde_json::{Value, json};

/// For an index of many thousand files on a busy machine.
const INDEXING: Duration = Duration::from_mins(10);
/// For a file to be found while all connections are busy.
const FOUND: Duration = Duration::from_mins(1);
/// Queries of the comparison with the engine.
const COMPARED: usize = 400;
/// Symbols that are asked for.
const SYMBOLS: usize = 500;
/// Between two new files.
const CHANGE: Duration = Duration::from_millis(250);

struct Options {
    folder: PathBuf,
    connections: usize,
    in_flight: usize,
    seconds: u64,
}

/// A symbol whose name no other has, and where it is.
struct Known {
    name: String,
    path: String,
    first_line: String,
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
    println!("{files} files of {}", options.folder.display());

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

    let location = Location::of(&root, Some(&index_dir)).unwrap();
    let (host, _) = Host::open(location, Settings::default()).unwrap();
    let known = known(&host.snapshot());
    println!(
        "{} files and {} chunks in the index",
        host.snapshot().index().file_count(),
        host.snapshot().index().live_chunks()
    );
    let bound_kept = compare(&host.snapshot(), &mut first, &known);
    drop(host);
    let each_right = tools::each(&mut first, &known);
    let clean = load(&options, &endpoint, &known, &root, server.id());
    if bound_kept && each_right && clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The files that an index would hold, copied.
fn copy(from: &Path, to: &Path) -> usize {
    let from = from.canonicalize().unwrap();
    let location = Location::of(&from, None).unwrap();
    let rules = walk::WalkRules::of(&location, &Settings::default());
    let found = walk::walk(&from, &rules, &AtomicBool::new(false)).unwrap();
    for file in &found.files {
        let target = to.join(&file.path);
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(from.join(&file.path), target).unwrap();
    }
    found.files.len()
}

impl Known {
    /// The words of its name.
    fn words(&self) -> String {
        conexus_core::words::parts(&self.name).map(str::to_lowercase).collect::<Vec<_>>().join(" ")
    }
}

/// Symbols with long names of their own, evenly over the index; without headings, which are sentences.
fn known(view: &Snapshot) -> Vec<Known> {
    let mut names: HashMap<&str, usize> = HashMap::new();
    for (_, symbol) in view.index().symbols() {
        *names.entry(symbol.name()).or_default() += 1;
    }
    let mut all: Vec<Known> = Vec::new();
    for (file, symbol) in
        view.index().symbols().filter(|(_, symbol)| symbol.name().len() >= 14 && names[symbol.name()] == 1)
    {
        if symbol.kind() == SymbolKind::Section {
            continue;
        }
        let span = symbol.name_span();
        let Ok(text) = view.text(file.path()) else { continue };
        let Some(before) = text.text.get(..span.start as usize) else { continue };
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.text[start..].lines().next().unwrap_or("").trim().to_owned();
        all.push(Known { name: symbol.name().to_owned(), path: file.path().to_string(), first_line: line });
    }
    let step = (all.len() / SYMBOLS).max(1);
    all.into_iter().step_by(step).take(SYMBOLS).collect()
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
            assert_eq!(found["hits"][0]["path"].as_str(), answer.hits.first().map(|hit| &*hit.path), "{query}");
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

fn load(options: &Options, endpoint: &Endpoint, known: &[Known], root: &Path, process: u32) -> bool {
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
                            let wanted = &known[(round * 7_919) % known.len()];
                            let (tool, time, outcome) = places.taken(|| {
                                let start = Instant::now();
                                let (tool, outcome) = ask(&mut connection, round, wanted);
                                (tool, start.elapsed(), outcome)
                            });
                            own.times.entry(tool).or_default().push(time);
                            if let Err(error) = outcome {
                                own.errors.push(error);
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
                root.join(format!("appeared_{number}.rs")),
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

/// One request of the mix, and whether its answer is right.
fn ask(connection: &mut Connection, round: usize, wanted: &Known) -> (&'static str, Result<(), String>) {
    let right = |is_right: bool, answer: &Value| {
        if is_right { Ok(()) } else { Err(format!("{} of {}: {answer}", wanted.name, wanted.path)) }
    };
    let Known { name, path, first_line } = wanted;
    match round % 10 {
        0..4 => {
            let answer = connection.call("context_search", &json!({ "query": name }));
            ("context_search", answer.and_then(|found| right(found["hits"][0]["path"] == path.as_str(), &found)))
        }
        4 => {
            let answer =
                connection.call("context_search", &json!({ "query": QUESTIONS[round / 10 % QUESTIONS.len()] }));
            ("context_search", answer.and_then(|found| right(!found["hits"][0].is_null(), &found)))
        }
        5 | 6 => {
            let answer = connection.call("context_read", &json!({ "symbol": name }));
            let has = |read: &Value| {
                read["path"] == path.as_str() && read["text"].as_str().is_some_and(|text| text.contains(first_line))
            };
            ("context_read", answer.and_then(|read| right(has(&read), &read)))
        }
        7 => {
            let answer =
                connection.call("context_grep", &json!({ "pattern": format!("\\b{name}\\b"), "paths": [path] }));
            ("context_grep", answer.and_then(|found| right(found["matches"][0]["path"] == path.as_str(), &found)))
        }
        8 => {
            let answer = connection.call("context_explain", &json!({ "symbol": name }));
            ("context_explain", answer.and_then(|facts| right(facts["path"] == path.as_str(), &facts)))
        }
        _ => {
            let answer = connection.call("context_get_related_info", &json!({ "symbol": name }));
            ("context_get_related_info", answer.and_then(|found| right(found["related"].is_array(), &found)))
        }
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
