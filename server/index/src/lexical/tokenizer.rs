//! How text becomes terms; the same for chunks and queries.
//!
//! An identifier gives its parts (cut as [`conexus_core::words::parts`] does), lower-cased and stemmed, and when it has
//! more than one part also itself: the parts joined without separators, so that `parseJson` and `parse_json` are the
//! same term. Numbers over six digits, parts over 40 bytes and identifiers over 128 bytes (encoded data) give nothing.
//! Chinese, Japanese and Korean are written without signs between the words, so that any word of a run has to be found:
//! the parts of a run of their letters are its pairs of neighbours, or the letter itself where it stands alone (as
//! Lucene's `CJKAnalyzer` does).

use conexus_core::vocabulary::each_word;
use conexus_core::words;

const MAX_IDENTIFIER: usize = 128;
const MAX_WHOLE: usize = 64;
const MAX_PART: usize = 40;
const MAX_DIGITS: usize = 6;
/// Whole identifiers that begin with a digit are literals; longer ones than this are not worth a term.
const MAX_LITERAL: usize = 16;

const LOWER: u8 = 1;
const UPPER: u8 = 2;
const DIGIT: u8 = 4;
const UNDERSCORE: u8 = 8;
const WIDE: u8 = 16;

/// The class of each byte; 0 separates identifiers.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'a'..=b'z' => LOWER,
            b'A'..=b'Z' => UPPER,
            b'0'..=b'9' => DIGIT,
            b'_' => UNDERSCORE,
            128.. => WIDE,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

/// The distinct terms of a text in the order of their first occurrence.
pub fn terms(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    Scanner::default().scan(text, &mut |token| {
        if !found.iter().any(|known| known.as_bytes() == token) {
            found.push(text_of(token));
        }
    });
    found
}

/// How many terms a text has, repeated ones counted each time: the length of a field.
pub fn count(text: &str) -> usize {
    let mut count = 0;
    Scanner::default().scan(text, &mut |_| count += 1);
    count
}

/// The distinct terms of every text that holds this one. Its first and its last word may be cut out of longer ones, of
/// which only what does not depend on the rest is certain.
pub fn terms_inside(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut sink = |token: &[u8]| {
        if !found.iter().any(|known| known.as_bytes() == token) {
            found.push(text_of(token));
        }
    };
    let mut scanner = Scanner::default();
    for identifier in words::identifiers(text) {
        let start = identifier.as_ptr() as usize - text.as_ptr() as usize;
        let (cut_before, cut_behind) = (start == 0, start + identifier.len() == text.len());
        if !cut_before && !cut_behind {
            scanner.scan(identifier, &mut sink);
            continue;
        }
        let mut parts = Vec::new();
        each_part(identifier, &mut |part| parts.push(part));
        let last = parts.len().saturating_sub(1);
        let is_open = |at: usize| {
            (cut_before && at == 0 && !identifier.starts_with('_'))
                || (cut_behind && at == last && !identifier.ends_with('_'))
        };
        for (at, part) in parts.into_iter().enumerate() {
            // A pair of neighbours is one in any longer run, too.
            if part.is_pair || !is_open(at) {
                scanner.part(part.text, part.text.bytes().all(|byte| byte.is_ascii_digit()), &mut sink);
            }
        }
    }
    found
}

/// The term that stands for one whole identifier, as chunks that mention it have it; `None` when it has none.
pub fn identifier_term(identifier: &str) -> Option<String> {
    let mut last = None;
    let mut count = 0;
    let identifier = words::identifiers(identifier).next()?;
    Scanner::default().scan(identifier, &mut |token| {
        count += 1;
        last = Some(text_of(token));
    });
    // The whole identifier comes after its parts; without it (too long) there is no single term.
    let mut parts = 0;
    each_part(identifier, &mut |_| parts += 1);
    if count > 1 && parts >= count { None } else { last }
}

/// The text of a term, which is valid: it was cut from text.
fn text_of(token: &[u8]) -> String {
    String::from_utf8_lossy(token).into_owned()
}

/// Reusable buffers of a scan.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scanner {
    token: Vec<u8>,
    whole: String,
}

impl Scanner {
    /// Calls `sink` with each term of the text.
    pub(crate) fn scan(&mut self, text: &str, sink: &mut impl FnMut(&[u8])) {
        each_word(text, &mut |word| self.terms(word, sink));
    }

    /// Calls `sink` with each term of a word of [`each_word`].
    pub(super) fn terms(&mut self, run: &str, sink: &mut impl FnMut(&[u8])) {
        let classes = run.bytes().fold(0, |classes, byte| classes | CLASSES[byte as usize]);
        if classes & WIDE != 0 {
            // Between ASCII separators there may be wide ones, such as quotation marks.
            for identifier in words::identifiers(run) {
                self.wide(identifier, sink);
            }
        } else if run.len() <= MAX_IDENTIFIER {
            self.ascii(run, classes, sink);
        }
    }

    fn ascii(&mut self, run: &str, seen: u8, sink: &mut impl FnMut(&[u8])) {
        if seen.is_power_of_two() {
            if seen != UNDERSCORE {
                self.part(run, seen == DIGIT, sink);
            }
            return;
        }
        let bytes = run.as_bytes();
        let class = |at: usize| bytes.get(at).map_or(0, |&byte| CLASSES[byte as usize]);
        self.whole.clear();
        let mut parts = 0;
        let mut at = 0;
        while at < bytes.len() {
            let first = class(at);
            if first == UNDERSCORE {
                at += 1;
                continue;
            }
            let start = at;
            at += 1;
            while class(at) == first {
                at += 1;
            }
            if first == UPPER && class(at) == LOWER {
                if at - start > 1 {
                    // An acronym ran into a capitalised word: its last capital begins the word.
                    at -= 1;
                } else {
                    while class(at) == LOWER {
                        at += 1;
                    }
                }
            }
            parts += 1;
            let part = &run[start..at];
            self.whole.push_str(part);
            self.part(part, first == DIGIT, sink);
        }
        if parts > 1 {
            self.whole(sink);
        }
    }

    fn wide(&mut self, identifier: &str, sink: &mut impl FnMut(&[u8])) {
        // A whole sentence without a space is not data.
        if identifier.len() > 2 * MAX_IDENTIFIER && !identifier.contains(is_unspaced) {
            return;
        }
        let mut parts = 0;
        each_part(identifier, &mut |part| {
            parts += 1;
            self.part(part.text, part.text.bytes().all(|byte| byte.is_ascii_digit()), sink);
        });
        if parts > 1 {
            self.whole.clear();
            self.whole.extend(words::parts(identifier));
            self.whole(sink);
        }
    }

    fn whole(&mut self, sink: &mut impl FnMut(&[u8])) {
        let literal = self.whole.as_bytes().first().is_some_and(u8::is_ascii_digit);
        if self.whole.len() <= if literal { MAX_LITERAL } else { MAX_WHOLE } {
            let Self { token, whole } = self;
            lowercase(token, whole);
            stem(token);
            sink(token);
        }
    }

    fn part(&mut self, part: &str, digits: bool, sink: &mut impl FnMut(&[u8])) {
        if part.len() <= if digits { MAX_DIGITS } else { MAX_PART } {
            lowercase(&mut self.token, part);
            stem(&mut self.token);
            sink(&self.token);
        }
    }
}

/// A part of an identifier.
struct Part<'a> {
    text: &'a str,
    /// Two neighbouring letters of a script without spaces.
    is_pair: bool,
}

/// Whether a letter is of a script that is written without spaces, or, as Korean, with words that are joined with others:
/// Han, Hiragana, Katakana, Hangul, and the marks that stand among them.
fn is_unspaced(character: char) -> bool {
    matches!(
        character,
        '\u{1100}'..='\u{11ff}' // Hangul letters
            | '\u{3005}'..='\u{3007}' // repetition, closing mark, zero
            | '\u{3031}'..='\u{3035}' // repetition in Kana
            | '\u{3041}'..='\u{30ff}' // Hiragana, Katakana
            | '\u{3131}'..='\u{318e}' // Hangul letters
            | '\u{31f0}'..='\u{31ff}' // Katakana
            | '\u{3400}'..='\u{4dbf}' // Han
            | '\u{4e00}'..='\u{9fff}' // Han
            | '\u{a960}'..='\u{a97c}' // Hangul letters
            | '\u{ac00}'..='\u{d7fb}' // Hangul
            | '\u{f900}'..='\u{faff}' // Han
            | '\u{ff66}'..='\u{ffdc}' // half-width Katakana and Hangul
            | '\u{20000}'..='\u{3ffff}' // Han
    )
}

/// Calls `sink` with the parts of an identifier: the pairs of its runs in scripts without spaces, and what the core cuts the
/// rest into.
fn each_part<'a>(identifier: &'a str, sink: &mut impl FnMut(Part<'a>)) {
    let mut rest = identifier;
    while let Some(first) = rest.chars().next() {
        let unspaced = is_unspaced(first);
        let (run, behind) = rest.split_at(rest.find(|next| is_unspaced(next) != unspaced).unwrap_or(rest.len()));
        rest = behind;
        if !unspaced {
            words::parts(run).for_each(|text| sink(Part { text, is_pair: false }));
        } else if run.len() == first.len_utf8() {
            sink(Part { text: run, is_pair: false });
        } else {
            let ends = run.char_indices().map(|(at, _)| at).skip(2).chain([run.len()]);
            for ((start, _), end) in run.char_indices().zip(ends) {
                sink(Part { text: &run[start..end], is_pair: true });
            }
        }
    }
}

/// Makes `out` the text in lower case.
fn lowercase(out: &mut Vec<u8>, text: &str) {
    out.clear();
    if text.is_ascii() {
        out.extend(text.bytes().map(|byte| byte.to_ascii_lowercase()));
    } else {
        let mut bytes = [0; 4];
        for character in text.chars().flat_map(char::to_lowercase) {
            out.extend_from_slice(character.encode_utf8(&mut bytes).as_bytes());
        }
    }
}

/// Cuts English endings of words of four letters and more, so that `caches`, `cached`, `caching` and `cache` meet
/// (`cach`). It is lighter than Porter's: plural, `ed`, `ing`, doubled consonant, final `e`.
fn stem(word: &mut Vec<u8>) {
    let bytes = word.as_slice();
    let mut end = bytes.len();
    if end < 4 || !bytes.iter().all(u8::is_ascii_lowercase) {
        return;
    }
    let mut add_y = false;
    if bytes[end - 1] == b's' {
        match &bytes[..end - 1] {
            [.., b's' | b'u' | b'i'] => {}
            [.., _, _, b'i', b'e'] => {
                end -= 3;
                add_y = true;
            }
            [_, _, .., b's' | b'x' | b'z', b'e'] | [_, .., b'c' | b's', b'h', b'e'] if end > 5 => end -= 2,
            _ => end -= 1,
        }
    }
    if !add_y && end >= 5 {
        let cut = match &bytes[..end] {
            [.., b'e', b'e', b'd'] => 0,
            [.., b'e', b'd'] => 2,
            [.., b'i', b'n', b'g'] => 3,
            _ => 0,
        };
        let rest = &bytes[..end - cut];
        if cut > 0 && rest.len() >= 3 && rest.iter().any(|byte| matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y'))
        {
            end -= cut;
            if let [.., a, b] = rest
                && a == b
                && !matches!(a, b'l' | b's' | b'z' | b'a' | b'e' | b'i' | b'o' | b'u')
            {
                end -= 1;
            }
        }
        if end >= 4 && bytes[end - 1] == b'e' {
            end -= 1;
        }
    } else if end == 4 && bytes[3] == b'e' {
        end = 3;
    }
    word.truncate(end);
    if add_y {
        word.push(b'y');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lexical::Field;
    use proptest::prelude::*;

    #[test]
    fn identifiers_and_their_parts() {
        for (text, expected) in [
            ("parseJson", "pars json parsejson"),
            ("parse_json", "pars json parsejson"),
            ("HTTPServer2go", "http server 2 go httpserver2go"),
            ("__init__", "init"),
            ("_", ""),
            ("Foo ABC x", "foo abc x"),
            ("0xdeadbeef", "0 xdeadbeef 0xdeadbeef"),
            ("1234567 123456", "123456"),
            ("größeÄndern “größe”", "größe ändern größeändern"),
            ("a.b->c", "a b c"),
            ("# 解析配置文件，并返回", "解析 析配 配置 置文 文件 解析配置文件 并返 返回 并返回"),
            ("配置 文", "配置 文"),
            ("データベース", "デー ータ タベ ベー ース データベース"),
            ("설정 파일을", "설정 파일 일을 파일을"),
            ("APIの配置file_项", "api の配 配置 fil 项 apiの配置file项"),
        ] {
            assert_eq!(terms(text).join(" "), expected, "{text:?}");
        }
        assert_eq!(terms(&"x".repeat(200)), Vec::<String>::new());
    }

    #[test]
    fn words_of_one_stem_meet() {
        for family in [
            "cache caches cached caching", "query queries", "class classes", "file files filed filing",
            "index indexes indexed indexing", "map maps mapped mapping", "store stores stored storing", "node nodes",
            "response responses", "call calls called calling", "string strings", "queue queues queued queueing",
            "match matches matched matching",
        ] {
            let stems: Vec<_> = family.split(' ').map(|word| terms(word).join(" ")).collect();
            assert!(stems.windows(2).all(|pair| pair[0] == pair[1]), "{family}: {stems:?}");
        }
        for kept in ["status", "this", "pass", "need", "ring", "tree"] {
            assert!(kept.starts_with(terms(kept)[0].trim_end_matches('y')), "{kept}");
        }
    }

    #[test]
    fn one_term_for_an_identifier() {
        assert_eq!(identifier_term("parse_json").as_deref(), Some("parsejson"));
        assert_eq!(identifier_term("files").as_deref(), Some("fil"));
        assert_eq!(identifier_term("(").as_deref(), None);
        assert_eq!(identifier_term("配置").as_deref(), Some("配置"));
        assert_eq!(identifier_term("解析配置").as_deref(), Some("解析配置"));
        assert_eq!(identifier_term(&"解析配置".repeat(8)), None);
        let long = ["part"; 20].join("_");
        assert_eq!(identifier_term(&long), None);
    }

    #[test]
    fn terms_of_what_may_be_cut_out_of_words() {
        for (text, expected) in [
            ("dat", ""),
            ("return dat", ""),
            (" return dat", "return"),
            ("return data ", "data"),
            ("too many length or distance symb", "many length or distanc"),
            ("(parseJson)", "pars json parsejson"),
            ("parseJsonFi", "json"),
            ("parseJsonFi.", "json fi"),
            (".parseJsonFi", "pars json"),
            ("_open_file_", "open fil"),
            ("gamma.alpha(beta)", "alpha beta"),
            ("配置文件", "配置 置文 文件"),
            ("配 read配", "read"),
            ("", ""),
        ] {
            assert_eq!(terms_inside(text).join(" "), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_holds_a_text_has_the_terms_inside(
            before in "[a-cA-C01_ 解析]{0,4}", text in "[a-cA-C01_ .解析]{0,12}", behind in "[a-cA-C01_ 解析]{0,4}"
        ) {
            let around = terms(&format!("{before}{text}{behind}"));
            for term in terms_inside(&text) {
                prop_assert!(around.contains(&term), "{term:?} of {text:?} is not in {around:?}");
            }
        }

        #[test]
        fn ascii_parts_are_those_of_the_core(identifier in "[a-cA-C0-1_]{1,12}") {
            let mut scanner = Scanner::default();
            let mut found = Vec::new();
            scanner.scan(&identifier, &mut |token| found.push(text_of(token)));
            let parts: Vec<&str> = words::parts(&identifier).collect();
            let whole = parts.concat();
            let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            let short = parts.iter().filter(|part| part.len() <= MAX_DIGITS || !is_number(part));
            let mut expected: Vec<String> = short.map(|part| (*part).to_owned()).collect();
            // Also of a long number: `1_000_000` is found as it is written.
            if parts.len() > 1 && !(whole.as_bytes()[0].is_ascii_digit() && whole.len() > MAX_LITERAL) {
                expected.push(whole);
            }
            for term in &mut expected {
                let mut bytes = term.to_ascii_lowercase().into_bytes();
                stem(&mut bytes);
                *term = text_of(&bytes);
            }
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn any_text_is_scanned(text in ".*") {
            for term in terms(&text) {
                prop_assert!(!term.is_empty() && !term.contains(char::is_whitespace));
                // The number of a field stands behind a term in the dictionary and sorts before all that goes on.
                prop_assert!(term.bytes().all(|byte| usize::from(byte) > Field::ALL.len()), "{term:?}");
            }
        }
    }
}
