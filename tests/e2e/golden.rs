//! Golden rank lists: what the program answers on a few small repositories, so that a change of ranking shows its effect.
//!
//! `CONEXUS_GOLDEN=write cargo test --test e2e golden` writes the lists anew; the difference belongs to the change.

use std::{fmt::Write as _, path::Path};

use conexus_testkit::Workspace;

use crate::support::conexus;

/// Hits that a list shows.
const SHOWN: usize = 5;

/// Labelled queries, their lists, and the NDCG@10 below which a change is wrong, however good its reason looks.
struct Golden {
    queries: &'static str,
    ranks: &'static str,
    least: f64,
}

#[test]
fn ranks_are_those_of_the_golden_lists() {
    check(&Golden { queries: "queries.tsv", ranks: "ranks.txt", least: 0.9 });
}

/// What compilers, programs and test runners say, pasted as it is; it should find the function that is at fault.
#[test]
fn messages_find_what_they_are_about() {
    check(&Golden { queries: "messages.tsv", ranks: "message-ranks.txt", least: 0.95 });
}

fn check(set: &Golden) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let workspace = Workspace::of(&read("checkouts.txt"));
    workspace.write("queries.tsv", read(set.queries));
    let arguments = ["eval", "--json", "--queries", "queries.tsv", "--checkouts", "checkouts", "--save", "scores.json"];
    let result = conexus().run(workspace.root(), arguments).expect(0).json();
    let scores: serde_json::Value =
        serde_json::from_slice(&workspace.read("scores.json")).expect("what --save writes is JSON");
    let mut lists = String::new();
    for scored in scores.as_array().expect("a list of queries") {
        let (repo, query) = (scored["repo"].as_str().unwrap_or(""), scored["query"].as_str().unwrap_or(""));
        let query = query.replace('\n', "\\n");
        let ndcg = scored["ndcg"].as_f64().expect("each query has a score");
        let _ = writeln!(lists, "{ndcg:.2} {repo}: {query}");
        for hit in scored["hits"].as_array().into_iter().flatten().take(SHOWN) {
            let _ = writeln!(lists, "    {}", hit.as_str().unwrap_or(""));
        }
    }
    if std::env::var("CONEXUS_GOLDEN").is_ok_and(|value| value == "write") {
        std::fs::write(folder.join(set.ranks), &lists).expect("the lists are writable");
    }
    let golden = read(set.ranks);
    let changed: Vec<String> = lists
        .lines()
        .zip(golden.lines())
        .filter(|(now, before)| now != before)
        .map(|(now, before)| format!("- {before}\n+ {now}"))
        .collect();
    assert!(
        lists == golden,
        "the rank lists changed; if that is meant, write them with CONEXUS_GOLDEN=write:\n{}",
        changed.join("\n")
    );
    assert!(result["ndcg_at_10"].as_f64().is_some_and(|ndcg| ndcg >= set.least), "{result:#}");
}
