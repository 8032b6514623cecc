//! Tests of a target: those that mention it, those that do so through one helper, and those named after it.

use std::{collections::HashSet, sync::atomic::AtomicBool};

use conexus_core::{SymbolKind, words};
use conexus_index::{FileEntry, FileFlags, SymbolRef};

use super::{
    Relation, RelationKind,
    definition::module,
    rules::rules,
    target::Subject,
    uses::{Caller, Found, callers, defined, place},
};
use crate::{Result, Snapshot, roles, workspace_symbols::Places};

/// Helpers whose own callers are looked at.
const HELPERS: usize = 4;
/// Files read for one helper.
const HELPER_FILES: usize = 60;
/// How far a path through a helper is believed beside the product of its two steps: a helper does other things too.
const THROUGH_HELPER: f32 = 0.7;
/// A test named after the symbol, in the test file of its module.
const NAMED_AFTER_SYMBOL: f32 = 0.65;
/// Any test of the test file of the module.
const NAMED_AFTER_MODULE: f32 = 0.3;

/// Finds tests. `direct` are all that mention the target.
pub(super) fn tests<'a>(
    view: &'a Snapshot,
    subject: &Subject<'a>,
    direct: &[Caller<'a>],
    limit: usize,
    cancel: &AtomicBool,
) -> Result<Found> {
    let mut places = Places::new(view);
    let mut relations: Vec<Relation> = Vec::new();
    for caller in direct.iter().filter(|caller| is_test(caller)) {
        relations.push(caller.relation(RelationKind::Test, subject, &mut places));
    }
    let helpers = direct.iter().filter(|caller| !is_test(caller) && caller.confidence >= 0.5);
    for helper in helpers.take(HELPERS) {
        let Some(symbol) = helper.symbol.and_then(|index| helper.file.symbol(index)) else { continue };
        if !symbol.kind().is_callable() {
            continue;
        }
        let via = Subject { file: helper.file, symbol: Some(symbol), others: Vec::new() };
        for test in callers(view, &via, HELPER_FILES, cancel)?.0.iter().filter(|caller| is_test(caller)) {
            let mut relation = test.relation(RelationKind::Test, &via, &mut places);
            relation.confidence *= helper.confidence * THROUGH_HELPER;
            relation.reason = format!("tests `{}`, which uses it", symbol.name());
            relations.push(relation);
        }
    }
    named_after(view, subject, &mut places, &mut relations);
    relations.sort_by(|left, right| {
        right
            .confidence
            .total_cmp(&left.confidence)
            .then_with(|| (&left.path, left.span).cmp(&(&right.path, right.span)))
    });
    let own = subject.symbol.map(|symbol| symbol.span());
    let mut seen = HashSet::new();
    relations.retain(|relation| {
        (own != Some(relation.span) || *relation.path != **subject.file.path())
            && seen.insert((relation.path.clone(), relation.span))
    });
    let more = relations.len() > limit;
    relations.truncate(limit);
    Ok(Found { relations, more })
}

/// Whether a caller is a test and not a helper of tests: a name of a test, or code outside of functions.
fn is_test(caller: &Caller<'_>) -> bool {
    if !caller.test {
        return false;
    }
    let Some(symbol) = caller.symbol.and_then(|index| caller.file.symbol(index)) else { return true };
    let name = symbol.name();
    symbol.is_test() || symbol.kind() == SymbolKind::Test || looks_like_test(name)
}

fn looks_like_test(name: &str) -> bool {
    ["test", "Test", "should", "Should", "spec", "Benchmark", "Fuzz", "Example"]
        .iter()
        .any(|start| name.starts_with(start))
        || name.ends_with("Test")
        || name.ends_with("_test")
}

/// Tests by convention: the test file of the module, and in it the tests whose name holds the symbol's.
fn named_after(view: &Snapshot, subject: &Subject<'_>, places: &mut Places<'_>, relations: &mut Vec<Relation>) {
    let path: &str = subject.file.path();
    let family = rules(subject.file.language()).family;
    let modules = [plain(module(path)), plain(roles::stem(path))];
    let subjects = defined(subject);
    let wanted: Vec<String> = subject.symbol.iter().flat_map(|_| &subjects).map(|own| plain(own.name)).collect();
    let owner = subject.symbol.and_then(|_| subjects.first()).map(|own| plain(own.owner)).unwrap_or_default();
    for file in view.index().files() {
        let same = file.first_slot() == subject.file.first_slot();
        if !(same || file.flags().contains(FileFlags::TEST)) || rules(file.language()).family != family {
            continue;
        }
        let stem = tested_stem(roles::stem(file.path()));
        if !same && (stem.is_empty() || !(modules.contains(&stem) || (!owner.is_empty() && stem == owner))) {
            continue;
        }
        let convention = |symbol: SymbolRef<'_>| {
            let name = plain(symbol.name());
            wanted.iter().any(|wanted| wanted.len() >= 4 && name.contains(wanted.as_str()))
        };
        let is_test = |symbol: &SymbolRef<'_>| {
            let callable = symbol.kind().is_callable() || symbol.kind() == SymbolKind::Test;
            callable && (if same { symbol.is_test() } else { symbol.is_test() || looks_like_test(symbol.name()) })
        };
        // A test that is known says more than the first one of its file.
        let mut any = relations.iter().any(|relation| *relation.path == **file.path());
        for symbol in file.symbols().filter(is_test).filter(|symbol| convention(*symbol)) {
            any = true;
            let reason = "named after it, in the tests of its module".to_owned();
            relations.push(test_at(places, file, symbol, reason, NAMED_AFTER_SYMBOL));
        }
        if !any && !same {
            let Some(first) = file.symbols().find(is_test) else { continue };
            relations.push(test_at(places, file, first, "in the tests of its module".to_owned(), NAMED_AFTER_MODULE));
        }
    }
}

fn test_at(
    places: &mut Places<'_>,
    file: &FileEntry,
    symbol: SymbolRef<'_>,
    reason: String,
    confidence: f32,
) -> Relation {
    place(places, RelationKind::Test, file, Some(symbol), symbol.name_span(), reason, confidence)
}

/// The stem that a test file is named after, plain: `parser` of `test_parser`, `parser_test`, `ParserTests`.
fn tested_stem(stem: &str) -> String {
    let parts: Vec<String> = words::parts(stem).map(str::to_lowercase).collect();
    let is_mark = |part: &String| matches!(part.as_str(), "test" | "tests" | "spec" | "suite" | "it" | "case");
    parts.into_iter().filter(|part| !is_mark(part)).collect()
}

/// Lower-cased letters and digits.
fn plain(name: &str) -> String {
    name.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_files_are_named_after_modules() {
        for (stem, expected) in [
            ("test_parser", "parser"),
            ("parser_test", "parser"),
            ("ParserTests", "parser"),
            ("http-client-spec", "httpclient"),
            ("tests", ""),
            ("latest", "latest"),
        ] {
            assert_eq!(tested_stem(stem), expected, "{stem}");
        }
    }
}
