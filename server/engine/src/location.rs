//! Where a workspace and its index are.

use std::path::{Component, Path, PathBuf};

use crate::{Error, Settings};

/// Where the indexes of workspaces are to lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IndexDir {
    /// One folder per workspace in the user's cache folder, so that an index is never in the way of its repository:
    ///
    /// - Linux: `$XDG_CACHE_HOME/conexus` or `~/.cache/conexus`
    /// - macOS: `~/Library/Caches/conexus`
    /// - Windows: `%LOCALAPPDATA%\conexus`
    #[default]
    Cache,
    /// One folder per workspace in this one.
    Below(PathBuf),
    /// This folder itself, for one workspace.
    At(PathBuf),
}

/// A workspace root and the folder of its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// Canonical absolute path of the workspace.
    pub root: PathBuf,
    /// Folder that holds the index, canonical as far as it exists.
    pub index_dir: PathBuf,
}

impl Location {
    /// Finds the index of a workspace. Where each workspace has a folder of its own, it is named after the workspace and
    /// the hash of its path.
    pub fn of(root: &Path, index_dir: &IndexDir) -> Result<Self, Error> {
        let canonical = root.canonicalize().map_err(|why| Error::Workspace { path: root.to_owned(), why })?;
        if !canonical.is_dir() {
            return Err(Error::NotAFolder { path: root.to_owned() });
        }
        let location = Self::at(canonical, index_dir)?;
        if location.root.starts_with(&location.index_dir) {
            return Err(Error::IndexAround { path: location.index_dir });
        }
        Ok(location)
    }

    /// The same of a workspace that was moved or deleted, whose index is still there; `None` of one that is there itself.
    pub fn of_gone(root: &Path, index_dir: &IndexDir) -> Option<Self> {
        if root.exists() {
            return None;
        }
        Self::at(canonical_in_part(root).ok()?, index_dir).ok().filter(Self::has_index)
    }

    fn at(root: PathBuf, index_dir: &IndexDir) -> Result<Self, Error> {
        let index_dir = match index_dir {
            IndexDir::Cache => cache_folder().ok_or(Error::NoCacheFolder)?.join(folder_name(&root)),
            IndexDir::Below(folder) => folder.join(folder_name(&root)),
            IndexDir::At(folder) => folder.clone(),
        };
        let index_dir =
            canonical_in_part(&index_dir).map_err(|why| Error::Workspace { path: index_dir.clone(), why })?;
        Ok(Self { root, index_dir })
    }

    /// Workspaces that are gone while their indexes still lie beside this one.
    pub fn orphans(&self) -> Vec<PathBuf> {
        let beside = self.index_dir.parent().and_then(|all| std::fs::read_dir(all).ok());
        let indexes = beside.into_iter().flatten().flatten().map(|entry| entry.path());
        let mut gone: Vec<_> = indexes
            .filter(|folder| conexus_index::Store::exists(folder))
            .filter_map(|folder| conexus_index::Store::workspace_of(&folder))
            .filter(|workspace| !workspace.exists())
            .collect();
        gone.sort_unstable();
        gone
    }

    /// Refuses a folder that is opened by mistake rather than on purpose: the top of a disk, a home folder, or what home
    /// folders lie in. The setting `any_folder` allows it.
    pub fn refuse_wide(&self, settings: &Settings) -> Result<(), Error> {
        match wideness(&self.root, home().and_then(|home| home.canonicalize().ok()).as_deref()) {
            Some(what) if !settings.any_folder => Err(Error::TooWide { path: self.root.clone(), what }),
            _ => Ok(()),
        }
    }

    /// A name for this workspace that is a valid file name: its folder's name and a hash of its path.
    pub fn key(&self) -> String {
        folder_name(&self.root)
    }

    /// The same of a folder that need not be opened.
    pub fn key_of(root: &Path) -> std::io::Result<String> {
        Ok(folder_name(&root.canonicalize()?))
    }

    /// Whether there is an index, of whatever version.
    pub fn has_index(&self) -> bool {
        conexus_index::Store::exists(&self.index_dir)
    }
}

/// The canonical form of a path that may not exist, or not in all its parts: one name, however it is spelt.
pub fn canonical_in_part(path: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let existing = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, mut canonical)) = existing else { return Ok(path) };
    for component in path.strip_prefix(above).unwrap_or(&path).components() {
        // What does not exist is no link.
        if component == Component::ParentDir {
            canonical.pop();
        } else {
            canonical.push(component);
        }
    }
    Ok(canonical)
}

/// Walks up from a path to the folder that looks like the top of a repository; the path's own folder when none does.
pub fn workspace_root(from: &Path) -> PathBuf {
    let start = if from.is_dir() { from } else { from.parent().unwrap_or(from) };
    let mut folder = start;
    loop {
        if [".git", ".hg", ".jj", ".svn", "conexus.toml"].iter().any(|mark| folder.join(mark).exists()) {
            return folder.to_owned();
        }
        match folder.parent() {
            Some(parent) => folder = parent,
            None => return start.to_owned(),
        }
    }
}

/// The folder for what lives as long as a running session: `$XDG_RUNTIME_DIR/conexus`, else `run` in the cache folder.
pub fn runtime_folder() -> Option<PathBuf> {
    std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join("conexus"))
        .or_else(|| cache_folder().map(|folder| folder.join("run")))
}

/// What a folder is that is wider than a workspace.
fn wideness(root: &Path, home: Option<&Path>) -> Option<&'static str> {
    if root.parent().is_none() {
        return Some("the top of a disk");
    }
    let home = home?;
    if home == root {
        return Some("a home folder");
    }
    home.starts_with(root).then_some("a folder of home folders")
}

fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute())
}

fn folder_name(root: &Path) -> String {
    let name: String = root
        .file_name()
        .map(|name| {
            name.to_string_lossy()
                .chars()
                .map(|character| if character.is_alphanumeric() { character } else { '-' })
                .take(40)
                .collect()
        })
        .unwrap_or_default();
    let hash = blake3::hash(root.as_os_str().as_encoded_bytes()).to_hex();
    format!("{name}-{}", &hash[..16])
}

fn cache_folder() -> Option<PathBuf> {
    let home = || std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Caches/conexus"))
    } else if cfg!(windows) {
        std::env::var_os("LOCALAPPDATA").map(|folder| PathBuf::from(folder).join("conexus"))
    } else {
        std::env::var_os("XDG_CACHE_HOME")
            .filter(|folder| Path::new(folder).is_absolute())
            .map(PathBuf::from)
            .or_else(|| home().map(|home| home.join(".cache")))
            .map(|folder| folder.join("conexus"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn folders_that_hold_a_home_are_too_wide() {
        for (root, home, expected) in [
            ("/", None, Some("the top of a disk")),
            ("/people/somebody", Some("/people/somebody"), Some("a home folder")),
            ("/people", Some("/people/somebody"), Some("a folder of home folders")),
            ("/people/somebody/project", Some("/people/somebody"), None),
            ("/people/somebody-else", Some("/people/somebody"), None),
            ("/project", Some("/"), None),
            ("/project", None, None),
        ] {
            assert_eq!(wideness(Path::new(root), home.map(Path::new)), expected, "{root} with {home:?}");
        }
    }

    #[test]
    fn a_root_must_be_a_folder() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "x").expect("a file");
        assert!(matches!(Location::of(&file, &IndexDir::Cache), Err(Error::NotAFolder { .. })));
        assert!(matches!(Location::of(&folder.path().join("none"), &IndexDir::Cache), Err(Error::Workspace { .. })));
        let location = Location::of(folder.path(), &IndexDir::At(folder.path().join("index"))).expect("a location");
        assert!(location.index_dir.ends_with("index") && location.root.is_absolute());
    }

    #[test]
    fn each_workspace_has_a_folder_of_its_own_below_another() {
        let top = tempfile::tempdir().expect("a temporary folder");
        let top = top.path().canonicalize().expect("it exists");
        let mut folders = Vec::new();
        for root in ["a/w", "b/w"].map(|root| top.join(root)) {
            std::fs::create_dir_all(&root).expect("a folder");
            // It may be the workspace itself, or around it.
            for below in [top.join("indexes"), root.clone(), top.clone()] {
                let location = Location::of(&root, &IndexDir::Below(below.clone())).expect("a location");
                assert_eq!(location.index_dir, below.join(location.key()));
                folders.push(location.index_dir);
            }
        }
        folders.sort();
        folders.dedup();
        assert_eq!(folders.len(), 6, "{folders:?}");
    }

    #[test]
    fn an_index_folder_has_one_name_and_does_not_hold_the_workspace() {
        let top = tempfile::tempdir().expect("a temporary folder");
        let top = top.path().canonicalize().expect("it exists");
        let root = top.join("w");
        std::fs::create_dir_all(root.join("src")).expect("a folder");
        for (given, expected) in [
            ("w/index", Some("w/index")),
            ("w/../w/index", Some("w/index")),
            ("w/src/../index/deep", Some("w/index/deep")),
            ("w/none/../index", Some("w/index")),
            ("elsewhere", Some("elsewhere")),
            ("w-index", Some("w-index")),
            ("w", None),
            ("w/src/..", None),
            ("", None),
        ] {
            let found = Location::of(&root, &IndexDir::At(top.join(given)));
            match (found, expected) {
                (Ok(location), Some(expected)) => assert_eq!(location.index_dir, top.join(expected), "{given}"),
                (Err(Error::IndexAround { .. }), None) => {}
                (found, _) => panic!("{given}: {found:?}"),
            }
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("w", top.join("link")).expect("a link");
            let location = Location::of(&root, &IndexDir::At(top.join("link/index"))).expect("a location");
            assert_eq!(location.index_dir, root.join("index"));
        }
    }
}
