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
        for slot in first..first.saturating_add(count) {
            self.insert(slot);
        }
    }

    /// Removes the slots `first..first + count`.
    pub fn remove_range(&mut self, first: u32, count: u32) {
        for slot in first..first.saturating_add(count) {
            self.remove(slot);
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
