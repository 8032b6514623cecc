//! Quoted text: which chunks hold it to the letter. Words say where to look; the files' texts decide.
//!
//! It is looked for where its words stand. Only a text that is found nowhere so may begin and end inside words: it is looked
//! for where the words between stand, or everywhere when there are none. Of more files than are read, those are whose chunks
//! score best by all words of the query. What was not read may hold the text as well, which is said.

use std::{
    collections::{HashMap, HashSet},
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use conexus_core::Notice;
use conexus_index::{FileEntry, IndexSnapshot, LexicalSearch, SlotSet, tokenizer};

use super::{Searcher, Shape, Understanding, candidates::Candidate};
use crate::Result;

/// Files read for the quoted texts of a query at the most, and bytes of them, see `docs/quality.md` for the time.
const MOST_FILES: usize = 500;
const MOST_BYTES: u64 = 8 << 20;
/// Chunks that choose them, best first: a file has several.
const MOST_CHUNKS: usize = 8 * MOST_FILES;
/// Threads that read, and files that are worth one.
const THREADS: usize = 8;
const FILES_PER_THREAD: usize = 64;

/// Where the quoted texts of a query stand.
#[derive(Default)]
pub(super) struct Quoted {
    /// For each text the chunks that hold it.
    held: Vec<SlotSet>,
    /// For each text the chunks that may hold it and were not read.
    unread: Vec<SlotSet>,
    /// What the answer has to say.
    pub(super) notice: Option<Notice>,
}

impl Quoted {
    /// Looks for what is quoted among the allowed chunks. Cancelled, it knows what it has found and says nothing.
    pub(super) fn of(
        searcher: &Searcher<'_>,
        understanding: &Understanding,
        lexical: &LexicalSearch<'_>,
        allowed: Option<&SlotSet>,
        cancel: &AtomicBool,
    ) -> Result<Self> {
        let texts = &understanding.quoted;
        let mut reading = Reading {
            searcher,
            texts,
            lexical,
            allowed,
            cancel,
            read: HashMap::new(),
            bytes: 0,
            chunks: SlotSet::new(),
            quoted: Self {
                held: vec![SlotSet::new(); texts.len()],
                unread: vec![SlotSet::new(); texts.len()],
                notice: None,
            },
        };
        let standing = texts.iter().map(|text| Ok(reading.with_terms(&tokenizer::terms(text))?.unwrap_or_default()));
        let standing = standing.collect::<Result<Vec<_>>>()?;
        reading.look_through(&standing);
        // What a message quotes is a value: it stands somewhere as it is or was made while the program ran.
        if understanding.shape == Shape::Message {
            return Ok(reading.quoted);
        }
        let nowhere = texts.iter().zip(&reading.quoted.held).map(|(text, held)| {
            if held.is_empty() {
                Ok(reading.with_terms(&tokenizer::terms_inside(text))?.unwrap_or_else(|| reading.all()))
            } else {
                Ok(SlotSet::new())
            }
        });
        let nowhere = nowhere.collect::<Result<Vec<_>>>()?;
        reading.look_through(&nowhere);
        Ok(reading.finished())
    }

    /// The chunks that hold one of the texts.
    pub(super) fn slots(&self) -> impl Iterator<Item = u32> {
        self.held.iter().flat_map(SlotSet::iter)
    }

    /// Tells a candidate how many of the texts it holds, and how many of the others it may hold.
    pub(super) fn count(&self, candidate: &mut Candidate) {
        let with = |sets: &[SlotSet]| sets.iter().filter(|slots| slots.contains(candidate.slot)).count();
        (candidate.quoted, candidate.unread_quoted) = (with(&self.held), with(&self.unread));
    }
}

/// A search for quoted texts.
struct Reading<'a> {
    searcher: &'a Searcher<'a>,
    texts: &'a [String],
    lexical: &'a LexicalSearch<'a>,
    allowed: Option<&'a SlotSet>,
    cancel: &'a AtomicBool,
    /// The texts of files by their first slot; none where a file is another by now.
    read: HashMap<u32, Option<Arc<str>>>,
    bytes: u64,
    /// The chunks that may hold a text, read or not.
    chunks: SlotSet,
    quoted: Quoted,
}

impl<'a> Reading<'a> {
    fn allows(&self, slot: u32) -> bool {
        self.allowed.is_none_or(|allowed| allowed.contains(slot))
    }

    fn all(&self) -> SlotSet {
        let files = self.searcher.snapshot.files();
        let slots = files.flat_map(|file| file.first_slot()..file.first_slot() + file.chunk_count());
        slots.filter(|&slot| self.allows(slot)).collect()
    }

    /// The chunks that hold all of some terms; `None` when there is no term.
    fn with_terms(&self, terms: &[String]) -> Result<Option<SlotSet>> {
        let mut holding: Option<SlotSet> = None;
        for term in terms {
            let slots = self.searcher.snapshot.slots_with_term(term)?;
            holding = Some(match holding {
                None => slots.iter().filter(|&slot| self.allows(slot)).collect(),
                Some(holding) => holding.iter().filter(|&slot| slots.contains(slot)).collect(),
            });
        }
        Ok(holding)
    }

    /// Looks for each text in chunks of its own, as far as their files may be read.
    fn look_through(&mut self, chunks: &[SlotSet]) {
        let slots: SlotSet = chunks.iter().flat_map(SlotSet::iter).collect();
        let files = self.chosen(&slots);
        self.bytes += files.iter().map(|file| length(file)).sum::<u64>();
        self.read.extend(self.texts_of(&files));
        for slot in slots.iter() {
            self.chunks.insert(slot);
        }
        for (number, slots) in chunks.iter().enumerate() {
            for (slot, file) in with_files(self.searcher.snapshot, slots.iter()) {
                let Some(text) = self.read.get(&file.first_slot()) else {
                    self.quoted.unread[number].insert(slot);
                    continue;
                };
                let chunk = file.chunk(slot - file.first_slot());
                if let (Some(text), Some(chunk)) = (text, chunk)
                    && chunk.span().slice(text).contains(&self.texts[number])
                {
                    self.quoted.held[number].insert(slot);
                }
            }
        }
    }

    /// The files of chunks that are not read yet, the best first where they are too many.
    fn chosen(&self, slots: &SlotSet) -> Vec<&'a Arc<FileEntry>> {
        let snapshot = self.searcher.snapshot;
        let unread = |slots: &mut dyn Iterator<Item = u32>| {
            let mut known: HashSet<u32> = self.read.keys().copied().collect();
            let files = with_files(snapshot, slots).map(|(_, file)| file);
            files.filter(|file| known.insert(file.first_slot())).collect::<Vec<_>>()
        };
        let room = MOST_FILES.saturating_sub(self.read.len());
        let fitting = |files: &[&Arc<FileEntry>]| {
            let mut bytes = self.bytes;
            let fits = |file: &Arc<FileEntry>| {
                bytes += length(file);
                bytes <= MOST_BYTES
            };
            files.iter().copied().take(room).map(fits).take_while(|&fits| fits).count()
        };
        let files = unread(&mut slots.iter());
        if fitting(&files) == files.len() {
            return files;
        }
        let best = self.lexical.best_of(slots.iter().collect(), MOST_CHUNKS);
        let mut files = unread(&mut best.into_iter());
        files.truncate(fitting(&files));
        files
    }

    fn texts_of(&self, files: &[&Arc<FileEntry>]) -> Vec<(u32, Option<Arc<str>>)> {
        let (view, cancel) = (self.searcher.view, self.cancel);
        let read = |files: &[&Arc<FileEntry>]| -> Vec<_> {
            let files = files.iter().take_while(|_| !cancel.load(Ordering::Relaxed));
            files.map(|file| (file.first_slot(), view.indexed_text(file))).collect()
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
        let mut shares = files.chunks(files.len().div_ceil(threads).max(FILES_PER_THREAD));
        thread::scope(|scope| {
            let first = shares.next();
            let others: Vec<_> = shares.map(|share| scope.spawn(move || read(share))).collect();
            let mut texts = first.map(read).unwrap_or_default();
            for other in others {
                match other.join() {
                    Ok(more) => texts.extend(more),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            texts
        })
    }

    fn finished(self) -> Quoted {
        let Self { mut quoted, chunks, .. } = self;
        let (held, unread) = (&quoted.held, &quoted.unread);
        let not_read = unread.iter().flat_map(SlotSet::iter).collect::<SlotSet>().len();
        let is_nowhere = held.iter().zip(unread).any(|(held, unread)| held.is_empty() && unread.is_empty());
        let together = held
            .split_first()
            .is_some_and(|(first, others)| first.iter().any(|slot| others.iter().all(|slots| slots.contains(slot))));
        quoted.notice = if self.cancel.load(Ordering::Relaxed) {
            None
        } else if is_nowhere || (not_read == 0 && !together) {
            Some(Notice::QuoteNotFound { quotes: held.len() })
        } else if not_read > 0 {
            Some(Notice::QuoteLimited { read: chunks.len() - not_read, chunks: chunks.len() })
        } else {
            None
        };
        quoted
    }
}

/// Slots with their files, which are looked up once where the slots of a file follow each other.
fn with_files(
    snapshot: &IndexSnapshot,
    slots: impl Iterator<Item = u32>,
) -> impl Iterator<Item = (u32, &Arc<FileEntry>)> {
    let mut last: Option<&Arc<FileEntry>> = None;
    slots.filter_map(move |slot| {
        let holds =
            |file: &&Arc<FileEntry>| slot.checked_sub(file.first_slot()).is_some_and(|at| at < file.chunk_count());
        last = last.filter(holds).or_else(|| snapshot.file_of(slot));
        Some((slot, last?))
    })
}

/// Bytes of a file, by its last chunk.
fn length(file: &FileEntry) -> u64 {
    let last = file.chunk_count().checked_sub(1).and_then(|last| file.chunk(last));
    last.map_or(0, |chunk| u64::from(chunk.span().end))
}
