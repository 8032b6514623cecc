//! Changed functions that no test reaches.

use std::sync::atomic::Ordering;

use conexus_core::SymbolKind;
use conexus_engine::{
    FileFlags, RelationKind, RelationKinds, Target,
    roles::{self, Role},
};

use crate::{Finding, Result, Rule, scope::Scope};

/// Finds functions that a change touches and to which no test leads in the graph of references. The graph goes by names
/// and is called heuristic wherever it is shown.
pub(crate) fn check(scope: &Scope<'_>) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let files: Vec<_> = scope.snapshot.index().files().filter(|file| scope.wants(file.path())).collect();
    let step = scope.step(Rule::UntestedChange, "looking for tests", files.len());
    for file in files {
        step.progress.advance(1);
        let product = roles::role(file.path()) == Role::Code && !file.flags().contains(FileFlags::GENERATED);
        let Some(source) = product.then(|| scope.source(file)).flatten() else { continue };
        for symbol in file.symbols().filter(|symbol| !symbol.is_test()) {
            if scope.cancel.load(Ordering::Relaxed) {
                return Ok(findings);
            }
            let function = matches!(symbol.kind(), SymbolKind::Function | SymbolKind::Method | SymbolKind::Constructor);
            let (first, last) = source.lines.lines_of(symbol.span());
            if !function || symbol.name() == "main" || !scope.wants_lines(file.path(), first..last + 1) {
                continue;
            }
            let target = Target::At { path: file.path().to_string(), offset: symbol.name_span().start };
            let related = scope.snapshot.related(&target, RelationKinds::of(&[RelationKind::Test]), 1, scope.cancel)?;
            if related.of(RelationKind::Test).next().is_some() {
                continue;
            }
            let message = format!("`{}` was changed and no test reaches it", symbol.name());
            let help = "write a test that calls it, directly or through what calls it";
            let finding = Finding::of_symbol(Rule::UntestedChange, file, &source, symbol, message, help);
            findings.push(Finding { confidence: 0.7, ..finding });
        }
    }
    Ok(findings)
}
