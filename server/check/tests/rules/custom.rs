//! Rules of the user's own, and mistakes in them.

use conexus_check::{Options, Rule, Selection};
use conexus_testkit::{PARSE_DURATION, Workspace};

use crate::{findings, report};

/// A rule of the user's own over one file.
fn with_rule(rule: &str) -> Workspace {
    let workspace = Workspace::of(
        "
//- src/core/store.rs
pub fn save_all() {}
pub fn load_all() {}
//- src/web/page.rs
use crate::core::store::save_all;
fn show() { save_all(); println!(\"{}\", 1); }
//- tests/it.rs
use library::core::store::save_all;
#[test]
fn saves() { save_all(); }
",
    );
    workspace.write(".conexus/rules/mine.toml", rule);
    workspace
}

#[test]
fn rules_of_the_users_own() {
    let print = "message = \"use tracing in place of {name}\"\nlanguages = [\"rust\"]\nfix = \"tracing::info\"\nquery = '''\n(macro_invocation macro: (identifier) @report @name (#eq? @name \"println\"))\n'''\n";
    let functions = "message = \"{name} breaks a rule\"\nlanguages = [\"rust\"]\nquery = \"(function_item name: (identifier) @name)\"\ninclude = [\"src/core/**\", \"tests/**\"]\n[constraints]\n";
    for (rule, expected) in [
        (print.to_owned(), &["src/web/page.rs:2 use tracing in place of println [println -> tracing::info]"][..]),
        (format!("{functions}not_called_from = [\"src/web/**\"]\n"), &["src/core/store.rs:1 save_all breaks a rule"]),
        (format!("{functions}must_have_test = true\n"), &["src/core/store.rs:2 load_all breaks a rule"]),
        (format!("{functions}must_not_resemble = true\n"), &[]),
    ] {
        assert_eq!(findings(Rule::Custom, &with_rule(&rule), None), expected, "{rule}");
    }
    let workspace = with_rule(&format!("{functions}must_not_resemble = true\n"));
    workspace.write("src/core/time.rs", PARSE_DURATION);
    workspace.write("src/web/pause.rs", PARSE_DURATION.replace("parse_duration", "read_duration"));
    assert_eq!(findings(Rule::Custom, &workspace, None), ["src/core/time.rs:2 parse_duration breaks a rule"]);
}

#[test]
fn mistakes_in_rules_have_a_position() {
    for (rule, place, message) in [
        (
            "message = \"a\"\nlanguages = [\"rust\"]\nquery = '''\n(identifier) @a\n(nope) @b\n'''\n",
            "mine.toml:5:2",
            "no node `nope`",
        ),
        ("message = \"a\"\nlanguages = [\"rust\"]\nquery = \"(identifier\"\n", "mine.toml:3:", "syntax"),
        (
            "message = \"a\"\nlanguages = [\"rust\"]\nquery = \"(identifier) @a\"\nseverity = \"loud\"\n",
            "mine.toml:4:12",
            "no such severity",
        ),
        (
            "message = \"a\"\nlanguages = [\"rust\"]\nquery = \"(identifier) @a\"\ninclude = [\"a{\"]\n",
            "mine.toml:4:12",
            "a{",
        ),
        ("message = \"a\"\nlanguages = []\nquery = \"(identifier) @a\"\n", "mine.toml:2:13", "at least one language"),
        ("message = \"a\"\nqeury = \"\"\n", "mine.toml:2:1", "unknown field"),
    ] {
        let options = Options { selection: Selection::of([Rule::Custom]), ..Options::default() };
        let error = report(&with_rule(rule), &options).expect_err(rule).to_string();
        assert!(error.contains(place) && error.contains(message), "{rule}: {error}");
    }
    let options = Options { selection: Selection::of([Rule::Custom]), ..Options::default() };
    let error = report(&Workspace::of("//- a.rs\nfn a() {}\n"), &options).expect_err("there are no rules");
    assert!(error.to_string().contains(".conexus/rules holds no rule"), "{error}");
}
