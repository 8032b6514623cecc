//! Open buffers: from an editor's text to what searches read, a few milliseconds after each keystroke.
//!
//! One thread analyses. A text is compared with the last one that was analysed: the part that differs is the edit that
//! the incremental parser is told, so no drift between editor and tree can build up, whatever edits were merged or
//! lost on the way. Chunks whose passage is as before keep their vectors.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use conexus_core::{BlobId, FileAnalysis, Language, Passage};
use conexus_embed::Embedder;
use conexus_index::{FileReferences, IndexSnapshot, OverlayFile, Prepared, VectorBlock};
use conexus_syntax::{Analyser, InputEdit, Limits, Point, Tree};

use super::Buffer;
use crate::{
    Location, Settings,
    content::{self, Skip},
    host::stamp,
    indexing::{detect, flags},
    snapshot::BufferText,
    walk::{self, WalkRules},
};

/// What one buffer is to searches.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// None when the text is one that is not searched, such as a secret: the buffer then only hides its file.
    pub(super) text: Option<BufferText>,
    pub(super) overlay: OverlayFile,
}

impl Shown {
    /// Whether searches over that state of the index need it.
    pub(super) fn differs_from(&self, index: &IndexSnapshot) -> bool {
        match index.file(&self.overlay.path) {
            Some(file) => file.blob() != self.overlay.blob,
            None => self.text.is_some(),
        }
    }
}

/// The buffers that are open, as far as they have been analysed.
pub(super) struct Buffers {
    analyser: Analyser,
    embedder: Option<Arc<dyn Embedder>>,
    open: HashMap<Arc<str>, Open>,
    hasher: std::hash::RandomState,
    rows: Vec<f32>,
    root: PathBuf,
    rules: WalkRules,
}

/// What is to be analysed.
#[derive(Clone)]
struct Task {
    text: Arc<str>,
    version: i32,
    /// Its language as the editor calls it, when no file name tells.
    named: Option<Language>,
    /// Whether a walk would find the file.
    wanted: bool,
}

/// One open buffer as it was analysed last.
struct Open {
    task: Task,
    language: Option<Language>,
    tree: Option<Tree>,
    /// Whether the tree came from an earlier one. A parser that recovers from errors may then choose otherwise than on
    /// a fresh parse, so the buffer is parsed afresh when it rests.
    incremental: bool,
    /// Row and scale of each passage, by its hash.
    vectors: HashMap<u64, (Vec<i8>, f32)>,
    references: Arc<FileReferences>,
    overlay: Option<OverlayFile>,
    /// Whether the text is searched; that of a secret is not and only hides its file.
    searched: bool,
}

impl Buffers {
    pub(super) fn new(embedder: Option<Arc<dyn Embedder>>, location: &Location, settings: &Settings) -> Self {
        Self {
            analyser: Analyser::new(Limits::default()),
            embedder,
            open: HashMap::new(),
            hasher: std::hash::RandomState::new(),
            rows: Vec::new(),
            root: location.root.clone(),
            rules: WalkRules { threads: 1, ..WalkRules::of(location, settings) },
        }
    }

    /// Analyses a buffer's new text.
    pub(super) fn update(&mut self, path: &Arc<str>, buffer: &Buffer, index: Option<&IndexSnapshot>) {
        let before = self.open.remove(path);
        let wanted = match &before {
            Some(before) => before.task.wanted,
            None => self.is_wanted(path, index),
        };
        let named = buffer.language.as_deref().filter(|_| super::is_uri(path)).and_then(conexus_syntax::language_named);
        let task = Task { text: buffer.text.to_string().into(), version: buffer.version, named, wanted };
        self.analyse(path, task, before);
    }

    fn analyse(&mut self, path: &Arc<str>, task: Task, before: Option<Open>) {
        if !task.wanted {
            self.open.insert(Arc::clone(path), Open::unsearched(task));
            return;
        }
        let content = match accepted(path, &task.text, self.rules.max_file_bytes) {
            Ok(content) => content,
            Err(skip) => {
                tracing::debug!(%path, reason = skip.reason(), "an open buffer is not searched");
                let nothing = FileAnalysis::empty(detect(path, ""));
                let overlay = overlay(path, &"".into(), NO_BLOB, nothing, None, false);
                self.open.insert(Arc::clone(path), Open { overlay, ..Open::unsearched(task) });
                return;
            }
        };
        let text: Arc<str> = content.text.into();
        let language = task.named.unwrap_or_else(|| detect(path, &text));
        let before = before.filter(|before| before.language == Some(language));
        let (tree, incremental) =
            match before.as_ref().and_then(|before| Some((before.tree.clone()?, &before.task.text))) {
                Some((mut tree, old_text)) => match difference(old_text, &text) {
                    Some(edit) => {
                        tree.edit(&edit);
                        (self.analyser.parse(language, &text, Some(&tree)), true)
                    }
                    None => (Some(tree), before.as_ref().is_some_and(|before| before.incremental)),
                },
                None => (self.analyser.parse(language, &text, None), false),
            };
        let analysis = match &tree {
            Some(tree) => self.analyser.analyse_tree(language, &text, tree),
            None => self.analyser.analyse(language, &text),
        };
        let mut vectors = before.map(|before| before.vectors).unwrap_or_default();
        let block = self.embed(path, &text, &analysis, &mut vectors);
        let overlay = overlay(path, &text, content.blob, analysis, block, content.generated);
        let incremental = incremental && tree.is_some();
        let Some(overlay) = overlay else {
            tracing::error!(%path, "the analysis of a buffer contradicts itself, its file is searched as saved");
            return;
        };
        let references = Arc::new(overlay.prepared.references());
        let open = Open {
            task: Task { text, ..task },
            language: Some(language),
            tree,
            incremental,
            vectors,
            references,
            overlay: Some(overlay),
            searched: true,
        };
        self.open.insert(Arc::clone(path), open);
    }

    /// Whether a buffer waits for [`Buffers::parse_one_afresh`].
    pub(super) fn has_incremental(&self) -> bool {
        self.open.values().any(|open| open.incremental)
    }

    /// Parses one buffer afresh that was parsed incrementally; its path.
    pub(super) fn parse_one_afresh(&mut self) -> Option<Arc<str>> {
        let path = self.open.iter().find(|(_, open)| open.incremental).map(|(path, _)| Arc::clone(path))?;
        let open = self.open.remove(&path)?;
        self.analyse(&path, open.task.clone(), Some(Open { tree: None, ..open }));
        Some(path)
    }

    /// Decides again which buffers are searched, after the rules may have changed; the paths of those that changed.
    pub(super) fn recheck(&mut self, index: Option<&IndexSnapshot>) -> Vec<Arc<str>> {
        let mut changed = Vec::new();
        let paths: Vec<_> = self.open.keys().cloned().collect();
        for path in paths {
            let wanted = self.is_wanted(&path, index);
            let Some(open) = self.open.get(&path).filter(|open| open.task.wanted != wanted) else { continue };
            let task = Task { wanted, ..open.task.clone() };
            self.analyse(&path, task, None);
            changed.push(path);
        }
        changed
    }

    pub(super) fn close(&mut self, path: &str) {
        self.open.remove(path);
    }

    /// What searches read of a buffer; `None` when it is not open or not to be searched.
    pub(super) fn shown(&self, path: &str) -> Option<Shown> {
        let open = self.open.get(path)?;
        let text = open.searched.then(|| BufferText {
            version: open.task.version,
            text: Arc::clone(&open.task.text),
            references: Arc::clone(&open.references),
        });
        Some(Shown { text, overlay: open.overlay.clone()? })
    }

    /// Whether a walk finds the file, or would find it once it is saved.
    fn is_wanted(&self, path: &str, index: Option<&IndexSnapshot>) -> bool {
        if super::is_uri(path) || index.is_some_and(|index| index.file(path).is_some()) {
            return true;
        }
        if std::fs::symlink_metadata(self.root.join(path)).is_err() {
            return walk::would_find(&self.root, &self.rules, path);
        }
        walk::walk_parts(&self.root, &self.rules, &[path.to_owned()], &AtomicBool::new(false))
            .is_ok_and(|walk| walk.files.iter().any(|file| file.path == path))
    }

    /// The vectors of all chunks; those of passages that `known` holds are taken from there, the others are computed.
    /// `known` then holds the passages of this text alone.
    fn embed(
        &mut self,
        path: &str,
        text: &str,
        analysis: &FileAnalysis,
        known: &mut HashMap<u64, (Vec<i8>, f32)>,
    ) -> Option<VectorBlock> {
        let embedder = self.embedder.as_deref()?;
        let passages: Vec<Passage<'_>> =
            analysis.chunks.iter().map(|chunk| Passage::of(chunk, path, text, analysis)).collect();
        let keys: Vec<u64> = passages.iter().map(|passage| self.hash(passage)).collect();
        let mut kept = HashMap::with_capacity(keys.len());
        let mut new = Vec::new();
        let mut new_keys = Vec::new();
        for (key, passage) in keys.iter().zip(&passages) {
            if kept.contains_key(key) {
                continue;
            }
            if let Some(vector) = known.remove(key) {
                kept.insert(*key, vector);
            } else if !new_keys.contains(key) {
                new_keys.push(*key);
                new.push(*passage);
            }
        }
        let model = stamp(embedder);
        if !new.is_empty() {
            if let Err(error) = embedder.embed_passages(&new, &mut self.rows) {
                tracing::warn!(path, %error, "cannot embed, the buffer is searched lexically");
                return None;
            }
            let block = VectorBlock::from_rows(model.clone(), &self.rows);
            let rows = block.rows.chunks_exact(model.dimension.max(1));
            for ((key, row), scale) in new_keys.into_iter().zip(rows).zip(block.scales) {
                kept.insert(key, (row.to_vec(), scale));
            }
        }
        let mut block = VectorBlock { model, rows: Vec::new(), scales: Vec::new() };
        for key in &keys {
            let (row, scale) = &kept[key];
            block.rows.extend_from_slice(row);
            block.scales.push(*scale);
        }
        *known = kept;
        Some(block)
    }

    fn hash(&self, passage: &Passage<'_>) -> u64 {
        let Passage { path: _, name, container, signature, doc, body } = passage;
        self.hasher.hash_one((name, container, signature, doc, body))
    }
}

/// Stands for the content of a buffer that is not searched; no text has it.
const NO_BLOB: BlobId = BlobId([0; 32]);

impl Open {
    fn unsearched(task: Task) -> Self {
        Self {
            task,
            language: None,
            tree: None,
            incremental: false,
            vectors: HashMap::new(),
            references: Arc::default(),
            overlay: None,
            searched: false,
        }
    }
}

/// What stands for a file in searches.
fn overlay(
    path: &Arc<str>,
    text: &Arc<str>,
    blob: BlobId,
    analysis: FileAnalysis,
    vectors: Option<VectorBlock>,
    generated: bool,
) -> Option<OverlayFile> {
    let language = analysis.language;
    let prepared = Prepared::new(Arc::clone(path), analysis, Arc::clone(text)).ok()?.with_postings();
    let flags = flags(path, generated);
    Some(OverlayFile { path: Arc::clone(path), blob, language, flags, prepared, vectors: vectors.map(Arc::new) })
}

/// Judges a buffer's text as a walk would judge the saved file.
fn accepted(path: &str, text: &str, max_file_bytes: u64) -> Result<content::Content, Skip> {
    walk::judge_name(path)?;
    if text.len() as u64 > max_file_bytes {
        return Err(Skip::TooLarge);
    }
    content::decode(text.into())
}

/// The one edit that makes `new` of `old`; `None` when they are equal.
fn difference(old: &str, new: &str) -> Option<InputEdit> {
    if old == new {
        return None;
    }
    let (old, new) = (old.as_bytes(), new.as_bytes());
    let start = common(old.iter().zip(new));
    let most = old.len().min(new.len()) - start;
    let end = common(old.iter().rev().zip(new.iter().rev()).take(most));
    let (old_end, new_end) = (old.len() - end, new.len() - end);
    Some(InputEdit {
        start_byte: start,
        old_end_byte: old_end,
        new_end_byte: new_end,
        start_position: point(old, start),
        old_end_position: point(old, old_end),
        new_end_position: point(new, new_end),
    })
}

fn common<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>) -> usize {
    pairs.take_while(|(left, right)| left == right).count()
}

/// Row and column in bytes, as the parser counts them.
fn point(text: &[u8], at: usize) -> Point {
    let before = &text[..at];
    let row = memchr::memchr_iter(b'\n', before).count();
    let column = at - memchr::memrchr(b'\n', before).map_or(0, |line| line + 1);
    Point { row, column }
}
