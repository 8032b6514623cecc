//! The skeleton of a C or C++ text: its declarations without the bodies of functions.
//!
//! One construct that the grammar does not know can turn everything around it into an error, up to the whole file. What
//! is outside of functions parses without their bodies far more often; the bodies are then parsed one by one.

use super::declaration_macros::tokens::{Kind, Scanner, Token};
use conexus_core::Span;

/// Ranges at most; the parser looks them up one after the other.
const MOST_RANGES: usize = 4_000;

/// Adds the insides of function bodies, and statements outside of them that declare nothing: assertions, explicit
/// instantiations, calls of macros.
pub(crate) fn skeleton(text: &str, into: &mut Vec<Span>) {
    let mut cutter = Cutter {
        scanner: Scanner::new(text.as_bytes()),
        previous: Token::NONE,
        parentheses: 0,
        begins: true,
        arrow: false,
        initialisers: false,
    };
    while into.len() < MOST_RANGES {
        let Some(token) = cutter.scanner.advance() else { break };
        if let Some(span) = cutter.take(token) {
            into.push(span);
        }
    }
}

struct Cutter<'a> {
    scanner: Scanner<'a>,
    previous: Token,
    parentheses: u32,
    /// Whether a declaration may begin here.
    begins: bool,
    /// Whether `->` stands in the declaration so far.
    arrow: bool,
    /// Whether the initialisers of a constructor have begun.
    initialisers: bool,
}

impl Cutter<'_> {
    /// Takes up a token; gives back what is to be passed over.
    fn take(&mut self, token: Token) -> Option<Span> {
        let begins = std::mem::replace(&mut self.begins, false);
        let previous = std::mem::replace(&mut self.previous, token);
        match token.kind {
            Kind::Directive if begins || self.parentheses > 0 => {
                self.begins = begins;
                self.previous = previous;
            }
            Kind::Directive => return self.conditional(token, previous),
            Kind::Word | Kind::Capitals if begins => return self.statement(token),
            Kind::Word if matches!(&self.scanner.text[token.span.range()], b"noexcept" | b"requires") => {
                return self.condition(token);
            }
            Kind::Sign(b'(') => self.parentheses += 1,
            Kind::Sign(b')') => self.parentheses = self.parentheses.saturating_sub(1),
            Kind::Sign(b'>') if previous.is(b'-') && self.parentheses == 0 => self.arrow = true,
            Kind::Sign(b':') if previous.is(b')') && self.parentheses == 0 => self.initialisers = true,
            Kind::Sign(b':') if is_access(&self.scanner.text[previous.span.range()]) => self.begins = true,
            Kind::Sign(b'{') if self.parentheses == 0 => return self.brace(token, previous),
            Kind::Sign(b';' | b'}' | b'{') => self.restart(),
            _ => {}
        }
        None
    }

    fn restart(&mut self) {
        self.begins = true;
        self.arrow = false;
        self.initialisers = false;
        self.parentheses = 0;
    }

    fn brace(&mut self, token: Token, previous: Token) -> Option<Span> {
        let text = self.scanner.text;
        let word = matches!(previous.kind, Kind::Word | Kind::Capitals | Kind::Sign(b'>'));
        let qualifier =
            matches!(&text[previous.span.range()], b"const" | b"noexcept" | b"override" | b"final" | b"try");
        let is_initialiser = self.initialisers && word && !qualifier;
        let is_body = previous.is(b')') || qualifier || self.arrow || self.initialisers;
        if !is_body {
            self.restart();
            return None;
        }
        let start = token.span.end as usize;
        let end = self.scanner.skip_braces()?;
        if is_initialiser {
            return None;
        }
        self.restart();
        Some(Span::new(start, end))
    }

    /// A conditional in the middle of a declaration is passed over with all its branches.
    fn conditional(&mut self, token: Token, previous: Token) -> Option<Span> {
        self.previous = previous;
        let name = self.scanner.text[token.span.range()][1..].trim_ascii_start();
        if !name.starts_with(b"if") {
            return None;
        }
        self.scanner.skip_to_endif();
        let end = self.scanner.advance()?.span.end;
        Some(Span { start: token.span.start, end })
    }

    /// `noexcept(...)` and `requires(...)`: what they say is an expression, with every trouble that `<` makes in one.
    fn condition(&mut self, token: Token) -> Option<Span> {
        let next = self.scanner.clone().next_code();
        if !next.is(b'(') {
            return None;
        }
        let end = self.scanner.skip_parentheses(next.span.start as usize)?;
        self.scanner.at = end;
        Some(Span::new(token.span.start as usize, end))
    }

    /// A statement outside of functions that declares nothing.
    fn statement(&mut self, token: Token) -> Option<Span> {
        let mut ahead = self.scanner.clone();
        let next = ahead.next_code();
        let text = self.scanner.text;
        let declares_nothing = match &text[token.span.range()] {
            b"static_assert" | b"asm" => next.is(b'('),
            b"extern" => &text[next.span.range()] == b"template",
            _ => token.kind == Kind::Capitals && next.is(b'('),
        };
        if !declares_nothing {
            return None;
        }
        let end = if next.is(b'(') {
            ahead.at = ahead.skip_parentheses(next.span.start as usize)?;
            ahead.next_code()
        } else {
            loop {
                let token = ahead.next_code();
                if matches!(token.kind, Kind::End | Kind::Sign(b';' | b'{' | b'}')) {
                    break token;
                }
            }
        };
        if !end.is(b';') {
            return None;
        }
        self.scanner.at = end.span.end as usize;
        self.restart();
        Some(Span::new(token.span.start as usize, self.scanner.at))
    }
}

fn is_access(word: &[u8]) -> bool {
    matches!(word, b"public" | b"protected" | b"private")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_and_empty_declarations_are_passed_over() {
        let text = "namespace a {\nclass B : public C {\n  B(int x) : y(x), z{x} { f(); }\n  int g() const { if (x) { y; } }\n  \
            auto h() -> int { return 1; }\n  int k = 3;\n public:\n  static_assert(sizeof(B) == 3, \"\");\n};\nextern template class D<int>;\n\
            MACRO_CALL(bool, x);\nint array[] = {1, 2};\n}\nvoid f() {\n#if A\n}\n";
        let mut spans = Vec::new();
        skeleton(text, &mut spans);
        let passed: Vec<&str> = spans.iter().map(|span| span.slice(text).trim()).collect();
        assert_eq!(
            passed,
            [
                "f();",
                "if (x) { y; }",
                "return 1;",
                "static_assert(sizeof(B) == 3, \"\");",
                "extern template class D<int>;",
                "MACRO_CALL(bool, x);",
                "#if A",
            ]
        );
    }
}
