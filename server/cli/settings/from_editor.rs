//! What an editor sets of what is otherwise in files, under the same names: `index`, `embedding`, `check`, `log.level`.

use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anyhow::Result;
use conexus_engine::Settings;
use conexus_lsp::setting_problem;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    CheckSettings,
    file::{File, Source},
};
use crate::cli::log::{self, Level};

/// Tables whose keys are settings each. What is no such table is a setting as a whole.
const TABLES: [&str; 7] = ["index", "check", "check.duplicate_code", "check.unused_symbol", "log", "mcp", "editor"];
/// What may stand at the top.
const NAMES: [&str; 6] = ["index", "embedding", "check", "log", "mcp", "editor"];
/// How messages call the place of these settings.
const PLACE: &str = "the editor's settings";

/// What the editor of a session sets now. A clone is the same.
#[derive(Clone, Default)]
pub(crate) struct FromEditor {
    values: Arc<Mutex<Map<String, Value>>>,
    level: Level,
}

impl FromEditor {
    pub(crate) fn new(level: Level) -> Self {
        Self { level, ..Self::default() }
    }

    /// Takes over what the editor sent, in place of what it sent before. Of what cannot be used the last good value
    /// stays, and a sentence for the user is returned.
    pub(crate) fn take(&self, sent: &Map<String, Value>) -> Vec<String> {
        let mut problems = Vec::new();
        let mut taken = Map::new();
        let mut values = self.values();
        for (key, value) in leaves("", sent) {
            match judged(&key, value) {
                Ok(()) => put(&mut taken, &key, value.clone()),
                Err(problem) => {
                    problems.push(setting_problem(&key, value, &problem));
                    if let Some(good) = values.get_key(&key) {
                        put(&mut taken, &key, good.clone());
                    }
                }
            }
        }
        *values = taken;
        self.level.set(values.get_key("log.level").and_then(Value::as_str));
        problems
    }

    /// Lays them over settings.
    pub(super) fn apply(&self, settings: &mut Settings, options: &mut CheckSettings) -> Result<()> {
        let file = File::deserialize(Value::Object(self.values().clone()))?;
        apply(file, settings, options)
    }

    fn values(&self) -> MutexGuard<'_, Map<String, Value>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every setting with its whole name. One that is null is not set.
fn leaves<'a>(above: &str, table: &'a Map<String, Value>) -> Vec<(String, &'a Value)> {
    let named = table.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| match above {
        "" => (name.clone(), value),
        _ => (format!("{above}.{name}"), value),
    });
    named
        .flat_map(|(key, value)| match value {
            Value::Object(inner) if TABLES.contains(&&*key) => leaves(&key, inner),
            // How Lua writes an empty table.
            Value::Array(values) if values.is_empty() && TABLES.contains(&&*key) => Vec::new(),
            _ => vec![(key, value)],
        })
        .collect()
}

/// What is wrong with a setting.
fn judged(key: &str, value: &Value) -> Result<(), String> {
    let top = key.split('.').next().unwrap_or(key);
    if !NAMES.contains(&top) {
        return Err("there is no such setting".to_owned());
    }
    if TABLES.contains(&key) {
        return Err("it must be an object".to_owned());
    }
    let mut alone = Map::new();
    put(&mut alone, key, value.clone());
    let file = File::deserialize(Value::Object(alone)).map_err(|error| error.to_string())?;
    if let Some(level) = file.log.as_ref().and_then(|table| table.level.as_deref()) {
        log::filter(level).map_err(|error| format!("{error:#}"))?;
    }
    apply(file, &mut Settings::default(), &mut CheckSettings::default()).map_err(|error| format!("{error:#}"))
}

fn apply(file: File, settings: &mut Settings, options: &mut CheckSettings) -> Result<()> {
    // No text that a person wrote: the setting's name is its place.
    let applied = file.apply(Source::Editor, Path::new(""), settings, options);
    applied.map_err(|mistake| mistake.in_file(Path::new(PLACE), ""))
}

fn put(into: &mut Map<String, Value>, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            into.insert(key.to_owned(), value);
        }
        Some((table, rest)) => {
            let inner = into.entry(table).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

trait GetKey {
    /// A setting by its whole name.
    fn get_key(&self, key: &str) -> Option<&Value>;
}

impl GetKey for Map<String, Value> {
    fn get_key(&self, key: &str) -> Option<&Value> {
        match key.split_once('.') {
            None => self.get(key),
            Some((table, rest)) => self.get(table)?.as_object()?.get_key(rest),
        }
    }
}
