//! One owner per index: an advisory lock on a file, beside which the owner says that it lives and what it does.

use std::fs::{File, Metadata, TryLockError};
use std::path::Path;

use super::heart::{Heart, Owner, Voice};
use crate::{Error, Result};

const LOCK: &str = "lock";

#[cfg(unix)]
pub(super) type Identity = (u64, u64);
#[cfg(not(unix))]
pub(super) type Identity = ();

/// Which of the files that stood at a path one after the other it is, as long as somebody has it open.
#[cfg(unix)]
fn identity(file: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (file.dev(), file.ino())
}

/// Elsewhere a file that is open cannot be deleted.
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}

/// The same of the file at a path; `None` when there is none.
pub(super) fn identity_of(path: &Path) -> Option<Identity> {
    path.metadata().ok().map(|file| identity(&file))
}

/// Held by the owner; the system releases it when the process ends in whatever way.
#[derive(Debug)]
pub(super) struct Lock {
    /// Stops before the lock is released.
    heart: Heart,
    file: File,
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
        Ok(Self { heart: Heart::start(folder), file })
    }

    /// Whether the file of the lock still is that of the folder: deleted, the index belongs to nobody, or to another.
    pub(super) fn is_in(&self, folder: &Path) -> bool {
        let own = self.file.metadata().ok().map(|own| identity(&own));
        own.is_some() && own == identity_of(&folder.join(LOCK))
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
