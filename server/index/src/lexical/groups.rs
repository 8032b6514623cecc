//! The postings of an open buffer in small groups of chunks, so that an edit makes those of one group anew.
//!
//! Where a group ends is decided by the chunks in it, not by how many are before it: a chunk that is put in or taken out
//! leaves all groups but its own as they are.

use std::collections::HashMap;
use std::sync::Arc;

use super::postings::{Postings, Source};

/// Chunks of a group on average, a power of two: half as many would double what a search looks at per term.
const USUAL: u64 = 8;
/// Most chunks of a group.
const MOST: usize = 32;

/// Some consecutive chunks.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Hash of its passages.
    key: u64,
    /// Number of its first chunk.
    pub(crate) first: u32,
    pub(crate) postings: Arc<Postings>,
}

/// The groups of a file whose passages have these hashes, in order; those that `before` has are taken from there.
pub(crate) fn groups(source: &Source, passages: &[u64], before: &[Group]) -> Vec<Group> {
    let known: HashMap<u64, &Group> = before.iter().map(|group| (group.key, group)).collect();
    let mut groups = Vec::with_capacity(before.len() + 8);
    let mut first = 0;
    while first < passages.len() {
        let ends = |hash: &u64| hash.is_multiple_of(USUAL);
        let rest = &passages[first..passages.len().min(first + MOST)];
        let end = first + rest.iter().position(ends).map_or(rest.len(), |last| last + 1);
        let key = passages[first..end].iter().fold(0, |key, &hash| mixed(key, hash));
        let postings = match known.get(&key) {
            Some(group) => Arc::clone(&group.postings),
            None => Arc::new(Postings::of_chunks(source, first..end)),
        };
        groups.push(Group { key, first: first as u32, postings });
        first = end;
    }
    groups
}

/// Multiplies and folds; the order of the hashes counts.
fn mixed(state: u64, hash: u64) -> u64 {
    let wide = u128::from(state.rotate_left(23) ^ hash ^ 0x9e37_79b9_7f4a_7c15) * 0xa076_1d64_78bd_642f_u128;
    (wide as u64) ^ (wide >> 64) as u64
}
