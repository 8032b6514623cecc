//! The words of a text, each known by a number: what lexical search and the built-in model make of a word they make once
//! for a text, and not each time that it comes.
//!
//! A word is here what lies between ASCII characters that separate identifiers, such as `parse_json` or `größe`; what lies
//! beyond ASCII may separate too, and who needs smaller parts cuts them.

use crate::{Chunk, Span, runs};

/// Calls `sink` with each word of a text, in order.
pub fn each_word<'a>(text: &'a str, sink: &mut impl FnMut(&'a str)) {
    each_range(text, &mut |start, end| sink(&text[start..end]));
}

fn each_range(text: &str, sink: &mut impl FnMut(usize, usize)) {
    let joins = |bytes| runs::letter(bytes) | runs::digit(bytes) | runs::underscore(bytes) | runs::wide(bytes);
    let mut end = 0;
    loop {
        let start = runs::next(text.as_bytes(), end, joins);
        if start == text.len() {
            return;
        }
        end = runs::end(text.as_bytes(), start, joins);
        sink(start, end);
    }
}

/// Memory for the words of a text, kept for the next one.
#[derive(Debug, Default)]
pub struct Vocabulary {
    /// Upper half of the hash, and number + 1, by hash; open addressing, a power of two, at most half full.
    table: Vec<u64>,
    words: Vec<Word>,
    occurrences: Vec<Occurrences>,
    chunks: Vec<Ends>,
}

#[derive(Clone, Copy, Debug)]
struct Word {
    /// Where it stands first.
    start: u32,
    length: u32,
    /// One past its latest occurrences.
    latest: u32,
}

/// How often a word occurs in a part of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrences {
    /// Number of the word.
    pub word: u32,
    /// At least 1.
    pub count: u32,
}

/// Where the occurrences of a chunk end.
#[derive(Clone, Copy, Debug)]
struct Ends {
    head: usize,
    all: usize,
    cut: Span,
}

/// The words of one text by number, from 0 on, and which of them each of its chunks has.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    text: &'a str,
    of: &'a Vocabulary,
}

/// The words of one chunk, each once in a part, in the order of their first occurrence in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkWords<'a> {
    /// Those that end within so many characters as the head of a chunk has.
    pub head: &'a [Occurrences],
    /// Those behind it, which may be words of the head again. One that the end of the head cuts is among them.
    pub rest: &'a [Occurrences],
    /// The part of the word that is cut which lies in the head; mostly empty.
    pub cut: &'a str,
}

/// Memory for more words than this is given back.
const KEPT: usize = 1 << 16;

impl Vocabulary {
    /// Reads the chunks of a text. Their heads have so many characters.
    pub fn read<'a>(&'a mut self, text: &'a str, chunks: &[Chunk], head: usize) -> Words<'a> {
        self.reset(chunks.iter().map(|chunk| chunk.span.len()).sum());
        for chunk in chunks {
            let body = chunk.span.slice(text);
            let head = first_characters(body, head).len();
            let mut part = self.occurrences.len();
            let mut cut = None;
            each_range(body, &mut |start, end| {
                if end > head && cut.is_none() {
                    part = self.occurrences.len();
                    let at = |at: usize| chunk.span.start as usize + at;
                    cut = Some((part, Span::new(at(start), at(head))));
                }
                self.add(text, chunk.span.start as usize + start, end - start, part);
            });
            let all = self.occurrences.len();
            let (head, cut) = cut.unwrap_or((all, Span::default()));
            self.chunks.push(Ends { head, all, cut });
        }
        Words { text, of: self }
    }

    /// Empties it for a text of that many bytes.
    fn reset(&mut self, bytes: usize) {
        self.table.clear();
        self.table.shrink_to(KEPT);
        self.table.resize((bytes / 8).next_power_of_two().max(64), 0);
        self.words.clear();
        self.words.shrink_to(KEPT);
        self.occurrences.clear();
        self.occurrences.shrink_to(KEPT);
        self.chunks.clear();
        self.chunks.shrink_to(KEPT);
    }

    /// Counts a word in the part of a chunk whose occurrences begin with `part`.
    fn add(&mut self, text: &str, start: usize, length: usize, part: usize) {
        let word = &text.as_bytes()[start..start + length];
        let hash = hash(word);
        let number = match self.find(text, word, hash) {
            Ok(number) => number,
            Err(slot) => {
                let number = self.words.len() as u32;
                self.table[slot] = hash & UPPER | u64::from(number + 1);
                self.words.push(Word { start: start as u32, length: length as u32, latest: 0 });
                if self.words.len() * 2 > self.table.len() {
                    self.grow(text);
                }
                number
            }
        };
        let latest = &mut self.words[number as usize].latest;
        if *latest as usize > part {
            self.occurrences[*latest as usize - 1].count += 1;
        } else {
            self.occurrences.push(Occurrences { word: number, count: 1 });
            *latest = self.occurrences.len() as u32;
        }
    }

    /// The number of a word, or the slot that it would have.
    fn find(&self, text: &str, word: &[u8], hash: u64) -> Result<u32, usize> {
        let mask = self.table.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let entry = self.table[slot];
            let Some(number) = (entry as u32).checked_sub(1) else { return Err(slot) };
            if entry & UPPER == hash & UPPER {
                let known = self.words[number as usize];
                if same(&text.as_bytes()[known.start as usize..(known.start + known.length) as usize], word) {
                    return Ok(number);
                }
            }
            slot = (slot + 1) & mask;
        }
    }

    fn grow(&mut self, text: &str) {
        let mask = self.table.len() * 2 - 1;
        self.table.clear();
        self.table.resize(mask + 1, 0);
        for (number, word) in (1..).zip(&self.words) {
            let hash = hash(&text.as_bytes()[word.start as usize..(word.start + word.length) as usize]);
            let mut slot = hash as usize & mask;
            while self.table[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            self.table[slot] = hash & UPPER | number;
        }
    }
}

impl<'a> Words<'a> {
    /// How many there are.
    pub fn count(self) -> usize {
        self.of.words.len()
    }

    /// The word of that number.
    pub fn word(self, number: u32) -> &'a str {
        let word = self.of.words[number as usize];
        &self.text[word.start as usize..(word.start + word.length) as usize]
    }

    /// The number of a word that some chunk has.
    pub fn number_of(self, word: &str) -> Option<u32> {
        self.of.find(self.text, word.as_bytes(), hash(word.as_bytes())).ok()
    }

    /// The words of a chunk, by its place among those that were read.
    pub fn of_chunk(self, chunk: usize) -> ChunkWords<'a> {
        let Ends { head, all, cut } = self.of.chunks[chunk];
        let first = chunk.checked_sub(1).map_or(0, |before| self.of.chunks[before].all);
        let occurrences = &self.of.occurrences;
        ChunkWords { head: &occurrences[first..head], rest: &occurrences[head..all], cut: cut.slice(self.text) }
    }
}

/// As many characters of a text from its beginning on.
pub fn first_characters(text: &str, characters: usize) -> &str {
    if text.len() <= characters {
        return text;
    }
    if text.as_bytes()[..characters].is_ascii() {
        return &text[..characters];
    }
    match text.char_indices().nth(characters) {
        Some((at, _)) => &text[..at],
        None => text,
    }
}

const UPPER: u64 = !0xffff_ffff;

/// Whether two words are equal, without a call where they are short, as nearly all are.
pub fn same(left: &[u8], right: &[u8]) -> bool {
    if left.len() != right.len() {
        return false;
    }
    match left.len() {
        8..=16 => {
            left.first_chunk::<8>() == right.first_chunk::<8>() && left.last_chunk::<8>() == right.last_chunk::<8>()
        }
        4..=7 => {
            left.first_chunk::<4>() == right.first_chunk::<4>() && left.last_chunk::<4>() == right.last_chunk::<4>()
        }
        0..=3 => left.iter().zip(right).all(|(left, right)| left == right),
        _ => left == right,
    }
}

/// Multiplies and folds eight bytes at a time, the last eight again; words are short and come from no adversary that
/// gains by collisions.
pub fn hash(word: &[u8]) -> u64 {
    let fold = |state: u64, bytes: u64| {
        let wide = u128::from(state ^ bytes) * 0xa076_1d64_78bd_642f_u128;
        (wide as u64) ^ (wide >> 64) as u64
    };
    let state = 0x9e37_79b9_7f4a_7c15_u64 ^ word.len() as u64;
    if let Some(last) = word.last_chunk::<8>() {
        let (eights, _) = word.as_chunks::<8>();
        let state = eights.iter().fold(state, |state, eight| fold(state, u64::from_le_bytes(*eight)));
        return fold(state, u64::from_le_bytes(*last));
    }
    let bytes = match (word.first_chunk::<4>(), word.last_chunk::<4>(), word) {
        (Some(first), Some(last), _) => {
            u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32
        }
        (.., [first, .., last]) => u64::from(*first) | u64::from(word[word.len() / 2]) << 8 | u64::from(*last) << 16,
        (.., [only]) => u64::from(*only),
        _ => 0,
    };
    fold(state, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ChunkKind;

    fn chunks(text: &str, lines: usize) -> Vec<Chunk> {
        let mut start = 0;
        let mut chunks = Vec::new();
        for part in text.split_inclusive('\n').collect::<Vec<_>>().chunks(lines) {
            let end = start + part.iter().map(|line| line.len()).sum::<usize>();
            chunks.push(Chunk { span: Span::new(start, end), kind: ChunkKind::Window, symbol: None });
            start = end;
        }
        chunks
    }

    /// What a look at each word in turn finds.
    fn counted(text: &str, is_wanted: impl Fn(usize) -> bool) -> Vec<(&str, u32)> {
        let mut found: Vec<(&str, u32)> = Vec::new();
        each_word(text, &mut |word| {
            let end = word.as_ptr() as usize - text.as_ptr() as usize + word.len();
            if is_wanted(end) {
                match found.iter_mut().find(|(known, _)| *known == word) {
                    Some((_, count)) => *count += 1,
                    None => found.push((word, 1)),
                }
            }
        });
        found
    }

    #[test]
    fn each_word_is_counted_in_each_part() {
        let own = include_str!("vocabulary.rs");
        let wide = "größe “Ändern” größe x_1 中文 中文\nnaïve größe größe a a a\n".repeat(9);
        let many = (0..9_000).map(|n| format!("word{n} ")).collect::<Vec<_>>().concat();
        let mut vocabulary = Vocabulary::default();
        for text in [own, &*wide, &*many, "", "\n\n", "a"] {
            for (lines, head) in [(1, 40), (7, 200), (40, 1_800), (7, usize::MAX), (3, 0), (1_000, 13)] {
                let chunks = chunks(text, lines);
                let words = vocabulary.read(text, &chunks, head);
                let named =
                    |all: &[Occurrences]| all.iter().map(|one| (words.word(one.word), one.count)).collect::<Vec<_>>();
                for (number, chunk) in chunks.iter().enumerate() {
                    let body = chunk.span.slice(text);
                    let end = first_characters(body, head).len();
                    let found = words.of_chunk(number);
                    assert_eq!(named(found.head), counted(body, |at| at <= end), "{body}");
                    assert_eq!(named(found.rest), counted(body, |at| at > end), "{body}");
                    let mut cut = "";
                    each_word(&body[..end], &mut |word| cut = word);
                    let joins =
                        |at: &str| at.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_' || !c.is_ascii());
                    let is_cut = joins(&body[end..]) && !cut.is_empty() && body[..end].ends_with(cut);
                    assert_eq!(found.cut, if is_cut { cut } else { "" }, "{body}");
                }
                for number in 0..words.count() as u32 {
                    assert_eq!(words.number_of(words.word(number)), Some(number));
                }
                assert_eq!(words.number_of(concat!("nothing_of", "_this_name")), None);
            }
        }
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(first_characters("größe", 4), "größ");
        assert_eq!(first_characters("größe", 5), "größe");
        assert_eq!(first_characters("größe", 9), "größe");
        assert_eq!(first_characters("grosse", 3), "gro");
    }
}
