//! Cuts a text into chunks: whole lines, in order, together touching every line.
//!
//! A chunk is what a person would want as an answer: a function, a method, a small type. A larger type is cut into its
//! head and its larger methods; small members stay with the type. What is too large is split at lines where little is
//! open (`split.rs`); what is between symbols is gathered into gaps. Lines that only close braces, and short comments
//! between symbols, go to a neighbour.

mod split;

use crate::facts::LineDepth;
use conexus_core::{Chunk, ChunkKind, LineIndex, Span, Symbol, SymbolKind};
use split::Splitter;

/// Most lines of a chunk that holds one symbol.
pub(crate) const MOST_LINES: u32 = 60;
/// Most bytes of a chunk, unless one line is longer.
pub(crate) const MOST_BYTES: u32 = 3_000;
/// Most lines of a window of text without a grammar.
const WINDOW_LINES: u32 = 45;
/// A type of so many lines is one chunk, with all its members.
const WHOLE_TYPE: u32 = 20;
/// A section of a document of so many lines is one chunk, with all its subsections.
const WHOLE_SECTION: u32 = 25;
/// The head of a type of so many lines joins the constructor that follows it.
const HEAD_JOINS: u32 = 12;
const HEAD_AND_CONSTRUCTOR: u32 = 40;
/// A longer line is cut into pieces of so many bytes.
const LINE_PIECE: usize = 4_096;
/// Pieces of one line; what lies behind them is in no chunk, though its line is.
const LINE_PIECES: usize = 64;
/// Blank lines that a neighbour takes; more make a gap of their own.
const BLANKS: u32 = 40;

/// A run of whole lines `from..to`.
#[derive(Clone, Copy, Debug)]
struct Piece {
    from: u32,
    to: u32,
    kind: ChunkKind,
    symbol: Option<u32>,
}

/// Cuts a text whose symbols are known. `depths` has one entry per line.
pub(crate) fn chunks(text: &str, lines: &LineIndex, symbols: &[Symbol], depths: &[LineDepth]) -> Vec<Chunk> {
    let mut cutter = Cutter {
        text,
        lines,
        symbols,
        after: subtree_ends(symbols),
        splitter: Splitter { text, lines, depths, most_lines: MOST_LINES },
        pieces: Vec::new(),
        pending: None,
    };
    cutter.scope(None, 0, symbols.len(), 0, lines.count());
    cutter.finish()
}

/// Cuts a text into windows.
pub(crate) fn windows(text: &str, lines: &LineIndex) -> Vec<Chunk> {
    let splitter = Splitter { text, lines, depths: &[], most_lines: WINDOW_LINES };
    let mut chunks = Vec::new();
    splitter.split(0, lines.count(), |from, to| {
        let piece = Piece { from, to, kind: ChunkKind::Window, symbol: None };
        push_chunks(text, lines, piece, &mut chunks);
    });
    chunks
}

/// For every symbol the index after its last descendant.
fn subtree_ends(symbols: &[Symbol]) -> Vec<u32> {
    let mut ends: Vec<u32> = (1..=symbols.len() as u32).collect();
    for index in (0..symbols.len()).rev() {
        if let Some(parent) = symbols[index].parent {
            ends[parent as usize] = ends[parent as usize].max(ends[index]);
        }
    }
    ends
}

/// Turns a piece into a chunk, or into several when it is one very long line.
fn push_chunks(text: &str, lines: &LineIndex, piece: Piece, into: &mut Vec<Chunk>) {
    let start = lines.span(piece.from).map_or(0, |span| span.start);
    let end = piece.to.checked_sub(1).and_then(|last| lines.span(last)).map_or(start, |span| span.end);
    let chunk =
        |start: usize, end: usize| Chunk { span: Span::new(start, end), kind: piece.kind, symbol: piece.symbol };
    let (start, end) = (start as usize, end as usize);
    if piece.to - piece.from > 1 || end - start <= LINE_PIECE {
        into.push(chunk(start, end));
        return;
    }
    let mut at = start;
    for _ in 0..LINE_PIECES {
        let next = text.floor_char_boundary((at + LINE_PIECE).min(end));
        into.push(chunk(at, next));
        at = next;
        if at >= end {
            break;
        }
    }
}

struct Cutter<'a> {
    text: &'a str,
    lines: &'a LineIndex,
    symbols: &'a [Symbol],
    /// Per symbol the index after its last descendant.
    after: Vec<u32>,
    splitter: Splitter<'a>,
    pieces: Vec<Piece>,
    /// First line of a run that joins the piece that comes next.
    pending: Option<u32>,
}

/// What holds the symbols that are being cut.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    File,
    Type,
    Impl,
    Callable,
    Section,
}

impl Cutter<'_> {
    fn scope_of(&self, owner: Option<u32>) -> Scope {
        match owner.map(|owner| self.symbols[owner as usize].kind) {
            None | Some(SymbolKind::Module | SymbolKind::Namespace) => Scope::File,
            Some(SymbolKind::Impl) => Scope::Impl,
            Some(SymbolKind::Section) => Scope::Section,
            Some(kind) if kind.is_type() => Scope::Type,
            Some(_) => Scope::Callable,
        }
    }

    /// Lines `from..to` of a symbol, cut to those still free.
    fn lines_of(&self, index: usize, free: u32, to: u32) -> (u32, u32) {
        let (first, last) = self.lines.lines_of(self.symbols[index].span);
        (first.max(free), (last + 1).min(to))
    }

    /// Cuts lines `from..to`, which `owner` holds with its descendants `first..end`.
    fn scope(&mut self, owner: Option<u32>, first: usize, end: usize, from: u32, to: u32) {
        let scope = self.scope_of(owner);
        let mut free = from;
        let mut since = first;
        let mut child = first;
        while child < end {
            let after = self.after[child] as usize;
            let (start, stop) = self.lines_of(child, free, to);
            if start < stop && self.stands_alone(child, scope, stop - start) {
                self.run(owner, free, start, since, child);
                self.symbol(child, start, stop);
                free = stop;
                since = after;
            }
            child = after;
        }
        self.run(owner, free, to, since, end);
    }

    /// Whether a symbol of so many lines gets a chunk of its own.
    fn stands_alone(&self, index: usize, scope: Scope, lines: u32) -> bool {
        let kind = self.symbols[index].kind;
        let holds = self.after[index] as usize > index + 1;
        let least = match kind {
            SymbolKind::Module | SymbolKind::Namespace | SymbolKind::Impl => {
                if holds {
                    2
                } else {
                    4
                }
            }
            SymbolKind::Section => 1,
            SymbolKind::Test => 3,
            _ if kind.is_callable() => match scope {
                Scope::File | Scope::Section => 3,
                Scope::Impl => 4,
                Scope::Type => 5,
                Scope::Callable => 10,
            },
            _ if kind.is_type() => match scope {
                Scope::File | Scope::Section | Scope::Impl => 3,
                Scope::Type => 6,
                Scope::Callable => 10,
            },
            _ => match scope {
                Scope::File => 5,
                _ => 10,
            },
        };
        lines >= least
    }

    /// Cuts the lines of one symbol.
    fn symbol(&mut self, index: usize, from: u32, to: u32) {
        let symbol = &self.symbols[index];
        let lines = to - from;
        let fits = self.splitter.fits(from, to);
        let whole = match self.scope_of(Some(index as u32)) {
            Scope::File | Scope::Impl => false,
            Scope::Type => fits && lines <= WHOLE_TYPE,
            Scope::Section => fits && lines <= WHOLE_SECTION,
            Scope::Callable => fits,
        };
        if whole || self.after[index] as usize == index + 1 {
            let kind = if fits { ChunkKind::Symbol } else { ChunkKind::Part };
            let answer = self.join_head(symbol, from, to).unwrap_or(index as u32);
            self.push(kind, Some(answer), from, to);
        } else {
            self.scope(Some(index as u32), index + 1, self.after[index] as usize, from, to);
        }
    }

    /// A constructor joins the head of its type when both are short: the head is no answer without it. Returns the type.
    fn join_head(&mut self, symbol: &Symbol, from: u32, to: u32) -> Option<u32> {
        let head = self.pieces.last().copied()?;
        let joins = symbol.kind == SymbolKind::Constructor
            && symbol.parent.is_some()
            && head.symbol == symbol.parent
            && head.kind == ChunkKind::Symbol
            && head.to == from
            && self.pending.is_none()
            && head.to - head.from <= HEAD_JOINS
            && to - head.from <= HEAD_AND_CONSTRUCTOR
            && self.splitter.fits(head.from, to);
        if !joins {
            return None;
        }
        self.pieces.pop();
        self.pending = Some(head.from);
        head.symbol
    }

    /// Cuts lines that belong to `owner` and to its descendants `first..end`, none of which has a chunk of its own.
    fn run(&mut self, owner: Option<u32>, mut from: u32, to: u32, first: usize, end: usize) {
        // Closing braces and blank lines belong to what is before them.
        if let Some(last) = self.pieces.last_mut()
            && self.pending.is_none()
        {
            let limit = to.min(from + BLANKS);
            while from < limit && is_trivial(self.splitter.line(from)) {
                from += 1;
            }
            last.to = last.to.max(from);
        }
        if from >= to {
            return;
        }
        let mut head = owner.filter(|&owner| {
            let name = self.lines.line_of(self.symbols[owner as usize].name_span.start);
            (from..to).contains(&name)
        });
        let substance = self.substance(from, to);
        let scope = self.scope_of(owner);
        let least = match scope {
            Scope::File | Scope::Impl if head.is_some() => 5,
            Scope::File | Scope::Impl => 3,
            Scope::Type if head.is_none() => 4,
            _ => 0,
        };
        let inside = self.symbols_in(first, end, from, to);
        let answers = inside.is_some_and(|(one, only)| !only || self.symbols[one].kind != SymbolKind::Impl);
        if !answers && substance < least && to - from <= BLANKS {
            self.pending.get_or_insert(from);
            return;
        }
        // Imports and the licence are not the constants that follow them.
        if let (Scope::File, Some((one, _))) = (scope, inside) {
            let (start, _) = self.lines_of(one, from, to);
            if self.substance(from, start) >= 4 {
                let kind = if head.is_some() { ChunkKind::Symbol } else { ChunkKind::Gap };
                self.push(kind, owner, from, start);
                from = start;
                head = None;
            }
        }
        let inside = self.symbols_in(first, end, from, to);
        // An implementation or a module is no answer by itself; what it holds is.
        let head = head.filter(|_| match scope {
            Scope::Impl => !matches!(inside, Some((_, true))),
            Scope::File => inside.is_none(),
            _ => true,
        });
        match (inside, head) {
            (Some((one, true)), None) => self.push(ChunkKind::Symbol, Some(one as u32), from, to),
            (_, Some(_)) => self.push(ChunkKind::Symbol, owner, from, to),
            _ if scope == Scope::File => self.push(ChunkKind::Gap, owner, from, to),
            _ => self.push(ChunkKind::Part, owner, from, to),
        }
    }

    /// Lines that are more than closing braces, counted up to 8.
    fn substance(&self, from: u32, to: u32) -> usize {
        (from..to).filter(|&line| !is_trivial(self.splitter.line(line))).take(8).count()
    }

    /// The first direct child named in these lines, and whether it is the only one.
    fn symbols_in(&self, first: usize, end: usize, from: u32, to: u32) -> Option<(usize, bool)> {
        let start = self.lines.span(from)?.start;
        let stop = to.checked_sub(1).and_then(|last| self.lines.span(last))?.end;
        let mut found = None;
        let mut child = first;
        while child < end {
            let name = self.symbols[child].name_span.start;
            if self.symbols[child].span.start >= stop {
                break;
            }
            if (start..stop).contains(&name) {
                match found {
                    None => found = Some((child, true)),
                    Some((one, _)) => return Some((one, false)),
                }
            }
            child = self.after[child] as usize;
        }
        found
    }

    /// Adds lines as one piece, or as several when they are too many.
    fn push(&mut self, kind: ChunkKind, symbol: Option<u32>, from: u32, to: u32) {
        let from = self.pending.take().unwrap_or(from);
        if self.splitter.fits(from, to) {
            self.pieces.push(Piece { from, to, kind, symbol });
            return;
        }
        let kind = if kind == ChunkKind::Symbol { ChunkKind::Part } else { kind };
        let pieces = &mut self.pieces;
        self.splitter.split(from, to, |from, to| pieces.push(Piece { from, to, kind, symbol }));
    }

    fn finish(mut self) -> Vec<Chunk> {
        let count = self.lines.count();
        if let Some(from) = self.pending.take() {
            match self.pieces.last_mut() {
                Some(last) => last.to = count,
                None => self.pieces.push(Piece { from, to: count, kind: ChunkKind::Gap, symbol: None }),
            }
        }
        if self.pieces.is_empty() {
            self.pieces.push(Piece { from: 0, to: count, kind: ChunkKind::Gap, symbol: None });
        }
        let mut chunks = Vec::with_capacity(self.pieces.len());
        for piece in self.pieces {
            push_chunks(self.text, self.lines, piece, &mut chunks);
        }
        chunks
    }
}

/// Whether a line only closes what other lines opened, or is blank.
pub(super) fn is_trivial(line: &str) -> bool {
    let line = line.trim();
    line.bytes().all(|byte| matches!(byte, b'}' | b')' | b']' | b';' | b','))
        || matches!(line, "end" | "fi" | "done" | "esac")
}
