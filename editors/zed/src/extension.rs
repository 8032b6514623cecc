//! What Zed asks for: how both servers are started, and with which settings.

use zed_extension_api::{
    self as zed, Command, ContextServerConfiguration, ContextServerId, LanguageServerId, Project, Worktree,
    serde_json::{Value, json},
    settings::{CommandSettings, ContextServerSettings, LspSettings},
};

use crate::start::{self, Start, Wish};

/// Name of the program, of both servers in `extension.toml`, and of the section of settings.
const NAME: &str = "conexus";

/// What a person reads when there is no program.
const MISSING: &str = "the program conexus was not found: install it with `cargo install --path .` in the \
     repository of Conexus, or name it in Zed's settings: \"lsp\": { \"conexus\": { \"binary\": { \"path\": \"...\" } } }";

struct Conexus;

impl zed::Extension for Conexus {
    fn new() -> Self {
        Self
    }

    fn language_server_command(&mut self, _: &LanguageServerId, worktree: &Worktree) -> zed::Result<Command> {
        let wish = LspSettings::for_worktree(NAME, worktree)?.binary;
        let Start { program, arguments, environment } =
            Start::of(wish.map(plain), worktree.which(NAME), "lsp").ok_or(MISSING)?;
        let env = worktree.shell_env().into_iter().chain(environment).collect();
        Ok(Command { command: program, args: arguments, env })
    }

    fn language_server_initialization_options(
        &mut self,
        _: &LanguageServerId,
        worktree: &Worktree,
    ) -> zed::Result<Option<Value>> {
        let settings = LspSettings::for_worktree(NAME, worktree)?;
        Ok(Some(start::settings(settings.initialization_options.or(settings.settings))))
    }

    fn language_server_workspace_configuration(
        &mut self,
        _: &LanguageServerId,
        worktree: &Worktree,
    ) -> zed::Result<Option<Value>> {
        let settings = LspSettings::for_worktree(NAME, worktree)?;
        Ok(Some(json!({ NAME: start::settings(settings.settings.or(settings.initialization_options)) })))
    }

    fn context_server_command(&mut self, _: &ContextServerId, project: &Project) -> zed::Result<Command> {
        let wish = ContextServerSettings::for_project(NAME, project)?.command;
        // A project cannot be asked what is on the path: Zed looks for the name when it starts it.
        let Start { program, arguments, environment } =
            Start::of(wish.map(plain), Some(NAME.to_owned()), "mcp").ok_or(MISSING)?;
        Ok(Command { command: program, args: arguments, env: environment })
    }

    fn context_server_configuration(
        &mut self,
        _: &ContextServerId,
        _: &Project,
    ) -> zed::Result<Option<ContextServerConfiguration>> {
        Ok(Some(ContextServerConfiguration {
            installation_instructions: include_str!("../installation.md").to_owned(),
            settings_schema: json!({ "type": "object", "additionalProperties": false }).to_string(),
            default_settings: "{}".to_owned(),
        }))
    }
}

fn plain(CommandSettings { path, arguments, env }: CommandSettings) -> Wish {
    Wish { path, arguments, env }
}

zed::register_extension!(Conexus);
