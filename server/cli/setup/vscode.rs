//! Visual Studio Code: the extension finds a program on the path by itself; one that is elsewhere is named in the
//! user's settings. The extension is installed by the editor.

use anyhow::Result;

use super::{Plan, Surroundings};
use crate::cli::edit_config::{Change, json, set_json};

pub(super) fn plan(user: &Surroundings) -> Result<Plan> {
    let folder = user.application_support();
    let mut changes = Vec::new();
    if user.program != "conexus" {
        let program = json!(user.program.as_str());
        let path = folder.join("Code/User/settings.json");
        changes.push(Change::plan(&path, |text| set_json(text, &["conexus.server.path"], &program))?);
    }
    let next = "install the extension: code --install-extension with the .vsix file that editors/code/README.md tells \
                how to make";
    Ok(Plan { changes, next: next.to_owned() })
}
