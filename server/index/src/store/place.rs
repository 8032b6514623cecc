//! Whose a folder is: in one that is no index nothing is written and nothing deleted.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::catalog::{self, Maker};
use crate::{Error, Result};

/// The first file that is made in the folder of an index and the last that is deleted: where it lies the folder is ours,
/// whatever else a crash has left. Its name alone counts; what it says is for people.
const MARK: &str = "conexus-index";
const SAYS: &[u8] = b"This folder is an index, made by conexus from files elsewhere. `conexus clear` deletes it.\n";

/// Makes a folder ours that is empty or not there yet. One that holds something else than an index is refused.
pub(super) fn claim(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| not_made(folder, error))?;
    check(folder)?;
    let mark = folder.join(MARK);
    if mark.exists() {
        return Ok(());
    }
    match File::options().write(true).create_new(true).open(&mark) {
        // A full disk may keep the words.
        Ok(mut file) => drop(file.write_all(SAYS)),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(Error::io(&mark, error)),
    }
    Ok(())
}

/// Takes the mark out of a folder in which nothing else is left.
pub(super) fn give_up(folder: &Path) {
    if entries(folder).is_ok_and(|names| names.iter().all(|name| name == MARK)) {
        let _ = std::fs::remove_file(folder.join(MARK));
    }
}

pub(super) fn is_empty(folder: &Path) -> Result<bool> {
    Ok(entries(folder)?.is_empty())
}

/// An error when a folder holds something and is no index.
fn check(folder: &Path) -> Result<()> {
    // Listed first: who makes an index at this moment makes the mark before all else.
    let names = entries(folder)?;
    let foreign = |name: &str| Err(Error::Foreign { path: folder.to_path_buf(), holds: name.to_owned() });
    match (catalog::maker(folder), names.iter().find(|name| *name != MARK)) {
        (Maker::Conexus, _) | (_, None) => Ok(()),
        (Maker::Other, _) => foreign(catalog::FILE),
        (Maker::Unknown, Some(name)) => {
            if folder.join(MARK).is_file() {
                Ok(())
            } else {
                foreign(name)
            }
        }
    }
}

fn entries(folder: &Path) -> Result<Vec<String>> {
    let names = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect());
    let mut names: Vec<String> = names.map_err(|error| Error::io(folder, error))?;
    names.sort_unstable();
    Ok(names)
}

/// Why the folder of an index cannot be made. What is wrong with the folder that it would lie in is said of that one.
fn not_made(folder: &Path, error: std::io::Error) -> Error {
    let above = folder.parent().unwrap_or(folder);
    match Error::io(above, error) {
        Error::Io { source, .. } if above.exists() => Error::io(folder, source),
        error => error,
    }
}
