//! Visual Studio Code: the extension finds a program on the path by itself; one that is elsewhere is named in the
//! user's settings. The extension is installed by the editor.

use anyhow::Result;

use super::{Plan, Surroundings};
use crate::cli::edit_config::{Change, Edit, NAME, has_json, json, set_json};

const SETTING: &str = "conexus.server.path";

pub(super) fn plan(user: &Surroundings) -> Result<Plan> {
    let folder = user.application_support();
    let path = folder.join("Code/User/settings.json");
    let change = Change::plan(&path, |text| {
        // Without the setting the extension finds this program by itself.
        if user.program == NAME && !has_json(text, SETTING)? {
            return Ok(Edit::from(text.to_owned()));
        }
        set_json(text, &[SETTING], &user.program, |program| json!(program))
    })?;
    let next = "install the extension: code --install-extension with the .vsix file that editors/code/README.md tells \
                how to make";
    Ok(Plan { changes: vec![change], next: next.to_owned() })
}
