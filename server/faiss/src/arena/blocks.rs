//! The blocks, and the functions that tree-sitter has for its memory: what a thread's pieces come from is its supply.

use std::{
    cell::Cell,
    ffi::c_void,
    ptr::{self, NonNull},
    sync::{
        OnceLock,
        atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering},
    },
    thread::available_parallelism,
};

use memmap2::{MmapOptions, MmapRaw};

/// Bytes of a block. Of the texts of django and TanStack/router one in a hundred needs more, and with a quarter of it
/// half of what is won is lost; with four times as much nothing is won.
const BLOCK: usize = 4 << 20;
/// Most blocks: a bit each.
const MOST_BLOCKS: usize = 64;
/// Alignment of all pieces: what `malloc` gives on 64 bits, which tree-sitter may rely on.
const ALIGN: usize = 16;
/// Bytes before each piece. They hold the distance to the next piece.
const HEADER: usize = size_of::<usize>();

/// The region of all blocks, one behind the other; never unmapped. `None` when the system does not give it, or tree-sitter
/// was not told of us.
static REGION: OnceLock<Option<MmapRaw>> = OnceLock::new();
/// Where the region begins, and its length: 0 until there is one. A piece was handed out after both were written, so who
/// asks about it sees them.
static BASE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);
/// A bit for each block that no scope has.
static FREE: AtomicU64 = AtomicU64::new(0);

/// What a thread's pieces come from.
#[derive(Clone, Copy)]
pub(super) struct Supply {
    /// The block; null where they come from the C library.
    start: *mut u8,
    /// Where the next piece may begin, in bytes from `start`.
    next: usize,
    /// Whether the block had no room for a piece.
    overflowed: bool,
}

/// All pieces come from the C library.
pub(super) const LIBRARY: Supply = Supply { start: ptr::null_mut(), next: 0, overflowed: false };

thread_local! {
    static SUPPLY: Cell<Supply> = const { Cell::new(LIBRARY) };
}

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void;
    fn free(pointer: *mut c_void);
    fn conexus_arena_is_installed() -> bool;
}

/// A block that was taken; given back when it is dropped.
pub(super) struct Block {
    number: usize,
}

impl Block {
    /// Takes the first that is free. `None` when all are in use, or there are none.
    pub(super) fn take() -> Option<Self> {
        REGION.get_or_init(new_region).as_ref()?;
        let without_first = |free: u64| (free != 0).then(|| free & (free - 1));
        let before = FREE.fetch_update(Ordering::Acquire, Ordering::Relaxed, without_first).ok()?;
        Some(Self { number: before.trailing_zeros() as usize })
    }

    /// All of it.
    pub(super) fn supply(&self) -> Supply {
        let start = BASE.load(Ordering::Relaxed).wrapping_add(self.number * BLOCK);
        Supply { start, next: ALIGN, overflowed: false }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        FREE.fetch_or(1 << self.number, Ordering::Release);
    }
}

/// Runs `run` with another supply of this thread's pieces, which is written back as it is then.
pub(super) fn supplied<T>(supply: &Cell<Supply>, run: impl FnOnce() -> T) -> T {
    /// Puts back the supply of before, also when `run` panics.
    struct Back<'a>(&'a Cell<Supply>);

    impl Drop for Back<'_> {
        fn drop(&mut self) {
            SUPPLY.with(|current| current.swap(self.0));
        }
    }

    SUPPLY.with(|current| current.swap(supply));
    let _back = Back(supply);
    run()
}

/// Gives the memory of blocks that are not in use back to the system.
pub(super) fn release() {
    let Some(region) = REGION.get().and_then(Option::as_ref) else { return };
    // Each is taken for the time, so that no scope begins in it.
    let mut idle = FREE.swap(0, Ordering::Acquire);
    let taken = idle;
    while idle != 0 {
        let block = idle.trailing_zeros() as usize;
        idle &= idle - 1;
        forget(region, block);
    }
    FREE.fetch_or(taken, Ordering::Release);
}

/// Lets the system have the pages of a block, which nobody uses. One that refuses is ignored.
#[cfg(unix)]
fn forget(region: &MmapRaw, block: usize) {
    let advice = memmap2::UncheckedAdvice::DontNeed;
    // SAFETY: the map is ours and anonymous; nothing lives in the block, and what is not written is not read there.
    let _ = unsafe { region.unchecked_advise_range(advice, block * BLOCK, BLOCK) };
}

#[cfg(not(unix))]
fn forget(_: &MmapRaw, _: usize) {}

/// Makes the region, which the first block that is taken does.
fn new_region() -> Option<MmapRaw> {
    // SAFETY: no arguments; reads a value that was written before `main`.
    if !unsafe { conexus_arena_is_installed() } {
        return None;
    }
    let blocks = available_parallelism().map_or(1, usize::from).min(MOST_BLOCKS);
    let region = MmapRaw::from(MmapOptions::new().len(blocks * BLOCK).no_reserve_swap().map_anon().ok()?);
    BASE.store(region.as_mut_ptr(), Ordering::Relaxed);
    LENGTH.store(blocks * BLOCK, Ordering::Release);
    FREE.store(u64::MAX >> (MOST_BLOCKS - blocks), Ordering::Release);
    Some(region)
}

/// Whether a piece lies in a block, not with the C library.
#[inline]
fn is_in_a_block(pointer: *mut c_void) -> bool {
    let length = LENGTH.load(Ordering::Acquire);
    (pointer as usize).wrapping_sub(BASE.load(Ordering::Relaxed) as usize) < length
}

/// The distance from a piece of that size to the next.
#[inline]
fn distance(size: usize) -> Option<usize> {
    size.checked_add(HEADER + ALIGN - 1).map(|size| size & !(ALIGN - 1))
}

/// The header of a piece.
///
/// # Safety
/// The piece is of a block and lives.
#[inline]
unsafe fn header(piece: *mut u8) -> *mut usize {
    // SAFETY: pieces begin `HEADER` bytes or more behind the start of their block.
    unsafe { piece.sub(HEADER).cast() }
}

impl Supply {
    /// Whether all pieces so far came from the block.
    pub(super) fn has_all(self) -> bool {
        !self.start.is_null() && !self.overflowed
    }

    /// The next piece of the block, if there is one and it has room.
    #[inline]
    fn piece(&mut self, size: usize) -> Option<NonNull<c_void>> {
        let start = NonNull::new(self.start)?;
        let Some(distance) = distance(size).filter(|distance| *distance <= BLOCK - self.next) else {
            self.overflowed = true;
            return None;
        };
        // SAFETY: `next` and what follows up to `distance` are within the block, which is this thread's; no piece that
        // lives reaches behind `next` less the header.
        let piece = unsafe {
            let piece = start.add(self.next);
            *header(piece.as_ptr()) = distance;
            piece
        };
        self.next += distance;
        Some(piece.cast())
    }

    /// How far a piece is from the start of the block, if it is the last one in it.
    ///
    /// # Safety
    /// The piece is of a block and lives.
    #[inline]
    unsafe fn offset_of_last(&self, piece: *mut u8) -> Option<usize> {
        let offset = (piece as usize).wrapping_sub(self.start as usize);
        // SAFETY: the piece is of a block and lives.
        (!self.start.is_null() && offset < BLOCK && offset + unsafe { *header(piece) } == self.next).then_some(offset)
    }
}

/// Changes the supply of this thread.
#[inline]
fn change<T>(change: impl FnOnce(&mut Supply) -> T) -> T {
    SUPPLY.with(|cell| {
        let mut supply = cell.get();
        let result = change(&mut supply);
        cell.set(supply);
        result
    })
}

/// What the C library gives. Ends the program when there is no memory, as tree-sitter does by itself.
fn of_the_library(pointer: *mut c_void, size: usize) -> *mut c_void {
    if pointer.is_null() && size > 0 {
        let layout = std::alloc::Layout::from_size_align(size, ALIGN);
        std::alloc::handle_alloc_error(layout.unwrap_or(std::alloc::Layout::new::<u8>()));
    }
    pointer
}

/// `malloc` for tree-sitter.
// SAFETY: nothing else in the program has this name.
#[unsafe(no_mangle)]
extern "C" fn conexus_arena_malloc(size: usize) -> *mut c_void {
    match change(|supply| supply.piece(size)) {
        Some(piece) => piece.as_ptr(),
        // SAFETY: any size may be asked for.
        None => of_the_library(unsafe { malloc(size) }, size),
    }
}

/// `calloc` for tree-sitter.
// SAFETY: nothing else in the program has this name.
#[unsafe(no_mangle)]
extern "C" fn conexus_arena_calloc(count: usize, size: usize) -> *mut c_void {
    // What does not fit into a number is refused as what does not fit into memory.
    let bytes = count.saturating_mul(size);
    let pointer = conexus_arena_malloc(bytes);
    // SAFETY: the piece has that many bytes, and nobody else has it.
    unsafe { pointer.write_bytes(0, bytes) };
    pointer
}

/// `free` for tree-sitter.
///
/// # Safety
/// The pointer is null or came from here, and is not used any more.
// SAFETY: nothing else in the program has this name.
#[unsafe(no_mangle)]
unsafe extern "C" fn conexus_arena_free(pointer: *mut c_void) {
    if !is_in_a_block(pointer) {
        // SAFETY: it is not of a block, so the C library gave it.
        return unsafe { free(pointer) };
    }
    // The last piece goes as it came: much of what is freed is. The others go with the scope.
    change(|supply| {
        // SAFETY: the piece is of a block and lives until here.
        if let Some(offset) = unsafe { supply.offset_of_last(pointer.cast()) } {
            supply.next = offset;
        }
    });
}

/// `realloc` for tree-sitter.
///
/// # Safety
/// The pointer is null or came from here; only what this returns is used afterwards.
// SAFETY: nothing else in the program has this name.
#[unsafe(no_mangle)]
unsafe extern "C" fn conexus_arena_realloc(pointer: *mut c_void, size: usize) -> *mut c_void {
    if pointer.is_null() {
        return conexus_arena_malloc(size);
    }
    if !is_in_a_block(pointer) {
        // Not 0, which would free it.
        let size = size.max(1);
        // SAFETY: it is not of a block, so the C library gave it.
        return of_the_library(unsafe { realloc(pointer, size) }, size);
    }
    let piece = pointer.cast::<u8>();
    // SAFETY: the piece is of a block and lives.
    let has = unsafe { *header(piece) };
    let Some(wanted) = distance(size) else { return of_the_library(ptr::null_mut(), size) };
    let fits = wanted <= has
        || change(|supply| {
            // SAFETY: as above.
            let offset = unsafe { supply.offset_of_last(piece) };
            let Some(offset) = offset.filter(|offset| wanted <= BLOCK - offset) else { return false };
            supply.next = offset + wanted;
            // SAFETY: as above, and the block is this thread's.
            unsafe { *header(piece) = wanted };
            true
        });
    if fits {
        return pointer;
    }
    let moved = conexus_arena_malloc(size);
    // SAFETY: both pieces live, they are two, the old one has `has` bytes less its header and the new one has more. The
    // old one is not used any more.
    unsafe {
        ptr::copy_nonoverlapping(piece, moved.cast(), has - HEADER);
        conexus_arena_free(pointer);
    }
    moved
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, MutexGuard, PoisonError};

    use proptest::prelude::*;

    use super::*;

    /// The tests count blocks, which all threads share.
    static ALONE: Mutex<()> = Mutex::new(());

    fn alone() -> MutexGuard<'static, ()> {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        drop(Block::take());
        assert!(all_idle(), "the test before left something");
        alone
    }

    /// Runs `run` with the supply of a block, or of the library where none is free.
    fn scope<T>(run: impl FnOnce(&Cell<Supply>) -> T) -> T {
        let block = Block::take();
        run(&Cell::new(block.as_ref().map_or(LIBRARY, Block::supply)))
    }

    fn all_idle() -> bool {
        let blocks = LENGTH.load(Ordering::Acquire) / BLOCK;
        assert!(blocks > 0, "there are blocks");
        let is_outside = SUPPLY.with(|supply| supply.get().start.is_null());
        is_outside && FREE.load(Ordering::Acquire).count_ones() as usize == blocks
    }

    /// A piece of memory that says what it should hold.
    struct Piece {
        pointer: *mut u8,
        size: usize,
        fill: u8,
    }

    impl Piece {
        fn new(size: usize, fill: u8) -> Self {
            Self::filled(conexus_arena_malloc(size), size, fill)
        }

        fn filled(pointer: *mut c_void, size: usize, fill: u8) -> Self {
            assert!((pointer as usize).is_multiple_of(ALIGN));
            // SAFETY: the piece has that many bytes.
            unsafe { pointer.write_bytes(fill, size) };
            Self { pointer: pointer.cast(), size, fill }
        }

        fn zeroed(count: usize, size: usize, fill: u8) -> Self {
            let piece = Self { pointer: conexus_arena_calloc(count, size).cast(), size: count * size, fill: 0 };
            piece.check(piece.size);
            Self::filled(piece.pointer.cast(), piece.size, fill)
        }

        fn resized(self, size: usize, fill: u8) -> Self {
            // SAFETY: only what comes back is used.
            let pointer = unsafe { conexus_arena_realloc(self.pointer.cast(), size) };
            let kept = Self { pointer: pointer.cast(), ..self };
            kept.check(size.min(self.size));
            Self::filled(pointer, size, fill)
        }

        fn check(&self, size: usize) {
            // SAFETY: the piece has at least that many bytes.
            let bytes = unsafe { std::slice::from_raw_parts(self.pointer, size) };
            assert!(bytes.iter().all(|byte| *byte == self.fill), "a piece holds what was written to it");
        }

        fn free(self) {
            self.check(self.size);
            // SAFETY: it is not used any more.
            unsafe { conexus_arena_free(self.pointer.cast()) };
        }

        fn is_in_a_block(&self) -> bool {
            is_in_a_block(self.pointer.cast())
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Malloc(usize),
        Calloc(usize, usize),
        Realloc(usize, usize),
        Free(usize),
    }

    fn step() -> impl Strategy<Value = (bool, Step)> {
        let size = || prop_oneof![8 => 0..200_usize, 1 => 0..100_000_usize, 1 => BLOCK / 4..BLOCK];
        let step = prop_oneof![
            4 => size().prop_map(Step::Malloc),
            1 => (0..20_usize, 0..50_usize).prop_map(|(count, size)| Step::Calloc(count, size)),
            2 => (any::<usize>(), size()).prop_map(|(piece, size)| Step::Realloc(piece, size)),
            3 => any::<usize>().prop_map(Step::Free),
        ];
        (prop::bool::weighted(0.8), step)
    }

    fn take(pieces: &mut Vec<Piece>, at: usize) -> Option<Piece> {
        let at = at.checked_rem(pieces.len())?;
        // The last one is often the one, as it is with parsers.
        Some(if at.is_multiple_of(2) { pieces.pop()? } else { pieces.swap_remove(at) })
    }

    fn make(step: Step, fill: u8, pieces: &mut Vec<Piece>) {
        match step {
            Step::Malloc(size) => pieces.push(Piece::new(size, fill)),
            Step::Calloc(count, size) => pieces.push(Piece::zeroed(count, size, fill)),
            Step::Realloc(at, size) => {
                if let Some(piece) = take(pieces, at) {
                    pieces.push(piece.resized(size, fill));
                }
            }
            Step::Free(at) => {
                if let Some(piece) = take(pieces, at) {
                    piece.free();
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is asked for in whatever order, in scopes and between what is asked of the library: pieces do not
        /// overlap and keep their bytes; those of blocks go with their scope, and in the end every block is free.
        #[test]
        fn pieces_keep_their_bytes(scopes in prop::collection::vec(prop::collection::vec(step(), 0..60), 1..6)) {
            let _alone = alone();
            // Those of the library outlive scopes.
            let mut pieces = Vec::new();
            let mut fill = 0_u8;
            for steps in scopes {
                scope(|block| {
                    for (inside, step) in steps {
                        fill = fill.wrapping_add(1);
                        let outside = Cell::new(LIBRARY);
                        let supply = if inside { block } else { &outside };
                        supplied(supply, || make(step, fill, &mut pieces));
                    }
                    for piece in &pieces {
                        piece.check(piece.size);
                    }
                    pieces.retain(|piece| !piece.is_in_a_block());
                });
            }
            pieces.into_iter().for_each(Piece::free);
            prop_assert!(all_idle());
        }
    }

    #[test]
    fn scopes_begin_anew_and_a_scope_within_a_scope_has_another_block() {
        let _alone = alone();
        let first = |supply: &Cell<Supply>| supplied(supply, || Piece::new(40, 1).pointer as usize);
        let place = scope(first);
        assert_eq!(scope(first), place);
        let (outer, inner, after) = scope(|supply| {
            let outer = first(supply);
            (outer, scope(first), first(supply))
        });
        assert_eq!((outer, after), (place, place + 48), "one piece is behind the other");
        assert!(inner.abs_diff(outer) >= BLOCK, "another block, or memory of the library where there is one block");
        assert!(all_idle());
        let outside = Piece::new(40, 4);
        assert!(!outside.is_in_a_block());
        outside.free();
    }

    #[test]
    fn the_last_piece_goes_as_it_came() {
        let _alone = alone();
        scope(|supply| {
            supplied(supply, || {
                let (first, second) = (Piece::new(40, 1), Piece::new(40, 2));
                let place = second.pointer;
                second.free();
                let again = Piece::new(400, 3);
                assert_eq!(again.pointer, place);
                first.free();
                let grown = again.resized(5_000, 4);
                assert_eq!(grown.pointer, place, "the last one grows where it is");
            });
        });
    }

    #[test]
    fn a_panic_ends_its_scope() {
        let _alone = alone();
        let panicked = std::panic::catch_unwind(|| {
            scope(|supply| {
                supplied(supply, || {
                    let piece = Piece::new(40, 1);
                    assert!(piece.is_in_a_block());
                    panic!("a parser panics");
                });
            });
        });
        assert!(panicked.is_err());
        assert!(all_idle());
    }

    #[test]
    fn what_does_not_fit_comes_from_the_library() {
        let _alone = alone();
        scope(|supply| {
            assert!(supply.get().has_all());
            let used = supply.get().next;
            let mut pieces: Vec<_> =
                supplied(supply, || (0..(BLOCK - used) / 1_008).map(|at| Piece::new(1_000, at as u8)).collect());
            assert!(supply.get().has_all() && pieces.iter().all(Piece::is_in_a_block));
            let room = BLOCK - used - pieces.len() * 1_008;
            supplied(supply, || {
                // The last of the block cannot grow where it is.
                let grown = pieces.pop().expect("a piece").resized(1_000 + room + 1, 1);
                assert!(!grown.is_in_a_block());
                let large = Piece::zeroed(2, BLOCK, 1);
                assert!(!large.is_in_a_block());
                pieces.into_iter().chain([grown, large]).for_each(Piece::free);
            });
            assert!(!supply.get().has_all(), "trees are given back as usual from now on");
        });
        assert!(all_idle());
    }

    #[test]
    fn without_a_free_block_all_comes_from_the_library() {
        let _alone = alone();
        fn each_in_the_one_before(left: usize) {
            scope(|supply| {
                let piece = supplied(supply, || Piece::new(40, 1));
                assert_eq!(piece.is_in_a_block(), left > 0);
                assert_eq!(supply.get().has_all(), left > 0);
                if let Some(left) = left.checked_sub(1) {
                    each_in_the_one_before(left);
                }
                supplied(supply, || piece.free());
            });
        }
        each_in_the_one_before(LENGTH.load(Ordering::Acquire) / BLOCK);
        assert!(all_idle());
    }

    #[test]
    fn idle_blocks_can_be_given_back_to_the_system() {
        let _alone = alone();
        scope(|outer| {
            let kept = supplied(outer, || Piece::new(100_000, 7));
            scope(|supply| supplied(supply, || Piece::new(100_000, 8).free()));
            release();
            kept.check(kept.size);
        });
        release();
        assert!(all_idle());
        scope(|supply| supplied(supply, || Piece::zeroed(1_000, 100, 9).free()));
        assert!(all_idle());
    }
}
