//! What an index says of its files, read without what searches need, which is most of what opening costs.

use std::path::Path;

use conexus_core::Generation;

use super::lock::Lock;
use super::open::{LEXICAL, is_sparse};
use super::{NO_MODEL, Store, Voice, place};
use crate::catalog::Catalog;
use crate::lexical::{Disk, Stamp};
use crate::vectors::VectorWriter;
use crate::{FileStat, Result, SlotSet, StoreSettings};

/// A live file, as the catalog says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// Workspace-relative path.
    pub path: Box<str>,
    /// Size and time when it was indexed.
    pub stat: FileStat,
}

/// The files of an index for which opening has nothing to do: nothing is to be caught up, written, built or pruned. No
/// other process owns or opens the index for writing while it is held.
#[derive(Debug)]
pub struct Listing {
    /// Live files ordered by path.
    pub files: Vec<ListedFile>,
    /// Live chunks.
    pub chunks: u64,
    /// The state of the catalog.
    pub generation: Generation,
    lock: Lock,
}

impl Listing {
    /// How readers are told what the owner does.
    pub fn voice(&self) -> &Voice {
        self.lock.voice()
    }
}

/// A row of the catalog.
pub(crate) struct ListedRow {
    pub(crate) file: ListedFile,
    pub(crate) first_slot: u32,
    pub(crate) slots: u32,
    pub(crate) generation: u64,
}

impl Store {
    /// Lists the files of the index in a folder. `None` when there is none, when another process owns it, when anything in
    /// it is damaged as far as is looked, and when opening it for writing would change anything: then open it. What the
    /// files hold is not read, so an analysis that is damaged is found by [`Self::open`] alone.
    pub fn list(folder: &Path, settings: &StoreSettings) -> Option<Listing> {
        list(folder, settings).unwrap_or_else(|error| {
            tracing::debug!(%error, "the index has to be opened");
            None
        })
    }
}

fn list(folder: &Path, settings: &StoreSettings) -> Result<Option<Listing>> {
    if !Store::exists(folder) || !place::is_claimed(folder, settings.workspace.as_deref())? {
        return Ok(None);
    }
    let lock = Lock::take(folder)?;
    let Some(catalog) = Catalog::open_at_rest(folder, settings)? else { return Ok(None) };
    let state = catalog.state()?;
    let mut rows = catalog.list_files()?;
    rows.sort_unstable_by(|left, right| left.file.path.cmp(&right.file.path));
    let mut alive = SlotSet::new();
    for row in &rows {
        alive.insert_range(row.first_slot, row.slots);
    }
    if is_sparse(alive.len(), state.next_slot, settings) || !catalog.retired()?.is_empty() {
        return Ok(None);
    }

    let disk = Disk::open(&folder.join(LEXICAL))?;
    let stamp = Stamp { epoch: state.epoch, generation: state.generation };
    let shown = disk.stamp()?.filter(|shown| shown.epoch == stamp.epoch && shown.generation <= stamp.generation);
    let Some(shown) = shown else { return Ok(None) };
    if rows.iter().any(|row| row.generation > shown.generation && row.slots > 0) {
        return Ok(None);
    }
    // Damaged segments are an error.
    drop(disk.segments()?);

    if let Some(model) = &settings.model {
        let number = catalog.model(model)?;
        let (mut vectors, shown) = VectorWriter::open(folder, stamp, Some(model), settings.graph_from);
        if let Some(number) = number {
            if shown.is_none() {
                return Ok(None);
            }
            vectors.extend(catalog.blocks_after(number, model.dimension, shown)?, &alive)?;
        }
        // Chunks without a word have no vector at all.
        let is_whole = vectors.view().live(&alive) == alive.len()
            || catalog.missing_vectors(number.unwrap_or(NO_MODEL), 1)?.is_empty();
        if !is_whole || !vectors.is_at_rest() {
            return Ok(None);
        }
    }
    let files = rows.into_iter().map(|row| row.file).collect();
    Ok(Some(Listing { files, chunks: alive.len(), generation: Generation(state.generation), lock }))
}
