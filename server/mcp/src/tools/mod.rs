//! The tools that assistants call, one file each. Their schemas are small: every conversation pays for them.

mod check;
mod connectors;
mod control;
pub(crate) mod editor;
mod explain;
mod grep;
pub(crate) mod read;
mod related;
mod schema;
mod search;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use conexus_check::ChecksOf;
use conexus_engine::{
    Snapshot, Sources,
    git::{self, History, HistoryLimits},
    live::Live,
};
use rmcp::model::{JsonObject, Tool as Description};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    FoundNotice,
    methods::METHODS,
    paths,
    reply::{Draft, Reply},
};

/// How long an answer waits for the analysis of the last keystroke.
const BUFFER_WAIT: Duration = Duration::from_millis(100);
/// How long an answer waits for the first files of a new index.
const FIRST_WAIT: Duration = Duration::from_secs(2);
/// Longest that a call may wait for a generation.
const MOST_WAIT: Duration = Duration::from_secs(10);

/// A tool.
pub(crate) struct Tool {
    /// Its name on the wire.
    pub(crate) name: &'static str,
    /// Name, schemas and hints.
    pub(crate) describe: fn() -> Description,
    /// Answers a call; the error is for the caller to read.
    pub(crate) run: fn(&Call<'_>, JsonObject) -> Result<Reply, String>,
}

/// Every tool, in the order in which they are listed.
pub(crate) const TOOLS: &[Tool] =
    &[search::TOOL, read::TOOL, grep::TOOL, related::TOOL, explain::TOOL, check::TOOL, control::TOOL, connectors::TOOL];

/// Which state a caller wants to read: not one before a generation, for which it waits so long.
#[derive(Debug, Default, Deserialize)]
struct Freshness {
    min_generation: Option<u64>,
    wait_ms: Option<u64>,
}

impl Freshness {
    /// Until when the caller waits.
    fn deadline(&self) -> Instant {
        Instant::now() + MOST_WAIT.min(Duration::from_millis(self.wait_ms.unwrap_or(0)))
    }

    /// Takes it out of the arguments of a call.
    fn take(arguments: &mut JsonObject) -> Result<Self, String> {
        let names = ["min_generation", "wait_ms"];
        let own = names.iter().filter_map(|name| Some(((*name).to_owned(), arguments.remove(*name)?))).collect();
        read_arguments(own)
    }
}

/// How far a call is: what is done, and of how much; nothing where the call does not count.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<Option<(u64, u64)>>);

impl Told {
    pub(crate) fn tell(&self, done: u64, total: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((done, total));
    }

    pub(crate) fn get(&self) -> Option<(u64, u64)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call works on.
pub(crate) struct Call<'a> {
    pub(crate) live: &'a Live,
    /// What every answer must say, such as that no editor is attached.
    pub(crate) notices: &'a [FoundNotice],
    pub(crate) checks_of: &'a ChecksOf,
    /// Folders below which sources may be added.
    pub(crate) source_folders: &'a [PathBuf],
    /// Set when nobody waits for the answer any more.
    pub(crate) cancel: &'a AtomicBool,
    /// How far the call is, for whoever asks meanwhile.
    pub(crate) told: &'a Told,
    /// The generation that the caller waits for; 0 is none.
    pub(crate) wanted: AtomicU64,
}

impl Call<'_> {
    /// The state that knows every keystroke told before.
    pub(crate) fn view(&self) -> Result<Snapshot, String> {
        self.live.current(BUFFER_WAIT).map_err(|error| error.to_string())
    }

    /// The same, not before a generation is there, or as it is after the wait.
    fn view_from(&self, freshness: &Freshness) -> Result<Snapshot, String> {
        self.wanted.store(freshness.min_generation.unwrap_or(0), Ordering::Relaxed);
        let deadline = freshness.deadline();
        let first = Instant::now() + FIRST_WAIT;
        let mut revision = 0;
        loop {
            let view = self.view()?;
            // A client asks as soon as it has started the program; nothing at all would be taken for the answer.
            let is_empty = view.index().file_count() == 0 && self.live.progress().is_some();
            let is_there = !is_empty && freshness.min_generation.is_none_or(|wanted| view.generation().0 >= wanted);
            let left = if is_empty { deadline.max(first) } else { deadline }.saturating_duration_since(Instant::now());
            if is_there || left.is_zero() || self.cancel.load(Ordering::Relaxed) {
                return Ok(view);
            }
            revision = self.live.wait_for_change(revision, left, self.cancel);
        }
    }

    /// The globs that a caller names, as the index compares them.
    fn globs(&self, given: &[String]) -> Vec<String> {
        let is_absolute = given.iter().any(|glob| Path::new(glob).is_absolute());
        let sources = if is_absolute { self.live.sources().ok() } else { None };
        let folders: Vec<String> = sources.iter().flat_map(Sources::roots).map(|(folder, _)| folder).collect();
        let folders = || folders.iter().map(String::as_str);
        given.iter().map(|glob| paths::glob(self.root(), folders(), glob)).collect()
    }

    /// Whether git's history may be read.
    fn reads_history(&self) -> bool {
        self.live.sources().map_or(true, |sources| sources.git_history)
    }

    /// The recent history, unless the user does not want it read; the answer then says so, and where it is not all of it.
    fn history(&self, draft: &mut Draft) -> Option<Arc<History>> {
        if !self.reads_history() {
            draft.say("history_off", "git's history is switched off as a source of the index");
            return None;
        }
        let history = git::history(self.root(), HistoryLimits::default(), self.cancel)?;
        if !history.is_complete() {
            let read = history.commits().len();
            draft.say("history_cut", format!("only the last {read} commits are known; what is older is not told"));
        }
        Some(history)
    }

    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.live.location().root
    }
}

/// What is not listed has no description.
pub(crate) fn unlisted() -> Description {
    Description::default()
}

/// The listed tool of that name.
pub(crate) fn listed(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().chain([&editor::TOOL]).find(|tool| tool.name == name)
}

/// The tool or method of that name.
pub(crate) fn find(name: &str) -> Option<&'static Tool> {
    listed(name).or_else(|| METHODS.iter().find(|method| method.name == name))
}

/// Arguments as a tool wants them; the error names what is wrong.
pub(crate) fn read_arguments<T: DeserializeOwned>(arguments: JsonObject) -> Result<T, String> {
    serde_json::from_value(Value::Object(arguments)).map_err(|error| format!("bad arguments: {error}"))
}

/// One of at most so many, so many when nothing is said.
fn limit_of(given: Option<usize>, default: usize, most: usize) -> usize {
    given.unwrap_or(default).clamp(1, most)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_schemas_together_cost_less_than_2000_tokens() {
        let listed: Vec<Value> =
            TOOLS.iter().chain([&editor::TOOL]).map(|tool| serde_json::to_value((tool.describe)()).unwrap()).collect();
        // tests/conformance counts them with two public tokenizers, which find 4.1 bytes in a token of the schemas
        // (2026-11-21). The estimate for answers, which are code, says 1.7 times as many.
        let tokens = serde_json::to_string(&listed).unwrap().len() / 4;
        assert!(tokens < 2_000, "{tokens} tokens");
    }

    /// Tools that change something, at least in some of their actions.
    const WRITERS: &[&str] = &["context_index_control", "context_connector_management", "context_editor"];

    #[test]
    fn descriptions_suit_the_stricter_clients() {
        const KEYWORDS: &[&str] = &["type", "properties", "required", "items", "enum", "description"];
        fn check(schema: &Value, tool: &str, is_input: bool) {
            let schema = schema.as_object().unwrap();
            for keyword in schema.keys() {
                assert!(KEYWORDS.contains(&keyword.as_str()), "{tool}: {keyword}");
            }
            match schema["type"].as_str().unwrap() {
                "object" => {
                    let properties = schema["properties"].as_object().unwrap();
                    properties.values().for_each(|property| check(property, tool, is_input));
                    if is_input {
                        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
                            assert!(properties.contains_key(name.as_str().unwrap()), "{tool}: {name}");
                        }
                    }
                }
                // Lists within items are described in docs/mcp.md.
                "array" => schema.get("items").into_iter().for_each(|items| check(items, tool, is_input)),
                "string" | "integer" | "boolean" | "number" => {}
                other => panic!("{tool}: {other}"),
            }
        }
        for tool in TOOLS.iter().chain([&editor::TOOL]) {
            let listed = serde_json::to_value((tool.describe)()).unwrap();
            assert_eq!(listed["name"], tool.name);
            for schema in ["inputSchema", "outputSchema"] {
                assert_eq!(listed[schema]["type"], "object", "{}", tool.name);
                check(&listed[schema], tool.name, schema == "inputSchema");
            }
            assert_eq!(listed["annotations"]["readOnlyHint"], json!(!WRITERS.contains(&tool.name)), "{}", tool.name);
            let is_destructive = listed["annotations"]["destructiveHint"] == true;
            assert_eq!(is_destructive, WRITERS.contains(&tool.name), "{}", tool.name);
        }
    }

    #[test]
    fn wrong_arguments_are_named() {
        let arguments = json!({ "query": "x", "nonsense": 1 });
        let error = read_arguments::<search::Arguments>(rmcp::model::object(arguments)).unwrap_err();
        assert!(error.contains("nonsense"), "{error}");
    }
}
