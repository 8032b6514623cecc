//! Emacs: conexus.el is part of the program and goes beside the init file, in which a block loads it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Plan, Surroundings};
use crate::cli::edit_config::{Change, add_block, package};

const PACKAGE: &str = include_str!("../../../editors/emacs/conexus.el");

pub(super) fn plan(user: &Surroundings) -> Result<Plan> {
    let (init, folder) = files(&user.home, &user.configuration());
    let mut changes = package(&folder.join("conexus"), &[("conexus.el", PACKAGE)])?;
    changes.push(Change::plan(&init, |text| add_block(text, ";;", &user.program, block))?);
    let next = "start Emacs anew, open a file of a repository, and try M-x conexus-search";
    Ok(Plan { changes, next: next.to_owned() })
}

/// The init file that Emacs reads, and its folder for packages, in the order in which Emacs looks: who has `~/.emacs` has
/// `~/.emacs.d` beside it, there or not (`startup--xdg-or-homedot` of Emacs 30).
fn files(home: &Path, configuration: &Path) -> (PathBuf, PathBuf) {
    let old = home.join(".emacs.d");
    let new = configuration.join("emacs");
    let folder = if old.exists() || home.join(".emacs").exists() || !new.exists() { old } else { new };
    let candidates = [home.join(".emacs.el"), home.join(".emacs")];
    let init = candidates.into_iter().find(|path| path.is_file()).unwrap_or_else(|| folder.join("init.el"));
    (init, folder)
}

fn block(program: &str) -> String {
    let load = "(add-to-list 'load-path (locate-user-emacs-file \"conexus\"))\n(require 'conexus)";
    match program {
        "conexus" => load.to_owned(),
        // A JSON string is a string of Lisp.
        path => format!("{load}\n(setq conexus-program {})", serde_json::Value::from(path)),
    }
}
