//! Saves one file again and again through the language server, each time with another text, and looks whether memory and
//! the index on disk stop growing: `cargo bench --bench soak -- DIR [--saves 4500]`.
//!
//! The folder is copied, so nothing of the caller's is touched; the largest file of it that a walk finds in Rust, Python,
//! Go or TypeScript is the one that is saved. After each save a search asks for the new words. The first half is the time
//! in which caches fill; when the most of the second is above [`GROWTH`] times that of the first the exit code is 1. It reads `/proc`, so it runs
//! on Linux alone.

#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use conexus_engine::{Location, Settings, walk};
use conexus_testkit::{LspClient, Program, file_uri};
use serde_json::json;

/// What the second half may add to memory and disk, as a ratio.
const GROWTH: f64 = 1.15;
/// Rows of the table.
const ROWS: usize = 10;

fn main() -> ExitCode {
    let (mut folder, mut saves) = (None, 4_500);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--saves" => saves = arguments.next().and_then(|number| number.parse().ok()).unwrap(),
            "--bench" => {}
            other => folder = Some(PathBuf::from(other)),
        }
    }
    let Some(folder) = folder else {
        println!("name a folder: cargo bench --bench soak -- DIR");
        return ExitCode::SUCCESS;
    };
    let temporary = tempfile::tempdir().unwrap();
    let workspace = temporary.path().canonicalize().unwrap().join("workspace");
    let (files, saved) = copy(&folder, &workspace);
    let text = std::fs::read_to_string(workspace.join(&saved)).unwrap();
    println!("{files} files; {saved} of {} lines is saved {saves} times", text.lines().count());

    let program = Program::new(env!("CARGO_BIN_EXE_conexus"));
    program.run(&workspace, ["index"]).expect(0);
    let mut command = program.command(&workspace);
    command.arg("lsp");
    let mut client = LspClient::open(command, &workspace);
    client.wait_until_idle();
    let uri = file_uri(&workspace.join(&saved));
    let language = saved.rsplit('.').next().unwrap_or_default().to_owned();
    client.did_open(&uri, &language, &text);
    println!("| saves | resident MB | index MB | seconds |");
    let started = Instant::now();
    let mut rows = Vec::new();
    for save in 1..=saves {
        let comment = if language == "py" { "#" } else { "//" };
        // Another line in front: all chunks behind it have other places.
        let text = format!("{comment} {}\n{}{text}", word(save), "\n".repeat(save % 3));
        client.did_replace(&uri, i32::try_from(save).unwrap() + 1, &text);
        std::fs::write(workspace.join(&saved), &text).unwrap();
        client.notify("textDocument/didSave", &json!({ "textDocument": { "uri": uri } }));
        let answer = client.call("conexus/search", &json!({ "query": word(save), "limit": 1 }));
        assert_eq!(answer["hits"][0]["path"], saved, "{answer:#}");
        if save % (saves / ROWS).max(1) == 0 {
            let row = (resident(client.id()), size(program.home()));
            println!(
                "| {save} | {:.0} | {:.0} | {:.0} |",
                row.0 as f64 / 1e6,
                row.1 as f64 / 1e6,
                started.elapsed().as_secs_f64()
            );
            rows.push(row);
        }
    }
    client.shut_down();
    // The most of each half: what is pruned and written anew comes and goes.
    let (first, second) = rows.split_at(rows.len() / 2);
    let growth = |of: fn(&(u64, u64)) -> u64| {
        let most = |half: &[(u64, u64)]| half.iter().map(of).max().unwrap_or(1) as f64;
        most(second) / most(first)
    };
    let (memory, disk) = (growth(|row| row.0), growth(|row| row.1));
    println!("the second half adds: memory x {memory:.2}, disk x {disk:.2}; the bound is {GROWTH}");
    if memory <= GROWTH && disk <= GROWTH { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A word that no code holds, another one for each number.
fn word(number: usize) -> String {
    let letters = number.to_string().bytes().map(|digit| char::from(digit - b'0' + b'q')).collect::<String>();
    format!("zqx{letters}xqz")
}

/// Copies what a walk finds; how many files, and the largest of those that are saved.
fn copy(folder: &Path, into: &Path) -> (usize, String) {
    let location = Location { root: folder.to_path_buf(), index_dir: into.to_path_buf() };
    let rules = walk::WalkRules::of(&location, &Settings::default());
    let walk = walk::walk(folder, &rules, &std::sync::atomic::AtomicBool::new(false)).unwrap();
    let mut largest = (0, String::new());
    for file in &walk.files {
        let to = into.join(&file.path);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(folder.join(&file.path), to).unwrap();
        let is_code = [".rs", ".py", ".go", ".ts"].iter().any(|end| file.path.ends_with(end));
        if is_code && file.size > largest.0 {
            largest = (file.size, file.path.clone());
        }
    }
    (walk.files.len(), largest.1)
}

/// Resident bytes of a process and of those that it started.
fn resident(process: u32) -> u64 {
    let field = |name: &str| -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    let below: u64 = children.split_whitespace().filter_map(|child| child.parse().ok()).map(resident).sum();
    field("VmRSS:") * 1024 + below
}

/// Bytes of all files below a folder.
fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size(&entry.path()),
            Ok(meta) => meta.len(),
            Err(_) => 0,
        })
        .sum()
}
