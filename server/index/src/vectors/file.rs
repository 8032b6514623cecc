//! The file of vectors: a cache of the catalog's vectors by slot, mapped when it is read.
//!
//! Layout, little-endian: magic, epoch, generation (`u64` each), dimension, slots, bytes of the model's id, 0 (`u32`
//! each); the model's id, padded with zeros to 8 bytes; the bitmap of slots that have a vector; 32 bytes of BLAKE3 over
//! all before; padding to 64 bytes; the rows; padding to 4 bytes; the scales. The name holds the generation; an older
//! file is deleted once a newer one is there.

use conexus_faiss::{Vectors, map_file, write_atomically};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Base, Tail};
use crate::lexical::Stamp;
use crate::{Error, ModelStamp, Result, SlotSet};

const MAGIC: u64 = u64::from_le_bytes(*b"CNXVEC01");
const HEADER: usize = 40;
const VECTORS: &str = "vectors-";
const GRAPH: &str = "graph-";
const SUFFIX: &str = ".bin";

/// Makes the folder of a cache in that of an index. One that is deleted meanwhile is not made again: what stood in it alone
/// would be no index.
fn make_folder(folder: &Path) -> Result<()> {
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(Error::io(folder, error)),
        _ => Ok(()),
    }
}

/// Whether a file is one of vectors by its name and its first bytes.
pub(crate) fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut magic = [0; 8];
    generation_of(name, VECTORS).is_some()
        && File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok()
        && u64::from_le_bytes(magic) == MAGIC
}

/// The name of the file of a generation.
pub(super) fn path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("{VECTORS}{generation}{SUFFIX}"))
}

/// The name of the file of a graph that was built over the vectors of a generation.
pub(super) fn graph_path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("{GRAPH}{generation}{SUFFIX}"))
}

/// Generations of the files of a kind in a folder, newest first.
fn generations(folder: &Path, prefix: &str) -> Vec<u64> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<u64> = entries.filter_map(|entry| generation_of(entry.file_name().to_str()?, prefix)).collect();
    found.sort_unstable_by(|a, b| b.cmp(a));
    found
}

fn generation_of(name: &str, prefix: &str) -> Option<u64> {
    name.strip_prefix(prefix)?.strip_suffix(SUFFIX)?.parse().ok()
}

/// Writes all rows and reads them back mapped.
pub(super) fn write(
    folder: &Path,
    stamp: Stamp,
    model: &ModelStamp,
    slots: u32,
    old: Option<&Base>,
    tail: &Tail,
    alive: &SlotSet,
) -> Result<Base> {
    make_folder(folder)?;
    // Where each slot's row is: a block and a row of it, or the old file. Rows of dead slots stay while they are known:
    // a graph over real vectors is better than one over zeros.
    let mut newer = vec![None; slots as usize];
    for block in &tail.0 {
        for (row, &slot) in block.slots.iter().enumerate() {
            if let Some(place) = newer.get_mut(slot as usize) {
                *place = Some((block, row as u32));
            }
        }
    }
    let locate = |slot: u32| match newer[slot as usize] {
        Some((block, row)) => Some((&block.vectors, row)),
        None => old.filter(|old| (slot as usize) < old.vectors.len()).map(|old| (&*old.vectors, slot)),
    };
    let known = |slot: &u32| newer[*slot as usize].is_some() || old.is_some_and(|old| old.present.contains(*slot));
    let present: SlotSet = alive.iter().take_while(|&slot| slot < slots).filter(known).collect();
    let head = head(stamp, model, slots, &present);
    let path = path(folder, stamp.generation);
    let zeros = vec![0; model.dimension];
    let write = write_atomically(&path, |out| {
        out.write_all(&head)?;
        let mut row_bytes = Vec::with_capacity(model.dimension);
        for slot in 0..slots {
            let row = locate(slot).and_then(|(vectors, row)| vectors.view().row(row)).unwrap_or(&zeros);
            row_bytes.clear();
            row_bytes.extend(row.iter().map(|value| value.cast_unsigned()));
            out.write_all(&row_bytes)?;
        }
        out.write_all(&[0; 3][..padding(slots as usize * model.dimension, 4)])?;
        for slot in 0..slots {
            let scale = locate(slot).and_then(|(vectors, row)| vectors.view().scales().get(row as usize).copied());
            out.write_all(&scale.unwrap_or(1.0).to_le_bytes())?;
        }
        Ok(())
    });
    write.map_err(|error| failed(&path, error))?;
    let base = read(&path, stamp.epoch, model)?.map(|(_, base)| base);
    base.ok_or_else(|| Error::Io { path, source: std::io::Error::other("the file changed while it was written") })
}

/// Deletes all files but these. One that another process has mapped may stay for later.
pub(super) fn delete_others(folder: &Path, kept: &Base) {
    for generation in generations(folder, VECTORS) {
        if generation != kept.generation {
            let _ = std::fs::remove_file(path(folder, generation));
        }
    }
    let Some(graph) = &kept.graph else { return };
    for generation in generations(folder, GRAPH) {
        if generation != graph.generation {
            let _ = std::fs::remove_file(graph_path(folder, generation));
        }
    }
}

/// Deletes all graphs: rows that they link are about to change.
pub(super) fn delete_graphs(folder: &Path) {
    for generation in generations(folder, GRAPH) {
        let _ = std::fs::remove_file(graph_path(folder, generation));
    }
}

/// The newest graph that is not newer than a file of vectors.
pub(super) fn newest_graph(folder: &Path, generation: u64) -> Option<u64> {
    generations(folder, GRAPH).into_iter().find(|&found| found <= generation)
}

/// The newest file that fits the catalog, with the generation that it shows.
pub(super) fn open(folder: &Path, stamp: Stamp, model: &ModelStamp) -> Option<(u64, Base)> {
    for generation in generations(folder, VECTORS) {
        match read(&path(folder, generation), stamp.epoch, model) {
            Ok(Some((found, base))) if found == generation && found <= stamp.generation => return Some((found, base)),
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "vector file passed over"),
        }
    }
    None
}

/// Bytes of all vector and graph files.
pub(super) fn bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
}

fn head(stamp: Stamp, model: &ModelStamp, slots: u32, present: &SlotSet) -> Vec<u8> {
    let mut head = Vec::new();
    for value in [MAGIC, stamp.epoch, stamp.generation] {
        head.extend_from_slice(&value.to_le_bytes());
    }
    for value in [model.dimension as u32, slots, model.id.len() as u32, 0] {
        head.extend_from_slice(&value.to_le_bytes());
    }
    head.extend_from_slice(model.id.as_bytes());
    head.resize(head.len() + padding(head.len(), 8), 0);
    for word in 0..(slots as usize).div_ceil(64) {
        head.extend_from_slice(&present.words().get(word).copied().unwrap_or(0).to_le_bytes());
    }
    let checksum = blake3::hash(&head);
    head.extend_from_slice(checksum.as_bytes());
    head.resize(head.len() + padding(head.len(), 64), 0);
    head
}

/// The rows of a file; `None` when it is for another catalog or model, or damaged.
fn read(path: &Path, epoch: u64, model: &ModelStamp) -> Result<Option<(u64, Base)>> {
    let map = map_file(path).map_err(|error| failed(path, error))?;
    let bytes = map.bytes();
    let long = |at: usize| bytes.get(at..at + 8).and_then(|eight| eight.try_into().ok()).map(u64::from_le_bytes);
    let short = |at: usize| bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_le_bytes);
    let parse = || {
        let (magic, found, generation) = (long(0)?, long(8)?, long(16)?);
        let (dimension, slots, id) = (short(24)? as usize, short(28)? as usize, short(32)? as usize);
        if magic != MAGIC || found != epoch || dimension != model.dimension || dimension == 0 {
            return None;
        }
        if bytes.get(HEADER..HEADER.checked_add(id)?)? != model.id.as_bytes() {
            return None;
        }
        let bitmap = HEADER + id + padding(HEADER + id, 8);
        let checksum = bitmap + slots.div_ceil(64) * 8;
        if bytes.get(checksum..checksum + 32)? != blake3::hash(&bytes[..checksum]).as_bytes() {
            return None;
        }
        let words = bytes[bitmap..checksum].chunks_exact(8).map(|eight| eight.try_into().map_or(0, u64::from_le_bytes));
        let rows = checksum + 32 + padding(checksum + 32, 64);
        let rows = rows..rows.checked_add(slots.checked_mul(dimension)?)?;
        let scales = rows.end + padding(rows.end, 4);
        let scales = scales..scales.checked_add(slots * 4)?;
        (scales.end == bytes.len()).then(|| (generation, SlotSet::from_words(words.collect()), rows, scales))
    };
    let Some((generation, present, rows, scales)) = parse() else { return Ok(None) };
    let Ok(vectors) = Vectors::from_mapped(model.dimension, Arc::new(map), rows, scales) else { return Ok(None) };
    Ok(Some((generation, Base { vectors: Arc::new(vectors), present, generation, graph: None })))
}

fn padding(length: usize, to: usize) -> usize {
    length.next_multiple_of(to) - length
}

pub(super) fn failed(path: &Path, error: conexus_faiss::Error) -> Error {
    match error {
        conexus_faiss::Error::Io { source, .. } => Error::io(path, source),
        other => Error::Io { path: path.to_path_buf(), source: std::io::Error::other(other.to_string()) },
    }
}
