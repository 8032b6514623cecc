//! Secrets inside files: found by their shape and masked before anything is analysed, stored or shown.
//!
//! A mask has the length of what it hides, so every position stays true, and says what it is: `[redacted]****`. Masking
//! a masked text changes nothing. What is taken for a secret errs on the side of showing code: a block of a private
//! key, a token whose issuer gave it a shape of its own, a long random value of a name like `secret` or `api_key`, in
//! quotes or not, what follows `Bearer`, a random password in a URL, and what is random by itself, where more is asked
//! (`random`). `docs/operations.md` counts what they take.

mod heads;
mod random;

use std::{ops::Range, sync::LazyLock};

use regex::bytes::Regex;

/// How a mask begins.
pub const MARK: &str = "[redacted]";

/// Bits per character from which hexadecimal digits count as random, which have 4 at most.
const RANDOM_HEX_BITS: f64 = 3.2;
/// How often a text is looked at, at most: each time finds what the masks of the time before have changed.
const ROUNDS: usize = 8;

/// Tokens that can be told from everything else by their form alone, as their issuers document it.
static TOKEN: LazyLock<Regex> = LazyLock::new(|| {
    let forms = [
        r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b",
        r"gh[pousr]_[A-Za-z0-9]{36,255}",
        r"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}",
        r"glpat-[A-Za-z0-9_-]{20,}",
        r"xox[abeprs]-[A-Za-z0-9-]{24,}",
        r"[rs]k_(?:live|test)_[A-Za-z0-9]{20,}",
        r"AIza[A-Za-z0-9_-]{35}\b",
        r"npm_[A-Za-z0-9]{36}\b",
        r"pypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}",
        r"sk-(?:(?:ant|proj|svcacct)-[A-Za-z0-9_-]{40,}|[A-Za-z0-9]{48}\b)",
        r"services/T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{24}\b",
        r"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}",
        r"hf_[A-Za-z0-9]{34}\b",
        r"dop_v1_[a-f0-9]{64}",
        r"AGE-SECRET-KEY-1[0-9A-Z]{58}",
        r"eyJ[A-Za-z0-9_-]{16,}\.eyJ[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{20,}",
    ];
    compiled(&format!(r"\b(?:{})", forms.join("|")))
});

/// The head of a private key; its lines follow.
static KEY: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----((?s:.){64,16384}?)-----END"));

/// A private key in base64 without its head, told by how its DER begins: a sequence, then the version, 0 in PKCS #1 (RFC 8017,
/// A.1.2) and PKCS #8 (RFC 5208, 5), 1 in SEC 1 (RFC 5915, 3), where a certificate has another sequence; or by the magic word of
/// OpenSSH. More lines may follow, in literals too.
static KEY_DER: LazyLock<Regex> = LazyLock::new(|| {
    let heads = [
        "MI[IJ][A-Za-z0-9+/]{2}[AQgw]IBA[AD]",
        "MI[E-H][A-Za-z0-9+/]AgE(?:A|BBD)",
        "MHcCAQEE",
        "M[A-H][A-Za-z0-9+/]CAQAw",
        "b3BlbnNzaC1rZXktdjEA",
    ];
    let (head, joined) = (heads.join("|"), r#"[\\\s"'`+,]{1,48}"#);
    compiled(&format!(
        r"^(?:{head})[A-Za-z0-9+/]{{32,}}(?:{joined}[A-Za-z0-9+/]{{40,}})*(?:{joined}[A-Za-z0-9+/]{{2,}}={{1,2}})?"
    ))
});
/// Bytes of such a key that are looked at: one of 8,192 bits has 6,400.
const KEY_BYTES: usize = 16_384;

fn compiled(pattern: &str) -> Regex {
    regex::bytes::RegexBuilder::new(pattern).unicode(false).build().expect("a constant that a test compiles")
}

/// Masks the secrets in a text; how many there were.
pub fn redact(mut text: String) -> (String, usize) {
    let mut count = 0;
    for _ in 0..ROUNDS {
        let found = secrets(text.as_bytes());
        if found.is_empty() {
            break;
        }
        count += found.len();
        let mut bytes = text.into_bytes();
        for range in found {
            mask(&mut bytes[range]);
        }
        text = String::from_utf8(bytes).expect("ASCII took the place of ASCII");
    }
    (text, count)
}

/// Whether a text holds a mask.
pub fn is_redacted(text: &str) -> bool {
    text.contains("[redacted]*")
}

/// Where the masks of a text are. That of a key goes on over lines of nothing but `*`.
pub fn masks(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices(MARK).filter_map(|(start, _)| {
        let stars = |from: usize| text[from..].bytes().take_while(|byte| *byte == b'*').count();
        let mut end = start + MARK.len();
        let first = stars(end);
        end += first;
        loop {
            let next = end + text[end..].bytes().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let more = if next > end { stars(next) } else { 0 };
            if more == 0 {
                return (first > 0).then_some(start..end);
            }
            end = next + more;
        }
    })
}

fn secrets(text: &[u8]) -> Vec<Range<usize>> {
    let keys = KEY.captures_iter(text).filter_map(|found| found.get(1)).map(|body| body.range());
    let keys = keys.filter(|body| is_key_body(&text[body.clone()]));
    let tokens = TOKEN.find_iter(text).map(|found| found.range()).filter(|token| !is_example(&text[token.clone()]));
    let mut found: Vec<_> = keys.chain(tokens).chain(heads::passwords(text)).collect();
    // Few runs of characters could be a secret, so that heads are looked for around these alone.
    let mut around = 0..0;
    for run in runs(text, heads::VALUE_BYTES.start, heads::is_part_of_value) {
        let of_base64 = runs(&text[run.clone()], random::BYTES.start, random::is_part);
        found.extend(of_base64.map(|part| run.start + part.start..run.start + part.end).filter_map(|part| {
            let value = || random::is_value(text, &part).then(|| part.clone());
            key_at(text, part.start).or_else(value)
        }));
        if has_digits_and_letters(&text[run.clone()]) {
            let start = run.start.saturating_sub(heads::HEAD_BYTES);
            if start > around.end {
                found.extend(heads::values_in(text, around));
                around = start..start;
            }
            around.end = run.end;
        }
    }
    found.extend(heads::values_in(text, around));
    found.sort_unstable_by_key(|secret| secret.start);
    found.dedup_by(|next, before| {
        let is_part = next.start < before.end;
        if is_part {
            before.end = before.end.max(next.end);
        }
        is_part
    });
    found
}

/// The runs of characters of a kind that are long enough, from left to right.
fn runs(text: &[u8], least: usize, is_part: impl Fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        // A run as long as the least has a part of it at each such distance, so that most bytes are not looked at.
        while let Some(&byte) = text.get(at + least - 1) {
            let last = at + least - 1;
            if !is_part(byte) {
                at = last + 1;
                continue;
            }
            let start = last - text[at..last].iter().rev().take_while(|byte| is_part(**byte)).count();
            let end = last + text[last..].iter().take_while(|byte| is_part(**byte)).count();
            at = end + 1;
            if end - start >= least {
                return Some(start..end);
            }
        }
        None
    })
}

/// The private key without a head that begins there.
fn key_at(text: &[u8], start: usize) -> Option<Range<usize>> {
    let rest = &text[start..text.len().min(start + KEY_BYTES)];
    let found = rest.starts_with(b"M") || rest.starts_with(b"b3B");
    let found = found.then(|| KEY_DER.find(rest)).flatten()?;
    Some(start..start + found.end())
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

/// Whether a text has as many of both as the least random literal.
fn has_digits_and_letters(text: &[u8]) -> bool {
    text.iter().filter(|byte| byte.is_ascii_digit()).nth(1).is_some()
        && text.iter().filter(|byte| byte.is_ascii_alphabetic()).nth(3).is_some()
}

/// Whether a literal looks drawn at random: no words, no path, no enumeration.
fn is_random(literal: &[u8], least_bits: f64) -> bool {
    if !has_digits_and_letters(literal) || is_example(literal) {
        return false;
    }
    let digits = literal.iter().filter(|byte| byte.is_ascii_digit()).count();
    if literal.iter().all(u8::is_ascii_hexdigit) {
        return literal.len() >= 32 && entropy(literal) >= RANDOM_HEX_BITS;
    }
    // Names and paths are words between separators; random text has few runs of lower case letters.
    let parts = literal.split(|byte| matches!(byte, b'-' | b'_' | b'/' | b'.'));
    let worded: usize = parts.filter(|part| is_word(part)).map(<[u8]>::len).sum();
    worded * 3 < literal.len() && digits * 20 >= literal.len() && entropy(literal) >= least_bits
}

/// Whether a value reads like words that are joined by case alone: a third of it, where random letters of both cases have
/// a twelfth, is in runs of four lower case letters and more. Without upper case many digits tell random text.
fn is_worded(value: &[u8]) -> bool {
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    let has_upper = value.iter().any(u8::is_ascii_uppercase);
    let runs = value.split(|byte| !byte.is_ascii_lowercase()).map(<[u8]>::len).filter(|&length| length >= 4);
    runs.sum::<usize>() * 3 >= value.len() && (has_upper || digits * 4 < value.len())
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
            format!("auth: \"{}\"", token("", 32)),
            format!("export API_KEY={}", token("", 32)),
            format!("export API_KEY={} # of the test", token("", 32)),
            format!("aws_secret_access_key = {}\nregion = eu", token("", 40)),
            format!("DB_PASS: {}", token("", 28)),
            format!("  db_password: {}\n  db_user: admin\n", token("", 24)),
            format!("AccountName=shop;AccountKey={}==;EndpointSuffix=core", token("", 84)),
            format!("client_secret: {}", "eba456bf92d5d98065e5751f75143a5f61debc26"),
            format!("x-api-key: {}\r\n", token("", 30)),
            format!("{{\\\"token\\\": \\\"{}\\\"}}", token("", 30)),
            format!("headers = {{\"Authorization\": \"Bearer {}\"}}", token("", 40)),
            format!("curl -H 'authorization: bearer {}' localhost", token("", 40)),
            format!("postgres://admin:{}@db.host:5432/x", token("", 24)),
            format!("amqps://shop:{}@queue/", ["q7Zt2m", "Kx9RbW"].concat()),
            format!("DATABASE_PASSWORD_URL=mysql://root:{}@localhost", token("", 20)),
            format!("token: {}", token("ghp_", 36)),
            format!("mytool --password {}", token("", 36)),
            format!("mytool --db-api-key '{}' run", token("", 30)),
            format!("curl -u user:{} http://host", token("", 36)),
            format!("curl --user \"me:{}\" http://host", token("", 20)),
            format!("curl -U proxy:{} http://host", token("", 20)),
            format!("Authorization: Basic {}=", token("dXNlcjp", 32)),
            format!("client.setPassword(\"{}\")", token("", 36)),
            format!("<password>{}</password>", token("", 36)),
            format!("<property name=\"db.password\">{}</property>", token("", 30)),
            format!("password: |\n  {}\nuser: me", token("", 36)),
            format!("api_key: >-\r\n    {}\r\n", token("", 36)),
            format!("https://hooks.slack.com/{}", ["services/T01QMXZRP", "/B02GHWJKL/", &token("", 24)].concat()),
            token(&["sk", "_test_"].concat(), 24),
            token(&["s", "k-"].concat(), 48),
            // Under names that say nothing, and under none.
            format!("const K = \"{}\";", token("", 36)),
            format!("  x: '{}',", token("", 24)),
            format!("k := `{}`", token("", 64)),
            format!("    private static final String K = \"{}\";", token("", 40)),
            format!("public const string K = \"{}==\";", token("", 86)),
            format!("NEUTRAL={}\nOTHER=2\n", token("", 32)),
            format!("first line\n{}\nlast line\n", token("", 32)),
            format!("x={}\n", token("", 32).to_ascii_lowercase()),
            format!("GET https://host.example/list?x={}&page=2", token("", 40)),
            format!("let map: HashMap<&str, &str> = [(\"a\", \"{}\")].into();", token("", 30)),
            format!("{{\\\"a\\\": \\\"{}\\\"}}", token("", 30)),
            format!("k = \"q7+{}/x-\"", token("", 36)).replace("x-", "x"),
            format!("one = \"{}\"\n", token("", 64)) + "two = 2\nthree = \"3\"\n",
            // Base64 of such a value.
            "x: cTdadDJtS3g5UmJXYzRMZFlwOFZuR2gzU2ZKa1Q2dUE=".to_owned(),
            // Private keys in DER.
            format!("k = \"MIIEvQIBADANBgkqhkiG9w0BAQEFAASC{}\"", token("", 1_600)),
            format!("k = MHcCAQEEI{}\n", token("", 120)),
            format!("k = (\"MIIEpAIBAAKCAQEA{}\"\n  \"{}\")", token("", 48), token("", 64)),
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

    /// Looking for heads around long runs alone misses none of those that a look at the whole text finds.
    #[test]
    fn secrets_are_found_wherever_heads_and_values_stand() {
        let value = token("", 40);
        let pieces = [
            "token",
            "client_secret",
            "api-key",
            "PASSWORD_",
            "Bearer ",
            "basic  ",
            "--db-password ",
            "https",
            "://",
            " -u",
            "\n--user ",
            "me:",
            "@host/",
            "=",
            ": ",
            " := ",
            "(",
            "\\\"",
            "\"",
            "'",
            " ",
            "\n",
            ": |\n    ",
            ">",
            "</a>",
            "a.b2c.d4",
            "word",
            "x-1/",
            "; ",
            "~",
            &value[..8],
            &value[..12],
            &value[3..25],
            &value,
            "ü",
            "[redacted]**",
        ];
        let mut state = 11_u64;
        let mut next = || {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 33) as usize
        };
        let mut count = 0;
        for _ in 0..20_000 {
            let text: String = (0..next() % 24).map(|_| pieces[next() % pieces.len()]).collect();
            let text = text.as_bytes();
            let found = secrets(text);
            count += found.len();
            for value in heads::values_in(text, 0..text.len()) {
                let is_within = |range: &Range<usize>| range.start <= value.start && value.end <= range.end;
                assert!(found.iter().any(is_within), "{}: {value:?}, {found:?}", String::from_utf8_lossy(text));
            }
        }
        assert!(count > 3_000, "{count}");
    }

    #[test]
    fn masks_are_found_over_all_their_lines() {
        let key = format!("-----BEGIN {} KEY-----\n{}\n{}\n-----END", "PRIVATE", token("MII", 60), token("", 64));
        let text = format!("a\n{}\nlet t = \"{}\";\n* item\n", redact(key).0, redact(token("ghp_", 36)).0);
        let found: Vec<&str> = masks(&text).map(|mask| &text[mask]).collect();
        assert_eq!(found.len(), 2, "{text}");
        assert_eq!((found[0].lines().count(), found[0].len()), (2, 63 + 1 + 64), "{text}");
        assert_eq!(found[1].len(), 40, "{text}");
        assert_eq!(masks("no [redacted] here, [redacted").count(), 0);
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
            "token = getNextTokenOfStream2WithLimit3",
            "let secret = SecretManagerClientV2Builder9::new();",
            "let secret = aB3dE6gH9kL2mN5pQ8sT1vW4(request);",
            "token == aB3dE6gH9kL2mN5pQ8sT1vW4.kind",
            "auth: OAuth2ClientCredentialsGrantType1,",
            "tokenizer.version: 2026-11-21T10:39:23Z0000",
            "password: ${DB_PASSWORD_OF_STAGE_2}",
            "password=%DB_PASSWORD_OF_STAGE_2%",
            "secret_path = /run/secrets/db_password_2024_09",
            "postgres://postgres:postgres@localhost:5432/db",
            "postgres://user:mysecretpassword1234@localhost",
            "https://user:${TOKEN_2_OF_3_FOR_USERS}@host/",
            "http://[2001:db8:85a3:8d3:1319:8a2e:370:7348]:443/",
            "https://host.example:8443/a/b1c2d3e4f5g6h7@2",
            "Authorization: Bearer YOUR_ACCESS_TOKEN_GOES_HERE_1234",
            "a bearer of the message1of2ThatWasSentBefore",
            "mytool --password-file /run/secrets/db_password_2024_09",
            "mytool --token getNextTokenOfStream2WithLimit3",
            "mytool --token $TOKEN_2_OF_3_FOR_USERS --verbose",
            "docker run -u 1000:1000 image2of3:4f5e6d7c8b9a",
            "chown -u root:wheel2and3WithoutAnyPassword /srv",
            "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "Basic usage2of3TheThingWithWords1",
            "setPassword(\"correct horse battery staple\")",
            "verify_token(\"next_token_of_the_stream_2_of_3\")",
            "setToken(aB3dE6gH9kL2mN5pQ8sT1vW4)",
            "assert_eq!(password(aB3dE6gH9kL2mN5pQ8sT1vW4), 3)",
            "<token>identifier_or_keyword_22_of_33</token>",
            "let all: Vec<Token>aB3dE6gH9kL2mN5pQ8sT1vW4(",
            "password: |\n  correct horse battery staple 22",
            "tokens:\n  aB3dE6gH9kL2mN5pQ8sT1vW4: 3",
            "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
            "src/services/T1/B2/index.ts",
            "sk_test_is_a_prefix_of_stripe",
            "<sk-skeleton-of-a-component-with-a-long-name-2-of-3-and-more>",
            "const K = \"q7Zt2mKx9RbWc4LdYp8VnG\";",
            "const HASH = \"q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA1b2C\";",
            "integrity=\"sha384-q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA1b2CsQe5\"",
            "  checksum: q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA1b2C",
            "golang.org/x/sys v0.1.0 h1:q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA1b2C=",
            "commit = \"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b\"",
            "image@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "\"image-2-9f86d081884c7d659a2feaa0c55ad015a3bf4f1b-x86-Qz\"",
            "ulid = \"01GW3D2QZJBYB6P1Z1AE997VPW\"",
            "id: \"550e8400-e29b-41d4-a716-446655440000\"",
            "getHTTPResponseCodeFromServer2And3()",
            "x = \"getHTTPResponseCodeFromServer2And3\"",
            "OpcodeVecI16x8ExtMulLowI8x16S, OpcodeVecI32x4TruncSatF32x4U",
            "x = \"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/\"",
            "x = \"23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz\"",
            "x = \"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256\"",
            "x = \"default-ingress-with-3-secrets-whoami-80\"",
            "use q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA::other;",
            "q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA(1) + q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA.x",
            "https://host.example/d/q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA/edit",
            "<a href=\"#/s:9Alamofire11RetryPolicyC07defaultB5LimitSuvpZ\">",
            "_ZN4core3fmt9Formatter3pad17hQ7zT2mKx9RbWc4LdE",
            "x = \"SGVsbG8sIHdvcmxkISBUaGlzIGlzIGEgdGV4dCBvZiA0MiBieXRlcy4=\"",
            "\"data:font/x;base64,q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA1b2C\"",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIq7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA1b2C a@b",
            "x = \"MCowBQYDK2VwAyEAq7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA1b2CsQe5x3w=\"",
            "x = \"H4sIANRAImYAA6tWSs7PLShKLS5OTVGyUohWyk6tBNJKZYk5pal\"",
            "--boundary=q7Zt2mKx9RbWc4LdYp8VnGh3SfJkT6uA",
            "src/q7Zt2mKx9R/bWc4LdYp8V/nGh3SfJkT6/uA1b2C.rs",
            "token_id = \"550e8400-e29b-41d4-a716-446655440000\"",
        ] {
            assert_eq!(redact(text.to_owned()), (text.to_owned(), 0));
        }
        // Data over several lines, and data that is longer than any key but one.
        let (line, short) = (token("", 64), token("", 40));
        for text in [
            format!("-----BEGIN CERTIFICATE-----\n{line}\n{line}\n{short}=\n-----END CERTIFICATE-----\n"),
            format!("x = \"{line}\" +\n    \"{line}\" +\n    \"{line}\" +\n    \"{short}\";\n"),
            format!("x = \"{line}\\n{line}\\n\\\n{line}\\n\\\n{line}\\n\\\n{short}\"\n"),
            format!("x = \"{}\"\n", token("", 400)),
        ] {
            assert_eq!(redact(text.clone()), (text, 0));
        }
        // Names and lists are no such data.
        for text in [format!("A={line}\nB={line}\n"), format!("x = [\n  \"{line}\",\n  \"{line}\",\n]\n")] {
            assert_eq!(redact(text).1, 2);
        }
    }
}
