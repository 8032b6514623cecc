//! Index folders that are broken, foreign, locked or without room.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use conexus_testkit::{Workspace, wait_for};

use crate::support::Session;

const DEADLINE: Duration = Duration::from_secs(30);

fn session() -> Session {
    let workspace = Workspace::empty();
    for number in 0..40 {
        workspace.write(
            &format!("src/f{number}.rs"),
            format!("/// Number {number}.\nfn function_{number}() {{ retry({number}) }}\n"),
        );
    }
    Session::new(workspace)
}

/// Every file of the index.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("the index folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

/// A search must find what is there, whatever it had to rebuild for that.
#[track_caller]
fn expect_healed(session: &Session, what: &str) {
    let run = session.run(["search", "--json", "function_7"]).expect(0);
    assert_eq!(run.json()["hits"][0]["path"], "src/f7.rs", "{what}: {run}");
    session.expect_like_fresh(what);
}

/// Does something to a file that holds these bytes.
type Damage = fn(&Path, Vec<u8>);

#[test]
fn a_damaged_file_of_the_index_is_healed() {
    let damages: [(&str, Damage); 5] = [
        ("cut to half", |path, bytes| fs::write(path, &bytes[..bytes.len() / 2]).expect("a write")),
        ("emptied", |path, _| fs::write(path, "").expect("a write")),
        ("removed", |path, _| fs::remove_file(path).expect("a removal")),
        ("of another program", |path, _| fs::write(path, "this is not an index file\n".repeat(500)).expect("a write")),
        ("grown", |path, mut bytes| {
            bytes.extend([0xa5; 5000]);
            fs::write(path, bytes).expect("a write");
        }),
    ];
    let session = session();
    session.index();
    let folder = session.index_dir();
    for file in files(&folder) {
        let name = file.strip_prefix(&folder).expect("a path in the index").to_owned();
        for (damage, apply) in damages {
            // An earlier rebuild may have given files other names.
            let Ok(bytes) = fs::read(&file) else { break };
            apply(&file, bytes);
            expect_healed(&session, &format!("{} {damage}", name.display()));
        }
    }
}

/// Gives a file a text under a time that is long gone, as programs that unpack and copy do.
#[cfg(unix)]
fn unpack(path: &Path, text: &str) {
    let time = std::time::UNIX_EPOCH + Duration::from_hours(400_000);
    fs::write(path, text).expect("a write");
    fs::File::options().write(true).open(path).and_then(|file| file.set_modified(time)).expect("a time");
}

#[cfg(unix)]
#[test]
fn a_change_that_keeps_size_and_time_is_seen() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 3] = [
        ("unpacked over it", |folder| unpack(&folder.join("f7.rs"), "fn abort_7() {}\n")),
        ("moved over it", |folder| {
            unpack(&folder.join("new"), "fn abort_7() {}\n");
            fs::rename(folder.join("new"), folder.join("f7.rs")).expect("a move");
        }),
        ("swapped", |folder| {
            for (from, to) in [("f7.rs", "aside"), ("f8.rs", "f7.rs"), ("aside", "f8.rs")] {
                fs::rename(folder.join(from), folder.join(to)).expect("a move");
            }
        }),
    ];
    for (what, change) in changes {
        let session = session();
        let folder = session.workspace.path("src");
        unpack(&folder.join("f7.rs"), "fn retry_7() {}\n");
        unpack(&folder.join("f8.rs"), "fn abort_7() {}\n");
        // What changed a moment ago is read once more.
        wait_for("an index of what rests", DEADLINE, || (session.index()["touched"] == 0).then_some(()));
        change(&folder);
        let report = session.index();
        assert!(report["updated"].as_u64() > Some(0) || report["reused"].as_u64() > Some(0), "{what}: {report:#}");
        let found = session.run(["symbols", "--json", "abort_7"]).expect(0).json();
        assert_eq!(found["symbols"][0]["path"], "src/f7.rs", "{what}: {found:#}");
        session.run(["verify"]).expect(0);
        // A file that has another mode or name alone is read and not analysed again.
        fs::hard_link(folder.join("f9.rs"), session.program.home().join("link")).expect("a link");
        let report = session.index();
        assert_eq!((&report["updated"], &report["reused"]), (&0.into(), &0.into()), "{what}: {report:#}");
    }
}

/// An index whose catalog says of a file that it is as it was, while it is not, is what no index can know of itself.
#[cfg(unix)]
#[test]
fn verify_finds_a_file_that_changed_unseen() {
    let session = session();
    let path = session.workspace.path("src/f7.rs");
    let catalog = session.index_dir().join("catalog.sqlite");
    // As SQLite writes a number of eight bytes.
    let time = || conexus_engine::walk::changed_ns(&fs::metadata(&path).expect("a file")).to_be_bytes();
    unpack(&path, "fn function_7() { retry(7) }\n");
    let known = time();
    let at = wait_for("the time of the file in the catalog", DEADLINE, || {
        session.index();
        fs::read(&catalog).ok()?.windows(known.len()).position(|bytes| bytes == known)
    });
    session.run(["verify"]).expect(0);
    unpack(&path, "fn function_7() { abort(7) }\n");
    let mut bytes = fs::read(&catalog).expect("the catalog");
    bytes[at..at + known.len()].copy_from_slice(&time());
    fs::write(&catalog, bytes).expect("a write");
    let run = session.run(["verify"]).expect(1);
    assert!(run.stdout.contains("src/f7.rs: contents differ"), "{run}");
    assert!(run.stdout.contains("`conexus index --force`") && !run.stdout.contains("src/f8.rs"), "{run}");
    let answer = session.run(["verify", "--json"]).expect(1).json();
    assert_eq!(answer["equal"], false, "{answer:#}");
    assert!(answer["differences"][0].as_str().is_some_and(|says| says.starts_with("src/f7.rs")), "{answer:#}");
    // What it advises helps.
    session.run(["index", "--force"]).expect(0);
    session.run(["verify"]).expect(0);
    assert_eq!(session.paths("abort")[0], "src/f7.rs");
}

#[test]
fn the_files_of_all_kinds_may_be_damaged_at_once() {
    let session = session();
    session.index();
    for file in files(&session.index_dir()) {
        fs::write(file, [0xff; 4096]).expect("a write");
    }
    expect_healed(&session, "everything overwritten");
}

#[test]
fn a_folder_with_other_files_is_not_destroyed() {
    let session = session();
    session.index();
    // A healthy database of another program.
    let mut books = fs::read(session.index_dir().join("catalog.sqlite")).expect("the catalog");
    books[68..72].fill(0);
    let theirs: [&[(&str, &[u8])]; 7] = [
        &[("thesis.txt", b"years of work")],
        &[("lock", b"x")],
        &[("owner", b"x")],
        &[("vectors/a", b"x"), ("lexical/b", b"x"), ("lock", b"x"), ("owner", b"x"), ("crashes/list", b"x")],
        &[("catalog.sqlite", b"a list of books")],
        &[("catalog.sqlite", &books)],
        &[("catalog.sqlite", &books), ("conexus-index", b"")],
    ];
    for (number, theirs) in theirs.iter().enumerate() {
        let folder = session.workspace.path(&format!("../precious-{number}"));
        for (name, bytes) in *theirs {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, bytes).expect("a file");
        }
        let contents =
            || files(&folder).into_iter().map(|path| (fs::read(&path).expect("a file"), path)).collect::<Vec<_>>();
        let before = contents();
        for (arguments, code) in [
            (&["index"][..], 2),
            (&["index", "--force"], 2),
            (&["search", "function_7"], 2),
            (&["search", "--no-index", "function_7"], 2),
            (&["verify"], 2),
            (&["doctor"], 1),
            (&["clear"], 2),
        ] {
            let mut command = session.command(arguments);
            command.arg("--index-dir").arg(&folder);
            let run = conexus_testkit::run(command).expect(code);
            let says = format!("{}{}", run.stdout, run.stderr);
            for part in [&*folder.file_name().expect("a name").to_string_lossy(), "is not an index", "--index-dir"] {
                assert!(says.contains(part), "{part}: {run}");
            }
            assert!(contents() == before, "{run}");
        }
    }
}

#[test]
fn an_index_folder_that_cannot_be_made_is_named() {
    let session = session();
    for (place, text) in [("file", Some("x")), ("file/below", None)] {
        let path = session.workspace.path("..").join(place);
        if let Some(text) = text {
            fs::write(&path, text).expect("a file");
        }
        let mut command = session.command(["search", "function_7"]);
        command.arg("--index-dir").arg(&path);
        let run = conexus_testkit::run(command).expect(2);
        assert!(run.stderr.contains("file") && run.stderr.lines().count() <= 5, "{run}");
    }
    let run = session.run(["search", "function_7", "--index-dir", ""]).expect(2);
    assert!(run.stderr.contains("--index-dir"), "{run}");
}

#[cfg(target_os = "linux")]
mod limited {
    //! Room and rights that a test takes away.

    use super::*;
    use crate::support::namespaces::{read_only, within, wrapped};

    #[test]
    fn a_full_disk_is_an_error_that_costs_nothing() {
        let session = session();
        let mount = session.workspace.path("../small");
        fs::create_dir(&mount).expect("a folder");
        let index_dir = mount.join("index").to_string_lossy().into_owned();
        for kilobytes in [16, 64, 128, 256, 512, 1024] {
            let script = format!("mount -t tmpfs -o size={kilobytes}k none '{}'", mount.display());
            let arguments = ["search", "--json", "function_7", "--index-dir", &index_dir];
            let Some(command) = within(&session.command(arguments), &script) else { return };
            let run = conexus_testkit::run(command).expect_any(&[0, 2]);
            expect_full_or_answered(&run);
        }
    }

    fn expect_full_or_answered(run: &conexus_testkit::Run) {
        if run.status.code() == Some(2) {
            for part in ["is full", "free some space", "CONEXUS_INDEX_DIR"] {
                assert!(run.stderr.contains(part), "{part}: {run}");
            }
        } else {
            assert_eq!(run.json()["hits"][0]["path"], "src/f7.rs", "{run}");
        }
    }

    #[test]
    fn a_disk_that_becomes_full_leaves_the_index_as_it_was() {
        let session = session();
        let mount = session.workspace.path("../small");
        fs::create_dir(&mount).expect("a folder");
        let index_dir = mount.join("index").to_string_lossy().into_owned();
        let (root, folder) = (session.workspace.root().display(), mount.display());
        let own =
            |command: &str| format!("\"$0\" --workspace '{root}' --index-dir '{index_dir}' {command} >/dev/null 2>&1");
        for left in [0, 4, 16, 32, 64, 256] {
            // The index is made, then all is filled but for some KiB.
            let full = format!(
                "mount -t tmpfs -o size=16m none '{folder}' && {} && head -c {left}k /dev/zero >'{folder}/left' && \
                 {{ cat /dev/zero >'{folder}/fill' 2>/dev/null; rm '{folder}/left'; }}",
                own("index")
            );
            for arguments in
                [&["search", "--json", "function_7"][..], &["search", "--json", "--no-index", "function_7"]]
            {
                let command = session.command(arguments.iter().copied().chain(["--index-dir", &index_dir]));
                let Some(command) = within(&command, &full) else { return };
                let run = conexus_testkit::run(command).expect_any(&[0, 2]);
                expect_full_or_answered(&run);
                assert!(left > 0 || run.status.code() == Some(2), "the disk is not full: {run}");
            }
            // A run that may fail, and one with room again.
            let change = format!("echo 'fn late_{left}() {{}}' >'{root}/src/late.rs'");
            let healed =
                format!("{full} && {change} && {{ {}; rm '{folder}/fill'; }} && {}", own("index"), own("index"));
            let command = session.command(["verify", "--index-dir", &index_dir]);
            let Some(command) = within(&command, &healed) else { return };
            conexus_testkit::run(command).expect(0);
        }
    }

    /// Writes fail past a size although the disk has room; works without namespaces. What was there stays good.
    #[test]
    fn a_limit_on_file_sizes_is_an_error_that_costs_nothing() {
        let session = session();
        session.index();
        for number in 0..40 {
            session.workspace.write(
                &format!("src/g{number}.rs"),
                format!("fn other_{number}() {{ connect({number}) }}\n").repeat(20),
            );
        }
        for blocks in [0, 8, 32, 128] {
            let inner = session.command(["index"]);
            let run =
                conexus_testkit::run(wrapped(&inner, &["sh", "-c"], &format!("trap '' XFSZ; ulimit -f {blocks}")));
            let run = run.expect_any(&[0, 2]);
            assert!(run.status.success() || !run.stderr.is_empty(), "{run}");
            let answer = session.run(["search", "--json", "--no-index", "function_7"]).expect(0).json();
            assert_eq!(answer["hits"][0]["path"], "src/f7.rs", "after a limit of {blocks} blocks: {answer:#}");
        }
        session.index();
        session.expect_like_fresh("after failed writes");
    }

    #[test]
    fn a_read_only_index_is_read_or_refused_with_a_reason() {
        let session = session();
        session.index();
        let folder = session.index_dir();
        let search = session.command(["search", "--json", "function_7"]);
        let Some(command) = within(&search, &read_only(&folder)) else { return };
        let run = conexus_testkit::run(command).expect_any(&[0, 2]);
        match run.status.code() {
            Some(0) => assert_eq!(run.json()["hits"][0]["path"], "src/f7.rs", "{run}"),
            _ => assert!(run.stderr.contains("cannot be written"), "{run}"),
        }
        session.expect_like_fresh("after a read-only search");
    }

    #[test]
    fn a_read_only_cache_folder_is_named() {
        let session = session();
        let script = format!("mount -t tmpfs -o ro none '{}'", session.program.home().display());
        let Some(command) = within(&session.command(["search", "function_7"]), &script) else { return };
        let run = conexus_testkit::run(command).expect(2);
        for part in ["cannot be written", "CONEXUS_INDEX_DIR"] {
            assert!(run.stderr.contains(part), "{part}: {run}");
        }
    }
}
