//! Documentation that names what does not exist any more.
//!
//! A name in backticks may be anything: a command, a type of another library, a word. So one that does not exist is
//! reported only when it is known to have existed here: git has a file at that path or a definition of that name that is
//! gone, or the change that is checked removed it. `mentions` reads what documentation names, `present` knows what there is.

mod mentions;
mod present;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use conexus_core::Span;
use conexus_engine::{
    FileEntry, FileFlags, git,
    roles::{self, Role},
};

use crate::{
    Edit, Finding, Place, Result, Rule, Severity,
    finding::fingerprint,
    parallel,
    scope::{Scope, Source},
};
use mentions::{Mention, Named, is_code_name};
use present::{Gone, Present};

/// Time to look for removed words in the history; what is older is not known.
const HISTORY_TIME: Duration = Duration::from_secs(4);

/// Something named that is not there.
struct Missing {
    mention: Mention,
    /// As written.
    written: String,
}

/// A file's documentation with what it names and is missing.
struct Document {
    file: Arc<FileEntry>,
    source: Source,
    missing: Vec<Missing>,
}

/// Finds documentation that names what is gone.
pub(crate) fn check(scope: &Scope<'_>) -> Result<Vec<Finding>> {
    let present = Present::new(scope);
    let removed = removed_by_change(scope);
    // A change that takes nothing away makes nothing stale but what it writes.
    let elsewhere = scope
        .changes
        .as_ref()
        .is_none_or(|changes| !removed.is_empty() || !changes.renamed.is_empty() || !changes.deleted.is_empty());
    let wanted = |path: &str| if elsewhere { scope.is_named(path) } else { scope.wants(path) };
    let files: Vec<_> = scope.snapshot.index().files().filter(|file| wanted(file.path())).collect();
    let found = parallel::map(
        scope.step(Rule::StaleReference, "reading documentation", files.len()),
        &files,
        || (),
        |(), file| document(scope, &present, &removed, file),
    );
    let mut documents = found.into_iter().flatten().collect::<Vec<_>>();
    for document in &mut documents {
        let Document { source, file, missing } = document;
        missing.retain(|missing| is_wanted(scope, file.path(), source, missing));
    }
    let names = names(&documents);
    scope.step(Rule::StaleReference, "reading the history of names", names.len());
    let gone = match &scope.changes {
        Some(_) => removed,
        None if names.is_empty() || !scope.options.history => BTreeSet::new(),
        None => git::removed_definitions(scope.snapshot.root(), &names, HISTORY_TIME, scope.cancel),
    };
    let mut missing = documents.iter().flat_map(|document| &document.missing);
    let needs_past = scope.options.history && missing.any(|missing| missing.name().is_none());
    let past =
        if needs_past { git::past(scope.snapshot.root(), HISTORY_TIME, scope.cancel) } else { git::Past::default() };
    let mut words = BTreeMap::new();
    for name in names.iter().filter(|name| gone.contains(*name)) {
        words.insert(name.clone(), present.is_word(name)?);
    }
    let mut findings = Vec::new();
    for document in &documents {
        for missing in &document.missing {
            let found = match &missing.mention.what {
                Named::Symbol { container, name } => {
                    let gone = words.get(name) == Some(&false);
                    gone.then(|| Gone { now: present.like(container, name) })
                }
                Named::Link | Named::Path => present.moved(&past, scope, document.file.path(), missing),
            };
            findings.extend(found.map(|gone| finding(document, missing, gone.now)));
        }
    }
    Ok(findings)
}

impl Missing {
    /// The name of a symbol.
    fn name(&self) -> Option<&str> {
        match &self.mention.what {
            Named::Symbol { name, .. } => Some(name),
            Named::Link | Named::Path => None,
        }
    }
}

/// Names whose definition the checked change removed and that look like code.
fn removed_by_change(scope: &Scope<'_>) -> BTreeSet<String> {
    let lines = scope.changes.iter().flat_map(|changes| &changes.removed_lines);
    lines.filter_map(|line| git::defined_name(line)).filter(|word| is_code_name(word)).map(str::to_owned).collect()
}

fn names(documents: &[Document]) -> BTreeSet<String> {
    let missing = documents.iter().flat_map(|document| &document.missing);
    missing.filter_map(|missing| missing.name().map(str::to_owned)).collect()
}

/// A change is asked for what it touched, and for what it made stale elsewhere.
fn is_wanted(scope: &Scope<'_>, path: &str, source: &Source, missing: &Missing) -> bool {
    let line = source.lines.line_of(missing.mention.span.start);
    match (&scope.changes, &missing.mention.what) {
        (None, _) | (Some(_), Named::Symbol { .. }) => true,
        (Some(changes), Named::Link | Named::Path) => {
            let moved = changes.renamed.iter().map(|(from, _)| from).chain(&changes.deleted);
            scope.wants_lines(path, line..line + 1)
                || moved.into_iter().any(|path| missing.written.ends_with(file_name(path)))
        }
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Files whose documentation tells what was: names in it are old on purpose.
fn is_chronicle(path: &str) -> bool {
    const WORDS: &[&str] = &[
        "changelog", "changes", "history", "news", "release", "releases", "migrate", "migration", "migrating",
        "migrations", "upgrade", "upgrading", "whatsnew", "archive", "rfc", "rfcs", "proposals", "adr", "blog", "todo",
        "roadmap",
    ];
    path.to_lowercase().split(['/', '.', '-', '_']).any(|part| WORDS.contains(&part))
}

/// What the documentation of a file names and is missing as far as the file system and the symbols tell.
fn document(
    scope: &Scope<'_>,
    present: &Present<'_>,
    removed: &BTreeSet<String>,
    file: &Arc<FileEntry>,
) -> Option<Document> {
    let markdown = file.language().name() == "markdown";
    let skipped = matches!(roles::role(file.path()), Role::Vendored | Role::Test)
        || file.flags().contains(FileFlags::GENERATED)
        || is_chronicle(file.path());
    if skipped || !(markdown || file.symbols().any(|symbol| symbol.doc().is_some())) {
        return None;
    }
    let source = scope.source(file)?;
    let mut spans: Vec<Span> = if markdown {
        vec![Span::new(0, source.text.len())]
    } else {
        file.symbols().filter_map(|symbol| symbol.doc()).collect()
    };
    spans.dedup();
    let mut missing: Vec<Missing> = Vec::new();
    for mention in spans.iter().flat_map(|span| mentions::mentions(&source.text, *span)) {
        let written = mention.span.slice(&source.text);
        let absent = match &mention.what {
            Named::Link => markdown && !present.has_path(file.path(), written),
            Named::Path => !present.has_path(file.path(), written) && present.has_folder_of(file.path(), written),
            // A change says by itself which names it removed; else the container shows that it is a name of ours.
            Named::Symbol { container, name } => {
                is_code_name(name)
                    && !present.is_symbol(name)
                    && (scope.changes.is_none() || removed.contains(name))
                    && (container.is_empty() || present.is_symbol(container) || present.is_module(container))
            }
        };
        if absent {
            missing.push(Missing { written: written.to_owned(), mention });
        }
    }
    (!missing.is_empty()).then(|| Document { file: Arc::clone(file), source, missing })
}

fn finding(document: &Document, missing: &Missing, now: Option<String>) -> Finding {
    let (path, written) = (document.file.path(), missing.written.as_str());
    let place = Place::of(path, &document.source.text, &document.source.lines, missing.mention.span);
    let kind = if missing.name().is_some() { "symbol" } else { "file" };
    let help = now.as_ref().map(|now| match missing.name() {
        Some(_) => format!("a similar name that exists is `{now}`"),
        None => format!("it is `{now}` now"),
    });
    let fix = now.map(|now| {
        let replacement = now.into();
        vec![Edit { path: path.as_ref().into(), span: missing.mention.span, expected: written.into(), replacement }]
    });
    Finding {
        rule: Rule::StaleReference,
        custom: None,
        severity: Severity::Warning,
        place,
        message: format!("the documentation names the {kind} `{written}`, which does not exist any more"),
        related: Vec::new(),
        help: help.or_else(|| Some("name what is there now, or remove the sentence".to_owned())),
        fix,
        fingerprint: fingerprint([Rule::StaleReference.code(), path, written]),
        confidence: 0.9,
    }
}
