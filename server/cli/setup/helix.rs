//! Helix: the server is listed beside those that a language has already. A list in languages.toml replaces Helix's own,
//! so the servers of Helix's own list are written out with it.

use anyhow::{Context, Result, bail};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

use super::{Plan, Surroundings};
use crate::cli::edit_config::{Change, Edit, NAME, edit_toml, is_entry};

/// Languages by Helix's names, and the servers that Helix 25.01 or 25.07 starts for them by itself, in its order. A Helix
/// that does not know one of them starts the others.
pub(super) const LANGUAGES: &[(&str, &[&str])] = &[
    ("bash", &["bash-language-server"]),
    ("c", &["clangd"]),
    ("c-sharp", &["roslyn-language-server", "omnisharp", "csharp-ls"]),
    ("cpp", &["clangd"]),
    ("elixir", &["elixir-ls", "expert"]),
    ("go", &["gopls", "golangci-lint-lsp"]),
    ("haskell", &["haskell-language-server"]),
    ("java", &["jdtls"]),
    ("javascript", &["typescript-language-server"]),
    ("jsx", &["typescript-language-server"]),
    ("kotlin", &["kotlin-language-server"]),
    ("lua", &["lua-language-server"]),
    ("markdown", &["marksman", "markdown-oxide", "rumdl"]),
    ("php", &["intelephense"]),
    ("python", &["ty", "ruff", "jedi", "pylsp", "zuban"]),
    ("ruby", &["ruby-lsp", "solargraph"]),
    ("rust", &["rust-analyzer"]),
    ("scala", &["metals"]),
    ("swift", &["sourcekit-lsp"]),
    ("tsx", &["typescript-language-server"]),
    ("typescript", &["typescript-language-server"]),
    ("zig", &["zls"]),
];

/// Our entry without the program.
const ENTRY: &str = "entry = { args = ['lsp'], config = { symbols = 'meaning' } }";

pub(super) fn plan(user: &Surroundings, languages: &[String]) -> Result<Plan> {
    if let Some(unknown) = languages.iter().find(|wanted| !LANGUAGES.iter().any(|(name, _)| name == wanted)) {
        let names: Vec<_> = LANGUAGES.iter().map(|(name, _)| *name).collect();
        bail!("--lang {unknown}: Helix's language must be one of {}", names.join(", "));
    }
    let path = user.configuration().join("helix").join("languages.toml");
    let change = Change::plan(&path, |text| {
        let mut is_another = false;
        let edited = edit_toml(text, |document| {
            is_another = edit(document, &user.program, languages)?;
            Ok(())
        })?;
        Ok(Edit::kept(&edited, is_another.then_some(("its entry", user.program.as_str()))))
    })?;
    let next = "start Helix anew, open a file of a repository, press Space S and type a question; hx --health LANGUAGE \
                shows what is configured";
    Ok(Plan { changes: vec![change], next: next.to_owned() })
}

/// Adds what is missing. `true` when an entry of ours that its owner has changed starts another program: it stays.
fn edit(document: &mut DocumentMut, program: &str, languages: &[String]) -> Result<bool> {
    let servers = document.entry("language-server").or_insert_with(|| {
        let mut servers = Table::new();
        servers.set_implicit(true);
        Item::Table(servers)
    });
    let servers = servers.as_table_like_mut().context("its `language-server` is not a table")?;
    let mut is_another = false;
    if let Some(server) = servers.get_mut(NAME) {
        if server.get("command").and_then(Item::as_str) != Some(program) {
            if is_entry(server, ENTRY) {
                server["command"] = value(program);
            } else {
                is_another = true;
            }
        }
    } else {
        let mut server = Table::new();
        server["command"] = value(program);
        server["args"] = value(Array::from_iter(["lsp"]));
        // The servers beside it find names themselves.
        server["config"]["symbols"] = value("meaning");
        server["config"].make_value();
        servers.insert(NAME, Item::Table(server));
    }
    let list = document.entry("language").or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
    let list = list.as_array_of_tables_mut().context("its `language` is not written as [[language]]")?;
    for (name, servers) in LANGUAGES.iter().filter(|(name, _)| is_wanted(languages, name)) {
        let known = list.iter().position(|entry| entry.get("name").and_then(Item::as_str) == Some(name));
        let index = known.unwrap_or_else(|| {
            let mut entry = Table::new();
            entry["name"] = value(*name);
            list.push(entry);
            list.len() - 1
        });
        let entry = list.get_mut(index).context("a language that was there a moment ago")?;
        let given =
            entry.entry("language-servers").or_insert_with(|| value(servers.iter().copied().collect::<Array>()));
        let given = given.as_array_mut();
        let given = given.with_context(|| format!("its `language-servers` of {name} is not a list"))?;
        if !given.iter().any(is_ours) {
            push(given);
        }
    }
    Ok(is_another)
}

/// Adds our name at the end of a list. Behind the last name of a list with a name per line stands what belongs to that
/// name, such as a comment.
fn push(list: &mut Array) {
    let behind = list.trailing().as_str().unwrap_or_default().to_owned();
    let mut name = Value::from(NAME);
    if list.trailing_comma() && behind.contains('\n') {
        let first = list.get(0).and_then(|value| value.decor().prefix()?.as_str()).unwrap_or("\n");
        let indentation = first.rsplit('\n').next().unwrap_or_default();
        name.decor_mut().set_prefix(format!("{}\n{indentation}", behind.trim_end()));
        list.push_formatted(name);
        list.set_trailing("\n");
        list.set_trailing_comma(true);
    } else {
        list.push(name);
    }
}

fn is_wanted(languages: &[String], name: &str) -> bool {
    languages.is_empty() || languages.iter().any(|language| language == name)
}

/// A server is listed by its name, or by a table with its name and features.
fn is_ours(listed: &Value) -> bool {
    let name = listed.as_str().or_else(|| listed.as_inline_table()?.get("name")?.as_str());
    name == Some(NAME)
}
