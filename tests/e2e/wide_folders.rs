//! A home folder that is opened by mistake is refused with one message, in an editor and on the command line, and
//! allowed by whoever means it.

use conexus_testkit::{LspClient, Program, file_uri};
use serde_json::json;

use crate::support::conexus;

/// A program whose user has a file in the home folder itself.
fn somebody() -> (Program, std::path::PathBuf) {
    let program = conexus();
    let home = program.home().join("user");
    std::fs::write(home.join("diary.md"), "# Diary\n\nDear diary, the wombat sneezed.\n").expect("a file");
    (program, home)
}

const ALLOWED: &str = "[index]\nany_folder = true\n";

#[test]
fn an_editor_that_opens_a_home_folder_is_told_once() {
    let (program, home) = somebody();
    let mut command = program.command(&home);
    command.arg("lsp");
    let mut client = LspClient::start(command);
    client.initialize(&json!({ "rootUri": file_uri(&home), "capabilities": {} }));
    let message = client.expect("window/showMessage");
    let text = message["params"]["message"].as_str().expect("text");
    assert!(text.contains("is a home folder") && text.contains("any_folder = true"), "{text}");
    assert_eq!(message["params"]["type"], 1);
    for _ in 0..2 {
        let answer = client.call("conexus/search", &json!({ "query": "wombat" }));
        assert_eq!(
            (answer["hits"].as_array().map(Vec::len), &answer["notices"][0]["kind"]),
            (Some(0), &json!("unavailable"))
        );
    }
    let status = client.call("conexus/status", &json!({}));
    assert_eq!(status["workspaces"][0]["activity"], "failed");
    assert!(!client.has("window/showMessage"), "it is told again");
    client.shut_down();

    std::fs::write(home.join("conexus.toml"), ALLOWED).expect("a file");
    let mut command = program.command(&home);
    command.arg("lsp");
    let mut client = LspClient::open(command, &home);
    let answer = client.call("conexus/search", &json!({ "query": "wombat" }));
    assert_eq!(answer["hits"][0]["path"], "diary.md");
    client.shut_down();
}

#[test]
fn the_command_line_searches_a_home_folder_only_when_it_is_named() {
    let (program, home) = somebody();
    for arguments in [&["search", "wombat"][..], &["index"], &["symbols"], &["mcp"]] {
        let run = program.run(&home, arguments).expect(2);
        assert!(run.stderr.contains("is a home folder") && run.stderr.contains("any_folder = true"), "{}", run.stderr);
    }
    assert!(!program.home().join("cache/conexus").exists(), "something was indexed");
    program.run(&home, ["search", "wombat", "--workspace", "."]).expect(0);
    program.run(&home, ["index", "."]).expect(0);
    std::fs::write(home.join("conexus.toml"), ALLOWED).expect("a file");
    program.run(&home, ["search", "wombat"]).expect(0);
}
