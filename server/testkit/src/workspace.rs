//! A temporary folder of files that a test writes, changes and hands to the program.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

/// A temporary folder; gone with its value.
pub struct Workspace {
    _folder: TempDir,
    root: PathBuf,
}

impl AsRef<Self> for Workspace {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl Workspace {
    /// An empty folder.
    pub fn empty() -> Self {
        let folder = tempfile::Builder::new().prefix("conexus-test-").tempdir().expect("a temporary folder");
        // Resolved, since macOS reaches its temporary folder through a link; one level down, so that tests may replace
        // or lock the root itself.
        let root = folder.path().canonicalize().expect("the folder exists").join("root");
        fs::create_dir(&root).expect("a folder in the temporary folder");
        Self { _folder: folder, root }
    }

    /// Files from one text. Each begins with a line `//- PATH`; what follows up to the next such line is its text.
    ///
    /// ```
    /// let workspace = conexus_testkit::Workspace::of("
    /// //- src/lib.rs
    /// fn answer() -> u32 { 42 }
    /// //- README.md
    /// Read me
    /// ");
    /// assert_eq!(workspace.files(), ["README.md", "src/lib.rs"]);
    /// assert_eq!(workspace.read("README.md"), b"Read me\n");
    /// ```
    pub fn of(fixture: &str) -> Self {
        let workspace = Self::empty();
        workspace.add(fixture);
        workspace
    }

    /// Writes the files of a fixture text into the folder.
    pub fn add(&self, fixture: &str) {
        for (path, text) in sections(fixture) {
            self.write(path, text);
        }
    }

    /// The folder, absolute and without links.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a workspace-relative path lies.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Writes a file and the folders above it.
    pub fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let target = self.path(path);
        let parent = target.parent().expect("a path below the root");
        fs::create_dir_all(parent).unwrap_or_else(|error| panic!("creating {}: {error}", parent.display()));
        fs::write(&target, bytes).unwrap_or_else(|error| panic!("writing {}: {error}", target.display()));
    }

    /// The bytes of a file.
    pub fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.path(path)).unwrap_or_else(|error| panic!("reading {path}: {error}"))
    }

    /// Removes a file.
    pub fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).unwrap_or_else(|error| panic!("removing {path}: {error}"));
    }

    /// Moves a file, over another if there is one.
    pub fn rename(&self, from: &str, to: &str) {
        let target = self.path(to);
        fs::create_dir_all(target.parent().expect("a path below the root")).expect("a folder");
        fs::rename(self.path(from), target).unwrap_or_else(|error| panic!("moving {from} to {to}: {error}"));
    }

    /// Workspace-relative paths of all files except those of git, ordered.
    pub fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap_or_else(|error| panic!("reading {}: {error}", folder.display())) {
                let entry = entry.expect("an entry of a folder");
                let kind = entry.file_type().expect("the kind of an entry");
                if kind.is_dir() && entry.file_name() != ".git" {
                    folders.push(entry.path());
                } else if kind.is_file() {
                    let path = entry.path();
                    let relative = path.strip_prefix(&self.root).expect("a path below the root");
                    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
                    files.push(parts.join("/"));
                }
            }
        }
        files.sort_unstable();
        files
    }
}

/// Paths and texts of a fixture.
fn sections(fixture: &str) -> Vec<(&str, String)> {
    let mut sections: Vec<(&str, String)> = Vec::new();
    for line in fixture.split_inclusive('\n') {
        if let Some(path) = line.strip_prefix("//- ") {
            sections.push((path.trim(), String::new()));
        } else if let Some((_, text)) = sections.last_mut() {
            text.push_str(line);
        } else {
            assert!(line.trim().is_empty(), "a fixture begins with a line `//- PATH`, not with {line:?}");
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_moved_and_removed() {
        let workspace = Workspace::of("\n//- a/b.rs\nfn b() {}\n\n//- größe.txt\n//- c.md\n# C");
        assert_eq!(workspace.files(), ["a/b.rs", "c.md", "größe.txt"]);
        assert_eq!(workspace.read("a/b.rs"), b"fn b() {}\n\n");
        assert_eq!(workspace.read("größe.txt"), b"");
        assert_eq!(workspace.read("c.md"), b"# C");
        workspace.rename("a/b.rs", "d/e/f.rs");
        workspace.remove("c.md");
        assert_eq!(workspace.files(), ["d/e/f.rs", "größe.txt"]);
        let root = workspace.root().to_owned();
        drop(workspace);
        assert!(!root.exists());
    }

    #[test]
    #[should_panic(expected = "a fixture begins with a line")]
    fn text_before_the_first_path_is_a_mistake() {
        let _ = Workspace::of("fn lost() {}\n//- a.rs\n");
    }
}
