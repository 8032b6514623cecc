//! Why nothing could be checked.

use std::path::PathBuf;

/// An error of a check. Messages say what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option is out of its range.
    #[error("`{setting}` is {value}, it may be {low} to {high}")]
    Option {
        /// The key in the settings.
        setting: &'static str,
        /// As given.
        value: String,
        /// Smallest value.
        low: String,
        /// Largest value.
        high: String,
    },
    /// The baseline cannot be understood.
    #[error("the baseline {name} {why}; mend it, or write a new one with --update-baseline after deleting it")]
    Baseline {
        /// The file as the user knows it.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The baseline cannot be read.
    #[error("cannot read the baseline {}: {source}", path.display())]
    UnreadableBaseline {
        /// Where it is.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A glob of the settings is none.
    #[error("`check.per_path_ignore`: {glob:?} is no glob: {why}")]
    Glob {
        /// As given.
        glob: String,
        /// What is wrong with it.
        why: String,
    },
    /// No rule is selected.
    #[error("no rule is selected, name one with --select or in `check.select`")]
    NoRule,
    /// Only rules that look at a change are selected.
    #[error("the selected rules look at a change, name the revision it is against with --changed-since")]
    NoChange,
    /// No file is indexed.
    #[error(
        "nothing to check: the workspace holds no file that is indexed; `conexus doctor` says what was passed over"
    )]
    NothingIndexed,
    /// No indexed file is below the paths.
    #[error("nothing to check: no indexed file is below {0}")]
    NothingBelow(String),
    /// Nothing changed.
    #[error(
        "nothing to check: nothing differs from {0:?}; name the revision that the change is against, such as origin/main"
    )]
    NothingDiffers(String),
    /// No rule of the user's own exists.
    #[error("nothing to check: the folder {0} holds no rule; write one as docs/check/custom.md shows")]
    NoCustomRules(&'static str),
    /// A rule of the user's own is wrong.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Custom {
        /// Its file.
        path: PathBuf,
        /// Line from 1.
        line: u32,
        /// Column from 1.
        column: u32,
        /// What is wrong.
        message: String,
    },
    /// A rule of the user's own cannot be read.
    #[error("cannot read {path:?}: {source}; mend its permissions, or leave it out with --ignore custom")]
    CustomUnreadable {
        /// A file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Git cannot say what changed.
    #[error(transparent)]
    Git(#[from] conexus_engine::git::GitError),
    /// The index cannot be read.
    #[error(transparent)]
    Engine(#[from] conexus_engine::Error),
}

/// Result of a check.
pub type Result<T> = std::result::Result<T, Error>;
