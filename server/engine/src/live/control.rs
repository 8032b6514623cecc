//! What people and assistants tell a live workspace to do: stop and start, build anew, other sources, compare.

use std::{
    path::Path,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Activity, Editor, Live, Role, writer::Event};
use crate::{Comparison, Error, Host, Location, Progress, Result, Settings, Snapshot, Sources};

/// How often a wait looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(20);

impl Live {
    /// Stops indexing; a run that goes on ends within a second, and what it committed stays. Open buffers are analysed
    /// all the same.
    pub fn stop_indexing(&self) {
        self.shared.halt.store(true, Ordering::Relaxed);
        let _ = self.events.send(Event::Wake);
    }

    /// Starts it again and compares the whole workspace with the index.
    pub fn start_indexing(&self) {
        self.shared.halt.store(false, Ordering::Relaxed);
        self.rescan();
    }

    /// Looks at files or folders again, as [`Self::disk_changed`] does. [`Self::has_looked`] takes what it returns.
    pub fn look_again(&self, paths: impl IntoIterator<Item = String>) -> u64 {
        let is_idle = self.events.is_empty() && self.status().activity == Activity::Idle;
        // What goes on ends without having heard of this.
        let rests = self.shared.rests.load(Ordering::Acquire) + if is_idle { 1 } else { 2 };
        self.disk_changed(paths);
        rests
    }

    /// Whether the files that were told then have been looked at, and readers see what was found.
    pub fn has_looked(&self, told: u64) -> bool {
        self.events.is_empty() && self.shared.rests.load(Ordering::Acquire) >= told
    }

    /// How often the index was emptied since the start: what [`Self::clear_index`] and [`Self::rebuild_index`] begin has
    /// begun when it has grown.
    pub fn times_emptied(&self) -> u64 {
        self.shared.emptied.load(Ordering::Acquire)
    }

    /// Whether it is stopped.
    pub fn is_stopped(&self) -> bool {
        self.shared.halt.load(Ordering::Relaxed)
    }

    /// Empties the index and stops; generations count from the start again. It is an error while another process owns the
    /// index.
    pub fn clear_index(&self) -> Result<()> {
        self.owned()?;
        self.stop_indexing();
        let _ = self.events.send(Event::Clear { and_start: false });
        Ok(())
    }

    /// Empties the index and builds it anew from the files. It is an error while another process owns the index.
    pub fn rebuild_index(&self) -> Result<()> {
        self.owned()?;
        // Ends the run that goes on.
        self.stop_indexing();
        let _ = self.events.send(Event::Clear { and_start: true });
        Ok(())
    }

    fn owned(&self) -> Result<()> {
        let status = self.status();
        let why = match status.role {
            Role::Owner => return Ok(()),
            Role::Follower => "another process writes it, ask that one",
        };
        Err(Error::NoIndex { path: self.location.index_dir.clone(), why: why.to_owned() })
    }

    /// Builds another index in a folder and compares; `None` when it is over before that is done. The index is taken as it
    /// is at the start; while files change on disk, that shows as a difference.
    pub fn verify(&self, folder: &Path, is_over: &(dyn Fn() -> bool + Sync)) -> Result<Option<Comparison>> {
        let base = self.base()?;
        let mut settings = self.shared.settings.clone();
        settings.sources = self.sources()?;
        settings.crashes_of.get_or_insert_with(|| self.location.index_dir.clone());
        let location = Location { root: self.location.root.clone(), index_dir: folder.to_owned() };
        let halt = AtomicBool::new(false);
        let observe = |progress| {
            halt.store(is_over(), Ordering::Relaxed);
            if let Progress::Indexing { done, total } = progress {
                *self.shared.verifying.lock().unwrap_or_else(PoisonError::into_inner) = Some((done, total));
            }
        };
        let compared = compare(&base, location, settings, &observe, &halt);
        *self.shared.verifying.lock().unwrap_or_else(PoisonError::into_inner) = None;
        compared
    }

    /// The index without the open buffers.
    fn base(&self) -> Result<Snapshot> {
        self.current(Duration::ZERO)?;
        let why = || Error::NoIndex { path: self.location.index_dir.clone(), why: "it is being opened".to_owned() };
        self.shared.lock().base.clone().ok_or_else(why)
    }

    /// Files done and all files of what goes on: a comparison or a run; `None` when nothing does.
    pub fn progress(&self) -> Option<(u64, u64)> {
        let verifying = *self.shared.verifying.lock().unwrap_or_else(PoisonError::into_inner);
        verifying.or_else(|| match self.status().activity {
            activity @ Activity::Running(_) => Some(activity.progress().unwrap_or((0, 0))),
            Activity::Opening => Some((0, 0)),
            Activity::Idle | Activity::Stopped | Activity::Detached | Activity::Failed => None,
        })
    }

    /// What is indexed beside the workspace, as the user's file says.
    pub fn sources(&self) -> Result<Sources> {
        match &self.shared.settings.sources_file {
            Some(file) => Sources::load(file),
            None => Ok(self.shared.settings.sources.clone()),
        }
    }

    /// The user's file of what is indexed beside the workspace; it need not exist.
    pub fn sources_file(&self) -> Option<&Path> {
        self.shared.settings.sources_file.as_deref()
    }

    /// Changes the user's file and follows it at once.
    pub fn change_sources(
        &self,
        change: impl FnOnce(&mut Sources, &Location) -> std::result::Result<(), String>,
    ) -> std::result::Result<Sources, String> {
        let file =
            self.sources_file().ok_or("there is no settings folder for the sources, set XDG_CONFIG_HOME or HOME")?;
        // Two changes at once: the second sees the first.
        let _one_at_a_time = self.shared.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sources = Sources::load(file).map_err(|error| error.to_string())?;
        change(&mut sources, &self.location)?;
        sources.workspace.clone_from(&self.location.root);
        sources.save(file).map_err(|error| error.to_string())?;
        let _ = self.events.send(Event::Sources);
        Ok(sources)
    }

    /// The workspace-relative path of the document that was opened or changed last, or the URI of one without a file.
    pub fn active_buffer(&self) -> Option<String> {
        self.shared.active().as_deref().map(str::to_owned)
    }

    /// Names the editor that shows the workspace and may be asked for something.
    pub fn set_editor(&self, editor: Option<Arc<dyn Editor>>) {
        *self.shared.editor.lock().unwrap_or_else(PoisonError::into_inner) = editor;
        self.shared.renewed();
    }

    /// The editor that shows the workspace, when it may be asked for something.
    pub fn editor(&self) -> Option<Arc<dyn Editor>> {
        self.shared.editor.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Calls `listener` whenever readers may see something new, until the workspace is gone. It must return at once and ask
    /// nothing of the workspace.
    pub fn on_change(&self, listener: impl Fn() + Send + Sync + 'static) {
        self.shared.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Waits until readers may see something new since a revision, at most `wait` and until it is cancelled. Returns the
    /// revision now; the first is asked for with 0.
    pub fn wait_for_change(&self, since: u64, wait: Duration, cancel: &AtomicBool) -> u64 {
        let deadline = Instant::now() + wait;
        let mut state = self.shared.lock();
        loop {
            let revision = self.shared.revision.load(Ordering::Acquire);
            let left = deadline.saturating_duration_since(Instant::now()).min(LOOK);
            if revision != since || left.is_zero() || cancel.load(Ordering::Relaxed) {
                return revision;
            }
            state = self.shared.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Compares an index with a fresh one; `None` when building that one was halted.
fn compare(
    base: &Snapshot,
    location: Location,
    settings: Settings,
    observe: &(dyn Fn(Progress) + Sync),
    halt: &AtomicBool,
) -> Result<Option<Comparison>> {
    let mut fresh = Host::open(location, settings)?.0;
    let report = fresh.index(observe, halt)?;
    let compared = if report.cancelled { None } else { Some(Comparison::of(base, &fresh.snapshot())?) };
    fresh.close()?;
    Ok(compared)
}
