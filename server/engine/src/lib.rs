//! The engine: a workspace's files become one index, and one index answers every front end.
//!
//! [`Host`] owns the index of a workspace; [`Snapshot`] is what readers hold. Front ends call these two and convert.
//!
//! Invariant: nothing here knows a protocol, a terminal or an async runtime (guarded by `cargo xtask tidy`).

pub mod content;
mod context_pack;
mod crashes;
mod degradation;
mod difference;
mod error;
pub mod git;
mod host;
mod indexing;
pub mod live;
mod location;
mod models;
pub mod priority;
pub mod redaction;
mod relations;
pub mod roles;
mod search;
mod settings;
mod snapshot;
mod sources;
pub mod stages;
mod standing;
mod unchanged;
pub mod walk;
mod workspace_symbols;

pub use conexus_index::{
    ChunkRef, FileEntry, FileFlags, OpenReport, StoreStatistics, SymbolRef, resident as resident_memory,
};
pub use context_pack::{ContextPack, PackItem, estimate_tokens};
pub use crashes::{GuardedAnalyser, Subject, try_to_parse};
pub use degradation::Degradation;
pub use difference::{Comparison, difference};
pub use error::{Error, Result};
pub use host::{EmbeddingReport, GraphOutcome, Host, IndexReport, Patience, Progress, clear};
pub use location::{IndexDir, Location, canonical_in_part, runtime_folder, workspace_root};
pub use relations::{Related, Relation, RelationKind, RelationKinds, Target};
pub use search::{MAX_QUERY_BYTES, Name, Place, Shape, Understanding, Weights, understand};
pub use settings::{Embedding, Settings};
pub use snapshot::{BufferVersion, CurrentText, Snapshot};
pub use sources::{SourceFolder, SourceKind, Sources};
pub use unchanged::Looked;
pub use workspace_symbols::{SymbolAnswer, SymbolHit, SymbolMode, SymbolQuery};
