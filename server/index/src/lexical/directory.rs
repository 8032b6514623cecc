//! The folder of the lexical index as tantivy writes it, made durable as a whole.
//!
//! tantivy waits for the disk twelve times for a segment, one file after the other and once more for the list of files
//! before each, though none of them counts before the commit, which begins with [`Directory::sync_directory`]. Here they
//! all wait there, at the same time: a journalling file system then takes them as one. What a crash of the machine leaves
//! before is an older commit, or a list of files without its text, which is an index to be built anew.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tantivy::directory::error::{DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, TerminatingWrite, WatchCallback,
    WatchHandle, WritePtr,
};

/// tantivy's list of its files, written anew before each file is made.
const LIST: &str = ".managed.json";
/// The same while it is written.
const NEW_LIST: &str = ".managed.json.new";

/// Files that wait open; each one more waits for the disk by itself.
const MOST_WAITING: usize = 64;

/// A folder whose files are mapped when they are read, and durable from [`Directory::sync_directory`] on.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    mapped: MmapDirectory,
    path: PathBuf,
    written: Arc<Mutex<Written>>,
}

/// What may not be on the disk yet.
#[derive(Debug, Default)]
struct Written {
    files: Vec<File>,
    list: Option<File>,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, OpenDirectoryError> {
        Ok(Self { mapped: MmapDirectory::open(path)?, path: path.to_path_buf(), written: Arc::default() })
    }

    fn write_list(&self, text: &[u8]) -> io::Result<()> {
        let new = self.path.join(NEW_LIST);
        let mut file = File::create(&new)?;
        file.write_all(text)?;
        std::fs::rename(&new, self.path.join(LIST))?;
        lock(&self.written).list = Some(file);
        Ok(())
    }
}

fn lock(written: &Mutex<Written>) -> std::sync::MutexGuard<'_, Written> {
    written.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Directory for Folder {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.mapped.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.mapped.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.mapped.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let opened = File::options().write(true).create_new(true).open(self.path.join(path));
        match opened {
            Ok(file) => Ok(BufWriter::new(Box::new(NewFile { file, written: Arc::clone(&self.written) }))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(OpenWriteError::FileAlreadyExists(path.to_path_buf()))
            }
            Err(error) => Err(OpenWriteError::wrap_io_error(error, path.to_path_buf())),
        }
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.mapped.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        if path == Path::new(LIST) { self.write_list(text) } else { self.mapped.atomic_write(path, text) }
    }

    fn sync_directory(&self) -> io::Result<()> {
        let Written { files, list } = std::mem::take(&mut *lock(&self.written));
        std::thread::scope(|scope| {
            let syncs: Vec<_> = files.iter().chain(&list).map(|file| scope.spawn(|| file.sync_data())).collect();
            syncs.into_iter().try_for_each(|sync| {
                sync.join().unwrap_or_else(|_| Err(io::Error::other("waiting for the disk stopped unexpectedly")))
            })
        })?;
        self.mapped.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.mapped.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.mapped.watch(callback)
    }
}

/// A file that is being written.
struct NewFile {
    file: File,
    written: Arc<Mutex<Written>>,
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for NewFile {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        let mut written = lock(&self.written);
        if written.files.len() >= MOST_WAITING {
            drop(written);
            return self.file.sync_data();
        }
        written.files.push(self.file.try_clone()?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_waits_for_the_disk_once() {
        let path = tempfile::tempdir().unwrap();
        let folder = Folder::open(path.path()).unwrap();
        let same = folder.clone();
        for name in ["a.term", "b.idx"] {
            let mut file = folder.open_write(Path::new(name)).unwrap();
            file.write_all(name.as_bytes()).unwrap();
            folder.atomic_write(Path::new(LIST), name.as_bytes()).unwrap();
            file.terminate().unwrap();
            assert_eq!(std::fs::read_to_string(path.path().join(LIST)).unwrap(), name);
        }
        assert!(matches!(folder.open_write(Path::new("a.term")), Err(OpenWriteError::FileAlreadyExists(_))));
        let waiting = |folder: &Folder| {
            let written = lock(&folder.written);
            (written.files.len(), written.list.is_some())
        };
        assert_eq!(waiting(&same), (2, true));
        same.sync_directory().unwrap();
        assert_eq!(waiting(&folder), (0, false));
        assert_eq!(folder.atomic_read(Path::new("b.idx")).unwrap(), b"b.idx");
        assert!(!path.path().join(NEW_LIST).exists());

        for number in 0..=MOST_WAITING {
            folder.open_write(Path::new(&format!("{number}.pos"))).unwrap().terminate().unwrap();
        }
        assert_eq!(waiting(&folder).0, MOST_WAITING, "so many files of a process may be open");
    }
}
