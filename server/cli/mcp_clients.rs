//! The settings that make an assistant use Conexus: printed, or put into its file.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jsonc_parser::cst::CstInputValue as Json;
use toml_edit::{Array, Item, Table, value};

use super::{
    Outcome,
    arguments::Client,
    edit_config::{Carry, Change, carry_out, edit_toml, set_json},
    output::{self, Output},
};

/// The name under which an assistant lists us.
const NAME: &str = "conexus";

/// Prints what belongs into the settings of an assistant.
pub(crate) fn print(client: Client, output: &mut Output) -> Result<Outcome> {
    use std::io::Write;
    let text = settings(client, "", &program())?;
    write!(output, "{text}")?;
    if let Ok(path) = file(client, None) {
        output::note(&format!("this belongs into {}", path.display()));
    }
    Ok(Outcome::Clean)
}

/// Puts it there: into the user's settings, or those of a project.
pub(crate) fn install(client: Client, project: Option<&Path>, carry: Carry, output: &mut Output) -> Result<Outcome> {
    let path = file(client, project)?;
    let program = program();
    let change = Change::plan(&path, |text| settings(client, text, &program))?;
    carry_out(&[change], carry, output)?;
    Ok(Outcome::Clean)
}

/// The text of a settings file with our entry in it; an entry of ours that says the same stays as it is written.
fn settings(client: Client, text: &str, program: &str) -> Result<String> {
    let string = |text: &str| Json::String(text.to_owned());
    let strings = |texts: &[&str]| Json::Array(texts.iter().map(|text| string(text)).collect());
    let object = |entries: Vec<(&str, Json)>| {
        Json::Object(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    };
    let command = ("command", string(program));
    // These start the program in a folder of their own choice, and name the workspace by a variable instead.
    let in_workspace = ("args", strings(&["mcp", "--workspace", "${workspaceFolder}"]));
    let args = ("args", strings(&["mcp"]));
    let stdio = ("type", string("stdio"));
    match client {
        Client::ClaudeCode => set_json(text, &["mcpServers", NAME], &object(vec![stdio, command, args])),
        Client::Cursor => set_json(text, &["mcpServers", NAME], &object(vec![command, in_workspace])),
        Client::Gemini => set_json(text, &["mcpServers", NAME], &object(vec![command, args])),
        Client::Vscode => set_json(text, &["servers", NAME], &object(vec![stdio, command, in_workspace])),
        Client::Zed => {
            let entry = object(vec![("source", string("custom")), command, args, ("env", Json::Object(Vec::new()))]);
            set_json(text, &["context_servers", NAME], &entry)
        }
        Client::Codex => edit_toml(text, |document| {
            let servers = document.entry("mcp_servers").or_insert_with(|| {
                let mut table = Table::new();
                table.set_implicit(true);
                Item::Table(table)
            });
            let servers = servers.as_table_like_mut().context("its \"mcp_servers\" is not a table")?;
            let entry = servers.entry(NAME).or_insert_with(|| Item::Table(Table::new()));
            let entry = entry.as_table_like_mut().context("its \"mcp_servers.conexus\" is not a table")?;
            if entry.get("command").and_then(Item::as_str) != Some(program) {
                entry.insert("command", value(program));
            }
            if entry.get("args").map(|args| args.to_string().replace(char::is_whitespace, ""))
                != Some("[\"mcp\"]".into())
            {
                entry.insert("args", value(Array::from_iter(["mcp"])));
            }
            Ok(())
        }),
        // A file of our own.
        Client::Continue => Ok(format!(
            "name: Conexus\nversion: 0.0.1\nschema: v1\nmcpServers:\n  - name: {NAME}\n    command: {}\n    args:\n      \
             - mcp\n",
            // A JSON string is a YAML string.
            serde_json::to_string(program)?
        )),
    }
}

/// Where an assistant looks.
fn file(client: Client, project: Option<&Path>) -> Result<PathBuf> {
    if let Some(root) = project {
        return Ok(root.join(match client {
            Client::ClaudeCode => ".mcp.json",
            Client::Cursor => ".cursor/mcp.json",
            Client::Vscode => ".vscode/mcp.json",
            Client::Zed => ".zed/settings.json",
            Client::Codex => ".codex/config.toml",
            Client::Gemini => ".gemini/settings.json",
            Client::Continue => ".continue/mcpServers/conexus.yaml",
        }));
    }
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = variable("HOME").or_else(|| variable("USERPROFILE")).context("no home folder is known, set HOME")?;
    let configuration = || {
        if cfg!(windows) {
            variable("APPDATA").unwrap_or_else(|| home.join("AppData/Roaming"))
        } else if cfg!(target_os = "macos") {
            home.join("Library/Application Support")
        } else {
            variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"))
        }
    };
    Ok(match client {
        Client::ClaudeCode => match variable("CLAUDE_CONFIG_DIR") {
            Some(folder) => folder.join(".claude.json"),
            None => home.join(".claude.json"),
        },
        Client::Cursor => home.join(".cursor/mcp.json"),
        Client::Vscode => configuration().join("Code/User/mcp.json"),
        // Zed keeps to the folder of Linux on macOS too.
        Client::Zed if cfg!(windows) => configuration().join("Zed/settings.json"),
        Client::Zed => variable("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join("zed/settings.json"),
        Client::Codex => variable("CODEX_HOME").unwrap_or_else(|| home.join(".codex")).join("config.toml"),
        Client::Gemini => home.join(".gemini/settings.json"),
        Client::Continue => home.join(".continue/mcpServers/conexus.yaml"),
    })
}

/// How an assistant starts us: by name when that finds this very program, else by its path.
fn program() -> String {
    let Ok(own) = std::env::current_exe().and_then(|path| path.canonicalize()) else { return NAME.to_owned() };
    let file_name = own.file_name().unwrap_or_default().to_owned();
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(&file_name)).find(|path| path.is_file());
    let is_it = found.and_then(|path| path.canonicalize().ok()).is_some_and(|path| path == own);
    if is_it && file_name.to_string_lossy().trim_end_matches(".exe") == NAME {
        return NAME.to_owned();
    }
    own.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn settings_are_added_once_and_keep_what_is_there() {
        for client in Client::value_variants() {
            let first = settings(*client, "", "conexus").expect("settings");
            assert!(first.contains("conexus") && first.contains("mcp"), "{first}");
            assert_eq!(settings(*client, &first, "conexus").expect("settings"), first, "{client:?}");
        }
        let with_comment = "{\n  // mine\n  \"mcpServers\": { \"other\": { \"command\": \"x\" }, },\n}\n";
        let edited = settings(Client::Gemini, with_comment, "conexus").expect("settings");
        assert!(edited.contains("// mine") && edited.contains("\"other\"") && edited.contains("conexus"), "{edited}");
        let toml = "# mine\nmodel = 'x'\n\n[mcp_servers.other]\ncommand = 'y' # theirs\n";
        let edited = settings(Client::Codex, toml, "conexus").expect("settings");
        assert!(edited.starts_with(toml) && edited.contains("[mcp_servers.conexus]"), "{edited}");
    }

    #[test]
    fn what_cannot_be_understood_is_an_error() {
        for (client, broken) in [
            (Client::Cursor, "{ \"mcpServers\": "),
            (Client::Vscode, "[]"),
            (Client::Zed, "{ \"context_servers\": 3 }"),
            (Client::Codex, "mcp_servers = 3"),
            (Client::Codex, "[mcp_servers"),
        ] {
            assert!(settings(client, broken, "conexus").is_err(), "{client:?} {broken}");
        }
    }
}
