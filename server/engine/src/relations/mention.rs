//! Mentions: a name with what stands around it in its file.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use conexus_core::{Reference, ReferenceKind, Span, words};
use conexus_index::{FileEntry, FileFlags, FileReferences, NamedReference, SymbolRef};

use super::{
    definition::{owner, type_name},
    rules::{Rules, rules},
};
use crate::{Result, Snapshot};

/// A file whose mentions are resolved.
pub(super) struct MentioningFile<'a> {
    pub(super) file: &'a Arc<FileEntry>,
    pub(super) text: Arc<str>,
    pub(super) references: Arc<FileReferences>,
    pub(super) rules: Rules,
    pub(super) test: bool,
}

/// What a name is reached through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Receiver<'a> {
    /// Nothing: `name()`.
    None,
    /// The own value or type: `self.name()`, `Self::name()`.
    Own,
    /// A variable, type, module or package: `client.name()`.
    Named(&'a str),
    /// A module or namespace, by its spelling: `client::name()`.
    Path(&'a str),
    /// The result of an expression: `call().name()`.
    Expression,
}

/// What a file says by its names: computed once, asked for each mention.
pub(super) struct Names<'a> {
    /// Imported names, each with the words of its import statement.
    imports: HashMap<&'a str, HashSet<&'a str>>,
    /// Every name that is mentioned.
    mentioned: HashSet<&'a str>,
    /// Types that the types of this file extend or implement.
    inherited: HashSet<&'a str>,
    /// Whether something is imported as a whole.
    pub(super) wildcard: bool,
}

impl<'a> MentioningFile<'a> {
    /// Reads a file's mentions and text; `None` when either is not there in the version of the index.
    pub(super) fn read(view: &'a Snapshot, file: &'a Arc<FileEntry>) -> Result<Option<Self>> {
        let Some(references) = view.references(file)? else { return Ok(None) };
        let Some(text) = view.indexed_text(file) else { return Ok(None) };
        let test = file.flags().contains(FileFlags::TEST);
        Ok(Some(Self { file, text, references, rules: rules(file.language()), test }))
    }

    /// What the file says by its names.
    pub(super) fn names(&self) -> Names<'_> {
        let mut names =
            Names { imports: HashMap::new(), mentioned: HashSet::new(), inherited: HashSet::new(), wildcard: false };
        for NamedReference { name, reference } in self.references.iter() {
            match reference.kind {
                ReferenceKind::Import => {
                    let statement = self.statement(reference.span);
                    names.wildcard |= statement.contains('*');
                    names.imports.entry(name).or_default().extend(words::identifiers(statement));
                }
                ReferenceKind::Inherit => {
                    names.inherited.insert(name);
                }
                _ => {}
            }
            names.mentioned.insert(name);
        }
        names
    }

    /// What a mention is reached through.
    pub(super) fn receiver(&self, mention: Span) -> Receiver<'_> {
        let before = self.text.get(..mention.start as usize).unwrap_or("").trim_end();
        // What stands behind `@` is a decorator, or an instance variable of Ruby.
        let Some(rest) = ["?.", "!!.", "::", "->", "."].iter().find_map(|mark| before.strip_suffix(mark)) else {
            return Receiver::None;
        };
        let path = before.ends_with("::");
        let rest = rest.trim_end().trim_end_matches(['?', '!']);
        let rest = strip_generic(rest);
        let start = rest
            .char_indices()
            .rev()
            .take_while(|(_, character)| character.is_alphanumeric() || matches!(character, '_' | '$'))
            .last()
            .map_or(rest.len(), |(at, _)| at);
        match rest[start..].trim_start_matches('$') {
            "" if rest.ends_with("super()") => Receiver::Own,
            "" => Receiver::Expression,
            // Paths of Rust that name no module.
            "crate" | "super" | "self" if path => Receiver::None,
            "self" | "Self" | "this" | "cls" | "super" | "static" | "parent" | "base" => Receiver::Own,
            name if path && name.starts_with(char::is_lowercase) => Receiver::Path(name),
            name => Receiver::Named(name),
        }
    }

    /// Whether a name without receiver is a parameter or variable of the function around it: the signature holds the name,
    /// or it is bound before the mention. Names that begin upper-case are types in signatures, and no variables.
    pub(super) fn is_local(&self, name: &str, reference: Reference) -> bool {
        if name.starts_with(char::is_uppercase) {
            return false;
        }
        let mut symbol = reference.within.and_then(|index| self.file.symbol(index));
        while let Some(inner) = symbol {
            if inner.kind().is_callable() {
                let signature = inner.signature();
                let parameters = Span { start: inner.name_span().end.max(signature.start), end: signature.end };
                let in_signature = signature.contains(reference.span);
                if !in_signature && words::identifiers(parameters.slice(&self.text)).any(|word| word == name) {
                    return true;
                }
                let before = Span { start: signature.end, end: reference.span.start.max(signature.end) };
                if binds(before.slice(&self.text), name) {
                    return true;
                }
            }
            symbol = inner.parent().and_then(|parent| self.file.symbol(parent));
        }
        false
    }

    /// Whether a name is the receiver of the method around it, which Go lets everyone name: `m` of `func (m *Manager)`.
    pub(super) fn is_method_receiver(&self, name: &str, reference: Reference) -> bool {
        let mut symbol = reference.within.and_then(|index| self.file.symbol(index));
        while let Some(inner) = symbol {
            let signature = inner.signature().slice(&self.text);
            if let Some(receiver) = signature.strip_prefix("func (") {
                return receiver.split([' ', ')']).next() == Some(name);
            }
            symbol = inner.parent().and_then(|parent| self.file.symbol(parent));
        }
        false
    }

    /// The symbol that a mention stands in, as people would name it: a function, a type or a test.
    pub(super) fn within(&self, reference: Reference) -> Option<SymbolRef<'_>> {
        let mut symbol = reference.within.and_then(|index| self.file.symbol(index));
        while let Some(inner) = symbol {
            let kind = inner.kind();
            if kind.is_callable() || kind.is_type() || kind == conexus_core::SymbolKind::Test {
                return symbol;
            }
            match inner.parent().and_then(|parent| self.file.symbol(parent)) {
                Some(parent) => symbol = Some(parent),
                None => break,
            }
        }
        symbol
    }

    /// The type around a mention, or empty.
    pub(super) fn owner_at(&self, reference: Reference) -> &str {
        let mut symbol = reference.within.and_then(|index| self.file.symbol(index));
        while let Some(inner) = symbol {
            if inner.kind().is_type() || inner.kind() == conexus_core::SymbolKind::Impl {
                return type_name(inner);
            }
            let owner = owner(self.file, inner);
            if !owner.is_empty() {
                return owner;
            }
            symbol = inner.parent().and_then(|parent| self.file.symbol(parent));
        }
        ""
    }

    /// The import statement around a name. Statements over several lines are followed back to their keyword and on to
    /// their end, a few hundred bytes at most.
    fn statement(&self, name: Span) -> &str {
        let (start, end) = (name.start as usize, name.end as usize);
        let from = self.text.floor_char_boundary(start.saturating_sub(600));
        let head = self.text.get(from..start).unwrap_or("");
        let mut line = head.rfind('\n').map_or(0, |at| at + 1);
        let is_begin = |line: &str| {
            let line = line.trim_start();
            ["import", "from", "use ", "pub ", "export", "const", "let", "var", "require", "#include", "using", "open"]
                .iter()
                .any(|keyword| line.starts_with(keyword))
        };
        for _ in 0..16 {
            if is_begin(&head[line..]) || line == 0 {
                break;
            }
            line = head[..line - 1].rfind('\n').map_or(0, |at| at + 1);
        }
        let to = self.text.floor_char_boundary((end + 400).min(self.text.len()));
        let tail = self.text.get(end..to).unwrap_or("");
        let stop = tail.find([';', '\n']).unwrap_or(tail.len());
        // A list in braces or parentheses goes on behind the line; where it comes from may stand behind it.
        let stop = match tail.find(['}', ')']) {
            Some(close)
                if tail[..stop].matches(['{', '(']).count() == 0 && close > stop && !tail[..close].contains(';') =>
            {
                close + tail[close..].find(['\n', ';']).unwrap_or(tail.len() - close)
            }
            _ => stop,
        };
        self.text.get(from + line..end + stop).unwrap_or("")
    }
}

impl Names<'_> {
    /// The words of the statements that import a name; `None` when none does.
    pub(super) fn import(&self, name: &str) -> Option<&HashSet<&str>> {
        self.imports.get(name)
    }

    /// Whether a name occurs anywhere.
    pub(super) fn mentions(&self, name: &str) -> bool {
        self.mentioned.contains(name)
    }

    /// Whether a type of the file extends or implements that one.
    pub(super) fn inherits(&self, name: &str) -> bool {
        self.inherited.contains(name)
    }

    /// Whether a statement imports from a module or its folder.
    pub(super) fn imports_from(&self, module: &str, folder: &str) -> bool {
        self.imports.contains_key(module)
            || self.imports.values().any(|words| words.contains(module))
            || (!folder.is_empty() && self.imports.contains_key(folder))
    }
}

/// Whether a text gives a name a value: `name =`, `name :=`, `let name`, `for name in`, `as name`.
fn binds(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        let is_word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '.');
        let (before, after) = (&text[..at], text[at + name.len()..].trim_start_matches([' ', '\t']));
        if before.ends_with(is_word) || text[at + name.len()..].starts_with(is_word) {
            return false;
        }
        let keyword = before.trim_end().rsplit(|character: char| !character.is_alphabetic()).next().unwrap_or("");
        let keyword =
            before.ends_with([' ', '\t']) && matches!(keyword, "let" | "mut" | "const" | "var" | "val" | "for" | "as");
        let assigned = after.strip_prefix(":=").is_some()
            || after.strip_prefix('=').is_some_and(|rest| !rest.starts_with(['=', '>', '~']));
        // `f(name=1)` names a parameter of what is called.
        let line = before.rsplit('\n').next().unwrap_or("");
        let argument = line.matches('(').count() > line.matches(')').count();
        keyword || (assigned && !argument)
    })
}

/// `Vec` of `Vec::<T>`, `Foo` of `Foo<T>`.
fn strip_generic(text: &str) -> &str {
    if !text.ends_with('>') {
        return text;
    }
    let mut depth = 0;
    for (at, byte) in text.bytes().enumerate().rev().take(200) {
        match byte {
            b'>' => depth += 1,
            b'<' => {
                depth -= 1;
                if depth == 0 {
                    return text[..at].trim_end_matches("::");
                }
            }
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bound_by_assignment_and_keywords() {
        for (text, expected) in [
            ("total = 1", true),
            ("x, total := f()", true),
            ("let total: u8 = 1;", true),
            ("for total in rows:", true),
            ("open(x) as total:", true),
            ("total == 1", false),
            ("self.total = 1", false),
            ("subtotal = 1", false),
            ("f(total=1)", false),
            ("total(1)", false),
        ] {
            assert_eq!(binds(text, "total"), expected, "{text}");
        }
    }

    #[test]
    fn type_arguments_are_left_out() {
        assert_eq!(strip_generic("Vec::<Vec<u8>>"), "Vec");
        assert_eq!(strip_generic("Foo<T>"), "Foo");
        assert_eq!(strip_generic("a >"), "a >");
    }
}
