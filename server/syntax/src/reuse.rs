//! What a walk found, remembered node by node, so that the walk over the next version of a text takes over what an edit
//! left alone instead of walking it again.
//!
//! The facts of a node and all below it depend on its text, on the tree below it, on the kinds and fields of the nodes
//! around it (patterns of references are matched outwards), on how deep it lies and on whether its line begins with it.
//! All of that is compared. The tree below is as before when the children of the node are those that the earlier tree
//! has, which lives meanwhile, so that equal identities are one node in memory: what the parser made anew is walked anew.
//! Its account of what changed is not enough: after an error elsewhere it may read `Line::price` of Java another way and
//! say nothing. A node with an error in it is walked always, and so is one whose reach depends on those beside it
//! ([`KindFlags::HEADER`]). Guarded by `what_is_taken_over_is_what_a_walk_finds`.

use crate::facts::{Counts, Facts, Shift};
use crate::grammar::KindFlags;
use crate::remembered::Edit;
use conexus_core::Span;
use std::ops::Range;
use tree_sitter::Node;

/// Bytes from which a node is worth remembering: below, looking it up costs about what walking it costs.
const LEAST: usize = 96;
/// "No unit."
const NONE: u32 = u32::MAX;

/// What a walk remembers, and takes over from the one before.
pub(crate) trait Memory {
    /// Whether it does so at all.
    const REMEMBERS: bool;

    /// The walk has come to a node, which stands in that field.
    fn arrive(&mut self, node: Node<'_>, field: u16);
    /// Takes over the facts of a node and all below it, if they are known.
    fn recall(&mut self, node: Node<'_>, place: &Place, facts: &mut Facts) -> Option<Recalled>;
    /// A node is walked whose facts are to be remembered. Its children come next.
    fn begin(&mut self, node: Node<'_>, place: Place, facts: &mut Facts);
    /// The walk goes down to the children of a node; `is_unit` when it was begun.
    fn go_down(&mut self, kind: u16, field: u16, is_unit: bool);
    /// The walk has left a node's children. Lines before `next_row` have their depths.
    fn go_up(&mut self, facts: &mut Facts, next_row: u32);
}

/// Remembers nothing: for texts that are analysed once.
pub(crate) struct Forget;

impl Memory for Forget {
    const REMEMBERS: bool = false;

    fn arrive(&mut self, _: Node<'_>, _: u16) {}
    fn recall(&mut self, _: Node<'_>, _: &Place, _: &mut Facts) -> Option<Recalled> {
        None
    }
    fn begin(&mut self, _: Node<'_>, _: Place, _: &mut Facts) {}
    fn go_down(&mut self, _: u16, _: u16, _: bool) {}
    fn go_up(&mut self, _: &mut Facts, _: u32) {}
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) kind: u16,
    /// The field that it stands in, or 0.
    pub(crate) field: u16,
    /// Nodes around it.
    pub(crate) depth: u32,
    pub(crate) row: u32,
    /// Whether only blanks stand before it on its line.
    pub(crate) begins_line: bool,
}

impl Place {
    /// Whether the facts of a node may be remembered at all.
    #[inline]
    pub(crate) fn may_stand_for(node: Node<'_>, flags: KindFlags) -> bool {
        node.end_byte() - node.start_byte() >= LEAST && !flags.intersects(KindFlags::HEADER) && !node.has_error()
    }

    /// Whether two nodes stand alike, the row aside.
    fn is_like(&self, other: &Self) -> bool {
        Self { row: 0, ..*self } == Self { row: 0, ..*other }
    }
}

/// What the walk must know of a node that it need not walk.
pub(crate) struct Recalled {
    /// Lines before this one have their depths.
    pub(crate) next_row: u32,
    /// How deep the walk would have gone.
    pub(crate) deepest: u32,
}

/// A node whose facts are remembered.
#[derive(Clone, Copy, Debug)]
struct Unit {
    place: Place,
    span: Span,
    /// Hash of the kinds and fields of the nodes around it.
    context: u64,
    /// Nodes below it.
    descendants: u32,
    /// Hash of the identities and fields of its children.
    children: u64,
    /// The facts from here on, up to `end`, are of it and of what is below it.
    first: Counts,
    end: Counts,
    next_row: u32,
    deepest: u32,
    /// One past the last unit below it.
    units_end: u32,
}

/// What one walk found, with the nodes that it is made of.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    pub(crate) facts: Facts,
    /// In the order of the walk: by start, outer ones before inner ones.
    units: Vec<Unit>,
    pub(crate) deepest: u32,
    /// How many units came from the walk before.
    pub(crate) taken_over: usize,
}

impl Walked {
    /// How many nodes are remembered.
    pub(crate) fn unit_count(&self) -> usize {
        self.units.len()
    }

    /// Moves everything.
    pub(crate) fn shift(&mut self, shift: Shift) {
        if shift == Shift::default() {
            return;
        }
        let mut facts = Facts { errors: self.facts.errors, ..Facts::default() };
        facts.take_over(&self.facts, Counts::default(), self.facts.counts(), shift);
        self.facts = facts;
        for unit in &mut self.units {
            unit.span = shift.span(unit.span);
            unit.place.row = shift.row(unit.place.row);
            unit.next_row = shift.row(unit.next_row);
        }
    }

    /// The numbers of the units that begin at an offset.
    fn beginning_at(&self, start: u32) -> Range<usize> {
        let first = self.units.partition_point(|unit| unit.span.start < start);
        let count = self.units[first..].iter().take_while(|unit| unit.span.start == start).count();
        first..first + count
    }
}

/// An earlier version of what is walked.
pub(crate) struct Earlier<'a> {
    pub(crate) walked: &'a Walked,
    pub(crate) text: &'a str,
    pub(crate) edit: Edit,
}

/// What is known of one node on the path of the walk.
#[derive(Clone, Copy)]
struct Level {
    context: u64,
    children: u64,
    unit: u32,
    deepest: u32,
}

/// Remembers a walk over `text`.
pub(crate) struct Recorder<'a> {
    text: &'a str,
    earlier: Option<Earlier<'a>>,
    units: Vec<Unit>,
    path: Vec<Level>,
    taken_over: usize,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(text: &'a str, earlier: Option<Earlier<'a>>) -> Self {
        let units = Vec::with_capacity(earlier.as_ref().map_or(0, |earlier| earlier.walked.units.len() + 64));
        Self { text, earlier, units, path: Vec::with_capacity(64), taken_over: 0 }
    }

    /// The walk with its facts, all of which this recorder saw.
    pub(crate) fn finish(self, facts: Facts, deepest: u32) -> Walked {
        Walked { facts, units: self.units, deepest, taken_over: self.taken_over }
    }

    fn context(&self) -> u64 {
        self.path.last().map_or(0, |level| level.context)
    }

    /// The unit of the earlier walk that this node is, unchanged.
    fn find(&self, node: Node<'_>, place: &Place) -> Option<usize> {
        let earlier = self.earlier.as_ref()?;
        let span = Span::new(node.start_byte(), node.end_byte());
        let before = earlier.edit.before(span)?;
        let context = self.context();
        earlier.walked.beginning_at(before.start).find(|&number| {
            let unit = &earlier.walked.units[number];
            unit.span == before
                && unit.place.is_like(place)
                && unit.context == context
                && unit.descendants == node.descendant_count() as u32
                && before.slice(earlier.text) == span.slice(self.text)
                && unit.children == children_of(node)
        })
    }
}

impl Memory for Recorder<'_> {
    const REMEMBERS: bool = true;

    fn arrive(&mut self, node: Node<'_>, field: u16) {
        if let Some(level) = self.path.last_mut() {
            level.children = with_child(level.children, node, field);
        }
    }

    fn recall(&mut self, node: Node<'_>, place: &Place, facts: &mut Facts) -> Option<Recalled> {
        let number = self.find(node, place)?;
        let walked = self.earlier.as_ref()?.walked;
        let unit = walked.units[number];
        let shift = Shift::between((unit.span.start, unit.place.row), (node.start_byte() as u32, place.row));
        let (now, units_now) = (facts.counts(), self.units.len() as u32);
        facts.take_over(&walked.facts, unit.first, unit.end, shift);
        let rebased = walked.units[number..unit.units_end as usize].iter().map(|inner| Unit {
            place: Place { row: shift.row(inner.place.row), ..inner.place },
            span: shift.span(inner.span),
            first: inner.first.rebased(unit.first, now),
            end: inner.end.rebased(unit.first, now),
            next_row: shift.row(inner.next_row),
            units_end: inner.units_end - number as u32 + units_now,
            ..*inner
        });
        self.units.extend(rebased);
        self.taken_over += self.units.len() - units_now as usize;
        if let Some(level) = self.path.last_mut() {
            level.deepest = level.deepest.max(unit.deepest);
        }
        Some(Recalled { next_row: shift.row(unit.next_row), deepest: unit.deepest })
    }

    fn begin(&mut self, node: Node<'_>, place: Place, facts: &mut Facts) {
        let first = facts.counts();
        self.units.push(Unit {
            place,
            span: Span::new(node.start_byte(), node.end_byte()),
            context: self.context(),
            descendants: node.descendant_count() as u32,
            children: 0,
            first,
            end: first,
            next_row: 0,
            deepest: 0,
            units_end: 0,
        });
    }

    fn go_down(&mut self, kind: u16, field: u16, is_unit: bool) {
        let unit = if is_unit { self.units.len() as u32 - 1 } else { NONE };
        let context = mixed(self.context(), u64::from(kind) << 16 | u64::from(field));
        self.path.push(Level { context, children: 0, unit, deepest: self.path.len() as u32 + 1 });
    }

    fn go_up(&mut self, facts: &mut Facts, next_row: u32) {
        let Some(level) = self.path.pop() else { return };
        if let Some(around) = self.path.last_mut() {
            around.deepest = around.deepest.max(level.deepest);
        }
        let units_end = self.units.len() as u32;
        if let Some(unit) = self.units.get_mut(level.unit as usize) {
            let Level { children, deepest, .. } = level;
            *unit = Unit { children, end: facts.counts(), next_row, deepest, units_end, ..*unit };
        }
    }
}

/// What a walk over the children of a node makes of their identities.
fn children_of(node: Node<'_>) -> u64 {
    let mut cursor = node.walk();
    let mut more = cursor.goto_first_child();
    let mut children = 0;
    while more {
        let field = cursor.field_id().map_or(0, std::num::NonZero::get);
        children = with_child(children, cursor.node(), field);
        more = cursor.goto_next_sibling();
    }
    children
}

fn with_child(children: u64, node: Node<'_>, field: u16) -> u64 {
    mixed(mixed(children, node.id() as u64), u64::from(field))
}

/// Multiplies and folds.
fn mixed(state: u64, word: u64) -> u64 {
    let wide = u128::from(state ^ word ^ 0x9e37_79b9_7f4a_7c15) * 0xa076_1d64_78bd_642f_u128;
    (wide as u64) ^ (wide >> 64) as u64
}
