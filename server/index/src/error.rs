//! What can go wrong in storage, each with the file to look at.

use std::path::{Path, PathBuf};

/// Result of a storage operation.
pub type Result<T> = std::result::Result<T, Error>;

/// A failure of storage. After any error the index on disk is the last committed generation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process owns the index; it can be opened with [`crate::Access::Read`].
    #[error("the index in {path} is in use by process {owner}")]
    Locked {
        /// Folder of the index.
        path: PathBuf,
        /// Process id of the owner, 0 when it left none.
        owner: u32,
    },
    /// There is no index in the folder (read access only; write access creates one).
    #[error("there is no index in {path}")]
    NotFound {
        /// Folder of the index.
        path: PathBuf,
    },
    /// The folder holds files of somebody else and is no index; nothing in it was changed.
    #[error("{path} is not an index of conexus, it holds {holds:?}; nothing in it was changed")]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// The name of a file or folder in it.
        holds: String,
    },
    /// The index is of another workspace, which is still there; nothing in it was changed.
    #[error("{path} holds the index of {workspace}; nothing in it was changed")]
    OtherWorkspace {
        /// The folder.
        path: PathBuf,
        /// The folder that is indexed there.
        workspace: PathBuf,
    },
    /// The catalog is of another version or damaged: [`crate::Store::destroy`] and index again.
    #[error("{path} cannot be used ({reason}); it has to be rebuilt")]
    Unusable {
        /// The catalog's file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The disk or the quota is full; nothing of the commit was kept.
    #[error("the disk or the quota is full, no space is left for {path}")]
    DiskFull {
        /// File or folder that could not grow.
        path: PathBuf,
    },
    /// The folder or a file in it cannot be written.
    #[error("{path} cannot be written")]
    ReadOnly {
        /// File or folder.
        path: PathBuf,
    },
    /// Another failure of the operating system.
    #[error("{path}: {source}")]
    Io {
        /// File or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// SQLite failed in a way that fits no other case.
    #[error("{path}: {source}")]
    Catalog {
        /// The catalog's file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The lexical index failed in a way that fits no other case; it is rebuilt on the next open.
    #[error("lexical index in {path}: {reason}")]
    Lexical {
        /// Folder of the lexical index.
        path: PathBuf,
        /// What tantivy said.
        reason: String,
    },
    /// A write on a store that was opened for reading.
    #[error("the index in {path} was opened for reading")]
    NotWritable {
        /// Folder of the index.
        path: PathBuf,
    },
    /// Opening the index again failed, so what is in memory may not fit the disk: [`crate::Store::reopen`] it.
    #[error("the index in {path} has to be opened again")]
    Stale {
        /// Folder of the index.
        path: PathBuf,
    },
    /// The folder was deleted, or made anew, while it was in use: open it again, which makes an empty index.
    #[error("the index in {path} was deleted while it was in use")]
    Gone {
        /// Folder of the index.
        path: PathBuf,
    },
    /// The caller passed a value that cannot be stored or searched.
    #[error("{0}")]
    Invalid(String),
    /// A glob of a filter cannot be read.
    #[error("pattern {pattern:?}: {reason}")]
    Pattern {
        /// The pattern as given.
        pattern: String,
        /// Why.
        reason: String,
    },
}

impl Error {
    /// A failure of the operating system on a file, sorted into the case that fits.
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::DiskFull { path },
            ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => Self::ReadOnly { path },
            _ => Self::Io { path, source },
        }
    }

    /// A failure of SQLite on the catalog, sorted into the case that fits.
    pub(crate) fn catalog(path: &Path, source: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let path = path.to_path_buf();
        // The memory that connections share is a file too, whose growth SQLite does not tell from other failures.
        if source.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE) {
            return Self::DiskFull { path };
        }
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Self::ReadOnly { path },
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Unusable { path, reason: source.to_string() }
            }
            _ => Self::Catalog { path, source },
        }
    }

    /// Whether the index has to be destroyed and built again.
    pub fn needs_rebuild(&self) -> bool {
        matches!(self, Self::Unusable { .. })
    }
}
