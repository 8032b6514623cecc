//! Hard conditions of a query turned into a set of slots.

use conexus_core::{Filter, SymbolKind, TestFilter};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use std::collections::HashSet;

use crate::files::Files;
use crate::{Error, FileEntry, FileFlags, Result, SlotSet};

/// The live slots that a filter allows; `None` when it allows all.
pub(crate) fn allowed(files: &Files, filter: &Filter) -> Result<Option<SlotSet>> {
    if filter.is_empty() {
        return Ok(None);
    }
    let include = globs(&filter.include)?;
    let exclude = globs(&filter.exclude)?;
    let paths: Option<HashSet<&str>> = filter.paths.as_ref().map(|paths| paths.iter().map(String::as_str).collect());
    let mut slots = SlotSet::new();
    for file in files.iter() {
        if paths.as_ref().is_some_and(|paths| !paths.contains(&*file.path))
            || include.as_ref().is_some_and(|globs| !globs.is_match(&*file.path))
            || exclude.as_ref().is_some_and(|globs| globs.is_match(&*file.path))
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

/// A pattern without `/` matches at any depth; what names a folder matches everything below it.
fn globs(patterns: &[String]) -> Result<Option<GlobSet>> {
    if patterns.is_empty() {
        return Ok(None);
    }
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let failed =
            |error: globset::Error| Error::Pattern { pattern: pattern.clone(), reason: error.kind().to_string() };
        let anchored = pattern.strip_prefix("./").unwrap_or(pattern).trim_start_matches('/');
        let folder = anchored.trim_end_matches('/');
        let rooted = folder.contains('/') || pattern.starts_with('/') || pattern.starts_with("./");
        let base = if rooted { folder.to_owned() } else { format!("**/{folder}") };
        let below = if folder.is_empty() { "**".to_owned() } else { format!("{base}/**") };
        let exact = (!anchored.ends_with('/') && !folder.is_empty()).then_some(base);
        for text in exact.into_iter().chain([below]) {
            set.add(GlobBuilder::new(&text).literal_separator(true).build().map_err(failed)?);
        }
    }
    let failed = |error: globset::Error| Error::Pattern { pattern: patterns.join(", "), reason: error.to_string() };
    set.build().map(Some).map_err(failed)
}
