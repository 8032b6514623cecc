//! Code cut into tokens, in any language, without a tree.
//!
//! The texts of a whole workspace are cut for each check, and parsing them again would take twenty times as long as
//! this does. A body is cut by itself, so that a mistake, such as an odd quote, ends with it.

mod keywords;

use std::collections::VecDeque;

use conexus_core::{Language, Span};

use keywords::Keywords;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A word that steers: `if`, `return`.
    Keyword,
    /// Any other word.
    Name,
    /// A number.
    Number,
    /// A string or character with its quotes.
    Text,
    /// An operator, as long a run as there is.
    Operator,
    /// A bracket or a comma.
    Bracket,
}

/// One token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

/// How a language writes what is no code.
#[derive(Clone, Copy, Debug)]
struct Marks {
    line_comments: &'static [&'static str],
    block_comments: &'static [(&'static str, &'static str)],
    /// Three quotes open a string over several lines.
    triple: bool,
    /// A backtick opens a string.
    backtick: bool,
    /// A single quote opens a string or character.
    single: bool,
    /// `'a` without an end is a lifetime, and `r#"` opens a string.
    rust: bool,
    /// `:a` is a literal.
    atoms: bool,
    /// `<<WORD` says that the lines behind its own are a text, up to that word.
    heredocs: bool,
}

fn marks(language: Language) -> Marks {
    let c = Marks {
        line_comments: &["//"],
        block_comments: &[("/*", "*/")],
        triple: false,
        backtick: false,
        single: true,
        rust: false,
        atoms: false,
        heredocs: false,
    };
    let hash = Marks { line_comments: &["#"], block_comments: &[], triple: true, ..c };
    match language.name() {
        "rust" => Marks { rust: true, ..c },
        "javascript" | "typescript" | "tsx" | "go" => Marks { backtick: true, ..c },
        "java" | "kotlin" | "scala" | "swift" | "csharp" | "dart" | "groovy" => Marks { triple: true, ..c },
        "php" => Marks { line_comments: &["//", "#"], backtick: true, heredocs: true, ..c },
        "python" | "ruby" | "elixir" | "bash" | "perl" | "r" | "julia" | "nim" => Marks {
            backtick: matches!(language.name(), "ruby" | "bash" | "perl"),
            atoms: matches!(language.name(), "ruby" | "elixir"),
            heredocs: matches!(language.name(), "ruby" | "bash" | "perl"),
            ..hash
        },
        "lua" => Marks { line_comments: &["--"], block_comments: &[("--[[", "]]")], ..c },
        "haskell" | "elm" => Marks { line_comments: &["--"], block_comments: &[("{-", "-}")], single: false, ..c },
        _ => c,
    }
}

/// The tokens of a piece of code; comments and `;` are none.
pub(crate) fn tokens(language: Language, text: &str, within: Span) -> Vec<Token> {
    let mut lexer = Lexer {
        marks: marks(language),
        keywords: Keywords::of(language),
        text,
        at: within.start as usize,
        end: within.end as usize,
        heredocs: VecDeque::new(),
    };
    let mut found = Vec::with_capacity(within.len() / 5);
    while let Some(token) = lexer.next() {
        found.push(token);
    }
    found
}

struct Lexer<'a> {
    marks: Marks,
    keywords: Keywords,
    text: &'a str,
    at: usize,
    end: usize,
    /// The words that end the texts which begin in the next line, in their order.
    heredocs: VecDeque<Span>,
}

impl Lexer<'_> {
    fn bytes(&self) -> &[u8] {
        &self.text.as_bytes()[..self.end.min(self.text.len())]
    }

    fn rest(&self) -> &[u8] {
        self.bytes().get(self.at..).unwrap_or_default()
    }

    fn next(&mut self) -> Option<Token> {
        loop {
            let &byte = self.rest().first()?;
            if byte == b'\n'
                && let Some(word) = self.heredocs.pop_front()
            {
                return Some(self.heredoc(word));
            }
            if byte.is_ascii_whitespace() || byte == b';' {
                self.at += 1;
            } else if !self.skip_comment() {
                break;
            }
        }
        let start = self.at;
        let &byte = self.rest().first()?;
        let kind = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'$' | b'@' | 0x80.. => self.word(),
            b'0'..=b'9' => {
                self.number();
                TokenKind::Number
            }
            b'"' => self.quoted(b'"'),
            b'\'' if self.marks.single => self.quoted(b'\''),
            b'`' if self.marks.backtick => self.quoted(b'`'),
            b':' if self.marks.atoms && self.rest().get(1).is_some_and(u8::is_ascii_alphabetic) => {
                self.at += 1;
                self.skip_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'?' | b'!'));
                TokenKind::Text
            }
            b'<' if self.marks.heredocs && self.begins_heredoc() => TokenKind::Text,
            b'(' | b')' | b'[' | b']' | b'{' | b'}' | b',' => {
                self.at += 1;
                TokenKind::Bracket
            }
            _ => {
                self.at += 1;
                while !self.at_comment() && self.rest().first().is_some_and(|&byte| is_operator(byte)) {
                    self.at += 1;
                }
                TokenKind::Operator
            }
        };
        Some(Token { kind, span: Span::new(start, self.at) })
    }

    /// Passes over `<<WORD`, if that is what stands here: capitals, or anything in quotes or behind `<<~` and `<<-`.
    fn begins_heredoc(&mut self) -> bool {
        let rest = self.rest();
        let marks = rest.iter().take_while(|byte| **byte == b'<').count();
        let bare = !matches!(rest.get(marks), Some(b'~' | b'-'));
        let mut word = marks + usize::from(!bare);
        let quote = rest.get(word).copied().filter(|byte| matches!(byte, b'\'' | b'"' | b'`'));
        word += usize::from(quote.is_some());
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = rest.get(word..).map_or(0, |rest| rest.iter().take_while(|byte| is_word(byte)).count());
        let name = &rest[word.min(rest.len())..][..length];
        let first_is = |wanted: fn(&u8) -> bool| name.first().is_some_and(wanted);
        let may_be =
            first_is(u8::is_ascii_uppercase) || (!bare || quote.is_some()) && first_is(u8::is_ascii_alphabetic);
        let closed = quote.is_none_or(|quote| rest.get(word + length) == Some(&quote));
        if !(2..=3).contains(&marks) || !may_be || !closed {
            return false;
        }
        self.heredocs.push_back(Span::new(self.at + word, self.at + word + length));
        self.at += word + length + usize::from(quote.is_some());
        true
    }

    /// The text behind a line with `<<WORD`, up to the line that is that word.
    fn heredoc(&mut self, word: Span) -> Token {
        let (start, word) = (self.at, word.slice(self.text).as_bytes());
        let ends = |line: &[u8]| line.trim_ascii().strip_suffix(b";").unwrap_or(line.trim_ascii()).trim_ascii() == word;
        let mut length = 1;
        for line in self.rest()[1..].split_inclusive(|byte| *byte == b'\n') {
            length += line.len();
            if ends(line) {
                // The break behind it may begin the next text.
                length -= usize::from(line.ends_with(b"\n"));
                break;
            }
        }
        self.at += length;
        Token { kind: TokenKind::Text, span: Span::new(start, self.at) }
    }

    /// A number. A point belongs to it but for one before a name, which reaches for a member, and for one of two.
    fn number(&mut self) {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        self.skip_while(is_word);
        loop {
            match self.rest() {
                [b'.', b'0'..=b'9', ..] => self.at += 1,
                // `1.f` of C.
                [b'.', b'f' | b'F', rest @ ..] if !rest.first().is_some_and(|&byte| is_word(byte)) => self.at += 1,
                [b'.', rest @ ..] if !rest.first().is_some_and(|&byte| is_word(byte) || byte == b'.') => self.at += 1,
                _ => break,
            }
            self.skip_while(is_word);
        }
    }

    fn word(&mut self) -> TokenKind {
        let start = self.at;
        // A string that begins with a word: r"", b'', f"", r#""#.
        let prefix = self.rest().iter().take(3).take_while(|byte| byte.is_ascii_alphabetic()).count();
        let after = self.rest().get(prefix).copied();
        if (1..=2).contains(&prefix) && self.marks.rust && matches!(after, Some(b'#' | b'"')) && self.raw_string(prefix)
        {
            return TokenKind::Text;
        }
        if self.marks.rust && self.rest().starts_with(b"b'") {
            self.at += 1;
            return self.character_or_lifetime();
        }
        if (1..=2).contains(&prefix) && self.marks.triple && matches!(after, Some(b'"' | b'\'')) {
            self.at += prefix;
            return self.quoted(after.unwrap_or(b'"'));
        }
        self.at += 1;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80);
        let word = self.text.get(start..self.at).unwrap_or("");
        if self.keywords.has(word) { TokenKind::Keyword } else { TokenKind::Name }
    }

    /// A raw string of Rust, if that is what stands here.
    fn raw_string(&mut self, prefix: usize) -> bool {
        let rest = &self.rest()[prefix..];
        let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
        if rest.get(hashes) != Some(&b'"') {
            return false;
        }
        if hashes == 0 && !self.rest()[..prefix].contains(&b'r') {
            self.at += prefix;
            self.quoted(b'"');
            return true;
        }
        let mut end = vec![b'"'];
        end.resize(hashes + 1, b'#');
        let body = &rest[hashes + 1..];
        let length = find(body, &end).map_or(body.len(), |at| at + end.len());
        self.at += prefix + hashes + 1 + length;
        true
    }

    /// A string that begins at a quote. One that does not end in its line is no string but a quote.
    fn quoted(&mut self, quote: u8) -> TokenKind {
        let rest = self.rest();
        if self.marks.triple && rest.starts_with(&[quote; 3]) {
            let length = find(&rest[3..], &[quote; 3]).map_or(rest.len(), |at| at + 6);
            self.at += length;
            return TokenKind::Text;
        }
        if self.marks.rust && quote == b'\'' {
            return self.character_or_lifetime();
        }
        let lines = quote == b'`' || !matches!(quote, b'\'' | b'"');
        let mut length = 1;
        while let Some(&byte) = rest.get(length) {
            length += match byte {
                b'\\' => 2,
                b'\n' if !lines => break,
                byte if byte == quote => {
                    self.at += length + 1;
                    return TokenKind::Text;
                }
                _ => 1,
            };
        }
        self.at += 1;
        TokenKind::Operator
    }

    fn character_or_lifetime(&mut self) -> TokenKind {
        let rest = self.rest();
        let closed = match rest.get(1) {
            Some(b'\\') => find(rest.get(3..).unwrap_or_default(), b"'").map(|at| at + 4),
            Some(first) => {
                let width = match first {
                    0..0x80 => 1,
                    0x80..0xe0 => 2,
                    0xe0..0xf0 => 3,
                    _ => 4,
                };
                (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
            }
            None => None,
        };
        if let Some(length) = closed {
            self.at += length;
            return TokenKind::Text;
        }
        self.at += 1;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        TokenKind::Operator
    }

    fn at_comment(&self) -> bool {
        let rest = self.rest();
        self.marks.line_comments.iter().any(|mark| rest.starts_with(mark.as_bytes()))
            || self.marks.block_comments.iter().any(|(open, _)| rest.starts_with(open.as_bytes()))
    }

    fn skip_comment(&mut self) -> bool {
        let rest = self.rest();
        for (open, close) in self.marks.block_comments {
            if rest.starts_with(open.as_bytes()) {
                let body = &rest[open.len()..];
                self.at += open.len() + find(body, close.as_bytes()).map_or(body.len(), |at| at + close.len());
                return true;
            }
        }
        if self.marks.line_comments.iter().any(|mark| rest.starts_with(mark.as_bytes())) {
            self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            return true;
        }
        false
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        self.at += self.rest().iter().take_while(|byte| wanted(**byte)).count();
    }
}

fn is_operator(byte: u8) -> bool {
    matches!(
        byte,
        b'=' | b'<' | b'>' | b'!' | b'&' | b'|' | b'+' | b'-' | b'*' | b'/' | b'%' | b'^' | b':' | b'.' | b'~' | b'?'
    )
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(language: &'static str, text: &str) -> String {
        let tokens = tokens(Language::named(language), text, Span::new(0, text.len()));
        let shown: Vec<_> = tokens
            .iter()
            .map(|token| match token.kind {
                TokenKind::Name => "n".to_owned(),
                TokenKind::Number => "1".to_owned(),
                TokenKind::Text => "s".to_owned(),
                _ => token.span.slice(text).to_owned(),
            })
            .collect();
        shown.join(" ")
    }

    #[test]
    fn languages_are_cut() {
        for (language, text, expected) in [
            (
                "rust",
                "let x: &'a str = 'b'; // no\nif x == r#\"a\"b\"# { b\"q\" }",
                "let n : & 'a n = s if n == s { s }",
            ),
            ("rust", "'\\'' 'é' /* a */ foo::bar(1.5e3)", "s s n :: n ( 1 )"),
            ("rust", "byte == b'-' || b'\\n' != b", "n == s || s != n"),
            ("python", "x = '''a\nb''' # c\nreturn f\"{x}\" + b'y'", "n = s return s + s"),
            ("javascript", "const a = `x ${y}\n`; a?.b ?? 'it\\'s'", "const n = s n ?. n ?? s"),
            ("go", "x := `raw\n` + \"a\"", "n := s + s"),
            ("haskell", "f' x -- c\n  = x {- d -} `div` 2", "n ' n = n ` n ` 1"),
            ("c", "a/**/+b//x\n-\"odd", "n + n - \" n"),
            ("rust", "last.1.max(end) + 1.5.floor()", "n . 1 . n ( n ) + 1 . n ( )"),
            ("c", "1.f + 2. - 3.0e5f", "1 + 1 - 1"),
            ("ruby", "5.times end", "1 . n end"),
            ("go", "for end := range a { type }", "for n := range n { type }"),
            ("python", "type = range(end)", "n = n ( n )"),
            ("lua", "--[[ a\n]] x = 1 -- y", "n = 1"),
            ("ruby", "x = \"#{a}\" # y\n", "n = s"),
            ("ruby", "f <<~ONE, <<-'two'\n  a = b\n  ONE\n c = d\n two\nx << Y", "n s , s s s n << n"),
            ("ruby", "list <<ITEM\nif a\nITEM\nlist <<item", "n s s n << n"),
            ("bash", "cat <<EOF > a\nif b\nEOF\ncat c", "n s > n s n n"),
            ("php", "$a = <<<'EOT'\nif b\n  EOT;\n$c", "n = s s n"),
            ("ruby", "f <<~ONE\nnever ends", "n s s"),
            ("elixir", "f(:ok, a: b) :: A.b?()", "n ( s , n : n ) :: n . n ? ( )"),
        ] {
            assert_eq!(shown(language, text), expected, "{text}");
        }
    }

    #[test]
    fn any_text_is_cut() {
        for text in ["'", "\"", "r#\"", "\\", "é", "/*", "\"\"\"", "'\\", "`", "b'", "\u{1f600}'"] {
            for language in ["rust", "python", "go", "haskell", "text"] {
                tokens(Language::named(language), text, Span::new(0, text.len()));
            }
        }
        tokens(Language::named("rust"), "abc", Span::new(1, 99));
        tokens(Language::named("rust"), "abc", Span::new(9, 99));
    }
}
