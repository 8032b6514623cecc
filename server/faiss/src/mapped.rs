//! Read-only memory maps of index files, with typed views that check bounds and alignment.

use std::{fs::File, ops::Range, path::Path};

use crate::{Error, Result};

/// A file in memory, read as it is needed. It stays valid after the file is renamed or unlinked.
#[derive(Debug)]
pub struct Mapped {
    map: memmap2::Mmap,
}

/// Maps a file for reading.
///
/// **What the caller promises**: the file is one of ours, written by [`crate::write_atomically`] (complete before it
/// has its name) and never modified or truncated in place, only replaced. Our index folder belongs to one process
/// (a lock file), so nobody else has a reason to write there. If some program does so all the same, views may change
/// under the reader or the process may get a bus error; no checksum can prevent that. Never map a user's source file.
pub fn map_file(path: &Path) -> Result<Mapped> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    // SAFETY: the file is private to us, complete before it is named and never modified in place, as documented
    // above; so the mapped bytes do not change while they are borrowed.
    let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|error| Error::io(path, error))?;
    Ok(Mapped { map })
}

impl Mapped {
    /// The whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Takes the pages of the file out of this process's memory; they are read again when they are needed.
    pub fn release_pages(&self) {
        #[cfg(unix)]
        // SAFETY: the map is shared and of a file, and nobody writes through it: dropped pages come back with the same
        // bytes. A system that refuses is ignored.
        let _ = unsafe { self.map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// True for an empty file.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The bytes `range` as an array of `u8`, `i8`, `u16`, `u32`, `i32`, `u64` or `f32`, little endian and without
    /// copying. The range must lie in the file, start on the type's alignment and hold whole elements.
    pub fn view<T: bytemuck::AnyBitPattern>(&self, range: Range<usize>) -> Result<&[T]> {
        let error = Error::View { start: range.start, end: range.end, len: self.len() };
        let Some(bytes) = self.map.get(range) else { return Err(error) };
        if bytes.is_empty() {
            return Ok(&[]); // an empty range may stand anywhere
        }
        bytemuck::try_cast_slice(bytes).map_err(|_| error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_check_bounds_and_alignment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("numbers");
        std::fs::write(&path, [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 9]).unwrap();
        let map = map_file(&path).unwrap();
        assert_eq!(map.len(), 9);
        assert_eq!(map.view::<u32>(0..8).unwrap(), [1, u32::MAX]);
        assert_eq!(map.view::<i8>(4..9).unwrap(), [-1, -1, -1, -1, 9]);
        assert_eq!(map.view::<u64>(0..8).unwrap(), [0xffff_ffff_0000_0001]);
        assert!(map.view::<f32>(3..3).unwrap().is_empty());
        assert!(matches!(map.view::<u32>(1..5), Err(Error::View { .. })));
        assert!(matches!(map.view::<u32>(0..7), Err(Error::View { .. })));
        assert!(matches!(map.view::<u8>(0..10), Err(Error::View { .. })));
        #[allow(clippy::reversed_empty_ranges)]
        let backwards = map.view::<u8>(3..2);
        assert!(matches!(backwards, Err(Error::View { .. })));
    }

    #[test]
    fn an_empty_file_is_mapped_and_a_missing_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty");
        std::fs::write(&path, []).unwrap();
        assert!(map_file(&path).unwrap().is_empty());
        let error = map_file(&folder.path().join("missing")).unwrap_err();
        assert!(error.to_string().contains("missing"));
    }
}
