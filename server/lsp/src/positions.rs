//! Positions of the protocol against positions in a text.
//!
//! A position is a line and a count of code units of the negotiated encoding. Lines end at `\n`, `\r\n` and `\r`. A
//! position past the end of its line stands for the line's end, a line past the end for the end of the text, and the
//! middle of a character, such as the second half of a surrogate pair, for that character's beginning.

use std::sync::Arc;

use conexus_core::Span;
use lsp_types::{Position, PositionEncodingKind, Range};
use ropey::Rope;

/// What `character` of a position counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Bytes.
    Utf8,
    /// Units of UTF-16: what every client can do.
    #[default]
    Utf16,
    /// Characters.
    Utf32,
}

impl Encoding {
    /// Bytes when the client offers them, since they cost nothing to count, else the first that it offers and we know.
    pub(crate) fn negotiate(offered: Option<&[PositionEncodingKind]>) -> Self {
        let offered = offered.unwrap_or_default();
        let known = |kind: &&PositionEncodingKind| {
            **kind == PositionEncodingKind::UTF32 || **kind == PositionEncodingKind::UTF16
        };
        if offered.contains(&PositionEncodingKind::UTF8) {
            Self::Utf8
        } else if offered.iter().find(known) == Some(&PositionEncodingKind::UTF32) {
            Self::Utf32
        } else {
            Self::Utf16
        }
    }

    pub(crate) fn kind(self) -> PositionEncodingKind {
        match self {
            Self::Utf8 => PositionEncodingKind::UTF8,
            Self::Utf16 => PositionEncodingKind::UTF16,
            Self::Utf32 => PositionEncodingKind::UTF32,
        }
    }

    /// Units of a text.
    fn units(self, text: &str) -> usize {
        match self {
            Self::Utf8 => text.len(),
            Self::Utf16 => text.chars().map(char::len_utf16).sum(),
            Self::Utf32 => text.chars().count(),
        }
    }
}

/// The character of a rope that a position means.
pub(crate) fn char_at(text: &Rope, position: Position, encoding: Encoding) -> usize {
    let line = position.line as usize;
    if line >= text.len_lines() {
        return text.len_chars();
    }
    let slice = text.line(line);
    let breaks = slice.chars_at(slice.len_chars()).reversed().take(2).take_while(|last| matches!(last, '\n' | '\r'));
    let content = slice.slice(..slice.len_chars() - breaks.count());
    let wanted = position.character as usize;
    let column = match encoding {
        Encoding::Utf8 => content.byte_to_char(wanted.min(content.len_bytes())),
        Encoding::Utf16 => content.utf16_cu_to_char(wanted.min(content.len_utf16_cu())),
        Encoding::Utf32 => wanted.min(content.len_chars()),
    };
    text.line_to_char(line) + column
}

/// A text with the places at which its lines begin, for many positions in it.
pub(crate) struct Lines {
    text: Arc<str>,
    starts: Vec<usize>,
    encoding: Encoding,
}

impl Lines {
    pub(crate) fn new(text: Arc<str>, encoding: Encoding) -> Self {
        let bytes = text.as_bytes();
        let ends = memchr::memchr2_iter(b'\n', b'\r', bytes)
            .filter(|&at| bytes[at] == b'\n' || bytes.get(at + 1) != Some(&b'\n'))
            .map(|at| at + 1);
        let starts = std::iter::once(0).chain(ends).collect();
        Self { text, starts, encoding }
    }

    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The position of a byte. A byte past the end means the end, one inside a character the character's beginning, one
    /// inside or after a line break on its line the end of the line's text.
    pub(crate) fn position(&self, offset: usize) -> Position {
        let offset = self.text.floor_char_boundary(offset.min(self.text.len()));
        let line = self.starts.partition_point(|&start| start <= offset) - 1;
        let before = self.text[self.starts[line]..offset].trim_end_matches('\r');
        Position { line: line as u32, character: self.encoding.units(before) as u32 }
    }

    pub(crate) fn range(&self, span: Span) -> Range {
        Range { start: self.position(span.start as usize), end: self.position(span.end as usize) }
    }

    /// The byte that a position means.
    pub(crate) fn byte(&self, position: Position) -> usize {
        let Some(&start) = self.starts.get(position.line as usize) else { return self.text.len() };
        let end = self.starts.get(position.line as usize + 1).copied().unwrap_or(self.text.len());
        let content = self.text[start..end].trim_end_matches(['\n', '\r']);
        let mut units = 0;
        for (at, character) in content.char_indices() {
            units += self.encoding.units(&content[at..at + character.len_utf8()]);
            if units > position.character as usize {
                return start + at;
            }
        }
        start + content.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn byte_at(text: &str, position: Position, encoding: Encoding) -> usize {
        let rope = Rope::from_str(text);
        rope.char_to_byte(char_at(&rope, position, encoding))
    }

    const TEXT: &str = "a😀b\r\nü\rx\n\ny\u{2028}z";

    #[test]
    fn positions_of_three_encodings() {
        // Line, then for each encoding the column, then the byte.
        for (line, utf8, utf16, utf32, byte) in [
            (0, 0, 0, 0, 0),
            (0, 1, 1, 1, 1),
            (0, 5, 3, 2, 5),
            (0, 6, 4, 3, 6),
            (1, 0, 0, 0, 8),
            (1, 2, 1, 1, 10),
            (2, 1, 1, 1, 12),
            (3, 0, 0, 0, 13),
            (4, 5, 3, 3, 19),
        ] {
            for (encoding, character) in [(Encoding::Utf8, utf8), (Encoding::Utf16, utf16), (Encoding::Utf32, utf32)] {
                let position = Position { line, character };
                let lines = Lines::new(TEXT.into(), encoding);
                assert_eq!(byte_at(TEXT, position, encoding), byte, "{encoding:?} {position:?}");
                assert_eq!(lines.byte(position), byte, "{encoding:?} {position:?}");
                assert_eq!(lines.position(byte), position, "{encoding:?} {byte}");
            }
        }
    }

    #[test]
    fn positions_outside_are_moved_inside() {
        for (encoding, line, character, byte) in [
            // Halves of a surrogate pair and bytes inside a character.
            (Encoding::Utf16, 0, 2, 1),
            (Encoding::Utf8, 0, 3, 1),
            // Past the end of a line, which its break does not belong to.
            (Encoding::Utf16, 0, 99, 6),
            (Encoding::Utf8, 1, 99, 10),
            (Encoding::Utf32, 0, u32::MAX, 6),
            // Past the last line.
            (Encoding::Utf16, 5, 0, TEXT.len()),
            (Encoding::Utf16, u32::MAX, u32::MAX, TEXT.len()),
        ] {
            let position = Position { line, character };
            assert_eq!(byte_at(TEXT, position, encoding), byte, "{encoding:?} {position:?}");
            assert_eq!(Lines::new(TEXT.into(), encoding).byte(position), byte, "{encoding:?} {position:?}");
        }
        let lines = Lines::new(TEXT.into(), Encoding::Utf16);
        assert_eq!(lines.position(3), lines.position(1), "inside a character");
        assert_eq!(lines.position(7), lines.position(6), "inside a line break");
        assert_eq!(lines.position(999), lines.position(TEXT.len()));
    }

    #[test]
    fn bytes_are_taken_when_offered_and_units_of_utf16_when_nothing_is() {
        let kinds = |names: &[&'static str]| -> Vec<PositionEncodingKind> {
            names.iter().map(|&name| PositionEncodingKind::from(name)).collect()
        };
        for (offered, expected) in [
            (None, Encoding::Utf16),
            (Some(kinds(&[])), Encoding::Utf16),
            (Some(kinds(&["utf-16"])), Encoding::Utf16),
            (Some(kinds(&["utf-16", "utf-8"])), Encoding::Utf8),
            (Some(kinds(&["utf-32", "utf-8", "utf-16"])), Encoding::Utf8),
            (Some(kinds(&["utf-32", "utf-16"])), Encoding::Utf32),
            (Some(kinds(&["utf-32"])), Encoding::Utf32),
            (Some(kinds(&["utf-16", "utf-32"])), Encoding::Utf16),
            (Some(kinds(&["utf-7"])), Encoding::Utf16),
        ] {
            assert_eq!(Encoding::negotiate(offered.as_deref()), expected, "{offered:?}");
        }
    }
}
