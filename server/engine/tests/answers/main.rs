//! What a snapshot answers beyond search: symbols, relations, context packs, history. Fixture text in, expected text out.

#![allow(clippy::unwrap_used)]

mod context;
mod definitions;
mod history;
mod messages;
mod packs;
mod pages;
mod relations;
mod symbols;

use std::sync::atomic::AtomicBool;

use conexus_engine::{Host, Location, Settings, Snapshot};
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
        let location = Location::of(workspace.root(), Some(index.path())).unwrap();
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

/// A flag that cancels nothing.
pub(crate) static GO_ON: AtomicBool = AtomicBool::new(false);
/// A flag that has cancelled already.
pub(crate) static STOP: AtomicBool = AtomicBool::new(true);
