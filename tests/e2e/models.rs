//! A slow embedding model in place of the built-in one: what answers before its vectors are there, and while it does not
//! answer at all.

use std::time::Duration;

use conexus_testkit::{Endpoint, LspClient, Workspace, check_random, file_uri, wait_until};
use serde_json::{Value, json};

use crate::{crash::kill_after, support::Session};

const DEADLINE: Duration = Duration::from_mins(1);

const SOURCES: &[(&str, &str)] = &[
    (
        "src/retry.py",
        "def send_again(request):\n    \"\"\"Repeats a request that failed after a growing pause.\"\"\"\n    return request\n",
    ),
    (
        "src/cache.py",
        "def remember(key, value):\n    \"\"\"Keeps a value until it is too old.\"\"\"\n    return value\n",
    ),
    (
        "src/paint.py",
        "def fill_rectangle(canvas):\n    \"\"\"Colours the inside of a rectangle.\"\"\"\n    return canvas\n",
    ),
];

/// A question whose words no file holds but one: by words alone it is answered as well as by the test's endpoint.
const QUESTION: &str = "repeat what failed";

fn session<'a>(settings: &str, files: impl IntoIterator<Item = &'a (&'a str, &'a str)>) -> Session {
    let session = Session::new(Workspace::empty());
    for (path, text) in files {
        session.workspace.write(path, text);
    }
    let folder = session.program.home().join("config/conexus");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("conexus.toml"), settings).expect("settings");
    session
}

fn notices(answer: &Value) -> Vec<(&str, &str)> {
    let notices = answer["notices"].as_array().expect("notices");
    notices
        .iter()
        .map(|notice| (notice["kind"].as_str().unwrap_or_default(), notice["message"].as_str().unwrap_or_default()))
        .collect()
}

#[track_caller]
fn expect_builtin(answer: &Value, because: &str) {
    let said = notices(answer);
    let said = said.iter().find(|(kind, _)| *kind == "builtin_model").unwrap_or_else(|| panic!("{answer:#}"));
    assert!(said.1.contains(because), "{because:?}: {answer:#}");
    assert_eq!(answer["hits"][0]["path"], "src/retry.py", "{answer:#}");
}

#[track_caller]
fn expect_chosen(answer: &Value) {
    assert_eq!(notices(answer), [], "{answer:#}");
    assert_eq!(answer["hits"][0]["path"], "src/retry.py", "{answer:#}");
}

#[test]
fn the_builtin_model_answers_until_a_slow_one_has_vectors() {
    let endpoint = Endpoint::start();
    let session = session(&Endpoint::settings(endpoint.address()), SOURCES);
    let chunks = |session: &Session| session.run(["status", "--json"]).expect(0).json()["chunks"].as_u64();
    expect_builtin(&session.search(QUESTION), "0 of ");
    let status = session.run(["status", "--json"]).expect(0).json();
    assert!(status["builtin_model"].as_str().is_some_and(|reason| reason.starts_with("0 of ")), "{status:#}");
    let doctor = session.run(["doctor"]).expect(0);
    assert!(
        doctor.stdout.contains("in place of the chosen one") && doctor.stdout.contains("`conexus index` computes"),
        "{doctor}"
    );
    let asked = endpoint.texts();
    session.index();
    assert!(endpoint.texts() >= asked + chunks(&session).expect("chunks"), "each chunk is embedded");
    expect_chosen(&session.search(QUESTION));
    assert_eq!(session.run(["status", "--json"]).expect(0).json()["builtin_model"], Value::Null);
    let verified = session.run(["verify", "--json"]).expect(0).json();
    assert_eq!((&verified["equal"], &verified["vectors_compared"]), (&json!(true), &json!(false)), "{verified:#}");
    // A search that reads names or words alone has nothing to say about models.
    drop(endpoint);
    let answer = session.run(["search", "--json", "--mode", "keyword", "repeats request"]).expect(0).json();
    assert_eq!(notices(&answer), [], "{answer:#}");
}

#[test]
fn an_endpoint_that_is_down_is_stood_in_for_and_nothing_of_it_is_lost() {
    let address = Endpoint::nowhere();
    let session = session(&Endpoint::settings(address), SOURCES);
    let host = address.to_string();
    expect_builtin(&session.search(QUESTION), &host);
    // The settings allow two, but a person waits for the answer and nobody listens.
    expect_builtin(&session.search(QUESTION), "after 1 attempt");
    let report = session.index();
    assert!(report["embedding_fault"].as_str().is_some_and(|fault| fault.contains(&host)), "{report:#}");
    let endpoint = Endpoint::start_at(address);
    session.index();
    expect_chosen(&session.search(QUESTION));
    drop(endpoint);
    expect_builtin(&session.search(QUESTION), &host);
    // What was embedded is still there when it is back: the query alone is asked for, and the dimension.
    let endpoint = Endpoint::start_at(address);
    expect_chosen(&session.search(QUESTION));
    session.index();
    assert!(endpoint.texts() <= 4, "{} texts were embedded again", endpoint.texts());
}

#[test]
fn a_session_takes_up_an_endpoint_that_comes_and_outlives_one_that_goes() {
    let address = Endpoint::nowhere();
    let session = session(&Endpoint::settings(address), SOURCES);
    let mut command = session.program.command(session.workspace.root());
    command.arg("lsp");
    let mut client = LspClient::open(command, session.workspace.root());
    client.wait_until_idle();
    let search = |client: &mut LspClient| client.call("conexus/search", &json!({ "query": QUESTION }));
    let builtin =
        |client: &mut LspClient| client.call("conexus/status", &Value::Null)["workspaces"][0]["builtinModel"].clone();
    let answer = search(&mut client);
    assert_eq!(answer["notices"][0]["kind"], "builtinModel", "{answer:#}");
    assert!(builtin(&mut client).as_str().is_some_and(|why| why.contains(&address.to_string())));

    // An open document is embedded with the model that answers.
    let uri = file_uri(&session.workspace.path("src/new.py"));
    client.did_open(&uri, "python", "def knock():\n    \"\"\"Asks once more until the door opens.\"\"\"\n");
    let found = |client: &mut LspClient| {
        let answer = client.call("conexus/search", &json!({ "query": "asks once more until the door opens" }));
        answer["hits"][0]["path"].as_str().map(|found| found == "src/new.py")
    };
    assert_eq!(found(&mut client), Some(true));

    let endpoint = Endpoint::start_at(address);
    wait_until(DEADLINE, || {
        let why = builtin(&mut client);
        if why.is_null() { Ok(()) } else { Err(format!("the built-in model still answers: {why}")) }
    });
    // A slow model does not follow keystrokes: until it is saved, a new document is found by its words.
    let answer = search(&mut client);
    assert_eq!(answer["notices"][0]["kind"], "lexicalOnly", "one chunk of four has no vector: {answer:#}");
    assert_eq!(found(&mut client), Some(true));
    client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": uri } }));
    wait_until(DEADLINE, || match search(&mut client)["notices"].as_array() {
        Some(notices) if notices.is_empty() => Ok(()),
        notices => Err(format!("{notices:?}")),
    });
    drop(endpoint);
    // Not one that was embedded before: those are remembered.
    let answer = client.call("conexus/search", &json!({ "query": "request after a pause" }));
    assert_eq!(answer["notices"][0]["kind"], "lexicalOnly", "a query cannot be embedded any more: {answer:#}");
    assert_eq!(answer["hits"][0]["path"], "src/retry.py");
    let why = expect_lexical_only(&mut client);
    assert!(why.contains(&address.to_string()), "{why}");
    let endpoint = Endpoint::start_at(address);
    client.call("conexus/search", &json!({ "query": "request after a long pause" }));
    client.wait_for_status("meaning again", |status| status["workspaces"][0].get("lexicalOnly").is_none());
    drop(endpoint);
    client.shut_down();
}

/// A transformer is put in the place of the built-in model, changed, and lost.
#[cfg(feature = "transformer")]
#[test]
fn the_builtin_model_answers_until_a_transformer_has_vectors() {
    let tiny = conexus_testkit::TinyTransformer::new();
    let session = session("", SOURCES);
    session.index();
    expect_chosen(&session.search(QUESTION));
    let directory = tiny.directory.path();
    let settings = format!("[embedding]\nprovider = 'transformer'\ndirectory = '{}'\n", directory.display());
    std::fs::write(session.program.home().join("config/conexus/conexus.toml"), settings).expect("settings");

    // In a session it happens beside the answers.
    expect_builtin(&session.search(QUESTION), "0 of ");
    let mut command = session.program.command(session.workspace.root());
    command.arg("lsp");
    let mut client = LspClient::open(command, session.workspace.root());
    client.wait_for_status("the transformer's vectors", |status| status["workspaces"][0]["builtinModel"].is_null());
    let answer = client.call("conexus/search", &json!({ "query": QUESTION }));
    assert_eq!(answer["notices"], json!([]), "{answer:#}");
    client.shut_down();
    expect_chosen(&session.search(QUESTION));
    let model = |session: &Session| session.run(["status", "--json"]).expect(0).json()["model"].clone();
    let first = model(&session);
    assert!(first.as_str().is_some_and(|id| id.starts_with("transformer-")), "{first}");

    // Other weights or settings are another model.
    tiny.change("config.json", |config| config["hidden_act"] = json!("relu"));
    expect_builtin(&session.search(QUESTION), "0 of ");
    session.index();
    expect_chosen(&session.search(QUESTION));
    assert_ne!(model(&session), first);
    std::fs::remove_file(directory.join("model.safetensors")).expect("a file");
    let without = session.run(["search", "--json", QUESTION]).expect_any(&[0, 2]);
    assert!(without.to_string().contains("model.safetensors"), "{without}");
}

/// Waits until the status says why names and words only are searched.
#[track_caller]
fn expect_lexical_only(client: &mut LspClient) -> String {
    let status = client.wait_for_status("names and words", |status| status["workspaces"][0]["lexicalOnly"].is_string());
    assert_eq!(status["workspaces"][0]["builtinModel"], Value::Null, "{status:#}");
    status["workspaces"][0]["lexicalOnly"].as_str().expect("text").to_owned()
}

#[test]
fn without_a_model_the_status_says_so() {
    let session = session("", SOURCES);
    // The second follows the index of the first.
    let clients = [(); 2].map(|()| {
        let mut command = session.program.command(session.workspace.root());
        command.env("CONEXUS_EMBEDDING", "off").arg("lsp");
        let mut client = LspClient::open(command, session.workspace.root());
        assert_eq!(expect_lexical_only(&mut client), "no embedding model is set");
        client
    });
    clients.into_iter().for_each(LspClient::shut_down);
}

/// Kills a run while the endpoint computes vectors; the next run goes on and ends like a fresh one.
#[test]
fn killed_while_a_slow_model_embeds_the_next_run_goes_on() {
    let endpoint = Endpoint::start();
    let files: Vec<(String, String)> = (0..60)
        .map(|number| {
            (
                format!("src/f{number}.py"),
                format!(
                    "def name_{number}(value):\n    \"\"\"Adds {number} to it.\"\"\"\n    return value + {number}\n"
                ),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    endpoint.delay(Duration::from_millis(15));
    check_random(3, &proptest::collection::vec(0.0..1.0_f64, 3), |shares| {
        let session = session(&Endpoint::settings(endpoint.address()), &files);
        for share in &shares {
            kill_after(&session, Duration::from_secs(1).mul_f64(*share));
            let answer = session.run(["search", "--json", "--no-index", "name_7"]).expect_any(&[0, 1]);
            assert!(answer.json()["hits"].is_array(), "{answer}");
        }
        session.index();
        session.expect_like_fresh(&format!("after kills at {shares:?} of a second"));
    });
}
