//! What can go wrong between a workspace and its index.

use std::path::PathBuf;

/// An error of the engine. Messages name the file or setting to fix, and say the cause, which is no source beside.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The workspace cannot be opened.
    #[error("cannot open the workspace {path:?}: {why}")]
    Workspace {
        /// The path as given.
        path: PathBuf,
        /// Why.
        why: std::io::Error,
    },
    /// The workspace is a file.
    #[error("the workspace {path:?} is not a folder")]
    NotAFolder {
        /// The path as given.
        path: PathBuf,
    },
    /// The workspace holds far more than a workspace.
    #[error(
        "{path:?} is {what}, which is seldom meant to be searched as a whole: open a folder inside it, or allow it by \
         `any_folder = true` below `[index]` in a `conexus.toml` there"
    )]
    TooWide {
        /// The workspace.
        path: PathBuf,
        /// What it is, in words.
        what: &'static str,
    },
    /// The index would lie around what it is of.
    #[error("the index cannot lie in {path:?}, which is or holds the workspace: name another folder with --index-dir")]
    IndexAround {
        /// The folder of the index.
        path: PathBuf,
    },
    /// There is no place for the index.
    #[error("no cache folder is known, set HOME or name a folder with --index-dir")]
    NoCacheFolder,
    /// A glob of the settings or of a query is malformed.
    #[error("cannot read the glob: {0}")]
    Glob(String),
    /// The walk could not start.
    #[error("cannot walk the workspace: {0}")]
    Walk(ignore::Error),
    /// The store failed.
    #[error("{0}{remedy}", remedy = remedy(.0))]
    Index(conexus_index::Error),
    /// The embedding model failed.
    #[error(transparent)]
    Embed(#[from] conexus_embed::EmbedError),
    /// The file of the sources cannot be used.
    #[error("cannot use the sources in {path:?}: {why}")]
    Sources {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// There is no index to read.
    #[error("the index in {path:?} cannot be read: {why}")]
    NoIndex {
        /// The folder of the index.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// No indexed file has that path.
    #[error("{path:?} is not in the index{why}")]
    NotIndexed {
        /// Workspace-relative path.
        path: String,
        /// Why, after a colon, or empty.
        why: String,
    },
}

/// Result of the engine.
pub type Result<T> = std::result::Result<T, Error>;

impl From<conexus_index::Error> for Error {
    fn from(error: conexus_index::Error) -> Self {
        Self::Index(error)
    }
}

impl From<ignore::Error> for Error {
    fn from(error: ignore::Error) -> Self {
        Self::Walk(error)
    }
}

/// What a person can do about a folder or disk that takes no index, after a semicolon, or nothing.
fn remedy(error: &conexus_index::Error) -> &'static str {
    use conexus_index::Error as Index;
    match error {
        Index::Foreign { .. } => {
            "; name a folder that is empty or not there yet, with --index-dir or CONEXUS_INDEX_DIR"
        }
        Index::OtherWorkspace { .. } => {
            "; name another folder with --index-dir, or delete that index with `conexus clear` and this --index-dir"
        }
        Index::DiskFull { .. } => {
            "; free some space and try again, nothing is lost; the index can lie elsewhere, see `dir` below `[index]` in \
             your own settings, or CONEXUS_INDEX_DIR"
        }
        Index::ReadOnly { .. } | Index::Io { .. } => {
            "; the index can lie elsewhere, see `dir` below `[index]` in your own settings, or CONEXUS_INDEX_DIR"
        }
        _ => "",
    }
}
