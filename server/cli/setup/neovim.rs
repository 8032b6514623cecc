//! Neovim: the plugin is part of the program and goes into a folder of its own; a block in init.lua loads it, whatever
//! plugin manager there is.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::{Plan, Surroundings};
use crate::cli::edit_config::{Change, Edit, add_block, package};

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
            add_to_lua(text, &user.program)
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

/// The block goes before a `return` that ends the file: Lua takes nothing behind it.
fn add_to_lua(text: &str, program: &str) -> Result<Edit> {
    let (before, rest) = text.split_at(last_return(text).unwrap_or(text.len()));
    if rest.lines().any(|line| line.trim() == "-- >>> conexus >>>") {
        bail!("its block of conexus stands behind the `return` that ends it: remove the block");
    }
    let Edit { text: before, remark } = add_block(before, "--", program, block)?;
    Ok(Edit { text: before + rest, remark })
}

/// Where the `return` begins that is a statement of the file itself, and so its last.
fn last_return(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        let length = token_length(&bytes[at..]);
        match &bytes[at..at + length] {
            b"function" | b"do" | b"if" | b"repeat" => depth += 1,
            b"end" | b"until" => depth = depth.saturating_sub(1),
            b"return" if depth == 0 => return Some(at),
            _ => {}
        }
        at += length;
    }
    None
}

/// Bytes of the word, string or comment of Lua at the beginning of `rest`, else 1.
fn token_length(rest: &[u8]) -> usize {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let line = |rest: &[u8]| rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    match rest {
        [b'-', b'-', behind @ ..] => 2 + long_bracket_length(behind).unwrap_or_else(|| line(behind)),
        [b'[', ..] => long_bracket_length(rest).unwrap_or(1),
        [quote @ (b'"' | b'\''), ..] => {
            let mut at = 1;
            while at < rest.len() && rest[at] != *quote {
                at += if rest[at] == b'\\' { 2 } else { 1 };
            }
            rest.len().min(at + 1)
        }
        [first, ..] if is_word(first) => rest.iter().take_while(|byte| is_word(byte)).count(),
        _ => 1,
    }
}

/// Bytes of what stands in `[[` and `]]`, or in brackets with as many `=` between them.
fn long_bracket_length(rest: &[u8]) -> Option<usize> {
    let level = rest.strip_prefix(b"[")?.iter().take_while(|byte| **byte == b'=').count();
    let content = rest.get(level + 1..)?.strip_prefix(b"[")?;
    let close = [b"]".as_slice(), &b"=".repeat(level), b"]"].concat();
    let end = content.windows(close.len()).position(|window| window == close);
    Some(end.map_or(rest.len(), |end| 2 * (level + 2) + end))
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
    fn a_return_of_the_file_itself_is_found() {
        for (before, rest) in [
            ("local M = {}\n", "return M\n"),
            ("local one = 1; ", "return one"),
            ("if vim.g.vscode then return end\nfor _ in x do return end\n", "return require('a').setup({\n  b,\n})\n"),
            ("function f()\nreturn function()\nreturn 1\nend\nend\n", "return f -- end\n"),
            ("repeat local x = f() until x\nwhile true do break end\n", "return\n"),
            ("-- return 1\n--[[\nreturn 2\n]] --[==[ ]] return 3 ]==]\nlocal é = [=[\nreturn ]] 4]=]\n", "return é"),
            ("local s = 'it\\'s \\\\' .. \"return \\\" do\" .. returned .. a[b[1]]\n", "return s"),
        ] {
            assert_eq!(last_return(&format!("{before}{rest}")), Some(before.len()), "{before}{rest}");
            assert_eq!(last_return(before), None, "{before}");
        }
        for unfinished in
            ["return_it()", "--[[ return", "'return", "[==[ return", "function f() return 1", "\"\\", "--", "["]
        {
            assert_eq!(last_return(unfinished), None, "{unfinished}");
        }
    }

    #[test]
    fn the_plugin_says_the_version_of_the_program() {
        let (_, server) = FILES.iter().find(|(path, _)| path.ends_with("server.lua")).expect("a file");
        assert!(server.contains(&format!("M.version = \"{}\"", env!("CARGO_PKG_VERSION"))));
    }
}
