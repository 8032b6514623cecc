//! Values that are drawn at random and stand under no telling name: judged by length, entropy and pairs of characters alone.
//!
//! Scanners of secrets part here. truffleHog in its first versions and detect-secrets take every run of characters of base64
//! whose Shannon entropy exceeds 4.5 bits (in hexadecimal 3.0), detect-secrets in quotes alone and less what its filter of
//! gibberish, a chain of letter pairs, takes for words; the generic rule of gitleaks asks for a telling name and 3.5 bits;
//! GitHub's push protection goes by forms of issuers. A bound on entropy alone finds mostly names and paths in code, since
//! 4.5 bits are more than 24 random characters have and less than 60 of English in mixed case. So the bound here follows the
//! length, and letter pairs decide what entropy cannot. `docs/operations.md` counts what this takes.

use std::ops::Range;

/// Bytes of a value. What is shorter is a name as often as not; what is longer is data in base64, of which keys are told by
/// their form (`KEY_DER`).
pub(super) const BYTES: Range<usize> = 24..161;
/// The least without quotes, where code stands, and of one case, which identifiers of 24 and 25 characters have.
const BARE_BYTES: usize = 28;

/// Part of the most entropy that a text of its length can have: `log2` of its length, or of the size of its alphabet where that
/// is smaller. Of 4,000 texts drawn at random for each length from 20 to 200, one in 200 lies below 0.815 in base62 and base64
/// and below 0.75 in base36 and base32, which is the reason for the two bounds.
const MIXED_SHARE: f64 = 0.815;
const PLAIN_SHARE: f64 = 0.75;

/// The fifty most frequent pairs of letters in English, more than half of all that occur (Norvig 2013, "English Letter Frequency
/// Counts: Mayzner Revisited"). Random letters are one of them in a fourteenth of the places.
const WORD_PAIRS: &[u8] =
    b"th he in er an re on at en nd ti es or te of ed is it al ar st to nt ng se ha as ou io le ve co me \
de hi ri ro ic ne ea ra ce li ch ll be ma si om ur ";

/// Words on the left, on the same line, of what is random and no secret: digests, identifiers, what is meant to be public, and
/// data inside text.
const PUBLIC: &[&[u8]] = &[
    b"sha1", b"sha2", b"sha3", b"sha5", b"sha-", b"sha_", b"md5", b"h1:", b"blake", b"hash", b"digest", b"checksum",
    b"integrity", b"fingerprint", b"thumbprint", b"signature", b"commit", b"revision", b"etag", b"uuid", b"guid",
    b"boundary", b"public_key", b"public-key", b"public key", b"publickey", b"pubkey", b"cert", b"ssh-", b"ecdsa-",
    b"base64,",
];
/// How far on the left, in bytes.
const PUBLIC_BYTES: usize = 64;

/// How public keys of SSH, public keys and certificates in DER, names that compilers made, digests with their kind and data of
/// known kinds (gzip, zstd, PNG, GIF, JPEG, zip, WebAssembly) begin.
const KNOWN: &[&[u8]] = &[
    b"AAAA", b"MII", b"MIG", b"MCow", b"MFkw", b"MFww", b"MHYw", b"_Z", b"__Z", b"sha1-", b"sha256-", b"sha384-",
    b"sha512-", b"sha1/", b"sha256/", b"sha384/", b"sha512/", b"H4sI", b"iVBORw0K", b"R0lGOD", b"KLUv/Q", b"/9j/4",
    b"UEsDB", b"AGFzbQ",
];

/// What random values consist of, in base64 of both alphabets.
pub(super) const fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'_' | b'-')
}

/// Whether a run is a secret by what it is and where it stands.
pub(super) fn is_value(text: &[u8], run: &Range<usize>) -> bool {
    let value = &text[run.clone()];
    BYTES.contains(&value.len())
        && is_random(value)
        && stands_alone(text, run)
        && !is_public(text, run.start)
        && !is_of_block(text, run)
        && text_in(value).is_none_or(|text| BYTES.contains(&text.len()) && is_random(&text))
}

/// Whether a run is a literal, a word of a text or the value of a name: no part of a path, of an expression or of an address.
fn stands_alone(text: &[u8], run: &Range<usize>) -> bool {
    let before = run.start.checked_sub(1).map(|at| text[at]);
    let padding = text[run.end..].iter().take(3).take_while(|byte| **byte == b'=').count();
    let after = text.get(run.end + padding).copied();
    if before.is_some_and(|byte| b"\"'`".contains(&byte)) && (after == before || after == Some(b'\\')) {
        return true;
    }
    // Without quotes around it it may be a name.
    run.len() >= BARE_BYTES
        && humps(&text[run.clone()]) * 5 < run.len() * 3
        && before.is_none_or(|byte| byte.is_ascii_whitespace() || b"\"'`=:,|>".contains(&byte))
        && after.is_none_or(|byte| byte.is_ascii_whitespace() || b"\"'`,;&|<#\\}".contains(&byte))
}

/// Whether the line says of a value that it is none to hide.
fn is_public(text: &[u8], start: usize) -> bool {
    let line = &text[start.saturating_sub(PUBLIC_BYTES)..start];
    let line = line.rsplit(|byte| *byte == b'\n').next().unwrap_or_default().to_ascii_lowercase();
    // A map of hashes is any map.
    let says = |word: &[u8]| {
        memchr::memmem::find_iter(&line, word).any(|at| word != b"hash" || !line[at + word.len()..].starts_with(b"map"))
    };
    PUBLIC.iter().any(|word| says(word))
}

/// Bytes from which a line of nothing else is one of a block of data: PEM has 64, MIME 76.
const BLOCK_LINE_BYTES: usize = 48;

/// Whether a run is a line of data over several lines, such as a certificate: the line before or behind it is one too, be it
/// that the lines are those of a literal.
fn is_of_block(text: &[u8], run: &Range<usize>) -> bool {
    let start = line_start(text, run.start);
    let end = memchr::memchr(b'\n', &text[run.end..]).map_or(text.len(), |at| run.end + at);
    let above = start.checked_sub(1).map(|end| &text[line_start(text, end)..end]);
    let below = text.get(end + 1..).and_then(|rest| rest.split(|byte| *byte == b'\n').next());
    let rest = Some(&text[run.end..end]).filter(|rest| rest.starts_with(b"\\"));
    [above, below, rest].into_iter().flatten().any(is_block_line)
}

fn line_start(text: &[u8], at: usize) -> usize {
    memchr::memrchr(b'\n', &text[..at]).map_or(0, |before| before + 1)
}

/// A line of long runs and what quotes, joins or escapes them: no name, and no comma of a list. A mask stands for what it hides.
fn is_block_line(line: &[u8]) -> bool {
    let (mut at, mut has_data) = (0, false);
    while let Some(&first) = line.get(at) {
        let is_data = |byte: &&u8| is_part(**byte) || matches!(**byte, b'[' | b']' | b'*');
        let run = line[at..].iter().take_while(is_data).count();
        at += match first {
            _ if run >= BLOCK_LINE_BYTES => {
                has_data = true;
                run
            }
            b'\\' => 2,
            b'=' if has_data => 1,
            b' ' | b'\t' | b'\r' | b'"' | b'\'' | b'`' | b'+' | b'*' | b'/' | b'#' | b';' | b'.' | b'(' | b')' => 1,
            _ => return false,
        };
    }
    has_data
}

/// Whether a value looks drawn at random.
fn is_random(value: &[u8]) -> bool {
    let count = |is: fn(&u8) -> bool| value.iter().filter(|byte| is(byte)).count();
    let digits = count(u8::is_ascii_digit);
    // Most runs are names, which have none.
    if digits == 0 {
        return false;
    }
    let (lower, upper) = (count(u8::is_ascii_lowercase), count(u8::is_ascii_uppercase));
    let others = value.len() - digits - lower - upper;
    let is_mixed = lower * 8 >= value.len() && upper * 8 >= value.len();
    let of = |size: usize| (value.len().min(size) as f64).log2();
    let is_spread = if is_mixed {
        // Neighbours of random text differ in kind in 62 of 100 places, in 38 and more of 199 texts of 200 from 32 characters on.
        others * 8 <= value.len()
            && changes(value) * 100 >= 38 * (value.len() - 1)
            && super::entropy(value) >= MIXED_SHARE * of(62)
    } else {
        // Of one case: random digits are two or three of ten, words have them at their ends, digests have no other letters.
        let beyond = count(|byte| matches!(byte.to_ascii_lowercase(), b'g'..=b'z'));
        value.len() >= BARE_BYTES
            && others == 0
            && lower.min(upper) == 0
            && digits * 8 >= value.len()
            && beyond * 10 >= value.len() * 3
            && changes(value) * 5 >= value.len() - 1
            && super::entropy(value) >= PLAIN_SHARE * of(36)
    };
    is_spread && !super::is_example(value) && !is_known(value) && !is_worded(value) && !is_sequence(value)
}

/// Places where a character is of another kind than the one before.
fn changes(value: &[u8]) -> usize {
    let kind = |byte: u8| match byte {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    value.windows(2).filter(|pair| kind(pair[0]) != kind(pair[1])).count()
}

/// Whether a value reads like words: a quarter of its pairs of letters are those of words, or an eighth and half of it is in
/// humps. Of random values of 24 to 64 characters one in fifty does.
fn is_worded(value: &[u8]) -> bool {
    let (mut all, mut of_words) = (0, 0);
    for pair in value.windows(2).filter(|pair| pair.iter().all(u8::is_ascii_alphabetic)) {
        let pair = [pair[0].to_ascii_lowercase(), pair[1].to_ascii_lowercase()];
        all += 1;
        of_words += usize::from(WORD_PAIRS.chunks_exact(3).any(|word| word[..2] == pair));
    }
    of_words * 4 >= all || humps(value) * 2 >= value.len() && of_words * 8 >= all
}

/// Bytes of a value of both cases in what looks like its words: three lower case letters and more, or two behind one of upper
/// case. That is 28 of 100 in random text, more than half in one text of twenty and more than 60 of 100 in one of fifty.
fn humps(value: &[u8]) -> usize {
    if !value.iter().any(u8::is_ascii_uppercase) {
        return 0;
    }
    let (mut bytes, mut at) = (0, 0);
    while at < value.len() {
        let capital = usize::from(value[at].is_ascii_uppercase());
        let hump = capital + value[at + capital..].iter().take_while(|byte| byte.is_ascii_lowercase()).count();
        if hump >= 3 {
            bytes += hump;
        }
        at += hump.max(1);
    }
    bytes
}

/// Whether neighbours follow each other in the alphabet, as in tables of it: in a fifth of the places, at random in a thirtieth.
fn is_sequence(value: &[u8]) -> bool {
    let follows = value.windows(2).filter(|pair| pair[0].abs_diff(pair[1]) <= 1).count();
    follows * 5 >= value.len()
}

/// Forms of what is random and no secret: `KNOWN`, ULIDs, and digests inside something else.
fn is_known(value: &[u8]) -> bool {
    let is_ulid = || {
        value.len() == 26
            && matches!(value[0], b'0'..=b'7')
            && value.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase() && !b"ILOU".contains(byte))
    };
    KNOWN.iter().any(|start| value.starts_with(start)) || longest_hex(value) >= 20 || is_ulid()
}

fn longest_hex(value: &[u8]) -> usize {
    value.split(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f')).map(<[u8]>::len).max().unwrap_or(0)
}

/// The text that a value holds in base64. Random bytes are all printable in one of some millions of values.
fn text_in(value: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        _ => 63,
    };
    let (mut bits, mut text) = (0_u32, Vec::with_capacity(value.len()));
    for (at, &byte) in value.iter().enumerate() {
        bits = bits << 6 | u32::from(digit(byte));
        let further = (at + 1) * 6 % 8;
        if further < 6 {
            text.push((bits >> further) as u8);
        }
    }
    let printable = text.iter().filter(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t')).count();
    (printable * 10 >= text.len() * 9).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::super::redact;

    /// A generator of its own (SplitMix64, Steele 2014), so that the texts are the same on every machine.
    struct Dice(u64);

    impl Dice {
        fn text(&mut self, alphabet: &[u8], length: usize) -> String {
            let mut next = || {
                self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
                alphabet[((mixed ^ mixed >> 31) % alphabet.len() as u64) as usize] as char
            };
            (0..length).map(|_| next()).collect()
        }
    }

    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    /// Parts of 1,000 that are masked at the least: of short texts some are words by chance.
    #[test]
    fn most_of_what_is_drawn_at_random_is_masked() {
        let lower = &BASE64[26..62];
        let upper: Vec<u8> = lower.to_ascii_uppercase();
        for (alphabet, least) in [
            (&BASE64[..62], [(24, 850), (32, 920), (40, 950), (64, 970), (128, 980)]),
            (BASE64, [(24, 850), (32, 920), (43, 950), (86, 970), (160, 970)]),
            (lower, [(28, 850), (32, 850), (40, 900), (64, 950), (128, 950)]),
            (&upper, [(28, 850), (32, 850), (40, 900), (64, 950), (128, 950)]),
        ] {
            for (length, least) in least {
                let mut dice = Dice(length as u64);
                let literal = |_| redact(format!("x = \"{}\"", dice.text(alphabet, length))).1;
                let masked: usize = (0..1_000).map(literal).sum();
                assert!(masked >= least, "{masked} of {length} characters of {}", alphabet.len());
            }
        }
    }

    /// What stands around a value decides whether it is one. Masks change what stands around others.
    #[test]
    fn masking_twice_is_masking_once() {
        let pieces = [" ", "\n", "\"", "'", "=", ", ", "hash: ", "\\n", "x = ", "token: ", "/", "- ", "\" +\n\"", "ü"];
        let mut dice = Dice(7);
        for _ in 0..3_000 {
            let mut text = String::new();
            for _ in 0..8 {
                let numbers = dice.text(b"abcdefghijklmn", 3).into_bytes();
                let length = [20, 24, 32, 48, 64, 64, 64, 90][usize::from(numbers[2] - b'a') % 8];
                text += pieces[usize::from(numbers[0] - b'a')];
                text += &dice.text(BASE64, length);
                text += pieces[usize::from(numbers[1] - b'a')];
            }
            let once = redact(text.clone()).0;
            assert_eq!(redact(once.clone()), (once, 0), "{text}");
        }
    }
}
