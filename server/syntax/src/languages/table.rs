//! The table of languages with a grammar.

use super::{Analysis, Documentation, Grammar, Hidden, LanguageSpec, TestRule, Visibility, VisibilityRule};
use conexus_core::Language;

macro_rules! queries {
    ($language:literal) => {
        (
            include_str!(concat!("../../../../queries/", $language, "/symbols.scm")),
            include_str!(concat!("../../../../queries/", $language, "/references.scm")),
        )
    };
}

/// What most languages share; an entry overrides what differs.
const fn grammar(function: tree_sitter_language::LanguageFn, queries: (&'static str, &'static str)) -> Grammar {
    Grammar {
        function,
        symbols: queries.0,
        references: queries.1,
        separator: ".",
        comments: &["comment"],
        attributes: &[],
        wrappers: &[],
        documentation: Documentation::Comments,
        visibility: VisibilityRule::Always(Visibility::Unknown),
        tests: TestRule::Captured,
        hidden: Hidden::Nothing,
    }
}

const JAVASCRIPT_WRAPPERS: &[&str] =
    &["export_statement", "lexical_declaration", "variable_declaration", "expression_statement"];
const TYPESCRIPT_WRAPPERS: &[&str] =
    &["export_statement", "lexical_declaration", "variable_declaration", "expression_statement", "ambient_declaration"];

/// Languages with a grammar, and Markdown.
pub(super) static GRAMMARS: &[LanguageSpec] = &[
    LanguageSpec {
        language: Language::named("rust"),
        display: "Rust",
        extensions: &["rs"],
        file_names: &[],
        interpreters: &["rust-script", "cargo"],
        analysis: Analysis::Grammar(Grammar {
            separator: "::",
            comments: &["line_comment", "block_comment"],
            attributes: &["attribute_item"],
            visibility: VisibilityRule::Pub,
            tests: TestRule::Attributes(&["test", "rstest", "test_case", "quickcheck", "wasm_bindgen_test"]),
            hidden: Hidden::TokenTrees,
            ..grammar(tree_sitter_rust::LANGUAGE, queries!("rust"))
        }),
    },
    LanguageSpec {
        language: Language::named("go"),
        display: "Go",
        extensions: &["go"],
        file_names: &[],
        interpreters: &[],
        analysis: Analysis::Grammar(Grammar {
            wrappers: &["type_declaration", "const_declaration", "var_declaration"],
            visibility: VisibilityRule::Capitalised,
            tests: TestRule::Names { functions: &["Test", "Benchmark", "Fuzz", "Example"], types: &[] },
            ..grammar(tree_sitter_go::LANGUAGE, queries!("go"))
        }),
    },
    LanguageSpec {
        language: Language::named("python"),
        display: "Python",
        extensions: &["py", "pyi", "pyw", "pyx", "pxd"],
        file_names: &["SConstruct", "SConscript", "wscript"],
        interpreters: &["python", "pypy", "uv"],
        analysis: Analysis::Grammar(Grammar {
            attributes: &["decorator"],
            wrappers: &["decorated_definition"],
            documentation: Documentation::Docstring,
            visibility: VisibilityRule::Underscore,
            tests: TestRule::Names { functions: &["test_"], types: &["Test"] },
            ..grammar(tree_sitter_python::LANGUAGE, queries!("python"))
        }),
    },
    LanguageSpec {
        language: Language::named("javascript"),
        display: "JavaScript",
        extensions: &["js", "jsx", "mjs", "cjs", "es6"],
        file_names: &["Jakefile"],
        interpreters: &["node", "nodejs", "bun", "deno"],
        analysis: Analysis::Grammar(Grammar {
            comments: &["comment", "html_comment", "hash_bang_line"],
            attributes: &["decorator"],
            wrappers: JAVASCRIPT_WRAPPERS,
            visibility: VisibilityRule::Exported,
            ..grammar(tree_sitter_javascript::LANGUAGE, queries!("javascript"))
        }),
    },
    LanguageSpec {
        language: Language::named("typescript"),
        display: "TypeScript",
        extensions: &["ts", "mts", "cts"],
        file_names: &[],
        interpreters: &["ts-node", "tsx"],
        analysis: Analysis::Grammar(Grammar {
            comments: &["comment", "html_comment", "hash_bang_line"],
            attributes: &["decorator"],
            wrappers: TYPESCRIPT_WRAPPERS,
            visibility: VisibilityRule::Exported,
            ..grammar(tree_sitter_typescript::LANGUAGE_TYPESCRIPT, queries!("typescript"))
        }),
    },
    LanguageSpec {
        language: Language::named("tsx"),
        display: "TSX",
        extensions: &["tsx"],
        file_names: &[],
        interpreters: &[],
        analysis: Analysis::Grammar(Grammar {
            comments: &["comment", "html_comment", "hash_bang_line"],
            attributes: &["decorator"],
            wrappers: TYPESCRIPT_WRAPPERS,
            visibility: VisibilityRule::Exported,
            ..grammar(tree_sitter_typescript::LANGUAGE_TSX, queries!("tsx"))
        }),
    },
    LanguageSpec {
        language: Language::named("java"),
        display: "Java",
        extensions: &["java", "jav"],
        file_names: &[],
        interpreters: &[],
        analysis: Analysis::Grammar(Grammar {
            comments: &["line_comment", "block_comment"],
            attributes: &["annotation", "marker_annotation"],
            visibility: VisibilityRule::Modifiers { default: Visibility::Restricted, member: Visibility::Restricted },
            tests: TestRule::Attributes(&[
                "Test", "ParameterizedTest", "RepeatedTest", "TestFactory", "TestTemplate", "Property", "Nested",
            ]),
            ..grammar(tree_sitter_java::LANGUAGE, queries!("java"))
        }),
    },
    LanguageSpec {
        language: Language::named("c"),
        display: "C",
        extensions: &["c"],
        file_names: &[],
        interpreters: &["tcc"],
        analysis: Analysis::Grammar(Grammar {
            separator: "::",
            visibility: VisibilityRule::Static,
            hidden: Hidden::DeclarationMacros,
            ..grammar(tree_sitter_c::LANGUAGE, queries!("c"))
        }),
    },
    LanguageSpec {
        language: Language::named("cpp"),
        display: "C++",
        extensions: &[
            "cpp", "cc", "cxx", "c++", "hpp", "hh", "hxx", "h++", "ipp", "inl", "tpp", "txx", "ixx", "cppm", "cu",
            "cuh", "ino",
        ],
        file_names: &[],
        interpreters: &[],
        analysis: Analysis::Grammar(Grammar {
            separator: "::",
            attributes: &["attribute_declaration"],
            wrappers: &["template_declaration"],
            visibility: VisibilityRule::Sections,
            hidden: Hidden::DeclarationMacros,
            ..grammar(tree_sitter_cpp::LANGUAGE, queries!("cpp"))
        }),
    },
    LanguageSpec {
        language: Language::named("markdown"),
        display: "Markdown",
        extensions: &["md", "markdown", "mdx", "mkd", "mdown", "qmd", "rmd"],
        file_names: &[],
        interpreters: &[],
        analysis: Analysis::Headings,
    },
];
