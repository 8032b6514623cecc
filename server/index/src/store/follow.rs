//! Readers: they follow the owner's commits.

use std::sync::Arc;

use super::{Access, OpenReport, Store, lock::identity_of};
use crate::catalog::FileRow;
use crate::vectors::Block;
use crate::{FileEntry, IndexSnapshot, Result, TextSource};

/// Missing files that are looked for at once.
const LOOKED_FOR: usize = 100;

impl Store {
    /// Follows the owner (read access): the new state when there is one. It costs one small read when there is none.
    /// Files whose text is not to be had are missing, and looked for each time.
    pub fn refresh(&mut self, texts: &dyn TextSource) -> Result<Option<Arc<IndexSnapshot>>> {
        if self.access == Access::Write {
            return self.poll();
        }
        let now = identity_of(self.catalog.path());
        if now.is_some() && now != self.identity {
            // The owner has emptied the index, or it was deleted under it.
            self.reopen(self.settings.clone(), texts)?;
            return Ok(Some(self.snapshot()));
        }
        let state = self.catalog.state()?;
        if state == self.current.state {
            return self.look_for_missing(texts);
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
        self.missing.retain(|row| live.contains(&(Arc::clone(&row.path), row.first_slot)));
        self.current.state = state;
        self.model = model;
        self.take_in(changed, texts)?;
        self.add_vectors(blocks)?;
        Ok(Some(self.publish(None)))
    }

    /// As a reader: whether files are missing, since their text is not that of the owner's last commit.
    pub fn lacks_files(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Adds files, as far as their texts are to be had; how many.
    fn take_in(&mut self, files: Vec<FileRow>, texts: &dyn TextSource) -> Result<usize> {
        let alive = Arc::make_mut(&mut self.current.alive);
        for row in &files {
            self.current.files.insert(&Arc::new(FileEntry::from(row)));
            alive.insert_range(row.first_slot, row.heads.chunk_count());
        }
        let pending: Vec<FileRow> = files.into_iter().filter(|row| row.heads.chunk_count() > 0).collect();
        let mut report = OpenReport::default();
        self.catch_up(&pending, texts, &mut report)?;
        Ok(report.caught_up)
    }

    /// The new state when texts of missing files have come back.
    fn look_for_missing(&mut self, texts: &dyn TextSource) -> Result<Option<Arc<IndexSnapshot>>> {
        let rows: Vec<FileRow> = self.missing.drain(..self.missing.len().min(LOOKED_FOR)).collect();
        let Some(first) = rows.iter().map(|row| row.generation).min() else { return Ok(None) };
        if self.take_in(rows, texts)? == 0 {
            return Ok(None);
        }
        if let (Some(model), Some(stamp)) = (self.model, &self.settings.model) {
            let blocks = self.catalog.blocks_after(model, stamp.dimension, Some(first.saturating_sub(1)))?;
            self.add_vectors(blocks)?;
        }
        Ok(Some(self.publish(None)))
    }

    /// Adds rows of files that have none: those of a content come again with each file that holds it.
    fn add_vectors(&mut self, mut blocks: Vec<Block>) -> Result<()> {
        let known = self.vectors.view();
        blocks.retain(|block| !known.has(block.first_slot()));
        let alive = Arc::clone(&self.current.alive);
        self.vectors.extend(blocks, &alive)
    }
}
