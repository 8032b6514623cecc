//! Project tasks, run as `cargo xtask TASK`.

mod fuzz;
mod manifest;
mod model;
mod tidy;
mod tree;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;

const USAGE: &str = "\
usage: cargo xtask TASK

tasks:
  tidy           check what no compiler checks: who may depend on whom, what every file and page must hold
  tidy --rules   list the rules
  model fetch FOLDER
                 get what the embedded model is made of: repositories by git, Python's packages by pip
  model train FOLDER [SETTING=VALUE ...]
                 make the embedded model anew
  fuzz [SECONDS] run each fuzz target for some seconds, 20 when not said
";

fn main() -> ExitCode {
    if let Some(code) = fuzz::as_compiler() {
        return code;
    }
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> anyhow::Result<ExitCode> {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut out = std::io::stdout().lock();
    match words.as_slice() {
        ["tidy"] => return tidy_repository(&repository_root(), &mut out),
        ["tidy", "--rules"] => {
            for rule in tidy::RULES {
                writeln!(out, "{:<18} {}", rule.name, rule.summary)?;
            }
        }
        ["fuzz"] => fuzz::run(&repository_root(), 20)?,
        ["fuzz", seconds] => {
            let seconds = seconds.parse().with_context(|| format!("{seconds:?} is not a number of seconds"))?;
            fuzz::run(&repository_root(), seconds)?;
        }
        ["model", "fetch", folder] => model::fetch(&repository_root(), &absolute(folder)?)?,
        ["model", "train", folder, settings @ ..] => model::train(&repository_root(), &absolute(folder)?, settings)?,
        ["help" | "--help" | "-h"] => out.write_all(USAGE.as_bytes())?,
        _ => {
            eprint!("{USAGE}");
            return Ok(ExitCode::from(2));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn tidy_repository(root: &Path, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let tree = tree::Tree::read(root).with_context(|| format!("reading {}", root.display()))?;
    let findings = tidy::check(&tree);
    for finding in &findings {
        writeln!(out, "{finding}")?;
    }
    if findings.is_empty() {
        writeln!(out, "tidy: {} files, {} rules, nothing to say", tree.len(), tidy::RULES.len())?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "tidy: {} findings in {} files", findings.len(), tree.len())?;
    Ok(ExitCode::FAILURE)
}

fn absolute(folder: &str) -> anyhow::Result<PathBuf> {
    std::path::absolute(folder).with_context(|| format!("{folder:?} is not a folder"))
}

/// The repository this program was built from; cargo runs it there.
fn repository_root() -> PathBuf {
    let manifest =
        std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    manifest.ancestors().nth(2).map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}
