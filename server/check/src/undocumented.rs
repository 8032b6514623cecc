//! Public symbols without documentation.

use std::sync::{Arc, atomic::Ordering};

use conexus_core::{SymbolKind, Visibility};
use conexus_engine::{
    FileEntry, FileFlags, SymbolRef,
    roles::{self, Role},
};

use crate::{Finding, Rule, scope::Scope};

/// Finds public symbols without documentation. What is public only by the custom of its language counts: there is no
/// other sign there.
pub(crate) fn check(scope: &Scope<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let wanted = |file: &&Arc<FileEntry>| scope.wants(file.path()) && is_product(file);
    let files: Vec<_> = scope.snapshot.index().files().filter(wanted).collect();
    let step = scope.step(Rule::UndocumentedPublic, "reading definitions", files.len());
    for file in files {
        step.progress.advance(1);
        if scope.cancel.load(Ordering::Relaxed) {
            break;
        }
        let undocumented: Vec<_> = file.symbols().filter(|symbol| is_undocumented(file, *symbol)).collect();
        let Some(source) = (!undocumented.is_empty()).then(|| scope.source(file)).flatten() else { continue };
        for symbol in undocumented {
            let (first, last) = source.lines.lines_of(symbol.span());
            if !scope.wants_lines(file.path(), first..last + 1) {
                continue;
            }
            let kind = symbol.kind().name().replace('_', " ");
            let message = format!("the public {kind} `{}` has no documentation", symbol.name());
            let help = "say in a sentence what it is for";
            findings.push(Finding::of_symbol(Rule::UndocumentedPublic, file, &source, symbol, message, help));
        }
    }
    findings
}

fn is_product(file: &FileEntry) -> bool {
    !file.flags().contains(FileFlags::GENERATED) && matches!(roles::role(file.path()), Role::Code | Role::Declarations)
}

/// Public, without documentation, not inside of something that is not public, and of a kind that one documents.
fn is_undocumented(file: &FileEntry, symbol: SymbolRef<'_>) -> bool {
    let kind = matches!(
        symbol.kind(),
        SymbolKind::Function
            | SymbolKind::Method
            | SymbolKind::Class
            | SymbolKind::Struct
            | SymbolKind::Enum
            | SymbolKind::Interface
            | SymbolKind::Trait
            | SymbolKind::Macro
            | SymbolKind::Union
    );
    let reachable =
        |symbol: SymbolRef<'_>| symbol.visibility() == Visibility::Public || symbol.kind() == SymbolKind::Impl;
    let mut around = symbol.parent().and_then(|parent| file.symbol(parent));
    while let Some(outer) = around {
        if !reachable(outer)
            || outer.kind().is_callable()
            || outer.kind() == SymbolKind::Impl && outer.name().contains(" for ")
        {
            return false;
        }
        around = outer.parent().and_then(|parent| file.symbol(parent));
    }
    kind && symbol.doc().is_none() && !symbol.is_test() && symbol.visibility() == Visibility::Public
}
