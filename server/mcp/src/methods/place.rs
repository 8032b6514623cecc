//! The addresses of resources: files, lines of files, symbols.

use conexus_core::{LineIndex, Span};
use conexus_engine::Snapshot;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{
    paths,
    tools::{Call, read::place_of},
};

/// Files, and with `lines` a part of them.
pub(crate) const FILE_TEMPLATE: &str = "conexus://file/{+path}{?lines}";
/// Symbols, and with `path` the one in that file.
pub(crate) const SYMBOL_TEMPLATE: &str = "conexus://symbol/{name}{?path}";

const FILE: &str = "conexus://file/";
const SYMBOL: &str = "conexus://symbol/";
/// What stays as it is in the path of an address.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What an address means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file, or its lines from and to, numbered from 1.
    File { path: String, lines: Option<(u32, u32)> },
    /// A symbol, in a file or wherever it is.
    Symbol { name: String, path: Option<String> },
}

/// A text and where it stands.
pub(crate) struct Passage {
    pub(crate) path: String,
    pub(crate) text: String,
    /// Its first and last line, numbered from 1.
    pub(crate) lines: (u32, u32),
}

/// The address of a file.
pub(crate) fn uri_of(path: &str) -> String {
    format!("{FILE}{}", utf8_percent_encode(path, PATH))
}

impl Place {
    pub(crate) fn parse(uri: &str) -> Result<Self, String> {
        let (address, query) = uri.split_once('?').unwrap_or((uri, ""));
        let decoded = |text: &str| {
            let text = percent_decode_str(text).decode_utf8();
            text.map(String::from).map_err(|_| format!("{uri:?} is not valid Unicode"))
        };
        let parameter = |name: &str| {
            let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| decoded(value)).transpose()
        };
        if let Some(path) = address.strip_prefix(FILE) {
            let lines = parameter("lines")?.map(|lines| read_lines(&lines)).transpose()?;
            return Ok(Self::File { path: decoded(path)?, lines });
        }
        if let Some(name) = address.strip_prefix(SYMBOL) {
            return Ok(Self::Symbol { name: decoded(name)?, path: parameter("path")? });
        }
        Err(format!("{uri:?} is no address of a resource; {FILE_TEMPLATE} and {SYMBOL_TEMPLATE} are"))
    }

    /// The text that it means now.
    pub(crate) fn text(&self, call: &Call<'_>, view: &Snapshot) -> Result<Passage, String> {
        let (path, span) = match self {
            Self::File { path, .. } => (paths::indexed(view, call.root(), path)?, None),
            Self::Symbol { name, path } => {
                let path = path.as_ref().map(|path| paths::indexed(view, call.root(), path)).transpose()?;
                place_of(call, view, name, path.as_deref())?
            }
        };
        let current = paths::text(view, call.root(), &path)?;
        let index = LineIndex::new(&current.text);
        let count = index.count();
        let (first, last) = match (self, span.filter(|_| current.as_indexed)) {
            (Self::File { lines: Some((first, last)), .. }, _) => (first - 1, (last - 1).min(count - 1)),
            (Self::Symbol { .. }, Some(span)) => index.lines_of(span),
            _ => (0, count - 1),
        };
        if first > last {
            return Err(format!("{path} has {count} lines, there is no line {}", first + 1));
        }
        let start = index.span(first).map_or(0, |span| span.start);
        let end = index.span(last).map_or(start, |span| span.end);
        let text = Span::new(start as usize, end as usize).slice(&current.text).to_owned();
        Ok(Passage { path, text, lines: (first + 1, last + 1) })
    }

    /// What differs when the text that it means differs; `None` when there is none.
    pub(crate) fn fingerprint(&self, call: &Call<'_>, view: &Snapshot) -> Option<String> {
        if let Self::File { path, lines: None } = self {
            let path = paths::indexed(view, call.root(), path).ok()?;
            return view.index().file(&path).map(|file| format!("{:?}", file.blob()));
        }
        self.text(call, view).ok().map(|text| blake3::hash(text.text.as_bytes()).to_hex().to_string())
    }
}

/// `3-9` or `3`.
fn read_lines(text: &str) -> Result<(u32, u32), String> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (first.parse::<u32>(), last.parse::<u32>()) {
        (Ok(first), Ok(last)) if 0 < first && first <= last => Ok((first, last)),
        _ => Err(format!("{text:?} are no lines; they are written 3-9 or 3 and counted from 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        let file = |path: &str, lines| Ok(Place::File { path: path.to_owned(), lines });
        for (uri, expected) in [
            ("conexus://file/src/a.rs", file("src/a.rs", None)),
            ("conexus://file/src/a%20b.rs?lines=3-9", file("src/a b.rs", Some((3, 9)))),
            ("conexus://file/a.rs?x=1&lines=4", file("a.rs", Some((4, 4)))),
            ("conexus://file//abs/a.md", file("/abs/a.md", None)),
            (
                "conexus://symbol/Queue%3A%3Anext?path=src%2Fa.rs",
                Ok(Place::Symbol { name: "Queue::next".to_owned(), path: Some("src/a.rs".to_owned()) }),
            ),
        ] {
            assert_eq!(Place::parse(uri), expected, "{uri}");
        }
        for wrong in
            ["", "file:///etc/passwd", "conexus://other/a", "conexus://file/a?lines=0", "conexus://file/a?lines=9-3"]
        {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
        for path in ["src/a b?#%.rs", "größe/ü.rs", "/abs/a.md"] {
            assert_eq!(Place::parse(&uri_of(path)), file(path, None), "{path}");
        }
    }
}
