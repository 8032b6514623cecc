//! What a search asks for.

use crate::SymbolKind;

/// How a query's text is to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Decide by the shape of the text.
    #[default]
    Auto,
    /// A description in words: lean on vectors.
    Meaning,
    /// Words that occur in the text: lexical only.
    Keyword,
    /// A symbol's name: exact, prefix, subsequence.
    Symbol,
}

/// Whether tests may answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TestFilter {
    /// Tests and code; tests sink unless the query asks for them.
    #[default]
    Any,
    /// Tests alone.
    Only,
    /// No tests.
    Exclude,
}

/// Hard conditions on the answers; an empty list allows everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Globs of which a path must match one. A pattern without `/` matches at any depth; a folder matches what is below it.
    pub include: Vec<String>,
    /// Globs of which a path may match none.
    pub exclude: Vec<String>,
    /// Exact workspace-relative paths; `Some` of nothing allows nothing.
    pub paths: Option<Vec<String>>,
    /// Language names.
    pub languages: Vec<String>,
    /// Symbol kinds.
    pub kinds: Vec<SymbolKind>,
    /// Whether tests may answer.
    pub tests: TestFilter,
}

impl Filter {
    /// Whether it allows everything.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What the person is working on: a soft boost, never a filter. Paths are workspace-relative.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkContext {
    /// The file under the cursor.
    pub active_file: Option<String>,
    /// Files open in the editor.
    pub open_files: Vec<String>,
}

/// One search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Any string; no character has a meaning that could make it invalid.
    pub text: String,
    /// How to read it.
    pub mode: Mode,
    /// Hard conditions.
    pub filter: Filter,
    /// Soft context.
    pub context: WorkContext,
    /// Most hits to return.
    pub limit: usize,
    /// Hits to pass over first: the cursor of pagination.
    pub offset: usize,
    /// Whether each hit lists its score's contributions.
    pub explain: bool,
}

impl Query {
    /// A plain query for the ten best hits.
    pub fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            mode: Mode::Auto,
            filter: Filter::default(),
            context: WorkContext::default(),
            limit: 10,
            offset: 0,
            explain: false,
        }
    }
}
