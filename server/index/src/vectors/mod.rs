//! Vector search: int8 rows by slot, in a mapped file for what is settled, in memory for what is newer.

mod file;
mod writer;

pub(crate) use file::is_ours;
pub(crate) use writer::{FOLDER, VectorWriter};

use conexus_faiss::{Hit, Hnsw, Quantized, Vectors, quantize, scan_ids, scan_with_ties};
use std::sync::Arc;

use crate::{Error, ModelStamp, Result, SlotSet, VectorBlock};

/// Candidates that a graph search keeps: of the ten nearest of a million it finds 0.983 at 768, 0.975 at 320 (real embeddings, see
/// `docs/performance.md`).
const EF: usize = 768;
/// The same when a filter forbids more than half of the rows.
const EF_FILTERED: usize = 1_280;
/// Blocks of new rows kept apart before they are joined.
const JOIN_AT: usize = 16;

/// A chunk near a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VectorHit {
    /// The chunk.
    pub slot: u32,
    /// Cosine similarity, about -1 to 1 (the error of int8 is under 0.01).
    pub similarity: f32,
}

/// Rows by slot: row `i` belongs to slot `i`; those without a vector are zero and not in `present`.
#[derive(Debug)]
pub(crate) struct Base {
    vectors: Arc<Vectors>,
    present: SlotSet,
    /// The generation that the file shows.
    generation: u64,
    graph: Option<Graph>,
}

/// A graph over the first rows of a base; the rest is scanned.
#[derive(Clone, Debug)]
pub(crate) struct Graph {
    links: Arc<Hnsw>,
    /// The generation of the vector file that it was built over, which names its own file.
    generation: u64,
    /// When a filter leaves this many rows or fewer they are scanned: graphs lose answers under selective filters.
    scan_up_to: u64,
}

impl Graph {
    fn new(links: Hnsw, generation: u64, graph_from: usize) -> Self {
        // 50,000 when graphs begin at 60,000: there both ways cost the same.
        Self { links: Arc::new(links), generation, scan_up_to: graph_from as u64 * 5 / 6 }
    }
}

impl Base {
    fn with_graph(&self, graph: Graph) -> Self {
        Self { graph: Some(graph), ..self.without_graph() }
    }

    fn without_graph(&self) -> Self {
        let (vectors, present) = (Arc::clone(&self.vectors), self.present.clone());
        Self { vectors, present, generation: self.generation, graph: None }
    }

    /// Rows that no graph links.
    fn unlinked(&self) -> usize {
        self.vectors.len() - self.graph.as_ref().map_or(0, |graph| graph.links.len())
    }
}

/// Rows of some slots.
#[derive(Debug)]
pub(crate) struct Block {
    /// Ascending, one per row.
    slots: Vec<u32>,
    vectors: Vectors,
}

impl Block {
    /// The rows of a file's chunks that have a vector; `None` when none has.
    pub(crate) fn of(dimension: usize, first_slot: u32, rows: &[i8], scales: &[f32]) -> Result<Option<Self>> {
        let mut slots = Vec::with_capacity(scales.len());
        let (mut codes, mut kept) = (Vec::with_capacity(rows.len()), Vec::with_capacity(scales.len()));
        for ((row, &scale), slot) in rows.chunks_exact(dimension.max(1)).zip(scales).zip(first_slot..) {
            if scale > 0.0 {
                slots.push(slot);
                codes.extend_from_slice(row);
                kept.push(scale);
            }
        }
        if slots.is_empty() {
            return Ok(None);
        }
        let vectors = Vectors::new(dimension, codes, kept).map_err(|error| Error::Invalid(error.to_string()))?;
        Ok(Some(Self { slots, vectors }))
    }

    /// The lowest slot with a row here; there is one.
    pub(crate) fn first_slot(&self) -> u32 {
        self.slots.first().copied().unwrap_or_default()
    }

    fn join(blocks: &[Arc<Self>], dimension: usize, alive: &SlotSet) -> Result<Self> {
        let mut order: Vec<(u32, usize, usize)> = Vec::new();
        for (number, block) in blocks.iter().enumerate() {
            let live = block.slots.iter().enumerate().filter(|(_, slot)| alive.contains(**slot));
            order.extend(live.map(|(row, &slot)| (slot, number, row)));
        }
        order.sort_unstable();
        let (mut codes, mut scales) = (Vec::with_capacity(order.len() * dimension), Vec::with_capacity(order.len()));
        for &(_, number, row) in &order {
            let view = blocks[number].vectors.view();
            codes.extend_from_slice(view.row(row as u32).unwrap_or(&[]));
            scales.push(view.scales()[row]);
        }
        let vectors = Vectors::new(dimension, codes, scales).map_err(|error| Error::Invalid(error.to_string()))?;
        Ok(Self { slots: order.into_iter().map(|(slot, ..)| slot).collect(), vectors })
    }
}

/// The newer rows, oldest block first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tail(Vec<Arc<Block>>);

impl Tail {
    /// This tail with more blocks; what is dead is dropped when small blocks are joined.
    pub(crate) fn extended(&self, blocks: Vec<Block>, dimension: usize, alive: &SlotSet) -> Result<Self> {
        let mut all = self.0.clone();
        all.extend(blocks.into_iter().map(Arc::new));
        // Blocks are joined with those of their size, so that each row is copied a few times at most.
        while all.len() > JOIN_AT {
            let smallest = all.iter().map(|block| block.slots.len()).min().unwrap_or(0).max(64);
            let (joined, mut kept): (Vec<_>, Vec<_>) =
                all.into_iter().partition(|block| block.slots.len() <= smallest * 8);
            let block = Block::join(&joined, dimension, alive)?;
            let progress = joined.len() > 1;
            if !block.slots.is_empty() {
                kept.push(Arc::new(block));
            }
            all = kept;
            if !progress {
                break;
            }
        }
        Ok(Self(all))
    }

    /// The lowest slot with a row here.
    fn first_slot(&self) -> Option<u32> {
        self.0.iter().filter_map(|block| block.slots.first().copied()).min()
    }

    pub(crate) fn rows(&self) -> usize {
        self.0.iter().map(|block| block.slots.len()).sum()
    }

    fn followed_by(mut self, newer: &Self) -> Self {
        self.0.extend(newer.0.iter().cloned());
        self
    }
}

/// The vectors of one snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct VectorView {
    pub(crate) model: Option<ModelStamp>,
    pub(crate) base: Option<Arc<Base>>,
    pub(crate) tail: Tail,
}

impl VectorView {
    /// Rows of live slots.
    pub(crate) fn live(&self, alive: &SlotSet) -> u64 {
        let base = self.base.as_ref().map_or(0, |base| {
            let pairs = base.present.words().iter().zip(alive.words());
            pairs.map(|(present, alive)| u64::from((present & alive).count_ones())).sum()
        });
        let tail = self.tail.0.iter().flat_map(|block| &block.slots).filter(|slot| alive.contains(**slot)).count();
        base + tail as u64
    }

    /// The nearest live and allowed slots and, but for those found through a graph, all that are as near as the last of
    /// them; in no order, and more than `count` where they come from several parts.
    pub(crate) fn nearest(
        &self,
        query: &[f32],
        alive: &SlotSet,
        allowed: Option<&SlotSet>,
        count: usize,
    ) -> Result<Vec<VectorHit>> {
        let Some(query) = self.query(query)? else { return Ok(Vec::new()) };
        let mut hits = Vec::new();
        if let Some(base) = &self.base {
            hits = nearest_in_base(base, &query, alive, allowed, count)?;
        }
        for block in &self.tail.0 {
            let wanted = |slot| alive.contains(slot) && allowed.is_none_or(|allowed| allowed.contains(slot));
            let mut words = vec![0u64; block.slots.len().div_ceil(64)];
            for (row, &slot) in block.slots.iter().enumerate() {
                words[row / 64] |= u64::from(wanted(slot)) << (row % 64);
            }
            let found = scan_with_ties(&query, block.vectors.view(), Some(&words), count).map_err(refused)?;
            hits.extend(
                found.into_iter().map(|hit| VectorHit { slot: block.slots[hit.id as usize], similarity: hit.score }),
            );
        }
        Ok(hits)
    }

    /// The same vectors, all of which are scanned.
    pub(crate) fn without_graph(&self) -> Self {
        let base = self.base.as_ref().map(|base| Arc::new(base.without_graph()));
        Self { base, ..self.clone() }
    }

    pub(crate) fn has_graph(&self) -> bool {
        self.base.as_ref().is_some_and(|base| base.graph.is_some())
    }

    /// Similarities of given slots, in their order.
    pub(crate) fn similarities(&self, query: &[f32], slots: &[u32]) -> Result<Vec<Option<f32>>> {
        let Some(query) = self.query(query)? else { return Ok(vec![None; slots.len()]) };
        let similarity = |&slot: &u32| {
            let (vectors, row) = self.row(slot)?;
            scan_ids(&query, vectors.view(), &[row], 1).ok()?.first().map(|hit| hit.score)
        };
        Ok(slots.iter().map(similarity).collect())
    }

    /// The vector of a slot.
    pub(crate) fn vector(&self, slot: u32) -> Option<Vec<f32>> {
        let (vectors, row) = self.row(slot)?;
        let scale = *vectors.view().scales().get(row as usize)?;
        Some(vectors.view().row(row)?.iter().map(|&value| f32::from(value) * scale).collect())
    }

    /// Whether a slot has a vector, live or not.
    pub(crate) fn has(&self, slot: u32) -> bool {
        self.row(slot).is_some()
    }

    fn row(&self, slot: u32) -> Option<(&Vectors, u32)> {
        if let Some(base) = &self.base
            && base.present.contains(slot)
        {
            return Some((&base.vectors, slot));
        }
        self.tail.0.iter().find_map(|block| {
            let row = block.slots.binary_search(&slot).ok()?;
            Some((&block.vectors, row as u32))
        })
    }

    fn query(&self, query: &[f32]) -> Result<Option<Quantized>> {
        let Some(model) = &self.model else { return Ok(None) };
        if query.len() != model.dimension {
            let (found, expected) = (query.len(), model.dimension);
            return Err(Error::Invalid(format!(
                "query vector of {found} numbers, the model {} has {expected}",
                model.id
            )));
        }
        if query.iter().all(|&number| number == 0.0) {
            return Ok(None);
        }
        quantize(query).map(Some).map_err(refused)
    }
}

fn nearest_in_base(
    base: &Base,
    query: &Quantized,
    alive: &SlotSet,
    allowed: Option<&SlotSet>,
    count: usize,
) -> Result<Vec<VectorHit>> {
    let mut words: Vec<u64> = base.present.words().iter().zip(alive.words()).map(|(a, b)| a & b).collect();
    if let Some(allowed) = allowed {
        words.truncate(allowed.words().len());
        words.iter_mut().zip(allowed.words()).for_each(|(word, allowed)| *word &= allowed);
    }
    let left: u64 = words.iter().map(|word| u64::from(word.count_ones())).sum();
    let scan = || scan_with_ties(query, base.vectors.view(), Some(&words), count);
    let found = match &base.graph {
        Some(graph) if left > graph.scan_up_to => {
            let half = left * 2 >= base.present.len();
            let ef = if half { EF } else { EF_FILTERED }.max(count + count / 2);
            let mut found = graph.links.search(query, count, ef, Some(&words)).map_err(refused)?;
            if found.len() < count {
                scan()
            } else {
                // Rows that came after the graph; the first word may hold rows of both.
                let linked = graph.links.len();
                let word = linked / 64;
                if let Some(first) = words.get_mut(word) {
                    *first &= u64::MAX << (linked % 64);
                    let newer = scan_with_ties(query, base.vectors.view().from(word * 64), Some(&words[word..]), count);
                    let newer = newer.map_err(refused)?.into_iter();
                    found.extend(newer.map(|hit| Hit { id: hit.id + word as u32 * 64, ..hit }));
                }
                Ok(found)
            }
        }
        _ => scan(),
    };
    let hits = found.map_err(refused)?.into_iter();
    Ok(hits.map(|hit| VectorHit { slot: hit.id, similarity: hit.score }).collect())
}

#[expect(clippy::needless_pass_by_value, reason = "it is what map_err passes")]
fn refused(error: conexus_faiss::Error) -> Error {
    Error::Invalid(error.to_string())
}

/// Whether a block fits its file and the model.
pub(crate) fn check_block(block: &VectorBlock, chunks: u32) -> Result<()> {
    let (count, dimension) = (chunks as usize, block.model.dimension);
    if dimension == 0 || dimension > conexus_faiss::MAX_DIM {
        return Err(Error::Invalid(format!("vectors of {dimension} dimensions")));
    }
    if block.scales.len() != count || block.rows.len() != count * dimension {
        let (rows, scales) = (block.rows.len(), block.scales.len());
        return Err(Error::Invalid(format!("{rows} numbers and {scales} scales for {count} vectors of {dimension}")));
    }
    if block.scales.iter().any(|scale| !scale.is_finite() || *scale < 0.0) {
        return Err(Error::Invalid("a vector's scale is not a finite positive number".into()));
    }
    Ok(())
}
