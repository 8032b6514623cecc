//! Patterns that are a chain of nodes, each the only child pattern of the one around it, with one capture: at the
//! innermost node. Nearly all patterns of references are.
//!
//! The walk knows the kinds and fields of the nodes around the one it is at, so such a pattern is matched from its
//! innermost node outwards, without looking at children.

use super::{Capture, Kinds, NodePattern, RootPattern, TextTest};
use conexus_core::ReferenceKind;

/// A node around another one.
#[derive(Clone, Debug)]
pub(crate) struct Around {
    pub(crate) kinds: Kinds,
    /// The field that it must stand in itself, or 0.
    pub(crate) field: u16,
}

/// One chain.
#[derive(Clone, Debug)]
pub(crate) struct Chain {
    pub(crate) innermost: Kinds,
    /// The field of the innermost node, or 0.
    pub(crate) field: u16,
    /// Conditions on the text of the innermost node.
    pub(crate) tests: Box<[TextTest]>,
    /// The nodes around it, the nearest first.
    pub(crate) around: Box<[Around]>,
    /// How the innermost node is mentioned.
    pub(crate) kind: ReferenceKind,
    /// Number of the pattern.
    pub(crate) number: u16,
}

/// Any kind of node may stand around the innermost one, or none.
pub(super) const ANY_PARENT: u16 = u16::MAX;

impl Chain {
    /// The kinds that the node around the innermost one may have.
    pub(super) fn parents(&self) -> impl Iterator<Item = u16> {
        let kinds = match self.around.first().map(|around| &around.kinds) {
            Some(Kinds::OneOf(kinds)) => &**kinds,
            _ => &[ANY_PARENT],
        };
        kinds.iter().copied()
    }

    /// The chains that a pattern stands for: several when it has alternatives. `None` if it is no chain.
    pub(super) fn of(pattern: &RootPattern, captures: &[Capture]) -> Option<Vec<Self>> {
        if !pattern.pairs.is_empty() {
            return None;
        }
        let mut chains = Vec::new();
        expand(&pattern.node, pattern.number, captures, &mut Vec::new(), &mut chains).then_some(chains)
    }
}

/// Adds the chains of `node`, which stands in `outer` (the outermost first); `false` if it is no chain.
fn expand(
    node: &NodePattern,
    number: u16,
    captures: &[Capture],
    outer: &mut Vec<Around>,
    into: &mut Vec<Chain>,
) -> bool {
    if !node.absent.is_empty() || node.closed {
        return false;
    }
    match (&*node.children, &*node.captures) {
        ([], [capture]) => {
            let Capture::Reference(kind) = captures[*capture as usize] else { return false };
            into.push(Chain {
                innermost: node.kinds.clone(),
                field: node.field,
                tests: node.tests.clone(),
                around: outer.iter().rev().cloned().collect(),
                kind,
                number,
            });
            true
        }
        ([child], []) if !child.optional && !child.anchored && node.tests.is_empty() => {
            outer.push(Around { kinds: node.kinds.clone(), field: node.field });
            let all = child.alternatives.iter().all(|inner| expand(inner, number, captures, outer, into));
            outer.pop();
            all
        }
        _ => false,
    }
}
