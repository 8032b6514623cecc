//! Measures of ranking.

use std::collections::BTreeMap;

/// Gives each item a target of its own as far as there are any, earlier items first, and says which items have one. An
/// item is the list of the targets that it holds, of `targets` many; a target goes to another of the items that hold it
/// where that leaves more of them with one (bipartite matching by augmenting paths, Kuhn, 1955).
pub(super) fn assigned(items: &[Vec<usize>], targets: usize) -> Vec<usize> {
    fn find(item: usize, items: &[Vec<usize>], owners: &mut [Option<usize>], tried: &mut [bool]) -> bool {
        for &target in &items[item] {
            if std::mem::replace(&mut tried[target], true) {
                continue;
            }
            if owners[target].is_none_or(|owner| find(owner, items, owners, tried)) {
                owners[target] = Some(item);
                return true;
            }
        }
        false
    }
    let mut owners = vec![None; targets];
    (0..items.len()).filter(|&item| find(item, items, &mut owners, &mut vec![false; targets])).collect()
}

/// Normalised discounted cumulative gain at `depth` with binary relevance (Järvelin and Kekäläinen, 2002): the sum of
/// `1 / log2(rank + 1)` over the ranks of the targets found, divided by that of an answer that begins with all targets.
pub(super) fn ndcg(ranks: &[usize], targets: usize, depth: usize) -> f64 {
    let gain = |rank: usize| 1.0 / (rank as f64 + 1.0).log2();
    let best: f64 = (1..=targets.min(depth)).map(gain).sum();
    if best == 0.0 {
        0.0
    } else {
        // Not a sum, which is a negative zero where there is nothing.
        ranks.iter().filter(|&&rank| rank <= depth).fold(0.0, |sum, &rank| sum + gain(rank)) / best
    }
}

/// Samples of the bootstrap.
const SAMPLES: usize = 2_000;

/// Mean over the values of all repositories, and a 95 % bootstrap interval that draws whole repositories, because the
/// queries of one are not independent of each other; where there is one only, it draws the values themselves.
pub(super) fn interval<'a>(values: impl Iterator<Item = (&'a str, f64)>) -> (f64, f64, f64) {
    let mut repositories: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for (repository, value) in values {
        repositories.entry(repository).or_default().push(value);
    }
    let groups: Vec<(f64, f64)> = if repositories.len() == 1 {
        repositories.into_values().flatten().map(|value| (value, 1.0)).collect()
    } else {
        repositories.into_values().map(|values| (values.iter().sum(), values.len() as f64)).collect()
    };
    let mean = |sum: f64, count: f64| if count == 0.0 { 0.0 } else { sum / count };
    let total = groups.iter().fold((0.0, 0.0), |total, group| (total.0 + group.0, total.1 + group.1));
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut means: Vec<f64> = (0..SAMPLES)
        .map(|_| {
            let drawn = (0..groups.len()).fold((0.0, 0.0), |total, _| {
                let group = groups[random.below(groups.len())];
                (total.0 + group.0, total.1 + group.1)
            });
            mean(drawn.0, drawn.1)
        })
        .collect();
    means.sort_by(f64::total_cmp);
    (mean(total.0, total.1), means[SAMPLES / 40], means[SAMPLES - 1 - SAMPLES / 40])
}

/// A small seeded generator (splitmix64, Steele et al., 2014), so that intervals are repeatable.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound.max(1) as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ndcg_of_known_lists() {
        for (ranks, targets, expected) in [
            (&[1][..], 1, 1.0),
            (&[2], 1, 0.630_93),
            (&[], 1, 0.0),
            (&[1, 2], 2, 1.0),
            (&[1], 2, 0.613_15),
            (&[11], 1, 0.0),
        ] {
            let score = ndcg(ranks, targets, 10);
            assert!(score.is_sign_positive() && (score - expected).abs() < 1e-4, "{ranks:?} of {targets}: {score}");
        }
    }

    #[test]
    fn an_item_counts_for_one_target() {
        for (items, targets, expected) in [
            (&[&[0, 1, 2][..]][..], 3, &[0][..]),
            (&[&[0, 1], &[0]], 2, &[0, 1]),
            (&[&[0], &[0], &[1]], 2, &[0, 2]),
            (&[&[0, 1], &[1, 2], &[0], &[2]], 3, &[0, 1, 2]),
            (&[&[], &[0]], 1, &[1]),
            (&[], 1, &[]),
        ] {
            let items: Vec<Vec<usize>> = items.iter().map(|held| held.to_vec()).collect();
            assert_eq!(assigned(&items, targets), expected, "{items:?}");
        }
    }

    #[test]
    fn the_interval_holds_the_mean() {
        let values = [("a", 0.2), ("a", 0.4), ("b", 0.9), ("c", 0.5)];
        let (mean, low, high) = interval(values.into_iter());
        assert!(
            (mean - 0.5).abs() < 1e-9 && low >= 0.3 - 1e-9 && low < mean && high > mean && high <= 0.9 + 1e-9,
            "{mean} {low} {high}"
        );
        let (mean, low, high) = interval([("a", 1.0)].into_iter());
        assert_eq!((mean, low, high), (1.0, 1.0, 1.0));
        let (mean, low, high) = interval([("a", 0.0), ("a", 1.0), ("a", 0.5)].into_iter());
        assert!(low < mean && mean < high, "one repository: {mean} {low} {high}");
    }
}
