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
    /// An endpoint did not answer.
    #[error("{url} failed after {attempts} attempt(s): {reason}; check embedding.url and that the endpoint runs")]
    Endpoint {
        /// The endpoint, without query.
        url: String,
        /// Times it was asked.
        attempts: u32,
        /// The last failure.
        reason: String,
    },
    /// An endpoint refused the request for a reason that asking again does not change.
    #[error("{url} refused the request with status {status}: {message}{hint}", hint = hint(*status))]
    Refused {
        /// The endpoint, without query.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        message: String,
    },
    /// An endpoint answered something else than it should.
    #[error("{url} gave an answer that cannot be used: {reason}")]
    Answer {
        /// The endpoint, without query.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("embedding was cancelled")]
    Cancelled,
}

fn hint(status: u16) -> &'static str {
    match status {
        401 | 403 => "; check embedding.api_key_env",
        404 => "; check embedding.url and embedding.model",
        _ => "",
    }
}

impl EmbedError {
    pub(crate) fn malformed(origin: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Malformed { origin: origin.into(), reason: reason.into() }
    }

    pub(crate) fn setting(setting: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { setting, reason: reason.into() }
    }
}
