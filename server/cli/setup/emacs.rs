//! Emacs: conexus.el is part of the program and goes beside the init file, in which a block loads it.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Plan, Surroundings};
use crate::cli::edit_config::{Change, add_block};

const PACKAGE: &str = include_str!("../../../editors/emacs/conexus.el");

pub(super) fn plan(user: &Surroundings) -> Result<Plan> {
    let (init, folder) = files(&user.home, &user.configuration());
    let package = Change::whole(&folder.join("conexus").join("conexus.el"), PACKAGE.as_bytes())?;
    let init = Change::plan(&init, |text| add_block(text, ";;", &block(&user.program)))?;
    let next = "start Emacs anew, open a file of a repository, and try M-x conexus-search";
    Ok(Plan { changes: vec![package, init], next: next.to_owned() })
}

/// The init file that Emacs reads, and its folder for packages, in the order in which Emacs looks.
fn files(home: &Path, configuration: &Path) -> (PathBuf, PathBuf) {
    let old = home.join(".emacs.d");
    let new = configuration.join("emacs");
    let folder = if old.is_dir() || !new.is_dir() { old } else { new };
    let candidates = [home.join(".emacs"), home.join(".emacs.el")];
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
