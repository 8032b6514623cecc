//! A transformer of the BERT family, loaded from a directory in the form of sentence-transformers and run on the CPU.
//!
//! The directory holds `config.json`, `tokenizer.json` and `model.safetensors`; pooling, length and prompts are taken
//! from the files beside them. Nothing is downloaded. Texts are sorted by length and padded in small batches; the
//! padding is masked, so a text's row does not depend on its neighbours (a test says so, to 1e-5).

mod files;

use std::path::Path;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::BertModel;
use conexus_core::Passage;
use tokenizers::{Tokenizer, TruncationParams};

use crate::embedder::normalise;
use crate::render::{render, render_query};
use crate::{Cancel, EmbedError, Embedder, ModelId, Speed};
use files::{Description, Pooling};

/// Revision of the way from text to row.
const REVISION: u32 = 1;

/// Most texts in one batch.
const BATCH: usize = 16;

/// Characters kept of a text for each token the model can read: long enough that the cut is never seen, short enough
/// that a huge chunk is not cut into tokens for nothing.
const CHARACTERS_PER_TOKEN: usize = 16;

/// An embedder that runs a transformer in this process.
pub struct TransformerEmbedder {
    description: Description,
    network: BertModel,
    tokenizer: Tokenizer,
    model: ModelId,
    origin: String,
    cancel: Cancel,
}

impl TransformerEmbedder {
    /// Loads a model from its directory. Reads the weights once in full: 90 MB take about 0.2 s.
    pub fn open(directory: &Path, cancel: Cancel) -> Result<Self, EmbedError> {
        if !directory.is_dir() {
            let reason = format!("{} is not a directory", directory.display());
            return Err(EmbedError::setting("embedding.directory", reason));
        }
        let description = Description::read(directory)?;
        let mut hasher = blake3::Hasher::new();
        hasher.update(format!("{description:?}").as_bytes());

        let path = directory.join("tokenizer.json");
        let bytes = read(&path)?;
        hasher.update(&bytes);
        let tokenizer = tokenizer(&bytes, &description)
            .map_err(|reason| EmbedError::malformed(path.display().to_string(), reason))?;

        let path = directory.join("model.safetensors");
        let bytes = read(&path)?;
        hasher.update(&bytes);
        let network = VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu)
            .and_then(|variables| BertModel::load(variables, &description.config))
            .map_err(|error| EmbedError::malformed(path.display().to_string(), first_line(&error)))?;

        let hash = hasher.finalize().to_hex();
        let model = ModelId::new(&format!("transformer-{REVISION}/{}/{}", description.config.hidden_size, &hash[..32]));
        Ok(Self { description, network, tokenizer, model, origin: directory.display().to_string(), cancel })
    }

    /// Replaces `out` by the rows of the texts; an empty text has a zero row.
    fn embed(&self, texts: &[String], out: &mut Vec<f32>) -> Result<(), EmbedError> {
        out.clear();
        let dimension = self.dimension();
        let mut rows = vec![0.0; texts.len() * dimension];
        let mut encoded = Vec::new();
        for (index, text) in texts.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
            let encoding = self.tokenizer.encode_fast(text.as_str(), true).map_err(|error| self.failed(&error))?;
            encoded.push((index, encoding.get_ids().to_vec()));
        }
        // Neighbours of like length need little padding.
        encoded.sort_by_key(|(index, ids)| (ids.len(), *index));
        for batch in encoded.chunks(BATCH) {
            if self.cancel.is_cancelled() {
                return Err(EmbedError::Cancelled);
            }
            let vectors = self.forward(batch).map_err(|error| self.failed(&first_line(&error)))?;
            for ((index, _), mut vector) in batch.iter().zip(vectors) {
                normalise(&mut vector);
                rows[index * dimension..][..dimension].copy_from_slice(&vector);
            }
        }
        *out = rows;
        Ok(())
    }

    fn forward(&self, batch: &[(usize, Vec<u32>)]) -> candle_core::Result<Vec<Vec<f32>>> {
        let width = batch.iter().map(|(_, ids)| ids.len()).max().unwrap_or(0);
        let shape = (batch.len(), width);
        let padding = self.description.config.pad_token_id as u32;
        let padded = |ids: &[u32], value| ids.iter().copied().chain(std::iter::repeat(value)).take(width).collect();
        let ids: Vec<u32> = batch.iter().flat_map(|(_, ids)| -> Vec<u32> { padded(ids, padding) }).collect();
        let mask: Vec<u32> = batch.iter().flat_map(|(_, ids)| -> Vec<u32> { padded(&vec![1; ids.len()], 0) }).collect();
        let ids = Tensor::from_vec(ids, shape, &Device::Cpu)?;
        let mask = Tensor::from_vec(mask, shape, &Device::Cpu)?;
        let states = self.network.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
        let pooled = match self.description.pooling {
            Pooling::First => states.narrow(1, 0, 1)?.squeeze(1)?,
            // The sum has the direction of the mean, and rows are normalised.
            Pooling::Mean => states.broadcast_mul(&mask.to_dtype(DType::F32)?.unsqueeze(2)?)?.sum(1)?,
        };
        pooled.to_vec2()
    }

    fn failed(&self, reason: &impl ToString) -> EmbedError {
        EmbedError::malformed(&self.origin, format!("it failed on a text: {}", reason.to_string()))
    }
}

impl Embedder for TransformerEmbedder {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn dimension(&self) -> usize {
        self.description.config.hidden_size
    }

    fn speed(&self) -> Speed {
        Speed::Slow
    }

    fn embed_passages(&self, passages: &[Passage<'_>], out: &mut Vec<f32>) -> Result<(), EmbedError> {
        let Description { document_prefix, max_tokens, .. } = &self.description;
        let limit = max_tokens.saturating_mul(CHARACTERS_PER_TOKEN);
        let texts: Vec<String> = passages.iter().map(|passage| render(document_prefix, passage, limit)).collect();
        self.embed(&texts, out)
    }

    fn embed_query(&self, query: &str, out: &mut Vec<f32>) -> Result<(), EmbedError> {
        let Description { query_prefix, max_tokens, .. } = &self.description;
        let limit = max_tokens.saturating_mul(CHARACTERS_PER_TOKEN);
        self.embed(&[render_query(query_prefix, query, limit)], out)
    }
}

/// The tokenizer, cutting at the model's length and leaving the padding to the batches.
fn tokenizer(bytes: &[u8], description: &Description) -> Result<Tokenizer, String> {
    let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|error| error.to_string())?;
    let (tokens, limit) = (tokenizer.get_vocab_size(true), description.config.vocab_size);
    if tokens > limit {
        return Err(format!("it has {tokens} tokens, the model has {limit}"));
    }
    let truncation = TruncationParams { max_length: description.max_tokens, ..TruncationParams::default() };
    tokenizer.with_truncation(Some(truncation)).map_err(|error| error.to_string())?;
    tokenizer.with_padding(None);
    Ok(tokenizer)
}

fn read(path: &Path) -> Result<Vec<u8>, EmbedError> {
    std::fs::read(path).map_err(|source| EmbedError::Read { path: path.to_owned(), source })
}

/// Errors of the tensor library may carry a backtrace below their message.
fn first_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
