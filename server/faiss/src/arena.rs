//! Memory for syntax trees that end with a [`scope`]: their nodes lie behind each other in one block, which is free at once
//! when the scope ends, and nobody gives them back one by one.
//!
//! A tree has a piece of memory for each of its inner nodes. Asking the C library for each is an eighth of what parsing
//! costs, and walking over them all to give them back comes on top. Everywhere else tree-sitter has the allocator of the C
//! library, which it also has within a scope when the block is full or there is none left; trees with such pieces are given
//! back as usual.
//!
//! That nothing of a scope is used after it is up to the types: an [`Arena`] has its own parser, its trees are borrowed from
//! it and cannot be cloned, and the code that it calls while it parses, or that looks at its trees, has the allocator of
//! the C library.
//!
//! This stands here because this crate alone has unsafe code (`docs/architecture.md`). `shim/arena.cpp` hands the
//! functions to tree-sitter before `main`, as [`tree_sitter::set_allocator`] wants it: before all other calls.

mod blocks;

use std::{
    cell::{Cell, RefCell},
    mem::ManuallyDrop,
    ops::ControlFlow,
    ptr,
};

use tree_sitter::{Language, Node, ParseOptions, ParseState, Parser, Range, Tree};

use blocks::{Block, LIBRARY, Supply, supplied};

/// What is to be parsed.
pub struct Request<'a, 'text> {
    /// The language; nothing is parsed if its grammar is of another version of tree-sitter.
    pub language: &'a Language,
    /// The ranges that are parsed, in order and without overlaps; the whole text if there are none.
    pub ranges: &'a [Range],
    /// Gives the text from a byte on.
    pub read: &'a mut dyn FnMut(usize) -> &'text [u8],
    /// Says whether parsing goes on; it is asked now and then.
    pub go_on: &'a mut dyn FnMut() -> ControlFlow<()>,
}

/// What parses texts: a [`Parser`], whose trees stay, or an [`Arena`].
pub trait TextParser {
    /// What it makes of them.
    type Tree: TextTree;

    /// Parses a text with what the tree of an earlier version of it, told of the edits, may give. `None` when it did not go
    /// on, or nothing could be parsed.
    fn parse(&mut self, request: Request<'_, '_>, old: Option<&Self::Tree>) -> Option<Self::Tree>;
}

/// A tree of whichever parser.
pub trait TextTree {
    /// The node that all others are in.
    fn root_node(&self) -> Node<'_>;
    /// The ranges that were parsed: one, of the whole text, if no others were asked for.
    fn included_ranges(&self) -> Vec<Range>;
}

impl TextParser for Parser {
    type Tree = Tree;

    fn parse(&mut self, request: Request<'_, '_>, old: Option<&Tree>) -> Option<Tree> {
        let Request { language, ranges, read, go_on } = request;
        self.set_language(language).ok()?;
        self.set_included_ranges(ranges).ok()?;
        let mut progress = |_: &ParseState| go_on();
        let options = ParseOptions::new().progress_callback(&mut progress);
        let tree = self.parse_with_options(&mut |at, _| read(at), old, Some(options));
        if tree.is_none() {
            self.reset();
        }
        tree
    }
}

impl TextTree for Tree {
    fn root_node(&self) -> Node<'_> {
        self.root_node()
    }

    fn included_ranges(&self) -> Vec<Range> {
        self.included_ranges()
    }
}

/// Parses texts into trees that end with its [`scope`].
pub struct Arena {
    parser: RefCell<ManuallyDrop<Parser>>,
    /// While no call of tree-sitter is under way for it.
    supply: Cell<Supply>,
    /// Given back after the parser.
    _block: Option<Block>,
}

/// A tree of an [`Arena`].
pub struct ArenaTree<'arena> {
    arena: &'arena Arena,
    tree: ManuallyDrop<Tree>,
}

/// Runs `run` with an arena. When all blocks are in use, one for each processor, or the system gives no memory for them,
/// its trees have the allocator of the C library.
pub fn scope<T>(run: impl FnOnce(&Arena) -> T) -> T {
    let block = Block::take();
    let supply = Cell::new(block.as_ref().map_or(LIBRARY, Block::supply));
    let parser = supplied(&supply, Parser::new);
    run(&Arena { parser: RefCell::new(ManuallyDrop::new(parser)), supply, _block: block })
}

/// An old tree of another arena is not used. Ends the process when `read` or `go_on` of a request parses with the same arena.
impl<'arena> TextParser for &'arena Arena {
    type Tree = ArenaTree<'arena>;

    fn parse(&mut self, request: Request<'_, '_>, old: Option<&Self::Tree>) -> Option<Self::Tree> {
        let arena = *self;
        let mut parser = arena.parser.borrow_mut();
        let outside = Cell::new(LIBRARY);
        let Request { language, ranges, read, go_on } = request;
        let read = &mut |at| supplied(&outside, || read(at));
        let go_on = &mut || supplied(&outside, &mut *go_on);
        let old = old.filter(|old| ptr::eq(old.arena, arena)).map(|old| &*old.tree);
        let request = Request { language, ranges, read, go_on };
        let tree = supplied(&arena.supply, || TextParser::parse(&mut **parser, request, old))?;
        Some(ArenaTree { arena, tree: ManuallyDrop::new(tree) })
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let parser = self.parser.get_mut();
        // SAFETY: it is dropped here alone, and not used again.
        supplied(&self.supply, || unsafe { ManuallyDrop::drop(parser) });
    }
}

impl TextTree for ArenaTree<'_> {
    fn root_node(&self) -> Node<'_> {
        self.tree.root_node()
    }

    fn included_ranges(&self) -> Vec<Range> {
        self.tree.included_ranges()
    }
}

impl Drop for ArenaTree<'_> {
    /// Gives a tree back piece by piece only if not all of it goes with the block.
    fn drop(&mut self) {
        if !self.arena.supply.get().has_all() {
            // SAFETY: it is dropped here alone, and not used again.
            supplied(&self.arena.supply, || unsafe { ManuallyDrop::drop(&mut self.tree) });
        }
    }
}

/// Gives the memory of blocks that are not in use back to the system.
pub(crate) fn release() {
    blocks::release();
}
