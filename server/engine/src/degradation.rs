//! What is done less well to keep to the ceiling of memory, said in words.

use std::fmt;

/// Something that the ceiling of memory (`index.memory_mb`) forbade or that it could not forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Degradation {
    /// Fewer threads analysed than were asked for.
    FewerThreads {
        /// How many did.
        threads: usize,
    },
    /// What was indexed was written in smaller parts.
    EarlierWrites,
    /// No graph over the vectors: searches scan them all, which is exact and slower.
    NoGraph {
        /// Bytes that it would have taken, all else included.
        needed: u64,
    },
    /// The workspace itself needs more than the ceiling.
    Exceeded {
        /// Bytes that were resident.
        resident: u64,
    },
}

impl Degradation {
    /// A stable name for machines.
    pub fn name(&self) -> &'static str {
        match self {
            Self::FewerThreads { .. } => "fewer_threads",
            Self::EarlierWrites => "earlier_writes",
            Self::NoGraph { .. } => "no_graph",
            Self::Exceeded { .. } => "exceeded",
        }
    }
}

impl fmt::Display for Degradation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FewerThreads { threads } => write!(formatter, "analysed with {threads} thread(s) to save memory"),
            Self::EarlierWrites => formatter.write_str("wrote in smaller parts to save memory"),
            Self::NoGraph { needed } => write!(
                formatter,
                "no graph of the vectors, which would take {} MiB: meaning is searched exactly and slower",
                needed >> 20
            ),
            Self::Exceeded { resident } => {
                write!(formatter, "{} MiB were needed, more than `index.memory_mb` allows", resident >> 20)
            }
        }
    }
}
