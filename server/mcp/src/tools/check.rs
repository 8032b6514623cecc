//! `context_check`: the findings of `conexus check` below some paths, in a change, or in what is not saved yet.

use std::{
    collections::HashMap,
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{RecvTimeoutError, channel},
    },
    time::{Duration, Instant},
};

use conexus_check::{Baseline, Edit, Error, Finding, HISTORY, Options, Progress, Report, Rule, Selection, Step};
use conexus_core::{LineIndex, Notice};
use conexus_engine::Snapshot;
use rmcp::model::{JsonObject, Tool as Description};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Call, Freshness, Tool, limit_of, read_arguments,
    schema::{self, Field, maybe, sure},
};
use crate::{
    paths,
    reply::{Draft, Item, Reply, offset_of, version_of},
    unsaved::unsaved,
};

pub(super) const TOOL: Tool = Tool { name: "context_check", describe, run };

/// Findings when the caller names no limit, and at most.
const LIMITS: (usize, usize) = (20, 500);
/// Longest time; what was found until then is answered. An answer over HTTP has a minute.
const TIME: Duration = Duration::from_secs(45);
/// How soon it is noticed that nobody waits any more.
const LOOK: Duration = Duration::from_millis(20);
/// Longest text of a fix in bytes; a longer one is left to `conexus check --fix`.
const FIX_BYTES: usize = 400;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Arguments {
    #[serde(default)]
    paths: Vec<String>,
    changed_since: Option<String>,
    #[serde(default)]
    rules: Vec<String>,
    limit: Option<usize>,
    cursor: Option<String>,
    max_tokens: Option<usize>,
}

/// What is told beside the items.
const FACTS: &[Field] = &[maybe("checked_files", "integer"), maybe("total", "integer"), maybe("suppressed", "integer")];

/// What is told of a finding.
const FINDING: &[Field] = &[
    sure("rule"),
    sure("severity"),
    sure("path"),
    sure("line"),
    sure("end_line"),
    sure("message"),
    maybe("help", "string"),
    maybe("confidence", "number"),
    maybe("others", "array"),
    maybe("fix", "array"),
    maybe("unsaved_version", "integer"),
];

fn describe() -> Description {
    let input = [
        ("paths", schema::texts()),
        ("changed_since", schema::text()),
        ("rules", schema::texts()),
        ("limit", schema::number()),
        ("cursor", schema::text()),
        ("max_tokens", schema::number()),
    ];
    let description = "Duplicate code, stale docs, unused symbols: in paths, changes since a git revision, else \
                       unsaved edits.";
    schema::reader(
        TOOL.name,
        description,
        schema::object(&input, &[]),
        schema::answer(FACTS, Some(("findings", FINDING))),
    )
}

fn run(call: &Call<'_>, mut arguments: JsonObject) -> Result<Reply, String> {
    let freshness = Freshness::take(&mut arguments)?;
    let arguments: Arguments = read_arguments(arguments)?;
    let offset = offset_of(arguments.cursor.as_deref())?;
    let limit = limit_of(arguments.limit, LIMITS.0, LIMITS.1);
    let view = complete(call, &freshness)?;
    let mut draft = Draft::new(call, &view, Some("findings"), arguments.max_tokens);
    let is_about_unsaved = arguments.paths.is_empty() && arguments.changed_since.is_none();
    let mut changed = HashMap::new();
    let mut wanted = Vec::new();
    for given in &arguments.paths {
        wanted.push(below(call, &view, given)?);
    }
    if is_about_unsaved {
        let documents = unsaved(call, &view).into_iter().filter(|document| view.file(&document.path).is_ok());
        changed = documents.map(|document| (document.path.clone(), document.changed_lines())).collect();
        wanted.extend(changed.keys().cloned());
        if wanted.is_empty() {
            draft.say("nothing_unsaved", "no open document has unsaved edits; name paths or changed_since");
            return Ok(draft.finish());
        }
    }
    let settings = (call.checks_of)(view.root())?;
    let options = settings.options;
    let selection = selection(&arguments.rules, options.selection)?;
    let open = open_text(&view, &settings.baseline);
    let baseline = Baseline::load(&settings.baseline, open.as_deref()).map_err(|error| error.to_string())?;
    // One thread: the others belong to whoever types.
    let options = Options {
        selection,
        baseline,
        paths: wanted,
        changed_since: arguments.changed_since,
        report_unused: false,
        threads: 1,
        ..options
    };
    let is_named = !arguments.rules.is_empty();
    let progress = Progress::default();
    let mut report = in_time(call, &mut draft, &progress, |cancel| {
        conexus_check::check_observed(&view, &options, cancel, &progress)
    })?;
    if is_about_unsaved {
        report.findings.retain(|finding| touches(finding, &changed));
    }
    tell(&report, is_named, &options, &view, &mut draft);
    draft.offset = offset;
    draft.more = report.findings.len() > offset + limit;
    let shown = report.findings.iter().skip(offset).take(limit);
    draft.items = shown.map(|finding| item(&view, finding)).collect();
    Ok(draft.finish())
}

/// The state in which every file is indexed: half of an index makes findings that are none.
fn complete(call: &Call<'_>, freshness: &Freshness) -> Result<Snapshot, String> {
    let deadline = freshness.deadline();
    let mut revision = 0;
    loop {
        let view = call.view_from(freshness)?;
        let building = view.notices().iter().find_map(|notice| match notice {
            Notice::Indexing { done, total } => Some(format!("{done} of {total} files")),
            _ => None,
        });
        let Some(building) = building else { return Ok(view) };
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || call.is_cancelled() {
            return Err(format!("still indexing, {building}: ask again, or with wait_ms"));
        }
        revision = call.live.wait_for_change(revision, left, call.cancel);
    }
}

/// The text of a file in the editor, when it is open there.
fn open_text(view: &Snapshot, file: &Path) -> Option<Arc<str>> {
    let path = file.strip_prefix(view.root()).ok()?.to_str()?.replace('\\', "/");
    view.buffers().find(|buffer| *buffer.path == *path)?;
    view.text(&path).ok().map(|current| current.text)
}

/// A file or folder of the index; `.` is all of it.
fn below(call: &Call<'_>, view: &Snapshot, given: &str) -> Result<String, String> {
    if matches!(given, "." | "./") {
        return Ok(String::new());
    }
    let path = paths::relative(call.root(), given)?;
    let is_folder = view.index().files_below(&format!("{path}/")).next().is_some();
    if is_folder { Ok(path) } else { paths::indexed(view, call.root(), given) }
}

fn selection(names: &[String], settings: Selection) -> Result<Selection, String> {
    if names.is_empty() {
        return Ok(settings);
    }
    let known = |name: &String| {
        Rule::from_code(name).ok_or_else(|| {
            let rules: Vec<_> = Rule::ALL.iter().map(|rule| rule.code()).collect();
            format!("there is no rule {name:?}, it is one of {}", rules.join(", "))
        })
    };
    Ok(Selection::of(names.iter().map(known).collect::<Result<Vec<_>, _>>()?))
}

/// Steps of a check in a row: what is told may only grow.
#[derive(Default)]
struct Steps {
    /// Items of the steps before.
    before: u64,
    last: Option<Step>,
}

impl Steps {
    fn tell(&mut self, progress: &Progress, call: &Call<'_>) {
        let Some(step) = progress.now() else { return };
        if let Some(last) = self.last.filter(|last| (last.rule, last.what) != (step.rule, step.what)) {
            self.before += last.total;
        }
        self.last = Some(step);
        call.told.tell(self.before + step.done, self.before + step.total);
    }
}

/// Runs a check that ends when nobody waits for it, or when its time is over; then the answer says so.
fn in_time(
    call: &Call<'_>,
    draft: &mut Draft,
    progress: &Progress,
    check: impl FnOnce(&AtomicBool) -> conexus_check::Result<Report>,
) -> Result<Report, String> {
    let cancel = AtomicBool::new(false);
    let deadline = Instant::now() + TIME;
    let report = std::thread::scope(|scope| {
        let (done, is_done) = channel::<()>();
        let cancel = &cancel;
        scope.spawn(move || {
            let mut told = Steps::default();
            while is_done.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                told.tell(progress, call);
                if call.is_cancelled() || Instant::now() >= deadline {
                    cancel.store(true, Ordering::Relaxed);
                    return;
                }
            }
        });
        let report = check(cancel);
        drop(done);
        report
    });
    match report {
        Ok(report) => {
            if report.cancelled {
                draft.limited = true;
                draft.say("time_limit", "not everything was looked at in the time; name fewer paths or rules");
            }
            Ok(report)
        }
        // Nothing differs: that is an answer, and no mistake of who asks.
        Err(error @ Error::NothingDiffers(_)) => {
            draft.say("no_match", error.to_string());
            Ok(Report::default())
        }
        Err(Error::NoChange) => Err("these rules look at a change: name the git revision in changed_since".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether a finding is about lines that are not saved: its own, or another place of it.
fn touches(finding: &Finding, changed: &HashMap<String, Vec<Range<u32>>>) -> bool {
    let places = std::iter::once(&finding.place).chain(finding.related.iter().map(|related| &related.place));
    places.into_iter().any(|place| {
        let lines = changed.get(&*place.path).into_iter().flatten();
        lines.into_iter().any(|lines| lines.start <= place.end.line && place.start.line < lines.end)
    })
}

/// What was looked at, and what was not.
fn tell(report: &Report, is_named: bool, options: &Options, view: &Snapshot, draft: &mut Draft) {
    let rules: Vec<&str> = report.checked.rules.iter().map(|rule| rule.code()).collect();
    draft.facts.insert("checked_files".to_owned(), json!(report.checked.files));
    draft.facts.insert("total".to_owned(), json!(report.findings.len()));
    draft.facts.insert("suppressed".to_owned(), json!(report.suppressed.len()));
    let plural = |count: u64| if count == 1 { "" } else { "s" };
    let (findings, files) = (report.findings.len() as u64, report.checked.files);
    draft.head = format!("{findings} finding{} in {files} file{}\n", plural(findings), plural(files));
    // What needs a change is left out of each other check; only who asked for it wants to know.
    for left_out in report.left_out.iter().filter(|left_out| is_named || Rule::from_code(&left_out.what).is_none()) {
        let why = if Rule::from_code(&left_out.what).is_some_and(Rule::needs_change) {
            "it looks at a change: name the git revision in changed_since"
        } else {
            &left_out.why
        };
        let kind = if left_out.what == HISTORY { "history_off" } else { "left_out" };
        draft.say(kind, format!("{}: {why}", left_out.what));
    }
    if options.changed_since.is_some() && view.buffers().next().is_some() {
        draft.say("saved_changes", "the change is the one on disk; unsaved edits may shift its lines");
    }
    if report.findings.is_empty() {
        draft.say("no_match", format!("nothing found by {}", rules.join(", ")));
    }
}

fn item(view: &Snapshot, finding: &Finding) -> Item {
    let (code, path, message) = (finding.code(), &finding.place.path, &finding.message);
    let (line, end_line) = (finding.place.start.line + 1, finding.place.end.line + 1);
    let mut json = json!({
        "rule": code,
        "severity": finding.severity.name(),
        "path": path,
        "line": line,
        "end_line": end_line,
        "message": message,
    });
    if let Some(version) = version_of(view, path) {
        json["unsaved_version"] = json!(version);
    }
    let short_text = format!("{path}:{line} {code}: {message}");
    let short = Item::new(json.clone(), short_text.clone());
    let mut text = short_text;
    json["confidence"] = json!((f64::from(finding.confidence) * 100.0).round() / 100.0);
    if let Some(help) = &finding.help {
        json["help"] = json!(help);
        text = format!("{text}\n  help: {help}");
    }
    if !finding.related.is_empty() {
        let others = finding.related.iter().map(|other| {
            let line = other.place.start.line + 1;
            text = format!("{text}\n  {}:{line} {}", other.place.path, other.label);
            json!({ "path": other.place.path, "line": line, "label": other.label })
        });
        json["others"] = others.collect();
    }
    if let Some(fix) = finding.fix.as_deref().and_then(|edits| fix(view, edits)) {
        json["fix"] = fix;
        text.push_str("\n  a fix is known");
    }
    Item::new(json, text).or_shorter(short)
}

/// The edits that mend a finding, when they are small.
fn fix(view: &Snapshot, edits: &[Edit]) -> Option<Value> {
    let size: usize = edits.iter().map(|edit| edit.expected.len() + edit.replacement.len()).sum();
    let edit = |edit: &Edit| {
        let text = view.text(&edit.path).ok()?.text;
        let line = LineIndex::new(&text).line_of(edit.span.start) + 1;
        Some(json!({ "path": edit.path, "line": line, "old": edit.expected, "new": edit.replacement }))
    };
    (size <= FIX_BYTES).then(|| edits.iter().map(edit).collect::<Option<Vec<_>>>()).flatten().map(Value::from)
}
