//! A tiny random transformer, written by the test, against a plain computation in double precision.

#![cfg(feature = "transformer")]
#![allow(clippy::unwrap_used)]

use conexus_core::Passage;
use conexus_embed::{Cancel, EmbedError, Embedder, EmbedderSettings, Environment, Speed, TransformerEmbedder};
use conexus_testkit::TinyTransformer;
use serde_json::json;

const HIDDEN: usize = TinyTransformer::HIDDEN;

fn open(tiny: &TinyTransformer) -> Result<TransformerEmbedder, EmbedError> {
    TransformerEmbedder::open(tiny.directory.path(), Cancel::default())
}

fn query(model: &dyn Embedder, text: &str) -> Vec<f32> {
    let mut out = vec![7.0];
    model.embed_query(text, &mut out).unwrap();
    out
}

fn bodies(model: &dyn Embedder, texts: &[&str]) -> Vec<f32> {
    let passages: Vec<_> = texts.iter().map(|body| Passage { body, ..Passage::default() }).collect();
    let mut out = vec![7.0];
    model.embed_passages(&passages, &mut out).unwrap();
    out
}

fn assert_close(actual: &[f32], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len());
    for (actual, expected) in actual.iter().zip(expected) {
        assert!((f64::from(*actual) - expected).abs() < 1e-5, "{actual} is not {expected}");
    }
}

#[test]
fn rows_agree_with_a_plain_computation() {
    for (mean, act) in [(true, "gelu"), (false, "relu")] {
        let tiny = TinyTransformer::new();
        tiny.change("config.json", |config| config["hidden_act"] = json!(act));
        tiny.change("1_Pooling/config.json", |config| {
            *config = json!({"pooling_mode_mean_tokens": mean, "pooling_mode_cls_token": !mean});
        });
        let model = open(&tiny).unwrap();
        assert_eq!((model.dimension(), model.speed()), (HIDDEN, Speed::Slow));
        // [CLS] = 1, [SEP] = 2, [UNK] = 3, read = 4, file = 5, par = 6, ##se = 7.
        for (text, ids) in [
            ("read", &[1, 4, 2][..]),
            ("Read FILE parse", &[1, 4, 5, 6, 7, 2]),
            ("what file", &[1, 3, 5, 2]),
            ("file file file file file file file file file file", &[1, 5, 5, 5, 5, 5, 5, 2]),
        ] {
            assert_close(&query(&model, text), &tiny.plain(ids, mean, act));
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_neighbours() {
    let model = open(&TinyTransformer::new()).unwrap();
    let texts = ["read", "file read parse read file", "", "parse", "read file", "what", "file read parse read file"];
    let batch = bodies(&model, &texts);
    for (text, row) in texts.iter().zip(batch.chunks(HIDDEN)) {
        let alone: Vec<f64> = bodies(&model, &[text]).into_iter().map(f64::from).collect();
        assert_close(row, &alone);
        let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
        assert!(if text.is_empty() { norm == 0.0 } else { (norm - 1.0).abs() < 1e-5 }, "{text}: {norm}");
    }
    assert_eq!(batch, bodies(&model, &texts), "the same texts give the same bits");
    let many: Vec<&str> = texts.iter().copied().cycle().take(100).collect();
    let rows = bodies(&model, &many);
    assert_close(&rows[98 * HIDDEN..99 * HIDDEN], &batch[..HIDDEN].iter().map(|&v| f64::from(v)).collect::<Vec<_>>());
    assert_eq!(bodies(&model, &[]), [0.0; 0]);
}

#[test]
fn prompts_and_identity_come_from_the_files() {
    let tiny = TinyTransformer::new();
    let bare = open(&tiny).unwrap();
    assert!(bare.model().as_str().starts_with("transformer-1/8/"), "{}", bare.model());
    assert_eq!(bare.model(), open(&TinyTransformer::new()).unwrap().model());
    std::fs::write(
        tiny.directory.path().join("config_sentence_transformers.json"),
        r#"{"prompts": {"query": "read ", "document": "file "}}"#,
    )
    .unwrap();
    let prompted = open(&tiny).unwrap();
    assert_ne!(bare.model(), prompted.model());
    assert_eq!(query(&prompted, "parse"), query(&bare, "read parse"));
    assert_eq!(bodies(&prompted, &["parse"]), bodies(&bare, &["file parse"]));
    assert_eq!(query(&prompted, " "), [0.0; HIDDEN]);
}

#[test]
fn cancelling_stops_it() {
    let cancel = Cancel::default();
    let model = TransformerEmbedder::open(TinyTransformer::new().directory.path(), cancel.clone()).unwrap();
    cancel.cancel();
    let mut out = vec![7.0];
    assert!(matches!(model.embed_query("read", &mut out), Err(EmbedError::Cancelled)));
    assert!(out.is_empty());
}

#[test]
fn broken_directories_say_which_file_and_why() {
    let write = |name: &'static str, content: &'static [u8]| {
        move |tiny: &TinyTransformer| std::fs::write(tiny.directory.path().join(name), content).unwrap()
    };
    let remove = |name: &'static str| {
        move |tiny: &TinyTransformer| std::fs::remove_file(tiny.directory.path().join(name)).unwrap()
    };
    let set = |key: &'static str, value: serde_json::Value| {
        move |tiny: &TinyTransformer| tiny.change("config.json", |config| config[key] = value.clone())
    };
    let pool = |value: serde_json::Value| {
        move |tiny: &TinyTransformer| tiny.change("1_Pooling/config.json", |config| *config = value.clone())
    };
    let module = |path: &'static str, kind: &'static str| {
        move |tiny: &TinyTransformer| {
            tiny.change("modules.json", |modules| {
                modules.as_array_mut().unwrap().push(json!({"idx": 9, "name": "9", "path": path, "type": kind}));
            });
        }
    };
    let truncate = |tiny: &TinyTransformer| {
        let path = tiny.directory.path().join("model.safetensors");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 4]).unwrap();
    };
    type Break = Box<dyn Fn(&TinyTransformer)>;
    let cases: Vec<(Break, &str, &str)> = vec![
        (Box::new(remove("config.json")), "config.json", "cannot read"),
        (Box::new(remove("tokenizer.json")), "tokenizer.json", "cannot read"),
        (Box::new(remove("model.safetensors")), "model.safetensors", "cannot read"),
        (Box::new(remove("1_Pooling/config.json")), "1_Pooling/config.json", "cannot read"),
        (Box::new(write("config.json", b"{")), "config.json", "EOF"),
        (Box::new(write("tokenizer.json", b"{}")), "tokenizer.json", "not a usable model"),
        (Box::new(write("model.safetensors", b"")), "model.safetensors", "not a usable model"),
        (Box::new(write("model.safetensors", &[0xff; 64])), "model.safetensors", "not a usable model"),
        (Box::new(truncate), "model.safetensors", "not a usable model"),
        (Box::new(set("model_type", json!("roberta"))), "config.json", "only \"bert\""),
        (Box::new(set("hidden_act", json!("swish"))), "config.json", "swish"),
        (Box::new(set("num_attention_heads", json!(0))), "config.json", "num_attention_heads is 0"),
        (Box::new(set("num_attention_heads", json!(3))), "config.json", "no multiple of its 3 heads"),
        (Box::new(set("hidden_size", json!(16))), "model.safetensors", "shape mismatch"),
        (Box::new(set("num_hidden_layers", json!(3))), "model.safetensors", "encoder.layer.2"),
        (Box::new(set("vocab_size", json!(5))), "tokenizer.json", "it has 8 tokens, the model has 5"),
        (Box::new(pool(json!({"pooling_mode_max_tokens": true}))), "1_Pooling/config.json", "max_tokens"),
        (Box::new(pool(json!({"pooling_mode": "lasttoken"}))), "1_Pooling/config.json", "lasttoken"),
        (Box::new(pool(json!({}))), "1_Pooling/config.json", "is not supported"),
        (Box::new(module("2_Dense", "sentence_transformers.models.Dense")), "modules.json", "2_Dense"),
        (Box::new(module("../x", "sentence_transformers.models.Pooling")), "modules.json", "outside"),
    ];
    for (break_it, file, complaint) in cases {
        let tiny = TinyTransformer::new();
        break_it(&tiny);
        let error = open(&tiny).map(|_| ()).expect_err(complaint).to_string();
        assert!(error.contains(file) && error.contains(complaint), "{error:?} does not say {file:?}, {complaint:?}");
    }
    let settings = EmbedderSettings::Transformer { directory: "no/such/directory".into() };
    let error = settings.open(&Environment::default()).map(|_| ()).unwrap_err().to_string();
    assert_eq!(error, "setting embedding.directory: no/such/directory is not a directory");
}

#[test]
fn what_may_be_absent_may_be_absent() {
    let tiny = TinyTransformer::new();
    let with = query(&open(&tiny).unwrap(), "read file");
    for name in ["modules.json", "1_Pooling/config.json"] {
        std::fs::remove_file(tiny.directory.path().join(name)).unwrap();
    }
    assert_eq!(query(&open(&tiny).unwrap(), "read file"), with, "the mean is the default");
    tiny.change("config.json", |config| _ = config.as_object_mut().unwrap().remove("model_type"));
    assert_eq!(query(&open(&tiny).unwrap(), "read file"), with);
}
