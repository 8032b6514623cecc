//! What an engine is told before it starts: one validated value.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use conexus_embed::EmbedderSettings;

use crate::{IndexDir, Location, Sources};

/// Which vectors to search with.
#[derive(Clone, Debug, PartialEq)]
pub enum Embedding {
    /// None: names and words only.
    Off,
    /// Vectors of this model.
    Model(EmbedderSettings),
}

/// Settings of an engine. Every field has one meaning and one default, listed in `docs/settings.md`.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where the index lies, see [`crate::Location`].
    pub index_dir: IndexDir,
    /// Analysis threads; 0 is one per core.
    pub threads: usize,
    /// Largest file that is indexed, in bytes.
    pub max_file_bytes: u64,
    /// Whether hidden files and folders are indexed.
    pub hidden: bool,
    /// Whether .gitignore, .ignore and .conexusignore are kept.
    pub ignore_files: bool,
    /// Whether a home folder and the top of a disk may be indexed, see [`crate::Location::refuse_wide`].
    pub any_folder: bool,
    /// What else is left out, in the syntax of .gitignore.
    pub exclude: Vec<String>,
    /// Ceiling of resident memory in bytes: less is done at once where it would be passed, and [`crate::Degradation`]
    /// says what.
    pub memory: u64,
    /// Where vectors come from.
    pub embedding: Embedding,
    /// What is indexed beside the workspace.
    pub sources: Sources,
    /// The file of the user that says so and is followed; `None` when there is none.
    pub sources_file: Option<PathBuf>,
    /// The program that parses a text which is suspected of crashing its grammar: it is called as `PROGRAM try-to-parse
    /// --language NAME [--query QUERY]` with the text on standard input, and is to call [`crate::try_to_parse`]. Without
    /// it suspects are set aside untried.
    pub trial_program: Option<PathBuf>,
    /// Folder of the index with which knowledge of such crashes is shared; `None` for a folder's own.
    pub crashes_of: Option<PathBuf>,
}

/// What of the memory the text of one file may take at most: analysing it takes about five times as much, and as much more
/// may be in work beside it.
const FILE_SHARE: u64 = 32;
/// Bytes that an analysis thread may hold: the text, tree and postings of a large file.
const MEMORY_PER_THREAD: u64 = 24 << 20;

impl Default for Settings {
    fn default() -> Self {
        Self {
            index_dir: IndexDir::Cache,
            threads: 0,
            max_file_bytes: 2 << 20,
            hidden: false,
            ignore_files: true,
            any_folder: false,
            exclude: Vec::new(),
            memory: 2_000 << 20,
            embedding: Embedding::Model(EmbedderSettings::Builtin),
            sources: Sources::default(),
            sources_file: None,
            trial_program: None,
            crashes_of: None,
        }
    }
}

impl Settings {
    /// The folder of the index in which crashes of grammars are written down.
    pub(crate) fn crashes_dir<'a>(&'a self, location: &'a Location) -> &'a Path {
        self.crashes_of.as_deref().unwrap_or(&location.index_dir)
    }

    /// Largest file in bytes that the memory has room for.
    pub fn most_file_bytes(&self) -> u64 {
        self.memory / FILE_SHARE
    }

    /// A number for all that chooses the files of a workspace, never 0: equal for settings that choose alike.
    pub(crate) fn choice(&self) -> u32 {
        let Self { max_file_bytes, hidden, ignore_files, exclude, .. } = self;
        let mut hasher = DefaultHasher::new();
        (max_file_bytes, hidden, ignore_files, exclude).hash(&mut hasher);
        hasher.finish() as u32 | 1
    }

    /// Threads to analyse with, at least 1 and not more than a quarter of the memory allows.
    pub fn analysis_threads(&self) -> usize {
        let room = usize::try_from(self.memory / 4 / MEMORY_PER_THREAD).unwrap_or(usize::MAX).max(1);
        self.wanted_threads().min(room)
    }

    /// Threads without a look at the memory.
    pub(crate) fn wanted_threads(&self) -> usize {
        match self.threads {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            threads => threads,
        }
    }
}
