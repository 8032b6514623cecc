//! From symbols and chunks of the index to the places that an answer names.

use std::{collections::HashMap, sync::Arc};

use conexus_core::{Hit, LineIndex, Span};
use conexus_index::{FileEntry, SymbolRef};

use super::SymbolHit;
use crate::{Snapshot, search::chunk_at};

/// Makes places, and reads each file at most once for it.
pub(crate) struct Places<'a> {
    view: &'a Snapshot,
    texts: HashMap<u32, Option<(Arc<str>, LineIndex)>>,
}

impl<'a> Places<'a> {
    pub(crate) fn new(view: &'a Snapshot) -> Self {
        Self { view, texts: HashMap::new() }
    }

    /// The place of a symbol.
    pub(crate) fn symbol(&mut self, file: &FileEntry, symbol: SymbolRef<'_>, score: f32) -> SymbolHit {
        let span = symbol.span();
        SymbolHit {
            path: file.path().as_ref().into(),
            language: file.language(),
            kind: Some(symbol.kind()),
            name: symbol.name().into(),
            container: container(file, symbol),
            span,
            name_span: symbol.name_span(),
            lines: self.lines(file, symbol, span),
            score,
        }
    }

    /// The symbol of a search's hit; a piece of the file where it has none.
    pub(crate) fn of_hit(&mut self, hit: &Hit) -> Option<SymbolHit> {
        let view = self.view;
        let file = view.index().file(&hit.path)?;
        let chunk = file.chunks().find(|chunk| chunk.span() == hit.span)?;
        if let Some(symbol) = chunk.symbol() {
            return Some(self.symbol(file, symbol, hit.score));
        }
        let start = hit.span.start;
        let name = self.text(file).map(|text| first_line(hit.span.slice(text))).unwrap_or_default();
        Some(SymbolHit {
            path: hit.path.clone(),
            language: hit.language,
            kind: None,
            name: if name.is_empty() { file_name(&hit.path).into() } else { name.into() },
            container: hit.path.clone(),
            span: hit.span,
            name_span: Span { start, end: start },
            lines: hit.lines,
            score: hit.score,
        })
    }

    /// The text of a file in the version of the index.
    pub(crate) fn text(&mut self, file: &FileEntry) -> Option<&str> {
        self.read(file).map(|(text, _)| &**text)
    }

    /// First and last line of a span; those of the chunks it touches when the text has changed since.
    pub(crate) fn lines_of(&mut self, file: &FileEntry, span: Span) -> (u32, u32) {
        match self.read(file) {
            Some((_, lines)) => lines.lines_of(span),
            None => chunk_lines(file, span),
        }
    }

    fn read(&mut self, file: &FileEntry) -> Option<&(Arc<str>, LineIndex)> {
        let view = self.view;
        self.texts
            .entry(file.first_slot())
            .or_insert_with(|| {
                let text = view.indexed_text(file)?;
                let lines = LineIndex::new(&text);
                Some((text, lines))
            })
            .as_ref()
    }

    /// A symbol that is a chunk to the byte has the lines of the chunk; for others, such as those that share a chunk with
    /// what stands before them, the text is read.
    fn lines(&mut self, file: &FileEntry, symbol: SymbolRef<'_>, span: Span) -> (u32, u32) {
        let own = chunk_at(file, symbol.name_span().start).and_then(|index| file.chunk(index)).filter(|chunk| {
            chunk.span().start == span.start && (span.end..=span.end.saturating_add(1)).contains(&chunk.span().end)
        });
        own.map_or_else(|| self.lines_of(file, span), |chunk| chunk.lines())
    }
}

/// The innermost symbol around a byte: of those around it, the one that starts last. The byte right behind a symbol
/// belongs to it where no other is.
pub(crate) fn innermost(file: &FileEntry, offset: u32) -> Option<SymbolRef<'_>> {
    let (mut inside, mut behind) = (None, None);
    for symbol in file.symbols().take_while(|symbol| symbol.span().start <= offset) {
        let end = symbol.span().end;
        if offset < end {
            inside = Some(symbol);
        } else if offset == end {
            behind = Some(symbol);
        }
    }
    inside.or(behind)
}

/// The enclosing symbols, or else the path.
pub(crate) fn container(file: &FileEntry, symbol: SymbolRef<'_>) -> Box<str> {
    if symbol.container().is_empty() { file.path().as_ref().into() } else { symbol.container().into() }
}

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The first line with something in it, at most 80 characters of it.
fn first_line(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| line.chars().any(char::is_alphanumeric)).unwrap_or("");
    line.chars().take(80).collect()
}

fn chunk_lines(file: &FileEntry, span: Span) -> (u32, u32) {
    let line = |offset, last| {
        let chunk = chunk_at(file, offset).and_then(|index| file.chunk(index));
        chunk.map_or(0, |chunk| if last { chunk.lines().1 } else { chunk.lines().0 })
    };
    (line(span.start, false), line(span.end.saturating_sub(1).max(span.start), true))
}
