//! How a plain client shows what a command found: one place is gone to, several are a Markdown list with links, a
//! context pack is a Markdown document, and nothing is a sentence.

use std::{fmt::Write, io::Write as _, path::PathBuf, sync::Arc};

use lsp_types::{MessageType, Range, ShowDocumentParams, Uri};
use tempfile::TempDir;
use tower_lsp::Client;

use crate::{
    actions::Action,
    extensions::{ContextResult, Notice, RelatedResult, Relation},
    session::Session,
};

/// What is to be shown.
pub(crate) enum Shown {
    /// Nothing was found; why.
    Nothing(String),
    /// One place.
    Place(Uri, Range),
    /// A text in a file of this name.
    Document { stem: String, markdown: String, summary: String },
}

impl Shown {
    /// Relations as a place or a list.
    pub(crate) fn of_related(action: Action, found: &RelatedResult) -> Self {
        let name = found.target.as_ref().map_or("this place", |target| target.name.as_str());
        match found.relations.as_slice() {
            [] => Self::Nothing(format!("{}: {}", action.heading(name), reason(&found.notices))),
            [only] => Self::Place(only.uri.clone(), only.selection_range),
            several => Self::Document {
                stem: format!("{}-{}", action.file_stem(), file_name(name)),
                markdown: list(&action.heading(name), several, &found.notices),
                summary: summary(&action.heading(name), several),
            },
        }
    }

    /// A context pack as a document.
    pub(crate) fn of_context(pack: &ContextResult) -> Self {
        let name = pack.target.as_ref().map_or("this file", |target| target.name.as_str());
        if pack.markdown.is_empty() {
            return Self::Nothing(format!("{}: {}", Action::Context.heading(name), reason(&pack.notices)));
        }
        Self::Document {
            stem: format!("{}-{}", Action::Context.file_stem(), file_name(name)),
            markdown: pack.markdown.clone(),
            summary: format!("{}: about {} tokens", Action::Context.heading(name), pack.tokens),
        }
    }
}

/// Why nothing was found.
fn reason(notices: &[Notice]) -> String {
    let reasons: Vec<_> = notices.iter().map(|notice| notice.message.as_str()).collect();
    if reasons.is_empty() { "none found".to_owned() } else { reasons.join("; ") }
}

/// A name that any file system takes.
fn file_name(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' }).take(40).collect()
}

fn list(heading: &str, relations: &[Relation], notices: &[Notice]) -> String {
    let mut text = format!("# {heading}\n\nJudged by names and context, not by a compiler; the surest first.\n\n");
    for relation in relations {
        let line = relation.selection_range.start.line + 1;
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "- [{}:{line}]({}#L{line}) `{}` ({}) — {}, {:.0} %",
            relation.path,
            relation.uri,
            relation.name,
            relation.container,
            relation.reason,
            relation.confidence * 100.0
        );
    }
    for notice in notices {
        let _ = writeln!(text, "\n> {}", notice.message);
    }
    text
}

/// The first places in one sentence, for a client that shows no documents.
fn summary(heading: &str, relations: &[Relation]) -> String {
    let places: Vec<_> = relations
        .iter()
        .take(5)
        .map(|relation| format!("{} {}:{}", relation.name, relation.path, relation.selection_range.start.line + 1))
        .collect();
    let rest = relations.len().saturating_sub(places.len());
    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{heading}: {}{rest}", places.join(", "))
}

/// Shows it, in a task of its own: it waits for the client.
pub(crate) async fn present(client: Client, session: Arc<Session>, shown: Shown) {
    let (uri, selection, words) = match shown {
        Shown::Nothing(why) => return client.show_message(MessageType::Info, why).await,
        Shown::Place(uri, range) => {
            let words = format!("{}:{}", uri.path(), range.start.line + 1);
            (Some(uri), Some(range), words)
        }
        Shown::Document { stem, markdown, summary } => {
            let path = write(&session, &stem, &markdown);
            let words = match &path {
                Some(path) => format!("{summary}, in {}", path.display()),
                None => summary,
            };
            (path.and_then(|path| Uri::from_file_path(path).ok()), None, words)
        }
    };
    if let Some(uri) = uri.filter(|_| session.offers.show_document) {
        let params = ShowDocumentParams { uri, external: Some(false), take_focus: Some(true), selection };
        if let Ok(true) = client.show_document(params).await {
            return;
        }
    }
    client.show_message(MessageType::Info, words).await;
}

/// Writes a text into the session's folder for them. It goes with the session.
fn write(session: &Session, stem: &str, markdown: &str) -> Option<PathBuf> {
    let folder = session.shown_folder()?;
    let path = folder.join(format!("{stem}.md"));
    let written = std::fs::File::create(&path).and_then(|mut file| file.write_all(markdown.as_bytes()));
    match written {
        Ok(()) => Some(path),
        Err(error) => {
            tracing::warn!(%error, "a list cannot be written");
            None
        }
    }
}

/// A folder that only its user can read: the texts are pieces of code.
pub(crate) fn private_folder() -> Option<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("conexus-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir().inspect_err(|error| tracing::warn!(%error, "there is no folder for lists")).ok()
}
