//! Whose a folder is: in one that is no index nothing is written and nothing deleted.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::catalog::{self, Maker};
use crate::{Error, Result, vectors};

/// The first file that is made in the folder of an index and the last that is deleted: where it lies the folder is ours,
/// whatever else a crash has left. Behind what it says to people it names what the index is of.
const MARK: &str = "conexus-index";
const SAYS: &str = "This folder is an index, made by conexus from files elsewhere. `conexus clear` deletes it.\n";
const WORKSPACE: &str = "workspace: ";
/// Where the engine keeps what it knows of crashes.
const CRASHES: &str = "crashes";

/// Makes a folder ours that is empty or not there yet. One that holds something else than an index is refused, and so is
/// the index of another workspace, unless that is gone: moved, or seen from another machine, it is still the same.
pub(super) fn claim(folder: &Path, workspace: Option<&Path>) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|error| not_made(folder, error))?;
    if is_claimed(folder, workspace)? {
        return Ok(());
    }
    let mark = folder.join(MARK);
    let former = workspace_of(folder);
    if let Some(former) = former.filter(|former| Path::new(former).is_dir()) {
        return Err(Error::OtherWorkspace { path: folder.to_path_buf(), workspace: former.into() });
    }
    let named = workspace.map_or_else(String::new, |own| format!("{WORKSPACE}{}\n", own.to_string_lossy()));
    match File::options().write(true).create(true).truncate(true).open(&mark) {
        // A full disk may keep the words.
        Ok(mut file) => drop(file.write_all(format!("{SAYS}{named}").as_bytes())),
        // A mark that is there is enough.
        Err(_) if mark.exists() => {}
        Err(error) => return Err(Error::io(&mark, error)),
    }
    Ok(())
}

/// Whether a folder, which is there, is ours and of this workspace already. In one that holds something else: an error.
pub(super) fn is_claimed(folder: &Path, workspace: Option<&Path>) -> Result<bool> {
    check(folder)?;
    let is_of = |own: &Path| workspace_of(folder).is_some_and(|former| former == own.to_string_lossy());
    Ok(folder.join(MARK).exists() && workspace.is_none_or(is_of))
}

/// What the index in a folder is of, as its mark says.
pub(super) fn workspace_of(folder: &Path) -> Option<String> {
    let text = std::fs::read_to_string(folder.join(MARK)).ok()?;
    // A path may hold line ends.
    Some(text.strip_prefix(SAYS)?.strip_prefix(WORKSPACE)?.strip_suffix('\n')?.to_owned())
}

/// Takes the mark out of a folder in which nothing else is left, and what the index was of out of the mark.
pub(super) fn give_up(folder: &Path) {
    let mark = folder.join(MARK);
    // What cannot be done is left to the next one.
    let _ = if entries(folder).is_ok_and(|names| names.iter().all(|name| name == MARK)) {
        std::fs::remove_file(mark)
    } else {
        std::fs::write(mark, SAYS)
    };
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
            if folder.join(MARK).is_file() || names.iter().all(|name| is_left_over(&folder.join(name))) {
                Ok(())
            } else {
                foreign(name)
            }
        }
    }
}

/// Whether it is what a process wrote whose index was deleted under it: a folder of our own files and no others.
fn is_left_over(path: &Path) -> bool {
    let begins = |path: &Path, with: &[u8]| std::fs::read(path).is_ok_and(|text| text.starts_with(with));
    let is_ours = |file: &Path, name: &str| match path.file_name().and_then(|folder| folder.to_str()) {
        Some(vectors::FOLDER) => vectors::is_ours(file),
        Some(CRASHES) => match name {
            "lock" => file.metadata().is_ok_and(|lock| lock.is_file() && lock.len() == 0),
            "list" => begins(file, b"conexus crashes "),
            _ => false,
        },
        _ => false,
    };
    path.is_dir()
        && entries(path)
            .is_ok_and(|names| !names.is_empty() && names.iter().all(|name| is_ours(&path.join(name), name)))
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
