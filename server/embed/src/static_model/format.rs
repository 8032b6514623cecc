//! The file of a static model: header, sections, look-up of a token. Nothing is decoded when it is opened.
//!
//! All numbers are little endian. The header is followed by seven sections, each padded to a multiple of 64 bytes;
//! `server/embed/model/README.md` is the full description.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest, Sha256};

use super::lookup::{Lookup, hash};

const MAGIC: &[u8; 8] = b"CNXEMB01";
const VERSION: u32 = 1;
const HEADER: usize = 128;
const HASH: Range<usize> = 40..72;
const ALIGNMENT: usize = 64;
const EMPTY: u32 = u32::MAX;

/// Number of fields that have a weight: name, path and container, body, query.
pub(super) const FIELDS: usize = 4;

/// Largest accepted dimension; a row of sums of this length lives on the stack.
pub(super) const MAX_DIMENSION: usize = 1024;

static NEXT_IDENTITY: AtomicU64 = AtomicU64::new(0);

/// A model file whose sections are known to lie inside it.
pub(super) struct Table {
    /// Another for each table of the process.
    pub(super) identity: u64,
    bytes: Cow<'static, [u8]>,
    pub(super) dimension: usize,
    pub(super) tokens: usize,
    bits: u32,
    field_weights: Range<usize>,
    document_weights: Range<usize>,
    query_weights: Range<usize>,
    scales: Range<usize>,
    offsets: Range<usize>,
    vocabulary: Range<usize>,
    slots: Range<usize>,
    rows: Range<usize>,
    lookup: OnceLock<Lookup>,
}

impl Table {
    /// Reads the header and checks that the sections fit the file. Costs microseconds whatever the size.
    pub(super) fn parse(bytes: Cow<'static, [u8]>) -> Result<Self, String> {
        if bytes.len() < HEADER {
            return Err(format!("it has {} bytes, a header alone has {HEADER}", bytes.len()));
        }
        if &bytes[..8] != MAGIC {
            return Err("it does not begin with CNXEMB01".to_owned());
        }
        let field = |index: usize| read_u32(&bytes, 8 + 4 * index);
        let version = field(0);
        if version != VERSION {
            return Err(format!("its format version is {version}, this program reads version {VERSION}"));
        }
        let [dimension, tokens, fields] = [1, 2, 3].map(|index| field(index) as usize);
        let flags = field(4);
        let vocabulary_length = field(5) as usize;
        let bits = field(6);
        if dimension == 0 || dimension > MAX_DIMENSION {
            return Err(format!("its dimension {dimension} is not between 1 and {MAX_DIMENSION}"));
        }
        if fields != FIELDS {
            return Err(format!("it has weights for {fields} fields instead of {FIELDS}"));
        }
        if flags != 0 {
            return Err(format!("it has unknown flags {flags:#x}"));
        }
        if bits == 0 || bits > 23 || tokens == 0 || tokens >= 1 << bits {
            return Err(format!("{tokens} tokens do not fit a table of 2^{bits} slots"));
        }
        let mut end = HEADER;
        let mut section = |length: usize| {
            let start = end;
            end = (start + length).next_multiple_of(ALIGNMENT);
            start..start + length
        };
        let field_weights = section(4 * FIELDS);
        let document_weights = section(4 * tokens);
        let query_weights = section(4 * tokens);
        let scales = section(4 * tokens);
        let vocabulary_section = section(4 * (tokens + 1) + vocabulary_length);
        let slots = section(4 << bits);
        let rows = section(tokens * dimension);
        if end != bytes.len() {
            return Err(format!("its header describes {end} bytes, it has {}", bytes.len()));
        }
        let middle = vocabulary_section.start + 4 * (tokens + 1);
        Ok(Self {
            identity: NEXT_IDENTITY.fetch_add(1, Ordering::Relaxed),
            dimension,
            tokens,
            bits,
            field_weights,
            document_weights,
            query_weights,
            scales,
            offsets: vocabulary_section.start..middle,
            vocabulary: middle..vocabulary_section.end,
            slots,
            rows,
            bytes,
            lookup: OnceLock::new(),
        })
    }

    /// SHA-256 of everything after the header, as the header states it.
    pub(super) fn stated_hash(&self) -> &[u8] {
        &self.bytes[HASH]
    }

    /// Reads the whole file and checks everything that look-ups rely on.
    pub(super) fn verify(&self) -> Result<(), String> {
        let actual = Sha256::digest(&self.bytes[HEADER..]);
        if actual.as_slice() != self.stated_hash() {
            return Err("its checksum does not match its content".to_owned());
        }
        for index in 0..FIELDS {
            check_number("field weight", index, self.field_weight(index))?;
        }
        let mut previous: &[u8] = &[];
        for index in 0..self.tokens {
            check_number("document weight", index, self.document_weight(index as u32))?;
            check_number("query weight", index, self.query_weight(index as u32))?;
            check_number("row scale", index, self.scale(index as u32))?;
            let start = read_u32(&self.bytes, self.offsets.start + 4 * index) as usize;
            let end = read_u32(&self.bytes, self.offsets.start + 4 * index + 4) as usize;
            if start > end || end > self.vocabulary.len() {
                return Err(format!("token {index} has no text"));
            }
            let token = self.token(index as u32);
            if token <= previous {
                return Err(format!("token {index} is empty or out of order"));
            }
            if !self.is_found(index as u32) {
                return Err(format!("token {index} is not found by its text"));
            }
            previous = token;
        }
        let mut used = 0;
        for slot in 0..1_usize << self.bits {
            let id = read_u32(&self.bytes, self.slots.start + 4 * slot);
            if id != EMPTY {
                used += 1;
                if id as usize >= self.tokens {
                    return Err(format!("slot {slot} names token {id} of {}", self.tokens));
                }
            }
        }
        if used != self.tokens {
            return Err(format!("{used} slots are used for {} tokens", self.tokens));
        }
        Ok(())
    }

    pub(super) fn field_weight(&self, index: usize) -> f32 {
        read_f32(&self.bytes, self.field_weights.start + 4 * index)
    }

    pub(super) fn document_weight(&self, token: u32) -> f32 {
        read_f32(&self.bytes, self.document_weights.start + 4 * token as usize)
    }

    pub(super) fn query_weight(&self, token: u32) -> f32 {
        read_f32(&self.bytes, self.query_weights.start + 4 * token as usize)
    }

    pub(super) fn scale(&self, token: u32) -> f32 {
        read_f32(&self.bytes, self.scales.start + 4 * token as usize)
    }

    pub(super) fn row(&self, token: u32) -> &[i8] {
        let start = self.rows.start + token as usize * self.dimension;
        bytemuck::cast_slice(&self.bytes[start..start + self.dimension])
    }

    /// The number of the token with this text, whose hash is `hash`.
    pub(super) fn find(&self, text: &[u8], hash: u64) -> Option<u32> {
        self.lookup.get_or_init(|| Lookup::new(self)).find(self, text, hash)
    }

    /// Whether the file's own table finds a token: slots are the top bits of FNV-1a, the next free one is taken.
    fn is_found(&self, id: u32) -> bool {
        let mask = (1_usize << self.bits) - 1;
        let first = (hash(self.token(id)) >> (64 - self.bits)) as usize;
        let probes = (first..=first + mask).map(|slot| read_u32(&self.bytes, self.slots.start + 4 * (slot & mask)));
        probes.take_while(|&found| found != EMPTY).any(|found| found == id)
    }

    /// The text of a token.
    pub(super) fn token(&self, id: u32) -> &[u8] {
        let at = self.offsets.start + 4 * id as usize;
        let start = read_u32(&self.bytes, at) as usize;
        let end = read_u32(&self.bytes, at + 4) as usize;
        self.bytes[self.vocabulary.clone()].get(start..end).unwrap_or_default()
    }
}

fn check_number(what: &str, index: usize, value: f32) -> Result<(), String> {
    if value.abs() < 1e6 { Ok(()) } else { Err(format!("{what} {index} is {value}")) }
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(word)
}

fn read_f32(bytes: &[u8], at: usize) -> f32 {
    f32::from_bits(read_u32(bytes, at))
}
