//! Definitions that a name may mean.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use conexus_core::SymbolKind;
use conexus_index::{FileEntry, FileFlags, IndexSnapshot, Letters, SymbolRef};

use super::rules::{Rules, rules};
use crate::{roles, search::split_name};

/// A symbol with what resolution asks of it again and again.
#[derive(Clone, Copy)]
pub(super) struct Definition<'a> {
    pub(super) file: &'a Arc<FileEntry>,
    pub(super) symbol: SymbolRef<'a>,
    /// The last part of its name.
    pub(super) name: &'a str,
    /// The type that it belongs to, or empty: a method's class, an enum member's enum.
    pub(super) owner: &'a str,
    pub(super) rules: Rules,
    pub(super) test: bool,
}

impl<'a> Definition<'a> {
    pub(super) fn new(file: &'a Arc<FileEntry>, symbol: SymbolRef<'a>) -> Self {
        let (outer, name) = split_name(symbol.name());
        let owner = if outer.is_empty() { owner(file, symbol) } else { last_name(outer) };
        let test = symbol.is_test() || file.flags().contains(FileFlags::TEST);
        Self { file, symbol, name, owner, rules: rules(file.language()), test }
    }

    pub(super) fn kind(&self) -> SymbolKind {
        self.symbol.kind()
    }

    pub(super) fn is(&self, other: &Definition<'_>) -> bool {
        self.file.first_slot() == other.file.first_slot() && self.symbol.index() == other.symbol.index()
    }

    /// Whether it is reached through a value or a type.
    pub(super) fn is_member(&self) -> bool {
        !self.owner.is_empty()
    }

    /// The name under which its file is imported: the stem, or the folder where the stem says nothing.
    pub(super) fn module(&self) -> &'a str {
        module(self.file.path())
    }

    /// The folder of its file, the package of Go or Java.
    pub(super) fn folder(&self) -> &'a str {
        folder(self.file.path())
    }
}

/// The path before the file.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The name under which a file is imported.
pub(super) fn module(path: &str) -> &str {
    match roles::stem(path) {
        "mod" | "lib" | "main" | "index" | "__init__" | "init" => {
            let folder = folder(path);
            let folder = folder.strip_suffix("/src").unwrap_or(folder);
            last_part(folder)
        }
        stem => stem,
    }
}

/// The last folder or file of a path.
pub(super) fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The last word of a qualified name: `Client` of `http::Client<T>`.
pub(super) fn last_name(text: &str) -> &str {
    let text = text.split('<').next().unwrap_or(text);
    text.rsplit(|character: char| !(character.is_alphanumeric() || character == '_'))
        .find(|word| !word.is_empty())
        .unwrap_or("")
}

/// The nearest enclosing type; nothing when a module or function is nearer.
pub(super) fn owner<'a>(file: &'a FileEntry, symbol: SymbolRef<'a>) -> &'a str {
    let Some(parent) = symbol.parent().and_then(|parent| file.symbol(parent)) else {
        // Go and others define methods outside of their type.
        let method = matches!(symbol.kind(), SymbolKind::Method | SymbolKind::Constructor | SymbolKind::Field);
        return if method { last_name(symbol.container()) } else { "" };
    };
    let kind = parent.kind();
    if kind.is_type() || kind == SymbolKind::Impl { type_name(parent) } else { "" }
}

/// The type that a type or an implementation block is about: `Foo` of `impl Display for Foo<T>`.
pub(super) fn type_name(symbol: SymbolRef<'_>) -> &str {
    let name = symbol.name();
    let name = name.rsplit(" for ").next().unwrap_or(name);
    last_name(name)
}

/// So few names are looked for one by one, by their letters, which are kept beside the symbols.
const FEW: usize = 3;

/// The definitions of some names, by name. It looks at all symbols once.
pub(super) fn definitions<'a>(
    index: &'a IndexSnapshot,
    names: &HashSet<&str>,
    cancel: &AtomicBool,
) -> HashMap<&'a str, Vec<Definition<'a>>> {
    let mut found: HashMap<&str, Vec<Definition<'_>>> = HashMap::new();
    let mut take = |file, symbol: SymbolRef<'a>, own| {
        if names.contains(own) && may_be_meant(symbol.kind()) {
            found.entry(own).or_default().push(Definition::new(file, symbol));
        }
    };
    let files = index.files().enumerate();
    let mut files = files.take_while(|(number, _)| number % 256 != 0 || !cancel.load(Ordering::Relaxed));
    if names.len() <= FEW {
        for (_, file) in &mut files {
            for &name in names {
                for symbol in file.symbols_with(Letters::of(name)) {
                    let (_, own) = split_name(symbol.name());
                    if own == name {
                        take(file, symbol, own);
                    }
                }
            }
        }
        return found;
    }
    // How a name ends passes over most names without taking their qualification off and hashing them.
    let mut ends = vec![false; 1 << 16];
    for name in names {
        ends[end(name)] = true;
    }
    for (_, file) in &mut files {
        for symbol in file.symbols() {
            let name = symbol.name();
            // The end of a qualified name is that of its last part, unless that is a single letter.
            if ends[end(name)] || name.len().checked_sub(2).is_some_and(|at| is_mark(name.as_bytes()[at])) {
                take(file, symbol, split_name(name).1);
            }
        }
    }
    found
}

/// Whether a byte parts a qualified name.
const fn is_mark(byte: u8) -> bool {
    matches!(byte, b'.' | b':' | b'\\')
}

/// The last two bytes of a name; of a shorter one its only byte.
fn end(name: &str) -> usize {
    match name.as_bytes() {
        [.., before, last] => usize::from(*before) << 8 | usize::from(*last),
        [last] => usize::from(*last),
        [] => 0,
    }
}

/// Whether code can mean a symbol of this kind by its name.
const fn may_be_meant(kind: SymbolKind) -> bool {
    !matches!(
        kind,
        SymbolKind::Section | SymbolKind::Impl | SymbolKind::Test | SymbolKind::Module | SymbolKind::Namespace
    )
}
