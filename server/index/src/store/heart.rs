//! What the owner of an index says of itself to those who read beside it, in a small file that it writes again each second:
//! who is silent for longer does not run any more, or hangs.

use std::fs::File;
use std::io::{Seek, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

const FILE: &str = "owner";
/// Between two beats.
const BEAT: Duration = Duration::from_secs(1);
/// Bytes of the file. It is written in place and at once, and is less than a page: a reader sees all of it or none, and a
/// full disk does not silence the owner.
const RECORD: usize = 64;

/// What the owner of an index said last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its process.
    pub process: u32,
    /// What it does, in words that owner and reader agree on.
    pub words: String,
    /// How long ago that was: about a second at most while the owner runs.
    pub silent: Duration,
}

impl Owner {
    /// What the owner of the index in a folder said last, also one that has ended. `None` when nothing can be read.
    pub fn of(folder: &Path) -> Option<Self> {
        let path = folder.join(FILE);
        let text = std::fs::read_to_string(&path).ok()?;
        let written = std::fs::metadata(&path).ok()?.modified().ok()?;
        let (process, words) = text.trim_end().split_once(' ').unwrap_or((text.trim_end(), ""));
        // A clock that was set back makes it look as if it were written in the future.
        let silent = SystemTime::now().duration_since(written).unwrap_or_default();
        Some(Self { process: process.parse().ok()?, words: words.to_owned(), silent })
    }
}

/// Says what the owner does. It goes on without effect when the index is given back.
#[derive(Clone, Debug, Default)]
pub struct Voice(Arc<(Mutex<Said>, Condvar)>);

#[derive(Debug, Default)]
struct Said {
    words: String,
    /// The next beat is due at once.
    urgent: bool,
    ended: bool,
}

impl Voice {
    /// Another first word is written at once, what follows it with the next beat. Nobody waits for the disk. Words are cut
    /// at 50 bytes.
    pub fn say(&self, words: &str) {
        let first = |words: &str| words.split(' ').next().map(str::to_owned);
        let mut said = self.lock();
        if said.words != words {
            said.urgent |= first(&said.words) != first(words);
            words.clone_into(&mut said.words);
        }
        if said.urgent {
            self.0.1.notify_all();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Said> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes until the end.
    fn beat(&self, mut file: File) {
        let mut said = self.lock();
        loop {
            let is_resting = |said: &mut Said| !said.urgent && !said.ended;
            let waited = self.0.1.wait_timeout_while(said, BEAT, is_resting);
            said = waited.unwrap_or_else(PoisonError::into_inner).0;
            if said.ended {
                return;
            }
            said.urgent = false;
            let words = said.words.clone();
            drop(said);
            // Readers take an owner that cannot write for one that hangs, which is the safe side.
            let _ = write(&mut file, &words);
            said = self.lock();
        }
    }
}

fn write(file: &mut File, words: &str) -> std::io::Result<()> {
    let mut record = format!("{} {words}", std::process::id()).into_bytes();
    record.resize(RECORD, b' ');
    file.rewind()?;
    file.write_all(&record)
}

/// Beats until it is dropped.
#[derive(Debug)]
pub(super) struct Heart {
    pub(super) voice: Voice,
    thread: Option<JoinHandle<()>>,
}

impl Heart {
    /// The first beat is written when it returns. Without a file or a thread readers take the owner for one that hangs.
    pub(super) fn start(folder: &Path) -> Self {
        let voice = Voice::default();
        let beating = voice.clone();
        let begin = || -> std::io::Result<JoinHandle<()>> {
            // Not cut first: there would be nothing to read for a moment.
            let mut file = File::options().create(true).truncate(false).write(true).open(folder.join(FILE))?;
            write(&mut file, "")?;
            std::thread::Builder::new().name("heart".into()).spawn(move || beating.beat(file))
        };
        let thread =
            begin().inspect_err(|error| tracing::warn!(%error, "readers will not know how this process stands"));
        Self { voice, thread: thread.ok() }
    }

    /// Deletes the file of a folder.
    pub(super) fn delete_file(folder: &Path) {
        let _ = std::fs::remove_file(folder.join(FILE));
    }
}

impl Drop for Heart {
    /// Nothing is written after it: the file is the next owner's.
    fn drop(&mut self) {
        self.voice.lock().ended = true;
        self.voice.0.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(folder: &Path) -> String {
        Owner::of(folder).expect("a file").words
    }

    #[test]
    fn another_first_word_is_heard_at_once_and_the_rest_with_the_next_beat() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(Owner::of(folder.path()), None);
        let heart = Heart::start(folder.path());
        let owner = Owner::of(folder.path()).expect("a file");
        assert_eq!((owner.process, &*owner.words), (std::process::id(), ""));
        let heard = |expected: &str| {
            let started = std::time::Instant::now();
            while words(folder.path()) != expected {
                assert!(started.elapsed() < 20 * BEAT, "{expected} is not heard");
                std::thread::sleep(Duration::from_millis(5));
            }
            started.elapsed()
        };
        heart.voice.say("indexing 1 10");
        heard("indexing 1 10");
        let started = std::time::Instant::now();
        let writes = (2..=9).filter(|done| {
            heart.voice.say(&format!("indexing {done} 10"));
            std::thread::sleep(BEAT / 20);
            words(folder.path()) == format!("indexing {done} 10")
        });
        let writes = writes.count() as u64;
        assert!(writes <= 1 + started.elapsed().as_secs(), "{writes} of 8 numbers are written by themselves");
        heard("indexing 9 10");
        heart.voice.say(&"x".repeat(100));
        heard(&"x".repeat(RECORD - std::process::id().to_string().len() - 1));
        heart.voice.say("idle");
        let voice = heart.voice.clone();
        drop(heart);
        voice.say("more");
        std::thread::sleep(BEAT / 10);
        assert_ne!(words(folder.path()), "more", "the index was given back");
    }

    #[test]
    fn it_beats_while_it_has_nothing_to_say() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let _heart = Heart::start(folder.path());
        let (started, mut beats, mut before) = (std::time::Instant::now(), 0, Duration::ZERO);
        while beats < 2 {
            assert!(started.elapsed() < 20 * BEAT, "{beats} beats");
            std::thread::sleep(BEAT / 20);
            let silent = Owner::of(folder.path()).expect("a file").silent;
            beats += u32::from(silent < before);
            before = silent;
        }
        assert!(started.elapsed() > BEAT, "it beats too often");
    }
}
