//! Each rule on small repositories: fixture text in, findings out.

mod copies;
mod custom;
mod duplicates;
mod names;
mod reinvented;

use std::{collections::BTreeSet, path::Path, sync::atomic::AtomicBool};

use conexus_check::{Error, Options, Report, Rule, Selection, check};
use conexus_engine::{Embedding, Host, IndexDir, Location, Settings};
use conexus_testkit::Workspace;

/// A function in Python that needs nothing of its module.
const SPLIT_WORDS: &str = "def split_words(text, least=2):
    found = []
    for word in text.lower().split():
        word = word.strip('.,;')
        if len(word) >= least and word not in found:
            found.append(word)
    return sorted(found, key=len, reverse=True)
";

/// Indexes a workspace from nothing and checks it.
fn report(workspace: &Workspace, options: &Options) -> Result<Report, Error> {
    let index = tempfile::tempdir().expect("a temporary folder");
    let location =
        Location::of(workspace.root(), &IndexDir::At(index.path().join("index"))).expect("a place for the index");
    let never = AtomicBool::new(false);
    let embedding = Settings::default().embedding;
    assert_ne!(embedding, Embedding::Off);
    let (mut host, _) = Host::open(location, Settings::default()).expect("the index opens");
    host.index(&|_| (), &never).expect("the index is built");
    let report = check(&host.snapshot(), options, &never);
    host.close().expect("the index closes");
    report
}

/// The findings of one rule as `path:line message`, followed by what the fix puts in.
#[track_caller]
fn findings(rule: Rule, workspace: &Workspace, since: Option<&str>) -> Vec<String> {
    let selection = Selection::of([rule]);
    let options = Options { selection, changed_since: since.map(str::to_owned), ..Options::default() };
    let report = report(workspace, &options).expect("it can be checked");
    let fix = |edit: &conexus_check::Edit| format!(" [{} -> {}]", edit.expected, edit.replacement);
    report
        .findings
        .iter()
        .map(|finding| {
            let fixes: String = finding.fix.iter().flatten().map(fix).collect();
            format!("{}:{} {}{fixes}", finding.place.path, finding.place.start.line + 1, finding.message)
        })
        .collect()
}

#[test]
fn each_rule_has_a_page_and_each_page_a_rule() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/check");
    let pages: BTreeSet<String> = std::fs::read_dir(&folder)
        .expect("the pages of the rules")
        .filter_map(|entry| entry.ok()?.path().file_stem()?.to_str().map(str::to_owned))
        .collect();
    for page in &pages {
        let text = std::fs::read_to_string(folder.join(format!("{page}.md"))).unwrap_or_default();
        let describes = text.contains("## Switching it off");
        assert!(!describes || Rule::from_code(page).is_some(), "docs/check/{page}.md describes no rule");
    }
    for rule in Rule::ALL {
        assert!(pages.contains(rule.code()), "docs/check/{rule}.md is missing");
        let text = std::fs::read_to_string(folder.join(format!("{rule}.md"))).expect("the page");
        assert!(text.starts_with(&format!("# {rule}\n")), "docs/check/{rule}.md begins with the rule's name");
        for section in ["## Why", "## Example", "## Switching it off"] {
            assert!(text.contains(section), "docs/check/{rule}.md has no section {section:?}");
        }
        let default = if rule.is_default() { "On by default" } else { "Off by default" };
        assert!(text.contains(default), "docs/check/{rule}.md does not say {default:?}");
    }
}
