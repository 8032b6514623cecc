//! A state of the workspace that readers hold for one request.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, atomic::AtomicBool},
};

use conexus_core::{Answer, BlobId, Generation, Note, Notice, Query};
use conexus_embed::{Embedder, Speed};
use conexus_index::{FileEntry, FileReferences, IndexSnapshot, LocatedChunk, SymbolRef, tokenizer};

use crate::{
    Error, GuardedAnalyser, Location, Result, Settings, Weights, content,
    crashes::Crashes,
    models::StandIn,
    search::{Searcher, chunk_at},
    stages::{Stage, timed},
    walk,
};

/// An immutable view of the index with what is needed to search it. Cheap to clone.
#[derive(Clone)]
pub struct Snapshot {
    index: Arc<IndexSnapshot>,
    pub(crate) embedder: Option<Arc<dyn Embedder>>,
    /// While the built-in model answers in place of the chosen one.
    pub(crate) stand_in: Option<Arc<StandIn>>,
    pub(crate) weights: Arc<Weights>,
    root: PathBuf,
    /// Folders outside of the workspace whose files are indexed.
    sources: Arc<[PathBuf]>,
    max_file_bytes: u64,
    /// Whether hidden files are indexed.
    hidden: bool,
    /// What every answer from this state must say.
    pub(crate) notices: Arc<[Notice]>,
    pub(crate) buffers: Arc<BTreeMap<Arc<str>, BufferText>>,
    pub(crate) crashes: Arc<Crashes>,
}

/// Why a file has no symbols although its language has a grammar, in words.
fn why_unparsed(file: &FileEntry) -> Option<&'static str> {
    file.notes().find_map(|note| match note {
        Note::TimedOut => Some("since parsing it took too long"),
        Note::TooLarge => Some("since it is larger than what is parsed"),
        _ => None,
    })
}

/// The text of an open buffer that stands for its file.
#[derive(Clone, Debug)]
pub(crate) struct BufferText {
    /// None of one that was closed and whose saved text the index does not have yet.
    pub(crate) version: Option<i32>,
    pub(crate) text: Arc<str>,
    pub(crate) references: Arc<LazyReferences>,
}

/// Mentions that are put together when they are asked for first: typing asks for none.
pub(crate) type LazyReferences = LazyLock<Arc<FileReferences>, Box<dyn FnOnce() -> Arc<FileReferences> + Send>>;

/// The version of an open buffer that a snapshot shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BufferVersion {
    /// Workspace-relative path, or the URI of a buffer without a file.
    pub path: Arc<str>,
    /// As the editor numbered it.
    pub version: i32,
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
        stand_in: Option<Arc<StandIn>>,
        weights: Arc<Weights>,
        location: &Location,
        settings: &Settings,
        crashes: Arc<Crashes>,
    ) -> Self {
        Self {
            index,
            embedder,
            stand_in,
            weights,
            root: location.root.clone(),
            sources: settings.sources.roots().map(|(_, folder)| folder.path.clone()).collect(),
            max_file_bytes: settings.max_file_bytes,
            hidden: settings.hidden,
            notices: Arc::default(),
            buffers: Arc::default(),
            crashes,
        }
    }

    /// The same over another state of the index.
    pub(crate) fn with_index(&self, index: Arc<IndexSnapshot>) -> Self {
        Self { index, ..self.clone() }
    }

    /// The open buffers that it shows in place of their files, ordered by path.
    pub fn buffers(&self) -> impl Iterator<Item = BufferVersion> {
        let open = |(path, buffer): (&Arc<str>, &BufferText)| {
            Some(BufferVersion { path: Arc::clone(path), version: buffer.version? })
        };
        self.buffers.iter().filter_map(open)
    }

    /// The mentions in an indexed file, those of its open buffer if it has one. `None` when they are not stored any more.
    pub fn references(&self, file: &FileEntry) -> Result<Option<Arc<FileReferences>>> {
        match self.buffers.get(file.path()) {
            Some(buffer) => Ok(Some(Arc::clone(&**buffer.references))),
            None => Ok(self.index.references(file)?.map(Arc::new)),
        }
    }

    /// Why the built-in embedding model answers in place of the chosen one; `None` when it does not.
    pub fn builtin_model(&self) -> Option<String> {
        self.stand_in.as_ref().map(|stand_in| stand_in.reason())
    }

    /// What every answer from this state says: whether it is complete and current.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }

    /// An analyser for one thread, which survives crashes of grammars: the next process knows what ended this one.
    pub fn analyser(&self) -> GuardedAnalyser {
        GuardedAnalyser::new(&self.crashes)
    }

    /// Files that are searched without their symbols, since their grammar crashes on them.
    pub fn set_aside(&self) -> Vec<Arc<str>> {
        let known = self.crashes.set_aside().into_iter();
        let files = known.filter_map(|(path, blob)| self.index.file(&path).filter(|file| file.blob() == blob));
        files.map(|file| Arc::clone(file.path())).collect()
    }

    /// Files that are searched without their symbols, since parsing them took more than its time, or they are larger than
    /// what is parsed, with which of the two it was, in words. Every file is looked at.
    pub fn unparsed(&self) -> Vec<(Arc<str>, &'static str)> {
        self.index.files().filter_map(|file| Some((Arc::clone(file.path()), why_unparsed(file)?))).collect()
    }

    /// What answers say of those that are open buffers.
    pub(crate) fn unparsed_buffers(&self) -> Option<Notice> {
        let files = self.buffers.keys().filter_map(|path| self.index.file(path));
        let mut unparsed = files.filter_map(|file| Some((file.path().to_string(), why_unparsed(file)?)));
        let (path, reason) = unparsed.next()?;
        Some(Notice::Unparsed { path, reason, files: 1 + unparsed.count() as u64 })
    }

    /// What answers say of them.
    pub(crate) fn set_aside_notice(&self) -> Option<Notice> {
        let files = self.set_aside();
        files.first().map(|path| Notice::SetAside { path: path.to_string(), files: files.len() as u64 })
    }

    /// The embedder when it is fast enough to run where the text is.
    pub(crate) fn instant_embedder(&self) -> Option<Arc<dyn Embedder>> {
        self.embedder.clone().filter(|embedder| embedder.speed() == Speed::Instant)
    }

    /// The workspace folder, absolute.
    pub fn root(&self) -> &Path {
        &self.root
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
        timed(Stage::Search, || Searcher::new(self).search(query, cancel))
    }

    /// Code similar to the chunk at a byte of a file; the query gives filter and limits. `cancel` is looked at between
    /// steps of milliseconds; a cancelled search answers with nothing.
    pub fn similar(&self, path: &str, offset: u32, query: &Query, cancel: &AtomicBool) -> Result<Answer> {
        let file = self.file(path)?;
        let index = chunk_at(file, offset)
            .ok_or_else(|| Error::NotIndexed { path: path.to_owned(), why: ": it holds no code".to_owned() })?;
        Searcher::new(self).similar(file.first_slot() + index, query, cancel)
    }

    /// The file at a workspace-relative path.
    pub fn file(&self, path: &str) -> Result<&Arc<FileEntry>> {
        self.index.file(path).ok_or_else(|| {
            let why = match self.read(path, None) {
                Err(content::Skip::Unreadable) => ": there is no such file".to_owned(),
                Err(skip) => format!(": {}", skip.reason()),
                Ok(_) if content::is_secret_name(path) => format!(": {}", content::Skip::Secret.reason()),
                Ok(_) if !self.hidden && walk::is_hidden(path) => {
                    ": hidden files are indexed only where `index.hidden` says so".to_owned()
                }
                Ok(_) => ": it is ignored by .gitignore, .ignore, .conexusignore or the settings, or not indexed yet"
                    .to_owned(),
            };
            Error::NotIndexed { path: path.to_owned(), why }
        })
    }

    /// Reads a file of the workspace or of a source beside it. A path that leads out of them, or through a link, is like
    /// one that does not exist: a link may have taken the place of an indexed file.
    fn read(&self, path: &str, known: Option<BlobId>) -> std::result::Result<content::Content, content::Skip> {
        let file = self.root.join(path);
        if file.canonicalize().is_ok_and(|real| real == file && self.holds(&real)) {
            match known {
                Some(known) => content::read_known(&file, self.max_file_bytes, known),
                None => content::read(&file, self.max_file_bytes),
            }
        } else {
            Err(content::Skip::Unreadable)
        }
    }

    fn holds(&self, file: &Path) -> bool {
        file.starts_with(&self.root) || self.sources.iter().any(|source| file.starts_with(source))
    }

    /// Symbols whose name or qualified name fits a pattern, best first; an empty pattern fits all.
    pub fn symbols<'a>(&'a self, pattern: &str, limit: usize) -> Vec<(&'a Arc<FileEntry>, SymbolRef<'a>)> {
        crate::search::symbols_named(&self.index, pattern, limit)
    }

    /// The chunks that hold a word, written in whatever case and with or without `_`. `None` when they are more than
    /// `most`, or when the word is one that the index does not keep, such as a number.
    pub fn chunks_with_word(&self, word: &str, most: usize) -> Result<Option<Vec<LocatedChunk<'_>>>> {
        let Some(term) = tokenizer::identifier_term(word) else { return Ok(None) };
        let slots = self.index.slots_with_term(&term)?;
        if slots.len() > most as u64 {
            return Ok(None);
        }
        Ok(Some(slots.iter().filter_map(|slot| self.index.chunk(slot)).collect()))
    }

    /// The text of an indexed file as it is now: in its open buffer, else on disk.
    pub fn text(&self, path: &str) -> Result<CurrentText> {
        if let Some(buffer) = self.buffers.get(path) {
            return Ok(CurrentText { text: Arc::clone(&buffer.text), as_indexed: true });
        }
        let file = self.file(path)?;
        let content = self.read(path, Some(file.blob())).map_err(|skip| Error::NotIndexed {
            path: path.to_owned(),
            why: format!(" any more: {}", skip.reason()),
        })?;
        Ok(CurrentText { text: content.text.into(), as_indexed: content.blob == file.blob() })
    }

    /// The text of a file if it is still the version that was indexed.
    pub(crate) fn indexed_text(&self, file: &FileEntry) -> Option<Arc<str>> {
        self.text(file.path()).ok().filter(|current| current.as_indexed).map(|current| current.text)
    }
}
