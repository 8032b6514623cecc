//! The postings of a few chunks in memory: what changed since tantivy was last written, and open buffers.

use conexus_core::vocabulary::{each_word, hash, same};
use conexus_core::{FileAnalysis, Passage, Vocabulary, Words};
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use tantivy::fieldnorm::FieldNormReader;

use super::Field;
use super::tokenizer::Scanner;

/// What the lexical index needs of one file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: Arc<str>,
    pub(crate) text: Arc<str>,
    pub(crate) analysis: FileAnalysis,
}

impl Source {
    pub(crate) fn passage(&self, chunk: usize) -> Option<Passage<'_>> {
        let chunk = self.analysis.chunks.get(chunk)?;
        Some(Passage::of(chunk, &self.path, &self.text, &self.analysis))
    }
}

/// The text of one field of a passage.
pub(crate) fn field_text<'a>(passage: &Passage<'a>, field: Field) -> &'a str {
    match field {
        Field::Body => passage.body,
        Field::Name => passage.name,
        Field::Container => passage.container,
        Field::Path => passage.path,
        Field::Signature => passage.signature,
        Field::Doc => passage.doc,
    }
}

/// How often a term occurs in one field of one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Posting {
    /// Chunk number times 8 plus field number; ascending within a term.
    key: u32,
    /// Occurrences, at least 1.
    pub(crate) frequency: u32,
}

impl Posting {
    pub(crate) fn chunk(self) -> usize {
        (self.key >> 3) as usize
    }

    pub(crate) fn field(self) -> usize {
        (self.key & 7) as usize
    }

    /// The same of another chunk.
    pub(super) fn of_chunk(self, chunk: u32) -> Self {
        Self { key: chunk << 3 | self.key & 7, ..self }
    }
}

#[derive(Clone, Copy, Debug)]
struct Term {
    text: u32,
    length: u32,
    /// Where its postings begin.
    first: u32,
}

/// An inverted index of some chunks, numbered from 0.
#[derive(Debug, Default)]
pub(crate) struct Postings {
    text: Vec<u8>,
    /// In the order of first occurrence, then one more that ends the last one's postings.
    terms: Vec<Term>,
    /// Term number + 1 by hash, open addressing; a power of two, at most half full.
    table: Vec<u32>,
    entries: Vec<Posting>,
    /// tantivy's one-byte code of each field's length, per chunk.
    norms: Vec<[u8; 6]>,
}

impl Postings {
    /// Indexes the chunks of a file.
    pub(crate) fn of(source: &Source) -> Self {
        Self::of_chunks(source, 0..source.analysis.chunks.len())
    }

    /// Indexes some of the chunks of a file, numbered from 0.
    pub(crate) fn of_chunks(source: &Source, chunks: Range<usize>) -> Self {
        VOCABULARY.with_borrow_mut(|vocabulary| {
            let spans = source.analysis.chunks.get(chunks.clone()).unwrap_or_default();
            Self::of_words(source, chunks, vocabulary.read(&source.text, spans, usize::MAX))
        })
    }

    /// The same of chunks whose words these are.
    pub(crate) fn of_words(source: &Source, chunks: Range<usize>, words: Words<'_>) -> Self {
        SCRATCH.with_borrow_mut(|(builder, scanner)| {
            let spans = source.analysis.chunks.get(chunks.clone()).unwrap_or_default();
            builder.reset(spans.iter().map(|chunk| chunk.span.len()).sum(), words.count());
            // Every chunk has the same path.
            let mut path = Vec::new();
            scanner.scan(&source.path, &mut |token| path.push(builder.number_of(token)));
            for (chunk, place) in (0u32..).zip(chunks) {
                let Some(passage) = source.passage(place) else { continue };
                let mut lengths = [0u32; 6];
                for field in Field::ALL {
                    let number = field as usize;
                    let key = chunk << 3 | number as u32;
                    let length = &mut lengths[number];
                    match field {
                        Field::Path => {
                            *length = path.len() as u32;
                            for &term in &path {
                                builder.push(term, key, 1);
                            }
                        }
                        Field::Body => {
                            let body = words.of_chunk(chunk as usize);
                            for one in body.head.iter().chain(body.rest) {
                                *length += builder.add_word(words, one.word, one.count, scanner, key);
                            }
                        }
                        _ => each_word(field_text(&passage, field), &mut |word| match words.number_of(word) {
                            Some(known) => *length += builder.add_word(words, known, 1, scanner, key),
                            None => scanner.terms(word, &mut |token| {
                                *length += 1;
                                builder.add(token, key, 1);
                            }),
                        }),
                    }
                }
                builder.norms.push(lengths.map(FieldNormReader::fieldnorm_to_id));
            }
            builder.finish()
        })
    }

    /// Joins several into one; the chunks of each follow those of the one before.
    pub(crate) fn join<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut builder = Builder::default();
        builder.reset(0, 0);
        for part in parts {
            let first = builder.norms.len() as u32;
            for (text, postings) in part.iter() {
                for posting in postings {
                    builder.add(text, posting.key + (first << 3), posting.frequency);
                }
            }
            builder.norms.extend_from_slice(&part.norms);
        }
        builder.finish()
    }

    pub(crate) fn chunk_count(&self) -> usize {
        self.norms.len()
    }

    /// The code of a field's length in a chunk.
    pub(crate) fn norm(&self, chunk: usize, field: usize) -> u8 {
        self.norms[chunk][field]
    }

    /// Where a term occurs, ordered by chunk, then field.
    pub(crate) fn find(&self, term: &[u8]) -> &[Posting] {
        if self.table.is_empty() {
            return &[];
        }
        let mask = self.table.len() - 1;
        let mut at = hash(term) as usize & mask;
        loop {
            let Some(number) = self.table[at].checked_sub(1) else { return &[] };
            let found = self.terms[number as usize];
            if &self.text[found.text as usize..(found.text + found.length) as usize] == term {
                return self.postings_of(number as usize);
            }
            at = (at + 1) & mask;
        }
    }

    /// Every term with its postings, in no particular order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], &[Posting])> {
        (0..self.terms.len().saturating_sub(1)).map(|number| {
            let term = self.terms[number];
            (&self.text[term.text as usize..(term.text + term.length) as usize], self.postings_of(number))
        })
    }

    fn postings_of(&self, number: usize) -> &[Posting] {
        &self.entries[self.terms[number].first as usize..self.terms[number + 1].first as usize]
    }
}

thread_local! {
    /// The memory that indexing a file needs, kept for the next one.
    static SCRATCH: RefCell<(Builder, Scanner)> = RefCell::default();
    /// The same for the words of a file that come with it.
    static VOCABULARY: RefCell<Vocabulary> = RefCell::default();
}

/// Memory for more entries than this is given back after a file.
const KEPT_ENTRIES: usize = 1 << 17;

#[derive(Default)]
struct Builder {
    text: Vec<u8>,
    terms: Vec<Term>,
    table: Vec<u32>,
    /// Term number and posting, in the order of occurrence.
    entries: Vec<(u32, Posting)>,
    /// Per term: its last entry.
    last: Vec<u32>,
    norms: Vec<[u8; 6]>,
    /// Where the terms of each word of the text begin in `word_terms`, and how many there are; [`NONE`] before they are
    /// made.
    of_words: Vec<(u32, u32)>,
    /// Numbers of terms.
    word_terms: Vec<u32>,
}

/// No entry yet.
const NONE: u32 = u32::MAX;

impl Builder {
    /// Empties it for a text of that many bytes and words.
    fn reset(&mut self, bytes: usize, words: usize) {
        self.text.clear();
        self.terms.clear();
        self.table = vec![0; (bytes / 16).next_power_of_two().max(64)];
        self.entries.clear();
        self.entries.shrink_to(KEPT_ENTRIES);
        self.last.clear();
        self.norms.clear();
        self.of_words.clear();
        self.of_words.shrink_to(KEPT_ENTRIES);
        self.of_words.resize(words, (NONE, 0));
        self.word_terms.clear();
        self.word_terms.shrink_to(KEPT_ENTRIES);
    }

    /// Adds occurrences of a word; gives how many terms they have.
    fn add_word(&mut self, words: Words<'_>, word: u32, occurrences: u32, scanner: &mut Scanner, key: u32) -> u32 {
        let (mut first, mut count) = self.of_words[word as usize];
        if first == NONE {
            first = self.word_terms.len() as u32;
            scanner.terms(words.word(word), &mut |token| {
                let number = self.number_of(token);
                self.word_terms.push(number);
            });
            count = self.word_terms.len() as u32 - first;
            self.of_words[word as usize] = (first, count);
        }
        for at in first..first + count {
            self.push(self.word_terms[at as usize], key, occurrences);
        }
        count * occurrences
    }

    fn add(&mut self, term: &[u8], key: u32, frequency: u32) {
        let number = self.number_of(term);
        self.push(number, key, frequency);
    }

    /// Adds occurrences of a term.
    fn push(&mut self, number: u32, key: u32, frequency: u32) {
        let last = &mut self.last[number as usize];
        match self.entries.get_mut(*last as usize) {
            Some((_, posting)) if posting.key == key => posting.frequency += frequency,
            _ => {
                *last = self.entries.len() as u32;
                self.entries.push((number, Posting { key, frequency }));
            }
        }
    }

    /// The number of a term, given now if it has none.
    fn number_of(&mut self, term: &[u8]) -> u32 {
        let mask = self.table.len() - 1;
        let mut at = hash(term) as usize & mask;
        while let Some(number) = self.table[at].checked_sub(1) {
            let found = self.terms[number as usize];
            if same(&self.text[found.text as usize..(found.text + found.length) as usize], term) {
                return number;
            }
            at = (at + 1) & mask;
        }
        let number = self.terms.len() as u32;
        self.table[at] = number + 1;
        self.last.push(NONE);
        self.terms.push(Term { text: self.text.len() as u32, length: term.len() as u32, first: 0 });
        self.text.extend_from_slice(term);
        if self.terms.len() * 2 > self.table.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        let mask = self.table.len() * 2 - 1;
        let mut table = vec![0; mask + 1];
        for (number, term) in self.terms.iter().enumerate() {
            let text = &self.text[term.text as usize..(term.text + term.length) as usize];
            let mut at = hash(text) as usize & mask;
            while table[at] != 0 {
                at = (at + 1) & mask;
            }
            table[at] = number as u32 + 1;
        }
        self.table = table;
    }

    /// Brings the postings of each term together.
    fn finish(&mut self) -> Postings {
        let mut next = std::mem::take(&mut self.last);
        next.clear();
        next.resize(self.terms.len() + 1, 0);
        for (number, _) in &self.entries {
            next[*number as usize + 1] += 1;
        }
        for number in 1..next.len() {
            next[number] += next[number - 1];
        }
        let mut terms = Vec::with_capacity(self.terms.len() + 1);
        terms.extend(self.terms.iter().zip(&next).map(|(term, &first)| Term { first, ..*term }));
        terms.push(Term { text: 0, length: 0, first: self.entries.len() as u32 });
        let mut postings = vec![Posting { key: 0, frequency: 0 }; self.entries.len()];
        for (number, posting) in &self.entries {
            let at = &mut next[*number as usize];
            postings[*at as usize] = *posting;
            *at += 1;
        }
        self.last = next;
        let table = std::mem::take(&mut self.table);
        Postings { text: self.text.clone(), terms, table, entries: postings, norms: self.norms.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexical::tokenizer::terms;
    use conexus_core::{Chunk, ChunkKind, Language, Span};
    use std::collections::BTreeMap;

    /// A file cut into chunks of some lines.
    fn source(path: &str, text: &str, lines: usize) -> Source {
        let mut analysis = FileAnalysis::empty(Language::TEXT);
        let mut start = 0;
        for chunk in text.split_inclusive('\n').collect::<Vec<_>>().chunks(lines) {
            let end = start + chunk.iter().map(|line| line.len()).sum::<usize>();
            analysis.chunks.push(Chunk { span: Span::new(start, end), kind: ChunkKind::Window, symbol: None });
            start = end;
        }
        Source { path: path.into(), text: text.into(), analysis }
    }

    #[test]
    fn words_that_came_before_give_the_same_terms() {
        let own = include_str!("postings.rs");
        let numbered = |prefix: &str| (0..6_000).map(|n| format!("{prefix}{n} x{n}_y ")).collect::<Vec<_>>().concat();
        let long = ["part"; 30].join("_");
        // More words than are remembered, some of them again, and the same words in another file.
        for (path, text) in [
            ("src/postings.rs", own.to_owned()),
            ("many.txt", format!("{}\n{}\n{}", numbered("getName"), own, numbered("getName"))),
            ("other.txt", numbered("get_name").replace("9 ", "\n")),
            ("wide.txt", "größeÄndern “größe” _ __ naïve\n größeÄndern 中文 中文 1234567 1234567\n".repeat(3)),
            ("long.txt", format!("{long}\n{long} {long}")),
            ("src/postings.rs", own.to_owned()),
        ] {
            let source = source(path, &text, 7);
            let postings = Postings::of(&source);
            let mut found: BTreeMap<(usize, usize, String), u32> = BTreeMap::new();
            for (term, entries) in postings.iter() {
                let term = String::from_utf8(term.to_vec()).unwrap();
                for posting in entries {
                    let before = found.insert((posting.chunk(), posting.field(), term.clone()), posting.frequency);
                    assert_eq!(before, None, "{path}: {term} twice");
                }
            }
            let mut expected: BTreeMap<(usize, usize, String), u32> = BTreeMap::new();
            for chunk in 0..source.analysis.chunks.len() {
                let passage = source.passage(chunk).unwrap();
                for (field, text) in [(Field::Body, passage.body), (Field::Path, passage.path)] {
                    let mut length = 0;
                    Scanner::default().scan(text, &mut |token| {
                        length += 1;
                        let term = String::from_utf8(token.to_vec()).unwrap();
                        *expected.entry((chunk, field as usize, term)).or_default() += 1;
                    });
                    assert_eq!(
                        postings.norm(chunk, field as usize),
                        FieldNormReader::fieldnorm_to_id(length),
                        "{path}"
                    );
                }
                let first = &terms(passage.path)[0];
                assert!(postings.find(first.as_bytes()).iter().any(|posting| posting.chunk() == chunk), "{path}");
            }
            assert_eq!(found, expected, "{path}");
        }
    }
}
