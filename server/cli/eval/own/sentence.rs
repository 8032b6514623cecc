//! Plain queries out of documentation and commit messages.

/// Words that a query has at least and at most: less says nothing, more is a text.
const WORDS: std::ops::RangeInclusive<usize> = 4..=40;

/// Marks of comments and documentation at the start of a line, longer ones first.
const MARKS: &[&str] = &[
    "@moduledoc", "@doc", "--[[", "/**", "///", "//!", "\"\"\"", "'''", "{-|", "-- |", "---", "/*", "*/", "//", "--",
    "##", "{-", "-}", ";;", "#", "*", ";", "|", "!", "\"",
];

/// The first sentence of a documentation without marks of comments, markup and the documented name; `None` when too little
/// is left.
pub(super) fn sentence(documentation: &str, name: &str) -> Option<String> {
    let mut text = String::new();
    for line in documentation.lines() {
        let line = without_marks(line);
        let ends = line.is_empty() || line.starts_with(['@', ':', '\\', '=', '+', '~']) || line.ends_with(':');
        if ends && !text.is_empty() {
            break;
        }
        if !ends {
            text.push_str(&without_markup(line));
            text.push(' ');
        }
    }
    let first = &text[..end_of_sentence(&text)];
    query(first.split_whitespace().filter(|word| !is_name(word, name)))
}

/// The subject of a commit without its prefix and references; `None` when it speaks of no code.
pub(super) fn subject(subject: &str) -> Option<String> {
    const NOT_OF_CODE: &[&str] = &[
        "merge", "revert", "bump", "release", "version", "update", "upgrade", "changelog", "docs", "doc", "readme",
        "typo", "format",
    ];
    let lower = subject.to_lowercase();
    let first = lower.split(|character: char| !character.is_alphanumeric()).find(|word| !word.is_empty())?;
    if NOT_OF_CODE.contains(&first)
        || ["typo", "changelog", "dependabot", "dependenc"].iter().any(|word| lower.contains(word))
    {
        return None;
    }
    // `fix(parser): `, `net/http: `; a colon later in the line is part of what it says.
    let rest = match subject.split_once(": ") {
        Some((prefix, rest)) if !prefix.contains(' ') => rest,
        _ => subject,
    };
    query(rest.split_whitespace().filter(|word| !word.trim_matches(|mark| "()[].,".contains(mark)).starts_with('#')))
}

fn query<'a>(words: impl Iterator<Item = &'a str>) -> Option<String> {
    let words: Vec<&str> = words.collect();
    let plain = words.iter().filter(|word| word.chars().any(char::is_alphabetic)).count();
    (WORDS.contains(&plain) && plain * 10 >= words.len() * 7)
        .then(|| words.join(" ").trim_end_matches(['.', ':', ';', ',']).to_owned())
}

fn without_marks(line: &str) -> &str {
    let mut line = line.trim();
    while let Some(rest) = MARKS.iter().find_map(|mark| line.strip_prefix(mark)) {
        line = rest.trim_start();
    }
    for mark in ["*/", "\"\"\"", "'''", "-}"] {
        line = line.strip_suffix(mark).unwrap_or(line).trim_end();
    }
    line
}

/// Without tags, `{@link }`, and marks of emphasis and code.
fn without_markup(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut in_tag = false;
    for (at, character) in line.char_indices() {
        match character {
            '<' if line[at + 1..].starts_with(|next: char| next.is_ascii_alphabetic() || next == '/') => in_tag = true,
            '>' if in_tag => in_tag = false,
            _ if in_tag => {}
            '`' | '{' | '}' | '[' | ']' | '*' => {}
            _ => out.push(character),
        }
    }
    out.replace("@link ", "").replace("@code ", "")
}

fn end_of_sentence(text: &str) -> usize {
    text.char_indices()
        .find(|&(at, character)| {
            let after = &text[at + character.len_utf8()..];
            let short = ["e.g", "i.e", "etc", "vs", "cf"].iter().any(|short| text[..at].ends_with(short));
            matches!(character, '.' | '!' | '?') && after.starts_with(char::is_whitespace) && !short
        })
        .map_or(text.len(), |(at, _)| at)
}

fn is_name(word: &str, name: &str) -> bool {
    let word = word.trim_matches(|character: char| !(character.is_alphanumeric() || character == '_'));
    word.eq_ignore_ascii_case(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_becomes_a_query() {
        for (documentation, name, expected) in [
            ("/// Opens the file for reading. It may block.", "open", Some("Opens the file for reading")),
            (
                "// Parse reads all tokens\n// of the input, e.g. words.\n//\n// More.",
                "Parse",
                Some("reads all tokens of the input, e.g. words"),
            ),
            (
                "/**\n * Gives the <b>next</b> {@link Item} of a list.\n * @return it\n */",
                "next",
                Some("Gives the Item of a list"),
            ),
            ("\"\"\"Wait until the queue is empty.\"\"\"", "join", Some("Wait until the queue is empty")),
            ("/// See above.", "x", None),
            ("# ------", "x", None),
        ] {
            assert_eq!(sentence(documentation, name).as_deref(), expected, "{documentation:?}");
        }
    }

    #[test]
    fn subjects_become_queries() {
        for (text, expected) in [
            ("fix(parser): keep comments before the first token (#12)", Some("keep comments before the first token")),
            ("Keep the order: names first, then kinds", Some("Keep the order: names first, then kinds")),
            ("Merge branch 'main' of somewhere else", None),
            ("Bump serde from 1.0 to 1.1", None),
            ("fix tests", None),
        ] {
            assert_eq!(subject(text).as_deref(), expected, "{text}");
        }
    }
}
