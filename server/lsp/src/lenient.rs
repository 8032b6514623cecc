//! JSON as editors write it.
//!
//! Strings of JavaScript may hold half a surrogate pair, as when the other half has just been deleted, and
//! `JSON.stringify` writes it as an escape that stands for no character. In place of each comes U+FFFD, one unit of
//! UTF-16 as well: positions stay what they were.

use serde::de::DeserializeOwned;

/// A value from a message's body; halves of surrogate pairs are replaced.
pub(crate) fn from_slice<T: DeserializeOwned>(body: &[u8]) -> serde_json::Result<T> {
    serde_json::from_slice(body).or_else(|error| match without_halves(body) {
        Some(mended) => serde_json::from_slice(&mended),
        None => Err(error),
    })
}

/// Bytes of an escape such as `\ud83d`.
const ESCAPE_BYTES: usize = 6;

/// `None` when there is no half.
fn without_halves(body: &[u8]) -> Option<Vec<u8>> {
    let mut mended = None;
    let mut at = 0;
    while let Some(start) = body.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)).map(|found| at + found) {
        let Some(unit) = unit_at(body, start) else {
            // With the byte that is escaped, which may be a backslash.
            at = start + 2;
            continue;
        };
        at = start + ESCAPE_BYTES;
        match unit {
            0xd800..=0xdbff if unit_at(body, at).is_some_and(|low| (0xdc00..=0xdfff).contains(&low)) => {
                at += ESCAPE_BYTES;
            }
            0xd800..=0xdfff => {
                mended.get_or_insert_with(|| body.to_vec())[start..at].copy_from_slice(b"\\ufffd");
            }
            _ => {}
        }
    }
    mended
}

/// The unit of UTF-16 for which the escape at a place stands.
fn unit_at(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + ESCAPE_BYTES)?.strip_prefix(b"\\u")?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_pairs_are_replaced_and_all_else_stays() {
        for (json, text) in [
            (r#""\ud83d""#, Some("\u{fffd}")),
            (r#""a\uD83Db\uDE00c""#, Some("a\u{fffd}b\u{fffd}c")),
            (r#""\ud83d\ude00 \ud83d""#, Some("😀 \u{fffd}")),
            (r#""\ud83d\ud83d\ude00""#, Some("\u{fffd}😀")),
            (r#""\ude00\ud83d""#, Some("\u{fffd}\u{fffd}")),
            (r#""\ud83d\n\u0041""#, Some("\u{fffd}\nA")),
            // A backslash that is escaped begins no escape.
            (r#""\\ud83d \udc00""#, Some("\\ud83d \u{fffd}")),
            (r#""\\\ud83d""#, Some("\\\u{fffd}")),
            (r#""\ud83d\\ude00""#, Some("\u{fffd}\\ude00")),
            (r#""😀\ud83d""#, Some("😀\u{fffd}")),
            // Nothing here makes JSON of what is none.
            (r#""\ud83d"#, None),
            (r#""\ud8""#, None),
            (r#""\u{d83d}""#, None),
            (r#""\ud83d\"#, None),
        ] {
            assert_eq!(from_slice::<String>(json.as_bytes()).ok().as_deref(), text, "{json}");
        }
    }
}
