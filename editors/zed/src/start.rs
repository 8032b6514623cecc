//! Which program is started how, and what it is told. Nothing here asks Zed, so that it is tested without it.

use std::collections::HashMap;

use serde_json::{Value, json};

/// What the settings say of a program.
#[derive(Default)]
pub(crate) struct Wish {
    pub(crate) path: Option<String>,
    pub(crate) arguments: Option<Vec<String>>,
    pub(crate) env: Option<HashMap<String, String>>,
}

/// How a program is started.
#[derive(Debug, PartialEq)]
pub(crate) struct Start {
    pub(crate) program: String,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

impl Start {
    /// What the settings name goes before what was found on the path; nothing when there is neither.
    pub(crate) fn of(wish: Option<Wish>, found: Option<String>, subcommand: &str) -> Option<Self> {
        let Wish { path, arguments, env } = wish.unwrap_or_default();
        let mut environment: Vec<_> = env.unwrap_or_default().into_iter().collect();
        environment.sort();
        Some(Self {
            program: path.filter(|path| !path.trim().is_empty()).or(found)?,
            arguments: arguments.unwrap_or_else(|| vec![subcommand.to_owned()]),
            environment,
        })
    }
}

/// The user's settings of the language server. Names are left to the servers beside it: Zed lists the symbols of all.
pub(crate) fn settings(wish: Option<Value>) -> Value {
    let mut settings = json!({ "symbols": "meaning" });
    if let (Some(Value::Object(wish)), Some(own)) = (wish, settings.as_object_mut()) {
        own.extend(wish);
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(path: Option<&str>, arguments: Option<&[&str]>) -> Wish {
        let arguments = arguments.map(|arguments| arguments.iter().map(|&text| text.to_owned()).collect());
        let env = Some([("CONEXUS_LOG".to_owned(), "debug".to_owned())].into());
        Wish { path: path.map(str::to_owned), arguments, env }
    }

    #[test]
    fn the_program_of_the_settings_goes_before_the_one_on_the_path() {
        let found = || Some("/usr/bin/conexus".to_owned());
        let plain = Start::of(None, found(), "lsp").expect("it was found");
        assert_eq!((plain.program.as_str(), plain.arguments.as_slice()), ("/usr/bin/conexus", &["lsp".to_owned()][..]));
        let named = Start::of(Some(wish(Some("/opt/conexus"), None)), found(), "mcp").expect("it is named");
        assert_eq!((named.program.as_str(), named.arguments.as_slice()), ("/opt/conexus", &["mcp".to_owned()][..]));
        assert_eq!(named.environment, [("CONEXUS_LOG".to_owned(), "debug".to_owned())]);
        let own = Start::of(Some(wish(Some(" "), Some(&["--index-dir", "/index", "lsp"]))), found(), "lsp");
        let own = own.expect("it was found");
        assert_eq!((own.program.as_str(), own.arguments.len()), ("/usr/bin/conexus", 3));
        assert_eq!(Start::of(None, None, "lsp"), None);
    }

    #[test]
    fn the_users_settings_count() {
        assert_eq!(settings(None), json!({ "symbols": "meaning" }));
        let wish = json!({ "symbols": "all", "diagnostics": true });
        assert_eq!(settings(Some(wish.clone())), wish);
        assert_eq!(settings(Some(json!(3))), json!({ "symbols": "meaning" }));
    }

    #[test]
    fn both_servers_have_the_name_that_the_code_asks_settings_for() {
        let manifest = include_str!("../extension.toml");
        for section in ["[language_servers.conexus]", "[context_servers.conexus]"] {
            assert!(manifest.contains(section), "{section}");
        }
        let version = format!("version = \"{}\"", env!("CARGO_PKG_VERSION"));
        assert!(manifest.contains(&version), "{version}");
    }
}
