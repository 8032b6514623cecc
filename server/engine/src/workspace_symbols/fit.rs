//! How well a symbol's name fits what was typed. It looks at every symbol of the workspace, so nothing is allocated for
//! names of ASCII and most names are passed over after a few bytes.

use conexus_index::Letters;

/// Longest typed name that is compared, in bytes; the rest is cut off.
const MAX_WANTED: usize = 128;

/// How a name fits, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// Letter by letter.
    Exact,
    /// The same but for case.
    OtherCase,
    /// The same but for case and `_`.
    Loose,
    /// The name begins with it.
    Prefix,
    /// The name begins with it in another case.
    PrefixOtherCase,
    /// Beginnings of words, in order: `wsq` of `WorkspaceSymbolQuery`.
    Words,
    /// Its letters in order, beginning anywhere.
    Subsequence,
}

/// A typed name, prepared for comparing.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    text: String,
    /// Without `_` and blanks: lower-cased bytes, each with whether only an upper-case letter or a word's beginning fits.
    letters: Vec<(u8, bool)>,
    ascii: bool,
}

impl Wanted {
    /// Prepares a typed name; `None` when there is nothing in it.
    pub(super) fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = &text[..text.floor_char_boundary(MAX_WANTED)];
        let mut letters = Vec::with_capacity(text.len());
        let mut begins = false;
        for byte in text.bytes() {
            if byte.is_ascii_whitespace() {
                // A blank says that a word begins.
                begins = true;
            } else if byte != b'_' {
                letters.push((byte.to_ascii_lowercase(), begins || byte.is_ascii_uppercase()));
                begins = false;
            }
        }
        if letters.is_empty() {
            // Only underscores: they are the name.
            letters = text.bytes().map(|byte| (byte, false)).collect();
        }
        (!text.is_empty()).then(|| Self { text: text.to_owned(), letters, ascii: text.is_ascii() })
    }

    /// As typed.
    #[cfg(test)]
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Length in bytes.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Letters that every name has which fits.
    pub(super) fn letters_needed(&self) -> Letters {
        // Other scripts have letters whose lower case is one of ASCII.
        if self.ascii { Letters::of(&self.text) } else { Letters::default() }
    }

    /// How a name fits.
    pub(super) fn fit(&self, name: &str) -> Option<Fit> {
        let Some(&(first, _)) = self.letters.first() else { return Some(Fit::Exact) };
        if !self.ascii {
            // Names of ASCII cannot hold the other letters.
            return if name.is_ascii() { None } else { self.fit_any(name) };
        }
        let bytes = name.as_bytes();
        if bytes.len() < self.letters.len() {
            return None;
        }
        let wanted = self.text.as_bytes();
        if bytes.len() >= wanted.len() && bytes[0].eq_ignore_ascii_case(&wanted[0]) {
            let (start, rest) = bytes.split_at(wanted.len());
            if start.eq_ignore_ascii_case(wanted) {
                return Some(match (start == wanted, rest.is_empty()) {
                    (true, true) => Fit::Exact,
                    (false, true) => Fit::OtherCase,
                    (true, false) => Fit::Prefix,
                    (false, false) => Fit::PrefixOtherCase,
                });
            }
        }
        // One letter begins a word of nearly every name.
        if self.letters.len() == 1 || !self.is_subsequence(bytes, first) {
            return None;
        }
        if self.is_loosely(bytes) {
            return Some(Fit::Loose);
        }
        if self.begins_words(bytes) {
            return Some(Fit::Words);
        }
        // Three letters occur in order nearly everywhere, and an upper-case letter asks for the beginning of a word.
        (self.letters.len() >= 4 && self.letters.iter().all(|&(_, begins)| !begins)).then_some(Fit::Subsequence)
    }

    fn is_subsequence(&self, name: &[u8], first: u8) -> bool {
        let mut next = first;
        let mut at = 0;
        for &byte in name {
            if byte.to_ascii_lowercase() == next {
                at += 1;
                match self.letters.get(at) {
                    Some(&(letter, _)) => next = letter,
                    None => return true,
                }
            }
        }
        false
    }

    /// The same letters once `_` and `-` are left out.
    fn is_loosely(&self, name: &[u8]) -> bool {
        let letters = name.iter().filter(|byte| !matches!(byte, b'_' | b'-')).map(u8::to_ascii_lowercase);
        letters.eq(self.letters.iter().map(|&(letter, _)| letter))
    }

    /// Whether every letter stands at the beginning of a word or right after the one before it. Bit `i` of a set says
    /// that the letters so far can end at byte `i`; names are looked at up to 64 bytes.
    fn begins_words(&self, name: &[u8]) -> bool {
        let name = &name[..name.len().min(64)];
        let (mut starts, mut uppers) = (0u64, 0u64);
        let mut previous = b'_';
        for (at, &byte) in name.iter().enumerate() {
            let upper = byte.is_ascii_uppercase();
            let next_lower = name.get(at + 1).is_some_and(u8::is_ascii_lowercase);
            let start = byte.is_ascii_alphanumeric()
                && (!previous.is_ascii_alphanumeric()
                    || (upper && (!previous.is_ascii_uppercase() || next_lower))
                    || (byte.is_ascii_digit() && !previous.is_ascii_digit()));
            starts |= u64::from(start) << at;
            uppers |= u64::from(upper) << at;
            previous = byte;
        }
        let mut ends = 0u64;
        for (index, &(letter, begins)) in self.letters.iter().enumerate() {
            let mut holds = 0u64;
            for (at, byte) in name.iter().enumerate() {
                holds |= u64::from(byte.to_ascii_lowercase() == letter) << at;
            }
            if begins {
                holds &= starts | uppers;
            }
            ends = if index == 0 {
                holds & starts
            } else {
                let after_lowest = !0u64 << ends.trailing_zeros();
                // `_` between two letters does not part them: `open_file` is fitted by `openfile` as a beginning anyway.
                holds & ((ends << 1) | (starts & after_lowest & !(1 << ends.trailing_zeros())))
            };
            if ends == 0 {
                return false;
            }
        }
        true
    }

    /// The slow way for names that are not ASCII.
    fn fit_any(&self, name: &str) -> Option<Fit> {
        if name == self.text {
            return Some(Fit::Exact);
        }
        let (lower, wanted) = (name.to_lowercase(), self.text.to_lowercase());
        if lower == wanted {
            return Some(Fit::OtherCase);
        }
        if name.starts_with(&self.text) {
            return Some(Fit::Prefix);
        }
        if lower.starts_with(&wanted) {
            return Some(Fit::PrefixOtherCase);
        }
        let mut letters = lower.chars();
        wanted
            .chars()
            .filter(|character| *character != '_' && !character.is_whitespace())
            .all(|wanted| letters.any(|letter| letter == wanted))
            .then_some(Fit::Subsequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_as_pickers_do_it() {
        use Fit::{Exact, Loose, OtherCase, Prefix, PrefixOtherCase, Subsequence, Words};
        for (wanted, name, expected) in [
            ("open", "open", Some(Exact)),
            ("open", "Open", Some(OtherCase)),
            ("OPEN", "open", Some(OtherCase)),
            ("openfile", "open_file", Some(Loose)),
            ("open_file", "openFile", Some(Loose)),
            ("open file", "OpenFile", Some(Loose)),
            ("open", "open_file", Some(Prefix)),
            ("open", "OpenFile", Some(PrefixOtherCase)),
            ("wsq", "WorkspaceSymbolQuery", Some(Words)),
            ("WSQ", "workspace_symbol_query", Some(Words)),
            ("WorSymQ", "WorkspaceSymbolQuery", Some(Words)),
            ("file", "open_file", Some(Words)),
            ("of", "open_file", Some(Words)),
            ("re pa", "request_path", Some(Words)),
            ("hs", "HTTPServer", Some(Words)),
            ("server", "HTTPServer", Some(Words)),
            ("v8", "engine_v8", Some(Words)),
            ("e", "Engine", Some(PrefixOtherCase)),
            ("v", "engine_v8", None),
            ("pnfl", "open_file", Some(Subsequence)),
            ("uffer", "ring_buffer", Some(Subsequence)),
            ("pfl", "open_file", None),
            ("PNFL", "open_file", None),
            ("open_file", "open", None),
            ("xyz", "open", None),
            ("aaa", "aa", None),
            ("_", "_", Some(Exact)),
            ("größe", "Größe", Some(OtherCase)),
            ("ÄN", "ändern", Some(PrefixOtherCase)),
            ("größe", "groesse", None),
            ("名", "名前", Some(Prefix)),
        ] {
            assert_eq!(Wanted::new(wanted).and_then(|wanted| wanted.fit(name)), expected, "{wanted} {name}");
        }
    }

    #[test]
    fn a_name_that_fits_has_the_letters_of_the_wanted_one() {
        for (wanted, name) in [
            ("wsq", "WorkspaceSymbolQuery"),
            ("open file", "OPEN_FILE"),
            ("v8", "engine_v8"),
            ("größe", "Größe"),
            ("_", "_"),
        ] {
            let wanted = Wanted::new(wanted).expect("a name");
            assert!(wanted.fit(name).is_some() && Letters::of(name).contains(wanted.letters_needed()), "{name}");
        }
        let wanted = Wanted::new("open").expect("a name");
        assert!(!Letters::of("close").contains(wanted.letters_needed()));
    }

    #[test]
    fn long_and_hostile_names_are_compared() {
        let long = "aB_".repeat(200);
        let wanted = Wanted::new(&long).expect("a name");
        assert_eq!(wanted.len(), MAX_WANTED);
        assert_eq!(wanted.fit(&long), Some(Fit::Prefix));
        assert_eq!(wanted.fit("aB_"), None);
        for text in ["\0", "💥", "%s%n", "((((", "\u{202e}x"] {
            assert_eq!(Wanted::new(text).and_then(|wanted| wanted.fit(text)), Some(Fit::Exact), "{text:?}");
        }
    }
}
