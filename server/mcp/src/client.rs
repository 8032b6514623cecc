//! Asks a running session.

use std::time::Duration;

use conexus_core::Query;
use conexus_engine::Location;
use rmcp::model::JsonObject;
use serde_json::json;

use crate::{Endpoint, Error, Found, Result, SearchRequest, reply::Reply};

/// How long a session may take to say that it is there.
const CONNECT_WAIT: Duration = Duration::from_millis(500);
/// How long it may take to answer.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// A running session that keeps a workspace current.
pub struct Session {
    endpoint: Endpoint,
    agent: ureq::Agent,
}

impl Session {
    /// The session of a workspace, if one is running and of this program's version. Files of sessions that are gone are
    /// taken away.
    pub fn find(location: &Location) -> Option<Self> {
        for (path, endpoint) in Endpoint::of(location) {
            let agent = ureq::Agent::config_builder()
                .timeout_connect(Some(CONNECT_WAIT))
                .timeout_global(Some(ANSWER_WAIT))
                .http_status_as_error(false)
                // The endpoint is on this machine: no proxy may see the token.
                .proxy(None)
                .build()
                .into();
            let session = Self { endpoint, agent };
            match session.is_there() {
                Ok(true) => return Some(session),
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(%error, "an endpoint of a session that is gone");
                    // Another client may have been faster.
                    let _ = std::fs::remove_file(path);
                }
            }
        }
        None
    }

    /// Answers a query from the session's state, unsaved edits included.
    pub fn search(&self, query: &Query, snippet_lines: usize) -> Result<Found> {
        let request = SearchRequest::new(self.endpoint.workspace.clone(), query, snippet_lines);
        let mut response = self
            .agent
            .post(format!("{}/v1/search", self.endpoint.url))
            .header("Authorization", format!("Bearer {}", self.endpoint.token))
            .send_json(&request)
            .map_err(|error| self.unreachable(&error))?;
        if response.status() != 200 {
            let reason = response.body_mut().read_to_string().unwrap_or_default();
            return Err(Error::Refused(reason));
        }
        response.body_mut().read_json().map_err(|error| self.unreachable(&error))
    }

    /// Calls a tool of the session.
    pub(crate) fn call(&self, tool: &str, arguments: &JsonObject) -> Result<Reply> {
        let request = json!({ "workspace": self.endpoint.workspace, "tool": tool, "arguments": arguments });
        let mut response = self
            .agent
            .post(format!("{}/v1/call", self.endpoint.url))
            .header("Authorization", format!("Bearer {}", self.endpoint.token))
            .send_json(&request)
            .map_err(|error| self.unreachable(&error))?;
        if response.status() == 422 {
            return Err(Error::Refused(response.body_mut().read_to_string().unwrap_or_default()));
        }
        // Any other status has no such body: the session is ending, or let go of the workspace.
        response.body_mut().read_json().map_err(|error| self.unreachable(&error))
    }

    fn is_there(&self) -> Result<bool> {
        let response = self
            .agent
            .get(format!("{}/healthz", self.endpoint.url))
            .header("Authorization", format!("Bearer {}", self.endpoint.token))
            .call()
            .map_err(|error| self.unreachable(&error))?;
        Ok(response.status() == 200 && self.endpoint.version == env!("CARGO_PKG_VERSION"))
    }

    fn unreachable(&self, error: &ureq::Error) -> Error {
        Error::Unreachable { url: self.endpoint.url.clone(), reason: error.to_string() }
    }
}
