//! Values in JSON files as editors write them: with comments and trailing commas, all of which stay.

use anyhow::{Context, Result, anyhow, bail};
use jsonc_parser::{
    ParseOptions,
    cst::{CstInputValue, CstObject, CstObjectProp, CstRootNode},
};
use serde_json::Value;

use super::{Edit, NAME, starts};

/// A JSON value whose entries come in the order in which they are written, as `json!` makes it.
pub(crate) use jsonc_parser::json;

/// The text with the entry of a program at a path of keys, such as `["mcpServers", "conexus"]`. Objects on the way are
/// made. An entry that is there names the program from now on; one that its owner has changed stays as it is, and a remark
/// tells when it starts another program.
pub(crate) fn set_json(
    text: &str,
    path: &[&str],
    program: &str,
    entry: impl Fn(&str) -> CstInputValue,
) -> Result<Edit> {
    let text = if text.trim().is_empty() { "{}\n" } else { text };
    let root = parse(text)?;
    let Some((last, folders)) = path.split_last() else { bail!("a path of keys is needed") };
    let mut object = root.object_value_or_create().context("it holds something else than an object")?;
    for key in folders {
        refuse_doubled(&object, key)?;
        object = match object.object_value_or_create(key) {
            Some(inner) => inner,
            None => bail!("its {key:?} is not an object"),
        };
    }
    refuse_doubled(&object, last)?;
    match object.get(last) {
        None => drop(object.append(last, entry(program))),
        Some(there) => {
            let found = there.value().and_then(|value| value.to_serde_value()).unwrap_or_default();
            if plain(&entry(program)) == found {
                return Ok(text.to_owned().into());
            }
            let mut strings = Vec::new();
            gather(&found, &mut strings);
            if !strings.iter().copied().chain([NAME]).any(|named| plain(&entry(named)) == found) {
                let is_another = starts(strings.into_iter()) != program;
                return Ok(Edit::kept(text, is_another.then_some(("its entry", program))));
            }
            there.set_value(entry(program));
        }
    }
    finish(&root, text).map(Edit::from)
}

/// Whether there is a value at a key of the outermost object.
pub(crate) fn has_json(text: &str, key: &str) -> Result<bool> {
    Ok(!text.trim().is_empty() && parse(text)?.object_value().is_some_and(|object| object.get(key).is_some()))
}

/// The strings in a value.
fn gather<'a>(value: &'a Value, strings: &mut Vec<&'a str>) {
    match value {
        Value::String(string) => strings.push(string),
        Value::Array(values) => values.iter().for_each(|value| gather(value, strings)),
        Value::Object(entries) => entries.values().for_each(|value| gather(value, strings)),
        _ => {}
    }
}

/// JSON as editors read it: comments and trailing commas, and nothing else beyond the standard.
const OPTIONS: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

fn parse(text: &str) -> Result<CstRootNode> {
    CstRootNode::parse(text, &OPTIONS).map_err(|error| anyhow!("it is not valid JSON: {error}"))
}

/// Of two entries with one name programs take the last, and this module the first.
fn refuse_doubled(object: &CstObject, name: &str) -> Result<()> {
    let is_it = |property: &CstObjectProp| {
        property.name().and_then(|name| name.decoded_value().ok()).is_some_and(|found| found == name)
    };
    if object.properties().iter().filter(|property| is_it(property)).count() > 1 {
        bail!("it has two entries {name:?}");
    }
    Ok(())
}

/// The finished text, read once more: what cannot be read back must not be written.
fn finish(root: &CstRootNode, before: &str) -> Result<String> {
    let mut text = root.to_string();
    parse(&text).context("the change cannot be made without breaking it")?;
    if before.ends_with('\n') && !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// The value without its order, to be compared.
fn plain(value: &CstInputValue) -> Value {
    match value {
        CstInputValue::Null => Value::Null,
        CstInputValue::Bool(value) => Value::Bool(*value),
        CstInputValue::Number(value) => serde_json::from_str(value).unwrap_or_default(),
        CstInputValue::String(value) => Value::String(value.clone()),
        CstInputValue::Array(values) => values.iter().map(plain).collect(),
        CstInputValue::Object(values) => values.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
    }
}
