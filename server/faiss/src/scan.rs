//! Exact nearest neighbours: read every allowed vector, keep the best.

use std::cmp::Reverse;

use crate::{Best, Error, Quantized, Result, VectorsRef, kernel};

/// One answer of a scan or a search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// The vector's place in its set.
    pub id: u32,
    /// Inner product with the query: the cosine when both have unit length, about `-1.0..=1.0`.
    pub score: f32,
}

/// The `k` vectors with the largest inner product, best first; equal scores in the order of ids.
///
/// Bit `i % 64` of `alive[i / 64]` says whether vector `i` may be an answer; ids past its end may not. `None` allows
/// all. Fewer than `k` come back when fewer are allowed. The only error is a query of another dimension.
///
/// Cost at 256 dimensions: see `benches/vectors.rs`; about 10 ns per vector while they fit in the cache.
pub fn scan_top_k(query: &Quantized, vectors: VectorsRef<'_>, alive: Option<&[u64]>, k: usize) -> Result<Vec<Hit>> {
    let mut hits = scan_with_ties(query, vectors, alive, k)?;
    sort_hits(&mut hits);
    hits.truncate(k);
    Ok(hits)
}

/// Like [`scan_top_k`], in no order, and with all others that score like the last: ids are no reason to prefer one of
/// many equal vectors.
pub fn scan_with_ties(query: &Quantized, vectors: VectorsRef<'_>, alive: Option<&[u64]>, k: usize) -> Result<Vec<Hit>> {
    vectors.check_query(query.dim())?;
    let mut best = Best::new(k);
    let mut dots = [0_i32; WORD];
    for (block, scales) in vectors.scales().chunks(WORD).enumerate() {
        let word = match alive {
            None => u64::MAX,
            Some(alive) => match alive.get(block) {
                Some(word) => *word,
                None => break,
            },
        };
        let codes = &vectors.codes()[block * WORD * vectors.dim()..][..scales.len() * vectors.dim()];
        if word.count_ones() as usize >= WORD / 2 {
            let dots = &mut dots[..scales.len()];
            kernel::dot_rows(query.codes(), codes, dots);
            for (place, (dot, scale)) in dots.iter().zip(scales).enumerate() {
                let score = score(*dot, query, *scale);
                if score >= best.least() && word >> place & 1 == 1 {
                    best.offer(score, (block * WORD + place) as u32);
                }
            }
        } else {
            let mut rest = word;
            while rest != 0 {
                let place = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                let Some(scale) = scales.get(place) else { break };
                let row = &codes[place * vectors.dim()..][..vectors.dim()];
                let score = score(kernel::dot_i8(query.codes(), row), query, *scale);
                best.offer(score, (block * WORD + place) as u32);
            }
        }
    }
    Ok(hits(best))
}

/// Like [`scan_top_k`] over the vectors `ids` alone. An id that is named twice can be answered twice.
///
/// The errors are a query of another dimension and an id that the set does not have.
pub fn scan_ids(query: &Quantized, vectors: VectorsRef<'_>, ids: &[u32], k: usize) -> Result<Vec<Hit>> {
    vectors.check_query(query.dim())?;
    let mut best = Best::new(k);
    for id in ids {
        let row = vectors.row(*id).ok_or(Error::Id { id: *id, count: vectors.len() })?;
        let score = score(kernel::dot_i8(query.codes(), row), query, vectors.scales()[*id as usize]);
        best.offer(score, *id);
    }
    let mut hits = hits(best);
    sort_hits(&mut hits);
    hits.truncate(k);
    Ok(hits)
}

/// Ids in one word of a bitmap, and rows in one block of a scan.
const WORD: usize = u64::BITS as usize;

/// The one formula for scores, so that scans and graphs agree to the last bit but one.
fn score(dot: i32, query: &Quantized, scale: f32) -> f32 {
    dot as f32 * (query.scale() * scale)
}

fn hits(best: Best<u32>) -> Vec<Hit> {
    best.into_items().map(|(score, id)| Hit { id, score }).collect()
}

/// Puts the best hits first, equal scores in the order of ids.
pub(crate) fn sort_hits(hits: &mut [Hit]) {
    hits.sort_unstable_by_key(|hit| Reverse(Ranked(*hit)));
}

/// A hit ordered by score, then by the smaller id.
#[derive(PartialEq, Clone, Copy)]
struct Ranked(Hit);

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.score.total_cmp(&other.0.score).then(other.0.id.cmp(&self.0.id))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Vectors, quantize};
    use proptest::prelude::*;

    /// The definition: score everything, sort, cut.
    fn expected(query: &Quantized, vectors: &Vectors, ids: impl Iterator<Item = u32>, k: usize) -> Vec<Hit> {
        let view = vectors.view();
        let mut hits: Vec<Hit> = ids
            .map(|id| {
                let dot: i32 =
                    query.codes().iter().zip(view.row(id).unwrap()).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
                Hit { id, score: score(dot, query, view.scales()[id as usize]) }
            })
            .collect();
        sort_hits(&mut hits);
        hits.truncate(k);
        hits
    }

    #[test]
    fn another_dimension_and_unknown_ids_are_refused() {
        let vectors = Vectors::quantize(2, &[1.0, 0.0, 0.0, 1.0]).unwrap();
        let query = quantize(&[1.0, 0.0, 0.0]).unwrap();
        assert!(matches!(scan_top_k(&query, vectors.view(), None, 1), Err(Error::Dimension { expected: 2, found: 3 })));
        let query = quantize(&[1.0, 0.0]).unwrap();
        assert!(matches!(scan_ids(&query, vectors.view(), &[0, 2], 1), Err(Error::Id { id: 2, count: 2 })));
        assert_eq!(scan_ids(&query, vectors.view(), &[1, 0], 9).unwrap()[0].id, 0);
    }

    proptest! {
        #[test]
        fn scans_equal_the_definition(
            count in 0_usize..200,
            k in 0_usize..12,
            codes in prop::collection::vec(-3_i8..=3, 200 * 5),
            words in prop::collection::vec(prop_oneof![any::<u64>(), Just(0), Just(u64::MAX), Just(1 << 63)], 0..5),
        ) {
            // Small codes and equal scales make many equal scores.
            let vectors = Vectors::new(5, codes[..count * 5].to_vec(), vec![0.5; count]).unwrap();
            let query = quantize(&[0.5, -1.0, 0.25, 0.0, 0.125]).unwrap();
            let all = 0..count as u32;
            prop_assert_eq!(scan_top_k(&query, vectors.view(), None, k).unwrap(), expected(&query, &vectors, all.clone(), k));
            let allowed = |id: &u32| words.get(*id as usize / 64).is_some_and(|word| word >> (id % 64) & 1 == 1);
            let filtered = expected(&query, &vectors, all.clone().filter(allowed), k);
            prop_assert_eq!(&scan_top_k(&query, vectors.view(), Some(&words), k).unwrap(), &filtered);
            let mut ids: Vec<u32> = all.filter(allowed).collect();
            ids.reverse();
            prop_assert_eq!(&scan_ids(&query, vectors.view(), &ids, k).unwrap(), &filtered);
        }
    }
}
