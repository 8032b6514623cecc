//! Completion of paths and names of symbols, for arguments of prompts and templates.

use std::collections::BTreeSet;

use conexus_engine::Snapshot;
use rmcp::model::{CompleteRequestParams, CompleteResult, CompletionInfo, JsonObject};
use serde_json::Value;

use super::answered;
use crate::{reply::Reply, tools::Call};

/// Symbols that are looked at for their names.
const SYMBOLS: usize = 1_000;

pub(super) fn complete(call: &Call<'_>, arguments: JsonObject) -> Result<Reply, String> {
    let params: CompleteRequestParams =
        serde_json::from_value(Value::Object(arguments)).map_err(|error| format!("bad arguments: {error}"))?;
    let view = call.view()?;
    let typed = &params.argument.value;
    let found = match params.argument.name.as_str() {
        // A module may be a folder, a resource may not.
        "path" => paths(&view, typed, params.r#ref.as_prompt_name().is_some()),
        "name" | "symbol" => names(&view, typed),
        _ => Vec::new(),
    };
    let total = found.len();
    let values: Vec<String> = found.into_iter().take(CompletionInfo::MAX_VALUES).collect();
    let has_more = total > values.len();
    answered(&CompleteResult::new(CompletionInfo::with_pagination(values, Some(total as u32), has_more)?))
}

/// Paths that begin with what was typed, then those in which it stands, in any case; folders before files.
fn paths(view: &Snapshot, typed: &str, with_folders: bool) -> Vec<String> {
    let typed = typed.to_lowercase();
    let fitting = |path: &str, is_file: bool| {
        let at = path.to_lowercase().find(&typed)?;
        Some((at > 0, is_file, path.to_owned()))
    };
    let mut found: BTreeSet<(bool, bool, String)> =
        view.index().files().filter_map(|file| fitting(file.path(), true)).collect();
    if with_folders {
        let folders: BTreeSet<&str> =
            view.index().files().filter_map(|file| Some(file.path().rsplit_once('/')?.0)).collect();
        let all = folders
            .iter()
            .flat_map(|folder| std::iter::successors(Some(*folder), |folder| Some(folder.rsplit_once('/')?.0)));
        found.extend(all.filter(|folder| !folder.is_empty()).filter_map(|folder| fitting(folder, false)));
    }
    found.into_iter().map(|(.., path)| path).collect()
}

/// Names of symbols that fit, best first, each once.
fn names(view: &Snapshot, typed: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, symbol) in view.symbols(typed, SYMBOLS) {
        if found.iter().all(|known| known != symbol.name()) {
            found.push(symbol.name().to_owned());
        }
    }
    found
}
