//! int8 vectors on unit length: exact scans, FAISS HNSW graphs over the same bytes, and the files they live in.
//!
//! One representation serves everything: each vector is `dim` signed bytes and one `f32` scale
//! ([`quantize`]). [`scan_top_k`] reads all of them, [`scan_ids`] reads chosen ones, and [`Hnsw`] links them into a
//! graph whose distances are computed on the same bytes. [`map_file`] gives them from a file without copying.
//!
//! When to use which:
//! - up to about 50,000 vectors [`scan_top_k`] answers in a third of a millisecond (256 dimensions) and is exact;
//! - above, [`Hnsw::search`] answers in a tenth of a millisecond whatever the number, and finds nearly all;
//! - **a filter that leaves few ids breaks every HNSW search** (1 % allowed: a third of the true answers). When a
//!   filter leaves 50,000 ids or fewer, call [`scan_ids`]; when it leaves more than half, pass it to
//!   [`Hnsw::search`]; between the two pass it with a larger `ef` and scan when fewer than `k` come back.
//!
//! This is the only crate with `unsafe`: the calls into C++ (`ffi`), the SIMD kernels (`kernel`), the memory map
//! (`mapped`) and the memory of syntax trees ([`arena`]). Everything public is safe and refuses what FAISS would take
//! silently.

#![warn(clippy::undocumented_unsafe_blocks)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(target_endian = "big")]
compile_error!("the index files are little endian and mapped as they are");

#[allow(unsafe_code, reason = "memory that tree-sitter is given")]
pub mod arena;
mod best;
mod equal;
mod error;
#[allow(unsafe_code, reason = "calls into the C++ shim")]
mod ffi;
mod files;
mod graph_file;
mod hnsw;
#[allow(unsafe_code, reason = "SIMD behind run-time detection")]
pub mod kernel;
#[allow(unsafe_code, reason = "a memory map is a promise about other processes")]
mod mapped;
mod quantize;
mod scan;
mod vectors;

pub use best::Best;
pub use error::{Error, Result};
pub use ffi::{lower_thread_priority, release_memory};
pub use files::write_atomically;
pub use hnsw::{Hnsw, HnswParams, Priority};
pub use mapped::{Mapped, map_file};
pub use quantize::{Quantized, quantize, quantize_into};
pub use scan::{Hit, scan_ids, scan_top_k, scan_with_ties};
pub use vectors::{Vectors, VectorsRef};

/// The most dimensions a vector may have: sums of 16,384 dimensions and more still fit in an `i32`.
pub const MAX_DIM: usize = 16_384;
