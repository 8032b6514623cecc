//! The static model as its callers see it: against a plain computation, on broken files, on any text.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashMap;
use std::path::Path;

use conexus_core::{Chunk, ChunkKind, Passage, Span, Vocabulary};
use conexus_embed::{EmbedError, Embedder, EmbedderSettings, Environment, Speed, StaticModel};
use proptest::prelude::*;
use support::{ModelFile, seal};

const VOCABULARY: &[&str] =
    &["read", "file", "json", "par", "##se", "p", "##a", "##r", "src", "lib", "rs", "12", "404", "e", "##e"];

fn small() -> ModelFile {
    ModelFile::of(VOCABULARY, 24)
}

fn open(bytes: &[u8]) -> Result<StaticModel, EmbedError> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.bin");
    std::fs::write(&path, bytes).unwrap();
    StaticModel::from_path(&path)
}

fn passage_row(model: &dyn Embedder, passage: Passage<'_>) -> Vec<f32> {
    let mut out = vec![7.0];
    model.embed_passages(&[passage], &mut out).unwrap();
    out
}

fn query_row(model: &dyn Embedder, query: &str) -> Vec<f32> {
    let mut out = vec![7.0];
    model.embed_query(query, &mut out).unwrap();
    out
}

/// The sum over fields of field weight times the mean of weight times row, in double precision, over tokens that the
/// test spells out.
fn plain(model: &ModelFile, fields: &[(f32, &[&str])], weight: impl Fn(usize) -> f32) -> Vec<f64> {
    let mut sum = vec![0.0_f64; 24];
    for (field_weight, tokens) in fields {
        let mut counts: HashMap<&str, f64> = HashMap::new();
        for token in *tokens {
            *counts.entry(token).or_default() += 1.0;
        }
        let total: f64 = counts.values().map(|count| 1.0 + count.ln()).sum();
        for (token, count) in counts {
            let id = model.tokens.iter().position(|known| known.0 == token).unwrap();
            let factor = f64::from(*field_weight) * (1.0 + count.ln()) / total * f64::from(weight(id));
            for (sum, &value) in sum.iter_mut().zip(&model.tokens[id].4) {
                *sum += factor * f64::from(model.tokens[id].3) * f64::from(value);
            }
        }
    }
    let norm = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
    sum.into_iter().map(|value| value / norm).collect()
}

fn assert_close(actual: &[f32], expected: &[f64]) {
    assert_eq!(actual.len(), expected.len());
    for (actual, expected) in actual.iter().zip(expected) {
        assert!((f64::from(*actual) - expected).abs() < 1e-5, "{actual} is not {expected}");
    }
}

#[test]
fn rows_agree_with_a_plain_computation() {
    let file = small();
    let model = open(&file.bytes()).unwrap();
    // "Parse" is unknown and falls to "par" + "##se"; "pear" to "p" + "##e" + "##a" + "##r"; "1234" is cut to "123",
    // of which only "12" is known; "z" gives nothing; the path keeps its last three parts, so "json" is not of it.
    let passage = Passage {
        path: "json/file/src/lib.rs",
        name: "readJSON",
        container: "Parse",
        body: "pear pear z read 4041 1234",
        ..Passage::default()
    };
    let expected = plain(
        &file,
        &[
            (1.5, &["read", "json"]),
            (0.75, &["file", "src", "lib", "rs", "par", "##se"]),
            (1.25, &["p", "##e", "##a", "##r", "p", "##e", "##a", "##r", "read", "404", "12"]),
        ],
        |id| file.tokens[id].1,
    );
    assert_close(&passage_row(&model, passage), &expected);

    // A query counts every repeat in full and has no mean, so that its direction is that of the plain sum.
    let single = |token: &str| {
        let id = file.tokens.iter().position(|known| known.0 == token).unwrap();
        let row = file.tokens[id].4.iter();
        let factor = f64::from(file.tokens[id].2 * file.tokens[id].3);
        row.map(|&value| factor * f64::from(value)).collect::<Vec<_>>()
    };
    let sum: Vec<f64> = single("read").into_iter().zip(single("file")).map(|(read, file)| 2.0 * read + file).collect();
    let norm = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
    assert_close(&query_row(&model, "read File read"), &sum.iter().map(|value| value / norm).collect::<Vec<_>>());
}

#[test]
fn fields_are_cut_where_the_description_says() {
    let model = open(&small().bytes()).unwrap();
    let body = |text: &str| passage_row(&model, Passage { body: text, ..Passage::default() });
    let name = |text: &str| passage_row(&model, Passage { name: text, ..Passage::default() });
    let cut = "é ".repeat(899) + "z read";
    let uncut = "é ".repeat(897) + "z read";
    let read = body("read");
    assert!(read.iter().any(|&value| value != 0.0));
    assert_eq!(body(&uncut), read, "1,800 characters are read");
    assert_ne!(body(&cut), read, "the word ends beyond 1,800 characters: {cut:?}");
    let twelve = "read ".repeat(12);
    assert_eq!(name(&format!("{twelve} file")), name(&twelve), "a name has 12 tokens");
    assert_ne!(name(&format!("{} file", "read ".repeat(11))), name(&twelve));
    // Signature and documentation are in the body of whole symbols; as fields of their own they do not count.
    assert_eq!(
        passage_row(&model, Passage { signature: "file", doc: "json", body: "read", ..Passage::default() }),
        read
    );
}

#[test]
fn nothing_known_gives_zeros() {
    let model = open(&small().bytes()).unwrap();
    for text in ["", "zzz", "ß", "中文", "\0", "___"] {
        assert_eq!(query_row(&model, text), [0.0; 24], "{text:?}");
        assert_eq!(passage_row(&model, Passage { body: text, ..Passage::default() }), [0.0; 24], "{text:?}");
    }
    let mut out = vec![1.0];
    model.embed_passages(&[], &mut out).unwrap();
    assert!(out.is_empty());
}

#[test]
fn broken_files_are_refused() {
    let good = small().bytes();
    assert!(open(&good).is_ok());
    let count = VOCABULARY.len();
    let weights = 128 + 64;
    let offsets = weights + 3 * 64;
    let slots = good.len() - (24 * count).next_multiple_of(64) - 4 * 32;
    let patch = |at: usize, bytes: &[u8]| {
        let mut file = good.clone();
        file[at..at + bytes.len()].copy_from_slice(bytes);
        seal(&mut file);
        file
    };
    let flipped = {
        let mut file = good.clone();
        *file.last_mut().unwrap() ^= 1;
        file
    };
    for (file, complaint) in [
        (vec![], "a header alone has 128"),
        (good[..127].to_vec(), "a header alone has 128"),
        (good[..good.len() - 1].to_vec(), "its header describes"),
        ([good.as_slice(), b"x"].concat(), "its header describes"),
        (patch(0, b"CNXEMB02"), "does not begin with CNXEMB01"),
        (patch(8, &2_u32.to_le_bytes()), "format version is 2"),
        (patch(12, &0_u32.to_le_bytes()), "dimension 0"),
        (patch(12, &4096_u32.to_le_bytes()), "dimension 4096"),
        (patch(16, &u32::MAX.to_le_bytes()), "do not fit a table"),
        (patch(16, &0_u32.to_le_bytes()), "do not fit a table"),
        (patch(20, &3_u32.to_le_bytes()), "3 fields instead of 4"),
        (patch(24, &1_u32.to_le_bytes()), "unknown flags 0x1"),
        (patch(28, &u32::MAX.to_le_bytes()), "its header describes"),
        (patch(32, &31_u32.to_le_bytes()), "do not fit a table"),
        (flipped, "checksum"),
        (patch(128, &f32::NAN.to_le_bytes()), "field weight 0 is NaN"),
        (patch(weights, &f32::INFINITY.to_le_bytes()), "document weight 0 is inf"),
        (patch(weights + 64, &1e30_f32.to_le_bytes()), "query weight 0 is 1"),
        (patch(weights + 128, &f32::NAN.to_le_bytes()), "row scale 0 is NaN"),
        (patch(offsets, &u32::MAX.to_le_bytes()), "token 0 has no text"),
        (patch(offsets + 4, &0_u32.to_le_bytes()), "empty or out of order"),
        (patch(slots, &[0xff; 4 * 32]), "token 0 is not found by its text"),
    ] {
        let error = open(&file).expect_err(complaint).to_string();
        assert!(error.contains(complaint), "{error:?} does not say {complaint:?}");
        assert!(error.contains("model.bin is not a usable model"), "{error}");
    }
    // A slot that names a token twice leaves all tokens findable but is one too many.
    let free = (0..32).find(|slot| good[slots + 4 * slot..][..4] == [0xff; 4]).unwrap();
    for (value, complaint) in [(0_u32, "16 slots are used for 15"), (99, "names token 99 of 15")] {
        let file = patch(slots + 4 * free, &value.to_le_bytes());
        let error = open(&file).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error:?} does not say {complaint:?}");
    }
    let error = StaticModel::from_path(Path::new("no/such/model.bin")).unwrap_err().to_string();
    assert!(error.contains("cannot read the model file no/such/model.bin"), "{error}");
}

#[test]
fn identity_is_content() {
    let file = small();
    let one = open(&file.bytes()).unwrap();
    assert_eq!(one.model(), open(&file.bytes()).unwrap().model());
    let mut other = file.clone();
    other.tokens[0].1 += 0.5;
    assert_ne!(one.model(), open(&other.bytes()).unwrap().model());
    assert!(one.model().as_str().starts_with("static-1/24/"), "{}", one.model());
    assert_eq!((one.dimension(), one.speed(), one.tokens()), (24, Speed::Instant, VOCABULARY.len()));
}

#[test]
fn the_builtin_model_is_whole_and_is_the_default() {
    let model = StaticModel::builtin();
    model.verify().unwrap();
    let opened = EmbedderSettings::default().open(&Environment::default()).unwrap();
    assert_eq!(opened.model(), model.model());
    assert_eq!(opened.dimension(), 256);
}

/// The training code's own answers: see `train/golden.py`.
#[test]
fn the_builtin_model_agrees_with_the_training_code() {
    let unescape = |text: &str| {
        let mut plain = String::new();
        let mut characters = text.chars();
        while let Some(character) = characters.next() {
            plain.push(match character {
                '\\' => match characters.next().unwrap() {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                },
                other => other,
            });
        }
        plain
    };
    let model = StaticModel::builtin();
    let mut seen = [0, 0];
    for line in include_str!("../model/golden.tsv").lines().skip(1) {
        let [kind, name, path_container, body, _, vector] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let [name, path_container, body] = [name, path_container, body].map(unescape);
        let expected: Vec<f32> = vector.split(',').map(|number| number.parse().unwrap()).collect();
        let actual = match kind {
            "query" => {
                seen[0] += 1;
                query_row(&model, &name)
            }
            "document" => {
                seen[1] += 1;
                // The path has lost all but its last three parts, so both go in as the container, which is not cut.
                let container = path_container.as_str();
                passage_row(&model, Passage { name: &name, container, body: &body, ..Passage::default() })
            }
            other => panic!("unknown kind {other}"),
        };
        assert_eq!(actual.len(), expected.len());
        for (actual, expected) in actual.iter().zip(&expected) {
            assert!((actual - expected).abs() < 2e-5, "{line:.100}: {actual} is not {expected}");
        }
    }
    assert!(seen[0] > 20 && seen[1] > 5, "{seen:?}");
}

#[test]
fn settings_name_what_to_fix() {
    let open = |path: &str| {
        let settings = EmbedderSettings::StaticFile { path: path.into() };
        settings.open(&Environment::default()).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(open(""), "setting embedding.path: is empty, name a model file");
    assert!(open("no/such/file").contains("no/such/file"));
}

/// Zero, or of length 1.
fn is_row(row: &[f32], dimension: usize) -> bool {
    let norm = row.iter().map(|value| value * value).sum::<f32>().sqrt();
    row.len() == dimension && (row.iter().all(|&value| value == 0.0) || (norm - 1.0).abs() < 1e-4)
}

/// The rows of the chunks of a text are those of its passages, to the last bit.
fn chunks_embed_like_passages(text: &str, lines: usize, containers: &[&str]) {
    let model = StaticModel::builtin();
    let mut start = 0;
    let mut chunks = Vec::new();
    for part in text.split_inclusive('\n').collect::<Vec<_>>().chunks(lines) {
        let end = start + part.iter().map(|line| line.len()).sum::<usize>();
        chunks.push(Chunk { span: Span::new(start, end), kind: ChunkKind::Window, symbol: None });
        start = end;
    }
    let passage = |(number, chunk): (usize, &Chunk)| {
        let container = containers.get(number % (containers.len() + 1)).copied().unwrap_or_default();
        Passage {
            path: "src/a/static_model.rs",
            container,
            name: "x",
            body: chunk.span.slice(text),
            ..Passage::default()
        }
    };
    let passages: Vec<Passage<'_>> = chunks.iter().enumerate().map(passage).collect();
    let (mut expected, mut rows, mut vocabulary) = (Vec::new(), Vec::new(), Vocabulary::default());
    model.embed_passages(&passages, &mut expected).unwrap();
    model.embed_chunks(&passages, vocabulary.read(text, &chunks, model.characters()), &mut rows).unwrap();
    assert!(rows.iter().map(|value| value.to_bits()).eq(expected.iter().map(|value| value.to_bits())), "{text}");
}

#[test]
fn known_words_embed_like_their_text() {
    let own = include_str!("static_model.rs");
    let wide = "größeÄndern “größe” parse_json größe 中文 x12 _ ".repeat(300);
    let many = (0..400).map(|number| format!("word{number:x}Word ")).collect::<Vec<_>>().concat();
    let long = ["part"; 900].join("_");
    for text in [own, &*wide, &*many, &*long, "", "\n"] {
        for lines in [1, 9, 60, 10_000] {
            chunks_embed_like_passages(text, lines, &["static_model", "HTTPServer", "HTTPServer"]);
        }
    }
}

proptest! {
    #[test]
    fn any_text_embeds_the_same_way_alone_and_in_a_batch(
        fields in proptest::collection::vec(any::<[String; 6]>(), 0..4),
        query in any::<String>(),
    ) {
        let model = StaticModel::builtin();
        let passages: Vec<Passage<'_>> = fields
            .iter()
            .map(|[path, name, container, signature, doc, body]| Passage { path, name, container, signature, doc, body })
            .collect();
        let mut batch = Vec::new();
        model.embed_passages(&passages, &mut batch).unwrap();
        let alone: Vec<f32> = passages.iter().flat_map(|passage| passage_row(&model, *passage)).collect();
        prop_assert_eq!(&batch, &alone);
        prop_assert!(batch.chunks(model.dimension()).all(|row| is_row(row, model.dimension())));
        let row = query_row(&model, &query);
        prop_assert!(is_row(&row, model.dimension()));
        prop_assert_eq!(row, query_row(&model, &query));
    }

    #[test]
    fn any_words_of_code_embed(words in "([a-zA-Z0-9_]{1,30}[ ./]?){0,400}") {
        let model = StaticModel::builtin();
        let row = passage_row(&model, Passage { body: &words, name: &words, path: &words, ..Passage::default() });
        prop_assert!(is_row(&row, model.dimension()));
    }

    #[test]
    fn any_known_words_embed_like_their_text(text in "([a-cA-C0-1_ü]{0,4}[ .\n]){0,900}", lines in 1_usize..9) {
        chunks_embed_like_passages(&text, lines, &[]);
    }

    #[test]
    fn any_bytes_are_refused_or_embed(at in 0_usize..2000, value in any::<u8>(), sealed in any::<bool>()) {
        let mut file = small().bytes();
        let at = at % file.len();
        file[at] = value;
        if sealed {
            seal(&mut file);
        }
        if let Ok(model) = open(&file) {
            let row = query_row(&model, "read parse JSON file 404");
            prop_assert!(is_row(&row, model.dimension()));
        }
    }
}
