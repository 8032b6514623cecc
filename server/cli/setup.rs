//! `conexus setup EDITOR`: puts into an editor's own files what it needs to start `conexus lsp`.
//!
//! What stands there already stays: a block or an entry of ours that somebody has changed is theirs from then on.

mod emacs;
mod helix;
mod neovim;
mod vscode;
mod zed;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::{
    Outcome,
    arguments::{Arguments, SetupArguments},
    edit_config::{Carry, Change, carry_out},
    output::{self, Output},
};

/// An editor that can be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Editor {
    /// Neovim 0.10 or later: the plugin, and a block in init.lua that starts it.
    Neovim,
    /// Helix: the server beside those of each language, in languages.toml.
    Helix,
    /// Visual Studio Code: where the program is, in settings.json.
    Vscode,
    /// Zed: the tools for its assistant, in settings.json.
    Zed,
    /// Emacs with eglot: conexus.el, and a block in the init file that loads it.
    Emacs,
}

/// What an editor needs.
struct Plan {
    changes: Vec<Change>,
    /// What to do now.
    next: String,
}

/// Carries the plan of an editor out, or shows it.
pub(crate) fn run(arguments: &Arguments, setup: &SetupArguments, output: &mut Output) -> Result<Outcome> {
    let surroundings = Surroundings::of_user()?;
    let plan = match setup.editor {
        Editor::Neovim => neovim::plan(&surroundings),
        Editor::Helix => helix::plan(&surroundings, &setup.languages),
        Editor::Vscode => vscode::plan(&surroundings),
        Editor::Zed => zed::plan(&surroundings),
        Editor::Emacs => emacs::plan(&surroundings),
    }?;
    let carry = if setup.dry_run { Carry::Back } else { Carry::Out };
    carry_out(&plan.changes, carry, output)?;
    if carry == Carry::Out && !arguments.global.quiet {
        output::note(&plan.next);
    }
    Ok(Outcome::Clean)
}

/// Where the files of a user are.
struct Surroundings {
    home: PathBuf,
    /// How an editor starts the program.
    program: String,
}

impl Surroundings {
    fn of_user() -> Result<Self> {
        let home = std::env::home_dir().filter(|home| home.is_absolute());
        Ok(Self { home: home.context("no home folder is known, set HOME")?, program: program() })
    }

    /// `$XDG_CONFIG_HOME` or `~/.config`, where most editors look on macOS too; on Windows `%APPDATA%`.
    fn configuration(&self) -> PathBuf {
        if cfg!(windows) {
            folder("APPDATA").unwrap_or_else(|| self.home.join("AppData/Roaming"))
        } else {
            folder("XDG_CONFIG_HOME").unwrap_or_else(|| self.home.join(".config"))
        }
    }

    /// `$XDG_DATA_HOME` or `~/.local/share`; on Windows `%LOCALAPPDATA%`.
    fn data(&self) -> PathBuf {
        if cfg!(windows) {
            folder("LOCALAPPDATA").unwrap_or_else(|| self.home.join("AppData/Local"))
        } else {
            folder("XDG_DATA_HOME").unwrap_or_else(|| self.home.join(".local/share"))
        }
    }
}

fn folder(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|folder| folder.is_absolute())
}

/// How an editor starts this program: by its name when that finds this very file, else by its path.
fn program() -> String {
    const NAME: &str = "conexus";
    let Ok(own) = std::env::current_exe().and_then(|path| path.canonicalize()) else { return NAME.to_owned() };
    let file = format!("{NAME}{}", std::env::consts::EXE_SUFFIX);
    let found = std::env::var_os("PATH")
        .and_then(|folders| {
            std::env::split_paths(&folders).map(|folder| folder.join(&file)).find(|path| path.is_file())
        })
        .and_then(|path| path.canonicalize().ok());
    if found.as_ref() == Some(&own) { NAME.to_owned() } else { own.to_string_lossy().into_owned() }
}
