//! Writing a file so that a crash leaves the old one or the new one, never a half.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use crate::{Error, Result};

/// Writes `path` through a temporary file in the same folder: content, fsync, rename, fsync of the folder.
///
/// `write` gets a buffered writer. If it fails, the old file stays and the temporary one is removed. On Windows a file
/// that is mapped cannot be replaced: give each generation its own name there.
pub fn write_atomically<F>(path: &Path, write: F) -> Result<()>
where
    F: FnOnce(&mut dyn Write) -> std::io::Result<()>,
{
    replace(path, write).map_err(|error| Error::io(path, error))
}

fn replace(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let temporary = tempfile::Builder::new().prefix(".writing-").tempfile_in(folder)?;
    let mut writer = BufWriter::with_capacity(1 << 18, temporary);
    write(&mut writer)?;
    let temporary = writer.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    // The name is durable once the folder is. Windows opens no folders and needs no such call.
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        write_atomically(&path, |out| out.write_all(b"old")).unwrap();
        let error = write_atomically(&path, |out| {
            out.write_all(b"half")?;
            Err(std::io::Error::other("disk full"))
        });
        assert!(error.unwrap_err().to_string().contains("disk full"));
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        write_atomically(&path, |out| out.write_all(b"new")).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
