//! The best of many scored things, without a choice between equals.

use std::{cmp::Ordering, collections::BinaryHeap};

/// The `k` best of what it was offered, and all that score like the last of them: who cuts equals knows by what.
#[derive(Debug)]
pub struct Best<T> {
    k: usize,
    /// The `k` best so far, worst on top.
    heap: BinaryHeap<Scored<T>>,
    /// Others with the score of the worst.
    tied: Vec<Scored<T>>,
    least: f32,
}

impl<T> Best<T> {
    /// Nothing yet.
    pub fn new(k: usize) -> Self {
        let least = if k == 0 { f32::INFINITY } else { f32::NEG_INFINITY };
        Self { k, heap: BinaryHeap::with_capacity(k.min(1024)), tied: Vec::new(), least }
    }

    /// What scores less cannot enter.
    #[inline]
    pub fn least(&self) -> f32 {
        self.least
    }

    /// Takes it in if it is among the best so far.
    pub fn offer(&mut self, score: f32, item: T) {
        if score < self.least || self.k == 0 {
            return;
        }
        let offered = Scored { score, item };
        if self.heap.len() < self.k {
            self.heap.push(offered);
        } else if score == self.least {
            self.tied.push(offered);
            return;
        } else if let Some(mut worst) = self.heap.peek_mut() {
            self.tied.push(std::mem::replace(&mut *worst, offered));
        }
        if self.heap.len() == self.k
            && let Some(worst) = self.heap.peek()
            && worst.score > self.least
        {
            self.least = worst.score;
            self.tied.clear();
        }
    }

    /// What is left, in no order; more than `k` only where those beyond score like the last.
    pub fn into_items(self) -> impl Iterator<Item = (f32, T)> {
        self.heap.into_iter().chain(self.tied).map(|scored| (scored.score, scored.item))
    }
}

/// Ordered by score alone, the worst greatest.
#[derive(Debug)]
struct Scored<T> {
    score: f32,
    item: T,
}

impl<T> Ord for Scored<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score)
    }
}

impl<T> PartialOrd for Scored<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Scored<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Scored<T> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_keeps_the_best_and_their_equals(scores in prop::collection::vec(-3_i8..4, 0..60), k in 0_usize..12) {
            let mut best = Best::new(k);
            for (number, &score) in scores.iter().enumerate() {
                best.offer(f32::from(score), number);
            }
            let mut kept: Vec<_> = best.into_items().map(|(score, number)| (score as i8, number)).collect();
            let mut sorted = scores.clone();
            sorted.sort_unstable_by(|a, b| b.cmp(a));
            let least = k.checked_sub(1).and_then(|last| sorted.get(last).copied()).unwrap_or(i8::MIN);
            let mut expected: Vec<_> =
                scores.iter().copied().zip(0..).filter(|&(score, _)| score >= least && k > 0).collect();
            kept.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(kept, expected);
        }
    }
}
