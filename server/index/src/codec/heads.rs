//! The heads of a file: its chunks and symbols in fixed-width little-endian records, read in place.
//!
//! Layout: a header of five `u32` (format, chunks, symbols, notes, bytes of strings), the chunk records, the symbol
//! records, the notes (two `u32` each), the strings. Everything is checked once by [`Heads::new`]; the accessors then
//! only slice.

use conexus_core::{Chunk, ChunkKind, FileAnalysis, LineIndex, Note, Span, Symbol, SymbolKind, Visibility};
use foldhash::HashMap;
use std::sync::OnceLock;

use super::Malformed;
use super::bytes::{put_u32, u32_at};

const FORMAT: u32 = 1;
const HEADER: usize = 20;
/// start, end, first line, last line, symbol, kind in the lowest byte.
const CHUNK: usize = 24;
/// name (offset, length), container (offset, length), span, name span, signature, documentation, parent,
/// then kind, visibility and test in one byte each and one byte of padding.
const SYMBOL: usize = 56;
const NOTE: usize = 8;
const NONE: u32 = u32::MAX;

/// The validated heads of one file.
#[derive(Clone, Debug)]
pub(crate) struct Heads {
    /// All but the strings.
    records: Box<[u8]>,
    /// Apart from the records, so that a name need not be shown to be UTF-8 each time it is read.
    strings: Box<str>,
    /// The letters of each symbol's name, found when they are asked for first.
    letters: OnceLock<Box<[Letters]>>,
}

impl PartialEq for Heads {
    fn eq(&self, other: &Self) -> bool {
        self.records == other.records && self.strings == other.strings
    }
}

impl Eq for Heads {}

/// Which letters and digits of ASCII a text has, whatever their case: a name that lacks one of a query's letters need
/// not be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Letters(u64);

/// The bit of each byte: a table, since all names of a workspace are read when one is looked for first.
const LETTERS: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0u8;
    while byte < 128 {
        table[byte as usize] = match byte {
            b'a'..=b'z' => 1 << (byte - b'a'),
            b'A'..=b'Z' => 1 << (byte - b'A'),
            b'0'..=b'9' => 1 << (26 + byte - b'0'),
            _ => 0,
        };
        byte += 1;
    }
    table
};

impl Letters {
    /// Those of a text.
    pub fn of(text: &str) -> Self {
        Self(text.bytes().fold(0, |letters, byte| letters | LETTERS[usize::from(byte)]))
    }

    /// Whether all of `other` are among these.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Writes the heads of an analysis of a text with these lines.
pub(crate) fn encode(analysis: &FileAnalysis, lines: &LineIndex) -> Vec<u8> {
    let mut strings = Strings::default();
    let mut out = Vec::with_capacity(
        HEADER + analysis.chunks.len() * CHUNK + analysis.symbols.len() * (SYMBOL + 16) + analysis.notes.len() * NOTE,
    );
    for count in [FORMAT, analysis.chunks.len() as u32, analysis.symbols.len() as u32, analysis.notes.len() as u32, 0] {
        put_u32(&mut out, count);
    }
    for chunk in &analysis.chunks {
        let (first, last) = lines.lines_of(chunk.span);
        for value in [chunk.span.start, chunk.span.end, first, last, chunk.symbol.unwrap_or(NONE), chunk.kind as u32] {
            put_u32(&mut out, value);
        }
    }
    for symbol in &analysis.symbols {
        for value in [strings.add(&symbol.name), strings.add(&symbol.container)] {
            put_u32(&mut out, value.0);
            put_u32(&mut out, value.1);
        }
        let doc = symbol.doc.unwrap_or(Span { start: NONE, end: NONE });
        for span in [symbol.span, symbol.name_span, symbol.signature, doc] {
            put_u32(&mut out, span.start);
            put_u32(&mut out, span.end);
        }
        put_u32(&mut out, symbol.parent.unwrap_or(NONE));
        out.extend_from_slice(&[symbol.kind as u8, symbol.visibility as u8, u8::from(symbol.test), 0]);
    }
    for note in &analysis.notes {
        let (tag, value) = match note {
            Note::TimedOut => (1, 0),
            Note::TooLarge => (2, 0),
            Note::SyntaxErrors(count) => (3, *count),
            Note::TooDeep => (4, 0),
            Note::SetAside => (5, 0),
        };
        put_u32(&mut out, tag);
        put_u32(&mut out, value);
    }
    out[16..20].copy_from_slice(&(strings.bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(&strings.bytes);
    out
}

/// Strings of one file, each stored once: containers repeat.
#[derive(Default)]
struct Strings<'a> {
    bytes: Vec<u8>,
    known: HashMap<&'a str, u32>,
}

impl<'a> Strings<'a> {
    fn add(&mut self, text: &'a str) -> (u32, u32) {
        let offset = *self.known.entry(text).or_insert_with(|| {
            let offset = self.bytes.len() as u32;
            self.bytes.extend_from_slice(text.as_bytes());
            offset
        });
        (offset, text.len() as u32)
    }
}

impl Heads {
    /// Copies stored bytes after checking every record.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() < HEADER || u32_at(bytes, 0) != FORMAT {
            return Err(Malformed);
        }
        let records = HEADER as u64
            + u64::from(u32_at(bytes, 4)) * CHUNK as u64
            + u64::from(u32_at(bytes, 8)) * SYMBOL as u64
            + u64::from(u32_at(bytes, 12)) * NOTE as u64;
        let records = usize::try_from(records).map_err(|_| Malformed)?;
        let (records, strings) = bytes.split_at_checked(records).ok_or(Malformed)?;
        if strings.len() as u64 != u64::from(u32_at(bytes, 16)) {
            return Err(Malformed);
        }
        let strings = std::str::from_utf8(strings).map_err(|_| Malformed)?;
        let heads = Self { records: records.into(), strings: strings.into(), letters: OnceLock::new() };
        heads.check()?;
        Ok(heads)
    }

    fn check(&self) -> Result<(), Malformed> {
        let (bytes, strings) = (&self.records, &self.strings);
        for index in 0..self.chunk_count() {
            let at = Self::chunk_at(index);
            let symbol = u32_at(bytes, at + 16);
            let kind = u32_at(bytes, at + 20);
            if u32_at(bytes, at) > u32_at(bytes, at + 4)
                || (symbol != NONE && symbol >= self.symbol_count())
                || u8::try_from(kind).ok().and_then(ChunkKind::from_number).is_none()
            {
                return Err(Malformed);
            }
        }
        for index in 0..self.symbol_count() {
            let at = self.symbol_at(index);
            for string in [at, at + 8] {
                let start = u32_at(bytes, string) as usize;
                let end = start + u32_at(bytes, string + 4) as usize;
                if strings.get(start..end).is_none() {
                    return Err(Malformed);
                }
            }
            let parent = u32_at(bytes, at + 48);
            if (parent != NONE && parent >= index)
                || SymbolKind::from_number(bytes[at + 52]).is_none()
                || Visibility::from_number(bytes[at + 53]).is_none()
                || bytes[at + 54] > 1
            {
                return Err(Malformed);
            }
        }
        let notes = self.notes_at();
        for index in 0..u32_at(bytes, 12) as usize {
            if !(1..=5).contains(&u32_at(bytes, notes + index * NOTE)) {
                return Err(Malformed);
            }
        }
        Ok(())
    }

    /// As they are stored.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        [&self.records, self.strings.as_bytes()].concat()
    }

    pub(crate) fn chunk_count(&self) -> u32 {
        u32_at(&self.records, 4)
    }

    pub(crate) fn symbol_count(&self) -> u32 {
        u32_at(&self.records, 8)
    }

    fn chunk_at(index: u32) -> usize {
        HEADER + index as usize * CHUNK
    }

    fn symbol_at(&self, index: u32) -> usize {
        Self::chunk_at(self.chunk_count()) + index as usize * SYMBOL
    }

    fn notes_at(&self) -> usize {
        self.symbol_at(self.symbol_count())
    }

    pub(crate) fn chunk(&self, index: u32) -> Option<ChunkRef<'_>> {
        (index < self.chunk_count()).then_some(ChunkRef { heads: self, index })
    }

    pub(crate) fn symbol(&self, index: u32) -> Option<SymbolRef<'_>> {
        (index < self.symbol_count()).then_some(SymbolRef { heads: self, index })
    }

    pub(crate) fn chunks(&self) -> impl Iterator<Item = ChunkRef<'_>> {
        (0..self.chunk_count()).map(|index| ChunkRef { heads: self, index })
    }

    pub(crate) fn symbols(&self) -> impl Iterator<Item = SymbolRef<'_>> {
        (0..self.symbol_count()).map(|index| SymbolRef { heads: self, index })
    }

    /// The symbols whose name has all of these letters.
    pub(crate) fn symbols_with(&self, wanted: Letters) -> impl Iterator<Item = SymbolRef<'_>> {
        let letters = self.letters.get_or_init(|| self.symbols().map(|symbol| Letters::of(symbol.name())).collect());
        let fitting = (0..).zip(letters).filter(move |(_, letters)| letters.contains(wanted));
        fitting.map(|(index, _)| SymbolRef { heads: self, index })
    }

    pub(crate) fn notes(&self) -> impl Iterator<Item = Note> + '_ {
        let at = self.notes_at();
        (0..u32_at(&self.records, 12) as usize).filter_map(move |index| {
            match u32_at(&self.records, at + index * NOTE) {
                1 => Some(Note::TimedOut),
                2 => Some(Note::TooLarge),
                3 => Some(Note::SyntaxErrors(u32_at(&self.records, at + index * NOTE + 4))),
                4 => Some(Note::TooDeep),
                5 => Some(Note::SetAside),
                _ => None,
            }
        })
    }
}

/// One chunk of a stored file.
#[derive(Clone, Copy, Debug)]
pub struct ChunkRef<'a> {
    heads: &'a Heads,
    index: u32,
}

impl<'a> ChunkRef<'a> {
    fn number(&self, field: usize) -> u32 {
        u32_at(&self.heads.records, Heads::chunk_at(self.index) + field * 4)
    }

    /// Its place among the chunks of the file.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Its bytes in the indexed text.
    pub fn span(&self) -> Span {
        Span { start: self.number(0), end: self.number(1) }
    }

    /// First and last line, numbered from 0, inclusive.
    pub fn lines(&self) -> (u32, u32) {
        (self.number(2), self.number(3))
    }

    /// Why it is cut as it is.
    pub fn kind(&self) -> ChunkKind {
        ChunkKind::from_number(self.number(5) as u8).unwrap_or(ChunkKind::Window)
    }

    /// The symbol it is or belongs to.
    pub fn symbol(&self) -> Option<SymbolRef<'a>> {
        self.heads.symbol(self.number(4))
    }

    /// As the core has it.
    pub fn to_chunk(&self) -> Chunk {
        let symbol = self.number(4);
        Chunk { span: self.span(), kind: self.kind(), symbol: (symbol != NONE).then_some(symbol) }
    }
}

/// One symbol of a stored file.
#[derive(Clone, Copy, Debug)]
pub struct SymbolRef<'a> {
    heads: &'a Heads,
    index: u32,
}

impl<'a> SymbolRef<'a> {
    fn number(&self, field: usize) -> u32 {
        u32_at(&self.heads.records, self.heads.symbol_at(self.index) + field * 4)
    }

    fn span_at(&self, field: usize) -> Span {
        Span { start: self.number(field), end: self.number(field + 1) }
    }

    fn byte(&self, offset: usize) -> u8 {
        self.heads.records.get(self.heads.symbol_at(self.index) + offset).copied().unwrap_or(0)
    }

    fn string(&self, field: usize) -> &'a str {
        let start = self.number(field) as usize;
        self.heads.strings.get(start..start + self.number(field + 1) as usize).unwrap_or("")
    }

    /// Its place among the symbols of the file.
    pub fn index(&self) -> u32 {
        self.index
    }

    /// The name as written, without its container.
    pub fn name(&self) -> &'a str {
        self.string(0)
    }

    /// Names of the enclosing symbols, or empty.
    pub fn container(&self) -> &'a str {
        self.string(2)
    }

    /// The whole definition.
    pub fn span(&self) -> Span {
        self.span_at(4)
    }

    /// The name alone.
    pub fn name_span(&self) -> Span {
        self.span_at(6)
    }

    /// From the definition's first word to where its body begins.
    pub fn signature(&self) -> Span {
        self.span_at(8)
    }

    /// The documentation.
    pub fn doc(&self) -> Option<Span> {
        let span = self.span_at(10);
        (span.start != NONE).then_some(span)
    }

    /// Index of the enclosing symbol in the same file.
    pub fn parent(&self) -> Option<u32> {
        let parent = self.number(12);
        (parent != NONE).then_some(parent)
    }

    /// What it is.
    pub fn kind(&self) -> SymbolKind {
        SymbolKind::from_number(self.byte(52)).unwrap_or(SymbolKind::Variable)
    }

    /// Who may name it.
    pub fn visibility(&self) -> Visibility {
        Visibility::from_number(self.byte(53)).unwrap_or(Visibility::Unknown)
    }

    /// Whether it is a test or belongs to one.
    pub fn is_test(&self) -> bool {
        self.byte(54) != 0
    }

    /// As the core has it.
    pub fn to_symbol(&self) -> Symbol {
        Symbol {
            name: self.name().into(),
            container: self.container().into(),
            kind: self.kind(),
            span: self.span(),
            name_span: self.name_span(),
            signature: self.signature(),
            doc: self.doc(),
            visibility: self.visibility(),
            test: self.is_test(),
            parent: self.parent(),
        }
    }
}
