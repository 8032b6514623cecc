//! Which vectors of a set are equal, so that a graph links one of each.
//!
//! A group of more than `2 * m` equal vectors would fill its own neighbour lists and cut itself and others off: 40
//! groups of 50 among 20,000 vectors lowered recall@10 from 1.000 to 0.943, 30 groups of 300 to 0.680. Licence headers,
//! vendored copies and generated code make such groups.

use std::collections::HashMap;

use crate::VectorsRef;

/// Rings of equal vectors. The smallest id of a ring, its first, is the one that the graph links.
pub(crate) struct Equal {
    /// For each vector the next of its ring, itself when it is alone; empty when all are alone.
    next: Vec<u32>,
    /// The vectors that are not first, ascending.
    others: usize,
}

impl Equal {
    /// Compares codes and scales bit by bit.
    pub(crate) fn of(vectors: VectorsRef<'_>) -> Self {
        let mut first_of = HashMap::with_capacity(vectors.len());
        let rows = vectors.codes().chunks_exact(vectors.dim()).zip(vectors.scales());
        Self::from_pairs(
            vectors.len(),
            rows.zip(0_u32..).filter_map(|((codes, scale), id)| {
                let first = *first_of.entry((codes, scale.to_bits())).or_insert(id);
                (first != id).then_some((id, first))
            }),
        )
    }

    /// From (vector, first of its ring), ascending by vector.
    pub(crate) fn from_pairs(count: usize, pairs: impl Iterator<Item = (u32, u32)>) -> Self {
        let mut rings = Self { next: Vec::new(), others: 0 };
        for (id, first) in pairs {
            if rings.next.is_empty() {
                rings.next = (0..count as u32).collect();
            }
            rings.next[id as usize] = rings.next[first as usize];
            rings.next[first as usize] = id;
            rings.others += 1;
        }
        rings
    }

    /// For each vector 1 when the graph links it and 0 when an equal one stands for it.
    pub(crate) fn linked(&self, count: usize) -> Vec<u8> {
        let mut linked = vec![1; count];
        self.pairs().for_each(|(id, _)| linked[id as usize] = 0);
        linked
    }

    /// (vector, first of its ring) for each that is not first, ascending by vector.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> {
        let mut pairs = Vec::with_capacity(self.others);
        let mut seen = vec![false; if self.others == 0 { 0 } else { self.next.len() }];
        for first in 0..self.next.len() as u32 {
            if !seen[first as usize] {
                for id in self.ring(first) {
                    seen[id as usize] = true;
                    if id != first {
                        pairs.push((id, first));
                    }
                }
            }
        }
        pairs.sort_unstable();
        pairs.into_iter()
    }

    /// A vector and all that are equal to it.
    pub(crate) fn ring(&self, id: u32) -> impl Iterator<Item = u32> {
        let step = move |at: &u32| self.next.get(*at as usize).copied().filter(|next| *next != id);
        std::iter::successors(Some(id), step)
    }

    /// The rings for the shim: one element per vector, or none when all are alone.
    pub(crate) fn next(&self) -> &[u32] {
        &self.next
    }

    /// Vectors that the graph does not link.
    pub(crate) fn others(&self) -> usize {
        self.others
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Vectors;

    #[test]
    fn rings_join_equal_vectors() {
        let codes = vec![1, 2, 3, 4, 1, 2, 1, 2, 3, 4, 1, 2];
        let vectors = Vectors::new(2, codes, vec![1.0, 1.0, 1.0, 1.0, 1.0, 0.5]).unwrap();
        let equal = Equal::of(vectors.view());
        assert_eq!(equal.pairs().collect::<Vec<_>>(), [(2, 0), (3, 0), (4, 1)]);
        assert_eq!(equal.linked(6), [1, 1, 0, 0, 0, 1]);
        assert_eq!(equal.others(), 3);
        let mut ring: Vec<u32> = equal.ring(0).collect();
        ring.sort_unstable();
        assert_eq!(ring, [0, 2, 3]);
        assert_eq!(equal.ring(5).collect::<Vec<_>>(), [5]);
        let again = Equal::from_pairs(6, equal.pairs());
        assert_eq!(again.next(), equal.next());
    }

    #[test]
    fn a_set_without_equals_costs_nothing() {
        let vectors = Vectors::new(1, vec![1, 2, 3], vec![1.0; 3]).unwrap();
        let equal = Equal::of(vectors.view());
        assert!(equal.next().is_empty());
        assert_eq!(equal.linked(3), [1; 3]);
        assert_eq!(equal.ring(2).collect::<Vec<_>>(), [2]);
        assert_eq!(equal.pairs().count(), 0);
    }
}
