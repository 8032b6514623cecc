//! What was typed into a symbol picker, read as a name with containers and kinds.

use conexus_core::SymbolKind;

use super::fit::{Fit, Wanted};

/// A text read as a name.
#[derive(Clone, Debug, Default)]
pub(super) struct Pattern {
    /// The name to fit; an empty one fits every symbol inside the containers.
    pub(super) wanted: Wanted,
    /// Containers from the outermost, lower-cased.
    containers: Vec<String>,
    /// Kinds that a hint asks for; all when empty.
    kinds: Kinds,
    /// Whether symbols of lesser rank are ranked like any other.
    pub(super) wide: bool,
    /// Whether a kind hint was taken off the text.
    pub(super) hinted: bool,
}

/// A set of symbol kinds by their stable numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Kinds(u32);

impl Kinds {
    fn of(kinds: &[SymbolKind]) -> Self {
        Self(kinds.iter().fold(0, |bits, &kind| bits | 1 << kind as u32))
    }

    fn allow(self, kind: SymbolKind) -> bool {
        self.0 == 0 || self.0 & (1 << kind as u32) != 0
    }
}

/// Containers a symbol has to lie in; each separator ends one.
const SEPARATORS: &[&str] = &["::", "->", ".", "/", "\\", "#"];

impl Pattern {
    /// Reads a text; `None` when nothing of it could match a name.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut pattern = Self::default();
        let text = pattern.take_hint(text.trim());
        let mut rest = text.trim_end_matches("()").trim();
        // At an end these widen; between names `#` separates, as in `Array#map`.
        for mark in ['#', '*'] {
            let inner = rest.trim_matches(mark).trim();
            pattern.wide |= inner.len() < rest.len();
            rest = inner;
        }
        let mut parts = vec![String::new()];
        while let Some(character) = rest.chars().next() {
            if let Some(separator) = SEPARATORS.iter().find(|separator| rest.starts_with(**separator)) {
                rest = &rest[separator.len()..];
                parts.push(String::new());
            } else {
                rest = &rest[character.len_utf8()..];
                if let Some(part) = parts.last_mut() {
                    part.push(character);
                }
            }
        }
        let name = parts.pop().unwrap_or_default();
        if name.is_empty() && parts.iter().all(String::is_empty) {
            // `..`, `->` and the like may be names of operators.
            pattern.wanted = Wanted::new(text)?;
            return Some(pattern);
        }
        pattern.containers =
            parts.iter().map(|part| part.trim().to_lowercase()).filter(|part| !part.is_empty()).collect();
        pattern.wanted = Wanted::new(&name).unwrap_or_default();
        Some(pattern)
    }

    /// A text without its separators: the symbols of a file when the text is a path.
    pub(super) fn of_path(path: &str) -> Self {
        Self {
            containers: path.to_lowercase().split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect(),
            ..Self::default()
        }
    }

    /// Takes `fn ` or `class:` off the beginning.
    fn take_hint<'a>(&mut self, text: &'a str) -> &'a str {
        let Some(at) = text.find(|character: char| !character.is_ascii_alphabetic()) else { return text };
        let (word, rest) = text.split_at(at);
        let rest = match rest.strip_prefix(':') {
            Some(rest) if !rest.starts_with(':') => rest.trim_start(),
            None if rest.starts_with(char::is_whitespace) => rest.trim_start(),
            _ => return text,
        };
        match kinds_of(&word.to_ascii_lowercase()) {
            Some(kinds) if !rest.is_empty() => {
                self.kinds = Kinds::of(kinds);
                self.hinted = true;
                rest
            }
            _ => text,
        }
    }

    /// Whether a kind is asked for. Nothing else is looked at for symbols of other kinds.
    pub(super) fn allows(&self, kind: SymbolKind) -> bool {
        self.kinds.allow(kind)
    }

    /// How a symbol's own name fits.
    pub(super) fn fit(&self, name: &str) -> Option<Fit> {
        self.wanted.fit(name)
    }

    /// How many of the wanted containers occur, in order, among the folders of a path and the file.
    pub(super) fn above(&self, path: &str) -> usize {
        if self.containers.is_empty() {
            return 0;
        }
        let file = path.rsplit('/').next().unwrap_or(path);
        let folders = path.split('/').take(path.matches('/').count());
        let mut pieces = folders.chain(file.split('.').next()).chain([file]);
        self.containers.iter().take_while(|wanted| pieces.any(|piece| starts_with(piece, wanted))).count()
    }

    /// How well the wanted containers occur, in order, in what is above a symbol: `above` of them in its path, the others
    /// among the enclosing symbols. 1 when the innermost enclosing symbol is the last one wanted, less when it only begins
    /// so or lies further out. `None` when one is missing. Without wanted containers all fits.
    pub(super) fn contained(&self, above: usize, container: &str, outer: &str) -> Option<f32> {
        let Some(last) = self.containers.last() else { return Some(0.0) };
        let mut pieces = words(container).chain(words(outer));
        for wanted in &self.containers[above..] {
            pieces.find(|piece| starts_with(piece, wanted))?;
        }
        let innermost = words(outer).last().or_else(|| words(container).last());
        Some(match innermost {
            Some(innermost) if starts_with(innermost, last) && innermost.len() == last.len() => 1.0,
            Some(innermost) if starts_with(innermost, last) => 0.6,
            _ => 0.3,
        })
    }

    /// Whether it asks for everything inside of its containers.
    pub(super) fn is_inside(&self) -> bool {
        self.wanted.len() == 0
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !(character.is_alphanumeric() || character == '_')).filter(|word| !word.is_empty())
}

/// Whether a piece begins with a lower-cased text, whatever its case.
fn starts_with(piece: &str, lower: &str) -> bool {
    if piece.is_ascii() {
        piece.as_bytes().get(..lower.len()).is_some_and(|start| start.eq_ignore_ascii_case(lower.as_bytes()))
    } else {
        piece.to_lowercase().starts_with(lower)
    }
}

/// The kinds that a hint word asks for. Languages call the same thing by different names.
fn kinds_of(word: &str) -> Option<&'static [SymbolKind]> {
    use SymbolKind::{
        Class, Constant, Constructor, Enum, EnumMember, Field, Function, Impl, Interface, Macro, Method, Module,
        Namespace, Property, Section, Struct, Test, Trait, Type, Union, Variable,
    };
    Some(match word {
        "fn" | "fun" | "func" | "function" | "def" | "sub" => &[Function, Method, Constructor],
        "method" => &[Method, Constructor],
        "class" => &[Class, Struct],
        "struct" | "record" => &[Struct, Class, Union],
        "enum" => &[Enum],
        "interface" | "protocol" => &[Interface, Trait],
        "trait" | "mixin" => &[Trait, Interface],
        "type" => &[Class, Struct, Enum, Interface, Trait, Type, Union],
        "const" | "constant" | "static" => &[Constant],
        "var" | "let" | "val" | "variable" => &[Variable, Constant],
        "field" | "property" => &[Field, Property, EnumMember],
        "mod" | "module" | "package" | "namespace" => &[Module, Namespace],
        "macro" => &[Macro],
        "impl" | "extension" => &[Impl],
        "test" => &[Test],
        "section" | "heading" => &[Section],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> String {
        let Some(pattern) = Pattern::read(text) else { return "nothing".to_owned() };
        let kinds: Vec<_> = SymbolKind::ALL
            .iter()
            .filter(|kind| pattern.hinted && pattern.allows(**kind))
            .map(|kind| kind.name())
            .collect();
        let wide = if pattern.wide { " wide" } else { "" };
        format!("{}|{}|{}{wide}", pattern.containers.join(">"), pattern.wanted.text(), kinds.join(","))
    }

    #[test]
    fn texts_are_names_containers_and_hints() {
        for (text, expected) in [
            ("search", "|search|"),
            ("Snapshot::search", "snapshot|search|"),
            ("a.b.c", "a>b|c|"),
            ("http/Client.send()", "http>client|send|"),
            ("self->go", "self|go|"),
            ("Array#map", "array|map|"),
            ("App\\Http\\Kernel", "app>http|Kernel|"),
            ("router/", "router||"),
            ("Foo::", "foo||"),
            ("fn foo", "|foo|function,method,constructor"),
            ("class:Foo", "|Foo|class,struct"),
            ("class::Foo", "class|Foo|"),
            ("enum", "|enum|"),
            ("Foo#", "|Foo| wide"),
            ("#foo", "|foo| wide"),
            ("foo*", "|foo| wide"),
            ("==", "|==|"),
            ("..", "|..|"),
            ("", "nothing"),
            ("  ", "nothing"),
            ("größe", "|größe|"),
        ] {
            assert_eq!(read(text), expected, "{text:?}");
        }
    }

    #[test]
    fn containers_occur_in_order() {
        let inside = |text: &str| {
            let pattern = Pattern::read(text).unwrap_or_default();
            pattern.contained(pattern.above("src/http/client.rs"), "Client::inner", "")
        };
        assert_eq!(inside("x"), Some(0.0));
        assert_eq!(inside("http::Client::x"), Some(0.3));
        assert_eq!(inside("http::inner::x"), Some(1.0));
        assert_eq!(inside("cli.inn.x"), Some(0.6));
        assert_eq!(inside("client.Client.x"), Some(0.3));
        assert_eq!(inside("inner.http.x"), None);
        assert_eq!(inside("Client.http.x"), None);
    }
}
