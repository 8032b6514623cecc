//! Symbols that nothing in the repository mentions.
//!
//! A name that stands nowhere but where it is defined is used by nobody who writes it out. What may be used without being
//! written out is left alone: what is exported, what a framework calls by convention or by a decorator, what a
//! superclass outside of the repository demands.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
};

use conexus_core::{Span, SymbolKind, Visibility, words};
use conexus_engine::{
    FileEntry, FileFlags, SymbolRef,
    roles::{self, Role},
};

use crate::{
    Finding, Result, Rule, parallel,
    scope::{Scope, Source, is_sample},
};

/// Chunks that may hold the name of an unused symbol: its own, that of its container, and its definition's other parts.
const MOST_CHUNKS: usize = 6;

/// Finds symbols that nothing mentions.
pub(crate) fn check(scope: &Scope<'_>) -> Result<Vec<Finding>> {
    let wanted = |file: &&Arc<FileEntry>| scope.wants(file.path()) && is_product(file);
    let files: Vec<_> = scope.snapshot.index().files().filter(wanted).collect();
    let failed = Mutex::new(None);
    let found = parallel::map(
        scope.step(Rule::UnusedSymbol, "looking for mentions", files.len()),
        &files,
        || (),
        |(), file| {
            in_file(scope, file).unwrap_or_else(|error| {
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                Vec::new()
            })
        },
    );
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(found.into_iter().flatten().collect()),
    }
}

fn is_product(file: &FileEntry) -> bool {
    !file.flags().contains(FileFlags::GENERATED)
        && matches!(roles::role(file.path()), Role::Code | Role::Compatibility)
        && !is_sample(file.path())
}

fn in_file(scope: &Scope<'_>, file: &Arc<FileEntry>) -> Result<Vec<Finding>> {
    let mut own: Option<Option<Source>> = None;
    let mut findings = Vec::new();
    for symbol in file.symbols().filter(|symbol| may_be_unused(file, *symbol)) {
        if scope.cancel.load(Ordering::Relaxed) {
            break;
        }
        let confidence = confidence(file, symbol);
        if confidence < scope.options.unused.min_confidence {
            continue;
        }
        let Some(chunks) = scope.snapshot.chunks_with_word(symbol.name(), MOST_CHUNKS)? else { continue };
        let Some(source) = own.get_or_insert_with(|| scope.source(file)) else { continue };
        let mut others: HashMap<u32, &Arc<FileEntry>> =
            chunks.iter().map(|located| (located.file.first_slot(), located.file)).collect();
        others.remove(&file.first_slot());
        let mentions = mentions(&source.text, symbol.name());
        let definitions = file.symbols().filter(|other| other.name() == symbol.name()).count();
        if mentions != definitions || definitions != 1 || is_used_unwritten(file, symbol, source) {
            continue;
        }
        let elsewhere = others
            .values()
            .any(|other| scope.source(other).is_none_or(|source| self::mentions(&source.text, symbol.name()) > 0));
        let (first, last) = source.lines.lines_of(symbol.span());
        if elsewhere || !scope.wants_lines(file.path(), first..last + 1) {
            continue;
        }
        findings.push(finding(file, symbol, source, confidence));
    }
    Ok(findings)
}

/// How often a text has a word.
fn mentions(text: &str, name: &str) -> usize {
    words::identifiers(text).filter(|word| *word == name).count()
}

/// Whether a symbol is of a kind that somebody would have to name to use it.
fn may_be_unused(file: &FileEntry, symbol: SymbolRef<'_>) -> bool {
    let name = symbol.name();
    let kind = matches!(
        symbol.kind(),
        SymbolKind::Function
            | SymbolKind::Method
            | SymbolKind::Class
            | SymbolKind::Struct
            | SymbolKind::Enum
            | SymbolKind::Trait
            | SymbolKind::Interface
            | SymbolKind::Type
            | SymbolKind::Constant
            | SymbolKind::Variable
    );
    kind && !symbol.is_test()
        && name.len() >= 3
        && words::identifiers(name).next() == Some(name)
        && !is_convention(file.language().name(), name)
        && !is_demanded(file, symbol)
}

/// Names that runtimes and frameworks call, and names that say that nobody uses them.
fn is_convention(language: &str, name: &str) -> bool {
    const CALLED: &[&str] = &[
        "main", "init", "setup", "teardown", "setUp", "tearDown", "readObject", "writeObject", "readResolve",
        "writeReplace", "readObjectNoData", "serialVersionUID", "finalize", "companion", "DllMain", "WinMain",
    ];
    let marked = name.starts_with('_') && language != "python" && language != "elixir";
    let dunder = name.starts_with("__");
    let handler = name.strip_prefix("On").or_else(|| name.strip_prefix("on"));
    let handler = handler.is_some_and(|rest| rest.starts_with(|letter: char| letter.is_uppercase()));
    let lifecycle = language == "csharp"
        && matches!(name, "Awake" | "Start" | "Update" | "FixedUpdate" | "LateUpdate" | "Reset" | "Dispose");
    marked || dunder || handler || lifecycle || CALLED.contains(&name)
}

/// Languages whose methods are called by names made at run time, or are demanded by superclasses without a word.
const DYNAMIC: &[&str] = &["python", "ruby", "php", "javascript", "typescript", "tsx", "lua", "elixir"];

/// Whether a member is demanded from outside: by a trait, an interface, a superclass.
fn is_demanded(file: &FileEntry, symbol: SymbolRef<'_>) -> bool {
    let Some(parent) = symbol.parent().and_then(|parent| file.symbol(parent)) else {
        return symbol.kind() == SymbolKind::Method && DYNAMIC.contains(&file.language().name());
    };
    match parent.kind() {
        SymbolKind::Impl => parent.name().contains(" for "),
        SymbolKind::Trait | SymbolKind::Interface => true,
        kind if kind.is_type() => DYNAMIC.contains(&file.language().name()),
        // What is inside a function is of no more than local reach.
        SymbolKind::Function | SymbolKind::Method | SymbolKind::Constructor => true,
        _ => false,
    }
}

fn confidence(file: &FileEntry, symbol: SymbolRef<'_>) -> f32 {
    // What is protected in C++ is for classes that may be anybody's; that is said by a label and not by the member. And
    // what a header defines is for whoever includes it.
    let c = matches!(file.language().name(), "c" | "cpp");
    let header = [".h", ".hh", ".hpp", ".hxx", ".inl", ".inc"].iter().any(|ending| file.path().ends_with(ending));
    if c && (symbol.visibility() == Visibility::Restricted || header && symbol.parent().is_none()) {
        return 0.5;
    }
    match symbol.visibility() {
        Visibility::Private => 0.95,
        Visibility::Restricted => 0.85,
        Visibility::Unknown => 0.5,
        Visibility::Public => 0.3,
    }
}

/// Words in front of a definition that bring somebody else to use it.
const DEMANDING: &[&str] =
    &["override", "extern", "protected", "virtual", "abstract", "export", "open", "partial", "operator"];
/// Attributes that change nothing about who uses a symbol.
const HARMLESS: &[&str] =
    &["#[inline", "#[must_use", "#[cold", "#[doc", "#[derive", "#[rustfmt", "#[track_caller", "#[cfg"];
/// Text with which a file uses names that it does not write out.
const REFLECTING: &[&str] =
    &["getattr(", "globals()", "vars(", "##", "concat_idents", "paste!", "GetMethod(", "BindingFlags"];

/// Whether a decorator, a modifier or reflection brings somebody to use a symbol without its name being written.
fn is_used_unwritten(file: &FileEntry, symbol: SymbolRef<'_>, source: &Source) -> bool {
    let text = &source.text;
    let before =
        Span { start: symbol.span().start, end: symbol.signature().start.max(symbol.span().start) }.slice(text);
    let attributes = before.lines().map(str::trim).any(|line| {
        (line.starts_with('@') || line.starts_with("#[") || line.starts_with('['))
            && !HARMLESS.iter().any(|harmless| line.starts_with(harmless))
    });
    let head = symbol.signature().slice(text);
    // C# names the interface in front of a method that it demands, and nobody names a class of extension methods.
    let start = symbol.name_span().start as usize;
    let sharp = file.language().name() == "csharp"
        && (text.get(..start).is_some_and(|before| before.ends_with('.')) || head.contains("static class"));
    // The values of an enum of C are used without its name, and a static member is as public as its class says.
    let c = matches!(file.language().name(), "c" | "cpp")
        && (symbol.kind() == SymbolKind::Enum && !head.contains("enum class")
            || head.contains("__attribute__")
            || symbol.parent().is_some() && words::identifiers(head).any(|word| word == "static"));
    // What a protocol of Swift demands carries no mark, and frameworks find types by what they conform to.
    let swift = file.language().name() == "swift" && conforms(file, symbol, text);
    let annotated = head.trim_start().starts_with(['@', '[']) && file.language().name() != "go";
    let demanded = words::identifiers(head).any(|word| DEMANDING.contains(&word));
    attributes || annotated || demanded || sharp || c || swift || REFLECTING.iter().any(|mark| text.contains(mark))
}

/// Whether a symbol, or a type around it, says that it conforms to something.
fn conforms(file: &FileEntry, symbol: SymbolRef<'_>, text: &str) -> bool {
    let mut at = Some(symbol);
    while let Some(one) = at {
        let callable = matches!(one.kind(), SymbolKind::Function | SymbolKind::Method | SymbolKind::Constructor);
        if !callable && one.signature().slice(text).contains(':') {
            return true;
        }
        at = one.parent().and_then(|parent| file.symbol(parent));
    }
    false
}

fn finding(file: &FileEntry, symbol: SymbolRef<'_>, source: &Source, confidence: f32) -> Finding {
    let kind = symbol.kind().name().replace('_', " ");
    let message = format!("nothing in the repository mentions the {kind} `{}`", symbol.name());
    let finding = Finding::of_symbol(Rule::UnusedSymbol, file, source, symbol, message, "remove it, or use it");
    Finding { confidence, ..finding }
}
