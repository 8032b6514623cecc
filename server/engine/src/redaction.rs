//! Secrets inside files: found by their shape and masked before anything is analysed, stored or shown.
//!
//! A mask has the length of what it hides, so every position stays true, and says what it is: `[redacted]****`. Masking
//! a masked text changes nothing. What is taken for a secret errs on the side of showing code: a block of a private
//! key, a token whose issuer gave it a shape of its own, and a long random literal that is assigned to a name like
//! `secret` or `api_key`. In tokio
//! nothing is masked and in undici the three private keys of its tests (2026-11-21).

use std::{ops::Range, sync::LazyLock};

use regex::bytes::Regex;

/// How a mask begins.
pub const MARK: &str = "[redacted]";

/// Bits per character from which a literal counts as random: English words and identifiers lie below 3.6, base64 of
/// random bytes above 4.2 from 24 characters on.
const RANDOM_BITS: f64 = 3.9;
/// The same for hexadecimal digits, of which random ones have 4 at most.
const RANDOM_HEX_BITS: f64 = 3.2;

/// Tokens that can be told from everything else by their form alone, as their issuers document it.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    let forms = [
        r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        r"gh[pousr]_[A-Za-z0-9]{36,255}",
        r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
        r"glpat-[A-Za-z0-9_-]{20,}",
        r"xox[abeprs]-[A-Za-z0-9-]{24,}",
        r"[rs]k_live_[A-Za-z0-9]{20,}",
        r"AIza[A-Za-z0-9_-]{35}\b",
        r"npm_[A-Za-z0-9]{36}\b",
        r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}",
        r"sk-(?:ant|proj|svcacct)-[A-Za-z0-9_-]{40,}",
        r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
        r"hf_[A-Za-z]{34}\b",
        r"dop_v1_[a-f0-9]{64}",
        r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
        r"eyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{20,}",
    ];
    compiled(&format!(r"\b(?:{})", forms.join("|")))
});

/// A literal that is assigned to something whose name says that it is secret. Group 1 is the literal.
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    let names = "secret|token|passwd|password|api_?key|apikey|access_?key|auth_?key|private_?key|credential";
    compiled(&format!(
        r#"(?i)(?:{names})[a-z0-9_.\]-]{{0,32}}["']?\s{{0,8}}(?:=>|:=|=|:)\s{{0,8}}["'`]([A-Za-z0-9+/=_-]{{20,256}})["'`]"#
    ))
});

/// The head of a private key; its lines follow.
static KEY: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----((?s:.){64,16384}?)-----END"));

fn compiled(pattern: &str) -> Regex {
    regex::bytes::RegexBuilder::new(pattern).unicode(false).build().expect("a constant that a test compiles")
}

/// Masks the secrets in a text; how many there were.
pub fn redact(text: String) -> (String, usize) {
    let found = secrets(text.as_bytes());
    if found.is_empty() {
        return (text, 0);
    }
    let mut bytes = text.into_bytes();
    for range in &found {
        mask(&mut bytes[range.clone()]);
    }
    let text = String::from_utf8(bytes).expect("ASCII took the place of ASCII");
    (text, found.len())
}

/// Whether a text holds a mask.
pub fn is_redacted(text: &str) -> bool {
    text.contains("[redacted]*")
}

fn secrets(text: &[u8]) -> Vec<Range<usize>> {
    let keys = KEY.captures_iter(text).filter_map(|found| found.get(1)).map(|body| body.range());
    let keys = keys.filter(|body| is_key_body(&text[body.clone()]));
    let tokens = TOKEN.find_iter(text).map(|found| found.range()).filter(|token| !is_example(&text[token.clone()]));
    let assigned = ASSIGNED.captures_iter(text).filter_map(|found| found.get(1)).map(|literal| literal.range());
    let assigned = assigned.filter(|literal| is_random(&text[literal.clone()]));
    keys.chain(tokens).chain(assigned).collect()
}

/// Every ASCII character but line ends; what a file in another encoding holds besides stays.
fn mask(secret: &mut [u8]) {
    let mut mark = MARK.bytes();
    for byte in secret.iter_mut().filter(|byte| byte.is_ascii_graphic() || **byte == b' ') {
        *byte = mark.next().unwrap_or(b'*');
    }
}

/// A key in prose says `...` where its body would be.
fn is_key_body(body: &[u8]) -> bool {
    let base64 = body.iter().filter(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')).count();
    base64 >= 64 && !is_masked(body) && base64 * 10 >= body.len() * 6
}

fn is_masked(text: &[u8]) -> bool {
    memchr::memchr_iter(b'*', text).count() * 2 > text.len()
}

/// Words that people write into what only looks like a secret.
const EXAMPLES: &[&[u8]] =
    &[b"example", b"xxxxxx", b"placeholder", b"changeme", b"your", b"dummy", b"123456789", b"abcdef"];

fn is_example(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    EXAMPLES.iter().any(|word| memchr::memmem::find(&lower, word).is_some())
}

/// Whether a literal looks drawn at random: no words, no path, no enumeration.
fn is_random(literal: &[u8]) -> bool {
    let digits = literal.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = literal.iter().filter(|byte| byte.is_ascii_alphabetic()).count();
    if digits < 2 || letters < 4 || is_example(literal) {
        return false;
    }
    if literal.iter().all(u8::is_ascii_hexdigit) {
        return literal.len() >= 32 && entropy(literal) >= RANDOM_HEX_BITS;
    }
    // Names and paths are words between separators; random text has few runs of lower case letters.
    let parts = literal.split(|byte| matches!(byte, b'-' | b'_' | b'/' | b'.'));
    let worded: usize = parts.filter(|part| is_word(part)).map(<[u8]>::len).sum();
    worded * 3 < literal.len() && digits * 20 >= literal.len() && entropy(literal) >= RANDOM_BITS
}

fn is_word(part: &[u8]) -> bool {
    part.len() >= 3 && part[1..].iter().all(u8::is_ascii_lowercase) && part[0].is_ascii_alphabetic()
        || part.len() >= 3 && part.iter().all(u8::is_ascii_uppercase)
}

/// Shannon entropy in bits per character.
fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in text {
        counts[byte as usize] += 1;
    }
    let length = text.len() as f64;
    let share = |&count: &u32| f64::from(count) / length;
    counts.iter().filter(|count| **count > 0).map(share).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of secrets are put together here, so that no scanner of this repository takes them for real.
    fn token(prefix: &str, length: usize) -> String {
        let alphabet = b"q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA";
        let body = (0..length).map(|index| alphabet[(index * 7 + index / 32 * 5) % alphabet.len()] as char);
        prefix.chars().chain(body).collect()
    }

    #[test]
    fn secrets_are_masked_and_positions_stay() {
        let key =
            format!("-----BEGIN RSA PRIVATE {}-----\n{}\n{}\n-----END RSA", "KEY", token("MII", 60), token("", 64));
        let cases = [
            format!("let t = \"{}\";", token("ghp_", 36)),
            format!("aws = AKIA{}", "Q3EGWTRZB7XK5NVM"),
            format!("key: {}", token("xoxb-", 40)),
            format!("{key} größe"),
            format!("API_KEY = '{}'", token("", 40)),
            format!("\"client_secret\": \"{}\",", token("", 32)),
            format!("password := `{}`", token("", 24)),
            format!("authToken = \"{}\"", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c"),
        ];
        for text in cases {
            let (masked, count) = redact(text.clone());
            assert_eq!(count, 1, "{text}");
            assert_eq!(masked.len(), text.len());
            assert!(is_redacted(&masked), "{masked}");
            let lines = |text: &str| text.match_indices('\n').map(|(at, _)| at).collect::<Vec<_>>();
            assert_eq!(lines(&masked), lines(&text));
            assert_eq!(redact(masked.clone()), (masked, 0));
        }
    }

    #[test]
    fn code_stays() {
        for text in [
            "let token = \"next_token_of_the_stream\";",
            "secret: \"projects/one/secrets/two/versions/3\"",
            "const TOKEN_KIND: &str = \"identifier-or-keyword-2\";",
            "api_key = \"YOUR_API_KEY_GOES_HERE_1234\"",
            "password = \"correct horse battery staple\"",
            "password_field = \"user_password_confirmation_1\"",
            "AWS key AKIAIOSFODNN7EXAMPLE of the documentation",
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----",
            "let hash = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822c\";",
            "tokenize(input: \"abc\")",
            "access_key = os.environ[\"AWS_ACCESS_KEY_ID_2\"]",
        ] {
            assert_eq!(redact(text.to_owned()), (text.to_owned(), 0));
        }
    }
}
