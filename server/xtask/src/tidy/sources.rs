//! Rules about Rust files. They look at tokens, so that comments and strings never count as code.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::Report;
use crate::{manifest::Workspace, tree::Tree};

/// Most lines of a Rust file. Past it the file holds more than one idea.
const MOST_LINES: usize = 800;

/// The only place for unsafe code.
const UNSAFE_HOME: &str = "server/faiss/";

pub(super) fn unsafe_in_faiss(tree: &Tree, _: &Workspace, report: &mut Report) {
    for (path, text) in tree.sources() {
        let Some(tokens) = Tokens::of(text) else { continue };
        let lines: Vec<_> = text.lines().collect();
        for (index, token) in tokens.0.iter().enumerate().filter(|(_, token)| token.text == "unsafe") {
            // A block, an implementation or an attribute claims something; a declaration (`unsafe fn`) only warns others.
            let claims = matches!(tokens.0.get(index + 1).map_or("", |next| next.text.as_str()), "{" | "impl" | "(");
            if !path.starts_with(UNSAFE_HOME) {
                report.line(path, token.line, format!("unsafe code belongs into {UNSAFE_HOME}"));
            } else if claims && !is_justified(&lines, token.line) {
                report.line(path, token.line, "a line with SAFETY: above must say why this is sound");
            }
        }
    }
}

/// Whether the comment above a line's statement says why it is safe. `line` counts from 1.
fn is_justified(lines: &[&str], line: usize) -> bool {
    for (distance, text) in lines[..line].iter().rev().enumerate() {
        let text = text.trim();
        if text.contains("SAFETY:") {
            return true;
        }
        let is_comment = text.starts_with("//");
        let ends_statement = text.is_empty() || text.ends_with([';', '{', '}']);
        if distance > 0 && !is_comment && ends_statement {
            return false;
        }
    }
    false
}

pub(super) fn module_doc(tree: &Tree, _: &Workspace, report: &mut Report) {
    for (path, text) in tree.sources() {
        let says = text.lines().next().and_then(|line| line.strip_prefix("//!"));
        if says.is_none_or(|says| says.split_whitespace().count() < 2) {
            report.line(path, 1, "open the file with a //! line that says what it holds");
        }
    }
}

pub(super) fn file_length(tree: &Tree, _: &Workspace, report: &mut Report) {
    for (path, text) in tree.sources() {
        let lines = text.lines().count();
        if lines > MOST_LINES {
            report.file(path, format!("{lines} lines are more than {MOST_LINES}; it holds more than one idea"));
        }
    }
}

pub(super) fn unfinished(tree: &Tree, _: &Workspace, report: &mut Report) {
    for (path, text) in tree.sources() {
        let Some(tokens) = Tokens::of(text) else { continue };
        for pair in tokens.0.windows(2) {
            if pair[1].text == "!" && matches!(pair[0].text.as_str(), "todo" | "unimplemented" | "dbg") {
                report.line(path, pair[0].line, format!("{}! is left in the code", pair[0].text));
            }
        }
    }
}

/// The tokens of a Rust file in order, brackets included, comments not.
pub(super) struct Tokens(Vec<Token>);

struct Token {
    text: String,
    line: usize,
}

impl Tokens {
    /// Splits a text; `None` when it is not Rust, which the compiler will say better.
    pub(super) fn of(text: &str) -> Option<Self> {
        let mut tokens = Self(Vec::new());
        tokens.push(text.parse().ok()?);
        Some(tokens)
    }

    fn push(&mut self, stream: TokenStream) {
        for tree in stream {
            let line = tree.span().start().line;
            match tree {
                TokenTree::Group(group) => {
                    let (open, close) = match group.delimiter() {
                        Delimiter::Parenthesis => ("(", ")"),
                        Delimiter::Brace => ("{", "}"),
                        Delimiter::Bracket => ("[", "]"),
                        Delimiter::None => ("", ""),
                    };
                    self.0.push(Token { text: open.to_owned(), line });
                    self.push(group.stream());
                    self.0.push(Token { text: close.to_owned(), line: group.span_close().start().line });
                }
                other => self.0.push(Token { text: other.to_string(), line }),
            }
        }
    }

    /// The lines, from 1, on which a keyword or name stands.
    pub(super) fn lines_of(&self, word: &str) -> impl Iterator<Item = usize> {
        self.0.iter().filter(move |token| token.text == word).map(|token| token.line)
    }

    /// String literals, without their quotes, with their lines.
    pub(super) fn strings(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().filter_map(|token| Some((token.text.strip_prefix('"')?.strip_suffix('"')?, token.line)))
    }

    /// Names of the fields of every struct whose own name ends in `ending`, with their lines.
    pub(super) fn fields_of_structs(&self, ending: &str) -> Vec<(&str, usize)> {
        let mut fields = Vec::new();
        for (index, window) in self.0.windows(3).enumerate() {
            if window[0].text != "struct" || !window[1].text.ends_with(ending) || window[2].text != "{" {
                continue;
            }
            let mut depth = 0;
            for (before, token) in self.0[index + 2..].iter().zip(&self.0[index + 3..]) {
                match before.text.as_str() {
                    "{" | "(" | "[" => depth += 1,
                    "}" | ")" | "]" => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
                let is_name = before.text.starts_with(|first: char| first.is_alphabetic());
                if depth == 1 && is_name && token.text == ":" {
                    fields.push((before.text.as_str(), before.line));
                }
            }
        }
        fields
    }

    /// Every module named directly below `std::`, alone or in braces, with its line.
    pub(super) fn std_modules(&self) -> Vec<(&str, usize)> {
        let mut modules = Vec::new();
        for (index, token) in self.0.iter().enumerate() {
            let path = |offset: usize| self.0.get(index + offset).map_or("", |token| token.text.as_str());
            if token.text != "std" || path(1) != ":" || path(2) != ":" {
                continue;
            }
            let mut depth = 0;
            for (next, token) in self.0.iter().enumerate().skip(index + 3) {
                match token.text.as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    // Below the braces of `std` itself only; `fmt` in `std::{io::{self, fmt}}` is another's.
                    name if depth <= 1 && !matches!(self.0[next - 1].text.as_str(), ":") || depth == 0 => {
                        modules.push((name, token.line));
                    }
                    _ => {}
                }
                if depth == 0 {
                    break;
                }
            }
        }
        modules
    }
}

#[cfg(test)]
mod tests {
    use crate::tidy::tests::findings_of;

    #[test]
    fn unsafe_stays_in_faiss_and_says_why() {
        let outside =
            "//! Doc.\nfn f() {\n    // unsafe in a comment\n    let s = \"unsafe\";\n    unsafe { g() }\n}\n";
        assert_eq!(
            findings_of("unsafe-in-faiss", &[("server/engine/src/lib.rs", outside)]),
            ["server/engine/src/lib.rs:5: unsafe-in-faiss: unsafe code belongs into server/faiss/"]
        );
        let inside = "\
//! Doc.
#![allow(unsafe_code)]
fn f() {
    // SAFETY: the pointer is valid for `len` bytes,
    // which the constructor checked.
    let a = unsafe { g() };
    let b = unsafe { h() };
    // SAFETY: as above.
    let c = call(
        1,
        unsafe { i() },
    );
}
unsafe fn read() {}
type Read = unsafe fn();
unsafe impl Send for A {}
";
        assert_eq!(
            findings_of("unsafe-in-faiss", &[("server/faiss/src/lib.rs", inside)]),
            [7, 16].map(|line| format!(
                "server/faiss/src/lib.rs:{line}: unsafe-in-faiss: a line with SAFETY: above must say why this is sound"
            ))
        );
    }

    #[test]
    fn files_open_with_their_purpose() {
        let files = [
            ("server/a.rs", "//! What it holds.\n"),
            ("server/b.rs", "use std::fmt;\n"),
            ("server/c.rs", "//!\n//! Late.\n"),
            ("server/d.rs", ""),
            ("tests/corpus/e.rs", "fn a() {}"),
        ];
        let findings = findings_of("module-doc", &files);
        assert_eq!(findings.len(), 3, "{findings:?}");
        assert!(findings[0].starts_with("server/b.rs:1: module-doc: "));
    }

    #[test]
    fn files_are_short() {
        let long = "//! A b.\n".repeat(801);
        assert_eq!(
            findings_of("file-length", &[("server/a.rs", &long), ("server/b.rs", &long[9..])]),
            ["server/a.rs: file-length: 801 lines are more than 800; it holds more than one idea"]
        );
    }

    #[test]
    fn nothing_is_left_unfinished() {
        let text =
            concat!("//! todo!() in a comment\nfn f() { \"dbg!(1)\"; todo", "!() }\nfn g() { dbg", "!(todo) }\n");
        assert_eq!(
            findings_of("unfinished", &[("server/a.rs", text)]),
            [
                "server/a.rs:2: unfinished: todo! is left in the code",
                "server/a.rs:3: unfinished: dbg! is left in the code"
            ]
        );
    }
}
