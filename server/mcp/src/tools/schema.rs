//! The few forms of JSON schema that every client and model provider understands.

use std::sync::Arc;

use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};

/// Any text.
pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

/// A text that its name does not explain.
pub(super) fn text_about(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

/// A whole number.
pub(super) fn number() -> Value {
    json!({ "type": "integer" })
}

/// Yes or no.
pub(super) fn flag() -> Value {
    json!({ "type": "boolean" })
}

/// Texts.
pub(super) fn texts() -> Value {
    json!({ "type": "array", "items": text() })
}

/// One of these.
pub(super) fn choice(values: &[&str]) -> Value {
    json!({ "type": "string", "enum": values })
}

/// An object with these properties.
pub(super) fn object(properties: &[(&str, Value)], required: &[&str]) -> JsonObject {
    let properties: JsonObject = properties.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    let mut schema = JsonObject::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

/// What an answer, or an item of its list, tells under a name.
#[derive(Clone, Copy)]
pub(super) struct Field {
    name: &'static str,
    /// Its type, where it may be missing.
    kind: Option<&'static str>,
}

/// A field that is always told.
pub(super) const fn sure(name: &'static str) -> Field {
    Field { name, kind: None }
}

/// A field that is told where there is something to tell.
pub(super) const fn maybe(name: &'static str, kind: &'static str) -> Field {
    Field { name, kind: Some(kind) }
}

/// What every answer tells beside its own facts.
const EVERY_ANSWER: &[Field] = &[sure("generation"), sure("notices"), sure("truncated")];

/// What an answer with a list tells when it is cut.
const CUT: &[Field] = &[maybe("cursor", "string"), maybe("left_out", "integer")];

/// What is always told is named, what may be missing is named with its type: to say more would double the cost.
fn fields(fields: &[Field]) -> JsonObject {
    let typed = fields.iter().filter_map(|field| Some((field.name, json!({ "type": field.kind? }))));
    let sure: Vec<_> = fields.iter().filter(|field| field.kind.is_none()).map(|field| field.name).collect();
    object(&typed.collect::<Vec<_>>(), &sure)
}

/// An answer with these facts and a list of items, and what every answer has.
pub(super) fn answer(facts: &[Field], list: Option<(&'static str, &[Field])>) -> JsonObject {
    let Some((name, items)) = list else { return fields(&[facts, EVERY_ANSWER].concat()) };
    let mut schema = fields(&[facts, &[sure(name)], EVERY_ANSWER, CUT].concat());
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.insert(name.to_owned(), json!({ "type": "array", "items": fields(items) }));
    }
    schema
}

/// A tool that changes nothing.
pub(super) fn reader(name: &'static str, description: &'static str, input: JsonObject, output: JsonObject) -> Tool {
    described(name, description, input, output).with_annotations(ToolAnnotations::new().read_only(true))
}

/// Hints of a tool that changes something and may destroy it: hints are for a whole tool, so they say the worst.
pub(super) fn destructive() -> ToolAnnotations {
    ToolAnnotations::new().read_only(false).destructive(true)
}

/// A tool without hints.
pub(super) fn described(name: &'static str, description: &'static str, input: JsonObject, output: JsonObject) -> Tool {
    Tool::new(name, description, input).with_raw_output_schema(Arc::new(output))
}
