//! Code that a grammar does not see by itself: items in Rust's token trees, declarations behind macros of C and C++.

mod declaration_macros;
mod namespaces;
mod skeleton;

use conexus_core::{LineIndex, Span};
use tree_sitter::{Point, Range};

pub(crate) use declaration_macros::declaration_macros;
pub(crate) use namespaces::macro_namespaces;
pub(crate) use skeleton::skeleton;

/// Words that begin an item of Rust.
const ITEM_WORDS: &[&[u8]] = &[
    b"pub", b"fn", b"struct", b"enum", b"impl", b"mod", b"use", b"trait", b"const", b"static", b"type", b"unsafe",
    b"extern", b"union", b"macro_rules", b"async",
];

/// Whether the inside of a token tree begins like an item of Rust, after comments and attributes.
pub(crate) fn looks_like_items(text: &[u8]) -> bool {
    let mut rest = text;
    loop {
        rest = rest.trim_ascii_start();
        if rest.starts_with(b"//") {
            let Some(end) = memchr::memchr(b'\n', rest) else { return false };
            rest = &rest[end..];
        } else if rest.starts_with(b"/*") {
            let Some(end) = memchr::memmem::find(rest, b"*/") else { return false };
            rest = &rest[end + 2..];
        } else if rest.starts_with(b"#[") || rest.starts_with(b"#![") {
            let Some(end) = end_of_brackets(rest) else { return false };
            rest = &rest[end..];
        } else {
            break;
        }
    }
    let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(rest.len());
    ITEM_WORDS.contains(&&rest[..end])
        && rest.get(end).is_some_and(|byte| byte.is_ascii_whitespace() || b"(!".contains(byte))
}

/// Where the first `[...]` ends; brackets in strings are taken for brackets, which an attribute survives.
fn end_of_brackets(text: &[u8]) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' if depth == 1 => return Some(at + 1),
            b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Words inside a macro that no Rust item has: the `ref` of `static ref` (`lazy_static!`).
pub(crate) fn foreign_words(text: &str, within: Span, into: &mut Vec<Span>) {
    for at in memchr::memmem::find_iter(within.slice(text).as_bytes(), b"static ref ") {
        let start = within.start as usize + at + "static ".len();
        into.push(Span::new(start, start + "ref".len()));
    }
}

/// The ranges of `within` that `excluded` (ordered, not overlapping) leaves, as the parser takes them.
pub(crate) fn included_ranges(within: Span, excluded: &[Span], lines: &LineIndex) -> Vec<Range> {
    let mut ranges = Vec::with_capacity(excluded.len() + 1);
    let mut start = within.start;
    for span in excluded {
        if span.start >= start && span.end <= within.end {
            if span.start > start {
                ranges.push(range(start, span.start, lines));
            }
            start = span.end;
        }
    }
    if start < within.end || ranges.is_empty() {
        ranges.push(range(start, within.end, lines));
    }
    ranges
}

fn range(start: u32, end: u32, lines: &LineIndex) -> Range {
    Range {
        start_byte: start as usize,
        end_byte: end as usize,
        start_point: point(start, lines),
        end_point: point(end, lines),
    }
}

fn point(offset: u32, lines: &LineIndex) -> Point {
    let row = lines.line_of(offset);
    let column = offset - lines.span(row).map_or(0, |span| span.start);
    Point { row: row as usize, column: column as usize }
}
