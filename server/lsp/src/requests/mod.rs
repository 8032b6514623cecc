//! One file per request.
//!
//! A handler takes a state of the index that knows every change which came in before it, calls the engine on a worker,
//! converts, and answers once. None of them waits for the client.

pub(crate) mod code_action;
pub(crate) mod code_action_resolve;
pub(crate) mod context;
pub(crate) mod diagnostic;
pub(crate) mod execute_command;
pub(crate) mod initialize;
pub(crate) mod mcp;
pub(crate) mod outline;
pub(crate) mod quick_fixes;
pub(crate) mod reindex;
pub(crate) mod related;
pub(crate) mod search;
pub(crate) mod shutdown;
pub(crate) mod similar;
pub(crate) mod status;
pub(crate) mod workspace_diagnostic;
pub(crate) mod workspace_symbol;
pub(crate) mod workspace_symbol_resolve;

use std::sync::{Arc, atomic::AtomicBool};

use conexus_engine::{Error as EngineError, Snapshot};
use lsp_types::{Position, Uri};
use tower_lsp::jsonrpc::{Error, Result};

use crate::{
    actions::Subject,
    extensions::{Notice, Seen},
    session::{CURRENT_WAIT, Session},
    to_lsp::{View, failed, no_workspace, notice, unavailable},
    workspaces::Root,
};

/// Where a request points to, found on a worker.
pub(crate) struct Spot {
    pub(crate) view: View,
    /// Workspace-relative path.
    pub(crate) path: String,
    /// Byte in the text that the view shows.
    pub(crate) offset: u32,
}

/// What a request about a position answers when there is nothing to point to.
pub(crate) enum Aim {
    At(Box<Spot>),
    Nothing(Notice),
}

/// Finds what a position points to. It may wait: only for workers.
pub(crate) fn aim(session: &Session, uri: &Uri, position: Position) -> Aim {
    if session.roots().is_empty() {
        return Aim::Nothing(no_workspace());
    }
    let Some(place) = session.place_of(uri) else {
        return Aim::Nothing(notice("outside", format!("{uri} lies in none of the open folders")));
    };
    let snapshot = match place.root.current(CURRENT_WAIT) {
        Ok(snapshot) => snapshot,
        Err(why) => return Aim::Nothing(unavailable(&place.root, &why)),
    };
    if let Err(error) = snapshot.file(&place.path) {
        return Aim::Nothing(not_indexed(&snapshot, &error));
    }
    let mut view = View::new(session, place.root, snapshot);
    match view.byte(&place.path, position) {
        Some(offset) => Aim::At(Box::new(Spot { view, path: place.path, offset })),
        None => Aim::Nothing(notice("notIndexed", format!("{:?} cannot be read any more", place.path))),
    }
}

/// A file that is not in the index: because indexing goes on, or for a reason that stays.
fn not_indexed(snapshot: &Snapshot, error: &EngineError) -> Notice {
    let indexing = snapshot.notices().iter().any(|notice| matches!(notice, conexus_core::Notice::Indexing { .. }));
    let rest = if indexing { "; indexing goes on" } else { "" };
    notice("notIndexed", format!("{error}{rest}"))
}

/// The version of an open document.
fn version(session: &Session, uri: &Uri) -> Option<i32> {
    session.documents().get(uri).map(|document| document.version)
}

/// Demands that the document is still as it was when a command or action was offered: else its position points to
/// something else.
fn demand_unchanged(session: &Session, subject: &Subject) -> Result<()> {
    let is_unchanged = subject.version.is_none() || version(session, &subject.uri) == subject.version;
    if is_unchanged { Ok(()) } else { Err(Error::content_modified()) }
}

/// Runs work about a document on a worker. When the document changes meanwhile the answer would be about a text that is
/// gone: the client is told so and asks again if it still wants to know.
pub(crate) async fn about_document<T: Send + 'static>(
    session: &Arc<Session>,
    uri: &Uri,
    work: impl FnOnce(&Session, &AtomicBool) -> Result<T> + Send + 'static,
) -> Result<T> {
    let before = version(session, uri);
    let own = Arc::clone(session);
    let answer = session.workers.run(move |cancel| work(&own, cancel)).await??;
    if version(session, uri) == before { Ok(answer) } else { Err(Error::content_modified()) }
}

/// What one folder answers: items with their scores, the best first; notices; whether there are more.
type Part<T> = (Vec<(f32, T)>, Vec<conexus_core::Notice>, bool);

/// Answers of several folders as one.
#[derive(Default)]
pub(crate) struct Gathered<T> {
    /// By folder, each with its best first and with its scores.
    parts: Vec<Vec<(f32, T)>>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) seen: Vec<Seen>,
    pub(crate) more: bool,
}

impl<T> Gathered<T> {
    /// Asks every open folder. It may wait: only for workers.
    pub(crate) fn ask(
        session: &Session,
        mut ask: impl FnMut(&mut View) -> std::result::Result<Part<T>, EngineError>,
    ) -> Result<Self> {
        let mut gathered = Self { parts: Vec::new(), notices: Vec::new(), seen: Vec::new(), more: false };
        let states = session.current();
        if states.is_empty() {
            gathered.notices.push(no_workspace());
        }
        for (root, state) in states {
            match state {
                Ok(snapshot) => gathered.add(View::new(session, root, snapshot), &mut ask)?,
                Err(why) => gathered.notices.push(unavailable(&root, &why)),
            }
        }
        // One folder without a match says nothing when another has some.
        if gathered.parts.iter().any(|part| !part.is_empty()) {
            gathered.notices.retain(|notice| !matches!(notice.kind.as_str(), "noMatch" | "nothingIndexed"));
        }
        Ok(gathered)
    }

    fn add(
        &mut self,
        mut view: View,
        ask: &mut impl FnMut(&mut View) -> std::result::Result<Part<T>, EngineError>,
    ) -> Result<()> {
        tracing::Span::current().record("generation", view.snapshot.generation().0);
        let (items, notices, more) = ask(&mut view).map_err(|error| failed(&error))?;
        self.parts.push(items);
        self.notices.extend(view.notices(&notices));
        self.seen.push(view.seen());
        self.more |= more;
        Ok(())
    }

    /// The best of each folder, then the second best of each. Scores of different folders can be compared roughly only:
    /// enough to say whose best comes first, not enough to leave a folder out.
    pub(crate) fn items(&mut self, offset: usize, limit: usize) -> Vec<T> {
        let mut parts: Vec<_> = std::mem::take(&mut self.parts).into_iter().map(Vec::into_iter).collect();
        let mut items = Vec::new();
        loop {
            let mut round: Vec<_> = parts.iter_mut().filter_map(Iterator::next).collect();
            if round.is_empty() {
                break;
            }
            round.sort_by(|(left, _), (right, _)| right.total_cmp(left));
            items.extend(round.into_iter().map(|(_, item)| item));
        }
        self.more |= items.len() > offset + limit;
        items.into_iter().skip(offset).take(limit).collect()
    }
}

/// Whether a file of a folder belongs to another open folder that lies deeper: that one answers for it.
pub(crate) fn belongs_elsewhere(session: &Session, root: &Arc<Root>, path: &str) -> bool {
    let roots = session.roots();
    roots.len() > 1 && session.place_of(&root.uri_of(path)).is_some_and(|place| !Arc::ptr_eq(&place.root, root))
}
