//! Symbols of the workspace for a picker: by name as language servers do it, by meaning when the text is a phrase.

use std::sync::atomic::AtomicBool;

use conexus_core::{Generation, Language, Notice, Span, SymbolKind};

use crate::{Result, Snapshot};

/// How the text of a symbol query is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SymbolMode {
    /// A name when it looks like one, meaning when it is a phrase; both for two plain words, which may be either.
    #[default]
    Auto,
    /// Names alone.
    Names,
    /// Meaning alone: beside another language server that answers names.
    Meaning,
    /// Names first, then meaning.
    All,
}

/// A query for symbols. Any text is one; none is an error.
///
/// A name may be abbreviated by a subsequence that begins where a word begins: `wsq` and `WorSym` find
/// `WorkspaceSymbolQuery`. An upper-case letter in the query matches an upper-case letter or the beginning of a word; a
/// lower-case one matches both cases. `::`, `.`, `/`, `->` and `\` separate a name from its containers, which are symbols,
/// folders or the file: `Snapshot::search`, `http/Client.send`, `router/`. A last separator asks for what lies inside.
///
/// Kind hints, as a word before the name or with a colon: `fn`, `func`, `function`, `def`, `method`, `class`, `struct`,
/// `enum`, `interface`, `trait`, `type`, `const`, `var`, `field`, `mod`, `namespace`, `macro`, `impl`, `test`. As in
/// rust-analyzer a `#` anywhere widens the search: there from types to functions, here, where functions are found
/// anyway, to the symbols of lesser rank (fields, variables, enum members, sections of documents) being ranked like any
/// other. `*` at the end does the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SymbolQuery {
    /// What was typed.
    pub text: String,
    /// How to read it.
    pub mode: SymbolMode,
    /// Most hits to return.
    pub limit: usize,
    /// Workspace-relative paths of open and recently changed files, most recent first: a soft boost. The answer to an
    /// empty text is the symbols of these files in this order.
    pub recent: Vec<String>,
    /// The file under the cursor: a soft boost.
    pub active_file: Option<String>,
}

impl SymbolQuery {
    /// A plain query.
    pub fn new(text: impl Into<String>, limit: usize) -> Self {
        Self { text: text.into(), mode: SymbolMode::Auto, limit, recent: Vec::new(), active_file: None }
    }
}

/// One symbol, or one piece of code without a symbol that answers by meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolHit {
    /// Workspace-relative path with `/`.
    pub path: Box<str>,
    /// Language of the file.
    pub language: Language,
    /// What it is; `None` for a piece of a file, whose name is its first line.
    pub kind: Option<SymbolKind>,
    /// The name as it is defined.
    pub name: Box<str>,
    /// Where it is: the enclosing symbols, or else the path of the file.
    pub container: Box<str>,
    /// The whole definition in the indexed version of the file.
    pub span: Span,
    /// The name alone, or empty at the start of a piece of a file.
    pub name_span: Span,
    /// First and last line of the span, numbered from 0, inclusive.
    pub lines: (u32, u32),
    /// Only its order within one answer has a meaning.
    pub score: f32,
}

/// The answer to a [`SymbolQuery`].
#[derive(Clone, Debug, PartialEq)]
pub struct SymbolAnswer {
    /// Hits, best first.
    pub hits: Vec<SymbolHit>,
    /// The state of the index it was read from.
    pub generation: Generation,
    /// Whether the limit left out others.
    pub more: bool,
    /// What the reader must know.
    pub notices: Vec<Notice>,
}

impl Snapshot {
    /// Finds symbols by name or by meaning. `cancel` is looked at every few hundred files; a cancelled call answers with
    /// what it has.
    pub fn workspace_symbols(&self, query: &SymbolQuery, cancel: &AtomicBool) -> Result<SymbolAnswer> {
        let _ = (query, cancel);
        Ok(SymbolAnswer { hits: Vec::new(), generation: self.generation(), more: false, notices: Vec::new() })
    }

    /// The innermost symbol around a byte of a file. An error when the file is not in the index; `None` between
    /// symbols. An implementation block or a section counts as a symbol where nothing else is around.
    pub fn symbol_at(&self, path: &str, offset: u32) -> Result<Option<SymbolHit>> {
        let _ = offset;
        self.file(path)?;
        Ok(None)
    }
}
