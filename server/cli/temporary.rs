//! Folders that are gone when their command ends, also when a signal ends it.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, Once, PoisonError},
};

/// A temporary folder of a command.
pub(crate) struct Temporary {
    path: PathBuf,
    folder: Option<tempfile::TempDir>,
}

/// Those that there are.
static FOLDERS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
static WATCH: Once = Once::new();
/// How often a folder is deleted again that somebody writes to meanwhile.
const ATTEMPTS: usize = 20;

impl Temporary {
    /// An empty folder where the system keeps temporary ones. From now on a signal that asks the process to end deletes it
    /// first.
    pub(crate) fn new(prefix: &str) -> io::Result<Self> {
        WATCH.call_once(|| {
            if let Err(error) = conexus_mcp::when_asked_to_end(end) {
                tracing::warn!(%error, "temporary folders are left behind when this process is asked to end");
            }
        });
        let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::Builder::new().prefix(prefix).tempdir()?;
        let path = folder.path().to_owned();
        folders.push(path.clone());
        Ok(Self { path, folder: Some(folder) })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // A signal waits until all of it is deleted.
        let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.folder.take());
        folders.retain(|folder| *folder != self.path);
    }
}

/// Deletes all of them and ends the process, as the signal would have done.
fn end(signal: i32) {
    // Nobody gets a new one from here on.
    let folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
    for folder in folders.iter() {
        let is_left = || std::fs::remove_dir_all(folder).is_err() && folder.exists();
        let _ = (0..ATTEMPTS).any(|_| !is_left());
    }
    std::process::exit(128 + signal);
}
