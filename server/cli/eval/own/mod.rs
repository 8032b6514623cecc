//! Labelled queries out of repositories themselves, so that anyone can measure on code of their own: sentences of
//! documentation that should find what they document, and subjects of commits that should find what was changed.
//!
//! All happens in a copy of committed files; repositories are only read.

mod commits;
mod documentation;
mod sentence;

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use conexus_core::{LineIndex, Span};
use conexus_engine::{FileEntry, Host, IndexDir, Location, Snapshot, SymbolRef, Weights, git, roles};

use self::commits::Work;
use super::{Scored, data::LabelledQuery, data::Target, measure, output, settings};
use crate::cli::{
    arguments::{Arguments, EvalArguments},
    temporary::Temporary,
};

/// Scores of queries made out of repositories.
pub(super) fn scores(
    arguments: &Arguments,
    eval: &EvalArguments,
    folders: &[PathBuf],
    weights: &Weights,
) -> Result<Vec<Scored>> {
    let mut scored = Vec::new();
    for (name, repository) in named(folders)? {
        let mut copy = Copy::of(arguments, name, repository, weights, &eval.budgets)?;
        let before = scored.len();
        let work = Work::of(eval);
        if work == Work::Unknown {
            documentation::score(&mut copy, eval.sample, &mut scored)?;
        }
        let documented = scored.len() - before;
        commits::score(&mut copy, eval.sample, work, &mut scored)?;
        let committed = scored.len() - before - documented;
        let shallow = if committed == 0 && git::is_shallow(&copy.repository) {
            "; the clone is shallow, so that commits have no parent to compare with: `git fetch --unshallow` gets them"
        } else {
            ""
        };
        output::note(&format!("{}: {documented} sentences of documentation, {committed} commits{shallow}", copy.name));
    }
    if scored.is_empty() {
        bail!("no query could be made: there are neither documented functions nor commits that change functions");
    }
    Ok(scored)
}

/// Folders with the names that their figures go by: a folder's own name, or its whole path where another has that name.
fn named(folders: &[PathBuf]) -> Result<Vec<(String, PathBuf)>> {
    let mut named: Vec<(String, PathBuf)> = Vec::new();
    for folder in folders {
        let repository =
            folder.canonicalize().with_context(|| format!("cannot use the repository {}", folder.display()))?;
        if named.iter().any(|(_, known)| *known == repository) {
            bail!("the repository {} is named twice", folder.display());
        }
        let name = folder.file_name().or_else(|| repository.file_name());
        named.push((name.unwrap_or_default().to_string_lossy().into_owned(), repository));
    }
    let names: Vec<String> = named.iter().map(|(name, _)| name.clone()).collect();
    for (name, repository) in &mut named {
        if names.iter().filter(|other| *other == name).count() > 1 {
            *name = repository.display().to_string();
        }
    }
    Ok(named)
}

/// A copy of a repository's files at one revision, and its index.
struct Copy {
    name: String,
    repository: PathBuf,
    export: git::Export,
    host: Host,
    tree: PathBuf,
    budgets: Vec<usize>,
    /// Holds all of it, and is removed with it.
    _folder: Temporary,
}

impl Copy {
    fn of(
        arguments: &Arguments,
        name: String,
        repository: PathBuf,
        weights: &Weights,
        budgets: &[usize],
    ) -> Result<Self> {
        let folder = Temporary::new("conexus-eval").context("cannot make a folder for a copy of the repository")?;
        let tree = folder.path().join("tree");
        std::fs::create_dir(&tree).with_context(|| format!("cannot make {}", tree.display()))?;
        let export = git::Export::new(&repository, &tree, &folder.path().join("git-index"))
            .with_context(|| format!("{} is in no git repository, or there is no git", repository.display()))?;
        let mut settings = settings::load(&arguments.global, &repository)?;
        settings.index_dir = IndexDir::At(folder.path().join("index"));
        // Only committed files are in the copy.
        settings.ignore_files = false;
        let location = Location::of(&tree, &settings.index_dir)?;
        let mut host = Host::open(location, settings)?.0;
        host.set_weights(weights.clone());
        Ok(Self { name, repository, export, host, tree, budgets: budgets.to_vec(), _folder: folder })
    }

    /// The copy at a revision, indexed; `None` when git cannot show it.
    fn at(&mut self, revision: &str) -> Result<Option<Snapshot>> {
        if self.export.show(revision) { self.indexed().map(Some) } else { Ok(None) }
    }

    fn indexed(&mut self) -> Result<Snapshot> {
        super::indexed(&mut self.host)
    }

    fn measure(&self, snapshot: &Snapshot, labelled: &LabelledQuery) -> Result<Scored> {
        measure(snapshot, &self.name, ".", labelled, &self.budgets)
    }
}

/// Whether a file is the product's own code, which questions are about.
fn is_code(file: &FileEntry) -> bool {
    roles::role(file.path()) == roles::Role::Code && !file.flags().contains(conexus_engine::FileFlags::GENERATED)
}

fn is_function(symbol: SymbolRef<'_>) -> bool {
    symbol.kind().is_callable() && !symbol.is_test()
}

/// A function as a target: from the line of its name to its end.
fn target(path: &str, symbol: SymbolRef<'_>, lines: &LineIndex) -> Target {
    let (first, last) = lines.lines_of(Span { start: symbol.name_span().start, end: symbol.span().end });
    Target::lines(path, first + 1, last + 1)
}

/// At most `count` of the values, evenly spaced.
fn spread<T>(values: Vec<T>, count: usize) -> Vec<T> {
    let all = values.len().max(1);
    let count = count.min(all);
    values
        .into_iter()
        .enumerate()
        .filter(|(at, _)| (at * count) / all != ((at + 1) * count) / all)
        .map(|(_, value)| value)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn values_are_spread_evenly() {
        assert_eq!(spread((0..10).collect(), 3), [3, 6, 9]);
        assert_eq!(spread(vec![1, 2], 5), [1, 2]);
        assert_eq!(spread(Vec::<u8>::new(), 5), [0; 0]);
    }
}
