//! A coarse scanner of C and C++: words, literals, signs and directives; comments are passed over.

use conexus_core::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::hidden) enum Kind {
    /// A word with at least one lower-case letter.
    Word,
    /// A word of capitals, digits and `_`, at least three of them.
    Capitals,
    Sign(u8),
    /// A string, character or number.
    Literal,
    /// A whole preprocessor line with its continuations.
    Directive,
    /// Before the first token, or after the last.
    End,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::hidden) struct Token {
    pub(in crate::hidden) kind: Kind,
    pub(in crate::hidden) span: Span,
}

impl Token {
    pub(in crate::hidden) const NONE: Self = Self { kind: Kind::End, span: Span { start: 0, end: 0 } };

    pub(in crate::hidden) fn is(self, sign: u8) -> bool {
        self.kind == Kind::Sign(sign)
    }
}

/// How far ahead arguments of a macro and qualified names are followed, in bytes.
pub(in crate::hidden) const AHEAD: usize = 4096;

#[derive(Clone)]
pub(in crate::hidden) struct Scanner<'a> {
    pub(in crate::hidden) text: &'a [u8],
    pub(in crate::hidden) at: usize,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

impl<'a> Scanner<'a> {
    pub(in crate::hidden) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The next token; `None` at the end.
    pub(in crate::hidden) fn advance(&mut self) -> Option<Token> {
        self.skip_blanks();
        let start = self.at;
        let &first = self.text.get(start)?;
        let kind = match first {
            b'#' if self.begins_line(start as u32) => {
                self.skip_directive();
                Kind::Directive
            }
            b'"' | b'\'' => {
                self.skip_quoted(first);
                Kind::Literal
            }
            b'0'..=b'9' => {
                while self.text.get(self.at).is_some_and(|&byte| is_word(byte) || byte == b'.' || byte == b'\'') {
                    self.at += 1;
                }
                Kind::Literal
            }
            _ if is_word(first) => self.word(),
            sign => {
                self.at += 1;
                Kind::Sign(sign)
            }
        };
        Some(Token { kind, span: Span::new(start, self.at) })
    }

    /// The next token that is no directive; [`Token::NONE`] at the end.
    pub(in crate::hidden) fn next_code(&mut self) -> Token {
        loop {
            match self.advance() {
                Some(token) if token.kind == Kind::Directive => {}
                Some(token) => return token,
                None => return Token::NONE,
            }
        }
    }

    fn word(&mut self) -> Kind {
        let start = self.at;
        let mut capitals = true;
        while let Some(&byte) = self.text.get(self.at) {
            if !is_word(byte) {
                break;
            }
            capitals &= byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            self.at += 1;
        }
        let length = self.at - start;
        if self.text.get(self.at) == Some(&b'"') && self.text[self.at - 1] == b'R' && length <= 3 {
            self.skip_raw_string();
            return Kind::Literal;
        }
        if capitals && length >= 3 && self.text[start..self.at].iter().any(u8::is_ascii_uppercase) {
            Kind::Capitals
        } else {
            Kind::Word
        }
    }

    fn skip_blanks(&mut self) {
        loop {
            match self.text.get(self.at) {
                Some(b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c) => self.at += 1,
                Some(b'/') => match self.text.get(self.at + 1) {
                    Some(b'/') => self.skip_line(),
                    Some(b'*') => {
                        let rest = &self.text[self.at + 2..];
                        self.at = memchr::memmem::find(rest, b"*/").map_or(self.text.len(), |end| self.at + end + 4);
                    }
                    _ => return,
                },
                _ => return,
            }
        }
    }

    fn skip_line(&mut self) {
        self.at = memchr::memchr(b'\n', &self.text[self.at..]).map_or(self.text.len(), |end| self.at + end);
    }

    fn skip_directive(&mut self) {
        loop {
            self.skip_line();
            let before = self.text[..self.at].strip_suffix(b"\r").unwrap_or(&self.text[..self.at]);
            if before.last() != Some(&b'\\') || self.at >= self.text.len() {
                return;
            }
            self.at += 1;
        }
    }

    fn skip_quoted(&mut self, quote: u8) {
        self.at += 1;
        while let Some(&byte) = self.text.get(self.at) {
            self.at += 1;
            match byte {
                b'\\' => self.at = (self.at + 1).min(self.text.len()),
                b'\n' => return,
                _ if byte == quote => return,
                _ => {}
            }
        }
    }

    fn skip_raw_string(&mut self) {
        let rest = &self.text[self.at + 1..];
        let Some(open) = rest.iter().take(20).position(|&byte| byte == b'(') else {
            return self.skip_quoted(b'"');
        };
        let mut end = vec![b')'];
        end.extend_from_slice(&rest[..open]);
        end.push(b'"');
        self.at = memchr::memmem::find(rest, &end).map_or(self.text.len(), |found| self.at + 1 + found + end.len());
    }

    /// The offset after the parenthesis that closes the one at `open`; `None` if it is too far or missing.
    pub(in crate::hidden) fn skip_parentheses(&self, open: usize) -> Option<usize> {
        let mut scanner = Scanner { text: self.text, at: open };
        let mut depth = 0;
        while scanner.at < open + AHEAD {
            let token = scanner.advance()?;
            match token.kind {
                Kind::Sign(b'(') => depth += 1,
                Kind::Sign(b')') if depth == 1 => return Some(scanner.at),
                Kind::Sign(b')') => depth -= 1,
                Kind::Sign(b'{' | b'}' | b';') | Kind::Directive => return None,
                _ => {}
            }
        }
        None
    }

    /// Passes over everything up to the brace that closes one opened just before, and returns where that stands. `None` if
    /// it is missing.
    pub(in crate::hidden) fn skip_braces(&mut self) -> Option<usize> {
        let mut depth = 0_u32;
        loop {
            match self.advance()?.kind {
                Kind::Sign(b'{') => depth += 1,
                Kind::Sign(b'}') if depth == 0 => return Some(self.at - 1),
                Kind::Sign(b'}') => depth -= 1,
                _ => {}
            }
        }
    }

    /// Passes over what may follow the first word of a name, `::name` and `<...>`, and returns the token after it.
    pub(in crate::hidden) fn skip_qualified_name(&mut self) -> Option<Token> {
        let limit = self.at + AHEAD;
        let mut depth = 0;
        while self.at < limit {
            let token = self.next_code();
            match token.kind {
                Kind::Sign(b'<') => depth += 1,
                Kind::Sign(b'>') if depth > 0 => depth -= 1,
                Kind::Sign(b';' | b'{' | b'}') | Kind::End => return (depth == 0).then_some(token),
                Kind::Sign(b':') if depth == 0 => {
                    let (colon, name) = (self.next_code(), self.next_code());
                    if !colon.is(b':') || !matches!(name.kind, Kind::Word | Kind::Capitals) {
                        return None;
                    }
                }
                _ if depth == 0 => return Some(token),
                _ => {}
            }
        }
        None
    }

    /// Passes over everything up to the `#endif` of the innermost conditional, and returns where that line begins.
    pub(in crate::hidden) fn skip_to_endif(&mut self) -> usize {
        let mut depth = 0;
        while let Some(token) = self.advance() {
            if token.kind != Kind::Directive {
                continue;
            }
            let name = self.text[token.span.range()][1..].trim_ascii_start();
            if name.starts_with(b"if") {
                depth += 1;
            } else if name.starts_with(b"endif") {
                if depth == 0 {
                    self.at = token.span.start as usize;
                    return self.at;
                }
                depth -= 1;
            }
        }
        self.text.len()
    }

    pub(in crate::hidden) fn begins_line(&self, at: u32) -> bool {
        let before = &self.text[..at as usize];
        matches!(before.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')), None | Some(b'\n'))
    }

    /// Whether only blanks or a comment follow on the line.
    pub(in crate::hidden) fn ends_line(&self, at: u32) -> bool {
        let rest = &self.text[at as usize..];
        let rest = &rest[rest.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b'\r')).unwrap_or(rest.len())..];
        rest.is_empty() || rest[0] == b'\n' || rest.starts_with(b"//") || rest.starts_with(b"/*")
    }
}
