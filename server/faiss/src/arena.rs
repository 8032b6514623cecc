//! Memory for syntax trees: within a [`scope`], what tree-sitter asks for comes from one block, one piece behind the
//! other, and all of it is free at once when the scope ends.
//!
//! A tree has a piece of memory for each of its inner nodes, and asking the C library for each and giving it back is an
//! eighth of what parsing costs. Everywhere else tree-sitter has the allocator of the C library, which it also has
//! within a scope when the block is full or there is none left.
//!
//! What outlives its scope stays as it is: the block counts what lives in it and is not used again before that is
//! gone, on whatever thread. It is then memory of some megabytes that one node may hold, so scopes are for trees that
//! end within them.
//!
//! This stands here because this crate alone has unsafe code (`docs/architecture.md`). `shim/arena.cpp` hands the
//! functions to tree-sitter before `main`, as [`tree_sitter::set_allocator`] wants it: before all other calls.

use std::{
    cell::Cell,
    ffi::c_void,
    ptr::{self, NonNull},
    sync::{
        OnceLock,
        atomic::{AtomicIsize, AtomicPtr, AtomicU64, AtomicUsize, Ordering},
    },
    thread::available_parallelism,
};

use memmap2::{MmapOptions, MmapRaw};
// `shim/arena.cpp` calls it, which the compiler does not see.
use tree_sitter as _;

/// Bytes of a block. Of the texts of django and TanStack/router one in a hundred needs more, and with a quarter of it
/// half of what is won is lost; with four times as much nothing is won.
const BLOCK: usize = 4 << 20;
/// Most blocks: a bit each.
const MOST_BLOCKS: usize = 64;
/// Alignment of all pieces: what `malloc` gives on 64 bits, which tree-sitter may rely on.
const ALIGN: usize = 16;
/// Bytes before each piece. They hold the distance to the next piece.
const HEADER: usize = size_of::<usize>();

/// All blocks, one behind the other. Never unmapped.
struct Region {
    map: MmapRaw,
    blocks: usize,
}

/// Where the region begins, and its length: 0 until there is one. A piece was handed out after both were written, so who
/// asks about it sees them.
static BASE: AtomicPtr<u8> = AtomicPtr::new(ptr::null_mut());
static LENGTH: AtomicUsize = AtomicUsize::new(0);
/// A bit for each block that no scope has and nothing lives in.
static FREE: AtomicU64 = AtomicU64::new(0);
/// What lives in each block whose scope has ended. While the scope lasts: minus what others than its thread freed.
static LEFT: [AtomicIsize; MOST_BLOCKS] = [const { AtomicIsize::new(0) }; MOST_BLOCKS];

/// The block of the scope that a thread is in. Only that thread knows it.
struct Owner {
    /// Null outside of scopes.
    start: Cell<*mut u8>,
    /// Where the next piece may begin, in bytes from `start`.
    next: Cell<usize>,
    /// Pieces given out and not freed by this thread; those that other threads freed count as well.
    live: Cell<isize>,
}

thread_local! {
    static OWNER: Owner = const { Owner { start: Cell::new(ptr::null_mut()), next: Cell::new(0), live: Cell::new(0) } };
}

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn realloc(pointer: *mut c_void, size: usize) -> *mut c_void;
    fn free(pointer: *mut c_void);
    fn conexus_arena_is_installed() -> bool;
}

/// Runs `run` with a block for what tree-sitter asks for on this thread. A scope within a scope has the same block. When
/// all blocks are in use, or the system gives no memory for them, the scope changes nothing.
///
/// `run` should leave nothing behind that tree-sitter made: no tree, and no parser, which keeps some nodes for later.
pub fn scope<T>(run: impl FnOnce() -> T) -> T {
    /// Ends the scope, also when `run` panics.
    struct End(usize);

    impl Drop for End {
        fn drop(&mut self) {
            let live = OWNER.with(|owner| {
                owner.start.set(ptr::null_mut());
                owner.live.get()
            });
            // Whoever brings the count to 0 gives the block back: here, or where the last piece is freed.
            if LEFT[self.0].fetch_add(live, Ordering::AcqRel) + live == 0 {
                FREE.fetch_or(1 << self.0, Ordering::Release);
            }
        }
    }

    let Some(region) = region().filter(|_| OWNER.with(|owner| owner.start.get().is_null())) else { return run() };
    let Some(block) = take_block() else { return run() };
    debug_assert!(block < region.blocks, "only blocks that there are have been free");
    let _end = End(block);
    OWNER.with(|owner| {
        owner.start.set(region.map.as_mut_ptr().wrapping_add(block * BLOCK));
        owner.next.set(ALIGN);
        owner.live.set(0);
    });
    run()
}

/// How many blocks a scope may take now, and how many there are: fewer when scopes are at work, or when something outlives
/// its scope. None before the first scope.
pub fn idle_blocks() -> (usize, usize) {
    let blocks = region_if_any().map_or(0, |region| region.blocks);
    (FREE.load(Ordering::Acquire).count_ones() as usize, blocks)
}

/// Gives the memory of blocks that are not in use back to the system.
pub(crate) fn release() {
    let Some(region) = region_if_any() else { return };
    // Each is taken for the time, so that no scope begins in it.
    let mut idle = FREE.swap(0, Ordering::Acquire);
    let taken = idle;
    while idle != 0 {
        let block = idle.trailing_zeros() as usize;
        idle &= idle - 1;
        region.forget(block);
    }
    FREE.fetch_or(taken, Ordering::Release);
}

impl Region {
    /// Lets the system have the pages of a block, which nobody uses. One that refuses is ignored.
    #[cfg(unix)]
    fn forget(&self, block: usize) {
        let advice = memmap2::UncheckedAdvice::DontNeed;
        // SAFETY: the map is ours and anonymous; nothing lives in the block, and what is not written is not read there.
        let _ = unsafe { self.map.unchecked_advise_range(advice, block * BLOCK, BLOCK) };
    }

    #[cfg(not(unix))]
    fn forget(&self, _: usize) {}
}

static REGION: OnceLock<Option<Region>> = OnceLock::new();

fn region_if_any() -> Option<&'static Region> {
    REGION.get()?.as_ref()
}

/// The region. `None` when the system does not give it, or tree-sitter was not told of us.
fn region() -> Option<&'static Region> {
    REGION
        .get_or_init(|| {
            // SAFETY: no arguments; reads a value that was written before `main`.
            if !unsafe { conexus_arena_is_installed() } {
                return None;
            }
            let blocks = available_parallelism().map_or(1, usize::from).min(MOST_BLOCKS);
            let map = MmapOptions::new().len(blocks * BLOCK).no_reserve_swap().map_anon().ok()?;
            let map = MmapRaw::from(map);
            BASE.store(map.as_mut_ptr(), Ordering::Relaxed);
            LENGTH.store(blocks * BLOCK, Ordering::Release);
            FREE.store(u64::MAX >> (MOST_BLOCKS - blocks), Ordering::Release);
            Some(Region { map, blocks })
        })
        .as_ref()
}

/// Takes the first free block.
fn take_block() -> Option<usize> {
    let without_first = |free: u64| (free != 0).then(|| free & (free - 1));
    let before = FREE.fetch_update(Ordering::Acquire, Ordering::Relaxed, without_first).ok()?;
    Some(before.trailing_zeros() as usize)
}

/// The block that a piece lies in; `None` for one of the C library.
#[inline]
fn block_of(pointer: *mut c_void) -> Option<usize> {
    let length = LENGTH.load(Ordering::Acquire);
    let offset = (pointer as usize).wrapping_sub(BASE.load(Ordering::Relaxed) as usize);
    (offset < length).then_some(offset / BLOCK)
}

/// The distance from a piece of that size to the next.
#[inline]
fn distance(size: usize) -> Option<usize> {
    size.checked_add(HEADER + ALIGN - 1).map(|size| size & !(ALIGN - 1))
}

/// The header of a piece.
///
/// # Safety
/// The piece is of the arena and lives.
#[inline]
unsafe fn header(piece: *mut u8) -> *mut usize {
    // SAFETY: pieces begin `HEADER` bytes or more behind the start of their block.
    unsafe { piece.sub(HEADER).cast() }
}

impl Owner {
    /// The next piece of the block, if there is one and it has room.
    #[inline]
    fn piece(&self, size: usize) -> Option<NonNull<c_void>> {
        let start = NonNull::new(self.start.get())?;
        let next = self.next.get();
        let distance = distance(size).filter(|distance| *distance <= BLOCK - next)?;
        self.next.set(next + distance);
        self.live.set(self.live.get() + 1);
        // SAFETY: `next` and what follows up to `distance` are within the block, which is this thread's; no piece that
        // lives reaches behind `next` less the header.
        unsafe {
            let piece = start.add(next);
            *header(piece.as_ptr()) = distance;
            Some(piece.cast())
        }
    }

    /// How far a piece is from the start of the block, if it is in it.
    #[inline]
    fn offset(&self, piece: *mut u8) -> Option<usize> {
        let start = self.start.get();
        let offset = (piece as usize).wrapping_sub(start as usize);
        (!start.is_null() && offset < BLOCK).then_some(offset)
    }
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
    match OWNER.with(|owner| owner.piece(size)) {
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
    let Some(block) = block_of(pointer) else {
        // SAFETY: it is not of the arena, so the C library gave it.
        return unsafe { free(pointer) };
    };
    let piece = pointer.cast::<u8>();
    let is_ours = OWNER.with(|owner| {
        let Some(offset) = owner.offset(piece) else { return false };
        owner.live.set(owner.live.get() - 1);
        // The last piece goes as it came: much of what is freed is.
        // SAFETY: the piece is of the arena and lives until here.
        if offset + unsafe { *header(piece) } == owner.next.get() {
            owner.next.set(offset);
        }
        true
    });
    // 1 is only there when the scope of the block has ended, and then this was the last piece in it.
    if !is_ours && LEFT[block].fetch_sub(1, Ordering::AcqRel) == 1 {
        FREE.fetch_or(1 << block, Ordering::Release);
    }
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
    if block_of(pointer).is_none() {
        // Not 0, which would free it.
        let size = size.max(1);
        // SAFETY: it is not of the arena, so the C library gave it.
        return of_the_library(unsafe { realloc(pointer, size) }, size);
    }
    let piece = pointer.cast::<u8>();
    // SAFETY: the piece is of the arena and lives.
    let has = unsafe { *header(piece) };
    let Some(wanted) = distance(size) else { return of_the_library(ptr::null_mut(), size) };
    let fits = wanted <= has
        || OWNER.with(|owner| {
            let Some(offset) = owner.offset(piece) else { return false };
            let has_room = offset + has == owner.next.get() && wanted <= BLOCK - offset;
            if has_room {
                owner.next.set(offset + wanted);
                // SAFETY: as above, and the thread is the block's.
                unsafe { *header(piece) = wanted };
            }
            has_room
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
        scope(|| ());
        assert!(all_idle(), "the test before left something");
        alone
    }

    fn all_idle() -> bool {
        let (idle, blocks) = idle_blocks();
        assert!(blocks > 0, "there are blocks");
        idle == blocks
    }

    /// A piece of memory that says what it should hold.
    struct Piece {
        pointer: *mut u8,
        size: usize,
        fill: u8,
    }

    // SAFETY: it owns its memory, which may be freed on any thread.
    unsafe impl Send for Piece {}

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
            block_of(self.pointer.cast()).is_some()
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Malloc(usize),
        Calloc(usize, usize),
        Realloc(usize, usize),
        Free(usize),
        /// Freed on another thread, within the scope.
        Hand(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let size = || prop_oneof![8 => 0..200_usize, 1 => 0..100_000_usize, 1 => BLOCK / 4..BLOCK];
        prop_oneof![
            4 => size().prop_map(Step::Malloc),
            1 => (0..20_usize, 0..50_usize).prop_map(|(count, size)| Step::Calloc(count, size)),
            2 => (any::<usize>(), size()).prop_map(|(piece, size)| Step::Realloc(piece, size)),
            3 => any::<usize>().prop_map(Step::Free),
            1 => any::<usize>().prop_map(Step::Hand),
        ]
    }

    fn take(pieces: &mut Vec<Piece>, at: usize) -> Option<Piece> {
        let at = at.checked_rem(pieces.len())?;
        // The last one is often the one, as it is with parsers.
        Some(if at.is_multiple_of(2) { pieces.pop()? } else { pieces.swap_remove(at) })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is asked for in whatever order, within scopes, in other scopes later, outside and on other threads:
        /// pieces do not overlap and keep their bytes, and in the end every block is free.
        #[test]
        fn pieces_keep_their_bytes(scopes in prop::collection::vec((any::<bool>(), prop::collection::vec(step(), 0..60)), 1..6)) {
            let _alone = alone();
            let mut pieces = Vec::new();
            let mut fill = 0_u8;
            for (is_scope, steps) in scopes {
                let run = || {
                    for step in steps {
                        fill = fill.wrapping_add(1);
                        match step {
                            Step::Malloc(size) => pieces.push(Piece::new(size, fill)),
                            Step::Calloc(count, size) => pieces.push(Piece::zeroed(count, size, fill)),
                            Step::Realloc(at, size) => {
                                if let Some(piece) = take(&mut pieces, at) {
                                    pieces.push(piece.resized(size, fill));
                                }
                            }
                            Step::Free(at) => {
                                if let Some(piece) = take(&mut pieces, at) {
                                    piece.free();
                                }
                            }
                            Step::Hand(at) => {
                                let piece = take(&mut pieces, at);
                                std::thread::scope(|threads| threads.spawn(|| piece.map(Piece::free)).join()).expect("it frees");
                            }
                        }
                    }
                };
                if is_scope { scope(run) } else { run() }
            }
            pieces.into_iter().for_each(Piece::free);
            prop_assert!(all_idle());
        }
    }

    #[test]
    fn a_block_is_not_used_again_before_the_last_piece_in_it_is_gone() {
        let _alone = alone();
        let (first, second) = scope(|| (Piece::new(40, 1), Piece::new(40, 2)));
        let third = scope(|| Piece::new(40, 3));
        assert!(first.is_in_a_block() && !all_idle());
        assert_eq!(first.pointer as usize + 48, second.pointer as usize);
        let is_apart = block_of(first.pointer.cast()) != block_of(third.pointer.cast());
        assert!(is_apart, "another block, or memory of the library where there is one block");
        first.free();
        third.free();
        assert!(!all_idle());
        std::thread::spawn(|| second.free()).join().expect("it frees");
        assert!(all_idle());
    }

    #[test]
    fn what_another_thread_frees_within_the_scope_is_counted() {
        let _alone = alone();
        let left = scope(|| {
            let (handed, left) = (Piece::new(40, 1), Piece::new(40, 2));
            std::thread::scope(|threads| threads.spawn(|| handed.free()).join()).expect("it frees");
            left
        });
        assert!(!all_idle(), "one piece is left");
        left.free();
        assert!(all_idle());
    }

    #[test]
    fn scopes_begin_anew_and_a_scope_within_a_scope_is_the_same() {
        let _alone = alone();
        let place = |piece: Piece| {
            let place = piece.is_in_a_block().then_some(piece.pointer as usize);
            piece.free();
            place.expect("it is in a block")
        };
        let first = scope(|| place(Piece::new(40, 1)));
        let (again, within, after) = scope(|| {
            let outer = Piece::new(40, 1);
            let again = outer.pointer as usize;
            let within = scope(|| place(Piece::new(40, 2)));
            let after = place(Piece::new(40, 3));
            outer.free();
            (again, within, after)
        });
        assert_eq!((first, first + 48, first + 48), (again, within, after), "the last piece goes as it came");
        assert!(all_idle());
        let outside = Piece::new(40, 4);
        assert!(!outside.is_in_a_block());
        outside.free();
    }

    #[test]
    fn a_panic_ends_its_scope() {
        let _alone = alone();
        let left = Mutex::new(None);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            scope(|| {
                *left.lock().expect("no other thread") = Some(Piece::new(40, 1));
                panic!("a parser panics");
            });
        }));
        assert!(panicked.is_err());
        assert!(OWNER.with(|owner| owner.start.get().is_null()) && !all_idle());
        let left = left.into_inner().unwrap_or_else(PoisonError::into_inner);
        left.expect("a piece").free();
        assert!(all_idle());
    }

    #[test]
    fn what_does_not_fit_comes_from_the_library() {
        let _alone = alone();
        scope(|| {
            let mut pieces: Vec<_> = (0..BLOCK / 1_000).map(|at| Piece::new(1_000, at as u8)).collect();
            let in_block = pieces.iter().filter(|piece| piece.is_in_a_block()).count();
            assert_eq!(in_block, (BLOCK - ALIGN) / 1_008);
            // The last of the block cannot grow where it is.
            let grown = pieces.remove(in_block - 1).resized(5_000, 1);
            assert!(!grown.is_in_a_block());
            let large = Piece::zeroed(2, BLOCK, 1);
            assert!(!large.is_in_a_block());
            pieces.into_iter().chain([grown, large]).for_each(Piece::free);
        });
        assert!(all_idle());
    }

    #[test]
    fn idle_blocks_can_be_given_back_to_the_system() {
        let _alone = alone();
        let kept = scope(|| Piece::new(100_000, 7));
        scope(|| Piece::new(100_000, 8).free());
        release();
        kept.check(kept.size);
        kept.free();
        assert!(all_idle());
        scope(|| Piece::zeroed(1_000, 100, 9).free());
        assert!(all_idle());
    }
}
