//! Zed: its assistant gets the tools. A language server would need an extension, see `editors/zed/README.md`.

use anyhow::Result;

use super::{Plan, Surroundings};
use crate::cli::edit_config::{Change, json, set_json};

pub(super) fn plan(user: &Surroundings) -> Result<Plan> {
    let folder = user.configuration().join(if cfg!(windows) { "Zed" } else { "zed" });
    let program = user.program.as_str();
    let entry = json!({ "source": "custom", "command": program, "args": ["mcp"], "env": {} });
    let change =
        Change::plan(&folder.join("settings.json"), |text| set_json(text, &["context_servers", "conexus"], &entry))?;
    let next = "the agent panel of Zed lists conexus in its settings, with a green dot once it runs";
    Ok(Plan { changes: vec![change], next: next.to_owned() })
}
