//! The samples of `docs/check`, as far as they run without a code host.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use conexus_testkit::{PARSE_DURATION, Program, Repository, Run, Workspace, duration_copied};

use crate::support::conexus;

fn original() -> Workspace {
    let workspace = Workspace::empty();
    workspace.write("conexus.toml", "[check]\nselect = [\"duplicate-code\"]\n");
    workspace.write("src/config.rs", PARSE_DURATION);
    workspace
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/check").join(name)
}

/// A command in a folder that finds `conexus` in its path and knows nothing of this machine's user.
fn beside(program: &Program, folder: &Path, name: &str) -> Command {
    let own = program.command(folder);
    let mut command = Command::new(name);
    command.current_dir(folder).env_clear();
    for (key, value) in own.get_envs() {
        command.env(key, value.unwrap_or_default());
    }
    let tools = Path::new(own.get_program()).parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(tools).chain(std::env::split_paths(&path))).expect("a path");
    command.env("PATH", path);
    for (key, value) in [("NAME", "Somebody"), ("EMAIL", "somebody@example.org")] {
        command.env(format!("GIT_AUTHOR_{key}"), value).env(format!("GIT_COMMITTER_{key}"), value);
    }
    command
}

#[test]
#[cfg(unix)]
fn the_hook_stops_a_commit_that_repeats_code() {
    let program = conexus();
    let repository = Repository::init(original());
    let hooks = repository.path(".git/hooks");
    std::fs::create_dir_all(&hooks).expect("a folder");
    std::fs::copy(sample("pre-commit"), hooks.join("pre-commit")).expect("a copy keeps that it is executable");
    let commit = || -> Run {
        repository.git(&["add", "--all"]);
        let mut command = beside(&program, repository.root(), "git");
        command.args(["-c", "commit.gpgsign=false", "commit", "--allow-empty", "--message", "change"]);
        conexus_testkit::run(command)
    };
    repository.write("src/other.rs", "pub fn other() {}\n");
    commit().expect(0);
    commit().expect(0);
    repository.write("src/retry.rs", duration_copied());
    let run = commit().expect(1);
    // What a hook prints is for people: git passes it on to stderr.
    assert!(run.stderr.contains("src/retry.rs:1:1: warning[duplicate-code]"), "{run}");
    repository.write("src/retry.rs", format!("// conexus-ignore: duplicate-code\n{}", duration_copied()));
    commit().expect(0);
}

/// The commands of a workflow by the names of their steps.
fn steps(workflow: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    let mut lines = workflow.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(name) = line.trim_start().strip_prefix("- name: ") {
            steps.push((name.to_owned(), String::new()));
        } else if let Some(command) = line.trim_start().strip_prefix("run: ") {
            let step = &mut steps.last_mut().expect("a step has a name").1;
            if command == "|" {
                let indent = line.len() - line.trim_start().len();
                while let Some(next) = lines.next_if(|next| next.len() - next.trim_start().len() > indent) {
                    step.push_str(next.trim_start());
                    step.push('\n');
                }
            } else {
                step.push_str(command);
            }
        }
    }
    steps
}

#[test]
#[cfg(unix)]
fn the_workflow_marks_and_fails_a_change_that_repeats_code() {
    let program = conexus();
    let origin = Repository::init(original());
    let clones = Workspace::empty();
    let clone = clones.path("clone");
    let source = origin.root().display().to_string();
    origin.git(&["clone", "--quiet", &source, &clone.display().to_string()]);
    std::fs::write(clone.join("src/retry.rs"), duration_copied()).expect("a file");
    let workflow = std::fs::read_to_string(sample("github-workflow.yml")).expect("the sample");
    let steps = steps(&workflow);
    let names: Vec<_> = steps.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Install Conexus", "Write a report for code scanning", "Check the change"]);
    let run = |number: usize| {
        let mut command = beside(&program, &clone, "bash");
        // As GitHub runs a step.
        command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", &steps[number].1]);
        command.env("GITHUB_BASE_REF", "main");
        conexus_testkit::run(command)
    };
    run(1).expect(0);
    let report = std::fs::read(clone.join("conexus.sarif")).expect("a report");
    let report: serde_json::Value = serde_json::from_slice(&report).expect("a document");
    assert_eq!(report["runs"][0]["results"].as_array().map(Vec::len), Some(1));
    let marked = run(2).expect(1);
    assert!(marked.stdout.starts_with("::warning file=src/retry.rs,line=1,"), "{marked}");
    std::fs::write(clone.join("src/retry.rs"), "pub fn other() {}\n").expect("a file");
    assert_eq!(run(2).expect(0).stdout, "");
}
