//! Settings: from flags, environment and files to one validated value.
//!
//! Later ones win: defaults, the user's file, the workspace's `conexus.toml`, the editor, environment, flags. A workspace's file
//! comes with a repository that somebody else may have written, so it may not send code anywhere nor choose where
//! the index is written: those settings are taken from the user's file alone.

mod from_editor;
mod mistake;

use std::{
    collections::BTreeMap,
    net::IpAddr,
    num::NonZeroUsize,
    path::{Component, Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use conexus_check::{Options as CheckOptions, Selection};
use conexus_embed::{EmbedderSettings, OpenAiSettings};
use conexus_engine::{Embedding, Location, Settings, Sources};
use conexus_lsp::EditorAccess;
use serde::Deserialize;

use super::arguments::{Global, LogFormat, parse_rules};
pub(crate) use from_editor::FromEditor;
pub(crate) use mistake::Mistake;

/// Name of the settings file, in a workspace and in the user's configuration folder.
pub(crate) const FILE_NAME: &str = "conexus.toml";

/// The settings file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    index: IndexTable,
    #[serde(default)]
    embedding: Option<EmbeddingTable>,
    #[serde(default)]
    editor: Option<EditorTable>,
    #[serde(default)]
    check: CheckTable,
    #[serde(default)]
    log: Option<LogTable>,
    mcp: Option<McpTable>,
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
struct CheckTable {
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
struct EditorTable {
    /// Whether assistants may show places in it and propose edits.
    #[serde(default)]
    assistants: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexTable {
    dir: Option<PathBuf>,
    threads: Option<usize>,
    max_file_bytes: Option<u64>,
    memory_mb: Option<u64>,
    hidden: Option<bool>,
    ignore_files: Option<bool>,
    any_folder: Option<bool>,
    exclude: Option<Vec<String>>,
}

/// The endpoint for assistants; [`super::serving`] makes sense of it.
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
    fn validate(&self) -> Result<(), Mistake> {
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
enum EmbeddingTable {
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
struct EndpointTable {
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

/// Where a setting comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
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

/// The log as the user's file has it, if `check` has nothing against it. A file that cannot be read is reported by
/// [`load`].
pub(crate) fn log(global: &Global, check: impl FnOnce(&LogTable) -> Result<(), Mistake>) -> Result<LogTable> {
    let document = own_file(global).and_then(|path| Document::read(&path).ok());
    let Some(Document { path, text, file: File { log: Some(log), .. } }) = document else {
        return Ok(LogTable::default());
    };
    check(&log).map_err(|mistake| mistake.in_file(&path, &text))?;
    let file = log.file.map(|file| path.parent().unwrap_or(Path::new("")).join(file));
    Ok(LogTable { file, ..log })
}

/// The files that hold settings for a workspace, the user's one first.
pub(crate) fn files(global: &Global, workspace: &Path) -> Vec<PathBuf> {
    let own = Some(workspace.join(FILE_NAME)).filter(|path| path.is_file());
    own_file(global).into_iter().chain(own).collect()
}

/// The user's file: the one that is named, or the usual one if it is there.
fn own_file(global: &Global) -> Option<PathBuf> {
    global.config.clone().or_else(|| user_file().filter(|path| path.is_file()))
}

/// Gathers the settings for a workspace.
pub(crate) fn load(global: &Global, workspace: &Path) -> Result<Settings> {
    load_in_session(global, &FromEditor::default(), workspace)
}

/// Gathers the settings for a workspace that is open in an editor.
pub(crate) fn load_in_session(global: &Global, from_editor: &FromEditor, workspace: &Path) -> Result<Settings> {
    load_all(global, from_editor, workspace).map(|(settings, _)| settings)
}

/// Gathers the options of a check of a workspace.
pub(crate) fn load_check(global: &Global, from_editor: &FromEditor, workspace: &Path) -> Result<CheckSettings> {
    let (settings, mut check) = load_all(global, from_editor, workspace)?;
    check.options.threads = settings.analysis_threads();
    Ok(check)
}

/// What the settings say of checks.
#[derive(Debug, Default)]
pub(crate) struct CheckSettings {
    pub(crate) options: CheckOptions,
    /// The file of the baseline that `check.baseline` names, relative to the workspace.
    pub(crate) baseline: Option<String>,
}

fn load_all(global: &Global, from_editor: &FromEditor, workspace: &Path) -> Result<(Settings, CheckSettings)> {
    let mut settings = Settings::default();
    let mut options = CheckSettings::default();
    if let Some(path) = own_file(global) {
        Document::read(&path)?.apply(Source::User, &mut settings, &mut options)?;
    }
    let path = workspace.join(FILE_NAME);
    if path.is_file() {
        Document::read(&path)?.apply(Source::Workspace, &mut settings, &mut options)?;
    }
    from_editor.apply(&mut settings, &mut options)?;
    environment(&mut settings)?;
    validate(&settings).map_err(|mistake| mistake.in_environment(VARIABLES))?;
    if let Some(folder) = &global.index_dir {
        if folder.as_os_str().is_empty() {
            bail!("--index-dir or CONEXUS_INDEX_DIR is empty, name a folder");
        }
        settings.index_dir = Some(folder.clone());
    }
    if let Some(threads) = global.threads {
        settings.threads = threads;
    }
    settings.trial_program = std::env::current_exe().ok();
    settings.sources_file = sources_file(workspace);
    if let Some(file) = &settings.sources_file {
        settings.sources = Sources::load(file)?;
    }
    Ok((settings, options))
}

/// The user's settings of the endpoint for assistants, and the folder that their paths are relative to.
pub(crate) fn load_mcp(global: &Global) -> Result<(McpTable, PathBuf)> {
    let Some(path) = own_file(global) else { return Ok((McpTable::default(), PathBuf::new())) };
    let Document { path, text, file } = Document::read(&path)?;
    let table = file.mcp.unwrap_or_default();
    table.validate().map_err(|mistake| mistake.in_file(&path, &text))?;
    Ok((table, path.parent().unwrap_or(Path::new("")).to_owned()))
}

/// The user's file that says what is indexed beside a workspace; it need not exist.
fn sources_file(workspace: &Path) -> Option<PathBuf> {
    // Where the index lies makes no difference to the name; a workspace that cannot be opened is told of elsewhere.
    let key = Location::of(workspace, Some(workspace)).ok()?.key();
    Some(user_file()?.with_file_name("sources").join(format!("{key}.toml")))
}

/// Whether the user lets assistants ask the editor for something.
pub(crate) fn editor_access(global: &Global) -> Result<EditorAccess> {
    let document = own_file(global).map(|path| Document::read(&path)).transpose()?;
    let table = document.and_then(|document| document.file.editor).unwrap_or_default();
    Ok(if table.assistants { EditorAccess::Open } else { EditorAccess::Closed })
}

/// A settings file with its text, in which the place of a mistake is looked for.
struct Document {
    path: PathBuf,
    text: String,
    file: File,
}

impl Document {
    fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the settings file {}", path.display()))?;
        // The message of the TOML reader shows line, column and the line itself.
        let file = toml::from_str(&text).map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
        Ok(Self { path: path.to_owned(), text, file })
    }

    fn apply(self, source: Source, settings: &mut Settings, options: &mut CheckSettings) -> Result<()> {
        let Self { path, text, file } = self;
        let folder = path.parent().unwrap_or(Path::new(""));
        file.apply(source, folder, settings, options).map_err(|mistake| mistake.in_file(&path, &text))
    }
}

impl File {
    /// Lays it over settings; paths in it are relative to a folder.
    fn apply(
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
            settings.index_dir = Some(folder.join(dir));
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

/// Settings of numbers that the environment may hold.
const VARIABLES: &[(&str, &str)] =
    &[("index.max_file_bytes", "CONEXUS_MAX_FILE_BYTES"), ("index.memory_mb", "CONEXUS_MEMORY_MB")];

fn environment(settings: &mut Settings) -> Result<()> {
    if let Some(bytes) = variable("CONEXUS_MAX_FILE_BYTES")? {
        settings.max_file_bytes = bytes;
    }
    if let Some(memory) = variable::<u64>("CONEXUS_MEMORY_MB")? {
        settings.memory = memory.saturating_mul(1 << 20);
    }
    if let Some(hidden) = variable("CONEXUS_HIDDEN")? {
        settings.hidden = hidden;
    }
    if let Some(keep) = variable("CONEXUS_IGNORE_FILES")? {
        settings.ignore_files = keep;
    }
    if let Some(allow) = variable("CONEXUS_ANY_FOLDER")? {
        settings.any_folder = allow;
    }
    if let Some(provider) = variable::<String>("CONEXUS_EMBEDDING")? {
        settings.embedding = match provider.as_str() {
            "off" => Embedding::Off,
            "builtin" => Embedding::Model(EmbedderSettings::Builtin),
            other => bail!(
                "CONEXUS_EMBEDDING is {other:?}, it may be `off` or `builtin`; other models are set in the user's settings file"
            ),
        };
    }
    Ok(())
}

fn variable<T: FromStr>(name: &str) -> Result<Option<T>> {
    match std::env::var(name) {
        Ok(text) if text.is_empty() => Ok(None),
        Ok(text) => match text.parse() {
            Ok(value) => Ok(Some(value)),
            Err(_) => bail!("the environment variable {name} has the value {text:?}, which is not of its type"),
        },
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(std::env::VarError::NotUnicode(_)) => bail!("the environment variable {name} is not valid Unicode"),
    }
}

/// Most threads, of a file, a flag and a variable.
pub(crate) const MOST_THREADS: usize = 1024;

/// Smallest memory ceiling that an index can be built under.
const LEAST_MEMORY: u64 = 150 << 20;

fn validate(settings: &Settings) -> Result<(), Mistake> {
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

/// The user's settings file: `$XDG_CONFIG_HOME/conexus/conexus.toml` or `~/.config/conexus/conexus.toml`; on Windows
/// `%APPDATA%\conexus\conexus.toml`. It need not exist.
pub(crate) fn user_file() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = if cfg!(windows) {
        variable("APPDATA")?
    } else {
        variable("XDG_CONFIG_HOME")
            .filter(|folder| folder.is_absolute())
            .or_else(|| variable("HOME").map(|home| home.join(".config")))?
    };
    Some(folder.join("conexus").join(FILE_NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(text: &str, source: Source) -> Result<Settings, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let document = Document { path: PathBuf::from("conexus.toml"), text: text.to_owned(), file };
        let mut settings = Settings::default();
        let applied = document.apply(source, &mut settings, &mut CheckSettings::default());
        applied.map_err(|error| format!("{error:#}"))?;
        Ok(settings)
    }

    #[test]
    fn a_file_sets_what_it_names() {
        let settings =
            applied("[index]\nmemory_mb = 500\nexclude = ['gen/']\n[embedding]\nprovider = 'off'\n", Source::Workspace)
                .expect("valid settings");
        assert_eq!(
            (settings.memory, settings.exclude, settings.embedding),
            (500 << 20, vec!["gen/".to_owned()], Embedding::Off)
        );
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, place, message) in [
            ("[index]\nthread = 1\n", "line 2", "thread"),
            ("[index]\nmemory_mb = 'x'\n", "line 2", "string"),
            ("[index]\nmemory_mb = 1\n", "line 2, column 13", "index.memory_mb"),
            ("\n[index]\nmax_file_bytes = 0\n", "line 3, column 18", "index.max_file_bytes"),
            ("[index]\nthreads = 2000\n", "line 2, column 11", "at most 1024"),
            ("[index]\nexclude = ['b', 'a{']\n", "line 2, column 17", "index.exclude"),
            ("[embedding]\nprovider = 'cloud'\n", "line 2", "cloud"),
            (
                "[embedding]\nprovider = 'openai'\nurl = 'http://h'\nmodel = 'm'\nattempts = 0\n",
                "line 5, column 12",
                "`embedding.attempts` must be more than 0",
            ),
            ("[embedding]\nprovider = 'openai'\nurl = 'h'\nmodel = 'm'\n", "line 3, column 7", "embedding.url"),
            ("[check]\nignore = ['duplicates']\n", "line 2", "duplicates"),
            ("[check.duplicate_code]\nmin_tokens = 3\n", "line 2, column 14", "check.duplicate_code.min_tokens"),
            ("[check.duplicate_code]\nmin_similarity = 0.1\n", "line 2, column 18", "0.7 to 1"),
            ("[check.unused_symbol]\nmin_confidence = 2\n", "line 2, column 18", "check.unused_symbol"),
            ("[check.per_path_ignore]\n'a{' = ['all']\n", "line 2, column 1", "check.per_path_ignore"),
            ("[check.per_path_ignore]\n'a/' = ['dup']\n", "line 2", "dup"),
            ("[check]\nbaseline = '../other.json'\n", "line 2, column 12", "below the workspace"),
            ("[check]\nbaseline = '/etc/x.json'\n", "line 2, column 12", "below the workspace"),
        ] {
            let error = applied(text, Source::User).expect_err(text);
            assert!(error.contains(place) && error.contains(message), "{text:?} gave {error:?}");
        }
    }

    #[test]
    fn a_workspace_may_not_choose_where_data_goes() {
        for text in [
            "[mcp]\nport = 1\n",
            "[index]\ndir = '/elsewhere'\n",
            "[editor]\nassistants = true\n",
            "[embedding]\nprovider = 'static_file'\npath = 'm.bin'\n",
        ] {
            let error = applied(text, Source::Workspace).expect_err(text);
            assert!(error.contains("line ") && error.contains("the user's settings file only"), "{error}");
            assert!(applied(text, Source::User).is_ok(), "{text}");
        }
    }
}
