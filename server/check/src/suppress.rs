//! Findings that are not wanted: by the settings for a path, by a comment in the code, by the baseline.

use std::collections::HashMap;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::{
    Error, Finding, Place, Result, Rule, Selection,
    directives::{Directive, directives},
    report::{Suppressed, UnusedIgnore, Why},
    scope::Scope,
};

/// What is left of the findings of a check, and what became of the others.
pub(crate) struct Sorted {
    pub(crate) findings: Vec<Finding>,
    pub(crate) suppressed: Vec<Suppressed>,
    pub(crate) unused: Vec<UnusedIgnore>,
    pub(crate) gone: Vec<crate::BaselineEntry>,
}

/// Sorts out what is not wanted. The baseline comes last: it need not hold what a comment ignores.
pub(crate) fn sort_out(scope: &Scope<'_>, findings: Vec<Finding>) -> Result<Sorted> {
    let paths = PathRules::new(&scope.options.per_path_ignore)?;
    let mut comments = Comments { scope, files: HashMap::new() };
    let (mut left, mut suppressed) = (Vec::new(), Vec::new());
    for finding in findings {
        if paths.ignores(&finding) {
            suppressed.push(Suppressed { finding, why: Why::Settings });
        } else if comments.ignore(&finding) {
            suppressed.push(Suppressed { finding, why: Why::Comment });
        } else {
            left.push(finding);
        }
    }
    let mut gone = Vec::new();
    if let Some(baseline) = &scope.options.baseline {
        let (new, known, unmatched) = baseline.split(left);
        left = new;
        suppressed.extend(known.into_iter().map(|finding| Suppressed { finding, why: Why::Baseline }));
        gone = unmatched;
        gone.retain(|entry| scope.would_meet(&entry.path, &entry.rule));
    }
    let unused = if scope.options.report_unused { comments.unused() } else { Vec::new() };
    Ok(Sorted { findings: left, suppressed, unused, gone })
}

/// Rules that do not run below some paths.
pub(crate) struct PathRules(Vec<(Gitignore, Selection)>);

impl PathRules {
    /// Reads the globs; the error names the one that is none.
    pub(crate) fn new(rules: &[(String, Selection)]) -> Result<Self> {
        let read = |(glob, selection): &(String, Selection)| {
            let mut builder = GitignoreBuilder::new("");
            let built = builder.add_line(None, glob).and_then(|builder| builder.build());
            built
                .map(|globs| (globs, *selection))
                .map_err(|why| Error::Glob { glob: glob.clone(), why: why.to_string() })
        };
        rules.iter().map(read).collect::<Result<_>>().map(Self)
    }

    fn ignores(&self, finding: &Finding) -> bool {
        self.0.iter().any(|(globs, rules)| {
            rules.contains(finding.rule) && globs.matched_path_or_any_parents(&*finding.place.path, false).is_ignore()
        })
    }
}

/// The comments of the files that were asked for.
struct Comments<'a, 'b> {
    scope: &'b Scope<'a>,
    /// Per file its directives, and whether each of their rules has ignored something.
    files: HashMap<Box<str>, Vec<(Directive, Vec<bool>)>>,
}

impl Comments<'_, '_> {
    /// Whether a comment ignores a finding: at its place, or at every other place that it names, so that of two
    /// functions that are alike either may carry the comment.
    fn ignore(&mut self, finding: &Finding) -> bool {
        if self.ignores_at(finding, &finding.place) {
            return true;
        }
        // All of them are looked at, so that each comment counts as used.
        let ignored = finding.related.iter().filter(|related| self.ignores_at(finding, &related.place)).count();
        ignored > 0 && ignored == finding.related.len()
    }

    fn ignores_at(&mut self, finding: &Finding, place: &Place) -> bool {
        let code = finding.code();
        let mut ignored = false;
        for (directive, used) in self.of(&place.path) {
            if !directive.covers(place.start.line) {
                continue;
            }
            for (rule, used) in directive.rules.iter().zip(used) {
                if rule == "all" || *rule == code || rule == finding.rule.code() {
                    (*used, ignored) = (true, true);
                }
            }
        }
        ignored
    }

    fn of(&mut self, path: &str) -> &mut Vec<(Directive, Vec<bool>)> {
        let scope = self.scope;
        self.files.entry(path.into()).or_insert_with(|| {
            let file = scope.snapshot.index().file(path);
            let source = file.and_then(|file| Some((file.language(), scope.source(file)?)));
            let found = source.map(|(language, source)| directives(language, &source.text)).unwrap_or_default();
            let unused = |directive: Directive| {
                let used = vec![false; directive.rules.len()];
                (directive, used)
            };
            found.into_iter().map(unused).collect()
        })
    }

    /// Comments that ignore nothing. What was not looked for is not judged.
    fn unused(mut self) -> Vec<UnusedIgnore> {
        let scope = self.scope;
        let wanted = scope.snapshot.index().files().filter(|file| scope.wants(file.path()));
        let paths: Vec<Box<str>> = wanted.map(|file| (**file.path()).into()).collect();
        let mut unused = Vec::new();
        for path in paths {
            for (directive, used) in self.of(&path).iter() {
                let mut tell = |rule: &str, known: bool| {
                    unused.push(UnusedIgnore {
                        path: path.clone(),
                        line: directive.line,
                        rule: rule.to_owned(),
                        known,
                    });
                };
                if directive.rules.is_empty() {
                    tell("", false);
                }
                for (rule, used) in directive.rules.iter().zip(used).filter(|(_, used)| !**used) {
                    let known = rule == "all" || Rule::from_code(rule.split('/').next().unwrap_or_default()).is_some();
                    if !known || (scope.would_meet(&path, rule) && !used) {
                        tell(rule, known);
                    }
                }
            }
        }
        unused.sort_by(|left, right| (&left.path, left.line).cmp(&(&right.path, right.line)));
        unused
    }
}
