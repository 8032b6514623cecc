//! What a person works on moves what is alike, and filters nothing.

use conexus_core::{Mode, Query, WorkContext};

use super::{GO_ON, Indexed};

#[test]
fn files_at_hand_come_first_among_equals() {
    let text = "def retry_with_backoff(call):\n    return call()\n";
    let indexed = Indexed::of(&["a", "b", "c", "d"].map(|name| format!("//- {name}.py\n{text}")).concat());
    let order = |active: Option<&str>, open: &[&str]| {
        let context = WorkContext {
            active_file: active.map(str::to_owned),
            open_files: open.iter().map(|&path| path.to_owned()).collect(),
        };
        // By words alone: a path is part of what vectors are made of.
        let query = Query { context, mode: Mode::Keyword, ..Query::new("retry with backoff") };
        let hits = indexed.snapshot().search(&query, &GO_ON).unwrap().hits;
        hits.iter().map(|hit| hit.path.trim_end_matches(".py").to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(order(None, &[]), "a b c d");
    assert_eq!(order(None, &["c.py"]), "c a b d");
    assert_eq!(order(None, &["d.py", "c.py"]), "c d a b");
    assert_eq!(order(Some("d.py"), &["c.py", "d.py"]), "d c a b");
    assert_eq!(order(None, &["elsewhere.py"]), "a b c d");
}
