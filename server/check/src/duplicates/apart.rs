//! What tells two bodies of one form apart: other things that are called, other literals, a condition turned round.

use std::{cmp::Ordering, collections::HashSet};

use super::{compare::Compared, units::text_hash};
use crate::lexer::TokenKind;

/// What one of two bodies has and the other has not.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Apart {
    /// Names from outside, such as of what is called, that the other body has nowhere: of the left and of the right.
    foreign: (usize, usize),
    /// Literals of one body in place of others of the other one.
    literals: usize,
    /// Strings of the one that has fewer, and how many of them both have.
    texts: usize,
    texts_of_both: usize,
    /// Words and operators that steer and are not in both; those of waiting for a result aside.
    pub(super) steering: usize,
    /// Whether all that steers is the same but for one condition, which is turned round.
    turned: bool,
}

/// Words that wait for a result and make no other decision.
const WAITING: [&str; 2] = ["async", "await"];
/// What turns a condition round: one of them on the one side, the other or nothing on the other side.
const TURNED: [(&str, &str); 5] = [("!", ""), ("not", ""), ("!=", "=="), ("!==", "==="), ("unless", "if")];

impl Apart {
    pub(super) fn of(left: &Compared, right: &Compared) -> Self {
        let foreign = |own: &Compared, other: &Compared| {
            let outer = own.parts.iter().filter(|part| part.outer && !other.names.contains(&part.text));
            outer.map(|part| part.text).collect::<HashSet<u32>>().len()
        };
        let is_text = |kind: TokenKind| kind == TokenKind::Text;
        let is_literal = |kind: TokenKind| is_text(kind) || kind == TokenKind::Number;
        let literals = only(&sorted(left, is_literal), &sorted(right, is_literal));
        let (own, other) = (sorted(left, is_text), sorted(right, is_text));
        let texts_of_both = own.len() - only(&own, &other).0.len();
        let mut steering = only(&left.decisions, &right.decisions);
        let waiting = WAITING.map(text_hash);
        steering.0.retain(|word| !waiting.contains(word));
        steering.1.retain(|word| !waiting.contains(word));
        Self {
            foreign: (foreign(left, right), foreign(right, left)),
            literals: literals.0.len().min(literals.1.len()),
            texts: own.len().min(other.len()),
            texts_of_both,
            steering: steering.0.len() + steering.1.len(),
            turned: is_turned(&steering.0, &steering.1) || is_turned(&steering.1, &steering.0),
        }
    }

    /// Whether two bodies call other things and have other literals as well, so that a function for both would have to be
    /// given two things to call and what to say: two kinds of objects, two requests.
    pub(super) fn calls_others(&self) -> bool {
        self.foreign.0.min(self.foreign.1) >= 2 && self.literals >= 1
    }

    /// Whether each of two bodies calls, or names as a type, something that the other one has not.
    pub(super) fn calls_one_other(&self) -> bool {
        self.foreign.0.min(self.foreign.1) >= 1
    }

    /// The same for blocks, which have no name and no arguments that would say what they are for: what they say, where it
    /// is other throughout, or a condition that is turned round, makes them other ones too. Of the 80 blocks of the first
    /// two counts in docs/check-evaluation.md both together are true of five of the six wrong ones and of four of the 74
    /// right ones (2026-11-21).
    pub(super) fn is_another_block(&self) -> bool {
        let foreign = self.foreign.0 + self.foreign.1;
        self.turned || foreign >= 2 && self.texts >= 2 && self.texts_of_both == 0
    }
}

fn is_turned(own: &[u32], other: &[u32]) -> bool {
    TURNED.iter().any(|(turned, plain)| {
        let plain = (!plain.is_empty()).then(|| text_hash(plain));
        own == [text_hash(turned)] && other.iter().copied().eq(plain)
    })
}

/// The texts of tokens of a kind, sorted.
fn sorted(body: &Compared, wanted: impl Fn(TokenKind) -> bool) -> Vec<u32> {
    let tokens = body.tokens.iter().zip(&body.parts);
    let mut texts: Vec<u32> = tokens.filter(|(token, _)| wanted(token.kind)).map(|(_, part)| part.text).collect();
    texts.sort_unstable();
    texts
}

/// What only one of two sorted lists has, each as often as it has it more.
fn only(left: &[u32], right: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let (mut of_left, mut of_right) = (Vec::new(), Vec::new());
    let (mut a, mut b) = (0, 0);
    while a < left.len() && b < right.len() {
        match left[a].cmp(&right[b]) {
            Ordering::Less => {
                of_left.push(left[a]);
                a += 1;
            }
            Ordering::Greater => {
                of_right.push(right[b]);
                b += 1;
            }
            Ordering::Equal => (a, b) = (a + 1, b + 1),
        }
    }
    of_left.extend(&left[a..]);
    of_right.extend(&right[b..]);
    (of_left, of_right)
}

#[cfg(test)]
mod tests {
    use conexus_core::{Language, Span};

    use super::*;
    use crate::lexer;

    fn apart(left: &str, right: &str) -> Apart {
        let compared = |text: &str| {
            let language = Language::named("javascript");
            Compared::new(language, text.into(), lexer::tokens(language, text, Span::new(0, text.len())))
        };
        Apart::of(&compared(left), &compared(right))
    }

    #[test]
    fn other_things_in_one_form_are_told_apart() {
        for (left, right, other) in [
            ("save(a, 'x'); send(a)", "save(b, 'x'); send(b)", false),
            ("save(a, 'x'); send(a)", "save(a, 'y'); send(a)", false),
            ("save(a, 'x'); send(a)", "load(a, 'y'); send(a)", false),
            ("save(a, 'x'); send(a)", "load(a, 'y'); take(a)", true),
            ("save(a, 'x'); send(a)", "load(a, 'x'); take(a)", false),
            ("save(a, 'x'); say('y')", "load(a, 'z'); say('w')", true),
            ("save(a, 'x'); say('y')", "load(a, 'z'); say('y')", false),
            ("if (a) save(a)", "if (!a) save(a)", true),
            ("if (a === 1) save(a)", "if (a !== 1) save(a)", true),
            ("if (a === 1) save(a)", "if (a !== 1 && b) save(a)", false),
            ("return save(a)", "return await save(a)", false),
        ] {
            let apart = apart(left, right);
            assert_eq!(apart.calls_others() || apart.is_another_block(), other, "{left} | {right}");
        }
        assert_eq!(apart("if (a) return save(a)", "return await save(a)").steering, 1);
    }
}
