//! How a live workspace stands.

use std::sync::Arc;

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

impl Activity {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Walking => "walking",
            Self::Indexing { .. } => "indexing",
            Self::Embedding { .. } => "embedding",
            Self::Finishing => "finishing",
            Self::Idle => "idle",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
        }
    }

    /// How much is done, of how much; while indexing files, while embedding chunks.
    pub const fn progress(self) -> Option<(u64, u64)> {
        match self {
            Self::Indexing { done, total } | Self::Embedding { done, total } => Some((done, total)),
            _ => None,
        }
    }
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

impl Role {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Follower => "follower",
        }
    }
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

impl Watching {
    /// The stable name.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Events => "events",
            Self::Polling { .. } => "polling",
        }
    }
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
    /// Why the built-in embedding model answers in place of the chosen one.
    pub builtin_model: Option<String>,
    /// Files that are searched without their symbols, since their grammar crashes on them.
    pub set_aside: Vec<Arc<str>>,
    /// Paths of which this process has found that.
    pub newly_set_aside: Vec<Box<str>>,
}
