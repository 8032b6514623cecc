//! `conexus setup EDITOR`: puts into an editor's own files what it needs to start `conexus lsp`.
//!
//! What stands there already stays: a block or an entry of ours that somebody has changed is theirs from then on. One that
//! nobody has changed names this program after it was moved.

mod emacs;
mod helix;
mod neovim;
mod vscode;
mod zed;

use anyhow::{Result, bail};
use clap::ValueEnum;

use super::{
    Outcome,
    arguments::{Arguments, SetupArguments},
    edit_config::{Carry, Change, carry_out},
    output::{self, Output},
    surroundings::Surroundings,
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
    if setup.editor != Editor::Helix && !setup.languages.is_empty() {
        bail!("--lang is for Helix alone: other editors are set up for all languages");
    }
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
