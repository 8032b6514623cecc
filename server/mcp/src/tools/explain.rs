//! `context_explain`: what is known of a symbol, as facts.

use conexus_core::{LineIndex, Span};
use conexus_engine::{RelationKind, RelationKinds, Snapshot, SymbolHit, Target};
use rmcp::model::{JsonObject, Tool as Description};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Call, Freshness, Tool, read_arguments,
    related::{commits, item, names, say_each_once, say_more, say_unknown, target},
    schema::{self, Field, maybe, sure},
};
use crate::{
    FoundNotice, paths,
    reply::{Draft, Item, Reply, offset_of, version_of},
};

pub(super) const TOOL: Tool = Tool { name: "context_explain", describe, run };

/// Relations of each kind that are told.
const RELATIONS: usize = 8;
/// Commits that are told.
const COMMITS: usize = 3;
/// Longest documentation in bytes.
const DOC_BYTES: usize = 1_500;
/// Longest signature in bytes.
const SIGNATURE_BYTES: usize = 500;
/// What is told of both where the budget is small.
const SHORT_BYTES: usize = 120;
/// Other symbols of the same name that are told.
const OTHERS: usize = 5;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    symbol: Option<String>,
    file_path: Option<String>,
    line: Option<u32>,
    cursor: Option<String>,
    max_tokens: Option<usize>,
}

/// What is told beside the items.
const FACTS: &[Field] = &[
    maybe("path", "string"),
    maybe("name", "string"),
    maybe("container", "string"),
    maybe("kind", "string"),
    maybe("start_line", "integer"),
    maybe("end_line", "integer"),
    maybe("unsaved_version", "integer"),
];

/// What a fact tells.
const FACT: &[Field] = &[
    sure("relation"),
    maybe("path", "string"),
    maybe("line", "integer"),
    maybe("name", "string"),
    maybe("text", "string"),
    maybe("cut", "boolean"),
    maybe("commit", "string"),
    maybe("subject", "string"),
    maybe("author", "string"),
    maybe("time", "integer"),
    maybe("reason", "string"),
    maybe("confidence", "number"),
];

fn describe() -> Description {
    let input = [
        ("symbol", schema::text()),
        ("file_path", schema::text()),
        ("line", schema::number()),
        ("cursor", schema::text()),
        ("max_tokens", schema::number()),
    ];
    let description = "Facts of a symbol or place: signature, doc, users, uses, tests, history.";
    schema::reader(TOOL.name, description, schema::object(&input, &[]), schema::answer(FACTS, Some(("facts", FACT))))
}

fn run(call: &Call<'_>, mut arguments: JsonObject) -> Result<Reply, String> {
    let freshness = Freshness::take(&mut arguments)?;
    let arguments: Arguments = read_arguments(arguments)?;
    let view = call.view_from(&freshness)?;
    let target = target(call, &view, arguments.symbol.as_deref(), arguments.file_path.as_deref(), arguments.line)?;
    let kinds = RelationKinds::of(&[RelationKind::Caller, RelationKind::Callee, RelationKind::Test]);
    let mut related = view.related(&target, kinds, RELATIONS, call.cancel).map_err(|error| error.to_string())?;
    let mut draft = Draft::new(call, &view, Some("facts"), arguments.max_tokens);
    say_unknown(&related, &target, &mut draft);
    say_each_once(&mut related.relations);
    related.notices.iter().map(FoundNotice::of).for_each(|notice| draft.note(notice));
    let path = match (&related.target, &target) {
        (Some(hit), _) => {
            define(call, &view, hit, &mut draft);
            hit.path.to_string()
        }
        (None, Target::File(path) | Target::At { path, .. }) => {
            draft.facts.insert("path".to_owned(), json!(path));
            draft.head = format!("{path}\n");
            path.clone()
        }
        (None, Target::Symbol(_)) => return Ok(draft.finish()),
    };
    if let Some(version) = version_of(&view, &path) {
        draft.facts.insert("unsaved_version".to_owned(), json!(version));
    }
    draft.items.extend(related.relations.iter().map(item));
    let mut more = names(related.more);
    if let Some(history) = call.history(&mut draft) {
        draft.items.extend(commits(&history, &path, COMMITS, &mut more));
    }
    if related.candidates.len() > OTHERS {
        more.push("same_name");
    }
    say_more(&more, "context_get_related_info has more, context_search finds symbols of a name", &mut draft);
    draft.items.extend(related.candidates.iter().take(OTHERS).map(|other| {
        let line = other.lines.0 + 1;
        let json = json!({ "relation": "same_name", "path": other.path, "line": line, "name": other.name });
        Item::new(json, format!("same_name {}:{line} {}", other.path, other.name))
    }));
    draft.pass_over(offset_of(arguments.cursor.as_deref())?);
    Ok(draft.finish())
}

/// What the symbol is and what its text says of it.
fn define(call: &Call<'_>, view: &Snapshot, hit: &SymbolHit, draft: &mut Draft) {
    let kind = hit.kind.map_or("code", |kind| kind.name());
    let line = hit.lines.0 + 1;
    let name = draft.short_name(&hit.name);
    for (name, value) in [
        ("path", json!(hit.path)),
        ("name", json!(name)),
        ("kind", json!(kind)),
        ("start_line", json!(line)),
        ("end_line", json!(hit.lines.1 + 1)),
    ] {
        draft.facts.insert(name.to_owned(), value);
    }
    // Of a symbol in none other it is the file.
    if hit.container != hit.path {
        draft.facts.insert("container".to_owned(), json!(draft.short_name(&hit.container)));
    }
    draft.head = format!("{kind} {name} {}:{line}-{}\n", hit.path, hit.lines.1 + 1);
    let Some(text) = paths::text(view, call.root(), &hit.path).ok().filter(|text| text.as_indexed) else {
        draft.say("changed_since_indexed", "the file has changed since it was indexed");
        return;
    };
    let Some(symbol) = view.index().file(&hit.path).and_then(|file| {
        file.symbols().find(|symbol| symbol.name_span() == hit.name_span && symbol.span() == hit.span)
    }) else {
        return;
    };
    let lines = LineIndex::new(&text.text);
    let mut tell = |what: &str, span: Span, most: usize| {
        let told = span.slice(&text.text).trim();
        if told.is_empty() {
            return;
        }
        let item = |most: usize| {
            let shown = &told[..told.floor_char_boundary(most)];
            let mut json = json!({ "relation": what, "line": lines.line_of(span.start) + 1, "text": shown });
            let is_cut = shown.len() < told.len();
            if is_cut {
                json["cut"] = Value::Bool(true);
            }
            Item::new(json, format!("{what}: {shown}{}", if is_cut { "…" } else { "" }))
        };
        draft.items.push(item(most).or_shorter(item(SHORT_BYTES)));
    };
    tell("signature", symbol.signature(), SIGNATURE_BYTES);
    if let Some(doc) = symbol.doc() {
        tell("doc", doc, DOC_BYTES);
    }
}
