//! Crashes of grammars, which are C code: what is being parsed is written down before, so that the next process knows
//! what ended this one.
//!
//! Each analysis thread has a slot in a file of its process (`journal`). A process that opens the index reads the slots of
//! those that are dead: what they were parsing is suspected (`list`). A suspect is tried in a process of its own
//! (`trial`) when it is about to be parsed again, since only then is its text at hand, also that of an open buffer. What
//! the trial does not survive is set aside: analysed without its grammar, by windows of lines. What it survives was
//! innocent: the process was killed, or another thread crashed. The trial needs no second crash, and takes all suspects
//! of a crash at once.
//!
//! A path is suspected beside a content: while a crashing file is edited, each of its texts is tried before it is parsed.

mod journal;
mod list;
mod trial;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use conexus_core::{BlobId, FileAnalysis, Language, LineIndex};
use conexus_syntax::{Analyser, GiveUp, Limits, Remembered, UserMatch, UserQuery};

use journal::{Journal, Slot};
use list::{Entry, List, State};

/// Folder in that of the index.
const FOLDER: &str = "crashes";

/// A text that is about to be parsed.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Workspace-relative path.
    pub path: &'a str,
    /// Hash of the content.
    pub blob: BlobId,
    /// Its language.
    pub language: Language,
    /// All of it.
    pub text: &'a str,
}

/// How a grammar's code is about to be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    /// On a text alone.
    Parse,
    /// On a text and the tree of the one before.
    ParseNext,
    /// Over the tree of a text, for a query of the user.
    Query,
}

/// What is to be done with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decision {
    /// As always.
    Parse,
    /// Without the tree of the text before, with which the parser crashed.
    ParseAfresh,
    /// It crashes: without its grammar.
    SetAside,
}

/// What is known of crashes in one index, and the journal of this process.
pub(crate) struct Crashes {
    /// `None` when nothing can be written down.
    journal: Option<Arc<Journal>>,
    /// Where the list is.
    folder: PathBuf,
    /// The program that tries a text, see [`crate::Settings::trial_program`].
    program: Option<PathBuf>,
    list: RwLock<List>,
    /// Paths that this process has set aside.
    here: Mutex<BTreeSet<Box<str>>>,
}

impl Crashes {
    /// Reads what dead processes left and what is known. Without a folder that can be written to nothing is guarded.
    pub(crate) fn open(index_dir: &Path, program: Option<PathBuf>) -> Arc<Self> {
        let folder = index_dir.join(FOLDER);
        let swept = list::Lock::take(&folder).and_then(|lock| {
            let mut list = List::read(&folder);
            let suspects = journal::of_the_dead(&folder)?;
            if !suspects.is_empty() {
                tracing::warn!(?suspects, "a process ended while it parsed these");
                list.suspect(suspects);
                list.write(&folder, &lock)?;
                journal::forget_the_dead(&folder);
            }
            Ok((list, Journal::create(&folder, &lock)?))
        });
        let (list, journal) = match swept {
            Ok((list, journal)) => (list, Some(Arc::new(journal))),
            Err(error) => {
                tracing::debug!(%error, folder = %folder.display(), "crashes of grammars cannot be written down");
                (List::read(&folder), None)
            }
        };
        Arc::new(Self { journal, folder, program, list: RwLock::new(list), here: Mutex::default() })
    }

    /// Whether a process may have ended while it parsed: [`Self::open`] looks what it was about.
    pub(crate) fn has_dead(index_dir: &Path) -> bool {
        journal::has_files(&index_dir.join(FOLDER))
    }

    /// Knows nothing and writes nothing down; for where there is no index.
    pub(crate) fn unknown() -> Arc<Self> {
        Arc::new(Self {
            journal: None,
            folder: PathBuf::new(),
            program: None,
            list: RwLock::default(),
            here: Mutex::default(),
        })
    }

    /// Forgets what is set aside; for an index that is emptied.
    pub(crate) fn forget(index_dir: &Path) {
        List::delete(&index_dir.join(FOLDER));
    }

    /// Contents that are analysed without their grammar, by the path at which they crashed.
    pub(crate) fn set_aside(&self) -> Vec<(Box<str>, BlobId)> {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        let aside = list.entries().iter().filter(|entry| entry.is_set_aside());
        aside.map(|entry| (entry.path.clone(), entry.blob)).collect()
    }

    /// Paths that this process has found to crash, for whoever tells the user.
    pub(crate) fn found_here(&self) -> Vec<Box<str>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn decide(&self, subject: &Subject<'_>, work: Work, query: Option<&str>) -> Decision {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        if list.entries().is_empty() {
            return Decision::Parse;
        }
        let about: Vec<Entry> = list.entries().iter().filter(|entry| entry.is_about(subject, work)).cloned().collect();
        drop(list);
        if about.iter().any(|entry| entry.state == State::SetAside && entry.blob == subject.blob) {
            return Decision::SetAside;
        }
        if about.iter().all(|entry| entry.state == State::Afresh) {
            return if about.is_empty() { Decision::Parse } else { Decision::ParseAfresh };
        }
        // Without a program nothing can be tried: what is suspected is set aside.
        let survived = self.program.as_deref().is_some_and(|program| trial::survives(program, subject, query));
        let afresh = about.iter().any(|entry| matches!(entry.state, State::Suspect { next: true } | State::Afresh));
        let state = match (survived, afresh) {
            (false, _) => Some(State::SetAside),
            (true, true) => Some(State::Afresh),
            (true, false) => None,
        };
        let path = subject.path;
        if survived {
            tracing::info!(path, "its grammar does not crash on it");
        } else {
            tracing::error!(path, "its grammar crashes on it, it is analysed without");
        }
        self.settle(subject, work, state);
        let mut here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        if state == Some(State::SetAside) {
            here.insert(path.into());
        } else {
            here.remove(path);
        }
        drop(here);
        match state {
            Some(State::SetAside) => Decision::SetAside,
            Some(_) => Decision::ParseAfresh,
            None => Decision::Parse,
        }
    }

    /// Writes down what became of a suspect.
    fn settle(&self, subject: &Subject<'_>, work: Work, state: Option<State>) {
        let written = list::Lock::take(&self.folder).and_then(|lock| {
            // Other processes settle theirs.
            let mut list = List::read(&self.folder);
            list.settle(subject, work, state);
            list.write(&self.folder, &lock)
        });
        if let Err(error) = written {
            tracing::warn!(%error, "what crashes a grammar cannot be written down");
        }
        self.list.write().unwrap_or_else(PoisonError::into_inner).settle(subject, work, state);
    }
}

/// An analyser that writes down what it parses. Keep one per thread.
pub struct GuardedAnalyser {
    analyser: Analyser,
    crashes: Arc<Crashes>,
    slot: Option<Slot>,
}

impl GuardedAnalyser {
    pub(crate) fn new(crashes: &Arc<Crashes>) -> Self {
        let slot = crashes.journal.as_ref().map(Journal::slot);
        Self { analyser: Analyser::new(Limits::default()), crashes: Arc::clone(crashes), slot }
    }

    /// [`Analyser::analyse_lines`], guarded.
    pub(crate) fn analyse(&mut self, subject: &Subject<'_>, lines: &LineIndex) -> FileAnalysis {
        let Subject { language, text, .. } = *subject;
        if !conexus_syntax::has_grammar(language) {
            return self.analyser.analyse_lines(language, text, lines);
        }
        if self.crashes.decide(subject, Work::Parse, None) == Decision::SetAside {
            return self.analyser.analyse_without_grammar(language, text, lines);
        }
        self.written_down(subject, Work::Parse, |analyser| analyser.analyse_lines(language, text, lines))
    }

    /// [`Analyser::analyse_next`], guarded.
    pub(crate) fn analyse_next(
        &mut self,
        subject: &Subject<'_>,
        text: Arc<str>,
        before: Option<Remembered>,
        give_up: GiveUp<'_>,
    ) -> Option<(FileAnalysis, Remembered)> {
        let language = subject.language;
        if !conexus_syntax::has_grammar(language) {
            return self.analyser.analyse_next(language, text, before, give_up);
        }
        let work = kind_of(before.as_ref());
        let before = match self.crashes.decide(subject, work, None) {
            Decision::Parse => before,
            Decision::ParseAfresh => None,
            Decision::SetAside => return Some(self.analyser.next_without_grammar(language, text)),
        };
        let work = kind_of(before.as_ref());
        self.written_down(subject, work, |analyser| analyser.analyse_next(language, text, before, give_up))
    }

    /// [`Analyser::next_unparsed`].
    pub(crate) fn next_unparsed(&mut self, language: Language, text: Arc<str>) -> (FileAnalysis, Remembered) {
        self.analyser.next_unparsed(language, text)
    }

    /// [`UserQuery::matches`], guarded; none in a text on which the query crashes.
    pub fn matches(&mut self, query: &UserQuery, subject: &Subject<'_>) -> Vec<UserMatch> {
        for (work, source) in [(Work::Parse, None), (Work::Query, Some(query.source()))] {
            if self.crashes.decide(subject, work, source) == Decision::SetAside {
                return Vec::new();
            }
        }
        self.written_down(subject, Work::Query, |analyser| query.matches(analyser, subject.text))
    }

    fn written_down<T>(&mut self, subject: &Subject<'_>, work: Work, run: impl FnOnce(&mut Analyser) -> T) -> T {
        let entered = self.slot.as_ref().map(|slot| slot.enter(subject, work));
        let result = run(&mut self.analyser);
        drop(entered);
        result
    }
}

fn kind_of(before: Option<&Remembered>) -> Work {
    if before.is_some_and(Remembered::has_tree) { Work::ParseNext } else { Work::Parse }
}

/// Parses a text, and runs a query over it, in this process alone: what [`crate::Settings::trial_program`] is called for.
/// An error says that the language or the query is unknown.
pub fn try_to_parse(language: &str, query: Option<&str>, text: &str) -> Result<(), String> {
    let language = conexus_syntax::language_named(language).ok_or_else(|| format!("no such language: {language}"))?;
    let query = query.map(|query| UserQuery::new(language.name(), query)).transpose();
    let query = query.map_err(|error| error.to_string())?;
    // On a thread, with the stack that analysis threads have.
    std::thread::scope(|scope| {
        let run = || {
            let mut analyser = Analyser::new(Limits::default());
            analyser.analyse(language, text);
            query.map(|query| query.matches(&mut analyser, text));
        };
        scope.spawn(run).join().map_err(|_| "the analysis panicked".to_owned())
    })
}
