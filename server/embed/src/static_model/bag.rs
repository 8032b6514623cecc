//! The distinct tokens of one field with their counts, on the stack.

/// Most distinct tokens of a field.
pub(super) const MAX_TOKENS: usize = 96;

const SLOTS: usize = 256;

/// Distinct tokens in order of first occurrence. Once full, only tokens it already has are counted.
pub(super) struct Bag {
    limit: usize,
    length: usize,
    tokens: [u32; MAX_TOKENS],
    counts: [u32; MAX_TOKENS],
    /// Open addressing: position + 1, or 0 for a free slot. Never more than 96 of 256 are used.
    slots: [u8; SLOTS],
}

impl Bag {
    /// An empty bag for up to `limit` distinct tokens.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.min(MAX_TOKENS),
            length: 0,
            tokens: [0; MAX_TOKENS],
            counts: [0; MAX_TOKENS],
            slots: [0; SLOTS],
        }
    }

    /// Empties the bag.
    pub(super) fn clear(&mut self) {
        self.length = 0;
        self.slots = [0; SLOTS];
    }

    /// Counts occurrences of a token.
    pub(super) fn add(&mut self, token: u32, occurrences: u32) {
        let mut slot = (token.wrapping_mul(0x9e37_79b1) >> 24) as usize;
        loop {
            match self.slots[slot] {
                0 => {
                    if self.length < self.limit {
                        self.tokens[self.length] = token;
                        self.counts[self.length] = occurrences;
                        self.length += 1;
                        self.slots[slot] = self.length as u8;
                    }
                    return;
                }
                position => {
                    let position = usize::from(position) - 1;
                    if self.tokens[position] == token {
                        self.counts[position] += occurrences;
                        return;
                    }
                }
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// The tokens and how often each occurred.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.tokens.iter().copied().zip(self.counts.iter().copied()).take(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_stops_at_its_limit() {
        let mut bag = Bag::new(3);
        for token in [7, 9, 7, 1, 500, 7, 500, 9] {
            bag.add(token, 1);
        }
        assert_eq!(bag.iter().collect::<Vec<_>>(), [(7, 3), (9, 2), (1, 1)]);
        let mut bag = Bag::new(1000);
        for token in 0..1000 {
            bag.add(token, 1);
        }
        assert_eq!(bag.iter().count(), MAX_TOKENS);
    }
}
