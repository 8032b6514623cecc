//! Builds small static model files.

use sha2::{Digest, Sha256};

/// A static model as plain values. `bytes` lays it out as a file.
#[derive(Clone, Debug)]
pub(crate) struct ModelFile {
    pub(crate) field_weights: [f32; 4],
    /// Text, document weight, query weight, scale, row; sorted by text.
    pub(crate) tokens: Vec<(String, f32, f32, f32, Vec<i8>)>,
}

impl ModelFile {
    /// A model of these tokens with weights and rows that all differ, drawn from a fixed sequence.
    pub(crate) fn of(tokens: &[&str], dimension: usize) -> Self {
        let mut state = 1_u32;
        let mut next = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        let mut tokens: Vec<_> = tokens
            .iter()
            .map(|&token| {
                let [document, query, scale] = [(); 3].map(|()| 0.1 + next() as f32 / 65536.0);
                (token.to_owned(), document, query, scale, (0..dimension).map(|_| next() as i8).collect())
            })
            .collect();
        tokens.sort_by(|one, other| one.0.cmp(&other.0));
        Self { field_weights: [1.5, 0.75, 1.25, 2.0], tokens }
    }

    /// The file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let dimension = self.tokens[0].4.len();
        let bits = (2 * self.tokens.len()).next_power_of_two().trailing_zeros().max(1);
        let mut slots = vec![u32::MAX; 1 << bits];
        let mut offsets = vec![0_u32];
        let mut text = Vec::new();
        for (id, token) in self.tokens.iter().enumerate() {
            text.extend_from_slice(token.0.as_bytes());
            offsets.push(text.len() as u32);
            let hash = token
                .0
                .bytes()
                .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
            let mut slot = (hash >> (64 - bits)) as usize;
            while slots[slot] != u32::MAX {
                slot = (slot + 1) % slots.len();
            }
            slots[slot] = id as u32;
        }
        let floats = |values: Vec<f32>| values.into_iter().flat_map(f32::to_le_bytes).collect::<Vec<u8>>();
        let integers = |values: &[u32]| values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>();
        let mut vocabulary = integers(&offsets);
        vocabulary.extend_from_slice(&text);
        let sections = [
            floats(self.field_weights.to_vec()),
            floats(self.tokens.iter().map(|token| token.1).collect()),
            floats(self.tokens.iter().map(|token| token.2).collect()),
            floats(self.tokens.iter().map(|token| token.3).collect()),
            vocabulary,
            integers(&slots),
            self.tokens.iter().flat_map(|token| token.4.iter().map(|&value| value as u8)).collect(),
        ];
        let header = [1, dimension as u32, self.tokens.len() as u32, 4, 0, text.len() as u32, bits, 0];
        let mut file = b"CNXEMB01".to_vec();
        file.extend_from_slice(&integers(&header));
        file.resize(128, 0);
        for section in sections {
            file.extend_from_slice(&section);
            file.resize(file.len().next_multiple_of(64), 0);
        }
        seal(&mut file);
        file
    }
}

/// Writes the checksum of a file's content into its header.
pub(crate) fn seal(file: &mut [u8]) {
    let hash = Sha256::digest(&file[128..]);
    file[40..72].copy_from_slice(&hash);
}
