//! The protocol's side of the tools: lists them, answers requests, and tells clients what they watch.

use std::{borrow::Cow, time::Duration};

use axum::http::request::Parts;
use rmcp::{
    ErrorData, Peer, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
        ContentBlock, ErrorCode, GetPromptRequestParams, GetPromptResponse, GetPromptResult, Implementation,
        InitializeRequestParams, InitializeResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
        ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ProgressToken, ProtocolVersion,
        ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ServerCapabilities, ServerConfig,
        SubscribeRequestMethod, SubscribeRequestParams, SubscriptionFilter, UnsubscribeRequestMethod,
        UnsubscribeRequestParams,
    },
    service::{NotificationContext, RequestContext, SubscriptionContext},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    calls::{Caller, Calls},
    guard::token,
    http::InFlight,
    methods::{
        changes::{FEATURES, PROGRESS},
        prompts, resources,
    },
    sessions,
    tools::{self, TOOLS},
    watching::{Listener, Watched, arguments_of},
};

/// How often a client is told how far indexing is.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// How often it is looked whether a client is gone.
const LOOK: Duration = Duration::from_secs(1);
/// The code of an error that says that too many do the same; of those that the protocol leaves to servers.
const TOO_MANY: ErrorCode = ErrorCode(-32_000);
/// How long a client may keep the list of tools: they change with the session behind it.
const LIST_TTL_MS: u64 = 60_000;
/// Revisions that are spoken. The older two differ from 2025-11-25 in nothing that is used here, and clients that offer
/// one of them, such as Gemini's command line, take no newer one.
const VERSIONS: &[ProtocolVersion] = &[
    ProtocolVersion::V_2025_03_26,
    ProtocolVersion::V_2025_06_18,
    ProtocolVersion::V_2025_11_25,
    ProtocolVersion::V_2026_07_28,
];

const INSTRUCTIONS: &str = "A live index of this workspace, unsaved edits included. Use context_search before reading \
                            files: it finds code by meaning, words or names. Every reading tool also takes min_generation \
                            and wait_ms, to read what was just written.";

/// The server of one client or, without sessions, of one request.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) calls: Calls,
    /// What the client on standard input and output watches.
    watched: Watched,
}

impl Server {
    pub(crate) fn new(calls: Calls) -> Self {
        Self { calls, watched: Watched::lists() }
    }

    /// What a method answers to a request of a client, as the type that the protocol wants. The error is for the caller to
    /// read.
    async fn asked<T: DeserializeOwned>(
        &self,
        context: &RequestContext<RoleServer>,
        name: &'static str,
        arguments: Value,
    ) -> Result<T, String> {
        let _may_be_cancelled = sessions::of(&context.extensions).map(|session| session.runs(context));
        let call = self.calls.method(Caller::of(context), name, arguments_of(arguments));
        let mut answer = tokio::select! {
            answer = call => answer?,
            () = context.ct.cancelled() => return Err("the request was cancelled".to_owned()),
        };
        // Clients of 2026-07-28 refuse an answer without it; for those of the older revisions the SDK takes it out again.
        if let Value::Object(fields) = &mut answer {
            fields.insert("resultType".to_owned(), json!("complete"));
        }
        serde_json::from_value(answer).map_err(|error| error.to_string())
    }

    /// Tells the client how far a call is, or else the indexing, until the future is dropped.
    async fn tell_progress(&self, caller: Caller, peer: Peer<RoleServer>, token: ProgressToken) {
        let mut last = -1.0;
        let asked = arguments_of(json!({ "key": caller.key }));
        loop {
            tokio::time::sleep(PROGRESS_EVERY).await;
            let Ok(now) = self.calls.method(caller.clone(), PROGRESS, asked.clone()).await else { continue };
            let Ok(Some((done, total))) = serde_json::from_value::<Option<(u64, u64)>>(now) else { continue };
            // It may only grow; a phase that counts anew is told once it has passed the last one.
            if done as f64 <= last {
                continue;
            }
            last = done as f64;
            let mut progress = ProgressNotificationParam::new(token.clone(), last);
            if total > 0 {
                progress = progress.with_total(total as f64).with_message(format!("{done} of {total}"));
            }
            if peer.notify_progress(progress).await.is_err() {
                return;
            }
        }
    }

    /// What the client watches; over HTTP that belongs to its session.
    fn watched_by(&self, context: &RequestContext<RoleServer>) -> Option<Watched> {
        match sessions::of(&context.extensions) {
            Some(session) => Some(session.watched()),
            None => (!Self::is_over_http(context)).then(|| self.watched.clone()),
        }
    }

    fn is_over_http(context: &RequestContext<RoleServer>) -> bool {
        context.extensions.get::<Parts>().is_some()
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .enable_resources_list_changed()
            .enable_resources_subscribe()
            .enable_prompts()
            .enable_completions()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("conexus", env!("CARGO_PKG_VERSION")).with_title("Conexus"))
            .with_instructions(INSTRUCTIONS)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(VERSIONS)
    }

    /// Over HTTP a session is kept for what the client subscribes to. Without one there is no stream on which that could
    /// be told.
    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        let mut answer = self.negotiate_initialize(&request)?;
        let has_session = sessions::begin(&context.extensions);
        if Self::is_over_http(&context) && !has_session {
            let capabilities = &mut answer.capabilities;
            capabilities.tools.as_mut().into_iter().for_each(|tools| tools.list_changed = None);
            capabilities.resources.as_mut().into_iter().for_each(|resources| {
                (resources.subscribe, resources.list_changed) = (None, None);
            });
        }
        Ok(answer)
    }

    async fn on_initialized(&self, context: NotificationContext<RoleServer>) {
        let server = self.clone();
        let watched = self.watched.clone();
        tokio::spawn(async move {
            let (gone, caller) = (context.peer.clone(), Caller::default());
            let listener = Listener::Peer(context.peer);
            tokio::select! {
                () = watched.run(&server.calls, &caller, listener) => {}
                () = until_closed(&gone) => {}
            }
        });
    }

    fn get_tool(&self, name: &str) -> Option<rmcp::model::Tool> {
        tools::listed(name).map(|tool| (tool.describe)())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        // Without an answer, such as before a workspace is named, there is no editor to ask.
        let features: Value = self.asked(&context, FEATURES, json!({})).await.unwrap_or_default();
        let editor = (features["editor"] == true).then_some(&tools::editor::TOOL);
        let tools = TOOLS.iter().chain(editor).map(|tool| (tool.describe)());
        let mut listed = ListToolsResult::with_all_items(tools.collect());
        listed.ttl_ms = Some(LIST_TTL_MS);
        listed.cache_scope = Some(CacheScope::Private);
        Ok(listed)
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = tools::listed(&request.name) else {
            return Err(ErrorData::invalid_params(format!("there is no tool {:?}", request.name), None));
        };
        let mut caller = Caller::of(&context);
        // Random, since the session behind a bridge works on the calls of several.
        caller.key = context.meta.get_progress_token().and_then(|_| token().ok()).map(|key| key.to_string());
        let _may_be_cancelled = sessions::of(&context.extensions).map(|session| session.runs(&context));
        let progress = async {
            match context.meta.get_progress_token() {
                Some(token) => self.tell_progress(caller.clone(), context.peer.clone(), token).await,
                None => std::future::pending().await,
            }
        };
        // An answer whose progress was told has begun: nothing else ends it.
        let is_over = async {
            match InFlight::of(&context.extensions) {
                Some(place) if context.meta.get_progress_token().is_some() => place.until_over().await,
                _ => std::future::pending().await,
            }
        };
        let call = async {
            tokio::select! {
                answer = self.calls.call(caller.clone(), tool, request.arguments.unwrap_or_default()) => answer,
                () = context.ct.cancelled() => Err("the call was cancelled".to_owned()),
                () = is_over => Err("the call took too long".to_owned()),
            }
        };
        tokio::pin!(call, progress);
        let answer = tokio::select! {
            answer = &mut call => answer,
            // The client takes no more of it.
            () = &mut progress => call.await,
        };
        Ok(match answer {
            Ok(reply) => {
                let mut result = CallToolResult::success(vec![ContentBlock::text(reply.text)]);
                result.structured_content = Some(reply.structured);
                result.into()
            }
            Err(reason) => CallToolResult::error(vec![ContentBlock::text(reason)]).into(),
        })
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let arguments = json!({ "cursor": request.and_then(|request| request.cursor) });
        self.asked(&context, "resources/list", arguments).await.map_err(refused)
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(resources::templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let read: Result<ReadResourceResult, String> =
            self.asked(&context, "resources/read", json!({ "uri": uri })).await;
        read.map(Into::into).map_err(|reason| ErrorData::resource_not_found(reason, Some(json!({ "uri": uri }))))
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(prompts::list())
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = json!({ "name": request.name, "arguments": request.arguments.unwrap_or_default() });
        let prompt: Result<GetPromptResult, String> = self.asked(&context, "prompts/get", arguments).await;
        prompt.map(Into::into).map_err(refused)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        self.asked(&context, "completion/complete", json!(request)).await.map_err(refused)
    }

    /// What is acknowledged is told; resources beyond those that one client may watch are not.
    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(Watched::accepted(requested))
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let _place = self.calls.stream().map_err(|reason| ErrorData::new(TOO_MANY, reason, None))?;
        let caller = Caller::of(context.request_context());
        if let Some(place) = InFlight::of(&context.request_context().extensions) {
            place.give_back();
        }
        let watched = Watched::of(context.accepted());
        tokio::select! {
            () = watched.run(&self.calls, &caller, Listener::Sink(context.sink().clone())) => {}
            () = context.cancelled() => {}
        }
        Ok(())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let watched = self.watched_by(&context).ok_or_else(ErrorData::method_not_found::<SubscribeRequestMethod>)?;
        watched.add(&self.calls, &Caller::of(&context), request.uri).await.map_err(refused)
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        let watched = self.watched_by(&context).ok_or_else(ErrorData::method_not_found::<UnsubscribeRequestMethod>)?;
        watched.remove(&request.uri);
        Ok(())
    }
}

/// A request that cannot be answered, in words.
fn refused(reason: String) -> ErrorData {
    ErrorData::invalid_params(reason, None)
}

/// Waits until a client is gone.
async fn until_closed(peer: &Peer<RoleServer>) {
    while !peer.is_transport_closed() {
        tokio::time::sleep(LOOK).await;
    }
}
