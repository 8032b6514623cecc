//! One ranker over all evidence. Each feature adds to a score or multiplies it, and can say so.

use std::collections::HashMap;

use conexus_core::{ChunkKind, Contribution, Query, SymbolKind, words};
use conexus_index::{FileFlags, IndexSnapshot, LocatedChunk, tokenizer};

use super::{
    Shape, Understanding, Weights,
    candidates::{Candidate, Definition},
    definitions::{Fit, stands_in, symbols_in},
    messages::{holds, names_file},
    names::NameMatch,
    variants::{self, Variant},
};
use crate::roles::{self, Role};

/// Orders candidates, best first.
pub(super) fn rank(
    snapshot: &IndexSnapshot,
    weights: &Weights,
    understanding: &Understanding,
    query: &Query,
    mut candidates: Vec<Candidate>,
) -> Vec<Candidate> {
    let mut ranker = Ranker::new(snapshot, weights, understanding, query);
    for candidate in &mut candidates {
        if let Some(located) = snapshot.chunk(candidate.slot) {
            ranker.score(candidate, located);
        }
    }
    ranker.cohere(&mut candidates);
    candidates.retain(|candidate| candidate.score > 0.0);
    sort(snapshot, &mut candidates);
    ranker.damp(&mut candidates);
    sort(snapshot, &mut candidates);
    if understanding.shape == Shape::Identifier {
        lift_definition(&mut candidates, query.explain);
    }
    // What a message quotes is a value rather than code, and the message itself says where it failed.
    if understanding.shape != Shape::Message {
        let quoted = understanding.quoted.len();
        lift_quoted(&mut candidates, quoted, weights.quoted_lead, query.explain);
    }
    candidates
}

/// Puts the definition of the name that was asked for first, whatever else speaks for other chunks or against its own: of
/// several that answer the name equally well, the one that ranks highest.
fn lift_definition(candidates: &mut [Candidate], explain: bool) {
    let defining = candidates.iter().enumerate().filter_map(|(at, candidate)| {
        let Definition { name, fit, .. } = candidate.definition?;
        Some((name, fit, at))
    });
    let Some((.., at)) = defining.min() else { return };
    let lacking = candidates[0].score - candidates[at].score;
    if at > 0 {
        let candidate = &mut candidates[at];
        candidate.score += lacking;
        if explain {
            candidate.contributions.push(Contribution { feature: "is_the_definition", value: lacking });
        }
        candidates[..=at].rotate_right(1);
    }
}

/// Puts the chunks that hold all quoted texts before all others, whatever else speaks for those: who quotes asks for what
/// stands there to the letter. So are those put that may hold them and were not read: nothing says that they come after. Both
/// groups keep their order.
fn lift_quoted(candidates: &mut [Candidate], quoted: usize, lead: f32, explain: bool) {
    if quoted == 0 || !candidates.iter().any(|candidate| candidate.quoted == quoted) {
        return;
    }
    let may_hold_all = |candidate: &Candidate| candidate.quoted + candidate.unread_quoted == quoted;
    let least = candidates.iter().rev().find(|candidate| may_hold_all(candidate)).map(|candidate| candidate.score);
    let best_other = candidates.iter().find(|candidate| !may_hold_all(candidate)).map(|candidate| candidate.score);
    let (Some(least), Some(best_other)) = (least, best_other) else { return };
    let lacking = best_other + lead - least;
    if lacking <= 0.0 {
        return;
    }
    for candidate in candidates.iter_mut().filter(|candidate| may_hold_all(candidate)) {
        candidate.score += lacking;
        if explain {
            let feature = if candidate.quoted == quoted { "holds_all_quoted" } else { "may_hold_all_quoted" };
            candidate.contributions.push(Contribution { feature, value: lacking });
        }
    }
    candidates.sort_by_key(|candidate| !may_hold_all(candidate));
}

/// Scores below the one before them, in the order that they have: scores of two depths are no measure of each other.
pub(super) fn put_behind(before: f32, candidates: &mut [Candidate], explain: bool) {
    let Some(best) = candidates.first().map(|candidate| candidate.score) else { return };
    let value = (before / best).min(1.0);
    for candidate in candidates {
        candidate.score *= value;
        if explain {
            candidate.contributions.push(Contribution { feature: "depth_factor", value });
        }
    }
}

/// Best first; equal scores in the order of paths and places, so that answers do not depend on the index's history.
fn sort(snapshot: &IndexSnapshot, candidates: &mut [Candidate]) {
    let place = |candidate: &Candidate| {
        snapshot.chunk(candidate.slot).map(|located| (located.file.path().as_ref(), located.chunk.span().start))
    };
    candidates.sort_by(|left, right| right.score.total_cmp(&left.score).then_with(|| place(left).cmp(&place(right))));
}

/// What of a score depends on the file alone; computed once per file and query.
struct FileEvidence {
    added: Vec<Contribution>,
    factors: Vec<Contribution>,
}

struct Ranker<'a> {
    snapshot: &'a IndexSnapshot,
    weights: &'a Weights,
    understanding: &'a Understanding,
    query: &'a Query,
    semantic_share: f32,
    /// The query's words as terms, for comparing with those of paths.
    terms: Vec<String>,
    /// Its neighbouring words joined, as terms.
    pairs: Vec<String>,
    named_variants: variants::Named,
    files: HashMap<u32, FileEvidence>,
}

impl<'a> Ranker<'a> {
    fn new(
        snapshot: &'a IndexSnapshot,
        weights: &'a Weights,
        understanding: &'a Understanding,
        query: &'a Query,
    ) -> Self {
        let semantic_share = match understanding.shape {
            Shape::Phrase | Shape::Message => weights.semantic_phrase,
            Shape::Mixed => weights.semantic_mixed,
            Shape::Identifier | Shape::Path | Shape::Empty => weights.semantic_identifier,
        };
        let mut terms: Vec<String> = Vec::new();
        for word in &understanding.words {
            for term in tokenizer::terms(word) {
                if !terms.contains(&term) {
                    terms.push(term);
                }
            }
        }
        let pairs = understanding.pairs.iter().flat_map(|pair| tokenizer::terms(pair)).collect();
        let named_variants = variants::Named::by(&understanding.words);
        let files = HashMap::new();
        Self { snapshot, weights, understanding, query, semantic_share, terms, pairs, named_variants, files }
    }

    fn score(&mut self, candidate: &mut Candidate, located: LocatedChunk<'_>) {
        let first_slot = located.file.first_slot();
        if !self.files.contains_key(&first_slot) {
            let evidence = self.judge_file(located);
            self.files.insert(first_slot, evidence);
        }
        let file = &self.files[&first_slot];
        let weights = self.weights;
        let explain = self.query.explain;
        let mut score = 0.0;
        let mut contributions = Vec::new();
        let mut add = |feature: &'static str, value: f32| {
            if value != 0.0 {
                score += value;
                if explain {
                    contributions.push(Contribution { feature, value });
                }
            }
        };
        add("bm25", (1.0 - self.semantic_share) * candidate.lexical);
        add("vector", self.semantic_share * candidate.semantic);
        let (feature, value, definition) = self.definition(located);
        add(feature, value);
        candidate.definition = definition;
        if located.chunk.symbol().is_some_and(|symbol| self.understanding.kinds.contains(&symbol.kind())) {
            add("kind_matches", weights.kind_matches);
        }
        for contribution in &file.added {
            add(contribution.feature, contribution.value);
        }
        add("place_matches", weights.place_matches * self.place_share(located));
        let chunk_factor = match located.chunk.kind() {
            ChunkKind::Gap => weights.gap_factor,
            _ => 1.0,
        };
        let gap = Contribution { feature: "gap_factor", value: chunk_factor };
        let test = Contribution {
            feature: "test_factor",
            value: if located.chunk.symbol().is_some_and(|symbol| symbol.is_test())
                && !self.understanding.wants_tests
                && !located.file.flags().contains(FileFlags::TEST)
            {
                weights.test_factor
            } else {
                1.0
            },
        };
        for factor in file.factors.iter().chain([&gap, &test]) {
            score *= factor.value;
            if explain && factor.value != 1.0 {
                contributions.push(*factor);
            }
        }
        // What was quoted is asked for wherever it stands, so no factor of the file lessens it.
        if candidate.quoted > 0 {
            let value = weights.quoted_matches * candidate.quoted as f32 / self.understanding.quoted.len() as f32;
            score += value;
            if explain {
                contributions.push(Contribution { feature: "quoted_matches", value });
            }
        }
        candidate.score = score;
        candidate.contributions = contributions;
    }

    /// 1 for a chunk that holds the first line that the query names, and less for further ones.
    fn place_share(&self, located: LocatedChunk<'_>) -> f32 {
        let mut places = self.understanding.places.iter();
        let held = places.position(|place| {
            holds(located.chunk.lines(), place.line) && names_file(&place.path, &located.file.path().to_lowercase())
        });
        held.map_or(0.0, |at| 1.0 / (1.0 + at as f32 * self.weights.further_place))
    }

    /// What a chunk gains by defining a name that the query spells out, and the definition that fits best.
    fn definition(&self, located: LocatedChunk<'_>) -> (&'static str, f32, Option<Definition>) {
        let weights = self.weights;
        let whole = self.understanding.shape == Shape::Identifier;
        let (feature, base) =
            if whole { ("defines_query", weights.defines_query) } else { ("defines_name", weights.defines_name) };
        let mut best: f32 = 0.0;
        let mut definition: Option<Definition> = None;
        for (number, name) in self.understanding.names.iter().enumerate() {
            for symbol in symbols_in(located) {
                let Some(fit) = Fit::of(name, symbol, located.file.path()) else { continue };
                let share = match fit.name {
                    NameMatch::Exact => 1.0,
                    NameMatch::OtherCase | NameMatch::OtherStyle if whole || name.certain => weights.defines_other_case,
                    NameMatch::Prefix if whole || name.certain => weights.defines_prefix,
                    NameMatch::Subsequence if whole => weights.defines_subsequence,
                    _ => continue,
                };
                let certainty = if name.certain { 1.0 } else { weights.defines_uncertain };
                let mut value = base * share * certainty * kind_share(weights, symbol.kind());
                if fit.is_definition() {
                    if !name.container.is_empty() && !fit.other_container {
                        value += weights.container_matches;
                    }
                    if symbol.kind().is_type() || matches!(symbol.kind(), SymbolKind::Module | SymbolKind::Namespace) {
                        value += weights.defines_type * certainty;
                    }
                    let found = Definition { name: number, fit, symbol: symbol.index() };
                    // A plain word in another case is a word and not the name.
                    let is_meant = name.certain && (fit.name == NameMatch::Exact || name.is_spelled_as_code());
                    if is_meant && definition.is_none_or(|best| found < best) && stands_in(symbol, located) {
                        definition = Some(found);
                    }
                }
                best = best.max(value);
            }
        }
        (feature, best, definition)
    }

    fn judge_file(&self, located: LocatedChunk<'_>) -> FileEvidence {
        let weights = self.weights;
        let path: &str = located.file.path();
        let mut added = Vec::new();
        let mut add = |feature, value: f32| {
            if value > 0.0 {
                added.push(Contribution { feature, value });
            }
        };
        let stem = roles::stem(path);
        let stem_terms = tokenizer::terms(stem);
        let stem_parts = words::parts(stem).count().max(1);
        let mut matched = self.terms.iter().filter(|term| stem_terms.contains(term)).count() as f32;
        if stem_parts == 1 && self.pairs.iter().any(|pair| stem_terms.contains(pair)) {
            matched += weights.stem_pair;
        }
        if self.understanding.shape == Shape::Identifier {
            let is_query = self
                .understanding
                .names
                .iter()
                .any(|name| same_name(&name.name, stem) || (stem_parts == 1 && same_name(&name.container, stem)));
            add("stem_is_query", if is_query { weights.stem_is_query } else { 0.0 });
        } else if matched > 0.0 {
            let of_query = matched / self.terms.len().max(1) as f32;
            let of_stem = (matched / stem_parts as f32).min(1.0);
            add("stem_matches", weights.stem_matches * of_stem * of_query.sqrt());
        }
        if let Some((folders, _)) = path.rsplit_once('/') {
            let folder_terms = tokenizer::terms(folders);
            let matched = self.terms.iter().filter(|term| folder_terms.contains(term)).count();
            add("folders_match", weights.folders_match * matched as f32 / self.terms.len().max(1) as f32);
        }
        if !self.understanding.paths.is_empty() {
            let lower = path.to_ascii_lowercase();
            let is_named = |wanted: &String| lower.contains(wanted.as_str()) || names_file(wanted, &lower);
            if self.understanding.paths.iter().any(is_named) {
                add("path_matches", weights.path_matches);
            }
        }
        if self.query.context.active_file.as_deref() == Some(path) {
            add("active_file", weights.active_file);
        } else if self.query.context.open_files.iter().any(|open| open == path) {
            add("open_file", weights.open_file);
        }
        FileEvidence { added, factors: self.file_factors(path, located.file.flags()) }
    }

    fn file_factors(&self, path: &str, flags: FileFlags) -> Vec<Contribution> {
        let weights = self.weights;
        let understanding = self.understanding;
        let (feature, value) = match roles::role(path) {
            Role::Test if !understanding.wants_tests => ("test_factor", weights.test_factor),
            Role::Example if !understanding.wants_examples => ("example_factor", weights.example_factor),
            Role::Vendored => ("vendored_factor", weights.vendored_factor),
            Role::Compatibility => ("compatibility_factor", weights.compatibility_factor),
            Role::Declarations => ("declarations_factor", weights.declarations_factor),
            Role::Documentation if !understanding.wants_documents => {
                ("documentation_factor", weights.documentation_factor)
            }
            Role::Data if !understanding.wants_documents => ("data_factor", weights.data_factor),
            _ => ("", 1.0),
        };
        let mut factors = Vec::new();
        if value != 1.0 && understanding.paths.is_empty() {
            factors.push(Contribution { feature, value });
        }
        if understanding.paths.is_empty()
            && let Some(variant) = variants::variant(self.snapshot, path, self.named_variants)
        {
            factors.push(match variant {
                Variant::OtherPlatform => {
                    Contribution { feature: "other_platform_factor", value: weights.other_platform_factor }
                }
                Variant::OlderVersion => {
                    Contribution { feature: "older_version_factor", value: weights.older_version_factor }
                }
            });
        }
        if flags.contains(FileFlags::GENERATED) {
            factors.push(Contribution { feature: "generated_factor", value: weights.generated_factor });
        }
        if matches!(roles::stem(path), "__init__" | "index" | "mod" | "package-info") {
            factors.push(Contribution { feature: "barrel_factor", value: weights.barrel_factor });
        }
        factors
    }

    /// Lifts the best chunk of a file by what the file's candidates amount to together.
    fn cohere(&self, candidates: &mut [Candidate]) {
        let mut sums: HashMap<u32, (f32, usize)> = HashMap::new();
        for (index, candidate) in candidates.iter().enumerate() {
            let Some(file) = self.snapshot.file_of(candidate.slot) else { continue };
            let entry = sums.entry(file.first_slot()).or_insert((0.0, index));
            entry.0 += candidate.score;
            if candidate.score > candidates[entry.1].score {
                entry.1 = index;
            }
        }
        let largest = sums.values().map(|&(sum, _)| sum).fold(0.0, f32::max);
        if largest <= 0.0 {
            return;
        }
        for (sum, index) in sums.into_values() {
            let value = self.weights.coherence * sum / largest;
            let candidate = &mut candidates[index];
            candidate.score += value;
            if self.query.explain {
                candidate.contributions.push(Contribution { feature: "coherence", value });
            }
        }
    }

    /// Damps further chunks of a file. Candidates are ordered by score.
    fn damp(&self, candidates: &mut [Candidate]) {
        let mut seen: HashMap<u32, i32> = HashMap::new();
        for candidate in candidates {
            let Some(file) = self.snapshot.file_of(candidate.slot) else { continue };
            let before = seen.entry(file.first_slot()).or_insert(0);
            if *before > 0 {
                let value = self.weights.repetition_factor.powi(*before);
                candidate.score *= value;
                if self.query.explain {
                    candidate.contributions.push(Contribution { feature: "repetition_factor", value });
                }
            }
            *before += 1;
        }
    }
}

/// Members and variables of a name are less often meant than functions and types of it.
const fn kind_share(weights: &Weights, kind: SymbolKind) -> f32 {
    match kind {
        SymbolKind::Field | SymbolKind::EnumMember | SymbolKind::Variable => weights.defines_member,
        SymbolKind::Impl => weights.defines_impl,
        SymbolKind::Section => weights.defines_section,
        SymbolKind::Test => weights.defines_test,
        _ => 1.0,
    }
}

/// Equal but for case, `_` and `-`.
fn same_name(left: &str, right: &str) -> bool {
    let plain = |text: &'_ str| -> Vec<u8> {
        text.bytes().filter(|byte| !matches!(byte, b'_' | b'-')).map(|byte| byte.to_ascii_lowercase()).collect()
    };
    !left.is_empty() && plain(left) == plain(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_the_quoted_texts_leads() {
        let order = |candidates: &[(usize, usize, f32)]| {
            let mut candidates: Vec<_> = (0..)
                .zip(candidates)
                .map(|(slot, &(quoted, unread_quoted, score))| Candidate {
                    quoted,
                    unread_quoted,
                    score,
                    ..Candidate::new(slot)
                })
                .collect();
            lift_quoted(&mut candidates, 2, 0.05, true);
            assert!(candidates.is_sorted_by(|first, second| first.score >= second.score));
            candidates.iter().map(|candidate| candidate.slot).collect::<Vec<_>>()
        };
        // Each with the quoted texts that it holds and that it may hold, and its score.
        assert_eq!(order(&[(1, 0, 9.0), (0, 0, 8.0), (2, 0, 3.0), (2, 0, 2.0)]), [2, 3, 0, 1]);
        // What was not read keeps its place among those that hold the texts.
        assert_eq!(order(&[(0, 0, 9.0), (0, 2, 8.0), (2, 0, 7.0), (1, 1, 6.0)]), [1, 2, 3, 0]);
        // Nothing is known to hold them.
        assert_eq!(order(&[(0, 0, 9.0), (1, 1, 8.0), (0, 2, 7.0)]), [0, 1, 2]);
    }
}
