//! What a search answers.

use crate::{ChunkKind, Generation, Language, Span, SymbolKind};

/// One term of a hit's score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Contribution {
    /// The ranking feature, such as `bm25` or `defines_name`.
    pub feature: &'static str,
    /// What it added to the score, or the factor it multiplied it with when the name ends in `_factor`.
    pub value: f32,
}

/// One chunk that answers a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Workspace-relative path with `/`.
    pub path: Box<str>,
    /// Language of the file.
    pub language: Language,
    /// The chunk's bytes in the indexed version of the file.
    pub span: Span,
    /// First and last line, numbered from 0, inclusive.
    pub lines: (u32, u32),
    /// Where to look first: the symbol's name when the chunk holds it, else empty at the chunk's start.
    pub focus: Span,
    /// Why the chunk is cut as it is.
    pub chunk_kind: ChunkKind,
    /// Kind of its symbol.
    pub kind: Option<SymbolKind>,
    /// Name of its symbol, or empty.
    pub name: Box<str>,
    /// Names of the enclosing symbols, or empty.
    pub container: Box<str>,
    /// Final score; only its order within one answer has a meaning.
    pub score: f32,
    /// Terms of the score; empty unless asked for.
    pub contributions: Vec<Contribution>,
}

/// What a reader must know to judge an answer, above all an empty one.
#[derive(Clone, Debug, PartialEq)]
pub enum Notice {
    /// The query holds nothing that could match: it is empty or only punctuation.
    EmptyQuery,
    /// The index is complete and nothing matches.
    NoMatch,
    /// The filter leaves no chunk to search.
    FilterMatchesNothing,
    /// Part of the files is indexed so far.
    Indexing {
        /// Files done.
        done: u64,
        /// Files known; grows while the walk goes on.
        total: u64,
    },
    /// A person stopped indexing: changes on disk are not followed.
    Stopped,
    /// Changes in open buffers that are not searched yet.
    BuffersBehind,
    /// The workspace holds no file that is indexed.
    NothingIndexed,
    /// Vectors of the current model are missing for part of the chunks; those were searched lexically.
    LexicalOnly {
        /// Why.
        reason: String,
    },
    /// The built-in embedding model answers in place of the chosen one.
    BuiltinModel {
        /// Why.
        reason: String,
    },
    /// Files are searched without their symbols, since parsing them ends the process.
    SetAside {
        /// One of them, workspace-relative.
        path: String,
        /// How many they are.
        files: u64,
    },
    /// Open buffers are searched without their symbols.
    Unparsed {
        /// One of them, workspace-relative.
        path: String,
        /// Why, in words that begin with "since".
        reason: &'static str,
        /// How many they are.
        files: u64,
    },
    /// The index is read as another process left it and is not being kept up to date.
    Detached,
    /// The query was cut to this many bytes before it was searched.
    QueryCut {
        /// Bytes kept.
        bytes: usize,
    },
    /// No chunk holds the quoted text, or all of several: the hits only resemble what is asked for.
    QuoteNotFound {
        /// How many texts are quoted.
        quotes: usize,
    },
    /// Part of the chunks that may hold a quoted text were read.
    QuoteLimited {
        /// Chunks read.
        read: u64,
        /// Chunks that may hold it.
        chunks: u64,
    },
    /// So many hits of a query are ranked; there are more that match a little.
    Limited {
        /// How many.
        hits: u64,
    },
}

/// The answer to one query.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Hits, best first.
    pub hits: Vec<Hit>,
    /// The state of the index it was read from.
    pub generation: Generation,
    /// Chunks that could have answered: alive and allowed by the filter.
    pub searched_chunks: u64,
    /// Whether more hits follow at the next offset.
    pub more: bool,
    /// What the reader must know.
    pub notices: Vec<Notice>,
}

impl Answer {
    /// Adds a notice that is true of a complete index only, unless the index is being built. One that was stopped may hold
    /// nothing as it was emptied.
    pub fn add_unless_indexing(&mut self, notice: Notice) {
        let is_untrue = |said: &Notice| match said {
            Notice::Indexing { .. } => true,
            Notice::Stopped => notice == Notice::NothingIndexed,
            _ => false,
        };
        if !self.notices.iter().any(is_untrue) {
            self.notices.push(notice);
        }
    }
}
