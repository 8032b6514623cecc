//! The statements of a function, cut without a tree: each begins at the first token of a line that goes on with nothing.

use conexus_core::Span;

use super::units::code;
use crate::lexer::{Token, TokenKind};

/// A statement without what is nested in it: that follows, further to the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    /// Hash of its tokens, names and literals left open.
    pub(crate) hash: u32,
    pub(crate) span: Span,
    pub(crate) tokens: u16,
    /// How far to the right its line begins.
    pub(crate) level: u16,
    /// Whether it goes on with the one before: `} else {`, `end`, a brace in a line of its own.
    pub(crate) closes: bool,
    /// Whether a comma ends it: then it is one of a list.
    pub(crate) is_item: bool,
}

/// Words at the begin of a line that belong to a statement before it.
const CLOSING: &[&str] = &[
    "else", "elif", "elsif", "except", "rescue", "ensure", "finally", "catch", "end", "then", "do", "fi", "done",
    "esac",
];
/// Columns of a tab.
const TAB: u16 = 4;

/// The statements of a body.
pub(crate) fn statements(text: &str, tokens: &[Token]) -> Vec<Statement> {
    let mut found: Vec<Statement> = Vec::new();
    let mut parentheses = 0_i32;
    let mut before = 0;
    for token in tokens {
        let written = token.span.slice(text);
        let start = token.span.start as usize;
        let begins = found.is_empty() || text.get(before..start).is_some_and(|gap| gap.contains('\n'));
        before = token.span.end as usize;
        let goes_on = token.kind == TokenKind::Operator && !written.starts_with(['*', '!', '-', '<', '&', '@'])
            || written.starts_with("->")
            || written == "&&"
            || matches!(written, ")" | "]" | ",");
        if begins && parentheses <= 0 && !goes_on {
            parentheses = 0;
            let closes = matches!(written, "{" | "}") || CLOSING.contains(&written);
            let level = level_of(text, start);
            found.push(Statement { hash: 0x811c_9dc5, span: token.span, tokens: 0, level, closes, is_item: false });
        }
        match written {
            "(" | "[" => parentheses += 1,
            ")" | "]" => parentheses -= 1,
            // What is in braces is statements again, also inside of a call.
            "{" | "}" => parentheses = 0,
            _ => {}
        }
        if let Some(statement) = found.last_mut() {
            statement.span.end = token.span.end;
            statement.is_item = written == ",";
            statement.tokens = statement.tokens.saturating_add(1);
            statement.hash = (statement.hash ^ code(text, *token)).wrapping_mul(0x0100_0193).rotate_left(5);
        }
    }
    found
}

/// The column at which the line of an offset begins.
fn level_of(text: &str, offset: usize) -> u16 {
    let line = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    let blank = text[line..].bytes().take_while(|byte| matches!(byte, b' ' | b'\t'));
    blank.fold(0, |columns: u16, byte| columns.saturating_add(if byte == b'\t' { TAB } else { 1 }))
}

/// Whether statements are whole: what begins in them ends in them. `next` follows the last of them. A list, such as the
/// fields of a value, is none.
pub(crate) fn are_whole(statements: &[Statement], next: Option<&Statement>) -> bool {
    let Some(first) = statements.first() else { return false };
    let outermost = || statements.iter().filter(|statement| statement.level == first.level && !statement.closes);
    if 2 * outermost().filter(|statement| statement.is_item).count() >= outermost().count() {
        return false;
    }
    let inside = |statement: &Statement| statement.level >= first.level;
    !first.closes
        && statements.iter().all(inside)
        && next.is_none_or(|next| next.level < first.level || next.level == first.level && !next.closes)
}

#[cfg(test)]
mod tests {
    use conexus_core::Language;

    use super::*;
    use crate::lexer;

    fn cut(language: &'static str, text: &str) -> Vec<(String, Statement)> {
        let tokens = lexer::tokens(Language::named(language), text, Span::new(0, text.len()));
        let shown = |statement: Statement| (statement.span.slice(text).replace(char::is_whitespace, ""), statement);
        statements(text, &tokens).into_iter().map(shown).collect()
    }

    #[test]
    fn statements_begin_lines_that_go_on_with_nothing() {
        let text = "let a = b\n    .c(|d| {\n        e();\n    })\n    .f();\nif a(\n    b,\n) {\n    *c = 1;\n} else {\n    d()\n}\n";
        let shown: Vec<_> = cut("rust", text)
            .iter()
            .map(|(text, statement)| format!("{}{} {text}", statement.level, if statement.closes { "+" } else { "" }))
            .collect();
        assert_eq!(
            shown,
            ["0 leta=b.c(|d|{", "8 e()", "4+ }).f()", "0 ifa(b,){", "4 *c=1", "0+ }else{", "4 d()", "0+ }"]
        );
    }

    #[test]
    fn names_and_literals_are_left_open_and_what_steers_is_not() {
        let hash = |text: &str| cut("go", text)[0].1.hash;
        assert_eq!(hash("a := b(1)"), hash("x := y(2)"));
        assert_ne!(hash("a := b(1)"), hash("a = b(1)"));
        assert_ne!(hash("if a < b {"), hash("if a > b {"));
    }

    #[test]
    fn fields_are_no_block() {
        let all: Vec<Statement> = cut("rust", "a: one(b)?,\nc: two(\n    d,\n),\ne: None,\n")
            .into_iter()
            .map(|(_, statement)| statement)
            .collect();
        assert_eq!((all.len(), are_whole(&all, None)), (3, false));
    }

    #[test]
    fn blocks_are_whole() {
        let text = "a = 1\nif a:\n    b()\nelse:\n    c()\nd()\n";
        let all: Vec<Statement> = cut("python", text).into_iter().map(|(_, statement)| statement).collect();
        let whole = |range: std::ops::Range<usize>| are_whole(&all[range.clone()], all.get(range.end));
        for (range, expected) in [
            (0..6, true),
            (0..1, true),
            (1..5, true),
            (2..3, true),
            (0..2, false),
            (1..3, false),
            (2..4, false),
            (3..5, false),
            (0..0, false),
        ] {
            assert_eq!(whole(range.clone()), expected, "{range:?}");
        }
        let text = "a();\nif (b)\n{\n    c();\n}\nd();\n";
        let all: Vec<Statement> = cut("csharp", text).into_iter().map(|(_, statement)| statement).collect();
        let whole = |range: std::ops::Range<usize>| are_whole(&all[range.clone()], all.get(range.end));
        assert_eq!([0..2, 0..5, 2..5, 1..5].map(whole), [false, true, false, true], "braces on lines of their own");
    }
}
