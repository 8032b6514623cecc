//! `context_index_control`: how the index stands, and looking at files again.

use conexus_engine::live::{Activity, Role, Watching};
use rmcp::model::{JsonObject, Tool as Description, ToolAnnotations};
use serde::Deserialize;
use serde_json::json;

use super::{Call, Tool, read_arguments, schema};
use crate::{
    paths,
    reply::{Draft, Reply},
};

pub(super) const TOOL: Tool = Tool { name: "context_index_control", describe, run };

/// Most paths in one call.
const MOST_PATHS: usize = 1_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    action: Action,
    #[serde(default)]
    paths: Vec<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Status,
    ReindexPaths,
    Rescan,
}

fn describe() -> Description {
    let input = [("action", schema::choice(&["status", "reindex_paths", "rescan"])), ("paths", schema::texts())];
    let description = "Status of the index; look at paths or the whole workspace again.";
    let hints = ToolAnnotations::new().read_only(false).destructive(false).idempotent(true);
    schema::described(TOOL.name, description, schema::object(&input, &["action"]), &["activity"])
        .with_annotations(hints)
}

fn run(call: &Call<'_>, arguments: JsonObject) -> Result<Reply, String> {
    let arguments: Arguments = read_arguments(arguments)?;
    match arguments.action {
        Action::Status => {}
        Action::ReindexPaths => {
            if arguments.paths.is_empty() || arguments.paths.len() > MOST_PATHS {
                return Err(format!("name 1 to {MOST_PATHS} paths"));
            }
            let inside = |path: &String| paths::relative(call.root(), path);
            let paths = arguments.paths.iter().map(inside).collect::<Result<Vec<_>, _>>()?;
            call.live.disk_changed(paths);
        }
        Action::Rescan => call.live.rescan(),
    }
    let status = call.live.status();
    let view = call.view()?;
    let mut draft = Draft::new(call, &view, None, None);
    let (activity, progress) = match status.activity {
        Activity::Opening => ("opening", None),
        Activity::Walking => ("walking", None),
        Activity::Indexing { done, total } => ("indexing", Some((done, total))),
        Activity::Embedding { done, total } => ("embedding", Some((done, total))),
        Activity::Finishing => ("finishing", None),
        Activity::Idle => ("idle", None),
        Activity::Failed => ("failed", None),
    };
    let watching = match status.watching {
        Watching::Starting => "starting",
        Watching::Events => "events",
        Watching::Polling { .. } => "polling",
    };
    for (name, value) in [
        ("activity", json!(activity)),
        ("role", json!(if status.role == Role::Owner { "owner" } else { "follower" })),
        ("watching", json!(watching)),
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
    if let Some(fault) = status.fault {
        draft.say("fault", fault);
    }
    if let Some(reason) = status.lexical_only {
        draft.say("lexical_only", reason);
    }
    draft.head = format!("{activity}: {} files, {} chunks, {} unsaved\n", status.files, status.chunks, status.buffers);
    Ok(draft.finish())
}
