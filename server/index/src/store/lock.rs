//! One owner per index: an advisory lock on a file, with the owner's process id beside it for messages.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::{Error, Result};

const LOCK: &str = "lock";
const OWNER: &str = "owner.pid";

/// Held by the owner; the system releases it when the process ends in whatever way.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    pub(super) fn take(folder: &Path) -> Result<Self> {
        let path = folder.join(LOCK);
        let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
        let file = file.map_err(|error| Error::io(&path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = std::fs::read_to_string(folder.join(OWNER)).ok();
                let owner = owner.and_then(|pid| pid.trim().parse().ok()).unwrap_or(0);
                return Err(Error::Locked { path: folder.to_path_buf(), owner });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io(&path, error)),
        }
        // Only for messages: a store without it works.
        let _ = std::fs::write(folder.join(OWNER), std::process::id().to_string());
        Ok(Self { _file: file })
    }

    /// Releases the lock and deletes its files; call it last.
    pub(super) fn delete(self, folder: &Path) {
        let _ = std::fs::remove_file(folder.join(OWNER));
        let _ = std::fs::remove_file(folder.join(LOCK));
        drop(self);
    }
}
