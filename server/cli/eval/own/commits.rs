//! Commits as queries: the subject of one should find the functions that it changed, in the files as they were before.

use std::{sync::atomic::AtomicBool, time::Duration};

use anyhow::Result;
use conexus_core::{LineIndex, WorkContext};
use conexus_engine::{FileEntry, Snapshot, SymbolRef, git, roles};

use crate::cli::arguments::{ActiveFile, EvalArguments};

use super::{Copy, LabelledQuery, Scored, Target, is_code, is_function, sentence, spread, target};

/// How far back commits are taken from.
const LIMITS: git::HistoryLimits = git::HistoryLimits { commits: 3_000, time: Duration::from_mins(1) };
/// A commit that changes more files is about none of them.
const MOST_FILES: usize = 6;
/// A commit that changes more functions is about none of them.
const MOST_FUNCTIONS: usize = 8;
/// Commits before one whose files are open while it is made, and most such files.
const OPEN_COMMITS: usize = 5;
const MOST_OPEN: usize = 20;
/// Commits looked at for each query that is wanted: many change no function that was there before.
const PER_QUERY: usize = 3;

/// What is known of the files that a person works on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Unknown,
    /// One is the active one.
    In(ActiveFile),
    /// Those of the commits before are open.
    Beside,
}

impl Work {
    pub(super) fn of(eval: &EvalArguments) -> Self {
        if eval.open_files { Self::Beside } else { eval.active_file.map_or(Self::Unknown, Self::In) }
    }
}

pub(super) fn score(copy: &mut Copy, sample: usize, work: Work, scored: &mut Vec<Scored>) -> Result<()> {
    let Some(history) = git::history(&copy.repository, LIMITS, &AtomicBool::new(false)) else { return Ok(()) };
    let commits = history.commits();
    let candidates: Vec<(usize, String)> = commits
        .iter()
        .enumerate()
        .filter(|(_, commit)| (1..=MOST_FILES).contains(&commit.paths.len()))
        .filter_map(|(at, commit)| Some((at, sentence::subject(&commit.subject)?)))
        .collect();
    let mut left = sample;
    for (at, query) in spread(candidates, sample.saturating_mul(PER_QUERY)) {
        if left == 0 {
            break;
        }
        let id = commits[at].id.to_string();
        let Some(changed) = git::changed_lines(&copy.repository, &id).filter(|changed| !changed.is_empty()) else {
            continue;
        };
        let Some(snapshot) = copy.at(&format!("{id}^1"))? else { continue };
        let Some((language, targets)) = changed_functions(&snapshot, &changed) else { continue };
        let category = "commit".to_owned();
        let mut labelled = LabelledQuery { language, category, query, targets, context: WorkContext::default() };
        match work {
            Work::Unknown => {}
            Work::In(active) => {
                if !work_on(active, &mut labelled, &snapshot, &changed) {
                    continue;
                }
            }
            Work::Beside => {
                // The newest commit is the first.
                let before = commits[at + 1..].iter().take(OPEN_COMMITS).flat_map(|commit| &commit.paths);
                labelled.context.open_files = before.map(ToString::to_string).take(MOST_OPEN).collect();
            }
        }
        scored.push(copy.measure(&snapshot, &labelled)?);
        left -= 1;
    }
    Ok(())
}

/// Whether a person would have the file open while working on the code: code and its tests.
fn is_edited(file: &FileEntry) -> bool {
    is_code(file) || roles::role(file.path()) == roles::Role::Test
}

/// Makes a file the active one of a query; false when the commit has none such, or changed nothing else.
fn work_on(
    active: ActiveFile,
    labelled: &mut LabelledQuery,
    snapshot: &Snapshot,
    changed: &[git::ChangedLines],
) -> bool {
    let is_changed = |path: &str| changed.iter().any(|change| change.path == path);
    let is_asked_for = |path: &str| labelled.targets.iter().any(|target| target.is_in(path));
    let mut files = snapshot.index().files().filter(|file| is_edited(file)).map(|file| file.path().to_string());
    let path = match active {
        ActiveFile::Changed => files.find(|path| is_changed(path) && is_asked_for(path)),
        ActiveFile::Other => files.filter(|path| is_changed(path)).last(),
        ActiveFile::Unrelated => {
            let others: Vec<String> =
                files.filter(|path| roles::role(path) == roles::Role::Code && !is_changed(path)).collect();
            // Another one for each query, and the same one each time.
            others.get(labelled.query.len() * 7_919 % others.len().max(1)).cloned()
        }
    };
    let Some(path) = path else { return false };
    if active == ActiveFile::Other {
        labelled.targets.retain(|target| !target.is_in(&path));
    }
    labelled.context.active_file = Some(path);
    !labelled.targets.is_empty()
}

/// The functions of the code that hold changed lines, and the language of the first.
fn changed_functions(snapshot: &Snapshot, changed: &[git::ChangedLines]) -> Option<(String, Vec<Target>)> {
    let mut targets = Vec::new();
    let mut language = None;
    for change in changed {
        let Some(file) = snapshot.index().file(&change.path).filter(|file| is_code(file)) else { continue };
        let Ok(text) = snapshot.text(file.path()).map(|current| current.text) else { continue };
        let lines = LineIndex::new(&text);
        for range in &change.ranges {
            let holds = |symbol: SymbolRef<'_>| {
                let (first, last) = lines.lines_of(symbol.span());
                // Lines added where one function ends and the next begins belong to neither.
                if range.is_empty() {
                    first < range.start && range.start <= last
                } else {
                    first < range.end && range.start <= last
                }
            };
            let holding: Vec<SymbolRef<'_>> =
                file.symbols().filter(|&symbol| is_function(symbol)).filter(|&symbol| holds(symbol)).collect();
            let innermost = holding.iter().filter(|outer| {
                !holding.iter().any(|inner| inner.index() != outer.index() && outer.span().contains(inner.span()))
            });
            for &symbol in innermost {
                let target = target(file.path(), symbol, &lines);
                if !targets.contains(&target) {
                    targets.push(target);
                }
                language.get_or_insert_with(|| file.language().name().to_owned());
            }
        }
    }
    (targets.len() <= MOST_FUNCTIONS).then_some((language?, targets))
}
