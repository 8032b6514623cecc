//! Callers and callees: mentions of the target's name elsewhere, and definitions of the names that it mentions.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use conexus_core::{Reference, ReferenceKind, Span, SymbolKind};
use conexus_index::{FileEntry, NamedReference, SymbolRef, tokenizer};

use super::{
    Relation, RelationKind,
    definition::{Definition, definitions, folder, type_name},
    mention::MentioningFile,
    target::Subject,
    weigh::{Mention, Weight, confidence, weigh},
};
use crate::{
    Result, Snapshot,
    workspace_symbols::{Places, container, file_name},
};

/// Files whose mentions are read for one name, the nearest first: some 50 milliseconds of reading.
const FILES: usize = 300;
/// Less is not told.
const LEAST_CONFIDENCE: f32 = 0.1;
/// Names of a target that are resolved.
const NAMES: usize = 500;

/// Relations of one kind, and whether some were left out.
#[derive(Default)]
pub(super) struct Found {
    pub(super) relations: Vec<Relation>,
    pub(super) more: bool,
}

/// A symbol that mentions the target.
pub(super) struct Caller<'a> {
    pub(super) file: &'a Arc<FileEntry>,
    /// Index of the mentioning symbol in its file; none for code outside of symbols.
    pub(super) symbol: Option<u32>,
    pub(super) test: bool,
    pub(super) confidence: f32,
    focus: Span,
    kind: ReferenceKind,
    count: usize,
    definitions: usize,
    reason: &'static str,
}

/// A definition that the target mentions.
#[derive(Clone, Copy)]
struct Callee<'a> {
    definition: Definition<'a>,
    weight: Weight,
    share: f32,
    reference: Reference,
    definitions: usize,
}

/// The definitions that a subject stands for: its symbol, or what a file defines outside of functions.
pub(super) fn defined<'a>(subject: &Subject<'a>) -> Vec<Definition<'a>> {
    match subject.symbol {
        Some(symbol) => vec![Definition::new(subject.file, symbol)],
        None => subject
            .file
            .symbols()
            .filter(|symbol| symbol.kind().is_callable() || symbol.kind().is_type())
            .filter(|symbol| !symbol.is_test())
            .map(|symbol| Definition::new(subject.file, symbol))
            .collect(),
    }
}

/// Who mentions the target, the surest first.
pub(super) fn callers<'a>(
    view: &'a Snapshot,
    subject: &Subject<'a>,
    files: usize,
    cancel: &AtomicBool,
) -> Result<(Vec<Caller<'a>>, bool)> {
    let targets = defined(subject);
    let mut names: HashSet<&str> = targets.iter().map(|target| target.name).collect();
    // An implementation block is used under the name of its type.
    names.extend(subject.symbol.filter(|symbol| symbol.kind() == SymbolKind::Impl).map(type_name));
    let defined = definitions(view.index(), &names, cancel);
    let (candidates, mut more) = mentioning(view, subject.file, &names, files.min(FILES))?;
    let mut callers: HashMap<(u32, Option<u32>), Caller<'a>> = HashMap::new();
    for file in candidates {
        if cancel.load(Ordering::Relaxed) {
            more = true;
            break;
        }
        let Some(here) = MentioningFile::read(view, file)? else { continue };
        let mentions: Vec<_> = here
            .references
            .iter()
            .filter(|named| named.reference.kind != ReferenceKind::Import && names.contains(named.name))
            .collect();
        if mentions.is_empty() {
            continue;
        }
        let file_names = here.names();
        for NamedReference { name, reference } in mentions {
            let Some(alternatives) = defined.get(name) else { continue };
            let Some(target) = targets.iter().find(|target| target.name == name) else { continue };
            let within = here.within(reference);
            if is_own(subject, file, reference.span, within) {
                continue;
            }
            let receiver = here.receiver(reference.span);
            let mention = Mention { file: &here, names: &file_names, name, reference, receiver };
            let Some((_, weight, share)) = share(&mention, alternatives, Some(target)) else { continue };
            if share < LEAST_CONFIDENCE {
                continue;
            }
            let key = (file.first_slot(), within.map(|symbol| symbol.index()));
            let caller = callers.entry(key).or_insert_with(|| Caller {
                file,
                symbol: key.1,
                test: here.test || within.is_some_and(|symbol| symbol.is_test()),
                confidence: 0.0,
                focus: reference.span,
                kind: reference.kind,
                count: 0,
                definitions: alternatives.len(),
                reason: weight.reason,
            });
            caller.count += 1;
            let calls = |kind| kind == ReferenceKind::Call;
            if share > caller.confidence || (share == caller.confidence && calls(reference.kind) && !calls(caller.kind))
            {
                caller.confidence = share;
                caller.focus = reference.span;
                caller.kind = reference.kind;
                caller.reason = weight.reason;
            }
        }
    }
    let mut callers: Vec<_> = callers.into_values().collect();
    callers.sort_by(|left, right| {
        (left.test.cmp(&right.test))
            .then(right.confidence.total_cmp(&left.confidence))
            .then_with(|| left.file.path().cmp(right.file.path()))
            .then(left.focus.cmp(&right.focus))
    });
    Ok((callers, more))
}

impl Caller<'_> {
    /// As an answer has it.
    pub(super) fn relation(&self, kind: RelationKind, subject: &Subject<'_>, places: &mut Places<'_>) -> Relation {
        let symbol = self.symbol.and_then(|index| self.file.symbol(index));
        let own = subject
            .symbol
            .is_some_and(|own| self.symbol == Some(own.index()) && self.file.first_slot() == subject.file.first_slot());
        let mut reason = match (own, self.kind) {
            (true, _) => "calls itself".to_owned(),
            (_, ReferenceKind::Call) => "calls it".to_owned(),
            (_, ReferenceKind::Type) => "uses it as a type".to_owned(),
            (_, ReferenceKind::Inherit) => "extends or implements it".to_owned(),
            (_, ReferenceKind::Macro) => "is annotated with it or invokes it".to_owned(),
            (_, ReferenceKind::Mention | ReferenceKind::Import) => "names it".to_owned(),
        };
        if self.count > 1 {
            let _ = write!(reason, " {} times", self.count);
        }
        add_evidence(&mut reason, self.reason, self.definitions);
        place(places, kind, self.file, symbol, self.focus, reason, self.confidence)
    }
}

/// What the target mentions, the surest first.
pub(super) fn callees(view: &Snapshot, subject: &Subject<'_>, limit: usize, cancel: &AtomicBool) -> Result<Found> {
    let mut found = Found::default();
    let Some(here) = MentioningFile::read(view, subject.file)? else { return Ok(found) };
    let span = subject.symbol.map_or(Span::new(0, here.text.len()), |symbol| symbol.span());
    let mut mentions: Vec<_> = here
        .references
        .iter()
        .filter(|named| named.reference.kind != ReferenceKind::Import && span.contains(named.reference.span))
        .filter(|named| subject.symbol.is_none_or(|symbol| !symbol.name_span().overlaps(named.reference.span)))
        .collect();
    let mut names: HashSet<&str> = HashSet::new();
    mentions.retain(|named| {
        let known = names.contains(named.name);
        if !known && names.len() < NAMES {
            names.insert(named.name);
        }
        found.more |= !known && !names.contains(named.name);
        names.contains(named.name)
    });
    let defined = definitions(view.index(), &names, cancel);
    let file_names = here.names();
    let own = subject.symbol.map(|symbol| Definition::new(subject.file, symbol));
    let mut callees: HashMap<(u32, u32), Callee<'_>> = HashMap::new();
    for named in mentions {
        let Some(alternatives) = defined.get(named.name) else { continue };
        let NamedReference { name, reference } = named;
        let receiver = here.receiver(reference.span);
        let mention = Mention { file: &here, names: &file_names, name, reference, receiver };
        let Some((definition, weight, share)) = share(&mention, alternatives, None) else { continue };
        // What lies inside of the target is part of it; fields say little about what code does.
        let inside = definition.file.first_slot() == subject.file.first_slot()
            && span.contains(definition.symbol.span())
            && subject.symbol.is_none_or(|own| own.index() != definition.symbol.index());
        let own_type = own.is_some_and(|own| own.owner == definition.name)
            && definition.kind().is_type()
            && folder(definition.file.path()) == folder(subject.file.path());
        if inside || own_type || share < LEAST_CONFIDENCE || definition.kind() == SymbolKind::Field {
            continue;
        }
        let callee = Callee { definition, weight, share, reference, definitions: alternatives.len() };
        callees
            .entry((definition.file.first_slot(), definition.symbol.index()))
            .and_modify(|known| {
                if share > known.share {
                    *known = callee;
                }
            })
            .or_insert(callee);
    }
    let mut callees: Vec<_> = callees.into_values().collect();
    callees.sort_by(|left, right| {
        let called = |callee: &Callee<'_>| callee.reference.kind != ReferenceKind::Call;
        // Steps of a tenth, so that among equals the order of the text is kept.
        let step = |callee: &Callee<'_>| (callee.share * 10.0).round() as u32;
        (step(right).cmp(&step(left)))
            .then(called(left).cmp(&called(right)))
            .then(left.reference.span.cmp(&right.reference.span))
    });
    found.more |= callees.len() > limit;
    let mut places = Places::new(view);
    for Callee { definition, weight, share, reference, definitions } in callees.into_iter().take(limit) {
        let own = subject.symbol.is_some_and(|own| {
            own.index() == definition.symbol.index() && subject.file.first_slot() == definition.file.first_slot()
        });
        let mut reason = match (own, reference.kind) {
            (true, _) => "calls itself",
            (_, ReferenceKind::Call) => "called by it",
            (_, ReferenceKind::Type) => "a type that it uses",
            (_, ReferenceKind::Inherit) => "extended or implemented by it",
            (_, ReferenceKind::Macro) => "annotates it or is invoked by it",
            (_, ReferenceKind::Mention | ReferenceKind::Import) => "named by it",
        }
        .to_owned();
        add_evidence(&mut reason, weight.reason, definitions);
        let focus = definition.symbol.name_span();
        let symbol = Some(definition.symbol);
        let relation = place(&mut places, RelationKind::Callee, definition.file, symbol, focus, reason, share);
        found.relations.push(relation);
    }
    Ok(found)
}

/// The definition that a mention means, or how far it means the wanted one, with its share of the evidence.
fn share<'a>(
    mention: &Mention<'_>,
    alternatives: &[Definition<'a>],
    wanted: Option<&Definition<'a>>,
) -> Option<(Definition<'a>, Weight, f32)> {
    let weights: Vec<Weight> = alternatives.iter().map(|definition| weigh(mention, definition)).collect();
    let (chosen, weight) = match wanted {
        Some(wanted) => alternatives.iter().zip(&weights).find(|(definition, _)| definition.is(wanted)),
        None => alternatives.iter().zip(&weights).max_by(|left, right| {
            left.1.sum.total_cmp(&right.1.sum).then_with(|| right.0.file.path().cmp(left.0.file.path()))
        }),
    }?;
    if !weight.is_possible() {
        return None;
    }
    let possible = weights.iter().filter(|weight| weight.is_possible()).map(|weight| weight.sum);
    Some((*chosen, *weight, confidence(weight.sum, possible, mention)))
}

/// Whether a mention is part of the target's own definition: of its signature, or of a type's own methods.
fn is_own(subject: &Subject<'_>, file: &FileEntry, mention: Span, within: Option<SymbolRef<'_>>) -> bool {
    if file.first_slot() != subject.file.first_slot() {
        return false;
    }
    let Some(own) = subject.symbol else { return true };
    if own.signature().contains(mention) || own.name_span().overlaps(mention) {
        return true;
    }
    if !own.kind().is_type() && own.kind() != SymbolKind::Impl {
        return false;
    }
    let mut symbol = within;
    while let Some(inner) = symbol {
        let is_type = inner.kind().is_type() || inner.kind() == SymbolKind::Impl;
        if inner.index() == own.index() || (is_type && type_name(inner) == type_name(own)) {
            return true;
        }
        symbol = inner.parent().and_then(|parent| file.symbol(parent));
    }
    false
}

/// The files that hold one of some names, the nearest to the target's first, and whether there are more.
fn mentioning<'a>(
    view: &'a Snapshot,
    origin: &FileEntry,
    names: &HashSet<&str>,
    limit: usize,
) -> Result<(Vec<&'a Arc<FileEntry>>, bool)> {
    let mut files: HashMap<u32, &Arc<FileEntry>> = HashMap::new();
    for term in names.iter().filter_map(|name| tokenizer::identifier_term(name)) {
        for slot in view.index().slots_with_term(&term)?.iter() {
            if let Some(file) = view.index().file_of(slot) {
                files.insert(file.first_slot(), file);
            }
        }
    }
    let family = super::rules::rules(origin.language()).family;
    let mut files: Vec<_> =
        files.into_values().filter(|file| super::rules::rules(file.language()).family == family).collect();
    let shared = |file: &FileEntry| {
        let folders = folder(file.path()).split('/').zip(folder(origin.path()).split('/'));
        folders.take_while(|(left, right)| left == right).count()
    };
    files.sort_by_cached_key(|file| {
        (file.first_slot() != origin.first_slot(), std::cmp::Reverse(shared(file)), Arc::clone(file.path()))
    });
    let more = files.len() > limit;
    files.truncate(limit);
    Ok((files, more))
}

fn add_evidence(reason: &mut String, evidence: &str, definitions: usize) {
    if !evidence.is_empty() {
        reason.push_str("; ");
        reason.push_str(evidence);
    }
    match definitions {
        0 => {}
        1 => reason.push_str("; the only definition of the name"),
        count => {
            let _ = write!(reason, "; one of {count} definitions of the name");
        }
    }
}

/// A relation to a symbol, or to code outside of symbols.
pub(super) fn place(
    places: &mut Places<'_>,
    kind: RelationKind,
    file: &FileEntry,
    symbol: Option<SymbolRef<'_>>,
    focus: Span,
    reason: String,
    confidence: f32,
) -> Relation {
    let span = symbol.map_or(focus, |symbol| symbol.span());
    let path: &str = file.path();
    Relation {
        kind,
        path: path.into(),
        language: file.language(),
        span,
        focus,
        lines: places.lines_of(file, span),
        focus_line: places.lines_of(file, focus).0,
        name: symbol.map_or_else(|| file_name(path), |symbol| symbol.name()).into(),
        container: symbol.map_or_else(|| path.into(), |symbol| container(file, symbol)),
        symbol_kind: symbol.map(|symbol| symbol.kind()),
        reason,
        confidence,
    }
}
