//! Whether one function could be called where another one stands: who may name it, which package it belongs to, and what
//! that of the other one depends on.

use std::collections::HashMap;

use conexus_core::{Span, SymbolKind, Visibility};
use conexus_engine::{
    FileEntry, Snapshot,
    roles::{self, Role},
};

use super::{LEAST_OF_INTERFACE, compare::Bodies, paths::are_counterparts, units::Unit};
use crate::lexer;

/// The packages of a workspace, by what builds them.
pub(super) struct Packages<'a> {
    snapshot: &'a Snapshot,
    /// Manifests by the folder that they stand in.
    manifests: HashMap<&'a str, Vec<&'a str>>,
    /// What the manifests of a folder say, as far as it was asked for.
    texts: HashMap<&'a str, String>,
}

/// Files that say what a package is and what it depends on.
const MANIFESTS: &[&str] = &[
    "Cargo.toml", "package.json", "go.mod", "pom.xml", "build.gradle", "build.gradle.kts", "setup.py", "setup.cfg",
    "pyproject.toml", "Package.swift", "mix.exs", "composer.json",
];
/// Endings of such files.
const MANIFEST_ENDINGS: &[&str] = &[".csproj", ".vbproj", ".fsproj", ".gemspec", ".cabal"];

impl<'a> Packages<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        let mut manifests: HashMap<&str, Vec<&str>> = HashMap::new();
        for path in snapshot.index().files().map(|file| file.path()) {
            if is_manifest(path) {
                manifests.entry(folder(path)).or_default().push(path);
            }
        }
        Self { snapshot, manifests, texts: HashMap::new() }
    }

    /// Whether the function `to` could be called where `from` stands.
    pub(super) fn reach(&mut self, bodies: &mut Bodies<'_, '_>, from: &Unit, to: &Unit) -> bool {
        let (own, other) = (from.file.path(), to.file.path());
        own == other
            || !is_kept(other)
                && !are_counterparts(own, other)
                && self.may_name(from, to)
                && !bodies.text(to).is_none_or(|text| is_program(&to.file, own, &text))
                && self.depends(own, other)
    }

    /// Whether visibility lets one function name another one in another file.
    fn may_name(&self, from: &Unit, to: &Unit) -> bool {
        let (own, other) = (from.file.path(), to.file.path());
        let language = to.file.language().name();
        let is_header = other.rsplit('.').next().is_some_and(|ending| ending.starts_with('h'));
        let mut symbol = to.symbol();
        while let Some(current) = symbol {
            let named = !matches!(current.kind(), SymbolKind::Impl | SymbolKind::Module | SymbolKind::Namespace);
            let reaches = match current.visibility() {
                Visibility::Public | Visibility::Unknown => true,
                // What is inside of a module of Rust sees all of it, and for a module beside it a word is enough.
                Visibility::Private if language == "rust" => {
                    folder(own) == folder(other) || is_below(own, module_folder(other))
                }
                // What is static in C takes a word to be seen by the files beside it.
                Visibility::Private if language == "c" => is_header || folder(own) == folder(other),
                Visibility::Private => is_header && language == "cpp",
                Visibility::Restricted if matches!(language, "csharp" | "swift" | "kotlin" | "rust") => {
                    self.package(own) == self.package(other)
                }
                Visibility::Restricted => folder(own) == folder(other),
            };
            if named && !reaches {
                return false;
            }
            symbol = current.parent().and_then(|parent| to.file.symbol(parent));
        }
        true
    }

    /// The folder of the nearest manifest above a file; none above it is the workspace's own.
    fn package(&self, path: &str) -> &'a str {
        let mut folder = folder(path);
        loop {
            if let Some((&found, _)) = self.manifests.get_key_value(folder) {
                return found;
            }
            match folder.rsplit_once('/') {
                Some((above, _)) => folder = above,
                None if folder.is_empty() => return "",
                None => folder = "",
            }
        }
    }

    /// Whether the package of one file is that of another one, or depends on it.
    fn depends(&mut self, from: &str, to: &str) -> bool {
        let (own, other) = (self.package(from), self.package(to));
        if own == other {
            return true;
        }
        let mut names = declared_names(self.text(other));
        names.extend(other.rsplit('/').next().filter(|name| !name.is_empty()).map(str::to_owned));
        let text = self.text(own);
        names.iter().any(|name| mentions(text, name))
    }

    fn text(&mut self, folder: &'a str) -> &str {
        let (snapshot, manifests) = (self.snapshot, &self.manifests);
        self.texts.entry(folder).or_insert_with(|| {
            let paths = manifests.get(folder).into_iter().flatten();
            let texts: Vec<_> = paths.filter_map(|path| snapshot.text(path).ok()).map(|current| current.text).collect();
            texts.join("\n")
        })
    }
}

/// Whether each of two short functions is registered with something of its own, by the arguments of a decorator, an annotation
/// or an attribute: whoever calls them knows them by that.
pub(super) fn are_registered_apart(bodies: &mut Bodies<'_, '_>, left: &Unit, right: &Unit) -> bool {
    if left.tokens.max(right.tokens) >= LEAST_OF_INTERFACE {
        return false;
    }
    let mut marks = |unit: &Unit| -> Option<Vec<String>> {
        let (text, symbol) = (bodies.text(unit)?, unit.symbol()?);
        let before = Span { start: symbol.span().start, end: symbol.signature().start.max(symbol.span().start) };
        let tokens = lexer::tokens(unit.file.language(), &text, before);
        let words: Vec<String> = tokens.iter().map(|token| token.span.slice(&text).to_owned()).collect();
        words.iter().any(|word| word == "(").then_some(words)
    };
    matches!((marks(left), marks(right)), (Some(own), Some(other)) if own != other)
}

/// Whether a file says what a package is.
pub(super) fn is_manifest(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    MANIFESTS.contains(&name) || MANIFEST_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Whether code is kept for older users: nobody is told to call it.
fn is_kept(path: &str) -> bool {
    const KEPT: &[&str] = &["archive", "attic", "legacy", "deprecated", "obsolete"];
    let mut words = path.split(['/', '_', '-', '.']);
    roles::role(path) == Role::Compatibility
        || words.any(|word| KEPT.iter().any(|kept| word.eq_ignore_ascii_case(kept)))
}

/// Whether a file is a program or script by itself, of which code in another file can call nothing.
fn is_program(file: &FileEntry, from: &str, text: &str) -> bool {
    let is_main = || text.lines().any(|line| line.trim_end() == "package main");
    text.starts_with("#!/") || file.language().name() == "go" && folder(file.path()) != folder(from) && is_main()
}

pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// The folder of the modules inside of the one that a file of Rust is.
fn module_folder(path: &str) -> &str {
    let stem = path.trim_end_matches(".rs");
    match stem.rsplit_once('/') {
        Some((folder, "mod" | "lib" | "main")) => folder,
        None if matches!(stem, "lib" | "main") => "",
        _ => stem,
    }
}

/// What manifests call their packages.
fn declared_names(manifests: &str) -> Vec<String> {
    let of_line = |line: &str| {
        let line = line.trim();
        let name = match line.split_once(['=', ':']) {
            Some((key, value)) if key.trim().trim_matches('"') == "name" => value,
            _ => line.strip_prefix("module ")?,
        };
        let name = name.trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '@');
        (!name.is_empty()).then(|| name.to_owned())
    };
    manifests.lines().filter_map(of_line).collect()
}

/// Whether a text has a name as a word of its own.
fn mentions(text: &str, name: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-');
    text.match_indices(name)
        .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + name.len()..].starts_with(is_part))
}
