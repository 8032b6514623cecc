//! The live workspaces of a process, for its other front ends.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use super::{Listener, Live};

/// The live workspaces of a process. A clone is the same list; it keeps none of them alive.
#[derive(Clone, Default)]
pub struct Registry {
    workspaces: Arc<Mutex<Vec<Weak<Live>>>>,
    changed: Arc<Mutex<Vec<Listener>>>,
}

impl Registry {
    /// Adds a workspace; it leaves by itself when it is dropped.
    pub fn add(&self, live: &Arc<Live>) {
        self.lock().push(Arc::downgrade(live));
        self.tell();
    }

    /// Says that a workspace was dropped, so that listeners look again.
    pub fn tell(&self) {
        for listener in self.changed.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            listener();
        }
    }

    /// Calls `listener` after each change of the list.
    pub fn on_change(&self, listener: impl Fn() + Send + Sync + 'static) {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// All live workspaces, in the order in which they were added.
    pub fn all(&self) -> Vec<Arc<Live>> {
        let mut workspaces = self.lock();
        workspaces.retain(|live| live.strong_count() > 0);
        workspaces.iter().filter_map(Weak::upgrade).collect()
    }

    /// The live workspace with that canonical root; of two the one that was added last, as the other is ending.
    pub fn find(&self, root: &Path) -> Option<Arc<Live>> {
        self.all().into_iter().rev().find(|live| live.location().root == root)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Live>>> {
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
