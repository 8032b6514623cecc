//! Embedding models: text in, unit vectors out.
//!
//! [`Embedder`] is the one seam. Three families stand behind it: the static model that every binary carries
//! ([`StaticModel`], microseconds per passage), any endpoint that speaks the OpenAI embeddings protocol, and, behind
//! the feature `transformer`, a BERT-like model loaded from a directory. [`EmbedderSettings::open`] builds any of them.
//!
//! Invariant: nothing here reads the network unless a setting names an endpoint; no model is ever downloaded.
//! Invariant: no `unsafe` in this crate (`unsafe_code = "forbid"` below).

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cancel;
mod embedder;
mod error;
mod openai;
mod render;
mod settings;
mod static_model;
#[cfg(feature = "transformer")]
mod transformer;

pub use cancel::Cancel;
pub use embedder::{Embedder, ModelId, Speed};
pub use error::EmbedError;
pub use openai::{CacheKey, MemoryCache, OpenAiEmbedder, OpenAiSettings, VectorCache};
pub use settings::{EmbedderSettings, Environment};
pub use static_model::StaticModel;
#[cfg(feature = "transformer")]
pub use transformer::TransformerEmbedder;
