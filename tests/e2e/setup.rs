//! `conexus setup EDITOR`: what it writes, what it leaves alone, and that a second run changes nothing.

use crate::support::User;

impl User {
    #[track_caller]
    fn setup(&self, arguments: &[&str]) -> String {
        let arguments = ["setup"].iter().chain(arguments);
        self.program.run(self.program.home(), arguments).expect(0).stdout
    }

    /// Moves the program to a place below the home.
    fn move_program(&mut self, from: Option<&str>, to: &str) {
        let built = env!("CARGO_BIN_EXE_conexus");
        let to = self.path(to);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        let moved = match from {
            Some(from) => std::fs::rename(self.path(from), &to),
            None => std::fs::hard_link(built, &to).or_else(|_| std::fs::copy(built, &to).map(drop)),
        };
        moved.expect("the program");
        self.program.set_file(to);
    }
}

const NOTHING: &str = "Everything is as it should be, nothing was changed.\n";

const NEOVIM: &str = "config/nvim/init.lua";
const HELIX: &str = "config/helix/languages.toml";
const ZED: &str = "config/zed/settings.json";
const VSCODE: &str = "config/Code/User/settings.json";
const EMACS: &str = "user/.emacs.d/init.el";

/// Editor, its file, and what stood in it.
const CASES: &[(&str, &str, &str)] = &[
    ("neovim", NEOVIM, "-- mine\nvim.o.number = true"),
    ("neovim", NEOVIM, "-- mine\nlocal function one()\nreturn 1\nend\nreturn { one } -- last\n"),
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

        assert_eq!(user.setup(&[editor]), NOTHING, "{editor}");
        assert_eq!(user.read(file), after);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_comes_behind_the_return_that_ends_an_init_lua() {
    let user = User::new();
    user.write(NEOVIM, "local function one()\nreturn 1\nend\nreturn { one }\n");
    user.setup(&["neovim"]);
    let after = user.read(NEOVIM);
    assert!(after.starts_with("local function one()\nreturn 1\nend\n\n-- >>> conexus >>>\n"), "{after}");
    assert!(after.ends_with("-- <<< conexus <<<\nreturn { one }\n"), "{after}");
}

#[cfg(target_os = "linux")]
#[test]
fn files_that_are_missing_are_made() {
    let user = User::new();
    for editor in ["neovim", "helix", "zed", "vscode", "emacs"] {
        user.setup(&[editor]);
        assert_eq!(user.setup(&[editor, "--dry-run"]), NOTHING);
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
        ("neovim", NEOVIM, "return 1\n-- >>> conexus >>>\n-- <<< conexus <<<\n"),
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

/// Files that are there, the init file that gets the block, and the folder of the package.
#[cfg(target_os = "linux")]
#[test]
fn the_files_of_emacs_are_those_that_it_reads() {
    for (there, init, package) in [
        (&[][..], "user/.emacs.d/init.el", "user/.emacs.d"),
        (&["config/emacs/early-init.el"], "config/emacs/init.el", "config/emacs"),
        (&["config/emacs/init.el", "user/.emacs"], "user/.emacs", "user/.emacs.d"),
        (&["config/emacs/init.el", "user/.emacs.el"], "user/.emacs.el", "config/emacs"),
        (&["config/emacs/init.el", "user/.emacs.d/init.el"], "user/.emacs.d/init.el", "user/.emacs.d"),
        (&["user/.emacs", "user/.emacs.el"], "user/.emacs.el", "user/.emacs.d"),
    ] {
        let user = User::new();
        for path in there {
            user.write(path, "");
        }
        user.setup(&["emacs"]);
        assert!(user.read(init).contains(">>> conexus >>>"), "{there:?}");
        assert!(user.path(package).join("conexus/conexus.el").is_file(), "{there:?}");
    }
}

/// What somebody changes in what is ours, by editor.
const CHANGED_BY_HAND: &[(&str, &str, &str, &str)] = &[
    ("neovim", NEOVIM, "setup({ ", "setup({ picker = \"select\", "),
    ("helix", HELIX, "symbols = \"meaning\"", "symbols = \"all\""),
    ("zed", ZED, "\"env\": {}", "\"env\": { \"CONEXUS_LOG\": \"debug\" }"),
    ("emacs", EMACS, "(require 'conexus)", "(require 'conexus) (setq conexus-limit 5)"),
];

#[cfg(target_os = "linux")]
#[test]
fn a_program_that_was_moved_is_named_anew() {
    let mut user = User::new();
    user.move_program(None, "old/conexus");
    for (editor, file, ..) in CHANGED_BY_HAND.iter().chain(&[("vscode", VSCODE, "", "")]) {
        user.setup(&[editor]);
        assert!(user.read(file).contains("/old/conexus"), "{editor}");
        user.move_program(Some("old/conexus"), "new/conexus");
        user.setup(&[editor]);
        let after = user.read(file);
        assert!(after.contains("/new/conexus") && !after.contains("/old/conexus"), "{editor}: {after}");
        assert_eq!(user.setup(&[editor]), NOTHING, "{editor}");
        user.move_program(Some("new/conexus"), "old/conexus");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_somebody_changed_by_hand_stays_and_a_program_that_it_misses_is_told() {
    for (editor, file, ours, theirs) in CHANGED_BY_HAND {
        let mut user = User::new();
        user.move_program(None, "old/conexus");
        user.setup(&[editor]);
        let text = user.read(file);
        let changed = text.replace(ours, theirs);
        assert_ne!(changed, text, "{editor}: {text}");
        user.write(file, &changed);
        assert_eq!(user.setup(&[editor]), NOTHING, "{editor}");
        user.move_program(Some("old/conexus"), "new/conexus");
        let told = user.setup(&[editor]);
        let expected = format!("starts another program than {}", user.path("new/conexus").display());
        assert!(told.contains(&expected) && told.contains(&user.path(file).display().to_string()), "{editor}: {told}");
        let run = user.program.run(user.program.home(), ["setup", editor, "--json"]).expect(0).json();
        assert!(run["remarks"][0].as_str().is_some_and(|remark| remark.contains(&expected)), "{editor}: {run:#}");
        assert_eq!(user.read(file), changed, "{editor}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_of_a_package_that_somebody_changed_is_kept() {
    for (editor, file, files) in [
        ("neovim", "data/nvim/conexus.nvim/lua/conexus/config.lua", 19),
        ("emacs", "user/.emacs.d/conexus/conexus.el", 2),
    ] {
        let user = User::new();
        let shown = user.setup(&[editor, "--dry-run"]);
        assert!(shown.contains(&format!("Would write {files} files of the package below ")), "{shown}");
        assert!(shown.lines().count() < 20, "{editor}: {} lines", shown.lines().count());
        let shown = user.program.run(user.program.home(), ["setup", editor, "--dry-run", "--json"]).expect(0).json();
        let shown = shown["files"].as_array().expect("files");
        assert_eq!(shown.iter().filter(|file| file["diff"].is_null()).count(), files, "{shown:#?}");
        assert_eq!(shown.len(), files + 1, "{shown:#?}");

        user.setup(&[editor]);
        let changed = format!("{}mine\n", user.read(file));
        user.write(file, &changed);
        let shown = user.setup(&[editor, "--dry-run"]);
        assert!(shown.contains("\n-mine"), "{shown}");
        let told = user.setup(&[editor]);
        let backup = format!("{file}.conexus-backup");
        assert!(told.contains(&user.path(&backup).display().to_string()), "{told}");
        assert_eq!(user.read(&backup), changed);
        assert!(!user.read(file).contains("\nmine"), "{editor}");
        assert_eq!(user.setup(&[editor]), NOTHING);
    }
}

#[test]
fn languages_are_for_helix_alone() {
    for editor in ["neovim", "vscode", "zed", "emacs"] {
        let user = User::new();
        let run = user.program.run(user.program.home(), ["setup", editor, "--lang", "rust"]).expect(2);
        assert!(run.stderr.contains("--lang is for Helix alone"), "{run}");
    }
}
