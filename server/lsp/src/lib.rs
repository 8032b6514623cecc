//! The language server: an editor's view of the live index.
//!
//! [`run`] serves one client on standard input and output; [`relay`] stands before it. Reading order: `transport` (how messages come and go),
//! `server` (the table of methods), `session` (what is known), `notifications` and `requests` (one file each),
//! `to_lsp` and `from_lsp` (conversion).
//!
//! Invariant: only this crate knows the protocol's types; nothing but the transport writes to standard output.

mod actions;
mod checks;
mod client_process;
mod documents;
mod editor;
pub mod extensions;
mod framing;
mod from_lsp;
mod lenient;
mod notifications;
mod positions;
mod presentation;
pub mod relay;
mod reporter;
mod requests;
mod server;
mod session;
mod settings;
mod to_lsp;
mod transport;
mod uris;
mod workers;
mod workspaces;

use std::{io, sync::Arc, time::Duration};

use conexus_engine::live::Registry;

pub use conexus_check::{CheckSettings, ChecksOf};
pub use settings::{TakeFileSettings, setting_problem};
pub use workspaces::SettingsOf;

/// Where assistants ask this session. The editor gets it, so that it need not look for files.
#[derive(Clone)]
pub struct AssistantEndpoint {
    /// Address of the protocol's endpoint.
    pub url: String,
    /// What requests carry in `Authorization: Bearer`.
    pub token: String,
}

/// Whether assistants may ask the editor for something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EditorAccess {
    /// They may not.
    #[default]
    Closed,
    /// They may show places and propose edits.
    Open,
}

/// What the program tells its server.
pub struct Options {
    /// Version of the program.
    pub version: String,
    /// Where the settings of a folder's index come from.
    pub settings_of: SettingsOf,
    /// Told of the settings that are those of a file, before folders are opened with them.
    pub take_file_settings: TakeFileSettings,
    /// What is looked for in a folder when diagnostics are on.
    pub checks_of: ChecksOf,
    /// Where the open folders are listed for the program's other front ends.
    pub registry: Registry,
    /// Whether assistants may show places in the editor and propose edits.
    pub editor: EditorAccess,
    /// Where assistants ask this session; `None` when they cannot.
    pub assistants: Option<AssistantEndpoint>,
    /// What the user is told when the session begins: something of it is not as the settings say.
    pub warning: Option<String>,
}

/// How long the runtime may take to end after everything is written out.
const LAST_WORK: Duration = Duration::from_millis(100);

/// Serves one client on standard input and output until it says `exit` or is gone. Returns whether it asked for a
/// shutdown before, as the protocol wants it.
pub fn run(options: Options) -> io::Result<bool> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let client_is_gone = Arc::new(tokio::sync::Notify::new());
    let (service, socket, remains) = server::service(options, Arc::clone(&client_is_gone));
    let ending = runtime.block_on(async {
        tokio::select! {
            ending = transport::serve(tokio::io::stdin(), tokio::io::stdout(), service, socket) => ending,
            () = client_is_gone.notified() => transport::Ending::Closed,
        }
    });
    tracing::info!(?ending, "the session ends");
    remains.close();
    // Reading standard input cannot be interrupted: the runtime must not wait for it.
    runtime.shutdown_timeout(LAST_WORK);
    Ok(ending == transport::Ending::Exit && remains.is_shut_down())
}
