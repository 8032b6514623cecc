//! From the text of a token to its number.
//!
//! The file has a table for this, but its slots are the top bits of FNV-1a, on which a token's last byte has next to
//! no influence: of 24,842 tokens the average one lies 32 steps from its slot, the farthest 1,237 (2026-11-21). So
//! that table is only checked by `verify`, and this one, whose slots are folded bits, is made when the first text is
//! embedded (0.4 ms). The average token is found in 1.3 steps, and a tag keeps most steps from reading its text.

use super::format::Table;

const EMPTY: u32 = u32::MAX;
const NUMBER_BITS: u32 = 24;
const NUMBER: u32 = (1 << NUMBER_BITS) - 1;

/// An open-addressing table of token numbers. Each slot has 8 bits of the hash above 24 bits of the number.
pub(super) struct Lookup {
    slots: Box<[u32]>,
}

impl Lookup {
    /// The look-up of a table with fewer than 2^24 - 1 tokens, which `Table::parse` guarantees.
    pub(super) fn new(table: &Table) -> Self {
        let mut slots = vec![EMPTY; (2 * table.tokens).next_power_of_two()].into_boxed_slice();
        let mask = slots.len() - 1;
        for number in 0..table.tokens as u32 {
            let hash = hash(table.token(number));
            let mut slot = fold(hash) & mask;
            while slots[slot] != EMPTY {
                slot = (slot + 1) & mask;
            }
            slots[slot] = tag(hash) | number;
        }
        Self { slots }
    }

    /// The number of the token with this text and hash.
    pub(super) fn find(&self, table: &Table, text: &[u8], hash: u64) -> Option<u32> {
        let mask = self.slots.len() - 1;
        let mut slot = fold(hash) & mask;
        loop {
            // At least half of the slots are empty.
            let entry = self.slots[slot];
            if entry == EMPTY {
                return None;
            }
            if entry & !NUMBER == tag(hash) && table.token(entry & NUMBER) == text {
                return Some(entry & NUMBER);
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// Start of FNV-1a with 64 bits.
pub(super) const HASH_START: u64 = 0xcbf2_9ce4_8422_2325;

/// One step of FNV-1a with 64 bits.
pub(super) fn hash_byte(hash: u64, byte: u8) -> u64 {
    (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
}

/// FNV-1a with 64 bits.
pub(super) fn hash(text: &[u8]) -> u64 {
    text.iter().fold(HASH_START, |hash, &byte| hash_byte(hash, byte))
}

fn fold(hash: u64) -> usize {
    (hash ^ (hash >> 32)) as usize
}

fn tag(hash: u64) -> u32 {
    ((hash >> 24) as u32) & !NUMBER
}
