//! Settings of a store: validated values, no file and no environment.

use std::path::PathBuf;
use std::time::Duration;

/// Identity of the embedding model whose vectors are searched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ModelStamp {
    /// Stable id of the model and its version.
    pub id: String,
    /// Numbers per vector.
    pub dimension: usize,
}

/// How a store keeps and limits what it holds.
#[derive(Clone, Debug)]
pub struct StoreSettings {
    /// What the index is of: while that is there, nothing else is indexed in its folder. `None` does not ask.
    pub workspace: Option<PathBuf>,
    /// Version of the analysis; an index made by another version has to be rebuilt.
    pub analyser_version: u32,
    /// The model whose vectors are kept in memory and searched; `None` is lexical only.
    pub model: Option<ModelStamp>,
    /// Memory in bytes that tantivy may use to build postings; at least 15 MB are used.
    pub lexical_heap: usize,
    /// Memory in bytes of SQLite's page cache.
    pub catalog_cache: usize,
    /// Chunks that the in-memory part of the lexical index may hold before it is written out.
    pub delta_chunks: u32,
    /// Live vectors from which on an HNSW graph is built (it is dropped again below two thirds of it). An exact scan of
    /// 100,000 takes 0.7 ms and of 1,000,000 about 10 ms (256-d, AVX-512 VNNI, one core, 2026-11-21).
    pub graph_from: usize,
    /// Slots from which on they are given out anew when two thirds are dead: a vector of 260 bytes stays in the file for
    /// each dead one until then.
    pub renumber_from: u32,
    /// How long a bulk load goes on until it becomes visible and durable for the first time. Each time makes one more
    /// lexical segment, so the wait doubles every time, up to 8 s.
    pub publish_after: Duration,
    /// Ceiling of resident memory of the process in bytes, for [`crate::Store::keep_memory`].
    pub memory: u64,
    /// Whether vectors of other models than `model` are kept as long as a file has their content: while a better model
    /// is being caught up, or does not answer.
    pub keep_other_models: bool,
    /// Bytes that analyses and vectors of contents that no file has any more may take in the catalog, so that a branch
    /// that was seen before is not analysed again. When what is live takes more, they may take as much.
    pub former_bytes: u64,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            workspace: None,
            analyser_version: 1,
            model: None,
            lexical_heap: 50_000_000,
            catalog_cache: 8 << 20,
            delta_chunks: 2_000,
            graph_from: 200_000,
            renumber_from: 100_000,
            publish_after: Duration::from_secs(2),
            memory: u64::MAX,
            keep_other_models: false,
            former_bytes: 32 << 20,
        }
    }
}
