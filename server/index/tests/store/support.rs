//! A small analyser, a fake model and a workspace in memory.

use conexus_core::{
    BlobId, Chunk, ChunkKind, FileAnalysis, Language, Note, Reference, ReferenceKind, Span, Symbol, SymbolKind,
    Visibility, words,
};
use conexus_index::{
    Access, Batch, Content, FileFlags, FileStat, FileUpdate, IndexSnapshot, LexicalQuery, ModelStamp, OpenReport,
    Result, Store, StoreSettings, TextSource, VectorBlock,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub(crate) const RUST: Language = Language::named("rust");
pub(crate) const DIMENSION: usize = 16;

pub(crate) fn blob(text: &str) -> BlobId {
    BlobId(*blake3::hash(text.as_bytes()).as_bytes())
}

/// Every line that begins with `fn` begins a function; what stands before the first is a gap.
pub(crate) fn analyse(text: &str) -> FileAnalysis {
    let mut analysis = FileAnalysis::empty(RUST);
    let mut starts: Vec<usize> =
        text.match_indices("fn ").map(|(at, _)| at).filter(|&at| at == 0 || text.as_bytes()[at - 1] == b'\n').collect();
    if starts.first() != Some(&0) && !text.is_empty() {
        starts.insert(0, 0);
    }
    for (number, &start) in starts.iter().enumerate() {
        let span = Span::new(start, starts.get(number + 1).copied().unwrap_or(text.len()));
        let body = span.slice(text);
        if !body.starts_with("fn ") {
            analysis.chunks.push(Chunk { span, kind: ChunkKind::Gap, symbol: None });
            continue;
        }
        let name = words::identifiers(&body[3..]).next().unwrap_or("");
        let name_at = start + 3 + body[3..].find(name).unwrap_or(0);
        let line = start + body.find('\n').unwrap_or(body.len());
        analysis.chunks.push(Chunk { span, kind: ChunkKind::Symbol, symbol: Some(analysis.symbols.len() as u32) });
        for word in words::identifiers(body).skip(2) {
            let at = word.as_ptr() as usize - text.as_ptr() as usize;
            let within = Some(analysis.symbols.len() as u32);
            analysis.references.push(Reference {
                span: Span::new(at, at + word.len()),
                kind: ReferenceKind::Call,
                within,
            });
        }
        analysis.symbols.push(Symbol {
            name: name.into(),
            container: "module".into(),
            kind: if name.starts_with('T') { SymbolKind::Struct } else { SymbolKind::Function },
            span,
            name_span: Span::new(name_at, name_at + name.len()),
            signature: Span::new(start, line),
            doc: None,
            visibility: Visibility::Public,
            test: name.starts_with("test"),
            parent: None,
        });
    }
    if text.contains('?') {
        analysis.notes.push(Note::SyntaxErrors(1));
    }
    analysis
}

pub(crate) fn model() -> ModelStamp {
    ModelStamp { id: "hashing-1".into(), dimension: DIMENSION }
}

/// Counts of words by hash: near texts are near. A chunk without a word has no vector.
pub(crate) fn embed(text: &str) -> Option<[i8; DIMENSION]> {
    let mut counts = [0i32; DIMENSION];
    for word in words::identifiers(text) {
        let hash = blake3::hash(word.as_bytes());
        let sign = if hash.as_bytes()[1] & 1 == 0 { 1 } else { -1 };
        counts[hash.as_bytes()[0] as usize % DIMENSION] += sign;
    }
    let most = counts.iter().map(|count| count.abs()).max().filter(|&most| most > 0)?;
    Some(counts.map(|count| (count * 127 / most) as i8))
}

pub(crate) fn vectors(text: &str, analysis: &FileAnalysis) -> VectorBlock {
    let mut block = VectorBlock { model: model(), rows: Vec::new(), scales: Vec::new() };
    for chunk in &analysis.chunks {
        let row = embed(chunk.span.slice(text));
        let length = row.iter().flatten().map(|&value| f32::from(value) * f32::from(value)).sum::<f32>().sqrt();
        block.rows.extend(row.unwrap_or_default());
        block.scales.push(if row.is_some() { 1.0 / length } else { 0.0 });
    }
    block
}

pub(crate) fn query_vector(text: &str) -> Vec<f32> {
    embed(text).unwrap_or_default().map(f32::from).to_vec()
}

/// What the file system would hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Workspace {
    pub(crate) files: BTreeMap<String, String>,
}

impl TextSource for Workspace {
    fn text(&self, path: &str, expected: BlobId) -> Option<Arc<str>> {
        let text = self.files.get(path).filter(|text| blob(text) == expected)?;
        Some(text.as_str().into())
    }
}

impl Workspace {
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        Self { files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect() }
    }

    /// All files as updates.
    pub(crate) fn updates(&self) -> Vec<FileUpdate> {
        self.files.iter().map(|(path, text)| new(path, text)).collect()
    }
}

pub(crate) fn stat(text: &str) -> FileStat {
    FileStat { size: text.len() as u64, mtime_ns: -5 }
}

fn update(path: &str, text: &str, content: Content) -> FileUpdate {
    FileUpdate {
        path: path.into(),
        stat: stat(text),
        flags: if path.contains("test") { FileFlags::TEST } else { FileFlags::default() },
        blob: blob(text),
        language: RUST,
        vector_key: 0,
        content,
    }
}

pub(crate) fn new(path: &str, text: &str) -> FileUpdate {
    let analysis = analyse(text);
    let vectors = Some(vectors(text, &analysis));
    update(path, text, Content::New { analysis, text: text.into(), vectors })
}

pub(crate) fn without_vectors(path: &str, text: &str) -> FileUpdate {
    update(path, text, Content::New { analysis: analyse(text), text: text.into(), vectors: None })
}

pub(crate) fn known(path: &str, text: &str) -> FileUpdate {
    update(path, text, Content::Known { text: text.into(), vectors: None })
}

pub(crate) fn touched(path: &str, text: &str) -> FileUpdate {
    update(path, text, Content::StatOnly)
}

pub(crate) fn updates(updates: Vec<FileUpdate>) -> Batch {
    Batch { updates, removals: Vec::new() }
}

pub(crate) fn removals(paths: &[&str]) -> Batch {
    Batch { updates: Vec::new(), removals: paths.iter().map(|&path| path.into()).collect() }
}

pub(crate) fn settings() -> StoreSettings {
    StoreSettings { model: Some(model()), ..StoreSettings::default() }
}

pub(crate) fn open(folder: &Path, texts: &Workspace) -> Result<(Store, OpenReport)> {
    Store::open(folder, settings(), Access::Write, texts)
}

pub(crate) fn fresh(folder: &Path) -> Store {
    open(folder, &Workspace::default()).expect("an empty folder").0
}

/// All that searches of some queries see, independent of slots.
pub(crate) type View = (Vec<String>, Vec<(String, Vec<(String, u32)>)>);

pub(crate) fn view(snapshot: &IndexSnapshot, queries: &[&str]) -> View {
    let place = |slot: u32| {
        let found = snapshot.chunk(slot).expect("a hit is live");
        format!("{}:{:?}", found.file.path(), found.chunk.span())
    };
    let files = snapshot.files().map(|file| {
        let chunks: Vec<_> = file.chunks().map(|chunk| (chunk.to_chunk(), chunk.lines())).collect();
        let symbols: Vec<_> = file.symbols().map(|symbol| symbol.to_symbol()).collect();
        format!("{} {:?} {:?} {:?} {chunks:?} {symbols:?}", file.path(), file.blob(), file.stat(), file.flags())
    });
    let mut answers = Vec::new();
    for (query, count) in queries.iter().flat_map(|query| [(query, 3), (query, 1 << 20)]) {
        let hits = snapshot.lexical(LexicalQuery::new(query)).expect("lexical").best(None, count);
        let hits = hits.iter().map(|hit| (place(hit.slot), hit.score.to_bits())).collect();
        answers.push((format!("{count} lexical {query}"), hits));
        let hits = snapshot.nearest(&query_vector(query), None, count).expect("nearest");
        let hits = hits.iter().map(|hit| (place(hit.slot), hit.similarity.to_bits())).collect();
        answers.push((format!("{count} nearest {query}"), hits));
    }
    let counts = format!("{} chunks, {} vectors", snapshot.live_chunks(), snapshot.live_vectors());
    (files.chain([counts]).collect(), answers)
}

/// The view of an index that was built from nothing.
pub(crate) fn fresh_view(workspace: &Workspace, queries: &[&str]) -> View {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut store = fresh(folder.path());
    let snapshot = store.commit(updates(workspace.updates())).expect("commit");
    view(&snapshot, queries)
}

/// What a killed process leaves: the files as they are, without their lock.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("create");
    for entry in std::fs::read_dir(from).expect("list").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else if let Err(error) = std::fs::copy(entry.path(), target) {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "a temporary file may go meanwhile");
        }
    }
}
