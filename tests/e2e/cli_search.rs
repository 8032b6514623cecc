//! The commands as a person or a script meets them: answers, forms, exit codes.

use conexus_testkit::{Repository, Workspace};
use serde_json::json;

use crate::support::{Session, conexus, notices, paths};

const PROJECT: &str = r#"
//- src/net/retry.rs
//! Retries for requests that failed.

/// Calls the server again until it answers, with a growing pause between attempts.
pub fn retry_with_backoff(attempts: u32) -> Result<Response, Error> {
    for attempt in 0..attempts {
        if let Ok(response) = send() {
            return Ok(response);
        }
        std::thread::sleep(pause(attempt));
    }
    Err(Error::GaveUp)
}

pub struct Backoff {
    base: u64,
}

impl Backoff {
    /// Doubles the pause.
    pub fn next_pause(&mut self) -> u64 {
        self.base *= 2;
        self.base
    }
}

#[test]
fn retry_gives_up() {
    assert!(retry_with_backoff(0).is_err());
}
//- web/cart.ts
export class ShoppingCart {
  /** Adds an article to the cart. */
  addArticle(article: Article): void {
    this.articles.push(article);
  }
}
//- tools/report.py
def render_report(rows):
    """Writes the rows as an HTML table."""
    return "<table>" + "".join(row_html(row) for row in rows) + "</table>"
//- tests/retry_test.rs
#[test]
fn backoff_doubles() {
    let mut backoff = Backoff { base: 1 };
    assert_eq!(backoff.next_pause(), 2);
}
//- docs/guide.md
# Guide

## Installing

Copy the program to a folder in your path.

## Limits on requests

At most ten requests a second are answered.
"#;

/// Calls beside what they call, which names and words speak for.
const CALLS: &str = r#"
//- blob.py
def load_blob(repo, blob, buffer):
    """Loads a blob of a repo into a buffer: repo, blob, buffer."""
    return repo.load_blob_into(blob, buffer)


class Blob:
    """A blob of a repo."""
//- restore.py
class Restorer:
    def __init__(self, repo, target):
        self.repo = repo
        self.target = target

    def restore_file(self, node):
        """Writes one file of a snapshot to the target folder."""
        path = self.target.join(node.name)
        with open(path, "wb") as out:
            for blob in node.content:
                data = repo.load_blob(blob, None)
                out.write(data)
            out.truncate(node.size)
        self.restore_times(node, path)
        return path

    def restore_times(self, node, path):
        """Sets the times of a file of the repo, unless the blob of the repo says none."""
        set_times(path, node.accessed, node.modified)
//- items.py
class Items:
    """Items of a row."""

    def get(self, row):
        """Gets the items of a row."""
        return self.rows[row]

    def put(self, row, items):
        """Puts items into a row."""
        self.rows[row] = items
//- fill.py
def fill_table(table):
    """Fills a table for a test; see main.go:12 and what it calls."""
    for row in table:
        row.items.put(7)
        if row.items.get(0) is None:
            row.clear()
//- main.go
package main

// main sees to it that all is well, and begins.
func main() {
	see()
}
"#;

fn project() -> Session {
    Session::new(Workspace::of(PROJECT))
}

#[test]
fn a_question_finds_the_function() {
    let session = project();
    let answer = session.search("where do we send a request again when it failed");
    let first = &answer["hits"][0];
    assert_eq!(first["path"], "src/net/retry.rs", "{answer:#}");
    assert!(first["start_line"].as_u64() <= first["end_line"].as_u64());
    assert_eq!(answer["notices"].as_array().map(Vec::len), Some(0), "{answer:#}");
    assert_eq!(session.paths("add something to the shopping cart")[0], "web/cart.ts");
    assert_eq!(session.paths("copy the program to a folder in your path")[0], "docs/guide.md");
    assert_eq!(session.paths("render rows as html")[0], "tools/report.py");
}

#[test]
fn a_name_finds_its_definition() {
    let session = project();
    let hit = |query: &str| session.search(query)["hits"][0].clone();
    let exact = hit("retry_with_backoff");
    assert_eq!((exact["name"].as_str(), exact["kind"].as_str()), (Some("retry_with_backoff"), Some("function")));
    assert_eq!(hit("ShoppingCart")["path"], "web/cart.ts");
    assert_eq!(hit("nextPause")["name"], "next_pause");
}

#[test]
fn quoted_text_is_found_as_it_stands() {
    let session = project();
    assert_eq!(session.paths("\"Doubles the pause\"")[0], "src/net/retry.rs");
    let session = Session::new(Workspace::of(CALLS));
    for (query, expected) in [
        // What looks like a place or a message is quoted text all the same.
        ("\"row.items.put(7)\"", "fill.py"),
        ("\"row.items.get(0)\"", "fill.py"),
        ("\"see main.go:12 and\"", "fill.py"),
        // A definition of every word that is quoted or asked for comes after.
        ("\"repo.load_blob(blob, None)\"", "restore.py"),
        ("load a \"repo.load_blob(blob\" of the repo into a buffer", "restore.py"),
        ("Items \"row.clear()\"", "fill.py"),
        ("load blob \"repo.load_blob\" \"out.truncate\"", "restore.py"),
    ] {
        assert_eq!(session.paths(query)[0], expected, "{query}");
    }
    let said = |query: &str| session.run(["search", query]).expect_any(&[0, 1]).stderr;
    assert!(!said("\"row.clear()\"").contains("quoted"));
    assert!(said("clear a row \"row.clean()\"").contains("no chunk holds the quoted text"));
}

#[test]
fn filters_narrow_the_answer() {
    let session = project();
    let filtered = |arguments: &[&str]| {
        let arguments = [&["search", "--json", "backoff pause retry report article"], arguments].concat();
        paths(&session.run(arguments).expect_any(&[0, 1]).json())
    };
    assert!(filtered(&["--lang", "python"]).iter().all(|path| path == "tools/report.py"));
    assert!(filtered(&["--glob", "web"]).iter().all(|path| path == "web/cart.ts"));
    assert!(filtered(&["--glob", "*.ts"]).iter().all(|path| path == "web/cart.ts"));
    assert!(!filtered(&["--exclude", "src"]).iter().any(|path| path.starts_with("src/")));
    assert_eq!(filtered(&["--tests", "only", "--glob", "tests"]), ["tests/retry_test.rs"]);
    assert!(!filtered(&["--tests", "exclude"]).contains(&"tests/retry_test.rs".to_owned()));
    let answer = session.run(["search", "--json", "--kind", "method", "pause"]).expect(0).json();
    assert!(answer["hits"].as_array().expect("hits").iter().all(|hit| hit["kind"] == "method"), "{answer:#}");
    let nothing = session.run(["search", "--json", "--glob", "nowhere/**", "backoff"]).expect(1).json();
    assert_eq!(notices(&nothing), ["filter_matches_nothing"]);
}

#[test]
fn a_search_can_be_kept_to_what_changed_since_a_revision() {
    let session = Session::new(Repository::init(Workspace::of(PROJECT)));
    let changed = |revision: &str| {
        let answer = session.run(["search", "--json", "--changed-since", revision, "retry report cart"]);
        paths(&answer.expect_any(&[0, 1]).json())
    };
    assert_eq!(changed("HEAD"), Vec::<String>::new());
    session.workspace.branch("work");
    session.workspace.write("tools/report.py", "def render_report(rows):\n    return str(rows)\n");
    session.workspace.commit("simpler report");
    session.workspace.write("web/new_cart.ts", "export class NewCart {}\n");
    let unique = |paths: Vec<String>| {
        paths.into_iter().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
    };
    assert_eq!(unique(changed("HEAD")), ["web/new_cart.ts"]);
    assert_eq!(unique(changed("main")), ["tools/report.py", "web/new_cart.ts"]);
    for wrong in ["no-such-branch", "", "--output=x", "HEAD; true"] {
        let run = session.run(["search".to_owned(), format!("--changed-since={wrong}"), "retry".to_owned()]).expect(2);
        assert!(run.stderr.contains("revision") || run.stderr.contains("value"), "{run}");
    }
    assert_eq!(session.workspace.files().len(), 6, "no call of git wrote a file");
}

#[test]
fn pages_follow_each_other_without_gap_or_repetition() {
    let session = project();
    let page = |offset: usize, limit: usize| {
        let arguments = [
            "search",
            "--json",
            "--limit",
            &limit.to_string(),
            "--offset",
            &offset.to_string(),
            "pause request article",
        ];
        session.run(arguments).expect_any(&[0, 1]).json()
    };
    let place = |hit: &serde_json::Value| format!("{}:{}", hit["path"], hit["start_line"]);
    let places =
        |answer: &serde_json::Value| answer["hits"].as_array().expect("hits").iter().map(place).collect::<Vec<_>>();
    let whole = places(&page(0, 100));
    assert!(whole.len() > 4, "{whole:?}");
    assert_eq!([places(&page(0, 2)), places(&page(2, 2))].concat(), whole[..4]);
    assert_eq!(page(0, 2)["more"], true);
    assert_eq!(page(0, 100)["more"], false);
    assert_eq!(places(&page(whole.len(), 10)), Vec::<String>::new());
}

#[test]
fn every_hit_explains_its_score() {
    let mut features = std::collections::BTreeSet::new();
    for (session, query) in [
        (project(), "retry"),
        (project(), "tests of requests that are sent again, and articles in a report"),
        (project(), "Backoff::next_pause"),
        (project(), "panicked at src/net/retry.rs:11:5: gave up"),
        (Session::new(Workspace::of(CALLS)), "load a \"repo.load_blob(blob\" of the repo into a buffer"),
    ] {
        let answer = session.run(["search", "--json", "--explain", "--limit", "50", query]).expect(0).json();
        let mut best = f64::INFINITY;
        for hit in answer["hits"].as_array().expect("hits") {
            let mut sum = 0.0;
            for contribution in hit["contributions"].as_array().expect("contributions") {
                let (feature, value) = (contribution["feature"].as_str(), contribution["value"].as_f64());
                let (feature, value) = (feature.expect("a name"), value.expect("a number"));
                sum = if feature.ends_with("_factor") { sum * value } else { sum + value };
                features.insert(feature.to_owned());
            }
            let score = hit["score"].as_f64().expect("a number");
            assert!((score - sum).abs() < 1e-4, "{query}: {score} is not {sum}: {hit:#}");
            assert!(score <= best, "{query}: {answer:#}");
            best = score;
        }
    }
    for feature in [
        "bm25", "vector", "defines_query", "stem_matches", "place_matches", "quoted_matches", "holds_all_quoted",
        "coherence", "test_factor", "repetition_factor",
    ] {
        assert!(features.contains(feature), "no hit has {feature}: {features:?}");
    }
}

#[test]
fn text_answers_name_places_on_stdout_alone() {
    let session = project();
    let run = session.run(["search", "retry_with_backoff"]).expect(0);
    assert!(run.stdout.starts_with("src/net/retry.rs:"), "{run}");
    assert!(run.stdout.contains("pub fn retry_with_backoff"), "{run}");
    assert!(!run.stdout.contains('\u{1b}'), "colours need a terminal: {run}");
    let quiet = session.run(["--quiet", "search", "retry_with_backoff"]).expect(0);
    assert_eq!((quiet.stdout, quiet.stderr.as_str()), (run.stdout, ""));
    let coloured = session.run(["--color", "always", "search", "retry_with_backoff"]).expect(0);
    assert!(coloured.stdout.contains("\u{1b}["));
}

#[test]
fn symbols_are_listed_and_found() {
    let session = project();
    let names = |arguments: &[&str]| {
        let run = session.run([&["symbols", "--json"], arguments].concat()).expect(0).json();
        let symbols = run["symbols"].as_array().expect("symbols").clone();
        symbols.iter().map(|symbol| symbol["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&["web/cart.ts"]), ["ShoppingCart", "addArticle"]);
    assert_eq!(names(&["Backoff::next_pause"])[0], "next_pause");
    assert!(names(&[]).contains(&"render_report".to_owned()));
}

#[test]
fn similar_code_is_found_from_a_place() {
    let workspace = Workspace::of(PROJECT);
    workspace.write("src/poll.rs", "fn poll_again(attempts: u32) -> Result<Response, Error> {\n    for attempt in 0..attempts {\n        if let Ok(response) = send() {\n            return Ok(response);\n        }\n        std::thread::sleep(pause(attempt));\n    }\n    Err(Error::GaveUp)\n}\n");
    let session = Session::new(workspace);
    let answer = session.run(["similar", "--json", "src/poll.rs:3"]).expect(0).json();
    assert_eq!(answer["hits"][0]["path"], "src/net/retry.rs", "{answer:#}");
    assert!(!paths(&answer).contains(&"src/poll.rs".to_owned()), "a place is not similar to itself");
    for wrong in ["src/poll.rs", "src/poll.rs:0", "src/poll.rs:999", "none.rs:1", "../x.rs:1"] {
        let run = session.run(["similar", wrong]).expect(2);
        assert!(run.stderr.starts_with("conexus: "), "{run}");
    }
}

#[test]
fn exit_codes_are_a_contract() {
    let session = project();
    for (arguments, code) in [
        (&["status"][..], 1),
        (&["search", "retry"], 0),
        (&["search", "--mode", "keyword", "zzqx"], 1),
        (&["search", "--mode", "symbol", "zzqx"], 1),
        (&["search", ""], 1),
        (&["search"], 2),
        (&["search", "--limit", "0", "retry"], 2),
        (&["search", "--kind", "nothing", "retry"], 2),
        (&["search", "--lang", "klingon", "retry"], 2),
        (&["search", "--glob", "a{", "retry"], 2),
        (&["nonsense"], 2),
        (&["index"], 0),
        (&["index", "none"], 2),
        (&["symbols", "retry_with_backoff"], 0),
        (&["symbols", "zzqx"], 1),
        (&["symbols", "--limit", "0", "retry"], 2),
        (&["similar", "src/net/retry.rs:5"], 0),
        (&["status"], 0),
        (&["doctor"], 0),
        (&["verify"], 0),
        (&["clear"], 0),
        (&["clear"], 0),
        (&["eval", "--queries", "none.tsv", "--checkouts", "."], 2),
        (&["completions", "bash"], 0),
        (&["completions", "klingon"], 2),
        (&["man"], 0),
        (&["--version"], 0),
        (&["--help"], 0),
    ] {
        let run = session.run(arguments).expect(code);
        if code == 2 {
            assert!(run.stdout.is_empty() && !run.stderr.is_empty(), "an error goes to stderr alone: {run}");
        }
    }
}

#[test]
fn json_is_one_document_on_stdout() {
    let session = project();
    for arguments in [
        &["index"][..],
        &["search", "retry"],
        &["search", "--mode", "keyword", "zzqx"],
        &["symbols"],
        &["similar", "src/net/retry.rs:5"],
        &["status"],
        &["doctor"],
        &["verify"],
        &["clear"],
    ] {
        for form in [&["--json"][..], &["--format", "json"]] {
            let run = session.run([form, arguments].concat()).expect_any(&[0, 1]);
            assert!(run.json().is_object(), "{run}");
        }
    }
}

#[test]
fn a_change_is_found_by_the_next_search() {
    let session = project();
    session.index();
    assert_eq!(session.run(["search", "--mode", "keyword", "quokka"]).expect(1).stdout, "");
    session.workspace.write("src/quokka.rs", "fn quokka() {}\n");
    assert_eq!(session.paths("quokka")[0], "src/quokka.rs");
    session.workspace.rename("src/quokka.rs", "src/wombat.rs");
    assert_eq!(session.paths("quokka")[0], "src/wombat.rs");
    assert!(!session.paths("quokka").contains(&"src/quokka.rs".to_owned()));
    session.workspace.remove("src/wombat.rs");
    assert!(!session.paths("quokka").contains(&"src/wombat.rs".to_owned()));
    let report = session.index();
    assert_eq!((report["updated"].as_u64(), report["removed"].as_u64()), (Some(0), Some(0)), "{report:#}");
}

#[test]
fn content_that_was_seen_before_is_not_analysed_again() {
    let session = project();
    session.index();
    session.workspace.write("src/copy.rs", session.workspace.read("src/net/retry.rs"));
    session.workspace.rename("tools/report.py", "tools/table.py");
    let report = session.index();
    assert_eq!((report["updated"].as_u64(), report["reused"].as_u64()), (Some(0), Some(2)), "{report:#}");
}

/// A file that is too large to be parsed is found by its words; who asks is told why it has no symbols.
#[test]
fn files_without_symbols_are_named() {
    let session = project();
    session.workspace.write("conexus.toml", "[index]\nmax_file_bytes = 16777216\n");
    let line = "pub fn numbat() -> u32 { 1 }\n";
    session.workspace.write("src/large.rs", line.repeat((4 << 20) / line.len() + 1));
    session.index();
    let status = session.run(["status", "--json"]).expect(0).json();
    assert_eq!(
        status["unparsed"],
        json!([{ "path": "src/large.rs", "reason": "since it is larger than what is parsed" }])
    );
    let text = session.run(["status"]).expect(0);
    assert!(text.stdout.contains("unparsed    src/large.rs: searched without symbols"), "{text}");
    let doctor = session.run(["doctor"]).expect_any(&[0, 1]);
    assert!(doctor.stdout.contains("src/large.rs is searched without its symbols"), "{doctor}");
    assert_eq!(session.paths("numbat")[0], "src/large.rs");
}

#[test]
fn the_index_lies_outside_the_workspace() {
    let session = project();
    let before = session.workspace.files();
    session.index();
    assert_eq!(session.workspace.files(), before);
    assert!(session.index_dir().starts_with(session.program.home()), "{}", session.index_dir().display());
    session.run(["clear"]).expect(0);
    let status = session.run(["status", "--json"]).expect(1).json();
    assert_eq!(status["indexed"], false, "{status:#}");
}

#[test]
fn an_index_inside_the_workspace_does_not_follow_itself() {
    let session = project();
    let files = session.index()["files"].clone();
    for _ in 0..3 {
        let report = session.run(["index", "--json", "--index-dir", "index"]).expect(0).json();
        assert_eq!(report["files"], files, "{report:#}");
    }
    let report = session.run(["index", "--json", "--index-dir", "index"]).expect(0).json();
    assert_eq!(report["updated"], 0, "{report:#}");
    let root = session.workspace.root();
    std::fs::remove_dir_all(root.join("index")).expect("the index");
    // However the folder is spelt, also through links.
    let top = root.file_name().expect("a name").to_string_lossy().into_owned();
    let link = session.program.home().join("link");
    let mut spelt = vec![
        (root, ["--index-dir".to_owned(), format!("../{top}/index")]),
        (root, ["--index-dir".to_owned(), "src/../index".to_owned()]),
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(root, &link).expect("a link");
        let through_link = link.join("index").to_string_lossy().into_owned();
        spelt.push((root, ["--index-dir".to_owned(), through_link.clone()]));
        spelt.push((&link, ["--index-dir".to_owned(), through_link.clone()]));
        spelt.push((root, ["XDG_CACHE_HOME".to_owned(), through_link]));
    }
    for (workspace, [how, folder]) in spelt {
        for round in 0..3 {
            let mut command = session.program.command(root);
            command.args(["index", "--json", "--workspace"]).arg(workspace);
            if how.starts_with("--") {
                command.args([&how, &folder])
            } else {
                command.env(&how, &folder)
            };
            let run = conexus_testkit::run(command).expect(0);
            let report = run.json();
            assert_eq!(report["files"], files, "{run}");
            assert!(round == 0 || report["updated"] == 0, "{run}");
        }
        assert!(root.join("index").is_dir(), "{how} {folder} is inside");
        std::fs::remove_dir_all(root.join("index")).expect("the index");
    }
    // Nor can it lie where the workspace is, or around it.
    for around in [".", "..", &format!("../{top}")] {
        let run = session.run(["index", "--index-dir", around]).expect(2);
        assert!(run.stderr.contains("--index-dir") && run.stderr.contains("holds the workspace"), "{run}");
    }
    assert_eq!(session.index()["files"], files);
}

#[test]
fn settings_are_taken_from_flags_environment_and_files() {
    let session = project();
    session.workspace.write("conexus.toml", "[index]\nexclude = ['web/']\n");
    assert!(!session.paths("ShoppingCart").contains(&"web/cart.ts".to_owned()));
    session.workspace.write("conexus.toml", "[index]\nexcluded = ['web/']\n");
    let run = session.run(["search", "retry"]).expect(2);
    assert!(
        run.stderr.contains("conexus.toml") && run.stderr.contains("line 2") && run.stderr.contains("excluded"),
        "{run}"
    );
    session.workspace.write("conexus.toml", "[index]\ndir = 'elsewhere'\n");
    let run = session.run(["search", "retry"]).expect(2);
    assert!(run.stderr.contains("index.dir"), "{run}");
    session.workspace.remove("conexus.toml");
    let mut command = session.command(["search", "retry"]);
    command.env("CONEXUS_MEMORY_MB", "many");
    let run = conexus_testkit::run(command).expect(2);
    assert!(run.stderr.contains("CONEXUS_MEMORY_MB"), "{run}");
}

#[test]
fn the_log_goes_where_the_users_settings_say() {
    let session = project();
    let log = |name: &str| std::fs::read_to_string(session.workspace.path(name)).unwrap_or_default();
    // A language server whose client is gone ends at once, and says so.
    let says = "the session ends";
    session.workspace.write("own.toml", "[log]\nfile = 'logs.txt'\nlevel = 'info'\n");
    let run = session.run(["--config", "own.toml", "lsp"]).expect(1);
    assert!(log("logs.txt").contains(says) && !run.stderr.contains(says), "{run}");
    session.run(["--log-file", "other.txt", "lsp"]).expect(1);
    assert!(log("other.txt").contains(says), "{:?}", log("other.txt"));
    let run = session.run(["-v", "lsp"]).expect(1);
    assert!(run.stderr.contains(says), "{run}");
    let run = session.run(["--log-file", "no/such/folder/log.txt", "index"]).expect(2);
    assert!(run.stderr.contains("no/such/folder/log.txt"), "{run}");
    session.workspace.write("own.toml", "[log]\nlevel = 'conexus=loud'\n");
    let run = session.run(["--config", "own.toml", "index"]).expect(2);
    assert!(run.stderr.contains("log.level"), "{run}");
    // A repository may not choose where something is written.
    session.workspace.write("conexus.toml", "[log]\nfile = 'logs.txt'\n");
    let run = session.run(["index"]).expect(2);
    assert!(run.stderr.contains("conexus.toml") && run.stderr.contains("`log`"), "{run}");
}

#[test]
fn without_a_model_search_says_that_it_goes_by_words() {
    let session = project();
    let mut command = session.command(["search", "--json", "retry_with_backoff"]);
    command.env("CONEXUS_EMBEDDING", "off");
    let answer = conexus_testkit::run(command).expect(0).json();
    assert_eq!(answer["hits"][0]["path"], "src/net/retry.rs");
    // Back to the model: vectors are made for what is indexed.
    let answer = session.search("send a request again when it failed");
    assert_eq!(answer["hits"][0]["path"], "src/net/retry.rs");
    assert_eq!(notices(&answer), Vec::<&str>::new());
    session.expect_like_fresh("after the model came back");
}

#[test]
fn an_index_that_is_not_there_yet_is_not_called_empty() {
    let session = project();
    let run = session.run(["search", "--no-index", "retry"]).expect(1);
    assert!(run.stderr.contains("nothing is indexed yet; `conexus index` does it"), "{run}");
    session.index();
    session.run(["search", "--no-index", "retry"]).expect(0);
}

#[test]
fn two_processes_share_one_index() {
    let session = project();
    let runs: Vec<_> =
        (0..4).map(|_| conexus_testkit::start(session.command(["search", "--json", "retry_with_backoff"]))).collect();
    for run in runs {
        let answer = run.wait().expect(0).json();
        assert_eq!(paths(&answer)[0], "src/net/retry.rs", "{answer:#}");
    }
    session.expect_like_fresh("after four at once");
}

/// Each command beside others that build a first index answers as if it were alone.
#[test]
fn commands_wait_for_one_that_indexes() {
    const FILES: u64 = 600;
    let session = Session::new(Workspace::empty());
    for at in 0..FILES {
        session
            .workspace
            .write(&format!("src/many_{at}.rs"), format!("pub fn many_{at}() {{ wait({at}) }}\n").repeat(20));
    }
    let commands: [&[&str]; 6] = [
        &["index", "--json"],
        &["search", "--json", "many_599"],
        &["symbols", "--json", "many_599"],
        &["similar", "--json", "src/many_599.rs:1"],
        &["index", "--json"],
        &["verify", "--json"],
    ];
    let runs: Vec<_> = commands.iter().map(|command| conexus_testkit::start(session.command(*command))).collect();
    for (run, command) in runs.into_iter().zip(commands) {
        let answer = run.wait().expect(0).json();
        match command[0] {
            "index" => assert_eq!(answer["files"], FILES, "{answer:#}"),
            "search" => assert_eq!(paths(&answer)[0], "src/many_599.rs", "{answer:#}"),
            "symbols" => assert_eq!(answer["symbols"][0]["path"], "src/many_599.rs", "{answer:#}"),
            "verify" => assert_eq!((&answer["equal"], &answer["files"]), (&json!(true), &json!(FILES)), "{answer:#}"),
            _ => assert!(!paths(&answer).is_empty(), "{answer:#}"),
        }
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let session = project();
    session.index();
    let mut command = session.command(["search", "--limit", "1000", "--context", "50", "a"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("the program ends");
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{output:?}");
}

#[test]
fn the_repository_around_the_current_folder_is_meant() {
    let workspace = Workspace::of(PROJECT);
    workspace.write(".git/HEAD", "ref: refs/heads/main\n");
    let program = conexus();
    let run = program.run(&workspace.path("src/net"), ["search", "--json", "ShoppingCart"]).expect(0);
    assert_eq!(run.json()["hits"][0]["path"], "web/cart.ts");
}

#[test]
fn completions_and_manual_name_the_commands() {
    let program = conexus();
    let folder = program.home().to_owned();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(program.run(&folder, ["completions", shell]).expect(0).stdout.contains("similar"), "{shell}");
    }
    let manual = program.run(&folder, ["man"]).expect(0).stdout;
    let pages: Vec<&str> = manual.split("\n.TH ").skip(1).collect();
    // An option of its own for each of some commands, and one that all have.
    for (command, option) in [
        ("conexus ", "conexus\\-search(1)"),
        ("conexus-search ", "\\-\\-explain"),
        ("conexus-search ", "\\-\\-changed\\-since"),
        ("conexus-search ", "\\-\\-index\\-dir"),
        ("conexus-index ", "\\-\\-force"),
        ("conexus-symbols ", "\\-\\-limit"),
        ("conexus-eval ", "\\-\\-compare"),
        ("conexus-lsp ", "\\-\\-unguarded"),
    ] {
        let page = pages.iter().find(|page| page.starts_with(command));
        let page = page.unwrap_or_else(|| panic!("no page of {command}: {manual}"));
        assert!(page.contains(option), "{command}: {option}: {page}");
    }
    // Each command that the first page names has its page, and none that is hidden.
    let help = program.run(&folder, ["--help"]).expect(0).stdout;
    let listed =
        help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a list of commands");
    let commands =
        listed.lines().filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    let commands: Vec<&str> = commands.filter(|command| *command != "help").collect();
    assert_eq!(pages.len(), commands.len() + 1, "{commands:?}");
    for command in commands {
        assert!(pages.iter().any(|page| page.starts_with(&format!("conexus-{command} "))), "{command}");
    }
}
