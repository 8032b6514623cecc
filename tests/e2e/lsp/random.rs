//! The master property through the protocol: whatever an editor, tools and git do, the session answers like a fresh one.

use conexus_testkit::{
    Edit, LspClient, Pick, Repository, Workspace, character_boundary, check_random, edits, file_uri, picks, typed_over,
    typed_texts, wait_until,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{collections::BTreeMap, ops::Range, time::Duration};

use crate::support::{STATE_QUERIES, Session};

const DEADLINE: Duration = Duration::from_secs(30);

const START: &str = r"
//- src/alpha.rs
//! The first file.

/// Waits for the queue.
pub fn wait_for_queue(count: u32) -> u32 {
    connect(count)
}
//- src/net/beta.py
def parse_header(count):
    return count + 1
//- src/Gamma.java
/** Keeps a value. */
class Gamma {
    int retry(int count) { return connect(count); }
}
//- docs/delta.md
# The retry of a handler

How a handler keeps its value.
";

/// One thing that an editor does, or that happens outside of it.
#[derive(Clone, Debug)]
enum Step {
    /// Text is typed over a part of a document, which is opened before if need be.
    Type {
        file: Pick,
        at: Pick,
        length: Pick,
        text: String,
    },
    /// The whole text is sent anew, with a part gone.
    Replace {
        file: Pick,
        length: Pick,
    },
    Save {
        document: Pick,
    },
    Close {
        document: Pick,
    },
    /// The editor renames the file of a document.
    Rename {
        document: Pick,
        to: u32,
    },
    /// Something else changes the disk, or git does.
    Outside(Edit),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (picks(), picks(), picks(), typed_texts()).prop_map(|(file, at, length, text)| Step::Type { file, at, length, text }),
        1 => (picks(), picks()).prop_map(|(file, length)| Step::Replace { file, length }),
        1 => picks().prop_map(|document| Step::Save { document }),
        1 => picks().prop_map(|document| Step::Close { document }),
        1 => (picks(), 0..4_u32).prop_map(|(document, to)| Step::Rename { document, to }),
        2 => edits(1).prop_filter_map("one change", |edits| edits.into_iter().next()).prop_map(Step::Outside),
    ];
    prop::collection::vec(step, 1..20)
}

/// An editor at work.
struct Editor<'a> {
    session: &'a Session<Repository>,
    client: LspClient,
    /// Texts of the open documents with their versions, by path.
    documents: BTreeMap<String, (String, i32)>,
}

impl Editor<'_> {
    fn uri(&self, path: &str) -> String {
        file_uri(&self.session.workspace.path(path))
    }

    /// A file among those on disk, opened if it is text and not open.
    fn open(&mut self, file: Pick) -> Option<String> {
        let files = self.session.workspace.files();
        let files: Vec<_> = files.into_iter().filter(|path| !path.starts_with('.')).collect();
        let path = files.get(file.index(files.len()))?.clone();
        if !self.documents.contains_key(&path) {
            let text = String::from_utf8(self.session.workspace.read(&path)).ok()?;
            self.client.did_open(&self.uri(&path), "plaintext", &text);
            self.documents.insert(path.clone(), (text, 1));
        }
        Some(path)
    }

    fn pick(&self, document: Pick) -> Option<String> {
        self.documents.keys().nth(document.index(self.documents.len())).cloned()
    }

    fn close(&mut self, path: &str) -> Option<String> {
        let (text, _) = self.documents.remove(path)?;
        self.client.notify("textDocument/didClose", &json!({ "textDocument": { "uri": self.uri(path) } }));
        Some(text)
    }

    /// Does a step; what it was, in words, if anything.
    fn apply(&mut self, step: &Step) -> Option<String> {
        match step {
            Step::Type { file, at, length, text: typed } => {
                let path = self.open(*file)?;
                let uri = self.uri(&path);
                let (text, version) = self.documents.get_mut(&path)?;
                let Range { start, end } = typed_over(text, *at, *length);
                let ([line, from], [to_line, to]) = (position(text, start), position(text, end));
                text.replace_range(start..end, typed);
                *version += 1;
                self.client.did_change(&uri, *version, [line, from, to_line, to], typed);
                Some(format!("type {typed:?} over {start}..{end} of {path}"))
            }
            Step::Replace { file, length } => {
                let path = self.open(*file)?;
                let uri = self.uri(&path);
                let (text, version) = self.documents.get_mut(&path)?;
                text.truncate(character_boundary(text, length.index(text.len() + 1)));
                *version += 1;
                self.client.did_replace(&uri, *version, text);
                Some(format!("cut {path} at {}", text.len()))
            }
            Step::Save { document } => {
                let path = self.pick(*document)?;
                self.save(&path);
                Some(format!("save {path}"))
            }
            Step::Close { document } => {
                let path = self.pick(*document)?;
                self.close(&path)?;
                Some(format!("close {path}"))
            }
            Step::Rename { document, to } => {
                let path = self.pick(*document)?;
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                let name = path.rsplit_once('/').map_or(&*path, |(_, name)| name);
                let new = format!("{folder}/renamed{to}_{name}").trim_start_matches('/').to_owned();
                let workspace = &self.session.workspace;
                if !workspace.path(&path).is_file()
                    || workspace.path(&new).exists()
                    || self.documents.contains_key(&new)
                {
                    return None;
                }
                workspace.rename(&path, &new);
                let text = self.close(&path)?;
                let renamed = json!({ "files": [{ "oldUri": self.uri(&path), "newUri": self.uri(&new) }] });
                self.client.notify("workspace/didRenameFiles", &renamed);
                self.client.did_open(&self.uri(&new), "plaintext", &text);
                self.documents.insert(new.clone(), (text, 1));
                Some(format!("rename {path} to {new}"))
            }
            Step::Outside(edit) => Some(edit.apply(&self.session.workspace)),
        }
    }

    fn save(&mut self, path: &str) {
        let (text, _) = &self.documents[path];
        let file = self.session.workspace.path(path);
        // Something else may have put a file where a folder of the path was, or a folder where the file was.
        let folder = file.parent().expect("a file of the workspace");
        if std::fs::create_dir_all(folder).is_ok() && std::fs::write(&file, text).is_ok() {
            let saved = json!({ "textDocument": { "uri": self.uri(path) }, "text": text });
            self.client.notify("textDocument/didSave", &saved);
        }
    }
}

/// Line and character of an offset, as the protocol counts them.
fn position(text: &str, at: usize) -> [u32; 2] {
    let mut line = 0;
    let mut start = 0;
    let bytes = text.as_bytes();
    for (offset, byte) in bytes.iter().enumerate().take(at) {
        if *byte == b'\n' || *byte == b'\r' && bytes.get(offset + 1) != Some(&b'\n') {
            line += 1;
            start = offset + 1;
        }
    }
    [line, text[start..at].encode_utf16().count() as u32]
}

/// What a session answers, without what depends on where the workspace lies and which documents are open.
fn answers(client: &mut LspClient, root: &str) -> Value {
    let place = |uri: &Value| uri.as_str().unwrap_or_default().strip_prefix(root).unwrap_or("outside").to_owned();
    let rows = STATE_QUERIES.iter().map(|(query, _)| {
        let symbols = client.call("workspace/symbol", &json!({ "query": query }));
        let symbols = symbols.as_array().expect("symbols").iter().map(|symbol| {
            let location = &symbol["location"];
            json!([symbol["name"], symbol["kind"], place(&location["uri"]), location["range"]])
        });
        let found = client.call("conexus/search", &json!({ "query": query, "limit": 1000 }));
        // Open documents come sooner: the order is not compared.
        let hits = found["hits"].as_array().expect("hits").iter();
        let hits = hits.map(|hit| json!([hit["path"], hit["name"], hit["range"], hit["preview"]]));
        json!({ "query": query, "symbols": sorted(symbols), "hits": sorted(hits) })
    });
    rows.collect()
}

fn sorted(rows: impl Iterator<Item = Value>) -> Vec<Value> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(ToString::to_string);
    rows
}

/// What a session over the files answers that the editor shows, with nothing open.
fn fresh_answers(editor: &Editor<'_>) -> Value {
    let copy = Session::new(Workspace::empty());
    let root = copy.workspace.path("copy");
    let copied = std::process::Command::new("cp").arg("-a").arg(editor.session.workspace.root()).arg(&root).status();
    assert!(copied.expect("cp runs").success());
    for (path, (text, _)) in &editor.documents {
        let file = root.join(path);
        // A file that stands where a folder of the path was hides the document from any walk.
        if std::fs::create_dir_all(file.parent().expect("a file of the workspace")).is_ok() && !file.is_dir() {
            std::fs::write(file, text).expect("the copy is written");
        }
    }
    let mut command = copy.program.command(&root);
    command.arg("lsp");
    let mut client = LspClient::open(command, &root);
    let answers = answers(&mut client, &file_uri(&root));
    client.shut_down();
    answers
}

#[test]
fn random_work_in_an_editor_leaves_answers_like_those_of_a_fresh_session() {
    check_random(6, &steps(), |steps| {
        let session = Session::new(Repository::init(Workspace::of(START)));
        let client = LspClient::open(session.command(["lsp"]), session.workspace.root());
        let mut editor = Editor { session: &session, client, documents: BTreeMap::new() };
        let history: Vec<_> = steps.iter().filter_map(|step| editor.apply(step)).collect();
        let expected = fresh_answers(&editor);
        let root = file_uri(session.workspace.root());
        wait_until(DEADLINE, || {
            let now = answers(&mut editor.client, &root);
            let mut pairs = now.as_array().into_iter().flatten().zip(expected.as_array().into_iter().flatten());
            match pairs.find(|(now, expected)| now != expected) {
                None => Ok(()),
                Some((now, expected)) => Err(format!("{expected:#}\nit is {now:#}\nafter {history:#?}")),
            }
        });
        editor.client.shut_down();
    });
}
