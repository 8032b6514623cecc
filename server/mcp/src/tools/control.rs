//! `context_index_control`: how the index stands, and what it is told to do.

use std::time::{Duration, Instant};

use conexus_engine::{
    Comparison, Snapshot,
    live::{Activity, Status},
};
use rmcp::model::{JsonObject, Tool as Description};
use serde::Deserialize;
use serde_json::json;

use super::{
    Call, Tool, read_arguments,
    schema::{self, Field, maybe, sure},
};
use crate::{
    paths,
    reply::{Draft, Item, Reply, offset_of},
};

pub(super) const TOOL: Tool = Tool { name: "context_index_control", describe, run };

/// Most paths in one call.
const MOST_PATHS: usize = 1_000;
/// Longest that a call may wait for the work that it began.
const MOST_WAIT: Duration = Duration::from_secs(45);
/// How long it takes at most until what was told shows in the status.
const BEGINS: Duration = Duration::from_secs(2);
/// How often it is looked whether files that were told have been looked at.
const LOOK: Duration = Duration::from_millis(10);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    action: Action,
    #[serde(default)]
    paths: Vec<String>,
    wait_ms: Option<u64>,
    cursor: Option<String>,
    max_tokens: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Action {
    Status,
    Start,
    Stop,
    ReindexPaths,
    ForceReindex,
    Clear,
    Verify,
}

const ACTIONS: &[&str] = &["status", "start", "stop", "reindex_paths", "force_reindex", "clear", "verify"];

/// What is told.
const FACTS: &[Field] = &[
    sure("activity"),
    sure("role"),
    sure("watching"),
    sure("files"),
    sure("chunks"),
    sure("unsaved_buffers"),
    maybe("done", "integer"),
    maybe("total", "integer"),
    maybe("equal", "boolean"),
    maybe("differences", "array"),
    maybe("cursor", "string"),
    maybe("left_out", "integer"),
];

fn describe() -> Description {
    let input = [
        ("action", schema::choice(ACTIONS)),
        ("paths", schema::texts()),
        ("wait_ms", schema::number()),
        ("cursor", schema::text()),
        ("max_tokens", schema::number()),
    ];
    let description = "Control the index. Destructive: clear (empties it and stops), force_reindex.";
    schema::described(TOOL.name, description, schema::object(&input, &["action"]), schema::answer(FACTS, None))
        .with_annotations(schema::destructive())
}

fn run(call: &Call<'_>, arguments: JsonObject) -> Result<Reply, String> {
    let arguments: Arguments = read_arguments(arguments)?;
    let live = call.live;
    let failed = |error: conexus_engine::Error| error.to_string();
    let offset = offset_of(arguments.cursor.as_deref())?;
    let mut told = None;
    let emptied = live.times_emptied();
    match arguments.action {
        Action::Status | Action::Verify => {}
        Action::Start => live.start_indexing(),
        Action::Stop => live.stop_indexing(),
        Action::ForceReindex => live.rebuild_index().map_err(failed)?,
        Action::Clear => live.clear_index().map_err(failed)?,
        Action::ReindexPaths => {
            if arguments.paths.is_empty() || arguments.paths.len() > MOST_PATHS {
                return Err(format!("name 1 to {MOST_PATHS} paths"));
            }
            let paths = arguments.paths.iter().map(|path| inside(call, path)).collect::<Result<Vec<_>, _>>()?;
            told = Some(live.look_again(paths));
        }
    }
    if let Some(wait) = arguments.wait_ms.filter(|_| arguments.action != Action::Status) {
        let has_begun = |rests: bool| match (arguments.action, told) {
            (Action::Clear | Action::ForceReindex, _) => live.times_emptied() > emptied,
            (_, Some(told)) => live.has_looked(told),
            (action, None) => !rests || action == Action::Stop,
        };
        let look = if told.is_some() { LOOK } else { BEGINS };
        wait_for_rest(call, arguments.action, &has_begun, look, MOST_WAIT.min(Duration::from_millis(wait)));
    }
    let compared = if arguments.action == Action::Verify { Some(verify(call)?) } else { None };
    let status = live.status();
    let view = call.view()?;
    let mut draft = Draft::new(call, &view, compared.is_some().then_some("differences"), arguments.max_tokens);
    tell(&status, &view, &mut draft);
    if let Some(compared) = compared {
        say_uncompared(&compared, &mut draft);
        let differences = compared.differences;
        draft.facts.insert("equal".to_owned(), json!(differences.is_empty()));
        draft.head.push_str(if differences.is_empty() {
            "the index equals a fresh one\n"
        } else {
            "the index differs from a fresh one\n"
        });
        draft.items = differences.into_iter().map(|difference| Item::new(json!(difference), difference)).collect();
        draft.pass_over(offset);
    }
    Ok(draft.finish())
}

/// A path of the workspace or of a source beside it, as the index writes it.
fn inside(call: &Call<'_>, path: &str) -> Result<String, String> {
    let of_source = |path: &str| {
        let sources = call.live.sources().ok()?;
        let is_in = |root: &str| path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let leads_out = path.split('/').any(|part| part == "..");
        (!leads_out && sources.roots().any(|(root, _)| is_in(&root))).then(|| path.to_owned())
    };
    paths::relative(call.root(), path).or_else(|refusal| of_source(path).ok_or(refusal))
}

/// Waits until what the action began is done. Whether it has begun is asked with whether nothing goes on now.
fn wait_for_rest(call: &Call<'_>, action: Action, has_begun: &dyn Fn(bool) -> bool, look: Duration, wait: Duration) {
    let live = call.live;
    let started = Instant::now();
    let stops = matches!(action, Action::Stop | Action::Clear);
    let rests = |activity| match activity {
        // Nothing more is done here.
        Activity::Failed | Activity::Detached => true,
        Activity::Stopped => stops,
        Activity::Idle => !stops,
        Activity::Opening | Activity::Running(_) => false,
    };
    let mut begun = false;
    let mut revision = 0;
    while started.elapsed() < wait && !call.is_cancelled() {
        let activity = live.status().activity;
        begun |= has_begun(rests(activity));
        if rests(activity) && (begun || started.elapsed() >= BEGINS) {
            return;
        }
        let left = wait.saturating_sub(started.elapsed()).min(look);
        revision = live.wait_for_change(revision, left, call.cancel);
    }
}

fn verify(call: &Call<'_>) -> Result<Comparison, String> {
    let folder = tempfile::Builder::new().prefix("conexus-verify").tempdir();
    let folder = folder.map_err(|error| format!("cannot make a temporary folder for the fresh index: {error}"))?;
    let deadline = Instant::now() + MOST_WAIT;
    let is_over = || call.is_cancelled() || Instant::now() >= deadline;
    let compared = call.live.verify(&folder.path().join("index"), &is_over).map_err(|error| error.to_string())?;
    compared.ok_or_else(|| "a fresh index takes too long to build here; run `conexus verify`".to_owned())
}

/// Says what of the two indexes was not compared.
fn say_uncompared(compared: &Comparison, draft: &mut Draft) {
    if compared.by_content > 0 {
        let files =
            if compared.by_content == 1 { "1 file".to_owned() } else { format!("{} files", compared.by_content) };
        let message =
            "took too long to parse in one of the two indexes: compared by content alone, and no queries were asked";
        draft.say("compared_by_content", format!("{files} {message}"));
    }
    if !compared.with_vectors {
        draft.say("vectors_not_compared", "vectors of a slow model are not made again to compare them");
    }
}

fn tell(status: &Status, view: &Snapshot, draft: &mut Draft) {
    let progress = status.activity.progress();
    for (name, value) in [
        ("activity", json!(status.activity.name())),
        ("role", json!(status.role.name())),
        ("watching", json!(status.watching.name())),
        ("files", json!(status.files)),
        ("chunks", json!(status.chunks)),
        ("unsaved_buffers", json!(status.buffers)),
    ] {
        draft.facts.insert(name.to_owned(), value);
    }
    if let Some((done, total)) = progress {
        draft.facts.insert("done".to_owned(), json!(done));
        draft.facts.insert("total".to_owned(), json!(total));
    }
    if let Some(fault) = &status.fault {
        draft.say("fault", fault);
    }
    if let Some(reason) = &status.lexical_only {
        draft.say("lexical_only", reason);
    }
    if let Some(reason) = &status.builtin_model {
        draft.say("builtin_model", reason);
    }
    let unparsed = view.unparsed();
    if let Some((path, why)) = unparsed.first() {
        let others = if unparsed.len() > 1 { format!("; so are {} others", unparsed.len() - 1) } else { String::new() };
        draft.say("unparsed", format!("{path} is searched without its symbols, {why}{others}"));
    }
    draft.head = format!(
        "{}: {} files, {} chunks, {} unsaved\n",
        status.activity.name(),
        status.files,
        status.chunks,
        status.buffers
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_compared_is_said() {
        for (by_content, with_vectors, expected) in [
            (0, true, &[][..]),
            (3, true, &["compared_by_content"]),
            (0, false, &["vectors_not_compared"]),
            (1, false, &["compared_by_content", "vectors_not_compared"]),
        ] {
            let mut draft = Draft::bare(Some("differences"), 1, None);
            say_uncompared(&Comparison { differences: Vec::new(), by_content, with_vectors }, &mut draft);
            let told = draft.finish().structured;
            let kinds: Vec<_> = told["notices"].as_array().unwrap().iter().map(|notice| &notice["kind"]).collect();
            assert_eq!(kinds, expected, "{told}");
            let says = told["notices"][0]["message"].as_str().unwrap_or("");
            assert!(by_content == 0 || says.starts_with(&format!("{by_content} file")), "{says}");
        }
    }
}
