//! How a live workspace stands.

use std::sync::Arc;

use conexus_core::Generation;

use crate::Progress;

/// What is being done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activity {
    /// Opening the index.
    #[default]
    Opening,
    /// Bringing the index up to the disk.
    Running(Progress),
    /// Waiting for changes: the index is complete.
    Idle,
    /// A person stopped indexing: what changes on disk is not followed until they start it again.
    Stopped,
    /// Another process owns the index and does not keep it up to the disk: it hangs, or is a command that is about to end.
    Detached,
    /// The index cannot be used; the status says why.
    Failed,
}

impl Activity {
    /// The stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Running(Progress::Walking) => "walking",
            Self::Running(Progress::Indexing { .. }) => "indexing",
            Self::Running(Progress::Embedding { .. }) => "embedding",
            Self::Running(Progress::Finishing | Progress::Linking { .. }) => "finishing",
            Self::Idle => "idle",
            Self::Stopped => "stopped",
            Self::Detached => "detached",
            Self::Failed => "failed",
        }
    }

    /// How much is done, of how much; while indexing files, while embedding chunks.
    pub const fn progress(self) -> Option<(u64, u64)> {
        match self {
            Self::Running(Progress::Indexing { done, total } | Progress::Embedding { done, total }) => {
                Some((done, total))
            }
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
    /// By the process that owns the index, which this one follows.
    Owner,
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
            Self::Owner => "owner",
            Self::Polling { .. } => "polling",
        }
    }
}

/// How a live workspace stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// What is being done, by the owner of the index, whoever that is.
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
    /// Files that this process has analysed since the start; contents that were known are none.
    pub analysed: u64,
    /// How often this process has set out to bring the index up to what changed on disk.
    pub batches: u64,
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
