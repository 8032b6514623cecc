//! Languages with a grammar as the driver uses them: compiled once per process, shared by all threads.

use crate::languages::{Analysis, Documentation, Grammar, Hidden, analysis_of, languages, position};
use crate::patterns::{PatternError, PatternTable, kind_numbers};
use regex::bytes::Regex;
use std::sync::{LazyLock, OnceLock};
use tree_sitter::Language;

/// What a node kind is to the walk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KindFlags(u16);

impl KindFlags {
    pub(crate) const COMMENT: Self = Self(1);
    pub(crate) const ATTRIBUTE: Self = Self(2);
    pub(crate) const LEADING: Self = Self(3);
    pub(crate) const WRAPPER: Self = Self(4);
    /// Some pattern has its root here.
    pub(crate) const PATTERN: Self = Self(8);
    /// A macro invocation whose token tree may hold code.
    pub(crate) const INVOCATION: Self = Self(16);
    /// A node without meaning of its own, such as `;`.
    pub(crate) const TOKEN: Self = Self(32);
    /// A definition that holds all that follows beside it.
    pub(crate) const HEADER: Self = Self(64);

    /// Some chain ends here.
    pub(crate) const CHAIN: Self = Self(128);
    /// The field of such a node decides about what is inside it.
    pub(crate) const FIELD: Self = Self(256);
    /// Some pattern tells the children of such a node by their fields.
    pub(crate) const BY_FIELD: Self = Self(1024);
    /// The field that such a node stands in counts, whatever stands around it.
    pub(crate) const PLACED: Self = Self(2048);
    /// A literal in quotes in which no pattern looks for anything, but in what code it may hold.
    pub(crate) const QUOTED: Self = Self(512);

    /// The walk does something at such a node.
    const SOUGHT: Self = Self(Self::LEADING.0 | Self::WRAPPER.0 | Self::PATTERN.0 | Self::INVOCATION.0 | Self::CHAIN.0);

    #[inline]
    pub(crate) fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    fn add(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// How grammars name literals in quotes.
const QUOTED: &[&str] = &["string", "string_literal", "interpreted_string_literal"];
/// How they name what is in such a literal beside its quotes.
const QUOTED_PARTS: &[&str] = &[
    "string_start",
    "string_content",
    "string_fragment",
    "string_end",
    "interpreted_string_literal_content",
    "escape_sequence",
    "quoted_content",
    "simple_string",
    "literal_content",
];

/// A grammar with its compiled queries.
pub(crate) struct LoadedGrammar {
    pub(crate) language: Language,
    pub(crate) rules: &'static Grammar,
    pub(crate) patterns: PatternTable,
    /// By node kind.
    flags: Vec<KindFlags>,
    /// The number of the field `body`, or 0.
    pub(crate) body_field: u16,
    pub(crate) docstrings: bool,
    pub(crate) has_attributes: bool,
    pub(crate) has_invocations: bool,
    /// The patterns of what may be passed over.
    pub(crate) repairs: Vec<Regex>,
}

impl LoadedGrammar {
    /// Compiles the queries of a language.
    pub(crate) fn load(rules: &'static Grammar) -> Result<Self, PatternError> {
        let language = Language::new(rules.function);
        let patterns = PatternTable::new(&language, &[rules.symbols, rules.references])?;
        let mut flags = vec![KindFlags::default(); language.node_kind_count()];
        for (names, flag) in [
            (rules.comments, KindFlags::COMMENT),
            (rules.attributes, KindFlags::ATTRIBUTE),
            (rules.wrappers, KindFlags::WRAPPER),
            (rules.headers, KindFlags::HEADER),
            (if rules.hidden == Hidden::TokenTrees { &["macro_invocation"][..] } else { &[] }, KindFlags::INVOCATION),
        ] {
            for name in names {
                let numbers = kind_numbers(&language, name, true);
                if numbers.is_empty() {
                    return Err(PatternError(format!("unknown node kind in the table: {name}")));
                }
                for kind in numbers {
                    flags[kind as usize].add(flag);
                }
            }
        }
        for (kind, flags) in flags.iter_mut().enumerate() {
            if patterns.of_kind(kind as u16).len() > 0 {
                flags.add(KindFlags::PATTERN);
            }
            if patterns.has_chains(kind as u16) {
                flags.add(KindFlags::CHAIN);
            }
            if patterns.field_decides(kind as u16) {
                flags.add(KindFlags::FIELD);
                flags.add(KindFlags::PLACED);
            }
            if patterns.of_kind(kind as u16).any(|pattern| pattern.node.field != 0) {
                flags.add(KindFlags::PLACED);
            }
            if patterns.asks_for_fields_in(kind as u16) {
                flags.add(KindFlags::BY_FIELD);
            }
            if !language.node_kind_is_named(kind as u16) {
                flags.add(KindFlags::TOKEN);
            }
        }
        if !QUOTED_PARTS.iter().any(|name| {
            let is_wanted = |kind: &u16| flags[*kind as usize].intersects(KindFlags::SOUGHT);
            kind_numbers(&language, name, true).iter().any(is_wanted)
        }) {
            for kind in QUOTED.iter().flat_map(|name| kind_numbers(&language, name, true)) {
                flags[kind as usize].add(KindFlags::QUOTED);
            }
        }
        let repairs = rules.repair.patterns.iter().map(|pattern| Regex::new(pattern));
        Ok(Self {
            repairs: repairs.collect::<Result<_, _>>().map_err(|problem| PatternError(problem.to_string()))?,
            body_field: language.field_id_for_name("body").map_or(0, std::num::NonZero::get),
            docstrings: rules.documentation != Documentation::Comments,
            has_attributes: !rules.attributes.is_empty(),
            has_invocations: rules.hidden == Hidden::TokenTrees,
            language,
            rules,
            patterns,
            flags,
        })
    }

    #[inline]
    pub(crate) fn flags(&self, kind: u16) -> KindFlags {
        self.flags.get(kind as usize).copied().unwrap_or_default()
    }

    /// What a node of that kind and text is to the walk.
    #[inline]
    pub(crate) fn flags_of<'text>(&self, kind: u16, text: impl FnOnce() -> &'text [u8]) -> KindFlags {
        let flags = self.flags(kind);
        let words = self.rules.attribute_words;
        if flags.intersects(KindFlags::ATTRIBUTE) && !words.is_empty() {
            let text = text();
            if !words.iter().any(|word| text.starts_with(word.as_bytes())) {
                return flags.without(KindFlags::ATTRIBUTE);
            }
        }
        flags
    }
}

static LOADED: LazyLock<Vec<OnceLock<Option<LoadedGrammar>>>> =
    LazyLock::new(|| languages().map(|_| OnceLock::new()).collect());

/// The grammar of the language at that position in the table; `None` if it has none, or its queries do not compile
/// (which a test rules out).
pub(crate) fn grammar_at(position: usize) -> Option<&'static LoadedGrammar> {
    LOADED
        .get(position)?
        .get_or_init(|| match analysis_of(Some(position)) {
            Analysis::Grammar(rules) => LoadedGrammar::load(rules).ok(),
            _ => None,
        })
        .as_ref()
}

/// Whether texts of a language are parsed by a grammar.
pub fn has_grammar(language: conexus_core::Language) -> bool {
    position(language).and_then(grammar_at).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The queries compile here and in tree-sitter, and name only kinds that the grammar has.
    #[test]
    fn queries_of_all_languages_compile() {
        for spec in languages() {
            let Analysis::Grammar(rules) = &spec.analysis else { continue };
            if let Err(problem) = LoadedGrammar::load(rules) {
                panic!("{}: {}", spec.language, problem.0);
            }
            let language = Language::new(rules.function);
            for source in [rules.symbols, rules.references] {
                if let Err(problem) = tree_sitter::Query::new(&language, source) {
                    panic!("{}: {problem}", spec.language);
                }
            }
        }
    }
}
