//! TOML files, whose comments and layout stay.

use anyhow::{Context, Result};
use toml_edit::{DocumentMut, Item};

/// The text after a change of its document.
pub(crate) fn edit_toml(text: &str, edit: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result<String> {
    let mut document: DocumentMut = text.parse().context("it is not valid TOML")?;
    edit(&mut document)?;
    let after = document.to_string();
    // What cannot be read back must not be written.
    after.parse::<DocumentMut>().context("the change cannot be made without breaking it")?;
    Ok(after)
}

/// Whether an entry says what TOML in one line does, but for the program that its `command` names.
pub(crate) fn is_entry(entry: &Item, otherwise: &str) -> bool {
    let mut document = DocumentMut::new();
    document["entry"] = entry.clone();
    let read = |text: &str| text.parse::<toml::Table>().ok()?.remove("entry")?.as_table().cloned();
    let Some(mut found) = read(&document.to_string()) else { return false };
    let command = found.remove("command");
    command.is_some_and(|command| command.is_str()) && read(otherwise) == Some(found)
}
