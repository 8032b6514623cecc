//! What a host does between two runs.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::difference;

/// A file with so many chunks that a few dozen saves leave most slots dead.
fn text(version: usize) -> String {
    let functions: Vec<_> = (0..1_200)
        .map(|number| format!("/// Version {version}.\nfn name_{number}() {{\n    call({number})\n}}\n\n"))
        .collect();
    functions.concat()
}

/// Saves one file until its former versions have most of the slots.
fn save_until_sparse(host: &mut Host) {
    let file = host.location().root.join("big.rs");
    for version in 1..1_000 {
        std::fs::write(&file, text(version)).unwrap();
        host.index(&|_| (), &AtomicBool::new(false)).unwrap();
        if host.statistics().slots >= 100_000 {
            return;
        }
    }
    panic!("{:?}", host.statistics());
}

#[test]
fn slots_are_given_out_anew_while_searches_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("workspace");
    std::fs::create_dir(&root).unwrap();
    let open = |index: &str| {
        let location = Location { root: root.canonicalize().unwrap(), index_dir: folder.path().join(index) };
        Host::open(location, Settings::default()).unwrap().0
    };
    std::fs::write(root.join("other.rs"), "fn stays_as_it_is() {}\n").unwrap();
    let mut host = open("index");
    let cancel = AtomicBool::new(false);
    save_until_sparse(&mut host);
    let before = host.snapshot();
    assert_eq!(host.renew().unwrap(), Renewed::Whole);
    let statistics = host.statistics();
    assert_eq!(statistics.slots, statistics.chunks);
    assert_eq!(difference(&before, &host.snapshot()).unwrap(), Vec::<String>::new());
    assert_eq!(host.renew().unwrap(), Renewed::No, "once is enough");
    // It goes on as before, and so does one that opens it later.
    std::fs::write(root.join("big.rs"), text(0)).unwrap();
    host.index(&|_| (), &cancel).unwrap();
    let mut fresh = open("fresh");
    fresh.index(&|_| (), &cancel).unwrap();
    assert_eq!(difference(&host.snapshot(), &fresh.snapshot()).unwrap(), Vec::<String>::new());
    host.close().unwrap();
    assert_eq!(difference(&open("index").snapshot(), &fresh.snapshot()).unwrap(), Vec::<String>::new());
}

/// What changed on disk since it was indexed cannot be searched by words any more: it is named, so that it is indexed again.
#[test]
fn files_that_changed_meanwhile_are_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("workspace");
    std::fs::create_dir(&root).unwrap();
    let location = Location { root: root.canonicalize().unwrap(), index_dir: folder.path().join("index") };
    let mut host = Host::open(location, Settings::default()).unwrap().0;
    let cancel = AtomicBool::new(false);
    save_until_sparse(&mut host);
    std::fs::write(root.join("big.rs"), "fn another() {}\n").unwrap();
    assert_eq!(host.renew().unwrap(), Renewed::WithoutSome);
    host.index(&|_| (), &cancel).unwrap();
    let answer = host.snapshot().search(&conexus_core::Query::new("another"), &cancel).unwrap();
    assert_eq!(&*answer.hits[0].path, "big.rs");
}
