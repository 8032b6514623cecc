//! The embedding models of an index: the one whose vectors are searched, and the chosen one until its vectors are there.
//!
//! A slow model takes minutes for what the built-in one does in a second. Until most chunks have a vector of the chosen
//! model, or as long as its endpoint does not answer, the built-in one stands in for it, and answers say so.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use conexus_core::Notice;
use conexus_embed::{Embedder, EmbedderSettings, Environment, Speed, StaticModel};
use conexus_index::{ModelStamp, Store, StoreSettings, TextSource, VectorShare};

use crate::{Embedding, Result};

/// An embedder as threads share it.
pub(crate) type SharedEmbedder = Arc<dyn Embedder>;

/// Why nothing is searched by meaning when a person wants it so.
pub(crate) const NO_MODEL: &str = "no embedding model is set";

/// The models of one host.
pub(crate) struct Models {
    embedding: Embedding,
    /// Its vectors are those of the store; `None` is search by words.
    searched: Option<SharedEmbedder>,
    /// While the built-in model is searched in place of the chosen one.
    waiting: Option<Waiting>,
}

struct Waiting {
    /// `None` while it cannot be opened.
    chosen: Option<SharedEmbedder>,
    stand_in: Arc<StandIn>,
}

/// Why the built-in model answers in place of the chosen one, as it is now: snapshots share it.
#[derive(Debug, Default)]
pub(crate) struct StandIn(Mutex<String>);

impl StandIn {
    pub(crate) fn reason(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn notice(&self) -> Notice {
        Notice::BuiltinModel { reason: self.reason() }
    }

    fn set(&self, reason: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }

    /// So many chunks have a vector of the chosen model.
    pub(crate) fn caught_up(&self, done: u64, total: u64) {
        self.set(format!("{done} of {total} chunks have a vector of the chosen model so far"));
    }
}

/// Whether a model has vectors enough to be searched alone: what lacks one is found by its words.
fn is_ready(share: VectorShare) -> bool {
    share.all > 0 && share.have * 10 >= share.all * 9
}

/// The identity under which an embedder's vectors are stored.
pub(crate) fn stamp(embedder: &dyn Embedder) -> ModelStamp {
    ModelStamp { id: embedder.model().as_str().to_owned(), dimension: embedder.dimension() }
}

impl Models {
    /// Opens the chosen model and looks whether the index in `folder` can be searched with it. A model on this machine
    /// that cannot be opened is an error in the settings; an endpoint that does not answer is a state of the world, in
    /// which the built-in model stands in.
    pub(crate) fn open(embedding: &Embedding, folder: &Path, settings: &StoreSettings) -> Result<Self> {
        let mut models = Self { embedding: embedding.clone(), searched: None, waiting: None };
        let Embedding::Model(model) = embedding else { return Ok(models) };
        let stand_in = StandIn::default();
        let chosen = match model.open(&Environment::default()) {
            Ok(embedder) => {
                let embedder: SharedEmbedder = Arc::from(embedder);
                if embedder.speed() == Speed::Instant {
                    models.searched = Some(embedder);
                    return Ok(models);
                }
                let share = Store::vector_share_in(folder, settings, &stamp(&*embedder));
                if is_ready(share) {
                    models.searched = Some(embedder);
                    return Ok(models);
                }
                stand_in.caught_up(share.have, share.all);
                Some(embedder)
            }
            Err(error) if matches!(model, EmbedderSettings::OpenAi(_)) => {
                tracing::warn!(%error, "the embedding endpoint cannot be used");
                stand_in.set(error.to_string());
                None
            }
            Err(error) => return Err(error.into()),
        };
        models.searched = Some(Arc::new(StaticModel::builtin()));
        models.waiting = Some(Waiting { chosen, stand_in: Arc::new(stand_in) });
        Ok(models)
    }

    /// How a store has to be opened for them.
    pub(crate) fn store_settings(&self, settings: &StoreSettings) -> StoreSettings {
        StoreSettings {
            model: self.searched.as_deref().map(stamp),
            keep_other_models: self.waiting.is_some(),
            ..settings.clone()
        }
    }

    /// The model whose vectors are searched.
    pub(crate) fn searched(&self) -> Option<&SharedEmbedder> {
        self.searched.as_ref()
    }

    /// Why searches read names and words only: there is no model, or it did not answer when it was asked last.
    pub(crate) fn lexical_only(&self) -> Option<String> {
        match &self.searched {
            None => Some(NO_MODEL.to_owned()),
            Some(embedder) => embedder.fault(),
        }
    }

    /// The same when it is fast enough to run where the text is.
    pub(crate) fn instant(&self) -> Option<SharedEmbedder> {
        self.searched.clone().filter(|embedder| embedder.speed() == Speed::Instant)
    }

    /// The model whose vectors are made behind everything else; `None` when it is a fast one or cannot be used.
    pub(crate) fn slow(&self) -> Option<SharedEmbedder> {
        match &self.waiting {
            Some(waiting) => waiting.chosen.clone(),
            None => self.searched.clone().filter(|embedder| embedder.speed() != Speed::Instant),
        }
    }

    /// What snapshots say while the built-in model stands in.
    pub(crate) fn stand_in(&self) -> Option<&Arc<StandIn>> {
        self.waiting.as_ref().map(|waiting| &waiting.stand_in)
    }

    /// Why the chosen model cannot be used; `None` when it can.
    pub(crate) fn fault(&self) -> Option<String> {
        self.waiting.as_ref().filter(|waiting| waiting.chosen.is_none()).map(|waiting| waiting.stand_in.reason())
    }

    /// The chosen model has failed for now.
    pub(crate) fn failed(&self, why: &str) {
        if let Some(waiting) = &self.waiting {
            waiting.stand_in.set(why.to_owned());
        }
    }

    /// Asks an endpoint that did not answer again.
    pub(crate) fn ask_again(&mut self) {
        let Embedding::Model(model) = &self.embedding else { return };
        let Some(waiting) = self.waiting.as_mut().filter(|waiting| waiting.chosen.is_none()) else { return };
        match model.open(&Environment::default()) {
            Ok(embedder) => waiting.chosen = Some(Arc::from(embedder)),
            Err(error) => waiting.stand_in.set(error.to_string()),
        }
    }

    /// Searches the chosen model from now on, if it waits and has vectors enough; `true` when it does.
    pub(crate) fn upgrade(&mut self, store: &mut Store, texts: &dyn TextSource) -> Result<bool> {
        let Some((chosen, stand_in)) =
            self.waiting.as_ref().and_then(|waiting| Some((waiting.chosen.clone()?, &waiting.stand_in)))
        else {
            return Ok(false);
        };
        let share = store.vector_share(&stamp(&*chosen))?;
        if !is_ready(share) {
            stand_in.caught_up(share.have, share.all);
            return Ok(false);
        }
        let better = Self { embedding: self.embedding.clone(), searched: Some(chosen), waiting: None };
        store.reopen(better.store_settings(store.settings()), texts)?;
        tracing::info!(chunks = share.have, "the chosen model answers from now on");
        *self = better;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_searched_when_nine_tenths_have_a_vector() {
        for (have, all, ready) in [(0, 0, false), (0, 10, false), (8, 10, false), (9, 10, true), (89, 100, false)] {
            assert_eq!(is_ready(VectorShare { have, all }), ready, "{have} of {all}");
        }
    }
}
