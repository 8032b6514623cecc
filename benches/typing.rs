//! Types into real code through the language server and takes the time until the newest text is found:
//! `cargo bench --bench typing -- DIR... [--rate 20] [--edits 400] [--lines 10000] [--assistants 8]`.
//!
//! The files of all folders are copied to one workspace under git, so nothing of the caller's is touched; one of them
//! should hold Rust, of which the document is made. Each edit gives a definition another name, right beside what is
//! typed, and asks `workspace/symbol` for that name: an answer without it is stale and counts on. The loop is open, as
//! a person is: the next edit is sent on schedule, also when the last answer is late. Typing alone and beside assistants
//! that ask over MCP without a pause takes turns, and the last line is the ratio of both. The bounds are those of
//! `docs/performance.md`; above one of them the exit code is 1.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

#[path = "typing/assistants.rs"]
mod assistants;
#[path = "load/connection.rs"]
mod connection;
#[path = "typing/document.rs"]
mod document;
#[path = "typing/session.rs"]
mod session;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use conexus_engine::walk;
use conexus_testkit::Program;
use document::Document;
use serde_json::{Value, json};
use session::{Came, Session};

/// From `initialized` to the first answer.
const FIRST_ANSWER: Duration = Duration::from_millis(100);
/// From a change to the answer that knows it, at the 99th percentile.
const SEARCHABLE: Duration = Duration::from_millis(50);
/// Slow requests in flight.
const SLOW: usize = 4;
/// Times that typing alone and beside assistants is measured, one after the other.
const TURNS: usize = 3;
/// Edits of a burst, and the pause after it: longer than the quiet that a check waits for, shorter than most checks of a
/// large workspace.
const BURST: usize = 10;
const PAUSE: Duration = Duration::from_millis(600);
/// Files that differ between the two branches.
const CHECKED_OUT: usize = 400;
/// The document.
const DOCUMENT: &str = "typed/typed.rs";
/// Another one as large, which is opened with it.
const SECOND: &str = "typed/second.rs";

struct Options {
    folders: Vec<PathBuf>,
    rate: u32,
    edits: usize,
    lines: usize,
    assistants: usize,
}

fn main() -> ExitCode {
    let mut options = Options { folders: Vec::new(), rate: 20, edits: 400, lines: 10_000, assistants: 8 };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|number| number.parse().ok()).unwrap();
        match argument.as_str() {
            "--rate" => options.rate = number(),
            "--edits" => options.edits = number() as usize,
            "--lines" => options.lines = number() as usize,
            "--assistants" => options.assistants = number() as usize,
            "--bench" => {}
            folder => options.folders.push(PathBuf::from(folder)),
        }
    }
    if options.folders.is_empty() {
        println!("name one folder or more: cargo bench --bench typing -- DIR...");
        return ExitCode::SUCCESS;
    }
    let temporary = tempfile::tempdir().unwrap();
    let workspace = temporary.path().canonicalize().unwrap().join("workspace");
    let (files, code) = copy(&options.folders, &workspace, options.lines);
    let mut document = Document::new(&code, options.lines);
    std::fs::create_dir_all(workspace.join("typed")).unwrap();
    std::fs::write(workspace.join(DOCUMENT), &document.text).unwrap();
    std::fs::write(workspace.join(SECOND), document.text.replace(&session::marker(0), "beside")).unwrap();
    branches(&workspace);
    println!("{files} files, a document of {} lines, {} edits a second", document.text.lines().count(), options.rate);

    let program = Program::new(env!("CARGO_BIN_EXE_conexus"));
    program.run(&workspace, ["index"]).expect(0);
    let mut command = program.command(&workspace);
    command.arg("lsp");
    let session = Session::start(command);
    let mut is_good = open(&session, &workspace, &document);
    let mut version = 1;
    let mut bench = |what: &str, session: &Session, slow: usize| {
        let pause = if what.starts_with("in bursts") { PAUSE } else { Duration::ZERO };
        let mut edits = type_on(session, &workspace, &mut document, &mut version, &options, slow, pause);
        is_good &= edits.report(what);
        edits.spent
    };
    bench("warming up, not counted in the bounds", &session, 0);
    bench("alone", &session, 0);
    bench("with 4 slow requests in flight", &session, SLOW);
    // Pauses in which a check begins, so that each burst meets one.
    for (diagnostics, what) in [(false, "in bursts of 10"), (true, "in bursts of 10, findings turned on")] {
        session.notify(
            "workspace/didChangeConfiguration",
            &json!({ "settings": { "conexus": { "diagnostics": diagnostics } } }),
        );
        bench(what, &session, 0);
    }
    session.notify("workspace/didChangeConfiguration", &json!({ "settings": { "conexus": {} } }));
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for branch in ["other", "main"].into_iter().cycle() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                git(&workspace, &["checkout", "--quiet", branch]);
                std::thread::sleep(Duration::from_secs(2));
            }
        });
        bench("while git checks out 400 files every two seconds", &session, 0);
        ended.store(true, Ordering::Relaxed);
    });
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        alone.extend(bench("alone, in turns", &session, 0));
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| assistants::ask_until(program.home(), options.assistants, &ended));
            beside.extend(bench("beside assistants, in turns", &session, 0));
            ended.store(true, Ordering::Relaxed);
            let times = asking.join().unwrap();
            println!("| calls of {} assistants | {}, p50 {:.1} ms |", options.assistants, times.len(), at(&times, 0.5));
        });
    }
    for spent in [&mut alone, &mut beside] {
        spent.sort();
    }
    let ratio = |share| at(&beside, share) / at(&alone, share);
    println!("| beside assistants / alone | p50 {:.2} | p95 {:.2} | p99 {:.2} |", ratio(0.5), ratio(0.95), ratio(0.99));
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Copies what a walk finds to one workspace; how many files, and the Rust among them for as many lines.
fn copy(folders: &[PathBuf], into: &Path, lines: usize) -> (usize, String) {
    let rules = walk::WalkRules {
        threads: 2,
        hidden: false,
        ignore_files: true,
        max_file_bytes: 2 << 20,
        index_dir: None,
        exclude: Vec::new(),
        sources: Vec::new(),
    };
    let (mut count, mut code) = (0, String::new());
    let mut left = lines;
    for (number, folder) in folders.iter().enumerate() {
        for found in walk::walk(folder, &rules, &AtomicBool::new(false)).unwrap().files {
            let to = into.join(number.to_string()).join(&found.path);
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(folder.join(&found.path), &to).unwrap();
            count += 1;
            if left > 0 && Path::new(&found.path).extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&to).unwrap();
                left = left.saturating_sub(text.lines().count());
                code.push_str(&text);
                code.push('\n');
            }
        }
    }
    (count, code)
}

fn git(workspace: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    command
        .current_dir(workspace)
        .args(["-c", "user.name=typing", "-c", "user.email=typing@localhost"])
        .args(arguments);
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes two branches that differ in hundreds of files, each a little.
fn branches(workspace: &Path) {
    git(workspace, &["init", "--quiet", "--initial-branch=main"]);
    git(workspace, &["add", "--all", "--force"]);
    git(workspace, &["commit", "--quiet", "--message", "first"]);
    git(workspace, &["checkout", "--quiet", "-b", "other"]);
    let output = Command::new("git").current_dir(workspace).args(["ls-files", "-z"]).output().unwrap();
    let files = String::from_utf8(output.stdout).unwrap();
    let is_code = |file: &&str| {
        let extension = Path::new(file).extension().and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| ["rs", "java", "go", "py", "ts", "js"].contains(&extension))
            && ![DOCUMENT, SECOND].contains(file)
    };
    let files: Vec<&str> = files.split('\0').filter(is_code).collect();
    for file in files.iter().step_by((files.len() / CHECKED_OUT).max(1)).take(CHECKED_OUT) {
        let path = workspace.join(file);
        let mut text = std::fs::read(&path).unwrap();
        text.extend_from_slice(b"\n// On the other branch this file says more.\n");
        std::fs::write(&path, text).unwrap();
    }
    git(workspace, &["commit", "--quiet", "--all", "--message", "second"]);
    git(workspace, &["checkout", "--quiet", "main"]);
}

fn uri(workspace: &Path, path: &str) -> String {
    format!("file://{}/{path}", workspace.display())
}

/// Begins the session and opens the documents; whether the first answer came in time.
fn open(session: &Session, workspace: &Path, document: &Document) -> bool {
    let root = format!("file://{}", workspace.display());
    session.call("initialize", &json!({ "processId": null, "rootUri": root, "capabilities": {} }));
    let started = Instant::now();
    session.notify("initialized", &json!({}));
    let (result, at) = session.call("workspace/symbol", &json!({ "query": session::marker(0) }));
    let first = at - started;
    let found = result.as_array().map_or(0, Vec::len);
    println!("| first answer after `initialized` | {:.1} ms | {found} symbols |", first.as_secs_f64() * 1e3);
    for (path, text) in [(DOCUMENT, &document.text), (SECOND, &document.text.replace(&session::marker(0), "beside"))] {
        let item = json!({ "uri": uri(workspace, path), "languageId": "rust", "version": 1, "text": text });
        session.notify("textDocument/didOpen", &json!({ "textDocument": item }));
    }
    first <= FIRST_ANSWER && found > 0
}

/// The time that a share of all took at most, in milliseconds; they are sorted.
fn at(times: &[Duration], share: f64) -> f64 {
    times[((times.len() - 1) as f64 * share).round() as usize].as_secs_f64() * 1e3
}

/// What a run of edits showed.
struct Edits {
    spent: Vec<Duration>,
    stale: usize,
    slow: Vec<Duration>,
    processor: Duration,
    wall: Duration,
}

impl Edits {
    /// Prints it; whether the bound is kept.
    fn report(&mut self, what: &str) -> bool {
        self.spent.sort();
        let at = |share: f64| at(&self.spent, share);
        println!(
            "| {what} | p50 {:.1} ms | p95 {:.1} ms | p99 {:.1} ms | max {:.1} ms | {} stale | {:.1} ms processor time an \
             edit, {:.0} % of one core |",
            at(0.5),
            at(0.95),
            at(0.99),
            at(1.0),
            self.stale,
            self.processor.as_secs_f64() * 1e3 / self.spent.len() as f64,
            self.processor.as_secs_f64() * 1e2 / self.wall.as_secs_f64(),
        );
        if !self.slow.is_empty() {
            self.slow.sort();
            let middle = self.slow[self.slow.len() / 2].as_secs_f64() * 1e3;
            println!("| slow requests answered meanwhile | {}, p50 {middle:.1} ms |", self.slow.len());
        }
        at(0.99) <= SEARCHABLE.as_secs_f64() * 1e3 || what.starts_with("warming up")
    }
}

/// Types on schedule.
fn type_on(
    session: &Session,
    workspace: &Path,
    document: &mut Document,
    version: &mut i32,
    options: &Options,
    slow: usize,
    pause: Duration,
) -> Edits {
    let uri = uri(workspace, DOCUMENT);
    let period = Duration::from_secs(1) / options.rate;
    let (mut sent, mut first) = (Vec::with_capacity(options.edits), None);
    let mut edits =
        Edits { spent: Vec::new(), stale: 0, slow: Vec::new(), processor: Duration::ZERO, wall: Duration::ZERO };
    let mut in_flight: Vec<(u64, Instant)> = Vec::new();
    let before = processor_time(session.process());
    let started = Instant::now();
    let mut next = 0;
    while edits.spent.len() < options.edits {
        while in_flight.len() < slow && next < options.edits {
            in_flight.push((
                session.ask("conexus/search", &slow_request(edits.slow.len() + in_flight.len())),
                Instant::now(),
            ));
        }
        let due = started + period * next as u32 + pause * (next / BURST) as u32;
        let now = Instant::now();
        if next < options.edits && now >= due {
            let (changes, edit) = document.edit();
            *version += 1;
            let identifier = json!({ "uri": uri, "version": *version });
            first.get_or_insert(edit);
            sent.push(Instant::now());
            session.notify("textDocument/didChange", &json!({ "textDocument": identifier, "contentChanges": changes }));
            session.ask_for(edit);
            next += 1;
            continue;
        }
        let wait = if next < options.edits { due - now } else { Duration::from_secs(20) };
        match session.came.recv_timeout(wait) {
            Ok(Came::Known { edit, at }) => edits.spent.push(at - sent[edit - first.unwrap_or(0)]),
            Ok(Came::Stale) => edits.stale += 1,
            Ok(Came::Answer { id, at, .. }) => {
                if let Some(place) = in_flight.iter().position(|(other, _)| *other == id) {
                    edits.slow.push(at - in_flight.remove(place).1);
                }
            }
            Err(_) => assert!(next < options.edits, "an edit is not found after 20 seconds"),
        }
    }
    edits.wall = started.elapsed();
    edits.processor = processor_time(session.process()).saturating_sub(before);
    edits
}

/// A search that has much to say.
fn slow_request(number: usize) -> Value {
    let questions = [
        "where is a failed request sent again",
        "how are the messages of a client compressed",
        "the open connections of a pool",
    ];
    json!({ "query": questions[number % questions.len()], "limit": 1000, "explain": true })
}

/// Processor time of a process and those that it started so far, in steps of 10 ms; 0 where the system does not say. The
/// one that the client starts only guards the one that does the work.
fn processor_time(process: u32) -> Duration {
    let of = |file: &str| std::fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
    let stat = of("stat");
    // The fields after the name, which ends with the last parenthesis; user and system time are the 12th and 13th.
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    let started = of(&format!("task/{process}/children"));
    let started = started.split_whitespace().filter_map(|child| child.parse().ok());
    Duration::from_millis(ticks * 10) + started.map(processor_time).sum::<Duration>()
}
