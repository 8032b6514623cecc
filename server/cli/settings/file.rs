//! What a settings file may hold, and how it is laid over settings.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    num::NonZeroUsize,
    path::{Component, Path, PathBuf},
    time::Duration,
};

use anyhow::Result;
use conexus_check::Selection;
use conexus_embed::{EmbedderSettings, OpenAiSettings};
use conexus_engine::{Embedding, IndexDir, Settings};
use serde::Deserialize;

use super::{CheckSettings, Mistake, user_file};
use crate::cli::arguments::{LogFormat, parse_rules};

/// The settings file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default)]
    pub(super) index: IndexTable,
    #[serde(default)]
    pub(super) embedding: Option<EmbeddingTable>,
    #[serde(default)]
    pub(super) editor: Option<EditorTable>,
    #[serde(default)]
    pub(super) check: CheckTable,
    #[serde(default)]
    pub(super) log: Option<LogTable>,
    pub(super) mcp: Option<McpTable>,
}

/// Where a setting comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    User,
    Workspace,
    /// An editor, whose settings a repository may bring along.
    Editor,
}

impl Source {
    /// What of a file may not come from here: the setting, and how messages call it.
    fn refused(self, file: &File) -> Option<(&'static str, &'static str)> {
        let embedding = file.embedding.as_ref();
        let log = file.log.as_ref();
        let where_the_log_goes = |log: &LogTable| log.file.is_some() || log.format.is_some() || log.traces.is_some();
        match self {
            Self::User => None,
            Self::Workspace if log.is_some() => Some(("log", "`log`")),
            Self::Editor if log.is_some_and(where_the_log_goes) => Some(("log", "what of `log` is not its `level`")),
            _ if file.index.dir.is_some() => Some(("index.dir", "`index.dir`")),
            _ if file.mcp.is_some() => Some(("mcp", "`mcp`")),
            _ if file.editor.is_some() => Some(("editor", "`editor`")),
            _ if embedding.is_some_and(|table| !matches!(table, EmbeddingTable::Off | EmbeddingTable::Builtin)) => {
                Some(("embedding.provider", "an embedding model other than `off` and `builtin`"))
            }
            _ => None,
        }
    }
}

impl File {
    /// Lays it over settings; paths in it are relative to a folder.
    pub(super) fn apply(
        self,
        source: Source,
        folder: &Path,
        settings: &mut Settings,
        options: &mut CheckSettings,
    ) -> Result<(), Mistake> {
        if let Some((setting, what)) = source.refused(&self) {
            let own = user_file().map(|file| format!(": {}", file.display())).unwrap_or_default();
            return Err(Mistake::of(setting, format!("{what} is taken from the user's settings file only{own}")));
        }
        let IndexTable { dir, threads, max_file_bytes, memory_mb, hidden, ignore_files, any_folder, exclude } =
            self.index;
        if let Some(dir) = dir {
            settings.index_dir = IndexDir::Below(folder.join(dir));
        }
        if let Some(threads) = threads {
            settings.threads = threads;
        }
        if let Some(bytes) = max_file_bytes {
            settings.max_file_bytes = bytes;
        }
        if let Some(memory) = memory_mb {
            settings.memory = memory.saturating_mul(1 << 20);
        }
        if let Some(hidden) = hidden {
            settings.hidden = hidden;
        }
        if let Some(keep) = ignore_files {
            settings.ignore_files = keep;
        }
        if let Some(allow) = any_folder {
            settings.any_folder = allow;
        }
        if let Some(globs) = exclude {
            settings.exclude.extend(globs);
        }
        if let Some(table) = self.embedding {
            settings.embedding = table.into_embedding();
        }
        self.check.apply(options)?;
        validate(settings)
    }
}

/// Where the log goes and what it holds.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogTable {
    /// A file in place of stderr.
    pub(crate) file: Option<PathBuf>,
    /// A filter as `CONEXUS_LOG` takes it.
    pub(crate) level: Option<String>,
    /// Lines for people or JSON.
    pub(crate) format: Option<LogFormat>,
    /// Address of a collector of traces.
    pub(crate) traces: Option<String>,
}

/// What `conexus check` looks for. Rules that are not named run as they do by default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckTable {
    /// Only these rules.
    select: Option<Vec<Rules>>,
    /// Rules beside the default ones.
    extend_select: Option<Vec<Rules>>,
    /// Not these rules.
    ignore: Option<Vec<Rules>>,
    /// Globs of paths with the rules that find nothing there.
    #[serde(default)]
    per_path_ignore: BTreeMap<String, Vec<Rules>>,
    /// File of the findings that are known, below the workspace.
    baseline: Option<String>,
    #[serde(default)]
    duplicate_code: DuplicateCodeTable,
    #[serde(default)]
    unused_symbol: UnusedSymbolTable,
}

/// Options of `unused-symbol`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnusedSymbolTable {
    min_confidence: Option<f32>,
}

/// Options of `duplicate-code` and `reinvented`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DuplicateCodeTable {
    min_tokens: Option<usize>,
    min_similarity: Option<f32>,
    tests: Option<bool>,
}

/// A rule by its identifier, or `all`; read here so that a mistake is told with its line and column.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Rules(Selection);

impl TryFrom<String> for Rules {
    type Error = String;

    fn try_from(code: String) -> Result<Self, String> {
        parse_rules(&code).map(Self).map_err(|problem| format!("{code:?}: {problem}"))
    }
}

impl CheckTable {
    fn apply(self, settings: &mut CheckSettings) -> Result<(), Mistake> {
        if let Some(name) = self.baseline {
            // It comes with the repository and is written to.
            let parts = Path::new(&name).components();
            if name.is_empty() || !parts.into_iter().all(|part| matches!(part, Component::Normal(_))) {
                let says = format!("`check.baseline` is {name:?}, it must be a path below the workspace");
                return Err(Mistake::of("check.baseline", says));
            }
            settings.baseline = Some(name);
        }
        let options = &mut settings.options;
        let union = |rules: Vec<Rules>| rules.into_iter().fold(Selection::of([]), |all, rules| all.union(rules.0));
        if let Some(rules) = self.select {
            options.selection = union(rules);
        }
        if let Some(rules) = self.extend_select {
            options.selection = options.selection.union(union(rules));
        }
        if let Some(rules) = self.ignore {
            options.selection = options.selection.difference(union(rules));
        }
        let per_path = self.per_path_ignore.into_iter().map(|(glob, rules)| (glob, union(rules)));
        options.per_path_ignore.extend(per_path);
        let DuplicateCodeTable { min_tokens, min_similarity, tests } = self.duplicate_code;
        let duplicates = &mut options.duplicates;
        duplicates.min_tokens = min_tokens.unwrap_or(duplicates.min_tokens);
        duplicates.min_similarity = min_similarity.unwrap_or(duplicates.min_similarity);
        duplicates.tests = tests.unwrap_or(duplicates.tests);
        options.unused.min_confidence = self.unused_symbol.min_confidence.unwrap_or(options.unused.min_confidence);
        Ok(options.validate()?)
    }
}

/// What the editor does for others.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EditorTable {
    /// Whether assistants may show places in it and propose edits.
    #[serde(default)]
    pub(super) assistants: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IndexTable {
    dir: Option<PathBuf>,
    threads: Option<usize>,
    max_file_bytes: Option<u64>,
    memory_mb: Option<u64>,
    hidden: Option<bool>,
    ignore_files: Option<bool>,
    any_folder: Option<bool>,
    exclude: Option<Vec<String>>,
}

/// The endpoint for assistants; [`crate::cli::serving`] makes sense of it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct McpTable {
    pub(crate) host: Option<IpAddr>,
    pub(crate) port: Option<u16>,
    pub(crate) names: Option<Vec<String>>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) audit_log: Option<PathBuf>,
    #[serde(default)]
    pub(crate) source_folders: Vec<PathBuf>,
    pub(crate) requests_per_second: Option<u32>,
    pub(crate) in_flight: Option<usize>,
    pub(crate) arrival_seconds: Option<u64>,
    pub(crate) answer_seconds: Option<u64>,
}

impl McpTable {
    pub(super) fn validate(&self) -> Result<(), Mistake> {
        let at_least_one = [
            ("mcp.requests_per_second", self.requests_per_second.map(u64::from)),
            ("mcp.in_flight", self.in_flight.map(|requests| requests as u64)),
            ("mcp.arrival_seconds", self.arrival_seconds),
            ("mcp.answer_seconds", self.answer_seconds),
        ];
        match at_least_one.into_iter().find(|&(_, value)| value == Some(0)) {
            Some((setting, _)) => Err(Mistake::of(setting, format!("`{setting}` is 0, it must be at least 1"))),
            None => Ok(()),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case", tag = "provider")]
pub(super) enum EmbeddingTable {
    /// Names and words only.
    Off,
    /// The model in the binary.
    Builtin,
    /// A file in the built-in model's format.
    StaticFile { path: PathBuf },
    /// A BERT-like model in a folder; needs a binary built with the feature `transformer`.
    Transformer { directory: PathBuf },
    /// An endpoint that speaks the OpenAI embeddings protocol.
    Openai(EndpointTable),
}

/// What of an endpoint can be set; the rest has the defaults of [`OpenAiSettings::new`].
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointTable {
    url: String,
    model: String,
    api_key_env: Option<String>,
    dimension: Option<NonZeroUsize>,
    request_dimension: Option<bool>,
    query_prefix: Option<String>,
    document_prefix: Option<String>,
    batch_texts: Option<usize>,
    text_characters: Option<usize>,
    attempts: Option<u32>,
    request_timeout_seconds: Option<u64>,
}

impl EndpointTable {
    fn into_settings(self) -> OpenAiSettings {
        let mut settings = OpenAiSettings::new(self.url, self.model);
        settings.api_key_env = self.api_key_env;
        settings.dimension = self.dimension;
        if let Some(request) = self.request_dimension {
            settings.request_dimension = request;
        }
        if let Some(prefix) = self.query_prefix {
            settings.query_prefix = prefix;
        }
        if let Some(prefix) = self.document_prefix {
            settings.document_prefix = prefix;
        }
        if let Some(texts) = self.batch_texts {
            settings.batch_texts = texts;
        }
        if let Some(characters) = self.text_characters {
            settings.text_characters = characters;
        }
        if let Some(attempts) = self.attempts {
            settings.attempts = attempts;
        }
        if let Some(seconds) = self.request_timeout_seconds {
            settings.request_timeout = Duration::from_secs(seconds);
        }
        settings
    }
}

impl EmbeddingTable {
    fn into_embedding(self) -> Embedding {
        match self {
            Self::Off => Embedding::Off,
            Self::Builtin => Embedding::Model(EmbedderSettings::Builtin),
            Self::StaticFile { path } => Embedding::Model(EmbedderSettings::StaticFile { path }),
            Self::Transformer { directory } => Embedding::Model(EmbedderSettings::Transformer { directory }),
            Self::Openai(endpoint) => Embedding::Model(EmbedderSettings::OpenAi(Box::new(endpoint.into_settings()))),
        }
    }
}

/// Most threads, of a file, a flag and a variable.
pub(crate) const MOST_THREADS: usize = 1024;

/// Smallest memory ceiling that an index can be built under.
const LEAST_MEMORY: u64 = 150 << 20;

pub(super) fn validate(settings: &Settings) -> Result<(), Mistake> {
    let wrong = |setting, says: String| Err(Mistake::of(setting, format!("`{setting}` is {says}")));
    if settings.threads > MOST_THREADS {
        return wrong("index.threads", format!("{}, it may be at most {MOST_THREADS}", settings.threads));
    }
    if settings.max_file_bytes == 0 || settings.max_file_bytes > 64 << 20 {
        return wrong("index.max_file_bytes", format!("{}, it may be 1 to {}", settings.max_file_bytes, 64 << 20));
    }
    for glob in &settings.exclude {
        if let Err(error) = conexus_engine::walk::check_exclude(std::slice::from_ref(glob)) {
            return Err(Mistake::in_part("index.exclude", glob, format!("`index.exclude`: {error}")));
        }
    }
    if settings.memory < LEAST_MEMORY {
        let says = format!("{}, it must be at least {}", settings.memory >> 20, LEAST_MEMORY >> 20);
        return wrong("index.memory_mb", says);
    }
    if let Embedding::Model(EmbedderSettings::OpenAi(endpoint)) = &settings.embedding {
        endpoint.validate()?;
    }
    Ok(())
}
