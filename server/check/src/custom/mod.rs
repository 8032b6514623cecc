//! Rules of the user's own: a query of tree-sitter, and what the index must say of what it finds.

mod file;

use std::{collections::HashMap, sync::Arc};

use conexus_core::Span;
use conexus_engine::{FileEntry, GuardedAnalyser, Relation, RelationKind, RelationKinds, Subject, Target};
use conexus_syntax::UserMatch;

use crate::{
    Edit, Error, Finding, Place, Related, Result, Rule,
    finding::fingerprint,
    parallel,
    scope::{Scope, Source},
};
use file::{CustomRule, REPORTED, rules};

/// Where the rules of a workspace lie.
const FOLDER: &str = ".conexus/rules";
/// Callers that are looked through for one that is not allowed.
const MOST_CALLERS: usize = 200;

/// Runs the rules of the workspace.
pub(crate) fn check(scope: &mut Scope<'_>) -> Result<Vec<Finding>> {
    let rules = rules(&scope.snapshot.root().join(FOLDER))?;
    if rules.is_empty() {
        scope.checked.rules.retain(|rule| *rule != Rule::Custom);
        if scope.checked.rules.is_empty() {
            return Err(Error::NoCustomRules(FOLDER));
        }
        return Ok(Vec::new());
    }
    let scope = &*scope;
    let files: Vec<&Arc<FileEntry>> = scope.snapshot.index().files().filter(|file| scope.wants(file.path())).collect();
    let matched = parallel::map(
        scope.step(Rule::Custom, "asking the queries", files.len()),
        &files,
        || scope.snapshot.analyser(),
        |analyser, file| in_file(scope, &rules, analyser, file),
    );
    let mut findings = Vec::new();
    for result in matched {
        findings.append(&mut result?);
    }
    Ok(findings)
}

fn in_file(
    scope: &Scope<'_>,
    rules: &[CustomRule],
    analyser: &mut GuardedAnalyser,
    file: &Arc<FileEntry>,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut source = None;
    // Two findings of one rule on the same text are told apart by their number.
    let mut seen: HashMap<(Box<str>, String), usize> = HashMap::new();
    for rule in rules.iter().filter(|rule| rule.applies_to(file.path())) {
        let Some(query) = rule.queries.iter().find(|query| query.language() == file.language()) else { continue };
        let Some(source) = source.get_or_insert_with(|| scope.source(file)) else { break };
        let subject = Subject { path: file.path(), blob: file.blob(), language: file.language(), text: &source.text };
        for found in analyser.matches(query, &subject) {
            let Some(reported) = reported(&found) else { continue };
            let (first, last) = source.lines.lines_of(reported);
            if !scope.wants_lines(file.path(), first..last + 1) {
                continue;
            }
            let related = match rule.breach(scope, file, reported)? {
                Breach::None => continue,
                Breach::Here(related) => related,
            };
            let text = reported.slice(&source.text).to_owned();
            let number = seen.entry((rule.name.clone(), text)).and_modify(|count| *count += 1).or_default();
            findings.push(finding(rule, file, source, &found, reported, related, *number));
        }
    }
    Ok(findings)
}

/// What a finding is about.
fn reported(found: &UserMatch) -> Option<Span> {
    let named = found.captures.iter().find(|(name, _)| &**name == REPORTED);
    named.or_else(|| found.captures.first()).map(|(_, span)| *span)
}

/// Whether what a query found is forbidden.
enum Breach {
    None,
    Here(Vec<Related>),
}

impl CustomRule {
    fn applies_to(&self, path: &str) -> bool {
        self.include.as_ref().is_none_or(|globs| globs.is_match(path)) && !self.exclude.is_match(path)
    }

    fn breach(&self, scope: &Scope<'_>, file: &FileEntry, reported: Span) -> Result<Breach> {
        if !self.constraints.any() {
            return Ok(Breach::Here(Vec::new()));
        }
        let target = Target::At { path: file.path().to_string(), offset: reported.start };
        let relations = |kind: RelationKind, limit: usize| -> Result<Vec<Relation>> {
            Ok(scope.snapshot.related(&target, RelationKinds::of(&[kind]), limit, scope.cancel)?.relations)
        };
        if let Some(globs) = &self.constraints.not_called_from {
            let callers = relations(RelationKind::Caller, MOST_CALLERS)?;
            let forbidden: Vec<_> = callers.iter().filter(|caller| globs.is_match(&*caller.path)).collect();
            if !forbidden.is_empty() {
                return Ok(Breach::Here(places(scope, &forbidden, "is called here")));
            }
        }
        // A test needs none itself.
        let is_test = || file.symbols().any(|symbol| symbol.is_test() && symbol.span().contains(reported));
        if self.constraints.must_have_test && !is_test() && relations(RelationKind::Test, 1)?.is_empty() {
            return Ok(Breach::Here(Vec::new()));
        }
        if self.constraints.must_not_resemble {
            let alike = relations(RelationKind::Reuse, 3)?;
            if !alike.is_empty() {
                return Ok(Breach::Here(places(scope, &alike.iter().collect::<Vec<_>>(), "does nearly the same")));
            }
        }
        Ok(Breach::None)
    }
}

fn places(scope: &Scope<'_>, relations: &[&Relation], label: &str) -> Vec<Related> {
    let place = |relation: &&Relation| {
        let file = scope.snapshot.file(&relation.path).ok()?;
        let source = scope.source(file)?;
        let place = Place::of(&relation.path, &source.text, &source.lines, relation.focus);
        Some(Related { place, label: format!("`{}` {label}", relation.name) })
    };
    relations.iter().filter_map(place).collect()
}

fn finding(
    rule: &CustomRule,
    file: &FileEntry,
    source: &Source,
    found: &UserMatch,
    reported: Span,
    related: Vec<Related>,
    number: usize,
) -> Finding {
    let text = reported.slice(&source.text);
    let path = file.path();
    let fix = rule.fix.as_ref().map(|template| {
        vec![Edit {
            path: path.as_ref().into(),
            span: reported,
            expected: text.into(),
            replacement: filled(template, found, &source.text).into(),
        }]
    });
    Finding {
        rule: Rule::Custom,
        custom: Some(rule.name.clone()),
        severity: rule.severity,
        place: Place::of(path, &source.text, &source.lines, reported),
        message: filled(&rule.message, found, &source.text),
        related,
        help: rule.help.as_ref().map(|help| filled(help, found, &source.text)),
        fix,
        fingerprint: fingerprint([Rule::Custom.code(), &rule.name, path, text, &number.to_string()]),
        confidence: 1.0,
    }
}

/// A template with the captures put in: `{name}` becomes the text of the capture `@name`.
fn filled(template: &str, found: &UserMatch, text: &str) -> String {
    found
        .captures
        .iter()
        .fold(template.to_owned(), |filled, (name, span)| filled.replace(&format!("{{{name}}}"), span.slice(text)))
}
