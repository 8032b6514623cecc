//! Readers: they follow the owner's commits.

use std::sync::Arc;

use super::{Access, OpenReport, Store};
use crate::catalog::FileRow;
use crate::{FileEntry, IndexSnapshot, Result, TextSource};

impl Store {
    /// Follows the owner (read access): the new state when there is one. It costs one small read when there is none.
    /// Paths that could not be followed, because their text is not to be had, are missing until the next change.
    pub fn refresh(&mut self, texts: &dyn TextSource) -> Result<Option<Arc<IndexSnapshot>>> {
        if self.access == Access::Write {
            return self.poll();
        }
        let state = self.catalog.state()?;
        if state == self.current.state {
            return Ok(None);
        }
        let grown = self.lexical.delta_chunks() > 2 * self.settings.delta_chunks as usize;
        if state.epoch != self.current.state.epoch || grown {
            // Slots were given out anew, or the owner has written much of what is held here in memory.
            self.reopen(self.settings.clone(), texts)?;
            return Ok(Some(self.snapshot()));
        }
        let before = self.current.state.generation;
        let (state, changed, live, model, blocks) = self.catalog.reading(|catalog| {
            let model = self.settings.model.as_ref().map_or(Ok(None), |model| catalog.model(model))?;
            let blocks = match (model, &self.settings.model) {
                (Some(number), Some(stamp)) => catalog.blocks_after(number, stamp.dimension, Some(before))?,
                _ => Vec::new(),
            };
            Ok((catalog.state()?, catalog.files_after(before)?, catalog.paths()?, model, blocks))
        })?;
        for path in super::open::gone(&self.current.files, &live) {
            if let Some(old) = self.current.files.remove(&path) {
                Arc::make_mut(&mut self.current.alive).remove_range(old.first_slot, old.chunk_count());
            }
        }
        let alive = Arc::make_mut(&mut self.current.alive);
        for row in &changed {
            self.current.files.insert(&Arc::new(FileEntry::from(row)));
            alive.insert_range(row.first_slot, row.heads.chunk_count());
        }
        self.current.state = state;
        self.model = model;
        let pending: Vec<FileRow> = changed.into_iter().filter(|row| row.heads.chunk_count() > 0).collect();
        self.catch_up(&pending, texts, &mut OpenReport::default())?;
        let alive = Arc::clone(&self.current.alive);
        self.vectors.extend(blocks, &alive)?;
        Ok(Some(self.publish(None)))
    }
}
