//! Recall on copies that a seeded generator changes: names, literals and the order of statements, statements added and
//! removed. The functions are ordinary ones in seven languages; each copy is put among all of them.

#![allow(clippy::print_stdout)]

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::AtomicBool,
};

use conexus_check::{Finding, Options, Rule, Selection, check};
use conexus_engine::{Host, IndexDir, Location, Settings};
use conexus_testkit::{Repository, Workspace};

/// Functions separated by lines of `----`; the first line of each names its language's extension and the names of its
/// own that a copy may rename. A line that ends with `//~` is a statement by itself that may move, go or be doubled.
const FUNCTIONS: &str = include_str!("mutations/functions.txt");
/// Changed copies of each function.
const COPIES: usize = 8;
const SEED: u64 = 20_261_121;
/// What the rules must find of the copies.
const LEAST_RECALL: f64 = 0.85;

/// A generator of random numbers (SplitMix64), the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) % limit.max(1) as u64) as usize
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

struct Function {
    extension: &'static str,
    name: &'static str,
    locals: Vec<&'static str>,
    lines: Vec<&'static str>,
}

fn functions() -> Vec<Function> {
    let parts = FUNCTIONS.split("----\n").filter(|part| !part.trim().is_empty());
    parts
        .map(|part| {
            let (head, body) = part.split_once('\n').expect("a first line");
            let mut words = head.split_whitespace();
            let extension = words.next().expect("an extension");
            let name = words.next().expect("a name");
            Function { extension, name, locals: words.collect(), lines: body.lines().collect() }
        })
        .collect()
}

const MARK: &str = "//~";

impl Function {
    fn text(&self) -> String {
        self.lines.iter().map(|line| line.replace(MARK, "").trim_end().to_owned() + "\n").collect()
    }

    /// Whether a word is a name of the function's own wherever it stands, and no member and no part of a text.
    fn owns(&self, local: &str) -> bool {
        let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
        let text = self.text();
        text.match_indices(local).all(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + local.len()..]);
            let line = before.rsplit('\n').next().unwrap_or_default();
            let in_text = ['"', '`'].iter().any(|quote| line.matches(*quote).count() % 2 == 1);
            let part = before.ends_with(is_word) || after.starts_with(is_word);
            let member = before.ends_with(['.', '>']) || after.starts_with(':');
            !in_text && (part || !member)
        })
    }

    /// A copy under other names.
    fn renamed(&self, random: &mut Random, number: usize) -> String {
        let mut names = self.other_names(random, number);
        names.retain(|local, _| *local == self.name || self.owns(local));
        renamed(&self.text(), &names)
    }

    fn other_names(&self, random: &mut Random, number: usize) -> HashMap<&'static str, String> {
        let mut names = HashMap::from([(self.name, format!("{}Again{number}", self.name))]);
        for local in &self.locals {
            if random.chance(70) {
                names.insert(*local, format!("{local}Of{number}"));
            }
        }
        names
    }

    /// A copy with one to all kinds of changes.
    fn changed(&self, random: &mut Random, number: usize) -> String {
        let mut lines: Vec<String> = self.lines.iter().map(ToString::to_string).collect();
        let free = |lines: &[String]| -> Vec<usize> {
            (0..lines.len()).filter(|&line| lines[line].trim_end().ends_with(MARK)).collect()
        };
        if random.chance(60) {
            let at = free(&lines);
            let neighbours: Vec<_> = at.windows(2).filter(|pair| pair[0] + 1 == pair[1]).collect();
            if let Some(pair) = neighbours.get(random.below(neighbours.len())) {
                lines.swap(pair[0], pair[1]);
            }
        }
        if random.chance(50) {
            let at = free(&lines);
            if let Some(&line) = at.get(random.below(at.len())) {
                lines.remove(line);
            }
        }
        if random.chance(50) {
            let at = free(&lines);
            if let Some(&line) = at.get(random.below(at.len())) {
                let indent: String = lines[line].chars().take_while(|letter| letter.is_whitespace()).collect();
                let end = if matches!(self.extension, "py" | "go" | "rb") { "" } else { ";" };
                lines.insert(line, format!("{indent}trace_point({number}){end}"));
            }
        }
        let mut text: String = lines.iter().map(|line| line.replace(MARK, "").trim_end().to_owned() + "\n").collect();
        if random.chance(70) {
            text = with_other_literals(&text, random);
        }
        renamed(&text, &self.other_names(random, number))
    }
}

/// The text with whole words replaced.
fn renamed(text: &str, names: &HashMap<&str, String>) -> String {
    let mut changed = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_alphanumeric() || letter == '_') {
        let length = rest[start..].find(|letter: char| !(letter.is_alphanumeric() || letter == '_'));
        let end = length.map_or(rest.len(), |length| start + length);
        let word = &rest[start..end];
        changed.push_str(&rest[..start]);
        changed.push_str(names.get(word).map_or(word, String::as_str));
        rest = &rest[end..];
    }
    changed + rest
}

/// The text with about half of its numbers and the insides of half of its strings changed.
fn with_other_literals(text: &str, random: &mut Random) -> String {
    let mut changed = String::new();
    let mut quoted = false;
    let mut previous = ' ';
    for letter in text.chars() {
        if letter == '"' {
            quoted = !quoted;
            if quoted && random.chance(50) {
                changed.push_str("\"other ");
                previous = letter;
                continue;
            }
        }
        let number = letter.is_ascii_digit() && !quoted && !previous.is_alphanumeric() && previous != '_';
        if number && random.chance(50) {
            changed.push('7');
        }
        changed.push(letter);
        previous = letter;
    }
    changed
}

/// What a finding is about: the files that it names, its own first.
fn paths(finding: &Finding) -> Vec<&str> {
    [&*finding.place.path].into_iter().chain(finding.related.iter().map(|other| &*other.place.path)).collect()
}

fn folder(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(folder, _)| folder)
}

fn findings(workspace: &Workspace, rules: &[Rule], since: Option<&str>) -> Vec<Finding> {
    let location =
        Location::of(workspace.root(), &IndexDir::At(workspace.root().with_extension("index"))).expect("a place");
    let never = AtomicBool::new(false);
    let (mut host, _) = Host::open(location, Settings::default()).expect("the index opens");
    host.index(&|_| (), &never).expect("the index is built");
    let changed_since = since.map(str::to_owned);
    let options = Options { selection: Selection::of(rules.iter().copied()), changed_since, ..Options::default() };
    check(&host.snapshot(), &options, &never).expect("it can be checked").findings
}

/// Writes each function, and changed copies of it beside it. `text` puts into a file what is given as lines.
fn write_copies(workspace: &Workspace, functions: &[Function], text: impl Fn(&Function, &str, u64) -> String) {
    let mut random = Random(SEED);
    for (number, function) in functions.iter().enumerate() {
        for copy in 0..COPIES {
            let seed = (number * COPIES + copy) as u64;
            let changed = text(function, &function.changed(&mut random, copy), seed);
            workspace.write(&format!("src/f{number}/copy{copy}.{}", function.extension), changed);
        }
    }
}

fn write_originals(workspace: &Workspace, functions: &[Function], text: impl Fn(&Function, &str, u64) -> String) {
    for (number, function) in functions.iter().enumerate() {
        let original = text(function, &function.text(), SEED + number as u64);
        workspace.write(&format!("src/f{number}/original.{}", function.extension), original);
    }
}

/// Copies that a finding joins with their original, and findings that join unlike functions.
fn recalled(findings: &[Finding]) -> (usize, usize) {
    let (mut found, mut wrong) = (HashSet::new(), 0);
    for finding in findings {
        let paths = paths(finding);
        if let Some(original) = paths.iter().find(|path| path.contains("original")) {
            found.extend(
                paths
                    .iter()
                    .filter(|path| folder(path) == folder(original) && path != &original)
                    .map(ToString::to_string),
            );
        }
        wrong += usize::from(paths.iter().any(|path| folder(path) != folder(paths[0])));
    }
    (found.len(), wrong)
}

#[track_caller]
fn assert_recall(what: &str, functions: &[Function], findings: &[Finding], least: f64) {
    let (copies, (found, wrong)) = (functions.len() * COPIES, recalled(findings));
    let recall = found as f64 / copies as f64;
    println!("{what}: {found} of {copies} copies, recall {recall:.3}, {wrong} findings about unlike functions");
    assert!(recall >= least, "{what}: {found} of {copies} copies, recall {recall:.3}");
    assert_eq!(wrong, 0, "{what}: what does not do the same is in one finding");
}

fn as_it_is(_: &Function, text: &str, _: u64) -> String {
    text.to_owned()
}

#[test]
fn most_changed_copies_are_found_and_nothing_is_taken_for_another() {
    let functions = functions();
    assert!(functions.len() >= 18, "{} functions", functions.len());
    let workspace = Workspace::empty();
    write_originals(&workspace, &functions, as_it_is);
    write_copies(&workspace, &functions, as_it_is);
    assert_recall("functions", &functions, &findings(&workspace, &[Rule::DuplicateCode], None), LEAST_RECALL);
}

/// A function of its own around the statements of another: about as much before them and behind them as they are.
fn in_another_function(function: &Function, text: &str, seed: u64) -> String {
    let lines: Vec<&str> = text.lines().collect();
    // Lines before and after the statements: in Java a class is around the method, in C the brace has its own line.
    let (end, head, tail) = match function.extension {
        "py" => ("", 1, 0),
        "rb" | "go" => ("", 1, 1),
        "java" => (";", 2, 2),
        "c" => (";", 2, 1),
        _ => (";", 1, 1),
    };
    let mut random = Random(seed);
    let own = |random: &mut Random| -> String {
        let indent: String = lines[head].chars().take_while(|letter| letter.is_whitespace()).collect();
        (0..lines.len() / 2).map(|_| indent.clone() + &odd_statement(random) + end + "\n").collect()
    };
    let joined = |lines: &[&str]| -> String { lines.iter().map(|line| line.to_string() + "\n").collect() };
    let body = joined(&lines[head..lines.len() - tail]);
    let (before, behind) = (own(&mut random), own(&mut random));
    format!("{}{before}{body}{behind}{}", joined(&lines[..head]), joined(&lines[lines.len() - tail..]))
}

/// A statement in a form that most of these languages know, with names that nothing else has.
fn odd_statement(random: &mut Random) -> String {
    let name = |random: &mut Random| {
        format!("{}{}", ["part", "item", "state", "entry"][random.below(4)], random.below(100_000))
    };
    let value = |random: &mut Random| match random.below(3) {
        0 => random.below(1000).to_string(),
        1 => name(random),
        _ => format!("{}({})", name(random), name(random)),
    };
    let arguments: Vec<String> = (0..=random.below(4)).map(|_| value(random)).collect();
    format!("{}({})", name(random), arguments.join(", "))
}

#[test]
fn most_changed_copies_of_a_block_are_found() {
    let functions = functions();
    let workspace = Workspace::empty();
    write_originals(&workspace, &functions, in_another_function);
    write_copies(&workspace, &functions, in_another_function);
    assert_recall("blocks", &functions, &findings(&workspace, &[Rule::DuplicateCode], None), LEAST_RECALL);
}

/// The originals in a commit, copies of them in the working tree.
fn change(functions: &[Function]) -> Repository {
    let repository = Repository::init(Workspace::empty());
    write_originals(repository.as_ref(), functions, as_it_is);
    repository.commit("originals");
    repository
}

#[test]
fn what_a_change_writes_again_under_other_names_is_reinvented() {
    let functions = functions();
    let repository = change(&functions);
    let mut random = Random(SEED);
    for (number, function) in functions.iter().enumerate() {
        for copy in 0..COPIES {
            let path = format!("src/f{number}/copy{copy}.{}", function.extension);
            repository.write(&path, function.renamed(&mut random, copy));
        }
    }
    let found = findings(repository.as_ref(), &[Rule::Reinvented], Some("HEAD"));
    assert_recall("renamed in a change, reinvented", &functions, &found, LEAST_RECALL);
}

/// A copy that says something else, if only another number, is told of as a duplicate and not as reinvented.
#[test]
fn most_changed_copies_of_a_change_are_found_by_one_rule_or_the_other() {
    let functions = functions();
    let repository = change(&functions);
    write_copies(repository.as_ref(), &functions, as_it_is);
    let found = findings(repository.as_ref(), &[Rule::Reinvented, Rule::DuplicateCode], Some("HEAD"));
    let reinvented: Vec<_> = found.iter().filter(|finding| finding.rule == Rule::Reinvented).cloned().collect();
    println!("of these by reinvented: {}", recalled(&reinvented).0);
    assert_recall("changed in a change, both rules", &functions, &found, LEAST_RECALL);
}
