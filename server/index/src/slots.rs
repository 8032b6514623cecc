//! Sets of slots.

/// A set of slots as a bitmap: an eighth of a byte per slot up to the highest one.
#[derive(Clone, Debug, Default)]
pub struct SlotSet {
    words: Vec<u64>,
    len: u64,
}

impl SlotSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The set with bit `slot % 64` of word `slot / 64` set for each slot.
    pub fn from_words(words: Vec<u64>) -> Self {
        let len = words.iter().map(|word| u64::from(word.count_ones())).sum();
        Self { words, len }
    }

    /// Number of slots in the set.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it holds no slot.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether it holds the slot.
    #[inline]
    pub fn contains(&self, slot: u32) -> bool {
        self.words.get(slot as usize / 64).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// Adds a slot; `true` when it is new.
    pub fn insert(&mut self, slot: u32) -> bool {
        let at = slot as usize / 64;
        if at >= self.words.len() {
            self.words.resize(at + 1, 0);
        }
        let bit = 1 << (slot % 64);
        let new = self.words[at] & bit == 0;
        self.words[at] |= bit;
        self.len += u64::from(new);
        new
    }

    /// Removes a slot; `true` when it was there.
    pub fn remove(&mut self, slot: u32) -> bool {
        let Some(word) = self.words.get_mut(slot as usize / 64) else { return false };
        let bit = 1 << (slot % 64);
        let there = *word & bit != 0;
        *word &= !bit;
        self.len -= u64::from(there);
        there
    }

    /// Adds the slots `first..first + count`.
    pub fn insert_range(&mut self, first: u32, count: u32) {
        let end = first.saturating_add(count);
        if end > first && self.words.len() < end.div_ceil(64) as usize {
            self.words.resize(end.div_ceil(64) as usize, 0);
        }
        for (at, mask) in masks(first, end) {
            self.len += u64::from((mask & !self.words[at]).count_ones());
            self.words[at] |= mask;
        }
    }

    /// Removes the slots `first..first + count`.
    pub fn remove_range(&mut self, first: u32, count: u32) {
        for (at, mask) in masks(first, first.saturating_add(count)) {
            let Some(word) = self.words.get_mut(at) else { return };
            self.len -= u64::from((mask & *word).count_ones());
            *word &= !mask;
        }
    }

    /// The slots in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().enumerate().flat_map(|(at, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                if rest == 0 {
                    return None;
                }
                let bit = rest.trailing_zeros();
                rest &= rest - 1;
                Some(at as u32 * 64 + bit)
            })
        })
    }

    /// The bitmap: bit `slot % 64` of word `slot / 64`.
    pub fn words(&self) -> &[u64] {
        &self.words
    }
}

/// The words that a range touches, each with the bits of the range.
fn masks(first: u32, end: u32) -> impl Iterator<Item = (usize, u64)> {
    let words = if end > first { first / 64..end.div_ceil(64) } else { 0..0 };
    words.map(move |word| {
        let from = first.saturating_sub(word * 64);
        let to = (end - word * 64).min(64);
        (word as usize, (u64::MAX << from) & (u64::MAX >> (64 - to)))
    })
}

impl PartialEq for SlotSet {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl Eq for SlotSet {}

impl FromIterator<u32> for SlotSet {
    fn from_iter<I: IntoIterator<Item = u32>>(slots: I) -> Self {
        let mut set = Self::new();
        for slot in slots {
            set.insert(slot);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_their_slots(changes in prop::collection::vec((any::<bool>(), 0..300u32, 0..200u32), 0..8)) {
            let mut set = SlotSet::new();
            let mut model = std::collections::BTreeSet::new();
            for (insert, first, count) in changes {
                if insert {
                    set.insert_range(first, count);
                    model.extend(first..first + count);
                } else {
                    set.remove_range(first, count);
                    model.retain(|slot| !(first..first + count).contains(slot));
                }
                prop_assert_eq!(set.len(), model.len() as u64);
            }
            prop_assert!(set.iter().eq(model.iter().copied()));
            prop_assert_eq!(&set, &model.iter().copied().collect::<SlotSet>());
            for slot in 0..600 {
                prop_assert_eq!(set.contains(slot), model.contains(&slot));
            }
        }
    }
}
