//! Paths that callers name. Only files of the index are read, whatever a path says.

use std::path::{Component, Path, PathBuf};

use conexus_engine::{CurrentText, Snapshot, canonical_in_part};

/// The path of an indexed file as the index has it. No answer tells whether a file outside of the workspace, or one that is
/// left out, exists.
pub(crate) fn indexed(view: &Snapshot, root: &Path, given: &str) -> Result<String, String> {
    let is_indexed = |path: &str| view.index().file(path).is_some();
    if is_indexed(given) {
        return Ok(given.to_owned());
    }
    let path = relative(root, given)?;
    if is_indexed(&path) {
        return Ok(path);
    }
    Err(format!(
        "{given:?} is not in the index: there is no such file, it is ignored, binary or looks like a secret, or it is \
         not indexed yet"
    ))
}

/// A path in the workspace as the index writes them: relative, with `/`, without `.` and `..`.
pub(crate) fn relative(root: &Path, given: &str) -> Result<String, String> {
    let path = Path::new(given);
    let other = below_otherwise(root, path);
    let inside = if path.is_absolute() { path.strip_prefix(root).ok().or(other.as_deref()) } else { Some(path) };
    let parts: Option<Vec<&str>> = inside.and_then(|inside| {
        let parts = inside.components().filter(|part| *part != Component::CurDir);
        parts.map(|part| if let Component::Normal(name) = part { name.to_str() } else { None }).collect()
    });
    let parts = parts.ok_or_else(|| format!("{given:?} is outside of the workspace"))?;
    if parts.is_empty() || given.contains('\0') {
        return Err(format!("{given:?} names no file of the workspace"));
    }
    Ok(parts.join("/"))
}

/// What an absolute path names in the workspace that is spelt otherwise: through links, or in another of the forms that a
/// system has. What it names need not exist.
fn below_otherwise(root: &Path, path: &Path) -> Option<PathBuf> {
    if !path.is_absolute() || path.starts_with(root) || path.components().any(|part| part == Component::ParentDir) {
        return None;
    }
    Some(canonical_in_part(path).ok()?.strip_prefix(root).ok()?.to_owned())
}

/// A glob over paths of the index. An absolute one is meant below the workspace, or below one of the folders outside of it
/// that are indexed beside it, whose paths are absolute.
pub(crate) fn glob<'a>(root: &Path, folders: impl IntoIterator<Item = &'a str>, given: &str) -> String {
    let below = |folder: &str| match given.strip_prefix(folder) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => Some(rest.to_owned()),
        _ => None,
    };
    if let Some(rest) = root.to_str().and_then(|root| below(&root.replace('\\', "/"))) {
        return if rest.is_empty() { "/".to_owned() } else { rest };
    }
    // The part before the first character of a pattern is a path.
    let whole = given.find(['*', '?', '[', '{']).unwrap_or(given.len());
    let path = if whole == given.len() { given } else { given[..whole].rsplit_once('/').map_or("", |(path, _)| path) };
    if let Some(inside) = below_otherwise(root, Path::new(path)) {
        let inside = inside.to_string_lossy().replace('\\', "/");
        let inside = inside.trim_end_matches('/');
        return if inside.is_empty() {
            format!("/{}", given[path.len()..].trim_start_matches('/'))
        } else {
            format!("/{inside}{}", &given[path.len()..])
        };
    }
    let is_beside = folders.into_iter().any(|folder| below(folder).is_some());
    // A leading `/` alone would mean the top of the workspace.
    if is_beside { format!("**{given}") } else { given.to_owned() }
}

/// The text of an indexed file: of its open buffer, else from disk, unless a link has taken its place.
pub(crate) fn text(view: &Snapshot, root: &Path, path: &str) -> Result<CurrentText, String> {
    if view.buffers().all(|buffer| &*buffer.path != path) {
        let place = root.join(path);
        if place.canonicalize().is_ok_and(|real| real != place) {
            return Err(format!("{path:?} is not in the index any more: a link has taken its place"));
        }
    }
    view.text(path).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absolute_globs_are_those_of_the_index() {
        for (given, expected) in [
            ("src", "src"),
            ("/src/**", "/src/**"),
            ("/work space", "/"),
            ("/work space/", "/"),
            ("/work space/src/*.rs", "/src/*.rs"),
            ("/work spaces/src", "/work spaces/src"),
            ("/srv/manuals/de", "**/srv/manuals/de"),
            ("*.rs", "*.rs"),
        ] {
            assert_eq!(glob(Path::new("/work space"), ["/srv/manuals"], given), expected, "{given}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_workspace_is_known_by_other_spellings_too() {
        let above = tempfile::tempdir().unwrap();
        let above = above.path().canonicalize().unwrap();
        let root = above.join("real");
        std::fs::create_dir_all(root.join("src")).unwrap();
        std::fs::create_dir(above.join("other")).unwrap();
        std::os::unix::fs::symlink(&root, above.join("link")).unwrap();
        std::os::unix::fs::symlink(root.join("src"), above.join("other/code")).unwrap();
        let spelt = |path: &str| above.join(path).to_str().unwrap().to_owned();
        for (given, expected) in [
            ("real/src/a.rs", Some("src/a.rs")),
            ("link/src/a.rs", Some("src/a.rs")),
            ("link/none/b.rs", Some("none/b.rs")),
            ("link/./src//a.rs", Some("src/a.rs")),
            ("other/code/a.rs", Some("src/a.rs")),
            ("link", None),
            ("link/../link/src/a.rs", None),
            ("other/a.rs", None),
            ("linked/src/a.rs", None),
        ] {
            assert_eq!(relative(&root, &spelt(given)).ok().as_deref(), expected, "{given}");
        }
        for (given, expected) in [
            ("link/src/**", "/src/**"),
            ("link/src/*.rs", "/src/*.rs"),
            ("link/src", "/src"),
            ("link/**/a.rs", "/**/a.rs"),
            ("link", "/"),
            ("link/", "/"),
            ("link/a*", "/a*"),
            ("other/code/[ab].rs", "/src/[ab].rs"),
        ] {
            assert_eq!(glob(&root, [], &spelt(given)), expected, "{given}");
        }
        let outside = spelt("other/**");
        assert_eq!(glob(&root, [], &outside), outside);
    }

    #[test]
    fn paths_lead_nowhere_else() {
        let root = Path::new("/work space");
        for (given, expected) in [
            ("src/a.rs", "src/a.rs"),
            ("./src//a.rs", "src/a.rs"),
            ("/work space/src/a.rs", "src/a.rs"),
            ("größe", "größe"),
        ] {
            assert_eq!(relative(root, given).as_deref(), Ok(expected), "{given}");
        }
        for wrong in [
            "", ".", "/", "..", "../a", "src/../../a", "src/..", "/etc/passwd", "/work spaces/a", "/work space/../a",
            "a\0b",
        ] {
            assert!(relative(root, wrong).is_err(), "{wrong}");
        }
    }
}
