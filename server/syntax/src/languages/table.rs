//! The table of languages with a grammar.

use super::{
    Analysis, Clauses, Constructors, Documentation, Grammar, Hidden, LanguageSpec, TestRule, Visibility, VisibilityRule,
};
use crate::repair::Repair;
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
        attribute_words: &[],
        wrappers: &[],
        headers: &[],
        clauses: Clauses::Apart,
        constructors: Constructors::Captured,
        documentation: Documentation::Comments,
        visibility: VisibilityRule::Always(Visibility::Unknown),
        tests: TestRule::Captured,
        hidden: Hidden::Nothing,
        repair: Repair::NONE,
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
            constructors: Constructors::NamedAsType,
            visibility: VisibilityRule::Sections,
            hidden: Hidden::DeclarationMacros,
            ..grammar(tree_sitter_cpp::LANGUAGE, queries!("cpp"))
        }),
    },
    LanguageSpec {
        language: Language::named("csharp"),
        display: "C#",
        extensions: &["cs", "csx", "cake"],
        file_names: &[],
        interpreters: &["dotnet-script"],
        analysis: Analysis::Grammar(Grammar {
            attributes: &["attribute_list"],
            headers: &["file_scoped_namespace_declaration"],
            visibility: VisibilityRule::Modifiers { default: Visibility::Restricted, member: Visibility::Private },
            tests: TestRule::Attributes(&[
                "Fact", "Theory", "Test", "TestCase", "TestCaseSource", "TestFixture", "TestMethod", "DataTestMethod",
                "TestClass", "SetUp", "TearDown", "Benchmark",
            ]),
            // `ref partial struct`, and `*(int*)&value`: a cast to a pointer before the address of something.
            repair: Repair { conditionals: true, patterns: &[r"\b(ref\s+)partial\s+struct\b", r"(\*\(\w+\*\))"] },
            ..grammar(tree_sitter_c_sharp::LANGUAGE, queries!("csharp"))
        }),
    },
    LanguageSpec {
        language: Language::named("ruby"),
        display: "Ruby",
        extensions: &["rb", "rbw", "rake", "gemspec", "ru", "podspec", "jbuilder", "thor", "rbi"],
        file_names: &["Rakefile", "Gemfile", "Guardfile", "Capfile", "Podfile", "Vagrantfile", "Fastfile", "Brewfile"],
        interpreters: &["ruby", "jruby", "rake"],
        analysis: Analysis::Grammar(Grammar {
            separator: "::",
            visibility: VisibilityRule::Always(Visibility::Public),
            tests: TestRule::Names { functions: &["test_"], types: &[] },
            ..grammar(tree_sitter_ruby::LANGUAGE, queries!("ruby"))
        }),
    },
    LanguageSpec {
        language: Language::named("php"),
        display: "PHP",
        extensions: &["php", "phtml", "php3", "php4", "php5", "phpt", "inc"],
        file_names: &[],
        interpreters: &["php"],
        analysis: Analysis::Grammar(Grammar {
            separator: "::",
            attributes: &["attribute_list"],
            headers: &["namespace_definition"],
            visibility: VisibilityRule::Modifiers { default: Visibility::Public, member: Visibility::Public },
            tests: TestRule::Names { functions: &["test"], types: &[] },
            ..grammar(tree_sitter_php::LANGUAGE_PHP, queries!("php"))
        }),
    },
    LanguageSpec {
        language: Language::named("kotlin"),
        display: "Kotlin",
        extensions: &["kt", "kts"],
        file_names: &[],
        interpreters: &["kotlin", "kscript"],
        analysis: Analysis::Grammar(Grammar {
            comments: &["line_comment", "block_comment"],
            attributes: &["annotation"],
            visibility: VisibilityRule::Modifiers { default: Visibility::Public, member: Visibility::Public },
            tests: TestRule::Attributes(&[
                "Test", "ParameterizedTest", "RepeatedTest", "TestFactory", "BeforeTest", "AfterTest", "Benchmark",
            ]),
            // Annotations on lines of their own inside of bodies and before accessors and constructors, guards in `when`,
            // `T & Any`, labels before lambdas, statements that begin with a plus or a variable `where`.
            repair: Repair {
                conditionals: false,
                patterns: &[
                    r"(?m)^[ \t]*(@\w+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?)[ \t]*\r?\n[ \t]*(?:(?:private |internal |protected )?(?:get|set|constructor)\b|\w+(?:\.\w+)*[?.(\[!]|(?:return|if|when|for|throw)\b)",
                    r"(@(?:PublishedApi|InternalAPI|OptIn\([^)\n]*\))[ \t]+)",
                    r"(?m)^[ \t]*(?:is )?[\w<>*., ]+?( if\b[^{}\n]*(?:\n[^{}\n]*){0,3}?)->",
                    r"\w( & Any)\b",
                    r"\b(\w+@)[ \t]*\{",
                    r#"(?:\n|\{)[ \t]*(\+)["\w]"#,
                    r"(?m)^[ \t]*(where\??\.)\w",
                ],
            },
            ..grammar(tree_sitter_kotlin_ng::LANGUAGE, queries!("kotlin"))
        }),
    },
    LanguageSpec {
        language: Language::named("swift"),
        display: "Swift",
        extensions: &["swift", "swiftinterface"],
        file_names: &[],
        interpreters: &["swift"],
        analysis: Analysis::Grammar(Grammar {
            comments: &["comment", "multiline_comment"],
            attributes: &["attribute"],
            visibility: VisibilityRule::Modifiers { default: Visibility::Restricted, member: Visibility::Restricted },
            tests: TestRule::Names { functions: &["test"], types: &[] },
            ..grammar(tree_sitter_swift::LANGUAGE, queries!("swift"))
        }),
    },
    LanguageSpec {
        language: Language::named("scala"),
        display: "Scala",
        extensions: &["scala", "sc", "sbt"],
        file_names: &[],
        interpreters: &["scala", "amm", "scala-cli"],
        analysis: Analysis::Grammar(Grammar {
            comments: &["comment", "block_comment"],
            attributes: &["annotation"],
            visibility: VisibilityRule::Modifiers { default: Visibility::Public, member: Visibility::Public },
            ..grammar(tree_sitter_scala::LANGUAGE, queries!("scala"))
        }),
    },
    LanguageSpec {
        language: Language::named("bash"),
        display: "Shell",
        extensions: &["sh", "bash", "zsh", "ksh", "bats", "ebuild", "eclass"],
        file_names: &[
            ".bashrc", ".bash_profile", ".bash_aliases", ".bash_logout", ".profile", ".zshrc", ".zshenv", ".zprofile",
            "PKGBUILD", "APKBUILD",
        ],
        interpreters: &["bash", "sh", "zsh", "dash", "ksh", "ash", "bats"],
        analysis: Analysis::Grammar(Grammar {
            visibility: VisibilityRule::Underscore,
            // `${out:+${out};}`
            repair: Repair { conditionals: false, patterns: &[r"\}([;,.:]+)\}"] },
            ..grammar(tree_sitter_bash::LANGUAGE, queries!("bash"))
        }),
    },
    LanguageSpec {
        language: Language::named("lua"),
        display: "Lua",
        extensions: &["lua", "rockspec", "luau"],
        file_names: &[".luacheckrc"],
        interpreters: &["lua", "luajit", "texlua"],
        analysis: Analysis::Grammar(Grammar {
            visibility: VisibilityRule::Underscore,
            ..grammar(tree_sitter_lua::LANGUAGE, queries!("lua"))
        }),
    },
    LanguageSpec {
        language: Language::named("elixir"),
        display: "Elixir",
        extensions: &["ex", "exs"],
        file_names: &["mix.lock"],
        interpreters: &["elixir"],
        analysis: Analysis::Grammar(Grammar {
            attributes: &["unary_operator"],
            attribute_words: &["@doc", "@typedoc", "@spec", "@impl", "@deprecated", "@since", "@tag", "@dialyzer"],
            clauses: Clauses::Together,
            documentation: Documentation::Attributes { before: &["@doc", "@typedoc"], within: "@moduledoc" },
            visibility: VisibilityRule::Always(Visibility::Public),
            ..grammar(tree_sitter_elixir::LANGUAGE, queries!("elixir"))
        }),
    },
    LanguageSpec {
        language: Language::named("haskell"),
        display: "Haskell",
        extensions: &["hs", "hsc", "hs-boot"],
        file_names: &[],
        interpreters: &["runhaskell", "runghc", "stack"],
        analysis: Analysis::Grammar(Grammar {
            comments: &["comment", "haddock"],
            attributes: &["pragma"],
            headers: &["header"],
            clauses: Clauses::Together,
            ..grammar(tree_sitter_haskell::LANGUAGE, queries!("haskell"))
        }),
    },
    LanguageSpec {
        language: Language::named("zig"),
        display: "Zig",
        extensions: &["zig"],
        file_names: &[],
        interpreters: &["zig"],
        analysis: Analysis::Grammar(Grammar {
            visibility: VisibilityRule::Pub,
            ..grammar(tree_sitter_zig::LANGUAGE, queries!("zig"))
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
