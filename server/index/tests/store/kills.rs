//! A process that is killed in the middle of what only large or old indexes do: publishing within a load, building a graph,
//! giving out slots anew, pruning.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use conexus_core::BlobId;
use conexus_index::{Access, Batch, IndexSnapshot, Store, StoreSettings, TextSource};

use crate::support::*;

/// Names the folder for the process that is killed.
const FOLDER: &str = "CONEXUS_TEST_STORE";
const FILES: usize = 12;
/// Steps for which there are texts; more than all processes together come to.
const STEPS: usize = 6_000;
/// Rounds of all phases until a process ends by itself.
const ROUNDS: usize = 4;
const PHASES: [&str; 8] = ["load", "publish", "end of the load", "commits", "graph", "prune", "flush", "renumber"];

/// The limits from which large indexes behave otherwise, brought down to a hundred chunks.
fn small() -> StoreSettings {
    StoreSettings {
        delta_chunks: 16,
        graph_from: 40,
        renumber_from: 200,
        publish_after: Duration::from_millis(1),
        former_bytes: 1 << 12,
        ..settings()
    }
}

fn path(step: usize) -> String {
    format!("f{}.rs", step * 7 % FILES)
}

fn text(step: usize) -> String {
    let mut text = String::new();
    for part in 0..8 {
        let _ = writeln!(text, "fn name_{step}_{part}() {{\n    alpha beta{} gamma\n}}", step % 5);
    }
    text
}

fn removes(step: usize) -> bool {
    step % 6 == 5
}

fn batch(step: usize) -> Batch {
    if removes(step) { removals(&[&path(step)]) } else { updates(vec![new(&path(step), &text(step))]) }
}

/// The step whose text each file has.
type State = [Option<usize>; FILES];

/// The states before and after every step.
fn states() -> Vec<State> {
    let mut states = vec![State::default()];
    for step in 0..STEPS {
        let mut state = states[step];
        state[step * 7 % FILES] = (!removes(step)).then_some(step);
        states.push(state);
    }
    states
}

/// The texts of all steps.
struct Texts(BTreeMap<BlobId, usize>);

impl Texts {
    fn all() -> Self {
        Self((0..STEPS).map(|step| (blob(&text(step)), step)).collect())
    }

    fn state_of(&self, snapshot: &IndexSnapshot) -> State {
        let mut state = State::default();
        for file in snapshot.files() {
            let step = self.0[&file.blob()];
            assert_eq!(&**file.path(), path(step));
            state[step * 7 % FILES] = Some(step);
        }
        state
    }
}

impl TextSource for Texts {
    fn text(&self, _: &str, expected: BlobId) -> Option<Arc<str>> {
        self.0.get(&expected).map(|&step| text(step).into())
    }
}

/// Not a test: what the other one starts and kills.
#[test]
#[ignore = "run by killed_in_every_phase_the_next_open_repairs"]
fn work_until_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let texts = Texts::all();
    let (mut store, _) = Store::open(Path::new(&folder), small(), Access::Write, &texts).unwrap();
    let state = texts.state_of(&store.snapshot());
    let mut step = states().iter().rposition(|other| *other == state).unwrap();
    let begin = |phase: &str| eprintln!("phase {phase}");
    let is_durable = |step: usize| eprintln!("durable {step}");
    for _ in 0..ROUNDS {
        store.begin_bulk(usize::MAX).unwrap();
        let mut generation = store.snapshot().generation();
        // The first commit publishes.
        std::thread::sleep(Duration::from_millis(2));
        let mut phase = "load";
        for _ in 0..24 {
            begin(phase);
            phase = "load";
            let published = store.commit(batch(step)).unwrap().generation();
            step += 1;
            if published > generation {
                generation = published;
                is_durable(step);
                // Then the next commit is likely to publish too.
                std::thread::sleep(Duration::from_millis(3));
                phase = "publish";
            }
        }
        begin("end of the load");
        store.end_bulk().unwrap();
        is_durable(step);
        begin("commits");
        for _ in 0..4 {
            store.commit(batch(step)).unwrap();
            step += 1;
            is_durable(step);
        }
        begin("graph");
        assert!(store.build_graph(1, &AtomicBool::new(false), &|_| ()).unwrap().is_none_or(|now| now.has_graph()));
        begin("prune");
        store.prune(0).unwrap();
        begin("flush");
        store.flush().unwrap();
        if store.is_sparse() {
            begin("renumber");
            store.reopen(small(), &texts).unwrap();
        }
        begin("end of the round");
    }
}

fn start(folder: &Path) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kills::work_until_killed", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(FOLDER, folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    (child, lines.map_while(Result::ok).inspect(|line| assert!(!line.contains("panicked"), "{line}")))
}

/// The longest time between the beginning of each phase and what follows, and how often each began.
fn measure() -> BTreeMap<String, (Duration, usize)> {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, lines) = start(folder.path());
    let mut phases: BTreeMap<String, (Duration, usize)> = BTreeMap::new();
    let mut last: Option<(String, Instant)> = None;
    for line in lines {
        let Some(phase) = line.strip_prefix("phase ") else { continue };
        if let Some((before, since)) = last.replace((phase.to_owned(), Instant::now())) {
            let entry = phases.entry(before).or_default();
            *entry = (entry.0.max(since.elapsed()), entry.1 + 1);
        }
    }
    assert!(child.wait().unwrap().success());
    phases
}

#[test]
fn killed_in_every_phase_the_next_open_repairs() {
    let (texts, states) = (Texts::all(), states());
    let phases = measure();
    for phase in PHASES {
        assert!(phases.contains_key(phase), "{phase} was never come to: {phases:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut durable = 0;
    let mut killed: BTreeMap<&str, usize> = BTreeMap::new();
    for (phase, share) in PHASES.iter().flat_map(|phase| [0.0, 0.2, 0.5, 0.8].map(|share| (*phase, share))) {
        let (mut child, mut lines) = start(folder.path());
        let wanted = format!("phase {phase}");
        let mut see = |line: &str| {
            if let Some(step) = line.strip_prefix("durable ") {
                durable = step.parse().unwrap();
            }
        };
        // A later one of many, so that not only first times are met.
        let mut left = (phases[phase].1 as f64 * share / ROUNDS as f64) as usize;
        let met = lines.by_ref().any(|line| {
            see(&line);
            left -= usize::from(line == wanted && left > 0);
            line == wanted && left == 0
        });
        // Another process writes beside the tests: the longest may be far too long.
        std::thread::sleep(phases[phase].0.mul_f64(share).min(Duration::from_millis(100)));
        child.kill().unwrap();
        child.wait().unwrap();
        lines.for_each(|line| see(&line));
        *killed.entry(phase).or_default() += usize::from(met);

        let what = format!("{phase} at {share}");
        let (store, report) = Store::open(folder.path(), small(), Access::Write, &texts).unwrap();
        assert_eq!(report.dropped, [], "{what}");
        let state = texts.state_of(&store.snapshot());
        let step = states.iter().rposition(|other| *other == state);
        assert!(step.is_some_and(|step| step >= durable), "{what}: {step:?} of {durable}: {state:?}");
        let files = state.iter().flatten().map(|&step| (path(step), text(step))).collect();
        let expected = fresh_view(&Workspace { files }, &["alpha beta1", "gamma name"]);
        assert!(view(&store.snapshot(), &["alpha beta1", "gamma name"]) == expected, "{what}");
    }
    assert!(killed.values().all(|&times| times >= 2) && killed.len() == PHASES.len(), "{killed:?}");
}
