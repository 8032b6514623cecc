//! Text to token numbers: words, lower-cased; a word the table lacks is cut into pieces.
//!
//! The words are those of `conexus_core::words::parts` restricted to ASCII: any other character separates. It is the
//! training code's `[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+`, written over bytes and hashed on the way because
//! this loop is where embedding spends half of its time.

use std::ops::ControlFlow::{self, Continue};

use super::format::Table;
use super::lookup::{HASH_START, hash, hash_byte};

/// Letters kept of a word.
const MAX_LETTERS: usize = 24;

/// Digits kept of a number.
const MAX_DIGITS: usize = 3;

/// Calls `emit` with each token of a text, in order, until it breaks.
pub(super) fn tokens(table: &Table, text: &str, emit: &mut impl FnMut(u32) -> ControlFlow<()>) -> ControlFlow<()> {
    words(text, &mut |word| {
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
    })
}

/// Calls `emit` with the kept part of each word of a text, which is ASCII and at most 24 bytes long.
fn words<'a>(text: &'a str, emit: &mut impl FnMut(&'a [u8]) -> ControlFlow<()>) -> ControlFlow<()> {
    let bytes = text.as_bytes();
    // The end of the run that begins at `start`.
    let run = |start: usize, in_run: fn(&u8) -> bool| {
        bytes[start..].iter().position(|byte| !in_run(byte)).map_or(bytes.len(), |length| start + length)
    };
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let (end, kept) = match byte {
            b'a'..=b'z' => (run(at, u8::is_ascii_lowercase), MAX_LETTERS),
            b'0'..=b'9' => (run(at, u8::is_ascii_digit), MAX_DIGITS),
            b'A'..=b'Z' => {
                let capitals = run(at, u8::is_ascii_uppercase);
                let end = match bytes.get(capitals) {
                    Some(b'a'..=b'z') if capitals == at + 1 => run(capitals, u8::is_ascii_lowercase),
                    // An acronym ran into a capitalised word: its last capital begins the word.
                    Some(b'a'..=b'z') => capitals - 1,
                    _ => capitals,
                };
                (end, MAX_LETTERS)
            }
            _ => {
                at += 1;
                continue;
            }
        };
        emit(&bytes[at..end.min(at + kept)])?;
        at = end;
    }
    Continue(())
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

    proptest! {
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
