//! Names: how a wanted name and a symbol's name fit, and the search for symbols by name.

use std::sync::Arc;

use conexus_index::{FileEntry, IndexSnapshot, SymbolRef};

/// Symbols whose name fits the last part of a pattern and whose container holds the parts before it, best first.
/// `::`, `.` and `#` separate parts; an empty pattern fits all symbols, in the order of paths.
pub(crate) fn symbols_named<'a>(
    index: &'a IndexSnapshot,
    pattern: &str,
    limit: usize,
) -> Vec<(&'a Arc<FileEntry>, SymbolRef<'a>)> {
    let parts: Vec<&str> = pattern.split([':', '.', '#', ' ']).filter(|part| !part.is_empty()).collect();
    let Some((wanted, containers)) = parts.split_last() else { return index.symbols().take(limit).collect() };
    let mut found: Vec<(NameMatch, usize, usize, &Arc<FileEntry>, SymbolRef<'_>)> = Vec::new();
    for (file, symbol) in index.symbols() {
        let (outer, own) = split_name(symbol.name());
        if let Some(quality) = match_name(wanted, own)
            && containers_fit(containers, &[symbol.container(), outer, file.path()])
        {
            found.push((quality, symbol.name().len(), found.len(), file, symbol));
        }
    }
    found.sort_unstable_by_key(|&(quality, length, order, ..)| (quality, length, order));
    found.truncate(limit);
    found.into_iter().map(|(.., file, symbol)| (file, symbol)).collect()
}

/// Whether each wanted container occurs in one of the places, whatever the case.
fn containers_fit(wanted: &[&str], places: &[&str]) -> bool {
    let holds = |text: &str, part: &str| {
        text.split(|character: char| !(character.is_alphanumeric() || character == '_'))
            .any(|piece| piece.eq_ignore_ascii_case(part))
    };
    wanted.iter().all(|part| places.iter().any(|place| holds(place, part)))
}

/// Splits a name that is qualified where it is defined, such as the module `Ecto.Query` or the namespace `App\\Http`,
/// into what comes before its last part and that part.
pub(crate) fn split_name(name: &str) -> (&str, &str) {
    match memchr::memrchr3(b'.', b':', b'\\', name.as_bytes()) {
        Some(at) if at + 1 < name.len() => (name[..at].trim_end_matches(':'), &name[at + 1..]),
        _ => ("", name),
    }
}

/// How a symbol's name answers a name in a query; better ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum NameMatch {
    Exact,
    OtherCase,
    /// `parse_json` for `parseJson`.
    OtherStyle,
    Prefix,
    Subsequence,
}

/// Compares a wanted name with a symbol's. Prefixes need 3 characters and subsequences 4, so that short names do not
/// match everything.
pub(super) fn match_name(wanted: &str, name: &str) -> Option<NameMatch> {
    if name == wanted {
        return Some(NameMatch::Exact);
    }
    if name.eq_ignore_ascii_case(wanted) {
        return Some(NameMatch::OtherCase);
    }
    if same_letters(wanted, name) {
        return Some(NameMatch::OtherStyle);
    }
    if name.len() <= wanted.len() || wanted.len() < 3 {
        return None;
    }
    if name.as_bytes()[..wanted.len()].eq_ignore_ascii_case(wanted.as_bytes()) {
        return Some(NameMatch::Prefix);
    }
    (wanted.len() >= 4 && is_subsequence(wanted, name)).then_some(NameMatch::Subsequence)
}

/// Equal but for case and what is neither letter nor digit, of which names need one.
fn same_letters(left: &str, right: &str) -> bool {
    let mut left = left.bytes().filter(|&byte| is_letter(byte));
    let mut right = right.bytes().filter(|&byte| is_letter(byte));
    let mut some = false;
    loop {
        match (left.next(), right.next()) {
            (None, None) => return some,
            (Some(left), Some(right)) if left.eq_ignore_ascii_case(&right) => some = true,
            _ => return false,
        }
    }
}

const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// Whether the last part of the wanted container is the last part of the symbol's, or a part of its path.
pub(super) fn container_matches(wanted: &str, container: &str, path: &str) -> bool {
    let last = |text: &'_ str| text.rsplit([':', '.', '#', '>', '\\']).next().unwrap_or("").to_ascii_lowercase();
    let wanted = last(wanted);
    wanted == last(container) || path.to_ascii_lowercase().split(['/', '.']).any(|part| part == wanted)
}

/// Whether the characters of `wanted` occur in `name` in order, whatever their case, beginning where a word begins.
fn is_subsequence(wanted: &str, name: &str) -> bool {
    let mut wanted = wanted.bytes().map(|byte| byte.to_ascii_lowercase());
    let Some(mut next) = wanted.next() else { return true };
    let mut started = false;
    let mut previous = b'_';
    for byte in name.bytes() {
        let begins_word = previous == b'_' || (byte.is_ascii_uppercase() && !previous.is_ascii_uppercase());
        if byte.to_ascii_lowercase() == next && (started || begins_word) {
            started = true;
            match wanted.next() {
                Some(byte) => next = byte,
                None => return true,
            }
        }
        previous = byte;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualified_names_split_at_their_last_part() {
        for (name, expected) in [
            ("Ecto.Query", ("Ecto", "Query")),
            ("App\\Http", ("App", "Http")),
            ("a::b::c", ("a::b", "c")),
            ("plain", ("", "plain")),
            ("==.", ("", "==.")),
        ] {
            assert_eq!(split_name(name), expected, "{name}");
        }
    }

    #[test]
    fn names_match_by_quality() {
        for (wanted, name, expected) in [
            ("open", "open", Some(NameMatch::Exact)),
            ("open", "Open", Some(NameMatch::OtherCase)),
            ("parse_json", "parseJSON", Some(NameMatch::OtherStyle)),
            ("name", "$name", Some(NameMatch::OtherStyle)),
            ("_", "__", None),
            ("open", "open_file", Some(NameMatch::Prefix)),
            ("opfi", "open_file", Some(NameMatch::Subsequence)),
            ("file", "open_file", Some(NameMatch::Subsequence)),
            ("pen_", "open_file", None),
            ("of", "open_file", None),
            ("open_file", "open", None),
        ] {
            assert_eq!(match_name(wanted, name), expected, "{wanted} {name}");
        }
    }
}
