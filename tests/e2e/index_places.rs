//! Where indexes lie: one folder for each workspace below a folder of the user's, or a folder that is named for one.

use std::path::{Path, PathBuf};

use conexus_testkit::{Program, Run};
use serde_json::Value;

use crate::support::{conexus, paths};

/// A user with two workspaces, of which each has one file.
struct User {
    program: Program,
    workspaces: [PathBuf; 2],
    /// How the user says where indexes lie: a flag or a variable, and the folder.
    place: Option<(&'static str, PathBuf)>,
}

const NAMES: [&str; 2] = ["zebra_stripe", "tiger_stripe"];

impl User {
    fn new() -> Self {
        let program = conexus();
        let workspaces = ["one", "two"].map(|name| program.home().join(name).join("project"));
        for (root, name) in workspaces.iter().zip(NAMES) {
            std::fs::create_dir_all(root).expect("a folder");
            std::fs::write(root.join(format!("{name}.rs")), format!("fn {name}() {{}}\n")).expect("a file");
        }
        Self { program, workspaces, place: None }
    }

    fn run(&self, root: &Path, arguments: &[&str]) -> Run {
        let mut command = self.program.command(root);
        command.arg("--workspace").arg(root).args(arguments);
        match &self.place {
            Some((how, folder)) if how.starts_with("--") => command.arg(how).arg(folder),
            Some((how, folder)) => command.env(how, folder),
            None => &mut command,
        };
        conexus_testkit::run(command)
    }

    fn index(&self, root: &Path) -> Value {
        self.run(root, &["index", "--json"]).expect(0).json()
    }

    fn index_dir(&self, root: &Path) -> PathBuf {
        let status = self.run(root, &["status", "--json"]).expect_any(&[0, 1]).json();
        PathBuf::from(status["index_dir"].as_str().expect("a folder"))
    }
}

#[test]
fn workspaces_have_indexes_of_their_own_below_a_folder_of_the_users() {
    let mut user = User::new();
    let below = user.program.home().canonicalize().expect("a home").join("indexes");
    let own = user.program.home().join("own.toml");
    std::fs::write(&own, "[index]\ndir = 'indexes'\n").expect("a file");
    for place in [("--config", own), ("CONEXUS_INDEX_DIR", below.clone())] {
        user.place = Some(place);
        let [one, two] = &user.workspaces;
        assert_eq!(user.index(one)["files"], 1);
        assert_eq!(user.index(two)["removed"], 0);
        let again = user.index(one);
        assert_eq!((&again["updated"], &again["reused"], &again["removed"]), (&0.into(), &0.into(), &0.into()));
        for (root, name) in user.workspaces.iter().zip(NAMES) {
            let answer = user.run(root, &["search", "--json", "--no-index", "stripe"]).expect(0).json();
            assert_eq!(paths(&answer), [format!("{name}.rs")]);
            assert_eq!(user.index_dir(root).parent(), Some(&*below));
        }
        assert_ne!(user.index_dir(one), user.index_dir(two));
        for root in &user.workspaces {
            user.run(root, &["clear"]).expect(0);
        }
    }
    // Where that folder lies in a workspace, no index in it is a part of that.
    user.place = Some(("CONEXUS_INDEX_DIR", user.workspaces[0].join("indexes")));
    for _ in 0..2 {
        for root in &user.workspaces {
            assert_eq!(user.index(root)["files"], 1);
        }
    }
    user.place = Some(("CONEXUS_INDEX_DIR", PathBuf::new()));
    let run = user.run(&user.workspaces[0], &["index"]).expect(2);
    assert!(run.stderr.contains("CONEXUS_INDEX_DIR"), "{run}");
}

#[test]
fn an_index_of_another_workspace_is_left_as_it_is() {
    let mut user = User::new();
    let folder = user.program.home().join("index");
    user.place = Some(("--index-dir", folder.clone()));
    let [one, two] = user.workspaces.clone();
    user.index(&one);
    for (arguments, code) in [(&["index"][..], 2), (&["search", "stripe"], 2), (&["status"], 2), (&["doctor"], 1)] {
        let run = user.run(&two, arguments).expect(code);
        let says = format!("{}{}", run.stdout, run.stderr);
        for part in ["holds the index of", "one/project", "--index-dir", "conexus clear"] {
            assert!(says.contains(part), "{part}: {run}");
        }
    }
    assert_eq!(user.index(&one)["updated"], 0);
    // A workspace that was moved is still the same.
    let moved = user.program.home().join("moved");
    std::fs::rename(&one, &moved).expect("it moves");
    let report = user.index(&moved);
    assert_eq!((&report["files"], &report["updated"]), (&1.into(), &0.into()), "{report:#}");
    user.run(&two, &["index"]).expect(2);
    // What the message advises helps.
    user.run(&two, &["clear"]).expect(0);
    let report = user.index(&two);
    assert_eq!((&report["files"], &report["updated"]), (&1.into(), &1.into()), "{report:#}");
}

#[test]
fn what_a_workspace_that_is_gone_leaves_is_named_and_cleared() {
    let user = User::new();
    let [one, two] = &user.workspaces;
    user.index(one);
    user.index(two);
    assert!(!user.run(two, &["doctor"]).expect(0).stdout.contains("leftovers"));
    std::fs::remove_dir_all(one).expect("it goes");
    let told = user.run(two, &["doctor"]).expect(0).stdout;
    assert!(told.contains("leftovers  1 of folders that are gone: ") && told.contains("one/project\n"), "{told}");
    assert!(told.contains("`conexus clear --workspace FOLDER`"), "{told}");
    let mut command = user.program.command(two);
    command.args(["clear", "--workspace"]).arg(one);
    assert!(conexus_testkit::run(command).expect(0).stdout.starts_with("deleted"));
    assert!(!user.run(two, &["doctor"]).expect(0).stdout.contains("leftovers"));
    // Of one that has no index it is still said that it is not there.
    let mut command = user.program.command(two);
    command.args(["clear", "--workspace"]).arg(one);
    assert!(conexus_testkit::run(command).expect(2).stderr.contains("cannot open the workspace"));
}
