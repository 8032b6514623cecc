//! A two-layer BERT with 8 numbers per token, random weights and 8 tokens, as files and as a plain computation.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tempfile::TempDir;

const HIDDEN: usize = 8;
const HEADS: usize = 2;
const INNER: usize = 12;
const LAYERS: usize = 2;
const TOKENS: [&str; 8] = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "read", "file", "par", "##se"];
const POSITIONS: usize = 8;
const EPSILON: f64 = 1e-6;

/// The model and the directory that holds it.
pub struct TinyTransformer {
    /// In the form of sentence-transformers.
    pub directory: TempDir,
    weights: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
}

impl TinyTransformer {
    /// Numbers in a row.
    pub const HIDDEN: usize = HIDDEN;

    /// Writes the files; the weights are always the same.
    #[expect(clippy::new_without_default, reason = "it writes files")]
    pub fn new() -> Self {
        let mut shapes: Vec<(String, Vec<usize>)> = vec![
            ("embeddings.word_embeddings.weight".into(), vec![TOKENS.len(), HIDDEN]),
            ("embeddings.position_embeddings.weight".into(), vec![POSITIONS, HIDDEN]),
            ("embeddings.token_type_embeddings.weight".into(), vec![2, HIDDEN]),
            ("embeddings.LayerNorm.weight".into(), vec![HIDDEN]),
            ("embeddings.LayerNorm.bias".into(), vec![HIDDEN]),
        ];
        for layer in 0..LAYERS {
            for (name, inputs, outputs) in [
                ("attention.self.query", HIDDEN, HIDDEN),
                ("attention.self.key", HIDDEN, HIDDEN),
                ("attention.self.value", HIDDEN, HIDDEN),
                ("attention.output.dense", HIDDEN, HIDDEN),
                ("intermediate.dense", HIDDEN, INNER),
                ("output.dense", INNER, HIDDEN),
            ] {
                shapes.push((format!("encoder.layer.{layer}.{name}.weight"), vec![outputs, inputs]));
                shapes.push((format!("encoder.layer.{layer}.{name}.bias"), vec![outputs]));
            }
            for part in ["attention.output", "output"] {
                shapes.push((format!("encoder.layer.{layer}.{part}.LayerNorm.weight"), vec![HIDDEN]));
                shapes.push((format!("encoder.layer.{layer}.{part}.LayerNorm.bias"), vec![HIDDEN]));
            }
        }
        let mut state = 7_u32;
        let mut next = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 24) as f32 * 2.0 - 1.0
        };
        let weights: BTreeMap<_, _> = shapes
            .into_iter()
            .map(|(name, shape)| {
                let count = shape.iter().product();
                (name, (shape, (0..count).map(|_| next()).collect::<Vec<f32>>()))
            })
            .collect();
        let tiny = Self { directory: tempfile::tempdir().expect("a folder"), weights };
        tiny.write();
        tiny
    }

    fn write(&self) {
        let root = self.directory.path();
        let mut header = serde_json::Map::new();
        let mut data = Vec::new();
        for (name, (shape, values)) in &self.weights {
            let start = data.len();
            data.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            header.insert(name.clone(), json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]}));
        }
        let header = Value::Object(header).to_string();
        let mut file = (header.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(header.as_bytes());
        file.extend_from_slice(&data);
        std::fs::write(root.join("model.safetensors"), file).expect("a write");

        let vocabulary: BTreeMap<&str, usize> = TOKENS.iter().enumerate().map(|(id, &token)| (token, id)).collect();
        let special = |id: usize| {
            json!({"id": id, "content": TOKENS[id], "special": true, "single_word": false, "lstrip": false,
                   "rstrip": false, "normalized": false})
        };
        let json_files = [
            (
                "config.json",
                json!({
                    "model_type": "bert", "vocab_size": TOKENS.len(), "hidden_size": HIDDEN,
                    "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "intermediate_size": INNER,
                    "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "max_position_embeddings": POSITIONS,
                    "type_vocab_size": 2, "initializer_range": 0.02, "layer_norm_eps": EPSILON, "pad_token_id": 0,
                }),
            ),
            (
                "tokenizer.json",
                json!({
                    "version": "1.0",
                    "truncation": {"max_length": 4, "strategy": "LongestFirst", "stride": 0, "direction": "Right"},
                    "padding": {"strategy": {"Fixed": 6}, "direction": "Right", "pad_to_multiple_of": null,
                                "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"},
                    "added_tokens": [special(0), special(1), special(2), special(3)],
                    "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
                                   "strip_accents": null, "lowercase": true},
                    "pre_tokenizer": {"type": "BertPreTokenizer"},
                    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]},
                    "decoder": null,
                    "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                              "max_input_chars_per_word": 100, "vocab": vocabulary},
                }),
            ),
            (
                "modules.json",
                json!([
                    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                    {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                    {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
                ]),
            ),
            ("1_Pooling/config.json", json!({"pooling_mode_mean_tokens": true, "pooling_mode_cls_token": false})),
        ];
        std::fs::create_dir(root.join("1_Pooling")).expect("a folder");
        for (name, value) in json_files {
            std::fs::write(root.join(name), value.to_string()).expect("a write");
        }
    }

    /// Rewrites one of the JSON files.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut Value)) {
        let path = self.directory.path().join(name);
        let mut value = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
        change(&mut value);
        std::fs::write(path, value.to_string()).expect("a write");
    }

    fn weight(&self, name: &str) -> Vec<f64> {
        self.weights[name].1.iter().map(|&value| f64::from(value)).collect()
    }

    fn linear(&self, name: &str, input: &[f64]) -> Vec<f64> {
        let rows = self.weight(&format!("{name}.weight"));
        let bias = self.weight(&format!("{name}.bias"));
        let dot = |row: &[f64]| row.iter().zip(input).map(|(one, other)| one * other).sum::<f64>();
        rows.chunks(input.len()).zip(bias).map(|(row, bias)| dot(row) + bias).collect()
    }

    fn layer_norm(&self, name: &str, input: &[f64]) -> Vec<f64> {
        let mean = input.iter().sum::<f64>() / input.len() as f64;
        let variance = input.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / input.len() as f64;
        let scale = self.weight(&format!("{name}.weight"));
        let bias = self.weight(&format!("{name}.bias"));
        let normal = input.iter().map(|value| (value - mean) / (variance + EPSILON).sqrt());
        normal.zip(scale).zip(bias).map(|((value, scale), bias)| value * scale + bias).collect()
    }

    /// The row of a sequence of tokens, one position after the other.
    pub fn plain(&self, ids: &[usize], mean: bool, act: &str) -> Vec<f64> {
        let [words, positions, types] =
            ["word", "position", "token_type"].map(|name| self.weight(&format!("embeddings.{name}_embeddings.weight")));
        let mut states: Vec<Vec<f64>> = Vec::new();
        for (position, &id) in ids.iter().enumerate() {
            let sum = (0..HIDDEN).map(|i| words[id * HIDDEN + i] + positions[position * HIDDEN + i] + types[i]);
            states.push(self.layer_norm("embeddings.LayerNorm", &sum.collect::<Vec<_>>()));
        }
        for layer in 0..LAYERS {
            let name = |part: &str| format!("encoder.layer.{layer}.{part}");
            let project = |part: &str| -> Vec<Vec<f64>> {
                states.iter().map(|state| self.linear(&name(&format!("attention.self.{part}")), state)).collect()
            };
            let (queries, keys, values) = (project("query"), project("key"), project("value"));
            let size = HIDDEN / HEADS;
            let mut next = Vec::new();
            for (state, query) in states.iter().zip(&queries) {
                let mut context = vec![0.0; HIDDEN];
                for head in 0..HEADS {
                    let range = head * size..(head + 1) * size;
                    let score = |key: &Vec<f64>| {
                        let dot: f64 = range.clone().map(|i| query[i] * key[i]).sum();
                        (dot / (size as f64).sqrt()).exp()
                    };
                    let scores: Vec<f64> = keys.iter().map(score).collect();
                    let total: f64 = scores.iter().sum();
                    for (score, value) in scores.iter().zip(&values) {
                        range.clone().for_each(|i| context[i] += score / total * value[i]);
                    }
                }
                let add = |one: Vec<f64>, other: &[f64]| -> Vec<f64> {
                    one.into_iter().zip(other).map(|(one, other)| one + other).collect()
                };
                let attended = add(self.linear(&name("attention.output.dense"), &context), state);
                let attended = self.layer_norm(&name("attention.output.LayerNorm"), &attended);
                let inner = self.linear(&name("intermediate.dense"), &attended);
                let inner: Vec<f64> = inner.into_iter().map(|value| activate(act, value)).collect();
                let output = add(self.linear(&name("output.dense"), &inner), &attended);
                next.push(self.layer_norm(&name("output.LayerNorm"), &output));
            }
            states = next;
        }
        let pooled: Vec<f64> = if mean {
            (0..HIDDEN).map(|i| states.iter().map(|state| state[i]).sum::<f64>() / ids.len() as f64).collect()
        } else {
            states[0].clone()
        };
        let norm = pooled.iter().map(|value| value * value).sum::<f64>().sqrt();
        pooled.into_iter().map(|value| value / norm).collect()
    }
}

fn activate(act: &str, value: f64) -> f64 {
    match act {
        "gelu" => value * 0.5 * (1.0 + erf(value / std::f64::consts::SQRT_2)),
        _ => value.max(0.0),
    }
}

/// The error function by its Taylor series, which converges for every argument and quickly for small ones.
fn erf(value: f64) -> f64 {
    let mut term = value;
    let mut sum = value;
    for n in 1..200 {
        term *= -value * value / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    sum * 2.0 / std::f64::consts::PI.sqrt()
}
