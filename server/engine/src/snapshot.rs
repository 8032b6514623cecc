//! A state of the workspace that readers hold for one request.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use conexus_core::{Answer, Generation, Query};
use conexus_embed::Embedder;
use conexus_index::{FileEntry, IndexSnapshot, SymbolRef};

use crate::{
    Error, Location, Result, Weights, content,
    search::{Searcher, chunk_at},
};

/// An immutable view of the index with what is needed to search it. Cheap to clone.
#[derive(Clone)]
pub struct Snapshot {
    index: Arc<IndexSnapshot>,
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
    pub(crate) embedding_fault: Option<String>,
    pub(crate) weights: Arc<Weights>,
    root: PathBuf,
    max_file_bytes: u64,
}

/// A file's text as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurrentText {
    /// The text.
    pub text: Arc<str>,
    /// Whether it is the version that was indexed: only then do spans of the index fit it.
    pub as_indexed: bool,
}

impl Snapshot {
    pub(crate) fn new(
        index: Arc<IndexSnapshot>,
        embedder: Option<Arc<dyn Embedder>>,
        embedding_fault: Option<String>,
        weights: Arc<Weights>,
        location: &Location,
        max_file_bytes: u64,
    ) -> Self {
        Self { index, embedder, embedding_fault, weights, root: location.root.clone(), max_file_bytes }
    }

    /// The state of the index.
    pub fn index(&self) -> &IndexSnapshot {
        &self.index
    }

    /// The committed state it shows.
    pub fn generation(&self) -> Generation {
        self.index.generation()
    }

    /// Answers a query; the text may be any string. `cancel` is looked at between
    /// steps of milliseconds; a cancelled search answers with what it has, which may be nothing.
    pub fn search(&self, query: &Query, cancel: &AtomicBool) -> Result<Answer> {
        Searcher::new(self).search(query, cancel)
    }

    /// Code similar to the chunk at a byte of a file; the query gives filter and limits.
    pub fn similar(&self, path: &str, offset: u32, query: &Query) -> Result<Answer> {
        let file = self.file(path)?;
        let index = chunk_at(file, offset)
            .ok_or_else(|| Error::NotIndexed { path: path.to_owned(), why: ": it holds no code".to_owned() })?;
        Searcher::new(self).similar(file.first_slot() + index, query)
    }

    /// The file at a workspace-relative path.
    pub fn file(&self, path: &str) -> Result<&Arc<FileEntry>> {
        self.index.file(path).ok_or_else(|| {
            let why = match content::read(&self.root.join(path), self.max_file_bytes) {
                Err(content::Skip::Unreadable) => ": there is no such file".to_owned(),
                Err(skip) => format!(": {}", skip.reason()),
                Ok(_) if content::is_secret_name(path) => format!(": {}", content::Skip::Secret.reason()),
                Ok(_) => ": it is ignored by .gitignore, .ignore, .conexusignore or the settings, or not indexed yet"
                    .to_owned(),
            };
            Error::NotIndexed { path: path.to_owned(), why }
        })
    }

    /// Symbols whose name or qualified name fits a pattern, best first; an empty pattern fits all.
    pub fn symbols<'a>(&'a self, pattern: &str, limit: usize) -> Vec<(&'a Arc<FileEntry>, SymbolRef<'a>)> {
        crate::search::symbols_named(&self.index, pattern, limit)
    }

    /// The text of an indexed file as it is on disk now.
    pub fn text(&self, path: &str) -> Result<CurrentText> {
        let file = self.file(path)?;
        let content = content::read(&self.root.join(path), self.max_file_bytes).map_err(|skip| Error::NotIndexed {
            path: path.to_owned(),
            why: format!(" any more: {}", skip.reason()),
        })?;
        Ok(CurrentText { text: content.text.into(), as_indexed: content.blob == file.blob() })
    }

    /// The text of a file if it is still the version that was indexed.
    pub(crate) fn indexed_text(&self, file: &FileEntry) -> Option<String> {
        let content = content::read(&self.root.join(&**file.path()), self.max_file_bytes).ok()?;
        (content.blob == file.blob()).then_some(content.text)
    }
}
