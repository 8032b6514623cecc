//! One small file per process: what each of its analysis threads is parsing.
//!
//! A slot is written before a parse and its first byte cleared after it, both in the system's page cache, which outlives
//! the process but not the machine; no more is needed. The file is locked while its process lives. It is deleted when the
//! index is closed; one that lies there unlocked belonged to a process that ended otherwise.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use conexus_core::BlobId;

use super::{
    Subject, Work,
    list::{Entry, Lock, State},
};

/// Bytes of a slot: its head, the language and the path.
const SLOT: usize = 1024;
/// Kind of work, length of the language, length of the path, hash of the content.
const HEAD: usize = 4 + 32;
/// Slots that are looked at in a dead process's file; a process has one per thread and index.
const MOST_SLOTS: usize = 4096;
/// How the name of such a file ends.
const ENDING: &str = ".parsing";

/// The file of this process for one index.
#[derive(Debug)]
pub(super) struct Journal {
    file: File,
    path: PathBuf,
    /// Slots that are free, and how many there are.
    free: Mutex<(Vec<u64>, u64)>,
}

/// A thread's place.
pub(super) struct Slot {
    journal: Arc<Journal>,
    number: u64,
}

/// Clears a slot when it is dropped.
pub(super) struct Entered<'a>(&'a Slot);

impl Journal {
    /// Creates the file. The lock keeps others from taking it for that of a dead process before it is locked itself.
    pub(super) fn create(folder: &Path, _: &Lock) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("{}-{}{ENDING}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = folder.join(name);
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&path)?;
        file.try_lock()?;
        Ok(Self { file, path, free: Mutex::default() })
    }

    /// A slot for one thread.
    pub(super) fn slot(self: &Arc<Self>) -> Slot {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let number = free.0.pop().unwrap_or_else(|| {
            free.1 += 1;
            free.1 - 1
        });
        Slot { journal: Arc::clone(self), number }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Left behind it holds nothing, and the next process deletes it.
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Slot {
    /// Writes down what is about to be parsed. A failure, such as a full disk, leaves it unguarded.
    pub(super) fn enter(&self, subject: &Subject<'_>, work: Work) -> Entered<'_> {
        let _ = write_at(&self.journal.file, &written(subject, work), self.number * SLOT as u64);
        Entered(self)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        let Slot { journal, number } = self.0;
        let _ = write_at(&journal.file, &[0], number * SLOT as u64);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.journal.free.lock().unwrap_or_else(PoisonError::into_inner).0.push(self.number);
    }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, at)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, at).map(drop)
}

/// A slot's bytes. A path that is too long is cut: its content is known by its hash.
fn written(subject: &Subject<'_>, work: Work) -> Vec<u8> {
    let language = subject.language.name();
    let path = &subject.path[..subject.path.floor_char_boundary(SLOT - HEAD - language.len())];
    let kind = match work {
        Work::Parse => 1,
        Work::ParseNext => 2,
        Work::Query => 3,
    };
    let mut bytes = Vec::with_capacity(HEAD + language.len() + path.len());
    bytes.extend_from_slice(&[kind, language.len() as u8]);
    bytes.extend_from_slice(&(path.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&subject.blob.0);
    bytes.extend_from_slice(language.as_bytes());
    bytes.extend_from_slice(path.as_bytes());
    bytes
}

/// What a slot says; `None` when it is free or makes no sense.
fn read(slot: &[u8]) -> Option<Entry> {
    let (&[kind, language_length, low, high], rest) = slot.split_first_chunk()?;
    let (blob, rest) = rest.split_first_chunk::<32>()?;
    let (language, rest) = rest.split_at_checked(language_length.into())?;
    let path = rest.get(..u16::from_le_bytes([low, high]).into())?;
    let (query, state) = match kind {
        1 => (false, State::Suspect { next: false }),
        2 => (false, State::Suspect { next: true }),
        3 => (true, State::Suspect { next: false }),
        _ => return None,
    };
    Some(Entry {
        path: std::str::from_utf8(path).ok()?.into(),
        blob: BlobId(*blob),
        language: std::str::from_utf8(language).ok()?.into(),
        query,
        state,
    })
}

/// Whether a process is parsing or was when it ended.
pub(super) fn has_files(folder: &Path) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| entries.flatten().any(|entry| is_file_of_process(&entry.path())))
}

fn is_file_of_process(path: &Path) -> bool {
    path.to_string_lossy().ends_with(ENDING)
}

/// The files of dead processes, opened and locked.
fn dead(folder: &Path) -> io::Result<Vec<(PathBuf, File)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if !is_file_of_process(&path) {
            continue;
        }
        // What cannot be opened may be deleted at this moment by its owner.
        let Ok(file) = File::options().read(true).write(true).open(&path) else { continue };
        if file.try_lock().is_ok() {
            found.push((path, file));
        }
    }
    Ok(found)
}

/// What dead processes were parsing.
pub(super) fn of_the_dead(folder: &Path) -> io::Result<Vec<Entry>> {
    let mut suspects = Vec::new();
    for (path, file) in dead(folder)? {
        let mut bytes = Vec::new();
        file.take((MOST_SLOTS * SLOT) as u64).read_to_end(&mut bytes)?;
        let in_it: Vec<_> = bytes.chunks(SLOT).filter_map(read).collect();
        if in_it.is_empty() {
            let _ = std::fs::remove_file(path);
        }
        suspects.extend(in_it);
    }
    Ok(suspects)
}

/// Deletes the files of dead processes, after what they say was written down.
pub(super) fn forget_the_dead(folder: &Path) {
    for (path, _) in dead(folder).unwrap_or_default() {
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conexus_core::Language;

    fn subject(path: &str) -> Subject<'_> {
        Subject { path, blob: BlobId([7; 32]), language: Language::named("rust"), text: "" }
    }

    #[test]
    fn what_was_being_parsed_is_read_from_the_file_of_the_dead_alone() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lock = Lock::take(folder.path()).expect("nobody else has it");
        let journal = Arc::new(Journal::create(folder.path(), &lock).expect("a journal"));
        let (first, second, third) = (journal.slot(), journal.slot(), journal.slot());
        let long = "ü/".repeat(2_000);
        drop(first.enter(&subject("done.rs"), Work::Parse));
        let _parsing = second.enter(&subject(&long), Work::ParseNext);
        let _query = third.enter(&subject("a/b.rs"), Work::Query);
        assert!(of_the_dead(folder.path()).expect("a folder").is_empty(), "this process lives");
        // As the system does when a process ends.
        journal.file.unlock().expect("it was locked");
        let suspects = of_the_dead(folder.path()).expect("a folder");
        let [next, query] = &suspects[..] else { panic!("{suspects:?}") };
        assert!(long.starts_with(&*next.path) && next.path.len() > 900 && !next.query);
        assert_eq!((next.state, next.blob), (State::Suspect { next: true }, BlobId([7; 32])));
        assert_eq!((&*query.path, &*query.language, query.query), ("a/b.rs", "rust", true));
        forget_the_dead(folder.path());
        assert!(of_the_dead(folder.path()).expect("a folder").is_empty());
    }

    /// What a file costs: `cargo test -p conexus-engine writing_down -- --ignored --nocapture`.
    #[test]
    #[ignore = "a measurement"]
    fn what_writing_down_costs() {
        const ROUNDS: u32 = 1_000_000;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lock = Lock::take(folder.path()).expect("nobody else has it");
        let slot = Arc::new(Journal::create(folder.path(), &lock).expect("a journal")).slot();
        let subject = subject("django/contrib/admin/templatetags/admin_list.py");
        let started = std::time::Instant::now();
        for _ in 0..ROUNDS {
            drop(slot.enter(&subject, Work::Parse));
        }
        eprintln!("{:?} per file", started.elapsed() / ROUNDS);
    }

    #[test]
    fn what_is_no_slot_is_passed_over() {
        let mut bytes = written(&subject("a.rs"), Work::Parse);
        assert!(read(&bytes).is_some());
        for cut in 0..bytes.len() {
            assert!(read(&bytes[..cut]).is_none(), "{cut}");
        }
        bytes[0] = 9;
        assert!(read(&bytes).is_none());
        assert!(read(&[0xff; SLOT]).is_none());
    }
}
