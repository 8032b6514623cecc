//! What is suspected of crashing a grammar and what is known to, in a file beside the index.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
};

use conexus_core::BlobId;

use super::{Subject, Work};

const FILE: &str = "list";
const LOCK: &str = "lock";
/// Most that is known at once; the oldest go first.
const MOST: usize = 500;

/// How a content stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// A process ended while it was parsed.
    Suspect {
        /// Whether it was parsed with the tree of the text before.
        next: bool,
    },
    /// Its grammar crashes on it.
    SetAside,
    /// Its grammar crashed with the tree of the text before, and does not without.
    Afresh,
}

/// A content at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: Box<str>,
    pub(super) blob: BlobId,
    pub(super) language: Box<str>,
    /// Whether it is a query of the user over it that crashed, not the parser.
    pub(super) query: bool,
    pub(super) state: State,
}

impl Entry {
    /// Whether it says something of a text: of its content, or of what stood at its path.
    pub(super) fn is_about(&self, subject: &Subject<'_>, work: Work) -> bool {
        self.query == (work == Work::Query)
            && *self.language == *subject.language.name()
            && (self.blob == subject.blob || *self.path == *subject.path)
    }

    /// Whether its content is analysed without a grammar.
    pub(super) fn is_set_aside(&self) -> bool {
        self.state == State::SetAside && !self.query
    }

    fn line(&self) -> String {
        let state = match self.state {
            State::Suspect { next: false } => "suspect",
            State::Suspect { next: true } => "suspect-next",
            State::SetAside => "set-aside",
            State::Afresh => "afresh",
        };
        let kind = if self.query { "query" } else { "parse" };
        let blob = blake3::Hash::from_bytes(self.blob.0).to_hex();
        format!("{state}\t{kind}\t{}\t{blob}\t{}\n", self.language, self.path.escape_default())
    }

    fn parsed(line: &str) -> Option<Self> {
        let mut fields = line.splitn(5, '\t');
        let state = match fields.next()? {
            "suspect" => State::Suspect { next: false },
            "suspect-next" => State::Suspect { next: true },
            "set-aside" => State::SetAside,
            "afresh" => State::Afresh,
            _ => return None,
        };
        let query = fields.next()? == "query";
        let language = fields.next()?.into();
        let blob = blake3::Hash::from_hex(fields.next()?).ok()?;
        Some(Self { path: unescaped(fields.next()?).into(), blob: BlobId(*blob.as_bytes()), language, query, state })
    }
}

/// Undoes [`str::escape_default`]; what is no escape stays.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let code = rest.strip_prefix("u{").and_then(|code| code.split_once('}'));
        if let Some((code, after)) = code {
            out.extend(u32::from_str_radix(code, 16).ok().and_then(char::from_u32));
            rest = after;
            continue;
        }
        let mut characters = rest.chars();
        match characters.next() {
            Some('t') => out.push('\t'),
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some(other) => out.push(other),
            None => {}
        }
        rest = characters.as_str();
    }
    out.push_str(rest);
    out
}

/// All of them, the oldest first.
#[derive(Debug, Default)]
pub(super) struct List(Vec<Entry>);

impl List {
    /// What the file says; nothing when another version wrote it, whose grammars are others.
    pub(super) fn read(folder: &Path) -> Self {
        let Ok(text) = std::fs::read_to_string(folder.join(FILE)) else { return Self::default() };
        let Some(lines) = text.strip_prefix(&header()) else { return Self::default() };
        Self(lines.lines().filter_map(Entry::parsed).collect())
    }

    /// Writes the file as a whole.
    pub(super) fn write(&self, folder: &Path, _: &Lock) -> io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(header().as_bytes())?;
        for entry in &self.0[self.0.len().saturating_sub(MOST)..] {
            file.write_all(entry.line().as_bytes())?;
        }
        file.persist(folder.join(FILE))?;
        Ok(())
    }

    pub(super) fn delete(folder: &Path) {
        if !folder.is_dir() {
            return;
        }
        let Ok(_lock) = Lock::take(folder) else { return };
        let _ = std::fs::remove_file(folder.join(FILE));
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.0
    }

    /// Adds what dead processes were parsing. What is known to crash stays known.
    pub(super) fn suspect(&mut self, suspects: Vec<Entry>) {
        for suspect in suspects {
            let same = |entry: &Entry| {
                (entry.query, &entry.language, &entry.path, entry.blob)
                    == (suspect.query, &suspect.language, &suspect.path, suspect.blob)
            };
            if self.0.iter().any(|entry| same(entry) && entry.state == State::SetAside) {
                continue;
            }
            self.0.retain(|entry| !same(entry));
            self.0.push(suspect);
        }
    }

    /// Puts what became of a text in place of all that was said of it.
    pub(super) fn settle(&mut self, subject: &Subject<'_>, work: Work, state: Option<State>) {
        self.0.retain(|entry| !entry.is_about(subject, work));
        if let Some(state) = state {
            self.0.push(Entry {
                path: subject.path.into(),
                blob: subject.blob,
                language: subject.language.name().into(),
                query: work == Work::Query,
                state,
            });
        }
    }
}

/// The version that analyses of contents are stored under: another one analyses all of them anew.
fn header() -> String {
    format!("conexus crashes 1 analyser {}\n", conexus_syntax::ANALYSER_VERSION)
}

/// Held by whoever looks for dead processes, creates a journal or changes the list.
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for it: others hold it for less than a millisecond.
    pub(super) fn take(folder: &Path) -> io::Result<Self> {
        match std::fs::create_dir(folder) {
            // Not what it lies in: an index that is deleted meanwhile is not to be made again in part.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let file = File::options().create(true).truncate(false).read(true).write(true).open(folder.join(LOCK))?;
        file.lock()?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conexus_core::Language;

    fn entry(path: &str, state: State) -> Entry {
        Entry { path: path.into(), blob: BlobId([0xa1; 32]), language: "rust".into(), query: false, state }
    }

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let lock = Lock::take(folder.path()).expect("nobody else has it");
        let list = List(vec![
            entry("a b.rs", State::Suspect { next: false }),
            entry("tab\there\nline \\u{41} größe.rs", State::SetAside),
            Entry { query: true, ..entry("", State::Suspect { next: true }) },
            entry("x", State::Afresh),
        ]);
        list.write(folder.path(), &lock).expect("a folder");
        assert_eq!(List::read(folder.path()).entries(), list.entries());
        let file = folder.path().join(FILE);
        let text = std::fs::read_to_string(&file).expect("it was written");
        std::fs::write(&file, format!("{text}rubbish\nset-aside\tparse\trust\t12\tx\n")).expect("a file");
        assert_eq!(List::read(folder.path()).entries(), list.entries(), "what makes no sense is passed over");
        std::fs::write(&file, text.replacen("analyser", "other", 1)).expect("a file");
        assert!(List::read(folder.path()).entries().is_empty(), "another version's");
    }

    #[test]
    fn what_is_settled_takes_the_place_of_suspicions() {
        let text = Subject { path: "a.rs", blob: BlobId([1; 32]), language: Language::named("rust"), text: "" };
        let mut list = List::default();
        list.suspect(vec![entry("a.rs", State::Suspect { next: false }), entry("b.rs", State::Suspect { next: true })]);
        list.settle(&text, Work::Parse, Some(State::SetAside));
        let shown: Vec<_> = list.entries().iter().map(|entry| (&*entry.path, entry.state)).collect();
        assert_eq!(shown, [("b.rs", State::Suspect { next: true }), ("a.rs", State::SetAside)]);
        let again = Entry { blob: BlobId([1; 32]), ..entry("a.rs", State::Suspect { next: false }) };
        list.suspect(vec![again]);
        assert_eq!(list.entries().len(), 2, "what is known stays");
        list.settle(&text, Work::Query, None);
        assert_eq!(list.entries().len(), 2, "queries are another matter");
        list.settle(&text, Work::ParseNext, None);
        assert_eq!(list.entries().len(), 1);
    }
}
