//! The references of a file: names stored once, then one entry per mention as differences and varints.
//!
//! Layout: varint count of names, each a varint length and its bytes; varint count of entries, each: zigzag
//! difference of its start to the previous start, name number + 1 (0: no name, a varint length follows), kind byte,
//! enclosing symbol + 1 (0: none).

use conexus_core::{Reference, ReferenceKind, Span};
use foldhash::{HashMap, HashMapExt};

use super::Malformed;
use super::bytes::{Reader, put_varint, unzigzag, zigzag};

/// One mention with its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NamedReference<'a> {
    /// The mentioned name; empty when the span did not fit the text.
    pub name: &'a str,
    /// Where and how.
    pub reference: Reference,
}

/// All mentions in one file, ordered by start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReferences {
    names: Box<str>,
    entries: Vec<(u32, u32, Reference)>,
}

impl FileReferences {
    /// The mentions in a text, ordered by start.
    pub fn of(references: &[Reference], text: &str) -> Self {
        Self::decode(&encode(references, text)).unwrap_or_default()
    }

    /// Number of mentions.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is mentioned.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The mentions in order.
    pub fn iter(&self) -> impl Iterator<Item = NamedReference<'_>> {
        self.entries.iter().map(|&(start, end, reference)| NamedReference {
            name: self.names.get(start as usize..end as usize).unwrap_or(""),
            reference,
        })
    }

    /// Reads stored bytes.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let mut names = String::new();
        let mut ranges = Vec::new();
        for _ in 0..reader.varint()? {
            let length = usize::try_from(reader.varint()?).map_err(|_| Malformed)?;
            let name = std::str::from_utf8(reader.take(length)?).map_err(|_| Malformed)?;
            ranges.push((names.len() as u32, (names.len() + name.len()) as u32));
            names.push_str(name);
        }
        let count = reader.varint()?;
        let mut entries = Vec::with_capacity(count.min(bytes.len() as u64) as usize);
        let mut previous = 0i64;
        for _ in 0..count {
            previous = previous.checked_add(unzigzag(reader.varint()?)).ok_or(Malformed)?;
            let start = u32::try_from(previous).map_err(|_| Malformed)?;
            let name = reader.varint()?;
            let (range, length) = if name == 0 {
                ((0, 0), reader.varint_u32()?)
            } else {
                let range = *usize::try_from(name - 1).ok().and_then(|name| ranges.get(name)).ok_or(Malformed)?;
                (range, range.1 - range.0)
            };
            let kind = ReferenceKind::from_number(reader.byte()?).ok_or(Malformed)?;
            let within = reader.varint_u32()?.checked_sub(1);
            let span = Span { start, end: start.checked_add(length).ok_or(Malformed)? };
            entries.push((range.0, range.1, Reference { span, kind, within }));
        }
        if reader.is_empty() { Ok(Self { names: names.into(), entries }) } else { Err(Malformed) }
    }
}

/// Writes the references of a text.
pub(crate) fn encode(references: &[Reference], text: &str) -> Vec<u8> {
    let mut numbers: HashMap<&str, u64> = HashMap::new();
    let mut names = Vec::new();
    let mut entries = Vec::with_capacity(references.len() * 4);
    let mut previous = 0;
    for reference in references {
        let start = i64::from(reference.span.start);
        let length = reference.span.end.saturating_sub(reference.span.start);
        let name = reference.span.slice(text);
        put_varint(&mut entries, zigzag(start - previous));
        previous = start;
        if !name.is_empty() && name.len() == length as usize {
            let next = numbers.len() as u64 + 1;
            let number = *numbers.entry(name).or_insert_with(|| {
                put_varint(&mut names, name.len() as u64);
                names.extend_from_slice(name.as_bytes());
                next
            });
            put_varint(&mut entries, number);
        } else {
            put_varint(&mut entries, 0);
            put_varint(&mut entries, u64::from(length));
        }
        entries.push(reference.kind as u8);
        put_varint(&mut entries, reference.within.map_or(0, |within| u64::from(within) + 1));
    }
    let mut out = Vec::with_capacity(names.len() + entries.len() + 16);
    put_varint(&mut out, numbers.len() as u64);
    out.extend_from_slice(&names);
    put_varint(&mut out, references.len() as u64);
    out.extend_from_slice(&entries);
    out
}
