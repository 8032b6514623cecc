//! What a writer hands in.

use conexus_core::{BlobId, FileAnalysis, Language, LineIndex, Words};
use std::sync::{Arc, OnceLock};

use crate::codec::{FileReferences, Heads, decode_analysis, encode_heads, encode_references};
use crate::lexical::{Group, Postings, Source, groups};
use crate::{Error, ModelStamp, Result};

/// What the file system said of a file when it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileStat {
    /// Size in bytes.
    pub size: u64,
    /// Time of the last change in nanoseconds since 1970, negative before it.
    pub mtime_ns: i64,
}

/// Properties of a file that ranking and filters use. The bits are stored on disk and never reused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FileFlags(pub u32);

impl FileFlags {
    /// The whole file is test code: [`conexus_core::TestFilter`] sees it.
    pub const TEST: Self = Self(1);
    /// Written by a program.
    pub const GENERATED: Self = Self(1 << 1);
    /// Copied from another project.
    pub const VENDORED: Self = Self(1 << 2);
    /// An example.
    pub const EXAMPLE: Self = Self(1 << 3);
    /// Prose.
    pub const DOCUMENTATION: Self = Self(1 << 4);
    /// Kept for compatibility with something older.
    pub const COMPATIBILITY: Self = Self(1 << 5);
    /// Configuration or data.
    pub const DATA: Self = Self(1 << 6);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Vectors of all chunks of a file, in the order of its chunks.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorBlock {
    /// The model that made them.
    pub model: ModelStamp,
    /// `dimension` numbers per chunk, each vector scaled to use the range -127..=127.
    pub rows: Vec<i8>,
    /// Per chunk: what to multiply its row with to get the unit vector; 0 says that the chunk has no vector.
    pub scales: Vec<f32>,
}

/// A file's content ready to be stored: its searchable form is computed here, on the caller's thread, so that several
/// files can be prepared at once while the one writer only appends. A clone is cheap.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub(crate) heads: Arc<Heads>,
    pub(crate) references: Arc<[u8]>,
    pub(crate) path: Arc<str>,
    /// What the postings are made of, until they are.
    source: Option<Arc<Source>>,
    postings: OnceLock<Arc<Postings>>,
    /// The postings of an open buffer.
    groups: Arc<[Group]>,
}

impl Prepared {
    /// Computes what the catalog keeps of a content, whose lines these are. Independent of any store; several can run at
    /// once.
    pub fn new(path: Arc<str>, mut analysis: FileAnalysis, text: Arc<str>, lines: &LineIndex) -> Result<Self> {
        let heads = Heads::new(&encode_heads(&analysis, lines))
            .map_err(|_| Error::Invalid(format!("the analysis of {path} contradicts itself")))?;
        let references = encode_references(&analysis.references, &text).into();
        analysis.references = Vec::new();
        let source = Some(Arc::new(Source { path: Arc::clone(&path), text, analysis }));
        Ok(Self { heads: Arc::new(heads), references, path, source, postings: OnceLock::new(), groups: Arc::default() })
    }

    /// An open buffer's text, which is searched and not stored: without references, and with its postings. `lines` are
    /// those of the text. `passages` has a hash for each chunk of all that is searched of it, the path aside; what
    /// `before`, an earlier text of the same file, had indexed of them is taken over, so the same hasher must have made
    /// those of both.
    pub fn of_buffer(
        path: Arc<str>,
        mut analysis: FileAnalysis,
        text: Arc<str>,
        lines: &LineIndex,
        passages: &[u64],
        before: Option<&Self>,
    ) -> Result<Self> {
        if passages.len() != analysis.chunks.len() {
            return Err(Error::Invalid(format!("{path} has {} chunks, not {}", analysis.chunks.len(), passages.len())));
        }
        let heads = Heads::new(&encode_heads(&analysis, lines))
            .map_err(|_| Error::Invalid(format!("the analysis of {path} contradicts itself")))?;
        analysis.references = Vec::new();
        let source = Source { path: Arc::clone(&path), text, analysis };
        let known = before.filter(|before| before.path == path).map_or(&[][..], |before| &before.groups);
        let groups = groups(&source, passages, known).into();
        Ok(Self {
            heads: Arc::new(heads),
            references: Arc::default(),
            path,
            source: None,
            postings: OnceLock::new(),
            groups,
        })
    }

    /// The postings with the number of the first chunk of each.
    pub(crate) fn parts(&self) -> impl Iterator<Item = (u32, Arc<Postings>)> {
        let whole = self.groups.is_empty().then(|| (0, self.postings()));
        whole.into_iter().chain(self.groups.iter().map(|group| (group.first, Arc::clone(&group.postings))))
    }

    /// A content whose analysis is stored.
    pub(crate) fn known(path: Arc<str>, language: Language, heads: Arc<Heads>, text: Arc<str>) -> Self {
        let analysis = decode_analysis(language, &heads, &FileReferences::default());
        let source = Some(Arc::new(Source { path: Arc::clone(&path), text, analysis }));
        Self { heads, references: Arc::default(), path, source, postings: OnceLock::new(), groups: Arc::default() }
    }

    /// The same with its postings, and without its text, which nothing needs any more.
    #[must_use]
    pub fn with_postings(mut self) -> Self {
        self.postings();
        self.source = None;
        self
    }

    /// The same of a content whose chunks have these words.
    #[must_use]
    pub fn with_postings_of(self, words: Words<'_>) -> Self {
        if let Some(source) = &self.source {
            self.postings.get_or_init(|| Arc::new(Postings::of_words(source, 0..source.analysis.chunks.len(), words)));
        }
        self.with_postings()
    }

    /// Number of chunks.
    pub fn chunk_count(&self) -> u32 {
        self.heads.chunk_count()
    }

    pub(crate) fn postings(&self) -> Arc<Postings> {
        let make = || Arc::new(self.source.as_deref().map(Postings::of).unwrap_or_default());
        Arc::clone(self.postings.get_or_init(make))
    }
}

/// The content of a file.
#[derive(Clone, Debug)]
pub enum Content {
    /// A content that the store has no analysis of.
    New {
        /// Its analysis.
        analysis: FileAnalysis,
        /// Its text.
        text: Arc<str>,
        /// Vectors of all chunks, or none yet.
        vectors: Option<VectorBlock>,
    },
    /// As `New`, prepared by the caller in parallel.
    Prepared {
        /// From [`Prepared::new`] with the same path.
        prepared: Prepared,
        /// Vectors of all chunks, or none yet.
        vectors: Option<VectorBlock>,
    },
    /// A content whose analysis is stored (see [`crate::Store::stored`]).
    Known {
        /// Its text.
        text: Arc<str>,
        /// Vectors, when the stored ones are missing or do not fit.
        vectors: Option<VectorBlock>,
    },
    /// The content is as it was: only `stat` and `flags` changed.
    StatOnly,
}

/// A new version of one file.
#[derive(Clone, Debug)]
pub struct FileUpdate {
    /// Workspace-relative path with `/`.
    pub path: Arc<str>,
    /// As the file system had it.
    pub stat: FileStat,
    /// Its properties.
    pub flags: FileFlags,
    /// Hash of its bytes.
    pub blob: BlobId,
    /// Language it was analysed as.
    pub language: Language,
    /// What besides the blob and the language its vectors depend on, such as a hash of the path when the model reads
    /// the path; 0 when nothing. Stored vectors are used for a known content only when this is equal.
    pub vector_key: u64,
    /// Its content.
    pub content: Content,
}

/// Changes that become visible together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// New and changed files; a path occurs once.
    pub updates: Vec<FileUpdate>,
    /// Paths that are gone. A path that is not in the index is passed over.
    pub removals: Vec<Arc<str>>,
}

/// What the store holds of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stored {
    /// Nothing: it has to be analysed.
    Nothing,
    /// Its analysis, but no vectors of the current model and that key.
    Analysis,
    /// All that a commit of [`Content::Known`] needs.
    All,
}

/// Where the store gets the text of a file that it has to index again.
pub trait TextSource {
    /// The text of the file if its content still has that hash. A file that changed is left for the next scan.
    fn text(&self, path: &str, blob: BlobId) -> Option<Arc<str>>;
}

/// A source without texts: what cannot be caught up is dropped and reported.
impl TextSource for () {
    fn text(&self, _path: &str, _blob: BlobId) -> Option<Arc<str>> {
        None
    }
}
