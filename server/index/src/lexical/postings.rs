//! The postings of a few chunks in memory: what changed since tantivy was last written, and open buffers.

use conexus_core::{FileAnalysis, Passage};
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
        let mut builder = Builder::with_text_length(source.text.len());
        let mut scanner = Scanner::default();
        for chunk in 0..source.analysis.chunks.len() {
            let Some(passage) = source.passage(chunk) else { continue };
            let mut lengths = [0u32; 6];
            for field in Field::ALL {
                let number = field as usize;
                scanner.scan(field_text(&passage, field), &mut |token| {
                    lengths[number] += 1;
                    builder.add(token.as_bytes(), (chunk as u32) << 3 | number as u32, 1);
                });
            }
            builder.norms.push(lengths.map(FieldNormReader::fieldnorm_to_id));
        }
        builder.finish()
    }

    /// Joins several into one; the chunks of each follow those of the one before.
    pub(crate) fn join<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut builder = Builder::with_text_length(0);
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

struct Builder {
    text: Vec<u8>,
    terms: Vec<Term>,
    table: Vec<u32>,
    /// Term number and posting, in the order of occurrence.
    entries: Vec<(u32, Posting)>,
    /// Per term: its last entry.
    last: Vec<u32>,
    norms: Vec<[u8; 6]>,
}

impl Builder {
    fn with_text_length(bytes: usize) -> Self {
        Self {
            text: Vec::new(),
            terms: Vec::new(),
            table: vec![0; (bytes / 16).next_power_of_two().max(64)],
            entries: Vec::with_capacity(bytes / 8),
            last: Vec::new(),
            norms: Vec::new(),
        }
    }

    fn add(&mut self, term: &[u8], key: u32, frequency: u32) {
        let mask = self.table.len() - 1;
        let mut at = hash(term) as usize & mask;
        while let Some(number) = self.table[at].checked_sub(1) {
            let found = self.terms[number as usize];
            if &self.text[found.text as usize..(found.text + found.length) as usize] == term {
                let last = self.last[number as usize];
                if let Some((_, posting)) = self.entries.get_mut(last as usize)
                    && posting.key == key
                {
                    posting.frequency += frequency;
                    return;
                }
                self.last[number as usize] = self.entries.len() as u32;
                self.entries.push((number, Posting { key, frequency }));
                return;
            }
            at = (at + 1) & mask;
        }
        self.table[at] = self.terms.len() as u32 + 1;
        self.last.push(self.entries.len() as u32);
        self.entries.push((self.terms.len() as u32, Posting { key, frequency }));
        self.terms.push(Term { text: self.text.len() as u32, length: term.len() as u32, first: 0 });
        self.text.extend_from_slice(term);
        if self.terms.len() * 2 > self.table.len() {
            self.grow();
        }
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
    fn finish(mut self) -> Postings {
        let mut next = vec![0u32; self.terms.len() + 1];
        for (number, _) in &self.entries {
            next[*number as usize + 1] += 1;
        }
        for number in 1..next.len() {
            next[number] += next[number - 1];
        }
        for (term, &first) in self.terms.iter_mut().zip(&next) {
            term.first = first;
        }
        self.terms.push(Term { text: 0, length: 0, first: self.entries.len() as u32 });
        let mut postings = vec![Posting { key: 0, frequency: 0 }; self.entries.len()];
        for (number, posting) in self.entries {
            let at = &mut next[number as usize];
            postings[*at as usize] = posting;
            *at += 1;
        }
        Postings { text: self.text, terms: self.terms, table: self.table, entries: postings, norms: self.norms }
    }
}

/// Multiplies and folds eight bytes at a time; terms are short and come from no adversary that gains by collisions.
pub(super) fn hash(term: &[u8]) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64 ^ term.len() as u64;
    for piece in term.chunks(8) {
        let mut word = [0; 8];
        word[..piece.len()].copy_from_slice(piece);
        let wide = u128::from(state ^ u64::from_le_bytes(word)) * 0xa076_1d64_78bd_642f_u128;
        state = (wide as u64) ^ (wide >> 64) as u64;
    }
    state
}
