//! Words of code: identifiers and their parts. Lexical search and the built-in embedding model cut text the same way.

/// Iterates over the identifier-like runs of a text: letters, digits and `_`, as slices of it.
pub fn identifiers(text: &str) -> impl Iterator<Item = &str> {
    Identifiers { rest: text }
}

struct Identifiers<'a> {
    rest: &'a str,
}

fn is_word(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric() || character == '_'
    } else {
        is_common_letter(character) || character.is_alphanumeric()
    }
}

/// Letters beyond ASCII that most texts have, told without a search in tables.
fn is_common_letter(character: char) -> bool {
    is_common_lower(character)
        || matches!(
            character,
            '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{de}' | '\u{100}'..='\u{2c1}' | '\u{3a3}'..='\u{3ab}' | '\u{400}'..='\u{42f}'
        )
}

/// Those that are no capitals: of Latin, Greek and Cyrillic, and of scripts without capitals.
fn is_common_lower(character: char) -> bool {
    matches!(
        character,
        '\u{df}'..='\u{f6}'
            | '\u{f8}'..='\u{ff}'
            | '\u{3ac}'..='\u{3ce}'
            | '\u{430}'..='\u{45f}'
            | '\u{5d0}'..='\u{5ea}'
            | '\u{620}'..='\u{657}'
            | '\u{3041}'..='\u{3096}'
            | '\u{30a1}'..='\u{30fa}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{ac00}'..='\u{d7a3}'
    )
}

impl<'a> Iterator for Identifiers<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let bytes = self.rest.as_bytes();
        let mut start = 0;
        loop {
            let &byte = bytes.get(start)?;
            if byte.is_ascii() {
                if byte.is_ascii_alphanumeric() || byte == b'_' {
                    break;
                }
                start += 1;
            } else {
                let character = self.rest[start..].chars().next()?;
                if is_word(character) {
                    break;
                }
                start += character.len_utf8();
            }
        }
        let mut end = start;
        while let Some(&byte) = bytes.get(end) {
            if byte.is_ascii() {
                if !(byte.is_ascii_alphanumeric() || byte == b'_') {
                    break;
                }
                end += 1;
            } else {
                let Some(character) = self.rest[end..].chars().next() else { break };
                if !is_word(character) {
                    break;
                }
                end += character.len_utf8();
            }
        }
        let word = &self.rest[start..end];
        self.rest = &self.rest[end..];
        Some(word)
    }
}

/// Iterates over the parts of an identifier: cut at `_`, between lower and upper case (`parseJson` -> `parse`, `Json`),
/// before the last capital of an acronym (`HTTPServer` -> `HTTP`, `Server`) and between letters and digits.
/// It is the regular expression `[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+` with Unicode classes.
pub fn parts(identifier: &str) -> impl Iterator<Item = &str> {
    Parts { rest: identifier }
}

struct Parts<'a> {
    rest: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Lower,
    Upper,
    Digit,
    Other,
}

fn class(character: char) -> Class {
    if character.is_ascii() {
        match character {
            'a'..='z' => Class::Lower,
            'A'..='Z' => Class::Upper,
            '0'..='9' => Class::Digit,
            _ => Class::Other,
        }
    } else if is_common_lower(character) {
        Class::Lower
    } else if character.is_uppercase() {
        Class::Upper
    } else if character.is_alphabetic() {
        Class::Lower
    } else if character.is_numeric() {
        Class::Digit
    } else {
        Class::Other
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let skipped = self.rest.find(|character| class(character) != Class::Other)?;
        let rest = &self.rest[skipped..];
        let mut characters = rest.char_indices();
        let (_, first) = characters.next()?;
        let mut previous = class(first);
        let mut previous_at = 0;
        let mut end = rest.len();
        for (count, (at, character)) in (1..).zip(characters) {
            let current = class(character);
            if current != previous {
                if previous == Class::Upper && current == Class::Lower {
                    if count > 1 {
                        // An acronym ran into a capitalised word: its last capital begins the word.
                        end = previous_at;
                        break;
                    }
                } else {
                    end = at;
                    break;
                }
            }
            previous = current;
            previous_at = at;
        }
        self.rest = &rest[end..];
        Some(&rest[..end])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_letters_are_letters() {
        for character in (char::MIN..=char::MAX).filter(|&character| is_common_letter(character)) {
            assert!(character.is_alphabetic() && !character.is_ascii(), "{character:?}");
            assert!(!is_common_lower(character) || !character.is_uppercase(), "{character:?}");
        }
    }

    #[test]
    fn identifiers_and_parts() {
        for (text, expected) in [
            ("parseJson", "parse Json"),
            ("HTTPServer2go", "HTTP Server 2 go"),
            ("snake_case__x", "snake case x"),
            ("__init__", "init"),
            ("XMLHttpRequest", "XML Http Request"),
            ("ABC", "ABC"),
            ("aB", "a B"),
            ("größeÄndern", "größe Ändern"),
            ("", ""),
            ("___", ""),
            ("v8", "v 8"),
        ] {
            assert_eq!(parts(text).collect::<Vec<_>>().join(" "), expected, "{text:?}");
        }
        let words: Vec<_> = identifiers("fn f(a_b: &str) -> Größe { x+1 } // é…").collect();
        assert_eq!(words, ["fn", "f", "a_b", "str", "Größe", "x", "1", "é"]);
    }
}
