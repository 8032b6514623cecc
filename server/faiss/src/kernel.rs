//! int8 inner products, one set of functions per instruction set, chosen once at run time.
//!
//! One row of 256 dimensions takes 4 ns with `avx512-vnni`, 8 with `avx512`, 12 with `avx2` and 48 with `portable`
//! (SSE2), measured on one core over 10,000 rows, 2026-11-21.
//!
//! Every kernel is exact: sums are `i32` and no step saturates, for all of `-128..=127` and up to
//! [`crate::MAX_DIM`] dimensions. So all of them give the same answer on every machine.

use std::sync::LazyLock;

/// The inner product of two vectors of equal length.
///
/// # Panics
/// When the lengths differ; the callers in this crate compare dimensions once per search instead.
pub fn dot_i8(a: &[i8], b: &[i8]) -> i32 {
    assert_eq!(a.len(), b.len(), "vectors of one set have one dimension");
    // SAFETY: `KERNEL` was chosen for this processor; both pointers are good for `a.len()` reads.
    unsafe { (KERNEL.dot)(a.as_ptr(), b.as_ptr(), a.len()) }
}

/// The inner products of `query` with consecutive rows, one per element of `out`.
///
/// # Panics
/// When `rows` is not `query.len() * out.len()` long.
pub fn dot_rows(query: &[i8], rows: &[i8], out: &mut [i32]) {
    assert_eq!(Some(rows.len()), query.len().checked_mul(out.len()), "rows have the query's dimension");
    // SAFETY: `KERNEL` was chosen for this processor; the assertion is its only other precondition.
    unsafe { (KERNEL.rows)(query, rows, out) }
}

/// The name of the chosen instruction set, for logs: `avx512-vnni`, `avx512`, `avx2` or `portable`.
pub fn name() -> &'static str {
    KERNEL.name
}

/// The C type of a kernel: also what the graph calls for each distance.
pub(crate) type Dot = unsafe extern "C" fn(*const i8, *const i8, usize) -> i32;

/// The kernel for FAISS. Calling it is unsafe: both pointers must be good for that many reads.
pub(crate) fn dot_function() -> Dot {
    KERNEL.dot
}

struct Kernel {
    name: &'static str,
    dot: Dot,
    /// Requires `rows.len() == query.len() * out.len()`.
    rows: unsafe fn(&[i8], &[i8], &mut [i32]),
}

static KERNEL: LazyLock<Kernel> = LazyLock::new(|| available().next().expect("the portable kernel runs everywhere"));

/// The kernels that this processor can run, fastest first.
fn available() -> impl Iterator<Item = Kernel> {
    let mut kernels = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let avx512 = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        if avx512 && is_x86_feature_detected!("avx512vnni") {
            kernels.push(Kernel { name: "avx512-vnni", dot: vnni::dot, rows: vnni::rows });
        }
        if avx512 {
            kernels.push(Kernel { name: "avx512", dot: avx512::dot, rows: avx512::rows });
        }
        if is_x86_feature_detected!("avx2") {
            kernels.push(Kernel { name: "avx2", dot: avx2::dot, rows: avx2::rows });
        }
    }
    kernels.push(Kernel { name: "portable", dot: portable::dot, rows: portable::rows });
    kernels.into_iter()
}

/// The loop that compilers turn into widening multiply-adds (`pmaddwd`, `smlal`): products of two bytes fit in 16 bits.
#[inline(always)]
#[allow(clippy::inline_always, reason = "it takes on the instruction set of the function it is inlined into")]
fn dot_loop(a: &[i8], b: &[i8]) -> i32 {
    // Wrapping, because the overflow checks of debug builds keep the loop scalar: 14 times slower. It cannot overflow.
    let product = |(a, b): (&i8, &i8)| i32::from(i16::from(*a)).wrapping_mul(i32::from(i16::from(*b)));
    a.iter().zip(b).map(product).fold(0, i32::wrapping_add)
}

/// A kernel that is [`dot_loop`] compiled for an instruction set.
macro_rules! autovectorised {
    ($module:ident, $($feature:meta)?) => {
        mod $module {
            $(#[$feature])?
            pub(super) unsafe extern "C" fn dot(a: *const i8, b: *const i8, len: usize) -> i32 {
                // SAFETY: the caller's promise.
                let (a, b) = unsafe { (std::slice::from_raw_parts(a, len), std::slice::from_raw_parts(b, len)) };
                super::dot_loop(a, b)
            }

            $(#[$feature])?
            pub(super) unsafe fn rows(query: &[i8], rows: &[i8], out: &mut [i32]) {
                for (out, row) in out.iter_mut().zip(rows.chunks_exact(query.len().max(1))) {
                    *out = super::dot_loop(query, row);
                }
            }
        }
    };
}

autovectorised!(portable,);
#[cfg(target_arch = "x86_64")]
autovectorised!(avx2, target_feature(enable = "avx2"));
#[cfg(target_arch = "x86_64")]
autovectorised!(avx512, target_feature(enable = "avx512f,avx512bw"));

/// `vpdpbusd` multiplies unsigned by signed bytes, so one side is shifted by 128 and the surplus taken away:
/// `sum((a + 128) * b) - 128 * sum(b)`.
#[cfg(target_arch = "x86_64")]
mod vnni {
    use std::arch::x86_64::{
        __m512i, __mmask64, _mm512_add_epi32, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_maskz_loadu_epi8,
        _mm512_reduce_add_epi32, _mm512_set1_epi8, _mm512_setzero_si512, _mm512_slli_epi32, _mm512_sub_epi32,
        _mm512_xor_si512,
    };

    const LANES: usize = 64;

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) unsafe extern "C" fn dot(a: *const i8, b: *const i8, len: usize) -> i32 {
        // SAFETY: the caller's promise for both pointers.
        unsafe {
            let surplus = surplus(b, len);
            _mm512_reduce_add_epi32(_mm512_sub_epi32(shifted(a, b, len), surplus))
        }
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    pub(super) unsafe fn rows(query: &[i8], rows: &[i8], out: &mut [i32]) {
        let (dim, query) = (query.len(), query.as_ptr());
        // SAFETY: `query` is good for `dim` reads, `rows` for `dim * out.len()`, by the caller's promise.
        unsafe {
            let surplus = surplus(query, dim);
            for (place, out) in out.iter_mut().enumerate() {
                let row = rows.as_ptr().add(place * dim);
                *out = _mm512_reduce_add_epi32(_mm512_sub_epi32(shifted(row, query, dim), surplus));
            }
        }
    }

    /// Lane sums of `(a + 128) * b`; both pointers must be good for `len` reads.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn shifted(a: *const i8, b: *const i8, len: usize) -> __m512i {
        let flip = _mm512_set1_epi8(-128);
        let (mut even, mut odd) = (_mm512_setzero_si512(), _mm512_setzero_si512());
        let mut at = 0;
        // SAFETY: `load` reads `len - at` bytes at most, from `at` on.
        unsafe {
            while at + 2 * LANES <= len {
                even = _mm512_dpbusd_epi32(even, _mm512_xor_si512(full(a, at), flip), full(b, at));
                odd = _mm512_dpbusd_epi32(odd, _mm512_xor_si512(full(a, at + LANES), flip), full(b, at + LANES));
                at += 2 * LANES;
            }
            while at < len {
                even = _mm512_dpbusd_epi32(even, _mm512_xor_si512(load(a, at, len), flip), load(b, at, len));
                at += LANES;
            }
        }
        _mm512_add_epi32(even, odd)
    }

    /// Lane sums of `128 * b`; `b` must be good for `len` reads.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn surplus(b: *const i8, len: usize) -> __m512i {
        let ones = _mm512_set1_epi8(1);
        let mut sum = _mm512_setzero_si512();
        let mut at = 0;
        while at < len {
            // SAFETY: `load` reads `len - at` bytes at most, from `at` on.
            sum = _mm512_dpbusd_epi32(sum, ones, unsafe { load(b, at, len) });
            at += LANES;
        }
        _mm512_slli_epi32::<7>(sum)
    }

    /// The 64 bytes from `at` on, all of them readable.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn full(from: *const i8, at: usize) -> __m512i {
        // SAFETY: the caller's promise.
        unsafe { _mm512_loadu_si512(from.add(at).cast()) }
    }

    /// Up to 64 bytes from `at` on; zeros stand for those past `len`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
    unsafe fn load(from: *const i8, at: usize, len: usize) -> __m512i {
        let mask: __mmask64 = if len - at >= LANES { !0 } else { (1 << (len - at)) - 1 };
        // SAFETY: masked lanes are not read; the others lie before `len`.
        unsafe { _mm512_maskz_loadu_epi8(mask, from.add(at)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scalar(a: &[i8], b: &[i8]) -> i32 {
        a.iter().zip(b).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
    }

    fn check_all(a: &[i8], b: &[i8]) {
        for kernel in available() {
            // SAFETY: both slices have `a.len()` elements and the kernel can run here.
            let dot = unsafe { (kernel.dot)(a.as_ptr(), b.as_ptr(), a.len()) };
            assert_eq!(dot, scalar(a, b), "{} with {} dimensions", kernel.name, a.len());
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        for len in [0, 1, 63, 64, 65, 256, crate::MAX_DIM] {
            for (a, b) in [(-128, -128), (-128, 127), (127, 127), (0, -128)] {
                check_all(&vec![a; len], &vec![b; len]);
            }
        }
    }

    #[test]
    #[should_panic(expected = "one dimension")]
    fn lengths_must_agree() {
        dot_i8(&[1, 2], &[1]);
    }

    proptest! {
        #[test]
        fn kernels_agree_with_scalar(pairs in prop::collection::vec(any::<(i8, i8)>(), 0..700)) {
            let (a, b): (Vec<i8>, Vec<i8>) = pairs.into_iter().unzip();
            check_all(&a, &b);
            prop_assert_eq!(dot_i8(&a, &b), scalar(&a, &b));
        }

        #[test]
        fn rows_agree_with_scalar(dim in 1_usize..300, count in 0_usize..9, seed in any::<u64>()) {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as i8
            };
            let query: Vec<i8> = (0..dim).map(|_| next()).collect();
            let rows: Vec<i8> = (0..dim * count).map(|_| next()).collect();
            let expected: Vec<i32> = rows.chunks_exact(dim).map(|row| scalar(&query, row)).collect();
            for kernel in available() {
                let mut out = vec![0; count];
                // SAFETY: `rows` has `count` rows of the query's length and the kernel can run here.
                unsafe { (kernel.rows)(&query, &rows, &mut out) };
                prop_assert_eq!(&out, &expected, "{}", kernel.name);
            }
        }
    }
}
