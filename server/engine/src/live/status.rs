//! How a live workspace stands.

use conexus_core::Generation;

/// What is being done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// Opening the index.
    #[default]
    Opening,
    /// Looking for files.
    Walking,
    /// Reading and analysing changed files.
    Indexing {
        /// Files done.
        done: u64,
        /// Files to do.
        total: u64,
    },
    /// Computing vectors with a slow model; search goes on by words.
    Embedding {
        /// Chunks that have vectors.
        done: u64,
        /// All chunks.
        total: u64,
    },
    /// Making what was indexed durable.
    Finishing,
    /// Waiting for changes: the index is complete.
    Idle,
    /// A person stopped indexing: what changes on disk is not followed until they start it again.
    Stopped,
    /// The index cannot be used; the status says why.
    Failed,
}

/// Who writes the index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// This process.
    #[default]
    Owner,
    /// Another process, whose commits this one follows.
    Follower,
}

/// How changes on disk are noticed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Watching {
    /// Not yet.
    #[default]
    Starting,
    /// The system tells of each.
    Events,
    /// By looking at all files again and again.
    Polling {
        /// Why the system's events cannot be used.
        reason: String,
    },
}

/// How a live workspace stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What is being done.
    pub activity: Activity,
    /// Who writes the index.
    pub role: Role,
    /// How changes on disk are noticed.
    pub watching: Watching,
    /// The committed state that searches read.
    pub generation: Generation,
    /// Files in the index, buffers without a file included.
    pub files: u64,
    /// Chunks in the index.
    pub chunks: u64,
    /// Open buffers that differ from the index.
    pub buffers: u64,
    /// Why the index cannot be used, or why what was asked last could not be done.
    pub fault: Option<String>,
    /// Why searches read names and words only.
    pub lexical_only: Option<String>,
}
