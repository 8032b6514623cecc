//! The page about the extensions and the code in step: the types of the page are made from the source of the module.

use std::{collections::BTreeSet, fmt::Write, path::PathBuf};

use conexus_engine::{Progress, live::Activity};

use super::*;

const SOURCE: &str = include_str!("extensions.rs");
const PAGE: &str = include_str!("../../../docs/lsp-extensions.md");

/// TypeScript of every type, in the order of the source.
fn interfaces() -> Vec<String> {
    let mut interfaces: Vec<String> = Vec::new();
    let mut docs = Vec::new();
    let mut is_inside = false;
    for line in SOURCE.lines().skip_while(|line| *line != "wire! {").skip(1) {
        let text = line.trim();
        if line == "}" {
            break;
        } else if let Some(doc) = text.strip_prefix("/// ") {
            docs.push(doc.to_owned());
        } else if let Some(name) = text.strip_suffix(" {").or_else(|| text.strip_suffix(" {}")) {
            docs.clear();
            interfaces.push(format!("interface {name} {{\n"));
            is_inside = true;
            if text.ends_with("{}") {
                interfaces.last_mut().expect("just pushed").push('}');
                is_inside = false;
            }
        } else if text == "}" {
            interfaces.last_mut().expect("a type is open").push('}');
            is_inside = false;
        } else if is_inside && let Some((name, rust)) = text.trim_end_matches(',').split_once(": ") {
            let (mark, rust) = rust.strip_prefix("Option<").map_or(("", rust), |rest| ("?", &rest[..rest.len() - 1]));
            let interface = interfaces.last_mut().expect("a type is open");
            let (name, typed) = (camel(name), typescript(rust));
            writeln!(interface, "  /** {} */\n  {name}{mark}: {typed};", docs.join(" ")).expect("a string takes it");
            docs.clear();
        }
    }
    interfaces
}

fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| name + &part[..1].to_uppercase() + &part[1..])
}

fn typescript(rust: &str) -> String {
    if let Some(item) = rust.strip_prefix("Vec<") {
        return typescript(&item[..item.len() - 1]) + "[]";
    }
    match rust {
        "String" => "string",
        "bool" => "boolean",
        "u32" => "uinteger",
        "i32" => "integer",
        "u64" | "f32" => "number",
        "Uri" => "DocumentUri",
        other => other,
    }
    .to_owned()
}

#[test]
fn the_page_describes_every_type_and_method() {
    let interfaces = interfaces();
    assert_eq!(interfaces.len(), 26, "types of the module");
    for interface in &interfaces {
        assert!(PAGE.contains(interface.as_str()), "docs/lsp-extensions.md must hold:\n{interface}");
    }
    assert_eq!(PAGE.matches("\ninterface ").count(), interfaces.len(), "and no type that is gone");
    let methods = [SEARCH, SIMILAR, RELATED, CONTEXT, OUTLINE, STATUS, REINDEX, MCP, STATUS_CHANGED];
    for method in methods {
        assert!(PAGE.contains(&format!("\n## `{method}`\n")), "{method}");
    }
    assert_eq!(PAGE.matches("\n## `conexus/").count(), methods.len());
}

#[test]
fn the_page_names_every_command_kind_and_setting() {
    for action in crate::actions::Action::ALL {
        assert!(PAGE.contains(&format!("| `{}` | `{}` |", action.kind(), action.command())), "{action:?}");
    }
    for setting in ["symbols", "symbolLimit", "contextTokens", "codeActions"] {
        assert!(PAGE.contains(&format!("| `{setting}` |")), "{setting}");
    }
}

/// What stands between backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// What follows a mark in the sources of this crate, up to the next quotation mark.
fn written_after(marks: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if !entry.to_string_lossy().ends_with("_tests.rs") {
                let text = std::fs::read_to_string(&entry).expect("a source");
                // However its lines are broken.
                let text = text.split("(\n").map(str::trim_start).collect::<Vec<_>>().join("(");
                let rests = marks.iter().flat_map(|mark| text.split(mark).skip(1));
                found.extend(rests.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }
    found
}

#[test]
fn the_page_names_every_kind_of_notice() {
    let list = PAGE.split_once("The kinds of notices are").and_then(|(_, rest)| rest.split_once(';'));
    let (list, _) = list.expect("a list of kinds");
    let made = written_after(&["notice(\"", "plain(\"", "    kind: \""]);
    assert!(made.len() >= 16 && made.contains("unavailable"), "{made:?}");
    assert_eq!(quoted(list), made);
}

#[test]
fn the_page_names_every_activity() {
    let (done, total) = (0, 0);
    let known = [
        Activity::Opening,
        Activity::Running(Progress::Walking),
        Activity::Running(Progress::Indexing { done, total }),
        Activity::Running(Progress::Embedding { done, total }),
        Activity::Running(Progress::Finishing),
        Activity::Running(Progress::Linking { done, total }),
        Activity::Idle,
        Activity::Stopped,
        Activity::Failed,
        Activity::Detached,
    ];
    for activity in known {
        // One that is new does not compile here and is to be added above.
        match activity {
            Activity::Opening
            | Activity::Running(
                Progress::Walking
                | Progress::Indexing { .. }
                | Progress::Embedding { .. }
                | Progress::Finishing
                | Progress::Linking { .. },
            )
            | Activity::Idle
            | Activity::Stopped
            | Activity::Failed
            | Activity::Detached => {}
        }
    }
    let (before, _) = PAGE.split_once("  activity: string;").expect("the field");
    let (_, list) = before.rsplit_once("/** ").expect("its comment");
    assert_eq!(quoted(list), known.map(|activity| activity.name().to_owned()).into());
}

#[test]
fn fields_are_written_as_the_page_says() {
    let sent = serde_json::json!({ "query": "q", "activeDocument": "file:///a.rs" });
    let params: SearchParams = serde_json::from_value(sent.clone()).expect("parameters");
    assert_eq!(serde_json::to_value(params).expect("JSON"), sent, "what is missing is not written");
}
