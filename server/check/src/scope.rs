//! What a check looks at: the files whose findings are wanted, and what a change did to them.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use conexus_core::LineIndex;
use conexus_engine::{FileEntry, Snapshot, git};

use crate::{Checked, Error, HISTORY, LeftOut, Options, Progress, Result, Rule, parallel::Work};

/// One check on its way.
pub(crate) struct Scope<'a> {
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) options: &'a Options,
    pub(crate) cancel: &'a AtomicBool,
    pub(crate) progress: &'a Progress,
    /// What changed, when the check is about a change.
    pub(crate) changes: Option<git::Changes>,
    pub(crate) checked: Checked,
    pub(crate) left_out: Vec<LeftOut>,
}

/// Whether a file stands among documentation: code there is a sample, which its reader uses, and repeats on purpose.
pub(crate) fn is_sample(path: &str) -> bool {
    const SAMPLES: &[&str] = &["doc", "docs", "documentation", "website", "guide", "guides", "tutorials"];
    path.split('/').any(|folder| SAMPLES.contains(&folder))
}

/// A file's text with its lines.
pub(crate) struct Source {
    pub(crate) text: Arc<str>,
    pub(crate) lines: LineIndex,
}

impl<'a> Scope<'a> {
    pub(crate) fn new(
        snapshot: &'a Snapshot,
        options: &'a Options,
        cancel: &'a AtomicBool,
        progress: &'a Progress,
    ) -> Result<Self> {
        let changes = match &options.changed_since {
            Some(revision) => Some(git::changes(snapshot.root(), revision, cancel)?),
            None => None,
        };
        let (mut rules, mut left_out) = (Vec::new(), Vec::new());
        for rule in options.selection.iter() {
            if rule.needs_change() && changes.is_none() {
                let why = "it looks at a change: name the revision it is against with --changed-since".to_owned();
                left_out.push(LeftOut { what: rule.code().to_owned(), why, is_missed: false });
            } else {
                rules.push(rule);
            }
        }
        if rules.is_empty() {
            return Err(if left_out.is_empty() { Error::NoRule } else { Error::NoChange });
        }
        let unknown = changes.as_ref().map_or(0, |changes| changes.unknown.len());
        if unknown > 0 {
            let (what, its) = if unknown == 1 { ("file", "its") } else { ("files", "their") };
            let why = format!("{its} former content is not in this clone; fetch it to have {its} changes checked");
            left_out.push(LeftOut { what: format!("{unknown} {what}"), why, is_missed: true });
        }
        if !options.history && rules.contains(&Rule::StaleReference) {
            let why = "it is switched off as a source of the index".to_owned();
            left_out.push(LeftOut { what: HISTORY.to_owned(), why, is_missed: false });
        }
        let checked = Checked { rules, ..Checked::default() };
        let mut scope = Self { snapshot, options, cancel, progress, changes, checked, left_out };
        scope.count()?;
        Ok(scope)
    }

    /// Begins a step of a rule that looks at so many items.
    pub(crate) fn step(&self, rule: Rule, what: &'static str, items: usize) -> Work<'a> {
        self.progress.begin(rule, what, items);
        Work { threads: self.options.threads, cancel: self.cancel, progress: self.progress }
    }

    /// Whether the paths of the check hold a file.
    pub(crate) fn is_named(&self, path: &str) -> bool {
        let below = |wanted: &String| {
            let rest = path.strip_prefix(wanted.as_str());
            wanted.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.options.paths.is_empty() || self.options.paths.iter().any(below)
    }

    /// Whether findings in a file are wanted.
    pub(crate) fn wants(&self, path: &str) -> bool {
        self.is_named(path) && self.changes.as_ref().is_none_or(|changes| changes.files.contains_key(path))
    }

    /// Whether this check would find again what a rule found in a file earlier. A check of a change would not.
    pub(crate) fn would_meet(&self, path: &str, code: &str) -> bool {
        let rule = code.split('/').next().unwrap_or_default();
        self.changes.is_none()
            && self.is_named(path)
            && (code == "all" || self.checked.rules.iter().any(|ran| ran.code() == rule))
            && !self.cancel.load(Ordering::Relaxed)
    }

    /// Whether a change touches these lines of a file, numbered from 0; without a change everything is wanted.
    pub(crate) fn wants_lines(&self, path: &str, lines: std::ops::Range<u32>) -> bool {
        let Some(changes) = &self.changes else { return self.wants(path) };
        self.wants(path) && changes.files.get(path).is_some_and(|change| change.count_in(lines) > 0)
    }

    /// The share of these lines that the change added or altered; 0 without a change.
    pub(crate) fn added(&self, path: &str, lines: std::ops::Range<u32>) -> f32 {
        let change = self.changes.as_ref().and_then(|changes| changes.files.get(path));
        let count = lines.end.saturating_sub(lines.start).max(1);
        change.map_or(0.0, |change| change.count_in(lines) as f32 / count as f32)
    }

    /// The text of a file in the version of the index; nothing when it changed since.
    pub(crate) fn source(&self, file: &FileEntry) -> Option<Source> {
        let current = self.snapshot.text(file.path()).ok().filter(|current| current.as_indexed)?;
        Some(Source { lines: LineIndex::new(&current.text), text: current.text })
    }

    /// Counts what is looked at. Nothing at all is an error: it would look like a clean result.
    fn count(&mut self) -> Result<()> {
        let snapshot = self.snapshot;
        let (mut named, mut files, mut symbols) = (false, 0, 0);
        for file in snapshot.index().files().filter(|file| self.is_named(file.path())) {
            named = true;
            if self.wants(file.path()) {
                files += 1;
                symbols += u64::from(file.symbol_count());
            }
        }
        (self.checked.files, self.checked.symbols) = (files, symbols);
        if !named {
            return Err(match self.options.paths.as_slice() {
                [] => Error::NothingIndexed,
                paths => Error::NothingBelow(paths.join(", ")),
            });
        }
        if let (Some(changes), Some(revision)) = (&self.changes, &self.options.changed_since)
            && files == 0
        {
            let count = changes.files.len() + changes.deleted.len() + changes.unknown.len();
            if count == 0 {
                return Err(Error::NothingDiffers(revision.clone()));
            }
            let why =
                format!("{count} files differ from {revision}, and none of them is in the index and below the paths");
            self.left_out.push(LeftOut { what: "the change".to_owned(), why, is_missed: true });
        }
        Ok(())
    }
}

/// Sources that are read when they are needed first.
pub(crate) struct Sources<'a, 'b> {
    scope: &'b Scope<'a>,
    read: HashMap<u32, Option<Arc<Source>>>,
}

impl<'a, 'b> Sources<'a, 'b> {
    pub(crate) fn new(scope: &'b Scope<'a>) -> Self {
        Self { scope, read: HashMap::new() }
    }

    /// The source of a file.
    pub(crate) fn of(&mut self, file: &FileEntry) -> Option<Arc<Source>> {
        let scope = self.scope;
        self.read.entry(file.first_slot()).or_insert_with(|| scope.source(file).map(Arc::new)).clone()
    }
}
