//! What a change only moved: code that was there before, in another place, under another name or in a file of another name.

use std::collections::{HashMap, HashSet};

use conexus_core::{Language, Span};
use conexus_engine::git;

use super::{
    compare::Bodies,
    reach::folder,
    units::{RUN, Unit, hash_of, text_hash},
};
use crate::{
    lexer,
    scope::{Scope, Sources},
};

/// The code that the change took away, as runs of tokens with how many of each, by the language it is read as.
pub(super) struct Gone<'a> {
    lines: &'a [String],
    /// What was defined there.
    names: HashSet<&'a str>,
    runs: HashMap<Language, HashMap<u64, u32>>,
}

/// Share of a function's runs that must have been taken away elsewhere for it to have been moved. What formats code anew
/// while it moves leaves most of them.
const MOVED: f32 = 0.8;
/// The same where a function of its name was taken away: it may have got types on its way.
const MOVED_BY_NAME: f32 = 0.4;
/// Bytes that the end of a name must have to say which function it was before words were put in front of it.
const LEAST_OF_NAME: usize = 5;

impl<'a> Gone<'a> {
    pub(super) fn of(scope: &'a Scope<'_>) -> Self {
        let lines = scope.changes.as_ref().map_or(&[][..], |changes| &changes.removed_lines);
        let names = lines.iter().filter_map(|line| git::defined_name(line).or_else(|| name_in_head(line))).collect();
        Self { lines, names, runs: HashMap::new() }
    }

    /// Whether a function is among it: it is not new, but was moved, indented or formatted. What it takes is used up, so
    /// that of two copies of what was moved one is new.
    pub(super) fn holds(&mut self, bodies: &mut Bodies<'_, '_>, unit: &Unit) -> bool {
        let Some(text) = bodies.text(unit) else { return false };
        let language = unit.file.language();
        let own = runs_of(language, unit.span.slice(&text).lines());
        let is_named = unit.symbol().is_some_and(|symbol| self.has_name(symbol.name()));
        let gone =
            self.runs.entry(language).or_insert_with(|| runs_of(language, self.lines.iter().map(String::as_str)));
        let taken = |(run, count): (&u64, &u32)| gone.get(run).map_or(0, |left| *left.min(count));
        let (moved, all) = (own.iter().map(taken).sum::<u32>(), own.values().sum::<u32>());
        let least = if is_named { MOVED_BY_NAME } else { MOVED };
        if all == 0 || (moved as f32) < least * all as f32 {
            return false;
        }
        for (run, count) in own {
            gone.entry(run).and_modify(|left| *left = left.saturating_sub(count));
        }
        true
    }

    /// Whether what was taken away had a name, or what is left of it without the words before it, as `insoff` is of
    /// `panels_insoff`.
    fn has_name(&self, name: &str) -> bool {
        let begins = |&(_, letter): &(usize, char)| letter == '_' || letter.is_uppercase();
        let mut endings = name.char_indices().filter(begins).map(|(at, _)| name[at..].trim_start_matches('_'));
        let is_known = |ending: &str| {
            let mut letters = ending.chars();
            let small: String = letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
            self.names.contains(ending) || self.names.contains(small.as_str())
        };
        self.names.contains(name) || endings.any(|ending| ending.len() >= LEAST_OF_NAME && is_known(ending))
    }
}

/// Words before an opening bracket that are no names.
const STATEMENTS: &[&str] = &[
    "catch", "elif", "elseif", "for", "foreach", "if", "match", "return", "sizeof", "switch", "synchronized", "unless",
    "until", "using", "when", "while", "with",
];

/// The name in the head of a function where no word begins one: `static int part_size(` at the beginning of a line, as in
/// C, and `int size() {`.
fn name_in_head(line: &str) -> Option<&str> {
    let (head, _) = line.split_once('(')?;
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '_';
    let name = head.rsplit(|letter: char| !is_name(letter)).next().filter(|name| !name.is_empty())?;
    let begins_line = line.starts_with(is_name) && head.len() > name.len();
    let is_head = begins_line && !line.trim_end().ends_with(';') || line.trim_end().ends_with('{');
    (is_head && !head.contains('=') && !STATEMENTS.contains(&name)).then_some(name)
}

/// Runs of tokens in lines of code, each line read by itself: of what was taken away there are only lines. Separators and
/// the form of quotes do not count.
fn runs_of<'t>(language: Language, lines: impl Iterator<Item = &'t str>) -> HashMap<u64, u32> {
    let mut tokens = Vec::new();
    for line in lines {
        let found = lexer::tokens(language, line, Span::new(0, line.len()));
        let texts = found.iter().map(|token| token.span.slice(line).trim_matches(['"', '\'', '`']));
        tokens.extend(texts.filter(|text| !matches!(*text, "," | ";")).map(text_hash));
    }
    let mut runs = HashMap::new();
    for run in tokens.windows(RUN) {
        *runs.entry(hash_of(run.iter())).or_default() += 1;
    }
    runs
}

/// Bytes that the line of a name must have to say which function it begins.
const LEAST_OF_LINE: usize = 12;

/// Those of some new functions that came with their files. git pairs a file that is gone with the new one that is most like
/// it, and where several of one kind were renamed or copied at once, it may take one for another. So a function of a new file
/// was moved when the line with its name stood in a file of the same folder, or of the same name, that is gone from there.
pub(super) fn with_their_files(
    scope: &Scope<'_>,
    sources: &mut Sources<'_, '_>,
    units: &[Unit],
    new: impl Iterator<Item = usize>,
) -> HashSet<usize> {
    let mut moved = HashSet::new();
    let (Some(changes), Some(revision)) = (&scope.changes, &scope.options.changed_since) else { return moved };
    let gone: HashSet<&str> =
        changes.deleted.iter().chain(changes.renamed.iter().map(|(from, _)| from)).map(String::as_str).collect();
    let came_from = |path: &str, gone: &str| folder(path) == folder(gone) || file_name(path) == file_name(gone);
    let mut lines: HashMap<String, Vec<usize>> = HashMap::new();
    for number in new {
        let path: &str = units[number].file.path();
        let is_new =
            changes.files.get(path).is_some_and(|file| file.added) || changes.renamed.iter().any(|(_, to)| to == path);
        if is_new
            && gone.iter().any(|gone| came_from(path, gone))
            && let Some(line) = line_of_name(sources, &units[number]).filter(|line| line.len() >= LEAST_OF_LINE)
        {
            lines.entry(line).or_default().push(number);
        }
    }
    let wanted: Vec<&str> = lines.keys().map(String::as_str).collect();
    if wanted.is_empty() {
        return moved;
    }
    let found = git::standing_in(scope.snapshot.root(), revision, &wanted, scope.cancel);
    for (path, line) in found.into_iter().flatten().filter(|(path, _)| gone.contains(path.as_str())) {
        let of_line = lines[wanted[line]].iter().copied();
        moved.extend(of_line.filter(|&number| came_from(units[number].file.path(), &path)));
    }
    moved
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The line on which the name of a function stands.
fn line_of_name(sources: &mut Sources<'_, '_>, unit: &Unit) -> Option<String> {
    let source = sources.of(&unit.file)?;
    let (line, _) = source.lines.lines_of(unit.symbol()?.name_span());
    Some(source.lines.span(line)?.slice(&source.text).trim().to_owned())
}
