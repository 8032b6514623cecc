//! What the editor holds and the disk does not.

use std::{ops::Range, sync::Arc};

use conexus_engine::{Snapshot, content};
use similar::{DiffTag, TextDiff};

use crate::{paths, tools::Call};

/// Largest saved file that is compared with its buffer, in bytes.
const SAVED_BYTES: u64 = 16 << 20;

/// A document whose text is not the one on disk.
pub(crate) struct Unsaved {
    pub(crate) path: String,
    pub(crate) saved: String,
    pub(crate) now: Arc<str>,
}

/// Every document with unsaved edits.
pub(crate) fn unsaved(call: &Call<'_>, view: &Snapshot) -> Vec<Unsaved> {
    let read = |path: &str| {
        let now = paths::text(view, call.root(), path).ok()?.text;
        let file = call.root().join(path);
        // Through a link the file is another one; a buffer without a file is all new.
        let is_own = file.canonicalize().is_ok_and(|real| real == file);
        let saved = if is_own { content::read(&file, SAVED_BYTES).map(|saved| saved.text).ok() } else { None };
        let saved = saved.unwrap_or_default();
        (saved != *now).then(|| Unsaved { path: path.to_owned(), saved, now })
    };
    view.buffers().filter_map(|buffer| read(&buffer.path)).collect()
}

impl Unsaved {
    /// Lines of the document that are not on disk, counted from 0.
    pub(crate) fn changed_lines(&self) -> Vec<Range<u32>> {
        let difference = TextDiff::from_lines(&*self.saved, &*self.now);
        let changed = difference.ops().iter().filter(|change| change.tag() != DiffTag::Equal);
        changed.map(|change| change.new_range().start as u32..change.new_range().end as u32).collect()
    }
}
