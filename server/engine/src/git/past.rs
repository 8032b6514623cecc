//! What a repository had once: files that were moved or deleted, words that were removed.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::Path,
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use conexus_core::words;

use super::{command, run};
use crate::roles;

/// Files that were moved or deleted, as far back as there was time to look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Past {
    renamed: HashMap<String, String>,
    gone: HashSet<String>,
}

impl Past {
    /// Whether a file was once at a path, and was moved or deleted.
    pub fn had(&self, path: &str) -> bool {
        self.gone.contains(path)
    }

    /// Where a file is now that was once at a path, over any number of moves; the path itself need not exist any more.
    pub fn now(&self, path: &str) -> Option<&str> {
        let mut at = self.renamed.get(path)?;
        // A file may have been moved in a circle.
        for _ in 0..16 {
            match self.renamed.get(at) {
                Some(next) if next != path => at = next,
                _ => break,
            }
        }
        Some(at)
    }
}

/// Reads which files were moved or deleted, newest commit first, for at most that time and while somebody waits. Nothing
/// without a repository.
pub fn past(folder: &Path, time: Duration, cancel: &AtomicBool) -> Past {
    let mut past = Past::default();
    let arguments =
        ["log", "--relative", "--diff-filter=DR", "--find-renames", "--name-status", "--format=", "--no-color", "-z"];
    let mut fields: Vec<String> = Vec::new();
    lines(folder, &arguments, b'\0', (time, cancel), &mut |field| {
        fields.push(field.trim_matches('\n').to_owned());
        let wanted = if fields[0].starts_with('R') { 3 } else { 2 };
        if fields.len() == wanted {
            // The newest commit that moved a path says where it went.
            if let [_, from, to] = fields.as_slice() {
                past.renamed.entry(from.clone()).or_insert_with(|| to.clone());
            }
            past.gone.insert(fields[1].clone());
            fields.clear();
        }
    });
    past
}

/// Which of some names were defined in lines that were removed, as far back as there is time to look and somebody waits.
pub fn removed_definitions(
    folder: &Path,
    wanted: &BTreeSet<String>,
    time: Duration,
    cancel: &AtomicBool,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let arguments =
        ["log", "--relative", "--patch", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--format="];
    let mut prose = false;
    lines(folder, &arguments, b'\n', (time, cancel), &mut |line| {
        if let Some(path) = line.strip_prefix("--- ") {
            prose = is_prose(path);
        } else if let Some(removed) = line.strip_prefix('-')
            && !prose
            && let Some(name) = defined_name(removed).filter(|name| wanted.contains(*name))
        {
            found.insert(name.to_owned());
        }
    });
    found
}

/// The files of a revision, relative to the folder, in which some lines stand, white space at both ends aside: a path for
/// each time that a line does, with the number of the line among those that were asked for. What a clone has not is not
/// searched. `None` when git does not run, and when nobody waits any more.
pub fn standing_in(
    folder: &Path,
    revision: &str,
    wanted: &[&str],
    cancel: &AtomicBool,
) -> Option<Vec<(String, usize)>> {
    let mut search = super::command(folder);
    // Whatever a person's settings add to a line; and what a partial clone has not is not fetched.
    let as_it_is = ["--no-line-number", "--no-column", "--no-full-name", "--no-color", "--no-heading", "--no-break"];
    search.env("GIT_NO_LAZY_FETCH", "1").args(["grep", "-I", "-z", "--fixed-strings"]).args(as_it_is);
    for line in wanted {
        search.args(["-e", line]);
    }
    search.args([revision, "--"]);
    let mut output = Vec::new();
    let ended = run::read(&mut search, None, cancel, &mut |piece| output.extend_from_slice(piece))?;
    if ended.is_cut {
        return None;
    }
    let output = String::from_utf8_lossy(&output);
    let of_line = |line: &str| {
        let (path, text) = line.strip_prefix(revision)?.strip_prefix(':')?.split_once('\0')?;
        let number = wanted.iter().position(|wanted| *wanted == text.trim())?;
        Some((path.to_owned(), number))
    };
    Some(output.lines().filter_map(of_line).collect())
}

/// Whether a path is one of prose: what its lines define is an example.
pub(super) fn is_prose(path: &str) -> bool {
    matches!(roles::role(path.trim_end_matches(['"', '\t'])), roles::Role::Documentation)
}

/// Words after which languages write the name that they define.
const DEFINING: &[&str] = &[
    "class", "def", "define", "defmodule", "enum", "fn", "fun", "func", "function", "interface", "macro_rules", "mod",
    "module", "object", "protocol", "record", "struct", "trait", "type", "union",
];
/// Words that begin the definition of a method in languages that have none of those.
const MODIFIERS: &[&str] = &["internal", "override", "private", "protected", "public", "static"];

/// The name that a line of code defines, judged by the line alone; comments define nothing.
pub fn defined_name(line: &str) -> Option<&str> {
    let line = line.trim();
    if line.starts_with(['/', '*', '-', '>', '"', '\'']) || line.starts_with("# ") {
        return None;
    }
    let line = line.strip_prefix('#').unwrap_or(line);
    let mut identifiers = words::identifiers(line);
    let first = identifiers.next()?;
    // func (receiver *Type) name(
    let method = line.strip_prefix("func (").and_then(|rest| rest.split_once(") "));
    if let Some((_, rest)) = method {
        return words::identifiers(rest).next();
    }
    let mut before = first;
    for word in identifiers {
        if DEFINING.contains(&before) {
            return Some(word);
        }
        before = word;
    }
    let called = line.split('(').next().filter(|head| head.len() < line.len());
    called
        .filter(|head| MODIFIERS.contains(&first) && !head.contains('='))
        .and_then(|head| words::identifiers(head).last())
}

/// Runs git and hands over what it prints line by line, for at most that time and while somebody waits.
fn lines(
    folder: &Path,
    arguments: &[&str],
    end: u8,
    (time, cancel): (Duration, &AtomicBool),
    each: &mut dyn FnMut(&str),
) {
    let mut begun = Vec::new();
    let mut take = |mut piece: &[u8]| {
        while let Some(at) = memchr::memchr(end, piece) {
            begun.extend_from_slice(&piece[..at]);
            each(&String::from_utf8_lossy(&begun));
            begun.clear();
            piece = &piece[at + 1..];
        }
        begun.extend_from_slice(piece);
    };
    let ended = run::read(command(folder).args(arguments), Some(Instant::now() + time), cancel, &mut take);
    // What has no end is half a line, unless it is the last of all.
    if ended.is_some_and(|ended| ended.is_good) && !begun.is_empty() {
        each(&String::from_utf8_lossy(&begun));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_define_names() {
        for (line, expected) in [
            ("    pub(crate) async fn send_it<T>(&self) {", Some("send_it")),
            ("func (store *Store) evictOldest(limit int) int {", Some("evictOldest")),
            ("    public static List<String> formatTable(Rows rows) {", Some("formatTable")),
            ("#define MAX_SIZE 3", Some("MAX_SIZE")),
            ("async def read_all(self):", Some("read_all")),
            ("/// fn in_a_comment()", None),
            ("    # def in_a_comment", None),
            ("    let value = call_it(other);", None),
            ("", None),
        ] {
            assert_eq!(defined_name(line), expected, "{line}");
        }
    }
}
