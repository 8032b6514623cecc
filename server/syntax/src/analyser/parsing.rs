//! A text on its way to a parser.

use crate::budget::{Budget, Patience};
use crate::grammar::LoadedGrammar;
use crate::hidden::included_ranges;
use conexus_core::{LineIndex, Span};
use conexus_faiss::arena::{Request, TextParser};
use std::ops::ControlFlow;
use std::time::Duration;

/// A text on its way to the parser.
pub(super) struct Source<'a, P> {
    pub(super) grammar: &'a LoadedGrammar,
    pub(super) text: &'a str,
    lines: &'a LineIndex,
    budget: Budget,
    patience: &'a Patience<'a>,
    parser: &'a mut P,
}

impl<'a, P: TextParser> Source<'a, P> {
    pub(super) fn new(
        grammar: &'a LoadedGrammar,
        text: &'a str,
        lines: &'a LineIndex,
        parse_time: Duration,
        patience: &'a Patience<'a>,
        parser: &'a mut P,
    ) -> Self {
        Self { grammar, text, lines, budget: Budget::of(parse_time), patience, parser }
    }

    /// Parses `within`, passing over `excluded`. `None` when the time is up.
    pub(super) fn parse(&mut self, within: Span, excluded: &[Span], old: Option<&P::Tree>) -> Option<P::Tree> {
        let Source { grammar, text, lines, budget, patience, ref mut parser } = *self;
        let whole = within.len() == text.len() && excluded.is_empty();
        let ranges = if whole { Vec::new() } else { included_ranges(within, excluded, lines) };
        let go_on = &mut || match patience.check() {
            ControlFlow::Continue(()) => budget.check(),
            ControlFlow::Break(()) => ControlFlow::Break(()),
        };
        let bytes = text.as_bytes();
        let is_next = old.is_some();
        let read = &mut |at: usize| {
            crash_on_demand(text, is_next);
            bytes.get(at..).unwrap_or_default()
        };
        parser.parse(Request { language: &grammar.language, ranges: &ranges, read, go_on }, old)
    }
}

/// In debug builds, for tests: ends the process as a grammar's C code may end it, in the middle of a parse, when the text
/// holds the word that `CONEXUS_TEST_CRASH` names; after `next:` only where the tree of the text before is used.
#[cfg(debug_assertions)]
fn crash_on_demand(text: &str, is_next: bool) {
    static WORD: std::sync::LazyLock<Option<String>> =
        std::sync::LazyLock::new(|| std::env::var("CONEXUS_TEST_CRASH").ok());
    let Some(word) = WORD.as_deref().filter(|word| !word.is_empty()) else { return };
    let (word, only_next) = word.strip_prefix("next:").map_or((word, false), |word| (word, true));
    if (is_next || !only_next) && text.contains(word) {
        std::process::abort();
    }
}

#[cfg(not(debug_assertions))]
fn crash_on_demand(_: &str, _: bool) {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::grammar_at;
    use crate::language_named;
    use crate::languages::position;
    use conexus_faiss::arena::{self, TextTree};
    use std::path::Path;
    use tree_sitter::{Parser, Range};

    /// The sample of each language of the corpus.
    fn samples() -> Vec<(&'static LoadedGrammar, String)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
        let entries = std::fs::read_dir(folder).expect("the corpus is there");
        let sample = |path: &Path| {
            let grammar = grammar_at(position(language_named(path.file_stem()?.to_str()?)?)?)?;
            let content = std::fs::read_to_string(path).ok()?;
            Some((grammar, content.split_once("==== outline\n")?.0.to_owned()))
        };
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let samples: Vec<_> = paths.iter().filter_map(|path| sample(path)).collect();
        assert!(samples.len() > 15, "there are samples");
        samples
    }

    fn go_on() -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn parsed<P: TextParser>(
        parser: &mut P,
        grammar: &LoadedGrammar,
        text: &str,
        ranges: &[Range],
        old: Option<&P::Tree>,
    ) -> P::Tree {
        let mut read = |at: usize| text.as_bytes().get(at..).unwrap_or_default();
        let request = Request { language: &grammar.language, ranges, read: &mut read, go_on: &mut go_on };
        parser.parse(request, old).expect("it can be parsed")
    }

    /// The whole text, half of it, and all but a word in the middle with what the first tree gives.
    fn in_three_ways(parser: &mut impl TextParser, grammar: &LoadedGrammar, text: &str) -> Vec<String> {
        let lines = LineIndex::new(text);
        let middle = text.floor_char_boundary(text.len() / 2);
        let half = included_ranges(Span::new(0, middle), &[], &lines);
        let word = Span::new(middle, text.ceil_char_boundary(middle + 5));
        let around = included_ranges(Span::new(0, text.len()), &[word], &lines);
        let whole = parsed(parser, grammar, text, &[], None);
        let half = parsed(parser, grammar, text, &half, None);
        let before = whole.root_node().to_sexp();
        let again = parsed(parser, grammar, text, &around, Some(&whole));
        drop(whole);
        let (half, again) = (half.root_node().to_sexp(), again.root_node().to_sexp());
        vec![before, half, again]
    }

    #[test]
    fn trees_are_the_same_in_an_arena() {
        std::thread::scope(|threads| {
            for times in [1, 3, 100] {
                threads.spawn(move || {
                    let mut parser = Parser::new();
                    for (grammar, text) in samples() {
                        let text = text.repeat(times);
                        let expected = in_three_ways(&mut parser, grammar, &text);
                        assert_eq!(arena::scope(|mut arena| in_three_ways(&mut arena, grammar, &text)), expected);
                    }
                });
            }
        });
    }

    #[test]
    fn what_is_given_up_can_be_parsed_again() {
        for (grammar, text) in samples() {
            let text = text.repeat(20);
            let expected = parsed(&mut Parser::new(), grammar, &text, &[], None).root_node().to_sexp();
            arena::scope(|mut arena| {
                let mut asked = 0;
                let mut go_on = || {
                    asked += 1;
                    if asked > 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                };
                let mut read = |at: usize| text.as_bytes().get(at..).unwrap_or_default();
                let language = &grammar.language;
                let request = Request { language, ranges: &[], read: &mut read, go_on: &mut go_on };
                let given_up = arena.parse(request, None);
                assert!(given_up.is_none() && asked == 4, "it was asked {asked} times");
                assert_eq!(parsed(&mut arena, grammar, &text, &[], None).root_node().to_sexp(), expected);
            });
        }
    }

    /// What is called while an arena parses may make trees too, and they outlive it.
    #[test]
    fn trees_made_meanwhile_outlive_the_arena() {
        let samples = samples();
        let (grammar, text) = &samples[0];
        let mut parser = Parser::new();
        let mut kept = Vec::new();
        for (other, text_of_other) in &samples {
            arena::scope(|mut arena| {
                let mut read = |at: usize| {
                    kept.push(parsed(&mut parser, other, text_of_other, &[], None));
                    arena::scope(|mut inner| {
                        parsed(&mut inner, other, text_of_other, &[], None).root_node().has_error()
                    });
                    text.as_bytes().get(at..).unwrap_or_default()
                };
                let language = &grammar.language;
                let request = Request { language, ranges: &[], read: &mut read, go_on: &mut go_on };
                assert!(arena.parse(request, None).is_some());
            });
            // Another one overwrites what the first one had.
            arena::scope(|mut arena| drop(parsed(&mut arena, grammar, &text.repeat(20), &[], None)));
        }
        assert!(kept.len() >= samples.len());
        let mut made = kept.iter().map(|tree| tree.root_node().to_sexp()).collect::<Vec<_>>();
        made.dedup();
        let expected: Vec<_> = samples
            .iter()
            .map(|(grammar, text)| parsed(&mut Parser::new(), grammar, text, &[], None).root_node().to_sexp())
            .collect();
        assert_eq!(made, expected);
    }
}
