//! Recall on copies that a seeded generator changes: names, literals and the order of statements, statements added and
//! removed. The functions are ordinary ones in seven languages; each copy is put among all of them.

#![allow(clippy::print_stdout)]

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::AtomicBool,
};

use conexus_check::{Options, Rule, Selection, check};
use conexus_engine::{Host, Location, Settings};
use conexus_testkit::Workspace;

/// Functions separated by lines of `----`; the first line of each names its language's extension and the names of its
/// own that a copy may rename. A line that ends with `//~` is a statement by itself that may move, go or be doubled.
const FUNCTIONS: &str = include_str!("mutations/functions.txt");
/// Changed copies of each function.
const COPIES: usize = 8;
const SEED: u64 = 20_261_121;
/// What the rule must find of the copies.
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
        let mut names = HashMap::from([(self.name, format!("{}Again{number}", self.name))]);
        for local in &self.locals {
            if random.chance(70) {
                names.insert(local, format!("{local}Of{number}"));
            }
        }
        renamed(&text, &names)
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

#[test]
fn most_changed_copies_are_found_and_nothing_is_taken_for_another() {
    let functions = functions();
    assert!(functions.len() >= 18, "{} functions", functions.len());
    let workspace = Workspace::empty();
    let mut random = Random(SEED);
    for (number, function) in functions.iter().enumerate() {
        workspace.write(&format!("src/f{number}/original.{}", function.extension), function.text());
        for copy in 0..COPIES {
            let path = format!("src/f{number}/copy{copy}.{}", function.extension);
            workspace.write(&path, function.changed(&mut random, copy));
        }
    }
    let location = Location::of(workspace.root(), Some(&workspace.root().with_extension("index"))).expect("a place");
    let never = AtomicBool::new(false);
    let (mut host, _) = Host::open(location, Settings::default()).expect("the index opens");
    host.index(&|_| (), &never).expect("the index is built");
    let options = Options { selection: Selection::of([Rule::DuplicateCode]), ..Options::default() };
    let report = check(&host.snapshot(), &options, &never).expect("it can be checked");
    let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let (mut found, mut wrong) = (HashSet::new(), 0);
    for finding in &report.findings {
        let paths: Vec<&str> =
            [&*finding.place.path].into_iter().chain(finding.related.iter().map(|other| &*other.place.path)).collect();
        let original = paths.iter().find(|path| path.contains("original"));
        if let Some(original) = original {
            found.extend(paths.iter().filter(|path| folder(path) == folder(original) && path != &original).copied());
        }
        wrong += usize::from(paths.iter().any(|path| folder(path) != folder(paths[0])));
    }
    let (copies, found) = (functions.len() * COPIES, found.len());
    let recall = found as f64 / copies as f64;
    println!("{found} of {copies} copies, recall {recall:.3}, {wrong} groups of unlike functions");
    assert!(recall >= LEAST_RECALL, "{found} of {copies} copies: recall {recall:.3}");
    assert_eq!(wrong, 0, "functions that do not do the same are in one group");
}
