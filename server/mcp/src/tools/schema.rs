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

/// A tool that changes nothing. Its output has these properties.
pub(super) fn reader(name: &'static str, description: &'static str, input: JsonObject, output: &[&str]) -> Tool {
    described(name, description, input, output).with_annotations(ToolAnnotations::new().read_only(true))
}

/// Hints of a tool that changes something and may destroy it: hints are for a whole tool, so they say the worst.
pub(super) fn destructive() -> ToolAnnotations {
    ToolAnnotations::new().read_only(false).destructive(true)
}

/// A tool without hints. What every answer has, such as its generation, or only some, such as a cursor, is not declared:
/// it would cost tokens. In `output` a name that ends in `[]` is a list, others are texts.
pub(super) fn described(name: &'static str, description: &'static str, input: JsonObject, output: &[&str]) -> Tool {
    let own = output.iter().map(|name| match name.strip_suffix("[]") {
        Some(list) => (list, json!({ "type": "array" })),
        None => (*name, text()),
    });
    let properties: Vec<(&str, Value)> = own.collect();
    let output = object(&properties, &[]);
    Tool::new(name, description, input).with_raw_output_schema(Arc::new(output))
}
