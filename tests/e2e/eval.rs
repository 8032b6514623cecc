//! `conexus eval`: labelled queries in, figures and comparisons out.

use conexus_testkit::{Program, Repository, Workspace};

use crate::support::{Session, conexus};

/// Two checkouts with their labels. The third query's target does not exist, so its score is 0.
const SET: &str = "\
//- checkouts/shop/src/cart.ts
export class ShoppingCart {
  /** Adds an article to the cart. */
  addArticle(article: Article): void {
    this.articles.push(article);
  }
}
//- checkouts/shop/src/user.ts
export class User {
  name = '';
}
//- checkouts/net/retry.py
def retry_with_backoff(attempts):
    return attempts
//- queries.tsv
repo\tlanguage\tcategory\tquery\trelevant\tsecondary
shop\ttypescript\tsymbol\tShoppingCart\tsrc/cart.ts\t
net\tpython\tsymbol\tretry_with_backoff\tretry.py:1-2\t
net\tpython\tquestion\thow often is a call tried\tgone.py\t
//- repos.tsv
repo\tlanguage\troot
shop\ttypescript\tsrc
net\tpython\t.
";

fn eval(program: &Program, workspace: &Workspace, arguments: &[&str]) -> serde_json::Value {
    let fixed = ["eval", "--json", "--queries", "queries.tsv", "--checkouts", "checkouts"];
    program.run(workspace.root(), [&fixed[..], arguments].concat()).expect(0).json()
}

#[test]
fn figures_follow_from_the_labels() {
    let (program, workspace) = (conexus(), Workspace::of(SET));
    let result = eval(&program, &workspace, &[]);
    assert_eq!(result["queries"], 3, "{result:#}");
    let near = |value: &serde_json::Value, wanted: f64| {
        let value = value.as_f64().unwrap_or_else(|| panic!("not a number: {result:#}"));
        assert!((value - wanted).abs() < 1e-6, "{value} is not {wanted}: {result:#}");
    };
    near(&result["ndcg_at_10"], 2.0 / 3.0);
    near(&result["mrr"], 2.0 / 3.0);
    near(&result["recall_at_10"], 2.0 / 3.0);
    for count in ["queries_with_file_in_10_hits", "queries_with_file_in_2000_tokens"] {
        assert_eq!(result[count], 2, "{count}: {result:#}");
    }
    for (group, name, queries, ndcg) in [
        ("languages", "typescript", 1, 1.0),
        ("languages", "python", 2, 0.5),
        ("categories", "symbol", 2, 1.0),
        ("categories", "question", 1, 0.0),
        ("repositories", "shop", 1, 1.0),
        ("repositories", "net", 2, 0.5),
    ] {
        let of = &result[group][name];
        assert_eq!(of["queries"], queries, "{group} {name}: {result:#}");
        near(&of["ndcg_at_10"], ndcg);
        assert_eq!(result[group].as_object().map(serde_json::Map::len), Some(2), "{group}: {result:#}");
    }
    let latency = |which: &str| result["latency_ms"][which].as_f64().expect("a number");
    assert!(0.0 < latency("p50") && latency("p50") <= latency("p99") && latency("p99") < 60_000.0, "{result:#}");
    let plain = ["eval", "--queries", "queries.tsv", "--checkouts", "checkouts"];
    let table = program.run(workspace.root(), plain).expect(0).stdout;
    let of = |title: &str| table.split(&format!("by {title}\n")).nth(1).unwrap_or_else(|| panic!("{title}: {table}"));
    assert!(table.contains("latency      p50 ") && table.contains(" ms, p99 "), "{table}");
    assert!(of("category").starts_with("  question               0.000  ("), "{table}");
    assert!(of("language").starts_with("  python                 0.500  ("), "{table}");
    assert!(of("repository").contains("  shop                   1.000  ("), "{table}");
    let alone = eval(&program, &workspace, &["--repo", "shop"]);
    assert_eq!((alone["queries"].as_u64(), alone["ndcg_at_10"].as_f64()), (Some(1), Some(1.0)), "{alone:#}");
}

/// Asks for what is labelled, of one repository of one class.
fn eval_box(labels: &[&str], arguments: &[&str]) -> serde_json::Value {
    let workspace = Workspace::of(
        "//- checkouts/r/box.py\nclass Box:\n    def get(self): return 1\n    def put(self): return 2\n\
         //- repos.tsv\nrepo\troot\nr\t.\n",
    );
    let rows: Vec<String> = labels.iter().map(|label| format!("r\tpython\tsymbol\t{label}\n")).collect();
    workspace.write("queries.tsv", format!("repo\tlanguage\tcategory\tquery\trelevant\n{}", rows.concat()));
    eval(&conexus(), &workspace, arguments)
}

#[test]
fn a_hit_counts_for_one_target() {
    for (label, expected) in [
        ("Box\tbox.py:1-1;box.py:2-2;box.py:3-3", [1.0, 1.0, 1.0]),
        ("Box\tbox.py:1-2;box.py:3-3;box.py", [1.0, 1.0, 1.0]),
        ("Box\tbox.py:1-2;gone.py", [1.0 / (1.0 + 1.0 / 3.0_f64.log2()), 1.0, 0.5]),
        ("Box\tbox.py:9-9;gone.py", [0.0, 0.0, 0.0]),
    ] {
        let result = eval_box(&[label], &[]);
        for (measure, expected) in ["ndcg_at_10", "mrr", "recall_at_10"].into_iter().zip(expected) {
            let value = result[measure].as_f64().expect("a number");
            assert!((value - expected).abs() < 1e-6, "{label}: {measure} {value} is not {expected}");
        }
    }
}

#[test]
fn one_repository_has_an_interval_over_its_queries() {
    let result = eval_box(&["Box\tbox.py", "get\tgone.py", "put\tbox.py"], &[]);
    let repository = &result["repositories"]["r"];
    for (group, interval) in [(&result, "ndcg_95_percent"), (repository, "ndcg_95_percent")] {
        let (low, high) = (group[interval][0].as_f64().expect("low"), group[interval][1].as_f64().expect("high"));
        assert!(low < 2.0 / 3.0 && 2.0 / 3.0 < high, "{low} to {high}: {result:#}");
    }
}

#[test]
fn a_model_that_fails_is_not_measured_as_words_alone() {
    let (program, workspace) = (conexus(), Workspace::of(SET));
    let model = "[embedding]\nprovider = 'openai'\nurl = 'http://127.0.0.1:1/v1'\nmodel = 'm'\n";
    workspace.write("own.toml", model);
    let arguments = ["eval", "--config", "own.toml", "--queries", "queries.tsv", "--checkouts", "checkouts"];
    let failed = program.run(workspace.root(), arguments).expect(2);
    assert!(failed.stderr.contains("vectors are missing"), "{}", failed.stderr);
}

#[test]
fn two_results_are_compared_query_by_query() {
    let (program, workspace) = (conexus(), Workspace::of(SET));
    eval(&program, &workspace, &["--save", "before.json"]);
    workspace.remove("checkouts/net/retry.py");
    workspace.write("checkouts/net/other.py", "def nothing():\n    pass\n");
    eval(&program, &workspace, &["--save", "after.json"]);
    let compare = ["eval", "--json", "--compare", "before.json", "after.json"];
    let result = program.run(workspace.root(), compare).expect(0).json();
    assert_eq!((result["queries"].as_u64(), result["worse"].as_u64()), (Some(3), Some(1)), "{result:#}");
    let interval = |result: &serde_json::Value| {
        let bound = |at: usize| result["interval_95_percent"][at].as_f64().expect("a number");
        (bound(0), bound(1))
    };
    eval(&program, &workspace, &["--repo", "net", "--save", "after.json"]);
    let one = program.run(workspace.root(), compare).expect(0).json();
    assert_eq!((&one["queries"], &one["unpaired"]), (&2.into(), &serde_json::json!([1, 0])), "{one:#}");
    let text = program.run(workspace.root(), ["eval", "--compare", "before.json", "after.json"]).expect(0).stdout;
    assert!(text.contains("left out: 1 of the first, 0 of the second"), "{text}");
    assert!(interval(&one).0 < interval(&one).1, "one repository: {one:#}");
}

/// One text is asked for in two categories and, in one of them, for two targets.
#[test]
fn a_result_does_not_differ_from_itself() {
    let (program, workspace) = (conexus(), Workspace::of(SET));
    let again =
        "net\tpython\tsymbol\tretry_with_backoff\tgone.py\t\nnet\tpython\tquestion\tretry_with_backoff\tgone.py\t\n";
    workspace.write("queries.tsv", [workspace.read("queries.tsv"), again.into()].concat());
    eval(&program, &workspace, &["--save", "scores.json"]);
    let same = ["eval", "--json", "--compare", "scores.json", "scores.json"];
    let result = program.run(workspace.root(), same).expect(0).json();
    assert_eq!((result["queries"].as_u64(), result["mean_change"].as_f64()), (Some(5), Some(0.0)), "{result:#}");
    assert_eq!((result["better"].as_u64(), result["worse"].as_u64()), (Some(0), Some(0)), "{result:#}");
}

#[test]
fn mistakes_in_the_set_are_named() {
    let (program, workspace) = (conexus(), Workspace::of(SET));
    for (path, text, says) in [
        ("queries.tsv", "", "queries.tsv"),
        ("queries.tsv", "repo\tquery\nshop\tx\n", "queries.tsv"),
        ("queries.tsv", "repo\tlanguage\tcategory\tquery\trelevant\nshop\tts\ta\tcart\t\n", "no target"),
        ("repos.tsv", "nothing\n1\n", "repos.tsv"),
    ] {
        let before = workspace.read(path);
        workspace.write(path, text);
        let run = program.run(workspace.root(), ["eval", "--queries", "queries.tsv", "--checkouts", "checkouts"]);
        let run = run.expect(2);
        assert!(run.stderr.contains(says), "{text:?}: {run}");
        workspace.write(path, before);
    }
    for arguments in [
        &["eval", "--queries", "queries.tsv", "--checkouts", "nowhere"][..],
        &["eval", "--compare", "none.json", "none.json"],
        &["eval", "--compare", "repos.tsv", "repos.tsv"],
    ] {
        program.run(workspace.root(), arguments).expect(2);
    }
    for (wrong, says) in [
        (&["--repo", "shop", "--repo", "shpo"][..], "shpo"),
        (&["--budgets=1"], "200..=50000"),
        (&["--budgets=500,50001"], "200..=50000"),
        (&["--weight", "word_weight=nan"], "not finite"),
        (&["--weight", "word_weight=-inf"], "not finite"),
    ] {
        let fixed = ["eval", "--queries", "queries.tsv", "--checkouts", "checkouts"];
        let run = program.run(workspace.root(), [&fixed[..], wrong].concat()).expect(2);
        assert!(run.stderr.contains(says), "{wrong:?}: {run}");
    }
}

/// What lowers the figures without being an answer's fault, and what they leave out.
#[test]
fn what_the_figures_do_not_measure_is_said() {
    let (program, workspace) = (conexus(), Workspace::of(SET));
    let fixed = ["eval", "--queries", "queries.tsv", "--checkouts", "checkouts"];
    let said = |extra: &[&str]| program.run(workspace.root(), [&fixed[..], extra].concat()).expect(0).stderr;
    assert!(said(&[]).contains("1 targets are in no indexed file"), "{}", said(&[]));
    assert!(said(&[]).contains("the first is gone.py of net"), "{}", said(&[]));
    assert_eq!(said(&["--repo", "shop"]), "");
    for target in ["user.ts:1", "./user.ts", "user.ts#L1-L3", "User.ts", "user.ts:90-95"] {
        let rows = format!("repo\tlanguage\tcategory\tquery\trelevant\nshop\tts\tsymbol\tUser\tuser.ts;{target}\n");
        workspace.write("queries.tsv", rows);
        let expected =
            format!("1 targets are in no indexed file, so no answer can meet them; the first is {target} of shop");
        assert!(said(&[]).contains(&expected), "{target}: {}", said(&[]));
    }
    let rows = "shop\tts\tsymbol\tUser\tuser.ts\nlost\tts\tsymbol\tUser\tuser.ts\nlost\tts\tsymbol\tname\tuser.ts\n";
    workspace.write("queries.tsv", format!("repo\tlanguage\tcategory\tquery\trelevant\n{rows}"));
    assert!(said(&[]).contains("2 queries are left out") && said(&[]).contains("lost"), "{}", said(&[]));
}

#[test]
fn repositories_of_one_name_are_kept_apart_and_shallow_clones_named() {
    let parent = Workspace::empty();
    for side in ["left", "right"] {
        parent.write(&format!("{side}/app/retry.py"), HISTORY);
    }
    let git = |folder: &str, arguments: &[&str]| {
        let run = std::process::Command::new("git").arg("-C").arg(parent.root().join(folder)).args(arguments).output();
        assert!(run.expect("git").status.success(), "{arguments:?}");
    };
    for side in ["left/app", "right/app"] {
        git(side, &["init", "-q"]);
        for (range, subject) in [("range(5)", "First"), ("range(9)", "Make more attempts before giving up")] {
            parent.write(&format!("{side}/retry.py"), HISTORY.replace("range(5)", range));
            git(side, &["add", "-A"]);
            git(side, &["-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-qm", subject]);
        }
    }
    let run =
        |folders: &[&str]| conexus().run(parent.root(), [&["eval", "--json", "--from-history"], folders].concat());
    let both = run(&["left/app", "right/app"]).expect(0).json();
    assert_eq!(both["repositories"].as_object().map(serde_json::Map::len), Some(2), "{both:#}");
    assert!(run(&["left/app", "left/../left/app"]).expect(2).stderr.contains("twice"));
    let origin = format!("file://{}", parent.root().join("left/app").display());
    git(".", &["clone", "-q", "--depth", "1", &origin, "shallow"]);
    let shallow = run(&["shallow"]).expect(0).stderr;
    assert!(shallow.contains("0 commits; the clone is shallow"), "{shallow}");
    assert!(!run(&["left/app"]).expect(0).stderr.contains("shallow"));
}

/// Nothing of a command is left in the folder for temporary files when it is asked to end.
#[cfg(unix)]
#[test]
fn a_command_that_is_asked_to_end_leaves_no_copy() {
    let functions = |file: usize| {
        let function = |number| {
            format!(
                "def step_{file}_{number}(call):\n    \"\"\"Waits for the part {number} of the machine {file} to end.\"\"\"\n    return call({number})\n\n"
            )
        };
        (0..60).map(function).collect::<String>()
    };
    let workspace = Workspace::empty();
    for file in 0..40 {
        workspace.write(&format!("part_{file}.py"), functions(file));
    }
    let repository = Repository::init(workspace);
    let program = conexus();
    for (arguments, signal, code) in [
        (&["eval", "--from-history"][..], "INT", 130),
        (&["eval", "--from-history"], "TERM", 143),
        (&["verify"], "TERM", 143),
    ] {
        let temporary = tempfile::tempdir().expect("a folder");
        let mut command = program.command(repository.root());
        command.args(arguments).env("TMPDIR", temporary.path());
        let mut running = conexus_testkit::start(command);
        let made = || {
            std::fs::read_dir(temporary.path())
                .expect("a folder")
                .flatten()
                .any(|made| made.path().join("index").is_dir())
        };
        while !made() {
            assert!(!running.has_ended(), "{arguments:?} ended before it made a copy");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        let told = std::process::Command::new("kill").args([format!("-{signal}"), running.id().to_string()]).status();
        assert!(told.expect("kill").success());
        let run = running.wait().expect(code);
        let left: Vec<_> =
            std::fs::read_dir(temporary.path()).expect("a folder").flatten().map(|left| left.path()).collect();
        assert!(left.is_empty(), "{arguments:?}: {left:?}: {run}");
    }
}

const RETRY: &str = "\
def retry_with_backoff(call):
    \"\"\"Calls again after a pause that doubles each time.\"\"\"
    for attempt in range(5):
        pause(2 ** attempt)
    return call()


def open_ledger(path):
    # Nothing is said of it.
    return path
";

/// While functions have their documentation, the second one is the first answer to the first sentence; and the last one is
/// in the first revision alone.
const HISTORY: &str = "\
def retry_with_backoff(call):
    \"\"\"Calls again after a pause that doubles each time.\"\"\"
    for attempt in range(5):
        pause(2 ** attempt)
    return call()


def open_ledger(path):
    \"\"\"Why.

    What calls again after a pause, calls after a pause that doubles: each time
    the pause doubles, each time it calls again.
    \"\"\"
    return path
";
const FORMERLY: &str = "

def wait_for_printer(printer):
    while printer.is_busy():
        printer.poll()
";

#[test]
fn a_repository_gives_queries_out_of_its_own_history() {
    let documented = Session::new(Workspace::empty());
    documented.workspace.write("retry.py", HISTORY);
    let answer = documented.search("Calls again after a pause that doubles each time");
    assert_eq!(answer["hits"][0]["name"], "open_ledger", "{answer:#}");
    let workspace = Workspace::empty();
    workspace.write("retry.py", format!("{HISTORY}{FORMERLY}"));
    let repository = Repository::init(workspace);
    let changed = HISTORY.replace("range(5)", "range(9)");
    repository.write("retry.py", format!("{changed}{FORMERLY}"));
    repository.commit("fix(retry): make more attempts before giving up (#7)");
    repository.write("retry.py", changed);
    repository.commit("Wait no longer for a busy printer");
    repository.write("notes.md", "nothing of code\n");
    repository.commit("Write notes that are no code at all");
    let before = repository.git(&["status", "--porcelain", "--ignored"]);
    let save = ["eval", "--json", "--from-history", "--budgets=300,2000", "--save"];
    let target = repository.root().join("../scores.json");
    let result = conexus().run(repository.root(), save.iter().map(|&word| word.into()).chain([target.clone()]));
    let result = result.expect(0).json();
    let scores: serde_json::Value = serde_json::from_slice(&std::fs::read(target).expect("saved")).expect("JSON");
    let queries: Vec<_> = scores
        .as_array()
        .into_iter()
        .flatten()
        .map(|scored| (&scored["category"], &scored["query"], &scored["hits"][0]))
        .collect();
    assert_eq!(
        serde_json::json!(queries),
        serde_json::json!([
            ["documentation", "Calls again after a pause that doubles each time", "retry.py:1"],
            ["commit", "Wait no longer for a busy printer", "retry.py:17"],
            ["commit", "make more attempts before giving up", "retry.py:1"],
        ])
    );
    assert_eq!((result["queries"].as_u64(), result["ndcg_at_10"].as_f64()), (Some(3), Some(1.0)), "{result:#}");
    let budgets: Vec<_> = result["budgets"].as_array().into_iter().flatten().map(|budget| &budget["tokens"]).collect();
    assert_eq!(serde_json::json!(budgets), serde_json::json!([300, 2000]), "{result:#}");
    // Every function is short enough to be shown whole.
    let whole = &result["budgets"][1];
    assert_eq!(
        (&whole["queries_with_lines"], &whole["all_lines"], &whole["lines"]),
        (&3.into(), &1.0.into(), &1.0.into())
    );
    assert_eq!(repository.git(&["status", "--porcelain", "--ignored"]), before, "the repository is only read");
    let outside = Workspace::of("//- a.py\nprint()\n");
    let run = conexus().run(outside.root(), ["eval", "--from-history"]).expect(2);
    assert!(run.stderr.contains("no git repository"), "{run}");
}

/// Two files alike and a commit that changes one of them, after so many that did so too.
fn two_alike(before: u32) -> Repository {
    let workspace = Workspace::empty();
    for side in ["left.py", "right.py"] {
        workspace.write(side, RETRY);
    }
    let repository = Repository::init(workspace);
    for attempts in 10..10 + before {
        repository.write("left.py", RETRY.replace("range(5)", &format!("range({attempts})")));
        repository.commit("Release");
    }
    repository.write("left.py", RETRY.replace("range(5)", "range(9)"));
    repository.commit(MORE_ATTEMPTS);
    repository
}

const MORE_ATTEMPTS: &str = "Make more attempts before giving up";

/// The first hit for the subject of the last commit, when `eval` asks with these arguments.
fn first_hit(repository: &Repository, extra: &[&str]) -> String {
    let target = repository.root().join("../scores.json");
    let arguments = ["eval", "--from-history", "--save"].iter().map(Into::into).chain([target.clone()]);
    conexus().run(repository.root(), arguments.chain(extra.iter().map(Into::into))).expect(0);
    let scores: serde_json::Value = serde_json::from_slice(&std::fs::read(target).expect("saved")).expect("JSON");
    let asked = scores.as_array().expect("a list").iter().find(|asked| asked["query"] == MORE_ATTEMPTS);
    let asked = asked.expect("a query of the commit");
    assert_eq!(asked["category"], "commit", "{scores:#}");
    asked["hits"][0].as_str().unwrap_or("").to_owned()
}

/// Two files alike: which one is meant, only the file that is worked on says.
#[test]
fn the_active_file_is_preferred_among_equals() {
    let repository = two_alike(0);
    assert_eq!(first_hit(&repository, &[]), "right.py:1");
    assert_eq!(first_hit(&repository, &["--active-file", "changed"]), "left.py:1");
    assert_eq!(first_hit(&repository, &["--active-file", "changed", "--weight", "active_file=0"]), "right.py:1");
    assert_eq!(first_hit(&repository, &["--active-file", "unrelated"]), "right.py:1");
    let nothing_else = ["eval", "--from-history", "--active-file", "other"];
    let run = conexus().run(repository.root(), nothing_else).expect(2);
    assert!(run.stderr.contains("no query could be made"), "{run}");
}

/// The same, when what was worked on before says it.
#[test]
fn what_the_commits_before_changed_is_preferred_among_equals() {
    let repository = two_alike(5);
    assert_eq!(first_hit(&repository, &[]), "right.py:1");
    assert_eq!(first_hit(&repository, &["--open-files"]), "left.py:1");
    assert_eq!(first_hit(&repository, &["--open-files", "--weight", "open_file=0"]), "right.py:1");
    conexus().run(repository.root(), ["eval", "--from-history", "--open-files", "--active-file", "changed"]).expect(2);
}
