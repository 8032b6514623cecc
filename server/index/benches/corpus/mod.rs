//! Files to index: those of a folder, or made-up ones whose words follow Zipf's law.

use conexus_core::{
    BlobId, Chunk, ChunkKind, FileAnalysis, Language, LineIndex, Reference, ReferenceKind, Span, Symbol, SymbolKind,
    Visibility, words,
};
use conexus_index::{Content, FileFlags, FileStat, FileUpdate, ModelStamp, StoreSettings, VectorBlock};
use std::path::Path;
use std::sync::Arc;

/// Lines per chunk, as in typical code.
const LINES: u32 = 22;
const DIMENSION: usize = 256;
const LARGEST_FILE: u64 = 400_000;

pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) text: Arc<str>,
    pub(crate) blob: BlobId,
}

pub(crate) struct Corpus {
    pub(crate) files: Vec<File>,
}

pub(crate) fn settings() -> StoreSettings {
    let model = ModelStamp { id: "bench".into(), dimension: DIMENSION };
    StoreSettings { model: Some(model), graph_from: usize::MAX, ..StoreSettings::default() }
}

impl Corpus {
    pub(crate) fn of_chunks(chunks: usize) -> Self {
        let mut texts =
            std::env::var("CONEXUS_BENCH_CORPUS").map(|folder| read(Path::new(&folder), chunks)).unwrap_or_default();
        let mut made: usize = texts.iter().map(|(_, text)| text.lines().count().div_ceil(LINES as usize)).sum();
        let mut random = Random(chunks as u64 | 1);
        while made < chunks {
            let size = 1 + random.below(20);
            let text = make(&mut random, size);
            made += text.lines().count().div_ceil(LINES as usize);
            texts.push((format!("folder{}/part{}/file{}.rs", texts.len() % 17, texts.len() % 101, texts.len()), text));
        }
        let files = texts.into_iter().map(|(path, text)| File {
            blob: BlobId(*blake3::hash(text.as_bytes()).as_bytes()),
            path,
            text: text.into(),
        });
        Self { files: files.collect() }
    }
}

fn read(folder: &Path, chunks: usize) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    let mut lines = 0;
    while let Some(next) = folders.pop() {
        let mut entries: Vec<_> =
            std::fs::read_dir(next).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let source = path.extension().is_some_and(|extension| {
                ["rs", "c", "h", "cpp", "go", "py", "ts", "js", "java"].iter().any(|known| extension == *known)
            });
            let small = path.metadata().is_ok_and(|meta| meta.len() <= LARGEST_FILE);
            if let Some(text) = (source && small).then(|| std::fs::read_to_string(&path).ok()).flatten() {
                lines += text.lines().count();
                let name = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy().into_owned();
                texts.push((name, text));
                if lines / LINES as usize >= chunks {
                    return texts;
                }
            }
        }
    }
    texts
}

/// A small linear congruential generator: the same files each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound.max(1)
    }

    /// A number below `bound`, small ones more often (about 1 / rank).
    fn rank(&mut self, bound: f64) -> usize {
        let unit = self.below(1 << 30) as f64 / f64::from(1 << 30);
        bound.powf(unit) as usize + 20
    }
}

const COMMON: [&str; 48] = [
    "self", "the", "let", "value", "get", "error", "return", "index", "next", "read", "write", "buffer", "file",
    "name", "path", "map", "key", "len", "config", "parse", "request", "retry", "iter", "stream", "output", "state",
    "node", "type", "size", "data", "result", "option", "string", "report", "hash", "from", "with", "failed", "length",
    "set", "test", "new", "map", "vec", "usize", "match", "some", "mut",
];

fn word(random: &mut Random, out: &mut String) {
    let rank = random.rank(20_000.0);
    if let Some(word) = COMMON.get(rank) {
        out.push_str(word);
        return;
    }
    let mut rest = rank;
    while rest > 0 {
        out.push_str(["ta", "re", "co", "mi", "lu", "ne", "so", "ka", "po", "di"][rest % 10]);
        rest /= 10;
    }
}

fn make(random: &mut Random, chunks: u64) -> String {
    let mut text = String::new();
    for _ in 0..chunks * u64::from(LINES) {
        text.push_str(&"    "[..(random.below(2) * 4) as usize]);
        for _ in 0..random.below(7) {
            word(random, &mut text);
            if random.below(3) == 0 {
                text.push('_');
                word(random, &mut text);
            }
            text.push_str([" ", ".", "(", ") ", ", ", " = "][random.below(6) as usize]);
        }
        text.push('\n');
    }
    text
}

fn analyse(text: &str) -> FileAnalysis {
    let mut analysis = FileAnalysis::empty(Language::TEXT);
    let lines = LineIndex::new(text);
    let mut line = 0;
    while line < lines.count() && !text.is_empty() {
        let end = (line + LINES).min(lines.count());
        let start = lines.span(line).unwrap_or_default();
        let span = Span { start: start.start, end: lines.span(end - 1).unwrap_or_default().end };
        let body = span.slice(text);
        let name = words::identifiers(body).find(|word| word.len() > 3).unwrap_or("x");
        let at = name.as_ptr() as usize - text.as_ptr() as usize;
        let number = analysis.symbols.len() as u32;
        let inside = at < text.len();
        analysis.symbols.push(Symbol {
            name: name.into(),
            container: "module".into(),
            kind: SymbolKind::Function,
            span,
            name_span: if inside { Span::new(at, at + name.len()) } else { span },
            signature: start,
            doc: None,
            visibility: Visibility::Public,
            test: false,
            parent: None,
        });
        analysis.chunks.push(Chunk { span, kind: ChunkKind::Symbol, symbol: Some(number) });
        for word in words::identifiers(body).step_by(5) {
            let at = word.as_ptr() as usize - text.as_ptr() as usize;
            let span = Span::new(at, at + word.len());
            analysis.references.push(Reference { span, kind: ReferenceKind::Call, within: Some(number) });
        }
        line = end;
    }
    analysis
}

pub(crate) fn update(file: &File, with_vectors: bool) -> FileUpdate {
    let analysis = analyse(&file.text);
    let vectors = with_vectors.then(|| {
        let mut random = Random(u64::from_le_bytes(file.blob.0[..8].try_into().unwrap_or_default()));
        let rows = (0..analysis.chunks.len() * DIMENSION).map(|_| random.below(255) as i8).collect();
        VectorBlock {
            model: ModelStamp { id: "bench".into(), dimension: DIMENSION },
            rows,
            scales: vec![1.0 / 1180.0; analysis.chunks.len()],
        }
    });
    FileUpdate {
        path: file.path.as_str().into(),
        stat: FileStat { size: file.text.len() as u64, mtime_ns: 0 },
        flags: FileFlags::default(),
        blob: file.blob,
        language: Language::TEXT,
        vector_key: 0,
        content: Content::New { analysis, text: Arc::clone(&file.text), vectors },
    }
}
