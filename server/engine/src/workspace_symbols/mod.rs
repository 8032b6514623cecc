//! Symbols of the workspace for a picker: by name as language servers do it, by meaning when the text is a phrase.

mod fit;
mod pattern;
mod place;
mod scan;

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, Ordering},
};

use conexus_core::{Generation, Language, Mode, Notice, Query, Span, SymbolKind, WorkContext};
use conexus_index::tokenizer;

pub(crate) use place::{Places, container, file_name, innermost};
pub(crate) use scan::named_like;

use crate::{MAX_QUERY_BYTES, Result, Shape, Snapshot, understand};
use fit::Fit;
use pattern::Pattern;

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
        let text = query.text[..query.text.floor_char_boundary(MAX_QUERY_BYTES)].trim();
        let mut picker = Picker {
            view: self,
            query,
            text,
            cancel,
            places: Places::new(self),
            seen: HashSet::new(),
            answer: SymbolAnswer {
                hits: Vec::new(),
                generation: self.generation(),
                more: false,
                notices: self.notices().to_vec(),
            },
        };
        if self.index().live_chunks() == 0 {
            picker.answer.add_unless_indexing(Notice::NothingIndexed);
            return Ok(picker.answer);
        }
        if text.is_empty() {
            picker.recent();
        } else {
            picker.answer(reading(text, query.mode))?;
        }
        let mut answer = picker.answer;
        // Of names and meaning one may have found nothing.
        answer.notices.retain(|notice| !matches!(notice, Notice::NoMatch | Notice::EmptyQuery));
        if answer.hits.is_empty() && !text.is_empty() {
            answer.add_unless_indexing(Notice::NoMatch);
        }
        if text.len() < query.text.trim().len() {
            answer.notices.push(Notice::QueryCut { bytes: text.len() });
        }
        Ok(answer)
    }

    /// The innermost symbol around a byte of a file. An error when the file is not in the index; `None` between
    /// symbols. An implementation block or a section counts as a symbol where nothing else is around.
    pub fn symbol_at(&self, path: &str, offset: u32) -> Result<Option<SymbolHit>> {
        let file = self.file(path)?;
        Ok(place::innermost(file, offset).map(|symbol| Places::new(self).symbol(file, symbol, 0.0)))
    }
}

/// What is looked through, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    /// Names; meaning when no name fits.
    Names,
    /// Names alone, whether one fits or not.
    NamesOnly,
    /// Names that fit well in half of the answer, then meaning.
    Both,
    /// Meaning alone.
    Meaning,
}

impl SymbolAnswer {
    /// Adds a notice that is true of a complete index only, unless the index is being built.
    fn add_unless_indexing(&mut self, notice: Notice) {
        if !self.notices.iter().any(|said| matches!(said, Notice::Indexing { .. })) {
            self.notices.push(notice);
        }
    }
}

/// How a text is read. A name has no blank (a kind hint aside); a sentence has more than one.
fn reading(text: &str, mode: SymbolMode) -> Reading {
    match mode {
        SymbolMode::Names => return Reading::NamesOnly,
        SymbolMode::Meaning => return Reading::Meaning,
        SymbolMode::All => return Reading::Both,
        SymbolMode::Auto => {}
    }
    let words = text.split_whitespace().count();
    let understanding = understand(text, Mode::Auto);
    match (words, understanding.shape) {
        (0 | 1, _) | (_, Shape::Empty) if understanding.quoted.is_empty() => Reading::Names,
        (2, _) if understanding.quoted.is_empty() => Reading::Both,
        _ => Reading::Meaning,
    }
}

/// One query on its way to an answer.
struct Picker<'a> {
    view: &'a Snapshot,
    query: &'a SymbolQuery,
    text: &'a str,
    cancel: &'a AtomicBool,
    places: Places<'a>,
    /// Path and span of the hits so far.
    seen: HashSet<(Box<str>, Span)>,
    answer: SymbolAnswer,
}

impl Picker<'_> {
    fn recent(&mut self) {
        let (found, more) = scan::of_files(self.view.index(), &self.query.recent, self.query.limit);
        self.answer.more = more;
        for named in found {
            let hit = self.places.symbol(named.file, named.symbol, named.score);
            self.answer.hits.push(hit);
        }
    }

    fn answer(&mut self, reading: Reading) -> Result<()> {
        let limit = self.query.limit;
        match reading {
            Reading::NamesOnly => {
                self.names(limit, Fit::Subsequence);
            }
            Reading::Meaning => self.meaning()?,
            Reading::Names => {
                self.names(limit, Fit::Subsequence);
                if self.answer.hits.is_empty() && self.occurs()? {
                    self.meaning()?;
                }
            }
            Reading::Both => {
                let exact = self.names(limit.div_ceil(2), Fit::Words);
                // `fn parse` found what it names; `class loader` is a question as well.
                if !exact {
                    self.meaning()?;
                }
                if self.answer.hits.len() < limit {
                    self.names(limit, Fit::Words);
                }
            }
        }
        Ok(())
    }

    /// Adds symbols whose name fits at least so well, up to so many hits in all. Tells whether a hinted name fits
    /// letter by letter.
    fn names(&mut self, limit: usize, least: Fit) -> bool {
        let path = understand(self.text, Mode::Auto).paths.into_iter().next();
        let pattern = match (path, Pattern::read(self.text)) {
            // `src/index/mod.rs` asks for what the file holds, `http/client.send` for a name.
            (Some(path), _) if self.view.index().files().any(|file| ends_with_path(file.path(), &path)) => {
                Pattern::of_path(&path)
            }
            (_, Some(pattern)) => pattern,
            (_, None) => return false,
        };
        let (found, more) = scan::named(self.view.index(), &pattern, self.query, limit, self.cancel);
        self.answer.more |= more;
        let mut exact = false;
        for named in found.into_iter().filter(|named| named.fit <= least) {
            exact |= pattern.hinted && named.fit == Fit::Exact;
            let hit = self.places.symbol(named.file, named.symbol, named.score);
            self.add(hit);
        }
        exact
    }

    /// Whether a word of the text occurs anywhere. For one that does not, what lies nearest is no answer.
    fn occurs(&self) -> Result<bool> {
        for term in tokenizer::terms(self.text) {
            if !self.view.index().slots_with_term(&term)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds the symbols of what a search finds.
    fn meaning(&mut self) -> Result<()> {
        if self.cancel.load(Ordering::Relaxed) {
            return Ok(());
        }
        let named = matches!(understand(self.text, Mode::Auto).shape, Shape::Identifier | Shape::Path);
        let mode = if named && self.query.mode == SymbolMode::Meaning { Mode::Meaning } else { Mode::Auto };
        let query = Query {
            mode,
            // Several chunks may belong to one symbol.
            limit: self.query.limit.saturating_add(self.query.limit / 2).saturating_add(1),
            context: WorkContext { active_file: self.query.active_file.clone(), open_files: self.query.recent.clone() },
            ..Query::new(self.text)
        };
        let found = self.view.search(&query, self.cancel)?;
        self.answer.more |= found.more;
        for notice in found.notices {
            if !self.answer.notices.contains(&notice) {
                self.answer.notices.push(notice);
            }
        }
        for hit in &found.hits {
            if let Some(hit) = self.places.of_hit(hit) {
                self.add(hit);
            }
        }
        Ok(())
    }

    fn add(&mut self, hit: SymbolHit) {
        if self.seen.contains(&(hit.path.clone(), hit.span)) {
            return;
        }
        if self.answer.hits.len() >= self.query.limit {
            self.answer.more = true;
            return;
        }
        self.seen.insert((hit.path.clone(), hit.span));
        self.answer.hits.push(hit);
    }
}

/// Whether a path is the wanted one or ends with it, at the border of a folder, whatever the case.
fn ends_with_path(path: &str, wanted: &str) -> bool {
    path.len().checked_sub(wanted.len()).is_some_and(|at| {
        path.is_char_boundary(at)
            && path[at..].eq_ignore_ascii_case(wanted)
            && (at == 0 || path.as_bytes()[at - 1] == b'/')
    })
}
