//! Zed: its assistant gets the tools. A language server would need an extension, see `editors/zed/README.md`.

use anyhow::Result;

use super::{Plan, Surroundings};
use crate::cli::{arguments::Client, mcp_clients};

pub(super) fn plan(user: &Surroundings) -> Result<Plan> {
    let change = mcp_clients::plan(Client::Zed, None, user)?;
    let next = "the agent panel of Zed lists conexus in its settings, with a green dot once it runs";
    Ok(Plan { changes: vec![change], next: next.to_owned() })
}
