//! Settings that the client sends: in `initializationOptions`, by `workspace/didChangeConfiguration`, or asked for.
//!
//! These say how this session answers. What it indexes and looks for has the names of `conexus.toml`, and whoever reads
//! that file takes it.

use std::sync::Arc;

use serde_json::{Map, Value};

/// Takes settings of other names than those here, in place of what it took before; returns what is wrong with them.
pub type TakeFileSettings = Arc<dyn Fn(&Map<String, Value>) -> Vec<String> + Send + Sync>;

/// What a user reads of a setting that cannot be used.
pub fn setting_problem(key: &str, value: &Value, problem: &str) -> String {
    format!("the setting {SECTION}.{key} is {value}: {problem}")
}

/// Name of the section in a client's configuration.
pub(crate) const SECTION: &str = "conexus";

/// Which symbols `workspace/symbol` answers with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Symbols {
    /// A name when the text looks like one, meaning when it is a phrase.
    #[default]
    Auto,
    /// Meaning alone: another language server answers names.
    Meaning,
    /// Names first, then meaning.
    All,
    /// None.
    Off,
}

/// Which files the findings are shown of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DiagnosticMode {
    /// Those that are open: whoever begins is not shown hundreds of findings in what others wrote.
    #[default]
    OpenFilesOnly,
    /// All of each folder.
    Workspace,
}

/// Settings of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Which symbols are found.
    pub(crate) symbols: Symbols,
    /// Most symbols in one answer.
    pub(crate) symbol_limit: usize,
    /// Tokens of a context pack.
    pub(crate) context_tokens: usize,
    /// Whether code actions are offered.
    pub(crate) code_actions: bool,
    /// Whether the findings of `conexus check` are told.
    pub(crate) diagnostics: bool,
    /// Of which files.
    pub(crate) diagnostic_mode: DiagnosticMode,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            symbols: Symbols::Auto,
            symbol_limit: 100,
            context_tokens: 4000,
            code_actions: true,
            diagnostics: false,
            diagnostic_mode: DiagnosticMode::OpenFilesOnly,
        }
    }
}

/// Tokens that a context pack may have.
pub(crate) const CONTEXT_TOKENS: std::ops::RangeInclusive<u64> = 200..=100_000;
const SYMBOL_LIMIT: std::ops::RangeInclusive<u64> = 1..=1000;

impl Settings {
    /// Takes over what a client sent, with the section's name around it or without. What it does not name has its
    /// default; of what cannot be used the last good value stays, and a sentence for the user is returned. What has no
    /// name here is returned for [`TakeFileSettings`]; nothing when the settings as a whole cannot be used.
    pub(crate) fn updated(&self, sent: &Value) -> (Self, Option<Map<String, Value>>, Vec<String>) {
        let (mut problems, mut others) = (Vec::new(), Map::new());
        let section = sent.get(SECTION).unwrap_or(sent);
        let Some(values) = as_object(section, &mut problems) else { return (self.clone(), None, problems) };
        let mut updated = Self::default();
        for (key, value) in &values {
            let problem = match key.as_str() {
                "symbols" => {
                    updated.symbols = choice(value).unwrap_or(self.symbols);
                    choice(value).is_none().then(|| "it may be \"auto\", \"meaning\", \"all\" or \"off\"".to_owned())
                }
                "symbolLimit" => number(value, &SYMBOL_LIMIT, &mut updated.symbol_limit, self.symbol_limit),
                "contextTokens" => number(value, &CONTEXT_TOKENS, &mut updated.context_tokens, self.context_tokens),
                "codeActions" => switch(value, &mut updated.code_actions, self.code_actions),
                "diagnostics" => switch(value, &mut updated.diagnostics, self.diagnostics),
                "diagnosticMode" => {
                    updated.diagnostic_mode = mode(value).unwrap_or(self.diagnostic_mode);
                    mode(value).is_none().then(|| "it may be \"openFilesOnly\" or \"workspace\"".to_owned())
                }
                _ => {
                    others.insert(key.clone(), value.clone());
                    None
                }
            };
            if let Some(problem) = problem {
                problems.push(setting_problem(key, value, &problem));
            }
        }
        (updated, Some(others), problems)
    }
}

fn as_object(section: &Value, problems: &mut Vec<String>) -> Option<Map<String, Value>> {
    match section {
        Value::Object(values) => Some(values.clone()),
        Value::Null => Some(Map::new()),
        // How Lua writes an empty table.
        Value::Array(values) if values.is_empty() => Some(Map::new()),
        other => {
            problems.push(format!("the settings of {SECTION} are {other}, they must be an object"));
            None
        }
    }
}

fn choice(value: &Value) -> Option<Symbols> {
    Some(match value.as_str()? {
        "auto" => Symbols::Auto,
        "meaning" => Symbols::Meaning,
        "all" => Symbols::All,
        "off" => Symbols::Off,
        _ => return None,
    })
}

fn mode(value: &Value) -> Option<DiagnosticMode> {
    Some(match value.as_str()? {
        "openFilesOnly" => DiagnosticMode::OpenFilesOnly,
        "workspace" => DiagnosticMode::Workspace,
        _ => return None,
    })
}

fn switch(value: &Value, into: &mut bool, last_good: bool) -> Option<String> {
    *into = value.as_bool().unwrap_or(last_good);
    (!value.is_boolean()).then(|| "it may be true or false".to_owned())
}

fn number(
    value: &Value,
    allowed: &std::ops::RangeInclusive<u64>,
    into: &mut usize,
    last_good: usize,
) -> Option<String> {
    if let Some(number) = value.as_u64().filter(|number| allowed.contains(number)) {
        *into = number as usize;
        None
    } else {
        *into = last_good;
        Some(format!("it may be {} to {}", allowed.start(), allowed.end()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_come_with_and_without_their_section() {
        let expected = Settings { symbols: Symbols::Meaning, symbol_limit: 7, ..Settings::default() };
        for sent in [
            json!({ "symbols": "meaning", "symbolLimit": 7 }),
            json!({ "conexus": { "symbols": "meaning", "symbolLimit": 7 }, "rust-analyzer": {} }),
        ] {
            assert_eq!(Settings::default().updated(&sent), (expected.clone(), Some(Map::new()), vec![]), "{sent}");
        }
        for nothing in [json!(null), json!({}), json!([]), json!({ "conexus": null })] {
            assert_eq!(expected.updated(&nothing), (Settings::default(), Some(Map::new()), vec![]), "{nothing}");
        }
        let (updated, others, problems) = expected.updated(&json!({ "index": { "threads": 1 }, "limit": 1 }));
        let others = others.map(Value::Object);
        assert_eq!((updated, problems), (Settings::default(), vec![]));
        assert_eq!(others, Some(json!({ "index": { "threads": 1 }, "limit": 1 })), "for those who know more");
    }

    #[test]
    fn a_bad_value_is_named_and_the_last_good_one_stays() {
        let good = Settings {
            symbols: Symbols::All,
            symbol_limit: 7,
            context_tokens: 300,
            code_actions: false,
            diagnostics: true,
            diagnostic_mode: DiagnosticMode::Workspace,
        };
        for (sent, key) in [
            (json!({ "symbols": "some" }), "conexus.symbols"),
            (json!({ "symbols": 1 }), "conexus.symbols"),
            (json!({ "symbolLimit": 0 }), "conexus.symbolLimit"),
            (json!({ "symbolLimit": "7" }), "conexus.symbolLimit"),
            (json!({ "contextTokens": 1e9 }), "conexus.contextTokens"),
            (json!({ "codeActions": "yes" }), "conexus.codeActions"),
            (json!({ "diagnostics": 1 }), "conexus.diagnostics"),
            (json!({ "diagnosticMode": "all" }), "conexus.diagnosticMode"),
        ] {
            let (updated, _, problems) = good.updated(&sent);
            assert!(problems.len() == 1 && problems[0].contains(key), "{sent}: {problems:?}");
            let name = sent.as_object().and_then(|values| values.keys().next()).cloned().unwrap_or_default();
            match name.as_str() {
                "symbols" => assert_eq!(updated.symbols, good.symbols),
                "symbolLimit" => assert_eq!(updated.symbol_limit, good.symbol_limit),
                "contextTokens" => assert_eq!(updated.context_tokens, good.context_tokens),
                "codeActions" => assert_eq!(updated.code_actions, good.code_actions),
                "diagnostics" => assert_eq!(updated.diagnostics, good.diagnostics),
                "diagnosticMode" => assert_eq!(updated.diagnostic_mode, good.diagnostic_mode),
                _ => {}
            }
        }
        let (updated, others, problems) = good.updated(&json!("all"));
        assert_eq!((updated, others, problems.len()), (good, None, 1));
    }
}
