//! What comments in the code say to a check: `conexus-ignore: duplicate-code` and `conexus-ignore-file: all`.
//!
//! A comment beside code stands for its own line. One on a line of its own stands for the next line of code too, with
//! the comments and attributes between them, so that it may lie above documentation.

use conexus_core::{Language, LineIndex};
use conexus_syntax::{CommentMarks, comment_marks};

/// What such a comment begins with.
const IGNORE: &str = "conexus-ignore";

/// A comment that ignores a rule, as a language writes it; nothing for a language without comments.
pub fn ignore_comment(language: Language, code: &str) -> Option<String> {
    comment_marks(language).comment(&format!("{IGNORE}: {code}"))
}

/// A comment that ignores findings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Directive {
    /// Where it is, numbered from 0.
    pub(crate) line: u32,
    /// The last line that it stands for; `None` for the whole file.
    pub(crate) last: Option<u32>,
    /// Codes of rules, as written.
    pub(crate) rules: Vec<String>,
}

impl Directive {
    /// Whether it stands for a line.
    pub(crate) fn covers(&self, line: u32) -> bool {
        self.last.is_none_or(|last| (self.line..=last).contains(&line))
    }
}

/// Marks that count as those of a comment in a language whose marks are not known.
const ANY_LANGUAGE: CommentMarks =
    CommentMarks { line: &["//", "#", "--", ";", "%"], block: &[("/*", "*/"), ("<!--", "-->")] };

/// Lines that are passed over in search of the code that a comment belongs to.
const MOST_LINES_BETWEEN: u32 = 200;

/// The directives of a text.
pub(crate) fn directives(language: Language, text: &str) -> Vec<Directive> {
    if !text.contains(IGNORE) {
        return Vec::new();
    }
    let lines = LineIndex::new(text);
    let marks = match comment_marks(language) {
        none if none.openings().next().is_none() => ANY_LANGUAGE,
        marks => marks,
    };
    text.match_indices(IGNORE)
        .filter_map(|(at, _)| {
            let line = lines.line_of(at as u32);
            let span = lines.span(line)?;
            let (before, after) = span.slice(text).split_at(at - span.start as usize);
            let alone = comment_before(marks, before)?;
            let (whole_file, rules) = rules(&after[IGNORE.len()..])?;
            let last = match (whole_file, alone) {
                (true, _) => None,
                (false, true) => Some(code_after(language, marks, text, &lines, line)),
                (false, false) => Some(line),
            };
            Some(Directive { line, last, rules })
        })
        .collect()
}

/// Whether what stands before a directive on its line opens a comment, and then whether that stands alone there.
fn comment_before(marks: CommentMarks, before: &str) -> Option<bool> {
    let opening = marks.openings().filter_map(|mark| before.find(mark)).min();
    match opening {
        Some(at) => Some(before[..at].trim().is_empty()),
        // Inside of a comment of several lines.
        None => (!marks.block.is_empty() && !marks.line.is_empty() && before.trim_matches([' ', '\t', '*']).is_empty())
            .then_some(true),
    }
}

/// Reads `: RULE, RULE` or `-file: RULE`.
fn rules(text: &str) -> Option<(bool, Vec<String>)> {
    let (whole_file, text) = match text.strip_prefix("-file") {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let text = text.strip_prefix(':')?;
    let is_code = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '/');
    let mut rules = Vec::new();
    for part in text.split(',') {
        let part = part.trim_start();
        let code = &part[..part.find(|character| !is_code(character)).unwrap_or(part.len())];
        rules.extend((!code.is_empty()).then(|| code.trim_end_matches('-').to_owned()));
        // What follows the last rule is a reason for people.
        if !part[code.len()..].trim().is_empty() {
            break;
        }
    }
    Some((whole_file, rules))
}

/// The line of code that a comment on a line of its own belongs to.
fn code_after(language: Language, marks: CommentMarks, text: &str, lines: &LineIndex, line: u32) -> u32 {
    let content = |line: u32| lines.span(line).map(|span| span.slice(text).trim());
    let mut closing = content(line).and_then(|text| unclosed(marks, text));
    for next in line + 1..=line + MOST_LINES_BETWEEN {
        let Some(text) = content(next) else { return next - 1 };
        if let Some(close) = closing {
            closing = (!text.contains(close)).then_some(close);
        } else if marks.openings().any(|mark| text.starts_with(mark)) && !is_attribute(language, text) {
            closing = unclosed(marks, text);
        } else if !is_attribute(language, text) {
            return next;
        }
    }
    line + 1
}

/// What closes the comment that a line leaves open.
fn unclosed(marks: CommentMarks, line: &str) -> Option<&'static str> {
    let (open, close) = marks.block.iter().find(|(open, _)| line.starts_with(open))?;
    (!line[open.len()..].contains(close)).then_some(*close)
}

fn is_attribute(language: Language, line: &str) -> bool {
    match language.name() {
        "rust" | "php" => line.starts_with("#["),
        "csharp" => line.starts_with('['),
        "cpp" | "c" => line.starts_with("[[") || line.starts_with("__attribute__"),
        "python" | "java" | "kotlin" | "typescript" | "tsx" | "javascript" | "swift" | "scala" | "dart" | "groovy"
        | "elixir" => line.starts_with('@'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First and last line, 1-based, and the rules of each directive.
    fn found(language: &'static str, text: &str) -> Vec<(u32, Option<u32>, String)> {
        let found = directives(Language::named(language), text);
        found.into_iter().map(|one| (one.line + 1, one.last.map(|last| last + 1), one.rules.join(" "))).collect()
    }

    #[test]
    fn comments_stand_for_lines() {
        for (language, text, expected) in [
            ("rust", "fn a() {} // conexus-ignore: unused-symbol\nfn b() {}", (1, Some(1), "unused-symbol")),
            ("rust", "// conexus-ignore: duplicate-code\nfn a() {}", (1, Some(2), "duplicate-code")),
            ("rust", "// conexus-ignore: a\n/// docs\n#[inline]\nfn a() {}\nfn b() {}", (1, Some(4), "a")),
            ("rust", "/* conexus-ignore: a, b\n * more\n */\nfn a() {}", (1, Some(4), "a b")),
            ("rust", "/*\n * conexus-ignore: a\n */\nfn a() {}", (2, Some(3), "a")),
            ("python", "x = 1\n# conexus-ignore: all\n@cache\ndef f(): pass", (2, Some(4), "all")),
            ("markdown", "<!-- conexus-ignore: stale-reference -->\nSee `old`.", (1, Some(2), "stale-reference")),
            (
                "go",
                "// conexus-ignore-file: duplicate-code, custom/no-print (made by hand)\n",
                (1, None, "duplicate-code custom/no-print"),
            ),
            ("c", "int x; /* conexus-ignore: a -- since it is so, b */", (1, Some(1), "a")),
            ("lua", "-- conexus-ignore: a\n\nf()", (1, Some(2), "a")),
            ("toml", "# conexus-ignore: ", (1, Some(1), "")),
            ("text", "# conexus-ignore: a\nb", (1, Some(2), "a")),
        ] {
            let (line, last, rules) = expected;
            assert_eq!(found(language, text), [(line, last, rules.to_owned())], "{text}");
        }
    }

    #[test]
    fn other_text_is_none() {
        for (language, text) in [
            ("rust", "let conexus_ignore = \"conexus-ignore: a\";"),
            ("rust", "// conexus-ignored: a"),
            ("rust", "// conexus-ignore a"),
            ("markdown", "write conexus-ignore: RULE above it"),
            ("markdown", "conexus-ignore: a"),
        ] {
            assert_eq!(found(language, text), [], "{text}");
        }
    }
}
