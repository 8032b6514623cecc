//! What one keystroke costs: the embedding of what it changes.

use std::sync::atomic::{AtomicUsize, Ordering};

use conexus_embed::{EmbedError, ModelId, Speed};
use ropey::Rope;

use super::*;

/// Counts the passages that it is given.
struct Counting {
    model: ModelId,
    passages: AtomicUsize,
}

impl Embedder for Counting {
    fn model(&self) -> &ModelId {
        &self.model
    }

    fn dimension(&self) -> usize {
        8
    }

    fn speed(&self) -> Speed {
        Speed::Instant
    }

    fn embed_passages(&self, passages: &[Passage<'_>], out: &mut Vec<f32>) -> Result<(), EmbedError> {
        self.passages.fetch_add(passages.len(), Ordering::Relaxed);
        out.clear();
        out.resize(passages.len() * self.dimension(), 0.0);
        Ok(())
    }

    fn embed_query(&self, _: &str, out: &mut Vec<f32>) -> Result<(), EmbedError> {
        out.clear();
        out.resize(self.dimension(), 0.0);
        Ok(())
    }
}

#[test]
fn a_keystroke_embeds_the_chunk_that_it_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let location = Location::of(folder.path(), &crate::IndexDir::At(folder.path().join("index"))).expect("a workspace");
    let crashes = Crashes::open(&location.index_dir, None);
    let mut buffers = Buffers::new(&location, &Settings::default(), &crashes, Arc::new(|_| ()));
    let counting = Arc::new(Counting { model: ModelId::new("counting"), passages: AtomicUsize::new(0) });
    buffers.embed_with(Some(Arc::clone(&counting) as Arc<dyn Embedder>));
    let path: Arc<str> = "src/many.rs".into();
    // Passages that are embedded for a text.
    let mut set = |text: &str| {
        let buffer = Buffer { text: Rope::from_str(text), version: 1, language: None };
        buffers.update(&path, &buffer, None, &|| false);
        counting.passages.swap(0, Ordering::Relaxed)
    };
    let functions = (0..100).map(|at| {
        format!(
            "/// Adds {at} and tells of it.\npub fn add_{at}(value: u32) -> u32 {{\n    let sum = value + {at};\n    \
                 println!(\"the sum of {{value}} and {at} is {{sum}}\");\n    sum\n}}\n\n"
        )
    });
    let text = functions.collect::<Vec<_>>().concat();
    assert!(set(&text) >= 100, "each function is a passage");
    let typed = text.replace("value + 57;", "value + 5;");
    assert_eq!(set(&typed), 1);
    // What moves all the others changes none of them.
    assert_eq!(set(&("pub fn on_top() {}\n\n".to_owned() + &typed)), 1);
    assert_eq!(set(&typed), 0);
}
