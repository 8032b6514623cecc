//! The master property as a function: two indexes of one workspace hold and answer the same.

use std::sync::{Arc, atomic::AtomicBool};

use conexus_core::{Hit, Mode, Note, Query};
use conexus_index::{FileEntry, FileReferences};

use crate::{Result, Snapshot};

/// Differences that are listed at the most.
const MOST: usize = 20;
/// Names whose searches are compared.
const PROBES: usize = 40;

/// What comparing two snapshots found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// As [`difference`] says it.
    pub differences: Vec<String>,
    /// Files that were compared by their content alone, since the parser had too little time for them in one of the two
    /// indexes. If there are any, no query was asked.
    pub by_content: usize,
    /// Whether vectors were compared: both are searched with the same model. A fresh index is searched with the built-in
    /// model until a slow one has caught up.
    pub with_vectors: bool,
}

impl Comparison {
    /// Compares two snapshots.
    pub fn of(left: &Snapshot, right: &Snapshot) -> Result<Self> {
        Ok(Self {
            differences: difference(left, right)?,
            by_content: compared_by_content(left, right),
            with_vectors: compares_vectors(left, right),
        })
    }
}

/// What differs between two snapshots, in words; empty when they hold the same files, chunks, symbols, references and
/// vectors and answer probing queries alike. Generations and slots may differ. Where they are searched with other
/// models, vectors are left out and the queries go by words. A file that the parser had too little time for in one of them
/// alone is compared by its content, and then no query is asked. [`Comparison`] tells of both.
pub fn difference(left: &Snapshot, right: &Snapshot) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut in_time = true;
    let mut ours = left.index().files().peekable();
    let mut theirs = right.index().files().peekable();
    while found.len() < MOST {
        match (ours.peek(), theirs.peek()) {
            (None, None) => break,
            (Some(file), other) if other.is_none_or(|other| file.path() < other.path()) => {
                found.push(format!("{}: only in the first index", file.path()));
                ours.next();
            }
            (file, Some(other)) if file.is_none_or(|file| other.path() < file.path()) => {
                found.push(format!("{}: only in the second index", other.path()));
                theirs.next();
            }
            _ => {
                if let (Some(file), Some(other)) = (ours.next(), theirs.next()) {
                    if timed_out(file) == timed_out(other) || file.blob() != other.blob() {
                        compare_files(left, file, right, other, &mut found)?;
                    } else {
                        in_time = false;
                    }
                }
            }
        }
    }
    if found.is_empty() && in_time {
        compare_answers(left, right, &mut found)?;
    }
    Ok(found)
}

fn compared_by_content(left: &Snapshot, right: &Snapshot) -> usize {
    let files = left.index().files();
    let pairs = files.filter_map(|file| Some((file, right.index().file(file.path())?)));
    pairs.filter(|(file, other)| timed_out(file) != timed_out(other) && file.blob() == other.blob()).count()
}

fn compares_vectors(left: &Snapshot, right: &Snapshot) -> bool {
    left.index().model() == right.index().model()
}

fn timed_out(file: &FileEntry) -> bool {
    file.notes().any(|note| note == Note::TimedOut)
}

fn compare_files(
    left: &Snapshot,
    file: &FileEntry,
    right: &Snapshot,
    other: &FileEntry,
    found: &mut Vec<String>,
) -> Result<()> {
    let path = file.path();
    let mut differ = |what: &str, same: bool| {
        if !same {
            found.push(format!("{path}: {what} differ"));
        }
    };
    differ("contents", file.blob() == other.blob());
    differ("languages", file.language() == other.language());
    differ("properties", file.flags() == other.flags());
    differ(
        "chunks",
        file.chunks()
            .map(|chunk| (chunk.to_chunk(), chunk.lines()))
            .eq(other.chunks().map(|chunk| (chunk.to_chunk(), chunk.lines()))),
    );
    differ(
        "symbols",
        file.symbols().map(|symbol| symbol.to_symbol()).eq(other.symbols().map(|symbol| symbol.to_symbol())),
    );
    let ours = left.references(file)?;
    let theirs = right.references(other)?;
    let listed = |references: &Option<Arc<FileReferences>>| {
        references.as_ref().map(|all| all.iter().map(|named| named.reference).collect::<Vec<_>>())
    };
    differ("references", listed(&ours) == listed(&theirs));
    let vectors = !compares_vectors(left, right)
        || (0..file.chunk_count()).all(|index| {
            left.index().vector(file.first_slot() + index) == right.index().vector(other.first_slot() + index)
        });
    differ("vectors", vectors);
    Ok(())
}

/// Asks both for names and signatures spread over the files and compares the answers, scores included. All vectors are
/// read: what a graph finds depends on the order in which it was built.
fn compare_answers(left: &Snapshot, right: &Snapshot, found: &mut Vec<String>) -> Result<()> {
    let [left, right] = [left, right].map(|view| view.with_index(Arc::new(view.index().without_graph())));
    let names: Vec<String> = left.index().symbols().map(|(_, symbol)| symbol.name().to_owned()).collect();
    let step = (names.len() / PROBES).max(1);
    let cancel = AtomicBool::new(false);
    let mode = if compares_vectors(&left, &right) { Mode::Auto } else { Mode::Keyword };
    let mut probes: Vec<String> = names.iter().step_by(step).cloned().collect();
    probes.extend(
        names
            .iter()
            .step_by(step * 3)
            .zip(names.iter().skip(1).step_by(step * 3))
            .map(|(one, two)| format!("how does {one} relate to {two}")),
    );
    for probe in probes {
        let query = Query { mode, ..Query::new(probe.clone()) };
        let ours = left.search(&query, &cancel)?;
        let theirs = right.search(&query, &cancel)?;
        if !same_hits(&ours.hits, &theirs.hits) {
            found.push(format!("the query {probe:?} is answered differently"));
            if found.len() >= MOST {
                break;
            }
        }
    }
    Ok(())
}

/// The same places in the same order, with the same scores but for what the order of a sum may change.
fn same_hits(ours: &[Hit], theirs: &[Hit]) -> bool {
    const GRAIN: f32 = 1e-4;
    ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(ours, theirs)| {
            (&ours.path, ours.span) == (&theirs.path, theirs.span) && (ours.score - theirs.score).abs() <= GRAIN
        })
}
