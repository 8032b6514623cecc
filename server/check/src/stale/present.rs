//! What there is: paths, symbols, words.

use std::{
    collections::{HashMap, HashSet},
    path::{Component, Path},
    sync::OnceLock,
};

use conexus_core::words;
use conexus_engine::{
    git::Past,
    roles::{self, Role},
};

use super::{Missing, Named, file_name};
use crate::{Result, scope::Scope};

/// Chunks in which a word that code does not have any more may stand: the documentation that is stale.
const MOST_CHUNKS: usize = 200;
/// Names less alike than this are not offered in place of each other (a Damerau-Levenshtein similarity).
const LEAST_ALIKE: f64 = 0.6;
/// The same among the symbols of the whole workspace, where only one that is nearly the same means anything.
const LEAST_ALIKE_OF_ALL: f64 = 0.8;
/// A word of a name, or two in a row, leads to other names only where so many have it at most: what is looked at for one
/// missing name does not grow with the workspace.
const MOST_OF_A_WORD: usize = 500;

/// Something that was here once.
pub(super) struct Gone {
    /// What stands for it now, as the documentation would name it.
    pub(super) now: Option<String>,
}

/// What a workspace has.
pub(super) struct Present<'a> {
    scope: &'a Scope<'a>,
    /// Every symbol by its name.
    symbols: HashSet<&'a str>,
    /// The names of symbols by each of their words and by each two words in a row, in small letters; made when the first
    /// name is missing, which is seldom.
    by_words: OnceLock<HashMap<String, Vec<&'a str>>>,
    /// The members of a container by its last name.
    members: HashMap<&'a str, Vec<&'a str>>,
    /// Folders that hold an indexed file, at any depth.
    folders: HashSet<&'a str>,
    /// The last names of these.
    folder_names: HashSet<&'a str>,
    /// Indexed files by their name.
    files: HashMap<&'a str, Vec<&'a str>>,
    stems: HashSet<&'a str>,
}

impl<'a> Present<'a> {
    pub(super) fn new(scope: &'a Scope<'a>) -> Self {
        let mut present = Self {
            scope,
            symbols: HashSet::new(),
            by_words: OnceLock::new(),
            members: HashMap::new(),
            folders: HashSet::new(),
            folder_names: HashSet::new(),
            files: HashMap::new(),
            stems: HashSet::new(),
        };
        for file in scope.snapshot.index().files() {
            let path: &str = file.path();
            present.files.entry(file_name(path)).or_default().push(path);
            present.stems.insert(roles::stem(path));
            present.folders.extend(path.match_indices('/').map(|(at, _)| &path[..at]));
            if file.language().name() == "markdown" {
                continue;
            }
            for symbol in file.symbols() {
                let own = symbol.name().rsplit(['.', ':']).next().unwrap_or("");
                present.symbols.extend([symbol.name(), own]);
                if let Some(container) = symbol.container().rsplit(['.', ':']).next().filter(|name| !name.is_empty()) {
                    present.members.entry(container).or_default().push(own);
                }
            }
        }
        present.folder_names = present.folders.iter().map(|folder| file_name(folder)).collect();
        present
    }

    fn by_words(&self) -> &HashMap<String, Vec<&'a str>> {
        self.by_words.get_or_init(|| {
            let mut by_words: HashMap<String, Vec<&str>> = HashMap::new();
            for &name in &self.symbols {
                for key in keys(name) {
                    by_words.entry(key).or_default().push(name);
                }
            }
            by_words
        })
    }

    pub(super) fn is_symbol(&self, name: &str) -> bool {
        self.symbols.contains(name)
    }

    /// Whether a file or folder is imported under a name.
    pub(super) fn is_module(&self, name: &str) -> bool {
        self.stems.contains(name) || self.folder_names.contains(name)
    }

    /// Whether any code has a word, not only the documentation that is in question.
    pub(super) fn is_word(&self, name: &str) -> Result<bool> {
        let Some(chunks) = self.scope.snapshot.chunks_with_word(name, MOST_CHUNKS)? else { return Ok(true) };
        let mut sources = crate::scope::Sources::new(self.scope);
        Ok(chunks.iter().any(|located| {
            let file = located.file;
            if matches!(roles::role(file.path()), Role::Documentation) {
                return false;
            }
            let Some(source) = sources.of(file) else { return true };
            // Documentation comments do not count, they may be stale themselves; whatever else does.
            let docs: Vec<_> = file.symbols().filter_map(|symbol| symbol.doc()).collect();
            let text = located.chunk.span().slice(&source.text);
            let is_whole = |at: usize| {
                let inner = |letter: char| letter.is_alphanumeric() || letter == '_';
                !text[..at].ends_with(inner) && !text[at + name.len()..].starts_with(inner)
            };
            text.match_indices(name).filter(|(at, _)| is_whole(*at)).any(|(at, _)| {
                let at = located.chunk.span().start + at as u32;
                !docs.iter().any(|doc| doc.start <= at && at < doc.end)
            })
        }))
    }

    /// Whether a path leads to something, from the file that names it, from the top, or from anywhere.
    pub(super) fn has_path(&self, from: &str, written: &str) -> bool {
        let root = self.scope.snapshot.root();
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let there = |base: &str| resolve(base, written).is_some_and(|path| root.join(path).exists());
        if there(folder) || there("") {
            return true;
        }
        // Documentation of a package names paths from the package's own folder.
        let named = self.files.get(file_name(written)).map_or(&[][..], Vec::as_slice);
        let plain = written.trim_start_matches("./");
        !plain.starts_with("..")
            && named.iter().any(|path| path.strip_suffix(plain).is_some_and(|rest| rest.ends_with('/')))
    }

    /// Whether the folder of a path exists: then the path is one of this workspace.
    pub(super) fn has_folder_of(&self, from: &str, written: &str) -> bool {
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        [folder, ""].into_iter().any(|base| {
            let resolved = resolve(base, written);
            let parent = resolved.as_deref().and_then(|path| path.rsplit_once('/')).map(|(parent, _)| parent);
            parent.is_some_and(|parent| self.folders.contains(parent))
        })
    }

    /// The name that a missing one most resembles: among the members of its container, else among all symbols that share
    /// a word with it.
    pub(super) fn like(&self, container: &str, name: &str) -> Option<String> {
        if let Some(members) = self.members.get(container) {
            return most_alike(name, members.iter().copied(), LEAST_ALIKE);
        }
        let keys = keys(name);
        let sharing =
            keys.iter().filter_map(|key| self.by_words().get(key)).filter(|names| names.len() <= MOST_OF_A_WORD);
        most_alike(name, sharing.flatten().copied(), LEAST_ALIKE_OF_ALL)
    }

    /// A missing file that was once here.
    pub(super) fn moved(&self, past: &Past, scope: &Scope<'_>, from: &str, missing: &Missing) -> Option<Gone> {
        let folder = from.rsplit_once('/').map_or("", |(folder, _)| folder);
        let bases: &[&str] = if missing.mention.what == Named::Link { &[folder] } else { &["", folder] };
        for base in bases {
            let Some(path) = resolve(base, &missing.written) else { continue };
            let changed = scope.changes.as_ref().and_then(|changes| {
                let renamed = changes.renamed.iter().find(|(from, _)| *from == path).map(|(_, to)| to.as_str());
                renamed.map(Some).or_else(|| changes.deleted.contains(&path).then_some(None))
            });
            let now = match changed {
                Some(now) => now,
                None if past.had(&path) => past.now(&path),
                None => continue,
            };
            let now = now.filter(|now| scope.snapshot.root().join(now).is_file());
            let only = self.files.get(file_name(&path)).filter(|files| files.len() == 1).map(|files| files[0]);
            return Some(Gone { now: now.or(only).map(|now| relative(base, now)) });
        }
        None
    }
}

/// A path that is written in a folder, from the top; nothing when it leads out of the workspace.
fn resolve(folder: &str, written: &str) -> Option<String> {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for component in Path::new(written).components() {
        match component {
            Component::ParentDir => drop(parts.pop()?),
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(parts.join("/"))
}

/// A path from the top as it is written in a folder.
fn relative(folder: &str, path: &str) -> String {
    let from: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let to: Vec<&str> = path.split('/').collect();
    let shared = from.iter().zip(&to).take_while(|(left, right)| left == right).count();
    let up = std::iter::repeat_n("..", from.len() - shared);
    up.chain(to[shared..].iter().copied()).collect::<Vec<_>>().join("/")
}

/// The words of a name, and each two in a row.
fn keys(name: &str) -> Vec<String> {
    let words: Vec<String> = words::parts(name).map(str::to_lowercase).collect();
    words.windows(2).map(|pair| pair.join(" ")).chain(words.iter().cloned()).collect()
}

fn most_alike<'a>(name: &str, others: impl Iterator<Item = &'a str>, least: f64) -> Option<String> {
    let mut best: Option<(f64, &str)> = None;
    for other in others {
        let score = strsim::normalized_damerau_levenshtein(name, other);
        if score >= least && best.is_none_or(|known| (score, other) > known) {
            best = Some((score, other));
        }
    }
    best.map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_resolved_and_written() {
        assert_eq!(resolve("docs/a", "../b.md").as_deref(), Some("docs/b.md"));
        assert_eq!(resolve("", "./b.md").as_deref(), Some("b.md"));
        assert_eq!(resolve("docs", "../../b.md"), None);
        assert_eq!(relative("docs/a", "docs/b/c.md"), "../b/c.md");
        assert_eq!(relative("", "src/c.rs"), "src/c.rs");
    }
}
