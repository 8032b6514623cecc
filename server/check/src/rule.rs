//! The closed set of rules, and which of them are wanted.

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident $code:literal $default:literal $summary:literal;)+) => {
        /// A rule.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Rule { $($(#[$doc])* $variant),+ }

        impl Rule {
            /// Every rule, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable identifier.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }

            /// What it finds, in one line.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary),+ }
            }

            /// Whether it runs without being asked for.
            pub const fn is_default(self) -> bool {
                match self { $(Self::$variant => $default),+ }
            }
        }
    };
}

rules! {
    /// Code that stands elsewhere in the repository.
    DuplicateCode "duplicate-code" true "functions that do the same thing as others in the repository";
    /// Code that a change adds although the repository had it.
    Reinvented "reinvented" true "code that a change adds while the repository already has it";
    /// Documentation that names what is not there any more.
    StaleReference "stale-reference" true "documentation that names a symbol or file that does not exist any more";
    /// A symbol that nothing mentions.
    UnusedSymbol "unused-symbol" true "symbols that nothing in the repository mentions";
    /// A public symbol without documentation.
    UndocumentedPublic "undocumented-public" false "public symbols without documentation";
    /// A changed function that no test reaches.
    UntestedChange "untested-change" false "changed functions that no test reaches";
    /// Rules of the user's own.
    Custom "custom" true "the rules in .conexus/rules";
}

impl Rule {
    /// The rule of that identifier.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.code() == code)
    }

    /// Whether it looks at a change and says nothing without one.
    pub const fn needs_change(self) -> bool {
        matches!(self, Self::Reinvented | Self::UntestedChange)
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.code())
    }
}

/// The rules that are to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Selection(u32);

impl Default for Selection {
    fn default() -> Self {
        Self::of(Rule::ALL.iter().copied().filter(|rule| rule.is_default()))
    }
}

impl Selection {
    /// These rules.
    pub fn of(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self(rules.into_iter().fold(0, |bits, rule| bits | 1 << rule as u32))
    }

    /// These and another.
    pub const fn with(self, rule: Rule) -> Self {
        Self(self.0 | 1 << rule as u32)
    }

    /// These without one.
    pub const fn without(self, rule: Rule) -> Self {
        Self(self.0 & !(1 << rule as u32))
    }

    /// These and those.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without those.
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether a rule is among them.
    pub const fn contains(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u32) != 0
    }

    /// The rules in their order.
    pub fn iter(self) -> impl Iterator<Item = Rule> {
        Rule::ALL.iter().copied().filter(move |rule| self.contains(*rule))
    }
}
