//! `initialize`: what this server can do, and the beginning of the session.

use lsp_types::{
    ChangeNotifications, CodeActionKind, CodeActionOptions, CodeActionProvider, DiagnosticOptions, DiagnosticProvider,
    ExecuteCommandOptions, FileOperationFilter, FileOperationOptions, FileOperationPattern,
    FileOperationRegistrationOptions, InitializeParams, InitializeResult, Save, SaveOptions, ServerCapabilities,
    ServerInfo, TextDocumentSync, TextDocumentSyncKind, TextDocumentSyncOptions, WorkDoneProgressOptions,
    WorkspaceFoldersServerCapabilities, WorkspaceOptions, WorkspaceSymbolOptions, WorkspaceSymbolProvider,
};
use serde_json::json;
use tower_lsp::jsonrpc::Result;

use super::quick_fixes::OPEN_PLACE;
use crate::{actions::Action, client_process, extensions, server::Server, session::Session};

/// Never waits: indexes are opened by threads of their own.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a handler")]
pub(crate) fn handle(server: &Server, params: &InitializeParams) -> Result<InitializeResult> {
    if let Some(id) = params.process_id {
        client_process::watch(id, std::sync::Arc::clone(&server.client_is_gone));
    }
    let client = params.client_info.as_ref().map_or("a client without a name", |client| &client.name);
    tracing::info!(client, "the session begins");
    let session = server.begin(Session::open(params, server));
    Ok(InitializeResult {
        capabilities: capabilities(&session),
        server_info: Some(ServerInfo { name: "conexus".to_owned(), version: Some(server.version.clone()) }),
    })
}

/// Nothing here is answered by the language servers beside us: no hover, completion, formatting, definition, and no
/// diagnostics unless a setting wants them.
fn capabilities(session: &Session) -> ServerCapabilities {
    let kinds = Action::ALL.iter().map(|action| CodeActionKind::from(action.kind().to_owned()));
    let fixes = session.offers_diagnostics().then_some(CodeActionKind::QuickFix);
    let kinds = kinds.chain(fixes).collect();
    let commands = Action::ALL.iter().map(|action| action.command()).chain([OPEN_PLACE]);
    ServerCapabilities {
        position_encoding: Some(session.encoding.kind()),
        text_document_sync: Some(TextDocumentSync::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::Incremental),
            save: Some(Save::SaveOptions(SaveOptions { include_text: Some(true) })),
            ..TextDocumentSyncOptions::default()
        })),
        workspace_symbol_provider: Some(WorkspaceSymbolProvider::WorkspaceSymbolOptions(WorkspaceSymbolOptions {
            resolve_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        code_action_provider: Some(CodeActionProvider::CodeActionOptions(CodeActionOptions {
            code_action_kinds: Some(kinds),
            resolve_provider: Some(true),
            ..CodeActionOptions::default()
        })),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: commands.map(str::to_owned).collect(),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        diagnostic_provider: session.pulls().then(|| {
            DiagnosticProvider::DiagnosticOptions(DiagnosticOptions {
                identifier: Some("conexus".to_owned()),
                inter_file_dependencies: true,
                workspace_diagnostics: true,
                work_done_progress_options: WorkDoneProgressOptions { work_done_progress: Some(true) },
            })
        }),
        workspace: Some(WorkspaceOptions {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(ChangeNotifications::Bool(true)),
            }),
            file_operations: Some(FileOperationOptions {
                did_create: Some(every_file()),
                did_rename: Some(every_file()),
                did_delete: Some(every_file()),
                ..FileOperationOptions::default()
            }),
            ..WorkspaceOptions::default()
        }),
        experimental: Some(json!({ "conexus": { "requests": [
            extensions::SEARCH, extensions::SIMILAR, extensions::RELATED, extensions::CONTEXT, extensions::STATUS,
            extensions::OUTLINE, extensions::REINDEX, extensions::MCP,
        ] } })),
        ..ServerCapabilities::default()
    }
}

fn every_file() -> FileOperationRegistrationOptions {
    FileOperationRegistrationOptions {
        filters: vec![FileOperationFilter {
            scheme: Some("file".to_owned()),
            pattern: FileOperationPattern { glob: "**".to_owned(), ..FileOperationPattern::default() },
        }],
    }
}
