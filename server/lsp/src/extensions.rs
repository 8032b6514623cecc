//! What goes over the wire beyond the protocol: the `conexus/*` requests and notification, with their types.
//!
//! They are a public promise, described in `docs/lsp-extensions.md`; a test keeps the two in step.

use lsp_types::{
    LspNotificationMethod, LspRequestMethod, MessageDirection, Position, Range, TextDocumentIdentifier, Uri,
};
use serde::{Deserialize, Serialize};

/// Method of [`SearchRequest`].
pub const SEARCH: &str = "conexus/search";
/// Method of [`SimilarRequest`].
pub const SIMILAR: &str = "conexus/similar";
/// Method of [`RelatedRequest`].
pub const RELATED: &str = "conexus/related";
/// Method of [`ContextRequest`].
pub const CONTEXT: &str = "conexus/context";
/// Method of [`OutlineRequest`].
pub const OUTLINE: &str = "conexus/outline";
/// Method of [`StatusRequest`].
pub const STATUS: &str = "conexus/status";
/// Method of [`ReindexRequest`].
pub const REINDEX: &str = "conexus/reindex";
/// Method of [`McpRequest`].
pub const MCP: &str = "conexus/mcp";
/// Method of [`StatusChanged`].
pub const STATUS_CHANGED: &str = "conexus/statusChanged";

macro_rules! requests {
    ($($(#[$doc:meta])* $name:ident = $method:ident: $params:ty => $result:ty;)+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $name {}

        impl lsp_types::Request for $name {
            type Params = $params;
            type Result = $result;
            const METHOD: LspRequestMethod<'static> = LspRequestMethod::Custom($method);
            const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ClientToServer;
        }
    )+};
}

requests! {
    /// Finds code by meaning, words, name or quoted text.
    SearchRequest = SEARCH: SearchParams => SearchResult;
    /// Finds code that resembles the code at a position.
    SimilarRequest = SIMILAR: SimilarParams => SearchResult;
    /// Finds callers, callees, tests, similar code and helpers to reuse of the symbol at a position.
    RelatedRequest = RELATED: RelatedParams => RelatedResult;
    /// Packs what an assistant should read about the symbol at a position.
    ContextRequest = CONTEXT: ContextParams => ContextResult;
    /// Lists the symbols of a document.
    OutlineRequest = OUTLINE: OutlineParams => OutlineResult;
    /// Tells how things stand.
    StatusRequest = STATUS: Option<StatusParams> => StatusResult;
    /// Compares whole folders with the index.
    ReindexRequest = REINDEX: Option<ReindexParams> => ReindexResult;
    /// Tells where assistants ask this session.
    McpRequest = MCP: Option<McpParams> => McpResult;
}

/// Told when the status of a workspace has changed, to clients that ask for it.
#[derive(Debug)]
pub enum StatusChanged {}

impl lsp_types::Notification for StatusChanged {
    type Params = WorkspaceStatus;
    const METHOD: LspNotificationMethod<'static> = LspNotificationMethod::Custom(STATUS_CHANGED);
    const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ServerToClient;
}

macro_rules! wire {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* })+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
            #[serde(rename_all = "camelCase")]
            pub struct $name { $($(#[$field_meta])* pub $field: $type,)* }
        )+
    };
}

wire! {
    /// Parameters of `conexus/search`.
    SearchParams {
        /// Any text: a question, words, a name, a path, `"quoted text"`.
        query: String,
        /// How to read it: `auto`, `meaning`, `keyword` or `symbol`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<String>,
        /// Most hits, 1 to 1000; 20 by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
        /// Hits to pass over first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offset: Option<u32>,
        /// Globs of which a path must match one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        include: Option<Vec<String>>,
        /// Globs of which a path may match none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exclude: Option<Vec<String>>,
        /// Languages by name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        languages: Option<Vec<String>>,
        /// Kinds of symbols by name, such as `function`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kinds: Option<Vec<String>>,
        /// Whether tests may answer: `any`, `only` or `exclude`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tests: Option<String>,
        /// The document under the cursor: a soft boost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        active_document: Option<Uri>,
        /// Whether each hit says what its score is made of.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        explain: Option<bool>,
    }
    /// Parameters of `conexus/similar`.
    SimilarParams {
        /// The document.
        text_document: TextDocumentIdentifier,
        /// A position in it.
        position: Position,
        /// Most hits, 1 to 1000; 20 by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
    }
    /// Answer to `conexus/search` and `conexus/similar`.
    SearchResult {
        /// Best first.
        hits: Vec<Hit>,
        /// Whether more follow at the next offset.
        more: bool,
        /// What the reader must know, above all of an empty answer.
        notices: Vec<Notice>,
        /// The states that were read.
        seen: Vec<Seen>,
    }
    /// One piece of code.
    Hit {
        /// Where it is.
        uri: Uri,
        /// The whole piece.
        range: Range,
        /// Where to look first: the name, or an empty range at the beginning.
        selection_range: Range,
        /// Workspace-relative path with `/`, for showing.
        path: String,
        /// Name of its symbol, or empty.
        name: String,
        /// Names of the enclosing symbols, or empty.
        container: String,
        /// Kind of its symbol, such as `function`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        /// Language of the file.
        language: String,
        /// Only its order within one answer has a meaning.
        score: f32,
        /// The line to look at first.
        preview: String,
        /// Terms of the score, when they were asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contributions: Option<Vec<Contribution>>,
    }
    /// One term of a score.
    Contribution {
        /// The ranking feature.
        feature: String,
        /// What it added, or the factor when the name ends in `_factor`.
        value: f32,
    }
    /// What a reader must know to judge an answer.
    Notice {
        /// A stable name.
        kind: String,
        /// In words.
        message: String,
        /// Files done, while indexing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        done: Option<u64>,
        /// Files known, while indexing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// The workspace it is about; missing when it is about all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        workspace: Option<Uri>,
    }
    /// The state of a workspace that an answer was read from.
    Seen {
        /// The workspace.
        workspace: Uri,
        /// The committed state of its index.
        generation: u64,
        /// Open documents that differ from that state, as the answer knows them.
        documents: Vec<DocumentVersion>,
    }
    /// An open document.
    DocumentVersion {
        /// The document.
        uri: Uri,
        /// Its version.
        version: i32,
    }
    /// Parameters of `conexus/related`.
    RelatedParams {
        /// The document.
        text_document: TextDocumentIdentifier,
        /// A position in it.
        position: Position,
        /// Wanted relations: `caller`, `callee`, `test`, `similar`, `reuse`; all when missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        relations: Option<Vec<String>>,
        /// Most of each relation, 1 to 1000; 20 by default.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u32>,
    }
    /// Answer to `conexus/related`.
    RelatedResult {
        /// The symbol at the position; missing when there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<Target>,
        /// By relation, the surest first.
        relations: Vec<Relation>,
        /// Relations of which the limit left out some.
        more: Vec<String>,
        /// What the reader must know.
        notices: Vec<Notice>,
        /// The states that were read.
        seen: Vec<Seen>,
    }
    /// The symbol that was asked about.
    Target {
        /// Where it is.
        uri: Uri,
        /// The whole definition.
        range: Range,
        /// Its name.
        selection_range: Range,
        /// Its name.
        name: String,
        /// Names of the enclosing symbols, or the path of the file.
        container: String,
        /// Its kind, such as `function`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
    }
    /// One related piece of code. Relations are judged by names and context, not by a compiler.
    Relation {
        /// How it is related: `caller`, `callee`, `test`, `similar`, `reuse`.
        relation: String,
        /// Where it is.
        uri: Uri,
        /// The whole definition.
        range: Range,
        /// Where to look first: the mention in a caller or test, else the name.
        selection_range: Range,
        /// Workspace-relative path with `/`, for showing.
        path: String,
        /// Name of its symbol.
        name: String,
        /// Names of the enclosing symbols, or the path of the file.
        container: String,
        /// Kind of its symbol, such as `function`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        /// Why it is believed.
        reason: String,
        /// How much it is believed, 0 to 1.
        confidence: f32,
    }
    /// Parameters of `conexus/context`.
    ContextParams {
        /// The document.
        text_document: TextDocumentIdentifier,
        /// A position in it.
        position: Position,
        /// Most tokens, 200 to 100000; by default as the setting `contextTokens` says.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        max_tokens: Option<u32>,
    }
    /// Answer to `conexus/context`.
    ContextResult {
        /// The text, empty when there is nothing to say.
        markdown: String,
        /// An estimate of its tokens, rather too high than too low.
        tokens: u32,
        /// The symbol it is about; missing when it is about a file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        target: Option<Target>,
        /// What is in it.
        included: Vec<ContextItem>,
        /// What did not fit, the most important first.
        left_out: Vec<ContextItem>,
        /// Whether the text of the symbol itself was cut.
        cut: bool,
        /// What the reader must know.
        notices: Vec<Notice>,
        /// The states that were read.
        seen: Vec<Seen>,
    }
    /// One part of a context pack.
    ContextItem {
        /// How it is related; missing for the target itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        relation: Option<String>,
        /// Where it is.
        uri: Uri,
        /// First line, from 0.
        start_line: u32,
        /// Last line, from 0, inclusive.
        end_line: u32,
        /// Name of the symbol.
        name: String,
        /// How much the relation is believed, 0 to 1.
        confidence: f32,
    }
    /// Parameters of `conexus/status`.
    StatusParams {
    }
    /// Answer to `conexus/status`.
    StatusResult {
        /// Version of the server.
        version: String,
        /// The workspaces; none when no folder is open.
        workspaces: Vec<WorkspaceStatus>,
        /// Open documents.
        documents: u32,
        /// Changes whose version did not follow the last one by 1. One that was skipped is put in its place when it comes.
        version_gaps: u64,
        /// Saved texts that differed from what was known here, and were taken.
        save_mismatches: u64,
        /// Changes of documents that were not open.
        unknown_documents: u64,
    }
    /// How a workspace stands; parameters of `conexus/statusChanged`.
    WorkspaceStatus {
        /// The workspace.
        workspace: Uri,
        /// `opening`, `walking`, `indexing`, `embedding`, `finishing`, `idle`, `stopped`, `detached` or `failed`; of a
        /// follower, what the owner does. `detached` says that the owner hangs, or does not follow the disk, or that a
        /// file changed while this process read it.
        activity: String,
        /// Files or chunks done, while indexing or embedding.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        done: Option<u64>,
        /// Files or chunks in all, while indexing or embedding.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// `owner` or `follower` of another process that writes the index.
        role: String,
        /// How changes on disk are noticed: `starting`, `events`, `polling`, or, as a follower, by the `owner`.
        watching: String,
        /// Why files have to be looked at again and again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        polling_reason: Option<String>,
        /// The committed state of the index.
        generation: u64,
        /// Files in it.
        files: u64,
        /// Chunks in it.
        chunks: u64,
        /// Open documents that differ from it.
        buffers: u64,
        /// What is wrong.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fault: Option<String>,
        /// Why names and words alone are searched.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lexical_only: Option<String>,
        /// Why the built-in embedding model answers in place of the chosen one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        builtin_model: Option<String>,
        /// Files that are searched without their symbols, since parsing them ended a server.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        set_aside: Option<Vec<Uri>>,
    }
    /// Parameters of `conexus/outline`.
    OutlineParams {
        /// The document.
        text_document: TextDocumentIdentifier,
    }
    /// Answer to `conexus/outline`.
    OutlineResult {
        /// In the order of the document.
        symbols: Vec<OutlineSymbol>,
        /// What the reader must know.
        notices: Vec<Notice>,
        /// The states that were read.
        seen: Vec<Seen>,
    }
    /// One symbol of a document.
    OutlineSymbol {
        /// Its name.
        name: String,
        /// Names of the enclosing symbols, or empty.
        container: String,
        /// Its kind, such as `function`.
        kind: String,
        /// The whole definition.
        range: Range,
        /// Its name.
        selection_range: Range,
        /// Whether it is a test.
        test: bool,
    }
    /// Parameters of `conexus/reindex`.
    ReindexParams {
        /// The workspace; all when it is missing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        workspace: Option<Uri>,
    }
    /// Answer to `conexus/reindex`.
    ReindexResult {
        /// The workspaces that are compared.
        workspaces: Vec<Uri>,
    }
    /// Parameters of `conexus/mcp`.
    McpParams {}
    /// Answer to `conexus/mcp`.
    McpResult {
        /// Address of the endpoint; missing when this session could not open one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// What requests carry in `Authorization: Bearer`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
        /// The workspaces that it answers for.
        workspaces: Vec<McpWorkspace>,
    }
    /// A workspace as assistants name it.
    McpWorkspace {
        /// The workspace.
        workspace: Uri,
        /// Its path as requests carry it in `Conexus-Workspace` when there are several.
        path: String,
    }
}

#[cfg(test)]
#[path = "extensions_tests.rs"]
mod tests;
