//! What belongs to an index beside the files of its workspace: folders elsewhere, and git's history.
//!
//! The choice is a person's, so it lies in a file of theirs, one per workspace, and never in the repository. The file is
//! the truth: whoever wants to know reads it, so that what a person writes there counts like what a tool does.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{Error, Location, Result};

/// What the file says when no file is there: git's history is read, and there is no folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sources {
    /// The workspace that it is for, for who reads the file.
    pub workspace: PathBuf,
    /// Whether git's history is read.
    pub git_history: bool,
    /// Folders outside of the workspace.
    pub folder: Vec<SourceFolder>,
}

impl Default for Sources {
    fn default() -> Self {
        Self { workspace: PathBuf::new(), git_history: true, folder: Vec::new() }
    }
}

/// A folder outside of the workspace. Its files have their absolute paths in the index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceFolder {
    /// What people call it; each has another.
    pub name: String,
    /// What of it is indexed.
    pub kind: SourceKind,
    /// Its canonical absolute path.
    pub path: PathBuf,
    /// Whether it is indexed now.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// What of a folder is indexed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    /// Everything that a workspace would hold.
    Folder,
    /// Prose alone.
    Documentation,
}

/// Folders beside the workspace that one index may hold.
const MOST_FOLDERS: usize = 32;

impl Sources {
    /// What a file says; what [`Sources::default`] says when it is not there.
    pub fn load(file: &Path) -> Result<Self> {
        match std::fs::read_to_string(file) {
            Ok(text) => toml::from_str(&text).map_err(|error| Error::Sources {
                path: file.to_owned(),
                why: error.to_string().trim_end().to_owned(),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::Sources { path: file.to_owned(), why: error.to_string() }),
        }
    }

    /// Writes the file; it changes as a whole or not at all.
    pub fn save(&self, file: &Path) -> Result<()> {
        let failed = |error: &dyn std::fmt::Display| Error::Sources { path: file.to_owned(), why: error.to_string() };
        let folder = file.parent().unwrap_or(Path::new("."));
        let text = toml::to_string(self).map_err(|error| failed(&error))?;
        std::fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        let mut written = tempfile::NamedTempFile::new_in(folder).map_err(|error| failed(&error))?;
        written
            .write_all(b"# What `conexus` indexes beside the workspace; see docs/mcp.md.\n")
            .and_then(|()| written.write_all(text.as_bytes()))
            .map_err(|error| failed(&error))?;
        written.persist(file).map_err(|error| failed(&error.error))?;
        Ok(())
    }

    /// The folder of that name.
    pub fn find(&self, name: &str) -> Option<&SourceFolder> {
        self.folder.iter().find(|folder| folder.name == name)
    }

    /// Puts a folder in the place of the one of its name, or behind the others. The error says why it may not be indexed:
    /// it is no folder, or it holds or lies in something that is not to be told, such as the user's home.
    pub fn put(&mut self, mut folder: SourceFolder, location: &Location) -> std::result::Result<(), String> {
        let shown = folder.path.display().to_string();
        let refused = |why: &str| Err(format!("{shown:?} cannot be a source: {why}"));
        let Ok(path) = folder.path.canonicalize() else { return refused("there is no such folder") };
        if !path.is_dir() {
            return refused("it is not a folder");
        }
        if path.to_str().is_none() {
            return refused("its path is not valid Unicode");
        }
        if path.starts_with(&location.root) {
            return refused("it lies in the workspace, whose files are indexed anyway");
        }
        let home = std::env::home_dir().and_then(|home| home.canonicalize().ok());
        let holds = |inner: &Path| inner.starts_with(&path);
        if holds(&location.root) || holds(&location.index_dir) || home.as_deref().is_some_and(holds) {
            return refused("it holds the workspace, its index or your whole home; name a folder further inside");
        }
        if path.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.')) {
            return refused("it is hidden");
        }
        let others = || self.folder.iter().filter(|other| other.name != folder.name);
        if let Some(other) = others().find(|other| other.path.starts_with(&path) || path.starts_with(&other.path)) {
            return refused(&format!("the source {:?} overlaps it", other.name));
        }
        if others().count() >= MOST_FOLDERS {
            return refused("there are too many sources");
        }
        folder.path = path;
        match self.folder.iter_mut().find(|known| known.name == folder.name) {
            Some(known) => *known = folder,
            None => self.folder.push(folder),
        }
        Ok(())
    }

    /// The folders that are indexed now, by their paths in the index.
    pub fn roots(&self) -> impl Iterator<Item = (String, &SourceFolder)> {
        self.folder
            .iter()
            .filter(|folder| folder.enabled && folder.path.is_absolute())
            .filter_map(|folder| Some((index_path(&folder.path)?, folder)))
    }
}

/// An absolute path as the index writes it, with `/`.
pub(crate) fn index_path(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    Some(if cfg!(windows) { text.replace('\\', "/") } else { text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let home = tempfile::tempdir().expect("a folder");
        let file = home.path().join("deep/sources.toml");
        assert_eq!(Sources::load(&file).expect("no file"), Sources::default());
        let folder = SourceFolder {
            name: "manual".to_owned(),
            kind: SourceKind::Documentation,
            path: PathBuf::from("/manual"),
            enabled: true,
        };
        let sources = Sources { git_history: false, folder: vec![folder], ..Sources::default() };
        sources.save(&file).expect("it is written");
        assert_eq!(Sources::load(&file).expect("a good file"), sources);
        std::fs::write(&file, "git_history = 'no'").expect("a file");
        assert!(Sources::load(&file).expect_err("a bad file").to_string().contains("sources.toml"));
    }

    #[test]
    fn what_is_not_to_be_told_cannot_be_a_source() {
        let top = tempfile::Builder::new().prefix("sources-").tempdir().expect("a folder");
        let top = top.path().canonicalize().expect("it exists");
        for folder in ["w/src", "manual/inner", ".keys", "index"] {
            std::fs::create_dir_all(top.join(folder)).expect("a folder");
        }
        std::fs::write(top.join("file"), "").expect("a file");
        let location = Location { root: top.join("w"), index_dir: top.join("index") };
        let folder = |name: &str, path: &Path| SourceFolder {
            name: name.to_owned(),
            kind: SourceKind::Folder,
            path: path.to_owned(),
            enabled: true,
        };
        let mut sources = Sources::default();
        sources.put(folder("manual", &top.join("manual")), &location).expect("a good folder");
        for (path, why) in [
            (top.join("nothing"), "no such folder"),
            (top.join("file"), "not a folder"),
            (top.join("w/src"), "lies in the workspace"),
            (top.clone(), "holds the workspace"),
            (PathBuf::from("/"), "holds the workspace"),
            (top.join(".keys"), "hidden"),
            (top.join("manual/inner"), "overlaps"),
        ] {
            let reason = sources.put(folder("other", &path), &location).expect_err("a bad folder");
            assert!(reason.contains(why), "{path:?}: {reason}");
        }
        sources.put(folder("manual", &top.join("manual/inner")), &location).expect("another place of it");
        assert_eq!(sources.folder.len(), 1);
    }
}
