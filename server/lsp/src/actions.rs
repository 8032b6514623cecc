//! What can be asked about the symbol under the cursor, as code actions and as commands.

use conexus_engine::{RelationKind, RelationKinds};
use lsp_types::{Position, Uri};
use serde::{Deserialize, Serialize};

/// One code action and its command. Their kinds begin with `source.conexus`, which no editor runs on saving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Similar,
    Callers,
    Callees,
    Tests,
    Reuse,
    Context,
}

impl Action {
    /// In the order in which they are offered.
    pub(crate) const ALL: [Self; 6] =
        [Self::Similar, Self::Callers, Self::Callees, Self::Tests, Self::Reuse, Self::Context];

    /// The kind of the code action.
    pub(crate) const fn kind(self) -> &'static str {
        match self {
            Self::Similar => "source.conexus.similar",
            Self::Callers => "source.conexus.callers",
            Self::Callees => "source.conexus.callees",
            Self::Tests => "source.conexus.tests",
            Self::Reuse => "source.conexus.reuse",
            Self::Context => "source.conexus.context",
        }
    }

    /// The command that it runs.
    pub(crate) const fn command(self) -> &'static str {
        match self {
            Self::Similar => "conexus.showSimilar",
            Self::Callers => "conexus.showCallers",
            Self::Callees => "conexus.showCallees",
            Self::Tests => "conexus.showTests",
            Self::Reuse => "conexus.showReuse",
            Self::Context => "conexus.showContext",
        }
    }

    pub(crate) fn of_command(command: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.command() == command)
    }

    /// What it finds; `None` for a context pack.
    pub(crate) fn relation(self) -> Option<RelationKind> {
        match self {
            Self::Similar => Some(RelationKind::Similar),
            Self::Callers => Some(RelationKind::Caller),
            Self::Callees => Some(RelationKind::Callee),
            Self::Tests => Some(RelationKind::Test),
            Self::Reuse => Some(RelationKind::Reuse),
            Self::Context => None,
        }
    }

    pub(crate) fn relations(self) -> RelationKinds {
        self.relation().map_or_else(RelationKinds::default, |kind| RelationKinds::of(&[kind]))
    }

    /// As a menu shows it.
    pub(crate) fn title(self, symbol: &str) -> String {
        match self {
            Self::Similar => format!("Find code similar to `{symbol}`"),
            Self::Callers => format!("Show callers of `{symbol}`"),
            Self::Callees => format!("Show what `{symbol}` calls"),
            Self::Tests => format!("Go to likely tests of `{symbol}`"),
            Self::Reuse => format!("Reuse an existing helper instead of `{symbol}`"),
            Self::Context => format!("Copy context of `{symbol}` for an assistant"),
        }
    }

    /// What a list of its results is called.
    pub(crate) fn heading(self, symbol: &str) -> String {
        match self {
            Self::Similar => format!("Code similar to `{symbol}`"),
            Self::Callers => format!("Callers of `{symbol}`"),
            Self::Callees => format!("What `{symbol}` calls"),
            Self::Tests => format!("Likely tests of `{symbol}`"),
            Self::Reuse => format!("Existing helpers like `{symbol}`"),
            Self::Context => format!("Context of `{symbol}`"),
        }
    }

    /// The name of a file for its results.
    pub(crate) const fn file_stem(self) -> &'static str {
        match self {
            Self::Similar => "similar",
            Self::Callers => "callers",
            Self::Callees => "callees",
            Self::Tests => "tests",
            Self::Reuse => "reuse",
            Self::Context => "context",
        }
    }
}

/// The argument of every command, and the data of every code action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Subject {
    pub(crate) uri: Uri,
    pub(crate) position: Position,
    /// Version of the document when it was offered; missing when the document was not open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<i32>,
}
