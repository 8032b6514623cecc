//! Hard conditions of a query turned into a set of slots.

use conexus_core::{Filter, SymbolKind, TestFilter};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use crate::files::Files;
use crate::{Error, FileEntry, FileFlags, Result, SlotSet};

/// Filters remembered per snapshot: an editor asks with the same one for every keystroke.
const REMEMBERED: usize = 4;

/// What the last filters of one snapshot allowed, the oldest first. Copies of a snapshot share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remembered(Arc<Mutex<Vec<Answered>>>);

/// A filter and what it allowed.
type Answered = (Filter, Arc<SlotSet>);

impl Remembered {
    /// The remembered slots of a filter, or those that `make` finds.
    pub(crate) fn get_or_make(
        &self,
        filter: &Filter,
        make: impl FnOnce() -> Result<Option<SlotSet>>,
    ) -> Result<Option<Arc<SlotSet>>> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, slots)) = lock().iter().find(|(other, _)| other == filter) {
            return Ok(Some(Arc::clone(slots)));
        }
        let Some(slots) = make()?.map(Arc::new) else { return Ok(None) };
        let mut remembered = lock();
        if remembered.len() >= REMEMBERED {
            remembered.remove(0);
        }
        remembered.push((filter.clone(), Arc::clone(&slots)));
        Ok(Some(slots))
    }
}

/// The live slots that a filter allows; `None` when it allows all.
pub(crate) fn allowed(files: &Files, filter: &Filter) -> Result<Option<SlotSet>> {
    if filter.is_empty() {
        return Ok(None);
    }
    let include = Patterns::new(&filter.include)?;
    let exclude = Patterns::new(&filter.exclude)?;
    let paths: Option<HashSet<&str>> = filter.paths.as_ref().map(|paths| paths.iter().map(String::as_str).collect());
    let mut slots = SlotSet::new();
    for file in files.iter() {
        if paths.as_ref().is_some_and(|paths| !paths.contains(&*file.path))
            || (!filter.include.is_empty() && !include.matches(&file.path))
            || exclude.matches(&file.path)
            || (!filter.languages.is_empty() && !filter.languages.iter().any(|name| name == file.language.name()))
        {
            continue;
        }
        let test_file = file.flags.contains(FileFlags::TEST);
        let whole = filter.kinds.is_empty()
            && match filter.tests {
                TestFilter::Any => true,
                TestFilter::Only if test_file => true,
                TestFilter::Exclude if test_file => continue,
                TestFilter::Only | TestFilter::Exclude => false,
            };
        if whole {
            slots.insert_range(file.first_slot, file.chunk_count());
        } else {
            add_chunks(&mut slots, file, test_file, filter);
        }
    }
    Ok(Some(slots))
}

fn add_chunks(slots: &mut SlotSet, file: &FileEntry, test_file: bool, filter: &Filter) {
    for chunk in file.chunks() {
        let symbol = chunk.symbol();
        let kind: Option<SymbolKind> = symbol.map(|symbol| symbol.kind());
        let test = test_file || symbol.is_some_and(|symbol| symbol.is_test());
        let fits_tests = match filter.tests {
            TestFilter::Any => true,
            TestFilter::Only => test,
            TestFilter::Exclude => !test,
        };
        let fits_kind = filter.kinds.is_empty() || kind.is_some_and(|kind| filter.kinds.contains(&kind));
        if fits_tests && fits_kind {
            slots.insert(file.first_slot + chunk.index());
        }
    }
}

/// Globs sorted by how they are matched: names, folders and endings need no automaton, which takes half a microsecond
/// per path.
#[derive(Default)]
struct Patterns {
    /// Paths from the root, with everything below them.
    below: Vec<Literal>,
    /// Names of a file or folder at any depth.
    names: Vec<Literal>,
    /// Endings of such names.
    endings: Vec<Literal>,
    globs: Option<GlobSet>,
}

struct Literal {
    text: String,
    /// Whether it names folders only.
    folder: bool,
}

impl Patterns {
    /// A pattern without `/` matches at any depth; what names a folder matches everything below it.
    fn new(patterns: &[String]) -> Result<Self> {
        let mut sorted = Self::default();
        let mut globs = Vec::new();
        for pattern in patterns {
            let anchored = pattern.strip_prefix("./").unwrap_or(pattern).trim_start_matches('/');
            let text = anchored.trim_end_matches('/');
            let folder = anchored.len() > text.len();
            let rooted = text.contains('/') || pattern.starts_with('/') || pattern.starts_with("./");
            let literal = |text: &str| Literal { text: text.to_owned(), folder };
            match text.strip_prefix('*') {
                _ if text.is_empty() => globs.push((pattern, "**".to_owned())),
                _ if is_literal(text) && rooted => sorted.below.push(literal(text)),
                _ if is_literal(text) => sorted.names.push(literal(text)),
                Some(ending) if is_literal(ending) && !rooted => sorted.endings.push(literal(ending)),
                _ => {
                    let base = if rooted { text.to_owned() } else { format!("**/{text}") };
                    globs.push((pattern, format!("{base}/**")));
                    if !folder {
                        globs.push((pattern, base));
                    }
                }
            }
        }
        if globs.is_empty() {
            return Ok(sorted);
        }
        let mut set = GlobSetBuilder::new();
        for (pattern, text) in globs {
            let glob = GlobBuilder::new(&text).literal_separator(true).build();
            set.add(
                glob.map_err(|error| Error::Pattern { pattern: pattern.clone(), reason: error.kind().to_string() })?,
            );
        }
        let failed = |error: globset::Error| Error::Pattern { pattern: patterns.join(", "), reason: error.to_string() };
        sorted.globs = Some(set.build().map_err(failed)?);
        Ok(sorted)
    }

    fn matches(&self, path: &str) -> bool {
        let below = |literal: &Literal| match path.strip_prefix(&literal.text) {
            Some(rest) => rest.starts_with('/') || (rest.is_empty() && !literal.folder),
            None => false,
        };
        if self.below.iter().any(below) || self.globs.as_ref().is_some_and(|globs| globs.is_match(path)) {
            return true;
        }
        if self.names.is_empty() && self.endings.is_empty() {
            return false;
        }
        let (folders, file) = match path.rsplit_once('/') {
            Some((folders, file)) => (Some(folders), file),
            None => (None, path),
        };
        let any = |part: &str, in_folder: bool| {
            let fits = |literal: &&Literal| in_folder || !literal.folder;
            self.names.iter().filter(fits).any(|name| part == name.text)
                || self.endings.iter().filter(fits).any(|ending| part.ends_with(&ending.text))
        };
        any(file, false) || folders.is_some_and(|folders| folders.split('/').any(|part| any(part, true)))
    }
}

fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '[', ']', '{', '}', '\\'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_at_the_root_lies_in_no_folder() {
        for pattern in ["*/", "a/", "a*/"] {
            let patterns = Patterns::new(&[pattern.to_owned()]).unwrap();
            assert!(!patterns.matches("a"), "{pattern}");
            assert!(patterns.matches("a/b"), "{pattern}");
        }
    }

    /// By the automaton alone.
    fn by_globs(pattern: &str, path: &str) -> bool {
        let anchored = pattern.strip_prefix("./").unwrap_or(pattern).trim_start_matches('/');
        let text = anchored.trim_end_matches('/');
        let rooted = text.contains('/') || pattern.starts_with('/') || pattern.starts_with("./");
        let base = if rooted { text.to_owned() } else { format!("**/{text}") };
        let is_match = |glob: &str| {
            GlobBuilder::new(glob).literal_separator(true).build().unwrap().compile_matcher().is_match(path)
        };
        text.is_empty() || is_match(&format!("{base}/**")) || (!anchored.ends_with('/') && is_match(&base))
    }

    proptest! {
        #[test]
        fn short_cuts_match_what_globs_match(pattern in "(/|\\./)?[ab*.]{0,3}(/[ab*.]{1,3})?/?", path in "\\.{0,2}[ab][ab.]{0,2}(/\\.{0,2}[ab][ab.]{0,2}){0,3}") {
            let patterns = Patterns::new(std::slice::from_ref(&pattern)).unwrap();
            prop_assert_eq!(patterns.matches(&path), by_globs(&pattern, &path));
        }
    }
}
