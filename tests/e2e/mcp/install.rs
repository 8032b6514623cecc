//! `conexus mcp install CLIENT` and `--print-config`: what is written, what stays, and that a second run changes nothing.

use conexus_testkit::Run;
use serde_json::Value;

use crate::support::User;

const NOTHING: &str = "Everything is as it should be, nothing was changed.\n";

/// A client, its file below the home that the program is given, what stood in it, and what cannot be understood.
struct Case {
    client: &'static str,
    file: &'static str,
    before: &'static str,
    broken: &'static str,
}

const JSON: &str = "{\n  // mine\n  \"theme\": \"dark\", // one\n  \"mcpServers\": {\n    \"other\": { \"command\": \"x\" },\n  },\n}\n";

const CASES: &[Case] = &[
    Case { client: "claude-code", file: "user/.claude.json", before: JSON, broken: "{ \"mcpServers\": " },
    Case { client: "cursor", file: "user/.cursor/mcp.json", before: JSON, broken: "[]" },
    Case {
        client: "vscode",
        file: "config/Code/User/mcp.json",
        before: "{\n\t// mine\n\t\"servers\": {\n\t\t\"other\": { \"command\": \"x\" } // one\n\t}\n}\n",
        broken: "{ \"servers\": 3 }",
    },
    Case {
        client: "zed",
        file: "config/zed/settings.json",
        before: "// mine\n{\n  \"vim_mode\": true, // one\n}\n",
        broken: "{ \"context_servers\": [] }",
    },
    Case {
        client: "codex",
        file: "user/.codex/config.toml",
        before: "# mine\nmodel = 'x'\n\n[mcp_servers.other]\ncommand = 'y' # one\n",
        broken: "[mcp_servers",
    },
    Case { client: "gemini", file: "user/.gemini/settings.json", before: JSON, broken: "{ \"a\": 1 } }" },
];

impl User {
    /// Names of the files beside a file, itself among them.
    fn beside(&self, path: &str) -> Vec<String> {
        let path = self.path(path);
        let entries = std::fs::read_dir(path.parent().expect("a folder")).into_iter().flatten().flatten();
        let own = path.file_name().expect("a name").to_string_lossy().into_owned();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.retain(|name| name.starts_with(&own));
        names.sort();
        names
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let arguments = ["mcp"].iter().chain(arguments);
        self.program.run(self.program.home(), arguments)
    }

    #[track_caller]
    fn install(&self, arguments: &[&str]) -> String {
        self.run(&[&["install"], arguments].concat()).expect(0).stdout
    }
}

/// The program that the settings of a client start, and its arguments.
fn started(client: &str, text: &str) -> (String, Vec<String>) {
    let settings: Value = match client {
        "codex" => toml::from_str(text).expect("TOML"),
        // A JSON string is a YAML string.
        "continue" => {
            let command = text.lines().find_map(|line| line.trim().strip_prefix("command: ")).expect("a command");
            let arguments = text.lines().filter_map(|line| line.strip_prefix("      - ")).map(str::to_owned);
            return (serde_json::from_str(command).expect("a string"), arguments.collect());
        }
        _ => {
            let plain: String = text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect();
            serde_json::from_str(&plain.replace(", }", " }").replace(",}", "}")).expect("JSON")
        }
    };
    let key = match client {
        "vscode" => "servers",
        "zed" => "context_servers",
        "codex" => "mcp_servers",
        _ => "mcpServers",
    };
    let entry = &settings[key]["conexus"];
    let arguments = entry["args"].as_array().unwrap_or_else(|| panic!("no arguments: {text}")).iter();
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&entry["command"]), arguments.map(text).collect())
}

#[cfg(target_os = "linux")]
#[test]
fn every_client_starts_this_program_and_the_printed_settings_are_the_installed_ones() {
    let ours = ("continue", "user/.continue/mcpServers/conexus.yaml");
    for (client, file) in CASES.iter().map(|case| (case.client, case.file)).chain([ours]) {
        let user = User::new();
        let shown = user.install(&[client, "--dry-run"]);
        assert!(shown.contains("\n+") && shown.contains("conexus"), "{client}: {shown}");
        assert!(!user.path(file).exists(), "{client} --dry-run writes");
        let said = user.install(&[client]);
        assert!(said.contains(&user.path(file).display().to_string()), "{said}");
        let (program, arguments) = started(client, &user.read(file));
        assert_eq!((program.as_str(), arguments[0].as_str()), (env!("CARGO_BIN_EXE_conexus"), "mcp"), "{client}");
        let printed = user.run(&["--print-config", client]).expect(0);
        assert_eq!(printed.stdout, user.read(file), "{client}");
        assert!(printed.stderr.contains(&user.path(file).display().to_string()), "{printed}");
        assert_eq!(user.install(&[client]), NOTHING, "{client}");
        assert_eq!(user.beside(file).len(), 1, "{client}: nothing was there to keep");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_stands_in_a_clients_settings_stays_and_is_kept_beside_them() {
    for Case { client, file, before, .. } in CASES {
        let user = User::new();
        user.write(file, before);
        let shown = user.install(&[client, "--dry-run"]);
        assert!(shown.contains(&format!("--- {}", user.path(file).display())), "{shown}");
        assert_eq!(user.read(file), *before, "{client} --dry-run writes");
        user.install(&[client]);
        let after = user.read(file);
        for line in before.lines() {
            let kept = line.trim().trim_end_matches(['}', ',', ' ']);
            // A comma may have come behind what was the last entry.
            let is_kept = after.lines().any(|line| line.replace(',', "").contains(&kept.replace(',', "")));
            assert!(is_kept, "{client}: {kept:?} is not in\n{after}");
        }
        assert_eq!(user.read(&format!("{file}.conexus-backup")), *before, "{client}");
        let written = std::fs::metadata(user.path(file)).and_then(|file| file.modified()).expect("a time");
        for _ in 0..2 {
            assert_eq!(user.install(&[client]), NOTHING, "{client}");
        }
        assert_eq!(user.read(file), after);
        assert_eq!(std::fs::metadata(user.path(file)).and_then(|file| file.modified()).expect("a time"), written);
        assert_eq!(user.beside(file).len(), 2, "{client}: {:?}", user.beside(file));
    }
    // This file is ours alone: another version of it is replaced, and kept.
    let (user, file) = (User::new(), "user/.continue/mcpServers/conexus.yaml");
    user.write(file, "name: old\n");
    user.install(&["continue"]);
    assert_eq!(user.read(&format!("{file}.conexus-backup")), "name: old\n");
    assert_eq!(user.install(&["continue"]), NOTHING);
}

#[cfg(target_os = "linux")]
#[test]
fn settings_that_cannot_be_understood_are_named_and_left_alone() {
    for Case { client, file, broken, .. } in CASES {
        let user = User::new();
        user.write(file, broken);
        for arguments in [&["install", client][..], &["install", client, "--dry-run"]] {
            let run = user.run(arguments).expect(2);
            assert!(run.stderr.contains(&user.path(file).display().to_string()), "{client}: {run}");
            assert!(run.stdout.is_empty(), "{client}: {run}");
        }
        assert_eq!((user.read(file).as_str(), user.beside(file).len()), (*broken, 1), "{client}");
    }
    let run = User::new().run(&["install", "notepad"]).expect(2);
    assert!(run.stderr.contains("claude-code"), "{run}");
}

#[test]
fn a_project_has_settings_of_its_own() {
    let user = User::new();
    let project = user.path("work");
    std::fs::create_dir_all(&project).expect("a folder");
    for (client, file) in [
        ("claude-code", ".mcp.json"),
        ("cursor", ".cursor/mcp.json"),
        ("vscode", ".vscode/mcp.json"),
        ("zed", ".zed/settings.json"),
        ("codex", ".codex/config.toml"),
        ("gemini", ".gemini/settings.json"),
        ("continue", ".continue/mcpServers/conexus.yaml"),
    ] {
        let folder = project.to_string_lossy();
        let arguments = ["--workspace", &*folder, "mcp", "install", client, "--project"];
        user.program.run(user.program.home(), arguments).expect(0);
        let (_, arguments) = started(client, &user.read(&format!("work/{file}")));
        assert_eq!(arguments[0], "mcp", "{client}");
    }
    assert!(!user.path("user/.claude.json").exists());
}
