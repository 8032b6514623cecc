//! One file per notification.
//!
//! Their handlers return [`Done`]: by its type they have changed the state before anything could wait, so that a
//! request which comes after a notification always finds it done.

use std::future::Ready;

pub(crate) mod did_change;
pub(crate) mod did_change_configuration;
pub(crate) mod did_change_watched_files;
pub(crate) mod did_change_workspace_folders;
pub(crate) mod did_close;
pub(crate) mod did_create_files;
pub(crate) mod did_delete_files;
pub(crate) mod did_open;
pub(crate) mod did_rename_files;
pub(crate) mod did_save;
pub(crate) mod initialized;
pub(crate) mod set_trace;

use std::collections::HashMap;
use std::sync::Arc;

use lsp_types::Uri;

use crate::{server::Server, session::Session};

/// What a handler returns: it is done.
pub(crate) type Done = Ready<()>;

/// Runs a handler with the session.
pub(crate) fn with_session(server: &Server, handler: impl FnOnce(&Arc<Session>)) -> Done {
    // The library passes nothing on before `initialize`.
    if let Ok(session) = server.session() {
        handler(&session);
    }
    std::future::ready(())
}

/// Tells the folders which of their files changed on disk; settings among them are read anew.
pub(crate) fn disk_changed<'a>(session: &Session, uris: impl IntoIterator<Item = &'a Uri>) {
    let mut changed: HashMap<Uri, Vec<String>> = HashMap::new();
    let roots = session.roots();
    let mut settings = false;
    for uri in uris {
        settings |= uri.path().ends_with("/conexus.toml");
        if let Some(place) = session.place_of(uri) {
            changed.entry(place.root.uri.clone()).or_default().push(place.path);
        }
    }
    for root in roots {
        if let (Some(paths), Ok(live)) = (changed.remove(&root.uri), root.live()) {
            // The folder itself: everything may have changed.
            if paths.iter().any(String::is_empty) {
                live.rescan();
            } else {
                live.disk_changed(paths);
            }
        }
    }
    if settings {
        session.reopen_roots();
    }
}
