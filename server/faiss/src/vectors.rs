//! Sets of int8 vectors: borrowed ([`VectorsRef`]) and owned or mapped ([`Vectors`]).

use std::{ops::Range, sync::Arc};

use crate::{Error, Mapped, Result, quantize::check_dim, quantize_into};

/// A borrowed set of vectors whose shape and scales were checked once. Ids are places in it.
#[derive(Debug, Clone, Copy)]
pub struct VectorsRef<'a> {
    dim: usize,
    codes: &'a [i8],
    scales: &'a [f32],
}

impl<'a> VectorsRef<'a> {
    /// `codes` holds the rows one after the other, `scales` one positive number per row.
    pub fn new(dim: usize, codes: &'a [i8], scales: &'a [f32]) -> Result<Self> {
        check_shape(dim, codes.len(), scales)?;
        Ok(Self { dim, codes, scales })
    }

    /// Dimensions of each vector.
    pub fn dim(self) -> usize {
        self.dim
    }

    /// Number of vectors.
    pub fn len(self) -> usize {
        self.scales.len()
    }

    /// True when there are none.
    pub fn is_empty(self) -> bool {
        self.scales.is_empty()
    }

    /// All rows, one after the other.
    pub fn codes(self) -> &'a [i8] {
        self.codes
    }

    /// One scale per row.
    pub fn scales(self) -> &'a [f32] {
        self.scales
    }

    /// The vectors from `start` on as a set of their own; none past the end.
    #[must_use]
    pub fn from(self, start: usize) -> Self {
        let start = start.min(self.len());
        Self { dim: self.dim, codes: &self.codes[start * self.dim..], scales: &self.scales[start..] }
    }

    /// The codes of one vector; `None` past the end.
    pub fn row(self, id: u32) -> Option<&'a [i8]> {
        let start = (id as usize).checked_mul(self.dim)?;
        self.codes.get(start..start + self.dim)
    }

    pub(crate) fn check_query(self, dim: usize) -> Result<()> {
        if dim == self.dim { Ok(()) } else { Err(Error::Dimension { expected: self.dim, found: dim }) }
    }
}

/// An immutable set of vectors, in memory or in a mapped file. Share it in an [`Arc`].
#[derive(Debug)]
pub struct Vectors {
    dim: usize,
    storage: Storage,
}

#[derive(Debug)]
enum Storage {
    Owned { codes: Vec<i8>, scales: Vec<f32> },
    Mapped { map: Arc<Mapped>, codes: Range<usize>, scales: Range<usize> },
}

impl Vectors {
    /// Takes rows one after the other and a positive scale per row.
    pub fn new(dim: usize, codes: Vec<i8>, scales: Vec<f32>) -> Result<Self> {
        check_shape(dim, codes.len(), &scales)?;
        Ok(Self { dim, storage: Storage::Owned { codes, scales } })
    }

    /// Quantises rows of `dim` values that lie one after the other.
    pub fn quantize(dim: usize, rows: &[f32]) -> Result<Self> {
        check_dim(dim)?;
        if !rows.len().is_multiple_of(dim) {
            return Err(Error::Dimension { expected: dim, found: rows.len() % dim });
        }
        let mut codes = Vec::with_capacity(rows.len());
        let scales = rows.chunks_exact(dim).map(|row| quantize_into(row, &mut codes)).collect::<Result<_>>()?;
        Self::new(dim, codes, scales)
    }

    /// Borrows both arrays from a mapped file. The ranges are in bytes; scales start on a multiple of four.
    pub fn from_mapped(dim: usize, map: Arc<Mapped>, codes: Range<usize>, scales: Range<usize>) -> Result<Self> {
        check_shape(dim, map.view::<i8>(codes.clone())?.len(), map.view::<f32>(scales.clone())?)?;
        Ok(Self { dim, storage: Storage::Mapped { map, codes, scales } })
    }

    /// Borrows the set for a scan or a search.
    pub fn view(&self) -> VectorsRef<'_> {
        let (codes, scales): (&[i8], &[f32]) = match &self.storage {
            Storage::Owned { codes, scales } => (codes, scales),
            Storage::Mapped { map, codes, scales } => (
                map.view(codes.clone()).expect("checked by from_mapped, and a map never changes"),
                map.view(scales.clone()).expect("checked by from_mapped, and a map never changes"),
            ),
        };
        VectorsRef { dim: self.dim, codes, scales }
    }

    /// The first `count` vectors as a set of their own, which shares a mapped file and copies what is in memory.
    pub fn first(&self, count: usize) -> Result<Self> {
        let count = count.min(self.len());
        match &self.storage {
            Storage::Owned { codes, scales } => {
                Self::new(self.dim, codes[..count * self.dim].to_vec(), scales[..count].to_vec())
            }
            Storage::Mapped { map, codes, scales } => {
                let codes = codes.start..codes.start + count * self.dim;
                Self::from_mapped(self.dim, Arc::clone(map), codes, scales.start..scales.start + count * 4)
            }
        }
    }

    /// Takes the pages of a mapped file out of memory until they are needed again.
    pub fn release_pages(&self) {
        if let Storage::Mapped { map, .. } = &self.storage {
            map.release_pages();
        }
    }

    /// Dimensions of each vector.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn check_shape(dim: usize, codes: usize, scales: &[f32]) -> Result<()> {
    check_dim(dim)?;
    if scales.len().checked_mul(dim) != Some(codes) {
        return Err(Error::Shape { codes, scales: scales.len(), dim });
    }
    // FAISS counts in signed 32 bits and so do its tables; ids are `u32`.
    if scales.len() >= i32::MAX as usize {
        return Err(Error::TooMany(scales.len()));
    }
    match scales.iter().position(|scale| !(scale.is_finite() && *scale > 0.0)) {
        Some(id) => Err(Error::Scale { id, scale: scales[id] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_bad_shapes_and_scales() {
        assert!(matches!(VectorsRef::new(0, &[], &[]), Err(Error::Dimension { .. })));
        assert!(matches!(VectorsRef::new(2, &[1, 2, 3], &[1.0]), Err(Error::Shape { codes: 3, scales: 1, dim: 2 })));
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(matches!(VectorsRef::new(2, &[1, 2, 3, 4], &[1.0, scale]), Err(Error::Scale { id: 1, .. })));
        }
        assert!(matches!(Vectors::quantize(2, &[1.0, 2.0, 3.0]), Err(Error::Dimension { expected: 2, found: 1 })));
        assert!(Vectors::quantize(2, &[1.0, 2.0, 0.0, 0.0]).is_err());
    }

    #[test]
    fn rows_are_found_by_id() {
        let vectors = Vectors::new(2, vec![1, 2, 3, 4], vec![1.0, 0.5]).unwrap();
        assert_eq!(vectors.view().row(1), Some(&[3, 4][..]));
        assert_eq!(vectors.view().row(2), None);
        assert_eq!(vectors.view().row(u32::MAX), None);
    }
}
