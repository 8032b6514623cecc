//! The arguments, as clap reads them.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use clap::{
    Args, CommandFactory, Parser, Subcommand, ValueEnum,
    builder::RangedU64ValueParser,
    error::{ContextKind, ContextValue},
};
use conexus_check::{Rule, Selection};
use conexus_core::{Filter, Mode, Query, SymbolKind, TestFilter};
use conexus_engine::git;
use conexus_mcp::BUDGETS;

use serde::Deserialize;

use super::{settings::MOST_THREADS, setup::Editor};

/// One live index of your code that your editor and your AI assistant share.
#[derive(Debug, Parser)]
#[command(name = "conexus", version, about, max_term_width = 110, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The arguments of this process. With mistakes in them it ends; one in an environment variable is told by the
/// variable's name, which clap does not do.
pub(crate) fn of_process() -> Arguments {
    Arguments::try_parse().unwrap_or_else(|mut error| {
        if let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg)
            && let Some(variable) = variable_of(argument)
        {
            error.insert(ContextKind::InvalidArg, ContextValue::String(variable));
        }
        error.exit()
    })
}

/// The variable that holds the value of an argument which is not on the command line.
fn variable_of(argument: &str) -> Option<String> {
    let mut command = Arguments::command();
    command.build();
    let argument = command.get_arguments().find(|own| own.to_string() == argument)?;
    let (flag, variable) = (format!("--{}", argument.get_long()?), argument.get_env()?);
    let is_flag = |word: &str| word.strip_prefix(&flag).is_some_and(|rest| rest.is_empty() || rest.starts_with('='));
    let is_given = std::env::args_os().any(|word| word.to_str().is_some_and(is_flag));
    (!is_given).then(|| variable.to_string_lossy().into_owned())
}

/// Options of every command.
#[derive(Clone, Debug, Args)]
pub(crate) struct Global {
    /// Workspace folder; default: the repository around the current folder
    #[arg(long, short = 'w', global = true, value_name = "DIR", env = "CONEXUS_WORKSPACE")]
    pub(crate) workspace: Option<PathBuf>,
    /// Folder of this workspace's index alone; default: one of its own in the user's cache, or in the folder that
    /// CONEXUS_INDEX_DIR names
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) index_dir: Option<PathBuf>,
    /// Settings file in place of the user's one
    #[arg(long, global = true, value_name = "FILE", env = "CONEXUS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Threads for analysis; 0 is one per core
    #[arg(long, global = true, value_name = "N", env = "CONEXUS_THREADS",
        value_parser = RangedU64ValueParser::<usize>::new().range(..=MOST_THREADS as u64))]
    pub(crate) threads: Option<usize>,
    /// Form of the answer
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
    /// Shorthand for --format json
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to colour the answer
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(crate) color: Color,
    /// No progress, no summary
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Say more on stderr; twice for debugging
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Write the log to the end of this file, not to stderr
    #[arg(long, global = true, value_name = "FILE", env = "CONEXUS_LOG_FILE")]
    pub(crate) log_file: Option<PathBuf>,
    /// Form of the log
    #[arg(long, global = true, value_enum, value_name = "FORM", env = "CONEXUS_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

impl Global {
    /// The workspace folder.
    pub(crate) fn workspace(&self) -> Result<PathBuf> {
        match &self.workspace {
            Some(folder) if folder.as_os_str().is_empty() => {
                bail!("--workspace or CONEXUS_WORKSPACE is empty, name a folder")
            }
            Some(folder) => Ok(folder.clone()),
            None => Ok(conexus_engine::workspace_root(&std::env::current_dir()?)),
        }
    }

    /// The form of the answer.
    pub(crate) fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }

    /// Whether answers are JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.format() == Format::Json
    }
}

/// Form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0, for code hosts and editors; of `check` alone.
    Sarif,
    /// Workflow commands, which GitHub shows beside the lines; of `check` alone.
    Github,
    /// GitLab's code quality report; of `check` alone.
    Gitlab,
    /// JUnit's XML; of `check` alone.
    Junit,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON document in a line.
    Json,
}

/// When to colour the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Search the workspace by meaning, words or names; indexes it first when needed
    Search(SearchArguments),
    /// Bring the index up to date
    Index(IndexArguments),
    /// List symbols of a file, or of all files by name
    Symbols(SymbolsArguments),
    /// Find code similar to a place
    Similar(SimilarArguments),
    /// Find code that stands twice, documentation of what is gone, and more; exit code 1 when something is found
    Check(CheckArguments),
    /// Show what the index holds
    Status,
    /// Check everything and say what to do
    Doctor,
    /// Compare the index with one built from scratch; exit code 1 when they differ
    Verify,
    /// Delete the index of the workspace
    Clear,
    /// Measure retrieval quality on labelled queries
    Eval(EvalArguments),
    /// Serve an editor over standard input and output
    Lsp(LspArguments),
    /// Serve an AI assistant over standard input and output (MCP), from the editor's session when one is running
    Mcp(McpArguments),
    /// Serve AI assistants over HTTP, without an editor; on the loopback interface unless told otherwise
    Serve(ServeArguments),
    /// Set up an editor: neovim, helix, vscode, zed or emacs
    Setup(SetupArguments),
    /// Print a completion script
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
    /// Parse standard input and nothing else: a process of its own for what may crash a grammar
    #[command(hide = true)]
    TryToParse {
        /// Language of the text
        #[arg(long)]
        language: String,
        /// A query of tree-sitter to run over it
        #[arg(long)]
        query: Option<String>,
    },
}

/// Which chunks may answer.
#[derive(Debug, Args)]
pub(crate) struct FilterArguments {
    /// Only paths that match a glob; a folder stands for what is below it (repeatable)
    #[arg(long, short, value_name = "GLOB")]
    glob: Vec<String>,
    /// No paths that match a glob (repeatable)
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Only these languages, such as rust or typescript (repeatable)
    #[arg(long = "lang", short, value_name = "LANGUAGE", value_parser = parse_language)]
    languages: Vec<String>,
    /// Only these kinds of symbols, such as function or class (repeatable)
    #[arg(long = "kind", short, value_name = "KIND", value_parser = parse_kind)]
    kinds: Vec<SymbolKind>,
    /// Whether tests may answer
    #[arg(long, value_enum, default_value_t = Tests::Any)]
    tests: Tests,
    /// Only files that differ from a git revision, such as HEAD or main, untracked ones included
    #[arg(long, value_name = "REV")]
    changed_since: Option<String>,
}

impl FilterArguments {
    /// As a filter over a workspace.
    pub(crate) fn to_filter(&self, root: &Path) -> Result<Filter> {
        let paths = match &self.changed_since {
            None => None,
            Some(revision) => match git::changed_since(root, revision) {
                Some(paths) => Some(paths),
                None => bail!("git knows no revision {revision:?} in {}", root.display()),
            },
        };
        Ok(Filter {
            include: self.glob.clone(),
            exclude: self.exclude.clone(),
            paths,
            languages: self.languages.clone(),
            kinds: self.kinds.clone(),
            tests: match self.tests {
                Tests::Any => TestFilter::Any,
                Tests::Only => TestFilter::Only,
                Tests::Exclude => TestFilter::Exclude,
            },
        })
    }
}

fn parse_kind(name: &str) -> Result<SymbolKind, String> {
    SymbolKind::from_name(name).ok_or_else(|| {
        let names: Vec<_> = SymbolKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("no such kind, one of: {}", names.join(", "))
    })
}

fn parse_language(name: &str) -> Result<String, String> {
    let lower = name.to_ascii_lowercase();
    if conexus_syntax::language_named(&lower).is_some() {
        return Ok(lower);
    }
    let names: Vec<_> = conexus_syntax::languages().map(|language| language.language.name()).collect();
    Err(format!("no such language, one of: {}", names.join(", ")))
}

/// Whether tests may answer.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Tests {
    /// Tests and code.
    Any,
    /// Tests alone.
    Only,
    /// No tests.
    Exclude,
}

/// How to read a query.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ModeArgument {
    /// By the shape of the text.
    Auto,
    /// As a description in words.
    Meaning,
    /// As words that occur in the text.
    Keyword,
    /// As a symbol's name.
    Symbol,
}

/// Which hits to show.
#[derive(Debug, Args)]
pub(crate) struct PageArguments {
    /// Most hits to show
    #[arg(long, short = 'n', default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Hits to pass over first
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) offset: u32,
    /// Lines of code shown per hit; 0 shows places only
    #[arg(long, short = 'c', default_value_t = 6, value_name = "LINES")]
    pub(crate) context: u32,
}

/// Arguments of `search`.
#[derive(Debug, Args)]
pub(crate) struct SearchArguments {
    /// What to look for: a question, words, a name, a path, an error message, "quoted text"
    #[arg(required = true, num_args = 1.., allow_hyphen_values = false)]
    query: Vec<String>,
    /// How to read the query
    #[arg(long, short, value_enum, default_value_t = ModeArgument::Auto)]
    mode: ModeArgument,
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    pub(crate) page: PageArguments,
    /// Show what each hit's score is made of
    #[arg(long)]
    pub(crate) explain: bool,
    /// Ask the index on disk even when an editor's session keeps the workspace current
    #[arg(long)]
    pub(crate) no_session: bool,
    /// Search the index as it is, without looking for changed files first
    #[arg(long)]
    pub(crate) no_index: bool,
}

impl SearchArguments {
    /// As a query over a workspace.
    pub(crate) fn to_query(&self, root: &Path) -> Result<Query> {
        Ok(Query {
            mode: match self.mode {
                ModeArgument::Auto => Mode::Auto,
                ModeArgument::Meaning => Mode::Meaning,
                ModeArgument::Keyword => Mode::Keyword,
                ModeArgument::Symbol => Mode::Symbol,
            },
            filter: self.filter.to_filter(root)?,
            limit: self.page.limit as usize,
            offset: self.page.offset as usize,
            explain: self.explain,
            ..Query::new(self.query.join(" "))
        })
    }
}

/// Arguments of `index`.
#[derive(Debug, Args)]
pub(crate) struct IndexArguments {
    /// Workspace folder, as --workspace
    pub(crate) path: Option<PathBuf>,
    /// Delete the index first
    #[arg(long)]
    pub(crate) force: bool,
}

/// Arguments of `symbols`.
#[derive(Debug, Args)]
pub(crate) struct SymbolsArguments {
    /// A file of the workspace, or a name such as `Parser::next`; nothing lists all
    pub(crate) pattern: Option<String>,
    /// Most symbols to show
    #[arg(long, short = 'n', default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// Arguments of `similar`.
#[derive(Debug, Args)]
pub(crate) struct SimilarArguments {
    /// PATH:LINE, the line numbered from 1
    #[arg(value_name = "PATH:LINE")]
    pub(crate) place: String,
    #[command(flatten)]
    filter: FilterArguments,
    #[command(flatten)]
    pub(crate) page: PageArguments,
}

impl SimilarArguments {
    /// Filter and page as a query without text.
    pub(crate) fn to_query(&self, root: &Path) -> Result<Query> {
        Ok(Query {
            filter: self.filter.to_filter(root)?,
            limit: self.page.limit as usize,
            offset: self.page.offset as usize,
            ..Query::new("")
        })
    }
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// Files and folders to check; default: the whole workspace. They are compared with all of it
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Only what differs from a git revision, such as HEAD or origin/main, untracked files included
    #[arg(long, value_name = "REV")]
    pub(crate) changed_since: Option<String>,
    /// Run these rules and no others, by commas; `all` is every rule (repeatable)
    #[arg(long, value_name = "RULES", value_delimiter = ',', value_parser = parse_rules)]
    pub(crate) select: Vec<Selection>,
    /// Do not run these rules, by commas (repeatable)
    #[arg(long, value_name = "RULES", value_delimiter = ',', value_parser = parse_rules)]
    pub(crate) ignore: Vec<Selection>,
    /// File of the findings that are known and do not count; default: `check.baseline`, or conexus-baseline.json when
    /// it is there
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Take what is found into the baseline, and what is gone out of it
    #[arg(long)]
    pub(crate) update_baseline: bool,
    /// Apply the fixes that findings offer, and show what is left
    #[arg(long, conflicts_with = "update_baseline")]
    pub(crate) fix: bool,
    /// Show what --fix would change as a diff and write nothing; exit code 1 when there is something to change
    #[arg(long, conflicts_with = "update_baseline")]
    pub(crate) diff: bool,
}

/// One rule by its identifier, or all of them.
pub(crate) fn parse_rules(code: &str) -> Result<Selection, String> {
    if code == "all" {
        return Ok(Selection::of(Rule::ALL.iter().copied()));
    }
    Rule::from_code(code).map(|rule| Selection::of([rule])).ok_or_else(|| {
        let codes: Vec<_> = Rule::ALL.iter().map(|rule| rule.code()).collect();
        format!("no such rule, one of: {}, or `all`", codes.join(", "))
    })
}

/// Arguments of `setup`.
#[derive(Debug, Args)]
pub(crate) struct SetupArguments {
    /// The editor
    #[arg(value_enum)]
    pub(crate) editor: Editor,
    /// Show what would change as a diff and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Only these languages, by Helix's names (repeatable; Helix only, whose configuration is per language)
    #[arg(long = "lang", short, value_name = "LANGUAGE")]
    pub(crate) languages: Vec<String>,
}

/// Arguments of `lsp`.
#[derive(Debug, Args)]
pub(crate) struct LspArguments {
    /// Speak over standard input and output: what is done anyway, and some editors say so
    #[arg(long)]
    stdio: bool,
    /// Serve in this process alone: a crash in a grammar then ends the session; for debugging
    #[arg(long)]
    pub(crate) unguarded: bool,
    /// The process that passes messages on and starts another server when this one crashes
    #[arg(long, hide = true, value_name = "PID")]
    pub(crate) guarded_by: Option<u32>,
}

impl LspArguments {
    /// Whether this process serves itself, and is not the one that passes messages on.
    pub(crate) fn serves(&self) -> bool {
        self.unguarded || self.guarded_by.is_some()
    }
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// Port to listen on; 0, the default, is any free one
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
    /// Address to listen on; one that other machines reach needs --certificate, --key and --token-file
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) host: Option<IpAddr>,
    /// Name under which other machines ask (repeatable); default: the address
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Vec<String>,
    /// Certificate chain in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// The certificate's private key in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// File with the token that requests carry; default: a new token for each process
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// File to which a line of JSON is added for each call
    #[arg(long, value_name = "FILE")]
    pub(crate) audit_log: Option<PathBuf>,
}

/// Arguments of `mcp`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct McpArguments {
    /// Print the settings that make an assistant use Conexus, and serve nothing
    #[arg(long, value_enum, value_name = "CLIENT")]
    pub(crate) print_config: Option<Client>,
    #[command(subcommand)]
    pub(crate) command: Option<McpCommand>,
}

/// What `mcp` does beside serving.
#[derive(Debug, Subcommand)]
pub(crate) enum McpCommand {
    /// Add Conexus to an assistant's settings; what was there is kept in a backup
    Install {
        /// The assistant
        #[arg(value_enum)]
        client: Client,
        /// Show the change and write nothing
        #[arg(long)]
        dry_run: bool,
        /// Change the settings of this workspace instead of the user's
        #[arg(long)]
        project: bool,
    },
}

/// An assistant whose settings are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Client {
    /// Claude Code.
    ClaudeCode,
    /// Cursor.
    Cursor,
    /// Visual Studio Code.
    Vscode,
    /// Zed.
    Zed,
    /// Codex.
    Codex,
    /// Gemini CLI.
    Gemini,
    /// Continue.
    Continue,
}

/// The file that a person works on while asking for what a commit changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ActiveFile {
    /// One that holds a changed function that is asked for.
    Changed,
    /// One that the commit changed too; what it changed there is not asked for.
    Other,
    /// One that the commit did not change.
    Unrelated,
}

/// Arguments of `eval`.
#[derive(Debug, Args)]
pub(crate) struct EvalArguments {
    /// Labelled queries: tab-separated repo, language, category, query, relevant, secondary; first line names them
    #[arg(long, value_name = "FILE", required_unless_present_any = ["compare", "from_history"])]
    pub(crate) queries: Option<PathBuf>,
    /// Repositories: tab-separated columns with at least `repo` and `root`; default: repos.tsv beside the queries
    #[arg(long, value_name = "FILE")]
    pub(crate) repos: Option<PathBuf>,
    /// Folder that holds a checkout of each repository under its name
    #[arg(long, value_name = "DIR", required_unless_present_any = ["compare", "from_history"])]
    pub(crate) checkouts: Option<PathBuf>,
    /// Only these repositories (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(crate) repo: Vec<String>,
    /// Make queries out of git repositories, by default the workspace: sentences of documentation that should find their
    /// function without it, subjects of commits that should find what they changed
    #[arg(long, num_args = 0.., value_name = "DIR", conflicts_with_all = ["queries", "checkouts", "repos", "repo"])]
    pub(crate) from_history: Option<Vec<PathBuf>>,
    /// Queries of each kind that are made out of a repository at most
    #[arg(long, value_name = "N", default_value_t = 100, requires = "from_history")]
    pub(crate) sample: usize,
    /// Ask for what commits changed while a file is the active one, and for nothing else
    #[arg(long, value_enum, value_name = "WHICH", requires = "from_history")]
    pub(crate) active_file: Option<ActiveFile>,
    /// Ask for what commits changed while the files of the five commits before are open, and for nothing else
    #[arg(long, requires = "from_history", conflicts_with = "active_file")]
    pub(crate) open_files: bool,
    /// Ask as an assistant does, with room for so many tokens, and count what the answers show
    #[arg(long, value_name = "TOKENS", num_args = 0..=1, value_delimiter = ',', require_equals = true,
        value_parser = RangedU64ValueParser::<usize>::new().range(BUDGETS),
        default_missing_values = ["500", "1000", "2000", "4000", "8000"])]
    pub(crate) budgets: Vec<usize>,
    /// Write each query's scores to a file, for --compare
    #[arg(long, value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Compare two saved results, paired per query
    #[arg(long, num_args = 2, value_names = ["BEFORE", "AFTER"], conflicts_with_all = ["queries", "checkouts", "from_history"])]
    pub(crate) compare: Option<Vec<PathBuf>>,
    /// Rank with another constant, for measuring: NAME=VALUE (repeatable)
    #[arg(long = "weight", value_name = "NAME=VALUE")]
    pub(crate) weights: Vec<String>,
    /// Show the queries whose score is below this
    #[arg(long, value_name = "NDCG")]
    pub(crate) show_below: Option<f64>,
}
