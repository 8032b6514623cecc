//! Code actions for findings: mend, go to the other place, ignore. Their kind is `quickfix`, as that of every answer to
//! a diagnostic; they are offered with the diagnostics alone.

use std::sync::Arc;

use conexus_check::{Baseline, Finding, FixPlan, ignore_comment, plan_fixes};
use conexus_core::Span;
use lsp_types::{CodeAction, CodeActionKind, CodeActionResponse, Command, Range, Uri, WorkspaceEdit};
use serde_json::{Value, json};

use super::version;
use crate::{
    actions::Subject,
    checks::{Found, baseline_uri, open_baseline},
    session::{CURRENT_WAIT, Session},
    to_lsp::View,
    workspaces::Root,
};

/// The command that goes to another place.
pub(crate) const OPEN_PLACE: &str = "conexus.openPlace";

/// Other places that are offered.
const MOST_PLACES: usize = 3;

/// The actions for the findings that a range touches.
pub(crate) fn offer(session: &Session, uri: &Uri, range: Range) -> Vec<CodeActionResponse> {
    let checked = session.checks.of_document(uri);
    // What is known of another version may lie elsewhere by now; the next check is on its way.
    if checked.version.is_none() || version(session, uri) != checked.version {
        return Vec::new();
    }
    let Some(place) = session.place_of(uri) else { return Vec::new() };
    let Ok(snapshot) = place.root.current(CURRENT_WAIT) else { return Vec::new() };
    let mut view = View::new(session, Arc::clone(&place.root), snapshot);
    let touched = checked.found.iter().filter(|found| {
        let own = found.diagnostic.range;
        (own.start.line, own.start.character) <= (range.end.line, range.end.character)
            && (range.start.line, range.start.character) <= (own.end.line, own.end.character)
    });
    touched
        .flat_map(|found| actions(session, &mut view, &place.root, found))
        .map(CodeActionResponse::CodeAction)
        .collect()
}

fn actions(session: &Session, view: &mut View, root: &Root, found: &Found) -> Vec<CodeAction> {
    let Found { finding, diagnostic } = found;
    let action = |title: String, edit: Option<WorkspaceEdit>, command: Option<Command>| CodeAction {
        title,
        kind: Some(CodeActionKind::QuickFix),
        diagnostics: Some(vec![diagnostic.clone()]),
        edit,
        command,
        ..CodeAction::default()
    };
    let mut actions = Vec::new();
    if let Some(edit) = mend(session, view, finding) {
        actions.push(CodeAction { is_preferred: Some(true), ..action(title_of_fix(finding), Some(edit), None) });
    }
    for related in finding.related.iter().take(MOST_PLACES) {
        let place = &related.place;
        let Some((range, _)) = view.ranges(&place.path, place.span, place.span, "") else { continue };
        let title = format!("Open {}:{}", place.path, range.start.line + 1);
        let subject = Subject { uri: view.uri(&place.path), position: range.start, version: None };
        let command = Command {
            title: title.clone(),
            tooltip: None,
            command: OPEN_PLACE.to_owned(),
            arguments: Some(serde_json::to_value(subject).into_iter().collect()),
        };
        actions.push(action(title, None, Some(command)));
    }
    if let Some(edit) = ignore_here(session, view, finding) {
        actions.push(action(format!("Ignore {} here", finding.code()), Some(edit), None));
    }
    if let Some(edit) = ignore_in_baseline(session, view, root, finding) {
        actions.push(action(format!("Ignore this {} in the baseline", finding.code()), Some(edit), None));
    }
    actions
}

/// What a fix does, as a menu says it.
fn title_of_fix(finding: &Finding) -> String {
    match finding.fix.as_deref() {
        Some([edit]) if !edit.replacement.is_empty() && !edit.replacement.contains('\n') => {
            format!("Write `{}`", edit.replacement)
        }
        _ => finding.help.as_deref().map_or_else(|| format!("Mend {}", finding.code()), capitalised),
    }
}

/// The edits of a finding, when the texts hold what they replace.
fn mend(session: &Session, view: &mut View, finding: &Finding) -> Option<WorkspaceEdit> {
    let snapshot = view.snapshot.clone();
    let text_of = |path: &str| {
        let current = snapshot.text(path).map_err(|error| error.to_string())?;
        if current.as_indexed { Ok(current.text) } else { Err("it changed".to_owned()) }
    };
    let FixPlan { files, mended, .. } = plan_fixes(std::slice::from_ref(finding), text_of);
    if mended.is_empty() {
        return None;
    }
    let mut changes = Vec::new();
    for (path, plan) in &files {
        let mut edits = Vec::new();
        for edit in plan.edits() {
            let (range, _) = view.ranges(path, edit.span, edit.span, "")?;
            edits.push(json!({ "range": range, "newText": edit.replacement }));
        }
        changes.push((view.uri(path), edits));
    }
    workspace_edit(session, None, changes)
}

/// A comment above the finding, as its language writes one.
fn ignore_here(session: &Session, view: &mut View, finding: &Finding) -> Option<WorkspaceEdit> {
    let path = &finding.place.path;
    let language = view.snapshot.file(path).ok()?.language();
    let text = view.snapshot.text(path).ok().filter(|current| current.as_indexed)?.text;
    let comment = ignore_comment(language, &finding.code())?;
    let at = finding.place.span.start as usize;
    let start = text[..at].rfind('\n').map_or(0, |line| line + 1);
    let indent: String = text[start..].chars().take_while(|letter| matches!(letter, ' ' | '\t')).collect();
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let line = Span::new(start, start);
    let (range, _) = view.ranges(path, line, line, "")?;
    let edit = json!({ "range": range, "newText": format!("{indent}{comment}{end}") });
    workspace_edit(session, None, vec![(view.uri(path), vec![edit])])
}

/// The baseline with the finding. The editor writes it, so that it can be undone.
fn ignore_in_baseline(session: &Session, view: &View, root: &Root, finding: &Finding) -> Option<WorkspaceEdit> {
    let settings = (session.checks.of)(view.snapshot.root()).ok()?;
    let uri = baseline_uri(root, &view.snapshot, &settings.baseline)?;
    let name = settings.baseline.display().to_string();
    let open = open_baseline(session, Some(&uri));
    let (old, create) = match open.map_or_else(|| std::fs::read_to_string(&settings.baseline), Ok) {
        Ok(text) => (text, None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && session.offers.creates_files => {
            (String::new(), Some(uri.clone()))
        }
        Err(_) => return None,
    };
    // A broken one is the user's to mend.
    let baseline = if old.is_empty() { Baseline::default() } else { Baseline::parse(&name, &old).ok()? };
    let lines = old.split('\n').count();
    let range = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": lines, "character": 0 } });
    let edit = json!({ "range": range, "newText": baseline.with(finding).render() });
    workspace_edit(session, create, vec![(uri, vec![edit])])
}

/// Edits in the form that the client understands.
fn workspace_edit(session: &Session, create: Option<Uri>, changes: Vec<(Uri, Vec<Value>)>) -> Option<WorkspaceEdit> {
    let value = if session.offers.document_changes {
        let created = create.map(|uri| json!({ "kind": "create", "uri": uri, "options": { "ignoreIfExists": true } }));
        let edits = changes.into_iter().map(|(uri, edits)| {
            let version = version(session, &uri);
            json!({ "textDocument": { "uri": uri, "version": version }, "edits": edits })
        });
        json!({ "documentChanges": created.into_iter().chain(edits).collect::<Vec<_>>() })
    } else {
        let changes: serde_json::Map<_, _> =
            changes.into_iter().map(|(uri, edits)| (uri.to_string(), Value::from(edits))).collect();
        json!({ "changes": changes })
    };
    serde_json::from_value(value).ok()
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
