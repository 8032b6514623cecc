//! What assistants ask of this editor, when its user allows it: to show a place, to apply an edit that can be undone.

use std::{
    ops::Range as Lines,
    path::Path,
    sync::{Arc, Weak, atomic::Ordering, mpsc},
    time::{Duration, Instant},
};

use conexus_core::{LineIndex, Span};
use conexus_engine::{
    live::{Editor, LineEdit, Patience},
    redaction::redact,
};
use lsp_types::{ApplyWorkspaceEditParams, ApplyWorkspaceEditRequest, Position, Range, ShowDocumentParams, Uri};
use serde_json::json;
use tokio::runtime::Handle;
use tower_lsp::{Client, jsonrpc};

use crate::{
    positions::{self, Encoding},
    session::Session,
};

/// How soon it is noticed that nobody waits for the editor any more.
const LOOK: Duration = Duration::from_millis(50);

/// The editor of a session.
struct SessionEditor {
    client: Client,
    session: Weak<Session>,
    runtime: Handle,
}

/// The session's editor for assistants; `None` when it can do neither.
pub(crate) fn of(client: &Client, session: &Arc<Session>) -> Option<Arc<dyn Editor>> {
    let can_help = session.offers.show_document || session.offers.apply_edit;
    can_help.then(|| -> Arc<dyn Editor> {
        Arc::new(SessionEditor { client: client.clone(), session: Arc::downgrade(session), runtime: Handle::current() })
    })
}

impl SessionEditor {
    fn session(&self) -> Result<Arc<Session>, String> {
        self.session.upgrade().ok_or_else(|| "the session is ending".to_owned())
    }

    /// Waits for the client on the thread of the one who asks, which is none of ours.
    fn ask<T: Send + 'static>(
        &self,
        patience: Patience<'_>,
        question: impl Future<Output = jsonrpc::Result<T>> + Send + 'static,
    ) -> Result<T, String> {
        let (sender, answer) = mpsc::channel();
        let asked = self.runtime.spawn(async move {
            // Nobody listens when it comes too late.
            let _ = sender.send(question.await);
        });
        let deadline = Instant::now() + patience.time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match answer.recv_timeout(left.min(LOOK)) {
                Ok(answer) => return answer.map_err(|error| error.to_string()),
                Err(mpsc::RecvTimeoutError::Timeout) if !left.is_zero() && !patience.cancel.load(Ordering::Relaxed) => {
                }
                Err(_) => {
                    asked.abort();
                    return Err("the editor did not answer in time".to_owned());
                }
            }
        }
    }
}

/// Whole lines as a range.
fn range(lines: &Lines<u32>) -> Range {
    Range { start: Position { line: lines.start, character: 0 }, end: Position { line: lines.end, character: 0 } }
}

/// Edits of whole lines as the client takes them.
fn text_edits(text: &Arc<str>, edits: &[LineEdit], encoding: Encoding) -> Vec<serde_json::Value> {
    let starts = LineIndex::new(text);
    let lines = positions::Lines::new(Arc::clone(text), encoding);
    let start_of = |line: u32| starts.span(line).map_or(text.len(), |span| span.start as usize);
    let is_unfinished = !text.is_empty() && !text.ends_with(['\n', '\r']);
    let edit = |edit: &LineEdit| {
        let (start, end) = (start_of(edit.lines.start), start_of(edit.lines.end));
        let line_end = if is_unfinished && start == text.len() { "\n" } else { "" };
        let range = lines.range(Span::new(start, end));
        json!({ "range": range, "newText": format!("{line_end}{}", edit.text) })
    };
    edits.iter().map(edit).collect()
}

/// The address of a file as the client writes it.
fn uri_of(session: &Session, file: &Path) -> Result<Uri, String> {
    session
        .roots()
        .iter()
        .find_map(|root| Some(root.uri_of(&root.live().ok()?.relative(file)?)))
        .or_else(|| Uri::from_file_path(file).ok())
        .ok_or_else(|| format!("{} has no address", file.display()))
}

impl Editor for SessionEditor {
    fn show(&self, file: &Path, lines: Lines<u32>, patience: Patience<'_>) -> Result<(), String> {
        let session = self.session()?;
        if !session.offers.show_document {
            return Err("this editor cannot show a place when it is asked to".to_owned());
        }
        let params = ShowDocumentParams {
            uri: uri_of(&session, file)?,
            external: Some(false),
            take_focus: Some(true),
            selection: Some(range(&lines)),
        };
        let client = self.client.clone();
        let shown = self.ask(patience, async move { client.show_document(params).await })?;
        if shown { Ok(()) } else { Err("the editor did not show it".to_owned()) }
    }

    fn propose(
        &self,
        file: &Path,
        text: &Arc<str>,
        edits: &[LineEdit],
        label: &str,
        patience: Patience<'_>,
    ) -> Result<(), String> {
        let session = self.session()?;
        if !session.offers.apply_edit {
            return Err("this editor takes no edits from others".to_owned());
        }
        let uri = uri_of(&session, file)?;
        let open = session.documents().get(&uri).map(|document| (document.version, document.text.clone()));
        if open.as_ref().is_some_and(|(_, now)| redact(now.to_string()).0 != **text) {
            return Err("the document has changed in the editor since it was read: read it again".to_owned());
        }
        let edits = text_edits(text, edits, session.encoding);
        let edit = if session.offers.document_changes {
            // What is typed from now on makes the editor refuse it.
            let version = open.map(|(version, _)| version);
            json!({ "documentChanges": [{ "textDocument": { "uri": uri, "version": version }, "edits": edits }] })
        } else {
            json!({ "changes": { uri.as_str(): edits } })
        };
        let params: ApplyWorkspaceEditParams =
            serde_json::from_value(json!({ "label": label, "edit": edit })).map_err(|error| error.to_string())?;
        let client = self.client.clone();
        let answer =
            self.ask(patience, async move { client.send_request::<ApplyWorkspaceEditRequest>(params).await })?;
        if answer.applied {
            return Ok(());
        }
        Err(answer.failure_reason.unwrap_or_else(|| "the editor did not apply it".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_replaced_and_inserted_wherever_the_text_ends() {
        // Text, lines, new text: the range from line:character to line:character, and what comes in its place.
        for (text, lines, new, expected) in [
            ("a\nb\n", 0..1, "x\n", "0:0-1:0 x|"),
            ("a\nb\n", 1..1, "x\n", "1:0-1:0 x|"),
            ("a\nb\n", 2..2, "x\n", "2:0-2:0 x|"),
            ("a\ngrüße 😀", 2..2, "x\n", "1:8-1:8 |x|"),
            ("a\nb", 1..2, "x\n", "1:0-1:1 x|"),
            ("a\nb", 1..1, "x\n", "1:0-1:0 x|"),
            ("", 0..0, "x\n", "0:0-0:0 x|"),
        ] {
            let edit = LineEdit { lines, text: new.to_owned() };
            let told = text_edits(&text.into(), &[edit], Encoding::Utf16).remove(0);
            let place = |name: &str| format!("{}:{}", told["range"][name]["line"], told["range"][name]["character"]);
            let new = told["newText"].as_str().unwrap_or_default().replace('\n', "|");
            assert_eq!(format!("{}-{} {new}", place("start"), place("end")), expected, "{text:?}");
        }
    }
}
