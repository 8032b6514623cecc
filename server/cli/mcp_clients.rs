//! The settings that make an assistant use Conexus: printed, or put into its file.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use jsonc_parser::cst::CstInputValue as Json;
use toml_edit::{Array, Item, Table, value};

use super::{
    Outcome,
    arguments::Client,
    edit_config::{Carry, Change, Edit, NAME, carry_out, edit_toml, is_entry, set_json},
    output::{self, Output},
    surroundings::{Surroundings, folder},
};

/// Our entry for Codex without the program.
const CODEX_ENTRY: &str = "entry = { args = ['mcp'] }";

/// Prints what belongs into the settings of an assistant.
pub(crate) fn print(client: Client, output: &mut Output) -> Result<Outcome> {
    use std::io::Write;
    let user = Surroundings::of_user()?;
    let text = settings(client, "", &user.program)?.text;
    write!(output, "{text}")?;
    output::note(&format!("this belongs into {}", file(client, None, &user).display()));
    Ok(Outcome::Clean)
}

/// Puts it there: into the user's settings, or those of a project.
pub(crate) fn install(client: Client, project: Option<&Path>, carry: Carry, output: &mut Output) -> Result<Outcome> {
    carry_out(&[plan(client, project, &Surroundings::of_user()?)?], carry, output)?;
    Ok(Outcome::Clean)
}

/// What changes in the file of an assistant.
pub(super) fn plan(client: Client, project: Option<&Path>, user: &Surroundings) -> Result<Change> {
    Change::plan(&file(client, project, user), |text| settings(client, text, &user.program))
}

/// The text of a settings file with our entry in it. An entry of ours that somebody has changed is theirs.
fn settings(client: Client, text: &str, program: &str) -> Result<Edit> {
    let string = |text: &str| Json::String(text.to_owned());
    let strings = |texts: &[&str]| Json::Array(texts.iter().map(|text| string(text)).collect());
    let object = |entries: Vec<(&str, Json)>| {
        Json::Object(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    };
    let command = |program: &str| ("command", string(program));
    // These start the program in a folder of their own choice, and name the workspace by a variable instead.
    let in_workspace = || ("args", strings(&["mcp", "--workspace", "${workspaceFolder}"]));
    let args = || ("args", strings(&["mcp"]));
    let stdio = || ("type", string("stdio"));
    let set = |folder: &str, entry: &dyn Fn(&str) -> Vec<(&'static str, Json)>| {
        set_json(text, &[folder, NAME], program, |program| object(entry(program)))
    };
    match client {
        Client::ClaudeCode => set("mcpServers", &|program| vec![stdio(), command(program), args()]),
        Client::Cursor => set("mcpServers", &|program| vec![command(program), in_workspace()]),
        Client::Gemini => set("mcpServers", &|program| vec![command(program), args()]),
        Client::Vscode => set("servers", &|program| vec![stdio(), command(program), in_workspace()]),
        Client::Zed => set("context_servers", &|program| {
            vec![("source", string("custom")), command(program), args(), ("env", Json::Object(Vec::new()))]
        }),
        Client::Codex => {
            let mut is_another = false;
            let edited = edit_toml(text, |document| {
                let servers = document.entry("mcp_servers").or_insert_with(|| {
                    let mut table = Table::new();
                    table.set_implicit(true);
                    Item::Table(table)
                });
                let servers = servers.as_table_like_mut().context("its \"mcp_servers\" is not a table")?;
                let Some(entry) = servers.get_mut(NAME) else {
                    let mut entry = Table::new();
                    entry["command"] = value(program);
                    entry["args"] = value(Array::from_iter(["mcp"]));
                    servers.insert(NAME, Item::Table(entry));
                    return Ok(());
                };
                let named = entry.get("command").and_then(Item::as_str).map(str::to_owned);
                if named.as_deref() != Some(program) {
                    if is_entry(entry, CODEX_ENTRY) {
                        entry["command"] = value(program);
                    } else {
                        is_another = true;
                    }
                }
                Ok(())
            })?;
            Ok(Edit::kept(&edited, is_another.then_some(("its entry", program))))
        }
        // A file of our own.
        Client::Continue => Ok(format!(
            "name: Conexus\nversion: 0.0.1\nschema: v1\nmcpServers:\n  - name: {NAME}\n    command: {}\n    args:\n      \
             - mcp\n",
            // A JSON string is a YAML string.
            serde_json::to_string(program)?
        )
        .into()),
    }
}

/// Where an assistant looks.
fn file(client: Client, project: Option<&Path>, user: &Surroundings) -> PathBuf {
    if let Some(root) = project {
        return root.join(match client {
            Client::ClaudeCode => ".mcp.json",
            Client::Cursor => ".cursor/mcp.json",
            Client::Vscode => ".vscode/mcp.json",
            Client::Zed => ".zed/settings.json",
            Client::Codex => ".codex/config.toml",
            Client::Gemini => ".gemini/settings.json",
            Client::Continue => ".continue/mcpServers/conexus.yaml",
        });
    }
    let home = &user.home;
    match client {
        Client::ClaudeCode => folder("CLAUDE_CONFIG_DIR").unwrap_or_else(|| home.clone()).join(".claude.json"),
        Client::Cursor => home.join(".cursor/mcp.json"),
        Client::Vscode => user.application_support().join("Code/User/mcp.json"),
        // Zed keeps to the folder of Linux on macOS too.
        Client::Zed => user.configuration().join(if cfg!(windows) { "Zed" } else { "zed" }).join("settings.json"),
        Client::Codex => folder("CODEX_HOME").unwrap_or_else(|| home.join(".codex")).join("config.toml"),
        Client::Gemini => home.join(".gemini/settings.json"),
        Client::Continue => home.join(".continue/mcpServers/conexus.yaml"),
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn settings_are_added_once_and_keep_what_is_there() {
        let settings = |client, text: &str| settings(client, text, "conexus").expect("settings").text;
        for client in Client::value_variants() {
            let first = settings(*client, "");
            assert!(first.contains("conexus") && first.contains("mcp"), "{first}");
            assert_eq!(settings(*client, &first), first, "{client:?}");
        }
        let with_comment = "{\n  // mine\n  \"mcpServers\": { \"other\": { \"command\": \"x\" }, },\n}\n";
        let edited = settings(Client::Gemini, with_comment);
        assert!(edited.contains("// mine") && edited.contains("\"other\"") && edited.contains("conexus"), "{edited}");
        let toml = "# mine\nmodel = 'x'\n\n[mcp_servers.other]\ncommand = 'y' # theirs\n";
        let edited = settings(Client::Codex, toml);
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
