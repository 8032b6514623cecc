//! Text to token numbers: words, lower-cased; a word the table lacks is cut into pieces.
//!
//! The words are those of `conexus_core::words::parts` restricted to ASCII: any other character separates. It is the
//! training code's `[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+`, written over bytes and hashed on the way because
//! this loop is where embedding spends half of its time.

use std::cell::RefCell;
use std::ops::ControlFlow::{self, Break, Continue};

use conexus_core::runs;

use super::format::Table;
use super::lookup::{HASH_START, hash, hash_byte};

/// Letters kept of a word.
const MAX_LETTERS: usize = 24;

/// Digits kept of a number.
const MAX_DIGITS: usize = 3;

/// Calls `emit` with each token of a text, in order, until it breaks.
pub(super) fn tokens(table: &Table, text: &str, emit: &mut impl FnMut(u32) -> ControlFlow<()>) -> ControlFlow<()> {
    RECENT.with_borrow_mut(|recent| {
        recent.keep_to(table);
        words(text, &mut |word| recent.tokens(table, word, Key::of(word), emit))
    })
}

/// Texts whose words are looked for at once: as many as keep what is between in the first-level cache.
const AT_ONCE: usize = 128;

/// Appends the tokens of each text to `tokens`, and where they end there to `ends`.
pub(super) fn tokens_of_each<'a>(
    table: &Table,
    texts: impl Iterator<Item = &'a str>,
    tokens: &mut Vec<u32>,
    ends: &mut Vec<u32>,
) {
    RECENT.with_borrow_mut(|recent| {
        recent.keep_to(table);
        let mut texts = texts.peekable();
        let mut found: Vec<(&[u8], Option<Key>)> = Vec::new();
        let mut counts = Vec::with_capacity(AT_ONCE);
        while texts.peek().is_some() {
            found.clear();
            counts.clear();
            for text in texts.by_ref().take(AT_ONCE) {
                let before = found.len();
                let _ = words(text, &mut |word| -> ControlFlow<()> {
                    found.push((word, Key::of(word)));
                    Continue(())
                });
                counts.push(found.len() - before);
            }
            // The places lie far apart: they are fetched side by side, not one after the other.
            let keys = found.iter().filter_map(|(_, key)| *key);
            std::hint::black_box(keys.fold(0, |seen, key| seen ^ recent.slots[key.slot()].0[0].count));
            let mut found = found.iter();
            for &count in &counts {
                for &(word, key) in found.by_ref().take(count) {
                    let _ = recent.tokens(table, word, key, &mut |token| -> ControlFlow<()> {
                        tokens.push(token);
                        Continue(())
                    });
                }
                ends.push(tokens.len() as u32);
            }
        }
    });
}

/// Calls `emit` with each token of a word.
fn tokens_of(table: &Table, word: &[u8], emit: &mut impl FnMut(u32) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut buffer = [0; MAX_LETTERS];
    let mut hash = HASH_START;
    for (lower, byte) in buffer.iter_mut().zip(word) {
        *lower = byte.to_ascii_lowercase();
        hash = hash_byte(hash, *lower);
    }
    let lower = &buffer[..word.len()];
    match table.find(lower, hash) {
        Some(token) => emit(token),
        None => pieces(table, lower, emit),
    }
}

thread_local! {
    static RECENT: RefCell<Recent> = RefCell::default();
}

/// The tokens of words that came lately, by the word. Most words come again within a file, and the table, its texts and
/// the pieces of a word that it lacks lie far apart in memory.
#[derive(Default)]
struct Recent {
    /// Which table they are of.
    table: Option<u64>,
    slots: Vec<Slot>,
}

/// Two words of the same place, the one that came later first; a line of the cache.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Slot([Entry; 2]);

/// A power of two; 512 KiB.
const RECENT_WORDS: usize = 16_384;

impl Recent {
    /// Calls `emit` with each token of a word, which has that key if it is short enough.
    #[inline]
    fn tokens(
        &mut self,
        table: &Table,
        word: &[u8],
        key: Option<Key>,
        emit: &mut impl FnMut(u32) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(key) = key else { return tokens_of(table, word, emit) };
        let Slot([latest, other]) = &mut self.slots[key.slot()];
        let entry = if latest.key == key {
            &*latest
        } else if other.key == key {
            &*other
        } else {
            *other = std::mem::replace(latest, Entry::of(table, word, key));
            &*latest
        };
        match entry.count {
            1 => emit(entry.tokens[0]),
            MANY => tokens_of(table, word, emit),
            count => entry.tokens[..usize::from(count)].iter().try_for_each(|&token| emit(token)),
        }
    }

    /// Forgets the words of another table.
    fn keep_to(&mut self, table: &Table) {
        if self.table != Some(table.identity) {
            self.table = Some(table.identity);
            self.slots = vec![Slot::default(); RECENT_WORDS / 2];
        }
    }
}

/// A word of up to 16 letters or digits in lower case, padded with zeros. No word is 0.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Key(u128);

impl Key {
    fn of(word: &[u8]) -> Option<Self> {
        // The bit that makes a letter a small one is set in every digit.
        const LOWER: u128 = 0x2020_2020_2020_2020_2020_2020_2020_2020;
        let bytes = match word.len() {
            8..=16 => {
                let (first, last) = (word.first_chunk::<8>()?, word.last_chunk::<8>()?);
                let last = u128::from(u64::from_le_bytes(*last)) << (8 * (word.len() - 8));
                u128::from(u64::from_le_bytes(*first)) | last
            }
            4..=7 => {
                let (first, last) = (word.first_chunk::<4>()?, word.last_chunk::<4>()?);
                let last = u128::from(u32::from_le_bytes(*last)) << (8 * (word.len() - 4));
                u128::from(u32::from_le_bytes(*first)) | last
            }
            1..=3 => word.iter().rev().fold(0, |bytes, &byte| bytes << 8 | u128::from(byte)),
            _ => return None,
        };
        Some(Self(bytes | LOWER >> (128 - 8 * word.len())))
    }

    fn slot(self) -> usize {
        let folded = (self.0 as u64 ^ ((self.0 >> 64) as u64).rotate_left(29)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (folded >> 32) as usize & (RECENT_WORDS / 2 - 1)
    }
}

#[derive(Clone, Copy, Default)]
struct Entry {
    key: Key,
    tokens: [u32; 3],
    count: u8,
}

/// Of this and more tokens none is kept.
const MANY: u8 = 4;

impl Entry {
    fn of(table: &Table, word: &[u8], key: Key) -> Self {
        let mut entry = Self { key, ..Self::default() };
        let _ = tokens_of(table, word, &mut |token| {
            if let Some(place) = entry.tokens.get_mut(usize::from(entry.count)) {
                *place = token;
            }
            entry.count += 1;
            if entry.count == MANY { Break(()) } else { Continue(()) }
        });
        entry
    }
}

/// Calls `emit` with the kept part of each word of a text, which is ASCII and at most 24 bytes long.
fn words<'a>(text: &'a str, emit: &mut impl FnMut(&'a [u8]) -> ControlFlow<()>) -> ControlFlow<()> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        at = runs::next(bytes, at, |bytes| runs::letter(bytes) | runs::digit(bytes));
        let Some(&byte) = bytes.get(at) else { return Continue(()) };
        let (end, kept) = match byte {
            b'a'..=b'z' => (runs::end(bytes, at, runs::small), MAX_LETTERS),
            b'0'..=b'9' => (runs::end(bytes, at, runs::digit), MAX_DIGITS),
            _ => {
                let capitals = runs::end(bytes, at, runs::capital);
                let end = match bytes.get(capitals) {
                    Some(b'a'..=b'z') if capitals == at + 1 => runs::end(bytes, capitals, runs::small),
                    // An acronym ran into a capitalised word: its last capital begins the word.
                    Some(b'a'..=b'z') => capitals - 1,
                    _ => capitals,
                };
                (end, MAX_LETTERS)
            }
        };
        emit(&bytes[at..end.min(at + kept)])?;
        at = end;
    }
}

/// Longest match first, from the left: the first piece as it is, later ones with a leading `##`. A letter at which
/// nothing matches is left out, so a word may give no token at all.
fn pieces(table: &Table, word: &[u8], emit: &mut impl FnMut(u32) -> ControlFlow<()>) -> ControlFlow<()> {
    let mut buffer = [b'#'; MAX_LETTERS + 2];
    let mut start = 0;
    while start < word.len() {
        let rest = &word[start..];
        buffer[2..2 + rest.len()].copy_from_slice(rest);
        let prefix = if start == 0 { 2 } else { 0 };
        let mut lengths = (1..=rest.len()).rev();
        let find = |piece: &[u8]| table.find(piece, hash(piece));
        match lengths.find_map(|length| Some((find(&buffer[prefix..2 + length])?, length))) {
            Some((token, length)) => {
                emit(token)?;
                start += length;
            }
            None => start += 1,
        }
    }
    Continue(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StaticModel;
    use proptest::prelude::*;

    fn cut(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        let _ = words(text, &mut |word| {
            found.push(std::str::from_utf8(word).unwrap());
            Continue(())
        });
        found
    }

    #[test]
    fn words_are_cut_kept_and_separated() {
        for (text, expected) in [
            ("", ""),
            ("parseJson HTTPServer2go", "parse Json HTTP Server 2 go"),
            ("aB ABc ABC x86_64", "a B A Bc ABC x 86 64"),
            ("1234567", "123"),
            ("größeÄndern naïve 中文a", "gr e ndern na ve a"),
            ("pneumonoultramicroscopicsilicovolcanoconiosis x", "pneumonoultramicroscopic x"),
        ] {
            assert_eq!(cut(text).join(" "), expected, "{text:?}");
        }
    }

    /// Words come twice and push each other out of what is remembered; two models take turns.
    #[test]
    fn recent_words_give_the_same_tokens() {
        let mut text = include_str!("tokens.rs").to_owned();
        text.extend((0..3 * RECENT_WORDS).map(|number| format!(" w{number:x}Word zzqx{} Überlänge", number % 9)));
        text.push_str("pneumonoultramicroscopicsilicovolcanoconiosis incomprehensibilities qqqqqqqq 12345 0");
        let models = [StaticModel::builtin(), StaticModel::builtin()];
        for table in [&models[0].table, &models[1].table, &models[0].table] {
            let [mut remembered, mut each, mut at_once, mut ends] = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
            let parts = text.split_inclusive(' ');
            tokens_of_each(table, parts.clone(), &mut at_once, &mut ends);
            let mut one_by_one = Vec::new();
            for (part, &end) in parts.zip(&ends) {
                let _ = words(part, &mut |word| {
                    tokens_of(table, word, &mut |token| {
                        one_by_one.push(token);
                        Continue(())
                    })
                });
                assert_eq!(one_by_one.len(), end as usize, "{part:?}");
            }
            assert!(ends.len() > RECENT_WORDS && ends.len() == text.split_inclusive(' ').count());
            assert!(at_once == one_by_one);
            let _ = tokens(table, &text, &mut |token| {
                remembered.push(token);
                Continue(())
            });
            let _ = words(&text, &mut |word| {
                tokens_of(table, word, &mut |token| {
                    each.push(token);
                    Continue(())
                })
            });
            assert!(remembered.len() > RECENT_WORDS && remembered == each);
        }
    }

    proptest! {
        #[test]
        fn two_words_have_one_key_only_in_other_case(left in "[a-cA-C]{1,3}|[A-Za-z]{1,16}|[0-9]{1,3}", right in "[a-c]{1,3}|[a-z]{1,16}") {
            let key = |word: &str| Key::of(word.as_bytes()).unwrap();
            prop_assert!(key(&left) == key(&left.to_lowercase()) && key(&left) != Key::default());
            prop_assert_eq!(key(&left) == key(&right), left.to_lowercase() == right);
        }

        #[test]
        fn ascii_words_are_those_of_the_core(text in "[ -~\n]{0,60}|[a-cA-C0-2_]{0,20}") {
            let core = conexus_core::words::parts(&text).map(|word| {
                let kept = if word.as_bytes()[0].is_ascii_digit() { MAX_DIGITS } else { MAX_LETTERS };
                &word[..word.len().min(kept)]
            });
            prop_assert_eq!(cut(&text), core.collect::<Vec<_>>());
        }
    }
}
