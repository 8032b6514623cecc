//! The constants of ranking, in one table.
//!
//! Chosen on the 826 development queries of `docs/quality.md` on 2026-11-21 by changing one at a time, keeping a change
//! that gained at least 0.0004 NDCG@10 over all and did not lose in four of five groups of repositories: 0.9015. What is
//! tuned on five sixths of the repositories scores 0.8987 on the others. What came into
//! the table later (`word_weight`, `least_cosine`, `least_range`, `defines_subsequence`, `defines_uncertain`, the shares of
//! kinds, `stem_pair`, `further_place`) is as it was first set by hand, and part of those scores. The queries quote
//! nothing, so that they say nothing of the two constants of quoted texts.

macro_rules! weights {
    ($($(#[$doc:meta])* $name:ident = $value:expr;)+) => {
        /// What ranking multiplies and adds. Scores are relative to the best lexical and the best vector candidate of the
        /// query, which count 1 each.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Weights { $($(#[$doc])* pub $name: f32),+ }

        impl Default for Weights {
            fn default() -> Self {
                Self { $($name: $value),+ }
            }
        }

        impl Weights {
            /// Names of all weights, in order.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),+];

            /// Changes one weight; `false` when there is none of that name. For measuring alternatives.
            pub fn set(&mut self, name: &str, value: f32) -> bool {
                match name {
                    $(stringify!($name) => self.$name = value,)+
                    _ => return false,
                }
                true
            }

            /// One weight by name.
            pub fn get(&self, name: &str) -> Option<f32> {
                match name {
                    $(stringify!($name) => Some(self.$name),)+
                    _ => None,
                }
            }
        }
    };
}

weights! {
    /// BM25F: how slowly further occurrences stop to count.
    k1 = 4.0;
    /// BM25F: how much a long field counts less.
    b = 0.3;
    /// BM25F: what a word of the query counts, and each part of an identifier beside the whole.
    word_weight = 1.0;
    /// BM25F: what an identifier of two neighbouring words of the query counts.
    pair_weight = 0.25;
    /// BM25F weight of the chunk's text.
    field_body = 1.0;
    /// BM25F weight of the symbol's name.
    field_name = 7.0;
    /// BM25F weight of the enclosing symbols.
    field_container = 2.8;
    /// BM25F weight of the path.
    field_path = 1.4;
    /// BM25F weight of the signature.
    field_signature = 2.0;
    /// BM25F weight of the documentation.
    field_doc = 2.0;
    /// Share of the vectors for a phrase; the rest is lexical.
    semantic_phrase = 0.5;
    /// Share of the vectors for words with identifiers among them.
    semantic_mixed = 0.4;
    /// Share of the vectors for one identifier or a path.
    semantic_identifier = 0.2;
    /// Cosine from which on a chunk without a word of the query is an answer: below it vectors of unrelated texts lie, and an
    /// honest answer is that nothing matches.
    least_cosine = 0.2;
    /// Least difference of cosines, of the best candidate and the last of the vector list, that counts as much as all.
    least_range = 0.05;
    /// Added for the definition of a name that is the whole query.
    defines_query = 1.5;
    /// Added for the definition of a name that a longer query spells out.
    defines_name = 0.4;
    /// Share of that for a name that only begins with what was spelled.
    defines_prefix = 0.25;
    /// Share of that for a name that what was spelled abbreviates.
    defines_subsequence = 0.125;
    /// Share of that when the name's case differs.
    defines_other_case = 0.8;
    /// Share of that for a plain word, which may be no name.
    defines_uncertain = 0.5;
    /// Share of that for fields, members of enumerations and variables, which are less often meant than functions and types.
    defines_member = 0.5;
    /// Share of that for implementation blocks.
    defines_impl = 0.6;
    /// Share of that for sections of prose.
    defines_section = 0.4;
    /// Share of that for tests.
    defines_test = 0.3;
    /// Added when the definition's container is the one that the query names.
    container_matches = 0.3;
    /// Added when the definition is a type: its users more often mean the type than a function of its name.
    defines_type = 0.15;
    /// Added by the share of the query's words that the file's stem holds, times the share of the stem they make up.
    stem_matches = 0.5;
    /// Words that a stem counts as which two neighbouring words of the query make up.
    stem_pair = 2.0;
    /// Added when the file's stem is the name that is the whole query.
    stem_is_query = 0.7;
    /// Added by the share of the query's words that the folders hold.
    folders_match = 0.1;
    /// Added when the path holds the path that the query names.
    path_matches = 1.5;
    /// Added when the chunk holds a line that a message names; more than all else together, since it says where.
    place_matches = 6.0;
    /// The n-th place that a query names counts `1 / (1 + this * (n - 1))` of that.
    further_place = 0.125;
    /// Added by how much the file's candidates amount to together, relative to the best file.
    coherence = 0.35;
    /// Each further hit of a file counts this much of the one before.
    repetition_factor = 0.5;
    /// Tests, when the query does not ask for them.
    test_factor = 0.5;
    /// Examples and benchmarks.
    example_factor = 0.6;
    /// Code of others.
    vendored_factor = 0.5;
    /// Compatibility code.
    compatibility_factor = 0.7;
    /// Code for another platform, where code for this one stands beside it.
    other_platform_factor = 0.6;
    /// Code of an older version, where a later one stands beside it.
    older_version_factor = 0.6;
    /// Declarations without code.
    declarations_factor = 0.7;
    /// Prose.
    documentation_factor = 0.7;
    /// Settings and data.
    data_factor = 0.5;
    /// Files that a tool wrote.
    generated_factor = 0.7;
    /// Code between symbols.
    gap_factor = 0.8;
    /// Files that only pass on names of others: `__init__.py`, `index.ts`, `mod.rs`.
    barrel_factor = 0.9;
    /// Added when the symbol's kind is one that the query names.
    kind_matches = 0.1;
    /// Added when the chunk holds all quoted texts; its share for some of them.
    quoted_matches = 1.0;
    /// Lead of what holds all quoted texts before what does not.
    quoted_lead = 0.05;
    /// Added for the file under the cursor.
    active_file = 0.1;
    /// Added for an open file.
    open_file = 0.05;
}
