//! `conexus status` and `conexus doctor`.

use std::{collections::BTreeMap, io::Write, sync::atomic::AtomicBool};

use anyhow::Result;
use conexus_engine::{Host, Location, git, walk};
use serde_json::json;

use super::{
    Outcome,
    arguments::Arguments,
    output::{Output, printable},
    settings,
};

/// Shows what the index holds, without changing it.
pub(crate) fn status(arguments: &Arguments, output: &mut Output) -> Result<Outcome> {
    let workspace = arguments.global.workspace()?;
    let settings = settings::load(&arguments.global, &workspace)?;
    let location = Location::of(&workspace, settings.index_dir.as_deref())?;
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
    if arguments.global.is_json() {
        output.json(&json!({
            "workspace": location.root,
            "index_dir": location.index_dir,
            "indexed": true,
            "generation": snapshot.generation().0,
            "branch": branch,
            "follows": host.follows(),
            "model": snapshot.index().model().map(|model| model.id.clone()),
            "files": statistics.files,
            "chunks": statistics.chunks,
            "vectors": statistics.vectors,
            "languages": languages,
            "catalog_bytes": statistics.catalog_bytes,
            "lexical_bytes": statistics.lexical_bytes,
            "vector_bytes": statistics.vector_bytes,
            "lexical_segments": statistics.lexical_segments,
            "set_aside": snapshot.set_aside(),
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
        if host.follows() {
            writeln!(output, "another process owns this index and keeps it up to date")?;
        }
    }
    host.close()?;
    Ok(Outcome::Clean)
}

/// One thing that was checked.
struct Check {
    name: &'static str,
    good: bool,
    says: String,
    advice: Option<String>,
}

/// Checks everything and says what to do. Exit code 1 when something wants attention.
pub(crate) fn doctor(arguments: &Arguments, output: &mut Output) -> Result<Outcome> {
    let mut checks =
        vec![Check { name: "version", good: true, says: env!("CARGO_PKG_VERSION").to_owned(), advice: None }];
    examine(arguments, &mut checks);
    let healthy = checks.iter().all(|check| check.good);
    if arguments.global.is_json() {
        let rows: Vec<_> = checks
            .iter()
            .map(|check| json!({ "check": check.name, "ok": check.good, "says": check.says, "advice": check.advice }))
            .collect();
        output.json(&json!({ "healthy": healthy, "checks": rows }))?;
    } else {
        for check in &checks {
            writeln!(output, "{} {:<10} {}", if check.good { "ok   " } else { "FAULT" }, check.name, check.says)?;
            if let Some(advice) = &check.advice {
                writeln!(output, "                 -> {advice}")?;
            }
        }
    }
    Ok(if healthy { Outcome::Clean } else { Outcome::Findings })
}

fn examine(arguments: &Arguments, checks: &mut Vec<Check>) {
    let mut fault = |name, says: String, advice: &str| {
        checks.push(Check { name, good: false, says, advice: Some(advice.to_owned()) });
    };
    let workspace = match arguments.global.workspace() {
        Ok(workspace) => workspace,
        Err(error) => return fault("workspace", format!("{error:#}"), "name the folder with --workspace"),
    };
    let settings = match settings::load(&arguments.global, &workspace) {
        Ok(settings) => settings,
        Err(error) => return fault("settings", format!("{error:#}"), "mend the setting that the message names"),
    };
    let location = match Location::of(&workspace, settings.index_dir.as_deref()) {
        Ok(location) => location,
        Err(error) => return fault("workspace", error.to_string(), "name an existing folder with --workspace"),
    };
    checks.push(Check { name: "workspace", good: true, says: location.root.display().to_string(), advice: None });
    let source = settings::user_file().filter(|file| file.is_file());
    let says = source.map_or("defaults; no user file".to_owned(), |file| format!("user file {}", file.display()));
    checks.push(Check { name: "settings", good: true, says, advice: None });
    let git = git::version();
    checks.push(Check {
        name: "git",
        good: true,
        says: git.clone().unwrap_or_else(|| "not found".to_owned()),
        advice: git.is_none().then(|| "without git, branches and history are not known; indexing works".to_owned()),
    });
    let host = match Host::open(location, settings) {
        Ok((host, _)) => host,
        Err(error) => {
            let advice = "free the folder or disk that the message names, name another with --index-dir, or delete the index with `conexus clear`";
            checks.push(Check { name: "index", good: false, says: error.to_string(), advice: Some(advice.to_owned()) });
            return;
        }
    };
    examine_index(&host, checks);
}

fn examine_index(host: &Host, checks: &mut Vec<Check>) {
    let snapshot = host.snapshot();
    let files = snapshot.index().file_count();
    checks.push(Check {
        name: "index",
        good: true,
        says: format!(
            "{} files, {} chunks, generation {} in {}",
            files,
            snapshot.index().live_chunks(),
            snapshot.generation(),
            host.location().index_dir.display()
        ),
        advice: (files == 0).then(|| "nothing is indexed yet: run `conexus index`".to_owned()),
    });
    let model = snapshot.index().model().map(|model| model.id.clone());
    checks.push(Check {
        name: "model",
        good: true,
        says: model.unwrap_or_else(|| "none: searched by words only".to_owned()),
        advice: None,
    });
    for path in snapshot.set_aside() {
        checks.push(Check {
            name: "grammar",
            good: false,
            says: format!("parsing {} ended the process: it is searched without its symbols", printable(&path)),
            advice: Some(
                "report the file to the authors of its language's grammar; it is parsed again when it changes, and \
                 after `conexus clear`"
                    .to_owned(),
            ),
        });
    }
    if host.follows() {
        checks.push(Check {
            name: "owner",
            good: true,
            says: "another process owns the index; this one follows".to_owned(),
            advice: None,
        });
    }
    match walk::walk(&host.location().root, &host.walk_rules(), &AtomicBool::new(false)) {
        Ok(walk) => {
            let good = !walk.files.is_empty();
            checks.push(Check {
                name: "files",
                good,
                says: format!(
                    "{} to index, {} passed over by name, size or access",
                    walk.files.len(),
                    walk.skipped.total()
                ),
                advice: (!good).then(|| {
                    "every file is ignored: look at .gitignore, .ignore, .conexusignore and `index.exclude`".to_owned()
                }),
            });
            for (skip, count, examples) in walk.skipped.iter() {
                let examples: Vec<_> = examples.iter().map(|path| printable(path).into_owned()).collect();
                checks.push(Check {
                    name: "  passed",
                    good: true,
                    says: format!("{count} {}: {}", skip.reason(), examples.join(", ")),
                    advice: None,
                });
            }
        }
        Err(error) => checks.push(Check {
            name: "files",
            good: false,
            says: error.to_string(),
            advice: Some("make the workspace readable".to_owned()),
        }),
    }
}
