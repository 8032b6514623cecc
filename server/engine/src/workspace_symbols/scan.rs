//! The scan over all names, and what puts one symbol before another.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, HashMap},
    sync::{
        Arc,
        atomic::{self, AtomicBool},
    },
};

use conexus_core::SymbolKind;
use conexus_index::{FileEntry, FileFlags, IndexSnapshot, SymbolRef};

use super::{SymbolQuery, fit::Fit, pattern::Pattern};
use crate::{
    roles::{self, Role},
    search::split_name,
};

/// A symbol whose name fits.
#[derive(Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) file: &'a Arc<FileEntry>,
    pub(super) symbol: SymbolRef<'a>,
    pub(super) fit: Fit,
    pub(super) score: f32,
}

/// Files between two looks at the cancel flag: some tenths of a millisecond.
const FILES_PER_CHECK: usize = 256;
/// Files that are worth a thread: some tenths of a millisecond too.
const FILES_PER_THREAD: usize = 1_024;
/// Threads of one scan.
const SCAN_THREADS: usize = 4;

/// The best symbols whose name fits, best first, and whether there are more.
pub(super) fn named<'a>(
    index: &'a IndexSnapshot,
    pattern: &Pattern,
    query: &SymbolQuery,
    limit: usize,
    cancel: &AtomicBool,
) -> (Vec<Named<'a>>, bool) {
    let mut found = BinaryHeap::from(fitting(index, pattern, query, cancel));
    // The role of a file costs as much as looking at twenty of its names and only takes away, so it is asked for those
    // alone that may still get among the best.
    let mut roles: HashMap<u32, f32> = HashMap::new();
    let mut best: BinaryHeap<std::cmp::Reverse<Candidate<'a>>> = BinaryHeap::new();
    let mut more = false;
    while let Some(mut candidate) = found.pop() {
        let worst = if best.len() < limit { None } else { best.peek().map(|worst| worst.0.named.score) };
        if worst.is_some_and(|worst| candidate.named.score < worst) || limit == 0 {
            more = true;
            break;
        }
        let file = candidate.named.file;
        candidate.named.score -=
            *roles.entry(file.first_slot()).or_insert_with(|| role_penalty(file.path(), file.flags()));
        best.push(std::cmp::Reverse(candidate));
        if best.len() > limit {
            best.pop();
            more = true;
        }
    }
    let mut best: Vec<_> = best.into_iter().map(|candidate| candidate.0).collect();
    best.sort_unstable_by(|left, right| right.cmp(left));
    (best.into_iter().map(|candidate| candidate.named).collect(), more)
}

/// The symbols of some files in the order of the paths, without those of lesser rank.
pub(super) fn of_files<'a>(index: &'a IndexSnapshot, paths: &[String], limit: usize) -> (Vec<Named<'a>>, bool) {
    let mut seen = std::collections::HashSet::new();
    let mut found = Vec::new();
    for file in paths.iter().filter(|path| seen.insert(path.as_str())).filter_map(|path| index.file(path)) {
        for symbol in file.symbols().filter(|symbol| kind_penalty(symbol.kind()) < LESSER) {
            if found.len() == limit {
                return (found, true);
            }
            let score = -(found.len() as f32);
            found.push(Named { file, symbol, fit: Fit::Exact, score });
        }
    }
    (found, false)
}

/// Ordered by score, then by the place in the index, so that an answer does not depend on chance.
struct Candidate<'a> {
    named: Named<'a>,
    /// The place of its file by path, and its own in that.
    order: (usize, u32),
}

impl PartialEq for Candidate<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate<'_> {}

impl PartialOrd for Candidate<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Candidate<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.named.score.total_cmp(&other.named.score).then(other.order.cmp(&self.order))
    }
}

fn fitting<'a>(
    index: &'a IndexSnapshot,
    pattern: &Pattern,
    query: &SymbolQuery,
    cancel: &AtomicBool,
) -> Vec<Candidate<'a>> {
    let recent: HashMap<&str, usize> = query.recent.iter().map(String::as_str).zip(0..).collect();
    let files: Vec<_> = index.files().collect();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(SCAN_THREADS);
    let share = files.len().div_ceil(threads).max(FILES_PER_THREAD);
    let mut shares = files.chunks(share).enumerate();
    let scan = |(number, files)| fitting_of(files, number * share, pattern, query, &recent, cancel);
    std::thread::scope(|scope| {
        let first = shares.next();
        let others: Vec<_> = shares.map(|share| scope.spawn(move || scan(share))).collect();
        let mut found = first.map(scan).unwrap_or_default();
        for other in others {
            match other.join() {
                Ok(more) => found.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        found
    })
}

/// The same for some files, of which the first is the `first`th of all.
fn fitting_of<'a>(
    files: &[&'a Arc<FileEntry>],
    first: usize,
    pattern: &Pattern,
    query: &SymbolQuery,
    recent: &HashMap<&str, usize>,
    cancel: &AtomicBool,
) -> Vec<Candidate<'a>> {
    let letters = pattern.wanted.letters_needed();
    let mut found = Vec::new();
    for (number, &file) in files.iter().enumerate() {
        if number % FILES_PER_CHECK == 0 && cancel.load(atomic::Ordering::Relaxed) {
            break;
        }
        let mut of_file = None;
        let above = pattern.above(file.path());
        for symbol in file.symbols_with(letters) {
            let kind = symbol.kind();
            if !pattern.allows(kind) {
                continue;
            }
            let name = symbol.name();
            let (outer, own) = split_name(name);
            // A qualified name may be typed as it is written, too.
            let whole = if outer.is_empty() { None } else { pattern.fit(name) };
            let Some(fit) = pattern.fit(own).into_iter().chain(whole).min() else { continue };
            let Some(contained) = pattern.contained(above, symbol.container(), outer) else { continue };
            let (boost, test) = *of_file
                .get_or_insert_with(|| (file_boost(file, recent, query), file.flags().contains(FileFlags::TEST)));
            // All that lies inside of something comes in the order of the files.
            let extra = if pattern.is_inside() { 0 } else { own.len().saturating_sub(pattern.wanted.len()) };
            let rank = if pattern.wide || pattern.hinted { 0.0 } else { kind_penalty(kind) };
            let test = if test || symbol.is_test() { TEST } else { 0.0 };
            let score = fit_score(fit) - (extra as f32 / 4.0).min(8.0) - rank - test + boost + 3.0 * contained;
            found
                .push(Candidate { named: Named { file, symbol, fit, score }, order: (first + number, symbol.index()) });
        }
    }
    found
}

/// Steps between kinds of fit are wider than what else counts for one symbol, but for several disadvantages together:
/// an abbreviation of a function comes before a prefix of a field in the tests of vendored code.
fn fit_score(fit: Fit) -> f32 {
    match fit {
        Fit::Exact => 100.0,
        Fit::OtherCase => 92.0,
        Fit::Loose => 88.0,
        Fit::Prefix => 74.0,
        Fit::PrefixOtherCase => 72.0,
        Fit::Words => 54.0,
        Fit::Subsequence => 30.0,
    }
}

/// From this penalty on a kind is of lesser rank.
const LESSER: f32 = 5.0;
const TEST: f32 = 9.0;

const fn kind_penalty(kind: SymbolKind) -> f32 {
    match kind {
        SymbolKind::Field | SymbolKind::EnumMember | SymbolKind::Variable => 5.0,
        SymbolKind::Impl => 6.0,
        SymbolKind::Section | SymbolKind::Test => 9.0,
        // A constructor bears the name of its type.
        SymbolKind::Constructor | SymbolKind::Module | SymbolKind::Namespace => 1.5,
        _ => 0.0,
    }
}

fn role_penalty(path: &str, flags: FileFlags) -> f32 {
    let generated = if flags.contains(FileFlags::GENERATED) { 7.0 } else { 0.0 };
    let role: f32 = match roles::role(path) {
        // Taken off as a test already.
        Role::Test | Role::Code => 0.0,
        Role::Vendored => 10.0,
        Role::Example | Role::Documentation | Role::Data => 6.0,
        Role::Compatibility | Role::Declarations => 3.0,
    };
    role.max(generated)
}

/// What the files a person works on gain: less than a step between kinds of fit.
fn file_boost(file: &FileEntry, recent: &HashMap<&str, usize>, query: &SymbolQuery) -> f32 {
    let path: &str = file.path();
    let recent = recent.get(path).map_or(0.0, |&place| 3.0 / (1.0 + place as f32 / 8.0));
    if query.active_file.as_deref() == Some(path) { 4.0 } else { recent }
}

/// The symbols that are named by a text letter by letter; else those named so but for case and `_`. Best first.
pub(crate) fn named_like<'a>(
    index: &'a IndexSnapshot,
    query: &SymbolQuery,
    cancel: &AtomicBool,
) -> Vec<(&'a Arc<FileEntry>, SymbolRef<'a>)> {
    let Some(pattern) = Pattern::read(&query.text) else { return Vec::new() };
    let (found, _) = named(index, &pattern, query, query.limit, cancel);
    let best = found.iter().map(|named| named.fit).min().filter(|fit| *fit <= Fit::Loose && pattern.wanted.len() > 0);
    found.into_iter().filter(|named| Some(named.fit) == best).map(|named| (named.file, named.symbol)).collect()
}
