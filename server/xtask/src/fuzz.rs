//! `cargo xtask fuzz`: builds the fuzz targets with coverage feedback by the stable compiler and runs them.
//!
//! libFuzzer needs the compiler's coverage instrumentation. Cargo lets a wrapper stand before the compiler for the
//! crates of the workspace; this program is that wrapper too, so that nothing else is compiled twice and nothing has to
//! be installed.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, bail};

use crate::tree::{Tree, has_extension};

/// Set for the compiler's wrapper and nobody else.
const AS_WRAPPER: &str = "XTASK_FUZZ_WRAPPER";

/// What instruments a crate, as cargo-fuzz passes it; all of it is stable.
const INSTRUMENTATION: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=1",
];

/// Targets, with the largest input each is given in bytes.
const TARGETS: &[(&str, u32)] = &[("fuzz-chunker", 8_192), ("fuzz-query", 512)];

/// Runs the compiler when this process stands before it; `None` when it does not.
pub(crate) fn as_compiler() -> Option<ExitCode> {
    std::env::var_os(AS_WRAPPER)?;
    let mut arguments = std::env::args_os().skip(1);
    let compiler = arguments.next()?;
    let arguments: Vec<_> = arguments.collect();
    let name = arguments.iter().position(|argument| argument == "--crate-name").and_then(|at| arguments.get(at + 1));
    // A build script runs on this machine, without libFuzzer; a call without a crate only asks for the version.
    let instrument = name.is_some_and(|name| !name.to_string_lossy().starts_with("build_script_"));
    let mut command = Command::new(compiler);
    command.args(arguments).env_remove(AS_WRAPPER);
    if instrument {
        command.args(INSTRUMENTATION);
    }
    let code = command.status().ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    Some(ExitCode::from(code.unwrap_or(1)))
}

/// Runs every target for some seconds. An input that fails is left in `target/fuzz` and named.
pub(crate) fn run(root: &Path, seconds: u32) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let this = std::env::current_exe().context("finding this program")?;
    let output = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut build = Command::new(cargo);
    build.current_dir(root).args(["build", "--package", "conexus-fuzz", "--bins"]);
    build.env("RUSTC_WORKSPACE_WRAPPER", this).env(AS_WRAPPER, "1").env("CARGO_TARGET_DIR", &output);
    // What cargo told this program about itself would make build scripts of dependencies run again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            build.env_remove(&*name);
        }
    }
    if !build.status().context("starting cargo")?.success() {
        bail!("the fuzz targets do not build");
    }
    for (target, longest) in TARGETS {
        let folder = output.join("fuzz").join(target);
        let (corpus, seeds) = (folder.join("corpus"), folder.join("seeds"));
        std::fs::create_dir_all(&corpus)?;
        write_seeds(root, &seeds)?;
        let file = output.join("debug").join(format!("{target}{}", std::env::consts::EXE_SUFFIX));
        let mut command = Command::new(file);
        command.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={longest}")).arg("-timeout=20");
        command.args(["-rss_limit_mb=4096", "-print_final_stats=1", "-verbosity=0"]);
        command.arg(format!("-artifact_prefix={}/", folder.display())).arg(&corpus).arg(&seeds).current_dir(&folder);
        let output = command.output().with_context(|| format!("starting {target}"))?;
        let says = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            eprintln!("{says}");
            bail!("{target} failed; its input lies in {}", folder.display());
        }
        let statistic = |name: &str| {
            let line = says.lines().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
            line.map_or("?", |rest| rest.trim_start_matches(':').trim())
        };
        let (inputs, new, memory) =
            (statistic("number_of_executed_units"), statistic("new_units_added"), statistic("peak_rss_mb"));
        eprintln!("{target}: {inputs} inputs in {seconds} s, {new} of them reached something new, {memory} MB");
    }
    Ok(())
}

/// Inputs to start from: the sources and fixtures of this repository, each below a line with its name. A target that
/// expects something else takes them as text.
fn write_seeds(root: &Path, folder: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder)?;
    let tree = Tree::read(root)?;
    let wanted = |path: &str| !has_extension(path, "scm") && !has_extension(path, "lock");
    for (number, (path, text)) in tree.texts().filter(|(path, text)| wanted(path) && text.len() < 8_000).enumerate() {
        let name = path.rsplit('/').next().unwrap_or(path);
        std::fs::write(folder.join(number.to_string()), format!("{name}\n{text}"))?;
    }
    Ok(())
}
