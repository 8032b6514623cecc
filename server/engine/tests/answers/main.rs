//! What a snapshot answers beyond search: symbols, relations, context packs, history. Fixture text in, expected text out.

#![allow(clippy::unwrap_used)]

mod context;
mod definitions;
mod history;
mod messages;
mod packs;
mod pages;
mod quotes;
mod relations;
mod symbols;

use std::sync::atomic::AtomicBool;

use conexus_core::{Mode, Notice, Query};
use conexus_engine::{Host, IndexDir, Location, Settings, Snapshot};
use conexus_testkit::Workspace;

/// An indexed workspace.
pub(crate) struct Indexed {
    _workspace: Workspace,
    _index: tempfile::TempDir,
    snapshot: Snapshot,
}

impl Indexed {
    pub(crate) fn of(fixture: &str) -> Self {
        let workspace = Workspace::of(fixture);
        let index = tempfile::tempdir().unwrap();
        let location = Location::of(workspace.root(), &IndexDir::At(index.path().to_owned())).unwrap();
        let (mut host, _) = Host::open(location, Settings { threads: 1, ..Settings::default() }).unwrap();
        host.index(&|_| (), &GO_ON).unwrap();
        let snapshot = host.snapshot();
        host.close().unwrap();
        Self { _workspace: workspace, _index: index, snapshot }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

/// A search that nobody waits for answers with what it has and says of nothing that it is not there.
#[test]
fn a_cancelled_search_does_not_say_that_there_is_no_match() {
    let indexed =
        Indexed::of("//- a.rs\nfn retry_with_backoff() {}\n//- b.rs\nfn connect() { retry_with_backoff() }\n");
    for text in
        ["retry_with_backoff", "how are calls retried", "\"retry_with_backoff\"", "panicked at a.rs:1:4: gave up"]
    {
        for mode in [Mode::Auto, Mode::Meaning, Mode::Keyword, Mode::Symbol] {
            let query = Query { mode, ..Query::new(text) };
            let cancelled = indexed.snapshot().search(&query, &STOP).unwrap();
            assert_eq!(cancelled.hits.len(), 0, "{text} {mode:?}");
            assert!(!cancelled.notices.contains(&Notice::NoMatch), "{text} {mode:?}: {:?}", cancelled.notices);
        }
        let whole = indexed.snapshot().search(&Query::new(text), &GO_ON).unwrap();
        assert!(!whole.hits.is_empty(), "{text}");
    }
}

/// A flag that cancels nothing.
pub(crate) static GO_ON: AtomicBool = AtomicBool::new(false);
/// A flag that has cancelled already.
pub(crate) static STOP: AtomicBool = AtomicBool::new(true);
