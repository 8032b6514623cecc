//! What the files of a sentence-transformers directory say: the encoder's shape, how tokens become one vector, how
//! long a text may be, what is put before a query.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_transformers::models::bert::Config;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::EmbedError;

/// How the vectors of a text's tokens become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pooling {
    /// The mean over all tokens.
    Mean,
    /// The first token's.
    First,
}

/// A model directory's description.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) config: Config,
    pub(super) pooling: Pooling,
    /// Most tokens of a text, with the special ones.
    pub(super) max_tokens: usize,
    pub(super) query_prefix: String,
    pub(super) document_prefix: String,
}

#[derive(Deserialize)]
struct Module {
    path: String,
    r#type: String,
}

#[derive(Default, Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
}

#[derive(Default, Deserialize)]
struct PromptConfig {
    #[serde(default)]
    prompts: BTreeMap<String, String>,
}

impl Description {
    /// Reads `config.json` and, where they exist, `modules.json`, the pooling module's `config.json`,
    /// `sentence_bert_config.json` and `config_sentence_transformers.json`.
    pub(super) fn read(directory: &Path) -> Result<Self, EmbedError> {
        let path = directory.join("config.json");
        let config: Config = parse(&path)?.ok_or_else(|| missing(&path))?;
        check(&config).map_err(|reason| EmbedError::malformed(path.display().to_string(), reason))?;
        let sentence: SentenceConfig = parse(&directory.join("sentence_bert_config.json"))?.unwrap_or_default();
        let PromptConfig { mut prompts } =
            parse(&directory.join("config_sentence_transformers.json"))?.unwrap_or_default();
        let mut prompt = |names: [&str; 2]| names.iter().find_map(|&name| prompts.remove(name)).unwrap_or_default();
        Ok(Self {
            pooling: pooling(directory)?,
            max_tokens: sentence.max_seq_length.unwrap_or(usize::MAX).min(config.max_position_embeddings).max(2),
            query_prefix: prompt(["query", "search_query"]),
            document_prefix: prompt(["document", "passage"]),
            config,
        })
    }
}

/// Refuses shapes that would compute nonsense or panic.
fn check(config: &Config) -> Result<(), String> {
    if let Some(kind) = config.model_type.as_deref().filter(|&kind| kind != "bert") {
        return Err(format!("its model_type is {kind:?}, only \"bert\" can be loaded"));
    }
    let sizes = [
        ("vocab_size", config.vocab_size),
        ("hidden_size", config.hidden_size),
        ("num_attention_heads", config.num_attention_heads),
        ("intermediate_size", config.intermediate_size),
        ("max_position_embeddings", config.max_position_embeddings),
        ("type_vocab_size", config.type_vocab_size),
    ];
    if let Some((name, _)) = sizes.into_iter().find(|&(_, size)| size == 0) {
        return Err(format!("its {name} is 0"));
    }
    if !config.hidden_size.is_multiple_of(config.num_attention_heads) {
        let Config { hidden_size, num_attention_heads, .. } = config;
        return Err(format!("its hidden_size {hidden_size} is no multiple of its {num_attention_heads} heads"));
    }
    Ok(())
}

/// Without `modules.json` the mean is taken, as sentence-transformers does.
fn pooling(directory: &Path) -> Result<Pooling, EmbedError> {
    let path = directory.join("modules.json");
    let Some(modules) = parse::<Vec<Module>>(&path)? else { return Ok(Pooling::Mean) };
    let mut found = Pooling::Mean;
    for module in modules {
        let kind = module.r#type.rsplit('.').next().unwrap_or_default();
        match kind {
            "Transformer" if module.path.is_empty() => {}
            // Rows are always normalised, whether a module says so or not.
            "Normalize" => {}
            "Pooling" => found = read_pooling(&directory.join(plain(&path, &module.path)?).join("config.json"))?,
            _ => {
                let reason = format!("its module {:?} of type {} is not supported", module.path, module.r#type);
                return Err(EmbedError::malformed(path.display().to_string(), reason));
            }
        }
    }
    Ok(found)
}

/// A module's folder, which must lie in the directory.
fn plain(path: &Path, folder: &str) -> Result<PathBuf, EmbedError> {
    let folder = PathBuf::from(folder);
    if folder.components().all(|component| matches!(component, std::path::Component::Normal(_))) {
        Ok(folder)
    } else {
        Err(EmbedError::malformed(path.display().to_string(), "it names a folder outside the model's directory"))
    }
}

fn read_pooling(path: &Path) -> Result<Pooling, EmbedError> {
    let config: BTreeMap<String, serde_json::Value> = parse(path)?.ok_or_else(|| missing(path))?;
    // Older files have a flag for each way, newer ones a name.
    let flags = config.iter().filter(|(name, value)| name.starts_with("pooling_mode_") && **value == true);
    let named = config.get("pooling_mode").and_then(serde_json::Value::as_str);
    let ways: Vec<&str> = flags.map(|(name, _)| &name["pooling_mode_".len()..]).chain(named).collect();
    match ways[..] {
        ["mean_tokens" | "mean"] => Ok(Pooling::Mean),
        ["cls_token" | "cls"] => Ok(Pooling::First),
        _ => {
            let reason = format!("its pooling {ways:?} is not supported, only the mean or the first token");
            Err(EmbedError::malformed(path.display().to_string(), reason))
        }
    }
}

/// A JSON file's value; `None` when the file does not exist.
fn parse<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, EmbedError> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(EmbedError::Read { path: path.to_owned(), source }),
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| EmbedError::malformed(path.display().to_string(), error.to_string()))
}

fn missing(path: &Path) -> EmbedError {
    EmbedError::Read { path: path.to_owned(), source: std::io::ErrorKind::NotFound.into() }
}
