//! Random changes of a repository, as people, tools and git make them.

use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    sample::select,
    strategy::Union,
};

use crate::Repository;

/// A choice among what exists when a change is made: a share of the whole, in 2^32ths.
#[derive(Clone, Copy, Debug)]
pub struct Pick(u32);

impl Pick {
    /// An index below `len`, or 0 when there is nothing.
    pub fn index(self, len: usize) -> usize {
        ((u64::from(self.0) * len as u64) >> 32) as usize
    }
}

/// One change. Files, lines and branches are named by a [`Pick`] among what exists when the change is made, so that
/// any sequence of changes can be made and stays meaningful while it is made shorter.
#[derive(Clone, Debug)]
pub enum Edit {
    /// New lines in a file.
    Insert {
        /// Which file.
        file: Pick,
        /// Before which line.
        line: Pick,
        /// Whole lines.
        text: String,
    },
    /// Lines of a file go.
    Delete {
        /// Which file.
        file: Pick,
        /// The first line that goes.
        line: Pick,
        /// How many, as far as there are.
        lines: usize,
    },
    /// Lines of a file become others.
    Replace {
        /// Which file.
        file: Pick,
        /// The first line that changes.
        line: Pick,
        /// How many, as far as there are.
        lines: usize,
        /// Whole lines.
        text: String,
    },
    /// One letter becomes another; the file's size stays.
    Letter {
        /// Which file.
        file: Pick,
        /// Which byte, or the next letter after it.
        at: Pick,
    },
    /// A file appears, or is written anew.
    Write {
        /// Where.
        path: String,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// A copy of a file appears: the same content at two paths.
    Copy {
        /// Which file.
        file: Pick,
        /// Where.
        to: String,
    },
    /// A file moves, also onto another.
    Rename {
        /// Which file.
        file: Pick,
        /// Where to.
        to: String,
    },
    /// A file goes.
    Remove {
        /// Which file.
        file: Pick,
    },
    /// The ignore file names other files.
    Ignore {
        /// All of `.gitignore`.
        patterns: String,
    },
    /// Everything is committed.
    Commit,
    /// A branch begins here.
    Branch,
    /// Another branch is checked out, over uncommitted changes.
    Checkout {
        /// Which branch.
        branch: Pick,
    },
    /// Uncommitted changes of tracked files are undone.
    Restore,
}

impl Edit {
    /// Makes the change. Returns what was done, for the message of a failure.
    pub fn apply(&self, repository: &Repository) -> String {
        let files = repository.files();
        let pick = |file: &Pick| files.get(file.index(files.len())).cloned();
        let nothing = || "nothing: no file is left".to_owned();
        match self {
            Self::Insert { file, line, text } => {
                pick(file).map_or_else(nothing, |path| splice(repository, &path, *line, 0, text))
            }
            Self::Delete { file, line, lines } => {
                pick(file).map_or_else(nothing, |path| splice(repository, &path, *line, *lines, ""))
            }
            Self::Replace { file, line, lines, text } => {
                pick(file).map_or_else(nothing, |path| splice(repository, &path, *line, *lines, text))
            }
            Self::Letter { file, at } => pick(file).map_or_else(nothing, |path| change_letter(repository, &path, *at)),
            Self::Write { path, bytes } => {
                repository.write(path, bytes);
                format!("write {path}, {} bytes", bytes.len())
            }
            Self::Copy { file, to } => pick(file).map_or_else(nothing, |path| {
                repository.write(to, repository.read(&path));
                format!("copy {path} to {to}")
            }),
            Self::Rename { file, to } => pick(file).map_or_else(nothing, |path| {
                repository.rename(&path, to);
                format!("move {path} to {to}")
            }),
            Self::Remove { file } => pick(file).map_or_else(nothing, |path| {
                repository.remove(&path);
                format!("remove {path}")
            }),
            Self::Ignore { patterns } => {
                repository.write(".gitignore", patterns);
                format!("ignore {patterns:?}")
            }
            Self::Commit => format!("commit {}", repository.commit("change")),
            Self::Branch => {
                let name = format!("branch-{}", repository.branches().len());
                repository.branch(&name);
                format!("begin {name}")
            }
            Self::Checkout { branch } => {
                let branches = repository.branches();
                let branch = &branches[branch.index(branches.len())];
                repository.checkout(branch);
                format!("check out {branch}")
            }
            Self::Restore => {
                repository.checkout("HEAD");
                "undo uncommitted changes".to_owned()
            }
        }
    }
}

fn splice(repository: &Repository, path: &str, line: Pick, lines: usize, text: &str) -> String {
    let bytes = repository.read(path);
    let old: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    let from = line.index(old.len() + 1);
    let to = (from + lines).min(old.len());
    let new = [old[..from].concat(), text.as_bytes().to_vec(), old[to..].concat()].concat();
    repository.write(path, new);
    format!("put {} lines for {} at line {from} of {path}", text.lines().count(), to - from)
}

fn change_letter(repository: &Repository, path: &str, at: Pick) -> String {
    let mut bytes = repository.read(path);
    let from = at.index(bytes.len().max(1));
    let Some(offset) = bytes.iter().skip(from).position(u8::is_ascii_lowercase) else {
        return format!("nothing: no letter follows byte {from} of {path}");
    };
    let letter = &mut bytes[from + offset];
    *letter = if *letter == b'z' { b'a' } else { *letter + 1 };
    repository.write(path, bytes);
    format!("change the letter at byte {} of {path}", from + offset)
}

/// Random sequences of changes, at least one and at most `most`.
pub fn edits(most: usize) -> impl Strategy<Value = Vec<Edit>> {
    vec(edit(), 1..=most)
}

/// Any pick.
pub fn picks() -> impl Strategy<Value = Pick> {
    any::<u32>().prop_map(Pick)
}

/// What a person types or pastes at once: whole definitions, halves of them, what opens a string or a comment and does
/// not close it, letters of every width.
pub fn typed_texts() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("fn typed_here() { connect(1) }\n".to_owned()),
        Just("\n}\n".to_owned()),
        Just("\"".to_owned()),
        Just("/* ".to_owned()),
        Just("class Typed:\n    def parse_header(self):\n        return self\n".to_owned()),
        Just("ä€😀\r\n".to_owned()),
        "[a-z_(){};]{0,12}",
    ]
}

/// The bytes of a text that are typed over: at most 40.
pub fn typed_over(text: &str, at: Pick, length: Pick) -> std::ops::Range<usize> {
    let start = character_boundary(text, at.index(text.len() + 1));
    start..character_boundary(text, (start + length.index(40)).min(text.len())).max(start)
}

/// The end of the last character before an offset; a line break of two characters is one.
pub fn character_boundary(text: &str, at: usize) -> usize {
    let at = text.floor_char_boundary(at);
    if text[..at].ends_with('\r') && text[at..].starts_with('\n') { at - 1 } else { at }
}

fn edit() -> impl Strategy<Value = Edit> {
    let pick = picks;
    prop_oneof![
        4 => (pick(), pick(), code()).prop_map(|(file, line, text)| Edit::Insert { file, line, text }),
        3 => (pick(), pick(), 1..12_usize).prop_map(|(file, line, lines)| Edit::Delete { file, line, lines }),
        3 => (pick(), pick(), 1..6_usize, code()).prop_map(|(file, line, lines, text)| Edit::Replace { file, line, lines, text }),
        2 => (pick(), pick()).prop_map(|(file, at)| Edit::Letter { file, at }),
        4 => (path(), contents()).prop_map(|(path, bytes)| Edit::Write { path, bytes }),
        1 => (pick(), path()).prop_map(|(file, to)| Edit::Copy { file, to }),
        3 => (pick(), path()).prop_map(|(file, to)| Edit::Rename { file, to }),
        2 => pick().prop_map(|file| Edit::Remove { file }),
        1 => select(IGNORES).prop_map(|patterns| Edit::Ignore { patterns: patterns.to_owned() }),
        2 => Just(Edit::Commit),
        1 => Just(Edit::Branch),
        3 => pick().prop_map(|branch| Edit::Checkout { branch }),
        1 => Just(Edit::Restore),
    ]
}

const IGNORES: &[&str] = &["", "net/\n", "*.py\n", "*\n!*.rs\n!*/\n", "# nothing\n\n"];

/// Few names, so that files meet again after renames and on other branches; in their own folders, so that no file's
/// path is another's folder.
fn path() -> impl Strategy<Value = String> {
    let folders = &["src/", "src/net/", "docs/", "größe/", "with space/", ""];
    let stems = &["alpha", "beta", "retry", "名前", "test_gamma"];
    let extensions = &["rs", "py", "go", "ts", "java", "c", "cpp", "md", "json", "txt", "unknown"];
    (select(folders.as_slice()), select(stems.as_slice()), select(extensions.as_slice()))
        .prop_map(|(folder, stem, extension)| format!("{folder}{stem}.{extension}"))
}

fn contents() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(code(), 0..8).prop_map(|parts| parts.concat().into_bytes()),
        1 => vec(any::<u8>(), 0..200),
        1 => code().prop_map(|text| text.replace('\n', "\r\n").into_bytes()),
        1 => code().prop_map(|text| [b"\xef\xbb\xbf", text.trim_end().as_bytes()].concat()),
    ]
}

/// A piece of code or prose; most of it parses in some language and none of it in all.
fn code() -> impl Strategy<Value = String> {
    Union::new_weighted(
        SNIPPETS
            .iter()
            .map(|&(weight, snippet)| {
                (
                    weight,
                    (select(NAMES), select(NAMES))
                        .prop_map(move |(a, b)| snippet.replace("NAME", a).replace("OTHER", b))
                        .boxed(),
                )
            })
            .collect(),
    )
}

const NAMES: &[&str] = &["retry", "connect", "parse_header", "QueueWorker", "cacheKey", "größe", "x", "handle_2"];

const SNIPPETS: &[(u32, &str)] = &[
    (
        4,
        "/// Calls OTHER and waits.\npub fn NAME(count: u32) -> u32 {\n    let value = OTHER(count);\n    value + 1\n}\n\n",
    ),
    (
        2,
        "pub struct NAME {\n    OTHER: u32,\n}\n\nimpl NAME {\n    fn OTHER(&self) -> u32 {\n        self.OTHER\n    }\n}\n",
    ),
    (3, "def NAME(count):\n    \"\"\"Calls OTHER and waits.\"\"\"\n    return OTHER(count) + 1\n\n"),
    (2, "class NAME:\n    def OTHER(self):\n        return self.NAME\n\n"),
    (2, "func NAME(count int) int {\n\treturn OTHER(count)\n}\n"),
    (2, "export function NAME(count: number): number {\n  return OTHER(count);\n}\n"),
    (2, "class NAME {\n  int OTHER() { return 1; }\n};\n"),
    (2, "## NAME\n\nHow OTHER is used, in a sentence.\n\n"),
    (1, "#[test]\nfn test_NAME() {\n    assert_eq!(OTHER(), 1);\n}\n"),
    (1, "{ \"NAME\": [1, 2, { \"OTHER\": null }] }\n"),
    (1, "}\n"),
    (1, "/* NAME\n"),
    (1, "\"\"\"\n"),
    (1, "\n\n\n"),
    (1, "名前 = 'OTHER' \u{200d} \u{1f469}\u{200d}\u{1f4bb}\n"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Workspace, check_random};

    #[test]
    fn any_sequence_can_be_made() {
        check_random(20, &edits(30), |edits| {
            let repository =
                Repository::init(Workspace::of("//- src/alpha.rs\nfn alpha() {}\n//- docs/beta.md\n# Beta\n"));
            for edit in &edits {
                edit.apply(&repository);
            }
        });
    }

    #[test]
    fn edits_change_what_they_say() {
        let repository = Repository::init(Workspace::of("//- a.rs\none\ntwo\n"));
        let pick = |at: u64, of: u64| Pick((at << 32).div_ceil(of) as u32);
        let file = pick(0, 1);
        assert_eq!(
            Edit::Insert { file, line: pick(1, 3), text: "new\n".to_owned() }.apply(&repository),
            "put 1 lines for 0 at line 1 of a.rs"
        );
        assert_eq!(repository.read("a.rs"), b"one\nnew\ntwo\n");
        Edit::Delete { file, line: pick(2, 4), lines: 9 }.apply(&repository);
        assert_eq!(repository.read("a.rs"), b"one\nnew\n");
        Edit::Letter { file, at: pick(0, 8) }.apply(&repository);
        assert_eq!(repository.read("a.rs"), b"pne\nnew\n");
        Edit::Restore.apply(&repository);
        assert_eq!(repository.read("a.rs"), b"one\ntwo\n");
        Edit::Remove { file }.apply(&repository);
        assert_eq!(Edit::Remove { file }.apply(&repository), "nothing: no file is left");
    }
}
