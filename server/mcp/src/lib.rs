//! The sidecar: assistants (over MCP) and other programs on this machine ask a live workspace.
//!
//! A process that keeps workspaces current opens an HTTP endpoint on the loopback interface and writes where it is, and
//! the token that it wants, to a file that only the user can read. Clients find it there.
//!
//! Invariant: nothing is answered without the token, and nothing to a page in a browser (guarded by the tests of
//! `guard`).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod audit;
mod bridge;
mod calls;
mod client;
mod endpoint;
mod error;
mod found;
mod guard;
mod health;
mod hits;
mod http;
mod lanes;
mod methods;
mod metrics;
mod paths;
mod reply;
mod server;
mod serving;
mod sessions;
mod several;
mod sidecar;
mod signals;
mod snippet;
mod stdio;
mod tools;
mod traces;
mod unsaved;
mod wakers;
mod watching;

pub use audit::Audit;
pub use client::Session;
pub use endpoint::Endpoint;
pub use error::{Error, Result};
pub use found::{Found, FoundHit, FoundNotice, SearchRequest, Term};
pub use guard::token as new_token;
pub use hits::search_answer;
pub use reply::BUDGETS;
pub use serving::{Limits, Remote, Serving};
#[doc(hidden)]
pub use sessions::begin as begin_session;
pub use several::search_sessions;
pub use sidecar::Sidecar;
pub use signals::when_asked_to_end;
pub use snippet::SnippetLine;
pub use stdio::serve_stdio;
pub use traces::Traces;
