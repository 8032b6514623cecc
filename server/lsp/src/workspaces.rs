//! The open folders, each with an index that is kept current.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use conexus_engine::{
    Location, Settings, Snapshot,
    live::{Live, Registry, Status},
};
use lsp_types::{Uri, WorkspaceFolder};

use crate::{
    documents::Place,
    uris::{path_of, relative, uri_below},
};

/// Gives the settings of a workspace's index; an error is a sentence for the user.
pub type SettingsOf = Arc<dyn Fn(&Path) -> Result<Settings, String> + Send + Sync>;

/// Told of a root's status, with the folder of its index.
pub(crate) type RootObserver = Arc<dyn Fn(&Uri, &Arc<Path>, &Status) + Send + Sync>;

/// How the URI of a buffer without a file begins.
const UNTITLED: &str = "untitled:";

/// One open folder.
pub(crate) struct Root {
    /// As the client writes it.
    pub(crate) uri: Uri,
    /// As the client names it.
    pub(crate) name: String,
    /// The path of the URI. The index knows the folder without links.
    path: PathBuf,
    /// What it was opened with.
    settings: Result<Settings, String>,
    live: Result<Arc<Live>, String>,
    registry: Registry,
}

impl Root {
    /// Starts to keep a folder current. What is wrong with it is kept with it, for every answer to tell.
    pub(crate) fn open(
        folder: &WorkspaceFolder,
        settings_of: &SettingsOf,
        registry: &Registry,
        observer: RootObserver,
    ) -> Self {
        let uri = folder.uri.clone();
        let path = path_of(&uri);
        let opened = located(&uri, path.as_deref(), settings_of);
        let settings = opened.as_ref().map(|(_, settings)| settings.clone()).map_err(String::clone);
        let live = opened.map(|(location, settings)| {
            let (told, index_dir) = (uri.clone(), Arc::from(location.index_dir.as_path()));
            Arc::new(Live::start(location, settings, Arc::new(move |status| observer(&told, &index_dir, status))))
        });
        if let Ok(live) = &live {
            registry.add(live);
        }
        let registry = registry.clone();
        Self { uri, name: folder.name.clone(), path: path.unwrap_or_default(), settings, live, registry }
    }

    /// Whether it would be opened otherwise now; an error when it could no longer be opened.
    pub(crate) fn has_other_settings(&self, settings_of: &SettingsOf) -> Result<bool, String> {
        let path = Some(self.path.as_path()).filter(|path| !path.as_os_str().is_empty());
        match (&self.settings, located(&self.uri, path, settings_of)) {
            (Ok(before), Ok((_, now))) => {
                // Folders beside the workspace are followed without opening it anew, and after an update of the program
                // its path is another.
                let (sources, trial_program) = (before.sources.clone(), before.trial_program.clone());
                Ok(*before != Settings { sources, trial_program, ..now })
            }
            (Ok(_), Err(fault)) => Err(fault),
            (Err(_), now) => Ok(now.is_ok()),
        }
    }

    /// The live index, or why there is none.
    pub(crate) fn live(&self) -> Result<&Live, &str> {
        self.live.as_deref().map_err(String::as_str)
    }

    /// A state that knows every change that came in before this call, as far as it is analysed within `wait`.
    pub(crate) fn current(&self, wait: Duration) -> Result<Snapshot, String> {
        self.live()?.current(wait).map_err(|error| error.to_string())
    }

    /// The URI of one of its files, or of a buffer without a file.
    pub(crate) fn uri_of(&self, path: &str) -> Uri {
        let buffer = path.starts_with(UNTITLED).then(|| Uri::parse(path).ok()).flatten();
        // What lies outside of the workspace has its absolute path.
        let outside = || Path::new(path).is_absolute().then(|| Uri::from_file_path(path).ok()).flatten();
        buffer.or_else(outside).unwrap_or_else(|| uri_below(&self.uri, path))
    }

    /// The path of a file relative to it, and how deep the folder lies: the deepest folder owns a file.
    fn holds(&self, path: &Path) -> Option<(usize, String)> {
        let canonical = self.live().ok().map(|live| live.location().root.as_path());
        let found = [Some(self.path.as_path()), canonical]
            .into_iter()
            .flatten()
            .filter(|folder| !folder.as_os_str().is_empty())
            .find_map(|folder| relative(folder, path))?;
        Some((canonical.unwrap_or(&self.path).components().count(), found))
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        self.live = Err("the folder was closed".to_owned());
        self.registry.tell();
    }
}

/// Where the index of a folder is and what its settings are, or why it has none.
fn located(uri: &Uri, path: Option<&Path>, settings_of: &SettingsOf) -> Result<(Location, Settings), String> {
    let path = path.ok_or_else(|| format!("{uri} is no folder of this machine"))?;
    let settings = settings_of(path)?;
    let location = Location::of(path, &settings.index_dir).map_err(|error| error.to_string())?;
    location.refuse_wide(&settings).map_err(|error| error.to_string())?;
    Ok((location, settings))
}

/// Where a file of a path belongs: the most specific folder that holds it.
pub(crate) fn place_of_path(roots: &[Arc<Root>], path: &Path) -> Option<Place> {
    let find = |path: &Path| {
        let places = roots.iter().filter_map(|root| root.holds(path).map(|(depth, path)| (depth, root, path)));
        let (_, root, path) = places.max_by_key(|(depth, ..)| *depth)?;
        Some(Place { root: Arc::clone(root), path })
    };
    // The path may go through a link; the file itself need not exist.
    find(path).or_else(|| find(&path.parent()?.canonicalize().ok()?.join(path.file_name()?)))
}

/// Where a document belongs. A buffer that was never saved belongs to the first folder.
pub(crate) fn place_of(roots: &[Arc<Root>], uri: &Uri) -> Option<Place> {
    match uri.scheme() {
        "file" => place_of_path(roots, &path_of(uri)?),
        "untitled" => roots.first().map(|root| Place { root: Arc::clone(root), path: uri.to_string() }),
        _ => None,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn root(uri: &str) -> Arc<Root> {
        let folder = WorkspaceFolder { uri: Uri::parse(uri).expect("a URI"), name: "w".to_owned() };
        let settings_of: SettingsOf = Arc::new(|_| Err("no index in this test".to_owned()));
        Arc::new(Root::open(&folder, &settings_of, &Registry::default(), Arc::new(|_, _, _| {})))
    }

    #[test]
    fn the_most_specific_folder_owns_a_file() {
        let roots =
            [root("file:///w"), root("file:///w/inner/deep"), root("file:///w/inner"), root("file:///other%20one/")];
        for (uri, expected) in [
            ("file:///w/a.rs", Some(("file:///w", "a.rs"))),
            ("file:///w/inner/a.rs", Some(("file:///w/inner", "a.rs"))),
            ("file:///w/inner/deep/b/a.rs", Some(("file:///w/inner/deep", "b/a.rs"))),
            ("file:///w/innermost/a.rs", Some(("file:///w", "innermost/a.rs"))),
            ("file:///other%20one/x%25y.rs", Some(("file:///other%20one/", "x%y.rs"))),
            ("file:///elsewhere/a.rs", None),
            ("untitled:Untitled-1", Some(("file:///w", "untitled:Untitled-1"))),
            ("git:/w/a.rs", None),
        ] {
            let place = place_of(&roots, &Uri::parse(uri).expect("a URI"));
            let found = place.as_ref().map(|place| (place.root.uri.as_str(), place.path.as_str()));
            assert_eq!(found, expected, "{uri}");
        }
        assert!(place_of(&[], &Uri::parse("untitled:x").expect("a URI")).is_none());
    }
}
