//! Where calls are worked on: what is cheap does not queue behind what is dear, and what is dear yields to whoever types.

use std::sync::Arc;

use conexus_engine::priority::{Yields, yield_to_typing};
use rmcp::model::JsonObject;
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::Semaphore,
};

use crate::methods::changes::{CHANGES, FEATURES, PROGRESS};

/// Dear calls that are worked on at the same time; more wait.
const DEAR: usize = 8;
/// The same for cheap ones: most of their time is a look at a file.
const CHEAP: usize = 8;
/// Calls that wait for something at the same time; they do little else, so they take no place of another.
const PATIENT: usize = 64;
/// Comparisons with a fresh index at the same time: each reads and analyses the whole workspace.
const COMPARISONS: usize = 2;
/// Looks at the same time whether something changed of what is watched; all who watch take turns.
const LOOKS: usize = 4;

/// What reads a file or a status.
const IS_CHEAP: &[&str] = &[
    "context_read", "resources/list", "resources/read", "completion/complete", "context_connector_management",
    PROGRESS, FEATURES,
];
/// What waits for an editor, or for the end of the indexing.
const IS_PATIENT: &[&str] = &["context_index_control", "context_editor"];

/// The ways that calls go.
pub(crate) struct Lanes {
    cheap: Arc<Semaphore>,
    dear: Arc<Semaphore>,
    patient: Arc<Semaphore>,
    looks: Arc<Semaphore>,
    comparisons: Arc<Semaphore>,
    /// Its threads yield to those that follow typing; none where threads cannot be started, and all are alike.
    yielding: Option<Runtime>,
}

impl Default for Lanes {
    fn default() -> Self {
        let yielding = Builder::new_current_thread()
            .thread_name("dear calls")
            .max_blocking_threads(DEAR + PATIENT + LOOKS + COMPARISONS)
            .on_thread_start(|| yield_to_typing(Yields::SlowRequest))
            .build()
            .inspect_err(|error| tracing::warn!(%error, "calls of assistants do not yield to typing"))
            .ok();
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            cheap: places(CHEAP),
            dear: places(DEAR),
            patient: places(PATIENT),
            looks: places(LOOKS),
            comparisons: places(COMPARISONS),
            yielding,
        }
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        // A runtime that is dropped would wait for its threads, which a task must not.
        if let Some(yielding) = self.yielding.take() {
            yielding.shutdown_background();
        }
    }
}

impl Lanes {
    /// The places of a call and the threads for it. Called within a runtime.
    pub(crate) fn of_call(&self, tool: &str, arguments: &JsonObject) -> (&Arc<Semaphore>, Handle) {
        let (places, threads) = self.of(tool);
        let compares = tool == "context_index_control" && arguments.get("action").is_some_and(|name| name == "verify");
        (if compares { &self.comparisons } else { places }, threads)
    }

    /// The places of a tool or method and the threads for it.
    fn of(&self, tool: &str) -> (&Arc<Semaphore>, Handle) {
        if IS_CHEAP.contains(&tool) {
            return (&self.cheap, Handle::current());
        }
        let places = match tool {
            CHANGES => &self.looks,
            _ if IS_PATIENT.contains(&tool) => &self.patient,
            _ => &self.dear,
        };
        (places, self.yielding.as_ref().map_or_else(Handle::current, |runtime| runtime.handle().clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::find;

    #[test]
    fn lanes_are_of_tools_that_there_are() {
        for name in IS_CHEAP.iter().chain(IS_PATIENT) {
            assert!(find(name).is_some(), "{name}");
        }
    }

    #[tokio::test]
    async fn cheap_calls_do_not_wait_for_dear_ones() {
        let lanes = Lanes::default();
        let (dear, _) = lanes.of("context_search");
        let _all = Arc::clone(dear).acquire_many_owned(DEAR as u32).await.expect("open");
        assert!(lanes.of("context_grep").0.try_acquire().is_err());
        assert!(lanes.of("context_read").0.try_acquire().is_ok());
        let _looks = Arc::clone(lanes.of(CHANGES).0).acquire_many_owned(LOOKS as u32).await.expect("open");
        assert!(lanes.of("context_index_control").0.try_acquire().is_ok());
    }

    #[tokio::test]
    async fn comparisons_are_few_and_hold_up_no_other_control() {
        let lanes = Lanes::default();
        let places = |action: &str| {
            let arguments = rmcp::model::object(serde_json::json!({ "action": action }));
            Arc::clone(lanes.of_call("context_index_control", &arguments).0)
        };
        let _all = places("verify").try_acquire_many_owned(COMPARISONS as u32).expect("as many as there are");
        assert!(places("verify").try_acquire_owned().is_err());
        assert!(places("status").try_acquire_owned().is_ok() && places("stop").try_acquire_owned().is_ok());
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn dear_calls_yield_and_cheap_ones_do_not() {
        let lanes = Lanes::default();
        let nice = |tool: &str| {
            let (_, threads) = lanes.of(tool);
            threads.spawn_blocking(|| {
                let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("a thread knows itself");
                let fields = stat.rsplit(')').next().expect("its name ends");
                fields.split_whitespace().nth(16).expect("its nice value").parse::<i32>().expect("a number")
            })
        };
        let (dear, cheap) =
            (nice("context_search").await.expect("it runs"), nice("context_read").await.expect("it runs"));
        assert!(dear > cheap, "{dear} {cheap}");
    }
}
