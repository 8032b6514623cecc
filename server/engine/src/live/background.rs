//! Texts that take the parser longer than other buffers can wait, parsed on a thread of their own.
//!
//! They stand in a row. One that has had its share of the time goes to the end when others wait, and gets twice as much
//! the next time: a text of tenths of a second waits little longer than that, however many texts of seconds are there.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use conexus_core::{BlobId, Language};
use conexus_syntax::{GiveUp, Remembered};

use crate::{
    GuardedAnalyser, Subject,
    crashes::Crashes,
    priority::{Yields, yield_to_typing},
};

/// A text of a buffer.
#[derive(Clone)]
pub(super) struct Job {
    pub(super) path: Arc<str>,
    pub(super) text: Arc<str>,
    pub(super) blob: BlobId,
    pub(super) language: Language,
}

/// A buffer's path and what its next text can take over.
pub(super) type Parsed = (Arc<str>, Remembered);

/// Told what was parsed, by the thread.
pub(super) type Listener = Arc<dyn Fn(Parsed) + Send + Sync>;

/// Time that a text has the first time before another one's turn.
const SHARE: Duration = Duration::from_millis(200);

/// The thread, which starts with the first text and ends when this is dropped.
pub(super) struct Background {
    row: Arc<Row>,
    crashes: Arc<Crashes>,
    listener: Listener,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Row {
    state: Mutex<State>,
    /// A text has come, or the end.
    arrived: Condvar,
}

#[derive(Default)]
struct State {
    /// Texts with their shares.
    waiting: VecDeque<(Job, Duration)>,
    /// The path of the one that is being parsed, as long as somebody wants it.
    parsing: Option<Arc<str>>,
    has_ended: bool,
}

impl Background {
    pub(super) fn new(crashes: &Arc<Crashes>, listener: Listener) -> Self {
        Self { row: Arc::default(), crashes: Arc::clone(crashes), listener, thread: None }
    }

    /// Parses a text, unless an earlier one of the same buffer is being parsed, whose tree will do.
    pub(super) fn parse(&mut self, text: Job) {
        let mut state = self.row.lock();
        if state.parsing.as_ref() == Some(&text.path) {
            return;
        }
        match state.waiting.iter_mut().find(|(waiting, _)| waiting.path == text.path) {
            Some((waiting, _)) => *waiting = text,
            None => state.waiting.push_back((text, SHARE)),
        }
        drop(state);
        self.row.arrived.notify_one();
        if self.thread.is_none() {
            let (row, crashes, listener) =
                (Arc::clone(&self.row), Arc::clone(&self.crashes), Arc::clone(&self.listener));
            let work = move || row.work_off(&crashes, &*listener);
            match std::thread::Builder::new().name("parse".to_owned()).spawn(work) {
                Ok(thread) => self.thread = Some(thread),
                Err(error) => tracing::error!(%error, "large documents are searched without their symbols"),
            }
        }
    }

    /// Nobody wants to know any more of a buffer.
    pub(super) fn forget(&self, path: &str) {
        let mut state = self.row.lock();
        state.waiting.retain(|(waiting, _)| *waiting.path != *path);
        state.parsing.take_if(|parsing| **parsing == *path);
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.row.lock().has_ended = true;
        self.row.arrived.notify_one();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread for large documents ended unexpectedly");
        }
    }
}

impl Row {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next text, as soon as there is one; `None` at the end.
    fn next(&self) -> Option<(Job, Duration)> {
        let mut state = self.lock();
        loop {
            if state.has_ended {
                return None;
            }
            if let Some(next) = state.waiting.pop_front() {
                state.parsing = Some(Arc::clone(&next.0.path));
                return Some(next);
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Until the end.
    fn work_off(&self, crashes: &Arc<Crashes>, listener: &dyn Fn(Parsed)) {
        yield_to_typing(Yields::Indexing);
        let mut analyser = GuardedAnalyser::new(crashes);
        while let Some((next, share)) = self.next() {
            let began = Instant::now();
            let when = || {
                let state = self.lock();
                state.has_ended || state.parsing.is_none() || began.elapsed() >= share && !state.waiting.is_empty()
            };
            let parse = || {
                let Job { path, text, blob, language } = &next;
                let subject = Subject { path, blob: *blob, language: *language, text };
                let give_up = GiveUp { after: Duration::ZERO, when: &when };
                analyser.analyse_next(&subject, Arc::clone(text), None, give_up)
            };
            let parsed = catch_unwind(AssertUnwindSafe(parse));
            let is_wanted = self.lock().parsing.take().is_some();
            match parsed {
                _ if !is_wanted => {}
                Ok(Some((_, remembered))) => listener((next.path, remembered)),
                Ok(None) => self.lock().waiting.push_back((next, 2 * share)),
                Err(_) => tracing::error!(path = &*next.path, "the analysis of an open buffer failed"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_mins(1);

    fn text(path: &str, text: &str) -> Job {
        let blob = BlobId(*blake3::hash(text.as_bytes()).as_bytes());
        Job { path: path.into(), text: text.into(), blob, language: Language::named("rust") }
    }

    #[test]
    fn texts_take_turns_and_what_nobody_wants_is_left() {
        let folder = tempfile::tempdir().expect("a folder");
        let (told, parsed) = std::sync::mpsc::channel();
        let told = Mutex::new(told);
        let listener = move |parsed: Parsed| {
            // The receiver ends with the test.
            let _ = told.lock().unwrap_or_else(PoisonError::into_inner).send(parsed);
        };
        let mut background = Background::new(&Crashes::open(folder.path(), None), Arc::new(listener));
        // Each of the first takes the parser all its time, 2 seconds.
        let slow = "r#\"\n".repeat(50_000);
        for path in ["closed.rs", "slow.rs", "slower.rs"] {
            background.parse(text(path, &slow));
        }
        background.forget("closed.rs");
        background.parse(text("quick.rs", "fn before() {}\n"));
        background.parse(text("quick.rs", "fn quick() {}\n"));
        let next = || parsed.recv_timeout(SOON).expect("a text");
        let (path, remembered) = next();
        assert_eq!((&*path, &**remembered.text(), remembered.has_tree()), ("quick.rs", "fn quick() {}\n", true));
        let mut paths = [(); 2].map(|()| {
            let (path, remembered) = next();
            assert!(!remembered.has_tree() && remembered.parse_time() >= Duration::from_secs(2), "{path}");
            path
        });
        paths.sort();
        assert_eq!(paths.each_ref().map(|path| &**path), ["slow.rs", "slower.rs"]);
        background.parse(text("slow.rs", &slow));
        let began = Instant::now();
        drop(background);
        assert!(began.elapsed() < SOON && parsed.try_recv().is_err(), "the end waits for no text");
    }
}
