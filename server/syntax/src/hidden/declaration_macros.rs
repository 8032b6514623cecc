//! Finds macros in C and C++ that the grammar would take for types or that break its declarations, such as
//! `class ABSL_MUST_USE_RESULT StatusOr` or `FMT_BEGIN_NAMESPACE`. The parser then passes over them.
//!
//! A macro is a name in capitals in a place where only a macro can stand: alone on its line between declarations,
//! between `class` and the name, before a declaration that has a type of its own, after the parameters of a function
//! or the name of a member. Names in other places (types such as `DWORD`, constants, calls) are left alone.
//! Conditional directives whose branch does not close the braces it opens are passed over too, with all branches but
//! the first. One pass over the bytes, about forty times as fast as parsing.

pub(super) mod tokens;

use conexus_core::Span;
use tokens::{AHEAD, Kind, Scanner, Token};

/// Ranges that the parser passes over at most; it looks them up one after the other.
const MOST_RANGES: usize = 400;
/// Words that are remembered as qualifiers of pointers.
const MOST_QUALIFIERS: usize = 8;

/// Bytes that may be read ahead in a text, besides four times its length: without a bound, nested calls of names in
/// capitals would be read again and again.
const LOOK_AHEAD: usize = 4096;

/// Keywords that begin a declaration or its type; a name before one of them cannot be the type.
const DECLARATION_WORDS: &[&[u8]] = &[
    b"inline", b"static", b"constexpr", b"consteval", b"constinit", b"void", b"int", b"auto", b"class", b"struct",
    b"template", b"typename", b"unsigned", b"signed", b"long", b"short", b"char", b"bool", b"float", b"double",
    b"explicit", b"virtual", b"extern", b"friend", b"using", b"enum", b"union", b"typedef", b"size_t", b"namespace",
    b"decltype",
];
/// Keywords that may stand before a type in a declaration.
const SPECIFIERS: &[&[u8]] = &[
    b"inline", b"static", b"constexpr", b"extern", b"virtual", b"explicit", b"friend", b"typedef", b"mutable",
    b"thread_local", b"const", b"volatile", b"register",
];
const TYPE_WORDS: &[&[u8]] = &[
    b"int", b"char", b"bool", b"float", b"double", b"long", b"short", b"unsigned", b"signed", b"auto", b"size_t",
    b"void",
];
const CLASS_WORDS: &[&[u8]] = &[b"class", b"struct", b"union", b"enum"];
/// Words after which an expression or a statement follows.
const STATEMENT_WORDS: &[&[u8]] = &[
    b"return", b"else", b"case", b"goto", b"do", b"new", b"delete", b"throw", b"sizeof", b"typename", b"operator",
    b"using", b"namespace", b"co_return", b"co_await", b"co_yield", b"default", b"if", b"while", b"for", b"switch",
    b"template", b"class", b"struct", b"union", b"enum", b"const", b"volatile", b"static", b"extern", b"inline",
    b"typedef", b"not", b"and", b"or", b"alignas", b"requires", b"concept",
];
/// Words that follow a `*` or what it multiplies without being names.
const POINTER_WORDS: &[&[u8]] = &[
    b"restrict", b"__restrict", b"__restrict__", b"noexcept", b"override", b"final", b"xor", b"bitand", b"bitor",
    b"and_eq", b"or_eq", b"xor_eq", b"not_eq", b"this", b"in", b"__unaligned",
];
/// Parts of names that only macros before a declaration bear; `MACRO name(` is not a function that returns MACRO then.
const HINTS: &[&[u8]] = &[
    b"INLINE", b"CONSTEXPR", b"EXPORT", b"NODISCARD", b"DEPRECATED", b"NORETURN", b"ATTRIBUTE", b"_API", b"_DECL",
    b"_EXTERN", b"VISIB", b"UNUSED", b"EXPLICIT",
];
const CONTROL_WORDS: &[&[u8]] = &[b"if", b"while", b"for", b"switch", b"catch", b"constexpr"];

/// An open conditional directive.
struct Conditional {
    line: Span,
    depth: i32,
    unbalanced: bool,
    directives: Vec<Span>,
}

/// The ranges to pass over, ordered and not overlapping, with the names of the macros among them.
pub(crate) fn declaration_macros(text: &str, into: &mut Vec<Span>) {
    into.clear();
    let mut finder = Finder {
        scanner: Scanner::new(text.as_bytes()),
        previous: Token::NONE,
        before: Token::NONE,
        parentheses: Vec::new(),
        closed_control: false,
        template: 0,
        depth: 0,
        conditionals: Vec::new(),
        found: into,
        ahead: LOOK_AHEAD + 4 * text.len(),
        qualifiers: Vec::new(),
    };
    finder.run();
    into.sort_unstable();
    let mut end = 0;
    into.retain(|span| {
        let keep = span.start >= end && !span.is_empty();
        if keep {
            end = span.end;
        }
        keep
    });
    into.truncate(MOST_RANGES);
}

struct Finder<'a> {
    scanner: Scanner<'a>,
    previous: Token,
    before: Token,
    /// For every open parenthesis: whether a control word stands before it.
    parentheses: Vec<bool>,
    /// Whether the last closed parenthesis was one of a control word.
    closed_control: bool,
    /// Depth of angle brackets in a `template <...>`.
    template: u32,
    depth: i32,
    conditionals: Vec<Conditional>,
    found: &'a mut Vec<Span>,
    /// Bytes that may still be read ahead.
    ahead: usize,
    /// Words that were found to qualify pointers.
    qualifiers: Vec<&'a [u8]>,
}

impl Finder<'_> {
    fn run(&mut self) {
        while let Some(token) = self.scanner.advance() {
            match token.kind {
                Kind::Directive => {
                    self.directive(token);
                    continue;
                }
                Kind::Capitals => {
                    if let Some(span) = self.macro_at(token) {
                        self.found.push(span);
                        self.scanner.at = span.end as usize;
                        continue;
                    }
                }
                Kind::Word => {
                    if self.qualifies_pointer(token) {
                        self.found.push(token.span);
                        continue;
                    }
                }
                Kind::Sign(sign) => self.sign(sign),
                Kind::Literal | Kind::End => {}
            }
            self.before = self.previous;
            self.previous = token;
        }
    }

    fn sign(&mut self, sign: u8) {
        match sign {
            b'(' => self.parentheses.push(self.word_is(self.previous, CONTROL_WORDS)),
            b')' => self.closed_control = self.parentheses.pop().unwrap_or(false),
            b'{' => {
                self.depth += 1;
                self.template = 0;
            }
            b'}' => self.depth -= 1,
            b';' => {
                self.template = 0;
                if self.parentheses.len() > 64 {
                    self.parentheses.clear();
                }
            }
            b'<' if self.template > 0 || self.word_is(self.previous, &[b"template"]) => self.template += 1,
            b'>' => self.template = self.template.saturating_sub(1),
            _ => {}
        }
    }

    fn directive(&mut self, token: Token) {
        let line = token.span;
        let text = &self.scanner.text[line.range()];
        let name = text[1..].trim_ascii_start();
        if name.starts_with(b"if") {
            self.conditionals.push(Conditional { line, depth: self.depth, unbalanced: false, directives: Vec::new() });
        } else if name.starts_with(b"el") {
            let Some(open) = self.conditionals.last_mut() else { return };
            if self.depth == open.depth {
                open.directives.push(line);
            } else {
                open.unbalanced = true;
                let start = line.start;
                let end = self.scanner.skip_to_endif();
                self.found.push(Span::new(start as usize, end));
            }
        } else if name.starts_with(b"endif")
            && let Some(open) = self.conditionals.pop()
            && (open.unbalanced || self.depth != open.depth)
        {
            self.found.extend([open.line, line]);
            self.found.extend(open.directives);
        }
    }

    fn word_is(&self, token: Token, words: &[&[u8]]) -> bool {
        matches!(token.kind, Kind::Word | Kind::Capitals) && words.contains(&&self.scanner.text[token.span.range()])
    }

    fn is_name(&self, token: Token) -> bool {
        token.kind == Kind::Word && !self.word_is(token, STATEMENT_WORDS) && !self.word_is(token, TYPE_WORDS)
    }

    /// Whether the place after the previous token is one where a declaration may begin.
    fn at_declaration(&self) -> bool {
        match self.previous.kind {
            Kind::End | Kind::Directive | Kind::Literal | Kind::Sign(b';' | b'}' | b'{' | b'>') => true,
            Kind::Sign(b':') => self.word_is(self.before, &[b"public", b"private", b"protected"]),
            _ => self.word_is(self.previous, SPECIFIERS),
        }
    }

    /// `Type * absl_nonnull name`: between `*` and a name stands a qualifier, in capitals or not. Such a word is passed
    /// over wherever it follows.
    fn qualifies_pointer(&mut self, word: Token) -> bool {
        let text = &self.scanner.text[word.span.range()];
        if self.qualifiers.contains(&text) {
            return true;
        }
        if !self.previous.is(b'*') || !self.is_name(word) || self.word_is(word, POINTER_WORDS) {
            return false;
        }
        let next = self.scanner.clone().next_code();
        let qualifies = next.kind == Kind::Word
            && (self.word_is(next, &[b"operator", b"const"])
                || !self.word_is(next, STATEMENT_WORDS) && !self.word_is(next, POINTER_WORDS));
        if qualifies && self.qualifiers.len() < MOST_QUALIFIERS {
            self.qualifiers.push(text);
        }
        qualifies
    }

    /// The range to pass over if the name in capitals is a macro that only disturbs.
    fn macro_at(&mut self, name: Token) -> Option<Span> {
        if self.ahead == 0 {
            return None;
        }
        let mut ahead = self.scanner.clone();
        let mut end = name.span.end as usize;
        let mut next = ahead.next_code();
        let has_arguments = next.is(b'(');
        if has_arguments {
            let closed = ahead.skip_parentheses(next.span.start as usize);
            self.ahead = self.ahead.saturating_sub(closed.map_or(AHEAD, |closed| closed - end));
            end = closed?;
            ahead.at = end;
            next = ahead.next_code();
        }
        self.ahead = self.ahead.saturating_sub(next.span.end.saturating_sub(end as u32) as usize);
        let whole = Span::new(name.span.start as usize, end);
        if self.previous.is(b'*') {
            return (!has_arguments && next.kind == Kind::Word && self.is_name(next)).then_some(whole);
        }
        if self.after_class_word(next, &ahead)
            || self.alone_on_line(name, whole, next, has_arguments, &ahead)
            || (self.at_declaration() || self.previous.is(b'(') || self.previous.is(b','))
                && self.before_declaration(name, next, has_arguments, &ahead)
            || self.after_parameters(next)
            || self.after_member(next, has_arguments)
        {
            return Some(whole);
        }
        let in_template = self.template == 1 && has_arguments && self.previous.is(b',');
        (in_template && (next.is(b',') || next.is(b'>'))).then(|| Span::new(self.previous.span.start as usize, end))
    }

    /// `class MACRO Name {`
    fn after_class_word(&self, next: Token, ahead: &Scanner<'_>) -> bool {
        if !self.word_is(self.previous, CLASS_WORDS) || !matches!(next.kind, Kind::Word | Kind::Capitals) {
            return false;
        }
        let after = ahead.clone().next_code();
        match after.kind {
            Kind::Sign(b'{' | b':' | b'<') => !self.word_is(next, &[b"final"]),
            Kind::Sign(b';') => self.word_is(self.previous, &[b"class"]),
            Kind::Capitals => true,
            _ => self.word_is(after, &[b"final"]),
        }
    }

    /// A line that holds nothing else, between declarations.
    fn alone_on_line(&self, name: Token, whole: Span, next: Token, has_arguments: bool, ahead: &Scanner<'_>) -> bool {
        if !self.scanner.begins_line(name.span.start) || !self.scanner.ends_line(whole.end) {
            return false;
        }
        let ends_before = matches!(self.previous.kind, Kind::End | Kind::Sign(b';' | b'}'));
        if !ends_before && !self.at_declaration() || self.word_is(self.previous, SPECIFIERS) || self.previous.is(b'>') {
            return false;
        }
        match next.kind {
            Kind::End | Kind::Sign(b'}') => ends_before,
            Kind::Sign(b'[' | b'~' | b'#') | Kind::Capitals => true,
            // `BOOL` on the line before `name(` is the type that it returns.
            Kind::Word => has_arguments || !self.is_name(next) || !ahead.clone().next_code().is(b'('),
            _ => false,
        }
    }

    /// `MACRO static int name`, `MACRO Type name`
    fn before_declaration(&self, name: Token, next: Token, has_arguments: bool, ahead: &Scanner<'_>) -> bool {
        if self.word_is(next, DECLARATION_WORDS) {
            return true;
        }
        let text = &self.scanner.text[name.span.range()];
        if matches!(next.kind, Kind::Word | Kind::Capitals)
            && HINTS.iter().any(|hint| memchr::memmem::find(text, hint).is_some())
        {
            return true;
        }
        if self.word_is(next, &[b"const", b"volatile"]) {
            return has_arguments;
        }
        if next.is(b'{') {
            return !has_arguments && matches!(self.previous.kind, Kind::Sign(b';' | b'}'));
        }
        if next.is(b'~') {
            return !has_arguments && self.at_declaration();
        }
        if next.kind != Kind::Capitals && !self.is_name(next) {
            return false;
        }
        let mut ahead = ahead.clone();
        let Some(after) = ahead.skip_qualified_name() else { return false };
        match after.kind {
            Kind::Word => !self.word_is(after, STATEMENT_WORDS),
            Kind::Capitals => next.kind == Kind::Capitals,
            Kind::Sign(b'*' | b'&') => matches!(ahead.next_code().kind, Kind::Word | Kind::Sign(b'*' | b'&')),
            _ => false,
        }
    }

    /// `name(...) MACRO {`
    fn after_parameters(&self, next: Token) -> bool {
        let after = self.previous.is(b')') && !self.closed_control && self.parentheses.len() < 2
            || self.word_is(self.previous, &[b"const", b"noexcept", b"override"]) && self.before.is(b')');
        after
            && (matches!(next.kind, Kind::Sign(b'{' | b';' | b':' | b'=') | Kind::Capitals)
                || self.word_is(next, &[b"const", b"noexcept", b"override", b"final"]))
    }

    /// `Type name MACRO(x);`, `Type name MACRO, `, `class Name MACRO {`
    fn after_member(&self, next: Token, has_arguments: bool) -> bool {
        if !self.is_name(self.previous) {
            return false;
        }
        if self.word_is(self.before, CLASS_WORDS) {
            return next.is(b'{') || next.is(b':');
        }
        if self.word_is(self.before, &[b"using"]) {
            return next.is(b'=');
        }
        let typed = match self.before.kind {
            Kind::Word => self.word_is(self.before, TYPE_WORDS) || self.is_name(self.before),
            Kind::Capitals => has_arguments,
            Kind::Sign(b'*' | b'&' | b'>') => true,
            _ => false,
        };
        let in_parameters = !self.parentheses.is_empty();
        typed
            && match next.kind {
                Kind::Sign(b';' | b'=' | b'{') => !in_parameters,
                Kind::Capitals => !in_parameters && has_arguments,
                Kind::Sign(b',' | b')') => in_parameters,
                _ => false,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed_over(text: &str) -> String {
        let mut found = Vec::new();
        declaration_macros(text, &mut found);
        found.iter().map(|span| span.slice(text).trim()).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn macros_in_places_where_only_a_macro_can_stand() {
        for (text, expected) in [
            (
                "namespace a {\nABSL_NAMESPACE_BEGIN\nclass B;\nABSL_NAMESPACE_END\n}\n",
                "ABSL_NAMESPACE_BEGIN | ABSL_NAMESPACE_END",
            ),
            ("class ABSL_MUST_USE_RESULT StatusOr {};", "ABSL_MUST_USE_RESULT"),
            ("class MY_EXPORT(2) Other final : public B {};", "MY_EXPORT(2)"),
            ("struct FOO_INFO info;", ""),
            ("FMT_API void f();", "FMT_API"),
            ("FMT_API std::string f(int x);", "FMT_API"),
            ("HRESULT Foo::Bar() {}", ""),
            ("DWORD value = 3;\nBOOL f(DWORD x) { return TRUE; }", ""),
            ("BOOL\nf(int x)\n{\n}\n", ""),
            ("enum A {\n  ONE_VALUE\n};\nenum B {\n  TWO,\n  LAST_VALUE\n};", ""),
            ("void f() MY_NOEXCEPT {}\nvoid g() { if (a) MACRO_B; }", "MY_NOEXCEPT"),
            ("int x ABSL_GUARDED_BY(mu);\nint* y UNUSED_VALUE = 0;", "ABSL_GUARDED_BY(mu) | UNUSED_VALUE"),
            ("void f(const T& x ABSL_LIFETIME_BOUND, int LENGTH);", "ABSL_LIFETIME_BOUND"),
            ("typedef struct foo FOO_T;\ntypedef unsigned long ULONG_T;\nextern foo_t FOO_V;", ""),
            (
                "char* absl_nonnull f(T* my_nullable a, T *B_IN c, int *d);\nx = *a or b;",
                "absl_nonnull | my_nullable | B_IN",
            ),
            (
                "using A DEPRECATE_AND_INLINE() = B;\nconstexpr FMT_INLINE value(int x) : y(x) {}",
                "DEPRECATE_AND_INLINE() | FMT_INLINE",
            ),
            ("TEST(Suite, Name) {\n  EXPECT_EQ(a, b);\n}\n", ""),
            ("template <typename T, FMT_ENABLE_IF(is<T>::value)>\nvoid f(T t);", ", FMT_ENABLE_IF(is<T>::value)"),
            ("x = A_B * C_D + (E_F);\nf(A_B, C_D);\n", ""),
            ("#if A\nvoid f() {\n#else\nvoid g() {\n#endif\n}\n", "#if A | #else\nvoid g() { | #endif"),
            ("#ifdef __cplusplus\nextern \"C\" {\n#endif\nint f(void);\n", "#ifdef __cplusplus | #endif"),
            ("#define A_B C_D\n#if X\nint a;\n#else\nint b;\n#endif", ""),
            ("char const* s = \"CLASS_A int\"; // MACRO_A int\nR\"x(MACRO_B int)x\";", ""),
        ] {
            assert_eq!(passed_over(text), expected, "{text}");
        }
    }
}
