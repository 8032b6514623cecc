//! Any string is a query.

use conexus_testkit::{Workspace, check_random};
use proptest::prelude::{Strategy, any, prop_oneof};

use crate::support::{Session, notices, paths};

fn session() -> Session {
    let session = Session::new(Workspace::of(
        "//- src/lib.rs\n/// Größe und \"quotes\".\nfn größe(a: u32) -> u32 { a.pow(2) + 1 }\n//- a.md\n# AND OR NOT\n\nfield:value (x) [y TO z] *\n",
    ));
    session.index();
    session
}

/// Runs a query and demands a typed answer.
#[track_caller]
fn ask(session: &Session, query: &str) -> serde_json::Value {
    let answer = session.run(["search", "--json", "--no-index", "--", query]).expect_any(&[0, 1]).json();
    assert!(
        !paths(&answer).is_empty() || !notices(&answer).is_empty(),
        "an empty answer says why: {query:?} {answer:#}"
    );
    answer
}

#[test]
fn any_string_is_a_query() {
    let session = session();
    for query in [
        "", " ", "\t\n", "\"", "\"\"", "'", "`", "\"open", "\"a\" \"b", "\\", "\\\"", "*", "?", ".*", "a*", "(", ")",
        "((((", "[a-z", "a{1,", "+", "-", "--", "-x", "--limit", "!a", "a AND", "AND", "OR OR", "NOT", "a:b",
        "body:größe", "nosuchfield:x", "a^2", "a~", "a~9999999999", "[a TO b]", "{a TO *}", "/re.*gex/", "<>",
        "a || b && c", "%00", "%s%n", "$(rm -rf x)", "; drop table files; --", "' or 1=1 --", "größe", "GRÖSSE",
        "gro\u{308}ße", "\u{202e}abc", "\u{feff}größe", "\u{1f469}\u{200d}\u{1f4bb}", "名前", "ẞ", "İ",
        "\u{1}\u{2}\u{1b}[31m", "a.b.c::d->e/f\\g", "src/lib.rs", "src/lib.rs:2", "../../../etc/passwd", "C:\\x", "0",
        "-1", "1e999", "NaN",
    ] {
        ask(&session, query);
    }
}

#[test]
fn an_empty_query_says_so() {
    let session = session();
    for query in ["", "   ", "?!", "\"\"", "((("] {
        assert!(notices(&ask(&session, query)).contains(&"empty_query"), "{query:?}");
    }
}

#[test]
fn what_matches_is_found_among_signs() {
    let session = session();
    for query in ["größe", "(größe)", "größe:", "\"größe\"", "*größe*", "src/lib.rs"] {
        assert_eq!(paths(&ask(&session, query))[0], "src/lib.rs", "{query:?}");
    }
}

/// One argument may hold at most 128 KiB on Linux, so a megabyte comes as many words.
#[test]
fn a_query_of_a_megabyte_is_cut_and_answered() {
    let session = session();
    for word in ["x".repeat(100_000), "größe ".repeat(14_000), "(\"".repeat(50_000), "a b ".repeat(25_000)] {
        let words = vec![word.as_str(); 10];
        let run = session.run([&["search", "--json", "--no-index", "--"][..], &words].concat()).expect_any(&[0, 1]);
        let answer = run.json();
        assert!(notices(&answer).contains(&"query_cut"), "{:?}", notices(&answer));
        assert!(run.took.as_secs() < 20, "{:?}", run.took);
    }
}

#[test]
fn random_strings_are_queries() {
    let session = session();
    let text = prop_oneof![
        "\\PC{0,40}",
        "[ -~]{0,60}",
        "[\"'()\\[\\]{}*?:^~+\\-!&|/\\\\ a]{0,30}",
        any::<String>().prop_filter("an argument holds no NUL", |text| !text.contains('\0')),
    ];
    check_random(48, &text, |query| {
        for mode in ["auto", "meaning", "keyword", "symbol"] {
            session.run(["search", "--json", "--no-index", "--mode", mode, "--", &query]).expect_any(&[0, 1]).json();
        }
    });
}
