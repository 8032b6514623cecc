//! Parses a text and analyses the tree.

mod hidden_parts;
mod parsing;

use crate::budget::{GiveUp, Patience};
use crate::chunks;
use crate::facts::{Facts, LineDepth, RawReference, RawSymbol};
use crate::grammar::{LoadedGrammar, grammar_at};
use crate::hidden::{declaration_macros, macro_namespaces, skeleton};
use crate::languages::{Analysis, Hidden, analysis_of, position};
use crate::markdown;
use crate::remembered::Remembered;
use crate::repair;
use crate::reuse::{Earlier, Forget, Recorder, Walked};
use crate::symbols::{self, Nesting};
use crate::walk::{Base, walk};
use conexus_core::{
    Chunk, FileAnalysis, Language, LineIndex, Note, Reference, ReferenceKind, Span, Symbol, SymbolKind, Visibility,
};
use conexus_faiss::arena::{self, Arena, TextParser, TextTree};
use hidden_parts::Before;
use parsing::Source;
use std::sync::Arc;
use std::time::Duration;
use tree_sitter::{Parser, Tree};

/// What an analysis may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Processor time for parsing one text. What takes longer is cut into windows.
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

/// The depth that is assumed for function bodies that are parsed by themselves.
const BODY_DEPTH: u32 = 5;
/// Bytes in error from which on a C or C++ text is parsed without the bodies of its functions.
const BROKEN: usize = 600;
/// Depth of a tree from which on a text is said to be too deep; it is analysed all the same.
const DEEP: u32 = 2_000;

/// Analyses texts, one after the other. Keep one per thread: it reuses its memory.
pub struct Analyser {
    limits: Limits,
    /// Of the texts whose trees stay. Taken while it parses.
    parser: Option<Parser>,
    facts: Facts,
    depths: Vec<LineDepth>,
    nesting: Nesting,
    spans: Vec<Span>,
}

/// Why there is no tree.
enum Unparsed {
    TooLarge,
    TimedOut,
    NoGrammar,
    SetAside,
}

impl Analyser {
    /// An analyser with these limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            parser: None,
            facts: Facts::default(),
            depths: Vec::new(),
            nesting: Nesting::default(),
            spans: Vec::new(),
        }
    }

    /// Analyses a text. Never fails: what cannot be parsed is cut into windows of lines, and a note says why.
    pub fn analyse(&mut self, language: Language, text: &str) -> FileAnalysis {
        self.analyse_lines(language, text, &LineIndex::new(text))
    }

    /// The same for who needs the lines of the text for more than this.
    pub fn analyse_lines(&mut self, language: Language, text: &str, lines: &LineIndex) -> FileAnalysis {
        if position(language).is_none() {
            return without_tree(language, text, lines, &Unparsed::NoGrammar);
        }
        arena::scope(|arena| self.analyse_alone(language, text, lines, arena))
    }

    /// Analyses a text and keeps nothing of its tree.
    fn analyse_alone(&mut self, language: Language, text: &str, lines: &LineIndex, mut arena: &Arena) -> FileAnalysis {
        let patience = Patience::of(GiveUp::NEVER);
        let (grammar, tree) = match self.try_parse(language, text, lines, None, &patience, &mut arena) {
            Ok(parsed) => parsed,
            Err(unparsed) => return without_tree(language, text, lines, &unparsed),
        };
        self.facts.reset();
        let deepest = walk(grammar, text, tree.root_node(), Base::default(), &mut self.facts, &mut Forget);
        self.passed_over(grammar, text, &tree);
        self.parse_hidden(grammar, text, lines, &mut arena);
        self.analysed(language, grammar, text, lines, deepest)
    }

    /// Analyses a text that is going to change, and remembers what the next version may take over. `before` is what
    /// this gave for an earlier version: what differs is found by comparing the texts, and what does not is neither
    /// parsed nor walked again. The answer is that of [`Analyser::analyse`], but where a parser recovers from errors in
    /// another way. `None` when it gave up.
    pub fn analyse_next(
        &mut self,
        language: Language,
        text: Arc<str>,
        before: Option<Remembered>,
        give_up: GiveUp<'_>,
    ) -> Option<(FileAnalysis, Remembered)> {
        self.with_parser(|this, parser| this.analyse_with(parser, language, text, before, give_up))
    }

    /// Runs `run` with the parser of the trees that stay.
    fn with_parser<T>(&mut self, run: impl FnOnce(&mut Self, &mut Parser) -> T) -> T {
        let mut parser = self.parser.take().unwrap_or_default();
        let result = run(self, &mut parser);
        self.parser = Some(parser);
        result
    }

    fn analyse_with(
        &mut self,
        parser: &mut Parser,
        language: Language,
        text: Arc<str>,
        before: Option<Remembered>,
        give_up: GiveUp<'_>,
    ) -> Option<(FileAnalysis, Remembered)> {
        let mut before = before.filter(|before| before.language == language).map(|before| Before::new(before, &text));
        let lines = match &before {
            Some(before) => before.lines_of(&text),
            None => LineIndex::new(&text),
        };
        if let Some(before) = &mut before {
            before.edit_trees(&text, &lines);
        }
        // Loading a grammar takes long too, once.
        let _ = position(language).and_then(grammar_at);
        let patience = Patience::of(give_up);
        let old = before.as_ref().and_then(|before| before.tree());
        let mut incremental = old.is_some();
        let parsed = match before.as_ref().filter(|before| before.edit.is_empty()).zip(old) {
            Some((before, tree)) => {
                incremental = before.remembered.incremental;
                position(language)
                    .and_then(grammar_at)
                    .map(|grammar| (grammar, tree.clone()))
                    .ok_or(Unparsed::NoGrammar)
            }
            None => self.try_parse(language, &text, &lines, old, &patience, parser),
        };
        if patience.is_over() {
            return None;
        }
        let parse_time = patience.used();
        let (grammar, tree) = match parsed {
            Ok(parsed) => parsed,
            Err(unparsed) => {
                let (analysis, remembered) = next_without_tree(language, text, &unparsed);
                return Some((analysis, Remembered { parse_time, ..remembered }));
            }
        };
        self.facts.reset();
        let (main, deepest) = self.walk_again(grammar, &text, &tree, before.as_ref());
        self.passed_over(grammar, &text, &tree);
        let patience = Patience::of(give_up);
        let parts = self.parse_hidden_again(grammar, &text, &lines, before, &patience, parser);
        if patience.is_over() {
            return None;
        }
        let parse_time = parse_time + patience.used();
        let analysis = self.analysed(language, grammar, &text, &lines, deepest);
        Some((analysis, Remembered { language, text, lines, tree: Some(tree), main, parts, incremental, parse_time }))
    }

    /// Analyses a text as if its language had no grammar, and notes that this one crashes on it.
    pub fn analyse_without_grammar(&mut self, language: Language, text: &str, lines: &LineIndex) -> FileAnalysis {
        without_tree(language, text, lines, &Unparsed::SetAside)
    }

    /// The same for a text that is going to change.
    pub fn next_without_grammar(&mut self, language: Language, text: Arc<str>) -> (FileAnalysis, Remembered) {
        next_without_tree(language, text, &Unparsed::SetAside)
    }

    /// The same for one that [`Analyser::analyse_next`] gave up: it is noted that parsing takes too long.
    pub fn next_unparsed(&mut self, language: Language, text: Arc<str>) -> (FileAnalysis, Remembered) {
        next_without_tree(language, text, &Unparsed::TimedOut)
    }

    /// Parses a text and nothing else, as what analysis costs is measured against; whether it can be parsed.
    pub fn parse(&mut self, language: Language, text: &str) -> bool {
        self.tree(language, text).is_some()
    }

    /// The tree of a text, if it can be parsed.
    pub(crate) fn tree(&mut self, language: Language, text: &str) -> Option<Tree> {
        let lines = LineIndex::new(text);
        let patience = Patience::of(GiveUp::NEVER);
        let parsed = self.with_parser(|this, parser| this.try_parse(language, text, &lines, None, &patience, parser));
        parsed.ok().map(|(_, tree)| tree)
    }

    /// Walks the whole tree, as far as the walk before cannot tell.
    fn walk_again(
        &mut self,
        grammar: &LoadedGrammar,
        text: &str,
        tree: &Tree,
        before: Option<&Before>,
    ) -> (Option<Walked>, u32) {
        if tree.included_ranges().len() > 1 {
            let deepest = walk(grammar, text, tree.root_node(), Base::default(), &mut self.facts, &mut Forget);
            return (None, deepest);
        }
        let earlier = before.and_then(Before::main);
        let walked = walk_remembering(grammar, text, tree, Base::default(), earlier);
        self.facts.take_over_all(&walked.facts);
        self.facts.errors += walked.facts.errors;
        let deepest = walked.deepest;
        (Some(walked), deepest)
    }

    fn try_parse<P: TextParser>(
        &mut self,
        language: Language,
        text: &str,
        lines: &LineIndex,
        old: Option<&P::Tree>,
        patience: &Patience<'_>,
        parser: &mut P,
    ) -> Result<(&'static LoadedGrammar, P::Tree), Unparsed> {
        let Some(grammar) = position(language).and_then(grammar_at) else { return Err(Unparsed::NoGrammar) };
        if text.len() > self.limits.parse_bytes {
            return Err(Unparsed::TooLarge);
        }
        let mut excluded = std::mem::take(&mut self.spans);
        excluded.clear();
        if grammar.rules.hidden == Hidden::DeclarationMacros {
            declaration_macros(text, &mut excluded);
        }
        let mut source = Source::new(grammar, text, lines, self.limits.parse_time, patience, parser);
        let whole = Span::new(0, text.len());
        let mut tree = source.parse(whole, &excluded, old);
        if let Some(broken) = tree.as_ref().filter(|tree| tree.root_node().has_error()) {
            let suspects =
                repair::suspects(text, broken.root_node(), grammar.rules.repair.conditionals, &grammar.repairs);
            if !suspects.is_empty() {
                excluded.extend(suspects);
                excluded = repair::joined(excluded);
                let repaired = source.parse(whole, &excluded, Some(broken));
                tree = repaired
                    .filter(|repaired| repair::damage(repaired.root_node()) < repair::damage(broken.root_node()))
                    .or(tree);
            }
        }
        if grammar.rules.hidden == Hidden::DeclarationMacros
            && let Some(broken) = tree.as_ref().filter(|tree| tree.root_node().has_error())
            && let damage = repair::damage(broken.root_node())
            && damage > BROKEN
        {
            skeleton(text, &mut excluded);
            excluded = repair::joined(excluded);
            let bare = source.parse(whole, &excluded, None);
            tree = bare.filter(|bare| repair::damage(bare.root_node()) < damage / 2).or(tree);
        }
        self.spans = excluded;
        tree.map(|tree| (grammar, tree)).ok_or(Unparsed::TimedOut)
    }

    /// Puts together what the walks found.
    fn analysed(
        &mut self,
        language: Language,
        grammar: &'static LoadedGrammar,
        text: &str,
        lines: &LineIndex,
        deepest: u32,
    ) -> FileAnalysis {
        self.facts.depths(lines.count() as usize, &mut self.depths);
        let mut symbols = Vec::new();
        let left_out = self.nesting.symbols(grammar.rules, text, &mut self.facts, self.limits.symbols, &mut symbols);
        let references = symbols::references(&mut self.facts, &symbols, self.limits.references);
        let chunks = chunks::chunks(text, lines, &symbols, &self.depths);
        let mut notes = Vec::new();
        if self.facts.errors > 0 {
            notes.push(Note::SyntaxErrors(self.facts.errors));
        }
        if left_out.too_deep || deepest > DEEP {
            notes.push(Note::TooDeep);
        }
        finished(language, symbols, chunks, references, notes)
    }

    /// What the parser passed over: macros are still mentioned and may open namespaces, bodies are parsed by themselves.
    fn passed_over(&mut self, grammar: &LoadedGrammar, text: &str, tree: &impl TextTree) {
        if grammar.rules.hidden != Hidden::DeclarationMacros {
            return;
        }
        let ranges = tree.included_ranges();
        let starts = ranges.iter().map(|range| range.start_byte).chain([text.len()]);
        let ends = std::iter::once(0).chain(ranges.iter().map(|range| range.end_byte.min(text.len())));
        let mut macros = std::mem::take(&mut self.spans);
        macros.clear();
        for (end, start) in ends.zip(starts).filter(|(end, start)| end < start) {
            let gap = Span::new(end, start);
            if end > 0 && text.as_bytes()[end - 1] == b'{' {
                self.facts.hidden.push((gap, BODY_DEPTH));
                continue;
            }
            let bytes = &text.as_bytes()[gap.range()];
            if bytes.trim_ascii_start().first() == Some(&b'#') {
                continue;
            }
            let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let Some(start) = bytes.iter().position(is_word) else { continue };
            let length = bytes[start..].iter().take_while(|byte| is_word(byte)).count();
            let span = Span::new(end + start, end + start + length);
            macros.push(span);
            self.facts.references.push(RawReference { span, kind: ReferenceKind::Macro, priority: 0 });
        }
        for namespace in macro_namespaces(text, &macros) {
            let is_outer =
                |symbol: &RawSymbol| symbol.kind == SymbolKind::Namespace && symbol.definition.contains(namespace.name);
            if !self.facts.symbols.iter().any(is_outer) {
                let body = namespace.whole.slice(text).find(char::is_whitespace).unwrap_or(0) as u32;
                self.facts.symbols.push(RawSymbol {
                    kind: SymbolKind::Namespace,
                    definition: namespace.whole,
                    name: namespace.name,
                    first_word: namespace.whole.start,
                    body: namespace.whole.start + body,
                    container: None,
                    docstring: None,
                    visibility: Visibility::Public,
                    test: false,
                    priority: 0,
                    by_macro: true,
                });
            }
        }
        self.spans = macros;
    }
}

/// Walks over a tree of one range and remembers it.
fn walk_remembering(
    grammar: &LoadedGrammar,
    text: &str,
    tree: &Tree,
    base: Base,
    earlier: Option<Earlier<'_>>,
) -> Walked {
    let mut facts = Facts::default();
    let mut recorder = Recorder::new(text, earlier);
    let deepest = walk(grammar, text, tree.root_node(), base, &mut facts, &mut recorder);
    recorder.finish(facts, deepest)
}

fn next_without_tree(language: Language, text: Arc<str>, unparsed: &Unparsed) -> (FileAnalysis, Remembered) {
    let lines = LineIndex::new(&text);
    let analysis = without_tree(language, &text, &lines, unparsed);
    (analysis, Remembered::untreed(language, text, lines))
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
        Unparsed::SetAside => vec![Note::SetAside],
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

#[cfg(test)]
#[path = "analyser/tests.rs"]
mod tests;
