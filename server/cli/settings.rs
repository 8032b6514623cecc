//! Settings: from flags, environment and files to one validated value.
//!
//! Later ones win: defaults, the user's file, the workspace's `conexus.toml`, the editor, environment, flags. A workspace's file
//! comes with a repository that somebody else may have written, so it may not send code anywhere nor choose where
//! the index is written: those settings are taken from the user's file alone.

mod file;
mod from_editor;
mod mistake;

use std::{
    path::{Path, PathBuf},
    str::FromStr,
};

use anyhow::{Context, Result, bail};
use conexus_check::Options as CheckOptions;
use conexus_embed::EmbedderSettings;
use conexus_engine::{Embedding, IndexDir, Location, Settings, Sources};
use conexus_lsp::EditorAccess;

use super::arguments::Global;
use file::{File, Source, validate};
pub(crate) use file::{LogTable, MOST_THREADS, McpTable};
pub(crate) use from_editor::FromEditor;
pub(crate) use mistake::Mistake;

/// Name of the settings file, in a workspace and in the user's configuration folder.
pub(crate) const FILE_NAME: &str = "conexus.toml";

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
    check.options.history = settings.sources.git_history;
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
            bail!("--index-dir is empty, name a folder");
        }
        settings.index_dir = IndexDir::At(folder.clone());
    }
    if let Some(threads) = global.threads {
        settings.threads = threads;
    }
    settings.max_file_bytes = settings.max_file_bytes.min(settings.most_file_bytes());
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
    // A workspace that cannot be opened is told of elsewhere.
    let key = Location::key_of(workspace).ok()?;
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

/// Settings of numbers that the environment may hold.
const VARIABLES: &[(&str, &str)] =
    &[("index.max_file_bytes", "CONEXUS_MAX_FILE_BYTES"), ("index.memory_mb", "CONEXUS_MEMORY_MB")];

fn environment(settings: &mut Settings) -> Result<()> {
    // It need not be valid Unicode.
    if let Some(folder) = std::env::var_os("CONEXUS_INDEX_DIR") {
        if folder.is_empty() {
            bail!("CONEXUS_INDEX_DIR is empty, name a folder");
        }
        settings.index_dir = IndexDir::Below(folder.into());
    }
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
