//! The name of a programming language.

/// A language by its stable lower-case name, such as `rust` or `typescript`. The table of languages that can be
/// analysed lives in `conexus-syntax`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language(&'static str);

impl Language {
    /// Text without a grammar: cut into windows of lines.
    pub const TEXT: Language = Language::named("text");

    /// A language of that name.
    pub const fn named(name: &'static str) -> Self {
        Self(name)
    }

    /// The stable lower-case name.
    pub const fn name(self) -> &'static str {
        self.0
    }
}

impl std::fmt::Display for Language {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0)
    }
}
