//! The languages: what they are called, which files are theirs, and how each is analysed.
//!
//! To add a language with a grammar: a folder `queries/<name>/` with `symbols.scm` and `references.scm`, a grammar
//! crate in `Cargo.toml`, one entry in `languages/table.rs` and a corpus file `corpus/<name>.txt`.

mod comments;
mod detect;
mod plain;
mod table;

use crate::repair::Repair;
use conexus_core::Language;
use tree_sitter_language::LanguageFn;

pub use comments::{CommentMarks, comment_marks};
pub use detect::detect;

/// One language: its names, its files and its analysis.
pub struct LanguageSpec {
    /// The stable name.
    pub language: Language,
    /// The name as people write it.
    pub display: &'static str,
    /// File extensions without the dot, in lower case.
    pub extensions: &'static [&'static str],
    /// Whole file names, such as `Dockerfile`.
    pub file_names: &'static [&'static str],
    /// Programs named in a `#!` line, without version numbers.
    pub interpreters: &'static [&'static str],
    /// How its texts are analysed.
    pub(crate) analysis: Analysis,
}

impl LanguageSpec {
    /// Whether symbols are known for this language, not only windows of lines.
    pub fn has_symbols(&self) -> bool {
        !matches!(self.analysis, Analysis::Windows)
    }
}

/// How a text becomes symbols and chunks.
#[expect(clippy::large_enum_variant, reason = "only statics hold it")]
pub(crate) enum Analysis {
    /// A tree-sitter grammar with queries.
    Grammar(Grammar),
    /// Headings of Markdown.
    Headings,
    /// Windows of lines.
    Windows,
}

/// What a language with a grammar tells the driver. Kinds are node kinds of the grammar.
pub(crate) struct Grammar {
    /// The parser's tables.
    pub(crate) function: LanguageFn,
    /// `symbols.scm`.
    pub(crate) symbols: &'static str,
    /// `references.scm`.
    pub(crate) references: &'static str,
    /// What joins a container and a name: `::` or `.`.
    pub(crate) separator: &'static str,
    /// Node kinds of comments.
    pub(crate) comments: &'static [&'static str],
    /// Node kinds of attributes, decorators and annotations: those before a definition belong to its span, but not to
    /// its signature.
    pub(crate) attributes: &'static [&'static str],
    /// Node kinds that wrap one definition and belong to it: `export_statement`, `template_declaration`. A definition
    /// that ends where its wrapper ends (a `;` aside) takes over the wrapper's span, comments and attributes.
    pub(crate) wrappers: &'static [&'static str],
    /// What such a node starts with; for grammars that give attributes no kind of their own. Empty for the others.
    pub(crate) attribute_words: &'static [&'static str],
    /// Node kinds of definitions that hold all that follows beside them: `namespace Shop;`, a module's header.
    pub(crate) headers: &'static [&'static str],
    /// Whether consecutive definitions of one name are clauses of one function.
    pub(crate) clauses: Clauses,
    /// What makes a method a constructor.
    pub(crate) constructors: Constructors,
    /// Where documentation stands.
    pub(crate) documentation: Documentation,
    /// What decides visibility where the query captured none.
    pub(crate) visibility: VisibilityRule,
    /// What makes a symbol a test where the query captured none.
    pub(crate) tests: TestRule,
    /// Code that the grammar does not see by itself.
    pub(crate) hidden: Hidden,
    /// What is passed over when the text does not parse without errors.
    pub(crate) repair: Repair,
}

/// Whether consecutive definitions of one name are clauses of one function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clauses {
    /// No: they are overloads or redefinitions, each a symbol.
    Apart,
    /// Yes; a clause with documentation of its own in an attribute begins another function.
    Together,
}

/// What makes a method a constructor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Constructors {
    /// The query says so.
    Captured,
    /// It is named as the type that holds it.
    NamedAsType,
}

/// Where documentation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Documentation {
    /// In the comments right before the definition.
    Comments,
    /// In a string that is the body's first statement, or else in the comments before the definition.
    Docstring,
    /// In attributes, or else in the comments before.
    Attributes {
        /// What such an attribute before the definition starts with: Elixir's `@doc`.
        before: &'static [&'static str],
        /// What such an attribute starts with that is first in the body: `@moduledoc`.
        within: &'static str,
    },
}

/// What decides visibility where the query captured none of `@public`, `@restricted`, `@private`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum VisibilityRule {
    /// Rust: the `pub` before the definition; members of traits and enums are as visible as those.
    Pub,
    /// Go: capitalised names are public, others belong to the package.
    Capitalised,
    /// Python: `_name` is restricted, `__name` private.
    Underscore,
    /// JavaScript and TypeScript: what a module exports is public; its other top-level names are private, unless it
    /// exports nothing at all. Members are public unless a modifier or a `#` says otherwise.
    Exported,
    /// The words `public`, `protected`, `internal`, `private` (and the like) in the signature, before the name.
    Modifiers {
        /// A symbol without such a word.
        default: Visibility,
        /// A member of a class or struct without such a word.
        member: Visibility,
    },
    /// C++: the last `public:`, `protected:` or `private:` before a member; `static` functions are private.
    Sections,
    /// C: `static` is private.
    Static,
    /// Every symbol without a capture is this.
    Always(Visibility),
}

pub(crate) use conexus_core::Visibility;

/// What makes a symbol a test where the query captured no `@test`. What a test holds is a test too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TestRule {
    /// Only what the query captured, and symbols of kind `test`.
    Captured,
    /// An attribute, decorator or annotation with one of these names, or ending in one of them after a separator.
    /// `cfg(test)` counts as `test`; what stands in `not(...)` or in quotes does not count.
    Attributes(&'static [&'static str]),
    /// A function or class whose name starts with one of these, followed by no lower-case letter when the prefix ends
    /// in a letter.
    Names {
        /// Prefixes of functions and methods.
        functions: &'static [&'static str],
        /// Prefixes of types.
        types: &'static [&'static str],
    },
}

/// Code that a grammar does not see by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hidden {
    /// None.
    Nothing,
    /// Rust: items and calls in the token trees of macro invocations.
    TokenTrees,
    /// C and C++: declarations behind macros that the grammar takes for types.
    DeclarationMacros,
}

/// Every language, those with a grammar first.
pub fn languages() -> impl Iterator<Item = &'static LanguageSpec> {
    table::GRAMMARS.iter().chain(plain::PLAIN.iter())
}

/// The language of that stable name (`rust`) or display name (`C++`), in any case.
pub fn language_named(name: &str) -> Option<Language> {
    languages()
        .find(|spec| spec.language.name().eq_ignore_ascii_case(name) || spec.display.eq_ignore_ascii_case(name))
        .map(|spec| spec.language)
}

/// The number of a language in the order of [`languages`]; `None` for a name that is not in the table.
pub(crate) fn position(language: Language) -> Option<usize> {
    languages().position(|spec| spec.language == language)
}

/// How a language is analysed; unknown ones are cut into windows.
pub(crate) fn analysis_of(position: Option<usize>) -> &'static Analysis {
    position.and_then(|position| languages().nth(position)).map_or(&Analysis::Windows, |spec| &spec.analysis)
}
