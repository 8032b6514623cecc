//! Which embedder to use, as one validated value.

use std::path::PathBuf;

use crate::{EmbedError, Embedder, StaticModel};

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
}

impl EmbedderSettings {
    /// Opens the embedder. Errors name the setting to fix.
    pub fn open(&self) -> Result<Box<dyn Embedder>, EmbedError> {
        match self {
            Self::Builtin => Ok(Box::new(StaticModel::builtin())),
            Self::StaticFile { path } => {
                if path.as_os_str().is_empty() {
                    return Err(EmbedError::setting("embedding.path", "is empty, name a model file"));
                }
                Ok(Box::new(StaticModel::from_path(path)?))
            }
        }
    }
}
