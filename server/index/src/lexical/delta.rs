//! What is not in tantivy: files that changed lately, and open buffers.

use std::sync::Arc;

use super::postings::Postings;
use super::segment::FileChunks;
use crate::SlotSet;

/// Parts up to this many files each are kept apart until there are [`JOIN_AT`] of them.
const JOIN_AT: usize = 16;

/// An immutable lexical index in memory; a changed one shares the parts that stay.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeltaIndex {
    parts: Vec<Arc<DeltaPart>>,
}

/// Some files with their postings.
#[derive(Debug)]
pub(crate) struct DeltaPart {
    pub(crate) postings: Arc<Postings>,
    /// Slot by chunk number of `postings`.
    pub(crate) slots: Vec<u32>,
    /// The files, for writing them to tantivy.
    pub(crate) files: Vec<FileChunks>,
}

impl DeltaPart {
    /// One file.
    pub(crate) fn of(first_slot: u32, postings: Arc<Postings>) -> Self {
        let count = postings.chunk_count() as u32;
        let slots = (first_slot..first_slot + count).collect();
        Self { postings, slots, files: vec![FileChunks { first_slot, count }] }
    }

    fn is_dead(&self, alive: &SlotSet) -> bool {
        !self.slots.iter().any(|&slot| alive.contains(slot))
    }
}

impl DeltaIndex {
    pub(crate) fn parts(&self) -> &[Arc<DeltaPart>] {
        &self.parts
    }

    /// Number of chunks, dead ones of parts that still have live ones included.
    pub(crate) fn chunks(&self) -> usize {
        self.parts.iter().map(|part| part.slots.len()).sum()
    }

    /// This index with more files; parts of which nothing is alive any more are dropped and many small ones joined.
    pub(crate) fn extended(&self, added: Vec<DeltaPart>, alive: &SlotSet) -> Self {
        let mut parts: Vec<_> = self.parts.iter().filter(|part| !part.is_dead(alive)).cloned().collect();
        parts.extend(added.into_iter().filter(|part| !part.slots.is_empty()).map(Arc::new));
        let small = parts.iter().filter(|part| part.files.len() < JOIN_AT).count();
        if small >= JOIN_AT {
            let (joined, kept): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.files.len() < JOIN_AT);
            parts = kept;
            parts.push(Arc::new(DeltaPart {
                postings: Arc::new(Postings::join(joined.iter().map(|part| &*part.postings))),
                slots: joined.iter().flat_map(|part| part.slots.iter().copied()).collect(),
                files: joined.iter().flat_map(|part| part.files.iter().copied()).collect(),
            }));
        }
        Self { parts }
    }

    /// The parts of both.
    pub(crate) fn followed_by(mut self, newer: &Self) -> Self {
        self.parts.extend(newer.parts.iter().cloned());
        self
    }
}
