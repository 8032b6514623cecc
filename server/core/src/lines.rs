//! Lines of a text by byte offset.

use crate::Span;

/// The offsets at which the lines of a text start. Lines are numbered from 0 and end with `\n`
/// (a `\r` before it belongs to the line). A text that ends with `\n` has no extra empty last line;
/// an empty text has one empty line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineIndex {
    starts: Vec<u32>,
    len: u32,
}

impl LineIndex {
    /// Builds the index in one pass over the text.
    pub fn new(text: &str) -> Self {
        let mut starts = Vec::with_capacity(text.len() / 32 + 1);
        starts.push(0);
        each_line_break(text, |at| starts.push(at + 1));
        starts.pop_if(|start| *start as usize == text.len() && *start > 0);
        Self { starts, len: text.len() as u32 }
    }

    /// The index of the text that has other bytes in place of `replaced`, up to `new_end` of that text.
    #[must_use]
    pub fn spliced(&self, replaced: Span, text: &str, new_end: u32) -> Self {
        // The line break that ends the text before begins no line; it is seen when its line is looked at again.
        let line = self.line_of(replaced.start.saturating_sub(1)) as usize;
        let from = self.starts[line];
        let mut starts = Vec::with_capacity(self.starts.len() + 16);
        starts.extend_from_slice(&self.starts[..=line]);
        let changed = Span { start: from, end: new_end }.slice(text);
        each_line_break(changed, |at| starts.push(from + at + 1));
        let after = self.starts.partition_point(|&start| start <= replaced.end).max(line + 1);
        starts.extend(self.starts[after..].iter().map(|start| start - replaced.end + new_end));
        starts.pop_if(|start| *start as usize == text.len() && *start > 0);
        Self { starts, len: text.len() as u32 }
    }

    /// Number of lines, at least 1.
    pub fn count(&self) -> u32 {
        self.starts.len() as u32
    }

    /// The line that holds the byte at `offset`; offsets past the end belong to the last line.
    pub fn line_of(&self, offset: u32) -> u32 {
        (self.starts.partition_point(|&start| start <= offset) - 1) as u32
    }

    /// The span of a line, its line break included; `None` past the last line.
    pub fn span(&self, line: u32) -> Option<Span> {
        let start = *self.starts.get(line as usize)?;
        let end = self.starts.get(line as usize + 1).copied().unwrap_or(self.len);
        Some(Span { start, end })
    }

    /// First and last line (inclusive) that a span touches. An empty span touches the line it stands on.
    pub fn lines_of(&self, span: Span) -> (u32, u32) {
        let first = self.line_of(span.start);
        let last = if span.is_empty() { first } else { self.line_of(span.end - 1) };
        (first, last)
    }
}

/// Calls `found` with the offset of each line break, in order. It looks at eight bytes at a time: lines are short, so that
/// looking for one line break after the other costs most of its time in beginning anew.
fn each_line_break(text: &str, mut found: impl FnMut(u32)) {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let others = u64::from_le_bytes(*word) ^ 0x0a0a_0a0a_0a0a_0a0a;
        // The highest bit of each byte that is 0, so that was a line break; no carry leaves a byte.
        let mut breaks = !(((others & LOW) + LOW) | others | LOW);
        while breaks != 0 {
            found(number as u32 * 8 + breaks.trailing_zeros() / 8);
            breaks &= breaks - 1;
        }
    }
    let from = words.len() as u32 * 8;
    for (at, &byte) in (from..).zip(rest) {
        if byte == b'\n' {
            found(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_begin_after_line_breaks() {
        let mut text = String::new();
        // Bytes beside a line break, and those that differ from one by a carry.
        for (turn, piece) in
            ["\n", "\u{b}", "\t", "\u{8a}", "a", "\n\n", "ö", "\r\n", "\u{0}"].iter().cycle().take(200).enumerate()
        {
            text.push_str(piece);
            text.push_str(&"x".repeat(turn * 7 % 11));
            let breaks = text.bytes().enumerate().filter(|&(at, byte)| byte == b'\n' && at + 1 < text.len());
            let expected: Vec<u32> = std::iter::once(0).chain(breaks.map(|(at, _)| at as u32 + 1)).collect();
            assert_eq!(LineIndex::new(&text).starts, expected, "{text:?}");
        }
    }

    #[test]
    fn a_spliced_index_is_that_of_the_new_text() {
        let texts = ["", "\n", "a", "ab\ncd", "ab\n\ncd\n", "\n\n"];
        for old in texts {
            let index = LineIndex::new(old);
            for start in 0..=old.len() {
                for end in start..=old.len() {
                    for inserted in texts {
                        let new = [&old[..start], inserted, &old[end..]].concat();
                        let spliced = index.spliced(Span::new(start, end), &new, (start + inserted.len()) as u32);
                        assert_eq!(spliced, LineIndex::new(&new), "{old:?} {start}..{end} {inserted:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn lines_of_small_texts() {
        for (text, count) in [("", 1), ("a", 1), ("a\n", 1), ("a\nb", 2), ("\n\n", 2), ("a\r\nb\r\n", 2)] {
            assert_eq!(LineIndex::new(text).count(), count, "{text:?}");
        }
        let index = LineIndex::new("ab\ncd\nef");
        assert_eq!((index.line_of(0), index.line_of(2), index.line_of(3), index.line_of(99)), (0, 0, 1, 2));
        assert_eq!(index.span(1), Some(Span::new(3, 6)));
        assert_eq!(index.span(3), None);
        assert_eq!(index.lines_of(Span::new(1, 6)), (0, 1));
    }
}
