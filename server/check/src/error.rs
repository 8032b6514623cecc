//! Why nothing could be checked.

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
    /// Git cannot say what changed.
    #[error(transparent)]
    Git(#[from] conexus_engine::git::GitError),
    /// The index cannot be read.
    #[error(transparent)]
    Engine(#[from] conexus_engine::Error),
}

/// Result of a check.
pub type Result<T> = std::result::Result<T, Error>;
