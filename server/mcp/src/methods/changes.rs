//! What changed since a client looked last, how far indexing is, and what this workspace offers.

use std::{collections::BTreeMap, time::Duration};

use conexus_engine::Snapshot;
use rmcp::model::JsonObject;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{answered, place::Place};
use crate::{
    reply::Reply,
    tools::{Call, read_arguments},
};

/// How what is watched is; it is answered when that differs from what is known.
pub(crate) const CHANGES: &str = "changes";
/// How far what goes on is.
pub(crate) const PROGRESS: &str = "progress";
/// What depends on the session.
pub(crate) const FEATURES: &str = "features";

/// Longest wait for a change. A bridge looks for another session as often.
pub(crate) const MOST_WAIT: Duration = Duration::from_secs(1);
/// How often one client's look is repeated at most: while files are indexed something changes all the time.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a client knows of what it watches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Known {
    /// The text of each resource, by its address; `None` when it is not there.
    pub(crate) resources: BTreeMap<String, Option<String>>,
    /// The list of all resources, when it is watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) list: Option<String>,
    /// Whether the editor may be asked for something, when the list of tools is watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) editor: Option<bool>,
}

#[derive(Deserialize)]
pub(crate) struct Wanted {
    pub(crate) known: Known,
    /// Answers at once with how things are.
    #[serde(default)]
    pub(crate) now: bool,
}

/// How things are. Whoever calls it waits, so that no worker does.
pub(super) fn changes(call: &Call<'_>, arguments: JsonObject) -> Result<Reply, String> {
    let Wanted { known, .. } = read_arguments(arguments)?;
    answered(&look(call, &call.view()?, &known))
}

fn look(call: &Call<'_>, view: &Snapshot, known: &Known) -> Known {
    let fingerprint = |uri: &String| Place::parse(uri).ok().and_then(|place| place.fingerprint(call, view));
    Known {
        resources: known.resources.keys().map(|uri| (uri.clone(), fingerprint(uri))).collect(),
        list: known.list.as_ref().map(|_| {
            let mut hasher = blake3::Hasher::new();
            for file in view.index().files() {
                hasher.update(file.path().as_bytes()).update(b"\0");
            }
            hasher.finalize().to_hex().to_string()
        }),
        editor: known.editor.map(|_| call.live.editor().is_some()),
    }
}

/// Files done and to do, or nothing while nothing goes on.
pub(super) fn progress(call: &Call<'_>, _: JsonObject) -> Result<Reply, String> {
    answered(&call.live.progress())
}

pub(super) fn features(call: &Call<'_>, _: JsonObject) -> Result<Reply, String> {
    answered(&json!({ "editor": call.live.editor().is_some() }))
}
