//! References: the places that mention a name.

use crate::{Span, symbol::kinds};

kinds! {
    /// How a name is mentioned. The numbers are stored on disk and never reused.
    ReferenceKind {
        /// Called as a function or method, or constructed.
        Call = 1 "call",
        /// Used as a type.
        Type = 2 "type",
        /// Brought into scope.
        Import = 3 "import",
        /// Extended, implemented or derived.
        Inherit = 4 "inherit",
        /// Invoked as a macro, decorator, attribute or annotation.
        Macro = 5 "macro",
        /// Named in another way.
        Mention = 6 "mention",
    }
}

/// One mention of a name; its text is the text of `span`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The name alone.
    pub span: Span,
    /// How it is mentioned.
    pub kind: ReferenceKind,
    /// The innermost symbol of the file around it, as an index into the symbols of the file.
    pub within: Option<u32>,
}
