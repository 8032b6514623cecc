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
    let mut starts: Vec<(u64, u32, u32)> = Vec::new();
    for (number, unit) in units.iter().enumerate() {
        let pairs = unit.statements.windows(2).enumerate();
        starts.extend(
            pairs.map(|(at, pair)| (u64::from(pair[0].hash) << 32 | u64::from(pair[1].hash), number as u32, at as u32)),
        );
    }
    starts.sort_unstable();
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
        if !(left.wanted || right.wanted) || !itself && !left.may_repeat(right) {
            return;
        }
        let shift = other_at.cast_signed() - at.cast_signed();
        let seen = self.seen.entry(pair).or_default();
        if seen.iter().any(|&(first, end, other)| (first..end).contains(&at) && other.abs_diff(shift) <= 2) {
            return;
        }
        let alike = alike(&left.statements, &right.statements, at, other_at, itself);
        let (Some(first), Some(last)) = (alike.first(), alike.last()) else { return };
        seen.push((first.0, last.0 + 1, shift));
        let least = self.scope.options.duplicates.min_tokens;
        let Some((own, other)) = whole(&left.statements, &right.statements, &alike, least) else { return };
        let pieces = (
            Piece { unit: pair.0, first: own.start, end: own.end },
            Piece { unit: pair.1, first: other.start, end: other.end },
        );
        if !(self.wants(&pieces.0) || self.wants(&pieces.1)) {
            return;
        }
        let Some(one) = Compared::part(&mut self.bodies, left, span_of(left, &pieces.0)) else { return };
        let Some(two) = Compared::part(&mut self.bodies, right, span_of(right, &pieces.1)) else { return };
        if let Some(comparison) = compare::compare(&one, &two, &self.scope.options.duplicates)
            && comparison.outer >= LEAST_OUTER
        {
            self.found.push(Match { left: pieces.0, right: pieces.1, comparison });
        }
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

/// Statements of both that are alike around two that are, in their order. One of either side, or one of both, may be
/// stepped over where the next two are alike again.
fn alike(left: &[Statement], right: &[Statement], at: usize, other_at: usize, itself: bool) -> Vec<(usize, usize)> {
    let equal = |a: usize, b: usize| match (left.get(a), right.get(b)) {
        (Some(a), Some(b)) => a.hash == b.hash,
        _ => false,
    };
    // Two pieces of one function do not reach into each other.
    let most = if itself { other_at.abs_diff(at) } else { MOST_STATEMENTS }.min(MOST_STATEMENTS);
    let mut forward = vec![(at, other_at)];
    let (mut a, mut b) = (at, other_at);
    while forward.len() < most && a - at < most {
        let steps = [(1, 1), (2, 2), (1, 2), (2, 1)];
        let step =
            steps.into_iter().find(|&(x, y)| equal(a + x, b + y) && ((x, y) == (1, 1) || equal(a + x + 1, b + y + 1)));
        let Some((x, y)) = step else { break };
        (a, b) = (a + x, b + y);
        forward.push((a, b));
    }
    let mut backward = Vec::new();
    let (mut a, mut b) = (at, other_at);
    while forward.len() + backward.len() < most {
        let steps = [(1, 1), (2, 2), (1, 2), (2, 1)];
        let step = steps.into_iter().find(|&(x, y)| {
            let reach = |x: usize, y: usize| a >= x && b >= y && equal(a - x, b - y);
            reach(x, y) && ((x, y) == (1, 1) || reach(x + 1, y + 1))
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
