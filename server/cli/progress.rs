//! Progress: a bar on a terminal, a line now and then elsewhere.

use std::{
    io::IsTerminal,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use conexus_engine::Progress;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::output;

/// Shows the progress of one indexing run on stderr.
pub(crate) struct Reporter {
    bar: Option<ProgressBar>,
    /// When the last plain line was written.
    last_line: Mutex<Instant>,
    quiet: bool,
}

/// A plain line is written at most this often.
const LINE_EVERY: Duration = Duration::from_secs(5);

impl Reporter {
    /// A reporter; a quiet one shows nothing.
    pub(crate) fn new(quiet: bool) -> Self {
        let bar = (!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::no_length();
            if let Ok(style) = ProgressStyle::with_template("{msg} [{bar:30}] {pos}/{len} ({eta})") {
                bar.set_style(style.progress_chars("=> "));
            }
            bar
        });
        Self { bar, last_line: Mutex::new(Instant::now()), quiet }
    }

    /// Shows a step.
    pub(crate) fn observe(&self, progress: Progress) {
        if let Some(bar) = &self.bar {
            match progress {
                Progress::Walking | Progress::Finishing => {}
                Progress::Indexing { done, total } => show(bar, "indexing files", done, total),
                Progress::Embedding { done, total } => show(bar, "embedding chunks", done, total),
                Progress::Linking { done, total } => show(bar, "linking vectors", done, total),
            }
            return;
        }
        if self.quiet {
            return;
        }
        let (what, done, total) = match progress {
            Progress::Walking | Progress::Finishing => return,
            Progress::Indexing { done, total } => ("indexing files", done, total),
            Progress::Embedding { done, total } => ("embedding chunks", done, total),
            Progress::Linking { done, total } => ("linking vectors", done, total),
        };
        let Ok(mut last) = self.last_line.lock() else { return };
        if last.elapsed() >= LINE_EVERY {
            *last = Instant::now();
            output::note(&format!("{what}: {done} of {total}"));
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn show(bar: &ProgressBar, what: &'static str, done: u64, total: u64) {
    bar.set_message(what);
    bar.set_length(total);
    bar.set_position(done);
}

/// Shows on a terminal that something takes its time, and how far it is.
pub(crate) struct Waiting(Option<ProgressBar>);

/// What is being done, in words; nothing before it begins.
type Told = dyn Fn() -> Option<String> + Send + Sync;

impl Waiting {
    /// Begins to show it; `told` is asked ten times a second.
    pub(crate) fn new(quiet: bool, what: &'static str, told: Arc<Told>) -> Self {
        Self((!quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner().with_message(what);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {told}") {
                let key = move |_: &ProgressState, line: &mut dyn std::fmt::Write| {
                    // A line that cannot be written is not shown.
                    let _ = line.write_str(&told().unwrap_or_default());
                };
                bar.set_style(style.with_key("told", key));
            }
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        }))
    }

    /// Takes it away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
