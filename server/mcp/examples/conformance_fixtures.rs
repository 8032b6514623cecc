//! A server with the tools, resources and prompts that the conformance suite of the protocol asks for, on the transport
//! of the product: tests/conformance/run holds the suite against it. Prints its address and token as one line of JSON.

use std::time::Duration;

use conexus_mcp::{Serving, Sidecar, begin_session};
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult,
        GetPromptRequestParams, GetPromptResponse, GetPromptResult, Implementation, InitializeRequestParams,
        InitializeResult, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, ProgressNotificationParam, ReadResourceRequestParams, ReadResourceResponse,
        ReadResourceResult, ServerCapabilities, ServerConfig, SubscribeRequestParams, SubscriptionFilter,
        UnsubscribeRequestParams,
    },
    service::{RequestContext, SubscriptionContext},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::watch;

/// A red pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==";
/// A head without a sound.
const WAV: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEARKwAAIhYAQACABAAZGF0YQAAAAA=";
/// Between two notes of progress.
const STEP: Duration = Duration::from_millis(50);

#[derive(Clone, Default)]
struct Fixtures {
    /// Told when the list of tools changes.
    tools: watch::Sender<()>,
}

/// Results are written as the specification prints them; the older revision is sent none of the type.
fn read<T: DeserializeOwned>(mut value: Value) -> Result<T, ErrorData> {
    value["resultType"] = json!("complete");
    serde_json::from_value(value).map_err(|error| ErrorData::internal_error(error.to_string(), None))
}

fn tool(name: &str, description: &str) -> Value {
    json!({ "name": name, "description": description, "inputSchema": { "type": "object", "properties": {} } })
}

impl ServerHandler for Fixtures {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_tool_list_changed()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_prompts()
            .enable_completions()
            .build();
        ServerConfig::new(capabilities).with_server_info(Implementation::new("conformance-fixtures", "1"))
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        context.peer.set_peer_info(request.clone());
        begin_session(&context.extensions);
        self.negotiate_initialize(&request)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let tools = [
            tool("test_simple_text", "Answers with text"),
            tool("test_image_content", "Answers with an image"),
            tool("test_audio_content", "Answers with a sound"),
            tool("test_embedded_resource", "Answers with a resource"),
            tool("test_multiple_content_types", "Answers with text, an image and a resource"),
            tool("test_tool_with_progress", "Tells how far it is"),
            tool("test_error_handling", "Fails"),
            tool("test_trigger_tool_change", "Says that the list of tools changed"),
            json!({
                "name": "json_schema_2020_12_tool",
                "description": "Has a schema with references",
                "inputSchema": {
                    "$schema": "https://json-schema.org/draft/2020-12/schema",
                    "type": "object",
                    "$defs": { "address": { "type": "object", "properties": {
                        "street": { "type": "string" }, "city": { "type": "string" } } } },
                    "properties": { "name": { "type": "string" }, "address": { "$ref": "#/$defs/address" } },
                    "additionalProperties": false,
                },
            }),
        ];
        read(json!({ "tools": tools, "ttlMs": 60_000, "cacheScope": "private" }))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let text = |text: &str| json!({ "type": "text", "text": text });
        let image = json!({ "type": "image", "data": PNG, "mimeType": "image/png" });
        let resource = |uri: &str, kind: &str, text: &str| json!({ "type": "resource", "resource": { "uri": uri, "mimeType": kind, "text": text } });
        let content = match &*request.name {
            "test_simple_text" => json!([text("This is a simple text response for testing.")]),
            "test_image_content" => json!([image]),
            "test_audio_content" => json!([{ "type": "audio", "data": WAV, "mimeType": "audio/wav" }]),
            "test_embedded_resource" => {
                json!([resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")])
            }
            "test_multiple_content_types" => json!([
                text("Multiple content types test:"),
                image,
                resource("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
            ]),
            "test_tool_with_progress" => {
                if let Some(token) = context.meta.get_progress_token() {
                    for done in [0.0, 50.0, 100.0] {
                        let mut note = ProgressNotificationParam::new(token.clone(), done);
                        note.total = Some(100.0);
                        context.peer.notify_progress(note).await.map_err(internal)?;
                        tokio::time::sleep(STEP).await;
                    }
                }
                json!([text("done")])
            }
            "test_error_handling" => {
                let result = json!({
                    "isError": true,
                    "content": [text("This tool intentionally returns an error for testing")],
                });
                return read::<CallToolResult>(result).map(Into::into);
            }
            "test_trigger_tool_change" => {
                self.tools.send_replace(());
                json!([text("done")])
            }
            "json_schema_2020_12_tool" => json!([text("ok")]),
            other => return Err(ErrorData::invalid_params(format!("there is no tool {other:?}"), None)),
        };
        read::<CallToolResult>(json!({ "content": content })).map(Into::into)
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let resource = |uri: &str, name: &str, kind: &str| json!({ "uri": uri, "name": name, "description": name, "mimeType": kind });
        let resources = [
            resource("test://static-text", "A text", "text/plain"),
            resource("test://static-binary", "An image", "image/png"),
            resource("test://watched-resource", "A text that may change", "text/plain"),
        ];
        read(json!({ "resources": resources, "ttlMs": 60_000, "cacheScope": "private" }))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let template = json!({
            "uriTemplate": "test://template/{id}/data", "name": "Data", "description": "Data of an id",
            "mimeType": "application/json",
        });
        read(json!({ "resourceTemplates": [template], "ttlMs": 60_000, "cacheScope": "private" }))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let uri = request.uri;
        let identifier = uri.strip_prefix("test://template/").and_then(|rest| rest.strip_suffix("/data"));
        let content = match (&*uri, identifier) {
            ("test://static-text", _) => {
                json!({ "mimeType": "text/plain", "text": "This is the content of the static text resource." })
            }
            ("test://static-binary", _) => json!({ "mimeType": "image/png", "blob": PNG }),
            ("test://watched-resource", _) => json!({ "mimeType": "text/plain", "text": "Watched." }),
            (_, Some(id)) => {
                let text = json!({ "id": id, "templateTest": true, "data": format!("Data for ID: {id}") });
                json!({ "mimeType": "application/json", "text": text.to_string() })
            }
            _ => return Err(ErrorData::resource_not_found("there is no such resource", Some(json!({ "uri": uri })))),
        };
        let mut content = content;
        content["uri"] = json!(uri);
        let result = json!({ "contents": [content], "ttlMs": 60_000, "cacheScope": "private" });
        read::<ReadResourceResult>(result).map(Into::into)
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        Some(requested.clone())
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        let mut tools = self.tools.subscribe();
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                _ = tools.changed() => {}
            }
            // It goes out where the client asked for it.
            let _ = context.sink().notify_tool_list_changed().await;
        }
    }

    async fn subscribe(&self, _: SubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn unsubscribe(&self, _: UnsubscribeRequestParams, _: RequestContext<RoleServer>) -> Result<(), ErrorData> {
        Ok(())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let argument = |name: &str| json!({ "name": name, "description": name, "required": true });
        let prompt =
            |name: &str, arguments: &[Value]| json!({ "name": name, "description": name, "arguments": arguments });
        let prompts = [
            prompt("test_simple_prompt", &[]),
            prompt("test_prompt_with_arguments", &[argument("arg1"), argument("arg2")]),
            prompt("test_prompt_with_embedded_resource", &[argument("resourceUri")]),
            prompt("test_prompt_with_image", &[]),
        ];
        read(json!({ "prompts": prompts, "ttlMs": 60_000, "cacheScope": "private" }))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let arguments = request.arguments.unwrap_or_default();
        let argument = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        let text = |text: String| json!({ "type": "text", "text": text });
        let contents = match &*request.name {
            "test_simple_prompt" => vec![text("This is a simple prompt for testing.".to_owned())],
            "test_prompt_with_arguments" => {
                vec![text(format!("Prompt with arguments: arg1='{}', arg2='{}'", argument("arg1"), argument("arg2")))]
            }
            "test_prompt_with_embedded_resource" => vec![
                json!({ "type": "resource", "resource": {
                    "uri": argument("resourceUri"), "mimeType": "text/plain",
                    "text": "Embedded resource content for testing.",
                } }),
                text("Please process the embedded resource above.".to_owned()),
            ],
            "test_prompt_with_image" => vec![
                json!({ "type": "image", "data": PNG, "mimeType": "image/png" }),
                text("Please analyze the image above.".to_owned()),
            ],
            other => return Err(ErrorData::invalid_params(format!("there is no prompt {other:?}"), None)),
        };
        let messages: Vec<Value> =
            contents.into_iter().map(|content| json!({ "role": "user", "content": content })).collect();
        read::<GetPromptResult>(json!({ "messages": messages })).map(Into::into)
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        read(json!({ "completion": { "values": ["paris", "park", "party"], "total": 3, "hasMore": false } }))
    }
}

fn internal(error: impl std::fmt::Display) -> ErrorData {
    ErrorData::internal_error(error.to_string(), None)
}

fn main() -> conexus_mcp::Result<()> {
    let sidecar = Sidecar::open_with(&Fixtures::default(), &Serving::default())?;
    let line = json!({ "url": format!("http://{}/mcp", sidecar.address()), "token": sidecar.token() });
    #[expect(clippy::print_stdout, reason = "it is read by a script")]
    {
        println!("{line}");
    }
    sidecar.wait_for_end()
}
