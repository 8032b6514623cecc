//! What a pasted error message says besides words: places in files, and that its numbers are values.

use std::sync::LazyLock;

use conexus_index::{IndexSnapshot, SlotSet};
use regex::{Captures, Regex};

/// A line of a file that a message names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path as it was written, with `/`, in lower case.
    pub path: String,
    /// The line, numbered from 0.
    pub line: u32,
}

/// Places read of one message: a long trace names the same few files.
const MOST_PLACES: usize = 16;
/// Files taken for one place, whose path may be a bare name.
const FILES_PER_PLACE: usize = 32;

/// `File "app/main.py", line 12, in run`; the name at the end is one of the code's.
static PYTHON: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"File "([^"\n]+)", line (\d{1,7})"#).expect("a valid expression"));

/// `src/lib.rs:11:5`, `Bar.java:123`, `src/a.ts(12,5)`, Maven's `Bar.java:[12,5]`: a path with an ending, then a line
/// and perhaps a column.
static PLACE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"((?:\b[A-Za-z]:)?[\w./\\@~+-]*\w\.[A-Za-z][A-Za-z0-9_]{0,9})(?::(\d{1,7})(?::\d{1,7})?\b|\((\d{1,7})(?:[,:]\d{1,7})?\)|:\[(\d{1,7})(?:,\d{1,7})?\])")
        .expect("a valid expression")
});

/// How tools and languages begin a message.
static MESSAGE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\bpanicked at\b|\btraceback \(|\bsegmentation fault\b|\b(?:\w*(?:error|exception)|fatal|panic)(?:\[\w+\])?: |\bexception in thread\b",
    )
    .expect("a valid expression")
});

/// Takes the frames of a Python trace out of a text, whose paths stand between quotes, and leaves their paths: what failed
/// first, not what called it.
pub(super) fn take_frames(text: &str, places: &mut Vec<Place>) -> String {
    let rest = PYTHON.replace_all(text, |found: &Captures<'_>| {
        add(places, &found[1], &found[2]);
        format!(" {} ", &found[1])
    });
    // A Python trace names the innermost call last.
    places.reverse();
    places.truncate(MOST_PLACES);
    rest.into_owned()
}

/// Takes the lines of the other places out of a text, and leaves their paths.
pub(super) fn take_places(text: &str, places: &mut Vec<Place>) -> String {
    let rest = PLACE.replace_all(text, |found: &Captures<'_>| {
        let line = [2, 3, 4].iter().find_map(|&form| found.get(form)).map_or("", |line| line.as_str());
        // `example.org:80` after `//` is a host.
        if found[1].starts_with("//") {
            return found[0].to_owned();
        }
        add(places, &found[1], line);
        format!(" {} ", &found[1])
    });
    places.truncate(MOST_PLACES);
    rest.into_owned()
}

fn add(places: &mut Vec<Place>, path: &str, line: &str) {
    let Some(line) = line.parse::<u32>().ok().and_then(|line| line.checked_sub(1)) else { return };
    let place = Place { path: path.replace('\\', "/").trim_start_matches("./").to_lowercase(), line };
    if !places.contains(&place) {
        places.push(place);
    }
}

/// Whether a text of several words reads as what a compiler, a test or a program said.
pub(super) fn is_message(text: &str, places: &[Place]) -> bool {
    let has_words = |count: usize| text.split_whitespace().nth(count - 1).is_some();
    (has_words(2) && !places.is_empty()) || (has_words(3) && MESSAGE.is_match(text))
}

/// Whether a word of a message is a value: a number, an address.
pub(super) fn is_value(word: &str) -> bool {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    digits.starts_with(|first: char| first.is_ascii_digit()) && digits.chars().all(|digit| digit.is_ascii_hexdigit())
}

/// Whether a file is the one that was written: `lib.rs` for a file of any folder, and a file of the workspace for a path
/// from the root of a machine.
pub(super) fn names_file(wanted: &str, path: &str) -> bool {
    let ends = |long: &str, short: &str| {
        long.strip_suffix(short).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    };
    let is_absolute = wanted.starts_with('/') || wanted.get(1..3) == Some(":/");
    ends(path, wanted) || (is_absolute && ends(wanted, path))
}

/// Chunks that hold the lines of places.
pub(super) fn slots_at(snapshot: &IndexSnapshot, places: &[Place], allowed: Option<&SlotSet>) -> Vec<u32> {
    if places.is_empty() {
        return Vec::new();
    }
    let mut slots = Vec::new();
    let mut files = vec![0; places.len()];
    for file in snapshot.files() {
        let path = file.path().to_lowercase();
        for (place, files) in places.iter().zip(&mut files) {
            if *files == FILES_PER_PLACE || !names_file(&place.path, &path) {
                continue;
            }
            *files += 1;
            let holding = file.chunks().filter(|chunk| holds(chunk.lines(), place.line));
            slots.extend(holding.map(|chunk| file.first_slot() + chunk.index()));
        }
    }
    slots.retain(|&slot| allowed.is_none_or(|allowed| allowed.contains(slot)));
    slots
}

/// Whether lines, the first and the last, hold a line.
pub(super) fn holds((first, last): (u32, u32), line: u32) -> bool {
    (first..=last).contains(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_tools_write_them() {
        for (text, expected) in [
            ("thread 'main' panicked at src/lib.rs:11:5:", "src/lib.rs:10"),
            ("  --> server/core/src/lines.rs:3:1", "server/core/src/lines.rs:2"),
            (
                "  File \"/srv/app/main.py\", line 4, in run\n  File \"db.py\", line 9, in get",
                "db.py:8 /srv/app/main.py:3",
            ),
            ("at com.shop.Order.total(Order.java:120)", "order.java:119"),
            ("    at load (/opt/web/src/load.js:10:15)", "/opt/web/src/load.js:9"),
            ("src/a.ts(12,5): error TS2322", "src/a.ts:11"),
            ("[ERROR] /build/shop/Order.java:[23,42] error: incompatible types", "/build/shop/order.java:22"),
            (r"C:\code\shop\Cart.cs(7)", "c:/code/shop/cart.cs:6"),
            ("main.go:12 main.go:12 ./util.go:3", "main.go:11 util.go:2"),
            ("connect to https://example.org:8080/path", ""),
            ("at 10:30 version 1.2:3", ""),
            ("lib.rs:0", ""),
            ("std::fs::read at 3", ""),
        ] {
            let mut places = Vec::new();
            let rest = take_frames(text, &mut places);
            let rest = take_places(&rest, &mut places);
            let found: Vec<_> = places.iter().map(|place| format!("{}:{}", place.path, place.line)).collect();
            assert_eq!(found.join(" "), expected, "{text}");
            assert_eq!(rest == text, expected.is_empty() && !text.starts_with("lib"), "{text} -> {rest}");
        }
    }

    #[test]
    fn messages_are_told_from_questions() {
        for (text, expected) in [
            ("thread 'main' panicked at 'no such key'", true),
            ("TypeError: cannot read properties of undefined", true),
            ("error[E0382]: borrow of moved value", true),
            ("java.lang.IllegalStateException: closed twice", true),
            ("fatal: not a git repository", true),
            ("where are errors reported", false),
            ("error handling in the parser", false),
            ("Error: ", false),
            ("TypeError", false),
        ] {
            assert_eq!(is_message(text, &[]), expected, "{text}");
        }
        for (word, expected) in [("3", true), ("0x7ffe", true), ("12ab", true), ("e0382", false), ("cafe", false)] {
            assert_eq!(is_value(word), expected, "{word}");
        }
    }

    #[test]
    fn files_are_named_from_either_end() {
        for (wanted, path, expected) in [
            ("lib.rs", "src/lib.rs", true),
            ("/opt/web/src/load.js", "src/load.js", true),
            ("b.rs", "src/lib.rs", false),
            ("src/lib.rs", "src/lib.rs", true),
            ("other/lib.rs", "src/lib.rs", false),
            ("docs/readme.md", "readme.md", false),
            ("c:/code/web/src/load.js", "src/load.js", true),
        ] {
            assert_eq!(names_file(wanted, path), expected, "{wanted} {path}");
        }
    }
}
