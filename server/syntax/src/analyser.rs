//! Parses a text and analyses the tree.

use crate::chunks;
use crate::facts::Facts;
use crate::grammar::{LoadedGrammar, grammar_at};
use crate::hidden::{declaration_macros, foreign_words, included_ranges, skeleton};
use crate::languages::{Analysis, Hidden, analysis_of, position};
use crate::markdown;
use crate::repair;
use crate::symbols::{self, Nesting};
use crate::walk::{Base, walk};
use conexus_core::{Chunk, FileAnalysis, Language, LineIndex, Note, Reference, ReferenceKind, Span, Symbol};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tree_sitter::{ParseOptions, Parser, Tree};

/// What an analysis may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Time for parsing one text. What takes longer is cut into windows.
    pub parse_time: Duration,
    /// Bytes of a text that is parsed. A larger one is cut into windows.
    pub parse_bytes: usize,
    /// Most symbols of a text; what follows is covered by chunks only.
    pub symbols: usize,
    /// Most references of a text; what follows is left out.
    pub references: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { parse_time: Duration::from_secs(2), parse_bytes: 4 << 20, symbols: 50_000, references: 200_000 }
    }
}

/// Most levels of macro invocations inside macro invocations that are parsed again.
const HIDDEN_LEVELS: u32 = 8;
/// The depth that is assumed for function bodies that are parsed by themselves.
const BODY_DEPTH: u32 = 5;
/// Bytes in error from which on a C or C++ text is parsed without the bodies of its functions.
const BROKEN: usize = 600;
/// Depth of a tree from which on a text is said to be too deep; it is analysed all the same.
const DEEP: u32 = 2_000;

/// Analyses texts, one after the other. Keep one per thread: it reuses its parser and its memory.
pub struct Analyser {
    limits: Limits,
    parser: Parser,
    facts: Facts,
    nesting: Nesting,
    spans: Vec<Span>,
}

/// Why there is no tree.
enum Unparsed {
    TooLarge,
    TimedOut,
    NoGrammar,
}

impl Analyser {
    /// An analyser with these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits, parser: Parser::new(), facts: Facts::default(), nesting: Nesting::default(), spans: Vec::new() }
    }

    /// Analyses a text. Never fails: what cannot be parsed is cut into windows of lines, and a note says why.
    pub fn analyse(&mut self, language: Language, text: &str) -> FileAnalysis {
        let lines = LineIndex::new(text);
        match self.try_parse(language, text, &lines, None) {
            Ok((grammar, tree)) => self.analyse_parsed(language, grammar, text, &lines, &tree),
            Err(unparsed) => without_tree(language, text, &lines, &unparsed),
        }
    }

    /// Parses a text. `old` is the tree of an earlier version to which every edit since was applied with
    /// [`Tree::edit`]; what the edits left alone is taken over from it. `None` if the language has no grammar, or the
    /// text is over a limit; [`Analyser::analyse`] then gives the answer.
    pub fn parse(&mut self, language: Language, text: &str, old: Option<&Tree>) -> Option<Tree> {
        let lines = LineIndex::new(text);
        self.try_parse(language, text, &lines, old).ok().map(|(_, tree)| tree)
    }

    /// Analyses a text whose tree [`Analyser::parse`] gave.
    pub fn analyse_tree(&mut self, language: Language, text: &str, tree: &Tree) -> FileAnalysis {
        let lines = LineIndex::new(text);
        match position(language).and_then(grammar_at) {
            Some(grammar) => self.analyse_parsed(language, grammar, text, &lines, tree),
            None => without_tree(language, text, &lines, &Unparsed::NoGrammar),
        }
    }

    fn try_parse(
        &mut self,
        language: Language,
        text: &str,
        lines: &LineIndex,
        old: Option<&Tree>,
    ) -> Result<(&'static LoadedGrammar, Tree), Unparsed> {
        let Some(grammar) = position(language).and_then(grammar_at) else { return Err(Unparsed::NoGrammar) };
        if text.len() > self.limits.parse_bytes {
            return Err(Unparsed::TooLarge);
        }
        let mut excluded = std::mem::take(&mut self.spans);
        excluded.clear();
        if grammar.rules.hidden == Hidden::DeclarationMacros {
            declaration_macros(text, &mut excluded);
        }
        let deadline = Instant::now() + self.limits.parse_time;
        let whole = Span::new(0, text.len());
        let mut tree = self.parse_part(grammar, text, lines, whole, &excluded, old, deadline);
        if let Some(broken) = tree.as_ref().filter(|tree| tree.root_node().has_error()) {
            let suspects = repair::suspects(text, broken, grammar.rules.repair.conditionals, &grammar.repairs);
            if !suspects.is_empty() {
                excluded.extend(suspects);
                excluded = repair::joined(excluded);
                let repaired = self.parse_part(grammar, text, lines, whole, &excluded, Some(broken), deadline);
                tree = repaired.filter(|repaired| repair::damage(repaired) < repair::damage(broken)).or(tree);
            }
        }
        if grammar.rules.hidden == Hidden::DeclarationMacros
            && let Some(broken) = tree.as_ref().filter(|tree| tree.root_node().has_error())
            && let damage = repair::damage(broken)
            && damage > BROKEN
        {
            skeleton(text, &mut excluded);
            excluded = repair::joined(excluded);
            let bare = self.parse_part(grammar, text, lines, whole, &excluded, None, deadline);
            tree = bare.filter(|bare| repair::damage(bare) < damage / 2).or(tree);
        }
        self.spans = excluded;
        tree.map(|tree| (grammar, tree)).ok_or(Unparsed::TimedOut)
    }

    /// Parses `within`, passing over `excluded`. `None` when the time is up.
    fn parse_part(
        &mut self,
        grammar: &LoadedGrammar,
        text: &str,
        lines: &LineIndex,
        within: Span,
        excluded: &[Span],
        old: Option<&Tree>,
        deadline: Instant,
    ) -> Option<Tree> {
        self.parser.set_language(&grammar.language).ok()?;
        let whole = within.len() == text.len() && excluded.is_empty();
        let ranges = if whole { Vec::new() } else { included_ranges(within, excluded, lines) };
        self.parser.set_included_ranges(&ranges).ok()?;
        let mut progress = |_: &tree_sitter::ParseState| {
            if Instant::now() > deadline { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let options = ParseOptions::new().progress_callback(&mut progress);
        let bytes = text.as_bytes();
        let tree = self.parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), old, Some(options));
        if tree.is_none() {
            self.parser.reset();
        }
        tree
    }

    fn analyse_parsed(
        &mut self,
        language: Language,
        grammar: &'static LoadedGrammar,
        text: &str,
        lines: &LineIndex,
        tree: &Tree,
    ) -> FileAnalysis {
        self.facts.reset(lines.count() as usize);
        let deepest = walk(grammar, text, tree.root_node(), Base::default(), &mut self.facts);
        if grammar.rules.hidden == Hidden::DeclarationMacros {
            self.passed_over(text, tree);
        }
        self.parse_hidden(grammar, text, lines);
        let mut symbols = Vec::new();
        let left_out = self.nesting.symbols(grammar.rules, text, &mut self.facts, self.limits.symbols, &mut symbols);
        let references = symbols::references(&mut self.facts, &symbols, self.limits.references);
        let chunks = chunks::chunks(text, lines, &symbols, &self.facts.depths);
        let mut notes = Vec::new();
        if self.facts.errors > 0 {
            notes.push(Note::SyntaxErrors(self.facts.errors));
        }
        if left_out.too_deep || deepest > DEEP {
            notes.push(Note::TooDeep);
        }
        finished(language, symbols, chunks, references, notes)
    }

    /// Macros that the parser passed over are still mentioned.
    fn passed_over(&mut self, text: &str, tree: &Tree) {
        let ranges = tree.included_ranges();
        for pair in ranges.windows(2) {
            let gap = Span::new(pair[0].end_byte, pair[1].start_byte);
            if text.as_bytes().get((gap.start as usize).wrapping_sub(1)) == Some(&b'{') {
                self.facts.hidden.push((gap, BODY_DEPTH));
                continue;
            }
            let start = gap.slice(text).len() - gap.slice(text).trim_start_matches([',', ' ']).len();
            let word =
                gap.slice(text)[start..].bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
            let length = word.count();
            if length > 0 {
                let start = gap.start as usize + start;
                let span = Span::new(start, start + length);
                self.facts.references.push(crate::facts::RawReference {
                    span,
                    kind: ReferenceKind::Macro,
                    priority: 0,
                });
            }
        }
    }

    /// Parses token trees that hold items, and those inside them.
    fn parse_hidden(&mut self, grammar: &'static LoadedGrammar, text: &str, lines: &LineIndex) {
        let deadline = Instant::now() + self.limits.parse_time;
        let mut bytes = HIDDEN_LEVELS as usize * text.len();
        let mut next = 0;
        while let Some(&(within, depth)) = self.facts.hidden.get(next) {
            next += 1;
            bytes = bytes.saturating_sub(within.len());
            if bytes == 0 {
                return;
            }
            let mut excluded = std::mem::take(&mut self.spans);
            excluded.clear();
            if grammar.rules.hidden == Hidden::TokenTrees {
                foreign_words(text, within, &mut excluded);
            }
            let tree = self.parse_part(grammar, text, lines, within, &excluded, None, deadline);
            self.spans = excluded;
            let Some(tree) = tree else { return };
            let errors = self.facts.errors;
            let base = Base { depth, row: Some(lines.line_of(within.start)) };
            walk(grammar, text, tree.root_node(), base, &mut self.facts);
            // Macros need not hold plain Rust; that is no error of the text.
            self.facts.errors = errors;
        }
    }
}

fn without_tree(language: Language, text: &str, lines: &LineIndex, unparsed: &Unparsed) -> FileAnalysis {
    if text.is_empty() {
        return FileAnalysis { chunks: chunks::windows(text, lines), ..FileAnalysis::empty(language) };
    }
    if let (Unparsed::NoGrammar, Analysis::Headings) = (unparsed, analysis_of(position(language))) {
        let outline = markdown::outline(text, lines);
        let chunks = chunks::chunks(text, lines, &outline.symbols, &outline.depths);
        return finished(language, outline.symbols, chunks, Vec::new(), Vec::new());
    }
    let notes = match unparsed {
        Unparsed::TooLarge => vec![Note::TooLarge],
        Unparsed::TimedOut => vec![Note::TimedOut],
        Unparsed::NoGrammar => Vec::new(),
    };
    finished(language, Vec::new(), chunks::windows(text, lines), Vec::new(), notes)
}

fn finished(
    language: Language,
    symbols: Vec<Symbol>,
    chunks: Vec<Chunk>,
    references: Vec<Reference>,
    notes: Vec<Note>,
) -> FileAnalysis {
    FileAnalysis { language, symbols, chunks, references, notes }
}
