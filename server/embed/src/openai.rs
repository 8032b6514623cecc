//! Any endpoint that speaks the OpenAI embeddings protocol: Ollama, text-embeddings-inference, vLLM, llama.cpp.
//!
//! The only embedder that uses a network, and only towards the host that its settings name. Texts go out in batches,
//! are asked for again after transient failures, and every answer is checked before a number of it is used.

mod backoff;
mod cache;
mod client;
mod wire;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use conexus_core::Passage;

use crate::render::{render, render_query};
use crate::{Cancel, EmbedError, Embedder, ModelId, Speed};
use client::{Client, Outcome, Patience};

pub use cache::{CacheKey, MemoryCache, VectorCache};

/// Revision of the way from passage to sent text and from answer to row.
const REVISION: u32 = 1;

/// A text that an endpoint finds too long is halved until it has fewer bytes than this.
const SHORTEST_CUT: usize = 256;

/// How to reach an endpoint and how to treat it.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenAiSettings {
    /// `http://host:port`, a base like `https://host/v1`, or the whole address ending in `/embeddings`.
    pub url: String,
    /// The model's name at the endpoint.
    pub model: String,
    /// Name of the environment variable that holds the key; the key itself is in no setting.
    pub api_key_env: Option<String>,
    /// Length of the vectors. Unset, it is found out by embedding one word when the embedder is opened.
    pub dimension: Option<NonZeroUsize>,
    /// Whether to ask for that dimension in each request; some models can shorten their vectors.
    pub request_dimension: bool,
    /// Put before every query; many models were trained with one.
    pub query_prefix: String,
    /// Put before every passage.
    pub document_prefix: String,
    /// Most texts in one request.
    pub batch_texts: usize,
    /// Most characters in one request, unless a single text has more.
    pub batch_characters: usize,
    /// Characters kept of one text.
    pub text_characters: usize,
    /// Times a request is sent before it counts as failed.
    pub attempts: u32,
    /// Wait before the second attempt; doubled for each further one.
    pub first_wait: Duration,
    /// Longest wait between attempts, and the longest `Retry-After` that is obeyed rather than reported.
    pub longest_wait: Duration,
    /// Time to reach the endpoint.
    pub connect_timeout: Duration,
    /// Time for one request as a whole.
    pub request_timeout: Duration,
    /// Vectors remembered in memory when no other cache is given.
    pub cache_entries: usize,
}

impl OpenAiSettings {
    /// Settings that suit a local server, for an endpoint and a model.
    pub fn new(url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            model: model.into(),
            api_key_env: None,
            dimension: None,
            request_dimension: false,
            query_prefix: String::new(),
            document_prefix: String::new(),
            batch_texts: 32,
            batch_characters: 64_000,
            text_characters: 6_000,
            attempts: 5,
            first_wait: Duration::from_millis(250),
            longest_wait: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_mins(2),
            cache_entries: 4096,
        }
    }

    /// Refuses values that cannot work; the endpoint is not asked. The error names the setting.
    pub fn validate(&self) -> Result<(), EmbedError> {
        let at_least_one = [
            ("embedding.batch_texts", self.batch_texts as u128),
            ("embedding.batch_characters", self.batch_characters as u128),
            ("embedding.text_characters", self.text_characters as u128),
            ("embedding.attempts", u128::from(self.attempts)),
            ("embedding.connect_timeout", self.connect_timeout.as_millis()),
            ("embedding.request_timeout_seconds", self.request_timeout.as_millis()),
        ];
        if let Some((setting, _)) = at_least_one.into_iter().find(|&(_, value)| value == 0) {
            return Err(EmbedError::setting(setting, "must be more than 0"));
        }
        if self.model.trim().is_empty() {
            return Err(EmbedError::setting("embedding.model", "is empty, name a model of the endpoint"));
        }
        if self.request_dimension && self.dimension.is_none() {
            return Err(EmbedError::setting("embedding.request_dimension", "needs embedding.dimension"));
        }
        client::endpoint(&self.url).map(drop)
    }
}

/// An embedder behind an HTTP endpoint.
pub struct OpenAiEmbedder {
    settings: OpenAiSettings,
    client: Client,
    cache: Arc<dyn VectorCache>,
    dimension: usize,
    model: ModelId,
}

impl OpenAiEmbedder {
    /// Checks the settings and, when no dimension is set, asks the endpoint for it. Without a `cache`, vectors are
    /// remembered in memory.
    pub fn open(
        settings: OpenAiSettings,
        cancel: Cancel,
        cache: Option<Arc<dyn VectorCache>>,
    ) -> Result<Self, EmbedError> {
        settings.validate()?;
        let client = Client::new(&settings, cancel)?;
        let cache = cache.unwrap_or_else(|| Arc::new(MemoryCache::new(settings.cache_entries)));
        let dimension = settings.dimension.map_or(0, NonZeroUsize::get);
        let mut embedder = Self { model: ModelId::new(""), settings, client, cache, dimension };
        if dimension == 0 {
            embedder.dimension = embedder.request(&["dimension"], None, Patience::Person)?.first().map_or(0, Vec::len);
        }
        embedder.model = embedder.identity();
        Ok(embedder)
    }

    fn identity(&self) -> ModelId {
        let settings = &self.settings;
        let mut hasher = blake3::Hasher::new();
        for part in [&settings.url, &settings.model, &settings.document_prefix, &settings.query_prefix] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.update(&(settings.text_characters as u64).to_le_bytes());
        hasher.update(&[u8::from(settings.request_dimension)]);
        let hash = hasher.finalize().to_hex();
        let shown = |character: char| if character.is_ascii_graphic() { character } else { '_' };
        let name: String = settings.model.chars().take(64).map(shown).collect();
        ModelId::new(&format!("openai-{REVISION}/{}/{name}/{}", self.dimension, &hash[..32]))
    }

    /// Replaces `out` by the rows of the texts; an empty text has a zero row and is not sent.
    fn embed(&self, texts: &[String], patience: Patience, out: &mut Vec<f32>) -> Result<(), EmbedError> {
        out.clear();
        let mut rows = vec![0.0; texts.len() * self.dimension];
        let mut missing = Vec::new();
        for (index, (text, row)) in texts.iter().zip(rows.chunks_exact_mut(self.dimension)).enumerate() {
            if text.is_empty() {
                continue;
            }
            let key = CacheKey::new(&self.model, text);
            if !self.cache.get(&key, row) {
                missing.push((index, key));
            }
        }
        for batch in batches(&missing, |&(index, _)| texts[index].chars().count(), &self.settings) {
            let input: Vec<&str> = batch.iter().map(|&(index, _)| texts[index].as_str()).collect();
            for (&(index, key), vector) in batch.iter().zip(self.request(&input, Some(self.dimension), patience)?) {
                self.cache.put(&key, &vector);
                rows[index * self.dimension..][..self.dimension].copy_from_slice(&vector);
            }
        }
        *out = rows;
        Ok(())
    }

    /// The rows of a few texts. When the endpoint finds the request unsuitable, it is sent in halves; a single text
    /// loses its second half, so that one giant among the passages does not stop the others.
    fn request(
        &self,
        texts: &[&str],
        dimension: Option<usize>,
        patience: Patience,
    ) -> Result<Vec<Vec<f32>>, EmbedError> {
        let asked = self.settings.dimension.filter(|_| self.settings.request_dimension).map(NonZeroUsize::get);
        let unsuitable = match self.client.send(&wire::request(&self.settings.model, texts, asked), patience)? {
            Outcome::Answer(body) => {
                return wire::rows(&body, texts.len(), dimension)
                    .map_err(|reason| EmbedError::Answer { url: self.client.address(), reason });
            }
            Outcome::Unsuitable(error) => error,
        };
        match texts {
            [text] if text.len() >= SHORTEST_CUT => {
                let half = (0..=text.len() / 2).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
                self.request(&[&text[..half]], dimension, patience)
            }
            [] | [_] => Err(unsuitable),
            _ => {
                let (first, second) = texts.split_at(texts.len() / 2);
                let mut rows = self.request(first, dimension, patience)?;
                rows.extend(self.request(second, dimension, patience)?);
                Ok(rows)
            }
        }
    }
}

impl Embedder for OpenAiEmbedder {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn speed(&self) -> Speed {
        Speed::Slow
    }

    fn embed_passages(&self, passages: &[Passage<'_>], out: &mut Vec<f32>) -> Result<(), EmbedError> {
        let OpenAiSettings { document_prefix, text_characters, .. } = &self.settings;
        let texts: Vec<String> =
            passages.iter().map(|passage| render(document_prefix, passage, *text_characters)).collect();
        self.embed(&texts, Patience::Work, out)
    }

    fn embed_query(&self, query: &str, out: &mut Vec<f32>) -> Result<(), EmbedError> {
        let OpenAiSettings { query_prefix, text_characters, .. } = &self.settings;
        self.embed(&[render_query(query_prefix, query, *text_characters)], Patience::Person, out)
    }

    fn fault(&self) -> Option<String> {
        self.client.fault()
    }
}

/// Cuts items into runs of at most `batch_texts` items and `batch_characters` characters; a larger item stands alone.
fn batches<'a, T>(
    items: &'a [T],
    length: impl Fn(&T) -> usize + 'a,
    settings: &OpenAiSettings,
) -> impl Iterator<Item = &'a [T]> + 'a {
    let (most_texts, most_characters) = (settings.batch_texts, settings.batch_characters);
    let mut rest = items;
    std::iter::from_fn(move || {
        let mut characters = 0;
        let mut count = 0;
        for item in rest.iter().take(most_texts) {
            characters += length(item);
            if count > 0 && characters > most_characters {
                break;
            }
            count += 1;
        }
        let (batch, left) = rest.split_at(count);
        rest = left;
        (count > 0).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_keep_both_limits() {
        for (lengths, expected) in [
            (&[][..], &[][..]),
            (&[1, 1, 1, 1, 1, 1, 1], &[3, 3, 1]),
            (&[6, 6, 6], &[1, 1, 1]),
            (&[50, 1, 9, 1], &[1, 2, 1]),
            (&[1, 50], &[1, 1]),
        ] {
            let settings =
                OpenAiSettings { batch_texts: 3, batch_characters: 10, ..OpenAiSettings::new("http://a.example", "m") };
            let counts: Vec<_> = batches(lengths, |&length| length, &settings).map(<[_]>::len).collect();
            assert_eq!(counts, expected, "{lengths:?}");
        }
    }
}
