//! `context_connector_management`: what the index is made of: the workspace, folders beside it, git's history.

use std::path::{Component, Path, PathBuf};

use conexus_engine::{SourceFolder, SourceKind, Sources, git};
use rmcp::model::{JsonObject, Tool as Description};
use serde::Deserialize;
use serde_json::json;

use super::{
    Call, Tool, read_arguments,
    schema::{self, Field, maybe, sure},
};
use crate::reply::{Draft, Item, Reply, offset_of};

pub(super) const TOOL: Tool = Tool { name: "context_connector_management", describe, run };

/// The source that is always there.
const WORKSPACE: &str = "workspace";
/// The history of the workspace's repository.
const HISTORY: &str = "git_history";
/// Longest name of a source in bytes.
const NAME_BYTES: usize = 64;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    action: Action,
    name: Option<String>,
    kind: Option<SourceKind>,
    path: Option<String>,
    enabled: Option<bool>,
    cursor: Option<String>,
    max_tokens: Option<usize>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Action {
    List,
    Add,
    Update,
    Remove,
}

/// What is told of a source.
const SOURCE: &[Field] = &[
    sure("name"),
    sure("kind"),
    maybe("path", "string"),
    sure("enabled"),
    maybe("exists", "boolean"),
    maybe("files", "integer"),
    maybe("remotes", "array"),
];

fn describe() -> Description {
    let input = [
        ("action", schema::choice(&["list", "add", "update", "remove"])),
        ("name", schema::text()),
        ("kind", schema::choice(&["folder", "documentation"])),
        ("path", schema::text()),
        ("enabled", schema::flag()),
        ("cursor", schema::text()),
        ("max_tokens", schema::number()),
    ];
    let description = "Sources of the index: folders outside the workspace, git_history. Destructive: remove, update.";
    schema::described(
        TOOL.name,
        description,
        schema::object(&input, &["action"]),
        schema::answer(&[], Some(("sources", SOURCE))),
    )
    .with_annotations(schema::destructive())
}

fn run(call: &Call<'_>, arguments: JsonObject) -> Result<Reply, String> {
    let arguments: Arguments = read_arguments(arguments)?;
    let offset = offset_of(arguments.cursor.as_deref())?;
    let sources = match arguments.action {
        Action::List => call.live.sources().map_err(|error| error.to_string())?,
        Action::Add | Action::Update | Action::Remove => {
            let name = arguments.name.clone().ok_or("name the source")?;
            let may_be_read = |path: &Path| is_below(path, call.source_folders);
            let file = call.live.sources_file();
            call.live.change_sources(|sources, location| {
                change(sources, (location, file), &name, &arguments, &may_be_read)
            })?
        }
    };
    let view = call.view()?;
    let mut draft = Draft::new(call, &view, Some("sources"), arguments.max_tokens);
    let count = |root: &str| view.index().files_below(&format!("{root}/")).count();
    let outside: usize = sources.roots().map(|(root, _)| count(&root)).sum();
    draft.items.push(workspace(call, view.index().file_count().saturating_sub(outside)));
    draft.items.push(history(call, &sources));
    draft.items.extend(sources.folder.iter().map(|folder| {
        let files = folder.path.to_str().map_or(0, |root| count(&root.replace('\\', "/")));
        let kind = match folder.kind {
            SourceKind::Folder => "folder",
            SourceKind::Documentation => "documentation",
        };
        let path = folder.path.to_string_lossy();
        let json = json!({
            "name": folder.name,
            "kind": kind,
            "path": path,
            "enabled": folder.enabled,
            "exists": folder.path.is_dir(),
            "files": files,
        });
        let state = if folder.enabled { "" } else { ", off" };
        Item::new(json, format!("{} ({kind}{state}): {path}, {files} files", folder.name))
    }));
    draft.pass_over(offset);
    Ok(draft.finish())
}

fn workspace(call: &Call<'_>, files: usize) -> Item {
    let path = call.root().to_string_lossy();
    let json = json!({ "name": WORKSPACE, "kind": WORKSPACE, "path": path, "enabled": true, "files": files });
    Item::new(json, format!("{WORKSPACE}: {path}, {files} files"))
}

fn history(call: &Call<'_>, sources: &Sources) -> Item {
    let remotes = git::remotes(call.root(), call.cancel);
    let json = json!({ "name": HISTORY, "kind": HISTORY, "enabled": sources.git_history, "remotes": remotes });
    let state = if sources.git_history { "on" } else { "off" };
    Item::new(json, format!("{HISTORY}: {state} {}", remotes.join(" ")))
}

fn change(
    sources: &mut Sources,
    (location, file): (&conexus_engine::Location, Option<&Path>),
    name: &str,
    arguments: &Arguments,
    may_be_read: &dyn Fn(&Path) -> bool,
) -> Result<(), String> {
    if name == WORKSPACE {
        return Err("the workspace itself is always indexed; conexus.toml says what of it".to_owned());
    }
    if name == HISTORY {
        let (Action::Update, Some(enabled)) = (arguments.action, arguments.enabled) else {
            return Err(format!("{HISTORY} is switched by update with enabled"));
        };
        // Less of it, or nothing, is anybody's to say. Who switched it off is not known, so that it stays off until a
        // person wants it back.
        if enabled && !sources.git_history {
            let file = file.unwrap_or(Path::new("the file of the sources")).display();
            return Err(format!("{HISTORY} is off, and the user alone switches it on: `git_history = true` in {file}"));
        }
        sources.git_history = enabled;
        return Ok(());
    }
    let known = sources.find(name).cloned();
    match (arguments.action, known) {
        (Action::Add, Some(_)) => Err(format!("there is a source {name:?} already; update it")),
        (Action::Add, None) => {
            let is_good = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '.');
            if name.is_empty() || name.len() > NAME_BYTES || !name.chars().all(is_good) {
                return Err(format!("a name has 1 to {NAME_BYTES} letters, digits, `-`, `_` and `.`"));
            }
            let path = absolute(arguments.path.as_deref().ok_or("name the path of the folder")?)?;
            let kind = arguments.kind.unwrap_or(SourceKind::Documentation);
            let enabled = arguments.enabled.unwrap_or(true);
            if !may_be_read(&path) {
                return Err(not_allowed(&path));
            }
            sources.put(SourceFolder { name: name.to_owned(), kind, path, enabled }, location)
        }
        (Action::Update, Some(known)) => {
            let path = arguments.path.as_deref().map(absolute).transpose()?.unwrap_or_else(|| known.path.clone());
            let kind = arguments.kind.unwrap_or(known.kind);
            let enabled = arguments.enabled.unwrap_or(known.enabled);
            // Less of it, or nothing, is anybody's to say.
            let reads_more = path != known.path
                || enabled && !known.enabled
                || kind == SourceKind::Folder && known.kind == SourceKind::Documentation;
            if reads_more && !may_be_read(&path) {
                return Err(not_allowed(&path));
            }
            sources.put(SourceFolder { name: name.to_owned(), kind, path, enabled }, location)
        }
        (Action::Remove, Some(_)) => {
            sources.folder.retain(|folder| folder.name != name);
            Ok(())
        }
        (_, None) => Err(format!("there is no source {name:?}")),
        (Action::List, Some(_)) => Ok(()),
    }
}

/// Whether a folder lies in one of those that the user names, links followed. Of one that is not there the path counts, so
/// that a refusal tells nothing of what is outside of them.
fn is_below(path: &Path, folders: &[PathBuf]) -> bool {
    let leads_up = path.components().any(|part| part == Component::ParentDir);
    match path.canonicalize() {
        Ok(real) => {
            folders.iter().filter_map(|folder| folder.canonicalize().ok()).any(|folder| real.starts_with(folder))
        }
        Err(_) => !leads_up && folders.iter().any(|folder| path.starts_with(folder)),
    }
}

fn not_allowed(path: &Path) -> String {
    let shown = path.display().to_string();
    format!(
        "{shown:?} is in no folder that the user allows: `mcp.source_folders` in the user's own conexus.toml names those \
         whose folders assistants may add"
    )
}

/// An absolute path. A URL may hold a password, so it is not repeated.
fn absolute(path: &str) -> Result<PathBuf, String> {
    if path.contains("://") {
        return Err("a source is a folder of this machine, not a URL".to_owned());
    }
    let folder = PathBuf::from(path);
    if folder.is_absolute() { Ok(folder) } else { Err(format!("{path:?} is not an absolute path")) }
}
