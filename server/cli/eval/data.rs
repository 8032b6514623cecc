//! Labelled queries and where their repositories are.

use std::{collections::HashMap, fmt, path::Path};

use anyhow::{Context, Result, bail};
use conexus_core::{Hit, WorkContext};
use conexus_engine::Snapshot;

use super::metrics;

/// A repository of the query set.
pub(super) struct Repository {
    pub(super) name: String,
    /// Folder of it that is indexed; `.` is all of it.
    pub(super) root: String,
}

/// A place that answers a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    path: String,
    /// First and last line from 1, or the whole file.
    lines: Option<(u32, u32)>,
}

/// A query with its targets.
pub(super) struct LabelledQuery {
    pub(super) language: String,
    pub(super) category: String,
    pub(super) query: String,
    pub(super) targets: Vec<Target>,
    /// What the person works on.
    pub(super) context: WorkContext,
}

/// How an answer meets its targets.
pub(super) struct Judged {
    /// Ranks, from 1, of the hits that count for a target, best first.
    pub(super) ranks: Vec<usize>,
    /// Targets that an answer could meet: of those that one chunk holds, one.
    pub(super) reachable: usize,
    /// Targets that no chunk holds, as they are written.
    pub(super) lacking: Vec<String>,
}

impl LabelledQuery {
    /// How the hits answer the targets. A hit counts for one target and a target for one hit, so that a hit that holds
    /// several does not count several times; what no answer could reach is not asked for.
    pub(super) fn judge(&self, hits: &[Hit], snapshot: &Snapshot, root: &str) -> Judged {
        let count = self.targets.len();
        let held: Vec<_> = hits.iter().map(|hit| self.held(&full_path(root, &hit.path), hit.lines)).collect();
        let files = snapshot.index().files().map(|file| (full_path(root, file.path()), file));
        let chunks: Vec<_> = files
            .filter(|(path, _)| self.targets.iter().any(|target| target.is_in(path)))
            .flat_map(|(path, file)| file.chunks().map(move |chunk| (path.clone(), chunk.lines())))
            .map(|(path, lines)| self.held(&path, lines))
            .collect();
        // A target that no chunk holds is the index's fault or the label's, so it stays among those that should be found.
        let lacking: Vec<_> = (0..count).filter(|target| !chunks.iter().flatten().any(|held| held == target)).collect();
        Judged {
            ranks: metrics::assigned(&held, count).into_iter().map(|at| at + 1).collect(),
            reachable: metrics::assigned(&chunks, count).len() + lacking.len(),
            lacking: lacking.into_iter().map(|target| self.targets[target].to_string()).collect(),
        }
    }

    /// Numbers of the targets that lines of a file, the first and the last from 0, hold.
    fn held(&self, path: &str, lines: (u32, u32)) -> Vec<usize> {
        let is_held = |target: &Target| target.is(path, (lines.0 + 1, lines.1 + 1));
        self.targets.iter().enumerate().filter(|(_, target)| is_held(target)).map(|(number, _)| number).collect()
    }

    /// Whether a hit is one of the targets.
    pub(super) fn is_relevant(&self, hit: &Hit, root: &str) -> bool {
        !self.held(&full_path(root, &hit.path), hit.lines).is_empty()
    }

    /// The lines of the targets that have lines, from 1 and without blank ones, each with the path of its file in the index.
    pub(super) fn spans(&self, snapshot: &Snapshot, root: &str) -> Vec<(String, Vec<u32>)> {
        let mut spans = Vec::new();
        for (target, (first, last)) in self.targets.iter().filter_map(|target| Some((target, target.lines?))) {
            let files = snapshot.index().files().filter(|file| target.is_in(&full_path(root, file.path())));
            for path in files.map(|file| file.path()) {
                let Ok(current) = snapshot.text(path) else { continue };
                let lines = (1..).zip(current.text.lines()).filter(|(_, line)| !line.trim().is_empty());
                let lines: Vec<u32> =
                    lines.map(|(number, _)| number).filter(|number| (first..=last).contains(number)).collect();
                if !lines.is_empty() {
                    spans.push((path.to_string(), lines));
                }
            }
        }
        spans
    }

    /// Whether a file holds a target, wherever in it.
    pub(super) fn is_relevant_file(&self, path: &str, root: &str) -> bool {
        let path = full_path(root, path);
        self.targets.iter().any(|target| target.is_in(&path))
    }
}

/// A path below the indexed folder as the labels write it.
fn full_path(root: &str, path: &str) -> String {
    if root == "." { path.to_owned() } else { format!("{root}/{path}") }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.path)?;
        self.lines.map_or(Ok(()), |(first, last)| write!(formatter, ":{first}-{last}"))
    }
}

impl Target {
    fn parse(text: &str) -> Self {
        if let Some((path, lines)) = text.rsplit_once(':')
            && let Some((first, last)) = lines.split_once('-')
            && let (Ok(first), Ok(last)) = (first.parse(), last.parse())
        {
            return Self { path: path.to_owned(), lines: Some((first, last)) };
        }
        Self { path: text.to_owned(), lines: None }
    }

    /// Lines of a file, from 1 and inclusive.
    pub(super) fn lines(path: &str, first: u32, last: u32) -> Self {
        Self { path: path.to_owned(), lines: Some((first, last)) }
    }

    pub(super) fn is_in(&self, path: &str) -> bool {
        path == self.path || path.strip_suffix(self.path.as_str()).is_some_and(|front| front.ends_with('/'))
    }

    fn is(&self, path: &str, lines: (u32, u32)) -> bool {
        self.is_in(path) && self.lines.is_none_or(|(first, last)| lines.0 <= last && first <= lines.1)
    }
}

/// Queries by repository.
pub(super) fn queries(path: &Path) -> Result<HashMap<String, Vec<LabelledQuery>>> {
    let mut queries: HashMap<String, Vec<LabelledQuery>> = HashMap::new();
    let table = Table::read(path)?;
    for row in table.rows() {
        let targets: Vec<Target> = [row.optional("relevant"), row.optional("secondary")]
            .iter()
            .flat_map(|cell| cell.split(';'))
            .map(str::trim)
            .filter(|target| !target.is_empty())
            .map(Target::parse)
            .collect();
        if targets.is_empty() {
            bail!("the query {:?} has no target", row.get("query")?);
        }
        queries.entry(row.get("repo")?.to_owned()).or_default().push(LabelledQuery {
            language: row.get("language")?.to_owned(),
            category: row.get("category")?.to_owned(),
            // A pasted message has lines, which a table of lines cannot hold otherwise.
            query: row.get("query")?.replace("\\n", "\n"),
            targets,
            context: WorkContext::default(),
        });
    }
    Ok(queries)
}

/// The repositories in the order of the file.
pub(super) fn repositories(path: &Path) -> Result<Vec<Repository>> {
    let table = Table::read(path)?;
    table
        .rows()
        .map(|row| Ok(Repository { name: row.get("repo")?.to_owned(), root: row.get("root")?.to_owned() }))
        .collect()
}

/// A tab-separated file whose first line names the columns.
struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

struct Row<'a> {
    table: &'a Table,
    cells: &'a [String],
}

impl Table {
    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut lines = text
            .lines()
            .filter(|line| !line.trim().is_empty())
            .map(|line| line.split('\t').map(str::to_owned).collect::<Vec<_>>());
        let columns = lines.next().with_context(|| format!("{} is empty", path.display()))?;
        Ok(Self { columns, rows: lines.collect() })
    }

    fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|cells| Row { table: self, cells })
    }
}

impl<'a> Row<'a> {
    fn optional(&self, column: &str) -> &'a str {
        self.table
            .columns
            .iter()
            .position(|name| name == column)
            .and_then(|at| self.cells.get(at))
            .map_or("", String::as_str)
    }

    fn get(&self, column: &str) -> Result<&'a str> {
        match self.optional(column) {
            "" => bail!("a row has no column {column:?}: {:?}", self.cells),
            cell => Ok(cell),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn targets_match_suffixes_and_spans() {
        for (target, path, lines, expected) in [
            ("src/a.rs", "src/a.rs", (1, 5), true),
            ("a.rs", "src/a.rs", (1, 5), true),
            ("a.rs", "src/aa.rs", (1, 5), false),
            ("a.rs:5-9", "src/a.rs", (1, 5), true),
            ("a.rs:6-9", "src/a.rs", (1, 5), false),
        ] {
            assert_eq!(Target::parse(target).is(path, lines), expected, "{target} {path}");
        }
    }
}
