//! The calls into `shim/shim.cpp`, and the only types that own C++ objects. Safe outside of this module.

use std::{
    ffi::{c_char, c_int},
    marker::PhantomData,
    ptr::NonNull,
};

use crate::{Error, Quantized, Result, VectorsRef, arena, equal::Equal, kernel};

/// An opaque C++ object.
#[repr(C)]
struct RawGraph([u8; 0], PhantomData<*mut u8>);
/// An opaque C++ object.
#[repr(C)]
struct RawWorker([u8; 0], PhantomData<*mut u8>);

/// `conexus_vectors` in the shim.
#[repr(C)]
struct RawVectors {
    codes: *const i8,
    scales: *const f32,
    dim: usize,
    count: usize,
    dot: kernel::Dot,
}

/// `conexus_query` in the shim.
#[repr(C)]
struct RawQuery {
    codes: *const i8,
    scale: f32,
    k: usize,
    ef: usize,
    allowed: *const u8,
    allowed_bytes: usize,
    next_equal: *const u32,
}

/// `conexus_message` in the shim.
#[repr(C)]
struct Message([c_char; 256]);

unsafe extern "C" {
    fn conexus_graph_plan(
        linked: *const u8,
        count: usize,
        m: u32,
        ef: u32,
        out: *mut *mut RawGraph,
        message: *mut Message,
    ) -> c_int;
    fn conexus_worker_new(vectors: *const RawVectors, out: *mut *mut RawWorker, message: *mut Message) -> c_int;
    fn conexus_worker_free(worker: *mut RawWorker);
    fn conexus_graph_add(
        graph: *mut RawGraph,
        worker: *mut RawWorker,
        from: usize,
        to: usize,
        message: *mut Message,
    ) -> c_int;
    fn conexus_graph_finish(graph: *mut RawGraph);
    fn conexus_graph_from_levels(
        levels: *const u8,
        count: usize,
        m: u32,
        ef: u32,
        entry_point: i32,
        max_level: i32,
        out: *mut *mut RawGraph,
        message: *mut Message,
    ) -> c_int;
    fn conexus_graph_free(graph: *mut RawGraph);
    fn conexus_graph_entry_point(graph: *const RawGraph) -> i32;
    fn conexus_graph_max_level(graph: *const RawGraph) -> i32;
    fn conexus_graph_count(graph: *const RawGraph) -> usize;
    fn conexus_graph_levels(graph: *const RawGraph) -> *const c_int;
    fn conexus_graph_links(graph: *mut RawGraph, length: *mut usize) -> *mut i32;
    fn conexus_graph_search(
        graph: *mut RawGraph,
        vectors: *const RawVectors,
        query: *const RawQuery,
        ids: *mut i64,
        distances: *mut f32,
        message: *mut Message,
    ) -> c_int;
    fn conexus_lower_thread_priority();
    fn conexus_release_memory();
}

/// Gives memory that was freed back to the system, where the allocator keeps it otherwise (glibc does). Some
/// milliseconds.
pub fn release_memory() {
    arena::release();
    // SAFETY: no arguments; the allocator locks what it needs.
    unsafe { conexus_release_memory() }
}

/// Lets the rest of the machine go before the calling thread, for as long as that thread lives. For threads that build
/// in the background. A system that refuses is ignored.
pub fn lower_thread_priority() {
    // SAFETY: no arguments; it changes the calling thread's priority alone.
    unsafe { conexus_lower_thread_priority() }
}

/// A graph that is finished: nothing changes it any more, so threads may share it.
pub(crate) struct Graph {
    raw: NonNull<RawGraph>,
}

// SAFETY: the C++ object has no ties to a thread.
unsafe impl Send for Graph {}
// SAFETY: through a shared reference only `conexus_graph_search` and the getters are called. They read the graph,
// which nothing writes after building or loading, and take a mutex for the pool of visited tables.
unsafe impl Sync for Graph {}

impl Drop for Graph {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the shim, is owned here alone and freed once.
        unsafe { conexus_graph_free(self.raw.as_ptr()) }
    }
}

impl Graph {
    /// The linked ids that are allowed or stand for an allowed one, nearest first, as (id, distance) with the distance
    /// a negated inner product.
    ///
    /// # Panics
    /// When the vectors or the query are of another shape than the graph; `Hnsw` keeps them together.
    pub(crate) fn search(
        &self,
        vectors: VectorsRef<'_>,
        query: &Quantized,
        k: usize,
        ef: usize,
        allowed: Option<&[u64]>,
        equal: &Equal,
    ) -> Result<Vec<(i64, f32)>> {
        assert!([0, self.count()].contains(&equal.next().len()), "rings are of the graph's vectors");
        assert_eq!(vectors.len(), self.count(), "a graph is searched with the vectors it was built over");
        assert_eq!(vectors.dim(), query.dim(), "the caller compares dimensions");
        let mut ids = vec![-1_i64; k];
        let mut distances = vec![0_f32; k];
        let bytes: &[u8] = bytemuck::cast_slice(allowed.unwrap_or(&[]));
        let raw_query = RawQuery {
            codes: query.codes().as_ptr(),
            scale: query.scale(),
            k,
            ef: ef.min(c_int::MAX as usize),
            // A filter that allows nothing may be an empty slice, whose pointer is not null either.
            allowed: if allowed.is_some() { bytes.as_ptr() } else { std::ptr::null() },
            allowed_bytes: bytes.len(),
            next_equal: if equal.next().is_empty() { std::ptr::null() } else { equal.next().as_ptr() },
        };
        let raw_vectors = raw_vectors(vectors);
        checked(|message| {
            // SAFETY: the graph is finished, and every id in it is below `count` (built so, or checked on loading);
            // vectors, query and bitmap are borrowed for the call with the lengths given, rings have an element
            // below `count` for each vector; `ids` and `distances` have room for `k`.
            unsafe {
                conexus_graph_search(
                    self.raw.as_ptr(),
                    &raw const raw_vectors,
                    &raw const raw_query,
                    ids.as_mut_ptr(),
                    distances.as_mut_ptr(),
                    message,
                )
            }
        })?;
        Ok(ids.into_iter().zip(distances).filter(|(id, _)| *id >= 0).collect())
    }

    pub(crate) fn count(&self) -> usize {
        // SAFETY: a valid graph; reads one field.
        unsafe { conexus_graph_count(self.raw.as_ptr()) }
    }

    /// The vector where searches start, or -1 in an empty graph.
    pub(crate) fn entry_point(&self) -> i32 {
        // SAFETY: a valid graph; reads one field.
        unsafe { conexus_graph_entry_point(self.raw.as_ptr()) }
    }

    /// The highest level, counted from 0, or -1 in an empty graph.
    pub(crate) fn max_level(&self) -> i32 {
        // SAFETY: a valid graph; reads one field.
        unsafe { conexus_graph_max_level(self.raw.as_ptr()) }
    }

    /// How many levels each vector is on; 0 for those that an equal one stands for.
    pub(crate) fn levels(&self) -> &[c_int] {
        // SAFETY: the array has `count` elements, is not written any more and lives as long as the graph.
        unsafe { slice(conexus_graph_levels(self.raw.as_ptr()), self.count()) }
    }

    /// All neighbour lists one after the other; -1 where a list is not full.
    pub(crate) fn links(&self) -> &[i32] {
        let mut length = 0;
        // SAFETY: the array has `length` elements, is not written any more and lives as long as the graph.
        unsafe { slice(conexus_graph_links(self.raw.as_ptr(), &raw mut length), length) }
    }
}

/// A graph that one owner still writes.
pub(crate) struct Unfinished(Graph);

impl Unfinished {
    /// Levels are drawn for the vectors that are to be linked; nothing is linked yet.
    pub(crate) fn plan(linked: &[u8], m: usize, ef_construction: usize) -> Result<Self> {
        let (m, ef) = (m as u32, ef_construction as u32);
        let mut raw = std::ptr::null_mut();
        // SAFETY: `linked` is borrowed for the call with its length; `raw` is written on success only.
        checked(|message| unsafe { conexus_graph_plan(linked.as_ptr(), linked.len(), m, ef, &raw mut raw, message) })?;
        Ok(Self::owned(raw))
    }

    /// The graph of a file before its links are read. Levels are checked by the shim.
    pub(crate) fn from_levels(
        levels: &[u8],
        m: usize,
        ef_construction: usize,
        entry_point: i32,
        max_level: i32,
    ) -> Result<Self> {
        let mut raw = std::ptr::null_mut();
        // SAFETY: `levels` is borrowed for the call with its length; `raw` is written on success only.
        checked(|message| unsafe {
            conexus_graph_from_levels(
                levels.as_ptr(),
                levels.len(),
                m as u32,
                ef_construction as u32,
                entry_point,
                max_level,
                &raw mut raw,
                message,
            )
        })?;
        Ok(Self::owned(raw))
    }

    /// The neighbour lists, to be filled with ids below `count` or -1.
    pub(crate) fn links_mut(&mut self) -> &mut [i32] {
        let mut length = 0;
        // SAFETY: the array has `length` elements and lives as long as the graph, which is borrowed exclusively.
        unsafe {
            let links = conexus_graph_links(self.0.raw.as_ptr(), &raw mut length);
            if length == 0 { &mut [] } else { std::slice::from_raw_parts_mut(links, length) }
        }
    }

    /// Nothing writes the graph from here on. The caller has checked or built every link.
    pub(crate) fn finish(self) -> Graph {
        // SAFETY: owned here alone; frees what only building needs.
        unsafe { conexus_graph_finish(self.0.raw.as_ptr()) }
        self.0
    }

    /// Links the first vector of the build order alone, then hands out what threads need for the others. `places` is
    /// the number of vectors to link.
    pub(crate) fn start<'a>(&'a mut self, vectors: VectorsRef<'a>, places: usize) -> Result<Adder<'a>> {
        assert_eq!(vectors.len(), self.0.count(), "a graph is planned for its vectors");
        let adder = Adder { graph: self.0.raw, vectors, places, only: PhantomData };
        adder.worker()?.add(0..1.min(places))?;
        Ok(adder)
    }

    fn owned(raw: *mut RawGraph) -> Self {
        Self(Graph { raw: NonNull::new(raw).expect("the shim answers success with an object") })
    }
}

/// An unfinished graph with its entry point, to which several threads may add.
pub(crate) struct Adder<'a> {
    graph: NonNull<RawGraph>,
    vectors: VectorsRef<'a>,
    places: usize,
    only: PhantomData<&'a mut Unfinished>,
}

// SAFETY: `conexus_graph_add` may run on several threads at once, after the first vector (done in `start`), each with a
// worker of its own; vector locks guard the lists that are written.
unsafe impl Sync for Adder<'_> {}

impl Adder<'_> {
    /// Number of vectors to link.
    pub(crate) fn places(&self) -> usize {
        self.places
    }

    /// The tables of one thread: a byte per vector.
    pub(crate) fn worker(&self) -> Result<Worker<'_>> {
        let raw_vectors = raw_vectors(self.vectors);
        let mut raw = std::ptr::null_mut();
        // SAFETY: the shim copies `raw_vectors`; its arrays are borrowed for longer than the worker lives.
        checked(|message| unsafe { conexus_worker_new(&raw const raw_vectors, &raw mut raw, message) })?;
        Ok(Worker { raw: NonNull::new(raw).expect("the shim answers success with an object"), adder: self })
    }
}

pub(crate) struct Worker<'a> {
    raw: NonNull<RawWorker>,
    adder: &'a Adder<'a>,
}

impl Worker<'_> {
    /// Links the vectors at these places of the build order. Each place is given once, to one worker; the shim refuses
    /// places past the end.
    pub(crate) fn add(&mut self, places: std::ops::Range<usize>) -> Result<()> {
        // SAFETY: the worker belongs to this thread (it is not `Send`); the graph outlives it and has an entry point.
        checked(|message| unsafe {
            conexus_graph_add(self.adder.graph.as_ptr(), self.raw.as_ptr(), places.start, places.end, message)
        })
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from the shim, is owned here alone and freed once.
        unsafe { conexus_worker_free(self.raw.as_ptr()) }
    }
}

fn raw_vectors(vectors: VectorsRef<'_>) -> RawVectors {
    RawVectors {
        codes: vectors.codes().as_ptr(),
        scales: vectors.scales().as_ptr(),
        dim: vectors.dim(),
        count: vectors.len(),
        dot: kernel::dot_function(),
    }
}

/// A C++ array as a slice; C++ may give a null pointer for an empty one.
///
/// # Safety
/// As `slice::from_raw_parts`, unless `length` is 0.
unsafe fn slice<'a, T>(pointer: *const T, length: usize) -> &'a [T] {
    // SAFETY: the caller's promise.
    if length == 0 { &[] } else { unsafe { std::slice::from_raw_parts(pointer, length) } }
}

/// Runs a function of the shim and turns its code and message into a result.
fn checked(call: impl FnOnce(*mut Message) -> c_int) -> Result<()> {
    let mut message = Message([0; 256]);
    if call(&raw mut message) == 0 {
        return Ok(());
    }
    let text = message.0.iter().take_while(|byte| **byte != 0).map(|byte| *byte as u8).collect::<Vec<_>>();
    Err(Error::Faiss(String::from_utf8_lossy(&text).trim().to_owned()))
}
