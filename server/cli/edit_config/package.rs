//! A package of ours, which is part of the program: files in a folder of their own.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::{Change, read};

/// A file beside them says what was written last, as `b3sum` does: a file that is neither that nor what is written now
/// was changed by its owner.
const WRITTEN: &str = "written.b3";

/// Which files of a package are to be written. One that its owner has changed is kept in a backup.
pub(crate) fn package(folder: &Path, files: &[(&str, &str)]) -> Result<Vec<Change>> {
    let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
    let list = folder.join(WRITTEN);
    let before = read(&list)?.unwrap_or_default();
    let before = String::from_utf8_lossy(&before);
    let written: HashMap<&str, &str> =
        before.lines().filter_map(|line| line.split_once("  ")).map(|(hash, path)| (path, hash)).collect();
    let mut changes = Vec::new();
    let mut lines = Vec::new();
    for (path, text) in files {
        let change = whole(folder, folder.join(path), text.as_bytes())?;
        let is_theirs = change.before.as_ref().is_some_and(|before| {
            *before != change.after && written.get(path).is_none_or(|written| *written != hash(before))
        });
        lines.push(format!("{}  {path}\n", hash(text.as_bytes())));
        changes.push(Change { is_theirs, ..change });
    }
    changes.push(whole(folder, list, lines.concat().as_bytes())?);
    Ok(changes)
}

fn whole(folder: &Path, path: PathBuf, after: &[u8]) -> Result<Change> {
    let before = read(&path)?;
    Ok(Change { package: Some(folder.to_owned()), is_theirs: false, remark: None, path, before, after: after.to_vec() })
}
