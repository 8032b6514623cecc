//! Whether a body binds a name by itself or takes it from outside, as far as its tokens say. In doubt it binds it.

use conexus_core::Language;

use crate::lexer::{Token, TokenKind};

/// Behind these words and operators a value is used, unless what follows binds it.
const BEFORE_A_USE: [&str; 18] =
    ["(", "[", "=", "==", "!=", "!", "&&", "||", "+", "-", "<", ">", "<=", ">=", "return", "not", "and", "or"];
/// Before these it is used.
const BEHIND_A_USE: [&str; 15] = [")", "]", "+", "-", "*", "/", "%", "&&", "||", "==", "!=", "<", ">", "<=", ">="];
/// Behind closing brackets these say that what stands inside is a pattern or are parameters.
const BEHIND_A_PATTERN: [&str; 14] =
    ["=", "=>", "->", "{", ":", ":=", "<-", "|", "if", "in", "for", "do", "use", "where"];
/// Behind these words stand parameters.
const BEFORE_PARAMETERS: [&str; 7] = ["function", "func", "fun", "fn", "def", "lambda", "catch"];
/// What reaches into a value, so that it is there already. `->` does in C, where it follows without a space, and binds a
/// parameter elsewhere.
const REACHES: [&str; 2] = [".", "?."];

/// Whether a name is written as those of members are where nothing stands before them: `m_name`, `_name`. `name_` is also
/// what a local is called whose name is a keyword.
fn is_member_by_name(name: &str) -> bool {
    name.len() > 2 && (name.starts_with("m_") || name.starts_with('_'))
}

/// Whether the name at a place of a body is bound nowhere in it: it is used where it stands first, and no loop, pattern or
/// assignment binds it later, as where a comprehension of Python does so behind its use. What is written as a member is one.
pub(super) fn is_from_outside(text: &str, tokens: &[Token], at: usize) -> bool {
    let slice = |at: usize| tokens.get(at).map_or("", |token| token.span.slice(text));
    let before = |at: usize| if at == 0 { "" } else { slice(at - 1) };
    let name = slice(at);
    if is_member_by_name(name) {
        return true;
    }
    let is_member = |at: usize| [".", "?.", "->", "::"].iter().any(|mark| before(at).ends_with(mark));
    let mut places = (0..tokens.len())
        .filter(|&at| tokens[at].kind == TokenKind::Name && slice(at) == name && !is_member(at))
        .peekable();
    let Some(&first) = places.peek() else { return false };
    let binds = |at: usize| before(at) == "for" || matches!(slice(at + 1), "=" | ":=" | "<-" | "in" | ":" | "=>");
    let next = tokens.get(first + 1).filter(|next| next.span.start == tokens[first].span.end);
    let is_used = REACHES.contains(&slice(first + 1))
        || next.is_some_and(|next| next.span.slice(text) == "->")
        || BEFORE_A_USE.contains(&before(first))
            && BEHIND_A_USE.contains(&slice(first + 1))
            && !is_in_pattern(&slice, tokens.len(), first);
    is_used && !places.any(binds)
}

/// Words before a type that are no part of it.
const BEFORE_A_TYPE: [&str; 9] =
    ["const", "enum", "final", "register", "static", "struct", "union", "unsigned", "volatile"];

/// Whether a name stands where a type does in languages that write types before names, however it is written: in a
/// declaration that begins a statement or a loop, and in a cast to a pointer.
pub(super) fn is_type_by_place(text: &str, tokens: &[Token], at: usize) -> bool {
    let slice = |at: usize| tokens.get(at).map_or("", |token| token.span.slice(text));
    // Semicolons are no tokens.
    let ends_before = |at: usize| match (at.checked_sub(1).and_then(|last| tokens.get(last)), tokens.get(at)) {
        (Some(last), Some(next)) => text[last.span.end as usize..next.span.start as usize].contains(';'),
        _ => true,
    };
    let mut first = at;
    while !ends_before(first) && BEFORE_A_TYPE.contains(&slice(first - 1)) {
        first -= 1;
    }
    let before = if ends_before(first) { ";" } else { slice(first - 1) };
    let behind = (at + 1..tokens.len()).find(|&next| !matches!(slice(next), "*" | "**")).unwrap_or(tokens.len());
    if behind > at + 1 && before == "(" && slice(behind) == ")" {
        return true;
    }
    let declares = match before {
        ";" | "{" | "}" => ends_before(behind + 1) || matches!(slice(behind + 1), "=" | "," | "["),
        "(" => matches!(slice(behind + 1), "=" | ":"),
        _ => false,
    };
    declares && !ends_before(behind) && tokens.get(behind).is_some_and(|token| token.kind == TokenKind::Name)
}

/// Behind these braces are an object of JavaScript, or a pattern of one.
const BEFORE_AN_OBJECT: [&str; 13] = ["(", ",", "=", ":", "[", "?", "??", "||", "&&", "return", "const", "let", "var"];

/// Whether a name is a key of an object or a structure, alone (`{ name, url }`) or before its value: another name is
/// another key.
pub(super) fn is_key(language: Language, text: &str, tokens: &[Token], at: usize) -> bool {
    let slice = |at: usize| tokens.get(at).map_or("", |token| token.span.slice(text));
    let before = if at == 0 { "" } else { slice(at - 1) };
    let after = slice(at + 1);
    if !matches!(before, "{" | ",") || !matches!(after, ":" | "," | "}") {
        return false;
    }
    let Some(opening) = opening_around(&slice, at) else { return false };
    match (language.name(), slice(opening)) {
        // Braces are a block otherwise.
        ("javascript" | "typescript" | "tsx", "{") => opening > 0 && BEFORE_AN_OBJECT.contains(&slice(opening - 1)),
        ("rust", "{") => opening > 0 && slice(opening - 1).starts_with(|first: char| first.is_uppercase()),
        ("go", "{") => after == ":",
        _ => false,
    }
}

/// Tokens that are looked back at for a bracket.
const MOST_BACK: usize = 400;

/// The bracket that a token stands in.
fn opening_around<'a>(slice: &impl Fn(usize) -> &'a str, at: usize) -> Option<usize> {
    let mut depth = 0;
    (at.saturating_sub(MOST_BACK)..at).rev().find(|&place| {
        match slice(place) {
            ")" | "]" | "}" => depth += 1,
            "(" | "[" | "{" if depth == 0 => return true,
            "(" | "[" | "{" => depth -= 1,
            _ => {}
        }
        false
    })
}

/// Whether the brackets around a name hold a pattern or parameters; `tokens` is how many there are.
fn is_in_pattern<'a>(slice: &impl Fn(usize) -> &'a str, tokens: usize, at: usize) -> bool {
    let behind = (at + 1..=tokens).find(|&next| !matches!(slice(next), ")" | "]")).map_or("", slice);
    let of_function = (1..=3).any(|back| at >= back && BEFORE_PARAMETERS.contains(&slice(at - back)));
    of_function || BEHIND_A_PATTERN.contains(&behind)
}

#[cfg(test)]
mod tests {
    use conexus_core::Span;

    use super::*;
    use crate::lexer;

    #[test]
    fn names_from_outside_are_told_from_those_that_are_bound() {
        for (language, text, outside) in [
            ("c", "for (i = 0; i < ARRAY_SIZE(pins); ++i) if (pins[i] == pin) return i;", true),
            ("c", "int pins[4]; fill(pins); return pins[0];", false),
            ("c", "pins = calloc(4, sizeof(pins));", false),
            ("python", "return [f(pins) for pins in all_pins if pins]", false),
            ("python", "for number, pins in enumerate(rows): print(pins)", false),
            ("python", "pins.sort()\nreturn len(pins)", true),
            ("rust", "match row { Some(Row(pins)) => sum(pins), None => 0 }", false),
            ("rust", "rows.map(|pins| sum(pins))", false),
            ("rust", "total += sum(pins) + pins.len()", true),
            ("javascript", "rows.forEach((pins) => add(pins))", false),
            ("javascript", "rows.forEach(function (pins) { add(pins) })", false),
            ("javascript", "try { add(1) } catch (pins) { log(pins) }", false),
            ("javascript", "const row = find(pins); return row[pins]", true),
            ("java", "rows.forEach(pins -> add(pins));", false),
            ("lua", "each(rows, function(pins) return add(pins) end)", false),
            ("go", "for _, pins := range rows { add(pins) }", false),
            ("ruby", "rows.each { |pins| add(pins) }", false),
            ("ruby", "row.pins = 1; add(row.pins)", false),
            ("cpp", "m_pins = row; add(m_pins);", true),
            ("cpp", "String row(pins->text()); pins->set(row);", true),
            ("cpp", "Row *pins = find(row); pins->set(row);", false),
        ] {
            let tokens = lexer::tokens(Language::named(language), text, Span::new(0, text.len()));
            let at = tokens.iter().rposition(|token| token.span.slice(text).ends_with("pins")).expect("the name");
            assert_eq!(is_from_outside(text, &tokens, at), outside, "{text}");
        }
    }

    #[test]
    fn keys_are_told_from_values() {
        for (language, text, key) in [
            ("typescript", "send({ type, here, url })", true),
            ("typescript", "send({ type, here: url })", true),
            ("typescript", "send({ type: here, url })", false),
            ("typescript", "send(type, here, url)", false),
            ("typescript", "const { here } = reply;", true),
            ("typescript", "send((here: string) => here)", false),
            ("javascript", "send({ url: load(a, here, b) })", false),
            ("javascript", "{ let url, here, type; }", false),
            ("javascript", "if (url) { var type, here; }", false),
            ("javascript", "rows.map((row) => { let url, here; })", false),
            ("javascript", "return { url, here }", true),
            ("rust", "Row { id, here }", true),
            ("rust", "if id { here } else { id }", false),
            ("go", "Row{id: 1, here: 2}", true),
            ("python", "{here: 1}", false),
            ("java", "send(url, here)", false),
        ] {
            let tokens = lexer::tokens(Language::named(language), text, Span::new(0, text.len()));
            let at = tokens.iter().position(|token| token.span.slice(text) == "here").expect("the name");
            assert_eq!(is_key(Language::named(language), text, &tokens, at), key, "{text}");
        }
    }

    #[test]
    fn types_are_told_by_their_places() {
        for (language, text, is_type) in [
            ("c", "part_t a = 1;", true),
            ("c", "{ const part_t *a = next, *b; }", true),
            ("c", "unsigned part_t a;", true),
            ("c", "part_t rows[4];", true),
            ("c", "for (part_t at = 0; at < 4; at++) add(at);", true),
            ("c", "a = *(const part_t *)given;", true),
            ("c", "a = (struct part_t **)given;", true),
            ("cpp", "for (part_t row : rows) add(row);", true),
            ("java", "{ part_t a = read(); }", true),
            ("c", "add(a); part_t **b;", true),
            ("c", "a = (part_t) * b;", false),
            ("c", "return a; part_t;", false),
            ("c", "a = b * part_t;", false),
            ("c", "part_t = b;", false),
            ("c", "part_t(a, b);", false),
            ("go", "part_t, err := read(a)", false),
            ("ruby", "add part_t, b", false),
        ] {
            let tokens = lexer::tokens(Language::named(language), text, Span::new(0, text.len()));
            let at = tokens.iter().position(|token| token.span.slice(text) == "part_t").expect("the name");
            assert_eq!(is_type_by_place(text, &tokens, at), is_type, "{text}");
        }
    }
}
