//! A rule of the user's own as its file says it: `.conexus/rules/NAME.toml`.

use std::{ops::Range, path::Path};

use conexus_core::LineIndex;
use conexus_syntax::UserQuery;
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;
use toml::Spanned;

use crate::{Error, Result, Severity};

/// The capture that a finding is about; without it the first capture of the query is.
pub(super) const REPORTED: &str = "report";

/// A rule, read and compiled.
pub(super) struct CustomRule {
    /// The file's name without its extension.
    pub(super) name: Box<str>,
    pub(super) message: String,
    pub(super) help: Option<String>,
    pub(super) severity: Severity,
    /// One per language.
    pub(super) queries: Vec<UserQuery>,
    /// What is put in place of the reported capture.
    pub(super) fix: Option<String>,
    pub(super) include: Option<GlobSet>,
    pub(super) exclude: GlobSet,
    pub(super) constraints: Constraints,
}

/// What the index must say of the symbol around the reported capture for it to be a finding; without any constraint
/// every match is one.
pub(super) struct Constraints {
    /// It may not be called from files that match.
    pub(super) not_called_from: Option<GlobSet>,
    /// A test must reach it.
    pub(super) must_have_test: bool,
    /// Nothing else may do nearly the same.
    pub(super) must_not_resemble: bool,
}

impl Constraints {
    pub(super) fn any(&self) -> bool {
        self.not_called_from.is_some() || self.must_have_test || self.must_not_resemble
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleTable {
    message: String,
    help: Option<String>,
    severity: Option<Spanned<String>>,
    languages: Spanned<Vec<String>>,
    query: Spanned<String>,
    fix: Option<String>,
    #[serde(default)]
    include: Vec<Spanned<String>>,
    #[serde(default)]
    exclude: Vec<Spanned<String>>,
    #[serde(default)]
    constraints: ConstraintsTable,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConstraintsTable {
    #[serde(default)]
    not_called_from: Vec<Spanned<String>>,
    #[serde(default)]
    must_have_test: bool,
    #[serde(default)]
    must_not_resemble: bool,
}

/// Reads the rules of a folder, ordered by name. A folder that does not exist has none.
pub(super) fn rules(folder: &Path) -> Result<Vec<CustomRule>> {
    let unreadable = |path: &Path, source| Error::CustomUnreadable { path: path.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(folder, error))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        rule(&name, path, &text)
    };
    paths.iter().map(read).collect()
}

/// Reads one rule.
pub(super) fn rule(name: &str, path: &Path, text: &str) -> Result<CustomRule> {
    let lines = LineIndex::new(text);
    let wrong = |at: usize, message: String| {
        let line = lines.line_of(at as u32);
        let start = lines.span(line).map_or(0, |line| line.start as usize);
        let column = text.get(start..at).map_or(0, |before| before.chars().count());
        Error::Custom { path: path.to_owned(), line: line + 1, column: column as u32 + 1, message }
    };
    let table: RuleTable = toml::from_str(text)
        .map_err(|error| wrong(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
    let severity = match &table.severity {
        None => Severity::Warning,
        Some(name) => Severity::from_name(name.get_ref()).ok_or_else(|| {
            let names: Vec<_> = Severity::ALL.iter().map(|severity| severity.name()).collect();
            wrong(name.span().start, format!("no such severity, one of: {}", names.join(", ")))
        })?,
    };
    let globs = |globs: &[Spanned<String>]| -> Result<GlobSet> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            set.add(Glob::new(glob.get_ref()).map_err(|error| wrong(glob.span().start, error.to_string()))?);
        }
        set.build().map_err(|error| wrong(0, error.to_string()))
    };
    let some = |list: &[Spanned<String>]| if list.is_empty() { Ok(None) } else { globs(list).map(Some) };
    if table.languages.get_ref().is_empty() {
        return Err(wrong(table.languages.span().start, "name at least one language".to_owned()));
    }
    let compile = |language: &String| {
        let source = table.query.get_ref();
        UserQuery::new(language, source).map_err(|error| {
            let at = query_offset(text, table.query.span(), source, error.line, error.column);
            wrong(at, error.message)
        })
    };
    let queries = table.languages.get_ref().iter().map(compile).collect::<Result<Vec<_>>>()?;
    Ok(CustomRule {
        name: name.into(),
        severity,
        queries,
        include: some(&table.include)?,
        exclude: globs(&table.exclude)?,
        constraints: Constraints {
            not_called_from: some(&table.constraints.not_called_from)?,
            must_have_test: table.constraints.must_have_test,
            must_not_resemble: table.constraints.must_not_resemble,
        },
        message: table.message,
        help: table.help,
        fix: table.fix,
    })
}

/// Where a position of the query lies in the file. The text of a multi-line string is written as it is, after its quotes
/// and the line break that may follow them; of any other string the beginning is told.
fn query_offset(text: &str, span: Range<usize>, query: &str, line: u32, column: u32) -> usize {
    let written = text.get(span.clone()).unwrap_or("");
    let Some(start) = written.find(query).filter(|_| !query.is_empty()) else { return span.start };
    let lines = LineIndex::new(query);
    let within = lines.span(line).map_or(0, |line| line.start as usize) + column as usize;
    span.start + start + within.min(query.len())
}
