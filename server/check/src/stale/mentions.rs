//! What a piece of documentation names: link targets, paths and symbols in backticks.

use conexus_core::Span;

/// One thing that documentation names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mention {
    /// Its bytes in the text.
    pub(crate) span: Span,
    pub(crate) what: Named,
}

/// What is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// The target of a link, without its fragment.
    Link,
    /// A path in backticks.
    Path,
    /// A symbol in backticks: the names before it, and its own.
    Symbol {
        /// The name right before it, or empty.
        container: String,
        /// Its own name.
        name: String,
    },
}

/// Everything that a piece of documentation names; code blocks are passed over.
pub(crate) fn mentions(text: &str, within: Span) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut fence: Option<&str> = None;
    let mut start = within.start as usize;
    let mut before = "";
    for line in within.slice(text).split_inclusive('\n') {
        // Documentation comments have their signs in front of the fence.
        let bare = line.trim_start_matches([' ', '\t', '/', '*', '!', '#', '>', '-']);
        let mark = ["```", "~~~"].into_iter().find(|mark| bare.starts_with(mark));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) if !is_heading_of_one(bare) && !tells_of_old(before) && !tells_of_old(line) => {
                in_line(line, start, &mut found);
            }
            _ => {}
        }
        before = line;
        start += line.len();
    }
    found
}

/// Whether a line holds one name in backticks and nothing else: the title of what follows, such as the file of an example.
fn is_heading_of_one(bare: &str) -> bool {
    let bare = bare.trim_end().trim_end_matches([':', '*']);
    let inner = bare.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    inner.is_some_and(|inner| inner.contains(['/', '.']) && !inner.contains([' ', '`']))
}

/// Words of a sentence about what was, what is to be, or what a tool makes. What it names is not there on purpose.
const OF_OLD: &[&str] = &[
    "moved from", "moved to", "renamed", "replaced", "formerly", "previously", "used to", "no longer", "removed",
    "deprecated", "deleted", "older", "earlier", "lower than", "prior to", "before version", "legacy", "historical",
    "historically", "instead of", "superseded", "originally", "todo", "fixme", "rename", "generate", "generates",
    "generated",
];

fn tells_of_old(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    OF_OLD.iter().any(|phrase| {
        line.match_indices(phrase).any(|(at, _)| {
            let inner = |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
            !inner(line[..at].chars().next_back()) && !inner(line[at + phrase.len()..].chars().next())
        })
    })
}

fn in_line(line: &str, start: usize, found: &mut Vec<Mention>) {
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'`' {
            let ticks = bytes[at..].iter().take_while(|byte| **byte == b'`').count();
            let open = at + ticks;
            let Some(length) = line.get(open..).and_then(|rest| rest.find(&"`".repeat(ticks))) else { return };
            code(&line[open..open + length], start + open, found);
            at = open + length + ticks;
        } else if bytes[at..].starts_with(b"](") {
            let open = at + 2;
            let Some(length) = line.get(open..).and_then(|rest| rest.find(')')) else { return };
            link(&line[open..open + length], start + open, found);
            at = open + length;
        } else {
            at += 1;
        }
    }
}

fn link(inside: &str, start: usize, found: &mut Vec<Mention>) {
    let target = inside.split([' ', '"', '#', '?']).next().unwrap_or("");
    let file = target.rsplit('/').next().unwrap_or("");
    // A target with a scheme or a placeholder is no file, and one without an extension may be a page of a site.
    let plain = target.chars().all(|letter| letter.is_alphanumeric() || "._-/+@".contains(letter));
    let elsewhere = target.starts_with(['/', '@']) || target.contains("//");
    if plain && !elsewhere && has_extension(file) && !target.starts_with("www.") {
        found.push(Mention { span: Span::new(start, start + target.len()), what: Named::Link });
    }
}

fn code(inside: &str, start: usize, found: &mut Vec<Mention>) {
    let lead = inside.len() - inside.trim_start().len();
    let inside = inside.trim();
    let span = |length: usize| Span::new(start + lead, start + lead + length);
    let is_path = inside.contains('/')
        && !inside.contains("//")
        && !inside.starts_with(['/', '-', '@', '~', '.'])
        && inside.chars().all(|letter| letter.is_alphanumeric() || "._-/".contains(letter))
        && has_extension(inside.rsplit('/').next().unwrap_or(""));
    if is_path {
        found.push(Mention { span: span(inside.len()), what: Named::Path });
        return;
    }
    let plain = inside.strip_suffix("()").unwrap_or(inside);
    let parts: Vec<&str> = plain.split("::").flat_map(|part| part.split(['.', '#'])).collect();
    let word = |part: &str| {
        part.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
            && part.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    if parts.len() > 4 || !parts.iter().all(|part| word(part)) {
        return;
    }
    let Some((&name, before)) = parts.split_last() else { return };
    let container = before.last().copied().unwrap_or("").to_owned();
    let end = plain.len() - name.len();
    let what = Named::Symbol { container, name: name.to_owned() };
    let span = Span::new(start + lead + end, start + lead + end + name.len());
    found.push(Mention { span, what });
}

/// Whether a file's name ends in something like `.rs`.
fn has_extension(file: &str) -> bool {
    let Some((stem, extension)) = file.rsplit_once('.') else { return false };
    !stem.is_empty()
        && (1..=6).contains(&extension.len())
        && extension.starts_with(|letter: char| letter.is_ascii_lowercase())
        && extension.chars().all(|letter| letter.is_ascii_alphanumeric())
}

/// Whether a word looks like a name of code: it has a `_` inside, or a capital after a small letter.
pub(crate) fn is_code_name(name: &str) -> bool {
    let inner = name.trim_matches('_');
    let camel =
        inner.chars().zip(inner.chars().skip(1)).any(|(left, right)| left.is_lowercase() && right.is_uppercase());
    inner.len() >= 5 && (inner.contains('_') || camel) && inner.chars().any(char::is_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_names_links_paths_and_symbols() {
        for (text, expected) in [
            ("see [it](src/a.rs#L3) and `src/b.rs`", "link src/a.rs|path src/b.rs"),
            ("[web](https://x.y/a.md) [anchor](#a) [page](guide/intro) [root](/a.md)", ""),
            ("/// Calls `Client::send_now()` and `parse_it`.", "symbol Client send_now|symbol  parse_it"),
            ("`a + b` `--flag` `x/y` `./run.sh` `std.io.Reader`", "symbol io Reader"),
            ("```\n`inside`\n```\n`outside`", "symbol  outside"),
            ("/// ~~~\n/// `inside`\n/// ~~~\n/// ``odd`` `open", "symbol  odd"),
            ("#### `src/types.rs`\n`src/a.rs` is", "path src/a.rs"),
            ("moved from `src/a.rs`\n`src/b.rs` too\n`src/c.rs` told", "path src/c.rs"),
            ("[a](<b c.md>) [t](c.md \"title\")", "link c.md"),
        ] {
            let found = mentions(text, Span::new(0, text.len()));
            let shown: Vec<_> = found
                .iter()
                .map(|mention| match &mention.what {
                    Named::Link => format!("link {}", mention.span.slice(text)),
                    Named::Path => format!("path {}", mention.span.slice(text)),
                    Named::Symbol { container, name } => {
                        assert_eq!(mention.span.slice(text), name);
                        format!("symbol {container} {name}")
                    }
                })
                .collect();
            assert_eq!(shown.join("|"), expected, "{text}");
        }
    }

    #[test]
    fn names_of_code_look_like_it() {
        let code = ["parse_it", "parseIt", "HashMap", "_private_name"];
        let words = ["parse", "Parser", "README", "MAX_SIZE", "a_b", "iPad"];
        assert!(code.iter().all(|name| is_code_name(name)));
        assert!(!words.iter().any(|name| is_code_name(name)));
    }
}
