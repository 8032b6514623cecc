//! What a host tells of its runs: how far they have come, and what became of them.

use std::time::Duration;

use conexus_index::Relief;

use crate::{
    Degradation, Settings,
    walk::{SkipCounts, Walk},
};

/// How far an indexing run has come. Numbers only grow within one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Looking for files.
    Walking,
    /// Reading and analysing changed files.
    Indexing {
        /// Files done.
        done: u64,
        /// Files to do.
        total: u64,
    },
    /// Computing vectors with a slow model; the built-in one answers meanwhile.
    Embedding {
        /// Chunks that have vectors.
        done: u64,
        /// All chunks.
        total: u64,
    },
    /// Making what was indexed durable.
    Finishing,
    /// Linking vectors to a graph, see [`crate::Host::build_graph`].
    Linking {
        /// Vectors that are linked.
        done: u64,
        /// All of them.
        total: u64,
    },
}

/// What an indexing run did.
#[derive(Clone, Debug, Default)]
pub struct IndexReport {
    /// Files in the index now.
    pub files: u64,
    /// Chunks in the index now.
    pub chunks: u64,
    /// Files analysed and stored anew.
    pub updated: u64,
    /// Files taken over from stored analyses: a branch seen before, a rename, a revert.
    pub reused: u64,
    /// Files of which only the time had changed.
    pub touched: u64,
    /// Files that are gone.
    pub removed: u64,
    /// Bytes of text read.
    pub bytes: u64,
    /// Files that were passed over, by reason.
    pub skipped: SkipCounts,
    /// Why vectors are missing, when the model failed; search is lexical where they are.
    pub embedding_fault: Option<String>,
    /// What was done less well to keep to the ceiling of memory.
    pub degradations: Vec<Degradation>,
    /// Whether the run was cancelled before its end.
    pub cancelled: bool,
    /// Time for looking at the workspace.
    pub walk: Duration,
    /// Time of the whole run.
    pub elapsed: Duration,
}

impl IndexReport {
    /// What a walk alone says.
    pub(crate) fn of(walk: &Walk, settings: &Settings) -> Self {
        let mut report =
            Self { skipped: walk.skipped.clone(), cancelled: walk.cancelled, walk: walk.took, ..Self::default() };
        let threads = settings.analysis_threads();
        if threads < settings.wanted_threads() {
            report.note(Degradation::FewerThreads { threads });
        }
        report
    }

    /// Adds what came of keeping to the ceiling of memory, each kind once.
    pub(crate) fn note_relief(&mut self, relief: Relief) {
        match relief {
            Relief::NotNeeded => {}
            Relief::WrittenEarlier => self.note(Degradation::EarlierWrites),
            Relief::Exceeded(resident) => self.note(Degradation::Exceeded { resident }),
        }
    }

    fn note(&mut self, degradation: Degradation) {
        if !self.degradations.iter().any(|other| other.name() == degradation.name()) {
            tracing::warn!(%degradation, "the ceiling of memory");
            self.degradations.push(degradation);
        }
    }
}

/// What became of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphOutcome {
    /// It is not needed, or there already.
    NotDue,
    /// It is built and used.
    Built,
    /// The ceiling of memory does not allow it.
    NoRoom(Degradation),
}

/// What became of missing vectors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbeddingReport {
    /// Why some are still missing, when the model failed.
    pub fault: Option<String>,
}
