//! Blocks that stand in several functions that are otherwise different.
//!
//! Two statements in a row that few other places have are where the search begins; from there both functions are
//! followed, one odd statement at a time is stepped over, and what is whole on both sides is laid beside each other.

use std::{
    collections::{HashMap, HashSet},
    sync::atomic::Ordering,
};

use super::{
    compare::{self, Bodies, Compared, Comparison},
    groups::root,
    paths::are_versions,
    reinvented::is_of_every_object,
    statements::{Statement, are_whole},
    units::Unit,
};
use crate::{Rule, scope::Scope};

/// A pair of statements that more places have says nothing. It also bounds the work: n log n for sorting them, and so
/// many comparisons for each.
const MOST_WITH_START: usize = 24;
/// Statements that a block has at least, and the share of them that must differ from each other: the same line again
/// and again is a table.
const LEAST_STATEMENTS: usize = 4;
const LEAST_VARIETY: f32 = 0.7;
/// Statements of a block that are looked at; a longer one is found in pieces.
const MOST_STATEMENTS: usize = 120;
/// Share of what two blocks call, use and name as types that must be the same. Above that of functions: a block has no
/// name and no arguments that would say what it is for.
const LEAST_OUTER: f32 = 0.8;
/// Share of the smaller of two pieces that both must cover to be one block.
const LEAST_COVERED: f32 = 0.5;

/// What may be stepped over where two functions are followed.
struct Reach {
    /// Statements of the left and of the right that one step goes over, the shortest first.
    steps: &'static [(usize, usize)],
    /// Tokens of a statement that by itself is as good as two to tell that the functions go on together.
    telling: u16,
}

/// From the widest to the narrowest: two statements that changed places are three of both.
const REACHES: [Reach; 3] = [
    Reach { steps: &[(1, 1), (2, 2), (1, 2), (2, 1), (3, 3), (2, 3), (3, 2), (1, 3), (3, 1)], telling: 8 },
    Reach { steps: &[(1, 1), (2, 2), (1, 2), (2, 1)], telling: u16::MAX },
    Reach { steps: &[(1, 1)], telling: u16::MAX },
];

/// A run of statements of one unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Piece {
    pub(crate) unit: usize,
    /// Its statements, numbered within the unit.
    pub(crate) first: usize,
    pub(crate) end: usize,
}

impl Piece {
    fn covers(&self, other: &Self) -> bool {
        let shared = self.end.min(other.end).saturating_sub(self.first.max(other.first));
        let smaller = (self.end - self.first).min(other.end - other.first);
        self.unit == other.unit && shared as f32 > LEAST_COVERED * smaller as f32
    }
}

/// Blocks that do the same.
pub(crate) struct Block {
    /// At least two, in the order of units.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) comparison: Comparison,
    /// That of the weakest pair.
    pub(crate) confidence: f32,
}

struct Match {
    left: Piece,
    right: Piece,
    comparison: Comparison,
}

/// Finds blocks in units of which not all is the same; `told` says of which two units that is known.
pub(crate) fn blocks(scope: &Scope<'_>, units: &[Unit], told: &dyn Fn(usize, usize) -> bool) -> Vec<Block> {
    let starts = starts(units);
    let mut search = Search { scope, units, bodies: Bodies::new(scope), seen: HashMap::new(), found: Vec::new() };
    let step = scope.step(Rule::DuplicateCode, "comparing blocks", starts.len());
    for group in starts.chunk_by(|left, right| left.0 == right.0) {
        if scope.cancel.load(Ordering::Relaxed) {
            break;
        }
        step.progress.advance(group.len());
        if (2..=MOST_WITH_START).contains(&group.len()) {
            for (number, &(_, left, at)) in group.iter().enumerate() {
                for &(_, right, other_at) in &group[number + 1..] {
                    let pair = (left as usize, right as usize);
                    if !told(pair.0, pair.1) {
                        search.follow(pair, at as usize, other_at as usize);
                    }
                }
            }
        }
    }
    joined(search.found)
}

/// Two statements in a row that a wanted unit has, with each unit that has them and where, sorted.
fn starts(units: &[Unit]) -> Vec<(u64, u32, u32)> {
    let of_unit = |unit: &Unit| -> Vec<u64> {
        let pairs = unit.statements.windows(2);
        pairs.map(|pair| u64::from(pair[0].hash) << 32 | u64::from(pair[1].hash)).collect()
    };
    let wanted: Option<HashSet<u64>> = if units.iter().all(|unit| unit.wanted) {
        None
    } else {
        Some(units.iter().filter(|unit| unit.wanted).flat_map(of_unit).collect())
    };
    let mut starts: Vec<(u64, u32, u32)> = Vec::new();
    for (number, unit) in units.iter().enumerate() {
        let own = of_unit(unit).into_iter().enumerate();
        let kept = own.filter(|(_, start)| wanted.as_ref().is_none_or(|wanted| wanted.contains(start)));
        starts.extend(kept.map(|(at, start)| (start, number as u32, at as u32)));
    }
    starts.sort_unstable();
    starts
}

struct Search<'a, 'b> {
    scope: &'b Scope<'a>,
    units: &'b [Unit],
    bodies: Bodies<'a, 'b>,
    /// Where pairs of units were followed already.
    seen: HashMap<(usize, usize), Vec<Followed>>,
    found: Vec<Match>,
}

/// Statements of the left of two units, and how much further down they stand in the right one.
type Followed = (usize, usize, isize);

impl Search<'_, '_> {
    /// Follows two units from statements that are alike, and keeps what holds.
    fn follow(&mut self, pair: (usize, usize), at: usize, other_at: usize) {
        let (left, right) = (&self.units[pair.0], &self.units[pair.1]);
        let itself = pair.0 == pair.1;
        let of_object = |unit: &Unit| unit.symbol().is_some_and(|symbol| is_of_every_object(symbol.name()));
        if !itself && of_object(left) && of_object(right) {
            return;
        }
        let versions = || are_versions(left.file.path(), right.file.path());
        if !(left.wanted || right.wanted) || !itself && (!left.may_repeat(right) || versions()) {
            return;
        }
        let shift = other_at.cast_signed() - at.cast_signed();
        let seen = self.seen.entry(pair).or_default();
        if seen.iter().any(|&(first, end, other)| (first..end).contains(&at) && other.abs_diff(shift) <= 2) {
            return;
        }
        let mut tried: Vec<(usize, usize)> = Vec::new();
        // What is stepped over may be too much where less is not.
        for reach in &REACHES {
            let alike = alike(&left.statements, &right.statements, (at, other_at), itself, reach);
            if alike == tried {
                continue;
            }
            if tried.is_empty() {
                let (Some(first), Some(last)) = (alike.first(), alike.last()) else { return };
                self.seen.entry(pair).or_default().push((first.0, last.0 + 1, shift));
            }
            if let Some(found) = self.compared(pair, &alike) {
                self.found.push(found);
                break;
            }
            tried = alike;
        }
    }

    /// The longest whole piece of statements that are alike, if both are the same.
    fn compared(&mut self, pair: (usize, usize), alike: &[(usize, usize)]) -> Option<Match> {
        let (left, right) = (&self.units[pair.0], &self.units[pair.1]);
        let least = self.scope.options.duplicates.min_tokens;
        let (own, other) = whole(&left.statements, &right.statements, alike, least)?;
        let left_piece = Piece { unit: pair.0, first: own.start, end: own.end };
        let right_piece = Piece { unit: pair.1, first: other.start, end: other.end };
        if !(self.wants(&left_piece) || self.wants(&right_piece)) {
            return None;
        }
        let one = Compared::part(&mut self.bodies, left, span_of(left, &left_piece))?;
        let two = Compared::part(&mut self.bodies, right, span_of(right, &right_piece))?;
        let comparison = compare::compare(&one, &two, &self.scope.options.duplicates)?;
        let same = comparison.outer >= LEAST_OUTER && !comparison.apart.is_another_block();
        same.then_some(Match { left: left_piece, right: right_piece, comparison })
    }

    fn wants(&self, piece: &Piece) -> bool {
        let unit = &self.units[piece.unit];
        if !unit.wanted || self.scope.changes.is_none() {
            return unit.wanted;
        }
        self.scope.source(&unit.file).is_some_and(|source| {
            let (first, last) = source.lines.lines_of(span_of(unit, piece));
            self.scope.wants_lines(unit.file.path(), first..last + 1)
        })
    }
}

/// The bytes of a piece.
pub(crate) fn span_of(unit: &Unit, piece: &Piece) -> conexus_core::Span {
    let of = |at: usize| unit.statements.get(at).map_or(unit.body, |statement| statement.span);
    conexus_core::Span { start: of(piece.first).start, end: of(piece.end.saturating_sub(1)).end }
}

/// Statements of both that are alike around two that are, in their order. Some of either side, or of both, may be
/// stepped over where it is sure that the two go on together.
fn alike(
    left: &[Statement],
    right: &[Statement],
    (at, other_at): (usize, usize),
    itself: bool,
    reach: &Reach,
) -> Vec<(usize, usize)> {
    let equal = |a: Option<usize>, b: Option<usize>| match (a.and_then(|a| left.get(a)), b.and_then(|b| right.get(b))) {
        (Some(a), Some(b)) => a.hash == b.hash,
        _ => false,
    };
    let goes_on = |a: Option<usize>, b: Option<usize>, after: (Option<usize>, Option<usize>)| {
        let tells = a.and_then(|a| left.get(a)).is_some_and(|statement| statement.tokens >= reach.telling);
        equal(a, b) && (tells || equal(after.0, after.1))
    };
    // Two pieces of one function do not reach into each other.
    let most = if itself { other_at.abs_diff(at) } else { MOST_STATEMENTS }.min(MOST_STATEMENTS);
    let mut forward = vec![(at, other_at)];
    let (mut a, mut b) = (at, other_at);
    while forward.len() < most && a - at < most {
        let further = |x: usize, y: usize| (Some(a + x), Some(b + y));
        let step = reach.steps.iter().copied().find(|&(x, y)| {
            let to = further(x, y);
            if (x, y) == (1, 1) { equal(to.0, to.1) } else { goes_on(to.0, to.1, further(x + 1, y + 1)) }
        });
        let Some((x, y)) = step else { break };
        (a, b) = (a + x, b + y);
        forward.push((a, b));
    }
    let mut backward = Vec::new();
    let (mut a, mut b) = (at, other_at);
    while forward.len() + backward.len() < most {
        let back = |x: usize, y: usize| (a.checked_sub(x), b.checked_sub(y));
        let step = reach.steps.iter().copied().find(|&(x, y)| {
            let to = back(x, y);
            if (x, y) == (1, 1) { equal(to.0, to.1) } else { goes_on(to.0, to.1, back(x + 1, y + 1)) }
        });
        let Some((x, y)) = step else { break };
        (a, b) = (a - x, b - y);
        backward.push((a, b));
    }
    backward.reverse();
    backward.append(&mut forward);
    backward
}

/// The longest run of what is alike that is whole in both.
fn whole(
    left: &[Statement],
    right: &[Statement],
    alike: &[(usize, usize)],
    least: usize,
) -> Option<(std::ops::Range<usize>, std::ops::Range<usize>)> {
    let tokens = |range: std::ops::Range<usize>| -> usize {
        left[range].iter().map(|statement| usize::from(statement.tokens)).sum()
    };
    let mut best: Option<(usize, std::ops::Range<usize>, std::ops::Range<usize>)> = None;
    for first in 0..alike.len() {
        for last in (first + LEAST_STATEMENTS.saturating_sub(1)..alike.len()).rev() {
            let own = alike[first].0..alike[last].0 + 1;
            let other = alike[first].1..alike[last].1 + 1;
            let count = tokens(own.clone());
            if count < least || best.as_ref().is_some_and(|(most, ..)| count <= *most) {
                break;
            }
            if are_whole(&left[own.clone()], left.get(own.end))
                && are_whole(&right[other.clone()], right.get(other.end))
                && is_varied(&left[own.clone()])
            {
                best = Some((count, own, other));
                break;
            }
        }
    }
    best.map(|(_, own, other)| (own, other))
}

fn is_varied(statements: &[Statement]) -> bool {
    let different: HashSet<u32> =
        statements.iter().filter(|statement| !statement.closes).map(|statement| statement.hash).collect();
    let all = statements.iter().filter(|statement| !statement.closes).count();
    different.len() >= LEAST_STATEMENTS && different.len() as f32 >= LEAST_VARIETY * all as f32
}

/// Joins matches that have a piece in common.
fn joined(mut found: Vec<Match>) -> Vec<Block> {
    found.sort_by_key(|found| (found.left, found.right));
    let mut pieces: Vec<Piece> = found.iter().flat_map(|found| [found.left, found.right]).collect();
    pieces.sort_unstable();
    pieces.dedup();
    let number: HashMap<Piece, usize> = pieces.iter().enumerate().map(|(number, piece)| (*piece, number)).collect();
    let mut parents = HashMap::new();
    let mut join = |left: usize, right: usize| {
        let (left, right) = (root(&mut parents, left), root(&mut parents, right));
        parents.insert(left.max(right), left.min(right));
    };
    for (at, piece) in pieces.iter().enumerate() {
        // Pieces are sorted by where they begin, so that only a few that begin before can reach into this one.
        for back in (at.saturating_sub(8)..at).filter(|&back| pieces[back].covers(piece)) {
            join(back, at);
        }
    }
    for found in &found {
        join(number[&found.left], number[&found.right]);
    }
    let mut groups: HashMap<usize, Block> = HashMap::new();
    for found in found {
        let confidence = found.comparison.confidence();
        let group = root(&mut parents, number[&found.left]);
        let block = groups.entry(group).or_insert_with(|| Block {
            pieces: Vec::new(),
            comparison: found.comparison.clone(),
            confidence: 1.0,
        });
        for piece in [found.left, found.right] {
            if !block.pieces.iter().any(|other| other.covers(&piece)) {
                block.pieces.push(piece);
            }
        }
        block.confidence = block.confidence.min(confidence);
    }
    let mut blocks: Vec<Block> = groups.into_values().filter(|block| block.pieces.len() > 1).collect();
    blocks.sort_by(|left, right| left.pieces.cmp(&right.pieces));
    blocks
}
