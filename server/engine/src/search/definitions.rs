//! Definitions of a name that a query spells out, found through the terms of their chunks: no list of names is walked.
//!
//! A definition's name stands in its chunk's text, so the chunks that hold the name as a term are all that can define it.
//! Those whose own symbol has the name have it in a field of its own; what a larger chunk defines beside that, such as
//! a constant in a block of them, is in its text alone.

use conexus_core::words;
use conexus_index::{Field, FileEntry, IndexSnapshot, Letters, LocatedChunk, SlotSet, SymbolRef, tokenizer};

use super::{
    Name, chunk_at,
    names::{NameMatch, container_matches, match_name, split_name},
};
use crate::Result;

/// Chunks whose text is looked through for definitions of one name, at the most: half a millisecond on 2026-11-21. A name
/// in more chunks than this is found where it is the name of a chunk's own symbol.
const LOOKED_THROUGH: usize = 4_096;
/// Definitions and other symbols taken by name.
const TAKEN: usize = 100;
/// Terms that begin with a name, of which the chunks are looked up.
const BEGINNINGS: usize = 100;
/// Longest text that is taken for an abbreviation.
const LONGEST_ABBREVIATION: usize = 12;

/// How well a symbol answers a name; smaller is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fit {
    pub(super) other_container: bool,
    pub(super) name: NameMatch,
}

impl Fit {
    /// How a symbol answers a name, if it does.
    pub(super) fn of(wanted: &Name, symbol: SymbolRef<'_>, path: &str) -> Option<Self> {
        let (outer, own) = split_name(symbol.name());
        let name = match_name(&wanted.name, own)?;
        let container = if outer.is_empty() { symbol.container() } else { outer };
        let fits = wanted.container.is_empty() || container_matches(&wanted.container, container, path);
        Some(Self { other_container: !fits, name })
    }

    /// Whether it names the symbol, in whatever style, and not only its beginning.
    pub(super) fn is_definition(self) -> bool {
        self.name <= NameMatch::OtherStyle
    }

    /// Whether no other symbol can answer the name better.
    fn is_perfect(self) -> bool {
        self.name == NameMatch::Exact && !self.other_container
    }
}

/// The chunks that define a name, best first.
pub(super) fn definitions(index: &IndexSnapshot, wanted: &Name, allowed: Option<&SlotSet>) -> Result<Vec<u32>> {
    let mut found = Found { index, wanted, allowed, best: Vec::new() };
    if let Some(term) = tokenizer::identifier_term(&wanted.name) {
        for slot in index.slots_in_field(&term, Field::Name, usize::MAX)?.unwrap_or_default() {
            found.look_at(slot, Fit::is_definition);
        }
        if !found.best.iter().any(|(fit, ..)| fit.is_perfect()) {
            for slot in index.slots_in_field(&term, Field::Body, LOOKED_THROUGH)?.unwrap_or_default() {
                found.look_at(slot, Fit::is_definition);
            }
        }
    } else {
        // A name too long for a term of its own: its rarest word leads to it.
        let mut rarest: Option<Vec<u32>> = None;
        for word in words::parts(&wanted.name).flat_map(tokenizer::terms) {
            let most = rarest.as_ref().map_or(LOOKED_THROUGH, Vec::len);
            rarest = index.slots_in_field(&word, Field::Body, most)?.or(rarest);
        }
        for slot in rarest.unwrap_or_default() {
            found.look_at(slot, Fit::is_definition);
        }
    }
    Ok(found.named())
}

/// The chunks with a symbol whose name begins with a name or is abbreviated by it.
pub(super) fn beginnings(index: &IndexSnapshot, wanted: &Name, allowed: Option<&SlotSet>) -> Result<Vec<u32>> {
    let mut found = Found { index, wanted, allowed, best: Vec::new() };
    let folded: String = words::parts(&wanted.name).flat_map(str::chars).flat_map(char::to_lowercase).collect();
    if folded.len() >= 3 {
        for field in [Field::Name, Field::Body] {
            for term in index.terms_with_prefix(&folded, field, BEGINNINGS)? {
                for slot in index.slots_in_field(&term, field, LOOKED_THROUGH)?.unwrap_or_default() {
                    found.look_at(slot, |_| true);
                }
            }
            if !found.best.is_empty() {
                return Ok(found.named());
            }
        }
    }
    // What is spelled like an identifier or stands in the text is no abbreviation.
    if wanted.name.len() <= LONGEST_ABBREVIATION && wanted.name.bytes().all(|byte| byte.is_ascii_lowercase()) {
        for file in index.files() {
            for symbol in file.symbols_with(Letters::of(&wanted.name)) {
                if let Some(fit) = Fit::of(wanted, symbol, file.path())
                    && let Some(chunk) = chunk_at(file, symbol.name_span().start)
                {
                    found.take(fit, symbol, file, chunk);
                }
            }
        }
    }
    Ok(found.named())
}

/// The symbols whose names may stand in a chunk; [`stands_in`] says which do.
pub(super) fn symbols_in(located: LocatedChunk<'_>) -> impl Iterator<Item = SymbolRef<'_>> {
    let span = located.chunk.span();
    let file = located.file;
    let (mut low, mut high) = (0, file.symbol_count());
    // Symbols are ordered by start; a symbol's name lies after its start, so an enclosing one may begin before the chunk.
    while low < high {
        let middle = low.midpoint(high);
        if file.symbol(middle).is_some_and(|symbol| symbol.span().start < span.start) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    // Those are what encloses the one before, and what is declared with it: `var a, b, c` gives each the whole span.
    let before = low.checked_sub(1).and_then(|last| file.symbol(last));
    let enclosing = std::iter::successors(before, |symbol| {
        let previous = symbol.index().checked_sub(1).and_then(|index| file.symbol(index));
        let beside = previous.filter(|previous| previous.span().start == symbol.span().start);
        beside.or_else(|| file.symbol(symbol.parent()?))
    });
    enclosing.filter(move |symbol| span.contains(symbol.name_span())).chain(
        (low..file.symbol_count())
            .map_while(move |index| file.symbol(index).filter(|symbol| symbol.span().start < span.end)),
    )
}

/// Whether a symbol's name stands in a chunk and in none inside of it.
pub(super) fn stands_in(symbol: SymbolRef<'_>, located: LocatedChunk<'_>) -> bool {
    chunk_at(located.file, symbol.name_span().start) == Some(located.chunk.index())
}

/// What was found for one name so far.
struct Found<'a> {
    index: &'a IndexSnapshot,
    wanted: &'a Name,
    allowed: Option<&'a SlotSet>,
    /// With the length of the symbol's name, and its place: path, number of the chunk, slot.
    best: Vec<(Fit, usize, &'a str, u32, u32)>,
}

impl<'a> Found<'a> {
    fn look_at(&mut self, slot: u32, wanted: impl Fn(Fit) -> bool) {
        let Some(located) = self.index.chunk(slot) else { return };
        for symbol in symbols_in(located) {
            if let Some(fit) = Fit::of(self.wanted, symbol, located.file.path())
                && wanted(fit)
                && stands_in(symbol, located)
            {
                self.take(fit, symbol, located.file, located.chunk.index());
            }
        }
    }

    fn take(&mut self, fit: Fit, symbol: SymbolRef<'_>, file: &'a FileEntry, chunk: u32) {
        let slot = file.first_slot() + chunk;
        if self.allowed.is_none_or(|allowed| allowed.contains(slot)) {
            self.best.push((fit, symbol.name().len(), file.path(), chunk, slot));
        }
    }

    fn named(mut self) -> Vec<u32> {
        self.best.sort_unstable();
        self.best.dedup_by_key(|&mut (.., slot)| slot);
        self.best.truncate(TAKEN);
        self.best.into_iter().map(|(.., slot)| slot).collect()
    }
}
