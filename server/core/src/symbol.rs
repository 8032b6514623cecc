//! Symbols: the named things that code defines.

use crate::Span;

macro_rules! kinds {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $value:literal $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant = $value),+ }

        impl $name {
            /// Every value, in the order of their stable numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable name used in queries, settings and JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name() == name)
            }

            /// The value of that stable number, as stored on disk.
            pub fn from_number(number: u8) -> Option<Self> {
                match number { $($value => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}
pub(crate) use kinds;

kinds! {
    /// What a symbol is. The numbers are stored on disk and never reused.
    SymbolKind {
        /// A free function.
        Function = 1 "function",
        /// A function that belongs to a type.
        Method = 2 "method",
        /// A method that makes a value of its type.
        Constructor = 3 "constructor",
        /// A class.
        Class = 4 "class",
        /// A struct or record.
        Struct = 5 "struct",
        /// An enumeration or tagged union.
        Enum = 6 "enum",
        /// One value of an enumeration.
        EnumMember = 7 "enum_member",
        /// An interface or protocol.
        Interface = 8 "interface",
        /// A trait, mixin or type class.
        Trait = 9 "trait",
        /// A type alias or associated type.
        Type = 10 "type",
        /// A constant or static.
        Constant = 11 "constant",
        /// A variable with more than local reach.
        Variable = 12 "variable",
        /// A field of a type.
        Field = 13 "field",
        /// A property with accessors.
        Property = 14 "property",
        /// A module, package or file-level unit.
        Module = 15 "module",
        /// A namespace.
        Namespace = 16 "namespace",
        /// A macro.
        Macro = 17 "macro",
        /// An implementation block or extension: it holds methods and is no answer by itself.
        Impl = 18 "impl",
        /// A heading of a document and what stands under it.
        Section = 19 "section",
        /// A union of C or Rust.
        Union = 20 "union",
        /// A test that is written as a call with a description, such as `it("...")`.
        Test = 21 "test",
    }
}

kinds! {
    /// Who may name a symbol.
    Visibility {
        /// The language or the query says nothing of it.
        Unknown = 0 "unknown",
        /// Everyone.
        Public = 1 "public",
        /// The package, crate, module or subclasses.
        Restricted = 2 "restricted",
        /// The file or type alone.
        Private = 3 "private",
    }
}

impl SymbolKind {
    /// Whether symbols of this kind hold other symbols as members.
    pub const fn is_container(self) -> bool {
        matches!(
            self,
            Self::Class
                | Self::Struct
                | Self::Enum
                | Self::Interface
                | Self::Trait
                | Self::Module
                | Self::Namespace
                | Self::Impl
                | Self::Union
                | Self::Section
        )
    }

    /// Whether symbols of this kind name a type.
    pub const fn is_type(self) -> bool {
        matches!(
            self,
            Self::Class | Self::Struct | Self::Enum | Self::Interface | Self::Trait | Self::Type | Self::Union
        )
    }

    /// Whether symbols of this kind can be called.
    pub const fn is_callable(self) -> bool {
        matches!(self, Self::Function | Self::Method | Self::Constructor | Self::Macro)
    }
}

/// A named definition in one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// The name as written, without its container.
    pub name: Box<str>,
    /// Names of the enclosing symbols, outermost first, joined with the language's separator (`::` or `.`); may be empty.
    pub container: Box<str>,
    /// What it is.
    pub kind: SymbolKind,
    /// The whole definition with its attributes, decorators and documentation comment.
    pub span: Span,
    /// The name alone.
    pub name_span: Span,
    /// From the definition's first word to where its body begins; never empty for a parsed definition.
    pub signature: Span,
    /// The documentation comment or docstring.
    pub doc: Option<Span>,
    /// Who may name it.
    pub visibility: Visibility,
    /// Whether it is a test or belongs to one.
    pub test: bool,
    /// Index of the enclosing symbol in the same file, always smaller than the own index.
    pub parent: Option<u32>,
}
