//! Similar code, and helpers that could stand in its place.

use std::{collections::HashSet, sync::atomic::AtomicBool};

use conexus_core::{Query, Span, words};
use conexus_index::{FileEntry, FileFlags, SymbolRef};

use super::{
    Relation, RelationKind,
    definition::Definition,
    rules::rules,
    target::Subject,
    uses::{Found, place},
};
use crate::{
    Result, Snapshot,
    roles::{self, Role},
    search::chunk_at,
    workspace_symbols::Places,
};

/// Below this cosine of their vectors two pieces of code have nothing in common that a reader would see.
const LEAST_SIMILAR: f32 = 0.5;
/// A helper is offered from this cosine on; see "Relations" in `docs/quality.md` for the pairs that were read.
const LEAST_REUSE: f32 = 0.8;
/// And when this share of the words of the one occurs in the other, both ways.
const LEAST_SHARED: f32 = 0.6;
/// Bodies with fewer words are accessors and forwarders: they all look alike.
const LEAST_WORDS: usize = 12;

/// What resembles the target, and what could stand in its place.
pub(super) fn similar(view: &Snapshot, subject: &Subject<'_>, limit: usize, cancel: &AtomicBool) -> Result<[Found; 2]> {
    let mut answers = [Found::default(), Found::default()];
    let Some(own) = subject.symbol else { return Ok(answers) };
    let Some(chunk) = chunk_at(subject.file, own.name_span().start) else { return Ok(answers) };
    if cancel.load(std::sync::atomic::Ordering::Relaxed)
        || view.index().vector(subject.file.first_slot() + chunk).is_none()
    {
        return Ok(answers);
    }
    let query = Query { limit: limit.saturating_mul(2).max(20), ..Query::new("") };
    let found = view.similar(subject.file.path(), own.name_span().start, &query, cancel)?;
    let mut places = Places::new(view);
    let target = Definition::new(subject.file, own);
    let own_words = words_of(&mut places, subject.file, own.span());
    let mut seen = HashSet::new();
    for hit in found.hits.iter().filter(|hit| hit.score >= LEAST_SIMILAR) {
        let Some(file) = view.index().file(&hit.path) else { continue };
        let Some(symbol) = file.chunks().find(|chunk| chunk.span() == hit.span).and_then(|chunk| chunk.symbol()) else {
            continue;
        };
        let other = Definition::new(file, symbol);
        let nested = file.first_slot() == subject.file.first_slot() && symbol.span().overlaps(own.span());
        if nested || !seen.insert((file.first_slot(), symbol.index())) {
            continue;
        }
        let reason = format!("resembles it: cosine {:.2}", hit.score);
        answers[0].relations.push(relation(&mut places, RelationKind::Similar, file, symbol, reason, hit.score));
        if hit.score < LEAST_REUSE || !reusable(&target, &other) {
            continue;
        }
        let other_words = words_of(&mut places, file, symbol.span());
        let shared = shared(&own_words, &other_words);
        if shared >= LEAST_SHARED {
            let reason = format!("does nearly the same: cosine {:.2}, {:.0} % of the words", hit.score, shared * 100.0);
            let confidence = (hit.score * shared).sqrt();
            answers[1].relations.push(relation(&mut places, RelationKind::Reuse, file, symbol, reason, confidence));
        }
    }
    for answer in &mut answers {
        answer.relations.sort_by(|left, right| right.confidence.total_cmp(&left.confidence));
        answer.more = answer.relations.len() > limit;
        answer.relations.truncate(limit);
    }
    Ok(answers)
}

/// Whether one could be called in place of the other: callable, of the same family of languages, neither a test, no
/// sample or copy of others. Methods of one name on several types implement one interface, and methods of one type are
/// variants of each other: both repeat on purpose.
fn reusable(target: &Definition<'_>, other: &Definition<'_>) -> bool {
    let callable = target.kind().is_callable() && other.kind().is_callable();
    let product =
        |definition: &Definition<'_>| !definition.test && !definition.file.flags().contains(FileFlags::GENERATED);
    let role = roles::role(other.file.path());
    callable
        && rules(target.file.language()).family == rules(other.file.language()).family
        && product(target)
        && product(other)
        && !matches!(role, Role::Vendored | Role::Example | Role::Test)
        && !(target.is_member() && other.is_member() && (target.name == other.name || target.owner == other.owner))
}

fn relation(
    places: &mut Places<'_>,
    kind: RelationKind,
    file: &FileEntry,
    symbol: SymbolRef<'_>,
    reason: String,
    confidence: f32,
) -> Relation {
    place(places, kind, file, Some(symbol), symbol.name_span(), reason, confidence.clamp(0.0, 1.0))
}

/// The words of a piece of code, each once.
fn words_of(places: &mut Places<'_>, file: &FileEntry, span: Span) -> HashSet<String> {
    let Some(text) = places.text(file) else { return HashSet::new() };
    words::identifiers(span.slice(text)).flat_map(words::parts).map(str::to_lowercase).collect()
}

/// The share of their words that two pieces have in common; 0 for pieces too short to compare.
fn shared(left: &HashSet<String>, right: &HashSet<String>) -> f32 {
    if left.len().min(right.len()) < LEAST_WORDS {
        return 0.0;
    }
    let both = left.intersection(right).count();
    both as f32 / (left.len() + right.len() - both) as f32
}
