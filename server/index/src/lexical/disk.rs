//! The part of the lexical index that tantivy keeps on disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use tantivy::directory::META_LOCK;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::{SegmentId, SegmentMeta};
use tantivy::indexer::NoMergePolicy;
use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{Directory, Index, IndexSettings, IndexWriter, InvertedIndexReader, SegmentReader};

use super::Field;
use super::directory::Folder;
use super::document;
use super::postings::Postings;
use super::segment::{FileChunks, SegmentBuilder};
use crate::{Error, Result};

/// tantivy refuses to work with less.
const LEAST_HEAP: usize = 15_000_000;

/// Which state of the catalog a cache shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Which catalog: changes when it is created or renumbered.
    pub(crate) epoch: u64,
    /// Its generation.
    pub(crate) generation: u64,
}

impl Stamp {
    fn to_payload(self) -> String {
        format!("1 {:x} {}", self.epoch, self.generation)
    }

    fn from_payload(payload: &str) -> Option<Self> {
        let mut parts = payload.split(' ');
        let ("1", epoch, generation) = (parts.next()?, parts.next()?, parts.next()?) else { return None };
        Some(Self { epoch: u64::from_str_radix(epoch, 16).ok()?, generation: generation.parse().ok()? })
    }
}

/// The tantivy index in a folder.
#[derive(Clone)]
pub(crate) struct Disk {
    folder: PathBuf,
    index: Index,
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Disk").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Disk {
    /// Opens what is there; fails when it is not one of ours or damaged.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        // A damaged segment can make tantivy panic where it trusts its own files.
        let opened = std::panic::catch_unwind(|| -> tantivy::Result<Index> {
            let index = Index::open(Folder::open(folder)?)?;
            if index.schema() != document::schema() {
                return Err(tantivy::TantivyError::SchemaError("the index has other fields".into()));
            }
            Ok(index)
        });
        match opened {
            Ok(Ok(index)) => Ok(Self { folder: folder.to_path_buf(), index }),
            Ok(Err(error)) => Err(failed(folder, error)),
            Err(_) => Err(Error::Lexical { path: folder.to_path_buf(), reason: "its files are damaged".into() }),
        }
    }

    /// Makes an empty one in place of whatever is there.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        match std::fs::remove_dir_all(folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(folder, error)),
            _ => {}
        }
        // Not what it lies in: an index that is deleted meanwhile is not to be made again in part.
        std::fs::create_dir(folder).map_err(|error| Error::io(folder, error))?;
        let settings = IndexSettings {
            docstore_compression: tantivy::store::Compressor::None,
            docstore_compress_dedicated_thread: false,
            ..IndexSettings::default()
        };
        let directory = Folder::open(folder).map_err(|error| failed(folder, error.into()))?;
        let index = Index::create(directory, document::schema(), settings).map_err(|error| failed(folder, error))?;
        Ok(Self { folder: folder.to_path_buf(), index })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The state it shows; `None` when it was never written.
    pub(crate) fn stamp(&self) -> Result<Option<Stamp>> {
        let meta = self.index.load_metas().map_err(|error| failed(&self.folder, error))?;
        Ok(meta.payload.as_deref().and_then(Stamp::from_payload))
    }

    /// Loads what was committed last.
    pub(crate) fn segments(&self) -> Result<Segments> {
        let loaded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| -> tantivy::Result<Segments> {
            // What joins segments, in another process perhaps, deletes none meanwhile.
            let _lock = self.index.directory().acquire_lock(&META_LOCK)?;
            let segments = self.index.searchable_segments()?;
            let segments = segments.iter().map(|segment| Segment::load(&SegmentReader::open(segment)?));
            let segments = segments.collect::<tantivy::Result<Vec<_>>>()?;
            Ok(Segments { segments, folder: self.folder.clone() })
        }));
        match loaded {
            Ok(result) => result.map_err(|error| failed(&self.folder, error)),
            Err(_) => Err(Error::Lexical { path: self.folder.clone(), reason: "its files are damaged".into() }),
        }
    }

    /// A writer that merges nothing by itself and gathers about `heap` bytes before it writes a segment.
    pub(crate) fn writer(&self, heap: usize) -> Result<DiskWriter> {
        // tantivy's own thread has nothing to do: it gets whole segments.
        let options = tantivy::indexer::IndexWriterOptions::builder()
            .memory_budget_per_thread(LEAST_HEAP)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer: IndexWriter =
            self.index.writer_with_options(options).map_err(|error| failed(&self.folder, error))?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        // A writer that was killed before its commit left files whose names this one would use again.
        writer.garbage_collect_files().wait().map_err(|error| failed(&self.folder, error))?;
        let gathering = Gathering { index: self.index.clone(), heap, builder: SegmentBuilder::default() };
        Ok(DiskWriter { folder: self.folder.clone(), writer, gathering })
    }

    /// Bytes on disk.
    pub(crate) fn bytes(&self) -> u64 {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return 0 };
        entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
    }
}

/// Gathers postings and writes a segment whenever it has enough.
pub(crate) struct Gathering {
    index: Index,
    heap: usize,
    builder: SegmentBuilder,
}

impl Gathering {
    /// Adds the chunks of files; gives the segment that became full, if any.
    pub(crate) fn add(
        &mut self,
        postings: &Postings,
        files: &[FileChunks],
        keep: impl Fn(&FileChunks) -> bool,
    ) -> tantivy::Result<Vec<SegmentMeta>> {
        self.builder.add(postings, files, keep);
        if self.builder.bytes() < self.heap { Ok(Vec::new()) } else { self.finish() }
    }

    /// Writes what is left.
    pub(crate) fn finish(&mut self) -> tantivy::Result<Vec<SegmentMeta>> {
        if self.builder.is_empty() {
            return Ok(Vec::new());
        }
        self.builder.write(&self.index).map(|meta| vec![meta])
    }
}

/// Writes to a [`Disk`].
pub(crate) struct DiskWriter {
    folder: PathBuf,
    writer: IndexWriter,
    gathering: Gathering,
}

impl std::fmt::Debug for DiskWriter {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DiskWriter").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Segments that a flush leaves as they are.
pub(super) const LEFT_BY_FLUSH: usize = 5;

/// Segments that a bulk load leaves as they are. Nobody waits for a flush, but somebody does for a load, at whose end one
/// thread joins alone: 0.95 s of 7.3 s for six segments of 109,409 chunks (2026-11-21). What is left is joined by a later flush.
pub(super) const LEFT_BY_LOAD: usize = 12;

impl DiskWriter {
    /// Adds the chunks of files, whose postings these are; those that `keep` refuses are left out.
    pub(crate) fn add(
        &mut self,
        postings: &Postings,
        files: &[FileChunks],
        keep: impl Fn(&FileChunks) -> bool,
    ) -> Result<()> {
        let written = self.gathering.add(postings, files, keep);
        self.adopt(written)
    }

    /// Takes over segments that were gathered elsewhere.
    pub(crate) fn adopt(&self, segments: tantivy::Result<Vec<SegmentMeta>>) -> Result<()> {
        let added =
            segments.and_then(|segments| segments.into_iter().try_for_each(|meta| self.writer.add_segment(meta)));
        added.map_err(|error| failed(&self.folder, error))
    }

    /// What gathers postings for this index on another thread.
    pub(crate) fn gathering(&self) -> Gathering {
        let Gathering { index, heap, .. } = &self.gathering;
        Gathering { index: index.clone(), heap: *heap, builder: SegmentBuilder::default() }
    }

    /// Marks all chunks of a file version as gone.
    pub(crate) fn remove(&self, first_slot: u32) {
        self.writer.delete_term(document::file_term(first_slot));
    }

    /// Makes all that was added durable, as a whole.
    pub(crate) fn commit(&mut self, stamp: Stamp) -> Result<()> {
        let written = self.gathering.finish();
        self.adopt(written)?;
        let folder = &self.folder;
        let mut prepared = self.writer.prepare_commit().map_err(|error| failed(folder, error))?;
        prepared.set_payload(&stamp.to_payload());
        prepared.commit().map_err(|error| failed(folder, error))?;
        Ok(())
    }

    /// Joins small segments until each is more than twice as large as the next, so that there are at most
    /// log2(chunks / 2,000) of them and each chunk is copied about as often. As many as `left_alone` stay whatever their
    /// sizes: joining them saves a query some microseconds. `true` when segments were joined.
    pub(crate) fn tidy(&mut self, left_alone: usize) -> Result<bool> {
        let metas = self.writer.index().searchable_segment_metas().map_err(|error| failed(&self.folder, error))?;
        let mut sizes: Vec<(u32, u32, SegmentId)> =
            metas.iter().map(|meta| (meta.num_docs(), meta.num_deleted_docs(), meta.id())).collect();
        sizes.sort_unstable_by_key(|&(live, _, _)| std::cmp::Reverse(live));
        // The longest tail of segments of which some one is under twice the sum of those after it.
        let mut after = 0u64;
        let mut from = sizes.len();
        for (at, &(live, dead, _)) in sizes.iter().enumerate().rev() {
            let joins = at + 1 < sizes.len() && u64::from(live) < 2 * after;
            if joins || dead > live {
                from = at;
            }
            after += u64::from(live);
        }
        let mostly_dead = sizes.iter().any(|&(live, dead, _)| dead > live);
        if sizes.len() <= left_alone && !mostly_dead {
            return Ok(false);
        }
        let ids: Vec<SegmentId> = sizes[from..].iter().map(|&(_, _, id)| id).collect();
        if ids.is_empty() {
            return Ok(false);
        }
        self.writer.merge(&ids).wait().map_err(|error| failed(&self.folder, error))?;
        self.writer.garbage_collect_files().wait().map_err(|error| failed(&self.folder, error))?;
        Ok(true)
    }

    /// Ends the writer's threads.
    pub(crate) fn close(self) -> Result<()> {
        let folder = self.folder;
        self.writer.wait_merging_threads().map_err(|error| failed(&folder, error))
    }
}

fn failed(folder: &Path, error: tantivy::TantivyError) -> Error {
    match error {
        tantivy::TantivyError::IoError(source) => {
            let kind = source.kind();
            Error::io(folder, std::io::Error::new(kind, source))
        }
        other => Error::Lexical { path: folder.to_path_buf(), reason: other.to_string() },
    }
}

/// The loaded segments, immutable.
pub(crate) struct Segments {
    segments: Vec<Segment>,
    folder: PathBuf,
}

impl std::fmt::Debug for Segments {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Segments").field("count", &self.segments.len()).finish_non_exhaustive()
    }
}

impl Segments {
    /// No segment at all.
    pub(crate) fn none(folder: &Path) -> Self {
        Self { segments: Vec::new(), folder: folder.to_path_buf() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Segment> {
        self.segments.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.segments.len()
    }

    pub(crate) fn failed(&self, error: std::io::Error) -> Error {
        Error::io(&self.folder, error)
    }
}

/// One segment with what scoring needs of it at hand.
pub(crate) struct Segment {
    /// The terms of all text fields, by [`document::key`].
    inverted: Arc<InvertedIndexReader>,
    pub(super) norms: [FieldNormReader; 6],
    /// Slot by document.
    pub(super) slots: Vec<u32>,
    /// Where each ascending run of `slots` begins: one, or as many as segments were joined out of order.
    runs: Vec<u32>,
}

/// Makes an error of a panic: tantivy trusts its own files, and those of a segment are not read whole when it is loaded.
fn guarded<T>(look: impl FnOnce() -> std::io::Result<T>) -> std::io::Result<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(look)).unwrap_or_else(|_| {
        Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the lexical index is damaged, build it anew"))
    })
}

impl Segment {
    fn load(reader: &SegmentReader) -> tantivy::Result<Self> {
        let mut norms = Vec::with_capacity(6);
        for field in Field::ALL {
            norms.push(reader.get_fieldnorms_reader(document::text_field(field))?);
        }
        let wrong = || tantivy::TantivyError::SchemaError("six text fields expected".into());
        let column = reader.fast_fields().u64(document::SLOT)?.first_or_default_col(u64::from(u32::MAX));
        let mut slots = Vec::with_capacity(reader.max_doc() as usize);
        let mut buffer = [0; 1024];
        while slots.len() < reader.max_doc() as usize {
            let count = (reader.max_doc() as usize - slots.len()).min(buffer.len());
            column.get_range(slots.len() as u64, &mut buffer[..count]);
            slots.extend(buffer[..count].iter().map(|&slot| slot as u32));
        }
        Ok(Self {
            inverted: reader.inverted_index(document::terms_field())?,
            norms: norms.try_into().map_err(|_| wrong())?,
            runs: std::iter::once(0)
                .chain((1..slots.len() as u32).filter(|&at| slots[at as usize] < slots[at as usize - 1]))
                .collect(),
            slots,
        })
    }

    /// Where the postings of a term lie, by field.
    pub(crate) fn find(&self, term: &[u8]) -> std::io::Result<[Option<TermInfo>; 6]> {
        guarded(|| {
            let mut found = [const { None }; 6];
            let range = self.inverted.terms().range();
            let mut stream = range.ge(document::key(term, 0)).lt(document::key(term, 6)).into_stream()?;
            while stream.advance() {
                if let Some((_, field)) = document::term_of(stream.key())
                    && let Some(found) = found.get_mut(field)
                {
                    *found = Some(stream.value().clone());
                }
            }
            Ok(found)
        })
    }

    /// Where the postings of a term in one field lie.
    pub(crate) fn find_in(&self, term: &[u8], field: Field) -> std::io::Result<Option<TermInfo>> {
        guarded(|| self.inverted.terms().get(document::key(term, field as u8)))
    }

    /// The postings that lie there.
    pub(crate) fn postings(&self, at: &TermInfo, option: IndexRecordOption) -> std::io::Result<BlockSegmentPostings> {
        guarded(|| self.inverted.read_block_postings_from_terminfo(at, option))
    }

    /// The terms of a field that begin with a text.
    pub(crate) fn terms_with_prefix(&self, prefix: &str, field: Field) -> std::io::Result<Vec<Vec<u8>>> {
        let mut end = prefix.as_bytes().to_vec();
        // Terms are UTF-8, in which no byte is 255.
        end.push(u8::MAX);
        guarded(|| {
            let mut stream = self.inverted.terms().range().ge(prefix).lt(end).into_stream()?;
            let mut found = Vec::new();
            while stream.advance() {
                if let Some((term, of)) = document::term_of(stream.key())
                    && of == field as usize
                {
                    found.push(term.to_vec());
                }
            }
            Ok(found)
        })
    }

    /// The documents that have the slots `first..first + count`.
    pub(crate) fn documents_of(&self, first: u32, count: u32) -> impl Iterator<Item = u32> + '_ {
        let end = first.saturating_add(count);
        let bounds = self.runs.iter().copied().zip(self.runs.iter().copied().skip(1).chain([self.slots.len() as u32]));
        bounds.flat_map(move |(from, to)| {
            let run = &self.slots[from as usize..to as usize];
            let place = |slot| from + run.partition_point(|&other| other < slot) as u32;
            place(first)..place(end)
        })
    }

    /// Lengths of the fields of a document, as tantivy rounds them.
    pub(crate) fn lengths(&self, document: u32) -> [u64; 6] {
        std::array::from_fn(|field| u64::from(self.norms[field].fieldnorm(document)))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use conexus_core::{Chunk, ChunkKind, FileAnalysis, Language, Span};

    use super::*;
    use crate::lexical::postings::Source;

    /// The middle of a dictionary is not looked at when a segment is loaded.
    #[test]
    fn a_dictionary_that_is_damaged_inside_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::create(folder.path()).unwrap();
        let mut writer = disk.writer(LEAST_HEAP).unwrap();
        let terms: Vec<String> = (0..3_000).map(|number| format!("word{number}a")).collect();
        let text = terms.join(" ");
        let mut analysis = FileAnalysis::empty(Language::TEXT);
        analysis.chunks.push(Chunk { span: Span::new(0, text.len()), kind: ChunkKind::Window, symbol: None });
        let source = Source { path: "a.txt".into(), text: text.into(), analysis };
        writer.add(&Postings::of(&source), &[FileChunks { first_slot: 0, count: 1 }], |_| true).unwrap();
        writer.commit(Stamp { epoch: 1, generation: 1 }).unwrap();
        writer.close().unwrap();
        let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let dictionary =
            files.into_iter().find(|path| path.extension().is_some_and(|ending| ending == "term")).unwrap();
        let whole = std::fs::read(&dictionary).unwrap();

        let found_and_failed = |damage: &[u8]| {
            std::fs::write(&dictionary, damage).unwrap();
            let segments = Disk::open(folder.path()).unwrap().segments().unwrap();
            let segment = segments.iter().next().unwrap();
            let looks = terms.iter().map(|term| {
                let found = segment.find(term.as_bytes())?;
                let [at, ..] = &found;
                at.as_ref().map(|at| segment.postings(at, IndexRecordOption::WithFreqs)).transpose()
            });
            let looks: Vec<std::io::Result<Option<_>>> = looks.collect();
            let found = looks.iter().filter(|look| matches!(look, Ok(Some(_)))).count();
            (found, looks.iter().filter(|look| look.is_err()).count())
        };
        assert_eq!(found_and_failed(&whole), (terms.len(), 0));
        let mut damaged = whole.clone();
        damaged[whole.len() / 4..whole.len() / 2].fill(0xff);
        let (found, failed) = found_and_failed(&damaged);
        assert!(failed > 0 && found < terms.len(), "{found} found, {failed} failed");
    }

    /// Whoever closes a writer has what it was asked to join: nothing goes on in a folder that others may open now.
    #[test]
    fn a_merge_that_goes_on_ends_before_the_writer_is_closed() {
        const LINES: u32 = 2_000;
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::create(folder.path()).unwrap();
        let mut writer = disk.writer(LEAST_HEAP).unwrap();
        for part in 0..4 {
            let mut analysis = FileAnalysis::empty(Language::TEXT);
            let mut text = String::new();
            for line in 0..LINES {
                let start = text.len();
                let _ = writeln!(text, "word{line} part{part} other{}", line * 7 + part);
                let span = Span::new(start, text.len());
                analysis.chunks.push(Chunk { span, kind: ChunkKind::Window, symbol: None });
            }
            let source = Source { path: format!("{part}.txt").into(), text: text.into(), analysis };
            let file = FileChunks { first_slot: part * LINES, count: LINES };
            writer.add(&Postings::of(&source), &[file], |_| true).unwrap();
            writer.commit(Stamp { epoch: 1, generation: u64::from(part) }).unwrap();
        }
        let ids = disk.index.searchable_segment_ids().unwrap();
        assert_eq!(ids.len(), 4);
        // Nobody waits for it.
        drop(writer.writer.merge(&ids));
        writer.close().unwrap();
        let files = || {
            let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
            names.collect::<std::collections::BTreeSet<_>>()
        };
        let closed = files();
        let segments = Disk::open(folder.path()).unwrap().segments().unwrap();
        assert_eq!(segments.iter().map(|segment| segment.slots.len()).collect::<Vec<_>>(), [4 * LINES as usize]);
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert_eq!(files(), closed, "something still writes");
        disk.writer(LEAST_HEAP).unwrap().close().unwrap();
    }
}
