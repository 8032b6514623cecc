//! The static model as its callers see it.

use conexus_core::Passage;
use conexus_embed::{Embedder, StaticModel};

#[test]
fn the_builtin_model_is_whole() {
    StaticModel::builtin().verify().unwrap();
    let _: &dyn Embedder = &StaticModel::builtin();
    let mut out = vec![];
    StaticModel::builtin().embed_passages(&[Passage { body: "hello", ..Passage::default() }], &mut out).unwrap();
    assert_eq!(out.len(), 256);
}
