//! Splits runs of lines that are too long for one chunk at the lines where least is open.

use crate::chunks::{MOST_BYTES, is_trivial};
use crate::facts::LineDepth;
use conexus_core::LineIndex;

/// Lines that the last piece should have at least.
const LAST_PIECE: u32 = 10;

pub(super) struct Splitter<'a> {
    pub(super) text: &'a str,
    pub(super) lines: &'a LineIndex,
    /// One entry per line, or none: then indentation tells how much is open.
    pub(super) depths: &'a [LineDepth],
    pub(super) most_lines: u32,
}

impl<'a> Splitter<'a> {
    /// The text of a line.
    pub(super) fn line(&self, line: u32) -> &'a str {
        self.lines.span(line).map_or("", |span| span.slice(self.text))
    }

    fn start(&self, line: u32) -> u32 {
        self.lines.span(line).map_or(self.text.len() as u32, |span| span.start)
    }

    /// Whether the lines `from..to` may be one chunk.
    pub(super) fn fits(&self, from: u32, to: u32) -> bool {
        to - from <= 1 || to - from <= self.most_lines && self.start(to) - self.start(from) <= MOST_BYTES
    }

    /// Calls `piece` for consecutive runs that cover `from..to`; calls it once if that fits.
    pub(super) fn split(&self, mut from: u32, to: u32, mut piece: impl FnMut(u32, u32)) {
        while !self.fits(from, to) {
            let cut = self.cut(from, to);
            piece(from, cut);
            from = cut;
        }
        piece(from, to);
    }

    /// The best line in `from + 1..to` to begin the next piece with.
    fn cut(&self, from: u32, to: u32) -> u32 {
        let mut last = from + 1;
        while last < to && self.fits(from, last + 1) {
            last += 1;
        }
        if to - last < LAST_PIECE && last - from > 2 * LAST_PIECE {
            last -= LAST_PIECE - (to - last);
        }
        let first = from + ((last - from) * 2 / 5).max(1);
        (first..=last)
            .min_by_key(|&line| (self.cost(line) + (last - line) * 8 / (last - first + 1), last - line))
            .unwrap_or(last)
    }

    /// How much a cut before this line would tear apart; one level of depth is 8.
    fn cost(&self, line: u32) -> u32 {
        let text = self.line(line);
        let before = self.line(line - 1);
        let mut cost = 8 * self.depth(line, text).min(100);
        if !before.trim().is_empty() {
            cost += 6;
        }
        if is_trivial(text) {
            cost += 400;
        }
        let follows_comment = self.depths.get(line as usize - 1).is_some_and(|depth| depth.is_leading());
        if follows_comment && !self.depths.get(line as usize).is_some_and(|depth| depth.is_leading()) {
            cost += 100;
        }
        cost
    }

    fn depth(&self, line: u32, text: &str) -> u32 {
        match self.depths.get(line as usize) {
            Some(depth) => depth.depth(),
            None => {
                text.bytes()
                    .take(64)
                    .take_while(|byte| matches!(byte, b' ' | b'\t'))
                    .map(|byte| if byte == b'\t' { 2 } else { 1 })
                    .sum::<u32>()
                    / 2
            }
        }
    }
}
