//! What an operator watches, in the text format of Prometheus. docs/operations.md says what each metric means.

use std::{path::Path, sync::LazyLock, time::Duration};

use conexus_engine::{
    live::{Live, Registry},
    stages,
};
use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, TextEncoder, core::Collector,
};

/// Upper bounds of times in seconds: a stage of a search takes some microseconds (7 for `names` and 12 for `embed` in
/// tokio, 2026-11-22), a search a fraction of a millisecond to some, a wait up to ten seconds.
const SECONDS: &[f64] = &[
    0.000_002, 0.000_005, 0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02,
    0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
];

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// The metrics of this process.
pub(crate) struct Metrics {
    registry: prometheus::Registry,
    calls: IntCounterVec,
    calls_in_flight: IntGauge,
    call_seconds: HistogramVec,
    responses: IntCounterVec,
    in_flight: IntGauge,
    stage_seconds: HistogramVec,
    files: IntGaugeVec,
    chunks: IntGaugeVec,
    generation: IntGaugeVec,
    overlays: IntGaugeVec,
    index_bytes: IntGaugeVec,
    ready: IntGaugeVec,
    memory: IntGauge,
}

/// How a call of a tool ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// With an answer.
    Answered,
    /// With a reason for the caller.
    Refused,
    /// Nobody waited for the answer any more.
    Cancelled,
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
        }
    }
}

impl Metrics {
    /// Those of this process.
    pub(crate) fn global() -> &'static Self {
        &METRICS
    }

    fn new() -> Self {
        let registry = prometheus::Registry::new();
        let metrics = Self {
            calls: counters("conexus_calls_total", "Calls of tools", &["tool", "outcome"]),
            calls_in_flight: gauge("conexus_calls_in_flight", "Calls of tools that have begun and not ended"),
            call_seconds: histograms("conexus_call_seconds", "Time of a call, its waiting included", &["tool"]),
            responses: counters("conexus_http_responses_total", "Answers over HTTP", &["status"]),
            in_flight: gauge("conexus_http_requests_in_flight", "Requests over HTTP that are being answered"),
            stage_seconds: histograms("conexus_search_stage_seconds", "Time of the stages of a search", &["stage"]),
            files: gauges("conexus_index_files", "Files in the index"),
            chunks: gauges("conexus_index_chunks", "Chunks in the index"),
            generation: gauges("conexus_index_generation", "Committed state of the index"),
            overlays: gauges("conexus_index_overlays", "Open buffers that differ from the index"),
            index_bytes: gauges("conexus_index_bytes", "Bytes of the index on disk"),
            ready: gauges("conexus_index_ready", "Whether the index is complete"),
            memory: gauge("conexus_resident_memory_bytes", "Memory of the process that is resident"),
            registry,
        };
        let collectors: [Box<dyn Collector>; 13] = [
            Box::new(metrics.calls.clone()),
            Box::new(metrics.calls_in_flight.clone()),
            Box::new(metrics.call_seconds.clone()),
            Box::new(metrics.responses.clone()),
            Box::new(metrics.in_flight.clone()),
            Box::new(metrics.stage_seconds.clone()),
            Box::new(metrics.files.clone()),
            Box::new(metrics.chunks.clone()),
            Box::new(metrics.generation.clone()),
            Box::new(metrics.overlays.clone()),
            Box::new(metrics.index_bytes.clone()),
            Box::new(metrics.ready.clone()),
            Box::new(metrics.memory.clone()),
        ];
        for collector in collectors {
            metrics.registry.register(collector).expect("each name is registered once");
        }
        let stage_seconds = metrics.stage_seconds.clone();
        stages::observe(move |stage, time| {
            stage_seconds.with_label_values(&[stage.name()]).observe(time.as_secs_f64());
        });
        metrics
    }

    /// Counts a call of a tool as begun; [`Self::end_call`] follows.
    pub(crate) fn begin_call(&self) {
        self.calls_in_flight.inc();
    }

    /// Counts a call of a tool that has ended.
    pub(crate) fn end_call(&self, tool: &str, outcome: Outcome, time: Duration) {
        self.calls_in_flight.dec();
        self.calls.with_label_values(&[tool, outcome.name()]).inc();
        self.call_seconds.with_label_values(&[tool]).observe(time.as_secs_f64());
    }

    /// Counts a request over HTTP from now until the value is dropped.
    pub(crate) fn request(&'static self) -> Request {
        self.in_flight.inc();
        Request { metrics: self, status: None }
    }

    /// Everything as text, the workspaces as they stand now.
    pub(crate) fn text(&self, workspaces: &Registry, is_ready: impl Fn(&Live) -> bool) -> String {
        for gauges in [&self.files, &self.chunks, &self.generation, &self.overlays, &self.index_bytes, &self.ready] {
            gauges.reset();
        }
        for live in workspaces.all() {
            let root = live.location().root.to_string_lossy().into_owned();
            let set = |gauges: &IntGaugeVec, value: u64| {
                gauges.with_label_values(&[&root]).set(i64::try_from(value).unwrap_or(i64::MAX));
            };
            let status = live.status();
            set(&self.files, status.files);
            set(&self.chunks, status.chunks);
            set(&self.generation, status.generation.0);
            set(&self.overlays, status.buffers);
            set(&self.index_bytes, bytes_of(&live.location().index_dir));
            set(&self.ready, u64::from(is_ready(&live)));
        }
        if let Some(bytes) = conexus_engine::resident_memory() {
            self.memory.set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

/// A request over HTTP that is being answered.
pub(crate) struct Request {
    metrics: &'static Metrics,
    status: Option<u16>,
}

impl Request {
    /// How it was answered.
    pub(crate) fn answered(mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        let status = self.status.map_or("hung_up".to_owned(), |status| status.to_string());
        self.metrics.responses.with_label_values(&[&status]).inc();
    }
}

/// Bytes of the files of a folder and of those below it.
fn bytes_of(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_of(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}

// The names are constants of this file, so none of these can fail.

fn counters(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("a valid name")
}

fn histograms(name: &str, help: &str, labels: &[&str]) -> HistogramVec {
    HistogramVec::new(HistogramOpts::new(name, help).buckets(SECONDS.to_vec()), labels).expect("a valid name")
}

fn gauge(name: &str, help: &str) -> IntGauge {
    IntGauge::new(name, help).expect("a valid name")
}

fn gauges(name: &str, help: &str) -> IntGaugeVec {
    IntGaugeVec::new(Opts::new(name, help), &["workspace"]).expect("a valid name")
}
