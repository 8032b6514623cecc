//! What is a secret by what stands before it: a name that says so, an option, `Bearer`, a user.

use std::{ops::Range, sync::LazyLock};

use regex::bytes::Regex;

use super::{MARK, compiled, is_random, is_worded, random};

/// Bits per character from which a literal counts as random: English words and identifiers lie below 3.6, base64 of
/// random bytes above 4.2 from 24 characters on.
const RANDOM_BITS: f64 = 3.9;
/// The same for a password in a URL, whose place says what it is: twelve random letters and digits have 3.3 and more.
const RANDOM_PASSWORD_BITS: f64 = 3.0;
/// Bytes of a value that may be random.
pub(super) const VALUE_BYTES: Range<usize> = 20..513;
/// The same in a URL. What is shorter has no room for a mask that says what it is.
const PASSWORD_BYTES: Range<usize> = MARK.len() + 2..257;

/// What a secret follows: a name that says so and what assigns to it (in YAML also on the next line), what takes it as an
/// argument, or the end of its tag; an option of that name; `Bearer` and `Basic`. The value behind it is looked at by
/// `value_at`, which costs less than a pattern with long repetitions.
static HEAD: LazyLock<Regex> = LazyLock::new(|| {
    let names = "secret|token|passwd|password|passphrase|pass|pwd|credential|auth";
    let keys = "api|access|auth|private|account|signing|encryption|master";
    let name = format!("(?:{names}|(?:{keys})[_-]?key)");
    let assigns = r#"\\?["']?\s{0,8}(?:=>|:=|=|:(?:[ \t]{0,8}[|>][+-]?[ \t]{0,8}\r?\n)?|\(|>)\s{0,8}\\?["'`]?"#;
    compiled(&format!(
        r#"(?i)(?:{name}[a-z0-9_.\]-]{{0,32}}{assigns}|--(?:[a-z0-9]{{1,16}}-){{0,3}}{name}[ \t]{{1,8}}["']?|\b(?:bearer|basic)[ \t]{{1,8}})"#
    ))
});
/// Bytes of such a head, at most.
pub(super) const HEAD_BYTES: usize = 96;

/// The user of a URL, or behind `-u`, before the password.
static USER: LazyLock<Regex> =
    LazyLock::new(|| compiled(r#"(?i)^(?:://|\s(?:-u|--user)[ \t=]{0,4}["']?)[a-z0-9_.%+~-]{0,64}:"#));
/// Bytes of it, at most.
const USER_BYTES: usize = 80;

/// The secrets behind heads in a part of a text.
pub(super) fn values_in(text: &[u8], part: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let heads = HEAD.find_iter(&text[part.clone()]).map(move |head| part.start + head.start()..part.start + head.end());
    heads.filter_map(|head| value_at(text, head))
}

/// The passwords behind users.
pub(super) fn passwords(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    users(text).filter_map(|user| value_at(text, user))
}

/// Where a user is named before what may be a password, up to the colon between them.
fn users(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let options = ["-u", "-U"].into_iter().flat_map(|option| memchr::memmem::find_iter(text, option));
    let options = options.filter_map(|at| {
        let before = if text[..at].ends_with(b"-") { 2 } else { 1 };
        at.checked_sub(before).filter(|&start| text[start].is_ascii_whitespace())
    });
    memchr::memmem::find_iter(text, "://").chain(options).filter_map(|start| {
        let user = USER.find(&text[start..text.len().min(start + USER_BYTES)])?;
        Some(start..start + user.end())
    })
}

/// What values behind a head consist of; those behind `Bearer` have points as well.
pub(super) const fn is_part_of_value(byte: u8) -> bool {
    random::is_part(byte) || matches!(byte, b'=' | b'.' | b'~')
}

/// The secret value that follows a head, if it is one.
fn value_at(text: &[u8], head: Range<usize>) -> Option<Range<usize>> {
    let written = &text[head.clone()];
    let reaches = |is_part: fn(u8) -> bool| {
        let length = text[head.end..].iter().take_while(|byte| is_part(**byte)).count();
        (head.end..head.end + length, text.get(head.end + length).copied())
    };
    let is_url = written.starts_with(b"://");
    if is_url || written[0].is_ascii_whitespace() {
        let (value, end) = reaches(|byte| byte.is_ascii_alphanumeric() || b"=_.~!*%^&+,;-".contains(&byte));
        let password = &text[value.clone()];
        let ends = if is_url { end == Some(b'@') } else { ends_value(end) };
        let is_secret = ends
            && PASSWORD_BYTES.contains(&password.len())
            && !is_worded(password)
            && is_random(password, RANDOM_PASSWORD_BITS);
        return is_secret.then_some(value);
    }
    let is_bearer = written[0].eq_ignore_ascii_case(&b'b');
    let (value, end) = if is_bearer {
        reaches(|byte| byte.is_ascii_alphanumeric() || b"+/=_.~-".contains(&byte))
    } else {
        reaches(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte))
    };
    let literal = &text[value.clone()];
    if !VALUE_BYTES.contains(&literal.len()) || !is_random(literal, RANDOM_BITS) {
        return None;
    }
    let is_quoted = !is_bearer && written.last().is_some_and(|byte| b"\"'`".contains(byte));
    // Without quotes it may be code: a name, which is words, or the first line of something else.
    let is_secret = if is_quoted {
        end.is_some_and(|byte| b"\"'`\\".contains(&byte))
    } else {
        let before = match written.trim_ascii_end() {
            [.., b'(', b'\\'] | [.., b'('] => false,
            [.., b'=', b'>'] => !written.contains(&b'\n'),
            // Of a tag, or a block of YAML that begins on its next line.
            [.., b'>'] if !written.contains(&b'\n') => end == Some(b'<'),
            _ => !written.contains(&b'\n') || is_block(written),
        };
        before && ends_value(end) && !is_worded(literal) && !literal.starts_with(b"=")
    };
    is_secret.then_some(value)
}

/// Whether a value without quotes may end before that.
fn ends_value(end: Option<u8>) -> bool {
    end.is_none_or(|byte| byte.is_ascii_whitespace() || b"\"'`;,&|)]}<>#\\".contains(&byte))
}

/// Whether what assigns a value says that it is on the next line.
fn is_block(written: &[u8]) -> bool {
    let line = written.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    matches!(line, [.., b'|' | b'>'] | [.., b'|' | b'>', b'+' | b'-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is looked at before a value has room for the longest of heads.
    #[test]
    fn the_longest_heads_have_room() {
        // Too short to be one by itself.
        let value = "q7Zt2mKx9RbWc4LdYp8VnG";
        let blanks = " ".repeat(8);
        let name = format!("encryption_key{}", "n".repeat(32));
        let user = "u".repeat(64);
        for (head, most) in [
            (format!("{name}\\\"{blanks}:{blanks}|+{blanks}\r\n{blanks}\\\""), HEAD_BYTES),
            (format!("--{}encryption_key{blanks}\"", format!("{}-", "o".repeat(16)).repeat(3)), HEAD_BYTES),
            (format!("\n--user    \"{user}:"), USER_BYTES),
        ] {
            assert!(head.len() <= most, "{}", head.len());
            let text = format!("{}{head}{value}\"\n", "before ".repeat(40));
            assert_eq!(super::super::redact(text.clone()).1, 1, "{text}");
        }
    }
}
