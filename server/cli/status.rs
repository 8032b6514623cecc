//! `conexus status`.

use std::{collections::BTreeMap, io::Write};

use anyhow::Result;
use conexus_engine::{Location, git};
use serde_json::json;

use super::{
    Outcome,
    arguments::Arguments,
    output::{Output, printable},
    settings,
};

/// Files without symbols that are named.
const MOST_UNPARSED: usize = 5;

/// Shows what the index holds, without changing it.
pub(crate) fn status(arguments: &Arguments, output: &mut Output) -> Result<Outcome> {
    let workspace = arguments.global.workspace()?;
    let settings = settings::load(&arguments.global, &workspace)?;
    let location = Location::of(&workspace, &settings.index_dir)?;
    if !location.has_index() {
        if arguments.global.is_json() {
            output.json(&json!({ "workspace": location.root, "index_dir": location.index_dir, "indexed": false }))?;
        } else {
            writeln!(output, "{}: not indexed yet; `conexus index` does it", location.root.display())?;
        }
        return Ok(Outcome::Findings);
    }
    let host = super::open_at(arguments, &workspace)?;
    let statistics = host.statistics();
    let snapshot = host.snapshot();
    let mut languages: BTreeMap<&str, u64> = BTreeMap::new();
    for file in snapshot.index().files() {
        *languages.entry(file.language().name()).or_default() += 1;
    }
    let branch = git::branch(&location.root);
    let unparsed = snapshot.unparsed();
    if arguments.global.is_json() {
        output.json(&json!({
            "workspace": location.root,
            "index_dir": location.index_dir,
            "indexed": true,
            "generation": snapshot.generation().0,
            "branch": branch,
            "follows": host.follows(),
            "model": snapshot.index().model().map(|model| model.id.clone()),
            "builtin_model": snapshot.builtin_model(),
            "files": statistics.files,
            "chunks": statistics.chunks,
            "vectors": statistics.vectors,
            "languages": languages,
            "catalog_bytes": statistics.catalog_bytes,
            "lexical_bytes": statistics.lexical_bytes,
            "vector_bytes": statistics.vector_bytes,
            "lexical_segments": statistics.lexical_segments,
            "set_aside": snapshot.set_aside(),
            "unparsed": unparsed.iter().map(|(path, why)| json!({ "path": path, "reason": why })).collect::<Vec<_>>(),
        }))?;
    } else {
        writeln!(output, "workspace   {}", location.root.display())?;
        writeln!(output, "index       {}", location.index_dir.display())?;
        if let Some(branch) = branch {
            writeln!(output, "branch      {}", printable(&branch))?;
        }
        writeln!(output, "generation  {}", snapshot.generation())?;
        writeln!(output, "files       {}", statistics.files)?;
        writeln!(output, "chunks      {} ({} with vectors)", statistics.chunks, statistics.vectors)?;
        writeln!(
            output,
            "model       {}",
            snapshot.index().model().map_or("none: searched by words only", |model| &model.id)
        )?;
        if let Some(reason) = snapshot.builtin_model() {
            writeln!(output, "            in place of the chosen one: {}", printable(&reason))?;
        }
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        writeln!(
            output,
            "on disk     catalog {:.1} MB, lexical {:.1} MB, vectors {:.1} MB",
            megabytes(statistics.catalog_bytes),
            megabytes(statistics.lexical_bytes),
            megabytes(statistics.vector_bytes)
        )?;
        let mut languages: Vec<_> = languages.into_iter().collect();
        languages.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        let languages: Vec<String> =
            languages.into_iter().map(|(language, count)| format!("{language} {count}")).collect();
        writeln!(output, "languages   {}", languages.join(", "))?;
        let set_aside = snapshot.set_aside();
        if !set_aside.is_empty() {
            let paths: Vec<_> = set_aside.iter().map(|path| printable(path)).collect();
            writeln!(
                output,
                "set aside   {}: searched without symbols, since parsing ended the process",
                paths.join(", ")
            )?;
        }
        for (path, why) in unparsed.iter().take(MOST_UNPARSED) {
            writeln!(output, "unparsed    {}: searched without symbols, {why}", printable(path))?;
        }
        if let Some(more @ 1..) = unparsed.len().checked_sub(MOST_UNPARSED) {
            writeln!(output, "            and {more} more")?;
        }
        if host.follows() {
            writeln!(output, "another process owns this index and keeps it up to date")?;
        }
    }
    host.close()?;
    Ok(Outcome::Clean)
}
