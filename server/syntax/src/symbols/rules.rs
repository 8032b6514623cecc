//! Visibility and tests by the rules of a language, where the query said nothing.

use crate::languages::{Grammar, TestRule, VisibilityRule};
use conexus_core::{Span, Symbol, SymbolKind, Visibility, words};
use std::collections::HashSet;

/// Where a symbol stands.
pub(super) struct Context<'a> {
    pub(super) rules: &'a Grammar,
    pub(super) text: &'a str,
    pub(super) around: Option<&'a Symbol>,
    /// The last `public:` or the like before it.
    pub(super) section: Option<Visibility>,
}

impl Context<'_> {
    pub(super) fn visibility(
        &self,
        name: &str,
        kind: SymbolKind,
        signature: Span,
        name_span: Span,
        attributes: Span,
    ) -> Visibility {
        if let Some(section) = self.section {
            return section;
        }
        let head = self.text.get(signature.start as usize..name_span.start as usize).unwrap_or("");
        let around = self.around.map(|around| around.kind);
        match self.rules.visibility {
            VisibilityRule::Pub => self.rust(head, kind),
            VisibilityRule::Capitalised => {
                if name.chars().next().is_some_and(char::is_uppercase) {
                    Visibility::Public
                } else {
                    Visibility::Restricted
                }
            }
            VisibilityRule::Underscore => {
                if name.starts_with("__") && !name.ends_with("__") {
                    Visibility::Private
                } else if name.starts_with('_') && !name.ends_with("__") {
                    Visibility::Restricted
                } else {
                    Visibility::Public
                }
            }
            VisibilityRule::Exported => {
                let member = around.is_some_and(|around| around.is_type() || around == SymbolKind::Namespace);
                if name.starts_with('#') {
                    Visibility::Private
                } else if member && around != Some(SymbolKind::Namespace) {
                    modifier(head).unwrap_or(Visibility::Public)
                } else {
                    Visibility::Unknown
                }
            }
            VisibilityRule::Modifiers { default, member } => {
                // Annotations may stand between the modifiers, so those before the first word count too.
                let before = attributes.slice(self.text);
                let unsaid = match (around, self.around) {
                    (Some(SymbolKind::Interface | SymbolKind::Trait), _) => Visibility::Public,
                    (Some(SymbolKind::Enum), Some(around)) if kind == SymbolKind::EnumMember => around.visibility,
                    (Some(around), _) if around.is_type() => member,
                    _ if kind == SymbolKind::Namespace => Visibility::Public,
                    _ => default,
                };
                modifier(head).or_else(|| modifier(before)).unwrap_or(unsaid)
            }
            VisibilityRule::Sections => match around {
                Some(SymbolKind::Class) => Visibility::Private,
                Some(SymbolKind::Namespace | SymbolKind::Struct | SymbolKind::Union | SymbolKind::Enum) => {
                    Visibility::Public
                }
                _ => private_if_static(head),
            },
            VisibilityRule::Static => private_if_static(head),
            VisibilityRule::Always(visibility) => visibility,
        }
    }

    fn rust(&self, head: &str, kind: SymbolKind) -> Visibility {
        let inherited = self.around.filter(|around| {
            around.kind == SymbolKind::Trait || around.kind == SymbolKind::Enum && kind == SymbolKind::EnumMember
        });
        if let Some(around) = inherited {
            return around.visibility;
        }
        if self.in_trait_implementation() {
            return Visibility::Unknown;
        }
        match head.trim_start().strip_prefix("pub") {
            Some(rest) if rest.trim_start().starts_with('(') => Visibility::Restricted,
            Some(rest) if rest.starts_with(char::is_whitespace) => Visibility::Public,
            _ if kind == SymbolKind::Impl => Visibility::Unknown,
            _ if kind == SymbolKind::Macro && !head.contains("pub") => Visibility::Unknown,
            _ => Visibility::Private,
        }
    }

    /// Whether the symbol is a member of `impl Trait for Type`.
    fn in_trait_implementation(&self) -> bool {
        self.around.is_some_and(|around| {
            around.kind == SymbolKind::Impl
                && words::identifiers(
                    self.text.get(around.signature.start as usize..around.name_span.start as usize).unwrap_or(""),
                )
                .any(|word| word == "for")
        })
    }

    pub(super) fn is_test(&self, name: &str, kind: SymbolKind, attributes: Span) -> bool {
        match self.rules.tests {
            TestRule::Captured => false,
            TestRule::Attributes(names) => !attributes.is_empty() && names_test(attributes.slice(self.text), names),
            TestRule::Names { functions, types } => {
                let prefixes = if kind.is_callable() {
                    functions
                } else if kind.is_type() {
                    types
                } else {
                    return false;
                };
                prefixes.iter().any(|prefix| {
                    name.strip_prefix(prefix).is_some_and(|rest| {
                        !prefix.ends_with(char::is_alphabetic)
                            || rest.chars().next().is_none_or(|character| !character.is_lowercase())
                    })
                })
            }
        }
    }
}

fn private_if_static(head: &str) -> Visibility {
    if words::identifiers(head).any(|word| word == "static") { Visibility::Private } else { Visibility::Public }
}

fn modifier(head: &str) -> Option<Visibility> {
    words::identifiers(head).find_map(|word| match word {
        "public" | "open" => Some(Visibility::Public),
        "protected" | "internal" => Some(Visibility::Restricted),
        "private" | "fileprivate" | "file" => Some(Visibility::Private),
        _ => None,
    })
}

/// Whether attributes name a test: `#[test]`, `#[tokio::test(flavor = "...")]`, `#[cfg(all(test, unix))]`, `@Test`.
fn names_test(attributes: &str, names: &[&str]) -> bool {
    let mut quoted = false;
    let mut start = 0;
    // Text outside of quotes, piece by piece.
    for (at, byte) in attributes.bytes().enumerate().chain([(attributes.len(), b'"')]) {
        if byte == b'"' {
            if !quoted && piece_names_test(&attributes[start..at], names) {
                return true;
            }
            quoted = !quoted;
            start = at + 1;
        }
    }
    false
}

fn piece_names_test(piece: &str, names: &[&str]) -> bool {
    let mut previous = "";
    for line in piece.lines().filter(|line| !line.trim_start().starts_with("//")) {
        for word in words::identifiers(line) {
            if names.contains(&word) && previous != "not" && previous != "feature" {
                return true;
            }
            previous = word;
        }
    }
    false
}

/// Makes exported names public and, where a file exports anything, all other names at its top private.
pub(super) fn exported_names(rules: &Grammar, exports: &HashSet<&str>, exported: &[bool], symbols: &mut [Symbol]) {
    let by_rule = rules.visibility == VisibilityRule::Exported;
    if exports.is_empty() && !(by_rule && exported.contains(&true)) {
        return;
    }
    for index in 0..symbols.len() {
        let around = symbols[index].parent.map(|parent| &symbols[parent as usize]);
        let at_top = around.is_none_or(|around| around.kind == SymbolKind::Module);
        let inherited = match around {
            Some(around) if around.kind.is_callable() => Visibility::Private,
            Some(around) => around.visibility,
            None => Visibility::Unknown,
        };
        let symbol = &mut symbols[index];
        let is_exported = exported.get(index) == Some(&true) || exports.contains(&*symbol.name);
        let decided = if is_exported { Visibility::Public } else { Visibility::Private };
        if at_top && !matches!(symbol.kind, SymbolKind::Module | SymbolKind::Impl | SymbolKind::Test) {
            symbol.visibility = decided;
        } else if symbol.visibility == Visibility::Unknown {
            symbol.visibility = if is_exported { Visibility::Public } else { inherited };
        }
    }
}
