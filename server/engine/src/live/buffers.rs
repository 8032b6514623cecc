//! Open buffers: from an editor's text to what searches read, a few milliseconds after each keystroke.
//!
//! One thread analyses. A text is compared with the last one that was analysed: the part that differs is the edit that
//! the incremental parser is told, so no drift between editor and tree can build up, whatever edits were merged or
//! lost on the way. What the edit left alone is not walked again, and chunks whose passage is as before keep their
//! vectors.
//!
//! A text on which the parser takes long must not hold up the others. It is given up when another buffer waits, cut into
//! windows of lines, and parsed in the background; what is typed meanwhile is an edit of that text. Texts that follow
//! one which took seconds are given up too, until nobody types.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    path::PathBuf,
    sync::{Arc, LazyLock, atomic::AtomicBool},
    time::{Duration, Instant},
};

use conexus_core::{BlobId, FileAnalysis, Language, LineIndex, Passage};
use conexus_embed::Embedder;
use conexus_index::{FileReferences, IndexSnapshot, OverlayFile, Prepared, VectorBlock};
use conexus_syntax::{GiveUp, Remembered};

use super::{
    Buffer,
    background::{Background, Job, Listener, Parsed},
};
use crate::{
    GuardedAnalyser, Location, Settings, Subject,
    content::{self, Skip},
    crashes::Crashes,
    indexing::{detect, flags},
    models::stamp,
    snapshot::{BufferText, LazyReferences},
    walk::{self, WalkRules},
};

/// What one buffer is to searches.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// None when the text is one that is not searched, such as a secret: the buffer then only hides its file.
    pub(super) text: Option<BufferText>,
    pub(super) overlay: OverlayFile,
    /// It was saved and is closed: until the index has that, it stands for its file.
    pub(super) closed: Option<Closed>,
}

/// When a buffer was closed whose text is that of its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    since: Instant,
    /// The content of the file in the index then.
    before: Option<BlobId>,
    /// When the file changed last.
    saved_ns: i64,
}

/// How long a closed buffer stands for its file at most: until the silence of an owner that hangs is told.
const CLOSED: Duration = Duration::from_secs(4);

impl Shown {
    /// It was closed after it had been saved, over that state of the index.
    pub(super) fn close(&mut self, index: Option<&IndexSnapshot>) {
        let file = index.and_then(|index| index.file(&self.overlay.path));
        if let Some(closed) = &mut self.closed {
            closed.before = file.map(|file| file.blob());
        }
        if let Some(text) = &mut self.text {
            text.version = None;
        }
    }

    /// Whether it is closed and has stood for its file for too long.
    pub(super) fn is_over(&self) -> bool {
        self.closed.is_some_and(|closed| closed.since.elapsed() >= CLOSED)
    }

    /// Whether it may stand for its file over that state of the index.
    pub(super) fn counts(&self, index: &IndexSnapshot) -> bool {
        let file = index.file(&self.overlay.path);
        // The index may come to an earlier text that was saved, too, before it comes to this one.
        let is_behind = |closed: Closed| {
            file.map(|file| file.blob()) == closed.before
                || file.is_some_and(|file| file.stat().mtime_ns < closed.saved_ns)
        };
        self.closed.is_none_or(is_behind) && !self.is_over()
    }

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
    analyser: GuardedAnalyser,
    background: Background,
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
    /// What the next text can take over. A parser that recovers from errors may choose otherwise than on a fresh parse,
    /// so a buffer whose tree came from an earlier one is parsed afresh when it rests.
    remembered: Option<Remembered>,
    /// Whether its text was given up, so that others need not wait.
    is_given_up: bool,
    /// Whether parsing it took [`LONG`].
    is_slow: bool,
    /// Row and scale of each passage, by its hash.
    vectors: HashMap<u64, (Vec<i8>, f32)>,
    references: Arc<LazyReferences>,
    overlay: Option<OverlayFile>,
    /// Whether the text is searched; that of a secret is not and only hides its file.
    searched: bool,
}

/// Why a buffer is analysed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Occasion {
    /// Somebody may wait for it.
    Change,
    /// Nobody types: what was parsed in haste is parsed afresh.
    Rest,
}

/// Processor time for parsing a text while another waits. A file of the default limit of 2 MiB takes a few times as long
/// when it is parsed for the first time, most files a tenth.
const SHARE: Duration = Duration::from_millis(50);
/// Processor time of a text from which what is typed into it is parsed when nobody types.
const LONG: Duration = Duration::from_secs(1);
/// Processor time for a text that follows one which took long or was given up: enough for an edit of a large text, and
/// for a few 100 KiB of other code.
const SMALL_SHARE: Duration = Duration::from_millis(20);
/// How long nobody types before such a text is parsed: it may take seconds of a processor.
const LONG_REST: Duration = Duration::from_secs(2);

impl Buffers {
    /// `listener` is told what was parsed in the background, which [`Self::take_over`] wants to know.
    pub(super) fn new(location: &Location, settings: &Settings, crashes: &Arc<Crashes>, listener: Listener) -> Self {
        Self {
            analyser: GuardedAnalyser::new(crashes),
            background: Background::new(crashes, listener),
            embedder: None,
            open: HashMap::new(),
            hasher: std::hash::RandomState::new(),
            rows: Vec::new(),
            root: location.root.clone(),
            rules: WalkRules { threads: 1, ..WalkRules::of(location, settings) },
        }
    }

    /// Embeds with a model from now on, that of the state that is searched.
    pub(super) fn embed_with(&mut self, embedder: Option<Arc<dyn Embedder>>) {
        if self.embedder.as_deref().map(stamp) != embedder.as_deref().map(stamp) {
            self.open.values_mut().for_each(|open| open.vectors.clear());
        }
        self.embedder = embedder;
    }

    /// Analyses a buffer's new text. `others_wait` says whether there is something to do for another buffer.
    pub(super) fn update(
        &mut self,
        path: &Arc<str>,
        buffer: &Buffer,
        index: Option<&IndexSnapshot>,
        others_wait: &dyn Fn() -> bool,
    ) {
        let before = self.open.remove(path);
        let wanted = match &before {
            Some(before) => before.task.wanted,
            None => self.is_wanted(path, index),
        };
        let named = buffer.language.as_deref().filter(|_| super::is_uri(path)).and_then(conexus_syntax::language_named);
        let task = Task { text: buffer.text.to_string().into(), version: buffer.version, named, wanted };
        let give_up = match &before {
            Some(before) if before.is_slow || before.is_given_up => GiveUp { after: SMALL_SHARE, when: &|| true },
            _ => GiveUp { after: SHARE, when: others_wait },
        };
        self.analyse(path, task, before, Occasion::Change, give_up);
    }

    /// Goes on with what was parsed in the background.
    pub(super) fn take_over(&mut self, (path, remembered): Parsed, others_wait: &dyn Fn() -> bool) {
        let Some(open) = self.open.get_mut(&path).filter(|open| open.is_given_up) else { return };
        let is_slow = remembered.parse_time() >= LONG;
        if is_slow && !remembered.has_tree() {
            // No more can be known of it. A text that came later is tried when nobody types.
            open.is_given_up = *remembered.text() != open.task.text;
            open.is_slow = true;
            return;
        }
        let Some(open) = self.open.remove(&path) else { return };
        let task = open.task.clone();
        let before = Open { remembered: Some(remembered), is_slow, ..open };
        self.analyse(&path, task, Some(before), Occasion::Change, GiveUp { after: SHARE, when: others_wait });
        if let Some(open) = self.open.get_mut(&path) {
            open.is_slow |= is_slow;
        }
    }

    fn analyse(
        &mut self,
        path: &Arc<str>,
        task: Task,
        mut before: Option<Open>,
        occasion: Occasion,
        give_up: GiveUp<'_>,
    ) {
        if !task.wanted {
            self.background.forget(path);
            self.open.insert(Arc::clone(path), Open::unsearched(task));
            return;
        }
        let content = match accepted(path, &task.text, self.rules.max_file_bytes) {
            Ok(content) => content,
            Err(skip) => {
                tracing::debug!(%path, reason = skip.reason(), "an open buffer is not searched");
                self.background.forget(path);
                let nothing = FileAnalysis::empty(detect(path, ""));
                let content = Indexed { blob: NO_BLOB, generated: false, passages: &[] };
                let overlay = overlay(path, &"".into(), &LineIndex::new(""), nothing, &content, None, None);
                self.open.insert(Arc::clone(path), Open { overlay, ..Open::unsearched(task) });
                return;
            }
        };
        let text: Arc<str> = content.text.into();
        let language = task.named.unwrap_or_else(|| detect(path, &text));
        let remembered = match occasion {
            Occasion::Change => before.as_mut().and_then(|before| before.remembered.take()),
            Occasion::Rest => None,
        };
        let subject = Subject { path, blob: content.blob, language, text: &text };
        let analysed = self.analyser.analyse_next(&subject, Arc::clone(&text), remembered, give_up);
        let was_slow = before.as_ref().is_some_and(|before| before.is_slow);
        let is_given_up = analysed.is_none();
        let (analysis, remembered) = match (analysed, occasion) {
            (Some(analysed), _) => {
                self.background.forget(path);
                analysed
            }
            (None, Occasion::Change) => {
                if !was_slow {
                    let (path, text) = (Arc::clone(path), Arc::clone(&text));
                    self.background.parse(Job { path, text, blob: content.blob, language });
                }
                self.analyser.next_unparsed(language, Arc::clone(&text))
            }
            (None, Occasion::Rest) => {
                self.open.extend(before.map(|before| (Arc::clone(path), before)));
                return;
            }
        };
        let (mut vectors, before) = before.map(|before| (before.vectors, before.overlay)).unwrap_or_default();
        let passages: Vec<u64> = {
            let passages = analysis.chunks.iter().map(|chunk| Passage::of(chunk, path, &text, &analysis));
            passages.map(|passage| self.hash(&passage)).collect()
        };
        let block = self.embed(path, &text, &analysis, &passages, &mut vectors);
        let mut analysis = analysis;
        let references = std::mem::take(&mut analysis.references);
        let content = Indexed { blob: content.blob, generated: content.generated, passages: &passages };
        let before = before.as_ref().map(|before| &before.prepared);
        let overlay = overlay(path, &text, remembered.lines(), analysis, &content, block, before);
        let Some(overlay) = overlay else {
            tracing::error!(%path, "the analysis of a buffer contradicts itself, its file is searched as saved");
            return;
        };
        let of = Arc::clone(&text);
        let references: LazyReferences =
            LazyLock::new(Box::new(move || Arc::new(FileReferences::of(&references, &of))));
        let references = Arc::new(references);
        let open = Open {
            task: Task { text, ..task },
            is_given_up,
            is_slow: if is_given_up { was_slow } else { remembered.parse_time() >= LONG },
            remembered: Some(remembered),
            vectors,
            references,
            overlay: Some(overlay),
            searched: true,
        };
        self.open.insert(Arc::clone(path), open);
    }

    /// A buffer that is to be parsed afresh when nobody has typed for that long.
    pub(super) fn to_parse_afresh(&self, rest: Duration) -> Option<Arc<str>> {
        let is_due = |open: &Open| open.is_given_up && open.is_slow && rest >= LONG_REST;
        let mut open = self.open.iter().filter(|(_, open)| open.is_incremental() || is_due(open));
        open.next().map(|(path, _)| Arc::clone(path))
    }

    /// Parses a buffer afresh, unless something is to be done meanwhile: then it stays as it was.
    pub(super) fn parse_afresh(&mut self, path: &Arc<str>, is_busy: &dyn Fn() -> bool) {
        let Some(open) = self.open.remove(path) else { return };
        let give_up = GiveUp { after: Duration::ZERO, when: is_busy };
        self.analyse(path, open.task.clone(), Some(open), Occasion::Rest, give_up);
    }

    /// Decides again which buffers are searched, after the rules may have changed; the paths of those that changed.
    pub(super) fn recheck(&mut self, index: Option<&IndexSnapshot>, others_wait: &dyn Fn() -> bool) -> Vec<Arc<str>> {
        let mut changed = Vec::new();
        let paths: Vec<_> = self.open.keys().cloned().collect();
        for path in paths {
            let wanted = self.is_wanted(&path, index);
            let Some(open) = self.open.get(&path).filter(|open| open.task.wanted != wanted) else { continue };
            let task = Task { wanted, ..open.task.clone() };
            self.analyse(&path, task, None, Occasion::Change, GiveUp { after: SHARE, when: others_wait });
            changed.push(path);
        }
        changed
    }

    /// What searches read of it, if that is what its file holds.
    pub(super) fn close(&mut self, path: &str) -> Option<Shown> {
        self.background.forget(path);
        let shown = self.shown(path);
        self.open.remove(path);
        let file = self.root.join(path);
        let saved = content::read(&file, self.rules.max_file_bytes).ok()?;
        let saved_ns = walk::changed_ns(&std::fs::metadata(file).ok()?);
        let mut shown = shown.filter(|shown| shown.overlay.blob == saved.blob)?;
        shown.closed = Some(Closed { since: Instant::now(), before: None, saved_ns });
        Some(shown)
    }

    /// What searches read of a buffer; `None` when it is not open or not to be searched.
    pub(super) fn shown(&self, path: &str) -> Option<Shown> {
        let open = self.open.get(path)?;
        let text = open.searched.then(|| BufferText {
            version: Some(open.task.version),
            text: Arc::clone(&open.task.text),
            references: Arc::clone(&open.references),
        });
        Some(Shown { text, overlay: open.overlay.clone()?, closed: None })
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

    /// The vectors of all chunks, whose passages have these hashes; those of passages that `known` holds are taken from there, the others are computed.
    /// `known` then holds the passages of this text alone.
    fn embed(
        &mut self,
        path: &str,
        text: &str,
        analysis: &FileAnalysis,
        keys: &[u64],
        known: &mut HashMap<u64, (Vec<i8>, f32)>,
    ) -> Option<VectorBlock> {
        let embedder = self.embedder.as_deref()?;
        let mut kept = HashMap::with_capacity(keys.len());
        let mut new = Vec::new();
        let mut new_keys = Vec::new();
        for (key, chunk) in keys.iter().zip(&analysis.chunks) {
            if kept.contains_key(key) {
                continue;
            }
            if let Some(vector) = known.remove(key) {
                kept.insert(*key, vector);
            } else if !new_keys.contains(key) {
                new_keys.push(*key);
                new.push(Passage::of(chunk, path, text, analysis));
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
        for key in keys {
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
    fn is_incremental(&self) -> bool {
        self.remembered.as_ref().is_some_and(Remembered::is_incremental)
    }

    fn unsearched(task: Task) -> Self {
        Self {
            task,
            remembered: None,
            is_given_up: false,
            is_slow: false,
            vectors: HashMap::new(),
            references: Arc::new(LazyLock::new(Box::new(Arc::default))),
            overlay: None,
            searched: false,
        }
    }
}

/// What is known of a text besides its analysis.
struct Indexed<'a> {
    blob: BlobId,
    generated: bool,
    /// Hashes of the passages of its chunks.
    passages: &'a [u64],
}

/// What stands for a file in searches.
fn overlay(
    path: &Arc<str>,
    text: &Arc<str>,
    lines: &LineIndex,
    analysis: FileAnalysis,
    content: &Indexed<'_>,
    vectors: Option<VectorBlock>,
    before: Option<&Prepared>,
) -> Option<OverlayFile> {
    let language = analysis.language;
    let (path, text) = (Arc::clone(path), Arc::clone(text));
    let flags = flags(&path, content.generated);
    let prepared = Prepared::of_buffer(Arc::clone(&path), analysis, text, lines, content.passages, before).ok()?;
    Some(OverlayFile { path, blob: content.blob, language, flags, prepared, vectors: vectors.map(Arc::new) })
}

/// Judges a buffer's text as a walk would judge the saved file.
fn accepted(path: &str, text: &str, max_file_bytes: u64) -> Result<content::Content, Skip> {
    walk::judge_name(path)?;
    if text.len() as u64 > max_file_bytes {
        return Err(Skip::TooLarge);
    }
    content::decode(text.into())
}

#[cfg(test)]
#[path = "buffers_tests.rs"]
mod tests;
