//! Each file is a real one, in a folder of its own.

use super::*;

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("settings");
    fs::write(&path, text).expect("a file in the temporary folder");
    (folder, path)
}

fn read_text(path: &Path) -> String {
    fs::read_to_string(path).expect("a file that was written")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A change that puts a text at the end of a file.
fn append(path: &Path, addition: &str) -> Change {
    Change::plan(path, |text| Ok(format!("{text}{addition}"))).expect("a plan")
}

#[test]
fn a_change_is_written_whole_and_what_was_there_is_kept() {
    let (folder, path) = file("one\n");
    let change = append(&path, "two\n");
    assert!(change.is_needed());
    let backup = change.write().expect("written").expect("a backup");
    assert_eq!(read_text(&path), "one\ntwo\n");
    assert_eq!(read_text(&backup), "one\n");
    assert_eq!(names(folder.path()), ["settings", "settings.conexus-backup"]);

    // Another change keeps its own backup, and one that was kept already is not kept again.
    append(&path, "three\n").write().expect("written");
    fs::write(&path, "one\n").expect("written by somebody else");
    append(&path, "four\n").write().expect("written");
    assert_eq!(names(folder.path()), ["settings", "settings.conexus-backup", "settings.conexus-backup-2"]);
}

#[test]
fn a_file_that_is_missing_is_made_with_its_folders() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("a/b/settings");
    let change = append(&path, "one\n");
    assert_eq!(change.diff(), format!("--- /dev/null\n+++ {}\n@@ -0,0 +1 @@\n+one\n", path.display()));
    assert_eq!(change.write().expect("written"), None);
    assert_eq!(read_text(&path), "one\n");
    assert_eq!(names(&folder.path().join("a/b")), ["settings"]);
}

#[test]
fn a_change_that_changes_nothing_is_not_needed() {
    let (_folder, path) = file("\u{feff}one\r\ntwo\r\n");
    let change = append(&path, "");
    assert!(!change.is_needed());
    assert_eq!(change.diff(), "");
}

#[test]
fn line_ends_and_the_byte_order_mark_stay() {
    for (before, after) in [
        ("one\r\ntwo\r\n", "one\r\ntwo\r\nend\r\n"),
        ("one\r\ntwo\n", "one\r\ntwo\nend\n"),
        ("\u{feff}one\n", "\u{feff}one\nend\n"),
        ("", "end\n"),
    ] {
        let (_folder, path) = file(before);
        append(&path, "end\n").write().expect("written");
        assert_eq!(read_text(&path), after);
    }
}

#[test]
fn a_file_that_changed_since_the_plan_is_left_alone() {
    let (folder, path) = file("one\n");
    let change = append(&path, "two\n");
    fs::write(&path, "one and a half\n").expect("written by somebody else");
    let error = change.write().expect_err("refused").to_string();
    assert!(error.ends_with("has changed meanwhile, run the command again"), "{error}");
    assert_eq!(read_text(&path), "one and a half\n");
    assert_eq!(names(folder.path()), ["settings"]);
}

#[test]
fn what_is_no_text_is_refused_by_its_path() {
    let (_folder, path) = file("");
    fs::write(&path, [0xff, 0xfe, b'a']).expect("bytes");
    let error = Change::plan(&path, |_| Ok(String::new())).expect_err("refused");
    assert_eq!(format!("{error:#}"), format!("{} is left as it is: it is not text in UTF-8", path.display()));
    let folder = path.parent().expect("a folder");
    let error = Change::plan(folder, |_| Ok(String::new())).expect_err("refused");
    assert_eq!(error.to_string(), format!("{} is not a file", folder.display()));
}

#[cfg(unix)]
#[test]
fn links_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let (folder, path) = file("one\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).expect("a folder");
    let link = elsewhere.join("link");
    symlink("../settings", &link).expect("a link");

    let backup = append(&link, "two\n").write().expect("written").expect("a backup");
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    assert_eq!(read_text(&path), "one\ntwo\n");
    assert_eq!((mode(&path), mode(&backup)), (0o600, 0o600));
    assert_eq!(
        backup.parent().map(|folder| folder.canonicalize().expect("a folder")),
        folder.path().canonicalize().ok()
    );

    let dangling = elsewhere.join("dangling");
    symlink("not-yet/there", &dangling).expect("a link");
    append(&dangling, "one\n").write().expect("written");
    assert_eq!(read_text(&elsewhere.join("not-yet/there")), "one\n");
}

/// The block of a program.
fn lines(program: &str) -> String {
    if program == NAME { "start()\n".to_owned() } else { format!("start({program:?})\n") }
}

#[test]
fn blocks_are_added_once() {
    let add = |text: &str, comment: &str| add_block(text, comment, NAME, lines).expect("a block").text;
    let first = add("before\n", "--");
    assert_eq!(first, "before\n\n-- >>> conexus >>>\nstart()\n-- <<< conexus <<<\n");
    for kept in [first.clone(), format!("{first}after"), first.replace("start()", "start({ limit = 3 })")] {
        assert_eq!(add(&kept, "--"), kept);
    }
    assert_eq!(add("", ";;"), ";; >>> conexus >>>\nstart()\n;; <<< conexus <<<\n");
    assert_eq!(add("a", ";;"), "a\n\n;; >>> conexus >>>\nstart()\n;; <<< conexus <<<\n");
}

/// What a block holds, the program that is to be started, and what the block holds then, or `None` when it was changed by
/// hand and stays, and whether that is told.
#[cfg(unix)]
#[test]
fn a_block_names_the_program_after_it_was_moved() {
    let block = |held: &str| format!("a\n\n-- >>> conexus >>>\n{held}\n-- <<< conexus <<<\nb\n");
    for (held, program, after, is_told) in [
        ("start(\"/old/conexus\")", "/new/conexus", Some("start(\"/new/conexus\")"), false),
        ("start(\"/old/conexus\")", "conexus", Some("start()"), false),
        ("start()", "/new/conexus", Some("start(\"/new/conexus\")"), false),
        ("start(\"/new/conexus\", 3)", "/new/conexus", None, false),
        ("start(\"/old/conexus\", 3)", "/new/conexus", None, true),
        ("start(\"/old/conexus\", 3)", "conexus", None, true),
        ("start(3)", "conexus", None, false),
        ("start(3)", "/new/conexus", None, true),
        ("start(\"/plugins/conexus.nvim\")\nstart(3)", "conexus", None, false),
        ("", "conexus", None, false),
    ] {
        let edit = add_block(&block(held), "--", program, lines).expect("a block");
        assert_eq!((edit.text, edit.remark.is_some()), (block(after.unwrap_or(held)), is_told), "{held:?} {program}");
    }
}

#[test]
fn what_the_owner_of_a_package_changed_is_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().join("package");
    let install = |text: &str| {
        let changes = package(&place, &[("a.lua", text), ("b/c.lua", "c\n")]).expect("a plan");
        let needed = changes.iter().filter(|change| change.is_needed());
        needed.filter_map(|change| change.write().expect("written")).collect::<Vec<_>>()
    };
    assert_eq!(install("one\n"), Vec::<PathBuf>::new());
    assert_eq!(names(&place), ["a.lua", "b", "written.b3"]);
    assert_eq!(install("two\n"), Vec::<PathBuf>::new(), "another version of ours");
    fs::write(place.join("a.lua"), "mine\n").expect("changed by its owner");
    let kept = install("two\n");
    assert_eq!(kept.iter().map(|path| read_text(path)).collect::<Vec<_>>(), ["mine\n"]);
    assert_eq!(read_text(&place.join("a.lua")), "two\n");
    // What wrote it did not say so.
    fs::remove_file(place.join("written.b3")).expect("a file");
    assert_eq!(install("three\n").iter().map(|path| read_text(path)).collect::<Vec<_>>(), ["two\n"]);
}

#[test]
fn broken_blocks_are_refused() {
    for broken in [
        "-- >>> conexus >>>\n",
        "-- <<< conexus <<<\n-- >>> conexus >>>\n",
        "-- >>> conexus >>>\n-- >>> conexus >>>\n-- <<< conexus <<<\n",
    ] {
        let error = add_block(broken, "--", NAME, lines).expect_err("refused").to_string();
        assert!(error.contains("are not one pair"), "{error}");
    }
}

fn entry(program: &str) -> jsonc_parser::cst::CstInputValue {
    json!({ "command": program, "args": ["mcp"] })
}

#[test]
fn json_values_are_set_and_all_else_stays() {
    let set = |text: &str| set_json(text, &["servers", NAME], NAME, entry).expect("valid JSON").text;
    let written = "{\n  \"servers\": {\n    \"conexus\": {\n      \"command\": \"conexus\",\n      \"args\": [\"mcp\"]\n    }\n  }\n}\n";
    assert_eq!(set(""), written);
    assert_eq!(set(written), written);

    let commented = "// mine\n{\n  \"a\": 1, // one\n  /* two */ \"servers\": {\n    \"other\": {},\n  },\n}\n";
    let after = set(commented);
    for kept in ["// mine", "\"a\": 1, // one", "/* two */ \"servers\": {", "\"other\": {}"] {
        assert!(after.contains(kept), "{kept} is not in {after}");
    }
    assert!(after.contains("\"command\": \"conexus\""), "{after}");
    assert_eq!(set(&after), after);
    // An equal value stays as its owner wrote it.
    let compact = "{\"servers\":{\"conexus\":{\"args\":[\"mcp\"],\"command\":\"conexus\"}}}";
    assert_eq!(set(compact), compact);
}

/// As for a block.
#[cfg(unix)]
#[test]
fn a_json_entry_names_the_program_after_it_was_moved() {
    for (held, program, is_replaced, is_told) in [
        (json!({ "command": "/old/conexus", "args": ["mcp"] }), "/new/conexus", true, false),
        (json!({ "args": ["mcp"], "command": "conexus" }), "/new/conexus", true, false),
        (json!({ "command": "/old/conexus", "args": ["mcp"] }), "conexus", true, false),
        (json!({ "command": "/old/conexus", "args": ["mcp"], "env": { "A": "1" } }), "/new/conexus", false, true),
        (json!({ "command": "/new/conexus", "args": ["mcp"], "env": { "A": "1" } }), "/new/conexus", false, false),
        (json!({ "command": "conexus", "args": [] }), "conexus", false, false),
        (json!(null), "conexus", false, false),
    ] {
        let before = set_json("", &[NAME], NAME, |_| held.clone()).expect("valid JSON").text;
        let wanted = set_json("", &[NAME], program, entry).expect("valid JSON").text;
        let edit = set_json(&before, &[NAME], program, entry).expect("valid JSON");
        let after = if is_replaced { &wanted } else { &before };
        assert_eq!((&edit.text, edit.remark.is_some()), (after, is_told), "{before} {program}");
    }
}

#[test]
fn json_that_cannot_be_understood_is_refused() {
    for (text, reason) in [
        ("{", "it is not valid JSON"),
        ("{'a': 1}", "it is not valid JSON"),
        ("{\"a\": 1 \"b\": 2}", "it is not valid JSON"),
        ("[]", "it holds something else than an object"),
        ("{\"servers\": 1}", "its \"servers\" is not an object"),
        ("{\"servers\": {}, \"servers\": {}}", "it has two entries \"servers\""),
        ("{\"servers\": {\"conexus\": 1, \"conexus\": 2}}", "it has two entries \"conexus\""),
    ] {
        let error = set_json(text, &["servers", NAME], NAME, entry).expect_err("refused").to_string();
        assert!(error.starts_with(reason), "{text}: {error}");
    }
}

#[test]
fn toml_keeps_comments_and_is_refused_when_broken() {
    let text = "# mine\na = 1 # one\n\n[b] # two\nc = 'x'\n";
    let edit = |document: &mut toml_edit::DocumentMut| {
        document["b"]["d"] = toml_edit::value("y");
        Ok(())
    };
    assert_eq!(edit_toml(text, edit).expect("valid TOML"), format!("{text}d = \"y\"\n"));
    let error = edit_toml("a = \n", edit).expect_err("refused");
    assert!(format!("{error:#}").starts_with("it is not valid TOML: TOML parse error at line 1"), "{error:#}");
}
