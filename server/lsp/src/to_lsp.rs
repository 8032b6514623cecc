//! From what the engine answers to what goes over the wire.

use std::collections::HashMap;
use std::sync::Arc;

use conexus_core::{Span, SymbolKind};
use conexus_engine::{Error as EngineError, Snapshot, SymbolHit};
use lsp_types::{Range, Uri};
use ropey::Rope;
use tower_lsp::jsonrpc::{Error, ErrorCode};

use crate::{
    extensions::{Contribution, DocumentVersion, Hit, Notice, Relation, Seen, Target},
    positions::{Encoding, Lines},
    session::Session,
    workspaces::Root,
};

/// A state of a folder while one answer is made from it: the texts it needs are read once.
pub(crate) struct View {
    pub(crate) root: Arc<Root>,
    pub(crate) snapshot: Snapshot,
    encoding: Encoding,
    /// Open documents by their path: as the client writes their URI, and their text.
    open: HashMap<String, (Uri, Rope)>,
    /// `None` for a file that cannot be read any more; else its text, and whether it is the indexed version.
    texts: HashMap<Box<str>, Option<(Lines, bool)>>,
}

/// Longest line that is shown, in bytes.
const PREVIEW_BYTES: usize = 200;

impl View {
    pub(crate) fn new(session: &Session, root: Arc<Root>, snapshot: Snapshot) -> Self {
        let documents = session.documents();
        let open = documents.iter().filter_map(|(uri, document)| {
            let place = document.place.as_ref().filter(|place| Arc::ptr_eq(&place.root, &root))?;
            Some((place.path.clone(), (uri.clone(), document.text.clone())))
        });
        let open = open.collect();
        drop(documents);
        Self { root, snapshot, encoding: session.encoding, open, texts: HashMap::new() }
    }

    /// The URI of a file, written as the client writes it.
    pub(crate) fn uri(&self, path: &str) -> Uri {
        self.open.get(path).map_or_else(|| self.root.uri_of(path), |(uri, _)| uri.clone())
    }

    fn text(&mut self, path: &str) -> Option<&(Lines, bool)> {
        let text = self.texts.entry(path.into()).or_insert_with(|| {
            if let Ok(current) = self.snapshot.text(path) {
                Some((Lines::new(current.text, self.encoding), current.as_indexed))
            } else {
                // The file went a moment ago; its document is still open.
                let (_, text) = self.open.get(path)?;
                Some((Lines::new(text.to_string().into(), self.encoding), false))
            }
        });
        text.as_ref()
    }

    /// Ranges of a definition and of its name in the text as it is now; `None` when the file is gone. In a file that
    /// changed since it was indexed the name is looked for near where it was.
    pub(crate) fn ranges(&mut self, path: &str, span: Span, focus: Span, name: &str) -> Option<(Range, Range)> {
        let (lines, as_indexed) = self.text(path)?;
        let moved = if *as_indexed { 0 } else { shift(lines.text(), focus, name) };
        let at = |span: Span| {
            let moved = |offset: u32| usize::try_from(i64::from(offset) + moved).unwrap_or_default();
            lines.range(Span::new(moved(span.start), moved(span.end)))
        };
        Some((at(span), at(focus)))
    }

    /// The line of a byte, without what surrounds it.
    pub(crate) fn preview(&mut self, path: &str, line: u32) -> String {
        let Some((lines, _)) = self.text(path) else { return String::new() };
        let start = lines.byte(lsp_types::Position { line, character: 0 });
        let rest = &lines.text()[start..];
        let line = rest.split(['\n', '\r']).next().unwrap_or_default().trim();
        line[..line.floor_char_boundary(PREVIEW_BYTES)].to_owned()
    }

    /// The byte of a position in a file as it is now.
    pub(crate) fn byte(&mut self, path: &str, position: lsp_types::Position) -> Option<u32> {
        self.text(path).map(|(lines, _)| lines.byte(position) as u32)
    }

    pub(crate) fn hit(&mut self, hit: &conexus_core::Hit) -> Option<Hit> {
        let (range, selection_range) = self.ranges(&hit.path, hit.span, hit.focus, &hit.name)?;
        let contributions = hit.contributions.iter();
        let contributions =
            contributions.map(|term| Contribution { feature: term.feature.to_owned(), value: term.value });
        Some(Hit {
            uri: self.uri(&hit.path),
            range,
            selection_range,
            path: hit.path.to_string(),
            name: hit.name.to_string(),
            container: hit.container.to_string(),
            kind: hit.kind.map(|kind| kind.name().to_owned()),
            language: hit.language.name().to_owned(),
            score: hit.score,
            preview: self.preview(&hit.path, selection_range.start.line),
            contributions: (!hit.contributions.is_empty()).then(|| contributions.collect()),
        })
    }

    pub(crate) fn target(&mut self, hit: &SymbolHit) -> Option<Target> {
        let (range, selection_range) = self.ranges(&hit.path, hit.span, hit.name_span, &hit.name)?;
        Some(Target {
            uri: self.uri(&hit.path),
            range,
            selection_range,
            name: hit.name.to_string(),
            container: hit.container.to_string(),
            kind: hit.kind.map(|kind| kind.name().to_owned()),
        })
    }

    pub(crate) fn relation(&mut self, relation: &conexus_engine::Relation) -> Option<Relation> {
        let (range, selection_range) = self.ranges(&relation.path, relation.span, relation.focus, &relation.name)?;
        Some(Relation {
            relation: relation.kind.name().to_owned(),
            uri: self.uri(&relation.path),
            range,
            selection_range,
            path: relation.path.to_string(),
            name: relation.name.to_string(),
            container: relation.container.to_string(),
            kind: relation.symbol_kind.map(|kind| kind.name().to_owned()),
            reason: relation.reason.clone(),
            confidence: relation.confidence,
        })
    }

    pub(crate) fn notices(&self, notices: &[conexus_core::Notice]) -> Vec<Notice> {
        notices.iter().map(|notice| wire_notice(notice, &self.root.uri)).collect()
    }

    /// What an answer from this state saw.
    pub(crate) fn seen(&self) -> Seen {
        let documents = self.snapshot.buffers();
        Seen {
            workspace: self.root.uri.clone(),
            generation: self.snapshot.generation().0,
            documents: documents
                .map(|buffer| DocumentVersion { uri: self.uri(&buffer.path), version: buffer.version })
                .collect(),
        }
    }
}

/// How far a name has moved since it was indexed: to its occurrence next to where it was.
fn shift(text: &str, focus: Span, name: &str) -> i64 {
    if name.is_empty() || focus.slice(text) == name {
        return 0;
    }
    let old = i64::from(focus.start);
    let moves = text.match_indices(name).map(|(at, _)| i64::from(at as u32) - old);
    moves.min_by_key(|moved| moved.abs()).unwrap_or(0)
}

fn wire_notice(notice: &conexus_core::Notice, workspace: &Uri) -> Notice {
    use conexus_core::Notice as Core;
    let plain = |kind: &str, message: String| Notice {
        kind: kind.to_owned(),
        message,
        done: None,
        total: None,
        workspace: Some(workspace.clone()),
    };
    match notice {
        Core::EmptyQuery => plain("emptyQuery", "the query holds no word to search for".to_owned()),
        Core::NoMatch => plain("noMatch", "no match".to_owned()),
        Core::FilterMatchesNothing => plain("filterMatchesNothing", "the filters leave nothing to search".to_owned()),
        Core::Indexing { done, total } => {
            let message = if *total > 0 {
                format!("still indexing: {done} of {total} files")
            } else {
                "still indexing".to_owned()
            };
            Notice { done: Some(*done), total: Some(*total), ..plain("indexing", message) }
        }
        Core::Stopped => {
            plain("stopped", "indexing was stopped: what changed on disk since then is not known".to_owned())
        }
        Core::BuffersBehind => {
            plain("buffersBehind", "the latest changes in open documents are not searched yet".to_owned())
        }
        Core::NothingIndexed => {
            plain("nothingIndexed", "the workspace holds no file that is indexed; `conexus doctor` says why".to_owned())
        }
        Core::BuiltinModel { reason } => plain("builtinModel", format!("answered with the built-in model: {reason}")),
        Core::LexicalOnly { reason } => plain("lexicalOnly", format!("searched by words only: {reason}")),
        Core::SetAside { path, files } => {
            let files = if *files > 1 { format!("{path} and {} more are", files - 1) } else { format!("{path} is") };
            plain("setAside", format!("{files} searched without symbols, since parsing ended the server"))
        }
        Core::Unparsed { path, reason, files } => {
            let others = if *files > 1 { format!("; so are {} others", files - 1) } else { String::new() };
            plain("unparsed", format!("{path} is searched without its symbols, {reason}{others}"))
        }
        Core::Detached => plain(
            "detached",
            "another process owns this index, or its workspace is gone; answers are as of its last commit".to_owned(),
        ),
        Core::Limited { hits } => plain("limited", format!("only the best {hits} hits are ranked")),
        Core::QuoteNotFound { quotes: 1 } => plain("quoteNotFound", "no chunk holds the quoted text".to_owned()),
        Core::QuoteNotFound { quotes } => plain("quoteNotFound", format!("no chunk holds all {quotes} quoted texts")),
        Core::QuoteLimited { read, chunks } => plain(
            "quoteLimited",
            format!("the quoted text was looked for in {read} of {chunks} chunks that may hold it"),
        ),
        Core::QueryCut { bytes } => plain("queryCut", format!("the query was cut to its first {bytes} bytes")),
    }
}

/// A notice about a folder that has no index.
pub(crate) fn unavailable(root: &Root, why: &str) -> Notice {
    Notice {
        kind: "unavailable".to_owned(),
        message: format!("the folder {} cannot be searched: {why}", root.name),
        done: None,
        total: None,
        workspace: Some(root.uri.clone()),
    }
}

/// A notice that is about no folder.
pub(crate) fn notice(kind: &str, message: impl Into<String>) -> Notice {
    Notice { kind: kind.to_owned(), message: message.into(), done: None, total: None, workspace: None }
}

/// The answer of a session without a folder.
pub(crate) fn no_workspace() -> Notice {
    notice("noWorkspace", "no folder is open, so there is nothing to search: open one")
}

/// `RequestFailed` of the protocol.
const REQUEST_FAILED: i64 = -32803;

/// A failure of the engine that no answer can carry.
pub(crate) fn failed(error: &EngineError) -> Error {
    Error { code: ErrorCode::ServerError(REQUEST_FAILED), message: error.to_string().into(), data: None }
}

/// Invalid parameters, in words.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error { code: ErrorCode::InvalidParams, message: message.into().into(), data: None }
}

/// The protocol's kind of a symbol; a piece of a file without one is a file.
pub(crate) fn symbol_kind(kind: Option<SymbolKind>) -> lsp_types::SymbolKind {
    use lsp_types::SymbolKind as Lsp;
    match kind {
        None => Lsp::File,
        Some(SymbolKind::Function | SymbolKind::Macro | SymbolKind::Test) => Lsp::Function,
        Some(SymbolKind::Method) => Lsp::Method,
        Some(SymbolKind::Constructor) => Lsp::Constructor,
        Some(SymbolKind::Class) => Lsp::Class,
        Some(SymbolKind::Struct | SymbolKind::Union) => Lsp::Struct,
        Some(SymbolKind::Enum) => Lsp::Enum,
        Some(SymbolKind::EnumMember) => Lsp::EnumMember,
        Some(SymbolKind::Interface | SymbolKind::Trait) => Lsp::Interface,
        Some(SymbolKind::Type) => Lsp::TypeParameter,
        Some(SymbolKind::Constant) => Lsp::Constant,
        Some(SymbolKind::Variable) => Lsp::Variable,
        Some(SymbolKind::Field) => Lsp::Field,
        Some(SymbolKind::Property) => Lsp::Property,
        Some(SymbolKind::Module) => Lsp::Module,
        Some(SymbolKind::Namespace) => Lsp::Namespace,
        Some(SymbolKind::Impl) => Lsp::Object,
        // As the language servers of Markdown do it.
        Some(SymbolKind::Section) => Lsp::String,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_name_is_found_next_to_where_it_was() {
        let text = "// new\nfn a() {}\nfn b() { a() }\n";
        for (focus, name, expected) in [
            (Span::new(3, 4), "a", 7),
            (Span::new(10, 11), "a", 0),
            (Span::new(13, 14), "b", 7),
            (Span::new(3, 4), "c", 0),
        ] {
            assert_eq!(shift(text, focus, name), expected, "{name} at {focus:?}");
        }
    }
}
