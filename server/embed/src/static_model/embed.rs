//! Fields to tokens, tokens to the sum of rows.

use std::cell::RefCell;
use std::ops::ControlFlow::{self, Break, Continue};

use conexus_core::vocabulary::first_characters;
use conexus_core::{Passage, Words};

use super::bag::{Bag, MAX_TOKENS};
use super::format::{FIELDS, MAX_DIMENSION, Table};
use super::tokens::{tokens, tokens_of_each};
use crate::embedder::normalise;

const NAME: usize = 0;
const PATH: usize = 1;
const BODY: usize = 2;

/// Tokens kept of a name, counting repeats.
const NAME_TOKENS: usize = 12;
/// Tokens kept of path and container together, counting repeats.
const PATH_TOKENS: usize = 20;
/// Parts kept of a path, counted from its end.
const PATH_PARTS: usize = 3;
/// Characters read of a body.
pub(super) const BODY_CHARACTERS: usize = 1800;

/// Appends the row of a passage to `out`.
pub(super) fn passage(
    arch: pulp::Arch,
    table: &Table,
    weights: &[f32; FIELDS],
    passage: &Passage<'_>,
    out: &mut Vec<f32>,
) {
    let body = |bag: &mut Bag| take_all(table, first_characters(passage.body, BODY_CHARACTERS), bag);
    let place = |bag: &mut Bag| each_of_place(table, passage, &mut |token| bag.add(token, 1));
    fields(arch, table, weights, passage.name, place, body, out);
}

thread_local! {
    /// Memory for the tokens of a text's words, kept for the next one.
    static TOKENS: RefCell<WordTokens> = RefCell::default();
}

/// The tokens of the words of one text by their numbers.
#[derive(Default)]
struct WordTokens {
    /// Where those of each word end.
    ends: Vec<u32>,
    tokens: Vec<u32>,
}

/// Memory for more than this is given back.
const KEPT: usize = 1 << 16;

impl WordTokens {
    fn read(&mut self, table: &Table, words: Words<'_>) {
        for memory in [&mut self.ends, &mut self.tokens] {
            memory.clear();
            memory.shrink_to(KEPT);
        }
        let words = (0..words.count() as u32).map(|word| words.word(word));
        tokens_of_each(table, words, &mut self.tokens, &mut self.ends);
    }

    fn of(&self, word: u32) -> &[u32] {
        let first = word.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        &self.tokens[first as usize..self.ends[word as usize] as usize]
    }
}

/// Appends the rows of the chunks of a text, whose words these are, to `out`.
pub(super) fn chunks(
    arch: pulp::Arch,
    table: &Table,
    weights: &[f32; FIELDS],
    passages: &[Passage<'_>],
    words: Words<'_>,
    out: &mut Vec<f32>,
) {
    TOKENS.with_borrow_mut(|known| {
        known.read(table, words);
        // Chunks of one text have one path, and most the container of the one before.
        let (mut path, mut place) = (None, Vec::new());
        for (chunk, passage) in passages.iter().enumerate() {
            if path != Some((passage.path, passage.container)) {
                path = Some((passage.path, passage.container));
                place.clear();
                each_of_place(table, passage, &mut |token| place.push(token));
            }
            let body = |bag: &mut Bag| {
                let found = words.of_chunk(chunk);
                for one in found.head {
                    for &token in known.of(one.word) {
                        bag.add(token, one.count);
                    }
                }
                take_all(table, found.cut, bag);
            };
            let place = |bag: &mut Bag| place.iter().for_each(|&token| bag.add(token, 1));
            fields(arch, table, weights, passage.name, place, body, out);
        }
    });
}

/// Appends the row of a passage: `place` and `body` add the tokens of those fields to a bag.
fn fields(
    arch: pulp::Arch,
    table: &Table,
    weights: &[f32; FIELDS],
    name: &str,
    place: impl FnOnce(&mut Bag),
    body: impl FnOnce(&mut Bag),
    out: &mut Vec<f32>,
) {
    let mut total = [0.0; MAX_DIMENSION];
    let total = &mut total[..table.dimension];
    let mut bag = Bag::new(MAX_TOKENS);

    let mut left = NAME_TOKENS;
    take(table, name, &mut left, &mut |token| bag.add(token, 1));
    arch.dispatch(Field { table, bag: &bag, weight: weights[NAME], total });

    bag.clear();
    place(&mut bag);
    arch.dispatch(Field { table, bag: &bag, weight: weights[PATH], total });

    bag.clear();
    body(&mut bag);
    arch.dispatch(Field { table, bag: &bag, weight: weights[BODY], total });

    normalise(total);
    out.extend_from_slice(total);
}

/// Appends the row of a query to `out`. A repeated word counts each time, and a query is read to its end.
pub(super) fn query(table: &Table, text: &str, out: &mut Vec<f32>) {
    let mut total = [0.0; MAX_DIMENSION];
    let total = &mut total[..table.dimension];
    let _ = tokens(table, text, &mut |token| {
        add_row(table, token, table.query_weight(token), total);
        Continue(())
    });
    normalise(total);
    out.extend_from_slice(total);
}

/// Adds the tokens of a text to the bag.
fn take_all(table: &Table, text: &str, bag: &mut Bag) {
    let _ = tokens(table, text, &mut |token| -> ControlFlow<()> {
        bag.add(token, 1);
        Continue(())
    });
}

/// Calls `emit` with each token of path and container.
fn each_of_place(table: &Table, passage: &Passage<'_>, emit: &mut impl FnMut(u32)) {
    let mut left = PATH_TOKENS;
    take(table, last_parts(passage.path), &mut left, emit);
    take(table, passage.container, &mut left, emit);
}

/// Calls `emit` with up to `left` tokens of a text.
fn take(table: &Table, text: &str, left: &mut usize, emit: &mut impl FnMut(u32)) {
    let _ = tokens(table, text, &mut |token| -> ControlFlow<()> {
        if *left == 0 {
            return Break(());
        }
        *left -= 1;
        emit(token);
        Continue(())
    });
}

/// One field's part of a passage, computed with the widest vectors that the processor has.
struct Field<'a> {
    table: &'a Table,
    bag: &'a Bag,
    weight: f32,
    total: &'a mut [f32],
}

impl pulp::NullaryFnOnce for Field<'_> {
    type Output = ();

    #[expect(clippy::inline_always, reason = "only what is inlined is compiled for the wider vectors")]
    #[inline(always)]
    fn call(self) {
        add_field(self.table, self.bag, self.weight, self.total);
    }
}

/// Adds `weight` times the weighted mean of a field's rows.
#[expect(clippy::inline_always, reason = "as for `Field`")]
#[inline(always)]
fn add_field(table: &Table, bag: &Bag, weight: f32, total: &mut [f32]) {
    let mass: f32 = bag.iter().map(|(_, count)| frequency(count)).sum();
    if mass <= 0.0 {
        return;
    }
    let mut rows = bag.iter().map(|(token, count)| {
        let factor = weight * frequency(count) / mass * table.document_weight(token) * table.scale(token);
        (factor, table.row(token))
    });
    // Four rows at a time load and store the sums once for all four; the order of the additions stays the same.
    loop {
        match [rows.next(), rows.next(), rows.next(), rows.next()] {
            [Some((a, first)), Some((b, second)), Some((c, third)), Some((d, fourth))] => {
                let values = first.iter().zip(second).zip(third).zip(fourth);
                for (sum, (((&first, &second), &third), &fourth)) in total.iter_mut().zip(values) {
                    *sum = *sum
                        + a * f32::from(first)
                        + b * f32::from(second)
                        + c * f32::from(third)
                        + d * f32::from(fourth);
                }
            }
            rest => {
                for (factor, row) in rest.into_iter().flatten() {
                    add_scaled(factor, row, total);
                }
                return;
            }
        }
    }
}

fn add_row(table: &Table, token: u32, weight: f32, total: &mut [f32]) {
    add_scaled(weight * table.scale(token), table.row(token), total);
}

#[expect(clippy::inline_always, reason = "as for `Field`")]
#[inline(always)]
fn add_scaled(factor: f32, row: &[i8], total: &mut [f32]) {
    for (sum, &value) in total.iter_mut().zip(row) {
        *sum += factor * f32::from(value);
    }
}

fn frequency(count: u32) -> f32 {
    if count == 1 { 1.0 } else { 1.0 + (count as f32).ln() }
}

fn last_parts(path: &str) -> &str {
    match path.rmatch_indices('/').nth(PATH_PARTS - 1) {
        Some((at, _)) => &path[at + 1..],
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use conexus_core::Passage;

    use crate::StaticModel;

    /// An index may move to a machine with another processor: its vectors stay the same to the last bit.
    #[test]
    fn the_widest_vectors_sum_as_plain_code_does() {
        let model = StaticModel::builtin();
        let source = include_str!("embed.rs");
        for (name, body) in [("passage", source), ("add_field", &source[2_000..2_400]), ("empty", ""), ("x", "y z w")] {
            let passage = Passage { path: "src/embed.rs", name, container: "static_model", body, ..Passage::default() };
            let [mut plain, mut widest] = [Vec::new(), Vec::new()];
            for (arch, out) in [(pulp::Arch::Scalar, &mut plain), (pulp::Arch::new(), &mut widest)] {
                super::passage(arch, &model.table, &model.field_weights, &passage, out);
            }
            assert!(plain.iter().any(|&value| value != 0.0), "{name} has a vector");
            let bits = |row: &[f32]| row.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&plain), bits(&widest), "{name}");
        }
    }
}
