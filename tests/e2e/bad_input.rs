//! Workspaces that nobody wishes for: each gives a correct result or a clear message, and costs no other file.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
};

use conexus_testkit::Workspace;

use crate::support::{Session, notices};
#[cfg(unix)]
use crate::support::{as_somebody_without_rights, paths};

/// A file that every such workspace has beside what is bad in it.
const GOOD: &str = "//- src/good.rs\n/// Calls connect and waits.\npub fn good_function() -> u32 {\n    connect()\n}\n";

fn with(path: &str, bytes: impl AsRef<[u8]>) -> Session {
    let workspace = Workspace::of(GOOD);
    workspace.write(path, bytes);
    Session::new(workspace)
}

/// Demands that the good file is found and that the index equals a fresh one.
#[track_caller]
fn expect_good(session: &Session, what: &str) {
    assert_eq!(session.paths("good_function").first().map(String::as_str), Some("src/good.rs"), "{what}");
    session.expect_like_fresh(what);
}

/// Demands that a word of the bad file is found in it.
#[track_caller]
fn expect_found(session: &Session, word: &str, path: &str) {
    expect_good(session, path);
    assert_eq!(session.paths(word).first().map(String::as_str), Some(path));
}

#[test]
fn text_in_any_encoding_is_found() {
    let utf16: Vec<u8> = "\u{feff}fn zebra_utf16() {}\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (path, bytes, word) in [
        ("src/latin.rs", b"// caf\xe9\nfn zebra_latin() {}\n".to_vec(), "zebra_latin"),
        ("src/bom.rs", b"\xef\xbb\xbffn zebra_bom() {}\n".to_vec(), "zebra_bom"),
        ("src/wide.rs", utf16, "zebra_utf16"),
        ("src/crlf.rs", b"fn zebra_crlf() {\r\n    1\r\n}\r\n\r\nfn other() {}\r\n".to_vec(), "zebra_crlf"),
        ("src/cr.py", b"def zebra_cr():\r    return 1\r".to_vec(), "zebra_cr"),
        ("src/mixed.rs", b"fn a() {}\r\nfn zebra_mixed() {}\nfn b() {}\r".to_vec(), "zebra_mixed"),
        ("src/end.rs", b"fn zebra_end() {}".to_vec(), "zebra_end"),
        (
            "src/broken.rs",
            b"fn zebra_broken() { \xc3\x28 \xf0\x9f \xed\xa0\x80 }\nfn after_it() {}\n".to_vec(),
            "zebra_broken",
        ),
        ("src/controls.rs", b"fn zebra_controls() {}\n\x0c\x0b\x07\n".to_vec(), "zebra_controls"),
    ] {
        expect_found(&with(path, bytes), word, path);
    }
}

#[test]
fn binary_and_empty_files_are_passed_over() {
    for (path, bytes) in [
        ("src/nul.rs", b"fn zebra() {}\0\0\0".to_vec()),
        ("src/image.rs", (0..=255).cycle().take(5000).collect()),
        ("src/empty.rs", Vec::new()),
        ("src/blank.rs", b"\n\n  \n\t\n".to_vec()),
        ("src/bom_only.rs", b"\xef\xbb\xbf".to_vec()),
        ("src/one_byte.rs", b"x".to_vec()),
        ("src/nul_late.rs", [b"// text\n".repeat(2000), b"\0\0".to_vec()].concat()),
    ] {
        expect_good(&with(path, bytes), path);
    }
}

#[test]
fn a_line_of_fifty_megabytes_is_passed_over_and_named() {
    let session = with("data/huge.json", format!("[{}1]", "1,".repeat(25_000_000)));
    expect_good(&session, "one line of 50 MB");
    let run = session.run(["doctor"]).expect(0);
    assert!(run.stdout.contains("data/huge.json"), "{run}");
    // Also where the limit is raised as far as it goes.
    session.workspace.write("conexus.toml", "[index]\nmax_file_bytes = 67108864\nmemory_mb = 1000\n");
    expect_good(&session, "one line of 50 MB within the limit");
}

#[test]
fn long_lines_and_large_files_below_the_limits_are_indexed() {
    let line = format!("const ZEBRA_TABLE: [u32; 2000] = [{}];\n", "12345, ".repeat(2000));
    expect_found(&with("src/table.rs", line), "ZEBRA_TABLE", "src/table.rs");
    let long = "fn f() { 1; }\n".repeat(20_000) + "fn zebra_last() {}\n";
    expect_found(&with("src/long.rs", long), "zebra_last", "src/long.rs");
}

/// A declaration, then something that is nested 10,000 deep: what is before it, what opens and closes a level, and what
/// comes after it. Each level has a line of its own: in one line it would be passed over as minified.
const DEEP: &[(&str, [&str; 5])] = &[
    ("deep.rs", ["pub fn zebra() {}\nfn other() { ", "(", ")", "1", " }\n"]),
    ("blocks.rs", ["pub fn zebra() {}\nfn other() { ", "{", "}", "1", " }\n"]),
    ("open.rs", ["pub fn zebra() {}\nfn other() { ", "[(", "", "1", ""]),
    ("deep.go", ["package a\nfunc zebra() {}\nvar other = ", "(", ")", "1", "\n"]),
    ("deep.py", ["def zebra():\n    pass\nother = ", "(", ")", "1", "\n"]),
    ("deep.js", ["function zebra() {}\nconst other = ", "[", "]", "1", ";\n"]),
    ("functions.js", ["function zebra() {}\nlet other = ", "() => (", ")", "1", ";\n"]),
    ("deep.ts", ["function zebra() {}\ntype Other = ", "A<", ">", "B", ";\n"]),
    ("deep.tsx", ["function zebra() {}\nconst other = ", "<a>", "</a>", "b", ";\n"]),
    ("deep.java", ["class zebra {}\nclass Other { int x = ", "(", ")", "1", "; }\n"]),
    ("deep.c", ["int zebra(void) { return 1; }\nint other = ", "(", ")", "1", ";\n"]),
    ("blocks.c", ["int zebra(void) { return 1; }\nvoid other(void) { ", "{", "}", ";", " }\n"]),
    ("deep.cpp", ["int zebra() { return 1; }\nint other = ", "(", ")", "1", ";\n"]),
    ("deep.cs", ["class zebra {}\nclass Other { int x = ", "(", ")", "1", "; }\n"]),
    ("deep.rb", ["def zebra\nend\nother = ", "[", "]", "1", "\n"]),
    ("deep.php", ["<?php\nfunction zebra() {}\n$other = ", "[", "]", "1", ";\n"]),
    ("deep.kt", ["fun zebra() {}\nval other = ", "(", ")", "1", "\n"]),
    ("deep.swift", ["func zebra() {}\nlet other = ", "[", "]", "1", "\n"]),
    ("deep.scala", ["class zebra {}\nobject Other { val x = ", "(", ")", "1", " }\n"]),
    ("deep.sh", ["zebra() {\n  true\n}\n", "(", ")", "true", "\n"]),
    ("deep.lua", ["function zebra() end\nother = ", "{", "}", "1", "\n"]),
    ("deep.ex", ["defmodule zebra do\nend\nother = ", "[", "]", "1", "\n"]),
    ("deep.hs", ["module Deep where\nzebra :: Int\nzebra = 1\nother = ", "(", ")", "1", "\n"]),
    ("deep.zig", ["fn zebra() void {}\nconst other = ", "(", ")", "1", ";\n"]),
    ("deep.json", ["{\"zebra\": 1, \"other\": ", "[", "]", "1", "}\n"]),
];

#[test]
fn deep_nesting_is_survived() {
    let session = Session::new(Workspace::of(GOOD));
    let mut named = Vec::new();
    for (name, [before, open, close, inside, after]) in DEEP {
        // Each file has a word of its own.
        let word = format!("zebra_{}", name.replace('.', "_"));
        let level = |bracket: &str| format!(" {bracket}\n").repeat(10_000);
        let close = if close.is_empty() { String::new() } else { level(close) };
        let text = format!("{}{}{inside}\n{close}{after}", before.replace("zebra", &word), level(open));
        let path = format!("src/{name}");
        named.push((path, text, word));
    }
    // These take about as long as a parser may, so that two runs need not agree on them.
    let at_the_limit = |path: &str| ["src/deep.ex", "src/deep.hs"].contains(&path);
    for (path, text, _) in named.iter().filter(|(path, ..)| !at_the_limit(path)) {
        session.workspace.write(path, text);
    }
    for (path, text) in [
        ("src/ifs.py", indented(2_000, "if zebra_ifs:")),
        ("docs/quotes.md", format!("# zebra_quotes\n{}deep\n", "> ".repeat(9_000))),
        ("docs/list.md", format!("# zebra_list\n{}", indented(3_000, "- deep"))),
    ] {
        session.workspace.write(path, text);
    }
    session.index();
    expect_good(&session, "deep nesting");
    for (path, text, _) in named.iter().filter(|(path, ..)| at_the_limit(path)) {
        session.workspace.write(path, text);
    }
    let report = session.index();
    assert_eq!(report["files"], named.len() + 4, "{report:#}");
    for (path, word) in
        [("src/ifs.py", "zebra_ifs"), ("docs/quotes.md", "zebra_quotes"), ("docs/list.md", "zebra_list")]
    {
        assert_eq!(session.paths(word).first().map(String::as_str), Some(path));
    }
    let mut unparsed = Vec::new();
    for (path, _, word) in &named {
        assert_eq!(session.paths(word).first(), Some(path), "{word}");
        // What is parsed has symbols; what falls back to windows of lines has none.
        let has_symbols = !at_the_limit(path) && path != "src/deep.json";
        let symbols = session.run(["symbols", path]).expect_any(&[0, 1]).stdout;
        if has_symbols && !symbols.contains(word.as_str()) {
            unparsed.push(path);
        }
    }
    assert!(unparsed.is_empty(), "not parsed: {unparsed:?}");
}

/// Lines that are indented ever deeper.
fn indented(lines: usize, text: &str) -> String {
    (0..lines).flat_map(|depth| [" ".repeat(depth % 1_000), text.to_owned(), "\n".to_owned()]).collect()
}

#[test]
fn names_are_taken_as_they_are() {
    for path in [
        "src/größe.rs", "src/名前/コード.py", "src/with space.rs", "src/'quoted'.rs", "src/-dash.rs", "src/a%20b.rs",
        "src/\u{1f980}.rs",
    ] {
        expect_found(&with(path, "fn zebra_name() {}\ndef zebra_name(): pass\n"), "zebra_name", path);
    }
}

#[cfg(unix)]
#[test]
fn names_that_steer_terminals_or_patterns_do_no_harm() {
    for path in [
        "src/new\nline.rs", "src/esc\u{1b}[2J.rs", "src/back\\slash.rs", "src/star*.rs", "src/[a].rs", "src/{a,b}.rs",
        "src/a:12.rs", "src/\"q\".rs",
    ] {
        let session = with(path, "fn zebra_name() {}\n");
        expect_found(&session, "zebra_name", path);
        let run = session.run(["search", "zebra_name"]).expect(0);
        assert!(
            !run.stdout.contains('\u{1b}') && run.stdout.lines().next().is_some_and(|line| line.contains(".rs:1")),
            "{run}"
        );
        assert!(session.run(["symbols", path]).expect(0).stdout.contains("zebra_name"));
    }
}

#[test]
fn what_git_tracks_and_ignore_files_name_is_told() {
    let repository = conexus_testkit::Repository::init(Workspace::of(GOOD));
    for (path, text) in [
        ("made/one.rs", "fn zebra_one() {}\n"),
        ("made/two.rs", "fn zebra_two() {}\n"),
        ("old.rs", "fn zebra_three() {}\n"),
        ("kept.rs", "fn zebra_four() {}\n"),
        ("excluded/six.rs", "fn zebra_six() {}\n"),
        (".github/ci.yml", "on: push\n"),
    ] {
        repository.write(path, text);
    }
    repository.commit("all of them");
    repository.write(".gitignore", "made/\nkept.rs\nuntracked.rs\n");
    repository.write(".conexusignore", "old.rs\n!kept.rs\n");
    repository.write("untracked.rs", "fn zebra_five() {}\n");
    let session = Session::new(repository);
    session.workspace.write("conexus.toml", "[index]\nexclude = ['excluded/']\n");
    let told = session.run(["doctor"]).expect(0).stdout;
    for named in [
        "4 tracked by git but named by an ignore file or `index.exclude`: excluded/six.rs, made/one.rs, made/two.rs, \
         old.rs\n",
        "1 tracked by git but hidden: .github/ci.yml\n",
    ] {
        assert!(told.contains(named), "{told}");
    }
    for (arguments, code) in [(["symbols", ".github/ci.yml"], 1), (["similar", ".github/ci.yml:1"], 2)] {
        let run = session.run(arguments).expect(code);
        assert!(run.stderr.contains(".github/ci.yml") && run.stderr.contains("`index.hidden`"), "{run}");
    }
    assert!(!told.contains("kept.rs") && !told.contains("untracked.rs"), "{told}");
    session.workspace.write("conexus.toml", "[index]\nignore_files = false\nhidden = true\n");
    let told = session.run(["doctor"]).expect(0).stdout;
    assert!(!told.contains("tracked by git"), "{told}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_path_beyond_what_the_system_takes_is_told_in_short() {
    let session = with("src/lib.rs", "fn zebra_name() {}\n");
    let chain = |top: &str| format!("{top}{}", format!("/{}", "x".repeat(200)).repeat(10));
    for top in ["one", "two", "three"] {
        fs::create_dir_all(session.workspace.path(&chain(top))).expect("folders");
    }
    session.workspace.write(&format!("{}/deep.rs", chain("three")), "fn deep() {}\n");
    session.workspace.rename("three", &format!("{}/three", chain("two")));
    session.workspace.rename("two", &format!("{}/two", chain("one")));
    let run = session.run(["doctor"]).expect(0);
    assert!(run.stdout.contains("File name too long") && run.stdout.contains("shorten what is too long"), "{run}");
    assert!(run.stdout.lines().all(|line| line.chars().count() < 500), "{run}");
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_unicode_are_passed_over_and_named() {
    use std::os::unix::ffi::OsStrExt as _;
    let session = Session::new(Workspace::of(GOOD));
    fs::write(session.workspace.root().join(std::ffi::OsStr::from_bytes(b"src/bad\xff.rs")), "fn zebra() {}\n")
        .expect("a file");
    let folder = session.workspace.root().join(std::ffi::OsStr::from_bytes(b"bad\xfe"));
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("inner.rs"), "fn zebra() {}\n").expect("a file");
    expect_good(&session, "names that are not Unicode");
    let run = session.run(["doctor"]).expect(0);
    assert!(run.stdout.contains("Unicode"), "{run}");
}

#[cfg(unix)]
#[test]
fn links_are_not_followed() {
    let session = Session::new(Workspace::of(GOOD));
    let link = |to: &str, from: &str| {
        std::os::unix::fs::symlink(to, session.workspace.path(from)).expect("a link");
    };
    link("..", "src/circle");
    link("self", "self");
    link("b", "a");
    link("a", "b");
    link("nowhere", "dangling.rs");
    link("src/good.rs", "twice.rs");
    link("/", "everything");
    link("/etc/passwd", "passwd.txt");
    expect_good(&session, "links");
    assert_eq!(session.index()["files"], 1);
    assert_eq!(session.paths("good_function"), ["src/good.rs"]);
}

#[cfg(unix)]
#[test]
fn special_files_are_passed_over() {
    let session = Session::new(Workspace::of(GOOD));
    let pipe = session.workspace.path("src/pipe.rs");
    if !std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()) {
        return;
    }
    let _socket = std::os::unix::net::UnixListener::bind(session.workspace.path("src/socket.rs")).expect("a socket");
    expect_good(&session, "a pipe and a socket");
}

#[cfg(unix)]
#[test]
fn what_cannot_be_read_is_passed_over_and_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut session = Session::new(Workspace::of(GOOD));
    session.workspace.write("closed/inner.rs", "fn quokka() {}\n");
    session.workspace.write("src/closed.rs", "fn wombat() {}\n");
    let set = |session: &Session, path: &str, mode: u32| {
        fs::set_permissions(session.workspace.path(path), fs::Permissions::from_mode(mode)).expect("new rights");
    };
    set(&session, "closed", 0o000);
    set(&session, "src/closed.rs", 0o000);
    let run = as_somebody_without_rights(&mut session, "src/closed.rs");
    let found = |session: &Session, query: &str| {
        let answer = run(session, &["search", "--json", "--mode", "keyword", query]).expect_any(&[0, 1]);
        paths(&answer.json())
    };
    assert_eq!(found(&session, "good_function"), ["src/good.rs"]);
    assert!(found(&session, "wombat").is_empty() && found(&session, "quokka").is_empty());
    let report = run(&session, &["index", "--json"]).expect(0).json();
    assert_eq!(report["files"], 1, "{report:#}");
    let told = run(&session, &["doctor"]).expect(0).stdout;
    let line = told.lines().find(|line| line.contains("unreadable")).unwrap_or_default();
    assert!(line.contains("2 unreadable") && line.contains("closed") && line.contains("src/closed.rs"), "{told}");
    assert!(told.contains("1 to index, 2 passed over") && told.contains("-> give yourself the right"), "{told}");
    set(&session, "src/closed.rs", 0o644);
    assert_eq!(found(&session, "wombat"), ["src/closed.rs"]);
    set(&session, "closed", 0o755);
    assert_eq!(found(&session, "quokka"), ["closed/inner.rs"]);
    run(&session, &["verify"]).expect(0);
    assert!(!run(&session, &["doctor"]).expect(0).stdout.contains("unreadable"));
}

#[test]
fn files_that_change_or_vanish_meanwhile_do_no_harm() {
    let session = Session::new(Workspace::of(GOOD));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0_usize.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                for number in 0..60 {
                    let path = session.workspace.path(&format!("src/moving{number}.rs"));
                    if (round + number) % 3 == 0 {
                        let _ = fs::remove_file(path);
                    } else {
                        let _ = fs::write(
                            path,
                            format!("fn moving_{round}() {{}}\n").repeat(1 + (round * 7 + number) % 50),
                        );
                    }
                }
            }
        });
        for _ in 0..8 {
            assert_eq!(
                session.run(["search", "--json", "good_function"]).expect(0).json()["hits"][0]["path"],
                "src/good.rs"
            );
        }
        stop.store(true, Ordering::Relaxed);
    });
    expect_good(&session, "after the files came to rest");
}

#[test]
fn a_root_that_is_no_folder_is_named() {
    let session = Session::new(Workspace::of(GOOD));
    for (root, says) in [("src/good.rs", "not a folder"), ("none", "none"), ("", "--workspace")] {
        for command in ["index", "search", "symbols", "status", "verify", "clear"] {
            let mut arguments = vec!["--workspace", root, command];
            if command == "search" {
                arguments.push("good");
            }
            let run = session.program.run(session.workspace.root(), arguments).expect(2);
            assert!(run.stderr.contains(says), "{run}");
            assert!(run.stdout.is_empty(), "{run}");
            // The cause is said once.
            assert_eq!(run.stderr.matches("os error").count(), usize::from(root == "none"), "{run}");
        }
    }
    // The doctor's whole purpose is to say so; it is a finding, not an error.
    let run = session.program.run(session.workspace.root(), ["--workspace", "none", "doctor"]).expect(1);
    assert!(run.stdout.contains("none"), "{run}");
}

#[test]
fn an_empty_workspace_says_that_nothing_is_indexed() {
    let session = Session::new(Workspace::empty());
    let answer = session.run(["search", "--json", "anything"]).expect(1).json();
    assert_eq!(notices(&answer), ["nothing_indexed"]);
    session.index();
    session.run(["verify"]).expect(0);
    session.workspace.write("a.rs", "fn good_function() {}\n");
    assert_eq!(session.paths("good_function"), ["a.rs"]);
    session.workspace.remove("a.rs");
    let answer = session.run(["search", "--json", "anything"]).expect(1).json();
    assert_eq!(notices(&answer), ["nothing_indexed"]);
}

#[test]
fn secrets_cannot_be_found() {
    let session = Session::new(Workspace::of(GOOD));
    for path in
        [".env", "deploy/.env.production", "id_rsa", "server.pem", "tls/private.key", "credentials.json", "notes.txt"]
    {
        let text = match path {
            "notes.txt" => "-----BEGIN RSA PRIVATE KEY-----\nzebra_secret\n-----END RSA PRIVATE KEY-----\n",
            _ => "PASSWORD=zebra_secret\n",
        };
        session.workspace.write(path, text);
    }
    session.workspace.write("conexus.toml", "[index]\nhidden = true\nignore_files = false\n");
    expect_good(&session, "secrets");
    let run = session.run(["search", "zebra_secret"]).expect_any(&[0, 1]);
    assert!(!run.stdout.contains("zebra_secret"), "{run}");
    let index_dir = session.index_dir();
    assert!(!holds(&index_dir, b"zebra_secret"), "no file of the index holds the secret");
}

/// Whether a file below a folder holds these bytes.
fn holds(folder: &std::path::Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).expect("a folder").any(|entry| {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            holds(&path, bytes)
        } else {
            fs::read(&path).expect("a file").windows(bytes.len()).any(|window| window == bytes)
        }
    })
}

#[test]
fn ignore_files_with_mistakes_do_no_harm() {
    for text in ["[\n", "\\\n", "***/{\n", "!\n", "\u{0}\n", "a\u{202e}b\n"] {
        let session = with(".gitignore", text);
        session.workspace.write(".conexusignore", text);
        expect_good(&session, &format!("{text:?}"));
    }
    expect_good(&with(".gitignore", b"\xff\xfe\n"), "bytes that are no text");
}

#[test]
fn settings_with_mistakes_name_their_place() {
    let session = Session::new(Workspace::of(GOOD));
    for (text, place, says) in [
        ("[index\n", "line 1", "table"),
        ("[index]\nthreads = 'two'\n", "line 2, column 11", "string"),
        ("[index]\nunknown = 1\n", "line 2, column 1", "unknown"),
        ("[nothing]\n", "line 1", "nothing"),
        ("[index]\nmax_file_bytes = 0\n", "line 2, column 18", "max_file_bytes"),
        ("# comment\n[index]\nmemory_mb = 1\n", "line 3, column 13", "memory_mb"),
        ("index.threads = 2000\n", "line 1, column 17", "threads"),
        ("[index]\nthreads = 99999999999999999999\n", "line 2", "threads"),
        ("[embedding]\nprovider = 'x'\n", "line ", "provider"),
        ("[index]\nexclude = [\n  'good/',\n  'a{',\n]\n", "line 4, column 3", "a{"),
        ("[index]\nhidden = true\ndir = '/elsewhere'\n", "line 3, column 7", "index.dir"),
        ("[index]\n[mcp]\nport = 1\n", "line 2", "mcp"),
        ("[check.duplicate_code]\nmin_tokens = 3\n", "line 2, column 14", "min_tokens"),
        ("[check]\nbaseline = '../x.json'\n", "line 2, column 12", "below the workspace"),
    ] {
        session.workspace.write("conexus.toml", text);
        let run = session.run(["search", "good"]).expect(2);
        let told = &run.stderr;
        assert!(told.contains(place) && told.contains(says) && told.contains("conexus.toml"), "{text:?}: {run}");
    }
    session.workspace.write("conexus.toml", [0xff, 0xfe]);
    let run = session.run(["search", "good"]).expect(2);
    assert!(run.stderr.contains("conexus.toml"), "{run}");
    let run = session.run(["--config", "none.toml", "search", "good"]).expect(2);
    assert!(run.stderr.contains("none.toml"), "{run}");
}

#[test]
fn settings_of_the_users_own_with_mistakes_name_their_place() {
    let session = Session::new(Workspace::of(GOOD));
    for (text, place, says, command) in [
        ("[mcp]\nport = 0\nin_flight = 0\n", "line 3, column 13", "mcp.in_flight", "serve"),
        ("[log]\nlevel = 'conexus=loud'\n", "line 2, column 9", "log.level", "index"),
        (
            "[embedding]\nprovider = 'openai'\nurl = 'ftp://h'\nmodel = 'm'\n",
            "line 3, column 7",
            "`embedding.url` must begin with http://",
            "index",
        ),
        (
            "[embedding]\nprovider = 'openai'\nurl = 'http://h'\nmodel = ''\n",
            "line 4, column 9",
            "embedding.model",
            "index",
        ),
    ] {
        session.workspace.write("own.toml", text);
        let run = session.run(["--config", "own.toml", command]).expect(2);
        let told = &run.stderr;
        assert!(told.contains(place) && told.contains(says) && told.contains("own.toml"), "{text:?}: {run}");
    }
}

#[test]
fn mistakes_in_variables_and_flags_name_them() {
    let session = Session::new(Workspace::of(GOOD));
    for (variable, value, says) in [
        ("CONEXUS_MEMORY_MB", "1", "at least 150"),
        ("CONEXUS_MEMORY_MB", "many", "many"),
        ("CONEXUS_MAX_FILE_BYTES", "0", "1 to 67108864"),
        ("CONEXUS_THREADS", "5000", "1024"),
        ("CONEXUS_THREADS", "two", "two"),
        ("CONEXUS_LOG_FORMAT", "xml", "json"),
        ("CONEXUS_EMBEDDING", "cloud", "builtin"),
        ("CONEXUS_CONFIG", "none.toml", "none.toml"),
    ] {
        // A value of a file that is good is not what the message is about.
        session.workspace.write("conexus.toml", "[index]\nmemory_mb = 500\n");
        let mut command = session.command(["search", "good"]);
        command.env(variable, value);
        let run = conexus_testkit::run(command).expect(2);
        let names = if variable == "CONEXUS_CONFIG" { "cannot read the settings file" } else { variable };
        assert!(run.stderr.contains(names) && run.stderr.contains(says), "{variable}={value}: {run}");
        assert!(!run.stderr.contains("conexus.toml") && !run.stderr.contains("for '--"), "{variable}={value}: {run}");
    }
    for arguments in [&["--threads", "5000"][..], &["--threads=two"]] {
        let mut command = session.command(arguments);
        command.args(["search", "good"]).env("CONEXUS_THREADS", "2");
        let run = conexus_testkit::run(command).expect(2);
        assert!(run.stderr.contains("--threads") && !run.stderr.contains("CONEXUS_THREADS"), "{run}");
    }
}

#[test]
fn the_doctor_names_what_is_passed_over_for_what_it_holds() {
    let session = Session::new(Workspace::of(GOOD));
    session.workspace.write("src/nul.rs", b"fn zebra() {}\0\0\0");
    session.workspace.write("web/packed.js", "a();".repeat(10_000));
    session.workspace.write("notes.txt", "-----BEGIN RSA PRIVATE KEY-----\nzebra\n-----END RSA PRIVATE KEY-----\n");
    session.workspace.write("own.toml", "[index]\nthreads = 1\n");
    session.workspace.write("conexus.toml", "[index]\nmax_file_bytes = 100000\n");
    session.workspace.write("data.csv", "1,2\n".repeat(30_000));
    // The same before there is an index and after.
    for _ in 0..2 {
        let run = session.run(["--config", "own.toml", "doctor"]).expect(0);
        for says in [
            "binary: src/nul.rs",
            "minified: web/packed.js",
            "holds a private key: notes.txt",
            "larger than max_file_bytes: data.csv",
            "-> `index.max_file_bytes` sets",
            "3 to index, 4 passed over",
            "own.toml",
            "conexus.toml",
            "MB are free",
        ] {
            assert!(run.stdout.contains(says), "{says}: {run}");
        }
        let report = session.index();
        assert_eq!(report["files"], 3, "{report:#}");
    }
}

#[test]
fn an_endpoint_that_does_not_answer_is_a_fault_with_advice() {
    let session = Session::new(Workspace::of(GOOD));
    // A port that was free a moment ago and that nobody listens at.
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a port").port();
    let endpoint =
        format!("[embedding]\nprovider = 'openai'\nurl = 'http://127.0.0.1:{port}'\nmodel = 'm'\nattempts = 1\n");
    // With a dimension nothing is asked when the index is opened.
    for dimension in ["", "dimension = 8\n"] {
        session.workspace.write("own.toml", format!("{endpoint}{dimension}"));
        let run = session.run(["--config", "own.toml", "doctor"]).expect(1);
        let fault = run.stdout.lines().find(|line| line.starts_with("FAULT model")).unwrap_or_default();
        assert!(fault.contains(&format!("127.0.0.1:{port}")), "{run}");
        assert!(run.stdout.contains("-> start the endpoint, or mend `[embedding]`"), "{run}");
    }
    session.workspace.write("own.toml", "[embedding]\nprovider = 'static_file'\npath = 'none.bin'\n");
    let run = session.run(["--config", "own.toml", "doctor"]).expect(1);
    assert!(run.stdout.contains("FAULT model") && run.stdout.contains("none.bin"), "{run}");
}
