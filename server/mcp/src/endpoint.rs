//! The file that says where a running session listens, and with which token. Only the user can read it.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use conexus_engine::{Location, runtime_folder};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Where one workspace of a running session is asked. The file goes with the value that wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Process of the session.
    pub pid: u32,
    /// Version of the program.
    pub version: String,
    /// Canonical path of the workspace.
    pub workspace: String,
    /// Address, such as `http://127.0.0.1:40123`.
    pub url: String,
    /// What requests carry in `Authorization: Bearer`.
    pub token: String,
}

/// A written endpoint file; deleted with the value.
#[derive(Debug)]
pub(crate) struct EndpointFile {
    path: PathBuf,
    workspace: PathBuf,
}

impl Endpoint {
    /// Writes the file in which clients of this workspace look.
    pub(crate) fn write(&self, location: &Location) -> Result<EndpointFile> {
        let folder = runtime_folder().ok_or(Error::NoRuntimeFolder)?;
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::File { path, source }
        };
        create_private_folder(&folder).map_err(failed(&folder))?;
        let path = folder.join(format!("{}-{}.json", location.key(), self.pid));
        // A temporary file is readable by its user alone, and renaming makes the whole text appear at once.
        let mut file = tempfile::NamedTempFile::new_in(&folder).map_err(failed(&folder))?;
        let text = serde_json::to_string(self).map_err(|error| failed(&path)(error.into()))?;
        file.write_all(text.as_bytes()).map_err(failed(&path))?;
        file.persist(&path).map_err(|error| failed(&path)(error.error))?;
        Ok(EndpointFile { path, workspace: location.root.clone() })
    }

    /// The endpoints of sessions that said to keep a workspace current, the newest first. One of them may have ended
    /// without taking its file away.
    pub fn of(location: &Location) -> Vec<(PathBuf, Self)> {
        let Some(entries) = runtime_folder().and_then(|folder| std::fs::read_dir(folder).ok()) else {
            return Vec::new();
        };
        let prefix = format!("{}-", location.key());
        let mut found: Vec<_> = entries
            .flatten()
            .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with(&prefix)))
            .filter_map(|entry| {
                let endpoint: Self = serde_json::from_slice(&std::fs::read(entry.path()).ok()?).ok()?;
                let written = entry.metadata().ok()?.modified().ok()?;
                (Path::new(&endpoint.workspace) == location.root).then(|| (written, entry.path(), endpoint))
            })
            .collect();
        found.sort_unstable_by_key(|(written, ..)| std::cmp::Reverse(*written));
        found.into_iter().map(|(_, path, endpoint)| (path, endpoint)).collect()
    }
}

impl EndpointFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it says where this workspace is asked.
    pub(crate) fn is_of(&self, location: &Location) -> bool {
        self.workspace == location.root
    }
}

impl Drop for EndpointFile {
    fn drop(&mut self) {
        // A client takes a file away whose session does not answer.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn create_private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}
