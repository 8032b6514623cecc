//! The buffers' thread: it analyses open documents as they change, and shows what came of it.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, PoisonError, atomic::Ordering},
    time::Instant,
};

use super::{Activity, Change, Inbox, REST, Shared, buffers::Buffers};
use crate::{Location, Snapshot, crashes::Crashes};

/// Goes on until the workspace is given up.
pub(super) fn run(shared: &Arc<Shared>, location: &Location) {
    let mut buffers: Option<Buffers> = None;
    let mut changed = Instant::now();
    loop {
        let mut inbox = shared.inbox();
        let rested = loop {
            if shared.cancel.load(Ordering::Relaxed) {
                return;
            }
            if !inbox.is_empty() {
                changed = Instant::now();
                break None;
            }
            let (guard, waited) = shared.arrived.wait_timeout(inbox, REST).unwrap_or_else(PoisonError::into_inner);
            drop(guard);
            shared.forget_closed();
            inbox = shared.inbox();
            let rested = buffers.as_ref().filter(|_| waited.timed_out() && inbox.is_empty());
            if let Some(path) = rested.and_then(|buffers| buffers.to_parse_afresh(changed.elapsed())) {
                break Some(path);
            }
        };
        // Told under the same lock, so each change up to this number is among those taken.
        let number = shared.issued.load(Ordering::Acquire);
        let Inbox { buffers: changes, recheck, mut parsed } = std::mem::take(&mut *inbox);
        drop(inbox);
        let base = wait_for_base(shared);
        let buffers = buffers.get_or_insert_with(|| {
            let crashes = base.as_ref().map(|base| Arc::clone(&base.crashes));
            // Without an index nothing is searched.
            let crashes = crashes.unwrap_or_else(Crashes::unknown);
            let own = Arc::clone(shared);
            let listener = move |parsed| {
                own.inbox().parsed.push(parsed);
                own.arrived.notify_all();
            };
            Buffers::new(location, &shared.settings, &crashes, Arc::new(listener))
        });
        buffers.embed_with(base.as_ref().and_then(Snapshot::instant_embedder));
        let mut saved = BTreeMap::new();
        let mut work = || {
            if let Some(path) = &rested {
                buffers.parse_afresh(path, &|| shared.has_work(|inbox| !inbox.is_empty()));
                return vec![Arc::clone(path)];
            }
            let index = base.as_ref().map(Snapshot::index);
            let mut touched: Vec<Arc<str>> = Vec::new();
            for parsed in std::mem::take(&mut parsed) {
                let path = Arc::clone(&parsed.0);
                let is_for_others = |inbox: &Inbox| inbox.is_for_others(&path);
                let others_wait = || changes.keys().any(|other| *other != path) || shared.has_work(is_for_others);
                buffers.take_over(parsed, &others_wait);
                touched.push(path);
            }
            for (path, change) in &changes {
                let others_wait = || changes.len() > 1 || shared.has_work(|inbox| inbox.is_for_others(path));
                match change {
                    Change::Text(buffer) => buffers.update(path, buffer, index, &others_wait),
                    Change::Closed(last) => {
                        if let Some(buffer) = last {
                            buffers.update(path, buffer, index, &others_wait);
                        }
                        saved.extend(buffers.close(path).map(|shown| (Arc::clone(path), shown)));
                    }
                }
                touched.push(Arc::clone(path));
            }
            if recheck {
                touched.extend(buffers.recheck(index, &|| shared.has_work(|inbox| !inbox.is_empty())));
            }
            touched
        };
        let touched: Vec<Arc<str>> = catch_unwind(AssertUnwindSafe(&mut work)).unwrap_or_else(|_| {
            tracing::error!("the analysis of an open buffer failed, its last state stays");
            Vec::new()
        });
        let mut state = shared.lock();
        for path in touched {
            match (buffers.shown(&path), saved.remove(&path)) {
                (Some(shown), _) => drop(state.buffers.insert(path, shown)),
                (None, Some(mut shown)) => {
                    shown.close(state.base.as_ref().map(Snapshot::index));
                    state.buffers.insert(path, shown);
                }
                (None, None) => drop(state.buffers.remove(&path)),
            }
        }
        state.applied = number;
        shared.show(state);
    }
}

/// The index, as soon as it is open; `None` when it cannot be.
fn wait_for_base(shared: &Shared) -> Option<Snapshot> {
    let mut state = shared.lock();
    while state.base.is_none() && state.status.activity != Activity::Failed && !shared.cancel.load(Ordering::Relaxed) {
        state = shared.changed.wait_timeout(state, REST).unwrap_or_else(PoisonError::into_inner).0;
    }
    state.base.clone()
}
