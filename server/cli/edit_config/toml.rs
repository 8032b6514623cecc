//! TOML files, whose comments and layout stay.

use anyhow::{Context, Result};
use toml_edit::DocumentMut;

/// The text after a change of its document.
pub(crate) fn edit_toml(text: &str, edit: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result<String> {
    let mut document: DocumentMut = text.parse().context("it is not valid TOML")?;
    edit(&mut document)?;
    let after = document.to_string();
    // What cannot be read back must not be written.
    after.parse::<DocumentMut>().context("the change cannot be made without breaking it")?;
    Ok(after)
}
