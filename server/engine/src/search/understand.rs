//! What a query's text asks for: names, words, quoted text, and how far to lean on meaning.

use conexus_core::{Mode, SymbolKind, words};

use super::messages::{Place, is_message, is_value, take_frames, take_places};

/// The shape of a query, which decides how its evidence is weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Nothing that could match.
    Empty,
    /// One identifier, perhaps qualified: `parse_json`, `Foo::bar`.
    Identifier,
    /// A path or a part of one: `src/index/mod.rs`.
    Path,
    /// Words of a natural language.
    Phrase,
    /// Words with at least one identifier among them.
    Mixed,
    /// What a compiler, a test or a program said, perhaps with places in files.
    Message,
}

/// A name that the query spells out, as it would be written in code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The last part: `bar` of `Foo::bar`.
    pub name: String,
    /// What it is qualified with: `Foo` of `Foo::bar`, or empty.
    pub container: String,
    /// Whether its spelling alone says that it is an identifier: `camelCase`, `snake_case`, qualified, in backticks.
    pub certain: bool,
}

impl Name {
    /// Whether it is qualified or has several parts, as words of a language do not.
    pub fn is_spelled_as_code(&self) -> bool {
        self.certain
            && (!self.container.is_empty() || looks_like_code(&self.name) || words::parts(&self.name).count() > 1)
    }
}

/// A query, understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Understanding {
    /// The shape.
    pub shape: Shape,
    /// Names spelled out, in order.
    pub names: Vec<Name>,
    /// Literal texts between double quotes that an answer must hold to rise.
    pub quoted: Vec<String>,
    /// Words that carry meaning: lower-cased identifiers and parts, stop words removed unless nothing else is left.
    pub words: Vec<String>,
    /// Neighbouring words that carry meaning, joined in pairs as an identifier of both is written: `threadpool` of
    /// "thread pool".
    pub pairs: Vec<String>,
    /// Path-like pieces, lower-cased.
    pub paths: Vec<String>,
    /// Lines of files, as messages and traces name them; what failed first, first.
    pub places: Vec<Place>,
    /// Kinds the query asks for: "class", "trait", "enum" and so on.
    pub kinds: Vec<SymbolKind>,
    /// Whether it asks for tests.
    pub wants_tests: bool,
    /// Whether it asks for examples.
    pub wants_examples: bool,
    /// Whether it asks for documentation or settings.
    pub wants_documents: bool,
}

/// Words without meaning of their own in a question about code.
const STOP_WORDS: &[&str] = &[
    "a", "about", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "being", "between", "but", "by",
    "can", "code", "could", "did", "do", "does", "done", "each", "find", "for", "from", "get", "gets", "give", "had",
    "happen", "happens", "has", "have", "how", "i", "if", "in", "into", "is", "it", "its", "let", "like", "me", "my",
    "of", "on", "one", "or", "our", "out", "over", "part", "place", "should", "show", "so", "some", "such", "than",
    "that", "the", "their", "them", "then", "there", "these", "they", "this", "those", "to", "up", "use", "used",
    "uses", "using", "via", "was", "way", "we", "were", "what", "when", "where", "which", "while", "who", "why",
    "will", "with", "within", "without", "would", "you", "your", "implementation", "implemented", "implements",
    "logic", "support", "handle", "handled", "handles", "handling", "work", "works", "different", "across", "based",
    "provide", "provides", "allow", "allows",
];

/// Words that only say that a definition is asked for, as in "where is the struct FileEntry defined".
const DEFINITION_WORDS: &[&str] = &[
    "class", "classes", "constant", "declaration", "declared", "declares", "define", "defined", "defines",
    "definition", "definitions", "enum", "field", "function", "functions", "identifier", "interface", "located",
    "location", "look", "macro", "method", "methods", "module", "name", "named", "property", "protocol", "source",
    "struct", "symbol", "trait", "type", "variable",
];

/// Longest query text that is searched, in bytes; the rest is cut off and the answer says so.
pub const MAX_QUERY_BYTES: usize = 4_096;

/// Reads a query.
pub fn understand(text: &str, mode: Mode) -> Understanding {
    let mut places = Vec::new();
    let unframed = take_frames(text, &mut places);
    // What is quoted is meant to the letter, even where it reads like a place or a message.
    let (unquoted, quoted) = take_quoted(&unframed);
    let plain = take_places(&unquoted, &mut places);
    let is_message = mode == Mode::Auto && is_message(&unquoted, &places);
    let mut understanding = Understanding {
        shape: Shape::Phrase,
        names: Vec::new(),
        quoted,
        words: Vec::new(),
        pairs: Vec::new(),
        paths: Vec::new(),
        places,
        kinds: Vec::new(),
        wants_tests: false,
        wants_examples: false,
        wants_documents: false,
    };
    let tokens: Vec<&str> = plain.split_whitespace().map(trim_token).filter(|token| !token.is_empty()).collect();
    for token in &tokens {
        read_token(token, tokens.len(), &mut understanding);
    }
    for quoted in understanding.quoted.clone() {
        for identifier in words::identifiers(&quoted) {
            push_words(identifier, &mut understanding.words);
        }
    }
    let asks_for_name = mode == Mode::Auto && asks_for_name(&tokens, &understanding);
    if asks_for_name {
        understanding.names.retain(Name::is_spelled_as_code);
        understanding.words.clear();
        for identifier in understanding.names.iter().flat_map(|name| [&name.container, &name.name]) {
            words::identifiers(identifier).for_each(|part| push_words(part, &mut understanding.words));
        }
    }
    drop_stop_words(&mut understanding.words);
    if is_message && !understanding.words.iter().all(|word| is_value(word)) {
        understanding.words.retain(|word| !is_value(word));
    }
    if !asks_for_name {
        understanding.pairs = pairs(&plain);
    }
    let shape = shape(&understanding, if asks_for_name { 1 } else { tokens.len() }, mode);
    understanding.shape = if is_message && shape != Shape::Empty { Shape::Message } else { shape };
    understanding
}

/// Whether a phrase asks for one identifier and nothing else: "where is `parse_json` defined".
fn asks_for_name(tokens: &[&str], understanding: &Understanding) -> bool {
    let mut spelled = understanding.names.iter().filter(|name| name.is_spelled_as_code());
    let others = tokens.iter().filter(|token| {
        let word = token.to_ascii_lowercase();
        !is_stop_word(&word) && !DEFINITION_WORDS.contains(&word.as_str())
    });
    spelled.next().is_some()
        && spelled.next().is_none()
        && others.count() == 1
        && understanding.paths.is_empty()
        && understanding.quoted.is_empty()
}

fn shape(understanding: &Understanding, tokens: usize, mode: Mode) -> Shape {
    if understanding.words.is_empty() {
        return Shape::Empty;
    }
    match mode {
        Mode::Symbol => return Shape::Identifier,
        Mode::Meaning => return Shape::Phrase,
        Mode::Auto | Mode::Keyword => {}
    }
    if tokens == 1 && !understanding.paths.is_empty() {
        Shape::Path
    } else if tokens == 1 && !understanding.names.is_empty() {
        Shape::Identifier
    } else if understanding.names.iter().any(|name| name.certain) {
        Shape::Mixed
    } else {
        Shape::Phrase
    }
}

/// Cuts out the text between pairs of double quotes. A pair stands on one line, so that an odd quote of a message costs only
/// its line, unless it holds the whole query.
fn take_quoted(text: &str) -> (String, Vec<String>) {
    let whole = text.trim().strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    if let Some(whole) = whole.filter(|whole| !whole.contains('"') && !whole.trim().is_empty()) {
        return (String::new(), vec![whole.to_owned()]);
    }
    let mut plain = String::with_capacity(text.len());
    let mut quoted = Vec::new();
    for line in text.lines() {
        let pieces: Vec<&str> = line.split('"').collect();
        for (index, piece) in pieces.iter().enumerate() {
            // An odd piece is inside quotes only when another quote closes it.
            if index % 2 == 1 && index + 1 < pieces.len() {
                if !piece.trim().is_empty() {
                    quoted.push((*piece).to_owned());
                }
            } else {
                plain.push_str(piece);
                plain.push(' ');
            }
        }
        plain.push('\n');
    }
    (plain, quoted)
}

fn trim_token(token: &str) -> &str {
    token
        .trim_matches(|character: char| {
            !(character.is_alphanumeric() || matches!(character, '_' | '`' | '/' | '.' | '#' | '$' | '@'))
        })
        .trim_end_matches(['.', '/', '@', '#'])
}

fn read_token(token: &str, count: usize, understanding: &mut Understanding) {
    let backticked = token.len() > 2 && token.starts_with('`') && token.ends_with('`');
    let token = token.trim_matches('`');
    if is_path(token) {
        understanding.paths.push(token.trim_start_matches("./").to_ascii_lowercase());
    } else if let Some(name) = read_name(token, count == 1, backticked) {
        understanding.names.push(name);
    }
    for identifier in words::identifiers(token) {
        push_words(identifier, &mut understanding.words);
    }
    read_hint(&token.to_ascii_lowercase(), understanding);
}

fn read_hint(word: &str, understanding: &mut Understanding) {
    let kinds: &[SymbolKind] = match word {
        "class" | "classes" => &[SymbolKind::Class, SymbolKind::Struct],
        "struct" | "structs" | "record" => &[SymbolKind::Struct, SymbolKind::Class],
        "enum" | "enums" => &[SymbolKind::Enum],
        "interface" | "protocol" => &[SymbolKind::Interface, SymbolKind::Trait],
        "trait" | "typeclass" | "mixin" => &[SymbolKind::Trait, SymbolKind::Interface],
        "macro" | "macros" => &[SymbolKind::Macro],
        "module" | "namespace" => &[SymbolKind::Module, SymbolKind::Namespace],
        _ => &[],
    };
    understanding.kinds.extend_from_slice(kinds);
    match word {
        "test" | "tests" | "spec" | "specs" | "tested" | "fixture" | "fixtures" | "testing" => {
            understanding.wants_tests = true;
        }
        "example" | "examples" | "sample" | "demo" | "benchmark" | "benchmarks" => understanding.wants_examples = true,
        "docs" | "documentation" | "readme" | "changelog" | "config" | "configuration" | "manifest" => {
            understanding.wants_documents = true;
        }
        _ => {}
    }
}

/// File name endings that make a dotted token a path and not a qualified name.
const CODE_EXTENSIONS: &[&str] = &[
    "rs", "go", "py", "js", "jsx", "ts", "tsx", "java", "c", "h", "cc", "cpp", "hpp", "cs", "rb", "php", "kt", "kts",
    "swift", "scala", "sh", "lua", "ex", "exs", "hs", "zig", "md", "json", "yaml", "yml", "toml", "sql", "html", "css",
];

fn is_path(token: &str) -> bool {
    if token.contains("://") {
        return false;
    }
    if token.contains('/') {
        // `and/or` is a phrase; a path has an extension or more than one slash or starts like one.
        return token.matches('/').count() > 1 || token.contains('.') || token.contains('_');
    }
    token.rsplit_once('.').is_some_and(|(stem, extension)| !stem.is_empty() && CODE_EXTENSIONS.contains(&extension))
}

fn read_name(token: &str, alone: bool, backticked: bool) -> Option<Name> {
    let token = token.trim_end_matches("()").trim_start_matches(['#', '$', '@', '.']);
    let cut = token
        .rfind("::")
        .map(|at| (at, 2))
        .or_else(|| token.rfind("->").map(|at| (at, 2)))
        .or_else(|| token.rfind(['.', '#']).map(|at| (at, 1)));
    let (container, name) = match cut {
        Some((at, width)) => (&token[..at], &token[at + width..]),
        None => ("", token),
    };
    let plain = name.trim_end_matches(['!', '?', '=']);
    if plain.is_empty()
        || !plain.chars().all(|character| character.is_alphanumeric() || character == '_')
        || plain.chars().all(char::is_numeric)
    {
        return None;
    }
    let certain = backticked || !container.is_empty() || looks_like_code(plain);
    if !certain && !alone && !starts_upper(plain) {
        return None;
    }
    Some(Name { name: name.to_owned(), container: container.to_owned(), certain: certain || alone })
}

fn starts_upper(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_uppercase)
}

/// `snake_case`, `camelCase`, `HTTPServer`: a spelling that prose does not use.
fn looks_like_code(word: &str) -> bool {
    if word.trim_matches('_').contains('_') || word.starts_with('_') {
        return true;
    }
    let mut parts = words::parts(word);
    let (first, second) = (parts.next(), parts.next());
    match (first, second) {
        (Some(_), Some(second)) => second.chars().all(char::is_alphabetic) && word.chars().any(char::is_lowercase),
        _ => false,
    }
}

fn push_words(identifier: &str, words_out: &mut Vec<String>) {
    let mut count = 0;
    let before = words_out.len();
    for part in words::parts(identifier) {
        words_out.push(part.to_lowercase());
        count += 1;
    }
    if count > 1 {
        let whole = identifier.trim_matches('_').to_lowercase();
        words_out.insert(before, whole);
    }
}

/// Neighbouring plain words, joined in pairs. Words with a sign between them are no neighbours.
fn pairs(text: &str) -> Vec<String> {
    let mut pairs = Vec::new();
    for phrase in text.split(|character: char| !character.is_alphanumeric() && !matches!(character, ' ' | '-' | '_')) {
        let words: Vec<String> =
            phrase.split([' ', '-', '_']).filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
        for (left, right) in words.iter().zip(words.iter().skip(1)) {
            let pair = format!("{left}{right}");
            if !is_stop_word(left) && !is_stop_word(right) && !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
    }
    pairs
}

fn drop_stop_words(words: &mut Vec<String>) {
    let mut seen = std::collections::HashSet::new();
    words.retain(|word| seen.insert(word.clone()));
    if words.iter().any(|word| !is_stop_word(word)) {
        words.retain(|word| !is_stop_word(word));
    }
}

fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_and_names() {
        use Shape::{Empty, Identifier, Message, Mixed, Path, Phrase};
        for (text, shape, names) in [
            ("", Empty, ""),
            ("?!… \"\"", Empty, ""),
            ("parse_json", Identifier, "parse_json"),
            ("Rack::Builder", Identifier, "Rack|Builder"),
            ("Engine", Identifier, "Engine"),
            ("src/index/mod.rs", Path, ""),
            ("src/index/mod.rs:12:5", Path, ""),
            ("panicked at src/lib.rs:11:5: no such key", Message, ""),
            ("KeyError: no such key in cart_items", Message, "KeyError cart_items"),
            ("at com.shop.Order.total(Order.java:120)", Message, "com.shop.Order|total"),
            ("default_middleware_stack.rb", Path, ""),
            ("where do we retry failed requests", Phrase, ""),
            ("how the StaticModel encodes text", Mixed, "StaticModel"),
            ("z.transform and z.pipe", Mixed, "z|transform z|pipe"),
            ("read and/or write", Phrase, ""),
            ("what does `open` do", Mixed, "open"),
            ("where is parse_json defined", Identifier, "parse_json"),
            ("Find the class Rack::Builder", Identifier, "Rack|Builder"),
            ("where is parse_json tested", Mixed, "parse_json"),
            ("parse_json and open_file", Mixed, "parse_json open_file"),
        ] {
            let got = understand(text, Mode::Auto);
            let spelled: Vec<_> = got
                .names
                .iter()
                .map(|name| {
                    if name.container.is_empty() {
                        name.name.clone()
                    } else {
                        format!("{}|{}", name.container, name.name)
                    }
                })
                .collect();
            assert_eq!((got.shape, spelled.join(" ").as_str()), (shape, names), "{text:?}");
        }
    }

    #[test]
    fn words_without_stop_words() {
        assert_eq!(understand("where do we retry failed requests", Mode::Auto).words, ["retry", "failed", "requests"]);
        assert_eq!(understand("how to do it", Mode::Auto).words, ["how", "to", "do", "it"]);
        assert_eq!(understand("parseJson", Mode::Auto).words, ["parsejson", "parse", "json"]);
        for (text, pairs) in [
            ("thread pool and work queue for asynchronous operations", "threadpool asynchronousoperations"),
            ("URL-encoded form body", "urlencoded encodedform formbody"),
            ("read, write", ""),
            ("where is parse_json defined", ""),
        ] {
            assert_eq!(understand(text, Mode::Auto).pairs.join(" "), pairs, "{text}");
        }
    }

    #[test]
    fn quotes_are_read_before_places_and_after_frames() {
        for (text, quoted, places) in [
            ("say \"hello world\" loudly", "hello world", ""),
            ("\"rows.get(3)\" of main.go:12", "rows.get(3)", "main.go:11"),
            ("\"fatal: see main.go:12 and lib.rs:3\"", "fatal: see main.go:12 and lib.rs:3", ""),
            ("File \"app/main.py\", line 4, in run\nKeyError: \"cart\"", "cart", "app/main.py:3"),
            ("unclosed \" at a.rs:3\nwant \"b\" at c.rs:4", "b", "a.rs:2 c.rs:3"),
            ("\"first();\nsecond();\"", "first();\nsecond();", ""),
        ] {
            let got = understand(text, Mode::Auto);
            let found: Vec<_> = got.places.iter().map(|place| format!("{}:{}", place.path, place.line)).collect();
            assert_eq!((got.quoted.join("|").as_str(), found.join(" ").as_str()), (quoted, places), "{text}");
            assert_eq!(got.shape == Shape::Message, !places.is_empty(), "{text}: {:?}", got.shape);
        }
    }
}
