//! What a session knows from `initialize` to its end.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use conexus_engine::{
    Snapshot,
    live::{Activity, Editor, Registry},
};
use lsp_types::{ClientCapabilities, InitializeParams, ResourceOperationKind, Uri, WorkspaceFolder, WorkspaceFolders};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::{
    checks::Checks,
    documents::{Counters, Document, Documents, Place},
    positions::Encoding,
    presentation::private_folder,
    reporter::Report,
    server::Server,
    settings::{Settings, TakeFileSettings},
    uris::path_of,
    workers::Workers,
    workspaces::{Root, RootObserver, SettingsOf, place_of},
};

/// How long an answer waits for changes that came in before its request. Most are analysed in a few milliseconds.
pub(crate) const CURRENT_WAIT: Duration = Duration::from_millis(100);

/// What the client can do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Offers {
    pub(crate) work_done_progress: bool,
    pub(crate) show_document: bool,
    pub(crate) apply_edit: bool,
    pub(crate) configuration: bool,
    pub(crate) register_configuration: bool,
    /// It wants `conexus/statusChanged`.
    pub(crate) status_changed: bool,
    /// It shows the results of commands itself.
    pub(crate) presents: bool,
    /// It asks for diagnostics.
    pub(crate) pulls_diagnostics: bool,
    /// It asks again when it is told to.
    pub(crate) refreshes_diagnostics: bool,
    /// Diagnostics may have other places.
    pub(crate) related_information: bool,
    /// Diagnostics may carry data.
    pub(crate) diagnostic_data: bool,
    /// Edits may name versions of documents.
    pub(crate) document_changes: bool,
    /// Edits may create files.
    pub(crate) creates_files: bool,
}

impl Offers {
    fn of(capabilities: &ClientCapabilities) -> Self {
        let window = capabilities.window.as_ref();
        let workspace = capabilities.workspace.as_ref();
        let experimental = |name: &str| {
            let value = capabilities.experimental.as_ref().and_then(|offered| offered.get("conexus")?.get(name));
            value.and_then(Value::as_bool).unwrap_or(false)
        };
        Self {
            work_done_progress: window.and_then(|window| window.work_done_progress).unwrap_or(false),
            show_document: window.and_then(|window| window.show_document.as_ref()).is_some_and(|show| show.support),
            apply_edit: workspace.and_then(|workspace| workspace.apply_edit).unwrap_or(false),
            configuration: workspace.and_then(|workspace| workspace.configuration).unwrap_or(false),
            register_configuration: workspace
                .and_then(|workspace| workspace.did_change_configuration.as_ref()?.dynamic_registration)
                .unwrap_or(false),
            status_changed: experimental("statusChanged"),
            presents: experimental("presentsResults"),
            ..Self::of_diagnostics(capabilities)
        }
    }

    /// What it can do with diagnostics and the edits that answer them.
    fn of_diagnostics(capabilities: &ClientCapabilities) -> Self {
        let document = capabilities.text_document.as_ref();
        let pull = document.and_then(|document| document.diagnostic.as_ref());
        let push = document.and_then(|document| document.publish_diagnostics.as_ref());
        let either = pull.map(|pull| &pull.diagnostics_capabilities);
        let either = either.or(push.map(|push| &push.diagnostics_capabilities));
        let workspace = capabilities.workspace.as_ref();
        let edit = workspace.and_then(|workspace| workspace.workspace_edit.as_ref());
        let document_changes = edit.and_then(|edit| edit.document_changes).unwrap_or(false);
        let operations = edit.and_then(|edit| edit.resource_operations.as_deref()).unwrap_or_default();
        Self {
            pulls_diagnostics: pull.is_some(),
            refreshes_diagnostics: workspace
                .and_then(|workspace| workspace.diagnostics.as_ref()?.refresh_support)
                .unwrap_or(false),
            related_information: either.and_then(|either| either.related_information).unwrap_or(false),
            diagnostic_data: either.and_then(|either| either.data_support).unwrap_or(false),
            document_changes,
            creates_files: document_changes && operations.contains(&ResourceOperationKind::Create),
            ..Self::default()
        }
    }
}

/// A session. Whoever takes several locks takes that of the documents first.
pub(crate) struct Session {
    pub(crate) offers: Offers,
    pub(crate) encoding: Encoding,
    pub(crate) counters: Counters,
    pub(crate) workers: Workers,
    pub(crate) checks: Checks,
    /// Whether diagnostics were on when the session began: only then were they offered to a client that asks for them.
    offered_diagnostics: bool,
    documents: Mutex<Documents>,
    roots: RwLock<Vec<Arc<Root>>>,
    settings: RwLock<Settings>,
    settings_of: SettingsOf,
    take_file_settings: TakeFileSettings,
    registry: Registry,
    reports: UnboundedSender<Report>,
    /// The editor as assistants may ask it.
    editor: OnceLock<Arc<dyn Editor>>,
    /// What need not be told again.
    told: Mutex<HashSet<String>>,
    /// Where lists are written that are shown as documents.
    shown: Mutex<Option<TempDir>>,
    /// Until the client listens.
    unread: Mutex<Option<UnboundedReceiver<Report>>>,
}

impl Session {
    /// Opens the folders that the client names and takes over its settings.
    pub(crate) fn open(params: &InitializeParams, server: &Server) -> Self {
        let (reports, unread) = unbounded_channel();
        let encodings = params.capabilities.general.as_ref().and_then(|general| general.position_encodings.as_deref());
        let mut session = Self {
            offers: Offers::of(&params.capabilities),
            encoding: Encoding::negotiate(encodings),
            counters: Counters::default(),
            workers: Workers::new(),
            checks: Checks::new(Arc::clone(&server.checks_of)),
            offered_diagnostics: false,
            documents: Mutex::default(),
            roots: RwLock::default(),
            settings: RwLock::default(),
            settings_of: Arc::clone(&server.settings_of),
            take_file_settings: Arc::clone(&server.take_file_settings),
            registry: server.registry.clone(),
            reports,
            editor: OnceLock::new(),
            told: Mutex::default(),
            shown: Mutex::default(),
            unread: Mutex::new(Some(unread)),
        };
        if let Some(options) = &params.initialization_options {
            session.update_settings(options);
        }
        session.offered_diagnostics = session.settings().diagnostics;
        session.change_roots(folders(params), &[]);
        session
    }

    /// Whether findings are offered as answers to `textDocument/diagnostic`. A client that cannot ask, or that was not
    /// offered it since the setting came later, is told them.
    pub(crate) fn pulls(&self) -> bool {
        self.offered_diagnostics && self.offers.pulls_diagnostics
    }

    /// Whether diagnostics, and with them quick fixes, are offered from the beginning.
    pub(crate) fn offers_diagnostics(&self) -> bool {
        self.offered_diagnostics
    }

    /// Lets assistants ask the editor, in every folder that is open and in those to come.
    pub(crate) fn open_editor(&self, editor: Arc<dyn Editor>) {
        let editor = self.editor.get_or_init(|| editor);
        for root in self.roots() {
            if let Ok(live) = root.live() {
                live.set_editor(Some(Arc::clone(editor)));
            }
        }
    }

    /// Tells the reporter, which tells the client.
    pub(crate) fn report(&self, report: Report) {
        // It ends with the session only.
        let _ = self.reports.send(report);
    }

    /// What is to be told, for the one task that tells it.
    pub(crate) fn take_reports(&self) -> Option<UnboundedReceiver<Report>> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Tells something unless it was told before in this session.
    pub(crate) fn report_once(&self, text: String) {
        let is_new = self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone());
        if is_new {
            self.report(Report::Info(text));
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over settings that the client sent; what is wrong with them is told to the user.
    pub(crate) fn update_settings(&self, sent: &Value) {
        let mut settings = self.settings.write().unwrap_or_else(PoisonError::into_inner);
        let (updated, for_files, mut problems) = settings.updated(sent);
        *settings = updated;
        if let Some(for_files) = for_files {
            problems.extend((self.take_file_settings)(&for_files));
        }
        drop(settings);
        for problem in problems {
            self.report(Report::Warning(problem));
        }
        self.reopen_roots();
        self.checks.poke_soon();
    }

    /// Opens the folders anew that have other settings than when they were opened. One that cannot be opened with them
    /// stays as it is.
    pub(crate) fn reopen_roots(&self) {
        let (mut folders, mut uris) = (Vec::new(), Vec::new());
        for root in self.roots() {
            match root.has_other_settings(&self.settings_of) {
                Ok(false) => {}
                Ok(true) => {
                    folders.push(WorkspaceFolder { uri: root.uri.clone(), name: root.name.clone() });
                    uris.push(root.uri.clone());
                }
                Err(fault) => self.report(Report::Warning(fault)),
            }
        }
        if !folders.is_empty() {
            self.change_roots(folders, &uris);
        }
    }

    /// The folder for lists that are shown as documents; `None` when there can be none.
    pub(crate) fn shown_folder(&self) -> Option<PathBuf> {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.is_none() {
            *shown = private_folder();
        }
        shown.as_ref().map(|folder| folder.path().to_owned())
    }

    pub(crate) fn documents(&self) -> MutexGuard<'_, Documents> {
        // A handler that panicked while it held the lock has changed one document at most.
        self.documents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn roots(&self) -> Vec<Arc<Root>> {
        self.roots.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where a document belongs, open or not.
    pub(crate) fn place_of(&self, uri: &Uri) -> Option<Place> {
        place_of(&self.roots(), uri)
    }

    /// Opens and closes folders; documents move to the folder that owns them now.
    pub(crate) fn change_roots(&self, added: Vec<WorkspaceFolder>, removed: &[Uri]) {
        let mut documents = self.documents();
        let mut roots = self.roots();
        let mut closed: Vec<_> = Vec::new();
        roots.retain(|root| {
            let stays = !removed.contains(&root.uri);
            if !stays {
                closed.push(Arc::clone(root));
            }
            stays
        });
        for folder in added {
            if roots.iter().all(|root| root.uri != folder.uri) {
                let reports = self.reports.clone();
                let (pokes, last) = (self.checks.pokes(), Mutex::new(None));
                let observer: RootObserver = Arc::new(move |uri, index_dir, status| {
                    // Other files may have changed, or all of them are known now.
                    let state = (status.generation, status.activity == Activity::Idle);
                    let before = last.lock().unwrap_or_else(PoisonError::into_inner).replace(state);
                    if state.1 && before != Some(state) {
                        pokes.poke();
                    }
                    // The reporter ends with the session only.
                    let _ = reports.send(Report::Status(uri.clone(), Arc::clone(index_dir), Box::new(status.clone())));
                });
                let root = Root::open(&folder, &self.settings_of, &self.registry, observer);
                if let Err(fault) = root.live()
                    && roots.iter().all(|other| other.live().err() != Some(fault))
                {
                    self.report(Report::Error(format!("the folder {} is not indexed: {fault}", root.name)));
                }
                if let (Ok(live), Some(editor)) = (root.live(), self.editor.get()) {
                    live.set_editor(Some(Arc::clone(editor)));
                }
                roots.push(Arc::new(root));
            }
        }
        self.roots.write().unwrap_or_else(PoisonError::into_inner).clone_from(&roots);
        for (uri, document) in documents.iter_mut() {
            let place = place_of(&roots, uri);
            let same = match (&place, &document.place) {
                (Some(new), Some(old)) => Arc::ptr_eq(&new.root, &old.root),
                (None, None) => true,
                _ => false,
            };
            if same {
                continue;
            }
            if let Some(old) = &document.place
                && let Ok(live) = old.root.live()
            {
                live.close_buffer(&old.path);
            }
            if let Some(new) = &place {
                new.set_buffer(document);
            }
            document.place = place;
        }
        drop(documents);
        for root in &closed {
            self.report(Report::Closed(root.uri.clone()));
        }
        if !closed.is_empty() {
            // What was found in them is not found any more.
            self.checks.poke_soon();
        }
        // Ending an index writes out what is in memory.
        if !closed.is_empty() {
            std::thread::spawn(move || drop(closed));
        }
    }

    /// Tells the index of a document's text.
    pub(crate) fn set_buffer(document: &Document) {
        if let Some(place) = &document.place {
            place.set_buffer(document);
        }
    }

    /// Closes every folder and waits until their indexes are written out.
    pub(crate) fn close(&self) {
        let roots = std::mem::take(&mut *self.roots.write().unwrap_or_else(PoisonError::into_inner));
        for (_, document) in self.documents().iter_mut() {
            document.place = None;
        }
        drop(roots);
    }

    /// A state of each folder that knows every change before this call. It may wait: not for tasks that serve.
    pub(crate) fn current(&self) -> Vec<(Arc<Root>, Result<Snapshot, String>)> {
        let roots = self.roots();
        roots.into_iter().map(|root| (Arc::clone(&root), root.current(CURRENT_WAIT))).collect()
    }
}

/// The folders that a client opens, in the three ways that the protocol had over time.
#[expect(deprecated, reason = "older clients name one folder only")]
fn folders(params: &InitializeParams) -> Vec<WorkspaceFolder> {
    if let Some(WorkspaceFolders::WorkspaceFolderList(folders)) =
        &params.workspace_folders_initialize_params.workspace_folders
        && !folders.is_empty()
    {
        return folders.clone();
    }
    let path = match &params.root_path {
        Some(lsp_types::RootPath::String(path)) => Uri::from_file_path(path).ok(),
        _ => None,
    };
    let uri = params.root_uri.clone().or(path);
    uri.map(|uri| {
        let name = path_of(&uri).and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
        WorkspaceFolder { name: name.unwrap_or_else(|| uri.to_string()), uri }
    })
    .into_iter()
    .collect()
}
