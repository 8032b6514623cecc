//! The functions of a workspace as tokens.

use std::{
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use conexus_core::{ChunkKind, Language, Span, SymbolKind};
use conexus_engine::{
    FileEntry, FileFlags, SymbolRef,
    roles::{self, Role},
};

use super::{
    foreign::{Foreign, holders_of_file, is_library},
    statements::{Statement, statements},
};
use crate::{
    LeftOut, Rule,
    lexer::{self, Token, TokenKind},
    parallel,
    scope::{Scope, Source, is_sample},
};

/// One function with a body that is worth comparing.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) file: Arc<FileEntry>,
    pub(crate) index: u32,
    /// The definition from its first word.
    pub(crate) span: Span,
    /// Its body.
    pub(crate) body: Span,
    /// Tokens of the body.
    pub(crate) tokens: usize,
    /// Share of its lines that the checked change added or altered; 0 without a change.
    pub(crate) added: f32,
    /// Hash of the body with its names and literals.
    pub(crate) exact: u64,
    /// Hash of the body without them.
    pub(crate) shape: u64,
    /// Hashes of runs of tokens, chosen by winnowing; sorted, each once.
    pub(crate) prints: Box<[u32]>,
    /// Its statements, without those of functions inside of it; none where blocks are not looked for.
    pub(crate) statements: Box<[Statement]>,
    /// Whether a finding here is wanted.
    pub(crate) wanted: bool,
}

/// Tokens in a run. Shorter runs are shared by everything, longer ones are broken by each edit; measured with the
/// mutated copies of `tests/mutations.rs`.
pub(super) const RUN: usize = 9;
/// Of each so many runs in a row one is kept.
const WINDOW: usize = 4;
/// Share of its runs that must differ from each other: what is below is a table, or a list of equal lines.
const LEAST_VARIETY: f32 = 0.5;

impl Unit {
    /// The symbol it is.
    pub(crate) fn symbol(&self) -> Option<SymbolRef<'_>> {
        self.file.symbol(self.index)
    }

    /// The slot of its chunk, under which its vector is kept.
    pub(crate) fn slot(&self) -> Option<u32> {
        let own = |chunk: &conexus_engine::ChunkRef<'_>| {
            chunk.kind() == ChunkKind::Symbol && chunk.symbol().is_some_and(|symbol| symbol.index() == self.index)
        };
        self.file.chunks().find(own).map(|chunk| self.file.first_slot() + chunk.index())
    }

    /// Whether it belongs to a type.
    pub(crate) fn is_member(&self) -> bool {
        let Some(symbol) = self.symbol() else { return false };
        // What is defined outside of its type, as in C++ and Go, has a namespace around it or nothing.
        symbol.kind() == SymbolKind::Method
            || symbol.parent().and_then(|parent| self.file.symbol(parent)).is_some_and(|parent| {
                // A module of Ruby is mixed into types.
                let mixin = parent.kind() == SymbolKind::Module && self.file.language().name() == "ruby";
                parent.kind().is_type() || parent.kind() == SymbolKind::Impl || mixin
            })
    }

    /// Its name with the enclosing ones.
    pub(crate) fn qualified_name(&self) -> String {
        self.symbol().map_or_else(String::new, |symbol| match symbol.container() {
            "" => symbol.name().to_owned(),
            container => format!("{container}.{}", symbol.name()),
        })
    }

    /// Whether the two could repeat each other: not one inside the other, and of languages that share code.
    pub(crate) fn may_repeat(&self, other: &Unit) -> bool {
        let nested = self.file.first_slot() == other.file.first_slot() && self.span.overlaps(other.span);
        !nested && family(self.file.language()) == family(other.file.language())
    }
}

/// Languages between which code is copied as it is.
pub(super) fn family(language: Language) -> &'static str {
    match language.name() {
        "javascript" | "typescript" | "tsx" => "javascript",
        "c" | "cpp" => "c",
        name => name,
    }
}

/// Why a file's functions are not looked at: what it is called, alone and among others.
fn left_out(file: &FileEntry, tests: bool) -> Option<[&'static str; 2]> {
    if file.flags().contains(FileFlags::GENERATED) {
        return Some(["generated file", "generated files"]);
    }
    match roles::role(file.path()) {
        Role::Vendored => Some(["vendored file", "vendored files"]),
        Role::Test if !tests => Some(["test file", "test files"]),
        Role::Example => Some(["example or benchmark", "examples and benchmarks"]),
        Role::Declarations => Some(["file of declarations", "files of declarations"]),
        _ if is_migration(file.path()) => Some(["migration", "migrations"]),
        _ if is_template(file.path()) => Some(["template of a file", "templates of files"]),
        _ if is_sample(file.path()) && file.symbols().any(is_function) => {
            Some(["sample in documentation", "samples in documentation"])
        }
        _ => None,
    }
}

/// Whether a file is a migration of a database. It says what was done once, stays as it is while the code around it goes
/// on, and calls nothing of another one.
fn is_migration(path: &str) -> bool {
    let folders: Vec<&str> = path.split('/').collect();
    folders.contains(&"migrations")
        // `db/migrate`, `db/post_migrate`
        || folders.windows(2).any(|pair| matches!(pair, ["db", folder] if folder.ends_with("migrate")))
        || folders.windows(2).any(|pair| pair == ["alembic", "versions"])
}

/// Whether a file is what others begin theirs with: it stands alone, and repeats on purpose.
fn is_template(path: &str) -> bool {
    let mut folders = path.rsplit('/').skip(1);
    folders.any(|folder| matches!(folder, "templates" | "scaffold" | "scaffolding" | "skeleton" | "boilerplate"))
}

/// Whether there is a body, and not the rest of a declaration alone, as in a header or of a foreign function. It begins
/// outside of the brackets of the parameters, whose defaults may look like one.
fn has_body(language: Language, text: &str, tokens: &[Token]) -> bool {
    let begins: &[&str] = match language.name() {
        "c" | "cpp" | "go" | "java" | "php" | "rust" | "swift" => &["{"],
        "csharp" | "javascript" | "tsx" | "typescript" => &["{", "=>"],
        "kotlin" | "scala" => &["{", "="],
        _ => return true,
    };
    let begins = |token: &Token| begins.contains(&token.span.slice(text));
    if tokens.first().is_some_and(begins) {
        return true;
    }
    let mut depth = 0;
    let depths: Vec<i32> = tokens
        .iter()
        .map(|token| {
            match token.span.slice(text) {
                "(" => depth += 1,
                ")" => depth -= 1,
                _ => {}
            }
            depth
        })
        .collect();
    let outside = depths.iter().min().copied().unwrap_or_default();
    tokens.iter().zip(depths).any(|(token, depth)| depth == outside && begins(token))
}

/// The functions of the whole workspace that are long enough, ordered by path and place.
pub(crate) fn units(scope: &mut Scope<'_>) -> Vec<Unit> {
    let mut passed_over: Vec<([&'static str; 2], usize)> = Vec::new();
    let mut files = Vec::new();
    for file in scope.snapshot.index().files().filter(|file| file.symbol_count() > 0) {
        match left_out(file, scope.options.duplicates.tests) {
            None => files.push(file),
            Some(why) => match passed_over.iter_mut().find(|(reason, _)| *reason == why) {
                Some((_, count)) => *count += 1,
                None => passed_over.push((why, 1)),
            },
        }
    }
    let foreign = Foreign::read(scope);
    files.retain(|file| file.symbols().any(is_function));
    let all = files.len();
    files.retain(|file| !foreign.holds(file));
    let libraries = AtomicUsize::new(all - files.len());
    let step = scope.step(Rule::DuplicateCode, "reading functions", files.len());
    let found = parallel::map(step, &files, Shapes::default, |shapes, file| {
        let source = scope.source(file)?;
        if is_library(file.path(), &source.text) {
            libraries.fetch_add(1, Ordering::Relaxed);
            return Some((Vec::new(), Vec::new()));
        }
        let units = file.symbols().filter_map(|symbol| unit(scope, shapes, file, &source, symbol)).collect();
        Some((without_nested(units), holders_of_file(&source.text)))
    });
    let changed = found.iter().filter(|read| read.is_none()).count();
    let notices: Vec<(&str, &[String])> = files
        .iter()
        .zip(&found)
        .map(|(file, read)| (&**file.path(), read.as_ref().map_or(&[][..], |(_, holders)| holders)))
        .collect();
    let of_others = foreign.by_notice(&notices);
    let own = found.into_iter().zip(&of_others).filter(|(_, of_others)| !**of_others);
    let units = own.filter_map(|(read, _)| read).flat_map(|(units, _)| units).collect();
    for (what, count) in passed_over {
        leave_out(scope, count, what);
    }
    leave_out(scope, libraries.into_inner(), ["file of a library of others", "files of libraries of others"]);
    let of_others = of_others.into_iter().filter(|of_others| *of_others).count();
    leave_out(scope, of_others, ["file that names others as its authors", "files that name others as their authors"]);
    if changed > 0 {
        let why = "they changed while they were checked; run it again".to_owned();
        let what = if changed == 1 { "file" } else { "files" };
        scope.left_out.push(LeftOut { what: format!("{changed} {what}"), why, is_missed: true });
    }
    units
}

/// Says that some files were left out, and of which kind they are, one and several of them.
pub(super) fn leave_out(scope: &mut Scope<'_>, count: usize, what: [&str; 2]) {
    if count > 0 {
        let why = "duplicate-code looks at the code of the product".to_owned();
        scope.left_out.push(LeftOut {
            what: format!("{count} {}", what[usize::from(count != 1)]),
            why,
            is_missed: false,
        });
    }
}

/// Leaves a statement to the innermost of the functions around it.
fn without_nested(mut units: Vec<Unit>) -> Vec<Unit> {
    let spans: Vec<Span> = units.iter().map(|unit| unit.span).collect();
    for unit in &mut units {
        let inner: Vec<Span> =
            spans.iter().copied().filter(|span| *span != unit.span && unit.span.contains(*span)).collect();
        if !inner.is_empty() {
            let own = |statement: &Statement| !inner.iter().any(|span| span.overlaps(statement.span));
            unit.statements = unit.statements.iter().copied().filter(own).collect();
        }
    }
    units
}

fn is_function(symbol: SymbolRef<'_>) -> bool {
    matches!(symbol.kind(), SymbolKind::Function | SymbolKind::Method | SymbolKind::Constructor)
}

fn unit(
    scope: &Scope<'_>,
    shapes: &mut Shapes,
    file: &Arc<FileEntry>,
    source: &Source,
    symbol: SymbolRef<'_>,
) -> Option<Unit> {
    let options = &scope.options.duplicates;
    if !is_function(symbol) || symbol.is_test() && !options.tests {
        return None;
    }
    let body =
        Span { start: symbol.signature().end.clamp(symbol.span().start, symbol.span().end), end: symbol.span().end };
    // A small helper that is written again is worth telling of.
    let reinvented = scope.checked.rules.contains(&Rule::Reinvented);
    let least = if reinvented { options.min_tokens / 2 } else { options.min_tokens };
    // A token has at least a byte.
    if body.len() < least {
        return None;
    }
    let tokens = body_tokens(file.language(), &source.text, body, symbol.doc());
    if tokens.len() < least || !has_body(file.language(), &source.text, &tokens) {
        return None;
    }
    let prints = shapes.prints(&source.text, &tokens)?;
    let span = Span { start: symbol.signature().start.min(body.start), end: body.end };
    let (first, last) = source.lines.lines_of(span);
    Some(Unit {
        file: Arc::clone(file),
        index: symbol.index(),
        span,
        body,
        tokens: tokens.len(),
        added: scope.added(file.path(), first..last + 1),
        exact: hash_of(tokens.iter().map(|token| token.span.slice(&source.text))),
        shape: hash_of(shapes.codes.iter()),
        prints,
        statements: if scope.checked.rules.contains(&Rule::DuplicateCode) {
            statements(&source.text, &tokens).into()
        } else {
            Box::default()
        },
        wanted: scope.wants_lines(file.path(), first..last + 1),
    })
}

/// The tokens of a body without its documentation.
pub(crate) fn body_tokens(language: Language, text: &str, body: Span, doc: Option<Span>) -> Vec<Token> {
    let mut tokens = lexer::tokens(language, text, body);
    if let Some(doc) = doc.filter(|doc| body.contains(*doc)) {
        tokens.retain(|token| !doc.overlaps(token.span));
    }
    tokens
}

/// A hash that is the same in every run.
pub(super) fn hash_of<T: std::hash::Hash>(parts: impl Iterator<Item = T>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for part in parts {
        part.hash(&mut hasher);
    }
    std::hash::Hasher::finish(&hasher)
}

/// What a token is when names and literals are left open.
pub(crate) fn code(text: &str, token: Token) -> u32 {
    match token.kind {
        TokenKind::Name => 1,
        TokenKind::Number | TokenKind::Text => 2,
        _ => text_hash(token.span.slice(text)) | 4,
    }
}

/// A hash of a text.
pub(crate) fn text_hash(text: &str) -> u32 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(text) as u32
}

/// Memory for the shapes of one body after the other.
#[derive(Default)]
struct Shapes {
    codes: Vec<u32>,
    runs: Vec<u32>,
}

impl Shapes {
    /// Hashes of runs of tokens, chosen by winnowing; nothing for a table.
    fn prints(&mut self, text: &str, tokens: &[Token]) -> Option<Box<[u32]>> {
        self.codes.clear();
        self.codes.extend(tokens.iter().map(|token| code(text, *token)));
        self.runs.clear();
        self.runs.extend(self.codes.windows(RUN).map(run_hash));
        let mut prints: Vec<u32> =
            self.runs.windows(WINDOW).filter_map(|window| window.iter().min().copied()).collect();
        self.runs.sort_unstable();
        self.runs.dedup();
        if (self.runs.len() as f32) < LEAST_VARIETY * (tokens.len().saturating_sub(RUN - 1)) as f32 {
            return None;
        }
        prints.sort_unstable();
        prints.dedup();
        Some(prints.into())
    }
}

/// FNV-1a over the codes, folded.
fn run_hash(codes: &[u32]) -> u32 {
    let hash = codes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, &code| (hash ^ u64::from(code)).wrapping_mul(0x0000_0100_0000_01b3));
    (hash ^ hash >> 32) as u32
}
