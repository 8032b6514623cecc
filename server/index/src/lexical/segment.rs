//! Writes tantivy segments from postings that were made elsewhere, by many threads.
//!
//! tantivy's own indexing takes documents and looks every token up in one large table. Here a file comes with its
//! postings (see [`Postings`]), so that only its distinct terms are looked up. The terms of all text fields are written
//! as one field (see [`document::schema`]), and without the bounds for tantivy's own BM25, which nothing here reads.

use conexus_core::vocabulary::{hash, same};
use tantivy::columnar::{ColumnType, ColumnarWriter};
use tantivy::directory::TerminatingWrite;
use tantivy::fieldnorm::FieldNormsSerializer;
use tantivy::index::{SegmentComponent, SegmentMeta};
use tantivy::postings::InvertedIndexSerializer;
use tantivy::store::StoreWriter;
use tantivy::{Index, TantivyDocument};

use super::Field;
use super::document::{self, SLOT};
use super::postings::{Posting, Postings};

/// Consecutive chunks that belong to one version of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileChunks {
    pub(crate) first_slot: u32,
    pub(crate) count: u32,
}

/// tantivy's code of a field's length of 1.
const ONE_TOKEN: u8 = 1;
/// A chunk that is not written.
const LEFT_OUT: u32 = u32::MAX;

/// The postings of a segment to come.
#[derive(Debug, Default)]
pub(super) struct SegmentBuilder {
    text: Vec<u8>,
    /// Where each term lies in `text`.
    terms: Vec<(u32, u32)>,
    /// Upper half of the hash, and term number + 1, by hash; open addressing, a power of two, at most half full.
    table: Vec<u64>,
    /// Runs of `entries`: their term and where they end.
    runs: Vec<(u32, u32)>,
    /// As in [`Postings`], with documents in place of chunks.
    entries: Vec<Posting>,
    norms: [Vec<u8>; 6],
    slots: Vec<u32>,
    /// The files with their first document.
    files: Vec<(FileChunks, u32)>,
    /// Scratch: document by chunk.
    documents: Vec<u32>,
    /// Scratch: hashes of a file's terms.
    hashes: Vec<u64>,
}

impl SegmentBuilder {
    /// Adds the chunks of the files, whose postings these are in this order; those that `keep` refuses are left out.
    pub(super) fn add(&mut self, postings: &Postings, files: &[FileChunks], keep: impl Fn(&FileChunks) -> bool) {
        self.documents.clear();
        for file in files {
            let first = self.slots.len() as u32;
            if keep(file) {
                self.slots.extend(file.first_slot..file.first_slot + file.count);
                self.documents.extend(first..first + file.count);
                self.files.push((*file, first));
            } else {
                self.documents.extend((0..file.count).map(|_| LEFT_OUT));
            }
        }
        for (chunk, document) in self.documents.iter().enumerate() {
            if *document != LEFT_OUT {
                for (field, norms) in self.norms.iter_mut().enumerate() {
                    norms.push(postings.norm(chunk, field));
                }
            }
        }
        self.hashes.clear();
        self.hashes.extend(postings.iter().map(|(text, _)| hash(text)));
        if let Some(mask) = self.table.len().checked_sub(1) {
            // The table is larger than the caches: its parts are fetched side by side, not one after the other.
            let seen = self.hashes.iter().fold(0, |seen, &hash| seen ^ self.table[hash as usize & mask]);
            std::hint::black_box(seen);
        }
        for (at, (text, entries)) in postings.iter().enumerate() {
            let before = self.entries.len();
            let documents = &self.documents;
            self.entries.extend(entries.iter().filter_map(|posting| {
                let document = documents[posting.chunk()];
                (document != LEFT_OUT).then(|| posting.of_chunk(document))
            }));
            if self.entries.len() > before {
                let term = self.number_of(text, self.hashes[at]);
                self.runs.push((term, self.entries.len() as u32));
            }
        }
    }

    /// Bytes of memory that it takes at most, once it is written.
    pub(super) fn bytes(&self) -> usize {
        self.entries.len() * 16 + self.runs.len() * 8 + self.text.len() + self.terms.len() * 56 + self.slots.len() * 12
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    fn number_of(&mut self, text: &[u8], hash: u64) -> u32 {
        if self.terms.len() * 2 >= self.table.len() {
            self.grow();
        }
        let mask = self.table.len() - 1;
        let upper = hash & !0xffff_ffff;
        let mut at = hash as usize & mask;
        while self.table[at] != 0 {
            let entry = self.table[at];
            if entry & !0xffff_ffff == upper {
                let number = entry as u32 - 1;
                if same(self.term(number), text) {
                    return number;
                }
            }
            at = (at + 1) & mask;
        }
        let number = self.terms.len() as u32;
        self.table[at] = upper | u64::from(number + 1);
        self.terms.push((self.text.len() as u32, text.len() as u32));
        self.text.extend_from_slice(text);
        number
    }

    fn term(&self, number: u32) -> &[u8] {
        let (start, length) = self.terms[number as usize];
        &self.text[start as usize..(start + length) as usize]
    }

    fn grow(&mut self) {
        let mask = (self.table.len() * 2).max(1 << 12) - 1;
        let mut table = vec![0; mask + 1];
        for number in 0..self.terms.len() as u32 {
            let hash = hash(self.term(number));
            let mut at = hash as usize & mask;
            while table[at] != 0 {
                at = (at + 1) & mask;
            }
            table[at] = hash & !0xffff_ffff | u64::from(number + 1);
        }
        self.table = table;
    }

    /// Writes everything as a segment of the index, which does not show it yet, and is empty afterwards.
    pub(super) fn write(&mut self, index: &Index) -> tantivy::Result<SegmentMeta> {
        let this = std::mem::take(self);
        let segment = index.new_segment();
        let schema = index.schema();
        let documents = this.slots.len() as u32;

        let mut norms = FieldNormsSerializer::from_write(segment.open_write(SegmentComponent::FieldNorms)?)?;
        for field in Field::ALL {
            norms.serialize_field(document::text_field(field), &this.norms[field as usize])?;
        }
        if schema.get_field_entry(document::file_field()).has_fieldnorms() {
            norms.serialize_field(document::file_field(), &vec![ONE_TOKEN; documents as usize])?;
        }
        norms.close()?;

        let mut columns = ColumnarWriter::default();
        columns.record_column_type(SLOT, ColumnType::U64, false);
        for (document, &slot) in this.slots.iter().enumerate() {
            columns.record_numerical(document as u32, SLOT, u64::from(slot));
        }
        let mut out = segment.open_write(SegmentComponent::FastFields)?;
        columns.serialize(documents, None, &mut out)?;
        out.terminate()?;
        drop(columns);

        // Nothing is stored, but tantivy's merge expects as many documents in the store.
        let settings = index.settings();
        let out = segment.open_write(SegmentComponent::Store)?;
        let compression = settings.docstore_compression;
        let mut store = StoreWriter::new(out, compression, settings.docstore_blocksize, false)?;
        let empty = TantivyDocument::default();
        for _ in 0..documents {
            store.store(&empty, &schema)?;
        }
        store.close()?;

        let mut out = InvertedIndexSerializer::open(&segment)?;
        this.write_terms(&mut out)?;
        out.close()?;
        Ok(segment.with_max_doc(documents).meta().clone())
    }

    fn write_terms(mut self, out: &mut InvertedIndexSerializer) -> tantivy::Result<()> {
        self.table = Vec::new();
        let prefix = |text: &[u8]| {
            let mut bytes = [0; 8];
            let length = text.len().min(8);
            bytes[..length].copy_from_slice(&text[..length]);
            u64::from_be_bytes(bytes)
        };
        let mut order: Vec<(u64, u32)> =
            (0..self.terms.len() as u32).map(|number| (prefix(self.term(number)), number)).collect();
        order.sort_unstable_by(|left, right| {
            left.0.cmp(&right.0).then_with(|| self.term(left.1).cmp(self.term(right.1)))
        });
        // Where the postings of each term in each field begin, by the term's place in the order.
        let mut places = vec![0u32; order.len()];
        for (place, &(_, number)) in order.iter().enumerate() {
            places[number as usize] = place as u32 * 6;
        }
        let mut starts = vec![0u32; order.len() * 6 + 1];
        let mut tokens = 0;
        let mut from = 0;
        for &(term, end) in &self.runs {
            let place = places[term as usize] as usize;
            for posting in &self.entries[from..end as usize] {
                starts[place + posting.field() + 1] += 1;
                tokens += u64::from(posting.frequency);
            }
            from = end as usize;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut sorted = vec![(0u32, 0u32); self.entries.len()];
        let mut next = starts.clone();
        from = 0;
        for &(term, end) in &self.runs {
            let place = places[term as usize] as usize;
            for posting in &self.entries[from..end as usize] {
                let at = &mut next[place + posting.field()];
                sorted[*at as usize] = (posting.chunk() as u32, posting.frequency);
                *at += 1;
            }
            from = end as usize;
        }
        drop((next, places));
        self.entries = Vec::new();
        self.runs = Vec::new();
        let mut serializer = out.new_field(document::terms_field(), tokens, None)?;
        for (starts, &(_, term)) in starts.windows(7).step_by(6).zip(&order) {
            let mut key = document::key(self.term(term), 0);
            for (field, range) in (0..).zip(starts.windows(2)) {
                let postings = &sorted[range[0] as usize..range[1] as usize];
                if postings.is_empty() {
                    continue;
                }
                if let Some(last) = key.last_mut() {
                    *last = field;
                }
                serializer.new_term(&key, postings.len() as u32, true)?;
                for &(document, frequency) in postings {
                    serializer.write_doc(document, frequency, &[]);
                }
                serializer.close_term()?;
            }
        }
        serializer.close()?;
        self.files.sort_unstable_by_key(|(file, _)| file.first_slot);
        let mut serializer = out.new_field(document::file_field(), self.slots.len() as u64, None)?;
        for (file, first) in self.files.iter().filter(|(file, _)| file.count > 0) {
            let term = document::file_term(file.first_slot);
            serializer.new_term(term.serialized_value_bytes(), file.count, false)?;
            for document in *first..first + file.count {
                serializer.write_doc(document, 1, &[]);
            }
            serializer.close_term()?;
        }
        serializer.close()?;
        Ok(())
    }
}
