//! The table of methods, and what their handlers share.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

use lsp_types::{InitializeParams, InitializeResult};
use tower_lsp::{
    Client, ClientSocket, LanguageServer, LspService,
    jsonrpc::{Error, Result},
};

use conexus_engine::live::Registry;

use crate::{
    AssistantEndpoint, ChecksOf, EditorAccess, Options, extensions, notifications, requests, session::Session,
    settings::TakeFileSettings, workspaces::SettingsOf,
};

/// What handlers share.
pub(crate) struct Server {
    pub(crate) client: Client,
    pub(crate) version: String,
    pub(crate) settings_of: SettingsOf,
    pub(crate) take_file_settings: TakeFileSettings,
    pub(crate) checks_of: ChecksOf,
    pub(crate) registry: Registry,
    pub(crate) assistants: Option<AssistantEndpoint>,
    pub(crate) warning: Option<String>,
    pub(crate) editor: EditorAccess,
    /// Told when the process of the client is gone.
    pub(crate) client_is_gone: Arc<tokio::sync::Notify>,
    session: Arc<OnceLock<Arc<Session>>>,
    shut_down: Arc<AtomicBool>,
}

/// What remains of a server for whoever runs it.
pub(crate) struct Remains {
    session: Arc<OnceLock<Arc<Session>>>,
    shut_down: Arc<AtomicBool>,
}

impl Remains {
    /// Whether the client asked for a shutdown.
    pub(crate) fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::SeqCst)
    }

    /// Closes what is open.
    pub(crate) fn close(&self) {
        if let Some(session) = self.session.get() {
            session.close();
        }
    }
}

impl Server {
    /// The session; there is one for every handler that runs after `initialize`.
    pub(crate) fn session(&self) -> Result<Arc<Session>> {
        self.session.get().cloned().ok_or_else(Error::internal_error)
    }

    pub(crate) fn begin(&self, session: Session) -> Arc<Session> {
        Arc::clone(self.session.get_or_init(|| Arc::new(session)))
    }

    pub(crate) fn shut_down(&self) {
        self.shut_down.store(true, Ordering::SeqCst);
    }
}

impl LanguageServer for Server {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        requests::initialize::handle(self, &params)
    }

    async fn initialized(&self, _: lsp_types::InitializedParams) {
        notifications::initialized::handle(self);
    }

    async fn shutdown(&self) -> Result<()> {
        requests::shutdown::handle(self).await
    }
}

/// The service with all its methods. A method that is not here is answered with `MethodNotFound`.
pub(crate) fn service(
    options: Options,
    client_is_gone: Arc<tokio::sync::Notify>,
) -> (LspService<Server>, ClientSocket, Remains) {
    let session = Arc::default();
    let shut_down = Arc::default();
    let remains = Remains { session: Arc::clone(&session), shut_down: Arc::clone(&shut_down) };
    let (service, socket) = LspService::build_with_lifecycle_methods(|client| Server {
        client,
        version: options.version,
        settings_of: options.settings_of,
        take_file_settings: options.take_file_settings,
        checks_of: options.checks_of,
        registry: options.registry,
        assistants: options.assistants,
        warning: options.warning,
        editor: options.editor,
        client_is_gone,
        session,
        shut_down,
    })
    .custom_method("workspace/symbol", requests::workspace_symbol::handle)
    .custom_method("workspaceSymbol/resolve", requests::workspace_symbol_resolve::handle)
    .custom_method("textDocument/codeAction", requests::code_action::handle)
    .custom_method("codeAction/resolve", requests::code_action_resolve::handle)
    .custom_method("textDocument/diagnostic", requests::diagnostic::handle)
    .custom_method("workspace/diagnostic", requests::workspace_diagnostic::handle)
    .custom_method("workspace/executeCommand", requests::execute_command::handle)
    .custom_method(extensions::SEARCH, requests::search::handle)
    .custom_method(extensions::SIMILAR, requests::similar::handle)
    .custom_method(extensions::RELATED, requests::related::handle)
    .custom_method(extensions::CONTEXT, requests::context::handle)
    .custom_method(extensions::OUTLINE, requests::outline::handle)
    .custom_method(extensions::STATUS, requests::status::handle)
    .custom_method(extensions::REINDEX, requests::reindex::handle)
    .custom_method(extensions::MCP, requests::mcp::handle)
    .custom_method("textDocument/didOpen", notifications::did_open::handle)
    .custom_method("textDocument/didChange", notifications::did_change::handle)
    .custom_method("textDocument/didSave", notifications::did_save::handle)
    .custom_method("textDocument/didClose", notifications::did_close::handle)
    .custom_method("workspace/didChangeConfiguration", notifications::did_change_configuration::handle)
    .custom_method("workspace/didChangeWorkspaceFolders", notifications::did_change_workspace_folders::handle)
    .custom_method("workspace/didChangeWatchedFiles", notifications::did_change_watched_files::handle)
    .custom_method("workspace/didCreateFiles", notifications::did_create_files::handle)
    .custom_method("workspace/didRenameFiles", notifications::did_rename_files::handle)
    .custom_method("workspace/didDeleteFiles", notifications::did_delete_files::handle)
    .custom_method("$/setTrace", notifications::set_trace::handle)
    .custom_method("window/workDoneProgress/cancel", notifications::set_trace::handle)
    .finish();
    (service, socket, remains)
}
