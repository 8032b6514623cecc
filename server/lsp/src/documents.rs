//! Open documents as the client has them.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use conexus_engine::live::Buffer;
use lsp_types::{TextDocumentContentChangeEvent, TextDocumentItem, Uri};
use ropey::Rope;

use crate::{
    positions::{Encoding, char_at},
    workspaces::Root,
};

/// Where a document belongs.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) root: Arc<Root>,
    /// Workspace-relative path with `/`, or the URI of a buffer without a file.
    pub(crate) path: String,
}

impl Place {
    /// Tells the index that a document's text stands for the file here.
    pub(crate) fn set_buffer(&self, document: &Document) {
        if let Ok(live) = self.root.live() {
            // The text shares its pieces: a copy costs nothing.
            let Document { text, version, language, .. } = document.clone();
            live.set_buffer(&self.path, Buffer { text, version, language: Some(language.to_string()) });
        }
    }
}

/// An open document.
#[derive(Clone)]
pub(crate) struct Document {
    pub(crate) text: Rope,
    pub(crate) version: i32,
    /// The client's name of its language.
    pub(crate) language: Arc<str>,
    /// `None` when it lies in no workspace: it is kept, and not searched.
    pub(crate) place: Option<Place>,
    /// When it was opened or changed, counted over all documents: the larger, the more recent.
    pub(crate) touched: u64,
    /// While a version is missing.
    gap: Option<Gap>,
}

/// What came since a version was skipped. Some editors send changes in another order than they made them (Helix 25.01): the
/// one that is missing comes a moment later, and then all of them are made again in the order of their versions.
#[derive(Clone)]
struct Gap {
    /// The last version before the first one that is missing, and its text.
    version: i32,
    text: Rope,
    changes: BTreeMap<i32, Vec<TextDocumentContentChangeEvent>>,
}

/// Changes after a gap that are remembered. An editor that counts faster than by one never fills its gaps.
const MOST_AFTER_GAP: usize = 64;

impl Document {
    /// Applies a change, and those after it again when it comes late.
    fn change(&mut self, version: i32, changes: Vec<TextDocumentContentChangeEvent>, encoding: Encoding) {
        let text = &self.text;
        let skips = version > self.version.wrapping_add(1);
        let gap = if skips && self.gap.is_none() {
            Some(self.gap.insert(Gap { version: self.version, text: text.clone(), changes: BTreeMap::new() }))
        } else {
            self.gap.as_mut().filter(|gap| version > gap.version && !gap.changes.contains_key(&version))
        };
        let Some(gap) = gap else {
            // The next one, or one that is known already: whatever the client means by that, it is its last word.
            self.gap = None;
            for change in changes {
                apply(&mut self.text, change, encoding);
            }
            self.version = version;
            return;
        };
        gap.changes.insert(version, changes);
        let is_late = version < self.version;
        if is_late {
            self.text = gap.text.clone();
        }
        let again = if is_late { gap.version.saturating_add(1) } else { version };
        for change in gap.changes.range(again..).flat_map(|(_, changes)| changes) {
            apply(&mut self.text, change.clone(), encoding);
        }
        self.version = self.version.max(version);
        let is_filled = usize::try_from(self.version.abs_diff(gap.version)) == Ok(gap.changes.len());
        if is_filled || gap.changes.len() > MOST_AFTER_GAP {
            self.gap = None;
        }
    }
}

/// What did not go as the protocol promises, counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Changes whose version did not follow the last one by 1. Some editors count faster, so it need not be a fault.
    pub(crate) version_gaps: AtomicU64,
    /// Saved texts that were not the text as it was known here; the saved one was taken.
    pub(crate) save_mismatches: AtomicU64,
    /// Changes of documents that were not open.
    pub(crate) unknown_documents: AtomicU64,
}

impl Counters {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// All open documents.
#[derive(Default)]
pub(crate) struct Documents {
    open: HashMap<Uri, Document>,
    touches: u64,
}

impl Documents {
    pub(crate) fn get(&self, uri: &Uri) -> Option<&Document> {
        self.open.get(uri)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Uri, &Document)> {
        self.open.iter()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&Uri, &mut Document)> {
        self.open.iter_mut()
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Opens a document; one that is open already is replaced.
    pub(crate) fn open(&mut self, document: TextDocumentItem, place: Option<Place>) -> &Document {
        let document_now = Document {
            text: Rope::from_str(&document.text),
            version: document.version,
            language: String::from(document.language_id).into(),
            place,
            touched: self.touch(),
            gap: None,
        };
        self.open.entry(document.uri).insert_entry(document_now).into_mut()
    }

    /// Applies changes in their order; a change whose version was skipped is put in its place when it comes. `None` when the
    /// document is not open.
    pub(crate) fn change(
        &mut self,
        uri: &Uri,
        version: i32,
        changes: Vec<TextDocumentContentChangeEvent>,
        encoding: Encoding,
        counters: &Counters,
    ) -> Option<&Document> {
        let touched = self.touch();
        let document = self.open.get_mut(uri)?;
        if version != document.version.wrapping_add(1) {
            Counters::count(&counters.version_gaps);
        }
        document.change(version, changes, encoding);
        document.touched = touched;
        Some(document)
    }

    /// Takes a text for a document's, when it is still at a version. `None` when nothing had to be done.
    pub(crate) fn heal(&mut self, uri: &Uri, version: i32, text: &str, counters: &Counters) -> Option<&Document> {
        let document =
            self.open.get_mut(uri).filter(|document| document.version == version && document.text != text)?;
        Counters::count(&counters.save_mismatches);
        document.text = Rope::from_str(text);
        document.gap = None;
        Some(document)
    }

    pub(crate) fn close(&mut self, uri: &Uri) -> Option<Document> {
        self.open.remove(uri)
    }

    fn touch(&mut self) -> u64 {
        self.touches += 1;
        self.touches
    }
}

fn apply(text: &mut Rope, change: TextDocumentContentChangeEvent, encoding: Encoding) {
    match change {
        TextDocumentContentChangeEvent::TextDocumentContentChangePartial(change) => {
            let start = char_at(text, change.range.start, encoding);
            // A range that ends before it begins is taken as empty at its start.
            let end = char_at(text, change.range.end, encoding).max(start);
            text.remove(start..end);
            text.insert(start, &change.text);
        }
        TextDocumentContentChangeEvent::TextDocumentContentChangeWholeDocument(change) => {
            *text = Rope::from_str(&change.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(text: &str) -> TextDocumentItem {
        TextDocumentItem { uri: uri(), language_id: "rust".to_owned().into(), version: 1, text: text.to_owned() }
    }

    fn uri() -> Uri {
        Uri::parse("file:///a.rs").expect("a URI")
    }

    fn change(range: [u32; 4], text: &str) -> TextDocumentContentChangeEvent {
        let [from_line, from, to_line, to] = range;
        let value = json!({ "range": { "start": { "line": from_line, "character": from }, "end": { "line": to_line, "character": to } }, "text": text });
        serde_json::from_value(value).expect("a change")
    }

    fn changed(before: &str, encoding: Encoding, changes: Vec<TextDocumentContentChangeEvent>) -> String {
        let mut documents = Documents::default();
        documents.open(document(before), None);
        let counters = Counters::default();
        documents.change(&uri(), 2, changes, encoding, &counters).expect("it is open").text.to_string()
    }

    #[test]
    fn changes_are_applied_in_every_encoding_and_to_every_line_end() {
        for (before, encoding, range, text, after) in [
            ("abc", Encoding::Utf16, [0, 1, 0, 2], "X", "aXc"),
            ("a😀c", Encoding::Utf16, [0, 3, 0, 4], "X", "a😀X"),
            ("a😀c", Encoding::Utf8, [0, 5, 0, 6], "X", "a😀X"),
            ("a😀c", Encoding::Utf32, [0, 2, 0, 3], "X", "a😀X"),
            // The middle of a surrogate pair, and of a character's bytes.
            ("a😀c", Encoding::Utf16, [0, 2, 0, 2], "X", "aX😀c"),
            ("aüc", Encoding::Utf8, [0, 2, 0, 3], "X", "aXc"),
            // Line breaks of three kinds.
            ("a\r\nb\rc\nd", Encoding::Utf16, [1, 0, 2, 0], "X\r\n", "a\r\nX\r\nc\nd"),
            ("a\r\nb", Encoding::Utf16, [0, 1, 1, 0], "", "ab"),
            ("a\r\nb", Encoding::Utf16, [0, 9, 0, 9], "X", "aX\r\nb"),
            // Outside the text, and ends before beginnings.
            ("abc", Encoding::Utf16, [7, 7, 9, 9], "X", "abcX"),
            ("abc", Encoding::Utf16, [0, 2, 0, 1], "X", "abXc"),
            ("", Encoding::Utf16, [0, 0, 0, 0], "X", "X"),
            ("\u{feff}a", Encoding::Utf16, [0, 1, 0, 2], "X", "\u{feff}X"),
        ] {
            assert_eq!(
                changed(before, encoding, vec![change(range, text)]),
                after,
                "{before:?} {encoding:?} {range:?}"
            );
        }
    }

    #[test]
    fn each_change_sees_the_one_before_it() {
        let whole = serde_json::from_value(json!({ "text": "new\n" })).expect("a change");
        assert_eq!(changed("old", Encoding::Utf16, vec![whole, change([0, 3, 0, 3], "er")]), "newer\n");
    }

    /// Whatever comes late is put where it belongs; what was never sent is not waited for.
    #[test]
    fn changes_out_of_order_end_in_the_right_text() {
        // Each types a letter behind the one before it, so that every order but the right one gives another text.
        let letter = |version: i32| {
            change([0, version as u32 - 2, 0, version as u32 - 2], &char::from(b'a' + version as u8 - 2).to_string())
        };
        for (order, after) in [
            (&[2, 3, 4, 5, 6][..], "abcde"),
            (&[3, 2, 5, 4, 6], "abcde"),
            (&[6, 5, 4, 3, 2], "abcde"),
            (&[2, 4, 5, 3, 6], "abcde"),
            (&[2, 5, 3, 4, 6], "abcde"),
            // 3 never comes: what is typed at a place behind the end stands at the end.
            (&[2, 4, 5, 6], "acde"),
            (&[4, 6, 5], "cde"),
        ] {
            let counters = Counters::default();
            let mut documents = Documents::default();
            documents.open(document(""), None);
            for &version in order {
                documents.change(&uri(), version, vec![letter(version)], Encoding::Utf16, &counters);
            }
            let document = documents.get(&uri()).expect("it is open");
            assert_eq!((document.text.to_string().as_str(), document.version), (after, 6), "{order:?}");
            assert_eq!(document.gap.is_none(), after == "abcde", "{order:?}");
        }
    }

    /// An editor that counts by two, and one that begins to count anew.
    #[test]
    fn other_ways_of_counting_lose_nothing() {
        let counters = Counters::default();
        let mut documents = Documents::default();
        documents.open(document(""), None);
        let mut change_to = |version: i32| {
            let changes = vec![change([0, 0, 0, 0], "x")];
            documents.change(&uri(), version, changes, Encoding::Utf16, &counters).expect("it is open").text.len_chars()
        };
        assert_eq!((1..=200).map(|turn| change_to(turn * 2 + 1)).collect::<Vec<_>>(), (1..=200).collect::<Vec<_>>());
        assert_eq!((1..=20).map(&mut change_to).collect::<Vec<_>>(), (201..=220).collect::<Vec<_>>());
    }

    #[test]
    fn gaps_and_mismatches_are_counted_and_healed() {
        let counters = Counters::default();
        let mut documents = Documents::default();
        documents.open(document("a"), None);
        documents.change(&uri(), 2, vec![], Encoding::Utf16, &counters);
        assert_eq!(counters.version_gaps.load(Ordering::Relaxed), 0);
        documents.change(&uri(), 5, vec![], Encoding::Utf16, &counters);
        assert_eq!(counters.version_gaps.load(Ordering::Relaxed), 1);
        assert!(documents.heal(&uri(), 5, "a", &counters).is_none(), "nothing to heal");
        assert!(documents.heal(&uri(), 4, "b", &counters).is_none(), "another version");
        assert_eq!(documents.heal(&uri(), 5, "b", &counters).expect("healed").text, "b");
        assert_eq!(counters.save_mismatches.load(Ordering::Relaxed), 1);
    }
}
