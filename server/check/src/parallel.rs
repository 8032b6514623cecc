//! The same work on many items by several threads.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use crate::Progress;

/// How some work is done.
#[derive(Clone, Copy)]
pub(crate) struct Work<'a> {
    pub(crate) threads: usize,
    pub(crate) cancel: &'a AtomicBool,
    pub(crate) progress: &'a Progress,
}

/// Items that a thread takes at once.
const BATCH: usize = 16;

/// Applies a function to each item; the results come in the order of the items. `state` is made once per thread.
/// After a cancellation the remaining items have no result.
pub(crate) fn map<T: Sync, S, R: Send>(
    how: Work<'_>,
    items: &[T],
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let run = || {
        let mut state = state();
        let mut own = Vec::new();
        loop {
            let first = next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= items.len() || how.cancel.load(Ordering::Relaxed) {
                break;
            }
            let batch = &items[first..(first + BATCH).min(items.len())];
            own.extend((first..).zip(batch).map(|(index, item)| (index, work(&mut state, item))));
            how.progress.advance(batch.len());
        }
        done.lock().unwrap_or_else(PoisonError::into_inner).append(&mut own);
    };
    std::thread::scope(|scope| {
        for _ in 1..how.threads.clamp(1, items.len().div_ceil(BATCH).max(1)) {
            scope.spawn(run);
        }
        run();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_keep_the_order() {
        let items: Vec<usize> = (0..1000).collect();
        let progress = Progress::default();
        let double = |cancel: &AtomicBool| {
            map(Work { threads: 3, cancel, progress: &progress }, &items, || (), |(), item| item * 2)
        };
        assert_eq!(double(&AtomicBool::new(false)), (0..1000).map(|item| item * 2).collect::<Vec<_>>());
        assert_eq!(double(&AtomicBool::new(true)), Vec::<usize>::new());
    }
}
