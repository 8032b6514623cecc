//! Text to token numbers: words as `conexus_core::words` cuts them, lower-cased, unknown ones as pieces.

use std::ops::ControlFlow::{self, Continue};

use conexus_core::words;

use super::format::{FNV_START, Table, fnv};

/// Longest word looked up whole, in bytes of its lower-case form; longer ones are cut into pieces.
const MAX_WORD: usize = 24;

/// Digits kept of a number.
const MAX_DIGITS: usize = 3;

/// Calls `emit` with each token of a text, in order, until it breaks.
pub(super) fn tokens(table: &Table, text: &str, emit: &mut impl FnMut(u32) -> ControlFlow<()>) {
    for word in words::parts(text) {
        if word_tokens(table, word, emit).is_break() {
            return;
        }
    }
}

/// Emits the tokens of one word.
fn word_tokens(table: &Table, word: &str, emit: &mut impl FnMut(u32) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut buffer = [0_u8; 128];
    let mut length = 0;
    let mut hash = FNV_START;
    if word.is_ascii() {
        let bytes = word.as_bytes();
        let number = bytes[0].is_ascii_digit();
        let kept = if number { bytes.len().min(MAX_DIGITS) } else { bytes.len().min(buffer.len()) };
        for &byte in &bytes[..kept] {
            let lower = byte.to_ascii_lowercase();
            buffer[length] = lower;
            length += 1;
            hash = fnv(hash, lower);
        }
    } else {
        'word: for character in word.chars().flat_map(char::to_lowercase) {
            let mut encoded = [0; 4];
            let bytes = character.encode_utf8(&mut encoded).as_bytes();
            if length + bytes.len() > buffer.len() {
                break 'word;
            }
            for &byte in bytes {
                buffer[length] = byte;
                length += 1;
                hash = fnv(hash, byte);
            }
        }
    }
    let word = &buffer[..length];
    if length <= MAX_WORD
        && let Some(token) = table.find_hashed(word, hash)
    {
        return emit(token);
    }
    pieces(table, word, emit)
}

/// Longest match first, from the left: the first piece as it is, later ones with a leading `##`.
/// A byte at which nothing matches is skipped.
fn pieces(table: &Table, word: &[u8], emit: &mut impl FnMut(u32) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut buffer = [b'#'; MAX_WORD + 2];
    let mut start = 0;
    while start < word.len() {
        let longest = (word.len() - start).min(MAX_WORD);
        buffer[2..2 + longest].copy_from_slice(&word[start..start + longest]);
        let prefix = if start == 0 { 2 } else { 0 };
        let found =
            (1..=longest).rev().find_map(|length| table.find(&buffer[prefix..2 + length]).map(|token| (token, length)));
        match found {
            Some((token, length)) => {
                emit(token)?;
                start += length;
            }
            None => start += 1,
        }
    }
    Continue(())
}
