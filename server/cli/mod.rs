//! The command line: every capability without an editor.
//!
//! Exit codes are a contract: 0 clean, 1 findings or no match, 2 error. Answers go to stdout, everything else to stderr.

mod arguments;
mod check;
mod doctor;
mod edit_config;
mod eval;
mod index;
mod log;
mod lsp;
mod mcp;
mod mcp_clients;
mod output;
mod progress;
mod search;
mod serving;
mod settings;
mod setup;
mod status;
mod surroundings;
mod symbols;
mod temporary;
mod verify;

use std::{path::Path, process::ExitCode};

use anyhow::{Context, Result, bail};
use clap::CommandFactory;
use conexus_engine::{Host, Location, OpenReport, Settings};

use arguments::{Arguments, Command, Format};
use output::Output;

/// How a command ended, as an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 0: done, or at least one hit.
    Clean,
    /// 1: findings, or no match.
    Findings,
    /// The code of a process that did the work.
    OfChild(u8),
}

/// Runs the command line.
pub(crate) fn main() -> ExitCode {
    let arguments = arguments::of_process();
    let logged = log::start(&arguments.global, &arguments.command);
    // The last traces are sent when all is done.
    match logged.and_then(|log| run(&arguments, &log)) {
        Ok(Outcome::Clean) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Ok(Outcome::OfChild(code)) => ExitCode::from(code),
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments, log: &log::Log) -> Result<Outcome> {
    let format = arguments.global.format();
    if !matches!(format, Format::Text | Format::Json) && !matches!(arguments.command, Command::Check(_)) {
        bail!("only `conexus check` answers in this form, use --format text or json");
    }
    let mut output = Output::stdout(arguments.global.is_json(), arguments.global.color);
    let outcome = match &arguments.command {
        Command::Search(search) => search::run(arguments, search, &mut output),
        Command::Index(index) => index::run(arguments, index, &mut output),
        Command::Symbols(symbols) => symbols::run(arguments, symbols, &mut output),
        Command::Similar(similar) => search::similar(arguments, similar, &mut output),
        Command::Check(check) => check::run(arguments, check, &mut output),
        Command::Status => status::status(arguments, &mut output),
        Command::Doctor => doctor::run(arguments, &mut output),
        Command::Verify => verify::run(arguments, &mut output),
        Command::Clear => index::clear(arguments, &mut output),
        Command::Eval(eval) => eval::run(arguments, eval, &mut output),
        Command::Lsp(lsp) if lsp.serves() => lsp::run(arguments, lsp, log.level.clone()),
        Command::Lsp(_) => lsp::relay(),
        Command::Mcp(own) => mcp::run(arguments, own, &mut output),
        Command::Serve(serve) => mcp::serve(arguments, serve),
        Command::Setup(setup) => setup::run(arguments, setup, &mut output),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Arguments::command(), "conexus", &mut output);
            Ok(Outcome::Clean)
        }
        Command::TryToParse { language, query } => {
            let text = std::io::read_to_string(std::io::stdin())?;
            conexus_engine::try_to_parse(language, query.as_deref(), &text).map_err(anyhow::Error::msg)?;
            Ok(Outcome::Clean)
        }
        Command::Man => {
            manual(&mut output)?;
            Ok(Outcome::Clean)
        }
    }?;
    output.finish()?;
    Ok(outcome)
}

/// Writes the manual page, and behind it a page for each command.
fn manual(output: &mut Output) -> Result<()> {
    let mut all = Arguments::command().disable_help_subcommand(true);
    all.build();
    clap_mangen::Man::new(all.clone()).render(output)?;
    for command in all.get_subcommands().filter(|command| !command.is_hide_set()) {
        clap_mangen::Man::new(command.clone()).render(output)?;
    }
    Ok(())
}

/// Opens the index of the workspace that the arguments name.
fn open(arguments: &Arguments) -> Result<Host> {
    let workspace = arguments.global.workspace()?;
    open_at(arguments, &workspace)
}

/// The same for a command that brings the index up to date next.
fn open_to_update(arguments: &Arguments) -> Result<Host> {
    let (location, settings) = place_at(arguments, &arguments.global.workspace()?)?;
    open_in(Host::open_walking, location, settings)
}

/// Where the workspace that the arguments name and its index are.
fn location(arguments: &Arguments) -> Result<Location> {
    let workspace = arguments.global.workspace()?;
    let settings = settings::load(&arguments.global, &workspace)?;
    Ok(Location::of(&workspace, &settings.index_dir)?)
}

/// Opens the index of a folder, unless nobody has named it and it is too wide.
fn open_at(arguments: &Arguments, workspace: &Path) -> Result<Host> {
    let (location, settings) = place_at(arguments, workspace)?;
    open_in(Host::open, location, settings)
}

/// Where the index of a folder is, with its settings; an error when nobody has named the folder and it is too wide.
fn place_at(arguments: &Arguments, workspace: &Path) -> Result<(Location, Settings)> {
    let (location, settings) = place(arguments, workspace)?;
    if arguments.global.workspace.is_none() {
        location.refuse_wide(&settings)?;
    }
    Ok((location, settings))
}

/// Where the index of a folder that somebody has named is, with its settings.
fn place(arguments: &Arguments, workspace: &Path) -> Result<(Location, Settings)> {
    let settings = settings::load(&arguments.global, workspace)?;
    Ok((Location::of(workspace, &settings.index_dir)?, settings))
}

fn open_in(
    how: fn(Location, Settings) -> conexus_engine::Result<(Host, OpenReport)>,
    location: Location,
    settings: Settings,
) -> Result<Host> {
    let folder = location.index_dir.clone();
    let (host, report) =
        how(location, settings).with_context(|| format!("cannot open the index in {}", folder.display()))?;
    tracing::info!(?report, "index opened");
    Ok(host)
}
