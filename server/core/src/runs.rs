//! Runs of bytes of one class, found eight bytes at a time: words are short, so that a branch for each byte costs more
//! than looking at some bytes in vain.

/// Where the run of bytes of a class that begins at `at` ends; `at` itself when no byte of the class stands there.
///
/// `class` is one of the functions below, or a union of several (`|`).
pub fn end(bytes: &[u8], mut at: usize, class: impl Fn(u64) -> u64) -> usize {
    while at < bytes.len() {
        let others = !class(word(bytes, at)) & HIGHEST;
        if others != 0 {
            // Behind the last byte lie zeros, which are of no class.
            return at + (others.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at
}

/// Where the first byte of a class lies, from `at` on; the length of all bytes if there is none.
pub fn next(bytes: &[u8], mut at: usize, class: impl Fn(u64) -> u64) -> usize {
    while at < bytes.len() {
        let found = class(word(bytes, at));
        if found != 0 {
            return at + (found.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    bytes.len()
}

const HIGHEST: u64 = 0x8080_8080_8080_8080;

const fn each(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

/// Eight bytes from `at` on; behind the last byte, zeros.
fn word(bytes: &[u8], at: usize) -> u64 {
    let rest = &bytes[at..];
    match rest.first_chunk::<8>() {
        Some(eight) => u64::from_le_bytes(*eight),
        None => last_word(bytes, rest),
    }
}

/// The same where fewer than eight bytes are left, without a step for each of them: most words are as short as that.
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    if let Some(eight) = bytes.last_chunk::<8>() {
        // The bytes before leave at the lower end; one is left at least.
        return u64::from_le_bytes(*eight).unbounded_shr(8 * (8 - rest.len() as u32));
    }
    match (rest.first_chunk::<4>(), rest.last_chunk::<4>(), rest) {
        (Some(first), Some(last), _) => {
            let last = u64::from(u32::from_le_bytes(*last)) << (8 * (rest.len() - 4));
            u64::from(u32::from_le_bytes(*first)) | last
        }
        (.., [first, .., last]) => {
            let (middle, end) = (rest.len() / 2, rest.len() - 1);
            u64::from(*first) | u64::from(rest[middle]) << (8 * middle) | u64::from(*last) << (8 * end)
        }
        (.., [only]) => u64::from(*only),
        _ => 0,
    }
}

/// Marks by their highest bit the bytes from `first` to `last`, both below 128.
fn between(bytes: u64, first: u8, last: u8) -> u64 {
    // Below 128 no sum leaves its byte, and it reaches the highest bit from the bound on.
    let low = bytes & !HIGHEST;
    let (from, above) = (low + each(128 - first), low + each(127 - last));
    from & !above & !bytes & HIGHEST
}

/// Marks the small letters of ASCII.
pub fn small(bytes: u64) -> u64 {
    between(bytes, b'a', b'z')
}

/// Marks the capitals of ASCII.
pub fn capital(bytes: u64) -> u64 {
    between(bytes, b'A', b'Z')
}

/// Marks the digits of ASCII.
pub fn digit(bytes: u64) -> u64 {
    between(bytes, b'0', b'9')
}

/// Marks the letters of ASCII.
pub fn letter(bytes: u64) -> u64 {
    small(bytes | each(0x20))
}

/// Marks `_`.
pub fn underscore(bytes: u64) -> u64 {
    between(bytes, b'_', b'_')
}

/// Marks the bytes of all characters beyond ASCII.
pub fn wide(bytes: u64) -> u64 {
    bytes & HIGHEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_is_in_its_classes() {
        type Class = (fn(u64) -> u64, fn(&u8) -> bool);
        let classes: [Class; 6] = [
            (small, u8::is_ascii_lowercase),
            (capital, u8::is_ascii_uppercase),
            (digit, u8::is_ascii_digit),
            (letter, u8::is_ascii_alphabetic),
            (underscore, |&byte| byte == b'_'),
            (wide, |byte| !byte.is_ascii()),
        ];
        for byte in 0..=u8::MAX {
            for (class, expected) in classes {
                for place in 0..8 {
                    // Neighbours that would carry.
                    for other in [0, 0x7f, 0xff] {
                        let mut bytes = [other; 8];
                        bytes[place] = byte;
                        let marks: [bool; 8] = std::array::from_fn(|at| expected(&bytes[at]));
                        let found = class(u64::from_le_bytes(bytes)).to_le_bytes();
                        assert_eq!(found.map(|mark| mark == 0x80), marks, "{bytes:?}");
                        assert!(found.iter().all(|mark| matches!(mark, 0 | 0x80)), "{bytes:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn eight_bytes_are_read_up_to_the_end() {
        let all: Vec<u8> = (1..=20).collect();
        for from in 0..all.len() {
            for to in from..=all.len() {
                let bytes = &all[from..to];
                for at in 0..=bytes.len() {
                    let slowly = bytes[at..].iter().take(8).rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
                    assert_eq!(word(bytes, at), slowly, "{bytes:?} from {at}");
                }
            }
        }
    }

    #[test]
    fn runs_begin_and_end() {
        for before in 0..20 {
            for inside in 0..20 {
                for after in 0..10 {
                    let text = [" ".repeat(before), "x".repeat(inside), "-".repeat(after)].concat();
                    let start = next(text.as_bytes(), 0, letter);
                    assert_eq!(start, if inside == 0 { text.len() } else { before }, "{text:?}");
                    assert_eq!(end(text.as_bytes(), before, letter), before + inside, "{text:?}");
                }
            }
        }
    }
}
