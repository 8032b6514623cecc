//! One owner per index: an advisory lock on a file, beside which the owner says that it lives and what it does.

use std::fs::{File, TryLockError};
use std::path::Path;

use super::heart::{Heart, Owner, Voice};
use crate::{Error, Result};

const LOCK: &str = "lock";

/// Held by the owner; the system releases it when the process ends in whatever way.
#[derive(Debug)]
pub(super) struct Lock {
    /// Stops before the lock is released.
    heart: Heart,
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
                let owner = Owner::of(folder).map_or(0, |owner| owner.process);
                return Err(Error::Locked { path: folder.to_path_buf(), owner });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io(&path, error)),
        }
        Ok(Self { heart: Heart::start(folder), _file: file })
    }

    pub(super) fn voice(&self) -> &Voice {
        &self.heart.voice
    }

    /// Releases the lock and deletes its files; call it last.
    pub(super) fn delete(self, folder: &Path) {
        Heart::delete_file(folder);
        let _ = std::fs::remove_file(folder.join(LOCK));
        drop(self);
    }
}
