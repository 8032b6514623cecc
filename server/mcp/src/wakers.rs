//! Wakes tasks when readers of a workspace may see something new; none of them costs a thread while it waits.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use conexus_engine::live::Live;
use tokio::sync::watch::{Receiver, channel};

/// The workspaces that are waited for.
#[derive(Clone, Default)]
pub(crate) struct Wakers(Arc<Mutex<Vec<Waker>>>);

/// A workspace, and where its changes are told.
type Waker = (Weak<Live>, Receiver<()>);

impl Wakers {
    /// Told of each change of a workspace from now on, and by an error that it is gone.
    pub(crate) fn of(&self, live: &Arc<Live>) -> Receiver<()> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(live, _)| live.strong_count() > 0);
        if let Some((_, changes)) = all.iter().find(|(known, _)| known.as_ptr() == Arc::as_ptr(live)) {
            let mut changes = changes.clone();
            changes.mark_unchanged();
            return changes;
        }
        let (sender, changes) = channel(());
        live.on_change(move || {
            sender.send_replace(());
        });
        all.push((Arc::downgrade(live), changes.clone()));
        changes
    }
}
