//! Which embedder to use, as one validated value.

use std::path::PathBuf;
use std::sync::Arc;

use crate::{Cancel, EmbedError, Embedder, OpenAiEmbedder, OpenAiSettings, StaticModel, VectorCache};

/// Which embedding model to use.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum EmbedderSettings {
    /// The static model inside the binary.
    #[default]
    Builtin,
    /// A static model from a file in the built-in model's format.
    StaticFile {
        /// The file.
        path: PathBuf,
    },
    /// An endpoint that speaks the OpenAI embeddings protocol.
    OpenAi(Box<OpenAiSettings>),
    /// A transformer of the BERT family from a directory. Opens only in programs built with the feature `transformer`.
    Transformer {
        /// The directory with `config.json`, `tokenizer.json` and `model.safetensors`.
        directory: PathBuf,
    },
}

/// What an embedder shares with the process around it.
#[derive(Clone, Default)]
pub struct Environment {
    /// Asks a slow embedder to stop.
    pub cancel: Cancel,
    /// Where vectors of an endpoint are remembered, instead of in memory.
    pub cache: Option<Arc<dyn VectorCache>>,
}

impl EmbedderSettings {
    /// Opens the embedder. Errors name the setting to fix. May read files and, for an endpoint without a set
    /// dimension, ask the endpoint.
    pub fn open(&self, environment: &Environment) -> Result<Box<dyn Embedder>, EmbedError> {
        match self {
            Self::Builtin => Ok(Box::new(StaticModel::builtin())),
            Self::StaticFile { path } => {
                if path.as_os_str().is_empty() {
                    return Err(EmbedError::setting("embedding.path", "is empty, name a model file"));
                }
                Ok(Box::new(StaticModel::from_path(path)?))
            }
            Self::OpenAi(settings) => {
                let Environment { cancel, cache } = environment.clone();
                Ok(Box::new(OpenAiEmbedder::open(OpenAiSettings::clone(settings), cancel, cache)?))
            }
            #[cfg(feature = "transformer")]
            Self::Transformer { directory } => {
                Ok(Box::new(crate::TransformerEmbedder::open(directory, environment.cancel.clone())?))
            }
            #[cfg(not(feature = "transformer"))]
            Self::Transformer { .. } => Err(EmbedError::setting(
                "embedding.directory",
                "this program was built without transformer models (feature `transformer`)",
            )),
        }
    }
}
