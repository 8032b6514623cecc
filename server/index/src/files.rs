//! The live files of a snapshot: found by path and by slot, cheap to copy for the next snapshot.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::FileEntry;

/// Entries per page; a change copies the pages it touches.
const PAGE: usize = 128;

/// Sorted pages of entries that snapshots share.
#[derive(Clone, Debug, Default)]
struct Pages(Vec<Arc<Vec<Arc<FileEntry>>>>);

impl Pages {
    /// The page that holds what compares equal, or where it belongs.
    fn page(&self, compare: &impl Fn(&FileEntry) -> Ordering) -> usize {
        let after = self.0.partition_point(|page| page.first().is_some_and(|entry| compare(entry).is_le()));
        after.saturating_sub(1)
    }

    /// `compare` tells how an entry stands to what is looked for.
    fn find(&self, compare: impl Fn(&FileEntry) -> Ordering) -> Option<&Arc<FileEntry>> {
        let page = self.0.get(self.page(&compare))?;
        page.binary_search_by(|entry| compare(entry)).ok().and_then(|at| page.get(at))
    }

    /// Puts an entry in place of its equal, or between its neighbours.
    fn insert(&mut self, entry: Arc<FileEntry>, compare: impl Fn(&FileEntry) -> Ordering) {
        let at = self.page(&compare);
        let Some(page) = self.0.get_mut(at) else {
            self.0.push(Arc::new(vec![entry]));
            return;
        };
        let page = Arc::make_mut(page);
        match page.binary_search_by(|entry| compare(entry)) {
            Ok(place) => page[place] = entry,
            Err(place) => page.insert(place, entry),
        }
        if page.len() > PAGE {
            // A page that grows at its end stays nearly full: slots and sorted loads only append.
            let appended = at + 1 == self.0.len();
            let page = Arc::make_mut(&mut self.0[at]);
            let rest = page.split_off(if appended { PAGE } else { PAGE / 2 });
            self.0.insert(at + 1, Arc::new(rest));
        }
    }

    fn remove(&mut self, compare: impl Fn(&FileEntry) -> Ordering) {
        let at = self.page(&compare);
        let Some(page) = self.0.get_mut(at) else { return };
        if let Ok(place) = page.binary_search_by(|entry| compare(entry)) {
            Arc::make_mut(page).remove(place);
            if self.0[at].is_empty() {
                self.0.remove(at);
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Arc<FileEntry>> {
        self.0.iter().flat_map(|page| page.iter())
    }

    fn from(&self, compare: impl Fn(&FileEntry) -> Ordering) -> impl Iterator<Item = &Arc<FileEntry>> {
        let pages = self.0.get(self.page(&compare)..).unwrap_or(&[]);
        pages.iter().flat_map(|page| page.iter()).skip_while(move |entry| compare(entry).is_lt())
    }
}

/// All live files.
#[derive(Clone, Debug, Default)]
pub(crate) struct Files {
    by_path: Pages,
    /// Without files that have no chunk.
    by_slot: Pages,
    count: usize,
}

impl Files {
    /// Files in any order.
    pub(crate) fn new(mut entries: Vec<Arc<FileEntry>>) -> Self {
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        let pages =
            |entries: &[Arc<FileEntry>]| Pages(entries.chunks(PAGE).map(|page| Arc::new(page.to_vec())).collect());
        let by_path = pages(&entries);
        let count = entries.len();
        entries.retain(|entry| entry.chunk_count() > 0);
        entries.sort_unstable_by_key(|entry| entry.first_slot);
        Self { by_path, by_slot: pages(&entries), count }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Arc<FileEntry>> {
        self.by_path.find(|entry| (*entry.path).cmp(path))
    }

    pub(crate) fn at(&self, slot: u32) -> Option<&Arc<FileEntry>> {
        self.by_slot.find(|entry| {
            if slot < entry.first_slot {
                Ordering::Greater
            } else if slot - entry.first_slot < entry.chunk_count() {
                Ordering::Equal
            } else {
                Ordering::Less
            }
        })
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<FileEntry>> {
        self.by_path.iter()
    }

    pub(crate) fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a Arc<FileEntry>> {
        self.by_path
            .from(move |entry| (*entry.path).cmp(prefix))
            .take_while(move |entry| entry.path.starts_with(prefix))
    }

    /// Puts a file in place of the one at its path, which it returns.
    pub(crate) fn insert(&mut self, entry: &Arc<FileEntry>) -> Option<Arc<FileEntry>> {
        let old = self.remove(&entry.path);
        self.count += 1;
        if entry.chunk_count() > 0 {
            self.by_slot.insert(Arc::clone(entry), |other| other.first_slot.cmp(&entry.first_slot));
        }
        self.by_path.insert(Arc::clone(entry), |other| other.path.cmp(&entry.path));
        old
    }

    pub(crate) fn remove(&mut self, path: &str) -> Option<Arc<FileEntry>> {
        let old = self.get(path).cloned()?;
        self.by_path.remove(|entry| (*entry.path).cmp(path));
        if old.chunk_count() > 0 {
            self.by_slot.remove(|entry| entry.first_slot.cmp(&old.first_slot));
        }
        self.count -= 1;
        Some(old)
    }
}
