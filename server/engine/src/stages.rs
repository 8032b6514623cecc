//! Times of the stages of a search, for whoever watches the process. Nobody watching costs no look at the clock.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// A stage of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Embedding the query.
    Embed,
    /// Candidates from words.
    Lexical,
    /// Candidates from vectors.
    Vectors,
    /// Candidates from names and quoted texts.
    Names,
    /// Putting the candidates in order.
    Rank,
    /// A search as a whole.
    Search,
}

impl Stage {
    /// Its name in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Embed => "embed",
            Self::Lexical => "lexical",
            Self::Vectors => "vectors",
            Self::Names => "names",
            Self::Rank => "rank",
            Self::Search => "search",
        }
    }
}

type Observer = Box<dyn Fn(Stage, Duration) + Send + Sync>;

static OBSERVER: OnceLock<Observer> = OnceLock::new();

/// Tells of each stage of each search of this process from now on; only the first observer is told.
pub fn observe(observer: impl Fn(Stage, Duration) + Send + Sync + 'static) {
    let _ = OBSERVER.set(Box::new(observer));
}

/// Runs a stage, in a span of its own.
pub(crate) fn timed<T>(stage: Stage, work: impl FnOnce() -> T) -> T {
    let _span = tracing::info_span!("stage", otel.name = stage.name()).entered();
    let Some(observer) = OBSERVER.get() else { return work() };
    let start = Instant::now();
    let result = work();
    observer(stage, start.elapsed());
    result
}
