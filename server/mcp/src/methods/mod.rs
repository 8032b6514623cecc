//! What clients ask beside tools: resources, prompts, completion, what changed. Each is a function from a call to what
//! goes over the wire, like a tool that is not listed, so that the bridge passes them on in the same way.

pub(crate) mod changes;
pub(crate) mod complete;
pub(crate) mod place;
pub(crate) mod prompts;
pub(crate) mod resources;

use serde::Serialize;

use crate::{
    reply::Reply,
    tools::{Tool, unlisted},
};

/// Every method, by names that no tool has.
pub(crate) const METHODS: &[Tool] = &[
    Tool { name: "resources/list", describe: unlisted, run: resources::list },
    Tool { name: "resources/read", describe: unlisted, run: resources::read },
    Tool { name: "prompts/get", describe: unlisted, run: prompts::get },
    Tool { name: "completion/complete", describe: unlisted, run: complete::complete },
    Tool { name: changes::CHANGES, describe: unlisted, run: changes::changes },
    Tool { name: changes::PROGRESS, describe: unlisted, run: changes::progress },
    Tool { name: changes::FEATURES, describe: unlisted, run: changes::features },
];

/// What a method answers: only the structured form travels.
pub(crate) fn answered(value: &impl Serialize) -> Result<Reply, String> {
    let structured = serde_json::to_value(value).map_err(|error| error.to_string())?;
    Ok(Reply { structured, text: String::new() })
}
