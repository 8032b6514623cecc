//! Words that steer, by language. What one language keeps for itself, as Ruby does `end` and Go `range`, is an ordinary
//! name in another, and renaming it must not look like other code.

use conexus_core::Language;

/// Kept by most languages, and names in none where they are not.
const SHARED: &[&str] = &[
    "break", "case", "catch", "class", "const", "continue", "default", "do", "else", "enum", "false", "final",
    "finally", "for", "if", "import", "in", "new", "null", "private", "protected", "public", "return", "static",
    "struct", "super", "switch", "this", "throw", "true", "try", "void", "while",
];

/// The words of one language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keywords(&'static [&'static str]);

impl Keywords {
    pub(super) fn of(language: Language) -> Self {
        Self(match language.name() {
            "c" => &["goto", "union"],
            "cpp" => &["goto", "namespace", "override", "template", "union", "using", "virtual"],
            "java" | "groovy" => &["abstract", "assert", "extends", "implements", "instanceof", "interface", "throws"],
            "csharp" => &[
                "abstract", "and", "as", "async", "await", "foreach", "goto", "interface", "is", "namespace", "not",
                "or", "override", "ref", "using", "var", "virtual", "when", "where", "yield",
            ],
            "go" => &[
                "defer", "fallthrough", "func", "go", "goto", "interface", "nil", "package", "range", "select", "type",
                "var",
            ],
            "rust" => &[
                "as", "async", "await", "fn", "impl", "let", "loop", "match", "mut", "pub", "ref", "self", "trait",
                "type", "unsafe", "where", "yield",
            ],
            "javascript" | "typescript" | "tsx" => &[
                "abstract", "as", "async", "await", "extends", "function", "implements", "instanceof", "interface",
                "let", "of", "typeof", "var", "with", "yield",
            ],
            "php" => &[
                "abstract", "and", "as", "extends", "fn", "foreach", "function", "goto", "implements", "instanceof",
                "interface", "match", "namespace", "or", "trait", "var", "yield",
            ],
            "kotlin" => &["abstract", "as", "interface", "is", "override", "package", "val", "var", "when"],
            "scala" => &[
                "abstract", "def", "extends", "match", "override", "package", "then", "trait", "type", "val", "var",
                "with", "yield",
            ],
            "swift" => &[
                "as", "async", "await", "defer", "fallthrough", "func", "guard", "is", "let", "nil", "override",
                "self", "throws", "var", "where",
            ],
            "python" => &[
                "False", "None", "True", "and", "as", "assert", "async", "await", "def", "del", "elif", "except",
                "from", "is", "lambda", "match", "not", "or", "pass", "raise", "self", "with", "yield",
            ],
            "ruby" => &[
                "and", "begin", "def", "elsif", "end", "module", "nil", "not", "or", "raise", "rescue", "self", "then",
                "unless", "until", "when", "yield",
            ],
            "lua" => &["and", "end", "function", "goto", "local", "nil", "not", "or", "self", "then", "until"],
            _ => OTHER,
        })
    }

    pub(super) fn has(self, word: &str) -> bool {
        word.len() <= LONGEST && (SHARED.contains(&word) || self.0.contains(&word))
    }
}

/// Bytes of the longest of all these words.
const LONGEST: usize = 11;

/// For a language without words of its own here: those of all. A name among them makes the comparison stricter.
const OTHER: &[&str] = &[
    "False", "None", "True", "abstract", "and", "as", "assert", "async", "await", "begin", "def", "defer", "del",
    "elif", "elsif", "end", "except", "extends", "fallthrough", "fn", "foreach", "from", "func", "function", "go",
    "goto", "guard", "impl", "implements", "instanceof", "interface", "is", "lambda", "let", "local", "loop", "match",
    "module", "mut", "namespace", "nil", "none", "not", "of", "or", "override", "package", "pass", "pub", "raise",
    "range", "ref", "rescue", "select", "self", "template", "then", "throws", "trait", "type", "typeof", "union",
    "unless", "unsafe", "until", "using", "val", "var", "virtual", "when", "where", "with", "yield",
];
