//! The HNSW graph over a set of int8 vectors: built once, then only read.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use crate::{
    Error, Hit, Quantized, Result, Vectors,
    equal::Equal,
    ffi::{Graph, Unfinished, lower_thread_priority},
    graph_file, map_file,
    scan::sort_hits,
    write_atomically,
};

/// How a graph is built. There is no default: measure on your vectors.
///
/// On 100,000 clustered unit vectors of 256 dimensions `m = 16, ef_construction = 80` took about 20 s of CPU and 13 MB,
/// `m = 32, ef_construction = 200` about 100 s and 25 MB. `ef_construction` raises recall more than `m` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HnswParams {
    /// Links per vector and level, twice as many on the lowest; 4 to 128. Decides memory: about `8 * m + 12` bytes.
    pub m: usize,
    /// Candidates kept while a vector's links are sought; 8 to 4096. Decides build time.
    pub ef_construction: usize,
    /// Building threads, 1 to 64. With one, the same vectors give the same graph.
    pub threads: usize,
    /// How building threads stand against everything else on the machine.
    pub priority: Priority,
}

/// Scheduling of the threads that build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// As any thread; for a command that the user waits for.
    Normal,
    /// Behind others; for compaction beside an editor.
    Background,
}

/// An immutable graph and the vectors it links. Share it in an [`Arc`]; searches run at the same time.
///
/// FAISS must not be searched while something is added (it crashes), so there is no way to add: new vectors go to a
/// delta that is scanned, removed ones lose their bit in the filter, and a new graph is built now and then.
pub struct Hnsw {
    graph: Graph,
    equal: Equal,
    vectors: Arc<Vectors>,
    m: usize,
    ef_construction: usize,
}

impl Hnsw {
    /// Links all `vectors`. No vectors give an empty graph. Of equal vectors one is linked and stands for all.
    ///
    /// `cancel` is read before every [`Hnsw::BATCH`] vectors of each thread, which is every 5 to 60 ms; then the call
    /// returns [`Error::Cancelled`] and the partial graph is gone. Looking for equal vectors comes before, once: under
    /// a second for a million.
    pub fn build(vectors: Arc<Vectors>, params: HnswParams, cancel: &AtomicBool) -> Result<Self> {
        Self::build_with_progress(vectors, params, cancel, &|_| {})
    }

    /// Vectors that a building thread links between two looks at the cancel flag.
    pub const BATCH: usize = 64;

    /// Like [`Hnsw::build`]; `progress` is called from the building threads with the number of vectors done so far.
    pub fn build_with_progress(
        vectors: Arc<Vectors>,
        params: HnswParams,
        cancel: &AtomicBool,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Self> {
        check_range("m", params.m, 4, 128)?;
        check_range("ef_construction", params.ef_construction, 8, 4096)?;
        check_range("threads", params.threads, 1, 64)?;
        let equal = Equal::of(vectors.view());
        let mut graph = Unfinished::plan(&equal.linked(vectors.len()), params.m, params.ef_construction)?;
        link_all(&mut graph, &vectors, &equal, params, cancel, progress)?;
        Ok(Self { graph: graph.finish(), equal, vectors, m: params.m, ef_construction: params.ef_construction })
    }

    /// The `k` vectors nearest to the query, best first, with scores equal to those of [`crate::scan_top_k`].
    ///
    /// `ef` is how many candidates the search keeps (at least `k` are); more find more of the true answers and cost
    /// more: 64 is a good start, 256 for a million vectors. It may differ with each call.
    ///
    /// Bit `i % 64` of `allowed[i / 64]` says whether vector `i` may be an answer; ids past its end may not. The
    /// search still walks through the others, so **a filter that leaves few is slow and loses answers**: below half
    /// of the vectors raise `ef`, and call [`crate::scan_ids`] when 50,000 or fewer are left or when fewer than `k`
    /// come back.
    pub fn search(&self, query: &Quantized, k: usize, ef: usize, allowed: Option<&[u64]>) -> Result<Vec<Hit>> {
        let vectors = self.vectors.view();
        vectors.check_query(query.dim())?;
        let k = k.min(vectors.len());
        if k == 0 {
            return Ok(Vec::new());
        }
        let ef = ef.clamp(k, vectors.len());
        let nearest = self.graph.search(vectors, query, k, ef, allowed, &self.equal)?;
        let may = |id: &u32| {
            allowed.is_none_or(|words| words.get(*id as usize / 64).is_some_and(|w| w >> (id % 64) & 1 == 1))
        };
        let mut hits = Vec::with_capacity(nearest.len());
        for (id, distance) in nearest {
            hits.extend(self.equal.ring(id as u32).filter(may).map(|id| Hit { id, score: -distance }));
        }
        sort_hits(&mut hits); // FAISS leaves equal scores in no order
        hits.truncate(k);
        Ok(hits)
    }

    /// The vectors that the graph links.
    pub fn vectors(&self) -> &Arc<Vectors> {
        &self.vectors
    }

    /// Number of vectors.
    pub fn len(&self) -> usize {
        self.graph.count()
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Memory of the graph, without the vectors and without the tables of running searches (a byte per vector each;
    /// up to eight are kept).
    pub fn memory_bytes(&self) -> usize {
        // Per vector an `int` level and a 64-bit offset.
        size_of_val(self.graph.links()) + size_of_val(self.equal.next()) + self.len() * (4 + 8)
    }

    /// Writes the graph, without the vectors, to `path`: a temporary file, fsync, rename.
    ///
    /// `identity` names the vectors (a hash of the model id and of their file, say); [`Hnsw::load`] must be given the
    /// same one.
    pub fn save(&self, path: &Path, identity: &[u8; 32]) -> Result<()> {
        write_atomically(path, |out| self.write_to(out, identity))
    }

    /// Writes what [`Hnsw::save`] writes to any stream.
    pub fn write_to(&self, out: &mut dyn std::io::Write, identity: &[u8; 32]) -> std::io::Result<()> {
        let header = graph_file::Header {
            dim: self.vectors.dim() as u32,
            count: self.len() as u32,
            m: self.m as u32,
            ef_construction: self.ef_construction as u32,
            entry_point: self.graph.entry_point(),
            max_level: self.graph.max_level(),
            equal: self.equal.others() as u32,
            links: self.graph.links().len() as u64,
            identity: *identity,
        };
        graph_file::write(out, &header, self.graph.levels(), self.equal.pairs(), self.graph.links())
    }

    /// Reads a graph and joins it to the vectors it was built over.
    ///
    /// [`Error::Format`] tells that the file is truncated, altered, of another version, or made for other vectors
    /// (dimension, number or `identity`). Then build anew and scan meanwhile.
    pub fn load(path: &Path, vectors: Arc<Vectors>, identity: &[u8; 32]) -> Result<Self> {
        Self::from_bytes(map_file(path)?.bytes(), vectors, identity)
    }

    /// Like [`Hnsw::load`], over the first of `vectors`: there may be more by now than the graph was built over.
    pub fn load_over_first(path: &Path, vectors: &Arc<Vectors>, identity: &[u8; 32]) -> Result<Self> {
        let map = map_file(path)?;
        let count = graph_file::count(map.bytes())?;
        let first = if count < vectors.len() { Arc::new(vectors.first(count)?) } else { Arc::clone(vectors) };
        Self::from_bytes(map.bytes(), first, identity)
    }

    /// Reads what [`Hnsw::write_to`] wrote.
    pub fn from_bytes(bytes: &[u8], vectors: Arc<Vectors>, identity: &[u8; 32]) -> Result<Self> {
        let file = graph_file::read(bytes)?;
        let header = &file.header;
        if header.identity != *identity {
            return Err(Error::Format("made for other vectors"));
        }
        if header.dim as usize != vectors.dim() {
            return Err(Error::Format("another dimension"));
        }
        if header.count as usize != vectors.len() {
            return Err(Error::Format("another number of vectors"));
        }
        let (m, ef_construction) = (header.m as usize, header.ef_construction as usize);
        let mut graph = Unfinished::from_levels(file.levels, m, ef_construction, header.entry_point, header.max_level)?;
        file.copy_links(graph.links_mut())?;
        let equal = Equal::from_pairs(vectors.len(), file.equal_pairs()?.into_iter());
        Ok(Self { graph: graph.finish(), equal, vectors, m, ef_construction })
    }
}

impl std::fmt::Debug for Hnsw {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Hnsw")
            .field("len", &self.len())
            .field("m", &self.m)
            .field("ef_construction", &self.ef_construction)
            .finish_non_exhaustive()
    }
}

/// Threads take batches from one counter until there are none, one fails or the flag is raised.
fn link_all(
    graph: &mut Unfinished,
    vectors: &Vectors,
    equal: &Equal,
    params: HnswParams,
    cancel: &AtomicBool,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<()> {
    let adder = graph.start(vectors.view(), vectors.len() - equal.others())?;
    let count = adder.places();
    let next = AtomicUsize::new(1); // `start` linked the first
    let done = AtomicUsize::new(1 + equal.others());
    let failed = AtomicBool::new(false);
    let work = || -> Result<()> {
        if params.priority == Priority::Background {
            lower_thread_priority();
        }
        let mut worker = adder.worker()?;
        loop {
            if cancel.load(Ordering::Relaxed) {
                return Err(Error::Cancelled);
            }
            let from = next.fetch_add(Hnsw::BATCH, Ordering::Relaxed);
            if from >= count || failed.load(Ordering::Relaxed) {
                return Ok(());
            }
            let to = (from + Hnsw::BATCH).min(count);
            worker.add(from..to)?;
            progress(done.fetch_add(to - from, Ordering::Relaxed) + to - from);
        }
    };
    std::thread::scope(|scope| {
        let mut result = Ok(());
        let mut threads = Vec::with_capacity(params.threads);
        for _ in 0..params.threads {
            let run = || work().inspect_err(|_| failed.store(true, Ordering::Relaxed));
            match std::thread::Builder::new().name("conexus-hnsw".into()).spawn_scoped(scope, run) {
                Ok(thread) => threads.push(thread),
                // Those that run do the work of those that cannot be started.
                Err(error) if threads.is_empty() => return Err(Error::Faiss(format!("no thread: {error}"))),
                Err(_) => break,
            }
        }
        for thread in threads {
            let outcome = thread.join().unwrap_or_else(|_| Err(Error::Faiss("a building thread panicked".into())));
            result = result.and(outcome);
        }
        result
    })
}

fn check_range(name: &'static str, value: usize, min: usize, max: usize) -> Result<()> {
    if (min..=max).contains(&value) { Ok(()) } else { Err(Error::Parameter { name, value, min, max }) }
}
