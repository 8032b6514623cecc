//! Where vectors of an endpoint are remembered, so that a text is paid for once.

use std::num::NonZeroUsize;
use std::sync::Mutex;

use lru::LruCache;

use crate::ModelId;

/// The key of a remembered vector: BLAKE3 of model identity and text as it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey(pub [u8; 32]);

impl CacheKey {
    /// The key of a text under a model.
    pub fn new(model: &ModelId, text: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&(model.as_str().len() as u64).to_le_bytes());
        hasher.update(model.as_str().as_bytes());
        hasher.update(text.as_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

/// Remembers vectors by key, in memory or wherever it likes. It may forget.
pub trait VectorCache: Send + Sync {
    /// Copies the vector into `out`, which has the model's dimension. False, with `out` in any state, when it is not
    /// known or has another length.
    fn get(&self, key: &CacheKey, out: &mut [f32]) -> bool;

    /// Remembers a vector.
    fn put(&self, key: &CacheKey, vector: &[f32]);
}

/// The least recently used vectors are forgotten first.
pub struct MemoryCache {
    vectors: Option<Mutex<LruCache<CacheKey, Box<[f32]>>>>,
}

impl MemoryCache {
    /// A cache of up to `entries` vectors; 0 remembers nothing. 4,096 vectors of 768 numbers take 13 MB.
    pub fn new(entries: usize) -> Self {
        Self { vectors: NonZeroUsize::new(entries).map(|entries| Mutex::new(LruCache::new(entries))) }
    }
}

impl VectorCache for MemoryCache {
    fn get(&self, key: &CacheKey, out: &mut [f32]) -> bool {
        let Some(vectors) = &self.vectors else { return false };
        let mut vectors = vectors.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match vectors.get(key) {
            Some(vector) if vector.len() == out.len() => {
                out.copy_from_slice(vector);
                true
            }
            _ => false,
        }
    }

    fn put(&self, key: &CacheKey, vector: &[f32]) {
        if let Some(vectors) = &self.vectors {
            vectors.lock().unwrap_or_else(std::sync::PoisonError::into_inner).put(*key, vector.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let model = ModelId::new("m");
        let [a, b, c] = ["a", "b", "c"].map(|text| CacheKey::new(&model, text));
        let cache = MemoryCache::new(2);
        cache.put(&a, &[1.0]);
        cache.put(&b, &[2.0]);
        let mut out = [0.0];
        assert!(cache.get(&a, &mut out));
        cache.put(&c, &[3.0]);
        assert!(cache.get(&a, &mut out) && out == [1.0]);
        assert!(!cache.get(&b, &mut out));
        assert!(!cache.get(&c, &mut [0.0, 0.0]), "another dimension is not an answer");
        let nothing = MemoryCache::new(0);
        nothing.put(&a, &[1.0]);
        assert!(!nothing.get(&a, &mut out));
        assert_ne!(CacheKey::new(&ModelId::new("mo"), "del"), CacheKey::new(&ModelId::new("mod"), "el"));
    }
}
