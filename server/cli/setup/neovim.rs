//! Neovim: the plugin is part of the program and goes into a folder of its own; a block in init.lua loads it, whatever
//! plugin manager there is.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::{Plan, Surroundings};
use crate::cli::edit_config::{Change, add_block, package};

/// The files of `editors/neovim` that Neovim reads.
macro_rules! files {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../editors/neovim/", $path)))),*]
    };
}

const FILES: &[(&str, &str)] = files![
    "doc/conexus.txt",
    "doc/tags",
    "lsp/conexus.lua",
    "lua/conexus/commands.lua",
    "lua/conexus/config.lua",
    "lua/conexus/health.lua",
    "lua/conexus/init.lua",
    "lua/conexus/items.lua",
    "lua/conexus/pickers/fzf_lua.lua",
    "lua/conexus/pickers/init.lua",
    "lua/conexus/pickers/select.lua",
    "lua/conexus/pickers/snacks.lua",
    "lua/conexus/pickers/telescope.lua",
    "lua/conexus/search.lua",
    "lua/conexus/server.lua",
    "lua/conexus/status.lua",
    "lua/telescope/_extensions/conexus.lua",
    "plugin/conexus.lua",
];

pub(super) fn plan(user: &Surroundings) -> Result<Plan> {
    let name = std::env::var("NVIM_APPNAME").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "nvim".to_owned());
    let (configuration, data) = if cfg!(windows) {
        (user.data().join(&name), user.data().join(format!("{name}-data")))
    } else {
        (user.configuration().join(&name), user.data().join(&name))
    };
    let mut changes = package(&data.join("conexus.nvim"), FILES)?;
    let (init, is_vimscript) = init_file(&configuration);
    changes.push(Change::plan(&init, |text| {
        if is_vimscript {
            // Without a line that continues: `lua` takes the rest of its line.
            let lines = |program: &str| format!("lua {}", block(program).replace('\n', "\nlua "));
            add_block(text, "\"", &user.program, lines)
        } else {
            add_block(text, "--", &user.program, block)
        }
    })?);
    let next = "start Neovim anew, open a file of a repository, and try :Conexus search; :checkhealth conexus says \
                whether all is well";
    Ok(Plan { changes, next: next.to_owned() })
}

/// Neovim reads one of them, and complains about two.
fn init_file(configuration: &Path) -> (PathBuf, bool) {
    let vimscript = configuration.join("init.vim");
    let lua = configuration.join("init.lua");
    if vimscript.exists() && !lua.exists() { (vimscript, true) } else { (lua, false) }
}

/// Plugin managers take folders off the runtime path that they do not know, so it is put there by hand.
fn block(program: &str) -> String {
    let options = match program {
        "conexus" => String::new(),
        // A path may hold backslashes and quotes; JSON writes both as Lua reads them.
        path => format!("cmd = {{ {}, \"lsp\" }}", serde_json::Value::from(path)),
    };
    format!(
        "vim.opt.runtimepath:append(vim.fn.stdpath(\"data\") .. \"/conexus.nvim\")\n\
         vim.cmd.runtime(\"plugin/conexus.lua\")\n\
         require(\"conexus\").setup({{ {options} }})"
    )
    .replace("{  }", "{}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_carries_every_file_of_the_plugin() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("editors/neovim");
        let mut found = Vec::new();
        for folder in ["doc", "ftplugin", "lsp", "lua", "plugin", "queries"] {
            gather(&root, &root.join(folder), &mut found);
        }
        found.sort();
        let carried: Vec<_> = FILES.iter().map(|(path, _)| (*path).to_owned()).collect();
        assert_eq!(carried, found);
    }

    fn gather(root: &Path, folder: &Path, found: &mut Vec<String>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                gather(root, &path, found);
            } else {
                let relative = path.strip_prefix(root).expect("below the root");
                found.push(relative.to_string_lossy().replace('\\', "/"));
            }
        }
    }

    #[test]
    fn the_plugin_says_the_version_of_the_program() {
        let (_, server) = FILES.iter().find(|(path, _)| path.ends_with("server.lua")).expect("a file");
        assert!(server.contains(&format!("M.version = \"{}\"", env!("CARGO_PKG_VERSION"))));
    }
}
