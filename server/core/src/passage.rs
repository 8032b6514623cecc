//! The text of a chunk as search fields.

use crate::{Chunk, ChunkKind, FileAnalysis};

/// A chunk as lexical and vector search see it. All fields borrow from the file's text, its path or its symbols.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passage<'a> {
    /// Workspace-relative path with `/`.
    pub path: &'a str,
    /// Name of the symbol, or empty.
    pub name: &'a str,
    /// Names of the enclosing symbols, or empty.
    pub container: &'a str,
    /// The definition without its body, or empty.
    pub signature: &'a str,
    /// Documentation comment or docstring with its comment signs, or empty.
    pub doc: &'a str,
    /// The chunk's whole text.
    pub body: &'a str,
}

impl<'a> Passage<'a> {
    /// The fields of one chunk of an analysed text. Only a chunk that holds a symbol's beginning has its name,
    /// signature and documentation; other chunks of a symbol have it in their container.
    pub fn of(chunk: &Chunk, path: &'a str, text: &'a str, analysis: &'a FileAnalysis) -> Self {
        let body = chunk.span.slice(text);
        let Some(symbol) = chunk.symbol.and_then(|index| analysis.symbols.get(index as usize)) else {
            return Self { path, body, ..Self::default() };
        };
        let begins = chunk.kind == ChunkKind::Symbol || chunk.span.contains(symbol.name_span);
        if begins && chunk.kind != ChunkKind::Gap {
            Self {
                path,
                name: &symbol.name,
                container: &symbol.container,
                signature: symbol.signature.slice(text),
                doc: symbol.doc.map_or("", |doc| doc.slice(text)),
                body,
            }
        } else {
            Self { path, container: &symbol.name, body, ..Self::default() }
        }
    }
}
