//! `conexus setup EDITOR`: what it writes, what it leaves alone, and that a second run changes nothing.

use crate::support::User;

impl User {
    #[track_caller]
    fn setup(&self, arguments: &[&str]) -> String {
        let arguments = ["setup"].iter().chain(arguments);
        self.program.run(self.program.home(), arguments).expect(0).stdout
    }
}

const NEOVIM: &str = "config/nvim/init.lua";
const HELIX: &str = "config/helix/languages.toml";
const ZED: &str = "config/zed/settings.json";
const VSCODE: &str = "config/Code/User/settings.json";
const EMACS: &str = "user/.emacs.d/init.el";

/// Editor, its file, and what stood in it.
const CASES: &[(&str, &str, &str)] = &[
    ("neovim", NEOVIM, "-- mine\nvim.o.number = true"),
    ("neovim", "config/nvim/init.vim", "\" mine\nset number\n"),
    ("helix", HELIX, "# mine\n[[language]]\nname = \"rust\" # one\nauto-format = true\n"),
    ("zed", ZED, "// mine\n{\n  \"vim_mode\": true, // one\n}\n"),
    ("vscode", VSCODE, "{\n    // mine\n    \"editor.fontSize\": 14\n}\n"),
    ("emacs", EMACS, ";; mine\n(menu-bar-mode -1)\n"),
    ("emacs", "user/.emacs", ";; mine\n"),
];

#[cfg(target_os = "linux")]
#[test]
fn an_editor_is_set_up_once_and_what_stood_there_stays() {
    for (editor, file, before) in CASES {
        let user = User::new();
        user.write(file, before);
        let shown = user.setup(&[editor, "--dry-run"]);
        assert!(shown.contains(&format!("--- {}", user.path(file).display())) && shown.contains("\n+"), "{shown}");
        assert_eq!(user.read(file), *before, "{editor} --dry-run writes");

        let said = user.setup(&[editor]);
        let after = user.read(file);
        for line in before.lines() {
            assert!(after.contains(line), "{editor}: {line:?} is not in\n{after}");
        }
        assert!(after.contains("conexus"), "{after}");
        let backup = format!("{file}.conexus-backup");
        assert!(said.contains(&user.path(&backup).display().to_string()), "{said}");
        assert_eq!(user.read(&backup), *before);

        assert_eq!(user.setup(&[editor]), "Everything is as it should be, nothing was changed.\n", "{editor}");
        assert_eq!(user.read(file), after);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn files_that_are_missing_are_made() {
    let user = User::new();
    for editor in ["neovim", "helix", "zed", "vscode", "emacs"] {
        user.setup(&[editor]);
        assert_eq!(user.setup(&[editor, "--dry-run"]), "Everything is as it should be, nothing was changed.\n");
    }
    let program = env!("CARGO_BIN_EXE_conexus");
    assert!(user.read(NEOVIM).contains(&format!("setup({{ cmd = {{ \"{program}\", \"lsp\" }} }})")));
    assert!(user.read("data/nvim/conexus.nvim/plugin/conexus.lua").contains(":Conexus"));
    assert!(user.read("user/.emacs.d/conexus/conexus.el").contains("(provide 'conexus)"));
    let zed: serde_json::Value = serde_json::from_str(&user.read(ZED)).expect("JSON");
    assert_eq!(
        (&zed["context_servers"]["conexus"]["command"], &zed["context_servers"]["conexus"]["args"][0]),
        (&program.into(), &"mcp".into())
    );
    let code: serde_json::Value = serde_json::from_str(&user.read(VSCODE)).expect("JSON");
    assert_eq!(code["conexus.server.path"], program);
}

#[cfg(target_os = "linux")]
#[test]
fn helix_keeps_the_servers_of_each_language() {
    let user = User::new();
    user.write(
        HELIX,
        "[language-server.conexus]\ncommand = \"elsewhere\"\n\n[[language]]\nname = \"go\"\nlanguage-servers = [\n  \
         \"gopls\", # mine\n]\n\n[[language]]\nname = \"python\"\nlanguage-servers = [\"ruff\", { name = \"conexus\", \
         only-features = [\"workspace-symbols\"] }]\n",
    );
    user.setup(&["helix", "--lang", "go", "--lang", "python", "--lang", "rust"]);
    let text = user.read(HELIX);
    assert!(text.contains("command = \"elsewhere\"") && text.contains("\"gopls\", # mine"), "{text}");
    let document: toml::Table = text.parse().expect("valid TOML");
    let languages = document["language"].as_array().expect("languages");
    let servers = |name: &str| {
        let entry = languages.iter().find(|entry| entry["name"].as_str() == Some(name));
        entry.map(|entry| entry["language-servers"].as_array().expect("servers").len())
    };
    assert_eq!([servers("go"), servers("python"), servers("rust"), servers("zig")], [Some(2), Some(2), Some(2), None]);

    let run = user.program.run(user.program.home(), ["setup", "helix", "--lang", "latin"]).expect(2);
    assert!(run.stderr.contains("--lang latin"), "{}", run.stderr);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_understood_is_named_and_left_alone() {
    for (editor, file, broken) in [
        ("helix", HELIX, "[[language]\n"),
        ("helix", HELIX, "language = \"rust\"\n"),
        ("zed", ZED, "{ \"a\": \n"),
        ("zed", ZED, "{ \"context_servers\": [] }\n"),
        ("vscode", VSCODE, "[]\n"),
        ("neovim", NEOVIM, "-- >>> conexus >>>\n"),
        ("emacs", EMACS, ";; <<< conexus <<<\n"),
    ] {
        let user = User::new();
        user.write(file, broken);
        let run = user.program.run(user.program.home(), ["setup", editor]).expect(2);
        let named = format!("{} is left as it is", user.path(file).display());
        assert!(run.stderr.contains(&named), "{}", run.stderr);
        assert_eq!(user.read(file), broken);
        // Nothing else was written either.
        assert!(!user.path("data/nvim").exists() && !user.path("user/.emacs.d/conexus").exists());
    }
}
