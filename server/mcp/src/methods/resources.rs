//! Files of the index, and symbols in them, as resources.

use rmcp::model::{JsonObject, ListResourceTemplatesResult, ListResourcesResult, Resource, ResourceTemplate};
use serde::Deserialize;
use serde_json::json;

use super::{
    answered,
    place::{FILE_TEMPLATE, Place, SYMBOL_TEMPLATE, uri_of},
};
use crate::{
    reply::{Reply, version_of},
    tools::{Call, read_arguments},
};

/// Files on one page.
const PAGE: usize = 200;

#[derive(Deserialize)]
struct Listing {
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct Reading {
    uri: String,
}

/// The files of the index in the order of their paths. The cursor is the last path of a page, so that files that come and
/// go neither repeat nor hide others.
pub(super) fn list(call: &Call<'_>, arguments: JsonObject) -> Result<Reply, String> {
    let Listing { cursor } = read_arguments(arguments)?;
    let view = call.view()?;
    let after = cursor.unwrap_or_default();
    let mut files = view.index().files().skip_while(|file| **file.path() <= *after);
    let page: Vec<_> = files.by_ref().take(PAGE).collect();
    let mut listed = ListResourcesResult::with_all_items(
        page.iter()
            .map(|file| {
                let path = file.path();
                let name = path.rsplit('/').next().unwrap_or(path);
                let resource = Resource::new(uri_of(path), name).with_title(&**path).with_mime_type(mime_of(path));
                if version_of(&view, path).is_some() { resource } else { resource.with_size(file.stat().size) }
            })
            .collect(),
    );
    if files.next().is_some() {
        listed.next_cursor = page.last().map(|file| file.path().to_string());
    }
    answered(&listed)
}

/// The text of a resource as it is in the editor, else on disk.
pub(super) fn read(call: &Call<'_>, arguments: JsonObject) -> Result<Reply, String> {
    let Reading { uri } = read_arguments(arguments)?;
    let place = Place::parse(&uri)?;
    let view = call.view()?;
    let text = place.text(call, &view)?;
    let mut meta = json!({
        "path": text.path,
        "start_line": text.lines.0,
        "end_line": text.lines.1,
        "generation": view.generation().0,
    });
    if let Some(version) = version_of(&view, &text.path) {
        meta["unsaved_version"] = json!(version);
    }
    let content = json!({ "uri": uri, "mimeType": mime_of(&text.path), "text": text.text, "_meta": meta });
    answered(&json!({ "contents": [content] }))
}

/// The forms of addresses.
pub(crate) fn templates() -> ListResourceTemplatesResult {
    ListResourceTemplatesResult::with_all_items(vec![
        ResourceTemplate::new(FILE_TEMPLATE, "file")
            .with_title("File, or lines of it")
            .with_description("An indexed file, unsaved edits included; lines such as 3-9"),
        ResourceTemplate::new(SYMBOL_TEMPLATE, "symbol")
            .with_title("Symbol")
            .with_description("The lines of a function, type or other symbol; path says in which file"),
    ])
}

fn mime_of(path: &str) -> &'static str {
    let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
    if matches!(extension, "md" | "markdown" | "mdx") { "text/markdown" } else { "text/plain" }
}
