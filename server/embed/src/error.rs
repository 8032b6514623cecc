//! What can go wrong: a model file, an endpoint, a setting.

use std::path::PathBuf;

/// Why an embedder could not be opened or could not embed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbedError {
    /// A file of a model cannot be read.
    #[error("cannot read the model file {path}: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of a model was read but is not what it should be.
    #[error("{origin} is not a usable model: {reason}")]
    Malformed {
        /// The file, or `the built-in model`.
        origin: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting has a value that cannot work.
    #[error("setting {setting}: {reason}")]
    Setting {
        /// The setting's name.
        setting: &'static str,
        /// What is wrong and what would be right.
        reason: String,
    },
}

impl EmbedError {
    pub(crate) fn malformed(origin: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Malformed { origin: origin.into(), reason: reason.into() }
    }

    pub(crate) fn setting(setting: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { setting, reason: reason.into() }
    }
}
