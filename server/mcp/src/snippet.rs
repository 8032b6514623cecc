//! Snippets: the lines of a hit that say most about why it is one.

use conexus_core::{LineIndex, Span, words};
use serde::{Deserialize, Serialize};

/// One line of a snippet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnippetLine {
    /// Number of the line in the file, from 1.
    pub line: u32,
    /// Its text without the line break.
    pub text: String,
    /// Byte ranges of the text that match the query.
    pub matches: Vec<std::ops::Range<usize>>,
}

/// Longest line that is shown, in bytes; the rest is cut.
const MAX_LINE_BYTES: usize = 240;

/// The line to look at first, and the lines of the span that hold the most words of the query, in order. `focus` is a
/// byte of the first; when it stands on a blank line the first line that is not blank takes its place.
pub(crate) fn snippet(
    text: &str,
    index: &LineIndex,
    span: Span,
    focus: u32,
    query_words: &[String],
    count: usize,
) -> Vec<SnippetLine> {
    if count == 0 {
        return Vec::new();
    }
    let (first, last) = index.lines_of(span);
    let mut lines: Vec<SnippetLine> = Vec::new();
    for line in first..=last {
        let Some(span) = index.span(line) else { break };
        let content = span.slice(text).trim_end_matches(['\n', '\r']);
        let content = &content[..content.floor_char_boundary(MAX_LINE_BYTES)];
        if !content.trim().is_empty() {
            lines.push(SnippetLine {
                line: line + 1,
                text: content.to_owned(),
                matches: matches(content, query_words),
            });
        }
    }
    let kept = shortened(&lines, index.line_of(focus) + 1, count);
    let mut number = 0;
    lines.retain(|_| {
        number += 1;
        kept.contains(&(number - 1))
    });
    lines
}

/// Which lines of a snippet say most, in order. The one at `focus` always counts; then those with the most matches, those
/// after the focus first: a definition says more than its documentation.
pub(crate) fn shortened(lines: &[SnippetLine], focus: u32, count: usize) -> Vec<usize> {
    if lines.len() <= count {
        return (0..lines.len()).collect();
    }
    let head = lines.iter().position(|line| line.line == focus).unwrap_or(0);
    let mut order: Vec<usize> = (0..lines.len()).filter(|&index| index != head).collect();
    order.sort_by_key(|&index| (std::cmp::Reverse(lines[index].matches.len()), index < head, index));
    let mut keep: Vec<usize> = std::iter::once(head).chain(order).take(count).collect();
    keep.sort_unstable();
    keep
}

fn matches(line: &str, query_words: &[String]) -> Vec<std::ops::Range<usize>> {
    let base = line.as_ptr() as usize;
    let mut found = Vec::new();
    for identifier in words::identifiers(line) {
        let whole = identifier.to_lowercase();
        if query_words.contains(&whole) {
            let start = identifier.as_ptr() as usize - base;
            found.push(start..start + identifier.len());
            continue;
        }
        for part in words::parts(identifier) {
            let lower = part.to_lowercase();
            if query_words.iter().any(|word| same_word(word, &lower)) {
                let start = part.as_ptr() as usize - base;
                found.push(start..start + part.len());
            }
        }
    }
    found
}

/// Equal but for a short ending, as in `retry` and `retries`: for showing only.
fn same_word(left: &str, right: &str) -> bool {
    let common = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
    let longest = left.len().max(right.len());
    left == right || (common >= 4 && common + 3 >= longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_and_matching_lines() {
        let text = "// Sends.\nfn send() {\n    a();\n\n    retry_request();\n    b();\n}\n";
        let words = vec!["retry".to_owned()];
        let index = LineIndex::new(text);
        let lines = snippet(text, &index, Span::new(0, text.len()), 13, &words, 2);
        let shown: Vec<_> = lines
            .iter()
            .map(|line| (line.line, line.matches.iter().map(|range| &line.text[range.clone()]).collect()))
            .collect();
        assert_eq!(shown, [(2, vec![]), (5, vec!["retry"])]);
        assert!(snippet(text, &index, Span::new(0, text.len()), 0, &words, 0).is_empty());
        assert_eq!(snippet("", &LineIndex::new(""), Span::new(0, 0), 0, &words, 3), []);
    }
}
