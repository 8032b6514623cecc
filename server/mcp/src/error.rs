//! What can go wrong between a sidecar and its clients.

use std::path::PathBuf;

/// An error of the sidecar or of a client. Messages name what to fix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no folder for the file that says where the endpoint is.
    #[error("no folder is known for the endpoint's file, set XDG_RUNTIME_DIR or HOME")]
    NoRuntimeFolder,
    /// A file cannot be read or written.
    #[error("cannot use {path:?}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The endpoint cannot be opened.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Address and port.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate of the endpoint cannot be used.
    #[error("cannot use the certificate or key in {path:?}: {reason}")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Traces cannot be sent.
    #[error("cannot send traces to {url:?}, which `log.traces` names: {reason}")]
    Collector {
        /// Where to.
        url: String,
        /// Why.
        reason: String,
    },
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for a token")]
    NoRandomness,
    /// The running session does not answer, or answers something else.
    #[error("the running session at {url} does not answer: {reason}")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// Why.
        reason: String,
    },
    /// The running session takes requests and answers none.
    #[error("the running session at {url} says nothing")]
    Silent {
        /// Where it is.
        url: String,
    },
    /// The system does not tell when to end.
    #[error("cannot wait for signals: {0}")]
    Signal(std::io::Error),
    /// The running session refused.
    #[error("the running session cannot answer: {0}")]
    Refused(String),
}

/// Result of the sidecar.
pub type Result<T> = std::result::Result<T, Error>;
