//! Context packs.

use conexus_core::Notice;
use conexus_engine::{RelationKind, Target, estimate_tokens};

use super::{GO_ON, Indexed};

const FIXTURE: &str = r#"
//- src/retry.py
from src.clock import sleep_for


def retry_request(send, times):
    """Tries a request again.

    ```python
    retry_request(send, 3)
    ```
    """
    for attempt in range(times):
        if send():
            return attempt
        sleep_for(attempt)
    return None
//- src/clock.py
def sleep_for(seconds):
    """Waits."""
    return seconds
//- src/download.py
from src.retry import retry_request


def download_file(url):
    return retry_request(lambda: url, 3)
//- tests/test_retry.py
from src.retry import retry_request


def test_retry_request():
    assert retry_request(lambda: True, 1) == 0
"#;

#[test]
fn a_pack_holds_the_symbol_and_what_is_around_it() {
    let indexed = Indexed::of(FIXTURE);
    let pack = indexed.snapshot().context_pack(&Target::Symbol("retry_request".into()), 2_000, &GO_ON).unwrap();
    assert_eq!(pack.tokens, estimate_tokens(&pack.markdown));
    for expected in [
        "# `retry_request`: function, src/retry.py:4\n",
        // The docstring holds a fence of its own.
        "````python\ndef retry_request(send, times):\n",
        "## What it uses\n\n- `def sleep_for(seconds)",
        "at src/clock.py:1",
        "## Who uses it\n\n- `download_file` at src/download.py:5: `return retry_request(lambda: url, 3)`",
        "## Tests\n\n- `test_retry_request` at tests/test_retry.py:5",
    ] {
        assert!(pack.markdown.contains(expected), "{expected:?} is missing in\n{}", pack.markdown);
    }
    assert!(!pack.cut);
    let kinds: Vec<_> = pack.included.iter().map(|item| item.kind).collect();
    assert_eq!(kinds[..4], [None, Some(RelationKind::Callee), Some(RelationKind::Caller), Some(RelationKind::Test)]);
}

#[test]
fn the_budget_is_kept_and_what_is_left_out_is_listed() {
    let indexed = Indexed::of(FIXTURE);
    let target = Target::Symbol("retry_request".into());
    let full = indexed.snapshot().context_pack(&target, 10_000, &GO_ON).unwrap();
    let count = full.included.len() + full.left_out.len();
    for max_tokens in [0, 1, 10, 20, 40, 60, 80, 120, 160, 200, 300, 500] {
        let pack = indexed.snapshot().context_pack(&target, max_tokens, &GO_ON).unwrap();
        assert!(pack.tokens <= max_tokens, "{} > {max_tokens}", pack.tokens);
        assert_eq!(pack.included.len() + pack.left_out.len(), count, "{max_tokens}");
        if !pack.left_out.is_empty() && max_tokens >= 40 {
            assert!(pack.markdown.contains("Left out for room: "), "{}", pack.markdown);
        }
    }
    assert_eq!(indexed.snapshot().context_pack(&target, 0, &GO_ON).unwrap().markdown, "");
}

#[test]
fn a_file_is_packed_as_its_outline_and_nothing_as_nothing() {
    let indexed = Indexed::of(FIXTURE);
    let pack = indexed.snapshot().context_pack(&Target::File("src/retry.py".into()), 2_000, &GO_ON).unwrap();
    assert!(
        pack.markdown.starts_with("# src/retry.py\n\n```python\ndef retry_request(send, times)"),
        "{}",
        pack.markdown
    );
    assert!(pack.markdown.contains("download_file"), "{}", pack.markdown);
    let none = indexed.snapshot().context_pack(&Target::Symbol("no_such_name".into()), 2_000, &GO_ON).unwrap();
    assert_eq!((none.markdown.as_str(), none.notices.contains(&Notice::NoMatch)), ("", true));
}
