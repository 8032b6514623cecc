//! Notifications that are taken and change nothing: `$/setTrace`, `window/workDoneProgress/cancel`.

use serde_json::Value;

use super::Done;
use crate::server::Server;

pub(crate) fn handle(_: &Server, _: Value) -> Done {
    std::future::ready(())
}
