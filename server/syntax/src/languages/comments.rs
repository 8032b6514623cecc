//! How each language writes a comment.

use conexus_core::Language;

/// The marks of a language's comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommentMarks {
    /// Begin a comment up to the end of the line; the first is the usual one.
    pub line: &'static [&'static str],
    /// Begin and end a comment; the first pair is the usual one.
    pub block: &'static [(&'static str, &'static str)],
}

impl CommentMarks {
    /// A comment on one line.
    pub fn comment(self, text: &str) -> Option<String> {
        match (self.line.first(), self.block.first()) {
            (Some(mark), _) => Some(format!("{mark} {text}")),
            (None, Some((open, close))) => Some(format!("{open} {text} {close}")),
            (None, None) => None,
        }
    }

    /// The marks that begin a comment.
    pub fn openings(self) -> impl Iterator<Item = &'static str> {
        self.line.iter().copied().chain(self.block.iter().map(|(open, _)| *open))
    }
}

const C_BLOCK: &[(&str, &str)] = &[("/*", "*/")];
const MARKUP: &[(&str, &str)] = &[("<!--", "-->")];

/// The marks of a language; none for one that has no comments or is not known.
pub fn comment_marks(language: Language) -> CommentMarks {
    let marks = |line, block| CommentMarks { line, block };
    match language.name() {
        "rust" | "go" | "javascript" | "typescript" | "tsx" | "java" | "c" | "cpp" | "csharp" | "kotlin" | "swift"
        | "scala" | "zig" | "dart" | "groovy" | "objective-c" | "protobuf" | "thrift" | "solidity" | "move" | "d"
        | "v" | "verilog" | "glsl" | "hlsl" | "wgsl" | "metal" | "typst" | "cue" | "jsonnet" | "gleam" => {
            marks(&["//"], C_BLOCK)
        }
        "php" => marks(&["//", "#"], C_BLOCK),
        "hcl" | "nix" | "rego" | "python" | "ruby" | "bash" | "elixir" | "yaml" | "toml" | "dockerfile"
        | "makefile" | "cmake" | "starlark" | "meson" | "just" | "fish" | "perl" | "r" | "julia" | "nim"
        | "crystal" | "tcl" | "awk" | "jq" | "graphql" | "ignore" | "env" | "org" => marks(&["#"], &[]),
        "powershell" => marks(&["#"], &[("<#", "#>")]),
        "ini" => marks(&[";", "#"], &[]),
        "lua" => marks(&["--"], &[("--[[", "]]")]),
        "sql" => marks(&["--"], C_BLOCK),
        "ada" | "vhdl" => marks(&["--"], &[]),
        "haskell" | "elm" | "purescript" | "dhall" => marks(&["--"], &[("{-", "-}")]),
        "css" => marks(&[], C_BLOCK),
        "clojure" | "lisp" | "emacs-lisp" | "scheme" | "assembly" => marks(&[";"], &[]),
        "wat" => marks(&[";;"], &[]),
        "erlang" | "matlab" | "tex" => marks(&["%"], &[]),
        "fsharp" | "pascal" => marks(&["//"], &[("(*", "*)")]),
        "ocaml" => marks(&[], &[("(*", "*)")]),
        "fortran" => marks(&["!"], &[]),
        "visual-basic" => marks(&["'"], &[]),
        "vim" => marks(&["\""], &[]),
        "batch" => marks(&["REM", "::"], &[]),
        "asciidoc" => marks(&["//"], &[]),
        "restructuredtext" => marks(&[".."], &[]),
        "markdown" | "html" | "xml" | "vue" | "svelte" | "astro" => marks(&[], MARKUP),
        _ => marks(&[], &[]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_with_a_grammar_has_comments() {
        for spec in super::super::languages().filter(|spec| spec.has_symbols()) {
            let marks = comment_marks(spec.language);
            assert!(marks.comment("x").is_some(), "{}", spec.display);
        }
        assert_eq!(comment_marks(Language::named("markdown")).comment("a").as_deref(), Some("<!-- a -->"));
        assert_eq!(comment_marks(Language::named("json")).comment("a"), None);
    }
}
