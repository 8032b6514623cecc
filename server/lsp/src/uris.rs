//! URIs and paths.

use std::path::{Component, Path, PathBuf};

use lsp_types::Uri;

/// The path of a `file:` URI; `None` for any other and for one that no path can come from.
pub(crate) fn path_of(uri: &Uri) -> Option<PathBuf> {
    (uri.scheme() == "file").then(|| uri.to_file_path().ok())?
}

/// The URI of a file of a folder, written like the folder's own: clients compare URIs letter by letter, and one that
/// writes `c%3A` for a drive wants to read it again.
pub(crate) fn uri_below(folder: &Uri, path: &str) -> Uri {
    let mut uri = folder.clone();
    if path.contains(['\t', '\n', '\r']) {
        // Parsers of URIs drop these, segment by segment too.
        let written: String = path
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                    char::from(byte).to_string()
                }
                _ => format!("%{byte:02X}"),
            })
            .collect();
        let below = format!("{}/{written}", folder.as_str().trim_end_matches('/'));
        return Uri::parse(&below).unwrap_or(uri);
    }
    if let Ok(mut segments) = uri.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    uri
}

/// A path relative to a folder, with `/`; `None` when it does not lie below it or is not Unicode.
pub(crate) fn relative(folder: &Path, path: &Path) -> Option<String> {
    let rest = path.strip_prefix(folder).ok()?;
    let mut parts = Vec::new();
    for component in rest.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_str()?),
            _ => return None,
        }
    }
    Some(parts.join("/"))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        Uri::parse(text).expect("a URI")
    }

    #[test]
    fn odd_names_survive_the_way_there_and_back() {
        let root = uri("file:///w%20s");
        for (path, written) in [
            ("a b.rs", "file:///w%20s/a%20b.rs"),
            ("100%.rs", "file:///w%20s/100%25.rs"),
            ("a%20b.rs", "file:///w%20s/a%2520b.rs"),
            ("größe/名前.rs", "file:///w%20s/gr%C3%B6%C3%9Fe/%E5%90%8D%E5%89%8D.rs"),
            ("a#b?c.rs", "file:///w%20s/a%23b%3Fc.rs"),
            ("ta\tb\n ö.rs", "file:///w%20s/ta%09b%0A%20%C3%B6.rs"),
            ("[id]/x+y.ts", "file:///w%20s/[id]/x+y.ts"),
        ] {
            let made = uri_below(&root, path);
            assert_eq!(made.as_str(), written);
            let found = path_of(&made).expect("a path");
            assert_eq!(relative(Path::new("/w s"), &found).as_deref(), Some(path));
        }
    }

    #[test]
    fn what_is_no_file_has_no_path() {
        for text in ["untitled:Untitled-1", "git:/a/b.rs?ref", "https://example.org/a.rs"] {
            assert_eq!(path_of(&uri(text)), None, "{text}");
        }
        assert_eq!(relative(Path::new("/w"), Path::new("/x/a.rs")), None);
        assert_eq!(relative(Path::new("/w"), Path::new("/ww/a.rs")), None);
        assert_eq!(
            path_of(&uri("file:///a%FFb")).and_then(|path| relative(Path::new("/"), &path)),
            None,
            "not Unicode"
        );
    }

    #[test]
    fn a_drive_is_written_as_the_client_writes_it() {
        assert_eq!(uri_below(&uri("file:///c%3A/w"), "a.rs").as_str(), "file:///c%3A/w/a.rs");
        assert_eq!(uri_below(&uri("file:///c:/w/"), "a.rs").as_str(), "file:///c:/w/a.rs");
    }
}
