//! The graph's file: a header, one level per vector, all neighbour lists, a checksum. Little endian.
//!
//! | bytes | content |
//! |---|---|
//! | 8 | magic `CNXHNSW` and a zero |
//! | 4 | version, [`VERSION`] |
//! | 5 x 4 | dimension, number of vectors, `m`, `ef_construction`, number of vectors on no level |
//! | 4, 4 | entry point and highest level, signed; -1 in an empty graph |
//! | 8 | number of links |
//! | 32 | identity of the vectors |
//! | count | levels, 0 for a vector that an equal one stands for; then zeros up to a multiple of 4 |
//! | 4 x equal | for each vector on no level, ascending, the one that stands for it |
//! | 4 x links | neighbour ids, signed; -1 for none. Vector after vector, `2 * m` for level 0, then `m` for each level |
//! | 32 | BLAKE3 of everything before |
//!
//! FAISS trusts its arrays: an id out of range is a read out of bounds. The checksum finds accidents; [`File::copy_links`]
//! checks every link as well, because a checksum is no proof of who wrote the file.

use std::io::{self, Write};

use crate::{Error, Result};

/// Another version is rebuilt, never guessed.
const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"CNXHNSW\0";
const HEADER_BYTES: usize = 80;
const HASH_BYTES: usize = 32;

/// Everything but the arrays.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Header {
    pub(crate) dim: u32,
    pub(crate) count: u32,
    pub(crate) m: u32,
    pub(crate) ef_construction: u32,
    pub(crate) equal: u32,
    pub(crate) entry_point: i32,
    pub(crate) max_level: i32,
    pub(crate) links: u64,
    pub(crate) identity: [u8; 32],
}

/// `equal` are pairs of a vector on no level and the one that stands for it, ascending.
pub(crate) fn write(
    out: &mut dyn Write,
    header: &Header,
    levels: &[i32],
    equal: impl Iterator<Item = (u32, u32)>,
    links: &[i32],
) -> io::Result<()> {
    let mut out = Hashing { out, hasher: blake3::Hasher::new() };
    out.write_all(&MAGIC)?;
    for number in [VERSION, header.dim, header.count, header.m, header.ef_construction, header.equal] {
        out.write_all(&number.to_le_bytes())?;
    }
    out.write_all(&header.entry_point.to_le_bytes())?;
    out.write_all(&header.max_level.to_le_bytes())?;
    out.write_all(&header.links.to_le_bytes())?;
    out.write_all(&header.identity)?;
    // FAISS draws level n with probability m^-n and stops at one in 1e9, so a level fits in a byte.
    let mut bytes: Vec<u8> = levels.iter().map(|level| *level as u8).collect();
    bytes.resize(padded(levels.len()), 0);
    out.write_all(&bytes)?;
    let firsts: Vec<u8> = equal.flat_map(|(_, first)| first.to_le_bytes()).collect();
    out.write_all(&firsts)?;
    out.write_all(bytemuck::cast_slice(links))?;
    let hash = out.hasher.finalize();
    out.out.write_all(hash.as_bytes())
}

/// A file whose checksum and sizes are right; its links are not checked yet.
#[derive(Debug)]
pub(crate) struct File<'a> {
    pub(crate) header: Header,
    pub(crate) levels: &'a [u8],
    equal: &'a [u8],
    links: &'a [u8],
}

/// The number of vectors that a file says it links; nothing else of it is checked.
pub(crate) fn count(bytes: &[u8]) -> Result<usize> {
    let mut rest = bytes;
    if take(&mut rest)? != MAGIC || take_u32(&mut rest)? != VERSION {
        return Err(Error::Format("not a graph"));
    }
    take_u32(&mut rest)?; // the dimension
    Ok(take_u32(&mut rest)? as usize)
}

pub(crate) fn read(bytes: &[u8]) -> Result<File<'_>> {
    let mut rest = bytes;
    if take(&mut rest)? != MAGIC {
        return Err(Error::Format("not a graph"));
    }
    if take_u32(&mut rest)? != VERSION {
        return Err(Error::Format("another version"));
    }
    let header = Header {
        dim: take_u32(&mut rest)?,
        count: take_u32(&mut rest)?,
        m: take_u32(&mut rest)?,
        ef_construction: take_u32(&mut rest)?,
        equal: take_u32(&mut rest)?,
        entry_point: take_u32(&mut rest)?.cast_signed(),
        max_level: take_u32(&mut rest)?.cast_signed(),
        links: u64::from_le_bytes(take(&mut rest)?),
        identity: take(&mut rest)?,
    };
    let count = header.count as usize;
    let equal_bytes = header.equal as usize * 4;
    let wanted = usize::try_from(header.links)
        .ok()
        .and_then(|links| links.checked_mul(4)?.checked_add(HEADER_BYTES + padded(count) + equal_bytes + HASH_BYTES));
    if wanted != Some(bytes.len()) {
        return Err(Error::Format("truncated or too long"));
    }
    let (content, hash) = bytes.split_at(bytes.len() - HASH_BYTES);
    if blake3::hash(content).as_bytes() != hash {
        return Err(Error::Format("wrong checksum"));
    }
    let (levels, rest) = content[HEADER_BYTES..].split_at(padded(count));
    let (equal, links) = rest.split_at(equal_bytes);
    let file = File { header, levels: &levels[..count], equal, links };
    file.check_header()?;
    Ok(file)
}

impl File<'_> {
    /// Levels, entry point and sizes agree with one another.
    fn check_header(&self) -> Result<()> {
        let Header { count, m, ef_construction, equal, entry_point, max_level, links, .. } = self.header;
        if !(4..=128).contains(&m) || !(8..=4096).contains(&ef_construction) {
            return Err(Error::Format("settings out of range"));
        }
        if self.unlinked().count() != equal as usize {
            return Err(Error::Format("wrong number of equal vectors"));
        }
        // An empty graph has entry point -1 on level -1, and -1 is what `highest` becomes.
        let highest = self.levels.iter().max().map_or(-1, |level| i32::from(*level) - 1);
        let entry_level = match usize::try_from(entry_point) {
            Ok(entry) => self.levels.get(entry).map(|level| i32::from(*level) - 1),
            Err(_) if count == 0 && entry_point == -1 => Some(-1),
            Err(_) => None,
        };
        if highest != max_level || entry_level != Some(max_level) {
            return Err(Error::Format("wrong entry point"));
        }
        let slots_of = |level: &u8| if *level == 0 { 0 } else { u64::from(m) * (u64::from(*level) + 1) };
        let slots: u64 = self.levels.iter().map(slots_of).sum();
        if slots != links {
            return Err(Error::Format("wrong number of links"));
        }
        Ok(())
    }

    /// Copies the neighbour lists to where FAISS keeps them. Each must lead to a vector that is on the list's level:
    /// FAISS would look for that vector's own list there.
    pub(crate) fn copy_links(&self, target: &mut [i32]) -> Result<()> {
        if target.len() * 4 != self.links.len() {
            return Err(Error::Format("wrong number of links"));
        }
        let m = self.header.m as usize;
        let mut pairs = target.iter_mut().zip(self.links.chunks_exact(4));
        for vector_levels in self.levels {
            for level in 0..*vector_levels {
                for (target, bytes) in pairs.by_ref().take(if level == 0 { 2 * m } else { m }) {
                    let id = i32::from_le_bytes(bytes.try_into().expect("chunks of four"));
                    let leads_there = usize::try_from(id).ok().and_then(|id| self.levels.get(id)).map(|to| *to > level);
                    if !(id == -1 || leads_there == Some(true)) {
                        return Err(Error::Format("a link to nowhere"));
                    }
                    *target = id;
                }
            }
        }
        Ok(())
    }
}

impl File<'_> {
    /// (vector on no level, linked vector that stands for it), ascending.
    pub(crate) fn equal_pairs(&self) -> Result<Vec<(u32, u32)>> {
        self.unlinked()
            .zip(self.equal.chunks_exact(4))
            .map(|(id, bytes)| {
                let first = u32::from_le_bytes(bytes.try_into().expect("chunks of four"));
                let linked = first < id && self.levels[first as usize] > 0;
                if linked { Ok((id, first)) } else { Err(Error::Format("an equal vector that is not linked")) }
            })
            .collect()
    }

    /// The vectors on no level.
    fn unlinked(&self) -> impl Iterator<Item = u32> {
        (0_u32..).zip(self.levels).filter(|(_, level)| **level == 0).map(|(id, _)| id)
    }
}

fn padded(count: usize) -> usize {
    count.next_multiple_of(4)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk().ok_or(Error::Format("truncated or too long"))?;
    *bytes = rest;
    Ok(*first)
}

fn take_u32(bytes: &mut &[u8]) -> Result<u32> {
    take(bytes).map(u32::from_le_bytes)
}

/// Hashes what passes through.
struct Hashing<'a> {
    out: &'a mut dyn Write,
    hasher: blake3::Hasher,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three vectors, the middle one on two levels, and one that is equal to the first; m = 4.
    fn small() -> (Header, Vec<i32>, Vec<i32>) {
        let mut links = vec![-1; 8 + 12 + 8];
        links[0] = 1;
        links[8] = 0;
        links[9] = 2;
        links[20] = 1;
        let header = Header {
            dim: 8,
            count: 4,
            m: 4,
            ef_construction: 8,
            equal: 1,
            entry_point: 1,
            max_level: 1,
            links: links.len() as u64,
            identity: [7; 32],
        };
        (header, vec![1, 2, 1, 0], links)
    }

    /// What reading says of a file whose checksum is right.
    fn reread(header: &Header, levels: &[i32], links: &[i32]) -> Result<Vec<i32>> {
        reread_with(header, levels, 0, links)
    }

    /// The same with another id that stands for vector 3.
    fn reread_with(header: &Header, levels: &[i32], first: u32, links: &[i32]) -> Result<Vec<i32>> {
        let mut bytes = Vec::new();
        let equal = std::iter::repeat_n((3, first), header.equal as usize);
        write(&mut bytes, header, levels, equal, links).unwrap();
        let file = read(&bytes)?;
        assert_eq!(file.header, *header);
        file.equal_pairs()?;
        let mut target = vec![0; links.len()];
        file.copy_links(&mut target).map(|()| target)
    }

    #[test]
    fn a_good_file_comes_back() {
        let (header, levels, links) = small();
        assert_eq!(reread(&header, &levels, &links).unwrap(), links);
        let empty = Header { count: 0, equal: 0, entry_point: -1, max_level: -1, links: 0, ..header };
        assert_eq!(reread(&empty, &[], &[]).unwrap(), []);
    }

    #[test]
    fn arrays_that_would_lead_out_of_bounds_are_refused_even_with_a_right_checksum() {
        let (header, levels, links) = small();
        let refused = |header: &Header, levels: &[i32], links: &[i32]| {
            assert!(matches!(reread(header, levels, links), Err(Error::Format(_))));
        };
        for bad in [3, 4, -2, i32::MAX, i32::MIN] {
            let mut links = links.clone();
            links[5] = bad;
            refused(&header, &levels, &links);
        }
        let mut upper = links.clone();
        upper[16] = 0; // on level 1, where vector 0 is not
        refused(&header, &levels, &upper);
        refused(&header, &[1, 1, 2, 0], &links);
        refused(&header, &[0, 2, 1, 0], &links);
        refused(&header, &[1, 3, 1, 0], &links);
        refused(&header, &[1, 2, 1, 1], &links);
        for first in [3, 4, u32::MAX] {
            assert!(matches!(reread_with(&header, &levels, first, &links), Err(Error::Format(_))));
        }
        for entry_point in [-1, 0, 3, 4] {
            refused(&Header { entry_point, ..header.clone() }, &levels, &links);
        }
        refused(&Header { max_level: 0, ..header.clone() }, &levels, &links);
        refused(&Header { m: 0, ..header.clone() }, &levels, &links);
        refused(&Header { ef_construction: 0, ..header }, &levels, &links);
    }
}
